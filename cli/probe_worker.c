// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_worker.c - the process that performs a script's system calls.
 *
 * It allocates nothing and prints nothing, and counts its faults right around
 * each operation.
 */
#include "probe_host.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

#define CHUNK (64 * 1024)
/* A larger map is no memory of this program's, but of a sanitizer's. */
#define SETTLE_MAX (64u << 20)

static int directory_fd;
static int file_fd = -1;		/* of the file made last */
static sigjmp_buf fault_escape;
static volatile sig_atomic_t may_fault;

int host_read(int fd, void *to, size_t bytes)
{
	char *at = to;
	ssize_t got;

	while (bytes) {
		got = read(fd, at, bytes);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			errno = got ? errno : EPIPE;
			return -1;
		}
		at += got;
		bytes -= (size_t)got;
	}
	return 0;
}

int host_write(int fd, const void *from, size_t bytes)
{
	const char *at = from;
	ssize_t put;

	while (bytes) {
		put = write(fd, at, bytes);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		at += put;
		bytes -= (size_t)put;
	}
	return 0;
}

static void on_fault(int number)
{
	if (may_fault)
		siglongjmp(fault_escape, number);
	signal(number, SIG_DFL);
}

/* ------ files ------ */

static int fill_file(uint64_t bytes)
{
	static char chunk[CHUNK];

	memset(chunk, PROBE_WRITTEN_BYTE, sizeof(chunk));
	for (uint64_t at = 0; at < bytes; at += sizeof(chunk)) {
		uint64_t left = bytes - at;
		size_t now = left < sizeof(chunk) ? (size_t)left :
						    sizeof(chunk);

		if (pwrite(file_fd, chunk, now, (off_t)at) != (ssize_t)now)
			return -1;
	}
	return fsync(file_fd);
}

static int make_file(const struct probe_step *step)
{
	/* An older one stays open: it may be mapped still. */
	file_fd = openat(directory_fd, step->name,
			 O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file_fd < 0)
		return -1;
	if (step->word == PROBE_HOLE)
		return ftruncate(file_fd, (off_t)step->bytes);
	if (step->bytes && fallocate(file_fd, 0, 0, (off_t)step->bytes))
		return -1;
	return step->word == PROBE_WRITTEN ? fill_file(step->bytes) :
					     fsync(file_fd);
}

/* ------ operations ------ */

static int protection(const struct probe_step *step)
{
	return (step->readable ? PROT_READ : 0) |
	       (step->writable ? PROT_WRITE : 0);
}

static int map_file(const struct host_request *request)
{
	const struct probe_step *step = &request->step;
	int flags = MAP_FIXED_NOREPLACE;
	void *where;

	if (step->word == PROBE_PRIVATE)
		flags |= MAP_PRIVATE;
	else if (step->word == PROBE_SHARED)
		flags |= MAP_SHARED;
	else
		flags |= MAP_SHARED_VALIDATE | MAP_SYNC;
	if (step->populate)
		flags |= MAP_POPULATE;
	where = mmap((void *)request->addr, step->bytes, protection(step),
		     flags, file_fd, (off_t)step->offset);
	return where == MAP_FAILED ? -1 : 0;
}

static int remap(const struct host_request *request)
{
	int flags = request->step.move ? MREMAP_MAYMOVE | MREMAP_FIXED : 0;
	void *where = mremap((void *)request->addr, request->old_bytes,
			     request->step.bytes, flags,
			     (void *)request->new_addr);

	return where == MAP_FAILED ? -1 : 0;
}

static int64_t access_memory(const struct host_request *request)
{
	volatile uint8_t *at = (volatile uint8_t *)request->addr;

	if (request->step.op == PROBE_LOAD)
		return *at;
	*at = request->step.byte;
	return 0;
}

static int advise(const struct host_request *request)
{
	static const int advice[] = {
		[PROBE_DONTNEED] = MADV_DONTNEED,
		[PROBE_POPULATE_READ] = MADV_POPULATE_READ,
		[PROBE_POPULATE_WRITE] = MADV_POPULATE_WRITE,
	};

	return madvise((void *)request->addr, request->step.bytes,
		       advice[request->step.word]);
}

static int64_t read_byte(const struct probe_step *step)
{
	uint8_t byte = 0;

	if (pread(file_fd, &byte, 1, (off_t)step->offset) < 0)
		return -1;
	return byte;
}

static int allocate(const struct probe_step *step)
{
	int mode = 0;

	if (step->op == PROBE_PUNCH)
		mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	else if (step->op == PROBE_COLLAPSE)
		mode = FALLOC_FL_COLLAPSE_RANGE;
	else if (step->op == PROBE_INSERT)
		mode = FALLOC_FL_INSERT_RANGE;
	else if (step->op == PROBE_ZERO)
		mode = FALLOC_FL_ZERO_RANGE;
	return fallocate(file_fd, mode, (off_t)step->offset,
			 (off_t)step->bytes);
}

