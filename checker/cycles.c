// SPDX-License-Identifier: GPL-2.0-only
/*
 * cycles.c - cycles in the graph of states in which no operation completes.
 *
 * A cycle in which one thread goes round alone is a livelock.  One in which
 * several threads go round undoes nobody's correctness, because each moves
 * only as the others changed something; but the user wants to know it, so the
 * shortest is looked for.
 */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Give up proving that a cycle is the shortest after this much work. */
#define MAX_WORK 5000000

int edges_grow(struct edges *e)
{
	uint32_t room = e->room ? 2 * e->room : 4096;
	size_t cells = (size_t)room * e->nr_threads;
	void *to = realloc(e->to, cells * sizeof(*e->to));
	void *operations, *parent, *thread, *choice;

	if (to)
		e->to = to;
	operations = realloc(e->operations, cells * sizeof(*e->operations));
	if (operations)
		e->operations = operations;
	parent = realloc(e->parent, room * sizeof(*e->parent));
	if (parent)
		e->parent = parent;
	thread = realloc(e->parent_thread, room);
	if (thread)
		e->parent_thread = thread;
	choice = realloc(e->parent_choice, room);
	if (choice)
		e->parent_choice = choice;
	if (!to || !operations || !parent || !thread || !choice)
		return -1;
	e->room = room;
	return 0;
}

size_t edges_bytes(const struct edges *e)
{
	size_t cell = sizeof(*e->to) + sizeof(*e->operations);

	return e->room * (e->nr_threads * cell + 6);
}

void edges_free(struct edges *e)
{
	free(e->to);
	free(e->operations);
	free(e->parent);
	free(e->parent_thread);
	free(e->parent_choice);
}

static uint32_t edge_to(const struct edges *e, uint32_t state, uint32_t t)
{
	size_t at = (size_t)state * e->nr_threads + t;

	return e->to[at] == EDGE_END || (e->operations[at] & EDGE_PROGRESS) ?
		EDGE_NONE : e->to[at];
}

static uint32_t edge_length(const struct edges *e, uint32_t state, uint32_t t)
{
	return e->operations[(size_t)state * e->nr_threads + t] &
	       ~EDGE_PROGRESS;
}

/* The way from the first state to this one. */
static int lead_to(const struct edges *e, const uint32_t *lead, uint32_t state,
		   struct check_schedule *schedule)
{
	uint32_t first[CHECK_MAX_THREADS];
	uint32_t *way, n = 0;

	memcpy(first, lead, sizeof(first));
	way = malloc(((size_t)e->nr_states + 1) * sizeof(*way));
	if (!way)
		return -1;
	for (; state != EDGE_NONE; state = e->parent[state])
		way[n++] = state;
	while (n-- > 1) {
		uint32_t from = way[n], next = way[n - 1];
		uint32_t t = e->parent_thread[next];

		if (schedule_add(schedule, t,
				 first[t] + edge_length(e, from, t)) ||
		    (e->parent_choice[next] &&
		     schedule_choose(schedule, (uint8_t)
				     (e->parent_choice[next] - 1))))
			break;
		first[t] = 0;
	}
	free(way);
	if (n != 0 && n != UINT32_MAX)
		return -1;
	for (uint32_t t = 0; t < e->nr_threads; t++)
		if (first[t] && schedule_add(schedule, t, first[t]))
			return -1;
	return 0;
}

/* Every other thread is at its end, blocked or stays where it is. */
static bool others_blocked(const struct edges *e, uint32_t state, uint32_t t)
{
	uint32_t at = state;

	do {
		for (uint32_t u = 0; u < e->nr_threads; u++) {
			uint32_t to = e->to[(size_t)at * e->nr_threads + u];

			if (u != t && to != EDGE_NONE && to != at)
				return false;
		}
		at = edge_to(e, at, t);
	} while (at != state);
	return true;
}

static int lone_cycle(struct search *search, const struct edges *e,
		      const uint32_t *lead, uint32_t state, uint32_t t)
{
	struct check_failure *failure;
	uint32_t at = state, length = 0;

	if (!search->options->lone_cycles_fail && !others_blocked(e, state, t))
		return 0;
	memset(&run.failure, 0, sizeof(run.failure));
	run.failure.number = CHECK_LIVELOCK;
	failure = search_failure(search);
	if (!failure)
		return 0;
	do {
		length += edge_length(e, at, t);
		at = edge_to(e, at, t);
	} while (at != state);
	snprintf(failure->text, sizeof(failure->text),
		 "%s%u repeats %u operations for ever though nobody else changes anything",
		 run_thread_name(), t, length);
	if (lead_to(e, lead, state, &failure->schedule))
		return -1;
	return schedule_add(&failure->schedule, t, length);
}

