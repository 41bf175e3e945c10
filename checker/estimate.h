/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * estimate.h - how many executions are left, judged by those that were run.
 *
 * A sub-tree has as many executions, on the average, as those before it that
 * had as many events to decide.  Where none was finished yet, the averages go
 * on growing as they did up to there.
 *
 * Interface
 *   estimate_found()   a sub-tree was found, or taken from elsewhere
 *   estimate_lost()    and given away
 *   estimate_begin()   it is searched now
 *   estimate_end()     those below a place of the stack are searched
 *   estimate_left()    executions of what is found and not searched
 *   estimate_of()      and of one sub-tree
 */
#ifndef CHECKER_ESTIMATE_H
#define CHECKER_ESTIMATE_H

#include <stddef.h>
#include <stdint.h>

#define ESTIMATE_SIZES 256		/* larger ones count as of this size */

struct estimate_open {
	size_t base;			/* of the stack of sub-trees */
	uint64_t runs;			/* before it was begun */
	uint32_t size;
};

struct estimate {
	uint64_t found[ESTIMATE_SIZES];	/* and not searched, by size */
	uint64_t nr[ESTIMATE_SIZES];	/* searched, */
	double sum[ESTIMATE_SIZES];	/* and their executions */
	struct estimate_open *open;	/* one in the other */
	size_t nr_open;
	size_t room;
};

void estimate_found(struct estimate *e, uint32_t size);
void estimate_lost(struct estimate *e, uint32_t size);
/* runs: executions so far; base: bytes of the stack without it. */
void estimate_begin(struct estimate *e, uint32_t size, size_t base,
		    uint64_t runs);
/* All is searched that lay on the stack beyond `used`. */
void estimate_end(struct estimate *e, size_t used, uint64_t runs);
/* The stack is not what it was: what is open is no measure. */
void estimate_disturbed(struct estimate *e);
double estimate_left(const struct estimate *e);
double estimate_of(const struct estimate *e, uint32_t size);

#endif /* CHECKER_ESTIMATE_H */
