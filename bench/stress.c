/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stress.c - page faults that collide, by the million, on the native machine.
 *
 * Some threads fault on the same few huge pages of one file, which one mm maps
 * private and shared; they drop those pages again, and map and unmap ranges of
 * their own.  A round is some thousand operations of each thread.  It begins
 * with a new file and an empty mm, and ends with exit_mmap(), after which
 * nothing may be left.  Where the kernel complains, or a value is not what was
 * stored, a line is counted; the exit status says whether there was one.
 *
 * What is checked at each access: in every page that is used each thread has
 * one word for private and one for shared stores, and only it writes them.
 * Whoever reads one sees a store not older than the last that was completed
 * before, and not newer than the last that was begun; of a private word, when
 * the page may have been dropped since, also what stands in the file.  In the
 * file there never is a private store.
 *
 * Names used in this file
 *   range	a huge page of the file, and where it is mapped
 *   spot	one of the pages of a range that are used; few, to collide
 *   zap	madvise(DONTNEED), which drops private pages
 *   seq	a store's number; 0 is what stood in the file at first
 */
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fs/fs.h"
#include "native.h"

#define MAX_THREADS 16
#define NR_RANGES 4		/* the last one's blocks are not aligned */
#define NR_READ_FIRST 2		/* ranges with a huge entry from the start */
#define MAX_SPOTS 16
#define OPS_PER_ROUND 2000	/* of each thread */
#define RAM_PAGES (1u << 20)
#define STUCK_SECONDS 30
#define MAX_COMPLAINTS 64
#define MAX_TALLIES 32
#define DELAY_ORDER 16		/* log2 of loops; tens of microseconds */

#define SEQ_BITS 36
#define ZAP_BITS 28
#define NO_ZAPS ((UINT64_C(1) << ZAP_BITS) - 1)	/* some were under way */

/* What stands in a word: its origin, whose it is, the page and the seq. */
enum origin {
	IN_FILE = 1,
	BY_PRIVATE,
	BY_SHARED,
};

static struct {
	unsigned int nr_threads;
	uint64_t nr_faults;
	unsigned int seconds;		/* 0: no limit */
	unsigned int delay_every;	/* tracepoints; 0: never */
	uint64_t seed;
	struct machine_geometry geometry;
} options = {
	.nr_threads = 4,
	.nr_faults = 2000000,
	.delay_every = 64,
	.seed = 1,
	.geometry = NATIVE_GEOMETRY,
};

static const struct machine_geometry small_geometry = {
	.page_shift = 8,
	.huge_order = 3,
	.upper_levels = 1,
	.tree_bits = 3,
	.wait_bits = 2,
};

struct events {
	uint64_t begun;
	uint64_t done;
};

/*
 * What is known of a word of the common maps.  Words: its owner writes, all
 * read.
 */
struct history {
	uint64_t begun;		/* seq of the last store that was begun */
	uint64_t done;		/* and of the last completed, with the zaps
				 * begun before it: pack() */
};

struct worker {
	unsigned int nr;
	pthread_t thread;
	uint64_t random;
	uint64_t next_seq;
	struct tally {
		const char *name;
		uint64_t nr;
	} tallies[MAX_TALLIES];
};

static struct worker workers[MAX_THREADS];
static _Thread_local struct worker *self;	/* NULL: the main thread */
static pthread_barrier_t barrier;		/* begins and ends a round */
static bool quit;				/* set between rounds */

static struct {
	struct super_block *sb;
	struct inode *inode;
	struct mm *mm;

	/* Words: what befell the private map of a range. */
	struct events zaps[NR_RANGES];		/* remaps too */
	struct events remaps[NR_RANGES];
	uint64_t remapping[NR_RANGES];		/* 1: one thread is at it */
	uint64_t hot;				/* the last range mapped anew */

	struct history private[NR_RANGES][MAX_SPOTS][MAX_THREADS];
	struct history shared[NR_RANGES][MAX_SPOTS][MAX_THREADS];
} world;

/* Complaints that differ only in numbers are one. */
static struct complaint {
	unsigned int oracle;
	uint64_t nr;
	char text[160];		/* of the first */
	char key[160];		/* digits left out */
} complaints[MAX_COMPLAINTS];
static unsigned int nr_complaints;
static uint64_t complaints_lost;	/* there was no room for them */
static pthread_mutex_t complaints_lock = PTHREAD_MUTEX_INITIALIZER; /* three */

