// SPDX-License-Identifier: GPL-2.0-only
/*
 * show.c - `faultline show`: draw one execution, a failing or a passing one.
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "diagram.h"

struct show {
	struct words patches;
	const char *file;
	const char *replay;
};

enum { OPTION_REPLAY = 256 };

static const struct argp_option options[] = {
	{ "with", 'w', "PATCH", 0,
	  "apply PATCH to the engine; several are applied in turn", 0 },
	{ "replay", OPTION_REPLAY, "SCHEDULE", 0,
	  "the schedule, as `faultline check` prints it; without, one CPU runs"
	  " after the other", 0 },
	{ 0 },
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct show *show = state->input;

	switch (key) {
	case 'w':
		words_add(&show->patches, value);
		return 0;
	case OPTION_REPLAY:
		show->replay = value;
		return 0;
	case ARGP_KEY_ARG:
		if (show->file)
			usage_error(state, "one litmus test at a time");
		show->file = value;
		return 0;
	case ARGP_KEY_END:
		if (!show->file)
			usage_error(state, "which litmus test?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "FILE",
	.doc = "Draw one execution of a litmus test.\v"
	       "Exit status: 0 nothing broke in it, 1 something did, 2 wrong"
	       " input.",
};

/* Return: the first failure of the execution, or NULL. */
static const struct trace_event *first_failure(const struct trace *trace)
{
	for (size_t i = 0; i < trace->nr; i++)
		if (trace->events[i].kind == TRACE_FAILURE)
			return &trace->events[i];
	return NULL;
}

static int draw(struct trial *trial, const struct check_schedule *schedule)
{
	struct diagram_options how = { .failure = NULL };
	struct check_failure failure = { .number = 0 };
	const struct trace_event *event;
	struct trace trace;

	if (trial_replay(trial, schedule, &trace)) {
		fprintf(stderr,
			errno == EPROTO ?
			"faultline: %s: this schedule is not one of this test on this engine\n" :
			"faultline: %s: cannot replay\n", trial->test->path);
		trace_free(&trace);
		return EXIT_WRONG_INPUT;
	}
	event = first_failure(&trace);
	if (event) {
		failure.number = (unsigned int)event->a;
		failure.where = event->object;
		how.failure = &failure;
	}
	diagram_print(trial, &trace, &how, stdout);
	if (!event && trial->ends_in)
		printf("\nends in: %s\n", trial->ends_in);
	trace_free(&trace);
	if (!event)
		return EXIT_CLEAN;
	return trial_oracle(&failure) < 0 ? EXIT_LIMIT : EXIT_BUG;
}

static int show_test(const struct show *show, const struct litmus *test,
		     const struct subject *subject)
{
	struct check_schedule schedule = { 0 };
	struct trial trial;
	int status;

	if (show->replay && check_schedule_parse(show->replay, &schedule)) {
		fprintf(stderr,
			"faultline: '%s' is no schedule; 'faultline check' prints them\n",
			show->replay);
		return EXIT_WRONG_INPUT;
	}
	if (trial_open(&trial, test, subject, stderr)) {
		check_schedule_free(&schedule);
		return EXIT_WRONG_INPUT;
	}
	status = draw(&trial, &schedule);
	trial_close(&trial);
	check_schedule_free(&schedule);
	return status;
}

static int show_file(const struct show *show)
{
	struct litmus *test = litmus_parse_file(show->file, stderr);
	const struct subject *subject;
	int status = EXIT_WRONG_INPUT;

	if (!test)
		return status;
	subject = engine_load(&show->patches);
	if (subject)
		status = show_test(show, test, subject);
	litmus_free(test);
	return status;
}

int command_show(int argc, char **argv)
{
	struct show show = { .file = NULL };
	int status;

	parse_arguments(&argp, argc, argv, &show);
	status = show_file(&show);
	free(show.patches.at);
	return status;
}
