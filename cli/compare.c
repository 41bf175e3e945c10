// SPDX-License-Identifier: GPL-2.0-only
/*
 * compare.c - `faultline compare`: engines side by side.
 *
 * Two searches an engine: by states for the verdict, because only that one is
 * complete though retries never end, and by executions for what a repair
 * costs, because cost belongs to an execution.
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_FAULTS 2
#define UNPATCHED "(unpatched)"

struct compare {
	struct words engines;		/* `a`, or `a+b`: both in turn */
	struct words files;
	struct check_options options;
	unsigned int faults;
};

struct row {
	const char *name;
	struct verdict verdict;
	struct check_result by_states;
	struct check_result by_executions;
	struct trial trial;		/* with the costs in it */
};

enum { OPTION_LIMIT = 256 };

static const struct argp_option options[] = {
	{ "with", 'w', "A,B,...", 0,
	  "engines to compare: patches, or A+B for several in one engine", 0 },
	{ "faults", 'f', "N", 0,
	  "costs are of executions with at most N faults per access (2)", 0 },
	{ "limit", OPTION_LIMIT, "LIMIT=N[,...]", 0,
	  "stop each search at a limit, as in `faultline check`", 0 },
	{ 0 },
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct compare *compare = state->input;
	size_t named = 0;
	char *word;

	switch (key) {
	case 'w':
		for (word = strtok(value, ","); word; word = strtok(NULL, ",")) {
			if (*word == '+' || word[strlen(word) - 1] == '+' ||
			    strstr(word, "++"))
				usage_error(state, "'%s' does not name patches", word);
			words_add(&compare->engines, word);
			named++;
		}
		if (!named)
			usage_error(state, "--with names no patch");
		return 0;
	case 'f':
		compare->faults = faults_parse(state, value);
		return 0;
	case OPTION_LIMIT:
		limits_parse(state, value, &compare->options);
		return 0;
	case ARGP_KEY_ARG:
		words_add(&compare->files, value);
		return 0;
	case ARGP_KEY_NO_ARGS:
		usage_error(state, "which litmus tests? 'faultline list' shows those that are here");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "FILE...",
	.doc = "Run litmus tests on engines with different patches, and print a"
	       " row for each, the unpatched one first.\v"
	       "Exit status: 0 all clean and complete, 1 a bug was found in some"
	       " engine, 2 wrong input, 3 stopped by a limit.",
};

/* The engine called `a+b`. */
static const struct subject *load(const char *name)
{
	struct words patches = { NULL, 0 };
	const struct subject *subject;
	char *copy, *word, *at;

	if (!strcmp(name, UNPATCHED))
		return &faultline_subject;
	copy = strdup(name);
	if (!copy)
		abort();
	for (word = strtok_r(copy, "+", &at); word;
	     word = strtok_r(NULL, "+", &at))
		words_add(&patches, word);
	subject = engine_load(&patches);
	free(patches.at);
	free(copy);
	return subject;
}

static int search_failed(const struct litmus *test)
{
	fprintf(stderr, "faultline: %s: the search failed: %s\n", test->path,
		strerror(errno));
	return EXIT_LIMIT;
}

static int fill(const struct compare *compare, const struct litmus *test,
		struct row *row)
{
	struct check_options how = compare->options;
	const struct subject *subject = load(row->name);

	if (!subject || trial_open(&row->trial, test, subject, stderr))
		return EXIT_WRONG_INPUT;
	how.interrupted = interrupts_seen;
	how.mode = CHECK_BY_STATES;
	if (trial_search(&row->trial, &how, 0, &row->by_states))
		return search_failed(test);
	row->verdict = verdict_of(&row->trial, &row->by_states, &how, 0);
	how.mode = CHECK_BY_EXECUTIONS;
	if (trial_search(&row->trial, &how, compare->faults,
			 &row->by_executions))
		return search_failed(test);
	if (row->by_executions.stopped)
		return worse_status(row->verdict.status, EXIT_LIMIT);
	return row->verdict.status;
}

static void print_header(const struct litmus *test, int width)
{
	printf("Test %s\n\n%-*s %-9s %6s %9s %7s %-7s %-7s %-7s %5s\n",
	       test->name, width, "engine", "verdict", "states", "execs",
	       "seconds", "faults", "retries", "splits", "cycle");
}

static void print_cost(uint64_t sum, uint32_t most, uint64_t executions)
{
	char text[32] = "-";

	if (executions)
		snprintf(text, sizeof(text), "%.1f/%u",
			 (double)sum / (double)executions, most);
	printf(" %-7s", text);
}

static const char *verdict_word(const struct row *row, char *oracles)
{
	if (row->verdict.tripped)
		return oracles;
	return row->verdict.status == EXIT_CLEAN ? "clean" : "stopped";
}

static void print_row(const struct row *row, int width)
{
	const struct check_result *x = &row->by_executions;
	const struct trial *t = &row->trial;
	uint64_t nr = x->executions;
	char *oracles = oracles_text(row->verdict.tripped);
	char executions[48];

	snprintf(executions, sizeof(executions), "%llu+%llu%s",
		 (unsigned long long)nr, (unsigned long long)x->cut,
		 x->stopped ? "+?" : "");
	printf("%-*s %-9s %6llu %9s %7.3f", width, row->name,
	       verdict_word(row, oracles),
	       (unsigned long long)row->by_states.states, executions,
	       row->by_states.seconds + x->seconds);
	print_cost(t->sum_faults, t->most.faults, nr);
	print_cost(t->sum_retries, t->most.retries, nr);
	print_cost(t->sum_splits, t->most.splits, nr);
	if (row->by_states.has_cycle)
		printf(" %5u\n", row->by_states.cycle.operations);
	else
		printf(" %5s\n", "none");
	free(oracles);
}

static void print_legend(const struct compare *compare)
{
	printf("\nverdict, states: every interleaving, by states\n"
	       "execs: executions with at most %u fault%s per access, + those cut there\n"
	       "faults, retries, splits: of these executions, mean/most\n"
	       "cycle: operations in the shortest round in which the CPUs undo each other\n"
	       "       and nobody's access completes\n\n",
	       compare->faults, compare->faults == 1 ? "" : "s");
}

static int compare_row(const struct compare *compare,
		       const struct litmus *test, const char *name, int width)
{
	struct row row = { .name = name };
	int status = fill(compare, test, &row);

	if (status != EXIT_WRONG_INPUT)
		print_row(&row, width);
	fflush(stdout);
	check_result_free(&row.by_states);
	check_result_free(&row.by_executions);
	trial_close(&row.trial);
	return status;
}

static int name_width(const struct compare *compare)
{
	size_t width = 0;

	for (size_t i = 0; i < compare->engines.nr; i++)
		if (strlen(compare->engines.at[i]) > width)
			width = strlen(compare->engines.at[i]);
	return (int)width;
}

static int compare_file(const struct compare *compare, const char *path)
{
	struct litmus *test = litmus_parse_file(path, stderr);
	int status = EXIT_CLEAN, width = name_width(compare);

	if (!test)
		return EXIT_WRONG_INPUT;
	print_header(test, width);
	for (size_t i = 0; i < compare->engines.nr; i++) {
		const char *name = compare->engines.at[i];

		if (interrupts_seen(NULL) || status == EXIT_WRONG_INPUT)
			break;
		status = worse_status(status, compare_row(compare, test, name,
							  width));
	}
	print_legend(compare);
	litmus_free(test);
	return status;
}

static int compare_files(const struct compare *compare)
{
	int status = EXIT_CLEAN;

	interrupts_catch();
	/* wrong names come before the first row */
	for (size_t i = 0; i < compare->engines.nr; i++)
		if (!load(compare->engines.at[i]))
			return EXIT_WRONG_INPUT;
	for (size_t i = 0; i < compare->files.nr && !interrupts_seen(NULL); i++)
		status = worse_status(status,
				      compare_file(compare,
						   compare->files.at[i]));
	return interrupts_seen(NULL) ? worse_status(status, EXIT_LIMIT) :
				       status;
}

int command_compare(int argc, char **argv)
{
	struct compare compare = { .faults = DEFAULT_FAULTS };
	int status;

	words_add(&compare.engines, UNPATCHED);
	parse_arguments(&argp, argc, argv, &compare);
	status = compare_files(&compare);
	free(compare.engines.at);
	free(compare.files.at);
	return status;
}
