// SPDX-License-Identifier: GPL-2.0-only
/*
 * graph.c - components of the graph of states and ways in it; see graph.h.
 */
#include "graph.h"
#include "index.h"

#include <stdlib.h>
#include <string.h>

/* ------ strongly connected components (Tarjan, without recursion) ------ */

struct call {
	const uint8_t *next;		/* step to look at; NULL: no more */
	uint32_t state;
	uint32_t low;
};

struct tarjan {
	struct graph *graph;
	enum graph_steps which;
	uint32_t *index;		/* order of discovery + 1 */
	uint32_t *component;
	uint32_t *stack;
	uint32_t nr_stack;
	uint32_t nr_index;
	struct call *calls;		/* the recursion, as an array */
	size_t nr_calls;
	size_t calls_room;
};

static int enter(struct tarjan *tj, uint32_t s)
{
	if (room_for((void **)&tj->calls, &tj->calls_room, tj->nr_calls + 1,
		     sizeof(*tj->calls)))
		return -1;
	tj->index[s] = ++tj->nr_index;
	tj->stack[tj->nr_stack++] = s;
	tj->calls[tj->nr_calls++] = (struct call){
		.next = edges_from(tj->graph->edges, s),
		.state = s, .low = tj->index[s],
	};
	return 0;
}

static void leave(struct tarjan *tj)
{
	struct call done = tj->calls[--tj->nr_calls];
	struct call *caller = tj->nr_calls ?
		&tj->calls[tj->nr_calls - 1] : NULL;
	uint32_t member;

	if (caller && done.low < caller->low)
		caller->low = done.low;
	if (done.low != tj->index[done.state])
		return;
	tj->graph->nr_components++;
	do {
		member = tj->stack[--tj->nr_stack];
		tj->component[member] = tj->graph->nr_components;
	} while (member != done.state);
}

static int from_root(struct tarjan *tj, uint32_t root)
{
	if (enter(tj, root))
		return -1;
	while (tj->nr_calls && !graph_stopped(tj->graph)) {
		struct call *call = &tj->calls[tj->nr_calls - 1];
		struct edge edge;

		if (!call->next) {
			leave(tj);
			continue;
		}
		call->next = edges_next(call->next, call->state, &edge);
		if (!graph_counts(&edge, tj->which))
			continue;
		if (!tj->index[edge.to]) {
			if (enter(tj, edge.to))
				return -1;
		} else if (!tj->component[edge.to] &&
			   tj->index[edge.to] < call->low) {
			call->low = tj->index[edge.to];
		}
	}
	return 0;
}

uint32_t *graph_components(struct graph *graph, enum graph_steps which)
{
	size_t n = (size_t)graph->edges->nr_states + 1;
	struct tarjan tj = { .graph = graph, .which = which };
	int error = 0;

	graph->nr_components = 0;
	tj.index = calloc(n, sizeof(*tj.index));
	tj.component = calloc(n, sizeof(*tj.component));
	tj.stack = malloc(n * sizeof(*tj.stack));
	if (!tj.index || !tj.component || !tj.stack)
		error = -1;
	for (uint32_t s = 0; s + 1 < n && !error && !graph->search->stop; s++)
		if (!tj.index[s])
			error = from_root(&tj, s);
	free(tj.index);
	free(tj.stack);
	free(tj.calls);
	if (!error)
		return tj.component;
	free(tj.component);
	return NULL;
}

/* ------ ways ------ */

/* Breadth first: no way to a state has fewer steps. */
int graph_ways(struct graph *graph)
{
	size_t n = (size_t)graph->edges->nr_states + 1;

	if (graph->order)
		return 0;
	graph->order = malloc(n * sizeof(*graph->order));
	graph->from = malloc(n * sizeof(*graph->from));
	if (!graph->order || !graph->from)
		return -1;
	/* a state on a way to itself has not been reached yet */
	for (size_t s = 0; s < n; s++)
		graph->from[s] = (uint32_t)s;
	graph->from[0] = EDGE_NONE;
	graph->order[0] = 0;
	graph->nr_reached = 1;
	for (uint32_t i = 0; i < graph->nr_reached; i++) {
		uint32_t s = graph->order[i];
		const uint8_t *at = edges_from(graph->edges, s);
		struct edge edge;

		while (at) {
			at = edges_next(at, s, &edge);
			if (edge.to == EDGE_END ||
			    graph->from[edge.to] != edge.to)
				continue;
			graph->from[edge.to] = s;
			graph->order[graph->nr_reached++] = edge.to;
		}
		if (graph_stopped(graph))
			break;
	}
	return 0;
}

int graph_take(struct check_schedule *schedule, const struct edge *edge,
	       uint32_t first)
{
	if (schedule_add(schedule, edge->thread, first + edge->operations))
		return -1;
	return edge->flags & EDGE_CHOSE ?
		schedule_choose(schedule, edge->choice) : 0;
}

static void edge_between(const struct graph *graph, uint32_t from, uint32_t to,
			 struct edge *edge)
{
	const uint8_t *at = edges_from(graph->edges, from);

	do
		at = edges_next(at, from, edge);
	while (edge->to != to && at);
}

int graph_lead(const struct graph *graph, uint32_t state,
	       struct check_schedule *schedule)
{
	uint32_t first[CHECK_MAX_THREADS];
	uint32_t *way, n = 0;
	int error = 0;

	memcpy(first, graph->lead, sizeof(first));
	way = malloc((size_t)graph->nr_reached * sizeof(*way));
	if (!way)
		return -1;
	for (; state != EDGE_NONE; state = graph->from[state])
		way[n++] = state;
	while (n-- > 1 && !error) {
		struct edge edge;

		edge_between(graph, way[n], way[n - 1], &edge);
		error = graph_take(schedule, &edge, first[edge.thread]);
		first[edge.thread] = 0;
	}
	free(way);
	for (unsigned int t = 0; t < run.program->nr_threads && !error; t++)
		if (first[t])
			error = schedule_add(schedule, t, first[t]);
	return error;
}

uint32_t graph_step(const struct graph *graph, uint32_t state, unsigned int t,
		    struct edge *edge)
{
	const uint8_t *at = edges_from(graph->edges, state);

	while (at) {
		at = edges_next(at, state, edge);
		if (edge->thread == t && graph_counts(edge, GRAPH_UNDONE))
			return edge->to;
	}
	return EDGE_NONE;
}

int cycles_find(struct search *search, struct edges *edges,
		const uint32_t *lead)
{
	struct graph graph = {
		.search = search, .edges = edges, .lead = lead,
	};
	int error = 0;

	if (edges->used)
		error = graph_livelocks(&graph) || graph_undoing(&graph) ? -1 :
									   0;
	free(graph.order);
	free(graph.from);
	return error;
}
