// SPDX-License-Identifier: GPL-2.0-only
/*
 * subject_stored.c - O8: at the end each store that completed is still there,
 * and no private one is in the file.
 */
#include "subject_internal.h"

const struct litmus_op *subject_store(const struct litmus *test, size_t n)
{
	for (size_t c = 0; c < test->nr_columns; c++)
		for (size_t i = 0; i < test->columns[c].nr_ops; i++) {
			const struct litmus_op *op = &test->columns[c].ops[i];
			bool stores = op->kind == LITMUS_STORE ||
				      (op->kind == LITMUS_WRITE &&
				       !op->has_buffer);

			if (stores && !n--)
				return op;
		}
	return NULL;
}

/* The file's own word at the place of a store, whatever map it is in. */
static struct location in_file(const struct litmus *test,
			       const struct litmus_op *op)
{
	struct location at = subject_location(test, &op->place, op->mm);

	if (!at.shared) {
		at.shared = true;
		at.page += subject_pages(test->maps[at.map].offset);
	}
	return at;
}

void subject_read_stored(const struct subject_run *run)
{
	struct subject_state *state = state_of(run);

	for (size_t n = 0; n < SUBJECT_STORES_MAX; n++) {
		const struct litmus_op *op = subject_store(run->test, n);
		struct litmus_place place;
		struct location at;

		if (!op)
			return;
		place = op->place;
		place.mm = op->mm;
		state->stored[n] = subject_read_place(run, &place);
		at = in_file(run->test, op);
		state->in_file[n] = subject_read_file(run, at.file, at.page,
						      at.byte);
	}
}

/* What the columns explain of a word. */
struct explanation {
	uint64_t value;			/* that it holds */
	bool any;			/* it may hold anything */
	bool overwritten;		/* what it held before is gone */
	bool explained;
};

/* Go back through a column until something is sure to have been stored. */
static void explain(const struct litmus *test,
		    const struct subject_state *state, size_t c,
		    const struct location *at, struct explanation *all)
{
	const struct litmus_column *column = &test->columns[c];
	bool reached = false;

	for (size_t i = column->nr_ops; i-- > 0;) {
		const struct litmus_op *op = &column->ops[i];
		enum effect effect;
		uint64_t value;

		effect = subject_effect(test, op, at, &value);
		if (effect == EFFECT_ANY || subject_drops(test, op, at))
			all->any = true;
		if (effect != EFFECT_VALUE || reached)
			continue;
		all->explained |= value == all->value;
		/* What failed may have been done in part. */
		reached = i < 64 && !(state->failed[c] >> i & 1);
	}
	all->overwritten |= reached;
}

/* May this location hold the value at the end? */
static bool explains(const struct litmus *test,
		     const struct subject_state *state,
		     const struct location *at, uint64_t value)
{
	struct explanation all = { .value = value };

	for (size_t c = 0; c < test->nr_columns; c++)
		explain(test, state, c, at, &all);
	return all.any || all.explained || !all.overwritten;
}

/* Has something that is done to the file put the value there?  0 was there. */
static bool file_explains(const struct litmus *test, const struct location *at,
			  uint64_t value)
{
	for (size_t c = 0; value && c <= test->nr_columns; c++) {
		bool columns = c < test->nr_columns;
		const struct litmus_op *ops =
			columns ? test->columns[c].ops : test->setup;
		size_t nr = columns ? test->columns[c].nr_ops : test->nr_setup;

		for (size_t i = 0; i < nr; i++) {
			uint64_t by;
			enum effect effect =
				subject_effect(test, &ops[i], at, &by);

			if (effect == EFFECT_ANY ||
			    (effect == EFFECT_VALUE && by == value))
				return true;
		}
	}
	return !value;
}

static const char *name_of(const struct litmus *test,
			   const struct litmus_op *op)
{
	return op->place.in_file ? test->files[op->place.object].name :
				   test->maps[op->place.object].name;
}

static void check(const struct litmus *test, const struct subject_state *state,
		  const struct litmus_op *op, const struct litmus_value *value)
{
	struct location at = subject_location(test, &op->place, op->mm);

	if (value->error == LITMUS_OK &&
	    !explains(test, state, &at, value->number))
		machine_report(8, "a completed store disappeared: %s[%llu] is %llu",
			       name_of(test, op),
			       (unsigned long long)subject_pages(
				       op->place.page),
			       (unsigned long long)value->number);
}

void subject_check_stored(const struct litmus *test,
			  const struct subject_state *state)
{
	for (size_t n = 0; n < SUBJECT_STORES_MAX; n++) {
		const struct litmus_op *op = subject_store(test, n);
		const struct litmus_value *v = &state->in_file[n];
		struct location at;

		if (!op)
			return;
		check(test, state, op, &state->stored[n]);
		at = in_file(test, op);
		if (v->error != LITMUS_OK)
			continue;
		if (op->place.in_file || test->maps[op->map].shared)
			check(test, state, op, v);
		if (!file_explains(test, &at, v->number))
			machine_report(8, "the file of %s[%llu] holds %llu, which no shared store put there",
				       name_of(test, op),
				       (unsigned long long)subject_pages(
					       op->place.page),
				       (unsigned long long)v->number);
	}
}
