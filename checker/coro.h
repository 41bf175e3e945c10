/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * coro.h - coroutines whose whole state is bytes that can be copied.
 *
 * Interface
 *   coro_init()    make coroutine i ready to call entry(i)
 *   coro_resume()  host -> coroutine, until it yields or leaves
 *   coro_yield()   coroutine -> host; returns when resumed
 *   coro_leave()   coroutine -> host, for good (also from a signal handler)
 *   coro_live()    first byte of its live stack; it ends at coro_top()
 *   coro_clear()   zero the whole stack, before coro_init()
 *   coro_scrub()   zero the dead bytes below the live stack
 *
 * A coroutine's registers are saved on its own stack, and the stack stays at
 * one address, so a copy of [coro_live(), coro_top()) is a copy of the
 * coroutine.  x86-64 has a switch in assembly; -DCORO_UCONTEXT, or any other
 * processor, uses the C library's swapcontext().
 */
#ifndef CORO_H
#define CORO_H

#include <stdbool.h>
#include <stddef.h>

#define CORO_STACK_BYTES 65536

/* Return: 0, or -1 with errno when there is no memory for nr stacks. */
int coro_setup(unsigned int nr);
void coro_init(unsigned int i, void (*entry)(unsigned int i));
void coro_resume(unsigned int i);
void coro_yield(unsigned int i);
_Noreturn void coro_leave(unsigned int i);
char *coro_live(unsigned int i);
char *coro_top(unsigned int i);
/* Return: these bytes lie in the room of one of the stacks. */
bool coro_owns(const void *bytes, size_t nr);
void coro_clear(unsigned int i);
void coro_scrub(unsigned int i);
/*
 * In a coroutine, after it yielded.  What the host left in registers that a
 * call may change is not the program's, but compilers do store it where nothing
 * reads it again, and then states would differ without meaning.
 */
void coro_clear_registers(void);
/* Tell the coroutine where its live stack begins, after bytes were restored. */
void coro_restored(unsigned int i, char *live);

#endif /* CORO_H */
