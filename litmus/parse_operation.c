/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parse_operation.c - one operation, of the set-up or of a column.
 */
#include <string.h>

#include "parser.h"
#include "words.h"

/* What the word behind an operation's own names. */
enum operand {
	OPERAND_MAP,
	OPERAND_FILE,
	OPERAND_MM,
	OPERAND_NONE,
};

static enum operand operand_of(enum litmus_op_kind kind)
{
	switch (kind) {
	case LITMUS_FSYNC:
	case LITMUS_READ:
	case LITMUS_WRITE:
	case LITMUS_TRUNCATE:
	case LITMUS_FALLOCATE:
	case LITMUS_PUNCH:
		return OPERAND_FILE;
	case LITMUS_FORK:
	case LITMUS_EXIT:
	case LITMUS_MM:
		return OPERAND_MM;
	case LITMUS_CRASH:
		return OPERAND_NONE;
	default:
		return OPERAND_MAP;
	}
}

/* Return: the kind of operation, LITMUS_NR_OP_WORDS if it is none. */
static unsigned int find_verb(const struct token *word)
{
	unsigned int kind;

	for (kind = 0; kind < LITMUS_NR_OP_WORDS; kind++)
		if (token_is(word, litmus_op_words[kind]))
			break;
	return kind;
}

bool parser_at_verb(const struct parser *p)
{
	return find_verb(&p->token) < LITMUS_NR_OP_WORDS;
}

/* Of all that could stand there, a column has fewer than the set-up. */
static bool unknown_verb(struct parser *p, const struct token *word)
{
	static const char *const more[] = { "file", "fail", "poison" };
	const char *known[LITMUS_NR_OP_WORDS + 3];
	size_t nr = 0;

	for (unsigned int i = 0; i < LITMUS_NR_OP_WORDS; i++)
		if (i != (p->column == LITMUS_NONE ? LITMUS_CRASH : LITMUS_MM))
			known[nr++] = litmus_op_words[i];
	for (size_t i = 0; i < 3 && p->column == LITMUS_NONE; i++)
		known[nr++] = more[i];
	return parser_unknown(p, word, "operation", known, nr);
}

bool parse_prefix(struct parser *p, struct token *result, size_t *mm)
{
	struct litmus_pos pos = p->token.pos;
	struct token word = p->token;

	*mm = p->column == LITMUS_NONE ? 0 : p->test->columns[p->column].mm;
	if (parser_at_verb(p))
		return parser_use_mm(p, pos, *mm);
	if (!parser_name(p, "an operation", &word))
		return false;
	if (result && parser_take(p, '=')) {
		*result = word;
		return parse_prefix(p, NULL, mm);
	}
	if (!parser_take(p, ':'))
		return unknown_verb(p, &word);
	return parser_find_mm(p, &word, mm) && parser_use_mm(p, pos, *mm);
}

/* Is this a place for such an operation? */
static bool check_verb(struct parser *p, const struct litmus_op *op)
{
	if (op->kind == LITMUS_MM && p->column != LITMUS_NONE)
		return parser_error(p, op->pos, "'mm' belongs in the set-up");
	if (op->kind != LITMUS_CRASH)
		return true;
	if (p->column == LITMUS_NONE)
		return parser_error(p, op->pos, "'crash' belongs in a column");
	if (p->test->has_crash)
		return parser_error(p, op->pos, "a second 'crash'");
	p->test->has_crash = true;
	return true;
}

bool parse_verb(struct parser *p, struct litmus_op *op, struct token *name)
{
	static const char *const whats[] = {
		[OPERAND_MAP] = "a mapping",
		[OPERAND_FILE] = "a file",
		[OPERAND_MM] = "an address space",
	};
	struct token word = p->token;
	unsigned int kind = find_verb(&word);
	enum operand operand;

	if (!parser_take(p, TOKEN_WORD))
		return parser_expected(p, "an operation");
	if (kind == LITMUS_NR_OP_WORDS)
		return unknown_verb(p, &word);
	*op = (struct litmus_op){
		.kind = (enum litmus_op_kind)kind,
		.pos = word.pos,
		.map = LITMUS_NONE,
		.file = LITMUS_NONE,
		.target = LITMUS_NONE,
		.pin = LITMUS_NONE,
		.reg = LITMUS_NO_REGISTER,
	};
	operand = operand_of(op->kind);
	return check_verb(p, op) && (operand == OPERAND_NONE ||
				     parser_name(p, whats[operand], name));
}

