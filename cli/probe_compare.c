// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_compare.c - a recorded line and what is seen here, field by field.
 *
 * What cannot be equal, because it is chance or another's choice, is left out:
 *   - where a file lies (pfn0), `ref`;
 *   - minor faults while there is a child, and where they were not counted;
 *   - which block a page has, unless here it is one that the file was made with
 *     and never gave back: then it has to be the same, or at least to stay the
 *     same where the recorded file was made in several pieces;
 *   - blocks the filesystem has for its own use: the recording may have up to
 *     OWN_BLOCKS more than the file's pages need.
 */
#include "probe.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ext4 keeps a file's extents in blocks of its own once there are five. */
#define OWN_BLOCKS 4

/* Where the recording has the blocks that a file was made of. */
struct probe_place {
	uint64_t nr;
	int64_t *at;			/* of each; NOT_SEEN: not known yet */
};

#define NOT_SEEN INT64_MIN

/* One line. */
struct line {
	struct probe_comparison *all;
	const struct probe_step *step;
	const struct probe_view *recorded;
	const struct probe_view *view;
	unsigned int nr;		/* fields that differ */
};

/* The two values as text: `NAME: recorded A, engine B`. */
static void differs(struct line *line, const char *map,
		    const char *field, const char *recorded, const char *seen)
{
	line->nr++;
	fprintf(line->all->to, "%s:%u: %s: %s%s%s: recorded %s, %s %s\n",
		line->all->script->path, line->step->line,
		line->step->text, map ? map : "", map ? "." : "", field,
		*recorded ? recorded : "nothing", line->all->here,
		*seen ? seen : "nothing");
}

static void compare_text(struct line *line, const char *map,
			 const char *field, const char *recorded,
			 const char *seen)
{
	if (recorded && seen && strcmp(recorded, seen))
		differs(line, map, field, recorded, seen);
}

static void differ_numbers(struct line *line, const char *map,
			   const char *field, const char *unit,
			   int64_t recorded, int64_t seen)
{
	char a[40], b[40];

	snprintf(a, sizeof(a), "%" PRId64 "%s", recorded, unit);
	snprintf(b, sizeof(b), "%" PRId64 "%s", seen, unit);
	differs(line, map, field, a, b);
}

static void compare_numbers(struct line *line, const char *map,
			    const char *field, int64_t recorded, int64_t seen)
{
	if (recorded != seen)
		differ_numbers(line, map, field, "", recorded, seen);
}

/* ------ maps ------ */

static void *need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

/* Return: what is known of the file that a map maps. */
static struct probe_place *find_place(struct probe_comparison *all,
				      const struct probe_map_view *map)
{
	struct probe_place *place;

	while (all->nr_places <= map->file) {
		all->places = need(realloc(all->places, (all->nr_places + 1) *
							sizeof(*place)));
		place = &all->places[all->nr_places++];
		memset(place, 0, sizeof(*place));
	}
	place = &all->places[map->file];
	if (place->nr == map->nr_original)
		return place;
	place->nr = map->nr_original;
	place->at = need(malloc(place->nr * sizeof(*place->at)));
	for (uint64_t i = 0; i < place->nr; i++)
		place->at[i] = NOT_SEEN;
	return place;
}

/*
 * A block that the file was made of may be elsewhere in the recording: that
 * file was made in several pieces.  But then it has to stay there.
 */
static bool place_agrees(struct line *line, const struct probe_map_view *map,
			 int64_t block, int64_t at)
{
	struct probe_place *place = find_place(line->all, map);

	if (place->at[block] == NOT_SEEN &&
	    (at == block || at < 0 || at >= (int64_t)place->nr))
		place->at[block] = at;
	return place->at[block] == at;
}

static bool cell_agrees(struct line *line, const struct probe_map_view *map,
			const struct probe_cell *recorded,
			const struct probe_cell *seen)
{
	if (recorded->kind != seen->kind)
		return false;
	return !seen->original ||
	       place_agrees(line, map, seen->at, recorded->at);
}

/* Return: the first page that differs, or the number of pages. */
static uint64_t find_difference(struct line *line,
				const struct probe_map_view *recorded,
				const struct probe_map_view *seen)
{
	uint64_t i = 0;

	while (i < seen->nr_cells &&
	       cell_agrees(line, seen, &recorded->cells[i], &seen->cells[i]))
		i++;
	return i;
}

