/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * access.c - loads, stores, and pages themselves.
 */
#include <string.h>

#include "internal.h"

static bool access_ok(uint64_t address, size_t size)
{
	return (size == 1 || size == 2 || size == 4 || size == 8) &&
	       address % size == 0;
}

int fl_load(struct fl_space *space, uint64_t address, size_t size,
	    uint64_t *value)
{
	if (!space || !value || !access_ok(address, size))
		return -EINVAL;
	return public_error(mm_load(space->mm, address, size, value));
}

int fl_store(struct fl_space *space, uint64_t address, size_t size,
	     uint64_t value)
{
	if (!space || !access_ok(address, size))
		return -EINVAL;
	return public_error(mm_store(space->mm, address, size, value));
}

/* Return: how much of bytes one access can do. */
static size_t step_bytes(uint64_t address, size_t bytes)
{
	return address % 8 == 0 && bytes >= 8 ? 8 : 1;
}

int64_t fl_load_bytes(struct fl_space *space, uint64_t address, void *to,
		      size_t bytes)
{
	unsigned char *at = to;
	size_t done = 0;

	if (!space || (!to && bytes) || bytes > INT64_MAX ||
	    address > UINT64_MAX - bytes)
		return -EINVAL;
	while (done < bytes) {
		size_t step = step_bytes(address + done, bytes - done);
		uint64_t value = 0;
		int error = mm_load(space->mm, address + done, step, &value);

		if (error)
			return done ? (int64_t)done : public_error(error);
		if (step == 8)
			memcpy(at + done, &value, 8);
		else
			at[done] = (unsigned char)value;
		done += step;
	}
	return (int64_t)done;
}

int64_t fl_store_bytes(struct fl_space *space, uint64_t address,
		       const void *from, size_t bytes)
{
	const unsigned char *at = from;
	size_t done = 0;

	if (!space || (!from && bytes) || bytes > INT64_MAX ||
	    address > UINT64_MAX - bytes)
		return -EINVAL;
	while (done < bytes) {
		size_t step = step_bytes(address + done, bytes - done);
		uint64_t value = at[done];
		int error;

		if (step == 8)
			memcpy(&value, at + done, 8);
		error = mm_store(space->mm, address + done, step, value);
		if (error)
			return done ? (int64_t)done : public_error(error);
		done += step;
	}
	return (int64_t)done;
}

/* ---- Pins ---- */

static void count_pins(struct fl_pool *pool, int by)
{
	pthread_mutex_lock(&pool->lock);
	pool->nr_pins += (uint64_t)by;
	pthread_mutex_unlock(&pool->lock);
}

int fl_pin(struct fl_space *space, uint64_t address, unsigned int access,
	   struct fl_pin *pin)
{
	unsigned int fault = access == FL_WRITE ? FAULT_FLAG_WRITE : 0;
	uint64_t pfn;
	int error;

	if (!space || !pin || !page_aligned(address) ||
	    (access != FL_READ && access != FL_WRITE))
		return -EINVAL;
	error = pin_user_page(space->mm, address, fault, &pfn);
	if (error)
		return error;
	count_pins(space->pool, 1);
	pin->page = machine_page_words(pfn);
	pin->frame = pfn;
	return 0;
}

void fl_unpin(struct fl_pool *pool, struct fl_pin *pin)
{
	unpin_user_page(pin->frame);
	pin->page = NULL;
	pin->frame = 0;
	count_pins(pool, -1);
}

int fl_persist(struct fl_pool *pool, const struct fl_pin *pin, size_t offset,
	       size_t bytes)
{
	if (!pool || !pin || !pin->frame || offset > FL_PAGE_BYTES ||
	    bytes > FL_PAGE_BYTES - offset)
		return -EINVAL;
	/* A private copy is in RAM, which no power cut leaves. */
	if (bytes && pin->frame >= native_device_pfn())
		machine_cache_writeback(pin->frame, offset, bytes);
	return 0;
}
