// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_sync_random_test.c - what threads wait with, against a model of it
 * that is a few lines long, on programs made at random.
 *
 * The model waits with check_op_when() for what the words say: a mutex is free,
 * a count is not 0.  It knows neither queues nor tokens.  By states, without
 * any reduction, it gives the results that a program can have and whether it
 * can deadlock; every search of the real thing has to find the same.
 *
 * And the search by executions has to run each trace once: the linker hands us
 * the operations that the real thing is made of (--wrap in the Makefile), and
 * brute force counts the traces.
 *
 * Environment
 *   CHECKER_SEED      the first program (1)
 *   CHECKER_PROGRAMS  how many (1000)
 */
#include "programs.h"
#include "trace.h"
#include "../checker/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_THREADS 3			/* of TRACE_THREADS */
#define MAX_OPS 4
#define MAX_FINALS 4096
#define MAX_TRACES 4096
#define STATES_LIMIT 10000
#define EXECUTIONS_LIMIT 2000

enum op_kind {
	OP_OBSERVE,			/* r = fetch_add(x, 1) */
	OP_LOCKED,			/* lock; r = n++; unlock */
	OP_TRYLOCK,			/* if trylock: r = n++; unlock */
	OP_WAIT,			/* lock; wait; r = n++; unlock */
	OP_WAIT_UNLESS,			/* lock; while !flag: wait; ... */
	OP_WAIT_TIMEOUT,		/* lock; r = wait with time-out; ... */
	OP_SIGNAL,			/* without the mutex */
	OP_SET_SIGNAL,			/* lock; flag = 1; signal; unlock */
	OP_BROADCAST,
	OP_DOWN, OP_TRYDOWN, OP_DOWN_TIMEOUT, OP_UP,
	OP_QUEUE_WAIT,			/* until y is set */
	OP_QUEUE_SLEEP,			/* prepare; sleep; finish */
	OP_QUEUE_TIMEOUT,
	OP_QUEUE_LOOK,			/* prepare; r = y; twice; finish */
	OP_WAKE_ONE, OP_SET_WAKE_ALL,
	OP_BARRIER,			/* of two */
	NR_KINDS,
};

static const char *const op_names[NR_KINDS] = {
	"observe", "locked", "trylock", "wait", "wait unless set",
	"wait with time-out", "signal", "set, signal", "broadcast",
	"down", "trydown", "down with time-out", "up",
	"queue: wait", "queue: sleep", "queue: sleep with time-out",
	"queue: look", "wake one", "set, wake all", "barrier",
};

struct random_program {
	unsigned int nr_threads;
	bool tries;			/* which kind of mutex m is */
	uint8_t count;			/* of the semaphore */
	uint8_t nr_ops[MAX_THREADS];
	uint8_t ops[MAX_THREADS][MAX_OPS];
};

static const struct random_program *program;

struct shared {
	uint64_t result[MAX_THREADS];
	uint64_t x, y;
	uint64_t n, flag;		/* under the mutex */
	struct check_mutex mutex;
	struct check_cond cond;
	struct check_semaphore semaphore;
	struct check_waitqueue queue;
	struct check_barrier barrier;
	/* the model's */
	uint64_t held;
	uint64_t waits[MAX_THREADS];	/* for the condition variable */
	uint64_t sleeps[MAX_THREADS];	/* on the wait queue */
	uint64_t count;
	uint64_t arrived;		/* at the barrier, */
	uint64_t meets[MAX_THREADS];	/* and who waits there */
};

static struct shared *s;		/* constant after setup() */

static void setup(void *arg)
{
	(void)arg;
	trace_begin();
	s = check_alloc(sizeof(*s), "shared");
	if (program->tries)
		check_mutex_init_try(&s->mutex, "mutex");
	else
		check_mutex_init(&s->mutex, "mutex");
	check_cond_init(&s->cond, "cond");
	check_semaphore_init(&s->semaphore, "semaphore", program->count);
	check_waitqueue_init(&s->queue, "queue");
	check_barrier_init(&s->barrier, "barrier", 2);
	s->count = program->count;
}

