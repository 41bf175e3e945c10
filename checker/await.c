// SPDX-License-Identifier: GPL-2.0-only
/*
 * await.c - busy loops in the search by executions; see executions.c.
 *
 * A thread spins when performing its operation brings it back to the same
 * operation with the same stack, and nothing anywhere has changed: it will do
 * so until somebody changes the word it looks at.  Such a turn is no event.
 * The operation counts as not enabled instead, so that a spin lock has as many
 * executions as one that sleeps.  Nobody has to annotate the loop: a thread
 * that performs one operation again and again is tried, and the search begins
 * anew with the word marked.  To try is to perform the operation, to compare
 * the whole world, and to go back.
 *
 * Loops with several operations a turn are in loops.c.
 *
 * A word is awaited when somebody spins upon it or waits for it by
 * check_op_when().  Each event remembers what its word held: so a wait is put
 * ahead of others only where it is enabled, and each sub-tree can be run.
 * Additions do not commute on such a word: between two of them a wait may be
 * enabled that is not before or after both.
 */
#include "executions.h"

#include <string.h>

bool await_may_spin(const struct operation *op)
{
	return (op->class == CHECK_READ || op->class == CHECK_WRITE) &&
	       op->bytes == sizeof(uint64_t) &&
	       !(world->waiting & (1u << op->thread)) &&
	       world_owns(op->object, op->bytes);
}

/*
 * What a thread can look at without an operation is what others cannot change
 * meanwhile.  Words that they change by operations it sees by operations only,
 * unless it holds a lock, or changes them itself.
 */
static void mask_words(struct executions *x, unsigned int t)
{
	const struct thread *thread = &world->threads[t];

	x->nr_masked = 0;
	for (uint32_t i = 0; i < x->nr_words; i++) {
		const struct word *w = &x->words[i];
		void *word = (void *)(uintptr_t)w->address;
		struct masked *masked = &x->masked[x->nr_masked];

		if (word != thread->object &&
		    (!w->users.threads || w->is_range || thread->nr_held ||
		     (w->users.writers & (1u << t)) ||
		     !world_owns(word, sizeof(masked->value))))
			continue;
		masked->word = word;
		memcpy(&masked->value, word, sizeof(masked->value));
		memset(word, 0, sizeof(masked->value));
		if (++x->nr_masked == MAX_MASKED)
			return;
	}
}

static void unmask_words(const struct executions *x)
{
	for (uint32_t i = 0; i < x->nr_masked; i++)
		memcpy(x->masked[i].word, &x->masked[i].value,
		       sizeof(x->masked[i].value));
}

/* Perform it, and go back; note what came of it as try i. */
static void try_it(const struct executions *x, const struct operation *op,
		   struct tries *tries, uint32_t i)
{
	const uint32_t bit = 1u << i;
	const void *word = op->object;
	const struct thread *thread = &world->threads[op->thread];
	uint64_t value, left;

	tries->back &= ~bit;
	tries->quiet &= ~bit;
	memcpy(&value, word, sizeof(value));
	if (trail_try())
		return;
	if (run_thread(op->thread) == END_YIELD) {
		memcpy(&left, word, sizeof(left));
		if (left == value && thread->object == word && trail_same())
			tries->back |= bit;
		if (x->spins == SPINS_ON_SEVERAL && trail_same_but(op->thread))
			tries->quiet |= bit;
		if (tries->quiet & bit)
			tries->after[i] = snapshot_spot(op->thread);
	}
	trail_tried();
}

/* The same with this value in its word. */
static void try_value(const struct executions *x, const struct operation *op,
		      uint64_t value, struct tries *tries, uint32_t i)
{
	void *word = (void *)(uintptr_t)op->object;
	uint64_t now;

	memcpy(&now, word, sizeof(now));
	memcpy(word, &value, sizeof(value));
	try_it(x, op, tries, i);
	memcpy(word, &now, sizeof(now));
}

/*
 * What thread t does after event n.  It may have come to the same place in
 * another execution, and all that it can look at may have been the same.
 */
static struct tries *tries_of(struct executions *x, uint32_t n, unsigned int t)
{
	struct place *place = n ? &x->places[n] : &x->first_places[t];
	struct operation op;

	if (place->known)
		return place->known;
	if (place->tries.asked)
		return &place->tries;
	op = operation_at(x, t);
	place->tries.asked = true;
	place->tries.waits = op.waits;
	place->tries.nr = 0;
	if (!op.waits)
		return &place->tries;
	mask_words(x, t);
	place->known = known_tries_find(&x->known_tries, t);
	unmask_words(x);
	if (!place->known)
		return &place->tries;
	place->known->waits = true;
	return place->known;
}

/*
 * What comes of it if the word holds value?  That depends on nothing but what
 * the thread has done: it is tried once.
 */
static uint32_t tried(const struct executions *x, struct tries *tries,
		      const struct operation *op, uint64_t value)
{
	uint32_t i;

	for (i = 0; i < tries->nr && i < MAX_TRIES; i++)
		if (tries->value[i] == value)
			return i;
	i = tries->nr++ % MAX_TRIES;
	tries->value[i] = value;
	try_value(x, op, value, tries, i);
	return i;
}

