/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * executions.h - what the files of the search by executions share.
 *
 * Interface
 *   races.c        which events of an execution came before which
 *   revisits.c     the sub-trees that branch off where an event is new;
 *   bundles.c      revisits.h is for these three
 *   victims.c
 *   subtrees.h     sub-trees that are still to be searched
 *   await.c        busy loops; loops.c: those of several operations
 *   turns.c        which thread is next
 *   happen.c       events happen
 *   repeats.c      they happen again from the beginning
 *   executions.c   the search; its head explains the method and the terms
 */
#ifndef CHECKER_EXECUTIONS_H
#define CHECKER_EXECUTIONS_H

#include "estimate.h"
#include "internal.h"
#include "probe.h"
#include "subtrees.h"
#include "tries.h"

/* An execution this long never ends, unless the caller knows that it does. */
#define MAX_EVENTS CHECK_OPERATIONS

#define NO_THREAD UINT32_MAX

/* An operation before it is performed: all that decides what depends on it. */
struct operation {
	const void *object;
	uint32_t bytes;
	uint8_t class;			/* or CLASS_ACQUIRE_READ */
	uint8_t thread;
	bool waits;			/* for a condition, or in a loop */
	bool locks;			/* waits for a lock */
};

/* down_read(): writers observe it, as they have to wait for its release. */
enum {
	CLASS_ACQUIRE_READ = CLASS_BEGIN + 1,
	CLASSES,
};

/* Who has performed what on a word; too many of them do no harm. */
struct users {
	uint32_t threads;		/* a mask; of them some */
	uint32_t writers;		/* do more than read */
	uint32_t kinds;			/* a mask */
	uint16_t last;			/* id of the last one's event */
};

/* The thing at a place in the order of an execution. */
struct event {
	struct operation op;
	uint16_t id;			/* sets of events are sets of these */
	uint16_t ordinal;		/* of its thread, from 0 */
	uint16_t previous;		/* event of this thread; 0: none */
	uint8_t choice;
	uint8_t nr_choices;
	uint16_t repeats;		/* times in a row, by this thread */
	uint16_t sums;			/* event with ROW_MOVED .. of now */
	uint32_t word;			/* in words: the first it touches, */
	struct users users;		/* and its users before this event */
	uint32_t met;			/* kinds there were on its words, */
	bool meets;			/* and one it conflicts with, maybe */
	bool quiet;			/* see loops.c */
	uint64_t old;			/* what its word held, if x->awaits;
					 * of a token: all tokens */
};

/* A thread after one of its events: would it come back to the same place? */
struct place {
	struct tries *known;		/* what came of that, or NULL: */
	struct tries tries;
	struct spot spot;		/* if x->spins is SPINS_ON_SEVERAL */
};

/* A word that is zero for a while. */
#define MAX_MASKED 64

struct masked {
	void *word;
	uint64_t value;
};

/* What an event does to a word. */
enum kind {
	KIND_READ,
	KIND_ADD,
	KIND_WRITE,			/* and the taking of a token */
	KIND_ACQUIRE_READ,
	KIND_RELEASE_READ,
	KIND_RELEASE_WRITE,
	KINDS,
};

struct word {
	const void *address;
	bool awaited;			/* some thread waits for its value */
	bool is_range;			/* not just a word, now and then */
	struct users users;
};

/* Sets that each event has: rows of bits, from row event * ROWS on. */
enum row {
	ROW_BEFORE,			/* happened before it, and itself */
	ROW_CAUSES,			/* what it may depend on, and itself */
	ROW_CONFLICTS,			/* of others, ahead of it */
	ROW_SOURCES,			/* those of them that it observes */
	/* of this event and of those ahead of it, see struct event: */
	ROW_MOVED,			/* those not put last, as is usual */
	ROW_LATE_SOURCES,		/* that observe one with a later id */
	ROW_LATE_CAUSES,		/* that depend on one */
	ROWS,
};

/* Sets for a while, in revisits.c. */
enum scratch {
	SCRATCH_PRESENT,		/* all events; this one is kept */
	SCRATCH_MOVABLE,
	SCRATCH_SOURCES,
	SCRATCH_OBSERVERS,
	SCRATCH_LATER,
	SCRATCH_VICTIMS,
	SCRATCH_OTHERS,
	SCRATCH_TAKEN,
	SCRATCH_CLOSED,
	SCRATCH_NEVER,
	SCRATCH_AWAITED,		/* by requests: never deleted */
	SCRATCH_CAUSES,
	SCRATCH_KEPT,
	SCRATCH_DELETED,
	SCRATCH_PREFIX,
	SCRATCH_NEW,
	SCRATCH_ROWS,
};

