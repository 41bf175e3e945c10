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
#include "dax/tree.h"

static vm_fault_t dax_fault_return(int error)
{
	return error == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
}

/* Return: pages of the file, the last may be in part. */
static uint64_t i_size_pages(const struct address_space *mapping)
{
	uint64_t last_byte = mapping->i_size - 1;

	return mapping->i_size ? (last_byte >> page_shift()) + 1 : 0;
}

/* Return: the page frame of the first page of the extent. */
static uint64_t iomap_pfn(const struct address_space *mapping,
			  const struct iomap *iomap)
{
	return mapping->dax_dev->first_pfn + iomap->block;
}

/* A private write: fill the page of its own, the file is only read. */
static vm_fault_t dax_fault_cow_page(struct vm_fault *vmf,
				     const struct iomap *iomap)
{
	vm_fault_t ret;

	if (iomap->type == IOMAP_MAPPED)
		machine_data_copy(vmf->cow_page,
				  iomap_pfn(vmf->vma->vm_mapping, iomap));
	else
		machine_data_clear(vmf->cow_page);
	ret = finish_fault(vmf);
	return ret ? ret : VM_FAULT_DONE_COW;
}

/* Map the page the filesystem named, for reading or for writing. */
static vm_fault_t dax_insert_mapping(struct vm_fault *vmf,
				     const struct iomap *iomap)
{
	struct address_space *mapping = vmf->vma->vm_mapping;
	uint64_t pfn = iomap_pfn(mapping, iomap);
	vm_fault_t major = 0;

	if (iomap->flags & IOMAP_F_NEW)
		major = VM_FAULT_MAJOR;
	dax_insert_entry(mapping, vmf->pgoff, pfn, 0);
	if (vmf->flags & FAULT_FLAG_WRITE)
		return major | vmf_insert_mixed_mkwrite(vmf, pfn);
	return major | vmf_insert_mixed(vmf, pfn);
}

static vm_fault_t dax_fault_page(struct vm_fault *vmf)
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
	switch (iomap.type) {
	case IOMAP_MAPPED:
		return dax_insert_mapping(vmf, &iomap);
	case IOMAP_HOLE:
	case IOMAP_UNWRITTEN:
		/*
		 * To read, the zero page would be mapped; there is none yet.
		 * To write cannot be: the filesystem allocates; nor does it
		 * yet.
		 */
		break;
	}
	return VM_FAULT_SIGBUS;
}

static vm_fault_t dax_iomap_pte_fault(struct vm_fault *vmf)
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

	ret = dax_fault_page(vmf);
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

/* Map the huge page the filesystem named, if it is one. */
static vm_fault_t dax_pmd_insert_mapping(struct vm_fault *vmf,
					 const struct iomap *iomap)
{
	struct address_space *mapping = vmf->vma->vm_mapping;
	uint64_t pfn = iomap_pfn(mapping, iomap);
	vm_fault_t major = 0;

	if (pfn & pg_pmd_colour())
		return VM_FAULT_FALLBACK;
	if (iomap->flags & IOMAP_F_NEW)
		major = VM_FAULT_MAJOR;
	dax_insert_entry(mapping, iomap->pgoff, pfn, 0);
	return major | vmf_insert_pfn_pmd(vmf, pfn);
}

static vm_fault_t dax_fault_huge_page(struct vm_fault *vmf, uint64_t pgoff)
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
	switch (iomap.type) {
	case IOMAP_MAPPED:
		return dax_pmd_insert_mapping(vmf, &iomap);
	case IOMAP_HOLE:
	case IOMAP_UNWRITTEN:
		/* No huge zero page yet: as Linux does when it can get none. */
		break;
	}
	return VM_FAULT_FALLBACK;
}

/* The fault under the entry's lock. */
static vm_fault_t dax_pmd_fault_locked(struct vm_fault *vmf, uint64_t pgoff)
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

	ret = dax_fault_huge_page(vmf, pgoff);
	dax_unlock_entry(mapping, pgoff);
	return ret;
}

static vm_fault_t dax_iomap_pmd_fault(struct vm_fault *vmf)
{
	struct address_space *mapping = vmf->vma->vm_mapping;
	uint64_t max_pgoff = i_size_pages(mapping);
	uint64_t pgoff = vmf->pgoff & ~pg_pmd_colour();
	vm_fault_t ret = VM_FAULT_FALLBACK;

	if (pgoff >= max_pgoff)
		return trace_answer(__func__, VM_FAULT_SIGBUS);
	if (!dax_fault_check_fallback(vmf, max_pgoff))
		ret = dax_pmd_fault_locked(vmf, pgoff);
	/* The way must be free for a table. */
	if (ret & VM_FAULT_FALLBACK)
		split_huge_pmd(vmf->vma, vmf->pmd, vmf->address);
	return trace_answer(__func__, ret);
}

/*
 * dax_iomap_fault - serve a fault on a file that is mapped from its device;
 * *pfn is not set yet: nothing answers NEEDDSYNC.
 *
 * Locks: mmap_sem and what keeps the file's size and blocks as they are
 * (i_mmap_sem); takes the entry's.  Sleeps: yes.
 * Return: VM_FAULT_*; FALLBACK only for PE_SIZE_PMD.
 */
vm_fault_t dax_iomap_fault(struct vm_fault *vmf, enum page_entry_size pe_size,
			   uint64_t *pfn)
{
	BUG_ON(11, !machine_rwsem_held(&vmf->vma->vm_mm->mmap_sem));
	(void)pfn;
	if (pe_size == PE_SIZE_PMD)
		return dax_iomap_pmd_fault(vmf);
	return dax_iomap_pte_fault(vmf);
}
