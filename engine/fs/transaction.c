/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * transaction.c - changes of files that reach the medium together or not at
 * all.
 *
 * There is one transaction at a time.  Many may be in it; a commit waits until
 * they have left, and whoever comes meanwhile waits for the commit.  So nobody
 * may wait, inside of it, for somebody who still has to enter: a fault enters
 * before it locks an entry, and nobody copies to or from a program's memory
 * inside.
 */
#include "fs/extent.h"
#include "fs/journal.h"

/*
 * fs_transaction_begin - enter the running transaction.  Not twice.
 *
 * Locks: takes s_transaction for read; comes after i_mmap_sem and before
 * entries' locks.  Sleeps: yes.
 */
void fs_transaction_begin(struct super_block *sb)
{
	machine_down_read(&sb->s_transaction);
}

/*
 * fs_transaction_end - leave it; what was changed is durable after a commit.
 *
 * Locks: releases s_transaction.  Sleeps: no.
 */
void fs_transaction_end(struct super_block *sb)
{
	machine_up_read(&sb->s_transaction);
}

/*
 * fs_change_begin - enter the transaction to change one file.
 *
 * Locks: as fs_transaction_begin(); takes i_data_sem for write.  Sleeps: yes.
 */
void fs_change_begin(struct inode *inode)
{
	fs_transaction_begin(inode->i_sb);
	machine_down_write(&inode->i_data_sem);
}

/*
 * fs_change_end - what fs_change_begin() began.
 *
 * Locks: releases both.  Sleeps: no.
 */
void fs_change_end(struct inode *inode)
{
	machine_up_write(&inode->i_data_sem);
	fs_transaction_end(inode->i_sb);
}

/*
 * fs_inode_changed - note that the running transaction changes this file: its
 * size, and where the data of pages [first, end) is.
 *
 * Locks: s_transaction, and i_data_sem for write.  Sleeps: no.
 */
void fs_inode_changed(struct inode *inode, uint64_t first, uint64_t end)
{
	BUG_ON(11, !machine_rwsem_held(&inode->i_sb->s_transaction));
	BUG_ON(11, !machine_rwsem_held_write(&inode->i_data_sem));
	/* Inside the transaction the number does not change. */
	inode->i_tid = inode->i_sb->s_tid;
	if (inode->i_disk)
		journal_dirty(inode->i_disk, first, end);
}

/*
 * fs_inode_dirty - does the medium know less of this file than we do?
 *
 * Locks: i_data_sem.  Sleeps: no.
 */
bool fs_inode_dirty(struct inode *inode)
{
	BUG_ON(11, !machine_rwsem_held(&inode->i_data_sem));
	return inode->i_tid == machine_load(&inode->i_sb->s_tid);
}

/*
 * fs_commit - what was changed before is durable when this returns, and blocks
 * that were freed may be used again.
 *
 * Locks: takes s_transaction for write.  Sleeps: yes.
 * Return: 0, or what s_commit says.
 */
int fs_commit(struct super_block *sb)
{
	int error = 0;

	machine_down_write(&sb->s_transaction);
	if (sb->s_commit)
		error = sb->s_commit(sb);
	if (!error) {
		blocks_free_committed(sb);
		machine_store(&sb->s_tid, machine_load(&sb->s_tid) + 1);
	}
	machine_up_write(&sb->s_transaction);
	return error;
}

/*
 * fs_commit_frees - would a commit make blocks free?
 *
 * Locks: takes s_lock.  Sleeps: no.
 */
bool fs_commit_frees(struct super_block *sb)
{
	bool frees;

	machine_spin_lock(&sb->s_lock);
	frees = sb->s_freed != NULL;
	machine_spin_unlock(&sb->s_lock);
	return frees;
}

/*
 * fs_set_size - change how many bytes a file has, and nothing else.
 *
 * Locks: i_rwsem for write, when it shrinks i_mmap_sem too; the transaction and
 * i_data_sem for write.  Sleeps: no.
 */
void fs_set_size(struct inode *inode, uint64_t bytes)
{
	uint64_t *size = &inode->i_data.i_size;

	BUG_ON(11, !machine_rwsem_held_write(&inode->i_rwsem));
	BUG_ON(11, bytes < machine_load(size) &&
		   !machine_rwsem_held_write(&inode->i_mmap_sem));
	machine_store(size, bytes);
	fs_inode_changed(inode, 0, 0);
}
