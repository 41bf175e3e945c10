// SPDX-License-Identifier: GPL-2.0-only
/*
 * locks.c - locks and sleeping for the program under test.
 */
#include "internal.h"

static struct check_lock **held_of(unsigned int t, uint32_t **nr)
{
	if (t == MAIN) {
		*nr = &run.nr_main_held;
		return run.main_held;
	}
	*nr = &world->threads[t].nr_held;
	return world->threads[t].held;
}

static void hold(struct check_lock *lock, const void *where)
{
	uint32_t *nr;
	struct check_lock **held = held_of(run.current, &nr);

	if (!lock->name)
		check_fail_stop(CHECK_LOCK_MISUSE, where,
				"a lock was destroyed while it was waited for");
	if (*nr == MAX_HELD)
		check_fail_stop(CHECK_LOCK_MISUSE, where,
				"more than %d locks held", MAX_HELD);
	held[(*nr)++] = lock;
}

void lock_took_without_waiting(struct check_lock *lock, const void *where)
{
	hold(lock, where);
}

void lock_took(struct check_lock *lock, const void *where)
{
	uint32_t *nr;
	struct check_lock **held = held_of(run.current, &nr);
	const char *cycle = NULL;

	if (lock->name)
		cycle = order_note(held, *nr, lock->name);
	hold(lock, where);
	if (cycle)
		check_fail(CHECK_LOCK_ORDER, where,
			   "possible circular locking dependency: %s", cycle);
}

void lock_gave(struct check_lock *lock)
{
	uint32_t *nr;
	struct check_lock **held = held_of(run.current, &nr);
	uint32_t i = 0;

	while (i < *nr && held[i] != lock)
		i++;
	if (i == *nr)
		return;
	for (; i + 1 < *nr; i++)
		held[i] = held[i + 1];
	held[--*nr] = NULL;
}

static uint32_t self_mask(void)
{
	return 1u << run.current;
}

bool check_held_write(const struct check_lock *lock)
{
	return lock->writer == run.current + 1;
}

bool check_held(const struct check_lock *lock)
{
	return check_held_write(lock) || (lock->readers & self_mask());
}

void check_spin_init(struct check_lock *lock, const char *name)
{
	*lock = (struct check_lock){ .name = name, .spins = 1 };
}

void check_rwsem_init(struct check_lock *lock, const char *name)
{
	*lock = (struct check_lock){ .name = name };
}

void check_lock_destroy(struct check_lock *lock, const void *where)
{
	if (lock->writer || lock->readers)
		check_fail(CHECK_LOCK_MISUSE, where,
			   "%s is destroyed while it is held", lock->name);
	lock->name = NULL;
}

static bool can_write(const void *object)
{
	const struct check_lock *lock = object;

	return !lock->writer && !lock->readers;
}

static bool can_read(const void *object)
{
	return !((const struct check_lock *)object)->writer;
}

bool run_waits_for_lock(const struct thread *thread)
{
	return thread->enabled == can_write || thread->enabled == can_read;
}

bool run_waits_for_condition(const struct thread *thread)
{
	return thread->enabled && !run_waits_for_lock(thread) &&
	       thread->class != CLASS_PARK;
}

void lock_may_take(struct check_lock *lock, const void *where)
{
	if (world_is_freed(lock))
		check_fail_stop(CHECK_USE_AFTER_FREE, where,
				"use of a lock in memory that was freed");
	if (!lock->name)
		check_fail_stop(CHECK_LOCK_MISUSE, where,
				"a lock that was never initialised is taken");
	if (check_held(lock))
		check_fail_stop(CHECK_LOCK_MISUSE, where,
				"possible recursive locking: %s", lock->name);
}

static void take_write(struct check_lock *lock, const void *where)
{
	lock_may_take(lock, where);
	run_operate(lock, 8, CHECK_WRITE, can_write, lock->name, where);
	lock->writer = (uint16_t)(run.current + 1);
	lock_took(lock, where);
	if (check_tells)
		check_tell(where, "lock %s", lock->name);
}

