// SPDX-License-Identifier: GPL-2.0-only
/*
 * check.c - `faultline check`: every interleaving of litmus tests.
 */
#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "summary.h"

enum {
	OPTION_LIMIT = 256,
	OPTION_FIRST,
	OPTION_EXACT,
	OPTION_JSON,
	OPTION_RANDOM,
	OPTION_SEED,
	OPTION_RUNS,
	OPTION_DEPTH,
	OPTION_PREEMPTIONS,
	OPTION_JOBS,
	OPTION_CHECKPOINT,
	OPTION_EVERY,
	OPTION_SUMMARY,
};

static const struct argp_option options[] = {
	{ "with", 'w', "PATCH", 0,
	  "apply PATCH (a name of `faultline list`, or a file) to the engine;"
	  " several are applied in turn", 0 },
	{ "faults", 'f', "N", 0,
	  "search by executions, with at most N faults per access, not by"
	  " states", 0 },
	{ "preemptions", OPTION_PREEMPTIONS, "N", 0,
	  "search by states, with at most N switches away from a CPU that"
	  " could go on", 0 },
	{ "random", OPTION_RANDOM, "STRATEGY", 0,
	  "run executions at random: walk, pct or surw", 0 },
	{ "runs", OPTION_RUNS, "N", 0, "so many of them (10000)", 0 },
	{ "seed", OPTION_SEED, "N", 0,
	  "the same ones as when the verdict named this seed", 0 },
	{ "depth", OPTION_DEPTH, "N", 0,
	  "look for bugs of this depth, with --random pct (3)", 0 },
	{ "first", OPTION_FIRST, NULL, 0, "stop at the first bug", 0 },
	{ "limit", OPTION_LIMIT, "LIMIT=N[,...]", 0,
	  "stop at a limit: time (seconds), states, executions, memory"
	  " (bytes; K, M, G); or cut each execution at one: operations", 0 },
	{ "jobs", OPTION_JOBS, "N", 0,
	  "search by N processes, with --faults or --summary", 0 },
	{ "checkpoint", OPTION_CHECKPOINT, "FILE", 0,
	  "write FILE every few seconds, with --faults, and go on from it if it"
	  " is there", 0 },
	{ "every", OPTION_EVERY, "SECONDS", 0,
	  "how often to write the checkpoint (5)", 0 },
	{ "exact", OPTION_EXACT, NULL, 0,
	  "compare states byte by byte, not by 128 bits of hash", 0 },
	{ "summary", OPTION_SUMMARY, NULL, 0,
	  "print a line for each test, and a total", 0 },
	{ "quiet", 'q', NULL, 0,
	  "with --summary only what is not clean, and the total", 0 },
	{ "json", OPTION_JSON, NULL, 0, "print the results as JSON", 0 },
	{ 0 },
};

/* Options of searches that are not exhaustive. */
static error_t parse_sampling(int key, const char *value,
			      struct argp_state *state)
{
	struct check *check = state->input;
	struct check_options *how = &check->options;

