/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine_test.c - the engine on the native machine, with the sizes of life.
 *
 * The first group are steps of linux-6.1-dax-probe.txt, measured on
 * a real kernel: the line a step expects is that file's, without the fields
 * that this engine has no counterpart for (smaps, blocks).
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

#include "dax/tree.h"
#include "fs/fs.h"
#include "machines/native/native.h"
#include "mm/mm.h"

#define PAGE UINT64_C(4096)
#define HUGE_PAGE (512 * PAGE)
#define RAM_PAGES 20000
#define DEVICE_PAGES 4096
#define BASE (UINT64_C(1) << 40)	/* where maps go, a huge page's start */

/* ---- What the machine tells ---- */

static char events[4096];
static char reports[4096];
static unsigned int nr_faults;
static unsigned int nr_splits;
static unsigned int nr_retries;
static bool trace_events;
static char failed[] = "failed";	/* what a thread that fails returns */

static void add(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void add(char *text, size_t size, const char *format, ...)
{
	size_t length = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + length, size - length, format, args);
	va_end(args);
}

static const char *answer_name(uint64_t answer)
{
	switch (answer) {
	case 0:
		return "0";
	case VM_FAULT_OOM:
		return "OOM";
	case VM_FAULT_SIGBUS:
		return "SIGBUS";
	case VM_FAULT_NOPAGE:
		return "NOPAGE";
	case VM_FAULT_FALLBACK:
		return "FALLBACK";
	case VM_FAULT_DONE_COW:
		return "DONE_COW";
	}
	return "?";
}

static void on_trace(void *arg, const char *name, uint64_t a, uint64_t b)
{
	(void)arg;
	(void)b;
	if (!trace_events)
		return;
	nr_faults += !strcmp(name, "page_fault");
	nr_splits += !strcmp(name, "split_huge_pmd");
	nr_retries += !strcmp(name, "retry");
	if (!strcmp(name, "dax_iomap_pmd_fault"))
		add(events, sizeof(events), " pmd_fault_done=%s",
		    answer_name(a));
	if (!strcmp(name, "dax_iomap_pte_fault"))
		add(events, sizeof(events), " pte_fault_done=%s",
		    answer_name(a));
}

static void on_report(void *arg, unsigned int oracle, const char *text)
{
	(void)arg;
	add(reports, sizeof(reports), "O%u: %s\n", oracle, text);
}

/* ---- A world with one filesystem and one mm ---- */

struct map {
	uint64_t start;
	uint64_t bytes;
};

/* The maps that a step's line shows. */
static int nr_maps;
static struct map maps[2];
static const char *map_names[2];

static struct super_block *sb;
static struct mm *mm;
static struct inode *file;
static uint64_t next_block;

static const struct native_options usual = {
	.geometry = NATIVE_GEOMETRY,
	.ram_pages = RAM_PAGES,
	.device_pages = DEVICE_PAGES,
	.on_report = on_report,
	.on_trace = on_trace,
};

static void open_world(const struct native_options *options)
{
	events[0] = '\0';
	reports[0] = '\0';
	nr_faults = 0;
	nr_splits = 0;
	nr_retries = 0;
	next_block = 0;
	nr_maps = 0;
	trace_events = true;
	assert_int_equal(native_open(options), 0);
	sb = fs_create(native_device_pfn(), DEVICE_PAGES);
	assert_non_null(sb);
	mm = mm_create("A");
	assert_non_null(mm);
	file = NULL;
}

static int set_up(void **state)
{
	(void)state;
	open_world(&usual);
	return 0;
}

/* Everything must be given back, and nobody may have complained. */
static void close_world(void)
{
	if (mm)
		exit_mmap(mm);
	mm = NULL;
	if (file) {
		assert_int_equal(verify_inode(file), 0);
		inode_destroy(file);
	}
	fs_destroy(sb);
	assert_string_equal(reports, "");
	assert_int_equal(native_live_objects(), 0);
	assert_int_equal(native_live_pages(), 0);
}

static int tear_down(void **state)
{
	(void)state;
	close_world();
	native_close();
	return 0;
}

/* A file of nr_pages blocks in one extent, each byte 0x69. */
static struct inode *written_file(uint64_t nr_pages)
{
	struct inode *inode = inode_create(sb, "f", nr_pages);
	uint64_t pfn = sb->s_dax.first_pfn + next_block;
	uint64_t page;
	size_t at;

	assert_non_null(inode);
	assert_int_equal(inode_add_extent(inode, 0, nr_pages, IOMAP_MAPPED,
					  next_block), 0);
	for (page = 0; page < nr_pages; page++)
		for (at = 0; at < PAGE; at += 8)
			machine_data_store(pfn + page, at, 8,
					   UINT64_C(0x6969696969696969));
	next_block += nr_pages;
	return inode;
}

static struct map map_file(uint64_t at, unsigned int flags, uint64_t offset,
			   uint64_t bytes)
{
	struct map map = { .start = BASE + at, .bytes = bytes };

	assert_int_equal(fs_mmap(mm, file, map.start, bytes,
				 PROT_READ | PROT_WRITE, flags, offset / PAGE),
			 0);
	return map;
}

/* ---- A map in the words of the probe ---- */

struct page_state {
	char kind;		/* . A D */
	char level;		/* p: pte, P: pmd, 0: none */
	bool writable;
	uint64_t page;		/* D: page of the device */
};

static struct page_state page_state(uint64_t addr)
{
	struct page_state state = { .kind = '.' };
	uint64_t *word = mm_find_pmd(mm, addr);
	uint64_t val = word ? machine_pt_load(word) : PMD_NONE;

	if (pmd_devmap(val)) {
		state.level = 'P';
		state.page = addr / PAGE % 512;
	} else {
		word = mm_find_pte(mm, addr);
		val = word ? machine_pt_load(word) : PTE_NONE;
		if (pte_none(val))
			return state;
		state.level = 'p';
	}
	state.kind = pte_devmap(val) ? 'D' : 'A';
	state.page += pte_pfn(val) - sb->s_dax.first_pfn;
	state.writable = pte_write(val);
	return state;
}

/* `D512@0,.512 [pmd*1@0(ro)]` */
static void describe_map(struct map map, char *text, size_t size)
{
	uint64_t nr_pages = map.bytes / PAGE;
	uint64_t run, i;
	const char *comma = "";

	for (i = 0; i < nr_pages; i += run) {
		struct page_state first = page_state(map.start + i * PAGE);

		for (run = 1; i + run < nr_pages; run++) {
			struct page_state next =
				page_state(map.start + (i + run) * PAGE);

			if (next.kind != first.kind ||
			    (next.kind == 'D' &&
			     next.page != first.page + run))
				break;
		}
		add(text, size, "%s%c%d", comma, first.kind, (int)run);
		if (first.kind == 'D')
			add(text, size, "@%d", (int)first.page);
		comma = ",";
	}
	add(text, size, " [");
	comma = "";
	for (i = 0; i < nr_pages; i += run) {
		struct page_state first = page_state(map.start + i * PAGE);
		uint64_t step = first.level == 'P' ? 512 : 1;

		for (run = step; i + run < nr_pages; run += step) {
			struct page_state next =
				page_state(map.start + (i + run) * PAGE);

			if (next.level != first.level ||
			    next.writable != first.writable)
				break;
		}
		if (!first.level)
			continue;
		add(text, size, "%s%s*%d@%d(%s)", comma,
		    first.level == 'P' ? "pmd" : "pte", (int)(run / step),
		    (int)i, first.writable ? "RW" : "ro");
		comma = " ";
	}
	add(text, size, "]");
}

/* Compare what a step has done with the probe's line for it. */
static void expect(const char *result, const char *line)
{
	char text[4096] = "";
	int i;

	add(text, sizeof(text), "%s | pte+%d anon+%d | flt %u |", result,
	    (int)(4 * machine_load(&mm->nr_ptes)),
	    (int)(4 * machine_load(&mm->rss_stat[MM_ANONPAGES])), nr_faults);
	for (i = 0; i < nr_maps; i++) {
		add(text, sizeof(text), " %s:", map_names[i]);
		describe_map(maps[i], text, sizeof(text));
	}
	add(text, sizeof(text), " | ev%s", events);
	assert_string_equal(text, line);
	assert_int_equal(verify_mm(mm), 0);
	assert_int_equal(verify_inode(file), 0);
	events[0] = '\0';
	nr_faults = 0;
}

