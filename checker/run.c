// SPDX-License-Identifier: GPL-2.0-only
/*
 * run.c - run the threads of the program under test, a piece at a time.
 *
 * A thread runs until check_op() says that others may go first.  What that
 * means is the mode's: see enum run_mode.  Everything a search does is to
 * restore a world, to call run_thread() and to look at the world again.
 */
#include "internal.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>

/* Two ticks without an operation, and a thread is called stuck. */
#define TICK_SECONDS 1
/* A choice has 8 bits, also in a schedule, and so has their number. */
#define MAX_CHOICES 255u

struct run run;

static volatile uint64_t seen_operations;
static bool handlers_armed;
static struct sigaction old_handlers[6];
static const int caught[] = {
	SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGALRM,
};
static char *signal_stack;

static void tell_listener(void)
{
	unsigned int nth = run.nr_failures++;

	if (run.replaying && run.listener && run.listener->failed)
		run.listener->failed(run.listener->user, &run.failure, nth);
}

static void fail(unsigned int number, const void *where, const char *format,
		 va_list arguments)
{
	struct check_failure *failure = &run.failure;

	memset(failure, 0, sizeof(*failure));
	failure->number = number;
	failure->where = where;
	vsnprintf(failure->text, sizeof(failure->text), format, arguments);
	tell_listener();
}

/* The same from outside of the coroutines. */
static void set_failure(unsigned int number, const void *where,
			const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fail(number, where, format, arguments);
	va_end(arguments);
}

/* Purpose: the coroutine that runs ends here, for this execution. */
static _Noreturn void leave(enum run_end end)
{
	run.end = end;
	coro_leave(run.current);
}

void check_fail(unsigned int number, const void *where, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fail(number, where, format, arguments);
	va_end(arguments);
	if (!run.replaying)
		leave(END_FAILED);
}

_Noreturn void check_fail_stop(unsigned int number, const void *where,
			       const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fail(number, where, format, arguments);
	va_end(arguments);
	leave(END_FAILED);
}

static const void *fault_address(int number, const void *context)
{
#if defined(__x86_64__)
	const ucontext_t *uc = context;

	if (number != SIGALRM)
		return (const void *)uc->uc_mcontext.gregs[REG_RIP];
#endif
	(void)number;
	(void)context;
	return NULL;
}

/*
 * A signal in a coroutine is a bug of the program under test.  The handler
 * runs on a stack of its own and leaves it like the coroutine would.
 */
static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)info;
	if (number == SIGALRM) {
		if (!run.inside || run.total_operations != seen_operations) {
			seen_operations = run.total_operations;
			return;
		}
		check_fail_stop(CHECK_STUCK, NULL,
				"runs for a second without an operation");
	}
	if (!run.inside) {
		signal(number, SIG_DFL);
		raise(number);
		return;
	}
	check_fail_stop(CHECK_CRASH, fault_address(number, context), "%s",
			number == SIGSEGV ? "segmentation fault" :
			number == SIGBUS ? "bus error" :
			number == SIGFPE ? "arithmetic exception" :
			number == SIGABRT ? "abort() is called" :
					    "illegal instruction");
}

/*
 * The program under test has called exit(): the process would end with its
 * status, which may be that of a clean search.
 */
static void on_exit_called(void)
{
	if (!run.inside)
		return;
	atexit(on_exit_called);
	check_fail_stop(CHECK_CRASH, NULL, "exit() is called");
}

static int arm_handlers(void)
{
	struct itimerval every = { { TICK_SECONDS, 0 }, { TICK_SECONDS, 0 } };
	struct sigaction action = {
		.sa_sigaction = on_signal,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTART,
	};
	stack_t stack = { .ss_size = 65536 };

	if (!signal_stack) {
		signal_stack = malloc(stack.ss_size);
		atexit(on_exit_called);
	}
	stack.ss_sp = signal_stack;
	if (!signal_stack || sigaltstack(&stack, NULL))
		return -1;
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		if (sigaction(caught[i], &action, &old_handlers[i]))
			return -1;
	handlers_armed = true;
	return setitimer(ITIMER_REAL, &every, NULL);
}

