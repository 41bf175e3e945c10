// SPDX-License-Identifier: GPL-2.0-only
/*
 * states.c - a set of states; see states.h.
 */
#include "states.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct state_key states_hash(const void *bytes, size_t nr, uint64_t salt)
{
	XXH128_hash_t h = XXH3_128bits_withSeed(bytes, nr, salt);

	return (struct state_key){ h.low64, h.high64 };
}

static size_t slot(const struct states *states, struct state_key key)
{
	size_t i = key.low & (states->table_size - 1);

	while (states->table[i]) {
		const struct state_key *at =
			&states->keys[states->table[i] - 1];

		if (at->low == key.low && at->high == key.high)
			break;
		i = (i + 1) & (states->table_size - 1);
	}
	return i;
}

static int grow_table(struct states *states)
{
	size_t size = states->table_size ? 2 * states->table_size : 4096;
	uint32_t *table = calloc(size, sizeof(*table));

	if (!table)
		return -1;
	free(states->table);
	states->table = table;
	states->table_size = size;
	for (uint32_t i = 0; i < states->nr; i++)
		table[slot(states, states->keys[i])] = i + 1;
	return 0;
}

static int grow_keys(struct states *states)
{
	uint32_t room = states->room ? states->room + states->room / 2 : 4096;
	struct state_key *keys =
		realloc(states->keys, (size_t)room * sizeof(*keys));

	if (!keys)
		return -1;
	states->keys = keys;
	states->room = room;
	return 0;
}

uint32_t states_insert(struct states *states, struct state_key key,
		       bool *is_new)
{
	size_t i;

	*is_new = false;
	if (3 * (size_t)states->nr >= 2 * states->table_size &&
	    grow_table(states))
		return UINT32_MAX;
	i = slot(states, key);
	if (states->table[i])
		return states->table[i] - 1;
	if (states->nr == states->room && grow_keys(states))
		return UINT32_MAX;
	states->keys[states->nr] = key;
	states->table[i] = ++states->nr;
	*is_new = true;
	return states->nr - 1;
}

size_t states_bytes(const struct states *states)
{
	return states->room * sizeof(*states->keys) +
	       states->table_size * sizeof(*states->table);
}

void states_free(struct states *states)
{
	free(states->keys);
	free(states->table);
	memset(states, 0, sizeof(*states));
}
