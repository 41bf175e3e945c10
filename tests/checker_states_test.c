// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_states_test.c - the search by states: what it stores, where it
 * stops, livelocks, programs that do not repeat themselves.
 */
#include "../checker/edges.h"
#include "../checker/states.h"
#include "random_program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define AT(n) ((const void *)(uintptr_t)(0x1000 + (n)))
#define MINE 7				/* the number of an assertion */
#define PROGRAMS 300

struct memory {
	uint64_t x, y, z, u;
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

static struct check_result search(void (*thread)(void *, unsigned int),
				  unsigned int nr_threads)
{
	struct check_options options = { .mode = CHECK_BY_STATES };

	return search_with(thread, nr_threads, &options);
}

/* ------ the set of states against a list of them ------ */

#define VECTORS 3000
#define SLOTS 40

struct vector {
	uint32_t value[SLOTS];
};

static uint32_t number_in(const struct vector *all, uint32_t nr,
			  const struct vector *wanted)
{
	uint32_t i = 0;

	while (i < nr && memcmp(&all[i], wanted, sizeof(*wanted)))
		i++;
	return i;
}

/*
 * Few values, so that vectors come again; slots are used from the first on,
 * so that the tree grows.  Values of one slot differ in length, too.
 */
static void change(struct vector *v, unsigned int step, struct exact *exact)
{
	unsigned int slots = 1 + step * SLOTS / VECTORS;

	for (int i = 0; i < 3; i++) {
		uint32_t slot = (uint32_t)rand() % slots;
		uint32_t bytes[4] = { (uint32_t)rand() % 3, 0, 0, 0 };
		size_t nr = 4 * (size_t)(1 + rand() % 2);

		v->value[slot] = 1 + bytes[0] + 3 * (uint32_t)nr;
		assert_true(exact_set(exact, slot, bytes, nr));
	}
}

static void run_vectors(void)
{
	struct vector *all = calloc(VECTORS, sizeof(*all)), now = { { 0 } };
	struct exact exact = { .most = 0 };
	uint32_t nr = 0;

	srand(1);
	for (unsigned int i = 0; i < VECTORS; i++) {
		uint32_t expected;
		bool is_new;

		change(&now, i, &exact);
		expected = number_in(all, nr, &now);
		assert_int_equal(exact_insert(&exact, &is_new), expected);
		assert_int_equal(is_new, expected == nr);
		if (is_new)
			all[nr++] = now;
	}
	assert_true(nr < VECTORS);
	assert_true(nr > VECTORS / 2);
	exact_free(&exact);
	free(all);
}

static void test_exact_set(void **state)
{
	(void)state;
	run_vectors();
	/* hashes are equal all the time: the bytes decide */
	states_hash_bits = 2;
	run_vectors();
	states_hash_bits = 128;
}

static void test_edges(void **state)
{
	static const struct edge steps[] = {
		{ EDGE_END, 0, 30, 0, 0 },
		{ 0, 1, 0, 0, EDGE_PROGRESS },
		{ 5, 127, 1, 0, 0 },
		{ 7, 128, 2, 254, EDGE_CHOSE },
		{ 4000000000u, 32768, 3, 0, EDGE_CHOSE | EDGE_PROGRESS },
		{ 6, UINT32_MAX, 4, 0, 0 },
	};
	const size_t nr = sizeof(steps) / sizeof(steps[0]);
	struct edges edges = { 0 };

	(void)state;
	/* 9 is open while 5 is added and closed */
	for (size_t i = 0; i < nr; i++) {
		size_t begin;

		assert_int_equal(edges_add(&edges, 9, steps[i]), 0);
		begin = edges.open_used;
		assert_int_equal(edges_add(&edges, 5, steps[nr - 1 - i]), 0);
		assert_int_equal(edges_close(&edges, 5, begin), 0);
	}
	assert_int_equal(edges_close(&edges, 9, 0), 0);
	for (uint32_t s = 5; s <= 9; s += 4) {
		const uint8_t *at = edges_from(&edges, s);

		for (size_t i = s == 5 ? nr : 0; at; i++) {
			const struct edge *e = &steps[s == 5 ? 0 : i];
			struct edge edge;

			at = edges_next(at, s, &edge);
			assert_int_equal(edge.to, e->to);
			assert_int_equal(edge.operations, e->operations);
			assert_int_equal(edge.thread, e->thread);
			assert_int_equal(edge.choice, e->choice);
			assert_int_equal(edge.flags, e->flags);
			assert_true(at || i == (s == 5 ? nr : nr - 1));
		}
	}
	assert_null(edges_from(&edges, 6));
	assert_null(edges_from(&edges, 100000));
	edges_free(&edges);
}

/* ------ exact and by hashes ------ */

static uint64_t finals;			/* a sum over the final states */

static void fails_on_leaks(void *arg)
{
	(void)arg;
	finals += program_final();
	program_release();
	if (check_leaks(NULL, NULL))
		check_fail(MINE, NULL, "leak");
}

/*
 * Nobody asks for the trace here, and to note it leaves bytes on the stack that
 * differ without meaning: the number of states would depend on them.
 */
static void setup_without_trace(void *arg)
{
	program_setup(arg);
	trace.nr = MAX_TRACE;
}

static struct check_result search_program(const struct random_program *p,
					  bool exact)
{
	struct check_options options = { .exact = exact, .max_states = 5000 };
	struct check_program program = {
		.nr_threads = p->nr_threads,
		.setup = setup_without_trace,
		.thread = program_thread,
		.finish = fails_on_leaks,
		.arg = (void *)(uintptr_t)p,
	};
	struct check_result result;

	finals = 0;
	assert_int_equal(check_run(&program, &options, &result), 0);
	return result;
}

static void expect_equal(const struct check_result *a,
			 const struct check_result *b)
{
	assert_int_equal(a->states, b->states);
	assert_int_equal(a->steps, b->steps);
	assert_int_equal(a->executions, b->executions);
	assert_int_equal(a->complete, b->complete);
	assert_int_equal(a->has_cycle, b->has_cycle);
	assert_int_equal(a->nr_failures, b->nr_failures);
	for (size_t i = 0; i < a->nr_failures; i++) {
		assert_int_equal(a->failures[i].number, b->failures[i].number);
		assert_ptr_equal(a->failures[i].where, b->failures[i].where);
		assert_string_equal(a->failures[i].text, b->failures[i].text);
	}
}

static void compare_exact(enum flavour flavour, uint64_t programs)
{
	uint64_t complete = 0, sum;

	/* for those who want to see it */
	(void)program_print;
	(void)trace_hash;
	for (uint64_t seed = 1; seed <= programs; seed++) {
		struct check_result hashed, exact;
		struct random_program p;

		random_program(&p, seed, flavour);
		hashed = search_program(&p, false);
		sum = finals;
		exact = search_program(&p, true);
		assert_true(finals == sum);
		expect_equal(&hashed, &exact);
		assert_true(exact.collision == 0);
		assert_true(hashed.collision < 1e-30);
		complete += exact.complete;
		/* all of them are as deterministic as a program can be */
		for (size_t i = 0; i < exact.nr_failures; i++)
			assert_int_not_equal(exact.failures[i].number,
					     CHECK_NONDETERMINISM);
		check_result_free(&hashed);
		check_result_free(&exact);
	}
	assert_true(complete > programs / 2);
}

static void test_exact_programs(void **state)
{
	(void)state;
	compare_exact(PLAIN, PROGRAMS);
	compare_exact(ENDLESS, PROGRAMS / 3);
}

/* Each remembers what it saw. */
static void mixes(void *arg, unsigned int t)
{
	uint64_t sum = 0;

	(void)arg;
	for (int i = 0; i < 2; i++)
		sum = 3 * sum + word_fetch_add(&m->x, t + 1);
	word_store(&m->y, sum);
}

/* When hashes say little, only the bytes tell states from each other. */
static void test_weak_hashes(void **state)
{
	struct check_options exactly = { .exact = true };
	struct check_result right = search(mixes, 3), exact, hashed;

	(void)state;
	assert_true(right.states > 500);
	states_hash_bits = 8;
	exact = search_with(mixes, 3, &exactly);
	hashed = search(mixes, 3);
	states_hash_bits = 128;
	expect_equal(&right, &exact);
	assert_true(exact.collision == 0);
	assert_true(hashed.states <= 256);
	assert_true(hashed.collision == 1);
	check_result_free(&right);
	check_result_free(&exact);
	check_result_free(&hashed);
}

static void test_bytes_per_state(void **state)
{
	struct check_options exactly = { .exact = true };
	struct check_result hashed = search(mixes, 3);
	struct check_result exact = search_with(mixes, 3, &exactly);

	(void)state;
	print_message("# %llu states of %llu bytes: %.1f by hashes, %.1f exactly\n",
		      (unsigned long long)exact.states,
		      (unsigned long long)exact.state_bytes,
		      hashed.bytes_per_state, exact.bytes_per_state);
	/* the hash alone has 16 */
	assert_true(hashed.bytes_per_state > 16);
	assert_true(hashed.bytes_per_state < 100);
	assert_true(exact.bytes_per_state < 200);
	assert_true(exact.state_bytes > 1000);
	check_result_free(&hashed);
	check_result_free(&exact);
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

/* All searches that are complete. */
static const struct check_options exhaustive[] = {
	{ .mode = CHECK_BRUTE_FORCE },
	{ .mode = CHECK_BY_STATES, .no_reduction = true },
	{ .mode = CHECK_BY_STATES },
	{ .mode = CHECK_BY_EXECUTIONS },
	{ .mode = CHECK_PREEMPTIONS, .preemptions = 99 },
};

#define SEARCHES (sizeof(exhaustive) / sizeof(exhaustive[0]))

static void expect_as_brute_force(void (*thread)(void *, unsigned int),
				  unsigned int number)
{
	for (size_t i = 0; i < SEARCHES; i++) {
		struct check_result result = search_with(thread, 2,
							 &exhaustive[i]);

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

/*
 * Threads that use a lock, and others that look at it without waiting: a look
 * for writing sees readers, too, as readers commute.
 */
enum lock_use {
	WRITES,
	READS,
	LOOKS,
	LOOKS_WELL,
	LOCK_USES,
};

#define MOST_USES 3
#define MOST_SEEN 1024

static struct {
	unsigned int nr_threads;
	unsigned int nr_uses[3];
	enum lock_use uses[3][MOST_USES];
} lookers;

static struct {
	uint64_t at[MOST_SEEN];
	size_t nr;
} seen[SEARCHES], *seeing;

static uint64_t use_lock(enum lock_use use)
{
	uint64_t value = 0;

	switch (use) {
	case WRITES:
		check_down_write(m->lock, AT(1));
		value = m->x++;
		check_up_write(m->lock, AT(2));
		break;
	case READS:
		check_down_read(m->lock, AT(3));
		value = m->x;
		check_up_read(m->lock, AT(4));
		break;
	case LOOKS:
		check_op(m->lock, CHECK_READ);
		value = m->lock->writer;
		break;
	default:
		check_op(m->lock, CHECK_WRITE);
		value = m->lock->writer + 8 * m->lock->readers;
	}
	return value;
}

static void uses_lock(void *arg, unsigned int t)
{
	uint64_t sum = 0, *words = &m->y;

	(void)arg;
	for (unsigned int i = 0; i < lookers.nr_uses[t]; i++)
		sum = 100 * sum + use_lock(lookers.uses[t][i]);
	/* nobody else's word */
	words[t] = sum;
}

static void setup_lookers(void *arg)
{
	setup(arg);
	check_rwsem_init(m->lock, "lock");
}

static void note_seen(void *arg)
{
	const uint64_t *words = &m->y;
	uint64_t sum = 0;
	size_t i = 0;

	(void)arg;
	if (!check_searching())
		return;
	for (unsigned int t = 0; t < lookers.nr_threads; t++)
		sum = (sum ^ words[t]) * 0x9e3779b97f4a7c15u + 1;
	while (i < seeing->nr && seeing->at[i] != sum)
		i++;
	assert_true(i < MOST_SEEN);
	seeing->at[i] = sum;
	if (i == seeing->nr)
		seeing->nr++;
}

static void forget_seen(void *user)
{
	(void)user;
	seeing->nr = 0;
}

static void search_lookers(size_t how)
{
	struct check_options options = exhaustive[how];
	struct check_program program = {
		.nr_threads = lookers.nr_threads, .setup = setup_lookers,
		.thread = uses_lock, .finish = note_seen,
	};
	struct check_result result;

	options.restarted = forget_seen;
	seeing = &seen[how];
	seeing->nr = 0;
	assert_int_equal(check_run(&program, &options, &result), 0);
	assert_true(result.complete);
	assert_int_equal(result.nr_failures, 0);
	check_result_free(&result);
}

static void compare_seen(size_t how)
{
	assert_int_equal(seen[how].nr, seen[0].nr);
	for (size_t i = 0; i < seen[0].nr; i++) {
		size_t k = 0;

		while (k < seen[how].nr && seen[how].at[k] != seen[0].at[i])
			k++;
		assert_true(k < seen[how].nr);
	}
}

static void test_lookers(void **state)
{
	size_t nr = 0;

	(void)state;
	srand(1);
	for (int n = 0; n < 400; n++) {
		lookers.nr_threads = 2 + (unsigned int)n % 2;
		for (unsigned int t = 0; t < lookers.nr_threads; t++) {
			unsigned int most = lookers.nr_threads == 2 ?
				MOST_USES : 1 + (t == 0);

			lookers.nr_uses[t] = 1 + (unsigned int)rand() % most;
			for (unsigned int i = 0; i < MOST_USES; i++)
				lookers.uses[t][i] = (enum lock_use)
					((unsigned int)rand() % LOCK_USES);
		}
		for (size_t how = 0; how < SEARCHES; how++) {
			search_lookers(how);
			compare_seen(how);
		}
		nr += seen[0].nr;
	}
	print_message("# %zu final states\n", nr);
	assert_true(nr > 1000);
}

/* ------ what is a part of the state ------ */

static uint64_t follower[2];		/* threads count in it what they do */
static const size_t follower_bytes = sizeof(follower);

static void counts_in_follower(void *arg, unsigned int t)
{
	(void)arg;
	for (int i = 0; i < 2; i++) {
		word_store(&m->x, t);
		follower[word_load(&m->x)]++;
	}
}

static void restores_follower(void *arg)
{
	(void)arg;
	if (follower[0] + follower[1] != 4)
		check_fail(MINE, NULL, "not as it was");
}

static void clear_follower(void *arg)
{
	memset(follower, 0, sizeof(follower));
	setup(arg);
}

static uint64_t states_with_follower(int (*have)(void *, const size_t *),
				     void (*finish)(void *), bool exact)
{
	struct check_options options = { .exact = exact };
	struct check_program program = {
		.nr_threads = 2, .setup = clear_follower,
		.thread = counts_in_follower, .finish = finish,
	};
	struct check_result result;
	uint64_t states;

	check_regions_reset();
	if (have)
		assert_int_equal(have(follower, &follower_bytes), 0);
	assert_int_equal(check_run(&program, &options, &result), 0);
	assert_true(result.complete);
	assert_int_equal(result.nr_failures, 0);
	states = result.states;
	check_result_free(&result);
	check_regions_reset();
	return states;
}

/* A region makes states different and is restored, a companion neither. */
static void test_companions(void **state)
{
	(void)state;
	for (int exact = 0; exact < 2; exact++) {
		uint64_t without = states_with_follower(NULL, NULL, exact);
		uint64_t companion =
			states_with_follower(check_companion, NULL, exact);
		uint64_t region = states_with_follower(check_region,
						       restores_follower,
						       exact);

		print_message("# %llu states, %llu with a region\n",
			      (unsigned long long)without,
			      (unsigned long long)region);
		assert_int_equal(companion, without);
		assert_true(region > without);
	}
}

/* ------ limits and interrupts ------ */

static void test_limit_on_states(void **state)
{
	struct check_result all = search(mixes, 3);

	(void)state;
	assert_true(all.complete);
	for (int exact = 0; exact < 2; exact++)
		for (uint64_t most = 1; most <= all.states + 1;
		     most += most < 4 ? 1 : all.states / 8) {
			struct check_options options = {
				.max_states = most, .exact = exact,
			};
			struct check_result result =
				search_with(mixes, 3, &options);
			bool enough = most >= all.states;

			assert_int_equal(result.states,
					 enough ? all.states : most);
			assert_int_equal(result.complete, enough);
			assert_int_equal(!result.stopped, enough);
			check_result_free(&result);
		}
	for (uint64_t most = all.states - 1; most <= all.states; most++) {
		struct check_options options = { .max_states = most };
		struct check_result result = search_with(mixes, 3, &options);

		assert_int_equal(result.states, most);
		assert_int_equal(result.complete, most == all.states);
		check_result_free(&result);
	}
	check_result_free(&all);
}

struct patience {
	unsigned int asked;
	unsigned int limit;
};

static bool out_of_patience(void *user)
{
	struct patience *p = user;

	return ++p->asked == p->limit;
}

/* Two threads undo each other; a third has a lot of states. */
static void undoes_and_mixes(void *arg, unsigned int t)
{
	if (t == 2) {
		mixes(arg, t);
		return;
	}
	do
		word_store(&m->z, t + 1);
	while (word_load(&m->z) != t + 1);
}

static void sum_is_wrong(void *arg)
{
	(void)arg;
	if (m->y)
		check_fail(MINE, AT(1), "always");
}

/*
 * Interrupt a search the first, second ... time that it asks: wherever it is
 * then, it ends there and does not call itself complete.
 * Return: how often it asks until its end.
 */
static unsigned int interrupt_everywhere(void (*thread)(void *, unsigned int),
					 void (*finish)(void *))
{
	struct check_program program = {
		.nr_threads = 3, .setup = setup, .thread = thread,
		.finish = finish,
	};

	for (unsigned int limit = 1;; limit++) {
		struct patience patience = { 0, limit };
		struct check_options options = {
			.interrupted = out_of_patience, .user = &patience,
		};
		struct check_result result;
		bool complete;

		assert_int_equal(check_run(&program, &options, &result), 0);
		complete = result.complete;
		if (!complete)
			assert_string_equal(result.stopped, "a signal");
		assert_int_equal(complete, patience.asked < limit);
		/* it was the last question */
		assert_in_range(patience.asked, limit - 1, limit);
		check_result_free(&result);
		if (complete)
			return patience.asked;
	}
}

static void test_interrupts(void **state)
{
	unsigned int plain = interrupt_everywhere(mixes, NULL);
	unsigned int failing = interrupt_everywhere(mixes, sum_is_wrong);
	unsigned int round = interrupt_everywhere(undoes_and_mixes, NULL);

	(void)state;
	print_message("# asks %u times, %u with a failure, %u with a round\n",
		      plain, failing, round);
	/* so it asks while it learns, */
	assert_true(plain > 20);
	/* and while it looks for the fewest switches */
	assert_true(failing > plain);
}

/* ------ livelocks ------ */

static void spins_on(const uint64_t *word)
{
	while (!word_load(word))
		;
}

/* Nobody sets it. */
static void one_spins(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0)
		spins_on(&m->x);
}

/* Each sets the other's flag, but only once it has its own. */
static void two_wait(void *arg, unsigned int t)
{
	(void)arg;
	spins_on(t ? &m->y : &m->x);
	word_store(t ? &m->x : &m->y, 1);
}

static void three_wait(void *arg, unsigned int t)
{
	uint64_t *flags = &m->x;

	(void)arg;
	spins_on(&flags[t]);
	word_store(&flags[(t + 1) % 3], 1);
}

static void has_writer(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0)
		word_store(&m->x, 1);
	else
		spins_on(&m->x);
}

/* Two take turns to undo each other; t2 may stop them, or has no say. */
static void undo(uint64_t *word, unsigned int t)
{
	do
		word_store(word, t + 1);
	while (!word_load(&m->y));
}

static void undo_for_ever(void *arg, unsigned int t)
{
	(void)arg;
	if (t < 2)
		undo(&m->x, t);
}

static void undo_until_told(void *arg, unsigned int t)
{
	(void)arg;
	if (t < 2)
		undo(&m->x, t);
	else
		word_store(&m->y, 1);
}

/* Each wants to read back what it wrote: a fair scheduler lets one through. */
static void undo_until_luck(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 2)
		return;
	do
		word_store(&m->x, t + 1);
	while (word_load(&m->x) != t + 1);
}

/* It never ends, but something gets done all the time. */
static void serves(void *arg, unsigned int t)
{
	(void)arg;
	for (;;) {
		word_store(&m->x, t);
		check_progress();
	}
}

/* Whoever would have set the flag was cut short. */
static void waits_for_cut(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0) {
		spins_on(&m->x);
		return;
	}
	if (word_load(&m->y) == 0)
		check_cut();
}

