/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * litmus.h - a litmus test as it stands in a file, parsed.
 *
 * Interface
 *   litmus_parse_file()   read a file; complain with line, column and caret
 *   litmus_free()         give the tree back
 *   litmus_eval()         the final condition on one final state
 *   litmus_eval_medium()  the condition on what a power cut leaves
 *   litmus_print*()       back to text, as in the file
 *
 * The tree knows no sizes: places are counted in huge pages, pages and bytes,
 * because how many pages a huge page has is the machine's to say.
 */
#ifndef LITMUS_H
#define LITMUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Limits of the language; a file that exceeds one gets an error. */
#define LITMUS_BYTES_MAX	65536	/* of text */
#define LITMUS_NAME_MAX		127	/* characters of a name */
#define LITMUS_SPAN_MAX		1048576	/* huge pages, and pages, of a span */
#define LITMUS_PAGE_BYTES	4096	/* of a page in life */
#define LITMUS_MMS_MAX		8	/* address spaces */
#define LITMUS_FAILURES_MAX	8	/* injected into one execution */
#define LITMUS_PINS_MAX		16
#define LITMUS_COLUMNS_MAX	8	/* one digit: a column's name is PN */
#define LITMUS_REGISTERS_MAX	32	/* of a column */
#define LITMUS_OBSERVED_MAX	64	/* places a condition names */
#define LITMUS_TERMS_MAX	1024	/* of a condition: bounds recursion */
#define LITMUS_INVARIANTS	14	/* O1 to O14 */

#define LITMUS_NONE		SIZE_MAX	/* an index of nothing */

struct litmus_pos {
	unsigned int line;		/* from 1 */
	unsigned int column;		/* from 1 */
};

/* A place or a length: huge * pages-in-a-huge-page + pages. */
struct litmus_span {
	uint64_t huge;
	uint64_t pages;
};

enum litmus_extent_kind {
	LITMUS_HOLE,
	LITMUS_UNWRITTEN,
	LITMUS_MAPPED,
};

struct litmus_extent {
	enum litmus_extent_kind kind;
	struct litmus_span start;
	struct litmus_span length;
};

struct litmus_file {
	char *name;
	struct litmus_pos pos;
	struct litmus_span size;
	struct litmus_extent *extents;	/* in order, no gaps, no overlap */
	size_t nr_extents;
};

/* An address space; the first one is there in every test, and is named A. */
struct litmus_mm {
	char *name;
	struct litmus_pos pos;
	size_t column;			/* which forks it; NONE: the set-up */
	unsigned int users;		/* bit c: column c uses it */
	bool exits;			/* some operation ends it */
};

struct litmus_map {
	char *name;
	struct litmus_pos pos;
	size_t file;			/* index into litmus.files */
	size_t mm;			/* it is declared in; index into .mms */
	bool shared;
	bool writable;
	bool sync;			/* MAP_SYNC */
	bool populate;			/* MAP_POPULATE */
	struct litmus_span offset;	/* into the file */
	struct litmus_span length;
};

/* p[1pmd+2].8, or f[3] for a file */
struct litmus_place {
	bool in_file;
	size_t mm;			/* a mapping is looked at in */
	size_t object;			/* index into litmus.maps or .files */
	struct litmus_span page;
	unsigned int byte;		/* multiple of 8 */
};

/* What a register holds: a number, or how the operation failed. */
enum litmus_error {
	LITMUS_OK,
	LITMUS_SIGSEGV,
	LITMUS_SIGBUS,
	LITMUS_EFAULT,
	LITMUS_EINVAL,
	LITMUS_ENOMEM,
	LITMUS_EEXIST,
	LITMUS_EIO,
	LITMUS_ENOSPC,
	LITMUS_EFBIG,
	LITMUS_ESRCH,
	LITMUS_EOF,
	LITMUS_UNSET,			/* at a power cut: it had not ended */
};

struct litmus_value {
	enum litmus_error error;
	uint64_t number;		/* 0 when error is not LITMUS_OK */
};

enum litmus_op_kind {
	LITMUS_LOAD,
	LITMUS_STORE,
	LITMUS_DONTNEED,
	LITMUS_MAP,
	LITMUS_UNMAP,
	LITMUS_MPROTECT,
	LITMUS_MREMAP,
	LITMUS_POPULATE,
	LITMUS_PIN,
	LITMUS_UNPIN,
	LITMUS_MSYNC,
	LITMUS_FSYNC,
	LITMUS_READ,
	LITMUS_WRITE,
	LITMUS_TRUNCATE,
	LITMUS_FALLOCATE,
	LITMUS_PUNCH,
	LITMUS_FORK,
	LITMUS_EXIT,
	LITMUS_MM,			/* set-up only */
	LITMUS_CRASH,			/* columns only */
};

/* mprotect: what may be done afterwards; populate, pin: what for. */
enum litmus_access {
	LITMUS_NO_ACCESS,
	LITMUS_TO_READ,
	LITMUS_TO_WRITE,
};

enum litmus_fallocate {
	LITMUS_ALLOCATE,
	LITMUS_ZERO,
	LITMUS_COLLAPSE,
	LITMUS_INSERT,
};

#define LITMUS_NO_REGISTER LITMUS_NONE

