// SPDX-License-Identifier: GPL-2.0-only
/*
 * words.c - operations on shared words.
 */
#include "internal.h"

#include <string.h>

/* A word may have any type of 64 bits: it is accessed as bytes. */
static uint64_t get(const void *word)
{
	uint64_t value;

	memcpy(&value, word, sizeof(value));
	return value;
}

static void set(void *word, uint64_t value)
{
	memcpy(word, &value, sizeof(value));
}

/* format takes up to three strings: the word's name, a and b. */
static void tell(const struct check_place *place, const char *format,
		 uint64_t a, uint64_t b)
{
	char a_text[24], b_text[24];

	tell_value(a, a_text, sizeof(a_text));
	tell_value(b, b_text, sizeof(b_text));
	check_tell(place, format, place->text + (*place->text == '&'), a_text,
		   b_text);
}

uint64_t check_load_at(const void *word, const struct check_place *place)
{
	check_op_at(word, CHECK_READ, place);
	if (check_tells)
		tell(place, "%s is %s", get(word), 0);
	return get(word);
}

void check_store_at(void *word, uint64_t value, const struct check_place *place)
{
	check_op_at(word, CHECK_WRITE, place);
	set(word, value);
	if (check_tells)
		tell(place, "%s = %s", value, 0);
}

uint64_t check_exchange_at(void *word, uint64_t value,
			   const struct check_place *place)
{
	uint64_t old;

	check_op_at(word, CHECK_WRITE, place);
	old = get(word);
	set(word, value);
	if (check_tells)
		tell(place, "%s = %s, was %s", value, old);
	return old;
}

void check_add_at(void *word, uint64_t n, const struct check_place *place)
{
	check_op_at(word, CHECK_ADD, place);
	set(word, get(word) + n);
	if (check_tells)
		tell(place, "%s += %s", n, 0);
}

uint64_t check_fetch_add_at(void *word, uint64_t n,
			    const struct check_place *place)
{
	uint64_t old;

	check_op_at(word, CHECK_WRITE, place);
	old = get(word);
	set(word, old + n);
	if (check_tells)
		tell(place, "%s += %s, was %s", n, old);
	return old;
}

uint64_t check_cmpxchg_at(void *word, uint64_t old, uint64_t new,
			  const struct check_place *place)
{
	uint64_t found;

	check_op_at(word, CHECK_WRITE, place);
	found = get(word);
	if (found == old)
		set(word, new);
	if (check_tells && found == old)
		tell(place, "%s: %s -> %s", old, new);
	else if (check_tells)
		tell(place, "%s: not %s but %s", old, found);
	return found;
}

bool check_try_cmpxchg_at(void *word, void *old, uint64_t new,
			  const struct check_place *place)
{
	uint64_t wanted = get(old);
	uint64_t found = check_cmpxchg_at(word, wanted, new, place);

	set(old, found);
	return found == wanted;
}
