// SPDX-License-Identifier: GPL-2.0-only
/*
 * machine.c - machine.h on the checker: words, data, locks, memory, reports.
 *
 * Each function is a scheduling point (check_op() and friends) followed by the
 * operation itself, done in plain C: nothing else runs meanwhile.
 */
#include "internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct machine *machine;
struct check_machine_options options_in_use;
unsigned int looking;

/* ------ opening ------ */

static bool sizes_fit(const struct machine_geometry *g)
{
	return g->page_shift >= g->huge_order + 3 && g->page_shift <= 12 &&
	       g->huge_order >= 1 && g->huge_order <= 9 && g->tree_bits &&
	       g->huge_order % g->tree_bits == 0;
}

static int counts_open(void);

int check_machine_open(const struct check_machine_options *options)
{
	if (!sizes_fit(&options->geometry) || !options->nr_cpus ||
	    options->nr_cpus > CHECK_MACHINE_CPUS || !options->entry_pfn) {
		errno = EINVAL;
		return -1;
	}
	options_in_use = *options;
	check_regions_reset();
	if (!machine)
		machine = check_reserve(sizeof(*machine));
	if (!machine)
		return -1;
	looking = 0;
	memset(machine, 0, sizeof(*machine));
	machine->used = offsetof(struct machine, cpus) +
			options->nr_cpus * sizeof(struct cpu);
	if (check_region(machine, &machine->used) || pages_open() ||
	    medium_open() || tlb_open() || counts_open())
		return -1;
	return 0;
}

void check_machine_reset(void)
{
	memset(machine, 0, sizeof(*machine));
	machine->used = offsetof(struct machine, cpus) +
			options_in_use.nr_cpus * sizeof(struct cpu);
	pages_reset();
	medium_reset();
	for (unsigned int cpu = 0; cpu < options_in_use.nr_cpus; cpu++)
		check_spin_init(&machine->cpus[cpu].insn, "instruction");
}

const struct machine_geometry *machine_geometry(void)
{
	return &options_in_use.geometry;
}

void check_machine_look_begin(void)
{
	looking++;
}

void check_machine_look_end(void)
{
	looking--;
}

/* ------ words ------ */

static void op(const void *word, enum check_class class)
{
	if (!looking)
		check_op(word, class);
}

uint64_t machine_load(const uint64_t *word)
{
	op(word, CHECK_READ);
	TRACE(TRACE_LOAD, word, *word, 0, NULL);
	return *word;
}

static void store(uint64_t *word, uint64_t val, const void *frame)
{
	uint64_t old = *word;

	*word = val;
	if (__builtin_expect(recording != NULL, 0) && !looking)
		trace_add(TRACE_STORE, word, old, val, NULL, frame);
}

#define FRAME __builtin_frame_address(0)

void machine_store(uint64_t *word, uint64_t val)
{
	op(word, CHECK_WRITE);
	store(word, val, FRAME);
}

uint64_t machine_xchg(uint64_t *word, uint64_t val)
{
	uint64_t old;

	op(word, CHECK_WRITE);
	old = *word;
	store(word, val, FRAME);
	return old;
}

bool machine_cmpxchg(uint64_t *word, uint64_t *expected, uint64_t val)
{
	op(word, CHECK_WRITE);
	if (*word != *expected) {
		*expected = *word;
		TRACE(TRACE_LOAD, word, *word, 0, NULL);
		return false;
	}
	store(word, val, FRAME);
	return true;
}

void machine_add(uint64_t *word, int64_t delta)
{
	op(word, CHECK_ADD);
	*word += (uint64_t)delta;
}

/* ------ words of a page table ------ */

/* O12: is this word in a page that was allocated as a table? */
static void pt_op(const uint64_t *entry, enum check_class class,
		  const void *where)
{
	const struct frame *frame = pages_frame_of(entry);

	if (looking)
		return;
	check_op(entry, class);
	if (!frame)
		check_fail_stop(12, where, "a page-table entry outside memory");
	if (frame->state == FRAME_TABLE)
		return;
	if (frame->state == FRAME_DEVICE || frame->state == FRAME_DATA)
		check_fail(12, where, "a data page is used as a page table");
	else
		check_fail(4, where, "a page table is used after it was freed");
}

static void pt_set(uint64_t *entry, uint64_t val, const void *where,
		   const void *frame)
{
	uint64_t old = *entry;

	store(entry, val, frame);
	pages_entry_changed(old, val, where);
}

uint64_t machine_pt_load(const uint64_t *entry)
{
	pt_op(entry, CHECK_READ, CALLER);
	TRACE(TRACE_LOAD, entry, *entry, 0, NULL);
	return *entry;
}

void machine_pt_store(uint64_t *entry, uint64_t val)
{
	pt_op(entry, CHECK_WRITE, CALLER);
	pt_set(entry, val, CALLER, FRAME);
}

uint64_t machine_pt_xchg(uint64_t *entry, uint64_t val)
{
	uint64_t old;

	pt_op(entry, CHECK_WRITE, CALLER);
	old = *entry;
	pt_set(entry, val, CALLER, FRAME);
	return old;
}