/* What a thread sees, in the order in which it sees it. */
static void note(unsigned int t, uint64_t value)
{
	s->result[t] = 8 * s->result[t] + value + 1;
}

/* ------ the real thing ------ */

static void mutex_op(unsigned int t, enum op_kind kind)
{
	if (kind == OP_TRYLOCK && !check_mutex_trylock(&s->mutex)) {
		note(t, 6);
		return;
	}
	if (kind != OP_TRYLOCK)
		check_mutex_lock(&s->mutex);
	if (kind == OP_WAIT)
		check_cond_wait(&s->cond, &s->mutex);
	while (kind == OP_WAIT_UNLESS && !s->flag)
		check_cond_wait(&s->cond, &s->mutex);
	if (kind == OP_WAIT_TIMEOUT)
		note(t, check_cond_wait_timeout(&s->cond, &s->mutex));
	if (kind == OP_SET_SIGNAL) {
		s->flag = 1;
		check_cond_signal(&s->cond);
	}
	note(t, s->n++);
	check_mutex_unlock(&s->mutex);
}

static void queue_op(unsigned int t, enum op_kind kind)
{
	if (kind == OP_QUEUE_WAIT) {
		check_waitqueue_wait(&s->queue, check_load(&s->y));
		return;
	}
	check_waitqueue_prepare(&s->queue);
	if (kind == OP_QUEUE_SLEEP)
		check_waitqueue_sleep(&s->queue);
	if (kind == OP_QUEUE_TIMEOUT)
		note(t, check_waitqueue_sleep_timeout(&s->queue));
	if (kind == OP_QUEUE_LOOK) {
		note(t, check_load(&s->y));
		check_waitqueue_prepare(&s->queue);
		note(t, check_load(&s->y));
	}
	check_waitqueue_finish(&s->queue);
}

static void real_op(unsigned int t, enum op_kind kind)
{
	switch (kind) {
	case OP_OBSERVE:
		note(t, check_fetch_add(&s->x, 1));
		break;
	case OP_SIGNAL:
		check_cond_signal(&s->cond);
		break;
	case OP_BROADCAST:
		check_cond_broadcast(&s->cond);
		break;
	case OP_DOWN:
		check_semaphore_down(&s->semaphore);
		break;
	case OP_TRYDOWN:
		note(t, check_semaphore_trydown(&s->semaphore));
		break;
	case OP_DOWN_TIMEOUT:
		note(t, check_semaphore_down_timeout(&s->semaphore));
		break;
	case OP_UP:
		check_semaphore_up(&s->semaphore);
		break;
	case OP_SET_WAKE_ALL:
		check_store(&s->y, 1);
		check_waitqueue_wake_all(&s->queue);
		break;
	case OP_WAKE_ONE:
		check_waitqueue_wake_one(&s->queue);
		break;
	case OP_BARRIER:
		note(t, check_barrier_wait(&s->barrier));
		break;
	default:
		if (kind < OP_SIGNAL || kind == OP_SET_SIGNAL)
			mutex_op(t, kind);
		else
			queue_op(t, kind);
	}
}

/* ------ the model ------ */

/* Every operation of the model is on this. */
static void step(void)
{
	check_op(s, CHECK_WRITE);
}

static bool is_zero(const void *word)
{
	return !*(const uint64_t *)word;
}

static bool is_set(const void *word)
{
	return *(const uint64_t *)word != 0;
}

static void model_lock(void)
{
	check_op_when(&s->held, CHECK_WRITE, is_zero, "lock");
	s->held = 1;
}

static void model_unlock(void)
{
	step();
	s->held = 0;
}

/* Clear one flag that is set, any, or all. */
static void model_wake_one(uint64_t *flags)
{
	unsigned int choice = check_choose(MAX_THREADS), nr = 0;

	step();
	for (unsigned int i = 0; i < MAX_THREADS; i++)
		nr += flags[i] != 0;
	choice = nr ? choice % nr : 0;
	for (unsigned int i = 0; i < MAX_THREADS; i++)
		if (flags[i] && !choice--) {
			flags[i] = 0;
			return;
		}
}

