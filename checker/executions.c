// SPDX-License-Identifier: GPL-2.0-only
/*
 * executions.c - the search by executions: optimal partial-order reduction.
 *
 * Source sets with wake-up trees (Abdulla, Aronis, Jonsson, Sagonas: "Optimal
 * dynamic partial order reduction", POPL 2014): run an execution to its end,
 * find the pairs of operations in it that race, and plan for each the sequence
 * that performs them the other way round, unless a run that was made or is
 * planned does so already.  Each execution is run again from the state after
 * setup(); plans hang on the events of the current execution.
 *
 * Names used in this file
 *   event     an operation that was performed; numbered from 1 in execution
 *   clock     for each thread, the last of its events that happened before
 *   plan      a tree of operations to perform from an event's place on; its
 *             first branch is the one that runs
 *   sleep     threads that need not be run there: it was done elsewhere
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* An execution this long is one that never ends by itself. */
#define MAX_EVENTS 100000

/* An operation before it is performed: all that decides what depends on it. */
struct operation {
	const void *object;
	uint32_t bytes;
	uint8_t class;
	uint8_t thread;
	bool waits;			/* for a condition of the client's */
};

/* A node of a plan: perform this, then one of the children, first the first. */
struct plan {
	struct operation op;
	struct plan *next;		/* of the same parent */
	struct plan *children;
};

struct event {
	struct operation op;
	uint8_t choice;
	uint8_t nr_choices;
	uint8_t enabled;		/* mask, before this event */
	uint8_t sleep;
	uint8_t impossible;		/* threads whose wait is in vain */
	struct plan *plan;		/* what is to be run in this place */
	uint32_t clock[CHECK_MAX_THREADS];
	struct operation at[CHECK_MAX_THREADS];	/* where threads are, before */
};

/* What this execution did to one word so far: events by class and thread. */
struct history {
	const void *object;
	uint64_t execution;		/* that wrote this; else void */
	uint32_t last[3][CHECK_MAX_THREADS];
	uint32_t wakes;			/* of a token, since it was taken */
	uint32_t released[2][CHECK_MAX_THREADS];	/* read, write */
};

/* events[early] and events[late], which may be one that could not happen. */
struct race {
	uint32_t early;
	uint32_t late;
};

