/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * entry.c - locked entries: what keeps two faults on the same pages apart.
 *
 * A fault locks the entry that covers its pages and makes one if there is none.
 * Who finds an entry locked sleeps, as an exclusive waiter, on the queue that
 * is hashed from the file and the first page *of that entry*, so whoever
 * unlocks it knows where to wake, whatever pages the sleepers want.
 *
 * Wake-ups
 *   unlock			wakes one: it finds the entry and locks it
 *   remove or replace		wakes all: they find another entry, or none,
 *				and would not pass a single wake-up on
 *
 * State of an entry, and the function that changes it
 *
 *	none --grab_mapping_entry--> EMPTY LOCKED --dax_insert_entry--> LOCKED
 *	           PMD ZERO or PMD EMPTY --grab, one page--> EMPTY LOCKED
 *	LOCKED --dax_unlock_entry--> unlocked --grab_mapping_entry--> LOCKED
 */
#include "base/trace.h"
#include "dax/entry.h"

static uint64_t nr_wait_queues(void)
{
	return UINT64_C(1) << machine_geometry()->wait_bits;
}

/*
 * dax_device_init - a device of nr_pages page frames from first_pfn on.
 *
 * A page's ptl is never taken unless somebody uses the page as a table.  That
 * is a bug, but one that shall show itself as it would in a kernel.
 *
 * Locks: none.  Sleeps: yes.
 * Return: 0 or -ENOMEM.
 */
int dax_device_init(struct dax_device *dax_dev, uint64_t first_pfn,
		    uint64_t nr_pages)
{
	uint64_t i;

	init_waitqueue_head(&dax_dev->pgmap.idle);
	dax_dev->first_pfn = first_pfn;
	dax_dev->nr_pages = nr_pages;
	dax_dev->wait_table = machine_alloc((size_t)nr_wait_queues() *
					    sizeof(*dax_dev->wait_table),
					    "wait table");
	if (!dax_dev->wait_table) {
		destroy_waitqueue_head(&dax_dev->pgmap.idle);
		return -ENOMEM;
	}
	for (i = 0; i < nr_wait_queues(); i++)
		init_waitqueue_head(&dax_dev->wait_table[i]);
	for (i = 0; i < nr_pages; i++) {
		struct page *page = pfn_to_page(first_pfn + i);

		machine_spin_init(&page->ptl, "pte lock");
		page->pgmap = &dax_dev->pgmap;
	}
	return 0;
}

/*
 * dax_device_destroy - end what dax_device_init() began.
 *
 * Locks: none, nobody uses the device.  Sleeps: no.
 */
void dax_device_destroy(struct dax_device *dax_dev)
{
	uint64_t i;

	for (i = 0; i < dax_dev->nr_pages; i++)
		machine_spin_destroy(
			&pfn_to_page(dax_dev->first_pfn + i)->ptl);
	for (i = 0; i < nr_wait_queues(); i++)
		destroy_waitqueue_head(&dax_dev->wait_table[i]);
	machine_free(dax_dev->wait_table);
	destroy_waitqueue_head(&dax_dev->pgmap.idle);
}

/* first is the first page of the entry that is, or was, locked. */
static struct wait_queue_head *
dax_entry_waitqueue(const struct address_space *mapping, uint64_t first)
{
	uint64_t hash = (first + (mapping->ino << 40)) *
			UINT64_C(0x9e3779b97f4a7c15);

	return &mapping->dax_dev->wait_table[hash >> 32 &
					     (nr_wait_queues() - 1)];
}

/*
 * dax_wake_entry - wake who sleeps on the entry that begins, or began, at page
 * first.
 *
 * Locks: i_pages; takes the queue's.  Sleeps: no.
 */
void dax_wake_entry(struct address_space *mapping, uint64_t first,
		    enum wake_mode mode)
{
	struct wait_queue_head *queue = dax_entry_waitqueue(mapping, first);

