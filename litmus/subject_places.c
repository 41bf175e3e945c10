// SPDX-License-Identifier: GPL-2.0-only
/*
 * subject_places.c - where the places of a test lie: addresses, blocks, words.
 */
#include "subject_internal.h"

uint64_t subject_pages(struct litmus_span span)
{
	return (span.huge << machine_geometry()->huge_order) + span.pages;
}

uint64_t subject_bytes(uint64_t nr_pages)
{
	return nr_pages << machine_geometry()->page_shift;
}

static uint64_t huge_pages_up(uint64_t nr)
{
	uint64_t huge = (uint64_t)1 << machine_geometry()->huge_order;

	return (nr + huge - 1) / huge * huge;
}

/*
 * First block of a file: each begins at a huge page of the device.  A hole has
 * blocks there, too, which are free: so there is room for what is allocated.
 */
uint64_t subject_file_block(const struct litmus *test, size_t file)
{
	uint64_t block = 0;

	for (size_t i = 0; i < file; i++)
		block += huge_pages_up(subject_pages(test->files[i].size));
	return block;
}

uint64_t subject_device_pages(const struct litmus *test)
{
	return subject_file_block(test, test->nr_files);
}

/* Huge pages of address space for a map, at the same colour as its file. */
static uint64_t map_room(const struct litmus *test, size_t map,
			 unsigned int order)
{
	const struct litmus_map *m = &test->maps[map];
	uint64_t size = (uint64_t)1 << order;
	uint64_t offset = (m->offset.huge << order) + m->offset.pages;
	uint64_t length = (m->length.huge << order) + m->length.pages;

	return (offset % size + length + size - 1) / size;
}

unsigned int subject_upper_levels(const struct litmus *test, unsigned int order)
{
	unsigned int levels = 0;
	uint64_t room = 0;

	for (size_t i = 0; i < test->nr_maps; i++)
		room += map_room(test, i, order);
	for (uint64_t covered = (uint64_t)1 << order; covered < room;
	     covered <<= order)
		levels++;
	return levels;
}

/* As Linux's thp_get_unmapped_area(): huge pages of the file can be mapped. */
uint64_t subject_map_address(const struct litmus *test, size_t map)
{
	unsigned int order = machine_geometry()->huge_order;
	uint64_t offset = subject_pages(test->maps[map].offset);
	uint64_t page = 0;

	for (size_t i = 0; i < map; i++)
		page += map_room(test, i, order) << order;
	page += offset % ((uint64_t)1 << order);
	return page << machine_geometry()->page_shift;
}

uint64_t subject_address(const struct litmus *test,
			 const struct litmus_place *place)
{
	return subject_map_address(test, place->object) +
	       subject_bytes(subject_pages(place->page)) + place->byte;
}

struct location subject_location(const struct litmus *test,
				 const struct litmus_place *place, size_t mm)
{
	const struct litmus_map *map;
	struct location at = {
		.shared = true,
		.file = place->object,
		.page = subject_pages(place->page),
		.byte = place->byte,
	};

	if (place->in_file)
		return at;
	map = &test->maps[place->object];
	at.file = map->file;
	if (map->shared) {
		at.page += subject_pages(map->offset);
	} else {
		at.shared = false;
		at.map = place->object;
		at.mm = mm;
	}
	return at;
}

bool subject_same(const struct location *a, const struct location *b)
{
	if (a->shared != b->shared || a->page != b->page || a->byte != b->byte)
		return false;
	return a->shared ? a->file == b->file :
			   a->map == b->map && a->mm == b->mm;
}
