/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * check.h - what the files of `faultline check` share.
 */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include "cli.h"

#include <jansson.h>

struct check {
	struct words patches;
	struct words files;
	struct check_options options;
	unsigned int faults;
	bool json;
	bool bounded;			/* --preemptions */
	bool random;
	bool summary;
	bool quiet;
	json_t *report;
	const struct subject *subject;
};

/* Print the result of a test: herd's block, a verdict, and diagrams. */
void check_print(const struct check *check, struct trial *trial,
		 const struct check_result *result, const struct verdict *v);
/* Add the same to check->report. */
void check_add_json(struct check *check, struct trial *trial,
		    const struct check_result *result,
		    const struct verdict *v);

#endif /* CLI_CHECK_H */
