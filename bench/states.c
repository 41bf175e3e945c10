// SPDX-License-Identifier: GPL-2.0-only
/*
 * states.c - programs of the literature, by states.
 *
 *	states [NAME]
 *
 * Each is searched until half a second has gone by; the best time counts.
 */
#include "../tests/programs.h"

#include <stdio.h>
#include <string.h>

#define SECONDS 0.5

static struct {
	unsigned int n;
	uint64_t *at;
	struct check_lock *lock;
} w;

static void setup(void *arg)
{
	(void)arg;
	w.at = check_alloc(128 * sizeof(*w.at), "words");
	w.lock = check_alloc(sizeof(*w.lock), "lock");
	check_spin_init(w.lock, "lock");
}

static void ainc(void *arg, unsigned int t)
{
	uint64_t old = word_fetch_add(&w.at[0], 1);

	(void)arg;
	/* the result is used */
	if (old >= w.n)
		check_fail(1, NULL, "CPU%u: %u", t, (unsigned int)old);
}

static void inc(void *arg, unsigned int t)
{
	(void)arg;
	(void)t;
	for (unsigned int k = 0; k < w.n; k++)
		word_store(&w.at[0], word_load(&w.at[0]) + 1);
}

static void fib(void *arg, unsigned int t)
{
	(void)arg;
	for (unsigned int k = 0; k < w.n; k++) {
		uint64_t a = word_load(&w.at[t]);
		uint64_t b = word_load(&w.at[1 - t]);

		word_store(&w.at[t], a + b);
	}
}

static void counter(void *arg, unsigned int t)
{
	(void)arg;
	(void)t;
	check_spin_lock(w.lock, NULL);
	word_store(&w.at[0], word_load(&w.at[0]) + 1);
	check_spin_unlock(w.lock, NULL);
}

static void indexer(void *arg, unsigned int t)
{
	(void)arg;
	for (uint64_t m = 1; m <= 4; m++) {
		uint64_t word = 11 * m + t, h = 7 * word % 128;

		while (!word_cmpxchg(&w.at[h], 0, word))
			h = (h + 1) % 128;
	}
}

static void lastzero(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 0) {
		uint64_t i = w.n;

		while (word_load(&w.at[i]))
			i--;
	} else {
		word_store(&w.at[t], word_load(&w.at[t - 1]) + 1);
	}
}

/* Adds that each mixes into what it read: hardly two states are the same. */
static void mixed(void *arg, unsigned int t)
{
	uint64_t sum = 0;

	(void)arg;
	for (unsigned int i = 0; i < w.n; i++)
		sum = 3 * sum + word_fetch_add(&w.at[0], t + 1);
	word_store(&w.at[1], sum);
}

static const struct row {
	const char *name;
	void (*thread)(void *arg, unsigned int t);
	unsigned int n;
	unsigned int nr_threads;
} rows[] = {
	{ "ainc(9)", ainc, 9, 9 },
	{ "inc(6)", inc, 6, 2 },
	{ "fib(6)", fib, 6, 2 },
	{ "mutex counter(8)", counter, 8, 8 },
	{ "indexer(12)", indexer, 12, 12 },
	{ "lastzero(10)", lastzero, 10, 11 },
	{ "mixed adds(2)", mixed, 2, 4 },
};

static void measure(const struct row *row, bool exact)
{
	struct check_options options = { .mode = CHECK_BY_STATES,
					.exact = exact };
	struct check_program program = {
		.nr_threads = row->nr_threads,
		.setup = setup,
		.thread = row->thread,
	};
	struct check_result result, keep;
	double best = 0, spent = 0;
	char name[40];

	snprintf(name, sizeof(name), "%s%s", row->name,
		 exact ? ", exact" : "");
	w.n = row->n;
	do {
		if (check_run(&program, &options, &result)) {
			perror(row->name);
			return;
		}
		spent += result.seconds;
		if (best == 0 || result.seconds < best)
			best = result.seconds;
		keep = result;
		check_result_free(&result);
	} while (spent < SECONDS);
	printf("%-28s %9.4f %8llu %6llu %7.1f %7.1f\n", name, best,
	       (unsigned long long)keep.states,
	       (unsigned long long)keep.state_bytes, keep.bytes_per_state,
	       (double)keep.search_bytes / 1048576);
}

int main(int argc, char **argv)
{
	printf("%-28s %9s %8s %6s %7s %7s\n", "by states", "seconds", "states",
	       "B/state", "stored", "MB");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (argc < 2 || !strcmp(argv[1], rows[i].name)) {
			measure(&rows[i], false);
			measure(&rows[i], true);
		}
	return 0;
}
