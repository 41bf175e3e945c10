/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * checker_post.h - how the processes of one search talk to each other.
 *
 * A search with several processes has a coordinator, number 0, and workers
 * from 1 on.  Workers talk to the coordinator only, and messages between two
 * of them arrive in the order they were sent.  check_run() has a post of its
 * own for processes of one machine (struct check_options, jobs); a program
 * that runs under MPI, say, passes one that it made.
 */
#ifndef CHECKER_POST_H
#define CHECKER_POST_H

#include <stddef.h>
#include <stdint.h>

struct check_message {
	uint32_t type;			/* the checker's */
	uint32_t peer;			/* who sends it, or is to receive it */
	double weight;
	size_t bytes;
	void *data;			/* malloc()ed when received */
};

struct check_post {
	unsigned int self;		/* 0: the coordinator */
	unsigned int nr_workers;
	/* Return: 0, or -1 with errno. */
	int (*send)(struct check_post *post,
		    const struct check_message *message);
	/*
	 * Wait so many milliseconds, -1: for ever.
	 * Return: 1; 0 when there is none; -1 with errno when message->peer,
	 * or somebody, is gone.
	 */
	int (*receive)(struct check_post *post, struct check_message *message,
		       int milliseconds);
	/* A worker's end: says good-bye and does not return. */
	void (*leave)(struct check_post *post, int status);
	void *own;
};

#endif /* CHECKER_POST_H */
