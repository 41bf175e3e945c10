// SPDX-License-Identifier: GPL-2.0-only
/*
 * snapshot.c - copies of the world, and the client's regions in it.
 */
#include "snapshot.h"

#include <errno.h>
#include <string.h>
#include <xxhash.h>

#define MAX_REGIONS 64

struct region {
	char *base;
	const size_t *used;
	bool companion;			/* follows the state, no part of it */
};

static struct region regions[MAX_REGIONS];
static size_t nr_regions;

static int add_region(void *base, const size_t *used, bool companion)
{
	if (nr_regions == MAX_REGIONS) {
		errno = ENOSPC;
		return -1;
	}
	regions[nr_regions].base = base;
	regions[nr_regions].used = used;
	regions[nr_regions].companion = companion;
	nr_regions++;
	return 0;
}

int check_region(void *base, const size_t *used)
{
	return add_region(base, used, false);
}

int check_companion(void *base, const size_t *used)
{
	return add_region(base, used, true);
}

/* Return: the region these bytes lie in, and where in it; or NULL. */
static const struct region *region_of(const void *object, size_t bytes,
				      uint64_t *offset)
{
	for (size_t i = 0; i < nr_regions; i++) {
		*offset = (uintptr_t)object - (uintptr_t)regions[i].base;
		if (*offset < *regions[i].used &&
		    *offset + bytes <= *regions[i].used)
			return &regions[i];
	}
	return NULL;
}

bool regions_own(const void *object, size_t bytes)
{
	uint64_t offset;

	return region_of(object, bytes, &offset) != NULL;
}

#define REGION_SHIFT 40

uint64_t regions_name(const void *object)
{
	uint64_t offset;
	const struct region *region = region_of(object, 1, &offset);

	return region ? (uint64_t)(region - regions) << REGION_SHIFT | offset :
			UINT64_MAX >> 8;
}

void *regions_place(uint64_t name)
{
	uint64_t offset = name & (((uint64_t)1 << REGION_SHIFT) - 1);
	uint64_t i = name >> REGION_SHIFT;

	return i < nr_regions ? regions[i].base + offset : NULL;
}

void check_regions_reset(void)
{
	nr_regions = 0;
}

static unsigned int nr_threads(void)
{
	return (unsigned int)((world->used - offsetof(struct world, threads)) /
			      sizeof(struct thread));
}

static char *put(char *at, const void *from, size_t bytes)
{
	memcpy(at, from, bytes);
	return at + bytes;
}

static const char *get(const char *at, void *to, size_t bytes)
{
	memcpy(to, at, bytes);
	return at + bytes;
}

/* ------ what threads share ------ */

static size_t memory_bytes(void)
{
	size_t order, bytes = offsetof(struct world, threads);

	order_bytes(&order);
	bytes += order;
	for (uint32_t left = world->arenas; left; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctz(left);

		bytes += world_arena_use(i)->used +
			 world_arena_use(i)->shadow_used;
	}
	for (size_t i = 0; i < nr_regions; i++)
		bytes += *regions[i].used;
	return bytes;
}

static char *shared_save(char *at, enum compared which)
{
	size_t order;
	const void *edges = order_bytes(&order);

	for (uint32_t left = world->arenas; left; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctz(left);
		const struct arena_use *use = world_arena_use(i);

		at = put(at, world_arena(i), use->used);
		at = put(at, world_shadow(i), use->shadow_used);
	}
	for (size_t i = 0; i < nr_regions; i++)
		if (*regions[i].used &&
		    (which == WITH_COMPANIONS || !regions[i].companion))
			at = put(at, regions[i].base, *regions[i].used);
	return put(at, edges, order);
}

static size_t memory_save(char *to, enum compared which)
{
	char *at = put(to, world, offsetof(struct world, threads));

	return (size_t)(shared_save(at, which) - to);
}

/* What is in use before bytes are restored, so that the rest is cleared. */
struct memory_use {
	uint32_t arenas;
	struct arena_use arena[ARENAS];
};

static void memory_before(struct memory_use *before)
{
	before->arenas = world->arenas;
	for (uint32_t left = world->arenas; left; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctz(left);

		before->arena[i] = *world_arena_use(i);
	}
}

/* What lies behind the used part is zero by contract: clear what was used. */
static const char *get_part(const char *at, char *base, size_t before,
			    size_t used)
{
	if (before > used)
		memset(base + used, 0, before - used);
	return get(at, base, used);
}

