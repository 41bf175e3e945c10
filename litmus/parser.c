/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parser.c - the tools that all parts of the parser use; see parser.h.
 */
#include <stdlib.h>
#include <string.h>

#include "parser.h"
#include "words.h"

/* The words that cannot be names, so that every sentence has one meaning. */
static const char *const reserved[] = {
	"DAX", "alloc", "collapse", "crash", "dontneed", "exists", "exit",
	"expect", "fail", "fallocate", "file", "forall", "fork", "from",
	"fsync", "hole", "in", "insert", "into", "iomap", "length", "load",
	"map", "mapped", "medium", "mm", "mprotect", "mremap", "msync", "none",
	"not", "offset", "page", "pages", "pin", "pmd", "poison", "populate",
	"private", "punch", "read", "ro", "rw", "shared", "store", "sync",
	"to", "true", "truncate", "unmap", "unmapped", "unpin", "unwritten",
	"write", "zero"
};

void parser_next(struct parser *p)
{
	if (p->token.kind != TOKEN_BAD)
		p->token = lexer_next(&p->lexer);
}

bool parser_take(struct parser *p, int mark)
{
	if (p->token.kind != mark)
		return false;
	parser_next(p);
	return true;
}

bool parser_take_word(struct parser *p, const char *word)
{
	if (!token_is(&p->token, word))
		return false;
	parser_next(p);
	return true;
}

bool parser_error(struct parser *p, struct litmus_pos pos,
		  const char *format, ...)
{
	va_list args;

	if (p->token.kind == TOKEN_BAD)
		return false;
	va_start(args, format);
	lexer_complain(&p->lexer, pos, format, args);
	va_end(args);
	p->token.kind = TOKEN_BAD;
	return false;
}

bool parser_expected(struct parser *p, const char *what)
{
	const struct token *token = &p->token;

	if (token->kind == TOKEN_END)
		return parser_error(p, token->pos,
				    "expected %s before the end of the file",
				    what);
	if (token->kind == TOKEN_STRING)
		return parser_error(p, token->pos,
				    "expected %s before a string", what);
	return parser_error(p, token->pos, "expected %s before '%.*s'", what,
			    (int)token->bytes, token->text);
}

/* Return: "a, b, c", to be freed; NULL when there is no memory. */
static char *join_words(const char *const *words, size_t nr)
{
	char *text = NULL;
	size_t bytes;
	FILE *to = open_memstream(&text, &bytes);

	if (!to)
		return NULL;
	for (size_t i = 0; i < nr; i++)
		fprintf(to, "%s%s", i ? ", " : "", words[i]);
	fclose(to);
	return text;
}

bool parser_unknown(struct parser *p, const struct token *word,
		    const char *what, const char *const *known, size_t nr)
{
	struct guess guess = { .token = word };
	int bytes = (int)word->bytes;
	char *list;

	for (size_t i = 0; i < nr; i++)
		guess_consider(&guess, known[i]);
	if (guess.best)
		return parser_error(p, word->pos,
				    "unknown %s '%.*s', did you mean '%s'?",
				    what, bytes, word->text, guess.best);
	list = join_words(known, nr);
	parser_error(p, word->pos, "unknown %s '%.*s' (known: %s)", what, bytes,
		     word->text, list && nr ? list : "none");
	free(list);
	return false;
}

bool parser_mark(struct parser *p, int mark)
{
	const char what[] = { '\'', (char)mark, '\'', '\0' };

	return parser_take(p, mark) || parser_expected(p, what);
}

bool parser_number(struct parser *p, const char *what, uint64_t *number)
{
	*number = p->token.number;
	return parser_take(p, TOKEN_NUMBER) || parser_expected(p, what);
}

bool parser_check_span(struct parser *p, struct litmus_pos pos,
		       const struct litmus_span *span)
{
	if (span->huge <= LITMUS_SPAN_MAX && span->pages <= LITMUS_SPAN_MAX)
		return true;
	return parser_error(p, pos, "more than %d pages", LITMUS_SPAN_MAX);
}

bool parser_span(struct parser *p, const char *what, struct litmus_span *span)
{
	struct litmus_pos pos = p->token.pos;

	*span = (struct litmus_span){ 0 };
	if (!parser_number(p, what, &span->pages))
		return false;
	if (parser_take_word(p, "pmd")) {
		span->huge = span->pages;
		span->pages = 0;
		if (!parser_take(p, '+'))
			return parser_check_span(p, pos, span);
		if (!parser_number(p, "a number of pages", &span->pages))
			return false;
	}
	if (!parser_take_word(p, "pages"))
		parser_take_word(p, "page");
	return parser_check_span(p, pos, span);
}

bool parser_length(struct parser *p, const char *what,
		   struct litmus_span *span)
{
	struct litmus_pos pos = p->token.pos;

	if (!parser_span(p, what, span))
		return false;
	if (!span->huge && !span->pages)
		return parser_error(p, pos, "a length of 0");
	return true;
}

bool parser_name(struct parser *p, const char *what, struct token *name)
{
	*name = p->token;
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (token_is(name, reserved[i]))
			return parser_error(p, name->pos,
					    "'%s' is a keyword, expected %s",
					    reserved[i], what);
	return parser_take(p, TOKEN_WORD) || parser_expected(p, what);
}

