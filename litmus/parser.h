/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parser.h - what the parts of the parser share.
 *
 * A function below that answers bool or a pointer has complained when it
 * answers false or NULL.  From then on the token is TOKEN_BAD: it fits nothing,
 * so that every caller soon gives up, and nobody complains a second time.
 *
 * Interface
 *   parser_next() parser_take() parser_take_word()	use up tokens
 *   parser_mark() parser_number() parser_span() parser_length()
 *   parser_name()	a thing that has to come next
 *   parser_find() parser_page() parser_place()
 *			a mapping or a file, a place in it
 *   parser_find_mm() parser_new_mm() parser_use_mm() parser_check_new()
 *			an address space, a name nobody has yet
 *   parser_grow() parser_copy() parser_add_op()		build the tree
 *   parser_check_span() parser_is_outside()		check it
 *   parser_error() parser_expected() parser_unknown()	complain
 *   parse_header() parse_setup() parse_table() parse_condition()
 *   parse_medium() parse_expect()	the parts of a test, in order
 *   parse_prefix() parse_verb() parse_operands()	an operation
 */
#ifndef LITMUS_PARSER_H
#define LITMUS_PARSER_H

#include "lexer.h"

struct parser {
	struct lexer lexer;
	struct token token;		/* the next one to use */
	struct litmus *test;		/* what has been read of it */
	unsigned int depth;		/* of parentheses and `~` */
	unsigned int nr_terms;		/* of the condition */
	size_t column;			/* LITMUS_NONE: in no column */
	bool after_crash;		/* in the condition on the medium */
};

void parser_next(struct parser *p);
/* Use up the token if it is this mark, this word.  Return: whether it was. */
bool parser_take(struct parser *p, int mark);
bool parser_take_word(struct parser *p, const char *word);

/* Complain, unless that happened before.  Return: false. */
bool parser_error(struct parser *p, struct litmus_pos pos,
		  const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* `expected WHAT before the token`.  Return: false. */
bool parser_expected(struct parser *p, const char *what);
/* `unknown WHAT 'word'`, with what could have been meant.  Return: false. */
bool parser_unknown(struct parser *p, const struct token *word,
		    const char *what, const char *const *known, size_t nr);

bool parser_mark(struct parser *p, int mark);
bool parser_number(struct parser *p, const char *what, uint64_t *number);
bool parser_span(struct parser *p, const char *what, struct litmus_span *span);
/* Whether the span, a sum perhaps, is within LITMUS_SPAN_MAX. */
bool parser_check_span(struct parser *p, struct litmus_pos pos,
		       const struct litmus_span *span);
/* As parser_span(), and not 0. */
bool parser_length(struct parser *p, const char *what,
		   struct litmus_span *span);
/* A word that is none of the language's.  what: "a name", "a mapping". */
bool parser_name(struct parser *p, const char *what, struct token *name);
char *parser_copy(struct parser *p, const struct token *token);

/*
 * Room for one more behind nr elements of size bytes; the new one is zeroed.
 * Return: where the array is now, or NULL; then the old one is still there.
 */
void *parser_grow(struct parser *p, void *array, size_t nr, size_t size);

enum parser_among {
	PARSER_MAPS = 1,
	PARSER_FILES = 2,
	PARSER_ALL = PARSER_MAPS | PARSER_FILES,
};

/* Find the mapping or file of that name; place is set to its start. */
bool parser_find(struct parser *p, const struct token *name,
		 enum parser_among among, struct litmus_place *place);
/* Complain unless nothing has this name yet. */
bool parser_check_new(struct parser *p, const struct token *name);
bool parser_find_mm(struct parser *p, const struct token *name, size_t *mm);
/* A new address space of that name, which belongs to the present column. */
bool parser_new_mm(struct parser *p, const struct token *name, size_t *mm);
/* Complain unless the present column, or the set-up, may use it here. */
bool parser_use_mm(struct parser *p, struct litmus_pos pos, size_t mm);
/* `[1pmd+2]` in what parser_find() found, and `[1pmd+2].8`. */
bool parser_page(struct parser *p, const struct token *name,
		 struct litmus_place *place);
bool parser_place(struct parser *p, const struct token *name,
		  struct litmus_place *place);

/*
 * Return: whether start + length is behind limit however many pages a huge
 * page has.  What depends on that is for the set-up of the test to find.
 */
bool parser_is_outside(const struct litmus_span *start,
		       const struct litmus_span *length,
		       const struct litmus_span *limit);

bool parse_header(struct parser *p);
bool parse_setup(struct parser *p);
bool parse_table(struct parser *p);
bool parse_condition(struct parser *p);
bool parse_medium(struct parser *p);
bool parse_expect(struct parser *p);

/* Return: whether the token is the first word of an operation. */
bool parser_at_verb(const struct parser *p);
/*
 * An operation in three parts.  The first is `B:`, or nothing: in which address
 * space it runs; result is the register in front of it, or NULL where none may
 * be.  The second is `load p`, behind which the set-up looks for the `=` of a
 * declaration; the third is all that follows.
 */
bool parse_prefix(struct parser *p, struct token *result, size_t *mm);
bool parse_verb(struct parser *p, struct litmus_op *op, struct token *name);
bool parse_operands(struct parser *p, const struct token *name,
		    struct litmus_op *op);
/* Add op to an array of nr. */
bool parser_add_op(struct parser *p, struct litmus_op **ops, size_t *nr,
		   const struct litmus_op *op);

/* Term and all below it; NULL is fine. */
void condition_free(struct litmus_term *term);

#endif /* LITMUS_PARSER_H */
