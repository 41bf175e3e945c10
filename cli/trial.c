// SPDX-License-Identifier: GPL-2.0-only
/*
 * trial.c - one litmus test on one engine; see trial.h.
 */
#include "trial.h"

#include "progress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct trial *current;

/* States are smaller without the medium. */
static bool looks_at_medium(const struct litmus *test)
{
	for (size_t c = 0; c < test->nr_columns; c++)
		for (size_t i = 0; i < test->columns[c].nr_ops; i++) {
			enum litmus_op_kind kind = test->columns[c].ops[i].kind;

			if (kind == LITMUS_FSYNC || kind == LITMUS_MSYNC ||
			    kind == LITMUS_CRASH)
				return true;
		}
	return false;
}

int trial_open(struct trial *trial, const struct litmus *test,
	       const struct subject *subject, FILE *errors)
{
	memset(trial, 0, sizeof(*trial));
	trial->test = test;
	trial->subject = subject;
	trial->run.test = test;
	trial->machine.nr_cpus = (unsigned int)test->nr_columns;
	trial->machine.entry_pfn = subject->entry_pfn;
	trial->machine.page_pinned = subject->page_pinned;
	trial->machine.medium = looks_at_medium(test);
	trial->machine.fail[CHECK_MACHINE_FAIL_ALLOC] = test->fail_alloc;
	trial->machine.fail[CHECK_MACHINE_FAIL_IOMAP] = test->fail_iomap;
	trial->run.device_pfn = check_machine_device();
	return trial_choose_sizes(trial, errors);
}

static void forget_outcomes(struct trial *trial)
{
	for (size_t i = 0; i < trial->nr_outcomes; i++)
		free(trial->outcomes[i].text);
	free(trial->outcomes);
	free(trial->ends_in);
	trial->outcomes = NULL;
	trial->ends_in = NULL;
	trial->nr_outcomes = 0;
	trial->positive = 0;
	trial->negative = 0;
	memset(&trial->most, 0, sizeof(trial->most));
	trial->sum_faults = 0;
	trial->sum_retries = 0;
	trial->sum_splits = 0;
}

void trial_close(struct trial *trial)
{
	forget_outcomes(trial);
}

/* ------ what the subject tells its host ------ */

struct outcome *trial_outcome(struct trial *trial, const char *text)
{
	struct outcome *o;
	void *more;

	for (size_t i = 0; i < trial->nr_outcomes; i++)
		if (!strcmp(trial->outcomes[i].text, text))
			return &trial->outcomes[i];
	more = realloc(trial->outcomes,
		       (trial->nr_outcomes + 1) * sizeof(*o));
	if (!more)
		abort();
	trial->outcomes = more;
	o = &trial->outcomes[trial->nr_outcomes++];
	*o = (struct outcome){ .text = strdup(text) };
	if (!o->text)
		abort();
	return o;
}

static void count(struct trial *trial, const char *text, bool holds,
		  bool survives)
{
	struct outcome *o = trial_outcome(trial, text);

	o->hits++;
	o->satisfies = holds;
	o->survives = survives;
	if (holds)
		trial->positive++;
	else
		trial->negative++;
}

static char *state_text(const struct litmus *test,
			const struct litmus_state *state)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *to = open_memstream(&text, &bytes);

	if (!to)
		abort();
	litmus_print_state(test, state, to);
	if (fclose(to))
		abort();
	return text;
}

/* May no state be like this one? */
static bool violates(enum litmus_quantifier quantifier, bool holds)
{
	return (quantifier == LITMUS_FORALL && !holds) ||
	       (quantifier == LITMUS_NOT_EXISTS && holds);
}

void host_final(const struct subject_run *run, const struct litmus_state *state)
{
	struct trial *trial = current;
	bool holds = litmus_eval(run->test, state);
	bool survives = litmus_eval_medium(run->test, state);
	char *text = state_text(run->test, state);
	char said[200];

	snprintf(said, sizeof(said), "%s", text);
	/* a replay, or an attempt at a shorter schedule, is no witness */
	if (check_searching())
		count(trial, text, holds, survives);
	free(trial->ends_in);
	trial->ends_in = text;
	if (violates(run->test->quantifier, holds))
		check_fail(TRIAL_CONDITION, check_machine_lost(),
			   "the condition does not hold: %s", said);
	if (run->test->medium &&
	    violates(run->test->medium_quantifier, survives))
		check_fail(TRIAL_CONDITION, NULL,
			   "the condition on the medium does not hold: %s",
			   said);
}

struct leaks {
	char text[160];
	size_t at;
};

static void list_leak(const char *what, void *user)
{
	struct leaks *leaks = user;
	int n = snprintf(leaks->text + leaks->at,
			 sizeof(leaks->text) - leaks->at, "%s%s",
			 leaks->at ? ", " : "", what);

	leaks->at += n > 0 ? (size_t)n : 0;
	if (leaks->at >= sizeof(leaks->text))
		leaks->at = sizeof(leaks->text) - 1;
}

