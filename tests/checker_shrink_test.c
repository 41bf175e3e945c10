// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_shrink_test.c - failures get as few context switches as they can.
 *
 * The oracle is the search by states, which goes through all states in order
 * of the switches that lead there: fewer than it says are not possible.
 */
#include "random_program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define AT(n) ((const void *)(uintptr_t)(0x1000 + (n)))
#define MINE 7

struct small {
	uint64_t x, y, z;
	uint64_t private[CHECK_MAX_THREADS];
	struct check_lock a, b, c;
	uint64_t *block;
};

static struct small *s;			/* constant after setup() */

static void setup(void *arg)
{
	(void)arg;
	s = check_alloc(sizeof(*s), "small");
	check_spin_init(&s->a, "a");
	check_spin_init(&s->b, "b");
	check_spin_init(&s->c, "c");
	s->block = check_alloc(sizeof(*s->block), "block");
}

static void noise(unsigned int t, unsigned int n)
{
	while (n--)
		word_store(&s->private[t], n);
}

static void fail_if(bool wrong, int at)
{
	if (wrong)
		check_fail(MINE, AT(at), "wrong");
}

/* ------ bugs ------ */

static void lost_update(void *arg, unsigned int t)
{
	uint64_t x;

	(void)arg;
	noise(t, 3);
	x = word_load(&s->x);
	noise(t, 2);
	word_store(&s->x, x + 1);
	if (word_fetch_add(&s->y, 1) == 2)
		fail_if(word_load(&s->x) < 3, 1);
}

/* All three updates are one. */
static void two_lost_updates(void *arg, unsigned int t)
{
	uint64_t x = word_load(&s->x);

	(void)arg;
	noise(t, 4);
	word_store(&s->x, x + 1);
	if (word_fetch_add(&s->y, 1) == 2)
		fail_if(word_load(&s->x) == 1, 1);
}

static void ab_ba(void *arg, unsigned int t)
{
	struct check_lock *first = t ? &s->b : &s->a;
	struct check_lock *second = t ? &s->a : &s->b;

	(void)arg;
	noise(t, 3);
	check_spin_lock(first, AT(1));
	noise(t, 3);
	check_spin_lock(second, AT(2));
	check_spin_unlock(second, AT(3));
	check_spin_unlock(first, AT(4));
}

static void three_locks(void *arg, unsigned int t)
{
	struct check_lock *locks[] = { &s->a, &s->b, &s->c };

	(void)arg;
	check_spin_lock(locks[t], AT(1));
	noise(t, 3);
	check_spin_lock(locks[(t + 1) % 3], AT(2));
	check_spin_unlock(locks[(t + 1) % 3], AT(3));
	check_spin_unlock(locks[t], AT(4));
}

static void late_sleeper(void *arg, unsigned int t)
{
	(void)arg;
	noise(t, 3);
	if (t == 0) {
		word_store(&s->x, 1);
		check_park(AT(1));
	} else if (word_load(&s->x)) {
		noise(t, 2);
		check_unpark(0);
	}
}

static void stale_pointer(void *arg, unsigned int t)
{
	(void)arg;
	noise(t, 2);
	if (t == 1) {
		word_store(&s->x, 1);
		check_free(s->block, AT(1));
	} else if (!word_load(&s->x)) {
		noise(t, 2);
		word_store(s->block, 1);
	}
}

static void double_free(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 2)
		return;
	if (!word_load(&s->x)) {
		noise(t, 2);
		word_store(&s->x, 1);
		check_free(s->block, AT(1));
	}
}

/* Four switches: each sees the other's step before its own next one. */
static void ping_pong(void *arg, unsigned int t)
{
	(void)arg;
	for (unsigned int i = t; i < 5; i += 2) {
		noise(t, 2);
		if (!word_cmpxchg(&s->x, i, i + 1))
			return;
	}
	fail_if(t == 0, 1);
}

static void message_before_flag(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0) {
		word_store(&s->y, 1);
		noise(t, 3);
		word_store(&s->x, 1);
	} else if (t == 1) {
		fail_if(word_load(&s->y) && !word_load(&s->x), 1);
	}
}

