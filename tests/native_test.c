/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * native_test.c - every function of machine.h, on the native machine.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "internal.h"
#include "native.h"

#define RAM_PAGES 100
#define DEVICE_PAGES 1024
#define PAGE 4096
#define HUGE_PAGE (512 * PAGE)
#define MANY 100000

static char last_report[256];
static unsigned int last_oracle;
static const char *last_trace;
static uint64_t last_trace_sum;

static void on_report(void *arg, unsigned int oracle, const char *text)
{
	(void)arg;
	last_oracle = oracle;
	snprintf(last_report, sizeof(last_report), "%s", text);
}

static void on_trace(void *arg, const char *name, uint64_t a, uint64_t b)
{
	*(unsigned int *)arg += 1;
	last_trace = name;
	last_trace_sum = a + b;
}

static unsigned int choose_nr(void *arg, unsigned int nr, const char *what)
{
	(void)arg;
	(void)what;
	return nr;
}

static unsigned int choose_last(void *arg, unsigned int nr, const char *what)
{
	(void)arg;
	(void)what;
	return nr - 1;
}

static unsigned int callbacks;

static const struct native_options usual = {
	.geometry = NATIVE_GEOMETRY,
	.ram_pages = RAM_PAGES,
	.device_pages = DEVICE_PAGES,
	.on_report = on_report,
	.on_trace = on_trace,
	.arg = &callbacks,
};

static int open_machine(void **state)
{
	(void)state;
	last_report[0] = '\0';
	last_oracle = 0;
	return native_open(&usual);
}

static int close_machine(void **state)
{
	(void)state;
	native_close();
	return 0;
}

static void sleep_ms(long ms)
{
	struct timespec time = { .tv_nsec = ms * 1000000 };

	nanosleep(&time, NULL);
}

static pthread_t start(void *(*function)(void *), void *arg)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, function, arg), 0);
	return thread;
}

