// SPDX-License-Identifier: GPL-2.0-only
/*
 * subject_ops.c - each operation of the language on the engine.
 */
#include "subject_internal.h"

static struct litmus_value failure(enum litmus_error error)
{
	return (struct litmus_value){ error, 0 };
}

/* What a system call answers, when number is what it answers for 0. */
static struct litmus_value answer(int error, uint64_t number)
{
	switch (error) {
	case 0:
		return (struct litmus_value){ LITMUS_OK, number };
	case -EFAULT:
		return failure(LITMUS_EFAULT);
	case -EBUS:
		return failure(LITMUS_SIGBUS);
	case -ENOMEM:
		return failure(LITMUS_ENOMEM);
	case -EEXIST:
		return failure(LITMUS_EEXIST);
	case -EIO:
		return failure(LITMUS_EIO);
	case -ENOSPC:
		return failure(LITMUS_ENOSPC);
	case -EFBIG:
		return failure(LITMUS_EFBIG);
	default:
		return failure(LITMUS_EINVAL);
	}
}

/* What a program's own access ends with. */
static struct litmus_value accessed(int error, uint64_t number)
{
	if (error == -EFAULT)
		return failure(LITMUS_SIGSEGV);
	return answer(error, number);
}

static unsigned int prot_of(enum litmus_access access)
{
	switch (access) {
	case LITMUS_TO_WRITE:
		return PROT_READ | PROT_WRITE;
	case LITMUS_TO_READ:
		return PROT_READ;
	default:
		return 0;
	}
}

static unsigned int fault_flag(enum litmus_access access)
{
	return access == LITMUS_TO_WRITE ? FAULT_FLAG_WRITE : 0;
}

static int map_it(const struct subject_run *run, struct mm *mm, size_t i)
{
	const struct litmus_map *m = &run->test->maps[i];
	unsigned int prot = PROT_READ | (m->writable ? PROT_WRITE : 0);
	unsigned int flags = m->shared ? MAP_SHARED : MAP_PRIVATE;

	if (m->sync)
		flags |= MAP_SYNC;
	if (m->populate)
		flags |= MAP_POPULATE;
	return fs_mmap(mm, state_of(run)->inodes[m->file],
		       subject_map_address(run->test, i),
		       subject_bytes(subject_pages(m->length)), prot, flags,
		       subject_pages(m->offset));
}

static struct litmus_value pin(const struct subject_run *run, struct mm *mm,
			       const struct litmus_op *op)
{
	uint64_t pfn = 0;
	int error = pin_user_page(mm, subject_address(run->test, &op->place),
				  fault_flag(op->access), &pfn);

	if (!error)
		state_of(run)->pins[op->pin] = pfn;
	return answer(error, 0);
}

/* Nothing to do when the page was not pinned after all. */
static struct litmus_value unpin(const struct subject_run *run,
				 const struct litmus_op *op)
{
	uint64_t pfn = state_of(run)->pins[op->pin];

	state_of(run)->pins[op->pin] = 0;
	if (pfn)
		unpin_user_page(pfn);
	return answer(0, 0);
}

/* Of a shared mapping only: the others' pages are no file's. */
static int msync_part(const struct subject_run *run, const struct litmus_op *op)
{
	const struct litmus_map *m = &run->test->maps[op->map];
	uint64_t first = subject_pages(m->offset) + subject_pages(op->start);

	if (!m->shared)
		return 0;
	return fs_fsync(state_of(run)->inodes[m->file], subject_bytes(first),
			subject_bytes(subject_pages(op->length)));
}

static struct litmus_value perform_on_map(const struct subject_run *run,
					  const struct litmus_op *op)
{
	const struct litmus *test = run->test;
	struct mm *mm = state_of(run)->mms[op->mm];
	uint64_t start = subject_map_address(test, op->map) +
			 subject_bytes(subject_pages(op->start));
	uint64_t length = subject_bytes(subject_pages(op->length));
	uint64_t number = 0;
	int error;

	switch (op->kind) {
	case LITMUS_LOAD:
		error = mm_load(mm, subject_address(test, &op->place), 8,
				&number);
		return accessed(error, number);
	case LITMUS_STORE:
		error = mm_store(mm, subject_address(test, &op->place), 8,
				 op->value);
		return accessed(error, 0);
	case LITMUS_PIN:
		return pin(run, mm, op);
	case LITMUS_UNPIN:
		return unpin(run, op);
	case LITMUS_DONTNEED:
		return answer(madvise_dontneed(mm, start, length), 0);
	case LITMUS_POPULATE:
		return answer(madvise_populate(mm, start, length,
					       fault_flag(op->access)), 0);
	case LITMUS_MAP:
		return answer(map_it(run, mm, op->map), 0);
	case LITMUS_UNMAP:
		return answer(do_munmap(mm, start, length), 0);
	case LITMUS_MPROTECT:
		return answer(do_mprotect(mm, start, length,
					  prot_of(op->access)), 0);
	case LITMUS_MREMAP:
		return answer(do_mremap(mm, start, length,
					subject_bytes(subject_pages(
						op->to_length)),
					subject_address(test, &op->to)), 0);
	default:
		return answer(msync_part(run, op), 0);
	}
}

