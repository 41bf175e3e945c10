// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_states_test.c - the search by states: what it may not leave out.
 */
#include "programs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define AT(n) ((const void *)(uintptr_t)(0x1000 + (n)))

struct memory {
	uint64_t x, y, z;
	struct check_lock *lock;
};

static struct memory *m;		/* constant after setup() */

static void setup(void *arg)
{
	(void)arg;
	m = check_alloc(sizeof(*m), "memory");
	m->lock = check_alloc(sizeof(*m->lock), "lock");
	check_spin_init(m->lock, "lock");
}

static struct check_result search_with(void (*thread)(void *, unsigned int),
				       unsigned int nr_threads,
				       const struct check_options *options)
{
	struct check_program program = {
		.nr_threads = nr_threads, .setup = setup, .thread = thread,
	};
	struct check_result result;

	assert_int_equal(check_run(&program, options, &result), 0);
	return result;
}

/* ------ a release and those who do not wait ------ */

static void frees_held_lock(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0) {
		check_spin_lock(m->lock, AT(1));
		word_store(&m->x, 1);
		check_spin_unlock(m->lock, AT(2));
	} else if (word_load(&m->x)) {
		check_free(m->lock, AT(3));
	}
}

static void destroys_held_lock(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0) {
		check_spin_lock(m->lock, AT(1));
		word_store(&m->x, 1);
		check_spin_unlock(m->lock, AT(2));
	} else if (word_load(&m->x)) {
		check_op(m->lock, CHECK_WRITE);
		check_lock_destroy(m->lock, AT(3));
	}
}

static void expect_as_brute_force(void (*thread)(void *, unsigned int),
				  unsigned int number)
{
	static const struct check_options options[] = {
		{ .mode = CHECK_BRUTE_FORCE },
		{ .mode = CHECK_BY_STATES, .no_reduction = true },
		{ .mode = CHECK_BY_STATES },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		struct check_result result = search_with(thread, 2,
							 &options[i]);

		assert_int_equal(result.nr_failures, 1);
		assert_int_equal(result.failures[0].number, number);
		check_result_free(&result);
	}
}

static void test_release(void **state)
{
	(void)state;
	expect_as_brute_force(frees_held_lock, CHECK_USE_AFTER_FREE);
	expect_as_brute_force(destroys_held_lock, CHECK_LOCK_MISUSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
