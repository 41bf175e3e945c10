/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * space.c - address spaces and what is mapped there.
 */
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

/* Where addresses are looked for: not at 0, for it is no address. */
#define LOWEST (UINT64_C(1) << 32)

/* Return: a space without an mm yet, or NULL. */
static struct fl_space *space_alloc(struct fl_pool *pool)
{
	struct fl_space *space = calloc(1, sizeof(*space));

	if (!space)
		return NULL;
	space->pool = pool;
	pthread_mutex_lock(&pool->lock);
	snprintf(space->name, sizeof(space->name), "%llu",
		 (unsigned long long)++pool->nr_spaces);
	pthread_mutex_unlock(&pool->lock);
	return space;
}

static void space_free(struct fl_space *space)
{
	pthread_mutex_lock(&space->pool->lock);
	space->pool->nr_spaces--;
	pthread_mutex_unlock(&space->pool->lock);
	free(space);
}

int fl_new_space(struct fl_pool *pool, struct fl_space **space)
{
	struct fl_space *made;

	if (!pool || !space)
		return -EINVAL;
	made = space_alloc(pool);
	if (!made)
		return -ENOMEM;
	made->mm = mm_create(made->name);
	if (!made->mm) {
		space_free(made);
		return -ENOMEM;
	}
	*space = made;
	return 0;
}

int fl_fork(struct fl_space *space, struct fl_space **child)
{
	struct fl_space *made;
	int error;

	if (!space || !child)
		return -EINVAL;
	made = space_alloc(space->pool);
	if (!made)
		return -ENOMEM;
	error = dup_mm(space->mm, made->name, &made->mm);
	if (error) {
		space_free(made);
		return error;
	}
	*child = made;
	return 0;
}

void fl_destroy(struct fl_space *space)
{
	if (!space)
		return;
	exit_mmap(space->mm);
	space_free(space);
}

/* ---- Where to map ---- */

/* The first address from there on that is congruent to position. */
static uint64_t align_to(uint64_t address, uint64_t position, uint64_t bytes)
{
	uint64_t unit = FL_PAGE_BYTES;

	if (bytes >= FL_HUGE_PAGE_BYTES)
		unit = FL_HUGE_PAGE_BYTES;
	return address + ((position - address) & (unit - 1));
}

/*
 * As Linux's thp_get_unmapped_area(): what is large enough for a huge page
 * gets addresses at which the file's huge pages are its own.
 * Return: an address at which nothing was mapped, or 0.
 */
static uint64_t find_address(struct mm *mm, uint64_t position, uint64_t bytes)
{
	uint64_t address = align_to(LOWEST, position, bytes);
	const struct vm_area_struct *vma;

	machine_down_read(&mm->mmap_sem);
	for (vma = find_vma(mm, address); vma; vma = vma_next(vma)) {
		if (vma->vm_start >= address &&
		    vma->vm_start - address >= bytes)
			break;
		address = align_to(vma->vm_end, position, bytes);
	}
	machine_up_read(&mm->mmap_sem);
	if (bytes > task_size() || address > task_size() - bytes)
		return 0;
	return address;
}

static unsigned int engine_flags(unsigned int flags)
{
	unsigned int engine = flags & FL_SHARED ? MAP_SHARED : MAP_PRIVATE;

	if (flags & FL_POPULATE)
		engine |= MAP_POPULATE;
	if (flags & FL_SYNC)
		engine |= MAP_SYNC;
	return engine;
}

static bool flags_ok(unsigned int access, unsigned int flags)
{
	unsigned int how = flags & (FL_SHARED | FL_PRIVATE);

	return !(access & ~(FL_READ | FL_WRITE)) &&
	       !(flags & ~(FL_SHARED | FL_PRIVATE | FL_POPULATE | FL_SYNC)) &&
	       (how == FL_SHARED || how == FL_PRIVATE) &&
	       (!(flags & FL_SYNC) || how == FL_SHARED);
}

int fl_map(struct fl_space *space, struct fl_file *file, uint64_t *address,
	   uint64_t bytes, uint64_t position, unsigned int access,
	   unsigned int flags)
{
	uint64_t where;
	int error;

	if (!space || !file || file->pool != space->pool || !address ||
	    !flags_ok(access, flags) || !page_aligned(*address) ||
	    !page_aligned(position) || !range_ok(position, bytes))
		return -EINVAL;
	bytes = page_round_up(bytes);
	do {
		where = *address;
		if (!where)
			where = find_address(space->mm, position, bytes);
		if (!where)
			return -ENOMEM;
		error = fs_mmap(space->mm, file->inode, where, bytes, access,
				engine_flags(flags), position / FL_PAGE_BYTES);
		/* Somebody else was faster. */
	} while (error == -EEXIST && !*address);
	if (!error)
		*address = where;
	return error;
}

int fl_unmap(struct fl_space *space, uint64_t address, uint64_t bytes)
{
	if (!space || !page_aligned(address) || !range_ok(address, bytes))
		return -EINVAL;
	return do_munmap(space->mm, address, page_round_up(bytes));
}

