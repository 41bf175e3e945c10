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

#include "by_states.h"
#include "pieces.h"
#include "report.h"
#include "snapshot.h"

#include <stdlib.h>
#include <string.h>

/* Of each thread as many ids as there are events. */
static int make_ids(struct executions *x, uint32_t room)
{
	const uint32_t nr_threads = run.program->nr_threads;
	uint16_t *ids = malloc((size_t)nr_threads * room * sizeof(*ids));

	if (!ids)
		return -1;
	for (unsigned int t = 0; x->ids && t < nr_threads; t++)
		memcpy(ids + t * room, x->ids + t * x->room,
		       x->nr_of[t] * sizeof(*ids));
	free(x->ids);
	x->ids = ids;
	return 0;
}

/* One event more, and one that stands behind the last. */
static int make_room(struct executions *x, uint32_t nr)
{
	uint32_t room = 2 * nr + 125;
	struct event *events;
	struct place *places;
	uint16_t *sources;

	if (nr + 3 < x->room)
		return 0;
	events = realloc(x->events, room * sizeof(*events));
	if (!events)
		return -1;
	memset(events, 0, sizeof(*events));
	x->events = events;
	places = realloc(x->places, room * sizeof(*places));
	if (!places)
		return -1;
	x->places = places;
	sources = realloc(x->sources, room * sizeof(*sources));
	if (!sources)
		return -1;
	x->sources = sources;
	if (make_ids(x, room))
		return -1;
	x->room = room;
	return 0;
}

static int path(const struct executions *x, struct check_schedule *schedule)
{
	memset(schedule, 0, sizeof(*schedule));
	for (uint32_t n = 1; n <= x->nr; n++) {
		const struct event *e = &x->events[n];

		if (schedule_add(schedule, e->op.thread, 1))
			return -1;
		if (e->nr_choices && schedule_choose(schedule, e->choice))
			return -1;
	}
	return 0;
}

static int failed(struct executions *x)
{
	struct check_failure *failure = search_failure(x->search);

	return failure ? path(x, &failure->schedule) : 0;
}

/* A thread is not where it was when the same was performed before. */
static int stray(struct executions *x, unsigned int t)
{
	x->strayed = true;
	search_differs(x->search, t);
	return failed(x);
}

static int give_up(struct executions *x)
{
	x->search->result->redundant++;
	x->given_up = true;
	return 0;
}

/* ------ sub-trees that need no analysis ------ */

/* Every interleaving: all others that can run now. */
static void push_others(struct executions *x, uint32_t enabled)
{
	for (; enabled; enabled &= enabled - 1) {
		unsigned int t = (unsigned int)__builtin_ctz(enabled);
		struct operation op = operation_at(x, t);
		struct subtree *s = subtree_push_events(x, 1);

		subtree_steps(s)[x->nr] = (struct step){
			.id = (uint16_t)x->next_id, .thread = (uint8_t)t,
			.what = operation_hash(&op),
		};
		s->next_id++;
		s->fresh = (uint16_t)(x->nr + 1);
	}
}

/* The next value of the choice that events[x->nr] is. */
static void push_choice(struct executions *x)
{
	const struct event *e = &x->events[x->nr];
	struct subtree *s;

	if (e->choice + 1 >= e->nr_choices)
		return;
	s = subtree_push_events(x, 0);
	subtree_steps(s)[x->nr - 1].choice++;
	s->next_id = (uint16_t)(e->id + 1);
	s->shared = (uint16_t)(x->nr - 1);
	s->fresh = s->nr_steps;
}

/* ------ one event more ------ */

/* Events[x->nr] is ordered: let it happen. */
static int perform(struct executions *x)
{
	struct event *e = &x->events[x->nr];
	unsigned int t = e->op.thread;

	world->threads[t].choice = e->choice;
	run_thread(t);
	run.goes_on = NULL;
	if (run.end == END_FAILED && failed(x))
		return -1;
	await_notice(x);
	return !x->again;
}

/* What a wait that comes before it would find. */
static uint64_t old_value(const struct executions *x,
			  const struct operation *op)
{
	const char *object = op->object;
	uint64_t old = 0;

	if (object >= (const char *)world->threads &&
	    object < (const char *)(world->threads + CHECK_MAX_THREADS))
		old = (uint64_t)world->woken << 32 | world->tokens;
	else if (x->awaits && world_owns(object, sizeof(old)))
		memcpy(&old, object, sizeof(old));
	return old;
}

/* There is room for it. */
static struct event *add_event(struct executions *x, unsigned int t)
{
	struct event *e = &x->events[++x->nr];