/* How much of a region is saved at `from`: it may say so itself. */
static size_t used_in(const struct region *region, const char *from)
{
	size_t offset = (uintptr_t)region->used - (uintptr_t)region->base;
	size_t used = *region->used;

	if (offset < used)
		memcpy(&used, from + offset, sizeof(used));
	return used;
}

static void memory_restore(const char *from, const struct memory_use *before,
			   enum compared which)
{
	size_t used_before[MAX_REGIONS];
	size_t order;
	void *edges = order_bytes(&order);
	const char *at;

	for (size_t i = 0; i < nr_regions; i++)
		used_before[i] = *regions[i].used;
	at = get(from, world, offsetof(struct world, threads));
	for (uint32_t left = world->arenas | before->arenas; left;
	     left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctz(left);
		bool was = before->arenas & (1u << i);
		const struct arena_use *use = world_arena_use(i);

		at = get_part(at, world_arena(i),
			      was ? before->arena[i].used : 0, use->used);
		at = get_part(at, world_shadow(i),
			      was ? before->arena[i].shadow_used : 0,
			      use->shadow_used);
	}
	for (size_t i = 0; i < nr_regions; i++)
		if (which == WITH_COMPANIONS || !regions[i].companion)
			at = get_part(at, regions[i].base, used_before[i],
				      used_in(&regions[i], at));
	get(at, edges, order);
}

/*
 * Hash what threads share.  Left out is the scheduler's own part, which says
 * where threads are.
 */
uint64_t world_memory_hash(void)
{
	uint64_t hash = 1;

	for (uint32_t left = world->arenas; left; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctz(left);

		hash = XXH3_64bits_withSeed(world_arena(i),
					    world_arena_use(i)->used, hash);
	}
	for (size_t i = 0; i < nr_regions; i++)
		if (*regions[i].used && !regions[i].companion)
			hash = XXH3_64bits_withSeed(regions[i].base,
						    *regions[i].used, hash);
	return hash;
}

/* ------ in parts ------ */

static void arena_part(unsigned int i, bool shadow, struct world_part *part)
{
	const struct arena_use *use = world_arena_use(i);

	part->base = shadow ? world_shadow(i) : world_arena(i);
	part->used = shadow ? &use->shadow_used : &use->used;
}

static bool region_part(size_t i, struct world_part *part)
{
	for (size_t r = 0; r < nr_regions; r++)
		if (!regions[r].companion && !i--) {
			part->base = regions[r].base;
			part->used = regions[r].used;
			return true;
		}
	return false;
}

/* What one thread changes is kept apart from what another one does. */
bool world_part(size_t i, struct world_part *part)
{
	static const size_t head = offsetof(struct world, threads);
	static const size_t thread = sizeof(struct thread);
	static size_t order;
	size_t threads = nr_threads(), arenas = 2 * (threads + 1);

	if (i < threads) {
		*part = (struct world_part){ (char *)&world->threads[i],
					     &thread };
	} else if (i == threads) {
		*part = (struct world_part){ (char *)world, &head };
	} else if (i == threads + 1) {
		part->base = order_bytes(&order);
		part->used = &order;
	} else if (i < threads + 2 + arenas) {
		size_t owner = (i - threads - 2) / 2;

		arena_part(owner == threads ? MAIN : (unsigned int)owner,
			   (i - threads) % 2 != 0, part);
	} else {
		return region_part(i - threads - 2 - arenas, part);
	}
	return true;
}

/* ------ a thread ------ */

/* Locks that it does not hold are not copied: they are NULL. */
static size_t thread_bytes(const struct thread *thread)
{
	return offsetof(struct thread, held) +
	       thread->nr_held * sizeof(thread->held[0]);
}

static size_t thread_save(char *to, unsigned int t)
{
	const struct thread *thread = &world->threads[t];
	char *at = put(to, thread, offsetof(struct thread, held));

	if (thread->nr_held)
		at = put(at, thread->held,
			 thread->nr_held * sizeof(thread->held[0]));
	if (thread->live)
		at = put(at, coro_top(t) - thread->live, thread->live);
	return (size_t)(at - to);
}

static size_t thread_restore(const char *from, unsigned int t)
{
	struct thread *thread = &world->threads[t];
	uint32_t nr_held = thread->nr_held;
	const char *at = get(from, thread, offsetof(struct thread, held));
	char *low = coro_top(t) - thread->live;

	if (thread->nr_held)
		at = get(at, thread->held,
			 thread->nr_held * sizeof(thread->held[0]));
	for (uint32_t i = thread->nr_held; i < nr_held; i++)
		thread->held[i] = NULL;

	if (thread->live) {
		/* what ran since may have left a deeper stack than this */
		if (run.scrubs && coro_live(t) < low)
			memset(coro_live(t), 0, (size_t)(low - coro_live(t)));
		at = get(at, low, thread->live);
		coro_restored(t, low);
	}
	return (size_t)(at - from);
}

