// SPDX-License-Identifier: GPL-2.0-only
/*
 * subtrees.c - the sub-trees that are still to be searched; see executions.c.
 *
 * A sub-tree is nothing but the sequence that begins all of its executions.
 * It says nothing of other sub-trees, so that it can be searched anywhere.
 */
#include "executions.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MASK 0xfffu
/* Bytes of the stack of sub-trees. */
#define LEAST_ROOM 4096u

/* The size of the last one stands behind it. */
static void *top(const struct executions *x)
{
	uint32_t bytes;

	memcpy(&bytes, x->subtrees + x->subtrees_used - sizeof(bytes),
	       sizeof(bytes));
	return x->subtrees + x->subtrees_used - bytes;
}

static size_t whole_words(size_t bytes)
{
	return (bytes + 7) / 8 * 8;
}

/* With room for all that a request may have to come after. */
static size_t size_of(uint32_t nr_steps, uint32_t nr_requests)
{
	return whole_words(sizeof(struct subtree) +
			   nr_steps * sizeof(struct step) +
			   nr_requests * sizeof(struct request) +
			   sizeof(uint32_t));
}

/* So many bytes on the stack, and their number behind them. */
static struct subtree *push_bytes(struct executions *x, size_t bytes)
{
	uint32_t behind = (uint32_t)bytes;
	struct subtree *s;

	if (x->subtrees_used + bytes > x->subtrees_room) {
		x->subtrees_room = x->subtrees_used + bytes;
		x->subtrees_room += x->subtrees_room / 4 + LEAST_ROOM;
		x->subtrees = realloc(x->subtrees, x->subtrees_room);
		if (!x->subtrees)
			abort();
	}
	s = (struct subtree *)(void *)(x->subtrees + x->subtrees_used);
	x->subtrees_used += bytes;
	memcpy(x->subtrees + x->subtrees_used - sizeof(behind), &behind,
	       sizeof(behind));
	return s;
}

struct subtree *subtree_push(struct executions *x, uint32_t nr_steps,
			     uint32_t nr_requests)
{
	size_t bytes = size_of(nr_steps, nr_requests);
	struct subtree *s = push_bytes(x, bytes);

	*s = (struct subtree){
		.bytes = (uint32_t)bytes,
		.nr_steps = (uint16_t)nr_steps,
		.nr_requests = (uint16_t)nr_requests,
	};
	return s;
}

/* ------ without that room ------ */

static size_t used_of(const struct request *q)
{
	return offsetof(struct request, after) +
	       q->nr_after * sizeof(q->after[0]);
}

uint32_t subtree_pack(struct subtree *s, void *to)
{
	const struct request *requests = subtree_requests(s);
	uint32_t nr = s->nr_requests, bytes;
	size_t at = sizeof(*s) + s->nr_steps * sizeof(struct step);

	memmove(to, s, at);
	for (uint32_t i = 0; i < nr; i++) {
		size_t used = used_of(&requests[i]);

		memmove((char *)to + at, &requests[i], used);
		at += used;
	}
	bytes = (uint32_t)whole_words(at + sizeof(bytes));
	memcpy(to, &bytes, sizeof(bytes));
	memcpy((char *)to + bytes - sizeof(bytes), &bytes, sizeof(bytes));
	return bytes;
}

/* Return: the size with that room; 0: it is not as it has to be. */
static size_t unpacked(const struct subtree *s, size_t bytes)
{
	size_t at = sizeof(*s);

	if (bytes < at || s->bytes != bytes)
		return 0;
	if (s->decided && (!s->nr_steps || !s->nr_requests))
		return 0;
	at += s->nr_steps * sizeof(struct step);
	for (uint32_t i = 0; i < s->nr_requests; i++) {
		const char *q = (const char *)s + at;

		at += offsetof(struct request, after);
		if (at > bytes)
			return 0;
		if (used_of((const void *)q) > sizeof(struct request))
			return 0;
		at += used_of((const void *)q) -
		      offsetof(struct request, after);
	}
	return whole_words(at + sizeof(uint32_t)) == bytes ?
		size_of(s->nr_steps, s->nr_requests) : 0;
}

size_t subtree_unpacked(const struct subtree *s)
{
	return unpacked(s, s->bytes);
}

void subtree_unpack(const struct subtree *s, struct subtree *to)
{
	size_t at = sizeof(*s) + s->nr_steps * sizeof(struct step);

	memcpy(to, s, at);
	for (uint32_t i = 0; i < s->nr_requests; i++) {
		const struct request *q =
			(const void *)((const char *)s + at);

		memcpy(&subtree_requests(to)[i], q, used_of(q));
		at += used_of(q);
	}
}

int subtree_append(struct executions *x, const void *part, size_t bytes)
{
	if (!unpacked(part, bytes)) {
		errno = EBADMSG;
		return -1;
	}
	memcpy(push_bytes(x, bytes), part, bytes);
	return 0;
}

struct subtree *subtree_pop(struct executions *x)
{
	struct subtree *s = NULL;

