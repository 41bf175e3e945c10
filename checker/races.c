// SPDX-License-Identifier: GPL-2.0-only
/*
 * races.c - which events of an execution came before which; see executions.c.
 *
 * Names used in this file
 *   word     eight bytes that operations touch; a range has several
 *   row      a set of events, as bits
 */
#include "executions.h"

#include <stdlib.h>
#include <string.h>

#define BIT(kind) (1u << KIND_##kind)
#define RELEASES (BIT(RELEASE_READ) | BIT(RELEASE_WRITE))

/*
 * Where a release stands among those that wait for its lock follows from who
 * takes it when; only what does not wait can come on either side of it.
 */
static const uint8_t kind_observes[KINDS] = {
	[KIND_READ] = BIT(ADD) | BIT(WRITE) | BIT(RELEASE_WRITE),
	[KIND_WRITE] = BIT(ADD) | BIT(WRITE) | BIT(ACQUIRE_READ) | RELEASES,
	[KIND_ACQUIRE_READ] = BIT(ADD) | BIT(WRITE) | BIT(RELEASE_WRITE),
};

static const uint8_t kind_observers[KINDS] = {
	[KIND_ADD] = BIT(READ) | BIT(WRITE) | BIT(ACQUIRE_READ),
	[KIND_WRITE] = BIT(READ) | BIT(WRITE) | BIT(ACQUIRE_READ),
	[KIND_ACQUIRE_READ] = BIT(WRITE),
	[KIND_RELEASE_READ] = BIT(WRITE),
	[KIND_RELEASE_WRITE] = BIT(READ) | BIT(WRITE) | BIT(ACQUIRE_READ),
};

/* Either of the two. */
const uint8_t kind_conflicts[KINDS] = {
	[KIND_READ] = BIT(ADD) | BIT(WRITE) | BIT(RELEASE_WRITE),
	[KIND_ADD] = BIT(READ) | BIT(WRITE) | BIT(ACQUIRE_READ),
	[KIND_WRITE] = BIT(READ) | BIT(ADD) | BIT(WRITE) | BIT(ACQUIRE_READ) |
		       RELEASES,
	[KIND_ACQUIRE_READ] = BIT(ADD) | BIT(WRITE) | BIT(RELEASE_WRITE),
	[KIND_RELEASE_READ] = BIT(WRITE),
	[KIND_RELEASE_WRITE] = BIT(READ) | BIT(WRITE) | BIT(ACQUIRE_READ),
};

/* ------ rows ------ */

/* So many rows, wider than they were. */
static void widen(struct bits *bits, uint32_t nr_rows, uint32_t from,
		  uint32_t to)
{
	uint64_t *at = calloc((size_t)nr_rows * to, sizeof(*at));

	if (!at)
		abort();
	for (uint32_t i = 0; i < bits->nr_rows && from; i++)
		memcpy(at + (size_t)i * to, bits->at + (size_t)i * from,
		       from * sizeof(*at));
	free(bits->at);
	bits->at = at;
	bits->nr_rows = nr_rows;
}

static void set_stride(struct executions *x, uint32_t stride)
{
	uint32_t nr = stride * WORD_BITS;

	widen(&x->rows, nr * ROWS, x->stride, stride);
	widen(&x->word_rows, x->words_room * KINDS, x->stride, stride);
	widen(&x->thread_rows, CHECK_MAX_THREADS, x->stride, stride);
	widen(&x->scratch, SCRATCH_ROWS, x->stride, stride);
	x->place = realloc(x->place, nr * sizeof(*x->place));
	if (!x->place)
		abort();
	x->stride = stride;
}

void races_reserve(struct executions *x, uint32_t id)
{
	while (id / WORD_BITS >= x->stride)
		set_stride(x, 2 * x->stride);
}

/* ------ words ------ */

static uint32_t hash(const void *address)
{
	return (uint32_t)(((uintptr_t)address >> 2) * 0x9e3779b97f4a7c15u >>
			  32);
}