/* ------ the whole ------ */

size_t snapshot_bytes(void)
{
	size_t bytes = memory_bytes();

	for (unsigned int t = 0; t < nr_threads(); t++)
		bytes += thread_bytes(&world->threads[t]) +
			 world->threads[t].live;
	return bytes;
}

size_t snapshot_save(char *to, enum compared which)
{
	char *at = to;

	for (unsigned int t = 0; t < nr_threads(); t++)
		at += thread_save(at, t);
	at += memory_save(at, which);
	return (size_t)(at - to);
}

void snapshot_restore(const char *from, enum compared which)
{
	struct memory_use before;

	memory_before(&before);
	for (unsigned int t = 0; t < nr_threads(); t++)
		from += thread_restore(from, t);
	memory_restore(from, &before, which);
}

size_t snapshot_save_alone(char *to, unsigned int t)
{
	char *at = to + thread_save(to, t);

	return (size_t)(shared_save(at, WITH_COMPANIONS) - to);
}

/* Does it go on at *at like this? */
static bool goes_on(const char **at, const char *end, const void *with,
		    size_t bytes)
{
	bool same = bytes <= (size_t)(end - *at) && !memcmp(*at, with, bytes);

	*at += same ? bytes : 0;
	return same;
}

/* Step over those bytes. */
static bool goes_by(const char **at, const char *end, size_t bytes)
{
	bool there = bytes <= (size_t)(end - *at);

	*at += there ? bytes : 0;
	return there;
}

static bool region_goes_on(const char **at, const char *end,
			   const struct region *region, enum compared which)
{
	if (region->companion && which == COMPARED_ONLY)
		return goes_by(at, end, used_in(region, *at));
	return goes_on(at, end, region->base, *region->used);
}

static bool shared_goes_on(const char **at, const char *end,
			   enum compared which)
{
	size_t order;
	const void *edges = order_bytes(&order);
	bool same = true;

	for (uint32_t left = world->arenas; same && left; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctz(left);
		const struct arena_use *use = world_arena_use(i);

		same = goes_on(at, end, world_arena(i), use->used) &&
		       goes_on(at, end, world_shadow(i), use->shadow_used);
	}
	for (size_t i = 0; same && i < nr_regions; i++)
		same = region_goes_on(at, end, &regions[i], which);
	return same && goes_on(at, end, edges, order);
}

static bool thread_goes_on(const char **at, const char *end, unsigned int t)
{
	const struct thread *thread = &world->threads[t];

	return goes_on(at, end, thread, thread_bytes(thread)) &&
	       goes_on(at, end, coro_top(t) - thread->live, thread->live);
}

bool snapshot_is_alone(const char *from, size_t bytes, unsigned int t)
{
	const char *end = from + bytes;

	return thread_goes_on(&from, end, t) &&
	       shared_goes_on(&from, end, WITH_COMPANIONS) && from == end;
}

static bool thread_goes_by(const char **at, const char *end)
{
	struct thread saved;

	memcpy(&saved, *at, offsetof(struct thread, held));
	return goes_by(at, end, thread_bytes(&saved) + saved.live);
}

bool snapshot_is_same_but(const char *from, size_t bytes, unsigned int t)
{
	const char *end = from + bytes;
	bool same = true;

	for (unsigned int u = 0; same && u < nr_threads(); u++)
		same = u == t ? thread_goes_by(&from, end) :
				thread_goes_on(&from, end, u);
	return same &&
	       goes_on(&from, end, world, offsetof(struct world, threads)) &&
	       shared_goes_on(&from, end, COMPARED_ONLY) && from == end;
}

struct spot snapshot_spot(unsigned int t)
{
	const struct thread *thread = &world->threads[t];
	uint64_t seed = XXH3_64bits(thread, thread_bytes(thread));
	XXH128_hash_t hash = XXH3_128bits_withSeed(coro_top(t) - thread->live,
						   thread->live, seed);

	return (struct spot){ hash.low64, hash.high64 };
}

size_t world_save_bound(void)
{
	return memory_bytes() +
	       nr_threads() * (sizeof(struct thread) + CORO_STACK_BYTES);
}

size_t world_save(char *to)
{
	return snapshot_save(to, COMPARED_ONLY);
}

void world_restore(const char *from)
{
	snapshot_restore(from, COMPARED_ONLY);
}
