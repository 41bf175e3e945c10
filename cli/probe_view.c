// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_view.c - what is seen after a step: to text and from text.
 */
#include "probe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

/* Runs of cells longer than that are no recording. */
#define CELLS_MAX (UINT64_C(1) << 26)

static void *need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

struct probe_map_view *probe_view_map(struct probe_view *view,
				      const char *name, uint64_t nr_cells)
{
	struct probe_map_view *map;

	for (size_t i = 0; i < view->nr_maps; i++)
		if (!strcmp(view->maps[i].name, name))
			return &view->maps[i];
	view->maps = need(realloc(view->maps, (view->nr_maps + 1) *
					      sizeof(*view->maps)));
	map = &view->maps[view->nr_maps++];
	memset(map, 0, sizeof(*map));
	snprintf(map->name, sizeof(map->name), "%s", name);
	map->nr_cells = nr_cells;
	map->cells = need(calloc(nr_cells + 1, sizeof(*map->cells)));
	for (uint64_t i = 0; i < nr_cells; i++)
		map->cells[i].kind = '.';
	return map;
}

void probe_view_free(struct probe_view *view)
{
	for (size_t i = 0; i < view->nr_maps; i++) {
		free(view->maps[i].cells);
		free(view->maps[i].entries);
	}
	free(view->maps);
	free(view->events);
	memset(view, 0, sizeof(*view));
}

/* ------ to text ------ */

static bool cells_join(const struct probe_cell *cell)
{
	return cell[1].kind == cell->kind &&
	       (cell->kind != 'D' || cell[1].at == cell->at + 1);
}

/* Return: cells from here on that are written as one. */
static uint64_t cell_run(const struct probe_map_view *map, uint64_t from)
{
	uint64_t nr = 1;

	while (from + nr < map->nr_cells &&
	       cells_join(&map->cells[from + nr - 1]))
		nr++;
	return nr;
}

static void print_cells(FILE *to, const struct probe_map_view *map)
{
	uint64_t nr;

	for (uint64_t i = 0; i < map->nr_cells; i += nr) {
		const struct probe_cell *cell = &map->cells[i];

		nr = cell_run(map, i);
		fprintf(to, "%s%c%" PRIu64, i ? "," : "", cell->kind, nr);
		if (cell->kind == 'D')
			fprintf(to, "@%" PRId64, cell->at);
	}
}

char *probe_cells_text(const struct probe_map_view *map)
{
	char *text = NULL;
	size_t size;
	FILE *to = need(open_memstream(&text, &size));

	print_cells(to, map);
	fclose(to);
	return need(text);
}

static bool entries_join(const struct probe_cell *a, const struct probe_cell *b)
{
	return a->kind == b->kind && a->huge == b->huge &&
	       a->writable == b->writable && a->dirty == b->dirty;
}

/*
 * Entries with the same bits that lie side by side are one, as in a dump of
 * page tables, which also tells dirty ones apart.
 */
void probe_map_view_entries(struct probe_map_view *map)
{
	uint64_t huge = PROBE_HUGE_BYTES / PROBE_PAGE_BYTES;
	const struct probe_cell *cells = map->cells;
	size_t size;
	FILE *to = need(open_memstream(&map->entries, &size));
	bool first = true;
	uint64_t end;

	for (uint64_t i = 0; i < map->nr_cells; i = end) {
		end = i + 1;
		if (cells[i].kind == '.')
			continue;
		while (end < map->nr_cells &&
		       entries_join(&cells[i], &cells[end]))
			end++;
		fprintf(to, "%s%s*%" PRIu64 "@%" PRIu64 "(%s)",
			first ? "" : " ", cells[i].huge ? "pmd" : "pte",
			cells[i].huge ? (end - i + huge - 1) / huge : end - i,
			i, cells[i].writable ? "RW" : "ro");
		first = false;
	}
	fclose(to);
	need(map->entries);
}

