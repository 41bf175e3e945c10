/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * writeback.c - fsync: what was stored through mappings gets on the medium.
 *
 * For each entry the order is
 *
 *	lock the entry		a fault that would make it dirty again waits
 *	clean every mapping	no CPU can store any more without a fault
 *	write the lines back	so this is all there is to write
 *	clear the tags		who finds them clear need not wait
 *	unlock the entry	faults go on
 *
 * and any other order loses a store that comes between two of them.
 */
#include "base/trace.h"
#include "dax/entry.h"

/* Tag what is dirty by now; what gets dirty later is for the next fsync. */
static void tag_pages_for_writeback(struct address_space *mapping,
				    uint64_t first, uint64_t last)
{
	uint64_t index = first;
	struct dax_slot slot;

	while (index <= last &&
	       dax_tree_find(mapping, index, last, DAX_TAG_DIRTY, &slot)) {
		dax_tag_set(&slot, DAX_TAG_TOWRITE);
		index = dax_slot_end(&slot);
	}
}

/* Return: 0, or -EIO: the medium has lost one of the pages. */
static int write_back_pages(struct address_space *mapping, uint64_t index,
			    uint64_t nr_pages, uint64_t pfn)
{
	uint64_t i;

	for (i = 0; i < nr_pages; i++)
		if (machine_page_poisoned(pfn + i))
			return -EIO;
	pfn_mkclean_range(mapping, index, nr_pages, pfn);
	machine_cache_writeback(pfn, 0, (size_t)(nr_pages << page_shift()));
	return 0;
}

/*
 * Find the entry of the slot unlocked.  i_pages may be dropped for that.
 *
 * Return: the entry; or DAX_NO_ENTRY when there is nothing to do: it is gone,
 * is about another block, or another fsync was quicker.
 */
static uint64_t entry_to_write(struct address_space *mapping,
			       struct dax_slot *slot)
{
	uint64_t old = dax_slot_load(slot);
	uint64_t index = slot->index;
	uint64_t entry;

	if (!dax_is_locked(old))
		return old;
	entry = dax_first_unlocked_entry(mapping, index, index, slot);
	if (entry == DAX_NO_ENTRY)
		return DAX_NO_ENTRY;
	if (dax_to_pfn(entry) == dax_to_pfn(old) &&
	    dax_tag_get(slot, DAX_TAG_TOWRITE))
		return entry;
	dax_wake_entry(mapping, slot->index, WAKE_NEXT);
	return DAX_NO_ENTRY;
}

/*
 * Write one entry back.  i_pages is held, and dropped in between.
 *
 * Both tags stay until it is done.  Linux 6.1 fs/dax.c dax_writeback_one()
 * clears TOWRITE as soon as it has the lock; then a second fsync that has
 * tagged the entry too, but not come to it yet, does not find it, and returns
 * while the first one is still writing.
 *
 * A zero page was tagged by the read that mapped it, and has nothing to write.
 */
static int dax_writeback_one(struct address_space *mapping,
			     struct dax_slot *slot)
{
	uint64_t entry = entry_to_write(mapping, slot);
	uint64_t nr_pages = UINT64_C(1) << slot->order;
	int error = 0;

	if (entry == DAX_NO_ENTRY)
		return 0;
	dax_slot_store(slot, entry | DAX_LOCKED);
	if (!dax_is_zero_entry(entry) && !dax_is_empty_entry(entry)) {
		machine_spin_unlock(&mapping->i_pages);
		error = write_back_pages(mapping, slot->index, nr_pages,
					 dax_to_pfn(entry));
		machine_spin_lock(&mapping->i_pages);
	}
	if (!error) {
		dax_tag_clear(slot, DAX_TAG_TOWRITE);
		dax_tag_clear(slot, DAX_TAG_DIRTY);
		machine_trace(__func__, slot->index, nr_pages);
	}
	dax_unlock_slot(mapping, slot);
	return error;
}

/*
 * dax_writeback_mapping_range - get on the medium what was stored, before the
 * call, through any mapping of pages [first, last] of a file.
 *
 * A huge entry is written as a whole.  If nothing at all of the file is dirty
 * this is no write-back, and leaves no trace.
 *
 * Locks: takes i_pages, entries' locks and what pfn_mkclean_range() takes.
 * Sleeps: yes.
 * Return: 0, or -EIO when a page is poisoned; its entry and what follows stay
 * dirty then.
 */
int dax_writeback_mapping_range(struct address_space *mapping, uint64_t first,
				uint64_t last)
{
	uint64_t index = first;
	struct dax_slot slot;
	int error = 0;

	machine_spin_lock(&mapping->i_pages);
	if (!dax_tree_find(mapping, 0, UINT64_MAX, DAX_TAG_DIRTY, &slot)) {
		machine_spin_unlock(&mapping->i_pages);
		return 0;
	}
	tag_pages_for_writeback(mapping, first, last);
	while (!error && index <= last &&
	       dax_tree_find(mapping, index, last, DAX_TAG_TOWRITE, &slot)) {
		index = dax_slot_end(&slot);
		error = dax_writeback_one(mapping, &slot);
	}
	machine_spin_unlock(&mapping->i_pages);
	machine_trace("dax_writeback_range_done", first, last);
	return error;
}
