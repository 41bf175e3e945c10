// SPDX-License-Identifier: GPL-2.0-only
/*
 * surw.c - selectively uniform random walk.
 *
 * If thread t has left[t] interesting operations to come, then of all orders
 * in which they can come a share of left[t] / (sum of left) begins with one of
 * t's.  So a thread is drawn with that probability, and no other may perform
 * an interesting operation before it has; what else threads do in between is
 * drawn freely and changes nothing of the order.  Each order has the same
 * probability then, as long as left[] is right and nobody has to wait.
 *
 * Interesting are the operations on one of the objects that threads share,
 * another in each run.  To release a lock is not (it can be no other's turn),
 * nor is what waits for a condition (its turn is not free).
 */
#include "random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool can_be_of_interest(const struct thread *thread)
{
	return thread->class <= CHECK_WRITE &&
	       !run_waits_for_condition(thread);
}

/* ------ the profile ------ */

static int surw_saw(struct sampler *s, unsigned int t)
{
	const struct thread *thread = &world->threads[t];
	struct surw *w = &s->surw;

	if (!can_be_of_interest(thread))
		return 0;
	if (w->nr_seen == w->seen_room) {
		uint32_t room = 2 * w->seen_room + 1024;
		struct seen_operation *seen =
			realloc(w->seen, room * sizeof(*seen));

		if (!seen)
			return -1;
		w->seen = seen;
		w->seen_room = room;
	}
	w->seen[w->nr_seen] = (struct seen_operation){
		.number = w->nr_seen,
		.begin = (uintptr_t)thread->object,
		.end = (uintptr_t)thread->object + thread->bytes,
		.execution = w->executions,
		.thread = (uint8_t)t,
		.class = (uint8_t)thread->class,
	};
	w->nr_seen++;
	return 0;
}

static int surw_profiled(struct sampler *s, enum course_state state)
{
	(void)state;
	s->surw.executions++;
	return 0;
}

static int by_address(const void *a, const void *b)
{
	const struct seen_operation *x = a, *y = b;

	return (x->begin > y->begin) - (x->begin < y->begin);
}

