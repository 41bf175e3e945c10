/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cli.h - what the files of the command share.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <argp.h>
#include <stdbool.h>
#include <stdio.h>

#include "trial.h"

/* Exit status; documented in faultline(1). */
enum {
	EXIT_CLEAN = 0,
	EXIT_BUG = 1,
	EXIT_WRONG_INPUT = 2,
	EXIT_LIMIT = 3,
};

/* The other processes of this search, started with it; NULL: none. */
extern struct check_post *post;

/* One file a command; argv[0] is the command's own name. */
int command_bench(int argc, char **argv);
int command_check(int argc, char **argv);
int command_compare(int argc, char **argv);
int command_list(int argc, char **argv);
int command_probe(int argc, char **argv);
int command_show(int argc, char **argv);

/* A list of words from the command line; the words are argv's. */
struct words {
	const char **at;
	size_t nr;
};

void words_add(struct words *words, const char *word);

/*
 * Parse with argp, which prints help and complaints; those end the process
 * with EXIT_WRONG_INPUT.
 */
void parse_arguments(const struct argp *argp, int argc, char **argv,
		     void *input);

/* One line about a wrong argument; ends the process with EXIT_WRONG_INPUT. */
_Noreturn void usage_error(const struct argp_state *state, const char *format,
			   ...) __attribute__((format(printf, 2, 3)));

/*
 * The engine with patches applied in turn: names or files.
 * Return: it stays loaded; NULL after one line on stderr.
 */
const struct subject *engine_load(const struct words *patches);

/* Return: what makes one search of a trial differ from another. */
uint64_t identity_of(const struct trial *trial, unsigned int faults,
		     uint32_t max_operations);

/* Read a number of an option, or end with a usage error. */
uint64_t number_parse(const struct argp_state *state, const char *option,
		      const char *text, uint64_t least, uint64_t most);
/* Read seconds, more than none, or end with a usage error. */
double seconds_parse(const struct argp_state *state, const char *option,
		     const char *text);
/* Read walk, pct or surw, or end with a usage error. */
enum check_mode strategy_parse(const struct argp_state *state,
			       const char *text);
/* Return: `states`, `executions`, `preemptions`, `walk`, `pct` or `surw`. */
const char *mode_name(enum check_mode mode);
/* Read the number of --faults, or end with a usage error. */
unsigned int faults_parse(const struct argp_state *state, const char *text);
/*
 * Read `time=SECONDS,states=N,executions=N,operations=N,memory=BYTES[KMG]`, or
 * end with a usage error.
 */
void limits_parse(const struct argp_state *state, const char *text,
		  struct check_options *options);
/* Stop a search on SIGINT and SIGTERM: for check_options.interrupted. */
void interrupts_catch(void);
bool interrupts_seen(void *user);

/* Is the search's result one a user may rely on, and what is it? */
struct verdict {
	int status;			/* EXIT_* */
	uint32_t tripped;		/* bit N: oracle ON; bit 0: condition */
	bool condition_ok;
	char text[640];			/* one line */
};

struct verdict verdict_of(const struct trial *trial,
			  const struct check_result *result,
			  const struct check_options *options,
			  unsigned int faults);
/* The worse of two exit statuses, as a whole run reports it. */
int worse_status(int a, int b);
/* `O1 O2`, or `-`; the caller frees it. */
char *oracles_text(uint32_t mask);

#endif /* CLI_CLI_H */
