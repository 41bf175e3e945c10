/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dpor.h - programs whose executions are counted, and how many there are.
 *
 * These are programs of the literature on partial-order reduction, each with
 * a number N.  How many executions a search has to make is known exactly; one
 * more is a redundant one, one less is one that was missed.
 *
 * Interface
 *   dpor_find()            a program by its name
 *   dpor_check_program()   what check_run() takes
 *   dpor_judge()           is the result of a search as it has to be?
 *
 * tests/checker_counts_test.c holds the search against these numbers, and
 * `faultline bench dpor` measures it.
 */
#ifndef BENCH_DPOR_DPOR_H
#define BENCH_DPOR_DPOR_H

#include "words.h"

struct dpor_program;

/* A program with its N; what the program's functions are given. */
struct dpor {
	const struct dpor_program *program;
	unsigned int n;
	uint64_t *words;		/* zero, or what setup() makes them */
	struct check_lock *locks;
};

struct dpor_size {
	unsigned int threads;
	unsigned int words;
	unsigned int locks;
};

/*
 * What is measured by default: an N, and the CPU seconds that others need,
 * 0 when they were not measured.  These are of another machine, see dpor.c.
 */
struct dpor_row {
	unsigned int n;			/* 0 ends a list */
	double genmc;
	double nidhugg;
	double spin;
	bool by_states;			/* is measured by states, too */
};

struct dpor_program {
	const char *name;
	const char *what;		/* it does; one line */
	/* executions() is exact, and there are threads enough, in min .. max */
	unsigned int min;
	unsigned int max;
	uint64_t (*executions)(unsigned int n);
	struct dpor_size (*size)(unsigned int n);
	void (*setup)(struct dpor *d);	/* or NULL */
	void (*thread)(struct dpor *d, unsigned int t);
	/* Return: what is wrong at the end, or NULL.  May be NULL itself. */
	const char *(*finish)(const struct dpor *d);
	const struct dpor_row *rows;
};

extern const struct dpor_program dpor_indexer, dpor_filesystem, dpor_readers,
	dpor_lastzero, dpor_fib, dpor_ainc, dpor_inc, dpor_mutex_counter,
	dpor_philosophers, dpor_ticket_lock, dpor_lastwrite;

/* All of them; NULL ends the list. */
extern const struct dpor_program *const dpor_programs[];

/*
 * Purpose: the program with this name of `bytes` bytes; a blank in it is as
 * good as a hyphen.
 * Return: NULL when there is none.
 */
const struct dpor_program *dpor_find(const char *name, size_t bytes);

/* Return: d as check_run() takes it; d has to stay where it is. */
struct check_program dpor_check_program(struct dpor *d);

/*
 * Is this the result that a search by executions has to have?
 * Return: 0, or -1 and one line in text about what is wrong.
 */
int dpor_judge(const struct dpor *d, const struct check_result *result,
	       char *text, size_t bytes);

/* What went wrong in a thread or at the end.  Ends the execution. */
void dpor_fail(const char *what);

uint64_t dpor_factorial(unsigned int n);	/* n is at most 20 */

/* An access to a word, in a thread that has no branches. */
struct dpor_access {
	unsigned int word;
	bool writes;
};

/*
 * Executions of two threads, each of which repeats its `nr` accesses `rounds`
 * times; nr * rounds is at most 33.
 */
uint64_t dpor_count_two(const struct dpor_access *a,
			const struct dpor_access *b, unsigned int nr,
			unsigned int rounds);

#endif /* BENCH_DPOR_DPOR_H */
