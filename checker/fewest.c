// SPDX-License-Identifier: GPL-2.0-only
/*
 * fewest.c - for each failure the schedule with the fewest context switches.
 *
 * The search by states finds which failures there are, along whatever path
 * came first.  This one goes through the same states in order of the switches
 * it takes to get there: all that one thread reaches alone, then all that one
 * switch more reaches, and so on until every failure was met again.
 */
#include "by_states.h"

#include <stdlib.h>
#include <string.h>

/* Snapshots this search may keep; beyond, failures keep what they have. */
#define MAX_BYTES ((size_t)2 << 30)

struct item {
	size_t snapshot;		/* offset in bytes */
	uint32_t parent;		/* item; EDGE_NONE at the root */
	uint32_t operations;		/* of the step that led here */
	uint32_t length;		/* operations from the start */
	uint8_t thread;			/* that took it */
	uint8_t choice;
	bool chose;
};

struct fewest {
	struct search *search;
	struct stored stored;
	struct item *items;
	uint32_t nr_items;
	uint32_t room;
	char *bytes;
	size_t bytes_used;
	size_t bytes_room;
	uint32_t lead[CHECK_MAX_THREADS];
	size_t missing;			/* failures not met again yet */
	bool met[CHECK_MAX_FAILURES];
	uint32_t best[CHECK_MAX_FAILURES];	/* length, */
	uint32_t best_layer[CHECK_MAX_FAILURES]; /* and switches before it */
	uint32_t layer;
	bool full;
};

static int reserve(struct fewest *f)
{
	size_t wanted = f->bytes_used + world_save_bound();

	if (wanted > f->bytes_room) {
		size_t room = wanted + wanted / 2;
		char *bytes = realloc(f->bytes, room);

		if (!bytes)
			return -1;
		f->bytes = bytes;
		f->bytes_room = room;
	}
	if (f->nr_items == f->room) {
		uint32_t room = f->room + f->room / 2 + 256;
		struct item *items = realloc(f->items, room * sizeof(*items));

		if (!items)
			return -1;
		f->items = items;
		f->room = room;
	}
	return 0;
}

/* Who came to a state counts here: to go on costs that thread no switch. */
static uint32_t insert(struct fewest *f, uint32_t salt, bool *is_new)
{
	struct states *states = &f->stored.states;
	struct image *image = &f->stored.image;

	if (image_follow(image, NULL) ||
	    (states->exact && exact_put(states->exact, 0, salt)))
		return STATES_NO_MEMORY;
	return states_insert(states, image_key(image, salt), is_new);
}

/* Keep the world, reached by the step in *item, unless it is known. */
static int keep(struct fewest *f, struct item item)
{
	bool is_new;

	if (f->bytes_used > MAX_BYTES) {
		f->full = true;
		return 0;
	}
	if (insert(f, item.thread + 1u, &is_new) == STATES_NO_MEMORY)
		return -1;
	if (!is_new)
		return 0;
	if (reserve(f))
		return -1;
	item.snapshot = f->bytes_used;
	f->bytes_used += world_save(f->bytes + f->bytes_used);
	f->items[f->nr_items++] = item;
	return 0;
}

/* The schedule that leads over `last` and the step after it. */
static int path(const struct fewest *f, const struct item *last,
		struct check_schedule *schedule)
{
	uint32_t lead[CHECK_MAX_THREADS];
	uint32_t n = 0;
	const struct item **way;
	int error = 0;

	memcpy(lead, f->lead, sizeof(lead));
	way = malloc(((size_t)f->nr_items + 1) * sizeof(*way));
	if (!way)
		return -1;
	for (const struct item *i = last; ; i = &f->items[i->parent]) {
		way[n++] = i;
		if (i->parent == EDGE_NONE)
			break;
	}
	memset(schedule, 0, sizeof(*schedule));
	while (n-- && !error) {
		if (!way[n]->operations && way[n]->parent == EDGE_NONE)
			continue;
		error = schedule_add(schedule, way[n]->thread,
				     lead[way[n]->thread] + way[n]->operations);
		lead[way[n]->thread] = 0;
		if (way[n]->chose && !error)
			error = schedule_choose(schedule, way[n]->choice);
	}
	free(way);
	return error;
}

/* run.failure happened behind *item: is it one that is looked for? */
static int failed(struct fewest *f, const struct item *item)
{
	struct check_result *result = f->search->result;
	struct check_failure *failure = search_known(result, &run.failure);
	size_t i;

	if (!failure)
		return 0;
	i = (size_t)(failure - result->failures);
	if (f->met[i] && (f->best_layer[i] < f->layer ||
			  f->best[i] <= item->length))
		return 0;
	check_schedule_free(&failure->schedule);
	f->met[i] = true;
	f->best[i] = item->length;
	f->best_layer[i] = f->layer;
	memcpy(failure->text, run.failure.text, sizeof(failure->text));
	return path(f, item, &failure->schedule);
}

/* run.failure comes before any step: no schedule is shorter than its own. */
static void met_at_once(struct fewest *f)
{
	struct check_result *result = f->search->result;
	const struct check_failure *failure =
		search_known(result, &run.failure);

	if (failure)
		f->met[failure - result->failures] = true;
}

static int after_step(struct fewest *f, enum run_end end,
		      const struct item *item)
{
	if (end == END_FAILED)
		return failed(f, item);
	if (run_all_done()) {
		if (run_any_cut() || run_any_failed() ||
		    run_main(f->search->program->finish) != END_FAILED)
			return 0;
		return failed(f, item);
	}
	if (!run_enabled_mask()) {
		if (run_any_cut() || run_any_failed())
			return 0;
		run_deadlock();
		return failed(f, item);
	}
	return keep(f, *item);
}

