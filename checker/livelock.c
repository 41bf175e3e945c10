// SPDX-License-Identifier: GPL-2.0-only
/*
 * livelock.c - threads that go on for ever.
 *
 * A component of the graph of states that no step leaves, in which no
 * execution ends and no operation completes, is a livelock of all threads that
 * take steps in it: whatever the scheduler does, none of them gets anywhere.
 * When a step leads out, a fair scheduler takes it some time, and the rounds
 * are only worth a note (cycles.c).  A client can ask for more: that no thread
 * goes round alone, even if others could end that (lone_cycles_fail).
 */
#include "graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MOVES = 1,			/* a step stays inside */
	LEAVES = 2,
	COMPLETES = 4,
	REPORTED = 8,
};

/* ------ a round ------ */

struct tour {
	struct graph *graph;
	const uint32_t *component;
	uint32_t *from;
	uint32_t *queue;
	struct check_schedule *schedule;
	uint32_t operations;
};

static int take_way(struct tour *tour, uint32_t begin, uint32_t end,
		    struct edge last)
{
	uint32_t n = 0;
	int error = 0;

	for (uint32_t at = end; at != begin; at = tour->from[at])
		tour->queue[n++] = at;
	for (uint32_t at = begin; n && !error; at = tour->queue[n]) {
		const uint8_t *next = edges_from(tour->graph->edges, at);
		struct edge edge;

		n--;
		do
			next = edges_next(next, at, &edge);
		while (edge.to != tour->queue[n]);
		tour->operations += edge.operations;
		error = graph_take(tour->schedule, &edge, 0);
	}
	tour->operations += last.operations;
	return error ? error : graph_take(tour->schedule, &last, 0);
}

/*
 * Go on to the nearest step of one of `threads`, or to `home`, and take it.
 * All that the component's states have are steps that stay in it.
 * Return: its thread in *t, and the state behind it.
 */
static int go_on(struct tour *tour, uint32_t *at, uint32_t threads,
		 uint32_t home, unsigned int *t)
{
	uint32_t nr = 1, n = tour->graph->edges->nr_states;

	for (uint32_t s = 0; s < n; s++)
		tour->from[s] = EDGE_NONE;
	tour->from[*at] = *at;
	tour->queue[0] = *at;
	for (uint32_t i = 0; i < nr; i++) {
		uint32_t s = tour->queue[i];
		const uint8_t *next = edges_from(tour->graph->edges, s);

		while (next) {
			struct edge edge;

			next = edges_next(next, s, &edge);
			if (edge.to == home ||
			    (threads & (1u << edge.thread))) {
				uint32_t begin = *at;

				*t = edge.thread;
				*at = edge.to;
				return take_way(tour, begin, s, edge);
			}
			if (tour->from[edge.to] != EDGE_NONE)
				continue;
			tour->from[edge.to] = s;
			tour->queue[nr++] = edge.to;
		}
	}
	return -1;
}

/* From `home`, over a step of each thread, and back. */
static int make_round(struct graph *graph, uint32_t home, uint32_t threads,
		      struct check_schedule *schedule, uint32_t *operations)
{
	size_t n = (size_t)graph->edges->nr_states + 1;
	struct tour tour = { .graph = graph, .schedule = schedule };
	uint32_t at = home;
	int error = 0;

	tour.from = malloc(n * sizeof(*tour.from));
	tour.queue = malloc(n * sizeof(*tour.queue));
	if (!tour.from || !tour.queue)
		error = -1;
	while (threads && !error) {
		unsigned int t = 0;

		error = go_on(&tour, &at, threads, EDGE_NONE, &t);
		threads &= ~(1u << t);
	}
	while (at != home && !error) {
		unsigned int t;

		error = go_on(&tour, &at, 0, home, &t);
	}
	*operations = tour.operations;
	free(tour.from);
	free(tour.queue);
	return error;
}

/* ------ in words ------ */

/* Return: the length; what does not fit is left out. */
static size_t name_threads(uint32_t threads, char *text, size_t bytes)
{
	size_t at = 0;

	while (threads && at < bytes) {
		int t = __builtin_ctz(threads);

		threads &= threads - 1;
		at += (size_t)snprintf(text + at, bytes - at, "%s%d%s",
				       run_thread_name(), t,
				       !threads ? "" :
				       threads & (threads - 1) ? ", " :
								 " and ");
	}
	return at < bytes ? at : bytes - 1;
}

/*
 * The names of 31 threads may be all there is room for.  A thread that meets
 * nobody goes on until its step is cut: how long a round is then says nothing.
 */
static void describe(struct check_failure *failure, uint32_t threads,
		     uint32_t operations)
{
	char *text = failure->text, round[48] = "", turns[48] = "itself";
	size_t bytes = sizeof(failure->text), at;

	if (operations < MAX_STEP_OPERATIONS) {
		const char *s = operations == 1 ? "" : "s";

		snprintf(round, sizeof(round), ", %u operation%s a round",
			 operations, s);
		snprintf(turns, sizeof(turns), "%u operation%s", operations, s);
	}
	at = name_threads(threads, text, bytes);
	if (threads & (threads - 1))
		snprintf(text + at, bytes - at,
			 " go on for ever%s: nobody is left to end it", round);
	else
		snprintf(text + at, bytes - at,
			 " repeats %s for ever though nobody else changes anything",
			 turns);
}

