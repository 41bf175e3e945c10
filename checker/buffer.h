/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * buffer.h - numbers and bytes, one behind the other, to be sent or stored.
 *
 * A buffer that failed, for want of memory or of bytes, stays failed, so that
 * only its end has to be looked at.  Numbers are those of this machine: all
 * processes of a search are of one kind.
 */
#ifndef CHECKER_BUFFER_H
#define CHECKER_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct buffer {
	char *data;			/* malloc()ed when it is written */
	size_t nr;			/* bytes written, or to be read */
	size_t at;			/* read so far, or room */
	bool failed;
};

static inline void buffer_put(struct buffer *b, const void *bytes, size_t nr)
{
	if (b->nr + nr > b->at && !b->failed) {
		size_t room = 2 * (b->nr + nr) + 64;
		char *data = realloc(b->data, room);

		if (data) {
			b->data = data;
			b->at = room;
		} else {
			b->failed = true;
		}
	}
	if (b->failed)
		return;
	if (nr)
		memcpy(b->data + b->nr, bytes, nr);
	b->nr += nr;
}

static inline void buffer_put_u64(struct buffer *b, uint64_t value)
{
	buffer_put(b, &value, sizeof(value));
}

static inline void buffer_get(struct buffer *b, void *bytes, size_t nr)
{
	if (nr > b->nr - b->at)
		b->failed = true;
	if (b->failed)
		memset(bytes, 0, nr);
	else if (nr)
		memcpy(bytes, b->data + b->at, nr);
	if (!b->failed)
		b->at += nr;
}

static inline uint64_t buffer_get_u64(struct buffer *b)
{
	uint64_t value;

	buffer_get(b, &value, sizeof(value));
	return value;
}

/* Return: the next nr bytes, in place; NULL when there are not so many. */
static inline const char *buffer_get_bytes(struct buffer *b, uint64_t nr)
{
	const char *bytes = b->data + b->at;

	if (b->failed || nr > b->nr - b->at) {
		b->failed = true;
		return NULL;
	}
	b->at += nr;
	return bytes;
}

#endif /* CHECKER_BUFFER_H */
