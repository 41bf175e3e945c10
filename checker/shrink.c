// SPDX-License-Identifier: GPL-2.0-only
/*
 * shrink.c - the same failure with fewer context switches.
 *
 * A schedule is changed and run again; what fails in the same way with fewer
 * switches, or as many and fewer operations, takes its place, until no change
 * helps any more (delta debugging: Zeller and Hildebrandt, 2002).  A changed
 * schedule is followed as far as that goes: a thread that cannot go on is
 * passed over, and behind the schedule's end threads run in turn.
 *
 * Names used in this file
 *   block     operations of one thread in a row; a schedule is blocks
 *   attempt   a schedule that is tried
 */
#include "course.h"

#include <stdlib.h>
#include <string.h>

/* For one failure: then what was reached is kept. */
#define MAX_ATTEMPTS 20000
#define MAX_OPERATIONS 2000000
/* And no attempt is longer than this. */
#define MAX_LENGTH 20000

#define ALL UINT32_MAX

struct blocks {
	struct check_segment *at;
	size_t nr;
	size_t room;
};

struct shrink {
	struct check_failure *failure;
	struct course course;
	struct course best;
	struct blocks blocks;		/* of the best */
	struct blocks attempt;
	uint64_t cost;			/* of the best */
	/* where the choices come from: at first from the failure's schedule */
	bool has_best;
	size_t given;
	uint32_t next[CHECK_MAX_THREADS];	/* into the best's choices */
	uint32_t attempts;
	uint64_t operations;
	bool no_memory;
};

static int add(struct blocks *blocks, uint32_t thread, uint32_t operations)
{
	if (blocks->nr == blocks->room) {
		size_t room = 2 * blocks->room + 64;
		struct check_segment *at =
			realloc(blocks->at, room * sizeof(*at));

		if (!at)
			return -1;
		blocks->at = at;
		blocks->room = room;
	}
	blocks->at[blocks->nr].thread = thread;
	blocks->at[blocks->nr++].operations = operations;
	return 0;
}

static void begin_attempt(struct shrink *sh)
{
	sh->attempt.nr = 0;
}

static void put(struct shrink *sh, uint32_t thread, uint32_t operations)
{
	if (operations && add(&sh->attempt, thread, operations))
		sh->no_memory = true;
}

/* Blocks [from, to) of the best. */
static void put_blocks(struct shrink *sh, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		put(sh, sh->blocks.at[i].thread, sh->blocks.at[i].operations);
}

/* ------ running an attempt ------ */

/* A thread chooses what it chose before; afterwards, the first. */
static unsigned int next_choice(struct shrink *sh, unsigned int t)
{
	const struct check_schedule *given = &sh->failure->schedule;
	const struct course *best = &sh->best;
	uint32_t *i = &sh->next[t];
	unsigned int choice = 0;

	if (world->threads[t].class != CLASS_CHOICE)
		return 0;
	while (*i < best->nr_choices && best->choosers[*i] != t)
		++*i;
	if (*i < best->nr_choices)
		choice = best->choices[(*i)++];
	else if (!sh->has_best && sh->given < given->nr_choices)
		choice = given->choices[sh->given++];
	return choice % world->threads[t].nr_choices;
}

static enum course_state step(struct shrink *sh, unsigned int t)
{
	unsigned int choice = next_choice(sh, t);
	enum course_state state = course_step(&sh->course, t, choice);

	return state == COURSE_GOES_ON && sh->course.nr >= MAX_LENGTH ?
		COURSE_CUT : state;
}

static enum course_state follow(struct shrink *sh)
{
	enum course_state state = course_begin(&sh->course);
	unsigned int last = 0;

	for (size_t i = 0; i < sh->attempt.nr; i++) {
		const struct check_segment *b = &sh->attempt.at[i];
		uint32_t left = b->operations;

		while (left-- && state == COURSE_GOES_ON &&
		       run_enabled(b->thread))
			state = step(sh, b->thread);
		last = b->thread;
	}
	while (state == COURSE_GOES_ON) {
		unsigned int enabled = run_enabled_mask();

		if (!enabled)
			return course_end();
		last = prefer(enabled, last);
		state = step(sh, last);
	}
	return state;
}

static uint64_t cost(const struct course *course)
{
	return (uint64_t)course_switches(course) << 32 | course->nr;
}

static int adopt(struct shrink *sh)
{
	struct course old = sh->best;

	sh->best = sh->course;
	sh->course = old;
	sh->course.start = sh->best.start;
	sh->has_best = true;
	sh->cost = cost(&sh->best);
	sh->blocks.nr = 0;
	for (uint32_t i = 0; i < sh->best.nr; i++) {
		struct blocks *b = &sh->blocks;
		uint8_t t = sh->best.threads[i];

		if (b->nr && b->at[b->nr - 1].thread == t)
			b->at[b->nr - 1].operations++;
		else if (add(b, t, 1))
			return -1;
	}
	memcpy(sh->failure->text, run.failure.text, sizeof(run.failure.text));
	return 0;
}

static bool exhausted(const struct shrink *sh)
{
	return sh->no_memory || sh->attempts >= MAX_ATTEMPTS ||
	       sh->operations >= MAX_OPERATIONS;
}

