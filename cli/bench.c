// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench.c - `faultline bench`: how fast the checker searches, and whether what
 * it counts is right.
 *
 * Names used in this file
 *   suite     what is measured; there is one, the programs of bench/dpor
 *   row       a program with its N
 *   ceiling   executions a second without any search
 */
#include "cli.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "../bench/dpor/dpor.h"

/* A short search is repeated for so long, to be measured at all. */
#define LEAST_SECONDS 0.1
/* The ceiling is measured before and after the search, so long each time. */
#define CEILING_SECONDS 0.15

struct bench {
	bool dpor;
	struct words rows;
	struct check_options options;
	bool peers;
	bool by_states;
	bool json;
	json_t *report;
};

/* A program and its N, with what others need for it if that is known. */
struct row {
	struct dpor d;
	const struct dpor_row *peers;	/* or NULL */
	char name[64];
};

/* What was measured; seconds are CPU seconds of this process. */
struct figures {
	struct check_result result;	/* of the last search */
	double seconds;			/* of one search, the mean; as the
					 * ceiling, from after set-up on */
	double ceiling;			/* executions a second, or 0 */
	int status;			/* EXIT_* */
	char wrong[320];		/* one line, or empty */
};

enum {
	OPTION_PEERS = 256,
	OPTION_STATES,
	OPTION_EXACT,
	OPTION_JSON,
	OPTION_LIMIT,
};

