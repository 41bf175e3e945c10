// SPDX-License-Identifier: GPL-2.0-only
/*
 * races.c - what happened before what in an execution, and which pairs of its
 * operations could have happened the other way round; see executions.c.
 *
 * Names used in this file
 *   word     eight bytes that operations touch; a range has several
 *   chain    the touches of a word by operations of one kind, latest first
 */
#include "executions.h"

#include <stdlib.h>
#include <string.h>

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
	for (uint32_t i = 0; i < x->nr_words; i++)
		*slot(x, x->words[i].address) = i + 1;
}

struct word *races_word(struct executions *x, const void *address)
{
	uint32_t *at;

	if (x->nr_words == x->words_room)
		grow_words(x);
	at = slot(x, address);
	if (!*at) {
		x->words[x->nr_words] = (struct word){ .address = address };
		*at = ++x->nr_words;
	}
	return &x->words[*at - 1];
}

static enum chain chain_of(uint32_t class)
{
	switch (class) {
	case CHECK_READ:
		return CHAIN_READ;
	case CHECK_ADD:
		return CHAIN_ADD;
	case CLASS_RELEASE_READ:
		return CHAIN_RELEASE_READ;
	case CLASS_RELEASE_WRITE:
		return CHAIN_RELEASE_WRITE;
	default:
		return CHAIN_WRITE;
	}
}

static void touch(struct executions *x, uint32_t n, struct word *w)
{
	enum chain chain = chain_of(x->events[n].op.class);

	if (x->nr_touches + 2 > x->touches_room) {
		x->touches_room = 2 * x->touches_room + 1024;
		x->touches = realloc(x->touches,
				     x->touches_room * sizeof(*x->touches));
		if (!x->touches)
			abort();
	}
	x->touches[++x->nr_touches] = (struct touch){
		.word = (uint32_t)(w - x->words), .before = w->last[chain],
		.event = (uint16_t)n, .chain = (uint8_t)chain,
	};
	w->last[chain] = x->nr_touches;
}

/* ------ what happened before ------ */

static void join(uint16_t *clock, const uint16_t *other)
{
	for (unsigned int t = 0; t < CLOCKS; t++)
		clock[t] = other[t] > clock[t] ? other[t] : clock[t];
}

static bool before(const struct executions *x, uint32_t a, uint32_t b)
{
	return x->events[b].clock[x->events[a].op.thread] >= a;
}

static void add_race(struct executions *x, uint32_t early, uint32_t late)
{
	if (x->nr_races == x->races_room) {
		x->races_room = 2 * x->races_room + 64;
		x->races = realloc(x->races,
				   x->races_room * sizeof(*x->races));
		if (!x->races)
			abort();
	}
	x->races[x->nr_races++] = (struct race){ (uint16_t)early,
						 (uint16_t)late };
}

/* The last event of each thread that events[late] conflicts with. */
struct candidates {
	uint32_t late;
	const uint16_t *pre;		/* clock of its thread before it */
	uint32_t threads;
	uint16_t event[CHECK_MAX_THREADS];
};

static void add_candidate(const struct executions *x, struct candidates *c,
			  uint32_t n)
{
	unsigned int t = x->events[n].op.thread;

	if (t == x->events[c->late].op.thread || n <= c->pre[t])
		return;
	if (!(c->threads & (1u << t)) || n > c->event[t])
		c->event[t] = (uint16_t)n;
	c->threads |= 1u << t;
}

/*
 * A token that one wake-up left cannot be taken before it: only if there are
 * two, the later may come after.
 */
static bool token_was_there(const struct executions *x, uint32_t touch)
{
	uint32_t one_before = x->touches[touch].before;

	return one_before &&
	       x->events[x->touches[one_before].event].op.class != CLASS_PARK;
}

/* A chain's touches behind event `since` happened before e, and may race. */
static void after_chain(const struct executions *x, struct event *e,
			uint32_t touch, uint32_t since, struct candidates *c)
{
	for (; touch; touch = x->touches[touch].before) {
		uint32_t n = x->touches[touch].event;

		if (n <= since)
			break;
		join(e->clock, x->events[n].clock);
		if (c)
			add_candidate(x, c, n);
	}
}

