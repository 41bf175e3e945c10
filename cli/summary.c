// SPDX-License-Identifier: GPL-2.0-only
/*
 * summary.c - many tests, one line each and a total; see summary.h.
 *
 * Each process takes the next test that nobody has, so none is idle as long as
 * there is work.  What they say stands in memory that all share; one byte
 * through a pipe tells that there is more of it.
 */
#include "summary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"

struct shared {
	_Atomic size_t next;		/* test that nobody has */
	struct {
		_Atomic bool done;
		struct summary said;
	} of[];
};

struct total {
	size_t clean;
	size_t nr;
	uint64_t states;
	uint64_t executions;
	double seconds;
	int status;
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void count(char *to, size_t bytes, uint64_t states, uint64_t executions)
{
	if (states)
		snprintf(to, bytes, "%llu states", (unsigned long long)states);
	else
		snprintf(to, bytes, "%llu executions",
			 (unsigned long long)executions);
}

static void add(struct total *total, const struct summary *said, bool quiet)
{
	char counted[48];

	total->nr++;
	total->clean += said->status == EXIT_CLEAN;
	total->states += said->states;
	total->executions += said->executions;
	total->seconds += said->seconds;
	total->status = worse_status(total->status, said->status);
	if (quiet && said->status == EXIT_CLEAN)
		return;
	count(counted, sizeof(counted), said->states, said->executions);
	printf("%-40s %16s %7.2f s  %s\n", said->name, counted, said->seconds,
	       said->verdict);
	fflush(stdout);
}

/* The life of one process. */
static void work(struct shared *shared, const struct words *files, int tell,
		 void (*one)(void *arg, const char *path, struct summary *said),
		 void *arg)
{
	size_t i;

	while ((i = shared->next++) < files->nr && !interrupts_seen(NULL)) {
		one(arg, files->at[i], &shared->of[i].said);
		shared->of[i].done = true;
		if (write(tell, "", 1) < 0)
			break;
	}
}

/* A test that killed its process: nothing else is left to say of it. */
static void say_lost(struct summary *said, const char *path)
{
	said->status = EXIT_LIMIT;
	snprintf(said->name, sizeof(said->name), "%s", path);
	snprintf(said->verdict, sizeof(said->verdict), "%s",
		 interrupts_seen(NULL) ? "not run" : "the search crashed");
}

/* Print in order as the processes go on; they end when the pipe does. */
static void collect(struct shared *shared, const struct words *files, int told,
		    bool quiet, struct total *total)
{
	ssize_t got;
	char byte;

	do {
		got = read(told, &byte, 1);
		while (total->nr < files->nr && shared->of[total->nr].done)
			add(total, &shared->of[total->nr].said, quiet);
	} while (got > 0 || (got < 0 && errno == EINTR));
	while (total->nr < files->nr) {
		if (!shared->of[total->nr].done)
			say_lost(&shared->of[total->nr].said,
				 files->at[total->nr]);
		add(total, &shared->of[total->nr].said, quiet);
	}
}

static void print_total(const struct total *total, double seconds)
{
	printf("%zu tests: %zu clean and complete, %zu not; ", total->nr,
	       total->clean, total->nr - total->clean);
	if (total->states)
		printf("%llu states, ", (unsigned long long)total->states);
	printf("%llu executions, %.1f s of search in %.1f s\n",
	       (unsigned long long)total->executions, total->seconds, seconds);
}

int summary_of(const struct words *files, unsigned int jobs, bool quiet,
	       void (*one)(void *arg, const char *path, struct summary *said),
	       void *arg)
{
	struct total total = { .status = EXIT_CLEAN };
	double start = now();
	struct shared *shared;
	int ends[2];

	shared = mmap(NULL, sizeof(*shared) + files->nr * sizeof(shared->of[0]),
		      PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED || pipe(ends)) {
		fprintf(stderr, "faultline: %s\n", strerror(errno));
		return EXIT_LIMIT;
	}
	fflush(NULL);
	progress_off();
	for (unsigned int i = 0; i < (jobs ? jobs : 1); i++) {
		if (fork())
			continue;
		work(shared, files, ends[1], one, arg);
		_exit(0);
	}
	close(ends[1]);
	collect(shared, files, ends[0], quiet, &total);
	close(ends[0]);
	while (wait(NULL) > 0)
		;
	print_total(&total, now() - start);
	return total.status;
}
