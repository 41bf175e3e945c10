/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine_mm_test.c - fork, mprotect, mremap, populate and pins, on the native
 * machine with the sizes of life.
 *
 * What the maps look like after each step of linux-6.1-dax-probe.txt that is
 * taken up here, is what a real kernel did.  Where memory can run out, every
 * allocation of an operation fails once: it says -ENOMEM, nothing has changed
 * and nothing is lost.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fs/fs.h"
#include "machines/native/native.h"
#include "mm/mm.h"

#define K UINT64_C(1024)
#define M (K * K)
#define PAGE (4 * K)
#define BASE (UINT64_C(1) << 40)	/* a huge page's start */
#define FILE_PAGES 1536
#define RW (PROT_READ | PROT_WRITE)

static struct super_block *sb;
static struct inode *file;
static struct mm *mm;
static struct mm *child;
static char complaint[256];
static unsigned int nr_faults;		/* that were handled */
static bool count_faults;
static int fail_after;			/* allocations; -1: never */
static uint64_t pinned;
static uint64_t slept;			/* on that page, a word */

static unsigned int choose(void *arg, unsigned int nr, const char *what)
{
	(void)arg;
	(void)nr;
	(void)what;
	if (fail_after < 0)
		return 0;
	return fail_after-- == 0;
}

static void on_report(void *arg, unsigned int oracle, const char *text)
{
	(void)arg;
	snprintf(complaint, sizeof(complaint), "O%u: %s", oracle, text);
}

static void on_trace(void *arg, const char *name, uint64_t a, uint64_t b)
{
	(void)arg;
	(void)b;
	if (count_faults && !strcmp(name, "handle_mm_fault") &&
	    !(a & VM_FAULT_ERROR))
		nr_faults++;
	if (!strcmp(name, "sleep_on_page"))
		machine_store(&slept, a);
}

static const struct native_options options = {
	.geometry = NATIVE_GEOMETRY,
	.ram_pages = 8000,
	.device_pages = 2048,
	.on_report = on_report,
	.on_trace = on_trace,
	.choose = choose,
};

/* A file with a number in each page, that no zero page has. */
static int set_up(void **state)
{
	unsigned int i;

	(void)state;
	complaint[0] = '\0';
	nr_faults = 0;
	count_faults = true;
	fail_after = -1;
	assert_int_equal(native_open(&options), 0);
	sb = fs_create(native_device_pfn(), options.device_pages);
	assert_non_null(sb);
	file = inode_create(sb, "f", FILE_PAGES);
	assert_non_null(file);
	assert_int_equal(inode_add_extent(file, 0, FILE_PAGES, IOMAP_MAPPED, 0),
			 0);
	for (i = 0; i < FILE_PAGES; i++)
		machine_data_store(native_device_pfn() + i, 0, 8, 1000 + i);
	mm = mm_create("A");
	assert_non_null(mm);
	child = NULL;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (child)
		exit_mmap(child);
	exit_mmap(mm);
	assert_int_equal(verify_inode(file), 0);
	inode_destroy(file);
	fs_destroy(sb);
	assert_string_equal(complaint, "");
	assert_int_equal(native_live_objects(), 0);
	assert_int_equal(native_live_pages(), 0);
	native_close();
	return 0;
}

static void map(uint64_t addr, uint64_t bytes, unsigned int prot,
		unsigned int flags, uint64_t pgoff)
{
	assert_int_equal(fs_mmap(mm, file, addr, bytes, prot, flags, pgoff), 0);
}

static void r(struct mm *who, uint64_t addr, uint64_t wanted)
{
	uint64_t val = 0;

	assert_int_equal(mm_load(who, addr, 8, &val), 0);
	assert_int_equal(val, wanted);
}

static void w(struct mm *who, uint64_t addr, uint64_t val)
{
	assert_int_equal(mm_store(who, addr, 8, val), 0);
}

