// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_bounded_test.c - a bound on preemptions covers what it says it does.
 *
 * Where no thread has to wait, the preemptions of an execution can be counted
 * from the order of its operations: brute force is the oracle.  Elsewhere the
 * search is compared with itself without reduction, and by states.
 *
 * Environment
 *   CHECKER_PROGRAMS  how many programs (150)
 */
#include "random_program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define AT(n) ((const void *)(uintptr_t)(0x1000 + (n)))
#define MOST_FINALS 512
#define MOST_EXECUTIONS 3000
#define WITHOUT_BOUND 1000

/* Final states, with the fewest preemptions that lead to each. */
struct finals {
	uint64_t hash[MOST_FINALS];
	unsigned int preemptions[MOST_FINALS];
	unsigned int nr;
};

static struct finals *collecting;

/* A thread that comes again later could have gone on. */
static unsigned int preemptions(void)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i + 1 < trace.nr; i++) {
		bool again = false;

		if (trace.events[i].thread == trace.events[i + 1].thread)
			continue;
		for (unsigned int j = i + 2; j < trace.nr; j++)
			if (trace.events[j].thread == trace.events[i].thread)
				again = true;
		count += again;
	}
	return count;
}

static void note_final(uint64_t hash, unsigned int count)
{
	unsigned int i = 0;

	while (i < collecting->nr && collecting->hash[i] != hash)
		i++;
	assert_true(i < MOST_FINALS);
	if (i == collecting->nr || count < collecting->preemptions[i])
		collecting->preemptions[i] = count;
	collecting->hash[i] = hash;
	if (i == collecting->nr)
		collecting->nr++;
}

static void finish(void *arg)
{
	(void)arg;
	if (check_searching())
		note_final(program_final(), preemptions());
	program_release();
}

static void restarted(void *user)
{
	struct finals *finals = user;

	finals->nr = 0;
}

static struct check_result search(const struct random_program *p,
				  struct check_options options,
				  struct finals *finals)
{
	struct check_program program = {
		.nr_threads = p->nr_threads,
		.setup = program_setup,
		.thread = program_thread,
		.finish = finish,
		.arg = (void *)(uintptr_t)p,
	};
	struct check_result result;

	finals->nr = 0;
	collecting = finals;
	options.restarted = restarted;
	options.user = finals;
	check_regions_reset();
	assert_int_equal(check_companion(&trace, &trace.used), 0);
	assert_int_equal(check_run(&program, &options, &result), 0);
	return result;
}

static struct check_options bound(unsigned int preemptions_most,
				  bool no_reduction)
{
	return (struct check_options){
		.mode = CHECK_PREEMPTIONS,
		.preemptions = preemptions_most,
		.no_reduction = no_reduction,
	};
}

static bool has(const struct finals *finals, uint64_t hash)
{
	for (unsigned int i = 0; i < finals->nr; i++)
		if (finals->hash[i] == hash)
			return true;
	return false;
}

/* Are `some` those of `all` with so many preemptions at most? */
static bool are_within(const struct finals *some, const struct finals *all,
		       unsigned int most)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < all->nr; i++) {
		if (all->preemptions[i] > most)
			continue;
		nr++;
		if (!has(some, all->hash[i]))
			return false;
	}
	return nr == some->nr;
}

static void expect(const struct random_program *p, bool holds,
		   const char *what, unsigned int most)
{
	if (holds)
		return;
	program_print(p);
	fail_msg("%s with %u preemptions", what, most);
}

/* Nobody waits, chooses or can crash, and all that is done is seen. */
static void straight_program(struct random_program *p, uint64_t seed)
{
	static const uint8_t kinds[] = {
		OP_LOAD, OP_STORE, OP_STORE_REG, OP_STORE_REG, OP_FETCH_ADD,
		OP_CMPXCHG,
	};
	struct generator g = { .random = seed * 0x9e3779b97f4a7c15u, .p = p };
	unsigned int most;

	memset(p, 0, sizeof(*p));
	below(&g, 2);
	p->nr_threads = 2 + below(&g, 2);
	p->soft = true;
	most = p->nr_threads == 2 ? 5 : 3;
	for (g.t = 0; g.t < p->nr_threads; g.t++)
		for (unsigned int n = 1 + below(&g, most); n; n--) {
			unsigned int kind = kinds[below(&g, sizeof(kinds))];

			emit(&g, kind, below(&g, 2));
		}
}

static unsigned int programs(void)
{
	const char *text = getenv("CHECKER_PROGRAMS");

	return text ? (unsigned int)strtoul(text, NULL, 10) : 150;
}

/* ------ against brute force ------ */

struct tally {
	unsigned int programs;
	unsigned int finals;
	unsigned int beyond[4];		/* finals that need more than so many */
};

static void against_brute_force(const struct random_program *p,
				struct tally *tally)
{
	struct check_options brute = {
		.mode = CHECK_BRUTE_FORCE, .max_executions = MOST_EXECUTIONS,
	};
	static struct finals all, some;
	struct check_result result = search(p, brute, &all);
	bool complete = result.complete;

