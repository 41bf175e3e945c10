/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mm.h - address spaces, their mappings, and page faults.
 *
 * Interface
 *   mm_create(), dup_mm(), exit_mmap()		an address space
 *   do_mmap(), do_munmap(), do_mprotect(), do_mremap()	its mappings
 *   madvise_dontneed(), madvise_populate()	and what they map
 *   mm_load(), mm_store()			a program's access to memory
 *   pin_user_page(), unpin_user_page()		a device's access to memory
 *   find_vma(), vma_next()			walk the mappings
 *   mm_find_pmd(), mm_find_pte()		page-table words (pgtable.h)
 *   handle_mm_fault()				a fault
 *   finish_fault(), vmf_insert_*()		for the handlers of files
 *   unmap_mapping_pages()			take pages from all who map them
 *   pfn_mkclean_range()			make them read-only for all
 *
 * Names used in this file
 *   addr	an address of the program, in bytes
 *   pgoff	a page's number in its file
 *   pfn	a page frame, as in machine.h; 0 is none
 */
#ifndef MM_MM_H
#define MM_MM_H

#include "base/avl.h"
#include "base/wait.h"
#include "mm/pgtable.h"

struct dax_device;
struct dax_node;
struct iomap_ops;
struct vm_operations_struct;

/* As <sys/mman.h> has them. */
#define PROT_READ 0x1
#define PROT_WRITE 0x2
#define MAP_SHARED 0x01
#define MAP_PRIVATE 0x02
#define MAP_POPULATE 0x8000	/* fault all of it in at once */
#define MAP_SYNC 0x80000	/* with MAP_SHARED: no write without its block
				 * being on the medium */

enum mm_counter {
	MM_FILEPAGES,
	MM_ANONPAGES,
	NR_MM_COUNTERS,
};

struct mm {
	const char *name;		/* for messages; the creator's */

	struct machine_rwsem mmap_sem;	/* for the tree of VMAs */
	struct avl_root mm_vmas;	/* by address */

	struct machine_spinlock page_table_lock; /* tables above the PMD's */
	uint64_t root;			/* the table on top; never changes */

	/* Words that are only added to, until the mm is freed. */
	uint64_t rss_stat[NR_MM_COUNTERS];	/* pages */
	uint64_t nr_ptes;			/* PTE tables */
};

/*
 * A mapped file as seen by all layers: who maps it, who serves its faults, and
 * its tree of DAX entries.  The filesystem embeds it in its inode.
 */
struct address_space {
	const char *name;		/* for messages; the creator's */
	const struct vm_operations_struct *vm_ops;

	struct machine_rwsem i_mmap_rwsem;	/* for i_mmap */
	struct list_head i_mmap;	/* VMAs that map the file */

	struct machine_spinlock i_pages;	/* for the tree and its slots */
	struct dax_node *i_root;	/* NULL without any entry */

	/*
	 * A word.  It shrinks only under the filesystem's i_mmap_sem, that
	 * faults hold.
	 */
	uint64_t i_size;		/* bytes */

	/* Set once, when the file is made. */
	struct dax_device *dax_dev;
	const struct iomap_ops *iomap_ops;
	uint64_t ino;			/* hashed; equal in every run */
};

#define VM_READ 0x1u
#define VM_WRITE 0x2u
#define VM_SHARED 0x8u
#define VM_SYNC 0x00800000u

/* All fields: mmap_sem; a writer has i_mmap_rwsem as well. */
struct vm_area_struct {
	struct avl_node vm_node;	/* in mm->mm_vmas */
	struct list_head vm_shared;	/* in mapping->i_mmap */
	struct mm *vm_mm;
	struct address_space *vm_mapping;
	uint64_t vm_start;		/* first address */
	uint64_t vm_end;		/* first address behind it */
	uint64_t vm_pgoff;		/* page of the file at vm_start */
	unsigned int vm_flags;
};

#define FAULT_FLAG_WRITE 0x1u
#define FAULT_FLAG_UNSHARE 0x2u	/* for a pin: an anonymous page that is there
				 * must not be shared; else as a read */

/* Answers of a fault; 0 and any that is no error repeat the access. */
typedef unsigned int vm_fault_t;

