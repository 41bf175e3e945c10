/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * checker.h - run C code, thread by thread, through every interleaving.
 *
 * Interface
 *   check_run()        search all interleavings of a program
 *   check_replay()     run one schedule again, with a listener
 *   check_main()       both, for the main() of a program that checks itself
 *   check_plain_rate() how fast executions are without any search
 *   check_op() ...     what the program under test calls: operations and
 *                      locks here, checker_words.h, checker_sync.h
 *
 * The program under test is sequentially consistent code whose threads run as
 * coroutines of one OS thread.  Before each operation on state that threads
 * share it calls check_op() (or a lock, or park), and performs the operation
 * when the call returns.  All its state lives in memory of check_alloc(), of
 * check_region() or on its threads' stacks; it must be deterministic.
 *
 * Terms
 *   operation   one call of check_op() and what follows up to the next call
 *   step        one operation and those that follow it which commute with
 *               everything other threads can do (DESIGN.md, "Reduction")
 *   state       the bytes of all regions and live stacks between two steps
 *   execution   one maximal run; by executions, one a Mazurkiewicz trace
 */
#ifndef CHECKER_H
#define CHECKER_H

#include "checker_post.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One bit of a mask is left for setup() and finish(). */
#define CHECK_MAX_THREADS 31

/*
 * How an operation acts on its object.  Two operations of different threads
 * on one object commute if both are READs or both are ADDs.
 */
enum check_class {
	CHECK_READ,
	CHECK_ADD,
	CHECK_WRITE,
};

/* A failure's number is the client's (an oracle); these are the checker's. */
enum {
	CHECK_DEADLOCK = 1000,		/* threads wait for each other */
	CHECK_LOST_WAKEUP,		/* a sleeper nobody will wake */
	CHECK_LIVELOCK,			/* a thread repeats itself, alone */
	CHECK_LOCK_MISUSE,		/* unlock by another, sleep in atomic */
	CHECK_LOCK_ORDER,		/* classes taken in a cycle */
	CHECK_LEAK,			/* memory left at the end */
	CHECK_USE_AFTER_FREE,
	CHECK_CRASH,			/* a signal, abort() or exit() */
	CHECK_STUCK,			/* runs on without any operation */
	CHECK_NO_MEMORY,		/* an arena is full */
	CHECK_NONDETERMINISM,		/* a replay went another way */
	CHECK_ASSERT,			/* check_assert() */
};

struct check_program {
	unsigned int nr_threads;	/* 1 .. CHECK_MAX_THREADS */
	void (*setup)(void *arg);	/* alone, before the threads */
	void (*thread)(void *arg, unsigned int thread);
	void (*finish)(void *arg);	/* alone, after all threads; or NULL */
	void *arg;			/* must stay constant */
	const char *thread_name;	/* in messages; NULL: "CPU" */
};

enum check_mode {
	CHECK_BY_STATES,	/* every state once; ends with loops, too */
	CHECK_BY_EXECUTIONS,	/* every trace once; program must bound loops */
	CHECK_BRUTE_FORCE,	/* every interleaving: an oracle for tests */
	CHECK_PREEMPTIONS,	/* by states, with at most so many switches
				 * away from a thread that could go on */
	CHECK_RANDOM_WALK,	/* any enabled thread is next */
	CHECK_PCT,		/* priorities at random; finds a bug of depth d
				 * with a known probability */
	CHECK_SURW,		/* orders of the operations on one object, each
				 * with the same probability */
};

#define CHECK_MAX_DEPTH 16
/* Of one execution, if max_operations is 0, and at most. */
#define CHECK_OPERATIONS 2000		/* by executions, */
#define CHECK_RANDOM_OPERATIONS 10000	/* at random */
#define CHECK_MAX_OPERATIONS 60000

/* A schedule: thread runs `operations` operations, then the next segment. */
struct check_segment {
	uint32_t thread;
	uint32_t operations;
};

struct check_schedule {
	struct check_segment *segments;
	size_t nr_segments;
	uint8_t *choices;		/* what check_choose() gave, in order */
	size_t nr_choices;
};

struct check_failure {
	unsigned int number;		/* an oracle, or CHECK_DEADLOCK ... */
	const void *where;		/* code address of the breaking step */
	char text[256];
	uint64_t hits;			/* how often the search met it */
	struct check_schedule schedule;	/* the fewest context switches found */
};

#define CHECK_MAX_FAILURES 32

