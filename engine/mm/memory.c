/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memory.c - page faults, the part that is the same for every file.
 *
 * The flow is that of Linux 4.12 mm/memory.c:
 *
 *	handle_mm_fault
 *	  create_huge_pmd, wp_huge_pmd		the file's huge_fault
 *	  handle_pte_fault
 *	    do_read_fault			\
 *	    do_cow_fault			 } the file's fault
 *	    do_shared_fault			/
 *	    do_wp_page				pfn_mkwrite, or a copy
 *
 * and the file's handlers come back with finish_fault() or vmf_insert_mixed().
 *
 * Faults hold mmap_sem for read only, so any number of them run at once, also
 * on the same page.  What they read of the page table without a lock is a hint:
 * each decision is made again under the lock of the table before something is
 * written.  And each test of the PMD is a fresh load, here as in Linux.
 */
#include "base/trace.h"
#include "mm/mm.h"

static uint64_t maybe_mkwrite(uint64_t entry, const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_WRITE ? entry | _PAGE_RW : entry;
}

/*
 * Find the PTE and lock its table; make the table first if there is none.
 * As Linux 4.12, but insert_pfn() comes here too, and so has the re-check.
 */
static vm_fault_t pte_alloc_one_map(struct vm_fault *vmf)
{
	if (pmd_none(pmd_load(vmf->pmd)) &&
	    __pte_alloc(vmf->vma->vm_mm, vmf->pmd))
		return VM_FAULT_OOM;

	/*
	 * Check 4: the PMD was none when the fault began, but a huge fault may
	 * have been quicker.  Below a huge PMD there is no table, only data.
	 */
	if (pmd_devmap_trans_unstable(vmf->pmd))
		return VM_FAULT_NOPAGE;

	/* From here on the table stays: only munmap() takes it away. */
	vmf->pte = pte_offset_map_lock(vmf->pmd, vmf->address, &vmf->ptl);
	return 0;
}

/* Map the private copy, unless another fault mapped something meanwhile. */
static vm_fault_t alloc_set_pte(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	vm_fault_t ret = pte_alloc_one_map(vmf);
	uint64_t entry;

	if (ret)
		return trace_answer(__func__, ret);
	if (!pte_none(machine_pt_load(vmf->pte)))
		return trace_answer(__func__, VM_FAULT_NOPAGE);
	entry = pfn_pte(vmf->cow_page, PAGE_ANON);
	add_mm_counter(vma->vm_mm, MM_ANONPAGES, 1);
	machine_pt_store(vmf->pte, maybe_mkwrite(entry, vma));
	return trace_answer(__func__, 0);
}

/*
 * finish_fault - map vmf->cow_page, that the handler has filled.
 *
 * Locks: mmap_sem; takes the locks of the PMD and the PTE table.  Sleeps: yes.
 * Return: 0: mapped, the page belongs to the mm now.  VM_FAULT_NOPAGE: the
 * access has to repeat; VM_FAULT_OOM.  Then the page is still the caller's.
 */
vm_fault_t finish_fault(struct vm_fault *vmf)
{
	vm_fault_t ret;

	BUG_ON(11, !machine_rwsem_held(&vmf->vma->vm_mm->mmap_sem));
	ret = alloc_set_pte(vmf);
	if (vmf->pte)
		pte_unmap_unlock(vmf->ptl);
	return trace_answer(__func__, ret);
}

/*
 * Map a page that is not counted; access is 0 or FAULT_FLAG_WRITE.  A page that
 * is there already is as good as one just mapped, and for a write it is made
 * writable: this is the mkwrite of Linux 4.16 mm/memory.c insert_pfn().  If it
 * is another page than the one to be written, a zero page that is about to be
 * unmapped, the access repeats until that has happened.
 */
