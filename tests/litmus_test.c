/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * litmus_test.c - the language of litmus tests: what a good file becomes, what
 * is said about a bad one, truth, printing, and files full of rubbish.
 *
 * Runs in the project's folder: it reads corpus/ and man/.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "litmus_text.h"

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A128 A64 A64
#define P20 "(((((((((((((((((((("
#define P101 P20 P20 P20 P20 P20 "("

static void assert_span(struct litmus_span span, uint64_t huge, uint64_t pages)
{
	assert_int_equal(span.huge, huge);
	assert_int_equal(span.pages, pages);
}

/*
 * What a good file becomes.
 */

static const char example[] =
	"DAX 2+example.a\n"
	"\"Two maps, (* no comment *)\"\n"
	"{\n"
	"  file f = mapped 1 pmd, hole 2 pages, unwritten 1pmd+0x10;\n"
	"  map p = f private rw;   (* a (* nested *) comment *)\n"
	"  map q = f shared ro offset 1pmd length 3 unmapped;\n"
	"  load p[0];\n"
	"  dontneed p[1pmd+2] 1 page;\n"
	"}\n"
	" P0             | P1                     ;\n"
	" map q          | e0 = store p[0x1].8 3  ;\n"
	" r1 = load q[2] |                        ;\n"
	" r0=load p[1pmd]| e0 = store p[1pmd+3] 4 ;\n"
	" r1 = load p[0] | unmap p                ;\n"
	"~exists (1:e0=SIGBUS /\\ p[1].8=3 \\/ not f[1pmd]=0)\n"
	"expect O1, O14\n"
	"expect O8\n";

static void test_files_and_maps(void **state)
{
	struct litmus *test = parse_good(example, strlen(example));

	(void)state;
	assert_string_equal(test->path, "t");
	assert_string_equal(test->name, "2+example.a");
	assert_string_equal(test->description, "Two maps, (* no comment *)");

	assert_int_equal(test->nr_files, 1);
	assert_string_equal(test->files[0].name, "f");
	assert_int_equal(test->files[0].pos.line, 4);
	assert_int_equal(test->files[0].pos.column, 8);
	assert_span(test->files[0].size, 2, 18);
	assert_int_equal(test->files[0].nr_extents, 3);
	assert_int_equal(test->files[0].extents[0].kind, LITMUS_MAPPED);
	assert_span(test->files[0].extents[0].start, 0, 0);
	assert_span(test->files[0].extents[0].length, 1, 0);
	assert_int_equal(test->files[0].extents[1].kind, LITMUS_HOLE);
	assert_span(test->files[0].extents[1].start, 1, 0);
	assert_span(test->files[0].extents[1].length, 0, 2);
	assert_int_equal(test->files[0].extents[2].kind, LITMUS_UNWRITTEN);
	assert_span(test->files[0].extents[2].start, 1, 2);
	assert_span(test->files[0].extents[2].length, 1, 16);

	assert_int_equal(test->nr_maps, 2);
	assert_string_equal(test->maps[0].name, "p");
	assert_false(test->maps[0].shared);
	assert_true(test->maps[0].writable);
	assert_span(test->maps[0].offset, 0, 0);
	assert_span(test->maps[0].length, 2, 18);
	assert_string_equal(test->maps[1].name, "q");
	assert_true(test->maps[1].shared);
	assert_false(test->maps[1].writable);
	assert_span(test->maps[1].offset, 1, 0);
	assert_span(test->maps[1].length, 0, 3);
	litmus_free(test);
}

static void test_operations(void **state)
{
	struct litmus *test = parse_good(example, strlen(example));
	const struct litmus_op *op;

	(void)state;
	/* q is not mapped by its declaration. */
	assert_int_equal(test->nr_setup, 3);
	op = test->setup;
	assert_int_equal(op[0].kind, LITMUS_MAP);
	assert_int_equal(op[0].map, 0);
	assert_int_equal(op[0].pos.line, 5);
	assert_int_equal(op[0].pos.column, 3);
	assert_true(op[0].reg == LITMUS_NO_REGISTER);
	assert_int_equal(op[1].kind, LITMUS_LOAD);
	assert_int_equal(op[2].kind, LITMUS_DONTNEED);
	assert_span(op[2].start, 1, 2);
	assert_span(op[2].length, 0, 1);

	assert_int_equal(test->nr_columns, 2);
	assert_int_equal(test->columns[0].nr_ops, 4);
	assert_int_equal(test->columns[0].nr_registers, 2);
	assert_string_equal(test->columns[0].registers[0], "r1");
	assert_string_equal(test->columns[0].registers[1], "r0");
	op = test->columns[0].ops;
	assert_int_equal(op[0].kind, LITMUS_MAP);
	assert_int_equal(op[0].map, 1);
	assert_int_equal(op[1].map, 1);
	assert_int_equal(op[1].place.object, 1);
	assert_int_equal(op[2].reg, 1);
	assert_span(op[2].place.page, 1, 0);
	assert_int_equal(op[3].reg, 0);
	assert_int_equal(op[3].pos.line, 14);
	assert_int_equal(op[3].pos.column, 2);

	assert_int_equal(test->columns[1].nr_ops, 3);
	op = test->columns[1].ops;
	assert_int_equal(op[0].kind, LITMUS_STORE);
	assert_int_equal(op[0].place.byte, 8);
	assert_int_equal(op[0].value, 3);
	assert_int_equal(op[0].reg, 0);
	assert_int_equal(op[2].kind, LITMUS_UNMAP);
	assert_span(op[2].start, 0, 0);
	assert_span(op[2].length, 2, 18);
	litmus_free(test);
}

