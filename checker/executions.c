// SPDX-License-Identifier: GPL-2.0-only
/*
 * executions.c - the search by executions: dynamic partial-order reduction.
 *
 * Source sets with sleep sets (Abdulla, Aronis, Jonsson, Sagonas: "Optimal
 * dynamic partial order reduction", POPL 2014): run an execution to its end,
 * find the pairs of operations in it that race, and plan for each a run that
 * performs them the other way round.  Each execution is run again from the
 * state after setup(); the plan is kept on a stack of the events of the
 * current execution, so memory does not grow with the number of executions.
 *
 * Names used in this file
 *   event     an operation that was performed; numbered from 1 in execution
 *   clock     for each thread, the last of its events that happened before
 *   backtrack threads to be run first at an event's place, one after another
 *   sleep     threads that need not be run there: it was done elsewhere
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

struct event {
	uint8_t thread;
	uint8_t class;
	uint8_t choice;
	uint8_t nr_choices;
	uint8_t enabled;		/* mask, before this event */
	uint8_t backtrack;
	uint8_t done;
	uint8_t sleep;
	const void *object;
	uint32_t bytes;
	uint32_t clock[CHECK_MAX_THREADS];
};

/* What this execution did to one word so far: events by class and thread. */
struct history {
	const void *object;
	uint64_t execution;		/* that wrote this; older ones are void */
	uint32_t last[3][CHECK_MAX_THREADS];
	uint32_t released[2][CHECK_MAX_THREADS];	/* read, write */
};

struct executions {
	struct search *search;
	const char *after_setup;
	bool brute;
	struct event *events;		/* events[1 .. nr] */
	uint32_t nr;
	uint32_t room;
	uint32_t planned;		/* events that are given, not chosen */
	struct history *table;
	size_t table_size;
	size_t nr_histories;
	uint64_t execution;
	uint32_t last_event[CHECK_MAX_THREADS];
};

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

static bool classes_conflict(uint32_t a, uint32_t b)
{
	if (a == CLASS_RELEASE_READ || b == CLASS_RELEASE_READ)
		return a == CHECK_WRITE || b == CHECK_WRITE;
	return !(a == b && (a == CHECK_READ || a == CHECK_ADD));
}

/* Do two operations depend on each other?  (Releases included.) */
static bool depend(const void *a, uint32_t a_bytes, uint32_t a_class,
		   const void *b, uint32_t b_bytes, uint32_t b_class)
{
	if (!a || !b)
		return false;
	return (const char *)a < (const char *)b + b_bytes &&
	       (const char *)b < (const char *)a + a_bytes &&
	       classes_conflict(a_class, b_class);
}

static void join(uint32_t *clock, const uint32_t *other)
{
	for (unsigned int t = 0; t < CHECK_MAX_THREADS; t++)
		if (other[t] > clock[t])
			clock[t] = other[t];
}

static bool before(const struct executions *x, uint32_t a, uint32_t b)
{
	return x->events[b].clock[x->events[a].thread] >= a;
}

/* ------ races ------ */

/*
 * Plan to run event `late` of thread q before event `early`.  The events
 * between them that do not depend on early can go first; any thread that
 * starts such a run will do.
 */
static void plan_reversal(struct executions *x, uint32_t early, uint32_t late,
			  unsigned int q)
{
	struct event *at = &x->events[early];
	uint32_t first[CHECK_MAX_THREADS] = { 0 };
	unsigned int initials = 0;

	for (uint32_t k = early + 1; k <= late; k++) {
		unsigned int t = k == late ? q : x->events[k].thread;
		bool initial = true;

		if (k < late && before(x, early, k))
			continue;
		if (first[t])
			continue;
		first[t] = k;
		for (unsigned int u = 0; u < CHECK_MAX_THREADS; u++)
			if (u != t && first[u] &&
			    x->events[k].clock[u] >= first[u])
				initial = false;
		if (initial)
			initials |= 1u << t;
	}
	if (initials & (at->backtrack | at->done))
		return;
	initials &= at->enabled;
	if (initials)
		at->backtrack |= (uint8_t)(1u << prefer(initials, q));
}

