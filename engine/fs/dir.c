/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dir.c - names of files: one flat directory, on the medium when a function
 * returns.
 *
 * Here is seen to it, too, that a snapshot always fits: an extent has a block
 * at least, so what all of them can take is known, and names may have the
 * rest of an area.
 */
#include "fs/extent.h"
#include "fs/journal.h"

static struct disk_inode *ino_disk(struct avl_node *node)
{
	return node ? container_of(node, struct disk_inode, by_ino) : NULL;
}

static struct disk_inode *name_disk(struct avl_node *node)
{
	return node ? container_of(node, struct disk_inode, by_name) : NULL;
}

/* Return: below, equal to or above 0, as a is before, equal to or after b. */
static int compare_names(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (int)(unsigned char)*a - (int)(unsigned char)*b;
}

/* Return: the name's bytes, or -errno. */
static int check_name(const char *name)
{
	int bytes = 0;

	for (; name[bytes]; bytes++) {
		if (name[bytes] == '/')
			return -EINVAL;
		if (bytes == FS_NAME_MAX)
			return -ENAMETOOLONG;
	}
	return bytes ? bytes : -EINVAL;
}

/* Return: bytes of a file's record, without extents. */
static uint64_t record_bytes(size_t name_bytes)
{
	return (RECORD_FILE_WORDS + (name_bytes + 7) / 8) * 8;
}

/* Return: whether a snapshot has room for that many bytes more. */
static bool has_room(const struct journal *journal, uint64_t bytes)
{
	const struct log *log = &journal->j_log;
	uint64_t extents = (log->nr_pages - log->data_page) *
			   RECORD_EXTENT_WORDS * 8;

	bytes += journal->j_names_bytes + extents;
	return LOG_HEADER_BYTES + bytes + 8 <= log_area_bytes(log);
}

/*
 * journal_find_ino - the file of that number.
 *
 * Locks: s_names, a transaction, or nobody else uses it.  Sleeps: no.
 * Return: NULL when there is none.
 */
struct disk_inode *journal_find_ino(const struct journal *journal, uint64_t ino)
{
	struct avl_node *node = journal->j_by_ino.node;

	while (node && ino_disk(node)->ino != ino)
		node = node->child[ino > ino_disk(node)->ino];
	return ino_disk(node);
}

/*
 * journal_find_name - the file of that name.
 *
 * Locks: as journal_find_ino().  Sleeps: no.
 * Return: NULL when there is none.
 */
struct disk_inode *journal_find_name(const struct journal *journal,
				     const char *name)
{
	struct avl_node *node = journal->j_by_name.node;
	int order;

	while (node) {
		order = compare_names(name, name_disk(node)->name);
		if (!order)
			break;
		node = node->child[order > 0];
	}
	return name_disk(node);
}

static void insert_ino(struct journal *journal, struct disk_inode *disk)
{
	struct avl_node **link = &journal->j_by_ino.node;
	struct avl_node *parent = NULL;

	while (*link) {
		parent = *link;
		link = &parent->child[disk->ino > ino_disk(parent)->ino];
	}
	avl_insert(&journal->j_by_ino, &disk->by_ino, parent, link);
}

static void insert_name(struct journal *journal, struct disk_inode *disk)
{
	struct avl_node **link = &journal->j_by_name.node;
	struct avl_node *parent = NULL;

	while (*link) {
		const struct disk_inode *other = name_disk(*link);

		parent = *link;
		link = &parent->child[compare_names(disk->name,
						    other->name) > 0];
	}
	avl_insert(&journal->j_by_name, &disk->by_name, parent, link);
}

/*
 * journal_add_ino - a file for the directory, without a name; ino 0 for a new
 * number.
 *
 * Locks: s_names for write, in a transaction; or nobody else uses it.
 * Sleeps: yes.
 * Return: NULL when there is no memory.
 */
struct disk_inode *journal_add_ino(struct super_block *sb, uint64_t ino)
{
	struct disk_inode *disk = machine_alloc(sizeof(*disk), "disk inode");

