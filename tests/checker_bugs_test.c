// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_bugs_test.c - one program for each verdict, its message, its replay.
 *
 * A program's operations have code addresses of their own, AT(1), AT(2) ...,
 * so that a test can say which of them has to be blamed.
 */
#include "programs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AT(n) ((const void *)(uintptr_t)(0x1000 + (n)))
#define MINE 7				/* the number of an assertion */

/* What the sanitizers would stop at, the checker has to see first. */
#define UNSANITIZED __attribute__((noinline, no_sanitize("undefined")))

struct shared {
	uint64_t x, y, z;
	struct check_lock a, b, c;
	uint64_t *block;
};

static struct shared *s;		/* constant after setup() */

static void setup(void *arg)
{
	(void)arg;
	s = check_alloc(sizeof(*s), "shared");
	check_spin_init(&s->a, "a");
	check_spin_init(&s->b, "b");
	check_rwsem_init(&s->c, "c");
	s->block = check_alloc(2 * sizeof(*s->block), "block");
}

static void nothing(void *arg, unsigned int t)
{
	(void)arg;
	(void)t;
}

static void lock(struct check_lock *which, int at)
{
	check_spin_lock(which, AT(at));
}

static void unlock(struct check_lock *which, int at)
{
	check_spin_unlock(which, AT(at));
}

/* ------ bugs ------ */

static void ab_ba(void *arg, unsigned int t)
{
	(void)arg;
	lock(t ? &s->b : &s->a, 1);
	lock(t ? &s->a : &s->b, 2);
	unlock(&s->a, 3);
	unlock(&s->b, 4);
}

static void lost_wakeup(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0)
		check_park(AT(1));
}

/* The waker looks before the sleeper says that it will sleep. */
static void late_sleeper(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0) {
		word_store(&s->x, 1);
		check_park(AT(1));
	} else if (word_load(&s->x)) {
		check_unpark(0);
	}
}

static void mixed_wait(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0) {
		check_down_write(&s->c, AT(1));
		check_park(AT(2));
	} else {
		check_down_read(&s->c, AT(3));
	}
}

static void recursive(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		return;
	lock(&s->a, 1);
	lock(&s->a, 2);
}

static void recursive_read(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		return;
	check_down_read(&s->c, AT(1));
	check_down_read(&s->c, AT(2));
}

static void foreign_unlock(void *arg, unsigned int t)
{
	(void)arg;
	if (t) {
		unlock(&s->a, 3);
	} else {
		lock(&s->a, 1);
		unlock(&s->a, 2);
	}
}

static void ends_locked(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 1)
		lock(&s->a, 1);
}

static void parks_in_atomic(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		return;
	lock(&s->a, 1);
	check_park(AT(2));
}

static void reads_in_atomic(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		return;
	lock(&s->b, 1);
	check_down_read(&s->c, AT(2));
}

/* The second order comes after the first in every run. */
static void order_cycle(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		check_park(AT(9));
	lock(t ? &s->b : &s->a, 1);
	lock(t ? &s->a : &s->b, t ? 3 : 2);
	unlock(&s->a, 4);
	unlock(&s->b, 5);
	if (!t)
		check_unpark(1);
}

static void leaks(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0 && word_load(&s->x))
		check_alloc(8, "lost");
	if (t == 1)
		word_store(&s->x, 1);
}

static void count_leak(const char *what, void *user)
{
	const char **lost = user;

	if (!strcmp(what, "lost"))
		*lost = what;
}

static void find_leaks(void *arg)
{
	const char *lost = NULL;

	(void)arg;
	if (check_leaks(count_leak, &lost) != 2 || lost)
		check_fail(CHECK_LEAK, AT(1), "%s leaks", lost);
}

static void uses_freed(void *arg, unsigned int t)
{
	uint64_t *block = s->block;

	(void)arg;
	if (t)
		return;
	check_free(block, AT(1));
	word_load(block);
}

/* One thread is at an operation on the block when the other frees it. */
static void frees_under_it(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		check_free(s->block, AT(1));
	else
		word_load(s->block);
}

/* The user has the address from a word, and looks it up too early. */
static void uses_stale(void *arg, unsigned int t)
{
	(void)arg;
	if (t) {
		word_store(&s->x, 1);
		check_free(s->block, AT(1));
	} else if (!word_load(&s->x)) {
		word_store(s->block, 1);
	}
}

static void frees_twice(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		return;
	check_free(s->block, AT(1));
	check_free(s->block, AT(2));
}

static void both_free(void *arg, unsigned int t)
{
	(void)arg;
	check_free(s->block, AT(1 + t));
}

static void frees_the_middle(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 1)
		check_free(s->block + 1, AT(1));
}

static void locks_uninitialised(void *arg, unsigned int t)
{
	struct check_lock *none = (struct check_lock *)(void *)s->block;

	(void)arg;
	if (t == 1)
		check_spin_lock(none, AT(1));
}

static void destroys_held(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		return;
	lock(&s->a, 1);
	check_lock_destroy(&s->a, AT(2));
}

/* A waiter takes a lock that is destroyed while it waits. */
static void destroys_waited(void *arg, unsigned int t)
{
	(void)arg;
	lock(&s->a, 1);
	unlock(&s->a, 2);
	if (t == 0) {
		check_op(&s->a, CHECK_WRITE);
		check_lock_destroy(&s->a, AT(3));
	}
}

