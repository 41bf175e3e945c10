/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine_fs_test.c - the filesystem of the engine on the native machine, with
 * the sizes of life: against a model that is an array of bytes, and every
 * failure at every place.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fs/extent.h"
#include "machines/native/native.h"

#define PAGE UINT64_C(4096)
#define HUGE UINT64_C(512)		/* pages */
#define RAM_PAGES 4000
#define DEVICE_PAGES 2048
#define BASE (UINT64_C(1) << 40)

static struct super_block *sb;
static struct mm *mm;
static struct inode *file;

static char reports[4096];
static const char *fail_what;		/* NULL: whatever it is */
static int fail_in = -1;		/* choices before one fails */

static void on_report(void *arg, unsigned int oracle, const char *text)
{
	size_t length = strlen(reports);

	(void)arg;
	snprintf(reports + length, sizeof(reports) - length, "O%u: %s\n",
		 oracle, text);
}

static unsigned int choose(void *arg, unsigned int nr, const char *what)
{
	(void)arg;
	(void)nr;
	if (fail_in < 0 || (fail_what && strcmp(what, fail_what)))
		return 0;
	return fail_in-- == 0;
}

static const struct native_options usual = {
	.geometry = NATIVE_GEOMETRY,
	.ram_pages = RAM_PAGES,
	.device_pages = DEVICE_PAGES,
	.on_report = on_report,
	.choose = choose,
};

static int set_up(void **state)
{
	(void)state;
	reports[0] = '\0';
	fail_what = NULL;
	fail_in = -1;
	assert_int_equal(native_open(&usual), 0);
	sb = fs_create(native_device_pfn(), DEVICE_PAGES);
	mm = mm_create("A");
	file = inode_create(sb, "f", 0);
	assert_true(sb && mm && file);
	return 0;
}

static void verify_all(void)
{
	assert_int_equal(verify_fs(sb), 0);
	assert_int_equal(verify_mm(mm), 0);
	assert_string_equal(reports, "");
}

static int tear_down(void **state)
{
	(void)state;
	verify_all();
	exit_mmap(mm);
	inode_destroy(file);
	fs_destroy(sb);
	assert_string_equal(reports, "");
	assert_int_equal(native_live_objects(), 0);
	assert_int_equal(native_live_pages(), 0);
	native_close();
	return 0;
}

static void map_file(unsigned int flags, uint64_t bytes)
{
	assert_int_equal(fs_mmap(mm, file, BASE, bytes, PROT_READ | PROT_WRITE,
				 flags, 0), 0);
}

static int64_t pwrite_byte(uint64_t pos, unsigned char byte)
{
	struct fs_buffer from = { .data = &byte };

	return fs_write(file, pos, 1, &from);
}

static int64_t pread_byte(uint64_t pos)
{
	unsigned char byte = 0;
	struct fs_buffer to = { .data = &byte };
	int64_t ret = fs_read(file, pos, 1, &to);

	return ret == 1 ? byte : ret < 0 ? ret : -1000;
}

static uint64_t load(uint64_t offset)
{
	uint64_t val = 0;

	assert_int_equal(mm_load(mm, BASE + offset, 1, &val), 0);
	return val;
}

static struct iomap where(uint64_t pgoff)
{
	struct iomap iomap;

	fs_find_iomap(file, pgoff, &iomap);
	return iomap;
}

/* ---- Against an array of bytes ---- */

#define MODEL_PAGES 48
#define MODEL_BYTES (MODEL_PAGES * PAGE)

static unsigned char model[2 * MODEL_BYTES];
static bool model_has[2 * MODEL_PAGES];		/* a block */
static uint64_t model_size;
static unsigned char scratch[MODEL_BYTES];

/*
 * An unwritten extent's rest may become mapped, but blocks come only where
 * somebody wants them.
 */
static void model_blocks(uint64_t pos, uint64_t end)
{
	for (uint64_t i = pos / PAGE; i * PAGE < end; i++)
		model_has[i] = true;
}

static void model_resize(uint64_t size)
{
	memset(model + size, 0, sizeof(model) - size);
	model_size = size;
}

