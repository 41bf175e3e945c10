// SPDX-License-Identifier: GPL-2.0-only
/*
 * fib.c - two threads add each other's number to their own, N times each
 * (SV-COMP's fib_bench, whose threads main joins).
 */
#include "dpor.h"

static void setup(struct dpor *d)
{
	d->words[0] = 1;
	d->words[1] = 1;
}

static void thread(struct dpor *d, unsigned int t)
{
	for (unsigned int k = 0; k < d->n; k++) {
		uint64_t x = word_load(&d->words[t]);
		uint64_t y = word_load(&d->words[1 - t]);

		word_store(&d->words[t], x + y);
	}
}

/* A thread adds at least 1 each time; most comes of taking turns. */
static const char *finish(const struct dpor *d)
{
	uint64_t most = 1, before = 1;

	for (unsigned int k = 0; k < 2 * d->n; k++) {
		uint64_t next = most + before;

		before = most;
		most = next;
	}
	for (unsigned int t = 0; t < 2; t++)
		if (d->words[t] < d->n + 1 || d->words[t] > most)
			return "a number is out of its bounds";
	return NULL;
}

static uint64_t executions(unsigned int n)
{
	static const struct dpor_access a[] = {
		{ .word = 0 },
		{ .word = 1 },
		{ .word = 0, .writes = true },
	};
	static const struct dpor_access b[] = {
		{ .word = 1 },
		{ .word = 0 },
		{ .word = 1, .writes = true },
	};

	return dpor_count_two(a, b, 3, n);
}

static struct dpor_size size(unsigned int n)
{
	(void)n;
	return (struct dpor_size){ .threads = 2, .words = 2 };
}

static const struct dpor_row rows[] = {
	{ .n = 4 },
	{ .n = 6, .genmc = 5.6, .nidhugg = 6.9, .spin = 0.58,
	  .by_states = true },
	{ 0 },
};

const struct dpor_program dpor_fib = {
	.name = "fib",
	.what = "two threads add each other's number to their own, N times",
	.min = 1,
	.max = 11,
	.executions = executions,
	.size = size,
	.setup = setup,
	.thread = thread,
	.finish = finish,
	.rows = rows,
};