static vm_fault_t insert_pfn(struct vm_fault *vmf, uint64_t pfn, uint64_t flags,
			     unsigned int access)
{
	vm_fault_t ret = pte_alloc_one_map(vmf);
	uint64_t entry = pfn_pte(pfn, PAGE_READONLY | _PAGE_SPECIAL | flags);
	uint64_t old;

	if (ret)
		return ret;
	if (access)
		entry = maybe_mkwrite(entry | _PAGE_DIRTY, vmf->vma);
	old = machine_pt_load(vmf->pte);
	if (pte_none(old) || (access && pte_pfn(old) == pfn))
		machine_pt_store(vmf->pte, entry);
	pte_unmap_unlock(vmf->ptl);
	return VM_FAULT_NOPAGE;
}

/*
 * vmf_insert_mixed - map a page of the device for reading.
 *
 * Locks: mmap_sem; takes the locks of the PMD and the PTE table.  Sleeps: yes.
 * Return: VM_FAULT_NOPAGE or VM_FAULT_OOM.
 */
vm_fault_t vmf_insert_mixed(struct vm_fault *vmf, uint64_t pfn)
{
	BUG_ON(11, !machine_rwsem_held(&vmf->vma->vm_mm->mmap_sem));
	return insert_pfn(vmf, pfn, _PAGE_DEVMAP, 0);
}

/*
 * vmf_insert_mixed_mkwrite - map a page of the device for writing, or make the
 * PTE writable that maps it.
 *
 * Locks: mmap_sem; takes the locks of the PMD and the PTE table.  Sleeps: yes.
 * Return: VM_FAULT_NOPAGE or VM_FAULT_OOM.
 */
vm_fault_t vmf_insert_mixed_mkwrite(struct vm_fault *vmf, uint64_t pfn)
{
	BUG_ON(11, !machine_rwsem_held(&vmf->vma->vm_mm->mmap_sem));
	return insert_pfn(vmf, pfn, _PAGE_DEVMAP, FAULT_FLAG_WRITE);
}

/*
 * vmf_insert_zero_page - map the zero page, read-only, where a file has a hole.
 *
 * Locks: mmap_sem; takes the locks of the PMD and the PTE table.  Sleeps: yes.
 * Return: VM_FAULT_NOPAGE, whatever page is there now, or VM_FAULT_OOM.
 */
vm_fault_t vmf_insert_zero_page(struct vm_fault *vmf)
{
	BUG_ON(11, !machine_rwsem_held(&vmf->vma->vm_mm->mmap_sem));
	return insert_pfn(vmf, machine_zero_pfn(), 0, 0);
}

static vm_fault_t __do_fault(struct vm_fault *vmf)
{
	vm_fault_t ret = vmf->vma->vm_mapping->vm_ops->fault(vmf);

	/* Anything else would be a page to map, as from a page cache. */
	BUG_ON(9, !(ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY |
			   VM_FAULT_DONE_COW)));
	return ret;
}

static vm_fault_t do_read_fault(struct vm_fault *vmf)
{
	return trace_answer(__func__, __do_fault(vmf));
}

/* A private write.  The copy's page comes first, no lock is held yet. */
static vm_fault_t do_cow_fault(struct vm_fault *vmf)
{
	vm_fault_t ret;

	vmf->cow_page = machine_page_alloc(MACHINE_PAGE_DATA);
	if (!vmf->cow_page)
		return trace_answer(__func__, VM_FAULT_OOM);
	ret = __do_fault(vmf);
	if (!(ret & VM_FAULT_DONE_COW))
		machine_page_free(vmf->cow_page);
	return trace_answer(__func__, ret);
}

static vm_fault_t do_shared_fault(struct vm_fault *vmf)
{
	return trace_answer(__func__, __do_fault(vmf));
}

static vm_fault_t do_fault(struct vm_fault *vmf)
{
	if (!(vmf->flags & FAULT_FLAG_WRITE))
		return do_read_fault(vmf);
	if (!(vmf->vma->vm_flags & VM_SHARED))
		return do_cow_fault(vmf);
	return do_shared_fault(vmf);
}

/* A page with the contents of the one that is mapped. */
static uint64_t wp_alloc_copy(const struct vm_fault *vmf)
{
	uint64_t old = vmf->orig_pte;
	uint64_t copy = machine_page_alloc(MACHINE_PAGE_DATA);

	if (copy && (pte_anon(old) || pte_devmap(old)))
		machine_data_copy(copy, pte_pfn(old));
	else if (copy)
		machine_data_clear(copy);
	return copy;
}

