// SPDX-License-Identifier: GPL-2.0-only
/*
 * executions.c - the search by executions: optimal partial-order reduction.
 *
 * Source sets with wake-up trees (Abdulla, Aronis, Jonsson, Sagonas: "Optimal
 * dynamic partial order reduction", POPL 2014): run an execution to its end,
 * find the pairs of operations in it that race, and plan for each the sequence
 * that performs them the other way round, unless a run that was made or is
 * planned does so already.  Each execution goes on from a snapshot of the one
 * before it (trail.c); plans hang on the events of the current execution.
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

/* Threads of `sleep` whose operation does not depend on op. */
static uint32_t still_asleep(struct executions *x, uint32_t sleep,
			     const struct operation *op)
{
	uint32_t mask = sleep & ~(1u << op->thread);

	for (uint32_t left = mask; left; left &= left - 1) {
		unsigned int t = (unsigned int)__builtin_ctz(left);
		struct operation at = operation_at(x, t);

		if (operation_depends(op, &at))
			mask &= ~(1u << t);
	}
	return mask;
}

/* One event more, and one that stands behind the last. */
static int make_room(struct executions *x)
{
	uint32_t room = 2 * x->room + 256;
	struct event *events;
	uint16_t *reversal;

	if (x->nr + 3 < x->room)
		return 0;
	events = realloc(x->events, room * sizeof(*events));
	if (events)
		x->events = events;
	reversal = realloc(x->reversal, room * sizeof(*reversal));
	if (reversal)
		x->reversal = reversal;
	if (!events || !reversal)
		return -1;
	x->room = room;
	return 0;
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

/* Every interleaving: all that can run now is planned. */
static void plan_all(struct executions *x, struct event *e, uint32_t enabled)
{
	struct plan **at = &e->others;

	for (; enabled; enabled &= enabled - 1) {
		struct operation op =
			operation_at(x, (unsigned int)__builtin_ctz(enabled));

		*at = plan_new(x, &op);
		at = &(*at)->next;
	}
}

/* Take the first of the plans for events[n]. */
static void take_plan(struct executions *x, struct event *e)
{
	struct plan *plan = e->others;

	e->others = plan->next;
	e->op = plan->op;
	e->children = plan->children;
	plan->children = NULL;
	plan->next = NULL;
	plan_free(x, plan);
}

/*
 * A new event at the end.  *carry is the plan for it; what is planned behind it
 * is left there.  A choice commutes with everything: it is made at once, and
 * the plan goes on behind each of its values.
 */
static struct event *new_event(struct executions *x, uint32_t enabled,
			       uint32_t sleep, struct plan **carry)
{
	struct event *e = &x->events[++x->nr];
	uint32_t choosing = world->choosing & enabled;
	unsigned int t;

	e->sleep = sleep;
	e->impossible = 0;
	e->choice = 0;
	e->nr_choices = 0;
	e->children = NULL;
	e->others = NULL;
	if (choosing) {
		e->op = operation_at(x, (unsigned int)__builtin_ctz(choosing));
		t = e->op.thread;
		e->nr_choices = (uint8_t)world->threads[t].nr_choices;
		e->children = *carry;
		*carry = plan_copy(x, e->children);
		x->chooses = true;
	} else if (*carry || x->brute) {
		e->others = *carry;
		if (x->brute)
			plan_all(x, e, enabled);
		take_plan(x, e);
		*carry = e->children;
		e->children = NULL;
	} else {
		t = x->nr > 1 ? e[-1].op.thread : 0;
		e->op = operation_at(x, prefer(enabled & ~sleep, t));
	}
	return e;
}

static int give_up(struct executions *x)
{
	x->search->result->redundant++;
	x->given_up = true;
	return 0;
}

/*
 * Perform events[x->nr].
 * Return: 1, 0 when the execution is not to go on, -1 without memory.
 */
static int perform(struct executions *x, uint32_t enabled, uint32_t *sleep)
{
	struct event *e = &x->events[x->nr];
	unsigned int t = e->op.thread;

	if (x->awaits && world_owns(e->op.object, sizeof(e->old)))
		memcpy(&e->old, e->op.object, sizeof(e->old));
	races_record(x, x->nr);
	/*
	 * A wait that was planned for before its condition may not hold: then
	 * there is no such execution, and what leads here is part of another.
	 */
	if (!(enabled & (1u << t))) {
		e->impossible |= 1u << t;
		return give_up(x);
	}
	*sleep = x->brute ? 0 : still_asleep(x, e->sleep, &e->op);
	world->threads[t].choice = e->choice;
	if (run_thread(t) == END_FAILED && failed(x))
		return -1;
	await_notice(x);
	return !x->again;
}

/* Go on with what is planned, and freely from there. */
static int run_event(struct executions *x, uint32_t *sleep, struct plan **carry)
{
	uint32_t enabled = await_enabled(x);

	if (!enabled)
		return 0;
	if (x->nr == MAX_EVENTS) {
		x->search->result->cut++;
		x->given_up = true;
		return 0;
	}
	if (make_room(x) ||
	    (x->nr - trail_last() >= x->spacing && trail_save(x->nr)))
		return -1;
	if (x->chooses && !(world->choosing & enabled))
		plan_prune(x, carry);
	if (!*carry && !(enabled & ~*sleep))
		return give_up(x);
	new_event(x, enabled, *sleep, carry);
	return perform(x, enabled, sleep);
}

/* Let the world be as before events[x->nr]: what came first is known. */
static int go_back(struct executions *x)
{
	uint32_t n = trail_restore(x->nr - 1);

	for (uint32_t k = n + 1; k < x->nr; k++) {
		const struct event *e = &x->events[k];

		world->threads[e->op.thread].choice = e->choice;
		run_thread(e->op.thread);
	}
	return x->nr - 1 - n >= x->spacing / 2 ? trail_save(x->nr - 1) : 0;
}

/* The event that stands last has a plan: begin with it. */
static int run_planned(struct executions *x, uint32_t *sleep,
		       struct plan **carry)
{
	struct event *e = &x->events[x->nr];

	if (go_back(x))
		return -1;
	if (e->nr_choices) {
		*carry = plan_copy(x, e->children);
	} else {
		*carry = e->children;
		e->children = NULL;
	}
	return perform(x, await_enabled(x), sleep);
}

/* No thread can move.  Was it an end, and which? */
static int ended(struct executions *x)
{
	struct search *search = x->search;

	if (x->given_up || run_any_failed())
		return 0;
	if (run_given_up(search->result))
		return 0;
	if (!run_all_done()) {
		if (run_enabled_mask())
			run_livelock(run_enabled_mask());
		else
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

static int run_execution(struct executions *x)
{
	struct plan *carry = NULL;
	uint32_t sleep = 0;
	int more = 1;

	x->given_up = false;
	x->search->result->runs++;
	if (x->nr)
		more = run_planned(x, &sleep, &carry);
	while (more > 0)
		more = run_event(x, &sleep, &carry);
	plan_free(x, carry);
	if (more < 0)
		return -1;
	if (x->again)
		return 0;
	if (!x->brute) {
		races_plan(x);
		races_plan_unfinished(x);
	}
	return ended(x);
}

/* Set the next plan.  Return: false when there is none. */
static bool next_plan(struct executions *x)
{
	for (; x->nr; x->nr--) {
		struct event *e = &x->events[x->nr];

		races_forget(x, x->nr);
		if (e->nr_choices) {
			if (++e->choice < e->nr_choices) {
				x->planned = x->nr;
				return true;
			}
			plan_free(x, e->children);
			continue;
		}
		if (!x->brute && !(e->impossible & (1u << e->op.thread)))
			e->sleep |= 1u << e->op.thread;
		if (!e->others)
			continue;
		take_plan(x, e);
		x->planned = x->nr - 1;
		return true;
	}
	return false;
}

static void forget_plans(struct executions *x)
{
	for (; x->nr; x->nr--) {
		races_forget(x, x->nr);
		plan_free(x, x->events[x->nr].others);
		plan_free(x, x->events[x->nr].children);
	}
}

static void free_plans(struct executions *x)
{
	forget_plans(x);
	while (x->spare) {
		struct plan *next = x->spare->next;

		free(x->spare);
		x->spare = next;
	}
}

/*
 * Begin, or begin anew with what was learned of the program.  Each thread goes
 * to its first operation; none of that is an event.
 */
static int begin(struct executions *x)
{
	forget_plans(x);
	x->planned = 0;
	x->nr_races = 0;
	x->again = false;
	search_restart(x->search);
	trail_restart();
	run.mode = RUN_OPERATIONS;
	run.scrubs = x->spins;
	run_arm_threads();
	for (unsigned int t = 0; t < run.program->nr_threads; t++) {
		if (run_thread(t) == END_FAILED && failed(x))
			return -1;
		await_notice_wait(x, t);
	}
	x->again = false;
	return trail_save(0);
}

int search_executions(struct search *search)
{
	struct executions x = {
		.search = search,
		.brute = search->options->mode == CHECK_BRUTE_FORCE,
		.spacing = 6,
	};
	int error;

	order_of_one_execution();
	error = make_room(&x);
	if (!error)
		error = trail_begin();
	if (!error)
		error = begin(&x);
	while (!error && !search->stop) {
		error = run_execution(&x);
		search->result->search_bytes = races_bytes(&x) + trail_bytes();
		if (search_poll_due(search))
			search_poll(search);
		if (x.again)
			error = begin(&x);
		else if (error || search->stop || !next_plan(&x))
			break;
	}
	free_plans(&x);
	races_free(&x);
	trail_end();
	return error;
}
