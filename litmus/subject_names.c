// SPDX-License-Identifier: GPL-2.0-only
/*
 * subject_names.c - words of the engine, and values they have, for people.
 */
#include "subject_internal.h"

#include <stdio.h>

#include "dax/tree.h"

/* Maps of another address space than the first: `pmd[B:p+0]`. */
static void print_name(const struct subject_run *run, const char *kind,
		       size_t mm, size_t map, uint64_t number, char *name,
		       size_t size)
{
	snprintf(name, size, "%s[%s%s%s+%llu]", kind,
		 mm ? run->test->mms[mm].name : "", mm ? ":" : "",
		 run->test->maps[map].name, (unsigned long long)number);
}

static bool name_in_map(const struct subject_run *run, size_t mm, size_t i,
			const void *word, char *name, size_t size,
			unsigned int *kind)
{
	const struct mm *in = run->state->mms[mm];
	unsigned int order = machine_geometry()->huge_order;
	uint64_t start = subject_map_address(run->test, i);
	uint64_t nr = subject_pages(run->test->maps[i].length);
	uint64_t colour = start >> machine_geometry()->page_shift &
			  (((uint64_t)1 << order) - 1);

	for (uint64_t page = 0; page < nr; page++) {
		uint64_t address = start + subject_bytes(page);

		if ((page == 0 || (page + colour) % (1u << order) == 0) &&
		    mm_find_pmd(in, address) == word) {
			*kind = SUBJECT_PMD;
			print_name(run, "pmd", mm, i, (page + colour) >> order,
				   name, size);
			return true;
		}
		if (mm_find_pte(in, address) == word) {
			*kind = SUBJECT_PTE;
			print_name(run, "pte", mm, i, page, name, size);
			return true;
		}
	}
	return false;
}

static bool name_in_mm(const struct subject_run *run, size_t mm,
		       const void *word, char *name, size_t size,
		       unsigned int *kind)
{
	if (!run->state->mms[mm])
		return false;
	for (size_t i = 0; i < run->test->nr_maps; i++)
		if (name_in_map(run, mm, i, word, name, size, kind))
			return true;
	return false;
}

static bool name_in_file(const struct subject_run *run, size_t i,
			 const void *word, char *name, size_t size,
			 unsigned int *kind)
{
	const struct litmus_file *file = &run->test->files[i];
	struct address_space *mapping = &run->state->inodes[i]->i_data;

	for (uint64_t page = 0; page < subject_pages(file->size); page++) {
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

bool subject_name_word(const struct subject_run *run, const void *word,
		       char *name, size_t size, unsigned int *kind)
{
	for (size_t i = 0; i < run->test->nr_mms; i++)
		if (name_in_mm(run, i, word, name, size, kind))
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
			 page < subject_device_pages(run->test) ? "file" :
			 pteval & _PAGE_SPECIAL ? "zero" : "copy",
			 pte_write(pteval) ? "RW" : "ro");
}

void subject_name_value(const struct subject_run *run, unsigned int kind,
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

void subject_name_answer(uint64_t answer, char *name, size_t size)
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
		{ VM_FAULT_NEEDDSYNC, "NEEDDSYNC" },
	};
	size_t at = 0;

	snprintf(name, size, "done");
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if ((answer & bits[i].bit) && at < size)
			at += (size_t)snprintf(name + at, size - at, "%s%s",
					       at ? "|" : "", bits[i].name);
}
