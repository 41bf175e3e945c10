// SPDX-License-Identifier: GPL-2.0-only
/*
 * bounded.c - every state that a bounded number of preemptions reaches.
 *
 * A preemption is a switch away from a thread that could have gone on
 * (Musuvathi and Qadeer: "Iterative context bounding", PLDI 2007).  States are
 * gone through in layers: all that is reached without a preemption, then all
 * that one more reaches, and so on.  What can be done next without a
 * preemption depends on the thread that came last, so a state is visited once
 * for each of those; but a thread's step from it is run just once, in the
 * lowest layer that allows it.
 *
 * A step is as in the search by states, except that a release ends it: who
 * waits for the lock could go on at once, and to leave him then is one.
 * Nothing else that is joined to a step lets another thread go on or keeps it
 * from that, so joining never adds a preemption.
 *
 * When every thread has run its step from every state, no preemption was
 * missing: the search is complete.
 */
#include "internal.h"
#include "states.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Snapshots are kept until all threads have run: this is enough of them. */
#define MAX_BYTES ((size_t)2 << 30)

/* A state, until all that are enabled in it have run. */
struct spot {
	char *snapshot;
	size_t bytes;			/* of it */
	uint32_t enabled;
	uint32_t ran;			/* threads, */
	uint32_t arrived;		/* and who came last on ways here */
};

/* The way to a state whose last step is that of a certain thread. */
struct way {
	uint32_t from;			/* a state, EDGE_NONE at the start, */
	uint8_t last;			/* reached in turn by that thread, */
	uint8_t choice;			/* whose step chose this + 1; 0: no */
	uint32_t operations;		/* and had so many operations */
};

struct visit {
	uint32_t state;
	uint8_t last;
};

struct step {
	struct visit from;
	uint8_t thread;
	uint8_t choice;			/* as in struct way */
	uint32_t operations;
};

struct bounded {
	struct search *search;
	struct states states;
	struct edges edges;
	struct spot *spots;		/* by state */
	struct way *ways;		/* [state * nr_threads + thread] */
	uint32_t spots_room;
	struct visit *visits;		/* one layer behind the other */
	size_t nr_visits;
	size_t visits_room;
	char *scratch;			/* a snapshot that may be known */
	size_t scratch_room;
	size_t snapshot_bytes;		/* all in all */
	size_t scratch_bytes;
	uint32_t lead[CHECK_MAX_THREADS];
};

static size_t bytes(const struct bounded *b)
{
	return b->snapshot_bytes + states_bytes(&b->states) +
	       edges_bytes(&b->edges) + sharing_bytes() +
	       b->visits_room * sizeof(*b->visits) +
	       b->spots_room * (sizeof(*b->spots) +
				b->edges.nr_threads * sizeof(*b->ways));
}

static int grow_spots(struct bounded *b)
{
	uint32_t room = b->spots_room ? 2 * b->spots_room : 1024;
	size_t ways = (size_t)room * b->edges.nr_threads;
	struct spot *spots = realloc(b->spots, room * sizeof(*spots));
	struct way *way;

	if (!spots)
		return -1;
	b->spots = spots;
	memset(spots + b->spots_room, 0,
	       (room - b->spots_room) * sizeof(*spots));
	way = realloc(b->ways, ways * sizeof(*way));
	if (!way)
		return -1;
	b->ways = way;
	b->spots_room = room;
	return 0;
}

static int add_visit(struct bounded *b, struct visit visit)
{
	if (b->nr_visits == b->visits_room) {
		size_t room = 2 * b->visits_room + 1024;
		struct visit *visits =
			realloc(b->visits, room * sizeof(*visits));

		if (!visits)
			return -1;
		b->visits = visits;
		b->visits_room = room;
	}
	b->visits[b->nr_visits++] = visit;
	return 0;
}

static struct way *way_to(const struct bounded *b, struct visit visit)
{
	return &b->ways[(size_t)visit.state * b->edges.nr_threads +
			visit.last];
}

/* ------ states ------ */

/*
 * Number the state that the world is at; its bytes are in b->scratch.
 * Return: UINT32_MAX without memory.
 */