static void test_condition(void **state)
{
	struct litmus *test = parse_good(example, strlen(example));
	const struct litmus_term *term = test->condition;

	(void)state;
	assert_int_equal(test->quantifier, LITMUS_NOT_EXISTS);
	assert_int_equal(term->kind, LITMUS_OR);
	assert_int_equal(term->left->kind, LITMUS_AND);
	assert_int_equal(term->left->left->kind, LITMUS_REGISTER);
	assert_int_equal(term->left->left->column, 1);
	assert_int_equal(term->left->left->reg, 0);
	assert_int_equal(term->left->left->value.error, LITMUS_SIGBUS);
	assert_int_equal(term->left->right->kind, LITMUS_PLACE);
	assert_int_equal(term->left->right->value.number, 3);
	assert_int_equal(term->right->kind, LITMUS_NOT);
	assert_int_equal(term->right->left->observed, 1);

	assert_int_equal(test->nr_observed, 2);
	assert_false(test->observed[0].in_file);
	assert_int_equal(test->observed[0].byte, 8);
	assert_true(test->observed[1].in_file);
	assert_span(test->observed[1].page, 1, 0);

	assert_int_equal(test->expected, 1u << 1 | 1u << 8 | 1u << 14);
	litmus_free(test);
}

static void test_least(void **state)
{
	static const char text[] = "DAX t{}P0;";
	struct litmus *test = parse_good(text, strlen(text));

	(void)state;
	assert_string_equal(test->description, "");
	assert_int_equal(test->nr_columns, 1);
	assert_int_equal(test->quantifier, LITMUS_FORALL);
	assert_int_equal(test->condition->kind, LITMUS_TRUE);
	assert_int_equal(test->expected, 0);
	litmus_free(test);
}

/* What depends on the size of a huge page is left to the set-up. */
static void test_undecided(void **state)
{
	static const char text[] =
		SETUP("file g = mapped 1pmd+1;\n"
		      "map q = f shared rw offset 3 length 4;\n"
		      "map s = g shared rw offset 1;\n"
		      "load p[511]; dontneed p[300] 200;\n"
		      "}\nP0 ;");
	struct litmus *test = parse_good(text, strlen(text));

	(void)state;
	assert_span(test->maps[2].length, 1, 0);
	litmus_free(test);
}

/*
 * What is said about a bad one.
 */

