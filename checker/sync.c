// SPDX-License-Identifier: GPL-2.0-only
/*
 * sync.c - condition variable, semaphore, wait queue, barrier.
 *
 * queue.h says how threads sleep and are woken; here is when.
 */
#include "queue.h"

/* ------ condition variable ------ */

void check_cond_init(struct check_cond *cond, const char *name)
{
	*cond = (struct check_cond){ .last = SIGNAL_NEVER };
	queue_init(&cond->queue, QUEUE_COND, name);
}

void check_cond_destroy_at(struct check_cond *cond, const void *where)
{
	queue_enter(&cond->queue, QUEUE_COND, where);
	queue_destroy(&cond->queue, QUEUE_COND, where);
}

/*
 * The thread waits before it gives up the mutex: so whoever takes the mutex
 * then, and signals, finds it waiting.
 */
static void begin_wait(struct check_cond *cond, struct check_mutex *mutex,
		       const void *where)
{
	check_may_sleep(where);
	queue_enter(&cond->queue, QUEUE_COND, where);
	if (!check_held_write(&mutex->lock))
		check_fail_stop(CHECK_LOCK_MISUSE, where,
				"%s%u waits for condition variable %s without mutex %s held",
				run_thread_name(), run.current,
				cond->queue.lock.name, mutex->lock.name);
	if (cond->queue.waiting && cond->mutex != mutex)
		check_fail_stop(CHECK_LOCK_MISUSE, where,
				"condition variable %s is waited for with mutex %s, and with mutex %s",
				cond->queue.lock.name, cond->mutex->lock.name,
				mutex->lock.name);
	cond->mutex = mutex;
	queue_join(&cond->queue, where);
	check_tell(where, "wait for %s", cond->queue.lock.name);
	check_mutex_unlock_at(mutex, where);
}

void check_cond_wait_at(struct check_cond *cond, struct check_mutex *mutex,
			const void *where)
{
	begin_wait(cond, mutex, where);
	queue_take_token(&cond->queue, where);
	check_mutex_lock_at(mutex, where);
}

bool check_cond_wait_timeout_at(struct check_cond *cond,
				struct check_mutex *mutex, const void *where)
{
	bool timed_out;

	begin_wait(cond, mutex, where);
	timed_out = queue_times_out(&cond->queue, where);
	check_tell(where, timed_out ? "time-out of %s" : "woken by %s",
		   cond->queue.lock.name);
	check_mutex_lock_at(mutex, where);
	return timed_out;
}

static void tell_wake(const struct check_queue *queue, const char *what,
		      uint32_t picked, const void *where)
{
	unsigned int nr = (unsigned int)__builtin_popcount(picked);

	if (!check_tells)
		return;
	if (nr == 1)
		check_tell(where, "%s %s: wakes %s%d", what, queue->lock.name,
			   run_thread_name(), __builtin_ctz(picked));
	else
		check_tell(where, nr ? "%s %s: wakes %u" : "%s %s: nobody waits",
			   what, queue->lock.name, nr);
}

void check_cond_signal_at(struct check_cond *cond, const void *where)
{
	uint32_t picked;

	queue_enter(&cond->queue, QUEUE_COND, where);
	cond->last = cond->queue.waiting ? SIGNAL_WOKE : SIGNAL_MISSED;
	picked = queue_pick(&cond->queue, where);
	tell_wake(&cond->queue, "signal", picked, where);
	queue_wake(picked);
}

void check_cond_broadcast_at(struct check_cond *cond, const void *where)
{
	uint32_t picked;

	queue_enter(&cond->queue, QUEUE_COND, where);
	cond->last = cond->queue.waiting ? SIGNAL_WOKE : SIGNAL_MISSED;
	picked = queue_pick_all(&cond->queue);
	tell_wake(&cond->queue, "broadcast", picked, where);
	queue_wake(picked);
}

/* ------ counting semaphore ------ */

void check_semaphore_init(struct check_semaphore *semaphore, const char *name,
			  uint64_t count)
{
	*semaphore = (struct check_semaphore){ .count = count };
	queue_init(&semaphore->queue, QUEUE_SEMAPHORE, name);
}

void check_semaphore_destroy_at(struct check_semaphore *semaphore,
				const void *where)
{
	queue_enter(&semaphore->queue, QUEUE_SEMAPHORE, where);
	queue_destroy(&semaphore->queue, QUEUE_SEMAPHORE, where);
}

/* Entered. */
static bool take_one(struct check_semaphore *semaphore, const void *where)
{
	if (!semaphore->count)
		return false;
	semaphore->count--;
	check_tell(where, "down %s, %llu left", semaphore->queue.lock.name,
		   (unsigned long long)semaphore->count);
	return true;
}

/*
 * A thread that was woken looks again: another may have been quicker.  While
 * threads sleep, no fewer are on their way than there is to be had.
 */
void check_semaphore_down_at(struct check_semaphore *semaphore,
			     const void *where)
{
	check_may_sleep(where);
	queue_enter(&semaphore->queue, QUEUE_SEMAPHORE, where);
	while (!take_one(semaphore, where)) {
		queue_join(&semaphore->queue, where);
		queue_take_token(&semaphore->queue, where);
		queue_enter(&semaphore->queue, QUEUE_SEMAPHORE, where);
	}
}

