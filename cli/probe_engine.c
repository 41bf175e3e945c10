// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_engine.c - run the steps of a script on the engine.
 *
 * One task does it all, for a child too: the engine has no processes, only
 * address spaces.  The device is made up anew for each script, and a file's
 * blocks begin where the recording says they did, modulo a huge page: that is
 * chance, and everything else follows from it.
 */
#include "probe_world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "native.h"

#define RAM_PAGES (1u << 20)

static struct probe_world world;
static struct probe_engine_options options;
static unsigned int nr_reports;
static bool in_step;

static void report(const char *text)
{
	nr_reports++;
	if (options.on_report)
		options.on_report(options.arg, text);
}

static void on_report(void *arg, unsigned int oracle, const char *text)
{
	char line[300];

	(void)arg;
	snprintf(line, sizeof(line), "O%u: %s", oracle, text);
	report(line);
}

static unsigned int on_choose(void *arg, unsigned int nr, const char *what)
{
	(void)arg;
	if (!in_step || !options.choose)
		return 0;
	return options.choose(options.arg, nr, what);
}

static void *need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static void result_of(int error)
{
	if (error)
		snprintf(world.result, sizeof(world.result), "%s",
			 strerrorname_np(-error) ? strerrorname_np(-error) :
						   "error");
	else
		strcpy(world.result, "0");
}

static void result_byte(uint64_t byte)
{
	snprintf(world.result, sizeof(world.result), "0x%02x",
		 (unsigned int)(byte & 0xff));
}

/* ------ files ------ */

/* Give a file blocks that lie side by side, the first at that place. */
static int place_file(struct probe_file *file, const struct probe_step *step)
{
	uint64_t huge = UINT64_C(1) << pmd_order();
	uint64_t nr_blocks = world.sb->s_dax.nr_pages;
	uint64_t nr = (step->bytes + page_size() - 1) >> page_shift();
	uint64_t colour = step->placed ? step->pfn0 & (huge - 1) : 0;
	enum iomap_type type = step->word == PROBE_WRITTEN ? IOMAP_MAPPED :
							     IOMAP_UNWRITTEN;
	int error = -ENOSPC;

	for (uint64_t block = colour; error && block + nr <= nr_blocks;
	     block += huge) {
		error = inode_add_extent(file->inode, 0, nr, type, block);
		file->block = block;
	}
	if (error)
		return error;
	file->nr_blocks = nr;
	file->original = need(calloc(nr, sizeof(*file->original)));
	for (uint64_t i = 0; i < nr; i++)
		file->original[i] = true;
	return 0;
}

/* Behind the file's end, in its last page, are zeroes. */
static void write_pages(const struct probe_file *file, uint64_t bytes)
{
	uint64_t first_pfn = world.sb->s_dax.first_pfn + file->block;
	uint64_t word = 0x0101010101010101 * PROBE_WRITTEN_BYTE;

	for (uint64_t at = 0; at < file->nr_blocks << page_shift();
	     at += sizeof(word)) {
		if (at + sizeof(word) > bytes)
			word = bytes <= at ? 0 :
			       word >> 8 * (sizeof(word) - (bytes - at));
		machine_data_store(first_pfn + (at >> page_shift()),
				   (size_t)(at & (page_size() - 1)),
				   sizeof(word), word);
	}
}

static int make_file(const struct probe_step *step)
{
	struct probe_file *file = need(calloc(1, sizeof(*file)));
	uint64_t nr_pages = (step->bytes + page_size() - 1) >> page_shift();

	strcpy(file->name, step->name);
	file->inode = inode_create(world.sb, file->name, nr_pages);
	if (!file->inode) {
		free(file);
		return -ENOMEM;
	}
	file->next = world.file;
	world.file = file;
	if (step->bytes % page_size())
		fs_truncate(file->inode, step->bytes);
	if (step->word == PROBE_HOLE || !nr_pages)
		return 0;
	if (place_file(file, step))
		return -ENOSPC;
	if (step->word == PROBE_WRITTEN)
		write_pages(file, step->bytes);
	return 0;
}

static void forget_files(void)
{
	struct probe_file *file;

	while ((file = world.file)) {
		world.file = file->next;
		inode_destroy(file->inode);
		free(file->original);
		free(file);
	}
}