static void model_write(uint64_t pos, uint64_t bytes)
{
	struct fs_buffer from = { .data = scratch };

	for (uint64_t i = 0; i < bytes; i++)
		scratch[i] = (unsigned char)random();
	assert_int_equal(fs_write(file, pos, bytes, &from), bytes);
	memcpy(model + pos, scratch, bytes);
	model_blocks(pos, pos + bytes);
	if (pos + bytes > model_size)
		model_size = pos + bytes;
}

static void model_read(uint64_t pos, uint64_t bytes)
{
	struct fs_buffer to = { .data = scratch };
	uint64_t want = 0;

	if (pos < model_size)
		want = bytes < model_size - pos ? bytes : model_size - pos;
	assert_int_equal(fs_read(file, pos, bytes, &to), want);
	assert_memory_equal(scratch, model + pos, want);
}

static void model_truncate(uint64_t size)
{
	assert_int_equal(fs_truncate(file, size), 0);
	if (size <= model_size)
		for (uint64_t i = 0; i < MODEL_PAGES; i++)
			model_has[i] &= i * PAGE < size;
	model_resize(size);
}

static void model_allocate(uint64_t pos, uint64_t bytes)
{
	assert_int_equal(fs_fallocate(file, FS_ALLOCATE, pos, bytes), 0);
	model_blocks(pos, pos + bytes);
	if (pos + bytes > model_size)
		model_size = pos + bytes;
}

static void model_punch(uint64_t pos, uint64_t bytes)
{
	uint64_t end = pos + bytes;

	assert_int_equal(fs_fallocate(file, FS_PUNCH_HOLE, pos, bytes), 0);
	if (pos >= model_size)
		return;
	if (end > model_size)
		end = model_size / PAGE * PAGE + PAGE;
	memset(model + pos, 0, end - pos);
	for (uint64_t i = (pos + PAGE - 1) / PAGE; (i + 1) * PAGE <= end; i++)
		model_has[i] = false;
}

static void model_zero(uint64_t pos, uint64_t bytes)
{
	assert_int_equal(fs_fallocate(file, FS_ZERO_RANGE, pos, bytes), 0);
	memset(model + pos, 0, bytes);
	model_blocks(pos, pos + bytes);
	if (pos + bytes > model_size)
		model_size = pos + bytes;
}

static void model_collapse(uint64_t first, uint64_t nr)
{
	int want = (first + nr) * PAGE < model_size ? 0 : -EINVAL;

	assert_int_equal(fs_fallocate(file, FS_COLLAPSE_RANGE, first * PAGE,
				      nr * PAGE), want);
	if (want)
		return;
	memmove(model + first * PAGE, model + (first + nr) * PAGE,
		sizeof(model) - (first + nr) * PAGE);
	memmove(model_has + first, model_has + first + nr,
		2 * MODEL_PAGES - first - nr);
	model_resize(model_size - nr * PAGE);
}

static void model_insert(uint64_t first, uint64_t nr)
{
	int want = first * PAGE < model_size ? 0 : -EINVAL;

	if (model_size + nr * PAGE > MODEL_BYTES)
		return;
	assert_int_equal(fs_fallocate(file, FS_INSERT_RANGE, first * PAGE,
				      nr * PAGE), want);
	if (want)
		return;
	memmove(model + (first + nr) * PAGE, model + first * PAGE,
		MODEL_BYTES - (first + nr) * PAGE);
	memset(model + first * PAGE, 0, nr * PAGE);
	memmove(model_has + first + nr, model_has + first,
		MODEL_PAGES - first - nr);
	memset(model_has + first, 0, nr);
	model_size += nr * PAGE;
}

/* A store behind the end, in the last page, is no data. */
static void model_store(uint64_t pos)
{
	unsigned char byte = (unsigned char)random();
	uint64_t pages_end = (model_size + PAGE - 1) / PAGE * PAGE;

	assert_int_equal(mm_store(mm, BASE + pos, 1, byte),
			 pos < pages_end ? 0 : -EBUS);
	if (pos < pages_end)
		model_has[pos / PAGE] = true;
	if (pos < model_size)
		model[pos] = byte;
}

static void model_load(uint64_t pos)
{
	uint64_t val = 0;

	if (pos >= model_size)
		return;
	assert_int_equal(mm_load(mm, BASE + pos, 1, &val), 0);
	assert_int_equal(val, model[pos]);
}

