/* SPDX-License-Identifier: GPL-2.0-only */
/* engine_build.c - a patched engine, as a shared object. */
#include "engine_build.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "files.h"
#include "patches.h"
#include "run.h"

#define MAX_CC_WORDS 16

struct build {
	const char *const *patches;
	size_t nr;
	FILE *errors;
	sigset_t signals;	/* mask of children, and to go back to */
	const char *cc;		/* compiler, perhaps with options */
	char *data;		/* data_directory() */
	char *cache;		/* absolute path */
	char *work;		/* cache/tmp.XXXXXX: engine/, litmus/, out/ */
};

/* Return: -1, for the caller to return. */
__attribute__((format(printf, 2, 3)))
static int complain(const struct build *build, const char *text, ...)
{
	va_list args;

	fputs("faultline: ", build->errors);
	va_start(args, text);
	vfprintf(build->errors, text, args);
	va_end(args);
	fputc('\n', build->errors);
	return -1;
}

static int complain_cache(const struct build *build, const char *path)
{
	return complain(build, "cannot write '%s': %s; set FAULTLINE_CACHE to "
			"another folder", path, strerror(errno));
}

static int complain_copy(const struct build *build, const char *from,
			 const char *to)
{
	if (errno == ENOSPC)
		return complain_cache(build, to);
	return complain(build, "cannot copy '%s' to '%s': %s", from, to,
			strerror(errno));
}

/*
 * Run a program of the build; remedy says what to do when it is missing.
 * Return: 0 and *result, or -1 after a complaint.
 */
static int run(const struct build *build, const char *const *argv,
	       const char *remedy, struct run_result *result)
{
	if (run_program(argv, build->work, &build->signals, result) != 0) {
		if (errno == EINTR)
			return complain(build, "interrupted");
		return complain(build, "cannot run '%s': %s; %s", argv[0],
				strerror(errno), remedy);
	}
	if (result->status != 0 && strstr(result->output, strerror(ENOSPC))) {
		free(result->output);
		errno = ENOSPC;
		return complain_cache(build, build->cache);
	}
	return 0;
}

/* Return: a new string, the first line of text that holds part; or NULL. */
static char *line_with(const char *text, const char *part)
{
	const char *found = strstr(text, part);

	if (!found)
		return NULL;
	while (found > text && found[-1] != '\n')
		found--;
	return format("%.*s", (int)strcspn(found, "\n"), found);
}

/* Find and make the cache folder, and a folder to work in there. */
static int open_cache(struct build *build)
{
	const char *own = getenv("FAULTLINE_CACHE");
	const char *xdg = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	char *path;
	int ret = 0;

	if (own && *own)
		path = format("%s", own);
	else if (xdg && *xdg == '/')
		path = format("%s/faultline", xdg);
	else if (home && *home)
		path = format("%s/.cache/faultline", home);
	else
		return complain(build, "no place for compiled engines: HOME is "
				"not set; set FAULTLINE_CACHE to a folder");

	if (make_directories(path) == 0)
		build->cache = realpath(path, NULL);
	if (build->cache) {
		build->work = format("%s/tmp.XXXXXX", build->cache);
		if (!mkdtemp(build->work)) {
			free(build->work);
			build->work = NULL;
		}
	}
	if (!build->work)
		ret = complain_cache(build, path);
	free(path);
	return ret;
}

static int copy_engine(const struct build *build)
{
	char *from = format("%s/engine", build->data);
	char *to = format("%s/engine", build->work);
	int ret = copy_sources(from, to);

	if (ret != 0)
		complain_copy(build, from, to);
	free(from);
	free(to);
	return ret;
}

/*
 * The glue is what a subject is built from beside engine/, and no patch
 * reaches it: subject.mk, and these files of litmus/.
 */
static int is_glue(const struct dirent *entry)
{
	const char *name = entry->d_name, *dot = strrchr(name, '.');

	return strcmp(name, "litmus.h") == 0 ||
	       (strncmp(name, "subject", strlen("subject")) == 0 && dot &&
		(strcmp(dot, ".c") == 0 || strcmp(dot, ".h") == 0));
}

/* Return: a new list of the glue in a folder, by name, that ends in NULL. */
static char **list_glue(const char *folder)
{
	char *path = format("%s/litmus", folder), **names = NULL;
	struct dirent **found;
	int nr = scandir(path, &found, is_glue, alphasort);

	free(path);
	if (nr < 0)
		return NULL;
	names = calloc((size_t)nr + 2, sizeof(*names));
	if (names)
		names[0] = format("subject.mk");
	for (int i = 0; i < nr; i++) {
		if (names)
			names[i + 1] = format("litmus/%s", found[i]->d_name);
		free(found[i]);
	}
	free(found);
	return names;
}

