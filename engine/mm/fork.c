/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fork.c - a copy of an address space.
 *
 * The child gets every mapping.  Of what they map it gets what faults could not
 * bring back: private copies are shared, read-only for both, until one of the
 * two writes.  A shared mapping starts empty, and so does a private one that
 * was never written to.  As in Linux 6.1, in a private mapping that has copies
 * the tables are copied, with the file's pages in them, but no huge PMDs.
 *
 * The child's VMAs come behind the parent's in the file's list.  So a walk that
 * takes a page away either comes before the page is copied, or finds both.
 */
#include "mm/mm.h"

struct fork {
	struct vm_area_struct *src;
	struct vm_area_struct *dst;
	uint64_t flush_start;		/* write-protected, not flushed yet; */
	uint64_t flush_end;		/* nothing when end <= start */
	uint64_t nr_anon;		/* new in the child */
	uint64_t spare;			/* a page for a copy, or 0 */
};

/*
 * Take an exclusive page's entry ready to be shared.  First the entry, then the
 * count: a pin that is not seen finds that the entry has changed.
 * Return: false when the page is pinned, then the entry stays as it was.
 */
static bool share_anon_page(struct fork *fork, uint64_t *src_pte,
			    uint64_t pteval, uint64_t addr)
{
	uint64_t bits = _PAGE_RW | _PAGE_EXCLUSIVE;
	uint64_t old = entry_change(src_pte, pteval, bits, 0);

	if (machine_load(&pfn_to_page(pte_pfn(old))->refcount)) {
		entry_change(src_pte, old & ~bits, 0, old & bits);
		return false;
	}
	if (pte_write(old)) {
		fork->flush_start = min_u64(fork->flush_start, addr);
		fork->flush_end = max_u64(fork->flush_end, addr + page_size());
	}
	return true;
}

/* A pinned page stays the parent's; the child gets the spare one. */
static uint64_t copy_present_page(struct fork *fork, uint64_t pteval)
{
	uint64_t entry = pfn_pte(fork->spare, PAGE_ANON);

	machine_data_copy(fork->spare, pte_pfn(pteval));
	fork->spare = 0;
	if (fork->dst->vm_flags & VM_WRITE)
		return entry | _PAGE_RW;
	if (fork->dst->vm_flags & VM_READ)
		return entry;
	return (entry & ~_PAGE_PRESENT) | _PAGE_PROTNONE;
}

/* Return: false: it takes a spare page to go on. */
static bool copy_one_pte(struct fork *fork, uint64_t *dst_pte,
			 uint64_t *src_pte, uint64_t addr)
{
	uint64_t pteval = machine_pt_load(src_pte);
	uint64_t entry = pteval & ~(_PAGE_RW | _PAGE_EXCLUSIVE);

	if (pte_none(pteval))
		return true;
	if (pte_anon(pteval)) {
		if (pte_exclusive(pteval) &&
		    !share_anon_page(fork, src_pte, pteval, addr)) {
			if (!fork->spare)
				return false;
			entry = copy_present_page(fork, pteval);
		} else {
			machine_add(&pfn_to_page(pte_pfn(pteval))->refcount, 1);
		}
		fork->nr_anon++;
	}
	machine_pt_store(dst_pte, entry);
	return true;
}

/*
 * Copy PTEs of [addr, end), that lie in one table, until a spare page is
 * needed.
 * Return: the address where to go on.
 */
static uint64_t copy_pte_range(struct fork *fork, struct pmd dst,
			       struct pmd src, uint64_t addr, uint64_t end)
{
	struct machine_spinlock *dst_ptl;
	struct machine_spinlock *src_ptl;
	uint64_t *dst_pte = pte_offset_map_lock(dst, addr, &dst_ptl);
	uint64_t *src_pte = pte_offset_map_lock(src, addr, &src_ptl);