static struct check_failure *new_failure(struct graph *graph)
{
	memset(&run.failure, 0, sizeof(run.failure));
	run.failure.number = CHECK_LIVELOCK;
	return search_failure(graph->search);
}

/* ------ components that nothing leaves ------ */

static uint8_t *classify(struct graph *graph, const uint32_t *component)
{
	uint8_t *flags = calloc((size_t)graph->nr_components + 1, 1);

	for (uint32_t s = 0; flags && s < graph->edges->nr_states; s++) {
		const uint8_t *at = edges_from(graph->edges, s);

		while (at) {
			struct edge edge;

			at = edges_next(at, s, &edge);
			flags[component[s]] |=
				edge.to == EDGE_END ||
				component[edge.to] != component[s] ? LEAVES :
								     MOVES;
			if (edge.flags & EDGE_PROGRESS)
				flags[component[s]] |= COMPLETES;
		}
		if (graph_stopped(graph))
			break;
	}
	return flags;
}

static uint32_t movers(const struct graph *graph, const uint32_t *component,
		       uint32_t which)
{
	uint32_t threads = 0;

	for (uint32_t s = 0; s < graph->edges->nr_states; s++) {
		const uint8_t *at = component[s] == which ?
			edges_from(graph->edges, s) : NULL;

		while (at) {
			struct edge edge;

			at = edges_next(at, s, &edge);
			threads |= 1u << edge.thread;
		}
	}
	return threads;
}

static int report(struct graph *graph, const uint32_t *component,
		  uint32_t state)
{
	struct check_failure *failure = new_failure(graph);
	uint32_t threads, operations;

	if (!failure)
		return 0;
	threads = movers(graph, component, component[state]);
	if (graph_lead(graph, state, &failure->schedule) ||
	    make_round(graph, state, threads, &failure->schedule, &operations))
		return -1;
	describe(failure, threads, operations);
	return 0;
}

/* The nearest first; each component is one hit. */
static int report_all(struct graph *graph, const uint32_t *component,
		      uint8_t *flags)
{
	bool any = false;

	for (uint32_t c = 1; c <= graph->nr_components; c++)
		any |= flags[c] == MOVES;
	if (!any)
		return 0;
	if (graph_ways(graph))
		return -1;
	for (uint32_t i = 0; i < graph->nr_reached; i++) {
		uint32_t s = graph->order[i];

		if (flags[component[s]] != MOVES)
			continue;
		if (report(graph, component, s))
			return -1;
		flags[component[s]] |= REPORTED;
	}
	return 0;
}

static int closed_components(struct graph *graph)
{
	uint32_t *component = graph_components(graph, GRAPH_ALL);
	uint8_t *flags;
	int error = -1;

	if (!component)
		return -1;
	flags = graph->search->stop ? NULL : classify(graph, component);
	if (graph->search->stop)
		error = 0;
	else if (flags)
		error = report_all(graph, component, flags);
	free(component);
	free(flags);
	return error;
}

/* ------ a thread that goes round alone ------ */

static int lone_cycle(struct graph *graph, uint32_t state, unsigned int t)
{
	struct check_failure *failure = new_failure(graph);
	uint32_t at = state, length = 0;
	struct edge edge;

	if (!failure)
		return 0;
	do {
		at = graph_step(graph, at, t, &edge);
		length += edge.operations;
	} while (at != state);
	describe(failure, 1u << t, length);
	if (graph_ways(graph) ||
	    graph_lead(graph, state, &failure->schedule))
		return -1;
	return schedule_add(&failure->schedule, t, length);
}

/* Each state has one such step of thread t at most: follow it until a cycle. */
static int lone_cycles(struct graph *graph, unsigned int t)
{
	uint32_t n = graph->edges->nr_states;
	uint32_t *mark = calloc((size_t)n + 1, sizeof(*mark));
	int error = 0;

	if (!mark)
		return -1;
	for (uint32_t s = 0; s < n && !error && !graph_stopped(graph); s++) {
		uint32_t at = s;
		struct edge edge;

		while (at != EDGE_NONE && !mark[at]) {
			mark[at] = s + 1;
			at = graph_step(graph, at, t, &edge);
		}
		if (at == EDGE_NONE || mark[at] != s + 1)
			continue;
		if (graph->search->options->lone_cycles_fail)
			error = lone_cycle(graph, at, t);
		/* it undoes nobody: such steps are in no mutual cycle */
		while (at != EDGE_NONE) {
			uint32_t next = graph_step(graph, at, t, &edge);

			edges_complete(graph->edges, at, t);
			at = next;
		}
	}
	free(mark);
	return error;
}

int graph_livelocks(struct graph *graph)
{
	int error = closed_components(graph);

	for (unsigned int t = 0; t < run.program->nr_threads && !error; t++)
		error = lone_cycles(graph, t);
	return error;
}