	if (x->subtrees_used) {
		s = top(x);
		x->subtrees_used -= s->bytes;
	}
	return s;
}

void subtrees_compact(struct executions *x)
{
	size_t to = 0;

	for (size_t at = 0; at < x->subtrees_used;) {
		const struct subtree *s = (void *)(x->subtrees + at);
		uint32_t bytes = s->bytes;

		if (!s->searched) {
			memmove(x->subtrees + to, s, bytes);
			to += bytes;
		}
		at += bytes;
	}
	x->subtrees_used = to;
}

static void reserve_sorting(struct executions *x, size_t bytes)
{
	if (bytes <= x->sorting_room)
		return;
	free(x->sorting);
	x->sorting_room = 2 * bytes;
	x->sorting = malloc(x->sorting_room);
	if (!x->sorting)
		abort();
}

void subtrees_sort(struct executions *x, size_t from)
{
	size_t bytes = x->subtrees_used - from, to = 0;
	uint32_t shared = 0, next;
	bool sorted = true;

	for (size_t at = from; at < x->subtrees_used;) {
		const struct subtree *s = (void *)(x->subtrees + at);

		sorted &= s->shared >= shared;
		shared = s->shared;
		at += s->bytes;
	}
	if (sorted)
		return;
	reserve_sorting(x, bytes);
	memcpy(x->sorting, x->subtrees + from, bytes);
	for (shared = 0; to < bytes; shared = next) {
		next = UINT32_MAX;
		for (size_t at = 0; at < bytes;) {
			const struct subtree *s = (void *)(x->sorting + at);

			at += s->bytes;
			if (s->shared > shared && s->shared < next)
				next = s->shared;
			if (s->shared != shared)
				continue;
			memcpy(x->subtrees + from + to, s, s->bytes);
			to += s->bytes;
		}
	}
}

uint16_t operation_hash(const struct operation *op)
{
	/* where memory is mapped to differs from process to process */
	uint64_t mix = ((uintptr_t)op->object & PAGE_MASK) *
		       0x9e3779b97f4a7c15u;

	return (uint16_t)(mix >> 48 ^ op->bytes << 8 ^ op->class);
}

static struct subtree *push_events(struct executions *x, uint32_t more_steps,
				   uint32_t more_requests)
{
	struct subtree *s = subtree_push(x, x->nr + more_steps,
					 x->nr_requests + more_requests);
	struct step *steps = subtree_steps(s);

	for (uint32_t n = 1; n <= x->nr; n++) {
		const struct event *e = &x->events[n];

		steps[n - 1] = (struct step){
			.id = e->id, .thread = e->op.thread,
			.choice = e->choice, .what = operation_hash(&e->op),
		};
	}
	memcpy(subtree_requests(s), x->requests,
	       x->nr_requests * sizeof(*x->requests));
	s->next_id = (uint16_t)x->next_id;
	s->shared = (uint16_t)x->nr;
	return s;
}

struct subtree *subtree_push_events(struct executions *x, uint32_t more)
{
	return push_events(x, more, 0);
}

struct subtree *subtree_push_bundle(struct executions *x, uint32_t decided,
				    uint32_t free)
{
	struct subtree *s = push_events(x, 0, 1);

	s->next_id = (uint16_t)(x->events[x->nr].id + 1);
	s->fresh = s->nr_steps;
	s->decided = (uint16_t)decided;
	s->shared = (uint16_t)(x->nr - free);
	return s;
}

/* ------ ids ------ */

/* How many of those that are used are not larger? */
static uint16_t rank(const uint64_t *used, uint32_t id)
{
	uint32_t n = set_has(used, id);

	for (uint32_t w = 0; w <= id / WORD_BITS; w++)
		n += (uint32_t)__builtin_popcountll(used[w] &
						    bits_below(w, id));
	return (uint16_t)n;
}

/* Those it uses: those of its steps, and since when something is requested. */
static void find_used(struct subtree *s, uint64_t *used)
{
	for (uint32_t i = 0; i < s->nr_steps; i++)
		set_add(used, subtree_steps(s)[i].id);
	for (uint32_t i = 0; i < s->nr_requests; i++)
		set_add(used, subtree_requests(s)[i].since);
}

void subtree_renumber(struct subtree *s)
{
	uint64_t *used =
		calloc(s->next_id / WORD_BITS + 1u, sizeof(*used));

	if (!used)
		return;
	find_used(s, used);
	s->next_id = (uint16_t)(rank(used, s->next_id) + 1);
	for (uint32_t i = 0; i < s->nr_steps; i++)
		subtree_steps(s)[i].id = rank(used, subtree_steps(s)[i].id);
	for (uint32_t i = 0; i < s->nr_requests; i++) {
		struct request *q = &subtree_requests(s)[i];

		q->since = rank(used, q->since);
		for (uint32_t k = 0; k < q->nr_after; k++)
			q->after[k] = rank(used, q->after[k]);
	}
	free(used);
}
