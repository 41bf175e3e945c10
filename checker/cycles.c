// SPDX-License-Identifier: GPL-2.0-only
/*
 * cycles.c - the shortest round in which threads undo each other.
 *
 * A cycle in which several threads go round, and which some step leads out of,
 * undoes nobody's correctness, because each moves only as the others changed
 * something; but the user wants to know it, so the shortest is looked for.
 */
#include "graph.h"

#include <stdlib.h>

/* Give up proving that a cycle is the shortest after this much work. */
#define MAX_WORK 5000000

/* ------ the shortest cycle (Dijkstra from each switch of threads) ------ */

struct shortest {
	struct graph *graph;
	const uint32_t *component;
	uint32_t *distance;
	uint32_t *epoch;		/* distance is valid in this round */
	uint32_t *from;
	uint8_t *by;
	uint32_t round;
	uint64_t *heap;			/* distance << 32 | state */
	size_t nr_heap;
	size_t heap_room;
	uint64_t work;
	uint32_t best;			/* length; UINT32_MAX: none yet */
	uint32_t best_start;
	uint32_t best_thread;		/* of the first step */
	uint32_t closing;		/* the last state, */
	uint32_t closing_thread;	/* and whose step leads back */
};

static int heap_push(struct shortest *sh, uint32_t distance, uint32_t state)
{
	uint64_t item = (uint64_t)distance << 32 | state;
	size_t i = sh->nr_heap++;

	if (i == sh->heap_room) {
		size_t room = 2 * sh->heap_room + 1024;
		uint64_t *heap = realloc(sh->heap, room * sizeof(*heap));

		if (!heap)
			return -1;
		sh->heap = heap;
		sh->heap_room = room;
	}
	while (i && sh->heap[(i - 1) / 2] > item) {
		sh->heap[i] = sh->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	sh->heap[i] = item;
	return 0;
}

static uint64_t heap_pop(struct shortest *sh)
{
	uint64_t top = sh->heap[0], last = sh->heap[--sh->nr_heap];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= sh->nr_heap)
			break;
		if (child + 1 < sh->nr_heap &&
		    sh->heap[child + 1] < sh->heap[child])
			child++;
		if (sh->heap[child] >= last)
			break;
		sh->heap[i] = sh->heap[child];
		i = child;
	}
	if (sh->nr_heap)
		sh->heap[i] = last;
	return top;
}

static int relax(struct shortest *sh, uint32_t from, uint32_t by, uint32_t to,
		 uint32_t distance)
{
	if (sh->epoch[to] == sh->round && sh->distance[to] <= distance)
		return 0;
	sh->epoch[to] = sh->round;
	sh->distance[to] = distance;
	sh->from[to] = from;
	sh->by[to] = (uint8_t)by;
	return heap_push(sh, distance, to);
}

/* The round may end here: by another thread than the one that began it. */
static void closes(struct shortest *sh, uint32_t start, uint32_t first,
		   uint32_t from, const struct edge *edge, uint32_t length)
{
	if (edge->thread == first)
		return;
	sh->best = length;
	sh->best_start = start;
	sh->best_thread = first;
	sh->closing = from;
	sh->closing_thread = edge->thread;
}

static int from_state(struct shortest *sh, uint32_t start, uint32_t first,
		      uint32_t s, uint32_t length)
{
	const uint8_t *at = edges_from(sh->graph->edges, s);

	while (at) {
		struct edge edge;
		uint32_t next;

		at = edges_next(at, s, &edge);
		next = length + edge.operations;
		if (!graph_counts(&edge, GRAPH_UNDONE) || next >= sh->best ||
		    sh->component[edge.to] != sh->component[start])
			continue;
		if (edge.to == start && edge.thread != first)
			closes(sh, start, first, s, &edge, next);
		else if (relax(sh, s, edge.thread, edge.to, next))
			return -1;
	}
	return 0;
}

/*
 * Cycles through start that begin with a step of thread t and end with one of
 * another.  When one is the best so far, `from` and `by` describe it until the
 * next round.
 */