static void show(const char *name, struct map map)
{
	map_names[nr_maps] = name;
	maps[nr_maps++] = map;
}

static const char *error_name(int error)
{
	switch (error) {
	case 0:
		return "0";
	case -EFAULT:
		return "SIGSEGV";
	case -EBUS:
		return "SIGBUS";
	case -ENOMEM:
		return "ENOMEM";
	}
	return "?";
}

static void r(struct map map, uint64_t offset, const char *line)
{
	char result[16] = "";
	uint64_t val = 0;
	int error = mm_load(mm, map.start + offset, 1, &val);

	if (error)
		add(result, sizeof(result), "%s", error_name(error));
	else
		add(result, sizeof(result), "0x%02x", (unsigned int)val);
	expect(result, line);
}

static void w(struct map map, uint64_t offset, uint64_t byte, const char *line)
{
	expect(error_name(mm_store(mm, map.start + offset, 1, byte)), line);
}

static void dontneed(struct map map, uint64_t offset, uint64_t bytes,
		     const char *line)
{
	expect(error_name(madvise_dontneed(mm, map.start + offset, bytes)),
	       line);
}

static void unmap(struct map map)
{
	nr_maps = 0;
	assert_int_equal(do_munmap(mm, map.start, map.bytes), 0);
	assert_int_equal(verify_mm(mm), 0);
}

#define K UINT64_C(1024)
#define M (K * K)

static void probe_a_private(void **state)
{
	struct map a;

	(void)state;
	file = written_file(1024);
	a = map_file(0, MAP_PRIVATE, 0, 4 * M);
	show("a", a);
	r(a, 0,
	  "0x69 | pte+0 anon+0 | flt 1 | a:D512@0,.512 [pmd*1@0(ro)] | ev"
	  " pmd_fault_done=NOPAGE");
	r(a, 4 * K,
	  "0x69 | pte+0 anon+0 | flt 0 | a:D512@0,.512 [pmd*1@0(ro)] | ev");
	w(a, 0, 0x41,
	  "0 | pte+4 anon+4 | flt 1 | a:A1,.1023 [pte*1@0(RW)] | ev"
	  " pmd_fault_done=FALLBACK pte_fault_done=DONE_COW");
	w(a, 8 * K, 0x77,
	  "0 | pte+4 anon+8 | flt 1 | a:A1,.1,A1,.1021 [pte*1@0(RW)"
	  " pte*1@2(RW)] | ev pte_fault_done=DONE_COW");
	r(a, 0,
	  "0x41 | pte+4 anon+8 | flt 0 | a:A1,.1,A1,.1021 [pte*1@0(RW)"
	  " pte*1@2(RW)] | ev");
	dontneed(a, 0, 2 * M, "0 | pte+4 anon+0 | flt 0 | a:.1024 [] | ev");
	r(a, 0,
	  "0x69 | pte+4 anon+0 | flt 1 | a:D1@0,.1023 [pte*1@0(ro)] | ev"
	  " pte_fault_done=NOPAGE");
	r(a, 4 * K,
	  "0x69 | pte+4 anon+0 | flt 1 | a:D2@0,.1022 [pte*2@0(ro)] | ev"
	  " pte_fault_done=NOPAGE");
	dontneed(a, 0, 4 * M, "0 | pte+4 anon+0 | flt 0 | a:.1024 [] | ev");
	w(a, 2 * M, 0x77,
	  "0 | pte+8 anon+4 | flt 1 | a:.512,A1,.511 [pte*1@512(RW)] | ev"
	  " pmd_fault_done=FALLBACK pte_fault_done=DONE_COW");
	r(a, 2 * M,
	  "0x77 | pte+8 anon+4 | flt 0 | a:.512,A1,.511 [pte*1@512(RW)] | ev");
	r(a, 0,
	  "0x69 | pte+8 anon+4 | flt 1 | a:D1@0,.511,A1,.511 [pte*1@0(ro)"
	  " pte*1@512(RW)] | ev pte_fault_done=NOPAGE");
	unmap(a);
	expect("0", "0 | pte+0 anon+0 | flt 0 | | ev");
	assert_int_equal(nr_splits, 1);
}

/* A write to a private page that is mapped read-only by a PTE. */
static void private_copy_of_mapped_page(void **state)
{
	struct map a;

	(void)state;
	file = written_file(1024);
	a = map_file(0, MAP_PRIVATE, 0, 2 * M);
	show("a", a);
	w(a, 0, 0x41,
	  "0 | pte+4 anon+4 | flt 1 | a:A1,.511 [pte*1@0(RW)] | ev"
	  " pmd_fault_done=FALLBACK pte_fault_done=DONE_COW");
	r(a, 4 * K,
	  "0x69 | pte+4 anon+4 | flt 1 | a:A1,D1@1,.510 [pte*1@0(RW)"
	  " pte*1@1(ro)] | ev pte_fault_done=NOPAGE");
	w(a, 4 * K, 0x42,
	  "0 | pte+4 anon+8 | flt 1 | a:A2,.510 [pte*2@0(RW)] | ev");
	r(a, 4 * K,
	  "0x42 | pte+4 anon+8 | flt 0 | a:A2,.510 [pte*2@0(RW)] | ev");
	r(a, 4 * K + 1,
	  "0x69 | pte+4 anon+8 | flt 0 | a:A2,.510 [pte*2@0(RW)] | ev");
	unmap(a);
}

/* Section D without the steps that need fsync or mprotect. */
static void probe_d_shared(void **state)
{
	struct map d;

	(void)state;
	file = written_file(1024);
	d = map_file(0, MAP_SHARED, 0, 4 * M);
	show("d", d);
	r(d, 0,
	  "0x69 | pte+0 anon+0 | flt 1 | d:D512@0,.512 [pmd*1@0(ro)] | ev"
	  " pmd_fault_done=NOPAGE");
	w(d, 0, 0x77,
	  "0 | pte+0 anon+0 | flt 1 | d:D512@0,.512 [pmd*1@0(RW)] | ev"
	  " pmd_fault_done=NOPAGE");
	w(d, 4 * K, 0x77,
	  "0 | pte+0 anon+0 | flt 0 | d:D512@0,.512 [pmd*1@0(RW)] | ev");
	r(d, 2 * M,
	  "0x69 | pte+0 anon+0 | flt 1 | d:D1024@0 [pmd*1@0(RW)"
	  " pmd*1@512(ro)] | ev pmd_fault_done=NOPAGE");
	w(d, 2 * M, 0x77,
	  "0 | pte+0 anon+0 | flt 1 | d:D1024@0 [pmd*2@0(RW)] | ev"
	  " pmd_fault_done=NOPAGE");
	dontneed(d, 0, 4 * K,
	         "0 | pte+0 anon+0 | flt 0 | d:.512,D512@512 [pmd*1@512(RW)]"
	         " | ev");
	r(d, 0,
	  "0x77 | pte+0 anon+0 | flt 1 | d:D1024@0 [pmd*1@0(ro)"
	  " pmd*1@512(RW)] | ev pmd_fault_done=NOPAGE");
	dontneed(d, 0, 2 * M,
	         "0 | pte+0 anon+0 | flt 0 | d:.512,D512@512 [pmd*1@512(RW)]"
	         " | ev");
	w(d, 0, 0x77,
	  "0 | pte+0 anon+0 | flt 1 | d:D1024@0 [pmd*2@0(RW)] | ev"
	  " pmd_fault_done=NOPAGE");
	unmap(d);
	expect("0", "0 | pte+0 anon+0 | flt 0 | | ev");
}

/* Section E: behind the end of the file. */
static void probe_e_sigbus(void **state)
{
	struct map e, f;

	(void)state;
	file = written_file(512);
	e = map_file(0, MAP_SHARED, 0, 4 * M);
	f = map_file(4 * M, MAP_PRIVATE, 0, 4 * M);
	show("e", e);
	r(e, 2 * M,
	  "SIGBUS | pte+0 anon+0 | flt 1 | e:.1024 [] | ev"
	  " pmd_fault_done=SIGBUS");
	r(f, 2 * M,
	  "SIGBUS | pte+0 anon+0 | flt 1 | e:.1024 [] | ev"
	  " pmd_fault_done=SIGBUS");
	w(f, 2 * M, 1,
	  "SIGBUS | pte+0 anon+0 | flt 1 | e:.1024 [] | ev"
	  " pmd_fault_done=SIGBUS");
	unmap(e);
	unmap(f);
}

