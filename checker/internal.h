/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * internal.h - what the checker's files share.
 *
 * Names used in this file
 *   world     all bytes that make a state: registered regions and live stacks
 *   snapshot  a copy of the world
 *   MAIN      the coroutine that runs setup() and finish()
 */
#ifndef CHECKER_INTERNAL_H
#define CHECKER_INTERNAL_H

#include "../include/checker.h"
#include "coro.h"

#define MAIN CHECK_MAX_THREADS
#define MAX_HELD 12

enum thread_status {
	THREAD_UNUSED,
	THREAD_READY,		/* at an operation, or not yet begun */
	THREAD_DONE,
	THREAD_CUT,		/* met a bound: goes no further */
	THREAD_ASSUMED,		/* what it assumes is not so: the same */
	THREAD_FAILED,		/* nor does this one; others may fail, too */
};

/* Beyond the client's classes: releasing a lock never has to wait. */
enum {
	CLASS_RELEASE_READ = CHECK_WRITE + 1,
	CLASS_RELEASE_WRITE,
	CLASS_CHOICE,
	CLASS_PARK,		/* takes a token that has to be there */
	CLASS_BEGIN,		/* nothing yet: the thread has not begun */
};

/* How much of a thread's arena is in use; main has one, too. */
struct arena_use {
	size_t used;
	size_t shadow_used;
};

struct thread {
	struct arena_use arena;
	uint32_t status;
	uint32_t live;			/* bytes of its live stack */
	uint32_t class;			/* of the operation it is at, */
	const void *object;		/* its object, */
	uint32_t bytes;			/* and its size */
	uint16_t nr_choices;
	uint16_t choice;
	bool (*enabled)(const void *object);
	const char *name;
	const struct check_queue *queue;	/* it sleeps on, or NULL */
	uint32_t nr_held;
	struct check_lock *held[MAX_HELD];
};

#define ARENAS (CHECK_MAX_THREADS + 1)

struct world {
	size_t used;			/* bytes: not those of no thread */
	struct arena_use main_arena;
	uint32_t arenas;		/* those in use: a mask, with MAIN */
	uint32_t tokens;		/* of park and unpark: a mask */
	uint32_t woken;			/* the tokens of queues (queue.h) */
	uint32_t ready;			/* threads that are READY; of these: */
	uint32_t waiting;		/* at an operation that may wait */
	uint32_t choosing;		/* at check_choose() */
	struct thread threads[CHECK_MAX_THREADS];
};

extern struct world *world;

static inline struct arena_use *world_arena_use(unsigned int i)
{
	return i == MAIN ? &world->main_arena : &world->threads[i].arena;
}

/* world.c */
int world_setup(unsigned int nr_threads);
bool world_is_freed(const void *object);
/* Return: these bytes are memory of the program under test. */
bool world_owns(const void *object, size_t bytes);
/* A number for what world_owns(): the same in each process; and back. */
uint64_t world_name(const void *object);
void *world_place(uint64_t name);
char *world_arena(unsigned int i);
char *world_shadow(unsigned int i);

/* snapshot.c */
bool regions_own(const void *object, size_t bytes);
uint64_t regions_name(const void *object);	/* index << 40 | offset */
void *regions_place(uint64_t name);
struct world_part {
	char *base;
	const size_t *used;
};

/*
 * All that makes states equal but for the stacks, in parts; that is those of
 * the threads of this program.  Return: whether there is a part of that number.
 */
bool world_part(size_t i, struct world_part *part);
size_t world_save_bound(void);		/* an upper bound of */
size_t world_save(char *to);		/* Return: bytes written */
void world_restore(const char *from);
uint64_t world_memory_hash(void);	/* of what threads share; never 0 */

/*
 * trail.c: snapshots along the execution that runs, for going back in it.
 * Positions are counted by the caller and only ever grow between two restores.
 */
int trail_begin(void);			/* the world is at position 0 */
void trail_restart(void);		/* go back there */
void trail_end(void);
int trail_save(uint32_t position);
/* Return: the position of the last snapshot not behind `position`. */
uint32_t trail_last(void);
/* Go there, and forget those behind it. */
uint32_t trail_restore(uint32_t position);
/* Remember the world, do something, and go back to where it was. */
int trail_try(void);
void trail_tried(void);
/* Return: the world is as in the last snapshot, but for companions. */
bool trail_same(void);
/* The same, but for thread t as well; CHECK_MAX_THREADS: for none. */
bool trail_same_but(unsigned int t);
size_t trail_bytes(void);

/* run.c: for check_free(), which looks by itself at what is allocated */
void run_free_operation(const void *object, size_t bytes);
/* As check_op_when(), for any class and size; enabled may be NULL. */
void run_operate(const void *object, size_t bytes, uint32_t class,
		 bool (*enabled)(const void *object), const char *name,
		 const void *where);

