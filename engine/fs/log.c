/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * log.c - transactions of words on the medium; doc/pool.md has the format.
 *
 * Two rules make a transaction atomic, whatever lines reach the medium by
 * themselves.  Its first word, the mark, is stored when all the rest has been
 * written back; until then the medium has a zero there, because the
 * transaction before ended with it.  So the end of a log is never a matter of
 * checksums: a mark is right, zero, or damaged.
 */
#include "base/crc32c.h"
#include "fs/fs.h"
#include "fs/log.h"

#define SUPER_MAGIC UINT64_C(0x314c4f4f50544c46)	/* "FLTPOOL1" */
#define SUPER_VERSION 1

/* Words of the superblock; the root has a line of its own. */
enum super_word {
	SUPER_WORD_MAGIC,
	SUPER_WORD_VERSION,
	SUPER_WORD_GEOMETRY,		/* page_shift | huge_order << 8 */
	SUPER_WORD_NR_PAGES,
	SUPER_WORD_AREA_PAGES,
	SUPER_WORD_DATA_PAGE,
	SUPER_WORD_ZERO,
	SUPER_WORD_CRC,
	SUPER_WORD_ROOT,
	SUPER_WORDS,
};

/* Words of a transaction's header. */
enum header_word {
	HEADER_MARK,
	HEADER_SEQ,
	HEADER_BYTES,			/* of what follows the header */
	HEADER_CRC,			/* of all of it but the mark */
};

#define ROOT_SEQ_BITS 47
#define ROOT_BITS (ROOT_SEQ_BITS + 1)	/* behind them is a check */

/*
 * Never zero, nor close to it: a few bits that turn over do not make a
 * transaction look as if it had never been.
 */