static void join(pthread_t thread)
{
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* Whether function() ends in machine_bug(); it runs in a child. */
static bool is_bug(void (*function)(void))
{
	const struct rlimit no_core = { 0, 0 };
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		setrlimit(RLIMIT_CORE, &no_core);
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		function();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

/* Opening. */

static void open_refuses(void **state)
{
	struct native_options bad = usual;

	(void)state;
	assert_int_equal(native_open(&usual), -EBUSY);
	native_close();
	native_close();

	bad.ram_pages = 0;
	assert_int_equal(native_open(&bad), -EINVAL);
	bad = usual;
	bad.geometry.tree_bits = 2;
	assert_int_equal(native_open(&bad), -EINVAL);
	bad = usual;
	bad.ram_pages = (uint64_t)1 << 50;
	assert_int_equal(native_open(&bad), -ENOMEM);
	bad = usual;
	bad.device_path = "/nonexistent";
	assert_int_equal(native_open(&bad), -ENOENT);
}

static void device_is_a_file(void **state)
{
	char path[] = "/tmp/native_test.XXXXXX";
	struct native_options options = usual;
	uint64_t word = 0;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	native_close();
	options.device_path = path;
	assert_int_equal(native_open(&options), -ENOSPC);
	assert_int_equal(ftruncate(fd, (off_t)DEVICE_PAGES * PAGE), 0);
	assert_int_equal(native_open(&options), 0);
	machine_data_store(native_device_pfn() + 3, 16, 8, 0x1234);
	native_close();
	assert_int_equal(pread(fd, &word, sizeof(word), 3 * PAGE + 16),
			 sizeof(word));
	assert_int_equal(word, 0x1234);

	assert_int_equal(native_open(&options), 0);
	assert_int_equal(machine_data_load(native_device_pfn() + 3, 16, 8),
			 0x1234);
	close(fd);
	unlink(path);
}

/* The linker puts this in place of msync(2), see Makefile. */
static struct {
	char *start;
	size_t bytes;
	unsigned int nr;
	int error;
} msynced;

int __wrap_msync(void *start, size_t bytes, int flags);
int __wrap_msync(void *start, size_t bytes, int flags)
{
	assert_int_equal(flags, MS_SYNC);
	msynced.start = start;
	msynced.bytes = bytes;
	msynced.nr++;
	errno = msynced.error;
	return msynced.error ? -1 : 0;
}

static void open_file(struct native_options *options)
{
	char path[] = "/tmp/native_test.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)DEVICE_PAGES * PAGE), 0);
	options->device_path = path;
	assert_int_equal(native_open(options), 0);
	options->device_path = NULL;
	close(fd);
	unlink(path);
}

/* A file is synced by whole pages; memory of our own has no medium. */
static void written_back(void **state)
{
	struct native_options options = usual;
	const char *device;

	(void)state;
	assert_int_equal(machine_line_shift(), 6);
	memset(&msynced, 0, sizeof(msynced));
	machine_cache_writeback(native_device_pfn(), 0, PAGE);
	assert_int_equal(msynced.nr, 0);
	native_close();

	open_file(&options);
	device = native_device_data();
	machine_cache_writeback(native_device_pfn() + 2, 8, 8);
	assert_int_equal(msynced.nr, 1);
	assert_ptr_equal(msynced.start, device + 2 * PAGE);
	assert_int_equal(msynced.bytes, 16);
	machine_cache_writeback(native_device_pfn() + 1, 0, 3 * PAGE);
	assert_int_equal(msynced.nr, 2);
	assert_ptr_equal(msynced.start, device + PAGE);
	assert_int_equal(msynced.bytes, 3 * PAGE);
	assert_int_equal(native_reports(5), 0);
	msynced.error = EIO;
	machine_cache_writeback(native_device_pfn(), 0, 1);
	assert_int_equal(native_reports(5), 1);
	assert_string_equal(last_report, "msync: Input/output error");
}

static void write_back_ram(void)
{
	machine_cache_writeback(machine_page_alloc(MACHINE_PAGE_DATA), 0, 8);
}

static void write_back_too_much(void)
{
	machine_cache_writeback(native_device_pfn() + DEVICE_PAGES - 1, 8,
				PAGE);
}

static void written_back_wrong(void **state)
{
	(void)state;
	assert_true(is_bug(write_back_ram));
	assert_true(is_bug(write_back_too_much));
}

/* Whatever instruction this CPU has, the bytes stay as they are. */
static void lines_written_back(void **state)
{
	static unsigned char bytes[1000];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
#ifdef __x86_64__
	assert_true(native_write_lines_back(bytes + 7, 900));
#else
	assert_false(native_write_lines_back(bytes + 7, 900));
#endif
	for (size_t i = 0; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], (unsigned char)i);
}

static struct {
	uint64_t pfn;
	size_t offset;
	size_t bytes;
	unsigned int nr;
} told_store, told_writeback;

static void on_store(void *arg, uint64_t pfn, size_t offset, size_t bytes)
{
	assert_ptr_equal(arg, &callbacks);
	told_store.pfn = pfn;
	told_store.offset = offset;
	told_store.bytes = bytes;
	told_store.nr++;
}

static void on_writeback(void *arg, uint64_t pfn, size_t offset, size_t bytes)
{
	assert_ptr_equal(arg, &callbacks);
	told_writeback.pfn = pfn;
	told_writeback.offset = offset;
	told_writeback.bytes = bytes;
	told_writeback.nr++;
}

/* Of each word of the device, and of nothing else. */
static void watchers_are_told(void **state)
{
	struct native_options options = usual;
	uint64_t pfn = native_device_pfn() + 2;
	uint64_t copy;

	(void)state;
	native_close();
	options.on_store = on_store;
	options.on_writeback = on_writeback;
	memset(&told_store, 0, sizeof(told_store));
	memset(&told_writeback, 0, sizeof(told_writeback));
	assert_int_equal(native_open(&options), 0);
	machine_data_store(pfn, 12, 4, 1);
	assert_int_equal(told_store.nr, 1);
	assert_int_equal(told_store.pfn, pfn);
	assert_int_equal(told_store.offset, 12);
	assert_int_equal(told_store.bytes, 4);
	machine_data_clear(pfn);
	assert_int_equal(told_store.nr, 1 + PAGE / 8);
	assert_int_equal(told_store.offset, PAGE - 8);
	copy = machine_page_alloc(MACHINE_PAGE_DATA);
	machine_data_copy(copy, pfn);
	assert_int_equal(told_store.nr, 1 + PAGE / 8);
	machine_data_copy(pfn, copy);
	assert_int_equal(told_store.nr, 1 + PAGE / 4);
	machine_page_free(copy);
	assert_int_equal(told_writeback.nr, 0);
	machine_cache_writeback(pfn, 64, 2 * PAGE);
	assert_int_equal(told_writeback.nr, 1);
	assert_int_equal(told_writeback.pfn, pfn);
	assert_int_equal(told_writeback.offset, 64);
	assert_int_equal(told_writeback.bytes, 2 * PAGE);
}

static void geometry_is_told(void **state)
{
	(void)state;
	assert_memory_equal(machine_geometry(), &usual.geometry,
			    sizeof(usual.geometry));
	assert_int_equal(native_device_pfn() % 512, 0);
	assert_true(native_device_pfn() > RAM_PAGES);
}

/* Words. */

static void words(void **state)
{
	uint64_t word = 1;
	uint64_t expected = 5;

	(void)state;
	machine_store(&word, 2);
	assert_int_equal(machine_load(&word), 2);
	assert_int_equal(machine_xchg(&word, 3), 2);
	assert_false(machine_cmpxchg(&word, &expected, 4));
	assert_int_equal(expected, 3);
	assert_true(machine_cmpxchg(&word, &expected, 4));
	machine_add(&word, -5);
	assert_true(machine_load(&word) == UINT64_MAX);
	machine_add(&word, 2);
	assert_int_equal(machine_load(&word), 1);
}

static void pt_words(void **state)
{
	uint64_t pfn = machine_page_alloc(MACHINE_PAGE_TABLE);
	uint64_t *entry = machine_page_words(pfn) + 511;
	uint64_t expected = 5;

	(void)state;
	assert_int_equal(machine_pt_load(entry), 0);
	machine_pt_store(entry, 2);
	assert_int_equal(machine_pt_xchg(entry, 3), 2);
	assert_false(machine_pt_cmpxchg(entry, &expected, 4));
	assert_int_equal(expected, 3);
	assert_true(machine_pt_cmpxchg(entry, &expected, 4));
	assert_int_equal(machine_pt_load(entry), 4);
	machine_page_free(pfn);
}

/* Wait for another thread to come here as well: two then run at once. */
static void meet(void)
{
	static uint64_t nr_here;
	uint64_t last = __atomic_add_fetch(&nr_here, 1, __ATOMIC_SEQ_CST);

	last += last % 2;
	while (machine_load(&nr_here) < last)
		sched_yield();
}

static uint64_t shared_word;

static void *add_many(void *arg)
{
	(void)arg;
	meet();
	for (int i = 0; i < 20 * MANY; i++)
		machine_add(&shared_word, 1);
	return NULL;
}

static void adds_are_not_lost(void **state)
{
	pthread_t other;

	(void)state;
	shared_word = 0;
	other = start(add_many, NULL);
	add_many(NULL);
	join(other);
	assert_int_equal(machine_load(&shared_word), 40 * MANY);
}

/* Pages and their data. */

static void data_of_each_size(void **state)
{
	uint64_t pfn = machine_page_alloc(MACHINE_PAGE_DATA);
	uint64_t copy = machine_page_alloc(MACHINE_PAGE_DATA);

	(void)state;
	machine_data_clear(pfn);
	machine_data_store(pfn, 8, 8, 0x1122334455667788);
	assert_int_equal(machine_data_load(pfn, 8, 1), 0x88);
	assert_int_equal(machine_data_load(pfn, 10, 2), 0x5566);
	assert_int_equal(machine_data_load(pfn, 12, 4), 0x11223344);
	machine_data_store(pfn, 4092, 4, 0xffffffffffff0000);
	machine_data_store(pfn, 4094, 2, 0x2211);
	machine_data_store(pfn, 4095, 1, 0x33);
	assert_int_equal(machine_data_load(pfn, 4088, 8), 0x3311000000000000);

	machine_data_copy(copy, pfn);
	assert_int_equal(machine_data_load(copy, 8, 8), 0x1122334455667788);
	assert_int_equal(machine_data_load(copy, 4094, 2), 0x3311);
	machine_data_clear(copy);
	assert_int_equal(machine_data_load(copy, 8, 8), 0);
	assert_int_equal(machine_data_load(pfn, 8, 2), 0x7788);
	machine_page_free(pfn);
	machine_page_free(copy);
}

static void device_ends(void)
{
	machine_data_load(native_device_pfn() + DEVICE_PAGES, 0, 8);
}

static void pfn_0_is_no_page(void)
{
	machine_data_load(0, 0, 8);
}

static void gap_is_no_page(void)
{
	machine_page_meta(RAM_PAGES + 1);
}

static void unaligned(void)
{
	machine_data_load(1, 4, 8);
}

static void odd_size(void)
{
	machine_data_load(1, 3, 3);
}

static void data_bounds(void **state)
{
	(void)state;
	machine_data_store(native_device_pfn() + DEVICE_PAGES - 1, 4088, 8, 1);
	assert_int_equal(machine_data_load(native_device_pfn(), 0, 8), 0);
	assert_true(is_bug(device_ends));
	assert_true(is_bug(pfn_0_is_no_page));
	assert_true(is_bug(gap_is_no_page));
	assert_true(is_bug(unaligned));
	assert_true(is_bug(odd_size));
}

static void pages_run_out_and_come_back(void **state)
{
	uint64_t pfns[RAM_PAGES];
	bool seen[RAM_PAGES + 1] = { false };

	(void)state;
	for (int i = 0; i < RAM_PAGES; i++) {
		pfns[i] = machine_page_alloc(MACHINE_PAGE_DATA);
		assert_in_range(pfns[i], 1, RAM_PAGES);
		assert_false(seen[pfns[i]]);
		seen[pfns[i]] = true;
		memset(machine_page_meta(pfns[i]), 0xff,
		       MACHINE_PAGE_META_BYTES);
		machine_data_store(pfns[i], 0, 8, ~(uint64_t)0);
	}
	assert_int_equal(machine_page_alloc(MACHINE_PAGE_TABLE), 0);
	assert_int_equal(native_live_pages(), RAM_PAGES);
	for (int i = 0; i < RAM_PAGES; i++)
		machine_page_free(pfns[i]);
	assert_int_equal(native_live_pages(), 0);

	pfns[0] = machine_page_alloc(MACHINE_PAGE_TABLE);
	for (int i = 0; i < 512; i++)
		assert_int_equal(machine_page_words(pfns[0])[i], 0);
	for (int i = 0; i < MACHINE_PAGE_META_BYTES; i++)
		assert_int_equal(((char *)machine_page_meta(pfns[0]))[i], 0);
	machine_page_free(pfns[0]);
}

static void meta_of_a_device_page(void **state)
{
	uint64_t pfn = native_device_pfn() + DEVICE_PAGES - 1;
	char *meta = machine_page_meta(pfn);

	(void)state;
	assert_int_equal(meta[MACHINE_PAGE_META_BYTES - 1], 0);
	meta[MACHINE_PAGE_META_BYTES - 1] = 1;
	assert_ptr_equal(machine_page_meta(pfn), meta);
	assert_ptr_equal(machine_page_meta(pfn - 1),
			 meta - MACHINE_PAGE_META_BYTES);
}

static void page_freed_twice(void)
{
	uint64_t pfn = machine_page_alloc(MACHINE_PAGE_DATA);

	machine_page_free(pfn);
	machine_page_free(pfn);
}

static void device_page_freed(void)
{
	machine_page_free(native_device_pfn());
}

static void wrong_page_frees(void **state)
{
	(void)state;
	assert_true(is_bug(page_freed_twice));
	assert_true(is_bug(device_page_freed));
}

static void *own_pages_for_a_while(void *arg)
{
	uint64_t own = (uint64_t)(uintptr_t)arg;

	meet();
	for (int i = 0; i < MANY; i++) {
		uint64_t a = machine_page_alloc(MACHINE_PAGE_DATA);
		uint64_t b = machine_page_alloc(MACHINE_PAGE_TABLE);

		machine_data_store(a, 8, 8, own);
		machine_pt_store(machine_page_words(b), own);
		assert_int_equal(machine_data_load(a, 8, 8), own);
		assert_int_equal(machine_pt_load(machine_page_words(b)), own);
		machine_page_free(a);
		machine_page_free(b);
	}
	return NULL;
}

static void pages_have_one_owner(void **state)
{
	pthread_t other = start(own_pages_for_a_while, (void *)(uintptr_t)1);

	(void)state;
	own_pages_for_a_while((void *)(uintptr_t)2);
	join(other);
	assert_int_equal(native_live_pages(), 0);
}

static void small_pages_hold_a_table(void **state)
{
	struct native_options small = usual;
	uint64_t a, b;

	(void)state;
	native_close();
	small.geometry.page_shift = 3;
	small.geometry.huge_order = 2;
	small.geometry.tree_bits = 1;
	assert_int_equal(native_open(&small), 0);
	a = machine_page_alloc(MACHINE_PAGE_TABLE);
	b = machine_page_alloc(MACHINE_PAGE_TABLE);
	for (int i = 0; i < 4; i++)
		machine_pt_store(machine_page_words(a) + i, ~(uint64_t)0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(machine_pt_load(machine_page_words(b) + i), 0);
	machine_page_free(a);
	machine_page_free(b);
}

/* Objects. */

/* Return: what native_print_live() prints; for free(). */
static char *live_text(void)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	native_print_live(to);
	fclose(to);
	return text;
}

static void objects(void **state)
{
	char *first = machine_alloc(40, "struct one");
	char *second = machine_alloc(1, "struct two");
	char *third = machine_alloc(0, "struct two");
	uint64_t pfn = machine_page_alloc(MACHINE_PAGE_TABLE);
	char *text;

	(void)state;
	for (int i = 0; i < 40; i++)
		assert_int_equal(first[i], 0);
	assert_int_equal((uintptr_t)first % 16, 0);
	assert_int_equal((uintptr_t)second % 16, 0);
	assert_int_equal(native_live_objects(), 3);
	text = live_text();
	assert_string_equal(text, "1 struct one\n2 struct two\n1 page table\n");
	free(text);

	machine_free(first);
	machine_free(second);
	machine_free(third);
	machine_free(NULL);
	machine_page_free(pfn);
	assert_int_equal(native_live_objects(), 0);
	text = live_text();
	assert_string_equal(text, "");
	free(text);
	assert_null(machine_alloc(SIZE_MAX, "too much"));
	assert_int_equal(native_live_objects(), 0);
}

static void *allocate_many(void *arg)
{
	static const char *const names[] = { "a", "b", "c", "d", "e", "f" };

	(void)arg;
	meet();
	for (int i = 0; i < MANY; i++)
		machine_free(machine_alloc(8, names[i % 6]));
	return machine_alloc(8, "a");
}

static void objects_of_two_threads(void **state)
{
	pthread_t thread = start(allocate_many, NULL);
	void *own = allocate_many(NULL);
	void *others;
	char *text;

	(void)state;
	assert_int_equal(pthread_join(thread, &others), 0);
	text = live_text();
	assert_string_equal(text, "2 a\n");
	free(text);
	machine_free(own);
	machine_free(others);
	assert_int_equal(native_live_objects(), 0);
}

static void wild_free(void)
{
	static uint64_t words[8];

	machine_free(&words[4]);
}

static void wild_free_is_noticed(void **state)
{
	(void)state;
	assert_true(is_bug(wild_free));
}

/* Locks. */

static struct machine_spinlock spin;
static struct machine_rwsem sem;
static uint64_t plain;		/* protected by spin or sem */

static void *count_under_spin(void *arg)
{
	(void)arg;
	meet();
	for (int i = 0; i < MANY; i++) {
		machine_spin_lock(&spin);
		plain++;
		machine_spin_unlock(&spin);
	}
	return NULL;
}

static void spin_excludes(void **state)
{
	pthread_t other;

	(void)state;
	plain = 0;
	machine_spin_init(&spin, "spin");
	other = start(count_under_spin, NULL);
	count_under_spin(NULL);
	join(other);
	assert_int_equal(plain, 2 * MANY);
	machine_spin_destroy(&spin);
}

static void *ask_for_locks(void *arg)
{
	*(bool *)arg = machine_spin_held(&spin) || machine_rwsem_held(&sem) ||
		       machine_rwsem_held_write(&sem);
	return NULL;
}

static void only_the_holder_holds(void **state)
{
	bool stranger = true;

	(void)state;
	machine_spin_init(&spin, "spin");
	machine_rwsem_init(&sem, "sem");
	assert_false(machine_spin_held(&spin));
	assert_false(machine_rwsem_held(&sem));

	machine_down_write(&sem);
	machine_spin_lock(&spin);
	assert_true(machine_spin_held(&spin));
	assert_true(machine_rwsem_held(&sem));
	assert_true(machine_rwsem_held_write(&sem));
	join(start(ask_for_locks, &stranger));
	assert_false(stranger);

	machine_up_write(&sem);
	assert_true(machine_spin_held(&spin));
	assert_false(machine_rwsem_held(&sem));
	machine_spin_unlock(&spin);
	assert_false(machine_spin_held(&spin));

	machine_down_read(&sem);
	assert_true(machine_rwsem_held(&sem));
	assert_false(machine_rwsem_held_write(&sem));
	machine_up_read(&sem);
	machine_spin_destroy(&spin);
	machine_rwsem_destroy(&sem);
}

static uint64_t stage;

static void *read_once(void *arg)
{
	(void)arg;
	machine_down_read(&sem);
	machine_add(&stage, 1);
	machine_up_read(&sem);
	return NULL;
}

static void *write_once(void *arg)
{
	(void)arg;
	machine_down_write(&sem);
	machine_add(&stage, 1);
	machine_up_write(&sem);
	return NULL;
}

static void rwsem_shares_and_excludes(void **state)
{
	pthread_t other;

	(void)state;
	stage = 0;
	machine_rwsem_init(&sem, "sem");
	machine_down_read(&sem);
	join(start(read_once, NULL));		/* is let in beside us */
	assert_int_equal(machine_load(&stage), 1);
	other = start(write_once, NULL);
	sleep_ms(20);
	assert_int_equal(machine_load(&stage), 1);
	machine_up_read(&sem);
	join(other);
	assert_int_equal(machine_load(&stage), 2);

	machine_down_write(&sem);
	other = start(read_once, NULL);
	sleep_ms(20);
	assert_int_equal(machine_load(&stage), 2);
	machine_up_write(&sem);
	join(other);
	assert_int_equal(machine_load(&stage), 3);
	machine_rwsem_destroy(&sem);
}

static void *read_over_and_over(void *arg)
{
	(void)arg;
	while (!machine_load(&stage)) {
		machine_down_read(&sem);
		sleep_ms(1);
		machine_up_read(&sem);
	}
	return NULL;
}

static void readers_do_not_starve_a_writer(void **state)
{
	pthread_t readers[3];

	(void)state;
	stage = 0;
	machine_rwsem_init(&sem, "sem");
	for (int i = 0; i < 3; i++)
		readers[i] = start(read_over_and_over, NULL);
	sleep_ms(5);
	machine_down_write(&sem);
	machine_store(&stage, 1);
	machine_up_write(&sem);
	for (int i = 0; i < 3; i++)
		join(readers[i]);
	machine_rwsem_destroy(&sem);
}

static void take_twice(void)
{
	machine_spin_init(&spin, "spin");
	machine_spin_lock(&spin);
	machine_spin_lock(&spin);
}

static void read_twice(void)
{
	machine_rwsem_init(&sem, "sem");
	machine_down_read(&sem);
	machine_down_read(&sem);
}

static void unlock_a_strangers(void)
{
	machine_spin_init(&spin, "spin");
	machine_spin_unlock(&spin);
}

static void up_in_the_wrong_mode(void)
{
	machine_rwsem_init(&sem, "sem");
	machine_down_read(&sem);
	machine_up_write(&sem);
}

static void destroy_while_held(void)
{
	machine_rwsem_init(&sem, "sem");
	machine_down_read(&sem);
	machine_rwsem_destroy(&sem);
}

static void lock_in_an_instruction(void)
{
	machine_spin_init(&spin, "spin");
	machine_insn_begin();
	machine_spin_lock(&spin);
}

static void wrong_use_of_locks(void **state)
{
	(void)state;
	assert_true(is_bug(take_twice));
	assert_true(is_bug(read_twice));
	assert_true(is_bug(unlock_a_strangers));
	assert_true(is_bug(up_in_the_wrong_mode));
	assert_true(is_bug(destroy_while_held));
	assert_true(is_bug(lock_in_an_instruction));
}

static void no_sleep_under_a_spinlock(void **state)
{
	(void)state;
	machine_spin_init(&spin, "spin");
	machine_spin_lock(&spin);
	machine_free(machine_alloc(8, "object"));
	assert_int_equal(native_reports(11), 1);
	assert_string_equal(last_report, "BUG: sleeping function called from "
			    "invalid context: alloc");
	machine_page_free(machine_page_alloc(MACHINE_PAGE_DATA));
	assert_int_equal(native_reports(11), 2);
	machine_unpark(machine_self());
	machine_park();
	assert_int_equal(native_reports(11), 3);
	machine_spin_unlock(&spin);
	machine_spin_destroy(&spin);
}

static void *end_with_lock(void *arg)
{
	(void)arg;
	machine_down_read(&sem);
	return NULL;
}

static void exit_with_a_lock(void **state)
{
	(void)state;
	machine_rwsem_init(&sem, "sem");
	join(start(end_with_lock, NULL));
	assert_int_equal(native_reports(11), 1);
	assert_string_equal(last_report, "thread exits with 1 locks held");
}

/* Sleeping. */

static struct machine_task *sleeper;
static uint64_t wakes;

static void *sleep_twice(void *arg)
{
	(void)arg;
	__atomic_store_n(&sleeper, machine_self(), __ATOMIC_SEQ_CST);
	for (int i = 0; i < 2; i++) {
		machine_park();
		machine_add(&wakes, 1);
	}
	return NULL;
}

static void wait_for(const uint64_t *word, uint64_t val)
{
	while (machine_load(word) != val)
		sleep_ms(1);
}

static void park_waits_for_unpark(void **state)
{
	pthread_t other;

	(void)state;
	sleeper = NULL;
	wakes = 0;
	other = start(sleep_twice, NULL);
	while (!__atomic_load_n(&sleeper, __ATOMIC_SEQ_CST))
		sleep_ms(1);
	sleep_ms(20);
	assert_int_equal(machine_load(&wakes), 0);
	machine_unpark(sleeper);
	wait_for(&wakes, 1);
	sleep_ms(20);
	assert_int_equal(machine_load(&wakes), 1);
	machine_unpark(sleeper);
	join(other);
	assert_int_equal(machine_load(&wakes), 2);
	machine_unpark(sleeper);		/* late, and harmless */
}

static void *unpark_later(void *task)
{
	sleep_ms(20);
	machine_add(&wakes, 1);
	machine_unpark(task);
	return NULL;
}

static void two_unparks_count_as_one(void **state)
{
	pthread_t other;

	(void)state;
	wakes = 0;
	machine_unpark(machine_self());
	machine_unpark(machine_self());
	machine_park();				/* the token is there */
	other = start(unpark_later, machine_self());
	machine_park();				/* no second one */
	assert_int_equal(machine_load(&wakes), 1);
	join(other);
}

static void *tell_self(void *arg)
{
	*(struct machine_task **)arg = machine_self();
	return NULL;
}

static void a_thread_is_a_task(void **state)
{
	struct machine_task *other;

	(void)state;
	join(start(tell_self, &other));
	assert_ptr_equal(machine_self(), machine_self());
	assert_ptr_not_equal(machine_self(), other);
}

/* Take and release a lock each time main comes to the barrier twice. */
static void *lock_in_turns(void *arg)
{
	struct machine_rwsem mine;

	for (int i = 0; i < 2; i++) {
		pthread_barrier_wait(arg);
		machine_rwsem_init(&mine, "mine");
		machine_down_write(&mine);
		machine_up_write(&mine);
		machine_rwsem_destroy(&mine);
		pthread_barrier_wait(arg);
	}
	return NULL;
}

static void a_thread_outlives_the_machine(void **state)
{
	pthread_barrier_t barrier;
	pthread_t thread;

	(void)state;
	pthread_barrier_init(&barrier, NULL, 2);
	thread = start(lock_in_turns, &barrier);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	native_close();
	assert_int_equal(native_open(&usual), 0);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	native_close();
	join(thread);
	pthread_barrier_destroy(&barrier);
	assert_int_equal(native_open(&usual), 0);
}

/* The TLB. */

static const char mm_a, mm_b;

static struct machine_translation page_at(uint64_t address, uint64_t pfn)
{
	return (struct machine_translation){ address, PAGE, pfn, 1 };
}

static void fill(const void *mm, struct machine_translation entry)
{
	machine_insn_begin();
	machine_tlb_fill(mm, &entry);
	machine_insn_end();
}

/* Return: the pfn of the translation, or 0. */
static uint64_t lookup(const void *mm, uint64_t address)
{
	struct machine_translation found = { 0, 0, 0, 0 };
	bool is_found;

	machine_insn_begin();
	is_found = machine_tlb_lookup(mm, address, &found);
	machine_insn_end();
	return is_found ? found.pfn : 0;
}

static void tlb_remembers(void **state)
{
	struct machine_translation found;

	(void)state;
	assert_int_equal(lookup(&mm_a, PAGE), 0);
	fill(&mm_a, (struct machine_translation){ PAGE, PAGE, 7, 6 });
	machine_insn_begin();
	assert_true(machine_tlb_lookup(&mm_a, PAGE + 5, &found));
	machine_insn_end();
	assert_int_equal(found.address, PAGE);
	assert_int_equal(found.bytes, PAGE);
	assert_int_equal(found.pfn, 7);
	assert_int_equal(found.flags, 6);
	assert_int_equal(lookup(&mm_b, PAGE), 0);
	assert_int_equal(lookup(&mm_a, 2 * PAGE), 0);
	assert_int_equal(lookup(&mm_a, PAGE - 1), 0);
	assert_int_equal(lookup(&mm_a, PAGE + HUGE_PAGE), 0);
}

static void fill_replaces(void **state)
{
	struct machine_translation huge = { HUGE_PAGE, HUGE_PAGE, 512, 1 };

	(void)state;
	fill(&mm_a, page_at(HUGE_PAGE + PAGE, 7));
	fill(&mm_a, page_at(HUGE_PAGE + 3 * PAGE, 8));
	fill(&mm_a, huge);
	assert_int_equal(lookup(&mm_a, HUGE_PAGE + PAGE), 512);
	assert_int_equal(lookup(&mm_a, HUGE_PAGE + 3 * PAGE), 512);
	assert_int_equal(lookup(&mm_a, 2 * HUGE_PAGE - 1), 512);
	assert_int_equal(lookup(&mm_a, 2 * HUGE_PAGE), 0);
	assert_int_equal(lookup(&mm_a, HUGE_PAGE - 1), 0);

	fill(&mm_a, page_at(HUGE_PAGE + PAGE, 9));
	assert_int_equal(lookup(&mm_a, HUGE_PAGE + PAGE), 9);
	assert_int_equal(lookup(&mm_a, HUGE_PAGE + 3 * PAGE), 0);
	fill(&mm_a, page_at(HUGE_PAGE + PAGE, 10));
	assert_int_equal(lookup(&mm_a, HUGE_PAGE + PAGE), 10);
}

static void flush_forgets(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 8; i++) {
		fill(&mm_a, page_at(i * PAGE, 10 + i));
		fill(&mm_b, page_at((8 + i) * PAGE, 20 + i));
	}
	machine_tlb_flush(&mm_a, 2 * PAGE, 4 * PAGE);
	for (uint64_t i = 0; i < 8; i++) {
		assert_int_equal(lookup(&mm_a, i * PAGE),
				 i == 2 || i == 3 ? 0 : 10 + i);
		assert_int_equal(lookup(&mm_b, (8 + i) * PAGE), 20 + i);
	}
	machine_tlb_flush(&mm_a, 0, UINT64_MAX);
	assert_int_equal(lookup(&mm_a, 0), 0);
	assert_int_equal(lookup(&mm_b, 8 * PAGE), 20);
	fill(&mm_a, page_at(0, 11));
	assert_int_equal(lookup(&mm_a, 0), 11);

	/* A part of a huge page is all of it. */
	fill(&mm_a, (struct machine_translation){ HUGE_PAGE, HUGE_PAGE, 512,
						  1 });
	machine_tlb_flush(&mm_a, HUGE_PAGE + PAGE, HUGE_PAGE + 2 * PAGE);
	assert_int_equal(lookup(&mm_a, HUGE_PAGE), 0);
}