/* A file whose last page lies within a huge page. */
static void small_file_falls_back(void **state)
{
	struct map e;

	(void)state;
	file = written_file(3);
	e = map_file(0, MAP_SHARED, 0, 2 * M);
	show("e", e);
	r(e, 0,
	  "0x69 | pte+4 anon+0 | flt 1 | e:D1@0,.511 [pte*1@0(ro)] | ev"
	  " pmd_fault_done=FALLBACK pte_fault_done=NOPAGE");
	r(e, 3 * PAGE,
	  "SIGBUS | pte+4 anon+0 | flt 1 | e:D1@0,.511 [pte*1@0(ro)] | ev"
	  " pte_fault_done=SIGBUS");
	w(e, 3 * PAGE, 1,
	  "SIGBUS | pte+4 anon+0 | flt 1 | e:D1@0,.511 [pte*1@0(ro)] | ev"
	  " pte_fault_done=SIGBUS");
	unmap(e);
}

/* Section G: maps that cannot be huge, wholly or in part. */
static void probe_g_colour(void **state)
{
	struct map j;

	(void)state;
	file = written_file(1536);
	j = map_file(4 * K, MAP_SHARED, 0, 4 * M);
	show("j", j);
	r(j, 0,
	  "0x69 | pte+4 anon+0 | flt 1 | j:D1@0,.1023 [pte*1@0(ro)] | ev"
	  " pmd_fault_done=FALLBACK pte_fault_done=NOPAGE");
	w(j, 0, 0x77,
	  "0 | pte+4 anon+0 | flt 1 | j:D1@0,.1023 [pte*1@0(RW)] | ev"
	  " pte_fault_done=NOPAGE");
	unmap(j);

	/*
	 * The probe's file had been written at 2M by then, with 0x77, and had
	 * its third huge page elsewhere.
	 */
	machine_data_store(sb->s_dax.first_pfn + 512, 0, 1, 0x77);
	j = map_file(1 * M, MAP_SHARED, 1 * M, 4 * M);
	show("j", j);
	r(j, 0,
	  "0x69 | pte+4 anon+0 | flt 1 | j:D1@256,.1023 [pte*1@0(ro)] | ev"
	  " pmd_fault_done=FALLBACK pte_fault_done=NOPAGE");
	r(j, 1 * M,
	  "0x77 | pte+4 anon+0 | flt 1 | j:D1@256,.255,D512@512,.256"
	  " [pte*1@0(ro) pmd*1@256(ro)] | ev pmd_fault_done=NOPAGE");
	w(j, 3 * M, 0x77,
	  "0 | pte+8 anon+0 | flt 1 | j:D1@256,.255,D513@512,.255"
	  " [pte*1@0(ro) pmd*1@256(ro) pte*1@768(RW)] | ev"
	  " pmd_fault_done=FALLBACK pte_fault_done=NOPAGE");
	unmap(j);
}

/* Section I: an entry of one page keeps all maps from being huge. */
static void probe_i_pte_entry_first(void **state)
{
	struct map l, m, n;

	(void)state;
	file = written_file(1024);
	l = map_file(16 * M + 4 * K, MAP_SHARED, 0, 4 * M);
	m = map_file(0, MAP_SHARED, 0, 4 * M);
	show("l", l);
	show("m", m);
	w(l, 0, 0x77,
	  "0 | pte+4 anon+0 | flt 1 | l:D1@0,.1023 [pte*1@0(RW)] m:.1024 [] |"
	  " ev pmd_fault_done=FALLBACK pte_fault_done=NOPAGE");
	r(m, 0,
	  "0x77 | pte+8 anon+0 | flt 1 | l:D1@0,.1023 [pte*1@0(RW)]"
	  " m:D1@0,.1023 [pte*1@0(ro)] | ev pmd_fault_done=FALLBACK"
	  " pte_fault_done=NOPAGE");
	w(m, 4 * K, 0x77,
	  "0 | pte+8 anon+0 | flt 1 | l:D1@0,.1023 [pte*1@0(RW)] m:D2@0,.1022"
	  " [pte*1@0(ro) pte*1@1(RW)] | ev pte_fault_done=NOPAGE");
	r(m, 8 * K,
	  "0x69 | pte+8 anon+0 | flt 1 | l:D1@0,.1023 [pte*1@0(RW)]"
	  " m:D3@0,.1021 [pte*1@0(ro) pte*1@1(RW) pte*1@2(ro)] | ev"
	  " pte_fault_done=NOPAGE");
	unmap(l);
	unmap(m);

	m = map_file(0, MAP_PRIVATE, 0, 4 * M);
	show("m", m);
	w(m, 0, 0x77,
	  "0 | pte+4 anon+4 | flt 1 | m:A1,.1023 [pte*1@0(RW)] | ev"
	  " pmd_fault_done=FALLBACK pte_fault_done=DONE_COW");
	n = map_file(16 * M, MAP_SHARED, 0, 4 * M);
	show("n", n);
	r(n, 0,
	  "0x77 | pte+8 anon+4 | flt 1 | m:A1,.1023 [pte*1@0(RW)]"
	  " n:D1@0,.1023 [pte*1@0(ro)] | ev pmd_fault_done=FALLBACK"
	  " pte_fault_done=NOPAGE");
	dontneed(m, 0, 2 * M,
	         "0 | pte+8 anon+0 | flt 0 | m:.1024 [] n:D1@0,.1023"
	         " [pte*1@0(ro)] | ev");
	r(m, 0,
	  "0x77 | pte+8 anon+0 | flt 1 | m:D1@0,.1023 [pte*1@0(ro)]"
	  " n:D1@0,.1023 [pte*1@0(ro)] | ev pte_fault_done=NOPAGE");
	unmap(m);
	unmap(n);
}

/* The block of an extent decides, and its length. */
static void extents_fall_back(void **state)
{
	struct map a;

	(void)state;
	file = inode_create(sb, "f", 2048);
	assert_int_equal(inode_add_extent(file, 0, 511, IOMAP_MAPPED, 0), 0);
	assert_int_equal(inode_add_extent(file, 511, 1, IOMAP_MAPPED, 512), 0);
	assert_int_equal(inode_add_extent(file, 512, 512, IOMAP_MAPPED, 513),
			 0);
	a = map_file(0, MAP_SHARED, 0, 8 * M);
	show("a", a);
	r(a, 0,
	  "0x00 | pte+4 anon+0 | flt 1 | a:D1@0,.2047 [pte*1@0(ro)] | ev"
	  " pmd_fault_done=FALLBACK pte_fault_done=NOPAGE");
	r(a, 2 * M,
	  "0x00 | pte+8 anon+0 | flt 1 | a:D1@0,.511,D1@513,.1535"
	  " [pte*1@0(ro) pte*1@512(ro)] | ev pmd_fault_done=FALLBACK"
	  " pte_fault_done=NOPAGE");
	unmap(a);
	assert_int_equal(inode_add_extent(file, 1023, 2, IOMAP_MAPPED, 2000),
			 -EEXIST);
	assert_int_equal(inode_add_extent(file, 2000, 2, IOMAP_MAPPED,
					  DEVICE_PAGES - 1), -EINVAL);
	assert_int_equal(inode_add_extent(file, 2000, 0, IOMAP_MAPPED, 0),
			 -EINVAL);
	assert_int_equal(inode_add_extent(file, 2000, 1, IOMAP_HOLE, 0),
			 -EINVAL);
}