static void model_wake_all(uint64_t *flags)
{
	step();
	memset(flags, 0, MAX_THREADS * sizeof(*flags));
}

/* Who begins to wait still has the mutex, as trylock can tell. */
static void model_wait(unsigned int t)
{
	step();
	s->waits[t] = 1;
	model_unlock();
	check_op_when(&s->waits[t], CHECK_WRITE, is_zero, "wait");
	model_lock();
}

static uint64_t model_wait_timeout(unsigned int t)
{
	uint64_t timed_out;

	step();
	s->waits[t] = 1;
	model_unlock();
	step();
	timed_out = s->waits[t];
	s->waits[t] = 0;
	model_lock();
	return timed_out;
}

static void model_mutex_op(unsigned int t, enum op_kind kind)
{
	if (kind == OP_TRYLOCK) {
		step();
		if (s->held) {
			note(t, 6);
			return;
		}
		s->held = 1;
	} else {
		model_lock();
	}
	if (kind == OP_WAIT)
		model_wait(t);
	while (kind == OP_WAIT_UNLESS && !s->flag)
		model_wait(t);
	if (kind == OP_WAIT_TIMEOUT)
		note(t, model_wait_timeout(t));
	if (kind == OP_SET_SIGNAL) {
		s->flag = 1;
		model_wake_one(s->waits);
	}
	note(t, s->n++);
	model_unlock();
}

static void model_queue_op(unsigned int t, enum op_kind kind)
{
	if (kind == OP_QUEUE_WAIT) {
		/* whoever sets y wakes all; wake one is for nobody else */
		for (;;) {
			step();
			s->sleeps[t] = 1;
			step();
			if (s->y)
				break;
			check_op_when(&s->sleeps[t], CHECK_WRITE, is_zero,
				      "sleep");
		}
	} else {
		step();
		s->sleeps[t] = 1;
	}
	if (kind == OP_QUEUE_SLEEP)
		check_op_when(&s->sleeps[t], CHECK_WRITE, is_zero, "sleep");
	if (kind == OP_QUEUE_TIMEOUT) {
		step();
		note(t, s->sleeps[t]);
	}
	if (kind == OP_QUEUE_LOOK) {
		step();
		note(t, s->y);
		step();
		s->sleeps[t] = 1;
		step();
		note(t, s->y);
	}
	if (kind == OP_QUEUE_SLEEP || kind == OP_QUEUE_TIMEOUT) {
		s->sleeps[t] = 0;
		return;
	}
	step();
	s->sleeps[t] = 0;
}

/* One that waits may give up at any time while there is none. */
static void model_down_timeout(unsigned int t)
{
	bool gives_up = check_choose(2);

	step();
	if (!s->count && !gives_up)
		step();
	if (!s->count) {
		note(t, 1);
		return;
	}
	s->count--;
	note(t, 0);
}

static void model_barrier(unsigned int t)
{
	step();
	note(t, s->arrived % 2);
	if (s->arrived++ % 2) {
		memset(s->meets, 0, sizeof(s->meets));
		return;
	}
	s->meets[t] = 1;
	check_op_when(&s->meets[t], CHECK_WRITE, is_zero, "meet");
}

static void model_op(unsigned int t, enum op_kind kind)
{
	switch (kind) {
	case OP_OBSERVE:
		step();
		note(t, s->x++);
		break;
	case OP_SIGNAL:
		model_wake_one(s->waits);
		break;
	case OP_BROADCAST:
		model_wake_all(s->waits);
		break;
	case OP_DOWN:
		check_op_when(&s->count, CHECK_WRITE, is_set, "down");
		s->count--;
		break;
	case OP_TRYDOWN:
		step();
		note(t, s->count != 0);
		s->count -= s->count != 0;
		break;
	case OP_DOWN_TIMEOUT:
		model_down_timeout(t);
		break;
	case OP_UP:
		step();
		s->count++;
		break;
	case OP_SET_WAKE_ALL:
		step();
		s->y = 1;
		model_wake_all(s->sleeps);
		break;
	case OP_WAKE_ONE:
		model_wake_one(s->sleeps);
		break;
	case OP_BARRIER:
		model_barrier(t);
		break;
	default:
		if (kind < OP_SIGNAL || kind == OP_SET_SIGNAL)
			model_mutex_op(t, kind);
		else
			model_queue_op(t, kind);
	}
}

