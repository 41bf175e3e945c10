/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * executions.h - what the files of the search by executions share.
 *
 * Interface
 *   plans.c        operations, and trees of operations to be run
 *   races.c        what happened before what, and the reversals to be planned
 *   executions.c   the search; its head explains the method and the terms
 */
#ifndef CHECKER_EXECUTIONS_H
#define CHECKER_EXECUTIONS_H

#include "internal.h"

/* An operation before it is performed: all that decides what depends on it. */
struct operation {
	const void *object;
	uint32_t bytes;
	uint8_t class;
	uint8_t thread;
	bool waits;			/* for a condition of the client's */
};

/* A node of a plan: perform this, then one of the children, first the first. */
struct plan {
	struct operation op;
	struct plan *next;		/* of the same parent */
	struct plan *children;
};

struct event {
	struct operation op;
	uint8_t choice;
	uint8_t nr_choices;
	uint32_t enabled;		/* mask, before this event */
	uint32_t sleep;
	uint32_t impossible;		/* threads whose wait is in vain */
	struct plan *plan;		/* what is to be run in this place */
	uint32_t clock[CHECK_MAX_THREADS];
	struct operation at[CHECK_MAX_THREADS];	/* where threads are, before */
};

/* What this execution did to one word so far: events by class and thread. */
struct history {
	const void *object;
	uint64_t execution;		/* that wrote this; else void */
	uint32_t last[3][CHECK_MAX_THREADS];
	uint32_t wakes;			/* of a token, since it was taken */
	uint32_t released[2][CHECK_MAX_THREADS];	/* read, write */
};

/* events[early] and events[late], which may be one that could not happen. */
struct race {
	uint32_t early;
	uint32_t late;
};

struct executions {
	struct search *search;
	const char *after_setup;
	bool brute;
	struct event *events;		/* events[1 .. nr] */
	uint32_t nr;
	uint32_t room;
	uint32_t planned;		/* events whose races are known */
	struct history *table;
	size_t table_size;
	size_t nr_histories;
	uint64_t execution;
	uint32_t last_event[CHECK_MAX_THREADS];
	struct race *races;		/* of this execution */
	size_t nr_races;
	size_t races_room;
	struct plan *spare;		/* nodes that are free */
	size_t nr_plans;
};

/* plans.c */

/* Do operations of these classes on one object depend on each other? */
bool operation_classes_conflict(uint32_t a, uint32_t b);
/* Do two operations of different threads depend on each other? */
bool operation_depends(const struct operation *a, const struct operation *b);
bool operation_same(const struct operation *a, const struct operation *b);
/* Return: the operation that thread t is at. */
struct operation operation_at(unsigned int t);

struct plan *plan_new(struct executions *x, const struct operation *op);
/* Give a list of plans, and all below them, back. */
void plan_free(struct executions *x, struct plan *plan);
struct plan *plan_copy(struct executions *x, const struct plan *plan);
size_t plan_weak_initial(const struct operation *v, size_t nr,
			 const struct operation *first);
void plan_insert(struct executions *x, struct plan **list, struct operation *v,
		 size_t nr);
void plan_prune(struct executions *x, struct plan **list);

/* races.c */

/* events[n] is about to be performed: order it, and find its races. */
void races_record(struct executions *x, uint32_t n);
/* Plan the reversal of all races of the execution that has just ended, */
void races_plan(struct executions *x);
/* and of those with operations that threads did not get to perform. */
void races_plan_unfinished(struct executions *x);

#endif /* CHECKER_EXECUTIONS_H */
