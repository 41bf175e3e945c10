/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snapshot.h - copies of the world for those who want companions, too; others
 * have world_save() and world_restore().
 */
#ifndef CHECKER_SNAPSHOT_H
#define CHECKER_SNAPSHOT_H

#include "internal.h"

/* Hash of where a thread is: its live stack, and its operation. */
struct spot {
	uint64_t low;
	uint64_t high;
};

enum compared {
	COMPARED_ONLY,			/* what makes states equal */
	WITH_COMPANIONS,		/* and what only follows the state */
};

/* Return: the most that snapshot_save() takes now. */
size_t snapshot_bytes(void);
/* Return: bytes written. */
size_t snapshot_save(char *to, enum compared which);
/* The same of what thread t can look at. */
size_t snapshot_save_alone(char *to, unsigned int t);
/* Return: it would save the same now. */
bool snapshot_is_alone(const char *from, size_t bytes, unsigned int t);
/* Return: snapshot_save() would, but for thread t and companions. */
bool snapshot_is_same_but(const char *from, size_t bytes, unsigned int t);
void snapshot_restore(const char *from, enum compared which);
/* Return: where thread t is. */
struct spot snapshot_spot(unsigned int t);

#endif /* CHECKER_SNAPSHOT_H */
