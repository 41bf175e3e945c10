/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tree.c - the tree of a file's DAX entries.  See tree.h for what it is.
 *
 * All of it belongs to mapping->i_pages.  The slots are words nevertheless, so
 * that a tool sees entries come and go.
 */
#include "dax/tree.h"

static unsigned int tree_bits(void)
{
	return machine_geometry()->tree_bits;
}

static uint64_t slots_per_node(void)
{
	return UINT64_C(1) << tree_bits();
}

/* Return: the slot of the node that covers index, if the node does. */
static uint64_t node_offset(const struct dax_node *node, uint64_t index)
{
	return (index >> node->shift) & (slots_per_node() - 1);
}

/* Return: whether nodes up to that shift cover the index. */
static bool tree_covers(uint64_t shift, uint64_t index)
{
	uint64_t above = shift + tree_bits();

	return above > 63 || index >> above == 0;
}

/* A node is aligned to 16, so no bit of an entry's flags is in its address. */
static struct dax_node *slot_to_node(const struct dax_node *node, uint64_t word)
{
	if (node->shift == 0 || word & DAX_PMD)
		return NULL;
	return (struct dax_node *)(uintptr_t)word;
}

static uint64_t node_to_slot(const struct dax_node *node)
{
	return (uint64_t)(uintptr_t)node;
}

static bool slot_matches(const struct dax_node *node, uint64_t offset,
			 enum dax_tag tag)
{
	if (tag == DAX_ANY)
		return machine_load(&node->slots[offset]) != DAX_NO_ENTRY;
	return node->tags[tag] >> offset & 1;
}

/*
 * dax_tree_find - find the first entry that covers any of the pages from first
 * to last, and has the tag.  first may be in the middle of the entry.
 *
 * Locks: i_pages, or everything at rest.  Sleeps: no.
 * Return: whether there is one; *slot is set then.
 */
bool dax_tree_find(const struct address_space *mapping, uint64_t first,
		   uint64_t last, enum dax_tag tag, struct dax_slot *slot)
{
	struct dax_node *node = mapping->i_root;
	struct dax_node *child;
	uint64_t index = first;
	uint64_t offset;

	if (!node || !tree_covers(node->shift, first))
		return false;
	offset = node_offset(node, index);
	for (;;) {
		/* To the right, and up from the last slot of a node. */
		while (offset == slots_per_node() ||
		       !slot_matches(node, offset, tag)) {
			if (offset == slots_per_node()) {
				offset = node->offset + 1;
				node = node->parent;
				if (!node)
					return false;
				continue;
			}
			offset++;
			index = ((index >> node->shift) + 1) << node->shift;
			if (index > last || index == 0)
				return false;
		}
		child = slot_to_node(node, machine_load(&node->slots[offset]));
		if (!child)
			break;
		node = child;
		offset = node_offset(node, index);
	}
	slot->mapping = mapping;
	slot->node = node;
	slot->offset = offset;
	slot->index = index >> node->shift << node->shift;
	slot->order = (unsigned int)node->shift;
	return true;
}

/*
 * dax_find_slot - the word of the entry that covers page index, for tools.
 *
 * Locks: i_pages, or everything at rest.  Sleeps: no.
 * Return: NULL when there is none, else *order is log2 of its pages.
 */
const uint64_t *dax_find_slot(const struct address_space *mapping,
			      uint64_t index, unsigned int *order)
{
	struct dax_slot slot;

	if (!dax_tree_find(mapping, index, index, DAX_ANY, &slot))
		return NULL;
	*order = slot.order;
	return &slot.node->slots[slot.offset];
}

/*
 * dax_tree_nodes_needed - how many nodes would dax_tree_insert() take?
 *
 * Locks: i_pages.  Sleeps: no.
 */
