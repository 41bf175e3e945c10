/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trial.h - one litmus test on one engine under the checker.
 *
 * Interface
 *   trial_open()     choose sizes for the test, or say why it cannot be run
 *   trial_search()   look at every interleaving
 *   trial_replay()   record one of them
 *
 * One trial at a time in a process.
 */
#ifndef CLI_TRIAL_H
#define CLI_TRIAL_H

#include <stdio.h>

#include "../include/checker.h"
#include "../litmus/subject.h"
#include "../machines/check/check.h"

/* A final state and how many executions (or final states) had it. */
struct outcome {
	char *text;			/* herd's line */
	bool satisfies;			/* the condition's formula */
	bool survives;			/* that of the medium */
	uint64_t hits;
};

struct trial {
	const struct litmus *test;
	const struct subject *subject;
	struct subject_run run;
	struct check_machine_options machine;
	struct outcome *outcomes;
	size_t nr_outcomes;
	char *ends_in;			/* the final state of a replay */
	uint64_t positive;
	uint64_t negative;
	/* over complete executions, when they are searched */
	struct check_machine_counts most;
	uint64_t sum_faults;
	uint64_t sum_retries;
	uint64_t sum_splits;
};

/*
 * test and subject stay the caller's and must live as long as the trial.
 * Return: 0, or -1 after one line in errors.
 */
int trial_open(struct trial *trial, const struct litmus *test,
	       const struct subject *subject, FILE *errors);
void trial_close(struct trial *trial);
/*
 * sizes.c: the smallest machine for the test, and whether it fits in there.
 * Return: as trial_open(), which calls it.
 */
int trial_choose_sizes(struct trial *trial, FILE *errors);
/*
 * faults: bound on the faults of one access, for a search by executions.
 * Return: 0, or -1 with errno.
 */
int trial_search(struct trial *trial, const struct check_options *options,
		 unsigned int faults, struct check_result *result);
/* The caller gives *trace to trace_free().  Return: 0, or -1 with errno. */
int trial_replay(struct trial *trial, const struct check_schedule *schedule,
		 struct trace *trace);

/* Return: the final state of this text, a new one if need be. */
struct outcome *trial_outcome(struct trial *trial, const char *text);
/* pack and unpack of struct check_options; user is a trial.  gather.c */
int trial_pack(void *user, void **data, size_t *bytes);
int trial_unpack(void *user, const void *data, size_t bytes);

/* Number of a condition that does not hold, among oracles. */
#define TRIAL_CONDITION 0
/* Return: the oracle (1..14) a failure belongs to, TRIAL_CONDITION, or -1. */
int trial_oracle(const struct check_failure *failure);
/* Return: `O7`, `condition`, `limit`: for people. */
const char *trial_oracle_name(int oracle);

#endif /* CLI_TRIAL_H */
