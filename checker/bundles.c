// SPDX-License-Identifier: GPL-2.0-only
/*
 * bundles.c - sets of events that know nothing of each other, of which some
 * come later than a new event that observes them; see revisits.c.
 *
 * There are as many sub-trees as there are sets: of k additions ahead of a read
 * any may come later, and 2^k sub-trees are too many to wait at once.  Sets are
 * in the order of binary numbers, the event that stands last being the first
 * digit.  All that begin with the same digits are a bundle, unless they are
 * few: one sub-tree, which says what the first set of it is.  When its turn
 * comes, that one is searched, and the sets behind it are bundles again: for
 * each of its digits that is not set one, in which it is set and those before
 * it are the same.  So there are as many at a time as there are digits; and
 * like any other sub-tree a bundle has one execution, and those of what was
 * found there.
 */
#include "revisits.h"

unsigned int revisits_few = 8;

/* So many times as many sets of a new event need no bundles at all. */
#define WITHOUT_BUNDLES 8

/* ------ sets ------ */

/*
 * May this one come later, too, where it is decided which of those behind it
 * do?  It does so only with all that happened after it.
 */
static bool may_be_taken(const struct revisit *r, uint32_t i)
{
	const struct executions *x = r->x;
	const uint64_t *taken = scratch_row(x, SCRATCH_TAKEN);
	const uint32_t id = r->sources[i];

	for (uint32_t k = 0; k < i; k++)
		if (!set_has(taken, r->sources[k]) &&
		    set_has(event_row(x, r->sources[k], ROW_BEFORE), id))
			return false;
	return true;
}

/*
 * Sets are in the order of binary numbers, the last event having the first
 * digit, and so many digits are decided.
 * Return: false: that was the last one; now it is the first again.
 */
static bool next_set(const struct revisit *r, uint32_t decided)
{
	uint64_t *taken = scratch_row(r->x, SCRATCH_TAKEN);

	for (uint32_t i = r->nr; i-- > decided;) {
		if (set_has(taken, r->sources[i])) {
			set_remove(taken, r->sources[i]);
		} else if (may_be_taken(r, i)) {
			set_add(taken, r->sources[i]);
			return true;
		}
	}
	return false;
}

static void to_first_set(const struct revisit *r, uint32_t decided)
{
	uint64_t *taken = scratch_row(r->x, SCRATCH_TAKEN);

	for (uint32_t i = decided; i < r->nr; i++)
		set_remove(taken, r->sources[i]);
}

/* Are there no more than so many?  Now it is the first one, and then again. */
static bool are_few(const struct revisit *r, uint32_t decided, uint32_t few)
{
	uint32_t nr = 1;

	while (nr <= few && next_set(r, decided))
		nr++;
	to_first_set(r, decided);
	return nr <= few;
}

static void push_all(const struct revisit *r, uint32_t decided)
{
	do
		revisit_push(r);
	while (next_set(r, decided));
}

/* ------ bundles ------ */

/* Those that are taken are the first set of it. */
static void push_bundle(const struct revisit *r, uint32_t decided)
{
	struct executions *x = r->x;
	const uint64_t *taken = scratch_row(x, SCRATCH_TAKEN);
	struct subtree *s = subtree_push_bundle(x, decided, r->nr - decided);
	struct request *first = &subtree_requests(s)[s->nr_requests - 1];
	uint32_t id, other;

	*first = (struct request){ .since = r->e->id };
	for_each_member(id, taken, x->width) {
		bool is_first = true;

		for_each_member(other, taken, x->width)
			if (other != id &&
			    set_has(event_row(x, id, ROW_BEFORE), other))
				is_first = false;
		if (is_first)
			first->after[first->nr_after++] = (uint16_t)id;
	}
}

/* All sets, or the first one that has a sub-tree, for all of them. */
static void push_sets(const struct revisit *r, uint32_t decided)
{
	struct executions *x = r->x;
	size_t others = x->subtrees_used;

	if (are_few(r, decided, revisits_few)) {
		push_all(r, decided);
		return;
	}
	while (!revisit_push(r))
		if (!next_set(r, decided))
			return;
	x->subtrees_used = others;
	push_bundle(r, decided);
	to_first_set(r, decided);
}

/*
 * All sets behind the one that is taken: after each digit that is not set
 * those that are equal up to there.
 */
static void choose(const struct revisit *r, uint32_t decided)
{
	uint64_t *taken = scratch_row(r->x, SCRATCH_TAKEN);

	for (uint32_t i = r->nr; i-- > decided;) {
		uint32_t id = r->sources[i];

		if (!set_has(taken, id) && may_be_taken(r, i)) {
			set_add(taken, id);
			push_sets(r, i + 1);
		}
		set_remove(taken, id);
	}
}

/* Those that do not come later without what is never deleted. */
static void remove_fixed(struct revisit *r)
{
	const struct executions *x = r->x;
	const uint64_t *never = scratch_row(x, SCRATCH_NEVER);
	uint32_t nr = r->nr, id;

	r->nr = 0;
	for (uint32_t i = 0; i < nr; i++) {
		bool fixed = false;

		for_each_member(id, never, x->width)
			fixed |= set_has(event_row(x, id, ROW_BEFORE),
					 r->sources[i]);
		if (!fixed)
			r->sources[r->nr++] = r->sources[i];
	}
}

void bundles_push(struct revisit *r)
{
	remove_fixed(r);
	if (are_few(r, 0, WITHOUT_BUNDLES * revisits_few)) {
		push_all(r, 0);
	} else {
		revisit_push(r);
		choose(r, 0);
	}
}

/* The first set of the bundle. */
static void take_first(const struct revisit *r)
{
	const struct executions *x = r->x;
	const struct request *first =
		&subtree_requests(x->current)[x->current->nr_requests - 1];
	uint64_t *taken = scratch_row(x, SCRATCH_TAKEN);
	uint64_t *some = scratch_row(x, SCRATCH_NEW);

	memset(some, 0, x->width * sizeof(*some));
	for (uint32_t i = 0; i < first->nr_after; i++)
		set_add(some, first->after[i]);
	for (uint32_t i = 0; i < r->nr; i++)
		if (happened_after(x, r->sources[i], some))
			set_add(taken, r->sources[i]);
}

bool bundles_open(struct revisit *r)
{
	remove_fixed(r);
	take_first(r);
	choose(r, r->x->current->decided);
	take_first(r);
	return revisit_push(r);
}
