// SPDX-License-Identifier: GPL-2.0-only
/*
 * record.c - the tree of a search by executions, for bench/balance.c.
 *
 *	record FILE ARGUMENT...
 *
 * does what `faultline ARGUMENT...` does and writes to FILE a line for each
 * execution that a search by executions makes: how deep in the tree it is.  A
 * search that begins anew begins the file anew.
 *
 * It is linked with all of the command, and gets to know by way of the linker's
 * --wrap.  There are no probes, so executions come in the order of the tree:
 * each sub-tree as a whole, after the execution that found it.
 */
#include "../checker/executions.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static FILE *file;

int __real_main(int argc, char **argv);
int __wrap_main(int argc, char **argv);
struct subtree *__wrap_left_next(struct executions *x);

struct subtree *__wrap_left_next(struct executions *x)
{
	struct subtree *s = subtree_pop(x);

	if (!s)
		return NULL;
	if (!s->depth) {
		rewind(file);
		if (ftruncate(fileno(file), 0)) {
			perror("record");
			_exit(2);
		}
	}
	fprintf(file, "%u\n", s->depth);
	return s;
}

int __wrap_main(int argc, char **argv)
{
	int status;

	if (argc < 3) {
		fputs("usage: record FILE ARGUMENT...\n", stderr);
		return 2;
	}
	file = fopen(argv[1], "w");
	if (!file) {
		fprintf(stderr, "record: %s: %s\n", argv[1], strerror(errno));
		return 2;
	}
	argv[1] = argv[0];
	status = __real_main(argc - 1, argv + 1);
	if (fclose(file)) {
		fprintf(stderr, "record: %s\n", strerror(errno));
		return 2;
	}
	return status;
}
