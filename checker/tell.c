// SPDX-License-Identifier: GPL-2.0-only
/*
 * tell.c - what the program under test says of itself: to a listener, or as a
 * failure.
 */
#include "internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAX_ADDRESSES 64

bool check_tells;

/* Addresses that were told of in this execution: users see numbers. */
static uint64_t addresses[MAX_ADDRESSES];
static unsigned int nr_addresses;

void tell_begin(const struct check_listener *listener)
{
	check_tells = listener && listener->told;
	nr_addresses = 0;
}

void tell_end(void)
{
	check_tells = false;
}

/* The linker's: the first place and the end of the last, if there is any. */
extern const struct check_place places_begin[]
	__asm__("__start_check_places") __attribute__((weak));
extern const struct check_place places_end[]
	__asm__("__stop_check_places") __attribute__((weak));

const struct check_place *check_place_of(const void *where)
{
	uintptr_t at = (uintptr_t)where;

	return at >= (uintptr_t)places_begin && at < (uintptr_t)places_end ?
		where : NULL;
}

void check_tell(const void *where, const char *format, ...)
{
	char text[128];
	va_list arguments;

	if (!check_tells)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	run.listener->told(run.listener->user, run.current, where, text);
}

void tell_value(uint64_t value, char *text, size_t bytes)
{
	unsigned int i = 0;

	if (value < (uint64_t)1 << 32 || (int64_t)value < 0) {
		snprintf(text, bytes, "%" PRId64, (int64_t)value);
		return;
	}
	while (i < nr_addresses && addresses[i] != value)
		i++;
	if (i == MAX_ADDRESSES) {
		snprintf(text, bytes, "0x%" PRIx64, value);
		return;
	}
	if (i == nr_addresses)
		addresses[nr_addresses++] = value;
	snprintf(text, bytes, "@%u", i + 1);
}

_Noreturn void check_assert_fails(const struct check_place *place)
{
	check_fail_stop(CHECK_ASSERT, place, "%s:%u: assertion failed: %s",
			place->file, place->line, place->text);
}

static void keep_first(const char *what, void *user)
{
	const char **first = user;

	if (!*first)
		*first = what;
}

void check_no_leaks(void)
{
	const char *first = NULL;
	size_t nr = check_leaks(keep_first, &first);

	if (nr)
		check_fail(CHECK_LEAK, __builtin_return_address(0),
			   "%zu object%s left, the first a %s", nr,
			   nr == 1 ? " is" : "s are", first);
}
