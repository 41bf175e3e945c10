// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_sync_test.c - mutex, condition variable, semaphore, wait queue and
 * barrier: what they do, in how many executions, and what misuse is called.
 *
 * The numbers of executions and of final states are counted by hand; how, is
 * said above each program.
 */
#include "programs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include <cmocka.h>

#define MAX_RESULTS 4
#define MAX_FINALS 16

struct shared {
	uint64_t result[MAX_RESULTS];	/* of each thread: the final state */
	uint64_t x, y;			/* under no lock */
	uint64_t n;			/* under the mutex m */
	struct check_mutex m, b, tried, tried_b;
	struct check_cond cond, other;
	struct check_semaphore one, none;
	struct check_waitqueue queue, second;
	struct check_barrier two, three, four;
	struct check_lock rwlock, spin;
	uint64_t *block;
};

static struct shared *s;		/* constant after setup() */

static void setup(void *arg)
{
	(void)arg;
	s = check_alloc(sizeof(*s), "shared");
	check_mutex_init(&s->m, "m");
	check_mutex_init(&s->b, "b");
	check_mutex_init_try(&s->tried, "tried");
	check_mutex_init_try(&s->tried_b, "tried_b");
	check_cond_init(&s->cond, "ready");
	check_cond_init(&s->other, "other");
	check_semaphore_init(&s->one, "one", 1);
	check_semaphore_init(&s->none, "none", 0);
	check_waitqueue_init(&s->queue, "queue");
	check_waitqueue_init(&s->second, "second");
	check_barrier_init(&s->two, "two", 2);
	check_barrier_init(&s->three, "three", 3);
	check_barrier_init(&s->four, "four", 4);
	check_rwlock_init(&s->rwlock, "rwlock");
	check_spin_init(&s->spin, "spin");
	s->block = check_alloc(64, "block");
}

static uint64_t finals[MAX_FINALS];
static size_t nr_finals;

static void finish(void *arg)
{
	uint64_t hash = XXH3_64bits(s->result, sizeof(s->result));
	size_t i = 0;

	(void)arg;
	while (i < nr_finals && finals[i] != hash)
		i++;
	assert_true(i < MAX_FINALS);
	finals[i] = hash;
	if (i == nr_finals)
		nr_finals++;
}

static void restarted(void *user)
{
	(void)user;
	nr_finals = 0;
}

static const char *const mode_names[] = {
	"by states", "by executions", "brute force", "by all states",
};

#define NR_MODES 4

static struct check_result search(void (*thread)(void *, unsigned int),
				  unsigned int nr_threads, unsigned int mode,
				  void (*end)(void *arg))
{
	struct check_options options = {
		.mode = mode < 3 ? (enum check_mode)mode : CHECK_BY_STATES,
		.no_reduction = mode == 3,
		.restarted = restarted,
	};
	struct check_program program = {
		.nr_threads = nr_threads, .setup = setup, .thread = thread,
		.finish = end, .thread_name = "thread",
	};
	struct check_result result;

	nr_finals = 0;
	assert_int_equal(check_run(&program, &options, &result), 0);
	return result;
}

/* ------ what they do ------ */

struct good {
	const char *name;
	void (*thread)(void *arg, unsigned int t);
	unsigned int nr_threads;
	uint64_t executions;		/* one a trace */
	size_t finals;			/* how many results there are */
	uint64_t assumed;		/* executions that were dropped */
};

/* Whoever locks m first: thread 0 waits, or finds n set. */
static void handshake(void *arg, unsigned int t)
{
	(void)arg;
	check_mutex_lock(&s->m);
	if (t) {
		s->n = 1;
		check_cond_signal(&s->cond);
	} else {
		while (!s->n) {
			check_cond_wait(&s->cond, &s->m);
			s->result[0] = 1;
		}
	}
	check_mutex_unlock(&s->m);
}

/*
 * Thread 1 first: a time-out.  Thread 0 first: it is woken; or it times out
 * before the signal, and has m again before or after thread 1 has it.
 */
static void times_out(void *arg, unsigned int t)
{
	(void)arg;
	check_mutex_lock(&s->m);
	if (t)
		check_cond_signal(&s->cond);
	else
		s->result[0] = check_cond_wait_timeout(&s->cond, &s->m);
	check_mutex_unlock(&s->m);
}

