/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * print.c - a test, or a part of it, back to text that parses.
 */
#include <inttypes.h>

#include "words.h"

static void print_span(const struct litmus_span *span, FILE *to)
{
	fputs(span_text(span).text, to);
}

void litmus_print_place(const struct litmus *test,
			const struct litmus_place *place, FILE *to)
{
	const char *name = place->in_file ? test->files[place->object].name
					  : test->maps[place->object].name;

	fprintf(to, "%s[%s]", name, span_text(&place->page).text);
	if (place->byte)
		fprintf(to, ".%u", place->byte);
}

void litmus_print_value(const struct litmus_value *value, FILE *to)
{
	if (value->error == LITMUS_OK)
		fprintf(to, "%" PRIu64, value->number);
	else
		fputs(litmus_error_words[value->error], to);
}

/* `p[1] 2`, or `p` when that is all of it */
static void print_part(const struct litmus_map *map,
		       const struct litmus_op *op, FILE *to)
{
	fputs(map->name, to);
	if (op->start.huge || op->start.pages ||
	    op->length.huge != map->length.huge ||
	    op->length.pages != map->length.pages)
		fprintf(to, "[%s] %s", span_text(&op->start).text,
			span_text(&op->length).text);
}

void litmus_print_op(const struct litmus *test, const struct litmus_column *in,
		     const struct litmus_op *op, FILE *to)
{
	if (op->reg != LITMUS_NO_REGISTER)
		fprintf(to, "%s = ", in->registers[op->reg]);
	fprintf(to, "%s ", litmus_op_words[op->kind]);
	switch (op->kind) {
	case LITMUS_LOAD:
		litmus_print_place(test, &op->place, to);
		break;
	case LITMUS_STORE:
		litmus_print_place(test, &op->place, to);
		fprintf(to, " %" PRIu64, op->value);
		break;
	case LITMUS_DONTNEED:
	case LITMUS_UNMAP:
	case LITMUS_MAP:
		print_part(&test->maps[op->map], op, to);
		break;
	}
}

static void print_term(const struct litmus *test,
		       const struct litmus_term *term, FILE *to);

/* Parentheses keep a lower operator, or a right-hand one, together. */
static void print_operand(const struct litmus *test,
			  const struct litmus_term *term, bool enclosed,
			  FILE *to)
{
	if (enclosed)
		fputc('(', to);
	print_term(test, term, to);
	if (enclosed)
		fputc(')', to);
}

static bool is_binary(const struct litmus_term *term)
{
	return term->kind == LITMUS_AND || term->kind == LITMUS_OR;
}

static void print_term(const struct litmus *test,
		       const struct litmus_term *term, FILE *to)
{
	const struct litmus_term *left = term->left;
	const struct litmus_term *right = term->right;

	switch (term->kind) {
	case LITMUS_AND:
		print_operand(test, left, left->kind == LITMUS_OR, to);
		fputs(" /\\ ", to);
		print_operand(test, right, is_binary(right), to);
		return;
	case LITMUS_OR:
		print_operand(test, left, false, to);
		fputs(" \\/ ", to);
		print_operand(test, right, right->kind == LITMUS_OR, to);
		return;
	case LITMUS_NOT:
		fputc('~', to);
		print_operand(test, left,
			      left->kind != LITMUS_NOT &&
				      left->kind != LITMUS_TRUE, to);
		return;
	case LITMUS_TRUE:
		fputs("true", to);
		return;
	case LITMUS_REGISTER:
		fprintf(to, "%zu:%s=", term->column,
			test->columns[term->column].registers[term->reg]);
		break;
	case LITMUS_PLACE:
		litmus_print_place(test, &test->observed[term->observed], to);
		fputc('=', to);
		break;
	}
	litmus_print_value(&term->value, to);
}

void litmus_print_condition(const struct litmus *test, FILE *to)
{
	fprintf(to, "%s (", litmus_quantifier_words[test->quantifier]);
	print_term(test, test->condition, to);
	fputc(')', to);
}

