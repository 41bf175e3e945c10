// SPDX-License-Identifier: GPL-2.0-only
/*
 * subject_errors.c - O9: no operation fails unless something in the test can
 * be why.
 */
#include "subject_internal.h"

/* Some operation that answers yes, in the set-up or in a column. */
typedef bool question(const struct litmus_op *op, size_t object);

static bool any(const struct litmus_op *ops, size_t nr, question *asks,
		size_t object)
{
	for (size_t i = 0; i < nr; i++)
		if (asks(&ops[i], object))
			return true;
	return false;
}

static bool any_op(const struct litmus *test, question *asks, size_t object)
{
	for (size_t c = 0; c < test->nr_columns; c++)
		if (any(test->columns[c].ops, test->columns[c].nr_ops, asks,
			object))
			return true;
	return any(test->setup, test->nr_setup, asks, object);
}

static bool maps(const struct litmus_op *op, size_t map)
{
	return op->kind == LITMUS_MAP && op->map == map;
}

static bool unmaps(const struct litmus_op *op, size_t map)
{
	return (op->kind == LITMUS_UNMAP && op->map == map) ||
	       (op->kind == LITMUS_MREMAP &&
		(op->map == map || op->to.object == map));
}

static bool protects(const struct litmus_op *op, size_t map)
{
	return op->kind == LITMUS_MPROTECT && op->map == map;
}

static bool shortens(const struct litmus_op *op, size_t file)
{
	return op->file == file &&
	       (op->kind == LITMUS_TRUNCATE ||
		(op->kind == LITMUS_FALLOCATE && op->mode == LITMUS_COLLAPSE));
}

/* Is every page of the map mapped in this mm whenever a column runs? */
static bool stays(const struct litmus *test, size_t map, size_t mm)
{
	/* Where a child comes from is not followed. */
	if (mm != test->maps[map].mm)
		return false;
	return any(test->setup, test->nr_setup, maps, map) &&
	       !any_op(test, unmaps, map);
}

static bool is_poisoned(const struct litmus *test, size_t file)
{
	for (size_t i = 0; i < test->nr_poisoned; i++)
		if (test->poisoned[i].object == file)
			return true;
	return false;
}

/* Can an access to this place be refused: SIGSEGV, EFAULT? */
static bool may_be_refused(const struct litmus *test,
			   const struct litmus_place *place, size_t mm,
			   bool write)
{
	const struct litmus_map *m = &test->maps[place->object];

	return !stays(test, place->object, mm) ||
	       any_op(test, protects, place->object) ||
	       (write && !m->writable);
}

/* Can there be nothing behind this place: SIGBUS? */
static bool may_be_missing(const struct litmus *test,
			   const struct litmus_place *place)
{
	const struct litmus_map *m = &test->maps[place->object];

	return any_op(test, shortens, m->file) ||
	       any_op(test, unmaps, place->object) || test->fail_iomap ||
	       is_poisoned(test, m->file) ||
	       subject_pages(m->offset) + subject_pages(place->page) >=
		       subject_pages(test->files[m->file].size);
}

static bool access_may_fail(const struct litmus *test,
			    const struct litmus_op *op,
			    const struct litmus_place *place, bool write,
			    enum litmus_error error)
{
	if (error == LITMUS_ENOMEM)
		return test->fail_alloc != 0;
	if (error == LITMUS_SIGBUS)
		return may_be_missing(test, place);
	if (error == LITMUS_SIGSEGV)
		return may_be_refused(test, place, op->mm, write);
	/* A system call does not tell the two from each other. */
	return error == LITMUS_EFAULT &&
	       (may_be_missing(test, place) || test->fail_alloc ||
		may_be_refused(test, place, op->mm, write));
}

/* A system call on a part of a mapping. */
static bool map_call_may_fail(const struct litmus *test,
			      const struct litmus_op *op,
			      enum litmus_error error)
{
	switch (error) {
	case LITMUS_ENOMEM:
		return test->fail_alloc || !stays(test, op->map, op->mm);
	case LITMUS_EEXIST:
		return op->kind == LITMUS_MAP || op->kind == LITMUS_MREMAP;
	case LITMUS_EFAULT:
	case LITMUS_EINVAL:
		return op->kind == LITMUS_MREMAP || op->kind == LITMUS_POPULATE;
	case LITMUS_SIGBUS:
		return op->kind == LITMUS_POPULATE;
	case LITMUS_EIO:
		return op->kind == LITMUS_MSYNC &&
		       is_poisoned(test, test->maps[op->map].file);
	default:
		return false;
	}
}

static bool file_call_may_fail(const struct litmus *test,
			       const struct litmus_op *op,
			       enum litmus_error error)
{
	bool transfers = op->kind == LITMUS_READ || op->kind == LITMUS_WRITE;

	if (transfers && op->has_buffer &&
	    access_may_fail(test, op, &op->to, op->kind == LITMUS_READ, error))
		return true;
	switch (error) {
	case LITMUS_ENOMEM:
		return test->fail_alloc != 0;
	case LITMUS_EIO:
		return test->fail_iomap || is_poisoned(test, op->file);
	case LITMUS_ENOSPC:
		return test->fail_iomap;
	case LITMUS_EINVAL:
		return op->kind == LITMUS_FALLOCATE;
	case LITMUS_EOF:
		return op->kind == LITMUS_READ &&
		       any_op(test, shortens, op->file);
	default:
		return false;
	}
}

static bool may_fail(const struct litmus *test, const struct litmus_op *op,
		     enum litmus_error error)
{
	/* A fork that failed. */
	if (error == LITMUS_ESRCH)
		return test->fail_alloc != 0;
	if (op->target != LITMUS_NONE)
		return error == LITMUS_ENOMEM && test->fail_alloc;
	if (op->kind == LITMUS_LOAD || op->kind == LITMUS_STORE)
		return access_may_fail(test, op, &op->place,
				       op->kind == LITMUS_STORE, error);
	if (op->kind == LITMUS_PIN)
		return access_may_fail(test, op, &op->place,
				       op->access == LITMUS_TO_WRITE, error);
	if (op->file != LITMUS_NONE)
		return file_call_may_fail(test, op, error);
	return map_call_may_fail(test, op, error);
}

/* In the words that people know. */
static const char *error_name(enum litmus_error error)
{
	static const char *const names[] = {
		[LITMUS_SIGSEGV] = "SIGSEGV", [LITMUS_SIGBUS] = "SIGBUS",
		[LITMUS_EFAULT] = "EFAULT",   [LITMUS_EINVAL] = "EINVAL",
		[LITMUS_ENOMEM] = "ENOMEM",   [LITMUS_EEXIST] = "EEXIST",
		[LITMUS_EIO] = "EIO",	      [LITMUS_ENOSPC] = "ENOSPC",
		[LITMUS_EFBIG] = "EFBIG",     [LITMUS_ESRCH] = "ESRCH",
		[LITMUS_EOF] = "end of file",
	};

	return names[error];
}

void subject_check_error(const struct subject_run *run,
			 const struct litmus_op *op, struct litmus_value value)
{
	if (value.error != LITMUS_OK && !may_fail(run->test, op, value.error))
		machine_report(9, "spurious %s", error_name(value.error));
}
