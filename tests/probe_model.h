/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * probe_model.h - what a script has to do to the bytes of files and maps: an
 * array for each file, a copy of a page where a private map has one.
 *
 * It knows nothing of page tables, entries or blocks.  Unlike the engine it
 * applies a step all at once, and says what its result has to be.
 */
#ifndef TESTS_PROBE_MODEL_H
#define TESTS_PROBE_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/probe.h"

#define MODEL_FILES 4
#define MODEL_MAPS 4

struct model_file {
	uint64_t size;
	uint8_t *bytes;			/* zeroes behind size */
};

struct model_page {
	bool mapped;
	bool writable;
	uint8_t *copy;			/* of a private map, or NULL */
};

struct model_map {
	char name[PROBE_NAME_MAX + 1];	/* empty: none */
	unsigned int file;
	bool private;
	uint64_t offset;
	uint64_t nr_pages;
	struct model_page *pages;
};

struct model_process {
	struct model_map maps[MODEL_MAPS];
};

struct model {
	uint64_t page;			/* bytes of one */
	uint64_t max;			/* bytes of a file, whole pages */
	struct model_file files[MODEL_FILES];
	unsigned int nr_files;
	struct model_process parent, child;
	bool forked;
	char result[24];		/* what the step has to answer */
};

static void *model_alloc(size_t bytes)
{
	void *memory = calloc(1, bytes + 1);

	if (!memory)
		abort();
	return memory;
}

static uint64_t model_pages(const struct model *model, uint64_t bytes)
{
	return (bytes + model->page - 1) / model->page;
}

static struct model_file *model_last(struct model *model)
{
	return &model->files[model->nr_files - 1];
}

/* ------ maps ------ */

static struct model_map *model_find(struct model_process *process,
				    const char *name)
{
	for (unsigned int i = 0; i < MODEL_MAPS; i++)
		if (!strcmp(process->maps[i].name, name))
			return &process->maps[i];
	return NULL;
}

static void model_drop_copy(struct model_page *page)
{
	free(page->copy);
	page->copy = NULL;
}

static void model_forget_map(struct model_map *map)
{
	for (uint64_t i = 0; i < map->nr_pages; i++)
		model_drop_copy(&map->pages[i]);
	free(map->pages);
	memset(map, 0, sizeof(*map));
}

static void model_forget_maps(struct model_process *process)
{
	for (unsigned int i = 0; i < MODEL_MAPS; i++)
		model_forget_map(&process->maps[i]);
}

static void model_free(struct model *model)
{
	model_forget_maps(&model->parent);
	model_forget_maps(&model->child);
	for (unsigned int i = 0; i < model->nr_files; i++)
		free(model->files[i].bytes);
}

/* Return: where the bytes of a page of the file are. */
static uint8_t *model_file_page(struct model *model,
				const struct model_map *map, uint64_t i)
{
	return model->files[map->file].bytes + map->offset + i * model->page;
}

/* Return: whether the file has the page; else it gives SIGBUS. */
static bool model_within(const struct model *model,
			 const struct model_map *map, uint64_t i)
{
	return map->offset + i * model->page <
	       model->files[map->file].size;
}

static void model_copy(struct model *model, struct model_map *map, uint64_t i)
{
	struct model_page *page = &map->pages[i];

	if (page->copy)
		return;
	page->copy = model_alloc(model->page);
	memcpy(page->copy, model_file_page(model, map, i), model->page);
}

/* ------ what happens to a file ------ */

/* Private copies of pages from there on are gone, in every process. */
static void model_drop_behind(struct model *model, uint64_t from)
{
	struct model_process *processes[] = { &model->parent, &model->child };
	unsigned int file = model->nr_files - 1;

	for (unsigned int p = 0; p < 2; p++)
		for (unsigned int m = 0; m < MODEL_MAPS; m++) {
			struct model_map *map = &processes[p]->maps[m];

			if (!map->name[0] || map->file != file)
				continue;
			for (uint64_t i = 0; i < map->nr_pages; i++)
				if (map->offset + i * model->page >= from)
					model_drop_copy(&map->pages[i]);
		}
}

