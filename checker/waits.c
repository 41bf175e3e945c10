// SPDX-License-Identifier: GPL-2.0-only
/*
 * waits.c - what threads wait for, in words.
 */
#include "queue.h"

#include <stdio.h>
#include <string.h>

/* The lock that a thread waits for, or NULL: for something else. */
static const struct check_lock *wanted_lock(const struct thread *thread)
{
	if (run_waits_for_lock(thread))
		return thread->object;
	if (queue_is_slept_on(thread) && thread->queue->kind == QUEUE_MUTEX)
		return &((const struct check_mutex *)thread->queue)->lock;
	return NULL;
}

/* Who holds a lock?  CHECK_MAX_THREADS: nobody. */
static unsigned int holder(const struct check_lock *lock)
{
	for (unsigned int u = 0; u < run.program->nr_threads; u++)
		for (uint32_t i = 0; i < world->threads[u].nr_held; i++)
			if (world->threads[u].held[i] == lock)
				return u;
	return CHECK_MAX_THREADS;
}

static void queue_wait_text(const struct check_queue *queue, char *text,
			    size_t bytes)
{
	static const char *const last[] = {
		[SIGNAL_NEVER] = ", which was never signalled",
		[SIGNAL_WOKE] = "",
		[SIGNAL_MISSED] = ", whose last signal came when nobody waited",
	};
	int at = snprintf(text, bytes, "waits for %s %s",
			  queue_kind_name((enum queue_kind)queue->kind),
			  queue->lock.name);

	if (at < 0 || (size_t)at >= bytes)
		return;
	if (queue->kind == QUEUE_COND)
		snprintf(text + at, bytes - (size_t)at, "%s",
			 last[((const struct check_cond *)queue)->last]);
	if (queue->kind == QUEUE_BARRIER)
		snprintf(text + at, bytes - (size_t)at, ", %d of %u are there",
			 __builtin_popcount(queue->waiting),
			 ((const struct check_barrier *)queue)->parties);
}

void run_wait_text(unsigned int t, char *text, size_t bytes)
{
	const struct thread *thread = &world->threads[t];
	const struct check_lock *lock = wanted_lock(thread);

	if (lock)
		snprintf(text, bytes, "waits for %s", lock->name);
	else if (queue_is_slept_on(thread))
		queue_wait_text(thread->queue, text, bytes);
	else
		snprintf(text, bytes, "%s",
			 thread->name ? thread->name : "waits");
}

/* One clause, "CPU1 waits for i_pages held by CPU0". */
static int describe_waiter(unsigned int t, char *to, size_t bytes)
{
	const struct check_lock *lock = wanted_lock(&world->threads[t]);
	unsigned int by = lock ? holder(lock) : CHECK_MAX_THREADS;
	const char *name = run_thread_name();
	char wait[128];

	run_wait_text(t, wait, sizeof(wait));
	if (by == CHECK_MAX_THREADS)
		return snprintf(to, bytes, "%s%u %s", name, t, wait);
	return snprintf(to, bytes, "%s%u %s held by %s%u", name, t, wait, name,
			by);
}

/* Nobody has what it waits for: that somebody does something is awaited. */
static bool is_sleeper(const struct thread *thread)
{
	if (queue_is_slept_on(thread))
		return thread->queue->kind == QUEUE_COND ||
		       thread->queue->kind == QUEUE_WAITQUEUE;
	return !run_waits_for_lock(thread);
}

bool run_waits_text(char *text, size_t bytes)
{
	bool sleepers_only = true;
	size_t at = 0;

	*text = '\0';
	for (unsigned int t = 0; t < run.program->nr_threads; t++) {
		if (world->threads[t].status != THREAD_READY)
			continue;
		if (!is_sleeper(&world->threads[t]))
			sleepers_only = false;
		if (at && at + 2 < bytes) {
			memcpy(text + at, ", ", 3);
			at += 2;
		}
		at += (size_t)describe_waiter(t, text + at, bytes - at);
		if (at >= bytes)
			at = bytes - 1;
	}
	return sleepers_only;
}