/* ------ maps ------ */

static struct probe_map *find_map(const struct probe_process *process,
				  const char *name)
{
	for (size_t i = 0; i < process->nr_maps; i++)
		if (!strcmp(process->maps[i].name, name))
			return &process->maps[i];
	return NULL;
}

static void remove_map(struct probe_process *process, struct probe_map *map)
{
	size_t at = (size_t)(map - process->maps);

	process->nr_maps--;
	memmove(map, map + 1, (process->nr_maps - at) * sizeof(*map));
}

/*
 * Return: an address where nothing ever was, in tables that nobody shares,
 * congruent to the file's offset modulo a huge page but for skew.
 */
static uint64_t fresh_addr(struct probe_process *process, uint64_t offset,
			   uint64_t bytes, uint64_t skew)
{
	uint64_t span = pmd_size() << pmd_order();
	uint64_t addr = process->next_addr + (offset & (pmd_size() - 1)) + skew;

	process->next_addr = (addr + bytes + 2 * span - 1) & ~(span - 1);
	return addr;
}

static unsigned int protection(const struct probe_step *step)
{
	unsigned int prot = 0;

	if (step->readable)
		prot |= PROT_READ;
	if (step->writable)
		prot |= PROT_WRITE;
	return prot;
}

static int map_file(struct probe_process *process,
		    const struct probe_step *step)
{
	unsigned int flags = step->word == PROBE_PRIVATE ? MAP_PRIVATE :
							   MAP_SHARED;
	uint64_t bytes = (step->bytes + page_size() - 1) & ~(page_size() - 1);
	struct probe_map *map;
	uint64_t addr = fresh_addr(process, step->offset, bytes, step->skew);
	int error;

	if (step->word == PROBE_SYNC)
		flags |= MAP_SYNC;
	if (step->populate)
		flags |= MAP_POPULATE;
	error = fs_mmap(process->mm, world.file->inode, addr, bytes,
			protection(step), flags, step->offset >> page_shift());
	/* When it fails there is a name for addresses where nothing is. */
	process->maps = need(realloc(process->maps, (process->nr_maps + 1) *
						    sizeof(*map)));
	map = &process->maps[process->nr_maps++];
	strcpy(map->name, step->name);
	map->file = world.file;
	map->addr = addr;
	map->bytes = bytes;
	map->offset = step->offset;
	return error;
}

static int unmap(struct probe_process *process, struct probe_map *map,
		 const struct probe_step *step)
{
	int error = do_munmap(process->mm, map->addr + step->offset,
			      step->bytes);

	if (!error && !step->offset && step->bytes >= map->bytes)
		remove_map(process, map);
	return error;
}

static void unmap_all(struct probe_process *process)
{
	while (process->nr_maps) {
		struct probe_map *map = &process->maps[process->nr_maps - 1];

		do_munmap(process->mm, map->addr, map->bytes);
		process->nr_maps--;
	}
}

static int remap(struct probe_process *process, struct probe_map *map,
		 const struct probe_step *step)
{
	uint64_t addr = map->addr;
	int error;

	if (step->move)
		addr = fresh_addr(process, map->offset, step->bytes,
				  step->skew);
	error = do_mremap(process->mm, map->addr, map->bytes, step->bytes,
			  addr);
	if (error)
		return error;
	map->addr = addr;
	map->bytes = step->bytes;
	return 0;
}

static int advise(const struct probe_process *process, uint64_t addr,
		  const struct probe_step *step)
{
	if (step->word == PROBE_DONTNEED)
		return madvise_dontneed(process->mm, addr, step->bytes);
	return madvise_populate(process->mm, addr, step->bytes,
				step->word == PROBE_POPULATE_WRITE ?
				FAULT_FLAG_WRITE : 0);
}

/* As msync(2) with MS_SYNC: shared mappings only, each with its file. */
static int sync_range(const struct probe_process *process, uint64_t start,
		      uint64_t bytes)
{
	const struct vm_area_struct *vma = find_vma(process->mm, start);
	uint64_t end = start + bytes;
	int error = 0;

	for (; vma && vma->vm_start < end; vma = vma_next(vma)) {
		uint64_t from = max_u64(start, vma->vm_start);
		uint64_t pos = (linear_page_index(vma, from) << page_shift());
		struct inode *inode = container_of(vma->vm_mapping,
						   struct inode, i_data);

		if (vma->vm_flags & VM_SHARED)
			error = fs_fsync(inode, pos,
					 min_u64(end, vma->vm_end) - from);
		if (error)
			return error;
	}
	return 0;
}