static UNSANITIZED void null_pointer(void *arg, unsigned int t)
{
	volatile int *volatile none = NULL;

	(void)arg;
	if (t == 0 && word_load(&s->x))
		*none = 1;
	if (t == 1)
		word_store(&s->x, 1);
}

static UNSANITIZED void division(void *arg, unsigned int t)
{
	volatile int zero = (int)s->z;

	(void)arg;
	if (t == 0) {
		word_load(&s->x);
		zero = 100 / zero;
	}
}

static UNSANITIZED int too_deep(volatile int *up)
{
	volatile int frame[256];

	frame[0] = *up + 1;
	return frame[0] == INT32_MAX ? 0 : too_deep(frame) + frame[1];
}

static void recursion(void *arg, unsigned int t)
{
	int zero = 0;

	(void)arg;
	word_load(&s->x);
	if (t == 1)
		too_deep(&zero);
	word_load(&s->x);
}

/* More than all of a stack, at once. */
static UNSANITIZED void large_frame(void *arg, unsigned int t)
{
	volatile char frame[200000];

	(void)arg;
	word_load(&s->x);
	if (t == 1)
		frame[0] = 1;
	word_load(&s->x + frame[0]);
}

static void assertion(void *arg, unsigned int t)
{
	(void)arg;
	if (t)
		word_store(&s->x, 1);
	else if (word_load(&s->x))
		check_fail(MINE, AT(1), "x is %d", 1);
}

static void chosen(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0 && check_choose(3) == 1 && check_choose(4) == 2)
		check_fail(MINE, AT(1), "that choice");
	if (t == 1 && check_choose(2))
		word_store(&s->x, 1);
}

static void fails_in_setup(void *arg)
{
	(void)arg;
	check_fail(MINE, AT(1), "set-up");
}

static void fails_in_finish(void *arg)
{
	(void)arg;
	if (s->x == 2)
		check_fail(MINE, AT(1), "at the end");
}

static void two_stores(void *arg, unsigned int t)
{
	(void)arg;
	word_store(&s->x, t + 1);
}

struct bug {
	const char *name;
	void (*thread)(void *arg, unsigned int t);
	unsigned int number;
	const void *where;		/* NULL: any */
	const char *text;
	void (*finish)(void *arg);
	void (*setup)(void *arg);
	unsigned int others;		/* failures that follow from it */
};

static const struct bug bugs[] = {
	{ "AB/BA", ab_ba, CHECK_DEADLOCK, NULL,
	  .text = "deadlock: CPU0 waits for b held by CPU1, "
	  "CPU1 waits for a held by CPU0", .others = 1 },
	{ "AB/BA, the order", ab_ba, CHECK_LOCK_ORDER, AT(2),
	  .text = "possible circular locking dependency: ", .others = 1 },
	{ "lost wake-up", lost_wakeup, CHECK_LOST_WAKEUP, NULL,
	  .text = "a sleeper without a future waker: CPU0 sleeps" },
	{ "late sleeper", late_sleeper, CHECK_LOST_WAKEUP, NULL,
	  .text = "a sleeper without a future waker: CPU0 sleeps" },
	{ "sleeper with a lock", mixed_wait, CHECK_DEADLOCK, NULL,
	  .text = "deadlock: CPU0 sleeps, CPU1 waits for c held by CPU0",
	  .others = 1 },
	{ "recursive lock", recursive, CHECK_LOCK_MISUSE, AT(2),
	  .text = "possible recursive locking: a" },
	{ "recursive read", recursive_read, CHECK_LOCK_MISUSE, AT(2),
	  .text = "possible recursive locking: c" },
	{ "foreign unlock", foreign_unlock, CHECK_LOCK_MISUSE, AT(3),
	  .text = "a is released by a task that does not hold it" },
	{ "ends with a lock", ends_locked, CHECK_LOCK_MISUSE, NULL,
	  .text = "CPU1 ends with a held" },
	{ "park in atomic", parks_in_atomic, CHECK_LOCK_MISUSE, AT(2),
	  .text = "may sleep while the spinlock a is held" },
	{ "rwsem in atomic", reads_in_atomic, CHECK_LOCK_MISUSE, AT(2),
	  .text = "may sleep while the spinlock b is held" },
	{ "order of classes", order_cycle, CHECK_LOCK_ORDER, AT(3),
	  .text = "possible circular locking dependency: a -> b -> a" },
	{ "leak", leaks, CHECK_LEAK, AT(1), .text = "lost leaks",
	  .finish = find_leaks },
	{ "use after free", uses_freed, CHECK_USE_AFTER_FREE, NULL,
	  .text = "use of memory that was freed" },
	{ "freed under it", frees_under_it, CHECK_USE_AFTER_FREE, NULL,
	  .text = "use of memory that was freed" },
	{ "stale pointer", uses_stale, CHECK_USE_AFTER_FREE, NULL,
	  .text = "use of memory that was freed" },
	{ "double free", frees_twice, CHECK_USE_AFTER_FREE, AT(2),
	  .text = "free of what is not allocated" },
	{ "both free", both_free, CHECK_USE_AFTER_FREE, NULL, .text = "free",
	  .others = 1 },
	{ "free of the middle", frees_the_middle, CHECK_USE_AFTER_FREE, AT(1),
	  .text = "free of what is not allocated" },
	{ "uninitialised lock", locks_uninitialised, CHECK_LOCK_MISUSE, AT(1),
	  .text = "a lock that was never initialised is taken" },
	{ "destroyed held", destroys_held, CHECK_LOCK_MISUSE, AT(2),
	  .text = "a is destroyed while it is held" },
	{ "destroyed waited for", destroys_waited, CHECK_LOCK_MISUSE, NULL,
	  .text = "", .others = 1 },
	{ "null pointer", null_pointer, CHECK_CRASH, NULL,
	  .text = "segmentation fault" },
	{ "division by zero", division, CHECK_CRASH, NULL,
	  .text = "arithmetic exception" },
	{ "a frame larger than the stack", large_frame, CHECK_CRASH, NULL,
	  .text = "segmentation fault" },
	{ "endless recursion", recursion, CHECK_CRASH, NULL,
	  .text = "segmentation fault" },
	{ "assertion", assertion, MINE, AT(1), .text = "x is 1" },
	{ "a choice", chosen, MINE, AT(1), .text = "that choice" },
	{ "set-up", nothing, MINE, AT(1), .text = "set-up",
	  .setup = fails_in_setup },
	{ "finish", two_stores, MINE, AT(1), .text = "at the end",
	  .finish = fails_in_finish },
};