/* ------ complaints ------ */

static void make_key(char *key, size_t size, const char *text)
{
	size_t used = 0;

	for (; *text && used + 1 < size; text++)
		if (*text < '0' || *text > '9')
			key[used++] = *text;
	key[used] = '\0';
}

static void on_report(void *arg, unsigned int oracle, const char *text)
{
	struct complaint *complaint = complaints;
	char key[sizeof(complaint->key)];

	(void)arg;
	make_key(key, sizeof(key), text);
	pthread_mutex_lock(&complaints_lock);
	while (complaint < &complaints[nr_complaints] &&
	       (complaint->oracle != oracle || strcmp(complaint->key, key)))
		complaint++;
	if (complaint < &complaints[nr_complaints]) {
		complaint->nr++;
	} else if (nr_complaints < MAX_COMPLAINTS) {
		complaint->oracle = oracle;
		complaint->nr = 1;
		snprintf(complaint->text, sizeof(complaint->text), "%s", text);
		memcpy(complaint->key, key, sizeof(key));
		nr_complaints++;
	} else {
		complaints_lost++;
	}
	pthread_mutex_unlock(&complaints_lock);
}

/* Not through stdio: a crash prints them as well.  Return: how many. */
static uint64_t print_complaints(void)
{
	uint64_t nr = complaints_lost;

	for (unsigned int i = 0; i < nr_complaints; i++) {
		dprintf(STDOUT_FILENO, "O%u: %s (%" PRIu64 " times)\n",
			complaints[i].oracle, complaints[i].text,
			complaints[i].nr);
		nr += complaints[i].nr;
	}
	return nr;
}

static void on_crash(int sig)
{
	signal(sig, SIG_DFL);
	print_complaints();
	if (sig == SIGALRM)
		dprintf(STDOUT_FILENO, "O7: no progress for %d s\n",
			STUCK_SECONDS);
	else
		dprintf(STDOUT_FILENO, "the engine crashed: %s\n",
			sig == SIGSEGV ? "SIGSEGV" :
			sig == SIGBUS ? "SIGBUS" : "kernel BUG");
	_exit(1);
}

/* ------ chance, and what the engine tells about itself ------ */

