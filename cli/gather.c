// SPDX-License-Identifier: GPL-2.0-only
/*
 * gather.c - what a trial has counted, from one process to another and into a
 * checkpoint.
 */
#include "trial.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *outcomes(const struct trial *trial)
{
	json_t *list = json_array();

	for (size_t i = 0; i < trial->nr_outcomes; i++) {
		const struct outcome *o = &trial->outcomes[i];

		json_array_append_new(list, json_pack(
			"{s:s, s:b, s:b, s:I}", "state", o->text, "satisfies",
			o->satisfies, "survives", o->survives,
			"hits", (json_int_t)o->hits));
	}
	return list;
}

int trial_pack(void *user, void **data, size_t *bytes)
{
	const struct trial *trial = user;
	json_t *json = json_pack(
		"{s:I, s:I, s:[i,i,i], s:[I,I,I], s:o}",
		"positive", (json_int_t)trial->positive,
		"negative", (json_int_t)trial->negative,
		"most", (int)trial->most.faults, (int)trial->most.retries,
		(int)trial->most.splits,
		"sums", (json_int_t)trial->sum_faults,
		(json_int_t)trial->sum_retries, (json_int_t)trial->sum_splits,
		"outcomes", outcomes(trial));

	*data = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (!*data) {
		errno = ENOMEM;
		return -1;
	}
	*bytes = strlen(*data);
	return 0;
}

static void raise_to(uint32_t *most, int value)
{
	if ((uint32_t)value > *most)
		*most = (uint32_t)value;
}

static int add_outcomes(struct trial *trial, json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *one = json_array_get(list, i);
		const char *text;
		int satisfies, survives;
		json_int_t hits;
		struct outcome *o;

		if (json_unpack(one, "{s:s, s:b, s:b, s:I}", "state", &text,
				"satisfies", &satisfies, "survives", &survives,
				"hits", &hits))
			return -1;
		o = trial_outcome(trial, text);
		o->satisfies = satisfies;
		o->survives = survives;
		o->hits += (uint64_t)hits;
	}
	return 0;
}

int trial_unpack(void *user, const void *data, size_t bytes)
{
	struct trial *trial = user;
	json_t *json = json_loadb(data, bytes, 0, NULL), *list = NULL;
	json_int_t positive, negative, sums[3];
	int most[3], error = -1;

	if (!json_unpack(json, "{s:I, s:I, s:[i,i,i], s:[I,I,I], s:o}",
			 "positive", &positive, "negative", &negative,
			 "most", &most[0], &most[1], &most[2],
			 "sums", &sums[0], &sums[1], &sums[2],
			 "outcomes", &list))
		error = add_outcomes(trial, list);
	if (!error) {
		trial->positive += (uint64_t)positive;
		trial->negative += (uint64_t)negative;
		raise_to(&trial->most.faults, most[0]);
		raise_to(&trial->most.retries, most[1]);
		raise_to(&trial->most.splits, most[2]);
		trial->sum_faults += (uint64_t)sums[0];
		trial->sum_retries += (uint64_t)sums[1];
		trial->sum_splits += (uint64_t)sums[2];
	}
	json_decref(json);
	if (error)
		errno = EBADMSG;
	return error;
}