static struct check_program program_of(const struct bug *bug)
{
	return (struct check_program){
		.nr_threads = 2,
		.setup = bug->setup ? bug->setup : setup,
		.thread = bug->thread,
		.finish = bug->finish,
	};
}

/* ------ replays ------ */

struct seen {
	const struct check_failure *wanted;
	bool met;
};

static void on_failed(void *user, const struct check_failure *failure,
		      unsigned int nth)
{
	struct seen *seen = user;

	/* consequences follow; the failure itself is the first */
	if (nth == 0 && failure->number == seen->wanted->number &&
	    failure->where == seen->wanted->where)
		seen->met = true;
}

/* Return: the schedule, sent through its text. */
static struct check_schedule through_text(const struct check_schedule *from)
{
	struct check_schedule schedule;
	char *text = check_schedule_print(from), *again;

	assert_non_null(text);
	assert_int_equal(check_schedule_parse(text, &schedule), 0);
	again = check_schedule_print(&schedule);
	assert_string_equal(text, again);
	free(text);
	free(again);
	return schedule;
}

static void replays(const struct check_program *program,
		    const struct check_failure *failure)
{
	struct seen seen = { .wanted = failure };
	struct check_listener listener = {
		.failed = on_failed, .user = &seen,
	};
	struct check_schedule schedule = through_text(&failure->schedule);

	assert_int_equal(check_replay(program, &schedule, &listener), 0);
	check_schedule_free(&schedule);
	assert_true(seen.met);
}

/* Return: the failure of that number, or NULL. */
static const struct check_failure *failure_of(const struct check_result *result,
					      unsigned int number)
{
	for (size_t i = 0; i < result->nr_failures; i++)
		if (result->failures[i].number == number)
			return &result->failures[i];
	return NULL;
}

static struct check_result search(const struct check_program *program,
				  const struct check_options *options)
{
	struct check_result result;

	assert_int_equal(check_run(program, options, &result), 0);
	return result;
}

static void find_bug(const struct bug *bug, struct check_options options)
{
	struct check_program program = program_of(bug);
	struct check_result result;
	const struct check_failure *failure;

	print_message("# %s, mode %d%s\n", bug->name, options.mode,
		      options.no_reduction ? " without reduction" : "");
	result = search(&program, &options);
	failure = failure_of(&result, bug->number);
	assert_non_null(failure);
	print_message("#   %s\n", failure->text);
	assert_in_range(result.nr_failures, 1, 1 + bug->others);
	assert_true(result.complete);
	if (bug->where)
		assert_ptr_equal(failure->where, bug->where);
	if (bug->number != CHECK_CRASH)
		assert_null(failure_of(&result, CHECK_CRASH));
	if (!strstr(failure->text, bug->text))
		fail_msg("\"%s\" lacks \"%s\"", failure->text, bug->text);
	assert_true(failure->hits > 0);
	replays(&program, failure);
	check_result_free(&result);
}

#define NR_BUGS (sizeof(bugs) / sizeof(bugs[0]))

/* Each bug is a test of its own, so that one does not hide the others. */
static void test_bug(void **state)
{
	const struct bug *bug = *state;

	find_bug(bug, (struct check_options){ .mode = CHECK_BRUTE_FORCE });
	find_bug(bug, (struct check_options){ .mode = CHECK_BY_EXECUTIONS });
	find_bug(bug, (struct check_options){ .mode = CHECK_BY_STATES,
					      .no_reduction = true });
	find_bug(bug, (struct check_options){ .mode = CHECK_BY_STATES });
}

static UNSANITIZED void stuck(void *arg, unsigned int t)
{
	volatile unsigned int *word = (volatile unsigned int *)&s->z;

	(void)arg;
	if (t == 0 && word_load(&s->x))
		while (*word == 0)
			;
	if (t == 1)
		word_store(&s->x, 1);
}

