/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * entry.h - locked entries, as the files of dax/ use them.  See entry.c.
 *
 * Who has slept for an entry was perhaps woken in place of others: it locks
 * the entry, or removes it and wakes all, or wakes the next.
 */
#ifndef DAX_ENTRY_H
#define DAX_ENTRY_H

#include "dax/tree.h"

enum wake_mode {
	WAKE_NEXT,
	WAKE_ALL,
};

void dax_wake_entry(struct address_space *mapping, uint64_t first,
		    enum wake_mode mode);
uint64_t dax_first_unlocked_entry(struct address_space *mapping, uint64_t first,
				  uint64_t last, struct dax_slot *slot);
void dax_unlock_slot(struct address_space *mapping,
		     const struct dax_slot *slot);
bool dax_lock_entry_dirty(struct address_space *mapping, uint64_t index,
			  unsigned int order, uint64_t pfn);
void dax_insert_clean_entry(struct address_space *mapping, uint64_t index,
			    uint64_t pfn);

#endif /* DAX_ENTRY_H */