/* Nobody ever signals, and that is no deadlock. */
static void only_times_out(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		return;
	check_mutex_lock(&s->m);
	while (s->n < 3 && check_cond_wait_timeout(&s->cond, &s->m))
		s->n++;
	s->result[0] = s->n;
	check_mutex_unlock(&s->m);
}

/*
 * Two wait in either order, and either is woken first: 4.  Where thread 2 comes
 * before both wait, or takes m again before the first has, is dropped.
 */
static void either_is_woken(void *arg, unsigned int t)
{
	(void)arg;
	check_mutex_lock(&s->m);
	if (t < 2) {
		s->x++;
		check_cond_wait(&s->cond, &s->m);
		s->result[t] = ++s->n;
	} else {
		check_assume(s->x == 2);
		check_cond_signal(&s->cond);
		check_mutex_unlock(&s->m);
		check_mutex_lock(&s->m);
		check_assume(s->n == 1);
		check_cond_signal(&s->cond);
	}
	check_mutex_unlock(&s->m);
}

/* The order in which two come and then the order in which they leave. */
static void all_are_woken(void *arg, unsigned int t)
{
	(void)arg;
	check_mutex_lock(&s->m);
	if (t < 2) {
		s->x++;
		check_cond_wait(&s->cond, &s->m);
		s->result[t] = ++s->n;
	} else {
		check_assume(s->x == 2);
		check_cond_broadcast(&s->cond);
	}
	check_mutex_unlock(&s->m);
}

/* Two orders; the second one has to sleep, or comes when the first is done. */
static void semaphore_as_mutex(void *arg, unsigned int t)
{
	(void)arg;
	check_semaphore_down(&s->one);
	s->result[t] = ++s->n;
	check_semaphore_up(&s->one);
}

/* It sleeps, or not. */
static void semaphore_as_signal(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		check_semaphore_up(&s->none);
	else
		check_semaphore_down(&s->none);
}

static void trydown(void *arg, unsigned int t)
{
	(void)arg;
	s->result[t] = check_semaphore_trydown(&s->one);
}

static void down_timeout(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		check_semaphore_up(&s->none);
	else
		s->result[0] = check_semaphore_down_timeout(&s->none);
}

/* 3! orders; each of three may be the last. */
static void barrier(void *arg, unsigned int t)
{
	(void)arg;
	s->result[t] = check_barrier_wait(&s->three);
}

/* Two orders each time; and nobody passes early. */
static void barrier_twice(void *arg, unsigned int t)
{
	(void)arg;
	check_add(t ? &s->x : &s->y, 1);
	s->result[t] = check_barrier_wait(&s->two);
	check_assert(check_load(t ? &s->y : &s->x) == 1);
	s->result[t] += 2u * check_barrier_wait(&s->two);
}

/*
 * trylock before lock, which sleeps or comes after unlock; in the midst, where
 * it fails; or after unlock.
 */
static void trylock(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0) {
		check_mutex_lock(&s->tried);
		check_mutex_unlock(&s->tried);
	} else if (check_mutex_trylock(&s->tried)) {
		s->result[1] = 1;
		check_mutex_unlock(&s->tried);
	}
}

/* As with a semaphore of one. */
static void tried_counter(void *arg, unsigned int t)
{
	(void)arg;
	check_mutex_lock(&s->tried);
	s->result[t] = ++s->n;
	check_mutex_unlock(&s->tried);
}

/*
 * Thread 0 sees 0 and sleeps: one.  It sees 1: the wake-up comes before it is
 * prepared, while it is, or when it has finished.
 */
static void waitqueue(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0) {
		check_waitqueue_wait(&s->queue, check_load(&s->x));
		s->result[0] = check_load(&s->x);
	} else {
		check_store(&s->x, 1);
		check_waitqueue_wake_all(&s->queue);
	}
}

/* The wake-up comes before thread 0 is prepared, before its time-out, after. */
static void waitqueue_timeout(void *arg, unsigned int t)
{
	(void)arg;
	if (t) {
		check_waitqueue_wake_one(&s->queue);
		return;
	}
	check_waitqueue_prepare(&s->queue);
	s->result[0] = check_waitqueue_sleep_timeout(&s->queue);
	check_waitqueue_finish(&s->queue);
}