/* A way out by a choice, that not everybody has. */
static void chooses(void *arg, unsigned int t)
{
	(void)arg;
	while (check_choose(2) == t / 2)
		word_load(&m->x);
}

struct loop {
	const char *name;
	void (*thread)(void *arg, unsigned int t);
	unsigned int nr_threads;
	const char *who;		/* goes on for ever; NULL: nobody */
	bool has_cycle;
	bool cut;
};

static const struct loop loops[] = {
	{ "one spins", one_spins, 2,
	  "CPU0 repeats ", false, false },
	{ "two wait", two_wait, 2,
	  "CPU0 and CPU1 go on for ever", false, false },
	{ "three wait", three_wait, 3,
	  "CPU0, CPU1 and CPU2 go on for ever", false, false },
	{ "a writer", has_writer, 2, NULL, false, false },
	{ "two writers too few", has_writer, 3, NULL, false, false },
	{ "undo for ever", undo_for_ever, 3,
	  "CPU0 and CPU1 go on for ever", true, false },
	{ "undo until told", undo_until_told, 3, NULL, true, false },
	{ "undo until luck", undo_until_luck, 3, NULL, true, false },
	{ "serves", serves, 2, NULL, false, false },
	{ "waits for one that was cut", waits_for_cut, 2, NULL, false, true },
	{ "chooses", chooses, 2, NULL, false, false },
};