/* ------ what it is made of ------ */

void __real_run_operate(const void *object, size_t bytes, uint32_t class,
			bool (*enabled)(const void *object), const char *name,
			const void *where);
void __wrap_run_operate(const void *object, size_t bytes, uint32_t class,
			bool (*enabled)(const void *object), const char *name,
			const void *where);
void __real_check_op(const void *object, enum check_class class);
void __wrap_check_op(const void *object, enum check_class class);
void __real_check_op_at(const void *object, enum check_class class,
			const void *where);
void __wrap_check_op_at(const void *object, enum check_class class,
			const void *where);
unsigned int __real_run_choose(unsigned int nr);
unsigned int __wrap_run_choose(unsigned int nr);

static uint64_t choices;		/* made in this search */

static void note_operation(const void *object, uint32_t class)
{
	unsigned int how = class;

	if (class == CLASS_PARK)
		how = CHECK_WRITE;
	if (class == CLASS_RELEASE_READ)
		how = TRACE_RELEASE_READ;
	if (class == CLASS_RELEASE_WRITE)
		how = TRACE_RELEASE_WRITE;
	if (check_self() < MAX_THREADS)
		trace_note(check_self(), object, 8, how, 0);
}

void __wrap_run_operate(const void *object, size_t bytes, uint32_t class,
			bool (*enabled)(const void *object), const char *name,
			const void *where)
{
	__real_run_operate(object, bytes, class, enabled, name, where);
	note_operation(object, class);
}

void __wrap_check_op(const void *object, enum check_class class)
{
	__real_check_op(object, class);
	note_operation(object, class);
}

void __wrap_check_op_at(const void *object, enum check_class class,
			const void *where)
{
	__real_check_op_at(object, class, where);
	note_operation(object, class);
}

unsigned int __wrap_run_choose(unsigned int nr)
{
	unsigned int choice = __real_run_choose(nr);

	choices++;
	trace_note(check_self(), NULL, 0, TRACE_CHOICE, choice);
	return choice;
}

/* ------ what a search finds ------ */

struct outcome {
	uint64_t finals[MAX_FINALS];
	size_t nr;
	uint64_t traces[MAX_TRACES];
	size_t nr_traces;
	bool waits;			/* some execution does not end */
	bool complete;
	bool is_of_executions;		/* so each runs from its start */
	uint64_t executions;
	uint64_t redundant;
	uint64_t choices;
};

static struct outcome *collecting;
static bool models;

static void thread(void *arg, unsigned int t)
{
	(void)arg;
	for (unsigned int i = 0; i < program->nr_ops[t]; i++)
		if (models)
			model_op(t, program->ops[t][i]);
		else
			real_op(t, program->ops[t][i]);
}

/* Add a hash to a set, unless it is in there. */
static void set_add(uint64_t *set, size_t *nr, size_t room, uint64_t hash)
{
	size_t i = 0;

	while (i < *nr && set[i] != hash)
		i++;
	assert_true(i < room);
	set[i] = hash;
	*nr += i == *nr;
}

static void finish(void *arg)
{
	uint64_t final[MAX_THREADS + 5] = {
		s->x, s->y, s->n, s->flag,
		models ? s->count : s->semaphore.count,
	};
	struct outcome *o = collecting;

	(void)arg;
	memcpy(final + 5, s->result, sizeof(s->result));
	set_add(o->finals, &o->nr, MAX_FINALS,
		XXH3_64bits(final, sizeof(final)));
	if (!models && o->is_of_executions)
		set_add(o->traces, &o->nr_traces, MAX_TRACES, trace_hash());
}

