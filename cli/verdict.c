// SPDX-License-Identifier: GPL-2.0-only
/*
 * verdict.c - what a search means, in one line and one exit status.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

int worse_status(int a, int b)
{
	static const int order[] = { EXIT_CLEAN, EXIT_LIMIT, EXIT_BUG,
				     EXIT_WRONG_INPUT };
	int rank_a = 0, rank_b = 0;

	for (int i = 0; i < 4; i++) {
		if (order[i] == a)
			rank_a = i;
		if (order[i] == b)
			rank_b = i;
	}
	return rank_a > rank_b ? a : b;
}

char *oracles_text(uint32_t mask)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *to = open_memstream(&text, &bytes);
	bool any = false;

	if (!to)
		abort();
	for (int oracle = 1; oracle <= 14; oracle++)
		if (mask & (1u << oracle)) {
			fprintf(to, "%sO%d", any ? " " : "", oracle);
			any = true;
		}
	if (mask & 1)
		fprintf(to, "%s%s", any ? " " : "", trial_oracle_name(0));
	else if (!any)
		fputc('-', to);
	if (fclose(to))
		abort();
	return text;
}

/* Is the quantified condition true of the states that were reached? */
static bool condition_ok(const struct trial *trial)
{
	switch (trial->test->quantifier) {
	case LITMUS_EXISTS:
		return trial->positive > 0;
	case LITMUS_NOT_EXISTS:
		return trial->positive == 0;
	default:
		return trial->negative == 0;
	}
}

/* The same of that on the medium. */
static bool medium_ok(const struct trial *trial)
{
	if (!trial->test->medium ||
	    trial->test->medium_quantifier != LITMUS_EXISTS)
		return true;
	for (size_t i = 0; i < trial->nr_outcomes; i++)
		if (trial->outcomes[i].survives)
			return true;
	return false;
}

static uint32_t tripped(const struct check_result *result)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < result->nr_failures; i++) {
		int oracle = trial_oracle(&result->failures[i]);

		if (oracle >= 0)
			mask |= 1u << oracle;
	}
	return mask;
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static bool is_random(enum check_mode mode)
{
	return mode >= CHECK_RANDOM_WALK;
}

static void say_bugs(struct verdict *v, const struct check_result *result,
		     const struct check_options *options, uint32_t expected)
{
	char *oracles = oracles_text(v->tripped);
	/* of runs at random that is said elsewhere */
	const char *stopped = is_random(options->mode) ? NULL :
							 result->stopped;

	snprintf(v->text, sizeof(v->text), "%zu bug%s%s: %s%s%s",
		 result->nr_failures, plural(result->nr_failures),
		 v->tripped & ~expected ? "" : ", as expected", oracles,
		 stopped ? "; stopped by " : "", stopped ? stopped : "");
	free(oracles);
}

static void say_missing(struct verdict *v, const struct check_result *result,
			uint32_t missing)
{
	char *oracles = oracles_text(missing);

	if (result->complete)
		snprintf(v->text, sizeof(v->text),
			 "expected to trip, and did not: %s", oracles);
	else
		snprintf(v->text, sizeof(v->text),
			 "not complete, and not tripped yet: %s", oracles);
	free(oracles);
}

/* With what was stored of each, and how sure it is that none was lost. */
static void say_states(struct verdict *v, const struct check_result *result)
{
	size_t at = strlen(v->text);

	at += (size_t)snprintf(v->text + at, sizeof(v->text) - at,
			       ": %llu state%s of %.0f bytes stored",
			       (unsigned long long)result->states,
			       plural(result->states),
			       result->bytes_per_state);
	if (result->collision > 0)
		snprintf(v->text + at, sizeof(v->text) - at,
			 ", one lost with probability < %.0e",
			 result->collision * 1.5);
	else
		snprintf(v->text + at, sizeof(v->text) - at, ", exact");
}

