/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parse_condition.c - the final condition, and that on a power cut.
 *
 * Recursive descent, one function a level: or, and, not, atom.  The depth of
 * parentheses and the number of terms are bounded, so everything that walks
 * the tree may recurse.
 */
#include <stdlib.h>

#include "parser.h"
#include "words.h"

enum {
	DEPTH_MAX = 100,
};

static struct litmus_term *parse_or(struct parser *p);

void condition_free(struct litmus_term *term)
{
	if (!term)
		return;
	condition_free(term->left);
	condition_free(term->right);
	free(term);
}

/* Return: a new term, or NULL. */
static struct litmus_term *new_term(struct parser *p,
				    enum litmus_term_kind kind,
				    struct litmus_pos pos)
{
	struct litmus_term *term;

	if (p->token.kind == TOKEN_BAD)
		return NULL;
	if (++p->nr_terms > LITMUS_TERMS_MAX) {
		parser_error(p, pos, "a condition of more than %d terms",
			     LITMUS_TERMS_MAX);
		return NULL;
	}
	term = calloc(1, sizeof(*term));
	if (!term) {
		parser_error(p, pos, "out of memory");
		return NULL;
	}
	term->kind = kind;
	term->pos = pos;
	return term;
}

/* Return: left KIND right, or NULL; takes both over in any case. */
static struct litmus_term *join(struct parser *p, enum litmus_term_kind kind,
				struct litmus_pos pos, struct litmus_term *left,
				struct litmus_term *right)
{
	struct litmus_term *term = NULL;

	if (left && (right || kind == LITMUS_NOT))
		term = new_term(p, kind, pos);
	if (!term) {
		condition_free(left);
		condition_free(right);
		return NULL;
	}
	term->left = left;
	term->right = right;
	return term;
}

/* A number, or how the operation failed. */
static bool parse_value(struct parser *p, struct litmus_value *value)
{
	struct token word = p->token;

	if (!parser_take(p, TOKEN_WORD))
		return parser_number(p, "a value", &value->number);
	for (unsigned int i = LITMUS_OK + 1; i < LITMUS_NR_ERROR_WORDS; i++)
		if (token_is(&word, litmus_error_words[i])) {
			value->error = (enum litmus_error)i;
			return true;
		}
	return parser_unknown(p, &word, "error", litmus_error_words + 1,
			      LITMUS_NR_ERROR_WORDS - 1);
}

/* Find a register of a column that some operation sets. */
static bool parse_register(struct parser *p, struct litmus_term *term)
{
	const struct litmus *test = p->test;
	const struct litmus_column *column;
	struct token name;
	char what[] = "register of P0";
	uint64_t number;

	if (!parser_number(p, "a column", &number))
		return false;
	if (number >= test->nr_columns)
		return parser_error(p, term->pos, "there is no column P%llu",
				    (unsigned long long)number);
	if (!parser_mark(p, ':') || !parser_name(p, "a register", &name))
		return false;
	column = &test->columns[number];
	term->column = (size_t)number;
	for (size_t i = 0; i < column->nr_registers; i++)
		if (token_is(&name, column->registers[i])) {
			term->reg = i;
			return true;
		}
	what[sizeof(what) - 2] = (char)('0' + number);
	return parser_unknown(p, &name, what,
			      (const char *const *)column->registers,
			      column->nr_registers);
}

static bool same_place(const struct litmus_place *a,
		       const struct litmus_place *b)
{
	return a->in_file == b->in_file && a->object == b->object &&
	       a->mm == b->mm &&
	       a->page.huge == b->page.huge && a->page.pages == b->page.pages &&
	       a->byte == b->byte;
}

/* Find place among those that the condition names, or add it. */
static bool observe(struct parser *p, const struct litmus_place *place,
		    struct litmus_term *term)
{
	struct litmus *test = p->test;
	struct litmus_place **all =
		p->after_crash ? &test->on_medium : &test->observed;
	size_t *nr = p->after_crash ? &test->nr_on_medium : &test->nr_observed;
	struct litmus_place *places;

	for (size_t i = 0; i < *nr; i++)
		if (same_place(&(*all)[i], place)) {
			term->observed = i;
			return true;
		}
	if (*nr == LITMUS_OBSERVED_MAX)
		return parser_error(p, term->pos, "more than %d places",
				    LITMUS_OBSERVED_MAX);
	places = parser_grow(p, *all, *nr, sizeof(*places));
	if (!places)
		return false;
	*all = places;
	term->observed = *nr;
	places[(*nr)++] = *place;
	return true;
}

