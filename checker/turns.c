// SPDX-License-Identifier: GPL-2.0-only
/*
 * turns.c - which thread is next in the search by executions; see executions.c.
 *
 * The first one that can run is, so the order of threads decides how much of an
 * execution is common to those that branch off it: when thread 13 gets ahead of
 * thread 0, what threads 1 to 12 did in between is performed again.  Any order
 * is right, as long as it is the same everywhere.  So each thread runs once, as
 * far as it can, to see which of them have something in common: threads that
 * have nothing come first, and those that have stand together.
 */
#include "executions.h"

#include <string.h>

static bool at_one_place(const struct thread *a, const struct thread *b)
{
	return (const char *)a->object < (const char *)b->object + b->bytes &&
	       (const char *)b->object < (const char *)a->object + a->bytes;
}

/* Does what t is at depend on what that thread waits to perform again? */
static __attribute__((noinline)) bool
depends_on(struct executions *x, unsigned int t, unsigned int waiting)
{
	const struct operation op = operation_at(x, t);
	const struct operation at = operation_at(x, waiting);

	return !operation_releases(&op) && operation_depends(&op, &at);
}

/* Does what t is at depend on anything that waits to be performed again? */
static bool waits_behind(struct executions *x, unsigned int t)
{
	const struct thread *thread = &world->threads[t];

	for (uint32_t left = x->waiting; left; left &= left - 1) {
		unsigned int waiting = (unsigned int)__builtin_ctz(left);

		if (at_one_place(thread, &world->threads[waiting]) &&
		    depends_on(x, t, waiting))
			return true;
	}
	return false;
}

/*
 * The oldest of what was taken back, if it can be performed; threads that
 * cannot are added to a mask.
 */
static unsigned int choose_request(struct executions *x, uint32_t *cannot)
{
	const struct request *first = NULL;

	for (uint32_t i = 0; i < x->nr_requests; i++) {
		const struct request *q = &x->requests[i];

		if (q->only_after || !(x->waiting & (1u << q->thread)) ||
		    q->ordinal != x->nr_of[q->thread] ||
		    (first && q->since >= first->since))
			continue;
		if (await_can_run(x, q->thread))
			first = q;
		else
			*cannot |= 1u << q->thread;
	}
	return first ? first->thread : NO_THREAD;
}

void turns_note_ready(struct executions *x)
{
	uint32_t left = x->ready ^ world->ready;

	for (; left; left &= left - 1)
		x->ready_turns ^= 1u << x->turn_of[__builtin_ctz(left)];
	x->ready = world->ready;
}

/* The first that can run and has not to wait behind another one. */
static unsigned int choose_in_turn(struct executions *x)
{
	uint32_t cannot = 0;
	unsigned int last = choose_request(x, &cannot);

	if (last != NO_THREAD)
		return last;
	for (uint32_t left = turns_ready(x); left; left &= left - 1) {
		unsigned int t = x->turns[__builtin_ctz(left)];

		if ((cannot & (1u << t)) || !await_can_run(x, t))
			continue;
		if (!waits_behind(x, t))
			return t;
		if (last == NO_THREAD)
			last = t;
	}
	return last;
}

/*
 * That is the state's alone to decide.  What was taken back comes first, the
 * oldest of it; what depends on it while it waits comes last.
 */
unsigned int turns_choose(struct executions *x)
{
	if (x->waiting)
		return choose_in_turn(x);
	for (uint32_t left = turns_ready(x); left; left &= left - 1) {
		unsigned int t = x->turns[__builtin_ctz(left)];

		if (await_can_run(x, t))
			return t;
	}
	return NO_THREAD;
}

/* ------ the order of threads ------ */

/* Operations of a thread that are looked at. */
#define ENOUGH 256

/* Thread t is a user of the words that it is at. */
static void note(struct executions *x, unsigned int t)
{
	const struct operation op = operation_at(x, t);

	for (uint32_t at = 0; at < op.bytes; at += 8) {
		struct word *word =
			races_word(x, (const char *)op.object + at);

		word->users.threads |= 1u << t;
		word->users.kinds |= 1u << kind_of(op.class);
	}
}

static bool notes_on(void *own, unsigned int t)
{
	struct executions *x = own;

	note(x, t);
	return --x->until && run_enabled(t);
}

/* Let thread t go on by itself.  Return: whether that did not fail. */
static bool note_all(struct executions *x, unsigned int t)
{
	note(x, t);
	x->until = ENOUGH;
	while (x->until && run_enabled(t)) {
		world->threads[t].choice = 0;
		run.goes_on = notes_on;
		run.own = x;
		run_thread(t);
		run.goes_on = NULL;
	}
	return run.end != END_FAILED;
}

/* [t]: a mask, the threads that t has something in common with, and itself. */
static void find_groups(struct executions *x, uint32_t *groups)
{
	for (unsigned int t = 0; t < run.program->nr_threads; t++)
		groups[t] = 1u << t;
	for (uint32_t i = 0; i < x->nr_words; i++) {
		struct users *users = &x->words[i].users;
		uint32_t group = 0, conflicts = 0;

		for (uint32_t left = users->kinds; left; left &= left - 1)
			conflicts |= kind_conflicts[__builtin_ctz(left)];
		for (uint32_t left = users->threads; left; left &= left - 1)
			group |= groups[__builtin_ctz(left)];
		for (uint32_t left = conflicts & users->kinds ? group : 0;
		     left; left &= left - 1)
			groups[__builtin_ctz(left)] = group;
		*users = (struct users){ .threads = 0 };
	}
}

void turns_learn(struct executions *x)
{
	const unsigned int nr_threads = run.program->nr_threads;
	struct learned *learned = &x->search->learned;
	uint8_t *turn = learned->turns;
	uint32_t groups[CHECK_MAX_THREADS];

	run.unheeded = true;
	for (unsigned int t = 0; t < nr_threads && note_all(x, t); t++)
		;
	run.unheeded = false;
	find_groups(x, groups);
	for (unsigned int t = 0; t < nr_threads; t++)
		if (groups[t] == 1u << t)
			*turn++ = (uint8_t)t;
	for (unsigned int t = 0; t < nr_threads; t++) {
		uint32_t group = groups[t];

		if (group == 1u << t || (group & ((1u << t) - 1)))
			continue;
		for (; group; group &= group - 1)
			*turn++ = (uint8_t)__builtin_ctz(group);
	}
	learned->has_turns = 1;
}

void turns_learned(struct executions *x)
{
	const struct learned *learned = &x->search->learned;

	for (unsigned int i = 0; i < CHECK_MAX_THREADS; i++)
		x->turns[i] = (uint8_t)i;
	if (learned->has_turns)
		memcpy(x->turns, learned->turns, run.program->nr_threads);
	for (unsigned int i = 0; i < CHECK_MAX_THREADS; i++)
		x->turn_of[x->turns[i]] = (uint8_t)i;
	x->ready = x->ready_turns = 0;
}
