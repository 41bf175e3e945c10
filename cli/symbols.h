/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * symbols.h - which function of the engine a code address is in.
 */
#ifndef CLI_SYMBOLS_H
#define CLI_SYMBOLS_H

#include <stdbool.h>

struct symbol {
	const char *function;	/* or NULL; without .part.0 and the like */
	const char *file;	/* or NULL; from the layer on: dax/fault.c */
	int line;
	bool engine;		/* the source file lies in engine/ */
};

/* Return: what is known of the code that returns to pc; memory is kept. */
const struct symbol *symbol_at(const void *pc);

#endif /* CLI_SYMBOLS_H */
