/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * native.h - the machine of real life: machine.h on pthreads and real memory.
 *
 * Interface
 *   native_open()         make the one machine this process can have
 *   native_close()        give it back
 *   native_device_pfn()   where the device starts
 *   native_device_data()  and its bytes
 *   native_poison()       a page of it that the medium has lost
 *   native_live_*()       what has been allocated and not been freed
 *   native_reports()      complaints so far
 *
 * Every thread that calls a function of machine.h becomes a task on a CPU of
 * its own, and stops being one when it ends.  What is wrong here is really
 * wrong: a page table that is used as data is not noticed but destroyed, as
 * on a computer.
 */
#ifndef NATIVE_H
#define NATIVE_H

#include <stdint.h>
#include <stdio.h>

#include "machine.h"

/* One more than the largest number of an invariant. */
#define NATIVE_ORACLES 16

/* The sizes of x86-64, for struct machine_geometry. */
#define NATIVE_GEOMETRY                                                   \
	{                                                                 \
		.page_shift = 12, .huge_order = 9, .upper_levels = 2,     \
		.tree_bits = 3, .wait_bits = 8,                           \
	}

struct native_options {
	struct machine_geometry geometry;
	uint64_t ram_pages;		/* frames of RAM; at least 1 */
	uint64_t device_pages;		/* frames of the device; 0: none */
	const char *device_path;	/* a file or character device, mapped
					 * shared; NULL: memory of our own */
	/*
	 * Called by the thread that complains, perhaps by several at once and
	 * under a spinlock.  NULL: print `faultline: O2: text` to stderr.
	 */
	void (*on_report)(void *arg, unsigned int oracle, const char *text);
	/* The same, for tracepoints.  NULL: they are dropped. */
	void (*on_trace)(void *arg, const char *name, uint64_t a, uint64_t b);
	/*
	 * Return: a number below nr.  NULL: always 0.  Asked by allocations
	 * too, as `page allocation` or the object's name: 1 fails them.
	 */
	unsigned int (*choose)(void *arg, unsigned int nr, const char *what);
	/*
	 * Called after each store to a page of the device, of a word at most,
	 * and each write-back; bytes from offset in page pfn on.  A write-back
	 * may go on into the pages that follow.  So a test knows what a power
	 * cut at this moment would leave.  NULL: nobody is told.
	 */
	void (*on_store)(void *arg, uint64_t pfn, size_t offset, size_t bytes);
	void (*on_writeback)(void *arg, uint64_t pfn, size_t offset,
			     size_t bytes);
	void *arg;			/* the caller's, for those above */
};

/*
 * Make the machine.  The options are copied, the strings in them not needed
 * afterwards.
 * Return: 0; -EBUSY when there is one already, -EINVAL for a geometry that
 * makes no sense, -ENOSPC when the file at device_path is shorter than
 * device_pages, or what open(2) and mmap(2) say.
 */
int native_open(const struct native_options *options);

/*
 * Give everything back, objects that leaked excepted.  No other thread is in a
 * function of machine.h, or holds a lock; nothing happens when there is no
 * machine.
 */
void native_close(void);

/* Return: the first frame of the device, aligned to a huge page. */
uint64_t native_device_pfn(void);

/* Return: the device's bytes, of all its pages; for tests and tools. */
void *native_device_data(void);

#define NATIVE_POISONED_MAX 64

/*
 * Take a page of the device for one that the medium has lost; before anybody
 * uses the machine.
 * Return: 0, or -ENOSPC: there are too many.
 */
int native_poison(uint64_t pfn);

/*
 * Return: objects of machine_alloc(), or frames of RAM, that were not freed.
 * Any thread may ask; the answer is exact when no other thread is working.
 */
uint64_t native_live_objects(void);
uint64_t native_live_pages(void);

/* Print `3 struct vma` for each kind of object and page that is not freed. */
void native_print_live(FILE *to);

/* Return: complaints about this invariant since native_open(). */
uint64_t native_reports(unsigned int oracle);

#endif /* NATIVE_H */
