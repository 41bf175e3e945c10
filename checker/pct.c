// SPDX-License-Identifier: GPL-2.0-only
/*
 * pct.c - probabilistic concurrency testing.
 *
 * Threads have priorities at random; of those that can go on, the highest
 * does.  At depth - 1 operations, also at random, the thread that comes next
 * falls below all others.  A bug that shows whenever `depth` pairs of
 * operations come in a certain order is met with a probability of 1/n that
 * the thread of the last pair begins as the lowest, times 1/k for each of the
 * other pairs, where the change has to hit one of k operations.
 */
#include "random.h"

#include <math.h>
#include <stdio.h>

#define DEPTH 3

/* Above them are the priorities that threads begin with. */
static uint32_t lowered(const struct pct *pct, unsigned int change)
{
	return pct->depth - 1 - change;
}

static int pct_prepare(struct sampler *s)
{
	s->pct.depth = s->search->options->depth;
	if (!s->pct.depth)
		s->pct.depth = DEPTH;
	return 0;
}

static void pct_begin(struct sampler *s)
{
	unsigned int n = run.program->nr_threads;
	struct pct *pct = &s->pct;

	/* a shuffle: each order with the same probability */
	for (unsigned int t = 0; t < n; t++) {
		uint64_t u = dice_below(&s->dice, t + 1u);

		pct->priorities[t] = pct->priorities[u];
		pct->priorities[u] = pct->depth + t;
	}
	for (unsigned int i = 0; i + 1 < pct->depth; i++)
		pct->changes[i] = (uint32_t)
			dice_below(&s->dice, s->most ? s->most : 1);
}

static unsigned int highest(const struct pct *pct, unsigned int enabled)
{
	unsigned int best = (unsigned int)__builtin_ctz(enabled);

	for (unsigned int t = best + 1; t < run.program->nr_threads; t++)
		if ((enabled & (1u << t)) &&
		    pct->priorities[t] > pct->priorities[best])
			best = t;
	return best;
}

static unsigned int pct_choose(struct sampler *s, unsigned int enabled)
{
	struct pct *pct = &s->pct;

	for (unsigned int i = 0; i + 1 < pct->depth; i++)
		if (pct->changes[i] == s->course.nr)
			pct->priorities[highest(pct, enabled)] =
				lowered(pct, i);
	return highest(pct, enabled);
}

static bool pct_covered(struct sampler *s, enum course_state state)
{
	(void)state;
	return s->course.nr <= s->most;
}

static void pct_guarantee(struct sampler *s, char *text, size_t bytes)
{
	struct check_result *result = s->search->result;
	unsigned int n = run.program->nr_threads;
	double k = s->most ? s->most : 1;
	double p = 1 / (n * pow(k, s->pct.depth - 1.0));
	double all = p < 1 ? -expm1((double)result->runs * log1p(-p)) : 1;
	int at;

	result->probability = p;
	at = snprintf(text, bytes,
		      "a run meets a bug of depth %u in the first %u operations of %u threads with a probability of at least %.3g, all runs together with %.3g",
		      s->pct.depth, s->most, n, p, all);
	if (result->beyond && at > 0 && (size_t)at < bytes)
		snprintf(text + at, bytes - (size_t)at,
			 "; %llu runs had more operations",
			 (unsigned long long)result->beyond);
}

const struct strategy strategy_pct = {
	.prepare = pct_prepare,
	.begin = pct_begin,
	.choose = pct_choose,
	.covered = pct_covered,
	.guarantee = pct_guarantee,
};
