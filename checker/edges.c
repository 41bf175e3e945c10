// SPDX-License-Identifier: GPL-2.0-only
/*
 * edges.c - the graph of states; see edges.h.
 */
#include "edges.h"
#include "index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A flag byte, a choice, and two numbers of seven bits a byte. */
#define MOST_BYTES 16

static uint8_t *put_number(uint8_t *at, uint64_t number)
{
	while (number >= 0x80) {
		*at++ = (uint8_t)(number | 0x80);
		number >>= 7;
	}
	*at++ = (uint8_t)number;
	return at;
}

static const uint8_t *get_number(const uint8_t *at, uint64_t *number)
{
	unsigned int shift = 0;

	*number = 0;
	do {
		*number |= (uint64_t)(*at & 0x7f) << shift;
		shift += 7;
	} while (*at++ & 0x80);
	return at;
}

/* States that follow each other mostly have numbers close to each other. */
static uint64_t distance(uint32_t from, uint32_t to)
{
	if (to == EDGE_END)
		return 0;
	return to >= from ? 2 * (uint64_t)(to - from) + 1 :
			    2 * (uint64_t)(from - to);
}

static uint32_t target(uint32_t from, uint64_t distance)
{
	if (!distance)
		return EDGE_END;
	return distance % 2 ? from + (uint32_t)(distance / 2) :
			      from - (uint32_t)(distance / 2);
}

int edges_add(struct edges *edges, uint32_t from, struct edge edge)
{
	uint8_t *begin, *at;

	if (room_for((void **)&edges->open, &edges->open_room,
		     edges->open_used + MOST_BYTES, 1))
		return -1;
	begin = at = edges->open + edges->open_used;
	*at++ = (uint8_t)(edge.thread | edge.flags);
	if (edge.flags & EDGE_CHOSE)
		*at++ = edge.choice;
	at = put_number(at, edge.operations);
	at = put_number(at, distance(from, edge.to));
	edges->open_used += (size_t)(at - begin);
	return 0;
}

/* Return: behind the step, without looking at what it says. */
static uint8_t *skip(uint8_t *at)
{
	at += *at & EDGE_CHOSE ? 2 : 1;
	while (*at++ & 0x80)
		;
	while (*at++ & 0x80)
		;
	return at;
}

int edges_close(struct edges *edges, uint32_t state, size_t begin)
{
	size_t nr = edges->open_used - begin, padded = (nr + 3) / 4 * 4;
	size_t before = edges->at_room;
	uint8_t *at = edges->open + begin, *end = at + nr, *last = at;

	if (room_for((void **)&edges->at, &edges->at_room, (size_t)state + 1,
		     sizeof(*edges->at)))
		return -1;
	memset(edges->at + before, 0,
	       (edges->at_room - before) * sizeof(*edges->at));
	if (!nr)
		return 0;
	if (room_for((void **)&edges->bytes, &edges->room,
		     edges->used + padded, 1))
		return -1;
	if (edges->used / 4 >= UINT32_MAX) {
		errno = ENOMEM;
		return -1;
	}
	while (at < end) {
		last = at;
		at = skip(at);
	}
	*last |= EDGE_LAST;
	memcpy(edges->bytes + edges->used, edges->open + begin, nr);
	edges->at[state] = (uint32_t)(edges->used / 4) + 1;
	edges->used += padded;
	edges->open_used = begin;
	return 0;
}

const uint8_t *edges_from(const struct edges *edges, uint32_t state)
{
	if (state >= edges->at_room || !edges->at[state])
		return NULL;
	return edges->bytes + (size_t)(edges->at[state] - 1) * 4;
}

const uint8_t *edges_next(const uint8_t *at, uint32_t from, struct edge *edge)
{
	uint8_t first = *at++;
	uint64_t number;

	edge->thread = first & EDGE_THREAD;
	edge->flags = first & (EDGE_PROGRESS | EDGE_CHOSE);
	edge->choice = edge->flags & EDGE_CHOSE ? *at++ : 0;
	at = get_number(at, &number);
	edge->operations = (uint32_t)number;
	at = get_number(at, &number);
	edge->to = target(from, number);
	return first & EDGE_LAST ? NULL : at;
}

void edges_complete(struct edges *edges, uint32_t state, unsigned int thread)
{
	const uint8_t *at = edges_from(edges, state);

	while (at) {
		size_t first = (size_t)(at - edges->bytes);
		struct edge edge;

		at = edges_next(at, state, &edge);
		if (edge.thread == thread)
			edges->bytes[first] |= EDGE_PROGRESS;
	}
}

size_t edges_bytes(const struct edges *edges)
{
	return edges->at_room * sizeof(*edges->at) + edges->room +
	       edges->open_room;
}

void edges_free(struct edges *edges)
{
	free(edges->at);
	free(edges->bytes);
	free(edges->open);
	memset(edges, 0, sizeof(*edges));
}
