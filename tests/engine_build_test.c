/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine_build_test.c - --with: patches, the cache, and all that can go wrong.
 *
 * A stand-in for the data directory holds an engine of one function, so that
 * a build takes no time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/engine_build.h"
#include "cli/files.h"
#include "cli/patches.h"

/* A quote and a space in each path: nothing may go through a shell. */
#define ROOT "/tmp/faultline's test.XXXXXX"

static const char engine_source[] =
	"#include \"machine.h\"\n"
	"\n"
	"int engine_value(void);\n"
	"\n"
	"int engine_value(void)\n"
	"{\n"
	"\treturn 1;\n"
	"}\n";

static const char subject_source[] =
	"#include \"litmus.h\"\n"
	"#include \"subject.h\"\n"
	"int engine_value(void);\n"
	"int faultline_subject(void);\n"
	"int faultline_subject(void)\n"
	"{\n"
	"\treturn engine_value();\n"
	"}\n";

/* What a patch changes 1 to, or what it expects and what it changes that to. */
#define PATCH(from, to) \
	"Subject: change the value\n" \
	"Trips: none\n" \
	"\n" \
	"--- a/engine/base/value.c\n" \
	"+++ b/engine/base/value.c\n" \
	"@@ -5,4 +5,4 @@\n" \
	" int engine_value(void)\n" \
	" {\n" \
	"-\treturn " from ";\n" \
	"+\treturn " to ";\n" \
	" }\n"

struct place {
	char root[sizeof(ROOT)];
	char *data;
	char *cache;
	char *compiles;		/* a line for each run of the compiler */
	char *said;		/* by the last build() */
};

static char *put(const char *folder, const char *name, const char *text)
{
	char *path = format("%s/%s", folder, name);
	char *slash = strrchr(path, '/');

	*slash = '\0';
	assert_int_equal(make_directories(path), 0);
	*slash = '/';
	assert_int_equal(write_file(path, text, strlen(text)), 0);
	return path;
}

static void put_patch(const struct place *place, const char *name,
		      const char *text)
{
	char *file = format("patches/%s.patch", name);

	free(put(place->data, file, text));
	free(file);
}

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	char *subject_mk, *path;

	assert_non_null(place);
	memcpy(place->root, ROOT, sizeof(ROOT));
	assert_non_null(mkdtemp(place->root));
	place->data = format("%s/data", place->root);
	place->cache = format("%s/cache", place->root);
	place->compiles = format("%s/compiles", place->root);
	free(put(place->data, "engine/machine.h", "#define MACHINE 1\n"));
	free(put(place->data, "engine/base/value.c", engine_source));
	free(put(place->data, "litmus/subject.c", subject_source));
	free(put(place->data, "litmus/subject.h", "#include <stdio.h>\n"));
	free(put(place->data, "litmus/litmus.h", ""));
	subject_mk = read_file("subject.mk", NULL);
	assert_non_null(subject_mk);
	free(put(place->data, "subject.mk", subject_mk));
	free(subject_mk);
	put_patch(place, "two", PATCH("1", "2"));
	put_patch(place, "three", PATCH("2", "3"));

	/* A compiler that counts, first in PATH. */
	path = put(place->root, "bin/counting-cc",
		   "#!/bin/sh\n"
		   "case \" $* \" in *' -c '*) echo >>\"$COMPILES\" ;; esac\n"
		   "exec cc \"$@\"\n");
	assert_int_equal(chmod(path, 0755), 0);
	free(path);
	path = format("%s/bin:%s", place->root, getenv("PATH"));
	assert_int_equal(setenv("PATH", path, 1), 0);
	free(path);
	setenv("CC", "counting-cc", 1);
	setenv("COMPILES", place->compiles, 1);
	setenv("FAULTLINE_DATA", place->data, 1);
	setenv("FAULTLINE_CACHE", place->cache, 1);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	char *rest = strchr(getenv("PATH"), ':');

	setenv("PATH", rest + 1, 1);
	remove_tree(place->root);
	free(place->data);
	free(place->cache);
	free(place->compiles);
	free(place->said);
	free(place);
	return 0;
}