	if (!disk)
		return NULL;
	disk->inode = inode_create(sb, disk->name, 0);
	if (!disk->inode) {
		machine_free(disk);
		return NULL;
	}
	if (ino) {
		disk->inode->i_data.ino = ino;
		sb->s_next_ino = max_u64(sb->s_next_ino, ino);
	}
	disk->ino = disk->inode->i_data.ino;
	disk->inode->i_disk = disk;
	list_init(&disk->dirty);
	insert_ino(sb->s_journal, disk);
	return disk;
}

/*
 * journal_set_name - give it a name, or another one; not into the tree of
 * names.
 *
 * Locks: as journal_add_ino().  Sleeps: no.
 */
void journal_set_name(struct journal *journal, struct disk_inode *disk,
		      const char *name, size_t bytes)
{
	if (disk->name_bytes)
		journal->j_names_bytes -= record_bytes(disk->name_bytes);
	for (size_t i = 0; i < bytes; i++)
		disk->name[i] = name[i];
	disk->name[bytes] = '\0';
	disk->name_bytes = bytes;
	journal->j_names_bytes += record_bytes(bytes);
}

/*
 * journal_add_name - let journal_find_name() find it.
 *
 * Locks: as journal_add_ino().  Sleeps: no.
 * Return: whether no other has that name.
 */
bool journal_add_name(struct journal *journal, struct disk_inode *disk)
{
	if (journal_find_name(journal, disk->name))
		return false;
	insert_name(journal, disk);
	return true;
}

/*
 * journal_forget - a file that nobody uses, and that journal_find_name() does
 * not find any more, is no more; the medium is told nothing.
 *
 * Locks: nobody else uses the journal.  Sleeps: as inode_destroy().
 */
void journal_forget(struct journal *journal, struct disk_inode *disk)
{
	avl_erase(&journal->j_by_ino, &disk->by_ino);
	list_del_init(&disk->dirty);
	disk->inode->i_disk = NULL;
	inode_destroy(disk->inode);
	machine_free(disk);
}

/* ---- What programs call ---- */

/* Locks: s_names for write. */
static int create_locked(struct super_block *sb, const char *name, size_t bytes,
			 struct inode **inode)
{
	struct disk_inode *disk;

	if (journal_find_name(sb->s_journal, name))
		return -EEXIST;
	if (!has_room(sb->s_journal, record_bytes(bytes)))
		return -ENOSPC;
	fs_transaction_begin(sb);
	disk = journal_add_ino(sb, 0);
	if (disk) {
		journal_set_name(sb->s_journal, disk, name, bytes);
		journal_add_name(sb->s_journal, disk);
		journal_dirty(disk, 0, 0);
		*inode = disk->inode;
	}
	fs_transaction_end(sb);
	return disk ? fs_commit(sb) : -ENOMEM;
}

/*
 * fs_creat - make an empty file of that name: 1 to FS_NAME_MAX bytes, without
 * a slash.
 *
 * Locks: takes s_names and s_transaction.  Sleeps: yes.
 * Return: 0 and *inode; -EINVAL or -ENAMETOOLONG: no such name can be,
 * -EEXIST: there is one, -ENOSPC: no room for names, -ENOMEM.
 */
int fs_creat(struct super_block *sb, const char *name, struct inode **inode)
{
	int bytes = check_name(name);
	int error;

	if (bytes < 0)
		return bytes;
	machine_down_write(&sb->s_names);
	error = create_locked(sb, name, (size_t)bytes, inode);
	machine_up_write(&sb->s_names);
	return error;
}

/*
 * fs_lookup - the file of that name.  That it is not removed is the caller's
 * to see to.
 *
 * Locks: takes s_names.  Sleeps: yes.
 * Return: NULL when there is none.
 */
struct inode *fs_lookup(struct super_block *sb, const char *name)
{
	const struct disk_inode *disk;

	machine_down_read(&sb->s_names);
	disk = journal_find_name(sb->s_journal, name);
	machine_up_read(&sb->s_names);
	return disk ? disk->inode : NULL;
}

