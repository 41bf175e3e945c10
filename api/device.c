/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * device.c - the file or device that a pool lies in.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "internal.h"

#define DEFAULT_BYTES (UINT64_C(64) << 20)

/* Return: the bytes of a character device, 0 when the system does not say. */
static uint64_t character_device_bytes(dev_t device)
{
	unsigned long long bytes = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/size", major(device),
		 minor(device));
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%llu", &bytes) != 1)
		bytes = 0;
	fclose(file);
	return bytes;
}

static bool is_made(const struct fl_options *options)
{
	return options->flags & (FL_CREATE | FL_FORMAT);
}

/* Return: 0 and *bytes, or -errno. */
static int regular_size(int fd, const struct fl_options *options,
			uint64_t *bytes)
{
	bool resize = *bytes == 0 || options->flags & FL_FORMAT;
	uint64_t wanted = options->bytes;

	if (!is_made(options) || !resize || (*bytes && !wanted))
		return 0;
	if (!wanted)
		wanted = DEFAULT_BYTES;
	if (ftruncate(fd, (off_t)wanted))
		return -errno;
	*bytes = wanted;
	return 0;
}

/* Return: 0 and *bytes, or -errno. */
static int device_size(int fd, const struct fl_options *options,
		       uint64_t *bytes)
{
	struct stat stat;

	if (fstat(fd, &stat))
		return -errno;
	if (S_ISREG(stat.st_mode)) {
		*bytes = (uint64_t)stat.st_size;
		return regular_size(fd, options, bytes);
	}
	if (!S_ISCHR(stat.st_mode))
		return -EINVAL;
	*bytes = character_device_bytes(stat.st_rdev);
	if (!*bytes || (options->bytes && options->bytes < *bytes))
		*bytes = options->bytes;
	/* The driver maps nothing else. */
	*bytes &= ~(uint64_t)(FL_HUGE_PAGE_BYTES - 1);
	return *bytes ? 0 : -EINVAL;
}

int device_open(const char *path, const struct fl_options *options,
		uint64_t *bytes)
{
	int flags = O_RDWR | O_CLOEXEC;
	int error = 0;
	int fd;

	if (is_made(options))
		flags |= O_CREAT;
	fd = open(path, flags, 0666);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB))
		error = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (!error)
		error = device_size(fd, options, bytes);
	if (error) {
		close(fd);
		return error;
	}
	return fd;
}
