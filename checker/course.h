/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * course.h - executions from the state after set-up, operation by operation,
 * with a record of who performed each.
 *
 * Interface
 *   course_save()       keep the world, as it is after set-up, to begin with
 *   course_begin()      a new execution, every thread at its first operation
 *   course_step()       one operation of one thread
 *   course_end()        no thread is enabled: what did it come to?
 *   course_schedule()   the record as a schedule
 *   course_free()
 *
 * run.mode has to be RUN_OPERATIONS.
 */
#ifndef CHECKER_COURSE_H
#define CHECKER_COURSE_H

#include "internal.h"

enum course_state {
	COURSE_GOES_ON,
	COURSE_COMPLETE,
	COURSE_CUT,
	COURSE_FAILED,			/* run.failure says how */
	COURSE_NO_MEMORY,
};

struct course {
	const char *start;		/* of course_save(); the caller's */
	unsigned int broken;		/* failed before its first operation, */
	bool is_broken;			/* if one did */
	uint32_t nr;			/* operations */
	uint32_t room;
	uint8_t *threads;		/* of each operation */
	uint32_t nr_choices;
	uint32_t choices_room;
	uint8_t *choices;		/* in order, */
	uint8_t *choosers;		/* and who made them */
};

/* Return: malloc()ed, or NULL without memory. */
char *course_save(void);
enum course_state course_begin(struct course *course);
/* choice is what check_choose() gives, if that is where the thread is. */
enum course_state course_step(struct course *course, unsigned int t,
			    unsigned int choice);
enum course_state course_end(void);
/* Return: 0, or -1 without memory. */
int course_schedule(const struct course *course,
		    struct check_schedule *schedule);
/* Return: how often one thread goes on after another. */
uint32_t course_switches(const struct course *course);
void course_free(struct course *course);

#endif /* CHECKER_COURSE_H */