struct executions {
	struct search *search;
	const char *after_setup;
	bool brute;
	struct event *events;		/* events[1 .. nr] */
	uint32_t nr;
	uint32_t room;
	uint32_t planned;		/* events whose races are known */
	struct history *table;
	size_t table_size;
	size_t nr_histories;
	uint64_t execution;
	uint32_t last_event[CHECK_MAX_THREADS];
	struct race *races;		/* of this execution */
	size_t nr_races;
	size_t races_room;
	struct plan *spare;		/* nodes that are free */
	size_t nr_plans;
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

/* Do two operations of different threads depend on each other? */
static bool depend(const struct operation *a, const struct operation *b)
{
	return a->object && b->object &&
	       (const char *)a->object < (const char *)b->object + b->bytes &&
	       (const char *)b->object < (const char *)a->object + a->bytes &&
	       classes_conflict(a->class, b->class);
}

static bool same_operation(const struct operation *a, const struct operation *b)
{
	return a->object == b->object && a->bytes == b->bytes &&
	       a->class == b->class && a->thread == b->thread;
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

/* ------ plans ------ */

static struct plan *plan_new(struct executions *x, const struct operation *op)
{
	struct plan *plan = x->spare;

	if (plan) {
		x->spare = plan->next;
	} else {
		plan = malloc(sizeof(*plan));
		if (!plan)
			abort();
		x->nr_plans++;
	}
	*plan = (struct plan){ .op = *op };
	return plan;
}

/* Give a node and all below it back. */
static void plan_free(struct executions *x, struct plan *plan)
{
	while (plan) {
		struct plan *next = plan->next;

		plan_free(x, plan->children);
		plan->next = x->spare;
		x->spare = plan;
		plan = next;
	}
}

/*
 * v: a sequence of operations, in order.  Is `first` one of its weak initials:
 * can it come first in an execution equivalent to one that begins with v?
 * Return: 0: no; else its place in v + 1, or nr + 1 if it is not in v, with
 * which it commutes then.
 */
static size_t weak_initial(const struct operation *v, size_t nr,
			   const struct operation *first)
{
	for (size_t i = 0; i < nr; i++) {
		/* after another choice it is another operation */
		if (v[i].thread == first->thread)
			return same_operation(&v[i], first) ? i + 1 : 0;
		if (depend(&v[i], first))
			return 0;
	}
	return nr + 1;
}

/*
 * Add v below a list of plans, unless one of them is, or becomes, equivalent to
 * a beginning of it.  v is used up.
 */
static void plan_insert(struct executions *x, struct plan **list,
			struct operation *v, size_t nr)
{
	while (*list) {
		struct plan *plan = *list;
		size_t place = weak_initial(v, nr, &plan->op);

		/* a wait that v does not have may never come true there */
		if (!place || (plan->op.waits && place > nr)) {
			list = &plan->next;
			continue;
		}
		if (place <= nr) {
			nr--;
			memmove(v + place - 1, v + place,
				(nr - place + 1) * sizeof(*v));
		}
		/* what is planned here already leads to it */
		if (!plan->children)
			return;
		list = &plan->children;
	}
	for (size_t i = 0; i < nr; i++) {
		*list = plan_new(x, &v[i]);
		list = &(*list)->children;
	}
}

/* ------ races ------ */

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
		size_t place = weak_initial(v, nr, &early->at[t]);

		if ((early->sleep & (1u << t)) && place)
			return;
		/* nothing in v makes its condition true */
		if ((early->impossible & (1u << t)) && place && place <= nr)
			return;
	}
	plan_insert(x, &early->plan, v, nr);
}

/* Plan the reversal of all races of the execution that has just ended. */
static void plan_reversals(struct executions *x)
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
				    classes_conflict(c, op->class) &&
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
		    depend(&e->op, op))
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
				    classes_conflict(c, op->class))
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

static void record(struct executions *x, uint32_t n)
{
	struct event *e = &x->events[n];

	order(x, n);
	e->clock[e->op.thread] = n;
	x->last_event[e->op.thread] = n;
	write_history(x, n);
}

static struct operation operation_of(unsigned int t)
{
	const struct thread *thread = &world->threads[t];

	return (struct operation){
		.object = thread->object,
		.bytes = thread->bytes,
		.class = (uint8_t)thread->class,
		.thread = (uint8_t)t,
		.waits = run_waits_for_condition(thread),
	};
}

/*
 * An operation that a thread did not get to perform races all the same.  It
 * stands behind the last event while its races are planned.
 */
static void plan_unfinished(struct executions *x)
{
	for (unsigned int q = 0; q < run.program->nr_threads; q++) {
		struct event *e = &x->events[x->nr + 1];

		if (x->brute || world->threads[q].status != THREAD_READY ||
		    !world->threads[q].object)
			continue;
		memset(e, 0, sizeof(*e));
		e->op = operation_of(q);
		order(x, x->nr + 1);
		plan_reversals(x);
	}
}

/* ------ executions ------ */

/* Threads of `sleep` whose operation does not depend on op. */
static unsigned int still_asleep(unsigned int sleep, const struct operation *op)
{
	unsigned int mask = 0;

	for (unsigned int u = 0; u < run.program->nr_threads; u++) {
		struct operation at = operation_of(u);

		if ((sleep & (1u << u)) && u != op->thread && !depend(op, &at))
			mask |= 1u << u;
	}
	return mask;
}

static int make_room(struct executions *x)
{
	uint32_t room;
	struct event *events;

	if (x->nr + 3 < x->room)
		return 0;
	room = 2 * x->room + 1024;
	events = realloc(x->events, room * sizeof(*events));
	if (!events)
		return -1;
	x->events = events;
	x->room = room;
	return 0;
}

