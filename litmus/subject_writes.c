// SPDX-License-Identifier: GPL-2.0-only
/*
 * subject_writes.c - O3: after write(2) returned, nobody sees what was before.
 *
 * Looked at are the words of files that some column writes with write(2).  Each
 * operation of a column that changes such a word has a bit.  When it begins, it
 * takes note of those that have ended; when it ends, these are replaced, and
 * whoever begins to read after that may not see them.
 *
 * The bits are one word, so that the order of ends and beginnings is part of
 * what the search tries.  It is a word of the test: tests without write(2) do
 * not have it.
 */
#include "subject_internal.h"

#define OPS_MAX 64

struct subject_writes {
	uint64_t ended;			/* a word: bits of changes */
	uint64_t seen[LITMUS_COLUMNS_MAX];	/* ended at the beginning */
	uint64_t replaces[OPS_MAX];
	uint64_t first[SUBJECT_STORES_MAX];	/* before all columns */
};

/* Return: the bit of operation i of column c. */
static size_t number_of(const struct litmus *test, size_t c, size_t i)
{
	for (size_t before = 0; before < c; before++)
		i += test->columns[before].nr_ops;
	return i;
}

static const struct litmus_op *numbered(const struct litmus *test, size_t n)
{
	for (size_t c = 0; c < test->nr_columns; c++) {
		if (n < test->columns[c].nr_ops)
			return &test->columns[c].ops[n];
		n -= test->columns[c].nr_ops;
	}
	return NULL;
}

/* Can all that is done to the word be told? */
static bool is_plain(const struct litmus *test, const struct location *at)
{
	const struct litmus_op *op;
	uint64_t value;

	for (size_t n = 0; (op = numbered(test, n)); n++)
		if (subject_effect(test, op, at, &value) == EFFECT_ANY)
			return false;
	return true;
}

/* The word of the nth store, if that is a write(2) and can be looked at. */
static bool written_word(const struct litmus *test, size_t n,
			 struct location *at)
{
	const struct litmus_op *op = subject_store(test, n);

	if (!op || op->kind != LITMUS_WRITE)
		return false;
	*at = subject_location(test, &op->place, 0);
	return is_plain(test, at);
}

/* Does some operation give this map pages of its own, or move it? */
static bool has_copies(const struct litmus_op *ops, size_t nr, size_t map)
{
	for (size_t i = 0; i < nr; i++) {
		const struct litmus_op *op = &ops[i];

		if (op->has_buffer && op->to.object == map)
			return true;
		if (op->map == map && (op->kind == LITMUS_STORE ||
				       op->kind == LITMUS_MREMAP ||
				       op->access == LITMUS_TO_WRITE))
			return true;
		if (op->kind == LITMUS_MREMAP && op->to.object == map)
			return true;
	}
	return false;
}

/* Which word of a file does this operation read?  Return: whether any. */
static bool reads(const struct litmus *test, const struct litmus_op *op,
		  struct location *at)
{
	if (op->kind == LITMUS_READ && !op->has_buffer) {
		*at = subject_location(test, &op->place, op->mm);
		return true;
	}
	if (op->kind != LITMUS_LOAD)
		return false;
	*at = subject_location(test, &op->place, op->mm);
	if (at->shared)
		return true;
	/* A private map shows the file as long as nobody writes to it. */
	for (size_t c = 0; c < test->nr_columns; c++)
		if (has_copies(test->columns[c].ops, test->columns[c].nr_ops,
			       op->map))
			return false;
	if (has_copies(test->setup, test->nr_setup, op->map))
		return false;
	at->shared = true;
	at->page += subject_pages(test->maps[op->map].offset);
	return true;
}

/* Return: the n of written_word() that this operation reads, or -1. */
static int read_word(const struct litmus *test, const struct litmus_op *op)
{
	struct location at, written;

	if (!reads(test, op, &at))
		return -1;
	for (size_t n = 0; n < SUBJECT_STORES_MAX; n++)
		if (written_word(test, n, &written) &&
		    subject_same(&at, &written))
			return (int)n;
	return -1;
}

/* Does this operation change a word that is looked at? */
static bool changes(const struct litmus *test, const struct litmus_op *op)
{
	struct location at;
	uint64_t value;

	for (size_t n = 0; n < SUBJECT_STORES_MAX; n++)
		if (written_word(test, n, &at) &&
		    subject_effect(test, op, &at, &value) != EFFECT_NONE)
			return true;
	return false;
}

void subject_writes_open(const struct subject_run *run)
{
	const struct litmus *test = run->test;
	struct subject_writes *writes;
	struct location at;
	bool any = false;

	for (size_t n = 0; n < SUBJECT_STORES_MAX; n++)
		any = any || written_word(test, n, &at);
	if (!any || numbered(test, OPS_MAX))
		return;
	writes = machine_alloc(sizeof(*writes), "test");
	state_of(run)->writes = writes;
	for (size_t n = 0; writes && n < SUBJECT_STORES_MAX; n++) {
		struct litmus_value value;

		if (!written_word(test, n, &at))
			continue;
		value = subject_read_file(run, at.file, at.page, at.byte);
		writes->first[n] = value.number;
	}
}

void subject_writes_begin(const struct subject_run *run, size_t c, size_t i)
{
	const struct litmus *test = run->test;
	const struct litmus_op *op = &test->columns[c].ops[i];
	struct subject_writes *writes = state_of(run)->writes;

	if (writes && (read_word(test, op) >= 0 || changes(test, op)))
		writes->seen[c] = machine_load(&writes->ended);
}

/* Is there a change that put the value there and is not replaced? */
static bool may_see(const struct litmus *test,
		    const struct subject_writes *writes, size_t c, int n,
		    uint64_t seen)
{
	const struct litmus_op *op;
	uint64_t value, replaced = 0;
	struct location at;
	bool first = true;

	written_word(test, (size_t)n, &at);
	for (size_t k = 0; numbered(test, k); k++)
		if (writes->seen[c] >> k & 1)
			replaced |= writes->replaces[k];
	for (size_t k = 0; (op = numbered(test, k)); k++) {
		if (subject_effect(test, op, &at, &value) != EFFECT_VALUE)
			continue;
		if (writes->seen[c] >> k & 1)
			first = false;
		if (value == seen && !(replaced >> k & 1))
			return true;
	}
	return first && seen == writes->first[n];
}

void subject_writes_end(const struct subject_run *run, size_t c, size_t i,
			struct litmus_value value)
{
	const struct litmus *test = run->test;
	const struct litmus_op *op = &test->columns[c].ops[i];
	struct subject_writes *writes = state_of(run)->writes;
	size_t k = number_of(test, c, i);
	int n;

	/* What failed may have changed something, but replaces nothing. */
	if (!writes || value.error != LITMUS_OK)
		return;
	if (changes(test, op)) {
		writes->replaces[k] = writes->seen[c];
		machine_add(&writes->ended, (int64_t)(UINT64_C(1) << k));
	}
	n = read_word(test, op);
	if (n >= 0 && !may_see(test, writes, c, n, value.number))
		machine_report(3, "%llu was read, which write(2) had replaced",
			       (unsigned long long)value.number);
}
