/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * embedded.c - a counter in a pool: each run of the program adds one to it,
 * through a mapping, and the file is there the next time.
 */
#include <faultline.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void must(int error, const char *what)
{
	if (error >= 0)
		return;
	fprintf(stderr, "embedded: %s: %s\n", what, fl_strerror(error));
	exit(1);
}

/* Return: the counter, which is one more now, or stays, and is synced. */
static uint64_t count(const char *path, unsigned int add)
{
	const struct fl_options options = { .flags = FL_CREATE };
	struct fl_pool *pool;
	struct fl_file *file;
	struct fl_space *space;
	uint64_t address = 0;
	uint64_t value;

	must(fl_open(path, &options, &pool), path);
	if (fl_open_file(pool, "counter", &file))
		must(fl_create(pool, "counter", &file), "counter");
	if (fl_size(file) == 0)
		must(fl_truncate(file, FL_PAGE_BYTES), "truncate");
	must(fl_new_space(pool, &space), "address space");
	must(fl_map(space, file, &address, FL_PAGE_BYTES, 0,
		    FL_READ | FL_WRITE, FL_SHARED), "map");
	must(fl_load(space, address, 8, &value), "load");
	value += add;
	must(fl_store(space, address, 8, value), "store");
	must(fl_fsync(file), "fsync");
	fl_destroy(space);
	fl_close_file(file);
	must(fl_close(pool), "close");
	return value;
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "counter.pool";
	uint64_t value = count(path, 1);

	printf("%" PRIu64 "\n", value);
	return count(path, 0) != value;
}
