// SPDX-License-Identifier: GPL-2.0-only
/*
 * parallel.c - a search by several processes; see parallel.h.
 *
 * Who searches what is decided in balance.c.  The coordinator does nothing but
 * pass parts on, so on one machine it costs next to nothing.
 */
#include "parallel.h"

#include "balance.h"
#include "internal.h"

#include <stdlib.h>

/* Nodes between two looks at the post: as many as take about this time. */
#define LOOK_SECONDS 20e-6
#define MOST_STEPS 256
#define REPORT_SECONDS 0.2
#define STOP_MILLISECONDS 100

enum {
	/* to the coordinator */
	IS_HUNGRY = 1,
	HAS_PART,
	REPORTS,
	HAS_FOUND,
	HAS_STOPPED,
	/* from it */
	GETS_PART,
	GETS_FIRST,			/* part of several: the next follows */
	IS_ASKED,
	IS_TO_STOP,
	IS_TO_BEGIN,
	MAY_GO,
};

static int send(struct check_post *post, uint32_t type, uint32_t peer,
		const struct bytes *bytes)
{
	struct check_message message = { .type = type, .peer = peer };

	if (bytes) {
		message.data = bytes->data;
		message.bytes = bytes->nr;
		message.weight = bytes->weight;
	}
	return post->send(post, &message);
}

/* ------ a worker ------ */

struct worker {
	struct check_post *post;
	const struct tree *tree;
	bool asked;
	bool hungry;
	bool stopped;
	bool may_go;
	unsigned int steps;		/* nodes between two looks */
	double looked;
	double reported;
};

static int tell(struct worker *w, uint32_t type, const struct bytes *bytes)
{
	return send(w->post, type, 0, bytes);
}

static int report(struct worker *w)
{
	struct bytes bytes = { 0 };
	int error = w->tree->report(w->tree->own, &bytes);

	if (!error)
		error = tell(w, REPORTS, &bytes);
	free(bytes.data);
	w->reported = now_seconds();
	return error;
}

static int share(struct worker *w)
{
	struct bytes part = { 0 };
	int error;

	if (!w->tree->give(w->tree->own, &part))
		return 0;
	w->asked = false;
	error = tell(w, HAS_PART, &part);
	free(part.data);
	return error;
}

static int obey(struct worker *w, const struct check_message *message)
{
	struct bytes part = { message->data, message->bytes, message->weight };

	switch (message->type) {
	case GETS_PART:
		w->hungry = false;
		return w->tree->take(w->tree->own, &part);
	case GETS_FIRST:
		return w->tree->take(w->tree->own, &part);
	case IS_ASKED:
		/* too late when it is hungry itself: the messages crossed */
		w->asked = !w->hungry;
		return 0;
	case IS_TO_BEGIN:
		return w->tree->learn(w->tree->own, &part);
	default:
		w->stopped = true;
		w->may_go = message->type == MAY_GO;
		return 0;
	}
}

/* Read what has come; wait for something if there is nothing to do. */
static int look(struct worker *w)
{
	struct check_message message;
	int got;

	while ((got = w->post->receive(w->post, &message,
				       w->hungry ? -1 : 0)) > 0) {
		int error = obey(w, &message);

		free(message.data);
		if (error)
			return -1;
		if (w->stopped)
			return 0;
	}
	return got;
}

/* A look costs a system call, and who asks for a part waits for it. */
static void adapt(struct worker *w)
{
	double now = now_seconds();

	if (now - w->looked > 2 * LOOK_SECONDS && w->steps > 1)
		w->steps /= 2;
	else if (now - w->looked < LOOK_SECONDS / 2 && w->steps < MOST_STEPS)
		w->steps *= 2;
	w->looked = now;
}

static int search(struct worker *w)
{
	for (unsigned int i = 0; i < w->steps; i++) {
		int more = w->tree->step(w->tree->own);

		if (more < 0)
			return -1;
		if (!more) {
			w->hungry = true;
			w->asked = false;
			return report(w) ? -1 : tell(w, IS_HUNGRY, NULL);
		}
		if (w->tree->found && w->tree->found(w->tree->own))
			return tell(w, HAS_FOUND, NULL);
	}
	if (w->asked && share(w))
		return -1;
	adapt(w);
	return w->looked - w->reported >= REPORT_SECONDS ? report(w) : 0;
}

static int save_part(void *user, const struct bytes *part)
{
	return tell(user, HAS_PART, part);
}

static int work(struct worker *w)
{
	w->stopped = false;
	w->hungry = true;
	w->asked = false;
	while (!w->stopped && !w->may_go) {
		if (look(w))
			return -1;
		if (!w->stopped && !w->hungry && search(w))
			return -1;
	}
	if (w->may_go)
		return 0;
	if (report(w) ||
	    w->tree->give_all(w->tree->own, save_part, w))
		return -1;
	w->tree->forget(w->tree->own);
	return tell(w, HAS_STOPPED, NULL);
}

int parallel_work(struct check_post *post, const struct tree *tree)
{
	struct worker w = {
		.post = post, .tree = tree, .steps = 1,
		.reported = now_seconds(),
	};

	while (!w.may_go)
		if (work(&w))
			return -1;
	return 0;
}

