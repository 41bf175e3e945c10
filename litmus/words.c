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
	[LITMUS_MPROTECT] = "mprotect",
	[LITMUS_MREMAP] = "mremap",
	[LITMUS_POPULATE] = "populate",
	[LITMUS_PIN] = "pin",
	[LITMUS_UNPIN] = "unpin",
	[LITMUS_MSYNC] = "msync",
	[LITMUS_FSYNC] = "fsync",
	[LITMUS_READ] = "read",
	[LITMUS_WRITE] = "write",
	[LITMUS_TRUNCATE] = "truncate",
	[LITMUS_FALLOCATE] = "fallocate",
	[LITMUS_PUNCH] = "punch",
	[LITMUS_FORK] = "fork",
	[LITMUS_EXIT] = "exit",
	[LITMUS_MM] = "mm",
	[LITMUS_CRASH] = "crash",
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
	[LITMUS_ENOSPC] = "ENOSPC",
	[LITMUS_EFBIG] = "EFBIG",
	[LITMUS_ESRCH] = "ESRCH",
	[LITMUS_EOF] = "EOF",
	[LITMUS_UNSET] = "none",
};

const char *const litmus_fallocate_words[] = {
	[LITMUS_ALLOCATE] = "allocate",
	[LITMUS_ZERO] = "zero",
	[LITMUS_COLLAPSE] = "collapse",
	[LITMUS_INSERT] = "insert",
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
