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

	if (!place->in_file && place->mm != test->maps[place->object].mm)
		fprintf(to, "%s:", test->mms[place->mm].name);
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

static bool same_span(const struct litmus_span *a, const struct litmus_span *b)
{
	return a->huge == b->huge && a->pages == b->pages;
}

/* `p[1] 2`, or `p` when that is all of it */
static void print_part(const struct litmus_map *map,
		       const struct litmus_op *op, FILE *to)
{
	fputs(map->name, to);
	if (op->start.huge || op->start.pages ||
	    !same_span(&op->length, &map->length))
		fprintf(to, "[%s] %s", span_text(&op->start).text,
			span_text(&op->length).text);
}

static const char *access_word(enum litmus_access access)
{
	return access == LITMUS_TO_WRITE ? "write" : "read";
}

static const char *protection_word(enum litmus_access access)
{
	return access == LITMUS_TO_WRITE ? "rw" :
	       access == LITMUS_TO_READ ? "ro" : "none";
}

/* An operation on a mapping, behind its verb. */
static void print_map_op(const struct litmus *test, const struct litmus_op *op,
			 FILE *to)
{
	const struct litmus_map *map = &test->maps[op->map];

	switch (op->kind) {
	case LITMUS_LOAD:
	case LITMUS_UNPIN:
		litmus_print_place(test, &op->place, to);
		return;
	case LITMUS_STORE:
		litmus_print_place(test, &op->place, to);
		fprintf(to, " %" PRIu64, op->value);
		return;
	case LITMUS_PIN:
		litmus_print_place(test, &op->place, to);
		fprintf(to, " %s", access_word(op->access));
		return;
	case LITMUS_MREMAP:
		fprintf(to, "%s[%s] %s to ", map->name,
			span_text(&op->start).text,
			span_text(&op->length).text);
		litmus_print_place(test, &op->to, to);
		if (!same_span(&op->length, &op->to_length))
			fprintf(to, " %s", span_text(&op->to_length).text);
		return;
	default:
		print_part(map, op, to);
		break;
	}
	if (op->kind == LITMUS_MPROTECT)
		fprintf(to, " %s", protection_word(op->access));
	if (op->kind == LITMUS_POPULATE)
		fprintf(to, " %s", access_word(op->access));
}

/* An operation on a file, behind its verb. */
static void print_file_op(const struct litmus *test,
			  const struct litmus_op *op, FILE *to)
{
	const char *name = test->files[op->file].name;

	switch (op->kind) {
	case LITMUS_READ:
		litmus_print_place(test, &op->place, to);
		if (op->has_buffer)
			fputs(" into ", to);
		break;
	case LITMUS_WRITE:
		litmus_print_place(test, &op->place, to);
		if (op->has_buffer)
			fputs(" from ", to);
		else
			fprintf(to, " %" PRIu64, op->value);
		break;
	case LITMUS_TRUNCATE:
		fprintf(to, "%s %s", name, span_text(&op->length).text);
		break;
	case LITMUS_FALLOCATE:
	case LITMUS_PUNCH:
		fprintf(to, "%s[%s] %s", name, span_text(&op->start).text,
			span_text(&op->length).text);
		if (op->mode != LITMUS_ALLOCATE)
			fprintf(to, " %s", litmus_fallocate_words[op->mode]);
		break;
	default:
		fputs(name, to);
		break;
	}
	if (op->has_buffer)
		litmus_print_place(test, &op->to, to);
}

void litmus_print_op(const struct litmus *test, const struct litmus_column *in,
		     const struct litmus_op *op, FILE *to)
{
	if (op->reg != LITMUS_NO_REGISTER)
		fprintf(to, "%s = ", in->registers[op->reg]);
	if (op->mm != (in ? in->mm : 0))
		fprintf(to, "%s: ", test->mms[op->mm].name);
	fputs(litmus_op_words[op->kind], to);
	if (op->kind != LITMUS_CRASH)
		fputc(' ', to);
	if (op->target != LITMUS_NONE)
		fputs(test->mms[op->target].name, to);
	else if (op->file != LITMUS_NONE)
		print_file_op(test, op, to);
	else if (op->map != LITMUS_NONE)
		print_map_op(test, op, to);
}

/* Places of which condition?  An atom's index is into these. */
struct atoms {
	const struct litmus *test;
	const struct litmus_place *places;
	FILE *to;
};

static void print_term(const struct atoms *atoms,
		       const struct litmus_term *term);

/* Parentheses keep a lower operator, or a right-hand one, together. */
static void print_operand(const struct atoms *atoms,
			  const struct litmus_term *term, bool enclosed)
{
	if (enclosed)
		fputc('(', atoms->to);
	print_term(atoms, term);
	if (enclosed)
		fputc(')', atoms->to);
}

static bool is_binary(const struct litmus_term *term)
{
	return term->kind == LITMUS_AND || term->kind == LITMUS_OR;
}

static void print_atom(const struct atoms *atoms,
		       const struct litmus_term *term)
{
	const struct litmus *test = atoms->test;

	if (term->kind == LITMUS_REGISTER)
		fprintf(atoms->to, "%zu:%s", term->column,
			test->columns[term->column].registers[term->reg]);
	else
		litmus_print_place(test, &atoms->places[term->observed],
				   atoms->to);
	fputc('=', atoms->to);
	litmus_print_value(&term->value, atoms->to);
}