	/* Sleepers queue up under i_pages: none can come unnoticed. */
	BUG_ON(7, !machine_spin_held(&mapping->i_pages));
	if (!waitqueue_active(queue))
		return;
	machine_trace("wake_entry", first, mode == WAKE_ALL);
	__wake_up(queue, mode == WAKE_ALL ? 0 : 1, mapping, first);
}

/* Sleep until the entry in the slot is unlocked, replaced or removed. */
static void sleep_on_entry(struct address_space *mapping,
			   const struct dax_slot *slot)
{
	struct wait_queue_entry wait;

	prepare_to_wait_exclusive(dax_entry_waitqueue(mapping, slot->index),
				  &wait, mapping, slot->index);
	machine_spin_unlock(&mapping->i_pages);
	machine_trace("sleep_on_entry", slot->index, 0);
	machine_park();
	finish_wait(&wait);
	machine_spin_lock(&mapping->i_pages);
}

/*
 * Find the entry for 1 << order pages at index, and wait until it is unlocked.
 * An entry of smaller order anywhere in the range is a conflict, locked or not:
 * to wait for it is of no use, it stays smaller.
 *
 * Return: 0, *entry (DAX_NO_ENTRY: none) and *slot, or -EEXIST for a conflict.
 */
static int get_unlocked_entry(struct address_space *mapping, uint64_t index,
			      unsigned int order, struct dax_slot *slot,
			      uint64_t *entry)
{
	uint64_t last = index + (UINT64_C(1) << order) - 1;

	*entry = DAX_NO_ENTRY;
	while (dax_tree_find(mapping, index, last, DAX_ANY, slot)) {
		uint64_t found = dax_slot_load(slot);

		if (slot->order < order)
			return -EEXIST;
		if (!dax_is_locked(found)) {
			*entry = found;
			return 0;
		}
		sleep_on_entry(mapping, slot);
	}
	return 0;
}

/*
 * dax_first_unlocked_entry - find the first entry of pages [first, last], and
 * wait until it is unlocked.  When it is gone by then the search begins anew,
 * so no entry is passed over.
 *
 * The caller has been woken, perhaps in place of others: if it does not lock
 * the entry it wakes the next.
 *
 * Locks: i_pages, dropped while it sleeps.  Sleeps: yes.
 * Return: the entry and *slot, or DAX_NO_ENTRY.
 */
uint64_t dax_first_unlocked_entry(struct address_space *mapping, uint64_t first,
				  uint64_t last, struct dax_slot *slot)
{
	while (first <= last &&
	       dax_tree_find(mapping, first, last, DAX_ANY, slot)) {
		uint64_t entry = dax_slot_load(slot);

		if (!dax_is_locked(entry))
			return entry;
		sleep_on_entry(mapping, slot);
	}
	return DAX_NO_ENTRY;
}

/* Reserve memory with i_pages dropped: the caller has to look again. */
static int reserve_unlocked(struct address_space *mapping,
			    struct dax_spares *spares, uint64_t nr)
{
	int error;

	machine_spin_unlock(&mapping->i_pages);
	error = dax_tree_reserve(spares, nr);
	machine_spin_lock(&mapping->i_pages);
	return error;
}

/*
 * dax_unlock_slot - unlock an entry that a search has found.
 *
 * Locks: i_pages and the entry's, which is released.  Sleeps: no.
 */
void dax_unlock_slot(struct address_space *mapping, const struct dax_slot *slot)
{
	uint64_t entry = dax_slot_load(slot);

	BUG_ON(11, !dax_is_locked(entry));
	dax_slot_store(slot, entry & ~DAX_LOCKED);
	dax_wake_entry(mapping, slot->index, WAKE_NEXT);
}

/*
 * A page is wanted and a huge entry is there that maps no block: lock it, take
 * its zero page from all who map it, and put an entry of one page in its place.
 * As Linux 4.12 fs/dax.c grab_mapping_entry() does with pmd_downgrade.
 */