/* The writer before or after each of two readers. */
static void rwlock(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 2) {
		check_rwlock_write_lock(&s->rwlock);
		s->n = 1;
		check_rwlock_write_unlock(&s->rwlock);
	} else {
		check_rwlock_read_lock(&s->rwlock);
		s->result[t] = s->n;
		check_rwlock_read_unlock(&s->rwlock);
	}
}

/* Load 0, which is dropped, or 1. */
static void assumes(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		check_store(&s->x, 1);
	else
		check_assume(check_load(&s->x));
}

/* The token of the program is its own: the wait does not take it. */
static void parks_too(void *arg, unsigned int t)
{
	(void)arg;
	if (t) {
		check_unpark(0);
		handshake(arg, t);
	} else {
		handshake(arg, t);
		check_park(NULL);
		s->result[0] = 0;
	}
}

/*
 * A wake-up that a time-out was quicker than, or not, never ends another wait:
 * down and the barrier return only after what they wait for.
 */
static void goes_on(void *arg, unsigned int t)
{
	times_out(arg, t);
	if (t) {
		check_store(&s->x, 1);
		check_semaphore_up(&s->none);
		check_barrier_wait(&s->two);
		check_store(&s->x, 2);
		check_semaphore_up(&s->none);
	} else {
		check_semaphore_down(&s->none);
		check_assert(check_load(&s->x) == 1);
		check_barrier_wait(&s->two);
		check_semaphore_down(&s->none);
		check_assert(check_load(&s->x) == 2);
	}
}

/* Woken, or not, while it is prepared: the next sleep is not cut short. */
static void finishes_early(void *arg, unsigned int t)
{
	(void)arg;
	if (t) {
		check_waitqueue_wake_one(&s->queue);
		check_store(&s->x, 1);
		check_waitqueue_wake_one(&s->queue);
	} else {
		check_waitqueue_prepare(&s->queue);
		check_waitqueue_prepare(&s->queue);
		check_waitqueue_finish(&s->queue);
	}
	check_barrier_wait(&s->two);
	check_assert(check_load(&s->x) == 1);
}

/* Whoever signals chooses among those that wait then: nobody twice. */
static void two_choose(void *arg, unsigned int t)
{
	(void)arg;
	check_mutex_lock(&s->m);
	if (t < 2) {
		s->n++;
		check_cond_wait(&s->cond, &s->m);
	} else {
		check_assume(s->n == 2);
	}
	check_mutex_unlock(&s->m);
	if (t >= 2)
		check_cond_signal(&s->cond);
}

/* Words of any type of 64 bits; each operation gives what it should. */
static void words(void *arg, unsigned int t)
{
	uint64_t *pointer = &s->x;
	int64_t small = -3;
	uint64_t *seen;

	(void)arg;
	if (t)
		return;
	check_store(&pointer, &s->y);
	seen = check_load(&pointer);
	check_assert(seen == &s->y);
	check_assert(check_exchange(&pointer, &s->x) == &s->y);
	check_assert(check_cmpxchg(&pointer, &s->y, NULL) == &s->x);
	check_assert(check_cmpxchg(&pointer, &s->x, NULL) == &s->x);
	check_assert(!pointer);
	seen = &s->n;
	check_assert(!check_try_cmpxchg(&pointer, &seen, &s->y));
	check_assert(!seen);
	check_assert(check_try_cmpxchg(&pointer, &seen, &s->y));
	check_assert(pointer == &s->y);
	check_add(&small, -1);
	check_assert(check_load(&small) == -4);
	check_assert(check_fetch_add(&small, 5) == -4 && small == 1);
}