static void say_clean(struct verdict *v, const struct check_result *result,
		      const struct check_options *options, unsigned int faults)
{
	if (is_random(options->mode)) {
		snprintf(v->text, sizeof(v->text), "no bug met");
		return;
	}
	if (result->complete && !faults)
		snprintf(v->text, sizeof(v->text), "clean, complete by states");
	else if (result->complete)
		snprintf(v->text, sizeof(v->text),
			 "clean, complete by executions: %llu execution%s",
			 (unsigned long long)result->executions,
			 plural(result->executions));
	else if (result->stopped)
		snprintf(v->text, sizeof(v->text),
			 "stopped by %s; no bug up to there", result->stopped);
	else if (result->refused)
		snprintf(v->text, sizeof(v->text),
			 "clean up to %u preemption%s", options->preemptions,
			 plural(options->preemptions));
	else if (result->too_long)
		snprintf(v->text, sizeof(v->text),
			 "no bug so far; %llu execution%s cut",
			 (unsigned long long)result->cut, plural(result->cut));
	else if (faults)
		snprintf(v->text, sizeof(v->text),
			 "clean up to %u fault%s per access; %llu execution%s cut",
			 faults, plural(faults),
			 (unsigned long long)result->cut, plural(result->cut));
	else
		snprintf(v->text, sizeof(v->text),
			 "the checker's memory for the test ran out in %llu execution%s; no bug up to there",
			 (unsigned long long)result->cut, plural(result->cut));
	if (!faults && (result->complete ||
			(result->refused && !result->stopped)))
		say_states(v, result);
}

/* What was looked at, when that was not everything. */
static void say_sample(struct verdict *v, const struct check_result *result,
		       const struct check_options *options)
{
	static const char *const names[] = {
		[CHECK_RANDOM_WALK] = "a random walk",
		[CHECK_PCT] = "PCT",
		[CHECK_SURW] = "SURW",
	};
	size_t at = strlen(v->text);
	char *to = v->text + at, cut[40] = "";
	size_t room = sizeof(v->text) - at;

	if (result->cut)
		snprintf(cut, sizeof(cut), ", %llu cut",
			 (unsigned long long)result->cut);
	if (is_random(options->mode))
		snprintf(to, room,
			 "; %llu run%s of %s%s%s%s, seed %llu; not exhaustive: %s",
			 (unsigned long long)result->runs,
			 plural(result->runs), names[options->mode], cut,
			 result->stopped ? ", stopped by " : "",
			 result->stopped ? result->stopped : "",
			 (unsigned long long)result->seed, result->guarantee);
	else if (options->mode == CHECK_PREEMPTIONS && *result->guarantee)
		snprintf(to, room, "; %s%s", result->refused ?
			 "not exhaustive: " : "", result->guarantee);
}

/* How long executions may be has a limit by default, too. */
static void say_too_long(struct verdict *v, const struct check_result *result,
			 const struct check_options *options)
{
	uint32_t most = is_random(options->mode) ? CHECK_RANDOM_OPERATIONS :
						   CHECK_OPERATIONS;
	size_t at = strlen(v->text);

	if (options->max_operations)
		most = options->max_operations;
	if (result->too_long)
		snprintf(v->text + at, sizeof(v->text) - at,
			 "; %llu at the limit of %u operations, which --limit operations=N raises",
			 (unsigned long long)result->too_long, most);
}

struct verdict verdict_of(const struct trial *trial,
			  const struct check_result *result,
			  const struct check_options *options,
			  unsigned int faults)
{
	struct verdict v = { .status = EXIT_CLEAN };
	uint32_t expected = trial->test->expected;

	v.tripped = tripped(result);
	v.condition_ok = condition_ok(trial) && medium_ok(trial);
	if (v.tripped) {
		v.status = v.tripped & ~expected ? EXIT_BUG :
			   result->complete ? EXIT_CLEAN : EXIT_LIMIT;
		say_bugs(&v, result, options, expected);
	} else {
		v.status = result->complete ? EXIT_CLEAN : EXIT_LIMIT;
		say_clean(&v, result, options, faults);
	}
	if (v.status != EXIT_BUG && expected & ~v.tripped) {
		v.status = result->complete ? EXIT_BUG : EXIT_LIMIT;
		say_missing(&v, result, expected & ~v.tripped);
	}
	if (v.status == EXIT_CLEAN && !v.tripped && !v.condition_ok) {
		v.status = EXIT_BUG;
		v.tripped |= 1;
		snprintf(v.text, sizeof(v.text),
			 "no execution satisfies the condition");
	}
	say_sample(&v, result, options);
	say_too_long(&v, result, options);
	return v;
}
