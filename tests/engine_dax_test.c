// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine_dax_test.c - engine/dax/ by itself: faults, write-back, invalidation
 * and pins, on the native machine and on a file whose blocks the tests choose.
 *
 * Huge pages have 8 pages here.  What happens is compared as text: tracepoints
 * and write-backs in the order in which they come, and entries in words.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/trace.h"
#include "dax/entry.h"
#include "fs/fs.h"
#include "native.h"

#define PAGE UINT64_C(4096)
#define HUGE_PAGES UINT64_C(8)
#define FILE_PAGES UINT64_C(32)
#define DEVICE_PAGES UINT64_C(64)
#define BASE UINT64_C(0x100000)

/* ---- The file ---- */

static struct test_file {
	struct address_space mapping;
	enum iomap_type type[FILE_PAGES];
	uint64_t block[FILE_PAGES];
	unsigned int flags;		/* IOMAP_F_*, of every answer */
	int error;			/* of every answer */
} file;

static struct dax_device device;
static struct mm *mm;

/* ---- What happened ---- */

static char events[4096];
static const char *fail_what;		/* the choice that fails, */
static unsigned int fail_nth;		/* the how manieth of them */
static void (*at_writeback)(void);	/* called at each */
static void (*at_sync)(void);		/* before a synchronous fault ends */

static void add(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

static void add(const char *format, ...)
{
	size_t used = strlen(events);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(events + used, sizeof(events) - used, format, arguments);
	va_end(arguments);
}

static void expect_events(const char *expected)
{
	assert_string_equal(events, expected);
	events[0] = '\0';
}

static const char *answer(uint64_t ret)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s%s%s%s%s%s%s",
		 ret & VM_FAULT_MAJOR ? "MAJOR|" : "",
		 ret & VM_FAULT_NOPAGE ? "NOPAGE" : "",
		 ret & VM_FAULT_FALLBACK ? "FALLBACK" : "",
		 ret & VM_FAULT_SIGBUS ? "SIGBUS" : "",
		 ret & VM_FAULT_OOM ? "OOM" : "",
		 ret & VM_FAULT_DONE_COW ? "DONE_COW" : "",
		 ret & VM_FAULT_NEEDDSYNC ? "NEEDDSYNC" : "");
	return text;
}

static void on_trace(void *arg, const char *name, uint64_t a, uint64_t b)
{
	(void)arg;
	if (!strcmp(name, "dax_iomap_pte_fault"))
		add(" pte=%s", answer(a));
	else if (!strcmp(name, "dax_iomap_pmd_fault"))
		add(" pmd=%s", answer(a));
	else if (!strcmp(name, "dax_load_hole"))
		add(" hole");
	else if (!strcmp(name, "dax_pmd_load_hole"))
		add(" pmd_hole");
	else if (!strcmp(name, "dax_insert_pfn_mkwrite"))
		add(" mkwrite=%s", answer(a));
	else if (!strcmp(name, "dax_insert_pfn_mkwrite_no_entry"))
		add(" no_entry=%s", answer(a));
	else if (!strcmp(name, "dax_writeback_one"))
		add(" wb(%d+%d)", (int)a, (int)b);
	else if (!strcmp(name, "dax_writeback_range_done"))
		add(" wbdone");
}

static void on_writeback(void *arg, uint64_t pfn, size_t offset, size_t bytes)
{
	(void)arg;
	add(" flush(%d+%d)", (int)(pfn - device.first_pfn),
	    (int)(bytes / PAGE));
	assert_int_equal(offset, 0);
	if (at_writeback)
		at_writeback();
}

static unsigned int choose(void *arg, unsigned int nr, const char *what)
{
	(void)arg;
	(void)nr;
	return fail_what && !strcmp(what, fail_what) && fail_nth-- == 0;
}

static void make_fail(const char *what, unsigned int nth)
{
	fail_what = what;
	fail_nth = nth;
}

static void on_report(void *arg, unsigned int oracle, const char *text)
{
	(void)arg;
	add(" O%u: %s", oracle, text);
}

/* ---- The file's operations ---- */

static int iomap_begin(struct address_space *mapping, uint64_t pgoff,
		       uint64_t nr_pages, unsigned int flags,
		       struct iomap *iomap)
{
	uint64_t i;