static void disarm_handlers(void)
{
	struct itimerval never = { { 0, 0 }, { 0, 0 } };

	if (!handlers_armed)
		return;
	setitimer(ITIMER_REAL, &never, NULL);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigaction(caught[i], &old_handlers[i], NULL);
	handlers_armed = false;
}

int run_begin(const struct check_program *program)
{
	if (!program->nr_threads || program->nr_threads > CHECK_MAX_THREADS ||
	    !program->thread) {
		errno = EINVAL;
		return -1;
	}
	memset(&run, 0, sizeof(run));
	run.program = program;
	run.current = MAIN;
	if (world_setup(program->nr_threads))
		return -1;
	return arm_handlers();
}

int run_forked(void)
{
	return arm_handlers();
}

void run_finish(void)
{
	disarm_handlers();
	run.program = NULL;
}

static void thread_entry(unsigned int t)
{
	run.program->thread(run.program->arg, t);
	leave(END_DONE);
}

static void (*main_function)(void *arg);

static void main_entry(unsigned int t)
{
	(void)t;
	main_function(run.program->arg);
	leave(END_DONE);
}

void run_arm_threads(void)
{
	run.turn_thread = CHECK_MAX_THREADS;
	world->ready = (1u << run.program->nr_threads) - 1;
	world->waiting = 0;
	world->choosing = 0;
	for (unsigned int t = 0; t < run.program->nr_threads; t++) {
		struct thread *thread = &world->threads[t];

		/* who only learns what is shared compares nothing yet */
		if (run.scrubs && !run.note_sharing)
			coro_clear(t);
		coro_init(t, thread_entry);
		thread->status = THREAD_READY;
		thread->class = CLASS_BEGIN;
		thread->live = (uint32_t)(coro_top(t) - coro_live(t));
	}
}

static void resume(unsigned int i)
{
	if (run.turn_thread != i)
		run.turn_thread = CHECK_MAX_THREADS;
	run.current = i;
	run.inside = true;
	coro_resume(i);
	run.inside = false;
}

enum run_end run_main(void (*function)(void *arg))
{
	enum run_mode mode = run.mode;

	if (!function)
		return END_DONE;
	main_function = function;
	run.nr_main_held = 0;
	coro_init(MAIN, main_entry);
	run.mode = RUN_ALONE;
	resume(MAIN);
	run.mode = mode;
	return run.end;
}

enum run_end run_thread(unsigned int t)
{
	return run_thread_short(t, MAX_STEP_OPERATIONS);
}

/* Thread t has ended its step. */
static void settle(unsigned int t)
{
	struct thread *thread = &world->threads[t];
	uint32_t bit = 1u << t;

	world->waiting &= ~bit;
	world->choosing &= ~bit;
	if (run.end == END_YIELD) {
		thread->live = (uint32_t)(coro_top(t) - coro_live(t));
		if (thread->enabled)
			world->waiting |= bit;
		else if (thread->class == CLASS_CHOICE)
			world->choosing |= bit;
		return;
	}
	thread->live = 0;
	world->ready &= ~bit;
	thread->status = run.end == END_DONE    ? THREAD_DONE :
			 run.end == END_FAILED  ? THREAD_FAILED :
			 run.end == END_ASSUMED ? THREAD_ASSUMED :
						  THREAD_CUT;
}

/* Let thread t go on until it yields, ends or fails. */
enum run_end run_thread_short(unsigned int t, uint32_t limit)
{
	struct thread *thread = &world->threads[t];

	run.limit = limit;
	run.operations = 0;
	run.turns = 0;
	run.progressed = false;
	resume(t);
	if (run.scrubs && !run.note_sharing)
		coro_scrub(t);
	if (run.end == END_DONE && thread->nr_held) {
		set_failure(CHECK_LOCK_MISUSE, NULL, "%s%u ends with %s held",
			    run_thread_name(), t, thread->held[0]->name);
		run.end = END_FAILED;
	}
	settle(t);
	return run.end;
}

