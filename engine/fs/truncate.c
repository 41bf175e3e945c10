/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * truncate.c - pages are taken from a file.
 *
 * The order, here and in fallocate.c, is
 *
 *	keep faults away		i_mmap_sem for write
 *	unmap, wait for pins to go	no device uses a page
 *	unmap, forget the entries	no CPU translates to a page
 *	change the extents		and only now free the blocks
 */
#include "fs/extent.h"

/*
 * fs_break_layouts - unmap all of a file and wait until no page of it is
 * pinned.  After each wait the search begins anew: while nothing keeps faults
 * away another page may have been pinned.
 *
 * Locks: i_mmap_sem for write, dropped while it waits.  Sleeps: yes.
 */
void fs_break_layouts(struct inode *inode)
{
	uint64_t pfn;

	BUG_ON(11, !machine_rwsem_held_write(&inode->i_mmap_sem));
	while ((pfn = dax_layout_busy_page(&inode->i_data))) {
		machine_up_write(&inode->i_mmap_sem);
		wait_on_page_pinned(pfn);
		machine_down_write(&inode->i_mmap_sem);
	}
}

/*
 * fs_truncate_pages - pages from first on are the file's no more: unmap them,
 * private copies too, and forget their entries.
 *
 * Locks: i_mmap_sem for write; takes what unmapping takes.  Sleeps: yes.
 */
void fs_truncate_pages(struct inode *inode, uint64_t first)
{
	BUG_ON(11, !machine_rwsem_held_write(&inode->i_mmap_sem));
	unmap_mapping_pages_even_cows(&inode->i_data, first,
				      UINT64_MAX - first);
	dax_delete_mapping_range(&inode->i_data, first, UINT64_MAX);
}

/* Nothing is mapped any more; the bytes behind the new end go. */
static void truncate_blocks(struct inode *inode, uint64_t bytes,
			    struct extent_spares *spares)
{
	/* A poisoned page keeps what it has, which nobody can read. */
	(void)fs_zero_bytes(inode, bytes, -bytes & (page_size() - 1));
	fs_change_begin(inode);
	if (bytes != i_size_read(&inode->i_data))
		fs_set_size(inode, bytes);
	extents_remove(inode, pages_up(bytes), UINT64_MAX, spares);
	fs_change_end(inode);
}

/* What lies behind the old end in its page was no data, and is zeroes now. */
static int grow(struct inode *inode, uint64_t old, uint64_t bytes)
{
	int error = fs_zero_bytes(inode, old, -old & (page_size() - 1));

	if (error)
		return error;
	fs_change_begin(inode);
	fs_set_size(inode, bytes);
	fs_change_end(inode);
	return 0;
}

/*
 * fs_truncate - let a file have that many bytes.
 *
 * Locks: takes i_rwsem, i_mmap_sem, the transaction, i_data_sem and what
 * unmapping takes.  Sleeps: until no page of the file is pinned, even to grow.
 * Return: 0, -EFBIG, -ENOMEM, or -EIO: the last page is poisoned.
 */
int fs_truncate(struct inode *inode, uint64_t bytes)
{
	struct extent_spares spares;
	int error = 0;
	uint64_t old;

	if (bytes > FS_MAX_BYTES)
		return -EFBIG;
	if (extents_reserve(&spares, 2))
		return -ENOMEM;
	machine_down_write(&inode->i_rwsem);
	machine_down_write(&inode->i_mmap_sem);
	fs_break_layouts(inode);
	old = i_size_read(&inode->i_data);
	if (bytes > old) {
		error = grow(inode, old, bytes);
	} else {
		fs_truncate_pages(inode, pages_up(bytes));
		truncate_blocks(inode, bytes, &spares);
	}
	machine_up_write(&inode->i_mmap_sem);
	machine_up_write(&inode->i_rwsem);
	extents_release(&spares);
	return error;
}
