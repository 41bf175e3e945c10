/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * states.h - a set of states, each known by 128 bits of hash.
 *
 * Interface
 *   states_hash()     hash the bytes of a snapshot
 *   states_insert()   number of a state, and whether it is new
 *   states_free()
 */
#ifndef CHECKER_STATES_H
#define CHECKER_STATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state_key {
	uint64_t low;
	uint64_t high;
};

struct states {
	struct state_key *keys;		/* by number */
	uint32_t *table;		/* number + 1; open addressing */
	size_t table_size;		/* a power of two */
	uint32_t nr;
	uint32_t room;			/* of keys */
};

struct state_key states_hash(const void *bytes, size_t nr, uint64_t salt);
/*
 * Return: the state's number, with *is_new set; UINT32_MAX when there is no
 * memory.
 */
uint32_t states_insert(struct states *states, struct state_key key,
		       bool *is_new);
size_t states_bytes(const struct states *states);
void states_free(struct states *states);

#endif /* CHECKER_STATES_H */
