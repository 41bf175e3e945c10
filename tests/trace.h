/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace.h - which executions are equivalent, found out from outside of the
 * checker.
 *
 * Interface
 *   trace_begin()   in setup(): nothing was performed yet
 *   trace_note()    an operation was performed
 *   trace           what was; a companion of the search (check_companion())
 *   trace_hash()    hash of the execution's Mazurkiewicz trace
 */
#ifndef TESTS_TRACE_H
#define TESTS_TRACE_H

#include "../include/checker.h"

#include <stddef.h>
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

/* No part of the state, but restored with it. */
static struct {
	size_t used;
	unsigned int nr;
	unsigned int of[TRACE_THREADS];	/* events of each thread */
	struct trace_event events[MAX_TRACE];
} trace;

static void trace_begin(void)
{
	memset(&trace, 0, sizeof(trace));
	trace.used = offsetof(__typeof__(trace), events);
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

static __attribute__((noinline)) void
trace_add(unsigned int t, const void *object, uint32_t bytes,
	  unsigned int how, unsigned int value)
{
	struct trace_event *e = &trace.events[trace.nr];

	if (trace.nr == MAX_TRACE)
		return;
	memset(e, 0, sizeof(*e));
	e->thread = (uint8_t)t;
	e->object = (uintptr_t)object;
	e->bytes = bytes;
	e->class = (uint8_t)how;
	e->value = (uint8_t)value;
	for (unsigned int i = 0; i < trace.nr; i++) {
		if (!trace_conflict(&trace.events[i], e))
			continue;
		for (unsigned int u = 0; u < TRACE_THREADS; u++)
			if (trace.events[i].clock[u] > e->clock[u])
				e->clock[u] = trace.events[i].clock[u];
	}
	e->clock[t] = (uint8_t)++trace.of[t];
	trace.nr++;
	trace.used += sizeof(*e);
}

/* Whatever was left on the stack. */
static __attribute__((noinline)) void trace_scrub(void)
{
	char bytes[1024];

	memset(bytes, 0, sizeof(bytes));
	__asm__ volatile("" : : "r"(bytes) : "memory");
}

/* Neither registers nor stack of the thread have anything of it afterwards. */
static __attribute__((noinline)) void
trace_note(unsigned int t, const void *object, uint32_t bytes,
	   unsigned int how, unsigned int value)
{
	trace_add(t, object, bytes, how, value);
	trace_scrub();
}

/* Executions are equivalent when threads did the same in the same order. */
static inline uint64_t trace_hash(void)
{
	const struct trace_event *e = trace.events;
	uint64_t hash = 0;

	for (unsigned int t = 0; t < TRACE_THREADS; t++)
		for (unsigned int i = 0; i < trace.nr; i++)
			if (e[i].thread == t)
				hash = XXH3_64bits_withSeed(&e[i], sizeof(*e),
							    hash);
	return hash;
}

#endif /* TESTS_TRACE_H */