/* ------ memory and files, read and written ------ */

static void result_access(int error, uint64_t byte, bool load)
{
	if (error == -EFAULT)
		strcpy(world.result, "SIGSEGV");
	else if (error == -EBUS)
		strcpy(world.result, "SIGBUS");
	else if (error || !load)
		result_of(error);
	else
		result_byte(byte);
}

static void access_memory(const struct probe_process *process, uint64_t addr,
			  const struct probe_step *step)
{
	bool load = step->op == PROBE_LOAD;
	uint64_t byte = 0;
	int error;

	if (load)
		error = mm_load(process->mm, addr, 1, &byte);
	else
		error = mm_store(process->mm, addr, 1, step->byte);
	result_access(error, byte, load);
}

static void read_file(const struct probe_step *step)
{
	unsigned char byte = 0;
	struct fs_buffer to = { .data = &byte };
	int64_t done = fs_read(world.file->inode, step->offset, 1, &to);

	if (done < 0)
		result_of((int)done);
	else
		result_byte(byte);
}

static void write_file(const struct probe_step *step)
{
	unsigned char byte = step->byte;
	struct fs_buffer from = { .data = &byte };
	int64_t done = fs_write(world.file->inode, step->offset, 1, &from);

	if (done < 0)
		result_of((int)done);
	else
		snprintf(world.result, sizeof(world.result), "%d", (int)done);
}

/* ------ steps ------ */

static void begin_section(struct probe_process *process)
{
	process->nr_ptes_before = machine_load(&process->mm->nr_ptes);
	process->nr_anon_before =
		machine_load(&process->mm->rss_stat[MM_ANONPAGES]);
}

static int fork_child(void)
{
	struct probe_process *parent = &world.parent;
	struct probe_process *child = &world.child;
	size_t bytes = parent->nr_maps * sizeof(*parent->maps);
	int error = dup_mm(parent->mm, "child", &child->mm);

	if (error)
		return error;
	child->maps = need(realloc(child->maps, bytes + 1));
	if (bytes)
		memcpy(child->maps, parent->maps, bytes);
	child->nr_maps = parent->nr_maps;
	child->next_addr = parent->next_addr;
	begin_section(child);
	return 0;
}

static void end_process(struct probe_process *process)
{
	if (process->mm)
		exit_mmap(process->mm);
	free(process->maps);
	memset(process, 0, sizeof(*process));
}

/* Operations on a map.  Return: -1 when there is no such map. */
static int step_on_map(struct probe_process *process,
		       const struct probe_step *step)
{
	struct probe_map *map = find_map(process, step->name);
	uint64_t addr;

	if (!map)
		return -1;
	addr = map->addr + step->offset;
	switch (step->op) {
	case PROBE_LOAD:
	case PROBE_STORE:
		access_memory(process, addr, step);
		break;
	case PROBE_MADVISE:
		result_of(advise(process, addr, step));
		break;
	case PROBE_MUNMAP:
		result_of(unmap(process, map, step));
		break;
	case PROBE_MPROTECT:
		result_of(do_mprotect(process->mm, addr, step->bytes,
				      protection(step)));
		break;
	case PROBE_MREMAP:
		result_of(remap(process, map, step));
		break;
	default:
		result_of(sync_range(process, addr, step->bytes));
		break;
	}
	return 0;
}

