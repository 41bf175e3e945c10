/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tree.h - the DAX entries of a file: what an entry is, and the tree of them.
 *
 * Names used in this file
 *   entry	a word: flags and, when mapped, the pfn of its first page
 *   order	log2 of the pages of an entry: 0, or pmd_order() with DAX_PMD
 *   index	a page's number in the file
 *   slot	the place of an entry in the tree
 *   node	1 << tree_bits slots that cover 1 << shift pages each
 *
 * The tree grows upwards from the root as indexes need it.  A slot of a node
 * holds nothing, or a node one level down, or, where one slot covers exactly
 * the pages of an entry, that entry: so an entry has one slot whatever its
 * order, and two entries cannot overlap (O13).  A node is never empty.
 *
 * The lock bit makes an entry its locker's: nobody else changes or removes it,
 * though the slot may be read and its tags set under i_pages.
 */
#ifndef DAX_TREE_H
#define DAX_TREE_H

#include "dax/dax.h"

#define DAX_LOCKED (UINT64_C(1) << 0)
#define DAX_PMD (UINT64_C(1) << 1)	/* of order pmd_order() */
#define DAX_ZERO (UINT64_C(1) << 2)	/* maps the zero page */
#define DAX_EMPTY (UINT64_C(1) << 3)	/* maps nothing; for its lock */
#define DAX_SHIFT 4			/* of the pfn */

#define DAX_NO_ENTRY UINT64_C(0)

static inline uint64_t dax_make_entry(uint64_t pfn, uint64_t flags)
{
	return pfn << DAX_SHIFT | flags;
}

static inline uint64_t dax_to_pfn(uint64_t entry)
{
	return entry >> DAX_SHIFT;
}

static inline bool dax_is_locked(uint64_t entry)
{
	return entry & DAX_LOCKED;
}

static inline bool dax_is_pmd_entry(uint64_t entry)
{
	return entry & DAX_PMD;
}

static inline bool dax_is_zero_entry(uint64_t entry)
{
	return entry & DAX_ZERO;
}

static inline bool dax_is_empty_entry(uint64_t entry)
{
	return entry & DAX_EMPTY;
}

enum dax_tag {
	DAX_TAG_DIRTY,		/* written, or may be, since the last fsync */
	DAX_TAG_TOWRITE,	/* an fsync under way has to write it */
	DAX_NR_TAGS,
	DAX_ANY = DAX_NR_TAGS,	/* tagged or not, in a search */
};

struct dax_node {
	struct dax_node *parent;	/* NULL: this is the root */
	uint64_t shift;			/* log2 of the pages of a slot */
	uint64_t offset;		/* in parent */
	uint64_t count;			/* slots that are not empty */
	uint64_t tags[DAX_NR_TAGS];	/* bit n: slot n, or something below */
	uint64_t slots[];		/* words */
};

struct dax_slot {
	const struct address_space *mapping;
	struct dax_node *node;
	uint64_t offset;
	uint64_t index;			/* the entry's first page */
	unsigned int order;
};

/* Return: the first page behind the entry. */
static inline uint64_t dax_slot_end(const struct dax_slot *slot)
{
	return slot->index + (UINT64_C(1) << slot->order);
}

/* Nodes in reserve for an insertion. */
struct dax_spares {
	struct dax_node *head;		/* linked by parent */
	uint64_t nr;
};

bool dax_tree_find(const struct address_space *mapping, uint64_t first,
		   uint64_t last, enum dax_tag tag, struct dax_slot *slot);
uint64_t dax_tree_nodes_needed(const struct address_space *mapping,
			       uint64_t index, unsigned int order);
int dax_tree_reserve(struct dax_spares *spares, uint64_t nr);
void dax_tree_release(struct dax_spares *spares);
void dax_tree_insert(struct address_space *mapping, uint64_t index,
		     unsigned int order, uint64_t entry,
		     struct dax_spares *spares);
void dax_tree_replace_by_page(struct address_space *mapping,
			      const struct dax_slot *slot, uint64_t index,
			      uint64_t entry, struct dax_spares *spares);
void dax_tree_delete(struct address_space *mapping,
		     const struct dax_slot *slot);
uint64_t dax_slot_load(const struct dax_slot *slot);
void dax_slot_store(const struct dax_slot *slot, uint64_t entry);
void dax_tag_set(const struct dax_slot *slot, enum dax_tag tag);
void dax_tag_clear(const struct dax_slot *slot, enum dax_tag tag);
bool dax_tag_get(const struct dax_slot *slot, enum dax_tag tag);

#endif /* DAX_TREE_H */
