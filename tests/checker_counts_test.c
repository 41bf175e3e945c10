// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_counts_test.c - exact numbers of executions, as the literature has
 * them: one an equivalence class of interleavings.
 */
#include "../bench/dpor/dpor.h"

#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Every N of every program with no more executions than these is run. */
#define MOST_EXECUTIONS 4200
/* What a search may take more because its executions are longer, not more. */
#define MORE_BYTES (768 << 10)

static struct check_result search(struct dpor *d, enum check_mode mode)
{
	struct check_program program = dpor_check_program(d);
	/* by executions, one that blows up ends soon */
	struct check_options options = {
		.mode = mode,
		.max_executions = d->program->executions(d->n) + 1000,
	};
	struct check_result result;

	assert_int_equal(check_run(&program, &options, &result), 0);
	return result;
}

static struct dpor instance(const char *name, unsigned int n)
{
	const struct dpor_program *program = dpor_find(name, strlen(name));

	assert_non_null(program);
	return (struct dpor){ .program = program, .n = n };
}

/* ------ what the counts are compared with ------ */

/* The numbers of the specification's table, one by one. */
static void test_formulas(void **state)
{
	static const struct {
		const char *name;
		unsigned int n;
		uint64_t executions;
	} table[] = {
		{ "indexer", 12, 8 },
		{ "indexer", 15, 4096 },
		{ "indexer", 16, 32768 },
		{ "filesystem", 14, 2 },
		{ "filesystem", 19, 64 },
		{ "filesystem", 24, 2048 },
		{ "readers", 8, 256 },
		{ "readers", 16, 65536 },
		{ "lastzero", 5, 64 },
		{ "lastzero", 10, 3328 },
		{ "lastzero", 15, 147456 },
		{ "fib", 4, 1107 },
		{ "fib", 6, 73789 },
		{ "ainc", 6, 720 },
		{ "ainc", 9, 362880 },
		{ "inc", 4, 3334 },
		{ "inc", 6, 372436 },
		{ "mutex counter", 8, 40320 },
		{ "philosophers", 10, 1022 },
		{ "philosophers", 14, 16382 },
		{ "ticket lock", 6, 720 },
		{ "lastwrite", 9, 362880 },
	};
	const struct dpor_program *const *p = dpor_programs;
	const struct dpor_row *row = (*p)->rows;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct dpor d = instance(table[i].name, table[i].n);

		assert_int_equal(d.program->executions(d.n),
				 table[i].executions);
		/* and these are the rows that are measured, in this order */
		assert_ptr_equal(d.program, *p);
		assert_int_equal(row->n, d.n);
		assert_true(d.n >= (*p)->min && d.n <= (*p)->max);
		if (!(++row)->n && *++p)
			row = (*p)->rows;
	}
	assert_null(*p);
}

static void test_threads_fit(void **state)
{
	(void)state;
	for (size_t i = 0; dpor_programs[i]; i++) {
		const struct dpor_program *p = dpor_programs[i];

		for (unsigned int n = p->min; n <= p->max; n++) {
			assert_in_range(p->size(n).threads, 1,
					CHECK_MAX_THREADS);
			assert_in_range(p->executions(n), 1, UINT64_MAX);
			assert_true(n == p->min ||
				    p->executions(n) >= p->executions(n - 1));
		}
	}
}

static void idle(struct dpor *d, unsigned int t)
{
	(void)d;
	(void)t;
}

/* What the programs look at in the end is not true anyway. */
static void test_finish_looks(void **state)
{
	unsigned int looked = 0;

	(void)state;
	for (size_t i = 0; dpor_programs[i]; i++) {
		struct dpor_program wrong = *dpor_programs[i];
		struct dpor d = { .program = &wrong, .n = wrong.min };
		struct check_result result;

		if (!wrong.finish)
			continue;
		wrong.thread = idle;
		result = search(&d, CHECK_BY_EXECUTIONS);
		assert_int_equal(result.executions, 1);
		assert_int_equal(result.nr_failures, 1);
		check_result_free(&result);
		looked++;
	}
	assert_true(looked >= 10);
}