static const struct {
	const char *text;
	const char *errors;
} bad[] = {
	/* the header */
	{ "",
	  "t:1:1: error: expected 'DAX' before the end of the file\n"
	  "\n"
	  "^\n" },
	{ "  (* nothing *)\n",
	  "t:1:1: error: expected 'DAX' before the end of the file\n"
	  "  (* nothing *)\n"
	  "^\n" },
	{ "X86 t\n",
	  "t:1:1: error: expected 'DAX' before 'X86'\n"
	  "X86 t\n"
	  "^\n" },
	{ "DAX \"t\"\n",
	  "t:1:5: error: expected the name of the test before a string\n"
	  "DAX \"t\"\n"
	  "    ^\n" },
	{ "DAX " A128 "\n{}",
	  "t:1:5: error: name longer than 127 characters\n"
	  "DAX " A128 "\n"
	  "    ^\n" },
	{ "DAX t\n\"no end\n{}",
	  "t:2:1: error: string without an end, expected '\"'\n"
	  "\"no end\n"
	  "^\n" },
	{ "DAX t\nfile",
	  "t:2:1: error: expected '{' before 'file'\n"
	  "file\n"
	  "^\n" },
	{ "DAX t\n\"d\" \"e\"\n{}",
	  "t:2:5: error: expected '{' before a string\n"
	  "\"d\" \"e\"\n"
	  "    ^\n" },
	/* bytes and comments */
	{ "DAX t (* one (* two *)\n{}\n",
	  "t:1:7: error: comment without an end, expected '*)'\n"
	  "DAX t (* one (* two *)\n"
	  "      ^\n" },
	{ "DAX t { $ }",
	  "t:1:9: error: unexpected character '$'\n"
	  "DAX t { $ }\n"
	  "        ^\n" },
	{ "DAX t {\001}",
	  "t:1:8: error: unexpected byte 0x01\n"
	  "DAX t {?}\n"
	  "       ^\n" },
	{ "DAX\tt\n{\tfil\t}",
	  "t:2:3: error: unknown operation 'fil', did you mean 'file'?\n"
	  "{\tfil\t}\n"
	  " \t^\n" },
	{ "DAX t\r\n{ fil }\r\n",
	  "t:2:3: error: unknown operation 'fil', did you mean 'file'?\n"
	  "{ fil }\n"
	  "  ^\n" },
	{ "DAX t (* \303\244\303\266 *) {{",
	  "t:1:19: error: expected an operation before '{'\n"
	  "DAX t (* \303\244\303\266 *) {{\n"
	  "                ^\n" },
	{ SETUP("store p[0] 0x;"),
	  "t:5:12: error: number without a digit\n"
	  "store p[0] 0x;\n"
	  "           ^\n" },
	{ SETUP("store p[0] 18446744073709551616;"),
	  "t:5:12: error: number larger than 64 bits\n"
	  "store p[0] 18446744073709551616;\n"
	  "           ^\n" },
	{ SETUP("file " A128 " = hole 1;"),
	  "t:5:6: error: name longer than 127 characters\n"
	  "file " A128 " = hole 1;\n"
	  "     ^\n" },
	/* files */
	{ SETUP("fil g = hole 1;"),
	  "t:5:1: error: unknown operation 'fil', did you mean 'file'?\n"
	  "fil g = hole 1;\n"
	  "^\n" },
	{ SETUP("frob p;"),
	  "t:5:1: error: unknown operation 'frob' (known: load, store, "
	  "dontneed, map, unmap, mprotect, mremap, populate, pin, unpin, "
	  "msync, fsync, read, write, truncate, fallocate, punch, fork, exit, "
	  "mm, file, fail, poison)\n"
	  "frob p;\n"
	  "^\n" },
	{ SETUP("file 1 = hole 1;"),
	  "t:5:6: error: expected the name of the file before '1'\n"
	  "file 1 = hole 1;\n"
	  "     ^\n" },
	{ SETUP("file load = hole 1;"),
	  "t:5:6: error: 'load' is a keyword, expected the name of the "
	  "file\n"
	  "file load = hole 1;\n"
	  "     ^\n" },
	{ SETUP("file p = hole 1;"),
	  "t:5:6: error: the name 'p' is taken, see line 4\n"
	  "file p = hole 1;\n"
	  "     ^\n" },
	{ SETUP("file g hole 1;"),
	  "t:5:8: error: expected '=' before 'hole'\n"
	  "file g hole 1;\n"
	  "       ^\n" },
	{ SETUP("file g = 2 pmd;"),
	  "t:5:10: error: expected 'mapped', 'hole' or 'unwritten' before "
	  "'2'\n"
	  "file g = 2 pmd;\n"
	  "         ^\n" },
	{ SETUP("file g = maped 1;"),
	  "t:5:10: error: unknown kind of extent 'maped', did you mean "
	  "'mapped'?\n"
	  "file g = maped 1;\n"
	  "         ^\n" },
	{ SETUP("file g = full 1;"),
	  "t:5:10: error: unknown kind of extent 'full' (known: hole, "
	  "unwritten, mapped)\n"
	  "file g = full 1;\n"
	  "         ^\n" },
	{ SETUP("file g = hole pages;"),
	  "t:5:15: error: expected the length of the extent before 'pages'\n"
	  "file g = hole pages;\n"
	  "              ^\n" },
	{ SETUP("file g = hole 0;"),
	  "t:5:15: error: a length of 0\n"
	  "file g = hole 0;\n"
	  "              ^\n" },
	{ SETUP("file g = hole 1048577;"),
	  "t:5:15: error: more than 1048576 pages\n"
	  "file g = hole 1048577;\n"
	  "              ^\n" },
	{ SETUP("file g = hole 1pmd+;"),
	  "t:5:20: error: expected a number of pages before ';'\n"
	  "file g = hole 1pmd+;\n"
	  "                   ^\n" },
	{ SETUP("file g = hole 1"),
	  "t:5:16: error: expected ',' or ';' before the end of the file\n"
	  "file g = hole 1\n"
	  "               ^\n" },
	{ SETUP("file g = hole 1048576, hole 1 page;"),
	  "t:5:29: error: more than 1048576 pages\n"
	  "file g = hole 1048576, hole 1 page;\n"
	  "                            ^\n" },
	{ SETUP("file g = hole 1, ;"),
	  "t:5:18: error: expected 'mapped', 'hole' or 'unwritten' before "
	  "';'\n"
	  "file g = hole 1, ;\n"
	  "                 ^\n" },
	{ SETUP("file g = hole 1 2;"),
	  "t:5:17: error: expected ',' or ';' before '2'\n"
	  "file g = hole 1 2;\n"
	  "                ^\n" },
	{ SETUP("r0 = load p[0];"),
	  "t:5:1: error: unknown operation 'r0' (known: load, store, "
	  "dontneed, map, unmap, mprotect, mremap, populate, pin, unpin, "
	  "msync, fsync, read, write, truncate, fallocate, punch, fork, exit, "
	  "mm, file, fail, poison)\n"
	  "r0 = load p[0];\n"
	  "^\n" },
	/* mappings */
	{ SETUP("map q = g private rw;"),
	  "t:5:9: error: unknown file 'g' (known: f)\n"
	  "map q = g private rw;\n"
	  "        ^\n" },
	{ SETUP("map q = p private rw;"),
	  "t:5:9: error: 'p' is a mapping, expected a file\n"
	  "map q = p private rw;\n"
	  "        ^\n" },
	{ SETUP("map q = f rw;"),
	  "t:5:11: error: expected 'private' or 'shared' before 'rw'\n"
	  "map q = f rw;\n"
	  "          ^\n" },
	{ SETUP("map q = f shared;"),
	  "t:5:17: error: expected 'ro' or 'rw' before ';'\n"
	  "map q = f shared;\n"
	  "                ^\n" },
	{ SETUP("map q = f shared rw length 2pmd;"),
	  "t:5:28: error: mapping 'q' leaves file 'f' [0, 1pmd)\n"
	  "map q = f shared rw length 2pmd;\n"
	  "                           ^\n" },
	{ SETUP("map q = f shared rw offset 1pmd;"),
	  "t:5:28: error: mapping 'q' leaves file 'f' [0, 1pmd)\n"
	  "map q = f shared rw offset 1pmd;\n"
	  "                           ^\n" },
	{ SETUP("map q = f shared rw offset 600 length 1;"),
	  "t:5:28: error: mapping 'q' leaves file 'f' [0, 1pmd)\n"
	  "map q = f shared rw offset 600 length 1;\n"
	  "                           ^\n" },
	{ SETUP("map q = f shared rw offset 1;"),
	  "t:5:5: error: no default length for 'q', give one\n"
	  "map q = f shared rw offset 1;\n"
	  "    ^\n" },
	{ SETUP("map q = f shared rw offset 1 length 1pmd;"),
	  "t:5:37: error: mapping 'q' leaves file 'f' [0, 1pmd)\n"
	  "map q = f shared rw offset 1 length 1pmd;\n"
	  "                                    ^\n" },
	{ SETUP("map q = f shared rw length 0;"),
	  "t:5:28: error: a length of 0\n"
	  "map q = f shared rw length 0;\n"
	  "                           ^\n" },
	{ SETUP("map q = f shared rw unmaped;"),
	  "t:5:21: error: expected 'sync', 'populate', 'offset', 'length', "
	  "'in', 'unmapped' (in this order) or ';' before 'unmaped'\n"
	  "map q = f shared rw unmaped;\n"
	  "                    ^\n" },
	{ SETUP("map f = f shared rw;"),
	  "t:5:5: error: the name 'f' is taken, see line 3\n"
	  "map f = f shared rw;\n"
	  "    ^\n" },
	{ SETUP("map q;"),
	  "t:5:5: error: unknown mapping 'q' (known: p)\n"
	  "map q;\n"
	  "    ^\n" },
	/* operations */
	{ TABLE("stor p[0] 1 | ;"),
	  "t:7:1: error: unknown operation 'stor', did you mean 'store'?\n"
	  "stor p[0] 1 | ;\n"
	  "^\n" },
	{ TABLE("frob p[0] | ;"),
	  "t:7:1: error: unknown operation 'frob' (known: load, store, "
	  "dontneed, map, unmap, mprotect, mremap, populate, pin, unpin, "
	  "msync, fsync, read, write, truncate, fallocate, punch, fork, exit, "
	  "crash)\n"
	  "frob p[0] | ;\n"
	  "^\n" },
	{ TABLE("r0 = lod p[0] | ;"),
	  "t:7:6: error: unknown operation 'lod', did you mean 'load'?\n"
	  "r0 = lod p[0] | ;\n"
	  "     ^\n" },
	{ TABLE("file = load p[0] | ;"),
	  "t:7:1: error: 'file' is a keyword, expected an operation\n"
	  "file = load p[0] | ;\n"
	  "^\n" },
	{ TABLE("load q[0] | ;"),
	  "t:7:6: error: unknown mapping 'q' (known: p)\n"
	  "load q[0] | ;\n"
	  "     ^\n" },
	{ TABLE("load f[0] | ;"),
	  "t:7:6: error: 'f' is a file, expected a mapping\n"
	  "load f[0] | ;\n"
	  "     ^\n" },
	{ TABLE("load p | ;"),
	  "t:7:8: error: expected '[' before '|'\n"
	  "load p | ;\n"
	  "       ^\n" },
	{ TABLE("load p[ | ;"),
	  "t:7:9: error: expected a page before '|'\n"
	  "load p[ | ;\n"
	  "        ^\n" },
	{ TABLE("load p[0 | ;"),
	  "t:7:10: error: expected ']' before '|'\n"
	  "load p[0 | ;\n"
	  "         ^\n" },
	{ TABLE("load p[1pmd] | ;"),
	  "t:7:8: error: page 1pmd is outside 'p' [0, 1pmd)\n"
	  "load p[1pmd] | ;\n"
	  "       ^\n" },
	{ TABLE("load p[0].4 | ;"),
	  "t:7:11: error: byte offset is not a multiple of 8\n"
	  "load p[0].4 | ;\n"
	  "          ^\n" },
	{ TABLE("load p[0].4096 | ;"),
	  "t:7:11: error: byte offset is 4096 or more\n"
	  "load p[0].4096 | ;\n"
	  "          ^\n" },
	{ TABLE("load p[0]. | ;"),
	  "t:7:12: error: expected a byte offset before '|'\n"
	  "load p[0]. | ;\n"
	  "           ^\n" },
	{ TABLE("store p[0] | ;"),
	  "t:7:12: error: expected the number to store before '|'\n"
	  "store p[0] | ;\n"
	  "           ^\n" },
	{ TABLE("store p[0] SIGBUS | ;"),
	  "t:7:12: error: expected the number to store before 'SIGBUS'\n"
	  "store p[0] SIGBUS | ;\n"
	  "           ^\n" },
	{ TABLE("dontneed p[0] | ;"),
	  "t:7:15: error: expected a length before '|'\n"
	  "dontneed p[0] | ;\n"
	  "              ^\n" },
	{ TABLE("dontneed p[0] 0 | ;"),
	  "t:7:15: error: a length of 0\n"
	  "dontneed p[0] 0 | ;\n"
	  "              ^\n" },
	{ TABLE("unmap p[0] 2pmd | ;"),
	  "t:7:12: error: the range leaves 'p' [0, 1pmd)\n"
	  "unmap p[0] 2pmd | ;\n"
	  "           ^\n" },
	{ TABLE("unmap p[0].8 1 | ;"),
	  "t:7:11: error: expected a length before '.'\n"
	  "unmap p[0].8 1 | ;\n"
	  "          ^\n" },
	{ TABLE("map f | ;"),
	  "t:7:5: error: 'f' is a file, expected a mapping\n"
	  "map f | ;\n"
	  "    ^\n" },
	/* the table */
	{ SETUP("}\nP1 ;"),
	  "t:6:1: error: expected 'P0' before 'P1'\n"
	  "P1 ;\n"
	  "^\n" },
	{ SETUP("}\nP0 P1 ;"),
	  "t:6:4: error: expected '|' or ';' before 'P1'\n"
	  "P0 P1 ;\n"
	  "   ^\n" },
	{ SETUP("}\nP0 | ;"),
	  "t:6:6: error: expected 'P1' before ';'\n"
	  "P0 | ;\n"
	  "     ^\n" },
	{ SETUP("}\nP0|P1|P2|P3|P4|P5|P6|P7|P8;"),
	  "t:6:25: error: more than 8 columns\n"
	  "P0|P1|P2|P3|P4|P5|P6|P7|P8;\n"
	  "                        ^\n" },
	{ TABLE("load p[0] ;"),
	  "t:7:11: error: expected '|' and the next column before ';'\n"
	  "load p[0] ;\n"
	  "          ^\n" },
	{ TABLE("load p[0] | | ;"),
	  "t:7:13: error: more cells than columns\n"
	  "load p[0] | | ;\n"
	  "            ^\n" },
	{ TABLE("load p[0] | load p[1]\nforall (true)"),
	  "t:8:1: error: expected ';' before 'forall'\n"
	  "forall (true)\n"
	  "^\n" },
	{ TABLE("load p[0] load p[1] | ;"),
	  "t:7:11: error: expected '|' and the next column before 'load'\n"
	  "load p[0] load p[1] | ;\n"
	  "          ^\n" },
	{ TABLE("| }"),
	  "t:7:3: error: expected an operation before '}'\n"
	  "| }\n"
	  "  ^\n" },
	/* conditions and expectations */
	{ CONDITION("~forall (true)"),
	  "t:8:2: error: expected 'exists' before 'forall'\n"
	  "~forall (true)\n"
	  " ^\n" },
	{ CONDITION("exists"),
	  "t:8:7: error: expected a register or a place before the end of "
	  "the file\n"
	  "exists\n"
	  "      ^\n" },
	{ CONDITION("exists ()"),
	  "t:8:9: error: expected a register or a place before ')'\n"
	  "exists ()\n"
	  "        ^\n" },
	{ CONDITION("exists (true"),
	  "t:8:13: error: expected '/\\', '\\/' or ')' before the end of "
	  "the file\n"
	  "exists (true\n"
	  "            ^\n" },
	{ CONDITION("exists (true /\\ )"),
	  "t:8:17: error: expected a register or a place before ')'\n"
	  "exists (true /\\ )\n"
	  "                ^\n" },
	{ CONDITION("exists (0:r0=0 0:r0=1)"),
	  "t:8:16: error: expected '/\\', '\\/' or ')' before '0'\n"
	  "exists (0:r0=0 0:r0=1)\n"
	  "               ^\n" },
	{ CONDITION("exists (2:r0=0)"),
	  "t:8:9: error: there is no column P2\n"
	  "exists (2:r0=0)\n"
	  "        ^\n" },
	{ CONDITION("exists (0:r1=0)"),
	  "t:8:11: error: unknown register of P0 'r1', did you mean 'r0'?\n"
	  "exists (0:r1=0)\n"
	  "          ^\n" },
	{ CONDITION("exists (1:r0=0)"),
	  "t:8:11: error: unknown register of P1 'r0' (known: none)\n"
	  "exists (1:r0=0)\n"
	  "          ^\n" },
	{ CONDITION("exists (0.r0=0)"),
	  "t:8:10: error: expected ':' before '.'\n"
	  "exists (0.r0=0)\n"
	  "         ^\n" },
	{ CONDITION("exists (0:r0)"),
	  "t:8:13: error: expected '=' before ')'\n"
	  "exists (0:r0)\n"
	  "            ^\n" },
	{ CONDITION("exists (0:r0=)"),
	  "t:8:14: error: expected a value before ')'\n"
	  "exists (0:r0=)\n"
	  "             ^\n" },
	{ CONDITION("exists (0:r0=SIGBUSS)"),
	  "t:8:14: error: unknown error 'SIGBUSS', did you mean 'SIGBUS'?\n"
	  "exists (0:r0=SIGBUSS)\n"
	  "             ^\n" },
	{ CONDITION("exists (0:r0=ENOENT)"),
	  "t:8:14: error: unknown error 'ENOENT' (known: SIGSEGV, SIGBUS, "
	  "EFAULT, EINVAL, ENOMEM, EEXIST, EIO, ENOSPC, EFBIG, ESRCH, EOF, "
	  "none)\n"
	  "exists (0:r0=ENOENT)\n"
	  "             ^\n" },
	{ CONDITION("exists (q[0]=0)"),
	  "t:8:9: error: unknown mapping or file 'q' (known: p, f)\n"
	  "exists (q[0]=0)\n"
	  "        ^\n" },
	{ CONDITION("exists (f[1pmd]=0)"),
	  "t:8:11: error: page 1pmd is outside 'f' [0, 1pmd)\n"
	  "exists (f[1pmd]=0)\n"
	  "          ^\n" },
	{ CONDITION("exists (true) /\\ )"),
	  "t:8:18: error: expected a register or a place before ')'\n"
	  "exists (true) /\\ )\n"
	  "                 ^\n" },
	{ CONDITION("expect O15"),
	  "t:8:8: error: expected 'O1' to 'O14' before 'O15'\n"
	  "expect O15\n"
	  "       ^\n" },
	{ CONDITION("expect O1,"),
	  "t:8:11: error: expected 'O1' to 'O14' before the end of the "
	  "file\n"
	  "expect O1,\n"
	  "          ^\n" },
	{ CONDITION("forall (true) P0"),
	  "t:8:15: error: expected 'expect' or the end of the file before "
	  "'P0'\n"
	  "forall (true) P0\n"
	  "              ^\n" },
};

