// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c - the command faultline: find the sub-command, report write errors.
 */
#include "cli.h"
#include "post_mpi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *argp_program_version = "faultline 0.1";

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} commands[] = {
	{ "check", command_check,
	  "look at every interleaving of litmus tests" },
	{ "compare", command_compare,
	  "put engines with different patches side by side" },
	{ "probe", command_probe,
	  "run system calls on the engine, or compare it with a kernel" },
	{ "show", command_show, "draw one execution of a litmus test" },
	{ "list", command_list, "name the litmus tests and patches there are" },
	{ "bench", command_bench, "measure the checker on known programs" },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *to)
{
	fputs("Usage: faultline COMMAND [OPTION...] [FILE...]\n"
	      "Litmus tests for page faults, on a small DAX fault path.\n\n",
	      to);
	for (size_t i = 0; i < NR_COMMANDS; i++)
		fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].what);
	fputs("\n'faultline COMMAND --help' tells the options; see also"
	      " faultline(1).\n", to);
}

/* A full disk must not look like a clean result; argp exits by itself, too. */
static void flush(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return;
	fprintf(stderr, "faultline: cannot write the output: %s\n",
		strerror(errno));
	_exit(EXIT_WRONG_INPUT);
}

struct check_post *post;

static int run(const struct command *command, int argc, char **argv)
{
	char *name;
	int status;

	/* argp names the program after argv[0] */
	if (asprintf(&name, "faultline %s", command->name) < 0)
		return EXIT_WRONG_INPUT;
	argv[0] = name;
	status = command->run(argc, argv);
	post_mpi_end();
	return status;
}

/* Of the ranks of an MPI job the first one talks to people. */
static void hush(void)
{
	if (!freopen("/dev/null", "w", stdout) ||
	    !freopen("/dev/null", "w", stderr))
		_exit(EXIT_WRONG_INPUT);
}

int main(int argc, char **argv)
{
	post = post_mpi();
	if (post && post->self)
		hush();
	argp_err_exit_status = EXIT_WRONG_INPUT;
	if (atexit(flush))
		return EXIT_WRONG_INPUT;
	if (argc < 2) {
		usage(stderr);
		return EXIT_WRONG_INPUT;
	}
	if (argc == 2 &&
	    (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-?") ||
	     !strcmp(argv[1], "help"))) {
		usage(stdout);
		return EXIT_CLEAN;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts(argp_program_version);
		return EXIT_CLEAN;
	}
	for (size_t i = 0; i < NR_COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return run(&commands[i], argc - 1, argv + 1);
	fprintf(stderr,
		"faultline: there is no command '%s'; 'faultline --help' names them\n",
		argv[1]);
	return EXIT_WRONG_INPUT;
}