/* run.c: how check_op() behaves */
enum run_mode {
	RUN_ALONE,		/* setup and finish: no scheduling */
	RUN_STEPS,		/* stop where operations may conflict */
	RUN_OPERATIONS,		/* stop before every operation */
	RUN_SCHEDULE,		/* stop after run.budget operations */
};

enum run_end {
	END_YIELD,
	END_DONE,
	END_FAILED,
	END_CUT,
	END_ASSUMED,
};

struct run {
	const struct check_program *program;
	enum run_mode mode;
	unsigned int current;
	bool inside;			/* a coroutine runs */
	bool replaying;			/* a failure does not end anything */
	bool note_sharing;
	bool unheeded;			/* this execution does not count */
	bool compares_states;		/* repetitions are seen in the graph */
	bool scrubs;			/* dead stack bytes are to be zero */
	bool counts_preemptions;	/* a release ends a step, too */
	enum run_end end;
	uint32_t budget;		/* RUN_SCHEDULE */
	/*
	 * RUN_OPERATIONS: thread t is at an operation, and may perform it at
	 * once if this says so.  On its stack: it can neither run nor save
	 * threads, and has to do with a few hundred bytes.
	 */
	bool (*goes_on)(void *own, unsigned int t);
	void *own;
	uint32_t operations;		/* of the current step */
	uint32_t limit;			/* and no more than these */
	unsigned int turn_thread;	/* has moved alone since its turn, */
	uint64_t turn_hash;		/* when memory was this */
	uint32_t turns;			/* check_turn() in this step, */
	bool progressed;		/* and check_progress() */
	uint64_t total_operations;
	const void *where;		/* code address of the last operation */
	struct check_failure failure;	/* the last one */
	unsigned int nr_failures;	/* in a replay */
	const struct check_listener *listener;
	struct check_lock *main_held[MAX_HELD];
	uint32_t nr_main_held;
	const struct check_queue *main_queue;
};

extern struct run run;

int run_begin(const struct check_program *program);	/* arms handlers */
int run_forked(void);			/* a child has no timer of its own */
void run_finish(void);
void run_arm_threads(void);		/* every thread at its beginning */
/* A step ends here: a thread that goes round alone comes to the same state. */
#define MAX_STEP_OPERATIONS 10000

enum run_end run_thread(unsigned int t);
/* The same, but stop before operation number limit + 1 of the step. */
enum run_end run_thread_short(unsigned int t, uint32_t limit);
enum run_end run_main(void (*function)(void *arg));
bool run_enabled(unsigned int t);
/* locks.c: what the operation a thread is at waits for, if it waits */
bool run_waits_for_lock(const struct thread *thread);
/* A write lock in pieces, for mutex.c: it may be taken, or is a failure. */
void lock_may_take(struct check_lock *lock, const void *where);
/* The running thread has it now, after it waited or may have waited; */
void lock_took(struct check_lock *lock, const void *where);
/* without, so that this cannot be part of a deadlock. */
void lock_took_without_waiting(struct check_lock *lock, const void *where);
/* The running thread holds it, or it is a failure; and holds it no more. */
void lock_may_give(struct check_lock *lock, const void *where);
void lock_gave(struct check_lock *lock);
/*
 * A lock that nobody sees, for queue.c: wait until nobody holds it.  Unless it
 * is held on, it is free again at the thread's next operation.
 */
void lock_enter(struct check_lock *lock, const void *where);
void lock_hold(struct check_lock *lock);
void lock_leave(struct check_lock *lock, const void *where);
/* Return: the thread is at check_op_when(), not at a lock or a token. */
bool run_waits_for_condition(const struct thread *thread);
unsigned int run_enabled_mask(void);
bool run_all_done(void);
bool run_any_cut(void);			/* or left by check_assume() */
bool run_met_bound(void);		/* only the former */
/*
 * An execution is over.  Return: a thread met a bound or did not find what it
 * assumes; it is counted as the one or the other, and is nothing else.
 */
bool run_given_up(struct check_result *result);
bool run_any_failed(void);
/* What threads are called, "CPU" by default; a number follows. */
const char *run_thread_name(void);
/* As check_choose(), for the checker's own choices: told to nobody. */
unsigned int run_choose(unsigned int nr);
/* waits.c: what thread t waits for, in words. */
void run_wait_text(unsigned int t, char *text, size_t bytes);
/*
 * What all threads wait for that are not at their ends.
 * Return: each of them sleeps, none waits for another to release something.
 */
bool run_waits_text(char *text, size_t bytes);
/* Fill run.failure for a thread that does not come to an end, */
void run_endless(unsigned int t);
/* for threads (a mask) that read again what nobody will change, */
void run_livelock(uint32_t spinning);
/* and for threads that all wait. */
void run_deadlock(void);