static void unlocked(struct dpor *d, unsigned int t)
{
	(void)t;
	word_store(&d->words[0], word_load(&d->words[0]) + 1);
}

static void test_finish_sees_lost_increments(void **state)
{
	struct dpor d = instance("mutex-counter", 3);
	struct dpor_program wrong = *d.program;
	struct check_result result;
	char text[128];

	(void)state;
	wrong.thread = unlocked;
	d.program = &wrong;
	result = search(&d, CHECK_BY_EXECUTIONS);
	assert_int_equal(dpor_judge(&d, &result, text, sizeof(text)), -1);
	assert_string_equal(text, "fails: an increment is lost");
	check_result_free(&result);
}

static void test_judge(void **state)
{
	struct dpor d = instance("readers", 3);
	const struct check_result good = { .complete = true, .executions = 8 };
	struct check_result r = good;
	char text[128];

	(void)state;
	assert_int_equal(dpor_judge(&d, &r, text, sizeof(text)), 0);
	r.executions = 7;
	assert_int_equal(dpor_judge(&d, &r, text, sizeof(text)), -1);
	assert_string_equal(text, "7 executions, but there are 8");
	r.executions = 9;
	assert_int_equal(dpor_judge(&d, &r, text, sizeof(text)), -1);
	r = good;
	r.redundant = 1;
	assert_int_equal(dpor_judge(&d, &r, text, sizeof(text)), -1);
	r = good;
	r.cut = 1;
	assert_int_equal(dpor_judge(&d, &r, text, sizeof(text)), -1);
	r = good;
	r.complete = false;
	assert_int_equal(dpor_judge(&d, &r, text, sizeof(text)), -1);
	r.stopped = "a signal";
	assert_int_equal(dpor_judge(&d, &r, text, sizeof(text)), -1);
	assert_string_equal(text, "incomplete: stopped by a signal");
	r = good;
	r.nr_failures = 1;
	assert_int_equal(dpor_judge(&d, &r, text, sizeof(text)), -1);
}

static void test_find(void **state)
{
	(void)state;
	assert_ptr_equal(dpor_find("inc", 3), &dpor_inc);
	assert_ptr_equal(dpor_find("inc(4)", 3), &dpor_inc);
	assert_ptr_equal(dpor_find("mutex counter", 13), &dpor_mutex_counter);
	assert_ptr_equal(dpor_find("mutex-counter", 13), &dpor_mutex_counter);
	assert_null(dpor_find("inc", 2));
	assert_null(dpor_find("", 0));
	assert_null(dpor_find("frob", 4));
}

/* ------ the searches ------ */

static void search_all(struct dpor *d)
{
	struct check_result result = search(d, CHECK_BY_EXECUTIONS);
	char text[128] = "";

	print_message("%s(%u): %llu executions, %.3f s\n", d->program->name,
		      d->n, (unsigned long long)result.executions,
		      result.seconds);
	if (dpor_judge(d, &result, text, sizeof(text)))
		fail_msg("%s(%u): %s", d->program->name, d->n, text);
	check_result_free(&result);
}

static void test_counts(void **state)
{
	(void)state;
	for (size_t i = 0; dpor_programs[i]; i++) {
		struct dpor d = { .program = dpor_programs[i] };

		for (d.n = d.program->min; d.n <= d.program->max; d.n++)
			if (d.program->executions(d.n) <= MOST_EXECUTIONS)
				search_all(&d);
	}
}

/* ------ locks made of loops ------ */

static uint64_t *words;

static void setup_words(void *arg)
{
	(void)arg;
	words = check_alloc(8 * sizeof(*words), "words");
}

static void leave(void)
{
	word_store(&words[1], word_load(&words[1]) + 1);
	word_store(&words[0], 0);
}

/* As many executions as with a lock that sleeps. */
static void spinner(void *arg, unsigned int t)
{
	(void)arg;
	(void)t;
	while (!word_cmpxchg(&words[0], 0, 1))
		;
	leave();
}

