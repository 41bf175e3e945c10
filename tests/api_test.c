/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * api_test.c - the library as its users see it: nothing but faultline.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "faultline.h"

#define PAGE FL_PAGE_BYTES
#define HUGE_PAGE ((uint64_t)FL_HUGE_PAGE_BYTES)
#define POOL_BYTES (UINT64_C(32) << 20)

static char folder[64];
static char path[80];		/* of a pool in it */
static char complaints[4096];
static pthread_mutex_t complaints_lock = PTHREAD_MUTEX_INITIALIZER;

static struct fl_pool *pool;
static struct fl_file *file;
static struct fl_space *space;
static uint64_t address;	/* of the whole file, where it is mapped */

static void complain(void *arg, unsigned int invariant, const char *text)
{
	size_t length;

	pthread_mutex_lock(&complaints_lock);
	length = strlen(complaints);
	snprintf(complaints + length, sizeof(complaints) - length, "%s O%u %s\n",
		 (const char *)arg, invariant, text);
	pthread_mutex_unlock(&complaints_lock);
}

static char arg[] = "arg";

static int open_with(const char *at, unsigned int flags, uint64_t bytes)
{
	const struct fl_options options = {
		.flags = flags,
		.bytes = bytes,
		.complain = complain,
		.arg = arg,
	};

	return fl_open(at, &options, &pool);
}

static void open_pool(void)
{
	assert_int_equal(open_with(path, FL_CREATE, POOL_BYTES), 0);
}

static void map(unsigned int access, unsigned int flags)
{
	address = 0;
	assert_int_equal(fl_map(space, file, &address, 2 * HUGE_PAGE, 0, access,
				flags), 0);
}

/* A pool in a file, with a file of four pages. */
static int setup(void **state)
{
	(void)state;
	complaints[0] = '\0';
	unlink(path);
	open_pool();
	assert_int_equal(fl_create(pool, "file", &file), 0);
	assert_int_equal(fl_truncate(file, 4 * PAGE), 0);
	assert_int_equal(fl_new_space(pool, &space), 0);
	return 0;
}

static int teardown(void **state)
{
	struct fl_usage usage;

	(void)state;
	fl_usage(pool, &usage);
	assert_int_equal(usage.complaints, 0);
	fl_destroy(space);
	fl_close_file(file);
	assert_int_equal(fl_close(pool), 0);
	assert_string_equal(complaints, "");
	unlink(path);
	return 0;
}

static uint64_t load(uint64_t at)
{
	uint64_t value = 0;

	assert_int_equal(fl_load(space, at, 8, &value), 0);
	return value;
}

static void store(uint64_t at, uint64_t value)
{
	assert_int_equal(fl_store(space, at, 8, value), 0);
}

static uint64_t read_word(uint64_t position)
{
	uint64_t value = 0;

	assert_int_equal(fl_pread(file, &value, 8, position), 8);
	return value;
}

static void write_word(uint64_t position, uint64_t value)
{
	assert_int_equal(fl_pwrite(file, &value, 8, position), 8);
}

/* ---- Pools ---- */

static void pool_in_memory(void **state)
{
	struct fl_usage usage;
	struct fl_pool *other;

	(void)state;
	assert_int_equal(fl_open(NULL, NULL, &pool), 0);
	assert_int_equal(fl_open(NULL, NULL, &other), -EBUSY);
	fl_usage(pool, &usage);
	assert_int_equal(usage.bytes, usage.free_bytes);
	assert_in_range(usage.bytes, 60 << 20, 64 << 20);
	assert_int_equal(usage.files, 0);
	assert_int_equal(fl_close(pool), 0);
	assert_int_equal(fl_open(NULL, NULL, &pool), 0);
	assert_int_equal(fl_close(pool), 0);
}