/* What e does to a word happens after what it conflicts with there. */
static void after_word(const struct executions *x, struct event *e,
		       const struct word *w, struct candidates *c)
{
	uint8_t conflicts = operation_conflicts[e->op.class];
	uint32_t write = w->last[CHAIN_WRITE], last = 0;
	uint32_t release = w->last[CHAIN_RELEASE_WRITE];
	/* whoever waits for a lock cannot come before it is released */
	struct candidates *at_once = e->op.blocks ? NULL : c;

	if (write) {
		last = x->touches[write].event;
		join(e->clock, x->events[last].clock);
		if (c && (e->op.class != CLASS_PARK ||
			  token_was_there(x, write)))
			add_candidate(x, c, last);
	}
	if (conflicts & (1u << CHECK_READ))
		after_chain(x, e, w->last[CHAIN_READ], last, c);
	if (conflicts & (1u << CHECK_ADD))
		after_chain(x, e, w->last[CHAIN_ADD], last, c);
	if (conflicts & (1u << CLASS_RELEASE_READ))
		after_chain(x, e, w->last[CHAIN_RELEASE_READ], last, at_once);
	if (conflicts & (1u << CLASS_RELEASE_WRITE) && release) {
		last = x->touches[release].event;
		join(e->clock, x->events[last].clock);
		if (at_once)
			add_candidate(x, at_once, last);
	}
}

/* Those that no other stands between are races. */
static void add_races(struct executions *x, const struct candidates *c)
{
	for (uint32_t left = c->threads; left; left &= left - 1) {
		unsigned int t = (unsigned int)__builtin_ctz(left);
		uint32_t others = c->threads & ~(1u << t);

		while (others) {
			unsigned int u = (unsigned int)__builtin_ctz(others);

			if (before(x, c->event[t], c->event[u]))
				break;
			others &= others - 1;
		}
		if (!others)
			add_race(x, c->event[t], c->late);
	}
}

/*
 * An operation that waits: before some of the events it conflicts with it would
 * not have been enabled, as what they overwrote tells.  Pass those over.
 */
static void candidates_of_wait(struct executions *x, struct candidates *c)
{
	const struct operation *op = &x->events[c->late].op;

	for (uint32_t n = c->late - 1; n; n--) {
		const struct event *e = &x->events[n];
		bool writes = e->op.class == CHECK_WRITE;

		if (!operation_depends(&e->op, op))
			continue;
		if (writes && (c->threads || n <= c->pre[e->op.thread]))
			return;
		if (await_runs_with(op, e->old))
			add_candidate(x, c, n);
		if (writes && c->threads)
			return;
	}
}

/* Order events[n], and find its races unless they are known. */
static void order(struct executions *x, uint32_t n)
{
	static const uint16_t nothing[CLOCKS];
	struct event *e = &x->events[n];
	struct candidates c = { .late = n, .pre = nothing };
	bool races = n > x->planned;
	bool waits = e->op.waits && races;

	e->previous = x->last_event[e->op.thread];
	if (e->previous)
		c.pre = x->events[e->previous].clock;
	memcpy(e->clock, c.pre, sizeof(e->clock));
	for (uint32_t at = 0; at < e->op.bytes; at += 8) {
		const void *address = (const char *)e->op.object + at;

		after_word(x, e, races_word(x, address),
			   races && !waits ? &c : NULL);
	}
	if (waits)
		candidates_of_wait(x, &c);
	if (c.threads)
		add_races(x, &c);
}

void races_record(struct executions *x, uint32_t n)
{
	struct event *e = &x->events[n];

	order(x, n);
	e->clock[e->op.thread] = (uint16_t)n;
	e->first_touch = x->nr_touches + 1;
	x->last_event[e->op.thread] = (uint16_t)n;
	for (uint32_t at = 0; at < e->op.bytes; at += 8)
		touch(x, n, races_word(x, (const char *)e->op.object + at));
}

void races_forget(struct executions *x, uint32_t n)
{
	const struct event *e = &x->events[n];

	for (; x->nr_touches >= e->first_touch; x->nr_touches--) {
		const struct touch *t = &x->touches[x->nr_touches];

		x->words[t->word].last[t->chain] = t->before;
	}
	x->last_event[e->op.thread] = e->previous;
}

/* ------ reversals ------ */

/* What thread t was about to do before events[n]; its next one, or at rest. */
static struct operation next_operation(struct executions *x,
				       unsigned int t, uint32_t n)
{
	uint32_t at = x->last_event[t];

	if (at <= n)
		return operation_at(x, t);
	while (x->events[at].previous > n)
		at = x->events[at].previous;
	return x->events[at].op;
}

