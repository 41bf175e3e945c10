/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * invalidate.c - blocks come or go: forget entries, and wait for devices.
 *
 * Each function here goes through the entries of a range.  A locked one is
 * waited for, and then looked at: what stands behind it may be what matters.
 * The next place to look is behind the entry that was seen, however long it
 * is, or the search would find the same entry for ever.
 */
#include "base/trace.h"
#include "dax/entry.h"

/* Whoever sleeps on the entry shall find another, or none. */
static void delete_entry(struct address_space *mapping,
			 const struct dax_slot *slot)
{
	uint64_t index = slot->index;

	dax_tree_delete(mapping, slot);
	dax_wake_entry(mapping, index, WAKE_ALL);
}

/*
 * dax_invalidate_mapping_range - a write(2) has put blocks where pages [first,
 * last] had none: forget what says otherwise.
 *
 * A fault asks for blocks with its entry locked.  So one that was told that
 * there are none is over when this returns, and the caller can take its zero
 * page away with unmap_mapping_pages(): after this, not before it.
 *
 * What is tagged stays, as in Linux 6.1 mm/truncate.c
 * invalidate_inode_pages2_range(): unmapped it does no harm, the next fault
 * replaces a zero entry where there is a block.
 *
 * Locks: takes i_pages; waits for entries' locks.  Sleeps: yes.
 */
void dax_invalidate_mapping_range(struct address_space *mapping, uint64_t first,
				  uint64_t last)
{
	uint64_t index = first;
	struct dax_slot slot;

	machine_spin_lock(&mapping->i_pages);
	while (dax_first_unlocked_entry(mapping, index, last, &slot)) {
		index = dax_slot_end(&slot);
		if (dax_tag_get(&slot, DAX_TAG_DIRTY) ||
		    dax_tag_get(&slot, DAX_TAG_TOWRITE))
			dax_wake_entry(mapping, slot.index, WAKE_NEXT);
		else
			delete_entry(mapping, &slot);
	}
	machine_spin_unlock(&mapping->i_pages);
}

/*
 * Only some pages of a dirty entry go.  With the entry goes the tag of the
 * others, whose data stays: so they get on the medium now.
 */
static void write_back_rest(const struct dax_slot *slot, uint64_t first,
			    uint64_t last)
{
	uint64_t entry = dax_slot_load(slot);
	uint64_t index;

	if (dax_is_zero_entry(entry) || dax_is_empty_entry(entry) ||
	    !dax_tag_get(slot, DAX_TAG_DIRTY))
		return;
	for (index = slot->index; index < dax_slot_end(slot); index++)
		if (index < first || index > last)
			machine_cache_writeback(
				dax_to_pfn(entry) + (index - slot->index), 0,
				(size_t)page_size());
}

/*
 * dax_delete_mapping_range - truncate: forget all entries that cover pages
 * [first, last].  A huge one goes as a whole.
 *
 * Locks: those that keep faults away (i_mmap_sem for write); what the entries
 * cover is unmapped.  Takes i_pages; waits for entries' locks.  Sleeps: yes.
 */
void dax_delete_mapping_range(struct address_space *mapping, uint64_t first,
			      uint64_t last)
{
	uint64_t index = first;
	struct dax_slot slot;

	machine_spin_lock(&mapping->i_pages);
	while (dax_first_unlocked_entry(mapping, index, last, &slot)) {
		index = dax_slot_end(&slot);
		write_back_rest(&slot, first, last);
		delete_entry(mapping, &slot);
	}
	machine_spin_unlock(&mapping->i_pages);
}

/* Return: the first of the entry's pages that is pinned, or 0. */
static uint64_t dax_busy_page(const struct dax_slot *slot, uint64_t entry)
{
	uint64_t pfn = dax_to_pfn(entry);
	uint64_t i;

	if (dax_is_zero_entry(entry) || dax_is_empty_entry(entry))
		return 0;
	for (i = 0; i < UINT64_C(1) << slot->order; i++)
		if (machine_load(&pfn_to_page(pfn + i)->refcount))
			return pfn + i;
	return 0;
}

/*
 * dax_layout_busy_page - unmap all pages of a file, private copies excepted,
 * and find one that is pinned.
 *
 * In this order: a pin is taken through a mapping, so after the unmapping no
 * new one comes, and the search misses none.
 *
 * Locks: those that keep faults away (i_mmap_sem for write); takes i_pages and
 * what unmap_mapping_pages() takes; waits for entries' locks.  Sleeps: yes.
 * Return: the page frame, or 0: blocks may be taken away.
 */
uint64_t dax_layout_busy_page(struct address_space *mapping)
{
	uint64_t index = 0;
	uint64_t busy = 0;
	struct dax_slot slot;
	uint64_t entry;

	unmap_mapping_pages(mapping, 0, UINT64_MAX);
	machine_spin_lock(&mapping->i_pages);
	while (!busy && (entry = dax_first_unlocked_entry(
				 mapping, index, UINT64_MAX, &slot))) {
		index = dax_slot_end(&slot);
		busy = dax_busy_page(&slot, entry);
		dax_wake_entry(mapping, slot.index, WAKE_NEXT);
	}
	machine_spin_unlock(&mapping->i_pages);
	return busy;
}