/*
 * What maps addr, as `pmd` or `pte`, D a page of the device, A a private copy
 * or - nothing.
 */
static const char *entry_at(struct mm *who, uint64_t addr)
{
	const uint64_t *word = mm_find_pmd(who, addr);
	uint64_t val = word ? machine_pt_load(word) : PMD_NONE;

	if (pmd_devmap(val))
		return pmd_write(val) ? "pmd D RW" : "pmd D ro";
	word = mm_find_pte(who, addr);
	val = word ? machine_pt_load(word) : PTE_NONE;
	if (pte_none(val))
		return "-";
	if (!(val & _PAGE_PRESENT))
		return "pte none";
	if (pte_devmap(val))
		return pte_write(val) ? "pte D RW" : "pte D ro";
	return pte_write(val) ? "pte A RW" : "pte A ro";
}

static void expect(struct mm *who, uint64_t addr, const char *entry)
{
	assert_string_equal(entry_at(who, addr), entry);
}

static void expect_counts(struct mm *who, unsigned int tables,
			  unsigned int anon, unsigned int vmas)
{
	const struct vm_area_struct *vma;

	assert_int_equal(machine_load(&who->nr_ptes), tables);
	assert_int_equal(machine_load(&who->rss_stat[MM_ANONPAGES]), anon);
	for (vma = find_vma(who, 0); vma; vma = vma_next(vma))
		vmas--;
	assert_int_equal(vmas, 0);
	assert_int_equal(verify_mm(who), 0);
}

/* Which fails at its first allocation, then at its second, and so on. */
static void out_of_memory(int (*operation)(void), int min_allocations)
{
	uint64_t pages = native_live_pages();
	uint64_t objects = native_live_objects();
	int error;
	int i;

	for (i = 0; ; i++) {
		fail_after = i;
		error = operation();
		if (!error)
			break;
		assert_int_equal(error, -ENOMEM);
		assert_int_equal(native_live_pages(), pages);
		assert_int_equal(native_live_objects(), objects);
		assert_int_equal(verify_mm(mm), 0);
	}
	fail_after = -1;
	assert_true(i >= min_allocations);
}

/* ---- fork ---- */

/* Section F of the probe. */
static void fork_shares_copies(void **state)
{
	uint64_t g = BASE;
	uint64_t h = BASE + 8 * M;

	(void)state;
	map(g, 4 * M, RW, MAP_PRIVATE, 0);
	map(h, 4 * M, RW, MAP_SHARED, 0);
	r(mm, g, 1000);
	w(mm, g + 2 * M, 0x41);
	r(mm, h, 1000);
	w(mm, h + 2 * M, 0x77);
	expect_counts(mm, 2, 1, 2);

	assert_int_equal(dup_mm(mm, "B", &child), 0);
	expect(mm, g, "pmd D ro");
	expect(mm, g + 2 * M, "pte A ro");
	expect(mm, h, "pmd D ro");
	expect(mm, h + 2 * M, "pte D RW");
	expect(child, g, "-");
	expect(child, g + 2 * M, "pte A ro");
	expect(child, h, "-");
	expect(child, h + 2 * M, "-");
	expect_counts(mm, 2, 1, 2);
	expect_counts(child, 1, 1, 2);

	r(child, g, 1000);
	nr_faults = 0;
	r(child, g + 2 * M, 0x41);
	assert_int_equal(nr_faults, 0);
	w(child, g, 0x61);
	w(child, g + 2 * M, 0x62);
	expect(child, g + 2 * M, "pte A RW");
	expect_counts(child, 2, 2, 2);
	r(mm, g + 2 * M, 0x41);

	/* Nobody else has it now: no copy. */
	w(mm, g + 2 * M, 0x43);
	expect(mm, g + 2 * M, "pte A RW");
	expect_counts(mm, 2, 1, 2);
	r(child, g + 2 * M, 0x62);
	w(child, h, 0x77);
	r(mm, h, 0x77);
}