static uint64_t flushed;

static void *flush_page_1(void *arg)
{
	(void)arg;
	machine_store(&stage, 1);
	machine_tlb_flush(&mm_a, PAGE, 2 * PAGE);
	machine_store(&flushed, 1);
	return NULL;
}

static void flush_waits_for_an_instruction(void **state)
{
	struct machine_translation entry = page_at(PAGE, 7);
	struct machine_translation found;
	pthread_t other;

	(void)state;
	stage = 0;
	flushed = 0;
	machine_insn_begin();
	other = start(flush_page_1, NULL);
	wait_for(&stage, 1);
	sleep_ms(20);
	machine_tlb_fill(&mm_a, &entry);	/* the walk was before */
	assert_true(machine_tlb_lookup(&mm_a, PAGE, &found));
	assert_int_equal(machine_load(&flushed), 0);
	machine_insn_end();
	join(other);
	assert_int_equal(machine_load(&flushed), 1);
	assert_int_equal(lookup(&mm_a, PAGE), 0);
}

/*
 * A page table of one word, its page, and a CPU that loads through it: after
 * the word was cleared and flushed the page is another's and marked.
 */
static uint64_t pt_word;
static uint64_t quit;

static void *load_over_and_over(void *arg)
{
	uint64_t *bad = arg;

	while (!machine_load(&quit)) {
		struct machine_translation entry;

		machine_insn_begin();
		if (!machine_tlb_lookup(&mm_a, PAGE, &entry)) {
			entry = page_at(PAGE, machine_pt_load(&pt_word));
			if (entry.pfn)
				machine_tlb_fill(&mm_a, &entry);
		}
		if (entry.pfn && machine_data_load(entry.pfn, 0, 8))
			machine_add(bad, 1);
		machine_insn_end();
	}
	return NULL;
}

