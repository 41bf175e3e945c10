// SPDX-License-Identifier: GPL-2.0-only
/*
 * exact.c - states kept whole; see exact.h.
 */
#include "states.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static uint64_t bytes_hash(const void *bytes, size_t nr)
{
	return states_hash_low(XXH3_64bits(bytes, nr));
}

static uint64_t item_hash(const void *items, uint32_t i)
{
	return ((const struct exact_item *)items)[i].hash;
}

static uint64_t pair_hash(const void *pairs, uint32_t i)
{
	const struct exact_pair *pair = (const struct exact_pair *)pairs + i;
	uint64_t x = (uint64_t)pair->left << 32 | pair->right;

	x *= 0x9e3779b97f4a7c15u;
	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	return states_hash_low(x >> 20);
}

/* Return: the id of these bytes, which are kept from now on; 0: no memory. */
static uint32_t intern(struct exact *e, const void *bytes, size_t nr)
{
	uint32_t hash = (uint32_t)bytes_hash(bytes, nr);
	size_t i;

	if (e->nr_items == STATES_FULL ||
	    index_room(&e->index, e->nr_items, item_hash, e->items))
		return 0;
	for (i = index_first(&e->index, hash); e->index.slots[i];
	     i = index_next(&e->index, i)) {
		const struct exact_item *at = &e->items[e->index.slots[i] - 1];

		if (at->hash == hash && at->bytes == nr &&
		    !memcmp(e->bytes + at->offset, bytes, nr))
			return e->index.slots[i];
	}
	if (room_for((void **)&e->items, &e->items_room, e->nr_items + 1,
		     sizeof(*e->items)) ||
	    room_for((void **)&e->bytes, &e->bytes_room, e->bytes_used + nr, 1))
		return 0;
	memcpy(e->bytes + e->bytes_used, bytes, nr);
	e->items[e->nr_items] = (struct exact_item){
		.offset = e->bytes_used, .hash = hash, .bytes = (uint32_t)nr,
	};
	e->bytes_used += nr;
	e->index.slots[i] = ++e->nr_items;
	return e->nr_items;
}

/* Return: the pair's number, with *is_new set; or as states_insert(). */
static uint32_t find_pair(struct exact_pairs *pairs, struct exact_pair pair,
			  uint32_t most, bool *is_new)
{
	struct index *index = &pairs->index;
	size_t i;

	*is_new = false;
	if (index_room(index, pairs->nr, pair_hash, pairs->at))
		return STATES_NO_MEMORY;
	for (i = index_first(index, pair_hash(&pair, 0)); index->slots[i];
	     i = index_next(index, i)) {
		const struct exact_pair *at = &pairs->at[index->slots[i] - 1];

		if (at->left == pair.left && at->right == pair.right)
			return index->slots[i] - 1;
	}
	if (pairs->nr == STATES_FULL || (most && pairs->nr == most))
		return STATES_FULL;
	if (room_for((void **)&pairs->at, &pairs->room, pairs->nr + 1,
		     sizeof(*pairs->at)))
		return STATES_NO_MEMORY;
	pairs->at[pairs->nr] = pair;
	index->slots[i] = ++pairs->nr;
	*is_new = true;
	return pairs->nr - 1;
}

/* Return: 0 and the id of the pair of ids *left and the one behind it; -1. */
static int join(struct exact *e, const uint32_t *left, uint32_t *id)
{
	struct exact_pair pair = { left[0], left[1] };
	bool is_new;

	*id = 0;
	if (!pair.left && !pair.right)
		return 0;
	*id = find_pair(&e->pairs, pair, 0, &is_new) + 1;
	return *id == 0 || *id == UINT32_MAX ? -1 : 0;
}