int fl_protect(struct fl_space *space, uint64_t address, uint64_t bytes,
	       unsigned int access)
{
	if (!space || !page_aligned(address) || !range_ok(address, bytes) ||
	    access & ~(FL_READ | FL_WRITE))
		return -EINVAL;
	return do_mprotect(space->mm, address, page_round_up(bytes), access);
}

/* Return: the position in the file of what is mapped at address, or 0. */
static uint64_t find_position(struct mm *mm, uint64_t address)
{
	const struct vm_area_struct *vma;
	uint64_t position = 0;

	machine_down_read(&mm->mmap_sem);
	vma = find_vma(mm, address);
	if (vma && vma->vm_start <= address)
		position = linear_page_index(vma, address) * FL_PAGE_BYTES;
	machine_up_read(&mm->mmap_sem);
	return position;
}

/* In place if that is possible, else elsewhere. */
static int remap_anywhere(struct mm *mm, uint64_t address, uint64_t old_bytes,
			  uint64_t new_bytes, uint64_t *new_address)
{
	int error = do_mremap(mm, address, old_bytes, new_bytes, address);
	uint64_t where = address;

	while (error == -EEXIST || error == -ENOMEM) {
		where = find_address(mm, find_position(mm, address), new_bytes);
		if (!where)
			return -ENOMEM;
		error = do_mremap(mm, address, old_bytes, new_bytes, where);
		if (error == -ENOMEM)
			break;
	}
	if (!error)
		*new_address = where;
	return error;
}

int fl_remap(struct fl_space *space, uint64_t address, uint64_t old_bytes,
	     uint64_t new_bytes, uint64_t *new_address)
{
	if (!space || !new_address || !page_aligned(address) ||
	    !page_aligned(*new_address) || !range_ok(address, old_bytes) ||
	    !range_ok(*new_address, new_bytes))
		return -EINVAL;
	old_bytes = page_round_up(old_bytes);
	new_bytes = page_round_up(new_bytes);
	if (!*new_address)
		return remap_anywhere(space->mm, address, old_bytes, new_bytes,
				      new_address);
	return do_mremap(space->mm, address, old_bytes, new_bytes,
			 *new_address);
}

int fl_advise(struct fl_space *space, uint64_t address, uint64_t bytes,
	      enum fl_advice advice)
{
	if (!space || !page_aligned(address) || !range_ok(address, bytes))
		return -EINVAL;
	bytes = page_round_up(bytes);
	switch (advice) {
	case FL_DONTNEED:
		return madvise_dontneed(space->mm, address, bytes);
	case FL_POPULATE_READ:
		return madvise_populate(space->mm, address, bytes, 0);
	case FL_POPULATE_WRITE:
		return madvise_populate(space->mm, address, bytes,
					FAULT_FLAG_WRITE);
	}
	return -EINVAL;
}

/* ---- msync ---- */

/* The part of a range that one mapping has. */
struct part {
	struct fl_file *file;	/* NULL: nothing to be synced */
	uint64_t position;
	uint64_t end;		/* address */
};

/*
 * The file is opened, because it may be unmapped and removed by others as soon
 * as mmap_sem is released.
 * Locks: mmap_sem.
 */
static int find_part_locked(struct fl_space *space, uint64_t address,
			    struct part *part)
{
	const struct vm_area_struct *vma = find_vma(space->mm, address);

	part->file = NULL;
	if (!vma || vma->vm_start > address)
		return -ENOMEM;
	part->end = vma->vm_end;
	if (!(vma->vm_flags & VM_SHARED))
		return 0;
	part->position = linear_page_index(vma, address) * FL_PAGE_BYTES;
	pthread_mutex_lock(&space->pool->lock);
	part->file = file_open(space->pool,
			       container_of(vma->vm_mapping, struct inode,
					    i_data));
	pthread_mutex_unlock(&space->pool->lock);
	return part->file ? 0 : -ENOMEM;
}

/* Sync what begins at *address; *address is where the next part begins. */
static int sync_part(struct fl_space *space, uint64_t *address, uint64_t end)
{
	struct part part;
	uint64_t bytes;
	int error;

	machine_down_read(&space->mm->mmap_sem);
	error = find_part_locked(space, *address, &part);
	machine_up_read(&space->mm->mmap_sem);
	if (error)
		return error;
	bytes = (part.end < end ? part.end : end) - *address;
	if (part.file) {
		error = fs_fsync(part.file->inode, part.position, bytes);
		file_close(part.file);
	}
	*address += bytes;
	return error;
}

int fl_msync(struct fl_space *space, uint64_t address, uint64_t bytes)
{
	uint64_t end;
	int error = 0;

	if (!space || !page_aligned(address) || !range_ok(address, bytes))
		return -EINVAL;
	end = address + page_round_up(bytes);
	while (!error && address < end)
		error = sync_part(space, &address, end);
	return error;
}
