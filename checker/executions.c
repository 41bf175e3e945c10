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
#include "executions.h"

#include <stdlib.h>
#include <string.h>

/* An execution this long is one that never ends by itself. */
#define MAX_EVENTS 100000

/* Threads of `sleep` whose operation does not depend on op. */
static unsigned int still_asleep(unsigned int sleep, const struct operation *op)
{
	unsigned int mask = 0;

	for (unsigned int u = 0; u < run.program->nr_threads; u++) {
		struct operation at = operation_at(u);

		if ((sleep & (1u << u)) && u != op->thread &&
		    !operation_depends(op, &at))
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

/* What to run in a new place, if nothing is planned there. */
static struct plan *plan_freely(struct executions *x, unsigned int enabled,
				unsigned int sleep)
{
	unsigned int last = x->nr > 1 ? x->events[x->nr - 1].op.thread : 0;
	struct plan *first = NULL, **at = &first;
	struct operation op;

	if (!x->brute) {
		op = operation_at(prefer(enabled & ~sleep, last));
		return plan_new(x, &op);
	}
	for (unsigned int t = 0; t < run.program->nr_threads; t++)
		if (enabled & (1u << t)) {
			op = operation_at(t);
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
	e->enabled = enabled;
	e->sleep = sleep;
	for (unsigned int t = 0; t < run.program->nr_threads; t++)
		e->at[t] = operation_at(t);
	if (chooser >= 0) {
		e->op = operation_at((unsigned int)chooser);
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
	if (run_given_up(search->result))
		return 0;
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

static int begin_execution(struct executions *x)
{
	x->execution++;
	x->nr_histories = 0;
	x->nr_races = 0;
	memset(x->last_event, 0, sizeof(x->last_event));
	if (make_room(x))
		return -1;
	world_restore(x->after_setup);
	order_forget();
	run_arm_threads();
	for (unsigned int t = 0; t < run.program->nr_threads; t++) {
		if (run_thread(t) != END_FAILED)
			continue;
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
		e->impossible |= 1u << e->op.thread;
		return give_up(x, any_failed);
	}
	if (!x->brute)
		*sleep = still_asleep(e->sleep, &e->op);
	world->threads[e->op.thread].choice = e->choice;
	races_record(x, n);
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

	if (begin_execution(x))
		return -1;
	while ((more = run_event(x, n, &sleep, &carry, &any_failed)) > 0)
		n++;
	plan_free(x, carry);
	if (more < 0)
		return -1;
	races_plan(x);
	races_plan_unfinished(x);
	return ended(x, any_failed || run_any_failed());
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
			e->sleep |= 1u << e->op.thread;
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
