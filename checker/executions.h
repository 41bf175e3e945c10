/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * executions.h - what the files of the search by executions share.
 *
 * Interface
 *   plans.c        operations, and trees of operations to be run
 *   races.c        what happened before what, and the reversals to be planned
 *   await.c        busy loops
 *   executions.c   the search; its head explains the method and the terms
 */
#ifndef CHECKER_EXECUTIONS_H
#define CHECKER_EXECUTIONS_H

#include "internal.h"

/* Places of events are 16 bits wide: an execution this long never ends. */
#define MAX_EVENTS 60000
#define CLOCKS 32			/* CHECK_MAX_THREADS, rounded up */

/* An operation before it is performed: all that decides what depends on it. */
struct operation {
	const void *object;
	uint32_t bytes;
	uint8_t class;
	uint8_t thread;
	bool waits;			/* for a condition, or in a loop */
	bool blocks;			/* for a lock, too: may be disabled */
};

/* A node of a plan: perform this, then one of the children, first the first. */
struct plan {
	struct operation op;
	struct plan *next;		/* of the same parent */
	struct plan *children;
};

struct event {
	struct operation op;
	struct plan *others;		/* to be run in this place afterwards */
	struct plan *children;		/* planned behind op, until it runs */
	uint32_t sleep;			/* threads, see executions.c */
	uint32_t impossible;		/* threads whose wait is in vain */
	uint32_t first_touch;		/* in touches */
	uint16_t previous;		/* event of this thread; 0: none */
	uint8_t choice;
	uint8_t nr_choices;
	uint16_t repeats;		/* times in a row, by this thread */
	uint64_t old;			/* what its word held, if x->awaits */
	uint16_t clock[CLOCKS];
};

/* Operations on one word are linked by what they do to it. */
enum chain {
	CHAIN_READ,
	CHAIN_ADD,
	CHAIN_WRITE,			/* and the taking of a token */
	CHAIN_RELEASE_READ,
	CHAIN_RELEASE_WRITE,
	CHAINS,
};

struct touch {
	uint32_t word;			/* in words */
	uint32_t before;		/* touch in the chain; 0: none */
	uint16_t event;
	uint8_t chain;
};

struct word {
	const void *address;
	bool awaited;			/* some thread waits for its value */
	uint32_t last[CHAINS];		/* touches of this execution */
};

/* events[early] and events[late], which may be one that could not happen. */
struct race {
	uint16_t early;
	uint16_t late;
};

struct executions {
	struct search *search;
	bool brute;
	bool chooses;			/* some thread did: plans may not fit */
	bool given_up;			/* this execution */
	bool awaits;			/* some word is awaited */
	bool again;			/* learned what needs a new beginning */
	bool spins;			/* some thread does */
	struct event *events;		/* events[1 .. nr] */
	uint32_t nr;
	uint32_t room;
	uint32_t planned;		/* events whose races are known */
	uint32_t spacing;		/* of snapshots */
	uint16_t last_event[CHECK_MAX_THREADS];
	struct touch *touches;		/* touches[1 .. nr_touches] */
	uint32_t nr_touches;
	uint32_t touches_room;
	struct word *words;		/* words[0 .. nr_words) */
	uint32_t nr_words;
	uint32_t words_room;
	uint32_t *table;		/* hash of address -> word + 1 */
	uint32_t table_size;		/* a power of two */
	struct race *races;		/* of this execution */
	uint32_t nr_races;
	uint32_t races_room;
	uint16_t *reversal;		/* events, room as for events */
	struct plan *spare;		/* nodes that are free */
	size_t nr_plans;
};

/* Which classes does one depend on, on the same object: bit masks. */
extern const uint8_t operation_conflicts[CLASS_BEGIN + 1];

/* Do two operations of different threads depend on each other? */
static inline bool operation_depends(const struct operation *a,
				     const struct operation *b)
{
	return (operation_conflicts[a->class] & (1u << b->class)) &&
	       (const char *)a->object < (const char *)b->object + b->bytes &&
	       (const char *)b->object < (const char *)a->object + a->bytes;
}

static inline bool operation_same(const struct operation *a,
				  const struct operation *b)
{
	return a->object == b->object && a->bytes == b->bytes &&
	       a->class == b->class && a->thread == b->thread;
}

/* await.c */

/* What is special about an operation whose word is awaited. */
void await_refine(struct executions *x, struct operation *op);
/* As run_enabled_mask(), without those that would only come back. */
uint32_t await_enabled(struct executions *x);
/* Events[x->nr] was performed: does its thread wait, or spin? */
void await_notice(struct executions *x);
/* The same when it came to its first operation. */
void await_notice_wait(struct executions *x, unsigned int t);
/* Could op, at which its thread is, be performed if its word held value? */
bool await_runs_with(const struct operation *op, uint64_t value);

/* Return: the operation that thread t is at. */
static inline struct operation operation_at(struct executions *x,
					    unsigned int t)
{
	const struct thread *thread = &world->threads[t];
	struct operation op = {
		.object = thread->object,
		.bytes = thread->bytes,
		.class = (uint8_t)thread->class,
		.thread = (uint8_t)t,
		.blocks = thread->enabled != NULL,
	};

	if (x->awaits)
		await_refine(x, &op);
	return op;
}

/* plans.c */

struct plan *plan_new(struct executions *x, const struct operation *op);
/* Give a list of plans, and all below them, back. */
void plan_free(struct executions *x, struct plan *plan);
struct plan *plan_copy(struct executions *x, const struct plan *plan);
/*
 * Add the operations of x->reversal[0 .. nr) below a list of plans, unless one
 * of them is, or becomes, equivalent to a beginning of it.  It is used up.
 */
void plan_insert(struct executions *x, struct plan **list, uint32_t nr);
/* Drop those that threads cannot perform now, after another choice. */
void plan_prune(struct executions *x, struct plan **list);

/* races.c */

/* Return: the word at address, until the next call. */
struct word *races_word(struct executions *x, const void *address);
/* events[n] is about to be performed: order it, and find its races. */
void races_record(struct executions *x, uint32_t n);
/* Forget events from n on. */
void races_forget(struct executions *x, uint32_t n);
/* Plan the reversal of all races of the execution that has just ended, */
void races_plan(struct executions *x);
/* and of those with operations that threads did not get to perform. */
void races_plan_unfinished(struct executions *x);
size_t races_bytes(const struct executions *x);
void races_free(struct executions *x);

#endif /* CHECKER_EXECUTIONS_H */
