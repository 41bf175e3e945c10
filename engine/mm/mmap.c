/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mmap.c - address spaces: made, mapped, unmapped, and ended.
 */
#include "mm/mm.h"

/*
 * mm_create - an empty address space; name has to live as long.
 *
 * Locks: none.  Sleeps: yes.
 * Return: NULL when there is no memory.
 */
struct mm *mm_create(const char *name)
{
	struct mm *mm = machine_alloc(sizeof(*mm), "mm");

	BUG_ON(1, entries_per_table() * sizeof(uint64_t) > page_size());
	if (!mm)
		return NULL;
	mm->root = table_alloc("pmd lock");
	if (!mm->root) {
		machine_free(mm);
		return NULL;
	}
	mm->name = name;
	machine_rwsem_init(&mm->mmap_sem, "mmap_sem");
	machine_spin_init(&mm->page_table_lock, "page_table_lock");
	return mm;
}

static unsigned int calc_vm_flags(unsigned int prot, unsigned int flags)
{
	unsigned int vm_flags = 0;

	if (prot & PROT_READ)
		vm_flags |= VM_READ;
	if (prot & PROT_WRITE)
		vm_flags |= VM_WRITE;
	if (flags & MAP_SHARED)
		vm_flags |= VM_SHARED;
	if (flags & MAP_SYNC)
		vm_flags |= VM_SYNC;
	return vm_flags;
}

static bool map_flags_valid(unsigned int flags)
{
	flags &= ~(0u | MAP_POPULATE);
	return flags == MAP_PRIVATE || flags == MAP_SHARED ||
	       flags == (MAP_SHARED | MAP_SYNC);
}

/* Return: 0, or -EEXIST when something is mapped there. */
static int mmap_region(struct mm *mm, struct vm_area_struct *vma)
{
	struct vm_area_struct *next;

	machine_down_write(&mm->mmap_sem);
	next = find_vma(mm, vma->vm_start);
	if (next && next->vm_start < vma->vm_end) {
		machine_up_write(&mm->mmap_sem);
		return -EEXIST;
	}
	vma_link(mm, vma);
	vma_merge(vma);
	machine_up_write(&mm->mmap_sem);
	return 0;
}

/*
 * do_mmap - map pages of a file, from page pgoff on, at addr.
 *
 * Locks: takes mmap_sem.  Sleeps: yes.
 * Return: 0, -ENOMEM, -EEXIST when something is mapped there, or -EINVAL: not
 * whole pages, outside of the address space or of any file, or wrong bits.
 */
int do_mmap(struct mm *mm, uint64_t addr, uint64_t bytes, unsigned int prot,
	    unsigned int flags, struct address_space *mapping, uint64_t pgoff)
{
	struct vm_area_struct *vma;
	int error;

	if (!range_valid(addr, bytes) ||
	    prot & ~(0u | PROT_READ | PROT_WRITE) || !map_flags_valid(flags) ||
	    pgoff > (UINT64_MAX - bytes) >> page_shift())
		return -EINVAL;
	vma = machine_alloc(sizeof(*vma), "vm_area_struct");
	if (!vma)
		return -ENOMEM;
	vma->vm_mm = mm;
	vma->vm_mapping = mapping;
	vma->vm_start = addr;
	vma->vm_end = addr + bytes;
	vma->vm_pgoff = pgoff;
	vma->vm_flags = calc_vm_flags(prot, flags);

	error = mmap_region(mm, vma);
	if (error) {
		machine_free(vma);
		return error;
	}
	if (flags & MAP_POPULATE)
		mm_populate(mm, addr, bytes);
	return 0;
}

/* The pages of [start, end) are unmapped: take it out of the VMAs too. */
static void remove_vmas(struct mm *mm, uint64_t start, uint64_t end,
			struct vm_area_struct *tail)
{
	struct vm_area_struct *vma = find_vma(mm, start);
	struct vm_area_struct *next;

