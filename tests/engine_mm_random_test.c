/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine_mm_random_test.c - random operations on address spaces, against a
 * model: an array with what every page of each program is mapped to.
 *
 * After each operation the counters, the number of mappings and every page that
 * a program or a pin can see are what the model says.  Memory runs out now and
 * then; an operation that fails has changed nothing.
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

#include "dax/tree.h"
#include "fs/fs.h"
#include "machines/native/native.h"
#include "mm/mm.h"

#define PAGE UINT64_C(256)
#define NR_PAGES 64		/* of an address space; 8 are a huge one */
#define NR_PROGRAMS 3
#define NR_PINS 4
#define FILE_PAGES 40
#define HOLE 24			/* the file's pages from here on are none */
#define STEPS 100000

struct model_page {
	bool mapped;
	bool shared;
	bool anon;
	unsigned int prot;
	unsigned int pgoff;
	uint64_t val;		/* anon */
};

struct program {
	struct mm *mm;		/* NULL: does not run */
	struct model_page pages[NR_PAGES];
};

struct pin {
	uint64_t pfn;		/* 0: none */
	struct model_page *page; /* anon: whose; NULL: nobody's any more */
	unsigned int pgoff;	/* else: of the file */
	bool anon;
	uint64_t val;		/* nobody's */
};

static struct program programs[NR_PROGRAMS];
static struct pin pins[NR_PINS];
static uint64_t file_val[FILE_PAGES];
static struct super_block *sb;
static struct inode *file;
static unsigned int seed;
static unsigned int fail_one_in;	/* allocations; 0: none */
static bool failed;
static bool failed_io;
static char complaint[256];

static unsigned int draw(unsigned int below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % below;
}

static unsigned int choose(void *arg, unsigned int nr, const char *what)
{
	(void)arg;
	(void)nr;
	if (!fail_one_in || draw(fail_one_in))
		return 0;
	if (!strcmp(what, "iomap_begin"))
		failed_io = true;
	failed = true;
	return 1;
}

static void on_report(void *arg, unsigned int oracle, const char *text)
{
	(void)arg;
	snprintf(complaint, sizeof(complaint), "O%u: %s", oracle, text);
}

static const struct native_options options = {
	.geometry = {
		.page_shift = 8,
		.huge_order = 3,
		.upper_levels = 1,
		.tree_bits = 3,
		.wait_bits = 2,
	},
	.ram_pages = 2000,
	.device_pages = 64,
	.on_report = on_report,
	.choose = choose,
};

/* ---- What the model says ---- */

static uint64_t model_val(const struct model_page *page)
{
	return page->anon ? page->val : file_val[page->pgoff];
}

static bool continues(const struct model_page *page,
		      const struct model_page *next)
{
	return page->mapped && next->mapped && page->shared == next->shared &&
	       page->prot == next->prot && page->pgoff + 1 == next->pgoff;
}

static void check_program(struct program *program)
{
	const struct vm_area_struct *vma;
	unsigned int nr_vmas = 0;
	unsigned int nr_anon = 0;
	unsigned int i;

	for (i = 0; i < NR_PAGES; i++) {
		struct model_page *page = &program->pages[i];

		nr_anon += page->mapped && page->anon;
		nr_vmas += page->mapped && (i == 0 || !continues(page - 1,
								 page));
	}
	for (vma = find_vma(program->mm, 0); vma; vma = vma_next(vma))
		nr_vmas--;
	assert_int_equal(nr_vmas, 0);
	assert_int_equal(machine_load(&program->mm->rss_stat[MM_ANONPAGES]),
			 nr_anon);
	assert_int_equal(verify_mm(program->mm), 0);
}

static void check_load(struct program *program, unsigned int i)
{
	const struct model_page *page = &program->pages[i];
	uint64_t val;
	int error = mm_load(program->mm, i * PAGE, 8, &val);

	if (!page->mapped || !page->prot) {
		assert_int_equal(error, -EFAULT);
		return;
	}
	assert_int_equal(error, 0);
	assert_int_equal(val, model_val(page));
}

static void check_pins(void)
{
	unsigned int i;

	for (i = 0; i < NR_PINS; i++) {
		const struct pin *pin = &pins[i];
		uint64_t wanted = pin->val;

		if (!pin->pfn)
			continue;
		if (!pin->anon)
			wanted = file_val[pin->pgoff];
		else if (pin->page)
			wanted = pin->page->val;
		assert_int_equal(machine_data_load(pin->pfn, 0, 8), wanted);
	}
}

