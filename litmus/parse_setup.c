/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parse_setup.c - header, description, files, mappings, set-up operations.
 */
#include "parser.h"
#include "words.h"

bool parse_header(struct parser *p)
{
	/* The name follows other rules, so it is not to be read ahead. */
	if (!token_is(&p->token, "DAX"))
		return parser_expected(p, "'DAX'");
	p->token = lexer_test_name(&p->lexer);
	if (p->token.kind != TOKEN_WORD)
		return parser_expected(p, "the name of the test");
	p->test->name = parser_copy(p, &p->token);
	parser_next(p);
	if (p->token.kind == TOKEN_STRING) {
		p->test->description = parser_copy(p, &p->token);
		parser_next(p);
	}
	return p->token.kind != TOKEN_BAD;
}

static bool check_new(struct parser *p, const struct token *name)
{
	const struct litmus *test = p->test;
	const struct litmus_pos *old = NULL;

	for (size_t i = 0; i < test->nr_files; i++)
		if (token_is(name, test->files[i].name))
			old = &test->files[i].pos;
	for (size_t i = 0; i < test->nr_maps; i++)
		if (token_is(name, test->maps[i].name))
			old = &test->maps[i].pos;
	if (!old)
		return true;
	return parser_error(p, name->pos,
			    "the name '%.*s' is taken, see line %u",
			    (int)name->bytes, name->text, old->line);
}

static bool parse_extent_kind(struct parser *p, enum litmus_extent_kind *kind)
{
	struct token word = p->token;

	if (!parser_take(p, TOKEN_WORD))
		return parser_expected(p, "'mapped', 'hole' or 'unwritten'");
	for (unsigned int i = 0; i < LITMUS_NR_EXTENT_WORDS; i++)
		if (token_is(&word, litmus_extent_words[i])) {
			*kind = (enum litmus_extent_kind)i;
			return true;
		}
	return parser_unknown(p, &word, "kind of extent", litmus_extent_words,
			      LITMUS_NR_EXTENT_WORDS);
}

/* The next extent, behind all that file has. */
static bool parse_extent(struct parser *p, struct litmus_file *file)
{
	struct litmus_extent *extent;
	struct litmus_pos pos;

	extent = parser_grow(p, file->extents, file->nr_extents,
			     sizeof(*extent));
	if (!extent)
		return false;
	file->extents = extent;
	extent += file->nr_extents++;
	extent->start = file->size;
	if (!parse_extent_kind(p, &extent->kind))
		return false;
	pos = p->token.pos;
	if (!parser_length(p, "the length of the extent", &extent->length))
		return false;
	file->size.huge += extent->length.huge;
	file->size.pages += extent->length.pages;
	return parser_check_span(p, pos, &file->size);
}

/* file f = mapped 1pmd, hole 3 pages; */
static bool parse_file(struct parser *p)
{
	struct litmus *test = p->test;
	struct litmus_file *file;
	struct token name;

	if (!parser_name(p, "the name of the file", &name) ||
	    !check_new(p, &name) || !parser_mark(p, '='))
		return false;
	file = parser_grow(p, test->files, test->nr_files, sizeof(*file));
	if (!file)
		return false;
	test->files = file;
	file += test->nr_files++;
	file->pos = name.pos;
	file->name = parser_copy(p, &name);
	do {
		if (!parse_extent(p, file))
			return false;
	} while (parser_take(p, ','));
	return p->token.kind == ';' || parser_expected(p, "',' or ';'");
}

/* private|shared ro|rw */
static bool parse_protection(struct parser *p, struct litmus_map *map)
{
	map->shared = parser_take_word(p, "shared");
	if (!map->shared && !parser_take_word(p, "private"))
		return parser_expected(p, "'private' or 'shared'");
	map->writable = parser_take_word(p, "rw");
	if (!map->writable && !parser_take_word(p, "ro"))
		return parser_expected(p, "'ro' or 'rw'");
	return true;
}

/* Without a length the mapping ends with the file. */
static bool default_length(struct parser *p, struct litmus_map *map)
{
	const struct litmus_span *size = &p->test->files[map->file].size;

	/* 1pmd less 1 page is no span: a huge page's size is not known. */
	if (map->offset.huge > size->huge || map->offset.pages > size->pages)
		return parser_error(p, map->pos,
				    "no default length for '%s', give one",
				    map->name);
	map->length.huge = size->huge - map->offset.huge;
	map->length.pages = size->pages - map->offset.pages;
	return true;
}

static bool check_range(struct parser *p, struct litmus_pos pos,
			const struct litmus_map *map,
			const struct litmus_span *length)
{
	const struct litmus_file *file = &p->test->files[map->file];

	if (!parser_is_outside(&map->offset, length, &file->size))
		return true;
	return parser_error(p, pos, "mapping '%s' leaves file '%s' [0, %s)",
			    map->name, file->name, span_text(&file->size).text);
}

/* offset 1pmd length 1pmd */
static bool parse_range(struct parser *p, struct litmus_map *map)
{
	const struct litmus_span one = { .pages = 1 };
	struct litmus_pos pos;

	if (parser_take_word(p, "offset")) {
		pos = p->token.pos;
		if (!parser_span(p, "an offset", &map->offset) ||
		    !check_range(p, pos, map, &one))
			return false;
	}
	if (!parser_take_word(p, "length"))
		return default_length(p, map);
	pos = p->token.pos;
	return parser_length(p, "a length", &map->length) &&
	       check_range(p, pos, map, &map->length);
}

/* map p = f private rw offset 1 length 1pmd unmapped; */
static bool declare_map(struct parser *p, const struct token *name)
{
	struct litmus *test = p->test;
	struct litmus_place file;
	struct litmus_map *map;
	struct token of;

	if (!check_new(p, name) || !parser_mark(p, '=') ||
	    !parser_name(p, "a file", &of) ||
	    !parser_find(p, &of, PARSER_FILES, &file))
		return false;
	map = parser_grow(p, test->maps, test->nr_maps, sizeof(*map));
	if (!map)
		return false;
	test->maps = map;
	map += test->nr_maps++;
	map->pos = name->pos;
	map->file = file.object;
	map->name = parser_copy(p, name);
	return parse_protection(p, map) && parse_range(p, map);
}

/* `P0`: the table begins, so the set-up was not closed. */
static bool is_column(const struct token *token)
{
	return token->kind == TOKEN_WORD && token->bytes == 2 &&
	       token->text[0] == 'P' && token->text[1] >= '0' &&
	       token->text[1] <= '9';
}

static bool parse_statement(struct parser *p)
{
	static const char options[] =
		"'offset', 'length', 'unmapped' (in this order) or ';'";
	struct litmus *test = p->test;
	struct litmus_op op;
	struct token name;

	if (parser_take_word(p, "file"))
		return parse_file(p);
	if (is_column(&p->token))
		return parser_expected(p, "'}'");
	if (!parse_verb(p, "file", &op, &name))
		return false;
	if (op.kind == LITMUS_MAP && p->token.kind == '=') {
		if (!declare_map(p, &name))
			return false;
		if (parser_take_word(p, "unmapped"))
			return true;
		if (p->token.kind != ';')
			return parser_expected(p, options);
	}
	return parse_operands(p, &name, &op) &&
	       parser_add_op(p, &test->setup, &test->nr_setup, &op);
}

bool parse_setup(struct parser *p)
{
	if (!parser_mark(p, '{'))
		return false;
	while (!parser_take(p, '}'))
		if (!parse_statement(p) || !parser_mark(p, ';'))
			return false;
	return true;
}
