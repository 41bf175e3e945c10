// SPDX-License-Identifier: GPL-2.0-only
/*
 * medium_test.c - the check machine's medium: what a power cut may leave, and
 * what an fsync has to have written.
 *
 * What each program may end in is thought out by hand and said above it.  All
 * of it must be found, and nothing else, by states, by executions and by brute
 * force.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../machines/check/check.h"

#define MAX_FINALS 64
#define PAGE 32				/* bytes: four lines */

static struct check_machine_options machine = {
	.geometry = { .page_shift = 5, .huge_order = 2, .upper_levels = 0,
		      .tree_bits = 1, .wait_bits = 1 },
	.nr_cpus = 2,
	.device_pages = 4,
};

static uint64_t no_pfn(uint64_t entry)
{
	(void)entry;
	return 0;
}

/* What the threads leave for finish(); in the checker's memory. */
static uint64_t *result;
static char finals[MAX_FINALS][32];
static size_t nr_finals;

static uint64_t page(unsigned int i)
{
	return check_machine_device() + i;
}

static void setup(void *arg)
{
	(void)arg;
	check_machine_reset();
	result = check_alloc(4 * sizeof(*result), "result");
}

static void finish(void *arg)
{
	char final[32];
	size_t i = 0;

	(void)arg;
	snprintf(final, sizeof(final), "%d%d%d", (int)result[0],
		 (int)result[1], (int)result[2]);
	check_free(result, CHECK_HERE);
	if (!check_searching())
		return;
	while (i < nr_finals && strcmp(finals[i], final))
		i++;
	assert_true(i < MAX_FINALS);
	strcpy(finals[i], final);
	if (i == nr_finals)
		nr_finals++;
}

static void restarted(void *user)
{
	(void)user;
	nr_finals = 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static const enum check_mode modes[] = {
	CHECK_BY_STATES,
	CHECK_BY_EXECUTIONS,
	CHECK_BRUTE_FORCE,
};

#define NR_MODES (sizeof(modes) / sizeof(modes[0]))

static struct check_result search(enum check_mode mode,
				  void (*prepare)(void *arg),
				  void (*thread)(void *arg, unsigned int t))
{
	struct check_program program = {
		.nr_threads = machine.nr_cpus,
		.setup = prepare,
		.thread = thread,
		.finish = finish,
	};
	struct check_options options = { .mode = mode, .restarted = restarted };
	struct check_result found;

	nr_finals = 0;
	machine.entry_pfn = no_pfn;
	assert_int_equal(check_machine_open(&machine), 0);
	assert_int_equal(check_run(&program, &options, &found), 0);
	return found;
}

/* expected: final states in order, with a blank behind each. */
static void expect(void (*prepare)(void *arg),
		   void (*thread)(void *arg, unsigned int t),
		   const char *expected)
{
	for (size_t m = 0; m < NR_MODES; m++) {
		struct check_result found = search(modes[m], prepare, thread);
		char all[MAX_FINALS * sizeof(finals[0])] = "";

		if (found.nr_failures)
			print_error("%s\n", found.failures[0].text);
		assert_int_equal(found.nr_failures, 0);
		assert_true(found.complete);
		check_result_free(&found);
		qsort(finals, nr_finals, sizeof(finals[0]), compare);
		for (size_t i = 0; i < nr_finals; i++) {
			strcat(all, finals[i]);
			strcat(all, " ");
		}
		assert_string_equal(all, expected);
	}
}

static int with_medium(void **state)
{
	(void)state;
	machine.medium = true;
	machine.nr_cpus = 2;
	return 0;
}

/* The power is cut; two words of the medium go to result[0] and [1]. */
static void cut(uint64_t pfn_a, size_t offset_a, uint64_t pfn_b,
		size_t offset_b)
{
	struct check_machine_versions a, b;

	check_machine_power_cut();
	result[2] = check_machine_notes()[0];
	a = check_machine_medium(pfn_a, offset_a);
	b = check_machine_medium(pfn_b, offset_b);
	result[0] = check_machine_survivor(&a);
	result[1] = check_machine_survivor(&b);
}

/* ------ a power cut ------ */

static void two_stores(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 1) {
		cut(page(1), 8, page(1), 8);
		return;
	}
	machine_data_store(page(1), 8, 8, 1);
	machine_data_store(page(1), 8, 8, 2);
}

/*
 * Any version since the last write-back, for each look anew: before both stores
 * only 0, between them 0 or 1, behind them all three.
 */
static void any_version(void **state)
{
	(void)state;
	expect(setup, two_stores,
	       "000 010 020 100 110 120 200 210 220 ");
}

static void write_back_and_tell(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 1) {
		cut(page(0), 0, page(0), 24);
		return;
	}
	machine_data_store(page(0), 0, 8, 1);
	machine_data_store(page(0), 24, 8, 1);
	machine_cache_writeback(page(0), 0, 8);
	machine_store(check_machine_notes(), 1);
}

/*
 * What was written back is on the medium for whoever was told so, what was not
 * may be there: with the note only 10 and 11, without it anything.
 */
static void written_back(void **state)
{
	(void)state;
	expect(setup, write_back_and_tell, "000 010 100 101 110 111 ");
}

static void set_up_stored(void *arg)
{
	setup(arg);
	machine_data_store(page(3), 0, 8, 1);
	check_machine_settle();
	machine_data_store(page(3), 8, 8, 1);
}

static void only_cut(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 1)
		cut(page(3), 0, page(3), 8);
}

/* What was settled is there; what the set-up stored afterwards may be. */
static void settled(void **state)
{
	(void)state;
	expect(set_up_stored, only_cut, "100 110 ");
}

static void same_again(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 1) {
		cut(page(0), 0, page(0), 0);
		return;
	}
	for (uint64_t i = 0; i < 6; i++)
		machine_data_store(page(0), 0, 1, i % 2);
}

