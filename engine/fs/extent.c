/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * extent.c - the extents of a file, sorted by page.
 *
 * Neighbours that continue each other, in the file and on the device, are one
 * extent: a huge page is mapped only from one.
 *
 * Every change cuts the extents at the ends of its range, so that it has to do
 * with whole ones only, and joins what fits together afterwards.  Each cut may
 * need one more extent.
 */
#include "fs/extent.h"

static struct extent *node_extent(struct avl_node *node)
{
	return node ? container_of(node, struct extent, node) : NULL;
}

/*
 * extents_reserve - memory for nr more extents.
 *
 * Locks: no spinlock.  Sleeps: yes.
 * Return: 0, or -ENOMEM and nothing is reserved.
 */
int extents_reserve(struct extent_spares *spares, unsigned int nr)
{
	spares->head = NULL;
	while (nr--) {
		struct extent *extent = machine_alloc(sizeof(*extent),
						      "extent");

		if (!extent) {
			extents_release(spares);
			return -ENOMEM;
		}
		extent->next = spares->head;
		spares->head = extent;
	}
	return 0;
}

/*
 * extents_release - free what was not needed.
 *
 * Locks: none.  Sleeps: no.
 */
void extents_release(struct extent_spares *spares)
{
	struct extent *extent;

	while ((extent = spares->head)) {
		spares->head = extent->next;
		machine_free(extent);
	}
}

static struct extent *use_spare(struct extent_spares *spares)
{
	struct extent *extent = spares->head;

	BUG_ON(14, !extent);
	spares->head = extent->next;
	return extent;
}

/* Inside a transaction, nobody else reads or changes. */
static void assert_may_change(const struct inode *inode)
{
	BUG_ON(11, !machine_rwsem_held(&inode->i_sb->s_transaction));
	BUG_ON(11, !machine_rwsem_held_write(&inode->i_data_sem));
}

/*
 * extents_find - the first extent that ends behind the page.
 *
 * Locks: i_data_sem, or everything at rest.  Sleeps: no.
 * Return: NULL when there is none.
 */
struct extent *extents_find(const struct inode *inode, uint64_t pgoff)
{
	struct avl_node *node = inode->i_extents.node;
	struct extent *found = NULL;

	while (node) {
		struct extent *extent = node_extent(node);

		if (extent_end(extent) <= pgoff) {
			node = node->child[1];
		} else {
			found = extent;
			node = node->child[0];
		}
	}
	return found;
}

/*
 * extents_next - the extent behind this one.
 *
 * Locks: i_data_sem, or everything at rest.  Sleeps: no.
 * Return: NULL when there is none.
 */
struct extent *extents_next(const struct extent *extent)
{
	return node_extent(avl_next(&extent->node));
}

static void insert_extent(struct inode *inode, struct extent *extent)
{
	struct avl_node **link = &inode->i_extents.node;
	struct avl_node *parent = NULL;

	while (*link) {
		parent = *link;
		link = &parent->child[node_extent(parent)->pgoff <
				      extent->pgoff];
	}
	avl_insert(&inode->i_extents, &extent->node, parent, link);
}

/* Let no extent reach across the beginning of page pgoff. */
static void cut_at(struct inode *inode, uint64_t pgoff,
		   struct extent_spares *spares)
{
	struct extent *left = extents_find(inode, pgoff);
	struct extent *right;
	uint64_t skip;

	if (!left || left->pgoff >= pgoff)
		return;
	skip = pgoff - left->pgoff;
	right = use_spare(spares);
	right->pgoff = pgoff;
	right->nr_pages = left->nr_pages - skip;
	right->block = left->block + skip;
	right->type = left->type;
	left->nr_pages = skip;
	insert_extent(inode, right);
}

/* Make one of the extents that meet at the beginning of page pgoff. */
static void join_at(struct inode *inode, uint64_t pgoff)
{
	struct extent *right = extents_find(inode, pgoff);
	struct extent *left;

	if (!right || right->pgoff != pgoff)
		return;
	left = node_extent(avl_prev(&right->node));
	if (!left || extent_end(left) != pgoff || left->type != right->type ||
	    left->block + left->nr_pages != right->block)
		return;
	left->nr_pages += right->nr_pages;
	avl_erase(&inode->i_extents, &right->node);
	machine_free(right);
}

