/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * estimate.h - how many executions are left, from what probes said (probe.c).
 *
 * Each probe, whenever it was made, is an estimate of the whole: what was run
 * before it, and what it said was left.  The mean of them counts a probe the
 * more, the less was left for it to be wrong about.
 *
 * Interface
 *   estimate_clear()    nothing is known, and nothing is left
 *   estimate_probed()   a probe said how much is left
 *   estimate_changed()  parts were taken, or given away
 *   estimate_left()     executions that are left
 *   estimate_learn()    sub-trees of a size have so many executions
 *   estimate_of()       how many has one of this size?
 */
#ifndef CHECKER_ESTIMATE_H
#define CHECKER_ESTIMATE_H

#include <stdint.h>

#define ESTIMATE_SIZES 256		/* larger ones count as of this size */
#define ESTIMATE_PROBES 64		/* the last ones */

struct estimate_probe {
	double runs;			/* executions before it, */
	double left;			/* after that, and */
	double trust;			/* how good it is: what it has cost */
};

struct estimate {
	struct estimate_probe probes[ESTIMATE_PROBES];
	uint32_t nr_probes;
	double nr[ESTIMATE_SIZES];	/* sub-trees, by size, */
	double sum[ESTIMATE_SIZES];	/* and their executions */
};

/* What sub-trees of a size have is remembered. */
void estimate_clear(struct estimate *e);
/* runs: executions so far. */
void estimate_probed(struct estimate *e, double runs, double left,
		     double trust);
/* more: executions, or less than 0. */
void estimate_changed(struct estimate *e, double runs, double more);
double estimate_left(const struct estimate *e, double runs);
void estimate_learn(struct estimate *e, uint32_t size, double nr,
		    double executions);
double estimate_of(const struct estimate *e, uint32_t size);

#endif /* CHECKER_ESTIMATE_H */
