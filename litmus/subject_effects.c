// SPDX-License-Identifier: GPL-2.0-only
/*
 * subject_effects.c - what operations may do to a word, as the test has them.
 *
 * Where pages were moved, or a word's value comes from elsewhere, any value is
 * taken for good: an oracle may miss something then, but is never wrong.
 */
#include "subject_internal.h"

/* Is the page of the file in what the operation names? */
static bool in_range(const struct litmus_op *op, const struct location *at)
{
	uint64_t start = subject_pages(op->start);

	return at->page >= start &&
	       at->page < start + subject_pages(op->length);
}

/* What is done to a file. */
static enum effect file_effect(const struct litmus_op *op,
			       const struct location *at, uint64_t *value)
{
	*value = 0;
	switch (op->kind) {
	case LITMUS_PUNCH:
		return in_range(op, at) ? EFFECT_VALUE : EFFECT_NONE;
	case LITMUS_TRUNCATE:
		return at->page >= subject_pages(op->length) ? EFFECT_VALUE :
							       EFFECT_NONE;
	case LITMUS_FALLOCATE:
		if (op->mode == LITMUS_COLLAPSE || op->mode == LITMUS_INSERT)
			return EFFECT_ANY;
		return op->mode == LITMUS_ZERO && in_range(op, at) ?
			       EFFECT_VALUE : EFFECT_NONE;
	default:
		return EFFECT_NONE;
	}
}

static bool is_forked(const struct litmus *test, size_t mm)
{
	for (size_t i = 0; i < test->nr_setup; i++)
		if (test->setup[i].kind == LITMUS_FORK &&
		    test->setup[i].target == mm)
			return true;
	return test->mms[mm].column != LITMUS_NONE;
}

/* A store through a mapping, by a program or by read(2). */
static enum effect store_effect(const struct litmus *test,
				const struct litmus_op *op,
				const struct litmus_place *place,
				const struct location *at)
{
	struct location to = subject_location(test, place, op->mm);

	if (subject_same(&to, at))
		return EFFECT_VALUE;
	/* A child has its parent's pages. */
	if (!at->shared && !to.shared && to.mm != at->mm &&
	    is_forked(test, at->mm)) {
		to.mm = at->mm;
		return subject_same(&to, at) ? EFFECT_ANY : EFFECT_NONE;
	}
	return EFFECT_NONE;
}

/* Was the mapping moved, or something put in its place? */
static bool moves(const struct litmus *test, size_t map)
{
	for (size_t c = 0; c <= test->nr_columns; c++) {
		bool columns = c < test->nr_columns;
		const struct litmus_op *ops =
			columns ? test->columns[c].ops : test->setup;
		size_t nr = columns ? test->columns[c].nr_ops : test->nr_setup;

		for (size_t i = 0; i < nr; i++)
			if (ops[i].kind == LITMUS_MREMAP &&
			    (ops[i].map == map || ops[i].to.object == map))
				return true;
	}
	return false;
}

enum effect subject_effect(const struct litmus *test,
			   const struct litmus_op *op,
			   const struct location *at, uint64_t *value)
{
	enum effect effect;

	*value = op->value;
	switch (op->kind) {
	case LITMUS_STORE:
		if (moves(test, op->map))
			return EFFECT_ANY;
		return store_effect(test, op, &op->place, at);
	case LITMUS_READ:
		if (!op->has_buffer)
			return EFFECT_NONE;
		if (moves(test, op->to.object))
			return EFFECT_ANY;
		effect = store_effect(test, op, &op->to, at);
		return effect == EFFECT_NONE ? effect : EFFECT_ANY;
	case LITMUS_WRITE:
		if (!at->shared)
			return EFFECT_NONE;
		effect = store_effect(test, op, &op->place, at);
		return effect != EFFECT_NONE && op->has_buffer ? EFFECT_ANY :
								 effect;
	case LITMUS_TRUNCATE:
	case LITMUS_FALLOCATE:
	case LITMUS_PUNCH:
		if (!at->shared || at->file != op->file)
			return EFFECT_NONE;
		return file_effect(op, at, value);
	default:
		return EFFECT_NONE;
	}
}

bool subject_drops(const struct litmus *test, const struct litmus_op *op,
		   const struct location *at)
{
	switch (op->kind) {
	case LITMUS_DONTNEED:
	case LITMUS_UNMAP:
	case LITMUS_MAP:
		return !at->shared && op->map == at->map && op->mm == at->mm;
	case LITMUS_MREMAP:
		return !at->shared &&
		       (op->map == at->map || op->to.object == at->map);
	case LITMUS_TRUNCATE:
	case LITMUS_FALLOCATE:
		/* Copies go with the pages, unless these are only punched. */
		return !at->shared && op->mode != LITMUS_ZERO &&
		       test->maps[at->map].file == op->file;
	default:
		return false;
	}
}