/* Races of the operation at events[late], by q; pre is q's clock before it. */
static void find_races(struct executions *x, uint32_t late, unsigned int q,
		       const uint32_t *pre)
{
	const struct event *e = &x->events[late];
	uint32_t candidates[CHECK_MAX_THREADS] = { 0 };

	if (e->class > CHECK_WRITE)
		return;
	for (uint32_t at = 0; at < e->bytes; at += 8) {
		const struct history *h =
			find_history(x, (const char *)e->object + at);

		if (!h)
			continue;
		for (uint32_t c = 0; c < 3; c++)
			for (unsigned int p = 0; p < CHECK_MAX_THREADS; p++)
				if (p != q && classes_conflict(c, e->class) &&
				    h->last[c][p] > pre[p] &&
				    h->last[c][p] > candidates[p])
					candidates[p] = h->last[c][p];
	}
	for (unsigned int p = 0; p < CHECK_MAX_THREADS; p++) {
		bool adjacent = candidates[p] != 0;

		for (unsigned int r = 0; r < CHECK_MAX_THREADS && adjacent; r++)
			if (r != p && candidates[r] &&
			    before(x, candidates[p], candidates[r]))
				adjacent = false;
		if (adjacent)
			plan_reversal(x, candidates[p], late, q);
	}
}

/* The clock of events[n], whose thread had `clock` before it. */
static void order_after(struct executions *x, uint32_t n, uint32_t *clock)
{
	const struct event *e = &x->events[n];

	for (uint32_t at = 0; e->object && at < e->bytes; at += 8) {
		const struct history *h =
			find_history(x, (const char *)e->object + at);

		if (!h)
			continue;
		for (uint32_t c = 0; c < 3; c++)
			for (unsigned int p = 0; p < CHECK_MAX_THREADS; p++)
				if (h->last[c][p] &&
				    classes_conflict(c, e->class))
					join(clock, x->events[h->last[c][p]].clock);
		if (e->class == CHECK_READ || e->class == CHECK_WRITE)
			join(clock, h->released[1]);
		if (e->class == CHECK_WRITE)
			join(clock, h->released[0]);
	}
}

/* events[n] is about to be performed by its thread. */
static void record(struct executions *x, uint32_t n)
{
	struct event *e = &x->events[n];
	unsigned int q = e->thread;
	uint32_t clock[CHECK_MAX_THREADS] = { 0 };

	if (x->last_event[q])
		memcpy(clock, x->events[x->last_event[q]].clock, sizeof(clock));
	memcpy(e->clock, clock, sizeof(clock));
	order_after(x, n, e->clock);
	if (n > x->planned && !x->brute)
		find_races(x, n, q, clock);
	e->clock[q] = n;
	x->last_event[q] = n;
	for (uint32_t at = 0; e->object && at < e->bytes; at += 8) {
		struct history *h = history(x, (const char *)e->object + at);

		if (e->class <= CHECK_WRITE)
			h->last[e->class][q] = n;
		else
			join(h->released[e->class == CLASS_RELEASE_WRITE],
			     e->clock);
	}
}

/* An execution this long is one that never ends by itself. */
#define MAX_EVENTS 100000

/* Threads that did not get to their next operation race with it all the same. */
static void record_unfinished(struct executions *x)
{
	for (unsigned int q = 0; q < run.program->nr_threads; q++) {
		const struct thread *thread = &world->threads[q];
		struct event *e = &x->events[x->nr + 1];
		uint32_t clock[CHECK_MAX_THREADS] = { 0 };

		if (x->brute || thread->status != THREAD_READY ||
		    !thread->object)
			continue;
		memset(e, 0, sizeof(*e));
		e->thread = (uint8_t)q;
		e->class = (uint8_t)thread->class;
		e->object = thread->object;
		e->bytes = thread->bytes;
		if (x->last_event[q])
			memcpy(clock, x->events[x->last_event[q]].clock,
			       sizeof(clock));
		memcpy(e->clock, clock, sizeof(clock));
		order_after(x, x->nr + 1, e->clock);
		find_races(x, x->nr + 1, q, clock);
	}
}

/* ------ executions ------ */

/* Threads of `sleep` whose operation does not depend on that of thread t. */
static unsigned int still_asleep(unsigned int sleep, unsigned int t)
{
	const struct thread *a = &world->threads[t];
	unsigned int mask = 0;

	for (unsigned int u = 0; u < run.program->nr_threads; u++) {
		const struct thread *b = &world->threads[u];

		if (u != t && (sleep & (1u << u)) &&
		    !depend(a->object, a->bytes, a->class, b->object, b->bytes,
			    b->class))
			mask |= 1u << u;
	}
	return mask;
}

static int make_room(struct executions *x)
{
	uint32_t room;
	struct event *events;

	if (x->nr + 2 < x->room)
		return 0;
	room = 2 * x->room + 1024;
	events = realloc(x->events, room * sizeof(*events));
	if (!events)
		return -1;
	x->events = events;
	x->room = room;
	return 0;
}

/* A new event: choose who goes first here. */
static struct event *plan_event(struct executions *x, unsigned int enabled,
				unsigned int sleep)
{
	struct event *e = &x->events[++x->nr];
	unsigned int last = x->nr > 1 ? x->events[x->nr - 1].thread : 0;

	memset(e, 0, sizeof(*e));
	e->enabled = (uint8_t)enabled;
	e->sleep = (uint8_t)sleep;
	e->thread = (uint8_t)prefer(enabled & ~sleep, last);
	e->backtrack = (uint8_t)(x->brute ? enabled : 1u << e->thread);
	return e;
}

