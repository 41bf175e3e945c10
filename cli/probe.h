/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * probe.h - scripts of system calls, and what is seen after each of them.
 *
 * Interface
 *   probe_script_read()	a script, or a recording: a script with results
 *   probe_view_parse()		the results of one line of a recording
 *   probe_view_print()		a line, as a recording has it
 *   probe_compare()		a recorded line with what is seen here
 *   probe_engine_*()		run steps on the engine (native machine)
 *   probe_kernel_*()		run steps with system calls of this host
 *
 * Names used in this file
 *   step	one operation of a script, a line
 *   view	what is seen after a step: result, counters, each map's pages
 *   cell	one page of a map in a view
 *   map	a name of the script for a range of addresses
 */
#ifndef CLI_PROBE_H
#define CLI_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PROBE_PAGE_BYTES 4096u
#define PROBE_HUGE_BYTES (2u << 20)
#define PROBE_NAME_MAX 31
/* What `file ... written` fills the file with. */
#define PROBE_WRITTEN_BYTE 0x69
/* What `w` and `pwrite` store when the script does not say. */
#define PROBE_STORED_BYTE 0x77

enum probe_op {
	PROBE_SECTION,		/* `### title`: counters begin anew */
	PROBE_FILE,
	PROBE_MAP,
	PROBE_LOAD,
	PROBE_STORE,
	PROBE_MADVISE,
	PROBE_MUNMAP,
	PROBE_MPROTECT,
	PROBE_MREMAP,
	PROBE_FSYNC,
	PROBE_MSYNC,
	PROBE_PUNCH,
	PROBE_TRUNCATE,
	PROBE_COLLAPSE,
	PROBE_INSERT,
	PROBE_ZERO,
	PROBE_FALLOCATE,
	PROBE_PWRITE,
	PROBE_PREAD,
	PROBE_FORK,
	PROBE_WAIT,
	PROBE_CLOSEALL,
};

/* Words behind the operands of `file`, `map` and `madv`. */
enum probe_word {
	PROBE_UNWRITTEN,	/* file: blocks that were never written */
	PROBE_WRITTEN,
	PROBE_HOLE,
	PROBE_PRIVATE,		/* map */
	PROBE_SHARED,
	PROBE_SYNC,
	PROBE_DONTNEED,		/* madv */
	PROBE_POPULATE_READ,
	PROBE_POPULATE_WRITE,
};

struct probe_step {
	unsigned int line;		/* in its file, from 1 */
	enum probe_op op;
	bool in_child;
	bool forked;			/* a child lives before or after it */
	char name[PROBE_NAME_MAX + 1];	/* of a map or of a file */
	uint64_t offset;		/* bytes */
	uint64_t bytes;
	enum probe_word word;
	bool readable, writable;	/* map, mprotect */
	bool populate;
	bool move;			/* mremap to another address */
	uint64_t skew;			/* bytes by which address and offset
					 * are not congruent modulo 2 MiB */
	uint8_t byte;

	char *text;			/* as it stands in the script */
	char *recorded;			/* what stands behind `=>`, or NULL */
	bool placed;			/* the recording tells pfn0 */
	uint64_t pfn0;			/* where the file's blocks begin */
};

struct probe_script {
	const char *path;
	struct probe_step *steps;
	size_t nr_steps;
	size_t nr_recorded;		/* of them with results */
};

/*
 * Return: 0; or -1 after one line `FILE:LINE: error: ...` on stderr.
 */
int probe_script_read(struct probe_script *script, const char *path);
void probe_script_free(struct probe_script *script);

/* ------ views ------ */

struct probe_cell {
	char kind;		/* . A z Z D; C page cache, P: cannot be told */
	bool huge;		/* mapped by a PMD */
	bool writable;
	bool dirty;
	bool original;		/* D: a block the file has had since it was
				 * made */
	int64_t at;		/* D: block, counted from the file's first */
};

struct probe_map_view {
	char name[PROBE_NAME_MAX + 1];
	uint64_t nr_cells;
	struct probe_cell *cells;
	/* The sums of smaps, kB. */
	uint64_t nr_vmas, rss, anon, private_dirty, private_clean;
	uint64_t shared_dirty, shared_clean, referenced;
	char *entries;		/* `pmd*1@0(ro) ...`; NULL: not known */
	unsigned int file;	/* which one it maps, by the order they were
				 * made, and how many blocks that was made of */
	uint64_t nr_original;
};

struct probe_view {
	char result[24];
	bool placed;
	uint64_t pfn0;
	int64_t pte, anon, file;	/* kB since the section began */
	int64_t minor, major;		/* faults; minor -1: not counted */
	size_t nr_maps;
	struct probe_map_view *maps;
	uint64_t size, blocks;		/* kB */
	char *events;			/* NULL: not known */
};

/* Return: 0, or -1 with what is wrong in *why, a string constant. */
int probe_view_parse(struct probe_view *view, const char *text,
		     const char **why);
void probe_view_free(struct probe_view *view);

/* Return: the map of that name, added at the end when there is none. */
struct probe_map_view *probe_view_map(struct probe_view *view,
				      const char *name, uint64_t nr_cells);
/* Fill entries from the cells. */
void probe_map_view_entries(struct probe_map_view *map);
/* Return: `A1,.511,D512@512`, a new string. */
char *probe_cells_text(const struct probe_map_view *map);
/* The number of a line counts within its process. */
void probe_view_print(FILE *to, const struct probe_step *step,
		      unsigned int number, const struct probe_view *view);

/* A comparison of a whole script. */
struct probe_comparison {
	FILE *to;
	const struct probe_script *script;
	const char *here;		/* "engine" or "kernel" */
	/* Where the recording has blocks that files were made of. */
	struct probe_place *places;
	size_t nr_places;
};

/*
 * Print each field that differs, one a line.
 * Return: how many.
 */
unsigned int probe_compare(struct probe_comparison *comparison,
			   const struct probe_step *step,
			   const struct probe_view *recorded,
			   const struct probe_view *view);
void probe_comparison_free(struct probe_comparison *comparison);

/* ------ runners ------ */

/* Return: 0, or -1 after a line on stderr. */
int probe_kernel_open(const char *directory);
/* Return: 0, or -1 after a line on stderr: the host cannot go on. */
int probe_kernel_step(const struct probe_step *step, struct probe_view *view);
/* Removes the files that the script made. */
void probe_kernel_close(void);

/*
 * The engine, with its machine, is a world of its own: what these functions
 * need is linked into one object with no other global names.
 */
struct probe_engine_options {
	uint64_t device_pages;
	/* 0: as in life */
	unsigned int page_shift, huge_order, upper_levels;
	/* A line of the engine, such as `O2: ...`. */
	void (*on_report)(void *arg, const char *text);
	/*
	 * Asked within a step where the engine can fail; a number below nr, 0:
	 * it does not.  NULL: it never does.
	 */
	unsigned int (*choose)(void *arg, unsigned int nr, const char *what);
	void *arg;
};

int probe_engine_open(const struct probe_engine_options *options);
/*
 * Run a step; view may be NULL.
 * Return: 0; 1 when the engine breaks an invariant, which was reported; -1:
 * a map or a file that is not there.
 */
int probe_engine_step(const struct probe_step *step, struct probe_view *view);
/* Return: how much was reported since it was opened. */
unsigned int probe_engine_close(void);

#endif /* CLI_PROBE_H */
