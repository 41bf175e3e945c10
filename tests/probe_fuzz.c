// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_fuzz.c - scripts of system calls at random on the engine.
 *
 * After every step the engine's own invariants have to hold, its result has to
 * be the model's (probe_model.h), and every byte of every file and of every
 * private copy has to be what the model has.  A script that fails is made
 * shorter and printed, with the seed.
 *
 *	probe_fuzz [--seed N] [--scripts N] [--seconds N] [--geometry real]
 *		[--failures]
 *
 * With --failures memory and blocks are refused at random.  Then nobody knows
 * what the bytes have to be, but all invariants hold and nothing is lost.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/probe_world.h"
#include "tests/probe_model.h"

#define STEPS 250
#define DEVICE_PAGES 4096

static struct {
	uint64_t seed;
	uint64_t nr_scripts;
	uint64_t seconds;		/* 0: nr_scripts counts */
	bool real;
	bool failures;			/* whatever can fail does at times */
} options = { .seed = 1, .nr_scripts = 60 };

/* Of the process that runs scripts; the one that watches reads it. */
static struct progress {
	uint64_t seed;
	uint64_t nr_steps;
	uint64_t nr_skipped;
	uint64_t nr_failures;
	unsigned int step;		/* of the script */
} *progress;

static uint64_t random_state;
static bool quiet;

