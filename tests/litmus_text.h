/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * litmus_text.h - for tests of the language: text that is good, or bad.
 */
#ifndef TESTS_LITMUS_TEXT_H
#define TESTS_LITMUS_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "litmus/litmus.h"

/* A good test as far as to a place in it; what follows is the case. */
#define SETUP(rest) \
	"DAX t\n{\nfile f = mapped 1pmd;\nmap p = f private rw;\n" rest
#define TABLE(rest) SETUP("}\nP0 | P1 ;\n" rest)
#define CONDITION(rest) TABLE("r0 = load p[0] | ;\n" rest)

static inline struct litmus *parse(const char *text, size_t bytes,
				   char **errors)
{
	size_t size;
	FILE *to = open_memstream(errors, &size);
	struct litmus *test;

	assert_non_null(to);
	test = litmus_parse("t", text, bytes, to);
	fclose(to);
	return test;
}

/* Parse what has to be good. */
static inline struct litmus *parse_good(const char *text, size_t bytes)
{
	char *errors;
	struct litmus *test = parse(text, bytes, &errors);

	if (!test)
		print_error("%s", errors);
	assert_non_null(test);
	assert_string_equal(errors, "");
	free(errors);
	return test;
}

static inline void assert_bad(const char *text, const char *wanted)
{
	char *errors;
	struct litmus *test = parse(text, strlen(text), &errors);

	assert_null(test);
	assert_string_equal(errors, wanted);
	free(errors);
}

#endif /* TESTS_LITMUS_TEXT_H */
