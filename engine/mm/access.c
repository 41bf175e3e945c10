/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * access.c - the MMU, and the entry into the page-fault handler.
 *
 * One access is: an instruction (TLB, else walk of the tables, and the data),
 * and if that finds no translation that allows it a fault, and again.  The walk
 * believes what stands in memory: a page that a PMD names is read as a table,
 * whatever it is.  Inside the instruction the CPU answers no shoot-down, as a
 * real one does not between two instructions.
 */
#include "base/trace.h"
#include "mm/mm.h"

/* Flags of a TLB entry; never 0. */
#define TLB_VALID UINT64_C(1)
#define TLB_WRITABLE UINT64_C(2)
#define TLB_DIRTY UINT64_C(4)

enum access_kind {
	ACCESS_LOAD,
	ACCESS_STORE,
};

struct access {
	struct mm *mm;
	uint64_t addr;
	size_t size;
	enum access_kind kind;
	uint64_t val;
};

/* A TLB entry serves a store only if the page is known to be dirty. */
static bool tlb_allows(const struct machine_translation *entry,
		       enum access_kind kind)
{
	uint64_t wanted = TLB_WRITABLE | TLB_DIRTY;

	return kind == ACCESS_LOAD || (entry->flags & wanted) == wanted;
}

/*
 * Read an entry that maps a page and mark it accessed, for a store also dirty.
 * Return: the entry as it is now, or 0: not present or not writable.
 */
static uint64_t mmu_use_entry(uint64_t *word, uint64_t val,
			      enum access_kind kind)
{
	uint64_t marks = _PAGE_ACCESSED;
	uint64_t needed = _PAGE_PRESENT;

	if (kind == ACCESS_STORE) {
		marks |= _PAGE_DIRTY;
		needed |= _PAGE_RW;
	}
	while ((val & needed) == needed) {
		if ((val & marks) == marks ||
		    machine_pt_cmpxchg(word, &val, val | marks))
			return val | marks;
	}
	return 0;
}

/* Fill the entry for a page or huge page of that size around addr. */
static bool mmu_translation(struct machine_translation *to, uint64_t addr,
			    uint64_t bytes, uint64_t entry)
{
	if (!entry)
		return false;
	to->address = addr & ~(bytes - 1);
	to->bytes = bytes;
	to->pfn = pte_pfn(entry);
	to->flags = TLB_VALID;
	if (entry & _PAGE_RW)
		to->flags |= TLB_WRITABLE;
	if (entry & _PAGE_DIRTY)
		to->flags |= TLB_DIRTY;
	return true;
}

/*
 * Walk the tables.
 * Return: whether they allow the access; *to is set then.
 */
static bool mmu_walk(const struct access *access,
		     struct machine_translation *to)
{
	unsigned int level = machine_geometry()->upper_levels;
	uint64_t table = access->mm->root;
	uint64_t *word;
	uint64_t val;

	for (;; level--) {
		word = table_entry(table, level, access->addr);
		val = machine_pt_load(word);
		if (!(val & _PAGE_PRESENT))
			return false;
		if (level == 0)
			break;
		table = pmd_pfn(val);
	}
	if (val & _PAGE_PSE) {
		val = mmu_use_entry(word, val, access->kind);
		/* Cleared, or even a table, between load and mark: fault. */
		if (!(val & _PAGE_PSE))
			return false;
		return mmu_translation(to, access->addr, pmd_size(), val);
	}
	word = pte_offset_map(val, access->addr);
	val = mmu_use_entry(word, machine_pt_load(word), access->kind);
	return mmu_translation(to, access->addr, page_size(), val);
}

/*
 * One instruction.
 * Return: whether the access was done; else it faults.
 */