uint64_t dax_tree_nodes_needed(const struct address_space *mapping,
			       uint64_t index, unsigned int order)
{
	const struct dax_node *node = mapping->i_root;
	uint64_t shift = node ? node->shift : 0;
	uint64_t nr = 0;

	BUG_ON(11, !machine_spin_held(&mapping->i_pages));
	while (shift < order || !tree_covers(shift, index)) {
		shift += tree_bits();
		nr++;
	}
	if (!node)
		return 1 + (shift - order) / tree_bits();
	/* A tree that has to grow has nothing on the way to index. */
	if (nr)
		return nr + (shift - order) / tree_bits();
	while (node->shift > order) {
		uint64_t word =
			machine_load(&node->slots[node_offset(node, index)]);

		if (word == DAX_NO_ENTRY)
			return (node->shift - order) / tree_bits();
		node = slot_to_node(node, word);
	}
	return 0;
}

/*
 * dax_tree_reserve - have nr nodes in reserve.
 *
 * Locks: no spinlock.  Sleeps: yes.
 * Return: 0 or -ENOMEM; dax_tree_release() in any case.
 */
int dax_tree_reserve(struct dax_spares *spares, uint64_t nr)
{
	size_t bytes = sizeof(struct dax_node) +
		       (size_t)slots_per_node() * sizeof(uint64_t);

	BUG_ON(13, tree_bits() > 6 || pmd_order() % tree_bits());
	while (spares->nr < nr) {
		struct dax_node *node = machine_alloc(bytes, "dax_node");

		if (!node)
			return -ENOMEM;
		node->parent = spares->head;
		spares->head = node;
		spares->nr++;
	}
	return 0;
}

/*
 * dax_tree_release - give back what is left in reserve.
 *
 * Locks: any.  Sleeps: no.
 */
void dax_tree_release(struct dax_spares *spares)
{
	while (spares->head) {
		struct dax_node *node = spares->head;

		spares->head = node->parent;
		machine_free(node);
	}
	spares->nr = 0;
}

static struct dax_node *take_spare(struct dax_spares *spares, uint64_t shift)
{
	struct dax_node *node = spares->head;

	BUG_ON(13, !node);
	spares->head = node->parent;
	spares->nr--;
	node->parent = NULL;
	node->shift = shift;
	return node;
}

static void hang_below(struct dax_node *parent, uint64_t offset,
		       struct dax_node *node)
{
	unsigned int tag;

	node->parent = parent;
	node->offset = offset;
	machine_store(&parent->slots[offset], node_to_slot(node));
	parent->count++;
	for (tag = 0; tag < DAX_NR_TAGS; tag++)
		if (node->tags[tag])
			parent->tags[tag] |= UINT64_C(1) << offset;
}

/* Put nodes on top until the root covers the index and is not too low. */
static struct dax_node *grow_root(struct address_space *mapping, uint64_t index,
				  unsigned int order, struct dax_spares *spares)
{
	struct dax_node *root = mapping->i_root;
	uint64_t shift = root ? root->shift : 0;

	if (!root) {
		while (shift < order || !tree_covers(shift, index))
			shift += tree_bits();
		root = take_spare(spares, shift);
	}
	while (root->shift < order || !tree_covers(root->shift, index)) {
		struct dax_node *top =
			take_spare(spares, root->shift + tree_bits());

		hang_below(top, 0, root);
		root = top;
	}
	mapping->i_root = root;
	return root;
}

/*
 * dax_tree_insert - insert an entry where no page has one, with nodes from the
 * reserve.
 *
 * Locks: i_pages.  Sleeps: no.
 */
void dax_tree_insert(struct address_space *mapping, uint64_t index,
		     unsigned int order, uint64_t entry,
		     struct dax_spares *spares)
{
	struct dax_node *node;
	uint64_t offset;

	BUG_ON(11, !machine_spin_held(&mapping->i_pages));
	node = grow_root(mapping, index, order, spares);
	while (node->shift > order) {
		struct dax_node *child;
		uint64_t word;

		offset = node_offset(node, index);
		word = machine_load(&node->slots[offset]);
		child = slot_to_node(node, word);
		BUG_ON(13, word != DAX_NO_ENTRY && !child);
		if (!child) {
			child = take_spare(spares, node->shift - tree_bits());
			hang_below(node, offset, child);
		}
		node = child;
	}
	offset = node_offset(node, index);
	BUG_ON(13, machine_load(&node->slots[offset]) != DAX_NO_ENTRY);
	machine_store(&node->slots[offset], entry);
	node->count++;
}

