// SPDX-License-Identifier: GPL-2.0-only
/*
 * trial.c - one litmus test on one engine; see trial.h.
 */
#include "trial.h"

#include "progress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* As litmus/subject.c has room for. */
#define MAX_STORES 16

static struct trial *current;

/* ------ sizes ------ */

struct extent_of_names {
	uint64_t pages;			/* the most of them beside huge ones */
	unsigned int byte;		/* the last word's offset in its page */
	size_t nr_stores;
};

static void name_place(struct extent_of_names *most,
		       const struct litmus_place *place)
{
	if (place->page.pages > most->pages)
		most->pages = place->page.pages;
	if (place->byte > most->byte)
		most->byte = place->byte;
}

static void name_op(struct extent_of_names *most, const struct litmus_op *op)
{
	if (op->kind == LITMUS_LOAD || op->kind == LITMUS_STORE)
		name_place(most, &op->place);
	if (op->kind == LITMUS_DONTNEED || op->kind == LITMUS_UNMAP) {
		if (op->start.pages > most->pages)
			most->pages = op->start.pages;
	}
}

/* What places, inside a huge page and inside a page, does the test name? */
static struct extent_of_names extent_of_names(const struct litmus *test)
{
	struct extent_of_names most = { .pages = 3 };

	for (size_t i = 0; i < test->nr_observed; i++)
		name_place(&most, &test->observed[i]);
	for (size_t i = 0; i < test->nr_setup; i++)
		name_op(&most, &test->setup[i]);
	for (size_t c = 0; c < test->nr_columns; c++)
		for (size_t i = 0; i < test->columns[c].nr_ops; i++) {
			const struct litmus_op *op = &test->columns[c].ops[i];

			name_op(&most, op);
			most.nr_stores += op->kind == LITMUS_STORE;
		}
	return most;
}

/* A divisor of the order, so that a huge entry is one slot of the tree. */
static unsigned int tree_bits(unsigned int order)
{
	return order % 3 == 0 ? 3 : order % 2 == 0 ? 2 : order;
}

/* As small as the test allows: a page the test names lies in its huge page. */
static struct machine_geometry smallest(const struct extent_of_names *most)
{
	struct machine_geometry g = { .huge_order = 2 };

	while (((uint64_t)1 << g.huge_order) <= most->pages && g.huge_order < 9)
		g.huge_order++;
	g.page_shift = g.huge_order + 3;
	while ((1u << g.page_shift) < most->byte + 8)
		g.page_shift++;
	g.tree_bits = tree_bits(g.huge_order);
	return g;
}

static uint64_t pages(const struct trial *trial, struct litmus_span span)
{
	return (span.huge << trial->machine.geometry.huge_order) + span.pages;
}

/* Complain unless pages [start, start + length) lie in an object of size. */
static int inside(const struct trial *trial, struct litmus_pos pos,
		  const char *name, struct litmus_span start,
		  struct litmus_span length, struct litmus_span size,
		  FILE *errors)
{
	uint64_t end = pages(trial, start) + pages(trial, length);

	if (end <= pages(trial, size))
		return 0;
	fprintf(errors,
		"%s:%u:%u: error: page %llu lies outside of '%s', which has %llu pages (%u are a pmd here)\n",
		trial->test->path, pos.line, pos.column,
		(unsigned long long)(end - 1), name,
		(unsigned long long)pages(trial, size),
		1u << trial->machine.geometry.huge_order);
	return -1;
}

static int op_fits(const struct trial *trial, const struct litmus_op *op,
		   FILE *errors)
{
	const struct litmus_map *m = &trial->test->maps[op->map];
	struct litmus_span one = { 0, 1 };

	if (op->kind == LITMUS_LOAD || op->kind == LITMUS_STORE)
		return inside(trial, op->pos, m->name, op->place.page, one,
			      m->length, errors);
	return inside(trial, op->pos, m->name, op->start, op->length, m->length,
		      errors);
}

static int observed_fits(const struct trial *trial,
			 const struct litmus_place *place, FILE *errors)
{
	const struct litmus *test = trial->test;
	struct litmus_span one = { 0, 1 };

	if (place->in_file)
		return inside(trial, test->condition->pos,
			      test->files[place->object].name, place->page, one,
			      test->files[place->object].size, errors);
	return inside(trial, test->condition->pos,
		      test->maps[place->object].name, place->page, one,
		      test->maps[place->object].length, errors);
}