/* Pages of the file that a table maps go along, if it has a copy too. */
static void fork_copies_tables(void **state)
{
	(void)state;
	map(BASE, 2 * M, RW, MAP_PRIVATE, 0);
	w(mm, BASE, 1);
	r(mm, BASE + PAGE, 1001);
	assert_int_equal(dup_mm(mm, "B", &child), 0);
	expect(child, BASE, "pte A ro");
	expect(child, BASE + PAGE, "pte D ro");
	expect_counts(child, 1, 1, 1);
	exit_mmap(child);
	child = NULL;

	/* Without one nothing does. */
	assert_int_equal(madvise_dontneed(mm, BASE, PAGE), 0);
	assert_int_equal(dup_mm(mm, "B", &child), 0);
	expect(child, BASE + PAGE, "-");
	expect_counts(child, 0, 0, 1);
}

static int fork_once(void)
{
	return dup_mm(mm, "B", &child);
}

static void fork_out_of_memory(void **state)
{
	uint64_t pfn;

	(void)state;
	map(BASE, 4 * M, RW, MAP_PRIVATE, 0);
	map(BASE + 4 * M, 2 * M, RW, MAP_SHARED, 0);
	w(mm, BASE, 1);
	w(mm, BASE + 2 * M, 2);
	assert_int_equal(pin_user_page(mm, BASE, 0, &pfn), 0);
	/* mm, its root, 2 VMAs, 2 + 1 tables and the copy of the pinned page */
	out_of_memory(fork_once, 8);
	expect(mm, BASE, "pte A RW");
	expect(child, BASE, "pte A RW");
	w(mm, BASE, 3);
	assert_int_equal(machine_data_load(pfn, 0, 8), 3);
	r(child, BASE, 1);
	unpin_user_page(pfn);
	w(mm, BASE + 2 * M, 4);
	r(child, BASE + 2 * M, 2);
}

/* ---- mprotect ---- */

/* Section D of the probe, from step 54 on. */
static void mprotect_as_measured(void **state)
{
	uint64_t d = BASE;

	(void)state;
	map(d, 4 * M, RW, MAP_SHARED, 0);
	r(mm, d + 2 * M, 1512);
	w(mm, d, 7);
	assert_int_equal(do_mprotect(mm, d, 2 * M, PROT_READ), 0);
	expect(mm, d, "pmd D ro");
	expect_counts(mm, 0, 0, 2);
	r(mm, d, 7);
	assert_int_equal(mm_store(mm, d, 8, 1), -EFAULT);
	assert_int_equal(do_mprotect(mm, d, 2 * M, RW), 0);
	expect(mm, d, "pmd D ro");
	expect_counts(mm, 0, 0, 1);
	w(mm, d, 8);
	expect(mm, d, "pmd D RW");
	assert_int_equal(do_mprotect(mm, d + PAGE, PAGE, PROT_READ), 0);
	expect(mm, d, "-");
	expect(mm, d + 2 * M, "pmd D ro");
	expect_counts(mm, 0, 0, 3);
	r(mm, d, 8);
	expect(mm, d, "pte D ro");
	assert_int_equal(mm_store(mm, d + PAGE, 8, 1), -EFAULT);
	expect_counts(mm, 1, 0, 3);
}

/* What is dirty becomes writable with its mapping, what is clean does not. */
static void mprotect_of_ptes(void **state)
{
	unsigned int flags;

	(void)state;
	for (flags = MAP_SHARED; flags <= MAP_PRIVATE; flags++) {
		map(BASE + PAGE, 2 * M, RW, flags, 0);
		w(mm, BASE + PAGE, 1);
		r(mm, BASE + 2 * PAGE, 1001);
		assert_int_equal(do_mprotect(mm, BASE + PAGE, 2 * PAGE,
					     PROT_READ), 0);
		expect(mm, BASE + PAGE,
		       flags == MAP_SHARED ? "pte D ro" : "pte A ro");
		expect_counts(mm, 1, flags == MAP_PRIVATE, 2);
		assert_int_equal(do_mprotect(mm, BASE + PAGE, 2 * PAGE, RW), 0);
		expect(mm, BASE + PAGE,
		       flags == MAP_SHARED ? "pte D RW" : "pte A RW");
		expect(mm, BASE + 2 * PAGE, "pte D ro");
		expect_counts(mm, 1, flags == MAP_PRIVATE, 1);
		assert_int_equal(do_munmap(mm, BASE + PAGE, 2 * M), 0);
	}
}