static void clear_slot(const struct dax_slot *slot)
{
	unsigned int tag;

	for (tag = 0; tag < DAX_NR_TAGS; tag++)
		dax_tag_clear(slot, tag);
	machine_store(&slot->node->slots[slot->offset], DAX_NO_ENTRY);
	slot->node->count--;
}

/*
 * dax_tree_replace_by_page - replace an entry by one of order 0 for one of its
 * pages.  The reserve has to hold the nodes between: pmd_order() / tree_bits.
 *
 * Locks: i_pages.  Sleeps: no.
 */
void dax_tree_replace_by_page(struct address_space *mapping,
			      const struct dax_slot *slot, uint64_t index,
			      uint64_t entry, struct dax_spares *spares)
{
	BUG_ON(11, !machine_spin_held(&mapping->i_pages));
	clear_slot(slot);
	dax_tree_insert(mapping, index, 0, entry, spares);
}

/*
 * dax_tree_delete - remove an entry, its tags, and nodes left empty.
 *
 * Locks: i_pages.  Sleeps: no.
 */
void dax_tree_delete(struct address_space *mapping, const struct dax_slot *slot)
{
	struct dax_node *node = slot->node;

	BUG_ON(11, !machine_spin_held(&mapping->i_pages));
	clear_slot(slot);
	while (node && node->count == 0) {
		struct dax_node *parent = node->parent;

		if (parent) {
			machine_store(&parent->slots[node->offset],
				      DAX_NO_ENTRY);
			parent->count--;
		} else {
			mapping->i_root = NULL;
		}
		machine_free(node);
		node = parent;
	}
}

/*
 * dax_slot_load - the entry that a search has found.
 *
 * Locks: i_pages, or everything at rest.  Sleeps: no.
 */
uint64_t dax_slot_load(const struct dax_slot *slot)
{
	return machine_load(&slot->node->slots[slot->offset]);
}

/*
 * dax_slot_store - change an entry in place, not its order.
 *
 * Locks: i_pages.  Sleeps: no.
 */
void dax_slot_store(const struct dax_slot *slot, uint64_t entry)
{
	BUG_ON(11, !machine_spin_held(&slot->mapping->i_pages));
	BUG_ON(13, (slot->order != 0) != dax_is_pmd_entry(entry));
	machine_store(&slot->node->slots[slot->offset], entry);
}

/*
 * dax_tag_set - tag an entry; a node has the tags of all below it.
 *
 * Locks: i_pages.  Sleeps: no.
 */
void dax_tag_set(const struct dax_slot *slot, enum dax_tag tag)
{
	struct dax_node *node = slot->node;
	uint64_t bit = UINT64_C(1) << slot->offset;

	BUG_ON(11, !machine_spin_held(&slot->mapping->i_pages));
	while (node && !(node->tags[tag] & bit)) {
		node->tags[tag] |= bit;
		bit = UINT64_C(1) << node->offset;
		node = node->parent;
	}
}

/*
 * dax_tag_clear - take the tag from an entry, and from nodes above that have
 * nothing else tagged.
 *
 * Locks: i_pages.  Sleeps: no.
 */
void dax_tag_clear(const struct dax_slot *slot, enum dax_tag tag)
{
	struct dax_node *node = slot->node;
	uint64_t bit = UINT64_C(1) << slot->offset;

	BUG_ON(11, !machine_spin_held(&slot->mapping->i_pages));
	while (node) {
		node->tags[tag] &= ~bit;
		if (node->tags[tag])
			break;
		bit = UINT64_C(1) << node->offset;
		node = node->parent;
	}
}

/*
 * dax_tag_get - does the entry have the tag?
 *
 * Locks: i_pages, or everything at rest.  Sleeps: no.
 */
bool dax_tag_get(const struct dax_slot *slot, enum dax_tag tag)
{
	return slot->node->tags[tag] >> slot->offset & 1;
}
