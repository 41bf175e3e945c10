// SPDX-License-Identifier: GPL-2.0-only
/*
 * check_print.c - the result of one test, for people; see check.h.
 *
 * The result block is herd's, so that scripts that read herd's read ours.
 */
#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "diagram.h"

static const char *kind_name(const struct litmus *test)
{
	switch (test->quantifier) {
	case LITMUS_EXISTS:
		return "Allowed";
	case LITMUS_NOT_EXISTS:
		return "Forbidden";
	default:
		return "Required";
	}
}

static void print_block(const struct trial *trial, const struct verdict *v,
			const struct check_result *result)
{
	const struct litmus *test = trial->test;

	printf("Test %s %s\nStates %zu\n", test->name, kind_name(test),
	       trial->nr_outcomes);
	for (size_t i = 0; i < trial->nr_outcomes; i++)
		puts(trial->outcomes[i].text);
	printf("%s\nWitnesses\nPositive: %llu Negative: %llu\nCondition ",
	       v->status == EXIT_BUG ? "No" :
	       v->status == EXIT_LIMIT ? "Incomplete" :
	       v->condition_ok ? "Ok" : "No",
	       (unsigned long long)trial->positive,
	       (unsigned long long)trial->negative);
	litmus_print_condition(test, stdout);
	if (test->medium) {
		printf("\nCondition ");
		litmus_print_medium(test, stdout);
	}
	printf("\nObservation %s %s %llu %llu\n", test->name,
	       !trial->positive ? "Never" :
	       trial->negative ? "Sometimes" : "Always",
	       (unsigned long long)trial->positive,
	       (unsigned long long)trial->negative);
	printf("Time %s %.3f\nVerdict %s %s\n\n", test->name, result->seconds,
	       test->name, v->text);
}

static void print_replay_command(const struct check *check,
				 const struct trial *trial,
				 const struct check_schedule *schedule)
{
	char *text = check_schedule_print(schedule);

	printf("\nReplay: faultline show");
	for (size_t i = 0; i < check->patches.nr; i++)
		printf(" --with %s", check->patches.at[i]);
	printf(" --replay %s %s\n\n", text ? text : "?", trial->test->path);
	free(text);
}

static void print_failure(const struct check *check, struct trial *trial,
			  const struct check_failure *failure, size_t number,
			  size_t of)
{
	struct diagram_options how = { .failure = failure };
	struct trace trace;

	/* what comes after the schedule of a livelock is more of the same */
	if (failure->number == CHECK_LIVELOCK)
		how.to_segment = failure->schedule.nr_segments;
	printf("Bug %zu of %zu: %s, %s\n\n", number, of,
	       trial_oracle_name(trial_oracle(failure)), failure->text);
	if (trial_replay(trial, &failure->schedule, &trace))
		printf("(the replay failed: %s)\n", strerror(errno));
	else
		diagram_print(trial, &trace, &how, stdout);
	trace_free(&trace);
	print_replay_command(check, trial, &failure->schedule);
}

static void print_cycle(const struct check *check, struct trial *trial,
			const struct check_result *result)
{
	const struct check_cycle *cycle = &result->cycle;
	struct check_schedule whole = { 0 };
	struct diagram_options how = {
		.from_segment = cycle->lead.nr_segments,
		.to_segment = cycle->lead.nr_segments +
			      cycle->round.nr_segments,
	};
	struct trace trace;

	printf("Note: the CPUs can undo each other for ever: %u operations a round%s.\n\n",
	       cycle->operations, cycle->shortest ? ", the shortest" : "");
	if (check_schedule_append(&whole, &cycle->lead) ||
	    check_schedule_append(&whole, &cycle->round) ||
	    trial_replay(trial, &whole, &trace)) {
		printf("(the replay failed: %s)\n", strerror(errno));
	} else {
		diagram_print(trial, &trace, &how, stdout);
		trace_free(&trace);
		print_replay_command(check, trial, &whole);
	}
	check_schedule_free(&whole);
}

void check_print(const struct check *check, struct trial *trial,
		 const struct check_result *result, const struct verdict *v)
{
	print_block(trial, v, result);
	for (size_t i = 0; i < result->nr_failures; i++)
		print_failure(check, trial, &result->failures[i], i + 1,
			      result->nr_failures);
	if (result->has_cycle && !result->nr_failures)
		print_cycle(check, trial, result);
}
