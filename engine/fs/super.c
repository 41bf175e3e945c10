/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * super.c - the filesystem as a whole.
 */
#include "fs/extent.h"

/*
 * fs_create - a filesystem without files on page frames of a device.
 *
 * Locks: none.  Sleeps: yes.
 * Return: NULL when there is no memory.
 */
struct super_block *fs_create(uint64_t first_pfn, uint64_t nr_pages)
{
	struct super_block *sb = machine_alloc(sizeof(*sb), "super_block");

	if (!sb)
		return NULL;
	if (dax_device_init(&sb->s_dax, first_pfn, nr_pages)) {
		machine_free(sb);
		return NULL;
	}
	if (bitmap_init(sb)) {
		dax_device_destroy(&sb->s_dax);
		machine_free(sb);
		return NULL;
	}
	list_init(&sb->s_inodes);
	sb->s_tid = 1;
	machine_spin_init(&sb->s_lock, "s_lock");
	machine_rwsem_init(&sb->s_transaction, "s_transaction");
	machine_rwsem_init(&sb->s_names, "s_names");
	return sb;
}

/*
 * fs_destroy - end a filesystem that has no files any more.
 *
 * Locks: none, nobody uses it.  Sleeps: no.
 */
void fs_destroy(struct super_block *sb)
{
	BUG_ON(14, sb->s_nr_inodes != 0);
	blocks_free_committed(sb);
	BUG_ON(14, sb->s_nr_free != sb->s_dax.nr_pages);
	machine_rwsem_destroy(&sb->s_names);
	machine_rwsem_destroy(&sb->s_transaction);
	machine_spin_destroy(&sb->s_lock);
	machine_free(sb->s_bitmap);
	dax_device_destroy(&sb->s_dax);
	machine_free(sb);
}
