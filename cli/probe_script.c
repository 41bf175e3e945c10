// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_script.c - read scripts and recordings.
 *
 * A line of a script is an operation and its operands, perhaps with `P 05 ` or
 * `C 01 ` before, and with `=> results` behind, as in a recording.  `### title`
 * begins a section; other lines that begin with # are remarks.
 */
#include "probe.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

/*
 * Operands, a letter each: N name, O offset, L length, B byte that may be left
 * out; w what a file holds, s how a map is shared, o options of a map,
 * a advice, p protection, m where mremap moves to.
 */
static const struct operation {
	const char *name;
	enum probe_op op;
	const char *operands;
} operations[] = {
	{ "file", PROBE_FILE, "NLw" },
	{ "map", PROBE_MAP, "NsOLo" },
	{ "r", PROBE_LOAD, "NOB" },
	{ "w", PROBE_STORE, "NOB" },
	{ "madv", PROBE_MADVISE, "NOLa" },
	{ "munmap", PROBE_MUNMAP, "NOL" },
	{ "mprotect", PROBE_MPROTECT, "NOLp" },
	{ "mremap", PROBE_MREMAP, "NLm" },
	{ "fsync", PROBE_FSYNC, "" },
	{ "msync", PROBE_MSYNC, "NOL" },
	{ "punch", PROBE_PUNCH, "OL" },
	{ "trunc", PROBE_TRUNCATE, "L" },
	{ "collapse", PROBE_COLLAPSE, "OL" },
	{ "insert", PROBE_INSERT, "OL" },
	{ "zero", PROBE_ZERO, "OL" },
	{ "falloc", PROBE_FALLOCATE, "OL" },
	{ "pwrite", PROBE_PWRITE, "OB" },
	{ "pread", PROBE_PREAD, "O" },
	{ "fork", PROBE_FORK, "" },
	{ "wait", PROBE_WAIT, "" },
	{ "closeall", PROBE_CLOSEALL, "" },
};

/* Every page of a map is looked at after each step. */
#define MAP_MAX (UINT64_C(4) << 30)

#define NR_OPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* A map as far as the script tells, to find names that are wrong. */
struct known_map {
	char name[PROBE_NAME_MAX + 1];
	uint64_t bytes;
};

struct known_process {
	struct known_map *maps;
	size_t nr;
};

struct reader {
	struct probe_script *script;
	unsigned int line;
	char *at;			/* what is left of the operation */
	bool has_file;
	bool has_child;
	struct known_process parent, child;
};

static int complain(const struct reader *reader, const char *text, ...)
	__attribute__((format(printf, 2, 3)));