static struct {
	size_t used;
	uint64_t turns;
} counted;

/* No register of the caller has anything of it. */
static __attribute__((noinline)) bool counts_turn(void)
{
	counted.turns++;
	return word_cmpxchg(&words[0], 0, 1);
}

/* It counts its turns where that makes no states different. */
static void counter(void *arg, unsigned int t)
{
	(void)arg;
	(void)t;
	while (!counts_turn())
		;
	leave();
}

/*
 * It looks before it tries.  Of two threads the second looks before the first
 * has the lock, and tries in vain or after it, or it looks afterwards: three
 * executions, and as many with the threads exchanged.
 */
static void looker(void *arg, unsigned int t)
{
	(void)arg;
	(void)t;
	do {
		while (word_load(&words[0]))
			;
	} while (!word_cmpxchg(&words[0], 0, 1));
	word_store(&words[0], 0);
}

/* A ticket in memory that only its thread looks at; nobody told the checker. */
static void keeps_ticket(void *arg, unsigned int t)
{
	volatile uint64_t *mine = &words[2 + t];

	(void)arg;
	*mine = word_fetch_add(&words[0], 1);
	while (word_load(&words[1]) != *mine)
		;
	word_store(&words[1], *mine + 1);
}

/* No register of the caller has it afterwards. */
static __attribute__((noinline)) void take_ticket(uint64_t *mine)
{
	word_store(mine, word_fetch_add(&words[0], 1));
}

/* Others may look at it; its own thread needs no operation for that. */
static void shows_ticket(void *arg, unsigned int t)
{
	volatile uint64_t *mine = &words[2 + t];

	(void)arg;
	take_ticket(&words[2 + t]);
	while (word_load(&words[1]) != *mine)
		;
	word_store(&words[1], *mine + 1);
}

struct loop {
	void (*thread)(void *arg, unsigned int t);
	unsigned int nr_threads;
	uint64_t executions;
};

static void check_loops(const struct loop *rows, size_t nr, bool may_give_up)
{
	struct check_options options = { .mode = CHECK_BY_EXECUTIONS };

	for (size_t i = 0; i < nr; i++) {
		struct check_program program = {
			.nr_threads = rows[i].nr_threads,
			.setup = setup_words,
			.thread = rows[i].thread,
		};
		struct check_result result;

		assert_int_equal(check_run(&program, &options, &result), 0);
		assert_true(result.complete);
		assert_int_equal(result.executions, rows[i].executions);
		assert_true(may_give_up || !result.redundant);
		check_result_free(&result);
	}
}

static void test_loops_that_lock(void **state)
{
	static const struct loop rows[] = {
		{ spinner, 2, 2 },
		{ spinner, 3, 6 },
		{ spinner, 5, 120 },
		{ counter, 3, 6 },
		{ looker, 2, 6 },
		{ keeps_ticket, 4, 24 },
		{ shows_ticket, 4, 24 },
	};

	(void)state;
	counted.used = sizeof(counted);
	assert_int_equal(check_companion(&counted, &counted.used), 0);
	check_loops(rows, sizeof(rows) / sizeof(rows[0]), false);
	check_regions_reset();
}

/*
 * ------ loops that look at several words ------
 *
 * A turn is a function of its own: compilers like to have the first turn of a
 * loop twice, and then it is another one.
 */

static __attribute__((noinline)) bool sees_neither(void)
{
	return !word_load(&words[0]) && !word_load(&words[1]);
}

static __attribute__((noinline)) bool sees_not_both(void)
{
	return !word_load(&words[0]) || !word_load(&words[1]);
}

static __attribute__((noinline)) bool has_to_wait(unsigned int t)
{
	return word_load(&words[1 - t]) && word_load(&words[2]) == 1 - t;
}

/* It sees the one, or the other and not the one. */
static void waits_for_either(void *arg, unsigned int t)
{
	(void)arg;
	if (t < 2)
		word_store(&words[t], 1);
	else
		while (sees_neither())
			;
}

static void waits_for_both(void *arg, unsigned int t)
{
	(void)arg;
	if (t < 2)
		word_store(&words[t], 1);
	else
		while (sees_not_both())
			;
}

