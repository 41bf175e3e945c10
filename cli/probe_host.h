/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * probe_host.h - a script on the kernel of this host: three parts.
 *
 *   probe_worker.c	a process that performs the steps and does nothing else,
 *			so that what is counted of it is the script's doing
 *   probe_proc.c	what /proc tells of that process
 *   probe_kernel.c	puts both together
 */
#ifndef CLI_PROBE_HOST_H
#define CLI_PROBE_HOST_H

#include <limits.h>
#include <sys/types.h>

#include "probe.h"

/*
 * Maps lie in regions, one each.  At the beginning of each region is a page of
 * the worker's own that stays, so that the tables above the last level stay,
 * too, and only last-level tables come and go with a script.
 */
#define HOST_REGIONS 64
#define HOST_REGION_BYTES (UINT64_C(1) << 30)
#define HOST_FIRST_ADDR (UINT64_C(1) << 44)
#define HOST_END_ADDR (HOST_FIRST_ADDR + HOST_REGIONS * HOST_REGION_BYTES)

enum host_request_kind {
	HOST_STEP,
	HOST_QUIT,
};

struct host_request {
	enum host_request_kind kind;
	struct probe_step step;		/* its strings are not the worker's */
	uint64_t addr;			/* of the map, plus the offset */
	uint64_t old_bytes;		/* mremap */
	uint64_t new_addr;
};

struct host_answer {
	int64_t value;			/* byte or count */
	int error;			/* errno, or 0 */
	int signal;
	int64_t minor, major;		/* faults */
	pid_t child;			/* fork */
};

/* The two ends of a worker: of the parent's, and of its child's. */
struct host_link {
	int request[2];			/* pipe(2) */
	int answer[2];
};

/*
 * In a process of its own: perform what comes, until told to quit.  The files
 * of the script are made in directory.
 */
_Noreturn void host_worker(struct host_link links[2], const char *directory);

/* Return: 0, or -1 with errno. */
int host_read(int fd, void *to, size_t bytes);
int host_write(int fd, const void *from, size_t bytes);

/* ------ /proc ------ */

struct host_map {
	char name[PROBE_NAME_MAX + 1];
	uint64_t addr;
	uint64_t bytes;
	bool dax;			/* its file is */
};

struct host_counters {
	int64_t pte, anon, file;	/* kB */
};

/* Each return: 0, or -1 with errno; pid is a worker that waits. */
int host_counters_read(pid_t pid, struct host_counters *counters);
/* pfn0 is where D cells count from. */
int host_map_read(pid_t pid, const struct host_map *map, uint64_t pfn0,
		  struct probe_view *view);
/* Return: the page frame at addr of this process, or 0: not to be seen. */
uint64_t host_pfn(const void *addr);

#endif /* CLI_PROBE_HOST_H */
