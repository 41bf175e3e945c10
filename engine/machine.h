/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * machine.h - the only door out of the engine.
 *
 * Everything the engine cannot do by itself goes through the functions below:
 * words that several CPUs share, locks, sleeping, memory, the caches in front
 * of the medium, the TLB, failures that are injected, and words for a human.
 * They are plain functions, so the same object files of the engine link with
 * every machine:
 *
 *   machines/native   pthreads; pages are real memory
 *   machines/check    the checker: every function below that touches shared
 *                     state is a scheduling point
 *
 * Names used in this file
 *   word     an aligned uint64_t that more than one CPU may touch
 *   pt       a word that lies in a page-table page; the MMU reads it too
 *   data     the bytes of a page that user programs load and store
 *   pfn      page frame number, the name of one page; 0 is no page
 *   CPU      a task runs on a CPU of its own for all its life
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sizes that are small under the checker.  Constant while a machine lives. */
struct machine_geometry {
	unsigned int page_shift;	/* log2 of a page's bytes; 12 in life */
	unsigned int huge_order;	/* log2 of its pages; 9 in life */
	unsigned int upper_levels;	/* above the PMD's; 2 in life */
	unsigned int tree_bits;		/* log2 of slots in a DAX tree node; a
					 * divisor of huge_order; 3 in life */
	unsigned int wait_bits;		/* log2 of wait queues; 8 in life */
};

/* Return: the machine's sizes; never NULL, the same for all its life. */
const struct machine_geometry *machine_geometry(void);

/*
 * Shared words.  Sequentially consistent, may be called anywhere.
 */
uint64_t machine_load(const uint64_t *word);
void machine_store(uint64_t *word, uint64_t val);
/* Return: the value replaced. */
uint64_t machine_xchg(uint64_t *word, uint64_t val);
/* Return: whether *word was *expected and now is val; else *expected is set. */
bool machine_cmpxchg(uint64_t *word, uint64_t *expected, uint64_t val);
/* Adds of different CPUs commute; nothing is returned on purpose. */
void machine_add(uint64_t *word, int64_t delta);

/*
 * Words of a page table.  As above, and the machine may check that the page
 * they lie in was allocated as a table (invariant O12).
 */
uint64_t machine_pt_load(const uint64_t *entry);
void machine_pt_store(uint64_t *entry, uint64_t val);
uint64_t machine_pt_xchg(uint64_t *entry, uint64_t val);
bool machine_pt_cmpxchg(uint64_t *entry, uint64_t *expected, uint64_t val);

/*
 * Data of a page.  size is 1, 2, 4 or 8 bytes, offset is a multiple of it.
 * Copy and clear are not atomic: they go word by word.
 */
uint64_t machine_data_load(uint64_t pfn, size_t offset, size_t size);
void machine_data_store(uint64_t pfn, size_t offset, size_t size, uint64_t val);
void machine_data_copy(uint64_t to_pfn, uint64_t from_pfn);
void machine_data_clear(uint64_t pfn);

/*
 * Locks.  name is a string constant, the class of the lock as in lockdep.
 * A spinlock does not sleep; nothing that sleeps may be called under one.
 * A rwsem sleeps.  Only the task that took a lock releases it.  No recursion.
 */
struct machine_spinlock {
	uint64_t opaque[5];
};

struct machine_rwsem {
	uint64_t opaque[7];
};

void machine_spin_init(struct machine_spinlock *lock, const char *name);
void machine_spin_destroy(struct machine_spinlock *lock);
void machine_spin_lock(struct machine_spinlock *lock);
void machine_spin_unlock(struct machine_spinlock *lock);
/* Return: whether the calling task holds it.  Not a scheduling point. */
bool machine_spin_held(const struct machine_spinlock *lock);

void machine_rwsem_init(struct machine_rwsem *sem, const char *name);
void machine_rwsem_destroy(struct machine_rwsem *sem);
void machine_down_read(struct machine_rwsem *sem);
void machine_up_read(struct machine_rwsem *sem);
void machine_down_write(struct machine_rwsem *sem);
void machine_up_write(struct machine_rwsem *sem);
/* Return: whether the calling task holds it, in either mode / for write. */
bool machine_rwsem_held(const struct machine_rwsem *sem);
bool machine_rwsem_held_write(const struct machine_rwsem *sem);

