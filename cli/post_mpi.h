/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * post_mpi.h - a search by the ranks of an MPI job.
 *
 * Built with `make MPI=yes`; without it there is never more than one rank.
 */
#ifndef CLI_POST_MPI_H
#define CLI_POST_MPI_H

#include "../include/checker_post.h"

/*
 * Join the job that this process was started in, if it was in one.
 * Return: the post; NULL when there is but one rank.
 */
struct check_post *post_mpi(void);
/* Leave the job; before the process ends. */
void post_mpi_end(void);

#endif /* CLI_POST_MPI_H */
