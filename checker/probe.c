// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe.c - how many executions are in what is left; see probe.h.
 */
#include "probe.h"

#include <stdlib.h>
#include <string.h>

/* Executions for each of a probe, before there is another. */
#define LEAST_BETWEEN 16
/* A probe that takes longer is given up. */
#define MOST_STRATA 4000
/* Ratios of depths that grow or hardly fall say nothing of deeper ones. */
#define SLOWEST_FALL 0.9
#define MOST_DEPTHS 400

/* ------ strata ------ */

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* True with this probability. */
static bool chance(struct probe *p, double probability)
{
	return (double)(next_random(&p->random) >> 11) * 0x1p-53 < probability;
}

static uint32_t hash(const struct look *look)
{
	uint64_t bits;

	memcpy(&bits, look, sizeof(bits));
	bits ^= (uint64_t)look->requests << 48;
	return (uint32_t)(bits * 0x9e3779b97f4a7c15u >> 32);
}

static uint32_t *slot(const struct probe *p, const struct look *look)
{
	uint32_t i = hash(look) & (p->table_size - 1);

	while (p->table[i] &&
	       memcmp(&p->strata[p->table[i]].look, look, sizeof(*look)))
		i = (i + 1) & (p->table_size - 1);
	return &p->table[i];
}

static void grow(struct probe *p)
{
	p->room = 2 * p->room + 64;
	p->strata = realloc(p->strata, p->room * sizeof(*p->strata));
	free(p->table);
	for (p->table_size = 64; p->table_size < 2 * p->room;)
		p->table_size *= 2;
	p->table = calloc(p->table_size, sizeof(*p->table));
	if (!p->strata || !p->table)
		abort();
	for (uint32_t i = 1; i <= p->nr; i++)
		*slot(p, &p->strata[i].look) = i;
}

/* Return: the stratum of this look, a new one if need be. */
static uint32_t stratum_of(struct probe *p, const struct look *look)
{
	uint32_t *at;

	if (p->nr + 1 >= p->room)
		grow(p);
	at = slot(p, look);
	if (!*at) {
		*at = ++p->nr;
		p->strata[p->nr] = (struct stratum){
			.look = *look, .next = p->depths[look->depth].first,
		};
		p->depths[look->depth].first = p->nr;
	}
	return *at;
}

static void note_descent(struct probe *p, uint32_t to)
{
	if (p->nr_descents == p->descents_room) {
		p->descents_room = 2 * p->descents_room + 256;
		p->descents = realloc(p->descents, p->descents_room *
						   sizeof(*p->descents));
		if (!p->descents)
			abort();
	}
	p->descents[p->nr_descents++] = (struct descent){ p->now, to };
}

void probe_found(struct probe *p, const struct look *look, size_t at)
{
	double weight = p->now ? p->strata[p->now].weight : 1;
	struct look in = *look;
	struct stratum *s;
	uint32_t i;

	if (in.depth >= PROBE_DEPTHS)
		in.depth = PROBE_DEPTHS - 1;
	i = stratum_of(p, &in);
	s = &p->strata[i];
	if (p->now)
		note_descent(p, i);
	s->weight += weight;
	p->depths[in.depth].weight += weight;
	if (chance(p, weight / s->weight))
		s->at = at;
}

/* ------ a probe ------ */

void probe_begin(struct probe *p, uint64_t runs)
{
	if (!p->random)
		p->random = 0x2545f4914f6cdd1du;
	p->on = true;
	p->nr = p->nr_descents = 0;
	if (p->table)
		memset(p->table, 0, p->table_size * sizeof(*p->table));
	if (!p->depths)
		p->depths = malloc((PROBE_DEPTHS + 1) * sizeof(*p->depths));
	if (!p->depths)
		abort();
	memset(p->depths, 0, (PROBE_DEPTHS + 1) * sizeof(*p->depths));
	p->depth = p->now = p->cost = 0;
	p->runs = runs;
}

bool probe_next(struct probe *p, size_t *at)
{
	const struct stratum *s;

	while (p->depth < PROBE_DEPTHS && !p->depths[p->depth].first)
		p->depth++;
	if (p->depth == PROBE_DEPTHS || p->cost == MOST_STRATA)
		return false;
	p->now = p->depths[p->depth].first;
	s = &p->strata[p->now];
	p->depths[p->depth].first = s->next;
	p->depths[p->depth].done += s->weight;
	p->cost++;
	*at = s->at;
	return true;
}

