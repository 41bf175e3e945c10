/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * error.c - words for errors, as this library uses them.
 */
#include <string.h>

#include "internal.h"

static const struct {
	int error;
	const char *text;
} texts[] = {
	{ 0, "no error" },
	{ ENOENT, "there is no such file" },
	{ ENOMEM, "no memory, or no room for addresses" },
	{ EFAULT, "nothing is mapped there, or not for that" },
	{ EBUSY, "it is in use" },
	{ EEXIST, "there is one already" },
	{ EINVAL, "a wrong argument" },
	{ EFBIG, "more than a file can hold" },
	{ ENOSPC, "the pool is full, or too small" },
	{ EIO, "the medium has lost the page" },
	{ ENXIO, "beyond the file's end, or the page cannot be had" },
	{ ENAMETOOLONG, "a name that is too long" },
	{ ENODATA, "no pool is there" },
	{ EOPNOTSUPP, "a pool of another version" },
	{ EUCLEAN, "the pool is damaged" },
};

const char *fl_strerror(int error)
{
	if (error < 0)
		error = -error;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].error == error)
			return texts[i].text;
	return strerrordesc_np(error) ? strerrordesc_np(error) :
					"an unknown error";
}
