// SPDX-License-Identifier: GPL-2.0-only
/*
 * dpor.c - the list of the programs, and what they have in common.
 *
 * The seconds in the programs' rows are those of GenMC 0.10.3, of Nidhugg with
 * optimal reduction and of SPIN, as the specification of this project has them:
 * CPU seconds on another machine, with 2 cores of 2.3 GHz.  Nothing here
 * measures them.
 */
#include "dpor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* In the order of the specification's table. */
const struct dpor_program *const dpor_programs[] = {
	&dpor_indexer,
	&dpor_filesystem,
	&dpor_readers,
	&dpor_lastzero,
	&dpor_fib,
	&dpor_ainc,
	&dpor_inc,
	&dpor_mutex_counter,
	&dpor_philosophers,
	&dpor_ticket_lock,
	&dpor_lastwrite,
	NULL,
};

static bool is_called(const char *program, const char *name, size_t bytes)
{
	if (strlen(program) != bytes)
		return false;
	for (size_t i = 0; i < bytes; i++)
		if (program[i] != (name[i] == ' ' ? '-' : name[i]))
			return false;
	return true;
}

const struct dpor_program *dpor_find(const char *name, size_t bytes)
{
	size_t i = 0;

	while (dpor_programs[i] &&
	       !is_called(dpor_programs[i]->name, name, bytes))
		i++;
	return dpor_programs[i];
}

/* ------ running ------ */

static void setup(void *arg)
{
	struct dpor *d = arg;
	struct dpor_size size = d->program->size(d->n);

	d->words = check_alloc(size.words * sizeof(*d->words), "words");
	d->locks = check_alloc(size.locks * sizeof(*d->locks), "locks");
	for (unsigned int i = 0; i < size.locks; i++)
		mutex_init(&d->locks[i]);
	if (d->program->setup)
		d->program->setup(d);
}

static void thread(void *arg, unsigned int t)
{
	struct dpor *d = arg;

	d->program->thread(d, t);
}

static void finish(void *arg)
{
	const struct dpor *d = arg;
	const char *wrong = d->program->finish(d);

	if (wrong)
		dpor_fail(wrong);
}

void dpor_fail(const char *what)
{
	check_fail(1, __builtin_return_address(0), "%s", what);
}

struct check_program dpor_check_program(struct dpor *d)
{
	return (struct check_program){
		.nr_threads = d->program->size(d->n).threads,
		.setup = setup,
		.thread = thread,
		.finish = d->program->finish ? finish : NULL,
		.arg = d,
	};
}

int dpor_judge(const struct dpor *d, const struct check_result *result,
	       char *text, size_t bytes)
{
	uint64_t exact = d->program->executions(d->n);

	if (result->nr_failures)
		snprintf(text, bytes, "fails: %s", result->failures[0].text);
	else if (result->stopped)
		snprintf(text, bytes, "incomplete: stopped by %s",
			 result->stopped);
	else if (result->too_long)
		snprintf(text, bytes,
			 "incomplete: %" PRIu64 " executions with too many operations (--limit operations=)",
			 result->too_long);
	else if (result->executions != exact)
		snprintf(text, bytes,
			 "%" PRIu64 " executions, but there are %" PRIu64,
			 result->executions, exact);
	else if (result->redundant)
		snprintf(text, bytes, "%" PRIu64 " redundant executions",
			 result->redundant);
	else if (result->cut)
		snprintf(text, bytes, "%" PRIu64 " blocked executions",
			 result->cut);
	else if (!result->complete)
		snprintf(text, bytes, "not complete, and nobody says why");
	else
		return 0;
	return -1;
}

/* ------ counting ------ */

uint64_t dpor_factorial(unsigned int n)
{
	uint64_t product = 1;

	for (unsigned int i = 2; i <= n; i++)
		product *= i;
	return product;
}

static bool depend(const struct dpor_access *a, const struct dpor_access *b)
{
	return a->word == b->word && (a->writes || b->writes);
}

/*
 * Of all the interleavings that are one trace, exactly one never lets an
 * access of b stand right before an access of a that commutes with it (the
 * first in the order of letters, Anisimov and Knuth 1979; with two threads
 * looking at neighbours is enough).  Those are counted, by how far both
 * threads are and by who was last.
 */
uint64_t dpor_count_two(const struct dpor_access *a,
			const struct dpor_access *b, unsigned int nr,
			unsigned int rounds)
{
	enum { A, B, MOST = 33 };
	static uint64_t ways[MOST + 1][MOST + 1][2];
	unsigned int length = nr * rounds;

	memset(ways, 0, sizeof(ways));
	ways[0][0][A] = 1;
	for (unsigned int i = 0; i <= length; i++)
		for (unsigned int j = 0; j <= length; j++) {
			uint64_t all = ways[i][j][A] + ways[i][j][B];

			if (j < length)
				ways[i][j + 1][B] += all;
			if (i == length)
				continue;
			ways[i + 1][j][A] += ways[i][j][A];
			if (j && depend(&a[i % nr], &b[(j - 1) % nr]))
				ways[i + 1][j][A] += ways[i][j][B];
		}
	return ways[length][length][A] + ways[length][length][B];
}
