// SPDX-License-Identifier: GPL-2.0-only
/*
 * sharing.c - what is known of the objects of the program under test.
 *
 * An operation may be joined to the step before it, without a chance for
 * others, if it commutes with everything other threads do before this thread
 * moves again.  Two facts about its object imply that:
 *   - no other thread performs an operation on it that does not commute, or
 *   - every operation on it, by any thread, is done under one common lock
 *     that is held for writing: others cannot get there first.
 * Both are assumed until an operation proves them wrong, then the search by
 * states starts again with what is known now.  When a search ends without a
 * surprise, the assumptions held in every state it reached, and it reached
 * all that matter (DESIGN.md, "Reduction", has the argument).
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define MAX_LOCKS 4

struct object {
	const void *address;
	uint32_t seen[3];		/* by class: which threads */
	uint32_t released;		/* a lock: by which threads */
	uint32_t plain;			/* who did to it what never waits */
	uint8_t nr_locks;		/* common to all operations so far */
	bool noted;
	const struct check_lock *locks[MAX_LOCKS];
};

static struct object *table;
static size_t table_size;		/* a power of two */
static size_t nr_objects;
static bool changed;
static bool news;

void sharing_reset(void)
{
	free(table);
	table = NULL;
	table_size = 0;
	nr_objects = 0;
	changed = false;
	news = false;
}

bool sharing_changed(void)
{
	bool was = changed;

	changed = false;
	return was;
}

bool sharing_surprises(void)
{
	return changed;
}

bool sharing_news(void)
{
	bool was = news;

	news = false;
	return was;
}

size_t sharing_bytes(void)
{
	return table_size * sizeof(*table);
}

static size_t hash(const void *address)
{
	return (size_t)(((uintptr_t)address >> 2) * 0x9e3779b97f4a7c15u >> 20);
}

static struct object *slot(const void *address)
{
	size_t i = hash(address) & (table_size - 1);

	while (table[i].address && table[i].address != address)
		i = (i + 1) & (table_size - 1);
	return &table[i];
}

static void grow(void)
{
	struct object *old = table;
	size_t old_size = table_size;

	table_size = old_size ? 2 * old_size : 1024;
	table = calloc(table_size, sizeof(*table));
	if (!table)
		abort();
	for (size_t i = 0; i < old_size; i++)
		if (old[i].address)
			*slot(old[i].address) = old[i];
	free(old);
}

static struct object *find(const void *address)
{
	struct object *object;

	if (2 * nr_objects >= table_size)
		grow();
	object = slot(address);
	if (!object->address) {
		object->address = address;
		nr_objects++;
	}
	return object;
}

/* Which threads did something to object that class does not commute with? */
static unsigned int opponents(const struct object *object, uint32_t class)
{
	switch (class) {
	case CHECK_READ:
		return object->seen[CHECK_ADD] | object->seen[CHECK_WRITE];
	case CHECK_ADD:
		return object->seen[CHECK_READ] | object->seen[CHECK_WRITE];
	default:
		return object->seen[CHECK_READ] | object->seen[CHECK_ADD] |
		       object->seen[CHECK_WRITE];
	}
}

static bool commutes(const struct object *object, unsigned int t,
		     uint32_t class)
{
	return object->nr_locks || !(opponents(object, class) & ~(1u << t));
}

/* The threads that were seen to do what does not commute, by class. */
static void conflicts(const struct object *object, uint32_t mask[3])
{
	for (uint32_t class = 0; class < 3; class++) {
		mask[class] = 0;
		for (unsigned int t = 0; t < CHECK_MAX_THREADS; t++)
			if ((object->seen[class] & (1u << t)) &&
			    !commutes(object, t, class))
				mask[class] |= 1u << t;
	}
}

static bool holds(unsigned int t, const struct check_lock *lock)
{
	const struct thread *thread = &world->threads[t];

	for (uint32_t i = 0; i < thread->nr_held; i++)
		if (thread->held[i] == lock)
			return lock->writer == t + 1;
	return false;
}

/* Keep of the object's common locks those that thread t holds. */
static void meet_locks(struct object *object, unsigned int t)
{
	const struct thread *thread = &world->threads[t];
	uint8_t kept = 0;

	if (!object->noted) {
		for (uint32_t i = 0; i < thread->nr_held; i++)
			if (holds(t, thread->held[i]) && kept < MAX_LOCKS)
				object->locks[kept++] = thread->held[i];
	} else {
		for (uint8_t i = 0; i < object->nr_locks; i++)
			if (holds(t, object->locks[i]))
				object->locks[kept++] = object->locks[i];
	}
	object->nr_locks = kept;
	object->noted = true;
}

/* Return: thread t holds all locks under which the object was used so far. */
static bool holds_all(const struct object *object, unsigned int t)
{
	for (uint8_t i = 0; i < object->nr_locks; i++)
		if (!holds(t, object->locks[i]))
			return false;
	return true;
}

static bool note(struct object *object, unsigned int t, uint32_t class)
{
	bool known = (object->seen[class] & (1u << t)) != 0;
	uint32_t seen[3], before[3], after[3];

	if (!known || !holds_all(object, t)) {
		news = true;
		memcpy(seen, object->seen, sizeof(seen));
		conflicts(object, before);
		meet_locks(object, t);
		object->seen[class] |= 1u << t;
		conflicts(object, after);
		for (unsigned int c = 0; c < 3; c++)
			if (after[c] & seen[c] & ~before[c])
				changed = true;
	}
	return commutes(object, t, class);
}

/*
 * Whoever wants a lock waits until it is released, so a release commutes with
 * that.  Not with somebody who does not wait: who frees the lock, or looks
 * whether it is held.  mine: what t does, as a mask to be noted; theirs: what
 * it does not commute with.
 */
static bool note_lock(unsigned int t, uint32_t *mine, const uint32_t *theirs)
{
	bool alone = !(*theirs & ~(1u << t));

	if (!(*mine & (1u << t))) {
		*mine |= 1u << t;
		news = true;
		if (!alone)
			changed = true;
	}
	return alone;
}

bool sharing_note(unsigned int t, const void *address, size_t bytes,
		  uint32_t class, bool (*enabled)(const void *object))
{
	bool all = true;

	if (class == CLASS_PARK)
		class = CHECK_WRITE;
	if (class == CLASS_CHOICE)
		return false;
	for (size_t at = 0; at < bytes; at += 8) {
		struct object *object = find((const char *)address + at);

		if (class > CHECK_WRITE)
			all &= note_lock(t, &object->released, &object->plain);
		else
			all &= note(object, t, class);
		if (class <= CHECK_WRITE && !enabled)
			all &= note_lock(t, &object->plain, &object->released);
	}
	return all;
}
