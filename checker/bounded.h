/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bounded.h - what the files of the search with a bound on preemptions share.
 *
 * Interface
 *   bounded_number()   number of the state that the world is at
 *   bounded_arrive()   the world is where a step led
 *   bounded_edge()     put down where a step led
 *   bounded_path()     the way to a step, as a schedule
 *   bounded_close()    no more steps: make them a graph
 *
 * Names used in this file
 *   spot   a state, until all that are enabled in it have run
 *   visit  a state and the thread that came last on a way there
 *   step   what a thread does from a visit
 */
#ifndef CHECKER_BOUNDED_H
#define CHECKER_BOUNDED_H

#include "by_states.h"

struct spot {
	char *snapshot;
	size_t bytes;			/* of it */
	uint32_t enabled;		/* threads, */
	uint32_t choosing;		/* at check_choose() of these, */
	uint32_t ran;			/* that were carried on, */
	uint32_t arrived;		/* and who came last on ways here */
	uint32_t taken;			/* the last step from here + 1 */
};

/* The way to a state whose last step is that of a certain thread. */
struct way {
	uint32_t from;			/* a state, EDGE_NONE at the start, */
	uint8_t last;			/* reached in turn by that thread, */
	uint8_t choice;			/* whose step chose this + 1; 0: no */
	uint32_t operations;		/* and had so many operations */
};

struct visit {
	uint32_t state;
	uint8_t last;			/* MAIN: nobody yet */
};

struct step {
	struct visit from;
	uint8_t thread;
	uint8_t choice;			/* as in struct way */
	uint32_t operations;
};

/* Steps from one state are taken one now, one then: see bounded_close(). */
struct taken {
	struct edge edge;
	uint32_t before;		/* another one from there + 1 */
};

struct bounded {
	struct search *search;
	struct stored stored;
	struct spot *spots;		/* by state */
	size_t spots_room;
	struct way *ways;		/* [state * nr_threads + thread] */
	size_t ways_room;
	struct visit *visits;		/* one layer behind the other */
	size_t nr_visits;
	size_t visits_room;
	struct taken *taken;
	uint32_t nr_taken;
	size_t taken_room;
	char *scratch;			/* a snapshot goes here first */
	size_t scratch_room;
	size_t snapshot_bytes;		/* of all spots */
	uint64_t nr_steps;
	uint64_t restart_at;		/* steps; 0: no need to */
	unsigned int nr_futures;
	bool met_cut;
	uint32_t lead[CHECK_MAX_THREADS];
};

/* Return: 0, also when there is no room for it (EDGE_NONE); -1. */
int bounded_number(struct bounded *b, uint32_t *state, bool *is_new);
/* step NULL: at the start.  Return: 0 or -1. */
int bounded_arrive(struct bounded *b, const struct step *step);
int bounded_edge(struct bounded *b, const struct step *step, uint32_t to);
int bounded_path(const struct bounded *b, const struct step *last,
		 struct check_schedule *schedule);
int bounded_close(struct bounded *b);
/* Return: bytes that grow with the number of states. */
size_t bounded_kept(const struct bounded *b);
void bounded_free(struct bounded *b);

#endif /* CHECKER_BOUNDED_H */
