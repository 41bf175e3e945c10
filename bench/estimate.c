// SPDX-License-Identifier: GPL-2.0-only
/*
 * estimate.c - how good is the estimate of the whole, as a search goes on?
 *
 * Each program of bench/dpor is searched up to a part of the executions that it
 * is known to have, a tenth and more, and what the estimate of the whole is
 * then is compared with that number.
 */
#include "dpor/dpor.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A tenth of fewer says nothing. */
#define FEWEST 300

static const unsigned int percents[] = { 5, 10, 25, 50, 75 };

/* Return: of the number that there are, or -1. */
static double estimate(const struct dpor_program *program, unsigned int n,
		       unsigned int percent)
{
	struct dpor d = { .program = program, .n = n };
	struct check_program checked = dpor_check_program(&d);
	uint64_t all = program->executions(n);
	struct check_options options = {
		.mode = CHECK_BY_EXECUTIONS,
		.max_executions = all * percent / 100,
	};
	struct check_result result;
	double whole;

	if (check_run(&checked, &options, &result)) {
		fprintf(stderr, "estimate: %s(%u): %s\n", program->name, n,
			strerror(errno));
		return -1;
	}
	whole = (double)result.runs / result.done;
	check_result_free(&result);
	return whole / (double)all;
}

/* Return: 1 if it is outside of a factor of 2 after a tenth; -1: error. */
static int row(const struct dpor_program *program, unsigned int n)
{
	bool outside = false;

	printf("%-14s %3u %10llu", program->name, n,
	       (unsigned long long)program->executions(n));
	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		double ratio = estimate(program, n, percents[i]);

		if (ratio < 0)
			return -1;
		if (percents[i] == 10 && (ratio < 0.5 || ratio > 2))
			outside = true;
		printf(" %6.2f", ratio);
	}
	puts(outside ? "  outside of a factor of 2" : "");
	return outside;
}

int main(void)
{
	int rows = 0, outside = 0;

	printf("the estimate of the whole, in proportion, after so much of it\n"
	       "%-14s %3s %10s", "program", "N", "executions");
	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++)
		printf(" %5u%%", percents[i]);
	puts("");
	for (size_t i = 0; dpor_programs[i]; i++)
		for (const struct dpor_row *r = dpor_programs[i]->rows; r->n;
		     r++) {
			int result;

			if (dpor_programs[i]->executions(r->n) < FEWEST)
				continue;
			result = row(dpor_programs[i], r->n);
			if (result < 0)
				return 2;
			outside += result;
			rows++;
		}
	printf("after 10%%: %d of %d programs outside of a factor of 2\n",
	       outside, rows);
	return 0;
}
