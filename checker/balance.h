/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * balance.h - who gets which part of a search: the decisions, and no more.
 *
 * One coordinator and any number of workers.  A worker that has nothing left
 * is hungry.  It gets a part from the queue; if the queue is empty, a busy
 * worker is asked to share.  Being asked lasts: the worker sends a part as
 * soon as it has one to spare, or is hungry itself first, and then another is
 * asked.  So there is one question and one answer for each part that moves,
 * however unequal the parts are, and nobody polls.  While many parts wait, as
 * at the beginning, a worker gets several of them at once: half of its share
 * of what waits.
 *
 * The same code decides in a real search (parallel.c) and in the simulation
 * (bench/balance.c), where messages take time and workers are many.
 *
 * Interface
 *   balance_open(), balance_close()
 *   balance_part()      a part arrived, from a worker or from the outside
 *   balance_hungry()    a worker has nothing left
 *   balance_next()      what to send now, until it says so
 *   balance_finished()  nobody has anything left
 */
#ifndef CHECKER_BALANCE_H
#define CHECKER_BALANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A part of a search; what is in it is the caller's. */
struct part {
	struct part *next;
	double weight;			/* of the whole: an estimate */
};

enum balance_worker_state {
	BALANCE_HUNGRY,
	BALANCE_BUSY,
	BALANCE_ASKED,			/* busy, and is to share */
};

struct balance {
	unsigned int nr_workers;
	enum balance_worker_state *state;
	unsigned int *hungry;		/* a queue of workers, in a ring */
	unsigned int first_hungry;
	unsigned int nr_hungry;
	unsigned int nr_asked;
	unsigned int next_to_ask;
	struct part *parts;		/* the heaviest first, */
	double weight;			/* of all of them */
	double share;			/* what the one who is given to still
					 * gets */
};

enum balance_action {
	BALANCE_NOTHING,		/* until the next message */
	BALANCE_GIVE,			/* send part to worker */
	BALANCE_ASK,			/* ask worker to share */
};

struct balance_order {
	enum balance_action action;
	unsigned int worker;
	struct part *part;
	bool more;			/* it is given the next one, too */
};

/* All workers are busy at first.  Return: 0, or -1 without memory. */
int balance_open(struct balance *b, unsigned int nr_workers);
/* Parts that are left are the caller's: take them from b->parts before. */
void balance_close(struct balance *b);

/* from: the worker that was asked, or nr_workers: from the outside. */
void balance_part(struct balance *b, struct part *part, unsigned int from);
void balance_hungry(struct balance *b, unsigned int worker);
struct balance_order balance_next(struct balance *b);
bool balance_finished(const struct balance *b);

#endif /* CHECKER_BALANCE_H */
