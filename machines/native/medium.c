/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * medium.c - getting what was stored to the device on its medium.
 *
 * What that takes depends on what the device is:
 *
 *   persistent memory	mapped with MAP_SYNC: lines are written back by
 *			instructions, no system call
 *   a file		msync(2)
 *   memory of our own	nothing: it ends with the process
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

#include "internal.h"

#define LINE_BYTES 64

enum medium_kind {
	MEDIUM_NONE,
	MEDIUM_FILE,
	MEDIUM_PMEM,
};

static enum medium_kind kind;

/* ------ lines of a CPU's cache ------ */

#ifdef __x86_64__

/* The best that the CPU has. */
static enum line_flush {
	FLUSH_UNKNOWN,
	FLUSH_CLFLUSH,		/* one line after the other */
	FLUSH_CLFLUSHOPT,
	FLUSH_CLWB,		/* and it stays in the cache */
} line_flush;

static enum line_flush find_line_flush(void)
{
	unsigned int a, b = 0, c, d;

	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
		return FLUSH_CLFLUSH;
	if (b & bit_CLWB)
		return FLUSH_CLWB;
	return b & bit_CLFLUSHOPT ? FLUSH_CLFLUSHOPT : FLUSH_CLFLUSH;
}

__attribute__((target("clwb"))) static void clwb(char *from, const char *end)
{
	for (; from < end; from += LINE_BYTES)
		_mm_clwb(from);
}

__attribute__((target("clflushopt"))) static void clflushopt(char *from,
							     const char *end)
{
	for (; from < end; from += LINE_BYTES)
		_mm_clflushopt(from);
}

static void clflush(char *from, const char *end)
{
	for (; from < end; from += LINE_BYTES)
		_mm_clflush(from);
}

bool native_write_lines_back(void *where, size_t bytes)
{
	char *from = (char *)where - (uintptr_t)where % LINE_BYTES;
	const char *end = (char *)where + bytes;

	switch (line_flush) {
	case FLUSH_CLWB:
		clwb(from, end);
		break;
	case FLUSH_CLFLUSHOPT:
		clflushopt(from, end);
		break;
	default:
		clflush(from, end);
		break;
	}
	_mm_sfence();
	return true;
}

static void lines_open(void)
{
	line_flush = find_line_flush();
}

#else

/* No instruction that we know: the system has to do it. */
bool native_write_lines_back(void *where, size_t bytes)
{
	(void)where;
	(void)bytes;
	return false;
}

static void lines_open(void)
{
}

#endif

/* ------ the device ------ */

void *native_medium_map(int fd, uint64_t bytes, bool own)
{
	void *where = MAP_FAILED;

	lines_open();
	kind = MEDIUM_NONE;
#ifdef MAP_SYNC
	if (!own) {
		kind = MEDIUM_PMEM;
		where = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			     MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0);
	}
#endif
	if (where != MAP_FAILED)
		return where;
	kind = own ? MEDIUM_NONE : MEDIUM_FILE;
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

/* msync(2) wants whole pages, of the host's size. */
static void sync_file(char *where, size_t bytes)
{
	size_t before = (uintptr_t)where % (size_t)sysconf(_SC_PAGESIZE);

	if (msync(where - before, before + bytes, MS_SYNC))
		machine_report(ORACLE_MEDIUM, "msync: %s", strerror(errno));
}

unsigned int machine_line_shift(void)
{
	unsigned int page_shift = machine_geometry()->page_shift;

	return page_shift < 6 ? page_shift : 6;
}

void machine_cache_writeback(uint64_t pfn, size_t offset, size_t bytes)
{
	char *where = native_device_bytes(pfn, offset, bytes);

	if (kind == MEDIUM_FILE ||
	    (kind == MEDIUM_PMEM && !native_write_lines_back(where, bytes)))
		sync_file(where, bytes);
	native_written_back(pfn, offset, bytes);
}