	(void)mapping;
	*iomap = (struct iomap){ .pgoff = pgoff, .flags = file.flags };
	if (file.error)
		return file.error;
	if (flags & IOMAP_WRITE && file.type[pgoff] != IOMAP_MAPPED) {
		for (i = pgoff; i < pgoff + nr_pages; i++) {
			file.type[i] = IOMAP_MAPPED;
			file.block[i] = i;
			machine_data_clear(device.first_pfn + i);
		}
		iomap->flags |= IOMAP_F_NEW;
	}
	iomap->type = file.type[pgoff];
	iomap->block = file.block[pgoff];
	while (pgoff + iomap->nr_pages < FILE_PAGES) {
		i = pgoff + iomap->nr_pages;
		if (file.type[i] != iomap->type ||
		    (iomap->type == IOMAP_MAPPED &&
		     file.block[i] != iomap->block + iomap->nr_pages))
			break;
		iomap->nr_pages++;
	}
	return 0;
}

static vm_fault_t huge_fault(struct vm_fault *vmf, enum page_entry_size pe_size)
{
	struct address_space *mapping = vmf->vma->vm_mapping;
	uint64_t pgoff = vmf->pgoff;
	vm_fault_t ret;
	uint64_t pfn;

	ret = dax_iomap_fault(vmf, pe_size, &pfn);
	if (!(ret & VM_FAULT_NEEDDSYNC))
		return ret;
	if (pe_size == PE_SIZE_PMD)
		pgoff &= ~(HUGE_PAGES - 1);
	assert_int_equal(dax_writeback_mapping_range(mapping, pgoff, pgoff), 0);
	if (at_sync)
		at_sync();
	return dax_finish_sync_fault(vmf, pe_size, pfn);
}

static vm_fault_t fault(struct vm_fault *vmf)
{
	return huge_fault(vmf, PE_SIZE_PTE);
}

static const struct iomap_ops iomap_ops = { .iomap_begin = iomap_begin };

static const struct vm_operations_struct vm_ops = {
	.fault = fault,
	.huge_fault = huge_fault,
	.pfn_mkwrite = fault,
};

/* ---- The world ---- */

static const struct native_options usual = {
	.geometry = {
		.page_shift = 12,
		.huge_order = 3,
		.upper_levels = 2,
		.tree_bits = 3,
		.wait_bits = 1,
	},
	.ram_pages = 200,
	.device_pages = DEVICE_PAGES,
	.on_report = on_report,
	.on_trace = on_trace,
	.on_writeback = on_writeback,
	.choose = choose,
};

static int set_up(void **state)
{
	struct address_space *mapping = &file.mapping;

	(void)state;
	native_close();			/* after a test that failed */
	events[0] = '\0';
	fail_what = NULL;
	at_writeback = NULL;
	at_sync = NULL;
	assert_int_equal(native_open(&usual), 0);
	assert_int_equal(dax_device_init(&device, native_device_pfn(),
					 DEVICE_PAGES), 0);
	memset(&file, 0, sizeof(file));
	mapping->name = "f";
	mapping->vm_ops = &vm_ops;
	mapping->iomap_ops = &iomap_ops;
	mapping->dax_dev = &device;
	mapping->i_size = FILE_PAGES * PAGE;
	mapping->ino = 1;
	machine_rwsem_init(&mapping->i_mmap_rwsem, "i_mmap");
	machine_spin_init(&mapping->i_pages, "i_pages");
	list_init(&mapping->i_mmap);
	mm = mm_create("A");
	assert_non_null(mm);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fail_what = NULL;
	assert_int_equal(verify_mm(mm), 0);
	exit_mmap(mm);
	dax_delete_mapping_entries(&file.mapping);
	machine_spin_destroy(&file.mapping.i_pages);
	machine_rwsem_destroy(&file.mapping.i_mmap_rwsem);
	dax_device_destroy(&device);
	assert_string_equal(events, "");
	assert_int_equal(native_live_objects(), 0);
	assert_int_equal(native_live_pages(), 0);
	native_close();
	return 0;
}

/* Pages of the file get blocks of the same numbers, plus shift. */
static void give_blocks(uint64_t first, uint64_t nr_pages, uint64_t shift)
{
	uint64_t i;

	for (i = first; i < first + nr_pages; i++) {
		file.type[i] = IOMAP_MAPPED;
		file.block[i] = i + shift;
	}
}

/* Return: the address of page pgoff in map number nr, which is made. */
static uint64_t map_pages(unsigned int nr, unsigned int flags, uint64_t pgoff,
			  uint64_t nr_pages)
{
	uint64_t addr = BASE + nr * FILE_PAGES * 2 * PAGE + pgoff * PAGE;

	assert_int_equal(do_mmap(mm, addr, nr_pages * PAGE,
				 PROT_READ | PROT_WRITE, flags, &file.mapping,
				 pgoff), 0);
	return addr;
}

static uint64_t load(uint64_t addr)
{
	uint64_t val = UINT64_MAX;

	assert_int_equal(mm_load(mm, addr, 8, &val), 0);
	return val;
}

