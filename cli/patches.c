/* SPDX-License-Identifier: GPL-2.0-only */
/* patches.c - patches to the engine, and where they live. */
#include "patches.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"

static const char suffix[] = ".patch";

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static bool ends_with(const char *text, const char *end)
{
	size_t chars = strlen(text), end_chars = strlen(end);

	return chars >= end_chars &&
	       strcmp(text + chars - end_chars, end) == 0;
}

static bool holds_engine(const char *directory)
{
	char *engine = format("%s/engine", directory);
	bool result = is_directory(engine);

	free(engine);
	return result;
}

/* Return: the directory of this executable, without a slash at its end. */
static char *executable_directory(void)
{
	char *path = realpath("/proc/self/exe", NULL);
	char *slash = path ? strrchr(path, '/') : NULL;

	if (slash)
		*slash = '\0';
	return path;
}

char *data_directory(FILE *errors)
{
	const char *given = getenv("FAULTLINE_DATA");
	char *own, *installed, *result = NULL;

	if (given && *given) {
		if (holds_engine(given))
			result = realpath(given, NULL);
		if (!result)
			fprintf(errors, "faultline: FAULTLINE_DATA is '%s', "
				"which holds no engine/\n", given);
		return result;
	}
	own = executable_directory();
	if (!own) {
		fprintf(errors, "faultline: cannot read /proc/self/exe: %s; "
			"set FAULTLINE_DATA\n", strerror(errno));
		return NULL;
	}
	installed = format("%s/../share/faultline", own);
	if (holds_engine(own))
		result = realpath(own, NULL);
	else if (holds_engine(installed))
		result = realpath(installed, NULL);
	if (!result)
		fprintf(errors, "faultline: neither '%s' nor '%s' holds "
			"engine/; set FAULTLINE_DATA\n", own, installed);
	free(installed);
	free(own);
	return result;
}

char *patch_find(const char *given, FILE *errors)
{
	char *data, *path;

	if (strchr(given, '/') ||
	    (ends_with(given, suffix) && access(given, F_OK) == 0))
		return format("%s", given);
	data = data_directory(errors);
	if (!data)
		return NULL;
	path = format("%s/patches/%s%s", data, given, suffix);
	free(data);
	if (*given == '\0' || access(path, F_OK) != 0) {
		fprintf(errors, "faultline: no patch '%s'; 'faultline list' "
			"shows them\n", given);
		free(path);
		return NULL;
	}
	return path;
}

/* A line of a text; its end is a newline, perhaps a carriage return. */
static size_t line_chars(const char *line)
{
	return strcspn(line, "\r\n");
}

static const char *next_line(const char *line)
{
	line = strchrnul(line, '\n');
	return *line ? line + 1 : line;
}

/* Return: a new string, the name that ends at a tab or at the line's end. */
static char *read_name(const char *name)
{
	return format("%.*s", (int)strcspn(name, "\t\r\n"), name);
}

static bool climbs(const char *name)
{
	for (; name; name = strchr(name, '/')) {
		name += *name == '/';
		if (starts_with(name, "..") && (!name[2] || name[2] == '/'))
			return true;
	}
	return false;
}

/* Return: 0 when name lies in engine/, else -1 after a complaint. */
static int check_name(const char *given, const char *name, FILE *errors)
{
	if (starts_with(name, "engine/") && !climbs(name))
		return 0;
	fprintf(errors, "faultline: patch '%s' touches '%s' (read as by "
		"patch -p1); only files in engine/ may change\n", given, name);
	return -1;
}

/* The name in `--- a/engine/x.c` or `+++ b/engine/x.c`. */
static int check_side(const char *given, const char *line, FILE *errors)
{
	char *name = read_name(line + strlen("--- "));
	const char *slash = name[0] != '/' ? strchr(name, '/') : NULL;
	int ret = 0;

	if (strcmp(name, "/dev/null") != 0)
		ret = check_name(given, slash ? slash + 1 : name, errors);
	free(name);
	return ret;
}

/* A line of git between `diff --git` and the hunks, which may move a file. */
static int check_move(const char *given, const char *line, FILE *errors)
{
	static const char *const moves[] = {
		"rename from ", "rename to ", "copy from ", "copy to ",
	};
	int ret = 0;
	char *name;

	for (size_t i = 0; i < sizeof(moves) / sizeof(*moves); i++) {
		if (starts_with(line, moves[i])) {
			name = read_name(line + strlen(moves[i]));
			ret = check_name(given, name, errors);
			free(name);
		}
	}
	return ret;
}

/* One side of `@@ -1,7 +1,6 @@`. Return: what follows it, or NULL. */
static const char *read_side(const char *text, char sign, unsigned long *lines)
{
	char *end;

	if (*text != sign || !isdigit((unsigned char)text[1]))
		return NULL;
	*lines = 1;
	strtoul(text + 1, &end, 10);
	if (*end == ',')
		*lines = strtoul(end + 1, &end, 10);
	return *end == ' ' ? end + 1 : NULL;
}

