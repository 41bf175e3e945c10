/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mount.c - make a filesystem on the medium, open it, close it.
 *
 * To open it is to repeat its log.  Nothing of it is believed: what cannot be
 * is an error that says where, and nothing is written.
 */
#include "fs/extent.h"
#include "fs/journal.h"

/* A log being read, and the filesystem that it makes. */
struct replay {
	struct super_block *sb;
	struct log *log;
	struct fs_damage *damage;
};

static int damaged(struct replay *replay, const char *what)
{
	return log_damaged(replay->log, replay->damage, what);
}

/* Return: 0, or -EUCLEAN: the transaction ends in a record. */
static int read_word(struct replay *replay, uint64_t *word)
{
	if (log_read(replay->log, word))
		return 0;
	return damaged(replay, "the end of a record is missing");
}

static int read_name(struct replay *replay, uint64_t bytes, char *name)
{
	uint64_t word = 0;

	if (!bytes || bytes > FS_NAME_MAX)
		return damaged(replay, "length of a name");
	for (size_t i = 0; i < bytes; i++) {
		int error = i % 8 ? 0 : read_word(replay, &word);

		if (error)
			return error;
		name[i] = (char)(word >> i % 8 * 8 & 0xff);
		if (!name[i] || name[i] == '/')
			return damaged(replay, "a name");
	}
	name[bytes] = '\0';
	return 0;
}

/* Return: 0 and *disk, with that name. */
static int replay_inode(struct replay *replay, uint64_t ino, const char *name,
			size_t name_bytes, struct disk_inode **disk)
{
	struct journal *journal = replay->sb->s_journal;

	*disk = journal_find_ino(journal, ino);
	if (!*disk)
		*disk = journal_add_ino(replay->sb, ino);
	if (!*disk)
		return -ENOMEM;
	journal_set_name(journal, *disk, name, name_bytes);
	return 0;
}

/* Return: 0 or -ENOMEM. */
static int make_hole(struct inode *inode, uint64_t first, uint64_t end)
{
	struct extent_spares spares;
	int error = extents_reserve(&spares, 2);

	if (error)
		return error;
	fs_change_begin(inode);
	extents_remove(inode, first, end, &spares);
	fs_change_end(inode);
	extents_release(&spares);
	return 0;
}

/* One extent at or behind *first; *first becomes its end. */
static int replay_extent(struct replay *replay, struct inode *inode,
			 uint64_t pgoff, uint64_t *first, uint64_t end)
{
	enum iomap_type type = IOMAP_MAPPED;
	uint64_t nr_pages, block;
	int error = read_word(replay, &nr_pages);

	if (!error)
		error = read_word(replay, &block);
	if (error)
		return error;
	if (nr_pages & RECORD_UNWRITTEN)
		type = IOMAP_UNWRITTEN;
	nr_pages &= ~RECORD_UNWRITTEN;
	if (pgoff < *first || pgoff >= end || nr_pages > end - pgoff)
		return damaged(replay, "pages of an extent");
	*first = pgoff + nr_pages;
	error = inode_add_extent(inode, pgoff, nr_pages, type, block);
	if (error == -EINVAL)
		return damaged(replay, "blocks outside of the device");
	if (error == -EEXIST)
		return damaged(replay, "a block that is another's, too");
	return error;
}

static int replay_extents(struct replay *replay, struct inode *inode,
			  uint64_t first, uint64_t end)
{
	uint64_t pgoff;
	int error;

	while (!(error = read_word(replay, &pgoff)) &&
	       pgoff != RECORD_NO_MORE) {
		error = replay_extent(replay, inode, pgoff, &first, end);
		if (error)
			break;
	}
	return error;
}