/* The threads that a sequence has not been found to begin with. */
struct sleepers {
	uint32_t mask;
	struct operation at[CHECK_MAX_THREADS];
};

/* Return: true when op is a sleeper's own, with nothing in its way. */
static bool wakes(struct sleepers *s, const struct operation *op)
{
	uint32_t bit = 1u << op->thread;

	if (s->mask & bit) {
		/* after another choice it is another operation */
		if (operation_same(op, &s->at[op->thread]))
			return true;
		s->mask &= ~bit;
	}
	for (uint32_t left = s->mask; left; left &= left - 1) {
		unsigned int t = (unsigned int)__builtin_ctz(left);

		if (operation_depends(op, &s->at[t]))
			s->mask &= ~(1u << t);
	}
	return false;
}

/*
 * The sequence that reverses a race: events behind `early` that do not depend
 * on it, then `late`.  late may be the operation of a thread that did not get
 * to perform it.  Choices are left out: they are made when a thread gets there.
 * Return: its length; 0: what sleeps at `early` leads to it, so it is done.
 */
static uint32_t reversal(struct executions *x, const struct race *race,
			 struct sleepers *s)
{
	unsigned int t = x->events[race->early].op.thread;
	uint16_t *v = x->reversal;
	uint32_t nr = 0;

	for (uint32_t k = race->early + 1u; k <= x->nr; k++) {
		const struct event *e = &x->events[k];

		if (e->clock[t] >= race->early || k == race->late ||
		    e->nr_choices)
			continue;
		v[nr++] = (uint16_t)k;
		if (s->mask && wakes(s, &e->op))
			return 0;
	}
	v[nr++] = race->late;
	if (s->mask && wakes(s, &x->events[race->late].op))
		return 0;
	return s->mask ? 0 : nr;
}

/* Does the sequence have an operation that waits here in vain? */
static bool is_impossible(const struct executions *x, uint32_t n, uint32_t nr)
{
	uint32_t seen = 0;

	for (uint32_t i = 0; i < nr; i++) {
		const struct operation *op = &x->events[x->reversal[i]].op;
		uint32_t bit = 1u << op->thread;

		if ((x->events[n].impossible & bit) && !(seen & bit)) {
			uint32_t k = 0;

			while (k < i && !operation_depends(
				       &x->events[x->reversal[k]].op, op))
				k++;
			if (k == i)
				return true;
		}
		seen |= bit;
	}
	return false;
}

static void plan_reversal(struct executions *x, const struct race *race)
{
	struct event *early = &x->events[race->early];
	struct sleepers s = { .mask = early->sleep };
	uint32_t nr;

	for (uint32_t left = s.mask; left; left &= left - 1) {
		unsigned int t = (unsigned int)__builtin_ctz(left);

		s.at[t] = next_operation(x, t, race->early);
	}
	nr = reversal(x, race, &s);
	if (nr && !(early->impossible && is_impossible(x, race->early, nr)))
		plan_insert(x, &early->others, nr);
}

void races_plan(struct executions *x)
{
	for (uint32_t i = 0; i < x->nr_races; i++)
		plan_reversal(x, &x->races[i]);
	x->nr_races = 0;
}

/*
 * An operation that a thread did not get to perform races all the same.  It
 * stands behind the last event while its races are planned.
 */
void races_plan_unfinished(struct executions *x)
{
	for (uint32_t left = world->ready; left; left &= left - 1) {
		unsigned int t = (unsigned int)__builtin_ctz(left);
		struct event *e = &x->events[x->nr + 1];

		if (!world->threads[t].object)
			continue;
		memset(e, 0, sizeof(*e));
		e->op = operation_at(x, t);
		order(x, x->nr + 1);
		races_plan(x);
	}
}

size_t races_bytes(const struct executions *x)
{
	return x->room * (sizeof(*x->events) + sizeof(*x->reversal)) +
	       x->touches_room * sizeof(*x->touches) +
	       x->words_room * sizeof(*x->words) +
	       x->table_size * sizeof(*x->table) +
	       x->races_room * sizeof(*x->races) +
	       x->nr_plans * sizeof(struct plan);
}

void races_free(struct executions *x)
{
	free(x->events);
	free(x->reversal);
	free(x->touches);
	free(x->words);
	free(x->table);
	free(x->races);
}
