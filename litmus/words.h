/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * words.h - the words of the language, for those who read and who print it.
 *
 * Interface
 *   litmus_*_words	each indexed by the enumeration of the same name
 *   span_text()	`1pmd+2`
 */
#ifndef LITMUS_WORDS_H
#define LITMUS_WORDS_H

#include "litmus.h"

enum {
	LITMUS_NR_EXTENT_WORDS = LITMUS_MAPPED + 1,
	LITMUS_NR_OP_WORDS = LITMUS_CRASH + 1,
	LITMUS_NR_ERROR_WORDS = LITMUS_UNSET + 1,
	LITMUS_NR_FALLOCATE_WORDS = LITMUS_INSERT + 1,
	LITMUS_NR_QUANTIFIER_WORDS = LITMUS_FORALL + 1,
};

extern const char *const litmus_extent_words[LITMUS_NR_EXTENT_WORDS];
extern const char *const litmus_op_words[LITMUS_NR_OP_WORDS];
/* The one for LITMUS_OK is not part of the language. */
extern const char *const litmus_error_words[LITMUS_NR_ERROR_WORDS];
/* The one for LITMUS_ALLOCATE is left out in a test. */
extern const char *const litmus_fallocate_words[LITMUS_NR_FALLOCATE_WORDS];
extern const char *const litmus_quantifier_words[LITMUS_NR_QUANTIFIER_WORDS];

struct span_text {
	char text[56];		/* two numbers of 20 digits and `pmd+` */
};

/* Return: the span as the file has it, without a blank. */
struct span_text span_text(const struct litmus_span *span);

#endif /* LITMUS_WORDS_H */