/* splitmix64 */
static uint64_t random_next(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static unsigned int below(unsigned int nr)
{
	return (unsigned int)(random_next() >> 32) % nr;
}

/* ------ scripts ------ */

static uint64_t small_page(void)
{
	return options.real ? PROBE_PAGE_BYTES : 256;
}

static uint64_t small_huge(void)
{
	return options.real ? PROBE_HUGE_BYTES : 8 * small_page();
}

/* A page, mostly one at either end of a huge page. */
static uint64_t some_page(unsigned int nr_huge)
{
	uint64_t page = small_page();
	const uint64_t within[] = { 0, 0, page, 2 * page, small_huge() / 2,
				    small_huge() - page };

	return below(nr_huge) * small_huge() + within[below(6)];
}

static uint64_t some_length(void)
{
	uint64_t page = small_page();
	const uint64_t lengths[] = { page, page, 2 * page, small_huge() / 2,
				     small_huge(), 2 * small_huge() };

	return lengths[below(6)];
}

/* Now and then not a whole page. */
static uint64_t some_bytes(void)
{
	return below(4) ? 0 : below((unsigned int)small_page());
}

static void generate_map(struct probe_step *step)
{
	step->word = (enum probe_word)(PROBE_PRIVATE + below(3));
	step->offset = below(3) ? below(2) * small_huge() : some_page(2);
	step->bytes = below(3) ? (1 + below(2)) * small_huge() : some_length();
	step->readable = true;
	step->writable = below(5) != 0;
	step->populate = below(8) == 0;
	step->skew = below(6) ? 0 : small_page();
}

static void generate_file(struct probe_step *step)
{
	step->word = (enum probe_word)(PROBE_UNWRITTEN + below(3));
	step->bytes = some_page(3) + some_bytes();
	step->placed = true;
	step->pfn0 = below(4) ? 0 : below(8);
}

static const struct {
	enum probe_op op;
	unsigned int weight;
	bool on_map;
} kinds[] = {
	{ PROBE_FILE, 1, false },
	{ PROBE_MAP, 10, false },
	{ PROBE_LOAD, 24, true },
	{ PROBE_STORE, 28, true },
	{ PROBE_MADVISE, 10, true },
	{ PROBE_MUNMAP, 4, true },
	{ PROBE_MPROTECT, 8, true },
	{ PROBE_MREMAP, 4, true },
	{ PROBE_FSYNC, 5, false },
	{ PROBE_MSYNC, 4, true },
	{ PROBE_PUNCH, 4, false },
	{ PROBE_TRUNCATE, 5, false },
	{ PROBE_COLLAPSE, 1, false },
	{ PROBE_INSERT, 1, false },
	{ PROBE_ZERO, 3, false },
	{ PROBE_FALLOCATE, 3, false },
	{ PROBE_PWRITE, 6, false },
	{ PROBE_PREAD, 3, false },
	{ PROBE_FORK, 2, false },
	{ PROBE_WAIT, 1, false },
	{ PROBE_CLOSEALL, 1, false },
};

#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static size_t some_kind(void)
{
	unsigned int sum = 0, at;
	size_t i = 0;

	for (i = 0; i < NR_KINDS; i++)
		sum += kinds[i].weight;
	at = below(sum);
	for (i = 0; at >= kinds[i].weight; i++)
		at -= kinds[i].weight;
	return i;
}

static void generate_step(struct probe_step *step)
{
	size_t kind = some_kind();
	bool whole_pages = kinds[kind].on_map;

	memset(step, 0, sizeof(*step));
	step->op = kinds[kind].op;
	step->in_child = below(3) == 0;
	step->offset = some_page(3);
	step->bytes = some_length();
	step->byte = (uint8_t)below(256);
	if (kinds[kind].on_map || step->op == PROBE_MAP)
		snprintf(step->name, sizeof(step->name), "%c", 'a' + below(3));
	switch (step->op) {
	case PROBE_FILE:
		strcpy(step->name, "f");
		generate_file(step);
		break;
	case PROBE_MAP:
		generate_map(step);
		break;
	case PROBE_LOAD:
	case PROBE_STORE:
		step->offset += some_bytes();
		step->bytes = 0;
		break;
	case PROBE_MADVISE:
		step->word = PROBE_DONTNEED;
		if (below(3) == 0)
			step->word = PROBE_POPULATE_READ + below(2);
		break;
	case PROBE_MPROTECT:
		step->readable = true;
		step->writable = below(2);
		break;
	case PROBE_MREMAP:
		step->offset = 0;
		step->move = below(2);
		step->skew = step->move && below(3) == 0 ? small_page() : 0;
		step->bytes = below(2) ? some_length() : some_page(2);
		break;
	case PROBE_COLLAPSE:
	case PROBE_INSERT:
		break;
	default:
		if (whole_pages)
			break;
		step->offset += some_bytes();
		step->bytes += some_bytes();
		break;
	}
}

static void generate(struct probe_step *steps, uint64_t seed)
{
	random_state = seed * 0x2545f4914f6cdd1d;
	generate_step(&steps[0]);
	steps[0] = (struct probe_step){ .op = PROBE_FILE, .name = "f" };
	generate_file(&steps[0]);
	for (unsigned int i = 1; i < STEPS; i++)
		generate_step(&steps[i]);
}

/* ------ printing ------ */

static void print_step(const struct probe_step *step)
{
	static const char *const words[] = {
		"", "written", "hole", "private", "shared", "sync", "dontneed",
		"popread", "popwrite",
	};
	static const char *const names[] = {
		"###", "file", "map", "r", "w", "madv", "munmap", "mprotect",
		"mremap", "fsync", "msync", "punch", "trunc", "collapse",
		"insert", "zero", "falloc", "pwrite", "pread", "fork", "wait",
		"closeall",
	};

	printf("%s%s", step->in_child ? "C " : "", names[step->op]);
	if (step->name[0])
		printf(" %s", step->name);
	if (step->op == PROBE_MAP)
		printf(" %s", words[step->word]);
	if (step->op != PROBE_FILE && step->op != PROBE_MREMAP &&
	    step->op != PROBE_TRUNCATE && step->op != PROBE_FSYNC &&
	    step->op < PROBE_FORK)
		printf(" %" PRIu64, step->offset);
	if (step->bytes && step->op != PROBE_FSYNC && step->op < PROBE_PWRITE)
		printf(" %" PRIu64, step->bytes);
	if (step->op == PROBE_STORE || step->op == PROBE_PWRITE)
		printf(" 0x%02x", step->byte);
	if (step->op == PROBE_FILE || step->op == PROBE_MADVISE)
		printf(" %s", words[step->word]);
	if (step->op == PROBE_MAP || step->op == PROBE_MPROTECT)
		printf(step->writable ? " rw" : " r");
	if (step->op == PROBE_MAP && step->populate)
		printf(" populate");
	if (step->op == PROBE_MAP && step->skew)
		printf(" +%" PRIu64, step->skew);
	if (step->move)
		printf(" move %" PRIu64, step->skew);
	if (step->op == PROBE_FILE && step->pfn0)
		printf(" => [pfn0 %" PRIx64 " NOT 2M ALIGNED]", step->pfn0);
	putchar('\n');
}

/* ------ is every byte where the model has it? ------ */

static bool wrong(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

static bool wrong(const char *format, ...)
{
	va_list arguments;

	if (!quiet) {
		va_start(arguments, format);
		vprintf(format, arguments);
		va_end(arguments);
		putchar('\n');
	}
	return false;
}

/* Return: the first byte of a page that is not as wanted, or -1. */
static int64_t find_difference(uint64_t pfn, const uint8_t *wanted)
{
	for (size_t at = 0; at < page_size(); at += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, wanted + at, sizeof(word));
		if (machine_data_load(pfn, at, sizeof(word)) != word)
			return (int64_t)at;
	}
	return -1;
}

static bool check_file(const struct model *model, unsigned int nr,
		       const struct probe_file *file)
{
	uint64_t first_pfn = file->inode->i_sb->s_dax.first_pfn;
	struct iomap iomap;

	if (file->inode->i_data.i_size != model->files[nr].size)
		return wrong("file %u: size %" PRIu64 ", not %" PRIu64, nr,
			     file->inode->i_data.i_size,
			     model->files[nr].size);
	for (uint64_t i = 0; i < model->max / model->page; i++) {
		const uint8_t *wanted = model->files[nr].bytes +
					i * model->page;
		int64_t at;

		fs_find_iomap(file->inode, i, &iomap);
		at = find_difference(iomap.type == IOMAP_MAPPED ?
				     first_pfn + iomap.block :
				     machine_zero_pfn(), wanted);
		if (at >= 0)
			return wrong("file %u: other bytes in page %" PRIu64
				     " at %" PRId64, nr, i, at);
	}
	return true;
}

static uint64_t find_entry(const struct mm *mm, uint64_t addr)
{
	const uint64_t *word = mm_find_pmd(mm, addr);
	uint64_t entry = word ? machine_pt_load(word) : 0;

	if (!entry || entry & _PAGE_PSE)
		return entry;
	word = mm_find_pte(mm, addr);
	return word ? machine_pt_load(word) : 0;
}

static bool check_page(const struct model_map *map, uint64_t i, uint64_t entry)
{
	const struct model_page *page = &map->pages[i];
	bool is_copy = entry && !(entry & (_PAGE_PSE | _PAGE_DEVMAP |
					   _PAGE_SPECIAL));

	if (entry && !page->mapped)
		return wrong("map %s: page %" PRIu64 " is not unmapped",
			     map->name, i);
	if (is_copy != (page->copy != NULL))
		return wrong("map %s: page %" PRIu64 " is %s", map->name, i,
			     is_copy ? "a copy" : "no copy");
	if (is_copy && find_difference(pte_pfn(entry), page->copy) >= 0)
		return wrong("map %s: other bytes in the copy of page %" PRIu64,
			     map->name, i);
	return true;
}

static bool check_maps(const struct model_process *model,
		       const struct probe_process *process)
{
	for (size_t m = 0; m < process->nr_maps; m++) {
		const struct probe_map *map = &process->maps[m];
		const struct model_map *wanted = NULL;

		for (unsigned int i = 0; i < MODEL_MAPS; i++)
			if (!strcmp(model->maps[i].name, map->name))
				wanted = &model->maps[i];
		if (!wanted)
			return wrong("map %s is still there", map->name);
		for (uint64_t i = 0; i < wanted->nr_pages; i++) {
			uint64_t addr = map->addr + (i << page_shift());

			if (!check_page(wanted, i,
					find_entry(process->mm, addr)))
				return false;
		}
	}
	return true;
}

static bool check_all(const struct model *model)
{
	const struct probe_world *world = probe_engine_world();
	unsigned int nr = model->nr_files;

	for (const struct probe_file *file = world->file; file;
	     file = file->next)
		if (!nr-- || !check_file(model, nr, file))
			return false;
	return check_maps(&model->parent, &world->parent) &&
	       check_maps(&model->child, &world->child);
}

/* ------ running ------ */

static void on_report(void *arg, const char *text)
{
	(void)arg;
	wrong("%s", text);
}

/* Return: where a map is that moves away, or 0. */
static uint64_t find_left(const struct probe_process *process,
			  const struct probe_step *step)
{
	for (size_t m = 0; step->move && m < process->nr_maps; m++)
		if (!strcmp(process->maps[m].name, step->name))
			return process->maps[m].addr;
	return 0;
}

/* There is nothing any more where a map was, in no TLB either. */
static bool check_left(const struct probe_process *process, uint64_t addr)
{
	uint64_t byte;

	return !addr || mm_load(process->mm, addr, 1, &byte) == -EFAULT ||
	       wrong("something is left where a map was");
}

static unsigned int on_choose(void *arg, unsigned int nr, const char *what)
{
	(void)arg;
	(void)what;
	if (!options.failures || below(16))
		return 0;
	progress->nr_failures++;
	return 1 + below(nr - 1);
}

static bool run_step(struct model *model, const struct probe_step *step)
{
	struct probe_world *world = probe_engine_world();
	const struct probe_process *process =
		step->in_child ? &world->child : &world->parent;
	const char *result = world->result;
	uint64_t left = find_left(process, step);
	int broken;

	model_step(model, step);
	broken = probe_engine_step(step, NULL);
	if (broken > 0)
		return false;
	if (options.failures)
		return true;
	if (broken < 0)
		return wrong("the engine's script has no such map");
	if (strcmp(result, model->result))
		return wrong("the result is %s, not %s", result, model->result);
	return check_left(process, left) && check_all(model);
}

/* Return: whether all went well; else progress->step is what did not. */
static bool run(const struct probe_step *steps, unsigned int nr)
{
	struct probe_engine_options engine = {
		.device_pages = options.real ? 16384 : DEVICE_PAGES,
		.page_shift = options.real ? 12 : 8,
		.huge_order = options.real ? 9 : 3,
		.upper_levels = options.real ? 2 : 5,
		.on_report = on_report,
		.choose = on_choose,
	};
	struct model model = { .page = small_page(), .max = 6 * small_huge() };
	bool ok = true;

	/* The same failures whenever these steps run. */
	random_state = progress->seed ^ (uint64_t)nr << 32;
	if (probe_engine_open(&engine))
		return wrong("there is no machine");
	for (unsigned int i = 0; ok && i < nr; i++) {
		if (!model_fits(&model, &steps[i])) {
			progress->nr_skipped++;
			continue;
		}
		progress->step = i;
		progress->nr_steps++;
		ok = run_step(&model, &steps[i]);
	}
	if (ok)
		ok = probe_engine_close() == 0;
	model_free(&model);
	return ok;
}

/* In a process of its own: what fails may also crash. */
static bool fails(const struct probe_step *steps, unsigned int nr, bool show)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		quiet = !show;
		if (!show && !freopen("/dev/null", "w", stderr))
			_exit(2);
		alarm(60);
		status = run(steps, nr) ? 0 : 1;
		fflush(stdout);
		_exit(status);
	}
	return waitpid(pid, &status, 0) == pid && status != 0;
}

