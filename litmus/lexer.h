/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lexer.h - text into tokens, and complaints that point into the text.
 *
 * Interface
 *   lexer_next()		the next token
 *   lexer_test_name()		the next token is a test's name, `a-b+c.d`
 *   lexer_complain()		FILE:LINE:COL: error: ..., the line, a caret
 *   token_is()			compare a token with a word
 *   guess_consider()		which word might have been meant?
 */
#ifndef LITMUS_LEXER_H
#define LITMUS_LEXER_H

#include <stdarg.h>

#include "litmus.h"

struct lexer {
	const char *path;
	const char *text;
	size_t bytes;
	size_t at;			/* next byte of text */
	struct litmus_pos pos;		/* of that byte */
	FILE *errors;
};

/* A punctuation mark of one character is its own kind. */
enum token_kind {
	TOKEN_END = 256,
	TOKEN_BAD,			/* has been complained about */
	TOKEN_WORD,
	TOKEN_NUMBER,
	TOKEN_STRING,
	TOKEN_AND,			/* the mark made of slash, backslash */
	TOKEN_OR,
};

struct token {
	int kind;
	const char *text;		/* in lexer.text; not terminated */
	size_t bytes;
	struct litmus_pos pos;		/* TOKEN_END: after the last token */
	uint64_t number;
};

/* Return: the next token; TOKEN_END again and again at the end. */
struct token lexer_next(struct lexer *lexer);
/* Return: a TOKEN_WORD that may hold digits, dots, plus and minus. */
struct token lexer_test_name(struct lexer *lexer);

/* Print one complaint about the place at pos. */
void lexer_complain(const struct lexer *lexer, struct litmus_pos pos,
		    const char *format, va_list args);

/* Return: whether the token is this very word. */
bool token_is(const struct token *token, const char *word);

struct guess {
	const struct token *token;
	const char *best;		/* NULL: nothing is near */
	size_t distance;		/* of best, in single-letter edits */
};

/* Keep word as the best guess if it is nearer to the token than all before. */
void guess_consider(struct guess *guess, const char *word);

#endif /* LITMUS_LEXER_H */
