// SPDX-License-Identifier: GPL-2.0-only
/*
 * checkpoint.c - a search in a file; see checkpoint.h.
 */
#include "checkpoint.h"

#include "buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

/* The last digit counts formats. */
static const char magic[16] = "checkpoint 3\n";

int parts_add(void *user, const struct bytes *part)
{
	struct parts *parts = user;
	struct bytes *copy;

	if (parts->nr == parts->room) {
		size_t room = 2 * parts->room + 16;
		struct bytes *at = realloc(parts->at, room * sizeof(*at));

		if (!at)
			return -1;
		parts->at = at;
		parts->room = room;
	}
	copy = &parts->at[parts->nr];
	*copy = *part;
	copy->data = malloc(part->nr + 1);
	if (!copy->data)
		return -1;
	if (part->nr)
		memcpy(copy->data, part->data, part->nr);
	parts->nr++;
	return 0;
}

void parts_free(struct parts *parts)
{
	for (size_t i = 0; i < parts->nr; i++)
		free(parts->at[i].data);
	free(parts->at);
	*parts = (struct parts){ 0 };
}

static int write_file(const char *path, const struct buffer *b)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	size_t done = 0;
	int error = 0;

	if (file < 0)
		return -1;
	while (done < b->nr && !error) {
		ssize_t n = write(file, b->data + done, b->nr - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			error = errno;
	}
	if (!error && fsync(file))
		error = errno;
	if (close(file) && !error)
		error = errno;
	errno = error;
	return error ? -1 : 0;
}

int checkpoint_save(const char *path, uint64_t identity,
		    const struct bytes *report, const struct parts *parts)
{
	struct buffer b = { 0 };
	char next[4096];
	int error = -1;

	if (snprintf(next, sizeof(next), "%s.new", path) >=
	    (int)sizeof(next)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	buffer_put(&b, magic, sizeof(magic));
	buffer_put_u64(&b, identity);
	buffer_put_u64(&b, report->nr);
	buffer_put(&b, report->data, report->nr);
	buffer_put_u64(&b, parts->nr);
	for (size_t i = 0; i < parts->nr; i++) {
		const struct bytes *part = &parts->at[i];

		buffer_put(&b, &part->weight, sizeof(part->weight));
		buffer_put_u64(&b, part->nr);
		buffer_put(&b, part->data, part->nr);
	}
	if (!b.failed)
		buffer_put_u64(&b, XXH3_64bits(b.data, b.nr));
	if (b.failed)
		errno = ENOMEM;
	else if (!write_file(next, &b))
		error = rename(next, path);
	if (error)
		unlink(next);
	free(b.data);
	return error;
}

static int read_file(const char *path, struct buffer *b)
{
	FILE *file = fopen(path, "rb");
	struct stat about;
	char chunk[16384];
	size_t n;

	if (!file)
		return errno == ENOENT ? 0 : -1;
	/* a device may have no end, and is not to be replaced by a file */
	if (!fstat(fileno(file), &about) && !S_ISREG(about.st_mode)) {
		fclose(file);
		errno = EBADMSG;
		return -1;
	}
	while (!b->failed && (n = fread(chunk, 1, sizeof(chunk), file)))
		buffer_put(b, chunk, n);
	if (ferror(file) || b->failed) {
		fclose(file);
		return -1;
	}
	fclose(file);
	b->at = 0;
	return 1;
}

static bool is_whole(const struct buffer *b)
{
	uint64_t sum;

	if (b->nr < sizeof(magic) + sizeof(sum) ||
	    memcmp(b->data, magic, sizeof(magic)))
		return false;
	memcpy(&sum, b->data + b->nr - sizeof(sum), sizeof(sum));
	return sum == XXH3_64bits(b->data, b->nr - sizeof(sum));
}

static int parse(struct buffer *b, struct bytes *report, struct parts *parts)
{
	struct bytes got = { 0 };
	uint64_t nr;

	got.nr = buffer_get_u64(b);
	got.data = (void *)(uintptr_t)buffer_get_bytes(b, got.nr);
	report->data = b->failed ? NULL : malloc(got.nr + 1);
	if (!report->data)
		return -1;
	memcpy(report->data, got.data, got.nr);
	report->nr = got.nr;
	nr = buffer_get_u64(b);
	while (nr-- && !b->failed) {
		buffer_get(b, &got.weight, sizeof(got.weight));
		got.nr = buffer_get_u64(b);
		got.data = (void *)(uintptr_t)buffer_get_bytes(b, got.nr);
		if (b->failed || parts_add(parts, &got))
			return -1;
	}
	return b->failed ? -1 : 0;
}

int checkpoint_load(const char *path, uint64_t identity, struct bytes *report,
		    struct parts *parts)
{
	struct buffer b = { 0 };
	int result = read_file(path, &b);

	if (result > 0 && !is_whole(&b)) {
		errno = EBADMSG;
		result = -1;
	} else if (result > 0) {
		b.at = sizeof(magic);
		if (buffer_get_u64(&b) != identity) {
			errno = ESTALE;
			result = -1;
		} else if (parse(&b, report, parts)) {
			errno = b.failed ? EBADMSG : ENOMEM;
			result = -1;
		}
	}
	free(b.data);
	return result;
}