/* Go round thrice: the program has to follow. */
static void follow_rounds(const struct loop *loop,
			  const struct check_failure *failure)
{
	struct check_program program = {
		.nr_threads = loop->nr_threads, .setup = setup,
		.thread = loop->thread,
	};

	assert_int_equal(check_replay(&program, &failure->schedule, NULL), 0);
}

/* How many operations a round has is the compiler's affair. */
static void expect_for_ever(const struct check_failure *failure,
			    const char *who)
{
	const char *end = strstr(who, "repeats") ?
		"for ever though nobody else changes anything" :
		": nobody is left to end it";
	size_t length = strlen(failure->text);

	print_message("# %s\n", failure->text);
	assert_int_equal(failure->number, CHECK_LIVELOCK);
	assert_memory_equal(failure->text, who, strlen(who));
	assert_true(length >= strlen(who) + strlen(end));
	assert_string_equal(failure->text + length - strlen(end), end);
}

static void run_loop(const struct loop *loop,
		     const struct check_options *options)
{
	struct check_result result =
		search_with(loop->thread, loop->nr_threads, options);

	assert_int_equal(result.complete, !loop->cut);
	assert_int_equal(result.nr_failures, loop->who != NULL);
	if (loop->who) {
		expect_for_ever(&result.failures[0], loop->who);
		follow_rounds(loop, &result.failures[0]);
	}
	assert_int_equal(result.has_cycle, loop->has_cycle);
	check_result_free(&result);
}

