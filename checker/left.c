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

/* Bytes of sub-trees up to which a probe begins, and is given up. */
#define BEGIN_BYTES (1024u << 10)
#define END_BYTES (2048u << 10)
/* Executions of a part from elsewhere before that. */
#define PROBE_LATER 64

void left_begin(struct executions *x)
{
	estimate_clear(&x->estimate);
	x->probe.on = false;
	x->probe.due = 0;
}

/* ------ probes ------ */

static void show_probe(struct executions *x, size_t at)
{
	const struct subtree *s = (void *)(x->subtrees + at);
	const struct look look = {
		s->depth, s->size, s->nr_steps, s->nr_requests,
	};

	probe_found(&x->probe, &look, at);
}

static bool probe_is_due(const struct executions *x)
{
	return !x->probe.on && x->search->result->runs >= x->probe.due &&
	       x->subtrees_used && x->subtrees_used < BEGIN_BYTES;
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
	if (x->probe.on && x->subtrees_used < END_BYTES &&
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
}

double left_give(struct executions *x, const struct subtree *s)
{
	double executions = estimate_of(&x->estimate, s->size);

	estimate_changed(&x->estimate, (double)x->search->result->runs,
			 -executions);
	return executions;
}

double left_scale(const struct executions *x)
{
	const struct subtree *s;
	double all = 0;

	for (size_t at = 0; at < x->subtrees_used; at += s->bytes) {
		s = (void *)(x->subtrees + at);
		all += estimate_of(&x->estimate, s->size);
	}
	return all > 0 ? x->search->left / all : 1;
}

void left_note(struct executions *x)
{
	double runs = (double)x->search->result->runs;
	double left = estimate_left(&x->estimate, runs);

	if (!x->estimate.nr_probes && x->probe.on)
		left = (double)x->probe.runs + probe_left(&x->probe) - runs;
	if (left < 1)
		left = 1;
	x->search->left = x->subtrees_used ? left : 0;
}