bool machine_pt_cmpxchg(uint64_t *entry, uint64_t *expected, uint64_t val)
{
	pt_op(entry, CHECK_WRITE, CALLER);
	if (*entry != *expected) {
		*expected = *entry;
		TRACE(TRACE_LOAD, entry, *entry, 0, NULL);
		return false;
	}
	pt_set(entry, val, CALLER, FRAME);
	return true;
}

/* ------ data ------ */

/* O4 and O12: the word of a data page that is there. */
static uint64_t *data_word(uint64_t pfn, size_t offset, const void *where)
{
	struct frame *frame = pages_frame(pfn);

	if (!frame || offset >> options_in_use.geometry.page_shift)
		check_fail_stop(4, where, "data outside memory");
	if (frame->state == FRAME_TABLE)
		check_fail(12, where, "a page table is used as a data page");
	else if (frame->state != FRAME_DATA && frame->state != FRAME_DEVICE &&
		 frame->state != FRAME_ZERO)
		check_fail(4, where, "a page is used after it was freed");
	return &frame->words[offset / 8];
}

static uint64_t *data_word_to_store(uint64_t pfn, size_t offset,
				    const void *where)
{
	uint64_t *word = data_word(pfn, offset, where);

	if (pages_frame(pfn)->state == FRAME_ZERO)
		check_fail_stop(8, where, "a store to the zero page");
	return word;
}

static const uint64_t *data_word_to_load(uint64_t pfn, size_t offset,
					 const void *where)
{
	const uint64_t *word = data_word(pfn, offset, where);

	if (pages_frame(pfn)->poisoned && !looking)
		check_fail(9, where, "machine check: a load from a poisoned page");
	return word;
}

static uint64_t size_mask(size_t size)
{
	return size >= 8 ? UINT64_MAX : ((uint64_t)1 << (8 * size)) - 1;
}

uint64_t machine_data_load(uint64_t pfn, size_t offset, size_t size)
{
	const uint64_t *word = data_word_to_load(pfn, offset, CALLER);

	op(word, CHECK_READ);
	TRACE(TRACE_DATA_LOAD, word, *word, 0, NULL);
	return *word >> (8 * (offset % 8)) & size_mask(size);
}

void machine_data_store(uint64_t pfn, size_t offset, size_t size, uint64_t val)
{
	uint64_t *word = data_word_to_store(pfn, offset, CALLER);
	unsigned int shift = 8 * (unsigned int)(offset % 8);
	uint64_t old, mask = size_mask(size) << shift;

	op(word, CHECK_WRITE);
	old = *word;
	*word = (old & ~mask) | (val << shift & mask);
	medium_stored(pfn, offset, old, CALLER);
	TRACE(TRACE_DATA_STORE, word, old, *word, NULL);
}

void machine_data_copy(uint64_t to_pfn, uint64_t from_pfn)
{
	size_t bytes = (size_t)1 << options_in_use.geometry.page_shift;

	for (size_t at = 0; at < bytes; at += 8) {
		const uint64_t *from = data_word_to_load(from_pfn, at, CALLER);
		uint64_t *to = data_word_to_store(to_pfn, at, CALLER);
		uint64_t value, old;

		op(from, CHECK_READ);
		value = *from;
		op(to, CHECK_WRITE);
		old = *to;
		*to = value;
		medium_stored(to_pfn, at, old, CALLER);
	}
}

void machine_data_clear(uint64_t pfn)
{
	size_t bytes = (size_t)1 << options_in_use.geometry.page_shift;

	for (size_t at = 0; at < bytes; at += 8) {
		uint64_t *to = data_word_to_store(pfn, at, CALLER);
		uint64_t old;

		op(to, CHECK_WRITE);
		old = *to;
		*to = 0;
		medium_stored(pfn, at, old, CALLER);
	}
}

/* ------ locks ------ */

_Static_assert(sizeof(struct check_lock) <= sizeof(struct machine_spinlock) &&
	       sizeof(struct check_lock) <= sizeof(struct machine_rwsem),
	       "a lock fits where the engine keeps it");

static struct check_lock *spin(struct machine_spinlock *lock)
{
	return (struct check_lock *)lock;
}

static struct check_lock *rwsem(struct machine_rwsem *sem)
{
	return (struct check_lock *)sem;
}

void machine_spin_init(struct machine_spinlock *lock, const char *name)
{
	check_spin_init(spin(lock), name);
}

void machine_spin_destroy(struct machine_spinlock *lock)
{
	check_lock_destroy(spin(lock), CALLER);
}

void machine_spin_lock(struct machine_spinlock *lock)
{
	check_spin_lock(spin(lock), CALLER);
	TRACE(TRACE_LOCK, lock, 0, 0, spin(lock)->name);
}

void machine_spin_unlock(struct machine_spinlock *lock)
{
	check_spin_unlock(spin(lock), CALLER);
	TRACE(TRACE_UNLOCK, lock, 0, 0, spin(lock)->name);
}

