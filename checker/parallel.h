/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parallel.h - a search as a tree, by several processes, or in pieces.
 *
 * A tree is searched node by node.  Sub-trees that are still to be searched are
 * parts: bytes that any process with the same program can go on from.
 *
 * Interface
 *   parallel_work()         be a worker, until parallel_end()
 *   parallel_begin()        the workers begin anew, with what was learned
 *   parallel_coordinate()   be the coordinator, until all is searched; may be
 *                           called again with what was left
 *   parallel_end()          the workers may go
 */
#ifndef CHECKER_PARALLEL_H
#define CHECKER_PARALLEL_H

#include "../include/checker_post.h"

#include <stdbool.h>

struct bytes {
	void *data;			/* malloc()ed */
	size_t nr;
	double weight;			/* of the whole tree, for a part */
};

/* What a worker searches. */
struct tree {
	void *own;
	/* Nothing is left, nothing found, but for what was learned. */
	int (*begin)(void *own);
	/*
	 * Begin anew with what was learned elsewhere, so that parts mean here
	 * what they mean there.  0, or -1 with errno.
	 */
	int (*learn)(void *own, const struct bytes *learned);
	/* This process is one of several from now on, and has found nothing. */
	void (*share)(void *own);
	/* Search one node.  Return: 1; 0: there is none left; -1 with errno. */
	int (*step)(void *own);
	/* Add a part to what is to be searched.  0, or -1 with errno. */
	int (*take)(void *own, const struct bytes *part);
	/* Split a part off.  Return: false when there is none to spare. */
	bool (*give)(void *own, struct bytes *part);
	/* Call save() for all that is left, and have nothing left then. */
	int (*give_all)(void *own, int (*save)(void *user,
					       const struct bytes *part),
			void *user);
	/* What was found since forget(); report->data is malloc()ed. */
	int (*report)(void *own, struct bytes *report);
	void (*forget)(void *own);
	/* Return: the search is to stop at once: it found what it is for. */
	bool (*found)(void *own);
	/* Return: how large its parts are is soon known, if it is let alone. */
	bool (*measures)(void *own);
};

/* What the coordinator does with what it hears; all but user may be NULL. */
struct coordinator {
	void *user;
	/* worker's report of this round, in place of the one before it */
	int (*heard)(void *user, unsigned int worker,
		     const struct bytes *report);
	/*
	 * called some times a second; waiting: weight of the parts that nobody
	 * has.  Return: true to stop.
	 */
	bool (*stop)(void *user, double waiting);
	/* parts that are left when it stopped, or was asked for them */
	int (*left)(void *user, const struct bytes *part);
};

int parallel_work(struct check_post *post, const struct tree *tree);
/* learned: what tree->learn() of each worker takes.  0, or -1 with errno. */
int parallel_begin(struct check_post *post, const struct bytes *learned);
/*
 * parts: where to begin, a list that is used up.
 * Return: 1: all is searched; 0: stopped; -1 with errno: a worker is gone.
 */
int parallel_coordinate(struct check_post *post,
			const struct coordinator *coordinator,
			struct bytes *parts, size_t nr_parts);
int parallel_end(struct check_post *post);

#endif /* CHECKER_PARALLEL_H */
