// SPDX-License-Identifier: GPL-2.0-only
/*
 * estimate.c - how many executions are left; see estimate.h.
 */
#include "estimate.h"

#include <math.h>
#include <stdlib.h>

/* Averages of fewer are not trusted to say how they grow. */
#define ENOUGH 4

static uint32_t clip(uint32_t size)
{
	return size < ESTIMATE_SIZES ? size : ESTIMATE_SIZES - 1;
}

void estimate_found(struct estimate *e, uint32_t size)
{
	e->found[clip(size)]++;
}

void estimate_lost(struct estimate *e, uint32_t size)
{
	e->found[clip(size)]--;
}

void estimate_begin(struct estimate *e, uint32_t size, size_t base,
		    uint64_t runs)
{
	estimate_lost(e, size);
	if (e->nr_open == e->room) {
		size_t room = 2 * e->room + 64;
		struct estimate_open *open =
			realloc(e->open, room * sizeof(*open));

		/* it is but an estimate */
		if (!open)
			return;
		e->open = open;
		e->room = room;
	}
	e->open[e->nr_open++] = (struct estimate_open){ base, runs,
							clip(size) };
}

void estimate_end(struct estimate *e, size_t used, uint64_t runs)
{
	while (e->nr_open && e->open[e->nr_open - 1].base >= used) {
		const struct estimate_open *open = &e->open[--e->nr_open];

		e->nr[open->size]++;
		e->sum[open->size] += (double)(runs - open->runs);
	}
}

void estimate_disturbed(struct estimate *e)
{
	e->nr_open = 0;
}

/*
 * Executions a sub-tree of each size has.  Those of most sizes are of few
 * sub-trees, so the growth is that from the smallest to the largest.
 */
static void averages(const struct estimate *e, double *average)
{
	uint32_t first = 0, last = 0;
	double growth = 1, most = 1;

	for (uint32_t size = 0; size < ESTIMATE_SIZES; size++) {
		average[size] = 0;
		if (e->nr[size] < ENOUGH)
			continue;
		average[size] = e->sum[size] / (double)e->nr[size];
		if (!first)
			first = size;
		last = size;
		if (average[size] > most)
			most = average[size];
	}
	if (last > first)
		growth = pow(most, 1.0 / (double)(last - first));
	for (uint32_t size = 0; size < ESTIMATE_SIZES; size++)
		if (average[size] <= 0)
			average[size] = size ? average[size - 1] *
					       (size > last ? growth : 1) : 1;
}

double estimate_left(const struct estimate *e)
{
	double average[ESTIMATE_SIZES], left = 0;

	averages(e, average);
	for (uint32_t size = 0; size < ESTIMATE_SIZES; size++)
		left += (double)e->found[size] * average[size];
	return left;
}

double estimate_of(const struct estimate *e, uint32_t size)
{
	double average[ESTIMATE_SIZES];

	averages(e, average);
	return average[clip(size)];
}