static void test_livelocks(void **state)
{
	static const struct check_options options[] = {
		{ .mode = CHECK_BY_STATES },
		{ .mode = CHECK_BY_STATES, .exact = true },
		{ .mode = CHECK_BY_STATES, .no_reduction = true },
		{ .mode = CHECK_PREEMPTIONS, .preemptions = 99 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++)
		for (size_t o = 0; o < sizeof(options) / sizeof(options[0]);
		     o++) {
			print_message("# %s, %zu\n", loops[i].name, o);
			run_loop(&loops[i], &options[o]);
		}
}

/* A client may want more: nobody goes round alone, though others could help. */
static void test_lone_cycles_fail(void **state)
{
	struct check_options options = { .lone_cycles_fail = true };
	struct check_result result = search_with(has_writer, 2, &options);

	(void)state;
	assert_int_equal(result.nr_failures, 1);
	expect_for_ever(&result.failures[0], "CPU1 repeats ");
	check_result_free(&result);
	result = search_with(undo_until_luck, 2, &options);
	assert_int_equal(result.nr_failures, 0);
	assert_true(result.has_cycle);
	check_result_free(&result);
}

/* ------ programs that do not repeat themselves ------ */

static uint64_t outside;

static void counts_outside(void *arg, unsigned int t)
{
	(void)arg;
	word_store(&m->x, t);
	if (t == 1)
		word_store(&m->y, ++outside);
}

/* Only where it goes next depends on what is outside. */
static void branches_outside(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0) {
		word_store(&m->x, 1);
		return;
	}
	word_load(&m->x);
	if (outside++ % 2)
		word_load(&m->y);
}