static void store(uint64_t addr, uint64_t val)
{
	assert_int_equal(mm_store(mm, addr, 8, val), 0);
}

/* Return: "PMD zero dirty", "" when there is none. */
static const char *entry_at(uint64_t index)
{
	static char text[64];
	struct dax_slot slot;
	uint64_t entry;

	if (!dax_tree_find(&file.mapping, index, index, DAX_ANY, &slot))
		return "";
	entry = dax_slot_load(&slot);
	snprintf(text, sizeof(text), "%s %s%s%s%s",
		 dax_is_pmd_entry(entry) ? "PMD" : "PTE",
		 dax_is_zero_entry(entry) ? "zero" :
		 dax_is_empty_entry(entry) ? "empty" : "mapped",
		 dax_is_locked(entry) ? " locked" : "",
		 dax_tag_get(&slot, DAX_TAG_DIRTY) ? " dirty" : "",
		 dax_tag_get(&slot, DAX_TAG_TOWRITE) ? " towrite" : "");
	return text;
}

/* Return: "PMD RW", "pte ro", "table" or "none". */
static const char *mapped_at(uint64_t addr)
{
	static char text[32];
	const uint64_t *word = mm_find_pmd(mm, addr);
	uint64_t val = word ? machine_pt_load(word) : PMD_NONE;
	const char *level = "PMD";

	if (!pmd_devmap(val) && !pmd_trans_huge(val)) {
		word = mm_find_pte(mm, addr);
		val = word ? machine_pt_load(word) : PTE_NONE;
		level = "pte";
	}
	if (!val)
		return "none";
	snprintf(text, sizeof(text), "%s %s%s", level,
		 pte_write(val) ? "RW" : "ro",
		 pte_devmap(val) ? "" : pte_pfn(val) == machine_zero_pfn() ?
						" zero" : " anon");
	return text;
}

static int sync_range(uint64_t first, uint64_t last)
{
	return dax_writeback_mapping_range(&file.mapping, first, last);
}

/* ---- Holes ---- */

static void huge_hole(void **state)
{
	uint64_t a = map_pages(0, MAP_SHARED, 0, FILE_PAGES);
	uint64_t b = map_pages(1, MAP_PRIVATE, 0, FILE_PAGES);

	(void)state;
	assert_int_equal(load(a + 3 * PAGE), 0);
	expect_events(" pmd_hole pmd=NOPAGE");
	assert_string_equal(entry_at(7), "PMD zero dirty");
	assert_string_equal(mapped_at(a), "PMD ro zero");
	assert_int_equal(load(b), 0);
	expect_events(" pmd_hole pmd=NOPAGE");

	/* The block takes the place of the zero page in every map. */
	store(a + PAGE, 5);
	expect_events(" pmd=NOPAGE");
	assert_string_equal(entry_at(0), "PMD mapped dirty");
	assert_string_equal(mapped_at(a), "PMD RW");
	assert_string_equal(mapped_at(b), "none");
	assert_int_equal(load(b + PAGE), 5);
	expect_events(" pmd=NOPAGE");
	assert_string_equal(mapped_at(b), "PMD ro");
	assert_int_equal(verify_mm(mm), 0);
}

/* A page is wanted where the zero page is huge: the entry is replaced. */
static void hole_downgraded(void **state)
{
	uint64_t a = map_pages(0, MAP_SHARED, 0, FILE_PAGES);
	uint64_t b = map_pages(1, MAP_SHARED, 9, 4);

	(void)state;
	assert_int_equal(load(a + 8 * PAGE), 0);
	expect_events(" pmd_hole pmd=NOPAGE");
	store(b, 6);
	expect_events(" pmd=FALLBACK pte=MAJOR|NOPAGE");
	assert_string_equal(mapped_at(a + 8 * PAGE), "none");
	assert_string_equal(entry_at(8), "");
	assert_string_equal(entry_at(9), "PTE mapped dirty");
	assert_int_equal(load(a + 9 * PAGE), 6);
	expect_events(" pmd=FALLBACK pte=NOPAGE");
	assert_int_equal(load(a + 10 * PAGE), 0);
	expect_events(" hole pte=NOPAGE");
	assert_string_equal(mapped_at(a + 10 * PAGE), "pte ro zero");
	assert_string_equal(entry_at(10), "PTE zero dirty");
	assert_int_equal(load(b + PAGE), 0);
	expect_events(" hole pte=NOPAGE");

	/* The same, a page at a time. */
	store(a + 10 * PAGE, 7);
	expect_events(" pte=MAJOR|NOPAGE");
	assert_string_equal(mapped_at(b + PAGE), "none");
	assert_string_equal(entry_at(10), "PTE mapped dirty");
	assert_int_equal(load(b + PAGE), 7);
	expect_events(" pte=NOPAGE");
	assert_int_equal(verify_mm(mm), 0);
}