static void wrong_options(void **state)
{
	const struct fl_options wrong[] = {
		{ .flags = 0x80 },
		{ .flags = FL_EXCLUSIVE },
		{ .bytes = 5000 },
		{ .bytes = UINT64_MAX - PAGE + 1 },
		{ .ram_bytes = 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(fl_open(NULL, &wrong[i], &pool), -EINVAL);
	assert_int_equal(fl_open(NULL, NULL, NULL), -EINVAL);
	assert_int_equal(fl_close(NULL), -EINVAL);
}

static void pool_in_a_file(void **state)
{
	struct stat stats;

	(void)state;
	complaints[0] = '\0';
	assert_int_equal(open_with(path, 0, 0), -ENOENT);
	assert_int_equal(open_with("/", 0, 0), -EISDIR);
	assert_int_equal(open_with("/dev/null", FL_CREATE, 0), -EINVAL);
	assert_int_equal(open_with(path, FL_CREATE, 16 * PAGE), -ENOSPC);
	assert_int_equal(open_with(path, 0, 0), -ENODATA);
	unlink(path);
	assert_int_equal(open_with(path, FL_CREATE, POOL_BYTES), 0);
	assert_int_equal(fl_create(pool, "a", &file), 0);
	fl_close_file(file);
	assert_int_equal(fl_close(pool), 0);
	assert_int_equal(stat(path, &stats), 0);
	assert_int_equal(stats.st_size, POOL_BYTES);

	assert_int_equal(open_with(path, FL_CREATE | FL_EXCLUSIVE, 0), -EEXIST);
	assert_int_equal(open_with(path, FL_CREATE, 0), 0);
	assert_int_equal(fl_open_file(pool, "a", &file), 0);
	fl_close_file(file);
	assert_int_equal(fl_close(pool), 0);
	assert_int_equal(open_with(path, FL_FORMAT, 8 << 20), 0);
	assert_int_equal(fl_open_file(pool, "a", &file), -ENOENT);
	assert_int_equal(fl_close(pool), 0);
	assert_int_equal(stat(path, &stats), 0);
	assert_int_equal(stats.st_size, 8 << 20);
	unlink(path);
}

/* Write to the pool's file. */
static void damage(off_t at, const char *bytes)
{
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, strlen(bytes), at), strlen(bytes));
	close(fd);
}

static void damaged_pool(void **state)
{
	char text[256];

	(void)state;
	open_pool();
	assert_int_equal(fl_close(pool), 0);
	damage(24, "x");
	complaints[0] = '\0';
	assert_int_equal(open_with(path, 0, 0), -EUCLEAN);
	snprintf(text, sizeof(text), "arg O0 %s: checksum of the superblock, "
		 "at byte 56\n", path);
	assert_string_equal(complaints, text);
	damage(0, "something else");
	complaints[0] = '\0';
	assert_int_equal(open_with(path, 0, 0), -ENODATA);
	snprintf(text, sizeof(text), "arg O0 %s: no pool: the magic number is "
		 "missing, at byte 0\n", path);
	assert_string_equal(complaints, text);
	assert_int_equal(open_with(path, FL_CREATE, 0), -EEXIST);
	assert_int_equal(open_with(path, FL_FORMAT, 0), 0);
	assert_int_equal(fl_close(pool), 0);
	assert_int_equal(truncate(path, POOL_BYTES / 2), 0);
	assert_int_equal(open_with(path, 0, 0), -EUCLEAN);
	complaints[0] = '\0';
	unlink(path);
}

