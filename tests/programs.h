/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * programs.h - shared words for small programs under the checker.
 */
#ifndef TESTS_PROGRAMS_H
#define TESTS_PROGRAMS_H

#include "../include/checker.h"

static inline uint64_t word_load(const uint64_t *word)
{
	check_op(word, CHECK_READ);
	return *word;
}

static inline void word_store(uint64_t *word, uint64_t value)
{
	check_op(word, CHECK_WRITE);
	*word = value;
}

static inline uint64_t word_fetch_add(uint64_t *word, uint64_t value)
{
	uint64_t old;

	check_op(word, CHECK_WRITE);
	old = *word;
	*word += value;
	return old;
}

/* The result is not used: adds commute. */
static inline void word_add(uint64_t *word, uint64_t value)
{
	check_op(word, CHECK_ADD);
	*word += value;
}

static inline bool word_cmpxchg(uint64_t *word, uint64_t expected,
				uint64_t value)
{
	check_op(word, CHECK_WRITE);
	if (*word != expected)
		return false;
	*word = value;
	return true;
}

#endif /* TESTS_PROGRAMS_H */
