// SPDX-License-Identifier: GPL-2.0-only
/*
 * lastzero.c - threads make each element of an array one more than the one
 * before it, while a reader looks for the last that is zero (Abdulla, Aronis,
 * Jonsson and Sagonas, POPL 2014).  What the reader reads next depends on what
 * it has read, which is what makes blocked executions for lesser reductions.
 */
#include "dpor.h"

static void thread(struct dpor *d, unsigned int t)
{
	unsigned int i = d->n;

	if (t) {
		word_store(&d->words[t], word_load(&d->words[t - 1]) + 1);
		return;
	}
	while (word_load(&d->words[i]))
		i--;
}

static const char *finish(const struct dpor *d)
{
	if (d->words[0])
		return "the first element is not zero";
	for (unsigned int j = 1; j <= d->n; j++)
		if (d->words[j] < 1 || d->words[j] > j)
			return "an element is not what its writer can have written";
	return NULL;
}

/* (N + 3) 2^(N - 2) */
static uint64_t executions(unsigned int n)
{
	return (UINT64_C(3) + n) << n >> 2;
}

static struct dpor_size size(unsigned int n)
{
	return (struct dpor_size){ .threads = n + 1, .words = n + 1 };
}

static const struct dpor_row rows[] = {
	{ .n = 5 },
	{ .n = 10, .genmc = 0.33, .nidhugg = 1.3 },
	{ .n = 15, .genmc = 20.6, .nidhugg = 95.4 },
	{ 0 },
};

const struct dpor_program dpor_lastzero = {
	.name = "lastzero",
	.what = "N threads write an array that one searches for a zero",
	.min = 1,
	.max = CHECK_MAX_THREADS - 1,
	.executions = executions,
	.size = size,
	.thread = thread,
	.finish = finish,
	.rows = rows,
};
