/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pool.h - for tests of files that outlive the machine: a pool of 120 small
 * pages, and room behind it for another one, so that one machine serves for
 * both.
 */
#ifndef POOL_H
#define POOL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fs/extent.h"
#include "fs/journal.h"
#include "native.h"
#include "power_cut.h"

#define PAGE 256
#define NR_PAGES 120
#define POOL_BYTES ((size_t)NR_PAGES * PAGE)
#define PAGES_MAX 64		/* of a file, in these tests */
#define BASE 0x4000		/* where it is mapped */

static struct super_block *sb;
static struct mm *mm;
static struct power_cut *recorder;	/* of stores to the pool */
static char reports[1024];

/* ---- The machine ---- */

static unsigned char *pool_bytes(void)
{
	return native_device_data();
}

static inline unsigned char *image_bytes(void)
{
	return pool_bytes() + POOL_BYTES;
}

static inline uint64_t image_pfn(void)
{
	return native_device_pfn() + NR_PAGES;
}

static uint64_t byte_of(uint64_t pfn, size_t offset)
{
	return (pfn - native_device_pfn()) * PAGE + offset;
}

static void on_store(void *arg, uint64_t pfn, size_t offset, size_t bytes)
{
	uint64_t val = 0;

	(void)arg;
	if (!recorder)
		return;
	memcpy(&val, pool_bytes() + byte_of(pfn, offset), bytes);
	power_cut_event(recorder, byte_of(pfn, offset), bytes, val, false);
}

static void on_writeback(void *arg, uint64_t pfn, size_t offset, size_t bytes)
{
	(void)arg;
	if (recorder)
		power_cut_event(recorder, byte_of(pfn, offset), bytes, 0, true);
}

static void on_report(void *arg, unsigned int oracle, const char *text)
{
	size_t length = strlen(reports);

	(void)arg;
	snprintf(reports + length, sizeof(reports) - length, "O%u: %s\n",
		 oracle, text);
}

static const struct native_options options = {
	.geometry = {
		.page_shift = 8,
		.huge_order = 2,
		.upper_levels = 2,
		.tree_bits = 1,
		.wait_bits = 2,
	},
	.ram_pages = 1000,
	.device_pages = 2 * NR_PAGES,
	.on_report = on_report,
	.on_store = on_store,
	.on_writeback = on_writeback,
};

static struct super_block *mount_pool(uint64_t first_pfn)
{
	struct super_block *mounted;
	struct fs_damage damage = { "", 0 };
	int error = fs_mount(first_pfn, NR_PAGES, &mounted, &damage);

	if (error)
		print_message("%s, at byte %llu\n", damage.what,
			      (unsigned long long)damage.at);
	assert_int_equal(error, 0);
	return mounted;
}

static inline int setup(void **state)
{
	(void)state;
	reports[0] = '\0';
	assert_int_equal(native_open(&options), 0);
	/* Blocks hold what they held. */
	memset(pool_bytes(), 0xa5, POOL_BYTES);
	assert_int_equal(fs_format(native_device_pfn(), NR_PAGES), 0);
	sb = mount_pool(native_device_pfn());
	mm = mm_create("mm");
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	exit_mmap(mm);
	fs_unmount(sb);
	assert_string_equal(reports, "");
	assert_int_equal(native_live_objects(), 0);
	assert_int_equal(native_live_pages(), 0);
	native_close();
	return 0;
}

/* ---- Operations ---- */

static inline struct inode *find(const char *name)
{
	struct inode *inode = fs_lookup(sb, name);

	assert_non_null(inode);
	return inode;
}

static inline void commit(void)
{
	assert_int_equal(fs_commit(sb), 0);
}

static inline void make(const char *name)
{
	struct inode *inode;

	assert_int_equal(fs_creat(sb, name, &inode), 0);
}

static inline void write_pages(const char *name, uint64_t first, uint64_t nr,
			unsigned char with)
{
	static unsigned char data[PAGES_MAX * PAGE];
	const struct fs_buffer buffer = { .data = data };
	uint64_t i;

	for (i = 0; i < nr * PAGE; i++)
		data[i] = (unsigned char)(with + i / PAGE + i % 7);
	assert_int_equal(fs_write(find(name), first * PAGE, nr * PAGE, &buffer),
			 nr * PAGE);
}

static inline void sync_file(const char *name)
{
	assert_int_equal(fs_fsync(find(name), 0, FS_MAX_BYTES), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif /* POOL_H */