static void mprotect_none(void **state)
{
	uint64_t val;

	(void)state;
	map(BASE, 4 * M, RW, MAP_PRIVATE, 0);
	w(mm, BASE, 1);
	r(mm, BASE + PAGE, 1001);
	r(mm, BASE + 2 * M, 1512);
	assert_int_equal(do_mprotect(mm, BASE, 4 * M, 0), 0);
	expect(mm, BASE, "pte none");
	expect_counts(mm, 1, 1, 1);
	assert_int_equal(mm_load(mm, BASE, 8, &val), -EFAULT);
	assert_int_equal(mm_load(mm, BASE + 2 * M, 8, &val), -EFAULT);
	assert_int_equal(do_mprotect(mm, BASE, 4 * M, RW), 0);
	expect(mm, BASE, "pte A RW");
	nr_faults = 0;
	r(mm, BASE, 1);
	r(mm, BASE + PAGE, 1001);
	r(mm, BASE + 2 * M, 1512);
	assert_int_equal(nr_faults, 0);
}

static int mprotect_middle(void)
{
	return do_mprotect(mm, BASE + PAGE, PAGE, PROT_READ);
}

static void mprotect_errors(void **state)
{
	uint64_t objects;

	(void)state;
	map(BASE, 2 * M, RW, MAP_SHARED, 0);
	map(BASE + 4 * M, 2 * M, RW, MAP_SHARED, 0);
	w(mm, BASE, 1);
	assert_int_equal(do_mprotect(mm, BASE + 1, PAGE, RW), -EINVAL);
	assert_int_equal(do_mprotect(mm, BASE, PAGE, 8), -EINVAL);
	assert_int_equal(do_mprotect(mm, BASE, 0, 8), 0);
	assert_int_equal(do_mprotect(mm, BASE, UINT64_MAX, RW), -ENOMEM);
	assert_int_equal(do_mprotect(mm, BASE - PAGE, PAGE, RW), -ENOMEM);
	assert_int_equal(do_mprotect(mm, UINT64_C(1) << 50, PAGE, RW), -ENOMEM);
	expect_counts(mm, 0, 0, 2);
	/* What lies before the hole has changed. */
	assert_int_equal(do_mprotect(mm, BASE + M, 5 * M, PROT_READ), -ENOMEM);
	expect_counts(mm, 0, 0, 3);
	assert_int_equal(mm_store(mm, BASE + M, 8, 1), -EFAULT);
	w(mm, BASE + 4 * M, 1);
	w(mm, BASE, 2);

	/* One that cannot be split twice is left in two that agree. */
	objects = native_live_objects();
	fail_after = 0;
	assert_int_equal(mprotect_middle(), -ENOMEM);
	assert_int_equal(native_live_objects(), objects);
	fail_after = 1;
	assert_int_equal(mprotect_middle(), -ENOMEM);
	expect_counts(mm, 1, 0, 4);
	fail_after = -1;
	w(mm, BASE + PAGE, 1);
	assert_int_equal(mprotect_middle(), 0);
	expect_counts(mm, 1, 0, 5);
	assert_int_equal(mm_store(mm, BASE + PAGE, 8, 1), -EFAULT);
	assert_int_equal(do_mprotect(mm, BASE, 2 * M, RW), 0);
	expect_counts(mm, 1, 0, 2);
}

/* ---- mremap ---- */