/* sharing.c: which objects threads really share */
void sharing_reset(void);
bool sharing_changed(void);		/* since the last call */
bool sharing_surprises(void);		/* the same; it stays so */
bool sharing_news(void);		/* anything at all, since then */
/*
 * enabled: what it waits for, or NULL: it never waits.
 * Return: the operation commutes with all that other threads may do.
 */
bool sharing_note(unsigned int t, const void *object, size_t bytes,
		  uint32_t class, bool (*enabled)(const void *object));
size_t sharing_bytes(void);

/* order.c: lock classes, taken in which order */
/* Once, before any search.  Return: 0, or -1 without memory. */
int order_setup(void);
/* The edges, as far as they belong to the state. */
void *order_bytes(size_t *bytes);
void order_reset(void);
void order_forget(void);		/* the edges, not the classes */
/* Forget all edges, and let each execution have its own from now on. */
void order_of_one_execution(void);
/* Return: NULL, or a description of the cycle that taking name closes. */
const char *order_note(struct check_lock *const *held, size_t nr_held,
		       const char *name);

/* tell.c: a replay begins and ends. */
void tell_begin(const struct check_listener *listener);
void tell_end(void);
/* A number, or for what can only be an address `@N`, in order of appearance. */
void tell_value(uint64_t value, char *text, size_t bytes);

/* schedule.c */
int schedule_add(struct check_schedule *schedule, uint32_t thread,
		 uint32_t operations);
int schedule_choose(struct check_schedule *schedule, uint8_t choice);

/* search.c */
#define MAX_LEARNED 64

/* Busy loops that there are. */
enum spins {
	SPINS_NEVER,
	SPINS_ON_ONE,			/* with one operation a turn */
	SPINS_ON_SEVERAL,		/* with several, too: loops.c */
};

/*
 * What a search by executions had to find out before it could begin, and each
 * process that takes part must know.
 */
struct learned {
	uint64_t words[MAX_LEARNED];	/* that are awaited: world_name() */
	uint64_t nr;			/* more than there is room for: known
					 * to the process that met them only */
	uint64_t spins;			/* enum spins: what threads do there */
	uint8_t has_turns;		/* was it found out yet: */
	uint8_t turns[CHECK_MAX_THREADS];	/* order of threads */
};

struct search {
	const struct check_program *program;
	const struct check_options *options;
	struct check_result *result;
	double started;
	uint32_t polls;
	bool stop;
	bool spent;			/* time, memory or patience */
	bool differs;			/* the program from itself */
	bool begin_anew;		/* learned too late for what was done */
	struct learned learned;
	double left;			/* executions; an estimate, or 0 */
	double ended;			/* at so many CPU seconds, or 0: now */
	double told;			/* when progress() was, */
	double measured;		/* when the rate was, */
	double rate;
	uint64_t count;			/* and at how many runs or states */
};

double now_seconds(void);
double cpu_seconds(void);		/* of this process */
/* Return: whether it is time for search_poll(); cheap. */
static inline bool search_poll_due(struct search *search)
{
	return ++search->polls % 256 == 0 || search->options->max_executions;
}

/* Counts are void, and what completed() was told; failures stay. */
void search_restart(struct search *search);
/* Failures are void, too. */
void search_forget(struct search *search);
/* Stop the search if one failure of this kind makes it pointless to go on. */
void search_heed(struct search *search, unsigned int number);
/* Return: the one of result->failures that this is, or NULL. */
struct check_failure *search_known(struct check_result *result,
				   const struct check_failure *failure);
/* Return: it was not known. */
bool search_learn_word(struct search *search, uint64_t word,
		       enum spins spins);
/* Set search->stop when a limit is met, or the user says so. */
void search_poll(struct search *search);
/*
 * run.failure happened.  Return: a new entry of result->failures whose
 * schedule the caller fills, or NULL when it is known already.
 */
struct check_failure *search_failure(struct search *search);
/* All threads are at their ends.  Return: END_FAILED if finish() fails. */
enum run_end search_complete(struct search *search);

/* Choose one of the enabled threads: the one that ran last if possible. */
static inline unsigned int prefer(unsigned int mask, unsigned int last)
{
	return mask & (1u << last) ? last : (unsigned int)__builtin_ctz(mask);
}

int search_states(struct search *search);
int search_executions(struct search *search);
/* Sub-trees of so many alternatives wait one by one; more do as one. */
extern unsigned int revisits_few;
int search_random(struct search *search, const char *start);
int search_preemptions(struct search *search);
/* Replace schedules of failures by ones with the fewest context switches. */
int search_fewest_switches(struct search *search);
/* By ones with fewer of them, for searches that have no graph of states. */
int search_shrink(struct search *search, const char *start);

/* graph.c */
struct edges;

/*
 * Look for cycles; lead: operations of each thread before the first state.
 * Return: 0, or -1 without memory.
 */
int cycles_find(struct search *search, struct edges *edges,
		const uint32_t *lead);

#endif /* CHECKER_INTERNAL_H */