static void restarted(void *user)
{
	((struct outcome *)user)->nr = 0;
}

static int hash_order(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void search(bool of_model, enum check_mode mode, bool no_reduction,
		   struct outcome *o)
{
	struct check_options options = {
		.mode = mode,
		.no_reduction = no_reduction,
		.max_states = STATES_LIMIT,
		.max_executions = mode == CHECK_BY_STATES ? 0 :
			EXECUTIONS_LIMIT,
		.restarted = restarted,
		.user = o,
	};
	struct check_program p = {
		.nr_threads = program->nr_threads, .setup = setup,
		.thread = thread, .finish = finish,
	};
	struct check_result result;

	memset(o, 0, sizeof(*o));
	o->is_of_executions = mode != CHECK_BY_STATES;
	collecting = o;
	models = of_model;
	check_regions_reset();
	assert_int_equal(check_companion(&trace, &trace.used), 0);
	choices = 0;
	assert_int_equal(check_run(&p, &options, &result), 0);
	for (size_t i = 0; i < result.nr_failures; i++) {
		if (result.failures[i].number != CHECK_DEADLOCK &&
		    result.failures[i].number != CHECK_LOST_WAKEUP)
			fail_msg("%s", result.failures[i].text);
		o->waits = true;
	}
	o->complete = result.complete;
	o->executions = result.executions;
	o->redundant = result.redundant;
	o->choices = choices;
	qsort(o->finals, o->nr, sizeof(o->finals[0]), hash_order);
	qsort(o->traces, o->nr_traces, sizeof(o->traces[0]), hash_order);
	check_result_free(&result);
}

/* ------ programs ------ */

static unsigned int below(uint64_t *random, unsigned int n)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return (unsigned int)((*random >> 16) % n);
}

/* Few kinds a program, so that operations have to do with each other. */
static void random_program(struct random_program *p, uint64_t seed)
{
	uint64_t random = seed * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du;
	unsigned int nr_kinds, first;
	static const unsigned int firsts[] = {
		OP_OBSERVE, OP_WAIT, OP_DOWN, OP_QUEUE_WAIT, OP_OBSERVE,
		OP_WAKE_ONE,
	};
	static const unsigned int nrs[] = {
		NR_KINDS, OP_DOWN - OP_WAIT, OP_UP + 1 - OP_DOWN,
		OP_BARRIER - OP_QUEUE_WAIT, OP_DOWN,
		NR_KINDS - OP_WAKE_ONE,
	};

	memset(p, 0, sizeof(*p));
	below(&random, 2);
	first = below(&random, sizeof(nrs) / sizeof(nrs[0]));
	nr_kinds = nrs[first];
	first = firsts[first];
	p->nr_threads = 2 + below(&random, 2);
	p->tries = below(&random, 2);
	p->count = (uint8_t)below(&random, 3);
	for (unsigned int t = 0; t < p->nr_threads; t++) {
		p->nr_ops[t] = (uint8_t)
			(1 + below(&random, MAX_OPS + 2 - p->nr_threads));
		for (unsigned int i = 0; i < p->nr_ops[t]; i++) {
			unsigned int kind = first + below(&random, nr_kinds);

			/* a plain mutex does not know it */
			if (kind == OP_TRYLOCK && !p->tries)
				kind = OP_LOCKED;
			if (!below(&random, 8))
				kind = OP_OBSERVE;
			p->ops[t][i] = (uint8_t)kind;
		}
	}
}

static void print_program(uint64_t seed)
{
	printf("# CHECKER_SEED=%llu CHECKER_PROGRAMS=1, %s mutex, count %u\n",
	       (unsigned long long)seed, program->tries ? "try" : "plain",
	       program->count);
	for (unsigned int t = 0; t < program->nr_threads; t++) {
		printf("# T%u:", t);
		for (unsigned int i = 0; i < program->nr_ops[t]; i++)
			printf("%s %s", i ? ";" : "",
			       op_names[program->ops[t][i]]);
		putchar('\n');
	}
}

