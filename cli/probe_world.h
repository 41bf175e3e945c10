/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * probe_world.h - what a script has made on the engine so far.
 *
 * probe_engine.c changes it, probe_observe.c looks at it.
 */
#ifndef CLI_PROBE_WORLD_H
#define CLI_PROBE_WORLD_H

#include "fs/fs.h"
#include "probe.h"

/* Kept until the end: maps of it may be there still. */
struct probe_file {
	struct probe_file *next;	/* made before */
	char name[PROBE_NAME_MAX + 1];
	struct inode *inode;
	uint64_t block;			/* its first one, when it was made */
	uint64_t nr_blocks;		/* it was made with; 0: a hole */
	bool *original;			/* of each: it never gave it back */
};

struct probe_map {
	char name[PROBE_NAME_MAX + 1];
	struct probe_file *file;
	uint64_t addr;
	uint64_t bytes;
	uint64_t offset;		/* of the file at addr */
};

struct probe_process {
	struct mm *mm;			/* NULL: not alive */
	struct probe_map *maps;
	size_t nr_maps;
	uint64_t next_addr;		/* from here on nothing ever was */
	uint64_t nr_ptes_before;	/* when the section began */
	uint64_t nr_anon_before;
};

struct probe_world {
	struct super_block *sb;
	struct probe_file *file;	/* made last */
	struct probe_process parent, child;

	/* Of the step that runs. */
	char result[24];
	uint64_t minor, major;
	char *events;
	size_t events_size;
	FILE *events_to;
	char last_event[64];
	uint64_t nr_last_event;
};

/* Return: the world that probe_engine_open() has made. */
struct probe_world *probe_engine_world(void);

/* Note what became of the blocks of all files; after each step. */
void probe_observe_files(struct probe_world *world);
void probe_observe(struct probe_world *world,
		   const struct probe_process *process,
		   struct probe_view *view);

/* For the machine: a tracepoint of the engine. */
void probe_events_trace(void *arg, const char *name, uint64_t a, uint64_t b);
void probe_events_begin(struct probe_world *world);
/* Return: what came since, a new string. */
char *probe_events_end(struct probe_world *world);

#endif /* CLI_PROBE_WORLD_H */
