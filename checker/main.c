// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c - check_main(): a program that checks itself.
 */
#include "columns.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* As faultline(1) has them. */
enum {
	EXIT_CLEAN = 0,
	EXIT_BUG = 1,
	EXIT_WRONG_INPUT = 2,
	EXIT_LIMIT = 3,
};

struct command {
	const char *name;
	const char *replay;
	struct check_options options;
};

enum {
	OPTION_BY_EXECUTIONS = 256,
	OPTION_BRUTE_FORCE,
	OPTION_FIRST,
	OPTION_LIMIT,
	OPTION_REPLAY,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{ "by-executions", no_argument, NULL, OPTION_BY_EXECUTIONS },
	{ "brute-force", no_argument, NULL, OPTION_BRUTE_FORCE },
	{ "first", no_argument, NULL, OPTION_FIRST },
	{ "limit", required_argument, NULL, OPTION_LIMIT },
	{ "replay", required_argument, NULL, OPTION_REPLAY },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static void usage(const char *name, FILE *to)
{
	fprintf(to,
		"Usage: %s [OPTION...]\n"
		"Run every interleaving of this program's threads.\n"
		"\n"
		"  --by-executions     one execution a class of equivalent ones;\n"
		"                      without: every state once, so loops end\n"
		"  --brute-force       every single interleaving\n"
		"  --first             stop at the first failure\n"
		"  --limit LIMIT=N,... stop at a limit: time (seconds), states,\n"
		"                      executions, memory (bytes; K, M, G); or cut\n"
		"                      each execution at one: operations\n"
		"  --replay SCHEDULE   draw one execution, as a failure names it\n"
		"  --help              this\n"
		"\n"
		"Exit status: 0 clean, 1 a failure, 2 wrong usage, 3 not"
		" complete.\n", name);
}

/* ------ options ------ */

static int scaled(const char *text, double *value)
{
	static const char units[] = "KMG";
	const char *unit;
	char *end;

	*value = strtod(text, &end);
	if (end == text || !(*value > 0))
		return -1;
	unit = *end ? strchr(units, *end) : NULL;
	for (const char *u = units; unit && u <= unit; u++)
		*value *= 1024;
	return *end && (!unit || end[1]) ? -1 : *value > 1e18 ? -1 : 0;
}

static int parse_limits(char *text, struct check_options *options)
{
	enum { TIME, STATES, EXECUTIONS, OPERATIONS, MEMORY };
	static char time[] = "time", states[] = "states",
		    executions[] = "executions", operations[] = "operations",
		    memory[] = "memory";
	char *const names[] = { time, states, executions, operations, memory,
				NULL };
	char *value;
	double n;

	if (!*text)
		return -1;
	while (*text) {
		int which = getsubopt(&text, names, &value);

		if (which < 0 || !value || scaled(value, &n) ||
		    (which != TIME && n < 1) ||
		    (which == OPERATIONS && n > CHECK_MAX_OPERATIONS))
			return -1;
		if (which == TIME)
			options->max_seconds = n;
		else if (which == STATES)
			options->max_states = (uint64_t)n;
		else if (which == EXECUTIONS)
			options->max_executions = (uint64_t)n;
		else if (which == OPERATIONS)
			options->max_operations = (uint32_t)n;
		else
			options->max_bytes = (uint64_t)n;
	}
	return 0;
}

/* Return: -1 to go on, or an exit status. */
static int parse_option(int option, struct command *command)
{
	switch (option) {
	case OPTION_BY_EXECUTIONS:
		command->options.mode = CHECK_BY_EXECUTIONS;
		return -1;
	case OPTION_BRUTE_FORCE:
		command->options.mode = CHECK_BRUTE_FORCE;
		return -1;
	case OPTION_FIRST:
		command->options.first = true;
		return -1;
	case OPTION_LIMIT:
		if (!parse_limits(optarg, &command->options))
			return -1;
		fprintf(stderr, "%s: --limit takes time=, states=, executions=, operations= (at most %d) or memory= and numbers\n",
			command->name, CHECK_MAX_OPERATIONS);
		return EXIT_WRONG_INPUT;
	case OPTION_REPLAY:
		command->replay = optarg;
		return -1;
	case OPTION_HELP:
		usage(command->name, stdout);
		return EXIT_CLEAN;
	default:
		return EXIT_WRONG_INPUT;
	}
}

static int parse_options(int argc, char **argv, struct command *command)
{
	int status = -1, option;

	optind = 1;
	while (status < 0 && (option = getopt_long(argc, argv, "", long_options,
						   NULL)) != -1)
		status = parse_option(option, command);
	if (status < 0 && optind < argc) {
		fprintf(stderr, "%s: '%s' is no option; --help tells them\n",
			command->name, argv[optind]);
		return EXIT_WRONG_INPUT;
	}
	return status;
}

/* ------ a replay ------ */

/* Return: an exit status. */
static int draw(const struct command *command,
		const struct check_program *program,
		const struct check_schedule *schedule)
{
	struct columns columns = { .program = program };
	struct check_listener listener;
	int status;

	columns_listener(&columns, &listener);
	if (check_replay(program, schedule, &listener)) {
		fprintf(stderr, errno == EPROTO ?
			"%s: this schedule is not one of this program\n" :
			"%s: cannot replay\n", command->name);
		status = EXIT_WRONG_INPUT;
	} else {
		columns_print(&columns, stdout);
		status = columns.failed ? EXIT_BUG : EXIT_CLEAN;
	}
	columns_free(&columns);
	return status;
}

static int replay(const struct command *command,
		  const struct check_program *program)
{
	struct check_schedule schedule;
	int status;

	if (check_schedule_parse(command->replay, &schedule)) {
		fprintf(stderr, "%s: '%s' is no schedule\n", command->name,
			command->replay);
		return EXIT_WRONG_INPUT;
	}
	status = draw(command, program, &schedule);
	check_schedule_free(&schedule);
	return status;
}

/* ------ a search ------ */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

static bool was_interrupted(void *user)
{
	(void)user;
	return interrupted;
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void print_count(const char *what, uint64_t n)
{
	printf("%llu %s%s", (unsigned long long)n, what, plural(n));
}

/* One line: what was found, and whether that is all there is. */
static void print_verdict(const struct command *command,
			  const struct check_result *result)
{
	bool by_states = command->options.mode == CHECK_BY_STATES;

	printf("%s: ", command->name);
	if (result->nr_failures)
		print_count("failure", result->nr_failures);
	else
		fputs(result->complete ? "clean" : "no failure so far", stdout);
	if (result->complete)
		printf(", complete by %s: ",
		       by_states ? "states" : "executions");
	else if (result->stopped)
		printf(", stopped by %s: ", result->stopped);
	else
		printf(", not complete, %llu cut: ",
		       (unsigned long long)result->cut);
	if (by_states)
		print_count("state", result->states);
	else
		print_count("execution", result->executions);
	if (result->assumed)
		printf(", %llu assumed away",
		       (unsigned long long)result->assumed);
	putchar('\n');
	if (!result->nr_failures && !result->executions && result->assumed)
		printf("%s: what is assumed never holds up to the end\n",
		       command->name);
	if (result->too_long)
		printf("%s: %llu cut at the limit of %u operations, which --limit operations=N raises\n",
		       command->name, (unsigned long long)result->too_long,
		       command->options.max_operations ?
			       command->options.max_operations :
			       CHECK_OPERATIONS);
	if (result->has_cycle)
		printf("%s: threads may undo each other's work for ever, in rounds of %u operations\n",
		       command->name, result->cycle.operations);
}

static void print_failure(const struct command *command,
			  const struct check_program *program,
			  const struct check_result *result, size_t i)
{
	const struct check_failure *failure = &result->failures[i];
	char *schedule = check_schedule_print(&failure->schedule);

	printf("\nFailure %zu of %zu: %s\n\n", i + 1, result->nr_failures,
	       failure->text);
	draw(command, program, &failure->schedule);
	if (schedule)
		printf("\nReplay: %s --replay %s\n", command->name, schedule);
	free(schedule);
}

static int search(struct command *command, const struct check_program *program)
{
	/* the second signal ends the process as usual */
	struct sigaction action = {
		.sa_handler = on_interrupt,
		.sa_flags = (int)SA_RESETHAND | SA_RESTART,
	};
	struct check_result result;
	int status;

	command->options.interrupted = was_interrupted;
	sigaction(SIGINT, &action, NULL);
	if (check_run(program, &command->options, &result)) {
		fprintf(stderr, "%s: %s\n", command->name, strerror(errno));
		return EXIT_WRONG_INPUT;
	}
	print_verdict(command, &result);
	for (size_t i = 0; i < result.nr_failures; i++)
		print_failure(command, program, &result, i);
	status = result.nr_failures ? EXIT_BUG :
		 result.complete ? EXIT_CLEAN : EXIT_LIMIT;
	check_result_free(&result);
	return status;
}

int check_main(int argc, char **argv, const struct check_program *program)
{
	struct check_program named = *program;
	struct command command = { .name = argv[0] };
	int status = parse_options(argc, argv, &command);

	if (!named.thread_name)
		named.thread_name = "thread";
	if (status < 0)
		status = command.replay ? replay(&command, &named) :
					  search(&command, &named);
	/* a full disk must not look like a clean result */
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "%s: cannot write the output\n", command.name);
		return EXIT_WRONG_INPUT;
	}
	return status;
}
