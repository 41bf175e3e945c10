/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.h - what a search has found so far, as bytes.
 *
 * Interface
 *   report_pack()   the result, and what the client gathered
 *   report_add()    add that of another process to this one's
 *   report_peek()   the numbers for a progress line alone
 */
#ifndef CHECKER_REPORT_H
#define CHECKER_REPORT_H

#include "internal.h"
#include "parallel.h"

int report_pack(struct search *search, struct bytes *report);
/* Return: 0, or -1 with errno: EBADMSG, it is none. */
int report_add(struct search *search, const struct bytes *report);
void report_peek(const struct bytes *report, uint64_t *runs, double *left);

#endif /* CHECKER_REPORT_H */