static int replay_file(struct replay *replay, uint64_t name_bytes)
{
	uint64_t ino = 0, size = 0, first = 0, end = 0;
	char name[FS_NAME_MAX + 1];
	struct disk_inode *disk;
	int error;

	if ((error = read_word(replay, &ino)) ||
	    (error = read_word(replay, &size)) ||
	    (error = read_word(replay, &first)) ||
	    (error = read_word(replay, &end)) ||
	    (error = read_name(replay, name_bytes, name)))
		return error;
	if (!ino || size > FS_MAX_BYTES || first > end)
		return damaged(replay, "a file's size or number");
	error = replay_inode(replay, ino, name, (size_t)name_bytes, &disk);
	if (error)
		return error;
	disk->inode->i_data.i_size = size;
	error = make_hole(disk->inode, first, end);
	return error ? error : replay_extents(replay, disk->inode, first, end);
}

static int replay_removed(struct replay *replay)
{
	struct disk_inode *disk;
	uint64_t ino = 0;
	int error = read_word(replay, &ino);

	if (error)
		return error;
	disk = journal_find_ino(replay->sb->s_journal, ino);
	if (!disk)
		return damaged(replay, "a file that was not there is removed");
	journal_forget(replay->sb->s_journal, disk);
	return 0;
}

static int replay_transaction(struct replay *replay)
{
	uint64_t word;
	int error = 0;

	while (!error && log_read(replay->log, &word)) {
		uint64_t rest = word >> RECORD_KIND_BITS;

		switch (word & ((UINT64_C(1) << RECORD_KIND_BITS) - 1)) {
		case RECORD_FILE:
			error = replay_file(replay, rest);
			break;
		case RECORD_REMOVED:
			error = replay_removed(replay);
			break;
		default:
			error = damaged(replay, "a record of no known kind");
		}
	}
	return error;
}

/* Names are those of the end: on the way two files may have changed theirs. */
static int replay_names(struct replay *replay)
{
	struct journal *journal = replay->sb->s_journal;
	struct avl_node *node = avl_first(&journal->j_by_ino);

	for (; node; node = avl_next(node))
		if (!journal_add_name(journal, container_of(
					      node, struct disk_inode, by_ino)))
			return damaged(replay, "two files have one name");
	return 0;
}

static int replay_log(struct replay *replay)
{
	int ret;

	while ((ret = log_next(replay->log, replay->damage)) > 0) {
		ret = replay_transaction(replay);
		if (ret)
			break;
	}
	return ret ? ret : replay_names(replay);
}

/*
 * fs_format - make an empty filesystem on page frames of a device.  A power
 * cut leaves none, or the whole.
 *
 * Locks: none, nobody uses the device.  Sleeps: no.
 * Return: 0, or -ENOSPC: no room for data.
 */
int fs_format(uint64_t first_pfn, uint64_t nr_pages)
{
	struct log log;

	return log_format(&log, first_pfn, nr_pages);
}

/*
 * fs_mount - open the filesystem that is on page frames of a device; there may
 * be more of them than it uses.  Nothing is written.
 *
 * Locks: none, nobody uses the device.  Sleeps: yes.
 * Return: 0 and *sb; -ENOMEM; or *damage is set and it is -ENODATA: there is
 * none, -EOPNOTSUPP: one of another version or geometry, -EUCLEAN: it is
 * damaged, -EIO: the medium has lost a page that is needed.
 */
int fs_mount(uint64_t first_pfn, uint64_t nr_pages, struct super_block **sb,
	     struct fs_damage *damage)
{
	struct log log;
	struct replay replay = { .log = &log, .damage = damage };
	int error = log_open(&log, first_pfn, nr_pages, damage);

	if (error)
		return error;
	replay.sb = fs_create(first_pfn + log.data_page,
			      log.nr_pages - log.data_page);
	if (!replay.sb)
		return -ENOMEM;
	error = journal_create(replay.sb);
	if (error) {
		fs_destroy(replay.sb);
		return error;
	}
	error = replay_log(&replay);
	if (error) {
		journal_destroy(replay.sb);
		fs_destroy(replay.sb);
		return error;
	}
	journal_start(replay.sb, &log);
	*sb = replay.sb;
	return 0;
}

/*
 * fs_unmount - commit, and forget the filesystem with all its files.
 *
 * Locks: none, nobody uses it.  Sleeps: yes.
 */
void fs_unmount(struct super_block *sb)
{
	fs_commit(sb);
	journal_destroy(sb);
	fs_destroy(sb);
}
