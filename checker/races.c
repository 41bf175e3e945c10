// SPDX-License-Identifier: GPL-2.0-only
/*
 * races.c - what happened before what in an execution, and which pairs of its
 * operations could have happened the other way round; see executions.c.
 */
#include "executions.h"

#include <stdlib.h>
#include <string.h>

static size_t hash(const void *object)
{
	return (size_t)(((uintptr_t)object >> 2) * 0x9e3779b97f4a7c15u >> 20);
}

static bool is_void(const struct executions *x, const struct history *h)
{
	return h->execution != x->execution;
}

static struct history *slot(const struct executions *x, const void *object)
{
	size_t i = hash(object) & (x->table_size - 1);

	while (!is_void(x, &x->table[i]) && x->table[i].object != object)
		i = (i + 1) & (x->table_size - 1);
	return &x->table[i];
}

/* Return: what happened to object in this execution, or NULL: nothing. */
static const struct history *find_history(const struct executions *x,
					  const void *object)
{
	const struct history *h = slot(x, object);

	return is_void(x, h) ? NULL : h;
}

static void grow_table(struct executions *x)
{
	struct history *old = x->table;
	size_t old_size = x->table_size;

	x->table_size *= 2;
	x->table = calloc(x->table_size, sizeof(*x->table));
	if (!x->table)
		abort();
	for (size_t i = 0; i < old_size; i++)
		if (!is_void(x, &old[i]))
			*slot(x, old[i].object) = old[i];
	free(old);
}

static struct history *history(struct executions *x, const void *object)
{
	struct history *h = slot(x, object);

	if (!is_void(x, h))
		return h;
	if (2 * ++x->nr_histories > x->table_size) {
		grow_table(x);
		h = slot(x, object);
	}
	memset(h, 0, sizeof(*h));
	h->object = object;
	h->execution = x->execution;
	return h;
}

static void join(uint32_t *clock, const uint32_t *other)
{
	for (unsigned int t = 0; t < CHECK_MAX_THREADS; t++)
		if (other[t] > clock[t])
			clock[t] = other[t];
}

static bool before(const struct executions *x, uint32_t a, uint32_t b)
{
	return x->events[b].clock[x->events[a].op.thread] >= a;
}

/*
 * The sequence that reverses a race: events behind `early` that do not depend
 * on it, then `late`.  late may be the operation of a thread that did not get
 * to perform it.  Choices are left out: they are made when a thread gets there.
 */
static size_t reversal(const struct executions *x, const struct race *race,
		       struct operation *v)
{
	size_t nr = 0;

	for (uint32_t k = race->early + 1; k <= x->nr; k++)
		if (k != race->late && !x->events[k].nr_choices &&
		    !before(x, race->early, k))
			v[nr++] = x->events[k].op;
	v[nr++] = x->events[race->late].op;
	return nr;
}

static void plan_reversal(struct executions *x, const struct race *race,
			  struct operation *v)
{
	struct event *early = &x->events[race->early];
	size_t nr = reversal(x, race, v);
	for (unsigned int t = 0; t < run.program->nr_threads; t++) {
		size_t place = plan_weak_initial(v, nr, &early->at[t]);

		if ((early->sleep & (1u << t)) && place)
			return;
		/* nothing in v makes its condition true */
		if ((early->impossible & (1u << t)) && place && place <= nr)
			return;
	}
	plan_insert(x, &early->plan, v, nr);
}

/* Plan the reversal of all races of the execution that has just ended. */
void races_plan(struct executions *x)
{
	struct operation *v;

	if (!x->nr_races)
		return;
	v = malloc(((size_t)x->nr + 2) * sizeof(*v));
	if (!v)
		abort();
	for (size_t i = 0; i < x->nr_races; i++)
		plan_reversal(x, &x->races[i], v);
	free(v);
	x->nr_races = 0;
}

static void add_race(struct executions *x, uint32_t early, uint32_t late)
{
	if (x->nr_races == x->races_room) {
		x->races_room = 2 * x->races_room + 64;
		x->races = realloc(x->races,
				   x->races_room * sizeof(*x->races));
		if (!x->races)
			abort();
	}
	x->races[x->nr_races++] = (struct race){ early, late };
}

/* The last event of each other thread that conflicts with an operation. */
static void conflicting(const struct executions *x, const struct operation *op,
			const uint32_t *pre, uint32_t *candidates)
{
	for (uint32_t at = 0; at < op->bytes; at += 8) {
		const struct history *h =
			find_history(x, (const char *)op->object + at);

		/* a token that one wake-up left cannot be taken before it */
		if (!h || (op->class == CLASS_PARK && h->wakes < 2))
			continue;
		for (uint32_t c = 0; c < 3; c++)
			for (unsigned int p = 0; p < CHECK_MAX_THREADS; p++)
				if (p != op->thread &&
				    operation_classes_conflict(c, op->class) &&
				    h->last[c][p] > pre[p] &&
				    h->last[c][p] > candidates[p])
					candidates[p] = h->last[c][p];
	}
}

