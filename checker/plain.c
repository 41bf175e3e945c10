// SPDX-License-Identifier: GPL-2.0-only
/*
 * plain.c - how fast can a program be executed again and again at all?
 *
 * This is the ceiling of every search that starts each execution from the
 * state after setup(): the same executions with nothing around them.  What is
 * timed is to restore that state, to start the threads, and to switch between
 * them where the schedule does; nothing is recorded, chosen or compared, and
 * finish() is not called.  Operations between two switches run without a
 * return to here.
 *
 * The schedules are made beforehand.  Each is a random interleaving up to the
 * end of all threads, then put in order so that it has few context switches:
 * a thread goes on as long as its next operation depends on none that another
 * thread is still to perform.  The result is the same execution in the sense
 * of the search, run in about the fastest way there is.  Without that step a
 * random interleaving switches far more often than a search does, and the
 * ceiling would be too low.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NR_SCHEDULES 16
#define MAX_TRIES (64 * NR_SCHEDULES)
/* The rounds between two looks at the clock, which is a system call. */
#define ROUNDS 16
/* In one execution; putting them in order takes their square. */
#define MAX_OPERATIONS 5000
/* Ends a schedule. */
#define NO_THREAD UINT32_MAX

/* An operation of a random interleaving. */
struct performed {
	uintptr_t object;
	uint32_t bytes;
	uint32_t class;
	uint32_t thread;
	uint16_t choice;
	bool placed;
};

/* Resume thread, whose choice this is if it is at one. */
struct segment {
	uint32_t thread;
	uint32_t operations;
	uint16_t choice;
};

struct plain {
	char *after_setup;
	struct performed *operations;	/* [MAX_OPERATIONS], the first nr */
	uint32_t nr;
	struct segment *schedules[NR_SCHEDULES];
	unsigned int nr_schedules;
	uint64_t random;
};