static void test_stuck(void **state)
{
	struct check_options options = { .mode = CHECK_BY_STATES };
	const struct bug bug = { .thread = stuck };
	struct check_program program = program_of(&bug);
	struct check_result result = search(&program, &options);
	const struct check_failure *failure = failure_of(&result, CHECK_STUCK);

	(void)state;
	assert_non_null(failure);
	assert_non_null(strstr(failure->text, "without an operation"));
	/* the search waits for it just once, and says so */
	assert_true(result.complete || result.stopped);
	assert_true(result.seconds < 10);
	replays(&program, failure);
	check_result_free(&result);
}

/* ------ loops without an end ------ */

static struct check_result run_loop(void (*thread)(void *, unsigned int),
				    unsigned int nr_threads)
{
	struct check_options options = { .mode = CHECK_BY_STATES };
	struct check_program program = {
		.nr_threads = nr_threads, .setup = setup, .thread = thread,
	};

	return search(&program, &options);
}

static void expect_livelock(void (*thread)(void *, unsigned int),
			    unsigned int nr_threads)
{
	struct check_program program = {
		.nr_threads = nr_threads, .setup = setup, .thread = thread,
	};
	struct check_result result = run_loop(thread, nr_threads);
	const struct check_failure *failure =
		failure_of(&result, CHECK_LIVELOCK);

	assert_non_null(failure);
	assert_int_equal(result.nr_failures, 1);
	print_message("# %s\n", failure->text);
	assert_non_null(strstr(failure->text, "for ever"));
	/* the way there; that it goes on and on cannot be shown */
	assert_int_equal(check_replay(&program, &failure->schedule, NULL), 0);
	check_result_free(&result);
}

static void spins_alone(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0)
		while (!word_load(&s->x))
			;
}

static void test_spins_alone(void **state)
{
	(void)state;
	expect_livelock(spins_alone, 2);
}

/* What thread 0 waits for comes, or does not. */
static void spins_perhaps(void *arg, unsigned int t)
{
	(void)arg;
	if (t != 1)
		while (!word_load(&s->x))
			;
	else if (check_choose(2))
		word_store(&s->x, 1);
}

static void test_spins_perhaps(void **state)
{
	(void)state;
	expect_livelock(spins_perhaps, 2);
}

static void test_two_spin_perhaps(void **state)
{
	(void)state;
	expect_livelock(spins_perhaps, 3);
}

static void spins_while_locked(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0) {
		lock(&s->a, 1);
		while (!word_load(&s->x))
			;
	} else {
		lock(&s->a, 2);
		word_store(&s->x, 1);
	}
	unlock(&s->a, 3);
}

static void test_spins_while_locked(void **state)
{
	(void)state;
	expect_livelock(spins_while_locked, 2);
}

static void expect_clean(void (*thread)(void *, unsigned int),
			 unsigned int nr_threads)
{
	struct check_result result = run_loop(thread, nr_threads);

	if (result.nr_failures)
		fail_msg("%s", result.failures[0].text);
	assert_true(result.complete);
	check_result_free(&result);
}

static void spins_a_while(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0)
		while (!word_load(&s->x))
			;
	else
		word_store(&s->x, 1);
}

static void test_spins_a_while(void **state)
{
	(void)state;
	expect_clean(spins_a_while, 2);
	expect_clean(spins_a_while, 4);
}

/* The store comes too late for random executions to have met it. */
static void spins_for_long(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0) {
		while (!word_load(&s->x))
			;
	} else {
		for (int i = 0; i < 6000; i++)
			word_add(&s->y, 1);
		word_store(&s->x, 1);
	}
}

static void test_spins_for_long(void **state)
{
	(void)state;
	expect_clean(spins_for_long, 2);
}

static void retries_first_choice(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0)
		while (check_choose(2) == 0)
			word_load(&s->x);
}

static void retries_last_choice(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0)
		while (check_choose(2) == 1)
			word_load(&s->x);
}

/* A thread that may choose to go on does not repeat itself for ever. */
static void test_retries(void **state)
{
	(void)state;
	expect_clean(retries_last_choice, 2);
	expect_clean(retries_first_choice, 2);
}

/* Each writes its number until it reads it back. */
static void undoes(void *arg, unsigned int t)
{
	(void)arg;
	do
		word_store(&s->x, t + 1);
	while (word_load(&s->x) != t + 1);
}

static uint32_t length(const struct check_schedule *schedule)
{
	uint32_t operations = 0;

	for (size_t i = 0; i < schedule->nr_segments; i++)
		operations += schedule->segments[i].operations;
	return operations;
}

/* Go to the cycle and around it thrice; the program has to follow. */
static void go_round(const struct check_program *program,
		     const struct check_cycle *cycle)
{
	struct check_schedule schedule = { NULL, 0, NULL, 0 };

	assert_int_equal(check_schedule_append(&schedule, &cycle->lead), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(check_schedule_append(&schedule,
						       &cycle->round), 0);
	assert_int_equal(check_replay(program, &schedule, NULL), 0);
	check_schedule_free(&schedule);
}

static void expect_cycle(void (*thread)(void *, unsigned int),
			 uint32_t operations)
{
	struct check_program program = {
		.nr_threads = 2, .setup = setup, .thread = thread,
	};
	struct check_result result = run_loop(thread, 2);

	assert_true(result.complete);
	assert_int_equal(result.nr_failures, 0);
	assert_true(result.has_cycle);
	assert_int_equal(result.cycle.threads, 3);
	assert_int_equal(result.cycle.operations, operations);
	assert_int_equal(length(&result.cycle.round), operations);
	assert_true(result.cycle.shortest);
	go_round(&program, &result.cycle);
	check_result_free(&result);
}

/* store 1; the other loads, stores 2; load, and once more: four. */
static void test_mutual_undoing(void **state)
{
	(void)state;
	expect_cycle(undoes, 4);
}

static void undoes_if_chosen(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0 && check_choose(3) != 2)
		return;
	undoes(arg, t);
}