/* read(2) and write(2) of one word. */
static struct litmus_value transfer(const struct subject_run *run,
				    struct inode *inode,
				    const struct litmus_op *op)
{
	uint64_t pos = subject_bytes(subject_pages(op->place.page)) +
		       op->place.byte;
	uint64_t word = op->kind == LITMUS_WRITE ? op->value : 0;
	struct fs_buffer buffer = { .data = (unsigned char *)&word };
	int64_t done;

	if (op->has_buffer) {
		buffer.mm = state_of(run)->mms[op->mm];
		buffer.addr = subject_address(run->test, &op->to);
		buffer.data = NULL;
	}
	if (op->kind == LITMUS_WRITE)
		done = fs_write(inode, pos, sizeof(word), &buffer);
	else
		done = fs_read(inode, pos, sizeof(word), &buffer);
	if (done < 0)
		return answer((int)done, 0);
	if (!done)
		return failure(LITMUS_EOF);
	return answer(0, op->kind == LITMUS_READ ? word : 0);
}

static enum fs_fallocate_mode mode_of(const struct litmus_op *op)
{
	if (op->kind == LITMUS_PUNCH)
		return FS_PUNCH_HOLE;
	switch (op->mode) {
	case LITMUS_ZERO:
		return FS_ZERO_RANGE;
	case LITMUS_COLLAPSE:
		return FS_COLLAPSE_RANGE;
	case LITMUS_INSERT:
		return FS_INSERT_RANGE;
	default:
		return FS_ALLOCATE;
	}
}

static struct litmus_value perform_on_file(const struct subject_run *run,
					   const struct litmus_op *op)
{
	struct inode *inode = state_of(run)->inodes[op->file];
	uint64_t start = subject_bytes(subject_pages(op->start));
	uint64_t length = subject_bytes(subject_pages(op->length));

	switch (op->kind) {
	case LITMUS_READ:
	case LITMUS_WRITE:
		return transfer(run, inode, op);
	case LITMUS_TRUNCATE:
		return answer(fs_truncate(inode, length), 0);
	case LITMUS_FSYNC:
		return answer(fs_fsync(inode, 0, FS_MAX_BYTES), 0);
	default:
		return answer(fs_fallocate(inode, mode_of(op), start, length),
			      0);
	}
}

/* fork, exit and mm */
static struct litmus_value perform_on_mm(const struct subject_run *run,
					 const struct litmus_op *op)
{
	const char *name = run->test->mms[op->target].name;
	struct mm **mm = &state_of(run)->mms[op->target];

	if (op->kind == LITMUS_FORK)
		return answer(dup_mm(state_of(run)->mms[op->mm], name, mm), 0);
	if (op->kind == LITMUS_MM) {
		*mm = mm_create(name);
		return answer(*mm ? 0 : -ENOMEM, 0);
	}
	if (!*mm)
		return failure(LITMUS_ESRCH);
	exit_mmap(*mm);
	*mm = NULL;
	return answer(0, 0);
}

struct litmus_value subject_perform(const struct subject_run *run,
				    const struct litmus_op *op)
{
	if (op->kind == LITMUS_CRASH) {
		subject_crash(run);
		return answer(0, 0);
	}
	if (!state_of(run)->mms[op->mm])
		return failure(LITMUS_ESRCH);
	if (op->target != LITMUS_NONE)
		return perform_on_mm(run, op);
	if (op->file != LITMUS_NONE)
		return perform_on_file(run, op);
	return perform_on_map(run, op);
}

struct litmus_value subject_read_file(const struct subject_run *run,
				      size_t file, uint64_t page,
				      unsigned int byte)
{
	const struct inode *inode = state_of(run)->inodes[file];
	struct iomap iomap = { 0 };
	uint64_t pfn;

	if (subject_bytes(page) + byte >= inode->i_data.i_size)
		return failure(LITMUS_EOF);
	fs_find_iomap(inode, page, &iomap);
	if (iomap.type != IOMAP_MAPPED)
		return answer(0, 0);
	pfn = run->device_pfn + iomap.block + page - iomap.pgoff;
	if (machine_page_poisoned(pfn))
		return failure(LITMUS_EIO);
	return answer(0, machine_data_load(pfn, byte, 8));
}

struct litmus_value subject_read_place(const struct subject_run *run,
				       const struct litmus_place *place)
{
	struct mm *mm = state_of(run)->mms[place->mm];
	uint64_t number = 0;
	int error;

	if (place->in_file)
		return subject_read_file(run, place->object,
					 subject_pages(place->page),
					 place->byte);
	if (!mm)
		return failure(LITMUS_SIGSEGV);
	error = mm_load(mm, subject_address(run->test, place), 8, &number);
	return accessed(error, number);
}
