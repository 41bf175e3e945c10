// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_proc.c - what /proc tells of a worker.
 */
#include "probe_host.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"

/* Bits of pagemap and kpageflags; Documentation/admin-guide/mm/pagemap.rst. */
#define PM_PRESENT (UINT64_C(1) << 63)
#define PM_PFN_MASK ((UINT64_C(1) << 55) - 1)
#define KPF_ANON (UINT64_C(1) << 12)
#define KPF_THP (UINT64_C(1) << 22)
#define KPF_ZERO_PAGE (UINT64_C(1) << 24)

/* Return: a file of a process's folder, a new string, or NULL with errno. */
static char *read_proc(pid_t pid, const char *name)
{
	char *path = format("/proc/%d/%s", (int)pid, name);
	char *text = read_file(path, NULL);

	free(path);
	return text;
}

/* Return: the number behind `NAME:`, or 0. */
static int64_t field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoll(at + strlen(name), NULL, 10) : 0;
}

int host_counters_read(pid_t pid, struct host_counters *counters)
{
	char *status = read_proc(pid, "status");
	char *rollup = read_proc(pid, "smaps_rollup");

	if (status && rollup) {
		counters->pte = field(status, "\nVmPTE:");
		counters->file = field(status, "\nRssFile:");
		/* RssAnon is not exact, it is added up on each CPU. */
		counters->anon = field(rollup, "\nAnonymous:");
	}
	free(status);
	free(rollup);
	return status && rollup ? 0 : -1;
}

/* ------ smaps ------ */

struct sum {
	const char *name;
	uint64_t *kb;
};

static void add_line(const char *line, struct probe_map_view *view)
{
	const struct sum sums[] = {
		{ "Rss:", &view->rss },
		{ "Anonymous:", &view->anon },
		{ "Private_Dirty:", &view->private_dirty },
		{ "Private_Clean:", &view->private_clean },
		{ "Shared_Dirty:", &view->shared_dirty },
		{ "Shared_Clean:", &view->shared_clean },
		{ "Referenced:", &view->referenced },
	};

	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		if (!strncmp(line, sums[i].name, strlen(sums[i].name)))
			*sums[i].kb += strtoull(line + strlen(sums[i].name),
						NULL, 10);
}

static void add_smaps(char *smaps, const struct host_map *map,
		      struct probe_map_view *view)
{
	bool inside = false;
	char *save = NULL;

	for (char *line = strtok_r(smaps, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		uint64_t start, end;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &start, &end) ==
		    2) {
			inside = start < map->addr + map->bytes &&
				 end > map->addr;
			view->nr_vmas += inside;
		} else if (inside) {
			add_line(line, view);
		}
	}
}

/* ------ pagemap ------ */

static int open_pagemap(pid_t pid)
{
	char *path = format("/proc/%d/pagemap", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	free(path);
	return fd;
}

/* Return: the page's flags, or 0 when they are not to be seen. */
static uint64_t page_flags(int fd, uint64_t pfn)
{
	uint64_t flags;

	if (pread(fd, &flags, sizeof(flags), (off_t)(pfn * sizeof(flags))) !=
	    (ssize_t)sizeof(flags))
		return 0;
	return flags;
}

static void look_at_cell(struct probe_cell *cell, uint64_t entry,
			 const struct host_map *map, uint64_t pfn0,
			 int flags_fd)
{
	uint64_t pfn = entry & PM_PFN_MASK;
	uint64_t flags;

	if (!(entry & PM_PRESENT))
		return;
	cell->kind = 'P';
	if (!pfn || flags_fd < 0)
		return;
	flags = page_flags(flags_fd, pfn);
	if (flags & KPF_ZERO_PAGE)
		cell->kind = flags & KPF_THP ? 'Z' : 'z';
	else if (flags & KPF_ANON)
		cell->kind = 'A';
	else if (!map->dax)
		cell->kind = 'C';
	else
		cell->kind = 'D';
	cell->at = (int64_t)(pfn - pfn0);
}

static int add_cells(pid_t pid, const struct host_map *map, uint64_t pfn0,
		     struct probe_map_view *view)
{
	int flags_fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	int fd = open_pagemap(pid);
	int error = fd < 0 ? -1 : 0;

	for (uint64_t i = 0; !error && i < view->nr_cells; i++) {
		uint64_t page = map->addr / PROBE_PAGE_BYTES + i, entry;

		if (pread(fd, &entry, sizeof(entry),
			  (off_t)(page * sizeof(entry))) !=
		    (ssize_t)sizeof(entry))
			error = -1;
		else
			look_at_cell(&view->cells[i], entry, map, pfn0,
				     flags_fd);
	}
	if (fd >= 0)
		close(fd);
	if (flags_fd >= 0)
		close(flags_fd);
	return error;
}

int host_map_read(pid_t pid, const struct host_map *map, uint64_t pfn0,
		  struct probe_view *view)
{
	uint64_t nr_cells = map->bytes / PROBE_PAGE_BYTES;
	struct probe_map_view *seen = probe_view_map(view, map->name, nr_cells);
	char *smaps = read_proc(pid, "smaps");

	if (!smaps)
		return -1;
	add_smaps(smaps, map, seen);
	free(smaps);
	return add_cells(pid, map, pfn0, seen);
}

uint64_t host_pfn(const void *addr)
{
	uint64_t entry = 0;
	int fd = open_pagemap(getpid());
	off_t at = (off_t)((uintptr_t)addr / PROBE_PAGE_BYTES * sizeof(entry));

	if (fd < 0)
		return 0;
	if (pread(fd, &entry, sizeof(entry), at) != (ssize_t)sizeof(entry))
		entry = 0;
	close(fd);
	return entry & PM_PRESENT ? entry & PM_PFN_MASK : 0;
}