/* Unwritten blocks read as zeroes, and a private copy of them is clear. */
static void unwritten(void **state)
{
	uint64_t a = map_pages(0, MAP_PRIVATE, 0, 8);
	uint64_t i;

	(void)state;
	for (i = 0; i < 8; i++)
		file.type[i] = IOMAP_UNWRITTEN;
	machine_data_store(device.first_pfn, 0, 8, 1);
	assert_int_equal(load(a), 0);
	expect_events(" pmd_hole pmd=NOPAGE");
	store(a + 8, 2);
	expect_events(" pmd=FALLBACK pte=DONE_COW");
	assert_string_equal(entry_at(0), "PTE empty");
	assert_string_equal(mapped_at(a), "pte RW anon");
	assert_int_equal(load(a), 0);
	assert_int_equal(load(a + PAGE), 0);
	expect_events(" hole pte=NOPAGE");
}

/* Without a huge zero page a hole is read by pages. */
static void no_huge_zero_page(void **state)
{
	uint64_t a = map_pages(0, MAP_SHARED, 0, 8);

	(void)state;
	make_fail("huge zero page", 0);
	assert_int_equal(load(a), 0);
	expect_events(" pmd_hole pmd=FALLBACK hole pte=NOPAGE");
	assert_string_equal(entry_at(0), "PTE zero dirty");
}

/* ---- Faults that fail ---- */

static void filesystem_fails(void **state)
{
	uint64_t a = map_pages(0, MAP_SHARED, 0, 8);
	uint64_t val;

	(void)state;
	give_blocks(0, 8, 0);
	file.error = -EIO;
	assert_int_equal(mm_load(mm, a, 8, &val), -EBUS);
	expect_events(" pmd=FALLBACK pte=SIGBUS");
	file.error = -ENOMEM;
	assert_int_equal(mm_store(mm, a + PAGE, 8, 1), -ENOMEM);
	expect_events(" pmd=FALLBACK pte=OOM");
	file.error = 0;
	assert_string_equal(mapped_at(a), "none");
	assert_string_equal(entry_at(0), "PTE empty");
	store(a, 1);
	expect_events(" pmd=FALLBACK pte=NOPAGE");

	file.mapping.i_size = PAGE;
	assert_int_equal(mm_load(mm, a + PAGE, 8, &val), -EBUS);
	expect_events(" pte=SIGBUS");
	file.mapping.i_size = 0;
	assert_int_equal(madvise_dontneed(mm, a, 8 * PAGE), 0);
	assert_int_equal(mm_load(mm, a, 8, &val), -EBUS);
	expect_events(" pte=SIGBUS");
}

/* No node for the entry: pages will do, and without one it is OOM. */
static void no_memory_for_entries(void **state)
{
	uint64_t a = map_pages(0, MAP_SHARED, 0, FILE_PAGES);

	(void)state;
	give_blocks(0, FILE_PAGES, 0);
	make_fail("dax_node", 0);
	store(a, 1);
	expect_events(" pmd=FALLBACK pte=NOPAGE");
	dax_layout_busy_page(&file.mapping);
	dax_delete_mapping_range(&file.mapping, 0, UINT64_MAX);
	expect_events("");
	make_fail("dax_node", 0);
	assert_int_equal(mm_store(mm, a + PAGE, 8, 1), -ENOMEM);
	expect_events(" pte=OOM");
	store(a + PAGE, 1);
	expect_events(" pte=NOPAGE");
}

/* A lost page is missed alone, also by who wants to copy it. */
static void poisoned(void **state)
{
	uint64_t a = map_pages(0, MAP_SHARED, 0, 8);
	uint64_t b = map_pages(1, MAP_PRIVATE, 0, 8);
	uint64_t val;

	(void)state;
	give_blocks(0, 8, 8);
	assert_int_equal(native_poison(device.first_pfn + 8 + 3), 0);
	assert_int_equal(load(a), 0);
	expect_events(" pmd=FALLBACK pte=NOPAGE");
	assert_int_equal(mm_load(mm, a + 3 * PAGE, 8, &val), -EBUS);
	expect_events(" pte=SIGBUS");
	assert_int_equal(mm_store(mm, a + 3 * PAGE, 8, 1), -EBUS);
	expect_events(" pte=SIGBUS");
	store(a + 4 * PAGE, 1);
	expect_events(" pte=NOPAGE");
	assert_int_equal(mm_store(mm, b + 3 * PAGE, 8, 1), -EBUS);
	expect_events(" pmd=FALLBACK pte=SIGBUS");
	store(b + 2 * PAGE, 1);
	expect_events(" pmd=FALLBACK pte=DONE_COW");
}