static void compare_cells(struct line *line,
			  const struct probe_map_view *recorded,
			  const struct probe_map_view *seen)
{
	char *a, *b;

	if (recorded->nr_cells == seen->nr_cells &&
	    find_difference(line, recorded, seen) == seen->nr_cells)
		return;
	a = probe_cells_text(recorded);
	b = probe_cells_text(seen);
	differs(line, recorded->name, "pages", a, b);
	free(a);
	free(b);
}

static void compare_map(struct line *line,
			const struct probe_map_view *recorded,
			const struct probe_map_view *seen)
{
	const struct {
		const char *name;
		uint64_t recorded, seen;
	} sums[] = {
		{ "v", recorded->nr_vmas, seen->nr_vmas },
		{ "rss", recorded->rss, seen->rss },
		{ "anon", recorded->anon, seen->anon },
		{ "pd", recorded->private_dirty, seen->private_dirty },
		{ "pc", recorded->private_clean, seen->private_clean },
		{ "sd", recorded->shared_dirty, seen->shared_dirty },
		{ "sc", recorded->shared_clean, seen->shared_clean },
	};

	compare_cells(line, recorded, seen);
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		compare_numbers(line, recorded->name, sums[i].name,
				(int64_t)sums[i].recorded,
				(int64_t)sums[i].seen);
	compare_text(line, recorded->name, "entries", recorded->entries,
		     seen->entries);
}

static const struct probe_map_view *find_map(const struct probe_view *view,
					     const char *name)
{
	for (size_t i = 0; i < view->nr_maps; i++)
		if (!strcmp(view->maps[i].name, name))
			return &view->maps[i];
	return NULL;
}

static void compare_maps(struct line *line)
{
	const struct probe_view *recorded = line->recorded;
	const struct probe_view *view = line->view;

	for (size_t i = 0; i < recorded->nr_maps; i++) {
		const struct probe_map_view *map = &recorded->maps[i];
		const struct probe_map_view *seen = find_map(view, map->name);

		if (seen)
			compare_map(line, map, seen);
		else
			differs(line, NULL, "maps", map->name, "");
	}
	for (size_t i = 0; i < view->nr_maps; i++)
		if (!find_map(recorded, view->maps[i].name))
			differs(line, NULL, "maps", "",
				view->maps[i].name);
}

/* ------ the rest of a line ------ */

static void compare_faults(struct line *line)
{
	const struct probe_view *recorded = line->recorded;
	const struct probe_view *view = line->view;
	bool counted = !line->step->forked && recorded->minor >= 0 &&
		       view->minor >= 0;
	char a[48], b[48];

	if ((!counted || recorded->minor == view->minor) &&
	    recorded->major == view->major)
		return;
	snprintf(a, sizeof(a), "%" PRId64 "/%" PRId64, recorded->minor,
		 recorded->major);
	snprintf(b, sizeof(b), "%" PRId64 "/%" PRId64, view->minor,
		 view->major);
	differs(line, NULL, "flt", a, b);
}

static void compare_blocks(struct line *line)
{
	uint64_t recorded = line->recorded->blocks;
	uint64_t seen = line->view->blocks;
	uint64_t own = OWN_BLOCKS * PROBE_PAGE_BYTES / 1024;

	if (recorded < seen || recorded > seen + own)
		differ_numbers(line, NULL, "blk", "k", (int64_t)recorded,
			       (int64_t)seen);
}

unsigned int probe_compare(struct probe_comparison *comparison,
			   const struct probe_step *step,
			   const struct probe_view *recorded,
			   const struct probe_view *view)
{
	struct line line = {
		.all = comparison,
		.step = step,
		.recorded = recorded,
		.view = view,
	};

	compare_text(&line, NULL, "result", recorded->result, view->result);
	compare_numbers(&line, NULL, "pte", recorded->pte, view->pte);
	compare_numbers(&line, NULL, "anon", recorded->anon, view->anon);
	compare_numbers(&line, NULL, "file", recorded->file, view->file);
	compare_faults(&line);
	compare_maps(&line);
	if (recorded->size != view->size)
		differ_numbers(&line, NULL, "size", "k",
			       (int64_t)recorded->size, (int64_t)view->size);
	compare_blocks(&line);
	compare_text(&line, NULL, "ev", recorded->events, view->events);
	return line.nr;
}

void probe_comparison_free(struct probe_comparison *comparison)
{
	for (size_t i = 0; i < comparison->nr_places; i++)
		free(comparison->places[i].at);
	free(comparison->places);
}
