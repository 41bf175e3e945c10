// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_bundles_test.c - events that may come before any set of others: as
 * many executions as there are sets, and only a few sub-trees at a time.
 *
 * Each program has N threads that do the same, in any order, and one or two
 * more that notice how many of them came first.
 */
#include "../bench/dpor/dpor.h"
#include "../checker/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* Every N of every program with no more executions than these is run. */
#define MOST_EXECUTIONS 70000
/* The same with bundles of everything, by several processes, in pieces. */
#define FEW_EXECUTIONS 5000
#define MOST_N 16
/* So many times the memory of a search for 8 threads is enough for 16. */
#define MORE_MEMORY 8

/* ------ programs ------ */

/* Any of them come before the one. */
static uint64_t sets(unsigned int n)
{
	return UINT64_C(1) << n;
}

/* Either of the two first; each thread comes before, between or behind them. */
static uint64_t orders_of_two(unsigned int n)
{
	uint64_t nr = 2;

	while (n--)
		nr *= 3;
	return nr;
}

/* The same; but if nothing is between two reads, their order is nothing. */
static uint64_t sets_of_two(unsigned int n)
{
	return orders_of_two(n) - sets(n);
}

static struct dpor_size one_more(unsigned int n)
{
	return (struct dpor_size){ .threads = n + 1, .words = n, .locks = 1 };
}

static struct dpor_size two_more(unsigned int n)
{
	return (struct dpor_size){ .threads = n + 2, .words = n, .locks = 1 };
}

static void add(struct dpor *d)
{
	check_op(&d->words[0], CHECK_ADD);
	d->words[0]++;
}

static void read_additions(struct dpor *d, unsigned int t)
{
	if (t < d->n)
		add(d);
	else if (word_load(&d->words[0]) > 2 * d->n)
		dpor_fail("there are not so many");
}

/* The one that notices has its turn first. */
static void first_reads_additions(struct dpor *d, unsigned int t)
{
	read_additions(d, d->n - t);
}

static void write_additions(struct dpor *d, unsigned int t)
{
	if (t < d->n)
		add(d);
	else
		word_store(&d->words[0], 0);
}

static void read_and_write_additions(struct dpor *d, unsigned int t)
{
	if (t <= d->n)
		read_additions(d, t);
	else
		word_store(&d->words[0], 0);
}

static void read_range(struct dpor *d, unsigned int t)
{
	if (t < d->n)
		word_store(&d->words[t], 1);
	else
		check_op_range(d->words, d->n * sizeof(*d->words), CHECK_READ);
}

static void make_rwsem(struct dpor *d)
{
	check_rwsem_init(&d->locks[0], "lock");
}

static void write_among_readers(struct dpor *d, unsigned int t)
{
	if (t < d->n) {
		check_down_read(&d->locks[0], NULL);
		check_up_read(&d->locks[0], NULL);
	} else {
		check_down_write(&d->locks[0], NULL);
		check_up_write(&d->locks[0], NULL);
	}
}

/* Additions of a thread follow each other, and what it reads is another one. */
static void read_two_additions(struct dpor *d, unsigned int t)
{
	read_additions(d, t);
	if (t < d->n)
		add(d);
}

static uint64_t sets_of_twos(unsigned int n)
{
	return orders_of_two(n) / 2;
}

static const struct dpor_program programs[] = {
	{ .name = "a read among additions", .executions = sets,
	  .size = one_more, .thread = read_additions },
	{ .name = "a read before additions", .executions = sets,
	  .size = one_more, .thread = first_reads_additions },
	{ .name = "two reads among additions", .executions = sets_of_two,
	  .size = two_more, .thread = read_additions },
	{ .name = "a read among twos of additions", .executions = sets_of_twos,
	  .size = one_more, .thread = read_two_additions },
	{ .name = "a write among additions", .executions = sets,
	  .size = one_more, .thread = write_additions },
	{ .name = "a read and a write among additions",
	  .executions = orders_of_two, .size = two_more,
	  .thread = read_and_write_additions },
	{ .name = "a read of a range among writes", .executions = sets,
	  .size = one_more, .thread = read_range },
	{ .name = "a writer among readers of a lock", .executions = sets,
	  .size = one_more, .setup = make_rwsem,
	  .thread = write_among_readers },
	{ .name = "two writers among readers of a lock",
	  .executions = orders_of_two, .size = two_more, .setup = make_rwsem,
	  .thread = write_among_readers },
};

