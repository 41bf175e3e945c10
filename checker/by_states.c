// SPDX-License-Identifier: GPL-2.0-only
/*
 * by_states.c - the search by states: depth first, each state once.
 *
 * A node of the search is a state between two steps.  Every state that is
 * stored is expanded by every thread that is enabled in it; what is left out
 * are only the states inside a step (sharing.c says when a step goes on).
 * A step is finite unless a thread runs on for ever without meeting anyone,
 * which is reported, so no operation is put off for ever.
 *
 * Between two steps the world and the image (image.h) are the state of the top
 * node; a log says what each step has overwritten, which takes them back.
 */
#include "by_states.h"

#include <stdlib.h>
#include <string.h>

struct node {
	size_t log;			/* to undo the step that led here, */
	size_t edges;			/* those from here begin there */
	uint32_t state;
	uint32_t todo;			/* threads still to be run from here */
	uint32_t operations;		/* of the step taken from here now */
	uint8_t thread;			/* that takes it */
	uint8_t choice;			/* and the value it chose */
	bool chose;			/* its operation was check_choose() */
};

struct dfs {
	struct search *search;
	struct stored stored;
	struct image_log log;
	struct node *nodes;
	size_t nr_nodes;
	size_t nodes_room;
	uint64_t nr_steps;
	uint64_t restart_at;		/* steps; 0: no need to */
	unsigned int nr_futures;
	uint32_t lead[CHECK_MAX_THREADS]; /* operations before the root */
	uint8_t *on_way;		/* a bit a state: a node is at it */
	size_t on_way_room;
	bool met_cut;
	bool has_cycles;
};

static void dfs_free(struct dfs *dfs)
{
	stored_free(&dfs->stored);
	free(dfs->log.bytes);
	free(dfs->nodes);
	free(dfs->on_way);
}

static size_t dfs_bytes(const struct dfs *dfs)
{
	return stored_bytes(&dfs->stored) + dfs->on_way_room + sharing_bytes() +
	       dfs->log.room + dfs->nodes_room * sizeof(*dfs->nodes);
}

static struct node *top(struct dfs *dfs)
{
	return &dfs->nodes[dfs->nr_nodes - 1];
}

static int add_edge(struct dfs *dfs, uint32_t to)
{
	const struct node *node = top(dfs);
	struct edge edge = {
		.to = to, .operations = run.operations,
		.thread = node->thread, .choice = node->choice,
	};

	dfs->search->result->steps++;
	if (run.progressed)
		edge.flags |= EDGE_PROGRESS;
	if (node->chose)
		edge.flags |= EDGE_CHOSE;
	return edges_add(&dfs->stored.edges, node->state, edge);
}

static int insert(struct dfs *dfs, uint32_t *state, bool *is_new)
{
	return stored_insert(&dfs->stored, dfs->search, &dfs->log, state,
			     is_new);
}

/*
 * Where a thread was cut short, what it would have done is not known: that the
 * others go round for ever is no livelock.
 */
static int note_cut(struct dfs *dfs, uint32_t state)
{
	struct edge unknown = { .to = EDGE_END };

	if (!run_any_cut())
		return 0;
	dfs->met_cut |= run_met_bound();
	return edges_add(&dfs->stored.edges, state, unknown);
}

static int mark_on_way(struct dfs *dfs, uint32_t state)
{
	size_t before = dfs->on_way_room;

	if (room_for((void **)&dfs->on_way, &dfs->on_way_room, state / 8 + 1,
		     1))
		return -1;
	memset(dfs->on_way + before, 0, dfs->on_way_room - before);
	dfs->on_way[state / 8] |= (uint8_t)(1u << state % 8);
	return 0;
}

/* A step to a state on the way to where it begins closes a cycle. */
static void note_cycle(struct dfs *dfs, uint32_t state)
{
	if (state / 8 < dfs->on_way_room &&
	    (dfs->on_way[state / 8] & (1u << state % 8)))
		dfs->has_cycles = true;
}

