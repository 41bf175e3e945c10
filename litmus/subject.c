// SPDX-License-Identifier: GPL-2.0-only
/*
 * subject.c - run a litmus test on the engine.
 *
 * Names used in this file
 *   place      p[3].8 as the test names it
 *   location   what it stands for: for a shared map a word of the file, for a
 *              private one a word of that map alone
 *
 * What a run writes lies in engine memory, so that it is part of the state.
 */
#include "subject.h"

#include <stdio.h>
#include <string.h>

#include "dax/tree.h"
#include "fs/fs.h"
#include "mm/mm.h"

#define MAX_COLUMNS LITMUS_COLUMNS_MAX
#define MAX_STORES 16

struct subject_state {
	struct mm *mm;
	struct super_block *sb;
	struct inode **inodes;		/* by file */
	struct litmus_value *registers[MAX_COLUMNS];
	struct litmus_value *observed;
	/* what places that were stored to hold at the end */
	struct litmus_value stored[MAX_STORES];
	struct litmus_value stored_in_file[MAX_STORES];
};

/* ------ sizes and addresses ------ */

static uint64_t pages(struct litmus_span span)
{
	return (span.huge << machine_geometry()->huge_order) + span.pages;
}

static uint64_t huge_pages_up(uint64_t nr)
{
	uint64_t huge = (uint64_t)1 << machine_geometry()->huge_order;

	return (nr + huge - 1) / huge * huge;
}

/* First block of a file: each begins at a huge page of the device. */
static uint64_t file_block(const struct litmus *test, size_t file)
{
	uint64_t block = 0;

	for (size_t i = 0; i < file; i++)
		block += huge_pages_up(pages(test->files[i].size));
	return block;
}

static uint64_t device_pages(const struct litmus *test)
{
	return file_block(test, test->nr_files);
}

/* Huge pages of address space for a map, at the same colour as its file. */
static uint64_t map_room(const struct litmus *test, size_t map,
			 unsigned int order)
{
	const struct litmus_map *m = &test->maps[map];
	uint64_t size = (uint64_t)1 << order;
	uint64_t offset = (m->offset.huge << order) + m->offset.pages;
	uint64_t length = (m->length.huge << order) + m->length.pages;

	return (offset % size + length + size - 1) / size;
}

static unsigned int upper_levels(const struct litmus *test, unsigned int order)
{
	unsigned int levels = 0;
	uint64_t room = 0;

	for (size_t i = 0; i < test->nr_maps; i++)
		room += map_room(test, i, order);
	for (uint64_t covered = (uint64_t)1 << order; covered < room;
	     covered <<= order)
		levels++;
	return levels;
}

/* As Linux's thp_get_unmapped_area(): huge pages of the file can be mapped. */
static uint64_t map_address(const struct litmus *test, size_t map)
{
	unsigned int order = machine_geometry()->huge_order;
	uint64_t offset = pages(test->maps[map].offset);
	uint64_t page = 0;

	for (size_t i = 0; i < map; i++)
		page += map_room(test, i, order) << order;
	page += offset % ((uint64_t)1 << order);
	return page << machine_geometry()->page_shift;
}

static uint64_t bytes(uint64_t nr_pages)
{
	return nr_pages << machine_geometry()->page_shift;
}

static uint64_t place_address(const struct litmus *test,
			      const struct litmus_place *place)
{
	return map_address(test, place->object) + bytes(pages(place->page)) +
	       place->byte;
}

/* ------ operations ------ */

static struct litmus_value value_of(int error, uint64_t number)
{
	switch (error) {
	case 0:
		return (struct litmus_value){ LITMUS_OK, number };
	case -EFAULT:
		return (struct litmus_value){ LITMUS_SIGSEGV, 0 };
	case -EBUS:
		return (struct litmus_value){ LITMUS_SIGBUS, 0 };
	case -ENOMEM:
		return (struct litmus_value){ LITMUS_ENOMEM, 0 };
	case -EEXIST:
		return (struct litmus_value){ LITMUS_EEXIST, 0 };
	default:
		return (struct litmus_value){ LITMUS_EINVAL, 0 };
	}
}

static int map(const struct subject_run *run, size_t i)
{
	const struct litmus_map *m = &run->test->maps[i];
	unsigned int prot = PROT_READ | (m->writable ? PROT_WRITE : 0);
	unsigned int flags = m->shared ? MAP_SHARED : MAP_PRIVATE;

	return fs_mmap(run->state->mm, run->state->inodes[m->file],
		       map_address(run->test, i), bytes(pages(m->length)),
		       prot, flags, pages(m->offset));
}

