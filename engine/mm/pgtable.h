/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pgtable.h - what stands in a page table.
 *
 * Names used in this file
 *   pmdval, pteval	the 64 bits of an entry, as x86-64 reads them
 *   struct pmd		a place in a PMD table, with the lock that guards it
 *   level		0 for a PMD table, 1 for the tables above it and so on;
 *			PTE tables are below and have no number
 *
 * A PMD entry is one of
 *   none		nothing, or nothing yet
 *   table		points to a PTE table; stays so until munmap()
 *   devmap		maps a huge page of a file
 *   trans_huge		maps the huge zero page, there is no other huge page
 *   bad		anything else: a bug
 * and a PTE one of none, devmap, zero page (both _PAGE_SPECIAL) or anonymous.
 * What maps a page may be _PAGE_PROTNONE instead of _PAGE_PRESENT: in a mapping
 * that allows no access it keeps its page, but the MMU does not find it.
 *
 * Who may write an entry holds the lock of its table; the MMU of any CPU may
 * set _PAGE_ACCESSED and _PAGE_DIRTY at any time.  Everybody may read without
 * a lock, and then has to reckon with the next read being different.
 */
#ifndef MM_PGTABLE_H
#define MM_PGTABLE_H

#include "base/types.h"

struct mm;

#define _PAGE_PRESENT (UINT64_C(1) << 0)
#define _PAGE_RW (UINT64_C(1) << 1)
#define _PAGE_USER (UINT64_C(1) << 2)
#define _PAGE_ACCESSED (UINT64_C(1) << 5)
#define _PAGE_DIRTY (UINT64_C(1) << 6)
#define _PAGE_PSE (UINT64_C(1) << 7)		/* huge */
#define _PAGE_PROTNONE (UINT64_C(1) << 8)	/* software: see above */
#define _PAGE_SPECIAL (UINT64_C(1) << 9)	/* software: not counted */
/* Software: an anonymous page that no other entry maps. */
#define _PAGE_EXCLUSIVE (UINT64_C(1) << 10)
#define _PAGE_DEVMAP (UINT64_C(1) << 58)	/* software: a device's page */

#define PTE_PFN_SHIFT 12
#define PTE_PFN_MASK (((UINT64_C(1) << 40) - 1) << PTE_PFN_SHIFT)
#define PTE_FLAGS_MASK (~PTE_PFN_MASK)

/* What every entry that maps a page has: a new page counts as just used. */
#define PAGE_READONLY (_PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED)
/* What an entry for a new private copy has, at least. */
#define PAGE_ANON (PAGE_READONLY | _PAGE_DIRTY | _PAGE_EXCLUSIVE)
/* What an entry that points to the next table has. */
#define _PAGE_TABLE \
	(_PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED | _PAGE_DIRTY)

#define PMD_NONE UINT64_C(0)
#define PTE_NONE UINT64_C(0)

/* ---- Sizes ---- */

static inline unsigned int page_shift(void)
{
	return machine_geometry()->page_shift;
}

static inline uint64_t page_size(void)
{
	return UINT64_C(1) << page_shift();
}

static inline unsigned int pmd_order(void)
{
	return machine_geometry()->huge_order;
}

static inline unsigned int pmd_shift(void)
{
	return page_shift() + pmd_order();
}

static inline uint64_t pmd_size(void)
{
	return UINT64_C(1) << pmd_shift();
}

static inline uint64_t pmd_mask(void)
{
	return ~(pmd_size() - 1);
}

/* As Linux fs/dax.c PG_PMD_COLOUR: the page number within a huge page. */
static inline uint64_t pg_pmd_colour(void)
{
	return (UINT64_C(1) << pmd_order()) - 1;
}

static inline uint64_t entries_per_table(void)
{
	return UINT64_C(1) << pmd_order();
}

/* Bytes that one entry of a table of this level translates. */
static inline unsigned int level_shift(unsigned int level)
{
	return pmd_shift() + level * pmd_order();
}

/* The first address that no table can translate. */
static inline uint64_t task_size(void)
{
	return UINT64_C(1) << level_shift(machine_geometry()->upper_levels + 1);
}

/* The end of the PMD that holds addr, or end if that comes first. */
static inline uint64_t pmd_addr_end(uint64_t addr, uint64_t end)
{
	return min_u64((addr & pmd_mask()) + pmd_size(), end);
}

/* ---- PTE ---- */

static inline bool pte_none(uint64_t pteval)
{
	return pteval == PTE_NONE;
}

static inline bool pte_present(uint64_t pteval)
{
	return pteval & (_PAGE_PRESENT | _PAGE_PROTNONE);
}

