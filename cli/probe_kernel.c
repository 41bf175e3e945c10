// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_kernel.c - run the steps of a script with system calls of this host.
 */
#include "probe_host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct host_process {
	pid_t pid;			/* 0: not alive */
	struct host_map *maps;
	size_t nr_maps;
	unsigned int next_region;
	struct host_counters before;	/* when the section began */
};

static struct {
	const char *directory;
	struct host_link links[2];	/* of parent and child */
	struct host_process parent, child;
	char (*files)[PROBE_NAME_MAX + 1];	/* to be removed at the end */
	size_t nr_files;
	bool dax;			/* the file made last */
	uint64_t pfn_base;		/* of block 0, or 0: not known */
	uint64_t pfn0;
} host;

static int complain(const char *what)
{
	fprintf(stderr, "faultline: %s: %s\n", what, strerror(errno));
	return -1;
}

static void *need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static int open_file(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", host.directory, name);
	return open(path, O_RDWR | O_CLOEXEC);
}

/* ------ where a file's blocks are ------ */

/* Return: the block of the file's first page, or 0. */
static uint64_t first_block(int fd)
{
	union {
		struct fiemap map;
		char bytes[sizeof(struct fiemap) +
			   sizeof(struct fiemap_extent)];
	} query = { .map = {
			    .fm_length = 1,
			    .fm_flags = FIEMAP_FLAG_SYNC,
			    .fm_extent_count = 1,
		    } };

	if (ioctl(fd, FS_IOC_FIEMAP, &query.map) ||
	    !query.map.fm_mapped_extents)
		return 0;
	return query.map.fm_extents[0].fe_physical / PROBE_PAGE_BYTES;
}

static bool is_dax(int fd)
{
	struct statx status;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status))
		return false;
	return status.stx_attributes & STATX_ATTR_DAX;
}

