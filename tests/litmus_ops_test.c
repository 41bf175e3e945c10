/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * litmus_ops_test.c - the language of litmus tests: every operation, address
 * spaces, failures, and the power cut.
 */
#include "litmus_text.h"

/* Printed as it is read. */
static const char example[] =
	"DAX all\n"
	"{\n"
	"  file f = mapped 1pmd, hole 2, unwritten 2;\n"
	"  file g = hole 1;\n"
	"  fail alloc 1;\n"
	"  fail iomap 8;\n"
	"  poison f[1pmd];\n"
	"  map p = f private rw offset 0 length 1pmd+4;\n"
	"  map q = f shared rw sync populate offset 1pmd length 4;\n"
	"  load p[0];\n"
	"  mm B;\n"
	"  fork C;\n"
	"  map r = g shared ro populate offset 0 length 1 in B;\n"
	"  B: load r[0];\n"
	"  map s = g shared ro offset 0 length 1 in C unmapped;\n"
	"  exit C;\n"
	"  pin p[1] read;\n"
	"  pin p[1] write;\n"
	"  map t = f private rw offset 0 length 1pmd unmapped;\n"
	"}\n"
	" P0 | P1:B | P2 ;\n"
	" e0 = mprotect p none | r0 = load r[0] | fsync f ;\n"
	" mprotect p[1] 2 ro | e0 = A: store p[3].8 7 | msync q ;\n"
	" mprotect q rw | r1 = read g[0] | msync q[1] 1 ;\n"
	" mremap p[0] 1 to t[1] | read g[0].8 into p[1] | crash ;\n"
	" mremap q[0] 4 to q[0] 2 | write g[0] 5 | fallocate f[0] 2 ;\n"
	" populate p read | write g[0] from p[1].16 | fallocate f[1] 1 zero ;\n"
	" populate q[1] 2 write | truncate f 1pmd+1 | fallocate f[0] 1 collapse ;\n"
	" fork D | truncate g 0 | fallocate f[0] 1pmd insert ;\n"
	" D: store p[0] 1 | A: unpin p[1] | punch f[1pmd+1] 3 ;\n"
	" exit D | exit B |  ;\n"
	" pin p[2] write |  |  ;\n"
	" unpin p[2] |  |  ;\n"
	" map t |  |  ;\n"
	"\n"
	"forall (0:e0=ENOMEM \\/ B:p[0]=SIGSEGV \\/ p[1]=0 \\/ 1:r1=EOF \\/ "
	"f[1pmd+3]=EOF)\n"
	"medium ~exists (1:e0=0 /\\ f[0].8=0 \\/ 1:r1=none)\n";

static char *print(const struct litmus *test)
{
	char *text = NULL;
	size_t bytes;
	FILE *to = open_memstream(&text, &bytes);

	assert_non_null(to);
	litmus_print(test, to);
	fclose(to);
	return text;
}

static void test_round_trip(void **state)
{
	struct litmus *test = parse_good(example, strlen(example));
	char *text = print(test);

	(void)state;
	assert_string_equal(text, example);
	free(text);
	litmus_free(test);
}

static void test_tree(void **state)
{
	static const char text[] =
		SETUP("mm B;\nmap q = f shared rw in B;\npin p[0] read;\n"
		      "pin p[0] write;\n}\nP0 | P1:B ;\n"
		      "unpin p[0] | write f[1] from q[2] ;\n"
		      "A: unpin p[0] | mremap p[0] 2 to q[1] 1 ;\n"
		      "pin p[0] write | fork C ;\n"
		      "unpin p[0] | C: crash ;\n"
		      "medium forall (f[2].8=3)");
	struct litmus *test = parse_good(text, strlen(text));
	const struct litmus_op *op = test->columns[0].ops;

	(void)state;
	assert_int_equal(test->nr_mms, 3);
	assert_string_equal(test->mms[0].name, "A");
	assert_string_equal(test->mms[2].name, "C");
	assert_int_equal(test->mms[2].column, 1);
	assert_int_equal(test->maps[1].mm, 1);
	assert_int_equal(test->setup[2].mm, 1);
	/* the last pin goes first */
	assert_int_equal(test->nr_pins, 3);
	assert_int_equal(op[0].pin, 1);
	assert_int_equal(op[1].pin, 0);
	assert_int_equal(op[3].pin, 2);
	op = test->columns[1].ops;
	assert_int_equal(op[0].mm, 1);
	assert_int_equal(op[0].file, 0);
	assert_true(op[0].has_buffer);
	assert_int_equal(op[0].to.object, 1);
	assert_int_equal(op[0].to.page.pages, 2);
	assert_int_equal(op[1].length.pages, 2);
	assert_int_equal(op[1].to.page.pages, 1);
	assert_int_equal(op[1].to_length.pages, 1);
	assert_int_equal(op[2].target, 2);
	assert_int_equal(op[3].kind, LITMUS_CRASH);
	assert_int_equal(op[3].mm, 2);
	assert_true(test->has_crash);
	assert_int_equal(test->nr_observed, 0);
	assert_int_equal(test->nr_on_medium, 1);
	assert_int_equal(test->on_medium[0].byte, 8);
	litmus_free(test);
}