bool run_enabled(unsigned int t)
{
	const struct thread *thread = &world->threads[t];

	return thread->status == THREAD_READY &&
	       (!thread->enabled || thread->enabled(thread->object));
}

unsigned int run_enabled_mask(void)
{
	uint32_t mask = world->ready & ~world->waiting;

	for (uint32_t left = world->waiting; left; left &= left - 1) {
		unsigned int t = (unsigned int)__builtin_ctz(left);

		if (world->threads[t].enabled(world->threads[t].object))
			mask |= 1u << t;
	}
	return mask;
}

static bool any(enum thread_status status)
{
	for (unsigned int t = 0; t < run.program->nr_threads; t++)
		if (world->threads[t].status == status)
			return true;
	return false;
}

bool run_all_done(void)
{
	return !world->ready;
}

bool run_any_cut(void)
{
	return any(THREAD_CUT) || any(THREAD_ASSUMED);
}

bool run_met_bound(void)
{
	return any(THREAD_CUT);
}

bool run_given_up(struct check_result *result)
{
	if (run_met_bound())
		result->cut++;
	else if (any(THREAD_ASSUMED))
		result->assumed++;
	else
		return false;
	return true;
}

bool run_any_failed(void)
{
	return any(THREAD_FAILED);
}

const char *run_thread_name(void)
{
	return run.program->thread_name ? run.program->thread_name : "CPU";
}

void run_endless(unsigned int t)
{
	set_failure(CHECK_LIVELOCK, NULL, "%s%u goes on for ever",
		    run_thread_name(), t);
}

void run_livelock(uint32_t spinning)
{
	char who[128] = "";
	size_t at = 0;

	for (; spinning && at + 8 < sizeof(who); spinning &= spinning - 1)
		at += (size_t)snprintf(who + at, sizeof(who) - at, "%s%s%d",
				       at ? ", " : "", run_thread_name(),
				       __builtin_ctz(spinning));
	set_failure(CHECK_LIVELOCK, NULL,
		    "%s: reads again and again what nobody will change", who);
}

void run_deadlock(void)
{
	char text[sizeof(run.failure.text)];
	bool sleepers_only = run_waits_text(text, sizeof(text));

	set_failure(sleepers_only ? CHECK_LOST_WAKEUP : CHECK_DEADLOCK, NULL,
		    "%s: %s", sleepers_only ?
		    "a sleeper without a future waker" : "deadlock", text);
}

/* ------ called by the program under test ------ */

unsigned int check_self(void)
{
	return run.current;
}

bool check_running(void)
{
	return run.inside;
}

void check_progress(void)
{
	run.progressed = true;
	run.turn_thread = CHECK_MAX_THREADS;
}

/*
 * By states a repetition is seen in the graph; by executions, where a thread
 * would go round until it is cut, it has to be seen here: memory is as at its
 * turn before, and nobody else has moved since.
 */
void check_turn(void)
{
	uint64_t hash;

	run.turns++;
	if (run.compares_states || run.replaying || run.current == MAIN)
		return;
	hash = world_memory_hash();
	if (run.turn_thread == run.current && run.turn_hash == hash)
		check_fail_stop(CHECK_LIVELOCK, NULL,
				"%s%u repeats itself for ever though nobody else changes anything",
				run_thread_name(), run.current);
	run.turn_thread = run.current;
	run.turn_hash = hash;
}

_Noreturn void check_cut(void)
{
	leave(END_CUT);
}

_Noreturn void check_assume_fails(void)
{
	leave(END_ASSUMED);
}

bool check_searching(void)
{
	return run.program && !run.replaying && !run.unheeded;
}

static void yield(void)
{
	unsigned int t = run.current;

	run.end = END_YIELD;
	coro_yield(t);
	if (run.scrubs)
		coro_clear_registers();
}

/* As settle(), and on: there is no need to leave it for that. */
static bool goes_on(const struct thread *thread)
{
	uint32_t bit = 1u << run.current;

	world->waiting &= ~bit;
	world->choosing &= ~bit;
	if (thread->enabled)
		world->waiting |= bit;
	return run.goes_on(run.own, run.current);
}