/* Going round alone undoes nobody: such steps are in no mutual cycle. */
static void leave_out(struct edges *e, uint32_t state, uint32_t t)
{
	uint32_t at = state;

	while (at != EDGE_NONE) {
		uint32_t next = edge_to(e, at, t);

		e->operations[(size_t)at * e->nr_threads + t] |= EDGE_PROGRESS;
		at = next;
	}
}

/* Each state has one edge of thread t at most: follow it until a cycle. */
static int lone_cycles(struct search *search, struct edges *e,
		       const uint32_t *lead, uint32_t t)
{
	uint32_t *mark = calloc((size_t)e->nr_states + 1, sizeof(*mark));
	int error = 0;

	if (!mark)
		return -1;
	for (uint32_t s = 0; s < e->nr_states && !error; s++) {
		uint32_t at = s;

		while (at != EDGE_NONE && !mark[at]) {
			mark[at] = s + 1;
			at = edge_to(e, at, t);
		}
		if (at == EDGE_NONE || mark[at] != s + 1)
			continue;
		error = lone_cycle(search, e, lead, at, t);
		leave_out(e, at, t);
	}
	free(mark);
	return error;
}

/* ------ strongly connected components (Tarjan, without recursion) ------ */

struct tarjan {
	const struct edges *e;
	uint32_t *index;		/* order of discovery + 1 */
	uint32_t *low;
	uint32_t *component;		/* number + 1 once known */
	uint32_t *stack;
	uint32_t nr_stack;
	uint32_t *call;			/* the recursion, as an array */
	uint8_t *next;			/* thread whose edge is next */
	uint32_t nr_call;
	uint32_t nr_index;
	uint32_t nr_components;
};

static void tarjan_enter(struct tarjan *tj, uint32_t s)
{
	tj->index[s] = tj->low[s] = ++tj->nr_index;
	tj->stack[tj->nr_stack++] = s;
	tj->next[s] = 0;
	tj->call[tj->nr_call++] = s;
}

static void tarjan_leave(struct tarjan *tj, uint32_t s)
{
	uint32_t member;

	tj->nr_call--;
	if (tj->nr_call) {
		uint32_t up = tj->call[tj->nr_call - 1];

		if (tj->low[s] < tj->low[up])
			tj->low[up] = tj->low[s];
	}
	if (tj->low[s] != tj->index[s])
		return;
	tj->nr_components++;
	do {
		member = tj->stack[--tj->nr_stack];
		tj->component[member] = tj->nr_components;
	} while (member != s);
}

static void tarjan_run(struct tarjan *tj, uint32_t root)
{
	tarjan_enter(tj, root);
	while (tj->nr_call) {
		uint32_t s = tj->call[tj->nr_call - 1], to;

		if (tj->next[s] == tj->e->nr_threads) {
			tarjan_leave(tj, s);
			continue;
		}
		to = edge_to(tj->e, s, tj->next[s]++);
		if (to == EDGE_NONE)
			continue;
		if (!tj->index[to])
			tarjan_enter(tj, to);
		else if (!tj->component[to] && tj->index[to] < tj->low[s])
			tj->low[s] = tj->index[to];
	}
}

static uint32_t *components(const struct edges *e)
{
	size_t n = (size_t)e->nr_states + 1;
	struct tarjan tj = { .e = e };

	tj.index = calloc(n, sizeof(*tj.index));
	tj.low = calloc(n, sizeof(*tj.low));
	tj.component = calloc(n, sizeof(*tj.component));
	tj.stack = calloc(n, sizeof(*tj.stack));
	tj.call = calloc(n, sizeof(*tj.call));
	tj.next = calloc(n, sizeof(*tj.next));
	if (tj.index && tj.low && tj.component && tj.stack && tj.call &&
	    tj.next) {
		for (uint32_t s = 0; s < e->nr_states; s++)
			if (!tj.index[s])
				tarjan_run(&tj, s);
	} else {
		free(tj.component);
		tj.component = NULL;
	}
	free(tj.index);
	free(tj.low);
	free(tj.stack);
	free(tj.call);
	free(tj.next);
	return tj.component;
}

