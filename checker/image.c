// SPDX-License-Identifier: GPL-2.0-only
/*
 * image.c - a copy of the world that follows it; see image.h.
 *
 * Chunks of a stack are counted from its top, where it begins.
 */
#include "image.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Chunks that are compared at once. */
#define BLOCK_CHUNKS ((size_t)4)

/* Behind the bytes that were overwritten: the log is read backwards. */
struct entry {
	uint32_t part;
	uint32_t chunk;
	uint32_t bytes;			/* of the chunk before, */
	uint32_t bytes_after;		/* and then */
	size_t seen;			/* bytes of the part before */
	struct state_key hash;
	uint64_t id;
};

static size_t stack_live(const struct image_part *part)
{
	return world->threads[part->thread].live;
}

static size_t now(const struct image_part *part)
{
	return part->base ? *part->used : stack_live(part);
}

static size_t chunk_bytes(size_t chunk, size_t part_bytes)
{
	size_t begin = chunk * CHUNK_BYTES;

	if (part_bytes <= begin)
		return 0;
	return part_bytes - begin < CHUNK_BYTES ? part_bytes - begin :
						  CHUNK_BYTES;
}

/* Where the chunk's bytes are in the world, or were if it had as many. */
static char *in_world(const struct image_part *part, size_t chunk, size_t bytes)
{
	if (part->base)
		return part->base + chunk * CHUNK_BYTES;
	return coro_top(part->thread) - chunk * CHUNK_BYTES - bytes;
}

/* A copy of a stack lies at the end of its room. */
static char *in_copy(const struct image_part *part, size_t chunk, size_t bytes)
{
	if (part->base)
		return part->copy + chunk * CHUNK_BYTES;
	return part->copy + part->copy_room - chunk * CHUNK_BYTES - bytes;
}

/* The compiler must not know that it is little: string moves are slow then. */
static __attribute__((noinline)) void copy(char *to, const char *from,
					   size_t bytes)
{
	memcpy(to, from, bytes);
}

static void add_part(struct image *image, struct image_part part)
{
	image->parts[image->nr_parts++] = part;
}

int image_open(struct image *image, struct exact *exact)
{
	unsigned int nr_threads = run.program->nr_threads;
	struct world_part in_world;
	size_t nr = 0;

	memset(image, 0, sizeof(*image));
	image->exact = exact;
	/* the first slot is for a salt */
	image->nr_slots = 1;
	while (world_part(nr, &in_world))
		nr++;
	image->parts = calloc(nr + nr_threads, sizeof(*image->parts));
	if (!image->parts)
		return -1;
	while (world_part(image->nr_parts, &in_world)) {
		struct image_part part = {
			.base = in_world.base, .used = in_world.used,
		};

		add_part(image, part);
	}
	for (unsigned int t = 0; t < nr_threads; t++) {
		struct image_part stack = {
			.thread = t,
			.copy = malloc(CORO_STACK_BYTES),
			/* not a power of two apart: see coro_top() */
			.copy_room = CORO_STACK_BYTES - t % 12 * 320,
		};

		if (!stack.copy)
			return -1;
		add_part(image, stack);
	}
	return 0;
}

void image_close(struct image *image)
{
	for (size_t i = 0; i < image->nr_parts; i++) {
		free(image->parts[i].copy);
		free(image->parts[i].chunks);
	}
	free(image->parts);
	memset(image, 0, sizeof(*image));
}

static void add(struct state_key *to, struct state_key hash)
{
	to->low += hash.low;
	to->high += hash.high;
}

static void subtract(struct state_key *from, struct state_key hash)
{
	from->low -= hash.low;
	from->high -= hash.high;
}

static struct state_key hash_of(const void *bytes, size_t nr, uint64_t place)
{
	XXH128_hash_t h = XXH3_128bits_withSeed(bytes, nr, place);

	return (struct state_key){ h.low64, h.high64 };
}