static void nobody_uses_what_was_flushed(void **state)
{
	uint64_t pfn = machine_page_alloc(MACHINE_PAGE_DATA);
	uint64_t bad = 0;
	pthread_t other;

	(void)state;
	quit = 0;
	pt_word = 0;
	other = start(load_over_and_over, &bad);
	for (int i = 0; i < MANY; i++) {
		machine_data_store(pfn, 0, 8, 0);
		machine_pt_store(&pt_word, pfn);
		if (i % 4 == 0)
			sched_yield();
		machine_pt_store(&pt_word, 0);
		machine_tlb_flush(&mm_a, PAGE, 2 * PAGE);
		machine_data_store(pfn, 0, 8, 1);
	}
	machine_store(&quit, 1);
	join(other);
	assert_int_equal(machine_load(&bad), 0);
	machine_page_free(pfn);
}

static void lookup_outside(void)
{
	struct machine_translation found;

	machine_tlb_lookup(&mm_a, 0, &found);
}

static void flush_inside(void)
{
	machine_insn_begin();
	machine_tlb_flush(&mm_a, 0, PAGE);
}

static void begin_twice(void)
{
	machine_insn_begin();
	machine_insn_begin();
}

static void crooked_fill(void)
{
	fill(&mm_a, page_at(PAGE / 2, 1));
}