#define NR_PROGRAMS (sizeof(programs) / sizeof(programs[0]))

static void for_each_instance(uint64_t most, void (*f)(struct dpor *d))
{
	for (size_t i = 0; i < NR_PROGRAMS; i++) {
		struct dpor d = { .program = &programs[i] };

		for (d.n = 1; d.n <= MOST_N; d.n++)
			if (programs[i].executions(d.n) <= most)
				f(&d);
	}
}

/* ------ searches ------ */

static struct check_result search(struct dpor *d, struct check_options options)
{
	struct check_program program = dpor_check_program(d);
	struct check_result result;

	options.mode = CHECK_BY_EXECUTIONS;
	assert_int_equal(check_run(&program, &options, &result), 0);
	return result;
}

static void judge(const struct dpor *d, const struct check_result *result)
{
	char text[128];

	if (dpor_judge(d, result, text, sizeof(text)))
		fail_msg("%s, N = %u: %s", d->program->name, d->n, text);
}

static void search_all(struct dpor *d)
{
	struct check_options options = { 0 };
	struct check_result result = search(d, options);

	judge(d, &result);
	check_result_free(&result);
}

static void test_counts(void **state)
{
	(void)state;
	for_each_instance(MOST_EXECUTIONS, search_all);
}

/* However few there are. */
static void test_all_in_bundles(void **state)
{
	const unsigned int few = revisits_few;

	(void)state;
	for (revisits_few = 0; revisits_few < 4; revisits_few++)
		for_each_instance(FEW_EXECUTIONS, search_all);
	revisits_few = few;
}

static void test_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR_PROGRAMS; i++) {
		struct dpor d = { .program = &programs[i] };
		const struct check_options options = { 0 };
		size_t bytes[2];

		if (programs[i].executions != sets)
			continue;
		for (unsigned int k = 0; k < 2; k++) {
			struct check_result result;

			d.n = 8 + 8 * k;
			result = search(&d, options);
			judge(&d, &result);
			bytes[k] = result.search_bytes;
			check_result_free(&result);
		}
		print_message("%s: %zu bytes for 8, %zu for 16\n",
			      programs[i].name, bytes[0], bytes[1]);
		assert_true(bytes[1] <= MORE_MEMORY * bytes[0]);
	}
}

/* ------ elsewhere, and later ------ */

/* Bundles are sent, too. */
static void search_together(struct dpor *d)
{
	struct check_options options = { .jobs = 2 };
	struct check_result result = search(d, options);

	judge(d, &result);
	check_result_free(&result);
}

static void test_together(void **state)
{
	(void)state;
	for_each_instance(FEW_EXECUTIONS, search_together);
}

/* Each tenth goes on from what the one before left in a file. */
static void search_in_pieces(struct dpor *d)
{
	char path[] = "/tmp/bundles-XXXXXX";
	struct check_options options = { .checkpoint = path };
	uint64_t all = d->program->executions(d->n);
	struct check_result result;

	if (all < 100)
		return;
	assert_int_equal(close(mkstemp(path)), 0);
	assert_int_equal(unlink(path), 0);
	for (unsigned int i = 1; i < 10; i++) {
		options.max_executions = i * all / 10;
		result = search(d, options);
		assert_non_null(result.stopped);
		check_result_free(&result);
	}
	options.max_executions = 0;
	result = search(d, options);
	judge(d, &result);
	check_result_free(&result);
	unlink(path);
}

static void test_in_pieces(void **state)
{
	(void)state;
	for_each_instance(FEW_EXECUTIONS, search_in_pieces);
}

/* After a tenth it is known how many there are. */
static void estimate(struct dpor *d)
{
	uint64_t all = d->program->executions(d->n);
	struct check_options options = { .max_executions = all / 10 };
	struct check_result result;
	double ratio;

	/* nothing is bundled in that one, and its sub-trees look alike */
	if (all < 300 || d->program->thread == first_reads_additions)
		return;
	result = search(d, options);
	assert_non_null(result.stopped);
	ratio = (double)result.runs / result.done / (double)all;
	check_result_free(&result);
	print_message("%s, N = %u: %.2f of what it is\n", d->program->name,
		      d->n, ratio);
	assert_true(ratio > 0.5 && ratio < 2);
}

static void test_estimate(void **state)
{
	(void)state;
	for_each_instance(MOST_EXECUTIONS, estimate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_all_in_bundles),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_together),
		cmocka_unit_test(test_in_pieces),
		cmocka_unit_test(test_estimate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
