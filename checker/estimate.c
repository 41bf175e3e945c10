// SPDX-License-Identifier: GPL-2.0-only
/*
 * estimate.c - how many executions are left; see estimate.h.
 */
#include "estimate.h"

#include <string.h>

/* No probe is so good that others do not matter. */
#define LEAST_ERROR 0.05
#define ROUNDS 4

void estimate_clear(struct estimate *e)
{
	e->nr_probes = 0;
}

void estimate_probed(struct estimate *e, double runs, double left,
		     double trust)
{
	if (e->nr_probes == ESTIMATE_PROBES)
		memmove(e->probes, e->probes + 1,
			--e->nr_probes * sizeof(*e->probes));
	e->probes[e->nr_probes++] =
		(struct estimate_probe){ runs, left, trust };
}

/*
 * The mean of what the probes say of the whole.  How wrong one may be is in
 * proportion to what was left, of which the mean itself says the most.
 */
static double whole(const struct estimate *e)
{
	double mean = 0;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		double sum = 0, weights = 0;

		for (uint32_t i = 0; i < e->nr_probes; i++) {
			const struct estimate_probe *p = &e->probes[i];
			double error = 1 - p->runs / mean;
			double weight = p->trust;

			if (round && error < LEAST_ERROR)
				error = LEAST_ERROR;
			if (round)
				weight /= error * error;
			sum += weight * (p->runs + p->left);
			weights += weight;
		}
		mean = weights > 0 ? sum / weights : 0;
	}
	return mean;
}

double estimate_left(const struct estimate *e, double runs)
{
	double left = whole(e) - runs;

	return left > 0 ? left : 0;
}

void estimate_changed(struct estimate *e, double runs, double more)
{
	double left = estimate_left(e, runs) + more, trust = 0;

	for (uint32_t i = 0; i < e->nr_probes; i++)
		trust += e->probes[i].trust;
	estimate_clear(e);
	estimate_probed(e, runs, left > 0 ? left : 0, trust > 1 ? trust : 1);
}

/* ------ by size ------ */

static uint32_t clip(uint32_t size)
{
	return size < ESTIMATE_SIZES ? size : ESTIMATE_SIZES - 1;
}

void estimate_learn(struct estimate *e, uint32_t size, double nr,
		    double executions)
{
	e->nr[clip(size)] += nr;
	e->sum[clip(size)] += nr * executions;
}

double estimate_of(const struct estimate *e, uint32_t size)
{
	/* at least as many as the next smaller one that is known */
	for (uint32_t i = clip(size); i; i--)
		if (e->nr[i] > 0)
			return e->sum[i] / e->nr[i];
	return 1;
}
