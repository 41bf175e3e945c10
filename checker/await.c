// SPDX-License-Identifier: GPL-2.0-only
/*
 * await.c - busy loops in the search by executions; see executions.c.
 *
 * A thread spins when performing its operation brings it back to the same
 * operation with the same stack, and nothing anywhere has changed: it will do
 * so until somebody changes the word it looks at.  Such a turn is no event.
 * The operation counts as not enabled instead, so that a spin lock has as many
 * executions as one that sleeps.  Nobody has to annotate the loop: a thread
 * that performs one operation again and again is tried, and the search begins
 * anew with the word marked.  To try is to perform the operation, to compare
 * the whole world, and to go back.
 *
 * Only loops with one operation a turn are seen.  A loop that looks at several
 * words is unrolled until MAX_EVENTS, and the search is not complete then.
 */
#include "executions.h"

#include <string.h>

/* thread->probed */
enum {
	NOT_PROBED,
	GOES_ON,
	COMES_BACK,
};

/* Can a thread spin by performing this? */
static bool may_spin(const struct operation *op)
{
	return (op->class == CHECK_READ || op->class == CHECK_WRITE) &&
	       op->bytes == sizeof(uint64_t) &&
	       !(world->waiting & (1u << op->thread)) &&
	       world_owns(op->object, op->bytes);
}

/* Would it come back to where it is if the word held value? */
static bool comes_back(const struct operation *op, uint64_t value)
{
	void *word = (void *)(uintptr_t)op->object;
	struct thread *thread = &world->threads[op->thread];
	uint64_t now;
	bool back = false;

	memcpy(&now, word, sizeof(now));
	thread->probed = NOT_PROBED;
	thread->probed_value = 0;
	if (trail_try())
		return false;
	memcpy(word, &value, sizeof(value));
	if (run_thread(op->thread) == END_YIELD) {
		struct operation at = operation_at(op->thread);
		uint64_t left;

		memcpy(&left, word, sizeof(left));
		memcpy(word, &now, sizeof(now));
		back = left == value && operation_same(&at, op) &&
		       trail_same();
	}
	trail_tried();
	return back;
}

static bool waits_for_word(struct executions *x, unsigned int t)
{
	struct thread *thread = &world->threads[t];
	struct operation op = operation_at(t);
	uint64_t value;

	if (!may_spin(&op) || !x->words[races_word(x, op.object)].spins)
		return false;
	memcpy(&value, op.object, sizeof(value));
	if (thread->probed == NOT_PROBED || thread->probed_value != value) {
		bool back = comes_back(&op, value);

		thread->probed = back ? COMES_BACK : GOES_ON;
		thread->probed_value = value;
	}
	return thread->probed == COMES_BACK;
}

uint32_t await_enabled(struct executions *x)
{
	uint32_t mask = run_enabled_mask();

	if (!x->nr_spins)
		return mask;
	for (uint32_t left = mask; left; left &= left - 1) {
		unsigned int t = (unsigned int)__builtin_ctz(left);

		if (waits_for_word(x, t))
			mask &= ~(1u << t);
	}
	return mask;
}

/* Try now and then, not each time: a loop may well do something. */
static bool is_power_of_two(uint32_t n)
{
	return n > 1 && !(n & (n - 1));
}

void await_notice(struct executions *x)
{
	struct event *e = &x->events[x->nr];
	const struct event *last = &x->events[e->previous];
	struct operation at;
	uint64_t value;

	e->repeats = 1;
	if (e->previous && operation_same(&e->op, &last->op))
		e->repeats = (uint16_t)(last->repeats + 1);
	if (e->op.waits && !x->remembers) {
		x->remembers = true;
		x->again = true;
	}
	if (!is_power_of_two(e->repeats) || run.end != END_YIELD)
		return;
	at = operation_at(e->op.thread);
	if (!operation_same(&at, &e->op) || !may_spin(&at))
		return;
	memcpy(&value, at.object, sizeof(value));
	if (!comes_back(&at, value))
		return;
	x->words[races_word(x, at.object)].spins = true;
	x->nr_spins++;
	x->remembers = true;
	x->again = true;
}

bool await_may_wait(struct executions *x, const struct operation *op)
{
	if (op->waits)
		return x->remembers;
	return x->nr_spins && may_spin(op) &&
	       x->words[races_word(x, op->object)].spins;
}

bool await_runs_with(const struct operation *op, uint64_t value)
{
	const struct thread *thread = &world->threads[op->thread];
	void *word = (void *)(uintptr_t)op->object;
	uint64_t now;
	bool runs;

	if (!op->waits)
		return !comes_back(op, value);
	if (!world_owns(word, sizeof(now)))
		return true;
	memcpy(&now, word, sizeof(now));
	memcpy(word, &value, sizeof(value));
	runs = thread->enabled(op->object);
	memcpy(word, &now, sizeof(now));
	return runs;
}
