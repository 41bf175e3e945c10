// SPDX-License-Identifier: GPL-2.0-only
/*
 * double_checked_lock.c - a limit that is made when it is first wanted.  Its
 * pointer is looked at without the lock, then under it; but it is stored before
 * the limit is known, and who looks without the lock uses that.
 */
#include <checker.h>

static struct shared {
	struct check_mutex mutex;
	uint64_t *limit;
} *shared;

static void setup(void *arg)
{
	shared = check_alloc(sizeof(*shared), "shared");
	check_mutex_init(&shared->mutex, "mutex");
}

static uint64_t *get_limit(void)
{
	uint64_t *limit = check_load(&shared->limit);

	if (limit)
		return limit;
	check_mutex_lock(&shared->mutex);
	limit = check_load(&shared->limit);
	if (!limit) {
		limit = check_alloc(sizeof(*limit), "limit");
		check_store(&shared->limit, limit);
		check_store(limit, 42);
	}
	check_mutex_unlock(&shared->mutex);
	return limit;
}

static void thread(void *arg, unsigned int t)
{
	check_assert(check_load(get_limit()) == 42);
}

static void finish(void *arg)
{
	check_free(shared->limit, CHECK_HERE);
	check_free(shared, CHECK_HERE);
	check_no_leaks();
}

int main(int argc, char **argv)
{
	struct check_program program = {
		.nr_threads = 2, .setup = setup, .thread = thread,
		.finish = finish,
	};

	return check_main(argc, argv, &program);
}