static inline bool pte_write(uint64_t pteval)
{
	return pteval & _PAGE_RW;
}

static inline bool pte_special(uint64_t pteval)
{
	return pteval & _PAGE_SPECIAL;
}

static inline bool pte_devmap(uint64_t pteval)
{
	return pteval & _PAGE_DEVMAP;
}

/* An entry that is not none maps a private copy? */
static inline bool pte_anon(uint64_t pteval)
{
	return !pte_special(pteval);
}

static inline bool pte_exclusive(uint64_t pteval)
{
	return pteval & _PAGE_EXCLUSIVE;
}

static inline uint64_t pte_pfn(uint64_t pteval)
{
	return (pteval & PTE_PFN_MASK) >> PTE_PFN_SHIFT;
}

static inline uint64_t pfn_pte(uint64_t pfn, uint64_t flags)
{
	return pfn << PTE_PFN_SHIFT | flags;
}

/* ---- PMD ---- */

static inline bool pmd_none(uint64_t pmdval)
{
	return pmdval == PMD_NONE;
}

static inline bool pmd_write(uint64_t pmdval)
{
	return pmdval & _PAGE_RW;
}

static inline bool pmd_devmap(uint64_t pmdval)
{
	return pmdval & _PAGE_DEVMAP;
}

static inline bool pmd_trans_huge(uint64_t pmdval)
{
	return (pmdval & (_PAGE_PSE | _PAGE_DEVMAP)) == _PAGE_PSE;
}

/* The only huge page that is not a device's. */
static inline bool is_huge_zero_pmd(uint64_t pmdval)
{
	return pmd_trans_huge(pmdval);
}

/* Not a table.  True of huge entries too, as on x86: test for those first. */
static inline bool pmd_bad(uint64_t pmdval)
{
	return (pmdval & PTE_FLAGS_MASK) != _PAGE_TABLE;
}

static inline uint64_t pmd_pfn(uint64_t pmdval)
{
	return pte_pfn(pmdval);
}

struct pmd {
	uint64_t *word;
	struct machine_spinlock *ptl;	/* of the table word lies in */
};

static inline uint64_t pmd_load(struct pmd pmd)
{
	return machine_pt_load(pmd.word);
}

static inline void pmd_lock(struct pmd pmd)
{
	machine_spin_lock(pmd.ptl);
}

static inline void pmd_unlock(struct pmd pmd)
{
	machine_spin_unlock(pmd.ptl);
}

/* ---- Tables ---- */

struct dev_pagemap;

/* What the engine knows of a page frame. */
struct page {
	struct machine_spinlock ptl;	/* of its entries, if it is a table */
	uint64_t next;			/* pfn, in struct mmu_gather */
	struct dev_pagemap *pgmap;	/* a device's page: of which one */
	/*
	 * A word.  A device's page: pins, it is idle at 0.  An anonymous page:
	 * entries that map it and pins, all but one of them, so that a new page
	 * has it right and who drops the last reference finds 0.
	 */
	uint64_t refcount;
};

_Static_assert(sizeof(struct page) <= MACHINE_PAGE_META_BYTES,
	       "struct page must fit into the machine's page");

static inline struct page *pfn_to_page(uint64_t pfn)
{
	return machine_page_meta(pfn);
}

uint64_t entry_change(uint64_t *word, uint64_t val, uint64_t clear,
		      uint64_t set);
bool entry_mkclean(uint64_t *word, uint64_t val);
uint64_t *table_entry(uint64_t table, unsigned int level, uint64_t addr);
uint64_t table_alloc(const char *lock_name);
void table_free(uint64_t table);

int pmd_alloc(struct mm *mm, uint64_t addr, struct pmd *pmd);
bool pmd_offset(const struct mm *mm, uint64_t addr, struct pmd *pmd);
uint64_t pmd_next(const struct mm *mm, uint64_t addr, uint64_t end,
		  struct pmd *pmd);
bool pmd_devmap_trans_unstable(struct pmd pmd);
bool pmd_none_or_clear_bad(struct pmd pmd);

uint64_t *pte_offset_map(uint64_t pmdval, uint64_t addr);
uint64_t *pte_offset_map_lock(struct pmd pmd, uint64_t addr,
			      struct machine_spinlock **ptlp);
void pte_unmap_unlock(struct machine_spinlock *ptl);
int __pte_alloc(struct mm *mm, struct pmd pmd);

/* For tools and tests. */
uint64_t *mm_find_pmd(const struct mm *mm, uint64_t addr);
uint64_t *mm_find_pte(const struct mm *mm, uint64_t addr);

#endif /* MM_PGTABLE_H */