static void print_term(const struct atoms *atoms,
		       const struct litmus_term *term)
{
	const struct litmus_term *left = term->left;
	const struct litmus_term *right = term->right;

	switch (term->kind) {
	case LITMUS_AND:
		print_operand(atoms, left, left->kind == LITMUS_OR);
		fputs(" /\\ ", atoms->to);
		print_operand(atoms, right, is_binary(right));
		break;
	case LITMUS_OR:
		print_operand(atoms, left, false);
		fputs(" \\/ ", atoms->to);
		print_operand(atoms, right, right->kind == LITMUS_OR);
		break;
	case LITMUS_NOT:
		fputc('~', atoms->to);
		print_operand(atoms, left,
			      left->kind != LITMUS_NOT &&
				      left->kind != LITMUS_TRUE);
		break;
	case LITMUS_TRUE:
		fputs("true", atoms->to);
		break;
	default:
		print_atom(atoms, term);
		break;
	}
}

void litmus_print_condition(const struct litmus *test, FILE *to)
{
	const struct atoms atoms = { test, test->observed, to };

	fprintf(to, "%s (", litmus_quantifier_words[test->quantifier]);
	print_term(&atoms, test->condition);
	fputc(')', to);
}

void litmus_print_medium(const struct litmus *test, FILE *to)
{
	const struct atoms atoms = { test, test->on_medium, to };

	if (!test->medium)
		return;
	fprintf(to, "medium %s (",
		litmus_quantifier_words[test->medium_quantifier]);
	print_term(&atoms, test->medium);
	fputc(')', to);
}

/* `1:r0=0; p[0]=1;`, behind what the line has already; prefix comes first. */
static void print_values(const struct litmus *test, const char *prefix,
			 const struct litmus_value *const *registers,
			 const struct litmus_place *places,
			 const struct litmus_value *values, size_t nr,
			 const char **gap, FILE *to)
{
	for (size_t c = 0; c < test->nr_columns; c++)
		for (size_t r = 0; r < test->columns[c].nr_registers; r++) {
			fprintf(to, "%s%s%zu:%s=", *gap, prefix, c,
				test->columns[c].registers[r]);
			litmus_print_value(&registers[c][r], to);
			fputc(';', to);
			*gap = " ";
		}
	for (size_t i = 0; i < nr; i++) {
		fprintf(to, "%s%s", *gap, prefix);
		litmus_print_place(test, &places[i], to);
		fputc('=', to);
		litmus_print_value(&values[i], to);
		fputc(';', to);
		*gap = " ";
	}
}

void litmus_print_state(const struct litmus *test,
			const struct litmus_state *state, FILE *to)
{
	const char *gap = "";

	print_values(test, "", state->registers, test->observed,
		     state->observed, test->nr_observed, &gap, to);
	if (test->medium)
		print_values(test, "crash:", state->crash_registers,
			     test->on_medium, state->medium,
			     test->nr_on_medium,
			     &gap, to);
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
	fprintf(to, "%s%s", map->sync ? " sync" : "",
		map->populate ? " populate" : "");
	fprintf(to, " offset %s", span_text(&map->offset).text);
	fprintf(to, " length %s", span_text(&map->length).text);
	if (map->mm)
		fprintf(to, " in %s", test->mms[map->mm].name);
	fprintf(to, "%s;\n", unmapped);
}

/* The failures that are to be tried. */
static void print_failures(const struct litmus *test, FILE *to)
{
	if (test->fail_alloc)
		fprintf(to, "  fail alloc %u;\n", test->fail_alloc);
	if (test->fail_iomap)
		fprintf(to, "  fail iomap %u;\n", test->fail_iomap);
	for (size_t i = 0; i < test->nr_poisoned; i++) {
		fputs("  poison ", to);
		litmus_print_place(test, &test->poisoned[i], to);
		fputs(";\n", to);
	}
}

/* Return: how many maps must be declared before this operation. */
static size_t maps_before(const struct litmus *test, const struct litmus_op *op)
{
	size_t nr = op->map == LITMUS_NONE ? 0 : op->map + 1;

	for (size_t i = nr; i < test->nr_maps && op->kind == LITMUS_EXIT; i++)
		if (test->maps[i].mm == op->target)
			nr = i + 1;
	if ((op->kind == LITMUS_MREMAP || op->has_buffer) &&
	    op->to.object >= nr)
		nr = op->to.object + 1;
	return nr;
}

/* A map is declared by the operation that maps it, `unmapped` before others. */
static void print_setup(const struct litmus *test, FILE *to)
{
	size_t declared = 0;

	for (size_t i = 0; i < test->nr_files; i++)
		print_file(&test->files[i], to);
	print_failures(test, to);
	for (size_t i = 0; i < test->nr_setup; i++) {
		const struct litmus_op *op = &test->setup[i];
		size_t before = maps_before(test, op);
		bool declares = op->kind == LITMUS_MAP && before > declared &&
				op->mm == test->maps[op->map].mm;

		while (declared + declares < before)
			print_map(test, &test->maps[declared++], " unmapped",
				  to);
		if (declares) {
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
	for (size_t c = 0; c < test->nr_columns; c++) {
		const struct litmus_column *column = &test->columns[c];

		fprintf(to, "%sP%zu", c ? " | " : " ", c);
		if (column->mm)
			fprintf(to, ":%s", test->mms[column->mm].name);
	}
	fputs(" ;\n", to);
	for (size_t row = 0; print_row(test, row, to); row++)
		;
	fputc('\n', to);
	litmus_print_condition(test, to);
	fputc('\n', to);
	if (test->medium) {
		litmus_print_medium(test, to);
		fputc('\n', to);
	}
	for (unsigned int i = 1; i <= LITMUS_INVARIANTS; i++)
		if (test->expected & (1u << i))
			fprintf(to, "expect O%u\n", i);
}
