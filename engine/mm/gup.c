/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gup.c - get at a page by its address: faulted in, or pinned for a device.
 *
 * A pinned page stays what it is until it is unpinned: an anonymous page is not
 * freed, and a device's page not given to another file, because who frees
 * blocks unmaps them first and then waits for pins to go.
 */
#include "base/trace.h"
#include "mm/mm.h"

/*
 * put_anon_page - drop a reference to an anonymous page; the last one frees it.
 * An entry's reference may be dropped when the TLBs are flushed.
 *
 * Locks: none.  Sleeps: no.
 */
void put_anon_page(uint64_t pfn)
{
	struct page *page = pfn_to_page(pfn);
	uint64_t others = machine_load(&page->refcount);

	/* Without others there is nobody who could take a reference. */
	while (others &&
	       !machine_cmpxchg(&page->refcount, &others, others - 1))
		;
	if (!others)
		machine_page_free(pfn);
}

static bool is_zero_pfn(uint64_t pfn)
{
	return pfn - machine_zero_pfn() < entries_per_table();
}

/* The zero pages are for ever: nobody counts their references. */
static void get_page(uint64_t pfn)
{
	if (!is_zero_pfn(pfn))
		machine_add(&pfn_to_page(pfn)->refcount, 1);
}

static void put_page(uint64_t pfn)
{
	struct page *page;
	struct wait_queue_head *queue;

	if (is_zero_pfn(pfn))
		return;
	page = pfn_to_page(pfn);
	if (!page->pgmap) {
		put_anon_page(pfn);
		return;
	}
	queue = &page->pgmap->idle;
	machine_add(&page->refcount, -1);
	/* A sleeper queues up first, then looks at the count. */
	if (!machine_load(&page->refcount) && waitqueue_active(queue))
		__wake_up(queue, 0, page, 0);
}

/*
 * Does the entry allow the access?  A pin for reading wants an anonymous page
 * that is not shared: else a write to it would go to a copy, unseen.
 */
static bool entry_permits(uint64_t entry, unsigned int access)
{
	uint64_t needed = _PAGE_PRESENT;

	if (access & FAULT_FLAG_WRITE)
		needed |= _PAGE_RW;
	return (entry & needed) == needed;
}

static bool must_unshare(uint64_t entry)
{
	return !(entry & _PAGE_PSE) && pte_anon(entry) &&
	       !pte_exclusive(entry);
}

/* The page frame for addr, in the page or huge page of an entry. */
static uint64_t entry_pfn(uint64_t entry, uint64_t addr)
{
	uint64_t bytes = entry & _PAGE_PSE ? pmd_size() : page_size();

	return pte_pfn(entry) + ((addr & (bytes - 1)) >> page_shift());
}

/*
 * Find the entry that maps addr as the MMU does, without a lock.
 * Return: NULL when there is none; *entry is what it was.
 */
static const uint64_t *gup_walk(const struct mm *mm, uint64_t addr,
				uint64_t *entry)
{
	const uint64_t *pte;
	struct pmd pmd;

	if (!pmd_offset(mm, addr, &pmd))
		return NULL;
	*entry = pmd_load(pmd);
	if (!(*entry & _PAGE_PRESENT))
		return NULL;
	if (*entry & _PAGE_PSE)
		return pmd.word;
	pte = pte_offset_map(*entry, addr);
	*entry = machine_pt_load(pte);
	return pte;
}

/*
 * Pin a page without a lock.  Inside an instruction no flush ends, so what an
 * entry names is not freed.  First the permission, then the reference, then
 * the entry again: if it has changed, who changed it may not have seen the
 * reference, and it is given back.
 */
static bool pin_fast(const struct mm *mm, uint64_t addr, unsigned int access,
		     uint64_t *pfn)
{
	const uint64_t *word;
	bool pinned = false;
	bool stale = false;
	uint64_t entry;

	machine_insn_begin();
	word = gup_walk(mm, addr, &entry);
	if (word && entry_permits(entry, access) && !must_unshare(entry)) {
		*pfn = entry_pfn(entry, addr);
		get_page(*pfn);
		pinned = true;
		stale = machine_pt_load(word) != entry;
	}
	machine_insn_end();
	if (!stale)
		return pinned;
	put_page(*pfn);
	return false;
}

/* The way to a page by its address, under mmap_sem. */
struct follow {
	struct vm_area_struct *vma;
	uint64_t addr;
	unsigned int flags;		/* FAULT_FLAG_* of the next fault */
	bool pin;
	uint64_t pfn;			/* found */
	uint64_t entry;			/* that maps it */
};

/* The entry is there, under its lock: is that good enough? */
static bool follow_entry(struct follow *follow, uint64_t entry)
{
	if (!entry_permits(entry, follow->flags))
		return false;
	if (follow->pin && must_unshare(entry)) {
		follow->flags |= FAULT_FLAG_UNSHARE;
		return false;
	}
	follow->entry = entry;
	follow->pfn = entry_pfn(entry, follow->addr);
	if (follow->pin)
		get_page(follow->pfn);
	return true;
}