	*e = (struct event){
		.op = operation_at(x, t),
		.nr_choices = (uint8_t)world->threads[t].nr_choices,
		.repeats = 1,
	};
	e->old = old_value(x, &e->op);
	x->places[x->nr].known = NULL;
	x->places[x->nr].tries.asked = false;
	return e;
}

static bool snapshot_is_due(const struct executions *x)
{
	return x->nr - trail_last() >= x->spacing;
}

static int new_event(struct executions *x, unsigned int t)
{
	if (make_room(x, x->nr + 1) ||
	    (snapshot_is_due(x) && trail_save(x->nr)))
		return -1;
	add_event(x, t);
	return 0;
}

/*
 * Thread t has performed events[x->nr], and is at its next operation.  If it is
 * its turn still, and if it meets nobody there, that is an event as well.
 */
static bool goes_on(void *own, unsigned int t)
{
	struct executions *x = own;
	struct operation op;
	struct event *e;

	if (x->nr + 4 >= x->room || x->nr == MAX_EVENTS - 2 ||
	    snapshot_is_due(x) || !await_is_nothing(x) || turns_choose(x) != t)
		return false;
	op = operation_at(x, t);
	if (races_meets(x, &op))
		return false;
	e = add_event(x, t);
	e->id = (uint16_t)x->next_id++;
	races_record(x, x->nr);
	x->waiting &= ~(1u << t);
	return true;
}

/* Every interleaving: one that can run, all others are sub-trees. */
static unsigned int choose_any(struct executions *x)
{
	uint32_t enabled = await_enabled(x);
	bool chooses = (world->choosing & enabled) != 0;
	unsigned int t;

	if (!enabled)
		return NO_THREAD;
	if (chooses)
		enabled &= world->choosing;
	t = (unsigned int)__builtin_ctz(enabled);
	if (!chooses)
		push_others(x, enabled & ~(1u << t));
	return t;
}

static int run_event(struct executions *x)
{
	unsigned int t = x->brute ? choose_any(x) : turns_choose(x);

	if (t == NO_THREAD)
		return 0;
	if (x->nr == MAX_EVENTS - 2) {
		x->search->result->cut++;
		x->given_up = true;
		return 0;
	}
	if (new_event(x, t))
		return -1;
	x->events[x->nr].id = (uint16_t)x->next_id++;
	races_record(x, x->nr);
	if (x->events[x->nr].nr_choices)
		push_choice(x);
	else if (!x->brute)
		revisits_push(x);
	x->waiting &= ~(1u << t);
	run.goes_on = x->brute || x->spins ? NULL : goes_on;
	run.own = x;
	return perform(x);
}

/* ------ what a sub-tree prescribes ------ */

/* Is thread t where it was when this was performed before? */
static bool is_there(const struct event *e)
{
	unsigned int t = e->op.thread;

	return (world->ready & (1u << t)) &&
	       world->threads[t].object == e->op.object &&
	       world->threads[t].bytes == e->op.bytes && run_enabled(t);
}

/* Thread t is at an operation: is that the next event, too? */
static bool repeats_on(void *own, unsigned int t)
{
	struct executions *x = own;
	const struct event *e = &x->events[x->repeated + 1];

	if (x->repeated == x->repeat || e->op.thread != t || !is_there(e))
		return false;
	x->repeated++;
	return true;
}

/* So many events, after the first n of them, which are known. */
static int perform_again(struct executions *x, uint32_t n, uint32_t nr)
{
	x->repeated = n;
	x->repeat = nr;
	while (x->repeated < nr) {
		const struct event *e = &x->events[x->repeated + 1];
		unsigned int t = e->op.thread;

		if (!is_there(e)) {
			x->nr = x->repeated;
			return stray(x, t);
		}
		x->repeated++;
		world->threads[t].choice = e->choice;
		run.goes_on = repeats_on;
		run.own = x;
		run_thread(t);
		run.goes_on = NULL;
	}
	return 0;
}

/*
 * Let the world be as when `nr` events had been performed, which are the same
 * ones: what came first is known.  Now and then do it twice, as a program that
 * counts its executions on the sly may do the same in each whole one.
 */
static int go_back(struct executions *x, uint32_t nr)
{
	const uint64_t runs = x->search->result->runs;
	uint32_t n = trail_restore(nr);

	if (perform_again(x, n, nr))
		return -1;
	if (!(runs & (runs - 1)) && !x->strayed) {
		trail_restore(nr);
		if (perform_again(x, n, nr))
			return -1;
	}
	return nr - n >= x->spacing / 2 ? trail_save(nr) : 0;
}