/* A line that goes to and fro between two values has two versions. */
static void to_and_fro(void **state)
{
	(void)state;
	expect(setup, same_again, "000 010 100 110 ");
}

/* A page copied and a page cleared are stores as well. */
static void copy_and_clear(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 1) {
		cut(page(1), 0, page(0), 0);
		return;
	}
	machine_data_copy(page(1), page(0));
	machine_cache_writeback(page(1), 0, PAGE);
	machine_data_clear(page(0));
	machine_store(check_machine_notes(), 1);
}

static void set_up_word(void *arg)
{
	setup(arg);
	machine_data_store(page(0), 0, 8, 1);
	check_machine_settle();
}

/* Before the copy 01; while it may be there 11; then 10 or 11. */
static void whole_pages(void **state)
{
	(void)state;
	expect(set_up_word, copy_and_clear, "010 100 101 110 111 ");
}

static void many_versions(void *arg, unsigned int t)
{
	(void)arg;
	for (uint64_t i = 0; t == 0 && i < CHECK_MACHINE_VERSIONS; i++)
		machine_data_store(page(0), 0, 8, i + 1);
}

/* More versions than there is room for: the search says it is not complete. */
static void too_many_versions(void **state)
{
	(void)state;
	for (size_t m = 0; m < NR_MODES; m++) {
		struct check_result found = search(modes[m], setup,
						   many_versions);

		assert_int_equal(found.nr_failures, 0);
		assert_true(found.cut > 0);
		assert_false(found.complete);
		check_result_free(&found);
	}
}

/* ------ an fsync ------ */

/* result[0]: is all on the medium that was stored before?  result[1]: where */
static void sync_page(uint64_t pfn, size_t bytes)
{
	uint32_t marks[PAGE / 8];
	size_t offset = 0;

	assert_int_equal(check_machine_marks(), PAGE / 8);
	check_machine_sync_begin(pfn, marks);
	machine_cache_writeback(pfn, 0, bytes);
	result[0] = check_machine_synced(pfn, marks, &offset);
	result[1] = result[0] ? 0 : offset;
}

static void store_vs_sync(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 1)
		sync_page(page(2), PAGE);
	else
		machine_data_store(page(2), 16, 8, 7);
}

static void store_vs_short_sync(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 1)
		sync_page(page(2), 16);
	else
		machine_data_store(page(2), 16, 4, 7);
}

static void store_vs_no_sync(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 1)
		sync_page(page(2), 0);
	else
		machine_data_store(page(2), 0, 1, 7);
}

static void synced(void **state)
{
	(void)state;
	expect(setup, store_vs_sync, "100 ");
	/* Only if the store came before it had to be written. */
	expect(setup, store_vs_short_sync, "0160 100 ");
	expect(setup, store_vs_no_sync, "000 100 ");
}

static void two_syncs(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 1) {
		sync_page(page(2), 0);
		return;
	}
	machine_data_store(page(2), 0, 8, 7);
	machine_cache_writeback(page(2), 0, 8);
}

/* Whoever writes it: it need only be there at the end. */
static void written_by_another(void **state)
{
	(void)state;
	expect(setup, two_syncs, "000 100 ");
}

/* ------ lost pages, and no medium ------ */

static void load_poisoned(void *arg, unsigned int t)
{
	(void)arg;
	if (t == 1) {
		check_machine_poison(page(0));
		assert_true(machine_page_poisoned(page(0)));
		assert_false(machine_page_poisoned(page(1)));
		result[0] = machine_data_load(page(0), 0, 8);
	}
}

static void poisoned(void **state)
{
	struct check_result found;

	(void)state;
	found = search(CHECK_BY_STATES, setup, load_poisoned);
	assert_int_equal(found.nr_failures, 1);
	assert_int_equal(found.failures[0].number, 9);
	check_result_free(&found);
}

static void store_only(void *arg, unsigned int t)
{
	(void)arg;
	machine_data_store(page(t), 0, 8, 1);
}

static void store_and_write_back(void *arg, unsigned int t)
{
	store_only(arg, t);
	machine_cache_writeback(page(t), 0, PAGE);
}

/* Without the option a write-back is no operation, and states are no larger. */
static void costs_nothing(void **state)
{
	struct check_result a, b, c;

	(void)state;
	machine.medium = false;
	a = search(CHECK_BRUTE_FORCE, setup, store_only);
	b = search(CHECK_BRUTE_FORCE, setup, store_and_write_back);
	assert_int_equal(a.executions, b.executions);
	assert_int_equal(a.operations, b.operations);
	assert_null(check_machine_notes());
	check_result_free(&a);
	check_result_free(&b);

	a = search(CHECK_BY_STATES, setup, store_only);
	b = search(CHECK_BY_STATES, setup, store_and_write_back);
	machine.medium = true;
	c = search(CHECK_BY_STATES, setup, store_and_write_back);
	assert_true(b.state_bytes < a.state_bytes + 64);
	assert_true(c.state_bytes >= b.state_bytes + 16 * 64);
	check_result_free(&a);
	check_result_free(&b);
	check_result_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(any_version, with_medium),
		cmocka_unit_test_setup(written_back, with_medium),
		cmocka_unit_test_setup(settled, with_medium),
		cmocka_unit_test_setup(to_and_fro, with_medium),
		cmocka_unit_test_setup(whole_pages, with_medium),
		cmocka_unit_test_setup(too_many_versions, with_medium),
		cmocka_unit_test_setup(synced, with_medium),
		cmocka_unit_test_setup(written_by_another, with_medium),
		cmocka_unit_test_setup(poisoned, with_medium),
		cmocka_unit_test_setup(costs_nothing, with_medium),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
