// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_random_test.c - the searches at random keep what they promise.
 *
 * Every seed is fixed, so nothing here is left to chance: a bound that holds
 * in all but one of many thousand cases holds each time or never.
 */
#include "programs.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../checker/dice.h"

#define AT(n) ((const void *)(uintptr_t)(0x1000 + (n)))
#define MINE 7

/* How far from the expected a true hypothesis may be: one in 30000. */
#define SIGMAS 4.0

struct shared {
	uint64_t x, y;
	uint64_t private[8];
	struct check_lock lock;
	uint8_t order[16];		/* who was there first, second ... */
	unsigned int nr;
};

static struct shared *s;		/* constant after setup() */

static void setup(void *arg)
{
	(void)arg;
	s = check_alloc(sizeof(*s), "shared");
	check_spin_init(&s->lock, "lock");
}

static struct check_result search_n(void (*thread)(void *, unsigned int),
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

/* ------ statistics ------ */

/* The value that chi-square exceeds as seldom as a normal one SIGMAS. */
static double chi_square_limit(double freedom)
{
	double a = 2 / (9 * freedom), x = 1 - a + SIGMAS * sqrt(a);

	return freedom * x * x * x;		/* Wilson and Hilferty */
}

static double chi_square(const uint64_t *counts, size_t nr)
{
	double sum = 0, total = 0;

	for (size_t i = 0; i < nr; i++)
		total += (double)counts[i];
	for (size_t i = 0; i < nr; i++) {
		double off = (double)counts[i] - total / (double)nr;

		sum += off * off / (total / (double)nr);
	}
	return sum;
}

static void test_dice(void **state)
{
	uint64_t counts[37] = { 0 }, streams[37] = { 0 };
	struct dice dice, other;
	double low = 0;

	(void)state;
	dice_seed(&dice, 1, 0);
	for (int i = 0; i < 100000; i++)
		counts[dice_below(&dice, 37)]++;
	assert_true(chi_square(counts, 37) < chi_square_limit(36));
	/* the first numbers of neighbouring streams */
	for (uint64_t i = 0; i < 100000; i++) {
		dice_seed(&dice, 1, i);
		streams[dice_below(&dice, 37)]++;
	}
	assert_true(chi_square(streams, 37) < chi_square_limit(36));
	dice_seed(&dice, 5, 9);
	dice_seed(&other, 5, 9);
	for (int i = 0; i < 100; i++)
		assert_int_equal(dice_below(&dice, UINT64_MAX),
				 dice_below(&other, UINT64_MAX));
	assert_int_equal(dice_below(&dice, 1), 0);
	/* a remainder would be in the first third every second time */
	for (int i = 0; i < 9000; i++)
		low += dice_below(&dice, 3ull << 62) < 1ull << 62;
	assert_true(fabs(low - 3000) < SIGMAS * sqrt(2000));
}

/* ------ orders ------ */

#define MAX_ORDERS 4096

struct orders {
	uint64_t code[MAX_ORDERS];
	uint64_t hits[MAX_ORDERS];
	size_t nr;
	uint64_t total;
};

static void note_order(void *user)
{
	struct orders *orders = user;
	uint64_t code = 1;
	size_t i = 0;

	assert_true(check_searching());
	for (unsigned int n = 0; n < s->nr; n++)
		code = code * 8 + s->order[n];
	while (i < orders->nr && orders->code[i] != code)
		i++;
	assert_true(i < MAX_ORDERS);
	orders->code[i] = code;
	orders->hits[i]++;
	orders->total++;
	if (i == orders->nr)
		orders->nr++;
}

static void noise(unsigned int t, unsigned int n)
{
	while (n--)
		word_store(&s->private[t], n);
}

/* Three threads add to x twice each, with other work in between. */
static void adders(void *arg, unsigned int t)
{
	(void)arg;
	for (unsigned int i = 0; i < 2; i++) {
		noise(t, t == i ? 7 : t);
		s->order[word_fetch_add(&s->x, 1)] = (uint8_t)t;
		s->nr = 6;
	}
	noise(t, 3 * (2 - t));
}

/* Whoever has the lock is next. */
static void lockers(void *arg, unsigned int t)
{
	(void)arg;
	noise(t, 4 * t);
	check_spin_lock(&s->lock, AT(1));
	s->order[s->nr++] = (uint8_t)t;
	noise(t, 3);
	check_spin_unlock(&s->lock, AT(2));
	noise(t, t == 2 ? 9 : 0);
}

static struct orders draw(void (*thread)(void *, unsigned int),
			  unsigned int nr_threads, enum check_mode mode,
			  uint64_t runs, uint64_t *beyond)
{
	struct orders orders = { .nr = 0 };
	struct check_options options = {
		.mode = mode, .seed = 1, .runs = runs,
		.completed = note_order, .user = &orders,
	};
	struct check_result result = search_n(thread, nr_threads, &options);

	assert_int_equal(result.nr_failures, 0);
	if (mode != CHECK_BY_EXECUTIONS) {
		assert_false(result.complete);
		assert_null(result.stopped);
		assert_int_equal(result.seed, 1);
		assert_int_equal(result.runs, runs);
		assert_int_equal(result.executions, runs);
		assert_int_equal(orders.total, runs);
		assert_true(strlen(result.guarantee) > 20);
	}
	if (beyond)
		*beyond = result.beyond;
	check_result_free(&result);
	return orders;
}

static void expect_uniform(void (*thread)(void *, unsigned int),
			   unsigned int nr_threads, size_t nr_orders)
{
	uint64_t runs = 100 * nr_orders, beyond;
	double limit = chi_square_limit((double)nr_orders - 1), surw, walk;
	struct orders orders;

	/* the oracle: each order is one trace, and there are no others */
	orders = draw(thread, nr_threads, CHECK_BY_EXECUTIONS, 0, NULL);
	assert_int_equal(orders.nr, nr_orders);
	assert_int_equal(orders.total, nr_orders);

	orders = draw(thread, nr_threads, CHECK_SURW, runs, &beyond);
	assert_int_equal(orders.nr, nr_orders);
	assert_int_equal(beyond, 0);
	surw = chi_square(orders.hits, nr_orders);

	/* a walk does not draw uniformly, and this test can tell */
	orders = draw(thread, nr_threads, CHECK_RANDOM_WALK, runs, NULL);
	walk = chi_square(orders.hits, nr_orders);
	print_message("# %zu orders: chi-square %.1f by SURW, %.1f by a walk, "
		      "limit %.1f\n", nr_orders, surw, walk, limit);
	assert_true(surw < limit);
	assert_true(walk > 2 * limit);
}

static void test_surw_is_uniform(void **state)
{
	(void)state;
	expect_uniform(adders, 3, 90);
}

static void test_surw_is_uniform_with_locks(void **state)
{
	(void)state;
	expect_uniform(lockers, 4, 24);
}

/* What is added to y is interesting in every second run. */
static void two_objects(void *arg, unsigned int t)
{
	(void)arg;
	word_fetch_add(&s->y, 1);
	noise(t, 5 * t);
	s->order[word_fetch_add(&s->x, 1)] = (uint8_t)t;
	s->nr = 3;
}

static void test_surw_objects(void **state)
{
	struct check_options options = { .mode = CHECK_SURW, .runs = 100,
					 .seed = 1 };
	struct check_result result = search_n(two_objects, 3, &options);

	(void)state;
	assert_int_equal(result.objects, 2);
	assert_int_equal(result.beyond, 0);
	assert_non_null(strstr(result.guarantee, "one of 2 shared objects"));
	assert_non_null(strstr(result.guarantee, "in 0 of 100 runs"));
	check_result_free(&result);
}

/* How often thread 1 adds depends on who was first. */
static void depends(void *arg, unsigned int t)
{
	(void)arg;
	if (word_fetch_add(&s->x, 1) == 0 && t == 1)
		word_fetch_add(&s->x, 1);
}

static bool is_set(const void *word)
{
	return *(const uint64_t *)word != 0;
}

/* Thread 1 can only be second. */
static void waits(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 1)
		check_op_when(&s->y, CHECK_READ, is_set, "waits");
	word_fetch_add(&s->x, 1);
	if (t == 0)
		word_store(&s->y, 1);
}

