/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rw.c - read(2) and write(2), and zeroes: bytes of a file by the CPU.
 *
 * The buffer may be a program's memory, which may be mapped from a file, even
 * this one.  So while bytes are copied nothing is held but i_rwsem, which is
 * outside of all that a fault takes; and i_rwsem is what keeps the blocks the
 * file's.
 */
#include "dax/tree.h"
#include "fs/extent.h"

/* A word of up to 8 bytes, from and to the caller's memory. */
static uint64_t get_bytes(const unsigned char *from, size_t size)
{
	uint16_t val2;
	uint32_t val4;
	uint64_t val8;

	switch (size) {
	case 1:
		return *from;
	case 2:
		__builtin_memcpy(&val2, from, 2);
		return val2;
	case 4:
		__builtin_memcpy(&val4, from, 4);
		return val4;
	default:
		__builtin_memcpy(&val8, from, 8);
		return val8;
	}
}

static void put_bytes(unsigned char *to, size_t size, uint64_t val)
{
	uint16_t val2 = (uint16_t)val;
	uint32_t val4 = (uint32_t)val;

	switch (size) {
	case 1:
		*to = (unsigned char)val;
		break;
	case 2:
		__builtin_memcpy(to, &val2, 2);
		break;
	case 4:
		__builtin_memcpy(to, &val4, 4);
		break;
	default:
		__builtin_memcpy(to, &val, 8);
		break;
	}
}

/* Return: the largest size, 8 at most, that alignment is a multiple of. */
static size_t word_size(uint64_t alignment, uint64_t left)
{
	size_t size = 8;

	while (alignment & (size - 1) || size > left)
		size /= 2;
	return size;
}

/* Some bytes of one page of the device, and of a buffer. */
struct span {
	uint64_t pfn;
	uint64_t offset;	/* in the page */
	uint64_t bytes;
	uint64_t done;		/* of the buffer, before these */
};

static size_t span_word(const struct span *span, uint64_t copied,
			const struct fs_buffer *buffer)
{
	uint64_t alignment = span->offset + copied;

	if (buffer && buffer->mm)
		alignment |= buffer->addr + span->done + copied;
	return word_size(alignment, span->bytes - copied);
}

/* Zeroes without a buffer. Return: the bytes stored, fewer if it faults. */
static uint64_t store_span(const struct span *span,
			   const struct fs_buffer *from)
{
	uint64_t copied = 0;

	while (copied < span->bytes) {
		size_t size = span_word(span, copied, from);
		uint64_t at = span->done + copied;
		uint64_t val = 0;

		if (from && !from->mm)
			val = get_bytes(from->data + at, size);
		else if (from && mm_load(from->mm, from->addr + at, size, &val))
			break;
		machine_data_store(span->pfn, (size_t)(span->offset + copied),
				   size, val);
		copied += size;
	}
	if (copied)
		machine_cache_writeback(span->pfn, (size_t)span->offset,
					(size_t)copied);
	return copied;
}

/* pfn 0: zeroes.  Return: the bytes loaded, fewer if the buffer faults. */
static uint64_t load_span(const struct span *span, const struct fs_buffer *to)
{
	uint64_t copied = 0;

	while (copied < span->bytes) {
		size_t size = span_word(span, copied, to);
		uint64_t at = span->done + copied;
		uint64_t val = 0;

		if (span->pfn)
			val = machine_data_load(span->pfn,
						(size_t)(span->offset + copied),
						size);
		if (!to->mm)
			put_bytes(to->data + at, size, val);
		else if (mm_store(to->mm, to->addr + at, size, val))
			break;
		copied += size;
	}
	return copied;
}

/* What is in one page of [pos, end): offset and bytes. */
static void span_at(struct span *span, uint64_t pos, uint64_t end)
{
	span->offset = pos & (page_size() - 1);
	span->bytes = min_u64(end - pos, page_size() - span->offset);
}

static uint64_t iomap_pfn(const struct inode *inode, const struct iomap *iomap,
			  uint64_t pos)
{
	return inode->i_sb->s_dax.first_pfn + iomap->block +
	       ((pos >> page_shift()) - iomap->pgoff);
}

/* Return: the first byte behind the extent, end at most. */
static uint64_t iomap_end(const struct iomap *iomap, uint64_t end)
{
	uint64_t last_page = (end - 1) >> page_shift();

	if (iomap->nr_pages > last_page - iomap->pgoff)
		return end;
	return (iomap->pgoff + iomap->nr_pages) << page_shift();
}

