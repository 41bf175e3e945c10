/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * faultline.h - files on byte-addressable memory, and programs that map them.
 *
 * Interface
 *   fl_open(), fl_close(), fl_usage()		a pool of files
 *   fl_create(), fl_open_file(), fl_close_file()	its files
 *   fl_remove(), fl_rename(), fl_next_name()
 *   fl_size(), fl_truncate(), fl_allocate()
 *   fl_read(), fl_write(), fl_seek(), fl_pread(), fl_pwrite()
 *   fl_fsync(), fl_fsync_range()
 *   fl_new_space(), fl_fork(), fl_destroy()	address spaces
 *   fl_map(), fl_unmap(), fl_protect(), fl_remap()	what is mapped there
 *   fl_advise(), fl_msync()
 *   fl_load(), fl_store(), fl_load_bytes(), fl_store_bytes()
 *   fl_pin(), fl_unpin(), fl_persist()		a page itself
 *   fl_strerror()
 *
 * The library is Linux's DAX fault path as a program of its own: what is
 * mapped where, page tables, entries, extents and locks are those of the
 * engine that `faultline check` examines, in the very same object code.
 * libfaultline(3) has the whole story, and an example.
 *
 * In all of it
 *
 *   Units	sizes, positions and addresses are in bytes.  A page has 4096,
 *		a huge page 2 MiB.
 *   Errors	functions that can fail return 0 or a number above it, or one
 *		of <errno.h>, negated; then nothing has changed but where it
 *		is said.  -EINVAL is a wrong argument, -ENOMEM no memory of the
 *		process or none of options->ram_bytes.
 *   Threads	any function may be called by any thread at any time, but that
 *		what is closed, destroyed or unpinned is not used meanwhile or
 *		afterwards.  No lock is held between two calls.  All functions
 *		may sleep: until others let go of the file or address space,
 *		never for a device.  None may be called in a signal handler.
 *   fork(2)	a child may not use what its parent opened.
 */
#ifndef FAULTLINE_H
#define FAULTLINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FL_PAGE_BYTES 4096
#define FL_HUGE_PAGE_BYTES (512 * FL_PAGE_BYTES)
#define FL_NAME_MAX 255		/* bytes of a file's name, without the 0 */

struct fl_pool;
struct fl_file;			/* an open file, with a position */
struct fl_space;		/* an address space: what a process has */

/* ---- Pools ---- */

#define FL_CREATE 0x1u		/* make it when it is not there */
#define FL_EXCLUSIVE 0x2u	/* with FL_CREATE: it must not be there */
#define FL_FORMAT 0x4u		/* make it anew; what was there is lost */

struct fl_options {
	unsigned int flags;	/* of the above; 0: the pool is there */
	uint64_t bytes;		/* of a pool that is made, a multiple of a
				 * page, 4 MiB at least.  0: what the file or
				 * device has, 64 MiB if it has nothing. */
	uint64_t ram_bytes;	/* for page tables and private copies of pages;
				 * taken when needed.  0: 1 GiB */
	/*
	 * Called with each complaint: a line of text without its end, valid
	 * during the call; which invariant of faultline(1) is broken, or 0
	 * for what fl_open() has to say of a pool that it cannot open.  It may
	 * be called by several threads at once, and may not call back.
	 * NULL: complaints go to stderr.
	 */
	void (*complain)(void *arg, unsigned int invariant, const char *text);
	void *arg;
};

/*
 * Open a pool in a file or in a character device such as /dev/dax0.0; path NULL
 * is one in memory, which is new, empty, and gone when it is closed.  options
 * NULL is all zeroes; they are copied.  A process has one pool at a time, a
 * pool one process.  With FL_CREATE a file is made if there is none, and a pool
 * in it if it is all zeroes.
 *
 * Return: 0 and *pool, the caller's until fl_close().
 *   -EBUSY	this process has a pool already, or another has this one
 *   -ENODATA	no pool is there
 *   -EEXIST	with FL_EXCLUSIVE: one is; with FL_CREATE: something else is
 *   -EUCLEAN	it is damaged; the complaint says what, and where.  Nothing
 *		has been written.
 *   -EIO	the medium has lost a page of its metadata
 *   -EOPNOTSUPP	another version of this library has made it
 *   -ENOSPC	too few bytes
 *   or what open(2), ftruncate(2) and mmap(2) say.
 */
int fl_open(const char *path, const struct fl_options *options,
	    struct fl_pool **pool);

/*
 * Close a pool.  Names, sizes and blocks of its files are on the medium then;
 * of their contents what was there, or was synced.
 *
 * Return: 0, or -EBUSY: a file is open, or there is an address space.
 */