static void model_truncate(struct model *model, uint64_t size)
{
	struct model_file *file = model_last(model);

	memset(file->bytes + size, 0, model->max - size);
	model_drop_behind(model, model_pages(model, size) * model->page);
	file->size = size;
}

static void model_zero(struct model *model, uint64_t offset, uint64_t bytes)
{
	memset(model_last(model)->bytes + offset, 0, bytes);
}

static void model_grow(struct model *model, uint64_t size)
{
	if (size > model_last(model)->size)
		model_last(model)->size = size;
}

static void model_collapse(struct model *model, uint64_t offset,
			   uint64_t bytes)
{
	struct model_file *file = model_last(model);

	model_drop_behind(model, offset);
	memmove(file->bytes + offset, file->bytes + offset + bytes,
		model->max - offset - bytes);
	memset(file->bytes + model->max - bytes, 0, bytes);
	file->size -= bytes;
}

static void model_insert(struct model *model, uint64_t offset, uint64_t bytes)
{
	struct model_file *file = model_last(model);

	model_drop_behind(model, offset);
	memmove(file->bytes + offset + bytes, file->bytes + offset,
		model->max - offset - bytes);
	memset(file->bytes + offset, 0, bytes);
	file->size += bytes;
}

static void model_make_file(struct model *model, const struct probe_step *step)
{
	struct model_file *file = &model->files[model->nr_files++];

	file->size = step->bytes;
	file->bytes = model_alloc(model->max);
	if (step->word == PROBE_WRITTEN)
		memset(file->bytes, PROBE_WRITTEN_BYTE, step->bytes);
}

/* ------ what happens to a map ------ */

static void model_make_map(struct model *model, struct model_process *process,
			   const struct probe_step *step)
{
	struct model_map *map = model_find(process, "");

	strcpy(map->name, step->name);
	map->file = model->nr_files - 1;
	map->private = step->word == PROBE_PRIVATE;
	map->offset = step->offset;
	map->nr_pages = step->bytes / model->page;
	map->pages = model_alloc(map->nr_pages * sizeof(*map->pages));
	for (uint64_t i = 0; i < map->nr_pages; i++) {
		map->pages[i].mapped = true;
		map->pages[i].writable = step->writable;
		if (step->populate && step->writable && map->private &&
		    model_within(model, map, i))
			model_copy(model, map, i);
	}
}

static void model_resize_map(struct model *model, struct model_map *map,
			     uint64_t bytes)
{
	uint64_t nr_pages = bytes / model->page;
	struct model_page *pages = model_alloc(nr_pages * sizeof(*pages));

	for (uint64_t i = 0; i < nr_pages; i++) {
		pages[i] = map->pages[i < map->nr_pages ? i : 0];
		if (i >= map->nr_pages)
			pages[i].copy = NULL;
	}
	for (uint64_t i = nr_pages; i < map->nr_pages; i++)
		model_drop_copy(&map->pages[i]);
	free(map->pages);
	map->pages = pages;
	map->nr_pages = nr_pages;
}

static void model_fork(struct model *model)
{
	model->child = model->parent;
	model->forked = true;
	for (unsigned int m = 0; m < MODEL_MAPS; m++) {
		struct model_map *map = &model->child.maps[m];
		size_t bytes = map->nr_pages * sizeof(*map->pages);

		if (!map->name[0])
			continue;
		map->pages = model_alloc(bytes);
		memcpy(map->pages, model->parent.maps[m].pages, bytes);
		for (uint64_t i = 0; i < map->nr_pages; i++) {
			const uint8_t *copy = map->pages[i].copy;

			if (!copy)
				continue;
			map->pages[i].copy = model_alloc(model->page);
			memcpy(map->pages[i].copy, copy, model->page);
		}
	}
}

