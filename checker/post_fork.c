// SPDX-License-Identifier: GPL-2.0-only
/*
 * post_fork.c - a post between processes that are forked from one; see
 * checker_post.h.  Each worker has a socket to the coordinator, and a counter
 * that both see, so that it costs nothing to look when nothing has come.
 */
#include "post_fork.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* What goes before the bytes of a message. */
struct head {
	uint32_t type;
	uint32_t pad;
	double weight;
	uint64_t bytes;
};

/* Messages for one worker; in a line of the cache of its own. */
struct counter {
	_Alignas(64) uint64_t sent;
};

struct fork_post {
	struct check_post post;
	struct counter *counters;	/* [worker - 1] */
	uint64_t received;		/* by this worker */
	struct pollfd *sockets;		/* of the coordinator: [worker - 1] */
	pid_t *workers;
	unsigned int next;		/* whom to look at first */
	unsigned int room;		/* for workers */
	int socket;			/* of a worker */
};

static int write_all(int socket, const void *data, size_t bytes)
{
	const char *at = data;

	while (bytes) {
		ssize_t n = send(socket, at, bytes, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		/* who is gone is gone, whatever was done last */
		if (n < 0 && errno == EPIPE)
			errno = ECONNRESET;
		if (n < 0)
			return -1;
		at += n;
		bytes -= (size_t)n;
	}
	return 0;
}

static int read_all(int socket, void *data, size_t bytes)
{
	char *at = data;

	while (bytes) {
		ssize_t n = recv(socket, at, bytes, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (!n)
			errno = ECONNRESET;
		if (n <= 0)
			return -1;
		at += n;
		bytes -= (size_t)n;
	}
	return 0;
}

static int send_message(struct check_post *post,
			const struct check_message *message)
{
	struct fork_post *own = post->own;
	int socket = post->self ? own->socket :
				  own->sockets[message->peer - 1].fd;
	struct head head = {
		.type = message->type,
		.weight = message->weight,
		.bytes = message->bytes,
	};

	if (!post->self)
		__atomic_add_fetch(&own->counters[message->peer - 1].sent, 1,
				   __ATOMIC_RELEASE);
	if (write_all(socket, &head, sizeof(head)))
		return -1;
	return write_all(socket, message->data, message->bytes);
}

static int read_message(int socket, struct check_message *message)
{
	struct head head;

	message->data = NULL;
	if (read_all(socket, &head, sizeof(head)))
		return -1;
	message->type = head.type;
	message->weight = head.weight;
	message->bytes = head.bytes;
	if (!head.bytes)
		return 1;
	message->data = malloc(head.bytes);
	if (!message->data)
		return -1;
	if (!read_all(socket, message->data, head.bytes))
		return 1;
	free(message->data);
	return -1;
}

static int wait_for(struct pollfd *sockets, nfds_t nr, int milliseconds)
{
	int n = poll(sockets, nr, milliseconds);

	/* a signal: let the caller look what it was */
	return n < 0 && errno == EINTR ? 0 : n;
}

static int receive_from_workers(struct check_post *post,
				struct check_message *message,
				int milliseconds)
{
	struct fork_post *own = post->own;
	int ready = wait_for(own->sockets, post->nr_workers, milliseconds);

	if (ready <= 0)
		return ready;
	for (unsigned int i = 0; i < post->nr_workers; i++) {
		unsigned int w = (own->next + i) % post->nr_workers;

		if (!own->sockets[w].revents)
			continue;
		own->next = w + 1;
		message->peer = w + 1;
		return read_message(own->sockets[w].fd, message);
	}
	return 0;
}

static int receive_from_coordinator(struct check_post *post,
				    struct check_message *message,
				    int milliseconds)
{
	struct fork_post *own = post->own;
	struct pollfd socket = { .fd = own->socket, .events = POLLIN };
	uint64_t sent = __atomic_load_n(&own->counters[post->self - 1].sent,
					__ATOMIC_ACQUIRE);
	int ready;

	if (!milliseconds && sent == own->received)
		return 0;
	ready = wait_for(&socket, 1, milliseconds);
	if (ready <= 0)
		return ready;
	own->received++;
	message->peer = 0;
	return read_message(own->socket, message);
}

static void leave(struct check_post *post, int status)
{
	(void)post;
	_exit(status);
}

static void be_worker(struct fork_post *own, unsigned int number, int socket)
{
	own->post.self = number;
	own->post.receive = receive_from_coordinator;
	own->post.leave = leave;
	own->socket = socket;
	/* the coordinator ends them: on a signal, too, or by dying */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned int w = 0; w + 1 < number; w++)
		close(own->sockets[w].fd);
}

/* Return: a post without workers, with room for so many; or NULL. */
static struct fork_post *make_post(unsigned int nr_workers)
{
	struct fork_post *own = calloc(1, sizeof(*own));

	if (!own)
		return NULL;
	own->post = (struct check_post){
		.nr_workers = 0, .send = send_message,
		.receive = receive_from_workers, .own = own,
	};
	own->room = nr_workers;
	own->sockets = calloc(nr_workers, sizeof(*own->sockets));
	own->workers = calloc(nr_workers, sizeof(*own->workers));
	own->counters = mmap(NULL, nr_workers * sizeof(*own->counters),
			     PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (own->sockets && own->workers && own->counters != MAP_FAILED)
		return own;
	post_fork_end(&own->post);
	return NULL;
}

struct check_post *post_fork(unsigned int nr_workers)
{
	struct fork_post *own = make_post(nr_workers);

	if (!own)
		return NULL;
	for (unsigned int w = 0; w < nr_workers; w++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
			break;
		own->sockets[w] = (struct pollfd){ pair[0], POLLIN, 0 };
		own->workers[w] = fork();
		if (!own->workers[w]) {
			close(pair[0]);
			own->post.nr_workers = nr_workers;
			be_worker(own, w + 1, pair[1]);
			return &own->post;
		}
		close(pair[1]);
		own->post.nr_workers++;
		if (own->workers[w] < 0)
			break;
	}
	if (own->post.nr_workers == nr_workers &&
	    own->workers[nr_workers - 1] > 0)
		return &own->post;
	post_fork_end(&own->post);
	return NULL;
}

void post_fork_end(struct check_post *post)
{
	struct fork_post *own = post->own;
	int error = errno;

	for (unsigned int w = 0; w < post->nr_workers && !post->self; w++) {
		close(own->sockets[w].fd);
		if (own->workers[w] <= 0)
			continue;
		kill(own->workers[w], SIGKILL);
		while (waitpid(own->workers[w], NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (own->counters != MAP_FAILED)
		munmap(own->counters, own->room * sizeof(*own->counters));
	free(own->sockets);
	free(own->workers);
	free(own);
	errno = error;
}