static void test_cycle_behind_choice(void **state)
{
	(void)state;
	expect_cycle(undoes_if_chosen, 4);
}

/* Operations that nobody minds go before; they are in no round. */
static void undoes_after_lead(void *arg, unsigned int t)
{
	(void)arg;
	for (int i = 0; i < 3; i++)
		word_add(t ? &s->y : &s->z, 1);
	undoes(arg, t);
}

static void test_cycle_after_lead(void **state)
{
	(void)state;
	expect_cycle(undoes_after_lead, 4);
}

static void two_wait_for_third(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 2)
		word_store(&s->x, 1);
	else
		while (!word_load(&s->x))
			;
}

/* They do nothing to each other. */
static void test_no_mutual_cycle(void **state)
{
	struct check_result result = run_loop(two_wait_for_third, 3);

	(void)state;
	assert_true(result.complete);
	assert_int_equal(result.nr_failures, 0);
	assert_false(result.has_cycle);
	check_result_free(&result);
}

/* A thread that completes something each time around is in no cycle. */
static void progresses(void *arg, unsigned int t)
{
	(void)arg;
	do {
		check_progress();
		word_store(&s->x, t + 1);
	} while (word_load(&s->x) != t + 1);
}

static void test_progress(void **state)
{
	struct check_result result = run_loop(progresses, 2);

	(void)state;
	assert_true(result.complete);
	assert_false(result.has_cycle);
	check_result_free(&result);
}

/* By executions a loop without an end is a limit, never a clean result. */
static void test_endless_executions(void **state)
{
	struct check_options options = {
		.mode = CHECK_BY_EXECUTIONS, .max_executions = 3,
	};
	struct check_program program = {
		.nr_threads = 2, .setup = setup, .thread = spins_alone,
	};
	struct check_result result = search(&program, &options);

	(void)state;
	assert_false(result.complete && !result.nr_failures);
	check_result_free(&result);
}

/* ------ limits ------ */

static void exhausts(void *arg, unsigned int t)
{
	(void)arg;
	while (t == 0 && check_alloc(4096, "page"))
		;
}

static void wants_too_much(void *arg, unsigned int t)
{
	void *hole = check_alloc(64, "hole");

	(void)arg;
	check_alloc(16, "behind it");
	check_free(hole, AT(1));
	if (t == 0 && check_alloc((size_t)1 << 32, "too much"))
		check_fail(MINE, AT(2), "4 GiB in an arena");
}

static void cuts(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0 && word_load(&s->x))
		check_cut();
	if (t == 1)
		word_store(&s->x, 1);
}

static void test_cut(void **state)
{
	static void (*const threads[])(void *, unsigned int) = {
		exhausts, wants_too_much, cuts,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++)
		for (int mode = 0; mode <= CHECK_BRUTE_FORCE; mode++) {
			struct check_options options = {
				.mode = (enum check_mode)mode,
			};
			struct check_program program = {
				.nr_threads = 2, .setup = setup,
				.thread = threads[i],
			};
			struct check_result result =
				search(&program, &options);

			assert_int_equal(result.nr_failures, 0);
			assert_false(result.complete);
			assert_true(result.cut > 0);
			check_result_free(&result);
		}
}

/* 4 threads of 6: 96 million interleavings, 2401 times a few states. */
static void large(void *arg, unsigned int t)
{
	uint64_t sum = 0;

	(void)arg;
	for (int i = 0; i < 6; i++)
		sum = 3 * sum + word_fetch_add(&s->x, t + 1);
	word_store(&s->y, sum);
}

static bool now(void *user)
{
	return ++*(int *)user > 1;
}

static void expect_stopped(struct check_options options)
{
	struct check_program program = {
		.nr_threads = 4, .setup = setup, .thread = large,
	};
	struct check_result result = search(&program, &options);

	assert_false(result.complete);
	assert_non_null(result.stopped);
	assert_true(*result.stopped);
	assert_true(result.seconds < 5);
	check_result_free(&result);
}

static void test_limits(void **state)
{
	(void)state;
	for (int m = 0; m <= CHECK_BRUTE_FORCE; m++) {
		enum check_mode mode = (enum check_mode)m;
		int asked = 0;

		expect_stopped((struct check_options){
			.mode = mode, .max_seconds = 0.1 });
		expect_stopped((struct check_options){
			.mode = mode, .max_bytes = 4096 });
		expect_stopped((struct check_options){
			.mode = mode, .interrupted = now, .user = &asked });
		assert_true(asked > 1);
		if (mode != CHECK_BY_STATES)
			expect_stopped((struct check_options){
				.mode = mode, .max_executions = 500 });
	}
	expect_stopped((struct check_options){ .max_states = 500 });
}

