/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dax.h - faults on files that lie in byte-addressable memory.
 *
 * Interface
 *   dax_iomap_fault()			serve a fault of either size
 *   dax_finish_sync_fault()		and map it, once it is on the medium
 *   dax_writeback_mapping_range()	fsync: what was stored is on the medium
 *   dax_invalidate_mapping_range()	a write(2) put blocks where none were
 *   dax_layout_busy_page()		unmap, and say what is pinned still
 *   dax_delete_mapping_range()		truncate: forget entries
 *   dax_delete_mapping_entries()	forget a file's entries
 *   dax_device_init(), dax_device_destroy()	the device and its wait table
 *   dax_find_slot()			look at an entry, for tools
 *
 * The filesystem tells where a file's pages are: struct iomap_ops.
 */
#ifndef DAX_DAX_H
#define DAX_DAX_H

#include "base/wait.h"
#include "mm/mm.h"

/* A range of page frames; block b of a filesystem on it is first_pfn + b. */
struct dax_device {
	struct dev_pagemap pgmap;	/* its pages point here */
	uint64_t first_pfn;
	uint64_t nr_pages;
	struct wait_queue_head *wait_table;	/* 1 << wait_bits queues */
};

enum iomap_type {
	IOMAP_HOLE,		/* no block; reads as zeroes */
	IOMAP_UNWRITTEN,	/* a block that reads as zeroes */
	IOMAP_MAPPED,
};

#define IOMAP_F_NEW 0x1u	/* the block was allocated just now, zeroed */
#define IOMAP_F_DIRTY 0x2u	/* what the medium knows of the file is older */

/* Where pages [pgoff, pgoff + nr_pages) of a file are: one extent. */
struct iomap {
	uint64_t pgoff;
	uint64_t nr_pages;
	uint64_t block;		/* of page pgoff, unless this is a hole */
	enum iomap_type type;
	unsigned int flags;	/* IOMAP_F_* */
};

#define IOMAP_WRITE 0x1u	/* allocate what is missing */

struct iomap_ops {
	/*
	 * Say where page pgoff is, and how far from there on the answer goes;
	 * nr_pages are wanted.  Called with the entry lock held; may sleep.
	 * Return: 0 and *iomap, or an error that becomes SIGBUS or OOM.
	 */
	int (*iomap_begin)(struct address_space *mapping, uint64_t pgoff,
			   uint64_t nr_pages, unsigned int flags,
			   struct iomap *iomap);
};

/* fault.c: *pfn is set with VM_FAULT_NEEDDSYNC */
vm_fault_t dax_iomap_fault(struct vm_fault *vmf, enum page_entry_size pe_size,
			   uint64_t *pfn);
/* The fsync of the range is the caller's, before. */
vm_fault_t dax_finish_sync_fault(struct vm_fault *vmf,
				 enum page_entry_size pe_size, uint64_t pfn);

/* writeback.c: pages [first, last]; -EIO when a page is poisoned */
int dax_writeback_mapping_range(struct address_space *mapping, uint64_t first,
				uint64_t last);

/*
 * invalidate.c: pages [first, last].  Locked entries are waited for.
 * dax_layout_busy_page() returns the pfn of a pinned page, or 0; the caller
 * waits for it with wait_on_page_pinned(), without locks that faults need, and
 * asks again.
 */
void dax_invalidate_mapping_range(struct address_space *mapping, uint64_t first,
				  uint64_t last);
void dax_delete_mapping_range(struct address_space *mapping, uint64_t first,
			      uint64_t last);
uint64_t dax_layout_busy_page(struct address_space *mapping);

/* entry.c */
int dax_device_init(struct dax_device *dax_dev, uint64_t first_pfn,
		    uint64_t nr_pages);
void dax_device_destroy(struct dax_device *dax_dev);
int grab_mapping_entry(struct address_space *mapping, uint64_t index,
		       unsigned int order);
void dax_unlock_entry(struct address_space *mapping, uint64_t index);
void dax_insert_entry(struct address_space *mapping, uint64_t index,
		      uint64_t pfn, uint64_t entry_flags);
void dax_delete_mapping_entries(struct address_space *mapping);

/* tree.c */
const uint64_t *dax_find_slot(const struct address_space *mapping,
			      uint64_t index, unsigned int *order);

#endif /* DAX_DAX_H */
