/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * random_program.h - small programs as data, made at random and interpreted.
 *
 * Interface
 *   random_program()     fill a program from a seed
 *   program_print()      its source, for people
 *   program_setup(), program_thread()
 *                        run it under the checker; arg is the program
 *   program_final()      hash of the final state; call it in finish()
 *   program_release()    give back all memory; call it after that
 *
 * Names used in this file
 *   word      x0 ... shared words
 *   slot      p0, p1: a shared pointer to a block of memory, or NULL
 *   register  r0, r1 of each thread: on its stack, part of the state
 *   soft      a failed assertion is remembered in the final state and the
 *             thread goes on; else it is a failure of the checker
 */
#ifndef TESTS_RANDOM_PROGRAM_H
#define TESTS_RANDOM_PROGRAM_H

#include "programs.h"
#include "trace.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#define MAX_THREADS TRACE_THREADS
#define MAX_OPS 16
#define NR_WORDS 4
#define NR_SLOTS 2
#define NR_REGISTERS 2
#define NR_MUTEXES 2

enum op_kind {
	OP_LOAD, OP_STORE, OP_STORE_REG, OP_FETCH_ADD, OP_ADD, OP_CMPXCHG,
	OP_SUM, OP_WAIT, OP_SPIN, OP_SPIN_FOREVER, OP_SPIN_EITHER, OP_SPIN_BOTH,
	OP_SPIN_LOCK, OP_SPIN_STORE,
	OP_LOCK, OP_UNLOCK, OP_DOWN_READ, OP_UP_READ, OP_DOWN_WRITE,
	OP_UP_WRITE, OP_PARK, OP_UNPARK,
	OP_PUT, OP_TAKE, OP_PEEK,
	OP_CHOOSE, OP_SKIP_UNLESS, OP_FAIL_IF,
	NR_KINDS,
};

struct op {
	uint8_t kind;
	uint8_t a;			/* which word, slot, mutex or thread */
	uint8_t v;			/* a value */
	uint8_t r;			/* a register */
	uint8_t n;			/* how many rounds, or operations */
};

struct random_program {
	unsigned int nr_threads;
	bool soft;
	uint8_t nr_ops[MAX_THREADS];
	struct op ops[MAX_THREADS][MAX_OPS];
};

/* ------ the source ------ */

/* A, V, R and N stand for the operation's fields, T for its thread. */
static const char *const op_source[NR_KINDS] = {
	[OP_LOAD] = "rR = xA",
	[OP_STORE] = "xA = V",
	[OP_STORE_REG] = "xA = rR + V",
	[OP_FETCH_ADD] = "rR = fetch_add(xA, V)",
	[OP_ADD] = "add(xA, V)",
	[OP_CMPXCHG] = "rR = cmpxchg(xA, V, N)",
	[OP_SUM] = "rR = x0 + x1",
	[OP_WAIT] = "wait until xA, then xA--",
	[OP_SPIN] = "rR = spin until xA == V, N times",
	[OP_SPIN_FOREVER] = "spin until xA == V",
	[OP_SPIN_EITHER] = "spin until xA == V or xN == V",
	[OP_SPIN_BOTH] = "spin until xA == V and xN == V",
	[OP_SPIN_LOCK] = "spin until xA == V and cmpxchg(xA, V, N) does it",
	[OP_SPIN_STORE] = "do xN = V until xA == V",
	[OP_LOCK] = "lock mA",
	[OP_UNLOCK] = "unlock mA",
	[OP_DOWN_READ] = "down_read",
	[OP_UP_READ] = "up_read",
	[OP_DOWN_WRITE] = "down_write",
	[OP_UP_WRITE] = "up_write",
	[OP_PARK] = "park",
	[OP_UNPARK] = "unpark TA",
	[OP_PUT] = "old = xchg(pA, new block of V); free(old)",
	[OP_TAKE] = "old = xchg(pA, NULL); if old: rR = *old, free(old)",
	[OP_PEEK] = "old = pA; if old: rR = *old",
	[OP_CHOOSE] = "rR = choose(N)",
	[OP_SKIP_UNLESS] = "unless rR == V: skip N",
	[OP_FAIL_IF] = "fail if rR == V",
};

static void op_print(const struct op *op)
{
	for (const char *c = op_source[op->kind]; *c; c++)
		switch (*c) {
		case 'A':
			printf("%u", op->a);
			break;
		case 'V':
			printf("%u", op->v);
			break;
		case 'R':
			printf("%u", op->r);
			break;
		case 'N':
			/* not that of NULL */
			if (c[1] == 'U')
				putchar(*c);
			else
				printf("%u", op->n);
			break;
		default:
			putchar(*c);
		}
}

