// SPDX-License-Identifier: GPL-2.0-only
/*
 * visits.c - the states that a bounded search has met, and the ways there; see
 * bounded.h.
 */
#include "bounded.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t bounded_kept(const struct bounded *b)
{
	return stored_bytes(&b->stored) +
	       b->visits_room * sizeof(*b->visits) +
	       b->taken_room * sizeof(*b->taken) +
	       b->spots_room * sizeof(*b->spots) +
	       b->ways_room * sizeof(*b->ways);
}

void bounded_free(struct bounded *b)
{
	for (uint32_t i = 0; i < b->stored.states.nr && i < b->spots_room; i++)
		free(b->spots[i].snapshot);
	stored_free(&b->stored);
	free(b->spots);
	free(b->ways);
	free(b->visits);
	free(b->taken);
	free(b->scratch);
}

/* ------ states ------ */

static int make_room(struct bounded *b, uint32_t state)
{
	size_t before = b->spots_room, nr = (size_t)state + 1;

	if (room_for((void **)&b->spots, &b->spots_room, nr,
		     sizeof(*b->spots)))
		return -1;
	memset(b->spots + before, 0,
	       (b->spots_room - before) * sizeof(*b->spots));
	return room_for((void **)&b->ways, &b->ways_room,
			nr * run.program->nr_threads, sizeof(*b->ways));
}

int bounded_number(struct bounded *b, uint32_t *state, bool *is_new)
{
	if (stored_insert(&b->stored, b->search, NULL, state, is_new))
		return -1;
	return *state == EDGE_NONE ? 0 : make_room(b, *state);
}

static int keep_snapshot(struct bounded *b, struct spot *spot)
{
	if (room_for((void **)&b->scratch, &b->scratch_room,
		     world_save_bound(), 1))
		return -1;
	spot->bytes = world_save(b->scratch);
	spot->snapshot = malloc(spot->bytes);
	if (!spot->snapshot)
		return -1;
	memcpy(spot->snapshot, b->scratch, spot->bytes);
	b->snapshot_bytes += spot->bytes;
	return 0;
}

static int take(struct bounded *b, uint32_t from, struct edge edge)
{
	struct spot *spot = &b->spots[from];

	if (b->nr_taken == UINT32_MAX) {
		errno = ENOMEM;
		return -1;
	}
	if (room_for((void **)&b->taken, &b->taken_room,
		     (size_t)b->nr_taken + 1, sizeof(*b->taken)))
		return -1;
	b->taken[b->nr_taken++] = (struct taken){ edge, spot->taken };
	spot->taken = b->nr_taken;
	return 0;
}

/* As in by_states.c, where a thread was cut short is a way to the unknown. */
static int describe(struct bounded *b, uint32_t state)
{
	struct edge unknown = { .to = EDGE_END };
	struct spot *spot = &b->spots[state];

	spot->enabled = run_enabled_mask();
	spot->choosing = world->choosing;
	if (keep_snapshot(b, spot))
		return -1;
	if (!run_any_cut())
		return 0;
	b->met_cut |= run_met_bound();
	return take(b, state, unknown);
}

int bounded_edge(struct bounded *b, const struct step *step, uint32_t to)
{
	struct edge edge = {
		.to = to, .operations = step->operations,
		.thread = step->thread,
	};

	b->search->result->steps++;
	if (run.progressed)
		edge.flags |= EDGE_PROGRESS;
	if (step->choice) {
		edge.flags |= EDGE_CHOSE;
		edge.choice = (uint8_t)(step->choice - 1);
	}
	return take(b, step->from.state, edge);
}

/* ------ visits ------ */

static struct way *way_to(const struct bounded *b, struct visit visit)
{
	return &b->ways[(size_t)visit.state * run.program->nr_threads +
			visit.last];
}

static int add_visit(struct bounded *b, struct visit visit)
{
	if (room_for((void **)&b->visits, &b->visits_room, b->nr_visits + 1,
		     sizeof(*b->visits)))
		return -1;
	b->visits[b->nr_visits++] = visit;
	return 0;
}

int bounded_arrive(struct bounded *b, const struct step *step)
{
	struct visit visit = { .last = step ? step->thread : MAIN };
	struct spot *spot;
	bool is_new;

	if (bounded_number(b, &visit.state, &is_new))
		return -1;
	if (visit.state == EDGE_NONE)
		return 0;
	if (is_new && describe(b, visit.state))
		return -1;
	if (!step)
		return add_visit(b, visit);
	if (bounded_edge(b, step, visit.state))
		return -1;
	spot = &b->spots[visit.state];
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

/* ------ ways ------ */

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

/* The way to the last step, and that one. */
int bounded_path(const struct bounded *b, const struct step *last,
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

/* ------ the graph ------ */

/* What was refused is not known: it is no dead end for livelock.c. */
static int close_spot(struct bounded *b, uint32_t state)
{
	const struct spot *spot = &b->spots[state];
	struct edges *edges = &b->stored.edges;
	struct edge unknown = { .to = EDGE_END };
	size_t begin = edges->open_used;

	for (uint32_t i = spot->taken; i; i = b->taken[i - 1].before)
		if (edges_add(edges, state, b->taken[i - 1].edge))
			return -1;
	if (spot->ran != spot->enabled && edges_add(edges, state, unknown))
		return -1;
	return edges_close(edges, state, begin);
}

int bounded_close(struct bounded *b)
{
	for (uint32_t s = 0; s < b->stored.states.nr; s++)
		if (close_spot(b, s))
			return -1;
	return 0;
}
