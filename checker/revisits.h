/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * revisits.h - what the files about revisits share; their terms are explained
 * in revisits.c.
 *
 * Interface
 *   revisits.c   which events come later
 *   bundles.c    the same, if there are many sets of them
 *   victims.c    the sub-trees, and which of them belong to here
 */
#ifndef CHECKER_REVISITS_H
#define CHECKER_REVISITS_H

#include "executions.h"

#include <string.h>

/* The new event, and what it could come before. */
struct revisit {
	struct executions *x;
	const struct event *e;
	bool unfinished;		/* and cannot be performed last */
	uint32_t nr;			/* movable events that it observes, */
	uint16_t *sources;		/* from the last one on */
};

static inline const struct event *event_of(const struct executions *x,
					   uint32_t id)
{
	return &x->events[x->place[id]];
}

static inline void set_copy(const struct executions *x, uint64_t *to,
			    const uint64_t *from)
{
	memcpy(to, from, x->width * sizeof(*to));
}

static inline bool set_empty(const struct executions *x, const uint64_t *set)
{
	for (uint32_t w = 0; w < x->width; w++)
		if (set[w])
			return false;
	return true;
}

static inline bool happened_after(const struct executions *x, uint32_t id,
				  const uint64_t *some)
{
	return sets_meet(event_row(x, id, ROW_BEFORE), some, x->width);
}

static inline uint32_t smallest(const struct executions *x, const uint64_t *set)
{
	for (uint32_t w = 0; w < x->width; w++)
		if (set[w])
			return w * WORD_BITS +
			       (uint32_t)__builtin_ctzll(set[w]);
	return UINT32_MAX;
}

/* revisits.c */

/*
 * Let those in SCRATCH_TAKEN come later, of r->sources, and no others.
 * Return: there is a sub-tree of that.
 */
bool revisit_push(const struct revisit *r);

/* bundles.c */

/* All sets of r->sources. */
void bundles_push(struct revisit *r);
/*
 * Those of the current sub-tree, a bundle; the first set comes last.
 * Return: false: that is not what it was, the program is not deterministic.
 */
bool bundles_open(struct revisit *r);

static inline bool request_is_of(const struct request *q,
				 const struct event *e)
{
	return q->thread == e->op.thread && q->ordinal == e->ordinal;
}

/* victims.c */

/* Nobody observes that the event comes before others: all stay as they are. */
void victim_none(const struct revisit *r, const uint64_t *later);
/* Let the victim come after the event, if that is not done elsewhere. */
void victim_push(const struct revisit *r, uint32_t victim,
		 const uint64_t *later, const uint64_t *victims);

#endif /* CHECKER_REVISITS_H */