char *parser_copy(struct parser *p, const struct token *token)
{
	char *copy = strndup(token->text, token->bytes);

	if (!copy)
		parser_error(p, token->pos, "out of memory");
	return copy;
}

void *parser_grow(struct parser *p, void *array, size_t nr, size_t size)
{
	/* The room is nr rounded up to a power of two. */
	if (!nr || !(nr & (nr - 1)))
		array = reallocarray(array, nr ? 2 * nr : 1, size);
	if (!array) {
		parser_error(p, p->token.pos, "out of memory");
		return NULL;
	}
	memset((char *)array + nr * size, 0, size);
	return array;
}

/* Complain, and tell all names that could stand there. */
static bool unknown_name(struct parser *p, const struct token *name,
			 enum parser_among among)
{
	static const char *const whats[] = {
		[PARSER_MAPS] = "mapping",
		[PARSER_FILES] = "file",
		[PARSER_ALL] = "mapping or file",
	};
	const struct litmus *test = p->test;
	const char **known;
	size_t nr = 0;

	known = calloc(test->nr_maps + test->nr_files + 1, sizeof(*known));
	if (!known)
		return parser_error(p, name->pos, "out of memory");
	for (size_t i = 0; i < test->nr_maps && (among & PARSER_MAPS); i++)
		known[nr++] = test->maps[i].name;
	for (size_t i = 0; i < test->nr_files && (among & PARSER_FILES); i++)
		known[nr++] = test->files[i].name;
	parser_unknown(p, name, whats[among], known, nr);
	free(known);
	return false;
}

static bool wrong_kind(struct parser *p, const struct token *name,
		       const char *is, const char *what)
{
	return parser_error(p, name->pos, "'%.*s' is a %s, expected a %s",
			    (int)name->bytes, name->text, is, what);
}

bool parser_find(struct parser *p, const struct token *name,
		 enum parser_among among, struct litmus_place *place)
{
	const struct litmus *test = p->test;

	*place = (struct litmus_place){ 0 };
	for (size_t i = 0; i < test->nr_maps; i++)
		if (token_is(name, test->maps[i].name)) {
			place->object = i;
			place->mm = test->maps[i].mm;
			return (among & PARSER_MAPS) ||
			       wrong_kind(p, name, "mapping", "file");
		}
	place->in_file = true;
	for (size_t i = 0; i < test->nr_files; i++)
		if (token_is(name, test->files[i].name)) {
			place->object = i;
			return (among & PARSER_FILES) ||
			       wrong_kind(p, name, "file", "mapping");
		}
	return unknown_name(p, name, among);
}

/* How much the file or mapping of a place has. */
static const struct litmus_span *limit_of(const struct litmus *test,
					   const struct litmus_place *place)
{
	if (place->in_file)
		return &test->files[place->object].size;
	return &test->maps[place->object].length;
}

static bool parse_byte(struct parser *p, unsigned int *byte)
{
	struct litmus_pos pos = p->token.pos;
	uint64_t number;

	if (!parser_number(p, "a byte offset", &number))
		return false;
	if (number % 8)
		return parser_error(p, pos,
				    "byte offset is not a multiple of 8");
	if (number >= LITMUS_PAGE_BYTES)
		return parser_error(p, pos, "byte offset is %d or more",
				    LITMUS_PAGE_BYTES);
	*byte = (unsigned int)number;
	return true;
}

bool parser_page(struct parser *p, const struct token *name,
		 struct litmus_place *place)
{
	const struct litmus_span *limit = limit_of(p->test, place);
	const struct litmus_span one = { .pages = 1 };
	struct litmus_pos pos;

	if (!parser_mark(p, '['))
		return false;
	pos = p->token.pos;
	if (!parser_span(p, "a page", &place->page) || !parser_mark(p, ']'))
		return false;
	if (parser_is_outside(&place->page, &one, limit))
		return parser_error(p, pos, "page %s is outside '%.*s' [0, %s)",
				    span_text(&place->page).text,
				    (int)name->bytes, name->text,
				    span_text(limit).text);
	return true;
}

bool parser_place(struct parser *p, const struct token *name,
		  struct litmus_place *place)
{
	return parser_page(p, name, place) &&
	       (!parser_take(p, '.') || parse_byte(p, &place->byte));
}

/* limit - start - length when a huge page has that many pages. */
static int64_t room(const struct litmus_span *start,
		    const struct litmus_span *length,
		    const struct litmus_span *limit, int64_t huge_pages)
{
	/* No part is above LITMUS_SPAN_MAX: nothing can overflow. */
	int64_t huge = (int64_t)limit->huge - (int64_t)start->huge -
		       (int64_t)length->huge;
	int64_t pages = (int64_t)limit->pages - (int64_t)start->pages -
			(int64_t)length->pages;

	return huge * huge_pages + pages;
}

bool parser_is_outside(const struct litmus_span *start,
		       const struct litmus_span *length,
		       const struct litmus_span *limit)
{
	/* The room is linear in the pages of a huge page: try both ends. */
	return room(start, length, limit, 2) < 0 &&
	       room(start, length, limit, 512) < 0;
}
