// SPDX-License-Identifier: GPL-2.0-only
/*
 * beginning.c - from the end of setup() to the root of the search by states.
 */
#include "by_states.h"

struct beginning {
	struct search *search;
	struct image *image;
	uint32_t *lead;			/* operations of each thread */
	const char *after_setup;
};

/*
 * From the state after setup(), let each thread go to its first operation that
 * others can see; what it does before commutes, so it is done just once.  One
 * that fails on the way is stopped before the operation that led to it.
 * Return: 0, or -1 without memory; begun[t] is the state once t is there.
 */
static int to_first_operations(struct beginning *b, struct outcome begun[])
{
	uint32_t limit[CHECK_MAX_THREADS];
	unsigned int t = 0;

	for (unsigned int i = 0; i < CHECK_MAX_THREADS; i++)
		limit[i] = MAX_STEP_OPERATIONS;
	world_restore(b->after_setup);
	run_arm_threads();
	while (t < run.program->nr_threads && !b->search->stop) {
		enum run_end end = run_thread_short(t, limit[t]);
		struct check_failure *failure;

		search_poll(b->search);
		if (image_follow(b->image, NULL))
			return -1;
		b->lead[t] = run.operations;
		begun[t].hash = b->image->hash;
		begun[t].stacks = b->image->stacks;
		if (end != END_FAILED || limit[t] != MAX_STEP_OPERATIONS) {
			t++;
			continue;
		}
		failure = search_failure(b->search);
		if (failure && schedule_add(&failure->schedule, t,
					    run.operations))
			return -1;
		limit[t] = run.operations ? run.operations - 1 : 0;
		world_restore(b->after_setup);
		run_arm_threads();
		t = 0;
	}
	return 0;
}

/* As futures_differ(), from the first operations on. */
static int beginnings_differ(struct beginning *b, unsigned int t)
{
	struct outcome begun[CHECK_MAX_THREADS];
	uint64_t future = search_future(t);

	if (to_first_operations(b, begun))
		return -1;
	future ^= search_future(t);
	if (to_first_operations(b, begun))
		return -1;
	return future != 0;
}

int search_begin(struct search *search, struct image *image, uint32_t lead[],
		 const char *after_setup)
{
	struct beginning b = { search, image, lead, after_setup };
	struct outcome begun[2][CHECK_MAX_THREADS];
	int differs = 0;
	unsigned int t;

	if (to_first_operations(&b, begun[0]))
		return -1;
	/*
	 * A failure on the way would be counted twice, and with what a surprise
	 * has shown the same threads would stop earlier.
	 */
	if (search->stop || search->result->nr_failures ||
	    search->result->passes > 1 || sharing_surprises())
		return 0;
	if (to_first_operations(&b, begun[1]))
		return -1;
	for (t = 0; t < run.program->nr_threads && !search->stop; t++) {
		differs = !keys_equal(begun[0][t].hash, begun[1][t].hash);
		if (!differs &&
		    !keys_equal(begun[0][t].stacks, begun[1][t].stacks))
			differs = beginnings_differ(&b, t);
		if (differs)
			break;
	}
	if (differs > 0) {
		search_differs(search, t);
		search_failure(search);
	}
	return differs < 0 ? -1 : 0;
}
