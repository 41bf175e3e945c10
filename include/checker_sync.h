/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * checker_sync.h - what threads wait with, for any C program; part of
 * checker.h, which has the locks of a kernel.
 *
 * Interface
 *   check_mutex_*        owned by a thread; who waits for it sleeps
 *   check_rwlock_*       one writer or several readers
 *   check_cond_*         condition variable
 *   check_semaphore_*    counting semaphore
 *   check_waitqueue_*    a queue to sleep on until a condition holds
 *   check_barrier_*      several threads wait for each other
 *
 * Rules for all of them
 *   - They live in memory of the program under test; the caller owns that.
 *   - name is a string constant; messages are about `condition variable NAME`.
 *   - init and destroy do not sleep.  What is destroyed, or was never
 *     initialised, must not be used: CHECK_LOCK_MISUSE, or when its memory was
 *     freed CHECK_USE_AFTER_FREE.
 *   - What may sleep must not be called with a spinlock held
 *     (CHECK_LOCK_MISUSE), and in setup() and finish() fails if it has to.
 *   - Whom a wake-up chooses among several sleepers is not said: the search
 *     tries each of them.
 *   - No sleeper wakes up without being woken.
 *   - Time has no measure.  A time-out may strike at any moment from the
 *     beginning of the wait up to its end: the search tries all that differ.
 *     So a thread that waits with a time-out is never part of a deadlock.
 */
#ifndef CHECKER_SYNC_H
#define CHECKER_SYNC_H

#include "checker.h"

/* Threads that sleep.  All fields of these structs are the checker's. */
struct check_queue {
	struct check_lock lock;		/* of the fields; its name is all's */
	uint32_t waiting;		/* mask of threads nobody woke yet */
	uint32_t kind;
};

/* ------ mutex ------ */

struct check_mutex {
	struct check_queue queue;	/* used if trylock may be */
	struct check_lock lock;
};

/* Sleeps: no.  Only a mutex of the latter kind knows check_mutex_trylock(). */
void check_mutex_init(struct check_mutex *mutex, const char *name);
void check_mutex_init_try(struct check_mutex *mutex, const char *name);
/* Sleeps: no.  Nobody may hold it or wait for it: CHECK_LOCK_MISUSE. */
#define check_mutex_destroy(mutex) check_mutex_destroy_at((mutex), CHECK_HERE)
/*
 * Sleeps: until nobody holds it.  To lock it twice is CHECK_LOCK_MISUSE; locks
 * that are taken in a cycle of orders are CHECK_LOCK_ORDER.
 */
#define check_mutex_lock(mutex) check_mutex_lock_at((mutex), CHECK_HERE)
/* Sleeps: no.  Return: the thread has it now, since nobody held it. */
#define check_mutex_trylock(mutex) check_mutex_trylock_at((mutex), CHECK_HERE)
/* Sleeps: no.  The running thread must hold it: CHECK_LOCK_MISUSE. */
#define check_mutex_unlock(mutex) check_mutex_unlock_at((mutex), CHECK_HERE)

void check_mutex_destroy_at(struct check_mutex *mutex, const void *where);
void check_mutex_lock_at(struct check_mutex *mutex, const void *where);
bool check_mutex_trylock_at(struct check_mutex *mutex, const void *where);
void check_mutex_unlock_at(struct check_mutex *mutex, const void *where);

/* ------ rw-lock: struct check_lock, the kernel's rw_semaphore ------ */

#define check_rwlock_init(lock, name) check_rwsem_init((lock), (name))
#define check_rwlock_destroy(lock) check_lock_destroy((lock), CHECK_HERE)
/* Sleeps: until no writer holds it.  A thread reads it once at a time. */
#define check_rwlock_read_lock(lock) check_down_read((lock), CHECK_HERE)
#define check_rwlock_read_unlock(lock) check_up_read((lock), CHECK_HERE)
/* Sleeps: until nobody holds it. */
#define check_rwlock_write_lock(lock) check_down_write((lock), CHECK_HERE)
#define check_rwlock_write_unlock(lock) check_up_write((lock), CHECK_HERE)

/* ------ condition variable ------ */

struct check_cond {
	struct check_queue queue;
	const struct check_mutex *mutex;	/* of those that wait */
	uint32_t last;			/* what came of the last signal */
};

void check_cond_init(struct check_cond *cond, const char *name);
/* Sleeps: no.  Nobody may wait for it. */
#define check_cond_destroy(cond) check_cond_destroy_at((cond), CHECK_HERE)
/*
 * Locks: mutex is held on entry and on return, and given up meanwhile: whoever
 *	takes it then and signals finds this thread waiting.  Not held, or not
 *	the one that others wait with: CHECK_LOCK_MISUSE.
 * Sleeps: until check_cond_signal() or check_cond_broadcast() after that.
 */
#define check_cond_wait(cond, mutex) \
	check_cond_wait_at((cond), (mutex), CHECK_HERE)
/*
 * The same with a time-out.
 * Return: it timed out; no signal was spent on this thread then.
 */
#define check_cond_wait_timeout(cond, mutex) \
	check_cond_wait_timeout_at((cond), (mutex), CHECK_HERE)
/* Wake one of those that wait, whichever / all of them.  Sleeps: no. */
#define check_cond_signal(cond) check_cond_signal_at((cond), CHECK_HERE)
#define check_cond_broadcast(cond) check_cond_broadcast_at((cond), CHECK_HERE)

void check_cond_destroy_at(struct check_cond *cond, const void *where);
void check_cond_wait_at(struct check_cond *cond, struct check_mutex *mutex,
			const void *where);