/* Build with the patches named, up to NULL. Return: the path, or NULL. */
static char *build(struct place *place, const char *first, const char *second)
{
	const char *const patches[] = { first, second };
	size_t bytes;
	FILE *errors;
	char *path;
	int ret;

	free(place->said);
	errors = open_memstream(&place->said, &bytes);
	assert_non_null(errors);
	ret = engine_build(patches, first ? (second ? 2 : 1) : 0, &path,
			   errors);
	fclose(errors);
	assert_int_equal(ret, path ? 0 : -1);
	/* One line, or none. */
	if (ret == 0)
		assert_string_equal(place->said, "");
	else
		assert_ptr_equal(strchr(place->said, '\n'),
				 place->said + strlen(place->said) - 1);
	return path;
}

static int value_of(const char *so_path)
{
	void *so = dlopen(so_path, RTLD_NOW | RTLD_LOCAL);
	int (*subject)(void);
	int value;

	assert_non_null(so);
	*(void **)&subject = dlsym(so, "faultline_subject");
	assert_non_null(subject);
	value = subject();
	dlclose(so);
	return value;
}

static void assert_value(struct place *place, const char *first,
			 const char *second, int value)
{
	char *path = build(place, first, second);

	if (!path)
		fail_msg("%s", place->said);
	assert_int_equal(value_of(path), value);
	free(path);
}

static void assert_said(struct place *place, const char *first,
			const char *second, const char *part)
{
	assert_null(build(place, first, second));
	if (!strstr(place->said, part))
		fail_msg("expected: %s\nsaid: %s", part, place->said);
}

static size_t nr_compiles(const struct place *place)
{
	char *lines = read_file(place->compiles, NULL);
	size_t nr = lines ? strlen(lines) : 0;

	free(lines);
	return nr;
}

/* Return: how many temporary folders lie in the cache. */
static size_t nr_left(const struct place *place)
{
	DIR *cache = opendir(place->cache);
	struct dirent *entry;
	size_t nr = 0;

	assert_non_null(cache);
	while ((entry = readdir(cache)))
		nr += strncmp(entry->d_name, "tmp.", 4) == 0;
	closedir(cache);
	return nr;
}

static void test_patches_in_turn(void **state)
{
	assert_value(*state, NULL, NULL, 1);
	assert_value(*state, "two", NULL, 2);
	assert_value(*state, "two", "three", 3);
	assert_int_equal(nr_left(*state), 0);
}

static void test_order_matters(void **state)
{
	assert_said(*state, "three", "two",
		    "patch 'three' does not apply: engine/base/value.c: "
		    "Hunk #1 FAILED at 5.");
	assert_said(*state, "two", "two",
		    "patch 'two' does not apply: engine/base/value.c: "
		    "Reversed (or previously applied) patch detected!");
	assert_int_equal(nr_left(*state), 0);
}

static void test_second_build_runs_no_compiler(void **state)
{
	assert_value(*state, "two", NULL, 2);
	assert_int_equal(nr_compiles(*state), 2);
	assert_value(*state, "two", NULL, 2);
	assert_int_equal(nr_compiles(*state), 2);
	assert_value(*state, NULL, NULL, 1);
	assert_int_equal(nr_compiles(*state), 4);
}

static void test_subject_mk_counts(void **state)
{
	struct place *place = *state;
	char *path = format("%s/subject.mk", place->data), *text, *longer;

	assert_value(place, "two", NULL, 2);
	text = read_file(path, NULL);
	longer = format("%s# changed\n", text);
	assert_int_equal(write_file(path, longer, strlen(longer)), 0);
	assert_value(place, "two", NULL, 2);
	assert_int_equal(nr_compiles(place), 4);
	free(longer);
	free(text);
	free(path);
}

static void test_patch_by_path(void **state)
{
	struct place *place = *state;
	char *path = put(place->root, "my own/it's.patch", PATCH("1", "7"));

	assert_value(place, path, NULL, 7);
	free(path);
	path = put(place->root, "plain", PATCH("1", "8"));
	assert_value(place, path, NULL, 8);
	free(path);
}

