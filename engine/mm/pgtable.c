/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pgtable.c - find, make and test page tables.
 *
 * Tables are made while faults run and only under mmap_sem for write are they
 * freed (free_pgtables() in zap.c), so a pointer to an entry stays good for as
 * long as mmap_sem is held.
 */
#include "mm/mm.h"

/*
 * entry_change - clear and set bits of an entry that was val when it was read.
 * It is changed in place, never none in between, and no mark is lost that the
 * MMU makes meanwhile.
 *
 * Locks: the table's.  Sleeps: no.
 * Return: the entry as it was just before.
 */
uint64_t entry_change(uint64_t *word, uint64_t val, uint64_t clear,
		      uint64_t set)
{
	while (!machine_pt_cmpxchg(word, &val, (val & ~clear) | set))
		;
	return val;
}

/*
 * entry_mkclean - make an entry read-only and clean that was val when it was
 * read; in place, as above.
 *
 * Locks: the table's.  Sleeps: no.
 * Return: whether there was something to do, so that the TLBs have to be
 * flushed before the lock is dropped.
 */
bool entry_mkclean(uint64_t *word, uint64_t val)
{
	/* The MMU marks only dirty what is writable. */
	if (!(val & (_PAGE_RW | _PAGE_DIRTY)))
		return false;
	entry_change(word, val, _PAGE_RW | _PAGE_DIRTY, 0);
	return true;
}

/*
 * table_entry - the entry for addr in a table of that level.
 *
 * Locks: none.  Sleeps: no.
 */
uint64_t *table_entry(uint64_t table, unsigned int level, uint64_t addr)
{
	uint64_t index = addr >> level_shift(level);

	return machine_page_words(table) + (index & (entries_per_table() - 1));
}

/*
 * table_alloc - an empty table; lock_name is the class of its lock.
 *
 * Locks: none.  Sleeps: yes.
 * Return: its pfn, or 0 when there is no memory.
 */
uint64_t table_alloc(const char *lock_name)
{
	uint64_t table = machine_page_alloc(MACHINE_PAGE_TABLE);

	if (table)
		machine_spin_init(&pfn_to_page(table)->ptl, lock_name);
	return table;
}

/*
 * table_free - give a table back that no entry and no TLB points to.
 *
 * Locks: none.  Sleeps: no.
 */
void table_free(uint64_t table)
{
	machine_spin_destroy(&pfn_to_page(table)->ptl);
	machine_page_free(table);
}

/*
 * Hang a new table below an entry of an upper level, unless another CPU does
 * so first.
 */
static int upper_alloc(struct mm *mm, uint64_t *entry)
{
	uint64_t table = table_alloc("pmd lock");

	if (!table)
		return -ENOMEM;
	machine_spin_lock(&mm->page_table_lock);
	if (pmd_none(machine_pt_load(entry))) {
		machine_pt_store(entry, pfn_pte(table, _PAGE_TABLE));
		table = 0;
	}
	machine_spin_unlock(&mm->page_table_lock);
	if (table)
		table_free(table);
	return 0;
}

/*
 * pmd_alloc - find the PMD entry for addr; make the tables above it.
 *
 * Locks: mmap_sem; takes page_table_lock.  Sleeps: yes.
 * Return: 0 and *pmd, or -ENOMEM.
 */
int pmd_alloc(struct mm *mm, uint64_t addr, struct pmd *pmd)
{
	uint64_t table = mm->root;
	unsigned int level;

	BUG_ON(11, !machine_rwsem_held(&mm->mmap_sem));
	for (level = machine_geometry()->upper_levels; level; level--) {
		uint64_t *entry = table_entry(table, level, addr);

		if (pmd_none(machine_pt_load(entry)) &&
		    upper_alloc(mm, entry))
			return -ENOMEM;
		table = pmd_pfn(machine_pt_load(entry));
	}
	pmd->word = table_entry(table, 0, addr);
	pmd->ptl = &pfn_to_page(table)->ptl;
	return 0;
}

/*
 * pmd_next - find the first PMD entry that has a table to lie in, for an
 * address from addr to before end.  Skips what no table stands for.
 *
 * Locks: mmap_sem, or i_mmap_rwsem of the file mapped there, or everything at
 * rest.  Sleeps: no.
 * Return: an address in that PMD and *pmd, or end.
 */
uint64_t pmd_next(const struct mm *mm, uint64_t addr, uint64_t end,
		  struct pmd *pmd)
{
	unsigned int top = machine_geometry()->upper_levels;
	unsigned int level = top;
	uint64_t table = mm->root;

	while (addr < end) {
		uint64_t span;
		uint64_t entry;

		if (level == 0) {
			pmd->word = table_entry(table, 0, addr);
			pmd->ptl = &pfn_to_page(table)->ptl;
			return addr;
		}
		entry = machine_pt_load(table_entry(table, level, addr));
		if (!pmd_none(entry)) {
			table = pmd_pfn(entry);
			level--;
			continue;
		}
		span = UINT64_C(1) << level_shift(level);
		addr = min_u64((addr & ~(span - 1)) + span, end);
		level = top;
		table = mm->root;
	}
	return end;
}

/*
 * pmd_offset - find the PMD entry for addr; make nothing.
 *
 * Locks: as pmd_next().  Sleeps: no.
 * Return: whether there is a table it lies in; *pmd is set then.
 */
bool pmd_offset(const struct mm *mm, uint64_t addr, struct pmd *pmd)
{
	return pmd_next(mm, addr, addr + 1, pmd) == addr;
}