bool check_cond_wait_timeout_at(struct check_cond *cond,
				struct check_mutex *mutex, const void *where);
void check_cond_signal_at(struct check_cond *cond, const void *where);
void check_cond_broadcast_at(struct check_cond *cond, const void *where);

/* ------ counting semaphore ------ */

struct check_semaphore {
	struct check_queue queue;
	uint64_t count;
};

void check_semaphore_init(struct check_semaphore *semaphore, const char *name,
			  uint64_t count);
/* Sleeps: no.  Nobody may wait for it. */
#define check_semaphore_destroy(semaphore) \
	check_semaphore_destroy_at((semaphore), CHECK_HERE)
/*
 * Take one.  Sleeps: until there is one.  Nobody has a right to the next one:
 * a thread that comes late may get it before one that has slept for long.
 */
#define check_semaphore_down(semaphore) \
	check_semaphore_down_at((semaphore), CHECK_HERE)
/* Sleeps: no.  Return: there was one, and it is taken. */
#define check_semaphore_trydown(semaphore) \
	check_semaphore_trydown_at((semaphore), CHECK_HERE)
/* Sleeps: until there is one, or so.  Return: it timed out, none is taken. */
#define check_semaphore_down_timeout(semaphore) \
	check_semaphore_down_timeout_at((semaphore), CHECK_HERE)
/* Give one, whoever took it.  Sleeps: no. */
#define check_semaphore_up(semaphore) \
	check_semaphore_up_at((semaphore), CHECK_HERE)

void check_semaphore_destroy_at(struct check_semaphore *semaphore,
				const void *where);
void check_semaphore_down_at(struct check_semaphore *semaphore,
			     const void *where);
bool check_semaphore_trydown_at(struct check_semaphore *semaphore,
				const void *where);
bool check_semaphore_down_timeout_at(struct check_semaphore *semaphore,
				     const void *where);
void check_semaphore_up_at(struct check_semaphore *semaphore,
			   const void *where);

/* ------ wait queue ------ */

struct check_waitqueue {
	struct check_queue queue;
};

void check_waitqueue_init(struct check_waitqueue *queue, const char *name);
/* Sleeps: no.  No thread may be prepared for it. */
#define check_waitqueue_destroy(queue) \
	check_waitqueue_destroy_at((queue), CHECK_HERE)
/*
 * Sleeps: until condition holds.  It is looked at before the first sleep and
 * after each wake-up, never with a wake-up lost in between; what it reads of
 * other threads it reads with operations of its own.
 */
#define check_waitqueue_wait(queue, condition)                                 \
	do {                                                                   \
		check_waitqueue_prepare(queue);                                \
		while (!(condition)) {                                         \
			check_waitqueue_sleep(queue);                          \
			check_waitqueue_prepare(queue);                        \
		}                                                              \
		check_waitqueue_finish(queue);                                 \
	} while (0)
/*
 * The pieces of it.  prepare: from here on a wake-up reaches the thread; one
 * that came before and was not slept for is forgotten.  sleep: until a wake-up
 * after prepare.  finish: none reaches the thread any more.  Only sleep sleeps.
 */
#define check_waitqueue_prepare(queue) \
	check_waitqueue_prepare_at((queue), CHECK_HERE)
#define check_waitqueue_sleep(queue) \
	check_waitqueue_sleep_at((queue), CHECK_HERE)
/* Return: it timed out, and a wake-up does not reach the thread any more. */
#define check_waitqueue_sleep_timeout(queue) \
	check_waitqueue_sleep_timeout_at((queue), CHECK_HERE)
#define check_waitqueue_finish(queue) \
	check_waitqueue_finish_at((queue), CHECK_HERE)
/* Wake one of those that are prepared, whichever / all.  Sleeps: no. */
#define check_waitqueue_wake_one(queue) \
	check_waitqueue_wake_one_at((queue), CHECK_HERE)
#define check_waitqueue_wake_all(queue) \
	check_waitqueue_wake_all_at((queue), CHECK_HERE)

void check_waitqueue_destroy_at(struct check_waitqueue *queue,
				const void *where);
void check_waitqueue_prepare_at(struct check_waitqueue *queue,
				const void *where);
void check_waitqueue_sleep_at(struct check_waitqueue *queue, const void *where);
bool check_waitqueue_sleep_timeout_at(struct check_waitqueue *queue,
				      const void *where);
void check_waitqueue_finish_at(struct check_waitqueue *queue,
			       const void *where);
void check_waitqueue_wake_one_at(struct check_waitqueue *queue,
				 const void *where);
void check_waitqueue_wake_all_at(struct check_waitqueue *queue,
				 const void *where);

/* ------ barrier ------ */

struct check_barrier {
	struct check_queue queue;
	uint32_t parties;
};

/* parties: how many threads meet, from 1. */
void check_barrier_init(struct check_barrier *barrier, const char *name,
			uint32_t parties);
/* Sleeps: no.  Nobody may wait at it. */
#define check_barrier_destroy(barrier) \
	check_barrier_destroy_at((barrier), CHECK_HERE)
/*
 * Sleeps: until so many threads have come; then it serves for the next round.
 * Return: this thread was the last one.
 */
#define check_barrier_wait(barrier) check_barrier_wait_at((barrier), CHECK_HERE)

void check_barrier_destroy_at(struct check_barrier *barrier, const void *where);
bool check_barrier_wait_at(struct check_barrier *barrier, const void *where);

#endif /* CHECKER_SYNC_H */
