/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pieces.h - a search of a tree, alone or by several processes, all at once or
 * with a checkpoint in between.
 */
#ifndef CHECKER_PIECES_H
#define CHECKER_PIECES_H

#include "internal.h"
#include "parallel.h"

/*
 * Search all of tree, of which root is the whole.  In a worker process this
 * does not return.  Return: 0, also when it was stopped; -1 with errno.
 */
int search_pieces(struct search *search, const struct tree *tree,
		  const struct bytes *root);

#endif /* CHECKER_PIECES_H */