/* ---- fsync ---- */

static uint64_t watched;		/* address of a map */

/* Where the lines are written back, nobody can store to them any more. */
static void mapped_clean(void)
{
	add(" [%s, ", mapped_at(watched));
	add("%s]", entry_at(0));
}

static void writeback_order(void **state)
{
	uint64_t a = map_pages(0, MAP_SHARED, 0, 8);

	(void)state;
	give_blocks(0, 8, 8);
	watched = a;
	at_writeback = mapped_clean;
	store(a, 1);
	expect_events(" pmd=NOPAGE");
	assert_string_equal(entry_at(0), "PMD mapped dirty");
	assert_int_equal(sync_range(5, 5), 0);
	expect_events(" flush(8+8) [PMD ro, PMD mapped locked dirty towrite]"
		      " wb(0+8) wbdone");
	assert_string_equal(entry_at(0), "PMD mapped");
	assert_string_equal(mapped_at(a), "PMD ro");
	assert_int_equal(sync_range(0, UINT64_MAX), 0);
	expect_events("");
	store(a, 2);
	expect_events(" pmd=NOPAGE");
	assert_string_equal(entry_at(0), "PMD mapped dirty");
}

/* One huge entry, mapped by a PMD here and by single pages there. */
static void writeback_of_every_mapping(void **state)
{
	uint64_t a = map_pages(0, MAP_SHARED, 0, 8);
	uint64_t b = map_pages(1, MAP_SHARED, 5, 2);

	(void)state;
	give_blocks(0, 8, 0);
	store(a, 1);
	store(b, 2);
	store(b + PAGE, 3);
	expect_events(" pmd=NOPAGE pmd=FALLBACK pte=NOPAGE pte=NOPAGE");
	assert_string_equal(mapped_at(b + PAGE), "pte RW");
	assert_int_equal(sync_range(0, 0), 0);
	expect_events(" flush(0+8) wb(0+8) wbdone");
	assert_string_equal(mapped_at(a), "PMD ro");
	assert_string_equal(mapped_at(b), "pte ro");
	assert_string_equal(mapped_at(b + PAGE), "pte ro");
}

/* Zero pages are tagged, and have nothing to write; other ranges stay. */
static void writeback_of_a_range(void **state)
{
	uint64_t a = map_pages(0, MAP_SHARED, 0, FILE_PAGES);
	uint64_t b = map_pages(1, MAP_SHARED, 17, 1);

	(void)state;
	give_blocks(8, 8, 0);
	assert_int_equal(load(a), 0);
	assert_int_equal(load(a + 8 * PAGE), 0);
	assert_int_equal(load(b), 0);
	store(a + 24 * PAGE, 1);
	expect_events(" pmd_hole pmd=NOPAGE pmd=NOPAGE pmd=FALLBACK hole"
		      " pte=NOPAGE pmd=NOPAGE");
	assert_int_equal(sync_range(18, 20), 0);
	expect_events(" wbdone");
	assert_int_equal(sync_range(0, 17), 0);
	expect_events(" wb(0+8) flush(8+8) wb(8+8) wb(17+1) wbdone");
	assert_string_equal(entry_at(0), "PMD zero");
	assert_string_equal(entry_at(17), "PTE zero");
	assert_string_equal(entry_at(24), "PMD mapped dirty");
	assert_int_equal(sync_range(0, UINT64_MAX), 0);
	expect_events(" flush(24+8) wb(24+8) wbdone");
}

/* A page got lost after it was mapped: EIO each time, and it stays dirty. */
static void writeback_of_lost_page(void **state)
{
	uint64_t a = map_pages(0, MAP_SHARED, 0, FILE_PAGES);

	(void)state;
	give_blocks(0, 24, 0);
	store(a, 1);
	store(a + 8 * PAGE, 1);
	store(a + 16 * PAGE, 1);
	expect_events(" pmd=NOPAGE pmd=NOPAGE pmd=NOPAGE");
	assert_int_equal(native_poison(device.first_pfn + 15), 0);
	assert_int_equal(sync_range(0, UINT64_MAX), -EIO);
	expect_events(" flush(0+8) wb(0+8) wbdone");
	assert_string_equal(entry_at(8), "PMD mapped dirty towrite");
	assert_string_equal(entry_at(16), "PMD mapped dirty towrite");
	assert_int_equal(sync_range(8, UINT64_MAX), -EIO);
	expect_events(" wbdone");
	assert_int_equal(sync_range(16, UINT64_MAX), 0);
	expect_events(" flush(16+8) wb(16+8) wbdone");
	store(a + 15 * PAGE, 2);
}

/* ---- Who waits for a locked entry ---- */

