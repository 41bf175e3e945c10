/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parse_table.c - the columns, and `expect`.
 */
#include "parser.h"

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

/* r0 = load p[1] */
static bool parse_cell(struct parser *p, struct litmus_column *column)
{
	struct token result = { .kind = TOKEN_END };
	struct litmus_pos pos = p->token.pos;
	struct token name;
	struct litmus_op op;
	size_t mm;

	if (!parse_prefix(p, &result, &mm) || !parse_verb(p, &op, &name))
		return false;
	op.mm = mm;
	if (!parse_operands(p, &name, &op))
		return false;
	op.pos = pos;
	if (result.kind == TOKEN_WORD &&
	    !use_register(p, column, &result, &op.reg))
		return false;
	return parser_add_op(p, &column->ops, &column->nr_ops, &op);
}

/* P1, P1:B */
static bool parse_head(struct parser *p)
{
	struct litmus *test = p->test;
	struct litmus_column *columns;
	char head[] = "P0";
	char what[8];
	struct token name;

	head[1] = (char)('0' + test->nr_columns);
	snprintf(what, sizeof(what), "'%s'", head);
	if (!parser_take_word(p, head))
		return parser_expected(p, what);
	columns = parser_grow(p, test->columns, test->nr_columns,
			      sizeof(*columns));
	if (!columns)
		return false;
	test->columns = columns;
	p->column = test->nr_columns++;
	if (!parser_take(p, ':'))
		return parser_use_mm(p, p->token.pos, 0);
	return parser_name(p, "an address space", &name) &&
	       parser_find_mm(p, &name, &columns[p->column].mm) &&
	       parser_use_mm(p, name.pos, columns[p->column].mm);
}

/* P0 | P1 ; */
static bool parse_heads(struct parser *p)
{
	do {
		if (p->test->nr_columns == LITMUS_COLUMNS_MAX)
			return parser_error(p, p->token.pos,
					    "more than %d columns",
					    LITMUS_COLUMNS_MAX);
		if (!parse_head(p))
			return false;
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
		p->column = column;
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
	static const char *const behind[] = { "exists", "forall", "medium",
					      "expect" };

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
