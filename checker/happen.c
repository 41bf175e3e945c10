// SPDX-License-Identifier: GPL-2.0-only
/*
 * happen.c - events of an execution: one more, one that a sub-tree prescribes,
 * or some that are known; see executions.c.
 *
 * A thread leaves its stack only for what cannot be done there: see goes_on().
 */
#include "executions.h"

#include "by_states.h"

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
int happen_room(struct executions *x, uint32_t nr)
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

int happen_failed(struct executions *x)
{
	struct check_failure *failure = search_failure(x->search);

	return failure ? path(x, &failure->schedule) : 0;
}

int happen_strayed(struct executions *x, unsigned int t)
{
	struct check_failure *failure;

	x->strayed = true;
	search_differs(x->search, t);
	failure = search_failure(x->search);
	if (!failure)
		return 0;
	/* what led to it; when that is nothing, the operation itself */
	return x->nr ? path(x, &failure->schedule) :
		       schedule_add(&failure->schedule, t, 1);
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

/*
 * On the way they are twice as far apart: where the search comes back to, there
 * will be more, see happen_back().
 */
static uint32_t next_snapshot(const struct executions *x)
{
	return trail_last() + 2 * x->spacing;
}

/*
 * Events[x->nr] is ordered: let it happen.  The thread may go on by itself up
 * to x->until.
 *
 * In line, as is what calls it: where functions return to is predicted wrong
 * after each switch of stacks.
 */
static inline __attribute__((always_inline)) int
perform(struct executions *x)
{
	struct event *e = &x->events[x->nr];
	unsigned int t = e->op.thread;

	if (x->spins == SPINS_ON_SEVERAL)
		e->quiet = e->op.waits && await_is_quiet(x);
	x->until = next_snapshot(x);
	if (x->until > x->room - 4)
		x->until = x->room - 4;
	if (x->until > x->most)
		x->until = x->most;
	world->threads[t].choice = e->choice;
	run_thread(t);
	run.goes_on = NULL;
	if (x->is_next)
		return 1;
	if (run.end == END_FAILED && happen_failed(x))
		return -1;
	if (x->spins == SPINS_ON_SEVERAL && run.end == END_YIELD)
		x->places[x->nr].spot = snapshot_spot(t);
	await_notice(x);
	return !x->again;
}

/* What a wait that comes before it would find. */
static inline uint64_t old_value(const struct executions *x,
				 const struct operation *op)
{
	const void *object = op->object;
	uint64_t old = 0;

	if ((uintptr_t)object - (uintptr_t)world->threads <
	    sizeof(world->threads))
		old = (uint64_t)world->woken << 32 | world->tokens;
	else if (x->awaits && world_owns(object, sizeof(old)))
		memcpy(&old, object, sizeof(old));
	return old;
}

/*
 * What thread t is at.  There is room for it; and it is found in its place, as
 * what is stored as bytes takes long to be copied as words right after.
 */
static inline struct event *add_event(struct executions *x, unsigned int t)
{
	struct event *e = &x->events[++x->nr];

	*e = (struct event){ .repeats = 1 };
	operation_find(x, t, &e->op);
	e->old = old_value(x, &e->op);
	if (x->awaits) {
		x->places[x->nr].known = NULL;
		x->places[x->nr].tries.asked = false;
	}
	return e;
}

static bool snapshot_is_due(const struct executions *x)
{
	return x->nr >= next_snapshot(x);
}

static int new_event(struct executions *x, unsigned int t)
{
	if (happen_room(x, x->nr + 1) ||
	    (snapshot_is_due(x) && trail_save(x->nr)))
		return -1;
	add_event(x, t)->nr_choices = (uint8_t)world->threads[t].nr_choices;
	return 0;
}

/*
 * Thread t has performed events[x->nr], and is at its next operation.  If it is
 * its turn still, that is an event as well, and happens at once if it could
 * come before nothing that it did not come before.
 */
static bool goes_on(void *own, unsigned int t)
{
	struct executions *x = own;
	struct event *e;

	if (x->nr >= x->until || !await_is_nothing(x) || !turns_stay(x, t))
		return false;
	e = add_event(x, t);
	e->id = (uint16_t)x->next_id++;
	races_record(x, x->nr);
	x->is_next = e->meets && revisits_any(x, e);
	if (!x->is_next)
		x->waiting &= ~(1u << t);
	return !x->is_next;
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

/* Return: as happen_next(), which goes on with events[x->nr]. */
static int choose_event(struct executions *x)
{
	unsigned int t = x->brute ? choose_any(x) : turns_choose(x);

	if (t == NO_THREAD)
		return 0;
	if (x->nr >= x->most) {
		x->search->result->cut++;
		x->search->result->too_long++;
		x->given_up = true;
		return 0;
	}
	if (new_event(x, t))
		return -1;
	x->events[x->nr].id = (uint16_t)x->next_id++;
	races_record(x, x->nr);
	return 1;
}

/* Return: as happen_on(). */
static inline int happen_next(struct executions *x)
{
	const struct event *e;

	if (!x->is_next) {
		int more = choose_event(x);

		if (more <= 0)
			return more;
	}
	x->is_next = false;
	e = &x->events[x->nr];
	if (e->nr_choices)
		push_choice(x);
	else if (!x->brute)
		revisits_push(x);
	x->waiting &= ~(1u << e->op.thread);
	run.goes_on = x->brute || x->spins ? NULL : goes_on;
	run.own = x;
	return perform(x);
}

int happen_on(struct executions *x)
{
	int more = 1;

	while (more > 0)
		more = happen_next(x);
	return more;
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

int happen_again(struct executions *x, uint32_t n, uint32_t nr)
{
	x->repeated = n;
	x->repeat = nr;
	while (x->repeated < nr) {
		const struct event *e = &x->events[x->repeated + 1];
		unsigned int t = e->op.thread;

		if (!is_there(e)) {
			x->nr = x->repeated;
			return happen_strayed(x, t);
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
 * Now and then do it twice, as a program that counts its executions on the sly
 * may do the same in each whole one.
 */
int happen_back(struct executions *x, uint32_t nr)
{
	const uint64_t runs = x->search->result->runs;
	uint32_t n = trail_restore(nr);

	if (happen_again(x, n, nr))
		return -1;
	if (!(runs & (runs - 1)) && !x->strayed) {
		trail_restore(nr);
		if (happen_again(x, n, nr))
			return -1;
	}
	return nr - n >= x->spacing / 2 ? trail_save(nr) : 0;
}

/* Thread t is at an operation: is that the next step, and an old one? */
static bool steps_on(void *own, unsigned int t)
{
	struct executions *x = own;
	const struct step *step = &subtree_steps(x->current)[x->nr];
	struct event *e;

	if (x->nr == x->current->nr_steps || x->nr + 1 == x->current->fresh ||
	    step->thread != t || x->nr >= x->until || !await_is_nothing(x) ||
	    !run_enabled(t))
		return false;
	e = add_event(x, t);
	if (operation_hash(&e->op) != step->what) {
		x->nr--;
		return false;
	}
	e->id = step->id;
	races_record(x, x->nr);
	return true;
}

/* Return: as happen_steps(). */
static inline int happen_step(struct executions *x, const struct step *step,
			      bool fresh)
{
	unsigned int t = step->thread;
	struct event *e;
	bool there;

	if (!(world->ready & (1u << t)))
		return happen_strayed(x, t);
	if (new_event(x, t))
		return -1;
	e = &x->events[x->nr];
	there = operation_hash(&e->op) == step->what;
	if (!there || !run_enabled(t)) {
		x->nr--;
		return there && fresh && e->op.waits ? give_up(x) :
						happen_strayed(x, t);
	}
	e->id = step->id;
	e->choice = step->choice;
	races_record(x, x->nr);
	if (fresh && e->nr_choices) {
		x->next_id = step->id + 1u;
		push_choice(x);
	}
	run.goes_on = x->spins ? NULL : steps_on;
	run.own = x;
	return perform(x);
}

int happen_steps(struct executions *x)
{
	struct subtree *s = x->current;
	const uint32_t nr = subtree_performed(s);
	int more = 1;

	while (more > 0 && !x->strayed && x->nr < nr)
		more = happen_step(x, &subtree_steps(s)[x->nr],
				   x->nr + 1 == s->fresh);
	return more;
}