static struct litmus_value perform(const struct subject_run *run,
				   const struct litmus_op *op)
{
	const struct litmus *test = run->test;
	struct mm *mm = run->state->mm;
	uint64_t start = map_address(test, op->map) + bytes(pages(op->start));
	uint64_t length = bytes(pages(op->length));
	uint64_t number = 0;
	int error = 0;

	switch (op->kind) {
	case LITMUS_LOAD:
		error = mm_load(mm, place_address(test, &op->place), 8,
				&number);
		break;
	case LITMUS_STORE:
		error = mm_store(mm, place_address(test, &op->place), 8,
				 op->value);
		break;
	case LITMUS_DONTNEED:
		error = madvise_dontneed(mm, start, length);
		break;
	case LITMUS_MAP:
		error = map(run, op->map);
		break;
	case LITMUS_UNMAP:
		error = do_munmap(mm, start, length);
		break;
	default:
		error = -EINVAL;
		break;
	}
	return value_of(error, number);
}

/* Does some operation of the test take pages of this map away? */
static bool map_changes(const struct litmus *test, size_t map)
{
	for (size_t c = 0; c < test->nr_columns; c++)
		for (size_t i = 0; i < test->columns[c].nr_ops; i++) {
			const struct litmus_op *op = &test->columns[c].ops[i];

			if (op->map == map && op->kind != LITMUS_LOAD &&
			    op->kind != LITMUS_STORE)
				return true;
		}
	return false;
}

/* Is every page of this map mapped whenever a column runs? */
static bool map_stays(const struct litmus *test, size_t map)
{
	bool mapped = false;

	for (size_t i = 0; i < test->nr_setup; i++) {
		const struct litmus_op *op = &test->setup[i];

		if (op->map == map && op->kind == LITMUS_MAP)
			mapped = true;
		if (op->map == map && op->kind == LITMUS_UNMAP)
			return false;
	}
	for (size_t c = 0; c < test->nr_columns; c++)
		for (size_t i = 0; i < test->columns[c].nr_ops; i++) {
			const struct litmus_op *op = &test->columns[c].ops[i];

			if (op->map == map && op->kind == LITMUS_UNMAP)
				return false;
		}
	return mapped;
}

/* O9: an access failed though nothing in the test can be why. */
static void check_error(const struct subject_run *run,
			const struct litmus_op *op, struct litmus_value value)
{
	const struct litmus_map *m = &run->test->maps[op->map];
	uint64_t page = pages(m->offset) + pages(op->place.page);

	if ((op->kind != LITMUS_LOAD && op->kind != LITMUS_STORE))
		return;
	if (value.error == LITMUS_SIGBUS &&
	    page < pages(run->test->files[m->file].size))
		machine_report(9, "spurious SIGBUS");
	if (value.error == LITMUS_SIGSEGV && map_stays(run->test, op->map) &&
	    (op->kind == LITMUS_LOAD || m->writable))
		machine_report(9, "spurious SIGSEGV");
}

/* ------ set-up and columns ------ */

static void *must(void *object)
{
	if (!object)
		machine_report(14, "no memory for the set-up of the test");
	return object;
}

static enum iomap_type extent_type(enum litmus_extent_kind kind)
{
	switch (kind) {
	case LITMUS_HOLE:
		return IOMAP_HOLE;
	case LITMUS_UNWRITTEN:
		return IOMAP_UNWRITTEN;
	default:
		return IOMAP_MAPPED;
	}
}

static struct inode *make_file(const struct subject_run *run, size_t i)
{
	const struct litmus_file *file = &run->test->files[i];
	uint64_t block = file_block(run->test, i);
	struct inode *inode = must(inode_create(run->state->sb, file->name,
						pages(file->size)));

	for (size_t e = 0; inode && e < file->nr_extents; e++) {
		const struct litmus_extent *extent = &file->extents[e];
		uint64_t start = pages(extent->start);

		if (extent->kind == LITMUS_HOLE)
			continue;
		if (inode_add_extent(inode, start, pages(extent->length),
				     extent_type(extent->kind), block + start))
			machine_report(14, "no memory for an extent");
	}
	return inode;
}

