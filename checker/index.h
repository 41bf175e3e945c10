/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * index.h - numbers of things in an array, found by a hash of the thing.
 *
 * Interface
 *   index_room()   before each insertion: grow if there is need
 *   index_first(), index_next()
 *                  the slots to look at; one that is 0 ends the row and is
 *                  where a new thing's number + 1 goes
 *   index_free()
 */
#ifndef CHECKER_INDEX_H
#define CHECKER_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct index {
	uint32_t *slots;		/* number + 1; open addressing */
	size_t size;			/* a power of two */
};

/* hash(things, i) is thing i's.  Return: 0, or -1 without memory. */
int index_room(struct index *index, uint32_t nr,
	       uint64_t (*hash)(const void *things, uint32_t i),
	       const void *things);
void index_free(struct index *index);

static inline size_t index_first(const struct index *index, uint64_t hash)
{
	return hash & (index->size - 1);
}

static inline size_t index_next(const struct index *index, size_t i)
{
	return (i + 1) & (index->size - 1);
}

/* Make *array hold `wanted` things of `size` bytes.  Return: 0 or -1. */
int room_for(void **array, size_t *room, size_t wanted, size_t size);

#endif /* CHECKER_INDEX_H */
