// SPDX-License-Identifier: GPL-2.0-only
/*
 * subject_crash.c - O5: what fsync has to have put on the medium; and what a
 * power cut leaves there.
 *
 * A power cut is one operation of its column.  What the other columns have in
 * their registers at that moment is known from notes of the machine, since a
 * power cut comes before or after each store to one.  A note says which
 * operation set the register last; what it set it to never changes.
 */
#include "subject_internal.h"

struct subject_crash {
	uint64_t *notes;		/* by register; NULL: no power cut */
	struct litmus_value *results[LITMUS_COLUMNS_MAX];	/* by op */
	struct litmus_value *registers[LITMUS_COLUMNS_MAX];
	struct litmus_value *medium;
	/* O5: pages of a file, and their marks, of the fsync of a column */
	uint64_t *pfns[LITMUS_COLUMNS_MAX];
	uint32_t *marks[LITMUS_COLUMNS_MAX];
};

static bool is_sync(const struct litmus_op *op)
{
	return op->kind == LITMUS_FSYNC || op->kind == LITMUS_MSYNC;
}

/* Return: the file, and which pages of it, that are to be on the medium. */
static size_t synced_pages(const struct litmus *test,
			   const struct litmus_op *op, uint64_t *first,
			   uint64_t *nr)
{
	const struct litmus_map *map;

	*first = subject_pages(op->start);
	*nr = subject_pages(op->length);
	if (op->kind == LITMUS_FSYNC)
		return op->file;
	map = &test->maps[op->map];
	*first += subject_pages(map->offset);
	if (!map->shared)
		*nr = 0;
	return map->file;
}

/*
 * Does the file keep its blocks, and is all that is stored to them stored
 * through mappings?  A write(2) that has not returned need not be on the
 * medium.
 */
static bool keeps_blocks(const struct litmus *test, size_t file)
{
	for (size_t c = 0; c < test->nr_columns; c++)
		for (size_t i = 0; i < test->columns[c].nr_ops; i++) {
			const struct litmus_op *op = &test->columns[c].ops[i];

			if (op->file == file && op->kind != LITMUS_FSYNC &&
			    op->kind != LITMUS_READ)
				return false;
		}
	return true;
}

static uint64_t most_pages(const struct litmus *test)
{
	uint64_t most = 1;

	for (size_t i = 0; i < test->nr_files; i++)
		if (subject_pages(test->files[i].size) > most)
			most = subject_pages(test->files[i].size);
	return most;
}

static void open_column(const struct subject_run *run,
			struct subject_crash *crash, size_t c)
{
	const struct litmus_column *column = &run->test->columns[c];
	uint64_t nr = most_pages(run->test);
	bool syncs = false;

	for (size_t i = 0; i < column->nr_ops; i++)
		syncs = syncs || is_sync(&column->ops[i]);
	if (syncs) {
		crash->pfns[c] = machine_alloc(nr * sizeof(uint64_t), "test");
		crash->marks[c] = machine_alloc(nr * host_marks() *
						sizeof(uint32_t), "test");
	}
	if (crash->notes) {
		crash->results[c] = subject_values(column->nr_ops);
		crash->registers[c] = subject_values(column->nr_registers);
	}
}

void subject_crash_open(const struct subject_run *run)
{
	const struct litmus *test = run->test;
	struct subject_crash *crash;

	if (!host_marks())
		return;
	crash = machine_alloc(sizeof(*crash), "test");
	state_of(run)->crash = crash;
	if (!crash)
		return;
	if (test->has_crash) {
		crash->notes = host_notes();
		crash->medium = subject_values(test->nr_on_medium);
	}
	for (size_t c = 0; c < test->nr_columns; c++)
		open_column(run, crash, c);
	host_settle();
}

/* Return: the note of a register. */
static size_t note_of(const struct litmus *test, size_t c, size_t reg)
{
	for (size_t before = 0; before < c; before++)
		reg += test->columns[before].nr_registers;
	return reg;
}

/* Registers that are set several times need the operation that did it. */
void subject_crash_note(const struct subject_run *run, size_t c, size_t i,
			struct litmus_value value)
{
	const struct litmus_op *op = &run->test->columns[c].ops[i];
	struct subject_crash *crash = state_of(run)->crash;

	if (!crash || !crash->notes || op->reg == LITMUS_NO_REGISTER)
		return;
	crash->results[c][i] = value;
	machine_store(&crash->notes[note_of(run->test, c, op->reg)], i + 1);
}

