// SPDX-License-Identifier: GPL-2.0-only
/*
 * turns.c - which thread is next in the search by executions; see executions.c.
 *
 * The first one that can run is, so the order of threads decides how much of an
 * execution is common to those that branch off it: when thread 13 gets ahead of
 * thread 0, what threads 1 to 12 did in between is performed again.  Any order
 * is right, as long as it is the same everywhere.  After the first execution it
 * is known which threads have something in common: threads that have nothing
 * come first, and those that have stand together.
 */
#include "executions.h"

#include <string.h>

/* Executions that branched off the first one; fewer are not worth an order. */
#define ENOUGH 3

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

		if (!(x->waiting & (1u << q->thread)) ||
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

/* [t]: the first of the threads that t has something in common with. */
struct groups {
	uint8_t first[CHECK_MAX_THREADS];
	uint32_t alone;			/* a mask: these have nothing */
};

static void join_groups(struct groups *g, uint8_t a, uint8_t b)
{
	uint8_t first = a < b ? a : b, second = a < b ? b : a;

	for (unsigned int t = 0; t < run.program->nr_threads; t++)
		if (g->first[t] == second)
			g->first[t] = first;
}

static void find_groups(const struct executions *x, struct groups *g)
{
	g->alone = UINT32_MAX;
	for (unsigned int t = 0; t < run.program->nr_threads; t++)
		g->first[t] = (uint8_t)t;
	for (uint32_t n = 1; n <= x->nr; n++) {
		const struct event *e = &x->events[n];
		uint32_t id;

		for_each_member(id, event_row(x, e->id, ROW_CONFLICTS),
				x->width) {
			unsigned int t = x->events[x->place[id]].op.thread;

			g->alone &= ~(1u << t | 1u << e->op.thread);
			if (g->first[t] != g->first[e->op.thread])
				join_groups(g, g->first[t],
					    g->first[e->op.thread]);
		}
	}
}

/* Return: it is another one than that of their numbers. */
static bool find_turns(const struct executions *x, uint8_t *turns)
{
	unsigned int nr_threads = run.program->nr_threads, nr = 0;
	struct groups g;
	bool differs = false;

	find_groups(x, &g);
	for (unsigned int t = 0; t < nr_threads; t++)
		if (g.alone & (1u << t))
			turns[nr++] = (uint8_t)t;
	for (unsigned int first = 0; first < nr_threads; first++)
		for (unsigned int t = first; t < nr_threads; t++)
			if (g.first[t] == first && !(g.alone & (1u << t)))
				turns[nr++] = (uint8_t)t;
	for (unsigned int i = 0; i < nr; i++)
		differs |= turns[i] != i;
	return differs;
}

static uint32_t count_subtrees(const struct executions *x)
{
	uint32_t nr = 0;

	for (size_t at = 0; at < x->subtrees_used; nr++)
		at += ((const struct subtree *)(const void *)
			(x->subtrees + at))->bytes;
	return nr;
}

void turns_learn(struct executions *x)
{
	struct learned *learned = &x->search->learned;

	if (x->brute || x->shares || x->again || x->strayed ||
	    learned->has_turns)
		return;
	for (unsigned int t = 0; t < run.program->nr_threads; t++)
		learned->turns[t] = (uint8_t)t;
	learned->has_turns = 1;
	if (count_subtrees(x) < ENOUGH || x->search->result->nr_failures)
		return;
	x->again = find_turns(x, learned->turns);
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
