// SPDX-License-Identifier: GPL-2.0-only
/*
 * revisits.c - the sub-trees that branch off where an event is new; see
 * executions.c.
 *
 * Names used in this file
 *   movable   events that need not come before the new one
 *   later     a set of movable events to come after it, with all of those that
 *             happened after them
 *   victim    the oldest of them that would observe the new event: its
 *             operation is taken back, to be performed after the new one
 *   deleted   what is newer than the victim and no cause of the new event: the
 *             search performs it anew
 */
#include "revisits.h"

/* ------ could it be performed there? ------ */

/* The event that releases what an event took, or NULL. */
static const struct event *release_of(const struct executions *x,
				      const struct event *taken)
{
	unsigned int t = taken->op.thread;

	for (uint32_t i = taken->ordinal + 1u; i < x->nr_of[t]; i++) {
		const struct event *e = event_of(x, *id_of(x, t, i));

		if (e->op.object == taken->op.object &&
		    operation_releases(&e->op))
			return e;
	}
	return NULL;
}

static bool lock_is_free(const struct revisit *r, const uint64_t *later)
{
	const struct executions *x = r->x;
	const uint64_t *before = event_row(x, r->e->id, ROW_CONFLICTS);
	uint32_t id;

	for_each_member(id, before, x->width) {
		const struct event *taken = event_of(x, id);
		const struct event *release;

		if (!taken->op.locks || happened_after(x, id, later))
			continue;
		release = release_of(x, taken);
		if (!release || happened_after(x, release->id, later))
			return false;
	}
	return true;
}

/* The first operation on the token that comes later knows what there was. */
static bool token_is_there(const struct revisit *r, const uint64_t *later)
{
	const struct executions *x = r->x;
	const struct thread *thread = &world->threads[r->e->op.thread];
	uint32_t tokens = world->tokens, woken = world->woken;
	bool there;

	for (uint32_t n = 1; n < x->place[r->e->id]; n++) {
		const struct event *e = &x->events[n];

		if (e->op.object != r->e->op.object ||
		    !happened_after(x, e->id, later))
			continue;
		world->tokens = (uint32_t)e->old;
		world->woken = (uint32_t)(e->old >> 32);
		break;
	}
	there = thread->enabled(thread->object);
	world->tokens = tokens;
	world->woken = woken;
	return there;
}

/* The first of those that change the word tells what it held before. */
static bool word_allows(const struct revisit *r, const uint64_t *later)
{
	struct executions *x = r->x;
	const uint64_t *sources = event_row(x, r->e->id, ROW_SOURCES);
	const struct event *first = NULL;
	uint64_t old;
	uint32_t id;

	for_each_member(id, sources, x->width) {
		const struct event *e = event_of(x, id);

		if ((!first || e < first) && happened_after(x, id, later))
			first = e;
	}
	if (first)
		old = first->old;
	else
		memcpy(&old, r->e->op.object, sizeof(old));
	return await_runs_with(x, r->e, old);
}

static bool can_be_performed(const struct revisit *r, const uint64_t *later)
{
	if (r->e->op.locks)
		return lock_is_free(r, later);
	if (r->e->op.class == CLASS_PARK)
		return token_is_there(r, later);
	return !r->e->op.waits || word_allows(r, later);
}

/* ------ which events come later? ------ */

/* Movable events that happened after some, or are some of them. */
static void close_later(const struct executions *x, const uint64_t *some,
			uint64_t *later)
{
	uint64_t *movable = scratch_row(x, SCRATCH_MOVABLE);
	uint32_t id;

	memset(later, 0, x->width * sizeof(*later));
	for_each_member(id, movable, x->width)
		if (happened_after(x, id, some))
			set_add(later, id);
}

/* Reads that may come after the event or before it, as one likes. */
static void push_optional(const struct revisit *r, const uint64_t *taken,
			  const uint64_t *others, uint32_t limit)
{
	const struct executions *x = r->x;
	uint64_t *later = scratch_row(x, SCRATCH_LATER);
	uint64_t *victims = scratch_row(x, SCRATCH_VICTIMS);
	const uint64_t *sources = scratch_row(x, SCRATCH_SOURCES);
	const uint64_t *observers = scratch_row(x, SCRATCH_OBSERVERS);
	uint64_t *with = scratch_row(x, SCRATCH_NEW);
	uint32_t id;

	for_each_member(id, others, x->width) {
		bool differs = false;

		if (id >= limit)
			return;
		set_copy(x, with, taken);
		set_add(with, id);
		close_later(x, with, later);
		for (uint32_t w = 0; w < x->width; w++) {
			differs |= (later[w] & sources[w]) != taken[w];
			victims[w] = later[w] & observers[w];
		}
		/* a release may come later now, and not who took the lock */
		differs |= r->e->op.locks && !lock_is_free(r, later);
		if (!differs && smallest(x, victims) == id)
			victim_push(r, id, later, victims);
	}
}

