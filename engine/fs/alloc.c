/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alloc.c - which blocks are free.
 *
 * One bit for each block.  Nothing here is random: the lowest that will do is
 * taken, so that every run of a test has the same blocks.
 *
 * Where a block of a file goes: each huge page of a file, a window, has a huge
 * page of the device set out for it when its first block is allocated, if one
 * is free as a whole; its other blocks go to the same place in it, so that they
 * may be mapped huge one day.  Without one, first fit.  The blocks set out are
 * not taken: others get them when nothing else is left.  Linux 6.1 ext4 has
 * preallocations that come to the same; they end, too, when blocks are taken
 * from the file.
 */
#include "fs/extent.h"

#define NO_BLOCK UINT64_MAX
#define WORD_BITS 64

/*
 * Return: the first block in [block, end) that is in use (flip is 0) or free
 * (flip is ~0), or end.
 */
static uint64_t scan(const struct super_block *sb, uint64_t block, uint64_t end,
		     uint64_t flip)
{
	while (block < end) {
		uint64_t word = sb->s_bitmap[block / WORD_BITS] ^ flip;

		word >>= block % WORD_BITS;
		if (word)
			return min_u64(block + (unsigned int)
					       __builtin_ctzll(word), end);
		block += WORD_BITS - block % WORD_BITS;
	}
	return end;
}

static uint64_t next_used(const struct super_block *sb, uint64_t block,
			  uint64_t end)
{
	return scan(sb, block, end, 0);
}

static uint64_t next_free(const struct super_block *sb, uint64_t block)
{
	return scan(sb, block, sb->s_dax.nr_pages, ~UINT64_C(0));
}

/* Flip the bits of blocks that are all in use, or all free. */
static void flip_bits(const struct super_block *sb, uint64_t block, uint64_t nr)
{
	while (nr) {
		uint64_t bit = block % WORD_BITS;
		uint64_t here = min_u64(nr, WORD_BITS - bit);
		uint64_t mask = ~UINT64_C(0) >> (WORD_BITS - here) << bit;

		sb->s_bitmap[block / WORD_BITS] ^= mask;
		block += here;
		nr -= here;
	}
}

static void mark_used(struct super_block *sb, uint64_t block, uint64_t nr)
{
	BUG_ON(4, next_used(sb, block, block + nr) != block + nr);
	flip_bits(sb, block, nr);
	sb->s_nr_free -= nr;
	machine_trace("blocks_alloc", sb->s_dax.first_pfn + block, nr);
}

static void mark_free(struct super_block *sb, uint64_t block, uint64_t nr)
{
	uint64_t huge = UINT64_C(1) << pmd_order();

	BUG_ON(4, scan(sb, block, block + nr, ~UINT64_C(0)) != block + nr);
	machine_trace("blocks_free", sb->s_dax.first_pfn + block, nr);
	flip_bits(sb, block, nr);
	sb->s_nr_free += nr;
	sb->s_free_hint = min_u64(sb->s_free_hint, block);
	sb->s_huge_hint = min_u64(sb->s_huge_hint,
				  block > huge ? block - huge : 0);
}

/* Return: the first block from block on that a huge page can begin with. */
static uint64_t align_block(const struct super_block *sb, uint64_t block)
{
	uint64_t pfn = sb->s_dax.first_pfn + block;

	return block + (-pfn & pg_pmd_colour());
}

/* Return: the first huge page of free blocks, or NO_BLOCK. */
static uint64_t find_huge(struct super_block *sb)
{
	uint64_t huge = UINT64_C(1) << pmd_order();
	uint64_t block = align_block(sb, sb->s_huge_hint);

	while (block < sb->s_dax.nr_pages &&
	       sb->s_dax.nr_pages - block >= huge) {
		uint64_t used = next_used(sb, block, block + huge);

		sb->s_huge_hint = block;
		if (used == block + huge)
			return block;
		block = align_block(sb, next_free(sb, used));
	}
	sb->s_huge_hint = block;
	return NO_BLOCK;
}

/* Return: the first of nr free blocks in a row, or NO_BLOCK. */
static uint64_t find_run(struct super_block *sb, uint64_t nr)
{
	uint64_t end = sb->s_dax.nr_pages;
	uint64_t block = next_free(sb, sb->s_free_hint);

	sb->s_free_hint = block;
	while (nr <= end - block) {
		uint64_t used = next_used(sb, block, block + nr);

		if (used == block + nr)
			return block;
		block = next_free(sb, used);
	}
	return NO_BLOCK;
}

/* What was set out for the huge page of the file that page pgoff is in. */
static struct fs_window *find_window(struct inode *inode, uint64_t pgoff)
{
	return &inode->i_windows[(pgoff >> pmd_order()) % FS_NR_WINDOWS];
}

/* Return: where the blocks go, or NO_BLOCK: not even *nr may be less. */
static uint64_t choose_blocks(struct inode *inode, uint64_t pgoff, uint64_t *nr)
{
	struct super_block *sb = inode->i_sb;
	struct fs_window *window = find_window(inode, pgoff);
	uint64_t start = pgoff & ~pg_pmd_colour();
	uint64_t skip = pgoff - start;
	uint64_t block;

	if (window->valid && window->pgoff == start) {
		block = window->block + skip;
		if (next_used(sb, block, block + *nr) == block + *nr)
			return block;
	}
	block = find_huge(sb);
	if (block != NO_BLOCK) {
		window->valid = true;
		window->pgoff = start;
		window->block = block;
		return block + skip;
	}
	block = find_run(sb, *nr);
	if (block != NO_BLOCK)
		return block;
	/* Not so many in a row: as many as the first that are. */
	block = next_free(sb, sb->s_free_hint);
	if (block == sb->s_dax.nr_pages)
		return NO_BLOCK;
	*nr = next_used(sb, block, min_u64(block + *nr, sb->s_dax.nr_pages)) -
	      block;
	return block;
}

