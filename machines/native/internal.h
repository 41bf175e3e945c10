/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * internal.h - what the files of the native machine know of each other.
 *
 *   native.c   opening, words, complaints, choices
 *   memory.c   objects, frames, data
 *   medium.c   write-backs
 *   task.c     tasks, sleeping, locks
 *   tlb.c      instructions and shoot-downs
 */
#ifndef NATIVE_INTERNAL_H
#define NATIVE_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "native.h"

#define NATIVE_TLB_PAGES 64	/* powers of two */
#define NATIVE_TLB_HUGES 8
#define NATIVE_HELD_MAX 32	/* locks one task can hold */

/*
 * How often a lock is tried before the thread sleeps, as the kernel's locks
 * do: to be woken takes longer than most waits.  ThreadSanitizer learns the
 * order of locks only from those that wait at once.
 */
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define NATIVE_TRIES 0
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define NATIVE_TRIES 0
#endif
#ifndef NATIVE_TRIES
#define NATIVE_TRIES 1000
#endif

/* Complaint numbers used by this machine. */
#define ORACLE_MEDIUM 5
#define ORACLE_STORES 8
#define ORACLE_LOCKS 11
#define ORACLE_FRAMES 12
#define ORACLE_OBJECTS 14

/* Always compiled in; the machine's own and its callers' broken promises. */
#define BUG_ON(oracle, condition)                                         \
	do {                                                              \
		if (__builtin_expect(!!(condition), 0))                   \
			machine_bug(oracle, __FILE__, __LINE__, #condition); \
	} while (0)

enum native_hold {
	HOLD_SPIN,
	HOLD_READ,
	HOLD_WRITE,
};

struct native_held {
	const void *lock;
	enum native_hold how;
};

struct native_tlb_entry {
	const void *mm;
	struct machine_translation is;	/* flags 0: the entry is empty */
};

/* A thread, and the CPU it runs on. */
struct machine_task {
	struct machine_task *next;	/* the list's lock, see task.c */

	/* Only the thread itself uses these. */
	struct native_held held[NATIVE_HELD_MAX];
	unsigned int nr_held;
	unsigned int nr_spin;		/* of them spinlocks */
	bool in_insn;

	pthread_mutex_t sleep;		/* token */
	pthread_cond_t wake;
	bool token;

	pthread_mutex_t insn;		/* held inside an instruction; pages,
					 * huges */
	struct native_tlb_entry pages[NATIVE_TLB_PAGES];
	struct native_tlb_entry huges[NATIVE_TLB_HUGES];
};

/*
 * The calling thread's task, made on the first call.
 * Return: never NULL.
 */
struct machine_task *native_self(void);

/* Take a mutex that is held for short times. */
void native_mutex_lock(pthread_mutex_t *mutex);

/* Complain when the caller must not sleep now. */
void native_might_sleep(const char *what);

/*
 * Call function for each CPU that has a thread.
 * Locks: takes the list's, for read.
 */
void native_each_cpu(void (*function)(struct machine_task *cpu,
				      const void *arg), const void *arg);

/* Return: 0 or -errno. */
int native_memory_open(const struct native_options *options);
void native_memory_close(void);
/* Return: where these bytes of the device are; all of them are there. */
char *native_device_bytes(uint64_t pfn, size_t offset, size_t bytes);

/*
 * Map the device, or memory of our own that stands in for it.
 * Return: as mmap(2).
 */
void *native_medium_map(int fd, uint64_t bytes, bool own);
/* Return: whether the lines are written back; else the caller has to do it. */
bool native_write_lines_back(void *where, size_t bytes);

/* Tell whom the options name. */
void native_stored(uint64_t pfn, size_t offset, size_t bytes);
void native_written_back(uint64_t pfn, size_t offset, size_t bytes);
void native_tasks_open(void);
void native_tasks_close(void);

#endif /* NATIVE_INTERNAL_H */
