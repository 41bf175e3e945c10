/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * journal.c - what has changed goes to the medium, all at once.
 */
#include "fs/extent.h"
#include "fs/journal.h"

/*
 * journal_create - a journal without files; it does nothing yet.
 *
 * Locks: none, nobody uses the filesystem.  Sleeps: yes.
 * Return: 0 or -ENOMEM.
 */
int journal_create(struct super_block *sb)
{
	struct journal *journal = machine_alloc(sizeof(*journal), "journal");

	if (!journal)
		return -ENOMEM;
	machine_spin_init(&journal->j_lock, "j_lock");
	list_init(&journal->j_dirty);
	sb->s_journal = journal;
	return 0;
}

/*
 * journal_destroy - forget a journal and its files.  What was not committed is
 * not on the medium.
 *
 * Locks: none, nobody uses the filesystem.  Sleeps: until no page is pinned.
 */
void journal_destroy(struct super_block *sb)
{
	struct journal *journal = sb->s_journal;
	struct avl_node *node;

	sb->s_commit = NULL;
	while ((node = journal->j_by_ino.node))
		journal_forget(journal, container_of(node, struct disk_inode,
						     by_ino));
	sb->s_journal = NULL;
	machine_spin_destroy(&journal->j_lock);
	machine_free(journal);
}

/*
 * journal_dirty - the size of a file, its name, or the blocks of its pages
 * [first, end) are not what the medium knows.
 *
 * Locks: in a transaction; takes j_lock.  Sleeps: no.
 */
void journal_dirty(struct disk_inode *disk, uint64_t first, uint64_t end)
{
	struct super_block *sb = disk->inode->i_sb;
	struct journal *journal = sb->s_journal;

	BUG_ON(11, !machine_rwsem_held(&sb->s_transaction));
	machine_spin_lock(&journal->j_lock);
	if (list_empty(&disk->dirty)) {
		list_add_tail(&disk->dirty, &journal->j_dirty);
		disk->first = 0;
		disk->end = 0;
	}
	/* An empty range is nowhere. */
	if (disk->first == disk->end) {
		disk->first = first;
		disk->end = end;
	} else if (first != end) {
		disk->first = min_u64(disk->first, first);
		disk->end = max_u64(disk->end, end);
	}
	machine_spin_unlock(&journal->j_lock);
}

/* ---- Records ---- */

static uint64_t name_word(const char *name, size_t bytes)
{
	uint64_t word = 0;

	for (size_t i = 0; i < bytes && i < 8; i++)
		word |= (uint64_t)(unsigned char)name[i] << 8 * i;
	return word;
}

static bool add_name(struct log *log, const struct disk_inode *disk)
{
	for (size_t i = 0; i < disk->name_bytes; i += 8)
		if (!log_add(log, name_word(disk->name + i,
					    disk->name_bytes - i)))
			return false;
	return true;
}

static bool add_extent(struct log *log, const struct iomap *iomap,
		       uint64_t nr_pages)
{
	if (iomap->type == IOMAP_UNWRITTEN)
		nr_pages |= RECORD_UNWRITTEN;
	return log_add(log, iomap->pgoff) && log_add(log, nr_pages) &&
	       log_add(log, iomap->block);
}

/* Locks: i_data_sem. */
static bool add_extents_locked(struct log *log, const struct inode *inode,
			       uint64_t first, uint64_t end)
{
	while (first < end) {
		struct iomap iomap;
		uint64_t nr_pages;

		fs_find_iomap(inode, first, &iomap);
		nr_pages = min_u64(iomap.nr_pages, end - first);
		if (iomap.type != IOMAP_HOLE &&
		    !add_extent(log, &iomap, nr_pages))
			return false;
		first += nr_pages;
	}
	return log_add(log, RECORD_NO_MORE);
}

/* The extents of pages [first, end). */
static bool add_extents(struct log *log, struct inode *inode, uint64_t first,
			uint64_t end)
{
	bool fits;

	machine_down_read(&inode->i_data_sem);
	fits = add_extents_locked(log, inode, first, end);
	machine_up_read(&inode->i_data_sem);
	return fits;
}

/* What a file is, as to the blocks of pages [first, end). */
static bool add_file(struct log *log, const struct disk_inode *disk,
		     uint64_t first, uint64_t end)
{
	return log_add(log, RECORD_FILE |
		       (uint64_t)disk->name_bytes << RECORD_KIND_BITS) &&
	       log_add(log, disk->ino) &&
	       log_add(log, disk->inode->i_data.i_size) &&
	       log_add(log, first) && log_add(log, end) &&
	       add_name(log, disk) &&
	       add_extents(log, disk->inode, first, end);
}

static bool add_changed(struct log *log, const struct journal *journal)
{
	const struct list_head *node = journal->j_dirty.next;

	for (; node != &journal->j_dirty; node = node->next) {
		const struct disk_inode *disk = container_of(
			node, struct disk_inode, dirty);

		if (disk->removed) {
			if (!log_add(log, RECORD_REMOVED) ||
			    !log_add(log, disk->ino))
				return false;
		} else if (!add_file(log, disk, disk->first, disk->end)) {
			return false;
		}
	}
	return true;
}

static bool add_all(struct log *log, const struct journal *journal)
{
	const struct avl_node *node = avl_first(&journal->j_by_ino);

	for (; node; node = avl_next(node)) {
		const struct disk_inode *disk = container_of(
			node, struct disk_inode, by_ino);

		if (!add_file(log, disk, 0, UINT64_MAX))
			return false;
	}
	return true;
}

static void write_snapshot(struct journal *journal)
{
	struct log next;
	bool fits;

	log_begin_snapshot(&journal->j_log, &next);
	fits = add_all(&next, journal);
	/* dir.c sees to that. */
	BUG_ON(5, !fits);
	log_commit_snapshot(&journal->j_log, &next);
}

/* Who dirties files is in the transaction, and nobody is. */
static void forget_dirty(struct journal *journal)
{
	while (!list_empty(&journal->j_dirty))
		list_del_init(journal->j_dirty.next);
}

/*
 * journal_commit - when it returns, the medium knows what all files are.
 *
 * Locks: s_transaction for write.  Sleeps: yes.
 * Return: 0, always.
 */
static int journal_commit(struct super_block *sb)
{
	struct journal *journal = sb->s_journal;

	if (list_empty(&journal->j_dirty))
		return 0;
	log_begin(&journal->j_log);
	if (add_changed(&journal->j_log, journal))
		log_commit(&journal->j_log);
	else
		write_snapshot(journal);
	forget_dirty(journal);
	return 0;
}

/*
 * journal_start - what files are now is what the log says, and from now on
 * changes are committed.
 *
 * Locks: none, nobody uses the filesystem.  Sleeps: no.
 */
void journal_start(struct super_block *sb, const struct log *log)
{
	struct journal *journal = sb->s_journal;

	journal->j_log = *log;
	forget_dirty(journal);
	sb->s_tid++;
	sb->s_commit = journal_commit;
}
