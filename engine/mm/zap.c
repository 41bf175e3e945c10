/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * zap.c - take pages out of page tables, and page tables out of an mm.
 *
 * The order is always: clear the entry, flush every TLB, free.  Entries are
 * flushed before the lock of their table is dropped, so that who sees none
 * under the lock knows that no CPU translates any more.
 */
#include "mm/mm.h"

/* Pages and tables that go, once what translated to them is flushed. */
struct mmu_gather {
	struct mm *mm;
	uint64_t start;			/* cleared, not flushed yet; */
	uint64_t end;			/* nothing when end <= start */
	uint64_t pages;			/* lists of pfns, by page->next */
	uint64_t tables;
};

static void tlb_gather_mmu(struct mmu_gather *tlb, struct mm *mm)
{
	tlb->mm = mm;
	tlb->start = UINT64_MAX;
	tlb->end = 0;
	tlb->pages = 0;
	tlb->tables = 0;
}

/* An entry was cleared that translated this range. */
static void tlb_remove_tlb_entry(struct mmu_gather *tlb, uint64_t addr,
				 uint64_t bytes)
{
	tlb->start = min_u64(tlb->start, addr);
	tlb->end = max_u64(tlb->end, addr + bytes);
}

/* Drop the only entry of an anonymous page after the flush. */
static void tlb_remove_page(struct mmu_gather *tlb, uint64_t pfn)
{
	pfn_to_page(pfn)->next = tlb->pages;
	tlb->pages = pfn;
}

/* Free a table after the flush. */
static void tlb_remove_table(struct mmu_gather *tlb, uint64_t table)
{
	pfn_to_page(table)->next = tlb->tables;
	tlb->tables = table;
}

/* Flush what was cleared since the last time. */
static void tlb_flush_mmu_tlbonly(struct mmu_gather *tlb)
{
	if (tlb->end > tlb->start)
		machine_tlb_flush(tlb->mm, tlb->start, tlb->end);
	tlb->start = UINT64_MAX;
	tlb->end = 0;
}

/* Flush, then free.  No lock of a table may be held. */
static void tlb_finish_mmu(struct mmu_gather *tlb)
{
	uint64_t pfn;

	tlb_flush_mmu_tlbonly(tlb);
	while (tlb->pages) {
		pfn = tlb->pages;
		tlb->pages = pfn_to_page(pfn)->next;
		put_anon_page(pfn);
	}
	while (tlb->tables) {
		pfn = tlb->tables;
		tlb->tables = pfn_to_page(pfn)->next;
		table_free(pfn);
	}
}

/* Which of a VMA's pages go. */
enum zap_mode {
	ZAP_ALL,
	ZAP_SHARED_ONLY,	/* private copies stay */
};

/* Clear the PTEs of [addr, end), that lie in one table. */
static void zap_pte_range(struct mm *mm, struct pmd pmd, uint64_t addr,
			  uint64_t end, enum zap_mode mode)
{
	struct mmu_gather tlb;
	struct machine_spinlock *ptl;
	uint64_t *pte = pte_offset_map_lock(pmd, addr, &ptl);
	int64_t nr_anon = 0;

	tlb_gather_mmu(&tlb, mm);
	for (; addr != end; addr += page_size(), pte++) {
		uint64_t pteval = machine_pt_load(pte);

		if (pte_none(pteval))
			continue;
		if (mode == ZAP_SHARED_ONLY && !pte_special(pteval))
			continue;
		/* The MMU may have marked it since: take what is there. */
		pteval = machine_pt_xchg(pte, PTE_NONE);
		tlb_remove_tlb_entry(&tlb, addr, page_size());
		if (pte_special(pteval))
			continue;
		nr_anon++;
		if (pte_exclusive(pteval)) {
			tlb_remove_page(&tlb, pte_pfn(pteval));
			continue;
		}
		/* Others have it too; it can be in no list of ours. */
		tlb_flush_mmu_tlbonly(&tlb);
		put_anon_page(pte_pfn(pteval));
	}
	if (nr_anon)
		add_mm_counter(mm, MM_ANONPAGES, -nr_anon);
	tlb_flush_mmu_tlbonly(&tlb);
	pte_unmap_unlock(ptl);
	tlb_finish_mmu(&tlb);
}

/* Clear what one PMD maps of [addr, end). */
static void zap_pmd(struct vm_area_struct *vma, struct pmd pmd, uint64_t addr,
		    uint64_t end, enum zap_mode mode)
{
	if (pmd_trans_huge(pmd_load(pmd)) || pmd_devmap(pmd_load(pmd))) {
		if (end - addr != pmd_size())
			__split_huge_pmd(vma, pmd, addr);
		else if (zap_huge_pmd(vma, pmd, addr))
			return;
	}
	/*
	 * With mmap_sem held only for read, faults go on: it may be huge by
	 * now, mapped after we began, and then there is nothing to do.  The
	 * test must know devmap: Linux 6.1 mm/memory.c zap_pmd_range() has the
	 * one that does not, and calls such a PMD bad.
	 */
	if (pmd_devmap_trans_unstable(pmd))
		return;
	zap_pte_range(vma->vm_mm, pmd, addr, end, mode);
}