static void free_glue(char **names)
{
	for (size_t i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
}

static int copy_glue(const struct build *build)
{
	char *from, *to = format("%s/litmus", build->work);
	int ret = make_directories(to);
	char **names;

	if (ret != 0)
		complain_cache(build, to);
	free(to);
	if (ret != 0)
		return ret;
	names = list_glue(build->data);
	if (!names)
		ret = complain_copy(build, build->data, build->work);
	for (size_t i = 0; ret == 0 && names[i]; i++) {
		from = format("%s/%s", build->data, names[i]);
		to = format("%s/%s", build->work, names[i]);
		ret = copy_file(from, to);
		if (ret != 0)
			complain_copy(build, from, to);
		free(from);
		free(to);
	}
	free_glue(names);
	return ret;
}

/* Say in one line why patch(1) failed. */
static void complain_patch(const struct build *build, const char *given,
			   const char *output)
{
	static const char *const reasons[] = {
		" FAILED at ", "previously applied", "already exists",
		"patch: **** ", "can't find file", "",
	};
	char *line = NULL, *file = NULL;
	const char *name, *place;

	for (size_t i = 0; !line; i++)
		line = line_with(output, reasons[i]);
	/* The last `patching file` above that line names the file. */
	for (place = output; (name = strstr(place, "patching file ")) &&
			     name < strstr(output, line);
	     place = name + 1) {
		free(file);
		name += strlen("patching file ");
		file = format("%.*s: ", (int)strcspn(name, "\n"), name);
	}
	complain(build, "patch '%s' does not apply: %s%s", given,
		 file ? file : "", line);
	free(file);
	free(line);
}

/* Apply one patch in the work folder, which holds only the engine so far. */
static int apply(const struct build *build, const char *given)
{
	char *path = patch_find(given, build->errors);
	char *copy = format("%s/patch", build->work);
	const char *const argv[] = {
		"patch", "-p1", "--unified", "--fuzz=0", "--batch", "--forward",
		"--no-backup-if-mismatch", "--reject-file=-",
		"-d", build->work, "-i", copy, NULL,
	};
	struct run_result result;
	char *text = NULL;
	size_t bytes;
	int ret = -1;

	if (path) {
		text = read_file(path, &bytes);
		if (!text)
			complain(build, "cannot read patch '%s': %s", path,
				 strerror(errno));
	}
	if (text && patch_check_names(given, text, build->errors) == 0) {
		ret = write_file(copy, text, bytes);
		if (ret != 0)
			complain_cache(build, copy);
	}
	if (ret == 0)
		ret = run(build, argv, "install patch", &result);
	if (ret == 0) {
		if (result.status != 0) {
			complain_patch(build, given, result.output);
			ret = -1;
		}
		free(result.output);
	}
	free(text);
	free(copy);
	free(path);
	return ret;
}

/* Return: a new string, what the compiler says of its version; or NULL. */
static char *compiler_version(const struct build *build)
{
	char *words = format("%s", build->cc), *rest = NULL;
	const char *argv[MAX_CC_WORDS + 2];
	struct run_result result;
	char *version = NULL;
	size_t nr = 0;

	for (char *word = strtok_r(words, " ", &rest);
	     word && nr < MAX_CC_WORDS; word = strtok_r(NULL, " ", &rest))
		argv[nr++] = word;
	argv[nr++] = "--version";
	argv[nr] = NULL;
	if (run(build, argv, "install gcc, or set CC", &result) == 0) {
		if (result.status == 0) {
			version = result.output;
		} else {
			complain(build, "the compiler '%s' does not work: "
				 "'%s --version' exits with %d; set CC",
				 build->cc, build->cc, result.status);
			free(result.output);
		}
	}
	free(words);
	return version;
}

/* Lengths go in as well, so that two lists never look alike. */
static void hash_bytes(XXH3_state_t *state, const void *data, size_t bytes)
{
	uint64_t length = bytes;

	XXH3_128bits_update(state, &length, sizeof(length));
	XXH3_128bits_update(state, data, bytes);
}

static int hash_file(XXH3_state_t *state, const char *name, const char *path)
{
	size_t bytes;
	char *data = read_file(path, &bytes);

	if (!data)
		return -1;
	hash_bytes(state, name, strlen(name));
	hash_bytes(state, data, bytes);
	free(data);
	return 0;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int hash_work(XXH3_state_t *state, const struct build *build)
{
	char *engine = format("%s/engine", build->work), *path;
	char *const roots[] = { engine, NULL };
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	int ret = tree ? 0 : -1;
	FTSENT *entry;
	char **names;

	while (ret == 0 && (entry = fts_read(tree))) {
		if (entry->fts_info == FTS_F)
			ret = hash_file(state, entry->fts_path + strlen(engine),
					entry->fts_accpath);
	}
	if (tree)
		fts_close(tree);
	names = list_glue(build->work);
	if (!names)
		ret = -1;
	for (size_t i = 0; ret == 0 && names[i]; i++) {
		path = format("%s/%s", build->work, names[i]);
		ret = hash_file(state, names[i], path);
		free(path);
	}
	free_glue(names);
	free(engine);
	return ret;
}

/* Return: a new string, the name under which the result is kept; or NULL. */
static char *hash_all(const struct build *build)
{
	char *version = compiler_version(build), *name = NULL;
	XXH3_state_t *state;
	XXH128_hash_t hash;

	if (!version)
		return NULL;
	state = XXH3_createState();
	if (state) {
		XXH3_128bits_reset(state);
		hash_bytes(state, build->cc, strlen(build->cc));
		hash_bytes(state, version, strlen(version));
		if (hash_work(state, build) == 0) {
			hash = XXH3_128bits_digest(state);
			name = format("%016llx%016llx",
				      (unsigned long long)hash.high64,
				      (unsigned long long)hash.low64);
		}
	}
	if (!name)
		complain(build, "cannot read back '%s': %s", build->work,
			 strerror(errno));
	XXH3_freeState(state);
	free(version);
	return name;
}

/* Say in one line why make failed, and keep the rest for who wants it. */
static void complain_compile(const struct build *build, const char *hash,
			     const char *output)
{
	char *log = format("%s/%s.log", build->cache, hash);
	char *line = line_with(output, "error: ");

	if (!line)
		line = line_with(output, "undefined reference");
	if (!line)
		line = line_with(output, "");
	fprintf(build->errors, "faultline: %s",
		build->nr == 0 ? "the engine" :
		build->nr == 1 ? "patch " : "patches ");
	for (size_t i = 0; i < build->nr; i++)
		fprintf(build->errors, "%s'%s'", i ? ", " : "",
			build->patches[i]);
	fprintf(build->errors, " %s not compile: %s",
		build->nr < 2 ? "does" : "do", line);
	if (write_file(log, output, strlen(output)) == 0)
		fprintf(build->errors, " (whole log: %s)", log);
	fputc('\n', build->errors);
	free(line);
	free(log);
}

static int compile(const struct build *build, const char *hash)
{
	char *jobs = format("-j%ld", sysconf(_SC_NPROCESSORS_ONLN));
	char *cc = format("CC=%s", build->cc);
	const char *const argv[] = {
		"make", "-s", "--no-print-directory", jobs, "-C", build->work,
		"-f", "subject.mk", cc, "OUT=out", "WERROR=", "SANITIZE=",
		"out/subject.so", NULL,
	};
	struct run_result result;
	int ret = run(build, argv, "install make", &result);

	if (ret == 0) {
		if (result.status != 0) {
			complain_compile(build, hash, result.output);
			ret = -1;
		}
		free(result.output);
	}
	free(cc);
	free(jobs);
	return ret;
}

static int sync_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -1;
	ret = fsync(fd);
	close(fd);
	return ret;
}

/* The file appears under its name whole or not at all. */
static int install(const struct build *build, const char *so)
{
	char *from = format("%s/out/subject.so", build->work);
	char *folder = format("%.*s", (int)(strrchr(so, '/') - so), so);
	int ret = 0;

	if (sync_file(from) != 0 || make_directories(folder) != 0 ||
	    rename(from, so) != 0)
		ret = complain_cache(build, so);
	free(folder);
	free(from);
	return ret;
}

/* Return: a new string, the path of the shared object; or NULL. */
static char *build_subject(const struct build *build)
{
	char *hash, *so;

	if (copy_engine(build) != 0)
		return NULL;
	for (size_t i = 0; i < build->nr; i++) {
		if (apply(build, build->patches[i]) != 0)
			return NULL;
	}
	if (copy_glue(build) != 0)
		return NULL;
	hash = hash_all(build);
	if (!hash)
		return NULL;
	so = format("%s/%s/subject.so", build->cache, hash);
	if (access(so, R_OK) != 0 &&
	    (compile(build, hash) != 0 || install(build, so) != 0)) {
		free(so);
		so = NULL;
	}
	free(hash);
	return so;
}

int engine_build(const char *const *patches, size_t nr, char **so_path,
		 FILE *errors)
{
	struct build build = {
		.patches = patches,
		.nr = nr,
		.errors = errors,
		.cc = getenv("CC"),
	};

	*so_path = NULL;
	if (!build.cc || build.cc[strspn(build.cc, " ")] == '\0')
		build.cc = "cc";
	build.data = data_directory(errors);
	if (!build.data)
		return -1;
	signals_hold(&build.signals);
	if (open_cache(&build) == 0) {
		*so_path = build_subject(&build);
		remove_tree(build.work);
	}
	signals_release(&build.signals);
	free(build.work);
	free(build.cache);
	free(build.data);
	return *so_path ? 0 : -1;
}
