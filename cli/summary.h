/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * summary.h - many tests, one line each and a total, by several processes.
 */
#ifndef CLI_SUMMARY_H
#define CLI_SUMMARY_H

#include "cli.h"

/* What is said of one test. */
struct summary {
	int status;			/* EXIT_* */
	uint64_t states;
	uint64_t executions;
	double seconds;
	char name[LITMUS_NAME_MAX + 1];
	char verdict[256];
};

/*
 * Run one() for each file, in `jobs` processes, and print what it says in the
 * order of the files; quiet: only the total, and what is not clean.
 * Return: the worst status.
 */
int summary_of(const struct words *files, unsigned int jobs, bool quiet,
	       void (*one)(void *arg, const char *path, struct summary *said),
	       void *arg);

#endif /* CLI_SUMMARY_H */