/* Return: the exit status of a child that calls function(). */
static int in_a_child(void (*function)(void))
{
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		function();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* exec() would do; here it is the lock that counts. */
static void open_once_more(void)
{
	execl("/proc/self/exe", "api_test", "--open", path, NULL);
	_exit(99);
}

static void one_process_a_pool(void **state)
{
	(void)state;
	assert_int_equal(in_a_child(open_once_more), EBUSY);
}

static void busy(void **state)
{
	struct fl_pin pin;

	(void)state;
	assert_int_equal(fl_close(pool), -EBUSY);
	fl_close_file(file);
	assert_int_equal(fl_close(pool), -EBUSY);
	assert_int_equal(fl_open_file(pool, "file", &file), 0);
	map(FL_READ, FL_SHARED);
	assert_int_equal(fl_pin(space, address, FL_READ, &pin), 0);
	fl_destroy(space);
	fl_close_file(file);
	assert_int_equal(fl_close(pool), -EBUSY);
	fl_unpin(pool, &pin);
	assert_null(pin.page);
	assert_int_equal(fl_close(pool), 0);
	open_pool();
	assert_int_equal(fl_new_space(pool, &space), 0);
	assert_int_equal(fl_open_file(pool, "file", &file), 0);
}

/* ---- Persistence ---- */

static void reopen(void)
{
	fl_destroy(space);
	fl_close_file(file);
	assert_int_equal(fl_close(pool), 0);
	assert_int_equal(open_with(path, 0, 0), 0);
	assert_int_equal(fl_open_file(pool, "file", &file), 0);
	assert_int_equal(fl_new_space(pool, &space), 0);
}

static void files_outlive_the_pool(void **state)
{
	(void)state;
	map(FL_READ | FL_WRITE, FL_SHARED);
	store(address + PAGE, 12345);
	write_word(3 * PAGE + 8, 678);
	assert_int_equal(fl_rename(pool, "file", "other"), 0);
	assert_int_equal(fl_rename(pool, "other", "file"), 0);
	reopen();
	assert_int_equal(fl_size(file), 4 * PAGE);
	map(FL_READ, FL_SHARED);
	assert_int_equal(load(address + PAGE), 12345);
	assert_int_equal(load(address + 3 * PAGE + 8), 678);
	assert_int_equal(load(address), 0);
}

/* It syncs, and does not close. */
static void store_and_exit(void)
{
	struct fl_pin pin;

	if (open_with(path, 0, 0) || fl_open_file(pool, "file", &file) ||
	    fl_new_space(pool, &space))
		_exit(1);
	map(FL_READ | FL_WRITE, FL_SHARED);
	store(address + PAGE, 111);
	if (fl_fsync(file))
		_exit(2);
	write_word(5 * PAGE, 222);
	if (fl_msync(space, address, 6 * PAGE))
		_exit(3);
	fl_unmap(space, address, 2 * HUGE_PAGE);
	map(FL_READ | FL_WRITE, FL_SHARED | FL_SYNC);
	if (fl_pin(space, address + 2 * PAGE, FL_WRITE, &pin))
		_exit(4);
	((uint64_t *)pin.page)[5] = 333;
	if (fl_persist(pool, &pin, 40, 8))
		_exit(5);
}

static void files_outlive_the_process(void **state)
{
	(void)state;
	fl_destroy(space);
	fl_close_file(file);
	assert_int_equal(fl_close(pool), 0);
	assert_int_equal(in_a_child(store_and_exit), 0);
	open_pool();
	assert_int_equal(fl_open_file(pool, "file", &file), 0);
	assert_int_equal(fl_new_space(pool, &space), 0);
	assert_int_equal(fl_size(file), 5 * PAGE + 8);
	assert_int_equal(read_word(PAGE), 111);
	assert_int_equal(read_word(5 * PAGE), 222);
	assert_int_equal(read_word(2 * PAGE + 40), 333);
}

/* ---- Files ---- */

static void directory(void **state)
{
	char name[FL_NAME_MAX + 1] = "";
	struct fl_file *other, *again;
	struct fl_usage usage;

	(void)state;
	assert_int_equal(fl_create(pool, "file", &other), -EEXIST);
	assert_int_equal(fl_create(pool, "a/b", &other), -EINVAL);
	assert_int_equal(fl_create(pool, "a", &other), 0);
	assert_int_equal(fl_open_file(pool, "a", &again), 0);
	fl_close_file(other);
	assert_int_equal(fl_remove(pool, "a"), -EBUSY);
	assert_int_equal(fl_next_name(pool, name), 1);
	assert_string_equal(name, "a");
	assert_int_equal(fl_next_name(pool, name), 1);
	assert_string_equal(name, "file");
	assert_int_equal(fl_next_name(pool, name), 0);
	fl_usage(pool, &usage);
	assert_int_equal(usage.files, 2);
	assert_int_equal(fl_rename(pool, "a", "file"), -EEXIST);
	assert_int_equal(fl_rename(pool, "b", "c"), -ENOENT);
	fl_close_file(again);
	assert_int_equal(fl_remove(pool, "a"), 0);
	assert_int_equal(fl_remove(pool, "a"), -ENOENT);
	assert_int_equal(fl_open_file(pool, "a", &again), -ENOENT);
	fl_close_file(NULL);
}

static void mapped_file_is_not_removed(void **state)
{
	(void)state;
	map(FL_READ, FL_PRIVATE);
	fl_close_file(file);
	assert_int_equal(fl_remove(pool, "file"), -EBUSY);
	assert_int_equal(load(address), 0);
	assert_int_equal(fl_unmap(space, address, 2 * HUGE_PAGE), 0);
	assert_int_equal(fl_remove(pool, "file"), 0);
	file = NULL;
}

static void read_and_write(void **state)
{
	char text[16] = "";

	(void)state;
	assert_int_equal(fl_truncate(file, 0), 0);
	assert_int_equal(fl_write(file, "hello, ", 7), 7);
	assert_int_equal(fl_write(file, "world", 5), 5);
	assert_int_equal(fl_read(file, text, 5), 0);
	assert_int_equal(fl_seek(file, 7), 0);
	assert_int_equal(fl_read(file, text, sizeof(text)), 5);
	assert_string_equal(text, "world");
	assert_int_equal(fl_pread(file, text, 5, 0), 5);
	assert_string_equal(text, "hello");
	assert_int_equal(fl_pwrite(file, "J", 1, 0), 1);
	assert_int_equal(fl_size(file), 12);
	assert_int_equal(fl_pread(file, text, 1, 0), 1);
	assert_string_equal(text, "Jello");
	assert_int_equal(fl_read(file, NULL, 0), 0);
}

static void blocks_of_files(void **state)
{
	struct fl_usage before, after;

	(void)state;
	write_word(0, 1);
	write_word(PAGE, 2);
	write_word(2 * PAGE, 3);
	assert_int_equal(fl_allocate(file, FL_PUNCH_HOLE, PAGE, PAGE), 0);
	assert_int_equal(read_word(PAGE), 0);
	assert_int_equal(fl_allocate(file, FL_ZERO_RANGE, 0, PAGE), 0);
	assert_int_equal(read_word(0), 0);
	assert_int_equal(fl_allocate(file, FL_COLLAPSE_RANGE, PAGE, PAGE), 0);
	assert_int_equal(read_word(PAGE), 3);
	assert_int_equal(fl_allocate(file, FL_INSERT_RANGE, PAGE, PAGE), 0);
	assert_int_equal(read_word(2 * PAGE), 3);
	fl_usage(pool, &before);
	assert_int_equal(fl_allocate(file, FL_ALLOCATE, 0, 8 * PAGE), 0);
	fl_usage(pool, &after);
	assert_int_equal(before.free_bytes - after.free_bytes, 6 * PAGE);
	assert_int_equal(fl_size(file), 8 * PAGE);
	assert_int_equal(fl_allocate(file, FL_COLLAPSE_RANGE, 1, PAGE),
			 -EINVAL);
	assert_int_equal(fl_allocate(file, (enum fl_allocate_mode)99, 0, PAGE),
			 -EINVAL);
	assert_int_equal(fl_truncate(file, UINT64_MAX), -EFBIG);
}

static void full_pool(void **state)
{
	static char data[1 << 20];
	struct fl_usage usage;
	uint64_t position = 0;
	int64_t done;

	(void)state;
	while ((done = fl_pwrite(file, data, sizeof(data), position)) > 0)
		position += (uint64_t)done;
	assert_int_equal(done, -ENOSPC);
	fl_usage(pool, &usage);
	assert_int_equal(usage.free_bytes, 0);
	assert_int_equal(fl_truncate(file, 100 * HUGE_PAGE), 0);
	address = 0;
	assert_int_equal(fl_map(space, file, &address, PAGE, 50 * HUGE_PAGE,
				FL_READ | FL_WRITE, FL_SHARED), 0);
	assert_int_equal(fl_store(space, address, 8, 1), -ENXIO);
	assert_int_equal(fl_truncate(file, 0), 0);
	assert_int_equal(fl_fsync(file), 0);
	fl_usage(pool, &usage);
	assert_int_equal(usage.free_bytes, usage.bytes);
}

/* ---- Address spaces ---- */

static void mappings_and_files(void **state)
{
	uint64_t value;

	(void)state;
	map(FL_READ | FL_WRITE, FL_SHARED);
	assert_int_equal(load(address + 8), 0);
	store(address + 8, 77);
	assert_int_equal(read_word(8), 77);
	write_word(16, 88);
	assert_int_equal(load(address + 16), 88);
	assert_int_equal(fl_store(space, address + 4 * PAGE, 8, 1), -ENXIO);
	assert_int_equal(fl_load(space, address + 4 * PAGE, 8, &value), -ENXIO);
	assert_int_equal(fl_load(space, address + 2 * HUGE_PAGE, 8, &value),
			 -EFAULT);
	assert_int_equal(fl_fsync_range(file, 0, PAGE), 0);
}

static void sizes_of_accesses(void **state)
{
	uint64_t value;

	(void)state;
	map(FL_READ | FL_WRITE, FL_SHARED);
	store(address, 0x1122334455667788);
	for (size_t size = 1; size <= 8; size *= 2) {
		assert_int_equal(fl_load(space, address, size, &value), 0);
		assert_int_equal(value, 0x1122334455667788 &
						UINT64_MAX >> (64 - 8 * size));
	}
	assert_int_equal(fl_store(space, address + 1, 1, 0), 0);
	assert_int_equal(load(address), 0x1122334455660088);
	assert_int_equal(fl_load(space, address, 3, &value), -EINVAL);
	assert_int_equal(fl_load(space, address, 0, &value), -EINVAL);
	assert_int_equal(fl_store(space, address + 4, 8, 0), -EINVAL);
}

static void bytes(void **state)
{
	char out[100], in[100];

	(void)state;
	map(FL_READ | FL_WRITE, FL_SHARED);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 7);
	for (uint64_t at = address + PAGE - 9; at < address + PAGE; at++) {
		memset(in, 0, sizeof(in));
		assert_int_equal(fl_store_bytes(space, at, out, 100), 100);
		assert_int_equal(fl_load_bytes(space, at, in, 100), 100);
		assert_memory_equal(in, out, 100);
	}
	assert_int_equal(fl_store_bytes(space, address + 4 * PAGE - 10, out,
					100), 10);
	assert_int_equal(fl_load_bytes(space, address + 4 * PAGE, in, 100),
			 -ENXIO);
	assert_int_equal(fl_load_bytes(space, 8, in, 100), -EFAULT);
}

