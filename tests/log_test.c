/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * log_test.c - the log of a pool by itself, on a machine of nothing but bytes:
 * the power is cut everywhere, every bit turns over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "fs/fs.h"
#include "fs/log.h"
#include "power_cut.h"

/* ---- A machine ---- */

#define PAGE_SHIFT 8
#define NR_PAGES 64
#define BYTES ((size_t)NR_PAGES << PAGE_SHIFT)

static unsigned char device[BYTES];
static unsigned int line_shift;
static uint64_t poisoned;	/* pfn, or 0 */
static struct power_cut *recorder;

const struct machine_geometry *machine_geometry(void)
{
	static const struct machine_geometry geometry = {
		.page_shift = PAGE_SHIFT,
		.huge_order = 1,
	};

	return &geometry;
}

unsigned int machine_line_shift(void)
{
	return line_shift;
}

bool machine_page_poisoned(uint64_t pfn)
{
	return pfn == poisoned;
}

/* The device begins with pfn 2. */
static size_t byte_of(uint64_t pfn, size_t offset)
{
	assert_in_range(pfn, 2, NR_PAGES + 1);
	assert_true(offset < 1u << PAGE_SHIFT);
	return ((size_t)(pfn - 2) << PAGE_SHIFT) + offset;
}

uint64_t machine_data_load(uint64_t pfn, size_t offset, size_t size)
{
	uint64_t val;

	assert_int_equal(size, 8);
	memcpy(&val, device + byte_of(pfn, offset), 8);
	return val;
}

void machine_data_store(uint64_t pfn, size_t offset, size_t size, uint64_t val)
{
	assert_int_equal(size, 8);
	memcpy(device + byte_of(pfn, offset), &val, 8);
	if (recorder)
		power_cut_event(recorder, byte_of(pfn, offset), 8, val, false);
}

void machine_cache_writeback(uint64_t pfn, size_t offset, size_t bytes)
{
	assert_true(bytes && byte_of(pfn, offset) + bytes <= BYTES);
	if (recorder)
		power_cut_event(recorder, byte_of(pfn, offset), bytes, 0, true);
}

_Noreturn void machine_bug(unsigned int oracle, const char *file, int line,
			   const char *condition)
{
	fprintf(stderr, "O%u: BUG at %s:%d: %s\n", oracle, file, line,
		condition);
	abort();
}

/* ---- What a log says ---- */

#define WORDS_MAX 4096

/* All words of all transactions, each behind the number of its words. */
struct contents {
	size_t nr;
	uint64_t words[WORDS_MAX];
};

/* Return: 0 and *contents, or the error. */
static int read_all(struct contents *contents, struct log *log,
		    struct fs_damage *damage)
{
	int ret = log_open(log, 2, NR_PAGES, damage);

	contents->nr = 0;
	while (!ret && (ret = log_next(log, damage)) > 0) {
		size_t start = contents->nr++;
		uint64_t word;

		ret = 0;
		while (log_read(log, &word)) {
			assert_true(contents->nr < WORDS_MAX);
			contents->words[contents->nr++] = word;
		}
		contents->words[start] = contents->nr - start - 1;
	}
	return ret;
}

static bool same(const struct contents *a, const struct contents *b)
{
	return a->nr == b->nr &&
	       memcmp(a->words, b->words, a->nr * sizeof(*a->words)) == 0;
}

/* ---- The power is cut ---- */

struct outcome {
	int before_error;
	struct contents before;
	struct contents after;
	uint64_t nr_before;
	uint64_t nr_after;
};

static void check_image(void *arg, const unsigned char *image, bool finished)
{
	static struct contents found;
	struct outcome *outcome = arg;
	struct fs_damage damage;
	struct log log;
	int error;

	memcpy(device, image, BYTES);
	error = read_all(&found, &log, &damage);
	if (!error && same(&found, &outcome->after)) {
		outcome->nr_after++;
		return;
	}
	assert_false(finished);
	assert_int_equal(error, outcome->before_error);
	if (!error)
		assert_true(same(&found, &outcome->before));
	outcome->nr_before++;
}

