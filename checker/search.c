// SPDX-License-Identifier: GPL-2.0-only
/*
 * search.c - check_run(): set-up, the search that was asked for, limits.
 */
#include "course.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TELL_SECONDS 0.1
#define RATE_SECONDS 1.0

double now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static const char *limit_met(const struct search *search)
{
	const struct check_options *options = search->options;
	const struct check_result *result = search->result;

	if (options->max_executions && options->mode != CHECK_BY_STATES &&
	    result->runs >= options->max_executions)
		return "the limit on executions";
	if (options->max_bytes && result->search_bytes >= options->max_bytes)
		return "the limit on memory";
	if (options->max_seconds > 0 &&
	    now_seconds() - search->started >= options->max_seconds)
		return "the limit on time";
	if (options->interrupted && options->interrupted(options->user))
		return "a signal";
	return NULL;
}

static double part_done(const struct search *search)
{
	double runs = (double)search->result->runs;

	return search->left > 0 ? runs / (runs + search->left) : 0;
}

static void tell_progress(struct search *search)
{
	const struct check_result *result = search->result;
	bool by_states = search->options->mode == CHECK_BY_STATES ||
			 search->options->mode == CHECK_PREEMPTIONS;
	uint64_t count = by_states ? result->states : result->runs;
	double now = now_seconds();
	struct check_progress progress = {
		.mode = search->options->mode,
		.seconds = now - search->started,
		.states = result->states,
		.runs = result->runs,
		.done = part_done(search),
	};

	if (now - search->told < TELL_SECONDS)
		return;
	search->told = now;
	/* a pass by states that begins anew has a lower count */
	if (count < search->count || now - search->measured >= RATE_SECONDS) {
		if (count >= search->count)
			search->rate = (double)(count - search->count) /
				       (now - search->measured);
		search->measured = now;
		search->count = count;
	}
	progress.rate = search->rate;
	search->options->progress(search->options->user, &progress);
}

void search_poll(struct search *search)
{
	const char *limit = limit_met(search);

	if (search->options->progress)
		tell_progress(search);
	if (!limit)
		return;
	search->result->stopped = limit;
	search->stop = true;
	search->spent = true;
}

void search_restart(struct search *search)
{
	struct check_result *result = search->result;

	if (search->options->restarted)
		search->options->restarted(search->options->user);
	result->states = 0;
	result->steps = 0;
	result->executions = 0;
	result->runs = 0;
	result->cut = 0;
	result->too_long = 0;
	result->assumed = 0;
	result->redundant = 0;
}

void search_forget(struct search *search)
{
	struct check_result *result = search->result;

	search_restart(search);
	for (size_t i = 0; i < result->nr_failures; i++)
		check_schedule_free(&result->failures[i].schedule);
	result->nr_failures = 0;
}

bool search_learn_word(struct search *search, uint64_t word,
		       enum spins spins)
{
	struct learned *learned = &search->learned;
	bool news = spins > learned->spins;

	if (news)
		learned->spins = spins;
	for (uint64_t i = 0; i < learned->nr && i < MAX_LEARNED; i++)
		if (learned->words[i] == word)
			return news;
	if (learned->nr < MAX_LEARNED)
		learned->words[learned->nr] = word;
	learned->nr++;
	return true;
}

void search_heed(struct search *search, unsigned int number)
{
	/* a stuck thread takes seconds, and is met in as many schedules */
	const char *why = number == CHECK_STUCK ? "a stuck thread" :
		search->options->first ? "--first" :
		number == CHECK_NONDETERMINISM ?
			"nondeterminism of the program" : NULL;

	if (!why)
		return;
	search->result->stopped = why;
	search->stop = true;
}

struct check_failure *search_known(struct check_result *result,
				   const struct check_failure *failure)
{
	for (size_t i = 0; i < result->nr_failures; i++)
		if (result->failures[i].number == failure->number &&
		    result->failures[i].where == failure->where)
			return &result->failures[i];
	return NULL;
}

/* setup() or finish() ended so, and thus the execution. */
static void note_end(struct check_result *result, enum run_end end)
{
	if (end == END_CUT)
		result->cut++;
	else if (end == END_ASSUMED)
		result->assumed++;
}

