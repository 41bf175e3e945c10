// SPDX-License-Identifier: GPL-2.0-only
/*
 * bounded.c - every state that a bounded number of preemptions reaches.
 *
 * A preemption is a switch away from a thread that could have gone on
 * (Musuvathi and Qadeer: "Iterative context bounding", PLDI 2007).  States are
 * gone through in layers: all that is reached without a preemption, then all
 * that one more reaches, and so on.  What can be done next without a
 * preemption depends on the thread that came last, so a state is visited once
 * for each of those; but a thread's step from it is run just once, in the
 * lowest layer that allows it.
 *
 * A step is as in the search by states, except that a release ends it: who
 * waits for the lock could go on at once, and to leave him then is one.
 * Nothing else that is joined to a step lets another thread go on or keeps it
 * from that, so joining never adds a preemption.
 *
 * When every thread has run its step from every state, no preemption was
 * missing: the search is complete.
 */
#include "bounded.h"

#include <stdio.h>
#include <stdlib.h>

/* Snapshots are kept until all threads have run: this is enough of them. */
#define MAX_BYTES ((size_t)2 << 30)

/* ------ ends ------ */

static int failed(struct bounded *b, const struct step *step)
{
	struct check_failure *failure = search_failure(b->search);

	/* without a step, threads that run in turn show it */
	if (!failure || !step)
		return 0;
	return bounded_path(b, step, &failure->schedule);
}

/* All threads are at their ends: as in by_states.c. */
static int completed(struct bounded *b, const struct step *step)
{
	struct search *search = b->search;
	uint32_t state;
	bool is_new;

	if (run_any_failed())
		return 0;
	if (run_given_up(search->result))
		return 0;
	if (bounded_number(b, &state, &is_new))
		return -1;
	if (state == EDGE_NONE || !is_new)
		return 0;
	return search_complete(search) == END_FAILED ? failed(b, step) : 0;
}

static int blocked(struct bounded *b, const struct step *step)
{
	if (run_any_failed())
		return 0;
	if (run_given_up(b->search->result))
		return 0;
	run_deadlock();
	return failed(b, step);
}

/* ------ steps ------ */

static void restore(const struct bounded *b, const struct step *step)
{
	world_restore(b->spots[step->from.state].snapshot);
	if (step->choice)
		world->threads[step->thread].choice =
			(uint16_t)(step->choice - 1);
}

static enum run_end run_step(const struct bounded *b, struct step *step)
{
	enum run_end end;

	restore(b, step);
	end = run_thread(step->thread);
	step->operations = run.operations;
	return end;
}

static int differs(struct bounded *b, const struct step *step)
{
	search_differs(b->search, step->thread);
	return failed(b, step);
}

/* Does it mean anything that the stacks differ? */
static bool futures_differ(struct bounded *b, struct step *step,
			   enum run_end *end)
{
	uint64_t future;

	if (*end != END_YIELD || b->nr_futures++ >= SEARCH_FUTURES)
		return false;
	future = search_future(step->thread);
	run_step(b, step);
	future ^= search_future(step->thread);
	*end = run_step(b, step);
	return future != 0;
}

/* As in by_states.c: from the same state it has to come to the same end. */
static int repeat(struct bounded *b, struct step *step, enum run_end *end)
{
	struct image *image = &b->stored.image;
	struct outcome first, second;

	if (*end == END_FAILED && run.failure.number == CHECK_STUCK)
		return 0;
	if (sharing_surprises())
		return 0;
	if (outcome_of(*end, image, NULL, &first))
		return -1;
	*end = run_step(b, step);
	if (outcome_of(*end, image, NULL, &second))
		return -1;
	if (outcomes_equal(&first, &second) &&
	    (keys_equal(first.stacks, second.stacks) ||
	     !futures_differ(b, step, end)))
		return 0;
	return differs(b, step);
}

/* As in by_states.c: others may go on from before the failure. */
static int stop_before_failure(struct bounded *b, struct step *step)
{
	if (step->operations < 2)
		return bounded_edge(b, step, EDGE_END);
	restore(b, step);
	step->operations--;
	if (run_thread_short(step->thread, step->operations) != END_YIELD ||
	    (run.operations != step->operations && !sharing_surprises()))
		return differs(b, step);
	step->operations = run.operations;
	return bounded_arrive(b, step);
}