static int run_step(struct executions *x, const struct step *step, bool fresh)
{
	unsigned int t = step->thread;
	struct event *e;
	bool there;

	if (!(world->ready & (1u << t)))
		return stray(x, t);
	if (new_event(x, t))
		return -1;
	e = &x->events[x->nr];
	there = operation_hash(&e->op) == step->what;
	if (!there || !run_enabled(t)) {
		x->nr--;
		return there && fresh && e->op.waits ? give_up(x) :
						       stray(x, t);
	}
	e->id = step->id;
	e->choice = step->choice;
	races_record(x, x->nr);
	if (fresh && e->nr_choices) {
		x->next_id = step->id + 1u;
		push_choice(x);
	}
	return perform(x);
}

/* The world as after so many events can be used for the sub-tree, too. */
static uint32_t common_events(const struct executions *x)
{
	const struct step *steps = subtree_steps(x->current);
	uint32_t n = 0;

	while (n < x->nr && n < x->current->nr_steps &&
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

static void forget_events(struct executions *x, uint32_t nr)
{
	for (; x->nr > nr; x->nr--)
		races_forget(x, x->nr);
}

/* Requests that are not performed yet. */
static void find_waiting(struct executions *x)
{
	x->waiting = 0;
	for (uint32_t i = 0; i < x->nr_requests; i++)
		if (x->nr_of[x->requests[i].thread] <= x->requests[i].ordinal)
			x->waiting |= 1u << x->requests[i].thread;
}

/* Let world and order be as after the events that are common. */
static int go_on_from(struct executions *x, uint32_t nr)
{
	const struct step *steps = subtree_steps(x->current);
	uint32_t n = common_ids(x, nr);

	if (!x->nr)
		return 0;
	forget_events(x, n);
	for (; x->nr < nr; races_record(x, x->nr)) {
		x->events[x->nr + 1].id = steps[x->nr].id;
		x->nr++;
	}
	return go_back(x, nr);
}

/* Return: 1, 0 when the execution is not to go on, -1 without memory. */
static int run_steps(struct executions *x)
{
	struct subtree *s = x->current;
	uint32_t n = common_events(x);
	int more = 1;

	x->requests = subtree_requests(s);
	x->nr_requests = s->nr_requests;
	x->waiting = 0;
	x->first_turn = 0;
	x->next_id = s->next_id;
	if (make_room(x, s->nr_steps) || go_on_from(x, n))
		return -1;
	for (; more > 0 && !x->strayed && n < s->nr_steps; n++)
		more = run_step(x, &subtree_steps(s)[n], n + 1 == s->fresh);
	x->next_id = s->next_id;
	if (more <= 0 || x->strayed)
		return more < 0 ? -1 : 0;
	find_waiting(x);
	revisits_begin(x);
	return 1;
}

/* No thread can move.  Was it an end, and which? */
static int ended(struct executions *x)
{
	struct search *search = x->search;

	if (x->given_up || run_any_failed())
		return 0;
	if (run_given_up(search->result))
		return 0;
	if (!run_all_done()) {
		if (run_enabled_mask())
			run_livelock(run_enabled_mask());
		else
			run_deadlock();
		return failed(x);
	}
	return search_complete(search) == END_FAILED ? failed(x) : 0;
}

static int run_subtree(struct executions *x)
{
	size_t others = x->subtrees_used;
	int more;

	x->given_up = false;
	x->search->result->runs++;
	more = run_steps(x);
	if (more <= 0)
		return more;
	while (more > 0)
		more = run_event(x);
	if (more < 0)
		return -1;
	if (x->again)
		return 0;
	if (!x->brute)
		revisits_push_unfinished(x);
	subtrees_sort(x, others);
	return ended(x);
}

/* ------ the search ------ */

/* So many are expected; if there are more, room has to be made. */
#define EVENTS_OF_THREAD 6

static int take(struct executions *x, struct subtree *s)
{
	if (s->bytes > x->current_room) {
		free(x->current);
		x->current_room = 2 * s->bytes;
		x->current = malloc(x->current_room);
		if (!x->current)
			return -1;
	}
	memcpy(x->current, s, s->bytes);
	if (s->next_id / WORD_BITS > (s->nr_steps + 16u) / WORD_BITS)
		subtree_renumber(x->current);
	races_reserve(x, x->current->next_id);
	return 0;
}

/* Each thread goes to its first operation; none of that is an event. */
static int begin_threads(struct executions *x)
{
	trail_restart();
	run.mode = RUN_OPERATIONS;
	run.scrubs = x->spins;
	run_arm_threads();
	for (unsigned int t = 0; t < run.program->nr_threads; t++) {
		if (run_thread(t) == END_FAILED && failed(x))
			return -1;
		await_notice_wait(x, t);
	}
	return 0;
}

/* What is learned from an execution has to be so if it is performed again. */
static int look_again(struct executions *x, uint32_t nr)
{
	int error = begin_threads(x) || perform_again(x, 0, nr) ? -1 : 0;

	x->nr = 0;
	return error;
}

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

	forget_events(x, 0);
	x->subtrees_used = 0;
	memset(x->estimate.found, 0, sizeof(x->estimate.found));
	estimate_disturbed(&x->estimate);
	await_learned(x);
	memset(x->first_places, 0, sizeof(x->first_places));
	turns_learned(x);
	if ((nr && look_again(x, nr)) || begin_threads(x))
		return -1;
	x->again = false;
	set_spacing(x);
	return trail_save(0);
}

/* All executions. */
static void push_root(struct executions *x)
{
	struct subtree *root = subtree_push(x, 0, 0);

	root->next_id = 1;
	root->size = ESTIMATE_SIZES;
	estimate_found(&x->estimate, root->size);
}

static int begin_anew(struct executions *x)
{
	int error;

	search_restart(x->search);
	error = begin(x);
	push_root(x);
	return error;
}

/* Note what was found; how much there is to decide is what comes after. */
static void note_found(struct executions *x, size_t others)
{
	for (size_t at = others; at < x->subtrees_used;) {
		struct subtree *s = (void *)(x->subtrees + at);

		s->size = (uint16_t)(x->nr > s->shared ? x->nr - s->shared : 0);
		estimate_found(&x->estimate, s->size);
		at += s->bytes;
	}
}

static void note_left(struct executions *x)
{
	x->search->left = estimate_left(&x->estimate);
}

/* ------ as a tree, see parallel.h ------ */

static int step(void *own)
{
	struct executions *x = own;
	const struct check_result *result = x->search->result;
	struct subtree *s;
	size_t others;

	estimate_end(&x->estimate, x->subtrees_used, result->runs);
	s = subtree_pop(x);
	others = x->subtrees_used;
	if (!s)
		return 0;
	estimate_begin(&x->estimate, s->size, others, result->runs);
	if (take(x, s) || run_subtree(x))
		return -1;
	x->search->result->search_bytes = races_bytes(x) + trail_bytes();
	note_found(x, others);
	if (result->runs == 1)
		turns_learn(x);
	if (result->runs % 256 == 0)
		note_left(x);
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
	estimate_disturbed(&x->estimate);
	return subtree_append(x, part->data, part->nr);
}

/* The one found first is the nearest to the root, and likely large. */
static bool give_part(void *own, struct bytes *part)
{
	struct executions *x = own;
	const struct subtree *first = (void *)x->subtrees;

	if (!x->subtrees_used || first->bytes == x->subtrees_used)
		return false;
	part->weight = estimate_of(&x->estimate, first->size);
	estimate_lost(&x->estimate, first->size);
	estimate_disturbed(&x->estimate);
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
	int error = 0;

	note_left(x);
	estimate_disturbed(&x->estimate);
	while (!error && (s = subtree_pop(x))) {
		struct bytes part = {
			s, s->bytes, estimate_of(&x->estimate, s->size),
		};

		estimate_lost(&x->estimate, s->size);
		error = save(user, &part);
	}
	return error;
}

static int report(void *own, struct bytes *report)
{
	struct executions *x = own;

	note_left(x);
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

/* Found what the search is for, or what makes it pointless. */
static bool found(void *own)
{
	const struct executions *x = own;

	return x->search->stop || x->again;
}

int search_executions(struct search *search)
{
	struct executions x = {
		.search = search,
		.brute = search->options->mode == CHECK_BRUTE_FORCE,
	};
	struct tree tree = {
		.own = &x, .begin = begin, .share = share, .step = step,
		.take = take_part, .give = give_part, .give_all = give_all,
		.report = report, .forget = forget, .found = found,
	};
	int error = -1;

	order_of_one_execution();
	races_setup(&x, EVENTS_OF_THREAD * search->program->nr_threads);
	if (!make_room(&x, 0) && !trail_begin())
		error = search_pieces(search, &tree);
	races_free(&x);
	free(x.subtrees);
	free(x.current);
	free(x.sorting);
	free(x.estimate.open);
	trail_end();
	return error;
}
