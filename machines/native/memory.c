/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memory.c - objects, page frames and the bytes in them.
 *
 * Frames of RAM have the pfns 1 to ram_pages; at the next multiple of a huge
 * page follows a huge page of zeroes, then the device.  All are mappings that
 * cost nothing until they are touched, and so are the two arrays with a word
 * about each frame: meta is the engine's, frames is the allocator's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define OBJECT_LIVE 0x6c697665666f6f64ULL
#define OBJECT_DEAD 0xdeaddeaddeaddeadULL
#define CLASSES_MAX 128

enum frame_state {
	FRAME_FREE,		/* fresh or given back */
	FRAME_TABLE,
	FRAME_DATA,
};

struct frame {
	uint64_t next;		/* in the list of free frames; 0 ends it */
	enum frame_state state;
};

static struct {
	uint64_t ram_end;	/* one more than the last pfn of RAM */
	uint64_t zero;		/* first pfn */
	uint64_t device;	/* first pfn */
	uint64_t device_end;
	size_t page_bytes;
	size_t ram_stride;	/* bytes of a frame: a page or a table */
	char *ram;
	char *zero_base;	/* may not be written to */
	char *device_base;
	char *meta;

	pthread_mutex_t lock;	/* frames, free, fresh, nr_live */
	struct frame *frames;
	uint64_t free;		/* given back, last first; 0: none */
	uint64_t fresh;		/* first frame that was never used */
	uint64_t nr_live[FRAME_DATA + 1];

	uint64_t poisoned[NATIVE_POISONED_MAX];
	size_t nr_poisoned;
} memory = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Objects with the same name.  Slots are filled in order, never emptied. */
static struct object_class {
	const char *what;	/* NULL: the slot is empty */
	uint64_t nr_live;
} classes[CLASSES_MAX];

/* Stands before each object; its size keeps the object aligned to 16. */
struct object {
	uint64_t magic;
	struct object_class *class;
};

_Static_assert(sizeof(struct object) % 16 == 0, "objects aligned to 16");

/* Return: zeroed memory that costs nothing until it is touched, or NULL. */
static void *map_sparse(uint64_t bytes)
{
	void *where = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return where == MAP_FAILED ? NULL : where;
}

