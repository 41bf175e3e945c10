/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wait.c - wait queues whose sleepers have a key.
 *
 * Every sleeper here is exclusive: a wake-up of one wakes the sleeper that
 * came first, no other.  A sleeper that needs no exclusiveness has not come up
 * yet.
 */
#include "base/wait.h"

/*
 * init_waitqueue_head - make an empty queue.
 *
 * Locks: none, nobody else knows the queue.  Sleeps: no.
 */
void init_waitqueue_head(struct wait_queue_head *queue)
{
	machine_spin_init(&queue->lock, "wait queue");
	list_init(&queue->waiters);
	queue->nr_waiters = 0;
}

/*
 * destroy_waitqueue_head - the queue's memory is about to go.
 *
 * Locks: none, nobody may use the queue.  Sleeps: no.
 */
void destroy_waitqueue_head(struct wait_queue_head *queue)
{
	BUG_ON(7, !list_empty(&queue->waiters));
	machine_spin_destroy(&queue->lock);
}

/*
 * prepare_to_wait_exclusive - queue the calling task for a wake-up with this
 * key; the task then has to call machine_park().
 *
 * Locks: the one that protects the caller's condition, else a wake-up may be
 * missed; takes queue->lock.  Sleeps: no.
 */
void prepare_to_wait_exclusive(struct wait_queue_head *queue,
			       struct wait_queue_entry *wait,
			       const void *mapping, uint64_t index)
{
	wait->task = machine_self();
	wait->mapping = mapping;
	wait->index = index;
	machine_spin_lock(&queue->lock);
	list_add_tail(&wait->node, &queue->waiters);
	machine_add(&queue->nr_waiters, 1);
	machine_spin_unlock(&queue->lock);
}

/*
 * finish_wait - the task has parked and runs again; its entry may go.
 *
 * The waker took the entry off the queue before it left the token, so there is
 * nothing to undo, only to check.
 *
 * Locks: none.  Sleeps: no.
 */
void finish_wait(const struct wait_queue_entry *wait)
{
	BUG_ON(7, !list_empty(&wait->node));
}

/*
 * cancel_wait - the calling task has prepared to wait, and the condition came
 * true by itself.
 *
 * Locks: takes queue->lock.  Sleeps: no longer than a waker needs that was
 * quicker.
 */
void cancel_wait(struct wait_queue_head *queue, struct wait_queue_entry *wait)
{
	bool woken;

	machine_spin_lock(&queue->lock);
	woken = list_empty(&wait->node);
	if (!woken) {
		list_del_init(&wait->node);
		machine_add(&queue->nr_waiters, -1);
	}
	machine_spin_unlock(&queue->lock);
	/* A waker has left the token, or will: the next sleep is not for it. */
	if (woken)
		machine_park();
}

/*
 * waitqueue_active - does anybody sleep here, under whatever key?
 *
 * Locks: the one the sleepers held in prepare_to_wait_exclusive(), then no
 * sleeper with a key of the caller's can be missed.  Sleeps: no.
 */
bool waitqueue_active(const struct wait_queue_head *queue)
{
	return machine_load(&queue->nr_waiters) != 0;
}

/*
 * __wake_up - wake the first nr_exclusive sleepers with this key; 0 is all of
 * them.
 *
 * Locks: takes queue->lock.  Sleeps: no.
 */
void __wake_up(struct wait_queue_head *queue, unsigned int nr_exclusive,
	       const void *mapping, uint64_t index)
{
	struct list_head *pos;
	struct list_head *next;

	machine_spin_lock(&queue->lock);
	for (pos = queue->waiters.next; pos != &queue->waiters; pos = next) {
		struct wait_queue_entry *wait =
			container_of(pos, struct wait_queue_entry, node);
		struct machine_task *task = wait->task;

		next = pos->next;
		if (wait->mapping != mapping || wait->index != index)
			continue;
		list_del_init(&wait->node);
		machine_add(&queue->nr_waiters, -1);
		/* After this the entry is gone with the sleeper's stack. */
		machine_unpark(task);
		if (nr_exclusive && --nr_exclusive == 0)
			break;
	}
	machine_spin_unlock(&queue->lock);
}