static void test_surw_says_what_it_does_not_cover(void **state)
{
	struct check_options options = { .mode = CHECK_SURW, .runs = 100,
					 .seed = 1 };
	struct check_result result = search_n(depends, 2, &options);

	(void)state;
	assert_in_range(result.beyond, 1, 99);
	assert_int_equal(result.executions, 100);
	check_result_free(&result);
	result = search_n(waits, 2, &options);
	assert_in_range(result.beyond, 1, 99);
	assert_int_equal(result.executions, 100);
	check_result_free(&result);
}

static void share_nothing(void *arg, unsigned int t)
{
	(void)arg;
	noise(t, 3);
	word_load(&s->x);
}

static void test_nothing_shared(void **state)
{
	struct check_options options = { .runs = 10, .seed = 1 };
	struct check_result result;

	(void)state;
	options.mode = CHECK_SURW;
	result = search_n(share_nothing, 2, &options);
	assert_int_equal(result.objects, 0);
	assert_int_equal(result.executions, 10);
	assert_non_null(strstr(result.guarantee, "share nothing"));
	check_result_free(&result);
}

static void chooses(void *arg, unsigned int t)
{
	(void)arg;
	s->order[t] = (uint8_t)check_choose(5);
	s->nr = 2;
}

/* What a strategy promises holds for each outcome, and it says so. */
static void test_guarantee_with_choices(void **state)
{
	struct check_options options = { .runs = 1, .seed = 1 };
	struct check_result result;

	(void)state;
	options.mode = CHECK_RANDOM_WALK;
	result = search_n(chooses, 2, &options);
	assert_non_null(strstr(result.guarantee, "10^-2"));
	check_result_free(&result);
	options.mode = CHECK_PCT;
	result = search_n(chooses, 2, &options);
	assert_non_null(strstr(result.guarantee, "each outcome of the choice"));
	check_result_free(&result);
}

