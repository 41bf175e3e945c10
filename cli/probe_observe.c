// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_observe.c - what page tables, mappings and files look like after a
 * step, as pagemap, smaps and status of Linux would tell it.
 */
#include "probe_world.h"

#include <stdlib.h>
#include <string.h>

/* kB of a number of pages. */
static uint64_t kilobytes(uint64_t nr_pages)
{
	return nr_pages * page_size() / 1024;
}

/* ------ files ------ */

static void observe_file(struct probe_file *file)
{
	struct iomap iomap;
	bool *still;
	uint64_t pgoff;

	if (!file->nr_blocks)
		return;
	still = calloc(file->nr_blocks, sizeof(*still));
	if (!still)
		abort();
	for (pgoff = 0; pgoff < FS_MAX_BYTES >> page_shift();
	     pgoff += iomap.nr_pages) {
		fs_find_iomap(file->inode, pgoff, &iomap);
		if (iomap.type == IOMAP_HOLE)
			continue;
		for (uint64_t i = 0; i < iomap.nr_pages; i++) {
			uint64_t block = iomap.block + i - file->block;

			if (block < file->nr_blocks)
				still[block] = file->original[block];
		}
	}
	free(file->original);
	file->original = still;
}

/* See probe_world.h. */
void probe_observe_files(struct probe_world *world)
{
	for (struct probe_file *file = world->file; file; file = file->next)
		observe_file(file);
}

/* ------ page tables ------ */

static void observe_device_page(const struct probe_world *world,
				const struct probe_file *file,
				struct probe_cell *cell, uint64_t pfn)
{
	uint64_t block = pfn - world->sb->s_dax.first_pfn - file->block;

	cell->kind = 'D';
	cell->at = (int64_t)block;
	cell->original = block < file->nr_blocks && file->original[block];
}

/* Return: the entry that maps the page, or 0. */
static uint64_t find_entry(const struct mm *mm, uint64_t addr, bool *huge)
{
	const uint64_t *word = mm_find_pmd(mm, addr);
	uint64_t entry = word ? machine_pt_load(word) : 0;

	*huge = entry & _PAGE_PSE;
	if (!entry || *huge)
		return entry;
	word = mm_find_pte(mm, addr);
	return word ? machine_pt_load(word) : 0;
}

static void observe_cell(const struct probe_world *world,
			 const struct probe_file *file, uint64_t entry,
			 uint64_t addr, struct probe_cell *cell)
{
	cell->writable = entry & _PAGE_RW;
	cell->dirty = entry & _PAGE_DIRTY;
	if (!entry)
		cell->kind = '.';
	else if (cell->huge && is_huge_zero_pmd(entry))
		cell->kind = 'Z';
	else if (cell->huge)
		observe_device_page(world, file, cell,
				    pmd_pfn(entry) + ((addr >> page_shift()) &
						      pg_pmd_colour()));
	else if (pte_devmap(entry))
		observe_device_page(world, file, cell, pte_pfn(entry));
	else if (pte_special(entry))
		cell->kind = 'z';
	else
		cell->kind = 'A';
}

/* A page or a huge page of a device counts as 4 kB in smaps. */
static void add_to_sums(struct probe_map_view *view, uint64_t entry,
			bool is_private)
{
	uint64_t kb = kilobytes(1);
	bool dirty = entry & _PAGE_DIRTY;

	view->rss += kb;
	if (entry & _PAGE_ACCESSED)
		view->referenced += kb;
	if (is_private && dirty)
		view->private_dirty += kb;
	else if (is_private)
		view->private_clean += kb;
	else if (dirty)
		view->shared_dirty += kb;
	else
		view->shared_clean += kb;
}

/*
 * In smaps a device's PMD is one page, its PTE nothing, zero pages nothing; a
 * copy is shared while more than one process has it.
 */
static void add_page(struct probe_map_view *view, uint64_t i, uint64_t entry,
		     uint64_t addr, bool *huge_counted)
{
	const struct probe_cell *cell = &view->cells[i];

	if (!(addr & (pmd_size() - 1)))
		*huge_counted = false;
	if (cell->kind == 'D' && cell->huge && !*huge_counted) {
		*huge_counted = true;
		add_to_sums(view, entry, true);
	}
	if (cell->kind == 'A') {
		const struct page *page = pfn_to_page(pte_pfn(entry));

		/* Nobody pins pages here: who else has one maps it. */
		view->anon += kilobytes(1);
		add_to_sums(view, entry, !machine_load(&page->refcount));
	}
}

static uint64_t count_vmas(const struct mm *mm, uint64_t start, uint64_t end)
{
	const struct vm_area_struct *vma = find_vma(mm, start);
	uint64_t nr = 0;

	for (; vma && vma->vm_start < end; vma = vma_next(vma))
		nr++;
	return nr;
}

static void observe_map(const struct probe_world *world, const struct mm *mm,
			const struct probe_map *map, struct probe_view *view)
{
	uint64_t nr_cells = map->bytes >> page_shift();
	struct probe_map_view *seen = probe_view_map(view, map->name, nr_cells);
	bool huge_counted = false;

	for (uint64_t i = 0; i < nr_cells; i++) {
		uint64_t addr = map->addr + (i << page_shift());
		struct probe_cell *cell = &seen->cells[i];
		uint64_t entry = find_entry(mm, addr, &cell->huge);

		observe_cell(world, map->file, entry, addr, cell);
		add_page(seen, i, entry, addr, &huge_counted);
	}
	for (const struct probe_file *file = map->file->next; file;
	     file = file->next)
		seen->file++;
	seen->nr_original = map->file->nr_blocks;
	seen->nr_vmas = count_vmas(mm, map->addr, map->addr + map->bytes);
	probe_map_view_entries(seen);
}

/* See probe_world.h. */
void probe_observe(struct probe_world *world,
		   const struct probe_process *process, struct probe_view *view)
{
	const struct mm *mm = process->mm;
	uint64_t nr_ptes = machine_load(&mm->nr_ptes);
	uint64_t nr_anon = machine_load(&mm->rss_stat[MM_ANONPAGES]);
	int64_t kb = (int64_t)kilobytes(1);

	snprintf(view->result, sizeof(view->result), "%s", world->result);
	view->pte = (int64_t)(nr_ptes - process->nr_ptes_before) * kb;
	view->anon = (int64_t)(nr_anon - process->nr_anon_before) * kb;
	view->file = (int64_t)machine_load(&mm->rss_stat[MM_FILEPAGES]) * kb;
	view->minor = (int64_t)world->minor;
	view->major = (int64_t)world->major;
	for (size_t i = 0; i < process->nr_maps; i++)
		observe_map(world, mm, &process->maps[i], view);
	if (!world->file)
		return;
	view->size = world->file->inode->i_data.i_size / 1024;
	view->blocks = kilobytes(world->file->inode->i_blocks);
}
