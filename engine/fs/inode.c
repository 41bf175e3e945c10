/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inode.c - files and where their blocks are.
 */
#include "fs/fs.h"

/* Pages [pgoff, pgoff + nr_pages) of a file; i_rwsem and i_mmap_sem. */
struct extent {
	struct avl_node node;		/* in inode->i_extents */
	uint64_t pgoff;
	uint64_t nr_pages;
	uint64_t block;			/* of page pgoff */
	enum iomap_type type;
};

static struct extent *node_extent(struct avl_node *node)
{
	return node ? container_of(node, struct extent, node) : NULL;
}

/* Return: the first extent that ends behind the page, or NULL. */
static struct extent *find_extent(const struct inode *inode, uint64_t pgoff)
{
	struct avl_node *node = inode->i_extents.node;
	struct extent *found = NULL;

	while (node) {
		struct extent *extent = node_extent(node);

		if (extent->pgoff + extent->nr_pages <= pgoff) {
			node = node->child[1];
		} else {
			found = extent;
			node = node->child[0];
		}
	}
	return found;
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

/*
 * inode_add_extent - give pages of a file their blocks, from block on.  They
 * may lie behind the file's end.  A hole is where there is no extent.
 *
 * Locks: takes i_rwsem and i_mmap_sem.  Sleeps: yes.
 * Return: 0, -ENOMEM, -EEXIST when one of the pages has a block, or -EINVAL:
 * no pages, blocks outside of the device, or no type that has blocks.
 */
int inode_add_extent(struct inode *inode, uint64_t pgoff, uint64_t nr_pages,
		     enum iomap_type type, uint64_t block)
{
	uint64_t nr_blocks = inode->i_sb->s_dax.nr_pages;
	struct extent *extent;
	struct extent *next;
	int error = 0;

	if (!nr_pages || nr_pages > UINT64_MAX - pgoff || block > nr_blocks ||
	    nr_pages > nr_blocks - block ||
	    (type != IOMAP_MAPPED && type != IOMAP_UNWRITTEN))
		return -EINVAL;
	extent = machine_alloc(sizeof(*extent), "extent");
	if (!extent)
		return -ENOMEM;
	extent->pgoff = pgoff;
	extent->nr_pages = nr_pages;
	extent->block = block;
	extent->type = type;

	machine_down_write(&inode->i_rwsem);
	machine_down_write(&inode->i_mmap_sem);
	next = find_extent(inode, pgoff);
	if (next && next->pgoff < pgoff + nr_pages) {
		error = -EEXIST;
		machine_free(extent);
	} else {
		insert_extent(inode, extent);
	}
	machine_up_write(&inode->i_mmap_sem);
	machine_up_write(&inode->i_rwsem);
	return error;
}

/*
 * fs_find_iomap - say where pages of a file are, from page pgoff on as far as
 * one extent goes.
 *
 * Locks: i_mmap_sem, or everything at rest.  Sleeps: no.
 */
void fs_find_iomap(const struct inode *inode, uint64_t pgoff,
		   struct iomap *iomap)
{
	const struct extent *extent = find_extent(inode, pgoff);
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

/* See struct iomap_ops.  There is no allocation yet: a hole stays a hole. */
static int fs_iomap_begin(struct address_space *mapping, uint64_t pgoff,
			  uint64_t nr_pages, unsigned int flags,
			  struct iomap *iomap)
{
	struct inode *inode = container_of(mapping, struct inode, i_data);

	BUG_ON(11, !machine_rwsem_held(&inode->i_mmap_sem));
	(void)nr_pages;
	(void)flags;
	fs_find_iomap(inode, pgoff, iomap);
	return 0;
}

static const struct iomap_ops fs_iomap_ops = {
	.iomap_begin = fs_iomap_begin,
};

static void mapping_init(struct address_space *mapping, const char *name,
			 struct super_block *sb)
{
	mapping->name = name;
	mapping->vm_ops = &fs_dax_vm_ops;
	mapping->dax_dev = &sb->s_dax;
	mapping->iomap_ops = &fs_iomap_ops;
	machine_rwsem_init(&mapping->i_mmap_rwsem, "i_mmap");
	machine_spin_init(&mapping->i_pages, "i_pages");
	list_init(&mapping->i_mmap);
	machine_spin_lock(&sb->s_lock);
	sb->s_nr_inodes++;
	mapping->ino = ++sb->s_next_ino;
	machine_spin_unlock(&sb->s_lock);
}

/*
 * inode_create - a file of that size that is one hole; name has to live as
 * long.
 *
 * Locks: none.  Sleeps: yes.
 * Return: NULL when there is no memory, or for more than 2^63 bytes.
 */
struct inode *inode_create(struct super_block *sb, const char *name,
			   uint64_t size_pages)
{
	struct inode *inode;

	if (size_pages > UINT64_C(1) << (63 - page_shift()))
		return NULL;
	inode = machine_alloc(sizeof(*inode), "inode");
	if (!inode)
		return NULL;
	inode->i_sb = sb;
	inode->i_data.i_size = size_pages << page_shift();
	mapping_init(&inode->i_data, name, sb);
	machine_rwsem_init(&inode->i_rwsem, "i_rwsem");
	machine_rwsem_init(&inode->i_mmap_sem, "i_mmap_sem");
	machine_rwsem_init(&inode->i_data_sem, "i_data_sem");
	return inode;
}

/*
 * inode_destroy - forget a file that nobody maps, with its entries.
 *
 * Locks: none, nobody uses it.  Sleeps: no.
 */
void inode_destroy(struct inode *inode)
{
	struct address_space *mapping = &inode->i_data;
	struct super_block *sb = inode->i_sb;
	struct extent *extent;

	BUG_ON(4, !list_empty(&mapping->i_mmap));
	dax_delete_mapping_entries(mapping);
	while ((extent = node_extent(inode->i_extents.node))) {
		avl_erase(&inode->i_extents, &extent->node);
		machine_free(extent);
	}
	machine_rwsem_destroy(&inode->i_data_sem);
	machine_rwsem_destroy(&inode->i_mmap_sem);
	machine_rwsem_destroy(&inode->i_rwsem);
	machine_spin_destroy(&mapping->i_pages);
	machine_rwsem_destroy(&mapping->i_mmap_rwsem);
	machine_spin_lock(&sb->s_lock);
	sb->s_nr_inodes--;
	machine_spin_unlock(&sb->s_lock);
	machine_free(inode);
}
