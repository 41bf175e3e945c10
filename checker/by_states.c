// SPDX-License-Identifier: GPL-2.0-only
/*
 * by_states.c - the search by states: depth first, each state once.
 *
 * A node of the search is a snapshot between two steps.  Every state that is
 * stored is expanded by every thread that is enabled in it; what is left out
 * are only the states inside a step (sharing.c says when a step goes on).
 * A step is finite unless a thread runs on for ever without meeting anyone,
 * which is reported, so no operation is put off for ever.
 */
#include "internal.h"
#include "states.h"

#include <stdlib.h>
#include <string.h>

#define SEED_RUNS 400
#define SEED_OPERATIONS 5000

struct node {
	size_t snapshot;		/* offset in dfs.bytes */
	uint32_t state;
	uint32_t todo;			/* threads still to be run from here */
	uint32_t operations;		/* of the step taken from here now */
	uint8_t thread;			/* that takes it */
	uint8_t choice;			/* and the value it chose */
	bool chose;			/* its operation was check_choose() */
};

struct dfs {
	struct search *search;
	struct states states;
	struct edges edges;
	struct node *nodes;
	size_t nr_nodes;
	size_t nodes_room;
	char *bytes;			/* snapshots, one behind the other */
	size_t bytes_used;
	size_t bytes_room;
	size_t state_bytes;		/* of the largest state, */
	size_t last_bytes;		/* and of the one stored last */
	uint32_t lead[CHECK_MAX_THREADS]; /* operations before the root */
	bool steps_differ;		/* world is not the top node's state */
};

static int reserve(void **array, size_t *room, size_t wanted, size_t size)
{
	size_t more = *room + *room / 2 + 64;
	void *at;

	if (wanted <= *room)
		return 0;
	if (more < wanted)
		more = wanted;
	at = realloc(*array, more * size);
	if (!at)
		return -1;
	*array = at;
	*room = more;
	return 0;
}

static void dfs_free(struct dfs *dfs)
{
	states_free(&dfs->states);
	edges_free(&dfs->edges);
	free(dfs->nodes);
	free(dfs->bytes);
}

static size_t dfs_bytes(const struct dfs *dfs)
{
	return states_bytes(&dfs->states) + sharing_bytes() +
	       edges_bytes(&dfs->edges) +
	       dfs->nodes_room * sizeof(*dfs->nodes) + dfs->bytes_room;
}

/* Put an edge from the top node into the graph, to a state or to nowhere. */
static void add_edge(struct dfs *dfs, uint32_t to)
{
	const struct node *node = &dfs->nodes[dfs->nr_nodes - 1];
	size_t at = (size_t)node->state * dfs->edges.nr_threads + node->thread;
	uint32_t operations = run.operations;

	dfs->search->result->steps++;
	/* the other outcomes of a choice only lead further away */
	if (node->choice)
		return;
	if (operations >= EDGE_PROGRESS)
		operations = EDGE_PROGRESS - 1;
	dfs->edges.to[at] = to;
	/* nor does a thread that chooses repeat itself */
	dfs->edges.operations[at] = (uint16_t)
		(operations |
		 (run.progressed || node->chose ? EDGE_PROGRESS : 0));
}

/*
 * Number the state that the world is at.  Its bytes stand behind the others.
 * Return: UINT32_MAX without memory.
 */
static uint32_t insert(struct dfs *dfs, bool *is_new)
{
	uint32_t state, nr_threads = dfs->edges.nr_threads;
	const struct node *from = NULL;
	size_t bytes;

	if (reserve((void **)&dfs->bytes, &dfs->bytes_room,
		    dfs->bytes_used + world_save_bound(), 1))
		return UINT32_MAX;
	bytes = world_save(dfs->bytes + dfs->bytes_used);
	state = states_insert(&dfs->states,
			      states_hash(dfs->bytes + dfs->bytes_used, bytes,
					  0), is_new);
	if (state == UINT32_MAX ||
	    (state >= dfs->edges.room && edges_grow(&dfs->edges)))
		return UINT32_MAX;
	if (!*is_new)
		return state;
	for (uint32_t t = 0; t < nr_threads; t++)
		dfs->edges.to[(size_t)state * nr_threads + t] = EDGE_NONE;
	if (dfs->nr_nodes)
		from = &dfs->nodes[dfs->nr_nodes - 1];
	dfs->edges.parent[state] = from ? from->state : EDGE_NONE;
	dfs->edges.parent_thread[state] = from ? from->thread : 0;
	dfs->edges.parent_choice[state] =
		from && from->chose ? (uint8_t)(from->choice + 1) : 0;
	dfs->edges.nr_states = dfs->states.nr;
	dfs->search->result->states = dfs->states.nr;
	if (bytes > dfs->state_bytes)
		dfs->state_bytes = bytes;
	dfs->last_bytes = bytes;
	return state;
}

