// SPDX-License-Identifier: GPL-2.0-only
/*
 * order.c - the order in which classes of locks are taken, as lockdep sees it.
 *
 * A class is a name.  Taking b while a is held is an edge a -> b; an edge that
 * closes a cycle is a deadlock that some other timing can have.  A search
 * remembers the edges of all its executions; to draw one that has the whole
 * cycle, they are made part of the state.
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>

#define MAX_CLASSES 32

static const char *classes[MAX_CLASSES];
static unsigned int nr_classes;
static uint32_t *after;			/* [a] bit b: b was taken under a */
static size_t after_used;		/* bytes of it that are in the world */
static char text[192];

int order_setup(void)
{
	after = check_reserve(MAX_CLASSES * sizeof(*after));
	return after ? 0 : -1;
}

void *order_bytes(size_t *bytes)
{
	*bytes = after_used;
	return after;
}

void order_reset(void)
{
	after_used = 0;
	nr_classes = 0;
	memset(after, 0, MAX_CLASSES * sizeof(*after));
}

void order_forget(void)
{
	memset(after, 0, MAX_CLASSES * sizeof(*after));
}

void order_of_one_execution(void)
{
	order_forget();
	after_used = MAX_CLASSES * sizeof(*after);
}

static unsigned int class_of(const char *name)
{
	unsigned int i = 0;

	while (i < nr_classes && classes[i] != name && strcmp(classes[i], name))
		i++;
	if (i == nr_classes && i < MAX_CLASSES)
		classes[nr_classes++] = name;
	return i;
}

/* Find a way from one class to another; path gets the classes on it. */
static size_t way(unsigned int from, unsigned int to, unsigned int *path,
		  uint32_t *visited)
{
	path[0] = from;
	*visited |= 1u << from;
	if (from == to)
		return 1;
	for (unsigned int i = 0; i < nr_classes; i++) {
		size_t n;

		if (!(after[from] & (1u << i)) || (*visited & (1u << i)))
			continue;
		n = way(i, to, path + 1, visited);
		if (n)
			return n + 1;
	}
	return 0;
}

static const char *describe(const unsigned int *path, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i <= n && at < sizeof(text); i++) {
		int wrote = snprintf(text + at, sizeof(text) - at, "%s%s",
				     i ? " -> " : "",
				     classes[path[i == n ? 0 : i]]);

		at += wrote > 0 ? (size_t)wrote : 0;
	}
	return text;
}

const char *order_note(struct check_lock *const *held, size_t nr_held,
		       const char *name)
{
	unsigned int new = class_of(name);

	for (size_t i = 0; i < nr_held; i++) {
		unsigned int old = class_of(held[i]->name);
		unsigned int path[MAX_CLASSES + 1];
		uint32_t visited = 0;
		size_t n;

		if (old == new || old == MAX_CLASSES || new == MAX_CLASSES ||
		    (after[old] & (1u << new)))
			continue;
		n = way(new, old, path, &visited);
		if (n)
			return describe(path, n);
		after[old] |= 1u << new;
	}
	return NULL;
}