static const struct good goods[] = {
	{ "handshake", handshake, 2, 2, 2, 0 },
	{ "time-out", times_out, 2, 4, 2, 0 },
	{ "nothing but time-outs", only_times_out, 2, 1, 1, 0 },
	{ "either is woken", either_is_woken, 3, 4, 2, 1 },
	{ "all are woken", all_are_woken, 3, 4, 2, 1 },
	{ "semaphore as mutex", semaphore_as_mutex, 2, 4, 2, 0 },
	{ "semaphore as signal", semaphore_as_signal, 2, 2, 1, 0 },
	{ "trydown", trydown, 2, 2, 2, 0 },
	{ "down with time-out", down_timeout, 2, 2, 2, 0 },
	{ "barrier", barrier, 3, 6, 3, 0 },
	{ "barrier twice", barrier_twice, 2, 4, 4, 0 },
	{ "trylock", trylock, 2, 4, 2, 0 },
	{ "mutex with trylock", tried_counter, 2, 4, 2, 0 },
	{ "wait queue", waitqueue, 2, 4, 1, 0 },
	{ "wait queue, time-out", waitqueue_timeout, 2, 3, 2, 0 },
	{ "rw-lock", rwlock, 3, 4, 4, 0 },
	{ "assume", assumes, 2, 1, 1, 1 },
	{ "park is another token", parks_too, 2, 0, 1, 0 },
	{ "goes on after a time-out", goes_on, 2, 0, 2, 0 },
	{ "two choose", two_choose, 4, 0, 1, 1 },
	{ "finishes early", finishes_early, 2, 0, 1, 0 },
	{ "words", words, 2, 1, 1, 0 },
};

static void test_good(void **state)
{
	const struct good *good = *state;

	for (unsigned int mode = 0; mode < NR_MODES; mode++) {
		struct check_result result = search(good->thread,
						    good->nr_threads, mode,
						    finish);

		print_message("# %s: %llu executions, %llu assumed, %zu finals\n",
			      mode_names[mode],
			      (unsigned long long)result.executions,
			      (unsigned long long)result.assumed, nr_finals);
		if (result.nr_failures)
			fail_msg("%s", result.failures[0].text);
		assert_true(result.complete);
		assert_int_equal(nr_finals, good->finals);
		assert_int_equal(!result.assumed, !good->assumed);
		if (mode == CHECK_BY_EXECUTIONS && good->executions) {
			assert_int_equal(result.executions, good->executions);
			assert_int_equal(result.redundant, 0);
		}
		check_result_free(&result);
	}
}

/* ------ what goes wrong ------ */

/* Each takes one and wants the other. */
static void ab_ba(void *arg, unsigned int t)
{
	(void)arg;
	check_mutex_lock(t ? &s->b : &s->m);
	check_mutex_lock(t ? &s->m : &s->b);
	check_mutex_unlock(&s->m);
	check_mutex_unlock(&s->b);
}

static void ab_ba_tried(void *arg, unsigned int t)
{
	(void)arg;
	check_mutex_lock(t ? &s->tried_b : &s->tried);
	check_mutex_lock(t ? &s->tried : &s->tried_b);
	check_mutex_unlock(&s->tried);
	check_mutex_unlock(&s->tried_b);
}

static void ab_ba_semaphores(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		check_semaphore_up(&s->none);
	check_semaphore_down(t ? &s->none : &s->one);
	check_semaphore_down(t ? &s->one : &s->none);
	check_semaphore_up(&s->one);
	check_semaphore_up(&s->none);
}

/* Once around: each lock is taken under the one before it. */
static void order_of_three(void *arg, unsigned int t)
{
	struct check_mutex *mutexes[] = { &s->m, &s->b, &s->tried, &s->m };

	(void)arg;
	for (unsigned int i = 0; t == 0 && i < 3; i++) {
		check_mutex_lock(mutexes[i]);
		check_mutex_lock(mutexes[i + 1]);
		check_mutex_unlock(mutexes[i]);
		check_mutex_unlock(mutexes[i + 1]);
	}
}

/* It looks, and then waits; the signal comes in between. */
static void looks_without_lock(void *arg, unsigned int t)
{
	(void)arg;
	if (t) {
		check_store(&s->x, 1);
		check_cond_signal(&s->cond);
	} else if (!check_load(&s->x)) {
		check_mutex_lock(&s->m);
		check_cond_wait(&s->cond, &s->m);
		check_mutex_unlock(&s->m);
	}
}

static void never_signalled(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		return;
	check_mutex_lock(&s->m);
	check_cond_wait(&s->cond, &s->m);
	check_mutex_unlock(&s->m);
}

/* Who is woken does not pass it on. */
static void one_signal_for_two(void *arg, unsigned int t)
{
	(void)arg;
	check_mutex_lock(&s->m);
	if (t == 2) {
		s->n = 1;
		check_cond_signal(&s->cond);
	}
	while (!s->n)
		check_cond_wait(&s->cond, &s->m);
	check_mutex_unlock(&s->m);
}

static void barrier_lacks_one(void *arg, unsigned int t)
{
	(void)arg;
	if (t < 2 || check_load(&s->x))
		check_barrier_wait(&s->three);
}