/* Leave out what is not needed to fail.  Return: steps left. */
static unsigned int shrink(struct probe_step *steps, unsigned int nr)
{
	struct probe_step *fewer = model_alloc(nr * sizeof(*fewer));

	for (unsigned int chunk = nr / 2; chunk; chunk /= 2)
		for (unsigned int at = 0; at + chunk <= nr;) {
			memcpy(fewer, steps, at * sizeof(*steps));
			memcpy(fewer + at, steps + at + chunk,
			       (nr - at - chunk) * sizeof(*steps));
			if (!fails(fewer, nr - chunk, false)) {
				at += chunk;
				continue;
			}
			nr -= chunk;
			memcpy(steps, fewer, nr * sizeof(*steps));
		}
	free(fewer);
	return nr;
}

static void explain(uint64_t seed)
{
	struct probe_step *steps = model_alloc(STEPS * sizeof(*steps));
	unsigned int nr;

	generate(steps, seed);
	printf("build/probe_fuzz --seed %" PRIu64 " --scripts 1%s%s fails:\n",
	       seed, options.real ? " --geometry real" : "",
	       options.failures ? " --failures" : "");
	nr = shrink(steps, STEPS);
	for (unsigned int i = 0; i < nr; i++)
		print_step(&steps[i]);
	fails(steps, nr, true);
	fflush(stdout);
	free(steps);
}

