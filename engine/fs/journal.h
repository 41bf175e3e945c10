/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * journal.h - what the medium knows of the files, and how it comes to know.
 *
 * Interface
 *   journal_create(), journal_start(), journal_destroy()
 *   journal_dirty()			a file is not what the medium knows
 *   journal_find_ino(), journal_find_name()	the directory
 *   journal_add_ino(), journal_set_name(), journal_add_name(), journal_forget()
 *
 * A transaction is what every changed file is at that moment: its name, its
 * size, and its extents in the pages that have changed.  There is nothing to
 * be undone, and nothing to be remembered of how a file became what it is.
 */
#ifndef FS_JOURNAL_H
#define FS_JOURNAL_H

#include "base/list.h"
#include "fs/fs.h"
#include "fs/log.h"

/* A record is words.  First what, and the name's length in the bits above. */
enum record_kind {
	RECORD_FILE = 1,
	RECORD_REMOVED,
};

#define RECORD_KIND_BITS 8
#define RECORD_NO_MORE UINT64_MAX	/* in the place of an extent's page */
#define RECORD_UNWRITTEN (UINT64_C(1) << 63)	/* beside its pages */

/* Words of a file's record but those of its name, and of an extent's. */
#define RECORD_FILE_WORDS 6
#define RECORD_EXTENT_WORDS 3

/* A file as the medium knows it, or should. */
struct disk_inode {
	struct inode *inode;
	uint64_t ino;
	bool removed;			/* the last that the medium learns */

	/* s_names for write, in a transaction; or a commit, to read. */
	struct avl_node by_ino;
	struct avl_node by_name;
	size_t name_bytes;
	char name[FS_NAME_MAX + 1];

	/* j_lock */
	struct list_head dirty;		/* in j_dirty, or empty */
	uint64_t first;			/* pages [first, end) have changed */
	uint64_t end;
};

struct journal {
	struct log j_log;		/* s_transaction for write */

	/* As the nodes in disk_inode. */
	struct avl_root j_by_ino;
	struct avl_root j_by_name;
	uint64_t j_names_bytes;		/* of records, without extents */

	struct machine_spinlock j_lock;	/* for j_dirty */
	struct list_head j_dirty;
};

/* journal.c */
int journal_create(struct super_block *sb);
void journal_start(struct super_block *sb, const struct log *log);
void journal_destroy(struct super_block *sb);
void journal_dirty(struct disk_inode *disk, uint64_t first, uint64_t end);

/* dir.c */
struct disk_inode *journal_find_ino(const struct journal *journal,
				    uint64_t ino);
struct disk_inode *journal_find_name(const struct journal *journal,
				     const char *name);
struct disk_inode *journal_add_ino(struct super_block *sb, uint64_t ino);
void journal_set_name(struct journal *journal, struct disk_inode *disk,
		      const char *name, size_t bytes);
bool journal_add_name(struct journal *journal, struct disk_inode *disk);
void journal_forget(struct journal *journal, struct disk_inode *disk);

#endif /* FS_JOURNAL_H */