static inline void program_print(const struct random_program *p)
{
	for (unsigned int t = 0; t < p->nr_threads; t++) {
		printf("T%u%s:\n", t, p->soft ? " (soft)" : "");
		for (unsigned int i = 0; i < p->nr_ops[t]; i++) {
			printf("%8u  ", i);
			op_print(&p->ops[t][i]);
			putchar('\n');
		}
	}
}

/* ------ the interpreter ------ */

struct block_of_memory {
	uint64_t value;
	uint64_t spare;
};

struct shared {
	uint64_t words[NR_WORDS];
	struct block_of_memory *slots[NR_SLOTS];
	struct check_lock mutexes[NR_MUTEXES];
	struct check_lock rwsem;
	uint64_t registers[MAX_THREADS][NR_REGISTERS];	/* at the ends */
	uint64_t softly[MAX_THREADS];	/* assertions that failed */
};

struct cpu {
	unsigned int t;
	unsigned int pc;
	uint64_t softly;
	uint64_t r[NR_REGISTERS];
};

static struct shared *shared;		/* constant after setup() */
static uint64_t parks[MAX_THREADS];	/* stand for the threads' tokens */

/* A code address for each operation of the program. */
static const void *op_where(const struct cpu *cpu)
{
	return (const void *)(uintptr_t)(0x1000 + 64 * cpu->t + cpu->pc);
}

static bool word_is_set(const void *word)
{
	return *(const uint64_t *)word != 0;
}

static void spin(struct cpu *cpu, const struct op *op, const uint64_t *word)
{
	for (unsigned int i = 0; i < op->n; i++) {
		uint64_t value = word_load(word);

		trace_note(cpu->t, word, 8, CHECK_READ, 0);
		cpu->r[op->r] = value == op->v;
		if (value == op->v)
			return;
	}
}

/*
 * The first turn of a loop may be other code than the next ones, and so be no
 * turn in vain; where each turn calls a function it is not.
 */
static __attribute__((noinline)) uint64_t noted_load(const struct cpu *cpu,
						     unsigned int word)
{
	uint64_t value = word_load(&shared->words[word]);

	trace_note(cpu->t, &shared->words[word], 8, CHECK_READ, 0);
	return value;
}

static uint64_t noted_cmpxchg(const struct cpu *cpu, const struct op *op)
{
	uint64_t *word = &shared->words[op->a];
	uint64_t found = word_cmpxchg(word, op->v, op->n);

	trace_note(cpu->t, word, 8, CHECK_WRITE, 0);
	return found;
}

static void noted_store(const struct cpu *cpu, const struct op *op)
{
	uint64_t *word = &shared->words[op->n];

	word_store(word, op->v);
	trace_note(cpu->t, word, 8, CHECK_WRITE, 0);
}

/* Return: that was the last one. */
static __attribute__((noinline)) bool spin_turn(const struct cpu *cpu,
						const struct op *op)
{
	bool done;

	if (op->kind == OP_SPIN_STORE)
		noted_store(cpu, op);
	done = noted_load(cpu, op->a) == op->v;
	if (op->kind == OP_SPIN_EITHER)
		done = done || noted_load(cpu, op->n) == op->v;
	else if (op->kind == OP_SPIN_BOTH)
		done = done && noted_load(cpu, op->n) == op->v;
	else if (op->kind == OP_SPIN_LOCK)
		done = done && noted_cmpxchg(cpu, op) == op->v;
	return done;
}

static void word_op(struct cpu *cpu, const struct op *op)
{
	uint64_t *word = &shared->words[op->a], *r = &cpu->r[op->r];
	unsigned int class = CHECK_WRITE;

	switch (op->kind) {
	case OP_LOAD:
		*r = word_load(word);
		class = CHECK_READ;
		break;
	case OP_STORE:
		word_store(word, op->v);
		break;
	case OP_STORE_REG:
		word_store(word, *r + op->v);
		break;
	case OP_FETCH_ADD:
		*r = word_fetch_add(word, op->v);
		break;
	case OP_ADD:
		word_add(word, op->v);
		class = CHECK_ADD;
		break;
	case OP_CMPXCHG:
		*r = word_cmpxchg(word, op->v, op->n);
		break;
	case OP_WAIT:
		check_op_when(word, CHECK_WRITE, word_is_set, "waits");
		--*word;
		break;
	default:
		spin(cpu, op, word);
		return;
	}
	trace_note(cpu->t, word, 8, class, 0);
}

