/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inode.c - files.
 */
#include "fs/extent.h"

/*
 * inode_add_extent - give pages of a file their blocks, from block on.  They
 * may lie behind the file's end.  A hole is where there is no extent.
 *
 * Locks: takes those of the file and the transaction.  Sleeps: yes.
 * Return: 0, -ENOMEM, -EEXIST when one of the pages has a block or one of the
 * blocks is in use, or -EINVAL: no pages, blocks outside of the device, or no
 * type that has blocks.
 */
int inode_add_extent(struct inode *inode, uint64_t pgoff, uint64_t nr_pages,
		     enum iomap_type type, uint64_t block)
{
	uint64_t nr_blocks = inode->i_sb->s_dax.nr_pages;
	struct extent_spares spares;
	const struct extent *next;
	int error = 0;

	if (!nr_pages || nr_pages > UINT64_MAX - pgoff || block > nr_blocks ||
	    nr_pages > nr_blocks - block ||
	    (type != IOMAP_MAPPED && type != IOMAP_UNWRITTEN))
		return -EINVAL;
	if (extents_reserve(&spares, 1))
		return -ENOMEM;

	machine_down_write(&inode->i_rwsem);
	machine_down_write(&inode->i_mmap_sem);
	fs_change_begin(inode);
	next = extents_find(inode, pgoff);
	if (next && next->pgoff < pgoff + nr_pages)
		error = -EEXIST;
	else
		error = blocks_take(inode->i_sb, block, nr_pages);
	if (!error)
		extents_add(inode, pgoff, nr_pages, type, block, &spares);
	fs_change_end(inode);
	machine_up_write(&inode->i_mmap_sem);
	machine_up_write(&inode->i_rwsem);
	extents_release(&spares);
	return error;
}

static void mapping_init(struct address_space *mapping, const char *name,
			 struct super_block *sb)
{
	mapping->name = name;
	mapping->vm_ops = &fs_dax_vm_ops;
	mapping->dax_dev = &sb->s_dax;
	mapping->iomap_ops = &fs_iomap_ops;
	machine_rwsem_init(&mapping->i_mmap_rwsem, "i_mmap");
	machine_spin_init(&mapping->i_pages, "i_pages");
	list_init(&mapping->i_mmap);
}

/*
 * inode_create - a file of that size that is one hole; name has to live as
 * long.
 *
 * Locks: takes s_lock.  Sleeps: yes.
 * Return: NULL when there is no memory, or for more than 2^63 bytes.
 */
struct inode *inode_create(struct super_block *sb, const char *name,
			   uint64_t size_pages)
{
	struct inode *inode;

	if (size_pages > UINT64_C(1) << (63 - page_shift()))
		return NULL;
	inode = machine_alloc(sizeof(*inode), "inode");
	if (!inode)
		return NULL;
	inode->i_sb = sb;
	inode->i_data.i_size = size_pages << page_shift();
	mapping_init(&inode->i_data, name, sb);
	machine_rwsem_init(&inode->i_rwsem, "i_rwsem");
	machine_rwsem_init(&inode->i_mmap_sem, "i_mmap_sem");
	machine_rwsem_init(&inode->i_data_sem, "i_data_sem");
	machine_spin_lock(&sb->s_lock);
	sb->s_nr_inodes++;
	inode->i_data.ino = ++sb->s_next_ino;
	list_add_tail(&inode->i_sb_list, &sb->s_inodes);
	machine_spin_unlock(&sb->s_lock);
	return inode;
}

/*
 * inode_destroy - forget a file that nobody maps, with its entries and blocks.
 *
 * Locks: none, nobody uses it.  Sleeps: until no page of it is pinned.
 */
void inode_destroy(struct inode *inode)
{
	struct address_space *mapping = &inode->i_data;
	struct super_block *sb = inode->i_sb;
	struct extent_spares none = { .head = NULL };

	BUG_ON(4, !list_empty(&mapping->i_mmap));
	machine_down_write(&inode->i_mmap_sem);
	fs_break_layouts(inode);
	machine_up_write(&inode->i_mmap_sem);
	dax_delete_mapping_entries(mapping);
	fs_change_begin(inode);
	extents_remove(inode, 0, UINT64_MAX, &none);
	fs_change_end(inode);
	machine_spin_lock(&sb->s_lock);
	sb->s_nr_inodes--;
	list_del_init(&inode->i_sb_list);
	machine_spin_unlock(&sb->s_lock);
	machine_rwsem_destroy(&inode->i_data_sem);
	machine_rwsem_destroy(&inode->i_mmap_sem);
	machine_rwsem_destroy(&inode->i_rwsem);
	machine_spin_destroy(&mapping->i_pages);
	machine_rwsem_destroy(&mapping->i_mmap_rwsem);
	machine_free(inode);
}
