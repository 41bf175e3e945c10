/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wait.h - wait queues whose sleepers have a key.
 *
 * A queue is shared by many keys (it is one bucket of a hash table), so a
 * wake-up names the key it is for.  The sleeper's side is
 *
 *	prepare_to_wait_exclusive(queue, &wait, mapping, index);
 *	... drop the lock that protects the condition ...
 *	machine_park();
 *	finish_wait(&wait);
 *	... take the lock and look again ...
 *
 * Once prepared, the task has to park, or to call cancel_wait(): a waker takes
 * the entry off the queue and leaves exactly one token for it.
 *
 * Interface
 *   init_waitqueue_head(), destroy_waitqueue_head()
 *   prepare_to_wait_exclusive(), finish_wait()	the sleeper
 *   cancel_wait()				it need not sleep after all
 *   waitqueue_active(), __wake_up()		the waker
 */
#ifndef BASE_WAIT_H
#define BASE_WAIT_H

#include "base/list.h"

struct wait_queue_head {
	struct machine_spinlock lock;	/* for the two below */
	struct list_head waiters;	/* in order of arrival */
	uint64_t nr_waiters;		/* a word, read without the lock */
};

/* Lives on the sleeper's stack. */
struct wait_queue_entry {
	struct list_head node;
	struct machine_task *task;
	const void *mapping;		/* the key, with index */
	uint64_t index;
};

void init_waitqueue_head(struct wait_queue_head *queue);
void destroy_waitqueue_head(struct wait_queue_head *queue);
void prepare_to_wait_exclusive(struct wait_queue_head *queue,
			       struct wait_queue_entry *wait,
			       const void *mapping, uint64_t index);
void cancel_wait(struct wait_queue_head *queue, struct wait_queue_entry *wait);
void finish_wait(const struct wait_queue_entry *wait);
bool waitqueue_active(const struct wait_queue_head *queue);
void __wake_up(struct wait_queue_head *queue, unsigned int nr_exclusive,
	       const void *mapping, uint64_t index);

#endif /* BASE_WAIT_H */
