// SPDX-License-Identifier: GPL-2.0-only
/*
 * world.c - the bytes that make a state: regions, arenas, stacks.
 *
 * An arena hands out the lowest free address, and only its own thread reuses
 * what was freed: so an address does not depend on what other threads do, and
 * equal sets of live objects are equal bytes.
 */
#include "internal.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define ARENA_BYTES ((size_t)256 << 10)
#define GRAIN 16

enum block_state {
	BLOCK_FREE = 1,
	BLOCK_USED,
	BLOCK_LIMBO,		/* freed by another thread: stays unused */
};

struct block {
	uint32_t bytes;		/* of the object, without this header */
	uint32_t state;
	const char *what;
};

_Static_assert(sizeof(struct block) == GRAIN, "objects stay aligned");

struct world *world;
static char *arenas;
static char *shadows;		/* one bit a grain: allocated */

char *world_arena(unsigned int i)
{
	return arenas + i * ARENA_BYTES;
}

char *world_shadow(unsigned int i)
{
	return shadows + i * (ARENA_BYTES / GRAIN / 8);
}

void *check_reserve(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

static int reserve_all(void)
{
	size_t shadow_bytes = ARENAS * (ARENA_BYTES / GRAIN / 8);

	world = check_reserve(sizeof(*world));
	arenas = check_reserve(ARENAS * ARENA_BYTES);
	shadows = check_reserve(shadow_bytes);
	if (!world || !arenas || !shadows || order_setup() ||
	    coro_setup(ARENAS))
		return -1;
	return 0;
}

/* Purpose: an empty world for nr_threads threads. */
int world_setup(unsigned int nr_threads)
{
	if (!world && reserve_all())
		return -1;
	for (unsigned int i = 0; i < ARENAS; i++) {
		memset(world_arena(i), 0, world_arena_use(i)->used);
		memset(world_shadow(i), 0, world_arena_use(i)->shadow_used);
	}
	memset(world, 0, sizeof(*world));
	world->used = offsetof(struct world, threads) +
		      nr_threads * sizeof(struct thread);
	return 0;
}

static void mark(unsigned int owner, size_t offset, size_t bytes, int used)
{
	unsigned char *bits = (unsigned char *)world_shadow(owner);

	for (size_t g = offset / GRAIN; g < (offset + bytes) / GRAIN; g++) {
		if (used)
			bits[g / 8] |= (unsigned char)(1u << (g % 8));
		else
			bits[g / 8] &= (unsigned char)~(1u << (g % 8));
	}
}

/* Does object lie in an arena, outside of every allocated object? */
bool world_is_freed(const void *object)
{
	size_t offset = (uintptr_t)object - (uintptr_t)arenas;
	size_t grain;

	if (offset >= ARENAS * ARENA_BYTES)
		return false;
	grain = offset / GRAIN;
	return !(((unsigned char *)shadows)[grain / 8] & (1u << (grain % 8)));
}

bool world_owns(const void *object, size_t bytes)
{
	size_t offset = (uintptr_t)object - (uintptr_t)arenas;

	return (offset < ARENAS * ARENA_BYTES &&
		offset + bytes <= ARENAS * ARENA_BYTES) ||
	       coro_owns(object, bytes) || regions_own(object, bytes);
}

static struct block *block_at(unsigned int owner, size_t offset)
{
	return (struct block *)(void *)(world_arena(owner) + offset);
}

/* Cut block to bytes; what is left over becomes a free block. */
static void block_split(unsigned int owner, size_t offset, uint32_t bytes)
{
	struct block *block = block_at(owner, offset);
	uint32_t rest = block->bytes - bytes;
	struct block *next;

	if (!rest)
		return;
	block->bytes = bytes;
	next = block_at(owner, offset + sizeof(*block) + bytes);
	next->bytes = rest - (uint32_t)sizeof(*block);
	next->state = BLOCK_FREE;
}

static bool block_fits(const struct block *block, uint32_t bytes)
{
	return block->state == BLOCK_FREE &&
	       (block->bytes == bytes ||
		block->bytes >= bytes + sizeof(*block));
}

void *check_alloc(size_t wanted, const char *what)
{
	unsigned int owner = run.current;
	size_t most = wanted < ARENA_BYTES ? wanted : ARENA_BYTES;
	uint32_t bytes = (uint32_t)((most + GRAIN - 1) / GRAIN * GRAIN);
	size_t *used = &world_arena_use(owner)->used;
	size_t offset = 0;
	struct block *block;

	if (!bytes)
		bytes = GRAIN;
	while (offset < *used && !block_fits(block_at(owner, offset), bytes))
		offset += sizeof(*block) + block_at(owner, offset)->bytes;
	block = block_at(owner, offset);
	if (offset < *used) {
		block_split(owner, offset, bytes);
	} else {
		if (wanted >= ARENA_BYTES ||
		    offset + sizeof(*block) + bytes > ARENA_BYTES) {
			check_fail(CHECK_NO_MEMORY, __builtin_return_address(0),
				   "no memory for %s: an arena has %zu bytes",
				   what, ARENA_BYTES);
			return NULL;
		}
		block->bytes = bytes;
		*used += sizeof(*block) + bytes;
		world->arenas |= 1u << owner;
		world_arena_use(owner)->shadow_used =
			(*used / GRAIN + 63) / 64 * sizeof(uint64_t);
	}
	block->state = BLOCK_USED;
	block->what = what;
	mark(owner, offset + sizeof(*block), bytes, 1);
	return block + 1;
}

/* Join free neighbours and give free bytes at the end back. */
static void arena_tidy(unsigned int owner)
{
	size_t *used = &world_arena_use(owner)->used;
	struct block *last = NULL;
	size_t offset = 0;

	while (offset < *used) {
		struct block *block = block_at(owner, offset);
		uint32_t bytes = block->bytes;

		offset += sizeof(*block) + bytes;
		if (last && last->state == BLOCK_FREE &&
		    block->state == BLOCK_FREE) {
			last->bytes += (uint32_t)sizeof(*block) + bytes;
			memset(block, 0, sizeof(*block));
		} else {
			last = block;
		}
	}
	if (last && last->state == BLOCK_FREE) {
		*used -= sizeof(*last) + last->bytes;
		if (!*used)
			world->arenas &= ~(1u << owner);
		memset(last, 0, sizeof(*last));
		world_arena_use(owner)->shadow_used =
			(*used / GRAIN + 63) / 64 * sizeof(uint64_t);
	}
}

void check_free(void *object, const void *where)
{
	size_t offset;
	struct block *block;
	unsigned int owner;

	if (!object)
		return;
	offset = (uintptr_t)object - (uintptr_t)arenas;
	block = (struct block *)object - 1;
	owner = (unsigned int)(offset / ARENA_BYTES);
	if (offset >= ARENAS * ARENA_BYTES || offset % GRAIN ||
	    world_is_freed(object) || block->state != BLOCK_USED)
		check_fail_stop(CHECK_USE_AFTER_FREE, where,
				"free of what is not allocated");
	run_free_operation(object, block->bytes);
	/* somebody else may have freed it just before */
	if (block->state != BLOCK_USED)
		check_fail_stop(CHECK_USE_AFTER_FREE, where,
				"free of what is not allocated");
	check_tell(where, "free %s", block->what);
	memset(object, 0, block->bytes);
	mark(owner, offset % ARENA_BYTES, block->bytes, 0);
	block->what = NULL;
	block->state = owner == run.current ? BLOCK_FREE : BLOCK_LIMBO;
	if (owner == run.current)
		arena_tidy(owner);
}

size_t check_leaks(void (*leak)(const char *what, void *user), void *user)
{
	size_t nr = 0;

	for (unsigned int i = 0; i < ARENAS; i++) {
		size_t offset = 0;

		while (offset < world_arena_use(i)->used) {
			struct block *block = block_at(i, offset);

			offset += sizeof(*block) + block->bytes;
			if (block->state != BLOCK_USED)
				continue;
			nr++;
			if (leak)
				leak(block->what, user);
		}
	}
	return nr;
}
