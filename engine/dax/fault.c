/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fault.c - DAX fault handlers, one for a page and one for a huge page.
 *
 * Both may run on the same pages at the same time, on CPUs of one mm.  The
 * locked entry puts one behind the other; but what a handler was told about
 * the PMD before it got the lock is stale by then.  So in both the order is
 *
 *	lock the entry
 *	look at the PMD again		(checks 1 and 2, as Linux 4.12)
 *	ask the filesystem		not earlier: else a write(2) that
 *					allocates between would be missed
 *	change the entry, insert into the page table
 *	unlock the entry
 *
 * and the page table has its own check when it inserts (4 and 8 in mm/).
 */
#include "base/trace.h"
#include "dax/entry.h"

static vm_fault_t dax_fault_return(int error)
{
	return error == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
}

/* Return: pages of the file, the last may be in part. */
static uint64_t i_size_pages(const struct address_space *mapping)
{
	uint64_t bytes = i_size_read(mapping);

	return bytes ? ((bytes - 1) >> page_shift()) + 1 : 0;
}

/* Return: the page frame of the first page of the extent. */
static uint64_t iomap_pfn(const struct address_space *mapping,
			  const struct iomap *iomap)
{
	return mapping->dax_dev->first_pfn + iomap->block;
}

/* Return: whether the medium has lost any of these pages. */
static bool pages_poisoned(uint64_t pfn, uint64_t nr_pages)
{
	uint64_t i;

	for (i = 0; i < nr_pages; i++)
		if (machine_page_poisoned(pfn + i))
			return true;
	return false;
}

/*
 * MAP_SYNC: the program takes a store for safe once it has flushed the CPU's
 * caches, so it may not store before the medium knows which block is the
 * file's.
 * Return: whether it does not know yet.
 */
static bool dax_fault_is_synchronous(const struct vm_fault *vmf,
				     const struct iomap *iomap)
{
	return vmf->flags & FAULT_FLAG_WRITE &&
	       vmf->vma->vm_flags & VM_SYNC && iomap->flags & IOMAP_F_DIRTY;
}

/* A private write: fill the page of its own, the file is only read. */
static vm_fault_t dax_fault_cow_page(struct vm_fault *vmf,
				     const struct iomap *iomap)
{
	uint64_t pfn = iomap_pfn(vmf->vma->vm_mapping, iomap);
	vm_fault_t ret;

	if (iomap->type != IOMAP_MAPPED)
		machine_data_clear(vmf->cow_page);
	else if (machine_page_poisoned(pfn))
		return VM_FAULT_SIGBUS;
	else
		machine_data_copy(vmf->cow_page, pfn);
	ret = finish_fault(vmf);
	return ret ? ret : VM_FAULT_DONE_COW;
}

/* A read where there is no data: map the zero page. */
static vm_fault_t dax_load_hole(struct vm_fault *vmf)
{
	vm_fault_t ret;

	dax_insert_entry(vmf->vma->vm_mapping, vmf->pgoff, machine_zero_pfn(),
			 DAX_ZERO);
	ret = vmf_insert_zero_page(vmf);
	machine_trace(__func__, ret, vmf->pgoff);
	return ret;
}

/* Map the page the filesystem named, for reading or for writing. */
static vm_fault_t dax_insert_mapping(struct vm_fault *vmf,
				     const struct iomap *iomap,
				     uint64_t *sync_pfn)
{
	struct address_space *mapping = vmf->vma->vm_mapping;
	uint64_t pfn = iomap_pfn(mapping, iomap);
	vm_fault_t major = 0;

	if (machine_page_poisoned(pfn))
		return VM_FAULT_SIGBUS;
	if (iomap->flags & IOMAP_F_NEW)
		major = VM_FAULT_MAJOR;
	if (dax_fault_is_synchronous(vmf, iomap)) {
		dax_insert_clean_entry(mapping, vmf->pgoff, pfn);
		*sync_pfn = pfn;
		return major | VM_FAULT_NEEDDSYNC;
	}
	dax_insert_entry(mapping, vmf->pgoff, pfn, 0);
	if (vmf->flags & FAULT_FLAG_WRITE)
		return major | vmf_insert_mixed_mkwrite(vmf, pfn);
	return major | vmf_insert_mixed(vmf, pfn);
}

static vm_fault_t dax_fault_page(struct vm_fault *vmf, uint64_t *sync_pfn)
{
	struct address_space *mapping = vmf->vma->vm_mapping;
	unsigned int flags = 0;
	struct iomap iomap;
	int error;

	if (vmf->flags & FAULT_FLAG_WRITE && !vmf->cow_page)
		flags |= IOMAP_WRITE;
	error = mapping->iomap_ops->iomap_begin(mapping, vmf->pgoff, 1, flags,
						&iomap);
	if (error)
		return dax_fault_return(error);
	if (vmf->cow_page)
		return dax_fault_cow_page(vmf, &iomap);
	if (iomap.type == IOMAP_MAPPED)
		return dax_insert_mapping(vmf, &iomap, sync_pfn);
	/* To write cannot be: the filesystem has allocated. */
	if (flags & IOMAP_WRITE)
		return VM_FAULT_SIGBUS;
	return dax_load_hole(vmf);
}