/* The world is at a state.  Store it, and go there if it is new. */
static int visit(struct dfs *dfs, size_t log)
{
	uint32_t state;
	bool is_new;

	if (insert(dfs, &state, &is_new) ||
	    room_for((void **)&dfs->nodes, &dfs->nodes_room, dfs->nr_nodes + 1,
		     sizeof(*dfs->nodes)))
		return -1;
	if (state == EDGE_NONE)
		return 0;
	if (dfs->nr_nodes && add_edge(dfs, state))
		return -1;
	if (!is_new) {
		note_cycle(dfs, state);
		return 0;
	}
	if (mark_on_way(dfs, state))
		return -1;
	dfs->nodes[dfs->nr_nodes] = (struct node){
		.log = log,
		.edges = dfs->stored.edges.open_used,
		.state = state,
		.todo = run_enabled_mask(),
		.thread = dfs->nr_nodes ? top(dfs)->thread : 0,
	};
	dfs->nr_nodes++;
	return note_cut(dfs, state);
}

/* The way to the step that the top node takes now, as a schedule. */
static int path(struct dfs *dfs, struct check_schedule *schedule)
{
	uint32_t lead[CHECK_MAX_THREADS];

	memset(schedule, 0, sizeof(*schedule));
	memcpy(lead, dfs->lead, sizeof(lead));
	for (size_t i = 0; i < dfs->nr_nodes; i++) {
		const struct node *node = &dfs->nodes[i];

		if (schedule_add(schedule, node->thread,
				 lead[node->thread] + node->operations))
			return -1;
		lead[node->thread] = 0;
		if (node->chose && schedule_choose(schedule, node->choice))
			return -1;
	}
	return 0;
}

static int failed(struct dfs *dfs)
{
	struct check_failure *failure = search_failure(dfs->search);

	if (!failure)
		return 0;
	return path(dfs, &failure->schedule);
}

/* All threads are at their ends: finish() has the last word on this state. */
static int completed(struct dfs *dfs)
{
	struct search *search = dfs->search;
	uint32_t state;
	bool is_new;

	if (run_any_failed())
		return 0;
	if (run_given_up(search->result))
		return 0;
	if (insert(dfs, &state, &is_new))
		return -1;
	if (state == EDGE_NONE || !is_new)
		return 0;
	return search_complete(search) == END_FAILED ? failed(dfs) : 0;
}

/* No thread can move, and not all are at their ends. */
static int blocked(struct dfs *dfs)
{
	if (run_any_failed())
		return 0;
	if (run_given_up(dfs->search->result))
		return 0;
	run_deadlock();
	return failed(dfs);
}

/* Whatever was done since: the world and the image are the top node's again. */
static int back(struct dfs *dfs, size_t log)
{
	image_sync(&dfs->stored.image);
	return image_undo(&dfs->stored.image, &dfs->log, log);
}

/* ------ a step ------ */

static enum run_end once_more(struct dfs *dfs, unsigned int t)
{
	enum run_end end;

	world->threads[t].choice = top(dfs)->choice;
	end = run_thread(t);
	top(dfs)->operations = run.operations;
	return end;
}

/* Does it mean anything that the stacks differ?  Return: 0, 1 or -1. */
static int futures_differ(struct dfs *dfs, unsigned int t, size_t log,
			  enum run_end *end)
{
	uint64_t future;

	if (*end != END_YIELD || dfs->nr_futures++ >= SEARCH_FUTURES)
		return 0;
	future = search_future(t);
	if (back(dfs, log))
		return -1;
	once_more(dfs, t);
	future ^= search_future(t);
	if (back(dfs, log))
		return -1;
	*end = once_more(dfs, t);
	return future != 0;
}

/*
 * The top node's step was done.  Do it once more: from the same state it has
 * to come to the same end.
 * Return: 0; 1 when it does not, which is a failure that ends the search; -1.
 */
