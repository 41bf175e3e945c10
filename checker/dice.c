// SPDX-License-Identifier: GPL-2.0-only
/*
 * dice.c - xoshiro256** (Blackman and Vigna), seeded by splitmix64.
 */
#include "dice.h"

#include <sys/random.h>
#include <time.h>

static uint64_t splitmix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static uint64_t next(struct dice *dice)
{
	uint64_t *s = dice->s;
	uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

void dice_seed(struct dice *dice, uint64_t seed, uint64_t stream)
{
	/* streams of neighbouring seeds shall not be neighbours */
	uint64_t state = splitmix(&seed) ^ stream * 0xd1342543de82ef95u;

	for (int i = 0; i < 4; i++)
		dice->s[i] = splitmix(&state);
}

uint64_t dice_below(struct dice *dice, uint64_t n)
{
	/* 2^64 mod n numbers at the bottom are too many: throw again */
	uint64_t unfair = (UINT64_MAX - n + 1) % n, x;

	do
		x = next(dice);
	while (x < unfair);
	return x % n;
}

uint64_t dice_fresh(void)
{
	uint32_t seed = 0;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = (uint32_t)time(NULL);
	return seed ? seed : 1;
}
