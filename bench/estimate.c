// SPDX-License-Identifier: GPL-2.0-only
/*
 * estimate.c - how good is the estimate of the whole after a tenth of it?
 *
 * Each program of bench/dpor is searched up to a tenth of the executions that
 * it is known to have, and the estimate then is compared with that number.
 */
#include "dpor/dpor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A tenth of fewer says nothing. */
#define FEWEST 300

static int measure(const struct dpor_program *program, unsigned int n)
{
	struct dpor d = { .program = program, .n = n };
	struct check_program checked = dpor_check_program(&d);
	uint64_t all = program->executions(n);
	struct check_options options = {
		.mode = CHECK_BY_EXECUTIONS, .max_executions = all / 10,
	};
	struct check_result result;
	double estimate;

	if (check_run(&checked, &options, &result)) {
		fprintf(stderr, "estimate: %s(%u): %s\n", program->name, n,
			strerror(errno));
		return -1;
	}
	estimate = (double)result.runs / result.done;
	printf("%-14s %3u %9llu %12.0f %7.2f\n", program->name, n,
	       (unsigned long long)all, estimate, estimate / (double)all);
	check_result_free(&result);
	return 0;
}

int main(void)
{
	printf("%-14s %3s %9s %12s %7s\n", "program", "N", "executions",
	       "estimate", "ratio");
	for (size_t i = 0; dpor_programs[i]; i++)
		for (const struct dpor_row *r = dpor_programs[i]->rows; r->n;
		     r++)
			if (dpor_programs[i]->executions(r->n) >= FEWEST &&
			    measure(dpor_programs[i], r->n))
				return 2;
	return 0;
}
