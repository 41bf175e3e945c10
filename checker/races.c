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

/* So many rows, wider than they were; of them so many are in use. */
static void widen(struct bits *bits, uint32_t nr_rows, uint32_t used,
		  uint32_t from, uint32_t to)
{
	uint64_t *at = malloc((size_t)nr_rows * to * sizeof(*at));

	if (!at)
		abort();
	memset(at, 0, (size_t)used * to * sizeof(*at));
	for (uint32_t i = 0; i < used && i < bits->nr_rows && from; i++)
		memcpy(at + (size_t)i * to, bits->at + (size_t)i * from,
		       from * sizeof(*at));
	free(bits->at);
	bits->at = at;
	bits->nr_rows = nr_rows;
}

static void widen_words(struct executions *x, uint32_t width)
{
	/* all at once: there will be most of these words */
	widen(&x->word_rows, x->words_room * KINDS, x->words_room * KINDS,
	      x->width, width);
}

static void set_width(struct executions *x, uint32_t width)
{
	uint32_t nr = width * WORD_BITS;
	/* an event's are set when it is recorded, but for that of no event */
	uint32_t used = x->width ? x->width * WORD_BITS : 1;

	widen(&x->rows, nr * ROWS, used * ROWS, x->width, width);
	widen_words(x, width);
	widen(&x->thread_rows, CHECK_MAX_THREADS, CHECK_MAX_THREADS, x->width,
	      width);
	widen(&x->scratch, SCRATCH_ROWS, SCRATCH_ROWS, x->width, width);
	x->place = realloc(x->place, nr * sizeof(*x->place));
	if (!x->place)
		abort();
	x->width = width;
}

void races_reserve(struct executions *x, uint32_t id)
{
	uint32_t width = id / WORD_BITS + 1;
	bool inside = run.inside;

	if (width <= x->width)
		return;
	/* on a thread's stack, but not its work: it is not stuck in that */
	run.inside = false;
	set_width(x, width + (x->width ? width / 4 : 0));
	run.inside = inside;
}

/* ------ words ------ */

static inline uint32_t hash(const void *address)
{
	return (uint32_t)(((uintptr_t)address >> 2) * 0x9e3779b97f4a7c15u >>
			  32);
}

static inline uint32_t *slot(const struct executions *x, const void *address)
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
	widen_words(x, x->width);
	for (uint32_t i = 0; i < x->nr_words; i++)
		*slot(x, x->words[i].address) = i + 1;
}

static struct word *new_word(struct executions *x, const void *address)
{
	if (x->nr_words == x->words_room)
		grow_words(x);
	x->words[x->nr_words] = (struct word){ .address = address };
	*slot(x, address) = ++x->nr_words;
	return &x->words[x->nr_words - 1];
}

/* Mostly it is the one that was asked for last. */
static inline struct word *word_at(struct executions *x, const void *address)
{
	struct word *word;
	uint32_t i;

	if (x->words[x->recent].address == address)
		return &x->words[x->recent];
	i = *slot(x, address);
	word = i ? &x->words[i - 1] : new_word(x, address);
	x->recent = (uint32_t)(word - x->words);
	return word;
}

struct word *races_word(struct executions *x, const void *address)
{
	return word_at(x, address);
}

/*
 * What is done for each event is compiled for a few widths on their own: nearly
 * all executions have few events.
 */
#define FOR_ANY_WIDTH static inline __attribute__((always_inline))

/* The rows of the word at a place in an operation's range. */
FOR_ANY_WIDTH uint64_t *word_rows(struct executions *x, uint32_t width,
				  const struct event *e, uint32_t at)
{
	size_t i = e->word;

	if (at)
		i = (size_t)(word_at(x, (const char *)e->op.object + at) -
			     x->words);
	return x->word_rows.at + i * KINDS * width;
}

FOR_ANY_WIDTH uint64_t *thread_row(const struct executions *x, uint32_t width,
				   unsigned int t)
{
	return x->thread_rows.at + (size_t)t * width;
}

FOR_ANY_WIDTH uint64_t *row_of(const struct executions *x, uint32_t width,
			       uint32_t id, enum row row)
{
	return x->rows.at + (size_t)(id * ROWS + row) * width;
}

/* ------ what came before what ------ */

/* Add what came before each of `some`, which it knows itself. */
FOR_ANY_WIDTH void join_all(const struct executions *x, uint32_t width,
			    uint64_t *set, const uint64_t *some, enum row row)
{
	for (uint32_t w = width; w-- > 0;) {
		uint64_t left;

		/* later ones first: they know most of the others */
		while ((left = some[w] & ~set[w])) {
			uint32_t i = w * WORD_BITS + WORD_BITS - 1 -
				     (uint32_t)__builtin_clzll(left);

			set_join(set, row_of(x, width, i, row), width);
		}
	}
}