static uint32_t number(struct bounded *b, bool *is_new)
{
	struct check_result *result = b->search->result;
	size_t bound = world_save_bound();
	uint32_t state;

	if (bound > b->scratch_room) {
		free(b->scratch);
		b->scratch = malloc(bound);
		b->scratch_room = b->scratch ? bound : 0;
		if (!b->scratch)
			return UINT32_MAX;
	}
	b->scratch_bytes = world_save(b->scratch);
	state = states_insert(&b->states,
			      states_hash(b->scratch, b->scratch_bytes, 0),
			      is_new);
	if (state == UINT32_MAX ||
	    (state >= b->edges.room && edges_grow(&b->edges)) ||
	    (state >= b->spots_room && grow_spots(b)))
		return UINT32_MAX;
	result->states = b->states.nr;
	if (b->scratch_bytes > result->state_bytes)
		result->state_bytes = b->scratch_bytes;
	return state;
}

/* A new state: what is not run from it yet is no dead end for cycles.c. */
static int describe(struct bounded *b, uint32_t state, const struct step *step)
{
	struct edges *e = &b->edges;
	struct spot *spot = &b->spots[state];

	*spot = (struct spot){ .enabled = run_enabled_mask() };
	for (uint32_t t = 0; t < e->nr_threads; t++)
		e->to[(size_t)state * e->nr_threads + t] =
			spot->enabled & (1u << t) ? EDGE_END : EDGE_NONE;
	e->nr_states = b->states.nr;
	e->parent[state] = step ? step->from.state : EDGE_NONE;
	e->parent_thread[state] = step ? step->thread : 0;
	e->parent_choice[state] = step ? step->choice : 0;
	if (!spot->enabled)
		return 0;
	spot->snapshot = malloc(b->scratch_bytes);
	if (!spot->snapshot)
		return -1;
	memcpy(spot->snapshot, b->scratch, b->scratch_bytes);
	spot->bytes = b->scratch_bytes;
	b->snapshot_bytes += spot->bytes;
	return 0;
}

static void add_edge(struct bounded *b, const struct step *step, uint32_t to)
{
	struct edges *e = &b->edges;
	size_t at = (size_t)step->from.state * e->nr_threads + step->thread;
	uint32_t operations = step->operations;

	b->search->result->steps++;
	/* as in by_states.c: other choices only lead further away */
	if (step->choice > 1)
		return;
	if (operations >= EDGE_PROGRESS)
		operations = EDGE_PROGRESS - 1;
	e->to[at] = to;
	e->operations[at] = (uint16_t)
		(operations |
		 (run.progressed || step->choice ? EDGE_PROGRESS : 0));
}

/* The world is where this step led. */
static int arrive(struct bounded *b, const struct step *step)
{
	bool is_new;
	uint32_t state = number(b, &is_new);
	struct visit visit = { state, step->thread };
	struct spot *spot;

	if (state == UINT32_MAX || (is_new && describe(b, state, step)))
		return -1;
	add_edge(b, step, state);
	spot = &b->spots[state];
	if (spot->arrived & (1u << step->thread))
		return 0;
	spot->arrived |= 1u << step->thread;
	*way_to(b, visit) = (struct way){
		.from = step->from.state,
		.last = step->from.last,
		.choice = step->choice,
		.operations = step->operations,
	};
	return add_visit(b, visit);
}

/* ------ ends ------ */

/* The step that led to a visit. */
static struct step step_to(const struct bounded *b, struct visit visit)
{
	const struct way *way = way_to(b, visit);

	return (struct step){
		.from = { way->from, way->last },
		.thread = visit.last,
		.choice = way->choice,
		.operations = way->operations,
	};
}

static int add_step(struct check_schedule *schedule, const struct step *step,
		    uint32_t *lead)
{
	uint32_t operations = lead[step->thread] + step->operations;

	lead[step->thread] = 0;
	if (schedule_add(schedule, step->thread, operations))
		return -1;
	if (!step->choice)
		return 0;
	return schedule_choose(schedule, (uint8_t)(step->choice - 1));
}

/* The way to the last step, and that one, as a schedule. */
static int path(const struct bounded *b, const struct step *last,
		struct check_schedule *schedule)
{
	uint32_t lead[CHECK_MAX_THREADS];
	struct step *steps, step = *last;
	size_t nr = 1;
	int error = 0;

	for (; step.from.last != MAIN; nr++)
		step = step_to(b, step.from);
	steps = malloc(nr * sizeof(*steps));
	if (!steps)
		return -1;
	step = *last;
	for (size_t i = nr; i--; ) {
		steps[i] = step;
		if (i)
			step = step_to(b, step.from);
	}
	memset(schedule, 0, sizeof(*schedule));
	memcpy(lead, b->lead, sizeof(lead));
	for (size_t i = 0; i < nr && !error; i++)
		error = add_step(schedule, &steps[i], lead);
	free(steps);
	return error;
}

