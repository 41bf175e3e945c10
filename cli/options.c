// SPDX-License-Identifier: GPL-2.0-only
/*
 * options.c - options that commands share, and what they lead to.
 */
#include "cli.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "engine_build.h"

void words_add(struct words *words, const char *word)
{
	const char **more = realloc(words->at,
				    (words->nr + 1) * sizeof(*more));

	if (!more)
		abort();
	words->at = more;
	words->at[words->nr++] = word;
}

void parse_arguments(const struct argp *argp, int argc, char **argv,
		     void *input)
{
	error_t error = argp_parse(argp, argc, argv, 0, NULL, input);

	if (!error)
		return;
	fprintf(stderr, "%s: %s\n", argv[0], strerror(error));
	exit(EXIT_WRONG_INPUT);
}

_Noreturn void usage_error(const struct argp_state *state, const char *format,
			   ...)
{
	va_list arguments;

	fprintf(stderr, "%s: ", state->name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(EXIT_WRONG_INPUT);
}

const struct subject *engine_load(const struct words *patches)
{
	const struct subject *subject;
	char *path;
	void *object;

	if (!patches->nr)
		return &faultline_subject;
	if (engine_build(patches->at, patches->nr, &path, stderr))
		return NULL;
	object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	subject = object ? dlsym(object, "faultline_subject") : NULL;
	if (!subject)
		fprintf(stderr, "faultline: cannot load the patched engine: %s\n",
			dlerror());
	free(path);
	return subject;
}

/* ------ numbers ------ */

uint64_t number_parse(const struct argp_state *state, const char *option,
		      const char *text, uint64_t least, uint64_t most)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	/* strtoull() would take a sign, and blanks */
	if (errno || *end || *text < '0' || *text > '9' || n < least ||
	    n > most)
		usage_error(state, "%s takes a number from %llu to %llu, not '%s'",
			    option, (unsigned long long)least,
			    (unsigned long long)most, text);
	return n;
}

double seconds_parse(const struct argp_state *state, const char *option,
		     const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds > 0) || seconds > 1e9)
		usage_error(state, "%s takes a number of seconds, not '%s'",
			    option, text);
	return seconds;
}

unsigned int faults_parse(const struct argp_state *state, const char *text)
{
	return (unsigned int)number_parse(state, "--faults", text, 1, 1000);
}

static const char *const modes[] = {
	[CHECK_BY_STATES] = "states",
	[CHECK_BY_EXECUTIONS] = "executions",
	[CHECK_PREEMPTIONS] = "preemptions",
	[CHECK_RANDOM_WALK] = "walk",
	[CHECK_PCT] = "pct",
	[CHECK_SURW] = "surw",
};

const char *mode_name(enum check_mode mode)
{
	return modes[mode];
}

enum check_mode strategy_parse(const struct argp_state *state,
			       const char *text)
{
	for (enum check_mode mode = CHECK_RANDOM_WALK; mode <= CHECK_SURW;
	     mode++)
		if (!strcmp(text, modes[mode]))
			return mode;
	usage_error(state, "--random takes walk, pct or surw, not '%s'", text);
}

static int scaled(const char *text, double *value)
{
	static const char units[] = "KMG";
	const char *unit;
	char *end;

	errno = 0;
	*value = strtod(text, &end);
	if (errno || end == text || !(*value > 0))
		return -1;
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		for (const char *u = units; u <= unit; u++)
			*value *= 1024;
		end++;
	}
	return *end || *value > 1e18 ? -1 : 0;
}

static uint32_t operations_of(const struct argp_state *state, double number)
{
	if (number > CHECK_MAX_OPERATIONS)
		usage_error(state, "--limit operations= takes %d at most: a search has no room for longer executions",
			    CHECK_MAX_OPERATIONS);
	return (uint32_t)number;
}

void limits_parse(const struct argp_state *state, const char *text,
		  struct check_options *options)
{
	enum { TIME, STATES, EXECUTIONS, OPERATIONS, MEMORY };
	static char time[] = "time", states[] = "states",
		    executions[] = "executions", operations[] = "operations",
		    memory[] = "memory";
	char *const names[] = { time, states, executions, operations, memory,
				NULL };
	char *copy = strdup(text), *at = copy, *value;
	int error = copy && *copy ? 0 : -1;

	while (!error && *at) {
		double number;
		int which = getsubopt(&at, names, &value);

		if (which < 0 || !value || scaled(value, &number)) {
			error = -1;
			break;
		}
		if (which != TIME && number < 1) {
			error = -1;
			break;
		}
		if (which == TIME)
			options->max_seconds = number;
		else if (which == STATES)
			options->max_states = (uint64_t)number;
		else if (which == EXECUTIONS)
			options->max_executions = (uint64_t)number;
		else if (which == OPERATIONS)
			options->max_operations = operations_of(state, number);
		else
			options->max_bytes = (uint64_t)number;
	}
	free(copy);
	if (error)
		usage_error(state, "--limit takes time=, states=, executions=, operations= or memory= and numbers, not '%s'",
			    text);
}

/* ------ signals ------ */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

void interrupts_catch(void)
{
	/* the second one ends the process as usual */
	struct sigaction action = {
		.sa_handler = on_interrupt,
		.sa_flags = (int)SA_RESETHAND | SA_RESTART,
	};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool interrupts_seen(void *user)
{
	(void)user;
	return interrupted;
}