static void test_patch_makes_a_file(void **state)
{
	put_patch(*state, "new",
		  "--- a/engine/base/value.c\n"
		  "+++ b/engine/base/value.c\n"
		  "@@ -5,4 +5,4 @@\n"
		  " int engine_value(void)\n"
		  " {\n"
		  "-\treturn 1;\n"
		  "+\treturn other();\n"
		  " }\n"
		  "--- a/engine/base/value.c\n"
		  "+++ b/engine/base/value.c\n"
		  "@@ -1,3 +1,4 @@\n"
		  " #include \"machine.h\"\n"
		  "+#include \"base/other.h\"\n"
		  " \n"
		  " int engine_value(void);\n"
		  "--- /dev/null\n"
		  "+++ b/engine/base/other.h\n"
		  "@@ -0,0 +1 @@\n"
		  "+int other(void);\n"
		  "--- /dev/null\n"
		  "+++ b/engine/new/other.c\n"
		  "@@ -0,0 +1,2 @@\n"
		  "+#include \"base/other.h\"\n"
		  "+int other(void) { return 5; }\n");
	assert_value(*state, "new", NULL, 5);
}

static void test_unknown(void **state)
{
	assert_said(*state, "nine", NULL,
		    "faultline: no patch 'nine'; 'faultline list' shows them");
	assert_said(*state, "./nine.patch", NULL,
		    "faultline: cannot read patch './nine.patch': "
		    "No such file or directory");
	assert_said(*state, "", NULL, "faultline: no patch ''");
	assert_said(*state, "/", NULL, "Is a directory");
}

static void test_unused_function_compiles(void **state)
{
	put_patch(*state, "unused",
		  "--- a/engine/base/value.c\n"
		  "+++ b/engine/base/value.c\n"
		  "@@ -3,4 +3,8 @@\n"
		  " int engine_value(void);\n"
		  " \n"
		  "+static int unused(void)\n"
		  "+{\n"
		  "+\treturn 0;\n"
		  "+}\n"
		  " int engine_value(void)\n"
		  " {\n");
	assert_value(*state, "unused", NULL, 1);
}

static void test_does_not_compile(void **state)
{
	struct place *place = *state;
	char *log;

	put_patch(place, "bad", PATCH("1", "nothing"));
	assert_said(place, "bad", NULL,
		    "faultline: patch 'bad' does not compile: "
		    "engine/base/value.c:7:");
	assert_non_null(strstr(place->said, "'nothing' undeclared"));
	log = strstr(place->said, "(whole log: ");
	assert_non_null(log);
	log = format("%.*s", (int)strcspn(log + 12, ")"), log + 12);
	assert_int_equal(access(log, R_OK), 0);
	free(log);
	put_patch(place, "worse", PATCH("nothing", "nowhere"));
	assert_said(place, "bad", "worse",
		    "faultline: patches 'bad', 'worse' do not compile: ");
	put_patch(place, "call", PATCH("1", "missing()"));
	assert_said(place, "call", NULL, "'missing'");
	put_patch(place, "link",
		  PATCH("1", "({ int missing(void); missing(); })"));
	assert_said(place, "link", NULL, "undefined reference to missing()");
	assert_int_equal(nr_left(place), 0);
}

