// SPDX-License-Identifier: GPL-2.0-only
/*
 * schedule.c - schedules and their text, `1/0.37/1.12/0.5/c0.1`.
 */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1

static int new_segment(struct check_schedule *schedule, uint32_t thread,
		       uint32_t operations)
{
	size_t nr = schedule->nr_segments;
	struct check_segment *segments =
		realloc(schedule->segments, (nr + 1) * sizeof(*segments));

	if (!segments)
		return -1;
	segments[nr].thread = thread;
	segments[nr].operations = operations;
	schedule->segments = segments;
	schedule->nr_segments = nr + 1;
	return 0;
}

int schedule_add(struct check_schedule *schedule, uint32_t thread,
		 uint32_t operations)
{
	size_t nr = schedule->nr_segments;

	if (!nr || schedule->segments[nr - 1].thread != thread)
		return new_segment(schedule, thread, operations);
	schedule->segments[nr - 1].operations += operations;
	return 0;
}

int schedule_choose(struct check_schedule *schedule, uint8_t choice)
{
	uint8_t *choices = realloc(schedule->choices, schedule->nr_choices + 1);

	if (!choices)
		return -1;
	choices[schedule->nr_choices++] = choice;
	schedule->choices = choices;
	return 0;
}

int check_schedule_append(struct check_schedule *schedule,
			  const struct check_schedule *more)
{
	for (size_t i = 0; i < more->nr_segments; i++)
		if (new_segment(schedule, more->segments[i].thread,
				more->segments[i].operations))
			return -1;
	for (size_t i = 0; i < more->nr_choices; i++)
		if (schedule_choose(schedule, more->choices[i]))
			return -1;
	return 0;
}

void check_schedule_free(struct check_schedule *schedule)
{
	free(schedule->segments);
	free(schedule->choices);
	memset(schedule, 0, sizeof(*schedule));
}

char *check_schedule_print(const struct check_schedule *schedule)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *to = open_memstream(&text, &bytes);

	if (!to)
		return NULL;
	fprintf(to, "%d", VERSION);
	for (size_t i = 0; i < schedule->nr_segments; i++)
		fprintf(to, "/%u.%u", schedule->segments[i].thread,
			schedule->segments[i].operations);
	if (schedule->nr_choices)
		fputs("/c", to);
	for (size_t i = 0; i < schedule->nr_choices; i++)
		fprintf(to, "%s%u", i ? "." : "", schedule->choices[i]);
	if (fclose(to)) {
		free(text);
		return NULL;
	}
	return text;
}

/* Read digits; *text moves behind them. */
static int number(const char **text, unsigned long most, uint32_t *value)
{
	char *end;
	unsigned long n;

	if (**text < '0' || **text > '9')
		return -1;
	n = strtoul(*text, &end, 10);
	if (n > most)
		return -1;
	*value = (uint32_t)n;
	*text = end;
	return 0;
}

static int parse_choices(const char **text, struct check_schedule *schedule)
{
	uint32_t choice;

	do {
		++*text;
		if (number(text, UINT8_MAX, &choice) ||
		    schedule_choose(schedule, (uint8_t)choice))
			return -1;
	} while (**text == '.');
	return 0;
}

static int parse(const char *text, struct check_schedule *schedule)
{
	uint32_t version, thread, operations;

	if (number(&text, UINT32_MAX, &version) || version != VERSION)
		return -1;
	while (*text == '/' && text[1] != 'c') {
		text++;
		if (number(&text, CHECK_MAX_THREADS - 1, &thread) ||
		    *text++ != '.' ||
		    number(&text, UINT32_MAX, &operations) ||
		    new_segment(schedule, thread, operations))
			return -1;
	}
	if (*text == '/') {
		text++;
		if (parse_choices(&text, schedule))
			return -1;
	}
	return *text ? -1 : 0;
}

int check_schedule_parse(const char *text, struct check_schedule *schedule)
{
	memset(schedule, 0, sizeof(*schedule));
	if (!parse(text, schedule))
		return 0;
	check_schedule_free(schedule);
	errno = EINVAL;
	return -1;
}
