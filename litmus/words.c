/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * words.c - the words of the language; see words.h.
 */
#include <inttypes.h>

#include "words.h"

const char *const litmus_extent_words[] = {
	[LITMUS_HOLE] = "hole",
	[LITMUS_UNWRITTEN] = "unwritten",
	[LITMUS_MAPPED] = "mapped",
};

const char *const litmus_op_words[] = {
	[LITMUS_LOAD] = "load",
	[LITMUS_STORE] = "store",
	[LITMUS_DONTNEED] = "dontneed",
	[LITMUS_MAP] = "map",
	[LITMUS_UNMAP] = "unmap",
};

const char *const litmus_error_words[] = {
	[LITMUS_OK] = "OK",
	[LITMUS_SIGSEGV] = "SIGSEGV",
	[LITMUS_SIGBUS] = "SIGBUS",
	[LITMUS_EFAULT] = "EFAULT",
	[LITMUS_EINVAL] = "EINVAL",
	[LITMUS_ENOMEM] = "ENOMEM",
	[LITMUS_EEXIST] = "EEXIST",
	[LITMUS_EIO] = "EIO",
};

const char *const litmus_quantifier_words[] = {
	[LITMUS_EXISTS] = "exists",
	[LITMUS_NOT_EXISTS] = "~exists",
	[LITMUS_FORALL] = "forall",
};

struct span_text span_text(const struct litmus_span *span)
{
	struct span_text out;

	if (!span->huge)
		snprintf(out.text, sizeof(out.text), "%" PRIu64, span->pages);
	else if (!span->pages)
		snprintf(out.text, sizeof(out.text), "%" PRIu64 "pmd",
			 span->huge);
	else
		snprintf(out.text, sizeof(out.text), "%" PRIu64 "pmd+%" PRIu64,
			 span->huge, span->pages);
	return out;
}