static int dax_downgrade_entry(struct address_space *mapping, uint64_t index,
			       const struct dax_slot *slot,
			       struct dax_spares *spares)
{
	uint64_t nr_pages = UINT64_C(1) << slot->order;
	uint64_t entry = dax_slot_load(slot);
	int error;

	dax_slot_store(slot, entry | DAX_LOCKED);
	machine_spin_unlock(&mapping->i_pages);
	if (dax_is_zero_entry(entry))
		unmap_mapping_pages(mapping, slot->index, nr_pages);
	error = dax_tree_reserve(spares,
				 slot->order / machine_geometry()->tree_bits);
	machine_spin_lock(&mapping->i_pages);
	if (error) {
		dax_unlock_slot(mapping, slot);
		return error;
	}
	dax_tree_replace_by_page(mapping, slot, index, DAX_EMPTY | DAX_LOCKED,
				 spares);
	dax_wake_entry(mapping, slot->index, WAKE_ALL);
	return 0;
}

/* Return: 1: look again, 0: the entry is locked now, or an error. */
static int try_grab_entry(struct address_space *mapping, uint64_t index,
			  unsigned int order, struct dax_spares *spares)
{
	struct dax_slot slot;
	uint64_t entry;
	uint64_t nr;
	int error = get_unlocked_entry(mapping, index, order, &slot, &entry);

	if (error)
		return error;
	if (entry == DAX_NO_ENTRY) {
		nr = dax_tree_nodes_needed(mapping, index, order);
		if (nr > spares->nr) {
			error = reserve_unlocked(mapping, spares, nr);
			return error ? error : 1;
		}
		entry = DAX_EMPTY | DAX_LOCKED | (order ? DAX_PMD : 0);
		dax_tree_insert(mapping, index, order, entry, spares);
		return 0;
	}
	if (slot.order > order &&
	    (dax_is_zero_entry(entry) || dax_is_empty_entry(entry)))
		return dax_downgrade_entry(mapping, index, &slot, spares);
	dax_slot_store(&slot, entry | DAX_LOCKED);
	return 0;
}

/*
 * grab_mapping_entry - lock the entry for 1 << order pages at index; order is 0
 * or pmd_order().  For a page that may be a huge entry, if it maps blocks.
 *
 * Locks: takes i_pages; returns with the entry's lock.  Sleeps: yes.
 * Return: 0, -ENOMEM, or -EEXIST: an entry of one page is in the way of a huge
 * one.
 */
int grab_mapping_entry(struct address_space *mapping, uint64_t index,
		       unsigned int order)
{
	struct dax_spares spares = { .head = NULL };
	int ret;

	machine_spin_lock(&mapping->i_pages);
	do {
		ret = try_grab_entry(mapping, index, order, &spares);
	} while (ret > 0);
	machine_spin_unlock(&mapping->i_pages);
	dax_tree_release(&spares);
	return ret;
}

/*
 * dax_unlock_entry - unlock the entry that covers page index.
 *
 * Locks: the entry's, released; takes i_pages.  Sleeps: no.
 */
void dax_unlock_entry(struct address_space *mapping, uint64_t index)
{
	struct dax_slot slot;

	machine_spin_lock(&mapping->i_pages);
	BUG_ON(13, !dax_tree_find(mapping, index, index, DAX_ANY, &slot));
	dax_unlock_slot(mapping, &slot);
	machine_spin_unlock(&mapping->i_pages);
}

/*
 * dax_lock_entry_dirty - lock the entry of 1 << order pages at index that maps
 * them from page frame pfn on, if that is what there is, and tag it dirty.
 *
 * Locks: takes i_pages; returns with the entry's lock.  Sleeps: yes.
 * Return: whether it is locked.
 */
