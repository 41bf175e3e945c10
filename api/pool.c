/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pool.c - opening and closing a pool, and its directory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define DEFAULT_RAM_BYTES (UINT64_C(1) << 30)
#define MEMORY_BYTES (UINT64_C(64) << 20)

/* The machine is one a process, and so is the pool. */
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_open;

/* ---- Complaints ---- */

static void complain(struct fl_pool *pool, unsigned int invariant,
		     const char *text)
{
	if (pool->complain)
		pool->complain(pool->arg, invariant, text);
	else if (invariant)
		fprintf(stderr, "faultline: O%u: %s\n", invariant, text);
	else
		fprintf(stderr, "faultline: %s\n", text);
}

static void on_report(void *arg, unsigned int oracle, const char *text)
{
	complain(arg, oracle, text);
}

static void complain_of_damage(struct fl_pool *pool, const char *path,
			       const struct fs_damage *damage)
{
	char text[512];

	snprintf(text, sizeof(text), "%s: %s, at byte %llu",
		 path ? path : "memory", damage->what,
		 (unsigned long long)damage->at);
	complain(pool, 0, text);
}

/* ---- Opening ---- */

static bool options_ok(const struct fl_options *options)
{
	const unsigned int all = FL_CREATE | FL_EXCLUSIVE | FL_FORMAT;

	return !(options->flags & ~all) &&
	       (!(options->flags & FL_EXCLUSIVE) ||
		options->flags & FL_CREATE) &&
	       page_aligned(options->bytes) && options->bytes < INT64_MAX &&
	       page_aligned(options->ram_bytes) &&
	       options->ram_bytes < INT64_MAX;
}

static int open_machine(struct fl_pool *pool, const char *path,
			const struct fl_options *options, uint64_t bytes)
{
	uint64_t ram_bytes = options->ram_bytes;
	struct native_options machine = {
		.geometry = NATIVE_GEOMETRY,
		.device_pages = bytes / FL_PAGE_BYTES,
		.device_path = path,
		.on_report = on_report,
		.arg = pool,
	};

	if (!ram_bytes)
		ram_bytes = DEFAULT_RAM_BYTES;
	machine.ram_pages = ram_bytes / FL_PAGE_BYTES;
	return native_open(&machine);
}

/* Return: whether the first page is all zeroes, as that of a new file is. */
static bool is_blank(void)
{
	for (size_t offset = 0; offset < FL_PAGE_BYTES; offset += 8)
		if (machine_data_load(native_device_pfn(), offset, 8))
			return false;
	return true;
}

/* Return: 0 and pool->sb, or as fl_open(). */
static int mount_pool(struct fl_pool *pool, const char *path,
		      unsigned int flags, uint64_t nr_pages)
{
	uint64_t first_pfn = native_device_pfn();
	struct fs_damage damage = { "no pool: too small", 0 };
	int error = 0;

	if (flags & FL_FORMAT || (flags & FL_CREATE && is_blank()))
		error = fs_format(first_pfn, nr_pages);
	else if (flags & FL_EXCLUSIVE)
		error = -EEXIST;
	if (error)
		return error;
	error = fs_mount(first_pfn, nr_pages, &pool->sb, &damage);
	if (error == -ENODATA && flags & FL_CREATE)
		error = -EEXIST;
	if (error && error != -ENOMEM)
		complain_of_damage(pool, path, &damage);
	return error;
}

static int open_on(struct fl_pool *pool, const char *path,
		   const struct fl_options *options, uint64_t bytes)
{
	uint64_t nr_pages = bytes / FL_PAGE_BYTES;
	unsigned int flags = options->flags;
	int error;

	if (!nr_pages)
		return flags & (FL_CREATE | FL_FORMAT) ? -ENOSPC : -ENODATA;
	error = open_machine(pool, path, options, bytes);
	if (error)
		return error;
	if (!path)
		flags = FL_FORMAT;
	error = mount_pool(pool, path, flags, nr_pages);
	if (error)
		native_close();
	return error;
}

static int open_pool(struct fl_pool *pool, const char *path,
		     const struct fl_options *options)
{
	uint64_t bytes = options->bytes ? options->bytes : MEMORY_BYTES;
	int error;

	pool->fd = -1;
	if (path) {
		int fd = device_open(path, options, &bytes);

		if (fd < 0)
			return fd;
		pool->fd = fd;
	}
	error = open_on(pool, path, options, bytes);
	if (error && pool->fd >= 0)
		close(pool->fd);
	return error;
}

static struct fl_pool *pool_alloc(const struct fl_options *options)
{
	struct fl_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->complain = options->complain;
	pool->arg = options->arg;
	pthread_mutex_init(&pool->lock, NULL);
	list_init(&pool->files);
	return pool;
}

