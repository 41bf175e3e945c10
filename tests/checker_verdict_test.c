// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_verdict_test.c - what is cut is never complete and comes to an end,
 * and nobody is blamed for what the checker does.
 */
#include "programs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct shared {
	uint64_t x, y;
	struct check_mutex mutex;
	struct check_cond cond;
} *s;

static void setup(void *arg)
{
	(void)arg;
	s = check_alloc(sizeof(*s), "shared");
	check_mutex_init(&s->mutex, "mutex");
	check_cond_init(&s->cond, "cond");
}

static void run(const struct check_program *program, enum check_mode mode,
		struct check_result *result)
{
	const struct check_options options = { .mode = mode };

	assert_int_equal(check_run(program, &options, result), 0);
}

/* ------ without an end ------ */

/* One goes on for ever, and so does the other that only looks. */
static void write_and_look(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		for (;;)
			word_load(&s->x);
	while (!word_load(&s->y))
		word_fetch_add(&s->x, 1);
}

/* No execution gets longer than the longest: else each has one longer yet. */
static void test_longest(void **state)
{
	const struct check_program program = {
		.nr_threads = 2, .setup = setup, .thread = write_and_look,
	};
	struct check_result result;

	(void)state;
	run(&program, CHECK_BY_EXECUTIONS, &result);
	assert_false(result.complete);
	assert_int_equal(result.executions, 0);
	assert_true(result.cut > 0 && result.cut == result.runs);
	check_result_free(&result);
}

/* ------ before the threads, and after them ------ */

static bool cuts;

static void give_up(void)
{
	if (cuts)
		check_cut();
	check_assume(false);
}

static void give_up_at_once(void *arg)
{
	setup(arg);
	give_up();
}

static void store_self(void *arg, unsigned int t)
{
	(void)arg;
	word_store(&s->x, t);
}

static void give_up_after_1(void *arg)
{
	(void)arg;
	if (s->x == 1)
		give_up();
}

/* Half of two executions, or all there is, does not come to its end. */
static void check_given_up(const struct check_program *program,
			   uint64_t executions)
{
	for (enum check_mode mode = 0; mode <= CHECK_PREEMPTIONS; mode++) {
		const struct check_options options = {
			.mode = mode, .preemptions = 4,
		};
		struct check_result result;

		assert_int_equal(check_run(program, &options, &result), 0);
		assert_int_equal(result.complete, !cuts);
		assert_int_equal(result.cut, cuts);
		assert_int_equal(result.assumed, !cuts);
		assert_int_equal(result.executions, executions);
		assert_int_equal(result.nr_failures, 0);
		check_result_free(&result);
	}
}

static void test_given_up(void **state)
{
	const struct check_program before = {
		.nr_threads = 2, .setup = give_up_at_once, .thread = store_self,
	};
	const struct check_program after = {
		.nr_threads = 2, .setup = setup, .thread = store_self,
		.finish = give_up_after_1,
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		cuts = i != 0;
		check_given_up(&before, 0);
		check_given_up(&after, 1);
	}
}

/* ------ what would end the process, or lose a part of it ------ */

static void (*harm)(void);

static void harm_if_first(void *arg, unsigned int t)
{
	(void)arg;
	if (word_fetch_add(&s->x, 1) == 0 && t == 1)
		harm();
}

static void call_exit(void)
{
	exit(0);
}

static void choose_too_many(void)
{
	assert_true(check_choose(256) != 255);
}

static void check_harm(void (*call)(void), unsigned int number,
		       const char *text)
{
	const struct check_program program = {
		.nr_threads = 2, .setup = setup, .thread = harm_if_first,
	};

	harm = call;
	for (enum check_mode mode = 0; mode <= CHECK_PREEMPTIONS; mode++) {
		struct check_result result;

		run(&program, mode, &result);
		assert_true(mode == CHECK_PREEMPTIONS || result.complete);
		assert_int_equal(result.nr_failures, 1);
		assert_int_equal(result.failures[0].number, number);
		assert_string_equal(result.failures[0].text, text);
		assert_int_equal(result.failures[0].schedule.segments[0].thread,
				 1);
		check_result_free(&result);
	}
}

static void test_harm(void **state)
{
	(void)state;
	check_harm(abort, CHECK_CRASH, "abort() is called");
	check_harm(call_exit, CHECK_CRASH, "exit() is called");
	check_harm(choose_too_many, CHECK_ASSERT,
		   "a choice of 256: 255 are the most");
}

/* ------ a clock ------ */

static uint64_t ticks;

static void store_time(void *arg, unsigned int t)
{
	uint64_t now = ++ticks;

	(void)arg;
	(void)t;
	word_store(&s->x, now);
	word_load(&s->x);
}

/* It shows in memory only, and is looked at before the first operation. */
static void test_clock(void **state)
{
	const struct check_program program = {
		.nr_threads = 2, .setup = setup, .thread = store_time,
	};

	(void)state;
	for (enum check_mode mode = 0; mode <= CHECK_PREEMPTIONS; mode++) {
		struct check_result result;

		run(&program, mode, &result);
		assert_false(result.complete);
		assert_int_equal(result.nr_failures, 1);
		assert_int_equal(result.failures[0].number,
				 CHECK_NONDETERMINISM);
		check_result_free(&result);
	}
}

/* ------ nobody's fault ------ */

static void signal_and_wait(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		word_fetch_add(&s->x, 1);
	check_mutex_lock(&s->mutex);
	check_cond_signal(&s->cond);
	check_mutex_unlock(&s->mutex);
	if (!t)
		return;
	check_mutex_lock(&s->mutex);
	check_cond_wait(&s->cond, &s->mutex);
	check_mutex_unlock(&s->mutex);
	check_mutex_lock(&s->mutex);
	check_cond_wait_timeout(&s->cond, &s->mutex);
	check_mutex_unlock(&s->mutex);
}

/*
 * A step that shows that what was known of an object is wrong ends earlier when
 * it is done again: the program did the same.
 */
static void test_surprise(void **state)
{
	const struct check_program program = {
		.nr_threads = 2, .setup = setup, .thread = signal_and_wait,
	};

	(void)state;
	for (enum check_mode mode = CHECK_BY_STATES; mode <= CHECK_PREEMPTIONS;
	     mode += CHECK_PREEMPTIONS) {
		struct check_result result;

		run(&program, mode, &result);
		for (size_t i = 0; i < result.nr_failures; i++)
			assert_int_equal(result.failures[i].number,
					 CHECK_LOST_WAKEUP);
		assert_null(result.stopped);
		check_result_free(&result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_harm),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_surprise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
