// SPDX-License-Identifier: GPL-2.0-only
/*
 * readers.c - one thread writes a word that the others read.  Reads commute,
 * so all that counts is who reads before the write.
 */
#include "dpor.h"

static void thread(struct dpor *d, unsigned int t)
{
	if (t == 0)
		word_store(&d->words[0], 1);
	else if (word_load(&d->words[0]) > 1)
		dpor_fail("a reader saw what nobody wrote");
}

static const char *finish(const struct dpor *d)
{
	return d->words[0] == 1 ? NULL : "the write is lost";
}

static uint64_t executions(unsigned int n)
{
	return UINT64_C(1) << n;
}

static struct dpor_size size(unsigned int n)
{
	return (struct dpor_size){ .threads = n + 1, .words = 1 };
}

static const struct dpor_row rows[] = {
	{ .n = 8 },
	{ .n = 16, .genmc = 2.8, .nidhugg = 33.4 },
	{ 0 },
};

const struct dpor_program dpor_readers = {
	.name = "readers",
	.what = "one thread writes a word, N threads read it",
	.min = 1,
	.max = CHECK_MAX_THREADS - 1,
	.executions = executions,
	.size = size,
	.thread = thread,
	.finish = finish,
	.rows = rows,
};
