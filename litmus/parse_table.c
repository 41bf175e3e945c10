/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parse_table.c - operations, the columns that hold them, and `expect`.
 */
#include <string.h>

#include "parser.h"
#include "words.h"

/* Return: the kind of operation, LITMUS_NR_OP_WORDS if it is none. */
static unsigned int find_verb(const struct token *word)
{
	unsigned int kind;

	for (kind = 0; kind < LITMUS_NR_OP_WORDS; kind++)
		if (token_is(word, litmus_op_words[kind]))
			break;
	return kind;
}

static bool unknown_verb(struct parser *p, const struct token *word,
			 const char *also)
{
	const char *known[LITMUS_NR_OP_WORDS + 1];

	memcpy(known, litmus_op_words, sizeof(litmus_op_words));
	known[LITMUS_NR_OP_WORDS] = also;
	return parser_unknown(p, word, "operation", known,
			      LITMUS_NR_OP_WORDS + (also != NULL));
}

bool parse_verb(struct parser *p, const char *also, struct litmus_op *op,
		struct token *name)
{
	struct token word = p->token;
	unsigned int kind = find_verb(&word);

	if (!parser_take(p, TOKEN_WORD))
		return parser_expected(p, "an operation");
	if (kind == LITMUS_NR_OP_WORDS)
		return unknown_verb(p, &word, also);
	*op = (struct litmus_op){
		.kind = (enum litmus_op_kind)kind,
		.pos = word.pos,
		.reg = LITMUS_NO_REGISTER,
	};
	return parser_name(p, "a mapping", name);
}

/* `[1pmd] 1pmd`, or nothing for the whole mapping */
static bool parse_part(struct parser *p, const struct token *name,
		       struct litmus_place *place, struct litmus_op *op)
{
	const struct litmus_map *map = &p->test->maps[op->map];
	struct litmus_pos pos;

	if (p->token.kind != '[')
		return true;
	if (!parser_page(p, name, place))
		return false;
	op->start = place->page;
	pos = p->token.pos;
	if (!parser_length(p, "a length", &op->length))
		return false;
	if (parser_is_outside(&op->start, &op->length, &map->length))
		return parser_error(p, pos, "the range leaves '%s' [0, %s)",
				    map->name, span_text(&map->length).text);
	return true;
}

bool parse_operands(struct parser *p, const struct token *name,
		    struct litmus_op *op)
{
	struct litmus_place place;

	if (!parser_find(p, name, PARSER_MAPS, &place))
		return false;
	op->map = place.object;
	if (op->kind == LITMUS_LOAD || op->kind == LITMUS_STORE) {
		if (!parser_place(p, name, &place))
			return false;
		op->place = place;
		return op->kind == LITMUS_LOAD ||
		       parser_number(p, "the number to store", &op->value);
	}
	op->length = p->test->maps[op->map].length;
	return op->kind == LITMUS_MAP || parse_part(p, name, &place, op);
}

bool parser_add_op(struct parser *p, struct litmus_op **ops, size_t *nr,
		   const struct litmus_op *op)
{
	struct litmus_op *grown = parser_grow(p, *ops, *nr, sizeof(*op));

	if (!grown)
		return false;
	*ops = grown;
	grown[(*nr)++] = *op;
	return true;
}

/* The register of that name, a new one if the column has none. */
static bool use_register(struct parser *p, struct litmus_column *column,
			 const struct token *name, size_t *reg)
{
	char **registers;

	for (*reg = 0; *reg < column->nr_registers; (*reg)++)
		if (token_is(name, column->registers[*reg]))
			return true;
	if (column->nr_registers == LITMUS_REGISTERS_MAX)
		return parser_error(p, name->pos,
				    "more than %d registers in a column",
				    LITMUS_REGISTERS_MAX);
	registers = parser_grow(p, column->registers, column->nr_registers,
				sizeof(*registers));
	if (!registers)
		return false;
	column->registers = registers;
	registers[*reg] = parser_copy(p, name);
	column->nr_registers += registers[*reg] != NULL;
	return registers[*reg] != NULL;
}

