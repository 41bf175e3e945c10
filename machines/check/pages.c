// SPDX-License-Identifier: GPL-2.0-only
/*
 * pages.c - page frames: of RAM, for each CPU its own, and of the device.
 *
 * As with the checker's arenas a CPU gets the lowest frame of its own that is
 * free, and what another CPU freed stays unused: so which frame it is does not
 * depend on the interleaving.
 */
#include "internal.h"

#include <errno.h>
#include <string.h>

static char *ram;
static char *notes;			/* then come the device's frames */
static char *device;
static char *zero;			/* no region: it never changes */
static size_t stride;			/* bytes of a frame */

static size_t page_bytes(void)
{
	return (size_t)1 << options_in_use.geometry.page_shift;
}

static uint64_t zero_frames(void)
{
	return (uint64_t)1 << options_in_use.geometry.huge_order;
}

static size_t notes_bytes(void)
{
	return options_in_use.medium ? CHECK_MACHINE_NOTES * 8 : 0;
}

int pages_open(void)
{
	static size_t reserved;
	static size_t reserved_zero;

	stride = sizeof(struct frame) + page_bytes();
	if (options_in_use.device_pages > DEVICE_FRAMES) {
		errno = EINVAL;
		return -1;
	}
	if (stride > reserved) {
		ram = check_reserve(OWNERS * OWNER_FRAMES * stride);
		notes = check_reserve(CHECK_MACHINE_NOTES * 8 +
				      DEVICE_FRAMES * stride);
		reserved = stride;
	}
	if (zero_frames() * stride > reserved_zero) {
		reserved_zero = zero_frames() * stride;
		zero = check_reserve(reserved_zero);
	}
	if (!ram || !notes || !zero)
		return -1;
	device = notes + notes_bytes();
	for (unsigned int i = 0; i < OWNERS; i++)
		if (check_region(ram + i * OWNER_FRAMES * stride,
				 &machine->frames_used[i]))
			return -1;
	return check_region(notes, &machine->device_used);
}

void pages_reset(void)
{
	memset(ram, 0, OWNERS * OWNER_FRAMES * stride);
	machine->device_used = notes_bytes() +
			       options_in_use.device_pages * stride;
	memset(notes, 0, machine->device_used);
	for (uint32_t i = 0; i < options_in_use.device_pages; i++)
		pages_frame(DEVICE_PFN + i)->state = FRAME_DEVICE;
	memset(zero, 0, zero_frames() * stride);
	for (uint32_t i = 0; i < zero_frames(); i++)
		pages_frame(ZERO_PFN + i)->state = FRAME_ZERO;
}

uint64_t machine_zero_pfn(void)
{
	return ZERO_PFN;
}

void check_machine_poison(uint64_t pfn)
{
	pages_frame(pfn)->poisoned = 1;
}

bool machine_page_poisoned(uint64_t pfn)
{
	return pages_frame(pfn)->poisoned;
}

uint64_t *check_machine_notes(void)
{
	return options_in_use.medium ? (uint64_t *)(void *)notes : NULL;
}

const void *pages_device(size_t *bytes)
{
	*bytes = machine->device_used;
	return notes;
}

uint64_t check_machine_device(void)
{
	return DEVICE_PFN;
}

static struct frame *frame_at(char *base, size_t i)
{
	return (struct frame *)(void *)(base + i * stride);
}

struct frame *pages_frame(uint64_t pfn)
{
	if (pfn >= DEVICE_PFN &&
	    pfn - DEVICE_PFN < options_in_use.device_pages)
		return frame_at(device, pfn - DEVICE_PFN);
	if (pfn >= ZERO_PFN && pfn - ZERO_PFN < zero_frames())
		return frame_at(zero, pfn - ZERO_PFN);
	if (pfn && pfn <= OWNERS * OWNER_FRAMES)
		return frame_at(ram, pfn - 1);
	return NULL;
}

struct frame *pages_frame_of(const void *word)
{
	const char *at = word;

	if (at >= device && at < notes + machine->device_used)
		return frame_at(device, (size_t)(at - device) / stride);
	if (at >= ram && at < ram + OWNERS * OWNER_FRAMES * stride)
		return frame_at(ram, (size_t)(at - ram) / stride);
	if (at >= zero && at < zero + zero_frames() * stride)
		return frame_at(zero, (size_t)(at - zero) / stride);
	return NULL;
}