static int after_step(struct bounded *b, enum run_end end, struct step *step)
{
	if (end == END_FAILED)
		return failed(b, step) || stop_before_failure(b, step) ? -1 : 0;
	if (run_all_done()) {
		if (bounded_edge(b, step, EDGE_END))
			return -1;
		return completed(b, step);
	}
	if (!run_enabled_mask()) {
		if (bounded_edge(b, step, EDGE_END))
			return -1;
		return blocked(b, step);
	}
	return bounded_arrive(b, step);
}

static int take_step(struct bounded *b, struct step *step)
{
	enum run_end end = run_step(b, step);

	if (search_repeats(b->nr_steps++) && repeat(b, step, &end))
		return -1;
	return b->search->differs ? 0 : after_step(b, end, step);
}

static void forget_snapshot(struct bounded *b, uint32_t state)
{
	struct spot *spot = &b->spots[state];

	if (spot->ran != spot->enabled)
		return;
	free(spot->snapshot);
	spot->snapshot = NULL;
	b->snapshot_bytes -= spot->bytes;
}

static int run_from(struct bounded *b, struct visit from, unsigned int t)
{
	struct step step = { .from = from, .thread = (uint8_t)t };
	bool chooses = (b->spots[from.state].choosing & (1u << t)) != 0;
	unsigned int nr = 1;
	int error = 0;

	if (chooses) {
		restore(b, &step);
		nr = world->threads[t].nr_choices;
	}
	b->spots[from.state].ran |= 1u << t;
	for (unsigned int i = 1; i <= nr && !error && !b->search->stop; i++) {
		step.choice = chooses ? (uint8_t)i : 0;
		error = take_step(b, &step);
	}
	forget_snapshot(b, from.state);
	return error;
}

static bool surprised(const struct bounded *b)
{
	return !b->search->options->no_reduction && sharing_changed();
}

/* As in by_states.c: what was known is wrong, but go on for a while first. */
static bool must_restart(struct bounded *b)
{
	if (surprised(b) && !b->restart_at)
		b->restart_at = 2 * b->nr_steps;
	return b->restart_at && b->nr_steps >= b->restart_at;
}

static void note_sizes(const struct bounded *b)
{
	size_t kept = bounded_kept(b);

	stored_note(&b->stored, b->search->result,
		    kept + b->snapshot_bytes + b->scratch_room +
		    sharing_bytes(), kept);
}

/* Return: 1 when the search must begin again. */
static int run_all_from(struct bounded *b, size_t visit, uint32_t threads)
{
	struct search *search = b->search;
	struct visit from = b->visits[visit];
	uint32_t todo = threads & ~b->spots[from.state].ran;

	for (; todo && !search->stop; todo &= todo - 1) {
		if (run_from(b, from, (unsigned int)__builtin_ctz(todo)))
			return -1;
		if (!search->stop && must_restart(b))
			return 1;
	}
	if (search_poll_due(search)) {
		note_sizes(b);
		search_poll(search);
	}
	if (!search->stop && b->snapshot_bytes > MAX_BYTES) {
		search->result->stopped = "the limit on memory";
		search->stop = true;
		search->spent = true;
	}
	return 0;
}

/* Who may go on from there without a preemption, */
static uint32_t free_threads(const struct bounded *b, size_t visit)
{
	const struct visit *v = &b->visits[visit];
	uint32_t enabled = b->spots[v->state].enabled;

	if (v->last != MAIN && (enabled & (1u << v->last)))
		return 1u << v->last;
	return enabled;
}

/* and who by one. */
static uint32_t other_threads(const struct bounded *b, size_t visit)
{
	return b->spots[b->visits[visit].state].enabled &
	       ~free_threads(b, visit);
}

/* Return: as run_all_from(). */
static int layers(struct bounded *b)
{
	struct search *search = b->search;
	unsigned int left = search->options->preemptions;
	size_t begin = 0, end;
	int again = 0;

	for (;; left--) {
		for (size_t i = begin; i < b->nr_visits; i++) {
			if (search->stop || again)
				return again;
			again = run_all_from(b, i, free_threads(b, i));
		}
		if (!left || again)
			return again;
		end = b->nr_visits;
		for (size_t i = begin; i < end; i++) {
			if (search->stop || again)
				return again;
			again = run_all_from(b, i, other_threads(b, i));
		}
		if (again || end == b->nr_visits)
			return again;
		begin = end;
	}
}