static int find_iomap(struct inode *inode, uint64_t pos, struct iomap *iomap)
{
	if (machine_choose(2, "iomap_begin"))
		return -EIO;
	machine_down_read(&inode->i_data_sem);
	fs_find_iomap(inode, pos >> page_shift(), iomap);
	machine_up_read(&inode->i_data_sem);
	return 0;
}

/*
 * fs_zero_bytes - let bytes [pos, pos + bytes) of a file, inside of one page,
 * read as zeroes; also on the medium.
 *
 * Locks: i_rwsem for write; takes i_data_sem.  Sleeps: yes.
 * Return: 0, or -EIO when the page is poisoned.
 */
int fs_zero_bytes(struct inode *inode, uint64_t pos, uint64_t bytes)
{
	struct span span = { .done = 0 };
	struct iomap iomap;

	BUG_ON(11, !machine_rwsem_held_write(&inode->i_rwsem));
	if (!bytes)
		return 0;
	machine_down_read(&inode->i_data_sem);
	fs_find_iomap(inode, pos >> page_shift(), &iomap);
	machine_up_read(&inode->i_data_sem);
	if (iomap.type != IOMAP_MAPPED)
		return 0;
	span.pfn = iomap_pfn(inode, &iomap, pos);
	if (machine_page_poisoned(span.pfn))
		return -EIO;
	span_at(&span, pos, pos + bytes);
	store_span(&span, NULL);
	return 0;
}

/*
 * Is a zero page mapped, or about to be, where there are blocks?  The rest of
 * an unwritten extent may be zeroed and mapped along with a page of it
 * (iomap.c); that is nothing new for a write(2) that comes later, but whoever
 * maps the zero page has to see what it writes.  Linux 6.1 ext4 does not look.
 */
static bool zero_page_in_use(struct address_space *mapping, uint64_t first,
			     uint64_t last)
{
	struct dax_slot slot;
	bool found = false;

	machine_spin_lock(&mapping->i_pages);
	while (!found && first <= last &&
	       dax_tree_find(mapping, first, last, DAX_ANY, &slot)) {
		uint64_t entry = dax_slot_load(&slot);

		found = dax_is_zero_entry(entry) ||
			(dax_is_empty_entry(entry) && dax_is_locked(entry));
		first = slot.index + (UINT64_C(1) << slot.order);
	}
	machine_spin_unlock(&mapping->i_pages);
	return found;
}

/*
 * Blocks for the bytes.  A fault may have been told that there are none: so,
 * after they are there and before data gets into them, entries that say so go,
 * and then their mappings.  The other way round a fault could map it anew.
 */
static int map_for_write(struct inode *inode, uint64_t pos, uint64_t end,
			 struct iomap *iomap)
{
	struct address_space *mapping = &inode->i_data;
	uint64_t first = pos >> page_shift();
	uint64_t nr = ((end - 1) >> page_shift()) - first + 1;
	int error = find_iomap(inode, pos, iomap);

	if (!error && iomap->type != IOMAP_MAPPED) {
		fs_change_begin(inode);
		error = fs_map_blocks(inode, first, nr, IOMAP_MAPPED, iomap);
		fs_change_end(inode);
	}
	if (error)
		return error;
	nr = min_u64(nr, iomap->nr_pages);
	if (iomap->flags & IOMAP_F_NEW ||
	    zero_page_in_use(mapping, first, first + nr - 1)) {
		dax_invalidate_mapping_range(mapping, first, first + nr - 1);
		unmap_mapping_pages(mapping, first, nr);
	}
	return 0;
}

/* Copy to one extent's blocks.  Return: bytes, or an error if none. */
static int64_t write_blocks(struct inode *inode, const struct iomap *iomap,
			    uint64_t pos, uint64_t end, struct span *span,
			    const struct fs_buffer *from)
{
	uint64_t start = pos;

	while (pos < end) {
		uint64_t copied;

		span->pfn = iomap_pfn(inode, iomap, pos);
		span_at(span, pos, end);
		if (machine_page_poisoned(span->pfn))
			return pos > start ? (int64_t)(pos - start) : -EIO;
		copied = store_span(span, from);
		pos += copied;
		span->done += copied;
		if (copied < span->bytes)
			return pos > start ? (int64_t)(pos - start) : -EFAULT;
	}
	return (int64_t)(pos - start);
}

