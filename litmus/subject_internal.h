/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * subject_internal.h - what the files of the subject share.
 *
 * Names used in these files
 *   place      p[3].8 as the test names it
 *   location   what it stands for: for a shared map a word of the file, for a
 *              private one a word of that map in one mm alone
 *
 * What a run writes lies in engine memory, so that it is part of the state.
 */
#ifndef LITMUS_SUBJECT_INTERNAL_H
#define LITMUS_SUBJECT_INTERNAL_H

#include "subject.h"

#include "fs/fs.h"
#include "mm/mm.h"

#define SUBJECT_STORES_MAX 16		/* of all columns */

struct subject_state {
	struct super_block *sb;
	struct inode **inodes;		/* by file */
	struct mm *mms[LITMUS_MMS_MAX];	/* NULL: not there, or ended */
	uint64_t pins[LITMUS_PINS_MAX];	/* pfn, or 0: not pinned */
	struct litmus_value *registers[LITMUS_COLUMNS_MAX];
	struct litmus_value *observed;
	/* bit i: operation i of the column failed */
	uint64_t failed[LITMUS_COLUMNS_MAX];
	/* what places that were stored to hold at the end */
	struct litmus_value stored[SUBJECT_STORES_MAX];
	struct litmus_value in_file[SUBJECT_STORES_MAX];
	struct subject_writes *writes;	/* NULL: no test of O3 */
	struct subject_crash *crash;	/* NULL: the medium is not looked at */
};

/* What the test ended in, when all engine memory is given back. */
struct subject_final {
	struct litmus_value registers[LITMUS_COLUMNS_MAX][LITMUS_REGISTERS_MAX];
	struct litmus_value observed[LITMUS_OBSERVED_MAX];
	struct litmus_value crash_registers[LITMUS_COLUMNS_MAX]
					   [LITMUS_REGISTERS_MAX];
	struct litmus_value medium[LITMUS_OBSERVED_MAX];
};

/* Return: state, in which the present execution is. */
static inline struct subject_state *state_of(const struct subject_run *run)
{
	return run->state;
}

/* subject.c */
/* Return: engine memory for nr values, also when nr is 0. */
struct litmus_value *subject_values(size_t nr);
/* Copy nr values and give their memory back. */
void subject_take(struct litmus_value *to, struct litmus_value *from,
		  size_t nr);

/* subject_places.c */
uint64_t subject_pages(struct litmus_span span);
uint64_t subject_bytes(uint64_t nr_pages);
uint64_t subject_file_block(const struct litmus *test, size_t file);
uint64_t subject_device_pages(const struct litmus *test);
unsigned int subject_upper_levels(const struct litmus *test,
				  unsigned int order);
uint64_t subject_map_address(const struct litmus *test, size_t map);
uint64_t subject_address(const struct litmus *test,
			 const struct litmus_place *place);

/* A word that can be stored to. */
struct location {
	bool shared;
	size_t file;			/* and page of it, for a shared map */
	uint64_t page;			/* else page of the map */
	unsigned int byte;
	size_t map;			/* only of a private one */
	size_t mm;
};

/* What an access to a place of a mapping, or of a file, in that mm reaches. */
struct location subject_location(const struct litmus *test,
				 const struct litmus_place *place, size_t mm);
bool subject_same(const struct location *a, const struct location *b);

/* subject_ops.c */
struct litmus_value subject_perform(const struct subject_run *run,
				    const struct litmus_op *op);
struct litmus_value subject_read_file(const struct subject_run *run,
				      size_t file, uint64_t page,
				      unsigned int byte);
struct litmus_value subject_read_place(const struct subject_run *run,
				       const struct litmus_place *place);

/* subject_effects.c: what an operation may do to a word */
enum effect {
	EFFECT_NONE,
	EFFECT_VALUE,			/* it holds *value afterwards */
	EFFECT_ANY,			/* it may hold anything */
};

enum effect subject_effect(const struct litmus *test,
			   const struct litmus_op *op,
			   const struct location *at, uint64_t *value);
/* May the word be lost, or be another one's, without a store to it? */
bool subject_drops(const struct litmus *test, const struct litmus_op *op,
		   const struct location *at);

/* subject_errors.c: O9 */
void subject_check_error(const struct subject_run *run,
			 const struct litmus_op *op, struct litmus_value value);

/* subject_stored.c: O8, at the end */
/* The nth store of all columns, a write(2) too, or NULL. */
const struct litmus_op *subject_store(const struct litmus *test, size_t n);
void subject_read_stored(const struct subject_run *run);
void subject_check_stored(const struct litmus *test,
			  const struct subject_state *state);

/* subject_writes.c: O3; begin and end of operation i of column c */
void subject_writes_open(const struct subject_run *run);
void subject_writes_begin(const struct subject_run *run, size_t c, size_t i);
void subject_writes_end(const struct subject_run *run, size_t c, size_t i,
			struct litmus_value value);

/* subject_crash.c: O5, and power cuts */
void subject_crash_open(const struct subject_run *run);
void subject_crash(const struct subject_run *run);
/* Operation i of column c has set its register, if it has one. */
void subject_crash_note(const struct subject_run *run, size_t c, size_t i,
			struct litmus_value value);
void subject_sync_begin(const struct subject_run *run, size_t c, size_t i);
void subject_sync_end(const struct subject_run *run, size_t c, size_t i,
		      struct litmus_value value);
void subject_crash_close(const struct subject_run *run,
			 struct subject_final *final);

/* subject_names.c */
bool subject_name_word(const struct subject_run *run, const void *word,
		       char *name, size_t size, unsigned int *kind);
void subject_name_value(const struct subject_run *run, unsigned int kind,
			uint64_t value, char *name, size_t size);
void subject_name_answer(uint64_t answer, char *name, size_t size);

#endif /* LITMUS_SUBJECT_INTERNAL_H */