/* What a load or a store answers, and what it leaves. */
static void model_access(struct model *model, struct model_map *map,
			 const struct probe_step *step)
{
	uint64_t i = step->offset / model->page;
	uint64_t in_page = step->offset % model->page;
	struct model_page *page = &map->pages[i];
	bool store = step->op == PROBE_STORE;
	uint8_t *bytes;

	if (!page->mapped || (store && !page->writable)) {
		strcpy(model->result, "SIGSEGV");
		return;
	}
	if (!model_within(model, map, i)) {
		strcpy(model->result, "SIGBUS");
		return;
	}
	if (store && map->private)
		model_copy(model, map, i);
	bytes = page->copy ? page->copy : model_file_page(model, map, i);
	if (store)
		bytes[in_page] = step->byte;
	else
		snprintf(model->result, sizeof(model->result), "0x%02x",
			 bytes[in_page]);
}

static void model_on_pages(struct model *model, struct model_map *map,
			   const struct probe_step *step)
{
	uint64_t first = step->offset / model->page;
	uint64_t last = (step->offset + step->bytes) / model->page;

	for (uint64_t i = first; i < last; i++) {
		struct model_page *page = &map->pages[i];

		switch (step->op) {
		case PROBE_MUNMAP:
			page->mapped = false;
			model_drop_copy(page);
			break;
		case PROBE_MPROTECT:
			page->writable = step->writable;
			break;
		default:
			if (step->word == PROBE_DONTNEED)
				model_drop_copy(page);
			else if (step->word == PROBE_POPULATE_WRITE &&
				 map->private)
				model_copy(model, map, i);
			break;
		}
	}
	if (step->op == PROBE_MUNMAP && !step->offset &&
	    step->bytes >= map->nr_pages * model->page)
		model_forget_map(map);
}

/* ------ steps ------ */

/* Return: whether all the pages are mapped with the same rights. */
static bool model_uniform(const struct model *model,
			  const struct model_map *map, uint64_t offset,
			  uint64_t bytes)
{
	uint64_t first = offset / model->page;
	uint64_t last = (offset + bytes) / model->page;

	for (uint64_t i = first; i < last; i++)
		if (!map->pages[i].mapped ||
		    map->pages[i].writable != map->pages[first].writable)
			return false;
	return last > first;
}

/* Pages that are all there: populate must not fail. */
static bool model_can_populate(const struct model *model,
			       const struct model_map *map,
			       const struct probe_step *step)
{
	uint64_t last = (step->offset + step->bytes) / model->page - 1;

	if (!model_uniform(model, map, step->offset, step->bytes) ||
	    !model_within(model, map, last))
		return false;
	return step->word != PROBE_POPULATE_WRITE ||
	       map->pages[last].writable;
}

static bool model_fits_map(const struct model *model, struct model_map *map,
			   const struct probe_step *step)
{
	uint64_t bytes = map->nr_pages * model->page;
	uint64_t i = step->offset / model->page;

	if (step->op == PROBE_MREMAP)
		return step->bytes &&
		       map->offset + step->bytes <= model->max &&
		       model_uniform(model, map, 0, bytes);
	if (step->offset >= bytes || step->bytes > bytes - step->offset)
		return false;
	/* What stands behind a file's end in its last page is nobody's. */
	if (step->op == PROBE_STORE && !map->private)
		return !model_within(model, map, i) ||
		       map->offset + step->offset <
		       model->files[map->file].size;
	if (step->op == PROBE_MADVISE && step->word != PROBE_DONTNEED)
		return model_can_populate(model, map, step);
	return step->op == PROBE_LOAD || step->op == PROBE_STORE ||
	       step->op == PROBE_MUNMAP ||
	       model_uniform(model, map, step->offset, step->bytes);
}