struct litmus_op {
	enum litmus_op_kind kind;
	struct litmus_pos pos;
	size_t mm;			/* it runs in; index into litmus.mms */
	size_t map;			/* index into litmus.maps, or NONE */
	size_t file;			/* index into litmus.files, or NONE */
	struct litmus_place place;	/* LOAD, STORE, READ, WRITE: where */
	struct litmus_span start;	/* other operations: from where */
	struct litmus_span length;	/* in map or file, and how much */
	struct litmus_place to;		/* MREMAP: where to; READ, WRITE: */
	bool has_buffer;		/* ... a mapping is the buffer */
	struct litmus_span to_length;	/* MREMAP: and how much there */
	enum litmus_access access;	/* MPROTECT, POPULATE, PIN */
	enum litmus_fallocate mode;	/* FALLOCATE */
	size_t target;			/* FORK, EXIT, MM: index into .mms */
	size_t pin;			/* PIN, UNPIN: which of all pins */
	uint64_t value;			/* STORE, WRITE: what */
	size_t reg;			/* result: index into .registers */
};

struct litmus_column {
	size_t mm;			/* index into litmus.mms */
	struct litmus_op *ops;
	size_t nr_ops;
	char **registers;		/* names, in order of appearance */
	size_t nr_registers;
};

enum litmus_quantifier {
	LITMUS_EXISTS,
	LITMUS_NOT_EXISTS,
	LITMUS_FORALL,
};

enum litmus_term_kind {
	LITMUS_AND,
	LITMUS_OR,
	LITMUS_NOT,
	LITMUS_TRUE,
	LITMUS_REGISTER,		/* 1:r0=v */
	LITMUS_PLACE,			/* p[0]=v, f[0]=v */
};

struct litmus_term {
	enum litmus_term_kind kind;
	struct litmus_pos pos;
	struct litmus_term *left;	/* AND, OR, NOT */
	struct litmus_term *right;	/* AND, OR */
	size_t column;			/* REGISTER */
	size_t reg;			/* REGISTER */
	size_t observed;		/* PLACE: index into litmus.observed,
					 * for the medium .on_medium */
	struct litmus_value value;
};

struct litmus {
	char *path;			/* of the file it was read from */
	uint64_t text;			/* a hash of what was in there */
	char *name;
	char *description;		/* never NULL */
	struct litmus_file *files;
	size_t nr_files;
	struct litmus_mm *mms;
	size_t nr_mms;			/* at least 1 */
	struct litmus_map *maps;
	size_t nr_maps;
	struct litmus_op *setup;	/* run before the columns, in order; a
					 * declared map is mapped where it
					 * stands, by a LITMUS_MAP operation */
	size_t nr_setup;
	struct litmus_column *columns;
	size_t nr_columns;
	enum litmus_quantifier quantifier;
	struct litmus_term *condition;	/* LITMUS_TRUE when none was given */
	struct litmus_place *observed;	/* the condition names them, once */
	size_t nr_observed;
	bool has_crash;			/* some column has the operation */
	enum litmus_quantifier medium_quantifier;
	struct litmus_term *medium;	/* NULL when none was given */
	struct litmus_place *on_medium;	/* that condition names them, once */
	size_t nr_on_medium;
	size_t nr_pins;
	struct litmus_place *poisoned;	/* pages of files */
	size_t nr_poisoned;
	unsigned int fail_alloc;	/* so many fail in an execution */
	unsigned int fail_iomap;
	uint32_t expected;		/* bit N: `expect ON` */
};

/*
 * Read the test in path.  Errors go to errors as FILE:LINE:COL: error: ...
 * with the line and a caret below it.
 * Return: the test, or NULL.  The caller gives it to litmus_free().
 */
struct litmus *litmus_parse_file(const char *path, FILE *errors);
/* The same for text in memory; path is only its name in messages. */
struct litmus *litmus_parse(const char *path, const char *text, size_t bytes,
			    FILE *errors);
void litmus_free(struct litmus *test);

/*
 * One final state: registers of column c are at registers[c][r], observed
 * places at observed[i]; as they were when the power was cut, with what places
 * of files hold on the medium, at crash_registers[c][r] and medium[i].
 */
struct litmus_state {
	const struct litmus_value *const *registers;
	const struct litmus_value *observed;
	const struct litmus_value *const *crash_registers;
	const struct litmus_value *medium;
};

/* Return: whether the condition's formula holds (the quantifier is ignored). */
bool litmus_eval(const struct litmus *test, const struct litmus_state *state);
/* The same of the condition on the medium; true when there is none. */
bool litmus_eval_medium(const struct litmus *test,
		       const struct litmus_state *state);

/*
 * Print `r0 = B: load p[0]`, as in the file; in is NULL for the set-up.
 */
void litmus_print_op(const struct litmus *test, const struct litmus_column *in,
		     const struct litmus_op *op, FILE *to);
void litmus_print_place(const struct litmus *test,
			const struct litmus_place *place, FILE *to);
void litmus_print_value(const struct litmus_value *value, FILE *to);
/* Print `forall (p[0]=1 /\ 1:r0=0)`. */
void litmus_print_condition(const struct litmus *test, FILE *to);
/* Print `medium forall (f[0]=1)`, or nothing when there is none. */
void litmus_print_medium(const struct litmus *test, FILE *to);
/*
 * Print `1:r0=0; p[0]=1;`, the line of herd's result block for this state: all
 * registers, column by column, then the observed places.
 */
void litmus_print_state(const struct litmus *test,
			const struct litmus_state *state, FILE *to);
/* Print a whole file that parses to the same tree; comments are not kept. */
void litmus_print(const struct litmus *test, FILE *to);

#endif /* LITMUS_H */
