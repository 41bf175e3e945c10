/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * queue.h - queues of sleeping threads, what sync.c and mutex.c are made of.
 *
 * What a primitive does to its fields, it does between queue_enter() and its
 * next operation: nobody gets in between, so this is one operation, a WRITE of
 * the queue's lock, and there is nothing to unlock.  Only who chooses among
 * sleepers needs more operations, and holds the lock meanwhile.
 *
 * A thread that sleeps has its bit in `waiting`.  Who wakes it clears the bit
 * and then gives its token; the thread takes it and goes on.  So for each bit
 * that another thread clears there is one token to be taken, and it is on its
 * way: no token is ever left over for another queue.  A thread whose bit is
 * still set may clear it itself, which is a time-out, and no token comes.
 * This token is not that of check_park(), which belongs to the program.
 *
 * All of this is locks and tokens: the search by executions is exact.
 */
#ifndef CHECKER_QUEUE_H
#define CHECKER_QUEUE_H

#include "internal.h"

enum queue_kind {
	QUEUE_NONE,			/* a mutex without trylock */
	QUEUE_MUTEX,
	QUEUE_COND,
	QUEUE_SEMAPHORE,
	QUEUE_WAITQUEUE,
	QUEUE_BARRIER,
};

/* `last` of a condition variable. */
enum cond_last {
	SIGNAL_NEVER,
	SIGNAL_WOKE,
	SIGNAL_MISSED,			/* nobody waited */
};

/* `condition variable` and so on; "mutex" for both kinds. */
const char *queue_kind_name(enum queue_kind kind);

void queue_init(struct check_queue *queue, enum queue_kind kind,
		const char *name);
/* The queue's fields are this thread's until its next operation. */
void queue_enter(struct check_queue *queue, enum queue_kind kind,
		 const void *where);
/* Entered, and nobody sleeps there: its name is taken away. */
void queue_destroy(struct check_queue *queue, enum queue_kind kind,
		   const void *where);

static inline uint32_t queue_self(void)
{
	return 1u << run.current;
}

/* Return: where it stands which queue the running thread has its bit in. */
const struct check_queue **queue_of_self(void);
/* Entered.  Set the running thread's bit. */
void queue_join(struct check_queue *queue, const void *where);
/*
 * Joined, and perhaps picked since: sleep until the token comes, and take it.
 * Only the queue's name is read.
 */
void queue_take_token(struct check_queue *queue, const void *where);
/* Joined, with a time-out.  Return: it struck; else the thread was woken. */
bool queue_times_out(struct check_queue *queue, const void *where);
/* Return: the thread is in queue_take_token(), for thread->queue. */
bool queue_is_slept_on(const struct thread *thread);

/* Entered.  Return: one that sleeps, its bit cleared, to be woken; or 0. */
uint32_t queue_pick(struct check_queue *queue, const void *where);
/* Entered.  Return: all that sleep, the same. */
uint32_t queue_pick_all(struct check_queue *queue);
/* Give their tokens to those that were picked. */
void queue_wake(uint32_t picked);

#endif /* CHECKER_QUEUE_H */