static const char *pmd_describe(uint64_t pmdval)
{
	if (pmd_devmap(pmdval))
		return "devmap";
	if (pmd_trans_huge(pmdval))
		return "trans_huge";
	return "neither a table nor huge";
}

/* As Linux mm/pgtable-generic.c: complain and forget what it pointed to. */
static void pmd_clear_bad(struct pmd pmd, uint64_t pmdval)
{
	machine_report(9, "bad pmd %s", pmd_describe(pmdval));
	machine_pt_store(pmd.word, PMD_NONE);
}

/*
 * No table, so nothing can be done one level down?  Knows nothing of devmap: it
 * would call that bad.
 */
static bool pmd_none_or_trans_huge_or_clear_bad(struct pmd pmd, uint64_t pmdval)
{
	if (pmd_none(pmdval) || pmd_trans_huge(pmdval))
		return true;
	if (pmd_bad(pmdval)) {
		pmd_clear_bad(pmd, pmdval);
		return true;
	}
	return false;
}

/*
 * pmd_devmap_trans_unstable - is the PMD no table, so that nothing can be done
 * one level down?
 *
 * Devmap has to be tested first, else a good entry is called bad and cleared
 * behind the back of the TLBs (Linux 4.12 mm/memory.c, commit d0f0931de936).
 * And both tests look at the same load: Linux loads twice, so that none, then
 * devmap, still makes a "bad pmd" there.
 *
 * Locks: none; mmap_sem or i_mmap_rwsem keeps the PMD's table.  Sleeps: no.
 */
bool pmd_devmap_trans_unstable(struct pmd pmd)
{
	uint64_t pmdval = pmd_load(pmd);

	return pmd_devmap(pmdval) ||
	       pmd_none_or_trans_huge_or_clear_bad(pmd, pmdval);
}

/*
 * pmd_none_or_clear_bad - is there no table to free?  Huge is bad here.
 *
 * Locks: none; mmap_sem for write keeps others out.  Sleeps: no.
 */
bool pmd_none_or_clear_bad(struct pmd pmd)
{
	uint64_t pmdval = pmd_load(pmd);

	if (pmd_none(pmdval))
		return true;
	if (pmd_bad(pmdval)) {
		pmd_clear_bad(pmd, pmdval);
		return true;
	}
	return false;
}

/*
 * pte_offset_map - the PTE for addr in the page a PMD names.  That page is
 * taken as it is; whoever calls has made sure that it is a table.
 *
 * Locks: none.  Sleeps: no.
 */
uint64_t *pte_offset_map(uint64_t pmdval, uint64_t addr)
{
	uint64_t index = addr >> page_shift();

	return machine_page_words(pmd_pfn(pmdval)) +
	       (index & (entries_per_table() - 1));
}

/*
 * pte_offset_map_lock - the same, with the table's lock taken.
 *
 * Locks: takes **ptlp; mmap_sem or i_mmap_rwsem keeps the table.  Sleeps: no.
 */
uint64_t *pte_offset_map_lock(struct pmd pmd, uint64_t addr,
			      struct machine_spinlock **ptlp)
{
	uint64_t pmdval = pmd_load(pmd);

	*ptlp = &pfn_to_page(pmd_pfn(pmdval))->ptl;
	machine_spin_lock(*ptlp);
	return pte_offset_map(pmdval, addr);
}

/*
 * pte_unmap_unlock - end what pte_offset_map_lock() began.
 *
 * Locks: releases ptl.  Sleeps: no.
 */
void pte_unmap_unlock(struct machine_spinlock *ptl)
{
	BUG_ON(11, !machine_spin_held(ptl));
	machine_spin_unlock(ptl);
}

/*
 * __pte_alloc - hang a new PTE table below the PMD, if that is still none.
 *
 * Locks: mmap_sem; takes the PMD lock.  Sleeps: yes.
 * Return: 0, whoever made the PMD not none, or -ENOMEM.
 */
int __pte_alloc(struct mm *mm, struct pmd pmd)
{
	uint64_t table;

	BUG_ON(11, !machine_rwsem_held(&mm->mmap_sem));
	table = table_alloc("pte lock");
	if (!table)
		return -ENOMEM;
	pmd_lock(pmd);
	if (pmd_none(pmd_load(pmd))) {
		machine_add(&mm->nr_ptes, 1);
		machine_pt_store(pmd.word, pfn_pte(table, _PAGE_TABLE));
		table = 0;
	}
	pmd_unlock(pmd);
	if (table)
		table_free(table);
	return 0;
}

/*
 * mm_find_pmd - the word of the PMD for addr, for tools.
 *
 * Locks: none; the mm has to be at rest.  Sleeps: no.
 * Return: NULL when there is no table it could lie in.
 */
uint64_t *mm_find_pmd(const struct mm *mm, uint64_t addr)
{
	struct pmd pmd;

	return pmd_offset(mm, addr, &pmd) ? pmd.word : NULL;
}

/*
 * mm_find_pte - the word of the PTE for addr, for tools.
 *
 * Locks: none; the mm has to be at rest.  Sleeps: no.
 * Return: NULL when the PMD is not a table.
 */
uint64_t *mm_find_pte(const struct mm *mm, uint64_t addr)
{
	uint64_t *pmd = mm_find_pmd(mm, addr);
	uint64_t pmdval = pmd ? machine_pt_load(pmd) : PMD_NONE;

	return pmd_bad(pmdval) ? NULL : pte_offset_map(pmdval, addr);
}