static void setup(void *arg)
{
	struct subject_run *run = arg;
	const struct litmus *test = run->test;
	struct subject_state *state =
		must(machine_alloc(sizeof(*state), "test"));

	if (!state)
		return;
	run->state = state;
	state->sb = must(fs_create(run->device_pfn, device_pages(test)));
	state->inodes = must(machine_alloc((test->nr_files + 1) *
					   sizeof(*state->inodes), "test"));
	state->observed = must(machine_alloc((test->nr_observed + 1) *
					     sizeof(*state->observed), "test"));
	for (size_t c = 0; c < test->nr_columns; c++)
		state->registers[c] =
			must(machine_alloc((test->columns[c].nr_registers + 1) *
					   sizeof(struct litmus_value),
					   "test"));
	for (size_t i = 0; i < test->nr_files; i++)
		state->inodes[i] = make_file(run, i);
	state->mm = must(mm_create("A"));
	for (size_t i = 0; i < test->nr_setup; i++) {
		struct litmus_value value;

		machine_trace("op", SUBJECT_SETUP, i);
		value = perform(run, &test->setup[i]);
		if (value.error != LITMUS_OK)
			machine_report(9, "the set-up fails, in line %u",
				       test->setup[i].pos.line);
		machine_trace("op_end", SUBJECT_SETUP, i);
	}
}

static void thread(void *arg, unsigned int c)
{
	const struct subject_run *run = arg;
	const struct litmus_column *column = &run->test->columns[c];

	for (size_t i = 0; i < column->nr_ops; i++) {
		const struct litmus_op *op = &column->ops[i];
		struct litmus_value value;

		machine_trace("op", c, i);
		value = perform(run, op);
		if (op->reg != LITMUS_NO_REGISTER)
			run->state->registers[c][op->reg] = value;
		check_error(run, op, value);
		machine_trace("op_end", c, i);
	}
}

/* ------ the end: O8, and everything given back ------ */

/* The page of the file under a place, and whether it is in the file at all. */
static bool file_page(const struct litmus *test,
		      const struct litmus_place *place, size_t *file,
		      uint64_t *page)
{
	*file = place->object;
	*page = pages(place->page);
	if (!place->in_file) {
		const struct litmus_map *m = &test->maps[place->object];

		*file = m->file;
		*page += pages(m->offset);
	}
	return *page < pages(test->files[*file].size);
}

static struct litmus_value read_file(const struct subject_run *run,
				     const struct litmus_place *place)
{
	struct iomap iomap = { 0 };
	uint64_t page;
	size_t file;

	if (!file_page(run->test, place, &file, &page))
		return (struct litmus_value){ LITMUS_SIGBUS, 0 };
	fs_find_iomap(run->state->inodes[file], page, &iomap);
	if (iomap.type != IOMAP_MAPPED)
		return (struct litmus_value){ LITMUS_OK, 0 };
	return (struct litmus_value){
		LITMUS_OK,
		machine_data_load(run->device_pfn + iomap.block + page -
				  iomap.pgoff, place->byte, 8),
	};
}

static struct litmus_value read_place(const struct subject_run *run,
				      const struct litmus_place *place)
{
	uint64_t number = 0;
	int error;

	if (place->in_file)
		return read_file(run, place);
	error = mm_load(run->state->mm, place_address(run->test, place), 8,
			&number);
	return value_of(error, number);
}

/* The n-th store of all columns, or NULL. */
static const struct litmus_op *nth_store(const struct litmus *test, size_t n)
{
	for (size_t c = 0; c < test->nr_columns; c++)
		for (size_t i = 0; i < test->columns[c].nr_ops; i++)
			if (test->columns[c].ops[i].kind == LITMUS_STORE &&
			    !n--)
				return &test->columns[c].ops[i];
	return NULL;
}

static void read_stored(const struct subject_run *run)
{
	struct subject_state *state = run->state;
	const struct litmus_op *op;

	for (size_t n = 0; n < MAX_STORES; n++) {
		op = nth_store(run->test, n);
		if (!op)
			return;
		state->stored[n] = read_place(run, &op->place);
		state->stored_in_file[n] = read_file(run, &op->place);
	}
}

static bool same_location(const struct litmus *test,
			  const struct litmus_place *a,
			  const struct litmus_place *b)
{
	bool shared = test->maps[a->object].shared;
	size_t file_a, file_b;
	uint64_t page_a, page_b;

	if (a->byte != b->byte || shared != test->maps[b->object].shared)
		return false;
	if (!shared)
		return a->object == b->object &&
		       pages(a->page) == pages(b->page);
	return file_page(test, a, &file_a, &page_a) &&
	       file_page(test, b, &file_b, &page_b) && file_a == file_b &&
	       page_a == page_b;
}

/* May this location hold `value` at the end?  The last store of some column. */
static bool store_explains(const struct litmus *test,
			   const struct litmus_place *place, uint64_t value)
{
	for (size_t c = 0; c < test->nr_columns; c++) {
		const struct litmus_op *last = NULL;

		for (size_t i = 0; i < test->columns[c].nr_ops; i++) {
			const struct litmus_op *op = &test->columns[c].ops[i];

			if (op->kind == LITMUS_STORE &&
			    same_location(test, place, &op->place))
				last = op;
		}
		if (last && last->value == value)
			return true;
	}
	return false;
}

