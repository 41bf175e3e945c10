// SPDX-License-Identifier: GPL-2.0-only
/*
 * mutex_counter.c - threads increment a word under a mutex.  A reduction that
 * does not know mutexes tries to reverse the accesses, too, in vain.
 */
#include "dpor.h"

static void thread(struct dpor *d, unsigned int t)
{
	(void)t;
	mutex_lock(&d->locks[0]);
	word_store(&d->words[0], word_load(&d->words[0]) + 1);
	mutex_unlock(&d->locks[0]);
}

static const char *finish(const struct dpor *d)
{
	return d->words[0] == d->n ? NULL : "an increment is lost";
}

static struct dpor_size size(unsigned int n)
{
	return (struct dpor_size){ .threads = n, .words = 1, .locks = 1 };
}

static const struct dpor_row rows[] = {
	{ .n = 8, .genmc = 4.4, .nidhugg = 9.1, .by_states = true },
	{ 0 },
};

const struct dpor_program dpor_mutex_counter = {
	.name = "mutex-counter",
	.what = "N threads increment a word under a mutex",
	.min = 1,
	.max = 20,
	.executions = dpor_factorial,
	.size = size,
	.thread = thread,
	.finish = finish,
	.rows = rows,
};