/* The step does not end as it did: put that down, with the way there. */
static int differs(struct fewest *f, const struct item *item)
{
	struct check_failure *failure;

	search_differs(f->search, item->thread);
	failure = search_failure(f->search);
	return failure ? path(f, item, &failure->schedule) : 0;
}

/* As in by_states.c: others may go on from before the failure. */
static int keep_before_failure(struct fewest *f, uint32_t from,
			       struct item *item)
{
	world_restore(f->bytes + f->items[from].snapshot);
	world->threads[item->thread].choice = item->choice;
	item->operations--;
	item->length--;
	if (run_thread_short(item->thread, item->operations) != END_YIELD ||
	    run.operations != item->operations)
		return differs(f, item);
	return keep(f, *item);
}

/* Let thread t take every step it can take from item number `from`. */
static int run_from(struct fewest *f, uint32_t from, unsigned int t)
{
	unsigned int choice = 0, nr_choices = 1;
	int error = 0;

	for (; choice < nr_choices && !error; choice++) {
		struct thread *thread = &world->threads[t];
		struct item item = {
			.parent = from, .thread = (uint8_t)t,
			.choice = (uint8_t)choice,
		};
		enum run_end end;

		world_restore(f->bytes + f->items[from].snapshot);
		if (!run_enabled(t))
			return 0;
		if (thread->class == CLASS_CHOICE) {
			item.chose = true;
			nr_choices = thread->nr_choices;
			thread->choice = (uint16_t)choice;
		}
		end = run_thread(t);
		item.operations = run.operations;
		item.length = f->items[from].length + run.operations;
		error = after_step(f, end, &item);
		if (end == END_FAILED && item.operations >= 2 && !error)
			error = keep_before_failure(f, from, &item);
	}
	return error;
}

static size_t fewest_bytes(const struct fewest *f)
{
	return states_bytes(&f->stored.states) + f->bytes_room +
	       f->room * sizeof(*f->items);
}

static size_t missing(const struct fewest *f)
{
	const struct check_result *result = f->search->result;
	size_t n = 0;

	/*
	 * A livelock is a cycle, not a step, and a stuck thread takes seconds
	 * to be found: their schedules stay.
	 */
	for (size_t i = 0; i < result->nr_failures; i++) {
		unsigned int number = result->failures[i].number;

		if (!f->met[i] && number != CHECK_LIVELOCK &&
		    number != CHECK_STUCK && number != CHECK_NONDETERMINISM)
			n++;
	}
	return n;
}

/* Return: there is nothing left to be found, or no more may be done. */
static bool finished(struct fewest *f)
{
	if (search_poll_due(f->search)) {
		f->search->result->search_bytes = fewest_bytes(f);
		search_poll(f->search);
	}
	return f->full || f->search->stop;
}

/*
 * One layer: items from `begin` on were reached by a switch.  Each is carried
 * on by its own thread (which adds to the layer), then by the others (which
 * makes the next layer).
 */
static int layers(struct fewest *f)
{
	uint32_t begin = 0;

	while (begin < f->nr_items && missing(f) && !finished(f)) {
		uint32_t end;

		for (uint32_t i = begin; i < f->nr_items && !finished(f); i++)
			if (f->items[i].parent != EDGE_NONE &&
			    run_from(f, i, f->items[i].thread))
				return -1;
		if (!missing(f))
			return 0;
		end = f->nr_items;
		f->layer++;
		for (uint32_t i = begin; i < end && !finished(f); i++)
			for (unsigned int t = 0; t < run.program->nr_threads;
			     t++)
				if ((f->items[i].parent == EDGE_NONE ||
				     t != f->items[i].thread) &&
				    run_from(f, i, t))
					return -1;
		begin = end;
	}
	return 0;
}

/*
 * Locks that are taken in both orders, but never in one execution, do nobody
 * harm: what decides the order keeps the executions apart.
 */
static void drop_orders(const struct fewest *f)
{
	struct check_result *result = f->search->result;
	size_t kept = 0;

	for (size_t i = 0; i < result->nr_failures; i++)
		if (f->met[i] ||
		    result->failures[i].number != CHECK_LOCK_ORDER)
			result->failures[kept++] = result->failures[i];
		else
			check_schedule_free(&result->failures[i].schedule);
	result->nr_failures = kept;
}

/* A state counts once for each thread that came there: no limit on them. */
static int open_fewest(struct fewest *f)
{
	int error = stored_open(&f->stored, f->search->options);

	f->stored.states.most = 0;
	return error;
}

/*
 * The world is as setup() left it, and sharing.c knows what is shared.  There
 * is time for this also when the search found its first failure and stopped.
 */
int search_fewest_switches(struct search *search)
{
	struct fewest f = { .search = search };
	struct item root = { .parent = EDGE_NONE };
	uint64_t search_bytes = search->result->search_bytes;
	const char *why = search->result->stopped;
	bool stopped = search->stop;
	int error;

	if (!missing(&f) || search->spent)
		return 0;
	search->stop = false;
	run.mode = search->options->no_reduction ? RUN_OPERATIONS : RUN_STEPS;
	order_of_one_execution();
	run_arm_threads();
	for (unsigned int t = 0; t < run.program->nr_threads; t++) {
		if (run_thread(t) == END_FAILED)
			met_at_once(&f);
		f.lead[t] = run.operations;
	}
	error = open_fewest(&f) || keep(&f, root) || layers(&f) ? -1 : 0;
	if (!error && !f.full && !search->stop)
		drop_orders(&f);
	search->stop |= stopped;
	if (why)
		search->result->stopped = why;
	if (search->result->search_bytes < search_bytes)
		search->result->search_bytes = search_bytes;
	stored_free(&f.stored);
	free(f.items);
	free(f.bytes);
	return error;
}