static void test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_bad(bad[i].text, bad[i].errors);
}

/* Return: before, then text with the numbers up to nr, then after. */
static char *repeat(const char *before, const char *text, unsigned int nr,
		    const char *after)
{
	char *out = NULL;
	size_t size;
	FILE *to = open_memstream(&out, &size);

	assert_non_null(to);
	fputs(before, to);
	for (unsigned int i = 0; i < nr; i++) {
		const char *mark = strchr(text, '#');

		if (mark)
			fprintf(to, "%.*s%u%s", (int)(mark - text), text, i,
				mark + 1);
		else
			fputs(text, to);
	}
	fputs(after, to);
	fclose(to);
	return out;
}

/* nr texts are good, one more is not. */
static void assert_limit(const char *before, const char *text, unsigned int nr,
			 const char *after, const char *wanted)
{
	char *most = repeat(before, text, nr, after);
	char *more = repeat(before, text, nr + 1, after);

	litmus_free(parse_good(most, strlen(most)));
	assert_bad(more, wanted);
	free(most);
	free(more);
}

static void test_limits(void **state)
{
	(void)state;
	assert_limit("DAX t{}P0;", "\n", LITMUS_BYTES_MAX - 10, "",
		     "t:1:1: error: more than 65536 bytes\n"
		     "DAX t{}P0;\n"
		     "^\n");
	assert_limit(TABLE(""), "r# = load p[0] | ;\n", 32, "",
		     "t:39:1: error: more than 32 registers in a column\n"
		     "r32 = load p[0] | ;\n"
		     "^\n");
	assert_limit(CONDITION("exists true\n"), "/\\ p[#]=0\n", 64, "",
		     "t:73:4: error: more than 64 places\n"
		     "/\\ p[64]=0\n"
		     "   ^\n");
	/* A term for every `true` and for every mark between two of them. */
	assert_limit(CONDITION("exists true"), "\n\\/ true", 511, "",
		     "t:520:1: error: a condition of more than 1024 terms\n"
		     "\\/ true\n"
		     "^\n");
	/* The innermost `true` is a level too. */
	assert_limit(CONDITION("exists\n"), "~\n", 99, "true\n",
		     "t:109:1: error: a condition deeper than 100\n"
		     "true\n"
		     "^\n");
	assert_bad(CONDITION("exists\n" P101),
		   "t:9:101: error: a condition deeper than 100\n" P101 "\n"
		   "                                                  "
		   "                                                  ^\n");
}