/* An execution that ends badly is one, too. */
static void test_limit_with_failures(void **state)
{
	struct check_options options = {
		.mode = CHECK_BRUTE_FORCE, .max_executions = 300,
		.max_seconds = 3,
	};
	struct check_program program = {
		.nr_threads = 4, .setup = setup, .thread = large,
		.finish = fails_in_finish,
	};
	struct check_result result;

	(void)state;
	result = search(&program, &options);
	assert_false(result.complete);
	assert_true(result.operations < 100000);
	check_result_free(&result);
	program.thread = lost_wakeup;
	program.nr_threads = 8;
	result = search(&program, &options);
	check_result_free(&result);
}

static void many_bugs(void *arg, unsigned int t)
{
	uint64_t old;

	(void)arg;
	old = word_fetch_add(&s->x, 1);
	check_fail(MINE, AT(16 * t + old), "one of many");
}

static void test_first(void **state)
{
	(void)state;
	for (int mode = 0; mode <= CHECK_BRUTE_FORCE; mode++) {
		struct check_options options = {
			.mode = (enum check_mode)mode, .first = true,
		};
		struct check_program program = {
			.nr_threads = 4, .setup = setup, .thread = many_bugs,
		};
		struct check_result result = search(&program, &options);

		assert_int_equal(result.nr_failures, 1);
		assert_false(result.complete);
		replays(&program, &result.failures[0]);
		check_result_free(&result);
	}
}

/* What the search learns late makes it begin again: not without its find. */
static void rare_surprise(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0) {
		if (word_load(&s->y) == 1)
			word_store(&s->x, 1);
	} else {
		word_load(&s->x);
		if (check_choose(250) == 249 && check_choose(250) == 249) {
			word_store(&s->y, 1);
			word_store(&s->x, 2);
			check_fail(MINE, AT(1), "found at last");
		}
	}
}

static void test_first_survives_surprise(void **state)
{
	struct check_options options = { .first = true };
	struct check_program program = {
		.nr_threads = 2, .setup = setup, .thread = rare_surprise,
	};
	struct check_result result = search(&program, &options);

	(void)state;
	assert_int_equal(result.nr_failures, 1);
	check_result_free(&result);
}

/* ------ one failure does not hide another ------ */

static void first_fails_at_once(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0)
		check_fail(MINE, AT(1), "at once");
	if (t == 1)
		word_store(&s->x, 1);
	if (t == 2 && word_load(&s->x))
		check_fail(MINE + 1, AT(2), "later");
}

static void fails_in_a_step(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0) {
		word_store(&s->x, 1);
		word_store(&s->y, 1);
		check_fail(MINE, AT(1), "in the step that stores");
	}
	if (t == 1 && word_load(&s->x))
		check_fail(MINE + 1, AT(2), "between the stores");
}

static void expect_two(void (*thread)(void *, unsigned int))
{
	for (int mode = 0; mode <= CHECK_BRUTE_FORCE; mode++) {
		struct check_options options = {
			.mode = (enum check_mode)mode,
		};
		struct check_program program = {
			.nr_threads = 3, .setup = setup, .thread = thread,
		};
		struct check_result result = search(&program, &options);

		print_message("# mode %d\n", mode);
		assert_int_equal(result.nr_failures, 2);
		assert_true(result.complete);
		check_result_free(&result);
	}
}

static void test_hidden_at_once(void **state)
{
	(void)state;
	expect_two(first_fails_at_once);
}

static void test_hidden_in_a_step(void **state)
{
	(void)state;
	expect_two(fails_in_a_step);
}

/* Each order comes in an execution of its own: what would show it again? */
static void orders_by_choice(void *arg, unsigned int t)
{
	bool turned = !t && check_choose(2);

	(void)arg;
	if (t)
		return;
	lock(turned ? &s->b : &s->a, 1);
	lock(turned ? &s->a : &s->b, 2);
	unlock(&s->a, 3);
	unlock(&s->b, 4);
}

static void test_order_replays(void **state)
{
	struct check_options options = { .mode = CHECK_BY_STATES };
	struct check_program program = {
		.nr_threads = 2, .setup = setup, .thread = orders_by_choice,
	};
	struct check_result result = search(&program, &options);

	(void)state;
	if (result.nr_failures)
		replays(&program, &result.failures[0]);
	check_result_free(&result);
}

/* ------ the fewest context switches ------ */

static void no_switch(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 1 && word_fetch_add(&s->x, 1) == 0)
		check_fail(MINE, AT(1), "first");
}

static void one_switch(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 1) {
		word_store(&s->x, 1);
		word_store(&s->x, 0);
	} else if (word_load(&s->x)) {
		check_fail(MINE, AT(1), "between");
	}
}

static void two_switches(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 1)
		word_store(&s->x, 1);
	else if (word_load(&s->x) != word_load(&s->x))
		check_fail(MINE, AT(1), "changed");
}

static void three_switches(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0) {
		word_store(&s->x, 1);
		if (word_load(&s->y))
			word_store(&s->z, 1);
	} else if (word_load(&s->x)) {
		word_store(&s->y, 1);
		if (word_load(&s->z))
			check_fail(MINE, AT(1), "to and fro");
	}
}

static void expect_switches(void (*thread)(void *, unsigned int),
			    size_t switches)
{
	for (int full = 0; full < 2; full++) {
		struct check_options options = { .no_reduction = full };
		struct check_program program = {
			.nr_threads = 3, .setup = setup, .thread = thread,
		};
		struct check_result result = search(&program, &options);
		const struct check_failure *failure =
			failure_of(&result, MINE);

		assert_non_null(failure);
		assert_int_equal(failure->schedule.nr_segments, switches + 1);
		replays(&program, failure);
		check_result_free(&result);
	}
}