/* A file of terabytes with a few blocks, and a hole read and written. */
static void sparse_terabytes(void **state)
{
	uint64_t tib = UINT64_C(1) << 40;
	struct map a;
	uint64_t val = 1;

	(void)state;
	file = inode_create(sb, "f", 64 * tib / PAGE);
	assert_int_equal(inode_add_extent(file, 63 * tib / PAGE, 512,
					  IOMAP_MAPPED, 512), 0);
	assert_int_equal(inode_add_extent(file, 7, 1, IOMAP_MAPPED, 7), 0);
	a = map_file(0, MAP_SHARED, 0, 64 * tib);
	assert_int_equal(mm_store(mm, a.start + 63 * tib + 5 * PAGE, 8, 41), 0);
	assert_int_equal(mm_store(mm, a.start + 7 * PAGE, 8, 42), 0);
	assert_int_equal(mm_load(mm, a.start + 63 * tib + 5 * PAGE, 8, &val),
			 0);
	assert_int_equal(val, 41);
	assert_int_equal(mm_load(mm, a.start + 7 * PAGE, 8, &val), 0);
	assert_int_equal(val, 42);
	assert_int_equal(page_state(a.start + 63 * tib).level, 'P');
	assert_int_equal(mm_load(mm, a.start + tib, 8, &val), 0);
	assert_int_equal(val, 0);
	assert_int_equal(verify_mm(mm), 0);
	assert_int_equal(madvise_dontneed(mm, a.start, a.bytes), 0);
	assert_int_equal(page_state(a.start + 63 * tib).level, 0);
	unmap(a);
	/* A private copy of a hole needs no block. */
	a = map_file(0, MAP_PRIVATE, 0, 64 * tib);
	assert_int_equal(mm_store(mm, a.start + tib + 8, 8, 43), 0);
	assert_int_equal(mm_load(mm, a.start + tib, 8, &val), 0);
	assert_int_equal(val, 0);
	assert_int_equal(mm_load(mm, a.start + tib + 8, 8, &val), 0);
	assert_int_equal(val, 43);
	unmap(a);
}

static void wrong_use(void **state)
{
	uint64_t val;
	struct map a;

	(void)state;
	file = written_file(512);
	a = map_file(0, MAP_SHARED, 0, 2 * M);
	assert_int_equal(fs_mmap(mm, file, BASE + PAGE, PAGE, PROT_READ,
				 MAP_SHARED, 0), -EEXIST);
	assert_int_equal(fs_mmap(mm, file, BASE - PAGE, 2 * PAGE, PROT_READ,
				 MAP_SHARED, 0), -EEXIST);
	assert_int_equal(fs_mmap(mm, file, 1, PAGE, PROT_READ, MAP_SHARED, 0),
			 -EINVAL);
	assert_int_equal(fs_mmap(mm, file, 0, 0, PROT_READ, MAP_SHARED, 0),
			 -EINVAL);
	assert_int_equal(fs_mmap(mm, file, 0, PAGE, 4, MAP_SHARED, 0),
			 -EINVAL);
	assert_int_equal(fs_mmap(mm, file, 0, PAGE, PROT_READ,
				 MAP_SHARED | MAP_PRIVATE, 0), -EINVAL);
	assert_int_equal(fs_mmap(mm, file, (UINT64_C(1) << 48) - PAGE,
				 2 * PAGE, PROT_READ, MAP_SHARED, 0), -EINVAL);
	assert_int_equal(fs_mmap(mm, file, 0, PAGE, PROT_READ, MAP_SHARED,
				 UINT64_MAX), -EINVAL);
	assert_int_equal(do_munmap(mm, a.start + 1, PAGE), -EINVAL);
	assert_int_equal(do_munmap(mm, a.start + 64 * M, PAGE), 0);
	assert_int_equal(madvise_dontneed(mm, a.start, 1), -EINVAL);
	assert_int_equal(madvise_dontneed(mm, a.start, 4 * M), -ENOMEM);
	assert_int_equal(madvise_dontneed(mm, a.start - PAGE, 2 * PAGE),
			 -ENOMEM);
	assert_int_equal(mm_load(mm, a.start + 1, 2, &val), -EINVAL);
	assert_int_equal(mm_load(mm, a.start, 3, &val), -EINVAL);
	assert_int_equal(mm_load(mm, a.start, 16, &val), -EINVAL);
	assert_int_equal(mm_load(mm, a.start - PAGE, 1, &val), -EFAULT);
	assert_int_equal(mm_load(mm, UINT64_C(1) << 48, 1, &val), -EFAULT);
	unmap(a);

	assert_int_equal(fs_mmap(mm, file, BASE, PAGE, PROT_READ, MAP_SHARED,
				 0), 0);
	assert_int_equal(mm_store(mm, BASE, 1, 1), -EFAULT);
	assert_int_equal(mm_load(mm, BASE, 1, &val), 0);
	assert_int_equal(mm_store(mm, BASE, 1, 1), -EFAULT);
	assert_int_equal(fs_mmap(mm, file, BASE + PAGE, PAGE, 0, MAP_SHARED,
				 0), 0);
	assert_int_equal(mm_load(mm, BASE + PAGE, 1, &val), -EFAULT);
}

static void sizes_of_access(void **state)
{
	uint64_t val;
	struct map a;

	(void)state;
	file = written_file(512);
	a = map_file(0, MAP_SHARED, 0, 2 * M);
	assert_int_equal(mm_store(mm, a.start + 8, 8,
				  UINT64_C(0x8877665544332211)), 0);
	assert_int_equal(mm_load(mm, a.start + 8, 1, &val), 0);
	assert_int_equal(val, 0x11);
	assert_int_equal(mm_load(mm, a.start + 10, 2, &val), 0);
	assert_int_equal(val, 0x4433);
	assert_int_equal(mm_load(mm, a.start + 12, 4, &val), 0);
	assert_int_equal(val, 0x88776655);
}

/* ---- The complaints ---- */

static void complaints_at_exit(void **state)
{
	struct map a;

	(void)state;
	file = written_file(512);
	a = map_file(0, MAP_PRIVATE, 0, 2 * M);
	assert_int_equal(mm_store(mm, a.start, 8, 1), 0);
	machine_add(&mm->nr_ptes, 1);
	machine_add(&mm->rss_stat[MM_ANONPAGES], -2);
	assert_int_equal(verify_mm(mm), 2);
	reports[0] = '\0';
	exit_mmap(mm);
	mm = NULL;
	assert_string_equal(reports,
			    "O2: BUG: Bad rss-counter state mm:A idx:1 val:-2\n"
			    "O1: BUG: non-zero nr_ptes on freeing mm: 1\n");
	reports[0] = '\0';
}

static void bad_pmd_is_reported(void **state)
{
	uint64_t *pmd;
	struct map a;

	(void)state;
	file = written_file(512);
	a = map_file(0, MAP_PRIVATE, 0, 2 * M);
	assert_int_equal(mm_load(mm, a.start, 8, &(uint64_t){ 0 }), 0);
	pmd = mm_find_pmd(mm, a.start);
	machine_pt_store(pmd, _PAGE_PRESENT | _PAGE_SPECIAL);
	assert_int_equal(verify_mm(mm), 1);
	assert_string_equal(reports, "O12: mm:A: bad pmd\n");
	reports[0] = '\0';
	assert_int_equal(do_munmap(mm, a.start, a.bytes), 0);
	assert_string_equal(reports, "O9: bad pmd neither a table nor huge\n");
	reports[0] = '\0';
}

static void verify_sees_what_is_wrong(void **state)
{
	struct dax_slot slot;
	uint64_t *pmd, good;
	struct map a;

	(void)state;
	file = written_file(1024);
	a = map_file(0, MAP_SHARED, 0, 2 * M);
	assert_int_equal(mm_store(mm, a.start, 8, 1), 0);
	assert_true(dax_tree_find(&file->i_data, 5, 5, DAX_ANY, &slot));
	assert_int_equal(slot.index, 0);
	machine_spin_lock(&file->i_data.i_pages);
	dax_tag_clear(&slot, DAX_TAG_DIRTY);
	machine_spin_unlock(&file->i_data.i_pages);
	assert_int_equal(verify_mm(mm), 1);
	assert_string_equal(reports, "O6: mm:A page 0 of f: writable, "
				     "but the entry is clean\n");
	reports[0] = '\0';

	pmd = mm_find_pmd(mm, a.start);
	good = machine_pt_load(pmd);
	machine_pt_store(pmd, (good & ~_PAGE_RW) + (UINT64_C(512) << 12));
	assert_int_equal(verify_mm(mm), 1);
	assert_string_equal(reports, "O13: mm:A page 0 of f: maps another "
				     "page than the entry says\n");
	reports[0] = '\0';
	machine_pt_store(pmd, good);
	assert_int_equal(do_munmap(mm, a.start, a.bytes), 0);

	machine_spin_lock(&file->i_data.i_pages);
	dax_slot_store(&slot, dax_slot_load(&slot) | DAX_LOCKED);
	assert_int_equal(verify_inode(file), 1);
	assert_string_equal(reports, "O11: page 0 of f: entry still locked\n");
	dax_slot_store(&slot, dax_slot_load(&slot) & ~DAX_LOCKED);
	slot.node->count++;
	assert_int_equal(verify_inode(file), 1);
	slot.node->count--;
	machine_spin_unlock(&file->i_data.i_pages);
	reports[0] = '\0';
}