/* What a place's file or mapping has. */
static const struct litmus_span *size_of(const struct litmus *test,
					 const struct litmus_place *in)
{
	return in->in_file ? &test->files[in->object].size :
			     &test->maps[in->object].length;
}

static bool check_part(struct parser *p, struct litmus_pos pos,
		       const struct litmus_place *in,
		       const struct litmus_span *length)
{
	const struct litmus *test = p->test;
	const struct litmus_span *size = size_of(test, in);

	if (!parser_is_outside(&in->page, length, size))
		return true;
	return parser_error(p, pos, "the range leaves '%s' [0, %s)",
			    in->in_file ? test->files[in->object].name :
					  test->maps[in->object].name,
			    span_text(size).text);
}

/* `[1pmd] 1pmd`; nothing is all of it, if all is set. */
static bool parse_part(struct parser *p, const struct token *name, bool all,
		       struct litmus_place *in, struct litmus_op *op)
{
	struct litmus_pos pos;

	op->length = *size_of(p->test, in);
	if (all && p->token.kind != '[')
		return true;
	if (!parser_page(p, name, in))
		return false;
	op->start = in->page;
	pos = p->token.pos;
	return parser_length(p, "a length", &op->length) &&
	       check_part(p, pos, in, &op->length);
}

/* ro, rw or none */
static bool parse_mprotect(struct parser *p, struct litmus_op *op)
{
	if (parser_take_word(p, "ro"))
		op->access = LITMUS_TO_READ;
	else if (parser_take_word(p, "rw"))
		op->access = LITMUS_TO_WRITE;
	else if (!parser_take_word(p, "none"))
		return parser_expected(p, "'ro', 'rw' or 'none'");
	return true;
}

/* read or write */
static bool parse_access(struct parser *p, struct litmus_op *op)
{
	op->access = LITMUS_TO_READ;
	if (parser_take_word(p, "write"))
		op->access = LITMUS_TO_WRITE;
	else if (!parser_take_word(p, "read"))
		return parser_expected(p, "'read' or 'write'");
	return true;
}

/* to q[1], to q[1] 2: behind mremap p[0] 1 */
static bool parse_to(struct parser *p, struct litmus_op *op)
{
	struct token name;
	struct litmus_pos pos;

	if (!parser_take_word(p, "to"))
		return parser_expected(p, "'to'");
	if (!parser_name(p, "a mapping", &name) ||
	    !parser_find(p, &name, PARSER_MAPS, &op->to) ||
	    !parser_page(p, &name, &op->to))
		return false;
	pos = p->token.pos;
	op->to_length = op->length;
	if (p->token.kind == TOKEN_NUMBER &&
	    !parser_length(p, "a length", &op->to_length))
		return false;
	return check_part(p, pos, &op->to, &op->to_length);
}

static bool same_page(const struct litmus_place *a,
		      const struct litmus_place *b)
{
	return a->object == b->object && a->page.huge == b->page.huge &&
	       a->page.pages == b->page.pages;
}

static bool has_unpin(const struct litmus_op *ops, size_t nr, size_t pin)
{
	for (size_t i = 0; i < nr; i++)
		if (ops[i].kind == LITMUS_UNPIN && ops[i].pin == pin)
			return true;
	return false;
}

static bool is_unpinned(const struct litmus *test, size_t pin)
{
	if (has_unpin(test->setup, test->nr_setup, pin))
		return true;
	for (size_t c = 0; c < test->nr_columns; c++)
		if (has_unpin(test->columns[c].ops, test->columns[c].nr_ops,
			      pin))
			return true;
	return false;
}

/* Find the last pin of that page among ops that is there still. */
static bool find_pin(const struct litmus *test, const struct litmus_op *ops,
		     size_t nr, struct litmus_op *unpin)
{
	while (nr-- > 0)
		if (ops[nr].kind == LITMUS_PIN && ops[nr].mm == unpin->mm &&
		    same_page(&ops[nr].place, &unpin->place) &&
		    !is_unpinned(test, ops[nr].pin)) {
			unpin->pin = ops[nr].pin;
			return true;
		}
	return false;
}

/* What the column pinned itself, else what the set-up did. */
static bool parse_unpin(struct parser *p, struct litmus_op *op)
{
	const struct litmus *test = p->test;
	const struct litmus_column *column;

	if (p->column != LITMUS_NONE) {
		column = &test->columns[p->column];
		if (find_pin(test, column->ops, column->nr_ops, op))
			return true;
	}
	return find_pin(test, test->setup, test->nr_setup, op) ||
	       parser_error(p, op->pos, "nothing is pinned there");
}

