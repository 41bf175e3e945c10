/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * graph.h - what is looked for in the graph of states, once it is complete.
 *
 * Interface
 *   graph_components()  strongly connected components
 *   graph_ways()        a shortest way to each state
 *   graph_lead()        the way to one of them, as a schedule
 *   graph_livelocks()   no way leads out: failures
 *   graph_undoing()     threads that undo each other: result->cycle
 *
 * Names used in this file
 *   component  number from 1 on; 0: none
 *   round      steps from a state that lead back to it
 */
#ifndef CHECKER_GRAPH_H
#define CHECKER_GRAPH_H

#include "edges.h"
#include "internal.h"

struct graph {
	struct search *search;
	struct edges *edges;
	const uint32_t *lead;		/* operations of each thread before */
	uint32_t nr_components;
	uint32_t *order;		/* states by their distance, */
	uint32_t nr_reached;		/* as many as there are steps to */
	uint32_t *from;			/* the state before; EDGE_NONE */
};

/* Which steps count: all, or those that complete and choose nothing. */
enum graph_steps {
	GRAPH_ALL,
	GRAPH_UNDONE,
};

static inline bool graph_counts(const struct edge *edge, enum graph_steps which)
{
	return edge->to != EDGE_END && (which == GRAPH_ALL || !edge->flags);
}

/* Return: whether it is time to stop. */
static inline bool graph_stopped(const struct graph *graph)
{
	if (search_poll_due(graph->search))
		search_poll(graph->search);
	return graph->search->stop;
}

/* Return: by state; the caller frees it; NULL without memory. */
uint32_t *graph_components(struct graph *graph, enum graph_steps which);
/* Return: 0, or -1 without memory. */
int graph_ways(struct graph *graph);
int graph_lead(const struct graph *graph, uint32_t state,
	       struct check_schedule *schedule);
int graph_livelocks(struct graph *graph);
int graph_undoing(struct graph *graph);
/* Add a step to a schedule; first: what its thread did before the graph. */
int graph_take(struct check_schedule *schedule, const struct edge *edge,
	       uint32_t first);
/*
 * The step of thread t from a state, when it is one of GRAPH_UNDONE.
 * Return: where it leads; EDGE_NONE: there is none.
 */
uint32_t graph_step(const struct graph *graph, uint32_t state, unsigned int t,
		    struct edge *edge);

#endif /* CHECKER_GRAPH_H */