static void chosen_addresses(void **state)
{
	uint64_t other = 0, third = 0;

	(void)state;
	map(FL_READ, FL_SHARED);
	assert_int_equal(address % HUGE_PAGE, 0);
	assert_int_equal(fl_map(space, file, &other, HUGE_PAGE, 3 * PAGE,
				FL_READ, FL_SHARED), 0);
	assert_int_equal(other % HUGE_PAGE, 3 * PAGE);
	assert_int_equal(fl_map(space, file, &third, 1, 0, FL_READ, FL_SHARED),
			 0);
	assert_int_equal(third % PAGE, 0);
	assert_int_equal(fl_map(space, file, &third, PAGE, 0, FL_READ,
				FL_SHARED), -EEXIST);
	third = 0;
	assert_int_equal(fl_map(space, file, &third, UINT64_C(1) << 60, 0,
				FL_READ, FL_SHARED), -ENOMEM);
}

static void protect_and_remap(void **state)
{
	uint64_t moved = 0;

	(void)state;
	map(FL_READ | FL_WRITE, FL_SHARED);
	store(address + PAGE, 5);
	assert_int_equal(fl_protect(space, address, PAGE, FL_READ), 0);
	assert_int_equal(fl_store(space, address, 8, 1), -EFAULT);
	store(address + PAGE, 6);
	assert_int_equal(fl_unmap(space, address, 2 * HUGE_PAGE), 0);

	address = 0;
	assert_int_equal(fl_map(space, file, &address, 2 * PAGE, 0,
				FL_READ | FL_WRITE, FL_SHARED), 0);
	assert_int_equal(fl_remap(space, address, 2 * PAGE, 3 * PAGE, &moved),
			 0);
	assert_int_equal(moved, address);
	moved = 0;
	assert_int_equal(fl_remap(space, address, 3 * PAGE, PAGE, &moved), 0);
	assert_int_equal(fl_load(space, address + PAGE, 8, &(uint64_t){ 0 }),
			 -EFAULT);
	moved = address + 64 * PAGE;
	assert_int_equal(fl_remap(space, address, PAGE, 2 * PAGE, &moved), 0);
	assert_int_equal(load(moved + PAGE), 6);
	assert_int_equal(fl_load(space, address, 8, &(uint64_t){ 0 }), -EFAULT);
	/* Something is behind it: it has to move. */
	address = moved + 2 * PAGE;
	assert_int_equal(fl_map(space, file, &address, PAGE, 0, FL_READ,
				FL_SHARED), 0);
	address = moved;
	moved = 0;
	assert_int_equal(fl_remap(space, address, 2 * PAGE, 4 * PAGE, &moved),
			 0);
	assert_int_not_equal(moved, address);
	assert_int_equal(load(moved + PAGE), 6);
}

