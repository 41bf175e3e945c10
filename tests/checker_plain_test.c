// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_plain_test.c - plain re-execution: whole executions, different ones,
 * with no more context switches than they need.
 */
#include "programs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SECONDS 0.01
#define MAX_ORDERS 64

/* What the executions did, outside of the memory that is restored. */
static struct seen {
	uint64_t ended;			/* threads */
	uint64_t switches;
	unsigned int last;		/* thread that performed an operation */
	uint32_t order;			/* of the threads' ends in this run */
	uint32_t orders[MAX_ORDERS];
	size_t nr_orders;
	uint64_t choices[16];		/* how often each pair was chosen */
	bool wrong;
} seen;

static uint64_t *words;
static struct check_lock *locks;

static void setup(void *arg)
{
	(void)arg;
	words = check_alloc(8 * sizeof(*words), "words");
	locks = check_alloc(2 * sizeof(*locks), "locks");
	check_spin_init(&locks[0], "a");
	check_spin_init(&locks[1], "b");
}

static void operated(unsigned int t)
{
	seen.switches += seen.last != t;
	seen.last = t;
}

static void note_order(void)
{
	size_t i = 0;

	while (i < seen.nr_orders && seen.orders[i] != seen.order)
		i++;
	if (i == seen.nr_orders && i < MAX_ORDERS)
		seen.orders[seen.nr_orders++] = seen.order;
}

/* Thread t of nr is at its end. */
static void ended(unsigned int t, unsigned int nr)
{
	seen.order = seen.order * 10 + t + 1;
	if (++seen.ended % nr)
		return;
	note_order();
	seen.order = 0;
	seen.last = CHECK_MAX_THREADS;
}

static uint64_t measure(void (*thread)(void *arg, unsigned int t),
			unsigned int nr_threads)
{
	struct check_program program = {
		.nr_threads = nr_threads, .setup = setup, .thread = thread,
	};
	uint64_t executions;
	double took;

	memset(&seen, 0, sizeof(seen));
	seen.last = CHECK_MAX_THREADS;
	assert_int_equal(check_plain_rate(&program, SECONDS, &executions,
					  &took), 0);
	assert_true(took >= SECONDS);
	assert_false(seen.wrong);
	/* each to its end; some more were needed to make the schedules */
	assert_int_equal(seen.ended % nr_threads, 0);
	assert_true(seen.ended / nr_threads > executions);
	assert_true(seen.ended / nr_threads < executions + 200);
	return executions;
}

static void adds_to_one(void *arg, unsigned int t)
{
	(void)arg;
	/* each begins where setup() has ended */
	if (word_fetch_add(&words[0], 1) >= 5)
		seen.wrong = true;
	ended(t, 5);
}

static void test_different_executions(void **state)
{
	(void)state;
	measure(adds_to_one, 5);
	/* of 120; 16 schedules, of which two may be equal by chance */
	assert_in_range(seen.nr_orders, 10, 16);
}

static void own_words(void *arg, unsigned int t)
{
	(void)arg;
	for (unsigned int i = 0; i < 10; i++) {
		word_store(&words[t], word_load(&words[7]) + i);
		operated(t);
	}
	ended(t, 4);
}

/*
 * Nothing depends on another thread: each runs through.  Only the interleavings
 * that are put in order have more switches, and there are 16.
 */
static void test_fewest_switches(void **state)
{
	uint64_t executions;

	(void)state;
	executions = measure(own_words, 4);
	assert_in_range(seen.switches, 4 * executions,
			4 * executions + 100 * 40);
}

static void two_halves(void *arg, unsigned int t)
{
	(void)arg;
	for (unsigned int i = 0; i < 6; i++) {
		uint64_t value = word_load(&words[0]);

		operated(t);
		word_store(&words[0], value + 1);
		operated(t);
	}
	ended(t, 2);
}

/* Threads that depend on each other are not run one after the other. */
static void test_real_switches(void **state)
{
	uint64_t executions;

	(void)state;
	executions = measure(two_halves, 2);
	assert_in_range(seen.switches, 6 * executions, 24 * executions);
}

static void locked(void *arg, unsigned int t)
{
	uint64_t before;

	(void)arg;
	check_spin_lock(&locks[0], NULL);
	before = word_load(&words[0]);
	word_store(&words[0], before + 1);
	if (words[0] != before + 1)
		seen.wrong = true;
	check_spin_unlock(&locks[0], NULL);
	ended(t, 4);
}

static void test_locks(void **state)
{
	(void)state;
	measure(locked, 4);
	assert_true(seen.nr_orders >= 6);
}

static void choosing(void *arg, unsigned int t)
{
	unsigned int first = check_choose(4), second;

	(void)arg;
	word_add(&words[0], first);
	second = check_choose(4);
	word_add(&words[0], second);
	seen.choices[4 * first + second]++;
	ended(t, 3);
}

static void test_choices(void **state)
{
	unsigned int often = 0;

	(void)state;
	measure(choosing, 3);
	/* 48 of the 16 pairs were drawn: none is a fifth of all */
	for (size_t i = 0; i < 16; i++) {
		assert_true(seen.choices[i] < seen.ended / 5);
		often += seen.choices[i] > seen.ended / 100;
	}
	assert_true(often >= 10);
}

static void nothing(void *arg, unsigned int t)
{
	(void)arg;
	ended(t, 3);
}

static void test_no_operations(void **state)
{
	(void)state;
	measure(nothing, 3);
}

/* ------ programs that cannot be measured ------ */

static void refuses(const struct check_program *program, int number)
{
	uint64_t executions;
	double took;

	errno = 0;
	assert_int_equal(check_plain_rate(program, SECONDS, &executions, &took),
			 -1);
	assert_int_equal(errno, number);
	assert_int_equal(executions, 0);
}

static void sleeps(void *arg, unsigned int t)
{
	(void)arg;
	(void)t;
	check_park(NULL);
}

/* In one order or the other, which is a deadlock or warned of. */
static void takes_both(void *arg, unsigned int t)
{
	(void)arg;
	check_spin_lock(&locks[t], NULL);
	check_spin_lock(&locks[1 - t], NULL);
	check_spin_unlock(&locks[1 - t], NULL);
	check_spin_unlock(&locks[t], NULL);
}

static void failing_setup(void *arg)
{
	(void)arg;
	check_fail(1, NULL, "planned");
}

static unsigned int history;

static void different_each_time(void *arg, unsigned int t)
{
	(void)arg;
	(void)t;
	for (unsigned int i = history++ % 5; i < 5; i++)
		word_load(&words[0]);
}

static void test_refuses(void **state)
{
	struct check_program program = {
		.nr_threads = 2, .setup = setup, .thread = sleeps,
	};

	(void)state;
	refuses(&program, EDEADLK);
	program.thread = takes_both;
	refuses(&program, EDEADLK);
	program.thread = different_each_time;
	refuses(&program, EPROTO);
	program.thread = nothing;
	program.setup = failing_setup;
	refuses(&program, EINVAL);
	program.setup = setup;
	program.nr_threads = 0;
	refuses(&program, EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_different_executions),
		cmocka_unit_test(test_fewest_switches),
		cmocka_unit_test(test_real_switches),
		cmocka_unit_test(test_locks),
		cmocka_unit_test(test_choices),
		cmocka_unit_test(test_no_operations),
		cmocka_unit_test(test_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
