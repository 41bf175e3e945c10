// SPDX-License-Identifier: GPL-2.0-only
/*
 * victims.c - the sub-trees that branch off where an event is new, and which of
 * them belong to here and nowhere else; see revisits.c.
 */
#include "revisits.h"

/* Return: what is known of an event that was taken back once; or NULL. */
static const struct request *request_of(const struct executions *x,
					const struct event *e)
{
	for (uint32_t i = 0; i < x->nr_requests; i++)
		if (!x->requests[i].only_after &&
		    request_is_of(&x->requests[i], e))
			return &x->requests[i];
	return NULL;
}

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

/* Does no other event of a set know of this one? */
static bool is_last_of(const struct executions *x, const uint64_t *set,
		       uint32_t id, enum row row)
{
	uint32_t other;

	for_each_member(other, set, x->width)
		if (other != id && set_has(event_row(x, other, row), id))
			return false;
	return true;
}

/*
 * What thread t is at and cannot perform comes after all that is there and that
 * it depends on.  Return: false: it depends on nothing.
 */
static bool keep_behind(const struct revisit *r, unsigned int t,
			struct request *to)
{
	struct executions *x = r->x;
	const struct operation op = operation_at(x, t);
	uint64_t *new = scratch_row(x, SCRATCH_NEW);
	uint32_t id;

	*to = (struct request){
		.since = r->e->id, .ordinal = x->nr_of[t],
		.thread = (uint8_t)t, .only_after = true,
	};
	memset(new, 0, x->width * sizeof(*new));
	for (uint32_t n = 1; n < x->place[r->e->id]; n++)
		if (x->events[n].op.thread != t &&
		    operation_depends(&x->events[n].op, &op))
			set_add(new, x->events[n].id);
	for_each_member(id, new, x->width)
		if (is_last_of(x, new, id, ROW_BEFORE))
			to->after[to->nr_after++] = (uint16_t)id;
	return to->nr_after;
}

/*
 * Other threads that cannot go on, either, and whose turns are earlier: if both
 * are put ahead of what is there, they are so first.  Return: their number.
 */
static uint32_t keep_others_behind(const struct revisit *r, struct request *to)
{
	const struct executions *x = r->x;
	const unsigned int own = r->e->op.thread;
	uint32_t nr = 0;

	for (uint32_t left = world->ready; left; left &= left - 1) {
		unsigned int t = (unsigned int)__builtin_ctz(left);

		if (world->threads[t].object &&
		    x->turn_of[t] < x->turn_of[own])
			nr += keep_behind(r, t, &to[nr]);
	}
	return nr;
}

void victim_none(const struct revisit *r, const uint64_t *later)
{
	struct executions *x = r->x;
	uint64_t *kept = scratch_row(x, SCRATCH_KEPT);
	struct request others[CHECK_MAX_THREADS];
	uint32_t nr = r->unfinished ? keep_others_behind(r, others) : 0;
	struct subtree *s;

	set_copy(x, kept, scratch_row(x, SCRATCH_PRESENT));
	set_remove(kept, r->e->id);
	s = push_sequence(r, kept, later, x->nr_requests + nr);
	memcpy(subtree_requests(s), x->requests,
	       x->nr_requests * sizeof(*x->requests));
	memcpy(subtree_requests(s) + x->nr_requests, others,
	       nr * sizeof(*others));
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

		if (q->only_after || request_is_of(q, v))
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
	uint32_t id;

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
		if (!is_last_of(x, new, id, ROW_CAUSES))
			continue;
		if (has_later_turn(x, event_of(x, id), r->e))
			return false;
		to->after[to->nr_after++] = (uint16_t)id;
	}
	return true;
}

void victim_push(const struct revisit *r, uint32_t victim,
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
		      !request_is_of(&x->requests[i], v);
	s = push_sequence(r, kept, later, nr);
	to = subtree_requests(s);
	for (uint32_t i = 0; i < x->nr_requests; i++)
		if (request_stays(&x->requests[i], victim) &&
		    !request_is_of(&x->requests[i], v))
			*to++ = x->requests[i];
	*to = request;
}