static const struct argp_option options[] = {
	{ "peers", OPTION_PEERS, NULL, 0,
	  "beside each row what other checkers needed, on another machine", 0 },
	{ "by-states", OPTION_STATES, NULL, 0,
	  "measure the search by states", 0 },
	{ "exact", OPTION_EXACT, NULL, 0,
	  "by states, and compare them byte by byte", 0 },
	{ "limit", OPTION_LIMIT, "LIMIT=N[,...]", 0,
	  "stop each search at a limit: time (seconds), states, executions,"
	  " memory (bytes; K, M, G); or cut each execution at one: operations",
	  0 },
	{ "json", OPTION_JSON, NULL, 0, "print the results as JSON", 0 },
	{ 0 },
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct bench *bench = state->input;

	switch (key) {
	case OPTION_PEERS:
		bench->peers = true;
		return 0;
	case OPTION_STATES:
		bench->by_states = true;
		return 0;
	case OPTION_EXACT:
		bench->options.exact = true;
		return 0;
	case OPTION_LIMIT:
		limits_parse(state, value, &bench->options);
		return 0;
	case OPTION_JSON:
		bench->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (bench->dpor)
			words_add(&bench->rows, value);
		else if (strcmp(value, "dpor"))
			usage_error(state, "there is no '%s' to measure; 'faultline bench' names what there is",
				    value);
		bench->dpor = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[dpor [PROGRAM[(N)]...]]",
	.doc = "Measure the search on programs whose executions are counted;"
	       " without arguments, name them.\v"
	       "Exit status: 0 all counts are exact, 1 one is not, 2 wrong"
	       " input, 3 stopped.",
};

/* ------ which rows ------ */

static void list_programs(void)
{
	puts("dpor: programs of which the number of executions is known");
	for (size_t i = 0; dpor_programs[i]; i++) {
		const struct dpor_program *p = dpor_programs[i];
		char name[64];

		snprintf(name, sizeof(name), "%s(N)", p->name);
		printf("  %-17s %-60s N: %u to %u\n", name, p->what, p->min,
		       p->max);
	}
}

static void complain_of_name(const char *word)
{
	fprintf(stderr, "faultline bench: there is no program '%s'; there are",
		word);
	for (size_t i = 0; dpor_programs[i]; i++)
		fprintf(stderr, "%s %s", i ? "," : "", dpor_programs[i]->name);
	fputc('\n', stderr);
}

/* Read `(N)`.  Return: N, or 0 when it is none. */
static unsigned int parse_n(const char *text)
{
	char *end;
	unsigned long n;

	if (text[0] != '(' || text[1] < '0' || text[1] > '9')
		return 0;
	errno = 0;
	n = strtoul(text + 1, &end, 10);
	return errno || strcmp(end, ")") || n > 1000 ? 0 : (unsigned int)n;
}

static struct row row_of(const struct dpor_program *program, unsigned int n)
{
	struct row row = { .d = { .program = program, .n = n } };
	const struct dpor_row *peers = program->rows;

	while (peers->n && peers->n != n)
		peers++;
	row.peers = peers->n ? peers : NULL;
	snprintf(row.name, sizeof(row.name), "%s(%u)", program->name, n);
	return row;
}

/* Return: the program of PROGRAM or PROGRAM(N), *n 0 without; or NULL. */
static const struct dpor_program *parse_row(const char *word, unsigned int *n)
{
	size_t bytes = strcspn(word, "(");
	const struct dpor_program *program = dpor_find(word, bytes);

	*n = 0;
	if (!program) {
		complain_of_name(word);
		return NULL;
	}
	if (!word[bytes])
		return program;
	*n = parse_n(word + bytes);
	if (*n >= program->min && *n <= program->max)
		return program;
	fprintf(stderr, "faultline bench: '%s': the N of %s is from %u to %u\n",
		word, program->name, program->min, program->max);
	return NULL;
}

/* ------ measuring ------ */

/* The search takes no part in this, so a fast moment of the machine counts. */
static int measure_ceiling(const struct check_program *program,
			   struct figures *figures)
{
	uint64_t executions;
	double took;

	if (check_plain_rate(program, CEILING_SECONDS, &executions, &took))
		return -1;
	if ((double)executions / took > figures->ceiling)
		figures->ceiling = (double)executions / took;
	return 0;
}

static int measure_search(const struct check_program *program,
			  const struct check_options *how,
			  struct figures *figures)
{
	double seconds = 0;
	unsigned int nr = 0;

	do {
		check_result_free(&figures->result);
		if (check_run(program, how, &figures->result))
			return -1;
		nr++;
		seconds += figures->result.cpu_seconds;
		figures->seconds = seconds / nr;
	} while (seconds < LEAST_SECONDS &&
		 figures->result.complete && !interrupts_seen(NULL));
	return 0;
}

static void judge(const struct bench *bench, const struct row *row,
		  struct figures *figures)
{
	const struct check_result *result = &figures->result;

	if (!bench->by_states) {
		if (!dpor_judge(&row->d, result, figures->wrong,
				sizeof(figures->wrong)))
			return;
	} else if (result->nr_failures) {
		snprintf(figures->wrong, sizeof(figures->wrong), "fails: %s",
			 result->failures[0].text);
	} else if (!result->complete) {
		snprintf(figures->wrong, sizeof(figures->wrong),
			 "incomplete: stopped by %s", result->stopped ?
			 result->stopped : "the memory for a program");
	} else {
		return;
	}
	figures->status = (result->stopped || result->too_long) &&
			  !result->nr_failures ? EXIT_LIMIT : EXIT_BUG;
}

/* Return: 0, or -1 with errno. */
static int measure(const struct bench *bench, struct row *row,
		   struct figures *figures)
{
	struct check_program program = dpor_check_program(&row->d);
	struct check_options how = bench->options;

	how.mode = bench->by_states ? CHECK_BY_STATES : CHECK_BY_EXECUTIONS;
	how.interrupted = interrupts_seen;
	if (!bench->by_states && measure_ceiling(&program, figures))
		return -1;
	if (measure_search(&program, &how, figures))
		return -1;
	if (!bench->by_states && !interrupts_seen(NULL) &&
	    measure_ceiling(&program, figures))
		return -1;
	judge(bench, row, figures);
	return 0;
}

static double rate_of(const struct figures *figures)
{
	return figures->seconds > 0 ?
	       (double)figures->result.executions / figures->seconds : 0;
}

static double ratio_of(const struct figures *figures)
{
	return figures->ceiling > 0 ? rate_of(figures) / figures->ceiling : 0;
}

/* ------ for people ------ */

static void print_heading(const struct bench *bench)
{
	if (bench->by_states)
		printf("%-18s %10s %9s %9s %6s %6s", "program", "states",
		       "seconds", "MB", "bytes", "stored");
	else
		printf("%-18s %10s %9s %7s %9s %9s %9s %6s %7s", "program",
		       "executions", "redundant", "blocked", "seconds", "rate",
		       "ceiling", "ratio", "MB");
	if (bench->peers && bench->by_states)
		printf(" | %7s %6s", "SPIN", "times");
	else if (bench->peers)
		printf(" | %7s %6s %7s %6s", "GenMC", "times", "Nidhugg",
		       "times");
	putchar('\n');
}

/* What another needs: seconds, and how many times ours that is. */
static void print_peer(double seconds, double ours)
{
	if (seconds > 0)
		printf(" %7.2f %6.1f", seconds, seconds / ours);
	else
		printf(" %7s %6s", "-", "-");
}

static void print_peers(const struct bench *bench, const struct row *row,
			double ours)
{
	static const struct dpor_row unknown;
	const struct dpor_row *peers = row->peers ? row->peers : &unknown;

	fputs(" |", stdout);
	if (bench->by_states) {
		print_peer(peers->spin, ours);
		return;
	}
	print_peer(peers->genmc, ours);
	print_peer(peers->nidhugg, ours);
}

static void print_row(const struct bench *bench, const struct row *row,
		      const struct figures *figures)
{
	const struct check_result *r = &figures->result;
	double megabytes = (double)r->search_bytes / (1 << 20);

	if (bench->by_states)
		printf("%-18s %10llu %9.4f %9.2f %6llu %6.1f", row->name,
		       (unsigned long long)r->states, figures->seconds,
		       megabytes, (unsigned long long)r->state_bytes,
		       r->bytes_per_state);
	else
		printf("%-18s %10llu %9llu %7llu %9.6f %9.0f %9.0f %6.1f %7.2f",
		       row->name, (unsigned long long)r->executions,
		       (unsigned long long)r->redundant,
		       (unsigned long long)r->cut, figures->seconds,
		       rate_of(figures), figures->ceiling,
		       100 * ratio_of(figures), megabytes);
	if (bench->peers)
		print_peers(bench, row, figures->seconds);
	putchar('\n');
	if (*figures->wrong)
		printf("%s: %s\n", row->name, figures->wrong);
	fflush(stdout);
}

static void print_legend(const struct bench *bench)
{
	if (bench->by_states)
		puts("\nseconds: CPU time; MB: of the search; bytes: of the largest state\n"
		     "stored: bytes that the search keeps of a state and the steps from it");
	else
		puts("\nseconds: CPU time of the search after set-up; rate: executions a second\n"
		     "ceiling: executions a second when they are run again and again, nothing else\n"
		     "ratio: of the rate to the ceiling, in percent; MB: memory of the search");
	if (bench->peers)
		printf("%s: CPU seconds on another machine, with\n"
		       "2 cores of 2.3 GHz, as the project's specification has them; not measured here\n"
		       "times: how many times our seconds that is\n",
		       bench->by_states ? "SPIN" :
		       "GenMC (0.10.3), Nidhugg (optimal)");
}

/* ------ for programs ------ */

static json_t *peer_json(double seconds)
{
	return seconds > 0 ? json_real(seconds) : NULL;
}

static json_t *peers_json(const struct dpor_row *peers)
{
	return json_pack("{s:o*, s:o*, s:o*}",
			 "genmc", peer_json(peers->genmc),
			 "nidhugg", peer_json(peers->nidhugg),
			 "spin", peer_json(peers->spin));
}

static void add_json(struct bench *bench, const struct row *row,
		     const struct figures *figures)
{
	const struct check_result *r = &figures->result;
	uint64_t exact = row->d.program->executions(row->d.n);
	json_t *json = json_pack("{s:s, s:i, s:b, s:s*, s:f, s:I, s:s*}",
		"program", row->d.program->name, "n", (int)row->d.n,
		"complete", r->complete, "stopped", r->stopped,
		"seconds", figures->seconds,
		"search_bytes", (json_int_t)r->search_bytes,
		"wrong", *figures->wrong ? figures->wrong : NULL);

	if (bench->by_states)
		json_object_update_new(json, json_pack(
			"{s:I, s:I, s:f}",
			"states", (json_int_t)r->states,
			"state_bytes", (json_int_t)r->state_bytes,
			"bytes_per_state", r->bytes_per_state));
	else
		json_object_update_new(json, json_pack(
			"{s:I, s:I, s:I, s:I, s:f, s:f, s:f}",
			"executions", (json_int_t)r->executions,
			"exact", (json_int_t)exact,
			"redundant", (json_int_t)r->redundant,
			"blocked", (json_int_t)r->cut,
			"rate", rate_of(figures), "ceiling", figures->ceiling,
			"ratio", ratio_of(figures)));
	if (bench->peers && row->peers)
		json_object_set_new(json, "peers", peers_json(row->peers));
	json_array_append_new(bench->report, json);
}

/* ------ running ------ */

static int bench_row(struct bench *bench, const struct dpor_program *program,
		     unsigned int n)
{
	struct row row = row_of(program, n);
	struct figures figures = { .status = EXIT_CLEAN };

	if (measure(bench, &row, &figures)) {
		fprintf(stderr, "faultline bench: %s: %s\n", row.name,
			strerror(errno));
		figures.status = EXIT_LIMIT;
	} else if (bench->json) {
		add_json(bench, &row, &figures);
	} else {
		print_row(bench, &row, &figures);
	}
	check_result_free(&figures.result);
	return figures.status;
}

/* All rows of a program that the specification has. */
static int bench_program(struct bench *bench,
			 const struct dpor_program *program)
{
	int status = EXIT_CLEAN;

	for (const struct dpor_row *r = program->rows;
	     r->n && !interrupts_seen(NULL); r++)
		if (!bench->by_states || r->by_states || bench->rows.nr)
			status = worse_status(status,
					      bench_row(bench, program, r->n));
	return status;
}

static int bench_all(struct bench *bench)
{
	int status = EXIT_CLEAN;

	for (size_t i = 0; dpor_programs[i] && !interrupts_seen(NULL); i++)
		status = worse_status(status,
				      bench_program(bench, dpor_programs[i]));
	return status;
}

static int bench_chosen(struct bench *bench)
{
	int status = EXIT_CLEAN;

	for (size_t i = 0; i < bench->rows.nr && !interrupts_seen(NULL); i++) {
		unsigned int n;
		const struct dpor_program *program =
			parse_row(bench->rows.at[i], &n);

		status = worse_status(status, n ?
				      bench_row(bench, program, n) :
				      bench_program(bench, program));
	}
	return status;
}

/* Complain before anything is measured.  Return: whether all is well. */
static bool arguments_are_right(const struct bench *bench)
{
	if (bench->by_states ? bench->options.max_executions != 0 :
			       bench->options.max_states != 0) {
		fprintf(stderr, "faultline bench: the limit on states is for --by-states, that on executions for the search by executions\n");
		return false;
	}
	if (bench->by_states && bench->options.max_operations) {
		fprintf(stderr, "faultline bench: the limit on operations is for the search by executions\n");
		return false;
	}
	if (bench->options.exact && !bench->by_states) {
		fprintf(stderr, "faultline bench: --exact is for --by-states\n");
		return false;
	}
	for (size_t i = 0; i < bench->rows.nr; i++) {
		unsigned int n;

		if (!parse_row(bench->rows.at[i], &n))
			return false;
	}
	return true;
}

static int bench_dpor(struct bench *bench)
{
	int status;

	if (!arguments_are_right(bench))
		return EXIT_WRONG_INPUT;
	interrupts_catch();
	if (!bench->json)
		print_heading(bench);
	status = bench->rows.nr ? bench_chosen(bench) : bench_all(bench);
	if (bench->json) {
		json_dumpf(bench->report, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print_legend(bench);
	}
	return interrupts_seen(NULL) ? worse_status(status, EXIT_LIMIT) :
				       status;
}

int command_bench(int argc, char **argv)
{
	struct bench bench = { .report = json_array() };
	int status = EXIT_CLEAN;

	parse_arguments(&argp, argc, argv, &bench);
	if (bench.dpor)
		status = bench_dpor(&bench);
	else
		list_programs();
	json_decref(bench.report);
	free(bench.rows.at);
	return status;
}
