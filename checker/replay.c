// SPDX-License-Identifier: GPL-2.0-only
/*
 * replay.c - one execution, operation by operation, with a listener.
 */
#include "internal.h"

#include <errno.h>

/* After the schedule's end, and then give up: something goes round. */
#define MAX_OPERATIONS 100000

struct replay {
	const struct check_schedule *schedule;
	const struct check_listener *listener;
	size_t next_choice;
	bool ended;			/* a thread cannot go on */
};

static void tell_runs(const struct replay *replay, unsigned int t)
{
	const struct check_listener *listener = replay->listener;

	if (listener && listener->runs)
		listener->runs(listener->user, t);
}

static void tell_blocks(const struct replay *replay, unsigned int t)
{
	const struct check_listener *listener = replay->listener;
	char text[128];

	run_wait_text(t, text, sizeof(text));
	if (listener && listener->blocks)
		listener->blocks(listener->user, t, world->threads[t].object,
				 text);
}

/* Let t run `operations` more; return: how many it did. */
static uint32_t advance(struct replay *replay, unsigned int t,
			uint32_t operations)
{
	struct thread *thread = &world->threads[t];
	uint32_t done = 0;

	tell_runs(replay, t);
	while (done < operations || thread->class == CLASS_BEGIN) {
		enum run_end end;

		if (!run_enabled(t))
			break;
		if (thread->class == CLASS_CHOICE) {
			const struct check_schedule *s = replay->schedule;

			thread->choice = 0;
			if (replay->next_choice < s->nr_choices)
				thread->choice = (uint16_t)
					(s->choices[replay->next_choice++] %
					 thread->nr_choices);
		}
		run.budget = operations - done;
		end = run_thread(t);
		done += run.operations;
		if (end == END_FAILED)
			replay->ended = true;
		if (end != END_YIELD)
			break;
		if (!run_enabled(t) && done < operations)
			tell_blocks(replay, t);
		if (!operations)
			break;
	}
	return done;
}

static int follow(struct replay *replay)
{
	const struct check_schedule *schedule = replay->schedule;

	for (size_t i = 0; i < schedule->nr_segments && !replay->ended; i++) {
		const struct check_segment *s = &schedule->segments[i];

		if (s->thread >= run.program->nr_threads ||
		    world->threads[s->thread].status != THREAD_READY ||
		    (advance(replay, s->thread, s->operations) <
			     s->operations && !replay->ended)) {
			errno = EPROTO;
			return -1;
		}
	}
	return 0;
}

/* The schedule is at its end: run the threads in turn, and finish(). */
static void run_out(struct replay *replay)
{
	const struct check_schedule *schedule = replay->schedule;
	unsigned int t = 0;
	uint32_t left = MAX_OPERATIONS;

	if (schedule->nr_segments)
		t = schedule->segments[schedule->nr_segments - 1].thread;
	while (left && !replay->ended) {
		unsigned int mask = run_enabled_mask();
		uint32_t done;

		if (!mask)
			break;
		t = prefer(mask, t);
		done = advance(replay, t, left);
		left -= done;
	}
	if (!left)
		run_endless(t);
	if (replay->ended || !left)
		return;
	if (!run_all_done()) {
		if (!run_any_cut())
			run_deadlock();
	} else if (!run_any_cut()) {
		tell_runs(replay, CHECK_MAX_THREADS);
		run_main(run.program->finish);
	}
}

int check_replay(const struct check_program *program,
		 const struct check_schedule *schedule,
		 const struct check_listener *listener)
{
	struct replay replay = { .schedule = schedule, .listener = listener };
	int error = 0;

	if (run_begin(program))
		return -1;
	order_reset();
	run.replaying = true;
	run.listener = listener;
	tell_begin(listener);
	/* a set-up that failed, or was cut, leaves nothing to run */
	replay.ended = run_main(program->setup) != END_DONE || run.nr_failures;
	run.mode = RUN_SCHEDULE;
	run_arm_threads();
	if (!replay.ended)
		error = follow(&replay);
	if (!error && !replay.ended)
		run_out(&replay);
	tell_end();
	run_finish();
	return error;
}