/* Return: a value, or -1 with errno. */
static int64_t perform(const struct host_request *request)
{
	const struct probe_step *step = &request->step;

	switch (step->op) {
	case PROBE_FILE:
		return make_file(step);
	case PROBE_MAP:
		return map_file(request);
	case PROBE_LOAD:
	case PROBE_STORE:
		return access_memory(request);
	case PROBE_MADVISE:
		return advise(request);
	case PROBE_MUNMAP:
		return munmap((void *)request->addr, step->bytes);
	case PROBE_MPROTECT:
		return mprotect((void *)request->addr, step->bytes,
				protection(step));
	case PROBE_MREMAP:
		return remap(request);
	case PROBE_FSYNC:
		return fsync(file_fd);
	case PROBE_MSYNC:
		return msync((void *)request->addr, step->bytes, MS_SYNC);
	case PROBE_TRUNCATE:
		return ftruncate(file_fd, (off_t)step->bytes);
	case PROBE_PWRITE:
		return pwrite(file_fd, &step->byte, 1, (off_t)step->offset);
	case PROBE_PREAD:
		return read_byte(step);
	case PROBE_FORK:
		return fork();
	case PROBE_WAIT:
		return wait(NULL) < 0 ? -1 : 0;
	case PROBE_SECTION:
	case PROBE_CLOSEALL:
		return 0;
	default:
		return allocate(step);
	}
}

/* Perform and count; a signal is an answer, too. */
static void answer_request(const struct host_request *request,
			   struct host_answer *answer)
{
	struct rusage before, after;

	memset(answer, 0, sizeof(*answer));
	memset(&after, 0, sizeof(after));
	getrusage(RUSAGE_SELF, &before);
	errno = 0;
	answer->signal = sigsetjmp(fault_escape, 1);
	if (!answer->signal) {
		may_fault = 1;
		answer->value = perform(request);
		answer->error = answer->value < 0 ? errno : 0;
	}
	may_fault = 0;
	getrusage(RUSAGE_SELF, &after);
	answer->minor = after.ru_minflt - before.ru_minflt;
	answer->major = after.ru_majflt - before.ru_majflt;
}

/* Pages that hold the regions' upper tables; see probe_host.h. */
static void make_regions(void)
{
	for (uint64_t i = 0; i < HOST_REGIONS; i++) {
		char *page = mmap((void *)(HOST_FIRST_ADDR +
					   i * HOST_REGION_BYTES),
				  PROBE_PAGE_BYTES, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS |
					  MAP_FIXED_NOREPLACE, -1, 0);

		if (page == MAP_FAILED)
			_exit(1);
		*page = 1;
	}
}

/*
 * Have all memory at hand that this process itself will need, so that it is not
 * counted later as the script's.  Before Linux 5.14 it is.
 */
static void settle(void)
{
	char stack[4 * CHUNK], line[256], rights[5];
	FILE *maps = fopen("/proc/self/maps", "re");
	uint64_t start, end;

	memset(stack, 1, sizeof(stack));
	__asm__ volatile("" : : "r"(stack) : "memory");
	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &start, &end,
			   rights) == 3 && end - start <= SETTLE_MAX &&
		    (end <= HOST_FIRST_ADDR || start >= HOST_END_ADDR))
			madvise((void *)start, end - start,
				rights[1] == 'w' ? MADV_POPULATE_WRITE :
						   MADV_POPULATE_READ);
	if (maps)
		fclose(maps);
}

static void catch_faults(void)
{
	struct sigaction action = { .sa_handler = on_fault };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

_Noreturn void host_worker(struct host_link links[2], const char *directory)
{
	static struct host_request request;
	static struct host_answer answer;
	struct host_link *link = &links[0];

	catch_faults();
	make_regions();
	settle();
	directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (directory_fd >= 0 &&
	       !host_read(link->request[0], &request, sizeof(request)) &&
	       request.kind != HOST_QUIT) {
		answer_request(&request, &answer);
		if (request.step.op == PROBE_FORK && !answer.value &&
		    !answer.error) {
			/* The child: the parent answers, and so does it. */
			link = &links[1];
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			settle();
		}
		if (request.step.op == PROBE_FORK && !answer.error) {
			answer.child = (pid_t)answer.value;
			answer.value = 0;
		}
		if (host_write(link->answer[1], &answer, sizeof(answer)))
			break;
	}
	_exit(0);
}