/* May this word of a file hold `value`?  Shared stores, or none at all. */
static bool file_explains(const struct litmus *test,
			  const struct litmus_place *place, uint64_t value)
{
	size_t file, other_file, nr = test->nr_setup;
	uint64_t page, other_page;
	const struct litmus_op *op;

	if (!value || !file_page(test, place, &file, &page))
		return true;
	for (size_t n = 0;; n++) {
		op = n < nr ? &test->setup[n] : nth_store(test, n - nr);
		if (!op)
			return false;
		if (op->kind == LITMUS_STORE && op->value == value &&
		    op->place.byte == place->byte &&
		    test->maps[op->map].shared &&
		    file_page(test, &op->place, &other_file, &other_page) &&
		    other_file == file && other_page == page)
			return true;
	}
}

/*
 * O8: a store that completed is still there (unless the test takes the map's
 * pages away), and no private store is in the file.
 */
static void check_stored(const struct litmus *test,
			 const struct subject_state *state)
{
	for (size_t n = 0; n < MAX_STORES; n++) {
		const struct litmus_op *op = nth_store(test, n);
		const struct litmus_value *v = &state->stored[n];
		unsigned long long page;

		if (!op)
			return;
		page = (unsigned long long)pages(op->place.page);
		if (test->maps[op->map].writable &&
		    !map_changes(test, op->map) && v->error == LITMUS_OK &&
		    !store_explains(test, &op->place, v->number))
			machine_report(8, "a completed store disappeared: %s[%llu] is %llu",
				       test->maps[op->map].name, page,
				       (unsigned long long)v->number);
		v = &state->stored_in_file[n];
		if (!file_explains(test, &op->place, v->number))
			machine_report(8, "the file of %s[%llu] holds %llu, which no shared store put there",
				       test->maps[op->map].name, page,
				       (unsigned long long)v->number);
	}
}

static void copy_values(struct litmus_value *to,
			const struct litmus_value *from, size_t nr)
{
	memcpy(to, from, nr * sizeof(*to));
}

/* Give everything back; what the test ended in is kept on the stack. */
static void finish(void *arg)
{
	struct subject_run *run = arg;
	const struct litmus *test = run->test;
	struct subject_state state = *run->state;
	struct litmus_value registers[MAX_COLUMNS][LITMUS_REGISTERS_MAX];
	struct litmus_value observed[LITMUS_OBSERVED_MAX];
	const struct litmus_value *columns[MAX_COLUMNS];
	struct litmus_state final = { .registers = columns,
				      .observed = observed };

	for (size_t i = 0; i < test->nr_observed; i++)
		state.observed[i] = read_place(run, &test->observed[i]);
	read_stored(run);
	state = *run->state;
	verify_mm(state.mm);
	for (size_t i = 0; i < test->nr_files; i++)
		verify_inode(state.inodes[i]);

	copy_values(observed, state.observed, test->nr_observed);
	machine_free(state.observed);
	for (size_t c = 0; c < test->nr_columns; c++) {
		copy_values(registers[c], state.registers[c],
			    test->columns[c].nr_registers);
		columns[c] = registers[c];
		machine_free(state.registers[c]);
	}
	exit_mmap(state.mm);
	for (size_t i = 0; i < test->nr_files; i++)
		inode_destroy(state.inodes[i]);
	machine_free(state.inodes);
	fs_destroy(state.sb);
	machine_free(run->state);
	check_stored(test, &state);
	host_check_leaks();
	host_final(run, &final);
}

/* ------ names ------ */

static uint64_t entry_pfn(uint64_t entry)
{
	return entry & _PAGE_PRESENT ? pte_pfn(entry) : 0;
}

static bool name_in_map(const struct subject_run *run, size_t i,
			const void *word, char *name, size_t size,
			unsigned int *kind)
{
	const struct litmus_map *m = &run->test->maps[i];
	unsigned int order = machine_geometry()->huge_order;
	uint64_t start = map_address(run->test, i);
	uint64_t colour = start >> machine_geometry()->page_shift &
			  (((uint64_t)1 << order) - 1);

	for (uint64_t page = 0; page < pages(m->length); page++) {
		uint64_t address = start + bytes(page);

		if ((page == 0 || (page + colour) % (1u << order) == 0) &&
		    mm_find_pmd(run->state->mm, address) == word) {
			*kind = SUBJECT_PMD;
			snprintf(name, size, "pmd[%s+%llu]", m->name,
				 (unsigned long long)((page + colour) >>
						      order));
			return true;
		}
		if (mm_find_pte(run->state->mm, address) == word) {
			*kind = SUBJECT_PTE;
			snprintf(name, size, "pte[%s+%llu]", m->name,
				 (unsigned long long)page);
			return true;
		}
	}
	return false;
}

