/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * by_states.h - what the searches by states share: that of every state
 * (by_states.c), that for the fewest switches (fewest.c), and that with a bound
 * on preemptions (bounded.c).
 *
 * Interface
 *   stored_open()      an empty store of states and steps, and an image
 *   stored_insert()    number the state that the world is at
 *   search_begin()     go to the root of the search
 *   search_learn()     learn from random executions what is shared
 *   search_differs()   a thread did not do again what it did before
 *   search_future()    what a thread will do, as far as others can see
 *   search_setup_repeats()
 *                      look whether setup() does again what it did before
 */
#ifndef CHECKER_BY_STATES_H
#define CHECKER_BY_STATES_H

#include "edges.h"
#include "image.h"
#include "internal.h"

/* The states that were met, the steps between them, and the last of them. */
struct stored {
	struct states states;
	struct edges edges;
	struct image image;
};

/* Return: 0, or -1 without memory. */
int stored_open(struct stored *stored, const struct check_options *options);
/*
 * log may be NULL, as for image_follow().  When there is no room for a new
 * state the search stops, and *state is EDGE_NONE.  Return: 0 or -1.
 */
int stored_insert(struct stored *stored, struct search *search,
		  struct image_log *log, uint32_t *state, bool *is_new);
size_t stored_bytes(const struct stored *stored);
/* Put down what the search takes, of this what it keeps for good. */
void stored_note(const struct stored *stored, struct check_result *result,
		 size_t bytes, size_t kept);
void stored_free(struct stored *stored);

/* How a step ended. */
struct outcome {
	enum run_end end;
	uint32_t operations;
	unsigned int number;		/* of a failure, */
	const void *where;		/* and where it was */
	const void *last;		/* where the last operation is */
	struct state_key hash;
	struct state_key stacks;
};

/* The step has ended like that; the image follows.  Return: 0 or -1. */
int outcome_of(enum run_end end, struct image *image, struct image_log *log,
	       struct outcome *outcome);
/* Return: they are equal but for the stacks. */
bool outcomes_equal(const struct outcome *a, const struct outcome *b);
static inline bool keys_equal(struct state_key a, struct state_key b)
{
	return a.low == b.low && a.high == b.high;
}

/*
 * Go from after_setup to the root, twice: it must lead to the same state.
 * Return: 0, or -1 without memory; lead: operations of each thread.
 */
int search_begin(struct search *search, struct image *image, uint32_t lead[],
		 const char *after_setup);
void search_learn(struct search *search, const char *after_setup);
/*
 * Make run.failure say so of thread t, CHECK_MAX_THREADS for setup(), and stop
 * the search: what a program does that does not repeat itself proves nothing.
 */
void search_differs(struct search *search, unsigned int t);
/* How often it is looked what a difference of stacks means. */
#define SEARCH_FUTURES 64
/* Return: step number n is done twice: the first ones, then some. */
static inline bool search_repeats(uint64_t n)
{
	return n < 256 || n % 64 == 0;
}

/*
 * Let thread t go on alone for a while.  Return: a hash of all that others
 * could see.  Bytes of a stack may differ and mean nothing: then threads that
 * go on from there do the same.
 */
uint64_t search_future(unsigned int t);
/*
 * The world is as setup() left it, and will be again.
 * Return: 0; 1 when it does something else, which is a failure; -1.
 */
int search_setup_repeats(struct search *search, const char *after_setup,
			 size_t bytes);

#endif /* CHECKER_BY_STATES_H */
