// SPDX-License-Identifier: GPL-2.0-only
/*
 * bounded_buffer.c - two producers and two consumers of a buffer of one place.
 * All wait for one condition variable.  -DBROKEN wakes one of them instead of
 * all: when that is one of the same side, everybody sleeps.
 */
#include <checker.h>

#ifdef BROKEN
#define WAKE check_cond_signal
#else
#define WAKE check_cond_broadcast
#endif

static struct buffer {
	struct check_mutex mutex;
	struct check_cond changed;
	uint64_t items, sum;		/* under the lock */
} *buffer;

static void setup(void *arg)
{
	buffer = check_alloc(sizeof(*buffer), "buffer");
	check_mutex_init(&buffer->mutex, "mutex");
	check_cond_init(&buffer->changed, "changed");
}

static void thread(void *arg, unsigned int t)
{
	bool produces = t < 2;

	check_mutex_lock(&buffer->mutex);
	while (buffer->items == produces)
		check_cond_wait(&buffer->changed, &buffer->mutex);
	check_tell(CHECK_HERE, produces ? "puts one" : "gets one");
	buffer->items = produces;
	buffer->sum += produces;
	WAKE(&buffer->changed);
	check_mutex_unlock(&buffer->mutex);
}

static void finish(void *arg)
{
	check_assert(buffer->sum == 2 && buffer->items == 0);
	check_free(buffer, CHECK_HERE);
	check_no_leaks();
}

int main(int argc, char **argv)
{
	struct check_program program = {
		.nr_threads = 4, .setup = setup, .thread = thread,
		.finish = finish,
	};

	return check_main(argc, argv, &program);
}
