/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine_build.h - a patched engine, as a shared object.
 *
 * Interface
 *   engine_build()     apply patches, compile, keep the result
 *
 * What was built is kept in
 *   ${FAULTLINE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/faultline}/HASH/
 * where HASH covers the patched sources, subject.mk and the compiler ($CC, cc
 * when it is unset), and is found there the next time.  Any number of
 * processes may build at once.
 */
#ifndef ENGINE_BUILD_H
#define ENGINE_BUILD_H

#include <stddef.h>
#include <stdio.h>

/*
 * Build the engine with nr patches applied in turn; each is what --with was
 * given, a file or a name in patches/.  SIGINT, SIGTERM and SIGHUP act when
 * children are dead and temporary files are gone.
 * Return: 0 and *so_path, which the caller frees; or -1 after one line in
 * errors.
 */
int engine_build(const char *const *patches, size_t nr, char **so_path,
		 FILE *errors);

#endif /* ENGINE_BUILD_H */