/*
 * Peterson's lock.  Who is first to name the other as the next one goes first:
 * it sees that the other is not there yet, or that it was named itself.
 */
static void peterson(void *arg, unsigned int t)
{
	(void)arg;
	word_store(&words[t], 1);
	word_store(&words[2], 1 - t);
	while (has_to_wait(t))
		;
	word_store(&words[3], word_load(&words[3]) + 1);
	word_store(&words[t], 0);
}

static void test_loops_on_several_words(void **state)
{
	static const struct loop rows[] = {
		{ waits_for_either, 3, 2 },
		{ waits_for_both, 3, 1 },
		{ peterson, 2, 4 },
	};

	(void)state;
	check_loops(rows, sizeof(rows) / sizeof(rows[0]), true);
}

/* What is allocated when an execution has ended: the most of it. */
static void note_heap(void *user)
{
	struct mallinfo2 info = mallinfo2();
	size_t bytes = info.uordblks + info.hblkhd, *most = user;

	if (bytes > *most)
		*most = bytes;
}

/* The memory a search takes, by its own word and by that of the heap. */
struct memory {
	uint64_t executions;
	size_t said;
	size_t heap;			/* 0: a sanitizer does not tell */
};

static struct memory memory_of(const char *name, unsigned int n)
{
	struct dpor d = instance(name, n);
	struct check_program program = dpor_check_program(&d);
	struct memory memory = { 0 };
	struct check_options options = {
		.mode = CHECK_BY_EXECUTIONS,
		.completed = note_heap,
		.user = &memory.heap,
	};
	struct check_result result;

	assert_int_equal(check_run(&program, &options, &result), 0);
	memory.executions = result.executions;
	memory.said = result.search_bytes;
	check_result_free(&result);
	print_message("%s(%u): %llu executions, %zu bytes, heap %zu\n", name, n,
		      (unsigned long long)memory.executions, memory.said,
		      memory.heap);
	return memory;
}

