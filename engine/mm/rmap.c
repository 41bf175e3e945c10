/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rmap.c - from a page of a file to the entries that map it.
 *
 * A walk holds the file's i_mmap_rwsem, in whatever mode, from the first VMA to
 * the last.  That keeps the VMAs and their tables, and mremap() holds it for
 * write while it moves entries: so a walk cannot miss a page that goes from a
 * VMA it has yet to see to one it has seen.
 */
#include "mm/mm.h"

/* The page frames that are to be made clean. */
struct mkclean {
	uint64_t pfn;
	uint64_t nr_pages;
};

/* Clean the PTEs of [addr, end), that lie in one table. */
static void mkclean_pte_range(struct mm *mm, struct pmd pmd, uint64_t addr,
			      uint64_t end, const struct mkclean *range)
{
	struct machine_spinlock *ptl;
	uint64_t *pte = pte_offset_map_lock(pmd, addr, &ptl);
	uint64_t flush_start = end;
	uint64_t flush_end = addr;

	for (; addr != end; addr += page_size(), pte++) {
		uint64_t pteval = machine_pt_load(pte);

		if (!pte_devmap(pteval) ||
		    pte_pfn(pteval) - range->pfn >= range->nr_pages)
			continue;
		if (!entry_mkclean(pte, pteval))
			continue;
		flush_start = min_u64(flush_start, addr);
		flush_end = addr + page_size();
	}
	/* Before the lock is dropped: who sees it clean must find no TLB. */
	if (flush_start < flush_end)
		machine_tlb_flush(mm, flush_start, flush_end);
	pte_unmap_unlock(ptl);
}

static void mkclean_pmd(struct vm_area_struct *vma, struct pmd pmd,
			uint64_t addr, uint64_t end,
			const struct mkclean *range)
{
	if (pmd_devmap(pmd_load(pmd)) &&
	    mkclean_huge_pmd(vma, pmd, addr, range->pfn, range->nr_pages))
		return;
	/* Huge now, it was mapped after we began, for another entry. */
	if (pmd_devmap_trans_unstable(pmd))
		return;
	mkclean_pte_range(vma->vm_mm, pmd, addr, end, range);
}

static void mkclean_vma(struct vm_area_struct *vma, uint64_t start,
			uint64_t end, const struct mkclean *range)
{
	uint64_t addr = start;
	struct pmd pmd;

	while ((addr = pmd_next(vma->vm_mm, addr, end, &pmd)) < end) {
		uint64_t next = pmd_addr_end(addr, end);

		mkclean_pmd(vma, pmd, addr, next, range);
		addr = next;
	}
}

/*
 * vma_file_range - which addresses of a VMA map pages [pgoff, pgoff + nr_pages)
 * of its file?
 *
 * Locks: mmap_sem or the file's i_mmap_rwsem.  Sleeps: no.
 * Return: whether there are any; *start and *end are set then.
 */
bool vma_file_range(const struct vm_area_struct *vma, uint64_t pgoff,
		    uint64_t nr_pages, uint64_t *start, uint64_t *end)
{
	uint64_t vma_pages = (vma->vm_end - vma->vm_start) >> page_shift();
	uint64_t behind = pgoff + min_u64(nr_pages, UINT64_MAX - pgoff);
	uint64_t first = max_u64(pgoff, vma->vm_pgoff);
	uint64_t last = min_u64(behind, vma->vm_pgoff + vma_pages);

	if (first >= last)
		return false;
	*start = vma->vm_start + ((first - vma->vm_pgoff) << page_shift());
	*end = vma->vm_start + ((last - vma->vm_pgoff) << page_shift());
	return true;
}

/*
 * pfn_mkclean_range - make page frames [pfn, pfn + nr_pages) read-only and
 * clean in every shared mapping of the file whose pages from pgoff on they are.
 * When it returns, the next store to one of them faults.
 *
 * Every page of the range is looked for: a VMA may map only the last, and each
 * with a PTE of its own (repaired in Linux 5.19).  A huge PMD becomes clean as
 * a whole.
 *
 * Locks: the entry's lock keeps faults away; takes the file's i_mmap_rwsem and
 * those of the tables.  Sleeps: yes.
 */
void pfn_mkclean_range(struct address_space *mapping, uint64_t pgoff,
		       uint64_t nr_pages, uint64_t pfn)
{
	struct mkclean range = { pfn, nr_pages };
	struct list_head *pos;
	uint64_t start;
	uint64_t end;

	machine_down_read(&mapping->i_mmap_rwsem);
	for (pos = mapping->i_mmap.next; pos != &mapping->i_mmap;
	     pos = pos->next) {
		struct vm_area_struct *vma = container_of(
			pos, struct vm_area_struct, vm_shared);

		/* A private mapping never writes to the file's page. */
		if (vma->vm_flags & VM_SHARED &&
		    vma_file_range(vma, pgoff, nr_pages, &start, &end))
			mkclean_vma(vma, start, end, &range);
	}
	machine_up_read(&mapping->i_mmap_rwsem);
}
