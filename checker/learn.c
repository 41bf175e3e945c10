// SPDX-License-Identifier: GPL-2.0-only
/*
 * learn.c - learn from random executions which objects threads share.
 *
 * That is cheaper than to find out in the middle of a search, which must begin
 * again then; what was missed here costs time and never an error.  So it ends
 * as soon as many executions, one after another, have shown nothing new.
 */
#include "by_states.h"

#define MOST_RUNS 400
#define QUIET_RUNS 24
#define MOST_OPERATIONS 5000

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Stay with thread t or take another enabled one; restless: how often, of 16 */
static unsigned int next_thread(unsigned int mask, unsigned int t,
				uint64_t *random, unsigned int restless)
{
	uint64_t r = next_random(random);

	if ((mask & (1u << t)) && r % 16 >= restless)
		return t;
	do {
		r = next_random(random);
		t = (unsigned int)(r % run.program->nr_threads);
	} while (!(mask & (1u << t)));
	return t;
}

static void run_at_random(uint64_t *random, unsigned int restless)
{
	unsigned int t = 0;

	for (int n = 0; n < MOST_OPERATIONS; n++) {
		unsigned int mask = run_enabled_mask();
		struct thread *thread;

		if (!mask)
			return;
		t = next_thread(mask, t, random, restless);
		thread = &world->threads[t];
		if (thread->class == CLASS_CHOICE)
			thread->choice = (uint16_t)
				((next_random(random) >> 32) %
				 thread->nr_choices);
		if (run_thread(t) == END_FAILED)
			return;
	}
}

void search_learn(struct search *search, const char *after_setup)
{
	uint64_t random = 0x2545f4914f6cdd1du;
	unsigned int quiet = 0;

	run.mode = RUN_OPERATIONS;
	run.note_sharing = true;
	run.unheeded = true;
	for (unsigned int i = 0; i < MOST_RUNS && quiet < QUIET_RUNS; i++) {
		world_restore(after_setup);
		run_arm_threads();
		run_at_random(&random, i % 16);
		quiet = sharing_news() ? 0 : quiet + 1;
		search_poll(search);
		/* seconds each: leave it to the search to meet it once */
		if (search->stop || run.failure.number == CHECK_STUCK)
			break;
	}
	run.note_sharing = false;
	run.unheeded = false;
	sharing_changed();
}
