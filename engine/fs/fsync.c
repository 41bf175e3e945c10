/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fsync.c - data and what is needed to find it again get on the medium.
 */
#include "fs/extent.h"

/*
 * fs_writeback - write back what was stored through mappings to bytes [pos,
 * pos + bytes) of a file; what write(2) wrote is on the medium already.
 *
 * Locks: those of dax_writeback_mapping_range().  Sleeps: yes.
 * Return: 0 or -EIO.
 */
int fs_writeback(struct inode *inode, uint64_t pos, uint64_t bytes)
{
	uint64_t last = UINT64_MAX;

	if (!bytes)
		return 0;
	if (bytes - 1 < UINT64_MAX - pos)
		last = pos + (bytes - 1);
	return dax_writeback_mapping_range(&inode->i_data, pos >> page_shift(),
					   last >> page_shift());
}

/*
 * fs_fsync - what was stored before to bytes [pos, pos + bytes) survives a
 * power cut when this returns, and so does where it is.
 *
 * Locks: none that faults need, except i_mmap_sem and mmap_sem; not inside the
 * transaction.  Sleeps: yes.
 * Return: 0 or -EIO.
 */
int fs_fsync(struct inode *inode, uint64_t pos, uint64_t bytes)
{
	int error = fs_writeback(inode, pos, bytes);
	bool dirty;

	if (error)
		return error;
	machine_down_read(&inode->i_data_sem);
	dirty = fs_inode_dirty(inode);
	machine_up_read(&inode->i_data_sem);
	return dirty ? fs_commit(inode->i_sb) : 0;
}