static void print_map(FILE *to, const struct probe_map_view *map)
{
	fprintf(to, "%s:", map->name);
	print_cells(to, map);
	fprintf(to, " {v%" PRIu64 " rss%" PRIu64 " anon%" PRIu64 " pd%" PRIu64
		" pc%" PRIu64 " ", map->nr_vmas, map->rss, map->anon,
		map->private_dirty, map->private_clean);
	if (map->shared_dirty || map->shared_clean)
		fprintf(to, "sd%" PRIu64 " sc%" PRIu64 " ", map->shared_dirty,
			map->shared_clean);
	fprintf(to, "ref%" PRIu64 " }", map->referenced);
	if (map->entries)
		fprintf(to, "[%s]", map->entries);
	fputc(' ', to);
}

void probe_view_print(FILE *to, const struct probe_step *step,
		      unsigned int number, const struct probe_view *view)
{
	uint64_t colour = PROBE_HUGE_BYTES / PROBE_PAGE_BYTES - 1;

	fprintf(to, "%c %02u %-30s => ", step->in_child ? 'C' : 'P', number,
		step->text);
	if (view->placed)
		fprintf(to, "[pfn0 %" PRIx64 "%s] ", view->pfn0,
			view->pfn0 & colour ? " NOT 2M ALIGNED" : "");
	fprintf(to, "%s | pte%+" PRId64 " anon%+" PRId64 " file%+" PRId64
		" | flt %" PRId64 "/%" PRId64 " | ", view->result, view->pte,
		view->anon, view->file, view->minor, view->major);
	for (size_t i = 0; i < view->nr_maps; i++)
		print_map(to, &view->maps[i]);
	fprintf(to, "| size %" PRIu64 "k blk %" PRIu64 "k | ev", view->size,
		view->blocks);
	if (!view->events)
		fputs(" ?", to);
	else if (*view->events)
		fprintf(to, " %s", view->events);
	fputc('\n', to);
}

/* ------ from text ------ */

/* Skip blanks and what is wanted.  Return: whether it was there. */
static bool take(const char **at, const char *wanted)
{
	const char *next = *at + strspn(*at, " ");

	if (strncmp(next, wanted, strlen(wanted)))
		return false;
	*at = next + strlen(wanted);
	return true;
}

static bool take_number(const char **at, int64_t *number)
{
	char *end;

	*number = strtoll(*at, &end, 10);
	if (end == *at)
		return false;
	*at = end;
	return true;
}

static bool take_unsigned(const char **at, uint64_t *number)
{
	int64_t found;

	if (!take_number(at, &found) || found < 0)
		return false;
	*number = (uint64_t)found;
	return true;
}

static bool take_field(const char **at, const char *name, int64_t *number)
{
	return take(at, name) && take_number(at, number);
}

static bool take_sum(const char **at, const char *name, uint64_t *number)
{
	return take(at, name) && take_unsigned(at, number);
}

/* Return: the text up to the next `end`, a new string, or NULL. */
static char *take_until(const char **at, const char *end)
{
	const char *found = strstr(*at, end);
	char *text;

	if (!found)
		return NULL;
	text = need(strndup(*at, (size_t)(found - *at)));
	*at = found + strlen(end);
	return text;
}

/* One run, such as `D512@0`.  Return: whether it was one. */
static bool take_run(const char **at, char *kind, uint64_t *nr, int64_t *block)
{
	*kind = **at;
	*block = 0;
	if (!*kind || !strchr(".AzZDCP", *kind))
		return false;
	++*at;
	if (!take_unsigned(at, nr) || !*nr || *nr > CELLS_MAX)
		return false;
	if (*kind != 'D')
		return true;
	if (**at != '@')
		return false;
	++*at;
	return take_number(at, block);
}

/* Go over `A1,.511` and fill the cells, if there are any yet. */
static bool take_runs(const char **at, struct probe_cell *cells,
		      uint64_t *nr_cells)
{
	uint64_t nr;
	int64_t block;
	char kind;

	*nr_cells = 0;
	do {
		if (!take_run(at, &kind, &nr, &block) ||
		    *nr_cells + nr > CELLS_MAX)
			return false;
		for (uint64_t i = 0; cells && i < nr; i++) {
			cells[*nr_cells + i].kind = kind;
			cells[*nr_cells + i].at = block + (int64_t)i;
		}
		*nr_cells += nr;
	} while (**at == ',' && ++*at);
	return true;
}