static void pool_free(struct fl_pool *pool)
{
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

static int open_first(const char *path, const struct fl_options *options,
		      struct fl_pool **opened)
{
	struct fl_pool *pool;
	int error;

	if (is_open)
		return -EBUSY;
	pool = pool_alloc(options);
	if (!pool)
		return -ENOMEM;
	error = open_pool(pool, path, options);
	if (error) {
		pool_free(pool);
		return error;
	}
	is_open = true;
	*opened = pool;
	return 0;
}

int fl_open(const char *path, const struct fl_options *options,
	    struct fl_pool **pool)
{
	static const struct fl_options usual;
	int error;

	if (!options)
		options = &usual;
	if (!pool || !options_ok(options))
		return -EINVAL;
	pthread_mutex_lock(&open_lock);
	error = open_first(path, options, pool);
	pthread_mutex_unlock(&open_lock);
	return error;
}

int fl_close(struct fl_pool *pool)
{
	bool busy;

	if (!pool)
		return -EINVAL;
	pthread_mutex_lock(&pool->lock);
	busy = !list_empty(&pool->files) || pool->nr_spaces || pool->nr_pins;
	pthread_mutex_unlock(&pool->lock);
	if (busy)
		return -EBUSY;
	pthread_mutex_lock(&open_lock);
	fs_unmount(pool->sb);
	native_close();
	if (pool->fd >= 0)
		close(pool->fd);
	pool_free(pool);
	is_open = false;
	pthread_mutex_unlock(&open_lock);
	return 0;
}

void fl_usage(struct fl_pool *pool, struct fl_usage *usage)
{
	struct super_block *sb = pool->sb;

	usage->complaints = 0;
	for (unsigned int oracle = 0; oracle < NATIVE_ORACLES; oracle++)
		usage->complaints += native_reports(oracle);
	usage->bytes = sb->s_dax.nr_pages * FL_PAGE_BYTES;
	machine_spin_lock(&sb->s_lock);
	usage->free_bytes = sb->s_nr_free * FL_PAGE_BYTES;
	usage->files = sb->s_nr_inodes;
	machine_spin_unlock(&sb->s_lock);
}

/* ---- The directory ---- */

/* Locks: pool->lock. */
static int open_inode(struct fl_pool *pool, struct inode *inode,
		      struct fl_file **file)
{
	*file = file_open(pool, inode);
	return *file ? 0 : -ENOMEM;
}

int fl_create(struct fl_pool *pool, const char *name, struct fl_file **file)
{
	struct inode *inode;
	int error;

	if (!pool || !name || !file)
		return -EINVAL;
	pthread_mutex_lock(&pool->lock);
	error = fs_creat(pool->sb, name, &inode);
	if (!error)
		error = open_inode(pool, inode, file);
	pthread_mutex_unlock(&pool->lock);
	return error;
}

int fl_open_file(struct fl_pool *pool, const char *name, struct fl_file **file)
{
	struct inode *inode;
	int error = -ENOENT;

	if (!pool || !name || !file)
		return -EINVAL;
	pthread_mutex_lock(&pool->lock);
	inode = fs_lookup(pool->sb, name);
	if (inode)
		error = open_inode(pool, inode, file);
	pthread_mutex_unlock(&pool->lock);
	return error;
}

/* Locks: pool->lock. */
static bool is_open_file(const struct fl_pool *pool, const struct inode *inode)
{
	const struct list_head *node = pool->files.next;

	for (; node != &pool->files; node = node->next)
		if (container_of(node, struct fl_file, node)->inode == inode)
			return true;
	return false;
}

int fl_remove(struct fl_pool *pool, const char *name)
{
	struct inode *inode;
	int error;

	if (!pool || !name)
		return -EINVAL;
	pthread_mutex_lock(&pool->lock);
	inode = fs_lookup(pool->sb, name);
	if (!inode)
		error = -ENOENT;
	else if (is_open_file(pool, inode))
		error = -EBUSY;
	else
		error = fs_unlink(inode);
	pthread_mutex_unlock(&pool->lock);
	return error;
}

int fl_rename(struct fl_pool *pool, const char *from, const char *to)
{
	struct inode *inode;
	int error = -ENOENT;

	if (!pool || !from || !to)
		return -EINVAL;
	pthread_mutex_lock(&pool->lock);
	inode = fs_lookup(pool->sb, from);
	if (inode)
		error = fs_rename(inode, to);
	pthread_mutex_unlock(&pool->lock);
	return error;
}

int fl_next_name(struct fl_pool *pool, char name[FL_NAME_MAX + 1])
{
	if (!pool || !name || !memchr(name, '\0', FL_NAME_MAX + 1))
		return -EINVAL;
	return fs_next_name(pool->sb, name);
}
