/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * random.h - what the searches at random share.
 *
 * A profile comes first: some executions of a random walk, from which a
 * strategy learns how long executions are and what threads share.  Then come
 * the runs.  Run number i throws its dice from the seed and i alone.
 *
 * Names used in this file
 *   run        one execution that the guarantee speaks of
 *   interest   the operations whose order SURW draws uniformly: those on one
 *              object (Zhao, Wolff, Mathur, Roychoudhury: "Selectively
 *              uniform concurrency testing", ASPLOS 2025)
 */
#ifndef CHECKER_RANDOM_H
#define CHECKER_RANDOM_H

#include "dice.h"
#include "course.h"

struct sampler;

struct strategy {
	/* before each operation of the profile, by thread t */
	int (*saw)(struct sampler *s, unsigned int t);
	/* after each execution of it */
	int (*profiled)(struct sampler *s, enum course_state state);
	/* after the last of them */
	int (*prepare)(struct sampler *s);
	void (*begin)(struct sampler *s);
	unsigned int (*choose)(struct sampler *s, unsigned int enabled);
	/* return: the guarantee covers the run that ended */
	bool (*covered)(struct sampler *s, enum course_state state);
	void (*guarantee)(struct sampler *s, char *text, size_t bytes);
	void (*close)(struct sampler *s);
};

/* PCT: Burckhardt, Kothari, Musuvathi, Nagarakatte, ASPLOS 2010. */
struct pct {
	unsigned int depth;
	uint32_t priorities[CHECK_MAX_THREADS];	/* the highest runs */
	uint32_t changes[CHECK_MAX_DEPTH];	/* at which operations */
};

/* An object of the profile: overlapping ranges are one. */
struct shared_object {
	uintptr_t begin;
	uintptr_t end;
	uint32_t first;				/* operation of the profile */
	uint32_t readers, adders, writers;	/* masks of threads */
	uint32_t now[CHECK_MAX_THREADS];	/* operations, and the most */
	uint32_t most[CHECK_MAX_THREADS];	/* in any execution */
};

struct seen_operation {
	uintptr_t begin;
	uintptr_t end;
	uint32_t number;
	uint32_t execution;
	uint8_t thread;
	uint8_t class;
};

struct surw {
	struct seen_operation *seen;		/* in the profile */
	uint32_t nr_seen;
	uint32_t seen_room;
	uint32_t executions;
	struct shared_object *objects;
	uint32_t nr_objects;
	const struct shared_object *interest;	/* of this run, */
	uint32_t left[CHECK_MAX_THREADS];	/* its operations to come, */
	unsigned int intent;			/* and whose turn that is */
	bool has_intent;
	bool uneven;				/* nothing was as foreseen */
};

struct sampler {
	struct search *search;
	const struct strategy *strategy;
	struct course course;
	struct dice dice;
	bool profiling;
	uint32_t most;			/* operations in the profile, */
	unsigned int outcomes;		/* and of a choice; 1: no choices */
	struct pct pct;
	struct surw surw;
};

/* One of the threads of mask, each with the same probability. */
unsigned int random_thread(struct dice *dice, unsigned int mask);

extern const struct strategy strategy_pct, strategy_surw;

#endif /* CHECKER_RANDOM_H */
