/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * checker_words.h - shared words; part of checker.h.
 *
 * Interface
 *   check_load(word)                    its value
 *   check_store(word, value)
 *   check_exchange(word, value)         the value before
 *   check_add(word, n)                  nothing: so adds commute
 *   check_fetch_add(word, n)            the value before
 *   check_cmpxchg(word, old, new)       the value before; new is stored if
 *                                       that was old
 *   check_try_cmpxchg(word, &old, new)  whether it was; else old is updated
 *
 * A word is an integer or a pointer of 64 bits that threads share: an lvalue's
 * address, `&stack->top`.  It is used through these alone, except in setup()
 * and finish().  Each is one operation, sequentially consistent, and takes no
 * lock; another thread may run before it, never in its midst.  In a word that
 * was freed it is a failure, CHECK_USE_AFTER_FREE.
 */
#ifndef CHECKER_WORDS_H
#define CHECKER_WORDS_H

#include "checker.h"

/* The address of something of 64 bits; anything else does not compile. */
#define CHECK_WORD(word) \
	((word) + 0 * sizeof(char[sizeof(*(word)) == 8 ? 1 : -1]))
#define CHECK_BITS(value) ((uint64_t)(uintptr_t)(value))
#define CHECK_AS(word, bits) ((__typeof__(*(word)))(uintptr_t)(bits))

#define check_load(word)                                                       \
	CHECK_AS(word, check_load_at(CHECK_WORD(word), CHECK_PLACE(#word)))
#define check_store(word, value)                                               \
	check_store_at(CHECK_WORD(word), CHECK_BITS(value), CHECK_PLACE(#word))
#define check_exchange(word, value)                                            \
	CHECK_AS(word, check_exchange_at(CHECK_WORD(word), CHECK_BITS(value),  \
					 CHECK_PLACE(#word)))
#define check_add(word, n)                                                     \
	check_add_at(CHECK_WORD(word), CHECK_BITS(n), CHECK_PLACE(#word))
#define check_fetch_add(word, n)                                               \
	CHECK_AS(word, check_fetch_add_at(CHECK_WORD(word), CHECK_BITS(n),     \
					  CHECK_PLACE(#word)))
#define check_cmpxchg(word, old, new)                                          \
	CHECK_AS(word, check_cmpxchg_at(CHECK_WORD(word), CHECK_BITS(old),     \
					CHECK_BITS(new), CHECK_PLACE(#word)))
#define check_try_cmpxchg(word, old, new)                                      \
	check_try_cmpxchg_at(CHECK_WORD(word), CHECK_WORD(old),                \
			     CHECK_BITS(new), CHECK_PLACE(#word))

/*
 * Functions, and not inline: what a compiler leaves behind of them on the stack
 * of the program would make states differ that are the same.
 */
uint64_t check_load_at(const void *word, const struct check_place *place);
void check_store_at(void *word, uint64_t value,
		    const struct check_place *place);
uint64_t check_exchange_at(void *word, uint64_t value,
			   const struct check_place *place);
void check_add_at(void *word, uint64_t n, const struct check_place *place);
uint64_t check_fetch_add_at(void *word, uint64_t n,
			    const struct check_place *place);
uint64_t check_cmpxchg_at(void *word, uint64_t old, uint64_t new,
			  const struct check_place *place);
bool check_try_cmpxchg_at(void *word, void *old, uint64_t new,
			  const struct check_place *place);

#endif /* CHECKER_WORDS_H */
