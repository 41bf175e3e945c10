// SPDX-License-Identifier: GPL-2.0-only
/*
 * subject.c - run a litmus test on the engine: set-up, columns, and the end.
 *
 * subject_places.c says where things are, subject_ops.c does the operations;
 * subject_errors.c, subject_writes.c, subject_stored.c and subject_crash.c look
 * at O9, O3, O8 and O5; subject_names.c has names for people.
 */
#include "subject_internal.h"

#include <string.h>

static uint64_t entry_pfn(uint64_t entry)
{
	return entry & _PAGE_PRESENT ? pte_pfn(entry) : 0;
}

/* References of a device's page are pins. */
static bool page_pinned(uint64_t pfn)
{
	return machine_load(&pfn_to_page(pfn)->refcount) != 0;
}

/* ------ the set-up ------ */

static void *must(void *object)
{
	if (!object)
		machine_report(14, "no memory for the set-up of the test");
	return object;
}

static enum iomap_type extent_type(enum litmus_extent_kind kind)
{
	switch (kind) {
	case LITMUS_HOLE:
		return IOMAP_HOLE;
	case LITMUS_UNWRITTEN:
		return IOMAP_UNWRITTEN;
	default:
		return IOMAP_MAPPED;
	}
}

static struct inode *make_file(const struct subject_run *run, size_t i)
{
	const struct litmus_file *file = &run->test->files[i];
	uint64_t block = subject_file_block(run->test, i);
	struct inode *inode = must(inode_create(run->state->sb, file->name,
						subject_pages(file->size)));

	for (size_t e = 0; inode && e < file->nr_extents; e++) {
		const struct litmus_extent *extent = &file->extents[e];
		uint64_t start = subject_pages(extent->start);

		if (extent->kind == LITMUS_HOLE)
			continue;
		if (inode_add_extent(inode, start,
				     subject_pages(extent->length),
				     extent_type(extent->kind), block + start))
			machine_report(14, "no memory for an extent");
	}
	return inode;
}

struct litmus_value *subject_values(size_t nr)
{
	return must(machine_alloc((nr + 1) * sizeof(struct litmus_value),
				  "test"));
}

void subject_take(struct litmus_value *to, struct litmus_value *from, size_t nr)
{
	memcpy(to, from, nr * sizeof(*to));
	machine_free(from);
}

/* The medium loses pages: before anything looks at them. */
static void poison(const struct subject_run *run)
{
	for (size_t i = 0; i < run->test->nr_poisoned; i++) {
		const struct litmus_place *at = &run->test->poisoned[i];

		host_poison(run->device_pfn +
			    subject_file_block(run->test, at->object) +
			    subject_pages(at->page));
	}
}

/* A register holds nothing before its operation ends. */
static struct litmus_value *make_registers(const struct litmus_column *column)
{
	struct litmus_value *values = subject_values(column->nr_registers);

	for (size_t r = 0; values && r < column->nr_registers; r++)
		values[r].error = LITMUS_UNSET;
	return values;
}

static void make_state(struct subject_run *run)
{
	const struct litmus *test = run->test;
	struct subject_state *state = run->state;

	state->sb = must(fs_create(run->device_pfn,
				   subject_device_pages(test)));
	state->inodes = must(machine_alloc((test->nr_files + 1) *
					   sizeof(*state->inodes), "test"));
	state->observed = subject_values(test->nr_observed);
	for (size_t c = 0; c < test->nr_columns; c++)
		state->registers[c] = make_registers(&test->columns[c]);
	for (size_t i = 0; i < test->nr_files; i++)
		state->inodes[i] = make_file(run, i);
	state->mms[0] = must(mm_create(test->mms[0].name));
}

static void setup(void *arg)
{
	struct subject_run *run = arg;
	const struct litmus *test = run->test;

	run->state = must(machine_alloc(sizeof(*run->state), "test"));
	if (!run->state)
		return;
	make_state(run);
	poison(run);
	for (size_t i = 0; i < test->nr_setup; i++) {
		struct litmus_value value;

		machine_trace("op", SUBJECT_SETUP, i);
		value = subject_perform(run, &test->setup[i]);
		if (value.error != LITMUS_OK)
			machine_report(9, "the set-up fails, in line %u",
				       test->setup[i].pos.line);
		machine_trace("op_end", SUBJECT_SETUP, i);
	}
	subject_writes_open(run);
	subject_crash_open(run);
}