/* Operations on the file made last.  Return: -1 when there is none. */
static int step_on_file(const struct probe_step *step)
{
	struct inode *inode = world.file ? world.file->inode : NULL;
	enum fs_fallocate_mode mode = FS_ALLOCATE;

	if (!inode)
		return -1;
	switch (step->op) {
	case PROBE_FSYNC:
		result_of(fs_fsync(inode, 0, FS_MAX_BYTES));
		return 0;
	case PROBE_TRUNCATE:
		result_of(fs_truncate(inode, step->bytes));
		return 0;
	case PROBE_PWRITE:
		write_file(step);
		return 0;
	case PROBE_PREAD:
		read_file(step);
		return 0;
	case PROBE_PUNCH:
		mode = FS_PUNCH_HOLE;
		break;
	case PROBE_COLLAPSE:
		mode = FS_COLLAPSE_RANGE;
		break;
	case PROBE_INSERT:
		mode = FS_INSERT_RANGE;
		break;
	case PROBE_ZERO:
		mode = FS_ZERO_RANGE;
		break;
	default:
		break;
	}
	result_of(fs_fallocate(inode, mode, step->offset, step->bytes));
	return 0;
}

static int run_step(struct probe_process *process,
		    const struct probe_step *step)
{
	switch (step->op) {
	case PROBE_SECTION:
		begin_section(process);
		return 0;
	case PROBE_FILE:
		result_of(make_file(step));
		return 0;
	case PROBE_MAP:
		if (!world.file)
			return -1;
		result_of(map_file(process, step));
		return 0;
	case PROBE_FORK:
		result_of(fork_child());
		return 0;
	case PROBE_WAIT:
		end_process(&world.child);
		result_of(0);
		return 0;
	case PROBE_CLOSEALL:
		unmap_all(process);
		result_of(0);
		return 0;
	default:
		return step->name[0] ? step_on_map(process, step) :
				       step_on_file(step);
	}
}

static void verify(void)
{
	verify_mm(world.parent.mm);
	if (world.child.mm)
		verify_mm(world.child.mm);
	for (struct probe_file *file = world.file; file; file = file->next)
		verify_inode(file->inode);
	verify_fs(world.sb);
}

static void look(const struct probe_process *process,
		 const struct probe_step *step, struct probe_view *view)
{
	memset(view, 0, sizeof(*view));
	probe_observe(&world, process, view);
	if (step->op != PROBE_FILE)
		return;
	view->minor = -1;
	view->placed = world.file->nr_blocks != 0;
	view->pfn0 = world.sb->s_dax.first_pfn + world.file->block;
}

/* See probe_world.h. */
struct probe_world *probe_engine_world(void)
{
	return &world;
}

/* See probe.h. */
int probe_engine_step(const struct probe_step *step, struct probe_view *view)
{
	struct probe_process *process = step->in_child ? &world.child :
							 &world.parent;
	unsigned int before = nr_reports;
	char *events;
	int error;

	if (!process->mm)
		return -1;
	probe_events_begin(&world);
	in_step = true;
	error = run_step(process, step);
	in_step = false;
	events = probe_events_end(&world);
	if (!error) {
		probe_observe_files(&world);
		verify();
	}
	if (!error && view) {
		look(process, step, view);
		view->events = events;
	} else {
		free(events);
	}
	if (error)
		return error;
	return nr_reports != before;
}

/* ------ the world ------ */

/* See probe.h. */
int probe_engine_open(const struct probe_engine_options *wanted)
{
	struct native_options native = {
		.geometry = {
			.page_shift = wanted->page_shift ? wanted->page_shift :
							   12,
			.huge_order = wanted->huge_order ? wanted->huge_order :
							   9,
			.upper_levels = wanted->upper_levels ?
					wanted->upper_levels : 2,
			.tree_bits = 3,
			.wait_bits = 8,
		},
		.ram_pages = RAM_PAGES,
		.device_pages = wanted->device_pages,
		.on_report = on_report,
		.on_trace = probe_events_trace,
		.choose = on_choose,
		.arg = &world,
	};

	memset(&world, 0, sizeof(world));
	options = *wanted;
	nr_reports = 0;
	if (native_open(&native))
		return -1;
	world.sb = fs_create(native_device_pfn(), wanted->device_pages);
	world.parent.mm = mm_create("parent");
	if (!world.sb || !world.parent.mm)
		abort();
	world.parent.next_addr = pmd_size() << pmd_order();
	return 0;
}

/* See probe.h. */
unsigned int probe_engine_close(void)
{
	end_process(&world.child);
	end_process(&world.parent);
	forget_files();
	fs_destroy(world.sb);
	if (native_live_objects() || native_live_pages()) {
		report("O14: the engine did not free all it had");
		native_print_live(stderr);
	}
	native_close();
	return nr_reports;
}