static void test_unreadable_file(void **state)
{
	char *errors = NULL;
	size_t size;
	FILE *to = open_memstream(&errors, &size);

	(void)state;
	assert_non_null(to);
	assert_null(litmus_parse_file("corpus/no-such.litmus", to));
	assert_null(litmus_parse_file("corpus", to));
	fclose(to);
	assert_string_equal(errors,
			    "corpus/no-such.litmus: error: "
			    "No such file or directory\n"
			    "corpus: error: Is a directory\n");
	free(errors);
}

/*
 * Truth.  A formula over three registers is a set of eight states, a byte: bit
 * i is state i, in which the bits of i are the values of a, b and c.
 */

enum {
	A = 0xaa,
	B = 0xcc,
	C = 0xf0,
	ALL = 0xff,
};

static const struct {
	const char *formula;
	unsigned int states;
} truths[] = {
	{ "true", ALL },
	{ "0:a=1", A },
	{ "(0:b=1)", B },
	{ "~0:c=1", ALL ^ C },
	{ "not (0:c=1)", ALL ^ C },
	{ "~~0:a=1", A },
	{ "0:a=0", ALL ^ A },
	{ "0:a=2", 0 },
	{ "0:a=SIGBUS", 0 },
	{ "~(0:a=SIGBUS)", ALL },
	{ "0:a=1 /\\ 0:b=1", A & B },
	{ "0:a=1 \\/ 0:b=1", A | B },
	{ "0:a=1 /\\ 0:b=1 \\/ 0:c=1", (A & B) | C },
	{ "0:a=1 \\/ 0:b=1 /\\ 0:c=1", A | (B & C) },
	{ "(0:a=1 \\/ 0:b=1) /\\ 0:c=1", (A | B) & C },
	{ "~0:a=1 /\\ 0:b=1", (ALL ^ A) & B },
	{ "~(0:a=1 /\\ 0:b=1)", ALL ^ (A & B) },
	{ "0:a=1 /\\ (0:b=1 /\\ 0:c=1)", A & B & C },
	{ "0:a=1 \\/ (0:b=1 \\/ 0:c=1)", A | B | C },
	{ "p[0]=1", A },
	{ "p[0]=SIGSEGV", 0 },
	{ "p[0]=0 /\\ f[0]=1", (ALL ^ A) & B },
};