/* splitmix64 */
static uint64_t random_next(void)
{
	uint64_t z = self->random += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static unsigned int random_below(unsigned int nr)
{
	return (unsigned int)(random_next() >> 32) % nr;
}

static void tally(const char *name)
{
	struct tally *entry;

	if (!self)
		return;
	entry = self->tallies;
	while (entry->name != name && entry->name)
		if (++entry == &self->tallies[MAX_TALLIES])
			return;
	entry->name = name;
	entry->nr++;
}

/*
 * Wait here and there, mostly a little and sometimes longer: another order of
 * things has its chance.
 */
static void maybe_delay(void)
{
	unsigned int loops;

	if (!self || !options.delay_every ||
	    random_below(options.delay_every) != 0)
		return;
	loops = 1u << random_below(DELAY_ORDER);
	for (volatile unsigned int i = 0; i < loops; i++)
		;
}

static unsigned int on_choose(void *arg, unsigned int nr, const char *what)
{
	(void)arg;
	(void)nr;
	(void)what;
	maybe_delay();
	return 0;
}

static void on_trace(void *arg, const char *name, uint64_t a, uint64_t b)
{
	(void)arg;
	(void)a;
	(void)b;
	tally(name);
	maybe_delay();
}

/* Return: how often the tracepoint was passed, by all. */
static uint64_t traced(const char *name)
{
	uint64_t nr = 0;

	for (unsigned int i = 0; i < options.nr_threads; i++)
		for (const struct tally *entry = workers[i].tallies;
		     entry < &workers[i].tallies[MAX_TALLIES] && entry->name;
		     entry++)
			if (strcmp(entry->name, name) == 0)
				nr += entry->nr;
	return nr;
}

/* ------ where things are ------ */

static unsigned int pages_per_range(void)
{
	return 1u << options.geometry.huge_order;
}

static uint64_t page_bytes(void)
{
	return UINT64_C(1) << options.geometry.page_shift;
}

static uint64_t range_bytes(void)
{
	return pages_per_range() * page_bytes();
}

static unsigned int nr_spots(void)
{
	return pages_per_range() < MAX_SPOTS ? pages_per_range() : MAX_SPOTS;
}

/* Return: the page within its range. */
static unsigned int spot_page(unsigned int spot)
{
	return spot * (pages_per_range() / nr_spots());
}

static uint64_t file_page(unsigned int range, unsigned int spot)
{
	return range * pages_per_range() + spot_page(spot);
}

static uint64_t private_map(unsigned int range)
{
	return (1 + range) * range_bytes();
}

static uint64_t shared_map(unsigned int range)
{
	return (1 + NR_RANGES + range) * range_bytes();
}

/* Where a worker maps what it likes: room for two ranges. */
static uint64_t own_map(void)
{
	return (1 + 2 * NR_RANGES + 2 * self->nr) * range_bytes();
}

static uint64_t private_word(unsigned int owner)
{
	return owner * sizeof(uint64_t);
}

static uint64_t shared_word(unsigned int owner)
{
	return (MAX_THREADS + owner) * sizeof(uint64_t);
}

static uint64_t value(enum origin origin, unsigned int owner, uint64_t page,
		      uint64_t seq)
{
	return (uint64_t)origin << 60 | (uint64_t)owner << 52 |
	       page << SEQ_BITS | seq;
}

/* What stands in a word of the file before anybody stores. */
static uint64_t file_value(uint64_t page, uint64_t word)
{
	return value(IN_FILE, (unsigned int)(word / sizeof(uint64_t)), page, 0);
}

/* A seq and how many zaps were begun, or NO_ZAPS, in one word. */
static uint64_t pack(uint64_t seq, uint64_t zaps)
{
	return seq << ZAP_BITS | zaps;
}

static uint64_t range_block(unsigned int range)
{
	unsigned int skew = range == NR_RANGES - 1 ? 1 : 0;

	return range * pages_per_range() + skew;
}

/* ------ events ------ */

static struct events events_now(const struct events *events)
{
	struct events now;

	/* In this order: who sees none under way is right. */
	now.done = machine_load(&events->done);
	now.begun = machine_load(&events->begun);
	return now;
}

/* Return: whether nothing happened since, nor was under way then. */
static bool events_none(const struct events *events, struct events since)
{
	return since.begun == since.done &&
	       machine_load(&events->begun) == since.begun;
}

/* ------ accesses ------ */

static uint64_t load(uint64_t addr)
{
	uint64_t val = 0;
	int err = mm_load(world.mm, addr, sizeof(val), &val);

	if (err)
		machine_report(9, "stress: a load fails: %d", err);
	return val;
}

static void store(uint64_t addr, uint64_t val)
{
	int err = mm_store(world.mm, addr, sizeof(val), val);

	if (err)
		machine_report(9, "stress: a store fails: %d", err);
}

/*
 * An access to the common private map, that somebody may be mapping anew.
 * Return: whether it was done.
 */
static bool private_done(int err, unsigned int range, struct events remaps)
{
	if (err == -EFAULT && !events_none(&world.remaps[range], remaps))
		return false;
	if (err)
		machine_report(9, "stress: a private access fails: %d", err);
	return !err;
}

static bool private_load(unsigned int range, uint64_t addr, uint64_t *val)
{
	struct events remaps = events_now(&world.remaps[range]);

	return private_done(mm_load(world.mm, addr, sizeof(*val), val), range,
			    remaps);
}

static bool private_store(unsigned int range, uint64_t addr, uint64_t val)
{
	struct events remaps = events_now(&world.remaps[range]);

	return private_done(mm_store(world.mm, addr, sizeof(val), val), range,
			    remaps);
}

static void must(int err, const char *what)
{
	if (err)
		machine_report(9, "stress: %s fails: %d", what, err);
}

/* A value that was read where it must not be. */
static void wrong_value(unsigned int oracle, const char *where, uint64_t got)
{
	static const char *const origins[16] = {
		[IN_FILE] = "the first value",
		[BY_PRIVATE] = "a private store",
		[BY_SHARED] = "a shared store",
	};
	const char *origin = origins[got >> 60];

	machine_report(oracle, "stress: %s shows %s, thread %u page %u seq %u",
		       where, origin ? origin : "something strange",
		       (unsigned int)(got >> 52 & 0xff),
		       (unsigned int)(got >> SEQ_BITS & 0xffff),
		       (unsigned int)got);
}

/*
 * Find the seq of what was read in a word.
 * Return: whether it is a value of this word.
 */
static bool find_seq(uint64_t got, enum origin origin, unsigned int owner,
		     uint64_t page, uint64_t *seq)
{
	uint64_t word = origin == BY_SHARED ? shared_word(owner) :
					      private_word(owner);

	*seq = 0;
	if (got == file_value(page, word))
		return true;
	*seq = got - value(origin, owner, page, 0);
	return *seq && *seq >> SEQ_BITS == 0;
}

/* Read a shared word in the range mapped shared at base. */
static void shared_read(uint64_t base, unsigned int range, unsigned int spot,
			unsigned int owner)
{
	const struct history *history = &world.shared[range][spot][owner];
	uint64_t page = file_page(range, spot);
	uint64_t addr = base + spot_page(spot) * page_bytes();
	uint64_t done = machine_load(&history->done) >> ZAP_BITS;
	uint64_t got = load(addr + shared_word(owner));
	uint64_t seq;

	if (!find_seq(got, BY_SHARED, owner, page, &seq) ||
	    seq > machine_load(&history->begun))
		wrong_value(4, "a shared word", got);
	else if (seq < done)
		wrong_value(8, "a shared word with a newer store", got);
	got = load(addr + private_word(owner));
	if (got != file_value(page, private_word(owner)))
		wrong_value(8, "a private word of the file", got);
}

static void shared_write(uint64_t base, unsigned int range, unsigned int spot)
{
	unsigned int owner = self->nr;
	struct history *history = &world.shared[range][spot][owner];
	uint64_t seq = ++self->next_seq;

	machine_store(&history->begun, seq);
	store(base + spot_page(spot) * page_bytes() + shared_word(owner),
	      value(BY_SHARED, owner, file_page(range, spot), seq));
	machine_store(&history->done, pack(seq, 0));
	if (random_below(4) == 0)
		shared_read(base, range, spot, owner);
}

/* Where a word of the common private map is. */
static uint64_t private_addr(unsigned int range, unsigned int spot,
			     uint64_t word)
{
	return private_map(range) + spot_page(spot) * page_bytes() + word;
}

/* Read a private word in the common private map. */
static void private_read(unsigned int range, unsigned int spot,
			 unsigned int owner)
{
	const struct history *history = &world.private[range][spot][owner];
	uint64_t page = file_page(range, spot);
	uint64_t done = machine_load(&history->done);
	uint64_t got, seq;
	bool kept;

	if (!private_load(range, private_addr(range, spot, private_word(owner)),
			  &got))
		return;
	kept = machine_load(&world.zaps[range].begun) == (done & NO_ZAPS);
	if (!find_seq(got, BY_PRIVATE, owner, page, &seq) ||
	    seq > machine_load(&history->begun))
		wrong_value(4, "a private word", got);
	else if (seq < done >> ZAP_BITS && (seq || kept))
		wrong_value(8, "a private word with a newer store", got);
}

/* Read a shared word in the common private map: as now, or an old copy. */
static void private_read_shared(unsigned int range, unsigned int spot,
				unsigned int owner)
{
	const struct history *history = &world.shared[range][spot][owner];
	uint64_t got, seq;

	if (!private_load(range, private_addr(range, spot, shared_word(owner)),
			  &got))
		return;
	if (!find_seq(got, BY_SHARED, owner, file_page(range, spot), &seq) ||
	    seq > machine_load(&history->begun))
		wrong_value(4, "a shared word of a private map", got);
}

static void private_write(unsigned int range, unsigned int spot)
{
	unsigned int owner = self->nr;
	struct history *history = &world.private[range][spot][owner];
	struct events zaps = events_now(&world.zaps[range]);
	uint64_t seq = ++self->next_seq;

	machine_store(&history->begun, seq);
	if (!private_store(range,
			   private_addr(range, spot, private_word(owner)),
			   value(BY_PRIVATE, owner, file_page(range, spot),
				 seq)))
		return;
	machine_store(&history->done,
		      pack(seq, zaps.begun == zaps.done ? zaps.begun :
							  NO_ZAPS));
	if (random_below(4) == 0)
		private_read(range, spot, owner);
}

static void zap_private(unsigned int range, uint64_t offset, uint64_t bytes)
{
	struct events remaps = events_now(&world.remaps[range]);
	int err;

	machine_add(&world.zaps[range].begun, 1);
	err = madvise_dontneed(world.mm, private_map(range) + offset, bytes);
	if (err != -ENOMEM || events_none(&world.remaps[range], remaps))
		must(err, "madvise");
	machine_add(&world.zaps[range].done, 1);
}

/* ------ operations ------ */

static unsigned int random_spot(void)
{
	return random_below(nr_spots());
}

static unsigned int random_thread(void)
{
	return random_below(options.nr_threads);
}

static void op_private_read(unsigned int range)
{
	private_read(range, random_spot(), random_thread());
}

static void op_private_read_shared(unsigned int range)
{
	private_read_shared(range, random_spot(), random_thread());
}

static void op_private_write(unsigned int range)
{
	private_write(range, random_spot());
}

static void op_shared_read(unsigned int range)
{
	shared_read(shared_map(range), range, random_spot(), random_thread());
}

static void op_shared_write(unsigned int range)
{
	shared_write(shared_map(range), range, random_spot());
}

static void op_zap_range(unsigned int range)
{
	zap_private(range, 0, range_bytes());
}

static void op_zap_part(unsigned int range)
{
	unsigned int first = spot_page(random_spot());
	unsigned int pages = 1 + random_below(pages_per_range() - first);

	zap_private(range, first * page_bytes(), pages * page_bytes());
}

static void op_zap_shared(unsigned int range)
{
	must(madvise_dontneed(world.mm, shared_map(range), range_bytes()),
	     "madvise");
}

static void map_range(uint64_t addr, unsigned int range, unsigned int flags)
{
	must(fs_mmap(world.mm, world.inode, addr, range_bytes(),
		     PROT_READ | PROT_WRITE, flags, range * pages_per_range()),
	     "mmap");
}

/*
 * Begin anew: a range whose PMD once was a table stays one until munmap(), and
 * two faults of different size only collide where there is neither.
 */
static void op_remap(unsigned int range)
{
	uint64_t expected = 0;

	if (!machine_cmpxchg(&world.remapping[range], &expected, 1))
		return;
	machine_add(&world.remaps[range].begun, 1);
	machine_add(&world.zaps[range].begun, 1);
	must(do_munmap(world.mm, private_map(range), range_bytes()), "munmap");
	map_range(private_map(range), range, MAP_PRIVATE);
	machine_add(&world.zaps[range].done, 1);
	machine_add(&world.remaps[range].done, 1);
	machine_store(&world.remapping[range], 0);
	machine_store(&world.hot, range);
}

/* Map, use and unmap the range at addr, where nobody else does anything. */
static void use_own_map(unsigned int range, uint64_t addr, unsigned int flags)
{
	unsigned int spot = random_spot();
	uint64_t page = spot_page(spot) * page_bytes();
	uint64_t word = addr + page + private_word(self->nr);
	uint64_t val = value(BY_PRIVATE, self->nr, file_page(range, spot),
			     ++self->next_seq);
	uint64_t got;

	map_range(addr, range, flags);
	if (flags == MAP_SHARED) {
		shared_read(addr, range, spot, random_thread());
		shared_write(addr, range, spot);
	} else {
		got = load(word);
		if (got != file_value(file_page(range, spot),
				      private_word(self->nr)))
			wrong_value(4, "a new private map", got);
		store(word, val);
		got = load(word);
		if (got != val)
			wrong_value(8, "an own private map", got);
	}
	if (random_below(2)) {
		must(do_munmap(world.mm, addr + page, page_bytes()), "munmap");
		if (mm_load(world.mm, word, sizeof(val), &val) != -EFAULT)
			machine_report(4, "stress: unmapped, but a load works");
	}
	must(do_munmap(world.mm, addr, range_bytes()), "munmap");
}

static void op_own_map(unsigned int range)
{
	uint64_t addr = own_map();
	unsigned int flags = random_below(2) ? MAP_SHARED : MAP_PRIVATE;

	/* Off the colour of the file now and then: no huge page then. */
	if (random_below(4) == 0)
		addr += page_bytes();
	use_own_map(range, addr, flags);
}

static const struct {
	void (*perform)(unsigned int range);
	unsigned int weight;
} operations[] = {
	{ op_private_read, 30 },
	{ op_private_read_shared, 10 },
	{ op_private_write, 24 },
	{ op_shared_read, 8 },
	{ op_shared_write, 8 },
	{ op_zap_range, 7 },
	{ op_remap, 5 },
	{ op_zap_part, 3 },
	{ op_zap_shared, 3 },
	{ op_own_map, 2 },
};

#define TOTAL_WEIGHT 100

/* Every other time where all the others are just now. */
static unsigned int random_range(void)
{
	if (random_below(2))
		return (unsigned int)machine_load(&world.hot);
	return random_below(NR_RANGES);
}

static void random_operation(void)
{
	unsigned int left = random_below(TOTAL_WEIGHT);
	size_t i = 0;

	while (left >= operations[i].weight)
		left -= operations[i++].weight;
	operations[i].perform(random_range());
}

/* ------ rounds ------ */

static void *work(void *arg)
{
	self = arg;
	for (;;) {
		pthread_barrier_wait(&barrier);
		if (quit)
			return NULL;
		for (int i = 0; i < OPS_PER_ROUND; i++)
			random_operation();
		for (unsigned int range = 0; range < NR_RANGES; range++)
			for (unsigned int spot = 0; spot < nr_spots(); spot++)
				private_read(range, spot, self->nr);
		pthread_barrier_wait(&barrier);
	}
}

/* Call function for each word of the file that is used. */
static void each_file_word(void (*function)(uint64_t pfn, uint64_t page,
					    uint64_t word))
{
	for (unsigned int range = 0; range < NR_RANGES; range++)
		for (unsigned int spot = 0; spot < nr_spots(); spot++)
			for (uint64_t i = 0; i < 2 * MAX_THREADS; i++)
				function(native_device_pfn() +
					 range_block(range) + spot_page(spot),
					 file_page(range, spot),
					 i * sizeof(uint64_t));
}

static void file_word_init(uint64_t pfn, uint64_t page, uint64_t word)
{
	machine_data_store(pfn, word, sizeof(uint64_t),
			   file_value(page, word));
}

static void file_word_check(uint64_t pfn, uint64_t page, uint64_t word)
{
	uint64_t got = machine_data_load(pfn, word, sizeof(uint64_t));

	if (word < shared_word(0) && got != file_value(page, word))
		wrong_value(8, "the file after all", got);
}

static uint64_t device_pages(void)
{
	return (NR_RANGES + 1) * pages_per_range();
}

static void round_begin(void)
{
	memset(&world, 0, sizeof(world));
	each_file_word(file_word_init);
	world.sb = fs_create(native_device_pfn(), device_pages());
	world.inode = inode_create(world.sb, "f", NR_RANGES * pages_per_range());
	for (unsigned int range = 0; range < NR_RANGES; range++)
		must(inode_add_extent(world.inode, range * pages_per_range(),
				      pages_per_range(), IOMAP_MAPPED,
				      range_block(range)), "add_extent");
	world.mm = mm_create("stress");
	for (unsigned int range = 0; range < NR_RANGES; range++) {
		map_range(private_map(range), range, MAP_PRIVATE);
		map_range(shared_map(range), range, MAP_SHARED);
	}
	for (unsigned int range = 0; range < NR_READ_FIRST; range++)
		load(private_map(range));
}

static void round_end(uint64_t objects, uint64_t pages)
{
	verify_mm(world.mm);
	verify_inode(world.inode);
	exit_mmap(world.mm);
	inode_destroy(world.inode);
	fs_destroy(world.sb);
	each_file_word(file_word_check);
	if (native_live_objects() != objects)
		machine_report(14, "stress: objects lost: %" PRIu64,
			       native_live_objects() - objects);
	if (native_live_pages() != pages)
		machine_report(14, "stress: pages lost: %" PRIu64,
			       native_live_pages() - pages);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Return: seconds that the threads worked. */
static double run_rounds(void)
{
	double start = now();
	double worked = 0;

	do {
		uint64_t objects = native_live_objects();
		uint64_t pages = native_live_pages();
		double begun;

		alarm(STUCK_SECONDS);
		round_begin();
		begun = now();
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		worked += now() - begun;
		round_end(objects, pages);
	} while (traced("page_fault") < options.nr_faults &&
		 (!options.seconds || now() - start < options.seconds));
	alarm(0);
	quit = true;
	pthread_barrier_wait(&barrier);
	return worked;
}

static double run(void)
{
	double worked;

	pthread_barrier_init(&barrier, NULL, options.nr_threads + 1);
	for (unsigned int i = 0; i < options.nr_threads; i++) {
		workers[i].nr = i;
		workers[i].random = options.seed << 8 | i;
		if (pthread_create(&workers[i].thread, NULL, work,
				   &workers[i])) {
			perror("stress: pthread_create");
			exit(2);
		}
	}
	worked = run_rounds();
	for (unsigned int i = 0; i < options.nr_threads; i++)
		pthread_join(workers[i].thread, NULL);
	pthread_barrier_destroy(&barrier);
	return worked;
}

/* ------ the command line ------ */

static const char usage[] =
	"usage: stress [OPTION...]\n"
	"Page faults that collide, on real threads.\n"
	"  --threads N            1 to 16 (4)\n"
	"  --faults N             stop after so many (2000000)\n"
	"  --seconds N            stop after so long (no limit)\n"
	"  --geometry small|life  8 pages in a huge page, or 512 (life)\n"
	"  --seed N               of the choice of operations (1)\n"
	"  --delays N             wait at one in N tracepoints, 0: never (64)\n"
	"Exit status: 0 clean, 1 a complaint, 2 wrong use.\n";

static _Noreturn void wrong_use(void)
{
	fputs(usage, stderr);
	exit(2);
}

static unsigned int number(const char *text, uint64_t min, uint64_t max)
{
	char *end;
	uint64_t val = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || val < min || val > max)
		wrong_use();
	return (unsigned int)val;
}

static void parse_geometry(const char *name)
{
	if (strcmp(name, "small") == 0)
		options.geometry = small_geometry;
	else if (strcmp(name, "life") != 0)
		wrong_use();
}

static void parse_options(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "threads", required_argument, NULL, 't' },
		{ "faults", required_argument, NULL, 'f' },
		{ "seconds", required_argument, NULL, 's' },
		{ "geometry", required_argument, NULL, 'g' },
		{ "seed", required_argument, NULL, 'e' },
		{ "delays", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		switch (option) {
		case 't':
			options.nr_threads = number(optarg, 1, MAX_THREADS);
			break;
		case 'f':
			options.nr_faults = number(optarg, 1, UINT32_MAX);
			break;
		case 's':
			options.seconds = number(optarg, 1, UINT32_MAX);
			break;
		case 'g':
			parse_geometry(optarg);
			break;
		case 'e':
			options.seed = number(optarg, 0, UINT32_MAX);
			break;
		case 'd':
			options.delay_every = number(optarg, 0, UINT32_MAX);
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			wrong_use();
		}
	if (optind != argc)
		wrong_use();
}

static void print_summary(double worked, uint64_t nr_complained)
{
	static const char *const kinds[] = {
		"do_read_fault", "do_cow_fault", "do_shared_fault",
		"do_wp_page", "dax_iomap_pmd_fault", "split_huge_pmd", "retry",
	};
	uint64_t nr = traced("page_fault");

	printf("%u threads, %" PRIu64 " faults in %.2f s, %.0f/s:",
	       options.nr_threads, nr, worked, (double)nr / worked);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		printf(" %s %" PRIu64, kinds[i], traced(kinds[i]));
	printf("; %" PRIu64 " complaints\n", nr_complained);
}

int main(int argc, char **argv)
{
	static const int crashes[] = { SIGSEGV, SIGBUS, SIGABRT, SIGALRM };
	struct native_options machine = {
		.ram_pages = RAM_PAGES,
		.device_pages = device_pages(),
		.on_report = on_report,
		.on_trace = on_trace,
		.choose = on_choose,
	};
	uint64_t nr_complained;
	double worked;

	parse_options(argc, argv);
	machine.geometry = options.geometry;
	machine.device_pages = device_pages();
	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		signal(crashes[i], on_crash);
	if (native_open(&machine)) {
		fputs("stress: no memory for the machine\n", stderr);
		return 2;
	}
	worked = run();
	nr_complained = print_complaints();
	native_print_live(stdout);
	print_summary(worked, nr_complained);
	native_close();
	return nr_complained ? 1 : 0;
}
