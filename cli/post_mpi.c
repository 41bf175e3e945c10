// SPDX-License-Identifier: GPL-2.0-only
/*
 * post_mpi.c - a search by the ranks of an MPI job; see post_mpi.h.
 *
 * Rank 0 is the coordinator and does not search: what it does is little, but
 * others wait for it.  It looks for messages and sleeps in between, as to wait
 * in MPI itself takes a whole processor.  A worker that waits has nothing else
 * to do, and sleeps for short times only.
 */
#include "post_mpi.h"

#ifdef WITH_MPI

#include <errno.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The first nap; each is twice as long as the one before, up to the longest. */
#define NAP_NANOSECONDS 20000
#define LONGEST_NAP_NANOSECONDS 200000

struct head {
	uint32_t type;
	uint32_t pad;
	double weight;
};

static double now(void)
{
	return MPI_Wtime();
}

static int send_message(struct check_post *post,
			const struct check_message *message)
{
	struct head head = {
		.type = message->type, .weight = message->weight,
	};
	size_t bytes = sizeof(head) + message->bytes;
	char *data = malloc(bytes);
	int error;

	if (!data || bytes > INT32_MAX) {
		free(data);
		errno = ENOMEM;
		return -1;
	}
	memcpy(data, &head, sizeof(head));
	if (message->bytes)
		memcpy(data + sizeof(head), message->data, message->bytes);
	error = MPI_Send(data, (int)bytes, MPI_BYTE,
			 post->self ? 0 : (int)message->peer, 0,
			 MPI_COMM_WORLD);
	free(data);
	errno = ECONNRESET;
	return error == MPI_SUCCESS ? 0 : -1;
}

static int read_message(const MPI_Status *status,
			struct check_message *message)
{
	struct head head;
	int bytes;
	char *data;

	MPI_Get_count(status, MPI_BYTE, &bytes);
	data = malloc((size_t)bytes + 1);
	if (!data)
		return -1;
	if (MPI_Recv(data, bytes, MPI_BYTE, status->MPI_SOURCE, 0,
		     MPI_COMM_WORLD, MPI_STATUS_IGNORE) != MPI_SUCCESS ||
	    (size_t)bytes < sizeof(head)) {
		free(data);
		errno = ECONNRESET;
		return -1;
	}
	memcpy(&head, data, sizeof(head));
	message->type = head.type;
	message->peer = (uint32_t)status->MPI_SOURCE;
	message->weight = head.weight;
	message->bytes = (size_t)bytes - sizeof(head);
	memmove(data, data + sizeof(head), message->bytes);
	message->data = data;
	return 1;
}

static int receive(struct check_post *post, struct check_message *message,
		   int milliseconds)
{
	struct timespec nap = { 0, NAP_NANOSECONDS };
	double until = now() + milliseconds / 1e3;
	MPI_Status status;
	int there;

	for (;;) {
		MPI_Iprobe(post->self ? 0 : MPI_ANY_SOURCE, 0, MPI_COMM_WORLD,
			   &there, &status);
		if (there)
			return read_message(&status, message);
		if (milliseconds >= 0 && now() >= until)
			return 0;
		nanosleep(&nap, NULL);
		if (!post->self && nap.tv_nsec < LONGEST_NAP_NANOSECONDS)
			nap.tv_nsec *= 2;
	}
}

static void leave(struct check_post *post, int status)
{
	(void)post;
	if (status)
		MPI_Abort(MPI_COMM_WORLD, status);
	MPI_Finalize();
	_exit(0);
}

struct check_post *post_mpi(void)
{
	static struct check_post post = {
		.send = send_message, .receive = receive, .leave = leave,
	};
	int rank, size;

	MPI_Init(NULL, NULL);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	post.self = (unsigned int)rank;
	post.nr_workers = (unsigned int)size - 1;
	return size > 1 ? &post : NULL;
}

void post_mpi_end(void)
{
	MPI_Finalize();
}

#else

#include <stddef.h>

struct check_post *post_mpi(void)
{
	return NULL;
}

void post_mpi_end(void)
{
}

#endif
