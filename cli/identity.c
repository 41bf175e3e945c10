// SPDX-License-Identifier: GPL-2.0-only
/*
 * identity.c - is a checkpoint of this very search?  It is if the test, the
 * engine, faultline itself and the bounds are what they were.
 */
#include "cli.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <xxhash.h>

#include "files.h"

static uint64_t add_file(uint64_t hash, const char *path)
{
	size_t bytes = 0;
	char *text = read_file(path, &bytes);

	/* one that cannot be read is no other than itself */
	hash = XXH3_64bits_withSeed(text ? text : path, bytes, hash);
	free(text);
	return hash;
}

uint64_t identity_of(const struct trial *trial, unsigned int faults,
		     uint32_t max_operations)
{
	uint64_t bounds = (uint64_t)max_operations << 32 | faults;
	uint64_t hash = add_file(bounds, "/proc/self/exe");
	Dl_info engine;

	if (dladdr(trial->subject, &engine) && engine.dli_fname)
		hash = add_file(hash, engine.dli_fname);
	/* as it was read: a pipe has nothing more to say */
	return XXH3_64bits_withSeed(&trial->test->text,
				    sizeof(trial->test->text), hash);
}