static void private_and_fork(void **state)
{
	struct fl_space *parent = space, *child;

	(void)state;
	write_word(0, 1);
	map(FL_READ | FL_WRITE, FL_PRIVATE);
	store(address, 2);
	assert_int_equal(read_word(0), 1);
	assert_int_equal(fl_fork(space, &child), 0);
	store(address, 3);
	space = child;
	assert_int_equal(load(address), 2);
	store(address, 4);
	assert_int_equal(fl_advise(space, address, PAGE, FL_DONTNEED), 0);
	assert_int_equal(load(address), 1);
	fl_destroy(child);
	space = parent;
	assert_int_equal(load(address), 3);
}

static void advice_and_msync(void **state)
{
	struct fl_usage before, after;

	(void)state;
	fl_usage(pool, &before);
	address = 0;
	assert_int_equal(fl_map(space, file, &address, 4 * PAGE, 0,
				FL_READ | FL_WRITE, FL_SHARED), 0);
	assert_int_equal(fl_advise(space, address, 4 * PAGE, FL_POPULATE_READ),
			 0);
	fl_usage(pool, &after);
	assert_int_equal(before.free_bytes, after.free_bytes);
	assert_int_equal(fl_advise(space, address, 4 * PAGE, FL_POPULATE_WRITE),
			 0);
	fl_usage(pool, &after);
	assert_int_equal(before.free_bytes, after.free_bytes + 4 * PAGE);
	assert_int_equal(fl_msync(space, address, 4 * PAGE), 0);
	assert_int_equal(fl_msync(space, address, 5 * PAGE), -ENOMEM);
	assert_int_equal(fl_advise(space, address, PAGE, (enum fl_advice)9),
			 -EINVAL);
	assert_int_equal(fl_truncate(file, PAGE), 0);
	assert_int_equal(fl_advise(space, address, 4 * PAGE, FL_POPULATE_READ),
			 -EFAULT);
}