/* Return: the attempt fails in the same way at less cost: it is the best. */
static bool attempt(struct shrink *sh)
{
	enum course_state state;

	if (exhausted(sh))
		return false;
	memset(sh->next, 0, sizeof(sh->next));
	state = follow(sh);
	sh->attempts++;
	sh->operations += sh->course.nr + 1;
	if (state == COURSE_NO_MEMORY)
		sh->no_memory = true;
	if (state != COURSE_FAILED ||
	    run.failure.number != sh->failure->number ||
	    run.failure.where != sh->failure->where ||
	    cost(&sh->course) >= sh->cost)
		return false;
	if (adopt(sh))
		sh->no_memory = true;
	return true;
}

/* ------ changes ------ */

/* Leave out blocks [from, to): what they did comes later, or never. */
static bool leave_out(struct shrink *sh, size_t from, size_t to)
{
	begin_attempt(sh);
	put_blocks(sh, 0, from);
	put_blocks(sh, to, sh->blocks.nr);
	return attempt(sh);
}

/* Long schedules first lose large pieces. */
static bool leave_out_pieces(struct shrink *sh)
{
	bool any = false;

	for (size_t piece = sh->blocks.nr / 2; piece; piece /= 2) {
		size_t from = 0;

		while (from + piece <= sh->blocks.nr && !exhausted(sh)) {
			if (leave_out(sh, from, from + piece))
				any = true;
			else
				from += piece;
		}
	}
	return any;
}

/* Before block i let thread t go as far as it can. */
static bool run_through(struct shrink *sh, size_t i, unsigned int t)
{
	begin_attempt(sh);
	put_blocks(sh, 0, i);
	put(sh, t, ALL);
	put_blocks(sh, i, sh->blocks.nr);
	return attempt(sh);
}

/* Put block j behind block i, which is of the same thread: i < j or j < i. */
static bool join(struct shrink *sh, size_t i, size_t j)
{
	const struct blocks *b = &sh->blocks;

	begin_attempt(sh);
	for (size_t k = 0; k < b->nr; k++) {
		if (k != j)
			put_blocks(sh, k, k + 1);
		if (k == i)
			put_blocks(sh, j, j + 1);
	}
	return attempt(sh);
}

static bool run_through_somewhere(struct shrink *sh)
{
	unsigned int nr = run.program->nr_threads;
	bool any = false;

	for (size_t n = 0; n < nr * (sh->blocks.nr + 1); n++)
		if (run_through(sh, n / nr, (unsigned int)(n % nr)))
			any = true;
	return any;
}

static bool join_some(struct shrink *sh)
{
	bool any = false;

	for (size_t i = 0; i < sh->blocks.nr; i++)
		for (size_t j = 0; j < sh->blocks.nr && i < sh->blocks.nr; j++)
			if (i != j && sh->blocks.at[i].thread ==
					      sh->blocks.at[j].thread &&
			    join(sh, i, j))
				any = true;
	return any;
}

/* Let a block do fewer operations. */
static bool cut_blocks(struct shrink *sh)
{
	bool any = false;

	for (size_t i = 0; i < sh->blocks.nr; i++) {
		uint32_t less = sh->blocks.at[i].operations;

		while (less && i < sh->blocks.nr && !exhausted(sh)) {
			uint32_t all = sh->blocks.at[i].operations;

			if (less > all)
				less = all;
			begin_attempt(sh);
			put_blocks(sh, 0, i);
			put(sh, sh->blocks.at[i].thread, all - less);
			put_blocks(sh, i + 1, sh->blocks.nr);
			if (attempt(sh))
				any = true;
			else
				less /= 2;
		}
	}
	return any;
}

static void shrink(struct shrink *sh)
{
	bool again = true;

	while (again && !exhausted(sh)) {
		again = leave_out_pieces(sh);
		again |= run_through_somewhere(sh);
		again |= join_some(sh);
		again |= cut_blocks(sh);
	}
}

/* ------ one failure after the other ------ */

/* Run the schedule as it is.  Return: it fails as it should. */
static bool first_attempt(struct shrink *sh)
{
	const struct check_schedule *schedule = &sh->failure->schedule;

	begin_attempt(sh);
	for (size_t i = 0; i < schedule->nr_segments; i++)
		put(sh, schedule->segments[i].thread,
		    schedule->segments[i].operations);
	sh->cost = UINT64_MAX;
	return attempt(sh);
}

static int replace(struct shrink *sh)
{
	struct check_schedule shorter;

	if (course_schedule(&sh->best, &shorter)) {
		check_schedule_free(&shorter);
		return -1;
	}
	check_schedule_free(&sh->failure->schedule);
	sh->failure->schedule = shorter;
	return 0;
}

static int shrink_failure(struct check_failure *failure, const char *start)
{
	struct shrink sh = {
		.failure = failure,
		.course.start = start,
		.best.start = start,
	};
	int error = 0;

	if (first_attempt(&sh)) {
		shrink(&sh);
		error = sh.no_memory ? -1 : replace(&sh);
	}
	course_free(&sh.course);
	course_free(&sh.best);
	free(sh.blocks.at);
	free(sh.attempt.at);
	return error;
}

int search_shrink(struct search *search, const char *start)
{
	struct check_result *result = search->result;
	int error = 0;

	run.mode = RUN_OPERATIONS;
	run.compares_states = false;
	run.scrubs = false;
	run.unheeded = true;
	/* a stuck thread takes a second each time it is met */
	for (size_t i = 0; i < result->nr_failures && !error; i++)
		if (result->failures[i].number != CHECK_STUCK)
			error = shrink_failure(&result->failures[i], start);
	run.unheeded = false;
	return error;
}
