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
	    !parser_check_new(p, &name) || !parser_mark(p, '='))
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

/* sync populate offset 1pmd length 1pmd */
static bool parse_range(struct parser *p, struct litmus_map *map)
{
	const struct litmus_span one = { .pages = 1 };
	struct litmus_pos pos = p->token.pos;

	map->sync = parser_take_word(p, "sync");
	if (map->sync && !map->shared)
		return parser_error(p, pos, "'sync' is for shared mappings");
	map->populate = parser_take_word(p, "populate");
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

/* in B */
static bool parse_in(struct parser *p, struct litmus_map *map)
{
	struct token name;

	if (!parser_take_word(p, "in"))
		return true;
	return parser_name(p, "an address space", &name) &&
	       parser_find_mm(p, &name, &map->mm) &&
	       parser_use_mm(p, name.pos, map->mm);
}

/* map p = f private rw offset 1 length 1pmd in B unmapped; */
static bool declare_map(struct parser *p, const struct token *name)
{
	struct litmus *test = p->test;
	struct litmus_place file;
	struct litmus_map *map;
	struct token of;

	if (!parser_check_new(p, name) || !parser_mark(p, '=') ||
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
	return parse_protection(p, map) && parse_range(p, map) &&
	       parse_in(p, map);
}

/* fail alloc; fail iomap 2; */
static bool parse_fail(struct parser *p)
{
	struct litmus *test = p->test;
	unsigned int *budget = &test->fail_alloc;
	struct litmus_pos pos = p->token.pos;
	uint64_t number = 1;

	if (parser_take_word(p, "iomap"))
		budget = &test->fail_iomap;
	else if (!parser_take_word(p, "alloc"))
		return parser_expected(p, "'alloc' or 'iomap'");
	if (*budget)
		return parser_error(p, pos, "said before");
	pos = p->token.pos;
	if (p->token.kind == TOKEN_NUMBER)
		parser_number(p, "how many fail", &number);
	if (!number || number > LITMUS_FAILURES_MAX)
		return parser_error(p, pos, "not 1 to %d failures",
				    LITMUS_FAILURES_MAX);
	*budget = (unsigned int)number;
	return p->token.kind == ';' || parser_expected(p, "a number or ';'");
}

/* poison f[3]; */
static bool parse_poison(struct parser *p)
{
	struct litmus *test = p->test;
	struct litmus_place *places;
	struct litmus_place place;
	struct token name;

	if (!parser_name(p, "a file", &name) ||
	    !parser_find(p, &name, PARSER_FILES, &place) ||
	    !parser_page(p, &name, &place))
		return false;
	places = parser_grow(p, test->poisoned, test->nr_poisoned,
			     sizeof(*places));
	if (!places)
		return false;
	test->poisoned = places;
	places[test->nr_poisoned++] = place;
	return true;
}

/* `P0`: the table begins, so the set-up was not closed. */
static bool is_column(const struct token *token)
{
	return token->kind == TOKEN_WORD && token->bytes == 2 &&
	       token->text[0] == 'P' && token->text[1] >= '0' &&
	       token->text[1] <= '9';
}

/* An operation, or what begins like one: `map p =` */
static bool parse_setup_operation(struct parser *p)
{
	static const char options[] =
		"'sync', 'populate', 'offset', 'length', 'in', 'unmapped' (in this order) or ';'";
	struct litmus *test = p->test;
	struct litmus_op op;
	struct token name;
	size_t mm;

	if (!parse_prefix(p, NULL, &mm) || !parse_verb(p, &op, &name))
		return false;
	op.mm = mm;
	if (op.kind == LITMUS_MAP && p->token.kind == '=') {
		if (mm)
			return parser_error(p, p->token.pos,
					    "a declaration has 'in %s'",
					    test->mms[mm].name);
		if (!declare_map(p, &name))
			return false;
		op.mm = test->maps[test->nr_maps - 1].mm;
		if (parser_take_word(p, "unmapped"))
			return true;
		if (p->token.kind != ';')
			return parser_expected(p, options);
	}
	return parse_operands(p, &name, &op) &&
	       parser_add_op(p, &test->setup, &test->nr_setup, &op);
}

static bool parse_statement(struct parser *p)
{
	if (parser_take_word(p, "file"))
		return parse_file(p);
	if (parser_take_word(p, "fail"))
		return parse_fail(p);
	if (parser_take_word(p, "poison"))
		return parse_poison(p);
	if (is_column(&p->token))
		return parser_expected(p, "'}'");
	return parse_setup_operation(p);
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