static void pins(void **state)
{
	struct fl_pin pin;
	uint64_t *words;

	(void)state;
	map(FL_READ | FL_WRITE, FL_SHARED | FL_POPULATE);
	assert_int_equal(fl_pin(space, address + PAGE, FL_WRITE, &pin), 0);
	words = pin.page;
	words[3] = 99;
	assert_int_equal(load(address + PAGE + 24), 99);
	assert_int_equal(fl_unmap(space, address, 2 * HUGE_PAGE), 0);
	words[4] = 100;
	assert_int_equal(fl_persist(pool, &pin, 0, PAGE), 0);
	assert_int_equal(fl_persist(pool, &pin, 1, PAGE), -EINVAL);
	assert_int_equal(read_word(PAGE + 32), 100);
	fl_unpin(pool, &pin);
	map(FL_READ, FL_PRIVATE);
	assert_int_equal(fl_pin(space, address, FL_WRITE, &pin), -EFAULT);
	assert_int_equal(fl_pin(space, address, 0, &pin), -EINVAL);
	assert_int_equal(fl_pin(space, address + 1, FL_READ, &pin), -EINVAL);
	assert_int_equal(fl_pin(space, address + HUGE_PAGE, FL_READ, &pin),
			 -EFAULT);
}

/* ---- Threads ---- */

