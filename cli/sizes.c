// SPDX-License-Identifier: GPL-2.0-only
/*
 * sizes.c - the smallest machine that a test can run on, and whether all that
 * the test names lies where it can, which the parser could not know.
 */
#include "trial.h"

/* As litmus/subject_stored.c has room for. */
#define MAX_STORES 16

/* Do what for each operation of the test.  Return: 0, or what says not 0. */
static int each_op(const struct litmus *test,
		   int (*what)(const struct litmus_op *op, void *arg),
		   void *arg)
{
	int ret = 0;

	for (size_t i = 0; i < test->nr_setup && !ret; i++)
		ret = what(&test->setup[i], arg);
	for (size_t c = 0; c < test->nr_columns; c++)
		for (size_t i = 0; i < test->columns[c].nr_ops && !ret; i++)
			ret = what(&test->columns[c].ops[i], arg);
	return ret;
}

/* ------ what is named ------ */

struct extent_of_names {
	uint64_t pages;			/* the most of them beside huge ones */
	unsigned int byte;		/* the last word's offset in its page */
	size_t nr_stores;
};

static void name_span(struct extent_of_names *most,
		      const struct litmus_span *span)
{
	if (span->pages > most->pages)
		most->pages = span->pages;
}

static void name_place(struct extent_of_names *most,
		       const struct litmus_place *place)
{
	name_span(most, &place->page);
	if (place->byte > most->byte)
		most->byte = place->byte;
}

static int name_op(const struct litmus_op *op, void *arg)
{
	struct extent_of_names *most = arg;

	name_place(most, &op->place);
	name_place(most, &op->to);
	name_span(most, &op->start);
	most->nr_stores += op->kind == LITMUS_STORE ||
			   (op->kind == LITMUS_WRITE && !op->has_buffer);
	return 0;
}

static size_t nr_stores_of_setup(const struct litmus *test)
{
	struct extent_of_names most = { 0 };

	for (size_t i = 0; i < test->nr_setup; i++)
		name_op(&test->setup[i], &most);
	return most.nr_stores;
}

/* What places, inside a huge page and inside a page, does the test name? */
static struct extent_of_names extent_of_names(const struct litmus *test)
{
	struct extent_of_names most = { .pages = 3 };

	for (size_t i = 0; i < test->nr_observed; i++)
		name_place(&most, &test->observed[i]);
	for (size_t i = 0; i < test->nr_on_medium; i++)
		name_place(&most, &test->on_medium[i]);
	each_op(test, name_op, &most);
	most.nr_stores -= nr_stores_of_setup(test);
	return most;
}

/* A divisor of the order, so that a huge entry is one slot of the tree. */
static unsigned int tree_bits(unsigned int order)
{
	return order % 3 == 0 ? 3 : order % 2 == 0 ? 2 : order;
}

/* As small as the test allows: a page the test names lies in its huge page. */
static struct machine_geometry smallest(const struct extent_of_names *most)
{
	struct machine_geometry g = { .huge_order = 2 };

	while (((uint64_t)1 << g.huge_order) <= most->pages && g.huge_order < 9)
		g.huge_order++;
	g.page_shift = g.huge_order + 3;
	while ((1u << g.page_shift) < most->byte + 8)
		g.page_shift++;
	g.tree_bits = tree_bits(g.huge_order);
	return g;
}

/* ------ does it fit? ------ */

struct fit {
	const struct trial *trial;
	FILE *errors;
};

static uint64_t pages(const struct trial *trial, struct litmus_span span)
{
	return (span.huge << trial->machine.geometry.huge_order) + span.pages;
}

/* Complain unless pages [start, start + length) lie in an object of size. */
static int inside(const struct fit *fit, struct litmus_pos pos,
		  const char *name, struct litmus_span start,
		  struct litmus_span length, struct litmus_span size)
{
	const struct trial *trial = fit->trial;
	uint64_t end = pages(trial, start) + pages(trial, length);

