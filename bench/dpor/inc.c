// SPDX-License-Identifier: GPL-2.0-only
/*
 * inc.c - two threads increment a word by a load and a store, N times each.
 */
#include "dpor.h"

static void thread(struct dpor *d, unsigned int t)
{
	(void)t;
	for (unsigned int k = 0; k < d->n; k++)
		word_store(&d->words[0], word_load(&d->words[0]) + 1);
}

/* The least is 2: each thread's last store may undo all but its first. */
static const char *finish(const struct dpor *d)
{
	uint64_t least = d->n < 2 ? 1 : 2;

	if (d->words[0] < least || d->words[0] > 2 * (uint64_t)d->n)
		return "the word is out of its bounds";
	return NULL;
}

static uint64_t executions(unsigned int n)
{
	static const struct dpor_access a[] = {
		{ .word = 0 },
		{ .word = 0, .writes = true },
	};

	return dpor_count_two(a, a, 2, n);
}

static struct dpor_size size(unsigned int n)
{
	(void)n;
	return (struct dpor_size){ .threads = 2, .words = 1 };
}

static const struct dpor_row rows[] = {
	{ .n = 4 },
	{ .n = 6, .genmc = 7.2, .nidhugg = 32.2, .spin = 0.1,
	  .by_states = true },
	{ 0 },
};

const struct dpor_program dpor_inc = {
	.name = "inc",
	.what = "two threads load and store one more, N times",
	.min = 1,
	.max = 16,
	.executions = executions,
	.size = size,
	.thread = thread,
	.finish = finish,
	.rows = rows,
};
