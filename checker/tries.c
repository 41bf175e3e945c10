// SPDX-License-Identifier: GPL-2.0-only
/*
 * tries.c - what came of trying whether a thread comes back to where it is;
 * see tries.h.
 */
#include "tries.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* No more is kept. */
#define MOST_BYTES ((size_t)1 << 20)
/* Places to look at for one. */
#define PROBES 8

/* Return: whether there is room for one more. */
static bool make_room(struct known_tries *known)
{
	size_t wanted = snapshot_bytes();

	if (known->used + wanted > MOST_BYTES)
		return false;
	if (known->used + wanted > known->room) {
		size_t room = 2 * (known->used + wanted);
		char *bytes = realloc(known->bytes, room);

		if (!bytes)
			return false;
		known->bytes = bytes;
		known->room = room;
	}
	return true;
}

/* Most of what makes a difference is in the frames that were called last. */
static uint64_t hash_of(unsigned int t)
{
	size_t live = world->threads[t].live;

	return XXH3_64bits(coro_top(t) - live, live < 192 ? live : 192) +
	       world_memory_hash() + t;
}

static struct tries *add(struct known_tries *known, struct known_try *new,
			 uint64_t hash, unsigned int t)
{
	if (!make_room(known))
		return NULL;
	*new = (struct known_try){
		.hash = hash, .at = known->used, .thread = t,
		.bytes = snapshot_save_alone(known->bytes + known->used, t),
	};
	known->used += new->bytes;
	return &new->tries;
}

struct tries *known_tries_find(struct known_tries *known, unsigned int t)
{
	uint64_t hash = hash_of(t);

	if (!known->tries)
		known->tries = calloc(KNOWN_TRIES, sizeof(*known->tries));
	for (uint64_t i = 0; known->tries && i < PROBES; i++) {
		struct known_try *k = &known->tries[(hash + i) % KNOWN_TRIES];

		if (!k->bytes)
			return add(known, k, hash, t);
		if (k->hash == hash && k->thread == t &&
		    snapshot_is_alone(known->bytes + k->at, k->bytes, t))
			return &k->tries;
	}
	return NULL;
}

size_t known_tries_bytes(const struct known_tries *known)
{
	return known->room +
	       (known->tries ? KNOWN_TRIES * sizeof(*known->tries) : 0);
}

void known_tries_free(struct known_tries *known)
{
	free(known->tries);
	free(known->bytes);
	memset(known, 0, sizeof(*known));
}
