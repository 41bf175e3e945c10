// SPDX-License-Identifier: GPL-2.0-only
/*
 * trail.c - snapshots along one execution, so that a search goes back a little
 * instead of beginning anew.
 *
 * All stacks are copied each time, not only those of threads that have run: a
 * thread may well write to the stack of another, whose wait entry lies there.
 */
#include "snapshot.h"

#include <stdlib.h>
#include <string.h>

struct snapshot {
	uint32_t position;
	unsigned int turn_thread;	/* see check_turn() */
	uint64_t turn_hash;
	size_t at;			/* in bytes, */
	size_t bytes;			/* so many of them */
};

static struct snapshot *snapshots;
static size_t nr_snapshots;
static size_t snapshots_room;
static char *bytes;
static size_t bytes_used;
static size_t bytes_room;

static int reserve(void)
{
	size_t wanted = bytes_used + snapshot_bytes();

	if (wanted > bytes_room) {
		size_t room = bytes_room ? 2 * wanted : 16 * wanted;
		char *more = realloc(bytes, room);

		if (!more)
			return -1;
		bytes = more;
		bytes_room = room;
	}
	if (nr_snapshots == snapshots_room) {
		size_t room = 2 * snapshots_room + 16;
		struct snapshot *more =
			realloc(snapshots, room * sizeof(*snapshots));

		if (!more)
			return -1;
		snapshots = more;
		snapshots_room = room;
	}
	return 0;
}

int trail_save(uint32_t position)
{
	struct snapshot *s;

	if (reserve())
		return -1;
	s = &snapshots[nr_snapshots++];
	s->position = position;
	s->turn_thread = run.turn_thread;
	s->turn_hash = run.turn_hash;
	s->at = bytes_used;
	s->bytes = snapshot_save(bytes + s->at, WITH_COMPANIONS);
	bytes_used = s->at + s->bytes;
	return 0;
}

int trail_begin(void)
{
	nr_snapshots = 0;
	bytes_used = 0;
	return trail_save(0);
}

void trail_end(void)
{
	free(snapshots);
	free(bytes);
	snapshots = NULL;
	bytes = NULL;
	nr_snapshots = snapshots_room = bytes_used = bytes_room = 0;
}

uint32_t trail_last(void)
{
	return snapshots[nr_snapshots - 1].position;
}

static void restore(const struct snapshot *s)
{
	snapshot_restore(bytes + s->at, WITH_COMPANIONS);
	bytes_used = s->at + s->bytes;
	run.turn_thread = s->turn_thread;
	run.turn_hash = s->turn_hash;
}

uint32_t trail_restore(uint32_t position)
{
	while (snapshots[nr_snapshots - 1].position > position)
		nr_snapshots--;
	restore(&snapshots[nr_snapshots - 1]);
	return trail_last();
}

void trail_restart(void)
{
	nr_snapshots = 1;
	restore(&snapshots[0]);
}

int trail_try(void)
{
	return trail_save(UINT32_MAX);
}

void trail_tried(void)
{
	const struct snapshot *s = &snapshots[--nr_snapshots];

	restore(s);
	bytes_used = s->at;
}

bool trail_same(void)
{
	return trail_same_but(CHECK_MAX_THREADS);
}

bool trail_same_but(unsigned int t)
{
	const struct snapshot *s = &snapshots[nr_snapshots - 1];

	return snapshot_is_same_but(bytes + s->at, s->bytes, t);
}

size_t trail_bytes(void)
{
	return bytes_room + snapshots_room * sizeof(*snapshots);
}
