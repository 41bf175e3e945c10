/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * power_cut.h - what a medium may hold when the power is cut.
 *
 * A store goes to its line in the CPU's cache.  The line reaches the medium
 * when it is written back, and at any time before that, by itself, as it is
 * then.  So when the power is cut, each line on the medium is any of its
 * versions since it was last written back, whatever the others are.
 *
 * The stores and write-backs of an operation are recorded; then every image
 * of the medium that a cut at some moment can leave is built and shown to a
 * function.  Just before a write-back the choice is largest: it includes what
 * was possible since the last one.  So it is enough to look there, and at the
 * end.  If that makes more than POWER_CUT_ALL images, there are instead: each
 * prefix of the stores as it is, each line at each of its versions while all
 * others are the oldest, and while they are the newest, and random ones.
 */
#ifndef POWER_CUT_H
#define POWER_CUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define POWER_CUT_EVENTS 65536
#define POWER_CUT_ALL 8192
#define POWER_CUT_RANDOM 512

struct power_cut_event {
	uint64_t at;
	uint64_t size;
	uint64_t val;
	bool writeback;
};

struct power_cut {
	unsigned char *medium;		/* as if all had been written back */
	size_t bytes;
	size_t line_bytes;
	struct power_cut_event *events;
	size_t nr_events;

	/* Stores that may or may not be there, oldest first. */
	size_t *pending;
	size_t nr_pending;
	unsigned int *nr_in_line;	/* how many of them in each line */
	unsigned int *version;		/* how many of those are there */
	size_t *lines;			/* that have any */
	size_t nr_lines;

	unsigned char *image;
	void (*check)(void *arg, const unsigned char *image, bool finished);
	void *arg;
	uint64_t nr_images;
	uint64_t nr_sampled;		/* moments that had too many */
	uint64_t random;
};

static void *power_cut_alloc(size_t nr, size_t bytes)
{
	void *memory = calloc(nr, bytes);

	if (!memory)
		abort();
	return memory;
}

/* Begin to record; the medium is what device is now. */
static inline void power_cut_start(struct power_cut *cut, const void *device,
				   size_t bytes, size_t line_bytes)
{
	memset(cut, 0, sizeof(*cut));
	cut->bytes = bytes;
	cut->line_bytes = line_bytes;
	cut->medium = power_cut_alloc(1, bytes);
	cut->image = power_cut_alloc(1, bytes);
	memcpy(cut->medium, device, bytes);
	cut->events = power_cut_alloc(POWER_CUT_EVENTS, sizeof(*cut->events));
	cut->pending = power_cut_alloc(POWER_CUT_EVENTS,
				       sizeof(*cut->pending));
	cut->nr_in_line = power_cut_alloc(bytes / line_bytes,
					  sizeof(*cut->nr_in_line));
	cut->version = power_cut_alloc(bytes / line_bytes,
				       sizeof(*cut->version));
	cut->lines = power_cut_alloc(bytes / line_bytes, sizeof(*cut->lines));
	cut->random = 88172645463325252U;
}

static inline void power_cut_end(struct power_cut *cut)
{
	free(cut->medium);
	free(cut->image);
	free(cut->events);
	free(cut->pending);
	free(cut->nr_in_line);
	free(cut->version);
	free(cut->lines);
}

static void power_cut_event(struct power_cut *cut, uint64_t at, uint64_t size,
			    uint64_t val, bool writeback)
{
	if (cut->nr_events == POWER_CUT_EVENTS || at + size > cut->bytes)
		abort();
	cut->events[cut->nr_events++] = (struct power_cut_event){
		at, size, val, writeback,
	};
}

static void power_cut_apply(unsigned char *bytes,
			    const struct power_cut_event *store)
{
	memcpy(bytes + store->at, &store->val, store->size);
}

/* Show the image in which each line has that many of its stores. */
static void power_cut_show(struct power_cut *cut, bool finished)
{
	unsigned int *left = cut->version;
	size_t i;

	memcpy(cut->image, cut->medium, cut->bytes);
	for (i = 0; i < cut->nr_pending; i++) {
		const struct power_cut_event *store =
			&cut->events[cut->pending[i]];
		size_t line = store->at / cut->line_bytes;

		if (!left[line])
			continue;
		left[line]--;
		power_cut_apply(cut->image, store);
	}
	cut->nr_images++;
	cut->check(cut->arg, cut->image, finished);
}