/* The page is not mapped here any more, a pin of it keeps what it held. */
static void drop(struct model_page *page)
{
	unsigned int i;

	for (i = 0; i < NR_PINS; i++) {
		if (pins[i].page != page)
			continue;
		pins[i].val = page->val;
		pins[i].page = NULL;
	}
	page->anon = false;
}

/* ---- Operations; n pages from page i on ---- */

static bool all_mapped(const struct program *program, unsigned int i,
		       unsigned int n)
{
	while (n--)
		if (!program->pages[i++].mapped)
			return false;
	return true;
}

static bool none_mapped(const struct program *program, unsigned int i,
			unsigned int n)
{
	while (n--)
		if (program->pages[i++].mapped)
			return false;
	return true;
}

static bool one_mapping(const struct program *program, unsigned int i,
			unsigned int n)
{
	const struct model_page *page = &program->pages[i];

	if (!page->mapped)
		return false;
	for (; n > 1; n--, page++)
		if (!continues(page, page + 1))
			return false;
	return true;
}

/* Only memory that ran out, or the medium, is a reason to fail. */
static bool done(int error)
{
	if (!error)
		return true;
	assert_true(failed);
	if (error != -ENOMEM) {
		assert_true(failed_io);
		assert_true(error == -EBUS || error == -EFAULT);
	}
	return false;
}

static void do_map(struct program *program, unsigned int i, unsigned int n)
{
	bool shared = draw(2);
	unsigned int prot = draw(8) ? PROT_READ | PROT_WRITE : PROT_READ;
	/* Mostly so that a huge page can be. */
	unsigned int pgoff = draw(6) ? i % 8 : draw(8);
	bool populate;
	int error;

	pgoff += 8 * draw(4);
	if (pgoff + n > FILE_PAGES)
		return;
	populate = !draw(4);
	if (populate)
		fail_one_in = 0;
	error = fs_mmap(program->mm, file, i * PAGE, n * PAGE, prot,
			(shared ? MAP_SHARED : MAP_PRIVATE) |
				(populate ? MAP_POPULATE : 0), pgoff);
	if (!none_mapped(program, i, n)) {
		assert_true(error == -EEXIST || !done(error));
		return;
	}
	if (!done(error))
		return;
	for (; n; n--, i++, pgoff++)
		program->pages[i] = (struct model_page){
			.mapped = true,
			.shared = shared,
			.prot = prot,
			.pgoff = pgoff,
			.anon = populate && !shared && prot & PROT_WRITE,
			.val = file_val[pgoff],
		};
}

static void do_unmap(struct program *program, unsigned int i, unsigned int n)
{
	if (!done(do_munmap(program->mm, i * PAGE, n * PAGE)))
		return;
	for (; n; n--, i++) {
		drop(&program->pages[i]);
		program->pages[i].mapped = false;
	}
}

/* Who stores through a TLB that fsync forgot would not be seen. */
static void check_dirty(unsigned int pgoff)
{
	struct dax_slot slot;

	assert_true(dax_tree_find(&file->i_data, pgoff, pgoff, DAX_ANY, &slot));
	assert_true(dax_tag_get(&slot, DAX_TAG_DIRTY));
}

static void do_store(struct program *program, unsigned int i)
{
	struct model_page *page = &program->pages[i];
	uint64_t val = draw(1 << 20);
	int error;

	error = mm_store(program->mm, i * PAGE, 8, val);
	if (!page->mapped || !(page->prot & PROT_WRITE)) {
		assert_int_equal(error, -EFAULT);
		return;
	}
	if (!done(error))
		return;
	if (page->shared) {
		file_val[page->pgoff] = val;
		check_dirty(page->pgoff);
	} else {
		page->anon = true;
		page->val = val;
	}
}

static void do_dontneed(struct program *program, unsigned int i,
			unsigned int n)
{
	assert_int_equal(madvise_dontneed(program->mm, i * PAGE, n * PAGE),
			 all_mapped(program, i, n) ? 0 : -ENOMEM);
	for (; n; n--, i++)
		drop(&program->pages[i]);
}

/* Not while memory runs out: what lies before a failure has changed. */
static void do_protect(struct program *program, unsigned int i, unsigned int n)
{
	static const unsigned int prots[] = {
		0, PROT_READ, PROT_READ, PROT_READ | PROT_WRITE,
		PROT_READ | PROT_WRITE, PROT_WRITE,
	};
	unsigned int prot = prots[draw(6)];

	fail_one_in = 0;
	assert_int_equal(do_mprotect(program->mm, i * PAGE, n * PAGE, prot),
			 all_mapped(program, i, n) ? 0 : -ENOMEM);
	for (; n && program->pages[i].mapped; n--, i++)
		program->pages[i].prot = prot;
}

