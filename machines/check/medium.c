// SPDX-License-Identifier: GPL-2.0-only
/*
 * medium.c - what a power cut would leave of the device's pages.
 *
 * A line is a word, as small as it can be: most can go wrong with it.  The
 * frame's word is what the CPUs see.  On the medium is the value that was
 * written back last, or any that was stored since, because a cache writes a
 * line back when it likes; so a line keeps them all until it is written back.
 * Which one it is matters to nobody before the power is cut and somebody looks:
 * only then is there a choice.
 *
 * The operations on a line are those on the frame's word: a store is a WRITE,
 * a write-back a READ, because of two it does not matter which comes first,
 * and who looks at the medium WRITEs, so that he comes before or after each of
 * both.  Lines are a region of the checker, empty without options.medium.
 */
#include "internal.h"

#include <string.h>

struct line {
	uint32_t stores;		/* so far */
	uint32_t written;		/* of them before the last write-back */
	uint32_t nr;			/* versions; 0: the frame's word only */
	uint32_t pad;
	uint64_t versions[CHECK_MACHINE_VERSIONS]; /* all different */
};

static struct line *lines;		/* of the device, page by page */

static size_t page_lines(void)
{
	return ((size_t)1 << options_in_use.geometry.page_shift) / 8;
}

static size_t lines_used(void)
{
	if (!options_in_use.medium)
		return 0;
	return options_in_use.device_pages * page_lines() * sizeof(*lines);
}

int medium_open(void)
{
	static size_t reserved;

	machine->lines_used = lines_used();
	if (machine->lines_used > reserved) {
		reserved = machine->lines_used;
		lines = check_reserve(reserved);
		if (!lines)
			return -1;
	}
	if (!lines)
		return 0;
	return check_region(lines, &machine->lines_used);
}

void medium_reset(void)
{
	machine->lines_used = lines_used();
	if (machine->lines_used)
		memset(lines, 0, machine->lines_used);
}

static struct line *line_at(uint64_t pfn, size_t offset)
{
	return &lines[(pfn - DEVICE_PFN) * page_lines() + offset / 8];
}

static uint64_t word_at(uint64_t pfn, size_t offset)
{
	return pages_frame(pfn)->words[offset / 8];
}

static void add_version(struct line *line, uint64_t value, const void *where)
{
	for (uint32_t i = 0; i < line->nr; i++)
		if (line->versions[i] == value)
			return;
	if (line->nr == CHECK_MACHINE_VERSIONS) {
		check_fail(CHECK_NO_MEMORY, where,
			   "a line has more than %u versions since it was written back",
			   CHECK_MACHINE_VERSIONS);
		return;
	}
	line->versions[line->nr++] = value;
}

void medium_stored(uint64_t pfn, size_t offset, uint64_t old,
		   const void *where)
{
	struct line *line;

	if (!options_in_use.medium || looking ||
	    pages_frame(pfn)->state != FRAME_DEVICE)
		return;
	line = line_at(pfn, offset);
	if (!line->nr)
		add_version(line, old, where);
	add_version(line, word_at(pfn, offset), where);
	line->stores++;
}

static void write_back(uint64_t pfn, size_t offset)
{
	struct line *line = line_at(pfn, offset);

	line->written = line->stores;
	line->nr = 0;
	memset(line->versions, 0, sizeof(line->versions));
}

unsigned int machine_line_shift(void)
{
	return 3;
}

/*
 * One operation for all the lines of a page: what another CPU stores to one of
 * them comes before or after it, and nobody can tell the lines apart by that.
 */
static void write_back_page(uint64_t pfn, size_t first, size_t end,
			    const void *where)
{
	struct frame *frame = pages_frame(pfn);

	if (!frame || frame->state != FRAME_DEVICE)
		check_fail_stop(12, where, "no lines of the device");
	first &= ~(size_t)7;
	end = (end + 7) & ~(size_t)7;
	check_op_range(&frame->words[first / 8], end - first, CHECK_READ);
	for (size_t at = first; at < end; at += 8)
		write_back(pfn, at);
}

void machine_cache_writeback(uint64_t pfn, size_t offset, size_t bytes)
{
	size_t page_bytes = page_lines() * 8;
	size_t end = offset + bytes;

	if (!options_in_use.medium || looking)
		return;
	for (size_t at = offset; at < end; at += page_bytes - at % page_bytes) {
		size_t page = at / page_bytes * page_bytes;

		write_back_page(pfn + page / page_bytes, at - page,
				end - page < page_bytes ? end - page :
							  page_bytes, CALLER);
	}
}

void check_machine_settle(void)
{
	if (!options_in_use.medium)
		return;
	for (uint32_t i = 0; i < options_in_use.device_pages; i++)
		for (size_t at = 0; at < page_lines() * 8; at += 8)
			write_back(DEVICE_PFN + i, at);
}

void check_machine_power_cut(void)
{
	size_t bytes;
	const void *start = pages_device(&bytes);

	check_op_range(start, bytes, CHECK_WRITE);
}

struct check_machine_versions check_machine_medium(uint64_t pfn, size_t offset)
{
	struct check_machine_versions versions = { .nr = 1 };
	const struct line *line;

	versions.of[0] = word_at(pfn, offset);
	if (!options_in_use.medium || pages_frame(pfn)->state != FRAME_DEVICE)
		return versions;
	line = line_at(pfn, offset);
	if (line->nr) {
		versions.nr = line->nr;
		memcpy(versions.of, line->versions, sizeof(versions.of));
	}
	return versions;
}

uint64_t check_machine_survivor(const struct check_machine_versions *versions)
{
	return versions->of[check_choose(versions->nr)];
}

size_t check_machine_marks(void)
{
	return page_lines();
}

void check_machine_sync_begin(uint64_t pfn, uint32_t *marks)
{
	const struct frame *frame = pages_frame(pfn);

	memset(marks, 0, page_lines() * sizeof(*marks));
	if (!options_in_use.medium)
		return;
	check_op_range(frame->words, page_lines() * 8, CHECK_READ);
	for (size_t i = 0; i < page_lines(); i++)
		marks[i] = line_at(pfn, 8 * i)->stores;
}

bool check_machine_synced(uint64_t pfn, const uint32_t *marks, size_t *offset)
{
	const struct frame *frame = pages_frame(pfn);

	if (!options_in_use.medium)
		return true;
	check_op_range(frame->words, page_lines() * 8, CHECK_WRITE);
	for (size_t i = 0; i < page_lines(); i++) {
		*offset = 8 * i;
		if (line_at(pfn, *offset)->written < marks[i])
			return false;
	}
	return true;
}