/* The events it observes without `taken`: those come later, with `closed`. */
static void push_with(const struct revisit *r, const uint64_t *taken,
		      const uint64_t *closed)
{
	const struct executions *x = r->x;
	uint64_t *later = scratch_row(x, SCRATCH_LATER);
	uint64_t *victims = scratch_row(x, SCRATCH_VICTIMS);
	uint64_t *others = scratch_row(x, SCRATCH_OTHERS);
	const uint64_t *observers = scratch_row(x, SCRATCH_OBSERVERS);
	const uint64_t *sources = scratch_row(x, SCRATCH_SOURCES);
	const uint64_t *awaited = scratch_row(x, SCRATCH_AWAITED);
	bool none = set_empty(x, taken);
	uint32_t first;

	if (none && r->unfinished)
		return;
	for (uint32_t w = 0; w < x->width; w++) {
		later[w] = closed[w];
		victims[w] = later[w] & observers[w];
		others[w] = observers[w] & ~later[w] & ~sources[w] &
			    ~awaited[w];
	}
	first = smallest(x, victims);
	if (first != UINT32_MAX)
		victim_push(r, first, later, victims);
	else if (!none)
		victim_none(r, later);
	if (!set_empty(x, others))
		push_optional(r, taken, others, first);
}

bool revisit_push(const struct revisit *r)
{
	const struct executions *x = r->x;
	const uint64_t *taken = scratch_row(x, SCRATCH_TAKEN);
	uint64_t *closed = scratch_row(x, SCRATCH_CLOSED);
	size_t others = x->subtrees_used;

	close_later(x, taken, closed);
	if (set_empty(x, taken) || can_be_performed(r, closed))
		push_with(r, taken, closed);
	return x->subtrees_used > others;
}

/* ------ which sets of those that it observes? ------ */

/* They happened one after another: so many sets, and one more. */
static bool are_ordered(const struct revisit *r)
{
	for (uint32_t i = 0; i + 1 < r->nr; i++)
		if (!set_has(event_row(r->x, r->sources[i], ROW_BEFORE),
			     r->sources[i + 1]))
			return false;
	return true;
}

/*
 * One more of those comes later, with what happened after it: that are the ones
 * that are in `closed` already, and events that it does not observe.
 */
static void close_with(const struct executions *x, uint32_t id,
		       uint64_t *closed)
{
	const uint64_t *movable = scratch_row(x, SCRATCH_MOVABLE);
	const uint64_t *sources = scratch_row(x, SCRATCH_SOURCES);

	for (uint32_t w = 0; w < x->width; w++) {
		uint64_t left = movable[w] & ~sources[w] & ~closed[w];

		for (; left; left &= left - 1) {
			uint32_t other = w * WORD_BITS +
					 (uint32_t)__builtin_ctzll(left);

			if (set_has(event_row(x, other, ROW_BEFORE), id))
				set_add(closed, other);
		}
	}
	set_add(closed, id);
}

/* Could it be performed just before that event, after all that come first? */
static bool fits_before(const struct revisit *r, const struct event *e,
			const uint64_t *closed)
{
	return (r->e->op.locks && e->op.locks && e->op.class == CHECK_WRITE) ||
	       can_be_performed(r, closed);
}

/*
 * From the last one on.  It goes on in vain as soon as what would observe the
 * event and has to be deleted would not be usual.
 */
static void choose_in_order(const struct revisit *r)
{
	struct executions *x = r->x;
	uint64_t *taken = scratch_row(x, SCRATCH_TAKEN);
	uint64_t *closed = scratch_row(x, SCRATCH_CLOSED);
	uint64_t *never = scratch_row(x, SCRATCH_NEVER);
	const uint64_t *observers = scratch_row(x, SCRATCH_OBSERVERS);

	push_with(r, taken, closed);
	for (uint32_t i = 0; i < r->nr; i++) {
		uint32_t id = r->sources[i];
		const uint64_t *sources = event_row(x, id, ROW_SOURCES);

		if (set_has(never, id))
			return;
		set_add(taken, id);
		close_with(x, id, closed);
		if (fits_before(r, event_of(x, id), closed))
			push_with(r, taken, closed);
		for (uint32_t w = 0; set_has(observers, id) && w < x->width;
		     w++)
			never[w] |= sources[w] & observers[w] &
				    ~bits_below(w, id);
	}
}

static void keep_ahead(const struct executions *x, const struct request *q,
		       uint64_t *movable)
{
	for (uint32_t i = 0; i < q->nr_after; i++)
		for (uint32_t w = 0; w < x->width; w++)
			movable[w] &= ~event_row(x, q->after[i],
						 ROW_BEFORE)[w];
}

