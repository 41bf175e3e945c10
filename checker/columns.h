/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * columns.h - one execution, drawn with a column for each thread.
 *
 * Interface
 *   columns_listener()   fill a listener for check_replay()
 *   columns_print()      draw what it heard
 *   columns_free()
 */
#ifndef CHECKER_COLUMNS_H
#define CHECKER_COLUMNS_H

#include "internal.h"

#include <stdio.h>

struct row {
	unsigned int thread;		/* CHECK_MAX_THREADS: finish() */
	const struct check_place *place;	/* or NULL */
	char *text;
};

struct columns {
	const struct check_program *program;
	struct row *rows;
	size_t nr;
	bool begun;			/* setup() is over */
	bool failed;			/* rows end at the first failure */
	char failure[sizeof(((struct check_failure *)0)->text)];
	const struct check_place *place;	/* of it, or NULL */
};

void columns_listener(struct columns *columns, struct check_listener *listener);
void columns_print(const struct columns *columns, FILE *to);
void columns_free(struct columns *columns);

#endif /* CHECKER_COLUMNS_H */
