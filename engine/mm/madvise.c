/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * madvise.c - forget pages, or have them all at once; the mappings stay.
 */
#include "mm/mm.h"

/*
 * madvise_dontneed - forget the pages of [addr, addr + bytes), private copies
 * too.
 *
 * Locks: takes mmap_sem, only for read: faults go on.  Sleeps: yes.
 * Return: 0, -EINVAL: not whole pages, or as in Linux -ENOMEM: part of the
 * range is not mapped, the rest was done.
 */
int madvise_dontneed(struct mm *mm, uint64_t addr, uint64_t bytes)
{
	struct vm_area_struct *vma;
	uint64_t end = addr + bytes;
	uint64_t reached = addr;
	int error = 0;

	if (!range_valid(addr, bytes))
		return -EINVAL;
	machine_down_read(&mm->mmap_sem);
	for (vma = find_vma(mm, addr); vma && vma->vm_start < end;
	     vma = vma_next(vma)) {
		if (vma->vm_start > reached)
			error = -ENOMEM;
		reached = min_u64(end, vma->vm_end);
		zap_page_range(vma, max_u64(addr, vma->vm_start), reached);
	}
	if (reached < end)
		error = -ENOMEM;
	machine_up_read(&mm->mmap_sem);
	return error;
}

/* Of the VMA that has to begin at or before addr. */
static int populate_vma(struct vm_area_struct *vma, uint64_t addr,
			uint64_t end, unsigned int access)
{
	unsigned int needed = access & FAULT_FLAG_WRITE ? VM_WRITE : VM_READ;

	if (!vma || vma->vm_start > addr)
		return -ENOMEM;
	if (!(vma->vm_flags & needed))
		return -EINVAL;
	return faultin_range(vma, addr, min_u64(end, vma->vm_end), access);
}

/*
 * madvise_populate - fault in every page of [addr, addr + bytes), to be read
 * or, with FAULT_FLAG_WRITE, to be written; MADV_POPULATE_READ and _WRITE.
 *
 * Locks: takes mmap_sem for read.  Sleeps: yes.
 * Return: 0, or why it ended early: -EINVAL: not whole pages, or a mapping does
 * not allow the access; -ENOMEM: no memory, or something is not mapped;
 * -EFAULT: an access would get SIGBUS.
 */
int madvise_populate(struct mm *mm, uint64_t addr, uint64_t bytes,
		     unsigned int access)
{
	struct vm_area_struct *vma;
	uint64_t end = addr + bytes;
	int error = 0;

	if (!range_valid(addr, bytes))
		return -EINVAL;
	machine_down_read(&mm->mmap_sem);
	while (!error && addr < end) {
		vma = find_vma(mm, addr);
		error = populate_vma(vma, addr, end, access);
		if (!error)
			addr = vma->vm_end;
	}
	machine_up_read(&mm->mmap_sem);
	return error;
}

/*
 * mm_populate - fault in what was just mapped: private copies of all that can
 * be written, as Linux does.  Pages that are not to be had are left out.
 *
 * Locks: takes mmap_sem for read.  Sleeps: yes.
 */
void mm_populate(struct mm *mm, uint64_t addr, uint64_t bytes)
{
	uint64_t end = addr + bytes;
	struct vm_area_struct *vma;

	machine_down_read(&mm->mmap_sem);
	for (vma = find_vma(mm, addr); vma && vma->vm_start < end;
	     vma = vma_next(vma)) {
		unsigned int access = 0;

		if (!(vma->vm_flags & (VM_READ | VM_WRITE)))
			continue;
		if ((vma->vm_flags & (VM_WRITE | VM_SHARED)) == VM_WRITE)
			access = FAULT_FLAG_WRITE;
		faultin_range(vma, max_u64(addr, vma->vm_start),
			      min_u64(end, vma->vm_end), access);
	}
	machine_up_read(&mm->mmap_sem);
}
