// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe.c - `faultline probe`: run a script of system calls, print what is seen
 * after each, or compare it with what was recorded elsewhere.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include "probe.h"

struct probe {
	const char *script;
	const char *directory;
	bool compare;
	bool on_kernel;
};

enum { OPTION_AGAINST = 256, OPTION_ON, OPTION_DIR };

static const struct argp_option options[] = {
	{ "against", OPTION_AGAINST, "RECORDED", 0,
	  "run the steps of a recording and print the fields that differ", 0 },
	{ "on", OPTION_ON, "WHERE", 0,
	  "engine (the default), or kernel: the system calls of this host", 0 },
	{ "dir", OPTION_DIR, "DIR", 0,
	  "where --on kernel makes the script's files", 0 },
	{ 0 },
};

static void take_script(struct probe *probe, const struct argp_state *state,
			const char *path)
{
	if (probe->script)
		usage_error(state, "one script at a time");
	probe->script = path;
}

static void finish(const struct probe *probe, const struct argp_state *state)
{
	if (!probe->script)
		usage_error(state, "which script?");
	if (probe->on_kernel && !probe->directory)
		usage_error(state, "--on kernel needs --dir, a directory for the script's files");
	if (probe->directory && !probe->on_kernel)
		usage_error(state, "--dir goes with --on kernel");
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct probe *probe = state->input;

	switch (key) {
	case OPTION_AGAINST:
		probe->compare = true;
		take_script(probe, state, value);
		return 0;
	case OPTION_ON:
		probe->on_kernel = !strcmp(value, "kernel");
		if (!probe->on_kernel && strcmp(value, "engine"))
			usage_error(state, "--on takes engine or kernel, not '%s'",
				    value);
		return 0;
	case OPTION_DIR:
		probe->directory = value;
		return 0;
	case ARGP_KEY_ARG:
		take_script(probe, state, value);
		return 0;
	case ARGP_KEY_END:
		finish(probe, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "SCRIPT",
	.doc = "Run a script of system calls and print what is seen after each.\v"
	       "Exit status: 0 done, with --against: all agrees; 1 something"
	       " differs, or breaks an invariant; 2 wrong input.",
};

/* ------ running ------ */

struct run {
	const struct probe *probe;
	struct probe_script script;
	const struct probe_step *step;	/* the one that runs */
	unsigned int nr_parent, nr_child;	/* lines so far */
	struct probe_comparison comparison;
	unsigned int nr_recorded;
	unsigned int nr_differ;
	bool broken;			/* an invariant of the engine */
};

static void on_report(void *arg, const char *text)
{
	const struct run *run = arg;

	if (run->step)
		fprintf(stderr, "%s:%u: %s: %s\n", run->script.path,
			run->step->line, run->step->text, text);
	else
		fprintf(stderr, "%s: at the end: %s\n", run->script.path,
			text);
}

/* Blocks enough for whatever the script allocates, also twice. */
static uint64_t device_pages(const struct probe_script *script)
{
	uint64_t huge = PROBE_HUGE_BYTES / PROBE_PAGE_BYTES;
	uint64_t most = UINT64_C(1) << 24;
	uint64_t pages = 32768;

	for (size_t i = 0; i < script->nr_steps; i++) {
		const struct probe_step *step = &script->steps[i];

		pages += huge;
		if ((step->op == PROBE_FILE && step->word != PROBE_HOLE) ||
		    step->op == PROBE_FALLOCATE || step->op == PROBE_ZERO)
			pages += 2 * (step->bytes / PROBE_PAGE_BYTES);
		if (pages > most)
			return most;
	}
	return pages;
}

static int open_runner(struct run *run)
{
	struct probe_engine_options engine = {
		.device_pages = device_pages(&run->script),
		.on_report = on_report,
		.arg = run,
	};

	if (run->probe->on_kernel)
		return probe_kernel_open(run->probe->directory);
	if (!probe_engine_open(&engine))
		return 0;
	fprintf(stderr, "faultline: there is no memory for a machine\n");
	return -1;
}

static void close_runner(struct run *run)
{
	run->step = NULL;
	if (run->probe->on_kernel)
		probe_kernel_close();
	else if (probe_engine_close())
		run->broken = true;
}

static int run_step(struct run *run, struct probe_view *view)
{
	int error;

	if (run->probe->on_kernel)
		return probe_kernel_step(run->step, view);
	error = probe_engine_step(run->step, view);
	if (error > 0)
		run->broken = true;
	if (error < 0)
		fprintf(stderr, "%s:%u: error: there is no such map or file any more\n",
			run->script.path, run->step->line);
	return error < 0 ? -1 : 0;
}

/* Hold a line against what was recorded.  Return: 0, or -1 for bad input. */
static int compare(struct run *run, const struct probe_view *view)
{
	struct probe_view recorded;
	const char *why;
	int error = -1;

	if (!run->step->recorded)
		return 0;
	if (probe_view_parse(&recorded, run->step->recorded, &why)) {
		fprintf(stderr, "%s:%u: error: %s\n", run->script.path,
			run->step->line, why);
	} else {
		error = 0;
		run->nr_recorded++;
		if (probe_compare(&run->comparison, run->step, &recorded, view))
			run->nr_differ++;
	}
	probe_view_free(&recorded);
	return error;
}

static int run_line(struct run *run)
{
	unsigned int *number = run->step->in_child ? &run->nr_child :
						     &run->nr_parent;
	struct probe_view view = { 0 };
	int error = run_step(run, &view);

	if (!error && run->step->op == PROBE_SECTION) {
		if (!run->probe->compare)
			puts(run->step->text);
	} else if (!error) {
		++*number;
		if (run->probe->compare)
			error = compare(run, &view);
		else
			probe_view_print(stdout, run->step, *number, &view);
	}
	probe_view_free(&view);
	return error;
}

static int run_script(struct run *run)
{
	run->comparison = (struct probe_comparison){
		.to = stdout,
		.script = &run->script,
		.here = run->probe->on_kernel ? "kernel" : "engine",
	};
	if (open_runner(run))
		return EXIT_WRONG_INPUT;
	for (size_t i = 0; i < run->script.nr_steps; i++) {
		run->step = &run->script.steps[i];
		if (run_line(run)) {
			close_runner(run);
			return EXIT_WRONG_INPUT;
		}
	}
	close_runner(run);
	if (run->probe->compare)
		printf("%u lines, %u agree, %u differ\n", run->nr_recorded,
		       run->nr_recorded - run->nr_differ, run->nr_differ);
	return run->broken || run->nr_differ ? EXIT_BUG : EXIT_CLEAN;
}

int command_probe(int argc, char **argv)
{
	struct probe probe = { .script = NULL };
	struct run run = { .probe = &probe };
	int status = EXIT_WRONG_INPUT;

	parse_arguments(&argp, argc, argv, &probe);
	if (probe_script_read(&run.script, probe.script))
		return status;
	if (probe.compare && !run.script.nr_recorded)
		fprintf(stderr, "%s: error: there are no results in it to compare with\n",
			probe.script);
	else
		status = run_script(&run);
	probe_comparison_free(&run.comparison);
	probe_script_free(&run.script);
	return status;
}
