/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * run.h - run another program and gather what it says.
 *
 * Interface
 *   signals_hold()      keep SIGINT, SIGTERM and SIGHUP waiting
 *   run_program()       run; kill it when one of those signals comes
 *   signals_release()   let those that came act
 *
 * So whoever runs programs can always tidy up before a signal ends it.
 */
#ifndef RUN_H
#define RUN_H

#include <signal.h>
#include <stddef.h>

struct run_result {
	int status;		/* exit status; 128 + signal when killed */
	char *output;		/* both streams, with a NUL; caller frees */
};

void signals_hold(sigset_t *before);
void signals_release(const sigset_t *before);

/*
 * Run argv[0], found in PATH, in a process group of its own, with nothing to
 * read and with the environment but for: messages in English, temporary files
 * in temporary, and no word from a make or a patch above us.  No shell.
 * Locks: between signals_hold(before) and signals_release().
 * Return: 0 and *result, or -1 with errno: it could not be run; EINTR: a held
 * signal came and the program with all its children was killed.
 */
int run_program(const char *const *argv, const char *temporary,
		const sigset_t *before, struct run_result *result);

#endif /* RUN_H */
