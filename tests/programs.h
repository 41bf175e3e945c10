/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * programs.h - shared words for small programs under the checker.
 */
#ifndef TESTS_PROGRAMS_H
#define TESTS_PROGRAMS_H

#include "../include/checker.h"

#define word_load check_load
#define word_store check_store
#define word_fetch_add check_fetch_add
/* The result is not used: adds commute. */
#define word_add check_add
#define word_cmpxchg(word, old, new)                                           \
	(__extension__({                                                       \
		uint64_t word_old = (old);                                     \
		check_try_cmpxchg((word), &word_old, (new));                   \
	}))

#endif /* TESTS_PROGRAMS_H */
