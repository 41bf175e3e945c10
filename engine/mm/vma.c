/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vma.c - the mappings of an address space as a set: find, cut, join.
 *
 * mm->mm_vmas holds the VMAs in the order of their addresses; they never
 * overlap.  A VMA is changed under mmap_sem and the file's i_mmap_rwsem, both
 * for write, so either of them is enough to read it.  One change is one hold of
 * i_mmap_rwsem: a walk by the file never sees a page that is mapped outside of
 * any VMA.
 */
#include "mm/mm.h"

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

/*
 * vma_before - the last VMA that begins before addr.
 *
 * Locks: mmap_sem, or everything at rest.  Sleeps: no.
 * Return: NULL when there is none.
 */
struct vm_area_struct *vma_before(const struct mm *mm, uint64_t addr)
{
	struct avl_node *node = mm->mm_vmas.node;
	struct vm_area_struct *found = NULL;

	while (node) {
		struct vm_area_struct *vma = node_vma(node);

		if (vma->vm_start < addr) {
			found = vma;
			node = node->child[1];
		} else {
			node = node->child[0];
		}
	}
	return found;
}

/*
 * range_valid - is [addr, addr + bytes) made of pages a program can have, and
 * not empty?
 *
 * Locks: none.  Sleeps: no.
 */
bool range_valid(uint64_t addr, uint64_t bytes)
{
	uint64_t offset_mask = page_size() - 1;

	return !(addr & offset_mask) && !(bytes & offset_mask) && bytes &&
	       addr < task_size() && bytes <= task_size() - addr;
}

static void vma_insert(struct mm *mm, struct vm_area_struct *vma)
{
	struct avl_node **link = &mm->mm_vmas.node;
	struct avl_node *parent = NULL;

	while (*link) {
		parent = *link;
		link = &parent->child[node_vma(parent)->vm_start <
				      vma->vm_start];
	}
	avl_insert(&mm->mm_vmas, &vma->vm_node, parent, link);
}

/*
 * vma_link - insert where no VMA is: into the mm's tree, and into the file's
 * list behind all that are there.
 *
 * Locks: mmap_sem for write; takes i_mmap_rwsem.  Sleeps: yes.
 */
void vma_link(struct mm *mm, struct vm_area_struct *vma)
{
	struct address_space *mapping = vma->vm_mapping;

	vma_insert(mm, vma);
	machine_down_write(&mapping->i_mmap_rwsem);
	list_add_tail(&vma->vm_shared, &mapping->i_mmap);
	machine_up_write(&mapping->i_mmap_rwsem);
}

/*
 * vma_unlink - take a VMA out that maps nothing any more, and free it.
 *
 * Locks: mmap_sem for write; takes i_mmap_rwsem.  Sleeps: yes.
 */
void vma_unlink(struct mm *mm, struct vm_area_struct *vma)
{
	struct address_space *mapping = vma->vm_mapping;

	avl_erase(&mm->mm_vmas, &vma->vm_node);
	machine_down_write(&mapping->i_mmap_rwsem);
	list_del_init(&vma->vm_shared);
	machine_up_write(&mapping->i_mmap_rwsem);
	machine_free(vma);
}

/*
 * vma_adjust - give a VMA another end or start, or other flags; its pages stay
 * where they are.
 *
 * Locks: mmap_sem for write; takes i_mmap_rwsem.  Sleeps: yes.
 */
void vma_adjust(struct vm_area_struct *vma, uint64_t start, uint64_t end,
		unsigned int vm_flags)
{
	machine_down_write(&vma->vm_mapping->i_mmap_rwsem);
	vma->vm_pgoff = linear_page_index(vma, start);
	vma->vm_start = start;
	vma->vm_end = end;
	vma->vm_flags = vm_flags;
	machine_up_write(&vma->vm_mapping->i_mmap_rwsem);
}

/*
 * vma_cut - take [start, end), where nothing is mapped, out of the middle of a
 * VMA.  tail is memory for the VMA behind the gap.
 *
 * Locks: mmap_sem for write; takes i_mmap_rwsem.  Sleeps: yes.
 */
void vma_cut(struct vm_area_struct *vma, uint64_t start, uint64_t end,
	     struct vm_area_struct *tail)
{
	struct address_space *mapping = vma->vm_mapping;

	*tail = *vma;
	tail->vm_pgoff = linear_page_index(vma, end);
	tail->vm_start = end;
	machine_down_write(&mapping->i_mmap_rwsem);
	vma->vm_end = start;
	vma_insert(vma->vm_mm, tail);
	list_add_tail(&tail->vm_shared, vma->vm_shared.next);
	machine_up_write(&mapping->i_mmap_rwsem);
}

/*
 * vma_split - make two VMAs of one, at addr.  A huge page that would be in both
 * is split, as in Linux.
 *
 * Locks: mmap_sem for write; takes i_mmap_rwsem.  Sleeps: yes.
 * Return: 0 or -ENOMEM.
 */
int vma_split(struct vm_area_struct *vma, uint64_t addr)
{
	struct vm_area_struct *tail;
	struct pmd pmd;

	tail = machine_alloc(sizeof(*tail), "vm_area_struct");
	if (!tail)
		return -ENOMEM;
	if (addr & ~pmd_mask() && pmd_offset(vma->vm_mm, addr, &pmd))
		split_huge_pmd(vma, pmd, addr);
	vma_cut(vma, addr, addr, tail);
	return 0;
}

static bool can_vma_merge(const struct vm_area_struct *vma,
			  const struct vm_area_struct *next)
{
	return next && vma && vma->vm_end == next->vm_start &&
	       vma->vm_mapping == next->vm_mapping &&
	       vma->vm_flags == next->vm_flags &&
	       linear_page_index(vma, vma->vm_end) == next->vm_pgoff;
}

static void vma_join(struct vm_area_struct *vma, struct vm_area_struct *next)
{
	struct address_space *mapping = vma->vm_mapping;

	avl_erase(&vma->vm_mm->mm_vmas, &next->vm_node);
	machine_down_write(&mapping->i_mmap_rwsem);
	list_del_init(&next->vm_shared);
	vma->vm_end = next->vm_end;
	machine_up_write(&mapping->i_mmap_rwsem);
	machine_free(next);
}

/*
 * vma_merge - make one VMA of this one and its neighbours, where they only
 * continue each other.
 *
 * Locks: mmap_sem for write; takes i_mmap_rwsem.  Sleeps: yes.
 */
void vma_merge(struct vm_area_struct *vma)
{
	struct vm_area_struct *prev = vma_before(vma->vm_mm, vma->vm_start);
	struct vm_area_struct *next = vma_next(vma);

	if (can_vma_merge(vma, next))
		vma_join(vma, next);
	if (can_vma_merge(prev, vma))
		vma_join(prev, vma);
}