bool check_semaphore_trydown_at(struct check_semaphore *semaphore,
				const void *where)
{
	queue_enter(&semaphore->queue, QUEUE_SEMAPHORE, where);
	if (take_one(semaphore, where))
		return true;
	check_tell(where, "trydown %s: none", semaphore->queue.lock.name);
	return false;
}

/*
 * As nobody has a right to the next one, a thread that waits does nothing that
 * others can see.  So all that differs is when it looks for the last time.
 */
bool check_semaphore_down_timeout_at(struct check_semaphore *semaphore,
				     const void *where)
{
	check_may_sleep(where);
	queue_enter(&semaphore->queue, QUEUE_SEMAPHORE, where);
	if (take_one(semaphore, where))
		return false;
	check_tell(where, "time-out of %s", semaphore->queue.lock.name);
	return true;
}

void check_semaphore_up_at(struct check_semaphore *semaphore, const void *where)
{
	uint32_t picked;

	queue_enter(&semaphore->queue, QUEUE_SEMAPHORE, where);
	semaphore->count++;
	picked = queue_pick(&semaphore->queue, where);
	check_tell(where, "up %s", semaphore->queue.lock.name);
	queue_wake(picked);
}

/* ------ wait queue ------ */

void check_waitqueue_init(struct check_waitqueue *queue, const char *name)
{
	queue_init(&queue->queue, QUEUE_WAITQUEUE, name);
}

void check_waitqueue_destroy_at(struct check_waitqueue *queue,
				const void *where)
{
	queue_enter(&queue->queue, QUEUE_WAITQUEUE, where);
	queue_destroy(&queue->queue, QUEUE_WAITQUEUE, where);
}

static bool is_prepared(const struct check_waitqueue *queue)
{
	return *queue_of_self() == &queue->queue;
}

void check_waitqueue_prepare_at(struct check_waitqueue *queue,
				const void *where)
{
	check_may_sleep(where);
	queue_enter(&queue->queue, QUEUE_WAITQUEUE, where);
	if (is_prepared(queue) && !(queue->queue.waiting & queue_self())) {
		queue_take_token(&queue->queue, where);
		queue_enter(&queue->queue, QUEUE_WAITQUEUE, where);
	}
	queue_join(&queue->queue, where);
	check_tell(where, "prepare %s", queue->queue.lock.name);
}

static void expect_prepared(const struct check_waitqueue *queue,
			    const void *where)
{
	check_may_sleep(where);
	if (!is_prepared(queue))
		check_fail_stop(CHECK_LOCK_MISUSE, where,
				"%s%u sleeps on a wait queue it is not prepared for",
				run_thread_name(), run.current);
}

void check_waitqueue_sleep_at(struct check_waitqueue *queue, const void *where)
{
	const char *name = queue->queue.lock.name;

	expect_prepared(queue, where);
	queue_take_token(&queue->queue, where);
	check_tell(where, "woken on %s", name);
}

bool check_waitqueue_sleep_timeout_at(struct check_waitqueue *queue,
				      const void *where)
{
	const char *name = queue->queue.lock.name;
	bool timed_out;

	expect_prepared(queue, where);
	timed_out = queue_times_out(&queue->queue, where);
	check_tell(where, timed_out ? "time-out on %s" : "woken on %s", name);
	return timed_out;
}

/* A wake-up that was not slept for is on its way, and is spent here. */
void check_waitqueue_finish_at(struct check_waitqueue *queue, const void *where)
{
	if (!is_prepared(queue))
		return;
	queue_times_out(&queue->queue, where);
	check_tell(where, "finish %s", queue->queue.lock.name);
}

void check_waitqueue_wake_one_at(struct check_waitqueue *queue,
				 const void *where)
{
	uint32_t picked;

	queue_enter(&queue->queue, QUEUE_WAITQUEUE, where);
	picked = queue_pick(&queue->queue, where);
	tell_wake(&queue->queue, "wake_one", picked, where);
	queue_wake(picked);
}

void check_waitqueue_wake_all_at(struct check_waitqueue *queue,
				 const void *where)
{
	uint32_t picked;

	queue_enter(&queue->queue, QUEUE_WAITQUEUE, where);
	picked = queue_pick_all(&queue->queue);
	tell_wake(&queue->queue, "wake_all", picked, where);
	queue_wake(picked);
}

/* ------ barrier ------ */

void check_barrier_init(struct check_barrier *barrier, const char *name,
			uint32_t parties)
{
	*barrier = (struct check_barrier){ .parties = parties };
	queue_init(&barrier->queue, QUEUE_BARRIER, name);
}

void check_barrier_destroy_at(struct check_barrier *barrier, const void *where)
{
	queue_enter(&barrier->queue, QUEUE_BARRIER, where);
	queue_destroy(&barrier->queue, QUEUE_BARRIER, where);
}

bool check_barrier_wait_at(struct check_barrier *barrier, const void *where)
{
	uint32_t others;

	check_may_sleep(where);
	queue_enter(&barrier->queue, QUEUE_BARRIER, where);
	others = (uint32_t)__builtin_popcount(barrier->queue.waiting);
	check_tell(where, "arrive at %s, %u of %u", barrier->queue.lock.name,
		   others + 1, barrier->parties);
	if (others + 1 < barrier->parties) {
		queue_join(&barrier->queue, where);
		queue_take_token(&barrier->queue, where);
		return false;
	}
	queue_wake(queue_pick_all(&barrier->queue));
	return true;
}