static void sum_op(struct cpu *cpu, const struct op *op)
{
	uint64_t *words = shared->words;

	check_op_range(words, 2 * sizeof(*words), CHECK_READ);
	cpu->r[op->r] = words[0] + words[1];
	trace_note(cpu->t, words, 16, CHECK_READ, 0);
}

static void lock_op(struct cpu *cpu, const struct op *op)
{
	struct check_lock *mutex = &shared->mutexes[op->a];
	struct check_lock *lock = &shared->rwsem;
	unsigned int class = CHECK_WRITE;

	if (op->kind <= OP_UNLOCK)
		lock = mutex;
	switch (op->kind) {
	case OP_LOCK:
		check_spin_lock(lock, op_where(cpu));
		break;
	case OP_UNLOCK:
		check_spin_unlock(lock, op_where(cpu));
		class = TRACE_RELEASE_WRITE;
		break;
	case OP_DOWN_READ:
		check_down_read(lock, op_where(cpu));
		class = CHECK_READ;
		break;
	case OP_UP_READ:
		check_up_read(lock, op_where(cpu));
		class = TRACE_RELEASE_READ;
		break;
	case OP_DOWN_WRITE:
		check_down_write(lock, op_where(cpu));
		break;
	default:
		check_up_write(lock, op_where(cpu));
		class = TRACE_RELEASE_WRITE;
	}
	trace_note(cpu->t, lock, 8, class, 0);
}

static void sleep_op(struct cpu *cpu, const struct op *op)
{
	unsigned int whose = cpu->t;

	if (op->kind == OP_PARK) {
		check_park(op_where(cpu));
	} else {
		whose = op->a;
		check_unpark(whose);
	}
	trace_note(cpu->t, &parks[whose], 8, CHECK_WRITE, 0);
}

static void block_free(struct cpu *cpu, struct block_of_memory *block)
{
	if (!block)
		return;
	check_free(block, op_where(cpu));
	trace_note(cpu->t, block, sizeof(*block), CHECK_WRITE, 0);
}

static void block_load(struct cpu *cpu, const struct op *op,
		       const struct block_of_memory *block)
{
	if (!block)
		return;
	cpu->r[op->r] = word_load(&block->value);
	trace_note(cpu->t, &block->value, 8, CHECK_READ, 0);
}

static void heap_op(struct cpu *cpu, const struct op *op)
{
	struct block_of_memory **slot = &shared->slots[op->a];
	struct block_of_memory *old, *new = NULL;
	enum check_class class =
		op->kind == OP_PEEK ? CHECK_READ : CHECK_WRITE;

	if (op->kind == OP_PUT) {
		new = check_alloc(sizeof(*new), "block");
		if (new->value || new->spare)
			check_fail(3, op_where(cpu), "new memory is not zero");
		new->spare = 1;
		new->value = op->v;
	}
	check_op(slot, class);
	old = *slot;
	if (op->kind != OP_PEEK)
		*slot = new;
	trace_note(cpu->t, slot, 8, class, 0);
	if (op->kind != OP_PUT)
		block_load(cpu, op, old);
	if (op->kind != OP_PEEK)
		block_free(cpu, old);
}

static void local_op(struct cpu *cpu, const struct op *op,
		     const struct random_program *p)
{
	uint64_t *r = &cpu->r[op->r];

	switch (op->kind) {
	case OP_CHOOSE:
		*r = check_choose(op->n);
		trace_note(cpu->t, NULL, 0, TRACE_CHOICE, (unsigned int)*r);
		break;
	case OP_SKIP_UNLESS:
		if (*r != op->v)
			cpu->pc += op->n;
		break;
	default:
		if (*r != op->v)
			break;
		if (!p->soft)
			check_fail(1, op_where(cpu), "assertion");
		cpu->softly |= 1u << cpu->pc;
	}
}

static void perform(struct cpu *cpu, const struct op *op,
		    const struct random_program *p)
{
	if (op->kind == OP_SUM)
		sum_op(cpu, op);
	else if (op->kind <= OP_SPIN)
		word_op(cpu, op);
	else if (op->kind <= OP_SPIN_STORE)
		while (!spin_turn(cpu, op))
			;
	else if (op->kind <= OP_UP_WRITE)
		lock_op(cpu, op);
	else if (op->kind <= OP_UNPARK)
		sleep_op(cpu, op);
	else if (op->kind <= OP_PEEK)
		heap_op(cpu, op);
	else
		local_op(cpu, op, p);
}