/* Return: whether the page is mapped with the rights that are wanted. */
static bool follow_page(struct follow *follow)
{
	struct machine_spinlock *ptl;
	struct pmd pmd;
	uint64_t pmdval;
	uint64_t *pte;
	bool found;

	if (!pmd_offset(follow->vma->vm_mm, follow->addr, &pmd))
		return false;
	pmdval = pmd_load(pmd);
	if (pmd_trans_huge(pmdval) || pmd_devmap(pmdval)) {
		pmd_lock(pmd);
		pmdval = pmd_load(pmd);
		found = (pmd_trans_huge(pmdval) || pmd_devmap(pmdval)) &&
			follow_entry(follow, pmdval);
		pmd_unlock(pmd);
		return found;
	}
	if (pmd_devmap_trans_unstable(pmd))
		return false;
	pte = pte_offset_map_lock(pmd, follow->addr, &ptl);
	found = follow_entry(follow, machine_pt_load(pte));
	pte_unmap_unlock(ptl);
	return found;
}

/* Fault until the page is there.  Return: 0, -ENOMEM or -EFAULT. */
static int faultin_page(struct follow *follow)
{
	vm_fault_t ret;

	while (!follow_page(follow)) {
		ret = handle_mm_fault(follow->vma, follow->addr,
				      follow->flags);
		if (ret & VM_FAULT_OOM)
			return -ENOMEM;
		if (ret & VM_FAULT_ERROR)
			return -EFAULT;
		follow->flags &= FAULT_FLAG_WRITE;
	}
	return 0;
}

/*
 * faultin_range - fault in every page of a part of a VMA; access is 0 or
 * FAULT_FLAG_WRITE, and the VMA allows it.
 *
 * Locks: mmap_sem.  Sleeps: yes.
 * Return: 0, -ENOMEM, or -EFAULT: a page is not to be had.
 */
int faultin_range(struct vm_area_struct *vma, uint64_t start, uint64_t end,
		  unsigned int access)
{
	struct follow follow = {
		.vma = vma,
		.addr = start,
		.flags = access,
	};
	int error = 0;

	while (!error && follow.addr < end) {
		error = faultin_page(&follow);
		if (follow.entry & _PAGE_PSE)
			follow.addr = pmd_addr_end(follow.addr, end);
		else
			follow.addr += page_size();
	}
	return error;
}

static int pin_slow(struct mm *mm, uint64_t addr, unsigned int access,
		    uint64_t *pfn)
{
	struct follow follow = {
		.addr = addr,
		.flags = access,
		.pin = true,
	};
	unsigned int needed = access & FAULT_FLAG_WRITE ? VM_WRITE : VM_READ;
	int error = -EFAULT;

	machine_down_read(&mm->mmap_sem);
	follow.vma = find_vma(mm, addr);
	if (follow.vma && follow.vma->vm_start <= addr &&
	    follow.vma->vm_flags & needed)
		error = faultin_page(&follow);
	machine_up_read(&mm->mmap_sem);
	*pfn = follow.pfn;
	return error;
}

/*
 * pin_user_page - pin the page at addr for a device that reads it, or writes it
 * if access is FAULT_FLAG_WRITE.  It is faulted in when need be.
 *
 * Locks: takes mmap_sem, unless the page is mapped already.  Sleeps: yes.
 * Return: 0 and *pfn, to be given to unpin_user_page(); -ENOMEM; or -EFAULT:
 * not mapped, not allowed, or beyond the file's end.
 */
int pin_user_page(struct mm *mm, uint64_t addr, unsigned int access,
		  uint64_t *pfn)
{
	if (addr >= task_size())
		return -EFAULT;
	if (pin_fast(mm, addr, access, pfn))
		return 0;
	return pin_slow(mm, addr, access, pfn);
}

/*
 * unpin_user_page - the device has done with the page.
 *
 * Locks: takes that of the queue of those who wait for it.  Sleeps: no.
 */
void unpin_user_page(uint64_t pfn)
{
	put_page(pfn);
}

/*
 * wait_on_page_pinned - sleep until a device's page has no pins, for a moment
 * at least; new pins are the caller's business.
 *
 * Locks: none that an unpin or a fault needs.  Sleeps: yes.
 */
void wait_on_page_pinned(uint64_t pfn)
{
	struct page *page = pfn_to_page(pfn);
	struct wait_queue_head *queue = &page->pgmap->idle;
	struct wait_queue_entry wait;

	if (!machine_load(&page->refcount))
		return;
	prepare_to_wait_exclusive(queue, &wait, page, 0);
	/* Again, now that whoever drops the last pin finds us. */
	if (!machine_load(&page->refcount)) {
		cancel_wait(queue, &wait);
		return;
	}
	machine_trace("sleep_on_page", pfn, 0);
	machine_park();
	finish_wait(&wait);
}