static struct state_key *sum(struct image *image, const struct image_part *part)
{
	return part->base ? &image->hash : &image->stacks;
}

/* The log's bytes are read backwards: the entry stands behind the chunk's. */
static int log_chunk(struct image *image, size_t p, size_t k,
		     size_t bytes_after, struct image_log *log)
{
	const struct image_part *part = &image->parts[p];
	size_t bytes = chunk_bytes(k, part->seen);
	size_t room = (bytes + 7) / 8 * 8;
	struct entry *entry;

	if (log->used + CHUNK_BYTES + sizeof(*entry) > log->room &&
	    room_for((void **)&log->bytes, &log->room,
		     log->used + CHUNK_BYTES + sizeof(*entry), 1))
		return -1;
	copy(log->bytes + log->used, in_copy(part, k, bytes), bytes);
	entry = (struct entry *)(void *)(log->bytes + log->used + room);
	entry->part = (uint32_t)p;
	entry->chunk = (uint32_t)k;
	entry->bytes = (uint32_t)bytes;
	entry->bytes_after = (uint32_t)bytes_after;
	entry->seen = part->seen;
	entry->hash = part->chunks[k].hash;
	entry->id = part->chunks[k].id;
	log->used += room + sizeof(*entry);
	return 0;
}

/* The chunk is another one from now on, of which the copy has the bytes. */
static int chunk_changed(struct image *image, size_t p, size_t k, size_t bytes)
{
	struct image_part *part = &image->parts[p];
	struct image_chunk *chunk = &part->chunks[k];
	const char *copy = in_copy(part, k, bytes);

	subtract(sum(image, part), chunk->hash);
	chunk->hash = (struct state_key){ 0, 0 };
	if (bytes)
		chunk->hash = hash_of(copy, bytes, (uint64_t)p << 32 | k);
	add(sum(image, part), chunk->hash);
	if (!image->exact)
		return 0;
	if (!chunk->slot)
		chunk->slot = ++image->nr_slots;
	chunk->id = 0;
	if (!bytes)
		return exact_put(image->exact, chunk->slot - 1, 0);
	chunk->id = exact_set(image->exact, chunk->slot - 1, copy, bytes);
	return chunk->id ? 0 : -1;
}

static int follow_chunk(struct image *image, size_t p, size_t k,
			struct image_log *log)
{
	struct image_part *part = &image->parts[p];
	size_t before = chunk_bytes(k, part->seen);
	size_t after = chunk_bytes(k, part->now);
	char *to = in_copy(part, k, after);
	const char *from = in_world(part, k, after);

	if (before == after && !memcmp(to, from, after))
		return 0;
	if (log && log_chunk(image, p, k, after, log))
		return -1;
	copy(to, from, after);
	part->hot = true;
	return chunk_changed(image, p, k, after);
}

static int part_room(struct image_part *part)
{
	size_t nr = (part->now + CHUNK_BYTES - 1) / CHUNK_BYTES;
	size_t before = part->chunks_room;

	if (room_for((void **)&part->chunks, &part->chunks_room, nr,
		     sizeof(*part->chunks)))
		return -1;
	if (part->chunks_room > before)
		memset(part->chunks + before, 0,
		       (part->chunks_room - before) * sizeof(*part->chunks));
	return part->base ? room_for((void **)&part->copy, &part->copy_room,
				     nr * CHUNK_BYTES, 1) : 0;
}

/* Chunks from number k on: most have not changed. */
static bool block_equal(const struct image_part *part, size_t k)
{
	size_t bytes = BLOCK_CHUNKS * CHUNK_BYTES;
	size_t least = part->now < part->seen ? part->now : part->seen;

	return k % BLOCK_CHUNKS == 0 && k * CHUNK_BYTES + bytes <= least &&
	       !memcmp(in_world(part, k, bytes), in_copy(part, k, bytes),
		       bytes);
}

