/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * checkpoint.h - a search in a file: what was found, and what is left.
 *
 * The file is replaced as a whole, so it is always one that was complete; a
 * sum at its end tells when it is not one at all.
 */
#ifndef CHECKER_CHECKPOINT_H
#define CHECKER_CHECKPOINT_H

#include "parallel.h"

struct parts {
	struct bytes *at;
	size_t nr;
	size_t room;
};

/* Add a copy of part.  user: struct parts. */
int parts_add(void *user, const struct bytes *part);
void parts_free(struct parts *parts);

/* Return: 0, or -1 with errno: of the file. */
int checkpoint_save(const char *path, uint64_t identity,
		    const struct bytes *report, const struct parts *parts);
/*
 * Return: 1: read; 0: there is no such file; -1 with errno: EBADMSG, the file
 * is damaged or something else; ESTALE: it is of another search.
 */
int checkpoint_load(const char *path, uint64_t identity, struct bytes *report,
		    struct parts *parts);

#endif /* CHECKER_CHECKPOINT_H */