static int choosing_thread(unsigned int enabled)
{
	for (unsigned int t = 0; t < run.program->nr_threads; t++)
		if ((enabled & (1u << t)) &&
		    world->threads[t].class == CLASS_CHOICE)
			return (int)t;
	return -1;
}

static bool plan_fits(const struct plan *plan)
{
	struct operation op = operation_of(plan->op.thread);

	return world->threads[plan->op.thread].status == THREAD_READY &&
	       same_operation(&op, &plan->op);
}

/*
 * Plans are made for what threads will do; a choice between may make them do
 * something else.  Drop those that are for another choice.
 */
static void plan_prune(struct executions *x, struct plan **list)
{
	while (*list) {
		struct plan *plan = *list;

		if (plan_fits(plan)) {
			list = &plan->next;
			continue;
		}
		*list = plan->next;
		plan->next = NULL;
		plan_free(x, plan);
	}
}

static struct plan *plan_copy(struct executions *x, const struct plan *plan)
{
	struct plan *first = NULL, **at = &first;

	for (; plan; plan = plan->next) {
		*at = plan_new(x, &plan->op);
		(*at)->children = plan_copy(x, plan->children);
		at = &(*at)->next;
	}
	return first;
}

/* What to run in a new place, if nothing is planned there. */
static struct plan *plan_freely(struct executions *x, unsigned int enabled,
				unsigned int sleep)
{
	unsigned int last = x->nr > 1 ? x->events[x->nr - 1].op.thread : 0;
	struct plan *first = NULL, **at = &first;
	struct operation op;

	if (!x->brute) {
		op = operation_of(prefer(enabled & ~sleep, last));
		return plan_new(x, &op);
	}
	for (unsigned int t = 0; t < run.program->nr_threads; t++)
		if (enabled & (1u << t)) {
			op = operation_of(t);
			*at = plan_new(x, &op);
			at = &(*at)->next;
		}
	return first;
}

/*
 * A new event.  *carry is the plan for it; what is planned behind it is left
 * there.  A choice commutes with everything: it is made at once, and the plan
 * goes on behind each of its values.
 */
static struct event *new_event(struct executions *x, unsigned int enabled,
			       unsigned int sleep, struct plan **carry)
{
	struct event *e = &x->events[++x->nr];
	int chooser = choosing_thread(enabled);

	memset(e, 0, sizeof(*e));
	e->enabled = (uint8_t)enabled;
	e->sleep = (uint8_t)sleep;
	for (unsigned int t = 0; t < run.program->nr_threads; t++)
		e->at[t] = operation_of(t);
	if (chooser >= 0) {
		e->op = operation_of((unsigned int)chooser);
		e->nr_choices = (uint8_t)world->threads[chooser].nr_choices;
		e->plan = *carry;
		*carry = plan_copy(x, e->plan);
		return e;
	}
	e->plan = *carry ? *carry : plan_freely(x, enabled, sleep);
	*carry = e->plan->children;
	e->plan->children = NULL;
	e->op = e->plan->op;
	return e;
}

