/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * iomap.c - where pages of a file are, and blocks for those that have none.
 *
 * A block becomes visible only with zeroes in it: it is zeroed, on the medium
 * too, before an extent says that it is mapped.
 */
#include "fs/extent.h"

/*
 * fs_find_iomap - say where pages of a file are, from page pgoff on as far as
 * one extent goes.
 *
 * Locks: i_data_sem, or everything at rest.  Sleeps: no.
 */
void fs_find_iomap(const struct inode *inode, uint64_t pgoff,
		   struct iomap *iomap)
{
	const struct extent *extent = extents_find(inode, pgoff);
	uint64_t skip;

	iomap->pgoff = pgoff;
	iomap->flags = 0;
	if (!extent || extent->pgoff > pgoff) {
		uint64_t end = extent ? extent->pgoff : UINT64_MAX;

		iomap->type = IOMAP_HOLE;
		iomap->nr_pages = end - pgoff;
		iomap->block = 0;
		return;
	}
	skip = pgoff - extent->pgoff;
	iomap->type = extent->type;
	iomap->nr_pages = extent->nr_pages - skip;
	iomap->block = extent->block + skip;
}

/* Blocks for a hole, fewer than wanted if there are not so many in a row. */
static int fill_hole(struct inode *inode, enum iomap_type want,
		     struct iomap *iomap)
{
	struct extent_spares spares;
	uint64_t nr;

	if (extents_reserve(&spares, 1))
		return -ENOMEM;
	nr = blocks_alloc(inode, iomap->pgoff, iomap->nr_pages, &iomap->block);
	if (!nr) {
		extents_release(&spares);
		return -ENOSPC;
	}
	if (want == IOMAP_MAPPED)
		blocks_zero(inode->i_sb, iomap->block, nr);
	extents_add(inode, iomap->pgoff, nr, want, iomap->block, &spares);
	iomap->nr_pages = nr;
	iomap->type = want;
	iomap->flags |= IOMAP_F_NEW;
	return 0;
}

/* Return: whether a mapped extent goes on with this one. */
static bool joins_left(const struct inode *inode, const struct extent *extent)
{
	const struct extent *left;

	if (!extent->pgoff)
		return false;
	left = extents_find(inode, extent->pgoff - 1);
	return left->pgoff < extent->pgoff && left->type == IOMAP_MAPPED &&
	       left->block + left->nr_pages == extent->block;
}

/*
 * Pages [*first, *end) of an unwritten extent are to be mapped: which will be?
 *
 * As Linux 6.1 ext4 has it: rather than to leave a short piece unwritten it
 * zeroes that as well, up to 32 KiB (extent_max_zeroout_kb), if the extent lies
 * within the file.  Not if the pages are at the end of the extent, or can join
 * a mapped neighbour in front.  Here the limit is a 64th of a huge page, which
 * is the same in life, and none when huge pages are small.
 */
static void widen_conversion(const struct inode *inode,
			     const struct extent *extent, uint64_t *first,
			     uint64_t *end)
{
	uint64_t max = UINT64_C(1) << pmd_order() >> 6;
	uint64_t eof = pages_up(i_size_read(&inode->i_data));

	if (*end == extent_end(extent) || extent_end(extent) > eof)
		return;
	if (*first == extent->pgoff && joins_left(inode, extent))
		return;
	if (extent_end(extent) - *first <= max)
		*end = extent_end(extent);
	if (*end - extent->pgoff < max)
		*first = extent->pgoff;
}

/* Map unwritten blocks. */
static int convert_unwritten(struct inode *inode, struct iomap *iomap)
{
	const struct extent *extent = extents_find(inode, iomap->pgoff);
	uint64_t first = iomap->pgoff;
	uint64_t end = first + iomap->nr_pages;
	struct extent_spares spares;

	if (extents_reserve(&spares, 2))
		return -ENOMEM;
	widen_conversion(inode, extent, &first, &end);
	blocks_zero(inode->i_sb, extent->block + (first - extent->pgoff),
		    end - first);
	extents_set_type(inode, first, end, IOMAP_MAPPED, &spares);
	extents_release(&spares);
	iomap->type = IOMAP_MAPPED;
	iomap->flags |= IOMAP_F_NEW;
	return 0;
}

/*
 * fs_map_blocks - as fs_find_iomap() for at most nr_pages; but the page has a
 * block when it returns, and if want is IOMAP_MAPPED one that is mapped.  Then
 * the answer goes only as far as what was done for it.
 *
 * Locks: the transaction and i_data_sem for write; takes s_lock.  Sleeps: yes.
 * Return: 0, -ENOMEM or -ENOSPC.
 */
int fs_map_blocks(struct inode *inode, uint64_t pgoff, uint64_t nr_pages,
		  enum iomap_type want, struct iomap *iomap)
{
	fs_find_iomap(inode, pgoff, iomap);
	iomap->nr_pages = min_u64(iomap->nr_pages, nr_pages);
	if (iomap->type == IOMAP_HOLE)
		return fill_hole(inode, want, iomap);
	if (iomap->type == IOMAP_UNWRITTEN && want == IOMAP_MAPPED)
		return convert_unwritten(inode, iomap);
	return 0;
}

/* A write fault: what there is, or blocks. */
static int iomap_begin_write(struct inode *inode, uint64_t pgoff,
			     uint64_t nr_pages, struct iomap *iomap)
{
	uint64_t end = (pgoff + nr_pages) << page_shift();
	int error = 0;

	BUG_ON(11, !machine_rwsem_held(&inode->i_sb->s_transaction));
	machine_down_read(&inode->i_data_sem);
	fs_find_iomap(inode, pgoff, iomap);
	if (iomap->type == IOMAP_MAPPED && fs_inode_dirty(inode))
		iomap->flags |= IOMAP_F_DIRTY;
	machine_up_read(&inode->i_data_sem);

	if (iomap->type != IOMAP_MAPPED) {
		machine_down_write(&inode->i_data_sem);
		error = fs_map_blocks(inode, pgoff, nr_pages, IOMAP_MAPPED,
				      iomap);
		if (fs_inode_dirty(inode))
			iomap->flags |= IOMAP_F_DIRTY;
		machine_up_write(&inode->i_data_sem);
	}
	/* As ext4: the size itself may not be on the medium. */
	if (end > i_size_read(&inode->i_data))
		iomap->flags |= IOMAP_F_DIRTY;
	return error;
}

/* See struct iomap_ops. */
static int fs_iomap_begin(struct address_space *mapping, uint64_t pgoff,
			  uint64_t nr_pages, unsigned int flags,
			  struct iomap *iomap)
{
	struct inode *inode = container_of(mapping, struct inode, i_data);

	BUG_ON(11, !machine_rwsem_held(&inode->i_mmap_sem));
	if (machine_choose(2, "iomap_begin"))
		return -EIO;
	if (flags & IOMAP_WRITE)
		return iomap_begin_write(inode, pgoff, nr_pages, iomap);
	machine_down_read(&inode->i_data_sem);
	fs_find_iomap(inode, pgoff, iomap);
	machine_up_read(&inode->i_data_sem);
	return 0;
}

const struct iomap_ops fs_iomap_ops = {
	.iomap_begin = fs_iomap_begin,
};
