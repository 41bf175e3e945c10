// SPDX-License-Identifier: GPL-2.0-only
/*
 * stored.c - what a search by states keeps of the states it has met.
 */
#include "by_states.h"

#include <stdlib.h>
#include <string.h>

static uint32_t most_states(const struct check_options *options)
{
	return options->max_states < STATES_FULL ?
		(uint32_t)options->max_states : STATES_FULL;
}

int stored_open(struct stored *stored, const struct check_options *options)
{
	stored->states.most = most_states(options);
	if (options->exact) {
		stored->states.exact =
			calloc(1, sizeof(*stored->states.exact));
		if (!stored->states.exact)
			return -1;
	}
	return image_open(&stored->image, stored->states.exact);
}

int stored_insert(struct stored *stored, struct search *search,
		  struct image_log *log, uint32_t *state, bool *is_new)
{
	struct check_result *result = search->result;
	struct states *states = &stored->states;

	if (image_follow(&stored->image, log))
		return -1;
	*state = states_insert(states, image_key(&stored->image, 0), is_new);
	if (*state == STATES_NO_MEMORY)
		return -1;
	if (*state == STATES_FULL) {
		*state = EDGE_NONE;
		result->stopped = "the limit on states";
		search->stop = true;
	}
	result->states = stored->edges.nr_states = states->nr;
	if (stored->image.bytes > result->state_bytes)
		result->state_bytes = stored->image.bytes;
	return 0;
}

size_t stored_bytes(const struct stored *stored)
{
	return states_bytes(&stored->states) + edges_bytes(&stored->edges);
}

void stored_note(const struct stored *stored, struct check_result *result,
		 size_t bytes, size_t kept)
{
	const struct states *states = &stored->states;

	if (bytes > result->search_bytes)
		result->search_bytes = bytes;
	if (states->nr)
		result->bytes_per_state = (double)kept / states->nr;
	result->collision = states_collision(states);
}

void stored_free(struct stored *stored)
{
	states_free(&stored->states);
	edges_free(&stored->edges);
	image_close(&stored->image);
}