/*
 * The thread is at an operation.  Return when it may be performed: at once if
 * the mode allows, else when the search chooses this thread.
 */
static void arrive(const void *object, size_t bytes, uint32_t class,
		   bool (*enabled)(const void *object), const char *name,
		   unsigned int nr_choices)
{
	struct thread *thread = &world->threads[run.current];
	bool at_once = false;

	if (run.mode == RUN_STEPS || run.note_sharing)
		at_once = sharing_note(run.current, object, bytes, class,
				      enabled) &&
			  run.mode == RUN_STEPS && class != CLASS_CHOICE &&
			  run.turns < 2 && run.operations < run.limit &&
			  !(run.counts_preemptions && class > CHECK_WRITE);
	if (run.mode == RUN_SCHEDULE && run.operations < run.budget)
		at_once = class != CLASS_CHOICE;
	if (!at_once || (enabled && !enabled(object))) {
		thread->class = class;
		thread->object = object;
		thread->bytes = (uint32_t)bytes;
		thread->enabled = enabled;
		thread->name = name;
		thread->nr_choices = (uint16_t)nr_choices;
		if (!run.goes_on || nr_choices || !goes_on(thread))
			yield();
		thread->class = CLASS_BEGIN;
		thread->object = NULL;
		thread->bytes = 0;
		thread->enabled = NULL;
		thread->name = NULL;
		thread->nr_choices = 0;
	}
	run.operations++;
	run.total_operations++;
}

/* Memory may be freed before a thread comes to use it, or while it waits. */
static void check_allocated(const void *object, const void *where)
{
	if (world_is_freed(object))
		check_fail_stop(CHECK_USE_AFTER_FREE, where,
				"use of memory that was freed");
}

void run_operate(const void *object, size_t bytes, uint32_t class,
		 bool (*enabled)(const void *object), const char *name,
		 const void *where)
{
	run.where = where;
	check_allocated(object, where);
	if (run.mode == RUN_ALONE) {
		if (enabled && !enabled(object))
			check_fail_stop(CHECK_DEADLOCK, where,
					"%s, with nobody left to end it",
					name ? name : "waits");
		return;
	}
	arrive(object, bytes, class, enabled, name, 0);
	check_allocated(object, where);
}

void run_free_operation(const void *object, size_t bytes)
{
	if (run.mode != RUN_ALONE)
		arrive(object, bytes, CHECK_WRITE, NULL, NULL, 0);
}

void check_op(const void *object, enum check_class class)
{
	run_operate(object, 8, class, NULL, NULL,
		    __builtin_return_address(0));
}

void check_op_at(const void *object, enum check_class class, const void *where)
{
	run_operate(object, 8, class, NULL, NULL, where);
}

void check_op_range(const void *object, size_t bytes, enum check_class class)
{
	run_operate(object, bytes, class, NULL, NULL,
		    __builtin_return_address(0));
}

void check_op_when(const void *object, enum check_class class,
		   bool (*enabled)(const void *object), const char *name)
{
	if (!world_owns(object, 8))
		check_fail_stop(CHECK_LOCK_MISUSE, __builtin_return_address(0),
				"waits for what is no memory of the program");
	run_operate(object, 8, class, enabled, name,
		    __builtin_return_address(0));
}

unsigned int run_choose(unsigned int nr)
{
	struct thread *thread = &world->threads[run.current];
	unsigned int choice;

	if (nr > MAX_CHOICES)
		check_fail_stop(CHECK_ASSERT, __builtin_return_address(0),
				"a choice of %u: %u are the most", nr,
				MAX_CHOICES);
	if (nr < 2 || run.mode == RUN_ALONE)
		return 0;
	run.where = __builtin_return_address(0);
	arrive(NULL, 0, CLASS_CHOICE, NULL, NULL, nr);
	choice = thread->choice;
	thread->choice = 0;
	return choice;
}

unsigned int check_choose(unsigned int nr)
{
	unsigned int choice = run_choose(nr);

	if (nr > 1)
		check_tell(NULL, "chooses %u of %u", choice, nr);
	return choice;
}
