// SPDX-License-Identifier: GPL-2.0-only
/*
 * coro.c - coroutines; see coro.h.
 */
#include "coro.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A stack is clean below this many zero bytes: nothing deeper was touched. */
#define CLEAN_BYTES 512

#define MAX_COROS 64

/*
 * ASan clears what it knows of the stack before a call that does not return,
 * and is lost when the stack is none that it knows.  It has nothing to clear:
 * stacks of coroutines are not instrumented (asan-stack=0).
 */
#if defined(__SANITIZE_ADDRESS__)
#define CORO_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CORO_ASAN
#endif
#endif
#ifdef CORO_ASAN
void __asan_handle_no_return(void);
void __asan_handle_no_return(void)
{
}
#endif

static char *stacks;
static size_t nr_stacks;
static char *tops[MAX_COROS];
static void (*entries[MAX_COROS])(unsigned int i);

/* Were they a power of two apart, they would share a few lines of the cache. */
#define COLOUR_BYTES 320

/*
 * Nobody may touch what is below a stack: an overflow is a crash of its own.  A
 * frame that is larger than that would get over it.
 */
#define GUARD_BYTES ((size_t)1 << 20)
#define APART_BYTES (GUARD_BYTES + CORO_STACK_BYTES)

char *coro_top(unsigned int i)
{
	return tops[i];
}

static char *coro_bottom(unsigned int i)
{
	return stacks + i * APART_BYTES + GUARD_BYTES;
}

