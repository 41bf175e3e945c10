/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * files.h - strings and files, as the command needs them.
 *
 * Interface
 *   format()               printf into a new string
 *   is_directory()         whether a path names one
 *   read_file()            a whole file
 *   write_file()           a whole file
 *   make_directories()     mkdir -p
 *   copy_file()            one file
 *   copy_sources()         the C files of a tree
 *   remove_tree()          rm -r
 */
#ifndef FILES_H
#define FILES_H

#include <stdbool.h>
#include <stddef.h>

/* Return: a new string; the process ends when there is no memory. */
char *format(const char *text, ...) __attribute__((format(printf, 1, 2)));

bool is_directory(const char *path);

/*
 * Return: the bytes of path with a NUL behind them, or NULL with errno.
 * *bytes is set unless it is NULL.
 */
char *read_file(const char *path, size_t *bytes);

/* The functions below return 0, or -1 with errno. */
int write_file(const char *path, const void *data, size_t bytes);
int make_directories(const char *path);
int copy_file(const char *from, const char *to);
/* Copies *.c and *.h; what else lies about (editors, builds) stays behind. */
int copy_sources(const char *from, const char *to);
/* Removes as much as it can; symbolic links are not followed. */
void remove_tree(const char *path);

#endif /* FILES_H */