/* Cut the power everywhere in operate(log). */
static void cut_power(struct log *log, void (*operate)(struct log *log),
		      const char *name)
{
	static struct outcome outcome;
	static unsigned char after[BYTES];
	struct power_cut cut;
	struct fs_damage damage;
	struct log opened;

	outcome.nr_before = outcome.nr_after = 0;
	outcome.before_error = read_all(&outcome.before, &opened, &damage);
	power_cut_start(&cut, device, BYTES, (size_t)1 << line_shift);
	recorder = &cut;
	operate(log);
	recorder = NULL;
	assert_int_equal(read_all(&outcome.after, &opened, &damage), 0);
	if (!outcome.before_error)
		assert_false(same(&outcome.before, &outcome.after));
	memcpy(after, device, BYTES);
	power_cut_images(&cut, check_image, &outcome);
	memcpy(device, after, BYTES);
	assert_true(outcome.nr_before && outcome.nr_after);
	print_message("  %s, lines of %u bytes: %llu images, %llu before, "
		      "%llu after%s\n", name, 1u << line_shift,
		      (unsigned long long)cut.nr_images,
		      (unsigned long long)outcome.nr_before,
		      (unsigned long long)outcome.nr_after,
		      cut.nr_sampled ? ", not all" : ", all");
	power_cut_end(&cut);
}

static void format(struct log *log)
{
	assert_int_equal(log_format(log, 2, NR_PAGES), 0);
}

static void commit(struct log *log, unsigned int nr)
{
	log_begin(log);
	for (unsigned int i = 0; i < nr; i++)
		assert_true(log_add(log, log->seq * 100 + i));
	log_commit(log);
}

static void commit_none(struct log *log)
{
	commit(log, 0);
}

static void commit_some(struct log *log)
{
	commit(log, 5);
}

static void commit_many(struct log *log)
{
	commit(log, 70);
}

static void snapshot(struct log *log)
{
	struct log next;

	log_begin_snapshot(log, &next);
	for (unsigned int i = 0; i < 4; i++)
		assert_true(log_add(&next, ~(log->seq * 100 + i)));
	log_commit_snapshot(log, &next);
}

static void fill_with_junk(void)
{
	uint64_t junk = 1;

	for (size_t i = 0; i < BYTES; i++) {
		junk = junk * 6364136223846793005U + 1442695040888963407U;
		device[i] = (unsigned char)(junk >> 56);
	}
}

static void power_is_cut(void **state)
{
	struct log log;

	(void)state;
	for (line_shift = 3; line_shift <= 6; line_shift++) {
		fill_with_junk();
		cut_power(&log, format, "format junk");
		cut_power(&log, commit_some, "5 words");
		cut_power(&log, commit_none, "no words");
		cut_power(&log, commit_some, "5 words");
		cut_power(&log, snapshot, "snapshot");
		cut_power(&log, commit_many, "70 words");
		cut_power(&log, snapshot, "snapshot over an old log");
		cut_power(&log, commit_some, "5 words");
		/* Behind the mark of a transaction of this sequence number. */
		cut_power(&log, snapshot, "snapshot over an old log");
		cut_power(&log, commit_many, "70 words over an old log");
		commit_some(&log);
	}
}

/* The pool of before, none, or the one of after: no mixture. */
static void check_formatted(void *arg, const unsigned char *image,
			    bool finished)
{
	static struct contents found;
	struct outcome *outcome = arg;
	struct fs_damage damage;
	struct log log;
	int error;

	memcpy(device, image, BYTES);
	error = read_all(&found, &log, &damage);
	if (error) {
		assert_false(finished);
		assert_int_equal(error, -ENODATA);
	} else if (same(&found, &outcome->after)) {
		outcome->nr_after++;
	} else {
		assert_false(finished);
		assert_true(same(&found, &outcome->before));
		outcome->nr_before++;
	}
}

static void format_a_pool(void **state)
{
	static struct outcome outcome;
	struct power_cut cut;
	struct fs_damage damage;
	struct log log;

	(void)state;
	for (line_shift = 3; line_shift <= 6; line_shift++) {
		format(&log);
		commit_many(&log);
		snapshot(&log);
		snapshot(&log);
		read_all(&outcome.before, &log, &damage);
		power_cut_start(&cut, device, BYTES, (size_t)1 << line_shift);
		recorder = &cut;
		format(&log);
		recorder = NULL;
		read_all(&outcome.after, &log, &damage);
		power_cut_images(&cut, check_formatted, &outcome);
		assert_true(outcome.nr_before && outcome.nr_after);
		power_cut_end(&cut);
	}
}

/* ---- Damage ---- */