static bool name_in_file(const struct subject_run *run, size_t i,
			 const void *word, char *name, size_t size,
			 unsigned int *kind)
{
	const struct litmus_file *file = &run->test->files[i];
	struct address_space *mapping = &run->state->inodes[i]->i_data;

	for (uint64_t page = 0; page < pages(file->size); page++) {
		unsigned int order = 0;

		if (dax_find_slot(mapping, page, &order) != word)
			continue;
		*kind = SUBJECT_ENTRY;
		snprintf(name, size, "entry[%s:%llu]", file->name,
			 (unsigned long long)(page >> order << order));
		return true;
	}
	return false;
}

static bool name_word(const struct subject_run *run, const void *word,
		      char *name, size_t size, unsigned int *kind)
{
	for (size_t i = 0; i < run->test->nr_maps; i++)
		if (name_in_map(run, i, word, name, size, kind))
			return true;
	for (size_t i = 0; i < run->test->nr_files; i++)
		if (name_in_file(run, i, word, name, size, kind))
			return true;
	return false;
}

static void name_entry(uint64_t entry, char *name, size_t size)
{
	const char *kind = dax_is_zero_entry(entry) ? "zero" :
			   dax_is_empty_entry(entry) ? "empty" : "mapped";

	if (!entry)
		snprintf(name, size, "none");
	else
		snprintf(name, size, "%s %s%s",
			 dax_is_pmd_entry(entry) ? "PMD" : "PTE", kind,
			 dax_is_locked(entry) ? " locked" : "");
}

static void name_pmd(uint64_t pmdval, char *name, size_t size)
{
	if (pmd_none(pmdval))
		snprintf(name, size, "none");
	else if (pmd_devmap(pmdval) || pmd_trans_huge(pmdval))
		snprintf(name, size, "%s %s",
			 pmd_devmap(pmdval) ? "huge" : "huge zero",
			 pmd_write(pmdval) ? "RW" : "ro");
	else if (pmd_bad(pmdval))
		snprintf(name, size, "bad");
	else
		snprintf(name, size, "table");
}

static void name_pte(const struct subject_run *run, uint64_t pteval, char *name,
		     size_t size)
{
	uint64_t page = pte_pfn(pteval) - run->device_pfn;

	if (pte_none(pteval))
		snprintf(name, size, "none");
	else
		snprintf(name, size, "%s %s",
			 page < device_pages(run->test) ? "file" :
			 pteval & _PAGE_SPECIAL ? "zero" : "copy",
			 pte_write(pteval) ? "RW" : "ro");
}

static void name_value(const struct subject_run *run, unsigned int kind,
		       uint64_t value, char *name, size_t size)
{
	switch (kind) {
	case SUBJECT_PMD:
		name_pmd(value, name, size);
		break;
	case SUBJECT_PTE:
		name_pte(run, value, name, size);
		break;
	default:
		name_entry(value, name, size);
		break;
	}
}

static void name_answer(uint64_t answer, char *name, size_t size)
{
	static const struct {
		unsigned int bit;
		const char *name;
	} bits[] = {
		{ VM_FAULT_OOM, "OOM" },
		{ VM_FAULT_SIGBUS, "SIGBUS" },
		{ VM_FAULT_SIGSEGV, "SIGSEGV" },
		{ VM_FAULT_MAJOR, "MAJOR" },
		{ VM_FAULT_NOPAGE, "NOPAGE" },
		{ VM_FAULT_RETRY, "RETRY" },
		{ VM_FAULT_FALLBACK, "FALLBACK" },
		{ VM_FAULT_DONE_COW, "DONE_COW" },
		{ VM_FAULT_WRITE, "WRITE" },
	};
	size_t at = 0;

	snprintf(name, size, "done");
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if ((answer & bits[i].bit) && at < size)
			at += (size_t)snprintf(name + at, size - at, "%s%s",
					       at ? "|" : "", bits[i].name);
}

const struct subject faultline_subject = {
	.device_pages = device_pages,
	.upper_levels = upper_levels,
	.entry_pfn = entry_pfn,
	.setup = setup,
	.thread = thread,
	.finish = finish,
	.name_word = name_word,
	.name_value = name_value,
	.name_answer = name_answer,
};