bool machine_spin_held(const struct machine_spinlock *lock)
{
	return check_held_write((const struct check_lock *)lock);
}

void machine_rwsem_init(struct machine_rwsem *sem, const char *name)
{
	check_rwsem_init(rwsem(sem), name);
}

void machine_rwsem_destroy(struct machine_rwsem *sem)
{
	check_lock_destroy(rwsem(sem), CALLER);
}

void machine_down_read(struct machine_rwsem *sem)
{
	check_down_read(rwsem(sem), CALLER);
	TRACE(TRACE_LOCK, sem, 0, 0, rwsem(sem)->name);
}

void machine_up_read(struct machine_rwsem *sem)
{
	check_up_read(rwsem(sem), CALLER);
	TRACE(TRACE_UNLOCK, sem, 0, 0, rwsem(sem)->name);
}

void machine_down_write(struct machine_rwsem *sem)
{
	check_down_write(rwsem(sem), CALLER);
	TRACE(TRACE_LOCK, sem, 0, 0, rwsem(sem)->name);
}

void machine_up_write(struct machine_rwsem *sem)
{
	check_up_write(rwsem(sem), CALLER);
	TRACE(TRACE_UNLOCK, sem, 0, 0, rwsem(sem)->name);
}

bool machine_rwsem_held(const struct machine_rwsem *sem)
{
	return check_held((const struct check_lock *)sem);
}

bool machine_rwsem_held_write(const struct machine_rwsem *sem)
{
	return check_held_write((const struct check_lock *)sem);
}

/* ------ sleeping ------ */

struct machine_task *machine_self(void)
{
	return (struct machine_task *)&machine->cpus[this_cpu()];
}

void machine_park(void)
{
	TRACE(TRACE_SLEEP, NULL, 0, 0, NULL);
	check_park(CALLER);
}

void machine_unpark(struct machine_task *task)
{
	unsigned int cpu = (unsigned int)((struct cpu *)task - machine->cpus);

	TRACE(TRACE_WAKE, NULL, cpu, 0, NULL);
	check_unpark(cpu);
}

/* ------ memory ------ */

void *machine_alloc(size_t bytes, const char *what)
{
	check_may_sleep(CALLER);
	if (machine_choose(2, what))
		return NULL;
	return check_alloc(bytes, what);
}

void machine_free(void *object)
{
	check_free(object, CALLER);
}

/* ------ choices, reports, tracepoints ------ */

unsigned int machine_choose(unsigned int nr, const char *what)
{
	(void)what;
	return options_in_use.inject_failures ? check_choose(nr) : 0;
}

/* At the end, the step that matters is the one that lost a page. */
static const void *breaking_step(const void *where)
{
	const void *lost = NULL;

	if (this_cpu() == CHECK_MACHINE_CPUS)
		lost = check_machine_lost();
	return lost ? lost : where;
}

void machine_report(unsigned int oracle, const char *format, ...)
{
	char text[200];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	check_fail(oracle, breaking_step(CALLER), "%s", text);
}

_Noreturn void machine_bug(unsigned int oracle, const char *file, int line,
			   const char *condition)
{
	check_fail_stop(oracle, CALLER, "kernel BUG at %s:%d: %s", file, line,
			condition);
}

/*
 * What the CPUs did in this execution.  No part of the state, which does not
 * change by having been met before; begun anew by each CPU's first operation.
 */
static struct {
	size_t used;
	struct check_machine_counts of[CPUS];
	uint32_t faults[CPUS];		/* of the access that runs */
} done;

static int counts_open(void)
{
	memset(&done, 0, sizeof(done));
	done.used = sizeof(done);
	return check_companion(&done, &done.used);
}

struct check_machine_counts check_machine_counts(void)
{
	struct check_machine_counts sum = { 0 };

	for (unsigned int cpu = 0; cpu < options_in_use.nr_cpus; cpu++) {
		sum.faults += done.of[cpu].faults;
		sum.retries += done.of[cpu].retries;
		sum.splits += done.of[cpu].splits;
	}
	return sum;
}

static void count_fault(unsigned int cpu)
{
	check_turn();
	done.of[cpu].faults++;
	done.faults[cpu]++;
	if (options_in_use.faults && cpu < CHECK_MACHINE_CPUS &&
	    done.faults[cpu] > options_in_use.faults)
		check_cut();
}

static void count_op(unsigned int cpu, uint64_t number)
{
	done.faults[cpu] = 0;
	if (number == 0)
		memset(&done.of[cpu], 0, sizeof(done.of[cpu]));
}

void machine_trace(const char *name, uint64_t a, uint64_t b)
{
	unsigned int cpu = this_cpu();

	if (looking)
		return;
	TRACE(TRACE_POINT, NULL, a, b, name);
	if (!strcmp(name, "page_fault"))
		count_fault(cpu);
	else if (!strcmp(name, "retry"))
		done.of[cpu].retries++;
	else if (!strcmp(name, "split_huge_pmd"))
		done.of[cpu].splits++;
	else if (!strcmp(name, "op"))
		count_op(cpu, b);
	else if (!strcmp(name, "op_end"))
		check_progress();
}