static void program_setup(void *arg)
{
	(void)arg;
	trace_begin();
	shared = check_alloc(sizeof(*shared), "shared");
	/* one class, so that orders of locks are no failures of their own */
	for (unsigned int i = 0; i < NR_MUTEXES; i++)
		check_spin_init(&shared->mutexes[i], "lock");
	check_rwsem_init(&shared->rwsem, "lock");
	for (unsigned int i = 0; i < NR_SLOTS; i++)
		shared->slots[i] = check_alloc(sizeof(*shared->slots[i]),
					       "block");
}

static void program_thread(void *arg, unsigned int t)
{
	const struct random_program *p = arg;
	struct cpu cpu = { .t = t };

	for (; cpu.pc < p->nr_ops[t]; cpu.pc++)
		perform(&cpu, &p->ops[t][cpu.pc], p);
	shared->softly[t] = cpu.softly;
	for (unsigned int i = 0; i < NR_REGISTERS; i++)
		shared->registers[t][i] = cpu.r[i];
}

/* Everything but the addresses of blocks, which are just names. */
static inline uint64_t program_final(void)
{
	struct {
		uint64_t words[NR_WORDS];
		uint64_t blocks[NR_SLOTS];
		uint64_t registers[MAX_THREADS][NR_REGISTERS];
		uint64_t softly[MAX_THREADS];
	} final;

	memset(&final, 0, sizeof(final));
	memcpy(final.words, shared->words, sizeof(final.words));
	memcpy(final.registers, shared->registers, sizeof(final.registers));
	memcpy(final.softly, shared->softly, sizeof(final.softly));
	for (unsigned int i = 0; i < NR_SLOTS; i++)
		final.blocks[i] = shared->slots[i] ?
			shared->slots[i]->value + 1 : 0;
	return XXH3_64bits(&final, sizeof(final));
}

static void program_release(void)
{
	for (unsigned int i = 0; i < NR_SLOTS; i++)
		check_free(shared->slots[i], NULL);
	check_free(shared, NULL);
}

/* ------ the generator ------ */

enum flavour {
	PLAIN,
	ENDLESS,			/* has spin loops without a bound */
	SPINNING,			/* is full of them, and of stores */
	RARE,				/* thread 0 does much, but seldom */
};

struct generator {
	uint64_t random;
	struct random_program *p;
	unsigned int t;
	uint8_t nr_words;
	uint8_t nr_mutexes;
	bool has_rwsem;
	bool has_blocks;
	bool waits;			/* for words to be set */
	unsigned int parked;		/* mask of threads that sleep once */
	bool guarded;			/* x0 is, nearly always, under m0 */
	enum flavour flavour;
};

static unsigned int below(struct generator *g, unsigned int n)
{
	g->random ^= g->random << 13;
	g->random ^= g->random >> 7;
	g->random ^= g->random << 17;
	return (unsigned int)((g->random >> 16) % n);
}

static struct op *emit(struct generator *g, enum op_kind kind, unsigned int a)
{
	struct random_program *p = g->p;
	/* a full thread writes where nobody looks */
	static struct op nowhere;
	struct op *op = &nowhere;

	if (p->nr_ops[g->t] < MAX_OPS)
		op = &p->ops[g->t][p->nr_ops[g->t]++];
	op->kind = (uint8_t)kind;
	op->a = (uint8_t)a;
	op->v = (uint8_t)below(g, 3);
	op->r = (uint8_t)below(g, NR_REGISTERS);
	op->n = (uint8_t)(1 + below(g, 2));
	return op;
}

static void emit_access(struct generator *g, unsigned int word)
{
	static const uint8_t kinds[] = {
		OP_LOAD, OP_LOAD, OP_LOAD, OP_STORE, OP_STORE, OP_STORE_REG,
		OP_FETCH_ADD, OP_ADD, OP_ADD, OP_CMPXCHG, OP_SPIN, OP_SUM,
	};
	enum op_kind kind = kinds[below(g, sizeof(kinds))];

	if (g->waits && below(g, 6) == 0)
		kind = OP_WAIT;
	if (g->flavour == SPINNING)
		kind = below(g, 3) ? OP_STORE : OP_SPIN;
	if (kind == OP_SPIN && g->flavour != PLAIN)
		kind = OP_SPIN_FOREVER + below(g, 5);
	/* two that undo each other's stores need not end */
	if (kind == OP_SPIN_STORE && g->t)
		kind = OP_SPIN_BOTH;
	emit(g, kind, word);
}

static void emit_section(struct generator *g);

/* Accesses to the guarded word are under its lock, but for one in ten. */
static void emit_word(struct generator *g)
{
	unsigned int word = below(g, g->nr_words);

	if (word == 0 && g->guarded && below(g, 10))
		emit_section(g);
	else
		emit_access(g, word);
}