static vm_fault_t dax_iomap_pte_fault(struct vm_fault *vmf, uint64_t *sync_pfn)
{
	struct address_space *mapping = vmf->vma->vm_mapping;
	vm_fault_t ret;
	int error;

	/* The caller holds i_mmap_sem: the size does not change. */
	if (vmf->pgoff >= i_size_pages(mapping))
		return trace_answer(__func__, VM_FAULT_SIGBUS);
	error = grab_mapping_entry(mapping, vmf->pgoff, 0);
	if (error)
		return trace_answer(__func__, dax_fault_return(error));

	/*
	 * Check 1: a huge fault may have been quicker.  Then there is no table
	 * for a PTE to go to, and nothing to do: the access repeats.
	 */
	if (pmd_trans_huge(pmd_load(vmf->pmd)) ||
	    pmd_devmap(pmd_load(vmf->pmd))) {
		machine_trace("retry", 1, 0);
		dax_unlock_entry(mapping, vmf->pgoff);
		return trace_answer(__func__, VM_FAULT_NOPAGE);
	}

	ret = dax_fault_page(vmf, sync_pfn);
	dax_unlock_entry(mapping, vmf->pgoff);
	return trace_answer(__func__, ret);
}

/* Return: whether no huge page can be mapped here, whatever the file has. */
static bool dax_fault_check_fallback(const struct vm_fault *vmf,
				     uint64_t max_pgoff)
{
	const struct vm_area_struct *vma = vmf->vma;
	uint64_t pmd_addr = vmf->address & pmd_mask();
	uint64_t page = vmf->address >> page_shift();

	/* The file offset and the address have to be congruent. */
	if ((vmf->pgoff ^ page) & pg_pmd_colour())
		return true;
	/* A copy is made page by page. */
	if (vmf->flags & FAULT_FLAG_WRITE && !(vma->vm_flags & VM_SHARED))
		return true;
	if (pmd_addr < vma->vm_start || pmd_size() > vma->vm_end - pmd_addr)
		return true;
	return (vmf->pgoff | pg_pmd_colour()) >= max_pgoff;
}

/* A read where there is no data: map the huge zero page, if there is none. */
static vm_fault_t dax_pmd_load_hole(struct vm_fault *vmf, uint64_t pgoff)
{
	vm_fault_t ret;

	dax_insert_entry(vmf->vma->vm_mapping, pgoff, machine_zero_pfn(),
			 DAX_ZERO);
	ret = vmf_insert_huge_zero_pmd(vmf);
	machine_trace(__func__, ret, pgoff);
	return ret;
}

/*
 * Map the huge page the filesystem named, if it is one.  If one of its pages is
 * lost, pages will do: only the lost one shall be missed.  As in Linux 6.1 a
 * huge fault that allocates is no major one.
 */
static vm_fault_t dax_pmd_insert_mapping(struct vm_fault *vmf,
					 const struct iomap *iomap,
					 uint64_t *sync_pfn)
{
	struct address_space *mapping = vmf->vma->vm_mapping;
	uint64_t pfn = iomap_pfn(mapping, iomap);

	if (pfn & pg_pmd_colour() ||
	    pages_poisoned(pfn, UINT64_C(1) << pmd_order()))
		return VM_FAULT_FALLBACK;
	if (dax_fault_is_synchronous(vmf, iomap)) {
		dax_insert_clean_entry(mapping, iomap->pgoff, pfn);
		*sync_pfn = pfn;
		return VM_FAULT_NEEDDSYNC;
	}
	dax_insert_entry(mapping, iomap->pgoff, pfn, 0);
	return vmf_insert_pfn_pmd(vmf, pfn);
}

static vm_fault_t dax_fault_huge_page(struct vm_fault *vmf, uint64_t pgoff,
				      uint64_t *sync_pfn)
{
	struct address_space *mapping = vmf->vma->vm_mapping;
	uint64_t nr_pages = UINT64_C(1) << pmd_order();
	unsigned int flags = 0;
	struct iomap iomap;

	if (vmf->flags & FAULT_FLAG_WRITE)
		flags |= IOMAP_WRITE;
	if (mapping->iomap_ops->iomap_begin(mapping, pgoff, nr_pages, flags,
					    &iomap))
		return VM_FAULT_FALLBACK;
	if (iomap.nr_pages < nr_pages)
		return VM_FAULT_FALLBACK;
	if (iomap.type == IOMAP_MAPPED)
		return dax_pmd_insert_mapping(vmf, &iomap, sync_pfn);
	/* To write cannot be: the filesystem has allocated. */
	if (flags & IOMAP_WRITE)
		return VM_FAULT_FALLBACK;
	return dax_pmd_load_hole(vmf, pgoff);
}

