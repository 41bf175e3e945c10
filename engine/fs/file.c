/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * file.c - what a program does with a file: map it, and fault on it.
 */
#include "fs/extent.h"

/* Blocks may be allocated: inside the transaction, before any entry's lock. */
static vm_fault_t fs_dax_write_fault(struct vm_fault *vmf, struct inode *inode,
				     enum page_entry_size pe_size,
				     uint64_t *pfn)
{
	vm_fault_t ret;

	fs_transaction_begin(inode->i_sb);
	ret = dax_iomap_fault(vmf, pe_size, pfn);
	fs_transaction_end(inode->i_sb);
	return ret;
}

/*
 * MAP_SYNC: what the file needs for the page gets on the medium, then it is
 * mapped.  i_mmap_sem is held all the time, so the page stays the file's.
 */
static vm_fault_t fs_dax_sync_fault(struct vm_fault *vmf, struct inode *inode,
				    enum page_entry_size pe_size, uint64_t pfn)
{
	uint64_t pgoff = vmf->pgoff;
	uint64_t bytes = page_size();

	if (pe_size == PE_SIZE_PMD) {
		pgoff &= ~pg_pmd_colour();
		bytes = pmd_size();
	}
	if (fs_fsync(inode, pgoff << page_shift(), bytes))
		return VM_FAULT_SIGBUS;
	return dax_finish_sync_fault(vmf, pe_size, pfn);
}

/* As Linux 6.1 fs/ext4/file.c ext4_dax_huge_fault(). */
static vm_fault_t fs_dax_huge_fault(struct vm_fault *vmf,
				    enum page_entry_size pe_size)
{
	struct inode *inode = container_of(vmf->vma->vm_mapping, struct inode,
					   i_data);
	bool write = vmf->flags & FAULT_FLAG_WRITE &&
		     vmf->vma->vm_flags & VM_SHARED;
	vm_fault_t ret;
	uint64_t pfn;

	machine_down_read(&inode->i_mmap_sem);
	if (!write) {
		ret = dax_iomap_fault(vmf, pe_size, &pfn);
	} else {
		ret = fs_dax_write_fault(vmf, inode, pe_size, &pfn);
		if (ret & VM_FAULT_ERROR && fs_commit_frees(inode->i_sb) &&
		    !fs_commit(inode->i_sb))
			ret = fs_dax_write_fault(vmf, inode, pe_size, &pfn);
	}
	if (ret & VM_FAULT_NEEDDSYNC)
		ret = fs_dax_sync_fault(vmf, inode, pe_size, pfn);
	machine_up_read(&inode->i_mmap_sem);
	return ret;
}

static vm_fault_t fs_dax_fault(struct vm_fault *vmf)
{
	return fs_dax_huge_fault(vmf, PE_SIZE_PTE);
}

/*
 * A write to a read-only PTE is one more fault for a page: the dirty tag and
 * the right to write come together, both under the entry's lock.
 */
static vm_fault_t fs_dax_pfn_mkwrite(struct vm_fault *vmf)
{
	return fs_dax_huge_fault(vmf, PE_SIZE_PTE);
}

const struct vm_operations_struct fs_dax_vm_ops = {
	.fault = fs_dax_fault,
	.huge_fault = fs_dax_huge_fault,
	.pfn_mkwrite = fs_dax_pfn_mkwrite,
};

/*
 * fs_mmap - map pages of a file, from page pgoff on, at addr.  The file must
 * outlive the mapping.
 *
 * Locks: takes mmap_sem.  Sleeps: yes.
 * Return: as do_mmap().
 */
int fs_mmap(struct mm *mm, struct inode *inode, uint64_t addr, uint64_t bytes,
	    unsigned int prot, unsigned int flags, uint64_t pgoff)
{
	return do_mmap(mm, addr, bytes, prot, flags, &inode->i_data, pgoff);
}