static int from_start(struct shortest *sh, uint32_t start,
		      const struct edge *edge)
{
	if (sh->component[edge->to] != sh->component[start])
		return 0;
	sh->round++;
	sh->nr_heap = 0;
	if (relax(sh, start, edge->thread, edge->to, edge->operations))
		return -1;
	while (sh->nr_heap && !graph_stopped(sh->graph)) {
		uint64_t item = heap_pop(sh);
		uint32_t s = (uint32_t)item, length = (uint32_t)(item >> 32);

		sh->work++;
		if (length >= sh->best)
			break;
		if (length <= sh->distance[s] &&
		    from_state(sh, start, edge->thread, s, length))
			return -1;
	}
	return 0;
}

static int from_all(struct shortest *sh)
{
	const struct edges *edges = sh->graph->edges;

	for (uint32_t s = 0; s < edges->nr_states; s++) {
		const uint8_t *at = edges_from(edges, s);

		if (sh->work >= MAX_WORK && sh->best != UINT32_MAX)
			return 0;
		while (at) {
			struct edge edge;

			at = edges_next(at, s, &edge);
			if (graph_counts(&edge, GRAPH_UNDONE) &&
			    from_start(sh, s, &edge))
				return -1;
		}
		if (graph_stopped(sh->graph))
			return 0;
	}
	return 0;
}

/* The round goes over `way`, backwards, from best_start and back to it. */
static int add_round(struct shortest *sh, const uint32_t *way, uint32_t n,
		     struct check_cycle *cycle)
{
	uint32_t from = sh->best_start, to;

	do {
		struct edge edge;
		uint32_t t;

		to = n ? way[--n] : sh->best_start;
		t = to == sh->best_start ? sh->closing_thread : sh->by[to];
		cycle->threads |= 1u << t;
		graph_step(sh->graph, from, t, &edge);
		if (graph_take(&cycle->round, &edge, 0))
			return -1;
		from = to;
	} while (to != sh->best_start);
	return 0;
}

/* Find the best cycle once more, and put it into the result. */
static int describe(struct shortest *sh)
{
	struct check_result *result = sh->graph->search->result;
	struct check_cycle *cycle = &result->cycle;
	uint32_t *way, n = 0;
	struct edge edge;
	int error = 0;

	cycle->operations = sh->best++;
	way = malloc(((size_t)sh->graph->edges->nr_states + 1) * sizeof(*way));
	if (!way)
		return -1;
	graph_step(sh->graph, sh->best_start, sh->best_thread, &edge);
	if (from_start(sh, sh->best_start, &edge) || graph_ways(sh->graph))
		error = -1;
	if (!error && !sh->graph->search->stop) {
		for (uint32_t at = sh->closing; at != sh->best_start;
		     at = sh->from[at])
			way[n++] = at;
		error = add_round(sh, way, n, cycle) ||
			graph_lead(sh->graph, sh->best_start, &cycle->lead) ?
			-1 : 0;
		result->has_cycle = !error;
	}
	free(way);
	return error;
}

int graph_undoing(struct graph *graph)
{
	size_t n = (size_t)graph->edges->nr_states + 1;
	struct shortest sh = { .graph = graph, .best = UINT32_MAX };
	uint32_t *component = graph_components(graph, GRAPH_UNDONE);
	int error = component ? 0 : -1;

	sh.component = component;
	sh.distance = malloc(n * sizeof(*sh.distance));
	sh.epoch = calloc(n, sizeof(*sh.epoch));
	sh.from = malloc(n * sizeof(*sh.from));
	sh.by = malloc(n);
	if (!sh.distance || !sh.epoch || !sh.from || !sh.by)
		error = -1;
	if (!error && !graph->search->stop)
		error = from_all(&sh);
	graph->search->result->cycle.shortest = sh.work < MAX_WORK;
	if (!error && sh.best != UINT32_MAX && !graph->search->stop)
		error = describe(&sh);
	free(component);
	free(sh.distance);
	free(sh.epoch);
	free(sh.from);
	free(sh.by);
	free(sh.heap);
	return error;
}