static void move_model(struct program *program, unsigned int from,
		       unsigned int n, unsigned int to)
{
	unsigned int k;

	for (; n; n--, from++, to++) {
		for (k = 0; k < NR_PINS; k++)
			if (pins[k].page == &program->pages[from])
				pins[k].page = &program->pages[to];
		program->pages[to] = program->pages[from];
		memset(&program->pages[from], 0,
		       sizeof(program->pages[from]));
	}
}

static void do_remap(struct program *program, unsigned int i, unsigned int n)
{
	unsigned int to = draw(3) ? (i + 8 * draw(8)) % NR_PAGES :
			  draw(2) ? draw(NR_PAGES) : i;
	unsigned int new_n = draw(2) ? n : 1 + draw(20);
	unsigned int kept = n < new_n ? n : new_n;
	struct model_page last;
	int error;

	if (to + new_n > NR_PAGES)
		return;
	/* It could fail after the end is gone. */
	if (new_n < n)
		fail_one_in = 0;
	if (one_mapping(program, i, n) &&
	    program->pages[i].pgoff + new_n > FILE_PAGES)
		return;
	last = program->pages[i + n - 1];
	error = do_mremap(program->mm, i * PAGE, n * PAGE, new_n * PAGE,
			  to * PAGE);
	if (to != i && to < i + n && i < to + new_n) {
		assert_int_equal(error, -EINVAL);
		return;
	}
	if (!one_mapping(program, i, n)) {
		assert_int_equal(error, -EFAULT);
		return;
	}
	if (to != i ? !none_mapped(program, to, new_n) :
	    new_n > n && !none_mapped(program, i + n, new_n - n)) {
		assert_int_equal(error, -ENOMEM);
		return;
	}
	if (!done(error))
		return;
	for (; n > kept; n--) {
		drop(&program->pages[i + n - 1]);
		program->pages[i + n - 1].mapped = false;
	}
	if (to != i)
		move_model(program, i, kept, to);
	for (last.anon = false; kept < new_n; kept++) {
		last.pgoff++;
		program->pages[to + kept] = last;
	}
}

static void do_fork(struct program *program)
{
	struct program *child = &programs[draw(NR_PROGRAMS)];
	struct mm *mm;

	if (child->mm || !done(dup_mm(program->mm, "child", &mm)))
		return;
	memcpy(child->pages, program->pages, sizeof(child->pages));
	child->mm = mm;
}

static void do_exit(struct program *program)
{
	unsigned int i;

	for (i = 0; i < NR_PAGES; i++)
		drop(&program->pages[i]);
	exit_mmap(program->mm);
	program->mm = NULL;
	memset(program->pages, 0, sizeof(program->pages));
}

static void do_pin(struct program *program, unsigned int i)
{
	struct pin *pin = &pins[draw(NR_PINS)];
	struct model_page *page = &program->pages[i];
	unsigned int access = draw(2) ? FAULT_FLAG_WRITE : 0;
	unsigned int needed = access ? PROT_WRITE : PROT_READ;
	uint64_t pfn;
	int error;

	if (pin->pfn) {
		unpin_user_page(pin->pfn);
		memset(pin, 0, sizeof(*pin));
	}
	error = pin_user_page(program->mm, i * PAGE, access, &pfn);
	/* What can be written and is there can be read, as by the MMU. */
	if (page->mapped && page->prot == PROT_WRITE && !access && error)
		return;
	if (!page->mapped || !(page->prot & (needed | PROT_WRITE))) {
		assert_int_equal(error, -EFAULT);
		return;
	}
	if (!done(error))
		return;
	if (access && !page->shared && !page->anon) {
		page->anon = true;
		page->val = file_val[page->pgoff];
	}
	*pin = (struct pin){
		.pfn = pfn,
		.page = page->anon ? page : NULL,
		.pgoff = page->pgoff,
		/* A zero page is nobody's: a block comes in its place. */
		.anon = page->anon || pfn - machine_zero_pfn() < 8,
	};
	if (access) {
		/* The device writes. */
		uint64_t val = draw(1 << 20);

		machine_data_store(pfn, 0, 8, val);
		if (page->anon)
			page->val = val;
		else
			file_val[page->pgoff] = val;
	}
}