static bool take_sums(const char **at, struct probe_map_view *map)
{
	if (!take(at, "{") || !take_sum(at, "v", &map->nr_vmas) ||
	    !take_sum(at, "rss", &map->rss) ||
	    !take_sum(at, "anon", &map->anon) ||
	    !take_sum(at, "pd", &map->private_dirty) ||
	    !take_sum(at, "pc", &map->private_clean))
		return false;
	if (take(at, "sd")) {
		if (!take_unsigned(at, &map->shared_dirty) ||
		    !take_sum(at, "sc", &map->shared_clean))
			return false;
	}
	return take_sum(at, "ref", &map->referenced) && take(at, "}");
}

/* `a:A1,.511 {v1 ...}[pte*1@0(RW)]` */
static bool take_map(const char **at, struct probe_view *view)
{
	struct probe_map_view *map;
	const char *runs;
	uint64_t nr_cells;
	char *name;
	bool ok;

	*at += strspn(*at, " ");
	name = take_until(at, ":");
	runs = *at;
	ok = name && strlen(name) <= PROBE_NAME_MAX &&
	     take_runs(at, NULL, &nr_cells);
	if (!ok) {
		free(name);
		return false;
	}
	map = probe_view_map(view, name, nr_cells);
	free(name);
	if (map->nr_cells != nr_cells)
		return false;
	take_runs(&runs, map->cells, &nr_cells);
	if (!take_sums(at, map))
		return false;
	if (**at != '[')
		return true;
	++*at;
	free(map->entries);
	map->entries = take_until(at, "]");
	return map->entries != NULL;
}

/* `[pfn0 21200] 0`, `0x69`, `SIGBUS` */
static bool take_result(const char **at, struct probe_view *view)
{
	size_t chars;

	if (take(at, "[pfn0 ")) {
		char *place = take_until(at, "]");

		view->placed = place != NULL;
		if (!place)
			return false;
		view->pfn0 = strtoull(place, NULL, 16);
		free(place);
	}
	*at += strspn(*at, " ");
	chars = strcspn(*at, " |");
	if (!chars || chars >= sizeof(view->result))
		return false;
	memcpy(view->result, *at, chars);
	view->result[chars] = '\0';
	*at += chars;
	return take(at, "|");
}

static bool take_maps(const char **at, struct probe_view *view)
{
	while (!take(at, "|"))
		if (!take_map(at, view))
			return false;
	return true;
}

static bool take_events(const char **at, struct probe_view *view)
{
	if (!take(at, "| ev"))
		return false;
	*at += strspn(*at, " ");
	if (strcmp(*at, "?"))
		view->events = need(strdup(*at));
	return true;
}

int probe_view_parse(struct probe_view *view, const char *text,
		     const char **why)
{
	const char *at = text;

	memset(view, 0, sizeof(*view));
	*why = "the result is not understood";
	if (!take_result(&at, view))
		return -1;
	*why = "`pte anon file` are not understood";
	if (!take_field(&at, "pte", &view->pte) ||
	    !take_field(&at, "anon", &view->anon) ||
	    !take_field(&at, "file", &view->file) || !take(&at, "|"))
		return -1;
	*why = "the faults are not understood";
	if (!take_field(&at, "flt ", &view->minor) ||
	    !take_field(&at, "/", &view->major) || !take(&at, "|"))
		return -1;
	*why = "the maps are not understood";
	if (!take_maps(&at, view))
		return -1;
	*why = "size and blocks are not understood";
	if (!take_sum(&at, "size ", &view->size) || !take(&at, "k blk ") ||
	    !take_unsigned(&at, &view->blocks) || !take(&at, "k"))
		return -1;
	*why = "the events are not understood";
	return take_events(&at, view) ? 0 : -1;
}