/* Return: 0, or why not all was written; *done bytes were. */
static int write_range(struct inode *inode, uint64_t pos, uint64_t bytes,
		       const struct fs_buffer *from, uint64_t *done)
{
	struct span span = { .done = 0 };
	struct iomap iomap;
	int64_t copied;
	uint64_t end;
	int error;

	*done = 0;
	while (*done < bytes) {
		uint64_t at = pos + *done;

		error = map_for_write(inode, at, pos + bytes, &iomap);
		if (error == -ENOSPC && fs_commit_frees(inode->i_sb)) {
			error = fs_commit(inode->i_sb);
			if (!error)
				continue;
		}
		if (error)
			return error;
		end = iomap_end(&iomap, pos + bytes);
		copied = write_blocks(inode, &iomap, at, end, &span, from);
		if (copied < 0)
			return (int)copied;
		*done += (uint64_t)copied;
	}
	return 0;
}

/*
 * A write ended before it should, behind the end of the file: what it allocated
 * there goes again.  Nobody could see it.
 */
static void drop_blocks_behind_end(struct inode *inode)
{
	struct extent_spares spares;

	if (extents_reserve(&spares, 2))
		return;		/* they stay, unseen */
	machine_down_write(&inode->i_mmap_sem);
	fs_change_begin(inode);
	extents_remove(inode, pages_up(i_size_read(&inode->i_data)), UINT64_MAX,
		       &spares);
	fs_change_end(inode);
	machine_up_write(&inode->i_mmap_sem);
	extents_release(&spares);
}

/* The file grows to where it was written. */
static void extend_file(struct inode *inode, uint64_t end)
{
	fs_change_begin(inode);
	fs_set_size(inode, end);
	fs_change_end(inode);
}

/* The file grows: what lies behind its end in its last page is no data. */
static int zero_tail(struct inode *inode, uint64_t size)
{
	return fs_zero_bytes(inode, size, -size & (page_size() - 1));
}

/*
 * fs_write - write(2): copy bytes to a file at pos; it grows if need be.  They
 * are on the medium afterwards.
 *
 * Locks: takes i_rwsem, the transaction, i_data_sem; whatever a fault takes, if
 * the buffer is a program's.  Sleeps: yes.
 * Return: the bytes written, fewer than asked for when something went wrong
 * midway; -EFBIG, -ENOSPC, -ENOMEM, -EIO for a poisoned page, or -EFAULT.
 */
int64_t fs_write(struct inode *inode, uint64_t pos, uint64_t bytes,
		 const struct fs_buffer *from)
{
	uint64_t done = 0;
	uint64_t size;
	int error = 0;

	if (!bytes)
		return 0;
	if (pos >= FS_MAX_BYTES)
		return -EFBIG;
	bytes = min_u64(bytes, FS_MAX_BYTES - pos);

	machine_down_write(&inode->i_rwsem);
	size = i_size_read(&inode->i_data);
	if (pos > size)
		error = zero_tail(inode, size);
	if (!error)
		error = write_range(inode, pos, bytes, from, &done);
	if (done && pos + done > size)
		extend_file(inode, pos + done);
	if (error && pos + bytes > size)
		drop_blocks_behind_end(inode);
	machine_up_write(&inode->i_rwsem);
	return done ? (int64_t)done : error;
}

/* Return: 0, or why not all was read; *done bytes were. */
static int read_range(struct inode *inode, uint64_t pos, uint64_t end,
		      const struct fs_buffer *to, uint64_t *done)
{
	struct span span = { .done = 0 };
	struct iomap iomap;

	while (pos < end) {
		uint64_t copied;
		int error = find_iomap(inode, pos, &iomap);

		if (error)
			return error;
		span_at(&span, pos, end);
		span.pfn = 0;
		if (iomap.type == IOMAP_MAPPED)
			span.pfn = iomap_pfn(inode, &iomap, pos);
		if (span.pfn && machine_page_poisoned(span.pfn))
			return -EIO;
		copied = load_span(&span, to);
		pos += copied;
		span.done += copied;
		*done = span.done;
		if (copied < span.bytes)
			return -EFAULT;
	}
	return 0;
}

/*
 * fs_read - read(2): copy bytes of a file from pos on, as far as it goes.
 *
 * Locks: takes i_rwsem for read and i_data_sem; whatever a fault takes, if the
 * buffer is a program's.  Sleeps: yes.
 * Return: the bytes read, 0 at the end of the file; fewer than asked for when
 * something went wrong midway; -EIO for a poisoned page, or -EFAULT.
 */
int64_t fs_read(struct inode *inode, uint64_t pos, uint64_t bytes,
		const struct fs_buffer *to)
{
	uint64_t done = 0;
	uint64_t size;
	int error = 0;

	machine_down_read(&inode->i_rwsem);
	size = i_size_read(&inode->i_data);
	if (pos < size)
		error = read_range(inode, pos, pos + min_u64(bytes, size - pos),
				   to, &done);
	machine_up_read(&inode->i_rwsem);
	return done ? (int64_t)done : error;
}
