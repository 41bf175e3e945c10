// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_events.c - tracepoints of the engine, in the words of a recording.
 *
 * Faults are counted here, too, as Linux counts them: once for each time that
 * the generic part was asked and gave no error.
 */
#include "probe_world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	vm_fault_t bit;
	const char *name;
} answers[] = {
	{ VM_FAULT_OOM, "OOM" },
	{ VM_FAULT_SIGBUS, "SIGBUS" },
	{ VM_FAULT_MAJOR, "MAJOR" },
	{ VM_FAULT_SIGSEGV, "SIGSEGV" },
	{ VM_FAULT_NOPAGE, "NOPAGE" },
	{ VM_FAULT_RETRY, "RETRY" },
	{ VM_FAULT_FALLBACK, "FALLBACK" },
	{ VM_FAULT_DONE_COW, "DONE_COW" },
	{ VM_FAULT_NEEDDSYNC, "NEEDDSYNC" },
};

static const struct {
	const char *trace;
	const char *event;
	bool has_answer;
} events[] = {
	{ "dax_iomap_pmd_fault", "pmd_fault_done", true },
	{ "dax_iomap_pte_fault", "pte_fault_done", true },
	{ "dax_load_hole", "load_hole", false },
	{ "dax_pmd_load_hole", "pmd_load_hole", false },
	{ "dax_insert_pfn_mkwrite", "insert_pfn_mkwrite", true },
	{ "dax_insert_pfn_mkwrite_no_entry", "insert_pfn_mkwrite_no_entry",
	  true },
	{ "dax_writeback_range_done", "wbdone", false },
};

#define NR(array) (sizeof(array) / sizeof((array)[0]))

static void answer_text(char *text, size_t size, uint64_t answer)
{
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; i < NR(answers) && used < size; i++)
		if (answer & answers[i].bit)
			used += (size_t)snprintf(text + used, size - used,
						 "%s%s", used ? "|" : "",
						 answers[i].name);
}

static void flush_event(struct probe_world *world)
{
	if (world->nr_last_event)
		fprintf(world->events_to, "%s%s",
			ftell(world->events_to) ? " " : "", world->last_event);
	if (world->nr_last_event > 1)
		fprintf(world->events_to, "x%" PRIu64, world->nr_last_event);
	world->nr_last_event = 0;
}

/* The same event again and again is written once, `x512` behind it. */
static void add_event(struct probe_world *world, const char *event)
{
	if (world->nr_last_event && strcmp(event, world->last_event))
		flush_event(world);
	snprintf(world->last_event, sizeof(world->last_event), "%s", event);
	world->nr_last_event++;
}

static void count_fault(struct probe_world *world, const char *name,
			uint64_t answer)
{
	bool huge = !strcmp(name, "create_huge_pmd") ||
		    !strcmp(name, "wp_huge_pmd");

	if (!huge && strcmp(name, "handle_pte_fault"))
		return;
	if (huge && answer & VM_FAULT_FALLBACK)
		return;
	if (answer & (VM_FAULT_ERROR | VM_FAULT_RETRY))
		return;
	if (answer & VM_FAULT_MAJOR)
		world->major++;
	else
		world->minor++;
}

/* See probe_world.h. */
void probe_events_trace(void *arg, const char *name, uint64_t a, uint64_t b)
{
	struct probe_world *world = arg;
	char answer[40], text[sizeof(world->last_event)];

	count_fault(world, name, a);
	if (!world->events_to)
		return;
	if (!strcmp(name, "dax_writeback_one")) {
		snprintf(text, sizeof(text),
			 "wb(0x%" PRIx64 " pglen 0x%" PRIx64 ")", a, b);
		add_event(world, text);
		return;
	}
	for (size_t i = 0; i < NR(events); i++) {
		if (strcmp(name, events[i].trace))
			continue;
		answer_text(answer, sizeof(answer), a);
		snprintf(text, sizeof(text), "%s%s%s", events[i].event,
			 events[i].has_answer ? "=" : "",
			 events[i].has_answer ? answer : "");
		add_event(world, text);
	}
}

/* See probe_world.h. */
void probe_events_begin(struct probe_world *world)
{
	world->minor = 0;
	world->major = 0;
	world->nr_last_event = 0;
	world->events_to = open_memstream(&world->events, &world->events_size);
	if (!world->events_to)
		abort();
}

/* See probe_world.h. */
char *probe_events_end(struct probe_world *world)
{
	char *text;

	flush_event(world);
	fclose(world->events_to);
	world->events_to = NULL;
	text = world->events;
	world->events = NULL;
	if (!text)
		abort();
	return text;
}