static void check_owner(const struct check_lock *lock, bool owner,
			const void *where)
{
	if (!owner)
		check_fail_stop(CHECK_LOCK_MISUSE, where,
				"%s is released by a task that does not hold it",
				lock->name ? lock->name : "a lock");
}

void lock_may_give(struct check_lock *lock, const void *where)
{
	check_owner(lock, check_held_write(lock), where);
}

static void give_write(struct check_lock *lock, const void *where)
{
	lock_may_give(lock, where);
	run_operate(lock, 8, CLASS_RELEASE_WRITE, NULL, NULL, where);
	lock->writer = 0;
	lock_gave(lock);
	if (check_tells)
		check_tell(where, "unlock %s", lock->name);
}

void lock_enter(struct check_lock *lock, const void *where)
{
	run_operate(lock, 8, CHECK_WRITE, can_write, lock->name, where);
}

void lock_hold(struct check_lock *lock)
{
	lock->writer = (uint16_t)(run.current + 1);
}

void lock_leave(struct check_lock *lock, const void *where)
{
	run_operate(lock, 8, CLASS_RELEASE_WRITE, NULL, NULL, where);
	lock->writer = 0;
}

void check_spin_lock(struct check_lock *lock, const void *where)
{
	take_write(lock, where);
}

void check_spin_unlock(struct check_lock *lock, const void *where)
{
	give_write(lock, where);
}

void check_down_write(struct check_lock *lock, const void *where)
{
	check_may_sleep(where);
	take_write(lock, where);
}

void check_up_write(struct check_lock *lock, const void *where)
{
	give_write(lock, where);
}

void check_down_read(struct check_lock *lock, const void *where)
{
	check_may_sleep(where);
	lock_may_take(lock, where);
	run_operate(lock, 8, CHECK_READ, can_read, lock->name, where);
	lock->readers |= self_mask();
	lock_took(lock, where);
	if (check_tells)
		check_tell(where, "read-lock %s", lock->name);
}

void check_up_read(struct check_lock *lock, const void *where)
{
	check_owner(lock, (lock->readers & self_mask()) != 0, where);
	run_operate(lock, 8, CLASS_RELEASE_READ, NULL, NULL, where);
	lock->readers &= ~self_mask();
	lock_gave(lock);
	if (check_tells)
		check_tell(where, "read-unlock %s", lock->name);
}

void check_may_sleep(const void *where)
{
	uint32_t *nr;
	struct check_lock **held = held_of(run.current, &nr);

	for (uint32_t i = 0; i < *nr; i++)
		if (held[i]->spins)
			check_fail(CHECK_LOCK_MISUSE, where,
				   "may sleep while the spinlock %s is held",
				   held[i]->name);
}

/* ------ sleeping ------ */

/* The object of a token: its thread, of which nothing else is an object. */
static const void *token_of(unsigned int t)
{
	return &world->threads[t];
}

static bool has_token(const void *object)
{
	ptrdiff_t t = (const struct thread *)object - world->threads;

	return (world->tokens & (1u << t)) != 0;
}

void check_park(const void *where)
{
	check_may_sleep(where);
	if (run.current == MAIN)
		check_fail_stop(CHECK_LOST_WAKEUP, where,
				"sleeps with nobody left to wake it");
	run_operate(token_of(run.current), 8, CLASS_PARK, has_token, "sleeps",
		    where);
	world->tokens &= ~(1u << run.current);
	check_tell(where, "woken");
}

void check_unpark(unsigned int thread)
{
	if (thread >= run.program->nr_threads)
		return;
	check_op(token_of(thread), CHECK_WRITE);
	world->tokens |= 1u << thread;
	check_tell(NULL, "wakes %s%u", run_thread_name(), thread);
}
