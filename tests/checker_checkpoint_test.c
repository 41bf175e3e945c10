// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_checkpoint_test.c - checkpoint files: whole, damaged, foreign.
 */
#include "../checker/checkpoint.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define IDENTITY 4711

struct place {
	char folder[64];
	char path[128];
};

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->folder, "/tmp/checkpoint-XXXXXX");
	if (!mkdtemp(place->folder))
		return -1;
	snprintf(place->path, sizeof(place->path), "%s/file", place->folder);
	*state = place;
	return 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;

	unlink(place->path);
	rmdir(place->folder);
	free(place);
	return 0;
}

static char report_text[] = "found nothing";
static const struct bytes report = { report_text, sizeof(report_text), 0 };

static void fill(struct parts *parts, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		char data[300];
		struct bytes part = {
			data, i % sizeof(data), 1.0 / (1.0 + (double)i),
		};

		memset(data, (int)i, sizeof(data));
		assert_int_equal(parts_add(parts, &part), 0);
	}
}

static void check_equal(const struct parts *a, const struct parts *b)
{
	assert_int_equal(a->nr, b->nr);
	for (size_t i = 0; i < a->nr; i++) {
		assert_int_equal(a->at[i].nr, b->at[i].nr);
		assert_true(a->at[i].weight == b->at[i].weight);
		assert_memory_equal(a->at[i].data, b->at[i].data, a->at[i].nr);
	}
}

static void test_there_and_back(void **state)
{
	const struct place *place = *state;

	for (size_t nr = 0; nr < 1000; nr = 3 * nr + 1) {
		struct parts parts = { 0 }, again = { 0 };
		struct bytes read = { 0 };

		fill(&parts, nr);
		assert_int_equal(checkpoint_save(place->path, IDENTITY,
						 &report, &parts), 0);
		assert_int_equal(checkpoint_load(place->path, IDENTITY, &read,
						 &again), 1);
		assert_int_equal(read.nr, report.nr);
		assert_memory_equal(read.data, report.data, report.nr);
		check_equal(&parts, &again);
		free(read.data);
		parts_free(&parts);
		parts_free(&again);
	}
}

static int load(const struct place *place, uint64_t identity)
{
	struct parts parts = { 0 };
	struct bytes read = { 0 };
	int result = checkpoint_load(place->path, identity, &read, &parts);
	int error = errno;

	free(read.data);
	parts_free(&parts);
	errno = error;
	return result;
}

static void test_none(void **state)
{
	assert_int_equal(load(*state, IDENTITY), 0);
}

static void test_foreign(void **state)
{
	const struct place *place = *state;
	struct parts parts = { 0 };

	fill(&parts, 3);
	assert_int_equal(checkpoint_save(place->path, IDENTITY, &report,
					 &parts), 0);
	assert_int_equal(load(place, IDENTITY + 1), -1);
	assert_int_equal(errno, ESTALE);
	parts_free(&parts);
}

/* What never ends is none, either: it is said at once. */
static void test_device(void **state)
{
	struct place device = { .path = "/dev/zero" };

	(void)state;
	if (access(device.path, R_OK))
		skip();
	assert_int_equal(load(&device, IDENTITY), -1);
	assert_int_equal(errno, EBADMSG);
}

static void rewrite(const struct place *place, const char *bytes, size_t nr)
{
	FILE *file = fopen(place->path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, nr, file), nr);
	fclose(file);
}

/* Cut anywhere, or with any byte changed, it is none. */
static void test_damaged(void **state)
{
	const struct place *place = *state;
	struct parts parts = { 0 };
	char bytes[4096];
	size_t nr;
	FILE *file;

	fill(&parts, 5);
	assert_int_equal(checkpoint_save(place->path, IDENTITY, &report,
					 &parts), 0);
	file = fopen(place->path, "rb");
	nr = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	assert_true(nr > 100 && nr < sizeof(bytes));
	for (size_t i = 0; i < nr; i++) {
		rewrite(place, bytes, i);
		assert_int_equal(load(place, IDENTITY), -1);
		assert_int_equal(errno, EBADMSG);
		bytes[i] ^= 1;
		rewrite(place, bytes, nr);
		assert_int_equal(load(place, IDENTITY), -1);
		assert_int_equal(errno, EBADMSG);
		bytes[i] ^= 1;
	}
	rewrite(place, bytes, nr);
	assert_int_equal(load(place, IDENTITY), 1);
	parts_free(&parts);
}

static void test_no_room(void **state)
{
	struct parts parts = { 0 };

	(void)state;
	assert_int_equal(checkpoint_save("/nonexistent/file", IDENTITY,
					 &report, &parts), -1);
	assert_int_equal(errno, ENOENT);
	if (access("/dev/full", W_OK))
		skip();
	/* the folder cannot be written to, either */
	assert_int_equal(checkpoint_save("/dev/full/file", IDENTITY, &report,
					 &parts), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_there_and_back,
						make_place, remove_place),
		cmocka_unit_test_setup_teardown(test_none, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(test_foreign, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(test_damaged, make_place,
						remove_place),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
