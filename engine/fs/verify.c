/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * verify.c - one walker that checks every invariant of an address space; files
 * have theirs, verify_inode.c.
 *
 * It takes no lock and may be called only when all is at rest: no operation
 * under way on the mm or its files.  Each complaint is a machine_report().
 * Checked are
 *
 *   O1	PTE tables reachable from the root are as many as nr_ptes says
 *   O2	rss counters agree with the entries
 *   O3	a zero page is mapped only where the file has zeroes
 *   O4	nothing is mapped behind the end of a file
 *   O6	what is writable is tagged dirty
 *   O8	a private mapping never gives a program the file's page to write
 *   O12	each PMD and PTE is something that can be, and has a VMA
 *   O13	what a PMD or PTE maps is what the covering entry says
 *
 * That no page is lost (O14) only the machine can know.
 */
#include "dax/tree.h"
#include "fs/extent.h"

/* What one walk has found. */
struct verify {
	const struct mm *mm;
	const struct vm_area_struct *vma;	/* of the entry looked at */
	uint64_t addr;				/* what it translates */
	uint64_t nr_anon;
	uint64_t nr_ptes;
	unsigned int nr_complaints;
};

static void complain(struct verify *verify, unsigned int oracle,
		     const char *what)
{
	const struct vm_area_struct *vma = verify->vma;

	verify->nr_complaints++;
	if (!vma) {
		machine_report(oracle, "mm:%s: %s", verify->mm->name, what);
		return;
	}
	machine_report(oracle, "mm:%s page %llu of %s: %s", verify->mm->name,
		       (unsigned long long)linear_page_index(vma, verify->addr),
		       vma->vm_mapping->name, what);
}

static void check(struct verify *verify, unsigned int oracle, bool holds,
		  const char *what)
{
	if (!holds)
		complain(verify, oracle, what);
}

/* Return: whether a program that reads this page of the file has to get 0. */
static bool page_is_zero(const struct inode *inode, uint64_t pgoff)
{
	struct iomap iomap;
	uint64_t pfn;
	size_t i;

	fs_find_iomap(inode, pgoff, &iomap);
	if (iomap.type != IOMAP_MAPPED)
		return true;
	/* An extent's rest, zeroed along with another page: iomap.c. */
	pfn = inode->i_sb->s_dax.first_pfn + iomap.block;
	for (i = 0; i < page_size(); i += 8)
		if (machine_data_load(pfn, i, 8))
			return false;
	return true;
}

static void verify_zero_pages(struct verify *verify, uint64_t pgoff,
			      unsigned int order)
{
	const struct inode *inode = container_of(verify->vma->vm_mapping,
						 struct inode, i_data);
	uint64_t i;

	for (i = 0; i < UINT64_C(1) << order; i++) {
		if (page_is_zero(inode, pgoff + i))
			continue;
		complain(verify, 3, "a zero page, the file has data");
		return;
	}
}

static void verify_size(struct verify *verify, uint64_t nr_pages)
{
	const struct vm_area_struct *vma = verify->vma;

	check(verify, 4,
	      linear_page_index(vma, verify->addr) + nr_pages <=
		      pages_up(i_size_read(vma->vm_mapping)),
	      "mapped behind the end of the file");
}

/* A devmap entry or a zero page, of 1 << order pages. */
static void verify_file_entry(struct verify *verify, uint64_t val,
			      unsigned int order)
{
	const struct vm_area_struct *vma = verify->vma;
	uint64_t pgoff = linear_page_index(vma, verify->addr);
	struct dax_slot slot;
	uint64_t entry;

	if (!dax_tree_find(vma->vm_mapping, pgoff, pgoff, DAX_ANY, &slot)) {
		complain(verify, 13, "mapped without an entry");
		return;
	}
	entry = dax_slot_load(&slot);
	check(verify, 13, slot.order >= order, "the entry is smaller");
	if (!pte_devmap(val)) {
		check(verify, 13, dax_is_zero_entry(entry),
		      "a zero page, the entry says otherwise");
		check(verify, 8, !pte_write(val), "a writable zero page");
		verify_zero_pages(verify, pgoff, order);
		return;
	}
	check(verify, 13,
	      !dax_is_zero_entry(entry) && !dax_is_empty_entry(entry) &&
	      pte_pfn(val) == dax_to_pfn(entry) + (pgoff - slot.index),
	      "maps another page than the entry says");
	if (!pte_write(val))
		return;
	check(verify, 8, vma->vm_flags & VM_SHARED,
	      "a private mapping can write to the file");
	check(verify, 6, dax_tag_get(&slot, DAX_TAG_DIRTY),
	      "writable, but the entry is clean");
}

