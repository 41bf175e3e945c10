/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pool_damage_test.c - limits of a pool, and records that are anything at all.
 */
#include "pool.h"

/* ---- Files to begin with ---- */

static void create_a(void)
{
	make("a");
	write_pages("a", 0, 3, 1);
	write_pages("a", 6, 2, 40);
	sync_file("a");
}

static void create_b(void)
{
	make("b");
	write_pages("b", 0, 2, 7);
	sync_file("b");
}

/* ---- Limits of names ---- */

static void names(void **state)
{
	char longest[FS_NAME_MAX + 2];
	struct inode *inode;

	(void)state;
	memset(longest, 'n', sizeof(longest));
	longest[FS_NAME_MAX + 1] = '\0';
	assert_int_equal(fs_creat(sb, longest, &inode), -ENAMETOOLONG);
	longest[FS_NAME_MAX] = '\0';
	assert_int_equal(fs_creat(sb, longest, &inode), 0);
	assert_int_equal(fs_creat(sb, longest, &inode), -EEXIST);
	assert_int_equal(fs_creat(sb, "", &inode), -EINVAL);
	assert_int_equal(fs_creat(sb, "a/b", &inode), -EINVAL);
	assert_int_equal(fs_rename(inode, ""), -EINVAL);
	assert_int_equal(fs_rename(inode, longest), -EEXIST);
	assert_int_equal(fs_rename(inode, "short"), 0);
	assert_null(fs_lookup(sb, longest));
	assert_ptr_equal(fs_lookup(sb, "short"), inode);
	assert_int_equal(fs_unlink(inode), 0);
	assert_null(fs_lookup(sb, "short"));
}

/* As many names as there may be, then as many extents as can be. */
static void snapshot_always_fits(void **state)
{
	char name[FS_NAME_MAX + 1];
	struct inode *inode;
	uint64_t nr = 0;
	int error;

	(void)state;
	create_b();
	do {
		memset(name, 'n', FS_NAME_MAX);
		snprintf(name, sizeof(name), "%llu", (unsigned long long)nr);
		name[strlen(name)] = 'n';
		name[FS_NAME_MAX] = '\0';
		error = fs_creat(sb, name, &inode);
		nr++;
	} while (!error);
	assert_int_equal(error, -ENOSPC);
	inode = find("b");
	for (uint64_t i = 0; sb->s_nr_free; i++)
		write_pages("b", i * 3 % 45 + i / 15, 1, 5);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(fs_truncate(inode, FS_MAX_BYTES - 1), 0);
		commit();
		assert_int_equal(fs_truncate(inode, FS_MAX_BYTES), 0);
		commit();
	}
	fs_unmount(sb);
	sb = mount_pool(native_device_pfn());
	assert_int_equal(sb->s_nr_free, 0);
	assert_int_equal(sb->s_nr_inodes, nr);
	assert_int_equal(verify_fs(sb), 0);
}

static void busy_file(void **state)
{
	uint64_t pfn;

	(void)state;
	create_a();
	assert_int_equal(fs_mmap(mm, find("a"), BASE, PAGE, PROT_READ,
				 MAP_SHARED, 0), 0);
	assert_int_equal(fs_unlink(find("a")), -EBUSY);
	assert_int_equal(pin_user_page(mm, BASE, 0, &pfn), 0);
	assert_int_equal(do_munmap(mm, BASE, PAGE), 0);
	assert_int_equal(fs_unlink(find("a")), -EBUSY);
	unpin_user_page(pfn);
	assert_int_equal(fs_unlink(find("a")), 0);
}

/* ---- Records are anything ---- */

#define WORDS_MAX 400

/* The words of a snapshot of all files. */
static size_t snapshot_words(uint64_t *words)
{
	struct fs_damage damage;
	struct log log;
	size_t nr = 0;

	assert_int_equal(log_open(&log, native_device_pfn(), NR_PAGES, &damage),
			 0);
	while (log_next(&log, &damage) > 0)
		while (log_read(&log, &words[nr]))
			assert_true(++nr < WORDS_MAX);
	return nr;
}

/* Write them as one transaction of a new pool; its checksums are right. */
static void write_words(const uint64_t *words, size_t nr)
{
	struct log log;

	assert_int_equal(log_format(&log, image_pfn(), NR_PAGES), 0);
	log_begin(&log);
	for (size_t i = 0; i < nr; i++)
		assert_true(log_add(&log, words[i]));
	log_commit(&log);
}

/* Return: whether it was refused. */
static bool try_words(const uint64_t *words, size_t nr)
{
	struct fs_damage damage = { NULL, 0 };
	struct super_block *image;
	int error;

	write_words(words, nr);
	error = fs_mount(image_pfn(), NR_PAGES, &image, &damage);
	if (error) {
		assert_int_equal(error, -EUCLEAN);
		assert_non_null(damage.what);
		assert_true(damage.at < POOL_BYTES);
		return true;
	}
	assert_int_equal(verify_fs(image), 0);
	fs_unmount(image);
	return false;
}