static int path(const struct executions *x, struct check_schedule *schedule)
{
	memset(schedule, 0, sizeof(*schedule));
	for (uint32_t n = 1; n <= x->nr; n++) {
		const struct event *e = &x->events[n];

		if (schedule_add(schedule, e->thread, 1))
			return -1;
		if (e->class == CLASS_CHOICE &&
		    schedule_choose(schedule, e->choice))
			return -1;
	}
	return 0;
}

static int failed(struct executions *x)
{
	struct check_failure *failure = search_failure(x->search);

	return failure ? path(x, &failure->schedule) : 0;
}

/* No thread can move.  Was it an end, and which? */
static int ended(struct executions *x, bool any_failed)
{
	struct search *search = x->search;

	record_unfinished(x);
	if (any_failed)
		return 0;
	if (run_any_cut()) {
		search->result->cut++;
		return 0;
	}
	if (!run_all_done()) {
		run_deadlock();
		return failed(x);
	}
	search->result->executions++;
	if (run_main(search->program->finish) == END_FAILED)
		return failed(x);
	if (search->options->completed)
		search->options->completed(search->options->user);
	return 0;
}

/* Perform the operation thread t is at, as event e. */
static int perform(struct executions *x, struct event *e, bool *any_failed)
{
	struct thread *thread = &world->threads[e->thread];

	e->class = (uint8_t)thread->class;
	e->object = thread->object;
	e->bytes = thread->bytes;
	e->nr_choices = (uint8_t)thread->nr_choices;
	thread->choice = e->choice;
	record(x, (uint32_t)(e - x->events));
	if (run_thread(e->thread) == END_FAILED) {
		*any_failed = true;
		return failed(x);
	}
	return 0;
}

static int run_execution(struct executions *x)
{
	unsigned int sleep = 0;
	bool any_failed = false;
	uint32_t n = 0;

	x->execution++;
	memset(x->last_event, 0, sizeof(x->last_event));
	x->nr_histories = 0;
	world_restore(x->after_setup);
	run_arm_threads();
	for (unsigned int t = 0; t < run.program->nr_threads; t++)
		if (run_thread(t) == END_FAILED) {
			any_failed = true;
			if (failed(x))
				return -1;
		}
	for (;;) {
		unsigned int enabled = run_enabled_mask();
		struct event *e;

		if (!enabled)
			return ended(x, any_failed);
		if (make_room(x))
			return -1;
		if (n == MAX_EVENTS) {
			x->search->result->cut++;
			return 0;
		}
		if (++n <= x->nr) {
			e = &x->events[n];
		} else if (!(enabled & ~sleep)) {
			x->search->result->redundant++;
			record_unfinished(x);
			return 0;
		} else {
			e = plan_event(x, enabled, sleep);
		}
		if (!x->brute)
			sleep = still_asleep(e->sleep | e->done, e->thread);
		if (perform(x, e, &any_failed))
			return -1;
	}
}

/* Set the next plan.  Return: false when there is none. */
static bool next_plan(struct executions *x)
{
	for (; x->nr; x->nr--) {
		struct event *e = &x->events[x->nr];
		unsigned int left;

		if (e->class == CLASS_CHOICE && e->choice + 1 < e->nr_choices) {
			e->choice++;
			x->planned = x->nr;
			return true;
		}
		e->choice = 0;
		e->done |= (uint8_t)(1u << e->thread);
		left = e->backtrack & ~(unsigned int)e->done;
		if (!x->brute)
			left &= ~(unsigned int)e->sleep;
		if (!left)
			continue;
		e->thread = (uint8_t)__builtin_ctz(left);
		x->planned = x->nr - 1;
		return true;
	}
	return false;
}

int search_executions(struct search *search)
{
	struct executions x = {
		.search = search,
		.brute = search->options->mode == CHECK_BRUTE_FORCE,
		.table_size = 1024,
	};
	char *after_setup = malloc(world_save_bound());
	int error = -1;

	x.after_setup = after_setup;
	x.table = calloc(x.table_size, sizeof(*x.table));
	if (after_setup && x.table) {
		run.mode = RUN_OPERATIONS;
		world_save(after_setup);
		do {
			error = run_execution(&x);
			search->result->search_bytes =
				x.room * sizeof(*x.events) +
				x.table_size * sizeof(*x.table);
			if (search_poll_due(search))
				search_poll(search);
		} while (!error && !search->stop && next_plan(&x));
	}
	free(after_setup);
	free(x.table);
	free(x.events);
	return error;
}