static void model_step(void)
{
	uint64_t pos = (uint64_t)random() % (MODEL_BYTES - 1);
	uint64_t bytes = 1 + (uint64_t)random() % (MODEL_BYTES - pos);
	uint64_t first = pos / PAGE;
	uint64_t nr = 1 + bytes / PAGE / 4;

	if (random() % 2)
		bytes = 1 + bytes % 6000 % (MODEL_BYTES - pos);
	if (random() % 3 == 0)
		pos &= ~(PAGE - 1);
	switch (random() % 12) {
	case 0:
		return model_truncate(random() % 2 ? pos : first * PAGE);
	case 1:
		return model_allocate(pos, bytes);
	case 2:
		return model_punch(pos, bytes);
	case 3:
		return model_zero(pos, bytes);
	case 4:
		return model_collapse(first, nr);
	case 5:
		return model_insert(first, nr);
	case 6:
		return model_write(pos, bytes);
	case 7:
		return model_read(pos, bytes);
	case 8:
		assert_int_equal(fs_fsync(file, pos, bytes), 0);
		return;
	case 9:
		return model_load(pos);
	}
	model_store(pos);
}

static void random_operations(void **state)
{
	(void)state;
	srandom(7);
	model_size = 0;
	map_file(MAP_SHARED, MODEL_BYTES);
	for (int round = 0; round < 20000; round++) {
		uint64_t nr_blocks = 0;

		model_step();
		for (int i = 0; i < MODEL_PAGES; i++)
			nr_blocks += model_has[i];
		assert_int_equal(file->i_blocks, nr_blocks);
		assert_int_equal(i_size_read(&file->i_data), model_size);
		if (round % 16 == 0) {
			model_read(0, MODEL_BYTES);
			verify_all();
		}
	}
}

/* ---- The allocator ---- */

/* Lowest first, a huge page for each of the file's, and then what is left. */
static void blocks_are_lowest(void **state)
{
	struct inode *other = inode_create(sb, "g", 0);
	struct iomap iomap;

	(void)state;
	assert_int_equal(fs_fallocate(file, FS_ALLOCATE, 5 * PAGE, PAGE), 0);
	assert_int_equal(where(5).block, 5);
	assert_int_equal(fs_fallocate(other, FS_ALLOCATE, 0, PAGE), 0);
	fs_find_iomap(other, 0, &iomap);
	assert_int_equal(iomap.block, HUGE);
	assert_int_equal(fs_fallocate(file, FS_ALLOCATE, 0, HUGE * PAGE), 0);
	assert_int_equal(where(0).block, 0);
	assert_int_equal(where(0).nr_pages, HUGE);
	assert_int_equal(fs_fallocate(file, FS_ALLOCATE, HUGE * PAGE,
				      2 * HUGE * PAGE), 0);
	assert_int_equal(where(HUGE).block, 2 * HUGE);
	/* No huge page is left: first fit, in front of the other's. */
	assert_int_equal(fs_fallocate(file, FS_ALLOCATE, 3 * HUGE * PAGE,
				      3 * PAGE), 0);
	assert_int_equal(where(3 * HUGE).block, HUGE + 1);
	assert_int_equal(fs_fallocate(file, FS_ALLOCATE, 4 * HUGE * PAGE,
				      HUGE * PAGE), -ENOSPC);
	assert_int_equal(sb->s_nr_free, 0);
	assert_int_equal(pwrite_byte(6 * HUGE * PAGE, 1), -ENOSPC);
	verify_all();
	/* Not so many in a row. */
	assert_int_equal(fs_fallocate(file, FS_PUNCH_HOLE, PAGE, PAGE), 0);
	assert_int_equal(fs_fallocate(file, FS_PUNCH_HOLE, 3 * PAGE, PAGE), 0);
	assert_int_equal(fs_fallocate(other, FS_ALLOCATE, 9 * PAGE, 2 * PAGE),
			 0);
	assert_int_equal(sb->s_nr_free, 0);
	inode_destroy(other);
}