/* Both saw the other one not there: no mutual exclusion. */
static void flags(void *arg, unsigned int t)
{
	uint64_t *mine = t ? &s->y : &s->x, *other = t ? &s->x : &s->y;

	(void)arg;
	if (t == 2 || word_load(other))
		return;
	word_store(mine, 1);
	noise(t, 2);
	fail_if(word_fetch_add(&s->z, 1) == 1, 1);
	noise(t, 2);
	word_fetch_add(&s->z, (uint64_t)-1);
}

static void chosen_order(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0 && check_choose(3) == 1) {
		word_store(&s->x, 1);
		noise(t, 2);
		word_store(&s->x, 0);
	}
	if (t == 1 && check_choose(4) == 2)
		fail_if(word_load(&s->x) && check_choose(2), 1);
}

static void always(void *arg, unsigned int t)
{
	(void)arg;
	noise(t, 5);
	fail_if(t == 1, 1);
}

static void ab_a_ba(void *arg, unsigned int t)
{
	(void)arg;
	check_spin_lock(&s->a, AT(1));
	if (t == 1)
		check_spin_unlock(&s->a, AT(2));
	check_spin_lock(&s->b, AT(3));
	if (t == 1)
		check_spin_lock(&s->a, AT(4));
	check_spin_unlock(&s->b, AT(5));
	check_spin_unlock(&s->a, AT(6));
}

struct bug {
	const char *name;
	void (*thread)(void *arg, unsigned int t);
	unsigned int nr_threads;
	unsigned int number;
	uint64_t runs;
};

static const struct bug bugs[] = {
	{ "lost update", lost_update, 3, MINE, 100 },
	{ "two lost updates", two_lost_updates, 3, MINE, 1000 },
	{ "AB/BA", ab_ba, 2, CHECK_DEADLOCK, 100 },
	{ "three locks", three_locks, 3, CHECK_DEADLOCK, 1000 },
	{ "late sleeper", late_sleeper, 2, CHECK_LOST_WAKEUP, 100 },
	{ "stale pointer", stale_pointer, 2, CHECK_USE_AFTER_FREE, 100 },
	{ "double free", double_free, 3, CHECK_USE_AFTER_FREE, 100 },
	{ "ping pong", ping_pong, 2, MINE, 1000 },
	{ "message before flag", message_before_flag, 3, MINE, 100 },
	{ "flags", flags, 3, MINE, 1000 },
	{ "choices", chosen_order, 2, MINE, 1000 },
	{ "always", always, 3, MINE, 10 },
	{ "AB/BA, a in between", ab_a_ba, 2, CHECK_DEADLOCK, 1000 },
};

/* ------ searches and replays ------ */

static struct check_result search(const struct check_program *program,
				  enum check_mode mode, uint64_t runs)
{
	struct check_options options = {
		.mode = mode, .seed = 3, .runs = runs, .depth = 4,
	};
	struct check_result result;

	assert_int_equal(check_run(program, &options, &result), 0);
	return result;
}

static const struct check_failure *same(const struct check_result *result,
					const struct check_failure *wanted)
{
	for (size_t i = 0; i < result->nr_failures; i++)
		if (result->failures[i].number == wanted->number &&
		    result->failures[i].where == wanted->where)
			return &result->failures[i];
	return NULL;
}

/* A schedule of a thread that does nothing has a segment, too. */
static size_t switches(const struct check_failure *failure)
{
	size_t nr = 0;

	for (size_t i = 1; i < failure->schedule.nr_segments; i++)
		nr += failure->schedule.segments[i].thread !=
		      failure->schedule.segments[i - 1].thread;
	return nr;
}

struct seen {
	const struct check_failure *wanted;
	bool met;
	unsigned int last;
	size_t switches;
};

static void on_runs(void *user, unsigned int thread)
{
	struct seen *seen = user;

	if (!seen->met)
		seen->switches += thread != seen->last;
	seen->last = thread;
}

static void on_failed(void *user, const struct check_failure *failure,
		      unsigned int nth)
{
	struct seen *seen = user;

	if (nth == 0 && failure->number == seen->wanted->number &&
	    failure->where == seen->wanted->where &&
	    !strcmp(failure->text, seen->wanted->text))
		seen->met = true;
}

