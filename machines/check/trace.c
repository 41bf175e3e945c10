// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace.c - what happened in a replay, and in which functions.
 *
 * The call chain is read off the stack through frame pointers, so the engine
 * needs no marks of its own and a user's patch is drawn as well.
 */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct trace *recording;

static const struct trace_names *names;

void trace_begin(struct trace *trace, const struct trace_names *with)
{
	recording = trace;
	names = with;
}

void trace_end(void)
{
	recording = NULL;
	names = NULL;
}

void trace_free(struct trace *trace)
{
	for (size_t i = 0; i < trace->nr; i++) {
		free(trace->events[i].name);
		free(trace->events[i].a_name);
		free(trace->events[i].b_name);
	}
	free(trace->events);
	memset(trace, 0, sizeof(*trace));
}

static struct trace_event *add(enum trace_kind kind)
{
	struct trace_event *event;

	if (recording->nr == recording->room) {
		size_t room = 2 * recording->room + 256;
		void *events = realloc(recording->events,
				       room * sizeof(*event));

		if (!events)
			abort();
		recording->events = events;
		recording->room = room;
	}
	event = &recording->events[recording->nr++];
	memset(event, 0, sizeof(*event));
	event->kind = kind;
	event->cpu = check_self();
	return event;
}

/* Each frame begins with the caller's frame, then the address to return to. */
static void walk_stack(struct trace_event *event, const void *frame)
{
	while (event->nr_frames < TRACE_DEPTH && frame) {
		const void *const *at = frame;
		const void *next = at[0];

		if (!at[1])
			break;
		event->pc[event->nr_frames] = at[1];
		event->frame[event->nr_frames] = next;
		event->nr_frames++;
		if ((const char *)next <= (const char *)frame ||
		    (const char *)next > (const char *)frame + 65536)
			break;
		frame = next;
	}
}

static void name_values(struct trace_event *event)
{
	char name[80];
	unsigned int kind = 0;

	looking++;
	if (names && names->word(names->user, event->object, name,
				 sizeof(name), &kind)) {
		event->name = strdup(name);
		names->value(names->user, kind, event->a, name, sizeof(name));
		event->a_name = strdup(name);
		names->value(names->user, kind, event->b, name, sizeof(name));
		event->b_name = strdup(name);
	}
	looking--;
}

void trace_add(enum trace_kind kind, const void *object, uint64_t a,
	       uint64_t b, const char *name, const void *frame)
{
	struct trace_event *event = add(kind);

	event->object = object;
	event->a = a;
	event->b = b;
	walk_stack(event, frame);
	if (name)
		event->name = strdup(name);
	else if (object)
		name_values(event);
}

void trace_runs(void *user, unsigned int thread)
{
	(void)user;
	if (recording)
		add(TRACE_RUNS)->cpu = thread;
}

void trace_failed(void *user, const struct check_failure *failure,
		  unsigned int nth)
{
	struct trace_event *event;

	(void)user;
	(void)nth;
	if (!recording)
		return;
	event = add(TRACE_FAILURE);
	event->a = failure->number;
	event->object = failure->where;
	event->name = strdup(failure->text);
	if (check_running())
		walk_stack(event, __builtin_frame_address(0));
}

void trace_blocks(void *user, unsigned int thread, const void *object,
		  const char *name)
{
	struct trace_event *event;

	(void)user;
	if (!recording)
		return;
	event = add(TRACE_BLOCKS);
	event->cpu = thread;
	event->object = object;
	event->name = strdup(name ? name : "");
}