/* Section G of the probe, to step 113. */
static void mremap_as_measured(void **state)
{
	uint64_t i = BASE;
	uint64_t to = BASE + 16 * M;

	(void)state;
	map(i, 4 * M, RW, MAP_SHARED, 0);
	r(mm, i, 1000);
	w(mm, i + 2 * M, 7);
	assert_int_equal(do_mremap(mm, i, 4 * M, 4 * M, to), 0);
	expect(mm, i, "-");
	expect(mm, to, "pmd D ro");
	expect(mm, to + 2 * M, "pmd D RW");
	nr_faults = 0;
	r(mm, to, 1000);
	assert_int_equal(nr_faults, 0);
	assert_int_equal(do_mremap(mm, to, 4 * M, 4 * M, i + PAGE), 0);
	i += PAGE;
	expect(mm, i, "-");
	expect(mm, i + 2 * M, "-");
	r(mm, i, 1000);
	expect(mm, i, "pte D ro");
	r(mm, i + 2 * M, 7);
	assert_int_equal(do_mremap(mm, i, 4 * M, 3 * M, i), 0);
	expect_counts(mm, 2, 0, 1);
	assert_int_equal(do_munmap(mm, i, PAGE), 0);
	r(mm, i + PAGE, 1001);
	expect(mm, i + PAGE, "pte D ro");
	expect_counts(mm, 2, 0, 1);
}

static int mremap_tail(void)
{
	return do_mremap(mm, BASE + M, 2 * M, 2 * M, BASE + 64 * M + PAGE);
}

static void mremap_out_of_memory(void **state)
{
	uint64_t to = BASE + 64 * M + PAGE;

	(void)state;
	map(BASE, 4 * M, RW, MAP_PRIVATE, 0);
	w(mm, BASE + M, 1);
	w(mm, BASE + 2 * M, 2);
	w(mm, BASE + 3 * M, 3);
	/* 2 VMAs, 2 PTE tables */
	out_of_memory(mremap_tail, 4);
	expect_counts(mm, 4, 3, 3);
	r(mm, to, 1);
	r(mm, to + M, 2);
	r(mm, BASE + 3 * M, 3);
	assert_int_equal(mm_store(mm, BASE + M, 8, 1), -EFAULT);
	w(mm, to + 2 * M - PAGE, 4);
	expect_counts(mm, 4, 4, 3);
}

static int mremap_shrink(void)
{
	return do_mremap(mm, BASE, 2 * M, M, BASE);
}

static void mremap_errors(void **state)
{
	(void)state;
	map(BASE, 4 * M, RW, MAP_PRIVATE, 0);
	map(BASE + 6 * M, 2 * M, RW, MAP_SHARED, 0);
	w(mm, BASE, 1);
	w(mm, BASE + 4 * M - PAGE, 9);
	assert_int_equal(do_mremap(mm, BASE + 1, M, M, BASE), -EINVAL);
	assert_int_equal(do_mremap(mm, BASE, M, M, BASE + 1), -EINVAL);
	assert_int_equal(do_mremap(mm, BASE, 0, M, BASE), -EINVAL);
	assert_int_equal(do_mremap(mm, BASE, M, 0, BASE), -EINVAL);
	assert_int_equal(do_mremap(mm, BASE, 2 * M, 2 * M, BASE + M), -EINVAL);
	assert_int_equal(do_mremap(mm, BASE + M, 2 * M, 2 * M, BASE), -EINVAL);
	assert_int_equal(do_mremap(mm, BASE, 5 * M, M, BASE), -EFAULT);
	assert_int_equal(do_mremap(mm, BASE + 5 * M, M, M, BASE), -EFAULT);
	assert_int_equal(do_mremap(mm, BASE, M, M, BASE + 6 * M), -ENOMEM);
	assert_int_equal(do_mremap(mm, BASE, M, 2 * M, BASE), -ENOMEM);
	assert_int_equal(do_mremap(mm, BASE, 4 * M, 7 * M, BASE), -ENOMEM);
	expect_counts(mm, 2, 2, 2);
	r(mm, BASE, 1);

	/* A file has no page with that number. */
	map(BASE + 16 * M, PAGE, RW, MAP_SHARED, (UINT64_MAX >> 12) - 1);
	assert_int_equal(do_mremap(mm, BASE + 16 * M, PAGE, 2 * PAGE,
				   BASE + 16 * M), -EINVAL);
	assert_int_equal(do_munmap(mm, BASE + 16 * M, PAGE), 0);

	/* In place: the middle of a mapping needs a second one. */
	out_of_memory(mremap_shrink, 1);
	expect_counts(mm, 2, 2, 3);
	assert_int_equal(do_mremap(mm, BASE, M, 2 * M, BASE), 0);
	expect_counts(mm, 2, 2, 2);
	r(mm, BASE, 1);
	r(mm, BASE + 4 * M - PAGE, 9);
}