static void *failed = &failed;

static uint64_t nr_asleep(void)
{
	return machine_load(&device.wait_table[0].nr_waiters) +
	       machine_load(&device.wait_table[1].nr_waiters);
}

static void *sync_all(void *arg)
{
	(void)arg;
	return sync_range(0, UINT64_MAX) ? failed : NULL;
}

static void *delete_all(void *arg)
{
	(void)arg;
	dax_delete_mapping_range(&file.mapping, 0, UINT64_MAX);
	return NULL;
}

static void *invalidate_all(void *arg)
{
	(void)arg;
	dax_invalidate_mapping_range(&file.mapping, 0, UINT64_MAX);
	return NULL;
}

static void *find_busy(void *arg)
{
	return dax_layout_busy_page(&file.mapping) == *(uint64_t *)arg ?
	       NULL : failed;
}

static pthread_t asleep(void *(*function)(void *arg), void *arg)
{
	uint64_t before = nr_asleep();
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, function, arg), 0);
	while (nr_asleep() == before)
		;
	return thread;
}

static void join(pthread_t thread)
{
	void *result;

	assert_int_equal(pthread_join(thread, &result), 0);
	assert_null(result);
}

static void lock_page(uint64_t index)
{
	assert_int_equal(grab_mapping_entry(&file.mapping, index, 0), 0);
}

/* The second one has nothing to do, but waits for the first. */
static void two_writebacks(void **state)
{
	uint64_t a = map_pages(0, MAP_SHARED, 0, 8);
	pthread_t first, second;

	(void)state;
	give_blocks(0, 8, 0);
	store(a, 1);
	lock_page(0);
	first = asleep(sync_all, NULL);
	second = asleep(sync_all, NULL);
	dax_unlock_entry(&file.mapping, 0);
	join(first);
	join(second);
	expect_events(" pmd=NOPAGE flush(0+8) wb(0+8) wbdone wbdone");
	assert_string_equal(entry_at(0), "PMD mapped");
}

/* A zero page that has become a block meanwhile is for the next fsync. */
static void writeback_of_replaced_entry(void **state)
{
	uint64_t a = map_pages(0, MAP_SHARED, 0, 8);
	pthread_t thread;

	(void)state;
	assert_int_equal(load(a), 0);
	expect_events(" pmd_hole pmd=NOPAGE");
	assert_int_equal(grab_mapping_entry(&file.mapping, 0, 3), 0);
	thread = asleep(sync_all, NULL);
	give_blocks(0, 8, 0);
	dax_insert_entry(&file.mapping, 0, device.first_pfn, 0);
	dax_unlock_entry(&file.mapping, 0);
	join(thread);
	expect_events(" wbdone");
	assert_string_equal(entry_at(0), "PMD mapped dirty towrite");
	assert_int_equal(sync_range(0, 7), 0);
	expect_events(" flush(0+8) wb(0+8) wbdone");
}

/* The one that deletes is among those that wait: nobody sleeps on. */
static void deleted_under_waiters(void **state)
{
	uint64_t a = map_pages(0, MAP_SHARED, 0, 8);
	pthread_t threads[5];
	uint64_t busy = 0;
	size_t i;

	(void)state;
	give_blocks(0, 8, 0);
	store(a, 1);
	expect_events(" pmd=NOPAGE");
	lock_page(0);
	threads[0] = asleep(find_busy, &busy);
	threads[1] = asleep(delete_all, NULL);
	threads[2] = asleep(sync_all, NULL);
	threads[3] = asleep(invalidate_all, NULL);
	threads[4] = asleep(delete_all, NULL);
	dax_unlock_entry(&file.mapping, 0);
	for (i = 0; i < 5; i++)
		join(threads[i]);
	expect_events(" wbdone");
	assert_string_equal(entry_at(0), "");
	assert_int_equal(nr_asleep(), 0);
}

/* ---- Blocks come and go ---- */

static void invalidated(void **state)
{
	uint64_t a = map_pages(0, MAP_SHARED, 0, FILE_PAGES);

	(void)state;
	assert_int_equal(load(a), 0);
	assert_int_equal(load(a + 8 * PAGE), 0);
	assert_int_equal(sync_range(0, 7), 0);
	expect_events(" pmd_hole pmd=NOPAGE pmd_hole pmd=NOPAGE wb(0+8)"
		      " wbdone");
	dax_invalidate_mapping_range(&file.mapping, 3, 9);
	unmap_mapping_pages(&file.mapping, 3, 7);
	assert_string_equal(entry_at(0), "");
	assert_string_equal(entry_at(8), "PMD zero dirty");
	assert_string_equal(mapped_at(a), "none");
	assert_string_equal(mapped_at(a + 8 * PAGE), "none");
	give_blocks(0, 10, 0);
	machine_data_store(device.first_pfn + 9, 0, 8, 9);
	assert_int_equal(load(a + 9 * PAGE), 9);
	expect_events(" pmd=FALLBACK pte=NOPAGE");
	dax_invalidate_mapping_range(&file.mapping, 20, FILE_PAGES);
	dax_invalidate_mapping_range(&file.mapping, 5, 4);
	assert_string_equal(entry_at(9), "PTE mapped dirty");
}