/*
 * extents_add - give pages of a hole their blocks, from block on; they are in
 * use.  Needs 1 in reserve.
 *
 * Locks: the transaction and i_data_sem for write.  Sleeps: no.
 */
void extents_add(struct inode *inode, uint64_t pgoff, uint64_t nr_pages,
		 enum iomap_type type, uint64_t block,
		 struct extent_spares *spares)
{
	struct extent *extent = use_spare(spares);
	const struct extent *next = extents_find(inode, pgoff);

	assert_may_change(inode);
	BUG_ON(4, next && next->pgoff < pgoff + nr_pages);
	extent->pgoff = pgoff;
	extent->nr_pages = nr_pages;
	extent->block = block;
	extent->type = type;
	insert_extent(inode, extent);
	inode->i_blocks += nr_pages;
	join_at(inode, pgoff + nr_pages);
	join_at(inode, pgoff);
	fs_inode_changed(inode, pgoff, pgoff + nr_pages);
}

/*
 * extents_remove - make pages [pgoff, end) a hole and free their blocks, which
 * nothing translates to any more.  Needs 2 in reserve.
 *
 * Locks: the transaction and i_data_sem for write; takes s_lock.  Sleeps: no.
 */
void extents_remove(struct inode *inode, uint64_t pgoff, uint64_t end,
		    struct extent_spares *spares)
{
	struct extent *extent = extents_find(inode, pgoff);
	unsigned int i;

	assert_may_change(inode);
	if (!extent || extent->pgoff >= end)
		return;
	cut_at(inode, pgoff, spares);
	cut_at(inode, end, spares);
	while ((extent = extents_find(inode, pgoff)) && extent->pgoff < end) {
		avl_erase(&inode->i_extents, &extent->node);
		inode->i_blocks -= extent->nr_pages;
		blocks_free(inode->i_sb, extent);
	}
	for (i = 0; i < FS_NR_WINDOWS; i++)
		inode->i_windows[i].valid = false;
	fs_inode_changed(inode, pgoff, end);
}

/*
 * extents_set_type - what pages [pgoff, end) have of blocks is unwritten, or
 * mapped, from now on.  Needs 2 in reserve.
 *
 * Locks: the transaction and i_data_sem for write.  Sleeps: no.
 */
void extents_set_type(struct inode *inode, uint64_t pgoff, uint64_t end,
		      enum iomap_type type, struct extent_spares *spares)
{
	struct extent *extent;
	uint64_t next;

	assert_may_change(inode);
	fs_inode_changed(inode, pgoff, end);
	cut_at(inode, pgoff, spares);
	cut_at(inode, end, spares);
	extent = extents_find(inode, pgoff);
	for (; extent && extent->pgoff < end; extent = extents_next(extent))
		extent->type = type;
	for (; pgoff < end; pgoff = next) {
		extent = extents_find(inode, pgoff);
		if (!extent)
			break;
		next = extent_end(extent);
		join_at(inode, max_u64(pgoff, extent->pgoff));
	}
	join_at(inode, end);
}

/*
 * extents_shift - let everything from page pgoff on move by delta pages, to
 * where there is a hole.  Needs 1 in reserve.
 *
 * Locks: the transaction and i_data_sem for write.  Sleeps: no.
 */
void extents_shift(struct inode *inode, uint64_t pgoff, int64_t delta,
		   struct extent_spares *spares)
{
	struct extent *extent;
	unsigned int i;

	assert_may_change(inode);
	cut_at(inode, pgoff, spares);
	/* The order stays the same, so the tree does. */
	extent = extents_find(inode, pgoff);
	for (; extent; extent = extents_next(extent))
		extent->pgoff += (uint64_t)delta;
	join_at(inode, pgoff + (uint64_t)delta);
	for (i = 0; i < FS_NR_WINDOWS; i++)
		inode->i_windows[i].valid = false;
	fs_inode_changed(inode, min_u64(pgoff, pgoff + (uint64_t)delta),
			 UINT64_MAX);
}