#define THREADS 4
#define ROUNDS 300

/* Each has a word of its own in every page, and maps and unmaps at will. */
static void *work(void *number)
{
	unsigned int self = *(unsigned int *)number;
	struct fl_space *mine;
	uint64_t at, value;

	assert_int_equal(fl_new_space(pool, &mine), 0);
	for (unsigned int round = 1; round <= ROUNDS; round++) {
		uint64_t page = (round * 5 + self) % 16 * PAGE;
		struct fl_space *in = self % 2 ? mine : space;

		at = 0;
		assert_int_equal(fl_map(in, file, &at, 16 * PAGE, 0,
					FL_READ | FL_WRITE, FL_SHARED), 0);
		assert_int_equal(fl_store(in, at + page + self * 8, 8, round),
				 0);
		assert_int_equal(fl_load(in, at + page + self * 8, 8, &value),
				 0);
		assert_int_equal(value, round);
		if (round % 16 == self)
			assert_int_equal(fl_fsync(file), 0);
		if (round % 32 == self)
			assert_int_equal(fl_allocate(file, FL_ALLOCATE, 0,
						     (16 + round) * PAGE), 0);
		if (round % 64 == self)
			assert_int_equal(fl_allocate(file, FL_PUNCH_HOLE,
						     20 * PAGE,
						     round * PAGE), 0);
		assert_int_equal(fl_pread(file, &value, 8, page + self * 8), 8);
		assert_int_equal(value, round);
		assert_int_equal(fl_unmap(in, at, 16 * PAGE), 0);
	}
	fl_destroy(mine);
	return NULL;
}