static void set_nr_frames(unsigned int owner, uint32_t nr)
{
	machine->nr_frames[owner] = nr;
	machine->frames_used[owner] = nr * stride;
}

uint64_t machine_page_alloc(enum machine_page_kind kind)
{
	unsigned int owner = this_cpu();
	uint64_t first = 1 + (uint64_t)owner * OWNER_FRAMES;
	struct frame *frame;
	uint32_t i = 0;

	check_may_sleep(CALLER);
	if (machine_choose(2, "page allocation"))
		return 0;
	while (i < machine->nr_frames[owner] &&
	       pages_frame(first + i)->state != FRAME_FREE)
		i++;
	if (i == OWNER_FRAMES) {
		check_fail(CHECK_NO_MEMORY, CALLER, "CPU%u has %u pages",
			   owner, OWNER_FRAMES);
		return 0;
	}
	if (i == machine->nr_frames[owner])
		set_nr_frames(owner, i + 1);
	frame = pages_frame(first + i);
	frame->state = kind == MACHINE_PAGE_TABLE ? FRAME_TABLE : FRAME_DATA;
	return first + i;
}

void machine_page_free(uint64_t pfn)
{
	struct frame *frame = pages_frame(pfn);
	unsigned int owner = (unsigned int)((pfn - 1) / OWNER_FRAMES);
	uint32_t nr;

	if (!frame ||
	    (frame->state != FRAME_TABLE && frame->state != FRAME_DATA))
		check_fail_stop(14, CALLER,
				"a page is freed that is not allocated");
	check_op_range(frame->meta, sizeof(frame->meta) + page_bytes(),
		       CHECK_WRITE);
	memset(frame, 0, stride);
	frame->state = owner == this_cpu() ? FRAME_FREE : FRAME_LIMBO;
	if (owner != this_cpu())
		return;
	nr = machine->nr_frames[owner];
	while (nr && pages_frame((uint64_t)owner * OWNER_FRAMES + nr)->state ==
			     FRAME_FREE)
		nr--;
	set_nr_frames(owner, nr);
}

/* A frame that must be there; those who only look get an empty one instead. */
static struct frame *must_frame(uint64_t pfn, const void *where)
{
	static uint64_t nothing[(sizeof(struct frame) + 4096) / 8];
	struct frame *frame = pages_frame(pfn);

	if (!frame && looking)
		return (struct frame *)nothing;
	if (!frame)
		check_fail_stop(12, where, "there is no page %#llx",
				(unsigned long long)pfn);
	return frame;
}

void *machine_page_meta(uint64_t pfn)
{
	return must_frame(pfn, CALLER)->meta;
}

uint64_t *machine_page_words(uint64_t pfn)
{
	return must_frame(pfn, CALLER)->words;
}

/*
 * O1: whoever takes a table out of the PMD clears it first.  Another entry in
 * its place means that the table, and all it maps, cannot be found any more.
 */
void pages_entry_changed(uint64_t from, uint64_t to, const void *where)
{
	uint64_t old = options_in_use.entry_pfn(from);
	uint64_t new = options_in_use.entry_pfn(to);
	struct frame *frame = pages_frame(old);

	if (!old || !frame || old == new)
		return;
	frame->lost = where;
	if (new && frame->state == FRAME_TABLE)
		check_fail(1, where, "a page table is overwritten: it is lost, with the pages it maps");
}

static struct frame *next_allocated(uint64_t *pfn)
{
	for (; *pfn <= OWNERS * OWNER_FRAMES; ++*pfn) {
		struct frame *frame = pages_frame(*pfn);

		if (frame->state == FRAME_TABLE || frame->state == FRAME_DATA)
			return frame;
	}
	return NULL;
}

/* A lost table explains the pages it names, so tables come first. */
const void *check_machine_lost(void)
{
	const void *data = NULL;
	struct frame *frame;

	for (uint64_t pfn = 1; (frame = next_allocated(&pfn)); pfn++) {
		if (frame->lost && frame->state == FRAME_TABLE)
			return frame->lost;
		if (frame->lost)
			data = frame->lost;
	}
	return data;
}

size_t check_machine_pages(void)
{
	size_t nr = 0;

	for (uint64_t pfn = 1; next_allocated(&pfn); pfn++)
		nr++;
	return nr;
}