static int path(const struct executions *x, struct check_schedule *schedule)
{
	memset(schedule, 0, sizeof(*schedule));
	for (uint32_t n = 1; n <= x->nr; n++) {
		const struct event *e = &x->events[n];

		if (schedule_add(schedule, e->op.thread, 1))
			return -1;
		if (e->nr_choices && schedule_choose(schedule, e->choice))
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

static int begin_execution(struct executions *x, bool *any_failed)
{
	x->execution++;
	x->nr_histories = 0;
	x->nr_races = 0;
	memset(x->last_event, 0, sizeof(x->last_event));
	if (make_room(x))
		return -1;
	world_restore(x->after_setup);
	order_of_one_execution();
	run_arm_threads();
	for (unsigned int t = 0; t < run.program->nr_threads; t++) {
		if (run_thread(t) != END_FAILED)
			continue;
		*any_failed = true;
		if (failed(x))
			return -1;
	}
	return 0;
}

static int give_up(struct executions *x, bool *any_failed)
{
	x->search->result->redundant++;
	*any_failed = true;
	return 0;
}

/*
 * Run what is planned, and freely on from there.
 * Return: 1 while there is something to run, 0 at the end, -1 without memory.
 */
static int run_event(struct executions *x, uint32_t n, unsigned int *sleep,
		     struct plan **carry, bool *any_failed)
{
	unsigned int enabled = run_enabled_mask();
	struct event *e;

	if (!enabled)
		return 0;
	if (n == MAX_EVENTS) {
		x->search->result->cut++;
		*any_failed = true;
		return 0;
	}
	if (make_room(x))
		return -1;
	if (n > x->nr && choosing_thread(enabled) < 0)
		plan_prune(x, carry);
	if (n > x->nr && !*carry && !(enabled & ~*sleep))
		return give_up(x, any_failed);
	if (n > x->nr) {
		e = new_event(x, enabled, *sleep, carry);
	} else {
		e = &x->events[n];
		if (n == x->nr && e->nr_choices) {
			*carry = plan_copy(x, e->plan);
		} else if (n == x->nr) {
			*carry = e->plan->children;
			e->plan->children = NULL;
		}
	}
	/*
	 * A wait that was planned for before its condition may not hold: then
	 * there is no such execution, and what leads here is part of another.
	 */
	if (!(enabled & (1u << e->op.thread))) {
		e->impossible |= (uint8_t)(1u << e->op.thread);
		return give_up(x, any_failed);
	}
	if (!x->brute)
		*sleep = still_asleep(e->sleep, &e->op);
	world->threads[e->op.thread].choice = e->choice;
	record(x, n);
	if (run_thread(e->op.thread) == END_FAILED) {
		*any_failed = true;
		if (failed(x))
			return -1;
	}
	return 1;
}

static int run_execution(struct executions *x)
{
	struct plan *carry = NULL;
	unsigned int sleep = 0;
	bool any_failed = false;
	uint32_t n = 1;
	int more;

	if (begin_execution(x, &any_failed))
		return -1;
	while ((more = run_event(x, n, &sleep, &carry, &any_failed)) > 0)
		n++;
	plan_free(x, carry);
	if (more < 0)
		return -1;
	plan_reversals(x);
	plan_unfinished(x);
	return ended(x, any_failed);
}

/* Set the next plan.  Return: false when there is none. */
static bool next_plan(struct executions *x)
{
	for (; x->nr; x->nr--) {
		struct event *e = &x->events[x->nr];
		struct plan *done = e->plan;

		if (e->nr_choices) {
			if (++e->choice < e->nr_choices) {
				x->planned = x->nr;
				return true;
			}
			plan_free(x, e->plan);
			continue;
		}
		e->plan = done->next;
		done->next = NULL;
		plan_free(x, done);
		if (!x->brute && !(e->impossible & (1u << e->op.thread)))
			e->sleep |= (uint8_t)(1u << e->op.thread);
		if (!e->plan)
			continue;
		e->op = e->plan->op;
		x->planned = x->nr - 1;
		return true;
	}
	return false;
}

static void free_plans(struct executions *x)
{
	for (uint32_t n = 1; n <= x->nr; n++)
		plan_free(x, x->events[n].plan);
	while (x->spare) {
		struct plan *next = x->spare->next;

		free(x->spare);
		x->spare = next;
	}
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
				x.nr_plans * sizeof(struct plan) +
				x.table_size * sizeof(*x.table);
			if (search_poll_due(search))
				search_poll(search);
		} while (!error && !search->stop && next_plan(&x));
		free_plans(&x);
	}
	free(after_setup);
	free(x.table);
	free(x.events);
	free(x.races);
	return error;
}
