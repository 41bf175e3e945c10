/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * eval.c - the final condition on one final state, and that on a power cut.
 */
#include "litmus.h"

static bool equal(const struct litmus_value *a, const struct litmus_value *b)
{
	return a->error == b->error && a->number == b->number;
}

static bool eval(const struct litmus_term *term,
		 const struct litmus_state *state)
{
	switch (term->kind) {
	case LITMUS_AND:
		return eval(term->left, state) && eval(term->right, state);
	case LITMUS_OR:
		return eval(term->left, state) || eval(term->right, state);
	case LITMUS_NOT:
		return !eval(term->left, state);
	case LITMUS_TRUE:
		return true;
	case LITMUS_REGISTER:
		return equal(&state->registers[term->column][term->reg],
			     &term->value);
	case LITMUS_PLACE:
		return equal(&state->observed[term->observed], &term->value);
	}
	return false;
}

bool litmus_eval_medium(const struct litmus *test,
		       const struct litmus_state *state)
{
	const struct litmus_state then = {
		.registers = state->crash_registers,
		.observed = state->medium,
	};

	return !test->medium || eval(test->medium, &then);
}

bool litmus_eval(const struct litmus *test, const struct litmus_state *state)
{
	return eval(test->condition, state);
}
