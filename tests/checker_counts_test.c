// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_counts_test.c - exact numbers of executions, as the literature has
 * them: one an equivalence class of interleavings.
 */
#include "programs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The words of the program that runs now: allocated anew for each. */
struct words {
	unsigned int n;
	uint64_t *at;
	struct check_lock *locks;
	size_t nr_words;
	size_t nr_locks;
};

static struct words w;

static void setup(void *arg)
{
	(void)arg;
	w.at = check_alloc(w.nr_words * sizeof(*w.at), "words");
	if (w.nr_locks)
		w.locks = check_alloc(w.nr_locks * sizeof(*w.locks), "locks");
	for (size_t i = 0; i < w.nr_locks; i++)
		check_spin_init(&w.locks[i], "lock");
}

static void indexer(void *arg, unsigned int t)
{
	(void)arg;
	for (uint64_t m = 1; m <= 4; m++) {
		uint64_t word = 11 * m + t, h = 7 * word % 128;

		while (!word_cmpxchg(&w.at[h], 0, word))
			h = (h + 1) % 128;
	}
}

static void readers(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0)
		word_store(&w.at[0], 1);
	else
		word_load(&w.at[0]);
}

static void lastzero(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0) {
		uint64_t i = w.n;

		while (word_load(&w.at[i]))
			i--;
	} else {
		word_store(&w.at[t], word_load(&w.at[t - 1]) + 1);
	}
}

static void fib(void *arg, unsigned int t)
{
	(void)arg;
	for (unsigned int k = 0; k < w.n; k++) {
		uint64_t a = word_load(&w.at[t]);
		uint64_t b = word_load(&w.at[1 - t]);

		word_store(&w.at[t], a + b);
	}
}

static void ainc(void *arg, unsigned int t)
{
	(void)arg;
	(void)t;
	word_fetch_add(&w.at[0], 1);
}

static void inc(void *arg, unsigned int t)
{
	(void)arg;
	(void)t;
	for (unsigned int k = 0; k < w.n; k++)
		word_store(&w.at[0], word_load(&w.at[0]) + 1);
}

static void counter(void *arg, unsigned int t)
{
	(void)arg;
	(void)t;
	check_spin_lock(&w.locks[0], NULL);
	word_store(&w.at[0], word_load(&w.at[0]) + 1);
	check_spin_unlock(&w.locks[0], NULL);
}

static void philosophers(void *arg, unsigned int t)
{
	unsigned int a = t, b = (t + 1) % w.n;

	(void)arg;
	if (b < a) {
		a = b;
		b = t;
	}
	check_spin_lock(&w.locks[a], NULL);
	check_spin_lock(&w.locks[b], NULL);
	check_spin_unlock(&w.locks[b], NULL);
	check_spin_unlock(&w.locks[a], NULL);
}

static void lastwrite(void *arg, unsigned int t)
{
	(void)arg;
	word_store(&w.at[0], t + 1);
}

static void adds(void *arg, unsigned int t)
{
	(void)arg;
	(void)t;
	word_add(&w.at[0], 1);
}

static void ticket(void *arg, unsigned int t)
{
	uint64_t my = word_fetch_add(&w.at[0], 1);

	(void)arg;
	(void)t;
	while (word_load(&w.at[1]) != my)
		;
	word_store(&w.at[2], word_load(&w.at[2]) + 1);
	word_store(&w.at[1], my + 1);
}

/* A lock made of a loop: as many executions as with one that sleeps. */
static void spinner(void *arg, unsigned int t)
{
	(void)arg;
	(void)t;
	while (!word_cmpxchg(&w.at[1], 0, 1))
		;
	word_store(&w.at[2], word_load(&w.at[2]) + 1);
	word_store(&w.at[1], 0);
}

/* The same that looks before it tries. */
static void looker(void *arg, unsigned int t)
{
	(void)arg;
	(void)t;
	do {
		while (word_load(&w.at[1]))
			;
	} while (!word_cmpxchg(&w.at[1], 0, 1));
	word_store(&w.at[1], 0);
}

struct row {
	const char *name;
	void (*thread)(void *arg, unsigned int t);
	unsigned int n;
	unsigned int nr_threads;
	size_t nr_words;
	size_t nr_locks;
	uint64_t executions;
};

static const struct row rows[] = {
	{ "readers(7)", readers, 7, 8, 1, 0, 128 },
	{ "lastzero(5)", lastzero, 5, 6, 6, 0, 64 },
	{ "lastzero(7)", lastzero, 7, 8, 8, 0, 320 },
	{ "fib(4)", fib, 4, 2, 2, 0, 1107 },
	{ "ainc(6)", ainc, 6, 6, 1, 0, 720 },
	{ "inc(4)", inc, 4, 2, 1, 0, 3334 },
	{ "mutex counter(6)", counter, 6, 6, 1, 1, 720 },
	{ "philosophers(5)", philosophers, 5, 5, 1, 5, 30 },
	{ "philosophers(8)", philosophers, 8, 8, 1, 8, 254 },
	{ "lastwrite(6)", lastwrite, 6, 6, 1, 0, 720 },
	{ "indexer(8)", indexer, 8, 8, 128, 0, 1 },
	{ "ticket(3)", ticket, 3, 3, 3, 0, 6 },
	{ "ticket(6)", ticket, 6, 6, 3, 0, 720 },
	{ "spinner(3)", spinner, 3, 3, 3, 0, 6 },
	{ "spinner(5)", spinner, 5, 5, 3, 0, 120 },
	{ "looker(2)", looker, 2, 2, 3, 0, 6 },
	{ "adds(8)", adds, 8, 8, 1, 0, 1 },
	{ "adds(31)", adds, 31, 31, 1, 0, 1 },
};

static struct check_result search(const struct row *row, enum check_mode mode)
{
	struct check_options options = { .mode = mode };
	struct check_program program = {
		.nr_threads = row->nr_threads,
		.setup = setup,
		.thread = row->thread,
	};
	struct check_result result;

	w = (struct words){
		.n = row->n,
		.nr_words = row->nr_words,
		.nr_locks = row->nr_locks,
	};
	assert_int_equal(check_run(&program, &options, &result), 0);
	return result;
}

static void test_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_result result =
			search(&rows[i], CHECK_BY_EXECUTIONS);

		print_message("%-20s %8llu executions, %llu redundant, %.3f s\n",
			      rows[i].name,
			      (unsigned long long)result.executions,
			      (unsigned long long)result.redundant,
			      result.seconds);
		assert_int_equal(result.executions, rows[i].executions);
		assert_int_equal(result.nr_failures, 0);
		assert_true(result.complete);
		check_result_free(&result);
	}
}

static void test_states_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_result result = search(&rows[i], CHECK_BY_STATES);

		print_message("%-20s %8llu states, %llu steps, %u passes, %.3f s\n",
			      rows[i].name,
			      (unsigned long long)result.states,
			      (unsigned long long)result.steps,
			      result.passes, result.seconds);
		assert_int_equal(result.nr_failures, 0);
		assert_true(result.complete);
		check_result_free(&result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_states_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
