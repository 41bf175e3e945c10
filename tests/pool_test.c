/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pool_test.c - in each operation on files the power is cut everywhere, and
 * what is left on the medium opened.
 */
#include "pool.h"

/* ---- What the files are ---- */

#define FILES_MAX 6

struct page_state {
	enum iomap_type type;
	uint64_t block;
	uint64_t hash;
};

struct file_state {
	char name[FS_NAME_MAX + 1];
	uint64_t size;
	struct page_state pages[PAGES_MAX];
};

struct files {
	size_t nr;
	uint64_t nr_free;
	struct file_state file[FILES_MAX];
};

static uint64_t hash_page(const unsigned char *bytes)
{
	uint64_t hash = 14695981039346656037U;

	for (size_t i = 0; i < PAGE; i++)
		hash = (hash ^ bytes[i]) * 1099511628211U;
	return hash;
}

static void describe_page(struct page_state *page, const struct inode *inode,
			  uint64_t pgoff)
{
	uint64_t first_pfn = inode->i_sb->s_dax.first_pfn;
	struct iomap iomap;

	fs_find_iomap(inode, pgoff, &iomap);
	page->type = iomap.type;
	if (iomap.type == IOMAP_HOLE)
		return;
	page->block = iomap.block;
	if (iomap.type == IOMAP_MAPPED)
		page->hash = hash_page(pool_bytes() +
				       byte_of(first_pfn + iomap.block, 0));
}

static void describe(struct files *files, struct super_block *of)
{
	char name[FS_NAME_MAX + 1] = "";

	memset(files, 0, sizeof(*files));
	files->nr_free = of->s_nr_free;
	while (fs_next_name(of, name)) {
		const struct inode *inode = fs_lookup(of, name);
		struct file_state *file = &files->file[files->nr++];

		assert_true(files->nr <= FILES_MAX);
		memcpy(file->name, name, sizeof(name));
		file->size = inode->i_data.i_size;
		for (uint64_t i = 0; i < PAGES_MAX; i++)
			describe_page(&file->pages[i], inode, i);
		assert_true(inode->i_blocks <= PAGES_MAX);
	}
}

/* Names, sizes and blocks; not what is in the blocks. */
static bool same_structure(const struct files *a, const struct files *b)
{
	if (a->nr != b->nr)
		return false;
	for (size_t i = 0; i < a->nr; i++) {
		if (strcmp(a->file[i].name, b->file[i].name) != 0 ||
		    a->file[i].size != b->file[i].size)
			return false;
		for (size_t j = 0; j < PAGES_MAX; j++)
			if (a->file[i].pages[j].type !=
				    b->file[i].pages[j].type ||
			    a->file[i].pages[j].block !=
				    b->file[i].pages[j].block)
				return false;
	}
	return true;
}

/* ---- The power is cut ---- */

#define STEPS_MAX 5

/* What the files were before and after each step. */
struct outcome {
	struct files state[STEPS_MAX + 1];
	size_t nr_states;
	uint64_t nr_matches[STEPS_MAX + 1];
	uint64_t nr_images;
};

/* Return: whether a page had other contents at one time, in the same block. */
static bool is_changed_in_place(const struct outcome *outcome, size_t file,
				size_t page, const struct page_state *was)
{
	const struct page_state *other;
	size_t i;

	for (i = 0; i < outcome->nr_states; i++) {
		if (file >= outcome->state[i].nr)
			continue;
		other = &outcome->state[i].file[file].pages[page];
		if (other->type == was->type && other->block == was->block &&
		    other->hash != was->hash)
			return true;
	}
	return false;
}

/* A page that no step stored to in place has all of its contents. */
static void check_contents(const struct outcome *outcome,
			   const struct files *was, const struct files *found)
{
	for (size_t i = 0; i < was->nr; i++)
		for (size_t j = 0; j < PAGES_MAX; j++) {
			const struct page_state *page = &was->file[i].pages[j];

			if (!is_changed_in_place(outcome, i, j, page))
				assert_int_equal(page->hash,
						 found->file[i].pages[j].hash);
		}
}

/* Life goes on: a file more, and it is there. */
static void use_image(struct super_block *image)
{
	static struct files before, after;
	const struct fs_buffer buffer = { .data = (unsigned char *)"12345678" };
	struct inode *inode;

	assert_int_equal(fs_creat(image, "new", &inode), 0);
	assert_int_equal(fs_write(inode, 0, 8, &buffer), 8);
	assert_int_equal(fs_fsync(inode, 0, 8), 0);
	describe(&before, image);
	fs_unmount(image);
	image = mount_pool(image_pfn());
	describe(&after, image);
	assert_memory_equal(&before, &after, sizeof(after));
	inode = fs_lookup(image, "new");
	assert_int_equal(fs_unlink(inode), 0);
	fs_unmount(image);
}

