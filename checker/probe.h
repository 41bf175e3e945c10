/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * probe.h - how many executions are in the sub-trees that are left?
 *
 * An answer without bias, after few executions, by Chen's method ("Heuristic
 * sampling: a method for predicting the performance of tree searching
 * programs", SIAM Journal on Computing 21, 1992): sub-trees that look the same
 * are a stratum, of which only one, drawn at random, is searched, and counts
 * for all of them.  Strata are those of one depth, and the deeper come later,
 * so what a search finds belongs to a stratum that waits yet.
 *
 * A probe is a part of the search: what it runs is run once and for all, what
 * it leaves is searched later.
 *
 * Interface
 *   probe_begin()      with what is on the stack of sub-trees
 *   probe_next()       what to search next
 *   probe_found()      and what was found there
 *   probe_left()       what it says, or seems to as long as it is not done
 *   probe_end()        done, or given up
 *   probe_free()
 */
#ifndef CHECKER_PROBE_H
#define CHECKER_PROBE_H

#include "estimate.h"

#include <stdbool.h>
#include <stddef.h>

/* Strata beyond are all of the last depth. */
#define PROBE_DEPTHS 512

/* How a sub-tree looks. */
struct look {
	uint16_t depth;
	uint16_t size;
	uint16_t steps;
	uint16_t fresh;			/* 0: it is a bundle */
	uint16_t requests;
};

struct stratum {
	struct look look;
	uint32_t next;			/* of its depth; 0: none */
	double weight;			/* so many sub-trees, */
	double executions;		/* each with so many in it */
	size_t at;			/* of the one that stands for them */
};

/* The one that stands for a stratum has a child in another. */
struct descent {
	uint32_t from;
	uint32_t to;
};

struct probe_depth {
	uint32_t first;			/* stratum */
	double weight;			/* so many sub-trees, */
	double done;			/* of which so many were searched */
};

struct probe {
	bool on;
	uint64_t random;
	struct stratum *strata;		/* strata[1 .. nr] */
	uint32_t nr;
	uint32_t room;
	uint32_t *table;		/* of strata, by look */
	uint32_t table_size;		/* a power of two */
	struct descent *descents;
	uint32_t nr_descents;
	uint32_t descents_room;
	struct probe_depth *depths;	/* [PROBE_DEPTHS + 1], or NULL */
	uint32_t depth;			/* now */
	uint32_t now;			/* stratum that is searched */
	uint32_t cost;			/* executions */
	uint64_t runs;			/* before it */
	uint64_t due;			/* when the next one is, */
	uint64_t rests;			/* and until when there is none */
};

void probe_begin(struct probe *p, uint64_t runs);
/* Return: where it is that stands for the next stratum; false: all is done. */
bool probe_next(struct probe *p, size_t *at);
/*
 * A sub-tree with this look is at this place of the stack: found there when the
 * probe began, or by the search of the last probe_next().
 */
void probe_found(struct probe *p, const struct look *look, size_t at);
/* Return: executions that were left when it began. */
double probe_left(const struct probe *p);
/* Return: executions to be made for one such probe before there is another. */
uint64_t probe_rest(const struct probe *p);
/* Tell e, if there is something to tell; the next probe is due later. */
void probe_end(struct probe *p, struct estimate *e, uint64_t runs);
size_t probe_bytes(const struct probe *p);
void probe_free(struct probe *p);

#endif /* CHECKER_PROBE_H */
