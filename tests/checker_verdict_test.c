// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_verdict_test.c - what is cut is never complete, and comes to an end.
 */
#include "programs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct shared {
	uint64_t x, y;
} *s;

static void setup(void *arg)
{
	(void)arg;
	s = check_alloc(sizeof(*s), "shared");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