static void threads(void **state)
{
	unsigned int numbers[THREADS];
	pthread_t thread[THREADS];

	(void)state;
	assert_int_equal(fl_truncate(file, 16 * PAGE), 0);
	for (unsigned int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		assert_int_equal(pthread_create(&thread[i], NULL, work,
						&numbers[i]), 0);
	}
	for (unsigned int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
}

/* ---- Wrong arguments ---- */

static void wrong_arguments(void **state)
{
	struct fl_file *out;
	struct fl_space *made;
	struct fl_pin pin;
	uint64_t at = 0, odd = 1;

	(void)state;
	assert_int_equal(fl_create(NULL, "a", &out), -EINVAL);
	assert_int_equal(fl_create(pool, NULL, &out), -EINVAL);
	assert_int_equal(fl_open_file(pool, "a", NULL), -EINVAL);
	assert_int_equal(fl_remove(pool, NULL), -EINVAL);
	assert_int_equal(fl_rename(pool, "file", NULL), -EINVAL);
	assert_int_equal(fl_next_name(pool, NULL), -EINVAL);
	assert_int_equal(fl_truncate(NULL, 0), -EINVAL);
	assert_int_equal(fl_allocate(file, FL_ALLOCATE, 0, 0), -EINVAL);
	assert_int_equal(fl_pread(file, NULL, 1, 0), -EINVAL);
	assert_int_equal(fl_pwrite(file, &at, 8, UINT64_MAX), -EINVAL);
	assert_int_equal(fl_read(NULL, &at, 8), -EINVAL);
	assert_int_equal(fl_write(file, NULL, 8), -EINVAL);
	assert_int_equal(fl_seek(file, UINT64_MAX), -EINVAL);
	assert_int_equal(fl_fsync(NULL), -EINVAL);
	assert_int_equal(fl_fsync_range(file, 0, 0), -EINVAL);
	assert_int_equal(fl_new_space(NULL, &made), -EINVAL);
	assert_int_equal(fl_fork(NULL, &made), -EINVAL);
	assert_int_equal(fl_map(space, file, &at, 0, 0, FL_READ, FL_SHARED),
			 -EINVAL);
	assert_int_equal(fl_map(space, file, &at, PAGE, 1, FL_READ, FL_SHARED),
			 -EINVAL);
	assert_int_equal(fl_map(space, file, &odd, PAGE, 0, FL_READ, FL_SHARED),
			 -EINVAL);
	assert_int_equal(fl_map(space, file, &at, PAGE, 0, 4, FL_SHARED),
			 -EINVAL);
	assert_int_equal(fl_map(space, file, &at, PAGE, 0, FL_READ, 0),
			 -EINVAL);
	assert_int_equal(fl_map(space, file, &at, PAGE, 0, FL_READ,
				FL_PRIVATE | FL_SYNC), -EINVAL);
	assert_int_equal(fl_map(space, file, &at, UINT64_MAX, PAGE, FL_READ,
				FL_SHARED), -EINVAL);
	assert_int_equal(fl_unmap(space, 1, PAGE), -EINVAL);
	assert_int_equal(fl_protect(space, 0, PAGE, 8), -EINVAL);
	assert_int_equal(fl_remap(space, 0, PAGE, 0, &at), -EINVAL);
	assert_int_equal(fl_advise(space, 5, PAGE, FL_DONTNEED), -EINVAL);
	assert_int_equal(fl_msync(space, 0, 0), -EINVAL);
	assert_int_equal(fl_load_bytes(space, 0, NULL, 1), -EINVAL);
	assert_int_equal(fl_store_bytes(NULL, 0, &at, 1), -EINVAL);
	assert_int_equal(fl_pin(space, 0, FL_READ, NULL), -EINVAL);
	pin.frame = 0;
	assert_int_equal(fl_persist(pool, &pin, 0, 1), -EINVAL);
	fl_destroy(NULL);
}

static void words_for_errors(void **state)
{
	(void)state;
	assert_string_equal(fl_strerror(-EUCLEAN), "the pool is damaged");
	assert_string_equal(fl_strerror(EUCLEAN), "the pool is damaged");
	assert_string_equal(fl_strerror(0), "no error");
	assert_string_equal(fl_strerror(EXDEV), "Invalid cross-device link");
	assert_string_equal(fl_strerror(123456), "an unknown error");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pool_in_memory),
		cmocka_unit_test(wrong_options),
		cmocka_unit_test(pool_in_a_file),
		cmocka_unit_test(damaged_pool),
		TEST(one_process_a_pool),
		TEST(busy),
		TEST(files_outlive_the_pool),
		TEST(files_outlive_the_process),
		TEST(directory),
		TEST(mapped_file_is_not_removed),
		TEST(read_and_write),
		TEST(blocks_of_files),
		TEST(full_pool),
		TEST(mappings_and_files),
		TEST(sizes_of_accesses),
		TEST(bytes),
		TEST(chosen_addresses),
		TEST(protect_and_remap),
		TEST(private_and_fork),
		TEST(advice_and_msync),
		TEST(pins),
		TEST(threads),
		TEST(wrong_arguments),
		cmocka_unit_test(words_for_errors),
	};
	int failed;

	if (argc == 3)
		return -open_with(argv[2], 0, 0);
	/* To write back to a disk takes long. */
	snprintf(folder, sizeof(folder), "%s/faultline-api-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/pool", folder);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder);
	return failed;
}