static unsigned int power_cut_dice(struct power_cut *cut, unsigned int nr)
{
	cut->random ^= cut->random << 13;
	cut->random ^= cut->random >> 7;
	cut->random ^= cut->random << 17;
	return (unsigned int)(cut->random >> 32) % nr;
}

/* Set every line to its oldest or newest version. */
static void power_cut_set(struct power_cut *cut, bool newest)
{
	for (size_t i = 0; i < cut->nr_lines; i++) {
		size_t line = cut->lines[i];

		cut->version[line] = newest ? cut->nr_in_line[line] : 0;
	}
}

/* Version number nr, in a row of all combinations. */
static void power_cut_number(struct power_cut *cut, uint64_t nr)
{
	for (size_t i = 0; i < cut->nr_lines; i++) {
		size_t line = cut->lines[i];

		cut->version[line] =
			(unsigned int)(nr % (cut->nr_in_line[line] + 1));
		nr /= cut->nr_in_line[line] + 1;
	}
}

static void power_cut_some(struct power_cut *cut)
{
	size_t i, all = cut->nr_pending;
	unsigned int version;

	cut->nr_sampled++;
	for (i = 0; i < all; i++) {
		cut->nr_pending = i;
		power_cut_set(cut, true);
		power_cut_show(cut, false);
	}
	cut->nr_pending = all;
	for (i = 0; i < 2 * cut->nr_lines; i++) {
		size_t line = cut->lines[i / 2];

		for (version = 0; version <= cut->nr_in_line[line]; version++) {
			power_cut_set(cut, i % 2);
			cut->version[line] = version;
			power_cut_show(cut, false);
		}
	}
	for (i = 0; i < POWER_CUT_RANDOM; i++) {
		for (size_t j = 0; j < cut->nr_lines; j++) {
			size_t line = cut->lines[j];

			cut->version[line] = power_cut_dice(
				cut, cut->nr_in_line[line] + 1);
		}
		power_cut_show(cut, false);
	}
}

/* Show all images that a cut at this moment may leave. */
static void power_cut_moment(struct power_cut *cut)
{
	uint64_t nr = 1;
	size_t i;

	memset(cut->nr_in_line, 0,
	       cut->bytes / cut->line_bytes * sizeof(*cut->nr_in_line));
	memset(cut->version, 0,
	       cut->bytes / cut->line_bytes * sizeof(*cut->version));
	cut->nr_lines = 0;
	for (i = 0; i < cut->nr_pending; i++) {
		size_t line = cut->events[cut->pending[i]].at /
			      cut->line_bytes;

		if (!cut->nr_in_line[line]++)
			cut->lines[cut->nr_lines++] = line;
	}
	for (i = 0; i < cut->nr_lines && nr <= POWER_CUT_ALL; i++)
		nr *= cut->nr_in_line[cut->lines[i]] + 1;
	if (nr > POWER_CUT_ALL) {
		power_cut_some(cut);
		return;
	}
	while (nr--) {
		power_cut_number(cut, nr);
		power_cut_show(cut, false);
	}
}

/* Lines that have a byte in [at, at + size) are on the medium. */
static void power_cut_written(struct power_cut *cut, uint64_t at, uint64_t size)
{
	uint64_t first = at / cut->line_bytes;
	uint64_t last = (at + size - 1) / cut->line_bytes;
	size_t i, kept = 0;

	for (i = 0; i < cut->nr_pending; i++) {
		const struct power_cut_event *store =
			&cut->events[cut->pending[i]];
		uint64_t line = store->at / cut->line_bytes;

		if (line >= first && line <= last)
			power_cut_apply(cut->medium, store);
		else
			cut->pending[kept++] = cut->pending[i];
	}
	cut->nr_pending = kept;
}

/*
 * Show check() each image, and at last, finished, the one in which only what
 * was never written back is missing; then the one in which nothing is.
 */
static inline void
power_cut_images(struct power_cut *cut,
		 void (*check)(void *arg, const unsigned char *image,
			       bool finished),
		 void *arg)
{
	cut->check = check;
	cut->arg = arg;
	for (size_t i = 0; i < cut->nr_events; i++) {
		const struct power_cut_event *event = &cut->events[i];

		if (!event->writeback) {
			cut->pending[cut->nr_pending++] = i;
			continue;
		}
		power_cut_moment(cut);
		power_cut_written(cut, event->at, event->size);
	}
	power_cut_moment(cut);
	power_cut_set(cut, false);
	power_cut_show(cut, true);
	power_cut_set(cut, true);
	power_cut_show(cut, true);
}

#endif /* POWER_CUT_H */
