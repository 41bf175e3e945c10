// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_parallel_test.c - parallel searches, on trees whose size is known.
 *
 * A node is a number that decides all below it.  One child has most of what is
 * left, so sub-trees differ a thousandfold.
 */
#include "../checker/parallel.h"
#include "../checker/post_fork.h"
#include "../include/checker.h"
#include "../include/checker_words.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct node {
	uint64_t seed;
	uint64_t budget;		/* nodes in the sub-tree, with this */
};

/* What was searched: any node lost, or searched twice, changes the sum. */
struct sum {
	uint64_t nodes;
	uint64_t hash;
};

struct forest {
	struct node *nodes;
	size_t nr;
	size_t room;
	struct sum sum;
	uint64_t dies_at;		/* a worker that is to die, or 0 */
};

static uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= 0x9e3779b97f4a7c15u;
	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	return x ^ x >> 32;
}

static void push(struct forest *f, struct node node)
{
	if (f->nr == f->room) {
		f->room = 2 * f->room + 16;
		f->nodes = realloc(f->nodes, f->room * sizeof(*f->nodes));
		assert_non_null(f->nodes);
	}
	f->nodes[f->nr++] = node;
}

static int step(void *own)
{
	struct forest *f = own;
	struct node node;
	uint64_t left;

	if (!f->nr)
		return 0;
	node = f->nodes[--f->nr];
	f->sum.nodes++;
	f->sum.hash += mix(node.seed);
	if (f->dies_at && f->sum.nodes == f->dies_at)
		raise(SIGKILL);
	left = node.budget - 1;
	for (uint64_t i = 1; left; i++) {
		uint64_t share = i == 4 ? left : left / 8 + 1;

		push(f, (struct node){ mix(node.seed + i), share });
		left -= share;
	}
	return 1;
}

static int take(void *own, const struct bytes *part)
{
	push(own, *(const struct node *)part->data);
	return 0;
}

static struct bytes pack(const struct node *node)
{
	struct bytes part = {
		.data = malloc(sizeof(*node)), .nr = sizeof(*node),
		.weight = (double)node->budget,
	};

	assert_non_null(part.data);
	memcpy(part.data, node, sizeof(*node));
	return part;
}

static bool give(void *own, struct bytes *part)
{
	struct forest *f = own;

	if (f->nr < 2)
		return false;
	*part = pack(&f->nodes[0]);
	memmove(f->nodes, f->nodes + 1, --f->nr * sizeof(*f->nodes));
	return true;
}

static int give_all(void *own,
		    int (*save)(void *user, const struct bytes *part),
		    void *user)
{
	struct forest *f = own;
	int error = 0;

	while (f->nr && !error) {
		struct bytes part = pack(&f->nodes[--f->nr]);

		error = save(user, &part);
		free(part.data);
	}
	return error;
}

static int report(void *own, struct bytes *report)
{
	const struct forest *f = own;

	report->nr = sizeof(f->sum);
	report->data = malloc(report->nr);
	memcpy(report->data, &f->sum, report->nr);
	return 0;
}

static void forget(void *own)
{
	struct forest *f = own;

	f->sum = (struct sum){ 0 };
}

#define MAX_WORKERS 4

struct heard {
	struct sum sums[MAX_WORKERS];	/* of this round */
	struct sum before;		/* and of all before it */
	struct forest left;
	uint64_t stop_at;
	unsigned int rounds;
};

static struct sum total(const struct heard *heard)
{
	struct sum all = heard->before;

	for (unsigned int w = 0; w < MAX_WORKERS; w++) {
		all.nodes += heard->sums[w].nodes;
		all.hash += heard->sums[w].hash;
	}
	return all;
}

static int hear(void *user, unsigned int worker, const struct bytes *report)
{
	struct heard *heard = user;

	memcpy(&heard->sums[worker], report->data, sizeof(struct sum));
	return 0;
}

static bool is_enough(void *user, double waiting)
{
	const struct heard *heard = user;

	assert_true(waiting >= 0);
	return heard->stop_at && total(heard).nodes >= heard->stop_at;
}

static int keep(void *user, const struct bytes *part)
{
	struct heard *heard = user;

	return take(&heard->left, part);
}

/*
 * Search in rounds, each of which ends when so many nodes more were searched.
 * Return: as parallel_coordinate(); the workers end in here.
 */
static int search(unsigned int nr_workers, struct node root, uint64_t round,
		  uint64_t dies_at, struct heard *heard)
{
	struct check_post *post = post_fork(nr_workers);
	struct coordinator coordinator = {
		.user = heard, .heard = hear, .stop = is_enough, .left = keep,
	};
	int result;

	assert_non_null(post);
	if (post->self) {
		struct forest f = { .dies_at = post->self == 1 ? dies_at : 0 };
		struct tree tree = {
			.own = &f, .step = step, .take = take, .give = give,
			.give_all = give_all, .report = report,
			.forget = forget,
		};

		_exit(parallel_work(post, &tree) ? 1 : 0);
	}
	if (root.budget)
		push(&heard->left, root);
	do {
		size_t nr = heard->left.nr;
		struct bytes *parts = malloc((nr + 1) * sizeof(*parts));

		for (size_t i = 0; i < nr; i++)
			parts[i] = pack(&heard->left.nodes[i]);
		heard->left.nr = 0;
		heard->before = total(heard);
		memset(heard->sums, 0, sizeof(heard->sums));
		heard->stop_at = round ? total(heard).nodes + round : 0;
		heard->rounds++;
		result = parallel_coordinate(post, &coordinator, parts, nr);
		free(parts);
	} while (!result);
	if (result > 0)
		assert_int_equal(parallel_end(post), 0);
	post_fork_end(post);
	free(heard->left.nodes);
	heard->left = (struct forest){ 0 };
	return result;
}

