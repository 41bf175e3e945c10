/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * internal.h - what the files of the library know of each other.
 *
 *   pool.c		opening and closing, the directory
 *   device.c		the file or device that a pool lies in
 *   file.c		open files
 *   space.c		address spaces and what is mapped there
 *   access.c		loads, stores, pins
 *   error.c		words for errors
 */
#ifndef API_INTERNAL_H
#define API_INTERNAL_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#include "base/list.h"
#include "faultline.h"
#include "fs/fs.h"
#include "native.h"

struct fl_pool {
	struct super_block *sb;
	int fd;				/* locked; -1: in memory */
	void (*complain)(void *arg, unsigned int invariant, const char *text);
	void *arg;

	pthread_mutex_t lock;		/* for what follows, and for which
					 * files there are; inside mmap_sem */
	struct list_head files;		/* open */
	uint64_t nr_spaces;
	uint64_t nr_pins;
};

struct fl_file {
	struct fl_pool *pool;
	struct inode *inode;
	struct list_head node;		/* in pool->files */

	pthread_mutex_t lock;		/* position */
	uint64_t position;
};

struct fl_space {
	struct fl_pool *pool;
	struct mm *mm;
	char name[24];
};

/* A range of pages that is one at all: not empty, no overflow. */
static inline bool range_ok(uint64_t start, uint64_t bytes)
{
	return bytes && bytes <= UINT64_MAX - FL_PAGE_BYTES - start;
}

static inline bool page_aligned(uint64_t bytes)
{
	return bytes % FL_PAGE_BYTES == 0;
}

static inline uint64_t page_round_up(uint64_t bytes)
{
	return (bytes + FL_PAGE_BYTES - 1) & ~(uint64_t)(FL_PAGE_BYTES - 1);
}

/* What the engine answers as an error of faultline.h: SIGBUS has no errno. */
static inline int public_error(int error)
{
	return error == -EBUS ? -ENXIO : error;
}

/*
 * Open the file or device of a pool, lock it and give it a size if it has
 * none.
 * Return: its descriptor and *bytes; or -errno as fl_open().
 */
int device_open(const char *path, const struct fl_options *options,
		uint64_t *bytes);

/*
 * Use an inode: fl_remove() refuses it then.
 * Locks: pool->lock.  Return: NULL when there is no memory.
 */
struct fl_file *file_open(struct fl_pool *pool, struct inode *inode);
/* Locks: takes pool->lock. */
void file_close(struct fl_file *file);

#endif /* API_INTERNAL_H */