enum run_end search_complete(struct search *search)
{
	enum run_end end = run_main(search->program->finish);

	note_end(search->result, end);
	if (end == END_DONE || end == END_FAILED)
		search->result->executions++;
	if (end == END_DONE && search->options->completed)
		search->options->completed(search->options->user);
	return end;
}

struct check_failure *search_failure(struct search *search)
{
	struct check_result *result = search->result;
	struct check_failure *known;

	/* that is a limit of the checker, not a fault of the program */
	if (run.failure.number == CHECK_NO_MEMORY) {
		result->cut++;
		return NULL;
	}
	search_heed(search, run.failure.number);
	known = search_known(result, &run.failure);
	if (known) {
		known->hits++;
		return NULL;
	}
	if (result->nr_failures == CHECK_MAX_FAILURES ||
	    (search->options->first && result->nr_failures))
		return NULL;
	result->failures[result->nr_failures] = run.failure;
	result->failures[result->nr_failures].hits = 1;
	return &result->failures[result->nr_failures++];
}

/* The world as setup() leaves it; if it ends early that is all there is. */
static int setup(struct search *search)
{
	enum run_end end;

	run.mode = RUN_ALONE;
	end = run_main(search->program->setup);
	note_end(search->result, end);
	if (end == END_FAILED)
		search_failure(search);
	return end != END_DONE;
}

static bool is_random(enum check_mode mode)
{
	return mode == CHECK_RANDOM_WALK || mode == CHECK_PCT ||
	       mode == CHECK_SURW;
}

static int search_by_states(struct search *search)
{
	int error = search_states(search);

	if (error || !search->result->nr_failures || search->differs)
		return error;
	run.unheeded = true;
	error = search_fewest_switches(search);
	run.unheeded = false;
	return error;
}

/* One execution shows the whole cycle of an order of locks, or nothing does. */
static int search_by_runs(struct search *search, enum check_mode mode)
{
	char *start;
	int error;

	order_of_one_execution();
	start = course_save();
	if (!start)
		return -1;
	if (mode == CHECK_PREEMPTIONS)
		error = search_preemptions(search);
	else if (is_random(mode))
		error = search_random(search, start);
	else
		error = search_executions(search);
	/* brute force is for comparison only */
	if (!error && mode != CHECK_BRUTE_FORCE && !search->differs)
		error = search_shrink(search, start);
	free(start);
	return error;
}

static int search_all(struct search *search)
{
	enum check_mode mode = search->options->mode;
	double began, ended, clock;
	int error;

	if (setup(search))
		return 0;
	began = cpu_seconds();
	error = mode == CHECK_BY_STATES ? search_by_states(search) :
					  search_by_runs(search, mode);
	ended = cpu_seconds();
	/* a look at the clock takes as long as several short executions */
	clock = cpu_seconds() - ended;
	if (search->ended > 0)
		ended = search->ended;
	if (ended - began > clock)
		search->result->cpu_seconds = ended - began - clock;
	return error;
}

static bool options_valid(const struct check_options *options)
{
	return options->mode <= CHECK_SURW &&
	       options->depth <= CHECK_MAX_DEPTH &&
	       options->max_operations <= CHECK_MAX_OPERATIONS;
}

int check_run(const struct check_program *program,
	      const struct check_options *options, struct check_result *result)
{
	struct search search = {
		.program = program,
		.options = options,
		.result = result,
		.started = now_seconds(),
	};
	int error;

	search.told = search.measured = search.started;
	memset(result, 0, sizeof(*result));
	if (!options_valid(options)) {
		errno = EINVAL;
		return -1;
	}
	if (run_begin(program))
		return -1;
	order_reset();
	error = search_all(&search);
	result->operations = run.total_operations;
	result->seconds = now_seconds() - search.started;
	result->done = part_done(&search);
	result->complete = !error && !search.stop && !result->cut &&
			   !result->refused && !is_random(options->mode);
	run_finish();
	return error;
}

void check_result_free(struct check_result *result)
{
	for (size_t i = 0; i < result->nr_failures; i++)
		check_schedule_free(&result->failures[i].schedule);
	check_schedule_free(&result->cycle.lead);
	check_schedule_free(&result->cycle.round);
	memset(result, 0, sizeof(*result));
}
