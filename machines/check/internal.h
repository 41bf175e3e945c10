/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * internal.h - what the files of the check machine share.
 */
#ifndef MACHINES_CHECK_INTERNAL_H
#define MACHINES_CHECK_INTERNAL_H

#include "check.h"

#define CPUS (CHECK_MACHINE_CPUS + 1)	/* the last one runs setup, finish */
#define OWNERS CPUS
#define OWNER_FRAMES 255u
#define ZERO_PFN 3072u			/* a multiple of any huge page */
#define DEVICE_PFN 4096u
#define DEVICE_FRAMES 65536u
#define TLB_ENTRIES 8

struct tlb_entry {
	const void *mm;
	struct machine_translation translation;
};

struct cpu {
	struct check_lock insn;		/* held inside an instruction */
	uint32_t nr_tlb;
	uint32_t pad;
	size_t tlb_used;
};

/* One region of the checker; frames and TLBs have regions of their own. */
struct machine {
	size_t used;			/* of this struct, and so of the CPUs */
	uint32_t nr_frames[OWNERS];	/* up to the last one in use */
	size_t frames_used[OWNERS];
	size_t device_used;		/* notes and frames */
	size_t lines_used;
	struct cpu cpus[CPUS];
};

enum frame_state {
	FRAME_FREE,
	FRAME_TABLE,
	FRAME_DATA,
	FRAME_DEVICE,
	FRAME_ZERO,			/* reads as zeroes, never written */
	FRAME_LIMBO,			/* freed by another CPU: stays unused */
};

struct frame {
	uint32_t state;
	uint32_t poisoned;		/* a device's: the medium lost it */
	const void *lost;		/* code address, see check.h */
	uint64_t meta[MACHINE_PAGE_META_BYTES / 8];
	uint64_t words[];
};

extern struct machine *machine;
extern struct check_machine_options options_in_use;
extern unsigned int looking;		/* check_machine_look_begin() */
extern struct trace *recording;

#define CALLER __builtin_return_address(0)

/* Return: the CPU that runs; CHECK_MACHINE_CPUS in setup and finish. */
static inline unsigned int this_cpu(void)
{
	unsigned int t = check_self();

	return t == CHECK_MAX_THREADS ? CHECK_MACHINE_CPUS : t;
}

/* pages.c */
int pages_open(void);
void pages_reset(void);
/* Return: the frame, or NULL when there is no such page. */
struct frame *pages_frame(uint64_t pfn);
/* Return: the frame that holds this word, or NULL. */
struct frame *pages_frame_of(const void *word);
/* A table entry at `where` no longer names what it named. */
void pages_entry_changed(uint64_t from, uint64_t to, const void *where);

/* Return: the notes, if any, and the device's frames behind them. */
const void *pages_device(size_t *bytes);

/* medium.c */
int medium_open(void);
void medium_reset(void);
/* A word of a page has been stored to, which held `old` before. */
void medium_stored(uint64_t pfn, size_t offset, uint64_t old,
		   const void *where);

/* tlb.c */
int tlb_open(void);

/* trace.c; frame is the machine function's own */
void trace_add(enum trace_kind kind, const void *object, uint64_t a,
	       uint64_t b, const char *name, const void *frame);

#define TRACE(kind, object, a, b, name)                                   \
	do {                                                              \
		if (__builtin_expect(recording != NULL, 0) && !looking)   \
			trace_add(kind, object, a, b, name,               \
				  __builtin_frame_address(0));            \
	} while (0)

#endif /* MACHINES_CHECK_INTERNAL_H */