	switch (key) {
	case OPTION_PREEMPTIONS:
		check->bounded = true;
		how->preemptions = (unsigned int)
			number_parse(state, "--preemptions", value, 0, 1000);
		return 0;
	case OPTION_RANDOM:
		check->random = true;
		how->mode = strategy_parse(state, value);
		return 0;
	case OPTION_RUNS:
		how->runs = number_parse(state, "--runs", value, 1,
					     1000000000);
		return 0;
	case OPTION_SEED:
		how->seed = number_parse(state, "--seed", value, 1,
					     INT64_MAX);
		return 0;
	case OPTION_DEPTH:
		how->depth = (unsigned int)
			number_parse(state, "--depth", value, 1,
				     CHECK_MAX_DEPTH);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Options of searches that take long. */
static error_t parse_pieces(int key, char *value, struct argp_state *state)
{
	struct check *check = state->input;

	switch (key) {
	case OPTION_JOBS:
		check->options.jobs = (unsigned int)
			number_parse(state, "--jobs", value, 1, 1024);
		return 0;
	case OPTION_CHECKPOINT:
		check->options.checkpoint = value;
		return 0;
	case OPTION_EVERY:
		check->options.checkpoint_seconds =
			seconds_parse(state, "--every", value);
		return 0;
	default:
		return parse_sampling(key, value, state);
	}
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct check *check = state->input;

	switch (key) {
	case 'w':
		words_add(&check->patches, value);
		return 0;
	case 'f':
		check->faults = faults_parse(state, value);
		return 0;
	case OPTION_FIRST:
		check->options.first = true;
		return 0;
	case OPTION_LIMIT:
		limits_parse(state, value, &check->options);
		return 0;
	case OPTION_EXACT:
		check->options.exact = true;
		return 0;
	case OPTION_JSON:
		check->json = true;
		return 0;
	case OPTION_SUMMARY:
		check->summary = true;
		return 0;
	case 'q':
		check->quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		words_add(&check->files, value);
		return 0;
	case ARGP_KEY_NO_ARGS:
		usage_error(state, "which litmus tests? 'faultline list' shows those that are here");
		return 0;
	default:
		return parse_pieces(key, value, state);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "FILE...",
	.doc = "Run litmus tests through every interleaving on the engine, and"
	       " draw each distinct failure once.\v"
	       "Exit status: 0 clean and complete, 1 a bug was found, 2 wrong"
	       " input, 3 stopped by a limit or clean only up to a bound.",
};

/* ------ running ------ */

static void complain_of_search(const struct check *check, const char *path)
{
	const char *checkpoint = check->options.checkpoint;

	if (checkpoint && errno == EBADMSG)
		fprintf(stderr, "faultline: %s is no checkpoint, or is damaged; remove it to begin anew\n",
			checkpoint);
	else if (checkpoint && errno == ESTALE)
		fprintf(stderr, "faultline: %s is a checkpoint of another search (test, engine, bound or version differ); remove it to begin anew\n",
			checkpoint);
	else if (checkpoint)
		fprintf(stderr, "faultline: %s: the search or its checkpoint %s failed: %s\n",
			path, checkpoint, strerror(errno));
	else
		fprintf(stderr, "faultline: %s: the search failed: %s\n",
			path, strerror(errno));
}

static int check_test(struct check *check, const struct litmus *test)
{
	struct check_result result;
	struct verdict v;
	struct trial trial;

	if (trial_open(&trial, test, check->subject, stderr))
		return EXIT_WRONG_INPUT;
	if (check->options.checkpoint)
		check->options.identity =
			identity_of(&trial, check->faults,
				    check->options.max_operations);
	if (trial_search(&trial, &check->options, check->faults, &result)) {
		complain_of_search(check, test->path);
		trial_close(&trial);
		return EXIT_LIMIT;
	}
	v = verdict_of(&trial, &result, &check->options, check->faults);
	if (check->json)
		check_add_json(check, &trial, &result, &v);
	else
		check_print(check, &trial, &result, &v);
	check_result_free(&result);
	trial_close(&trial);
	return v.status;
}

static int check_file(struct check *check, const char *path)
{
	struct litmus *test = litmus_parse_file(path, stderr);
	int status;

	if (!test) {
		json_array_append_new(check->report, json_pack(
			"{s:s, s:s, s:i}", "file", path, "verdict",
			"cannot be read", "status", EXIT_WRONG_INPUT));
		return EXIT_WRONG_INPUT;
	}
	status = check_test(check, test);
	litmus_free(test);
	return status;
}

/* For --summary: the same in one line. */
static void summarize(void *arg, const char *path, struct summary *said)
{
	struct check *check = arg;
	struct litmus *test = litmus_parse_file(path, stderr);
	struct check_result result;
	struct trial trial;
	struct verdict v;

	snprintf(said->name, sizeof(said->name), "%s",
		 test ? test->name : path);
	said->status = EXIT_WRONG_INPUT;
	snprintf(said->verdict, sizeof(said->verdict), "cannot be read");
	check->options.jobs = 0;
	if (!test || trial_open(&trial, test, check->subject, stderr)) {
		litmus_free(test);
		return;
	}
	if (trial_search(&trial, &check->options, check->faults, &result)) {
		said->status = EXIT_LIMIT;
		snprintf(said->verdict, sizeof(said->verdict),
			 "the search failed: %s", strerror(errno));
	} else {
		v = verdict_of(&trial, &result, &check->options,
			       check->faults);
		said->status = v.status;
		said->states = result.states;
		said->executions = result.executions;
		said->seconds = result.seconds;
		snprintf(said->verdict, sizeof(said->verdict), "%.*s",
			 (int)(v.status == EXIT_CLEAN ?
				       strcspn(v.text, ":") : 200), v.text);
		check_result_free(&result);
	}
	trial_close(&trial);
	litmus_free(test);
}

/* Return: what is wrong with the options together, or NULL. */
static const char *contradiction(const struct check *check)
{
	const struct check_options *how = &check->options;
	bool by_states = !check->faults && !check->random;

	if (check->random && check->bounded)
		return "--random and --preemptions are two searches";
	if (how->exact && !by_states)
		return "--exact is for searches by states, not for --faults or --random";
	if (check->quiet && !check->summary)
		return "--quiet is for --summary";
	if (check->summary && (check->json || how->checkpoint || post))
		return "--summary has no JSON, no checkpoints and no MPI job";
	if (!check->faults && !check->summary && how->jobs)
		return "--jobs is for --faults or --summary";
	if (!check->faults && how->checkpoint)
		return "--checkpoint is for --faults";
	if (how->checkpoint_seconds > 0 && !how->checkpoint)
		return "--every is for --checkpoint";
	if (post && (!check->faults || check->files.nr > 1))
		return "the ranks of an MPI job search one test together, with --faults";
	if (how->checkpoint && check->files.nr > 1)
		return "--checkpoint is for one test, not for several";
	if (check->faults && check->bounded)
		return "--preemptions is a search by states, --faults is not";
	if (!check->random && (how->seed || how->runs))
		return "--seed and --runs are for --random";
	if (how->depth && how->mode != CHECK_PCT)
		return "--depth is for --random pct";
	if (check->random && (how->max_states || how->max_executions))
		return "how many executions --random runs is what --runs says";
	if (by_states ? how->max_executions : how->max_states)
		return "the limit on states is for searches by states, that on executions for --faults";
	if (by_states && how->max_operations)
		return "the limit on operations is for --faults and --random";
	return NULL;
}

static enum check_mode mode_of(const struct check *check)
{
	if (check->random)
		return check->options.mode;
	if (check->bounded)
		return CHECK_PREEMPTIONS;
	return check->faults ? CHECK_BY_EXECUTIONS : CHECK_BY_STATES;
}

static int check_files(struct check *check)
{
	const char *wrong = contradiction(check);
	int status = EXIT_CLEAN;

	if (wrong) {
		fprintf(stderr, "faultline check: %s\n", wrong);
		return EXIT_WRONG_INPUT;
	}
	check->options.mode = mode_of(check);
	check->options.interrupted = interrupts_seen;
	check->options.post = check->faults ? post : NULL;
	check->subject = engine_load(&check->patches);
	if (!check->subject)
		return EXIT_WRONG_INPUT;
	interrupts_catch();
	if (check->summary)
		return summary_of(&check->files, check->options.jobs,
				  check->quiet, summarize, check);
	for (size_t i = 0; i < check->files.nr && !interrupts_seen(NULL); i++)
		status = worse_status(status,
				      check_file(check, check->files.at[i]));
	if (check->json) {
		json_dumpf(check->report, stdout, JSON_INDENT(2));
		fputc('\n', stdout);
	}
	return interrupts_seen(NULL) ? worse_status(status, EXIT_LIMIT) :
				       status;
}

int command_check(int argc, char **argv)
{
	struct check check = { .report = json_array() };
	int status;

	parse_arguments(&argp, argc, argv, &check);
	status = check_files(&check);
	json_decref(check.report);
	free(check.patches.at);
	free(check.files.at);
	return status;
}
