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
/* Steps of a search that is to be shared, before it is, */
#define LITTLE 500
/* and between two questions whether it is worth while to wait with that. */
#define LITTLE_MORE 50

struct pieces {
	struct search *search;
	const struct tree *tree;
	struct check_post *post;
	struct parts left;
	struct bytes *reports;		/* of this round, by worker */
	double saved;			/* when the last checkpoint was */
	double whole;			/* executions, as it was thought when
					 * the first round together began */
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

static const struct bytes root = { .weight = 1 };

/* Where to begin: with the whole, or where a search before this one was. */
static int load(struct pieces *p)
{
	const struct check_options *options = p->search->options;
	struct bytes report = { 0 };
	int result = 0;

	p->saved = now_seconds();
	if (options->checkpoint)
		result = checkpoint_load(options->checkpoint,
					 options->identity, &report, &p->left);
	if (!result)
		result = parts_add(&p->left, &root);
	else if (result > 0)
		result = report_add(p->search, &report);
	free(report.data);
	/* no process has begun yet, and all that was learned is known */
	if (p->search->learned.nr <= MAX_LEARNED)
		p->search->begin_anew = false;
	return result;
}

/* Nothing that was done counts, but for what was learned. */
static int begin_anew(struct pieces *p)
{
	search_restart(p->search);
	p->search->left = 0;
	p->whole = 0;
	p->search->begin_anew = false;
	parts_free(&p->left);
	return parts_add(&p->left, &root);
}

/* ------ alone ------ */

static bool is_enough(const struct tree *tree, uint64_t *most)
{
	if ((*most)--)
		return false;
	*most = LITTLE_MORE;
	return !tree->measures(tree->own);
}

/*
 * Search some `most` nodes.
 * Return: 1: nothing is left; 0: stopped; -1 with errno.
 */
static int round_alone(struct pieces *p, uint64_t most)
{
	const struct tree *tree = p->tree;
	struct search *search = p->search;
	int more = 1;

	for (size_t i = 0; i < p->left.nr; i++)
		if (tree->take(tree->own, &p->left.at[i]))
			return -1;
	parts_free(&p->left);
	while (more > 0 && !search->stop && !is_enough(tree, &most)) {
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

/*
 * How much is left, if the parts say so much of themselves?  They are small,
 * and where some are larger than that nobody knows of it until they are
 * searched.  What was said of the whole counts, too; the less so the more is
 * done.
 */
static double left_at_least(const struct pieces *p, double said)
{
	double rest = 1 - (double)p->search->result->runs / p->whole;
	double least = rest > 0 ? rest * rest * p->whole : 0;

	return said > least ? said : least;
}

/* Limits and progress are those of all workers together. */
static bool is_to_stop(void *user, double waiting)
{
	struct pieces *p = user;
	struct search *search = p->search;
	uint64_t runs = search->result->runs;

	search->left = waiting;
	for (unsigned int w = 0; w < p->post->nr_workers; w++) {
		uint64_t its_runs;
		double its_left;

		report_peek(&p->reports[w], &its_runs, &its_left);
		search->result->runs += its_runs;
		search->left += its_left;
	}
	search->left = left_at_least(p, search->left);
	search_poll(search);
	search->result->runs = runs;
	return search->stop || checkpoint_is_due(p);
}

static int left(void *user, const struct bytes *part)
{
	struct pieces *p = user;

	return parts_add(&p->left, part);
}

static double weight_of(const struct parts *parts)
{
	double weight = 0;

	for (size_t i = 0; i < parts->nr; i++)
		weight += parts->at[i].weight;
	return weight;
}

static int round_together(struct pieces *p)
{
	struct coordinator coordinator = {
		.user = p, .heard = heard, .stop = is_to_stop, .left = left,
	};
	struct parts parts = p->left;
	int result, number;

	if (p->whole <= 0)
		p->whole = (double)p->search->result->runs + weight_of(&parts);
	p->left = (struct parts){ 0 };
	/* their bytes are taken over */
	result = parallel_coordinate(p->post, &coordinator, parts.at,
				     parts.nr);
	number = errno;
	free(parts.at);
	/* what was found counts, also when a worker died then */
	for (unsigned int w = 0; w < p->post->nr_workers; w++) {
		if (p->reports[w].nr &&
		    report_add(p->search, &p->reports[w]) && result >= 0) {
			result = -1;
			number = errno;
		}
		free(p->reports[w].data);
		p->reports[w] = (struct bytes){ 0 };
	}
	errno = number;
	p->search->left = p->left.nr ?
		left_at_least(p, weight_of(&p->left)) : 0;
	return result;
}

/* ------ both ------ */

/* A worker's failure that makes it pointless to go on does so for all. */
static void look_at_failures(struct search *search)
{
	const struct check_result *result = search->result;

	for (size_t i = 0; i < result->nr_failures; i++)
		search_heed(search, result->failures[i].number);
}

static int all_rounds(struct pieces *p)
{
	struct search *search = p->search;
	int result = 0;

	while (!result && !search->stop && !search->begin_anew) {
		result = p->post ? round_together(p) :
				   round_alone(p, UINT64_MAX);
		look_at_failures(search);
		if (!result && !search->begin_anew && save(p))
			return -1;
	}
	if (result > 0 && search->options->checkpoint)
		unlink(search->options->checkpoint);
	return result < 0 ? -1 : 0;
}

/* Workers that die are the end of the search, but no error of it. */
static int mind_the_dead(struct pieces *p, int error)
{
	if (!error || errno != ECONNRESET)
		return error;
	p->search->result->stopped = "the death of a worker";
	p->search->stop = true;
	return 0;
}

static int coordinate(struct pieces *p)
{
	int error;

	p->reports = calloc(p->post->nr_workers, sizeof(*p->reports));
	if (!p->reports)
		return -1;
	error = all_rounds(p);
	/* those that the caller made are needed again */
	if (!error && !p->search->options->post)
		error = parallel_end(p->post);
	free(p->reports);
	return mind_the_dead(p, error);
}

/*
 * Do a little alone: small searches need no help, and what there is to learn
 * is learned here, most of the time.
 */
static int do_a_little(struct pieces *p)
{
	if (p->tree->begin(p->tree->own))
		return -1;
	if (round_alone(p, LITTLE) < 0)
		return -1;
	return p->search->stop ? save(p) : 0;
}

static int fork_workers(struct pieces *p, unsigned int jobs)
{
	int error;

	p->post = post_fork(jobs);
	if (!p->post)
		return -1;
	if (!p->post->self) {
		error = coordinate(p);
		post_fork_end(p->post);
		p->post = NULL;
		return error;
	}
	p->tree->share(p->tree->own);
	error = run_forked() || parallel_work(p->post, p->tree);
	p->post->leave(p->post, error);
	return -1;
}

/*
 * Ranks of MPI, say: they are there already, and know nothing of what was
 * learned in this process.
 */
static int call_workers(struct pieces *p)
{
	struct learned *learned = &p->search->learned;
	const struct bytes bytes = { learned, sizeof(*learned), 0 };
	int error;

	p->post = p->search->options->post;
	error = parallel_begin(p->post, &bytes);
	error = error ? mind_the_dead(p, error) : coordinate(p);
	p->post = NULL;
	return error;
}

/* Return: 0, or -1 with errno. */
static int search_once(struct pieces *p)
{
	const struct check_options *options = p->search->options;
	bool alone = options->jobs < 2 && !options->post;

	if (alone ? p->tree->begin(p->tree->own) : do_a_little(p))
		return -1;
	/* what was learned may be more than can be told to others */
	if (alone || !p->left.nr || p->search->stop ||
	    p->search->learned.nr > MAX_LEARNED)
		return all_rounds(p);
	return options->post ? call_workers(p) :
			       fork_workers(p, options->jobs);
}

static int search_all(struct pieces *p)
{
	struct search *search = p->search;
	int error = load(p);

	if (!error && search->begin_anew)
		error = begin_anew(p);
	while (!error) {
		error = search_once(p);
		if (error || !search->begin_anew || search->stop)
			break;
		error = begin_anew(p);
	}
	parts_free(&p->left);
	return error;
}

int search_pieces(struct search *search, const struct tree *tree)
{
	struct check_post *post = search->options->post;
	struct pieces p = { .search = search, .tree = tree };
	int error, number;

	if (!post)
		return search_all(&p);
	if (post->self) {
		error = parallel_work(post, tree);
		post->leave(post, error);
		return -1;
	}
	error = search_all(&p);
	number = errno;
	/* whatever happened, they wait for it */
	if (mind_the_dead(&p, parallel_end(post)) && !error)
		return -1;
	errno = number;
	return error;
}
