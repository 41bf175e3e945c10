// SPDX-License-Identifier: GPL-2.0-only
/*
 * mutex.c - a lock to sleep on that has an owner.
 *
 * Nobody can see when a plain mutex is released except by taking it, so its
 * release commutes with everything, as any lock's.  Whether trylock succeeds
 * does depend on it; so a mutex that knows trylock is a flag under a queue's
 * lock, and who does not get it sleeps on the queue.
 */
#include "queue.h"

void check_mutex_init(struct check_mutex *mutex, const char *name)
{
	queue_init(&mutex->queue, QUEUE_NONE, name);
	check_rwsem_init(&mutex->lock, name);
}

void check_mutex_init_try(struct check_mutex *mutex, const char *name)
{
	check_mutex_init(mutex, name);
	mutex->queue.kind = QUEUE_MUTEX;
}

void check_mutex_destroy_at(struct check_mutex *mutex, const void *where)
{
	enum queue_kind kind = (enum queue_kind)mutex->queue.kind;

	queue_enter(&mutex->queue, kind, where);
	check_lock_destroy(&mutex->lock, where);
	queue_destroy(&mutex->queue, kind, where);
}

void check_mutex_lock_at(struct check_mutex *mutex, const void *where)
{
	if (mutex->queue.kind == QUEUE_NONE) {
		check_down_write(&mutex->lock, where);
		return;
	}
	check_may_sleep(where);
	lock_may_take(&mutex->lock, where);
	queue_enter(&mutex->queue, QUEUE_MUTEX, where);
	while (mutex->lock.writer) {
		queue_join(&mutex->queue, where);
		queue_take_token(&mutex->queue, where);
		queue_enter(&mutex->queue, QUEUE_MUTEX, where);
	}
	mutex->lock.writer = (uint16_t)(run.current + 1);
	lock_took(&mutex->lock, where);
	check_tell(where, "lock %s", mutex->lock.name);
}

bool check_mutex_trylock_at(struct check_mutex *mutex, const void *where)
{
	lock_may_take(&mutex->lock, where);
	if (mutex->queue.kind == QUEUE_NONE)
		check_fail_stop(CHECK_LOCK_MISUSE, where,
				"trylock of mutex %s, which check_mutex_init_try() did not set up",
				mutex->lock.name);
	queue_enter(&mutex->queue, QUEUE_MUTEX, where);
	if (mutex->lock.writer) {
		check_tell(where, "trylock %s: no", mutex->lock.name);
		return false;
	}
	mutex->lock.writer = (uint16_t)(run.current + 1);
	/* it did not wait: whatever it holds, this closes no cycle */
	lock_took_without_waiting(&mutex->lock, where);
	check_tell(where, "trylock %s: yes", mutex->lock.name);
	return true;
}

void check_mutex_unlock_at(struct check_mutex *mutex, const void *where)
{
	uint32_t picked;

	if (mutex->queue.kind == QUEUE_NONE) {
		check_up_write(&mutex->lock, where);
		return;
	}
	lock_may_give(&mutex->lock, where);
	queue_enter(&mutex->queue, QUEUE_MUTEX, where);
	mutex->lock.writer = 0;
	lock_gave(&mutex->lock);
	check_tell(where, "unlock %s", mutex->lock.name);
	picked = queue_pick(&mutex->queue, where);
	queue_wake(picked);
}