static void test_choices_are_uniform(void **state)
{
	static const enum check_mode modes[] = {
		CHECK_RANDOM_WALK, CHECK_PCT, CHECK_SURW,
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct orders orders = draw(chooses, 2, modes[i], 5000, NULL);

		assert_int_equal(orders.nr, 25);
		assert_true(chi_square(orders.hits, 25) <
			    chi_square_limit(24));
	}
}

/* ------ planted bugs of a known depth ------ */

/*
 * A chain: x becomes 1 by thread 0, 2 by thread 1, 3 by thread 0 ..., if all
 * come in that order.  The bug of depth d is x == d + 1: d pairs have to be
 * in order, and with fewer it is never met.  The threads' operations of the
 * chain follow each other at once, so just one change of priorities will do,
 * and PCT meets the bug exactly as seldom as it promises.
 */
struct plant {
	unsigned int depth;
	unsigned int lead[2];		/* operations before the chain */
	uint64_t met;
};

static void chain(void *arg, unsigned int t)
{
	const struct plant *plant = arg;

	noise(t, plant->lead[t]);
	for (unsigned int i = t; i <= plant->depth; i += 2)
		word_cmpxchg(&s->x, i, i + 1);
}

static void count_met(void *user)
{
	struct plant *plant = user;

	plant->met += s->x == plant->depth + 1;
}