static int failed(struct bounded *b, const struct step *step)
{
	struct check_failure *failure = search_failure(b->search);

	/* without a step, threads that run in turn show it */
	return failure && step && path(b, step, &failure->schedule) ? -1 : 0;
}

/* All threads are at their ends: as in by_states.c. */
static int completed(struct bounded *b, const struct step *step)
{
	struct search *search = b->search;
	bool is_new;
	uint32_t state;

	if (run_any_failed())
		return 0;
	if (run_given_up(search->result))
		return 0;
	state = number(b, &is_new);
	if (state == UINT32_MAX || (is_new && describe(b, state, step)))
		return -1;
	if (!is_new)
		return 0;
	search->result->executions++;
	if (run_main(search->program->finish) == END_FAILED)
		return failed(b, step);
	if (search->options->completed)
		search->options->completed(search->options->user);
	return 0;
}

static int blocked(struct bounded *b, const struct step *step)
{
	if (run_any_failed())
		return 0;
	if (run_given_up(b->search->result))
		return 0;
	run_deadlock();
	return failed(b, step);
}

/* ------ steps ------ */

/* As in by_states.c: others may go on from before the failure. */
static int stop_before_failure(struct bounded *b, struct step *step)
{
	if (step->operations < 2)
		return 0;
	world_restore(b->spots[step->from.state].snapshot);
	if (step->choice)
		world->threads[step->thread].choice =
			(uint16_t)(step->choice - 1);
	step->operations--;
	if (run_thread_short(step->thread, step->operations) == END_FAILED)
		return 0;
	return arrive(b, step);
}

static int after_step(struct bounded *b, enum run_end end, struct step *step)
{
	if (end == END_FAILED)
		return failed(b, step) || stop_before_failure(b, step) ? -1 : 0;
	if (run_all_done()) {
		add_edge(b, step, EDGE_END);
		return completed(b, step);
	}
	if (!run_enabled_mask()) {
		add_edge(b, step, EDGE_END);
		return blocked(b, step);
	}
	return arrive(b, step);
}

static void forget_snapshot(struct bounded *b, uint32_t state)
{
	struct spot *spot = &b->spots[state];

	if (spot->ran != spot->enabled)
		return;
	free(spot->snapshot);
	spot->snapshot = NULL;
	b->snapshot_bytes -= spot->bytes;
}

static bool surprised(const struct bounded *b)
{
	return !b->search->options->no_reduction && sharing_changed();
}

/* Return: 1 when what is known changed, as the search begins again then. */
static int run_from(struct bounded *b, struct visit from, unsigned int t)
{
	unsigned int nr_choices = 1;

	b->spots[from.state].ran |= 1u << t;
	for (unsigned int choice = 0; choice < nr_choices; choice++) {
		struct thread *thread = &world->threads[t];
		struct step step = { .from = from, .thread = (uint8_t)t };
		enum run_end end;

		world_restore(b->spots[from.state].snapshot);
		if (thread->class == CLASS_CHOICE) {
			nr_choices = thread->nr_choices;
			thread->choice = (uint16_t)choice;
			step.choice = (uint8_t)(choice + 1);
		}
		end = run_thread(t);
		step.operations = run.operations;
		if (after_step(b, end, &step))
			return -1;
		if (surprised(b))
			return 1;
	}
	forget_snapshot(b, from.state);
	return 0;
}

static int run_all_from(struct bounded *b, size_t visit, uint32_t threads)
{
	struct search *search = b->search;
	struct visit from = b->visits[visit];
	uint32_t todo = threads & ~b->spots[from.state].ran;
	int again = 0;

	for (unsigned int t = 0; !again && todo >> t; t++)
		if (todo & (1u << t))
			again = run_from(b, from, t);
	if (search_poll_due(search)) {
		search->result->search_bytes = bytes(b);
		search_poll(search);
	}
	if (!search->stop && b->snapshot_bytes > MAX_BYTES) {
		search->result->stopped = "the limit on memory";
		search->stop = true;
	}
	return again;
}

/* Who may go on from there without a preemption, */
static uint32_t free_threads(const struct bounded *b, size_t visit)
{
	const struct visit *v = &b->visits[visit];
	uint32_t enabled = b->spots[v->state].enabled;

	if (v->last != MAIN && (enabled & (1u << v->last)))
		return 1u << v->last;
	return enabled;
}

/* and who by one. */
static uint32_t other_threads(const struct bounded *b, size_t visit)
{
	return b->spots[b->visits[visit].state].enabled &
	       ~free_threads(b, visit);
}