	if (tail) {
		vma_cut(vma, start, end, tail);
		return;
	}
	for (; vma && vma->vm_start < end; vma = next) {
		next = vma_next(vma);
		if (vma->vm_start < start)
			vma_adjust(vma, vma->vm_start, start, vma->vm_flags);
		else if (vma->vm_end > end)
			vma_adjust(vma, end, vma->vm_end, vma->vm_flags);
		else
			vma_unlink(mm, vma);
	}
}

/*
 * unmap_region - unmap [start, end).  tail is memory for a second VMA, for when
 * the range lies in the middle of one, else NULL.  Cannot fail.
 *
 * Locks: mmap_sem for write.  Sleeps: yes.
 */
void unmap_region(struct mm *mm, uint64_t start, uint64_t end,
		  struct vm_area_struct *tail)
{
	struct vm_area_struct *vma;
	struct vm_area_struct *next;
	struct vm_area_struct *prev;

	for (vma = find_vma(mm, start); vma && vma->vm_start < end;
	     vma = vma_next(vma))
		zap_page_range(vma, max_u64(start, vma->vm_start),
			       min_u64(end, vma->vm_end));
	remove_vmas(mm, start, end, tail);

	/*
	 * Nobody finds the range by its file now, and no fault runs: its
	 * tables are ours, except where a neighbour has part of them.
	 */
	next = find_vma(mm, start);
	prev = vma_before(mm, start);
	free_pgtables(mm, start, end, prev ? prev->vm_end : 0,
		      next ? next->vm_start : task_size());
}

/*
 * do_munmap - unmap [addr, addr + bytes), which may be parts of VMAs, or
 * nothing at all.
 *
 * Locks: takes mmap_sem.  Sleeps: yes.
 * Return: 0, -EINVAL: not whole pages, or -ENOMEM: nothing was unmapped.
 */
int do_munmap(struct mm *mm, uint64_t addr, uint64_t bytes)
{
	struct vm_area_struct *tail = NULL;
	struct vm_area_struct *vma;
	uint64_t end = addr + bytes;
	int error = 0;

	if (!range_valid(addr, bytes))
		return -EINVAL;
	machine_down_write(&mm->mmap_sem);
	vma = find_vma(mm, addr);
	if (!vma || vma->vm_start >= end)
		goto unlock;
	if (vma->vm_start < addr && vma->vm_end > end) {
		tail = machine_alloc(sizeof(*tail), "vm_area_struct");
		if (!tail) {
			error = -ENOMEM;
			goto unlock;
		}
	}
	/* ---- nothing below can fail ---- */
	unmap_region(mm, addr, end, tail);
unlock:
	machine_up_write(&mm->mmap_sem);
	return error;
}

/* As Linux 4.12 kernel/fork.c check_mm(). */
static void check_mm(const struct mm *mm)
{
	uint64_t nr_ptes = machine_load(&mm->nr_ptes);
	unsigned int i;

	for (i = 0; i < NR_MM_COUNTERS; i++) {
		uint64_t val = machine_load(&mm->rss_stat[i]);

		if (val)
			machine_report(2, "BUG: Bad rss-counter state "
				       "mm:%s idx:%u val:%ld", mm->name, i,
				       (long)val);
	}
	if (nr_ptes)
		machine_report(1, "BUG: non-zero nr_ptes on freeing mm: %ld",
			       (long)nr_ptes);
}

/*
 * exit_mmap - unmap all and free the mm; complain about what is left over.
 *
 * Locks: none; the caller is the last user.  Sleeps: yes.
 */
void exit_mmap(struct mm *mm)
{
	machine_down_write(&mm->mmap_sem);
	unmap_region(mm, 0, task_size(), NULL);
	machine_up_write(&mm->mmap_sem);
	machine_tlb_flush(mm, 0, task_size());
	table_free(mm->root);
	check_mm(mm);
	machine_spin_destroy(&mm->page_table_lock);
	machine_rwsem_destroy(&mm->mmap_sem);
	machine_free(mm);
}
