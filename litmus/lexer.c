/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lexer.c - text into tokens, and complaints that point into the text.
 *
 * Any bytes may come in.  Letters are those of ASCII whatever the locale; other
 * bytes may stand in strings and comments only.  Columns count bytes, as most
 * editors and compilers do when they jump to FILE:LINE:COL.
 */
#include <string.h>

#include "lexer.h"

/* Return: the byte `ahead` bytes from here, -1 behind the end. */
static int peek(const struct lexer *lexer, size_t ahead)
{
	if (ahead >= lexer->bytes - lexer->at)
		return -1;
	return (unsigned char)lexer->text[lexer->at + ahead];
}

static void step(struct lexer *lexer)
{
	if (lexer->text[lexer->at++] == '\n') {
		lexer->pos.line++;
		lexer->pos.column = 1;
	} else {
		lexer->pos.column++;
	}
}

static void step_by(struct lexer *lexer, size_t bytes)
{
	for (; bytes; bytes--)
		step(lexer);
}

static bool is_letter(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool is_blank(int c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/*
 * The offending line and a caret below it.  The caret's line repeats the tabs,
 * so that it fits whatever a tab is worth; a byte that continues a character
 * of UTF-8 has no width.  Other control bytes could be orders to a terminal.
 */
static void print_line(const struct lexer *lexer, struct litmus_pos pos)
{
	const char *end = lexer->text + lexer->bytes;
	const char *line = lexer->text;
	const char *c;

	for (unsigned int i = 1; i < pos.line; line++)
		i += *line == '\n';
	for (c = line; c < end && *c != '\n'; c++) {
		if (*c == '\r' && (c + 1 == end || c[1] == '\n'))
			break;
		if (*c != '\t' && ((unsigned char)*c < ' ' || *c == 0x7f))
			fputc('?', lexer->errors);
		else
			fputc(*c, lexer->errors);
	}
	fputc('\n', lexer->errors);
	for (c = line; c < line + pos.column - 1; c++)
		if (((unsigned char)*c & 0xc0) != 0x80)
			fputc(*c == '\t' ? '\t' : ' ', lexer->errors);
	fputs("^\n", lexer->errors);
}

void lexer_complain(const struct lexer *lexer, struct litmus_pos pos,
		    const char *format, va_list args)
{
	fprintf(lexer->errors, "%s:%u:%u: error: ", lexer->path, pos.line,
		pos.column);
	vfprintf(lexer->errors, format, args);
	fputc('\n', lexer->errors);
	print_line(lexer, pos);
}

static void spoil(const struct lexer *lexer, struct token *token,
		  const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Complain about a token that cannot be read, and make it a bad one. */
static void spoil(const struct lexer *lexer, struct token *token,
		  const char *format, ...)
{
	va_list args;

	va_start(args, format);
	lexer_complain(lexer, token->pos, format, args);
	va_end(args);
	token->kind = TOKEN_BAD;
}

/* Skip a comment; comments nest.  Return: whether it ends. */
static bool skip_comment(struct lexer *lexer)
{
	unsigned int depth = 0;

	while (peek(lexer, 1) >= 0) {
		if (peek(lexer, 0) == '(' && peek(lexer, 1) == '*') {
			depth++;
			step(lexer);
		} else if (peek(lexer, 0) == '*' && peek(lexer, 1) == ')') {
			depth--;
			step(lexer);
		}
		step(lexer);
		if (!depth)
			return true;
	}
	return false;
}

/* Skip blanks and comments, and put token where they end. */
static void skip_blanks(struct lexer *lexer, struct token *token)
{
	while (peek(lexer, 0) >= 0) {
		token->pos = lexer->pos;
		if (is_blank(peek(lexer, 0))) {
			step(lexer);
		} else if (peek(lexer, 0) != '(' || peek(lexer, 1) != '*') {
			break;
		} else if (!skip_comment(lexer)) {
			spoil(lexer, token,
			      "comment without an end, expected '*)'");
			break;
		}
	}
}

/* Return: the worth of a digit, or base if c is none. */
static unsigned int digit_value(int c, unsigned int base)
{
	unsigned int value = base;

	if (is_digit(c))
		value = (unsigned int)(c - '0');
	else if (c >= 'a' && c <= 'f')
		value = (unsigned int)(c - 'a') + 10;
	else if (c >= 'A' && c <= 'F')
		value = (unsigned int)(c - 'A') + 10;
	return value < base ? value : base;
}

static void read_number(struct lexer *lexer, struct token *token)
{
	unsigned int base = 10;
	unsigned int digit;

	token->kind = TOKEN_NUMBER;
	if (peek(lexer, 0) == '0' && peek(lexer, 1) == 'x') {
		base = 16;
		step_by(lexer, 2);
		if (digit_value(peek(lexer, 0), base) == base) {
			spoil(lexer, token, "number without a digit");
			return;
		}
	}
	while ((digit = digit_value(peek(lexer, 0), base)) < base) {
		if (token->number > (UINT64_MAX - digit) / base) {
			spoil(lexer, token, "number larger than 64 bits");
			return;
		}
		token->number = token->number * base + digit;
		step(lexer);
	}
}

/* A string ends on its line, so that a forgotten quote is found there. */
static void read_string(struct lexer *lexer, struct token *token)
{
	size_t bytes = 1;

	while (peek(lexer, bytes) >= ' ' || peek(lexer, bytes) == '\t') {
		if (peek(lexer, bytes) == '"') {
			token->kind = TOKEN_STRING;
			step_by(lexer, bytes + 1);
			return;
		}
		bytes++;
	}
	spoil(lexer, token, "string without an end, expected '\"'");
}

static void read_mark(struct lexer *lexer, struct token *token)
{
	int c = peek(lexer, 0);
	int next = peek(lexer, 1);

	if ((c == '/' && next == '\\') || (c == '\\' && next == '/')) {
		token->kind = c == '/' ? TOKEN_AND : TOKEN_OR;
		step_by(lexer, 2);
	} else if (c && strchr("{}()[]|;:,.=+~", c)) {
		token->kind = c;
		step(lexer);
	} else if (c > ' ' && c < 0x7f) {
		spoil(lexer, token, "unexpected character '%c'", c);
	} else {
		spoil(lexer, token, "unexpected byte 0x%02x", (unsigned int)c);
	}
}

/* Return: where the next token starts; TOKEN_END unless there is one. */
static struct token start_token(struct lexer *lexer)
{
	struct litmus_pos last = lexer->pos;
	struct token token = { .kind = TOKEN_END, .pos = last };

	skip_blanks(lexer, &token);
	if (token.kind == TOKEN_END && peek(lexer, 0) < 0)
		token.pos = last;
	token.text = lexer->text + lexer->at;
	return token;
}

/* Take the bytes since the token's start. */
static void end_token(const struct lexer *lexer, struct token *token)
{
	token->bytes = (size_t)(lexer->text + lexer->at - token->text);
	if (token->kind == TOKEN_WORD && token->bytes > LITMUS_NAME_MAX)
		spoil(lexer, token, "name longer than %d characters",
		      LITMUS_NAME_MAX);
	if (token->kind == TOKEN_STRING) {
		token->text++;
		token->bytes -= 2;
	}
}

struct token lexer_next(struct lexer *lexer)
{
	struct token token = start_token(lexer);
	int c = peek(lexer, 0);

	if (token.kind == TOKEN_BAD || c < 0)
		return token;
	if (is_letter(c)) {
		token.kind = TOKEN_WORD;
		while (is_letter(peek(lexer, 0)) || is_digit(peek(lexer, 0)))
			step(lexer);
	} else if (is_digit(c)) {
		read_number(lexer, &token);
	} else if (c == '"') {
		read_string(lexer, &token);
	} else {
		read_mark(lexer, &token);
	}
	end_token(lexer, &token);
	return token;
}

static bool is_test_name(int c)
{
	return is_letter(c) || is_digit(c) || (c > 0 && strchr("+-.", c));
}

struct token lexer_test_name(struct lexer *lexer)
{
	struct token token = start_token(lexer);

	if (token.kind == TOKEN_BAD)
		return token;
	if (!is_test_name(peek(lexer, 0)))
		return lexer_next(lexer);
	token.kind = TOKEN_WORD;
	while (is_test_name(peek(lexer, 0)))
		step(lexer);
	end_token(lexer, &token);
	return token;
}

bool token_is(const struct token *token, const char *word)
{
	return token->kind == TOKEN_WORD && token->bytes == strlen(word) &&
	       !memcmp(token->text, word, token->bytes);
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein: letters to add, drop or change to make word of the token. */
static size_t edits(const struct token *token, const char *word)
{
	size_t row[LITMUS_NAME_MAX + 1];	/* one row of the matrix */

	for (size_t i = 0; i <= token->bytes; i++)
		row[i] = i;
	for (; *word; word++) {
		size_t corner = row[0]++;	/* the cell above and left */

		for (size_t i = 1; i <= token->bytes; i++) {
			size_t change = corner + (token->text[i - 1] != *word);

			corner = row[i];
			row[i] = min_size(change,
					  min_size(row[i], row[i - 1]) + 1);
		}
	}
	return row[token->bytes];
}

void guess_consider(struct guess *guess, const char *word)
{
	size_t distance = edits(guess->token, word);

	/* Half of the letters wrong is no slip of the finger. */
	if (distance > 2 || distance * 2 > guess->token->bytes)
		return;
	if (guess->best && guess->distance <= distance)
		return;
	guess->best = word;
	guess->distance = distance;
}