#define VM_FAULT_OOM 0x0001u
#define VM_FAULT_SIGBUS 0x0002u
#define VM_FAULT_MAJOR 0x0004u		/* had to allocate a block */
#define VM_FAULT_WRITE 0x0008u		/* a private page was copied */
#define VM_FAULT_SIGSEGV 0x0040u
#define VM_FAULT_NOPAGE 0x0100u		/* the handler did all itself */
#define VM_FAULT_RETRY 0x0400u
#define VM_FAULT_FALLBACK 0x0800u	/* not huge; try a page */
#define VM_FAULT_DONE_COW 0x1000u	/* the handler made the copy */
#define VM_FAULT_NEEDDSYNC 0x2000u	/* to be mapped after an fsync */
#define VM_FAULT_ERROR (VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV)

/* One fault; lives on the stack of handle_mm_fault(). */
struct vm_fault {
	struct vm_area_struct *vma;
	unsigned int flags;		/* FAULT_FLAG_* */
	uint64_t pgoff;			/* page of the file that is wanted */
	uint64_t address;		/* of the page */
	struct pmd pmd;			/* set before any handler is called */
	uint64_t orig_pte;		/* what the PTE was, read unlocked */
	uint64_t cow_page;		/* pfn for a private copy, or 0 */
	uint64_t *pte;			/* NULL: not looked up, or none */
	struct machine_spinlock *ptl;	/* of the table pte lies in */
};

enum page_entry_size {
	PE_SIZE_PTE,
	PE_SIZE_PMD,
};

/*
 * The fault handlers of a file.  mmap_sem is held; they may sleep.  A file
 * here never hands a page back: each answer is NOPAGE, DONE_COW or an error,
 * from huge_fault also FALLBACK, or 0 for "repeat the access".
 */
struct vm_operations_struct {
	vm_fault_t (*fault)(struct vm_fault *vmf);
	vm_fault_t (*huge_fault)(struct vm_fault *vmf,
				 enum page_entry_size pe_size);
	vm_fault_t (*pfn_mkwrite)(struct vm_fault *vmf);
};

/* Pages of a device, and who waits for pins on them to go. */
struct dev_pagemap {
	struct wait_queue_head idle;	/* the key is a page's struct page */
};

/* mmap.c */
struct mm *mm_create(const char *name);
void exit_mmap(struct mm *mm);
int do_mmap(struct mm *mm, uint64_t addr, uint64_t bytes, unsigned int prot,
	    unsigned int flags, struct address_space *mapping, uint64_t pgoff);
int do_munmap(struct mm *mm, uint64_t addr, uint64_t bytes);
void unmap_region(struct mm *mm, uint64_t start, uint64_t end,
		  struct vm_area_struct *tail);

/* vma.c */
struct vm_area_struct *find_vma(const struct mm *mm, uint64_t addr);
struct vm_area_struct *vma_next(const struct vm_area_struct *vma);
struct vm_area_struct *vma_before(const struct mm *mm, uint64_t addr);
bool range_valid(uint64_t addr, uint64_t bytes);
void vma_link(struct mm *mm, struct vm_area_struct *vma);
void vma_unlink(struct mm *mm, struct vm_area_struct *vma);
void vma_adjust(struct vm_area_struct *vma, uint64_t start, uint64_t end,
		unsigned int vm_flags);
void vma_cut(struct vm_area_struct *vma, uint64_t start, uint64_t end,
	     struct vm_area_struct *tail);
int vma_split(struct vm_area_struct *vma, uint64_t addr);
void vma_merge(struct vm_area_struct *vma);

/* madvise.c: access is 0 or FAULT_FLAG_WRITE */
int madvise_dontneed(struct mm *mm, uint64_t addr, uint64_t bytes);
void mm_populate(struct mm *mm, uint64_t addr, uint64_t bytes);
int madvise_populate(struct mm *mm, uint64_t addr, uint64_t bytes,
		     unsigned int access);

/* mprotect.c */
int do_mprotect(struct mm *mm, uint64_t addr, uint64_t bytes,
		unsigned int prot);