/* ---- No memory ---- */

/*
 * The root, then a table for the PUD and the PMD: now huge pages can be mapped.
 * A private copy and its PTE table are two more.
 */
static void no_pages(void **state)
{
	struct native_options options = usual;
	uint64_t nr;

	(void)state;
	for (nr = 2; nr < 7; nr++) {
		struct map p, s;
		uint64_t val;

		options.ram_pages = nr;
		open_world(&options);
		file = written_file(1024);
		p = map_file(0, MAP_PRIVATE, 0, 2 * M);
		s = map_file(2 * M, MAP_SHARED, 2 * M, 2 * M);
		assert_int_equal(mm_store(mm, p.start, 8, 1),
				 nr < 5 ? -ENOMEM : 0);
		assert_int_equal(mm_load(mm, s.start, 8, &val),
				 nr < 3 ? -ENOMEM : 0);
		assert_int_equal(verify_mm(mm), 0);
		assert_string_equal(reports, "");
		close_world();
		native_close();
	}
	options.ram_pages = 1;
	assert_int_equal(native_open(&options), 0);
	sb = fs_create(native_device_pfn(), DEVICE_PAGES);
	mm = mm_create("A");
	assert_non_null(mm);
	assert_null(mm_create("B"));
	file = NULL;
	close_world();
	native_close();
}

/* ---- The balanced tree ---- */

struct item {
	struct avl_node node;
	unsigned int key;
	bool in;
};

static unsigned int check_avl(const struct avl_node *node)
{
	unsigned int left, right;
	int side;

	if (!node)
		return 0;
	for (side = 0; side < 2; side++)
		if (node->child[side])
			assert_ptr_equal(node->child[side]->parent, node);
	left = check_avl(node->child[0]);
	right = check_avl(node->child[1]);
	assert_in_range(left, right ? right - 1 : 0, right + 1);
	assert_int_equal(node->height, 1 + (left > right ? left : right));
	return 1 + (left > right ? left : right);
}

static unsigned int item_key(const struct avl_node *node)
{
	return ((const struct item *)(const void *)node)->key;
}

static void avl_random(void **state)
{
	static struct item items[256];
	struct avl_root root = { NULL };
	unsigned int round, i, nr = 0;

	(void)state;
	srandom(1);
	for (i = 0; i < 256; i++)
		items[i].key = i;
	for (round = 0; round < 20000; round++) {
		struct item *item = &items[(unsigned int)random() % 256];
		struct avl_node **link = &root.node, *parent = NULL;
		const struct avl_node *node;

		if (item->in) {
			avl_erase(&root, &item->node);
			nr--;
		} else {
			while (*link) {
				parent = *link;
				link = &parent->child[item_key(parent) <
						      item->key];
			}
			avl_insert(&root, &item->node, parent, link);
			nr++;
		}
		item->in = !item->in;
		if (round % 16)
			continue;
		check_avl(root.node);
		for (i = 0, node = avl_first(&root); node;
		     node = avl_next(node)) {
			assert_true(((const struct item *)(const void *)node)
					    ->in);
			if (avl_next(node))
				assert_ptr_equal(avl_prev(avl_next(node)),
						 node);
			else
				assert_ptr_equal(avl_last(&root), node);
			i++;
		}
		assert_int_equal(i, nr);
	}
}

/* ---- The tree of entries, against a plain list ---- */

struct model_entry {
	uint64_t index;
	unsigned int order;
	uint64_t entry;
	bool tags[DAX_NR_TAGS];
};

static struct model_entry model[300];
static int nr_model;

static uint64_t model_pages(const struct model_entry *entry)
{
	return UINT64_C(1) << entry->order;
}

/* The first entry in [first, last] with the tag, by looking at all. */
static struct model_entry *model_find(uint64_t first, uint64_t last,
				      enum dax_tag tag)
{
	struct model_entry *found = NULL;
	int i;

	for (i = 0; i < nr_model; i++) {
		struct model_entry *entry = &model[i];

		if (entry->index > last ||
		    entry->index + model_pages(entry) <= first ||
		    (tag != DAX_ANY && !entry->tags[tag]))
			continue;
		if (!found || entry->index < found->index)
			found = entry;
	}
	return found;
}

static bool find_both(uint64_t first, uint64_t last, enum dax_tag tag,
		      struct dax_slot *slot, struct model_entry **entry)
{
	bool found = dax_tree_find(&file->i_data, first, last, tag, slot);

	*entry = model_find(first, last, tag);
	assert_int_equal(found, *entry != NULL);
	if (!found)
		return false;
	assert_true(slot->index == (*entry)->index);
	assert_int_equal(slot->order, (*entry)->order);
	assert_true(dax_slot_load(slot) == (*entry)->entry);
	return true;
}

static uint64_t random_index(void)
{
	uint64_t index = (uint64_t)random() % 6000;

	switch (random() % 4) {
	case 0:
		return index;
	case 1:
		return index << 18;
	case 2:
		return (UINT64_C(1) << 51) - 1 - index;
	}
	return index % 1500;
}

static void tree_insert(uint64_t index, unsigned int order)
{
	struct model_entry *entry = &model[nr_model++];
	struct dax_spares spares = { NULL, 0 };
	struct address_space *mapping = &file->i_data;
	uint64_t needed;

	*entry = (struct model_entry){
		.index = index,
		.order = order,
		.entry = DAX_EMPTY | (order ? DAX_PMD : 0),
	};
	machine_spin_lock(&mapping->i_pages);
	needed = dax_tree_nodes_needed(mapping, index, order);
	machine_spin_unlock(&mapping->i_pages);
	assert_int_equal(dax_tree_reserve(&spares, needed), 0);
	machine_spin_lock(&mapping->i_pages);
	dax_tree_insert(mapping, index, order, entry->entry, &spares);
	machine_spin_unlock(&mapping->i_pages);
	assert_int_equal(spares.nr, 0);
}

static void tree_shrink_entry(struct model_entry *entry,
			      const struct dax_slot *slot, uint64_t index)
{
	struct dax_spares spares = { NULL, 0 };

	*entry = (struct model_entry){ .index = index, .entry = DAX_EMPTY };
	assert_int_equal(dax_tree_reserve(&spares, 3), 0);
	machine_spin_lock(&file->i_data.i_pages);
	dax_tree_replace_by_page(&file->i_data, slot, index, DAX_EMPTY,
				 &spares);
	machine_spin_unlock(&file->i_data.i_pages);
	assert_int_equal(spares.nr, 0);
}

static void tree_delete(struct model_entry *entry, const struct dax_slot *slot)
{
	machine_spin_lock(&file->i_data.i_pages);
	dax_tree_delete(&file->i_data, slot);
	machine_spin_unlock(&file->i_data.i_pages);
	*entry = model[--nr_model];
}

static void tree_toggle_tag(struct model_entry *entry,
			    const struct dax_slot *slot, enum dax_tag tag)
{
	machine_spin_lock(&file->i_data.i_pages);
	if (entry->tags[tag])
		dax_tag_clear(slot, tag);
	else
		dax_tag_set(slot, tag);
	machine_spin_unlock(&file->i_data.i_pages);
	entry->tags[tag] = !entry->tags[tag];
	assert_int_equal(dax_tag_get(slot, tag), entry->tags[tag]);
}

static void tree_random(void **state)
{
	struct model_entry *entry;
	struct dax_slot slot;
	unsigned int round;

	(void)state;
	srandom(2);
	file = inode_create(sb, "f", UINT64_C(1) << 51);
	nr_model = 0;
	for (round = 0; round < 30000; round++) {
		unsigned int order = random() % 2 ? 9 : 0;
		uint64_t index = random_index() & ~((UINT64_C(1) << order) - 1);
		uint64_t last = index + (UINT64_C(1) << order) - 1;

		if (!find_both(index, last, DAX_ANY, &slot, &entry)) {
			if (nr_model < 300)
				tree_insert(index, order);
		} else if (random() % 2) {
			tree_toggle_tag(entry, &slot, random() % 2 ?
					DAX_TAG_DIRTY : DAX_TAG_TOWRITE);
		} else if (random() % 8 == 0 && entry->order && !order) {
			tree_shrink_entry(entry, &slot, index);
		} else {
			tree_delete(entry, &slot);
		}
		index = random_index();
		find_both(index, UINT64_MAX, DAX_ANY, &slot, &entry);
		find_both(index, index + 4096, DAX_ANY, &slot, &entry);
		find_both(index, UINT64_MAX, DAX_TAG_DIRTY, &slot, &entry);
		find_both(0, index, DAX_TAG_TOWRITE, &slot, &entry);
		if (round % 500 == 0)
			assert_int_equal(verify_inode(file), 0);
	}
	while (find_both(0, UINT64_MAX, DAX_ANY, &slot, &entry))
		tree_delete(entry, &slot);
	assert_null(file->i_data.i_root);
}