/* What could not be decided when the test was parsed. */
static int fits(const struct trial *trial, FILE *errors)
{
	const struct litmus *test = trial->test;

	for (size_t i = 0; i < test->nr_maps; i++) {
		const struct litmus_map *m = &test->maps[i];
		const struct litmus_file *f = &test->files[m->file];

		if (inside(trial, m->pos, f->name, m->offset, m->length,
			   f->size, errors))
			return -1;
	}
	for (size_t i = 0; i < test->nr_setup; i++)
		if (op_fits(trial, &test->setup[i], errors))
			return -1;
	for (size_t c = 0; c < test->nr_columns; c++)
		for (size_t i = 0; i < test->columns[c].nr_ops; i++)
			if (op_fits(trial, &test->columns[c].ops[i], errors))
				return -1;
	for (size_t i = 0; i < test->nr_observed; i++)
		if (observed_fits(trial, &test->observed[i], errors))
			return -1;
	return 0;
}

/* Holes and unwritten extents parse, but the engine has no zero page yet. */
static int extents_fit(const struct litmus *test, FILE *errors)
{
	for (size_t i = 0; i < test->nr_files; i++)
		for (size_t e = 0; e < test->files[i].nr_extents; e++)
			if (test->files[i].extents[e].kind != LITMUS_MAPPED) {
				fprintf(errors,
					"%s:%u:%u: error: file '%s' has extents that are not mapped; the engine cannot do that yet\n",
					test->path, test->files[i].pos.line,
					test->files[i].pos.column,
					test->files[i].name);
				return -1;
			}
	return 0;
}

/* What parses, but the engine cannot do yet. */
static int ops_fit(const struct litmus *test, const struct litmus_op *ops,
		   size_t nr, FILE *errors)
{
	for (size_t i = 0; i < nr; i++)
		if (ops[i].kind > LITMUS_UNMAP || ops[i].mm) {
			fprintf(errors,
				"%s:%u:%u: error: the engine cannot do that yet\n",
				test->path, ops[i].pos.line, ops[i].pos.column);
			return -1;
		}
	return 0;
}

int trial_open(struct trial *trial, const struct litmus *test,
	       const struct subject *subject, FILE *errors)
{
	struct extent_of_names most = extent_of_names(test);
	struct machine_geometry *g = &trial->machine.geometry;

	memset(trial, 0, sizeof(*trial));
	if (most.nr_stores > MAX_STORES) {
		fprintf(errors, "%s: error: more than %d stores\n", test->path,
			MAX_STORES);
		return -1;
	}
	if (extents_fit(test, errors) ||
	    ops_fit(test, test->setup, test->nr_setup, errors))
		return -1;
	for (size_t c = 0; c < test->nr_columns; c++)
		if (ops_fit(test, test->columns[c].ops,
			    test->columns[c].nr_ops, errors))
			return -1;
	trial->test = test;
	trial->subject = subject;
	trial->run.test = test;
	*g = smallest(&most);
	g->upper_levels = subject->upper_levels(test, g->huge_order);
	trial->machine.nr_cpus = (unsigned int)test->nr_columns;
	trial->machine.entry_pfn = subject->entry_pfn;
	trial->run.device_pfn = check_machine_device();
	return fits(trial, errors);
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

static void count(struct trial *trial, const char *text, bool holds)
{
	struct outcome *o = trial_outcome(trial, text);

	o->hits++;
	o->satisfies = holds;
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

void host_final(const struct subject_run *run, const struct litmus_state *state)
{
	struct trial *trial = current;
	bool holds = litmus_eval(run->test, state);
	char *text = state_text(run->test, state);
	char said[200];

	snprintf(said, sizeof(said), "%s", text);
	/* a replay, or an attempt at a shorter schedule, is no witness */
	if (check_searching())
		count(trial, text, holds);
	free(trial->ends_in);
	trial->ends_in = text;
	if ((run->test->quantifier == LITMUS_FORALL && !holds) ||
	    (run->test->quantifier == LITMUS_NOT_EXISTS && holds))
		check_fail(TRIAL_CONDITION, check_machine_lost(),
			   "the condition does not hold: %s", said);
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