static void verify_pte(struct verify *verify, uint64_t pteval)
{
	const struct vm_area_struct *vma;

	if (pte_none(pteval))
		return;
	vma = find_vma(verify->mm, verify->addr);
	verify->vma = vma && vma->vm_start <= verify->addr ? vma : NULL;
	if (!verify->vma || !pte_present(pteval) ||
	    (pte_devmap(pteval) && !pte_special(pteval))) {
		complain(verify, 12, "bad pte");
		return;
	}
	check(verify, 12, !pte_write(pteval) || vma->vm_flags & VM_WRITE,
	      "a writable pte in a read-only mapping");
	verify_size(verify, 1);
	if (pte_special(pteval)) {
		verify_file_entry(verify, pteval, 0);
		return;
	}
	verify->nr_anon++;
	check(verify, 8, !(vma->vm_flags & VM_SHARED),
	      "an anonymous page in a shared mapping");
}

static void verify_huge_pmd(struct verify *verify, uint64_t pmdval)
{
	const struct vm_area_struct *vma = find_vma(verify->mm, verify->addr);
	uint64_t end = verify->addr + pmd_size();

	verify->vma = vma && vma->vm_start <= verify->addr ? vma : NULL;
	if (!verify->vma || vma->vm_end < end ||
	    (pmdval & (_PAGE_PRESENT | _PAGE_PSE)) !=
		    (_PAGE_PRESENT | _PAGE_PSE) ||
	    pmd_pfn(pmdval) & pg_pmd_colour()) {
		complain(verify, 12, "bad pmd");
		return;
	}
	check(verify, 12, !pmd_write(pmdval) || vma->vm_flags & VM_WRITE,
	      "a writable pmd in a read-only mapping");
	verify_size(verify, UINT64_C(1) << pmd_order());
	verify_file_entry(verify, pmdval, pmd_order());
}

static void verify_pmd(struct verify *verify, uint64_t pmdval)
{
	uint64_t base = verify->addr;
	uint64_t *pte;
	uint64_t i;

	if (pmd_devmap(pmdval) || pmd_trans_huge(pmdval)) {
		verify_huge_pmd(verify, pmdval);
		return;
	}
	if (pmd_bad(pmdval)) {
		verify->vma = NULL;
		complain(verify, 12, "bad pmd");
		return;
	}
	verify->nr_ptes++;
	pte = pte_offset_map(pmdval, base);
	for (i = 0; i < entries_per_table(); i++) {
		verify->addr = base + (i << page_shift());
		verify_pte(verify, machine_pt_load(&pte[i]));
	}
}

static void verify_vmas(struct verify *verify)
{
	const struct vm_area_struct *vma;
	uint64_t reached = 0;

	for (vma = find_vma(verify->mm, 0); vma; vma = vma_next(vma)) {
		verify->vma = vma;
		verify->addr = vma->vm_start;
		check(verify, 12, vma->vm_start >= reached &&
		      vma->vm_end > vma->vm_start &&
		      vma->vm_end <= task_size(), "mappings overlap");
		reached = vma->vm_end;
	}
}

/*
 * verify_mm - check an address space and what it maps.
 *
 * Locks: none, all is at rest.  Sleeps: no.
 * Return: how many complaints were reported.
 */
unsigned int verify_mm(const struct mm *mm)
{
	struct verify verify = { .mm = mm };
	struct pmd pmd;
	uint64_t addr = 0;

	verify_vmas(&verify);
	while ((addr = pmd_next(mm, addr, task_size(), &pmd)) < task_size()) {
		uint64_t pmdval = pmd_load(pmd);

		verify.addr = addr;
		if (!pmd_none(pmdval))
			verify_pmd(&verify, pmdval);
		addr += pmd_size();
	}
	verify.vma = NULL;
	check(&verify, 1, machine_load(&mm->nr_ptes) == verify.nr_ptes,
	      "nr_ptes is not the number of tables");
	check(&verify, 2,
	      machine_load(&mm->rss_stat[MM_ANONPAGES]) == verify.nr_anon,
	      "the rss counter is not the number of anonymous pages");
	check(&verify, 2, machine_load(&mm->rss_stat[MM_FILEPAGES]) == 0,
	      "device pages are counted");
	return verify.nr_complaints;
}