static uint64_t entry_at(uint64_t index)
{
	struct dax_slot slot;

	assert_true(dax_tree_find(&file->i_data, index, index, DAX_ANY, &slot));
	return dax_slot_load(&slot);
}

/* races.md 29: an entry deep in the range is a conflict, 28: none is not. */
static void conflicts(void **state)
{
	struct address_space *mapping;
	uint64_t index;

	(void)state;
	file = inode_create(sb, "f", 4096);
	mapping = &file->i_data;
	for (index = 512; index < 1024; index += 73) {
		assert_int_equal(grab_mapping_entry(mapping, index, 0),
				 0);
		assert_true(entry_at(index) == (DAX_EMPTY | DAX_LOCKED));
		/* locked or not */
		assert_int_equal(grab_mapping_entry(mapping, 512, 9),
				 -EEXIST);
		dax_unlock_entry(mapping, index);
		assert_int_equal(grab_mapping_entry(mapping, 512, 9),
				 -EEXIST);
		assert_int_equal(grab_mapping_entry(mapping, 0, 9), 0);
		dax_unlock_entry(mapping, 0);
		assert_int_equal(grab_mapping_entry(mapping, 1024, 9),
				 0);
		dax_unlock_entry(mapping, 1024);
		dax_delete_mapping_entries(mapping);
	}
	/* An empty huge entry makes room for a page, one with blocks stays. */
	assert_int_equal(grab_mapping_entry(mapping, 512, 9), 0);
	dax_unlock_entry(mapping, 700);
	assert_int_equal(grab_mapping_entry(mapping, 600, 0), 0);
	assert_true(entry_at(600) == (DAX_EMPTY | DAX_LOCKED));
	dax_unlock_entry(mapping, 600);
	dax_delete_mapping_entries(mapping);
	assert_int_equal(inode_add_extent(file, 512, 512, IOMAP_MAPPED, 0), 0);
	assert_int_equal(grab_mapping_entry(mapping, 512, 9), 0);
	dax_insert_entry(mapping, 512, sb->s_dax.first_pfn, 0);
	dax_unlock_entry(mapping, 512);
	assert_int_equal(grab_mapping_entry(mapping, 600, 0), 0);
	assert_true(entry_at(600) == (dax_make_entry(sb->s_dax.first_pfn,
					     DAX_PMD | DAX_LOCKED)));
	dax_unlock_entry(mapping, 600);
}

/* ---- Sleeping on an entry ---- */

struct sleeper {
	pthread_t thread;
	uint64_t index;
	uint64_t order;		/* of arrival at the lock */
};

static uint64_t nr_arrived;

static void *take_and_leave(void *arg)
{
	struct sleeper *sleeper = arg;

	if (grab_mapping_entry(&file->i_data, sleeper->index, 0))
		return failed;
	sleeper->order = __atomic_add_fetch(&nr_arrived, 1, __ATOMIC_SEQ_CST);
	dax_unlock_entry(&file->i_data, sleeper->index);
	return NULL;
}

static uint64_t nr_asleep(void)
{
	uint64_t sum = 0;
	uint64_t i;

	for (i = 0; i < 256; i++)
		sum += machine_load(&sb->s_dax.wait_table[i].nr_waiters);
	return sum;
}

/*
 * Sleepers on one huge entry, each for another page: with a block they come
 * one after the other, in order; when it is replaced all wake up.
 */
static void sleep_on_huge_entry(uint64_t pfn)
{
	struct address_space *mapping = &file->i_data;
	struct sleeper sleepers[4];
	uint64_t i;
	void *error;

	nr_arrived = 0;
	assert_int_equal(grab_mapping_entry(mapping, 512, 9), 0);
	if (pfn)
		dax_insert_entry(mapping, 512, pfn, 0);
	for (i = 0; i < 4; i++) {
		sleepers[i].index = 512 + 100 * i;
		assert_int_equal(pthread_create(&sleepers[i].thread, NULL,
						take_and_leave, &sleepers[i]),
				 0);
		while (nr_asleep() != i + 1)
			;
	}
	dax_unlock_entry(mapping, 512);
	for (i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(sleepers[i].thread, &error), 0);
		assert_null(error);
		if (pfn)
			assert_int_equal(sleepers[i].order, i + 1);
	}
	assert_int_equal(nr_asleep(), 0);
	assert_int_equal(nr_arrived, 4);
	dax_delete_mapping_entries(mapping);
}

static void waiters(void **state)
{
	(void)state;
	trace_events = false;
	file = written_file(1024);
	sleep_on_huge_entry(sb->s_dax.first_pfn + 512);
	sleep_on_huge_entry(0);
}

/* ---- Mappings, against a plain array ---- */

#define MODEL_PAGES 2048

struct model_page {
	struct inode *inode;	/* NULL: nothing is mapped */
	uint64_t page;		/* of the file */
	bool shared;
	bool copied;		/* private: has a page of its own */
	uint64_t val;		/* what the copy holds */
};

static struct model_page model_mm[MODEL_PAGES];
static uint64_t model_file[1024];
static uint64_t model_start;

static void model_access(uint64_t page, bool store, uint64_t val)
{
	struct model_page *model_page = &model_mm[page];
	uint64_t addr = model_start + page * PAGE;
	uint64_t got = 0;
	int error = store ? mm_store(mm, addr, 8, val) :
			    mm_load(mm, addr, 8, &got);

	if (!model_page->inode) {
		assert_int_equal(error, -EFAULT);
		return;
	}
	assert_int_equal(error, 0);
	if (store && model_page->shared) {
		model_file[model_page->page] = val;
	} else if (store) {
		model_page->copied = true;
		model_page->val = val;
	} else if (model_page->copied) {
		assert_true(got == model_page->val);
	} else {
		assert_true(got == model_file[model_page->page]);
	}
}

static void model_map(uint64_t page, uint64_t nr_pages)
{
	/* Mostly so that huge pages fit. */
	uint64_t pgoff = random() % 4 ? page % 512 : (uint64_t)random() % 512;
	bool shared = random() % 2;
	bool overlap = false;
	uint64_t i;
	int error;

	nr_pages = nr_pages > 1024 - pgoff ? 1024 - pgoff : nr_pages;
	for (i = 0; i < nr_pages; i++)
		overlap |= model_mm[page + i].inode != NULL;
	error = fs_mmap(mm, file, model_start + page * PAGE, nr_pages * PAGE,
			PROT_READ | PROT_WRITE,
			shared ? MAP_SHARED : MAP_PRIVATE, pgoff);
	assert_int_equal(error, overlap ? -EEXIST : 0);
	for (i = 0; !error && i < nr_pages; i++)
		model_mm[page + i] = (struct model_page){
			.inode = file,
			.page = pgoff + i,
			.shared = shared,
		};
}

static void model_unmap(uint64_t page, uint64_t nr_pages)
{
	uint64_t i;

	assert_int_equal(do_munmap(mm, model_start + page * PAGE,
				   nr_pages * PAGE), 0);
	for (i = 0; i < nr_pages; i++)
		model_mm[page + i].inode = NULL;
}

static void model_dontneed(uint64_t page, uint64_t nr_pages)
{
	bool hole = false;
	uint64_t i;

	for (i = 0; i < nr_pages; i++) {
		hole |= model_mm[page + i].inode == NULL;
		model_mm[page + i].copied = false;
	}
	assert_int_equal(madvise_dontneed(mm, model_start + page * PAGE,
					  nr_pages * PAGE),
			 hole ? -ENOMEM : 0);
}