/* The roots become the left children of new ones, with the same numbers. */
static int raise_roots(struct exact *e)
{
	struct exact_pairs old = e->roots;
	int error = 0;

	memset(&e->roots, 0, sizeof(e->roots));
	for (uint32_t i = 0; i < old.nr && !error; i++) {
		uint32_t both[2] = { old.at[i].left, old.at[i].right };
		struct exact_pair root = { 0, 0 };
		bool is_new;

		error = join(e, both, &root.left);
		if (!error && find_pair(&e->roots, root, 0, &is_new) != i)
			error = -1;
	}
	free(old.at);
	index_free(&old.index);
	return error;
}

static int add_level(struct exact *e)
{
	unsigned int nr = e->nr_levels + 1;

	for (unsigned int l = 0; l < nr; l++) {
		size_t nodes = (size_t)1 << (nr - l);
		size_t before = l < e->nr_levels ? nodes / 2 : 0;
		uint32_t *level = realloc(e->levels[l],
					  nodes * sizeof(*level));

		if (!level)
			return -1;
		memset(level + before, 0, (nodes - before) * sizeof(*level));
		e->levels[l] = level;
	}
	e->nr_levels = nr;
	return nr > 1 ? raise_roots(e) : 0;
}

int exact_put(struct exact *e, uint32_t slot, uint32_t id)
{
	while (!e->nr_levels || slot >> e->nr_levels) {
		/* what was at the old root moves to the left of the new one */
		if (e->nr_levels == EXACT_LEVELS || add_level(e) ||
		    exact_put(e, 0, e->levels[0][0]))
			return -1;
	}
	if (room_for((void **)&e->dirty, &e->dirty_room, e->nr_dirty + 1,
		     sizeof(*e->dirty)))
		return -1;
	e->levels[0][slot] = id;
	e->dirty[e->nr_dirty++] = slot;
	return 0;
}

uint32_t exact_set(struct exact *e, uint32_t slot, const void *bytes, size_t nr)
{
	uint32_t id = intern(e, bytes, nr);

	return id && !exact_put(e, slot, id) ? id : 0;
}

/* The pairs above what has changed, level by level, up to below the root. */
static int rejoin(struct exact *e)
{
	for (unsigned int l = 1; l < e->nr_levels; l++) {
		size_t kept = 0;

		for (size_t i = 0; i < e->nr_dirty; i++) {
			uint32_t node = e->dirty[i] / 2;

			if (kept && e->dirty[kept - 1] == node)
				continue;
			e->dirty[kept++] = node;
			if (join(e, &e->levels[l - 1][2 * node],
				 &e->levels[l][node]))
				return -1;
		}
		e->nr_dirty = kept;
	}
	e->nr_dirty = 0;
	return 0;
}

uint32_t exact_insert(struct exact *e, bool *is_new)
{
	struct exact_pair root = { 0, 0 };

	if (rejoin(e))
		return STATES_NO_MEMORY;
	if (e->nr_levels) {
		root.left = e->levels[e->nr_levels - 1][0];
		root.right = e->levels[e->nr_levels - 1][1];
	}
	return find_pair(&e->roots, root, e->most, is_new);
}

static size_t pairs_bytes(const struct exact_pairs *pairs)
{
	return pairs->room * sizeof(*pairs->at) +
	       pairs->index.size * sizeof(*pairs->index.slots);
}

size_t exact_bytes(const struct exact *e)
{
	return e->items_room * sizeof(*e->items) + e->bytes_room +
	       e->index.size * sizeof(*e->index.slots) +
	       pairs_bytes(&e->pairs) + pairs_bytes(&e->roots) +
	       (e->nr_levels ? (size_t)8 << e->nr_levels : 0);
}

void exact_free(struct exact *e)
{
	free(e->items);
	free(e->bytes);
	index_free(&e->index);
	free(e->pairs.at);
	index_free(&e->pairs.index);
	free(e->roots.at);
	index_free(&e->roots.index);
	for (unsigned int l = 0; l < EXACT_LEVELS; l++)
		free(e->levels[l]);
	free(e->dirty);
	memset(e, 0, sizeof(*e));
}
