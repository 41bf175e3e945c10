// SPDX-License-Identifier: GPL-2.0-only
/*
 * pieces.c - a search of a tree in pieces; see pieces.h.
 *
 * What is left to do is a list of parts, at the beginning the whole.  A round
 * works on them, in this process or in others, until nothing is left, somebody
 * wants it to stop, or a checkpoint is due; what is left then is the list for
 * the next round.
 */
#include "pieces.h"

#include "checkpoint.h"
#include "post_fork.h"
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECKPOINT_SECONDS 5

struct pieces {
	struct search *search;
	const struct tree *tree;
	struct check_post *post;
	struct parts left;
	struct bytes *reports;		/* of this round, by worker */
	double saved;			/* when the last checkpoint was */
};

static bool checkpoint_is_due(const struct pieces *p)
{
	const struct check_options *options = p->search->options;
	double every = options->checkpoint_seconds > 0 ?
		options->checkpoint_seconds : CHECKPOINT_SECONDS;

	return options->checkpoint && now_seconds() - p->saved >= every;
}

static int save(struct pieces *p)
{
	const struct check_options *options = p->search->options;
	struct bytes report = { 0 };
	int error;

	if (!options->checkpoint)
		return 0;
	error = report_pack(p->search, &report);
	if (!error)
		error = checkpoint_save(options->checkpoint, options->identity,
					&report, &p->left);
	free(report.data);
	p->saved = now_seconds();
	return error;
}

/* Where to begin: with the whole, or where a search before this one was. */
static int load(struct pieces *p, const struct bytes *root)
{
	const struct check_options *options = p->search->options;
	struct bytes report = { 0 };
	int result = 0;

	p->saved = now_seconds();
	if (options->checkpoint)
		result = checkpoint_load(options->checkpoint,
					 options->identity, &report, &p->left);
	if (!result)
		result = parts_add(&p->left, root);
	else if (result > 0)
		result = report_add(p->search, &report);
	free(report.data);
	return result;
}

/* ------ alone ------ */

/* Return: 1: nothing is left; 0: stopped; -1 with errno. */
static int round_alone(struct pieces *p)
{
	const struct tree *tree = p->tree;
	struct search *search = p->search;
	int more = 1;

	for (size_t i = 0; i < p->left.nr; i++)
		if (tree->take(tree->own, &p->left.at[i]))
			return -1;
	parts_free(&p->left);
	while (more > 0 && !search->stop) {
		more = tree->step(tree->own);
		if (!search_poll_due(search))
			continue;
		search_poll(search);
		if (checkpoint_is_due(p))
			break;
	}
	if (more < 0 || tree->give_all(tree->own, parts_add, &p->left))
		return -1;
	return !p->left.nr;
}

/* ------ together ------ */

static int heard(void *user, unsigned int worker, const struct bytes *report)
{
	struct pieces *p = user;
	struct bytes *mine = &p->reports[worker];
	void *data = realloc(mine->data, report->nr + 1);

	if (!data)
		return -1;
	mine->data = data;
	mine->nr = report->nr;
	memcpy(mine->data, report->data, report->nr);
	return 0;
}

/* Limits and progress are those of all workers together. */
static bool is_to_stop(void *user)
{
	struct pieces *p = user;
	struct search *search = p->search;
	uint64_t runs = search->result->runs;
	double done = search->done;

	for (unsigned int w = 0; w < p->post->nr_workers; w++) {
		uint64_t its_runs;
		double its_done;

		report_peek(&p->reports[w], &its_runs, &its_done);
		search->result->runs += its_runs;
		search->done += its_done;
	}
	search_poll(search);
	search->result->runs = runs;
	search->done = done;
	return search->stop || checkpoint_is_due(p);
}

static int left(void *user, const struct bytes *part)
{
	struct pieces *p = user;

	return parts_add(&p->left, part);
}

static int round_together(struct pieces *p)
{
	struct coordinator coordinator = {
		.user = p, .heard = heard, .stop = is_to_stop, .left = left,
	};
	struct parts parts = p->left;
	int result;

	p->left = (struct parts){ 0 };
	/* their bytes are taken over */
	result = parallel_coordinate(p->post, &coordinator, parts.at,
				     parts.nr);
	free(parts.at);
	for (unsigned int w = 0; w < p->post->nr_workers && result >= 0; w++)
		if (p->reports[w].nr &&
		    report_add(p->search, &p->reports[w]))
			result = -1;
	for (unsigned int w = 0; w < p->post->nr_workers; w++) {
		free(p->reports[w].data);
		p->reports[w] = (struct bytes){ 0 };
	}
	if (p->search->options->first && p->search->result->nr_failures)
		p->search->stop = true;
	return result;
}

/* ------ both ------ */

static int all_rounds(struct pieces *p)
{
	int result = 0;

	while (!result && !p->search->stop) {
		result = p->post ? round_together(p) : round_alone(p);
		if (!result && save(p))
			return -1;
	}
	if (result > 0 && p->search->options->checkpoint)
		unlink(p->search->options->checkpoint);
	return result < 0 ? -1 : 0;
}

static int coordinate(struct pieces *p)
{
	int error;

	p->reports = calloc(p->post->nr_workers, sizeof(*p->reports));
	if (!p->reports)
		return -1;
	error = all_rounds(p);
	if (!error)
		error = parallel_end(p->post);
	if (error && errno == ECONNRESET) {
		p->search->result->stopped = "the death of a worker";
		p->search->stop = true;
		error = 0;
	}
	free(p->reports);
	return error;
}

int search_pieces(struct search *search, const struct tree *tree,
		  const struct bytes *root)
{
	const struct check_options *options = search->options;
	struct pieces p = {
		.search = search, .tree = tree, .post = options->post,
	};
	int error;

	if (!p.post && options->jobs > 1) {
		p.post = post_fork(options->jobs);
		if (!p.post)
			return -1;
	}
	if (p.post && p.post->self) {
		error = run_forked() || parallel_work(p.post, tree);
		p.post->leave(p.post, error);
	}
	error = load(&p, root);
	if (!error)
		error = p.post ? coordinate(&p) : all_rounds(&p);
	parts_free(&p.left);
	if (p.post && p.post != options->post)
		post_fork_end(p.post);
	return error;
}
