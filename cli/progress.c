// SPDX-License-Identifier: GPL-2.0-only
/*
 * progress.c - how far a search is; see progress.h.
 */
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#define SILENT_SECONDS 1.0
#define LINE_SECONDS 10.0

static bool line_is_open;
static bool is_off;
static double next_line;

/* 1234567 is `1234.6 k`, as no more than four digits are read at once. */
static void print_count(char *to, size_t bytes, double count)
{
	static const char *const units[] = { "", " k", " M", " G" };
	unsigned int unit = 0;

	for (; count >= 10000 && unit < 3; unit++)
		count /= 1000;
	snprintf(to, bytes, unit ? "%.1f%s" : "%.0f%s", count, units[unit]);
}

static void print_time(char *to, size_t bytes, double seconds)
{
	if (seconds < 120)
		snprintf(to, bytes, "%.0f s", seconds);
	else if (seconds < 7200)
		snprintf(to, bytes, "%.0f min", seconds / 60);
	else
		snprintf(to, bytes, "%.1f h", seconds / 3600);
}

static void print(char *to, size_t bytes, const struct check_progress *p)
{
	bool by_states = p->mode == CHECK_BY_STATES ||
			 p->mode == CHECK_PREEMPTIONS;
	double count = (double)(by_states ? p->states : p->runs);
	char counted[32], rate[32], spent[32], total[32], left[32];

	print_count(counted, sizeof(counted), count);
	print_count(rate, sizeof(rate), p->rate);
	print_time(spent, sizeof(spent), p->seconds);
	if (p->done <= 0) {
		snprintf(to, bytes, "%s %s, %s/s, %s", counted,
			 by_states ? "states" : "executions", rate, spent);
		return;
	}
	print_count(total, sizeof(total), count / p->done);
	print_time(left, sizeof(left), p->seconds / p->done - p->seconds);
	snprintf(to, bytes,
		 "%s of about %s executions (%.0f %%), %s/s, %s, about %s left",
		 counted, total, 100 * p->done, rate, spent, left);
}

void progress_tell(void *user, const struct check_progress *progress)
{
	char line[224];

	(void)user;
	if (is_off)
		return;
	if (progress->seconds < SILENT_SECONDS) {
		next_line = LINE_SECONDS;
		return;
	}
	if (isatty(STDERR_FILENO)) {
		print(line, sizeof(line), progress);
		fprintf(stderr, "\r\033[K%s", line);
		fflush(stderr);
		line_is_open = true;
	} else if (progress->seconds >= next_line) {
		next_line = progress->seconds + LINE_SECONDS;
		print(line, sizeof(line), progress);
		fprintf(stderr, "%s\n", line);
	}
}

void progress_off(void)
{
	is_off = true;
}

void progress_end(void)
{
	if (line_is_open)
		fputs("\r\033[K", stderr);
	line_is_open = false;
}