static void random_allocations(void **state)
{
	struct inode *inodes[4];

	(void)state;
	srandom(8);
	for (int i = 0; i < 4; i++)
		inodes[i] = inode_create(sb, "g", 0);
	for (int round = 0; round < 4000; round++) {
		struct inode *inode = inodes[random() % 4];
		uint64_t pos = (uint64_t)random() % (3 * HUGE) * PAGE;
		uint64_t bytes = (1 + (uint64_t)random() %
				  (random() % 4 ? 20 : 700)) * PAGE;
		uint64_t owned = 0;
		int error;

		error = fs_fallocate(inode, random() % 2 ? FS_ALLOCATE :
						FS_PUNCH_HOLE, pos, bytes);
		for (int i = 0; i < 4; i++)
			owned += inodes[i]->i_blocks;
		assert_int_equal(owned + sb->s_nr_free, DEVICE_PAGES);
		assert_true(!error || (error == -ENOSPC && !sb->s_nr_free));
		if (round % 16 == 0)
			verify_all();
	}
	for (int i = 0; i < 4; i++)
		inode_destroy(inodes[i]);
	assert_int_equal(sb->s_nr_free, DEVICE_PAGES);
}

/* ---- A commit ---- */

static int commit_error;
static int nr_commits;

static int on_commit(struct super_block *of)
{
	assert_ptr_equal(of, sb);
	nr_commits++;
	return commit_error;
}

/* What was freed is used again only after a commit, and then at once. */
static void freed_blocks_wait_for_commit(void **state)
{
	uint64_t val;

	(void)state;
	sb->s_commit = on_commit;
	nr_commits = 0;
	commit_error = 0;
	assert_int_equal(fs_fallocate(file, FS_ALLOCATE, 0,
				      DEVICE_PAGES * PAGE), 0);
	assert_int_equal(fs_fallocate(file, FS_PUNCH_HOLE, PAGE, PAGE), 0);
	assert_int_equal(sb->s_nr_free, 0);
	assert_int_equal(nr_commits, 0);
	verify_all();
	assert_int_equal(pwrite_byte(PAGE, 9), 1);
	assert_int_equal(nr_commits, 1);
	assert_int_equal(fs_fallocate(file, FS_PUNCH_HOLE, PAGE, PAGE), 0);
	assert_int_equal(fs_fallocate(file, FS_ALLOCATE, PAGE, PAGE), 0);
	assert_int_equal(nr_commits, 2);
	assert_int_equal(fs_fallocate(file, FS_PUNCH_HOLE, PAGE, PAGE), 0);
	map_file(MAP_SHARED, 16 * PAGE);
	assert_int_equal(mm_store(mm, BASE + PAGE, 1, 5), 0);
	assert_int_equal(nr_commits, 3);
	assert_int_equal(mm_load(mm, BASE + PAGE, 1, &val), 0);
	assert_int_equal(val, 5);

	assert_int_equal(fs_fallocate(file, FS_PUNCH_HOLE, 0, PAGE), 0);
	commit_error = -EIO;
	assert_int_equal(pwrite_byte(0, 9), -EIO);
	assert_int_equal(fs_fallocate(file, FS_ALLOCATE, 0, PAGE), -EIO);
	assert_int_equal(mm_store(mm, BASE, 1, 5), -EBUS);
	assert_int_equal(fs_fsync(file, 0, UINT64_MAX), -EIO);
	commit_error = 0;
	assert_int_equal(fs_fsync(file, 0, UINT64_MAX), 0);
	assert_int_equal(sb->s_nr_free, 1);
	nr_commits = 0;
	assert_int_equal(fs_fsync(file, 0, UINT64_MAX), 0);
	assert_int_equal(nr_commits, 0);
}

/* MAP_SYNC: a commit before a new block can be stored to, none afterwards. */
static void sync_fault_commits(void **state)
{
	(void)state;
	sb->s_commit = on_commit;
	commit_error = 0;
	nr_commits = 0;
	assert_int_equal(fs_fallocate(file, FS_ALLOCATE, 0, 64 * PAGE), 0);
	map_file(MAP_SHARED | MAP_SYNC, 64 * PAGE);
	assert_int_equal(mm_store(mm, BASE, 1, 1), 0);
	assert_int_equal(nr_commits, 1);
	assert_int_equal(fs_fsync(file, 0, UINT64_MAX), 0);
	assert_int_equal(mm_store(mm, BASE, 1, 2), 0);
	assert_int_equal(nr_commits, 1);
	commit_error = -EIO;
	assert_int_equal(mm_store(mm, BASE + 32 * PAGE, 1, 2), -EBUS);
	commit_error = 0;
	assert_int_equal(mm_store(mm, BASE + 32 * PAGE, 1, 2), 0);
	assert_int_equal(load(32 * PAGE), 2);
}