/* ------ the columns ------ */

static void thread(void *arg, unsigned int c)
{
	const struct subject_run *run = arg;
	const struct litmus_column *column = &run->test->columns[c];

	for (size_t i = 0; i < column->nr_ops; i++) {
		const struct litmus_op *op = &column->ops[i];
		struct litmus_value value;

		machine_trace("op", c, i);
		subject_writes_begin(run, c, i);
		subject_sync_begin(run, c, i);
		value = subject_perform(run, op);
		subject_sync_end(run, c, i, value);
		if (op->reg != LITMUS_NO_REGISTER)
			run->state->registers[c][op->reg] = value;
		subject_crash_note(run, c, i, value);
		if (value.error != LITMUS_OK && i < 64)
			run->state->failed[c] |= UINT64_C(1) << i;
		subject_check_error(run, op, value);
		subject_writes_end(run, c, i, value);
		machine_trace("op_end", c, i);
	}
}

/* ------ the end: everything is looked at, and given back ------ */

static void unpin_all(const struct subject_run *run)
{
	for (size_t i = 0; i < run->test->nr_pins; i++)
		if (run->state->pins[i])
			unpin_user_page(run->state->pins[i]);
}

static void verify(const struct litmus *test, const struct subject_state *state)
{
	for (size_t i = 0; i < test->nr_mms; i++)
		if (state->mms[i])
			verify_mm(state->mms[i]);
	for (size_t i = 0; i < test->nr_files; i++)
		verify_inode(state->inodes[i]);
	verify_fs(state->sb);
}

static void give_back(const struct litmus *test,
		      const struct subject_state *state)
{
	for (size_t i = 0; i < test->nr_mms; i++)
		if (state->mms[i])
			exit_mmap(state->mms[i]);
	for (size_t i = 0; i < test->nr_files; i++)
		inode_destroy(state->inodes[i]);
	machine_free(state->inodes);
	machine_free(state->writes);
	fs_destroy(state->sb);
}

/* Take what the test ended in out of engine memory. */
static void take_final(const struct subject_run *run,
		       struct subject_final *final)
{
	const struct litmus *test = run->test;

	subject_take(final->observed, run->state->observed, test->nr_observed);
	for (size_t c = 0; c < test->nr_columns; c++)
		subject_take(final->registers[c], run->state->registers[c],
			     test->columns[c].nr_registers);
	subject_crash_close(run, final);
}

static void tell_final(const struct subject_run *run,
		       const struct subject_final *final)
{
	const struct litmus_value *registers[LITMUS_COLUMNS_MAX];
	const struct litmus_value *crash_registers[LITMUS_COLUMNS_MAX];
	struct litmus_state told = { registers, final->observed,
				     crash_registers, final->medium };

	for (size_t c = 0; c < LITMUS_COLUMNS_MAX; c++) {
		registers[c] = final->registers[c];
		crash_registers[c] = final->crash_registers[c];
	}
	host_final(run, &told);
}

static void finish(void *arg)
{
	struct subject_run *run = arg;
	const struct litmus *test = run->test;
	struct subject_state state;
	struct subject_final final;

	unpin_all(run);
	for (size_t i = 0; i < test->nr_observed; i++)
		run->state->observed[i] =
			subject_read_place(run, &test->observed[i]);
	subject_read_stored(run);
	state = *run->state;
	verify(test, &state);
	take_final(run, &final);
	give_back(test, &state);
	machine_free(run->state);
	subject_check_stored(test, &state);
	host_check_leaks();
	tell_final(run, &final);
}

const struct subject faultline_subject = {
	.device_pages = subject_device_pages,
	.upper_levels = subject_upper_levels,
	.entry_pfn = entry_pfn,
	.page_pinned = page_pinned,
	.setup = setup,
	.thread = thread,
	.finish = finish,
	.name_word = subject_name_word,
	.name_value = subject_name_value,
	.name_answer = subject_name_answer,
};