/* ---- mmap and populate ---- */

static void mmap_joins(void **state)
{
	(void)state;
	map(BASE, M, RW, MAP_SHARED, 0);
	map(BASE + 2 * M, M, RW, MAP_SHARED, 512);
	expect_counts(mm, 0, 0, 2);
	map(BASE + M, M, RW, MAP_SHARED, 256);
	expect_counts(mm, 0, 0, 1);
	map(BASE + 3 * M, M, PROT_READ, MAP_SHARED, 768);
	map(BASE + 4 * M, M, PROT_READ, MAP_PRIVATE, 1024);
	map(BASE + 5 * M, M, PROT_READ, MAP_PRIVATE, 0);
	map(BASE + 6 * M, M, PROT_READ, MAP_SHARED | MAP_SYNC, 256);
	map(BASE + 7 * M, M, PROT_READ, MAP_SHARED, 512);
	expect_counts(mm, 0, 0, 6);
	assert_int_equal(find_vma(mm, BASE + 6 * M)->vm_flags,
			 VM_READ | VM_SHARED | VM_SYNC);
	assert_int_equal(fs_mmap(mm, file, BASE + 8 * M, M, RW,
				 MAP_PRIVATE | MAP_SYNC, 0), -EINVAL);
	assert_int_equal(fs_mmap(mm, file, BASE + 8 * M, M, RW, MAP_POPULATE,
				 0), -EINVAL);
}

static int munmap_middle(void)
{
	return do_munmap(mm, BASE + M, M);
}

static void munmap_out_of_memory(void **state)
{
	(void)state;
	map(BASE, 4 * M, RW, MAP_SHARED, 0);
	w(mm, BASE + M, 1);
	out_of_memory(munmap_middle, 1);
	expect_counts(mm, 0, 0, 2);
	r(mm, BASE + 2 * M, 1512);
}

/* Steps 115, 117, 137 and 138 of the probe. */
static void populate_as_measured(void **state)
{
	(void)state;
	map(BASE, 4 * M, PROT_READ, MAP_PRIVATE | MAP_POPULATE, 0);
	expect(mm, BASE, "pmd D ro");
	expect(mm, BASE + 2 * M, "pmd D ro");
	assert_int_equal(nr_faults, 2);
	assert_int_equal(do_munmap(mm, BASE, 4 * M), 0);
	map(BASE, 4 * M, RW, MAP_SHARED | MAP_POPULATE, 0);
	assert_int_equal(nr_faults, 4);
	assert_int_equal(madvise_populate(mm, BASE, 2 * M, 0), 0);
	assert_int_equal(nr_faults, 4);
	assert_int_equal(madvise_populate(mm, BASE, 2 * M, FAULT_FLAG_WRITE),
			 0);
	assert_int_equal(nr_faults, 5);
	expect(mm, BASE, "pmd D RW");
	expect(mm, BASE + 2 * M, "pmd D ro");
	assert_int_equal(do_munmap(mm, BASE, 4 * M), 0);
	nr_faults = 0;
	map(BASE, 4 * M, RW, MAP_PRIVATE | MAP_POPULATE, 0);
	assert_int_equal(nr_faults, 1024);
	expect_counts(mm, 2, 1024, 1);
	r(mm, BASE + 4 * M - PAGE, 2023);
}

