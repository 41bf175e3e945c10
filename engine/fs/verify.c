/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * verify.c - one walker that checks every invariant.
 *
 * It takes no lock and may be called only when all is at rest: no operation
 * under way on the mm or the file.  Each complaint is a machine_report().
 * Checked are
 *
 *   O1	PTE tables reachable from the root are as many as nr_ptes says
 *   O2	rss counters agree with the entries
 *   O6	what is writable is tagged dirty
 *   O8	a private mapping never gives a program the file's page to write
 *   O11	no entry is locked
 *   O12	each PMD and PTE is something that can be, and has a VMA
 *   O13	what a PMD or PTE maps is what the covering entry says, and the
 *	tree of entries is well-formed
 *
 * That no page is lost (O14) only the machine can know.
 */
#include "dax/tree.h"
#include "fs/fs.h"

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
	if (pte_special(pteval)) {
		verify_file_entry(verify, pteval, 0);
		return;
	}
	verify->nr_anon++;
	check(verify, 8, !(vma->vm_flags & VM_SHARED),
	      "an anonymous page in a shared mapping");
	check(verify, 8, !pte_write(pteval) || pte_exclusive(pteval),
	      "a page that others may have is writable");
}

static void verify_huge_pmd(struct verify *verify, uint64_t pmdval)
{
	const struct vm_area_struct *vma = find_vma(verify->mm, verify->addr);
	uint64_t end = verify->addr + pmd_size();

	verify->vma = vma && vma->vm_start <= verify->addr ? vma : NULL;
	if (!verify->vma || vma->vm_end < end ||
	    !pte_present(pmdval) || !(pmdval & _PAGE_PSE) ||
	    pmd_pfn(pmdval) & pg_pmd_colour()) {
		complain(verify, 12, "bad pmd");
		return;
	}
	check(verify, 12, !pmd_write(pmdval) || vma->vm_flags & VM_WRITE,
	      "a writable pmd in a read-only mapping");
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

static bool tags_agree(const struct dax_node *node)
{
	const struct dax_node *parent = node->parent;
	unsigned int tag;

	for (tag = 0; tag < DAX_NR_TAGS; tag++)
		if ((parent->tags[tag] >> node->offset & 1) !=
		    (node->tags[tag] != 0))
			return false;
	return true;
}

/* Return: whether the node is as tree.h says, and hangs where it says. */
static bool node_ok(const struct address_space *mapping,
		    const struct dax_node *node)
{
	const struct dax_node *parent = node->parent;
	unsigned int bits = machine_geometry()->tree_bits;
	uint64_t used = 0;
	uint64_t count = 0;
	uint64_t i;

	for (i = 0; i < UINT64_C(1) << bits; i++) {
		if (machine_load(&node->slots[i])) {
			used |= UINT64_C(1) << i;
			count++;
		}
	}
	if (!count || count != node->count ||
	    (node->tags[DAX_TAG_DIRTY] | node->tags[DAX_TAG_TOWRITE]) & ~used)
		return false;
	if (!parent)
		return mapping->i_root == node;
	return parent->shift == node->shift + bits && tags_agree(node) &&
	       machine_load(&parent->slots[node->offset]) ==
		       (uint64_t)(uintptr_t)node;
}

/* Return: whether an entry is one that can be. */
static bool entry_ok(const struct inode *inode, const struct dax_slot *slot)
{
	uint64_t entry = dax_slot_load(slot);
	uint64_t nr_pages = UINT64_C(1) << slot->order;
	struct iomap iomap;

	if (slot->order != (dax_is_pmd_entry(entry) ? pmd_order() : 0))
		return false;
	if (dax_is_zero_entry(entry) || dax_is_empty_entry(entry))
		return !dax_is_zero_entry(entry) || !dax_is_empty_entry(entry);
	fs_find_iomap(inode, slot->index, &iomap);
	return iomap.type == IOMAP_MAPPED && iomap.nr_pages >= nr_pages &&
	       inode->i_sb->s_dax.first_pfn + iomap.block == dax_to_pfn(entry);
}

/*
 * verify_inode - check a file's tree of entries against its extents.
 *
 * Locks: none, all is at rest.  Sleeps: no.
 * Return: how many complaints were reported.
 */
unsigned int verify_inode(const struct inode *inode)
{
	const struct address_space *mapping = &inode->i_data;
	unsigned int nr_complaints = 0;
	uint64_t index = 0;
	struct dax_slot slot;

	while (dax_tree_find(mapping, index, UINT64_MAX, DAX_ANY, &slot)) {
		const struct dax_node *node = slot.node;
		const char *what = NULL;
		unsigned int oracle = 13;

		if (!entry_ok(inode, &slot))
			what = "bad entry";
		while (node && node_ok(mapping, node))
			node = node->parent;
		if (node)
			what = "bad node of the tree";
		if (dax_is_locked(dax_slot_load(&slot))) {
			what = "entry still locked";
			oracle = 11;
		}
		if (what) {
			nr_complaints++;
			machine_report(oracle, "page %llu of %s: %s",
				       (unsigned long long)slot.index,
				       mapping->name, what);
		}
		index = slot.index + (UINT64_C(1) << slot.order);
	}
	return nr_complaints;
}
