// SPDX-License-Identifier: GPL-2.0-only
/*
 * balance.c - who gets which part of a search; see balance.h.
 */
#include "balance.h"

#include <stdlib.h>

int balance_open(struct balance *b, unsigned int nr_workers)
{
	*b = (struct balance){ .nr_workers = nr_workers };
	b->state = malloc(nr_workers * sizeof(*b->state));
	b->hungry = malloc(nr_workers * sizeof(*b->hungry));
	if (!b->state || !b->hungry) {
		balance_close(b);
		return -1;
	}
	for (unsigned int w = 0; w < nr_workers; w++)
		b->state[w] = BALANCE_BUSY;
	return 0;
}

void balance_close(struct balance *b)
{
	free(b->state);
	free(b->hungry);
	*b = (struct balance){ 0 };
}

void balance_part(struct balance *b, struct part *part, unsigned int from)
{
	struct part **at = &b->parts;

	while (*at && (*at)->weight >= part->weight)
		at = &(*at)->next;
	part->next = *at;
	*at = part;
	b->weight += part->weight;
	if (from < b->nr_workers && b->state[from] == BALANCE_ASKED) {
		b->state[from] = BALANCE_BUSY;
		b->nr_asked--;
	}
}

void balance_hungry(struct balance *b, unsigned int worker)
{
	unsigned int at = (b->first_hungry + b->nr_hungry) % b->nr_workers;

	if (b->state[worker] == BALANCE_HUNGRY)
		return;
	if (b->state[worker] == BALANCE_ASKED)
		b->nr_asked--;
	b->state[worker] = BALANCE_HUNGRY;
	b->hungry[at] = worker;
	b->nr_hungry++;
}

static struct part *take_heaviest(struct balance *b)
{
	struct part *part = b->parts;

	b->parts = part->next;
	/* so that nothing is left of what was rounded */
	b->weight = b->parts ? b->weight - part->weight : 0;
	return part;
}

static struct balance_order give(struct balance *b)
{
	struct balance_order order = {
		.action = BALANCE_GIVE,
		.worker = b->hungry[b->first_hungry],
	};

	if (b->share <= 0)
		b->share = b->weight / (2 * b->nr_workers);
	order.part = take_heaviest(b);
	b->share -= order.part->weight;
	order.more = b->parts && b->share > 0 &&
		     b->parts->weight <= b->share;
	if (order.more)
		return order;
	b->share = 0;
	b->first_hungry = (b->first_hungry + 1) % b->nr_workers;
	b->nr_hungry--;
	b->state[order.worker] = BALANCE_BUSY;
	return order;
}

/* In turn, so that nobody is bled dry while others have plenty. */
static struct balance_order ask(struct balance *b)
{
	struct balance_order order = { .action = BALANCE_ASK };

	while (b->state[b->next_to_ask] != BALANCE_BUSY)
		b->next_to_ask = (b->next_to_ask + 1) % b->nr_workers;
	order.worker = b->next_to_ask;
	b->next_to_ask = (b->next_to_ask + 1) % b->nr_workers;
	b->state[order.worker] = BALANCE_ASKED;
	b->nr_asked++;
	return order;
}

struct balance_order balance_next(struct balance *b)
{
	unsigned int busy = b->nr_workers - b->nr_hungry - b->nr_asked;

	if (b->nr_hungry && b->parts)
		return give(b);
	if (b->nr_hungry > b->nr_asked && busy)
		return ask(b);
	return (struct balance_order){ .action = BALANCE_NOTHING };
}

bool balance_finished(const struct balance *b)
{
	return b->nr_hungry == b->nr_workers && !b->parts;
}
