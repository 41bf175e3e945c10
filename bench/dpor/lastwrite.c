// SPDX-License-Identifier: GPL-2.0-only
/*
 * lastwrite.c - threads write a word that is read when all have ended.
 */
#include "dpor.h"

static void thread(struct dpor *d, unsigned int t)
{
	word_store(&d->words[0], t + 1);
}

static const char *finish(const struct dpor *d)
{
	if (d->words[0] < 1 || d->words[0] > d->n)
		return "the word is not what anybody wrote";
	return NULL;
}

static struct dpor_size size(unsigned int n)
{
	return (struct dpor_size){ .threads = n, .words = 1 };
}

static const struct dpor_row rows[] = {
	{ .n = 9, .genmc = 5.5, .nidhugg = 51.6 },
	{ 0 },
};

const struct dpor_program dpor_lastwrite = {
	.name = "lastwrite",
	.what = "N threads write a word; which was last?",
	.min = 1,
	.max = 20,
	.executions = dpor_factorial,
	.size = size,
	.thread = thread,
	.finish = finish,
	.rows = rows,
};
