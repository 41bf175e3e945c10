// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_estimate_test.c - how many executions are left: on trees whose size
 * is known, and on the programs of bench/dpor.
 */
#include "../bench/dpor/dpor.h"
#include "../checker/probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ------ trees that are known ------ */

/* A node is a number that decides all below it; budget: nodes there. */
struct node {
	uint64_t seed;
	uint32_t budget;
	uint16_t depth;
};

struct pool {
	struct node *nodes;
	size_t nr;
	size_t room;
};

static uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= 0x9e3779b97f4a7c15u;
	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	return x ^ x >> 32;
}

static void push(struct pool *pool, struct node node)
{
	if (pool->nr == pool->room) {
		pool->room = 2 * pool->room + 64;
		pool->nodes = realloc(pool->nodes,
				      pool->room * sizeof(*pool->nodes));
		assert_non_null(pool->nodes);
	}
	pool->nodes[pool->nr++] = node;
}

/* Up to four children; one may have nearly all of what is left. */
static void push_children(struct pool *pool, struct node node)
{
	uint32_t left = node.budget - 1;

	for (unsigned int i = 0; left; i++) {
		uint64_t random = mix(node.seed + i);
		uint32_t budget = i == 3 ? left :
			1 + (uint32_t)(random % left);

		push(pool, (struct node){ random, budget,
					  (uint16_t)(node.depth + 1) });
		left -= budget;
	}
}

/*
 * Looks say how large a node is to a factor of `blur`, so a stratum is of
 * nodes that differ.
 */
static struct look look_of(const struct node *node, uint32_t blur)
{
	struct look look = { .depth = node->depth };

	for (uint32_t budget = node->budget; budget; budget /= blur)
		look.size++;
	return look;
}

static double probe_once(struct probe *probe, struct node root, uint32_t blur,
			 struct estimate *e)
{
	struct pool pool = { 0 };
	struct look look = look_of(&root, blur);
	double left;
	size_t at;

	push(&pool, root);
	estimate_clear(e);
	probe_begin(probe, 0);
	probe_found(probe, &look, 0);
	while (probe_next(probe, &at)) {
		size_t before = pool.nr;

		push_children(&pool, pool.nodes[at]);
		for (size_t i = before; i < pool.nr; i++) {
			look = look_of(&pool.nodes[i], blur);
			probe_found(probe, &look, i);
		}
	}
	left = probe_left(probe);
	probe_end(probe, e, probe->cost);
	assert_true(e->nr_probes == 1);
	free(pool.nodes);
	return left;
}

/* The mean of many probes is the size, whatever strata have in common. */
static void test_no_bias(void **state)
{
	static const uint32_t blurs[] = { 2, 10, 1000 };
	enum { PROBES = 4000, NODES = 5000 };

	(void)state;
	for (size_t b = 0; b < sizeof(blurs) / sizeof(blurs[0]); b++) {
		struct estimate e = { 0 };
		struct probe probe = { 0 };
		double sum = 0, cost = 0;

		for (unsigned int i = 0; i < PROBES; i++) {
			struct node root = { mix(b), NODES, 0 };

			sum += probe_once(&probe, root, blurs[b], &e);
			cost += probe.cost;
		}
		printf("strata of a factor of %u: %.0f nodes of %d, by %.0f\n",
		       blurs[b], sum / PROBES, NODES, cost / PROBES);
		assert_true(sum / PROBES > 0.95 * NODES);
		assert_true(sum / PROBES < 1.05 * NODES);
		assert_true(cost / PROBES < 0.1 * NODES);
		probe_free(&probe);
	}
}

/* What sub-trees of a size have is learned on the way. */
static void test_sizes(void **state)
{
	struct estimate e = { 0 };
	struct probe probe = { 0 };
	struct node root = { 1, 100000, 0 };

	(void)state;
	for (unsigned int i = 0; i < 200; i++) {
		root.seed = mix(i);
		probe_once(&probe, root, 2, &e);
	}
	for (uint32_t size = 1; size < 15; size++) {
		double nodes = estimate_of(&e, size);

		/* of 2^(size - 1) up to twice as many */
		assert_true(nodes >= 0.9 * (1 << (size - 1)));
		assert_true(nodes <= 1.1 * (1 << size));
	}
	assert_true(estimate_of(&e, 200) > 1000);
	probe_free(&probe);
}