	check_result_free(&result);
	if (!complete)
		return;
	tally->programs++;
	tally->finals += all.nr;
	for (unsigned int most = 0; most < 4; most++) {
		for (int reduced = 0; reduced < 2; reduced++) {
			result = search(p, bound(most, !reduced), &some);
			expect(p, are_within(&some, &all, most),
			       reduced ? "final states" :
					 "final states without reduction",
			       most);
			expect(p, !result.complete || some.nr == all.nr,
			       "it is said to be complete", most);
			expect(p, result.complete == !result.refused,
			       "complete or not", most);
			check_result_free(&result);
		}
		for (unsigned int i = 0; i < all.nr; i++)
			tally->beyond[most] += all.preemptions[i] > most;
	}
	result = search(p, bound(WITHOUT_BOUND, false), &some);
	expect(p, result.complete && are_within(&some, &all, WITHOUT_BOUND),
	       "all final states", WITHOUT_BOUND);
	check_result_free(&result);
}

static void test_against_brute_force(void **state)
{
	struct tally tally = { 0 };

	(void)state;
	for (uint64_t seed = 1; seed <= programs(); seed++) {
		struct random_program p;

		straight_program(&p, seed);
		against_brute_force(&p, &tally);
	}
	print_message("# %u programs, %u final states; %u, %u, %u, %u need more than 0, 1, 2, 3 preemptions\n",
		      tally.programs, tally.finals, tally.beyond[0],
		      tally.beyond[1], tally.beyond[2], tally.beyond[3]);
	assert_true(tally.programs * 10 > programs() * 9);
	assert_true(tally.beyond[1] > programs() / 10);
}

/* ------ where threads wait ------ */

static bool equal(const struct finals *a, const struct finals *b)
{
	for (unsigned int i = 0; i < a->nr; i++)
		if (!has(b, a->hash[i]))
			return false;
	return a->nr == b->nr;
}

/* Return: the failures of both are the same, but for hidden ones. */
static bool fail_alike(const struct check_result *a,
		       const struct check_result *b)
{
	return !a->nr_failures == !b->nr_failures;
}

/* Byte by byte it is the same search. */
static void exactly(const struct random_program *p, unsigned int most,
		    const struct check_result *hashed)
{
	struct check_options options = bound(most, false);
	static struct finals finals;
	struct check_result exact;

	options.exact = true;
	exact = search(p, options, &finals);
	expect(p, exact.states == hashed->states &&
	       exact.steps == hashed->steps &&
	       exact.refused == hashed->refused &&
	       exact.nr_failures == hashed->nr_failures, "exactly", most);
	expect(p, exact.collision == 0 &&
	       (hashed->collision > 0) == (hashed->states > 1),
	       "what is stored exactly", most);
	check_result_free(&exact);
}

static void with_itself(const struct random_program *p)
{
	static struct finals full, reduced, all;
	struct check_options options = { .mode = CHECK_BY_STATES };
	struct check_result a, b;

	for (unsigned int most = 0; most < 3; most++) {
		a = search(p, bound(most, true), &full);
		b = search(p, bound(most, false), &reduced);
		expect(p, equal(&full, &reduced), "final states", most);
		expect(p, fail_alike(&a, &b), "failures", most);
		check_result_free(&a);
		exactly(p, most, &b);
		check_result_free(&b);
	}
	a = search(p, options, &all);
	b = search(p, bound(WITHOUT_BOUND, false), &reduced);
	expect(p, a.complete && b.complete, "complete", WITHOUT_BOUND);
	expect(p, equal(&all, &reduced), "final states", WITHOUT_BOUND);
	expect(p, fail_alike(&a, &b), "failures", WITHOUT_BOUND);
	check_result_free(&a);
	check_result_free(&b);
}

static void test_with_itself(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= programs(); seed++) {
		struct random_program p;

		random_program(&p, seed, PLAIN);
		if (p.nr_threads < 4)
			with_itself(&p);
	}
}

/* ------ known bugs ------ */

struct two {
	uint64_t x, y;
	struct check_lock a, b;
};

static struct two *s;			/* constant after setup() */

static void setup(void *arg)
{
	(void)arg;
	s = check_alloc(sizeof(*s), "two");
	check_spin_init(&s->a, "a");
	check_spin_init(&s->b, "b");
}

static void ab_ba(void *arg, unsigned int t)
{
	(void)arg;
	check_spin_lock(t ? &s->b : &s->a, AT(1));
	check_spin_lock(t ? &s->a : &s->b, AT(2));
	check_spin_unlock(&s->a, AT(3));
	check_spin_unlock(&s->b, AT(4));
}

/* Three switches are preemptions, the last one is not. */
static void ping_pong(void *arg, unsigned int t)
{
	(void)arg;
	for (unsigned int i = t; i < 5; i += 2)
		word_cmpxchg(&s->x, i, i + 1);
	if (word_load(&s->x) == 5)
		check_fail(7, AT(1), "five");
}

