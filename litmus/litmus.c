/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * litmus.c - a test from a file or from memory, and back; see litmus.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "parser.h"

static struct litmus *new_test(const char *path)
{
	struct litmus *test = calloc(1, sizeof(*test));

	if (test)
		test->path = strdup(path);
	if (test)
		test->mms = calloc(1, sizeof(*test->mms));
	if (test && test->mms) {
		test->nr_mms = 1;
		test->mms[0].name = strdup("A");
		test->mms[0].column = LITMUS_NONE;
	}
	if (test && test->path && test->mms && test->mms[0].name)
		return test;
	litmus_free(test);
	return NULL;
}

static bool parse_test(struct parser *p)
{
	if (p->lexer.bytes > LITMUS_BYTES_MAX)
		return parser_error(p, p->lexer.pos, "more than %d bytes",
				    LITMUS_BYTES_MAX);
	parser_next(p);
	if (!parse_header(p) || !parse_setup(p) || !parse_table(p) ||
	    !parse_condition(p) || !parse_medium(p) || !parse_expect(p))
		return false;
	if (!p->test->description)
		p->test->description = strdup("");
	return p->test->description ||
	       parser_error(p, p->token.pos, "out of memory");
}

struct litmus *litmus_parse(const char *path, const char *text, size_t bytes,
			    FILE *errors)
{
	struct parser p = {
		.lexer = {
			.path = path,
			.text = text,
			.bytes = bytes,
			.pos = { .line = 1, .column = 1 },
			.errors = errors,
		},
		.test = new_test(path),
		.column = LITMUS_NONE,
	};

	if (!p.test)
		fprintf(errors, "%s: error: out of memory\n", path);
	else if (parse_test(&p))
		return p.test;
	litmus_free(p.test);
	return NULL;
}

struct litmus *litmus_parse_file(const char *path, FILE *errors)
{
	/* One byte more than allowed is enough for the complaint. */
	const size_t room = LITMUS_BYTES_MAX + 1;
	struct litmus *test = NULL;
	char *text = malloc(room);
	FILE *file = fopen(path, "r");
	size_t bytes = 0;

	if (text && file)
		bytes = fread(text, 1, room, file);
	if (!text || !file || ferror(file))
		fprintf(errors, "%s: error: %s\n", path, strerror(errno));
	else
		test = litmus_parse(path, text, bytes, errors);
	if (test)
		test->text = XXH3_64bits(text, bytes);
	if (file)
		fclose(file);
	free(text);
	return test;
}

void litmus_free(struct litmus *test)
{
	if (!test)
		return;
	for (size_t i = 0; i < test->nr_files; i++) {
		free(test->files[i].name);
		free(test->files[i].extents);
	}
	for (size_t i = 0; i < test->nr_mms; i++)
		free(test->mms[i].name);
	for (size_t i = 0; i < test->nr_maps; i++)
		free(test->maps[i].name);
	for (size_t i = 0; i < test->nr_columns; i++) {
		struct litmus_column *column = &test->columns[i];

		for (size_t r = 0; r < column->nr_registers; r++)
			free(column->registers[r]);
		free(column->registers);
		free(column->ops);
	}
	condition_free(test->condition);
	condition_free(test->medium);
	free(test->files);
	free(test->mms);
	free(test->maps);
	free(test->setup);
	free(test->columns);
	free(test->observed);
	free(test->on_medium);
	free(test->poisoned);
	free(test->path);
	free(test->name);
	free(test->description);
	free(test);
}
