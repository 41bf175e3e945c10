/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * diagram.h - one execution as kernel people draw it: a column a CPU.
 */
#ifndef CLI_DIAGRAM_H
#define CLI_DIAGRAM_H

#include <stdio.h>

#include "trial.h"

struct diagram_options {
	/* the failure that is explained, or NULL: the whole execution */
	const struct check_failure *failure;
	/* draw from this segment of the schedule on, */
	size_t from_segment;
	/* and no further than to this one; 0: to the end */
	size_t to_segment;
};

/* Draw what trial_replay() recorded. */
void diagram_print(const struct trial *trial, const struct trace *trace,
		   const struct diagram_options *options, FILE *to);

#endif /* CLI_DIAGRAM_H */
