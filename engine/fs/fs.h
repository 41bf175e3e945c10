/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fs.h - a small filesystem: files that are extents of a DAX device.
 *
 * Interface
 *   fs_create(), fs_destroy()		a filesystem
 *   inode_create(), inode_destroy()	a file
 *   inode_add_extent()			give it blocks of the caller's choice
 *   fs_mmap()				map it
 *   fs_read(), fs_write()		read(2), write(2)
 *   fs_truncate(), fs_fallocate()	change its size and its blocks
 *   fs_fsync()				fsync(2), and msync(2) of a range
 *   fs_format(), fs_mount(), fs_unmount()	one that is on the medium
 *   fs_creat(), fs_lookup(), fs_unlink(), fs_rename(), fs_next_name()
 *   fs_transaction_begin(), fs_transaction_end(), fs_commit()
 *   verify_mm(), verify_inode(), verify_fs()	check every invariant, at rest
 *
 * A block is a page; block b is page frame first_pfn + b.
 *
 * Errors are those that the system call has: -EINVAL, -ENOSPC, -EFBIG, -ENOMEM,
 * -EIO, -EFAULT.
 */
#ifndef FS_FS_H
#define FS_FS_H

#include "base/avl.h"
#include "dax/dax.h"

/* Files end before this many bytes. */
#define FS_MAX_BYTES (UINT64_C(1) << 62)

#define FS_NAME_MAX 255		/* bytes of a file's name */

struct disk_inode;
struct extent;
struct journal;

struct super_block {
	struct dax_device s_dax;

	struct machine_spinlock s_lock;	/* for those up to s_freed */
	uint64_t s_nr_inodes;		/* alive */
	uint64_t s_next_ino;
	struct list_head s_inodes;
	uint64_t *s_bitmap;		/* bit b: block b is in use */
	uint64_t s_nr_free;		/* blocks */
	uint64_t s_free_hint;		/* no block below is free */
	uint64_t s_huge_hint;		/* no huge page of free ones begins
					 * below */
	struct extent *s_freed;		/* in use until the next commit */

	/*
	 * The running transaction.  Whoever changes what the medium knows of
	 * files is in it, a fault that allocates too; a commit waits until
	 * nobody is.  Between i_mmap_sem and the entries' locks.
	 */
	struct machine_rwsem s_transaction;
	uint64_t s_tid;			/* its number; a word */

	/*
	 * Write to the medium what changed since the last commit.  Nobody is
	 * in the transaction.
	 * Return: 0, or an error and it goes on.  NULL: nothing outlives the
	 * machine.
	 */
	int (*s_commit)(struct super_block *sb);
	struct journal *s_journal;	/* s_commit's */
	struct machine_rwsem s_names;	/* for names of files; outermost */
};

#define FS_NR_WINDOWS 4

/* Blocks set out for a huge page of a file; alloc.c. */
struct fs_window {
	uint64_t pgoff;
	uint64_t block;
	bool valid;
};

struct inode {
	struct list_head i_sb_list;	/* in s_inodes */
	struct super_block *i_sb;
	struct address_space i_data;

	/*
	 * Outermost of all: whoever changes size or blocks.  Faults do not
	 * take it, a write(2) holds it while its buffer faults.
	 */
	struct machine_rwsem i_rwsem;

	/* Faults read; who takes blocks or pages away writes. */
	struct machine_rwsem i_mmap_sem;

	/*
	 * Faults allocate blocks while they hold i_mmap_sem for read only, so
	 * this is for the extents; innermost, may be held with an entry's
	 * lock.
	 */
	struct machine_rwsem i_data_sem;
	struct avl_root i_extents;	/* by page, no overlap; else a hole */
	uint64_t i_blocks;		/* in extents */
	struct fs_window i_windows[FS_NR_WINDOWS];
	uint64_t i_tid;			/* the last transaction that changed
					 * what reading the data needs */
	struct disk_inode *i_disk;	/* NULL: the file has no name, and ends
					 * with the machine */
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

/* transaction.c */
void fs_transaction_begin(struct super_block *sb);
void fs_transaction_end(struct super_block *sb);
void fs_change_begin(struct inode *inode);
void fs_change_end(struct inode *inode);
void fs_inode_changed(struct inode *inode, uint64_t first, uint64_t end);
bool fs_inode_dirty(struct inode *inode);
int fs_commit(struct super_block *sb);
bool fs_commit_frees(struct super_block *sb);
void fs_set_size(struct inode *inode, uint64_t bytes);

/* iomap.c */
extern const struct iomap_ops fs_iomap_ops;

/* file.c */
extern const struct vm_operations_struct fs_dax_vm_ops;
int fs_mmap(struct mm *mm, struct inode *inode, uint64_t addr, uint64_t bytes,
	    unsigned int prot, unsigned int flags, uint64_t pgoff);

/* A buffer of read(2) and write(2): of the caller's memory, or of a program. */
struct fs_buffer {
	struct mm *mm;		/* NULL: data */
	uint64_t addr;		/* in mm */
	unsigned char *data;
};

/* rw.c: return the bytes done, which may be fewer, or an error if none. */
int64_t fs_read(struct inode *inode, uint64_t pos, uint64_t bytes,
		const struct fs_buffer *to);
int64_t fs_write(struct inode *inode, uint64_t pos, uint64_t bytes,
		 const struct fs_buffer *from);

/* truncate.c */
int fs_truncate(struct inode *inode, uint64_t bytes);

enum fs_fallocate_mode {
	FS_ALLOCATE,		/* unwritten blocks where there are none */
	FS_PUNCH_HOLE,
	FS_ZERO_RANGE,		/* unwritten blocks, whatever was there */
	FS_COLLAPSE_RANGE,	/* whole blocks; what is behind moves down */
	FS_INSERT_RANGE,	/* whole blocks; what is behind moves up */
};

/* fallocate.c; all but FS_PUNCH_HOLE may change the size, as in Linux */
int fs_fallocate(struct inode *inode, enum fs_fallocate_mode mode,
		 uint64_t pos, uint64_t bytes);

/* fsync.c: bytes [pos, pos + bytes) */
int fs_fsync(struct inode *inode, uint64_t pos, uint64_t bytes);

/* What is wrong with a pool on a device. */
struct fs_damage {
	const char *what;
	uint64_t at;		/* byte of the device */
};

/* mount.c: a filesystem that outlives the machine; doc/pool.md */
int fs_format(uint64_t first_pfn, uint64_t nr_pages);
int fs_mount(uint64_t first_pfn, uint64_t nr_pages, struct super_block **sb,
	     struct fs_damage *damage);
void fs_unmount(struct super_block *sb);

/* dir.c: names of files; for a filesystem that was mounted */
int fs_creat(struct super_block *sb, const char *name, struct inode **inode);
struct inode *fs_lookup(struct super_block *sb, const char *name);
int fs_unlink(struct inode *inode);
int fs_rename(struct inode *inode, const char *name);
bool fs_next_name(struct super_block *sb, char name[FS_NAME_MAX + 1]);

/* verify.c */
unsigned int verify_mm(const struct mm *mm);
unsigned int verify_inode(const struct inode *inode);
unsigned int verify_fs(const struct super_block *sb);

#endif /* FS_FS_H */