/* ---- Errors ---- */

static void wrong_use(void **state)
{
	(void)state;
	assert_int_equal(fs_truncate(file, 10 * PAGE), 0);
	assert_int_equal(fs_truncate(file, FS_MAX_BYTES + 1), -EFBIG);
	assert_int_equal(fs_fallocate(file, FS_ALLOCATE, 0, 0), -EINVAL);
	assert_int_equal(fs_fallocate(file, (enum fs_fallocate_mode)99, 0, 1),
			 -EINVAL);
	assert_int_equal(fs_fallocate(file, FS_ALLOCATE, FS_MAX_BYTES, 1),
			 -EFBIG);
	assert_int_equal(fs_fallocate(file, FS_COLLAPSE_RANGE, 1, PAGE),
			 -EINVAL);
	assert_int_equal(fs_fallocate(file, FS_COLLAPSE_RANGE, 9 * PAGE, PAGE),
			 -EINVAL);
	assert_int_equal(fs_fallocate(file, FS_INSERT_RANGE, 0, 7), -EINVAL);
	assert_int_equal(fs_fallocate(file, FS_INSERT_RANGE, 10 * PAGE, PAGE),
			 -EINVAL);
	assert_int_equal(fs_fallocate(file, FS_INSERT_RANGE, 0,
				      FS_MAX_BYTES - PAGE), -EFBIG);
	assert_int_equal(pwrite_byte(FS_MAX_BYTES, 1), -EFBIG);
	assert_int_equal(fs_write(file, 0, 0, NULL), 0);
	assert_int_equal(pread_byte(10 * PAGE), -1000);
	/* An extent behind the end cannot move out of the largest file. */
	assert_int_equal(inode_add_extent(file, FS_MAX_BYTES / PAGE - 1, 1,
					  IOMAP_MAPPED, 7), 0);
	assert_int_equal(inode_add_extent(file, 3, 1, IOMAP_MAPPED, 7),
			 -EEXIST);
	assert_int_equal(fs_fallocate(file, FS_INSERT_RANGE, 0, PAGE), -EFBIG);
}

/* What is tried again and again, each time with another failure. */
static int do_step(int step)
{
	static unsigned char bytes[3 * PAGE];
	struct fs_buffer from = { .data = bytes };
	struct fs_buffer mapped = { .mm = mm, .addr = BASE + 8 * PAGE };
	struct inode *inode;
	int64_t done;

	switch (step) {
	case 0:
		return fs_fallocate(file, FS_ALLOCATE, 100, 20 * PAGE);
	case 1:
		done = fs_write(file, 6 * PAGE + 5, sizeof(bytes), &from);
		return done < 0 ? (int)done : 0;
	case 2:
		return mm_store(mm, BASE + 3 * PAGE, 8, 4);
	case 3:
		return fs_fallocate(file, FS_PUNCH_HOLE, 7 * PAGE, PAGE);
	case 4:
		done = fs_write(file, 40 * PAGE, 2 * PAGE, &mapped);
		return done < 0 ? (int)done : 0;
	case 5:
		return fs_fallocate(file, FS_ZERO_RANGE, PAGE + 1, 9 * PAGE);
	case 6:
		return fs_fallocate(file, FS_COLLAPSE_RANGE, 2 * PAGE, PAGE);
	case 7:
		return fs_fallocate(file, FS_INSERT_RANGE, 2 * PAGE, PAGE);
	case 8:
		done = fs_read(file, 5, 2 * PAGE, &mapped);
		return done < 0 ? (int)done : 0;
	case 9:
		return fs_truncate(file, 5 * PAGE + 1);
	case 10:
		inode = inode_create(sb, "g", 1);
		if (!inode)
			return -ENOMEM;
		done = inode_add_extent(inode, 0, 1, IOMAP_MAPPED, 900);
		inode_destroy(inode);
		return (int)done;
	}
	return 1;
}