/* The events it need not come after; of these it observes r->sources. */
static bool find_movable(struct revisit *r)
{
	struct executions *x = r->x;
	uint64_t *movable = scratch_row(x, SCRATCH_MOVABLE);
	uint64_t *sources = scratch_row(x, SCRATCH_SOURCES);
	const uint64_t *conflicts = event_row(x, r->e->id, ROW_CONFLICTS);
	const uint64_t *before =
		event_row(x, x->events[r->e->previous].id, ROW_BEFORE);
	uint64_t any = 0;

	for (uint32_t w = 0; w < x->width; w++) {
		movable[w] = conflicts[w] & ~before[w];
		any |= movable[w];
	}
	if (!any)
		return false;
	any = 0;
	for (uint32_t i = 0; i < x->nr_requests; i++)
		if (request_is_of(&x->requests[i], r->e))
			keep_ahead(x, &x->requests[i], movable);
	for (uint32_t w = 0; w < x->width; w++) {
		sources[w] = movable[w] &
			     event_row(x, r->e->id, ROW_SOURCES)[w];
		any |= movable[w];
	}
	return any;
}

/*
 * The last one first.  Who takes a lock does not come between another one and
 * its release, so that is nothing to choose.
 */
static void sort_sources(struct revisit *r)
{
	const struct executions *x = r->x;
	const bool locks = r->e->op.locks;
	uint64_t *sources = scratch_row(x, SCRATCH_SOURCES);
	uint32_t id;

	for_each_member(id, sources, x->width) {
		uint32_t i = r->nr;

		if (locks && operation_releases(&event_of(x, id)->op)) {
			set_remove(sources, id);
			continue;
		}
		r->nr++;
		for (; i && x->place[r->sources[i - 1]] < x->place[id]; i--)
			r->sources[i] = r->sources[i - 1];
		r->sources[i] = (uint16_t)id;
	}
}

/*
 * What would observe the event is deleted, so it has to be usual.
 * Return: false when it could come before nothing.
 */
static bool find_sources(struct revisit *r)
{
	struct executions *x = r->x;
	uint64_t *observers = scratch_row(x, SCRATCH_OBSERVERS);
	uint64_t *taken = scratch_row(x, SCRATCH_TAKEN);
	uint64_t *closed = scratch_row(x, SCRATCH_CLOSED);
	uint64_t *never = scratch_row(x, SCRATCH_NEVER);
	const uint64_t *moved = event_row(x, r->e->sums, ROW_MOVED);
	const uint64_t *awaited = scratch_row(x, SCRATCH_AWAITED);

	if (!r->e->meets || !find_movable(r))
		return false;
	races_observers(x, x->nr, observers);
	for (uint32_t w = 0; w < x->width; w++) {
		observers[w] &= scratch_row(x, SCRATCH_MOVABLE)[w];
		never[w] = (moved[w] | awaited[w]) & observers[w];
		taken[w] = closed[w] = 0;
	}
	sort_sources(r);
	return true;
}

static void push_revisits(struct executions *x, bool unfinished)
{
	struct revisit r = {
		.x = x, .e = &x->events[x->nr], .unfinished = unfinished,
		.sources = x->sources,
	};

	if (!find_sources(&r))
		return;
	if (are_ordered(&r))
		choose_in_order(&r);
	else
		bundles_push(&r);
}

void revisits_begin(struct executions *x)
{
	uint64_t *awaited = scratch_row(x, SCRATCH_AWAITED);

	memset(awaited, 0, x->width * sizeof(*awaited));
	for (uint32_t i = 0; i < x->nr_requests; i++) {
		const struct request *q = &x->requests[i];

		for (uint32_t k = 0; k < q->nr_after && !q->only_after; k++)
			set_add(awaited, q->after[k]);
	}
}

void revisits_push(struct executions *x)
{
	push_revisits(x, false);
}

/* What thread t is at stands last, as an event that is not performed. */
static void put_last(struct executions *x, unsigned int t, uint32_t id)
{
	x->nr++;
	x->events[x->nr] = (struct event){
		.op = operation_at(x, t), .id = (uint16_t)id,
	};
	races_record(x, x->nr);
}

static void remove_last(struct executions *x)
{
	races_forget(x, x->nr - 1);
}

void revisits_push_unfinished(struct executions *x)
{
	for (uint32_t left = world->ready; left; left &= left - 1) {
		unsigned int t = (unsigned int)__builtin_ctz(left);

		if (!world->threads[t].object)
			continue;
		put_last(x, t, x->next_id);
		push_revisits(x, true);
		remove_last(x);
	}
}

bool revisits_open(struct executions *x)
{
	const struct step *last = &subtree_steps(x->current)[x->nr];
	bool opened = false;

	if (!(world->ready & (1u << last->thread)))
		return false;
	put_last(x, last->thread, last->id);
	if (operation_hash(&x->events[x->nr].op) == last->what) {
		struct revisit r = {
			.x = x, .e = &x->events[x->nr], .sources = x->sources,
		};

		opened = find_sources(&r) && bundles_open(&r);
	}
	remove_last(x);
	return opened;
}
