/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * patches.h - patches to the engine, and where they live.
 *
 * Interface
 *   data_directory()        what holds engine/, litmus/, patches/, corpus/
 *   patch_find()            from what --with was given to a file
 *   patch_check_names()     refuse what a patch may not touch
 *   patch_read_header()     what a patch says about itself
 *   patches_list()          all patches of the data directory
 *
 * The header is the text before the first line that starts with `---` or
 * `diff `:
 *
 *   Subject: what it does, in one line
 *   Trips: O1 O2            oracles that break with it; or: none
 *   Commit: ...             and Date: ..., free text
 *
 * All complaints are one line in `errors`.
 */
#ifndef PATCHES_H
#define PATCHES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct patch_header {
	char *name;		/* of the file, without .patch */
	char *summary;		/* of the Subject line; may be empty */
	uint32_t trips;		/* bit N: oracle ON */
	char *text;		/* the whole header */
};

/*
 * FAULTLINE_DATA, else the executable's own directory if it holds engine/,
 * else share/faultline beside it.
 * Return: an absolute path that the caller frees, or NULL.
 */
char *data_directory(FILE *errors);

/* Return: a path that the caller frees, or NULL. */
char *patch_find(const char *given, FILE *errors);

/*
 * Look at each file that the diff in text names.
 * Return: 0 when all lie in engine/ and there is one, else -1.
 */
int patch_check_names(const char *given, const char *text, FILE *errors);

/* Return: 0 and *header, which goes to patch_header_clear(), or -1. */
int patch_read_header(const char *path, struct patch_header *header,
		      FILE *errors);
void patch_header_clear(struct patch_header *header);

/* Return: 0 and *list of *nr, sorted by name, for patches_free(); or -1. */
int patches_list(struct patch_header **list, size_t *nr, FILE *errors);
void patches_free(struct patch_header *list, size_t nr);

#endif /* PATCHES_H */