/* Return: the share of runs that meet the bug. */
static struct check_result look_for(struct plant *plant, enum check_mode mode,
				    unsigned int depth, uint64_t runs)
{
	struct check_options options = {
		.mode = mode, .seed = 2, .runs = runs, .depth = depth,
		.completed = count_met, .user = plant,
	};
	struct check_program program = {
		.nr_threads = 2, .setup = setup, .thread = chain,
		.arg = plant,
	};
	struct check_result result;

	plant->met = 0;
	assert_int_equal(check_run(&program, &options, &result), 0);
	assert_int_equal(result.executions, runs);
	return result;
}

static void expect_bound(struct plant *plant, unsigned int operations)
{
	uint64_t runs = 40000;
	double n = 2, p = 1 / (n * pow(operations, plant->depth - 1.0));
	double wanted = (double)runs * p, sigma = sqrt(wanted * (1 - p));
	struct check_result result =
		look_for(plant, CHECK_PCT, plant->depth, runs);

	print_message("# depth %u, %u operations: met %llu times, promised "
		      "%.1f\n", plant->depth, operations,
		      (unsigned long long)plant->met, wanted);
	assert_int_equal(result.most_operations, operations);
	assert_int_equal(result.beyond, 0);
	assert_true(fabs(result.probability - p) < 1e-12);
	assert_true((double)plant->met > wanted - SIGMAS * sigma);
	/* for these programs the bound is all there is */
	assert_true((double)plant->met < wanted + SIGMAS * sigma);
	check_result_free(&result);
	if (plant->depth == 1)
		return;
	result = look_for(plant, CHECK_PCT, plant->depth - 1, runs);
	assert_int_equal(plant->met, 0);
	check_result_free(&result);
}

static void test_pct_meets_its_bound(void **state)
{
	struct plant one = { 1, { 5, 5 }, 0 }, two = { 2, { 12, 9 }, 0 },
		     three = { 3, { 3, 4 }, 0 }, four = { 4, { 0, 1 }, 0 };

	(void)state;
	expect_bound(&one, 12);
	expect_bound(&two, 24);
	expect_bound(&three, 11);
	expect_bound(&four, 6);
}

/* A walk would have to leave thread 1 alone thirty times in a row. */
static void test_pct_finds_what_a_walk_does_not(void **state)
{
	struct plant plant = { 2, { 30, 0 }, 0 };
	struct check_result result;

	(void)state;
	expect_bound(&plant, 33);
	result = look_for(&plant, CHECK_RANDOM_WALK, 0, 40000);
	assert_int_equal(plant.met, 0);
	check_result_free(&result);
	/* one order of three, which SURW draws as often as the others */
	result = look_for(&plant, CHECK_SURW, 0, 3000);
	assert_true(fabs((double)plant.met - 1000) < SIGMAS * sqrt(667));
	check_result_free(&result);
}

static void test_pct_guarantee(void **state)
{
	struct plant plant = { 2, { 12, 9 }, 0 };
	struct check_result result =
		look_for(&plant, CHECK_PCT, 3, 1000);

	(void)state;
	assert_string_equal(result.guarantee,
			    "a run meets a bug of depth 3 in the first 24 operations of 2 threads with a probability of at least 0.000868, all runs together with 0.58");
	check_result_free(&result);
	result = look_for(&plant, CHECK_PCT, 0, 1);
	assert_non_null(strstr(result.guarantee, "depth 3"));
	check_result_free(&result);
}

/* ------ failures, seeds, limits ------ */

static void lost_update(void *arg, unsigned int t)
{
	uint64_t value;

	(void)arg;
	noise(t, 4);
	value = word_load(&s->x);
	noise(t, 3);
	word_store(&s->x, value + 1);
	noise(t, 5);
	if (word_fetch_add(&s->y, 1) == 2 && word_load(&s->x) != 3)
		check_fail(MINE, AT(1), "an update is lost");
}

