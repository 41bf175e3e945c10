/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * states.h - a set of states: known by 128 bits of hash, or kept exactly.
 *
 * Interface
 *   states_insert()   number of a state, and whether it is new
 *   states_collision()
 *                     a bound on the chance that two were taken for one
 *   states_free()
 */
#ifndef CHECKER_STATES_H
#define CHECKER_STATES_H

#include "exact.h"

struct state_key {
	uint64_t low;
	uint64_t high;
};

/*
 * How many bits of a hash are used, in either kind of set: all 128.  A test
 * takes fewer, to see what happens when hashes are equal and states are not.
 */
extern unsigned int states_hash_bits;

struct states {
	struct exact *exact;		/* NULL: hashes */
	struct state_key *keys;		/* by number */
	size_t room;
	uint32_t nr;
	uint32_t most;			/* 0: no limit */
	struct index index;
};

enum {
	STATES_FULL = UINT32_MAX - 1,	/* it is new, and one too many */
	STATES_NO_MEMORY = UINT32_MAX,
};

/*
 * Insert the state with this hash; when states are kept exactly, the one that
 * states->exact has at hand.
 * Return: its number, with *is_new set; or one of the above.
 */
uint32_t states_insert(struct states *states, struct state_key key,
		       bool *is_new);
double states_collision(const struct states *states);
size_t states_bytes(const struct states *states);
void states_free(struct states *states);
/* Return: the bits of a hash that may be used. */
uint64_t states_hash_low(uint64_t hash);

#endif /* CHECKER_STATES_H */