/*
 * An operation that waits for a condition: the last event it conflicts with may
 * be the one that made the condition true, or one after which it is false.  So
 * each one is a race that has the operation enabled before it.
 */
static void find_races_of_wait(struct executions *x, uint32_t late,
			       const uint32_t *pre)
{
	const struct operation *op = &x->events[late].op;

	for (uint32_t n = late - 1; n; n--) {
		const struct event *e = &x->events[n];

		if (e->op.class != CLASS_RELEASE_READ &&
		    e->op.class != CLASS_RELEASE_WRITE &&
		    n > pre[e->op.thread] && e->op.thread != op->thread &&
		    operation_depends(&e->op, op))
			add_race(x, n, late);
	}
}

/* Races of events[late]; pre is its thread's clock before it. */
static void find_races(struct executions *x, uint32_t late, const uint32_t *pre)
{
	const struct event *e = &x->events[late];
	uint32_t candidates[CHECK_MAX_THREADS] = { 0 };

	if (!e->op.object || e->op.class == CLASS_RELEASE_READ ||
	    e->op.class == CLASS_RELEASE_WRITE)
		return;
	if (e->op.waits) {
		find_races_of_wait(x, late, pre);
		return;
	}
	conflicting(x, &e->op, pre, candidates);
	for (unsigned int p = 0; p < CHECK_MAX_THREADS; p++) {
		bool adjacent = candidates[p] != 0;

		for (unsigned int r = 0; r < CHECK_MAX_THREADS && adjacent; r++)
			if (r != p && candidates[r] &&
			    before(x, candidates[p], candidates[r]))
				adjacent = false;
		if (adjacent)
			add_race(x, candidates[p], late);
	}
}

/* Join to clock what happened before an operation. */
static void order_after(const struct executions *x, const struct operation *op,
			uint32_t *clock)
{
	for (uint32_t at = 0; op->object && at < op->bytes; at += 8) {
		const struct history *h =
			find_history(x, (const char *)op->object + at);

		if (!h)
			continue;
		for (uint32_t c = 0; c < 3; c++)
			for (unsigned int p = 0; p < CHECK_MAX_THREADS; p++)
				if (h->last[c][p] &&
				    operation_classes_conflict(c, op->class))
					join(clock,
					     x->events[h->last[c][p]].clock);
		if (op->class == CHECK_READ || op->class == CHECK_WRITE)
			join(clock, h->released[1]);
		if (op->class == CHECK_WRITE)
			join(clock, h->released[0]);
	}
}

static void write_history(struct executions *x, uint32_t n)
{
	const struct event *e = &x->events[n];
	const struct operation *op = &e->op;

	for (uint32_t at = 0; op->object && at < op->bytes; at += 8) {
		struct history *h = history(x, (const char *)op->object + at);

		if (op->class == CLASS_PARK)
			h->wakes = 0;
		else if (op->class == CHECK_WRITE)
			h->wakes++;
		if (op->class <= CHECK_WRITE)
			h->last[op->class][op->thread] = n;
		else if (op->class == CLASS_PARK)
			h->last[CHECK_WRITE][op->thread] = n;
		else
			join(h->released[op->class == CLASS_RELEASE_WRITE],
			     e->clock);
	}
}

/* Order events[n], and find its races unless they are known. */
static void order(struct executions *x, uint32_t n)
{
	struct event *e = &x->events[n];
	uint32_t last = x->last_event[e->op.thread];
	uint32_t clock[CHECK_MAX_THREADS] = { 0 };

	if (last)
		memcpy(clock, x->events[last].clock, sizeof(clock));
	memcpy(e->clock, clock, sizeof(clock));
	order_after(x, &e->op, e->clock);
	if (n > x->planned && !x->brute)
		find_races(x, n, clock);
}

void races_record(struct executions *x, uint32_t n)
{
	struct event *e = &x->events[n];

	order(x, n);
	e->clock[e->op.thread] = n;
	x->last_event[e->op.thread] = n;
	write_history(x, n);
}

/*
 * An operation that a thread did not get to perform races all the same.  It
 * stands behind the last event while its races are planned.
 */
void races_plan_unfinished(struct executions *x)
{
	for (unsigned int q = 0; q < run.program->nr_threads; q++) {
		struct event *e = &x->events[x->nr + 1];

		if (x->brute || world->threads[q].status != THREAD_READY ||
		    !world->threads[q].object)
			continue;
		memset(e, 0, sizeof(*e));
		e->op = operation_at(q);
		order(x, x->nr + 1);
		races_plan(x);
	}
}
