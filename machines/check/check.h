/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * check.h - the machine whose every operation is a scheduling point.
 *
 * Interface
 *   check_machine_open()    sizes; before each check_run() or check_replay()
 *   check_machine_reset()   in setup(), before the engine's first call
 *   check_machine_device()  the pages of the device
 *   check_machine_poison()  in setup(): a page of it that the medium has lost
 *   check_machine_power_cut()	what the medium holds, with options.medium
 *   check_machine_sync_begin()	and what it has to hold after an fsync
 *   trace_*()               record what happens in a replay
 *
 * Pages, TLBs and CPUs lie in regions of the checker, so they are part of the
 * state.  A page's frame remembers where in the code the last table entry that
 * named it was overwritten: when a page turns out to be lost at the end, that
 * is the step that lost it.
 */
#ifndef MACHINES_CHECK_H
#define MACHINES_CHECK_H

#include "../../engine/machine.h"
#include "../../include/checker.h"

#define CHECK_MACHINE_CPUS 8

struct check_machine_options {
	struct machine_geometry geometry;
	unsigned int nr_cpus;		/* 1 .. CHECK_MACHINE_CPUS */
	uint32_t device_pages;
	uint32_t faults;		/* per access; 0: no bound */
	bool inject_failures;		/* machine_choose() chooses */
	bool medium;			/* write-backs, and a power cut; they
					 * make states larger */
	/* which page a table entry names; 0: none */
	uint64_t (*entry_pfn)(uint64_t entry);
};

/* Return: 0, or -1 with errno: no memory, or sizes out of range. */
int check_machine_open(const struct check_machine_options *options);
void check_machine_reset(void);
/* Return: the device's first page; aligned to a huge page. */
uint64_t check_machine_device(void);
void check_machine_poison(uint64_t pfn);

/* ------ the medium ------ */

/* Values a line can have had since it was written back; more are cut off. */
#define CHECK_MACHINE_VERSIONS 6

/* What the medium may hold of a line: any of these. */
struct check_machine_versions {
	uint32_t nr;
	uint64_t of[CHECK_MACHINE_VERSIONS];
};

/* In setup(): all is on the medium. */
void check_machine_settle(void);

#define CHECK_MACHINE_NOTES 16

/*
 * Words to be seen at the moment of a power cut, beside the device: what is
 * there is told from before and after it by machine_store().  NULL without
 * options.medium.
 */
uint64_t *check_machine_notes(void);

/*
 * The power is cut: one operation, ordered with each that stores to the notes
 * or the device, or writes back.  Until the caller's next operation it can look
 * at all that, and at what check_machine_medium() says of a word.
 */
void check_machine_power_cut(void);
/* No operation.  pfn: of any page; only a device's has old versions. */
struct check_machine_versions check_machine_medium(uint64_t pfn, size_t offset);
/* Return: one of them; the search tries each.  Not in setup() or finish(). */
uint64_t check_machine_survivor(const struct check_machine_versions *versions);

/*
 * O5.  Before an fsync, for each page of the device that the file has: note how
 * many stores each line has seen; marks has room for check_machine_marks().
 */
size_t check_machine_marks(void);
void check_machine_sync_begin(uint64_t pfn, uint32_t *marks);
/*
 * After it.  Return: whether all those stores are on the medium; else *offset
 * is the first word of which one is not.
 */
bool check_machine_synced(uint64_t pfn, const uint32_t *marks, size_t *offset);

/* Code address that lost the first page lost, or NULL: no page is lost. */
const void *check_machine_lost(void);
/* Pages of RAM that are allocated still. */
size_t check_machine_pages(void);

/* Machine calls neither schedule nor are traced: for those who only look. */
void check_machine_look_begin(void);
void check_machine_look_end(void);

/*
 * What a repair costs: tracepoints of the execution that ended last.  Of use
 * only where each execution runs from its start.
 */
struct check_machine_counts {
	uint32_t faults;
	uint32_t retries;
	uint32_t splits;
};

struct check_machine_counts check_machine_counts(void);

/* ------ recording a replay ------ */

enum trace_kind {
	TRACE_LOAD,		/* object, a: value */
	TRACE_STORE,		/* object, a: old, b: new */
	TRACE_DATA_LOAD,
	TRACE_DATA_STORE,
	TRACE_LOCK,		/* name */
	TRACE_UNLOCK,
	TRACE_SLEEP,
	TRACE_WAKE,		/* a: which CPU */
	TRACE_FLUSH,		/* a, b: range */
	TRACE_TLB_HIT,		/* a: address */
	TRACE_POINT,		/* name, a, b: a tracepoint */
	TRACE_FAILURE,		/* name: text; a: number; object: where */
	TRACE_BLOCKS,		/* name: of what it waits for */
	TRACE_RUNS,		/* a segment of the schedule begins */
};

#define TRACE_DEPTH 24

struct trace_event {
	enum trace_kind kind;
	unsigned int cpu;
	const void *object;
	uint64_t a;
	uint64_t b;
	char *name;			/* of object, or text; may be NULL */
	char *a_name;			/* of the values; may be NULL */
	char *b_name;
	size_t nr_frames;		/* innermost first */
	const void *pc[TRACE_DEPTH];
	const void *frame[TRACE_DEPTH];
};

struct trace {
	struct trace_event *events;
	size_t nr;
	size_t room;
};

struct trace_names {
	/*
	 * Name a word and the values it has or had.  Called between operations,
	 * so that what is seen is what the CPUs see then.  Return: whether the
	 * word has a name.
	 */
	bool (*word)(void *user, const void *word, char *name, size_t bytes,
		     unsigned int *kind);
	void (*value)(void *user, unsigned int kind, uint64_t value,
		      char *name, size_t bytes);
	void *user;
};

/* Record machine calls from now on into *trace, which the caller zeroed. */
void trace_begin(struct trace *trace, const struct trace_names *names);
void trace_end(void);
void trace_free(struct trace *trace);
/* Listeners for check_replay(). */
void trace_runs(void *user, unsigned int thread);
void trace_failed(void *user, const struct check_failure *failure,
		  unsigned int nth);
void trace_blocks(void *user, unsigned int thread, const void *object,
		  const char *name);

#endif /* MACHINES_CHECK_H */
