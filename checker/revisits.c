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
#include "executions.h"

#include <stdlib.h>
#include <string.h>

/* The new event, and what it could come before. */
struct revisit {
	struct executions *x;
	const struct event *e;
	const struct request *request;	/* it was taken back once; or NULL */
	bool unfinished;		/* and cannot be performed last */
	uint32_t nr;			/* movable events that it observes, */
	uint16_t *sources;		/* from the last one on */
};

static const struct event *event_of(const struct executions *x, uint32_t id)
{
	return &x->events[x->place[id]];
}

static void set_copy(const struct executions *x, uint64_t *to,
		     const uint64_t *from)
{
	memcpy(to, from, x->width * sizeof(*to));
}

static bool set_empty(const struct executions *x, const uint64_t *set)
{
	for (uint32_t w = 0; w < x->width; w++)
		if (set[w])
			return false;
	return true;
}

static bool happened_after(const struct executions *x, uint32_t id,
			   const uint64_t *some)
{
	return sets_meet(event_row(x, id, ROW_BEFORE), some, x->width);
}

static uint32_t smallest(const struct executions *x, const uint64_t *set)
{
	for (uint32_t w = 0; w < x->width; w++)
		if (set[w])
			return w * WORD_BITS +
			       (uint32_t)__builtin_ctzll(set[w]);
	return UINT32_MAX;
}

static const struct request *request_of(const struct executions *x,
					const struct event *e)
{
	for (uint32_t i = 0; i < x->nr_requests; i++)
		if (x->requests[i].thread == e->op.thread &&
		    x->requests[i].ordinal == e->ordinal)
			return &x->requests[i];
	return NULL;
}

/* ------ could it be performed there? ------ */