static int by_number(const void *a, const void *b)
{
	const struct seen_operation *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

/* Addresses differ from process to process, the profile does not. */
static int by_first(const void *a, const void *b)
{
	const struct shared_object *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

/* One object from what w->seen holds in [from, to), which overlap. */
static void describe(struct surw *w, uint32_t from, uint32_t to)
{
	struct shared_object *o = &w->objects[w->nr_objects];
	uint32_t execution = UINT32_MAX;

	memset(o, 0, sizeof(*o));
	o->begin = w->seen[from].begin;
	qsort(&w->seen[from], to - from, sizeof(*w->seen), by_number);
	o->first = w->seen[from].number;
	for (uint32_t i = from; i < to; i++) {
		const struct seen_operation *op = &w->seen[i];
		uint32_t *who = op->class == CHECK_READ ? &o->readers :
				op->class == CHECK_ADD ? &o->adders :
							 &o->writers;

		*who |= 1u << op->thread;
		if (op->end > o->end)
			o->end = op->end;
		if (op->execution != execution)
			memset(o->now, 0, sizeof(o->now));
		execution = op->execution;
		if (++o->now[op->thread] > o->most[op->thread])
			o->most[op->thread] = o->now[op->thread];
	}
}

static bool is_several(uint32_t mask)
{
	return (mask & (mask - 1)) != 0;
}

/* Two threads do something to the object that does not commute. */
static bool is_shared(const struct shared_object *o)
{
	uint32_t all = o->readers | o->adders | o->writers;

	return is_several(all) &&
	       (o->writers || (o->readers && o->adders));
}

static int surw_prepare(struct sampler *s)
{
	struct surw *w = &s->surw;
	uint32_t from = 0;

	w->objects = malloc(((size_t)w->nr_seen + 1) * sizeof(*w->objects));
	if (!w->objects)
		return -1;
	if (w->nr_seen)
		qsort(w->seen, w->nr_seen, sizeof(*w->seen), by_address);
	while (from < w->nr_seen) {
		uintptr_t end = w->seen[from].end;
		uint32_t to = from + 1;

		for (; to < w->nr_seen && w->seen[to].begin < end; to++)
			if (w->seen[to].end > end)
				end = w->seen[to].end;
		describe(w, from, to);
		if (is_shared(&w->objects[w->nr_objects]))
			w->nr_objects++;
		from = to;
	}
	qsort(w->objects, w->nr_objects, sizeof(*w->objects), by_first);
	s->search->result->objects = w->nr_objects;
	return 0;
}

/* ------ the runs ------ */

static void surw_begin(struct sampler *s)
{
	struct surw *w = &s->surw;

	memset(w->left, 0, sizeof(w->left));
	w->has_intent = false;
	w->uneven = false;
	w->interest = NULL;
	if (!w->nr_objects)
		return;
	w->interest = &w->objects[dice_below(&s->dice, w->nr_objects)];
	memcpy(w->left, w->interest->most, sizeof(w->left));
}

static bool is_interesting(const struct surw *w, unsigned int t)
{
	const struct thread *thread = &world->threads[t];
	uintptr_t at = (uintptr_t)thread->object;

	return w->interest && can_be_of_interest(thread) &&
	       at < w->interest->end && at + thread->bytes > w->interest->begin;
}

/* Draw whose interesting operation is next, among threads of mask. */
static void draw_intent(struct sampler *s, unsigned int mask)
{
	struct surw *w = &s->surw;
	uint64_t sum = 0, at;

	w->has_intent = false;
	for (unsigned int t = 0; t < run.program->nr_threads; t++)
		if (mask & (1u << t))
			sum += w->left[t];
	if (!sum)
		return;
	at = dice_below(&s->dice, sum);
	for (unsigned int t = 0; t < run.program->nr_threads; t++) {
		if (!(mask & (1u << t)))
			continue;
		if (at < w->left[t]) {
			w->intent = t;
			w->has_intent = true;
			return;
		}
		at -= w->left[t];
	}
}

/* Threads that may go on: whose turn it is, and all others meanwhile. */
static unsigned int allowed(const struct surw *w, unsigned int enabled)
{
	unsigned int mask = 0;

	for (unsigned int t = 0; t < run.program->nr_threads; t++) {
		bool turn = w->has_intent && t == w->intent;

		if ((enabled & (1u << t)) && (turn || !is_interesting(w, t)))
			mask |= 1u << t;
	}
	return mask;
}

/* What was foreseen did not come true: one of those that are there it is. */
static unsigned int forced(struct sampler *s, unsigned int enabled)
{
	struct surw *w = &s->surw;

	w->uneven = true;
	draw_intent(s, enabled);
	if (!w->has_intent) {
		w->intent = random_thread(&s->dice, enabled);
		w->has_intent = true;
	}
	return w->intent;
}

static unsigned int surw_choose(struct sampler *s, unsigned int enabled)
{
	struct surw *w = &s->surw;
	unsigned int mask, t;

	if (w->interest &&
	    (!w->has_intent || !(world->ready & (1u << w->intent)))) {
		/* who ended early had fewer operations than foreseen */
		w->uneven |= w->has_intent;
		draw_intent(s, world->ready);
	}
	mask = allowed(w, enabled);
	t = mask ? random_thread(&s->dice, mask) : forced(s, enabled);
	if (!is_interesting(w, t))
		return t;
	w->has_intent = false;
	if (w->left[t])
		w->left[t]--;
	else
		w->uneven = true;
	return t;
}

static bool surw_covered(struct sampler *s, enum course_state state)
{
	const struct surw *w = &s->surw;

	if (w->uneven || state == COURSE_CUT)
		return false;
	for (unsigned int t = 0; t < run.program->nr_threads; t++)
		if (w->left[t] && state == COURSE_COMPLETE)
			return false;
	return true;
}

static void surw_guarantee(struct sampler *s, char *text, size_t bytes)
{
	const struct check_result *result = s->search->result;

	if (!s->surw.nr_objects) {
		snprintf(text, bytes,
			 "threads share nothing that the profile saw, so the order of their operations does not matter");
		return;
	}
	snprintf(text, bytes,
		 "each run draws uniformly one of %u shared objects, and then an order of the operations on it, each with the same probability; but in %llu of %llu runs they were not as many as foreseen, or had to wait",
		 result->objects, (unsigned long long)result->beyond,
		 (unsigned long long)result->runs);
}

static void surw_close(struct sampler *s)
{
	free(s->surw.seen);
	free(s->surw.objects);
}

const struct strategy strategy_surw = {
	.saw = surw_saw,
	.profiled = surw_profiled,
	.prepare = surw_prepare,
	.begin = surw_begin,
	.choose = surw_choose,
	.covered = surw_covered,
	.guarantee = surw_guarantee,
	.close = surw_close,
};