static bool run_scripts(void)
{
	struct probe_step *steps = model_alloc(STEPS * sizeof(*steps));
	time_t end = time(NULL) + (time_t)options.seconds;
	uint64_t i = 0;

	while (options.seconds ? time(NULL) < end : i < options.nr_scripts) {
		progress->seed = options.seed + i++;
		generate(steps, progress->seed);
		if (!run(steps, STEPS))
			return false;
	}
	free(steps);
	return true;
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 10);

	if (*end || end == text) {
		fprintf(stderr, "probe_fuzz: '%s' is no number\n", text);
		exit(2);
	}
	return n;
}

static void parse(int argc, char **argv)
{
	static const struct option known[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "scripts", required_argument, NULL, 'n' },
		{ "seconds", required_argument, NULL, 't' },
		{ "geometry", required_argument, NULL, 'g' },
		{ "failures", no_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 's')
			options.seed = number(optarg);
		else if (option == 'n')
			options.nr_scripts = number(optarg);
		else if (option == 't')
			options.seconds = number(optarg);
		else if (option == 'f')
			options.failures = true;
		else if (option == 'g')
			options.real = !strcmp(optarg, "real");
		else
			exit(2);
	}
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	parse(argc, argv);
	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (progress == MAP_FAILED)
		abort();
	pid = fork();
	if (!pid) {
		quiet = true;
		_exit(run_scripts() ? 0 : 1);
	}
	if (waitpid(pid, &status, 0) != pid)
		abort();
	printf("%" PRIu64 " steps, %" PRIu64 " left out, %" PRIu64 " failures,"
	       " up to seed %" PRIu64 "\n", progress->nr_steps,
	       progress->nr_skipped, progress->nr_failures, progress->seed);
	if (!status)
		return 0;
	explain(progress->seed);
	return 1;
}
