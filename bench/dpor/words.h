/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * words.h - the operations of the programs here: shared words and mutexes.
 */
#ifndef BENCH_DPOR_WORDS_H
#define BENCH_DPOR_WORDS_H

#include "../../include/checker.h"

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
	*word = old + value;
	return old;
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

static inline void mutex_init(struct check_lock *mutex)
{
	check_spin_init(mutex, "mutex");
}

static inline void mutex_lock(struct check_lock *mutex)
{
	check_spin_lock(mutex, NULL);
}

static inline void mutex_unlock(struct check_lock *mutex)
{
	check_spin_unlock(mutex, NULL);
}

#endif /* BENCH_DPOR_WORDS_H */