static void every_bit_turns(void **state)
{
	static unsigned char good[BYTES];
	static struct contents wanted, found;
	struct fs_damage damage;
	struct log log;
	uint64_t nr_errors = 0;
	size_t last;
	int error;

	(void)state;
	fill_with_junk();
	format(&log);
	commit_some(&log);
	snapshot(&log);
	commit_some(&log);
	commit_none(&log);
	commit_many(&log);
	assert_int_equal(read_all(&wanted, &log, &damage), 0);
	/* Metadata: the superblock, and the log that is in use. */
	last = (size_t)log.data_page << PAGE_SHIFT;
	memcpy(good, device, BYTES);
	for (size_t bit = 0; bit < 8 * last; bit++) {
		memcpy(device, good, BYTES);
		device[bit / 8] ^= (unsigned char)(1 << bit % 8);
		damage.what = NULL;
		error = read_all(&found, &log, &damage);
		if (!error) {
			assert_true(same(&found, &wanted));
			continue;
		}
		assert_non_null(damage.what);
		assert_true(damage.at < BYTES);
		nr_errors++;
	}
	/* All that was read, and nothing else: 9 words and 4 transactions. */
	assert_int_equal(nr_errors, 64 * (9 + 4 * 4 + wanted.nr - 4 + 1));
}

static void lost_pages(void **state)
{
	static struct contents found;
	struct fs_damage damage;
	struct log log;
	uint64_t nr_errors = 0;

	(void)state;
	format(&log);
	commit_many(&log);
	for (poisoned = 2; poisoned < NR_PAGES + 2; poisoned++) {
		int error = read_all(&found, &log, &damage);

		if (!error)
			continue;
		assert_int_equal(error, -EIO);
		assert_int_equal(damage.at, (poisoned - 2) << PAGE_SHIFT);
		nr_errors++;
	}
	poisoned = 0;
	/* 32 + 32 + 70 * 8 + 8 bytes are in three pages, and the superblock. */
	assert_int_equal(nr_errors, 4);
}

static void full(void **state)
{
	static struct contents found;
	struct fs_damage damage;
	struct log log, opened;
	unsigned int nr = 0;

	(void)state;
	format(&log);
	log_begin(&log);
	while (log_add(&log, nr))
		nr++;
	/* Header of the snapshot, header, mark behind. */
	assert_int_equal(nr, (log_area_bytes(&log) - 32 - 32 - 8) / 8);
	log_commit(&log);
	assert_int_equal(read_all(&found, &opened, &damage), 0);
	assert_int_equal(found.nr, 2 + nr);
	assert_int_equal(found.words[1 + nr], nr - 1);
	log_begin(&log);
	assert_false(log_add(&log, 0));
	snapshot(&log);
	assert_int_equal(read_all(&found, &opened, &damage), 0);
	assert_int_equal(found.nr, 5);
}

static void no_room(void **state)
{
	struct fs_damage damage;
	struct log log;

	(void)state;
	assert_int_equal(log_format(&log, 2, 0), -ENOSPC);
	assert_int_equal(log_format(&log, 2, 8), -ENOSPC);
	assert_int_equal(log_format(&log, 2, UINT64_MAX), -ENOSPC);
	format(&log);
	assert_int_equal(log_open(&log, 2, NR_PAGES - 1, &damage), -EUCLEAN);
	assert_int_equal(log_open(&log, 2, 0, &damage), -ENODATA);
	device[0] ^= 1;
	assert_int_equal(log_open(&log, 2, NR_PAGES, &damage), -ENODATA);
}

/* RFC 3720, B.4. */
static void crc32c(void **state)
{
	uint32_t zeroes = 0, ones = 0, counting = 0;

	(void)state;
	for (uint64_t i = 0; i < 4; i++) {
		zeroes = crc32c_word(zeroes, 0);
		ones = crc32c_word(ones, UINT64_MAX);
		counting = crc32c_word(counting, 0x0706050403020100 +
						 0x0808080808080808 * i);
	}
	assert_int_equal(zeroes, 0x8a9136aa);
	assert_int_equal(ones, 0x62a8ab43);
	assert_int_equal(counting, 0x46dd794e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power_is_cut),
		cmocka_unit_test(format_a_pool),
		cmocka_unit_test(every_bit_turns),
		cmocka_unit_test(lost_pages),
		cmocka_unit_test(full),
		cmocka_unit_test(no_room),
		cmocka_unit_test(crc32c),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