static int repeat(struct dfs *dfs, unsigned int t, size_t log,
		  enum run_end *end)
{
	struct outcome first, second;
	int differs;

	/* a stuck thread takes seconds each time */
	if (*end == END_FAILED && run.failure.number == CHECK_STUCK)
		return 0;
	/* with what it has shown it would end where it did not before */
	if (sharing_surprises())
		return 0;
	if (outcome_of(*end, &dfs->stored.image, &dfs->log, &first) ||
	    back(dfs, log))
		return -1;
	*end = once_more(dfs, t);
	if (outcome_of(*end, &dfs->stored.image, &dfs->log, &second))
		return -1;
	differs = !outcomes_equal(&first, &second);
	if (!differs && !keys_equal(first.stacks, second.stacks))
		differs = futures_differ(dfs, t, log, end);
	if (differs <= 0)
		return differs;
	search_differs(dfs->search, t);
	return failed(dfs) ? -1 : 1;
}

/*
 * A step that fails may have begun with operations that others can see.  Go as
 * far as its last operation, and let others go on from there: not from behind
 * the failure, where all they do may be its consequence.
 */
static int stop_before_failure(struct dfs *dfs, unsigned int t, size_t log,
			       enum run_end *end)
{
	struct node *node = top(dfs);
	uint32_t operations = node->operations;

	if (operations < 2)
		return 0;
	if (back(dfs, log))
		return -1;
	world->threads[t].choice = node->choice;
	node->operations = operations - 1;
	*end = run_thread_short(t, operations - 1);
	if (*end == END_YIELD && run.operations == operations - 1)
		return 0;
	/* an earlier end of the step: the pass is to be repeated */
	if (*end == END_YIELD && sharing_surprises()) {
		node->operations = run.operations;
		return 0;
	}
	search_differs(dfs->search, t);
	return failed(dfs) ? -1 : 1;
}

/* The next value of the top node's choice, if there is one. */
static void next_choice(struct dfs *dfs)
{
	struct node *node = top(dfs);

	if (node->chose && (node->todo & (1u << node->thread)))
		node->choice++;
	else
		node->choice = 0;
}

/* Let thread t take its step from the top node.  Return: as repeat(). */
static int take(struct dfs *dfs, unsigned int t, size_t log, enum run_end *end)
{
	int differs = 0;

	*end = run_thread(t);
	top(dfs)->operations = run.operations;
	if (search_repeats(dfs->nr_steps++))
		differs = repeat(dfs, t, log, end);
	if (differs || *end != END_FAILED)
		return differs;
	if (failed(dfs))
		return -1;
	return stop_before_failure(dfs, t, log, end);
}

/* The step has ended; go on to its state if that is a new one. */
static int arrive_at(struct dfs *dfs, enum run_end end, size_t log)
{
	bool all_done = run_all_done();

	if (end != END_FAILED && !all_done && run_enabled_mask()) {
		size_t before = dfs->nr_nodes;

		if (visit(dfs, log))
			return -1;
		return dfs->nr_nodes > before ? 0 :
			image_undo(&dfs->stored.image, &dfs->log, log);
	}
	if (add_edge(dfs, EDGE_END))
		return -1;
	if (end != END_FAILED && (all_done ? completed(dfs) : blocked(dfs)))
		return -1;
	return back(dfs, log);
}

/* Take the next step from the top node. */
static int step(struct dfs *dfs)
{
	struct node *node = top(dfs);
	unsigned int t = prefer(node->todo, node->thread);
	struct thread *thread = &world->threads[t];
	size_t log = dfs->log.used, before = dfs->nr_nodes;
	enum run_end end;
	int differs;

	if (node->thread != t)
		node->choice = 0;
	node->thread = (uint8_t)t;
	node->chose = thread->class == CLASS_CHOICE;
	if (node->chose)
		thread->choice = node->choice;
	if (!node->chose || node->choice + 1u >= thread->nr_choices)
		node->todo &= ~(1u << t);
	differs = take(dfs, t, log, &end);
	if (differs)
		return differs < 0 ? -1 : 0;
	if (arrive_at(dfs, end, log))
		return -1;
	if (dfs->nr_nodes == before)
		next_choice(dfs);
	return 0;
}