/*
 * mremap.c: new_addr may be addr itself, to shrink or grow in place; else the
 * range moves there and nothing may be mapped there.
 */
int do_mremap(struct mm *mm, uint64_t addr, uint64_t old_bytes,
	      uint64_t new_bytes, uint64_t new_addr);

/* fork.c: a copy of the address space for a child */
int dup_mm(struct mm *old, const char *name, struct mm **copy);

/* gup.c: access is 0 or FAULT_FLAG_WRITE */
int pin_user_page(struct mm *mm, uint64_t addr, unsigned int access,
		  uint64_t *pfn);
void unpin_user_page(uint64_t pfn);
/* Sleep until a device's page has no pins; the caller looks again. */
void wait_on_page_pinned(uint64_t pfn);
int faultin_range(struct vm_area_struct *vma, uint64_t start, uint64_t end,
		  unsigned int access);
void put_anon_page(uint64_t pfn);

/* access.c */
int mm_load(struct mm *mm, uint64_t addr, size_t size, uint64_t *val);
int mm_store(struct mm *mm, uint64_t addr, size_t size, uint64_t val);

/* memory.c */
vm_fault_t handle_mm_fault(struct vm_area_struct *vma, uint64_t addr,
			   unsigned int flags);
vm_fault_t finish_fault(struct vm_fault *vmf);
vm_fault_t vmf_insert_mixed(struct vm_fault *vmf, uint64_t pfn);
vm_fault_t vmf_insert_mixed_mkwrite(struct vm_fault *vmf, uint64_t pfn);
vm_fault_t vmf_insert_zero_page(struct vm_fault *vmf);

/* huge_memory.c */
vm_fault_t vmf_insert_pfn_pmd(struct vm_fault *vmf, uint64_t pfn);
vm_fault_t vmf_insert_huge_zero_pmd(struct vm_fault *vmf);
void huge_pmd_set_accessed(struct vm_fault *vmf, uint64_t orig_pmd);
bool mkclean_huge_pmd(struct vm_area_struct *vma, struct pmd pmd, uint64_t addr,
		      uint64_t pfn, uint64_t nr_pages);
bool zap_huge_pmd(struct vm_area_struct *vma, struct pmd pmd, uint64_t addr);
void split_huge_pmd(struct vm_area_struct *vma, struct pmd pmd, uint64_t addr);
void __split_huge_pmd(struct vm_area_struct *vma, struct pmd pmd,
		      uint64_t addr);

/* rmap.c */
bool vma_file_range(const struct vm_area_struct *vma, uint64_t pgoff,
		    uint64_t nr_pages, uint64_t *start, uint64_t *end);
void pfn_mkclean_range(struct address_space *mapping, uint64_t pgoff,
		       uint64_t nr_pages, uint64_t pfn);

/* zap.c */
void zap_page_range(struct vm_area_struct *vma, uint64_t start, uint64_t end);
void unmap_mapping_pages(struct address_space *mapping, uint64_t pgoff,
			 uint64_t nr_pages);
void unmap_mapping_pages_even_cows(struct address_space *mapping,
				   uint64_t pgoff, uint64_t nr_pages);
void free_pgtables(struct mm *mm, uint64_t start, uint64_t end, uint64_t floor,
		   uint64_t ceiling);

static inline void add_mm_counter(struct mm *mm, enum mm_counter counter,
				  int64_t pages)
{
	machine_add(&mm->rss_stat[counter], pages);
}

/* What it takes to read a VMA, and to find its tables still there. */
static inline bool vma_locked(const struct vm_area_struct *vma)
{
	return machine_rwsem_held(&vma->vm_mm->mmap_sem) ||
	       machine_rwsem_held(&vma->vm_mapping->i_mmap_rwsem);
}

static inline uint64_t linear_page_index(const struct vm_area_struct *vma,
					 uint64_t addr)
{
	return ((addr - vma->vm_start) >> page_shift()) + vma->vm_pgoff;
}

/*
 * A write(2) may let a file grow while faults read its size, so both sides
 * treat it as a word.
 */
static inline uint64_t i_size_read(const struct address_space *mapping)
{
	return machine_load(&mapping->i_size);
}

#endif /* MM_MM_H */