static void any_word(void **state)
{
	static const uint64_t instead[] = {
		0, 1, 2, 3, 5, 40, 63, 64, 255, 256, 1000, UINT64_MAX,
		UINT64_MAX - 1, UINT64_MAX / 2, UINT64_C(1) << 63,
		(UINT64_C(1) << 63) + 1, UINT64_C(1) << 62, 0x101, 0x801,
		0x10001, 0xffffffff01,
	};
	uint64_t words[WORDS_MAX];
	uint64_t nr_refused = 0, nr_taken = 0;
	size_t nr;

	(void)state;
	create_a();
	create_b();
	assert_int_equal(fs_fallocate(find("a"), FS_ALLOCATE, 10 * PAGE,
				      5 * PAGE), 0);
	assert_int_equal(fs_fallocate(find("a"), FS_PUNCH_HOLE, PAGE, PAGE), 0);
	assert_int_equal(fs_rename(find("a"), "another name"), 0);
	assert_int_equal(fs_rename(find("another name"), "a"), 0);
	make("c");
	assert_int_equal(fs_unlink(find("c")), 0);
	commit();
	nr = snapshot_words(words);
	assert_false(try_words(words, nr));
	for (size_t i = 0; i < nr; i++) {
		const uint64_t word = words[i];

		for (size_t j = 0; j < sizeof(instead) / 8 + 64; j++) {
			words[i] = j < 64 ? word ^ UINT64_C(1) << j :
					    instead[j - 64];
			if (try_words(words, nr))
				nr_refused++;
			else
				nr_taken++;
		}
		words[i] = word;
		/* It ends there, and it is missing. */
		try_words(words, i);
		memmove(words + i, words + i + 1, (nr - i - 1) * sizeof(word));
		try_words(words, nr - 1);
		memmove(words + i + 1, words + i, (nr - i - 1) * sizeof(word));
		words[i] = word;
	}
	assert_false(try_words(words, nr));
	print_message("  %zu words: %llu refused, %llu taken\n", nr,
		      (unsigned long long)nr_refused,
		      (unsigned long long)nr_taken);
	assert_true(nr_refused > nr_taken / 2);
}

/* What mount says of the worst. */
static void expect_refused(const char *what, const uint64_t *words, size_t nr)
{
	struct fs_damage damage;
	struct super_block *image;

	write_words(words, nr);
	assert_int_equal(fs_mount(image_pfn(), NR_PAGES, &image, &damage),
			 -EUCLEAN);
	assert_string_equal(damage.what, what);
}

#define FILE_WORDS(ino, name) RECORD_FILE | 1 << 8, ino, 300, 0, 4, name
#define REFUSED(what, ...) \
	expect_refused(what, (const uint64_t[]){ __VA_ARGS__ }, \
		       sizeof((const uint64_t[]){ __VA_ARGS__ }) / 8)

static void damage_is_named(void **state)
{
	(void)state;
	REFUSED("a record of no known kind", 7);
	REFUSED("the end of a record is missing", FILE_WORDS(1, 'a'), 0, 1);
	REFUSED("two files have one name", FILE_WORDS(1, 'a'), UINT64_MAX,
		FILE_WORDS(2, 'a'), UINT64_MAX);
	REFUSED("a block that is another's, too", FILE_WORDS(1, 'a'),
		0, 2, 4, UINT64_MAX, FILE_WORDS(2, 'b'), 0, 1, 5, UINT64_MAX);
	REFUSED("a block that is another's, too", FILE_WORDS(1, 'a'),
		0, 2, 4, 2, 2, 5, UINT64_MAX);
	REFUSED("blocks outside of the device", FILE_WORDS(1, 'a'), 0, 1,
		NR_PAGES, UINT64_MAX);
	REFUSED("pages of an extent", FILE_WORDS(1, 'a'), 2, 1, 4, 1, 1, 5,
		UINT64_MAX);
	REFUSED("pages of an extent", FILE_WORDS(1, 'a'), 3, 2, 4, UINT64_MAX);
	REFUSED("a file's size or number", FILE_WORDS(0, 'a'), UINT64_MAX);
	REFUSED("a name", FILE_WORDS(1, '/'), UINT64_MAX);
	REFUSED("length of a name", RECORD_FILE, 1, 0, 0, 0, UINT64_MAX);
	REFUSED("a file that was not there is removed", RECORD_REMOVED, 5);
}

/* ---- No memory ---- */

static int64_t allowed;		/* how many allocations succeed; -1: all */

static unsigned int fail_later(void *arg, unsigned int nr, const char *what)
{
	(void)arg;
	(void)nr;
	(void)what;
	if (allowed < 0)
		return 0;
	return allowed-- == 0;
}

static void no_memory(void **state)
{
	struct native_options failing = options;
	struct super_block *mounted;
	struct fs_damage damage;
	struct inode *inode;
	int error = -ENOMEM;
	uint64_t nr = 0;

	(void)state;
	create_a();
	create_b();
	assert_int_equal(fs_unlink(find("b")), 0);
	assert_int_equal(teardown(NULL), 0);

	failing.choose = fail_later;
	failing.device_path = NULL;
	allowed = -1;
	assert_int_equal(native_open(&failing), 0);
	assert_int_equal(fs_format(native_device_pfn(), NR_PAGES), 0);
	sb = mount_pool(native_device_pfn());
	create_a();
	create_b();
	assert_int_equal(fs_unlink(find("b")), 0);
	fs_unmount(sb);
	for (; error; nr++) {
		allowed = (int64_t)nr;
		error = fs_mount(native_device_pfn(), NR_PAGES, &mounted,
				 &damage);
		assert_true(error == 0 || error == -ENOMEM);
		if (error)
			assert_int_equal(native_live_objects(), 0);
	}
	assert_true(nr > 10);
	for (nr = 0; nr < 2; nr++) {
		allowed = (int64_t)nr;
		assert_int_equal(fs_creat(mounted, "c", &inode), -ENOMEM);
	}
	allowed = -1;
	assert_null(fs_lookup(mounted, "c"));
	sb = mounted;
	mm = mm_create("mm");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names),
		TEST(snapshot_always_fits),
		TEST(busy_file),
		TEST(any_word),
		TEST(damage_is_named),
		TEST(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
