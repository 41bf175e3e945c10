/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * native.c - opening the machine, shared words, complaints and choices.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "internal.h"

static struct native_options options;
static bool is_open;
static uint64_t reports[NATIVE_ORACLES];

static bool geometry_valid(const struct machine_geometry *geometry)
{
	return geometry->page_shift >= 3 && geometry->page_shift <= 30 &&
	       geometry->huge_order >= 1 && geometry->huge_order <= 18 &&
	       geometry->tree_bits >= 1 &&
	       geometry->huge_order % geometry->tree_bits == 0;
}

/* See native.h. */
int native_open(const struct native_options *wanted)
{
	int err;

	if (is_open)
		return -EBUSY;
	if (!geometry_valid(&wanted->geometry) || wanted->ram_pages == 0)
		return -EINVAL;
	err = native_memory_open(wanted);
	if (err)
		return err;
	options = *wanted;
	for (size_t i = 0; i < NATIVE_ORACLES; i++)
		reports[i] = 0;
	native_tasks_open();
	is_open = true;
	return 0;
}

/* See native.h. */
void native_close(void)
{
	if (!is_open)
		return;
	native_tasks_close();
	native_memory_close();
	is_open = false;
}

const struct machine_geometry *machine_geometry(void)
{
	return &options.geometry;
}

uint64_t machine_load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

void machine_store(uint64_t *word, uint64_t val)
{
	__atomic_store_n(word, val, __ATOMIC_SEQ_CST);
}

uint64_t machine_xchg(uint64_t *word, uint64_t val)
{
	return __atomic_exchange_n(word, val, __ATOMIC_SEQ_CST);
}

bool machine_cmpxchg(uint64_t *word, uint64_t *expected, uint64_t val)
{
	return __atomic_compare_exchange_n(word, expected, val, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

void machine_add(uint64_t *word, int64_t delta)
{
	__atomic_fetch_add(word, (uint64_t)delta, __ATOMIC_SEQ_CST);
}

/*
 * A word of a page table is a word.  That it lies in a table is not checked:
 * who gets this wrong destroys memory, as in life.
 */
uint64_t machine_pt_load(const uint64_t *entry)
{
	return machine_load(entry);
}

void machine_pt_store(uint64_t *entry, uint64_t val)
{
	machine_store(entry, val);
}

uint64_t machine_pt_xchg(uint64_t *entry, uint64_t val)
{
	return machine_xchg(entry, val);
}

bool machine_pt_cmpxchg(uint64_t *entry, uint64_t *expected, uint64_t val)
{
	return machine_cmpxchg(entry, expected, val);
}

unsigned int machine_choose(unsigned int nr, const char *what)
{
	unsigned int chosen;

	if (!options.choose)
		return 0;
	chosen = options.choose(options.arg, nr, what);
	BUG_ON(0, chosen >= nr);
	return chosen;
}

void machine_trace(const char *name, uint64_t a, uint64_t b)
{
	if (options.on_trace)
		options.on_trace(options.arg, name, a, b);
}

void native_stored(uint64_t pfn, size_t offset, size_t bytes)
{
	if (options.on_store)
		options.on_store(options.arg, pfn, offset, bytes);
}

void native_written_back(uint64_t pfn, size_t offset, size_t bytes)
{
	if (options.on_writeback)
		options.on_writeback(options.arg, pfn, offset, bytes);
}

void machine_report(unsigned int oracle, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (oracle < NATIVE_ORACLES)
		__atomic_fetch_add(&reports[oracle], 1, __ATOMIC_RELAXED);
	if (options.on_report)
		options.on_report(options.arg, oracle, text);
	else
		fprintf(stderr, "faultline: O%u: %s\n", oracle, text);
}

_Noreturn void machine_bug(unsigned int oracle, const char *file, int line,
			   const char *condition)
{
	fprintf(stderr, "faultline: O%u: kernel BUG at %s:%d: %s\n", oracle,
		file, line, condition);
	abort();
}

/* See native.h. */
uint64_t native_reports(unsigned int oracle)
{
	if (oracle >= NATIVE_ORACLES)
		return 0;
	return __atomic_load_n(&reports[oracle], __ATOMIC_RELAXED);
}