static void read_registers(const struct subject_run *run,
			   struct subject_crash *crash)
{
	for (size_t c = 0; c < run->test->nr_columns; c++)
		for (size_t r = 0; r < run->test->columns[c].nr_registers;
		     r++) {
			uint64_t note =
				crash->notes[note_of(run->test, c, r)];

			if (note)
				crash->registers[c][r] =
					crash->results[c][note - 1];
			else
				crash->registers[c][r].error = LITMUS_UNSET;
		}
}

static struct litmus_value read_medium(const struct subject_run *run,
				       const struct litmus_place *place)
{
	const struct inode *inode = state_of(run)->inodes[place->object];
	uint64_t page = subject_pages(place->page);
	struct litmus_value value = { LITMUS_OK, 0 };
	struct iomap iomap = { 0 };

	if (subject_bytes(page) + place->byte >= inode->i_data.i_size)
		value.error = LITMUS_EOF;
	fs_find_iomap(inode, page, &iomap);
	if (value.error == LITMUS_OK && iomap.type == IOMAP_MAPPED)
		value.number = host_survivor(run->device_pfn + iomap.block +
					     page - iomap.pgoff, place->byte);
	return value;
}

/*
 * The power is cut.  Where blocks are changes under i_data_sem, and is the same
 * for all places that are looked at.
 */
void subject_crash(const struct subject_run *run)
{
	const struct litmus *test = run->test;
	struct subject_state *state = state_of(run);
	struct subject_crash *crash = state->crash;

	if (!crash || !crash->notes)
		return;
	for (size_t i = 0; i < test->nr_files; i++)
		machine_down_read(&state->inodes[i]->i_data_sem);
	host_power_cut();
	read_registers(run, crash);
	for (size_t i = 0; i < test->nr_on_medium; i++)
		crash->medium[i] = read_medium(run, &test->on_medium[i]);
	for (size_t i = test->nr_files; i-- > 0;)
		machine_up_read(&state->inodes[i]->i_data_sem);
}

void subject_sync_begin(const struct subject_run *run, size_t c, size_t i)
{
	const struct litmus_op *op = &run->test->columns[c].ops[i];
	struct subject_state *state = state_of(run);
	struct subject_crash *crash = state->crash;
	uint64_t first, nr;
	size_t file;

	if (!crash || !is_sync(op))
		return;
	file = synced_pages(run->test, op, &first, &nr);
	for (uint64_t page = 0; page < nr; page++) {
		struct inode *inode = state->inodes[file];
		struct iomap iomap = { 0 };

		machine_down_read(&inode->i_data_sem);
		fs_find_iomap(inode, first + page, &iomap);
		crash->pfns[c][page] = 0;
		if (iomap.type == IOMAP_MAPPED) {
			crash->pfns[c][page] = run->device_pfn + iomap.block;
			host_sync_begin(run->device_pfn + iomap.block,
					crash->marks[c] + page * host_marks());
		}
		machine_up_read(&inode->i_data_sem);
	}
}

void subject_sync_end(const struct subject_run *run, size_t c, size_t i,
		      struct litmus_value value)
{
	const struct litmus_op *op = &run->test->columns[c].ops[i];
	struct subject_crash *crash = state_of(run)->crash;
	uint64_t first, nr;
	size_t file, offset = 0;

	if (!crash || !is_sync(op) || value.error != LITMUS_OK)
		return;
	file = synced_pages(run->test, op, &first, &nr);
	if (!keeps_blocks(run->test, file))
		return;
	for (uint64_t page = 0; page < nr; page++)
		if (crash->pfns[c][page] &&
		    !host_synced(crash->pfns[c][page],
				 crash->marks[c] + page * host_marks(),
				 &offset))
			machine_report(5, "fsync returned, and page %llu of %s is not on the medium",
				       (unsigned long long)(first + page),
				       run->test->files[file].name);
}

void subject_crash_close(const struct subject_run *run,
			 struct subject_final *final)
{
	const struct litmus *test = run->test;
	struct subject_crash *crash = state_of(run)->crash;

	if (!crash)
		return;
	for (size_t c = 0; c < test->nr_columns; c++) {
		if (crash->notes)
			subject_take(final->crash_registers[c],
				     crash->registers[c],
				     test->columns[c].nr_registers);
		machine_free(crash->results[c]);
		machine_free(crash->pfns[c]);
		machine_free(crash->marks[c]);
	}
	if (crash->notes)
		subject_take(final->medium, crash->medium, test->nr_on_medium);
	machine_free(crash);
}