/* A cycle of states: threads undo each other for ever (or one does alone). */
struct check_cycle {
	unsigned int threads;		/* mask of those that take steps */
	uint32_t operations;		/* in one round */
	bool shortest;			/* no shorter one exists */
	struct check_schedule lead;	/* from the start to the cycle */
	struct check_schedule round;	/* once around */
};

/* How far a search is; all is of this moment, rates are of the last second. */
struct check_progress {
	enum check_mode mode;
	double seconds;			/* since it began */
	uint64_t states;		/* by states, */
	uint64_t runs;			/* else; both begin again with a pass */
	double rate;			/* of these, a second */
	double done;			/* of the whole, 0 .. 1; 0: not known */
};

struct check_options {
	enum check_mode mode;
	bool first;			/* stop at the first failure */
	bool no_reduction;		/* by states: every operation a step */
	bool exact;			/* by states: keep all bytes of each */
	bool lone_cycles_fail;		/* a thread that repeats alone is a
					 * failure though others could go on */
	uint64_t max_states;		/* to be stored; 0: no limit */
	uint64_t max_executions;	/* however they end */
	double max_seconds;
	uint64_t max_bytes;		/* memory of the search itself */
	/*
	 * Of one execution, by executions and at random.  Then it is cut: the
	 * search goes on, but is not complete.  0: CHECK_OPERATIONS, or
	 * CHECK_RANDOM_OPERATIONS.  By executions the search takes one to two
	 * bytes for the square of how many operations executions really have.
	 */
	uint32_t max_operations;
	unsigned int preemptions;	/* how many, with CHECK_PREEMPTIONS */
	/* at random: */
	uint64_t seed;			/* 0: a fresh one */
	uint64_t runs;			/* 0: 10000 */
	unsigned int depth;		/* PCT's, up to CHECK_MAX_DEPTH; 0: 3 */
	/*
	 * By executions: so many worker processes, which are forked; 0 and 1:
	 * none.  Or those of a post that the caller made.
	 */
	unsigned int jobs;
	struct check_post *post;
	/*
	 * By executions: a file that is written every checkpoint_seconds (0:
	 * 5), and removed when the search is complete.  If it is there already
	 * the search goes on from it; identity says whether it is of the same
	 * program.
	 */
	const char *checkpoint;
	double checkpoint_seconds;
	uint64_t identity;
	/*
	 * What completed() has gathered, malloc()ed, and to add that of another
	 * process to it: needed with jobs, a post or a checkpoint, unless
	 * completed() is NULL.  0, or -1 with errno.
	 */
	int (*pack)(void *user, void **data, size_t *bytes);
	int (*unpack)(void *user, const void *data, size_t bytes);
	/* called at each completed execution, after finish(); may be NULL */
	void (*completed)(void *user);
	/* what completed() was told so far is void; may be NULL */
	void (*restarted)(void *user);
	/* called some times a second; may be NULL */
	void (*progress)(void *user, const struct check_progress *progress);
	/* called now and then; return true to stop (a signal); may be NULL */
	bool (*interrupted)(void *user);
	void *user;
};

struct check_result {
	bool complete;			/* nothing was cut, stopped, refused */
	const char *stopped;		/* by which limit; NULL: by none */
	uint64_t states;		/* by states: distinct states */
	uint64_t steps;			/* by states: edges between them */
	uint64_t state_bytes;		/* of the largest state */
	double bytes_per_state;		/* that is stored, and its steps */
	uint64_t search_bytes;		/* memory of the search at its peak */
	uint64_t executions;		/* that ran to their end */
	uint64_t runs;			/* that began, however they end */
	uint64_t cut;			/* that met check_cut() or a limit */
	uint64_t too_long;		/* of these, that on max_operations */
	uint64_t assumed;		/* that did not meet check_assume() */
	uint64_t redundant;		/* given up: equal to an earlier one */
	uint64_t operations;		/* executed, all in all */
	double done;			/* by executions, when it was stopped:
					 * of the whole; an estimate */
	unsigned int passes;		/* of the search by states */
	double seconds;
	double cpu_seconds;		/* of this process, from the state
					 * after setup() on until the end, and
					 * by executions not what follows: a
					 * last look whether the program is
					 * deterministic, shorter schedules */
	double collision;		/* bound on the chance that two states
					 * were taken for one; exact: 0 */
	uint64_t refused;		/* steps that would have been one
					 * preemption too many */
	/* at random: the same seed has the same result */
	uint64_t seed;
	uint64_t beyond;		/* runs the guarantee does not cover */
	uint32_t most_operations;	/* of an execution in the profile */
	uint32_t objects;		/* that threads share there */
	double probability;		/* what a run promises, as a number */
	char guarantee[400];		/* and in words */
	struct check_failure failures[CHECK_MAX_FAILURES];
	size_t nr_failures;
	bool has_cycle;
	struct check_cycle cycle;	/* the shortest mutual one */
};