/* What stays of a dirty entry gets on the medium, as its tag goes. */
static void deleted_in_part(void **state)
{
	uint64_t a = map_pages(0, MAP_SHARED, 0, FILE_PAGES);

	(void)state;
	give_blocks(0, 24, 8);
	store(a, 1);
	store(a + 8 * PAGE, 1);
	store(a + 16 * PAGE, 1);
	assert_int_equal(sync_range(8, 15), 0);
	expect_events(" pmd=NOPAGE pmd=NOPAGE pmd=NOPAGE flush(16+8) wb(8+8)"
		      " wbdone");
	assert_int_equal(dax_layout_busy_page(&file.mapping), 0);
	dax_delete_mapping_range(&file.mapping, 6, 16);
	expect_events(" flush(8+1) flush(9+1) flush(10+1) flush(11+1)"
		      " flush(12+1) flush(13+1) flush(25+1) flush(26+1)"
		      " flush(27+1) flush(28+1) flush(29+1) flush(30+1)"
		      " flush(31+1)");
	assert_string_equal(entry_at(0), "");
	assert_string_equal(entry_at(23), "");
	assert_null(file.mapping.i_root);
}

static void pinned(void **state)
{
	uint64_t a = map_pages(0, MAP_SHARED, 0, FILE_PAGES);
	uint64_t pfn, other;
	pthread_t thread;

	(void)state;
	give_blocks(8, 17, 0);
	store(a + 8 * PAGE, 1);
	store(a + 24 * PAGE, 1);
	assert_int_equal(load(a), 0);
	expect_events(" pmd=NOPAGE pmd=FALLBACK pte=NOPAGE pmd_hole"
		      " pmd=NOPAGE");
	assert_int_equal(pin_user_page(mm, a + 13 * PAGE, FAULT_FLAG_WRITE,
				       &pfn), 0);
	assert_int_equal(pin_user_page(mm, a + 24 * PAGE, 0, &other), 0);
	assert_int_equal(pfn, device.first_pfn + 13);
	assert_int_equal(dax_layout_busy_page(&file.mapping), pfn);
	assert_string_equal(mapped_at(a), "none");
	assert_string_equal(mapped_at(a + 8 * PAGE), "none");
	assert_string_equal(mapped_at(a + 24 * PAGE), "none");

	/* The entry of the pinned page is locked: it is waited for. */
	lock_page(8);
	thread = asleep(find_busy, &pfn);
	dax_unlock_entry(&file.mapping, 8);
	join(thread);
	unpin_user_page(pfn);
	assert_int_equal(dax_layout_busy_page(&file.mapping), other);
	unpin_user_page(other);
	assert_int_equal(dax_layout_busy_page(&file.mapping), 0);
	assert_string_equal(entry_at(8), "PMD mapped dirty");
}

/* ---- MAP_SYNC ---- */

static void synchronous(void **state)
{
	uint64_t a = map_pages(0, MAP_SHARED | MAP_SYNC, 0, FILE_PAGES);

	(void)state;
	file.flags = IOMAP_F_DIRTY;
	assert_int_equal(load(a), 0);
	expect_events(" pmd_hole pmd=NOPAGE");
	store(a, 1);
	expect_events(" pmd=NEEDDSYNC flush(0+8) wb(0+8) wbdone"
		      " mkwrite=NOPAGE");
	assert_string_equal(entry_at(0), "PMD mapped dirty");
	assert_string_equal(mapped_at(a), "PMD RW");
	store(a + 8 * PAGE, 1);
	expect_events(" pmd=NEEDDSYNC wbdone mkwrite=NOPAGE");
	assert_string_equal(entry_at(8), "PMD mapped dirty");
	/* What the medium knows already needs no fsync. */
	file.flags = 0;
	store(a + 16 * PAGE, 1);
	expect_events(" pmd=NOPAGE");
	assert_int_equal(verify_mm(mm), 0);
}