/* Return: the switches, also of threads that run on behind the schedule. */
static size_t replays(const struct check_program *program,
		      const struct check_failure *failure)
{
	struct seen seen = { .wanted = failure };
	struct check_listener listener = {
		.runs = on_runs, .failed = on_failed, .user = &seen,
	};

	if (failure->schedule.nr_segments)
		seen.last = failure->schedule.segments[0].thread;
	assert_int_equal(check_replay(program, &failure->schedule, &listener),
			 0);
	assert_true(seen.met);
	return seen.switches;
}

static const enum check_mode modes[] = {
	CHECK_BY_EXECUTIONS, CHECK_RANDOM_WALK, CHECK_PCT, CHECK_SURW,
};

static void test_bug(void **state)
{
	const struct bug *bug = *state;
	struct check_program program = {
		.nr_threads = bug->nr_threads, .setup = setup,
		.thread = bug->thread,
	};
	struct check_result oracle = search(&program, CHECK_BY_STATES, 0);
	const struct check_failure *wanted = NULL;

	for (size_t i = 0; i < oracle.nr_failures; i++)
		if (oracle.failures[i].number == bug->number)
			wanted = &oracle.failures[i];
	assert_non_null(wanted);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct check_result result =
			search(&program, modes[i], bug->runs);
		const struct check_failure *found = same(&result, wanted);

		if (!found)
			fail_msg("mode %d does not find it", modes[i]);
		print_message("# %s: %zu switches, mode %d: %zu\n", bug->name,
			      switches(wanted), modes[i], switches(found));
		assert_int_equal(switches(found), switches(wanted));
		replays(&program, found);
		check_result_free(&result);
	}
	check_result_free(&oracle);
}

/* ------ programs made at random ------ */

#define PROGRAMS 600

struct tally {
	unsigned int failures;
	unsigned int more;		/* switches than need be */
};

static void finish(void *arg)
{
	(void)arg;
	program_release();
}

static bool is_wait(const struct check_failure *failure)
{
	return failure->number == CHECK_DEADLOCK ||
	       failure->number == CHECK_LOST_WAKEUP;
}

static void compare(const struct random_program *p, enum check_mode mode,
		    struct tally *tally)
{
	struct check_program program = {
		.nr_threads = p->nr_threads,
		.setup = program_setup,
		.thread = program_thread,
		.finish = finish,
		.arg = (void *)(uintptr_t)p,
	};
	struct check_result oracle = search(&program, CHECK_BY_STATES, 0);
	struct check_result result = search(&program, mode, 30);

	for (size_t i = 0; i < result.nr_failures; i++) {
		const struct check_failure *found = &result.failures[i];
		const struct check_failure *wanted = same(&oracle, found);

		size_t took = replays(&program, found);

		/* a failure that another one hides from a search by states */
		if (!wanted)
			continue;
		tally->failures++;
		/* by states a schedule ends where the rest is of no matter */
		if (is_wait(found)) {
			tally->more += took > replays(&program, wanted);
			continue;
		}
		assert_true(switches(found) >= switches(wanted));
		tally->more += switches(found) > switches(wanted);
	}
	check_result_free(&oracle);
	check_result_free(&result);
}

static void test_random_programs(void **state)
{
	struct tally tally = { 0, 0 };

	(void)state;
	for (uint64_t seed = 1; seed <= PROGRAMS; seed++) {
		struct random_program p;

		random_program(&p, seed, PLAIN);
		p.soft = false;
		compare(&p, CHECK_RANDOM_WALK, &tally);
	}
	print_message("# %u failures, %u with more switches than need be\n",
		      tally.failures, tally.more);
	assert_true(tally.failures > 100);
	assert_int_equal(tally.more, 0);
}

#define NR_BUGS (sizeof(bugs) / sizeof(bugs[0]))

int main(void)
{
	struct CMUnitTest tests[NR_BUGS + 1];

	for (size_t i = 0; i < NR_BUGS; i++)
		tests[i] = (struct CMUnitTest){
			.name = bugs[i].name,
			.test_func = test_bug,
			.initial_state = (void *)(uintptr_t)&bugs[i],
		};
	tests[NR_BUGS] = (struct CMUnitTest)
		cmocka_unit_test(test_random_programs);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