static void looks_before_prepare(void *arg, unsigned int t)
{
	(void)arg;
	if (t) {
		check_store(&s->x, 1);
		check_waitqueue_wake_all(&s->queue);
		return;
	}
	if (check_load(&s->x))
		return;
	check_waitqueue_prepare(&s->queue);
	check_waitqueue_sleep(&s->queue);
}

static void takes_too_many(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0)
		check_semaphore_down(&s->one);
	if (t == 0)
		check_semaphore_down(&s->one);
}

/* It sleeps with what the other needs to wake it. */
static void waits_with_another(void *arg, unsigned int t)
{
	(void)arg;
	check_mutex_lock(&s->b);
	if (t == 0) {
		check_mutex_lock(&s->m);
		check_cond_wait(&s->cond, &s->m);
		check_mutex_unlock(&s->m);
	} else {
		check_cond_signal(&s->cond);
	}
	check_mutex_unlock(&s->b);
}

static void waits_unlocked(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0)
		check_cond_wait(&s->cond, &s->m);
}

static void waits_with_two(void *arg, unsigned int t)
{
	struct check_mutex *mutex = t ? &s->b : &s->m;

	(void)arg;
	check_mutex_lock(mutex);
	check_cond_wait_timeout(&s->cond, mutex);
	check_mutex_unlock(mutex);
}

static void waits_in_atomic(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		return;
	check_mutex_lock(&s->m);
	check_spin_lock(&s->spin, CHECK_HERE);
	check_cond_wait(&s->cond, &s->m);
}

static void downs_in_atomic(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		return;
	check_spin_lock(&s->spin, CHECK_HERE);
	check_semaphore_down(&s->one);
}

static void foreign_unlock(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		check_mutex_unlock(&s->tried);
	else
		check_mutex_lock(&s->tried);
	if (t == 0)
		check_mutex_unlock(&s->tried);
}

static void locks_twice(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0)
		check_mutex_lock(&s->tried);
	if (t == 0)
		check_mutex_lock(&s->tried);
}

static void tries_plain(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0)
		check_mutex_trylock(&s->m);
}

static void ends_locked(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 1)
		check_mutex_trylock(&s->tried);
}

static void destroys_waited(void *arg, unsigned int t)
{
	(void)arg;
	if (t) {
		check_cond_destroy(&s->cond);
		return;
	}
	check_mutex_lock(&s->m);
	check_cond_wait_timeout(&s->cond, &s->m);
	check_mutex_unlock(&s->m);
}

static void signals_destroyed(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		return;
	check_cond_destroy(&s->cond);
	check_cond_signal(&s->cond);
}

static void ups_nothing(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0)
		check_semaphore_up((struct check_semaphore *)(void *)s->block);
}

static void sleeps_unprepared(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		return;
	check_waitqueue_prepare(&s->queue);
	check_waitqueue_finish(&s->queue);
	check_waitqueue_sleep(&s->queue);
}

static void prepares_twice(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		return;
	check_waitqueue_prepare(&s->queue);
	check_semaphore_down(&s->none);
}

/* A stale pointer to what the semaphore was in. */
static void ups_freed(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0) {
		check_semaphore_up(&s->one);
	} else {
		check_store(&s->x, 1);
		check_free(s, CHECK_HERE);
	}
}

static void asserts(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		check_store(&s->x, 1);
	else
		check_assert(check_load(&s->x) == 0);
}

/* What comes after a dropped step is dropped; what goes before it is not. */
static void asserts_then_assumes(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		return;
	check_assert(check_choose(3) != 1);
	check_assume(check_choose(2));
	check_assert(check_load(&s->x) == 0);
}

static void loses(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		check_store(&s->x, 1);
	else if (check_load(&s->x))
		check_alloc(8, "node");
}

static void leaks(void *arg)
{
	(void)arg;
	check_free(s->block, CHECK_HERE);
	check_free(s, CHECK_HERE);
	check_no_leaks();
}

/* Nobody is left who could. */
static void waits_at_the_end(void *arg)
{
	(void)arg;
	check_semaphore_down(&s->one);
	check_semaphore_down(&s->one);
}

static void nothing(void *arg, unsigned int t)
{
	(void)arg;
	(void)t;
}