int coro_setup(unsigned int nr)
{
	if (stacks)
		return 0;
	stacks = mmap(NULL, nr * APART_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (stacks == MAP_FAILED) {
		stacks = NULL;
		return -1;
	}
	nr_stacks = nr;
	for (unsigned int i = 0; i < nr; i++)
		tops[i] = coro_bottom(i) + CORO_STACK_BYTES -
			  i % 12 * COLOUR_BYTES;
	for (unsigned int i = 0; i < nr; i++)
		if (mprotect(stacks + i * APART_BYTES, GUARD_BYTES, PROT_NONE))
			return -1;
	return 0;
}

size_t coro_offset(const void *byte)
{
	return (uintptr_t)byte - (uintptr_t)stacks;
}

void *coro_place(size_t offset)
{
	return offset < nr_stacks * APART_BYTES ? stacks + offset : NULL;
}

bool coro_owns(const void *bytes, size_t nr)
{
	size_t offset = (uintptr_t)bytes - (uintptr_t)stacks;
	size_t room = nr_stacks * APART_BYTES;

	return offset < room && nr <= room - offset;
}

void coro_clear_registers(void)
{
#ifdef __x86_64__
	__asm__ volatile("xorl %%eax, %%eax\n\txorl %%ecx, %%ecx\n\t"
			 "xorl %%edx, %%edx\n\txorl %%esi, %%esi\n\t"
			 "xorl %%edi, %%edi\n\txorl %%r8d, %%r8d\n\t"
			 "xorl %%r9d, %%r9d\n\txorl %%r10d, %%r10d\n\t"
			 "xorl %%r11d, %%r11d"
			 : : : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9",
			   "r10", "r11", "cc");
#endif
}

void coro_clear(unsigned int i)
{
	memset(coro_bottom(i), 0, (size_t)(coro_top(i) - coro_bottom(i)));
}

#define BLOCK_BYTES 64

/* Two words at once, where the processor can do that. */
typedef uint64_t pair __attribute__((vector_size(16), aligned(1), may_alias));

static inline bool block_is_zero(const char *at)
{
	const pair *block = (const pair *)(const void *)at;
	pair any = (block[0] | block[1]) | (block[2] | block[3]);

	return !(any[0] | any[1]);
}

/*
 * Bytes of dead frames differ from one path to the next.  Zero them, so that
 * slots a later frame never writes are equal in equal states.
 */
void coro_scrub(unsigned int i)
{
	char *at = coro_live(i);
	char *end = coro_bottom(i) + BLOCK_BYTES;
	char *dirty = at;

	while (at >= end && dirty - at < CLEAN_BYTES) {
		at -= BLOCK_BYTES;
		if (block_is_zero(at))
			continue;
		memset(at, 0, BLOCK_BYTES);
		dirty = at;
	}
}

#if defined(__x86_64__) && !defined(CORO_UCONTEXT)

static void *saved[MAX_COROS];
static void *host;

/*
 * void coro_switch(void **save, void *load)
 * Pushes what the ABI wants kept, swaps stacks and leaves by pop and jump:
 * a ret would be mispredicted every time.
 */
void coro_switch(void **save, void *load);
__asm__(".text\n"
	".globl coro_switch\n"
	".hidden coro_switch\n"
	".type coro_switch,@function\n"
	"coro_switch:\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	popq %rcx\n"
	"	jmp *%rcx\n"
	".size coro_switch,.-coro_switch\n");

/* The first resume arrives here with the coroutine's number in %rbx. */
void coro_begin(unsigned int i);
__asm__(".text\n"
	".hidden coro_start\n"
	".type coro_start,@function\n"
	"coro_start:\n"
	"	movl %ebx, %edi\n"
	"	xorl %ebp, %ebp\n"
	"	call coro_begin\n"
	"	ud2\n"
	".size coro_start,.-coro_start\n");
extern char coro_start[];

__attribute__((used)) void coro_begin(unsigned int i)
{
	entries[i](i);
	coro_leave(i);
}

void coro_init(unsigned int i, void (*entry)(unsigned int i))
{
	uint64_t *top = (uint64_t *)(void *)coro_top(i);

	entries[i] = entry;
	memset(top - 9, 0, 9 * sizeof(*top));
	/* r15 r14 r13 r12 rbx rbp, the address, and two words that align */
	top[-3] = (uint64_t)(uintptr_t)coro_start;
	top[-5] = i;
	saved[i] = top - 9;
}

void coro_resume(unsigned int i)
{
	coro_switch(&host, saved[i]);
}

void coro_yield(unsigned int i)
{
	coro_switch(&saved[i], host);
}

_Noreturn void coro_leave(unsigned int i)
{
	void *dead;

	(void)i;
	coro_switch(&dead, host);
	abort();
}

char *coro_live(unsigned int i)
{
	return saved[i];
}

void coro_restored(unsigned int i, char *live)
{
	saved[i] = live;
}

#else

#include <ucontext.h>

/* The context lies at the top of the stack, so that a copy includes it. */
static ucontext_t host;
static char *low[MAX_COROS];

static ucontext_t *context(unsigned int i)
{
	uintptr_t at = (uintptr_t)coro_top(i) - sizeof(ucontext_t) - 64;

	return (ucontext_t *)(at & ~(uintptr_t)63);
}

static void coro_begin(int i)
{
	entries[i]((unsigned int)i);
	coro_leave((unsigned int)i);
}

void coro_init(unsigned int i, void (*entry)(unsigned int i))
{
	ucontext_t *uc = context(i);

	entries[i] = entry;
	memset(uc, 0, sizeof(*uc));
	if (getcontext(uc))
		abort();
	uc->uc_stack.ss_sp = coro_bottom(i);
	uc->uc_stack.ss_size = (size_t)((char *)uc - coro_bottom(i));
	uc->uc_link = NULL;
	makecontext(uc, (void (*)(void))coro_begin, 1, (int)i);
	low[i] = (char *)uc - 1024;
}

void coro_resume(unsigned int i)
{
	if (swapcontext(&host, context(i)))
		abort();
}

/* 512 bytes below this frame hold whatever swapcontext() itself needs. */
__attribute__((noinline)) void coro_yield(unsigned int i)
{
	low[i] = (char *)__builtin_frame_address(0) - 512;
	low[i] = (char *)((uintptr_t)low[i] & ~(uintptr_t)63);
	if (swapcontext(context(i), &host))
		abort();
}

_Noreturn void coro_leave(unsigned int i)
{
	(void)i;
	setcontext(&host);
	abort();
}

char *coro_live(unsigned int i)
{
	return low[i];
}

void coro_restored(unsigned int i, char *live)
{
	low[i] = live;
}

#endif
