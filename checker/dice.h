/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dice.h - numbers at random that a seed repeats, on any machine.
 *
 * Interface
 *   dice_seed()    begin a stream of numbers: (seed, stream) says which
 *   dice_below()   one of 0 .. n - 1, each with the same probability
 *   dice_fresh()   a seed that nobody has chosen
 */
#ifndef CHECKER_DICE_H
#define CHECKER_DICE_H

#include <stdint.h>

struct dice {
	uint64_t s[4];			/* of xoshiro256** */
};

void dice_seed(struct dice *dice, uint64_t seed, uint64_t stream);
/* n is at least 1. */
uint64_t dice_below(struct dice *dice, uint64_t n);
/* Return: 1 .. 2^32 - 1, short enough to be typed. */
uint64_t dice_fresh(void);

#endif /* CHECKER_DICE_H */
