/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mremap.c - move a mapping, or give it another size.
 *
 * Entries are moved as they are, so private copies and dirty marks go along.
 * Three things must not happen while an entry moves:
 *
 *  - A walk by the file visits the new place first, then the old one, and finds
 *    the page in neither.  So i_mmap_rwsem is held for write.
 *  - The locks are dropped while a TLB still has the old address: who unmaps or
 *    cleans the new one flushes only that.  So the flush comes first.
 *  - A table is taken for what it was before the locks were held.  So the PMD
 *    is read under them.
 */
#include "mm/mm.h"

/* A part of a mapping on its way. */
struct move {
	struct vm_area_struct *from_vma;
	struct vm_area_struct *to_vma;
	uint64_t from;
	uint64_t to;
	uint64_t end;			/* of what is at from */
};

/* Lock two tables that may be the same one. */
static void lock_both(struct machine_spinlock *one,
		      struct machine_spinlock *other)
{
	machine_spin_lock(one);
	if (other != one)
		machine_spin_lock(other);
}

static void unlock_both(struct machine_spinlock *one,
			struct machine_spinlock *other)
{
	if (other != one)
		machine_spin_unlock(other);
	machine_spin_unlock(one);
}

/* Move a huge page.  Return: false when the PMD is not huge (any more). */
static bool move_huge_pmd(const struct move *move, struct pmd from,
			  struct pmd to)
{
	uint64_t pmdval;
	bool huge;

	lock_both(from.ptl, to.ptl);
	pmdval = pmd_load(from);
	huge = pmd_trans_huge(pmdval) || pmd_devmap(pmdval);
	if (huge) {
		BUG_ON(12, !pmd_none(pmd_load(to)));
		pmdval = machine_pt_xchg(from.word, PMD_NONE);
		machine_tlb_flush(move->from_vma->vm_mm, move->from,
				  move->from + pmd_size());
		machine_pt_store(to.word, pmdval);
	}
	unlock_both(from.ptl, to.ptl);
	return huge;
}

/* Move PTEs of bytes, from one table to one table. */
static void move_ptes(const struct move *move, struct pmd from, struct pmd to,
		      uint64_t bytes)
{
	uint64_t from_pmd = pmd_load(from);
	uint64_t to_pmd = pmd_load(to);
	struct machine_spinlock *from_ptl =
		&pfn_to_page(pmd_pfn(from_pmd))->ptl;
	struct machine_spinlock *to_ptl = &pfn_to_page(pmd_pfn(to_pmd))->ptl;
	uint64_t *from_pte = pte_offset_map(from_pmd, move->from);
	uint64_t *to_pte = pte_offset_map(to_pmd, move->to);
	uint64_t nr = bytes >> page_shift();
	bool moved = false;

	lock_both(from_ptl, to_ptl);
	for (; nr; nr--, from_pte++, to_pte++) {
		if (pte_none(machine_pt_load(from_pte)))
			continue;
		moved = true;
		machine_pt_store(to_pte, machine_pt_xchg(from_pte, PTE_NONE));
	}
	if (moved)
		machine_tlb_flush(move->from_vma->vm_mm, move->from,
				  move->from + bytes);
	unlock_both(from_ptl, to_ptl);
}

/*
 * Move what one PMD maps, at most what one PMD can map at the new place.
 * Return: 0 or -ENOMEM.
 */
static int move_pmd(const struct move *move, struct pmd from, uint64_t bytes)
{
	struct mm *mm = move->from_vma->vm_mm;
	struct address_space *mapping = move->from_vma->vm_mapping;
	struct pmd to;

	if (pmd_none(pmd_load(from)))
		return 0;
	if (bytes != pmd_size())
		split_huge_pmd(move->from_vma, from, move->from);
	if (pmd_none(pmd_load(from)))
		return 0;
	if (pmd_alloc(mm, move->to, &to))
		return -ENOMEM;
	/* Not below a huge PMD that is about to come. */
	if (!pmd_devmap_trans_unstable(from) && pmd_none(pmd_load(to)) &&
	    __pte_alloc(mm, to))
		return -ENOMEM;

	machine_down_write(&mapping->i_mmap_rwsem);
	/* A walk may have cleared a huge PMD since. */
	if (!pmd_devmap_trans_unstable(from))
		move_ptes(move, from, to, bytes);
	else if (!pmd_none(pmd_load(from)))
		move_huge_pmd(move, from, to);
	machine_up_write(&mapping->i_mmap_rwsem);
	return 0;
}

/*
 * Move all entries of [from, end).  move->from says how far it came.
 * Return: 0 or -ENOMEM.
 */
static int move_page_tables(struct move *move)
{
	struct mm *mm = move->from_vma->vm_mm;
	uint64_t delta = move->to - move->from;
	struct pmd from;
	int error = 0;

	for (;;) {
		uint64_t next;

		move->from = pmd_next(mm, move->from, move->end, &from);
		if (move->from == move->end)
			return 0;
		move->to = move->from + delta;
		next = pmd_addr_end(move->from, move->end);
		next = pmd_addr_end(move->to, next + delta) - delta;
		error = move_pmd(move, from, next - move->from);
		if (error)
			return error;
		move->from = next;
	}
}

/*
 * Move entries, or none of them.  The way back needs no memory: all tables are
 * there still.
 */