struct bits {
	uint64_t *at;
	uint32_t nr_rows;
};

struct executions {
	struct search *search;
	bool brute;
	bool given_up;			/* this execution */
	bool awaits;			/* some word is awaited */
	bool is_next;			/* events[nr] is not performed yet */
	bool again;			/* learned what needs a new beginning */
	enum spins spins;		/* some thread does */
	bool strayed;			/* the program is not deterministic */
	bool shares;			/* the tree with other processes */
	struct event *events;		/* events[1 .. nr] */
	struct place *places;		/* of the event's thread after it, */
	struct place first_places[CHECK_MAX_THREADS];	/* and before all */
	struct known_tries known_tries;	/* of all executions */
	struct masked masked[MAX_MASKED];
	uint32_t nr_masked;
	uint32_t nr;
	uint32_t most;			/* then the execution is cut */
	uint32_t room;
	uint32_t repeated;		/* events performed again, so far, */
	uint32_t repeat;		/* and in the end */
	uint32_t spacing;		/* of snapshots */
	uint32_t until;			/* no thread goes on beyond this */
	uint32_t next_id;
	uint32_t width;			/* words of a row */
	uint8_t turns[CHECK_MAX_THREADS];	/* threads in order, */
	uint8_t turn_of[CHECK_MAX_THREADS];	/* and places of threads */
	uint32_t ready;			/* world->ready not long ago, */
	uint32_t ready_turns;		/* and the places of those threads */
	uint16_t last_event[CHECK_MAX_THREADS];
	uint16_t nr_of[CHECK_MAX_THREADS];
	uint16_t *ids;			/* [thread * room + ordinal] */
	uint16_t *sources;		/* for a while, in revisits.c */
	uint16_t *place;		/* of an event, by its id */
	struct bits rows;		/* of events, */
	struct bits word_rows;		/* of words, */
	struct bits thread_rows;	/* of threads, */
	struct bits scratch;		/* and for a while */
	struct request *requests;
	uint32_t nr_requests;
	uint32_t waiting;		/* threads with one not performed */
	struct word *words;		/* words[0 .. nr_words) */
	uint32_t nr_words;
	uint32_t recent;		/* the one that was looked up last */
	uint32_t words_room;
	uint32_t *table;		/* hash of address -> word + 1 */
	uint32_t table_size;		/* a power of two */
	struct estimate estimate;
	struct probe probe;
	struct subtree *current;	/* the one that is searched */
	size_t current_room;
	char *sorting;			/* a part of it, in another order */
	size_t sorting_room;
	char *subtrees;			/* a stack of them */
	size_t subtrees_used;
	size_t subtrees_room;
};

#define WORD_BITS 64

static inline uint64_t *event_row(const struct executions *x, uint32_t id,
				  enum row row)
{
	return x->rows.at + (size_t)(id * ROWS + row) * x->width;
}

static inline uint64_t *scratch_row(const struct executions *x,
				    enum scratch i)
{
	return x->scratch.at + (size_t)i * x->width;
}

static inline void set_add(uint64_t *set, uint32_t i)
{
	set[i / WORD_BITS] |= (uint64_t)1 << i % WORD_BITS;
}

static inline void set_remove(uint64_t *set, uint32_t i)
{
	set[i / WORD_BITS] &= ~((uint64_t)1 << i % WORD_BITS);
}

static inline bool set_has(const uint64_t *set, uint32_t i)
{
	return set[i / WORD_BITS] >> i % WORD_BITS & 1;
}

/* The members of word w of a set that are smaller than i. */
static inline uint64_t bits_below(uint32_t w, uint32_t i)
{
	if (w < i / WORD_BITS)
		return UINT64_MAX;
	return w > i / WORD_BITS ? 0 : ((uint64_t)1 << i % WORD_BITS) - 1;
}

static inline bool sets_meet(const uint64_t *a, const uint64_t *b,
			     uint32_t width)
{
	for (uint32_t w = 0; w < width; w++)
		if (a[w] & b[w])
			return true;
	return false;
}

static inline void set_join(uint64_t *set, const uint64_t *other,
			    uint32_t width)
{
	for (uint32_t w = 0; w < width; w++)
		set[w] |= other[w];
}

/* The smallest member of a word of a set. */
static inline uint32_t member_of(uint32_t w, uint64_t bits)
{
	return w * WORD_BITS + (uint32_t)__builtin_ctzll(bits);
}