static void fill_of_no_size(void)
{
	fill(&mm_a, (struct machine_translation){ 0, 2 * PAGE, 1, 1 });
}

static void wrong_use_of_the_tlb(void **state)
{
	(void)state;
	assert_true(is_bug(lookup_outside));
	assert_true(is_bug(flush_inside));
	assert_true(is_bug(begin_twice));
	assert_true(is_bug(machine_insn_end));
	assert_true(is_bug(crooked_fill));
	assert_true(is_bug(fill_of_no_size));
}

/* Choices and words for a human. */

static void choose_too_much(void)
{
	struct native_options chooser = usual;

	native_close();
	chooser.choose = choose_nr;
	native_open(&chooser);
	machine_choose(3, "anything");
}

static void choices(void **state)
{
	struct native_options chooser = usual;

	(void)state;
	assert_int_equal(machine_choose(3, "anything"), 0);
	assert_true(is_bug(choose_too_much));
	native_close();
	chooser.choose = choose_last;
	assert_int_equal(native_open(&chooser), 0);
	assert_int_equal(machine_choose(3, "anything"), 2);
	assert_null(machine_alloc(8, "object"));
	assert_int_equal(machine_page_alloc(MACHINE_PAGE_TABLE), 0);
	assert_int_equal(native_live_objects() + native_live_pages(), 0);
}

