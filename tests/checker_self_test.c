// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_self_test.c - every search against brute force, on programs made at
 * random.
 *
 * Environment
 *   CHECKER_SEED      the first program (1)
 *   CHECKER_PROGRAMS  how many (8000; of the slow ones a part)
 *   CHECKER_SHRINK    0: print a program that fails as it was made
 */
#include "../checker/internal.h"
#include "random_program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define BRUTE_FORCE_LIMIT 1000
#define STATES_LIMIT 20000

/* ------ sets of hashes ------ */

struct set {
	uint64_t *at;			/* sorted once it is complete */
	size_t nr;
	size_t room;
};

static void set_add(struct set *set, uint64_t hash)
{
	if (set->nr == set->room) {
		set->room = 2 * set->room + 64;
		set->at = realloc(set->at, set->room * sizeof(*set->at));
		assert_non_null(set->at);
	}
	set->at[set->nr++] = hash;
}

static int hash_order(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void set_sort(struct set *set)
{
	size_t nr = 0;

	if (set->nr)
		qsort(set->at, set->nr, sizeof(*set->at), hash_order);
	for (size_t i = 0; i < set->nr; i++)
		if (!i || set->at[i] != set->at[i - 1])
			set->at[nr++] = set->at[i];
	set->nr = nr;
}

static bool set_equal(const struct set *a, const struct set *b)
{
	return a->nr == b->nr &&
	       (!a->nr || !memcmp(a->at, b->at, a->nr * sizeof(*a->at)));
}

static bool set_within(const struct set *a, const struct set *b)
{
	for (size_t i = 0; i < a->nr; i++)
		if (!b->nr || !bsearch(&a->at[i], b->at, b->nr,
				       sizeof(*b->at), hash_order))
			return false;
	return true;
}

/* ------ what a search found ------ */

struct outcome {
	struct set finals;
	struct set traces;
	struct set failures;		/* of the program's operations */
	struct set waits;		/* deadlocks, lost wake-ups */
	uint64_t executions;
	uint64_t redundant;
	uint64_t cut;
	unsigned int passes;
	bool complete;
	bool has_cycle;
	bool livelock;
	bool use_after_free;
};

static struct outcome *collecting;

static void finish(void *arg)
{
	(void)arg;
	set_add(&collecting->finals, program_final());
	set_add(&collecting->traces, trace_hash());
	program_release();
	if (check_leaks(NULL, NULL))
		check_fail(2, NULL, "leak");
}

static void restarted(void *user)
{
	struct outcome *o = user;

	o->finals.nr = 0;
	o->traces.nr = 0;
}

static void outcome_free(struct outcome *o)
{
	free(o->finals.at);
	free(o->traces.at);
	free(o->failures.at);
	free(o->waits.at);
	memset(o, 0, sizeof(*o));
}

static void search(const struct random_program *p, enum check_mode mode,
		   bool no_reduction, struct outcome *o)
{
	struct check_options options = {
		.mode = mode,
		.no_reduction = no_reduction,
		.max_states = STATES_LIMIT,
		.restarted = restarted,
		.max_executions = mode == CHECK_BY_STATES ? 0 :
			BRUTE_FORCE_LIMIT,
		.user = o,
	};
	struct check_program program = {
		.nr_threads = p->nr_threads,
		.setup = program_setup,
		.thread = program_thread,
		.finish = finish,
		.arg = (void *)(uintptr_t)p,
	};
	struct check_result result;

	memset(o, 0, sizeof(*o));
	collecting = o;
	check_regions_reset();
	assert_int_equal(check_companion(&trace, &trace.used), 0);
	assert_int_equal(check_run(&program, &options, &result), 0);
	for (size_t i = 0; i < result.nr_failures; i++) {
		const struct check_failure *f = &result.failures[i];
		bool waits = f->number == CHECK_DEADLOCK ||
			     f->number == CHECK_LOST_WAKEUP;

		o->use_after_free |= f->number == CHECK_USE_AFTER_FREE;
		if (f->number == CHECK_LIVELOCK)
			o->livelock = true;
		else
			set_add(waits ? &o->waits : &o->failures,
				(uint64_t)f->number << 48 ^
					(uintptr_t)f->where);
	}
	o->executions = result.executions;
	o->redundant = result.redundant;
	o->cut = result.cut;
	o->passes = result.passes;
	o->complete = result.complete;
	o->has_cycle = result.has_cycle;
	set_sort(&o->finals);
	set_sort(&o->traces);
	set_sort(&o->failures);
	set_sort(&o->waits);
	check_result_free(&result);
}

/* ------ comparisons ------ */

/* Return: what differs, or NULL; "" when the program is too large. */
static const char *compare_states(const struct outcome *oracle,
				  const struct outcome *states)
{
	if (!states->complete)
		return "a search by states was cut";
	if (!set_equal(&oracle->finals, &states->finals))
		return "final states of a search by states";
	if (!set_equal(&oracle->waits, &states->waits))
		return "waits of a search by states";
	/* an execution is given up at its first failure, which may hide one */
	if (!states->failures.nr != !oracle->failures.nr)
		return "whether a search by states fails";
	return NULL;
}

static bool has_op(const struct random_program *p, enum op_kind kind)
{
	for (unsigned int t = 0; t < p->nr_threads; t++)
		for (unsigned int i = 0; i < p->nr_ops[t]; i++)
			if (p->ops[t][i].kind == kind)
				return true;
	return false;
}

/* Has it a loop with several operations a turn? */
static bool has_long_spin(const struct random_program *p)
{
	return has_op(p, OP_SPIN_EITHER) || has_op(p, OP_SPIN_BOTH) ||
	       has_op(p, OP_SPIN_LOCK) || has_op(p, OP_SPIN_STORE);
}

/* On a word that somebody waits for additions do not commute. */
static bool adds_may_count(const struct random_program *p)
{
	return has_op(p, OP_ADD) &&
	       (has_op(p, OP_WAIT) || has_op(p, OP_SPIN_FOREVER) ||
		has_long_spin(p));
}

/*
 * To get memory anew is no operation.  Who comes to it after it was freed fails
 * in one execution, and in an equivalent one finds what its new owner left.
 */
static const char *compare_failing(const struct random_program *p,
				   const struct outcome *brute,
				   const struct outcome *reduced)
{
	if (!set_equal(&brute->failures, &reduced->failures))
		return "failures of the search by executions";
	if (!set_within(&reduced->finals, &brute->finals))
		return "final states of the search by executions alone";
	/* a loop that fails before it is learned has turns in vain */
	if (!has_long_spin(p) &&
	    !set_within(&reduced->traces, &brute->traces))
		return "traces of the search by executions alone";
	return NULL;
}

static const char *compare_executions(const struct random_program *p,
				      const struct outcome *brute,
				      const struct outcome *reduced)
{
	if (!reduced->complete)
		return "the search by executions was cut";
	if (brute->use_after_free)
		return compare_failing(p, brute, reduced);
	if (!set_equal(&brute->finals, &reduced->finals))
		return "final states of the search by executions";
	if (!set_equal(&brute->waits, &reduced->waits))
		return "waits of the search by executions";
	if (!set_equal(&brute->failures, &reduced->failures))
		return "failures of the search by executions";
	if (!set_equal(&brute->traces, &reduced->traces))
		return "traces of the search by executions";
	if (adds_may_count(p) ? reduced->executions < brute->traces.nr :
				reduced->executions != brute->traces.nr)
		return "the number of executions";
	/* a turn may turn out to have been in vain */
	if (reduced->redundant && !has_long_spin(p))
		return "a redundant execution";
	return NULL;
}

static uint64_t traces_seen, executions_seen, redundant_seen, restarts_seen;

static const char *compare_by_states(const struct random_program *p,
				     const struct outcome *brute,
				     bool no_reduction)
{
	struct outcome states;
	const char *differs;

	search(p, CHECK_BY_STATES, no_reduction, &states);
	differs = compare_states(brute, &states);
	if (!differs && !set_within(&states.failures, &brute->failures))
		differs = "a failure of a search by states alone";
	outcome_free(&states);
	return differs;
}

/* Of as many operations, if none of them waited or was skipped. */
static double interleavings(const struct random_program *p)
{
	unsigned int done = 0;
	double nr = 1;

	for (unsigned int t = 0; t < p->nr_threads; t++)
		for (unsigned int i = 1; i <= p->nr_ops[t]; i++)
			nr *= (double)++done / i;
	return nr;
}

/* Sub-trees wait one by one, and once more each with all that it can. */
static const char *compare_by_executions(const struct random_program *p,
					 const struct outcome *brute)
{
	const unsigned int few[] = { revisits_few, 0 };
	const char *differs = NULL;

	for (unsigned int i = 0; !differs && i < 2; i++) {
		struct outcome executions;

		revisits_few = few[i];
		search(p, CHECK_BY_EXECUTIONS, false, &executions);
		differs = compare_executions(p, brute, &executions);
		redundant_seen += executions.redundant;
		outcome_free(&executions);
	}
	revisits_few = few[0];
	return differs;
}

static const char *compare_bounded(const struct random_program *p)
{
	struct outcome brute;
	const char *differs = "";

	if (interleavings(p) > 20 * BRUTE_FORCE_LIMIT)
		return differs;
	search(p, CHECK_BRUTE_FORCE, false, &brute);
	if (brute.complete) {
		differs = compare_by_executions(p, &brute);
		traces_seen += brute.traces.nr;
		executions_seen += brute.executions;
		if (!differs)
			differs = compare_by_states(p, &brute, true);
		if (!differs)
			differs = compare_by_states(p, &brute, false);
	}
	outcome_free(&brute);
	return differs;
}

/* With loops without a bound brute force knows of busy loops, too. */
static uint64_t awaits_seen, awaited_traces_seen;

static const char *compare_awaits_brute(const struct random_program *p,
					const struct outcome *executions)
{
	const char *differs = NULL;
	struct outcome brute;

	if (interleavings(p) > 20 * BRUTE_FORCE_LIMIT)
		return NULL;
	search(p, CHECK_BRUTE_FORCE, false, &brute);
	if (brute.complete) {
		differs = compare_executions(p, &brute, executions);
		awaited_traces_seen += brute.traces.nr;
	}
	outcome_free(&brute);
	return differs;
}

/* Busy loops are waits there; what ends, ends in the same states. */
static const char *compare_awaits(const struct random_program *p,
				  const struct outcome *full)
{
	const char *differs = NULL;
	struct outcome executions;

	search(p, CHECK_BY_EXECUTIONS, false, &executions);
	if (executions.cut)
		differs = "a busy loop was unrolled";
	if (executions.complete) {
		awaits_seen++;
		if (!set_equal(&full->finals, &executions.finals))
			differs = "final states of a search with awaits";
		else if (!set_equal(&full->waits, &executions.waits))
			differs = "waits of a search with awaits";
		else if (!full->failures.nr && full->livelock &&
			 !executions.livelock)
			differs = "a livelock a search with awaits misses";
		else if (!full->failures.nr && !full->livelock &&
			 executions.livelock)
			differs = "a livelock of a search with awaits alone";
		else if (!executions.failures.nr != !full->failures.nr)
			differs = "whether a search with awaits fails";
		else
			differs = compare_awaits_brute(p, &executions);
	}
	outcome_free(&executions);
	return differs;
}

static const char *compare_reductions(const struct random_program *p)
{
	struct outcome full, states;
	const char *differs = "";

	search(p, CHECK_BY_STATES, true, &full);
	if (full.complete) {
		search(p, CHECK_BY_STATES, false, &states);
		restarts_seen += states.passes - 1;
		differs = compare_states(&full, &states);
		/* whoever fails leaves others alone */
		if (!differs && !full.failures.nr &&
		    full.livelock != states.livelock)
			differs = "whether there is a livelock";
		if (!differs && !states.livelock &&
		    full.has_cycle != states.has_cycle)
			differs = "whether there is a cycle";
		if (!differs)
			differs = compare_awaits(p, &full);
		outcome_free(&states);
	}
	outcome_free(&full);
	return differs;
}

/* ------ programs ------ */

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

typedef const char *compare_fn(const struct random_program *p);

/* Remove operations as long as the same thing differs. */
static void shrink(struct random_program *p, compare_fn *compare,
		   const char *what)
{
	bool again = true;

	while (again) {
		again = false;
		for (unsigned int t = 0; t < p->nr_threads; t++)
			for (unsigned int i = p->nr_ops[t]; i-- > 0;) {
				struct random_program less = *p;
				struct op *op = &less.ops[t][i];

				memmove(op, op + 1,
					(MAX_OPS - 1 - i) * sizeof(*op));
				less.nr_ops[t]--;
				if (compare(&less) != what)
					continue;
				*p = less;
				again = true;
			}
	}
	while (p->nr_threads > 1 && !p->nr_ops[p->nr_threads - 1])
		p->nr_threads--;
}

static void run_programs(compare_fn *compare, enum flavour flavour)
{
	uint64_t seed = number_from("CHECKER_SEED", 1), skipped = 0;
	uint64_t nr = number_from("CHECKER_PROGRAMS", 8000);

	if (flavour == SPINNING)
		nr = (nr + 19) / 20;
	else if (flavour != PLAIN)
		nr = (nr + 99) / 100;
	for (uint64_t i = 0; i < nr; i++) {
		struct random_program p;
		const char *what;

		random_program(&p, seed + i, flavour);
		what = compare(&p);
		if (!what)
			continue;
		if (!*what) {
			skipped++;
			continue;
		}
		if (number_from("CHECKER_SHRINK", 1))
			shrink(&p, compare, what);
		printf("# CHECKER_SEED=%llu CHECKER_PROGRAMS=1: %s\n",
		       (unsigned long long)(seed + i), what);
		program_print(&p);
		fail_msg("the searches differ: %s", what);
	}
	print_message("# %llu programs, %llu more were too large\n",
		      (unsigned long long)(nr - skipped),
		      (unsigned long long)skipped);
	/* a generator that makes nothing useful proves nothing */
	assert_true(nr < 100 || skipped < nr * 2 / 3);
}

/* Programs that the search by executions might get wrong, or once did. */
static const struct {
	uint8_t program, thread, kind, a, v, n;
} regressions[] = {
	/* nobody can ever move */
	{ 0, 0, OP_PARK, 0, 0, 0 },
	/* the wait could go ahead of the last but one that it races with */
	{ 1, 0, OP_STORE, 0, 1, 0 },
	{ 1, 0, OP_WAIT, 0, 0, 0 },
	{ 1, 1, OP_STORE, 0, 1, 0 },
	{ 1, 1, OP_STORE, 0, 0, 0 },
	{ 1, 1, OP_LOAD, 0, 0, 0 },
	/* the writer can go ahead of both readers, but not between them */
	{ 2, 0, OP_DOWN_READ, 0, 0, 0 },
	{ 2, 0, OP_STORE, 0, 1, 0 },
	{ 2, 0, OP_WAIT, 1, 0, 0 },
	{ 2, 0, OP_UP_READ, 0, 0, 0 },
	{ 2, 1, OP_WAIT, 0, 0, 0 },
	{ 2, 1, OP_DOWN_READ, 0, 0, 0 },
	{ 2, 1, OP_STORE, 1, 1, 0 },
	{ 2, 1, OP_UP_READ, 0, 0, 0 },
	{ 2, 2, OP_DOWN_WRITE, 0, 0, 0 },
	{ 2, 2, OP_UP_WRITE, 0, 0, 0 },
	/* one trace was run twice */
	{ 3, 0, OP_STORE, 0, 0, 0 },
	{ 3, 0, OP_LOAD, 0, 0, 0 },
	{ 3, 1, OP_STORE, 0, 2, 0 },
	{ 3, 1, OP_LOAD, 0, 0, 0 },
	{ 3, 1, OP_WAIT, 0, 0, 0 },
	/* to store again what somebody takes away is not in vain */
	{ 4, 0, OP_SPIN_STORE, 0, 1, 1 },
	{ 4, 1, OP_SPIN_FOREVER, 1, 1, 0 },
	{ 4, 1, OP_STORE, 1, 0, 0 },
	{ 4, 1, OP_SPIN_FOREVER, 1, 1, 0 },
	{ 4, 1, OP_STORE, 1, 0, 0 },
	{ 4, 1, OP_SPIN_FOREVER, 1, 1, 0 },
	{ 4, 1, OP_STORE, 0, 1, 0 },
	/* what a thread has read in its turn may have changed meanwhile */
	{ 5, 0, OP_SPIN_EITHER, 0, 2, 2 },
	{ 5, 1, OP_STORE, 0, 1, 0 },
	{ 5, 2, OP_STORE, 0, 2, 0 },
};

#define NR_REGRESSIONS (sizeof(regressions) / sizeof(regressions[0]))

static void test_regressions(void **state)
{
	(void)state;
	for (size_t i = 0, next; i < NR_REGRESSIONS; i = next) {
		struct random_program p = { .nr_threads = 3, .soft = true };
		const char *what;

		for (next = i; next < NR_REGRESSIONS &&
		     regressions[next].program == regressions[i].program;
		     next++) {
			unsigned int t = regressions[next].thread;

			p.ops[t][p.nr_ops[t]++] = (struct op){
				.kind = regressions[next].kind,
				.a = regressions[next].a,
				.v = regressions[next].v,
				.n = regressions[next].n,
			};
		}
		what = has_long_spin(&p) ? compare_reductions(&p) :
					   compare_bounded(&p);
		if (!what)
			continue;
		program_print(&p);
		fail_msg("the searches differ: %s", what);
	}
}

static void test_bounded(void **state)
{
	(void)state;
	run_programs(compare_bounded, PLAIN);
	print_message("# %llu interleavings, %llu traces, %llu redundant\n",
		      (unsigned long long)executions_seen,
		      (unsigned long long)traces_seen,
		      (unsigned long long)redundant_seen);
}

static void compare_flavour(enum flavour flavour)
{
	awaits_seen = awaited_traces_seen = 0;
	run_programs(compare_reductions, flavour);
	print_message("# %llu by executions, too, %llu traces\n",
		      (unsigned long long)awaits_seen,
		      (unsigned long long)awaited_traces_seen);
	assert_true(awaits_seen || getenv("CHECKER_PROGRAMS"));
}

static void test_endless(void **state)
{
	(void)state;
	compare_flavour(ENDLESS);
}

static void test_spinning(void **state)
{
	(void)state;
	compare_flavour(SPINNING);
}

static void test_rare(void **state)
{
	(void)state;
	restarts_seen = 0;
	run_programs(compare_reductions, RARE);
	print_message("# %llu new beginnings\n",
		      (unsigned long long)restarts_seen);
	/* else nothing of what this test is for has happened */
	assert_true(restarts_seen || getenv("CHECKER_PROGRAMS"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_regressions),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_spinning),
		cmocka_unit_test(test_rare),
	};

	/* one test alone: its name, or a pattern */
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
