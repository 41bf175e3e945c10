// SPDX-License-Identifier: GPL-2.0-only
/*
 * list.c - `faultline list`: the litmus tests and patches that are here.
 */
#include "cli.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "patches.h"

static error_t parse(int key, char *value, struct argp_state *state)
{
	(void)value;
	if (key == ARGP_KEY_ARG)
		usage_error(state, "no arguments are taken");
	return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = {
	.parser = parse,
	.doc = "Name the litmus tests and the patches there are, a line each.",
};

static int list_test(const char *path)
{
	struct litmus *test = litmus_parse_file(path, stderr);

	if (!test)
		return EXIT_WRONG_INPUT;
	printf("  %-44s %s\n", test->name, test->description);
	litmus_free(test);
	return EXIT_CLEAN;
}

/* They are many, and their names say all. */
static void list_pairs(const char *data)
{
	char *pattern = format("%s/corpus/pairs/*.litmus", data);
	glob_t found;

	if (!glob(pattern, 0, NULL, &found)) {
		printf("and %zu pairs of operations in %s/corpus/pairs\n",
		       found.gl_pathc, data);
		globfree(&found);
	}
	free(pattern);
}

static int list_tests(const char *data)
{
	char *pattern = format("%s/corpus/*.litmus", data);
	int status = EXIT_CLEAN;
	glob_t found;

	printf("Litmus tests in %s/corpus:\n", data);
	if (!glob(pattern, 0, NULL, &found)) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			status = worse_status(status,
					      list_test(found.gl_pathv[i]));
		globfree(&found);
	}
	free(pattern);
	list_pairs(data);
	return status;
}

static int list_patches(const char *data)
{
	struct patch_header *patches;
	size_t nr;

	if (patches_list(&patches, &nr, stderr))
		return EXIT_WRONG_INPUT;
	printf("\nPatches in %s/patches, and the oracles they trip:\n", data);
	for (size_t i = 0; i < nr; i++) {
		char *trips = oracles_text(patches[i].trips);

		printf("  %-20s %-12s %s\n", patches[i].name, trips,
		       patches[i].summary);
		free(trips);
	}
	patches_free(patches, nr);
	return EXIT_CLEAN;
}

int command_list(int argc, char **argv)
{
	char *data;
	int status;

	parse_arguments(&argp, argc, argv, NULL);
	data = data_directory(stderr);
	if (!data)
		return EXIT_WRONG_INPUT;
	status = list_tests(data);
	status = worse_status(status, list_patches(data));
	free(data);
	return status;
}