/* To wait for a lock is no preemption: thread 1 is first at the flag. */
static void blocked_is_free(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0)
		word_store(&s->x, 1);
	check_spin_lock(&s->a, AT(1));
	if (t == 1 && !word_load(&s->x))
		check_fail(7, AT(2), "too early");
	check_spin_unlock(&s->a, AT(3));
}

/*
 * Thread 1 comes in between, has to wait for the lock, and so leaves thread 0
 * alone until it is done: one preemption.  If the lock were given back before
 * thread 1 comes, that would take two.
 */
static void held_up(void *arg, unsigned int t)
{
	bool between;

	(void)arg;
	if (t == 0) {
		check_spin_lock(&s->a, AT(1));
		word_store(&s->x, 1);
		check_spin_unlock(&s->a, AT(2));
		word_store(&s->x, 2);
		word_store(&s->y, 1);
		return;
	}
	between = word_load(&s->x) == 1;
	check_spin_lock(&s->a, AT(3));
	if (between && word_load(&s->y))
		check_fail(7, AT(4), "held up");
	check_spin_unlock(&s->a, AT(5));
}

static void spins(void *arg, unsigned int t)
{
	(void)arg;
	while (t == 0 && !word_load(&s->x))
		;
}

static bool is_set(const void *word)
{
	return *(const uint64_t *)word != 0;
}

static struct check_result run_bound(void (*thread)(void *, unsigned int),
				     unsigned int nr_threads,
				     unsigned int most)
{
	struct check_options options = bound(most, false);
	struct check_program program = {
		.nr_threads = nr_threads, .setup = setup, .thread = thread,
	};
	struct check_result result;

	check_regions_reset();
	assert_int_equal(check_run(&program, &options, &result), 0);
	return result;
}

static bool finds(const struct check_result *result, unsigned int number)
{
	for (size_t i = 0; i < result->nr_failures; i++)
		if (result->failures[i].number == number)
			return true;
	return false;
}

static void expect_from(void (*thread)(void *, unsigned int),
			unsigned int number, unsigned int fewest)
{
	for (unsigned int most = 0; most < 6; most++) {
		struct check_result result = run_bound(thread, 2, most);

		assert_int_equal(finds(&result, number), most >= fewest);
		assert_int_equal(result.complete, !result.refused);
		if (most < fewest) {
			assert_false(result.complete);
			assert_non_null(strstr(result.guarantee,
					       "was covered; "));
		}
		if (most == 5) {
			assert_true(result.complete);
			assert_non_null(strstr(result.guarantee, "all were"));
		}
		check_result_free(&result);
	}
}

static void test_known_bugs(void **state)
{
	(void)state;
	expect_from(ab_ba, CHECK_DEADLOCK, 1);
	expect_from(ping_pong, 7, 3);
	expect_from(blocked_is_free, 7, 0);
	expect_from(held_up, 7, 1);
	expect_from(spins, CHECK_LIVELOCK, 0);
}

/* Thread 1 takes the locks the other way round, but only after thread 0. */
static void both_orders(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 1)
		check_op_when(&s->x, CHECK_READ, is_set, "waits");
	ab_ba(arg, t);
	if (t == 0)
		word_store(&s->x, 1);
}

/* Either order, but what decides keeps the executions apart. */
static void one_order(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0)
		ab_ba(arg, (unsigned int)word_load(&s->x));
	else
		word_store(&s->x, 1);
}

static void test_lock_order(void **state)
{
	struct check_result result = run_bound(both_orders, 2, 0);

	(void)state;
	assert_true(finds(&result, CHECK_LOCK_ORDER));
	assert_int_equal(result.nr_failures, 1);
	check_result_free(&result);
	result = run_bound(one_order, 2, 3);
	assert_int_equal(result.nr_failures, 0);
	assert_true(result.complete);
	check_result_free(&result);
}

/* With a bound, too, the limit on states is met to the state. */
static void test_limit_on_states(void **state)
{
	struct check_program program = {
		.nr_threads = 2, .setup = setup, .thread = ping_pong,
	};
	struct check_options options = bound(2, false);
	struct check_result all, result;

	(void)state;
	check_regions_reset();
	assert_int_equal(check_run(&program, &options, &all), 0);
	assert_true(all.states > 10);
	for (uint64_t most = 1; most <= all.states; most++) {
		options.max_states = most;
		assert_int_equal(check_run(&program, &options, &result), 0);
		assert_int_equal(result.states, most);
		assert_int_equal(result.stopped != NULL, most < all.states);
		assert_false(result.complete);
		check_result_free(&result);
	}
	check_result_free(&all);
}

static void test_one_thread(void **state)
{
	struct check_result result = run_bound(ping_pong, 1, 0);

	(void)state;
	assert_true(result.complete);
	assert_int_equal(result.refused, 0);
	assert_int_equal(result.executions, 1);
	check_result_free(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_brute_force),
		cmocka_unit_test(test_with_itself),
		cmocka_unit_test(test_known_bugs),
		cmocka_unit_test(test_lock_order),
		cmocka_unit_test(test_limit_on_states),
		cmocka_unit_test(test_one_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