static char *text_of(const struct check_result *result)
{
	char *schedule, *text = NULL;
	size_t bytes = 0;
	FILE *to = open_memstream(&text, &bytes);

	assert_non_null(to);
	fprintf(to, "%llu runs, %llu ends, %llu operations, %llu beyond, %s",
		(unsigned long long)result->runs,
		(unsigned long long)result->executions,
		(unsigned long long)result->operations,
		(unsigned long long)result->beyond, result->guarantee);
	for (size_t i = 0; i < result->nr_failures; i++) {
		schedule = check_schedule_print(&result->failures[i].schedule);
		fprintf(to, ", %llu times %s",
			(unsigned long long)result->failures[i].hits,
			schedule);
		free(schedule);
	}
	fclose(to);
	return text;
}

static char *result_of_seed(enum check_mode mode, uint64_t seed,
			    uint64_t *used)
{
	struct check_options options = { .mode = mode, .seed = seed,
					 .runs = 300 };
	struct check_result result = search_n(lost_update, 3, &options);
	char *text = text_of(&result);

	assert_int_equal(result.nr_failures, 1);
	assert_int_equal(result.failures[0].number, MINE);
	*used = result.seed;
	check_result_free(&result);
	return text;
}

static void test_seeds(void **state)
{
	static const enum check_mode modes[] = {
		CHECK_RANDOM_WALK, CHECK_PCT, CHECK_SURW,
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		uint64_t seed, again;
		char *first = result_of_seed(modes[i], 0, &seed);
		char *second = result_of_seed(modes[i], seed, &again);
		char *third = result_of_seed(modes[i], seed + 1, &again);

		assert_in_range(seed, 1, UINT32_MAX);
		assert_string_equal(first, second);
		assert_string_not_equal(first, third);
		free(first);
		free(second);
		free(third);
	}
}

static void for_ever(void *arg, unsigned int t)
{
	(void)arg;
	while (t == 0)
		word_fetch_add(&s->x, 1);
}

static void test_long_runs_are_cut(void **state)
{
	struct check_options options = {
		.mode = CHECK_PCT, .seed = 1, .runs = 20,
		.max_operations = 100,
	};
	struct check_result result = search_n(for_ever, 2, &options);

	(void)state;
	assert_int_equal(result.cut, 20);
	assert_int_equal(result.too_long, 20);
	assert_int_equal(result.executions, 0);
	assert_false(result.complete);
	check_result_free(&result);
	options.max_operations = 0;
	options.mode = CHECK_SURW;
	result = search_n(for_ever, 2, &options);
	assert_int_equal(result.cut, 20);
	check_result_free(&result);
}

static void test_limits_and_wrong_options(void **state)
{
	struct check_options options = {
		.mode = CHECK_RANDOM_WALK, .seed = 1, .max_executions = 50,
	};
	struct check_program program = {
		.nr_threads = 2, .setup = setup, .thread = adders,
	};
	struct check_result result = search_n(adders, 2, &options);

	(void)state;
	assert_int_equal(result.executions, 50);
	assert_string_equal(result.stopped, "the limit on executions");
	check_result_free(&result);
	options.max_executions = 0;
	options.first = true;
	result = search_n(lost_update, 3, &options);
	assert_string_equal(result.stopped, "--first");
	assert_int_equal(result.nr_failures, 1);
	check_result_free(&result);
	options.depth = CHECK_MAX_DEPTH + 1;
	errno = 0;
	assert_int_equal(check_run(&program, &options, &result), -1);
	assert_int_equal(errno, EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dice),
		cmocka_unit_test(test_surw_is_uniform),
		cmocka_unit_test(test_surw_is_uniform_with_locks),
		cmocka_unit_test(test_surw_objects),
		cmocka_unit_test(test_surw_says_what_it_does_not_cover),
		cmocka_unit_test(test_nothing_shared),
		cmocka_unit_test(test_choices_are_uniform),
		cmocka_unit_test(test_guarantee_with_choices),
		cmocka_unit_test(test_pct_meets_its_bound),
		cmocka_unit_test(test_pct_finds_what_a_walk_does_not),
		cmocka_unit_test(test_pct_guarantee),
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_long_runs_are_cut),
		cmocka_unit_test(test_limits_and_wrong_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
