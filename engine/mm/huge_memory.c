/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * huge_memory.c - huge entries of a PMD table.
 *
 * A DAX PMD has no table in reserve and no pages to split: to split it is to
 * clear it, and faults fill in what is wanted.  Whoever clears flushes before
 * the PMD lock is dropped, so that who sees none under that lock knows that no
 * CPU translates any more.
 */
#include "base/trace.h"
#include "mm/mm.h"

/*
 * vmf_insert_pfn_pmd - map a huge page of the device, for writing if this is a
 * write fault.
 *
 * Locks: mmap_sem; takes the PMD lock.  Sleeps: no.
 * Return: VM_FAULT_NOPAGE; the access repeats, whatever the PMD is now.
 */
vm_fault_t vmf_insert_pfn_pmd(struct vm_fault *vmf, uint64_t pfn)
{
	uint64_t access = 0;
	uint64_t entry;

	BUG_ON(11, !machine_rwsem_held(&vmf->vma->vm_mm->mmap_sem));
	if (vmf->flags & FAULT_FLAG_WRITE)
		access = _PAGE_DIRTY |
			 (vmf->vma->vm_flags & VM_WRITE ? _PAGE_RW : 0);
	entry = pfn_pte(pfn, PAGE_READONLY | _PAGE_PSE | _PAGE_DEVMAP | access);

	pmd_lock(vmf->pmd);
	/*
	 * Check 8: only if none.  A table stays: its pages would be lost.  A
	 * huge PMD is never downgraded, because CPUs may have its old rights
	 * in their TLBs, and upgraded only on the same page (Linux 5.1
	 * mm/huge_memory.c insert_pfn_pmd(), commit c6f3c5ee40c1).
	 */
	if (!pmd_none(pmd_load(vmf->pmd))) {
		uint64_t old = pmd_load(vmf->pmd);

		if (access && pmd_devmap(old) && pmd_pfn(old) == pfn)
			machine_pt_store(vmf->pmd.word, entry);
		pmd_unlock(vmf->pmd);
		return VM_FAULT_NOPAGE;
	}
	machine_pt_store(vmf->pmd.word, entry);
	pmd_unlock(vmf->pmd);
	return VM_FAULT_NOPAGE;
}

/*
 * vmf_insert_huge_zero_pmd - map the huge zero page, read-only, where a file
 * has nothing but a hole.
 *
 * Locks: mmap_sem; takes the PMD lock.  Sleeps: no.
 * Return: VM_FAULT_NOPAGE; or VM_FAULT_FALLBACK, as in Linux 6.1, when there is
 * no huge zero page to be had, or the PMD is not none any more.
 */
vm_fault_t vmf_insert_huge_zero_pmd(struct vm_fault *vmf)
{
	vm_fault_t ret = VM_FAULT_FALLBACK;

	BUG_ON(11, !machine_rwsem_held(&vmf->vma->vm_mm->mmap_sem));
	if (machine_choose(2, "huge zero page"))
		return VM_FAULT_FALLBACK;
	pmd_lock(vmf->pmd);
	if (pmd_none(pmd_load(vmf->pmd))) {
		machine_pt_store(vmf->pmd.word, pfn_pte(machine_zero_pfn(),
							PAGE_READONLY |
							_PAGE_PSE));
		ret = VM_FAULT_NOPAGE;
	}
	pmd_unlock(vmf->pmd);
	return ret;
}

/*
 * huge_pmd_set_accessed - a fault found a huge PMD that allows the access: mark
 * it young and, for a write, dirty.  For a read the MMU does that itself.
 *
 * Locks: mmap_sem; takes the PMD lock.  Sleeps: no.
 */
void huge_pmd_set_accessed(struct vm_fault *vmf, uint64_t orig_pmd)
{
	BUG_ON(11, !machine_rwsem_held(&vmf->vma->vm_mm->mmap_sem));
	if (!(vmf->flags & FAULT_FLAG_WRITE))
		return;
	pmd_lock(vmf->pmd);
	if (pmd_load(vmf->pmd) == orig_pmd)
		machine_pt_store(vmf->pmd.word, orig_pmd | _PAGE_ACCESSED |
						_PAGE_DIRTY);
	pmd_unlock(vmf->pmd);
}

/* Clear the PMD if it is huge now that its lock is held, and flush. */
static bool clear_huge_pmd(struct vm_area_struct *vma, struct pmd pmd,
			   uint64_t addr)
{
	uint64_t haddr = addr & pmd_mask();
	uint64_t pmdval;
	bool huge;

	pmd_lock(pmd);
	pmdval = pmd_load(pmd);
	huge = pmd_trans_huge(pmdval) || pmd_devmap(pmdval);
	if (huge) {
		machine_pt_xchg(pmd.word, PMD_NONE);
		machine_tlb_flush(vma->vm_mm, haddr, haddr + pmd_size());
	}
	pmd_unlock(pmd);
	return huge;
}

/*
 * zap_huge_pmd - unmap a huge page.
 *
 * Locks: mmap_sem or the file's i_mmap_rwsem; takes the PMD lock.  Sleeps: no.
 * Return: false when the PMD is not huge (any more).
 */
bool zap_huge_pmd(struct vm_area_struct *vma, struct pmd pmd, uint64_t addr)
{
	BUG_ON(11, !vma_locked(vma));
	return clear_huge_pmd(vma, pmd, addr);
}

/*
 * mkclean_huge_pmd - make a huge page read-only and clean, if it is mapped and
 * one of the page frames [pfn, pfn + nr_pages) is in it.
 *
 * Locks: the file's i_mmap_rwsem; takes the PMD lock.  Sleeps: no.
 * Return: false when the PMD is no device's huge page (any more).
 */
bool mkclean_huge_pmd(struct vm_area_struct *vma, struct pmd pmd, uint64_t addr,
		      uint64_t pfn, uint64_t nr_pages)
{
	uint64_t haddr = addr & pmd_mask();
	uint64_t pmdval;
	bool huge;

	BUG_ON(11, !machine_rwsem_held(&vma->vm_mapping->i_mmap_rwsem));
	pmd_lock(pmd);
	pmdval = pmd_load(pmd);
	huge = pmd_devmap(pmdval);
	if (huge && pmd_pfn(pmdval) < pfn + nr_pages &&
	    pfn < pmd_pfn(pmdval) + entries_per_table() &&
	    entry_mkclean(pmd.word, pmdval))
		machine_tlb_flush(vma->vm_mm, haddr, haddr + pmd_size());
	pmd_unlock(pmd);
	return huge;
}

/*
 * __split_huge_pmd - make room for a table, if the PMD is still huge.
 *
 * Locks: mmap_sem or the file's i_mmap_rwsem; takes the PMD lock.  Sleeps: no.
 */
void __split_huge_pmd(struct vm_area_struct *vma, struct pmd pmd, uint64_t addr)
{
	BUG_ON(11, !vma_locked(vma));
	if (clear_huge_pmd(vma, pmd, addr))
		machine_trace("split_huge_pmd", addr & pmd_mask(), 0);
}

/*
 * split_huge_pmd - the same, with a look before the lock is taken.
 *
 * Locks: mmap_sem or the file's i_mmap_rwsem; takes the PMD lock.  Sleeps: no.
 */
void split_huge_pmd(struct vm_area_struct *vma, struct pmd pmd, uint64_t addr)
{
	BUG_ON(11, !vma_locked(vma));
	if (pmd_trans_huge(pmd_load(pmd)) || pmd_devmap(pmd_load(pmd)))
		__split_huge_pmd(vma, pmd, addr);
}