/* What it got goes nowhere but to its stack, and is used a step later. */
static void remembers_outside(void *arg, unsigned int t)
{
	uint64_t mine = 0;

	(void)arg;
	word_store(&m->x, t);
	if (t == 1)
		mine = outside++;
	word_store(&m->x, t + 2);
	if (t == 1)
		word_store(&m->y, mine);
}

static void rolls_dice(void *arg, unsigned int t)
{
	(void)arg;
	word_store(&m->x, t);
	if (t == 1)
		word_store(&m->y, (uint64_t)rand());
}

static void asks_the_time(void *arg, unsigned int t)
{
	struct timespec now;

	(void)arg;
	word_store(&m->x, t);
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (t == 1)
		word_store(&m->y, (uint64_t)now.tv_nsec);
}

static void *kept[100000];
static size_t nr_kept;

/* Memory that is never given back has a new address each time. */
static void compares_addresses(void *arg, unsigned int t)
{
	(void)arg;
	word_store(&m->x, t);
	if (t == 1 && nr_kept < sizeof(kept) / sizeof(kept[0])) {
		kept[nr_kept] = malloc(64);
		word_store(&m->y, (uintptr_t)kept[nr_kept++]);
	}
}

/* Before its first operation. */
static void begins_elsewhere(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 1)
		m->z = ++outside;
	word_store(&m->x, t);
}