/* The page frame of block 0: from one page of a file that was written. */
static uint64_t find_base(int fd)
{
	uint64_t block = first_block(fd);
	volatile const char *page;
	uint64_t pfn;

	page = mmap(NULL, PROBE_PAGE_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return 0;
	(void)*page;
	pfn = host_pfn((const void *)page);
	munmap((void *)page, PROBE_PAGE_BYTES);
	return block && pfn > block ? pfn - block : 0;
}

static void learn_base(void)
{
	static const char byte = 1;
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/faultline-XXXXXX", host.directory);
	fd = mkstemp(path);
	if (fd < 0)
		return;
	unlink(path);
	if (is_dax(fd) && pwrite(fd, &byte, 1, 0) == 1 && !fsync(fd))
		host.pfn_base = find_base(fd);
	close(fd);
}

static void look_at_file(const struct probe_step *step, struct probe_view *view)
{
	int fd = open_file(step->name);
	uint64_t block;

	if (fd < 0)
		return;
	host.dax = is_dax(fd);
	block = first_block(fd);
	if (host.dax && block && host.pfn_base) {
		host.pfn0 = host.pfn_base + block;
		view->placed = true;
		view->pfn0 = host.pfn0;
	}
	close(fd);
}

static void look_at_size(struct probe_view *view)
{
	struct stat status;
	char path[PATH_MAX];

	if (!host.nr_files)
		return;
	snprintf(path, sizeof(path), "%s/%s", host.directory,
		 host.files[host.nr_files - 1]);
	if (stat(path, &status))
		return;
	view->size = (uint64_t)status.st_size / 1024;
	view->blocks = (uint64_t)status.st_blocks / 2;
}

/* ------ maps ------ */

static struct host_map *find_map(struct host_process *process, const char *name)
{
	for (size_t i = 0; i < process->nr_maps; i++)
		if (!strcmp(process->maps[i].name, name))
			return &process->maps[i];
	return NULL;
}

static bool region_is_used(const struct host_process *process, uint64_t start)
{
	for (size_t i = 0; i < process->nr_maps; i++)
		if (process->maps[i].addr / HOST_REGION_BYTES ==
		    start / HOST_REGION_BYTES)
			return true;
	return false;
}

/* Return: an address in a region without a map, or 0. */
static uint64_t fresh_addr(struct host_process *process, uint64_t offset,
			   uint64_t bytes, uint64_t skew)
{
	uint64_t inside = PROBE_HUGE_BYTES + offset % PROBE_HUGE_BYTES + skew;

	if (inside > HOST_REGION_BYTES || bytes > HOST_REGION_BYTES - inside)
		return 0;
	for (unsigned int i = 0; i < HOST_REGIONS; i++) {
		uint64_t start = HOST_FIRST_ADDR +
				 process->next_region * HOST_REGION_BYTES;

		process->next_region = (process->next_region + 1) %
				       HOST_REGIONS;
		if (!region_is_used(process, start))
			return start + inside;
	}
	return 0;
}

static struct host_map *add_map(struct host_process *process,
				const struct probe_step *step, uint64_t addr)
{
	struct host_map *map;

	process->maps = need(realloc(process->maps, (process->nr_maps + 1) *
						    sizeof(*map)));
	map = &process->maps[process->nr_maps++];
	strcpy(map->name, step->name);
	map->addr = addr;
	map->bytes = step->bytes;
	map->dax = host.dax;
	return map;
}

static void remove_map(struct host_process *process, struct host_map *map)
{
	size_t at = (size_t)(map - process->maps);

	process->nr_maps--;
	memmove(map, map + 1, (process->nr_maps - at) * sizeof(*map));
}

/* ------ requests ------ */

static int ask(bool in_child, const struct host_request *request,
	       struct host_answer *answer)
{
	struct host_link *link = &host.links[in_child];

	if (host_write(link->request[1], request, sizeof(*request)) ||
	    host_read(link->answer[0], answer, sizeof(*answer)))
		return complain("the process that runs the script is gone");
	return 0;
}

static void quit(bool in_child)
{
	struct host_request request = { .kind = HOST_QUIT };

	host_write(host.links[in_child].request[1], &request, sizeof(request));
}

/* Say where the step's map is, or is to be.  Return: 0 or -1. */
static int place_request(struct host_process *process,
			 struct host_request *request)
{
	const struct probe_step *step = &request->step;
	struct host_map *map;

	if (step->op == PROBE_FILE || !step->name[0])
		return 0;
	map = find_map(process, step->name);
	if (step->op == PROBE_MAP) {
		request->addr = fresh_addr(process, step->offset, step->bytes,
					   step->skew);
	} else if (map) {
		request->addr = map->addr + step->offset;
		request->old_bytes = map->bytes;
		request->new_addr = map->addr;
		if (step->move)
			request->new_addr = fresh_addr(process, 0, step->bytes,
						       step->skew +
						       map->addr %
						       PROBE_HUGE_BYTES);
	}
	if (!request->addr || (step->move && !request->new_addr)) {
		errno = ENOMEM;
		return complain("no place for a map: too large, or too many");
	}
	return 0;
}

/* What the step has changed of the maps. */
static void note_maps(struct host_process *process,
		      const struct host_request *request, bool failed)
{
	const struct probe_step *step = &request->step;
	struct host_map *map = find_map(process, step->name);

	if (step->op == PROBE_MAP)
		add_map(process, step, request->addr);
	if (!map || failed)
		return;
	if (step->op == PROBE_MREMAP) {
		map->addr = request->new_addr;
		map->bytes = step->bytes;
	}
	if (step->op == PROBE_MUNMAP && !step->offset &&
	    step->bytes >= map->bytes)
		remove_map(process, map);
}

static int close_all(struct host_process *process, bool in_child)
{
	struct host_answer answer;

	while (process->nr_maps) {
		struct host_map *map = &process->maps[process->nr_maps - 1];
		struct host_request request = {
			.addr = map->addr,
			.step = { .op = PROBE_MUNMAP, .bytes = map->bytes },
		};

		if (ask(in_child, &request, &answer))
			return -1;
		process->nr_maps--;
	}
	return 0;
}

static int begin_section(struct host_process *process)
{
	if (host_counters_read(process->pid, &process->before))
		return complain("/proc");
	return 0;
}

static int begin_child(pid_t pid)
{
	size_t bytes = host.parent.nr_maps * sizeof(*host.parent.maps);
	struct host_answer ready;

	if (host_read(host.links[1].answer[0], &ready, sizeof(ready)))
		return complain("the child that runs the script is gone");
	free(host.child.maps);
	host.child = host.parent;
	host.child.pid = pid;
	host.child.maps = need(malloc(bytes + 1));
	if (bytes)
		memcpy(host.child.maps, host.parent.maps, bytes);
	return begin_section(&host.child);
}

/* What has to be done around the request for some steps. */
static int prepare(struct host_process *process, const struct probe_step *step)
{
	switch (step->op) {
	case PROBE_CLOSEALL:
		return close_all(process, step->in_child);
	case PROBE_WAIT:
		quit(true);
		host.child.pid = 0;
		return 0;
	default:
		return 0;
	}
}

static void result_of(const struct probe_step *step,
		      const struct host_answer *answer, struct probe_view *view)
{
	bool is_byte = step->op == PROBE_LOAD || step->op == PROBE_PREAD;
	const char *name = strerrorname_np(answer->error);

	if (answer->signal)
		snprintf(view->result, sizeof(view->result), "SIG%s",
			 sigabbrev_np(answer->signal));
	else if (answer->error)
		snprintf(view->result, sizeof(view->result), "%s",
			 name ? name : "error");
	else
		snprintf(view->result, sizeof(view->result),
			 is_byte ? "0x%02x" : "%d", (int)answer->value);
	view->minor = step->op == PROBE_FILE ? -1 : answer->minor;
	view->major = answer->major;
}

static int look(struct host_process *process, struct probe_view *view)
{
	struct host_counters now;

	if (host_counters_read(process->pid, &now))
		return complain("/proc");
	view->pte = now.pte - process->before.pte;
	view->anon = now.anon - process->before.anon;
	view->file = now.file - process->before.file;
	for (size_t i = 0; i < process->nr_maps; i++)
		if (host_map_read(process->pid, &process->maps[i], host.pfn0,
				  view))
			return complain("/proc");
	look_at_size(view);
	return 0;
}

static int note_file(const struct probe_step *step,
		     const struct host_answer *answer, struct probe_view *view)
{
	if (answer->error) {
		errno = answer->error;
		return complain(step->name);
	}
	host.files = need(realloc(host.files, (host.nr_files + 1) *
					      sizeof(*host.files)));
	strcpy(host.files[host.nr_files++], step->name);
	look_at_file(step, view);
	return 0;
}

int probe_kernel_step(const struct probe_step *step, struct probe_view *view)
{
	struct host_process *process = step->in_child ? &host.child :
							&host.parent;
	struct host_request request = { .step = *step };
	struct host_answer answer;

	memset(view, 0, sizeof(*view));
	if (prepare(process, step) || place_request(process, &request) ||
	    ask(step->in_child, &request, &answer))
		return -1;
	if (step->op == PROBE_SECTION)
		return begin_section(process);
	result_of(step, &answer, view);
	note_maps(process, &request, answer.error || answer.signal);
	if (step->op == PROBE_FILE && note_file(step, &answer, view))
		return -1;
	if (step->op == PROBE_FORK && !answer.error &&
	    begin_child(answer.child))
		return -1;
	return look(process, view);
}

int probe_kernel_open(const char *directory)
{
	memset(&host, 0, sizeof(host));
	host.directory = directory;
	for (int i = 0; i < 2; i++)
		if (pipe2(host.links[i].request, O_CLOEXEC) ||
		    pipe2(host.links[i].answer, O_CLOEXEC))
			return complain("pipe");
	if (access(directory, R_OK | W_OK | X_OK))
		return complain(directory);
	learn_base();
	fflush(NULL);
	signal(SIGPIPE, SIG_IGN);
	host.parent.pid = fork();
	if (host.parent.pid < 0)
		return complain("fork");
	if (!host.parent.pid)
		host_worker(host.links, directory);
	/* When it answers, what it needs is in memory, and can be counted. */
	return probe_kernel_step(&(struct probe_step){ .op = PROBE_SECTION },
				 &(struct probe_view){ .nr_maps = 0 });
}

void probe_kernel_close(void)
{
	char path[PATH_MAX];

	if (host.child.pid)
		quit(true);
	quit(false);
	waitpid(host.parent.pid, NULL, 0);
	for (size_t i = 0; i < host.nr_files; i++) {
		snprintf(path, sizeof(path), "%s/%s", host.directory,
			 host.files[i]);
		unlink(path);
	}
	free(host.files);
	free(host.parent.maps);
	free(host.child.maps);
}
