/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * subject.h - the engine and the code that runs a litmus test on it.
 *
 * A subject is built from the engine's source, patched or not, and
 * litmus/subject.c.  The unpatched one is linked into the program, others are
 * shared objects; each is reached through one struct of functions, and reaches
 * its machine through machine.h and the host_*() functions below.
 */
#ifndef LITMUS_SUBJECT_H
#define LITMUS_SUBJECT_H

#include "litmus.h"

/* One test, prepared to run; constant while a search runs. */
struct subject_run {
	const struct litmus *test;
	uint64_t device_pfn;		/* first page of the device */
	struct subject_state *state;	/* set in setup(); engine memory */
};

/* Kinds of words that have a name. */
enum subject_word {
	SUBJECT_PMD,
	SUBJECT_PTE,
	SUBJECT_ENTRY,
};

struct subject {
	/* Return: pages of device that the files need, at present sizes. */
	uint64_t (*device_pages)(const struct litmus *test);
	/* Return: tables above the PMD's that the maps need. */
	unsigned int (*upper_levels)(const struct litmus *test,
				     unsigned int huge_order);
	/* Page that a page-table entry names, 0 for none. */
	uint64_t (*entry_pfn)(uint64_t entry);

	/* Has a device a pin on this page of its own?  An operation. */
	bool (*page_pinned)(uint64_t pfn);

	/* The test: set-up, one column, final state.  arg: subject_run. */
	void (*setup)(void *arg);
	void (*thread)(void *arg, unsigned int column);
	void (*finish)(void *arg);

	/* Names for people; to be called while the machine only looks. */
	bool (*name_word)(const struct subject_run *run, const void *word,
			  char *name, size_t bytes, unsigned int *kind);
	void (*name_value)(const struct subject_run *run, unsigned int kind,
			   uint64_t value, char *name, size_t bytes);
	/* "FALLBACK", "NOPAGE|MAJOR"; 0 is "done" */
	void (*name_answer)(uint64_t answer, char *name, size_t bytes);
};

extern const struct subject faultline_subject;

/* ------ what the subject wants of its host ------ */

/* The test has ended in this state; everything was given back before. */
void host_final(const struct subject_run *run,
		const struct litmus_state *state);
/* Report memory and pages that are allocated still (O14). */
void host_check_leaks(void);

/*
 * The medium, as machines/check/check.h says of the functions of these names.
 * host_marks() is 0 when the medium is not looked at.
 */
void host_poison(uint64_t pfn);
void host_settle(void);
uint64_t *host_notes(void);
void host_power_cut(void);
/* Return: what a word of a page holds on the medium; each is tried. */
uint64_t host_survivor(uint64_t pfn, size_t offset);
size_t host_marks(void);
void host_sync_begin(uint64_t pfn, uint32_t *marks);
bool host_synced(uint64_t pfn, const uint32_t *marks, size_t *offset);

/*
 * Tracepoints of the subject, beside those of engine/base/trace.h:
 *   op       a: column (or SUBJECT_SETUP), b: operation; it begins
 *   op_end   the same; it has ended
 */
#define SUBJECT_SETUP UINT64_MAX

#endif /* LITMUS_SUBJECT_H */
