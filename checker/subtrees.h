/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * subtrees.h - what is left of a search by executions.
 *
 * A sub-tree is the sequence of steps that begins all of its executions, and
 * the requests that are left of events that were taken back.
 *
 * Interface
 *   subtrees.c   sub-trees wait on a stack, or elsewhere as bytes
 *   left.c       which is the next, and how many executions they have
 */
#ifndef CHECKER_SUBTREES_H
#define CHECKER_SUBTREES_H

#include "internal.h"

struct executions;
struct operation;

/*
 * An event whose operation was taken back so that others come before it: it is
 * performed as soon as it can be.  Or just that an event comes after others.
 */
struct request {
	uint16_t since;			/* its first id */
	uint16_t ordinal;
	uint8_t thread;
	uint8_t only_after;		/* it was not taken back */
	uint8_t nr_after;
	uint16_t after[CHECK_MAX_THREADS];	/* events to come before it */
};

/* A place in a sub-tree's beginning. */
struct step {
	uint16_t id;
	uint8_t thread;
	uint8_t choice;
	uint16_t what;			/* hash of the operation */
};

struct subtree {
	uint32_t bytes;			/* with all that follows it */
	uint16_t nr_steps;
	uint16_t nr_requests;
	uint16_t next_id;
	uint16_t fresh;			/* the step that is new; 0: none */
	uint16_t shared;		/* steps as where it branched off */
	uint16_t size;			/* events to decide */
	uint16_t depth;			/* sub-trees that it is in */
	uint16_t searched;		/* and is still on the stack */
	uint16_t decided;		/* digits of a bundle; 0: it is none */
	/* struct step [nr_steps], struct request [nr_requests] */
};

static inline struct step *subtree_steps(struct subtree *s)
{
	return (struct step *)(s + 1);
}

static inline struct request *subtree_requests(struct subtree *s)
{
	return (struct request *)(subtree_steps(s) + s->nr_steps);
}

/* Steps to perform, and requests: of a bundle all but the last. */
static inline uint32_t subtree_performed(const struct subtree *s)
{
	return s->decided ? s->nr_steps - 1u : s->nr_steps;
}

static inline uint32_t subtree_requested(const struct subtree *s)
{
	return s->decided ? s->nr_requests - 1u : s->nr_requests;
}

/* subtrees.c */

/* A sub-tree on the stack; the caller fills steps and requests, 0 at first. */
struct subtree *subtree_push(struct executions *x, uint32_t nr_steps,
			     uint32_t nr_requests);
/*
 * Add one that was taken out of here, or of another process.
 * Return: 0, or -1 with errno: it is none.
 */
int subtree_append(struct executions *x, const void *part, size_t bytes);
/* Return: the last one, there until something is pushed; NULL: none. */
struct subtree *subtree_pop(struct executions *x);
/*
 * Those behind `from`, a size of the stack, branched off one execution: let
 * those come first (last on the stack) that share most of it.
 */
void subtrees_sort(struct executions *x, size_t from);
/*
 * Write it to `to`, which may be ahead of it in the stack, without the room
 * that its requests do not use; that is how sub-trees wait.
 * Return: its bytes.
 */
uint32_t subtree_pack(struct subtree *s, void *to);
/* Return: its bytes as subtree_unpack() makes it, to be searched. */
size_t subtree_unpacked(const struct subtree *s);
void subtree_unpack(const struct subtree *s, struct subtree *to);
/* Take those that were searched off the stack, wherever they lie. */
void subtrees_compact(struct executions *x);
/* All that was performed, as steps; more is their number beyond that. */
struct subtree *subtree_push_events(struct executions *x, uint32_t more);
/*
 * A bundle, see bundles.c: all events as steps, of which the last one is not
 * performed.  The caller fills the last request, whose `after` come after it.
 */
struct subtree *subtree_push_bundle(struct executions *x, uint32_t decided,
				    uint32_t free);
/* Give it the smallest ids that are in the same order. */
void subtree_renumber(struct subtree *s);
uint16_t operation_hash(const struct operation *op);

/* left.c */

/* Nothing is known of what is left. */
void left_begin(struct executions *x);
/*
 * What to search next, of the sub-trees that there are.
 * Return: it lies on the stack, or did, until something is pushed; NULL: none.
 */
struct subtree *left_next(struct executions *x);
/* All beyond `others`, a size of the stack, was found there. */
void left_found(struct executions *x, size_t others);
/* Sub-trees come and go from elsewhere: there be only what is left. */
void left_settle(struct executions *x);
/* One is about to be added, with so many executions. */
void left_taken(struct executions *x, double executions);
/* This one is given away.  Return: the executions it has. */
double left_give(struct executions *x, const struct subtree *s);
/* Return: how much more each has than those of its size did. */
double left_scale(const struct executions *x);
/* Tell the search how many executions are left. */
void left_note(struct executions *x);

#endif /* CHECKER_SUBTREES_H */
