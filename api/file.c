/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * file.c - open files.
 */
#include <stdlib.h>

#include "internal.h"

struct fl_file *file_open(struct fl_pool *pool, struct inode *inode)
{
	struct fl_file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	file->pool = pool;
	file->inode = inode;
	pthread_mutex_init(&file->lock, NULL);
	list_add_tail(&file->node, &pool->files);
	return file;
}

void file_close(struct fl_file *file)
{
	pthread_mutex_lock(&file->pool->lock);
	list_del_init(&file->node);
	pthread_mutex_unlock(&file->pool->lock);
	pthread_mutex_destroy(&file->lock);
	free(file);
}

void fl_close_file(struct fl_file *file)
{
	if (file)
		file_close(file);
}

uint64_t fl_size(struct fl_file *file)
{
	return machine_load(&file->inode->i_data.i_size);
}

int fl_truncate(struct fl_file *file, uint64_t bytes)
{
	return file ? fs_truncate(file->inode, bytes) : -EINVAL;
}

/* Return: whether there is such a mode, and *engine is the engine's. */
static bool find_mode(enum fl_allocate_mode mode,
		      enum fs_fallocate_mode *engine)
{
	static const enum fs_fallocate_mode modes[] = {
		[FL_ALLOCATE] = FS_ALLOCATE,
		[FL_PUNCH_HOLE] = FS_PUNCH_HOLE,
		[FL_ZERO_RANGE] = FS_ZERO_RANGE,
		[FL_COLLAPSE_RANGE] = FS_COLLAPSE_RANGE,
		[FL_INSERT_RANGE] = FS_INSERT_RANGE,
	};

	if ((unsigned int)mode >= sizeof(modes) / sizeof(modes[0]))
		return false;
	*engine = modes[mode];
	return true;
}

int fl_allocate(struct fl_file *file, enum fl_allocate_mode mode,
		uint64_t position, uint64_t bytes)
{
	enum fs_fallocate_mode engine;

	if (!file || !find_mode(mode, &engine) || !range_ok(position, bytes))
		return -EINVAL;
	return fs_fallocate(file->inode, engine, position, bytes);
}

/* ---- Reading and writing ---- */

static bool io_ok(const struct fl_file *file, const void *buffer, size_t bytes)
{
	return file && (buffer || !bytes) && bytes <= INT64_MAX;
}

int64_t fl_pread(struct fl_file *file, void *to, size_t bytes,
		 uint64_t position)
{
	const struct fs_buffer buffer = { .data = to };

	if (!io_ok(file, to, bytes) || position > INT64_MAX)
		return -EINVAL;
	return fs_read(file->inode, position, bytes, &buffer);
}

int64_t fl_pwrite(struct fl_file *file, const void *from, size_t bytes,
		  uint64_t position)
{
	/* fs_write() does not change it; struct fs_buffer cannot say so. */
	const struct fs_buffer buffer = {
		.data = (unsigned char *)(uintptr_t)from,
	};

	if (!io_ok(file, from, bytes) || position > INT64_MAX)
		return -EINVAL;
	return fs_write(file->inode, position, bytes, &buffer);
}

int64_t fl_read(struct fl_file *file, void *to, size_t bytes)
{
	int64_t done;

	if (!io_ok(file, to, bytes))
		return -EINVAL;
	pthread_mutex_lock(&file->lock);
	done = fl_pread(file, to, bytes, file->position);
	if (done > 0)
		file->position += (uint64_t)done;
	pthread_mutex_unlock(&file->lock);
	return done;
}

int64_t fl_write(struct fl_file *file, const void *from, size_t bytes)
{
	int64_t done;

	if (!io_ok(file, from, bytes))
		return -EINVAL;
	pthread_mutex_lock(&file->lock);
	done = fl_pwrite(file, from, bytes, file->position);
	if (done > 0)
		file->position += (uint64_t)done;
	pthread_mutex_unlock(&file->lock);
	return done;
}

int fl_seek(struct fl_file *file, uint64_t position)
{
	if (!file || position > INT64_MAX)
		return -EINVAL;
	pthread_mutex_lock(&file->lock);
	file->position = position;
	pthread_mutex_unlock(&file->lock);
	return 0;
}

int fl_fsync_range(struct fl_file *file, uint64_t position, uint64_t bytes)
{
	if (!file || !range_ok(position, bytes))
		return -EINVAL;
	return fs_fsync(file->inode, position, bytes);
}

int fl_fsync(struct fl_file *file)
{
	return fl_fsync_range(file, 0, FS_MAX_BYTES);
}