static const char *compare(const struct outcome *model,
			   const struct outcome *real)
{
	if (model->waits != real->waits)
		return "whether an execution does not end";
	if (model->nr != real->nr ||
	    memcmp(model->finals, real->finals,
		   model->nr * sizeof(model->finals[0])))
		return "final states";
	return NULL;
}

static struct {
	uint64_t programs, finals, waits;
	uint64_t by_executions, executions, redundant, brute, traces;
} seen;

/* Return: what differs between the traces that were run and all there are. */
static const char *compare_traces(const struct outcome *brute,
				  const struct outcome *executions)
{
	if (brute->nr_traces != executions->nr_traces ||
	    memcmp(brute->traces, executions->traces,
		   brute->nr_traces * sizeof(brute->traces[0])))
		return "traces";
	if (executions->executions != executions->nr_traces)
		return "a trace that is run twice";
	if (executions->redundant && !executions->choices)
		return "a redundant execution";
	return NULL;
}

static const char *check_executions(const struct outcome *model)
{
	static struct outcome executions, brute;
	const char *differs;

	search(false, CHECK_BY_EXECUTIONS, false, &executions);
	if (!executions.complete)
		return NULL;
	seen.by_executions++;
	seen.redundant += executions.redundant;
	seen.executions += executions.executions;
	differs = compare(model, &executions);
	if (differs)
		return differs;
	search(false, CHECK_BRUTE_FORCE, false, &brute);
	if (!brute.complete)
		return NULL;
	seen.brute++;
	seen.traces += brute.nr_traces;
	differs = compare(model, &brute);
	return differs ? differs : compare_traces(&brute, &executions);
}

/* Return: what differs, or NULL. */
static const char *check_program(void)
{
	static struct outcome model, states;

	search(true, CHECK_BY_STATES, true, &model);
	if (!model.complete)
		return NULL;
	for (int all = 0; all < 2; all++) {
		const char *differs;

		search(false, CHECK_BY_STATES, all, &states);
		if (!states.complete)
			return NULL;
		differs = compare(&model, &states);
		if (differs)
			return differs;
	}
	seen.programs++;
	seen.finals += model.nr;
	seen.waits += model.waits;
	return check_executions(&model);
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void test_model(void **state)
{
	uint64_t seed = number_from("CHECKER_SEED", 1);
	uint64_t nr = number_from("CHECKER_PROGRAMS", 1000);
	const unsigned int few = revisits_few;

	(void)state;
	for (uint64_t i = 0; i < nr; i++) {
		struct random_program p;
		const char *differs;

		/* sub-trees wait one by one, or each with all that it can */
		revisits_few = i % 2 ? 0 : few;
		random_program(&p, seed + i);
		program = &p;
		differs = check_program();
		if (!differs)
			continue;
		print_program(seed + i);
		fail_msg("the model and a search differ: %s", differs);
	}
	print_message("# %llu programs of %llu, %llu by executions, %llu by brute force\n",
		      (unsigned long long)seen.programs, (unsigned long long)nr,
		      (unsigned long long)seen.by_executions,
		      (unsigned long long)seen.brute);
	print_message("# %llu final states, %llu programs that may not end, %llu executions, %llu redundant, %llu traces compared\n",
		      (unsigned long long)seen.finals,
		      (unsigned long long)seen.waits,
		      (unsigned long long)seen.executions,
		      (unsigned long long)seen.redundant,
		      (unsigned long long)seen.traces);
	/* a generator that makes nothing useful proves nothing */
	assert_true(nr < 100 || (seen.programs > nr * 2 / 3 &&
				 seen.by_executions > nr / 2 &&
				 seen.brute > nr / 4 &&
				 seen.traces > nr));
	assert_true(nr < 100 || (seen.waits > nr / 8 &&
				 seen.waits < nr * 7 / 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