static void populate_errors(void **state)
{
	(void)state;
	map(BASE, 2 * M, PROT_READ, MAP_PRIVATE, 0);
	/* Pages behind the end of the file are left out. */
	map(BASE + 4 * M, 4 * M, RW, MAP_SHARED | MAP_POPULATE, 1024);
	expect(mm, BASE + 4 * M, "pmd D ro");
	expect(mm, BASE + 6 * M, "-");
	assert_int_equal(madvise_populate(mm, BASE + 1, PAGE, 0), -EINVAL);
	assert_int_equal(madvise_populate(mm, BASE, PAGE, FAULT_FLAG_WRITE),
			 -EINVAL);
	assert_int_equal(madvise_populate(mm, BASE + M, 2 * M, 0), -ENOMEM);
	expect(mm, BASE + M, "pmd D ro");
	assert_int_equal(madvise_populate(mm, BASE + 4 * M, 4 * M, 0), -EFAULT);
	assert_int_equal(do_mprotect(mm, BASE, 2 * M, 0), 0);
	assert_int_equal(madvise_populate(mm, BASE, PAGE, 0), -EINVAL);
	/* Even the tables for it are not to be had. */
	map(BASE + 1024 * M, 2 * M, RW, MAP_PRIVATE, 0);
	fail_after = 0;
	assert_int_equal(madvise_populate(mm, BASE + 1024 * M, PAGE,
					  FAULT_FLAG_WRITE), -ENOMEM);
	fail_after = -1;
}

/* ---- Pins ---- */

static void *wait_for_pins(void *arg)
{
	(void)arg;
	wait_on_page_pinned(pinned);
	return NULL;
}

static void pins(void **state)
{
	pthread_t thread;
	uint64_t pfn;

	(void)state;
	map(BASE, 2 * M, RW, MAP_SHARED, 0);
	assert_int_equal(pin_user_page(mm, BASE + PAGE, FAULT_FLAG_WRITE,
				       &pinned), 0);
	assert_int_equal(pinned, native_device_pfn() + 1);
	expect(mm, BASE, "pmd D RW");
	/* Again, without a fault, and of another page of the huge one. */
	nr_faults = 0;
	assert_int_equal(pin_user_page(mm, BASE + PAGE + 8, 0, &pfn), 0);
	assert_int_equal(pfn, pinned);
	unpin_user_page(pfn);
	assert_int_equal(nr_faults, 0);
	wait_on_page_pinned(native_device_pfn());

	assert_int_equal(pthread_create(&thread, NULL, wait_for_pins, NULL), 0);
	while (machine_load(&slept) != pinned)
		;
	unpin_user_page(pinned);
	assert_int_equal(pthread_join(thread, NULL), 0);
	wait_on_page_pinned(pinned);
}

