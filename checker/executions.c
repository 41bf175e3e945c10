// SPDX-License-Identifier: GPL-2.0-only
/*
 * executions.c - the search by executions: optimal partial-order reduction.
 *
 * In the manner of TruSt (Kokologiannakis, Marmanis, Gladstein, Vafeiadis:
 * "Truly stateless, optimal dynamic partial order reduction", POPL 2022): the
 * first thread that can moves, and its operation is performed last, behind all
 * others.  That is the usual way; wherever an event is new, it is also put
 * ahead of each set of events that it could come before.  If nobody would
 * notice, all of them stay.  If one would that was there, it is taken back to
 * be performed later (the event revisits it), together with whatever is newer
 * and no cause of the new event.  What is taken back must have been performed
 * in the usual way: so each execution can be come to from one other only, none
 * is run twice, and all that there is to remember are the sub-trees that were
 * seen on the way and not searched yet.
 *
 * Each execution goes on from a snapshot of the one before it (trail.c).
 *
 * Names used in this file
 *   event     an operation that was performed; numbered from 1 in execution
 *   id        of an event, in order of age; kept when the event is
 *   step      an event as a sub-tree prescribes it
 *   request   an event that was taken back and is to be performed again
 */
#include "executions.h"

#include "pieces.h"
#include "report.h"
#include "snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ------ what a sub-tree prescribes ------ */

/* The world as after so many events can be used for the sub-tree, too. */
static uint32_t common_events(const struct executions *x)
{
	const struct step *steps = subtree_steps(x->current);
	const uint32_t nr = subtree_performed(x->current);
	uint32_t n = 0;

	while (n < x->nr && n < nr &&
	       steps[n].thread == x->events[n + 1].op.thread &&
	       steps[n].choice == x->events[n + 1].choice)
		n++;
	return n;
}

/* And the order of so many of these, where ids are the same. */
static uint32_t common_ids(const struct executions *x, uint32_t nr)
{
	const struct step *steps = subtree_steps(x->current);
	uint32_t n = 0;

	while (n < nr && steps[n].id == x->events[n + 1].id)
		n++;
	return n;
}

/* Requests that are not performed yet. */
static void find_waiting(struct executions *x)
{
	x->waiting = 0;
	for (uint32_t i = 0; i < x->nr_requests; i++)
		if (!x->requests[i].only_after &&
		    x->nr_of[x->requests[i].thread] <= x->requests[i].ordinal)
			x->waiting |= 1u << x->requests[i].thread;
}

/* Let world and order be as after the events that are common. */
static int go_on_from(struct executions *x, uint32_t nr)
{
	const struct step *steps = subtree_steps(x->current);
	uint32_t n = common_ids(x, nr);

	if (!x->nr)
		return 0;
	races_forget(x, n);
	for (; x->nr < nr; races_record(x, x->nr)) {
		x->events[x->nr + 1].id = steps[x->nr].id;
		x->nr++;
	}
	if (happen_back(x, nr))
		return -1;
	return repeats_due(x) ? repeats_compare(x, nr) : 0;
}

/* Return: 1, 0 when the execution is not to go on, -1 without memory. */
static int run_steps(struct executions *x)
{
	struct subtree *s = x->current;
	uint32_t n = common_events(x);
	int more;

	x->requests = subtree_requests(s);
	x->nr_requests = subtree_requested(s);
	x->waiting = 0;
	x->next_id = s->next_id;
	if (happen_room(x, s->nr_steps) || go_on_from(x, n))
		return -1;
	more = happen_steps(x);
	x->next_id = s->next_id;
	if (more <= 0 || x->strayed)
		return more < 0 ? -1 : 0;
	find_waiting(x);
	revisits_begin(x);
	return 1;
}

/* No thread can move, and some are not at their ends. */
static int stuck(struct executions *x)
{
	uint32_t spinning = run_enabled_mask();
	int left = loop_is_left(x, spinning);

	if (left) {
		x->search->result->redundant++;
		return left < 0 ? -1 : 0;
	}
	if (spinning)
		run_livelock(spinning);
	else
		run_deadlock();
	return happen_failed(x);
}

