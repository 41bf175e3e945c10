// SPDX-License-Identifier: GPL-2.0-only
/*
 * indexer.c - threads put words into a hash table (Flanagan and Godefroid,
 * POPL 2005).  Up to 11 of them never meet.  Each further one has three words
 * in common with another, and whoever comes second goes on to the next slot.
 */
#include "dpor.h"

#define SLOTS 128
#define WORDS 4

static uint64_t word_of(unsigned int t, unsigned int m)
{
	return 11 * m + t;
}

static void thread(struct dpor *d, unsigned int t)
{
	for (unsigned int m = 1; m <= WORDS; m++) {
		uint64_t w = word_of(t, m), h = 7 * w % SLOTS;

		while (!word_cmpxchg(&d->words[h], 0, w))
			h = (h + 1) % SLOTS;
	}
}

static bool holds(const uint64_t *table, uint64_t w)
{
	uint64_t h = 7 * w % SLOTS;

	while (table[h] && table[h] != w)
		h = (h + 1) % SLOTS;
	return table[h] == w;
}

static const char *finish(const struct dpor *d)
{
	unsigned int nr = 0;

	for (unsigned int h = 0; h < SLOTS; h++)
		nr += d->words[h] != 0;
	if (nr != WORDS * d->n)
		return "a word is not in the table, or too often";
	for (unsigned int t = 0; t < d->n; t++)
		for (unsigned int m = 1; m <= WORDS; m++)
			if (!holds(d->words, word_of(t, m)))
				return "a word is not in the table";
	return NULL;
}

static uint64_t executions(unsigned int n)
{
	return n < 11 ? 1 : UINT64_C(1) << 3 * (n - 11);
}

static struct dpor_size size(unsigned int n)
{
	return (struct dpor_size){ .threads = n, .words = SLOTS };
}

static const struct dpor_row rows[] = {
	{ .n = 12 },
	{ .n = 15, .genmc = 3.2, .nidhugg = 4.8 },
	{ .n = 16, .genmc = 25.0, .nidhugg = 53.5 },
	{ 0 },
};

/* From 23 threads on three have a word in common, and slots collide. */
const struct dpor_program dpor_indexer = {
	.name = "indexer",
	.what = "N threads put four words each into a hash table",
	.min = 1,
	.max = 22,
	.executions = executions,
	.size = size,
	.thread = thread,
	.finish = finish,
	.rows = rows,
};