void host_check_leaks(void)
{
	struct leaks leaks = { "", 0 };
	size_t objects = check_leaks(list_leak, &leaks);
	size_t nr_pages = check_machine_pages();

	if (objects || nr_pages)
		check_fail(14, check_machine_lost(),
			   "not given back: %zu pages, %zu objects%s%s",
			   nr_pages, objects, objects ? ": " : "", leaks.text);
}

/* ------ running ------ */

static void setup(void *arg)
{
	struct trial *trial = arg;

	check_machine_reset();
	trial->subject->setup(&trial->run);
}

static void thread(void *arg, unsigned int t)
{
	struct trial *trial = arg;

	trial->subject->thread(&trial->run, t);
}

static void finish(void *arg)
{
	struct trial *trial = arg;

	trial->subject->finish(&trial->run);
}

static void completed(void *user)
{
	struct trial *trial = user;
	struct check_machine_counts counts = check_machine_counts();

	trial->sum_faults += counts.faults;
	trial->sum_retries += counts.retries;
	trial->sum_splits += counts.splits;
	if (counts.faults > trial->most.faults)
		trial->most.faults = counts.faults;
	if (counts.retries > trial->most.retries)
		trial->most.retries = counts.retries;
	if (counts.splits > trial->most.splits)
		trial->most.splits = counts.splits;
}

static void restarted(void *user)
{
	forget_outcomes(user);
}

static struct check_program program(struct trial *trial)
{
	return (struct check_program){
		.nr_threads = (unsigned int)trial->test->nr_columns,
		.setup = setup,
		.thread = thread,
		.finish = finish,
		.arg = trial,
	};
}

static int open_machine(struct trial *trial)
{
	/* the number of pages depends on the geometry, so that comes first */
	if (check_machine_open(&trial->machine))
		return -1;
	trial->machine.device_pages =
		(uint32_t)trial->subject->device_pages(trial->test);
	current = trial;
	return check_machine_open(&trial->machine);
}

int trial_search(struct trial *trial, const struct check_options *wanted,
		 unsigned int faults, struct check_result *result)
{
	struct check_options options = *wanted;
	struct check_program p = program(trial);
	int error;

	forget_outcomes(trial);
	trial->machine.faults = faults;
	options.completed = completed;
	options.pack = trial_pack;
	options.unpack = trial_unpack;
	options.progress = progress_tell;
	options.restarted = restarted;
	options.user = trial;
	options.lone_cycles_fail = true;
	if (open_machine(trial))
		return -1;
	error = check_run(&p, &options, result);
	progress_end();
	return error;
}

static bool name_word(void *user, const void *word, char *name, size_t bytes,
		      unsigned int *kind)
{
	const struct trial *trial = user;

	return trial->subject->name_word(&trial->run, word, name, bytes, kind);
}

static void name_value(void *user, unsigned int kind, uint64_t value,
		       char *name, size_t bytes)
{
	const struct trial *trial = user;

	trial->subject->name_value(&trial->run, kind, value, name, bytes);
}

int trial_replay(struct trial *trial, const struct check_schedule *schedule,
		 struct trace *trace)
{
	struct check_program p = program(trial);
	struct trace_names names = { name_word, name_value, trial };
	struct check_listener listener = {
		.runs = trace_runs,
		.failed = trace_failed,
		.blocks = trace_blocks,
	};
	int error;

	memset(trace, 0, sizeof(*trace));
	free(trial->ends_in);
	trial->ends_in = NULL;
	trial->machine.faults = 0;
	if (open_machine(trial))
		return -1;
	trace_begin(trace, &names);
	error = check_replay(&p, schedule, &listener);
	trace_end();
	return error;
}

/* ------ oracles ------ */

int trial_oracle(const struct check_failure *failure)
{
	switch (failure->number) {
	case CHECK_DEADLOCK:
	case CHECK_LOST_WAKEUP:
	case CHECK_LIVELOCK:
	case CHECK_STUCK:
		return 7;
	case CHECK_CRASH:
		return 9;
	case CHECK_LOCK_MISUSE:
	case CHECK_LOCK_ORDER:
		return 11;
	case CHECK_LEAK:
	case CHECK_USE_AFTER_FREE:
		return 14;
	case CHECK_NO_MEMORY:
	case CHECK_NONDETERMINISM:
		return -1;
	default:
		return (int)failure->number;
	}
}

const char *trial_oracle_name(int oracle)
{
	static const char *const names[] = {
		"condition", "O1", "O2", "O3", "O4", "O5", "O6", "O7", "O8",
		"O9", "O10", "O11", "O12", "O13", "O14",
	};

	if (oracle < 0 || (size_t)oracle >= sizeof(names) / sizeof(names[0]))
		return "limit";
	return names[oracle];
}
