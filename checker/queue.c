// SPDX-License-Identifier: GPL-2.0-only
/*
 * queue.c - queues of sleeping threads; see queue.h.
 */
#include "queue.h"

const char *queue_kind_name(enum queue_kind kind)
{
	static const char *const names[] = {
		[QUEUE_NONE] = "mutex",
		[QUEUE_MUTEX] = "mutex",
		[QUEUE_COND] = "condition variable",
		[QUEUE_SEMAPHORE] = "semaphore",
		[QUEUE_WAITQUEUE] = "wait queue",
		[QUEUE_BARRIER] = "barrier",
	};

	return names[kind];
}

void queue_init(struct check_queue *queue, enum queue_kind kind,
		const char *name)
{
	*queue = (struct check_queue){ .lock.name = name, .kind = kind };
}

void queue_enter(struct check_queue *queue, enum queue_kind kind,
		 const void *where)
{
	lock_enter(&queue->lock, where);
	/* memory that is no queue may hold anything where the kind stands */
	if (!queue->lock.name || queue->kind != (uint32_t)kind)
		check_fail_stop(CHECK_LOCK_MISUSE, where,
				"a %s is used that was never initialised, or was destroyed",
				queue_kind_name(kind));
}

void queue_destroy(struct check_queue *queue, enum queue_kind kind,
		   const void *where)
{
	if (queue->waiting)
		check_fail(CHECK_LOCK_MISUSE, where,
			   "%s %s is destroyed while %s%d waits for it",
			   queue_kind_name(kind), queue->lock.name,
			   run_thread_name(), __builtin_ctz(queue->waiting));
	queue->lock.name = NULL;
}

/* The object of a token: these bytes of its thread, which nothing else uses. */
static const void *token_of(unsigned int t)
{
	return (const char *)&world->threads[t] + 8;
}

static bool is_woken(const void *token)
{
	ptrdiff_t t = (const struct thread *)(const void *)
			      ((const char *)token - 8) - world->threads;

	return (world->woken & (1u << t)) != 0;
}

const struct check_queue **queue_of_self(void)
{
	return run.current == MAIN ? &run.main_queue :
				     &world->threads[run.current].queue;
}

void queue_join(struct check_queue *queue, const void *where)
{
	const struct check_queue **mine = queue_of_self();

	if (*mine && *mine != queue)
		check_fail_stop(CHECK_LOCK_MISUSE, where,
				"%s%u may sleep on %s %s while it is prepared to sleep on wait queue %s",
				run_thread_name(), run.current,
				queue_kind_name((enum queue_kind)queue->kind),
				queue->lock.name, (*mine)->lock.name);
	*mine = queue;
	queue->waiting |= queue_self();
}

void queue_take_token(struct check_queue *queue, const void *where)
{
	if (run.current == MAIN)
		check_fail_stop(CHECK_LOST_WAKEUP, where,
				"waits for %s %s with nobody left to wake it",
				queue_kind_name((enum queue_kind)queue->kind),
				queue->lock.name);
	run_operate(token_of(run.current), 8, CLASS_PARK, is_woken, "sleeps",
		    where);
	*queue_of_self() = NULL;
	world->woken &= ~queue_self();
}

bool queue_is_slept_on(const struct thread *thread)
{
	return thread->enabled == is_woken;
}

bool queue_times_out(struct check_queue *queue, const void *where)
{
	lock_enter(&queue->lock, where);
	if (!(queue->waiting & queue_self())) {
		queue_take_token(queue, where);
		return false;
	}
	queue->waiting &= ~queue_self();
	*queue_of_self() = NULL;
	return true;
}

static uint32_t bit_number(uint32_t mask, unsigned int n)
{
	while (n--)
		mask &= mask - 1;
	return mask & -mask;
}

uint32_t queue_pick(struct check_queue *queue, const void *where)
{
	unsigned int nr = (unsigned int)__builtin_popcount(queue->waiting);
	unsigned int choice = 0;
	uint32_t picked;

	/* to choose is an operation, and others have to stay out meanwhile */
	if (nr > 1) {
		lock_hold(&queue->lock);
		choice = run_choose(nr);
		lock_leave(&queue->lock, where);
	}
	picked = bit_number(queue->waiting, choice);
	queue->waiting &= ~picked;
	return picked;
}

uint32_t queue_pick_all(struct check_queue *queue)
{
	uint32_t all = queue->waiting;

	queue->waiting = 0;
	return all;
}

void queue_wake(uint32_t picked)
{
	for (; picked; picked &= picked - 1) {
		check_op(token_of((unsigned int)__builtin_ctz(picked)),
			 CHECK_WRITE);
		world->woken |= picked & -picked;
	}
}
