// SPDX-License-Identifier: GPL-2.0-only
/*
 * random.c - searches at random: the runs, and the random walk itself.
 *
 * Such a search is never complete; what it promises instead is said in
 * result->guarantee, which each strategy words for itself.
 */
#include "random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROFILE_RUNS 20
#define RUNS 10000

unsigned int random_thread(struct dice *dice, unsigned int mask)
{
	uint64_t skip = dice_below(dice,
				   (uint64_t)__builtin_popcount(mask));

	while (skip--)
		mask &= mask - 1;
	return (unsigned int)__builtin_ctz(mask);
}

/* ------ the random walk ------ */

static unsigned int walk_choose(struct sampler *s, unsigned int enabled)
{
	return random_thread(&s->dice, enabled);
}

static void walk_guarantee(struct sampler *s, char *text, size_t bytes)
{
	unsigned int n = run.program->nr_threads * s->outcomes;

	s->search->result->probability = pow(n, -(double)s->most);
	snprintf(text, bytes,
		 "each run draws any execution of %u operations with a probability of at least %u^-%u, and promises no more",
		 s->most, n, s->most);
}

static const struct strategy strategy_walk = {
	.choose = walk_choose,
	.guarantee = walk_guarantee,
};

/* ------ runs ------ */

static unsigned int choice_of(struct sampler *s, unsigned int t)
{
	const struct thread *thread = &world->threads[t];

	if (thread->class != CLASS_CHOICE)
		return 0;
	if (thread->nr_choices > s->outcomes)
		s->outcomes = thread->nr_choices;
	return (unsigned int)dice_below(&s->dice, thread->nr_choices);
}

static uint32_t operations_most(const struct sampler *s)
{
	uint32_t most = s->search->options->max_operations;

	return most ? most : CHECK_RANDOM_OPERATIONS;
}

static int choose(struct sampler *s, unsigned int enabled, unsigned int *t)
{
	if (!s->profiling) {
		*t = s->strategy->choose(s, enabled);
		return 0;
	}
	*t = walk_choose(s, enabled);
	return s->strategy->saw ? s->strategy->saw(s, *t) : 0;
}

static enum course_state run_to_end(struct sampler *s)
{
	enum course_state state = course_begin(&s->course);

	while (state == COURSE_GOES_ON) {
		unsigned int enabled = run_enabled_mask(), t;

		if (!enabled)
			return course_end();
		if (s->course.nr == operations_most(s))
			return COURSE_CUT;
		if (choose(s, enabled, &t))
			return COURSE_NO_MEMORY;
		state = course_step(&s->course, t, choice_of(s, t));
	}
	return state;
}

static int failed(struct sampler *s)
{
	struct check_failure *failure = search_failure(s->search);

	return failure ? course_schedule(&s->course, &failure->schedule) : 0;
}

/* Return: 0, or -1 without memory. */
static int one_run(struct sampler *s, uint64_t number)
{
	struct check_result *result = s->search->result;
	const struct check_options *options = s->search->options;
	enum course_state state;

	dice_seed(&s->dice, result->seed, number);
	if (s->strategy->begin)
		s->strategy->begin(s);
	state = run_to_end(s);
	if (state == COURSE_NO_MEMORY)
		return -1;
	result->runs++;
	if (s->strategy->covered && !s->strategy->covered(s, state))
		result->beyond++;
	if (state == COURSE_CUT && !run_given_up(result)) {
		/* finish() met a bound or did not assume it, or: too long */
		++*(run.end == END_ASSUMED ? &result->assumed : &result->cut);
		result->too_long += run.end != END_ASSUMED &&
				    run.end != END_CUT;
	}
	if (state == COURSE_FAILED)
		return failed(s);
	if (state != COURSE_COMPLETE)
		return 0;
	result->executions++;
	if (options->completed)
		options->completed(options->user);
	return 0;
}

static int runs(struct sampler *s)
{
	struct search *search = s->search;
	uint64_t wanted = search->options->runs;
	int error = 0;

	if (!wanted)
		wanted = RUNS;
	while (!error && !search->stop && search->result->runs < wanted) {
		error = one_run(s, search->result->runs);
		search->result->search_bytes = s->course.room;
		search_poll(search);
	}
	return error;
}

/* A failure in the profile is one, too; its runs are not counted. */
static int profile(struct sampler *s)
{
	int error = 0;

	s->profiling = true;
	run.unheeded = true;
	for (uint64_t i = 0; i < PROFILE_RUNS && !s->search->stop; i++) {
		enum course_state state;

		dice_seed(&s->dice, s->search->result->seed, ~i);
		state = run_to_end(s);
		if (s->course.nr > s->most)
			s->most = s->course.nr;
		if (state == COURSE_NO_MEMORY ||
		    (state == COURSE_FAILED && failed(s)))
			error = -1;
		if (!error && s->strategy->profiled)
			error = s->strategy->profiled(s, state);
		if (error)
			break;
	}
	run.unheeded = false;
	s->profiling = false;
	return error;
}

static const struct strategy *strategy_of(enum check_mode mode)
{
	switch (mode) {
	case CHECK_PCT:
		return &strategy_pct;
	case CHECK_SURW:
		return &strategy_surw;
	default:
		return &strategy_walk;
	}
}

static void say_guarantee(struct sampler *s)
{
	struct check_result *result = s->search->result;
	size_t room = sizeof(result->guarantee), at;

	s->strategy->guarantee(s, result->guarantee, room);
	at = strlen(result->guarantee);
	if (s->outcomes > 1 && s->strategy != &strategy_walk)
		snprintf(result->guarantee + at, room - at,
			 "; this is for each outcome of the choices, which are drawn uniformly");
}

int search_random(struct search *search, const char *start)
{
	struct check_result *result = search->result;
	struct sampler s = {
		.search = search,
		.strategy = strategy_of(search->options->mode),
		.course.start = start,
		.outcomes = 1,
	};
	int error;

	run.mode = RUN_OPERATIONS;
	result->seed = search->options->seed;
	if (!result->seed)
		result->seed = dice_fresh();
	error = profile(&s);
	result->most_operations = s.most;
	if (!error && s.strategy->prepare)
		error = s.strategy->prepare(&s);
	if (!error)
		error = runs(&s);
	if (!error)
		say_guarantee(&s);
	if (s.strategy->close)
		s.strategy->close(&s);
	course_free(&s.course);
	return error;
}
