// SPDX-License-Identifier: GPL-2.0-only
/*
 * differs.c - a program that does not do again what it did before.
 *
 * A search goes back to a state and expects that the same step leads to the
 * same end.  A program that keeps something where the checker cannot see it, or
 * depends on something from outside, breaks that.
 */
#include "by_states.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define FUTURE_OPERATIONS 100

void search_differs(struct search *search, unsigned int t)
{
	struct check_failure *failure = &run.failure;
	char who[64] = "the set-up";

	if (t < CHECK_MAX_THREADS)
		snprintf(who, sizeof(who), "%s%u", run_thread_name(), t);
	memset(failure, 0, sizeof(*failure));
	failure->number = CHECK_NONDETERMINISM;
	failure->where = run.where;
	snprintf(failure->text, sizeof(failure->text),
		 "%s did not do again what it did before: it uses something outside of the checked memory (a static variable, time, an uninitialised byte, an address of malloc())",
		 who);
	search_heed(search, CHECK_NONDETERMINISM);
	search->differs = true;
}

int outcome_of(enum run_end end, struct image *image, struct image_log *log,
	       struct outcome *o)
{
	memset(o, 0, sizeof(*o));
	o->end = end;
	o->operations = run.operations;
	o->last = run.where;
	if (end == END_FAILED) {
		o->number = run.failure.number;
		o->where = run.failure.where;
	}
	if (image_follow(image, log))
		return -1;
	o->hash = image->hash;
	o->stacks = image->stacks;
	return 0;
}

bool outcomes_equal(const struct outcome *a, const struct outcome *b)
{
	return a->end == b->end && a->operations == b->operations &&
	       a->number == b->number && a->where == b->where &&
	       a->last == b->last && keys_equal(a->hash, b->hash);
}

uint64_t search_future(unsigned int t)
{
	const struct thread *thread = &world->threads[t];
	enum run_mode mode = run.mode;
	uint64_t hash = 0;

	run.mode = RUN_OPERATIONS;
	for (int n = 0; n < FUTURE_OPERATIONS && run_enabled(t); n++) {
		struct {
			uint64_t memory, class, failure;
			const void *object, *where;
		} seen = { .failure = 0 };

		if (run_thread(t) == END_FAILED)
			seen.failure = run.failure.number;
		seen.memory = world_memory_hash();
		seen.class = thread->class;
		seen.object = thread->object;
		seen.where = run.where;
		hash = XXH3_64bits_withSeed(&seen, sizeof(seen), hash);
	}
	run.mode = mode;
	return hash;
}

int search_setup_repeats(struct search *search, const char *after_setup,
			 size_t bytes)
{
	enum run_mode mode = run.mode;
	enum run_end end;
	char *again;
	int differs = 0;

	if (world_setup(search->program->nr_threads))
		return -1;
	end = run_main(search->program->setup);
	run.mode = mode;
	again = malloc(world_save_bound());
	if (!again)
		return -1;
	if (end == END_FAILED || world_save(again) != bytes ||
	    memcmp(again, after_setup, bytes)) {
		search_differs(search, CHECK_MAX_THREADS);
		search_failure(search);
		differs = 1;
	}
	free(again);
	return differs;
}
