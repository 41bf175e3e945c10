/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fs.h - a minimal filesystem: files that are extents of a DAX device.
 *
 * Interface
 *   fs_create(), fs_destroy()		a filesystem
 *   inode_create(), inode_destroy()	a file
 *   inode_add_extent()			give it blocks
 *   fs_mmap()				map it
 *   verify_mm(), verify_inode()	check every invariant, all at rest
 *
 * A block is a page; block b is page frame first_pfn + b.  Who gets which block
 * is the caller's business until files can grow.
 */
#ifndef FS_FS_H
#define FS_FS_H

#include "base/avl.h"
#include "dax/dax.h"

struct super_block {
	struct dax_device s_dax;

	struct machine_spinlock s_lock;	/* for the two below */
	uint64_t s_nr_inodes;		/* alive */
	uint64_t s_next_ino;
};

struct inode {
	struct super_block *i_sb;
	struct address_space i_data;

	/*
	 * Outermost of all: whoever changes size or blocks.  Faults do not
	 * take it, a write(2) holds it while its buffer faults.
	 */
	struct machine_rwsem i_rwsem;

	/* Faults read; who takes blocks or pages away writes. */
	struct machine_rwsem i_mmap_sem;
	struct avl_root i_extents;	/* by page, no overlap; else a hole */
};

/* super.c */
struct super_block *fs_create(uint64_t first_pfn, uint64_t nr_pages);
void fs_destroy(struct super_block *sb);

/* inode.c */
struct inode *inode_create(struct super_block *sb, const char *name,
			   uint64_t size_pages);
void inode_destroy(struct inode *inode);
int inode_add_extent(struct inode *inode, uint64_t pgoff, uint64_t nr_pages,
		     enum iomap_type type, uint64_t block);
void fs_find_iomap(const struct inode *inode, uint64_t pgoff,
		   struct iomap *iomap);

/* file.c */
extern const struct vm_operations_struct fs_dax_vm_ops;
int fs_mmap(struct mm *mm, struct inode *inode, uint64_t addr, uint64_t bytes,
	    unsigned int prot, unsigned int flags, uint64_t pgoff);

/* verify.c */
unsigned int verify_mm(const struct mm *mm);
unsigned int verify_inode(const struct inode *inode);

#endif /* FS_FS_H */
