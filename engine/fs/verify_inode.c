/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * verify_inode.c - one walker that checks every invariant of files.
 *
 * It takes no lock and may be called only when all is at rest.  Each complaint
 * is a machine_report().  Checked are
 *
 *   O4	each block in use belongs to one file, in one place
 *   O11	no entry is locked
 *   O13	the tree of entries is well-formed, and agrees with the
 *	extents; these are sorted, and as few as can be
 *
 * That no page is lost (O14) only the machine can know.
 */
#include "dax/tree.h"
#include "fs/extent.h"

static bool tags_agree(const struct dax_node *node)
{
	const struct dax_node *parent = node->parent;
	unsigned int tag;

	for (tag = 0; tag < DAX_NR_TAGS; tag++)
		if ((parent->tags[tag] >> node->offset & 1) !=
		    (node->tags[tag] != 0))
			return false;
	return true;
}

/* Return: whether the node is as tree.h says, and hangs where it says. */
static bool node_ok(const struct address_space *mapping,
		    const struct dax_node *node)
{
	const struct dax_node *parent = node->parent;
	unsigned int bits = machine_geometry()->tree_bits;
	uint64_t used = 0;
	uint64_t count = 0;
	uint64_t i;

	for (i = 0; i < UINT64_C(1) << bits; i++) {
		if (machine_load(&node->slots[i])) {
			used |= UINT64_C(1) << i;
			count++;
		}
	}
	if (!count || count != node->count ||
	    (node->tags[DAX_TAG_DIRTY] | node->tags[DAX_TAG_TOWRITE]) & ~used)
		return false;
	if (!parent)
		return mapping->i_root == node;
	return parent->shift == node->shift + bits && tags_agree(node) &&
	       machine_load(&parent->slots[node->offset]) ==
		       (uint64_t)(uintptr_t)node;
}

/* Return: whether an entry is one that can be. */
static bool entry_ok(const struct inode *inode, const struct dax_slot *slot)
{
	uint64_t entry = dax_slot_load(slot);
	uint64_t nr_pages = UINT64_C(1) << slot->order;
	struct iomap iomap;

	if (slot->order != (dax_is_pmd_entry(entry) ? pmd_order() : 0))
		return false;
	if (dax_is_zero_entry(entry) || dax_is_empty_entry(entry))
		return !dax_is_zero_entry(entry) || !dax_is_empty_entry(entry);
	fs_find_iomap(inode, slot->index, &iomap);
	return iomap.type == IOMAP_MAPPED && iomap.nr_pages >= nr_pages &&
	       inode->i_sb->s_dax.first_pfn + iomap.block == dax_to_pfn(entry);
}

/* Return: a complaint about an entry and what is above it, or NULL. */
static const char *entry_complaint(const struct inode *inode,
				   const struct dax_slot *slot)
{
	const struct dax_node *node = slot->node;

	if (!entry_ok(inode, slot))
		return "bad entry";
	if (slot->index + (UINT64_C(1) << slot->order) >
	    pages_up(i_size_read(&inode->i_data)))
		return "an entry behind the end of the file";
	while (node && node_ok(&inode->i_data, node))
		node = node->parent;
	return node ? "bad node of the tree" : NULL;
}

static void report(const struct inode *inode, unsigned int oracle,
		   uint64_t pgoff, const char *what)
{
	machine_report(oracle, "page %llu of %s: %s",
		       (unsigned long long)pgoff, inode->i_data.name, what);
}

static unsigned int verify_entries(const struct inode *inode)
{
	const struct address_space *mapping = &inode->i_data;
	unsigned int nr_complaints = 0;
	uint64_t index = 0;
	struct dax_slot slot;

	while (dax_tree_find(mapping, index, UINT64_MAX, DAX_ANY, &slot)) {
		bool locked = dax_is_locked(dax_slot_load(&slot));
		const char *what = "entry still locked";

		if (!locked)
			what = entry_complaint(inode, &slot);
		if (what) {
			nr_complaints++;
			report(inode, locked ? 11 : 13, slot.index, what);
		}
		index = slot.index + (UINT64_C(1) << slot.order);
	}
	return nr_complaints;
}

/* Return: a complaint about an extent and the one before, if any, or NULL. */
static const char *extent_complaint(const struct inode *inode,
				    const struct extent *extent,
				    const struct extent *left)
{
	uint64_t nr_blocks = inode->i_sb->s_dax.nr_pages;

	if (!extent->nr_pages || extent->block >= nr_blocks ||
	    extent->nr_pages > nr_blocks - extent->block ||
	    extent->nr_pages > UINT64_MAX - extent->pgoff ||
	    extent->type == IOMAP_HOLE)
		return "bad extent";
	if (!left || extent_end(left) < extent->pgoff)
		return NULL;
	if (extent_end(left) > extent->pgoff)
		return "extents overlap";
	if (left->type == extent->type &&
	    left->block + left->nr_pages == extent->block)
		return "two extents could be one";
	return NULL;
}

static unsigned int verify_extents(const struct inode *inode)
{
	const struct extent *extent = extents_find(inode, 0);
	const struct extent *left = NULL;
	unsigned int nr_complaints = 0;
	uint64_t nr_blocks = 0;

	for (; extent; left = extent, extent = extents_next(extent)) {
		const char *what = extent_complaint(inode, extent, left);

		nr_blocks += extent->nr_pages;
		if (what) {
			nr_complaints++;
			report(inode, 13, extent->pgoff, what);
		}
	}
	if (nr_blocks != inode->i_blocks) {
		nr_complaints++;
		report(inode, 13, 0, "i_blocks is not what extents have");
	}
	return nr_complaints;
}

/*
 * verify_inode - check a file's extents, and its tree of entries against them.
 *
 * Locks: none, all is at rest.  Sleeps: no.
 * Return: how many complaints were reported.
 */
unsigned int verify_inode(const struct inode *inode)
{
	return verify_extents(inode) + verify_entries(inode);
}

/*
 * verify_fs - check all files of a filesystem, and that each block that is in
 * use is in use once.
 *
 * Locks: none, all is at rest.  Sleeps: no.
 * Return: how many complaints were reported.
 */
unsigned int verify_fs(const struct super_block *sb)
{
	unsigned int nr_complaints = 0;
	const struct list_head *pos;

	for (pos = sb->s_inodes.next; pos != &sb->s_inodes; pos = pos->next)
		nr_complaints += verify_inode(
			container_of(pos, struct inode, i_sb_list));
	if (nr_complaints)
		return nr_complaints;
	if (!bitmap_agrees(sb)) {
		nr_complaints++;
		machine_report(4, "blocks in use are not those of the files");
	}
	return nr_complaints;
}