static void every_failure(void **state)
{
	int nr_failures = 0;
	int step, error;

	(void)state;
	map_file(MAP_SHARED, 64 * PAGE);
	assert_int_equal(fs_truncate(file, 30 * PAGE), 0);
	for (step = 0; do_step(step) != 1; step++) {
		for (int nr = 0;; nr++) {
			/* The same start each time. */
			assert_int_equal(fs_truncate(file, 0), 0);
			assert_int_equal(fs_truncate(file, 30 * PAGE), 0);
			for (int i = 0; i < step; i++)
				assert_int_equal(do_step(i), 0);
			fail_in = nr;
			error = do_step(step);
			verify_all();
			if (fail_in >= 0)
				break;
			assert_true(error == 0 || error == -ENOMEM ||
				    error == -EIO || error == -EFAULT ||
				    error == -EBUS);
			nr_failures++;
			/* Nothing stands in the way of another try. */
			fail_in = -1;
			assert_int_equal(do_step(step), 0);
			verify_all();
		}
		fail_in = -1;
		assert_int_equal(error, 0);
	}
	assert_true(nr_failures > 30);
}

static void no_filesystem(void **state)
{
	int nr;

	(void)state;
	for (nr = 0; nr < 3; nr++) {
		fail_in = nr;
		assert_null(fs_create(native_device_pfn(), DEVICE_PAGES));
	}
	fail_in = -1;
}

static void poisoned_page(void **state)
{
	static unsigned char bytes[3 * PAGE];
	struct fs_buffer buffer = { .data = bytes };

	(void)state;
	assert_int_equal(native_poison(native_device_pfn() + 1), 0);
	assert_int_equal(inode_add_extent(file, 0, 3, IOMAP_MAPPED, 0), 0);
	assert_int_equal(fs_truncate(file, 2 * PAGE - 5), 0);
	assert_int_equal(fs_read(file, 0, 3 * PAGE, &buffer), PAGE);
	assert_int_equal(fs_read(file, PAGE, PAGE, &buffer), -EIO);
	assert_int_equal(fs_write(file, 0, 3 * PAGE, &buffer), PAGE);
	assert_int_equal(fs_write(file, PAGE, 1, &buffer), -EIO);
	assert_int_equal(fs_truncate(file, 3 * PAGE), -EIO);
	assert_int_equal(pwrite_byte(3 * PAGE, 1), -EIO);
	assert_int_equal(fs_fallocate(file, FS_ALLOCATE, 3 * PAGE, 1), -EIO);
	assert_int_equal(fs_fallocate(file, FS_ZERO_RANGE, 3 * PAGE, 1), -EIO);
	assert_int_equal(fs_fallocate(file, FS_PUNCH_HOLE, PAGE + 1, 1), -EIO);
	assert_int_equal(fs_fallocate(file, FS_ZERO_RANGE, PAGE + 1, 1), -EIO);
	assert_int_equal(fs_truncate(file, PAGE + 1), 0);
	/* The block goes with the page. */
	assert_int_equal(fs_fallocate(file, FS_PUNCH_HOLE, PAGE, PAGE), 0);
	assert_int_equal(where(1).type, IOMAP_HOLE);
}

/* ---- Buffers that are mapped ---- */

static void buffer_of_the_same_file(void **state)
{
	struct fs_buffer buffer = { .mm = mm, .addr = BASE + 3 };

	(void)state;
	assert_int_equal(fs_truncate(file, 8 * PAGE), 0);
	for (unsigned int i = 0; i < 2 * PAGE; i += 97)
		assert_int_equal(pwrite_byte(i, (unsigned char)(i / 97)), 1);
	map_file(MAP_SHARED, 8 * PAGE);
	assert_int_equal(fs_write(file, 4 * PAGE + 1, 2 * PAGE - 3, &buffer),
			 2 * PAGE - 3);
	for (unsigned int i = 97; i < 2 * PAGE; i += 97)
		assert_int_equal(load(4 * PAGE + 1 + i - 3),
				 (unsigned char)(i / 97));
	/* It ends in front of what is not mapped. */
	buffer.addr = BASE + 7 * PAGE;
	assert_int_equal(fs_write(file, 20 * PAGE, 2 * PAGE, &buffer), PAGE);
	assert_int_equal(i_size_read(&file->i_data), 21 * PAGE);
	assert_int_equal(where(21).type, IOMAP_HOLE);
	assert_int_equal(fs_read(file, 0, 2 * PAGE, &buffer), PAGE);
	buffer.addr = BASE + 8 * PAGE;
	assert_int_equal(fs_write(file, 30 * PAGE, PAGE, &buffer), -EFAULT);
	assert_int_equal(i_size_read(&file->i_data), 21 * PAGE);
	assert_int_equal(where(30).type, IOMAP_HOLE);
	assert_int_equal(fs_read(file, 0, PAGE, &buffer), -EFAULT);
}

