/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snapshot.h - parts of a snapshot, for snapshot.c and trail.c.
 *
 * Interface
 *   memory_*()   all that any thread may change: the world's head, arenas,
 *                regions of the client, lock order
 *   thread_*()   a thread: its part of the world and its live stack
 *
 * A restore is: memory_before(), thread_restore() of each thread,
 * memory_restore().
 */
#ifndef CHECKER_SNAPSHOT_H
#define CHECKER_SNAPSHOT_H

#include "internal.h"

enum compared {
	COMPARED_ONLY,			/* what makes states equal */
	WITH_COMPANIONS,		/* and what only follows the state */
};

size_t memory_bound(void);
size_t memory_save(char *to, enum compared which);

/* What is in use before bytes are restored, so that the rest is cleared. */
struct memory_use {
	uint32_t arenas;
	struct arena_use arena[ARENAS];
};

void memory_before(struct memory_use *before);
size_t memory_restore(const char *from, const struct memory_use *before,
		      enum compared which);

/* What all of them and memory_save() take now. */
size_t snapshot_bytes(void);
size_t thread_save(char *to, unsigned int t);
size_t thread_restore(const char *from, unsigned int t);

#endif /* CHECKER_SNAPSHOT_H */
