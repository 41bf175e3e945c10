// SPDX-License-Identifier: GPL-2.0-only
/*
 * repeats.c - events happen again from the beginning on, and whether what comes
 * of them is the same; see executions.c.
 */
#include "executions.h"

int repeats_begin(struct executions *x, bool scrubs)
{
	trail_restart();
	run.mode = RUN_OPERATIONS;
	run.scrubs = scrubs;
	run_arm_threads();
	for (unsigned int t = 0; t < run.program->nr_threads; t++) {
		if (run_thread(t) == END_FAILED && happen_failed(x))
			return -1;
		await_notice_wait(x, t);
		if (x->spins == SPINS_ON_SEVERAL)
			x->first_places[t].spot = snapshot_spot(t);
	}
	return 0;
}

int repeats_look(struct executions *x, uint32_t nr)
{
	int error = repeats_begin(x, x->spins) || happen_again(x, 0, nr);

	x->nr = 0;
	return error ? -1 : 0;
}

/* Return: 0 and what memory is then, or -1. */
static int repeat(struct executions *x, uint32_t nr, uint64_t *memory)
{
	int error = repeats_begin(x, true) || trail_save(0) ||
		    happen_again(x, 0, nr);

	run.scrubs = x->spins;
	*memory = world_memory_hash();
	return error ? -1 : 0;
}

int repeats_compare(struct executions *x, uint32_t nr)
{
	uint64_t first, second;

	if (!nr || x->strayed || x->search->result->nr_failures)
		return 0;
	if (repeat(x, nr, &first))
		return -1;
	if (x->strayed)
		return 0;
	if (repeat(x, nr, &second))
		return -1;
	return first == second ? 0 :
		happen_strayed(x, x->events[nr].op.thread);
}

bool repeats_due(const struct executions *x)
{
	const uint64_t runs = x->search->result->runs;

	/* it takes as long as some hundred short executions */
	return runs >= 4096 && !(runs & (runs - 1));
}
