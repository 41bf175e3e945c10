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
#include <xxhash.h>

#define ARENA_BYTES ((size_t)256 << 10)
#define GRAIN 16

struct region {
	char *base;
	const size_t *used;
};

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
static struct region regions[MAX_REGIONS];
static size_t nr_regions;
static size_t nr_own_regions;

static char *arena(unsigned int i)
{
	return arenas + i * ARENA_BYTES;
}

static char *shadow(unsigned int i)
{
	return shadows + i * (ARENA_BYTES / GRAIN / 8);
}

static struct arena_use *use(unsigned int i)
{
	return i == MAIN ? &world->main_arena : &world->threads[i].arena;
}

void *check_reserve(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

int check_region(void *base, const size_t *used)
{
	/* room is kept for the checker's own */
	if (nr_regions == MAX_REGIONS - 2 * ARENAS - 2) {
		errno = ENOSPC;
		return -1;
	}
	regions[nr_regions].base = base;
	regions[nr_regions].used = used;
	nr_regions++;
	return 0;
}

static int own_regions(void)
{
	size_t shadow_bytes = ARENAS * (ARENA_BYTES / GRAIN / 8);
	struct region order;

	order.base = order_setup(&order.used);
	world = check_reserve(sizeof(*world));
	arenas = check_reserve(ARENAS * ARENA_BYTES);
	shadows = check_reserve(shadow_bytes);
	if (!world || !arenas || !shadows || !order.base || coro_setup(ARENAS))
		return -1;
	nr_own_regions = 2 + 2 * ARENAS;
	memmove(regions + nr_own_regions, regions,
		nr_regions * sizeof(regions[0]));
	nr_regions += nr_own_regions;
	regions[1 + 2 * ARENAS] = order;
	regions[0] = (struct region){ (char *)world, &world->used };
	for (unsigned int i = 0; i < ARENAS; i++) {
		regions[1 + 2 * i] = (struct region){
			arena(i), &use(i)->used,
		};
		regions[2 + 2 * i] = (struct region){
			shadow(i), &use(i)->shadow_used,
		};
	}
	return 0;
}

void check_regions_reset(void)
{
	nr_regions = nr_own_regions;
}

bool world_region(size_t i, struct world_region *region)
{
	if (i >= nr_regions)
		return false;
	region->base = regions[i].base;
	region->used = regions[i].used;
	region->owner = ARENAS;
	if (i >= 1 && i < 1 + 2 * ARENAS)
		region->owner = (unsigned int)(i - 1) / 2;
	return true;
}

/* Purpose: an empty world for nr_threads threads. */
int world_setup(unsigned int nr_threads)
{
	if (!world && own_regions())
		return -1;
	for (unsigned int i = 0; i < ARENAS; i++) {
		memset(arena(i), 0, use(i)->used);
		memset(shadow(i), 0, use(i)->shadow_used);
	}
	memset(world, 0, sizeof(*world));
	world->used = offsetof(struct world, threads) +
		      nr_threads * sizeof(struct thread);
	return 0;
}

size_t world_save_bound(void)
{
	size_t bytes = 0;

	for (size_t i = 0; i < nr_regions; i++)
		bytes += *regions[i].used;
	return bytes + (size_t)CHECK_MAX_THREADS * CORO_STACK_BYTES;
}

static unsigned int nr_threads(void)
{
	return (unsigned int)((world->used - offsetof(struct world, threads)) /
			      sizeof(struct thread));
}

size_t world_save(char *to)
{
	char *at = to;

	for (size_t i = 0; i < nr_regions; i++) {
		size_t used = *regions[i].used;

		if (!used)
			continue;
		memcpy(at, regions[i].base, used);
		at += used;
	}
	for (unsigned int t = 0; t < nr_threads(); t++) {
		uint32_t live = world->threads[t].live;

		if (!live)
			continue;
		memcpy(at, coro_top(t) - live, live);
		at += live;
	}
	return (size_t)(at - to);
}

/*
 * Hash what threads share.  Left out is the scheduler's own part, which says
 * where threads are.
 */
uint64_t world_memory_hash(void)
{
	uint64_t hash = 1;

	for (size_t i = 1; i < nr_regions; i++)
		if (*regions[i].used)
			hash = XXH3_64bits_withSeed(regions[i].base,
						    *regions[i].used, hash);
	return hash;
}

/*
 * What lies behind the used part of a region is zero by contract; a region
 * that shrinks has to be cleared again.
 */
void world_restore(const char *from)
{
	size_t before[MAX_REGIONS];

	for (size_t i = 0; i < nr_regions; i++)
		before[i] = *regions[i].used;
	for (size_t i = 0; i < nr_regions; i++) {
		size_t used;

		if (i == 0)
			memcpy(&used, from, sizeof(used));
		else
			used = *regions[i].used;
		if (used) {
			memcpy(regions[i].base, from, used);
			from += used;
		}
		if (before[i] > used)
			memset(regions[i].base + used, 0, before[i] - used);
	}
	for (unsigned int t = 0; t < nr_threads(); t++) {
		uint32_t live = world->threads[t].live;
		char *low = coro_top(t) - live;

		if (!live)
			continue;
		/* what ran since may have left a deeper stack than this */
		if (coro_live(t) < low)
			memset(coro_live(t), 0, (size_t)(low - coro_live(t)));
		memcpy(low, from, live);
		from += live;
		coro_restored(t, low);
	}
}

static void mark(unsigned int owner, size_t offset, size_t bytes, int used)
{
	unsigned char *bits = (unsigned char *)shadow(owner);

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

static struct block *block_at(unsigned int owner, size_t offset)
{
	return (struct block *)(void *)(arena(owner) + offset);
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
	size_t *used = &use(owner)->used;
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
		use(owner)->shadow_used =
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
	size_t *used = &use(owner)->used;
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
		memset(last, 0, sizeof(*last));
		use(owner)->shadow_used =
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

		while (offset < use(i)->used) {
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
