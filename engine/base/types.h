/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * types.h - what every file of the engine needs: error codes, BUG_ON() and a
 * few words of C.
 *
 * Error codes and PROT_ and MAP_ constants have the numbers and the spelling of
 * the host's headers, so that a program may include both.
 */
#ifndef BASE_TYPES_H
#define BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine.h"

/* Functions that can fail return 0 or one of these, negated. */
#define ENOENT 2
#define EIO 5
#define ENOMEM 12
#define EFAULT 14	/* of an access: the program would get SIGSEGV */
#define EBUSY 16
#define EEXIST 17
#define EINVAL 22
#define EFBIG 27
#define ENOSPC 28
#define ENAMETOOLONG 36
#define ENODATA 61
#define EOPNOTSUPP 95
#define EUCLEAN 117	/* what is on the medium cannot be */
#define EBUS 530	/* of an access: the program would get SIGBUS */

/*
 * Invariant O<oracle> of the specification is broken in a way that nothing
 * sensible can follow.  Always compiled in.
 */
#define BUG_ON(oracle, condition)					\
	do {								\
		if (condition)						\
			machine_bug((oracle), __FILE__, __LINE__,	\
				    #condition);			\
	} while (0)

#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

#endif /* BASE_TYPES_H */