/* More executions take more time, but not more memory. */
static void test_memory_is_bounded(void **state)
{
	static const struct {
		const char *name;
		unsigned int few;
		unsigned int many;
	} pairs[] = {
		{ "indexer", 12, 15 },
		{ "filesystem", 19, 24 },
		{ "readers", 8, 15 },
		{ "lastzero", 6, 12 },
		{ "fib", 3, 5 },
		{ "ainc", 6, 8 },
		{ "inc", 3, 5 },
		{ "mutex-counter", 5, 7 },
		{ "philosophers", 6, 13 },
		{ "lastwrite", 6, 8 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct memory few = memory_of(pairs[i].name, pairs[i].few);
		struct memory many = memory_of(pairs[i].name, pairs[i].many);

		assert_true(few.executions && few.said);
		assert_true(many.executions >= 25 * few.executions);
		assert_true(many.said <= few.said + MORE_BYTES);
		assert_true(many.heap <= few.heap + MORE_BYTES);
	}
}

static void test_states_complete(void **state)
{
	static const struct {
		const char *name;
		unsigned int n;
	} programs[] = {
		{ "indexer", 8 },
		{ "filesystem", 4 },
		{ "readers", 7 },
		{ "lastzero", 7 },
		{ "fib", 4 },
		{ "ainc", 6 },
		{ "inc", 4 },
		{ "mutex-counter", 6 },
		{ "philosophers", 8 },
		{ "ticket-lock", 4 },
		{ "lastwrite", 6 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		struct dpor d = instance(programs[i].name, programs[i].n);
		struct check_result result = search(&d, CHECK_BY_STATES);

		print_message("%s(%u): %llu states, %llu steps, %u passes, %.3f s\n",
			      d.program->name, d.n,
			      (unsigned long long)result.states,
			      (unsigned long long)result.steps, result.passes,
			      result.seconds);
		assert_int_equal(result.nr_failures, 0);
		assert_true(result.complete);
		assert_true(result.executions);
		check_result_free(&result);
	}
}

/* ------ adds that nobody reads: one execution, whatever their number ------ */

static void add(struct dpor *d, unsigned int t)
{
	(void)t;
	check_op(&d->words[0], CHECK_ADD);
	d->words[0]++;
}

static const char *all_added(const struct dpor *d)
{
	return d->words[0] == d->n ? NULL : "an addition is lost";
}

static uint64_t one(unsigned int n)
{
	(void)n;
	return 1;
}

static struct dpor_size threads_and_a_word(unsigned int n)
{
	return (struct dpor_size){ .threads = n, .words = 1 };
}

static void test_adds_commute(void **state)
{
	static const struct dpor_program adds = {
		.name = "adds",
		.executions = one,
		.size = threads_and_a_word,
		.thread = add,
		.finish = all_added,
	};

	(void)state;
	for (unsigned int n = 8; n <= CHECK_MAX_THREADS; n += 23) {
		struct dpor d = { .program = &adds, .n = n };
		struct check_result result;

		search_all(&d);
		result = search(&d, CHECK_BY_STATES);
		assert_true(result.complete);
		assert_int_equal(result.states, 1);
		assert_int_equal(result.nr_failures, 0);
		check_result_free(&result);
	}
}

/* ------ long executions ------ */

#define LONG 5000ull

/* All but the last operation are on words of its own. */
static void goes_far(void *arg, unsigned int t)
{
	(void)arg;
	for (unsigned int i = 1; i < LONG / 2; i++)
		word_store(&words[2 + t], i);
	if (t)
		word_store(&words[0], 1);
	else
		word_load(&words[0]);
}

static struct check_result search_far(uint32_t max_operations)
{
	const struct check_options options = {
		.mode = CHECK_BY_EXECUTIONS, .max_operations = max_operations,
	};
	const struct check_program program = {
		.nr_threads = 2, .setup = setup_words, .thread = goes_far,
	};
	struct check_result result;

	assert_int_equal(check_run(&program, &options, &result), 0);
	print_message("# at most %u: %llu executions, %llu cut, %.1f MB\n",
		      max_operations, (unsigned long long)result.executions,
		      (unsigned long long)result.cut,
		      (double)result.search_bytes / (1 << 20));
	assert_int_equal(result.nr_failures, 0);
	assert_null(result.stopped);
	assert_int_equal(result.too_long, result.cut);
	assert_int_equal(result.complete, !result.cut);
	return result;
}

/* An execution that is too long is cut; how long that is is the caller's. */
static void test_long_executions(void **state)
{
	static const struct {
		uint32_t most;
		uint64_t executions;
		uint64_t cut;
	} rows[] = {
		{ 0, 0, 1 },
		{ LONG - 1, 0, 1 },
		{ LONG, 2, 0 },
		{ CHECK_MAX_OPERATIONS, 2, 0 },
	};
	const struct check_options wrong = {
		.mode = CHECK_BY_EXECUTIONS,
		.max_operations = CHECK_MAX_OPERATIONS + 1,
	};
	const struct check_program program = {
		.nr_threads = 1, .setup = setup_words, .thread = goes_far,
	};
	struct check_result result;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		result = search_far(rows[i].most);
		assert_int_equal(result.executions, rows[i].executions);
		assert_int_equal(result.cut, rows[i].cut);
		/* what the header says of memory */
		assert_true(result.search_bytes < 2 * LONG * LONG);
		check_result_free(&result);
	}
	assert_int_equal(check_run(&program, &wrong, &result), -1);
	assert_int_equal(errno, EINVAL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formulas),
		cmocka_unit_test(test_threads_fit),
		cmocka_unit_test(test_finish_looks),
		cmocka_unit_test(test_finish_sees_lost_increments),
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_loops_that_lock),
		cmocka_unit_test(test_loops_on_several_words),
		cmocka_unit_test(test_memory_is_bounded),
		cmocka_unit_test(test_states_complete),
		cmocka_unit_test(test_adds_commute),
		cmocka_unit_test(test_long_executions),
	};

	/* one test alone: its name, or a pattern */
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