static uint64_t seq_mark(uint64_t seq)
{
	return (seq + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t at_pfn(const struct log *log, uint64_t at)
{
	return log->first_pfn + (at >> page_shift());
}

static size_t at_offset(uint64_t at)
{
	return (size_t)(at & (page_size() - 1));
}

static uint64_t load_at(const struct log *log, uint64_t at)
{
	return machine_data_load(at_pfn(log, at), at_offset(at), 8);
}

static void store_at(const struct log *log, uint64_t at, uint64_t val)
{
	machine_data_store(at_pfn(log, at), at_offset(at), 8, val);
}

static void writeback_at(const struct log *log, uint64_t at, uint64_t bytes)
{
	machine_cache_writeback(at_pfn(log, at), at_offset(at), (size_t)bytes);
}

static uint64_t super_pages(void)
{
	return ((SUPER_WORDS * UINT64_C(8) - 1) >> page_shift()) + 1;
}

/* Return: where in the device a byte of the log's area is. */
static uint64_t area_at(const struct log *log, uint64_t pos)
{
	uint64_t page = super_pages() + log->area * log->area_pages;

	return (page << page_shift()) + pos;
}

static int damaged_at(struct fs_damage *damage, const char *what, uint64_t at)
{
	damage->what = what;
	damage->at = at;
	return -EUCLEAN;
}

/*
 * log_damaged - say that the last word that was read cannot be.
 *
 * Locks: none.  Sleeps: no.
 * Return: -EUCLEAN.
 */
int log_damaged(const struct log *log, struct fs_damage *damage,
		const char *what)
{
	return damaged_at(damage, what, area_at(log, log->pos - 8));
}

/* ---- The superblock ---- */

static uint64_t super_load(const struct log *log, enum super_word word)
{
	return load_at(log, (uint64_t)word * 8);
}

static void super_store(const struct log *log, enum super_word word,
			uint64_t val)
{
	store_at(log, (uint64_t)word * 8, val);
}

/* Return: the checksum when the magic, which is stored last, is there. */
static uint64_t super_crc(const struct log *log)
{
	uint32_t crc = crc32c_word(0, SUPER_MAGIC);

	for (int word = SUPER_WORD_VERSION; word < SUPER_WORD_CRC; word++)
		crc = crc32c_word(crc, super_load(log, word));
	return crc;
}

static uint64_t super_geometry(void)
{
	const struct machine_geometry *geometry = machine_geometry();

	return geometry->page_shift | (uint64_t)geometry->huge_order << 8;
}

/* Return: what the root is when that area begins with transaction seq. */
static uint64_t root_make(uint64_t seq, uint64_t area)
{
	uint64_t root = seq << 1 | area;
	uint32_t crc = crc32c_word(0, root);

	return root | (uint64_t)((crc ^ crc >> 16) & 0xffff) << ROOT_BITS;
}

/* One store: the log of before, or the one of after. */
static void root_flip(const struct log *log)
{
	super_store(log, SUPER_WORD_ROOT, root_make(log->seq, log->area));
	writeback_at(log, SUPER_WORD_ROOT * 8, 8);
}

static uint64_t area_pages_wanted(uint64_t nr_pages)
{
	uint64_t bytes = nr_pages * LOG_PAGE_BYTES;

	return ((bytes - 1) >> page_shift()) + 1 + LOG_AREA_PAGES;
}

/* Data begins where a huge page can; the areas take what is before it. */
static bool log_lay_out(struct log *log, uint64_t first_pfn, uint64_t nr_pages)
{
	uint64_t huge = (UINT64_C(1) << machine_geometry()->huge_order) - 1;
	uint64_t super = super_pages();

	/* No overflow below, and more than there ever were. */
	if (!nr_pages || nr_pages > UINT64_C(1) << 50)
		return false;
	log->first_pfn = first_pfn;
	log->nr_pages = nr_pages;
	log->data_page = super + 2 * area_pages_wanted(nr_pages);
	log->data_page = (log->data_page + huge) & ~huge;
	log->area_pages = (log->data_page - super) / 2;
	return log->data_page < nr_pages;
}

static void super_write(const struct log *log)
{
	super_store(log, SUPER_WORD_VERSION, SUPER_VERSION);
	super_store(log, SUPER_WORD_GEOMETRY, super_geometry());
	super_store(log, SUPER_WORD_NR_PAGES, log->nr_pages);
	super_store(log, SUPER_WORD_AREA_PAGES, log->area_pages);
	super_store(log, SUPER_WORD_DATA_PAGE, log->data_page);
	super_store(log, SUPER_WORD_ZERO, 0);
	super_store(log, SUPER_WORD_CRC, super_crc(log));
	writeback_at(log, 0, SUPER_WORDS * 8);
}

/*
 * log_format - make an empty log on a device, and forget what was there.  A
 * power cut leaves nothing, or all.
 *
 * Locks: none, nobody uses the device.  Sleeps: no.
 * Return: 0, or -ENOSPC: no room for any data.
 */
int log_format(struct log *log, uint64_t first_pfn, uint64_t nr_pages)
{
	struct log other = { 0 };
	struct log next;

	if (!log_lay_out(&other, first_pfn, nr_pages))
		return -ENOSPC;
	super_store(&other, SUPER_WORD_MAGIC, 0);
	writeback_at(&other, 0, 8);
	super_write(&other);
	other.area = 1;
	log_begin_snapshot(&other, &next);
	log_commit_snapshot(log, &next);

	/* This makes it a pool. */
	super_store(log, SUPER_WORD_MAGIC, SUPER_MAGIC);
	writeback_at(log, 0, 8);
	return 0;
}

static int super_check(const struct log *log, struct fs_damage *damage)
{
	if (super_load(log, SUPER_WORD_MAGIC) != SUPER_MAGIC) {
		damaged_at(damage, "no pool: the magic number is missing", 0);
		return -ENODATA;
	}
	if (super_load(log, SUPER_WORD_CRC) != super_crc(log))
		return damaged_at(damage, "checksum of the superblock",
				  SUPER_WORD_CRC * 8);
	if (super_load(log, SUPER_WORD_VERSION) != SUPER_VERSION) {
		damaged_at(damage, "a version that is not known",
			   SUPER_WORD_VERSION * 8);
		return -EOPNOTSUPP;
	}
	if (super_load(log, SUPER_WORD_GEOMETRY) != super_geometry()) {
		damaged_at(damage, "made for pages of other sizes",
			   SUPER_WORD_GEOMETRY * 8);
		return -EOPNOTSUPP;
	}
	return 0;
}

static int root_read(struct log *log, struct fs_damage *damage)
{
	uint64_t root = super_load(log, SUPER_WORD_ROOT);
	uint64_t seq = root << (64 - ROOT_BITS) >> (64 - ROOT_SEQ_BITS);

	log->area = root & 1;
	if (!seq || root_make(seq, log->area) != root)
		return damaged_at(damage, "checksum of the root",
				  SUPER_WORD_ROOT * 8);
	log->seq = seq - 1;
	log->tail = 0;
	return 0;
}

/* Return: whether the medium lost a page of [at, at + bytes). */
static int poison_check(const struct log *log, uint64_t at, uint64_t bytes,
			struct fs_damage *damage)
{
	uint64_t end = at + bytes;

	for (at &= ~(page_size() - 1); at < end; at += page_size()) {
		if (!machine_page_poisoned(at_pfn(log, at)))
			continue;
		damaged_at(damage, "the medium has lost a page of metadata",
			   at);
		return -EIO;
	}
	return 0;
}

/*
 * log_open - find the log on a device; log_next() reads it.
 *
 * Locks: none, nobody uses the device.  Sleeps: no.
 * Return: 0; or *damage is set, and it is -ENODATA: there is no pool,
 * -EOPNOTSUPP: one of another version or geometry, -EUCLEAN: it is damaged,
 * -EIO: a page is poisoned.
 */
int log_open(struct log *log, uint64_t first_pfn, uint64_t nr_pages,
	     struct fs_damage *damage)
{
	int error;

	*log = (struct log){ .first_pfn = first_pfn };
	if (nr_pages < super_pages()) {
		damaged_at(damage, "no pool: too small", 0);
		return -ENODATA;
	}
	error = poison_check(log, 0, SUPER_WORDS * 8, damage);
	if (!error)
		error = super_check(log, damage);
	if (error)
		return error;
	if (!log_lay_out(log, first_pfn,
			 super_load(log, SUPER_WORD_NR_PAGES)) ||
	    log->area_pages != super_load(log, SUPER_WORD_AREA_PAGES) ||
	    log->data_page != super_load(log, SUPER_WORD_DATA_PAGE))
		return damaged_at(damage, "sizes that do not agree",
				  SUPER_WORD_NR_PAGES * 8);
	if (log->nr_pages > nr_pages)
		return damaged_at(damage, "the device is shorter than the pool",
				  SUPER_WORD_NR_PAGES * 8);
	return root_read(log, damage);
}

/* ---- Reading ---- */

static uint64_t header_load(const struct log *log, enum header_word word)
{
	return load_at(log, area_at(log, log->tail) + (uint64_t)word * 8);
}

static uint32_t header_crc(uint64_t seq, uint64_t bytes)
{
	return crc32c_word(crc32c_word(0, seq), bytes);
}

/* Return: 0, or -EUCLEAN and *damage. */
static int check_transaction(struct log *log, struct fs_damage *damage)
{
	uint64_t at = area_at(log, log->tail);
	uint64_t room = log_area_bytes(log) - log->tail;
	uint64_t bytes = header_load(log, HEADER_BYTES);
	uint32_t crc = header_crc(log->seq + 1, bytes);
	int error;

	if (room < LOG_HEADER_BYTES + 8 || bytes % 8 ||
	    bytes > room - LOG_HEADER_BYTES - 8)
		return damaged_at(damage, "length of a transaction",
				  at + HEADER_BYTES * 8);
	log->pos = log->tail + LOG_HEADER_BYTES;
	log->end = log->pos + bytes;
	error = poison_check(log, at, LOG_HEADER_BYTES + bytes + 8, damage);
	if (error)
		return error;
	for (uint64_t pos = log->pos; pos < log->end; pos += 8)
		crc = crc32c_word(crc, load_at(log, area_at(log, pos)));
	if (header_load(log, HEADER_SEQ) != log->seq + 1 ||
	    header_load(log, HEADER_CRC) != crc)
		return damaged_at(damage, "checksum of a transaction",
				  at + HEADER_CRC * 8);
	return 0;
}

/*
 * log_next - go to the next transaction, whose words log_read() gives.
 *
 * Locks: none, nobody uses the device.  Sleeps: no.
 * Return: 1; 0 when there is none; or as log_open().
 */
int log_next(struct log *log, struct fs_damage *damage)
{
	uint64_t at = area_at(log, log->tail);
	uint64_t mark;
	int error = poison_check(log, at, 8, damage);

	if (error)
		return error;
	mark = header_load(log, HEADER_MARK);
	/* The root says that a snapshot is there. */
	if (!mark && log->tail)
		return 0;
	if (mark != seq_mark(log->seq + 1))
		return damaged_at(damage, "mark of a transaction", at);
	error = check_transaction(log, damage);
	if (error)
		return error;
	log->seq++;
	log->tail = log->end;
	return 1;
}

/*
 * log_read - the next word of the transaction.
 *
 * Locks: none, nobody uses the device.  Sleeps: no.
 * Return: whether there was one.
 */
bool log_read(struct log *log, uint64_t *word)
{
	if (log->pos == log->end)
		return false;
	*word = load_at(log, area_at(log, log->pos));
	log->pos += 8;
	return true;
}

/* ---- Writing ---- */

/*
 * log_begin - begin a transaction, behind those that are there.  One that is
 * not committed has never been.
 *
 * Locks: the caller's, until log_commit().  Sleeps: no.
 */
void log_begin(struct log *log)
{
	log->pos = log->tail + LOG_HEADER_BYTES;
	log->end = log_area_bytes(log) - 8;	/* a zero mark */
}

/*
 * log_add - one more word for the transaction.
 *
 * Locks: as log_begin().  Sleeps: no.
 * Return: whether there was room; if not, it cannot be committed.
 */
bool log_add(struct log *log, uint64_t word)
{
	if (log->pos >= log->end)
		return false;
	store_at(log, area_at(log, log->pos), word);
	log->pos += 8;
	return true;
}

/*
 * log_commit - when it returns, the transaction is on the medium.
 *
 * Locks: as log_begin().  Sleeps: no.
 */
void log_commit(struct log *log)
{
	uint64_t at = area_at(log, log->tail);
	uint64_t start = log->tail + LOG_HEADER_BYTES;
	uint64_t bytes = log->pos - start;
	uint32_t crc = header_crc(log->seq + 1, bytes);

	BUG_ON(5, log->pos > log->end);
	for (uint64_t pos = start; pos < log->pos; pos += 8)
		crc = crc32c_word(crc, load_at(log, area_at(log, pos)));
	store_at(log, at + HEADER_SEQ * 8, log->seq + 1);
	store_at(log, at + HEADER_BYTES * 8, bytes);
	store_at(log, at + HEADER_CRC * 8, crc);
	store_at(log, area_at(log, log->pos), 0);
	writeback_at(log, at, LOG_HEADER_BYTES + bytes + 8);

	store_at(log, at + HEADER_MARK * 8, seq_mark(log->seq + 1));
	writeback_at(log, at, 8);
	log->seq++;
	log->tail = log->pos;
}

/*
 * log_begin_snapshot - begin a transaction that will replace all of log, in
 * the area that is not in use.
 *
 * Locks: as log_begin().  Sleeps: no.
 */
void log_begin_snapshot(const struct log *log, struct log *next)
{
	*next = *log;
	next->area = !log->area;
	next->tail = 0;
	log_begin(next);
}

/*
 * log_commit_snapshot - when it returns, next is what is on the medium, and
 * the log.
 *
 * Locks: as log_begin().  Sleeps: no.
 */
void log_commit_snapshot(struct log *log, const struct log *next)
{
	*log = *next;
	log_commit(log);
	root_flip(log);
}