static int layers(struct bounded *b)
{
	struct search *search = b->search;
	unsigned int left = search->options->preemptions;
	size_t begin = 0, end;
	int again = 0;

	for (;; left--) {
		for (size_t i = begin; i < b->nr_visits; i++) {
			if (search->stop || again)
				return again;
			again = run_all_from(b, i, free_threads(b, i));
		}
		if (!left || again)
			return again;
		end = b->nr_visits;
		for (size_t i = begin; i < end; i++) {
			if (search->stop || again)
				return again;
			again = run_all_from(b, i, other_threads(b, i));
		}
		if (again || end == b->nr_visits)
			return again;
		begin = end;
	}
}

static void count_refused(struct bounded *b)
{
	uint64_t refused = 0;

	for (uint32_t i = 0; i < b->states.nr; i++)
		refused += (uint64_t)__builtin_popcount(b->spots[i].enabled &
							~b->spots[i].ran);
	b->search->result->refused = refused;
}

static void say_guarantee(const struct bounded *b)
{
	struct check_result *result = b->search->result;
	unsigned int n = b->search->options->preemptions;
	const char *s = n == 1 ? "" : "s";

	if (result->refused)
		snprintf(result->guarantee, sizeof(result->guarantee),
			 "every execution with at most %u preemption%s was covered; %llu steps would have been one more",
			 n, s, (unsigned long long)result->refused);
	else
		snprintf(result->guarantee, sizeof(result->guarantee),
			 "every state is reached with at most %u preemption%s, and all were covered",
			 n, s);
}

/* ------ the search ------ */

static int first_state(struct bounded *b)
{
	bool is_new;
	uint32_t state = number(b, &is_new);

	if (state == UINT32_MAX || describe(b, state, NULL))
		return -1;
	return add_visit(b, (struct visit){ state, MAIN });
}

/* Return: 1 when the search must begin again. */
static int pass(struct bounded *b, const char *after_setup)
{
	struct search *search = b->search;
	int again;

	search->result->passes++;
	world_restore(after_setup);
	if (search_begin_threads(search, after_setup, b->lead))
		return -1;
	if (run_all_done())
		return completed(b, NULL) ? -1 : surprised(b);
	if (!run_enabled_mask())
		return blocked(b, NULL) ? -1 : surprised(b);
	if (first_state(b))
		return -1;
	again = layers(b);
	if (again)
		return again;
	search->result->search_bytes = bytes(b);
	count_refused(b);
	if (search->stop)
		return 0;
	say_guarantee(b);
	return cycles_find(search, &b->edges, b->lead);
}

static void free_all(struct bounded *b)
{
	for (uint32_t i = 0; i < b->states.nr && i < b->spots_room; i++)
		free(b->spots[i].snapshot);
	states_free(&b->states);
	edges_free(&b->edges);
	free(b->spots);
	free(b->ways);
	free(b->visits);
	free(b->scratch);
}

/* The world is as set-up left it, before and after. */
static int search_once(struct search *search)
{
	char *after_setup = malloc(world_save_bound());
	int again;

	if (!after_setup)
		return -1;
	world_save(after_setup);
	if (!search->options->no_reduction)
		search_learn(after_setup);
	run.mode = search->options->no_reduction ? RUN_OPERATIONS : RUN_STEPS;
	do {
		struct bounded b = {
			.search = search,
			.edges.nr_threads = search->program->nr_threads,
		};

		search_forget(search);
		again = pass(&b, after_setup);
		free_all(&b);
	} while (again > 0);
	world_restore(after_setup);
	free(after_setup);
	return again;
}

static bool order_failed(const struct search *search)
{
	const struct check_result *result = search->result;

	for (size_t i = 0; i < result->nr_failures; i++)
		if (result->failures[i].number == CHECK_LOCK_ORDER)
			return true;
	return false;
}

/*
 * A cycle of lock classes may have been put together from several executions.
 * Then all is searched once more with the order as part of the state, which
 * makes many more states, but such a failure one of one execution.
 */
int search_preemptions(struct search *search)
{
	int error;

	run.compares_states = true;
	run.scrubs = true;
	run.counts_preemptions = true;
	sharing_reset();
	order_reset();
	error = search_once(search);
	order_of_one_execution();
	if (error || !order_failed(search))
		return error;
	/* after a limit there is no time, or room, for more */
	if (search->stop && !search->options->first)
		return 0;
	search->stop = false;
	search->result->stopped = NULL;
	return search_once(search);
}