static bool part_equal(const struct image_part *part)
{
	return part->now == part->seen &&
	       !memcmp(in_world(part, 0, part->now),
		       in_copy(part, 0, part->now), part->now);
}

static int follow_part(struct image *image, size_t p, struct image_log *log)
{
	struct image_part *part = &image->parts[p];
	size_t most;

	/* what changed last time mostly changes again */
	if (!part->hot && part_equal(part))
		return 0;
	part->hot = false;
	if (part->now > part->seen && part_room(part))
		return -1;
	most = part->now > part->seen ? part->now : part->seen;
	for (size_t k = 0; k * CHUNK_BYTES < most; k++) {
		if (block_equal(part, k))
			k += BLOCK_CHUNKS - 1;
		else if (follow_chunk(image, p, k, log))
			return -1;
	}
	image->bytes += part->now - part->seen;
	part->seen = part->now;
	return 0;
}

int image_follow(struct image *image, struct image_log *log)
{
	for (size_t p = 0; p < image->nr_parts; p++) {
		struct image_part *part = &image->parts[p];

		part->now = now(part);
		if ((part->now | part->seen) && follow_part(image, p, log))
			return -1;
	}
	return 0;
}

/* Put bytes where `after` bytes are now, which may be more. */
static void put_back(const struct image_part *part, const struct entry *entry,
		     const char *bytes)
{
	size_t k = entry->chunk, before = entry->bytes;
	size_t after = entry->bytes_after;

	if (after > before && part->base)
		memset(in_world(part, k, after) + before, 0, after - before);
	else if (after > before)
		memset(in_world(part, k, after), 0, after - before);
	memcpy(in_world(part, k, before), bytes, before);
	memcpy(in_copy(part, k, before), bytes, before);
}

static int undo_chunk(struct image *image, const struct entry *entry,
		      const char *bytes)
{
	struct image_part *part = &image->parts[entry->part];
	struct image_chunk *chunk = &part->chunks[entry->chunk];

	put_back(part, entry, bytes);
	subtract(sum(image, part), chunk->hash);
	add(sum(image, part), entry->hash);
	chunk->hash = entry->hash;
	chunk->id = (uint32_t)entry->id;
	image->bytes += entry->seen - part->seen;
	part->seen = entry->seen;
	if (!part->base && part->seen)
		coro_restored(part->thread,
			      coro_top(part->thread) - part->seen);
	return image->exact ? exact_put(image->exact, chunk->slot - 1,
					chunk->id) : 0;
}

int image_undo(struct image *image, struct image_log *log, size_t to)
{
	int error = 0;

	while (log->used > to) {
		const struct entry *entry;

		log->used -= sizeof(*entry);
		entry = (const void *)(log->bytes + log->used);
		log->used -= (entry->bytes + 7) / 8 * 8;
		if (undo_chunk(image, entry, log->bytes + log->used))
			error = -1;
	}
	return error;
}

static void sync_part(const struct image_part *part)
{
	size_t now = part->now, seen = part->seen;

	if (now > seen && part->base)
		memset(part->base + seen, 0, now - seen);
	else if (now > seen)
		memset(coro_top(part->thread) - now, 0, now - seen);
	if (!seen)
		return;
	memcpy(in_world(part, 0, seen), in_copy(part, 0, seen), seen);
	if (!part->base)
		coro_restored(part->thread, coro_top(part->thread) - seen);
}

/* How much there is of one part may stand in another. */
void image_sync(struct image *image)
{
	for (size_t p = 0; p < image->nr_parts; p++)
		image->parts[p].now = now(&image->parts[p]);
	for (size_t p = 0; p < image->nr_parts; p++)
		sync_part(&image->parts[p]);
}

struct state_key image_key(const struct image *image, uint64_t salt)
{
	struct state_key key = image->hash;

	add(&key, image->stacks);
	if (salt)
		add(&key, hash_of(&salt, sizeof(salt), UINT64_MAX));
	return key;
}
