/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * image.h - a copy of the world that follows it step by step.
 *
 * Interface
 *   image_open()     what the world's parts are; the image is empty
 *   image_follow()   make the image like the world; hash what has changed
 *   image_undo()     take both back to where a log was at an offset
 *   image_sync()     make the world like the image, whatever was done to it
 *   image_close()
 *
 * The world is seen in chunks of CHUNK_BYTES.  The hash of a state is the sum
 * of its chunks' hashes, each seeded with the chunk's place, so that only what
 * a step has changed is hashed and copied.  A log has what was overwritten: a
 * search that goes back by undoing needs no whole snapshots.
 */
#ifndef CHECKER_IMAGE_H
#define CHECKER_IMAGE_H

#include "internal.h"
#include "states.h"

#define CHUNK_BYTES ((size_t)128)

struct image_chunk {
	struct state_key hash;
	uint32_t id;			/* when states are kept exactly */
	uint32_t slot;			/* + 1; 0: none yet */
};

struct image_part {
	char *base;			/* NULL: a thread's stack */
	const size_t *used;
	unsigned int thread;
	size_t now;			/* bytes of it in the world, */
	size_t seen;			/* and in the image */
	bool hot;			/* changed last time */
	char *copy;
	size_t copy_room;
	struct image_chunk *chunks;
	size_t chunks_room;
};

struct image {
	struct image_part *parts;
	size_t nr_parts;
	struct state_key hash;		/* of memory and of where threads are */
	struct state_key stacks;	/* of their stacks */
	struct exact *exact;		/* gets all chunks; or NULL */
	uint32_t nr_slots;
	size_t bytes;			/* of the image */
};

struct image_log {
	char *bytes;
	size_t used;
	size_t room;
};

/* Return: 0, or -1 without memory. */
int image_open(struct image *image, struct exact *exact);
/* log may be NULL: then there is no way back.  Return: 0 or -1. */
int image_follow(struct image *image, struct image_log *log);
/* Both are alike now.  Return: 0 or -1. */
int image_undo(struct image *image, struct image_log *log, size_t to);
void image_sync(struct image *image);
void image_close(struct image *image);
/* Return: the hash of both, with a salt for what is not in the world. */
struct state_key image_key(const struct image *image, uint64_t salt);

#endif /* CHECKER_IMAGE_H */