static uint32_t *slot(const struct executions *x, const void *address)
{
	uint32_t i = hash(address) & (x->table_size - 1);

	while (x->table[i] && x->words[x->table[i] - 1].address != address)
		i = (i + 1) & (x->table_size - 1);
	return &x->table[i];
}

static void grow_words(struct executions *x)
{
	x->words_room = 2 * x->words_room + 64;
	x->words = realloc(x->words, x->words_room * sizeof(*x->words));
	free(x->table);
	for (x->table_size = 64; x->table_size < 4 * x->words_room;)
		x->table_size *= 2;
	x->table = calloc(x->table_size, sizeof(*x->table));
	if (!x->words || !x->table)
		abort();
	widen(&x->word_rows, x->words_room * KINDS, x->stride, x->stride);
	for (uint32_t i = 0; i < x->nr_words; i++)
		*slot(x, x->words[i].address) = i + 1;
}

struct word *races_word(struct executions *x, const void *address)
{
	uint32_t *at = slot(x, address);

	if (*at)
		return &x->words[*at - 1];
	if (x->nr_words == x->words_room) {
		grow_words(x);
		at = slot(x, address);
	}
	x->words[x->nr_words] = (struct word){ .address = address };
	*at = ++x->nr_words;
	return &x->words[*at - 1];
}

/* The rows of the word at a place in an operation's range. */
static uint64_t *word_rows(struct executions *x, const struct event *e,
			   uint32_t at)
{
	size_t i = e->word;

	if (at)
		i = (size_t)(races_word(x, (const char *)e->op.object + at) -
			     x->words);
	return x->word_rows.at + i * KINDS * x->stride;
}

static uint64_t *thread_row(struct executions *x, unsigned int t)
{
	return x->thread_rows.at + (size_t)t * x->stride;
}

/* ------ what came before what ------ */

/*
 * Nearly all executions have few events: what is done for each of them is
 * compiled once more for sets of one word.
 */
#define FOR_ANY_WIDTH static inline __attribute__((always_inline))

/* Add what came before each of `some`, which it knows itself. */
FOR_ANY_WIDTH void join_all(struct executions *x, uint32_t width, uint64_t *set,
			    const uint64_t *some, enum row row)
{
	for (uint32_t w = width; w-- > 0;) {
		uint64_t left;

		/* later ones first: they know most of the others */
		while ((left = some[w] & ~set[w])) {
			uint32_t i = w * WORD_BITS + WORD_BITS - 1 -
				     (uint32_t)__builtin_clzll(left);

			set_join(set, event_row(x, i, row), width);
		}
	}
}

/* Add those of other threads that did one of `kinds` to its words. */
FOR_ANY_WIDTH void collect(struct executions *x, uint32_t width,
			   const struct event *e, uint32_t kinds, uint64_t *set)
{
	const uint64_t *own = thread_row(x, e->op.thread);

	for (uint32_t at = 0; at < e->op.bytes; at += 8) {
		const uint64_t *rows = word_rows(x, e, at);

		for (uint32_t left = kinds; left; left &= left - 1)
			set_join(set,
				 rows + (uint32_t)__builtin_ctz(left) *
						x->stride, width);
	}
	for (uint32_t w = 0; w < width; w++)
		set[w] &= ~own[w];
}

void races_observers(struct executions *x, uint32_t n, uint64_t *set)
{
	const struct event *e = &x->events[n];

	for (uint32_t w = 0; w < x->width; w++)
		set[w] = 0;
	collect(x, x->width, e, kind_observers[kind_of(e->op.class)], set);
}

FOR_ANY_WIDTH void copy_row(const struct executions *x, uint32_t width,
			    uint32_t from, uint32_t to, enum row row)
{
	const uint64_t *old = event_row(x, from, row);
	uint64_t *new = event_row(x, to, row);

	for (uint32_t w = 0; w < width; w++)
		new[w] = old[w];
}