/* ------ the coordinator ------ */

struct held {
	struct part part;
	struct bytes bytes;
};

struct coordination {
	struct check_post *post;
	const struct coordinator *to;
	struct balance balance;
	unsigned int nr_stopped;
	bool stopping;
	double looked;
};

static int order(struct coordination *c, uint32_t type, unsigned int worker,
		 const struct bytes *bytes)
{
	return send(c->post, type, worker + 1, bytes);
}

static void let_go(struct held *held)
{
	free(held->bytes.data);
	free(held);
}

static struct held *take_held(struct coordination *c)
{
	struct part *part = c->balance.parts;

	if (part)
		c->balance.parts = part->next;
	return (struct held *)(void *)part;
}

/* bytes->data is taken over. */
static int hold(struct coordination *c, const struct bytes *bytes,
		unsigned int from)
{
	struct held *held = malloc(sizeof(*held));

	if (!held)
		return -1;
	held->bytes = *bytes;
	held->part.weight = bytes->weight;
	balance_part(&c->balance, &held->part, from);
	return 0;
}

static int carry_out(struct coordination *c)
{
	struct balance_order o;
	int error = 0;

	while (!error && !c->stopping &&
	       (o = balance_next(&c->balance)).action != BALANCE_NOTHING) {
		struct held *held = (struct held *)(void *)o.part;

		if (o.action == BALANCE_ASK) {
			error = order(c, IS_ASKED, o.worker, NULL);
			continue;
		}
		error = order(c, o.more ? GETS_FIRST : GETS_PART, o.worker,
			      &held->bytes);
		let_go(held);
	}
	return error;
}

static int stop_all(struct coordination *c)
{
	if (c->stopping)
		return 0;
	c->stopping = true;
	for (unsigned int w = 0; w < c->post->nr_workers; w++)
		if (order(c, IS_TO_STOP, w, NULL))
			return -1;
	return 0;
}

static int listen(struct coordination *c, struct check_message *message)
{
	unsigned int worker = message->peer - 1;
	struct bytes bytes = {
		message->data, message->bytes, message->weight,
	};

	switch (message->type) {
	case IS_HUNGRY:
		balance_hungry(&c->balance, worker);
		return 0;
	case HAS_PART:
		if (hold(c, &bytes, worker))
			return -1;
		message->data = NULL;
		return 0;
	case REPORTS:
		return c->to->heard ? c->to->heard(c->to->user, worker,
						   &bytes) : 0;
	case HAS_FOUND:
		return stop_all(c);
	default:
		c->nr_stopped++;
		return 0;
	}
}

static int look_around(struct coordination *c)
{
	double waiting = 0;

	if (c->stopping || !c->to->stop ||
	    now_seconds() - c->looked < STOP_MILLISECONDS / 1e3)
		return 0;
	c->looked = now_seconds();
	for (const struct part *part = c->balance.parts; part;
	     part = part->next)
		waiting += part->weight;
	return c->to->stop(c->to->user, waiting) ? stop_all(c) : 0;
}

static int coordinate(struct coordination *c)
{
	while (c->nr_stopped < c->post->nr_workers) {
		struct check_message message;
		int got, error = 0;

		if (carry_out(c))
			return -1;
		if (balance_finished(&c->balance) && stop_all(c))
			return -1;
		got = c->post->receive(c->post, &message, STOP_MILLISECONDS);
		if (got > 0) {
			error = listen(c, &message);
			free(message.data);
		}
		if (got < 0 || error || look_around(c))
			return -1;
	}
	/* it may have been told to stop when there was nothing left to do */
	return !c->balance.parts;
}

int parallel_coordinate(struct check_post *post,
			const struct coordinator *coordinator,
			struct bytes *parts, size_t nr_parts)
{
	struct coordination c = { .post = post, .to = coordinator };
	struct held *held;
	int result = -1;

	if (balance_open(&c.balance, post->nr_workers))
		return -1;
	for (unsigned int w = 0; w < post->nr_workers; w++)
		balance_hungry(&c.balance, w);
	for (size_t i = 0; i < nr_parts; i++)
		if (hold(&c, &parts[i], post->nr_workers))
			goto out;
	result = coordinate(&c);
out:
	while ((held = take_held(&c))) {
		if (result >= 0 && coordinator->left &&
		    coordinator->left(coordinator->user, &held->bytes))
			result = -1;
		let_go(held);
	}
	balance_close(&c.balance);
	return result;
}

static int order_all(struct check_post *post, uint32_t type,
		     const struct bytes *bytes)
{
	struct coordination c = { .post = post };

	for (unsigned int w = 0; w < post->nr_workers; w++)
		if (order(&c, type, w, bytes))
			return -1;
	return 0;
}

int parallel_begin(struct check_post *post, const struct bytes *learned)
{
	return order_all(post, IS_TO_BEGIN, learned);
}

int parallel_end(struct check_post *post)
{
	return order_all(post, MAY_GO, NULL);
}
