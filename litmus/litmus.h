/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * litmus.h - a litmus test as it stands in a file, parsed.
 *
 * Interface
 *   litmus_parse_file()   read a file; complain with line, column and caret
 *   litmus_free()         give the tree back
 *   litmus_eval()         the final condition on one final state
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
#define LITMUS_COLUMNS_MAX	8	/* one digit: a column's name is PN */
#define LITMUS_REGISTERS_MAX	32	/* of a column */
#define LITMUS_OBSERVED_MAX	64	/* places a condition names */
#define LITMUS_TERMS_MAX	1024	/* of a condition: bounds recursion */
#define LITMUS_INVARIANTS	14	/* O1 to O14 */

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

struct litmus_map {
	char *name;
	struct litmus_pos pos;
	size_t file;			/* index into litmus.files */
	bool shared;
	bool writable;
	struct litmus_span offset;	/* into the file */
	struct litmus_span length;
};

/* p[1pmd+2].8, or f[3] for a file */
struct litmus_place {
	bool in_file;
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
};

#define LITMUS_NO_REGISTER SIZE_MAX

struct litmus_op {
	enum litmus_op_kind kind;
	struct litmus_pos pos;
	size_t map;			/* index into litmus.maps */
	struct litmus_place place;	/* LOAD, STORE: where */
	struct litmus_span start;	/* other operations: from where */
	struct litmus_span length;	/* in the map, and how much */
	uint64_t value;			/* STORE: what */
	size_t reg;			/* result: index into .registers */
};

struct litmus_column {
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
	size_t observed;		/* PLACE: index into litmus.observed */
	struct litmus_value value;
};

struct litmus {
	char *path;			/* of the file it was read from */
	char *name;
	char *description;		/* never NULL */
	struct litmus_file *files;
	size_t nr_files;
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
 * places at observed[i].
 */
struct litmus_state {
	const struct litmus_value *const *registers;
	const struct litmus_value *observed;
};

/* Return: whether the condition's formula holds (the quantifier is ignored). */
bool litmus_eval(const struct litmus *test, const struct litmus_state *state);

/* Print `store p[0] 1`, as in the file; in is NULL for the set-up. */
void litmus_print_op(const struct litmus *test, const struct litmus_column *in,
		     const struct litmus_op *op, FILE *to);
void litmus_print_place(const struct litmus *test,
			const struct litmus_place *place, FILE *to);
void litmus_print_value(const struct litmus_value *value, FILE *to);
/* Print `forall (p[0]=1 /\ 1:r0=0)`. */
void litmus_print_condition(const struct litmus *test, FILE *to);
/*
 * Print `1:r0=0; p[0]=1;`, the line of herd's result block for this state: all
 * registers, column by column, then the observed places.
 */
void litmus_print_state(const struct litmus *test,
			const struct litmus_state *state, FILE *to);
/* Print a whole file that parses to the same tree; comments are not kept. */
void litmus_print(const struct litmus *test, FILE *to);

#endif /* LITMUS_H */