static void test_truth_tables(void **state)
{
	char text[512];

	(void)state;
	for (size_t t = 0; t < sizeof(truths) / sizeof(truths[0]); t++) {
		struct litmus *test;
		unsigned int states = 0;

		snprintf(text, sizeof(text),
			 TABLE("a = load p[0] | ;\nb = load p[0] | ;\n"
			       "c = load p[0] | ;\nexists (%s)"),
			 truths[t].formula);
		test = parse_good(text, strlen(text));
		for (unsigned int i = 0; i < 8; i++) {
			const struct litmus_value values[] = {
				{ .number = i & 1 },
				{ .number = i >> 1 & 1 },
				{ .number = i >> 2 },
			};
			const struct litmus_value *registers[] = { values };
			const struct litmus_state final = {
				.registers = registers,
				.observed = values,
			};

			states |= litmus_eval(test, &final) ? 1u << i : 0;
		}
		if (states != truths[t].states)
			print_error("%s\n", truths[t].formula);
		assert_int_equal(states, truths[t].states);
		litmus_free(test);
	}
}

static void test_error_values(void **state)
{
	static const char text[] =
		CONDITION("exists (0:r0=EFAULT \\/ 0:r0=0)");
	struct litmus *test = parse_good(text, strlen(text));
	struct litmus_value value = { .error = LITMUS_EFAULT };
	const struct litmus_value *registers[] = { &value };
	const struct litmus_state final = { .registers = registers };

	(void)state;
	assert_true(litmus_eval(test, &final));
	value.error = LITMUS_EIO;
	assert_false(litmus_eval(test, &final));
	value.error = LITMUS_OK;
	assert_true(litmus_eval(test, &final));
	litmus_free(test);
}