static void check_image(void *arg, const unsigned char *bytes, bool finished)
{
	static struct files found;
	struct outcome *outcome = arg;
	struct super_block *image;
	size_t i;

	memcpy(image_bytes(), bytes, POOL_BYTES);
	image = mount_pool(image_pfn());
	describe(&found, image);
	assert_int_equal(verify_fs(image), 0);
	/* The last of equal ones, as commits need not change anything. */
	for (i = outcome->nr_states; i > 0; i--)
		if (same_structure(&outcome->state[i - 1], &found))
			break;
	assert_true(i > 0);
	assert_true(!finished || i == outcome->nr_states);
	outcome->nr_matches[i - 1]++;
	check_contents(outcome, &outcome->state[i - 1], &found);
	if (outcome->nr_images++ % 16 == 0 && found.nr < FILES_MAX &&
	    found.nr_free)
		use_image(image);
	else
		fs_unmount(image);
}

/* Cut the power everywhere while these steps are taken; NULL ends them. */
static void cut_power(const char *name, void (*const *steps)(void))
{
	static struct outcome outcome;
	struct power_cut cut;

	memset(&outcome, 0, sizeof(outcome));
	describe(&outcome.state[outcome.nr_states++], sb);
	power_cut_start(&cut, pool_bytes(), POOL_BYTES,
			(size_t)1 << machine_line_shift());
	for (; *steps; steps++) {
		recorder = &cut;
		(*steps)();
		recorder = NULL;
		assert_true(outcome.nr_states <= STEPS_MAX);
		describe(&outcome.state[outcome.nr_states++], sb);
	}
	power_cut_images(&cut, check_image, &outcome);
	print_message("  %s: %llu images%s;", name,
		      (unsigned long long)cut.nr_images,
		      cut.nr_sampled ? ", a choice" : ", all");
	for (size_t i = 0; i < outcome.nr_states; i++)
		print_message(" %llu",
			      (unsigned long long)outcome.nr_matches[i]);
	print_message("\n");
	power_cut_end(&cut);
	assert_string_equal(reports, "");
}

#define CUT_POWER(name, ...) \
	cut_power(name, (void (*const[])(void)){ __VA_ARGS__, NULL })

/* ---- Operations; most are on the file "a" ---- */

static void create_a(void)
{
	make("a");
}

static void create_b(void)
{
	make("b");
}

static void write_a(void)
{
	write_pages("a", 0, 3, 1);
	sync_file("a");
}

static void write_a_far(void)
{
	write_pages("a", 6, 2, 40);
	sync_file("a");
}

static void overwrite_a(void)
{
	write_pages("a", 1, 1, 90);
	sync_file("a");
}

static void write_b(void)
{
	write_pages("b", 0, 2, 7);
}

static void write_a_more(void)
{
	write_pages("a", 9, 1, 60);
}

static void truncate_a(void)
{
	assert_int_equal(fs_truncate(find("a"), 2 * PAGE + 10), 0);
}

static void grow_a(void)
{
	assert_int_equal(fs_truncate(find("a"), 20 * PAGE), 0);
}

static void change_a(enum fs_fallocate_mode mode, uint64_t first, uint64_t nr)
{
	assert_int_equal(fs_fallocate(find("a"), mode, first * PAGE, nr * PAGE),
			 0);
}

static void allocate_a(void)
{
	change_a(FS_ALLOCATE, 10, 5);
}

static void punch_a(void)
{
	change_a(FS_PUNCH_HOLE, 1, 1);
}

static void zero_a(void)
{
	change_a(FS_ZERO_RANGE, 5, 3);
}

static void collapse_a(void)
{
	change_a(FS_COLLAPSE_RANGE, 1, 2);
}

static void insert_a(void)
{
	change_a(FS_INSERT_RANGE, 1, 3);
}

static void rename_a(void)
{
	assert_int_equal(fs_rename(find("a"), "another name, of 3 words"), 0);
}

static void rename_back(void)
{
	assert_int_equal(fs_rename(find("another name, of 3 words"), "a"), 0);
}

static void remove_a(void)
{
	assert_int_equal(fs_unlink(find("a")), 0);
}

static void map_a(unsigned int flags)
{
	assert_int_equal(fs_mmap(mm, find("a"), BASE, 24 * PAGE,
				 PROT_READ | PROT_WRITE, MAP_SHARED | flags, 0),
			 0);
}

