// SPDX-License-Identifier: GPL-2.0-only
/*
 * index.c - numbers by hash; see index.h.
 */
#include "index.h"

#include <stdlib.h>

#define FIRST_SIZE 1024

int index_room(struct index *index, uint32_t nr,
	       uint64_t (*hash)(const void *things, uint32_t i),
	       const void *things)
{
	size_t size = index->size ? 2 * index->size : FIRST_SIZE;
	struct index larger = { .size = size };

	if (4 * (size_t)nr < 3 * index->size)
		return 0;
	larger.slots = calloc(size, sizeof(*larger.slots));
	if (!larger.slots)
		return -1;
	for (uint32_t i = 0; i < nr; i++) {
		size_t at = index_first(&larger, hash(things, i));

		while (larger.slots[at])
			at = index_next(&larger, at);
		larger.slots[at] = i + 1;
	}
	free(index->slots);
	*index = larger;
	return 0;
}

void index_free(struct index *index)
{
	free(index->slots);
	*index = (struct index){ NULL, 0 };
}

int room_for(void **array, size_t *room, size_t wanted, size_t size)
{
	size_t more = *room + *room / 2 + 64;
	void *at;

	if (wanted <= *room)
		return 0;
	if (more < wanted)
		more = wanted;
	at = realloc(*array, more * size);
	if (!at)
		return -1;
	*array = at;
	*room = more;
	return 0;
}