static void synchronous_page(void **state)
{
	uint64_t a = map_pages(0, MAP_SHARED | MAP_SYNC, 1, 3);

	(void)state;
	file.flags = IOMAP_F_DIRTY;
	store(a, 1);
	expect_events(" pmd=FALLBACK pte=MAJOR|NEEDDSYNC mkwrite=NOPAGE");
	assert_string_equal(entry_at(1), "PTE mapped dirty");
	assert_string_equal(mapped_at(a), "pte RW");
	assert_int_equal(load(a + PAGE), 0);
	expect_events(" hole pte=NOPAGE");
	store(a + PAGE, 1);
	expect_events(" pte=MAJOR|NEEDDSYNC flush(2+1) wb(2+1) wbdone"
		      " mkwrite=NOPAGE");
	assert_string_equal(mapped_at(a + PAGE), "pte RW");
	/* To read, to copy, or through another map: never synchronous. */
	give_blocks(3, 1, 0);
	assert_int_equal(load(a + 2 * PAGE), 0);
	expect_events(" pte=NOPAGE");
	store(map_pages(1, MAP_SHARED, 3, 1), 1);
	expect_events(" pmd=FALLBACK pte=NOPAGE");
}

/* The entry goes while nobody has it locked: the access repeats. */
static void entry_goes(void)
{
	at_sync = NULL;
	unmap_mapping_pages(&file.mapping, 0, UINT64_MAX);
	dax_delete_mapping_range(&file.mapping, 0, UINT64_MAX);
}

static void entry_is_of_another_block(void)
{
	entry_goes();
	assert_int_equal(grab_mapping_entry(&file.mapping, 0, 3), 0);
	dax_insert_entry(&file.mapping, 0, device.first_pfn + 16, 0);
	dax_unlock_entry(&file.mapping, 0);
	give_blocks(0, 8, 16);
}

static void entry_is_smaller(void)
{
	entry_goes();
	lock_page(3);
	dax_insert_entry(&file.mapping, 3, device.first_pfn + 3, 0);
	dax_unlock_entry(&file.mapping, 3);
}

/* As after a real fsync: the medium knows the block by now. */
static void entry_is_larger(void)
{
	entry_goes();
	file.flags = 0;
	assert_int_equal(grab_mapping_entry(&file.mapping, 8, 3), 0);
	dax_insert_entry(&file.mapping, 8, device.first_pfn + 8, 0);
	dax_unlock_entry(&file.mapping, 8);
}

static void synchronous_raced(void **state)
{
	uint64_t a = map_pages(0, MAP_SHARED | MAP_SYNC, 0, 8);
	uint64_t b = map_pages(1, MAP_SHARED | MAP_SYNC, 9, 1);

	(void)state;
	file.flags = IOMAP_F_DIRTY;
	at_sync = entry_goes;
	store(a, 1);
	expect_events(" pmd=NEEDDSYNC no_entry=NOPAGE pmd=NEEDDSYNC"
		      " mkwrite=NOPAGE");
	assert_int_equal(sync_range(0, 7), 0);
	expect_events(" flush(0+8) wb(0+8) wbdone");
	at_sync = entry_is_of_another_block;
	assert_int_equal(dax_layout_busy_page(&file.mapping), 0);
	store(a, 1);
	expect_events(" pmd=NEEDDSYNC no_entry=NOPAGE pmd=NEEDDSYNC"
		      " flush(16+8) wb(0+8) wbdone mkwrite=NOPAGE");
	assert_int_equal(sync_range(0, 7), 0);
	assert_int_equal(dax_layout_busy_page(&file.mapping), 0);
	give_blocks(0, 8, 0);
	dax_delete_mapping_range(&file.mapping, 0, UINT64_MAX);
	events[0] = '\0';
	at_sync = entry_is_smaller;
	store(a, 1);
	expect_events(" pmd=NEEDDSYNC no_entry=NOPAGE pmd=FALLBACK"
		      " pte=NEEDDSYNC wbdone mkwrite=NOPAGE");
	at_sync = entry_is_larger;
	store(b, 1);
	expect_events(" pmd=FALLBACK pte=MAJOR|NEEDDSYNC wbdone"
		      " no_entry=NOPAGE pmd=FALLBACK pte=NOPAGE");
}

int main(void)
{
#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(huge_hole),
		TEST(hole_downgraded),
		TEST(unwritten),
		TEST(no_huge_zero_page),
		TEST(filesystem_fails),
		TEST(no_memory_for_entries),
		TEST(poisoned),
		TEST(writeback_order),
		TEST(writeback_of_every_mapping),
		TEST(writeback_of_a_range),
		TEST(writeback_of_lost_page),
		TEST(two_writebacks),
		TEST(writeback_of_replaced_entry),
		TEST(deleted_under_waiters),
		TEST(invalidated),
		TEST(deleted_in_part),
		TEST(pinned),
		TEST(synchronous),
		TEST(synchronous_page),
		TEST(synchronous_raced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