/* Would it then come back to where it is, or was in this turn of a loop? */
static bool comes_back(struct executions *x, uint32_t n, struct tries *tries,
		       const struct operation *op, uint64_t value)
{
	uint32_t i = tried(x, tries, op, value);

	return (tries->back & (1u << i)) ||
	       (x->spins == SPINS_ON_SEVERAL && (tries->quiet & (1u << i)) &&
		loop_closes(x, op->thread, n, &tries->after[i]));
}

bool await_spins(struct executions *x, unsigned int t)
{
	uint32_t n = x->last_event[t];
	struct tries *tries = tries_of(x, n, t);
	const struct operation op = {
		.object = world->threads[t].object, .thread = (uint8_t)t,
	};
	uint64_t value;

	if (!tries->waits)
		return false;
	memcpy(&value, op.object, sizeof(value));
	return comes_back(x, n, tries, &op, value);
}

bool await_is_quiet(struct executions *x)
{
	const struct event *e = &x->events[x->nr];
	struct tries *tries;
	uint64_t value;
	uint32_t i;

	if (world->threads[e->op.thread].enabled)
		return false;
	tries = tries_of(x, e->previous, e->op.thread);
	memcpy(&value, e->op.object, sizeof(value));
	i = tried(x, tries, &e->op, value);
	return tries->quiet & (1u << i);
}

uint32_t await_enabled(struct executions *x)
{
	uint32_t mask = 0;

	for (uint32_t left = world->ready; left; left &= left - 1) {
		unsigned int t = (unsigned int)__builtin_ctz(left);

		if (await_can_run(x, t))
			mask |= 1u << t;
	}
	return mask;
}

void await_refine(struct executions *x, struct operation *op)
{
	const struct thread *thread = &world->threads[op->thread];

	if (op->class > CHECK_WRITE)
		return;
	for (uint32_t at = 0; at < op->bytes; at += 8) {
		const void *word = (const char *)op->object + at;

		if (!races_word(x, word)->awaited)
			continue;
		if (op->class == CHECK_ADD)
			op->class = CHECK_WRITE;
		op->waits = run_waits_for_condition(thread) ||
			    (x->spins && await_may_spin(op));
	}
}

/* Try now and then, not each time: a loop may well do something. */
static bool is_power_of_two(uint32_t n)
{
	return n > 1 && !(n & (n - 1));
}

void await(struct executions *x, const void *object, enum spins spins)
{
	struct word *word = races_word(x, object);

	if (word->awaited && spins <= x->spins)
		return;
	if (spins > x->spins)
		x->spins = spins;
	word->awaited = true;
	x->awaits = true;
	x->again = true;
	search_learn_word(x->search, world_name(object), spins);
}

void await_learned(struct executions *x)
{
	const struct learned *learned = &x->search->learned;

	for (uint64_t i = 0; i < learned->nr && i < MAX_LEARNED; i++) {
		const void *word = world_place(learned->words[i]);

		if (word)
			races_word(x, word)->awaited = true;
		x->awaits = true;
	}
	x->spins = (enum spins)learned->spins;
}

void await_notice_wait(struct executions *x, unsigned int t)
{
	if ((world->waiting & (1u << t)) &&
	    run_waits_for_condition(&world->threads[t]))
		await(x, world->threads[t].object, SPINS_NEVER);
}

/* It performs one operation again and again: does it spin? */
static void try_spin(struct executions *x, const struct event *e)
{
	struct operation at = operation_at(x, e->op.thread);
	struct tries tries = { .nr = 0 };

	if (!operation_same(&at, &e->op) || !await_may_spin(&at))
		return;
	try_it(x, &at, &tries, 0);
	if (tries.back)
		await(x, at.object, SPINS_ON_ONE);
}

/* Return: events[x->nr]. */
static struct event *count_repeats(struct executions *x)
{
	struct event *e = &x->events[x->nr];
	const struct event *last = &x->events[e->previous];

	if (e->op.object == last->op.object && e->previous &&
	    operation_same(&e->op, &last->op))
		e->repeats = (uint16_t)(last->repeats + 1);
	return e;
}

void await_notice(struct executions *x)
{
	struct event *e = count_repeats(x);

	if (run.end != END_YIELD)
		return;
	if (world->waiting & (1u << e->op.thread))
		await_notice_wait(x, e->op.thread);
	if (is_power_of_two(e->repeats))
		try_spin(x, e);
	if (loop_is_due(e))
		loop_look(x, e);
}

bool await_is_nothing(struct executions *x)
{
	const struct event *e = count_repeats(x);
	unsigned int t = e->op.thread;

	return !is_power_of_two(e->repeats) && !loop_is_due(e) &&
	       (!(world->waiting & (1u << t)) ||
		!run_waits_for_condition(&world->threads[t]));
}

bool await_runs_with(struct executions *x, const struct event *e,
		     uint64_t value)
{
	const struct thread *thread = &world->threads[e->op.thread];
	void *word = (void *)(uintptr_t)e->op.object;
	uint64_t now;
	bool runs;

	if (!thread->enabled)
		return !comes_back(x, e->previous,
				   tries_of(x, e->previous, e->op.thread),
				   &e->op, value);
	memcpy(&now, word, sizeof(now));
	memcpy(word, &value, sizeof(value));
	runs = thread->enabled(word);
	memcpy(word, &now, sizeof(now));
	return runs;
}