/* Each member i of a set; words of it are read as this goes on. */
#define for_each_member(i, set, width)                                        \
	for (uint32_t w_##i = 0; w_##i < (width); w_##i++)                    \
		for (uint64_t b_##i = (set)[w_##i];                           \
		     b_##i && ((i) = member_of(w_##i, b_##i), true);          \
		     b_##i &= b_##i - 1)

/* The id of a thread's event. */
static inline uint16_t *id_of(const struct executions *x, unsigned int t,
			      uint32_t ordinal)
{
	return &x->ids[t * x->room + ordinal];
}

/* On which kinds does the order of one depend? */
extern const uint8_t kind_conflicts[KINDS];

static inline enum kind kind_of(uint32_t class)
{
	static const uint8_t kinds[CLASSES] = {
		[CHECK_READ] = KIND_READ,
		[CHECK_ADD] = KIND_ADD,
		[CHECK_WRITE] = KIND_WRITE,
		[CLASS_PARK] = KIND_WRITE,
		[CLASS_ACQUIRE_READ] = KIND_ACQUIRE_READ,
		[CLASS_RELEASE_READ] = KIND_RELEASE_READ,
		[CLASS_RELEASE_WRITE] = KIND_RELEASE_WRITE,
	};

	return kinds[class];
}

static inline bool operation_releases(const struct operation *op)
{
	return op->class == CLASS_RELEASE_READ ||
	       op->class == CLASS_RELEASE_WRITE;
}

static inline bool operation_depends(const struct operation *a,
				     const struct operation *b)
{
	return (kind_conflicts[kind_of(a->class)] &
		(1u << kind_of(b->class))) &&
	       (const char *)a->object < (const char *)b->object + b->bytes &&
	       (const char *)b->object < (const char *)a->object + a->bytes;
}

static inline bool operation_same(const struct operation *a,
				  const struct operation *b)
{
	return a->object == b->object && a->bytes == b->bytes &&
	       a->class == b->class && a->thread == b->thread;
}

/* await.c */

/* What is special about an operation whose word is awaited. */
void await_refine(struct executions *x, struct operation *op);
/* Await what this search, or another process of it, has learned to. */
void await_learned(struct executions *x);
/* Does thread t, at an operation in a loop, only come back? */
bool await_spins(struct executions *x, unsigned int t);

/* As run_enabled(), but if it would only come back. */
static inline bool await_can_run(struct executions *x, unsigned int t)
{
	const uint32_t bit = 1u << t;
	const struct thread *thread = &world->threads[t];

	if (!(world->ready & bit))
		return false;
	if (world->waiting & bit)
		return thread->enabled(thread->object);
	return !x->spins || !await_spins(x, t);
}

/* All of those. */
uint32_t await_enabled(struct executions *x);
/* Events[x->nr] was performed: does its thread wait, or spin? */
void await_notice(struct executions *x);
/* Is that no more than to note that it was performed? */
bool await_is_nothing(struct executions *x);
/* The same when it came to its first operation. */
void await_notice_wait(struct executions *x, unsigned int t);
/* Events[x->nr] is performed next, in a loop: would it change nothing? */
bool await_is_quiet(struct executions *x);
/* Somebody waits for this word, and maybe spins upon it. */
void await(struct executions *x, const void *object, enum spins spins);
/* Can a thread spin by performing this? */
bool await_may_spin(const struct operation *op);
/* Could events[x->nr], which is next, be performed if its word held value? */
bool await_runs_with(struct executions *x, const struct event *e,
		     uint64_t value);

/* The operation that thread t is at. */
static inline void operation_find(struct executions *x, unsigned int t,
				  struct operation *op)
{
	const struct thread *thread = &world->threads[t];

	*op = (struct operation){
		.object = thread->object,
		.bytes = thread->bytes,
		.class = (uint8_t)thread->class,
		.thread = (uint8_t)t,
	};
	if (world->waiting & (1u << t) && run_waits_for_lock(thread)) {
		op->locks = true;
		if (op->class == CHECK_READ)
			op->class = CLASS_ACQUIRE_READ;
	} else if (x->awaits) {
		await_refine(x, op);
	}
}

static inline struct operation operation_at(struct executions *x,
					    unsigned int t)
{
	struct operation op;

	operation_find(x, t, &op);
	return op;
}

/* loops.c */

/* A thread is looked at after so many of its events, and again. */
#define LOOP_EVENTS 32

static inline bool loop_is_due(const struct event *e)
{
	return (e->ordinal + 1) % LOOP_EVENTS == 0;
}

/* Its thread performed e: is it in a loop that changes nothing? */
void loop_look(struct executions *x, const struct event *e);
/* Is `spot`, where thread t would be, where its turn of a loop began? */
bool loop_closes(struct executions *x, unsigned int t, uint32_t n,
		 const struct spot *spot);
/*
 * Of threads, a mask, that loops keep: would one leave, as all is now?
 * Return: 1 or 0, -1 without memory.
 */
int loop_is_left(struct executions *x, uint32_t threads);

/* races.c */

/* With room for events up to this id. */
void races_setup(struct executions *x, uint32_t id);
/* Return: the word at address, until the next call. */
struct word *races_word(struct executions *x, const void *address);
/* Have room for events up to this id. */
void races_reserve(struct executions *x, uint32_t id);
/* events[n], with its op and id, is about to be performed: order it. */
void races_record(struct executions *x, uint32_t n);
/* Events with these ops that events[n] has not met: those that observe it. */
void races_observers(struct executions *x, uint32_t n, uint64_t *set);
/* Forget events, but for the first nr. */
void races_forget(struct executions *x, uint32_t nr);
size_t races_bytes(const struct executions *x);
void races_free(struct executions *x);

/*
 * happen.c; each returns -1 without memory.  A thread that is not where it was
 * when the same was performed before ends the search: x->strayed.
 */

/* Room for so many events, and a little more. */
int happen_room(struct executions *x, uint32_t nr);
/* run.failure happened: keep it, if it is new, with what led to it. */
int happen_failed(struct executions *x);
/* Event by event, until the execution is not to go on. */
int happen_on(struct executions *x);
/*
 * What x->current prescribes and has not happened yet.
 * Return: 1, or 0 when the execution is not to go on.
 */
int happen_steps(struct executions *x);
/* Thread t is not where it was: keep that as a failure. */
int happen_strayed(struct executions *x, unsigned int t);
/* So many events, after the first n of them, which are known. */
int happen_again(struct executions *x, uint32_t n, uint32_t nr);
/*
 * Let the world be as when `nr` events had been performed, which are the same
 * ones: what came first is known.
 */
int happen_back(struct executions *x, uint32_t nr);

/* turns.c */

/* Return: the thread whose event is next, or NO_THREAD when none can run. */
unsigned int turns_choose(struct executions *x);
/* Threads have ended, or are there again. */
void turns_note_ready(struct executions *x);

/* Return: a mask: the places of those that have not ended. */
static inline uint32_t turns_ready(struct executions *x)
{
	if (x->ready != world->ready)
		turns_note_ready(x);
	return x->ready_turns;
}

/* Is that thread t again, which has not ended?  Mostly that is soon seen. */
static inline bool turns_stay(struct executions *x, unsigned int t)
{
	if (!x->waiting && turns_ready(x) &&
	    x->turns[__builtin_ctz(turns_ready(x))] == t && await_can_run(x, t))
		return true;
	return turns_choose(x) == t;
}

/* Threads are at their first operations, and go on: what order is best? */
void turns_learn(struct executions *x);
/* Take up the order that this search, or one before it, has learned. */
void turns_learned(struct executions *x);

/* repeats.c */

/*
 * Each thread goes to its first operation; none of that is an event.  scrubs:
 * nothing that is dead lies on a stack.  Return: 0, or -1 without memory.
 */
int repeats_begin(struct executions *x, bool scrubs);
/* What is learned from nr events has to be so if they happen again. */
int repeats_look(struct executions *x, uint32_t nr);
/* Now and then it is time for this: */
bool repeats_due(const struct executions *x);
/*
 * Let all nr events happen again, and twice: that a thread is at the same
 * operation does not say that it would do the same there.
 */
int repeats_compare(struct executions *x, uint32_t nr);

/* revisits.c */

/* All that the sub-tree prescribes was performed: see what it requests. */
void revisits_begin(struct executions *x);
/*
 * events[x->nr] is new and stands last, but is not performed yet: push the
 * sub-trees in which it comes earlier.
 */
void revisits_push(struct executions *x);
/* Could events[x->nr] come earlier, as far as is soon seen? */
static inline bool revisits_any(const struct executions *x,
				const struct event *e)
{
	const uint64_t *conflicts = event_row(x, e->id, ROW_CONFLICTS);
	const uint64_t *before =
		event_row(x, x->events[e->previous].id, ROW_BEFORE);

	for (uint32_t w = 0; w < x->width; w++)
		if (conflicts[w] & ~before[w])
			return true;
	return false;
}

/* The same of operations that threads did not get to perform. */
void revisits_push_unfinished(struct executions *x);
/*
 * All that the current sub-tree, a bundle, prescribes was performed: push what
 * it is made of.  The last one is no bundle, and is to be searched now.
 * Return: false: there is none, as the program is not deterministic.
 */
bool revisits_open(struct executions *x);

#endif /* CHECKER_EXECUTIONS_H */