static void test_switches(void **state)
{
	(void)state;
	expect_switches(no_switch, 0);
	expect_switches(one_switch, 1);
	expect_switches(two_switches, 2);
	expect_switches(three_switches, 3);
}

/*
 * No switch and many operations, or one switch and few: the former is wanted,
 * also while the search for another failure goes on.
 */
static void long_way(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0) {
		uint64_t x = word_load(&s->x);

		for (int i = 0; !x && i < 10; i++)
			word_load(&s->y);
		if (x != 2)
			check_fail(MINE, AT(1), "at the end of both ways");
	} else if (t == 1) {
		word_store(&s->x, 1);
		word_store(&s->x, 2);
		if (word_load(&s->y) != word_load(&s->y))
			check_fail(MINE + 1, AT(2), "two switches");
	} else {
		word_store(&s->y, 1);
	}
}

static void test_switches_before_length(void **state)
{
	(void)state;
	expect_switches(long_way, 0);
}

/* ------ schedules as text ------ */

static void test_text(void **state)
{
	static const char *const good[] = {
		"1", "1/0.37", "1/0.37/1.12/0.5", "1/7.4294967295/0.0",
		"1/0.1/c0", "1/0.1/1.2/c1.255.0", "1/c3",
	};
	static const char *const bad[] = {
		"", "2", "x", "1/", "1/0", "1/0.", "1/.1", "1/31.1", "1/0.1x",
		"1/0.1/", "1/0.1/c", "1/0.1/c1.", "1/0.1/c256", "1/0.1/cx",
		"1/0.4294967296", "1/0.99999999999999999999", "1/-1.2",
		"1/0.-2", " 1/0.1", "1/0.1 ", "1/+0.1", "1//0.1", "1/c1/0.1",
		"1.0/0.1", "4294967297/0.1", "1/0.1\n",
	};
	struct check_schedule schedule;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char *text;

		assert_int_equal(check_schedule_parse(good[i], &schedule), 0);
		text = check_schedule_print(&schedule);
		assert_string_equal(text, good[i]);
		free(text);
		check_schedule_free(&schedule);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		print_message("# \"%s\"\n", bad[i]);
		errno = 0;
		assert_int_equal(check_schedule_parse(bad[i], &schedule), -1);
		assert_int_equal(errno, EINVAL);
		assert_int_equal(schedule.nr_segments, 0);
		assert_null(schedule.segments);
	}
}

/* A schedule of another program is refused, not followed half-way. */
static void test_foreign_schedule(void **state)
{
	static const char *const foreign[] = {
		"1/5.1", "1/0.1/1.1000", "1/0.3", "1/1.1/1.1/1.1",
	};
	struct check_program program = {
		.nr_threads = 2, .setup = setup, .thread = two_stores,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		struct check_schedule schedule;

		assert_int_equal(check_schedule_parse(foreign[i], &schedule),
				 0);
		assert_int_equal(check_replay(&program, &schedule, NULL), -1);
		assert_int_equal(errno, EPROTO);
		check_schedule_free(&schedule);
	}
}

/* ------ sizes ------ */

static void test_bad_programs(void **state)
{
	struct check_options options = { .mode = CHECK_BY_STATES };
	struct check_program program = { .setup = setup, .thread = nothing };
	struct check_result result;

	(void)state;
	errno = 0;
	assert_int_equal(check_run(&program, &options, &result), -1);
	assert_int_equal(errno, EINVAL);
	program.nr_threads = CHECK_MAX_THREADS + 1;
	assert_int_equal(check_run(&program, &options, &result), -1);
	program.nr_threads = 1;
	program.thread = NULL;
	assert_int_equal(check_run(&program, &options, &result), -1);
}

static void adds_one(void *arg, unsigned int t)
{
	(void)arg;
	lock(&s->a, 1);
	word_store(&s->x, word_load(&s->x) + 1);
	unlock(&s->a, 2);
	word_add(&s->y, t);
}

static void finds_sum(void *arg)
{
	uint64_t nr = *(const unsigned int *)arg;

	if (s->x != nr || s->y != nr * (nr - 1) / 2)
		check_fail(MINE, AT(1), "lost");
}

static void run_sum(unsigned int nr, struct check_options options)
{
	struct check_program program = {
		.nr_threads = nr, .setup = setup, .thread = adds_one,
		.finish = finds_sum, .arg = &nr,
	};
	struct check_result first = search(&program, &options);
	struct check_result again = search(&program, &options);

	assert_true(first.complete);
	assert_int_equal(first.nr_failures, 0);
	assert_true(first.executions > 0);
	assert_int_equal(first.executions, again.executions);
	assert_int_equal(first.states, again.states);
	assert_int_equal(first.steps, again.steps);
	assert_int_equal(first.operations, again.operations);
	check_result_free(&first);
	check_result_free(&again);
}

static void test_sizes(void **state)
{
	static const unsigned int sizes[] = { 1, 2, 8 };
	struct check_options by_states = { .mode = CHECK_BY_STATES };
	struct check_options full = { .no_reduction = true };
	struct check_options brute = { .mode = CHECK_BRUTE_FORCE };
	struct check_options by_executions = { .mode = CHECK_BY_EXECUTIONS };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		run_sum(sizes[i], by_states);
		/* all the interleavings of eight are too many */
		if (sizes[i] == 8)
			continue;
		run_sum(sizes[i], full);
		run_sum(sizes[i], brute);
	}
	for (unsigned int nr = 1; nr < 6; nr++)
		run_sum(nr, by_executions);
}

