/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * task.c - threads as tasks: sleeping, waking, and the locks.
 *
 * Each task keeps a list of the locks it holds.  That list is how
 * machine_spin_held() is answered, and how a lock that is taken twice, given
 * back by a stranger or slept under is noticed, for the price of a look at
 * the few entries it has.
 *
 * A task stays in memory until native_close(), even when its thread has
 * ended: who took it off a wait queue may unpark it a little later.  A thread
 * that goes on after native_close() is another task of the next machine.
 */
#include <stdlib.h>

#include "internal.h"

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(struct machine_spinlock),
	       "a mutex must fit into struct machine_spinlock");
_Static_assert(sizeof(pthread_rwlock_t) <= sizeof(struct machine_rwsem),
	       "a rwlock must fit into struct machine_rwsem");

static pthread_rwlock_t list_lock = PTHREAD_RWLOCK_INITIALIZER;	/* both */
static struct machine_task *live;	/* tasks whose thread runs */
static struct machine_task *ended;

static pthread_key_t end_key;
static bool is_open;		/* end_key exists */
static uint64_t machine;	/* how many there have been; list_lock */

/* The calling thread's task, which is one of machine number self_of. */
static _Thread_local struct machine_task *self;	/* NULL: not a task yet */
static _Thread_local uint64_t self_of;

/* For calls that fail only by a mistake of ours. */
static void must(int err)
{
	BUG_ON(0, err);
}

static void cpu_relax(void)
{
#ifdef __x86_64__
	__builtin_ia32_pause();
#endif
}

void native_mutex_lock(pthread_mutex_t *mutex)
{
	for (int i = 0; i < NATIVE_TRIES; i++) {
		if (!pthread_mutex_trylock(mutex))
			return;
		cpu_relax();
	}
	must(pthread_mutex_lock(mutex));
}

static void rwlock_read(pthread_rwlock_t *rwlock)
{
	for (int i = 0; i < NATIVE_TRIES; i++) {
		if (!pthread_rwlock_tryrdlock(rwlock))
			return;
		cpu_relax();
	}
	must(pthread_rwlock_rdlock(rwlock));
}

static void rwlock_write(pthread_rwlock_t *rwlock)
{
	for (int i = 0; i < NATIVE_TRIES; i++) {
		if (!pthread_rwlock_trywrlock(rwlock))
			return;
		cpu_relax();
	}
	must(pthread_rwlock_wrlock(rwlock));
}

/* The thread ends: take its CPU off the list. */
static void task_end(void *arg)
{
	struct machine_task *task = arg;
	struct machine_task **link = &live;
	unsigned int nr_held;

	must(pthread_rwlock_wrlock(&list_lock));
	if (self_of != machine) {
		/* native_close() has freed it. */
		must(pthread_rwlock_unlock(&list_lock));
		return;
	}
	nr_held = task->nr_held;
	while (*link != task)
		link = &(*link)->next;
	*link = task->next;
	task->next = ended;
	ended = task;
	must(pthread_rwlock_unlock(&list_lock));
	self = NULL;
	if (nr_held)
		machine_report(ORACLE_LOCKS, "thread exits with %u locks held",
			       nr_held);
}

static struct machine_task *task_begin(void)
{
	struct machine_task *task;

	BUG_ON(0, !is_open);
	task = calloc(1, sizeof(*task));
	BUG_ON(0, !task);
	must(pthread_mutex_init(&task->sleep, NULL));
	must(pthread_cond_init(&task->wake, NULL));
	must(pthread_mutex_init(&task->insn, NULL));
	must(pthread_rwlock_wrlock(&list_lock));
	task->next = live;
	live = task;
	self_of = machine;
	must(pthread_rwlock_unlock(&list_lock));
	must(pthread_setspecific(end_key, task));
	self = task;
	return task;
}

struct machine_task *native_self(void)
{
	if (self && self_of == __atomic_load_n(&machine, __ATOMIC_RELAXED))
		return self;
	return task_begin();
}

void native_tasks_open(void)
{
	must(pthread_key_create(&end_key, task_end));
	is_open = true;
}

static void tasks_free(struct machine_task *list)
{
	while (list) {
		struct machine_task *next = list->next;

		must(pthread_mutex_destroy(&list->sleep));
		must(pthread_cond_destroy(&list->wake));
		must(pthread_mutex_destroy(&list->insn));
		free(list);
		list = next;
	}
}

void native_tasks_close(void)
{
	must(pthread_rwlock_wrlock(&list_lock));
	for (const struct machine_task *task = live; task; task = task->next)
		BUG_ON(ORACLE_LOCKS, task->nr_held || task->in_insn);
	must(pthread_key_delete(end_key));
	is_open = false;
	__atomic_store_n(&machine, machine + 1, __ATOMIC_RELAXED);
	tasks_free(live);
	tasks_free(ended);
	live = NULL;
	ended = NULL;
	must(pthread_rwlock_unlock(&list_lock));
}

void native_each_cpu(void (*function)(struct machine_task *cpu,
				      const void *arg), const void *arg)
{
	must(pthread_rwlock_rdlock(&list_lock));
	for (struct machine_task *cpu = live; cpu; cpu = cpu->next)
		function(cpu, arg);
	must(pthread_rwlock_unlock(&list_lock));
}

