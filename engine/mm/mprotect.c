/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mprotect.c - change what a program may do with its mappings.
 *
 * Entries are changed in place, never none in between, and flushed before the
 * lock of their table is dropped.
 */
#include "mm/mm.h"

/* What an entry says of the rights of the mapping. */
#define _PAGE_RIGHTS (_PAGE_PRESENT | _PAGE_PROTNONE | _PAGE_RW)

static uint64_t vma_rights(const struct vm_area_struct *vma)
{
	if (vma->vm_flags & (VM_READ | VM_WRITE))
		return _PAGE_PRESENT;
	return _PAGE_PROTNONE;
}

/*
 * May the PTE become writable without a fault?  As in Linux 6.1 only if it is
 * dirty, so that a fault has been here, and if a private page is nobody else's.
 */
static bool can_change_pte_writable(const struct vm_area_struct *vma,
				    uint64_t pteval)
{
	if (!(vma->vm_flags & VM_WRITE) || !(pteval & _PAGE_DIRTY))
		return false;
	return vma->vm_flags & VM_SHARED ||
	       (pte_anon(pteval) && pte_exclusive(pteval));
}

/*
 * Give an entry new rights.
 * Return: whether it has lost some, so that a TLB may allow too much.
 */
static bool change_rights(uint64_t *word, uint64_t val, uint64_t rights)
{
	if ((val & _PAGE_RIGHTS) == rights)
		return false;
	val = entry_change(word, val, _PAGE_RIGHTS, rights);
	return val & _PAGE_RIGHTS & ~rights & ~_PAGE_PROTNONE;
}

/* Change the PTEs of [addr, end), that lie in one table. */
static void change_pte_range(struct vm_area_struct *vma, struct pmd pmd,
			     uint64_t addr, uint64_t end)
{
	struct machine_spinlock *ptl;
	uint64_t *pte = pte_offset_map_lock(pmd, addr, &ptl);
	uint64_t flush_start = end;
	uint64_t flush_end = addr;

	for (; addr != end; addr += page_size(), pte++) {
		uint64_t pteval = machine_pt_load(pte);
		uint64_t rights = vma_rights(vma);

		if (pte_none(pteval))
			continue;
		if (can_change_pte_writable(vma, pteval))
			rights |= _PAGE_RW;
		if (!change_rights(pte, pteval, rights))
			continue;
		flush_start = min_u64(flush_start, addr);
		flush_end = addr + page_size();
	}
	if (flush_start < flush_end)
		machine_tlb_flush(vma->vm_mm, flush_start, flush_end);
	pte_unmap_unlock(ptl);
}

/*
 * Change a huge page.  It is not made writable, dirty or not: Linux 6.1 leaves
 * that to a fault.
 * Return: false when the PMD is not huge (any more).
 */
static bool change_huge_pmd(struct vm_area_struct *vma, struct pmd pmd,
			    uint64_t addr)
{
	uint64_t pmdval;
	bool huge;

	pmd_lock(pmd);
	pmdval = pmd_load(pmd);
	huge = pmd_trans_huge(pmdval) || pmd_devmap(pmdval);
	if (huge && change_rights(pmd.word, pmdval, vma_rights(vma)))
		machine_tlb_flush(vma->vm_mm, addr, addr + pmd_size());
	pmd_unlock(pmd);
	return huge;
}

static void change_pmd(struct vm_area_struct *vma, struct pmd pmd,
		       uint64_t addr, uint64_t end)
{
	if (pmd_trans_huge(pmd_load(pmd)) || pmd_devmap(pmd_load(pmd))) {
		if (end - addr != pmd_size())
			__split_huge_pmd(vma, pmd, addr);
		else if (change_huge_pmd(vma, pmd, addr))
			return;
	}
	/* No fault runs, but a walk by the file may have cleared it. */
	if (pmd_devmap_trans_unstable(pmd))
		return;
	change_pte_range(vma, pmd, addr, end);
}

static void change_protection(struct vm_area_struct *vma)
{
	uint64_t end = vma->vm_end;
	uint64_t addr = vma->vm_start;
	struct pmd pmd;

	while ((addr = pmd_next(vma->vm_mm, addr, end, &pmd)) < end) {
		uint64_t next = pmd_addr_end(addr, end);

		change_pmd(vma, pmd, addr, next);
		addr = next;
	}
}

/* Change [start, end), that lies in one VMA. */
static int mprotect_fixup(struct vm_area_struct *vma, uint64_t start,
			  uint64_t end, unsigned int rights)
{
	unsigned int vm_flags = vma->vm_flags & ~(VM_READ | VM_WRITE);
	int error = 0;

	vm_flags |= rights;
	if (vma->vm_flags == vm_flags)
		return 0;
	if (vma->vm_start < start) {
		error = vma_split(vma, start);
		if (error)
			return error;
		vma = vma_next(vma);
	}
	if (vma->vm_end > end) {
		error = vma_split(vma, end);
		if (error)
			return error;
	}
	vma_adjust(vma, start, end, vm_flags);
	change_protection(vma);
	vma_merge(vma);
	return 0;
}

/*
 * do_mprotect - give [addr, addr + bytes) new rights, PROT_*; 0 is none.  bytes
 * is rounded up to whole pages.
 *
 * Locks: takes mmap_sem.  Sleeps: yes.
 * Return: 0; -EINVAL: addr is no page's start, or wrong bits; -ENOMEM: no
 * memory, or something in the range is not mapped.  Then what lies before it
 * may have changed.
 */
int do_mprotect(struct mm *mm, uint64_t addr, uint64_t bytes, unsigned int prot)
{
	unsigned int rights = (prot & PROT_READ ? VM_READ : 0) |
			      (prot & PROT_WRITE ? VM_WRITE : 0);
	struct vm_area_struct *vma;
	uint64_t end;
	int error = 0;

	if (addr & (page_size() - 1))
		return -EINVAL;
	if (!bytes)
		return 0;
	if (addr >= task_size() || bytes > task_size() - addr)
		return -ENOMEM;
	if (prot & ~(0u | PROT_READ | PROT_WRITE))
		return -EINVAL;
	end = (addr + bytes + page_size() - 1) & ~(page_size() - 1);

	machine_down_write(&mm->mmap_sem);
	while (!error && addr < end) {
		uint64_t next;

		vma = find_vma(mm, addr);
		if (!vma || vma->vm_start > addr) {
			error = -ENOMEM;
			break;
		}
		next = min_u64(end, vma->vm_end);
		error = mprotect_fixup(vma, addr, next, rights);
		addr = next;
	}
	machine_up_write(&mm->mmap_sem);
	return error;
}
