/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fallocate.c - fallocate(2): blocks of a file come, go and move.
 *
 * What is written back before, what is unmapped, and what is an error, is as in
 * Linux 6.1 ext4.  The order is truncate.c's.
 */
#include "fs/extent.h"

/* A range of bytes, and the whole pages in it. */
struct range {
	uint64_t pos;
	uint64_t end;
	uint64_t first;		/* pages [first, last_end) are whole */
	uint64_t last_end;	/* at most first: there is none */
};

static void range_set(struct range *range, uint64_t pos, uint64_t end)
{
	range->pos = pos;
	range->end = end;
	range->first = pages_up(pos);
	range->last_end = end >> page_shift();
}

static bool range_is_whole(const struct range *range)
{
	return !((range->pos | range->end) & (page_size() - 1));
}

/* Blocks for some pages, from pgoff on.  Return: how many, or an error. */
static int allocate_some(struct inode *inode, uint64_t pgoff, uint64_t end,
			 uint64_t new_size, uint64_t *nr_pages)
{
	struct iomap iomap;
	uint64_t bytes;
	int error;

	fs_change_begin(inode);
	error = fs_map_blocks(inode, pgoff, end - pgoff, IOMAP_UNWRITTEN,
			      &iomap);
	if (!error) {
		*nr_pages = iomap.nr_pages;
		bytes = min_u64(new_size,
				(pgoff + iomap.nr_pages) << page_shift());
		if (bytes > i_size_read(&inode->i_data))
			fs_set_size(inode, bytes);
	}
	fs_change_end(inode);
	return error;
}

/*
 * Blocks for pages [pgoff, end) that have none; they are unwritten.  The file
 * grows with them, to new_size at most.  An error leaves those that were done.
 */
static int allocate(struct inode *inode, uint64_t pgoff, uint64_t end,
		    uint64_t new_size)
{
	uint64_t nr_pages = 0;

	for (; pgoff < end; pgoff += nr_pages) {
		int error = allocate_some(inode, pgoff, end, new_size,
					  &nr_pages);

		if (error == -ENOSPC && fs_commit_frees(inode->i_sb)) {
			error = fs_commit(inode->i_sb);
			nr_pages = 0;
		}
		if (error)
			return error;
	}
	return 0;
}

/* The file is to be longer: its last page shall have no old bytes. */
static int zero_tail(struct inode *inode, uint64_t end)
{
	uint64_t size = i_size_read(&inode->i_data);

	if (end <= size)
		return 0;
	return fs_zero_bytes(inode, size, -size & (page_size() - 1));
}

static int fs_allocate(struct inode *inode, const struct range *range)
{
	int error;

	machine_down_write(&inode->i_rwsem);
	error = zero_tail(inode, range->end);
	if (!error)
		error = allocate(inode, range->pos >> page_shift(),
				 pages_up(range->end), range->end);
	machine_up_write(&inode->i_rwsem);
	return error;
}

/* The pages at the ends that are in the range only in part. */
static int zero_partial_pages(struct inode *inode, const struct range *range)
{
	uint64_t mask = page_size() - 1;
	uint64_t head = min_u64(-range->pos & mask, range->end - range->pos);
	uint64_t tail = range->end & mask;
	int error = fs_zero_bytes(inode, range->pos, head);

	if (!error && range->pos + head < range->end)
		error = fs_zero_bytes(inode, range->end - tail, tail);
	return error;
}

/* Whole pages are about to change: unmap them and forget their entries. */
static void invalidate_pages(struct inode *inode, const struct range *range)
{
	struct address_space *mapping = &inode->i_data;

	if (range->first >= range->last_end)
		return;
	unmap_mapping_pages(mapping, range->first,
			    range->last_end - range->first);
	dax_delete_mapping_range(mapping, range->first, range->last_end - 1);
}

static int punch_pages(struct inode *inode, const struct range *range,
		       struct extent_spares *spares)
{
	int error;

	fs_break_layouts(inode);
	invalidate_pages(inode, range);
	error = zero_partial_pages(inode, range);
	if (error || range->first >= range->last_end)
		return error;
	fs_change_begin(inode);
	extents_remove(inode, range->first, range->last_end, spares);
	fs_change_end(inode);
	return 0;
}

static int fs_punch_hole(struct inode *inode, struct range *range)
{
	struct extent_spares spares;
	uint64_t size;
	int error;

	error = fs_writeback(inode, range->pos, range->end - range->pos);
	if (error)
		return error;
	if (extents_reserve(&spares, 2))
		return -ENOMEM;
	machine_down_write(&inode->i_rwsem);
	size = i_size_read(&inode->i_data);
	if (range->pos < size) {
		/* As ext4: what hangs out goes up to the end of a page. */
		if (range->end > size)
			range_set(range, range->pos,
				  (size & ~(page_size() - 1)) + page_size());
		machine_down_write(&inode->i_mmap_sem);
		error = punch_pages(inode, range, &spares);
		machine_up_write(&inode->i_mmap_sem);
	}
	machine_up_write(&inode->i_rwsem);
	extents_release(&spares);
	return error;
}

/* Pages that have blocks have unwritten ones from now on. */
static void make_unwritten(struct inode *inode, const struct range *range,
			   struct extent_spares *spares)
{
	fs_change_begin(inode);
	extents_set_type(inode, range->first, range->last_end, IOMAP_UNWRITTEN,
			 spares);
	fs_change_end(inode);
}

static int zero_whole_pages(struct inode *inode, const struct range *range,
			    struct extent_spares *spares)
{
	int error;