static void do_populate(struct program *program, unsigned int i,
			unsigned int n)
{
	bool write = draw(2);
	int error;

	/* How far it came, if memory ran out, is not known. */
	if (write)
		fail_one_in = 0;
	error = madvise_populate(program->mm, i * PAGE, n * PAGE,
				 write ? FAULT_FLAG_WRITE : 0);
	for (; n; n--, i++) {
		struct model_page *page = &program->pages[i];

		if (!page->mapped) {
			assert_true(error == -ENOMEM || !done(error));
			return;
		}
		if (!(page->prot & (write ? PROT_WRITE : PROT_READ))) {
			assert_true(error == -EINVAL || !done(error));
			return;
		}
		if (write && !page->shared && !page->anon) {
			page->anon = true;
			page->val = file_val[page->pgoff];
		}
	}
	done(error);
}

/* fsync(2): read-only and clean from now on, in all shared mappings. */
static void do_sync(unsigned int i)
{
	fail_one_in = 0;
	machine_down_read(&file->i_mmap_sem);
	assert_int_equal(dax_writeback_mapping_range(&file->i_data, i % 24,
						     i % 24 + i / 2), 0);
	machine_up_read(&file->i_mmap_sem);
}

/* As truncate does, but no page is lost: then there can be huge ones again. */
static void do_forget(void)
{
	fail_one_in = 0;
	machine_down_write(&file->i_mmap_sem);
	unmap_mapping_pages(&file->i_data, 0, FILE_PAGES);
	dax_delete_mapping_range(&file->i_data, 0, FILE_PAGES - 1);
	machine_up_write(&file->i_mmap_sem);
}

static void step(void)
{
	struct program *program = &programs[draw(NR_PROGRAMS)];
	unsigned int i = draw(NR_PAGES);
	unsigned int n = 1 + draw(draw(2) ? 20 : 3);

	if (!program->mm)
		return;
	/* Often what huge pages are made of. */
	if (draw(3)) {
		i &= ~7u;
		n = 8 + 8 * draw(3);
	}
	if (i + n > NR_PAGES)
		n = NR_PAGES - i;
	failed = false;
	failed_io = false;
	fail_one_in = draw(4) ? 0 : 3;
	switch (draw(19)) {
	case 0:
	case 1:
		do_map(program, i, n);
		break;
	case 2:
		do_unmap(program, i, n);
		break;
	case 3:
		do_dontneed(program, i, n);
		break;
	case 4:
	case 5:
		do_protect(program, i, n);
		break;
	case 6:
	case 7:
		do_remap(program, i, n);
		break;
	case 8:
		do_fork(program);
		break;
	case 9:
		if (program != programs && draw(3) == 0)
			do_exit(program);
		break;
	case 10:
	case 11:
		do_pin(program, i);
		break;
	case 12:
		do_populate(program, i, n);
		break;
	case 13:
		do_sync(i);
		break;
	case 14:
		do_forget();
		break;
	default:
		do_store(program, i);
	}
	fail_one_in = 0;
}

static void check_all(void)
{
	unsigned int k;

	for (k = 0; k < NR_PROGRAMS; k++) {
		if (!programs[k].mm)
			continue;
		check_program(&programs[k]);
		check_load(&programs[k], draw(NR_PAGES));
		check_load(&programs[k], draw(NR_PAGES));
	}
	check_pins();
	assert_int_equal(verify_inode(file), 0);
	assert_string_equal(complaint, "");
}

static void random_operations(void **state)
{
	unsigned int i;

	(void)state;
	seed = 1;
	assert_int_equal(native_open(&options), 0);
	sb = fs_create(native_device_pfn(), 64);
	assert_non_null(sb);
	file = inode_create(sb, "f", FILE_PAGES);
	assert_non_null(file);
	assert_int_equal(inode_add_extent(file, 0, HOLE, IOMAP_MAPPED, 8), 0);
	for (i = 0; i < HOLE; i++) {
		file_val[i] = 1000 + i;
		machine_data_store(sb->s_dax.first_pfn + 8 + i, 0, 8, 1000 + i);
	}
	programs[0].mm = mm_create("A");
	assert_non_null(programs[0].mm);
	for (i = 0; i < STEPS; i++) {
		step();
		check_all();
	}
	for (i = 0; i < NR_PINS; i++)
		if (pins[i].pfn)
			unpin_user_page(pins[i].pfn);
	for (i = 0; i < NR_PROGRAMS; i++)
		if (programs[i].mm)
			exit_mmap(programs[i].mm);
	inode_destroy(file);
	fs_destroy(sb);
	assert_string_equal(complaint, "");
	assert_int_equal(native_live_objects(), 0);
	assert_int_equal(native_live_pages(), 0);
	native_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations),
	};

	return cmocka_run_group_tests_name("engine_mm_random", tests, NULL,
					   NULL);
}