/* ------ what it says ------ */

static bool is_done(const struct probe *p)
{
	return p->depth == PROBE_DEPTHS;
}

/*
 * Sub-trees of each depth, as far as they were found, from that of the root on;
 * those of the next depth as there would be if all of this one were searched.
 */
static uint32_t known_depths(const struct probe *p, double *weights)
{
	uint32_t first = 0, nr = 0, last = p->depth;
	const struct probe_depth *d = &p->depths[last];

	while (first < last && p->depths[first].weight <= 0)
		first++;
	for (uint32_t i = first; i <= last; i++)
		weights[nr++] = p->depths[i].weight;
	if (2 * d->done > d->weight)
		weights[nr++] = d[1].weight * d->weight / d->done;
	return nr;
}

/*
 * There are mostly more and more of a depth, and then fewer and fewer: let the
 * ratio of one depth to the one before fall on as it did last.
 */
static double extrapolate(const struct probe *p)
{
	double weights[PROBE_DEPTHS + 2];
	uint32_t nr = known_depths(p, weights);
	double sum = 0, ratio, fall, last;

	for (uint32_t i = 0; i < nr; i++)
		sum += weights[i];
	if (nr < 3 || weights[nr - 1] <= 0)
		return sum;
	last = weights[nr - 1];
	ratio = last / weights[nr - 2];
	fall = ratio * weights[nr - 3] / weights[nr - 2];
	if (fall > SLOWEST_FALL)
		fall = SLOWEST_FALL;
	for (uint32_t i = 0; i < MOST_DEPTHS && last > 1e-3; i++) {
		ratio *= fall;
		last *= ratio;
		sum += last;
	}
	return sum;
}

double probe_left(const struct probe *p)
{
	double sum = 0;

	if (!is_done(p))
		return extrapolate(p);
	for (uint32_t d = 0; d < PROBE_DEPTHS; d++)
		sum += p->depths[d].weight;
	return sum;
}

/* Executions of each stratum: itself, and those of what was found there. */
static void learn(struct probe *p, struct estimate *e)
{
	for (uint32_t i = 1; i <= p->nr; i++)
		p->strata[i].executions = 1;
	for (uint32_t i = p->nr_descents; i-- > 0;)
		p->strata[p->descents[i].from].executions +=
			p->strata[p->descents[i].to].executions;
	for (uint32_t i = 1; i <= p->nr; i++)
		estimate_learn(e, p->strata[i].look.size, p->strata[i].weight,
			       p->strata[i].executions);
}

uint64_t probe_rest(const struct probe *p)
{
	return (uint64_t)p->cost * LEAST_BETWEEN;
}

/*
 * The next one when half of what is left is done, and sooner as long as that is
 * so much that the estimate may well be wrong.
 */
static void set_due(struct probe *p, uint64_t runs, double left)
{
	p->due = 4 * runs;
	if ((double)p->due > (double)runs + left / 2)
		p->due = runs + (uint64_t)(left / 2);
	p->rests = runs + probe_rest(p);
	if (p->due < p->rests)
		p->due = p->rests;
}

void probe_end(struct probe *p, struct estimate *e, uint64_t runs)
{
	double left = probe_left(p);

	if (is_done(p)) {
		estimate_probed(e, (double)p->runs, left, p->cost);
		learn(p, e);
	} else if (estimate_left(e, (double)runs) <= 0) {
		/* there is nothing better, or that was wrong */
		estimate_probed(e, (double)p->runs, left, 1);
	}
	p->on = false;
	set_due(p, runs, estimate_left(e, (double)runs));
}

size_t probe_bytes(const struct probe *p)
{
	return p->room * sizeof(*p->strata) +
	       p->table_size * sizeof(*p->table) +
	       p->descents_room * sizeof(*p->descents) +
	       (p->depths ? (PROBE_DEPTHS + 1) * sizeof(*p->depths) : 0);
}

void probe_free(struct probe *p)
{
	free(p->strata);
	free(p->table);
	free(p->descents);
	free(p->depths);
}