/* Return: the same, for reading only. */
static void *map_zeroes(uint64_t bytes)
{
	void *where = mmap(NULL, bytes, PROT_READ,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return where == MAP_FAILED ? NULL : where;
}

/* Return: a descriptor of the device, at least that long, or -errno. */
static int device_open(const char *path, uint64_t bytes)
{
	struct stat stat;
	int err, fd;

	if (path)
		fd = open(path, O_RDWR | O_CLOEXEC);
	else
		fd = memfd_create("faultline-device", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!path && ftruncate(fd, (off_t)bytes)) {
		err = -errno;
		close(fd);
		return err;
	}
	/* Of a character device only mmap(2) knows the length. */
	if (!fstat(fd, &stat) && S_ISREG(stat.st_mode) &&
	    (uint64_t)stat.st_size < bytes) {
		close(fd);
		return -ENOSPC;
	}
	return fd;
}

/* Return: 0 or -errno. */
static int device_map(const char *path, uint64_t bytes)
{
	void *where;
	int err = 0;
	int fd;

	if (bytes == 0)
		return 0;
	fd = device_open(path, bytes);
	if (fd < 0)
		return fd;
	where = native_medium_map(fd, bytes, !path);
	if (where == MAP_FAILED)
		err = -errno;
	else
		memory.device_base = where;
	close(fd);
	return err;
}

static uint64_t zero_bytes(void)
{
	return (memory.device - memory.zero) * memory.page_bytes;
}

static uint64_t device_bytes(void)
{
	return (memory.device_end - memory.device) * memory.page_bytes;
}

static void unmap(void *where, uint64_t bytes)
{
	if (where)
		munmap(where, bytes);
}

int native_memory_open(const struct native_options *options)
{
	const struct machine_geometry *geometry = &options->geometry;
	uint64_t huge_pages = (uint64_t)1 << geometry->huge_order;
	size_t table_bytes = huge_pages * sizeof(uint64_t);
	int err;

	memory.page_bytes = (size_t)1 << geometry->page_shift;
	memory.ram_stride = table_bytes > memory.page_bytes ?
			    table_bytes : memory.page_bytes;
	memory.ram_end = options->ram_pages + 1;
	memory.zero = (memory.ram_end + huge_pages - 1) & ~(huge_pages - 1);
	memory.device = memory.zero + huge_pages;
	memory.device_end = memory.device + options->device_pages;
	memory.free = 0;
	memory.fresh = 1;
	memory.nr_poisoned = 0;
	memset(memory.nr_live, 0, sizeof(memory.nr_live));
	memset(classes, 0, sizeof(classes));

	memory.ram = map_sparse(memory.ram_end * memory.ram_stride);
	memory.zero_base = map_zeroes(zero_bytes());
	memory.frames = map_sparse(memory.ram_end * sizeof(struct frame));
	memory.meta = map_sparse(memory.device_end * MACHINE_PAGE_META_BYTES);
	err = -ENOMEM;
	if (memory.ram && memory.zero_base && memory.frames && memory.meta)
		err = device_map(options->device_path, device_bytes());
	if (err)
		native_memory_close();
	return err;
}

void native_memory_close(void)
{
	unmap(memory.ram, memory.ram_end * memory.ram_stride);
	unmap(memory.zero_base, zero_bytes());
	unmap(memory.frames, memory.ram_end * sizeof(struct frame));
	unmap(memory.meta, memory.device_end * MACHINE_PAGE_META_BYTES);
	unmap(memory.device_base, device_bytes());
	memory.ram = NULL;
	memory.zero_base = NULL;
	memory.frames = NULL;
	memory.meta = NULL;
	memory.device_base = NULL;
}

/* See native.h. */
uint64_t native_device_pfn(void)
{
	return memory.device;
}

/* Return: where the bytes of a page are. */
static char *frame_bytes(uint64_t pfn)
{
	if (pfn >= memory.device) {
		BUG_ON(ORACLE_FRAMES, pfn >= memory.device_end);
		return memory.device_base +
		       (pfn - memory.device) * memory.page_bytes;
	}
	if (pfn >= memory.zero)
		return memory.zero_base +
		       (pfn - memory.zero) * memory.page_bytes;
	BUG_ON(ORACLE_FRAMES, pfn == 0 || pfn >= memory.ram_end);
	return memory.ram + pfn * memory.ram_stride;
}

/* Return: a frame taken off the free ones, or 0. */
static uint64_t frame_take(void)
{
	uint64_t pfn = memory.free;

	if (pfn) {
		memory.free = memory.frames[pfn].next;
		return pfn;
	}
	if (memory.fresh == memory.ram_end)
		return 0;
	return memory.fresh++;
}

uint64_t machine_page_alloc(enum machine_page_kind kind)
{
	enum frame_state state = FRAME_DATA;
	uint64_t pfn;

	if (kind == MACHINE_PAGE_TABLE)
		state = FRAME_TABLE;
	native_might_sleep("page_alloc");
	if (machine_choose(2, "page allocation"))
		return 0;
	native_mutex_lock(&memory.lock);
	pfn = frame_take();
	if (pfn) {
		memory.frames[pfn].state = state;
		memory.nr_live[state]++;
	}
	pthread_mutex_unlock(&memory.lock);
	if (!pfn)
		return 0;
	memset(machine_page_meta(pfn), 0, MACHINE_PAGE_META_BYTES);
	if (kind == MACHINE_PAGE_TABLE)
		memset(frame_bytes(pfn), 0, memory.ram_stride);
	return pfn;
}

void machine_page_free(uint64_t pfn)
{
	struct frame *frame;

	BUG_ON(ORACLE_FRAMES, pfn == 0 || pfn >= memory.ram_end);
	frame = &memory.frames[pfn];
	native_mutex_lock(&memory.lock);
	BUG_ON(ORACLE_FRAMES, frame->state == FRAME_FREE);
	memory.nr_live[frame->state]--;
	frame->state = FRAME_FREE;
	frame->next = memory.free;
	memory.free = pfn;
	pthread_mutex_unlock(&memory.lock);
}

void *machine_page_meta(uint64_t pfn)
{
	BUG_ON(ORACLE_FRAMES, pfn == 0 || pfn >= memory.device_end ||
	       (pfn >= memory.ram_end && pfn < memory.zero));
	return memory.meta + pfn * MACHINE_PAGE_META_BYTES;
}

uint64_t *machine_page_words(uint64_t pfn)
{
	return (uint64_t *)(void *)frame_bytes(pfn);
}

uint64_t machine_zero_pfn(void)
{
	return memory.zero;
}

/* See native.h. */
int native_poison(uint64_t pfn)
{
	if (memory.nr_poisoned == NATIVE_POISONED_MAX)
		return -ENOSPC;
	memory.poisoned[memory.nr_poisoned++] = pfn;
	return 0;
}

bool machine_page_poisoned(uint64_t pfn)
{
	for (size_t i = 0; i < memory.nr_poisoned; i++)
		if (memory.poisoned[i] == pfn)
			return true;
	return false;
}

char *native_device_bytes(uint64_t pfn, size_t offset, size_t bytes)
{
	uint64_t room = (memory.device_end - pfn) * memory.page_bytes;

	BUG_ON(ORACLE_FRAMES, pfn < memory.device || pfn >= memory.device_end);
	BUG_ON(ORACLE_FRAMES, offset > room || bytes > room - offset);
	return frame_bytes(pfn) + offset;
}

/* See native.h. */
void *native_device_data(void)
{
	return memory.device_base;
}

/* Who watches the device is told of a store to it. */
static void stored(uint64_t pfn, size_t offset, size_t size)
{
	if (pfn >= memory.device)
		native_stored(pfn, offset, size);
}

/* Return: where the bytes are, after a look at offset and size. */
static void *data_address(uint64_t pfn, size_t offset, size_t size)
{
	BUG_ON(ORACLE_FRAMES, offset % size || offset >= memory.page_bytes);
	return frame_bytes(pfn) + offset;
}

uint64_t machine_data_load(uint64_t pfn, size_t offset, size_t size)
{
	const void *from = data_address(pfn, offset, size);

	switch (size) {
	case 1:
		return __atomic_load_n((const uint8_t *)from, __ATOMIC_RELAXED);
	case 2:
		return __atomic_load_n((const uint16_t *)from,
				       __ATOMIC_RELAXED);
	case 4:
		return __atomic_load_n((const uint32_t *)from,
				       __ATOMIC_RELAXED);
	case 8:
		return __atomic_load_n((const uint64_t *)from,
				       __ATOMIC_RELAXED);
	}
	machine_bug(ORACLE_FRAMES, __FILE__, __LINE__, "bad size of a load");
}

void machine_data_store(uint64_t pfn, size_t offset, size_t size, uint64_t val)
{
	void *to = data_address(pfn, offset, size);

	BUG_ON(ORACLE_STORES, pfn >= memory.zero && pfn < memory.device);

	switch (size) {
	case 1:
		__atomic_store_n((uint8_t *)to, (uint8_t)val,
				 __ATOMIC_RELAXED);
		break;
	case 2:
		__atomic_store_n((uint16_t *)to, (uint16_t)val,
				 __ATOMIC_RELAXED);
		break;
	case 4:
		__atomic_store_n((uint32_t *)to, (uint32_t)val,
				 __ATOMIC_RELAXED);
		break;
	case 8:
		__atomic_store_n((uint64_t *)to, val, __ATOMIC_RELAXED);
		break;
	default:
		machine_bug(ORACLE_FRAMES, __FILE__, __LINE__,
			    "bad size of a store");
	}
	stored(pfn, offset, size);
}

void machine_data_copy(uint64_t to_pfn, uint64_t from_pfn)
{
	uint64_t *to = machine_page_words(to_pfn);
	const uint64_t *from = machine_page_words(from_pfn);

	for (size_t i = 0; i < memory.page_bytes / sizeof(*to); i++) {
		__atomic_store_n(&to[i],
				 __atomic_load_n(&from[i], __ATOMIC_RELAXED),
				 __ATOMIC_RELAXED);
		stored(to_pfn, i * sizeof(*to), sizeof(*to));
	}
}

void machine_data_clear(uint64_t pfn)
{
	uint64_t *to = machine_page_words(pfn);

	for (size_t i = 0; i < memory.page_bytes / sizeof(*to); i++) {
		__atomic_store_n(&to[i], 0, __ATOMIC_RELAXED);
		stored(pfn, i * sizeof(*to), sizeof(*to));
	}
}

/*
 * Return: the class of that name, made when there is none.  Two that ask for
 * a new name at once try the same slot, and the loser looks at it again.
 */
static struct object_class *class_find(const char *what)
{
	for (size_t i = 0; i < CLASSES_MAX; i++) {
		struct object_class *class = &classes[i];
		const char *found = __atomic_load_n(&class->what,
						    __ATOMIC_ACQUIRE);

		if (!found &&
		    __atomic_compare_exchange_n(&class->what, &found, what,
						false, __ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE))
			return class;
		if (found == what || strcmp(found, what) == 0)
			return class;
	}
	machine_bug(ORACLE_OBJECTS, __FILE__, __LINE__, "too many names");
}

void *machine_alloc(size_t bytes, const char *what)
{
	struct object *object;

	native_might_sleep("alloc");
	if (machine_choose(2, what) || bytes > SIZE_MAX - sizeof(*object))
		return NULL;
	object = calloc(1, sizeof(*object) + bytes);
	if (!object)
		return NULL;
	object->magic = OBJECT_LIVE;
	object->class = class_find(what);
	__atomic_fetch_add(&object->class->nr_live, 1, __ATOMIC_RELAXED);
	return object + 1;
}

void machine_free(void *pointer)
{
	struct object *object = pointer;

	if (!pointer)
		return;
	object--;
	BUG_ON(ORACLE_OBJECTS, object->magic != OBJECT_LIVE);
	object->magic = OBJECT_DEAD;
	__atomic_fetch_sub(&object->class->nr_live, 1, __ATOMIC_RELAXED);
	free(object);
}

/* See native.h. */
uint64_t native_live_objects(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < CLASSES_MAX; i++)
		sum += __atomic_load_n(&classes[i].nr_live, __ATOMIC_RELAXED);
	return sum;
}

/* Return: frames in use as that. */
static uint64_t frames_live(enum frame_state state)
{
	uint64_t nr;

	native_mutex_lock(&memory.lock);
	nr = memory.nr_live[state];
	pthread_mutex_unlock(&memory.lock);
	return nr;
}

/* See native.h. */
uint64_t native_live_pages(void)
{
	return frames_live(FRAME_TABLE) + frames_live(FRAME_DATA);
}

static void print_live(FILE *to, uint64_t nr, const char *what)
{
	if (nr)
		fprintf(to, "%llu %s\n", (unsigned long long)nr, what);
}

/* See native.h. */
void native_print_live(FILE *to)
{
	for (size_t i = 0; i < CLASSES_MAX; i++) {
		const struct object_class *class = &classes[i];

		print_live(to,
			   __atomic_load_n(&class->nr_live, __ATOMIC_RELAXED),
			   __atomic_load_n(&class->what, __ATOMIC_ACQUIRE));
	}
	print_live(to, frames_live(FRAME_TABLE), "page table");
	print_live(to, frames_live(FRAME_DATA), "data page");
}