/* splitmix64 */
static uint64_t next_random(struct plain *plain)
{
	uint64_t z = plain->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void begin(const struct plain *plain)
{
	world_restore(plain->after_setup);
	order_forget();
	run_arm_threads();
}

static bool all_ended_well(void)
{
	for (unsigned int t = 0; t < run.program->nr_threads; t++)
		if (world->threads[t].status != THREAD_DONE)
			return false;
	return true;
}

/* ------ a random interleaving ------ */

static unsigned int random_thread(struct plain *plain, unsigned int mask)
{
	unsigned int nth = (unsigned int)(next_random(plain) %
				(unsigned int)__builtin_popcount(mask));

	while (nth--)
		mask &= mask - 1;
	return (unsigned int)__builtin_ctz(mask);
}

static void note(struct plain *plain, unsigned int t)
{
	struct thread *thread = &world->threads[t];

	if (thread->class == CLASS_CHOICE)
		thread->choice = (uint16_t)(next_random(plain) %
					    thread->nr_choices);
	plain->operations[plain->nr++] = (struct performed){
		.object = (uintptr_t)thread->object,
		.bytes = thread->bytes,
		.class = thread->class,
		.thread = t,
		.choice = thread->choice,
	};
}

/* Return: whether it came to a good end. */
static bool interleave(struct plain *plain)
{
	unsigned int mask;

	plain->nr = 0;
	run.mode = RUN_OPERATIONS;
	begin(plain);
	for (unsigned int t = 0; t < run.program->nr_threads; t++)
		run_thread(t);
	while ((mask = run_enabled_mask()) && plain->nr < MAX_OPERATIONS) {
		unsigned int t = random_thread(plain, mask);

		note(plain, t);
		run_thread(t);
	}
	return all_ended_well();
}

/* ------ the same with few switches ------ */

static bool depend(const struct performed *a, const struct performed *b)
{
	if (a->thread == b->thread)
		return true;
	if (a->class == b->class &&
	    (a->class == CHECK_READ || a->class == CHECK_ADD))
		return false;
	return a->object < b->object + b->bytes &&
	       b->object < a->object + a->bytes;
}

/* May operation i be performed before all others that are left? */
static bool is_ready(const struct plain *plain, uint32_t first, uint32_t i)
{
	const struct performed *o = plain->operations;

	for (uint32_t k = first; k < i; k++)
		if (!o[k].placed && depend(&o[k], &o[i]))
			return false;
	return true;
}

/* The next operation of a thread; those before `first` are placed. */
static uint32_t next_of(const struct plain *plain, uint32_t first,
			uint32_t thread)
{
	const struct performed *o = plain->operations;
	uint32_t i = first;

	while (i < plain->nr && (o[i].placed || o[i].thread != thread))
		i++;
	return i;
}

static void place(struct performed *o, struct segment *segments, size_t *nr)
{
	struct segment *last = *nr ? &segments[*nr - 1] : NULL;

	o->placed = true;
	/* a thread stops at a choice, to be told what to choose */
	if (last && last->thread == o->thread && o->class != CLASS_CHOICE) {
		last->operations++;
		return;
	}
	segments[(*nr)++] = (struct segment){
		.thread = o->thread, .operations = 1, .choice = o->choice,
	};
}

/* Threads that have to be started before an operation of theirs is resumed. */
static size_t place_starts(const struct plain *plain, struct segment *segments)
{
	size_t nr = 0;

	for (unsigned int t = 0; t < run.program->nr_threads; t++) {
		uint32_t i = next_of(plain, 0, t);

		if (i == plain->nr ||
		    plain->operations[i].class == CLASS_CHOICE)
			segments[nr++] = (struct segment){ .thread = t };
	}
	return nr;
}

/* Return: what is run of this interleaving; the caller frees it; or NULL. */
static struct segment *put_in_order(struct plain *plain)
{
	struct segment *segments =
		malloc((plain->nr + CHECK_MAX_THREADS + 1) * sizeof(*segments));
	struct performed *o = plain->operations;
	uint32_t first = 0, at;
	size_t nr;

	if (!segments)
		return NULL;
	nr = place_starts(plain, segments);
	for (at = 0; first < plain->nr; at = next_of(plain, first,
						     o[at].thread)) {
		if (at == plain->nr || !is_ready(plain, first, at))
			at = first;
		place(&o[at], segments, &nr);
		while (first < plain->nr && o[first].placed)
			first++;
	}
	segments[nr].thread = NO_THREAD;
	return segments;
}

/* ------ running ------ */

static void execute(const struct plain *plain, const struct segment *s)
{
	begin(plain);
	for (; s->thread != NO_THREAD; s++) {
		world->threads[s->thread].choice = s->choice;
		run.budget = s->operations;
		run_thread(s->thread);
	}
}

/* Does the schedule do what it was made from? */
static bool is_faithful(const struct plain *plain, const struct segment *s)
{
	uint64_t before = run.total_operations;

	run.mode = RUN_SCHEDULE;
	execute(plain, s);
	return all_ended_well() &&
	       run.total_operations - before == plain->nr;
}

static int make_schedules(struct plain *plain)
{
	for (unsigned int i = 0; i < MAX_TRIES; i++) {
		struct segment *segments;

		if (plain->nr_schedules == NR_SCHEDULES)
			return 0;
		if (!interleave(plain))
			continue;
		segments = put_in_order(plain);
		if (!segments)
			return -1;
		plain->schedules[plain->nr_schedules++] = segments;
		if (is_faithful(plain, segments))
			continue;
		errno = EPROTO;
		return -1;
	}
	errno = EDEADLK;
	return -1;
}

static void execute_all(const struct plain *plain)
{
	for (unsigned int i = 0; i < NR_SCHEDULES; i++)
		execute(plain, plain->schedules[i]);
}

static int measure(struct plain *plain, double seconds, uint64_t *executions,
		   double *took)
{
	double began;

	if (run_main(run.program->setup) != END_DONE) {
		errno = EINVAL;
		return -1;
	}
	plain->after_setup = malloc(world_save_bound());
	plain->operations = malloc(MAX_OPERATIONS * sizeof(struct performed));
	if (!plain->after_setup || !plain->operations)
		return -1;
	world_save(plain->after_setup);
	if (make_schedules(plain))
		return -1;
	run.mode = RUN_SCHEDULE;
	execute_all(plain);
	began = cpu_seconds();
	do {
		for (unsigned int i = 0; i < ROUNDS; i++)
			execute_all(plain);
		*executions += (uint64_t)ROUNDS * NR_SCHEDULES;
		*took = cpu_seconds() - began;
	} while (*took < seconds);
	return 0;
}

int check_plain_rate(const struct check_program *program, double seconds,
		     uint64_t *executions, double *took)
{
	struct plain plain = { .random = 1 };
	int error, kept;

	*executions = 0;
	*took = 0;
	if (run_begin(program))
		return -1;
	order_reset();
	error = measure(&plain, seconds, executions, took);
	kept = errno;
	for (unsigned int i = 0; i < plain.nr_schedules; i++)
		free(plain.schedules[i]);
	free(plain.operations);
	free(plain.after_setup);
	run_finish();
	errno = kept;
	return error;
}