static int complain(const struct reader *reader, const char *text, ...)
{
	va_list arguments;

	fprintf(stderr, "%s:%u: error: ", reader->script->path, reader->line);
	va_start(arguments, text);
	vfprintf(stderr, text, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return -1;
}

/* Return: the next word, or NULL at the end; it is cut off in place. */
static char *next_word(struct reader *reader)
{
	char *word = reader->at;
	size_t chars;

	word += strspn(word, " \t");
	chars = strcspn(word, " \t");
	reader->at = word + chars;
	if (!chars)
		return NULL;
	if (*reader->at)
		*reader->at++ = '\0';
	return word;
}

/* Return: the word that comes next, which stays there, or an empty string. */
static const char *peek(const struct reader *reader)
{
	return reader->at + strspn(reader->at, " \t");
}

/* A number with k, m or g behind.  Return: 0 or -1. */
static int parse_bytes(const char *word, uint64_t *bytes)
{
	static const char units[] = "kmg";
	const char *unit = NULL;
	unsigned int shift = 0;
	char *end;

	if (!word || !isdigit((unsigned char)*word))
		return -1;
	errno = 0;
	*bytes = strtoull(word, &end, 0);
	if (*end) {
		unit = strchr(units, *end);
		if (!unit || end[1])
			return -1;
		shift = 10 * (unsigned int)(unit - units + 1);
	}
	if (errno || *bytes >> (62 - shift))
		return -1;
	*bytes <<= shift;
	return 0;
}

static int parse_number(struct reader *reader, const char *what,
			uint64_t *number)
{
	const char *word = next_word(reader);

	if (!word)
		return complain(reader, "%s is missing", what);
	if (parse_bytes(word, number))
		return complain(reader, "'%s' is no %s", word, what);
	return 0;
}

static int parse_name(struct reader *reader, struct probe_step *step)
{
	const char *word = next_word(reader);

	if (!word)
		return complain(reader, "a name is missing");
	if (strlen(word) > PROBE_NAME_MAX || strpbrk(word, "/:{}|=") ||
	    word[0] == '.')
		return complain(reader, "'%s' is no name", word);
	strcpy(step->name, word);
	return 0;
}

static int parse_byte(struct reader *reader, struct probe_step *step)
{
	uint64_t byte = PROBE_STORED_BYTE;

	if (*peek(reader) && parse_number(reader, "byte", &byte))
		return -1;
	if (byte > 0xff)
		return complain(reader, "a byte is at most 0xff");
	step->byte = (uint8_t)byte;
	return 0;
}

/* One word of a list; the first is the default if that is allowed. */
static int parse_choice(struct reader *reader, const char *const *words,
			enum probe_word first, bool has_default,
			struct probe_step *step)
{
	const char *word = next_word(reader);

	step->word = first;
	if (!word && has_default)
		return 0;
	for (; word && *words; words++, step->word++)
		if (!strcmp(word, *words))
			return 0;
	return word ? complain(reader, "'%s' is not known here", word) :
		      complain(reader, "a word is missing at the end");
}

static int parse_protection(const char *word, struct probe_step *step)
{
	step->readable = true;
	step->writable = !strcmp(word, "rw");
	if (!strcmp(word, "none"))
		step->readable = false;
	else if (strcmp(word, "r") && !step->writable)
		return -1;
	return 0;
}

static int parse_map_options(struct reader *reader, struct probe_step *step)
{
	const char *word;

	step->readable = true;
	step->writable = true;
	while ((word = next_word(reader))) {
		if (!strcmp(word, "populate"))
			step->populate = true;
		else if (*word == '+' && !parse_bytes(word + 1, &step->skew) &&
			 step->skew % PROBE_PAGE_BYTES == 0 &&
			 step->skew < PROBE_HUGE_BYTES)
			continue;
		else if (parse_protection(word, step))
			return complain(reader, "'%s' is no option of a map",
					word);
	}
	return 0;
}

static int parse_move(struct reader *reader, struct probe_step *step)
{
	const char *word = next_word(reader);

	step->move = word != NULL;
	if (!word)
		return 0;
	if (strcmp(word, "move"))
		return complain(reader, "'%s' is not known here", word);
	if (parse_number(reader, "offset", &step->skew))
		return -1;
	if (step->skew % PROBE_PAGE_BYTES || step->skew >= PROBE_HUGE_BYTES)
		return complain(reader, "a move is by whole pages below 2m");
	return 0;
}

static int parse_operand(struct reader *reader, char operand,
			 struct probe_step *step)
{
	static const char *const contents[] = { "unwritten", "written", "hole",
						NULL };
	static const char *const sharing[] = { "private", "shared", "sync",
					       NULL };
	static const char *const advice[] = { "dontneed", "popread", "popwrite",
					      NULL };
	const char *word;

	switch (operand) {
	case 'N':
		return parse_name(reader, step);
	case 'O':
		return parse_number(reader, "offset", &step->offset);
	case 'L':
		return parse_number(reader, "length", &step->bytes);
	case 'B':
		return parse_byte(reader, step);
	case 'w':
		return parse_choice(reader, contents, PROBE_UNWRITTEN, true,
				    step);
	case 's':
		return parse_choice(reader, sharing, PROBE_PRIVATE, false,
				    step);
	case 'a':
		return parse_choice(reader, advice, PROBE_DONTNEED, false,
				    step);
	case 'o':
		return parse_map_options(reader, step);
	case 'm':
		return parse_move(reader, step);
	default:
		word = next_word(reader);
		if (!word || parse_protection(word, step))
			return complain(reader, "mprotect takes r, rw or none");
		return 0;
	}
}

static int parse_operation(struct reader *reader, struct probe_step *step)
{
	const char *name = next_word(reader);
	const char *operand = NULL;

	if (!name)
		return complain(reader, "an operation is missing");
	for (size_t i = 0; i < NR_OPERATIONS; i++) {
		if (strcmp(name, operations[i].name))
			continue;
		step->op = operations[i].op;
		operand = operations[i].operands;
	}
	if (!operand)
		return complain(reader, "there is no operation '%s'", name);
	for (; *operand; operand++)
		if (parse_operand(reader, *operand, step))
			return -1;
	if (*peek(reader))
		return complain(reader, "'%s' is too much for %s", peek(reader),
				name);
	return 0;
}

/* `P 05 ` or `C 01 ` in front, or nothing. */
static void parse_process(struct reader *reader, struct probe_step *step)
{
	const char *first = peek(reader);

	if ((*first != 'P' && *first != 'C') ||
	    (first[1] != ' ' && first[1] != '\t'))
		return;
	step->in_child = *first == 'C';
	next_word(reader);
	if (isdigit((unsigned char)*peek(reader)))
		next_word(reader);
}

/* ------ is it a script that can be run? ------ */

static struct known_map *find_map(const struct known_process *process,
				  const char *name)
{
	for (size_t i = 0; i < process->nr; i++)
		if (!strcmp(process->maps[i].name, name))
			return &process->maps[i];
	return NULL;
}

static void *need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static void add_map(struct known_process *process,
		    const struct probe_step *step)
{
	struct known_map *map;

	process->maps = need(realloc(process->maps, (process->nr + 1) *
						    sizeof(*process->maps)));
	map = &process->maps[process->nr++];
	strcpy(map->name, step->name);
	map->bytes = step->bytes;
}

static void remove_map(struct known_process *process, struct known_map *map)
{
	*map = process->maps[--process->nr];
}

static int check_map(const struct reader *reader,
		     struct known_process *process,
		     const struct probe_step *step)
{
	if (!reader->has_file)
		return complain(reader, "there is no file to map yet");
	if (find_map(process, step->name))
		return complain(reader, "there is a map '%s' already",
				step->name);
	if (step->offset % PROBE_PAGE_BYTES || !step->bytes)
		return complain(reader, "a map is whole pages of a file");
	if (step->bytes > MAP_MAX)
		return complain(reader, "a map is at most 4g");
	add_map(process, step);
	return 0;
}

/* What an operation on a map needs, and what becomes of the map. */
static int check_mapped(const struct reader *reader,
			struct known_process *process,
			const struct probe_step *step)
{
	struct known_map *map = find_map(process, step->name);

	if (!map)
		return complain(reader, "there is no map '%s'", step->name);
	if (step->op == PROBE_MREMAP) {
		if (step->bytes > MAP_MAX)
			return complain(reader, "a map is at most 4g");
		map->bytes = step->bytes;
	}
	if (step->op == PROBE_MUNMAP && !step->offset &&
	    step->bytes >= map->bytes)
		remove_map(process, map);
	return 0;
}

static int check_fork(struct reader *reader, const struct probe_step *step)
{
	size_t bytes = reader->parent.nr * sizeof(*reader->parent.maps);

	if (step->in_child || reader->has_child)
		return complain(reader, "one child at a time");
	reader->has_child = true;
	reader->child.maps = need(realloc(reader->child.maps, bytes + 1));
	reader->child.nr = reader->parent.nr;
	if (bytes)
		memcpy(reader->child.maps, reader->parent.maps, bytes);
	return 0;
}

static int check_step(struct reader *reader, struct probe_step *step)
{
	struct known_process *process = step->in_child ? &reader->child :
							 &reader->parent;

	step->forked = reader->has_child;
	if (step->in_child && !reader->has_child)
		return complain(reader, "there is no child");
	switch (step->op) {
	case PROBE_SECTION:
		return reader->has_child ?
		       complain(reader, "the child is not waited for") : 0;
	case PROBE_FILE:
		if (reader->has_child)
			return complain(reader, "no files while there is a child");
		reader->has_file = true;
		return 0;
	case PROBE_MAP:
		return check_map(reader, process, step);
	case PROBE_FORK:
		step->forked = true;
		return check_fork(reader, step);
	case PROBE_WAIT:
		if (step->in_child || !reader->has_child)
			return complain(reader, "there is no child to wait for");
		reader->has_child = false;
		return 0;
	case PROBE_CLOSEALL:
		process->nr = 0;
		return 0;
	default:
		if (step->name[0])
			return check_mapped(reader, process, step);
		return reader->has_file ? 0 :
		       complain(reader, "there is no file yet");
	}
}

/* ------ lines ------ */

static struct probe_step *add_step(struct reader *reader)
{
	struct probe_script *script = reader->script;
	struct probe_step *step;

	script->steps = need(realloc(script->steps, (script->nr_steps + 1) *
						    sizeof(*step)));
	step = &script->steps[script->nr_steps++];
	memset(step, 0, sizeof(*step));
	step->line = reader->line;
	return step;
}

/* Cut blanks off the end. */
static void trim(char *text)
{
	size_t chars = strlen(text);

	while (chars && isspace((unsigned char)text[chars - 1]))
		text[--chars] = '\0';
}

static void parse_recorded(struct probe_step *step, const char *text)
{
	const char *pfn0 = strstr(text, "[pfn0 ");

	step->recorded = need(strdup(text + strspn(text, " \t")));
	if (step->op == PROBE_FILE && pfn0) {
		step->placed = true;
		step->pfn0 = strtoull(pfn0 + strlen("[pfn0 "), NULL, 16);
	}
}

static int parse_step(struct reader *reader, char *line)
{
	char *arrow = strstr(line, "=>");
	struct probe_step *step = add_step(reader);

	if (arrow)
		*arrow = '\0';
	reader->at = line;
	parse_process(reader, step);
	step->text = need(strdup(peek(reader)));
	trim(step->text);
	if (parse_operation(reader, step))
		return -1;
	if (arrow) {
		parse_recorded(step, arrow + 2);
		reader->script->nr_recorded++;
	}
	return check_step(reader, step);
}

static int parse_line(struct reader *reader, char *line)
{
	struct probe_step *step;

	trim(line);
	line += strspn(line, " \t");
	if (!strncmp(line, "###", 3)) {
		step = add_step(reader);
		step->op = PROBE_SECTION;
		step->text = need(strdup(line));
		return check_step(reader, step);
	}
	if (!*line || *line == '#')
		return 0;
	return parse_step(reader, line);
}

static int parse_lines(struct reader *reader, char *text)
{
	for (char *line = text; line && *line;) {
		char *next = strchr(line, '\n');

		if (next)
			*next++ = '\0';
		reader->line++;
		if (parse_line(reader, line))
			return -1;
		line = next;
	}
	reader->line = 1;
	if (!reader->script->nr_steps)
		return complain(reader, "there is nothing in it");
	return 0;
}

int probe_script_read(struct probe_script *script, const char *path)
{
	struct reader reader = { .script = script };
	size_t bytes;
	char *text = read_file(path, &bytes);
	int error;

	memset(script, 0, sizeof(*script));
	script->path = path;
	if (!text) {
		fprintf(stderr, "faultline: %s: %s\n", path, strerror(errno));
		return -1;
	}
	error = strlen(text) == bytes ? parse_lines(&reader, text) :
					complain(&reader, "this is no text");
	free(reader.parent.maps);
	free(reader.child.maps);
	free(text);
	if (error)
		probe_script_free(script);
	return error;
}

void probe_script_free(struct probe_script *script)
{
	for (size_t i = 0; i < script->nr_steps; i++) {
		free(script->steps[i].text);
		free(script->steps[i].recorded);
	}
	free(script->steps);
	memset(script, 0, sizeof(*script));
}