static struct sum alone(struct node node)
{
	struct forest f = { 0 };

	push(&f, node);
	while (step(&f))
		;
	free(f.nodes);
	return f.sum;
}

static const struct node root = { 4711, 2000000 };

static void test_same_sum(void **state)
{
	struct sum expected = alone(root);

	(void)state;
	assert_int_equal(expected.nodes, root.budget);
	for (unsigned int n = 1; n <= MAX_WORKERS; n++) {
		struct heard heard = { 0 };
		unsigned int took_part = 0;

		assert_int_equal(search(n, root, 0, 0, &heard), 1);
		assert_int_equal(total(&heard).nodes, expected.nodes);
		assert_int_equal(total(&heard).hash, expected.hash);
		for (unsigned int w = 0; w < n; w++)
			took_part += heard.sums[w].nodes > root.budget / 100;
		print_message("%u workers, %u of them busy\n", n, took_part);
		assert_int_equal(took_part, n);
	}
}

/* What is left when it is stopped is what was not searched. */
static void test_rounds(void **state)
{
	static const struct node large = { 42, 80000000 };
	struct sum expected = alone(large);
	unsigned int rounds = 0;

	(void)state;
	for (unsigned int n = 1; n <= MAX_WORKERS; n++) {
		struct heard heard = { 0 };

		assert_int_equal(search(n, large, large.budget / 20, 0,
					&heard), 1);
		assert_int_equal(total(&heard).nodes, expected.nodes);
		assert_int_equal(total(&heard).hash, expected.hash);
		rounds += heard.rounds;
	}
	print_message("%u rounds\n", rounds);
	assert_true(rounds > MAX_WORKERS);
}

/* A search that lost a worker is not complete, and does not hang. */
static void test_worker_dies(void **state)
{
	(void)state;
	for (unsigned int n = 1; n <= MAX_WORKERS; n++) {
		struct heard heard = { 0 };

		assert_int_equal(search(n, root, 0, 1000, &heard), -1);
	}
}

/* To write to one that is gone tells the same as to read from it. */
static void test_worker_is_gone(void **state)
{
	struct check_post *post = post_fork(1);
	struct check_message message = { .peer = 1 };

	(void)state;
	assert_non_null(post);
	if (post->self)
		_exit(0);
	assert_int_equal(post->receive(post, &message, -1), -1);
	assert_int_equal(errno, ECONNRESET);
	message = (struct check_message){ .type = 1, .peer = 1 };
	assert_int_equal(post->send(post, &message), -1);
	assert_int_equal(errno, ECONNRESET);
	post_fork_end(post);
}

static void test_nothing_to_do(void **state)
{
	static const struct node leaf = { 1, 1 }, none = { 1, 0 };
	struct heard heard = { 0 };

	(void)state;
	assert_int_equal(search(3, leaf, 0, 0, &heard), 1);
	assert_int_equal(total(&heard).nodes, 1);
	assert_int_equal(search(3, none, 0, 0, &heard), 1);
}

/* ------ what is learned late ------ */

#define CHOICES 12
#define SPINS_AT 0x5a5
/* Executions that a search makes before others are asked for help. */
#define LATE 500

static uint64_t *flag;

static void make_flag(void *arg)
{
	(void)arg;
	flag = check_alloc(sizeof(*flag), "a flag");
}

/* The first thread waits for the second one, in one of 4096 cases. */
static void wait_sometimes(void *arg, unsigned int t)
{
	unsigned int chosen = 0;

	(void)arg;
	if (t) {
		check_store(flag, 1);
		return;
	}
	for (unsigned int i = 0; i < CHOICES; i++)
		chosen = 2 * chosen + check_choose(2);
	while (chosen == SPINS_AT && !check_load(flag))
		;
}

static void free_flag(void *arg)
{
	(void)arg;
	check_free(flag, NULL);
}

struct told {
	uint64_t completed;
	uint64_t before;		/* it began anew, the last time */
};

static void count(void *user)
{
	struct told *told = user;

	told->completed++;
}

static void begin_anew(void *user)
{
	struct told *told = user;

	told->before = told->completed;
	told->completed = 0;
}

static int pack_told(void *user, void **data, size_t *bytes)
{
	struct told *told = user;

	*bytes = sizeof(told->completed);
	*data = malloc(*bytes);
	if (!*data)
		return -1;
	memcpy(*data, &told->completed, *bytes);
	return 0;
}

