/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mmap.c - address spaces and their mappings (VMAs).
 *
 * mm->mm_vmas holds the VMAs in the order of their addresses; they never
 * overlap.  A VMA is changed under mmap_sem and the file's i_mmap_rwsem, both
 * for write, so either of them is enough to read it.
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

static struct vm_area_struct *node_vma(struct avl_node *node)
{
	return node ? container_of(node, struct vm_area_struct, vm_node) : NULL;
}

/*
 * find_vma - the first VMA that ends behind addr; it may begin behind it too.
 *
 * Locks: mmap_sem, or everything at rest.  Sleeps: no.
 * Return: NULL when there is none; find_vma(mm, 0) is the first of all.
 */
struct vm_area_struct *find_vma(const struct mm *mm, uint64_t addr)
{
	struct avl_node *node = mm->mm_vmas.node;
	struct vm_area_struct *found = NULL;

	while (node) {
		struct vm_area_struct *vma = node_vma(node);

		if (vma->vm_end <= addr) {
			node = node->child[1];
		} else {
			found = vma;
			node = node->child[0];
		}
	}
	return found;
}

/*
 * vma_next - the VMA at the next higher address.
 *
 * Locks: mmap_sem, or everything at rest.  Sleeps: no.
 * Return: NULL after the last.
 */
struct vm_area_struct *vma_next(const struct vm_area_struct *vma)
{
	return node_vma(avl_next(&vma->vm_node));
}

/* Insert where no VMA is: into the mm's tree and the file's list. */
static void vma_link(struct mm *mm, struct vm_area_struct *vma)
{
	struct avl_node **link = &mm->mm_vmas.node;
	struct address_space *mapping = vma->vm_mapping;
	struct avl_node *parent = NULL;

	while (*link) {
		parent = *link;
		link = &parent->child[node_vma(parent)->vm_start <
				      vma->vm_start];
	}
	avl_insert(&mm->mm_vmas, &vma->vm_node, parent, link);
	machine_down_write(&mapping->i_mmap_rwsem);
	list_add_tail(&vma->vm_shared, &mapping->i_mmap);
	machine_up_write(&mapping->i_mmap_rwsem);
}

static void vma_unlink(struct mm *mm, struct vm_area_struct *vma)
{
	struct address_space *mapping = vma->vm_mapping;

	avl_erase(&mm->mm_vmas, &vma->vm_node);
	machine_down_write(&mapping->i_mmap_rwsem);
	list_del_init(&vma->vm_shared);
	machine_up_write(&mapping->i_mmap_rwsem);
	machine_free(vma);
}

/* Shrink a VMA to [start, end). */
static void vma_adjust(struct vm_area_struct *vma, uint64_t start, uint64_t end)
{
	machine_down_write(&vma->vm_mapping->i_mmap_rwsem);
	vma->vm_pgoff = linear_page_index(vma, start);
	vma->vm_start = start;
	vma->vm_end = end;
	machine_up_write(&vma->vm_mapping->i_mmap_rwsem);
}

/* Return: whether [addr, addr + bytes) is made of pages a program can have. */
static bool range_valid(uint64_t addr, uint64_t bytes)
{
	uint64_t offset_mask = page_size() - 1;

	return !(addr & offset_mask) && !(bytes & offset_mask) && bytes &&
	       addr < task_size() && bytes <= task_size() - addr;
}

static unsigned int calc_vm_flags(unsigned int prot, unsigned int flags)
{
	unsigned int vm_flags = 0;

	if (prot & PROT_READ)
		vm_flags |= VM_READ;
	if (prot & PROT_WRITE)
		vm_flags |= VM_WRITE;
	if (flags == MAP_SHARED)
		vm_flags |= VM_SHARED;
	return vm_flags;
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
	struct vm_area_struct *next;

	if (!range_valid(addr, bytes) ||
	    prot & ~(0u | PROT_READ | PROT_WRITE) ||
	    (flags != MAP_SHARED && flags != MAP_PRIVATE) ||
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

	machine_down_write(&mm->mmap_sem);
	next = find_vma(mm, addr);
	if (next && next->vm_start < addr + bytes) {
		machine_up_write(&mm->mmap_sem);
		machine_free(vma);
		return -EEXIST;
	}
	vma_link(mm, vma);
	machine_up_write(&mm->mmap_sem);
	return 0;
}

/* The pages of [start, end) are unmapped: take it out of the VMAs too. */
static void remove_vmas(struct mm *mm, uint64_t start, uint64_t end,
			struct vm_area_struct *tail)
{
	struct vm_area_struct *vma = find_vma(mm, start);
	struct vm_area_struct *next;

	if (tail) {
		*tail = *vma;
		tail->vm_pgoff = linear_page_index(vma, end);
		tail->vm_start = end;
		vma_adjust(vma, vma->vm_start, start);
		vma_link(mm, tail);
		return;
	}
	for (; vma && vma->vm_start < end; vma = next) {
		next = vma_next(vma);
		if (vma->vm_start < start)
			vma_adjust(vma, vma->vm_start, start);
		else if (vma->vm_end > end)
			vma_adjust(vma, end, vma->vm_end);
		else
			vma_unlink(mm, vma);
	}
}

/*
 * Unmap [start, end).  tail is memory for a second VMA, for when the range lies
 * in the middle of one, else NULL.  Cannot fail.
 */
static void unmap_region(struct mm *mm, uint64_t start, uint64_t end,
			 struct vm_area_struct *tail)
{
	struct vm_area_struct *vma;
	struct vm_area_struct *next;
	struct avl_node *prev;

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
	prev = next ? avl_prev(&next->vm_node) : avl_last(&mm->mm_vmas);
	free_pgtables(mm, start, end, prev ? node_vma(prev)->vm_end : 0,
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

/*
 * madvise_dontneed - forget the pages of [addr, addr + bytes), private copies
 * too; the mappings stay.
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