/* p[0], B:p[0] */
static bool parse_observed(struct parser *p, struct litmus_term *term)
{
	enum parser_among among = p->after_crash ? PARSER_FILES : PARSER_ALL;
	struct litmus_place place;
	struct token name;
	size_t mm = LITMUS_NONE;

	if (!parser_name(p, "a register or a place", &name))
		return false;
	if (!p->after_crash && parser_take(p, ':')) {
		if (!parser_find_mm(p, &name, &mm) ||
		    !parser_name(p, "a mapping", &name))
			return false;
		among = PARSER_MAPS;
	}
	if (!parser_find(p, &name, among, &place))
		return false;
	if (mm != LITMUS_NONE)
		place.mm = mm;
	return parser_place(p, &name, &place) && observe(p, &place, term);
}

/* 1:r0=0, p[0]=1, true */
static struct litmus_term *parse_atom(struct parser *p)
{
	struct litmus_term *term;
	bool good;

	term = new_term(p, LITMUS_TRUE, p->token.pos);
	if (!term || parser_take_word(p, "true"))
		return term;
	if (p->token.kind == TOKEN_NUMBER) {
		term->kind = LITMUS_REGISTER;
		good = parse_register(p, term);
	} else {
		term->kind = LITMUS_PLACE;
		good = parse_observed(p, term);
	}
	if (good && parser_mark(p, '=') && parse_value(p, &term->value))
		return term;
	condition_free(term);
	return NULL;
}

/* ~F, not F, (F) or an atom */
static struct litmus_term *parse_not(struct parser *p)
{
	struct litmus_pos pos = p->token.pos;
	struct litmus_term *term;

	if (p->depth == DEPTH_MAX) {
		parser_error(p, pos, "a condition deeper than %d", DEPTH_MAX);
		return NULL;
	}
	p->depth++;
	if (parser_take(p, '~') || parser_take_word(p, "not")) {
		term = join(p, LITMUS_NOT, pos, parse_not(p), NULL);
	} else if (parser_take(p, '(')) {
		term = parse_or(p);
		if (term && !parser_take(p, ')')) {
			parser_expected(p, "'/\\', '\\/' or ')'");
			condition_free(term);
			term = NULL;
		}
	} else {
		term = parse_atom(p);
	}
	p->depth--;
	return term;
}

static struct litmus_term *parse_and(struct parser *p)
{
	struct litmus_term *left = parse_not(p);
	struct litmus_pos pos = p->token.pos;

	while (left && parser_take(p, TOKEN_AND)) {
		left = join(p, LITMUS_AND, pos, left, parse_not(p));
		pos = p->token.pos;
	}
	return left;
}

static struct litmus_term *parse_or(struct parser *p)
{
	struct litmus_term *left = parse_and(p);
	struct litmus_pos pos = p->token.pos;

	while (left && parser_take(p, TOKEN_OR)) {
		left = join(p, LITMUS_OR, pos, left, parse_and(p));
		pos = p->token.pos;
	}
	return left;
}

static bool parse_quantifier(struct parser *p,
			     enum litmus_quantifier *quantifier)
{
	*quantifier = LITMUS_FORALL;
	if (parser_take(p, '~'))
		*quantifier = LITMUS_NOT_EXISTS;
	else if (token_is(&p->token, "exists"))
		*quantifier = LITMUS_EXISTS;
	if (*quantifier != LITMUS_FORALL)
		return parser_take_word(p, "exists") ||
		       parser_expected(p, "'exists'");
	return parser_take_word(p, "forall") ||
	       parser_expected(p, "'exists', '~exists' or 'forall'");
}

bool parse_condition(struct parser *p)
{
	struct litmus *test = p->test;

	if (token_is(&p->token, "expect") || token_is(&p->token, "medium") ||
	    p->token.kind == TOKEN_END) {
		/* No condition: only the invariants are to hold. */
		test->quantifier = LITMUS_FORALL;
		test->condition = new_term(p, LITMUS_TRUE, p->token.pos);
		return test->condition != NULL;
	}
	if (!parse_quantifier(p, &test->quantifier))
		return false;
	test->condition = parse_or(p);
	return test->condition != NULL;
}

/* medium forall (f[0]=1) */
bool parse_medium(struct parser *p)
{
	struct litmus *test = p->test;
	struct litmus_pos pos = p->token.pos;

	if (!parser_take_word(p, "medium"))
		return p->token.kind != TOKEN_BAD;
	if (!test->has_crash)
		return parser_error(p, pos, "no column has a 'crash'");
	if (!parse_quantifier(p, &test->medium_quantifier))
		return false;
	p->after_crash = true;
	test->medium = parse_or(p);
	return test->medium != NULL;
}
