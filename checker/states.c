// SPDX-License-Identifier: GPL-2.0-only
/*
 * states.c - a set of states; see states.h.
 */
#include "states.h"

#include <stdlib.h>
#include <string.h>

unsigned int states_hash_bits = 128;

uint64_t states_hash_low(uint64_t hash)
{
	if (states_hash_bits >= 64)
		return hash;
	return hash & ((1ull << states_hash_bits) - 1);
}

static struct state_key weakened(struct state_key key)
{
	key.low = states_hash_low(key.low);
	if (states_hash_bits <= 64)
		key.high = 0;
	else if (states_hash_bits < 128)
		key.high &= (1ull << (states_hash_bits - 64)) - 1;
	return key;
}

static uint64_t key_hash(const void *keys, uint32_t i)
{
	return ((const struct state_key *)keys)[i].low;
}

static uint32_t insert_key(struct states *states, struct state_key key,
			   bool *is_new)
{
	struct index *index = &states->index;
	size_t i;

	*is_new = false;
	key = weakened(key);
	if (index_room(index, states->nr, key_hash, states->keys))
		return STATES_NO_MEMORY;
	for (i = index_first(index, key.low); index->slots[i];
	     i = index_next(index, i)) {
		const struct state_key *at =
			&states->keys[index->slots[i] - 1];

		if (at->low == key.low && at->high == key.high)
			return index->slots[i] - 1;
	}
	if (states->nr == STATES_FULL ||
	    (states->most && states->nr == states->most))
		return STATES_FULL;
	if (room_for((void **)&states->keys, &states->room, states->nr + 1,
		     sizeof(*states->keys)))
		return STATES_NO_MEMORY;
	states->keys[states->nr] = key;
	index->slots[i] = ++states->nr;
	*is_new = true;
	return states->nr - 1;
}

uint32_t states_insert(struct states *states, struct state_key key,
		       bool *is_new)
{
	uint32_t state;

	if (!states->exact)
		return insert_key(states, key, is_new);
	states->exact->most = states->most;
	state = exact_insert(states->exact, is_new);
	states->nr = states->exact->roots.nr;
	return state;
}

/* Of n states there are n (n - 1) / 2 pairs. */
double states_collision(const struct states *states)
{
	double n = (double)states->nr, bound = n * (n - 1) / 2;

	if (states->exact)
		return 0;
	for (unsigned int bit = 0; bit < states_hash_bits; bit++)
		bound /= 2;
	return bound < 1 ? bound : 1;
}

size_t states_bytes(const struct states *states)
{
	return states->room * sizeof(*states->keys) +
	       states->index.size * sizeof(*states->index.slots) +
	       (states->exact ? exact_bytes(states->exact) : 0);
}

void states_free(struct states *states)
{
	free(states->keys);
	index_free(&states->index);
	if (states->exact)
		exact_free(states->exact);
	free(states->exact);
	memset(states, 0, sizeof(*states));
}
