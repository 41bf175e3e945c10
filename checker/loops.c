// SPDX-License-Identifier: GPL-2.0-only
/*
 * loops.c - busy loops that look at several words; see await.c.
 *
 * A turn of a loop changes nothing if the thread is where it was before, and
 * each operation of the turn was quiet: it left all memory as it was.  Without
 * that turn an execution is as good as with it.  So an operation that would end
 * such a turn waits until somebody writes its word; what the turn has read
 * before stays read.  A thread may end up there although others have changed
 * that meanwhile: it would leave the loop in one more turn.  In another
 * execution it does, without the turn that is in vain, so this one is given up.
 *
 * Where a thread is, is known by 128 bits of hash of its stack.
 *
 * Names used in this file
 *   spot    where a thread is between two operations
 *   turn    what a thread performs between two times at one spot
 */
#include "executions.h"

/* Operations of a turn. */
#define LONGEST_TURN LOOP_EVENTS
/* Spots to be looked at for one that is known. */
#define MOST_SPOTS 256

static bool spot_same(const struct spot *a, const struct spot *b)
{
	return a->low == b->low && a->high == b->high;
}

bool loop_closes(struct executions *x, unsigned int t, uint32_t n,
		 const struct spot *spot)
{
	while (n && !spot_same(&x->places[n].spot, spot)) {
		if (!x->events[n].quiet)
			return false;
		n = x->events[n].previous;
	}
	return n || spot_same(&x->first_places[t].spot, spot);
}

/* ------ are there any? ------ */

/* Events of thread t, from the last one on. */
static const struct event *event_before(const struct executions *x,
					unsigned int t, uint32_t back)
{
	uint32_t ordinal = x->nr_of[t] - 1u - back;

	return &x->events[x->place[*id_of(x, t, ordinal)]];
}

/* Its last `turn` events were the same as those before them. */
static bool is_turn(const struct executions *x, unsigned int t, uint32_t turn)
{
	for (uint32_t i = 0; i < turn; i++)
		if (!operation_same(&event_before(x, t, i)->op,
				    &event_before(x, t, turn + i)->op))
			return false;
	return true;
}

static bool goes_round(const struct executions *x, unsigned int t)
{
	const uint32_t most = x->nr_of[t] / 2u;

	for (uint32_t turn = 2; turn <= most && turn <= LONGEST_TURN; turn++)
		if (is_turn(x, t, turn))
			return true;
	return false;
}

/*
 * Let thread t make a turn on its own, and go back.
 * Return: its operations, 0: it is none, or changes something.
 */
static uint32_t try_turn(struct executions *x, unsigned int t,
			 const void **words)
{
	const struct spot from = snapshot_spot(t);
	uint32_t nr = 0;
	bool closed = false;

	if (trail_try())
		return 0;
	while (!closed && nr < LONGEST_TURN) {
		const struct operation op = operation_at(x, t);
		struct spot spot;

		if (!await_may_spin(&op))
			break;
		words[nr++] = op.object;
		if (run_thread(t) != END_YIELD || !trail_same_but(t))
			break;
		spot = snapshot_spot(t);
		closed = spot_same(&spot, &from);
	}
	trail_tried();
	return closed ? nr : 0;
}

void loop_look(struct executions *x, const struct event *e)
{
	const void *words[LONGEST_TURN];
	uint32_t nr;

	if (x->again || !goes_round(x, e->op.thread))
		return;
	nr = try_turn(x, e->op.thread, words);
	for (uint32_t i = 0; i < nr; i++)
		await(x, words[i], SPINS_ON_SEVERAL);
}

/* ------ threads that they keep ------ */

/* Is there a way out, with all memory as it is?  Return: as loop_is_left(). */
static int is_left(struct executions *x, unsigned int t)
{
	struct spot spots[MOST_SPOTS];
	uint32_t nr = 0;
	bool back = false;

	if (trail_try())
		return -1;
	while (!back && nr < MOST_SPOTS) {
		const struct operation op = operation_at(x, t);

		if (!await_may_spin(&op))
			break;
		spots[nr] = snapshot_spot(t);
		for (uint32_t i = 0; i < nr; i++)
			back |= spot_same(&spots[i], &spots[nr]);
		nr++;
		if (run_thread(t) != END_YIELD || !trail_same_but(t))
			break;
	}
	trail_tried();
	return !back;
}

int loop_is_left(struct executions *x, uint32_t threads)
{
	int left = 0;

	if (x->spins != SPINS_ON_SEVERAL)
		return 0;
	for (; threads && !left; threads &= threads - 1)
		left = is_left(x, (unsigned int)__builtin_ctz(threads));
	return left;
}