/* The event that releases what an event took, or NULL. */
static const struct event *release_of(const struct executions *x,
				      const struct event *taken)
{
	unsigned int t = taken->op.thread;

	for (uint32_t i = taken->ordinal + 1u; i < x->nr_of[t]; i++) {
		const struct event *e =
			event_of(x, *id_of(x, t, i));

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

/* ------ sub-trees ------ */

static void push_step(struct step **to, const struct event *e)
{
	*(*to)++ = (struct step){
		.id = e->id, .thread = e->op.thread, .choice = e->choice,
		.what = operation_hash(&e->op),
	};
}

/* What is kept and does not happen after `later`, the event, and the rest. */
static struct subtree *push_sequence(const struct revisit *r,
				     const uint64_t *kept,
				     const uint64_t *later,
				     uint32_t nr_requests)
{
	struct executions *x = r->x;
	uint32_t nr = 1, end = x->place[r->e->id];
	struct subtree *s;
	struct step *at;

	for (uint32_t w = 0; w < x->width; w++)
		nr += (uint32_t)__builtin_popcountll(kept[w]);
	s = subtree_push(x, nr, nr_requests);
	s->next_id = (uint16_t)(r->e->id + 1);
	at = subtree_steps(s);
	for (uint32_t n = 1; n < end; n++) {
		if (!set_has(kept, x->events[n].id) ||
		    happened_after(x, x->events[n].id, later))
			continue;
		push_step(&at, &x->events[n]);
		if (at == subtree_steps(s) + n)
			s->shared = (uint16_t)n;
	}
	s->fresh = (uint16_t)(at - subtree_steps(s) + 1);
	push_step(&at, r->e);
	for (uint32_t n = 1; s->fresh < nr && n < end; n++)
		if (set_has(kept, x->events[n].id) &&
		    happened_after(x, x->events[n].id, later))
			push_step(&at, &x->events[n]);
	return s;
}

/* Nobody observes that the event comes before others: all stay as they are. */
static void push_forward(const struct revisit *r, const uint64_t *later)
{
	struct executions *x = r->x;
	uint64_t *kept = scratch_row(x, SCRATCH_KEPT);
	struct subtree *s;

	set_copy(x, kept, scratch_row(x, SCRATCH_PRESENT));
	set_remove(kept, r->e->id);
	s = push_sequence(r, kept, later, x->nr_requests);
	memcpy(subtree_requests(s), x->requests,
	       x->nr_requests * sizeof(*x->requests));
}

/* What the event depends on when it comes before `later`. */
static void causes_of_event(const struct revisit *r, const uint64_t *later,
			    uint64_t *causes)
{
	const struct executions *x = r->x;
	const uint64_t *sources = event_row(x, r->e->id, ROW_SOURCES);
	uint32_t id;

	if (!sets_meet(sources, later, x->width)) {
		set_copy(x, causes, event_row(x, r->e->id, ROW_CAUSES));
		set_remove(causes, r->e->id);
		return;
	}
	set_copy(x, causes, event_row(x, x->events[r->e->previous].id,
				      ROW_CAUSES));
	for_each_member(id, sources, x->width)
		if (!set_has(later, id) && !set_has(causes, id))
			set_join(causes, event_row(x, id, ROW_CAUSES),
				 x->width);
}

/*
 * Add what the victim depends on.  One that takes a lock observes who had it
 * before, but not when that was released: it has to wait for it anyway.
 */
static void join_causes_of_victim(const struct executions *x,
				  const struct event *v, uint64_t *prefix)
{
	const uint64_t *sources = event_row(x, v->id, ROW_SOURCES);
	uint32_t id;

	if (!v->op.locks) {
		set_join(prefix, event_row(x, v->id, ROW_CAUSES), x->width);
		set_remove(prefix, v->id);
		return;
	}
	set_join(prefix, event_row(x, x->events[v->previous].id, ROW_CAUSES),
		 x->width);
	for_each_member(id, sources, x->width)
		if (!operation_releases(&event_of(x, id)->op))
			set_join(prefix, event_row(x, id, ROW_CAUSES),
				 x->width);
}

/*
 * Would the search, having performed what is kept, perform the victim and what
 * is deleted as it was done here?  Then it belongs to here and nowhere else.
 */
static bool deleted_is_usual(const struct executions *x, uint32_t victim,
			     const uint64_t *prefix, const uint64_t *deleted)
{
	const uint32_t last = x->events[x->nr].sums;
	const uint64_t *late = event_row(x, last, ROW_LATE_SOURCES);
	uint32_t id;

	if (sets_meet(deleted, event_row(x, last, ROW_MOVED), x->width))
		return false;
	for_each_member(id, prefix, x->width)
		if (id > victim &&
		    sets_meet(deleted, event_row(x, id, ROW_CONFLICTS),
			      x->width))
			return false;
	for_each_member(id, late, x->width) {
		const uint64_t *sources = event_row(x, id, ROW_SOURCES);

		if (!set_has(deleted, id))
			continue;
		for (uint32_t w = 0; w < x->width; w++)
			if (sources[w] & ~bits_below(w, id) & ~prefix[w])
				return false;
	}
	return true;
}

/* Does each event that is kept keep what it depends on? */
static bool kept_is_closed(const struct executions *x, const uint64_t *kept)
{
	const uint64_t *late = event_row(x, x->events[x->nr].sums,
					 ROW_LATE_CAUSES);
	uint32_t id;

	for_each_member(id, late, x->width) {
		const uint64_t *causes = event_row(x, id, ROW_CAUSES);

		if (!set_has(kept, id))
			continue;
		for (uint32_t w = 0; w < x->width; w++)
			if (causes[w] & ~kept[w])
				return false;
	}
	return true;
}

static bool request_stays(const struct request *q, uint32_t victim)
{
	return q->since < victim;
}

/* Are the others' requests kept, or usual, as are events? */
static bool requests_are_usual(const struct revisit *r, const struct event *v,
			       const uint64_t *kept, const uint64_t *prefix)
{
	const struct executions *x = r->x;

	for (uint32_t i = 0; i < x->nr_requests; i++) {
		const struct request *q = &x->requests[i];
		bool stays = request_stays(q, v->id);
		unsigned int t = q->thread;

		if (t == v->op.thread && q->ordinal == v->ordinal)
			continue;
		if (!stays && q->ordinal < x->nr_of[t] &&
		    set_has(kept, *id_of(x, t, q->ordinal)))
			continue;
		for (uint32_t k = 0; k < q->nr_after; k++) {
			uint32_t id = q->after[k];

			if (stays ? !set_has(kept, id) :
				    id > q->since && !set_has(prefix, id))
				return false;
		}
	}
	return true;
}

static bool has_later_turn(const struct executions *x, const struct event *a,
			   const struct event *b)
{
	if (a->op.thread == b->op.thread)
		return a->ordinal > b->ordinal;
	return x->turn_of[a->op.thread] > x->turn_of[b->op.thread];
}

/*
 * What the victim is to come after that it did not know of when it was new.
 * If there are several, and neither depends on the other, the revisits are
 * made in the order of threads.
 * Return: false when the new event is not the last in that order.
 */
static bool make_request(const struct revisit *r, const struct event *v,
			 const uint64_t *causes, struct request *to)
{
	const struct executions *x = r->x;
	const struct request *known = request_of(x, v);
	const uint64_t *sources = event_row(x, v->id, ROW_SOURCES);
	uint64_t *new = scratch_row(x, SCRATCH_NEW);
	uint32_t id, other;

	*to = (struct request){
		.since = known ? known->since : v->id,
		.ordinal = v->ordinal, .thread = v->op.thread,
		.nr_after = 1, .after = { r->e->id },
	};
	for (uint32_t w = 0; w < x->width; w++)
		new[w] = sources[w] & ~bits_below(w, to->since);
	for (uint32_t i = 0; known && i < known->nr_after; i++)
		set_add(new, known->after[i]);
	for (uint32_t w = 0; w < x->width; w++)
		new[w] &= ~causes[w];
	for_each_member(id, new, x->width)
		if (v->op.locks && operation_releases(&event_of(x, id)->op))
			set_remove(new, id);
	for_each_member(id, new, x->width) {
		const struct event *e = event_of(x, id);
		bool last = true;

		for_each_member(other, new, x->width)
			if (other != id &&
			    set_has(event_row(x, other, ROW_CAUSES), id))
				last = false;
		if (!last)
			continue;
		if (has_later_turn(x, e, r->e))
			return false;
		to->after[to->nr_after++] = (uint16_t)id;
	}
	return true;
}

/* Let the victim come after the event, if that is not done elsewhere. */
static void push_revisit(const struct revisit *r, uint32_t victim,
			 const uint64_t *later, const uint64_t *victims)
{
	struct executions *x = r->x;
	const struct event *v = event_of(x, victim);
	const uint64_t *present = scratch_row(x, SCRATCH_PRESENT);
	uint64_t *causes = scratch_row(x, SCRATCH_CAUSES);
	uint64_t *prefix = scratch_row(x, SCRATCH_PREFIX);
	uint64_t *kept = scratch_row(x, SCRATCH_KEPT);
	uint64_t *deleted = scratch_row(x, SCRATCH_DELETED);
	struct request request, *to;
	struct subtree *s;
	uint32_t nr = 1;

	causes_of_event(r, later, causes);
	if (set_has(causes, victim))
		return;
	set_copy(x, prefix, causes);
	join_causes_of_victim(x, v, prefix);
	for (uint32_t w = 0; w < x->width; w++) {
		kept[w] = (present[w] & bits_below(w, victim)) | prefix[w];
		deleted[w] = present[w] & ~kept[w];
	}
	set_remove(deleted, r->e->id);
	if (sets_meet(victims, kept, x->width) ||
	    !deleted_is_usual(x, victim, prefix, deleted) ||
	    !kept_is_closed(x, kept) ||
	    !requests_are_usual(r, v, kept, prefix) ||
	    !make_request(r, v, causes, &request))
		return;
	for (uint32_t i = 0; i < x->nr_requests; i++)
		nr += request_stays(&x->requests[i], victim) &&
		      (x->requests[i].thread != v->op.thread ||
		       x->requests[i].ordinal != v->ordinal);
	s = push_sequence(r, kept, later, nr);
	to = subtree_requests(s);
	for (uint32_t i = 0; i < x->nr_requests; i++)
		if (request_stays(&x->requests[i], victim) &&
		    (x->requests[i].thread != v->op.thread ||
		     x->requests[i].ordinal != v->ordinal))
			*to++ = x->requests[i];
	*to = request;
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
		if (!differs && smallest(x, victims) == id)
			push_revisit(r, id, later, victims);
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
		push_revisit(r, first, later, victims);
	else if (!none)
		push_forward(r, later);
	if (!set_empty(x, others))
		push_optional(r, taken, others, first);
}

/*
 * Choose among the events it observes, from the last one on: one comes later
 * only with all that happened after it.
 */
static void choose(const struct revisit *r, uint32_t i)
{
	const struct executions *x = r->x;
	uint64_t *taken = scratch_row(x, SCRATCH_TAKEN);
	uint64_t *closed = scratch_row(x, SCRATCH_CLOSED);
	uint32_t id;

	if (i == r->nr) {
		close_later(x, taken, closed);
		if (set_empty(x, taken) || can_be_performed(r, closed))
			push_with(r, taken, closed);
		return;
	}
	choose(r, i + 1);
	id = r->sources[i];
	for (uint32_t k = 0; k < i; k++)
		if (!set_has(taken, r->sources[k]) &&
		    set_has(event_row(x, r->sources[k], ROW_BEFORE), id))
			return;
	set_add(taken, id);
	choose(r, i + 1);
	set_remove(taken, id);
}

/* They happened one after another: just as many choices. */
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
	if (!r->e->op.locks)
		return can_be_performed(r, closed);
	if (operation_releases(&e->op))
		return false;
	return (e->op.locks && e->op.class == CHECK_WRITE) ||
	       can_be_performed(r, closed);
}

/*
 * As choose().  What would observe the event has to be deleted; it goes on in
 * vain as soon as that would not be usual.
 */
static void choose_in_order(const struct revisit *r)
{
	struct executions *x = r->x;
	uint64_t *taken = scratch_row(x, SCRATCH_TAKEN);
	uint64_t *closed = scratch_row(x, SCRATCH_CLOSED);
	uint64_t *never = scratch_row(x, SCRATCH_NEVER);
	const uint64_t *observers = scratch_row(x, SCRATCH_OBSERVERS);
	const uint64_t *moved = event_row(x, r->e->sums, ROW_MOVED);
	const uint64_t *awaited = scratch_row(x, SCRATCH_AWAITED);

	for (uint32_t w = 0; w < x->width; w++)
		never[w] = (moved[w] | awaited[w]) & observers[w];
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
	r->request = request_of(x, r->e);
	for (uint32_t i = 0; r->request && i < r->request->nr_after; i++)
		for (uint32_t w = 0; w < x->width; w++)
			movable[w] &= ~event_row(x, r->request->after[i],
						 ROW_BEFORE)[w];
	for (uint32_t w = 0; w < x->width; w++) {
		sources[w] = movable[w] &
			     event_row(x, r->e->id, ROW_SOURCES)[w];
		any |= movable[w];
	}
	return any;
}

/* The last one first. */
static void sort_sources(struct revisit *r)
{
	const struct executions *x = r->x;
	uint32_t id;

	for_each_member(id, scratch_row(x, SCRATCH_SOURCES), x->width) {
		uint32_t i = r->nr++;

		for (; i && x->place[r->sources[i - 1]] < x->place[id]; i--)
			r->sources[i] = r->sources[i - 1];
		r->sources[i] = (uint16_t)id;
	}
}

static void push_revisits(struct executions *x, uint32_t n, bool unfinished)
{
	struct revisit r = {
		.x = x, .e = &x->events[n], .unfinished = unfinished,
		.sources = x->sources,
	};
	uint64_t *observers = scratch_row(x, SCRATCH_OBSERVERS);
	uint64_t *taken = scratch_row(x, SCRATCH_TAKEN);
	uint64_t *closed = scratch_row(x, SCRATCH_CLOSED);

	if (!r.e->meets || !find_movable(&r))
		return;
	races_observers(x, n, observers);
	for (uint32_t w = 0; w < x->width; w++) {
		observers[w] &= scratch_row(x, SCRATCH_MOVABLE)[w];
		taken[w] = closed[w] = 0;
	}
	sort_sources(&r);
	if (are_ordered(&r))
		choose_in_order(&r);
	else
		choose(&r, 0);
}

void revisits_begin(struct executions *x)
{
	uint64_t *awaited = scratch_row(x, SCRATCH_AWAITED);

	memset(awaited, 0, x->width * sizeof(*awaited));
	for (uint32_t i = 0; i < x->nr_requests; i++)
		for (uint32_t k = 0; k < x->requests[i].nr_after; k++)
			set_add(awaited, x->requests[i].after[k]);
}

void revisits_push(struct executions *x)
{
	push_revisits(x, x->nr, false);
}

void revisits_push_unfinished(struct executions *x)
{
	for (uint32_t left = world->ready; left; left &= left - 1) {
		unsigned int t = (unsigned int)__builtin_ctz(left);

		if (!world->threads[t].object)
			continue;
		x->nr++;
		x->events[x->nr] = (struct event){
			.op = operation_at(x, t), .id = (uint16_t)x->next_id,
		};
		races_record(x, x->nr);
		push_revisits(x, x->nr, true);
		races_forget(x, x->nr);
		x->nr--;
	}
}
