/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * progress.h - how far a search is, for people, on stderr.
 *
 * Interface
 *   progress_tell()   a callback of struct check_options
 *   progress_end()    before anything else is printed
 *
 * On a terminal there is one line that changes; elsewhere one every ten
 * seconds.  The first second is silent.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "../include/checker.h"

void progress_tell(void *user, const struct check_progress *progress);
void progress_end(void);
/* Say nothing from now on. */
void progress_off(void);

#endif /* CLI_PROGRESS_H */