/* `r0 =`, for which a mistyped operation looks at first */
static bool parse_result(struct parser *p, struct token *result)
{
	if (!parser_name(p, "an operation", result))
		return false;
	return parser_take(p, '=') || unknown_verb(p, result, NULL);
}

/* r0 = load p[1] */
static bool parse_cell(struct parser *p, struct litmus_column *column)
{
	struct token result = { .kind = TOKEN_END };
	struct token name;
	struct litmus_op op;

	if (find_verb(&p->token) == LITMUS_NR_OP_WORDS &&
	    !parse_result(p, &result))
		return false;
	if (!parse_verb(p, NULL, &op, &name) || !parse_operands(p, &name, &op))
		return false;
	if (result.kind == TOKEN_WORD) {
		op.pos = result.pos;
		if (!use_register(p, column, &result, &op.reg))
			return false;
	}
	return parser_add_op(p, &column->ops, &column->nr_ops, &op);
}

/* P0 | P1 ; */
static bool parse_heads(struct parser *p)
{
	struct litmus *test = p->test;
	struct litmus_column *columns;
	char head[] = "P0";
	char what[8];

	do {
		if (test->nr_columns == LITMUS_COLUMNS_MAX)
			return parser_error(p, p->token.pos,
					    "more than %d columns",
					    LITMUS_COLUMNS_MAX);
		head[1] = (char)('0' + test->nr_columns);
		snprintf(what, sizeof(what), "'%s'", head);
		if (!parser_take_word(p, head))
			return parser_expected(p, what);
		columns = parser_grow(p, test->columns, test->nr_columns,
				      sizeof(*columns));
		if (!columns)
			return false;
		test->columns = columns;
		test->nr_columns++;
	} while (parser_take(p, '|'));
	return parser_take(p, ';') || parser_expected(p, "'|' or ';'");
}

/* store p[0] 1 | r0 = load p[1] ; */
static bool parse_row(struct parser *p)
{
	struct litmus *test = p->test;
	struct litmus_pos pos;

	for (size_t column = 0; column < test->nr_columns; column++) {
		if (column && !parser_take(p, '|'))
			return parser_expected(p, "'|' and the next column");
		if (p->token.kind != '|' && p->token.kind != ';' &&
		    !parse_cell(p, &test->columns[column]))
			return false;
	}
	pos = p->token.pos;
	if (parser_take(p, '|'))
		return parser_error(p, pos, "more cells than columns");
	return parser_mark(p, ';');
}

static bool at_end_of_table(const struct parser *p)
{
	static const char *const behind[] = { "exists", "forall", "expect" };

	for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++)
		if (token_is(&p->token, behind[i]))
			return true;
	return p->token.kind == '~' || p->token.kind == TOKEN_END;
}

bool parse_table(struct parser *p)
{
	if (!parse_heads(p))
		return false;
	while (!at_end_of_table(p))
		if (!parse_row(p))
			return false;
	return true;
}

/* Return: N of `ON`, 0 if the token is no such thing. */
static unsigned int invariant_number(const struct token *token)
{
	char name[sizeof("O14")];

	for (unsigned int i = 1; i <= LITMUS_INVARIANTS; i++) {
		snprintf(name, sizeof(name), "O%u", i);
		if (token_is(token, name))
			return i;
	}
	return 0;
}

bool parse_expect(struct parser *p)
{
	struct token token;

	while (parser_take_word(p, "expect")) {
		do {
			token = p->token;
			if (!invariant_number(&token))
				return parser_expected(p, "'O1' to 'O14'");
			p->test->expected |= 1u << invariant_number(&token);
			parser_next(p);
		} while (parser_take(p, ','));
	}
	return p->token.kind == TOKEN_END ||
	       parser_expected(p, "'expect' or the end of the file");
}
