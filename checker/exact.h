/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exact.h - a set of states, each byte of them kept, in few bytes a state.
 *
 * Interface
 *   exact_set()     chunk number `slot` of the state at hand has these bytes
 *   exact_put()     the same for bytes that are known by their id already
 *   exact_insert()  number of the state at hand, and whether it is new
 *   exact_free()
 *
 * Each distinct chunk is kept once and has an id.  A state is a binary tree
 * over the ids of its chunks; each distinct pair of ids is kept once, too, and
 * has an id of its own, up to the root.  Two states that differ in one chunk
 * share all pairs but those above it, so that on the whole a state costs
 * little more than its root: two ids.  Hashes only say where to look; whether
 * two things are equal is seen from the things.
 *
 * Names used in this file
 *   chunk  some bytes of a state that change together
 *   slot   a chunk's place in the state; id 0: there is nothing
 */
#ifndef CHECKER_EXACT_H
#define CHECKER_EXACT_H

#include "index.h"

#include <stdbool.h>

#define EXACT_LEVELS 32

struct exact_item {
	uint64_t offset;
	uint32_t hash;
	uint32_t bytes;
};

struct exact_pair {
	uint32_t left;
	uint32_t right;
};

struct exact_pairs {
	struct exact_pair *at;
	size_t room;
	uint32_t nr;
	struct index index;
};

struct exact {
	struct exact_item *items;	/* by id - 1 */
	size_t items_room;
	uint32_t nr_items;
	struct index index;		/* of items */
	char *bytes;
	size_t bytes_used;
	size_t bytes_room;
	struct exact_pairs pairs;	/* by id - 1 */
	struct exact_pairs roots;	/* by number of state */
	/* the state at hand: levels[0] are its slots, the next half as many */
	uint32_t *levels[EXACT_LEVELS];
	unsigned int nr_levels;
	uint32_t *dirty;		/* slots since the last insertion */
	size_t nr_dirty;
	size_t dirty_room;
	uint32_t most;			/* roots; 0: no limit */
};

/* Return: the bytes' id; 0 without memory. */
uint32_t exact_set(struct exact *exact, uint32_t slot, const void *bytes,
		   size_t nr);
/* Return: 0 or -1. */
int exact_put(struct exact *exact, uint32_t slot, uint32_t id);
/* Return: the state's number, or what states_insert() says. */
uint32_t exact_insert(struct exact *exact, bool *is_new);
size_t exact_bytes(const struct exact *exact);
void exact_free(struct exact *exact);

#endif /* CHECKER_EXACT_H */