/* ---- What the others see ---- */

/* A page of an unwritten extent is written, and its neighbour zeroed. */
static void neighbour_is_zeroed(void **state)
{
	(void)state;
	assert_int_equal(fs_fallocate(file, FS_ALLOCATE, 0, 8 * PAGE), 0);
	map_file(MAP_SHARED, 8 * PAGE);
	assert_int_equal(load(PAGE), 0);
	assert_int_equal(mm_store(mm, BASE, 1, 1), 0);
	assert_int_equal(where(0).type, IOMAP_MAPPED);
	assert_int_equal(where(0).nr_pages, 8);
	verify_all();
	assert_int_equal(pwrite_byte(PAGE, 7), 1);
	assert_int_equal(load(PAGE), 7);
}

/* Not if it is long, up to a point; and joined to what is mapped. */
static void long_rest_stays_unwritten(void **state)
{
	(void)state;
	assert_int_equal(fs_fallocate(file, FS_ALLOCATE, 0, 64 * PAGE), 0);
	assert_int_equal(pwrite_byte(0, 1), 1);
	assert_int_equal(where(0).nr_pages, 1);
	assert_int_equal(pwrite_byte(PAGE, 1), 1);
	assert_int_equal(where(0).nr_pages, 2);
	/* Three in front are zeroed, but not nine. */
	assert_int_equal(pwrite_byte(5 * PAGE, 1), 1);
	assert_int_equal(where(0).nr_pages, 6);
	assert_int_equal(pwrite_byte(15 * PAGE, 1), 1);
	assert_int_equal(where(6).type, IOMAP_UNWRITTEN);
	assert_int_equal(where(6).nr_pages, 9);
	assert_int_equal(pwrite_byte(57 * PAGE, 1), 1);
	assert_int_equal(where(57).nr_pages, 7);
	/* Behind the end of the file nothing is zeroed. */
	assert_int_equal(fs_truncate(file, 0), 0);
	assert_int_equal(inode_add_extent(file, 0, 4, IOMAP_UNWRITTEN, 0), 0);
	assert_int_equal(pwrite_byte(0, 1), 1);
	assert_int_equal(where(0).nr_pages, 1);
}

static void *truncate_thread(void *arg)
{
	*(int *)arg = fs_truncate(file, 0);
	return NULL;
}

/* A truncate waits for every pin, and takes nothing before. */
static void truncate_waits_for_pins(void **state)
{
	pthread_t thread;
	uint64_t pfn[2];
	int error = 1;

	(void)state;
	assert_int_equal(fs_truncate(file, 4 * PAGE), 0);
	map_file(MAP_SHARED, 4 * PAGE);
	assert_int_equal(pin_user_page(mm, BASE, FAULT_FLAG_WRITE, &pfn[0]),
			 0);
	assert_int_equal(pin_user_page(mm, BASE + 2 * PAGE, FAULT_FLAG_WRITE,
				       &pfn[1]), 0);
	assert_int_equal(pthread_create(&thread, NULL, truncate_thread,
					&error), 0);
	for (int i = 0; i < 2; i++) {
		machine_data_store(pfn[i], 0, 8, 77);
		unpin_user_page(pfn[i]);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(error, 0);
	assert_int_equal(file->i_blocks, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(random_operations),
		TEST(blocks_are_lowest),
		TEST(random_allocations),
		TEST(freed_blocks_wait_for_commit),
		TEST(sync_fault_commits),
		TEST(wrong_use),
		TEST(every_failure),
		TEST(no_filesystem),
		TEST(poisoned_page),
		TEST(buffer_of_the_same_file),
		TEST(neighbour_is_zeroed),
		TEST(long_rest_stays_unwritten),
		TEST(truncate_waits_for_pins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