void native_might_sleep(const char *what)
{
	const struct machine_task *task = native_self();

	if (task->nr_spin || task->in_insn)
		machine_report(ORACLE_LOCKS, "BUG: sleeping function called "
			       "from invalid context: %s", what);
}

struct machine_task *machine_self(void)
{
	return native_self();
}

void machine_park(void)
{
	struct machine_task *task = native_self();

	native_might_sleep("park");
	must(pthread_mutex_lock(&task->sleep));
	while (!task->token)
		must(pthread_cond_wait(&task->wake, &task->sleep));
	task->token = false;
	must(pthread_mutex_unlock(&task->sleep));
}

void machine_unpark(struct machine_task *task)
{
	must(pthread_mutex_lock(&task->sleep));
	task->token = true;
	must(pthread_cond_signal(&task->wake));
	must(pthread_mutex_unlock(&task->sleep));
}

/* Return: what the calling task holds of this lock, or NULL. */
static struct native_held *held_find(const void *lock)
{
	struct machine_task *task = native_self();

	for (unsigned int i = task->nr_held; i > 0; i--)
		if (task->held[i - 1].lock == lock)
			return &task->held[i - 1];
	return NULL;
}

/* Before a lock is waited for: may it be taken? */
static void held_check(const void *lock)
{
	const struct machine_task *task = native_self();

	BUG_ON(ORACLE_LOCKS, task->in_insn);
	BUG_ON(ORACLE_LOCKS, task->nr_held == NATIVE_HELD_MAX);
	BUG_ON(ORACLE_LOCKS, held_find(lock));
}

static void held_add(const void *lock, enum native_hold how)
{
	struct machine_task *task = native_self();

	task->held[task->nr_held++] = (struct native_held){ lock, how };
	if (how == HOLD_SPIN)
		task->nr_spin++;
}

/* Before a lock is given back.  The order of the others is kept. */
static void held_remove(const void *lock, enum native_hold how)
{
	struct machine_task *task = native_self();
	struct native_held *held = held_find(lock);

	BUG_ON(ORACLE_LOCKS, !held || held->how != how);
	task->nr_held--;
	for (; held < &task->held[task->nr_held]; held++)
		held[0] = held[1];
	if (how == HOLD_SPIN)
		task->nr_spin--;
}

static pthread_mutex_t *mutex_of(struct machine_spinlock *lock)
{
	return (pthread_mutex_t *)(void *)lock->opaque;
}

static pthread_rwlock_t *rwlock_of(struct machine_rwsem *sem)
{
	return (pthread_rwlock_t *)(void *)sem->opaque;
}

void machine_spin_init(struct machine_spinlock *lock, const char *name)
{
	(void)name;
	must(pthread_mutex_init(mutex_of(lock), NULL));
}

void machine_spin_destroy(struct machine_spinlock *lock)
{
	BUG_ON(ORACLE_LOCKS, held_find(lock));
	must(pthread_mutex_destroy(mutex_of(lock)));
}

void machine_spin_lock(struct machine_spinlock *lock)
{
	held_check(lock);
	native_mutex_lock(mutex_of(lock));
	held_add(lock, HOLD_SPIN);
}

void machine_spin_unlock(struct machine_spinlock *lock)
{
	held_remove(lock, HOLD_SPIN);
	must(pthread_mutex_unlock(mutex_of(lock)));
}

bool machine_spin_held(const struct machine_spinlock *lock)
{
	return held_find(lock);
}

/*
 * A writer goes before readers that come later, or a stream of faults would
 * keep munmap() waiting for ever.
 */
void machine_rwsem_init(struct machine_rwsem *sem, const char *name)
{
	pthread_rwlockattr_t attr;

	(void)name;
	must(pthread_rwlockattr_init(&attr));
#ifdef __GLIBC__
	must(pthread_rwlockattr_setkind_np(
		&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP));
#endif
	must(pthread_rwlock_init(rwlock_of(sem), &attr));
	must(pthread_rwlockattr_destroy(&attr));
}

void machine_rwsem_destroy(struct machine_rwsem *sem)
{
	BUG_ON(ORACLE_LOCKS, held_find(sem));
	must(pthread_rwlock_destroy(rwlock_of(sem)));
}

void machine_down_read(struct machine_rwsem *sem)
{
	native_might_sleep("down_read");
	held_check(sem);
	rwlock_read(rwlock_of(sem));
	held_add(sem, HOLD_READ);
}

void machine_up_read(struct machine_rwsem *sem)
{
	held_remove(sem, HOLD_READ);
	must(pthread_rwlock_unlock(rwlock_of(sem)));
}

void machine_down_write(struct machine_rwsem *sem)
{
	native_might_sleep("down_write");
	held_check(sem);
	rwlock_write(rwlock_of(sem));
	held_add(sem, HOLD_WRITE);
}

void machine_up_write(struct machine_rwsem *sem)
{
	held_remove(sem, HOLD_WRITE);
	must(pthread_rwlock_unlock(rwlock_of(sem)));
}

bool machine_rwsem_held(const struct machine_rwsem *sem)
{
	return held_find(sem);
}

bool machine_rwsem_held_write(const struct machine_rwsem *sem)
{
	const struct native_held *held = held_find(sem);

	return held && held->how == HOLD_WRITE;
}