/* All that there is to do is nothing, or to wait. */
static void test_no_operations(void **state)
{
	static const struct bug idle = { .thread = nothing };

	(void)state;
	for (int mode = 0; mode <= CHECK_BRUTE_FORCE; mode++) {
		struct check_options options = {
			.mode = (enum check_mode)mode,
		};
		struct check_program program = program_of(&idle);
		struct check_result result = search(&program, &options);

		assert_true(result.complete);
		assert_int_equal(result.executions, 1);
		check_result_free(&result);
	}
}

/* ------ programs that are not deterministic ------ */

static unsigned int remembered;		/* outside of the checked memory */

/* An operation more, or another one, each other time. */
static void remembers(void *arg, unsigned int t)
{
	(void)arg;
	word_store(&s->x, t);
	word_load(remembered++ % 2 ? &s->y : &s->z);
	word_store(&s->x, t + 1);
}

static void remembers_length(void *arg, unsigned int t)
{
	(void)arg;
	word_store(&s->x, t);
	if (remembered++ % 3 == 0)
		word_store(&s->y, t);
	word_store(&s->x, t + 1);
}

static void throws_dice(void *arg, unsigned int t)
{
	(void)arg;
	for (unsigned int i = 0; i < 3; i++)
		if (rand() % 2)
			word_store(&s->x, t);
		else
			word_load(&s->x);
}

/* One thread ends where it went on before. */
static void throws_ends(void *arg, unsigned int t)
{
	(void)arg;
	while (rand() % 4)
		word_fetch_add(&s->x, t);
}

static void waits_or_not(void *arg, unsigned int t)
{
	(void)arg;
	word_store(&s->x, t);
	if (remembered++ % 2)
		lock(&s->a, 1);
	word_store(&s->x, t + 1);
	if (check_held(&s->a))
		unlock(&s->a, 2);
}

static void test_nondeterminism(void **state)
{
	void (*const threads[])(void *arg, unsigned int t) = {
		remembers, remembers_length, throws_dice, throws_ends,
		waits_or_not,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
		const struct bug bug = { .thread = threads[i] };
		struct check_program program = program_of(&bug);
		struct check_options options = { .mode = CHECK_BY_EXECUTIONS };
		struct check_result result;
		const struct check_failure *failure;

		remembered = 0;
		srand(1);
		program.nr_threads = 3;
		result = search(&program, &options);
		assert_false(result.complete);
		assert_string_equal(result.stopped,
				    "nondeterminism of the program");
		failure = failure_of(&result, CHECK_NONDETERMINISM);
		assert_non_null(failure);
		print_message("# %s\n", failure->text);
		assert_int_equal(failure->hits, 1);
		assert_true(failure->schedule.nr_segments > 0);
		check_result_free(&result);
	}
}

#define NR_TESTS 64

static size_t add(struct CMUnitTest *tests, size_t nr, const char *name,
		  CMUnitTestFunction test, const struct bug *bug)
{
	assert_true(nr < NR_TESTS);
	tests[nr] = (struct CMUnitTest){
		.name = name, .test_func = test,
		.initial_state = (void *)(uintptr_t)bug,
	};
	return nr + 1;
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[NR_TESTS];
	static const struct {
		const char *name;
		CMUnitTestFunction test;
	} others[] = {
		{ "stuck", test_stuck },
		{ "spins alone", test_spins_alone },
		{ "spins perhaps", test_spins_perhaps },
		{ "two spin perhaps", test_two_spin_perhaps },
		{ "spins while locked", test_spins_while_locked },
		{ "spins a while", test_spins_a_while },
		{ "spins for long", test_spins_for_long },
		{ "retries", test_retries },
		{ "mutual undoing", test_mutual_undoing },
		{ "cycle behind a choice", test_cycle_behind_choice },
		{ "cycle after a lead", test_cycle_after_lead },
		{ "no mutual cycle", test_no_mutual_cycle },
		{ "progress", test_progress },
		{ "endless executions", test_endless_executions },
		{ "cut", test_cut },
		{ "limits", test_limits },
		{ "limit with failures", test_limit_with_failures },
		{ "first", test_first },
		{ "first survives surprise", test_first_survives_surprise },
		{ "hidden at once", test_hidden_at_once },
		{ "hidden in a step", test_hidden_in_a_step },
		{ "order replays", test_order_replays },
		{ "switches", test_switches },
		{ "switches before length", test_switches_before_length },
		{ "text", test_text },
		{ "foreign schedule", test_foreign_schedule },
		{ "bad programs", test_bad_programs },
		{ "sizes", test_sizes },
		{ "no operations", test_no_operations },
		{ "nondeterminism", test_nondeterminism },
	};
	size_t nr = 0;

	/* one test alone: its name, or a pattern */
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	for (size_t i = 0; i < NR_BUGS; i++)
		nr = add(tests, nr, bugs[i].name, test_bug, &bugs[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		nr = add(tests, nr, others[i].name, others[i].test, NULL);
	return _cmocka_run_group_tests("checker_bugs", tests, nr, NULL, NULL);
}
