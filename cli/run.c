/* SPDX-License-Identifier: GPL-2.0-only */
/* run.c - run another program and gather what it says. */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files.h"

static void held_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

void signals_hold(sigset_t *before)
{
	sigset_t set;

	held_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, before);
}

void signals_release(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* Return: whether a variable would change what make or patch do or say. */
static bool is_unwanted(const char *variable)
{
	static const char *const unwanted[] = {
		"LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "TMPDIR",
		"MAKEFLAGS", "GNUMAKEFLAGS", "MFLAGS", "MAKEFILES", "MAKELEVEL",
		"POSIXLY_CORRECT", "PATCH_GET", "PATCH_VERSION_CONTROL",
		"QUOTING_STYLE", "VERSION_CONTROL",
	};
	size_t chars = strcspn(variable, "=");

	for (size_t i = 0; i < sizeof(unwanted) / sizeof(*unwanted); i++) {
		if (strlen(unwanted[i]) == chars &&
		    memcmp(unwanted[i], variable, chars) == 0)
			return true;
	}
	return false;
}

/* Return: NULL when there is no memory; env[0] is to be freed as well. */
static char **make_environment(const char *temporary)
{
	static char english[] = "LC_ALL=C";
	size_t nr = 0, kept = 2;
	char **env;

	while (environ[nr])
		nr++;
	env = calloc(nr + 3, sizeof(*env));
	if (!env)
		return NULL;
	env[0] = format("TMPDIR=%s", temporary);
	env[1] = english;
	for (size_t i = 0; i < nr; i++) {
		if (!is_unwanted(environ[i]))
			env[kept++] = environ[i];
	}
	return env;
}

/* Return: 0 and *pid, or an errno value. */
static int start(const char *const *argv, const char *temporary,
		 const sigset_t *before, int output, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	char **env;
	int err;

	env = make_environment(temporary);
	if (!env)
		return ENOMEM;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null",
					 O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP |
					POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, before);

	/* exec() takes char * for history's sake and changes nothing. */
	err = posix_spawnp(pid, argv[0], &files, &attr, (char *const *)argv,
			   env);

	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	free(env[0]);
	free(env);
	return err;
}

/*
 * Read until all who could write have gone; kill them when a signal comes.
 * Return: 0, or EINTR when one came.
 */
static int gather(int from, int signals, pid_t group, FILE *to)
{
	struct pollfd fds[] = {
		{ .fd = from, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};
	char buffer[4096];
	ssize_t got;

	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents) {
			/* Left unread, so that it acts when it is released. */
			kill(-group, SIGKILL);
			fds[1].fd = -1;
		}
		if (!fds[0].revents)
			continue;
		got = read(from, buffer, sizeof(buffer));
		if (got > 0)
			fwrite(buffer, 1, (size_t)got, to);
		else if (got == 0)
			return fds[1].fd < 0 ? EINTR : 0;
	}
}

int run_program(const char *const *argv, const char *temporary,
		const sigset_t *before, struct run_result *result)
{
	size_t bytes;
	int err, status, signals, out[2];
	sigset_t held;
	FILE *text;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) != 0)
		return -1;
	held_signals(&held);
	signals = signalfd(-1, &held, SFD_CLOEXEC);
	text = open_memstream(&result->output, &bytes);
	if (signals < 0 || !text) {
		err = errno;
		close(out[1]);
	} else {
		err = start(argv, temporary, before, out[1], &pid);
		close(out[1]);
		if (err == 0) {
			err = gather(out[0], signals, pid, text);
			while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
				continue;
			result->status = WIFEXITED(status) ?
						 WEXITSTATUS(status) :
						 128 + WTERMSIG(status);
		}
	}
	close(out[0]);
	if (signals >= 0)
		close(signals);
	if (text && fclose(text) != 0 && err == 0)
		err = ENOMEM;
	if (err == 0)
		return 0;
	if (text)
		free(result->output);
	errno = err;
	return -1;
}