	if (end <= pages(trial, size))
		return 0;
	fprintf(fit->errors,
		"%s:%u:%u: error: page %llu lies outside of '%s', which has %llu pages (%u are a pmd here)\n",
		trial->test->path, pos.line, pos.column,
		(unsigned long long)(end - 1), name,
		(unsigned long long)pages(trial, size),
		1u << trial->machine.geometry.huge_order);
	return -1;
}

static int part_fits(const struct fit *fit, struct litmus_pos pos,
		     const struct litmus_place *in, struct litmus_span start,
		     struct litmus_span length)
{
	const struct litmus *test = fit->trial->test;

	if (in->in_file)
		return inside(fit, pos, test->files[in->object].name, start,
			      length, test->files[in->object].size);
	return inside(fit, pos, test->maps[in->object].name, start, length,
		      test->maps[in->object].length);
}

static int place_fits(const struct fit *fit, struct litmus_pos pos,
		      const struct litmus_place *place)
{
	struct litmus_span one = { 0, 1 };

	return part_fits(fit, pos, place, place->page, one);
}

static int op_fits(const struct litmus_op *op, void *arg)
{
	const struct fit *fit = arg;

	if (op->map == LITMUS_NONE && op->file == LITMUS_NONE)
		return 0;
	if (op->has_buffer && place_fits(fit, op->pos, &op->to))
		return -1;
	switch (op->kind) {
	case LITMUS_LOAD:
	case LITMUS_STORE:
	case LITMUS_READ:
	case LITMUS_WRITE:
	case LITMUS_PIN:
	case LITMUS_UNPIN:
		return place_fits(fit, op->pos, &op->place);
	case LITMUS_TRUNCATE:
		return 0;
	case LITMUS_MREMAP:
		if (part_fits(fit, op->pos, &op->to, op->to.page,
			      op->to_length))
			return -1;
		break;
	default:
		break;
	}
	return part_fits(fit, op->pos, &op->place, op->start, op->length);
}

static int places_fit(const struct fit *fit, struct litmus_pos pos,
		      const struct litmus_place *places, size_t nr)
{
	int ret = 0;

	for (size_t i = 0; i < nr && !ret; i++)
		ret = place_fits(fit, pos, &places[i]);
	return ret;
}

/* What could not be decided when the test was parsed. */
static int fits(const struct trial *trial, FILE *errors)
{
	const struct litmus *test = trial->test;
	struct fit fit = { trial, errors };

	for (size_t i = 0; i < test->nr_maps; i++) {
		const struct litmus_map *m = &test->maps[i];
		const struct litmus_file *f = &test->files[m->file];

		if (inside(&fit, m->pos, f->name, m->offset, m->length,
			   f->size))
			return -1;
	}
	if (each_op(test, op_fits, &fit) ||
	    places_fit(&fit, test->condition->pos, test->observed,
		       test->nr_observed) ||
	    places_fit(&fit, test->condition->pos, test->on_medium,
		       test->nr_on_medium))
		return -1;
	for (size_t i = 0; i < test->nr_poisoned; i++)
		if (place_fits(&fit, test->files[test->poisoned[i].object].pos,
			       &test->poisoned[i]))
			return -1;
	return 0;
}

static size_t nr_registers(const struct litmus *test)
{
	size_t nr = 0;

	for (size_t c = 0; c < test->nr_columns; c++)
		nr += test->columns[c].nr_registers;
	return nr;
}

int trial_choose_sizes(struct trial *trial, FILE *errors)
{
	const struct litmus *test = trial->test;
	struct extent_of_names most = extent_of_names(test);
	struct machine_geometry *g = &trial->machine.geometry;

	if (test->has_crash && nr_registers(test) > CHECK_MACHINE_NOTES) {
		fprintf(errors,
			"%s: error: more than %d registers, and a power cut\n",
			test->path, CHECK_MACHINE_NOTES);
		return -1;
	}
	if (most.nr_stores > MAX_STORES) {
		fprintf(errors, "%s: error: more than %d stores\n", test->path,
			MAX_STORES);
		return -1;
	}
	*g = smallest(&most);
	g->upper_levels = trial->subject->upper_levels(test, g->huge_order);
	return fits(trial, errors);
}