FOR_ANY_WIDTH void order(struct executions *x, uint32_t width,
			 const struct event *e)
{
	const uint32_t of = x->events[e->previous].id;
	const enum kind kind = kind_of(e->op.class);
	uint64_t *before = event_row(x, e->id, ROW_BEFORE);
	uint64_t *causes = event_row(x, e->id, ROW_CAUSES);
	uint64_t *conflicts = event_row(x, e->id, ROW_CONFLICTS);
	uint64_t *sources = event_row(x, e->id, ROW_SOURCES);

	copy_row(x, width, of, e->id, ROW_BEFORE);
	copy_row(x, width, of, e->id, ROW_CAUSES);
	for (uint32_t w = 0; w < width; w++)
		conflicts[w] = sources[w] = 0;
	if (e->meets) {
		collect(x, width, e, e->met & kind_conflicts[kind], conflicts);
		collect(x, width, e, e->met & kind_observes[kind], sources);
		join_all(x, width, before, conflicts, ROW_BEFORE);
		join_all(x, width, causes, sources, ROW_CAUSES);
	}
	set_add(before, e->id);
	set_add(causes, e->id);
}

FOR_ANY_WIDTH bool has_above(uint32_t width, const uint64_t *set, uint32_t id)
{
	for (uint32_t w = id / WORD_BITS; w < width; w++)
		if (set[w] & ~bits_below(w, id + 1))
			return true;
	return false;
}

/* Here they become other than those of the event ahead of it. */
FOR_ANY_WIDTH void own_sums(struct executions *x, uint32_t width,
			    struct event *e)
{
	for (uint32_t row = ROW_MOVED; row < ROWS && e->sums != e->id; row++)
		copy_row(x, width, e->sums, e->id, row);
	e->sums = e->id;
}

/* What is known of this event and all that stand ahead of it. */
FOR_ANY_WIDTH void sum_up(struct executions *x, uint32_t width,
			  struct event *e)
{
	const uint32_t id = e->id;
	const uint64_t *conflicts = event_row(x, id, ROW_CONFLICTS);
	uint64_t *moved = event_row(x, id, ROW_MOVED);

	e->sums = e[-1].sums;
	if (e->choice) {
		own_sums(x, width, e);
		set_add(moved, id);
	}
	if (e->meets && has_above(width, conflicts, id)) {
		own_sums(x, width, e);
		for (uint32_t w = id / WORD_BITS; w < width; w++)
			moved[w] |= conflicts[w] & ~bits_below(w, id);
		if (has_above(width, event_row(x, id, ROW_SOURCES), id))
			set_add(event_row(x, id, ROW_LATE_SOURCES), id);
	}
	if (has_above(width, event_row(x, id, ROW_CAUSES), id)) {
		own_sums(x, width, e);
		set_add(event_row(x, id, ROW_LATE_CAUSES), id);
	}
}

FOR_ANY_WIDTH void order_and_sum_up(struct executions *x, uint32_t width,
				    struct event *e)
{
	order(x, width, e);
	sum_up(x, width, e);
}

/* Rows of events that are there say nothing of ids that are new. */
static void grow_width(struct executions *x, uint32_t nr, uint32_t width)
{
	while (width > x->stride)
		set_stride(x, 2 * x->stride);
	for (uint32_t i = 0; i < nr; i++)
		for (uint32_t row = 0; row < ROWS; row++)
			for (uint32_t w = x->width; w < width; w++)
				event_row(x, x->events[i].id, row)[w] = 0;
	x->width = width;
}

void races_expect(struct executions *x, uint32_t id)
{
	uint32_t width = id / WORD_BITS + 1;

	if (width > x->width)
		grow_width(x, x->nr + 1, width);
	else if (width + 1 < x->width)
		x->width = width;
}

