// SPDX-License-Identifier: GPL-2.0-only
/*
 * columns.c - one execution, drawn; see columns.h.
 *
 *	                   thread0              | thread1
 *	example.c:21       top is @1            |
 *	example.c:30                            | top: @1 -> 0
 */
#include "columns.h"

#include <stdlib.h>
#include <string.h>

static void add_row(struct columns *columns, unsigned int thread,
		    const void *where, const char *text)
{
	struct row *rows;

	/* set-up is the same in each execution, and nobody asks about it */
	if (columns->failed || !columns->begun)
		return;
	rows = realloc(columns->rows, (columns->nr + 1) * sizeof(*rows));
	if (!rows)
		abort();
	columns->rows = rows;
	rows[columns->nr] = (struct row){
		.thread = thread, .place = check_place_of(where),
		.text = strdup(text),
	};
	if (!rows[columns->nr++].text)
		abort();
}

static void on_runs(void *user, unsigned int thread)
{
	struct columns *columns = user;

	(void)thread;
	columns->begun = true;
}

static void on_told(void *user, unsigned int thread, const void *where,
		    const char *text)
{
	add_row(user, thread, where, text);
}

static void on_blocks(void *user, unsigned int thread, const void *object,
		      const char *how)
{
	(void)object;
	add_row(user, thread, NULL, how);
}

static void on_failed(void *user, const struct check_failure *failure,
		      unsigned int nth)
{
	struct columns *columns = user;

	if (nth)
		return;
	columns->failed = true;
	columns->place = check_place_of(failure->where);
	memcpy(columns->failure, failure->text, sizeof(columns->failure));
}

void columns_listener(struct columns *columns, struct check_listener *listener)
{
	*listener = (struct check_listener){
		.runs = on_runs,
		.failed = on_failed,
		.blocks = on_blocks,
		.told = on_told,
		.user = columns,
	};
}

void columns_free(struct columns *columns)
{
	for (size_t i = 0; i < columns->nr; i++)
		free(columns->rows[i].text);
	free(columns->rows);
}

static int place_text(const struct check_place *place, char *text, size_t bytes)
{
	const char *file;

	if (!place)
		return snprintf(text, bytes, "%s", "");
	file = strrchr(place->file, '/');
	return snprintf(text, bytes, "%s:%u", file ? file + 1 : place->file,
			place->line);
}

struct widths {
	int place;
	int column[CHECK_MAX_THREADS];
};

static void widen(int *width, int wanted)
{
	if (*width < wanted)
		*width = wanted;
}

static struct widths measure(const struct columns *columns)
{
	const char *name = columns->program->thread_name;
	struct widths w = { .place = 0 };

	for (unsigned int t = 0; t < columns->program->nr_threads; t++)
		w.column[t] = snprintf(NULL, 0, "%s%u", name ? name : "CPU", t);
	for (size_t i = 0; i < columns->nr; i++) {
		const struct row *row = &columns->rows[i];

		widen(&w.place, place_text(row->place, NULL, 0));
		if (row->thread < CHECK_MAX_THREADS)
			widen(&w.column[row->thread], (int)strlen(row->text));
	}
	widen(&w.place, place_text(columns->place, NULL, 0));
	return w;
}

/* Cells of a line, and no blanks at its end. */
static void print_cells(const struct columns *columns, const struct widths *w,
			const char *const *cells, FILE *to)
{
	unsigned int nr = columns->program->nr_threads;
	int blanks = 2;

	for (unsigned int t = 0; t < nr; t++) {
		const char *cell = cells[t] ? cells[t] : "";

		if (t) {
			fprintf(to, "%*s|", blanks + 1, "");
			blanks = 1;
		}
		if (*cell)
			fprintf(to, "%*s%s", blanks, "", cell);
		blanks = (*cell ? 0 : blanks) +
			 w->column[t] - (int)strlen(cell);
	}
	fputc('\n', to);
}

static void print_row(const struct columns *columns, const struct widths *w,
		      const struct row *row, FILE *to)
{
	const char *cells[CHECK_MAX_THREADS] = { NULL };
	char place[128];

	place_text(row->place, place, sizeof(place));
	fprintf(to, "%-*s", w->place, place);
	if (row->thread < CHECK_MAX_THREADS) {
		cells[row->thread] = row->text;
		print_cells(columns, w, cells, to);
	} else {
		fprintf(to, "  at the end: %s\n", row->text);
	}
}

void columns_print(const struct columns *columns, FILE *to)
{
	const char *name = columns->program->thread_name;
	char names[CHECK_MAX_THREADS][64];
	const char *heads[CHECK_MAX_THREADS];
	struct widths w = measure(columns);
	char place[128];

	for (unsigned int t = 0; t < columns->program->nr_threads; t++) {
		snprintf(names[t], sizeof(names[t]), "%s%u",
			 name ? name : "CPU", t);
		heads[t] = names[t];
	}
	fprintf(to, "%*s", w.place, "");
	print_cells(columns, &w, heads, to);
	for (size_t i = 0; i < columns->nr; i++)
		print_row(columns, &w, &columns->rows[i], to);
	if (!columns->failed)
		return;
	place_text(columns->place, place, sizeof(place));
	fprintf(to, "%-*s  ^^^^ %s\n", w.place, place, columns->failure);
}