/* ------ the shortest cycle (Dijkstra from each switch of threads) ------ */

struct shortest {
	const struct edges *e;
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

/*
 * Cycles through start that begin with a step of thread t and end with one of
 * another.  When one is the best so far, `from` and `by` describe it until the
 * next round.
 */
static int from_start(struct shortest *sh, uint32_t start, uint32_t t)
{
	const struct edges *e = sh->e;
	uint32_t first = edge_to(e, start, t);

	if (first == EDGE_NONE ||
	    sh->component[first] != sh->component[start])
		return 0;
	sh->round++;
	sh->nr_heap = 0;
	if (relax(sh, start, t, first, edge_length(e, start, t)))
		return -1;
	while (sh->nr_heap) {
		uint64_t item = heap_pop(sh);
		uint32_t s = (uint32_t)item, length = (uint32_t)(item >> 32);

		sh->work++;
		if (length >= sh->best)
			break;
		if (length > sh->distance[s])
			continue;
		for (uint32_t u = 0; u < e->nr_threads; u++) {
			uint32_t to = edge_to(e, s, u);
			uint32_t next = length + edge_length(e, s, u);

			if (to == EDGE_NONE || next >= sh->best ||
			    sh->component[to] != sh->component[start])
				continue;
			if (to == start && u != t) {
				sh->best = next;
				sh->best_start = start;
				sh->best_thread = t;
				sh->closing = s;
				sh->closing_thread = u;
			} else if (relax(sh, s, u, to, next)) {
				return -1;
			}
		}
	}
	return 0;
}

/* Find the best cycle once more, and put it into the result. */
static int describe(struct search *search, struct shortest *sh,
		    const uint32_t *lead)
{
	struct check_cycle *cycle = &search->result->cycle;
	const struct edges *e = sh->e;
	uint32_t *way, n = 0;
	int error = 0;

	cycle->operations = sh->best++;
	way = malloc(((size_t)e->nr_states + 1) * sizeof(*way));
	if (!way || from_start(sh, sh->best_start, sh->best_thread)) {
		free(way);
		return -1;
	}
	for (uint32_t at = sh->closing; at != sh->best_start; at = sh->from[at])
		way[n++] = at;
	for (uint32_t from = sh->best_start; !error; ) {
		uint32_t to = n ? way[--n] : sh->best_start;
		uint32_t t = to == sh->best_start ? sh->closing_thread :
						    sh->by[to];

		cycle->threads |= 1u << t;
		error = schedule_add(&cycle->round, t,
				     edge_length(e, from, t));
		from = to;
		if (to == sh->best_start)
			break;
	}
	free(way);
	if (error)
		return -1;
	search->result->has_cycle = true;
	return lead_to(e, lead, sh->best_start, &cycle->lead);
}

static int mutual_cycle(struct search *search, const struct edges *e,
			const uint32_t *lead)
{
	size_t n = (size_t)e->nr_states + 1;
	struct shortest sh = { .e = e, .best = UINT32_MAX };
	uint32_t *component = components(e);
	int error = component ? 0 : -1;

	sh.component = component;
	sh.distance = malloc(n * sizeof(*sh.distance));
	sh.epoch = calloc(n, sizeof(*sh.epoch));
	sh.from = malloc(n * sizeof(*sh.from));
	sh.by = malloc(n);
	if (!sh.distance || !sh.epoch || !sh.from || !sh.by)
		error = -1;
	for (uint32_t s = 0; s < e->nr_states && !error; s++)
		for (uint32_t t = 0; t < e->nr_threads && !error; t++)
			if (sh.work < MAX_WORK || sh.best == UINT32_MAX)
				error = from_start(&sh, s, t);
	search->result->cycle.shortest = sh.work < MAX_WORK;
	if (!error && sh.best != UINT32_MAX)
		error = describe(search, &sh, lead);
	free(component);
	free(sh.distance);
	free(sh.epoch);
	free(sh.from);
	free(sh.by);
	free(sh.heap);
	return error;
}

int cycles_find(struct search *search, struct edges *edges,
		const uint32_t *lead)
{
	for (uint32_t t = 0; t < edges->nr_threads; t++)
		if (lone_cycles(search, edges, lead, t))
			return -1;
	return mutual_cycle(search, edges, lead);
}