static int move_entries(struct vm_area_struct *from_vma, uint64_t from,
			uint64_t bytes, struct vm_area_struct *to_vma)
{
	uint64_t to = to_vma->vm_start;
	struct move move = { from_vma, to_vma, from, to, from + bytes };
	struct move back = { to_vma, from_vma, to, from, to };
	int error = move_page_tables(&move);

	if (error) {
		back.end += move.from - from;
		BUG_ON(1, move_page_tables(&back));
	}
	return error;
}

/* Return: whether nothing is mapped in [start, end). */
static bool range_free(const struct mm *mm, uint64_t start, uint64_t end)
{
	const struct vm_area_struct *vma = find_vma(mm, start);

	return !vma || vma->vm_start >= end;
}

/* Memory for what is behind [addr, end) if that is in the middle of a VMA. */
static int alloc_tail(const struct vm_area_struct *vma, uint64_t addr,
		      uint64_t end, struct vm_area_struct **tail)
{
	*tail = NULL;
	if (vma->vm_start == addr || vma->vm_end == end)
		return 0;
	*tail = machine_alloc(sizeof(**tail), "vm_area_struct");
	return *tail ? 0 : -ENOMEM;
}

/* Move [addr, addr + bytes) of a VMA to where nothing is mapped. */
static int move_vma(struct vm_area_struct *vma, uint64_t addr, uint64_t bytes,
		    uint64_t new_bytes, uint64_t new_addr)
{
	struct mm *mm = vma->vm_mm;
	struct vm_area_struct *tail;
	struct vm_area_struct *to;
	int error = alloc_tail(vma, addr, addr + bytes, &tail);

	if (error)
		return error;
	to = machine_alloc(sizeof(*to), "vm_area_struct");
	if (!to) {
		machine_free(tail);
		return -ENOMEM;
	}
	*to = *vma;
	to->vm_start = new_addr;
	to->vm_end = new_addr + new_bytes;
	to->vm_pgoff = linear_page_index(vma, addr);
	vma_link(mm, to);
	error = move_entries(vma, addr, bytes, to);
	if (error) {
		machine_free(tail);
		unmap_region(mm, new_addr, new_addr + new_bytes, NULL);
		return error;
	}
	/* ---- nothing below can fail ---- */
	unmap_region(mm, addr, addr + bytes, tail);
	vma_merge(to);
	return 0;
}

/* Unmap the end of a part of a VMA.  Return: 0 or -ENOMEM. */
static int shrink_vma(struct vm_area_struct *vma, uint64_t start, uint64_t end)
{
	struct vm_area_struct *tail;
	int error = alloc_tail(vma, start, end, &tail);

	if (!error)
		unmap_region(vma->vm_mm, start, end, tail);
	return error;
}

static int expand_vma(struct vm_area_struct *vma, uint64_t old_end,
		      uint64_t new_end)
{
	if (vma->vm_end != old_end ||
	    !range_free(vma->vm_mm, old_end, new_end))
		return -ENOMEM;
	vma_adjust(vma, vma->vm_start, new_end, vma->vm_flags);
	vma_merge(vma);
	return 0;
}

/* mmap_sem is held for write. */
static int mremap_locked(struct mm *mm, uint64_t addr, uint64_t old_bytes,
			 uint64_t new_bytes, uint64_t new_addr)
{
	struct vm_area_struct *vma = find_vma(mm, addr);
	uint64_t bytes = min_u64(old_bytes, new_bytes);
	int error = 0;

	if (!vma || vma->vm_start > addr || old_bytes > vma->vm_end - addr)
		return -EFAULT;
	if (linear_page_index(vma, addr) >
	    (UINT64_MAX - new_bytes) >> page_shift())
		return -EINVAL;
	if (new_addr != addr &&
	    !range_free(mm, new_addr, new_addr + new_bytes))
		return -ENOMEM;
	if (bytes < old_bytes)
		error = shrink_vma(vma, addr + bytes, addr + old_bytes);
	if (error || (new_addr == addr && new_bytes == bytes))
		return error;
	if (new_addr == addr)
		return expand_vma(vma, addr + old_bytes, addr + new_bytes);
	/* The part that is left is in a VMA that begins as before. */
	return move_vma(find_vma(mm, addr), addr, bytes, new_bytes, new_addr);
}

/*
 * do_mremap - give the mapping of [addr, addr + old_bytes) another size or
 * another place.  new_addr is addr, to shrink or grow it in place, or where
 * nothing is mapped.
 *
 * Locks: takes mmap_sem.  Sleeps: yes.
 * Return: 0; -EINVAL: not whole pages, the ranges overlap, or more than a file
 * can have; -EFAULT: the old range is not all of one mapping; -ENOMEM: no
 * memory, or the room is taken.
 */
int do_mremap(struct mm *mm, uint64_t addr, uint64_t old_bytes,
	      uint64_t new_bytes, uint64_t new_addr)
{
	int error;

	if (!range_valid(addr, old_bytes) || !range_valid(new_addr, new_bytes))
		return -EINVAL;
	if (addr != new_addr && addr < new_addr + new_bytes &&
	    new_addr < addr + old_bytes)
		return -EINVAL;
	machine_down_write(&mm->mmap_sem);
	error = mremap_locked(mm, addr, old_bytes, new_bytes, new_addr);
	machine_up_write(&mm->mmap_sem);
	return error;
}
