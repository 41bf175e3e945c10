/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * log.h - transactions of words on the medium, each there wholly or not at all.
 *
 * Interface
 *   log_format()			make an empty log
 *   log_open(), log_next(), log_read()	read it, from the snapshot on
 *   log_begin(), log_add(), log_commit()	one more transaction
 *   log_begin_snapshot(), log_commit_snapshot()	that replaces all others
 *   log_damaged()			say what is wrong, and where
 *
 * What the words mean is the journal's; doc/pool.md has the format.
 *
 * Names used in this file
 *   at		a byte of the device, counted from its first page
 *   area	one of the two places for a log
 *   tail	where the next transaction goes, in bytes from the area's start
 */
#ifndef FS_LOG_H
#define FS_LOG_H

#include "base/types.h"

#define LOG_HEADER_BYTES 32

/*
 * The bytes of an area for each page of the device, and pages beside: room for
 * a snapshot in which every page is an extent, and for files (dir.c).
 */
#define LOG_PAGE_BYTES 32
#define LOG_AREA_PAGES 16

struct fs_damage;

struct log {
	uint64_t first_pfn;
	uint64_t nr_pages;
	uint64_t area_pages;		/* of each of the two */
	uint64_t data_page;		/* the first that is no metadata */
	uint64_t area;			/* 0 or 1 */
	uint64_t seq;			/* of the last transaction */
	uint64_t tail;

	/* The transaction that is being written or read. */
	uint64_t pos;			/* as tail */
	uint64_t end;
	uint32_t crc;
};

int log_format(struct log *log, uint64_t first_pfn, uint64_t nr_pages);

int log_open(struct log *log, uint64_t first_pfn, uint64_t nr_pages,
	     struct fs_damage *damage);
int log_next(struct log *log, struct fs_damage *damage);
bool log_read(struct log *log, uint64_t *word);
int log_damaged(const struct log *log, struct fs_damage *damage,
		const char *what);

void log_begin(struct log *log);
bool log_add(struct log *log, uint64_t word);
void log_commit(struct log *log);

void log_begin_snapshot(const struct log *log, struct log *next);
void log_commit_snapshot(struct log *log, const struct log *next);

/* Return: how many bytes of transactions an area can hold. */
static inline uint64_t log_area_bytes(const struct log *log)
{
	return log->area_pages << machine_geometry()->page_shift;
}

#endif /* FS_LOG_H */