/*
 * A write to a read-only page of a private mapping: give it a page of its own,
 * as Linux 4.12 wp_page_copy().  The page is copied without a lock; whether it
 * still is the page that is mapped, the PTE tells afterwards.  An anonymous
 * page has a reference of the caller's, so that it stays meanwhile; that is
 * dropped here, and so is the PTE's when it maps the copy.
 */
static vm_fault_t wp_page_copy(struct vm_fault *vmf)
{
	struct mm *mm = vmf->vma->vm_mm;
	uint64_t addr = vmf->address;
	uint64_t old = vmf->orig_pte;
	uint64_t copy = wp_alloc_copy(vmf);
	uint64_t entry = pfn_pte(copy, PAGE_ANON);
	bool replaced = false;

	if (vmf->flags & FAULT_FLAG_WRITE)
		entry = maybe_mkwrite(entry, vmf->vma);
	if (copy) {
		vmf->pte = pte_offset_map_lock(vmf->pmd, addr, &vmf->ptl);
		replaced = machine_pt_load(vmf->pte) == old;
		if (replaced) {
			/* Never two translations: clear, flush, then set. */
			machine_pt_xchg(vmf->pte, PTE_NONE);
			machine_tlb_flush(mm, addr, addr + page_size());
			if (!pte_anon(old))
				add_mm_counter(mm, MM_ANONPAGES, 1);
			machine_pt_store(vmf->pte, entry);
		}
		pte_unmap_unlock(vmf->ptl);
		if (!replaced)
			machine_page_free(copy);
	}
	if (pte_anon(old)) {
		put_anon_page(pte_pfn(old));
		if (replaced)
			put_anon_page(pte_pfn(old));
	}
	return copy ? VM_FAULT_WRITE : VM_FAULT_OOM;
}

/*
 * A write to an anonymous page, or a pin that needs it unshared.  It is read-
 * only because the mapping was, or because of fork().  The PTE's lock is held
 * on entry and released here.
 */
static vm_fault_t wp_anon_page(struct vm_fault *vmf)
{
	struct page *page = pfn_to_page(pte_pfn(vmf->orig_pte));
	uint64_t entry = vmf->orig_pte | _PAGE_EXCLUSIVE;

	/*
	 * No copy when nobody else has it.  A page may be exclusive and have
	 * pins: those want to see what is written.
	 */
	if (!pte_exclusive(vmf->orig_pte) && machine_load(&page->refcount)) {
		machine_add(&page->refcount, 1);
		pte_unmap_unlock(vmf->ptl);
		return wp_page_copy(vmf);
	}
	if (vmf->flags & FAULT_FLAG_WRITE)
		entry = maybe_mkwrite(entry | _PAGE_ACCESSED | _PAGE_DIRTY,
				      vmf->vma);
	machine_pt_store(vmf->pte, entry);
	pte_unmap_unlock(vmf->ptl);
	return VM_FAULT_WRITE;
}

/* A write to a read-only page of the file: the file makes it writable. */
static vm_fault_t wp_pfn_shared(struct vm_fault *vmf)
{
	return vmf->vma->vm_mapping->vm_ops->pfn_mkwrite(vmf);
}

/*
 * A write to a PTE that is there and read-only, or a pin that wants an anony-
 * mous page unshared.  Its lock is held on entry and released here.
 */
static vm_fault_t do_wp_page(struct vm_fault *vmf)
{
	if (pte_anon(vmf->orig_pte))
		return trace_answer(__func__, wp_anon_page(vmf));
	pte_unmap_unlock(vmf->ptl);
	if (!(vmf->flags & FAULT_FLAG_WRITE))
		return trace_answer(__func__, 0);
	if (vmf->vma->vm_flags & VM_SHARED)
		return trace_answer(__func__, wp_pfn_shared(vmf));
	return trace_answer(__func__, wp_page_copy(vmf));
}