static void unmap_a(void)
{
	assert_int_equal(do_munmap(mm, BASE, 24 * PAGE), 0);
}

static void store_a(uint64_t page, uint64_t val)
{
	assert_int_equal(mm_store(mm, BASE + page * PAGE + 16, 8, val), 0);
}

/* A fault allocates: a hole, and an unwritten block. */
static void store_to_hole(void)
{
	store_a(8, 1);
	sync_file("a");
}

static void store_to_unwritten(void)
{
	store_a(12, 2);
	sync_file("a");
}

/* The fault itself commits; a store would come afterwards. */
static void fault_sync(void)
{
	assert_int_equal(madvise_populate(mm, BASE + 17 * PAGE, PAGE,
					  FAULT_FLAG_WRITE), 0);
}

static void fault_on_huge_page(void)
{
	store_a(16, 3);
	sync_file("a");
}

static void each_operation(void **state)
{
	(void)state;
	CUT_POWER("create", create_a);
	CUT_POWER("write to a hole", write_a);
	CUT_POWER("write far behind the end", write_a_far);
	CUT_POWER("overwrite", overwrite_a);
	CUT_POWER("truncate, larger", grow_a, commit);
	CUT_POWER("allocate", allocate_a, commit);
	map_a(0);
	CUT_POWER("fault on a hole", store_to_hole);
	CUT_POWER("fault on an unwritten block", store_to_unwritten);
	CUT_POWER("fault on a huge page of holes", fault_on_huge_page);
	unmap_a();
	CUT_POWER("punch", punch_a, commit);
	CUT_POWER("zero", zero_a, commit);
	CUT_POWER("collapse", collapse_a, commit);
	CUT_POWER("insert", insert_a, commit);
	CUT_POWER("rename", rename_a);
	rename_back();
	CUT_POWER("truncate, smaller", truncate_a, commit);
	CUT_POWER("create another", create_b);
	CUT_POWER("two files at once", write_b, write_a_more, commit);
	CUT_POWER("remove", remove_a);
}

static void map_sync(void **state)
{
	(void)state;
	create_a();
	grow_a();
	commit();
	map_a(MAP_SYNC);
	/* Without any fsync. */
	CUT_POWER("fault of a MAP_SYNC mapping", fault_sync);
	unmap_a();
}

/* ---- Blocks that change hands ---- */

static void fill_b(void)
{
	write_pages("b", 0, sb->s_nr_free, 9);
	assert_int_equal(sb->s_nr_free, 0);
}

/* The device is full, so these are the blocks that "a" had. */
static void write_b_with_freed(void)
{
	uint64_t end = find("b")->i_data.i_size / PAGE;

	write_pages("b", end, 1, 77);
}

static void punch_more_of_a(void)
{
	change_a(FS_PUNCH_HOLE, 2, 1);
}

static void blocks_change_hands(void **state)
{
	(void)state;
	create_a();
	create_b();
	write_a();
	fill_b();
	commit();
	assert_int_equal(fs_commit_frees(sb), 0);
	CUT_POWER("a freed block is reused", punch_a, write_b_with_freed,
		  commit);
	CUT_POWER("a block freed with others", punch_more_of_a,
		  write_b_with_freed, commit);
	fs_truncate(find("b"), PAGE);
	commit();
}

/* ---- The log is full ---- */

static void rename_until_full(void)
{
	const struct log *log = &sb->s_journal->j_log;
	uint64_t area = log->area;

	/* The next record will not fit. */
	while (log_area_bytes(log) - log->tail > 200) {
		rename_a();
		rename_back();
	}
	assert_int_equal(log->area, area);
}

static void log_is_full(void **state)
{
	struct journal *journal = sb->s_journal;
	uint64_t area = journal->j_log.area;
	char name[FS_NAME_MAX + 1];

	(void)state;
	create_a();
	create_b();
	write_a();
	write_b();
	commit();
	rename_until_full();
	memset(name, 'x', FS_NAME_MAX);
	name[FS_NAME_MAX] = '\0';
	assert_int_equal(fs_rename(find("b"), name), 0);
	assert_int_not_equal(journal->j_log.area, area);
	assert_int_equal(fs_rename(find(name), "b"), 0);
	rename_until_full();
	area = journal->j_log.area;
	while (journal->j_log.area == area) {
		CUT_POWER("rename near the end of the log", rename_a);
		if (journal->j_log.area != area)
			break;
		CUT_POWER("rename near the end of the log", rename_back);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_operation),
		TEST(map_sync),
		TEST(blocks_change_hands),
		TEST(log_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