/*
 * blocks_alloc - take free blocks for pages of a file that have none, from page
 * pgoff on, up to nr_pages of them.  They hold what they held.
 *
 * Locks: i_data_sem; takes s_lock.  Sleeps: no.
 * Return: how many in a row, from *block on; 0 when the device is full.
 */
uint64_t blocks_alloc(struct inode *inode, uint64_t pgoff, uint64_t nr_pages,
		      uint64_t *block)
{
	struct super_block *sb = inode->i_sb;
	uint64_t nr = min_u64(nr_pages, (pgoff | pg_pmd_colour()) - pgoff + 1);

	BUG_ON(11, !machine_rwsem_held_write(&inode->i_data_sem));
	machine_spin_lock(&sb->s_lock);
	*block = choose_blocks(inode, pgoff, &nr);
	if (*block == NO_BLOCK)
		nr = 0;
	else
		mark_used(sb, *block, nr);
	machine_spin_unlock(&sb->s_lock);
	return nr;
}

/*
 * blocks_take - take those very blocks.
 *
 * Locks: takes s_lock.  Sleeps: no.
 * Return: 0, or -EEXIST when one of them is in use.
 */
int blocks_take(struct super_block *sb, uint64_t block, uint64_t nr)
{
	int error = 0;

	machine_spin_lock(&sb->s_lock);
	if (next_used(sb, block, block + nr) != block + nr)
		error = -EEXIST;
	else
		mark_used(sb, block, nr);
	machine_spin_unlock(&sb->s_lock);
	return error;
}

/*
 * blocks_free - give the blocks of an extent back that is in no file any more,
 * and the extent.  Nothing translates to them, nobody has them pinned.  Where
 * a crash is survived they are not used again before the next commit: until
 * then the medium says that they are the file's.
 *
 * Locks: takes s_lock.  Sleeps: no.
 */
void blocks_free(struct super_block *sb, struct extent *extent)
{
	machine_spin_lock(&sb->s_lock);
	if (sb->s_commit) {
		extent->next = sb->s_freed;
		sb->s_freed = extent;
		extent = NULL;
	} else {
		mark_free(sb, extent->block, extent->nr_pages);
	}
	machine_spin_unlock(&sb->s_lock);
	machine_free(extent);
}

/*
 * blocks_free_committed - the medium knows: blocks that were freed are free.
 *
 * Locks: s_transaction for write; takes s_lock.  Sleeps: no.
 */
void blocks_free_committed(struct super_block *sb)
{
	struct extent *extent;

	machine_spin_lock(&sb->s_lock);
	while ((extent = sb->s_freed)) {
		sb->s_freed = extent->next;
		mark_free(sb, extent->block, extent->nr_pages);
		machine_free(extent);
	}
	machine_spin_unlock(&sb->s_lock);
}

/*
 * blocks_zero - make blocks read as zeroes that nobody sees yet; they do so on
 * the medium when this returns.
 *
 * Locks: none.  Sleeps: no.
 */
void blocks_zero(struct super_block *sb, uint64_t block, uint64_t nr)
{
	uint64_t first_pfn = sb->s_dax.first_pfn + block;

	for (uint64_t pfn = first_pfn; pfn < first_pfn + nr; pfn++)
		machine_data_clear(pfn);
	machine_cache_writeback(first_pfn, 0, (size_t)(nr << page_shift()));
}

/*
 * bitmap_init - no block is in use.
 *
 * Locks: none, nobody uses the filesystem.  Sleeps: yes.
 * Return: 0 or -ENOMEM.
 */
int bitmap_init(struct super_block *sb)
{
	size_t words = (size_t)(sb->s_dax.nr_pages / WORD_BITS + 1);

	sb->s_bitmap = machine_alloc(words * sizeof(*sb->s_bitmap), "bitmap");
	if (!sb->s_bitmap)
		return -ENOMEM;
	sb->s_nr_free = sb->s_dax.nr_pages;
	return 0;
}

/* Flip the bits of all blocks that somebody has. */
static void flip_owned(const struct super_block *sb)
{
	const struct extent *extent;
	const struct list_head *pos;

	for (pos = sb->s_inodes.next; pos != &sb->s_inodes; pos = pos->next) {
		const struct inode *inode =
			container_of(pos, struct inode, i_sb_list);

		extent = extents_find(inode, 0);
		for (; extent; extent = extents_next(extent))
			flip_bits(sb, extent->block, extent->nr_pages);
	}
	for (extent = sb->s_freed; extent; extent = extent->next)
		flip_bits(sb, extent->block, extent->nr_pages);
}

/*
 * bitmap_agrees - say whether the blocks in use are those of the files, of each
 * one once, and those freed since the last commit.
 *
 * Locks: none, all is at rest; extents are within the device.  Sleeps: no.
 */
bool bitmap_agrees(const struct super_block *sb)
{
	uint64_t nr_blocks = sb->s_dax.nr_pages;
	uint64_t nr_free = 0;
	uint64_t block = 0;
	bool agrees;

	while ((block = next_free(sb, block)) < nr_blocks) {
		uint64_t end = next_used(sb, block, nr_blocks);

		nr_free += end - block;
		block = end;
	}
	/* A block of two owners is in use still, one of none too. */
	flip_owned(sb);
	agrees = next_used(sb, 0, nr_blocks) == nr_blocks &&
		 nr_free == sb->s_nr_free;
	flip_owned(sb);
	return agrees;
}