	if (range->first >= range->last_end)
		return 0;
	machine_down_write(&inode->i_mmap_sem);
	fs_break_layouts(inode);
	invalidate_pages(inode, range);
	error = allocate(inode, range->first, range->last_end, range->end);
	if (!error)
		make_unwritten(inode, range, spares);
	machine_up_write(&inode->i_mmap_sem);
	return error;
}

static int fs_zero_range(struct inode *inode, const struct range *range)
{
	struct extent_spares spares;
	int error;

	if (extents_reserve(&spares, 2))
		return -ENOMEM;
	machine_down_write(&inode->i_rwsem);
	error = zero_tail(inode, range->end);
	if (!error && !range_is_whole(range))
		error = allocate(inode, range->pos >> page_shift(),
				 pages_up(range->end), range->end);
	if (!error)
		error = zero_whole_pages(inode, range, &spares);
	if (!error)
		error = zero_partial_pages(inode, range);
	machine_up_write(&inode->i_rwsem);
	extents_release(&spares);
	return error;
}

/* What is behind the range moves down over it. */
static int collapse_pages(struct inode *inode, const struct range *range,
			  struct extent_spares *spares)
{
	uint64_t nr_pages = range->last_end - range->first;
	uint64_t size = i_size_read(&inode->i_data);
	int error;

	fs_break_layouts(inode);
	error = fs_writeback(inode, range->pos, 1);
	if (!error)
		error = fs_writeback(inode, range->end, UINT64_MAX);
	if (error)
		return error;
	fs_truncate_pages(inode, range->first);
	fs_change_begin(inode);
	extents_remove(inode, range->first, range->last_end, spares);
	extents_shift(inode, range->last_end, -(int64_t)nr_pages, spares);
	fs_set_size(inode, size - (range->end - range->pos));
	fs_change_end(inode);
	return 0;
}

static int fs_collapse_range(struct inode *inode, const struct range *range)
{
	struct extent_spares spares;
	int error = -EINVAL;

	if (!range_is_whole(range))
		return -EINVAL;
	if (extents_reserve(&spares, 3))
		return -ENOMEM;
	machine_down_write(&inode->i_rwsem);
	/* Up to the end or over it would be a truncate. */
	if (range->end < i_size_read(&inode->i_data)) {
		machine_down_write(&inode->i_mmap_sem);
		error = collapse_pages(inode, range, &spares);
		machine_up_write(&inode->i_mmap_sem);
	}
	machine_up_write(&inode->i_rwsem);
	extents_release(&spares);
	return error;
}

/* Faults put blocks only within the file, so the answer stays true. */
static bool may_move_up(struct inode *inode, uint64_t nr_pages)
{
	uint64_t max = FS_MAX_BYTES >> page_shift();
	bool may;

	machine_down_read(&inode->i_data_sem);
	may = !extents_find(inode, max - nr_pages);
	machine_up_read(&inode->i_data_sem);
	return may;
}

/* A hole comes; what is behind moves up. */
static int insert_pages(struct inode *inode, const struct range *range,
			struct extent_spares *spares)
{
	uint64_t nr_pages = range->last_end - range->first;
	uint64_t size = i_size_read(&inode->i_data);
	int error;

	fs_break_layouts(inode);
	if (!may_move_up(inode, nr_pages))
		return -EFBIG;
	error = fs_writeback(inode, range->pos, UINT64_MAX);
	if (error)
		return error;
	fs_truncate_pages(inode, range->first);
	fs_change_begin(inode);
	extents_shift(inode, range->first, (int64_t)nr_pages, spares);
	fs_set_size(inode, size + (range->end - range->pos));
	fs_change_end(inode);
	return 0;
}

static int fs_insert_range(struct inode *inode, const struct range *range)
{
	struct extent_spares spares;
	uint64_t size;
	int error;

	if (!range_is_whole(range))
		return -EINVAL;
	if (extents_reserve(&spares, 1))
		return -ENOMEM;
	machine_down_write(&inode->i_rwsem);
	size = i_size_read(&inode->i_data);
	if (range->end - range->pos > FS_MAX_BYTES - size) {
		error = -EFBIG;
	} else if (range->pos >= size) {
		error = -EINVAL;
	} else {
		machine_down_write(&inode->i_mmap_sem);
		error = insert_pages(inode, range, &spares);
		machine_up_write(&inode->i_mmap_sem);
	}
	machine_up_write(&inode->i_rwsem);
	extents_release(&spares);
	return error;
}

/*
 * fs_fallocate - change the blocks behind bytes [pos, pos + bytes) of a file;
 * see enum fs_fallocate_mode.
 *
 * Locks: takes i_rwsem, the transaction, i_data_sem; all but FS_ALLOCATE take
 * i_mmap_sem and what unmapping takes.  Sleeps: yes; all but FS_ALLOCATE until
 * no page of the file is pinned.
 * Return: 0, -EINVAL, -EFBIG, -ENOMEM, -ENOSPC, or -EIO for a poisoned page.
 * After -ENOSPC and -ENOMEM some pages may have got their blocks.
 */
int fs_fallocate(struct inode *inode, enum fs_fallocate_mode mode,
		 uint64_t pos, uint64_t bytes)
{
	struct range range;

	if (!bytes)
		return -EINVAL;
	if (pos > FS_MAX_BYTES || bytes > FS_MAX_BYTES - pos)
		return -EFBIG;
	range_set(&range, pos, pos + bytes);
	switch (mode) {
	case FS_ALLOCATE:
		return fs_allocate(inode, &range);
	case FS_PUNCH_HOLE:
		return fs_punch_hole(inode, &range);
	case FS_ZERO_RANGE:
		return fs_zero_range(inode, &range);
	case FS_COLLAPSE_RANGE:
		return fs_collapse_range(inode, &range);
	case FS_INSERT_RANGE:
		return fs_insert_range(inode, &range);
	}
	return -EINVAL;
}