/* The world is at a state.  Store it, and go there if it is new. */
static int visit(struct dfs *dfs)
{
	struct node *node;
	uint8_t thread;
	bool is_new;
	uint32_t state = insert(dfs, &is_new);

	if (state == UINT32_MAX ||
	    reserve((void **)&dfs->nodes, &dfs->nodes_room, dfs->nr_nodes + 1,
		    sizeof(*dfs->nodes)))
		return -1;
	if (dfs->nr_nodes)
		add_edge(dfs, state);
	if (!is_new)
		return 0;
	thread = dfs->nr_nodes ? dfs->nodes[dfs->nr_nodes - 1].thread : 0;
	node = &dfs->nodes[dfs->nr_nodes++];
	*node = (struct node){
		.snapshot = dfs->bytes_used,
		.state = state,
		.todo = run_enabled_mask(),
		.thread = thread,
	};
	dfs->bytes_used += dfs->last_bytes;
	dfs->steps_differ = false;
	return 0;
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
	bool is_new;

	if (run_any_failed())
		return 0;
	if (run_given_up(search->result))
		return 0;
	if (insert(dfs, &is_new) == UINT32_MAX)
		return -1;
	if (!is_new)
		return 0;
	search->result->executions++;
	if (run_main(search->program->finish) == END_FAILED)
		return failed(dfs);
	if (search->options->completed)
		search->options->completed(search->options->user);
	return 0;
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

/*
 * A step that fails may have begun with operations that others can see.  Go as
 * far as its last operation, and let others go on from there: not from behind
 * the failure, where all they do may be its consequence.
 */
static enum run_end stop_before_failure(struct dfs *dfs, unsigned int t)
{
	struct node *node = &dfs->nodes[dfs->nr_nodes - 1];
	uint32_t operations = node->operations;

	if (operations < 2)
		return END_FAILED;
	world_restore(dfs->bytes + node->snapshot);
	world->threads[t].choice = node->choice;
	node->operations = operations - 1;
	return run_thread_short(t, operations - 1);
}

/* Take the next step from the top node. */
static int step(struct dfs *dfs)
{
	struct node *node = &dfs->nodes[dfs->nr_nodes - 1];
	unsigned int t = prefer(node->todo, node->thread);
	struct thread *thread = &world->threads[t];
	enum run_end end;

	if (node->thread != t)
		node->choice = 0;
	node->thread = (uint8_t)t;
	if (dfs->steps_differ)
		world_restore(dfs->bytes + node->snapshot);
	dfs->steps_differ = true;
	node->chose = thread->class == CLASS_CHOICE;
	if (node->chose) {
		thread->choice = node->choice;
		if (node->choice + 1u >= thread->nr_choices)
			node->todo &= ~(1u << t);
	} else {
		node->todo &= ~(1u << t);
	}
	end = run_thread(t);
	node->operations = run.operations;
	if (end == END_FAILED) {
		if (failed(dfs))
			return -1;
		end = stop_before_failure(dfs, t);
	}
	if (end == END_FAILED) {
		add_edge(dfs, EDGE_END);
	} else if (run_all_done()) {
		add_edge(dfs, EDGE_END);
		if (completed(dfs))
			return -1;
	} else if (!run_enabled_mask()) {
		add_edge(dfs, EDGE_END);
		if (blocked(dfs))
			return -1;
	} else {
		size_t before = dfs->nr_nodes;

		if (visit(dfs))
			return -1;
		if (dfs->nr_nodes > before)
			return 0;
	}
	/* still here: the next value of a choice, if there is one */
	node = &dfs->nodes[dfs->nr_nodes - 1];
	if (node->chose && (node->todo & (1u << t)))
		node->choice++;
	else
		node->choice = 0;
	return 0;
}

static void pop(struct dfs *dfs)
{
	struct node *node = &dfs->nodes[--dfs->nr_nodes];

	dfs->bytes_used = node->snapshot;
	dfs->steps_differ = true;
	if (!dfs->nr_nodes)
		return;
	node--;
	if (node->chose && (node->todo & (1u << node->thread)))
		node->choice++;
	else
		node->choice = 0;
}

int search_begin_threads(struct search *search, const char *after_setup,
			 uint32_t *lead)
{
	uint32_t limit[CHECK_MAX_THREADS];
	unsigned int t = 0;

	for (unsigned int i = 0; i < CHECK_MAX_THREADS; i++)
		limit[i] = MAX_STEP_OPERATIONS;
	run_arm_threads();
	while (t < run.program->nr_threads) {
		enum run_end end = run_thread_short(t, limit[t]);
		struct check_failure *failure;

		lead[t] = run.operations;
		if (end != END_FAILED || limit[t] != MAX_STEP_OPERATIONS) {
			t++;
			continue;
		}
		failure = search_failure(search);
		if (failure && schedule_add(&failure->schedule, t,
					    run.operations))
			return -1;
		limit[t] = run.operations ? run.operations - 1 : 0;
		world_restore(after_setup);
		run_arm_threads();
		t = 0;
	}
	return 0;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

void search_learn(const char *after_setup)
{
	uint64_t random = 0x2545f4914f6cdd1du;

	run.mode = RUN_OPERATIONS;
	run.note_sharing = true;
	for (int i = 0; i < SEED_RUNS; i++) {
		unsigned int t = 0;

		world_restore(after_setup);
		run_arm_threads();
		for (int n = 0; n < SEED_OPERATIONS; n++) {
			unsigned int mask = run_enabled_mask();
			uint64_t r = next_random(&random);

			if (!mask)
				break;
			if (!(mask & (1u << t)) || r % 16 < (unsigned)i % 16)
				do {
					r = next_random(&random);
					t = (unsigned int)
						(r % run.program->nr_threads);
				} while (!(mask & (1u << t)));
			if (world->threads[t].class == CLASS_CHOICE)
				world->threads[t].choice = (uint16_t)
					((r >> 32) %
					 world->threads[t].nr_choices);
			if (run_thread(t) == END_FAILED)
				break;
		}
		/* seconds each: leave it to the search to meet it once */
		if (run.failure.number == CHECK_STUCK)
			break;
	}
	run.note_sharing = false;
	sharing_changed();
}

static bool surprised(const struct dfs *dfs)
{
	return !dfs->search->options->no_reduction && sharing_changed();
}

void search_forget(struct search *search)
{
	struct check_result *result = search->result;

	if (search->options->restarted)
		search->options->restarted(search->options->user);
	for (size_t i = 0; i < result->nr_failures; i++)
		check_schedule_free(&result->failures[i].schedule);
	result->nr_failures = 0;
	result->states = 0;
	result->steps = 0;
	result->executions = 0;
	result->cut = 0;
	result->assumed = 0;
}

/* Return: 1 when what is known changed and the pass must be repeated. */
static int pass(struct dfs *dfs, const char *after_setup)
{
	struct search *search = dfs->search;

	world_restore(after_setup);
	run.mode = search->options->no_reduction ? RUN_OPERATIONS : RUN_STEPS;
	search->result->passes++;
	if (search_begin_threads(search, after_setup, dfs->lead))
		return -1;
	if (run_all_done()) {
		if (completed(dfs))
			return -1;
		return surprised(dfs);
	}
	if (!run_enabled_mask())
		return blocked(dfs) ? -1 : surprised(dfs);
	if (visit(dfs))
		return -1;
	while (dfs->nr_nodes && !search->stop) {
		if (!dfs->nodes[dfs->nr_nodes - 1].todo)
			pop(dfs);
		else if (step(dfs))
			return -1;
		if (surprised(dfs))
			return 1;
		if (search_poll_due(search)) {
			search->result->search_bytes = dfs_bytes(dfs);
			search_poll(search);
		}
	}
	search->result->search_bytes = dfs_bytes(dfs);
	return 0;
}

int search_states(struct search *search)
{
	struct check_result *result = search->result;
	char *after_setup = malloc(world_save_bound());
	size_t peak = 0;
	int again;

	if (!after_setup)
		return -1;
	run.compares_states = true;
	run.scrubs = true;
	sharing_reset();
	world_save(after_setup);
	if (!search->options->no_reduction)
		search_learn(after_setup);
	do {
		struct dfs dfs = {
			.search = search,
			.edges.nr_threads = search->program->nr_threads,
		};

		search_forget(search);
		again = pass(&dfs, after_setup);
		if (result->search_bytes > peak)
			peak = result->search_bytes;
		result->state_bytes = dfs.state_bytes;
		if (!again && !search->stop &&
		    cycles_find(search, &dfs.edges, dfs.lead))
			again = -1;
		dfs_free(&dfs);
	} while (again > 0);
	result->search_bytes = peak;
	result->collision = (double)result->states * (double)result->states *
			    0x1p-129;
	world_restore(after_setup);
	free(after_setup);
	return again;
}
