/* SPDX-License-Identifier: GPL-2.0-only */
/* files.c - strings and files, as the command needs them. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *format(const char *text, ...)
{
	char *result;
	va_list args;
	int chars;

	va_start(args, text);
	chars = vasprintf(&result, text, args);
	va_end(args);
	if (chars < 0) {
		fprintf(stderr, "faultline: out of memory\n");
		exit(2);
	}
	return result;
}

bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Close without losing the errno that tells what went wrong before. */
static void close_keeping_errno(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
}

char *read_file(const char *path, size_t *bytes)
{
	size_t used = 0, room = 0;
	char *data = NULL, *bigger;
	ssize_t got;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	do {
		if (room - used < 2) {
			room = room ? 2 * room : 16384;
			bigger = realloc(data, room);
			if (!bigger)
				goto fail;
			data = bigger;
		}
		got = read(fd, data + used, room - used - 1);
		if (got < 0 && errno != EINTR)
			goto fail;
		if (got > 0)
			used += (size_t)got;
	} while (got != 0);
	close(fd);
	data[used] = '\0';
	if (bytes)
		*bytes = used;
	return data;
fail:
	close_keeping_errno(fd);
	free(data);
	return NULL;
}

int write_file(const char *path, const void *data, size_t bytes)
{
	const char *next = data;
	ssize_t put;
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return -1;
	while (bytes > 0) {
		put = write(fd, next, bytes);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0) {
			close_keeping_errno(fd);
			return -1;
		}
		next += put;
		bytes -= (size_t)put;
	}
	return close(fd);
}

int make_directories(const char *path)
{
	char *part = format("%s", path);
	int ret = 0;

	for (char *slash = part + 1; ret == 0; slash++) {
		slash = strchrnul(slash, '/');
		if (*slash == '\0')
			break;
		*slash = '\0';
		if (mkdir(part, 0777) != 0 && errno != EEXIST)
			ret = -1;
		*slash = '/';
	}
	if (ret == 0 && mkdir(part, 0777) != 0 && errno != EEXIST)
		ret = -1;
	if (ret == 0 && !is_directory(part)) {
		errno = ENOTDIR;
		ret = -1;
	}
	free(part);
	return ret;
}

int copy_file(const char *from, const char *to)
{
	size_t bytes;
	char *data;
	int ret;

	data = read_file(from, &bytes);
	if (!data)
		return -1;
	ret = write_file(to, data, bytes);
	free(data);
	return ret;
}

static bool is_source(const char *name)
{
	const char *dot = strrchr(name, '.');

	return name[0] != '.' && dot &&
	       (strcmp(dot, ".c") == 0 || strcmp(dot, ".h") == 0);
}

int copy_sources(const char *from, const char *to)
{
	char *const roots[] = { (char *)from, NULL };
	size_t from_chars = strlen(from);
	int ret = 0, saved;
	FTSENT *entry;
	char *target;
	FTS *tree;

	tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
	if (!tree)
		return -1;
	while (ret == 0 && (errno = 0, entry = fts_read(tree))) {
		target = format("%s%s", to, entry->fts_path + from_chars);
		switch (entry->fts_info) {
		case FTS_D:
			ret = mkdir(target, 0777);
			break;
		case FTS_F:
			if (is_source(entry->fts_name))
				ret = copy_file(entry->fts_accpath, target);
			break;
		case FTS_DNR:
		case FTS_ERR:
		case FTS_NS:
			errno = entry->fts_errno;
			ret = -1;
			break;
		default:
			break;
		}
		free(target);
	}
	if (errno)
		ret = -1;
	saved = errno;
	fts_close(tree);
	errno = saved;
	return ret;
}

void remove_tree(const char *path)
{
	char *const roots[] = { (char *)path, NULL };
	FTSENT *entry;
	FTS *tree;

	tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!tree)
		return;
	while ((entry = fts_read(tree))) {
		if (entry->fts_info != FTS_D)
			remove(entry->fts_accpath);
	}
	fts_close(tree);
}