static int pop(struct dfs *dfs)
{
	struct node *node = top(dfs);

	if (edges_close(&dfs->stored.edges, node->state, node->edges))
		return -1;
	dfs->on_way[node->state / 8] ^= (uint8_t)(1u << node->state % 8);
	dfs->nr_nodes--;
	if (!dfs->nr_nodes)
		return 0;
	next_choice(dfs);
	return image_undo(&dfs->stored.image, &dfs->log, node->log);
}

/* ------ a pass ------ */

static bool surprised(const struct dfs *dfs)
{
	return !dfs->search->options->no_reduction && sharing_changed();
}

static void note_sizes(struct dfs *dfs)
{
	stored_note(&dfs->stored, dfs->search->result, dfs_bytes(dfs),
		    stored_bytes(&dfs->stored));
}

/*
 * What was known turned out to be wrong: the pass has to be repeated.  Seldom
 * is it the only thing that was wrong, so go on for as many steps again first:
 * then there are few passes, and the last one is most of the work.
 */
static bool must_restart(struct dfs *dfs)
{
	if (surprised(dfs) && !dfs->restart_at)
		dfs->restart_at = 2 * dfs->nr_steps;
	return dfs->restart_at && dfs->nr_steps >= dfs->restart_at;
}

/* Return: 0; 1 when what is known changed and the pass must be repeated. */
static int depth_first(struct dfs *dfs)
{
	struct search *search = dfs->search;

	while (dfs->nr_nodes && !search->stop) {
		if (top(dfs)->todo ? step(dfs) : pop(dfs))
			return -1;
		if (!search->stop && must_restart(dfs))
			return 1;
		if (search_poll_due(search)) {
			note_sizes(dfs);
			search_poll(search);
		}
	}
	return dfs->restart_at && !search->stop;
}

static int pass(struct dfs *dfs, const char *after_setup)
{
	struct search *search = dfs->search;
	int again;

	run.mode = search->options->no_reduction ? RUN_OPERATIONS : RUN_STEPS;
	search->result->passes++;
	if (search_begin(search, &dfs->stored.image, dfs->lead, after_setup))
		return -1;
	if (search->stop)
		return 0;
	if (run_all_done())
		return completed(dfs) ? -1 : surprised(dfs);
	if (!run_enabled_mask())
		return blocked(dfs) ? -1 : surprised(dfs);
	if (visit(dfs, 0))
		return -1;
	again = depth_first(dfs);
	if (!again && !search->stop && dfs->met_cut && !search->result->cut)
		search->result->cut = 1;
	return again;
}

static int one_pass(struct search *search, const char *after_setup)
{
	struct dfs dfs = { .search = search };
	int again;

	search_forget(search);
	search->result->state_bytes = 0;
	again = stored_open(&dfs.stored, search->options) ? -1 :
		pass(&dfs, after_setup);
	note_sizes(&dfs);
	if (!again && !search->stop && dfs.has_cycles &&
	    cycles_find(search, &dfs.stored.edges, dfs.lead))
		again = -1;
	dfs_free(&dfs);
	return again;
}

int search_states(struct search *search)
{
	char *after_setup = malloc(world_save_bound());
	size_t bytes;
	int again = -1;

	if (!after_setup)
		return -1;
	run.compares_states = true;
	run.scrubs = true;
	sharing_reset();
	bytes = world_save(after_setup);
	again = search_setup_repeats(search, after_setup, bytes);
	if (!again && !search->options->no_reduction)
		search_learn(search, after_setup);
	while (!search->stop && again >= 0) {
		again = one_pass(search, after_setup);
		if (!again)
			break;
	}
	world_restore(after_setup);
	free(after_setup);
	return again < 0 ? -1 : 0;
}
