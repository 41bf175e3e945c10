// SPDX-License-Identifier: GPL-2.0-only
/*
 * check_json.c - the result of one test, for programs; see check.h.
 */
#include "check.h"

#include <stdlib.h>

#include "diagram.h"
#include "symbols.h"

static json_t *failure_json(struct trial *trial,
			    const struct check_failure *failure)
{
	char *schedule = check_schedule_print(&failure->schedule);
	const struct symbol *symbol =
		failure->where ? symbol_at(failure->where) : NULL;
	struct diagram_options how = { .failure = failure };
	struct trace trace;
	char *diagram = NULL;
	size_t bytes = 0;
	FILE *to = open_memstream(&diagram, &bytes);
	json_t *json;

	if (to && !trial_replay(trial, &failure->schedule, &trace)) {
		diagram_print(trial, &trace, &how, to);
		trace_free(&trace);
	}
	if (to)
		fclose(to);
	json = json_pack("{s:s, s:s, s:s*, s:s*, s:i, s:I, s:s*, s:s*}",
			 "oracle", trial_oracle_name(trial_oracle(failure)),
			 "message", failure->text,
			 "function", symbol ? symbol->function : NULL,
			 "file", symbol ? symbol->file : NULL,
			 "line", symbol ? symbol->line : 0,
			 "hits", (json_int_t)failure->hits,
			 "replay", schedule, "diagram", diagram);
	free(schedule);
	free(diagram);
	return json;
}

static json_t *outcomes_json(const struct trial *trial)
{
	json_t *list = json_array();

	for (size_t i = 0; i < trial->nr_outcomes; i++) {
		const struct outcome *o = &trial->outcomes[i];

		json_array_append_new(list, json_pack(
			"{s:s, s:b, s:I}", "state", o->text, "satisfies",
			o->satisfies, "witnesses", (json_int_t)o->hits));
	}
	return list;
}

static json_t *cycle_json(const struct check_cycle *cycle)
{
	struct check_schedule whole = { 0 };
	char *text = NULL;
	json_t *json;

	if (!check_schedule_append(&whole, &cycle->lead) &&
	    !check_schedule_append(&whole, &cycle->round))
		text = check_schedule_print(&whole);
	json = json_pack("{s:i, s:b, s:s*}", "operations",
			 (int)cycle->operations, "shortest", cycle->shortest,
			 "replay", text);
	free(text);
	check_schedule_free(&whole);
	return json;
}

/* Of a search that is not exhaustive; NULL for the others. */
static json_t *sample_json(const struct check *check,
			   const struct check_result *result)
{
	const char *said = *result->guarantee ? result->guarantee : NULL;

	if (check->bounded)
		return json_pack("{s:i, s:I, s:s*}", "preemptions",
				 (int)check->options.preemptions, "refused",
				 (json_int_t)result->refused, "guarantee",
				 said);
	if (!check->random)
		return NULL;
	return json_pack("{s:I, s:I, s:I, s:f, s:s*}", "seed",
			 (json_int_t)result->seed, "runs",
			 (json_int_t)result->runs, "uncovered",
			 (json_int_t)result->beyond, "probability",
			 result->probability, "guarantee", said);
}

void check_add_json(struct check *check, struct trial *trial,
		    const struct check_result *result,
		    const struct verdict *v)
{
	json_t *failures = json_array(), *with = json_array();

	for (size_t i = 0; i < result->nr_failures; i++)
		json_array_append_new(failures,
				      failure_json(trial,
						   &result->failures[i]));
	for (size_t i = 0; i < check->patches.nr; i++)
		json_array_append_new(with, json_string(check->patches.at[i]));
	json_array_append_new(check->report, json_pack(
		"{s:s, s:s, s:o, s:s, s:i, s:b, s:s*, s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:b, s:f, s:f, s:o*, s:o, s:o, s:o*}",
		"test", trial->test->name, "file", trial->test->path,
		"with", with, "verdict", v->text, "status", v->status,
		"complete", result->complete, "stopped", result->stopped,
		"condition", v->condition_ok,
		"mode", mode_name(check->options.mode),
		"states", (json_int_t)result->states,
		"steps", (json_int_t)result->steps,
		"state_bytes", (json_int_t)result->state_bytes,
		"search_bytes", (json_int_t)result->search_bytes,
		"executions", (json_int_t)result->executions,
		"cut", (json_int_t)result->cut,
		"too_long", (json_int_t)result->too_long,
		"seconds", result->seconds,
		"exact", check->options.exact,
		"bytes_per_state", result->bytes_per_state,
		"collision_probability", result->collision,
		"sample", sample_json(check, result),
		"outcomes", outcomes_json(trial), "failures", failures,
		"cycle", result->has_cycle ? cycle_json(&result->cycle) : NULL));
}