/* Be a user of its words from now on. */
static void use_words(struct executions *x, struct event *e)
{
	const uint32_t own = 1u << e->op.thread;
	const enum kind kind = kind_of(e->op.class);

	e->meets = false;
	e->met = 0;
	for (uint32_t at = 0; at < e->op.bytes; at += 8) {
		struct word *word =
			races_word(x, (const char *)e->op.object + at);

		if (!at) {
			e->word = (uint32_t)(word - x->words);
			e->users = word->users;
		}
		if (word->users.threads & ~own) {
			e->met |= word->users.kinds;
			e->meets |= word->users.kinds & kind_conflicts[kind];
		}
		word->users.threads |= own;
		if (kind != KIND_READ)
			word->users.writers |= own;
		if (e->op.bytes != 8 || e->op.class > CHECK_WRITE ||
		    e->op.locks)
			word->is_range = true;
		word->users.kinds |= 1u << kind;
	}
}

void races_record(struct executions *x, uint32_t n)
{
	struct event *e = &x->events[n];
	unsigned int t = e->op.thread;
	enum kind kind = kind_of(e->op.class);

	if (e->id / WORD_BITS >= x->width)
		grow_width(x, n, e->id / WORD_BITS + 1);
	e->previous = x->last_event[t];
	e->ordinal = x->nr_of[t]++;
	x->last_event[t] = (uint16_t)n;
	x->id_of[t * MAX_EVENTS + e->ordinal] = e->id;
	x->place[e->id] = (uint16_t)n;
	use_words(x, e);
	switch (x->width) {
	case 1:
		order_and_sum_up(x, 1, e);
		break;
	case 2:
		order_and_sum_up(x, 2, e);
		break;
	default:
		order_and_sum_up(x, x->width, e);
	}
	set_add(thread_row(x, t), e->id);
	set_add(scratch_row(x, SCRATCH_PRESENT), e->id);
	for (uint32_t at = 0; at < e->op.bytes; at += 8)
		set_add(word_rows(x, e, at) + kind * x->stride, e->id);
}

void races_forget(struct executions *x, uint32_t n)
{
	const struct event *e = &x->events[n];
	enum kind kind = kind_of(e->op.class);

	for (uint32_t at = 0; at < e->op.bytes; at += 8)
		set_remove(word_rows(x, e, at) + kind * x->stride, e->id);
	if (e->op.bytes)
		x->words[e->word].users = e->users;
	set_remove(scratch_row(x, SCRATCH_PRESENT), e->id);
	set_remove(thread_row(x, e->op.thread), e->id);
	x->last_event[e->op.thread] = e->previous;
	x->nr_of[e->op.thread]--;
}

int races_setup(struct executions *x)
{
	x->id_of = calloc((size_t)CHECK_MAX_THREADS * MAX_EVENTS,
			  sizeof(*x->id_of));
	if (!x->id_of)
		return -1;
	x->width = 1;
	x->stride = 0;
	set_stride(x, 1);
	grow_words(x);
	return 0;
}

static size_t bits_bytes(const struct executions *x, const struct bits *bits)
{
	return (size_t)bits->nr_rows * x->stride * sizeof(*bits->at);
}

size_t races_bytes(const struct executions *x)
{
	return x->room * (sizeof(*x->events) + sizeof(*x->places)) +
	       known_tries_bytes(&x->known_tries) + bits_bytes(x, &x->rows) +
	       bits_bytes(x, &x->word_rows) + bits_bytes(x, &x->thread_rows) +
	       bits_bytes(x, &x->scratch) +
	       x->stride * WORD_BITS * sizeof(*x->place) +
	       x->words_room * sizeof(*x->words) +
	       x->table_size * sizeof(*x->table) +
	       (size_t)CHECK_MAX_THREADS * MAX_EVENTS * sizeof(*x->id_of) +
	       x->subtrees_room + x->sorting_room + x->current_room;
}

void races_free(struct executions *x)
{
	free(x->events);
	free(x->places);
	known_tries_free(&x->known_tries);
	free(x->id_of);
	free(x->place);
	free(x->rows.at);
	free(x->word_rows.at);
	free(x->thread_rows.at);
	free(x->scratch.at);
	free(x->words);
	free(x->table);
}