void litmus_print_state(const struct litmus *test,
			const struct litmus_state *state, FILE *to)
{
	const char *gap = "";

	for (size_t c = 0; c < test->nr_columns; c++)
		for (size_t r = 0; r < test->columns[c].nr_registers; r++) {
			fprintf(to, "%s%zu:%s=", gap, c,
				test->columns[c].registers[r]);
			litmus_print_value(&state->registers[c][r], to);
			fputc(';', to);
			gap = " ";
		}
	for (size_t i = 0; i < test->nr_observed; i++) {
		fputs(gap, to);
		litmus_print_place(test, &test->observed[i], to);
		fputc('=', to);
		litmus_print_value(&state->observed[i], to);
		fputc(';', to);
		gap = " ";
	}
}

static void print_file(const struct litmus_file *file, FILE *to)
{
	fprintf(to, "  file %s = ", file->name);
	for (size_t i = 0; i < file->nr_extents; i++) {
		fprintf(to, "%s%s ", i ? ", " : "",
			litmus_extent_words[file->extents[i].kind]);
		print_span(&file->extents[i].length, to);
	}
	fputs(";\n", to);
}

static void print_map(const struct litmus *test, const struct litmus_map *map,
		      const char *unmapped, FILE *to)
{
	fprintf(to, "  map %s = %s %s %s", map->name,
		test->files[map->file].name, map->shared ? "shared" : "private",
		map->writable ? "rw" : "ro");
	fprintf(to, " offset %s", span_text(&map->offset).text);
	fprintf(to, " length %s%s;\n", span_text(&map->length).text, unmapped);
}

/* A map is declared by the operation that maps it, `unmapped` before others. */
static void print_setup(const struct litmus *test, FILE *to)
{
	size_t declared = 0;

	for (size_t i = 0; i < test->nr_files; i++)
		print_file(&test->files[i], to);
	for (size_t i = 0; i < test->nr_setup; i++) {
		const struct litmus_op *op = &test->setup[i];

		while (declared < op->map ||
		       (declared == op->map && op->kind != LITMUS_MAP))
			print_map(test, &test->maps[declared++], " unmapped",
				  to);
		if (declared == op->map) {
			print_map(test, &test->maps[declared++], "", to);
			continue;
		}
		fputs("  ", to);
		litmus_print_op(test, NULL, op, to);
		fputs(";\n", to);
	}
	while (declared < test->nr_maps)
		print_map(test, &test->maps[declared++], " unmapped", to);
}

/* Return: whether there was such a row. */
static bool print_row(const struct litmus *test, size_t row, FILE *to)
{
	bool any = false;

	for (size_t c = 0; c < test->nr_columns; c++)
		any = any || row < test->columns[c].nr_ops;
	if (!any)
		return false;
	for (size_t c = 0; c < test->nr_columns; c++) {
		const struct litmus_column *column = &test->columns[c];

		fputs(c ? " | " : " ", to);
		if (row < column->nr_ops)
			litmus_print_op(test, column, &column->ops[row], to);
	}
	fputs(" ;\n", to);
	return true;
}

void litmus_print(const struct litmus *test, FILE *to)
{
	fprintf(to, "DAX %s\n", test->name);
	if (*test->description)
		fprintf(to, "\"%s\"\n", test->description);
	fputs("{\n", to);
	print_setup(test, to);
	fputs("}\n", to);
	for (size_t c = 0; c < test->nr_columns; c++)
		fprintf(to, "%sP%zu", c ? " | " : " ", c);
	fputs(" ;\n", to);
	for (size_t row = 0; print_row(test, row, to); row++)
		;
	fputc('\n', to);
	litmus_print_condition(test, to);
	fputc('\n', to);
	for (unsigned int i = 1; i <= LITMUS_INVARIANTS; i++)
		if (test->expected & (1u << i))
			fprintf(to, "expect O%u\n", i);
}