bool dax_lock_entry_dirty(struct address_space *mapping, uint64_t index,
			  unsigned int order, uint64_t pfn)
{
	struct dax_slot slot;
	uint64_t entry;
	bool found;

	machine_spin_lock(&mapping->i_pages);
	found = !get_unlocked_entry(mapping, index, order, &slot, &entry) &&
		entry != DAX_NO_ENTRY;
	if (found && (slot.order != order || dax_is_zero_entry(entry) ||
		      dax_is_empty_entry(entry) || dax_to_pfn(entry) != pfn)) {
		dax_wake_entry(mapping, slot.index, WAKE_NEXT);
		found = false;
	}
	if (found) {
		dax_tag_set(&slot, DAX_TAG_DIRTY);
		dax_slot_store(&slot, entry | DAX_LOCKED);
	}
	machine_spin_unlock(&mapping->i_pages);
	return found;
}

/* Change the locked entry that covers page index; i_pages is held. */
static void replace_entry(struct address_space *mapping, uint64_t index,
			  uint64_t pfn, uint64_t entry_flags,
			  struct dax_slot *slot)
{
	uint64_t entry;

	BUG_ON(13, !dax_tree_find(mapping, index, index, DAX_ANY, slot));
	entry = dax_slot_load(slot);
	BUG_ON(11, !dax_is_locked(entry));
	if (dax_is_zero_entry(entry) && !(entry_flags & DAX_ZERO)) {
		/* Others still map zeroes where there is a block now. */
		machine_spin_unlock(&mapping->i_pages);
		unmap_mapping_pages(mapping, slot->index,
				    UINT64_C(1) << slot->order);
		machine_spin_lock(&mapping->i_pages);
	}
	if (dax_is_zero_entry(entry) || dax_is_empty_entry(entry)) {
		entry &= DAX_LOCKED | DAX_PMD;
		dax_slot_store(slot, dax_make_entry(pfn, entry | entry_flags));
	}
}

/*
 * dax_insert_entry - note in the entry that covers page index what is about to
 * be mapped, and that it may get dirty.  pfn belongs to the entry's first page;
 * entry_flags is 0 or DAX_ZERO.
 *
 * An entry that maps blocks stays as it is: a page inside of a huge entry
 * dirties all of it.  Every fault tags, a read too, as Linux 6.1 does for all
 * that is not MAP_SYNC.
 *
 * Locks: the entry's; takes i_pages.  Sleeps: when a zero page is unmapped.
 */
void dax_insert_entry(struct address_space *mapping, uint64_t index,
		      uint64_t pfn, uint64_t entry_flags)
{
	struct dax_slot slot;

	machine_spin_lock(&mapping->i_pages);
	replace_entry(mapping, index, pfn, entry_flags, &slot);
	dax_tag_set(&slot, DAX_TAG_DIRTY);
	machine_spin_unlock(&mapping->i_pages);
}

/*
 * dax_insert_clean_entry - the same for a block that is not mapped yet: there
 * is an fsync to come first, and it shall not be dirty for that.
 *
 * Locks: the entry's; takes i_pages.  Sleeps: when a zero page is unmapped.
 */
void dax_insert_clean_entry(struct address_space *mapping, uint64_t index,
			    uint64_t pfn)
{
	struct dax_slot slot;

	machine_spin_lock(&mapping->i_pages);
	replace_entry(mapping, index, pfn, 0, &slot);
	machine_spin_unlock(&mapping->i_pages);
}

/*
 * dax_delete_mapping_entries - forget all entries of a file that is going away.
 *
 * Locks: none of the entries, nobody uses the file; takes i_pages.  Sleeps: no.
 */
void dax_delete_mapping_entries(struct address_space *mapping)
{
	struct dax_slot slot;

	machine_spin_lock(&mapping->i_pages);
	while (dax_tree_find(mapping, 0, UINT64_MAX, DAX_ANY, &slot)) {
		BUG_ON(11, dax_is_locked(dax_slot_load(&slot)));
		dax_tree_delete(mapping, &slot);
	}
	machine_spin_unlock(&mapping->i_pages);
}
