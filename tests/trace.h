/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace.h - which executions are equivalent, found out from outside of the
 * checker.
 *
 * Interface
 *   trace_begin()   an execution begins
 *   trace_note()    an operation was performed
 *   trace_hash()    hash of the execution's Mazurkiewicz trace
 */
#ifndef TESTS_TRACE_H
#define TESTS_TRACE_H

#include "../include/checker.h"

#include <string.h>
#include <xxhash.h>

#define TRACE_THREADS 4
#define MAX_TRACE 256

/* Beyond the checker's classes; a release never commutes with a WRITE. */
enum {
	TRACE_RELEASE_READ = CHECK_WRITE + 1,
	TRACE_RELEASE_WRITE,
	TRACE_CHOICE,
};

struct trace_event {
	uintptr_t object;
	uint32_t bytes;
	uint8_t thread;
	uint8_t class;
	uint8_t value;			/* of a choice */
	uint8_t clock[TRACE_THREADS];	/* events of each that came before */
};

/* Not part of the state: valid where each execution runs from the start. */
static struct trace_event trace[MAX_TRACE];
static unsigned int trace_nr;
static unsigned int trace_of[TRACE_THREADS];	/* events of each thread */
static unsigned int trace_begun;		/* executions, all in all */

static void trace_begin(void)
{
	trace_begun++;
	trace_nr = 0;
	memset(trace_of, 0, sizeof(trace_of));
}

static bool trace_conflict(const struct trace_event *a,
			   const struct trace_event *b)
{
	bool release = a->class == TRACE_RELEASE_READ ||
		       b->class == TRACE_RELEASE_READ;

	if (a->thread == b->thread)
		return true;
	if (a->object >= b->object + b->bytes ||
	    b->object >= a->object + a->bytes)
		return false;
	if (release)
		return a->class == CHECK_WRITE || b->class == CHECK_WRITE;
	return a->class != b->class || a->class > CHECK_ADD;
}

static void trace_note(unsigned int t, const void *object, uint32_t bytes,
		       unsigned int how, unsigned int value)
{
	struct trace_event *e = &trace[trace_nr];

	if (trace_nr == MAX_TRACE)
		return;
	memset(e, 0, sizeof(*e));
	e->thread = (uint8_t)t;
	e->object = (uintptr_t)object;
	e->bytes = bytes;
	e->class = (uint8_t)how;
	e->value = (uint8_t)value;
	for (unsigned int i = 0; i < trace_nr; i++) {
		if (!trace_conflict(&trace[i], e))
			continue;
		for (unsigned int u = 0; u < TRACE_THREADS; u++)
			if (trace[i].clock[u] > e->clock[u])
				e->clock[u] = trace[i].clock[u];
	}
	e->clock[t] = (uint8_t)++trace_of[t];
	trace_nr++;
}

/* Executions are equivalent when threads did the same in the same order. */
static uint64_t trace_hash(void)
{
	uint64_t hash = 0;

	for (unsigned int t = 0; t < TRACE_THREADS; t++)
		for (unsigned int i = 0; i < trace_nr; i++)
			if (trace[i].thread == t)
				hash = XXH3_64bits_withSeed(&trace[i],
							    sizeof(trace[i]),
							    hash);
	return hash;
}

#endif /* TESTS_TRACE_H */
