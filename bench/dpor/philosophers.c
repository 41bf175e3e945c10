// SPDX-License-Identifier: GPL-2.0-only
/*
 * philosophers.c - each takes two forks, that with the lower number first, so
 * there is no deadlock.
 */
#include "dpor.h"

static void thread(struct dpor *d, unsigned int t)
{
	unsigned int next = (t + 1) % d->n;
	struct check_lock *low = &d->locks[t < next ? t : next];
	struct check_lock *high = &d->locks[t < next ? next : t];

	mutex_lock(low);
	mutex_lock(high);
	mutex_unlock(high);
	mutex_unlock(low);
}

/* Of the 2^N ways to order neighbours two would be a circle. */
static uint64_t executions(unsigned int n)
{
	return (UINT64_C(1) << n) - 2;
}

static struct dpor_size size(unsigned int n)
{
	return (struct dpor_size){ .threads = n, .locks = n };
}

static const struct dpor_row rows[] = {
	{ .n = 10, .genmc = 0.22, .nidhugg = 0.29 },
	{ .n = 14, .genmc = 5.2, .nidhugg = 7.3 },
	{ 0 },
};

const struct dpor_program dpor_philosophers = {
	.name = "philosophers",
	.what = "N threads take two of N mutexes each, in order",
	.min = 2,
	.max = CHECK_MAX_THREADS,
	.executions = executions,
	.size = size,
	.thread = thread,
	.rows = rows,
};