/*
 * Search.  One search at a time in a process; not from a signal handler.
 * Return: 0, or -1 with errno (no memory).  The caller gives the result to
 * check_result_free().
 */
int check_run(const struct check_program *program,
	      const struct check_options *options,
	      struct check_result *result);
void check_result_free(struct check_result *result);

/*
 * One execution under a listener.  Unlike in a search a failure does not end
 * it: the program goes on as long as it can, so that consequences show.
 * After the schedule's last segment the threads run in turn to their ends.
 */
struct check_listener {
	/* thread starts (or goes on with) running; CHECK_MAX_THREADS: finish */
	void (*runs)(void *user, unsigned int thread);
	/* a failure; first is its place among all of this execution, from 0 */
	void (*failed)(void *user, const struct check_failure *failure,
		       unsigned int nth);
	/* a thread has to wait for object; how is said in words */
	void (*blocks)(void *user, unsigned int thread, const void *object,
		       const char *how);
	/* an operation was performed, or check_tell() was called */
	void (*told)(void *user, unsigned int thread, const void *where,
		     const char *text);
	void *user;
};

/*
 * Return: 0; or -1 with errno, EPROTO when the schedule is none of program.
 * What it told until then stays told.
 */
int check_replay(const struct check_program *program,
		 const struct check_schedule *schedule,
		 const struct check_listener *listener);

/*
 * For main(): search, or what the options say (`--help`), and print a verdict;
 * of each failure a diagram and the options that replay it.  Threads are called
 * "thread" by default.
 * Return: an exit status: 0 clean and complete, 1 a failure, 2 wrong usage, 3
 * not complete.
 */
int check_main(int argc, char **argv, const struct check_program *program);

/*
 * Measure the ceiling of a search by executions: random executions of the
 * program, each up to its end and with few context switches, are run again and
 * again from the state after setup(), for some CPU seconds, and nothing else
 * is done.  finish() is not called.
 * Return: 0, *executions and the CPU seconds they took; -1 with errno:
 * EDEADLK when random executions do not end well, EPROTO when one run again
 * goes another way, EINVAL when the set-up fails.
 */
int check_plain_rate(const struct check_program *program, double seconds,
		     uint64_t *executions, double *took);

/*
 * Schedules as text: `1/0.37/1.12/0.5` (version, then thread.operations), with
 * `/c` and the choices behind if there are any.
 * Return: malloc()ed text / 0, or -1 when text is not a schedule.
 */
char *check_schedule_print(const struct check_schedule *schedule);
int check_schedule_parse(const char *text, struct check_schedule *schedule);
void check_schedule_free(struct check_schedule *schedule);
/* Add more's segments (never joined to those there) and choices.  0 or -1. */
int check_schedule_append(struct check_schedule *schedule,
			  const struct check_schedule *more);

/* ------ for the program under test ------ */

/* Return: the running thread, CHECK_MAX_THREADS in setup() and finish(). */
unsigned int check_self(void);
/* Return: the program runs (not a listener, not a search between steps). */
bool check_running(void);
/*
 * Return: what happens belongs to the results of a search.  It does not while
 * a search learns or makes a schedule shorter, nor in a replay.
 */
bool check_searching(void);

/*
 * A place in the source of the program under test.  Its address stands for it
 * wherever these functions want to know `where`: so failures are told apart by
 * their places, and named by file and line.
 */
struct check_place {
	const char *file;
	const char *text;		/* what stands there; may be empty */
	unsigned int line;
};

/* Places lie in a section of their own: what is in there is one. */
#define CHECK_PLACE(what)                                                      \
	(__extension__({                                                       \
		static const struct check_place check_here                     \
			__attribute__((section("check_places"), used)) = {     \
				__FILE__, what, __LINE__                       \
			};                                                     \
		&check_here;                                                   \
	}))
#define CHECK_HERE CHECK_PLACE("")

/* Return: the place that where is, or NULL: it is something else. */
const struct check_place *check_place_of(const void *where);