static void count_refused(struct bounded *b)
{
	uint64_t refused = 0;

	for (uint32_t i = 0; i < b->stored.states.nr; i++)
		refused += (uint64_t)__builtin_popcount(b->spots[i].enabled &
							~b->spots[i].ran);
	b->search->result->refused = refused;
}

static void say_guarantee(const struct bounded *b)
{
	struct check_result *result = b->search->result;
	unsigned int n = b->search->options->preemptions;
	const char *s = n == 1 ? "" : "s";

	if (result->refused)
		snprintf(result->guarantee, sizeof(result->guarantee),
			 "every execution with at most %u preemption%s was covered; %llu steps would have been one more",
			 n, s, (unsigned long long)result->refused);
	else
		snprintf(result->guarantee, sizeof(result->guarantee),
			 "every state is reached with at most %u preemption%s, and all were covered",
			 n, s);
}

/* ------ the search ------ */

/* The layers are complete: look at the whole. */
static int finish_pass(struct bounded *b)
{
	struct search *search = b->search;

	count_refused(b);
	note_sizes(b);
	if (search->stop)
		return 0;
	if (b->met_cut && !search->result->cut)
		search->result->cut = 1;
	say_guarantee(b);
	if (bounded_close(b))
		return -1;
	note_sizes(b);
	return cycles_find(search, &b->stored.edges, b->lead);
}

/* Return: 1 when the search must begin again. */
static int pass(struct bounded *b, const char *after_setup)
{
	struct search *search = b->search;
	int again;

	search->result->passes++;
	if (search_begin(search, &b->stored.image, b->lead, after_setup))
		return -1;
	if (search->stop)
		return 0;
	if (run_all_done())
		return completed(b, NULL) ? -1 : surprised(b);
	if (!run_enabled_mask())
		return blocked(b, NULL) ? -1 : surprised(b);
	if (bounded_arrive(b, NULL))
		return -1;
	again = layers(b);
	if (!again)
		again = b->restart_at && !search->stop;
	return again ? again : finish_pass(b);
}

static int one_pass(struct search *search, const char *after_setup)
{
	struct bounded b = { .search = search };
	int again;

	search_forget(search);
	search->result->state_bytes = 0;
	again = stored_open(&b.stored, search->options) ? -1 :
		pass(&b, after_setup);
	bounded_free(&b);
	return again;
}

/* The world is as set-up left it, before and after. */
static int search_once(struct search *search)
{
	char *after_setup = malloc(world_save_bound());
	int again = 1;

	if (!after_setup)
		return -1;
	world_save(after_setup);
	if (!search->options->no_reduction)
		search_learn(search, after_setup);
	run.mode = search->options->no_reduction ? RUN_OPERATIONS : RUN_STEPS;
	while (again > 0 && !search->stop)
		again = one_pass(search, after_setup);
	world_restore(after_setup);
	free(after_setup);
	return again < 0 ? -1 : 0;
}

/* Return: as search_setup_repeats(). */
static int setup_repeats(struct search *search)
{
	char *after_setup = malloc(world_save_bound());
	int differs = -1;

	if (after_setup)
		differs = search_setup_repeats(search, after_setup,
					       world_save(after_setup));
	free(after_setup);
	return differs;
}

static bool order_failed(const struct search *search)
{
	const struct check_result *result = search->result;

	for (size_t i = 0; i < result->nr_failures; i++)
		if (result->failures[i].number == CHECK_LOCK_ORDER)
			return true;
	return false;
}

/*
 * A cycle of lock classes may have been put together from several executions.
 * Then all is searched once more with the order as part of the state, which
 * makes many more states, but such a failure one of one execution.
 */
int search_preemptions(struct search *search)
{
	int error;

	run.compares_states = true;
	run.scrubs = true;
	run.counts_preemptions = true;
	sharing_reset();
	order_reset();
	error = setup_repeats(search);
	order_reset();
	if (!error)
		error = search_once(search);
	order_of_one_execution();
	if (error || !order_failed(search))
		return error < 0 ? -1 : 0;
	/* after a limit there is no time, or room, for more */
	if (search->spent || search->differs ||
	    (search->stop && !search->options->first))
		return 0;
	search->stop = false;
	search->result->stopped = NULL;
	return search_once(search);
}