/* No thread can move.  Was it an end, and which? */
static int ended(struct executions *x)
{
	struct search *search = x->search;

	if (x->given_up || run_any_failed())
		return 0;
	if (run_given_up(search->result))
		return 0;
	if (!run_all_done())
		return stuck(x);
	return search_complete(search) == END_FAILED ? happen_failed(x) : 0;
}

static int take(struct executions *x, struct subtree *s)
{
	size_t bytes = subtree_unpacked(s);

	if (bytes > x->current_room) {
		free(x->current);
		x->current_room = 2 * bytes;
		x->current = malloc(x->current_room);
		if (!x->current)
			return -1;
	}
	subtree_unpack(s, x->current);
	if (s->next_id / WORD_BITS > (s->nr_steps + 16u) / WORD_BITS)
		subtree_renumber(x->current);
	races_reserve(x, x->current->next_id);
	return 0;
}

/* Of what the current sub-tree, a bundle, is made of one is searched now. */
static int open_bundle(struct executions *x)
{
	const uint16_t depth = x->current->depth;
	struct subtree *s;
	int more = run_steps(x);

	if (more <= 0)
		return more;
	if (!revisits_open(x))
		return happen_strayed(x, subtree_steps(x->current)[x->nr]
						 .thread);
	s = subtree_pop(x);
	subtree_pack(s, s);
	if (take(x, s))
		return -1;
	x->current->depth = depth;
	return 1;
}

static int run_subtree(struct executions *x)
{
	size_t others = x->subtrees_used;
	int more = 1;

	x->given_up = false;
	x->search->result->runs++;
	if (x->current->decided)
		more = open_bundle(x);
	if (more > 0)
		more = run_steps(x);
	if (more <= 0)
		return more;
	if (happen_on(x))
		return -1;
	if (x->again)
		return 0;
	/* those of a cut execution may be longer by one, and no more */
	if (!x->brute && x->nr <= x->most)
		revisits_push_unfinished(x);
	subtrees_sort(x, others);
	return ended(x);
}

/* ------ the search ------ */

/* So many are expected; if there are more, room has to be made. */
#define EVENTS_OF_THREAD 6

/*
 * A snapshot is made for each so many events; to go back is to perform half of
 * them again.  Both cost the least when there is a snapshot for about the root
 * of its bytes; an operation costs as much as some 32 of them.
 */
static void set_spacing(struct executions *x)
{
	size_t bytes = snapshot_bytes();

	for (x->spacing = 4; (size_t)x->spacing * x->spacing * 16 < bytes;)
		x->spacing++;
}

/* Begin, or begin anew with what was learned of the program. */
static int begin(void *own)
{
	struct executions *x = own;
	uint32_t nr = x->nr;

	races_forget(x, 0);
	x->subtrees_used = 0;
	left_begin(x);
	await_learned(x);
	if (x->awaits) {
		memset(x->first_places, 0, sizeof(x->first_places));
		known_tries_free(&x->known_tries);
	}
	if ((nr && repeats_look(x, nr)) || repeats_begin(x, x->spins))
		return -1;
	x->again = false;
	set_spacing(x);
	if (trail_save(0))
		return -1;
	if (!x->brute && !x->search->learned.has_turns) {
		turns_learn(x);
		trail_restore(0);
	}
	turns_learned(x);
	return 0;
}

/* All executions. */
static void push_root(struct executions *x)
{
	struct subtree *root = subtree_push(x, 0, 0);

	root->next_id = 1;
	root->size = ESTIMATE_SIZES;
}

static int begin_anew(struct executions *x)
{
	int error;

	search_restart(x->search);
	error = begin(x);
	push_root(x);
	return error;
}

/* ------ as a tree, see parallel.h ------ */

/* One part of so many may be searched to know how large the others are. */
#define MEASURED_PART 64