/* `@@ -1,7 +1,6 @@`: how many lines of either side follow; else none. */
static void read_hunk(const char *line, unsigned long *old, unsigned long *new)
{
	const char *rest = NULL;

	if (starts_with(line, "@@ "))
		rest = read_side(line + strlen("@@ "), '-', old);
	if (rest)
		rest = read_side(rest, '+', new);
	if (!rest)
		*old = *new = 0;
}

int patch_check_names(const char *given, const char *text, FILE *errors)
{
	unsigned long old = 0, new = 0;
	bool found = false, git = false;
	int ret = 0;

	for (const char *line = text; *line && ret == 0;
	     line = next_line(line)) {
		if (old || new) {
			old -= old && *line != '+' && *line != '\\';
			new -= new && *line != '-' && *line != '\\';
		} else if (starts_with(line, "--- ") &&
			   starts_with(next_line(line), "+++ ")) {
			found = true;
			git = false;
			ret = check_side(given, line, errors);
			line = next_line(line);
			if (ret == 0)
				ret = check_side(given, line, errors);
		} else if (starts_with(line, "diff --git ")) {
			found = true;
			git = true;
		} else if (git) {
			ret = check_move(given, line, errors);
		} else {
			read_hunk(line, &old, &new);
		}
	}
	if (ret == 0 && !found) {
		fprintf(errors, "faultline: patch '%s' holds no unified diff\n",
			given);
		ret = -1;
	}
	return ret;
}

/* `O1 O2` or `none`. Return: 0 and *trips, or -1. */
static int read_trips(const char *words, size_t chars, uint32_t *trips)
{
	char *copy = strndup(words, chars), *end, *rest = NULL;
	unsigned long oracle;
	int ret = 0;

	*trips = 0;
	for (char *word = strtok_r(copy, " \t", &rest); word && ret == 0;
	     word = strtok_r(NULL, " \t", &rest)) {
		if (strcmp(word, "none") == 0)
			continue;
		oracle = strtoul(word + 1, &end, 10);
		if (word[0] != 'O' || !isdigit((unsigned char)word[1]) ||
		    *end != '\0' || oracle > 31)
			ret = -1;
		else
			*trips |= UINT32_C(1) << oracle;
	}
	free(copy);
	return ret;
}

static char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *name = format("%s", slash ? slash + 1 : path);

	if (ends_with(name, suffix))
		name[strlen(name) - strlen(suffix)] = '\0';
	return name;
}

int patch_read_header(const char *path, struct patch_header *header,
		      FILE *errors)
{
	static const char subject[] = "Subject: ", trips[] = "Trips: ";
	unsigned int number = 0;
	const char *line;

	*header = (struct patch_header){ .text = read_file(path, NULL) };
	if (!header->text) {
		fprintf(errors, "faultline: cannot read patch '%s': %s\n",
			path, strerror(errno));
		return -1;
	}
	header->name = base_name(path);
	for (line = header->text; *line && !starts_with(line, "---") &&
				  !starts_with(line, "diff ");
	     line = next_line(line)) {
		size_t chars = line_chars(line);

		number++;
		if (!header->summary && starts_with(line, subject))
			header->summary = format(
				"%.*s", (int)(chars - strlen(subject)),
				line + strlen(subject));
		if (starts_with(line, trips) &&
		    read_trips(line + strlen(trips), chars - strlen(trips),
			       &header->trips) != 0) {
			fprintf(errors, "faultline: %s:%u: expected oracles, "
				"as in 'Trips: O1 O2', or 'none'\n",
				path, number);
			patch_header_clear(header);
			return -1;
		}
	}
	header->text[line - header->text] = '\0';
	if (!header->summary)
		header->summary = format("%s", "");
	return 0;
}

void patch_header_clear(struct patch_header *header)
{
	free(header->name);
	free(header->summary);
	free(header->text);
	*header = (struct patch_header){ 0 };
}

static int is_patch(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && ends_with(entry->d_name, suffix);
}

int patches_list(struct patch_header **list, size_t *nr, FILE *errors)
{
	char *data = data_directory(errors), *folder, *path;
	struct dirent **names;
	int found, ret = 0;

	*list = NULL;
	*nr = 0;
	if (!data)
		return -1;
	folder = format("%s/patches", data);
	free(data);
	found = scandir(folder, &names, is_patch, alphasort);
	if (found < 0) {
		fprintf(errors, "faultline: cannot read '%s': %s\n", folder,
			strerror(errno));
		free(folder);
		return -1;
	}
	*list = calloc((size_t)found + 1, sizeof(**list));
	for (int i = 0; i < found; i++) {
		path = format("%s/%s", folder, names[i]->d_name);
		free(names[i]);
		if (*list && ret == 0)
			ret = patch_read_header(path, &(*list)[*nr], errors);
		if (*list && ret == 0)
			++*nr;
		free(path);
	}
	free(names);
	free(folder);
	if (!*list) {
		fprintf(errors, "faultline: out of memory\n");
		return -1;
	}
	if (ret != 0) {
		patches_free(*list, *nr);
		*list = NULL;
		*nr = 0;
	}
	return ret;
}

void patches_free(struct patch_header *list, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		patch_header_clear(&list[i]);
	free(list);
}
