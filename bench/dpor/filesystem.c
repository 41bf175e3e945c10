// SPDX-License-Identifier: GPL-2.0-only
/*
 * filesystem.c - threads give blocks to inodes, with a mutex for each inode
 * and each block (Flanagan and Godefroid, POPL 2005).  Threads t and t + 13
 * begin at the same block.
 */
#include "dpor.h"

#define INODES 32
#define BLOCKS 26

static uint64_t *inode(const struct dpor *d, unsigned int i)
{
	return &d->words[i];
}

static uint64_t *busy(const struct dpor *d, unsigned int b)
{
	return &d->words[INODES + b];
}

static struct check_lock *block_lock(const struct dpor *d, unsigned int b)
{
	return &d->locks[INODES + b];
}

/* Give inode i the first block from b on that is free. */
static void allocate(struct dpor *d, unsigned int i, unsigned int b)
{
	for (;; b = (b + 1) % BLOCKS) {
		mutex_lock(block_lock(d, b));
		if (!word_load(busy(d, b))) {
			word_store(busy(d, b), 1);
			word_store(inode(d, i), b + 1);
			mutex_unlock(block_lock(d, b));
			return;
		}
		mutex_unlock(block_lock(d, b));
	}
}

static void thread(struct dpor *d, unsigned int t)
{
	unsigned int i = t % INODES;

	mutex_lock(&d->locks[i]);
	if (!word_load(inode(d, i)))
		allocate(d, i, 2 * i % BLOCKS);
	mutex_unlock(&d->locks[i]);
}

static const char *finish(const struct dpor *d)
{
	uint32_t given = 0;

	for (unsigned int t = 0; t < d->n; t++) {
		uint64_t block = *inode(d, t % INODES);

		if (!block || !*busy(d, (unsigned int)block - 1))
			return "an inode has no block";
		if (given & (1u << block))
			return "two inodes have the same block";
		given |= 1u << block;
	}
	return NULL;
}

static uint64_t executions(unsigned int n)
{
	return n < 13 ? 1 : UINT64_C(1) << (n - 13);
}

static struct dpor_size size(unsigned int n)
{
	return (struct dpor_size){
		.threads = n,
		.words = INODES + BLOCKS,
		.locks = INODES + BLOCKS,
	};
}

static const struct dpor_row rows[] = {
	{ .n = 14 },
	{ .n = 19 },
	{ .n = 24, .genmc = 5.0, .nidhugg = 6.5 },
	{ 0 },
};

/* With 27 threads three begin at the same block. */
const struct dpor_program dpor_filesystem = {
	.name = "filesystem",
	.what = "N threads give blocks to inodes, under mutexes",
	.min = 1,
	.max = 26,
	.executions = executions,
	.size = size,
	.thread = thread,
	.finish = finish,
	.rows = rows,
};