static uint64_t check_model(void)
{
	uint64_t tables = 0;
	uint64_t i, j;

	assert_int_equal(verify_mm(mm), 0);
	/* No table without a mapping. */
	for (i = 0; i < MODEL_PAGES; i += 512) {
		uint64_t *pmd = mm_find_pmd(mm, model_start + i * PAGE);
		bool mapped = false;

		for (j = i; j < i + 512; j++)
			mapped |= model_mm[j].inode != NULL;
		if (pmd && !mapped)
			assert_true(pmd_none(machine_pt_load(pmd)));
		tables += pmd && !pmd_bad(machine_pt_load(pmd));
	}
	assert_int_equal(tables, machine_load(&mm->nr_ptes));
	return tables;
}

static void mappings_random(void **state)
{
	unsigned int round;
	uint64_t i;

	(void)state;
	srandom(3);
	trace_events = false;
	file = written_file(1024);
	memset(model_mm, 0, sizeof(model_mm));
	for (i = 0; i < 1024; i++)
		model_file[i] = UINT64_C(0x6969696969696969);
	/* Across a border of all levels of tables. */
	model_start = (UINT64_C(1) << 39) - MODEL_PAGES / 2 * PAGE;
	for (round = 0; round < 40000; round++) {
		uint64_t page = (uint64_t)random() % MODEL_PAGES;
		uint64_t nr_pages = 1 + (uint64_t)random() %
					    (random() % 2 ? 8 : 1024);

		if (nr_pages > MODEL_PAGES - page)
			nr_pages = MODEL_PAGES - page;
		switch (random() % 16) {
		case 0:
		case 1:
			model_map(page, nr_pages);
			break;
		case 2:
			if (random() % 4 == 0)
				model_unmap(page, nr_pages);
			break;
		case 3:
			model_dontneed(page, nr_pages);
			break;
		case 4:
			if (round % 8 == 0)
				check_model();
			break;
		default:
			model_access(page, random() % 2, (uint64_t)random());
		}
		/* Now and then a file without entries, huge pages again. */
		if (random() % 2000 == 0) {
			model_unmap(0, MODEL_PAGES);
			assert_int_equal(verify_inode(file), 0);
			dax_delete_mapping_entries(&file->i_data);
		}
	}
	model_unmap(0, MODEL_PAGES);
	assert_int_equal(check_model(), 0);
	assert_int_equal(native_live_pages(), 1);
}

static void many_mappings(void **state)
{
	uint64_t nr = 10000;
	uint64_t i, val;
	struct vm_area_struct *vma;

	(void)state;
	trace_events = false;
	file = written_file(512);
	/* Every second page; 7919 is prime to nr, so the order is wild. */
	for (i = 0; i < nr; i++)
		assert_int_equal(fs_mmap(mm, file,
					 BASE + i * 7919 % nr * 2 * PAGE, PAGE,
					 PROT_READ, MAP_PRIVATE, i % 512), 0);
	for (i = 0; i < nr; i++) {
		assert_int_equal(mm_load(mm, BASE + i * 2 * PAGE, 8, &val), 0);
		assert_int_equal(mm_load(mm, BASE + (i * 2 + 1) * PAGE, 8,
					 &val), -EFAULT);
	}
	assert_int_equal(verify_mm(mm), 0);
	for (i = 0, vma = find_vma(mm, 0); vma; vma = vma_next(vma))
		assert_true(vma->vm_start == BASE + i++ * 2 * PAGE);
	assert_int_equal(i, nr);
	assert_int_equal(do_munmap(mm, BASE, 2 * nr * PAGE), 0);
	assert_null(find_vma(mm, 0));
	assert_int_equal(native_live_pages(), 1);
}

/* Tables go with the last mapping they serve, not earlier, not later. */
static void partial_munmap(void **state)
{
	struct map a;

	(void)state;
	file = written_file(1024);
	a = map_file(0, MAP_PRIVATE, 0, 4 * M);
	show("a", a);
	w(a, 1 * M, 1,
	  "0 | pte+4 anon+4 | flt 1 | a:.256,A1,.767 [pte*1@256(RW)] | ev"
	  " pmd_fault_done=FALLBACK pte_fault_done=DONE_COW");
	w(a, 2 * M, 1,
	  "0 | pte+8 anon+8 | flt 1 | a:.256,A1,.255,A1,.511 [pte*1@256(RW)"
	  " pte*1@512(RW)] | ev pmd_fault_done=FALLBACK"
	  " pte_fault_done=DONE_COW");
	assert_int_equal(do_munmap(mm, a.start, 1 * M), 0);
	expect(
	       "0", "0 | pte+8 anon+8 | flt 0 | a:.256,A1,.255,A1,.511"
	       " [pte*1@256(RW) pte*1@512(RW)] | ev");
	/* the middle of what is left: a VMA becomes two */
	assert_int_equal(do_munmap(mm, a.start + 1 * M, 1 * M + 4 * K), 0);
	expect("0", "0 | pte+4 anon+0 | flt 0 | a:.1024 [] | ev");
	r(a, 2 * M + 4 * K,
	  "0x69 | pte+4 anon+0 | flt 1 | a:.513,D1@513,.510 [pte*1@513(ro)] |"
	  " ev pte_fault_done=NOPAGE");
	assert_int_equal(do_munmap(mm, a.start + 2 * M + 8 * K, 4 * K), 0);
	r(a, 2 * M + 8 * K,
	  "SIGSEGV | pte+4 anon+0 | flt 1 | a:.513,D1@513,.510"
	  " [pte*1@513(ro)] | ev");
	r(a, 2 * M + 12 * K,
	  "0x69 | pte+4 anon+0 | flt 1 | a:.513,D1@513,.1,D1@515,.508"
	  " [pte*1@513(ro) pte*1@515(ro)] | ev pte_fault_done=NOPAGE");
	assert_int_equal(do_munmap(mm, a.start, 4 * M), 0);
	nr_maps = 0;
	expect("0", "0 | pte+0 anon+0 | flt 0 | | ev");
	/* only the root is left */
	assert_int_equal(native_live_pages(), 1);
	assert_null(mm_find_pmd(mm, a.start));
}

/* Unmap part of a huge page: the rest comes back by pages. */
static void munmap_splits_huge_page(void **state)
{
	struct map a;

	(void)state;
	file = written_file(512);
	a = map_file(0, MAP_SHARED, 0, 2 * M);
	show("a", a);
	w(a, 0, 0x11,
	  "0 | pte+0 anon+0 | flt 1 | a:D512@0 [pmd*1@0(RW)] | ev"
	  " pmd_fault_done=NOPAGE");
	assert_int_equal(do_munmap(mm, a.start + 4 * K, 4 * K), 0);
	expect("0", "0 | pte+0 anon+0 | flt 0 | a:.512 [] | ev");
	r(a, 0,
	  "0x11 | pte+4 anon+0 | flt 1 | a:D1@0,.511 [pte*1@0(ro)] | ev"
	  " pmd_fault_done=FALLBACK pte_fault_done=NOPAGE");
	w(a, 8 * K, 0x12,
	  "0 | pte+4 anon+0 | flt 1 | a:D1@0,.1,D1@2,.509 [pte*1@0(ro)"
	  " pte*1@2(RW)] | ev pte_fault_done=NOPAGE");
	w(a, 0, 0x13,
	  "0 | pte+4 anon+0 | flt 1 | a:D1@0,.1,D1@2,.509 [pte*1@0(RW)"
	  " pte*1@2(RW)] | ev pte_fault_done=NOPAGE");
}

/* Two mms, one file; one exits. */
static void two_mms(void **state)
{
	struct mm *other = mm_create("B");
	uint64_t val;

	(void)state;
	assert_non_null(other);
	file = written_file(512);
	map_file(0, MAP_SHARED, 0, 2 * M);
	assert_int_equal(fs_mmap(other, file, BASE + 2 * M, 2 * M, PROT_READ,
				 MAP_PRIVATE, 0), 0);
	assert_int_equal(mm_store(mm, BASE + 8, 8, 5), 0);
	assert_int_equal(mm_load(other, BASE + 2 * M + 8, 8, &val), 0);
	assert_int_equal(val, 5);
	assert_int_equal(mm_load(other, BASE, 8, &val), -EFAULT);
	exit_mmap(other);
	assert_int_equal(mm_load(mm, BASE + 8, 8, &val), 0);
	assert_int_equal(val, 5);
	/* A file's pages are taken from all who map it. */
	unmap_mapping_pages(&file->i_data, 0, 512);
	assert_int_equal(page_state(BASE).level, 0);
}

