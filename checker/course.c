// SPDX-License-Identifier: GPL-2.0-only
/*
 * course.c - executions operation by operation; see course.h.
 */
#include "course.h"
#include "snapshot.h"

#include <stdlib.h>
#include <string.h>

static int grow(uint8_t **bytes, uint32_t *room)
{
	uint32_t more = 2 * *room + 256;
	uint8_t *at = realloc(*bytes, more);

	if (!at)
		return -1;
	*bytes = at;
	*room = more;
	return 0;
}

static int make_room(struct course *course)
{
	uint32_t room = course->choices_room;

	if (course->nr == course->room && grow(&course->threads, &course->room))
		return -1;
	if (course->nr_choices < room)
		return 0;
	return grow(&course->choosers, &room) ||
	       grow(&course->choices, &course->choices_room) ? -1 : 0;
}

/* As world_save(), with what only follows the state. */
char *course_save(void)
{
	char *start = malloc(snapshot_bytes());

	if (start)
		snapshot_save(start, WITH_COMPANIONS);
	return start;
}

enum course_state course_begin(struct course *course)
{
	course->nr = 0;
	course->nr_choices = 0;
	course->is_broken = false;
	snapshot_restore(course->start, WITH_COMPANIONS);
	run_arm_threads();
	for (unsigned int t = 0; t < run.program->nr_threads; t++) {
		if (run_thread(t) != END_FAILED)
			continue;
		course->broken = t;
		course->is_broken = true;
		return COURSE_FAILED;
	}
	return COURSE_GOES_ON;
}

enum course_state course_step(struct course *course, unsigned int t,
			    unsigned int choice)
{
	struct thread *thread = &world->threads[t];

	if (make_room(course))
		return COURSE_NO_MEMORY;
	course->threads[course->nr++] = (uint8_t)t;
	if (thread->class == CLASS_CHOICE) {
		thread->choice = (uint16_t)choice;
		course->choosers[course->nr_choices] = (uint8_t)t;
		course->choices[course->nr_choices++] = (uint8_t)choice;
	}
	return run_thread(t) == END_FAILED ? COURSE_FAILED : COURSE_GOES_ON;
}

enum course_state course_end(void)
{
	if (run_any_cut())
		return COURSE_CUT;
	if (!run_all_done()) {
		run_deadlock();
		return COURSE_FAILED;
	}
	switch (run_main(run.program->finish)) {
	case END_DONE:
		return COURSE_COMPLETE;
	case END_FAILED:
		return COURSE_FAILED;
	default:
		return COURSE_CUT;
	}
}

int course_schedule(const struct course *course,
		    struct check_schedule *schedule)
{
	memset(schedule, 0, sizeof(*schedule));
	if (course->is_broken)
		return schedule_add(schedule, course->broken, 0);
	for (uint32_t i = 0; i < course->nr; i++)
		if (schedule_add(schedule, course->threads[i], 1))
			return -1;
	for (uint32_t i = 0; i < course->nr_choices; i++)
		if (schedule_choose(schedule, course->choices[i]))
			return -1;
	return 0;
}

uint32_t course_switches(const struct course *course)
{
	uint32_t switches = 0;

	for (uint32_t i = 1; i < course->nr; i++)
		if (course->threads[i] != course->threads[i - 1])
			switches++;
	return switches;
}

void course_free(struct course *course)
{
	free(course->threads);
	free(course->choices);
	free(course->choosers);
	memset(course, 0, sizeof(*course));
}