/*
 * Printing.
 */

/* Return: the whole test as text, to be freed. */
static char *print(const struct litmus *test, size_t *bytes)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, bytes);

	assert_non_null(to);
	litmus_print(test, to);
	fclose(to);
	return text;
}

/* What is printed has to be good, and to print the same again. */
static void assert_round_trip(const struct litmus *test)
{
	size_t bytes, bytes_again;
	char *text = print(test, &bytes);
	struct litmus *again;
	char *text_again;

	/* Defaults are spelled out, which may go beyond what can be read. */
	if (bytes <= LITMUS_BYTES_MAX) {
		again = parse_good(text, bytes);
		text_again = print(again, &bytes_again);
		assert_string_equal(text, text_again);
		free(text_again);
		litmus_free(again);
	}
	free(text);
}

static void test_print(void **state)
{
	struct litmus *test = parse_good(example, strlen(example));
	size_t bytes;
	char *text = print(test, &bytes);

	(void)state;
	assert_string_equal(text,
			    "DAX 2+example.a\n"
			    "\"Two maps, (* no comment *)\"\n"
			    "{\n"
			    "  file f = mapped 1pmd, hole 2, "
			    "unwritten 1pmd+16;\n"
			    "  map p = f private rw offset 0 "
			    "length 2pmd+18;\n"
			    "  load p[0];\n"
			    "  dontneed p[1pmd+2] 1;\n"
			    "  map q = f shared ro offset 1pmd length 3 "
			    "unmapped;\n"
			    "}\n"
			    " P0 | P1 ;\n"
			    " map q | e0 = store p[1].8 3 ;\n"
			    " r1 = load q[2] | e0 = store p[1pmd+3] 4 ;\n"
			    " r0 = load p[1pmd] | unmap p ;\n"
			    " r1 = load p[0] |  ;\n"
			    "\n"
			    "~exists (1:e0=SIGBUS /\\ p[1].8=3 \\/ "
			    "~(f[1pmd]=0))\n"
			    "expect O1\n"
			    "expect O8\n"
			    "expect O14\n");
	free(text);
	assert_round_trip(test);
	litmus_free(test);
}

static void test_print_parts(void **state)
{
	struct litmus *test = parse_good(example, strlen(example));
	const struct litmus_value p0[] = { { .number = 7 },
					   { .number = UINT64_MAX } };
	const struct litmus_value p1[] = { { .error = LITMUS_SIGSEGV } };
	const struct litmus_value *registers[] = { p0, p1 };
	const struct litmus_value observed[] = { { .number = 3 },
						 { .error = LITMUS_EIO } };
	const struct litmus_state final = {
		.registers = registers,
		.observed = observed,
	};
	char *text = NULL;
	size_t bytes;
	FILE *to = open_memstream(&text, &bytes);

	(void)state;
	assert_non_null(to);
	litmus_print_state(test, &final, to);
	fputc('\n', to);
	litmus_print_op(test, NULL, &test->setup[2], to);
	fputc('\n', to);
	litmus_print_op(test, &test->columns[1], &test->columns[1].ops[0], to);
	fclose(to);
	assert_string_equal(text,
			    "0:r1=7; 0:r0=18446744073709551615; "
			    "1:e0=SIGSEGV; p[1].8=3; f[1pmd]=EIO;\n"
			    "dontneed p[1pmd+2] 1\n"
			    "e0 = store p[1].8 3");
	free(text);
	litmus_free(test);
}

/* Formulas that need their parentheses, and as few as that. */
static void test_print_parentheses(void **state)
{
	static const char *const formulas[] = {
		"true",
		"~true",
		"~~true",
		"~(0:r0=1)",
		"~(true /\\ true)",
		"true /\\ true \\/ true",
		"(true \\/ true) /\\ true",
		"true /\\ (true \\/ true)",
		"true \\/ (true \\/ true)",
		"true /\\ (true /\\ true)",
		"true \\/ true \\/ true",
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(formulas) / sizeof(formulas[0]); i++) {
		struct litmus *test;
		size_t bytes;
		char *printed;

		snprintf(text, sizeof(text), CONDITION("exists (%s)\n"),
			 formulas[i]);
		test = parse_good(text, strlen(text));
		printed = print(test, &bytes);
		assert_string_equal(strstr(printed, "exists"),
				    strstr(text, "exists"));
		free(printed);
		litmus_free(test);
	}
}

/*
 * The corpus, the manual page, and rubbish.
 */

struct text {
	char bytes[8192];
	size_t nr;
};

struct corpus {
	glob_t paths;
	struct text *texts;
};