static void test_parts_come_and_go(void **state)
{
	struct estimate e = { 0 };

	(void)state;
	assert_true(estimate_left(&e, 10) <= 0);
	estimate_changed(&e, 10, 500);
	assert_true(estimate_left(&e, 10) > 499 && estimate_left(&e, 10) < 501);
	estimate_changed(&e, 60, -200);
	assert_true(estimate_left(&e, 60) > 249 && estimate_left(&e, 60) < 251);
	estimate_changed(&e, 70, -10000);
	assert_true(estimate_left(&e, 70) <= 0);
}

/* ------ programs ------ */

/* Return: in proportion to what there is. */
static double estimate_after(const struct dpor_program *program, unsigned int n,
			     uint64_t runs, struct check_options options)
{
	struct dpor d = { .program = program, .n = n };
	struct check_program checked = dpor_check_program(&d);
	struct check_result result;
	double whole;

	options.mode = CHECK_BY_EXECUTIONS;
	options.max_executions = runs;
	assert_int_equal(check_run(&checked, &options, &result), 0);
	assert_non_null(result.stopped);
	assert_true(result.done > 0 && result.done < 1);
	whole = (double)result.runs / result.done;
	check_result_free(&result);
	return whole / (double)program->executions(n);
}

static void assert_within_2(const struct dpor_program *program, unsigned int n,
			    const char *when, double ratio)
{
	printf("%s(%u), %s: %.2f of what it is\n", program->name, n, when,
	       ratio);
	assert_true(ratio > 0.5 && ratio < 2);
}

/* A tenth of fewer than 300 is nothing to judge by. */
static void for_each_row(void (*f)(const struct dpor_program *program,
				   unsigned int n, uint64_t all))
{
	for (size_t i = 0; dpor_programs[i]; i++)
		for (const struct dpor_row *r = dpor_programs[i]->rows; r->n;
		     r++) {
			uint64_t all = dpor_programs[i]->executions(r->n);

			if (all >= 300)
				f(dpor_programs[i], r->n, all);
		}
}

static void after_a_tenth(const struct dpor_program *program, unsigned int n,
			  uint64_t all)
{
	const struct check_options options = { 0 };

	assert_within_2(program, n, "after a tenth",
			estimate_after(program, n, all / 10, options));
}

static void test_after_a_tenth(void **state)
{
	(void)state;
	for_each_row(after_a_tenth);
}

/* A tenth, a checkpoint, and another tenth: the estimate is kept. */
static void resumed(const struct dpor_program *program, unsigned int n,
		    uint64_t all)
{
	char path[] = "/tmp/estimate-XXXXXX";
	struct check_options options = { .checkpoint = path };

	if (all > 100000)
		return;
	assert_true(close(mkstemp(path)) == 0);
	assert_int_equal(unlink(path), 0);
	estimate_after(program, n, all / 10, options);
	assert_within_2(program, n, "when it goes on",
			estimate_after(program, n, all / 10 + 1, options));
	assert_within_2(program, n, "and after a fifth",
			estimate_after(program, n, all / 5, options));
	assert_int_equal(unlink(path), 0);
}

static void test_resumed(void **state)
{
	(void)state;
	for_each_row(resumed);
}

/* By two processes; large enough not to be over before anybody looks. */
static void test_together(void **state)
{
	static const struct {
		const struct dpor_program *program;
		unsigned int n;
	} large[] = {
		{ &dpor_indexer, 18 },
		{ &dpor_inc, 7 },
		{ &dpor_fib, 8 },
		{ &dpor_ainc, 10 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
		uint64_t all = large[i].program->executions(large[i].n);
		const struct check_options options = { .jobs = 2 };

		for (unsigned int part = 10; part >= 5; part -= 5)
			assert_within_2(large[i].program, large[i].n,
					"by two processes",
					estimate_after(large[i].program,
						       large[i].n, all / part,
						       options));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_bias),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_parts_come_and_go),
		cmocka_unit_test(test_after_a_tenth),
		cmocka_unit_test(test_resumed),
		cmocka_unit_test(test_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