/*
 * Sleeping.  Each task has one token.  park sleeps until the token is there
 * and takes it; unpark leaves the token (two before a park count as one).
 * A park may return only after an unpark: there is no spurious wake-up.
 */
struct machine_task;

struct machine_task *machine_self(void);
void machine_park(void);			/* sleeps */
void machine_unpark(struct machine_task *task);	/* does not sleep */

/*
 * Memory.  alloc returns zeroed bytes aligned to 16, or NULL; what is a string
 * constant that names the object in a leak report.  May sleep.  free takes
 * NULL as well and does not sleep.
 */
void *machine_alloc(size_t bytes, const char *what);
void machine_free(void *object);

enum machine_page_kind {
	MACHINE_PAGE_TABLE,	/* zeroed when allocated */
	MACHINE_PAGE_DATA,	/* contents undefined when allocated */
};

#define MACHINE_PAGE_META_BYTES 64

/* Return: a page frame of RAM, or 0 when there is none.  May sleep. */
uint64_t machine_page_alloc(enum machine_page_kind kind);
void machine_page_free(uint64_t pfn);
/*
 * Return: MACHINE_PAGE_META_BYTES for the engine's own use about this page
 * (struct page), zeroed when the page was allocated; pages of a device have
 * them too, for as long as the device lives.
 */
void *machine_page_meta(uint64_t pfn);
/* Return: the words of a page that is a table; for the machine_pt_* calls. */
uint64_t *machine_page_words(uint64_t pfn);
/*
 * Return: the first of a huge page of frames that read as zeroes for all the
 * machine's life, aligned to a huge page: the zero page and the huge zero page.
 * They are not freed; to store to one breaks O8.
 */
uint64_t machine_zero_pfn(void);

/*
 * The medium behind a device's pages.  A store goes to the CPU caches; a line
 * reaches the medium when it is written back, or at any time by itself.  After
 * a power cut the medium is what is left.
 */
/* Return: log2 of a line's bytes; 6 in life, at most page_shift. */
unsigned int machine_line_shift(void);
/*
 * Write the lines of a device page back that hold [offset, offset + bytes);
 * that may go on into the pages that follow.  When it returns, what was stored
 * to them before is on the medium.  Does not sleep.
 */
void machine_cache_writeback(uint64_t pfn, size_t offset, size_t bytes);
/*
 * Return: whether the medium is known to have lost what this device page held,
 * so that a load from it would be a machine check.  Constant for the page.
 */
bool machine_page_poisoned(uint64_t pfn);

/*
 * The TLB of the calling CPU.  Between insn_begin and insn_end the CPU is
 * inside one instruction: it does not answer a shoot-down, so a flush returns
 * only when no CPU still uses, or can fill in, what was flushed.  No lock may
 * be taken, and nothing that sleeps called, inside an instruction.
 */
struct machine_translation {
	uint64_t address;	/* of the first byte translated */
	uint64_t bytes;		/* a page or a huge page */
	uint64_t pfn;		/* of the first page */
	uint64_t flags;		/* the engine's: writable, dirty; not 0 */
};

void machine_insn_begin(void);
void machine_insn_end(void);
/* Return: whether the TLB translates address in mm; *found is set then. */
bool machine_tlb_lookup(const void *mm, uint64_t address,
			struct machine_translation *found);
/* Replaces what the TLB held for the same addresses. */
void machine_tlb_fill(const void *mm, const struct machine_translation *entry);
/*
 * Shoot-down of [start, end) of mm on every CPU; does not sleep.  Must not be
 * called inside an instruction; may be called under a spinlock.
 */
void machine_tlb_flush(const void *mm, uint64_t start, uint64_t end);

/*
 * Failure injection.  Return: 0 in life; under the checker every value below
 * nr, one after the other.  what is a string constant that names the choice.
 */
unsigned int machine_choose(unsigned int nr, const char *what);

/*
 * A complaint in the kernel's words: invariant O<oracle> is broken.  Returns:
 * like printk() it does not stop the caller.
 */
void machine_report(unsigned int oracle, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Like BUG(): does not return. */
_Noreturn void machine_bug(unsigned int oracle, const char *file, int line,
			   const char *condition);

/*
 * A tracepoint, as the kernel has them: name is a string constant, usually
 * __func__; a and b are its arguments.  The names are listed in base/trace.h.
 */
void machine_trace(const char *name, uint64_t a, uint64_t b);

#endif /* MACHINE_H */