static bool parse_pin(struct parser *p, struct litmus_op *op)
{
	if (p->test->nr_pins == LITMUS_PINS_MAX)
		return parser_error(p, op->pos, "more than %d pins",
				    LITMUS_PINS_MAX);
	op->pin = p->test->nr_pins++;
	return parse_access(p, op);
}

static bool parse_map_operands(struct parser *p, const struct token *name,
			       struct litmus_op *op)
{
	struct litmus_place *place = &op->place;

	if (!parser_find(p, name, PARSER_MAPS, place))
		return false;
	op->map = place->object;
	op->length = p->test->maps[op->map].length;
	switch (op->kind) {
	case LITMUS_LOAD:
		return parser_place(p, name, place);
	case LITMUS_STORE:
		return parser_place(p, name, place) &&
		       parser_number(p, "the number to store", &op->value);
	case LITMUS_PIN:
		return parser_page(p, name, place) && parse_pin(p, op);
	case LITMUS_UNPIN:
		return parser_page(p, name, place) && parse_unpin(p, op);
	case LITMUS_MAP:
		return true;
	case LITMUS_MPROTECT:
		return parse_part(p, name, true, place, op) &&
		       parse_mprotect(p, op);
	case LITMUS_POPULATE:
		return parse_part(p, name, true, place, op) &&
		       parse_access(p, op);
	case LITMUS_MREMAP:
		return parse_part(p, name, false, place, op) &&
		       parse_to(p, op);
	default:
		return parse_part(p, name, true, place, op);
	}
}

/* `into p[1]`, `from p[1]`: a mapping is the buffer. */
static bool parse_buffer(struct parser *p, struct litmus_op *op)
{
	struct token name;

	op->has_buffer = true;
	return parser_name(p, "a mapping", &name) &&
	       parser_find(p, &name, PARSER_MAPS, &op->to) &&
	       parser_place(p, &name, &op->to);
}

static bool parse_write(struct parser *p, struct litmus_op *op)
{
	if (parser_take_word(p, "from"))
		return parse_buffer(p, op);
	return parser_number(p, "the number to write, or 'from'", &op->value);
}

static void parse_mode(struct parser *p, struct litmus_op *op)
{
	for (unsigned int i = LITMUS_ZERO; i < LITMUS_NR_FALLOCATE_WORDS; i++)
		if (parser_take_word(p, litmus_fallocate_words[i]))
			op->mode = (enum litmus_fallocate)i;
}

static bool parse_file_operands(struct parser *p, const struct token *name,
				struct litmus_op *op)
{
	struct litmus_place *place = &op->place;

	if (!parser_find(p, name, PARSER_FILES, place))
		return false;
	op->file = place->object;
	switch (op->kind) {
	case LITMUS_READ:
		return parser_place(p, name, place) &&
		       (!parser_take_word(p, "into") || parse_buffer(p, op));
	case LITMUS_WRITE:
		return parser_place(p, name, place) && parse_write(p, op);
	case LITMUS_TRUNCATE:
		return parser_span(p, "the new size", &op->length);
	case LITMUS_FALLOCATE:
		if (!parse_part(p, name, false, place, op))
			return false;
		parse_mode(p, op);
		return true;
	case LITMUS_PUNCH:
		return parse_part(p, name, false, place, op);
	default:
		op->length = p->test->files[op->file].size;
		return true;
	}
}

/* Nobody else may be in an address space that ends. */
static bool parse_exit(struct parser *p, const struct token *name,
		       struct litmus_op *op)
{
	struct litmus_mm *mm;

	if (!parser_find_mm(p, name, &op->target) ||
	    !parser_use_mm(p, name->pos, op->target))
		return false;
	mm = &p->test->mms[op->target];
	if (p->column == LITMUS_NONE && op->target == 0)
		return parser_error(p, name->pos,
				    "the set-up itself runs in '%s'",
				    mm->name);
	if (p->column != LITMUS_NONE && mm->users != 1u << p->column)
		return parser_error(p, name->pos,
				    "another column uses '%s' too", mm->name);
	mm->exits = true;
	return true;
}

bool parse_operands(struct parser *p, const struct token *name,
		    struct litmus_op *op)
{
	switch (operand_of(op->kind)) {
	case OPERAND_MAP:
		return parse_map_operands(p, name, op);
	case OPERAND_FILE:
		return parse_file_operands(p, name, op);
	case OPERAND_MM:
		if (op->kind == LITMUS_EXIT)
			return parse_exit(p, name, op);
		return parser_new_mm(p, name, &op->target);
	default:
		return true;
	}
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
