/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parse_mm.c - address spaces: their names, and who may use which.
 *
 * The set-up makes address spaces for all columns.  One that a column forks is
 * that column's alone, and one that ends has no other user, so that no test has
 * an operation in an address space that is just being freed.
 */
#include <stdlib.h>

#include "parser.h"

bool parser_check_new(struct parser *p, const struct token *name)
{
	const struct litmus *test = p->test;
	const struct litmus_pos *old = NULL;

	for (size_t i = 0; i < test->nr_files; i++)
		if (token_is(name, test->files[i].name))
			old = &test->files[i].pos;
	for (size_t i = 0; i < test->nr_maps; i++)
		if (token_is(name, test->maps[i].name))
			old = &test->maps[i].pos;
	for (size_t i = 0; i < test->nr_mms; i++)
		if (token_is(name, test->mms[i].name))
			old = &test->mms[i].pos;
	if (!old)
		return true;
	if (!old->line)
		return parser_error(p, name->pos,
				    "'%.*s' is the first address space",
				    (int)name->bytes, name->text);
	return parser_error(p, name->pos,
			    "the name '%.*s' is taken, see line %u",
			    (int)name->bytes, name->text, old->line);
}

bool parser_find_mm(struct parser *p, const struct token *name, size_t *mm)
{
	const struct litmus *test = p->test;
	const char *known[LITMUS_MMS_MAX];

	for (*mm = 0; *mm < test->nr_mms; (*mm)++) {
		if (token_is(name, test->mms[*mm].name))
			return true;
		known[*mm] = test->mms[*mm].name;
	}
	return parser_unknown(p, name, "address space", known, test->nr_mms);
}

bool parser_new_mm(struct parser *p, const struct token *name, size_t *mm)
{
	struct litmus *test = p->test;
	struct litmus_mm *mms;

	if (!parser_check_new(p, name))
		return false;
	if (test->nr_mms == LITMUS_MMS_MAX)
		return parser_error(p, name->pos,
				    "more than %d address spaces",
				    LITMUS_MMS_MAX);
	mms = parser_grow(p, test->mms, test->nr_mms, sizeof(*mms));
	if (!mms)
		return false;
	test->mms = mms;
	*mm = test->nr_mms;
	mms[*mm].name = parser_copy(p, name);
	mms[*mm].pos = name->pos;
	mms[*mm].column = p->column;
	test->nr_mms += mms[*mm].name != NULL;
	return mms[*mm].name != NULL;
}

bool parser_use_mm(struct parser *p, struct litmus_pos pos, size_t i)
{
	struct litmus_mm *mm = &p->test->mms[i];

	if (mm->exits)
		return parser_error(p, pos, "address space '%s' has ended",
				    mm->name);
	if (mm->column != LITMUS_NONE && mm->column != p->column)
		return parser_error(p, pos,
				    "address space '%s' is that of P%zu alone",
				    mm->name, mm->column);
	if (p->column != LITMUS_NONE)
		mm->users |= 1u << p->column;
	return true;
}