	fork->flush_start = end;
	fork->flush_end = addr;
	fork->nr_anon = 0;
	for (; addr != end; addr += page_size(), dst_pte++, src_pte++)
		if (!copy_one_pte(fork, dst_pte, src_pte, addr))
			break;
	if (fork->flush_start < fork->flush_end)
		machine_tlb_flush(fork->src->vm_mm, fork->flush_start,
				  fork->flush_end);
	if (fork->nr_anon)
		add_mm_counter(fork->dst->vm_mm, MM_ANONPAGES,
			       (int64_t)fork->nr_anon);
	pte_unmap_unlock(src_ptl);
	pte_unmap_unlock(dst_ptl);
	return addr;
}

/* Copy what one PMD maps of [addr, end). */
static int copy_pmd(struct fork *fork, struct pmd src, uint64_t addr,
		    uint64_t end)
{
	struct mm *mm = fork->dst->vm_mm;
	struct pmd dst;

	/* No fault runs, so what is no table does not become one. */
	if (pmd_devmap_trans_unstable(src))
		return 0;
	if (pmd_alloc(mm, addr, &dst) ||
	    (pmd_none(pmd_load(dst)) && __pte_alloc(mm, dst)))
		return -ENOMEM;
	for (;;) {
		addr = copy_pte_range(fork, dst, src, addr, end);
		if (addr == end)
			return 0;
		fork->spare = machine_page_alloc(MACHINE_PAGE_DATA);
		if (!fork->spare)
			return -ENOMEM;
	}
}

/* Has the VMA private copies?  No fault runs that could make one. */
static bool vma_has_anon(const struct vm_area_struct *vma)
{
	const struct mm *mm = vma->vm_mm;
	uint64_t addr = vma->vm_start;
	struct pmd pmd;

	if (vma->vm_flags & VM_SHARED)
		return false;
	while ((addr = pmd_next(mm, addr, vma->vm_end, &pmd)) < vma->vm_end) {
		uint64_t next = pmd_addr_end(addr, vma->vm_end);
		uint64_t *pte;

		if (!pmd_devmap_trans_unstable(pmd)) {
			pte = pte_offset_map(pmd_load(pmd), addr);
			for (; addr != next; addr += page_size(), pte++) {
				uint64_t pteval = machine_pt_load(pte);

				if (!pte_none(pteval) && pte_anon(pteval))
					return true;
			}
		}
		addr = next;
	}
	return false;
}

static int copy_page_range(struct vm_area_struct *dst,
			   struct vm_area_struct *src)
{
	struct fork fork = { .src = src, .dst = dst };
	uint64_t addr = src->vm_start;
	struct pmd pmd;
	int error = 0;

	if (!vma_has_anon(src))
		return 0;
	while (!error &&
	       (addr = pmd_next(src->vm_mm, addr, src->vm_end, &pmd)) <
		       src->vm_end) {
		uint64_t next = pmd_addr_end(addr, src->vm_end);

		error = copy_pmd(&fork, pmd, addr, next);
		addr = next;
	}
	/* For a page that is not pinned any more. */
	if (fork.spare)
		machine_page_free(fork.spare);
	return error;
}

static int dup_mmap(struct mm *mm, const struct mm *old)
{
	struct vm_area_struct *src;
	struct vm_area_struct *dst;
	int error = 0;

	for (src = find_vma(old, 0); src && !error; src = vma_next(src)) {
		dst = machine_alloc(sizeof(*dst), "vm_area_struct");
		if (!dst)
			return -ENOMEM;
		*dst = *src;
		dst->vm_mm = mm;
		vma_link(mm, dst);
		error = copy_page_range(dst, src);
	}
	return error;
}

/*
 * dup_mm - a copy of an address space for a child; name has to live as long.
 *
 * Locks: takes mmap_sem of the parent, and the child's.  Sleeps: yes.
 * Return: 0 and *copy, or -ENOMEM.
 */
int dup_mm(struct mm *old, const char *name, struct mm **copy)
{
	struct mm *mm = mm_create(name);
	int error;

	if (!mm)
		return -ENOMEM;
	/* For write, so that no fault runs in the parent meanwhile. */
	machine_down_write(&old->mmap_sem);
	machine_down_write(&mm->mmap_sem);
	error = dup_mmap(mm, old);
	machine_up_write(&mm->mmap_sem);
	machine_up_write(&old->mmap_sem);
	if (error)
		exit_mmap(mm);
	else
		*copy = mm;
	return error;
}
