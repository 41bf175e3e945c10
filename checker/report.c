// SPDX-License-Identifier: GPL-2.0-only
/*
 * report.c - what a search has found so far, as bytes; see report.h.
 */
#include "report.h"

#include "buffer.h"

#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

/* ------ code addresses: processes are not loaded to the same place ------ */

struct code {
	uint64_t module;		/* as they were loaded; or NO_MODULE */
	uint64_t offset;
};

#define NO_MODULE UINT64_MAX

struct lookup {
	const void *where;
	struct code code;
	uint64_t nr;
};

static bool is_in(const struct dl_phdr_info *info, uint64_t offset)
{
	for (unsigned int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && offset >= p->p_vaddr &&
		    offset - p->p_vaddr < p->p_memsz)
			return true;
	}
	return false;
}

static int look_up(struct dl_phdr_info *info, size_t size, void *user)
{
	struct lookup *lookup = user;
	uint64_t offset = (uintptr_t)lookup->where - info->dlpi_addr;
	uint64_t module = lookup->nr++;

	(void)size;
	if (!is_in(info, offset))
		return 0;
	lookup->code = (struct code){ module, offset };
	return 1;
}

static int look_down(struct dl_phdr_info *info, size_t size, void *user)
{
	struct lookup *lookup = user;

	(void)size;
	if (lookup->nr++ != lookup->code.module)
		return 0;
	lookup->where = (const void *)(info->dlpi_addr + lookup->code.offset);
	return 1;
}

static struct code code_of(const void *where)
{
	struct lookup lookup = {
		.where = where, .code = { NO_MODULE, (uintptr_t)where },
	};

	dl_iterate_phdr(look_up, &lookup);
	return lookup.code;
}

static const void *where_of(struct code code)
{
	struct lookup lookup = {
		.where = (const void *)(uintptr_t)code.offset, .code = code,
	};

	if (code.module != NO_MODULE)
		dl_iterate_phdr(look_down, &lookup);
	return lookup.where;
}

/* ------ the numbers ------ */

enum { SUMS = 9 };

static void sums_of(struct check_result *result, uint64_t *sums[SUMS])
{
	sums[0] = &result->runs;
	sums[1] = &result->executions;
	sums[2] = &result->cut;
	sums[3] = &result->assumed;
	sums[4] = &result->redundant;
	sums[5] = &result->operations;
	sums[6] = &result->beyond;
	sums[7] = &result->search_bytes;
	sums[8] = &result->too_long;
}

static void put_failure(struct buffer *b, const struct check_failure *failure)
{
	struct code code = code_of(failure->where);
	char *schedule = check_schedule_print(&failure->schedule);

	if (!schedule) {
		b->failed = true;
		return;
	}
	buffer_put_u64(b, failure->number);
	buffer_put_u64(b, code.module);
	buffer_put_u64(b, code.offset);
	buffer_put_u64(b, failure->hits);
	buffer_put(b, failure->text, sizeof(failure->text));
	buffer_put_u64(b, strlen(schedule) + 1);
	buffer_put(b, schedule, strlen(schedule) + 1);
	free(schedule);
}

int report_pack(struct search *search, struct bytes *report)
{
	const struct check_options *options = search->options;
	struct check_result *result = search->result;
	struct buffer b = { 0 };
	uint64_t *sums[SUMS];
	void *data = NULL;
	size_t bytes = 0;

	result->operations = run.total_operations;
	sums_of(result, sums);
	for (unsigned int i = 0; i < SUMS; i++)
		buffer_put_u64(&b, *sums[i]);
	buffer_put(&b, &search->left, sizeof(search->left));
	buffer_put(&b, &search->learned, sizeof(search->learned));
	buffer_put_u64(&b, result->nr_failures);
	for (size_t i = 0; i < result->nr_failures; i++)
		put_failure(&b, &result->failures[i]);
	if (options->pack && options->pack(options->user, &data, &bytes))
		b.failed = true;
	buffer_put_u64(&b, bytes);
	buffer_put(&b, data, bytes);
	free(data);
	if (b.failed)
		free(b.data);
	else
		*report = (struct bytes){ .data = b.data, .nr = b.nr };
	return b.failed ? -1 : 0;
}

/* ------ and to this one ------ */

/* failure->schedule is taken over. */
static void add_failure(struct check_result *result,
			struct check_failure *failure)
{
	struct check_failure *same = search_known(result, failure);

	if (same) {
		same->hits += failure->hits;
		check_schedule_free(&failure->schedule);
	} else if (result->nr_failures < CHECK_MAX_FAILURES) {
		result->failures[result->nr_failures++] = *failure;
	} else {
		check_schedule_free(&failure->schedule);
	}
}

static void get_failure(struct buffer *b, struct check_result *result)
{
	struct check_failure failure = { 0 };
	const char *schedule;
	struct code code;
	uint64_t bytes;

	failure.number = (unsigned int)buffer_get_u64(b);
	code.module = buffer_get_u64(b);
	code.offset = buffer_get_u64(b);
	failure.where = where_of(code);
	failure.hits = buffer_get_u64(b);
	buffer_get(b, failure.text, sizeof(failure.text));
	failure.text[sizeof(failure.text) - 1] = '\0';
	bytes = buffer_get_u64(b);
	schedule = buffer_get_bytes(b, bytes);
	if (!schedule || !bytes || schedule[bytes - 1] ||
	    check_schedule_parse(schedule, &failure.schedule))
		b->failed = true;
	else
		add_failure(result, &failure);
}

/* What another process has learned makes all that was done here void. */
static void get_learned(struct buffer *b, struct search *search)
{
	struct learned learned;

	memset(&learned, 0, sizeof(learned));
	buffer_get(b, &learned, sizeof(learned));
	if (learned.has_turns && !search->learned.has_turns) {
		search->learned.has_turns = 1;
		memcpy(search->learned.turns, learned.turns,
		       sizeof(learned.turns));
	}
	for (uint64_t i = 0; i < learned.nr && i < MAX_LEARNED; i++)
		if (search_learn_word(search, learned.words[i],
				      (enum spins)learned.spins))
			search->begin_anew = true;
	if (learned.nr <= MAX_LEARNED)
		return;
	/* of some words nobody but that process knows */
	search->learned.nr = learned.nr;
	search->begin_anew = true;
}

int report_add(struct search *search, const struct bytes *report)
{
	const struct check_options *options = search->options;
	struct buffer b = { .data = report->data, .nr = report->nr };
	uint64_t *sums[SUMS];
	uint64_t nr;
	double left;
	const char *data;

	search->result->operations = run.total_operations;
	sums_of(search->result, sums);
	for (unsigned int i = 0; i < SUMS; i++)
		*sums[i] += buffer_get_u64(&b);
	run.total_operations = search->result->operations;
	/* of that, the parts that were handed over say it better */
	buffer_get(&b, &left, sizeof(left));
	get_learned(&b, search);
	nr = buffer_get_u64(&b);
	while (nr-- && !b.failed)
		get_failure(&b, search->result);
	nr = buffer_get_u64(&b);
	data = buffer_get_bytes(&b, nr);
	if (b.failed) {
		errno = EBADMSG;
		return -1;
	}
	if (!nr || !options->unpack)
		return 0;
	return options->unpack(options->user, data, nr);
}

void report_peek(const struct bytes *report, uint64_t *runs, double *left)
{
	struct buffer b = { .data = report->data, .nr = report->nr };

	*runs = buffer_get_u64(&b);
	buffer_get_bytes(&b, (SUMS - 1) * sizeof(uint64_t));
	buffer_get(&b, left, sizeof(*left));
}