static void reports_are_counted(void **state)
{
	(void)state;
	assert_int_equal(native_reports(2), 0);
	machine_report(2, "Bad rss-counter state mm:%s idx:%d val:1", "m", 1);
	machine_report(2, "again");
	machine_report(1, "non-zero nr_ptes on freeing mm: %d", 1);
	assert_int_equal(native_reports(2), 2);
	assert_int_equal(native_reports(1), 1);
	assert_int_equal(native_reports(999), 0);
	assert_int_equal(last_oracle, 1);
	assert_string_equal(last_report, "non-zero nr_ptes on freeing mm: 1");
	native_close();
	assert_int_equal(native_open(&usual), 0);
	assert_int_equal(native_reports(2), 0);
}

/* What function() prints to stderr, in a child that has no on_report. */
static void child_says(void (*function)(void), const char *expected)
{
	struct native_options silent = usual;
	char text[256] = "";
	size_t length = 0;
	ssize_t got;
	int pipes[2];
	pid_t child;

	assert_int_equal(pipe(pipes), 0);
	fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		dup2(pipes[1], STDERR_FILENO);
		native_close();
		silent.on_report = NULL;
		silent.on_trace = NULL;
		native_open(&silent);
		function();
		_exit(0);
	}
	close(pipes[1]);
	while ((got = read(pipes[0], text + length,
			   sizeof(text) - 1 - length)) > 0)
		length += (size_t)got;
	close(pipes[0]);
	waitpid(child, NULL, 0);
	assert_string_equal(text, expected);
}

