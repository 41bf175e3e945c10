/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * post_fork.h - a post between processes of one machine.
 */
#ifndef CHECKER_POST_FORK_H
#define CHECKER_POST_FORK_H

#include "../include/checker_post.h"

/*
 * Fork so many workers.  Returns in each of the processes; post->self tells
 * which it is.  Return: NULL with errno, in the one process that there is.
 */
struct check_post *post_fork(unsigned int nr_workers);
/* The coordinator's; workers that are still there are killed. */
void post_fork_end(struct check_post *post);

#endif /* CHECKER_POST_FORK_H */