/*
 * An entry that maps zeroes gives way to a page's entry, or to a block, and is
 * unmapped everywhere before.  There are no zero pages yet: a mapped block
 * stands in for one.
 */
static void zero_entries_give_way(void **state)
{
	struct address_space *mapping;
	struct dax_slot slot;
	struct map a;

	(void)state;
	file = written_file(512);
	mapping = &file->i_data;
	a = map_file(0, MAP_SHARED, 0, 2 * M);
	show("a", a);
	r(a, 0,
	  "0x69 | pte+0 anon+0 | flt 1 | a:D512@0 [pmd*1@0(ro)]"
	  " | ev pmd_fault_done=NOPAGE");
	assert_true(dax_tree_find(mapping, 0, 0, DAX_ANY, &slot));
	machine_spin_lock(&mapping->i_pages);
	dax_slot_store(&slot, DAX_PMD | DAX_ZERO);
	machine_spin_unlock(&mapping->i_pages);
	assert_int_equal(grab_mapping_entry(mapping, 5, 0), 0);
	assert_true(entry_at(5) == (DAX_EMPTY | DAX_LOCKED));
	dax_insert_entry(mapping, 5, 0, DAX_ZERO);
	dax_unlock_entry(mapping, 5);
	expect("0", "0 | pte+0 anon+0 | flt 0 | a:.512 [] | ev");

	r(a, 0,
	  "0x69 | pte+4 anon+0 | flt 1 | a:D1@0,.511 [pte*1@0(ro)]"
	  " | ev pmd_fault_done=FALLBACK pte_fault_done=NOPAGE");
	assert_true(dax_tree_find(mapping, 0, 0, DAX_ANY, &slot));
	machine_spin_lock(&mapping->i_pages);
	dax_slot_store(&slot, DAX_ZERO);
	machine_spin_unlock(&mapping->i_pages);
	assert_int_equal(grab_mapping_entry(mapping, 0, 0), 0);
	assert_true(entry_at(0) == (DAX_ZERO | DAX_LOCKED));
	dax_insert_entry(mapping, 0, sb->s_dax.first_pfn, 0);
	dax_unlock_entry(mapping, 0);
	expect("0", "0 | pte+4 anon+0 | flt 0 | a:.512 [] | ev");
}

/* ---- The two races of 2017, held where they hurt ---- */

static uint64_t other_cpu_addr;
static vm_fault_t (*held_fault)(struct vm_fault *vmf);
static vm_fault_t (*held_huge_fault)(struct vm_fault *vmf,
				     enum page_entry_size pe_size);

static void *other_cpu_reads(void *arg)
{
	uint64_t val;

	(void)arg;
	return mm_load(mm, other_cpu_addr, 8, &val) ? failed : NULL;
}

static void *other_cpu_writes(void *arg)
{
	(void)arg;
	return mm_store(mm, other_cpu_addr, 8, 7) ? failed : NULL;
}

static void on_other_cpu(void *(*function)(void *))
{
	pthread_t thread;
	void *error;

	assert_int_equal(pthread_create(&thread, NULL, function, NULL), 0);
	assert_int_equal(pthread_join(thread, &error), 0);
	assert_null(error);
}

/* Once: the other CPU's fault fits in before this one goes on. */
static vm_fault_t fault_after_read(struct vm_fault *vmf)
{
	if (other_cpu_addr) {
		file->i_data.vm_ops = &fs_dax_vm_ops;
		on_other_cpu(other_cpu_reads);
		other_cpu_addr = 0;
	}
	return held_fault(vmf);
}

static vm_fault_t huge_fault_after_write(struct vm_fault *vmf,
					 enum page_entry_size pe_size)
{
	if (other_cpu_addr) {
		file->i_data.vm_ops = &fs_dax_vm_ops;
		on_other_cpu(other_cpu_writes);
		other_cpu_addr = 0;
	}
	return held_huge_fault(vmf, pe_size);
}

static void race_pte_sees_pmd(void **state)
{
	struct vm_operations_struct held = fs_dax_vm_ops;
	uint64_t val;
	struct map a;

	(void)state;
	file = written_file(512);
	/* Taken for a table, the data shall look as if a PTE were none. */
	machine_data_store(sb->s_dax.first_pfn, 0, 8, 0);
	a = map_file(0, MAP_PRIVATE, 0, 2 * M);
	/* Set-up: an entry of a huge page, nothing mapped. */
	assert_int_equal(mm_load(mm, a.start, 8, &val), 0);
	assert_int_equal(madvise_dontneed(mm, a.start, 2 * M), 0);
	held_fault = fs_dax_vm_ops.fault;
	held.fault = fault_after_read;
	file->i_data.vm_ops = &held;
	other_cpu_addr = a.start + PAGE;
	assert_int_equal(mm_store(mm, a.start, 8, 7), 0);
	assert_int_equal(nr_retries, 1);
	assert_int_equal(mm_load(mm, a.start, 8, &val), 0);
	assert_int_equal(val, 7);
	assert_int_equal(verify_mm(mm), 0);
	assert_int_equal(machine_load(&mm->rss_stat[MM_ANONPAGES]), 1);
}

static void race_pmd_over_pte(void **state)
{
	struct vm_operations_struct held = fs_dax_vm_ops;
	uint64_t val;
	struct map a;

	(void)state;
	file = written_file(512);
	a = map_file(0, MAP_PRIVATE, 0, 2 * M);
	assert_int_equal(mm_load(mm, a.start, 8, &val), 0);
	assert_int_equal(madvise_dontneed(mm, a.start, 2 * M), 0);
	held_huge_fault = fs_dax_vm_ops.huge_fault;
	held.huge_fault = huge_fault_after_write;
	file->i_data.vm_ops = &held;
	other_cpu_addr = a.start;
	assert_int_equal(mm_load(mm, a.start + PAGE, 8, &val), 0);
	assert_int_equal(nr_retries, 1);
	assert_int_equal(mm_load(mm, a.start, 8, &val), 0);
	assert_int_equal(val, 7);
	assert_int_equal(verify_mm(mm), 0);
}

/* Real threads at once; the interleavings are the checker's business. */
static void *cpu_works(void *arg)
{
	unsigned int seed = *(const unsigned int *)arg;
	unsigned int round;
	uint64_t val;

	for (round = 0; round < 20000; round++) {
		uint64_t page;

		seed = seed * 1103515245 + 12345;
		page = (seed >> 16) % 1024;
		if (seed >> 28 == 0)
			madvise_dontneed(mm, BASE, 4 * M);
		else if (seed >> 28 < 5)
			mm_store(mm, BASE + page * PAGE, 8, seed);
		else if (mm_load(mm, BASE + page * PAGE, 8, &val))
			return failed;
	}
	return NULL;
}

static void threads_at_once(void **state)
{
	unsigned int seeds[4] = { 1, 22, 333, 4444 };
	pthread_t threads[4];
	void *error;
	int i;

	(void)state;
	trace_events = false;
	file = written_file(1024);
	map_file(0, MAP_PRIVATE, 0, 2 * M);
	map_file(2 * M, MAP_SHARED, 2 * M, 2 * M);
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, cpu_works,
						&seeds[i]), 0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &error), 0);
		assert_null(error);
	}
	assert_int_equal(verify_mm(mm), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(probe_a_private),
		TEST(private_copy_of_mapped_page),
		TEST(probe_d_shared),
		TEST(probe_e_sigbus),
		TEST(small_file_falls_back),
		TEST(probe_g_colour),
		TEST(probe_i_pte_entry_first),
		TEST(extents_fall_back),
		TEST(sparse_terabytes),
		TEST(wrong_use),
		TEST(sizes_of_access),
		TEST(complaints_at_exit),
		TEST(bad_pmd_is_reported),
		TEST(verify_sees_what_is_wrong),
		cmocka_unit_test(no_pages),
		cmocka_unit_test(avl_random),
		TEST(tree_random),
		TEST(conflicts),
		TEST(waiters),
		TEST(mappings_random),
		TEST(many_mappings),
		TEST(partial_munmap),
		TEST(munmap_splits_huge_page),
		TEST(two_mms),
		TEST(zero_entries_give_way),
		TEST(race_pte_sees_pmd),
		TEST(race_pmd_over_pte),
		TEST(threads_at_once),
	};

	return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