static void fails_at_times(void *arg, unsigned int t)
{
	(void)arg;
	word_store(&m->x, t);
	if (t == 1 && outside++ % 2)
		check_fail(MINE, AT(1), "now and then");
}

static void expect_nondeterminism(const char *name, const char *who,
				  void (*thread)(void *, unsigned int),
				  void (*setup_once)(void *))
{
	/* without and with reduction, in either search by states */
	for (int how = 0; how < 4; how++) {
		struct check_options options = {
			.no_reduction = how % 2,
			.mode = how < 2 ? CHECK_BY_STATES : CHECK_PREEMPTIONS,
			.preemptions = 2,
		};
		struct check_program program = {
			.nr_threads = 2, .setup = setup_once,
			.thread = thread,
		};
		const struct check_failure *failure = NULL;
		struct check_result result;
		char text[64];

		print_message("# %s\n", name);
		assert_int_equal(check_run(&program, &options, &result), 0);
		assert_false(result.complete);
		for (size_t i = 0; i < result.nr_failures; i++)
			if (result.failures[i].number == CHECK_NONDETERMINISM)
				failure = &result.failures[i];
		assert_non_null(failure);
		snprintf(text, sizeof(text),
			 "%s did not do again what it did before: ", who);
		assert_memory_equal(failure->text, text, strlen(text));
		if (thread == counts_outside)
			assert_non_null(failure->where);
		check_result_free(&result);
	}
}