/* Somebody listens to what is told: only so in some replays. */
extern bool check_tells;
/* For the diagram of an execution: what the running thread has just done. */
void check_tell(const void *where, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* An operation on object comes next.  May switch to another thread. */
void check_op(const void *object, enum check_class class);
/* The same; where is named when object turns out to be freed. */
void check_op_at(const void *object, enum check_class class,
		 const void *where);
/* The same for an operation on all of the words in [object, object + bytes). */
void check_op_range(const void *object, size_t bytes, enum check_class class);
/*
 * As check_op(), once enabled(object) holds, which looks at the 8 bytes there
 * and nowhere else.  name says what is waited for.
 */
void check_op_when(const void *object, enum check_class class,
		   bool (*enabled)(const void *object), const char *name);
/* Return: 0 .. nr - 1; the search tries each.  nr over 255: CHECK_ASSERT. */
unsigned int check_choose(unsigned int nr);
/* Something is wrong.  A search gives this execution up, a replay goes on. */
void check_fail(unsigned int number, const void *where, const char *format,
		...) __attribute__((format(printf, 3, 4)));
/* As check_fail(), and does not return in a replay either. */
_Noreturn void check_fail_stop(unsigned int number, const void *where,
			       const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * The running thread goes no further in this execution: a bound was met.  In
 * setup() and finish() it is the end of the execution, as is the following.
 */
_Noreturn void check_cut(void);
/*
 * Executions in which condition does not hold are of no interest.  The thread
 * goes no further; the others do, and may fail: they do not know of it.  Such
 * an execution counts as `assumed`, and the search may still be complete.
 */
#define check_assume(condition) ((condition) ? (void)0 : check_assume_fails())
_Noreturn void check_assume_fails(void);
/* condition holds, or it is a failure CHECK_ASSERT that names this line. */
#define check_assert(condition)                                                \
	((condition) ? (void)0 : check_assert_fails(CHECK_PLACE(#condition)))
_Noreturn void check_assert_fails(const struct check_place *place);
/* The running thread's operation is done: cycles are sought in between. */
void check_progress(void);
/*
 * A turn of a loop begins that may go on for ever and keeps no count of its
 * turns.  A thread that finds all memory as at its turn before repeats itself,
 * though nobody else changes anything: that is a livelock.
 */
void check_turn(void);

/*
 * Memory from the running thread's arena: zeroed, 16-byte aligned; the same
 * address in every interleaving.  NULL when the arena is full (which is also
 * a failure of its own).  what is a string constant.
 */
void *check_alloc(size_t bytes, const char *what);
void check_free(void *object, const void *where);
/* Call `leak(what, user)` for each object that is still allocated. */
size_t check_leaks(void (*leak)(const char *what, void *user), void *user);
/* For the end of finish(): what is still allocated is a failure CHECK_LEAK. */
void check_no_leaks(void);

/*
 * Memory of the client that belongs to the state: base[0 .. *used) is saved,
 * compared and restored.  Call before check_run(); *used lies in a region
 * registered earlier or in the one itself.  check_reserve() gives memory that
 * can be used so, zeroed, never moved.
 */
void *check_reserve(size_t bytes);
int check_region(void *base, const size_t *used);
/*
 * As check_region(), for what follows the execution but does not make states
 * different, such as counts: the search by states neither saves nor compares
 * it, that by executions restores it.
 */
int check_companion(void *base, const size_t *used);
void check_regions_reset(void);

/* Locks.  name is the class. */
struct check_lock {
	const char *name;
	uint32_t readers;		/* mask of threads */
	uint16_t writer;		/* thread + 1, or 0 */
	uint16_t spins;			/* nothing under it may sleep */
};

void check_spin_init(struct check_lock *lock, const char *name);
void check_rwsem_init(struct check_lock *lock, const char *name);
void check_lock_destroy(struct check_lock *lock, const void *where);
void check_spin_lock(struct check_lock *lock, const void *where);
void check_spin_unlock(struct check_lock *lock, const void *where);
void check_down_read(struct check_lock *lock, const void *where);
void check_up_read(struct check_lock *lock, const void *where);
void check_down_write(struct check_lock *lock, const void *where);
void check_up_write(struct check_lock *lock, const void *where);
/* Return: whether the running thread holds it for writing / at all. */
bool check_held_write(const struct check_lock *lock);
bool check_held(const struct check_lock *lock);
/* A thread that may sleep holds no spinlock. */
void check_may_sleep(const void *where);

/* Sleeping: one token a thread, as in machine.h. */
void check_park(const void *where);
void check_unpark(unsigned int thread);

#include "checker_words.h"
#include "checker_sync.h"

#endif /* CHECKER_H */