static bool model_fits_file(struct model *model, const struct probe_step *step)
{
	uint64_t size, end = step->offset + step->bytes;

	if (!model->nr_files)
		return false;
	size = model_last(model)->size;
	switch (step->op) {
	case PROBE_TRUNCATE:
		return step->bytes <= model->max;
	case PROBE_PWRITE:
		return step->offset < model->max;
	case PROBE_COLLAPSE:
		return step->bytes && end < size;
	case PROBE_INSERT:
		return step->bytes && step->offset < size &&
		       size + step->bytes <= model->max;
	case PROBE_PUNCH:
	case PROBE_ZERO:
	case PROBE_FALLOCATE:
		return step->bytes && end <= model->max;
	default:
		return true;
	}
}

/* Return: whether the step can be done now, with a result that is known. */
static bool model_fits(struct model *model, const struct probe_step *step)
{
	struct model_process *process = step->in_child ? &model->child :
							 &model->parent;
	struct model_map *map;

	if (step->in_child && !model->forked)
		return false;
	switch (step->op) {
	case PROBE_FILE:
		return model->nr_files < MODEL_FILES && !model->forked &&
		       step->bytes <= model->max;
	case PROBE_MAP:
		return model->nr_files && !model_find(process, step->name) &&
		       model_find(process, "") &&
		       step->offset + step->bytes <= model->max;
	case PROBE_FORK:
		return !model->forked && !step->in_child;
	case PROBE_WAIT:
		return model->forked && !step->in_child;
	case PROBE_CLOSEALL:
		return true;
	default:
		if (!step->name[0])
			return model_fits_file(model, step);
		map = model_find(process, step->name);
		return map && model_fits_map(model, map, step);
	}
}

static void model_file_step(struct model *model, const struct probe_step *step)
{
	struct model_file *file = model_last(model);
	uint64_t end = step->offset + step->bytes;

	switch (step->op) {
	case PROBE_TRUNCATE:
		model_truncate(model, step->bytes);
		break;
	case PROBE_PWRITE:
		strcpy(model->result, "1");
		model_grow(model, step->offset + 1);
		file->bytes[step->offset] = step->byte;
		break;
	case PROBE_PREAD:
		snprintf(model->result, sizeof(model->result), "0x%02x",
			 step->offset < file->size ?
			 file->bytes[step->offset] : 0);
		break;
	case PROBE_COLLAPSE:
		model_collapse(model, step->offset, step->bytes);
		break;
	case PROBE_INSERT:
		model_insert(model, step->offset, step->bytes);
		break;
	case PROBE_PUNCH:
		model_zero(model, step->offset, step->bytes);
		break;
	case PROBE_ZERO:
		model_zero(model, step->offset, step->bytes);
		model_grow(model, end);
		break;
	case PROBE_FALLOCATE:
		model_grow(model, end);
		break;
	default:
		break;
	}
}

/* Do a step that fits; model->result is what it has to answer. */
static void model_step(struct model *model, const struct probe_step *step)
{
	struct model_process *process = step->in_child ? &model->child :
							 &model->parent;
	struct model_map *map = model_find(process, step->name);

	strcpy(model->result, "0");
	switch (step->op) {
	case PROBE_FILE:
		model_make_file(model, step);
		break;
	case PROBE_MAP:
		model_make_map(model, process, step);
		break;
	case PROBE_FORK:
		model_fork(model);
		break;
	case PROBE_WAIT:
		model_forget_maps(&model->child);
		model->forked = false;
		break;
	case PROBE_CLOSEALL:
		model_forget_maps(process);
		break;
	case PROBE_LOAD:
	case PROBE_STORE:
		model_access(model, map, step);
		break;
	case PROBE_MREMAP:
		model_resize_map(model, map, step->bytes);
		break;
	default:
		if (!step->name[0])
			model_file_step(model, step);
		else if (step->op != PROBE_MSYNC)
			model_on_pages(model, map, step);
		break;
	}
}

#endif /* TESTS_PROBE_MODEL_H */
