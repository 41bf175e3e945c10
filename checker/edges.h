/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * edges.h - the graph of states, in a few bytes a step.
 *
 * Interface
 *   edges_add()     a step from the state that was opened last
 *   edges_close()   no more steps leave the state
 *   edges_from(), edges_next()
 *                   the steps that leave a state
 *   edges_free()
 *
 * The steps of a state come while others are open, deeper ones; they wait on a
 * stack and are moved behind all others when the state is closed.  A step is
 * a byte with its thread and flags, and numbers of as many bytes as they need.
 */
#ifndef CHECKER_EDGES_H
#define CHECKER_EDGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EDGE_NONE UINT32_MAX		/* no state */
#define EDGE_END (UINT32_MAX - 1)	/* the execution ends there */

enum {
	EDGE_PROGRESS = 1 << 5,		/* an operation of the thread is done */
	EDGE_CHOSE = 1 << 6,		/* its first operation was a choice */
	EDGE_LAST = 1 << 7,		/* of its state */
	EDGE_THREAD = EDGE_PROGRESS - 1,
};

struct edge {
	uint32_t to;
	uint32_t operations;
	uint8_t thread;
	uint8_t choice;
	uint8_t flags;
};

struct edges {
	uint32_t nr_states;
	uint32_t *at;			/* of a state's first step, / 4 + 1 */
	size_t at_room;
	uint8_t *bytes;
	size_t used;
	size_t room;
	uint8_t *open;			/* of states that are not closed yet */
	size_t open_used;
	size_t open_room;
};

/* Return: 0, or -1 without memory. */
int edges_add(struct edges *edges, uint32_t from, struct edge edge);
/* The steps of state lie in open from `begin` on.  Return: 0 or -1. */
int edges_close(struct edges *edges, uint32_t state, size_t begin);
/* Return: where its steps are, for edges_next(); NULL: it has none. */
const uint8_t *edges_from(const struct edges *edges, uint32_t state);
/* Return: where the next one is; NULL: this was the last. */
const uint8_t *edges_next(const uint8_t *at, uint32_t from, struct edge *edge);
/* From now on, the step of that thread completes an operation. */
void edges_complete(struct edges *edges, uint32_t state, unsigned int thread);
size_t edges_bytes(const struct edges *edges);
void edges_free(struct edges *edges);

#endif /* CHECKER_EDGES_H */