static void test_medium(void **state)
{
	static const char text[] =
		TABLE("e0 = fsync f | crash ;\nforall (true)\n"
		      "medium forall (0:e0=none \\/ f[0]=1)");
	struct litmus *test = parse_good(text, strlen(text));
	struct litmus_value e0 = { LITMUS_UNSET, 0 };
	struct litmus_value done = { LITMUS_OK, 0 }, f0 = { LITMUS_OK, 0 };
	const struct litmus_value *registers[] = { &e0 };
	const struct litmus_value *finally[] = { &done };
	const struct litmus_state final = { finally, NULL, registers, &f0 };
	char *line = NULL;
	size_t bytes;
	FILE *to = open_memstream(&line, &bytes);

	(void)state;
	assert_true(litmus_eval_medium(test, &final));
	e0 = done;
	assert_false(litmus_eval_medium(test, &final));
	f0.number = 1;
	assert_true(litmus_eval_medium(test, &final));
	assert_non_null(to);
	e0.error = LITMUS_UNSET;
	litmus_print_state(test, &final, to);
	fclose(to);
	assert_string_equal(line, "0:e0=0; crash:0:e0=none; crash:f[0]=1;");
	free(line);
	litmus_free(test);
}

/* One line each: the last line of the text, the column, the complaint. */
static const struct {
	const char *before;
	const char *line;
	unsigned int column;
	const char *complaint;
} bad[] = {
	/* the set-up */
	{ SETUP(""), "fail frob;", 6, "expected 'alloc' or 'iomap' before "
	  "'frob'" },
	{ SETUP(""), "fail alloc 9;", 12, "not 1 to 8 failures" },
	{ SETUP(""), "fail alloc 0;", 12, "not 1 to 8 failures" },
	{ SETUP("fail alloc;\n"), "fail alloc;", 6, "said before" },
	{ SETUP(""), "fail alloc p;", 12, "expected a number or ';' before "
	  "'p'" },
	{ SETUP(""), "poison p[0];", 8, "'p' is a mapping, expected a file" },
	{ SETUP(""), "poison f[1pmd];", 10,
	  "page 1pmd is outside 'f' [0, 1pmd)" },
	{ SETUP(""), "mm A;", 4, "'A' is the first address space" },
	{ SETUP(""), "mm f;", 4, "the name 'f' is taken, see line 3" },
	{ SETUP("mm B;mm C;mm D;mm E;mm F;mm G;mm H;\n"), "mm I;", 4,
	  "more than 8 address spaces" },
	{ SETUP(""), "map q = f private rw sync;", 22,
	  "'sync' is for shared mappings" },
	{ SETUP(""), "map q = f shared rw in B;", 24,
	  "unknown address space 'B' (known: A)" },
	{ SETUP("mm B;\n"), "B: map q = f shared rw;", 10,
	  "a declaration has 'in B'" },
	{ SETUP(""), "B: load p[0];", 1,
	  "unknown address space 'B' (known: A)" },
	{ SETUP(""), "exit A;", 6, "the set-up itself runs in 'A'" },
	{ SETUP("fork B; exit B;\n"), "B: load p[0];", 1,
	  "address space 'B' has ended" },
	{ SETUP("fork B; exit B;\n"), "exit B;", 6,
	  "address space 'B' has ended" },
	{ SETUP(""), "crash;", 1, "'crash' belongs in a column" },
	{ SETUP(""), "unpin p[0];", 1, "nothing is pinned there" },
	{ SETUP("file p2 = hole 1;\n"), "file rw = hole 1;", 6,
	  "'rw' is a keyword, expected the name of the file" },
	/* columns */
	{ SETUP("}\n"), "P0:B ;", 4, "unknown address space 'B' (known: A)" },
	{ TABLE(""), "mm B | ;", 1, "'mm' belongs in the set-up" },
	{ TABLE("crash | ;\n"), "| crash ;", 3, "a second 'crash'" },
	{ TABLE(""), "fsync p | ;", 7, "'p' is a mapping, expected a file" },
	{ TABLE(""), "msync f | ;", 7, "'f' is a file, expected a mapping" },
	{ TABLE(""), "fork | ;", 6,
	  "expected an address space before '|'" },
	{ TABLE(""), "mprotect p | ;", 12,
	  "expected 'ro', 'rw' or 'none' before '|'" },
	{ TABLE(""), "mprotect p[0] ro | ;", 15,
	  "expected a length before 'ro'" },
	{ TABLE(""), "populate p | ;", 12,
	  "expected 'read' or 'write' before '|'" },
	{ TABLE(""), "pin p[0] | ;", 10,
	  "expected 'read' or 'write' before '|'" },
	{ TABLE(""), "pin p | ;", 7, "expected '[' before '|'" },
	{ TABLE("pin p[0] read | ;\n"), "| unpin p[0] ;", 3,
	  "nothing is pinned there" },
	{ TABLE("pin p[0] read | ;\nunpin p[0] | ;\n"), "unpin p[0] | ;", 1,
	  "nothing is pinned there" },
	{ TABLE(""), "mremap p to p[0] | ;", 10, "expected '[' before 'to'" },
	{ TABLE(""), "mremap p[0] 1 p[1] | ;", 15,
	  "expected 'to' before 'p'" },
	{ TABLE(""), "mremap p[0] 1 to p[1] 2pmd | ;", 23,
	  "the range leaves 'p' [0, 1pmd)" },
	{ TABLE(""), "mremap p[0] 1 to f[1] | ;", 18,
	  "'f' is a file, expected a mapping" },
	{ TABLE(""), "read f | ;", 8, "expected '[' before '|'" },
	{ TABLE(""), "read f[0] into f[0] | ;", 16,
	  "'f' is a file, expected a mapping" },
	{ TABLE(""), "write f[0] | ;", 12,
	  "expected the number to write, or 'from' before '|'" },
	{ TABLE(""), "write f[0] from 1 | ;", 17,
	  "expected a mapping before '1'" },
	{ TABLE(""), "truncate f | ;", 12, "expected the new size before '|'" },
	{ TABLE(""), "truncate f[0] 1 | ;", 11,
	  "expected the new size before '['" },
	{ TABLE(""), "punch f | ;", 9, "expected '[' before '|'" },
	{ TABLE(""), "punch f[0] 2pmd | ;", 12,
	  "the range leaves 'f' [0, 1pmd)" },
	{ TABLE(""), "fallocate f[0] 1 frob | ;", 18,
	  "expected '|' and the next column before 'frob'" },
	{ TABLE("fork B | ;\n"), "| B: load p[0] ;", 3,
	  "address space 'B' is that of P0 alone" },
	{ TABLE("fork B | ;\nexit B | ;\n"), "B: load p[0] | ;", 1,
	  "address space 'B' has ended" },
	{ TABLE(""), "exit A | ;", 6, "another column uses 'A' too" },
	{ TABLE("fork B | ;\n"), "| fork B ;", 8,
	  "the name 'B' is taken, see line 7" },
	/* conditions */
	{ CONDITION(""), "forall (B:p[0]=1)", 9,
	  "unknown address space 'B' (known: A)" },
	{ CONDITION(""), "forall (A:f[0]=1)", 11,
	  "'f' is a file, expected a mapping" },
	{ CONDITION("forall (true)\n"), "medium forall (true)", 1,
	  "no column has a 'crash'" },
	{ CONDITION("crash | ;\n"), "medium forall (p[0]=0)", 16,
	  "'p' is a mapping, expected a file" },
	{ CONDITION("crash | ;\n"), "medium exist (true)", 8,
	  "expected 'exists', '~exists' or 'forall' before 'exist'" },
};

static void test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		unsigned int line = 1;
		char *text = NULL, *wanted = NULL;

		for (const char *c = bad[i].before; *c; c++)
			line += *c == '\n';
		assert_true(asprintf(&text, "%s%s", bad[i].before,
				     bad[i].line) > 0);
		assert_true(asprintf(&wanted,
				     "t:%u:%u: error: %s\n%s\n%*s\n", line,
				     bad[i].column, bad[i].complaint,
				     bad[i].line, (int)bad[i].column,
				     "^") > 0);
		assert_bad(text, wanted);
		free(text);
		free(wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_medium),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