static void say_report(void)
{
	machine_report(2, "val:%d", 1);
	machine_trace("nobody listens", 1, 2);
}

static void say_bug(void)
{
	const struct rlimit no_core = { 0, 0 };

	setrlimit(RLIMIT_CORE, &no_core);
	machine_bug(13, "dax/entry.c", 42, "entry->locked");
}

static void what_stderr_says(void **state)
{
	(void)state;
	child_says(say_report, "faultline: O2: val:1\n");
	child_says(say_bug, "faultline: O13: kernel BUG at dax/entry.c:42: "
		   "entry->locked\n");
}

static void traces_arrive(void **state)
{
	(void)state;
	callbacks = 0;
	machine_trace("handle_pte_fault", 40, 2);
	assert_int_equal(callbacks, 1);
	assert_string_equal(last_trace, "handle_pte_fault");
	assert_int_equal(last_trace_sum, 42);
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, open_machine, close_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(open_refuses),
		TEST(device_is_a_file),
		TEST(written_back),
		TEST(written_back_wrong),
		TEST(lines_written_back),
		TEST(watchers_are_told),
		TEST(geometry_is_told),
		TEST(words),
		TEST(pt_words),
		TEST(adds_are_not_lost),
		TEST(data_of_each_size),
		TEST(data_bounds),
		TEST(pages_run_out_and_come_back),
		TEST(meta_of_a_device_page),
		TEST(wrong_page_frees),
		TEST(pages_have_one_owner),
		TEST(small_pages_hold_a_table),
		TEST(objects),
		TEST(objects_of_two_threads),
		TEST(wild_free_is_noticed),
		TEST(spin_excludes),
		TEST(only_the_holder_holds),
		TEST(rwsem_shares_and_excludes),
		TEST(readers_do_not_starve_a_writer),
		TEST(wrong_use_of_locks),
		TEST(no_sleep_under_a_spinlock),
		TEST(exit_with_a_lock),
		TEST(park_waits_for_unpark),
		TEST(two_unparks_count_as_one),
		TEST(a_thread_is_a_task),
		TEST(a_thread_outlives_the_machine),
		TEST(tlb_remembers),
		TEST(fill_replaces),
		TEST(flush_forgets),
		TEST(flush_waits_for_an_instruction),
		TEST(nobody_uses_what_was_flushed),
		TEST(wrong_use_of_the_tlb),
		TEST(choices),
		TEST(reports_are_counted),
		TEST(what_stderr_says),
		TEST(traces_arrive),
	};

	return cmocka_run_group_tests_name("native", tests, NULL, NULL);
}