/* Return: whether a mapping or a device may still reach the file's pages. */
static bool is_in_use(struct inode *inode)
{
	struct address_space *mapping = &inode->i_data;
	bool used;

	machine_down_write(&inode->i_rwsem);
	machine_down_write(&inode->i_mmap_sem);
	machine_down_read(&mapping->i_mmap_rwsem);
	used = !list_empty(&mapping->i_mmap);
	machine_up_read(&mapping->i_mmap_rwsem);
	if (!used)
		used = dax_layout_busy_page(mapping) != 0;
	machine_up_write(&inode->i_mmap_sem);
	machine_up_write(&inode->i_rwsem);
	return used;
}

/*
 * The name and the blocks go together.  The rest goes when the medium knows:
 * then no commit looks at it any more.
 * Locks: s_names for write.
 */
static int remove_locked(struct inode *inode)
{
	struct super_block *sb = inode->i_sb;
	struct journal *journal = sb->s_journal;
	struct disk_inode *disk = inode->i_disk;
	struct extent_spares none = { .head = NULL };
	int error;

	if (is_in_use(inode))
		return -EBUSY;
	dax_delete_mapping_entries(&inode->i_data);
	fs_change_begin(inode);
	avl_erase(&journal->j_by_name, &disk->by_name);
	avl_erase(&journal->j_by_ino, &disk->by_ino);
	journal->j_names_bytes -= record_bytes(disk->name_bytes);
	disk->removed = true;
	journal_dirty(disk, 0, 0);
	extents_remove(inode, 0, UINT64_MAX, &none);
	fs_change_end(inode);
	error = fs_commit(sb);
	BUG_ON(5, error);
	inode_destroy(inode);
	machine_free(disk);
	return 0;
}

/*
 * fs_unlink - remove a file that nobody uses.
 *
 * Locks: takes s_names, the file's, and s_transaction.  Sleeps: yes.
 * Return: 0, or -EBUSY: it is mapped, or a page of it pinned.
 */
int fs_unlink(struct inode *inode)
{
	struct super_block *sb = inode->i_sb;
	int error;

	machine_down_write(&sb->s_names);
	error = remove_locked(inode);
	machine_up_write(&sb->s_names);
	return error;
}

/* Locks: s_names for write. */
static int rename_locked(struct inode *inode, const char *name, size_t bytes)
{
	struct super_block *sb = inode->i_sb;
	struct journal *journal = sb->s_journal;
	struct disk_inode *disk = inode->i_disk;

	if (journal_find_name(journal, name))
		return -EEXIST;
	if (record_bytes(bytes) > record_bytes(disk->name_bytes) &&
	    !has_room(journal, record_bytes(bytes) -
			      record_bytes(disk->name_bytes)))
		return -ENOSPC;
	fs_transaction_begin(sb);
	avl_erase(&journal->j_by_name, &disk->by_name);
	journal_set_name(journal, disk, name, bytes);
	journal_add_name(journal, disk);
	journal_dirty(disk, 0, 0);
	fs_transaction_end(sb);
	return fs_commit(sb);
}

/*
 * fs_rename - give a file another name.
 *
 * Locks: takes s_names and s_transaction.  Sleeps: yes.
 * Return: as fs_creat().
 */
int fs_rename(struct inode *inode, const char *name)
{
	struct super_block *sb = inode->i_sb;
	int bytes = check_name(name);
	int error;

	if (bytes < 0)
		return bytes;
	machine_down_write(&sb->s_names);
	error = rename_locked(inode, name, (size_t)bytes);
	machine_up_write(&sb->s_names);
	return error;
}

/*
 * fs_next_name - replace a name by the one that follows it; "" is before all.
 *
 * Locks: takes s_names.  Sleeps: yes.
 * Return: whether there was one.
 */
bool fs_next_name(struct super_block *sb, char name[FS_NAME_MAX + 1])
{
	const struct disk_inode *found = NULL;
	struct avl_node *node;

	machine_down_read(&sb->s_names);
	node = sb->s_journal->j_by_name.node;
	while (node) {
		bool after = compare_names(name_disk(node)->name, name) > 0;

		if (after)
			found = name_disk(node);
		node = node->child[!after];
	}
	for (size_t i = 0; found && i <= found->name_bytes; i++)
		name[i] = found->name[i];
	machine_up_read(&sb->s_names);
	return found;
}