static bool mmu_access(struct access *access)
{
	struct machine_translation entry;
	uint64_t offset;
	uint64_t pfn;
	bool usable;

	machine_insn_begin();
	usable = machine_tlb_lookup(access->mm, access->addr, &entry) &&
		 tlb_allows(&entry, access->kind);
	if (!usable) {
		/* Also for want of rights: tables may grant more by now. */
		usable = mmu_walk(access, &entry);
		if (usable)
			machine_tlb_fill(access->mm, &entry);
	}
	if (usable) {
		offset = access->addr - entry.address;
		pfn = entry.pfn + (offset >> page_shift());
		offset &= page_size() - 1;
		if (access->kind == ACCESS_LOAD)
			access->val = machine_data_load(pfn, (size_t)offset,
							access->size);
		else
			machine_data_store(pfn, (size_t)offset, access->size,
					   access->val);
	}
	machine_insn_end();
	return usable;
}

/* Return: whether the VMA forbids the access; x86 has no write-only page. */
static bool access_error(const struct vm_area_struct *vma,
			 enum access_kind kind)
{
	if (kind == ACCESS_STORE)
		return !(vma->vm_flags & VM_WRITE);
	return !(vma->vm_flags & (VM_READ | VM_WRITE));
}

static int fault_error(vm_fault_t fault)
{
	if (fault & VM_FAULT_OOM)
		return -ENOMEM;
	if (fault & VM_FAULT_SIGBUS)
		return -EBUS;
	if (fault & VM_FAULT_SIGSEGV)
		return -EFAULT;
	return 0;
}

/*
 * The access found no translation: let the kernel see to it.
 * Return: 0: repeat the access; else the error it ends with.
 */
static int do_page_fault(const struct access *access)
{
	struct mm *mm = access->mm;
	struct vm_area_struct *vma;
	unsigned int flags = 0;
	vm_fault_t fault = VM_FAULT_SIGSEGV;

	machine_trace("page_fault", access->addr,
		      access->kind == ACCESS_STORE);
	if (access->kind == ACCESS_STORE)
		flags |= FAULT_FLAG_WRITE;
	machine_down_read(&mm->mmap_sem);
	vma = find_vma(mm, access->addr);
	if (vma && vma->vm_start <= access->addr &&
	    !access_error(vma, access->kind))
		fault = handle_mm_fault(vma, access->addr, flags);
	machine_up_read(&mm->mmap_sem);
	return fault_error(fault);
}

static int do_access(struct access *access)
{
	int error = 0;

	if (access->size == 0 || access->size > sizeof(uint64_t) ||
	    access->size & (access->size - 1) ||
	    access->addr & (access->size - 1))
		return -EINVAL;
	/* A program that names no address at all gets what the CPU gives. */
	if (access->addr >= task_size())
		return -EFAULT;
	while (!error && !mmu_access(access))
		error = do_page_fault(access);
	return error;
}

/*
 * mm_load - the calling CPU loads 1, 2, 4 or 8 aligned bytes.
 *
 * Locks: takes mmap_sem in a fault.  Sleeps: yes.
 * Return: 0 and *val; -EFAULT for SIGSEGV, -EBUS for SIGBUS, -ENOMEM; -EINVAL:
 * wrong size or not aligned.
 */
int mm_load(struct mm *mm, uint64_t addr, size_t size, uint64_t *val)
{
	struct access access = {
		.mm = mm,
		.addr = addr,
		.size = size,
		.kind = ACCESS_LOAD,
	};
	int error = do_access(&access);

	if (!error)
		*val = access.val;
	return error;
}

/*
 * mm_store - the calling CPU stores 1, 2, 4 or 8 aligned bytes.
 *
 * Locks: takes mmap_sem in a fault.  Sleeps: yes.
 * Return: 0; errors as mm_load().
 */
int mm_store(struct mm *mm, uint64_t addr, size_t size, uint64_t val)
{
	struct access access = {
		.mm = mm,
		.addr = addr,
		.size = size,
		.kind = ACCESS_STORE,
		.val = val,
	};

	return do_access(&access);
}