/* The fault under the entry's lock. */
static vm_fault_t dax_pmd_fault_locked(struct vm_fault *vmf, uint64_t pgoff,
				       uint64_t *sync_pfn)
{
	struct address_space *mapping = vmf->vma->vm_mapping;
	vm_fault_t ret;

	/* A page's entry in the range, or no memory: pages will do. */
	if (grab_mapping_entry(mapping, pgoff, pmd_order()))
		return VM_FAULT_FALLBACK;

	/*
	 * Check 2: a fault for a page may have been quicker and have made a
	 * table.  A huge PMD is welcome: this may be a write to a read-only
	 * one.
	 */
	if (!pmd_none(pmd_load(vmf->pmd)) &&
	    !pmd_trans_huge(pmd_load(vmf->pmd)) &&
	    !pmd_devmap(pmd_load(vmf->pmd))) {
		machine_trace("retry", 2, 0);
		dax_unlock_entry(mapping, pgoff);
		return 0;
	}

	ret = dax_fault_huge_page(vmf, pgoff, sync_pfn);
	dax_unlock_entry(mapping, pgoff);
	return ret;
}

static vm_fault_t dax_iomap_pmd_fault(struct vm_fault *vmf, uint64_t *sync_pfn)
{
	struct address_space *mapping = vmf->vma->vm_mapping;
	uint64_t max_pgoff = i_size_pages(mapping);
	uint64_t pgoff = vmf->pgoff & ~pg_pmd_colour();
	vm_fault_t ret = VM_FAULT_FALLBACK;

	if (pgoff >= max_pgoff)
		return trace_answer(__func__, VM_FAULT_SIGBUS);
	if (!dax_fault_check_fallback(vmf, max_pgoff))
		ret = dax_pmd_fault_locked(vmf, pgoff, sync_pfn);
	/* The way must be free for a table. */
	if (ret & VM_FAULT_FALLBACK)
		split_huge_pmd(vmf->vma, vmf->pmd, vmf->address);
	return trace_answer(__func__, ret);
}

/*
 * dax_iomap_fault - serve a fault on a file that is mapped from its device.
 *
 * NEEDDSYNC: nothing is mapped yet; the caller makes the range safe, with what
 * the medium knows of the file, and calls dax_finish_sync_fault() with *pfn.
 *
 * Locks: mmap_sem and what keeps the file's size and blocks as they are
 * (i_mmap_sem); takes the entry's.  Sleeps: yes.
 * Return: VM_FAULT_*; FALLBACK only for PE_SIZE_PMD.
 */
vm_fault_t dax_iomap_fault(struct vm_fault *vmf, enum page_entry_size pe_size,
			   uint64_t *pfn)
{
	BUG_ON(11, !machine_rwsem_held(&vmf->vma->vm_mm->mmap_sem));
	if (pe_size == PE_SIZE_PMD)
		return dax_iomap_pmd_fault(vmf, pfn);
	return dax_iomap_pte_fault(vmf, pfn);
}

/*
 * dax_finish_sync_fault - map for writing what dax_iomap_fault() has found.
 *
 * The entry was unlocked meanwhile.  If another is there now, or none, the
 * access repeats.
 *
 * Locks: as dax_iomap_fault().  Sleeps: yes.
 * Return: VM_FAULT_NOPAGE or VM_FAULT_OOM.
 */
vm_fault_t dax_finish_sync_fault(struct vm_fault *vmf,
				 enum page_entry_size pe_size, uint64_t pfn)
{
	struct address_space *mapping = vmf->vma->vm_mapping;
	uint64_t pgoff = vmf->pgoff;
	unsigned int order = 0;
	vm_fault_t ret;

	BUG_ON(11, !machine_rwsem_held(&vmf->vma->vm_mm->mmap_sem));
	if (pe_size == PE_SIZE_PMD) {
		order = pmd_order();
		pgoff &= ~pg_pmd_colour();
	}
	if (!dax_lock_entry_dirty(mapping, pgoff, order, pfn))
		return trace_answer("dax_insert_pfn_mkwrite_no_entry",
				    VM_FAULT_NOPAGE);
	if (order)
		ret = vmf_insert_pfn_pmd(vmf, pfn);
	else
		ret = vmf_insert_mixed_mkwrite(vmf, pfn);
	dax_unlock_entry(mapping, pgoff);
	return trace_answer("dax_insert_pfn_mkwrite", ret);
}