static void zap_pmd_range(struct vm_area_struct *vma, uint64_t start,
			  uint64_t end, enum zap_mode mode)
{
	uint64_t addr = start;
	struct pmd pmd;

	while ((addr = pmd_next(vma->vm_mm, addr, end, &pmd)) < end) {
		uint64_t next = pmd_addr_end(addr, end);

		zap_pmd(vma, pmd, addr, next, mode);
		addr = next;
	}
}

/*
 * zap_page_range - unmap the part [start, end) of a VMA, private copies too.
 *
 * Locks: mmap_sem; takes those of the tables.  Sleeps: no.
 */
void zap_page_range(struct vm_area_struct *vma, uint64_t start, uint64_t end)
{
	BUG_ON(11, !machine_rwsem_held(&vma->vm_mm->mmap_sem));
	BUG_ON(1, start < vma->vm_start || end > vma->vm_end);
	zap_pmd_range(vma, start, end, ZAP_ALL);
}

static void unmap_mapping_range(struct address_space *mapping, uint64_t pgoff,
				uint64_t nr_pages, enum zap_mode mode)
{
	struct list_head *pos;
	uint64_t start;
	uint64_t end;

	machine_down_read(&mapping->i_mmap_rwsem);
	for (pos = mapping->i_mmap.next; pos != &mapping->i_mmap;
	     pos = pos->next) {
		struct vm_area_struct *vma = container_of(
			pos, struct vm_area_struct, vm_shared);

		if (vma_file_range(vma, pgoff, nr_pages, &start, &end))
			zap_pmd_range(vma, start, end, mode);
	}
	machine_up_read(&mapping->i_mmap_rwsem);
}

/*
 * unmap_mapping_pages - unmap pages of a file wherever they are mapped; private
 * copies stay, they are no pages of the file.
 *
 * Locks: takes the file's i_mmap_rwsem and those of the tables.  Sleeps: yes.
 */
void unmap_mapping_pages(struct address_space *mapping, uint64_t pgoff,
			 uint64_t nr_pages)
{
	unmap_mapping_range(mapping, pgoff, nr_pages, ZAP_SHARED_ONLY);
}

/*
 * unmap_mapping_pages_even_cows - the same, and private copies go too: there is
 * no such page in the file any more.
 *
 * Locks: takes the file's i_mmap_rwsem and those of the tables.  Sleeps: yes.
 */
void unmap_mapping_pages_even_cows(struct address_space *mapping,
				   uint64_t pgoff, uint64_t nr_pages)
{
	unmap_mapping_range(mapping, pgoff, nr_pages, ZAP_ALL);
}

/* What free_pgtables() is about. */
struct free_range {
	struct mmu_gather tlb;
	uint64_t start;		/* look at the tables of [start, end), */
	uint64_t end;
	uint64_t floor;		/* free those within [floor, ceiling) */
	uint64_t ceiling;
};

/*
 * Free what hangs below a table of that level which begins at address base.
 * Calls itself once for each level, of which there are three at most.
 */
static void free_table_range(struct free_range *range, unsigned int level,
			     uint64_t table, uint64_t base)
{
	struct mmu_gather *tlb = &range->tlb;
	uint64_t span = UINT64_C(1) << level_shift(level);
	uint64_t end = min_u64(base + span * entries_per_table(), range->end);
	uint64_t addr = max_u64(base, range->start) & ~(span - 1);

	for (; addr < end; addr += span) {
		struct pmd pmd = { .word = table_entry(table, level, addr) };
		uint64_t below;

		if (pmd_none_or_clear_bad(pmd))
			continue;
		below = pmd_pfn(pmd_load(pmd));
		if (level)
			free_table_range(range, level - 1, below, addr);
		if (addr < range->floor || addr + span > range->ceiling)
			continue;
		machine_pt_store(pmd.word, PMD_NONE);
		tlb_remove_tlb_entry(tlb, addr, span);
		tlb_remove_table(tlb, below);
		if (level == 0)
			machine_add(&tlb->mm->nr_ptes, -1);
	}
}

/*
 * free_pgtables - free the tables that translated [start, end) and now serve no
 * VMA any more; no VMA is left between floor and ceiling.
 *
 * Locks: mmap_sem for write.  Sleeps: no.
 */
void free_pgtables(struct mm *mm, uint64_t start, uint64_t end, uint64_t floor,
		   uint64_t ceiling)
{
	struct free_range range = {
		.start = start,
		.end = end,
		.floor = floor,
		.ceiling = ceiling,
	};

	BUG_ON(11, !machine_rwsem_held_write(&mm->mmap_sem));
	tlb_gather_mmu(&range.tlb, mm);
	free_table_range(&range, machine_geometry()->upper_levels, mm->root, 0);
	tlb_finish_mmu(&range.tlb);
}