/* Add those of other threads that did one of `kinds` to its words. */
FOR_ANY_WIDTH void collect(struct executions *x, uint32_t width,
			   const struct event *e, uint32_t kinds, uint64_t *set)
{
	const uint64_t *own = thread_row(x, width, e->op.thread);

	for (uint32_t at = 0; at < e->op.bytes; at += 8) {
		const uint64_t *rows = word_rows(x, width, e, at);

		for (uint32_t left = kinds; left; left &= left - 1)
			set_join(set, rows + (uint32_t)__builtin_ctz(left) *
						     width, width);
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

FOR_ANY_WIDTH void copy_row(uint32_t width, uint64_t *to, const uint64_t *from)
{
	memcpy(to, from, width * sizeof(*to));
}

/*
 * An event that stands ahead on its word, most likely the one that knows most,
 * is joined first.
 */
FOR_ANY_WIDTH void join_met(struct executions *x, uint32_t width,
			    const struct event *e, uint64_t *rows)
{
	const enum kind kind = kind_of(e->op.class);
	const uint32_t last = e->users.last;
	uint64_t *before = rows + ROW_BEFORE * width;
	uint64_t *causes = rows + ROW_CAUSES * width;
	uint64_t *conflicts = rows + ROW_CONFLICTS * width;
	uint64_t *sources = rows + ROW_SOURCES * width;

	collect(x, width, e, e->met & kind_conflicts[kind], conflicts);
	collect(x, width, e, e->met & kind_observes[kind], sources);
	if (set_has(conflicts, last))
		set_join(before, row_of(x, width, last, ROW_BEFORE), width);
	if (set_has(sources, last))
		set_join(causes, row_of(x, width, last, ROW_CAUSES), width);
	join_all(x, width, before, conflicts, ROW_BEFORE);
	join_all(x, width, causes, sources, ROW_CAUSES);
}

/*
 * Word by word: what was stored just before, by a thread's last event, would
 * have to reach the cache before it could be loaded by two words at once.
 */
FOR_ANY_WIDTH void order(struct executions *x, uint32_t width,
			 const struct event *e)
{
	const uint32_t id = e->id;
	const uint64_t *ahead =
		row_of(x, width, x->events[e->previous].id, 0);
	uint64_t *rows = row_of(x, width, id, 0);

	for (uint32_t w = 0; w < width; w++) {
		uint64_t own = w == id / WORD_BITS ?
			       (uint64_t)1 << id % WORD_BITS : 0;

		rows[ROW_BEFORE * width + w] =
			ahead[ROW_BEFORE * width + w] | own;
		rows[ROW_CAUSES * width + w] =
			ahead[ROW_CAUSES * width + w] | own;
		rows[ROW_CONFLICTS * width + w] = 0;
		rows[ROW_SOURCES * width + w] = 0;
	}
	if (e->meets)
		join_met(x, width, e, rows);
}

FOR_ANY_WIDTH bool has_above(uint32_t width, const uint64_t *set, uint32_t id)
{
	uint64_t above = set[id / WORD_BITS] >> id % WORD_BITS >> 1;

	for (uint32_t w = id / WORD_BITS + 1; w < width; w++)
		above |= set[w];
	return above;
}

/* Here they become other than those of the event ahead of it. */
FOR_ANY_WIDTH void own_sums(struct executions *x, uint32_t width,
			    struct event *e)
{
	for (uint32_t row = ROW_MOVED; row < ROWS && e->sums != e->id; row++)
		copy_row(width, row_of(x, width, e->id, row),
			 row_of(x, width, e->sums, row));
	e->sums = e->id;
}

/* What is known of this event and all that stand ahead of it. */
FOR_ANY_WIDTH void sum_up(struct executions *x, uint32_t width,
			  struct event *e)
{
	const uint32_t id = e->id;
	uint64_t *rows = row_of(x, width, id, 0);
	const uint64_t *conflicts = rows + ROW_CONFLICTS * width;
	uint64_t *moved = rows + ROW_MOVED * width;

	e->sums = e[-1].sums;
	if (e->choice) {
		own_sums(x, width, e);
		set_add(moved, id);
	}
	/* of a new event, all others are older */
	if (id + 1 == x->next_id)
		return;
	if (e->meets && has_above(width, conflicts, id)) {
		own_sums(x, width, e);
		for (uint32_t w = id / WORD_BITS; w < width; w++)
			moved[w] |= conflicts[w] & ~bits_below(w, id);
		if (has_above(width, rows + ROW_SOURCES * width, id))
			set_add(rows + ROW_LATE_SOURCES * width, id);
	}
	if (has_above(width, rows + ROW_CAUSES * width, id)) {
		own_sums(x, width, e);
		set_add(rows + ROW_LATE_CAUSES * width, id);
	}
}

/* Be a user of one of its words from now on. */
static inline void use_word(struct event *e, enum kind kind, struct word *word)
{
	const uint32_t own = 1u << e->op.thread;

	if (word->users.threads & ~own) {
		e->met |= word->users.kinds;
		e->meets |= word->users.kinds & kind_conflicts[kind];
	}
	word->users.threads |= own;
	word->users.kinds |= 1u << kind;
	word->users.last = e->id;
	if (kind != KIND_READ)
		word->users.writers |= own;
}

static void use_words(struct executions *x, struct event *e)
{
	const enum kind kind = kind_of(e->op.class);
	struct word *word = NULL;

	e->meets = false;
	e->met = 0;
	if (e->op.bytes) {
		word = word_at(x, e->op.object);
		e->word = (uint32_t)(word - x->words);
		e->users = word->users;
		use_word(e, kind, word);
	}
	if (!e->op.bytes ||
	    (e->op.bytes == 8 && e->op.class <= CHECK_WRITE && !e->op.locks))
		return;
	word->is_range = true;
	for (uint32_t at = 8; at < e->op.bytes; at += 8) {
		word = word_at(x, (const char *)e->op.object + at);
		use_word(e, kind, word);
		word->is_range = true;
	}
}

FOR_ANY_WIDTH void record(struct executions *x, uint32_t width,
			  struct event *e)
{
	const enum kind kind = kind_of(e->op.class);

	order(x, width, e);
	sum_up(x, width, e);
	set_add(thread_row(x, width, e->op.thread), e->id);
	set_add(x->scratch.at + SCRATCH_PRESENT * width, e->id);
	if (e->op.bytes)
		set_add(word_rows(x, width, e, 0) + kind * width, e->id);
	for (uint32_t at = 8; at < e->op.bytes; at += 8)
		set_add(word_rows(x, width, e, at) + kind * width, e->id);
}

void races_record(struct executions *x, uint32_t n)
{
	struct event *e = &x->events[n];
	unsigned int t = e->op.thread;

	if (e->id >= x->width * WORD_BITS)
		races_reserve(x, e->id);
	e->previous = x->last_event[t];
	e->ordinal = x->nr_of[t]++;
	x->last_event[t] = (uint16_t)n;
	*id_of(x, t, e->ordinal) = e->id;
	x->place[e->id] = (uint16_t)n;
	use_words(x, e);
	switch (x->width) {
	case 1:
		record(x, 1, e);
		break;
	case 2:
		record(x, 2, e);
		break;
	case 3:
		record(x, 3, e);
		break;
	default:
		record(x, x->width, e);
	}
}

/* What it is in its words. */
FOR_ANY_WIDTH void leave_words(struct executions *x, uint32_t width,
			       const struct event *e)
{
	const enum kind kind = kind_of(e->op.class);

	if (!e->op.bytes)
		return;
	set_remove(word_rows(x, width, e, 0) + kind * width, e->id);
	x->words[e->word].users = e->users;
	for (uint32_t at = 8; at < e->op.bytes; at += 8)
		set_remove(word_rows(x, width, e, at) + kind * width, e->id);
}

void races_forget(struct executions *x, uint32_t nr)
{
	const uint32_t width = x->width;
	uint64_t *present = scratch_row(x, SCRATCH_PRESENT);

	if (x->nr == nr)
		return;
	for (; x->nr > nr; x->nr--) {
		const struct event *e = &x->events[x->nr];
		const unsigned int t = e->op.thread;

		leave_words(x, width, e);
		set_remove(present, e->id);
		x->last_event[t] = e->previous;
		x->nr_of[t]--;
	}
	for (unsigned int t = 0; t < run.program->nr_threads; t++)
		for (uint32_t w = 0; w < width; w++)
			thread_row(x, width, t)[w] &= present[w];
}

void races_setup(struct executions *x, uint32_t id)
{
	races_reserve(x, id);
	grow_words(x);
	/* no word of the program is there */
	x->words[0].address = x;
}

static size_t bits_bytes(const struct executions *x, const struct bits *bits)
{
	return (size_t)bits->nr_rows * x->width * sizeof(*bits->at);
}

size_t races_bytes(const struct executions *x)
{
	return x->room * (sizeof(*x->events) + sizeof(*x->places) +
			  sizeof(*x->sources) +
			  run.program->nr_threads * sizeof(*x->ids)) +
	       known_tries_bytes(&x->known_tries) + bits_bytes(x, &x->rows) +
	       bits_bytes(x, &x->word_rows) + bits_bytes(x, &x->thread_rows) +
	       bits_bytes(x, &x->scratch) +
	       x->width * WORD_BITS * sizeof(*x->place) +
	       x->words_room * sizeof(*x->words) +
	       x->table_size * sizeof(*x->table) +
	       x->subtrees_room + x->sorting_room + x->current_room;
}

void races_free(struct executions *x)
{
	free(x->events);
	free(x->places);
	known_tries_free(&x->known_tries);
	free(x->ids);
	free(x->sources);
	free(x->place);
	free(x->rows.at);
	free(x->word_rows.at);
	free(x->thread_rows.at);
	free(x->scratch.at);
	free(x->words);
	free(x->table);
}