static void emit_section(struct generator *g)
{
	unsigned int m = g->guarded ? 0 : below(g, g->nr_mutexes);
	unsigned int inner = below(g, g->nr_mutexes);
	bool nested = inner != m && below(g, 2);

	emit(g, OP_LOCK, m);
	if (nested)
		emit(g, OP_LOCK, inner);
	emit_access(g, g->guarded ? 0 : below(g, g->nr_words));
	if (below(g, 3) == 0)
		emit_access(g, below(g, g->nr_words));
	if (nested)
		emit(g, OP_UNLOCK, inner);
	emit(g, OP_UNLOCK, m);
}

static void emit_rwsem(struct generator *g)
{
	bool write = below(g, 2);

	emit(g, write ? OP_DOWN_WRITE : OP_DOWN_READ, 0);
	emit_access(g, g->nr_words - 1u);
	if (below(g, 3) == 0)
		emit_word(g);
	emit(g, write ? OP_UP_WRITE : OP_UP_READ, 0);
}

static void emit_anything(struct generator *g);

static void emit_branch(struct generator *g)
{
	unsigned int word = below(g, g->nr_words);
	struct op *test = emit(g, below(g, 4) ? OP_LOAD : OP_CHOOSE, word);
	struct op *skip = emit(g, OP_SKIP_UNLESS, 0);
	unsigned int from = g->p->nr_ops[g->t];

	test->n = 2;
	skip->r = test->r;
	emit_anything(g);
	skip->n = (uint8_t)(g->p->nr_ops[g->t] - from);
}

static void emit_park(struct generator *g)
{
	if (g->parked & (1u << g->t))
		return;
	g->parked |= 1u << g->t;
	emit(g, OP_PARK, 0);
}

/* Most of those that sleep are woken by one of the others. */
static void emit_unparks(struct generator *g)
{
	unsigned int nr = g->p->nr_threads;

	for (unsigned int t = 0; t < nr; t++) {
		if (!(g->parked & (1u << t)) || below(g, 8) == 0)
			continue;
		g->t = (t + 1 + below(g, nr - 1)) % nr;
		emit(g, OP_UNPARK, t);
	}
}

static void emit_anything(struct generator *g)
{
	unsigned int what = below(g, 20), slot = below(g, NR_SLOTS);

	/* one random number an expression: their order is the compiler's */
	if (what < 2 && g->nr_mutexes)
		emit_section(g);
	else if (what < 4 && g->has_rwsem)
		emit_rwsem(g);
	else if (what < 8 && g->has_blocks)
		emit(g, OP_PUT + below(g, 3), slot);
	else if (what == 8)
		emit_park(g);
	else if (what == 9)
		emit(g, OP_CHOOSE, 0)->n = (uint8_t)(2 + below(g, 2));
	else if (what == 10)
		emit(g, OP_FAIL_IF, 0);
	else if (what <= 12)
		emit_branch(g);
	else
		emit_word(g);
}

/* Only one choice in 62500 leads to what thread 0 does from here on. */
static void emit_rare(struct generator *g)
{
	for (int i = 0; i < 2; i++) {
		struct op *choose = emit(g, OP_CHOOSE, 0);
		struct op *skip = emit(g, OP_SKIP_UNLESS, 0);

		choose->n = 250;
		skip->r = choose->r;
		skip->v = 249;
		skip->n = MAX_OPS;
	}
}

static void emit_threads(struct generator *g)
{
	struct random_program *p = g->p;

	for (g->t = 0; g->t < p->nr_threads; g->t++) {
		unsigned int n = 1 + below(g, 6 - p->nr_threads);

		if (g->t == 0 && g->flavour == RARE)
			emit_rare(g);
		while (n--)
			emit_anything(g);
	}
	emit_unparks(g);
}

/* The program of that number. */
static void random_program(struct random_program *p, uint64_t seed,
			   enum flavour flavour)
{
	struct generator g = {
		.random = seed * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du,
		.p = p,
		.flavour = flavour,
	};

	memset(p, 0, sizeof(*p));
	below(&g, 2);
	p->nr_threads = 2 + below(&g, 5) / 2;
	p->soft = below(&g, 3) != 0;
	g.nr_words = (uint8_t)(1 + below(&g, 1 + below(&g, NR_WORDS)));
	g.waits = below(&g, 8) == 0;
	g.nr_mutexes = (uint8_t)below(&g, NR_MUTEXES + 1);
	g.guarded = g.nr_mutexes && below(&g, 2);
	g.has_rwsem = below(&g, 4) == 0;
	g.has_blocks = below(&g, 4) == 0;
	emit_threads(&g);
}

#endif /* TESTS_RANDOM_PROGRAM_H */