static int unpack_told(void *user, const void *data, size_t bytes)
{
	struct told *told = user;
	uint64_t more;

	assert_int_equal(bytes, sizeof(more));
	memcpy(&more, data, sizeof(more));
	told->completed += more;
	return 0;
}

/* Alone (0), with processes of the search, or with some that were there. */
static void check_late(unsigned int jobs, unsigned int nr_ranks)
{
	const struct check_program program = {
		.nr_threads = 2, .setup = make_flag, .thread = wait_sometimes,
		.finish = free_flag,
	};
	struct told told = { 0 };
	struct check_options options = {
		.mode = CHECK_BY_EXECUTIONS, .jobs = jobs, .completed = count,
		.restarted = begin_anew, .pack = pack_told,
		.unpack = unpack_told,
		.user = &told,
	};
	struct check_result result;

	if (nr_ranks) {
		options.post = post_fork(nr_ranks);
		assert_non_null(options.post);
	}
	assert_int_equal(check_run(&program, &options, &result), 0);
	print_message("%u jobs, %u ranks: %llu executions, anew after %llu\n",
		      jobs, nr_ranks, (unsigned long long)result.executions,
		      (unsigned long long)told.before);
	assert_true(result.complete);
	assert_int_equal(result.executions, 1 << CHOICES);
	assert_int_equal(told.completed, 1 << CHOICES);
	assert_int_equal(result.redundant, 0);
	assert_int_equal(result.nr_failures, 0);
	/* else this shows nothing */
	assert_true(told.before >= LATE);
	check_result_free(&result);
	if (nr_ranks)
		post_fork_end(options.post);
}

/* Whoever meets it, all begin anew and know of it. */
static void test_learned_late(void **state)
{
	(void)state;
	check_late(0, 0);
	for (unsigned int n = 2; n <= MAX_WORKERS; n++)
		check_late(n, 0);
	for (unsigned int n = 1; n <= MAX_WORKERS; n++)
		check_late(0, n);
}

/* ------ more of it than there is room for ------ */

#define MANY 100
#define CASES 16

static struct {
	uint64_t which;
	uint64_t flags[MANY];
} *many;

static void make_many(void *arg)
{
	(void)arg;
	many = check_alloc(sizeof(*many), "flags");
}

/* One thread waits for any of them, and the other sets that. */
static void wait_for_any(void *arg, unsigned int t)
{
	unsigned int which;

	(void)arg;
	if (t) {
		while (!check_load(&many->which))
			;
		check_store(&many->flags[check_load(&many->which) - 1], 1);
		return;
	}
	which = check_choose(MANY);
	check_choose(CASES);
	check_store(&many->which, which + 1);
	while (!check_load(&many->flags[which]))
		;
}

/* Processes that cannot tell each other all must not leave anything out. */
static void check_much(unsigned int jobs, unsigned int nr_ranks)
{
	const struct check_program program = {
		.nr_threads = 2, .setup = make_many, .thread = wait_for_any,
	};
	struct check_options options = {
		.mode = CHECK_BY_EXECUTIONS, .jobs = jobs,
	};
	struct check_result result;

	if (nr_ranks) {
		options.post = post_fork(nr_ranks);
		assert_non_null(options.post);
	}
	assert_int_equal(check_run(&program, &options, &result), 0);
	assert_true(result.complete);
	assert_int_equal(result.executions, MANY * CASES);
	check_result_free(&result);
	if (nr_ranks)
		post_fork_end(options.post);
}

static void test_learned_much(void **state)
{
	(void)state;
	for (unsigned int n = 0; n <= 3; n++)
		check_much(n, 0);
	for (unsigned int n = 1; n <= 3; n++)
		check_much(0, n);
}

/* ------ a worker that dies late ------ */

#define ADDERS 10
#define DIES_AFTER_SECONDS 0.8

static pid_t first_process;

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void add_or_die(void *arg, unsigned int t)
{
	static double began;

	(void)arg;
	check_fetch_add(flag, 1);
	if (getpid() == first_process || t)
		return;
	if (began <= 0)
		began = seconds();
	else if (seconds() - began > DIES_AFTER_SECONDS)
		raise(SIGKILL);
}

/* What the workers have said until then is not lost. */
static void test_death_after_reports(void **state)
{
	const struct check_program program = {
		.nr_threads = ADDERS, .setup = make_flag, .thread = add_or_die,
	};
	const struct check_options options = {
		.mode = CHECK_BY_EXECUTIONS, .jobs = 2,
	};
	struct check_result result;

	(void)state;
	first_process = getpid();
	assert_int_equal(check_run(&program, &options, &result), 0);
	assert_false(result.complete);
	assert_string_equal(result.stopped, "the death of a worker");
	assert_true(result.executions > 2 * LATE);
	check_result_free(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_sum),
		cmocka_unit_test(test_rounds),
		cmocka_unit_test(test_worker_dies),
		cmocka_unit_test(test_worker_is_gone),
		cmocka_unit_test(test_nothing_to_do),
		cmocka_unit_test(test_learned_late),
		cmocka_unit_test(test_learned_much),
		cmocka_unit_test(test_death_after_reports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
