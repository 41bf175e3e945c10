/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tries.h - what came of trying whether a thread comes back to where it is.
 *
 * What it does depends on its stack and on what threads share.  All of that is
 * kept, and compared byte by byte, as long as there is room.
 *
 * Interface
 *   known_tries_find()   those of the thread as it is now
 */
#ifndef CHECKER_TRIES_H
#define CHECKER_TRIES_H

#include "snapshot.h"

#define KNOWN_TRIES 1024
#define MAX_TRIES 7

/* The oldest of many is overwritten. */
struct tries {
	bool asked;
	bool waits;			/* in a loop, it may; if so: */
	uint32_t nr;
	uint32_t back;			/* a mask: it comes back */
	uint32_t quiet;			/* a mask: it changes nothing else, */
	struct spot after[MAX_TRIES];	/* and is there then, if asked */
	uint64_t value[MAX_TRIES];	/* when its word holds this */
};

/* The thread, and what all share, are kept; *at is where that ends. */
struct known_try {
	uint64_t hash;
	size_t at;
	size_t bytes;			/* 0: none */
	unsigned int thread;
	struct tries tries;
};

struct known_tries {
	struct known_try *tries;	/* by their hashes, or NULL */
	char *bytes;
	size_t used;
	size_t room;
};

/* Return: those of thread t as it is, none at first; or NULL without room. */
struct tries *known_tries_find(struct known_tries *known, unsigned int t);
size_t known_tries_bytes(const struct known_tries *known);
void known_tries_free(struct known_tries *known);

#endif /* CHECKER_TRIES_H */