static void read_corpus(struct corpus *corpus)
{
	assert_int_equal(glob("corpus/*.litmus", 0, NULL, &corpus->paths), 0);
	corpus->texts = calloc(corpus->paths.gl_pathc, sizeof(struct text));
	assert_non_null(corpus->texts);
	for (size_t i = 0; i < corpus->paths.gl_pathc; i++) {
		struct text *text = &corpus->texts[i];
		FILE *file = fopen(corpus->paths.gl_pathv[i], "r");

		assert_non_null(file);
		text->nr = fread(text->bytes, 1, sizeof(text->bytes), file);
		fclose(file);
		assert_in_range(text->nr, 1, sizeof(text->bytes) / 2);
	}
}

static void free_corpus(struct corpus *corpus)
{
	globfree(&corpus->paths);
	free(corpus->texts);
}

static void test_corpus(void **state)
{
	struct corpus corpus;

	(void)state;
	read_corpus(&corpus);
	for (size_t i = 0; i < corpus.paths.gl_pathc; i++) {
		const char *path = corpus.paths.gl_pathv[i];
		struct litmus *test = litmus_parse_file(path, stderr);
		char name[256];

		assert_non_null(test);
		snprintf(name, sizeof(name), "corpus/%s.litmus", test->name);
		assert_string_equal(name, path);
		assert_string_not_equal(test->description, "");
		assert_round_trip(test);
		litmus_free(test);
	}
	free_corpus(&corpus);
}

/* Read the rest of a manual page's display, without the page's escapes. */
static void read_display(FILE *page, struct text *text)
{
	char line[256];

	text->nr = 0;
	while (fgets(line, sizeof(line), page) && strcmp(line, ".Ed\n"))
		for (const char *c = line; *c; c++) {
			assert_in_range(text->nr, 0, sizeof(text->bytes) - 1);
			text->bytes[text->nr++] = *c;
			if (c[0] == '\\' && c[1] == 'e')
				c++;
		}
}

/* The examples of the manual page are tests. */
static void test_manual(void **state)
{
	FILE *page = fopen("man/faultline-litmus.5", "r");
	struct text text;
	unsigned int nr = 0;
	char line[256];

	(void)state;
	assert_non_null(page);
	while (fgets(line, sizeof(line), page)) {
		if (strncmp(line, ".Bd", 3))
			continue;
		read_display(page, &text);
		if (text.nr < 4 || memcmp(text.bytes, "DAX ", 4))
			continue;
		litmus_free(parse_good(text.bytes, text.nr));
		nr++;
	}
	assert_int_equal(nr, 2);
	fclose(page);
}

/* xorshift64: the same rubbish in every run. */
static uint64_t random_number(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static size_t random_below(uint64_t *seed, size_t limit)
{
	return (size_t)(random_number(seed) >> 11) % limit;
}

/* Replace some bytes of text by some of other. */
static void splice(struct text *text, const struct text *other, uint64_t *seed)
{
	size_t at = random_below(seed, text->nr + 1);
	size_t drop = random_below(seed, 16);
	size_t from = random_below(seed, other->nr);
	size_t add = random_below(seed, 16);
	size_t rest;

	drop = drop < text->nr - at ? drop : text->nr - at;
	add = add < other->nr - from ? add : other->nr - from;
	rest = text->nr - at - drop;
	if (at + add + rest > sizeof(text->bytes))
		return;
	memmove(text->bytes + at + add, text->bytes + at + drop, rest);
	memcpy(text->bytes + at, other->bytes + from, add);
	text->nr = at + add + rest;
}

static void mutate(struct text *text, const struct corpus *corpus,
		   uint64_t *seed)
{
	size_t other = random_below(seed, corpus->paths.gl_pathc);
	size_t at;

	if (!text->nr || random_below(seed, 3)) {
		splice(text, &corpus->texts[other], seed);
		return;
	}
	at = random_below(seed, text->nr);
	if (random_below(seed, 2))
		text->bytes[at] = (char)random_below(seed, 256);
	else
		text->bytes[at] ^= (char)(1 << random_below(seed, 7));
}

/* No rubbish breaks anything; what is still good survives being printed. */
static void test_rubbish(void **state)
{
	static char message[1 << 16];
	struct corpus corpus;
	uint64_t seed = 2017;
	unsigned int good = 0;
	FILE *errors = fmemopen(message, sizeof(message), "w");

	(void)state;
	assert_non_null(errors);
	read_corpus(&corpus);
	for (unsigned int i = 0; i < 200000; i++) {
		struct text text;
		struct litmus *test;
		const struct text *old =
			&corpus.texts[i % corpus.paths.gl_pathc];

		memcpy(text.bytes, old->bytes, old->nr);
		text.nr = old->nr;
		for (size_t n = random_below(&seed, 4); n-- > 0;)
			mutate(&text, &corpus, &seed);
		rewind(errors);
		test = litmus_parse("t", text.bytes, text.nr, errors);
		fflush(errors);
		/* Either a test or something to say. */
		assert_int_equal(ftell(errors) == 0, test != NULL);
		if (!test) {
			assert_memory_equal(message, "t:", 2);
			continue;
		}
		good++;
		if (good % 8 == 0)
			assert_round_trip(test);
		litmus_free(test);
	}
	/* Half of the work would be for nothing if hardly any was good. */
	assert_in_range(good, 50000, 150000);
	fclose(errors);
	free_corpus(&corpus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_and_maps),
		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_condition),
		cmocka_unit_test(test_least),
		cmocka_unit_test(test_undecided),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_unreadable_file),
		cmocka_unit_test(test_truth_tables),
		cmocka_unit_test(test_error_values),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_print_parts),
		cmocka_unit_test(test_print_parentheses),
		cmocka_unit_test(test_corpus),
		cmocka_unit_test(test_manual),
		cmocka_unit_test(test_rubbish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