static void test_outside_the_engine(void **state)
{
	static const struct {
		const char *from;
		const char *to;
		const char *said;
	} cases[] = {
		{ "a/litmus/subject.c", "b/litmus/subject.c",
		  "touches 'litmus/subject.c'" },
		{ "/dev/null", "b/GNUmakefile", "touches 'GNUmakefile'" },
		{ "a/engine/../litmus/subject.c",
		  "b/engine/../litmus/subject.c", "touches 'engine/../" },
		{ "a/engine/base/value.c", "../engine/base/value.c",
		  "" },
		{ "/tmp/x", "/tmp/x", "touches '/tmp/x'" },
		{ "engine/base/value.c", "engine/base/value.c",
		  "touches 'base/value.c' (read as by patch -p1)" },
		{ "a/engine/base/value.c", "b/engine/..", "touches" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *text;

		text = format("--- %s\n+++ %s\n@@ -7 +7 @@\n"
			      "-\treturn 1;\n+\treturn 2;\n",
			      cases[i].from, cases[i].to);
		put_patch(*state, "outside", text);
		free(text);
		if (*cases[i].said)
			assert_said(*state, "outside", NULL, cases[i].said);
		else
			free(build(*state, "outside", NULL));
	}
	put_patch(*state, "outside",
		  "diff --git a/engine/base/value.c b/litmus/value.c\n"
		  "similarity index 100%\n"
		  "rename from engine/base/value.c\n"
		  "rename to litmus/value.c\n");
	assert_said(*state, "outside", NULL, "touches 'litmus/value.c'");
}

static void test_lines_that_look_like_names(void **state)
{
	/* `--- x` and `+++ y` inside a hunk are lines of the file. */
	put_patch(*state, "dashes",
		  "--- a/engine/base/dashes\n"
		  "+++ b/engine/base/dashes\n"
		  "@@ -1 +1 @@\n"
		  "--- out\n"
		  "+++ out\n");
	assert_said(*state, "dashes", NULL, "patch 'dashes' does not apply");
}

static void test_no_diff(void **state)
{
	put_patch(*state, "words", "Subject: only words\n");
	assert_said(*state, "words", NULL,
		    "patch 'words' holds no unified diff");
	put_patch(*state, "cut",
		  "--- a/engine/base/value.c\n+++ b/engine/base/value.c\n"
		  "@@ -5,4 +5,4 @@\n int");
	assert_said(*state, "cut", NULL, "patch 'cut' does not apply: ");
}

static void test_cache_folder(void **state)
{
	struct place *place = *state;
	char *file = put(place->root, "file", ""), *inside;

	setenv("FAULTLINE_CACHE", file, 1);
	assert_said(place, "two", NULL, "Not a directory; set FAULTLINE_CACHE");
	inside = format("%s/inside", file);
	setenv("FAULTLINE_CACHE", inside, 1);
	assert_said(place, "two", NULL, "Not a directory; set FAULTLINE_CACHE");
	free(inside);
	free(file);
	if (access("/dev/full", F_OK) == 0) {
		setenv("FAULTLINE_CACHE", "/proc/faultline", 1);
		assert_said(place, "two", NULL, "set FAULTLINE_CACHE");
	}
	unsetenv("FAULTLINE_CACHE");
	inside = format("%s/deep/xdg", place->root);
	setenv("XDG_CACHE_HOME", inside, 1);
	assert_value(place, "two", NULL, 2);
	unsetenv("XDG_CACHE_HOME");
	free(inside);
}

static void test_missing_programs(void **state)
{
	struct place *place = *state;
	char *path = format("%s", getenv("PATH"));

	setenv("CC", "no-such-cc", 1);
	assert_said(place, "two", NULL,
		    "faultline: cannot run 'no-such-cc': No such file or "
		    "directory; install gcc, or set CC");
	setenv("CC", "false", 1);
	assert_said(place, "two", NULL, "the compiler 'false' does not work");
	setenv("PATH", place->root, 1);
	assert_said(place, "two", NULL,
		    "faultline: cannot run 'patch': No such file or directory; "
		    "install patch");
	setenv("PATH", path, 1);
	free(path);
}

static void test_data_directory(void **state)
{
	struct place *place = *state;

	setenv("FAULTLINE_DATA", place->root, 1);
	assert_said(place, "two", NULL, "which holds no engine/");
}

static void test_two_at_once(void **state)
{
	int status, good = 0;

	for (int i = 0; i < 8; i++) {
		pid_t pid = fork();

		assert_int_not_equal(pid, -1);
		if (pid == 0) {
			const char *const two[] = { "two" };
			char *path;

			if (engine_build(two, 1, &path, stderr) != 0)
				_exit(1);
			_exit(value_of(path) != 2);
		}
	}
	while (wait(&status) > 0)
		good += WIFEXITED(status) && WEXITSTATUS(status) == 0;
	assert_int_equal(good, 8);
	assert_int_equal(nr_left(*state), 0);
}

/* Interrupted in the middle of the compiler: nothing stays, nobody lives. */
static void test_signals(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct place *place = *state;
	char *path, *started = format("%s/started", place->root), *text;

	text = format("#!/bin/sh\n"
		      "case \" $* \" in *' -c '*) echo $$ >\"%s.$$\";\n"
		      "mv \"%s.$$\" \"%s\"; sleep 1000 ;; esac\n"
		      "exec cc \"$@\"\n",
		      started, started, started);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	path = put(place->root, "bin/slow-cc", text);
	assert_int_equal(chmod(path, 0755), 0);
	setenv("CC", "slow-cc", 1);
	for (size_t i = 0; i < 3; i++) {
		int status;
		pid_t compiler, pid = fork();

		assert_int_not_equal(pid, -1);
		if (pid == 0) {
			FILE *null = fopen("/dev/null", "w");

			engine_build(NULL, 0, &path, null);
			_exit(0);
		}
		for (int ms = 0; access(started, F_OK) != 0; ms++) {
			assert_true(ms < 20000);
			usleep(1000);
		}
		free(text);
		text = read_file(started, NULL);
		compiler = (pid_t)atoi(text);
		assert_int_equal(kill(compiler, 0), 0);
		assert_int_equal(nr_left(place), 1);

		kill(pid, signals[i]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), signals[i]);
		assert_int_equal(nr_left(place), 0);
		/* Orphans are ours to bury; who lives is waited for. */
		while (wait(NULL) > 0)
			continue;
		assert_int_equal(kill(compiler, 0), -1);
		unlink(started);
	}
	free(text);
	free(started);
	free(path);
}

