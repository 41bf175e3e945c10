// SPDX-License-Identifier: GPL-2.0-only
/*
 * left.c - which sub-tree to search next, and how much is left.
 *
 * Mostly it is the one found last, so that few have to be remembered and much
 * of what was performed can be used.  Now and then a probe picks some from
 * everywhere instead (probe.h), to tell how many executions all of them have.
 * What that finds lies on the stack for long, so it must not be too much.
 */
#include "executions.h"

/* Bytes of sub-trees, for each event, that a probe may find before it ends. */
#define EVENT_BYTES (32u << 10)
/* Events of an execution that are told apart. */
#define LONGEST 64
/* Executions before the first one: who has fewer needs none. */
#define PROBE_FIRST 16
/* Executions of a part from elsewhere before one. */
#define PROBE_LATER 64

void left_begin(struct executions *x)
{
	estimate_clear(&x->estimate);
	x->probe.on = false;
	x->probe.due = PROBE_FIRST;
	/* it may be one of several processes from now on */
	x->probe.rests = probe_rest(&x->probe);
}

/* ------ probes ------ */

static void show_probe(struct executions *x, size_t at)
{
	const struct subtree *s = (void *)(x->subtrees + at);
	unsigned int coarse = 0;
	struct look look;

	/* in long executions an event more or less makes little difference */
	while (x->nr >> coarse > LONGEST)
		coarse++;
	look = (struct look){
		s->depth, (uint16_t)(s->size >> coarse),
		(uint16_t)(s->nr_steps >> coarse),
		(uint16_t)(s->decided ? 0 : 1u + (s->fresh >> coarse)),
		s->nr_requests,
	};

	probe_found(&x->probe, &look, at);
}

/* Sub-trees are as long as executions are. */
static size_t most_bytes(const struct executions *x)
{
	return (size_t)EVENT_BYTES * (x->nr > LONGEST ? x->nr : LONGEST);
}

static bool probe_is_due(const struct executions *x)
{
	return !x->probe.on && x->search->result->runs >= x->probe.due &&
	       x->subtrees_used && x->subtrees_used < most_bytes(x) / 2;
}

static void begin_probe(struct executions *x)
{
	const struct subtree *s;

	probe_begin(&x->probe, x->search->result->runs);
	for (size_t at = 0; at < x->subtrees_used; at += s->bytes) {
		s = (void *)(x->subtrees + at);
		show_probe(x, at);
	}
}

void left_settle(struct executions *x)
{
	if (!x->probe.on)
		return;
	subtrees_compact(x);
	probe_end(&x->probe, &x->estimate, x->search->result->runs);
}

struct subtree *left_next(struct executions *x)
{
	struct subtree *s;
	size_t at;

	if (probe_is_due(x))
		begin_probe(x);
	if (x->probe.on && x->subtrees_used < most_bytes(x) &&
	    probe_next(&x->probe, &at)) {
		s = (void *)(x->subtrees + at);
		s->searched = true;
		return s;
	}
	left_settle(x);
	return subtree_pop(x);
}

void left_found(struct executions *x, size_t others)
{
	size_t end = x->subtrees_used, to = others;

	for (size_t at = others; at < end;) {
		struct subtree *s = (void *)(x->subtrees + at);

		at += s->bytes;
		s->size = (uint16_t)(x->nr > s->shared ? x->nr - s->shared : 0);
		s->depth = x->current->depth;
		if (s->depth < UINT16_MAX)
			s->depth++;
		x->subtrees_used = to + subtree_pack(s, x->subtrees + to);
		if (x->probe.on)
			show_probe(x, to);
		to = x->subtrees_used;
	}
}

/* ------ how much is left ------ */

void left_taken(struct executions *x, double executions)
{
	uint64_t runs = x->search->result->runs;
	double left;

	left_settle(x);
	if (!x->subtrees_used)
		estimate_clear(&x->estimate);
	estimate_changed(&x->estimate, (double)runs, executions);
	left = estimate_left(&x->estimate, (double)runs);
	x->probe.due = runs + PROBE_LATER + (uint64_t)(left / 2);
	if (x->probe.due < x->probe.rests)
		x->probe.due = x->probe.rests;
}

double left_give(struct executions *x, const struct subtree *s)
{
	double executions = estimate_of(&x->estimate, s->size);

	estimate_changed(&x->estimate, (double)x->search->result->runs,
			 -executions);
	return executions;
}

/* What is known of their sizes, or 1 for each, of all sub-trees together. */
static double sum(const struct executions *x, bool by_size)
{
	const struct subtree *s;
	double all = 0;

	for (size_t at = 0; at < x->subtrees_used; at += s->bytes) {
		s = (void *)(x->subtrees + at);
		all += by_size ? estimate_of(&x->estimate, s->size) :
				 !s->searched;
	}
	return all;
}

double left_scale(const struct executions *x)
{
	double all = sum(x, true);

	return all > 0 ? x->search->left / all : 1;
}

void left_note(struct executions *x)
{
	double runs = (double)x->search->result->runs;
	double left = estimate_left(&x->estimate, runs), least;

	if (!x->estimate.nr_probes && x->probe.on)
		left = (double)x->probe.runs + probe_left(&x->probe) - runs;
	least = sum(x, false);
	x->search->left = left > least ? left : least;
}