int fl_close(struct fl_pool *pool);

struct fl_usage {
	uint64_t bytes;		/* for data of files */
	uint64_t free_bytes;
	uint64_t files;
	uint64_t complaints;	/* broken invariants, since it was opened */
};

/* Always succeeds. */
void fl_usage(struct fl_pool *pool, struct fl_usage *usage);

/* ---- Files ---- */

/*
 * Names are 1 to FL_NAME_MAX bytes, but no slash; there are no directories.
 * When one of these functions returns, what it did will survive a power cut.
 *
 * -EINVAL, -ENAMETOOLONG: no such name can be.  -ENOENT: there is no such file.
 */

/*
 * Make an empty file and open it.
 * Return: 0 and *file, the caller's until fl_close_file(); -EEXIST, -ENOSPC.
 */
int fl_create(struct fl_pool *pool, const char *name, struct fl_file **file);

/* Open a file.  Return: 0 and *file, as above. */
int fl_open_file(struct fl_pool *pool, const char *name, struct fl_file **file);

/* Close it.  What is mapped stays mapped. */
void fl_close_file(struct fl_file *file);

/*
 * Remove a file.
 * Return: 0, or -EBUSY: it is open or mapped, or a page of it is pinned.
 */
int fl_remove(struct fl_pool *pool, const char *name);

/* Give a file a new name.  Return: 0, -EEXIST, -ENOSPC. */
int fl_rename(struct fl_pool *pool, const char *from, const char *to);

/*
 * Replace name by the one that follows it in the order of bytes; the first one
 * follows "".  Files may come and go meanwhile.
 * Return: 1, or 0: there is no more.
 */
int fl_next_name(struct fl_pool *pool, char name[FL_NAME_MAX + 1]);

/* Return: the file's size. */
uint64_t fl_size(struct fl_file *file);

/*
 * Cut a file off, or let it grow by a hole, which reads as zeroes.  Sleeps
 * while pages are pinned that it takes away.
 * Return: 0, -EFBIG, -ENOSPC.
 */
int fl_truncate(struct fl_file *file, uint64_t bytes);

enum fl_allocate_mode {
	FL_ALLOCATE,		/* blocks where there are none */
	FL_PUNCH_HOLE,		/* none where there are some */
	FL_ZERO_RANGE,		/* zeroes, with blocks */
	FL_COLLAPSE_RANGE,	/* cut it out: what is behind moves down */
	FL_INSERT_RANGE,	/* a hole: what is behind moves up */
};

/*
 * fallocate(2).  All but FL_PUNCH_HOLE may let the file grow.  The last two
 * want whole pages, and what is behind them to be in the file.  Sleeps as
 * fl_truncate().
 * Return: 0, -EFBIG, -ENOSPC.
 */
int fl_allocate(struct fl_file *file, enum fl_allocate_mode mode,
		uint64_t position, uint64_t bytes);

/*
 * Read and write; fl_read() and fl_write() from the file's position on, which
 * they move, one after the other.  What is written is in the mappings of the
 * file when they return, and on the medium after fl_fsync().
 * Return: how many bytes were done: fewer at the file's end, and when the rest
 * met an error; or an error when there were none: -ENOSPC, -EFBIG, -EIO (the
 * medium has lost the page).
 */
int64_t fl_read(struct fl_file *file, void *to, size_t bytes);
int64_t fl_write(struct fl_file *file, const void *from, size_t bytes);
int64_t fl_pread(struct fl_file *file, void *to, size_t bytes,
		 uint64_t position);
int64_t fl_pwrite(struct fl_file *file, const void *from, size_t bytes,
		  uint64_t position);

/* Set the position.  Return: 0. */
int fl_seek(struct fl_file *file, uint64_t position);

/*
 * When it returns, all that was written to the file, in whatever way, will be
 * there after a power cut.
 * Return: 0, or -EIO.
 */
int fl_fsync(struct fl_file *file);
int fl_fsync_range(struct fl_file *file, uint64_t position, uint64_t bytes);

/* ---- Address spaces ---- */

/*
 * Make an empty address space.
 * Return: 0 and *space, the caller's until fl_destroy().
 */
int fl_new_space(struct fl_pool *pool, struct fl_space **space);

/* The same, as fork(2) makes it: private pages are shared until written. */
int fl_fork(struct fl_space *space, struct fl_space **child);

/* Unmap everything and forget it.  Its pins stay. */
void fl_destroy(struct fl_space *space);

#define FL_READ 0x1u		/* as <sys/mman.h> has them */
#define FL_WRITE 0x2u