static void setup_elsewhere(void *arg)
{
	setup(arg);
	m->x = ++outside;
}

static void test_nondeterminism(void **state)
{
	static const struct {
		const char *name;
		void (*thread)(void *, unsigned int);
	} programs[] = {
		{ "a static variable", counts_outside },
		{ "a branch", branches_outside },
		{ "a local variable", remembers_outside },
		{ "rand()", rolls_dice },
		{ "time", asks_the_time },
		{ "an address of malloc()", compares_addresses },
		{ "the beginning", begins_elsewhere },
		{ "a failure", fails_at_times },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		expect_nondeterminism(programs[i].name, "CPU1",
				      programs[i].thread, setup);
	expect_nondeterminism("the set-up", "the set-up", mixes,
			      setup_elsewhere);
	while (nr_kept)
		free(kept[--nr_kept]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact_set),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_exact_programs),
		cmocka_unit_test(test_weak_hashes),
		cmocka_unit_test(test_bytes_per_state),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_lookers),
		cmocka_unit_test(test_companions),
		cmocka_unit_test(test_limit_on_states),
		cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_livelocks),
		cmocka_unit_test(test_lone_cycles_fail),
		cmocka_unit_test(test_nondeterminism),
	};

	/* one test alone: its name, or a pattern */
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