struct bad {
	const char *name;
	void (*thread)(void *arg, unsigned int t);
	unsigned int nr_threads;
	unsigned int number;
	const char *text;		/* the whole of it, or its end */
	bool has_place;
	unsigned int others;		/* failures of another kind */
	void (*end)(void *arg);
};

static const struct bad bads[] = {
	{ "AB/BA", ab_ba, 2, CHECK_DEADLOCK,
	  .text = "deadlock: thread0 waits for b held by thread1, "
	  "thread1 waits for m held by thread0", .others = 1 },
	{ "AB/BA with trylock", ab_ba_tried, 2, CHECK_DEADLOCK,
	  .text = "deadlock: thread0 waits for tried_b held by thread1, "
	  "thread1 waits for tried held by thread0", .others = 1 },
	{ "AB/BA of semaphores", ab_ba_semaphores, 2, CHECK_DEADLOCK,
	  .text = "deadlock: thread0 waits for semaphore none, "
	  "thread1 waits for semaphore one" },
	{ "order of three", order_of_three, 2, CHECK_LOCK_ORDER,
	  .text = "possible circular locking dependency: m -> b -> tried -> m",
	  .has_place = true },
	{ "lost wake-up", looks_without_lock, 2, CHECK_LOST_WAKEUP,
	  .text = "a sleeper without a future waker: thread0 waits for condition variable ready, whose last signal came when nobody waited" },
	{ "never signalled", never_signalled, 2, CHECK_LOST_WAKEUP,
	  .text = "a sleeper without a future waker: thread0 waits for condition variable ready, which was never signalled" },
	{ "one signal for two", one_signal_for_two, 3, CHECK_LOST_WAKEUP,
	  .text = "waits for condition variable ready" },
	{ "barrier lacks one", barrier_lacks_one, 3, CHECK_DEADLOCK,
	  .text = "deadlock: thread0 waits for barrier three, 2 of 3 are there, "
	  "thread1 waits for barrier three, 2 of 3 are there" },
	{ "looks before prepare", looks_before_prepare, 2, CHECK_LOST_WAKEUP,
	  .text = "a sleeper without a future waker: thread0 waits for wait queue queue" },
	{ "takes too many", takes_too_many, 2, CHECK_DEADLOCK,
	  .text = "deadlock: thread0 waits for semaphore one" },
	{ "waits with another mutex", waits_with_another, 2, CHECK_DEADLOCK,
	  .text = "deadlock: thread0 waits for condition variable ready, which was never signalled, "
	  "thread1 waits for b held by thread0", .others = 1 },
	{ "waits unlocked", waits_unlocked, 2, CHECK_LOCK_MISUSE,
	  .text = "thread0 waits for condition variable ready without mutex m held",
	  .has_place = true },
	{ "waits with two mutexes", waits_with_two, 2, CHECK_LOCK_MISUSE,
	  .text = "condition variable ready is waited for with mutex",
	  .has_place = true },
	{ "waits in atomic", waits_in_atomic, 2, CHECK_LOCK_MISUSE,
	  .text = "may sleep while the spinlock spin is held", .has_place = true },
	{ "down in atomic", downs_in_atomic, 2, CHECK_LOCK_MISUSE,
	  .text = "may sleep while the spinlock spin is held", .has_place = true },
	{ "foreign unlock", foreign_unlock, 2, CHECK_LOCK_MISUSE,
	  .text = "tried is released by a task that does not hold it",
	  .has_place = true },
	{ "locks twice", locks_twice, 2, CHECK_LOCK_MISUSE,
	  .text = "possible recursive locking: tried", .has_place = true },
	{ "tries a plain mutex", tries_plain, 2, CHECK_LOCK_MISUSE,
	  .text = "trylock of mutex m, which check_mutex_init_try() did not set up",
	  .has_place = true },
	{ "ends locked", ends_locked, 2, CHECK_LOCK_MISUSE,
	  .text = "thread1 ends with tried held" },
	{ "destroys what is waited for", destroys_waited, 2, CHECK_LOCK_MISUSE,
	  .text = "condition variable ready is destroyed while thread0 waits for it",
	  .has_place = true, .others = 2 },
	{ "signals what was destroyed", signals_destroyed, 2,
	  CHECK_LOCK_MISUSE,
	  .text = "a condition variable is used that was never initialised, or was destroyed",
	  .has_place = true },
	{ "ups what is none", ups_nothing, 2, CHECK_LOCK_MISUSE,
	  .text = "a semaphore is used that was never initialised, or was destroyed",
	  .has_place = true },
	{ "sleeps unprepared", sleeps_unprepared, 2, CHECK_LOCK_MISUSE,
	  .text = "thread0 sleeps on a wait queue it is not prepared for",
	  .has_place = true },
	{ "sleeps elsewhere", prepares_twice, 2, CHECK_LOCK_MISUSE,
	  .text = "thread0 may sleep on semaphore none while it is prepared to sleep on wait queue queue",
	  .has_place = true },
	{ "use after free", ups_freed, 2, CHECK_USE_AFTER_FREE,
	  .text = "use of memory that was freed", .has_place = true },
	{ "assertion", asserts, 2, CHECK_ASSERT,
	  .text = ": assertion failed: check_load(&s->x) == 0", .has_place = true },
	{ "assertion, then assumption", asserts_then_assumes, 2, CHECK_ASSERT,
	  .text = ": assertion failed: check_choose(3) != 1", .has_place = true },
	{ "leak", loses, 2, CHECK_LEAK, .text = "1 object is left, the first a node",
	  .end = leaks },
	{ "waits at the end", nothing, 1, CHECK_LOST_WAKEUP,
	  .text = "waits for semaphore one with nobody left to wake it",
	  .has_place = true, .end = waits_at_the_end },
};