/*
 * The PTE is there: the access was not allowed, or it is now, because another
 * fault was quicker or this CPU's TLB was behind.
 */
static vm_fault_t handle_present_pte(struct vm_fault *vmf)
{
	vmf->pte = pte_offset_map_lock(vmf->pmd, vmf->address, &vmf->ptl);
	if (machine_pt_load(vmf->pte) == vmf->orig_pte &&
	    vmf->flags & (FAULT_FLAG_WRITE | FAULT_FLAG_UNSHARE)) {
		if (!pte_write(vmf->orig_pte))
			return do_wp_page(vmf);
		/* As on x86: a read leaves it to the MMU to mark it young. */
		if (vmf->flags & FAULT_FLAG_WRITE)
			machine_pt_store(vmf->pte, vmf->orig_pte |
						   _PAGE_ACCESSED |
						   _PAGE_DIRTY);
	}
	pte_unmap_unlock(vmf->ptl);
	return 0;
}

/* As Linux 4.12: nothing here is locked when the PMD is read. */
static vm_fault_t handle_pte_fault(struct vm_fault *vmf)
{
	if (!pmd_none(pmd_load(vmf->pmd))) {
		/* Huge by now: the access repeats and finds it. */
		if (pmd_devmap_trans_unstable(vmf->pmd))
			return trace_answer(__func__, 0);
		vmf->pte = pte_offset_map(pmd_load(vmf->pmd), vmf->address);
		vmf->orig_pte = machine_pt_load(vmf->pte);
		if (pte_none(vmf->orig_pte))
			vmf->pte = NULL;
	}
	if (!vmf->pte)
		return trace_answer(__func__, do_fault(vmf));
	return trace_answer(__func__, handle_present_pte(vmf));
}

static vm_fault_t huge_fault(struct vm_fault *vmf)
{
	const struct vm_operations_struct *vm_ops =
		vmf->vma->vm_mapping->vm_ops;

	return vm_ops->huge_fault(vmf, PE_SIZE_PMD);
}

static vm_fault_t create_huge_pmd(struct vm_fault *vmf)
{
	return trace_answer(__func__, huge_fault(vmf));
}

/* A write to a read-only huge PMD: the file's handler again, for a write. */
static vm_fault_t wp_huge_pmd(struct vm_fault *vmf)
{
	return trace_answer(__func__, huge_fault(vmf));
}

static vm_fault_t __handle_mm_fault(struct vm_fault *vmf)
{
	vm_fault_t ret;

	if (pmd_alloc(vmf->vma->vm_mm, vmf->address, &vmf->pmd))
		return VM_FAULT_OOM;
	if (pmd_none(pmd_load(vmf->pmd))) {
		ret = create_huge_pmd(vmf);
		if (!(ret & VM_FAULT_FALLBACK))
			return ret;
	} else {
		uint64_t orig_pmd = pmd_load(vmf->pmd);

		if (pmd_trans_huge(orig_pmd) || pmd_devmap(orig_pmd)) {
			if (!(vmf->flags & FAULT_FLAG_WRITE) ||
			    pmd_write(orig_pmd)) {
				huge_pmd_set_accessed(vmf, orig_pmd);
				return 0;
			}
			ret = wp_huge_pmd(vmf);
			if (!(ret & VM_FAULT_FALLBACK))
				return ret;
		}
	}
	return handle_pte_fault(vmf);
}

/*
 * handle_mm_fault - do what has to be done before the access can repeat.
 *
 * Locks: mmap_sem.  Sleeps: yes.
 * Return: VM_FAULT_*; without an error bit the access repeats.
 */
vm_fault_t handle_mm_fault(struct vm_area_struct *vma, uint64_t addr,
			   unsigned int flags)
{
	struct vm_fault vmf = {
		.vma = vma,
		.flags = flags,
		.pgoff = linear_page_index(vma, addr),
		.address = addr & ~(page_size() - 1),
	};

	BUG_ON(11, !machine_rwsem_held(&vma->vm_mm->mmap_sem));
	return trace_answer(__func__, __handle_mm_fault(&vmf));
}