static int step(void *own)
{
	struct executions *x = own;
	const struct check_result *result = x->search->result;
	struct subtree *s;
	size_t others;

	s = left_next(x);
	others = x->subtrees_used;
	if (!s)
		return 0;
	if (take(x, s) || run_subtree(x))
		return -1;
	x->search->result->search_bytes = races_bytes(x) + trail_bytes() +
					  probe_bytes(&x->probe);
	left_found(x, others);
	if (result->runs % 256 == 0)
		left_note(x);
	if (x->again && !x->shares && begin_anew(x))
		return -1;
	return 1;
}

static int take_part(void *own, const struct bytes *part)
{
	struct executions *x = own;

	if (!part->nr) {
		push_root(x);
		return 0;
	}
	left_taken(x, part->weight);
	return subtree_append(x, part->data, part->nr);
}

/* The one found first is the nearest to the root, and likely large. */
static bool give_part(void *own, struct bytes *part)
{
	struct executions *x = own;
	const struct subtree *first;

	left_settle(x);
	first = (void *)x->subtrees;
	if (!x->subtrees_used || first->bytes == x->subtrees_used)
		return false;
	part->weight = left_give(x, first);
	part->nr = first->bytes;
	part->data = malloc(part->nr);
	if (!part->data)
		return false;
	memcpy(part->data, first, part->nr);
	x->subtrees_used -= part->nr;
	memmove(x->subtrees, x->subtrees + part->nr, x->subtrees_used);
	return true;
}

static int give_all(void *own,
		    int (*save)(void *user, const struct bytes *part),
		    void *user)
{
	struct executions *x = own;
	struct subtree *s;
	double scale;
	int error = 0;

	left_settle(x);
	left_note(x);
	scale = left_scale(x);
	while (!error && (s = subtree_pop(x))) {
		struct bytes part = {
			s, s->bytes, scale * estimate_of(&x->estimate, s->size),
		};

		error = save(user, &part);
	}
	left_begin(x);
	return error;
}

static int report(void *own, struct bytes *report)
{
	struct executions *x = own;

	left_note(x);
	return report_pack(x->search, report);
}

static void forget(void *own)
{
	struct executions *x = own;

	search_forget(x->search);
	x->search->result->search_bytes = 0;
	run.total_operations = 0;
}

static void share(void *own)
{
	struct executions *x = own;

	x->shares = true;
	forget(own);
}

static int learn(void *own, const struct bytes *learned)
{
	struct executions *x = own;

	if (learned->nr != sizeof(x->search->learned)) {
		errno = EBADMSG;
		return -1;
	}
	memcpy(&x->search->learned, learned->data, learned->nr);
	if (begin(x))
		return -1;
	share(own);
	return 0;
}

/* Found what the search is for, or what makes it pointless. */
static bool found(void *own)
{
	const struct executions *x = own;

	return x->search->stop || x->again;
}

/* Small ones are done before that is of use. */
static bool measures(void *own)
{
	struct executions *x = own;
	const struct search *search = x->search;

	left_note(x);
	return x->probe.on &&
	       search->left > (double)search->result->runs * MEASURED_PART;
}

int search_executions(struct search *search)
{
	struct executions x = {
		.search = search,
		.brute = search->options->mode == CHECK_BRUTE_FORCE,
		.most = search->options->max_operations ?
			search->options->max_operations : MAX_EVENTS,
	};
	struct tree tree = {
		.own = &x, .begin = begin, .learn = learn, .share = share,
		.step = step, .take = take_part, .give = give_part,
		.give_all = give_all, .report = report, .forget = forget,
		.found = found, .measures = measures,
	};
	int error = -1;

	order_of_one_execution();
	races_setup(&x, EVENTS_OF_THREAD * search->program->nr_threads);
	if (!happen_room(&x, 0) && !trail_begin())
		error = search_pieces(search, &tree);
	search->ended = cpu_seconds();
	if (!error)
		error = repeats_compare(&x, x.nr);
	races_free(&x);
	free(x.subtrees);
	free(x.current);
	free(x.sorting);
	probe_free(&x.probe);
	trail_end();
	return error;
}