#define FL_SHARED 0x1u		/* stores go to the file */
#define FL_PRIVATE 0x2u		/* they stay in the address space */
#define FL_POPULATE 0x4u	/* fault all in at once */
#define FL_SYNC 0x8u		/* with FL_SHARED: where a store has been
				 * possible, the block will be the file's
				 * after a power cut: fl_persist() is enough */

/*
 * Map bytes of a file from position on, a multiple of a page, at *address, with
 * access FL_READ, FL_WRITE, both or none.  *address 0 lets it choose: where
 * huge pages of the file can be huge pages of the mapping.  The mapping may
 * reach beyond the file's end, where accesses fail, and outlives the open file.
 * Return: 0 and *address; -EEXIST: something is mapped there already;
 * -ENOMEM: or no room for addresses.
 */
int fl_map(struct fl_space *space, struct fl_file *file, uint64_t *address,
	   uint64_t bytes, uint64_t position, unsigned int access,
	   unsigned int flags);

/* munmap(2), mprotect(2): bytes are rounded up to pages. */
int fl_unmap(struct fl_space *space, uint64_t address, uint64_t bytes);
int fl_protect(struct fl_space *space, uint64_t address, uint64_t bytes,
	       unsigned int access);

/*
 * mremap(2): make a mapping longer or shorter.  *new_address is where it goes;
 * address itself to keep it there, 0 to let it choose.
 * Return: 0 and *new_address; -EFAULT: it is not one mapping; -ENOMEM, -EEXIST:
 * no room there.
 */
int fl_remap(struct fl_space *space, uint64_t address, uint64_t old_bytes,
	     uint64_t new_bytes, uint64_t *new_address);

enum fl_advice {
	FL_DONTNEED,		/* unmap pages; private ones are lost */
	FL_POPULATE_READ,
	FL_POPULATE_WRITE,
};

/*
 * madvise(2).
 * Return: 0; -ENOMEM: a part is not mapped; and for FL_POPULATE_* -EINVAL: not
 * for that; -EFAULT where a program would get SIGBUS.
 */
int fl_advise(struct fl_space *space, uint64_t address, uint64_t bytes,
	      enum fl_advice advice);

/* fl_fsync_range() of what shared mappings have there.  -ENOMEM: a gap. */
int fl_msync(struct fl_space *space, uint64_t address, uint64_t bytes);

/*
 * What an instruction of a program in that address space does.  size is 1, 2,
 * 4 or 8, address a multiple of it; such an access is not torn.
 * Return: 0; -EFAULT where a program would get SIGSEGV: nothing is mapped, or
 * not for that; -ENXIO where it would get SIGBUS: beyond the file's end, the
 * medium has lost the page, or it is full.
 */
int fl_load(struct fl_space *space, uint64_t address, size_t size,
	    uint64_t *value);
int fl_store(struct fl_space *space, uint64_t address, size_t size,
	     uint64_t value);

/*
 * memcpy(3) from and to the address space, not atomic.
 * Return: how many bytes were done before the first error, or that error.
 */
int64_t fl_load_bytes(struct fl_space *space, uint64_t address, void *to,
		      size_t bytes);
int64_t fl_store_bytes(struct fl_space *space, uint64_t address,
		       const void *from, size_t bytes);

/* ---- A page itself ---- */

struct fl_pin {
	void *page;		/* FL_PAGE_BYTES of it */
	uint64_t frame;		/* the library's */
};

/*
 * Find the page that is mapped at address, a multiple of a page, for access
 * FL_READ or FL_WRITE, and keep it: until fl_unpin() it is that page of the
 * file, or of the private copies, whatever becomes of the mapping.  Threads of
 * this process may then use pin->page as any memory, without further calls.
 * With FL_WRITE a fl_fsync() later than the pin covers what was stored before
 * it; for what is stored after it, there is fl_persist().
 *
 * fl_truncate() and fl_allocate() that would take the page away wait for the
 * pin, so a thread that holds one does not call them.
 * Return: 0 and *pin, the caller's; -EFAULT where fl_load() or fl_store() would
 * fail.
 */
int fl_pin(struct fl_space *space, uint64_t address, unsigned int access,
	   struct fl_pin *pin);
void fl_unpin(struct fl_pool *pool, struct fl_pin *pin);

/*
 * When it returns, what was stored to these bytes of a pinned page of a file is
 * on the medium.  That they are the file's is for FL_SYNC or fl_fsync().
 * Return: 0.
 */
int fl_persist(struct fl_pool *pool, const struct fl_pin *pin, size_t offset,
	       size_t bytes);

/*
 * Return: a sentence about an error of this library, in static memory; the
 * error may be negated or not.
 */
const char *fl_strerror(int error);

#ifdef __cplusplus
}
#endif

#endif /* FAULTLINE_H */
