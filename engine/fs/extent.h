/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * extent.h - where the blocks of files are: what the files of fs/ share, and
 * the only functions that change it.
 *
 * Interface
 *   extents_reserve(), extents_release()	memory, before anything changes
 *   extents_find(), extents_next()		look
 *   extents_add(), extents_remove()		a hole gets blocks, and back
 *   extents_set_type()				unwritten or mapped
 *   extents_shift()				pages move within the file
 *   blocks_alloc(), blocks_take(), blocks_free()	the bitmap
 *   blocks_zero()				before anybody sees them
 *
 * A change cannot fail: whoever wants one reserves memory for it first.  Each
 * is made inside a transaction with i_data_sem held for write.
 */
#ifndef FS_EXTENT_H
#define FS_EXTENT_H

#include "fs/fs.h"

/* Pages [pgoff, pgoff + nr_pages) of a file; i_data_sem. */
struct extent {
	union {
		struct avl_node node;	/* in inode->i_extents */
		struct extent *next;	/* in reserve, or freed */
	};
	uint64_t pgoff;
	uint64_t nr_pages;
	uint64_t block;			/* of page pgoff */
	enum iomap_type type;
};

/* Memory in reserve for a change. */
struct extent_spares {
	struct extent *head;
};

static inline uint64_t extent_end(const struct extent *extent)
{
	return extent->pgoff + extent->nr_pages;
}

/* extent.c */
int extents_reserve(struct extent_spares *spares, unsigned int nr);
void extents_release(struct extent_spares *spares);
struct extent *extents_find(const struct inode *inode, uint64_t pgoff);
struct extent *extents_next(const struct extent *extent);
void extents_add(struct inode *inode, uint64_t pgoff, uint64_t nr_pages,
		 enum iomap_type type, uint64_t block,
		 struct extent_spares *spares);
void extents_remove(struct inode *inode, uint64_t pgoff, uint64_t end,
		    struct extent_spares *spares);
void extents_set_type(struct inode *inode, uint64_t pgoff, uint64_t end,
		      enum iomap_type type, struct extent_spares *spares);
void extents_shift(struct inode *inode, uint64_t pgoff, int64_t delta,
		   struct extent_spares *spares);

/* alloc.c */
int bitmap_init(struct super_block *sb);
bool bitmap_agrees(const struct super_block *sb);
uint64_t blocks_alloc(struct inode *inode, uint64_t pgoff, uint64_t nr_pages,
		      uint64_t *block);
int blocks_take(struct super_block *sb, uint64_t block, uint64_t nr);
void blocks_free(struct super_block *sb, struct extent *extent);
void blocks_free_committed(struct super_block *sb);
void blocks_zero(struct super_block *sb, uint64_t block, uint64_t nr);

/* iomap.c: want says what a page without data gets */
int fs_map_blocks(struct inode *inode, uint64_t pgoff, uint64_t nr_pages,
		  enum iomap_type want, struct iomap *iomap);

/* rw.c */
int fs_zero_bytes(struct inode *inode, uint64_t pos, uint64_t bytes);

/* truncate.c */
void fs_break_layouts(struct inode *inode);
void fs_truncate_pages(struct inode *inode, uint64_t first);

/* fsync.c */
int fs_writeback(struct inode *inode, uint64_t pos, uint64_t bytes);

/* A number of bytes in pages, the last may be in part. */
static inline uint64_t pages_up(uint64_t bytes)
{
	return (bytes >> page_shift()) + !!(bytes & (page_size() - 1));
}

#endif /* FS_EXTENT_H */