static void pin_errors(void **state)
{
	uint64_t pfn;

	(void)state;
	map(BASE, 2 * M, PROT_READ, MAP_PRIVATE, 0);
	map(BASE + 4 * M, 4 * M, RW, MAP_PRIVATE, 1024);
	assert_int_equal(pin_user_page(mm, UINT64_MAX, 0, &pfn), -EFAULT);
	assert_int_equal(pin_user_page(mm, BASE - 1, 0, &pfn), -EFAULT);
	assert_int_equal(pin_user_page(mm, BASE, FAULT_FLAG_WRITE, &pfn),
			 -EFAULT);
	assert_int_equal(pin_user_page(mm, BASE + 6 * M, 0, &pfn), -EFAULT);
	fail_after = 0;
	assert_int_equal(pin_user_page(mm, BASE + 4 * M, FAULT_FLAG_WRITE,
				       &pfn), -ENOMEM);
	fail_after = -1;
	assert_int_equal(do_mprotect(mm, BASE, 2 * M, 0), 0);
	assert_int_equal(pin_user_page(mm, BASE, 0, &pfn), -EFAULT);

	/* A pinned copy outlives its mapping. */
	assert_int_equal(pin_user_page(mm, BASE + 4 * M, FAULT_FLAG_WRITE,
				       &pfn), 0);
	w(mm, BASE + 4 * M, 5);
	assert_int_equal(do_munmap(mm, BASE + 4 * M, 4 * M), 0);
	assert_int_equal(machine_data_load(pfn, 0, 8), 5);
	unpin_user_page(pfn);
}

/* ---- All at once; the interleavings are the checker's business ---- */

static void random_work(unsigned int what, uint64_t addr, unsigned int seed)
{
	struct mm *copy;
	uint64_t val;
	uint64_t pfn;

	switch (what) {
	case 0:
		if (!dup_mm(mm, "B", &copy)) {
			mm_store(copy, addr, 8, seed);
			exit_mmap(copy);
		}
		break;
	case 1:
		do_mprotect(mm, addr, M, seed & 0x4000 ? RW : PROT_READ);
		break;
	case 2:
		do_mremap(mm, BASE + (seed & 0x4000 ? 12 : 8) * M, 4 * M, 4 * M,
			  BASE + (seed & 0x4000 ? 8 : 12) * M);
		break;
	case 3:
		madvise_dontneed(mm, addr, M);
		break;
	case 4:
		dax_writeback_mapping_range(&file->i_data, 0, FILE_PAGES);
		break;
	case 5:
	case 6:
		if (!pin_user_page(mm, addr, seed & 0x4000 ? 1 : 0, &pfn))
			unpin_user_page(pfn);
		break;
	case 7:
		unmap_mapping_pages(&file->i_data, 0, FILE_PAGES);
		break;
	default:
		if (seed & 0x4000)
			mm_store(mm, addr, 8, seed);
		else
			mm_load(mm, addr, 8, &val);
	}
}

static void *work(void *arg)
{
	unsigned int seed = *(const unsigned int *)arg;
	unsigned int round;

	for (round = 0; round < 4000; round++) {
		uint64_t page;

		seed = seed * 1103515245 + 12345;
		page = (seed >> 16) % 64 * 64;
		random_work((seed >> 24) % 24, BASE + page * PAGE, seed);
	}
	return NULL;
}

static void threads_at_once(void **state)
{
	unsigned int seeds[4] = { 1, 22, 333, 4444 };
	pthread_t threads[4];
	int i;

	(void)state;
	count_faults = false;
	map(BASE, 2 * M, RW, MAP_PRIVATE, 0);
	map(BASE + 2 * M, 2 * M, RW, MAP_SHARED, 0);
	map(BASE + 8 * M, 4 * M, RW, MAP_SHARED, 512);
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work,
						&seeds[i]), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(verify_mm(mm), 0);
	for (i = 0; i < FILE_PAGES; i++)
		wait_on_page_pinned(native_device_pfn() + (uint64_t)i);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fork_shares_copies),
		TEST(fork_copies_tables),
		TEST(fork_out_of_memory),
		TEST(mprotect_as_measured),
		TEST(mprotect_of_ptes),
		TEST(mprotect_none),
		TEST(mprotect_errors),
		TEST(mremap_as_measured),
		TEST(mremap_out_of_memory),
		TEST(mremap_errors),
		TEST(mmap_joins),
		TEST(munmap_out_of_memory),
		TEST(populate_as_measured),
		TEST(populate_errors),
		TEST(pins),
		TEST(pin_errors),
		TEST(threads_at_once),
	};

	return cmocka_run_group_tests_name("engine_mm", tests, NULL, NULL);
}
