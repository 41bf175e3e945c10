// SPDX-License-Identifier: GPL-2.0-only
/*
 * ticket_lock.c - threads increment a word under a ticket lock, which they
 * wait for in a loop that nothing marks as one.
 */
#include "dpor.h"

enum { NEXT, SERVING, COUNT };

static void thread(struct dpor *d, unsigned int t)
{
	uint64_t my = word_fetch_add(&d->words[NEXT], 1);

	(void)t;
	while (word_load(&d->words[SERVING]) != my)
		;
	word_store(&d->words[COUNT], word_load(&d->words[COUNT]) + 1);
	word_store(&d->words[SERVING], my + 1);
}

static const char *finish(const struct dpor *d)
{
	if (d->words[COUNT] != d->n)
		return "an increment is lost";
	if (d->words[NEXT] != d->n || d->words[SERVING] != d->n)
		return "somebody had no turn";
	return NULL;
}

static struct dpor_size size(unsigned int n)
{
	return (struct dpor_size){ .threads = n, .words = 3 };
}

static const struct dpor_row rows[] = {
	{ .n = 6, .genmc = 0.22, .nidhugg = 14.1 },
	{ 0 },
};

const struct dpor_program dpor_ticket_lock = {
	.name = "ticket-lock",
	.what = "N threads increment a word under a lock of their own",
	.min = 1,
	.max = 20,
	.executions = dpor_factorial,
	.size = size,
	.thread = thread,
	.finish = finish,
	.rows = rows,
};
