// SPDX-License-Identifier: GPL-2.0-only
/*
 * ainc.c - threads add to a word, and each uses what it got.
 */
#include "dpor.h"

static void thread(struct dpor *d, unsigned int t)
{
	(void)t;
	if (word_fetch_add(&d->words[0], 1) >= d->n)
		dpor_fail("somebody added twice");
}

static const char *finish(const struct dpor *d)
{
	return d->words[0] == d->n ? NULL : "an addition is lost";
}

static struct dpor_size size(unsigned int n)
{
	return (struct dpor_size){ .threads = n, .words = 1 };
}

static const struct dpor_row rows[] = {
	{ .n = 6 },
	{ .n = 9, .genmc = 37.5, .nidhugg = 60.6, .spin = 0.1,
	  .by_states = true },
	{ 0 },
};

const struct dpor_program dpor_ainc = {
	.name = "ainc",
	.what = "N threads fetch and add",
	.min = 1,
	.max = 20,
	.executions = dpor_factorial,
	.size = size,
	.thread = thread,
	.finish = finish,
	.rows = rows,
};