struct seen {
	const struct check_failure *wanted;
	bool met;
};

static void on_failed(void *user, const struct check_failure *failure,
		      unsigned int nth)
{
	struct seen *seen = user;

	if (nth == 0 && failure->number == seen->wanted->number &&
	    failure->where == seen->wanted->where)
		seen->met = true;
}

static void replays(const struct bad *bad, const struct check_failure *failure)
{
	struct seen seen = { .wanted = failure };
	struct check_listener listener = {
		.failed = on_failed, .user = &seen,
	};
	struct check_program program = {
		.nr_threads = bad->nr_threads, .setup = setup,
		.thread = bad->thread, .finish = bad->end,
		.thread_name = "thread",
	};

	assert_int_equal(check_replay(&program, &failure->schedule, &listener),
			 0);
	assert_true(seen.met);
}

static void expect_bad(const struct bad *bad,
		       const struct check_result *result)
{
	const struct check_failure *failure = NULL;

	for (size_t i = 0; i < result->nr_failures && !failure; i++)
		if (result->failures[i].number == bad->number)
			failure = &result->failures[i];
	assert_non_null(failure);
	print_message("# %s\n", failure->text);
	if (!strstr(failure->text, bad->text))
		fail_msg("\"%s\" lacks \"%s\"", failure->text, bad->text);
	assert_in_range(result->nr_failures, 1, 1 + bad->others);
	assert_true(result->complete);
	if (bad->has_place) {
		assert_non_null(check_place_of(failure->where));
		assert_non_null(strstr(check_place_of(failure->where)->file,
				       "checker_sync_test.c"));
	}
	replays(bad, failure);
}

static void test_bad(void **state)
{
	const struct bad *bad = *state;

	for (unsigned int mode = 0; mode < NR_MODES; mode++) {
		struct check_result result = search(bad->thread,
						    bad->nr_threads, mode,
						    bad->end);

		print_message("# %s\n", mode_names[mode]);
		expect_bad(bad, &result);
		check_result_free(&result);
	}
}

#define NR_GOODS (sizeof(goods) / sizeof(goods[0]))
#define NR_BADS (sizeof(bads) / sizeof(bads[0]))

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[NR_GOODS + NR_BADS];
	size_t nr = 0;

	/* one test alone: its name, or a pattern */
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	for (size_t i = 0; i < NR_GOODS; i++)
		tests[nr++] = (struct CMUnitTest){
			.name = goods[i].name, .test_func = test_good,
			.initial_state = (void *)(uintptr_t)&goods[i],
		};
	for (size_t i = 0; i < NR_BADS; i++)
		tests[nr++] = (struct CMUnitTest){
			.name = bads[i].name, .test_func = test_bad,
			.initial_state = (void *)(uintptr_t)&bads[i],
		};
	return _cmocka_run_group_tests("checker_sync", tests, nr, NULL, NULL);
}