static void test_headers(void **state)
{
	struct place *place = *state;
	struct patch_header *list, header;
	char *path, *said;
	size_t nr, bytes;
	FILE *errors;

	put_patch(place, "a",
		  "Subject: what it does\n"
		  "Commit: e2093926a098\n"
		  "Trips: O1 O2 O12\n"
		  "\n"
		  "Why.\n"
		  "\n"
		  "--- a/engine/x.c\n");
	free(put(place->data, "patches/README", ""));
	assert_int_equal(patches_list(&list, &nr, stderr), 0);
	assert_int_equal(nr, 3);
	assert_string_equal(list[0].name, "a");
	assert_string_equal(list[0].summary, "what it does");
	assert_int_equal(list[0].trips, 1 << 1 | 1 << 2 | 1 << 12);
	assert_string_equal(list[0].text,
			    "Subject: what it does\nCommit: e2093926a098\n"
			    "Trips: O1 O2 O12\n\nWhy.\n\n");
	assert_string_equal(list[1].name, "three");
	assert_int_equal(list[1].trips, 0);
	assert_string_equal(list[2].name, "two");
	patches_free(list, nr);

	errors = open_memstream(&said, &bytes);
	path = put(place->root, "bad.patch", "Subject: x\nTrips: O1 P2\n");
	assert_int_equal(patch_read_header(path, &header, errors), -1);
	fclose(errors);
	assert_non_null(strstr(said, "bad.patch:2: expected oracles"));
	free(said);
	free(path);
	path = put(place->root, "bare.patch", "--- a/engine/x.c\n");
	assert_int_equal(patch_read_header(path, &header, stderr), 0);
	assert_string_equal(header.summary, "");
	assert_string_equal(header.text, "");
	patch_header_clear(&header);
	free(path);
}

#define CASE(name) \
	cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(patches_in_turn),
		CASE(order_matters),
		CASE(second_build_runs_no_compiler),
		CASE(subject_mk_counts),
		CASE(patch_by_path),
		CASE(patch_makes_a_file),
		CASE(unknown),
		CASE(unused_function_compiles),
		CASE(does_not_compile),
		CASE(outside_the_engine),
		CASE(lines_that_look_like_names),
		CASE(no_diff),
		CASE(cache_folder),
		CASE(missing_programs),
		CASE(data_directory),
		CASE(two_at_once),
		CASE(signals),
		CASE(headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
