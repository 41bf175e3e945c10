// SPDX-License-Identifier: GPL-2.0-only
/*
 * balance.c - what would a thousand ranks do?
 *
 * Simulates the balancer of parallel searches (checker/balance.c, the very
 * code) on a recorded tree:
 *
 *	balance [--latency US] [--handling US] [--look US] [--cost US]
 *		TREE [RANKS]...
 *
 * TREE has a line a node, in the order of the search: its depth, as
 * bench/record.c writes it; random:NODES is made here.  A node takes --cost
 * microseconds (1) to run, a message --latency (10) to arrive, and the
 * coordinator --handling (2) to deal with a message, one after the other.  Who
 * is busy looks for messages each --look microseconds (100), between two nodes.
 */
#include "../checker/balance.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define MAX_RANKS 100000

struct tree {
	uint32_t nr;
	uint32_t *depth;
	uint32_t *child;		/* the first; NONE */
	uint32_t *sibling;		/* the next; NONE */
};

/* A part is a node of the tree with all below it. */
struct subtree {
	struct part part;
	uint32_t node;
};

enum what {
	NODE_DONE,			/* a worker has run a node */
	IS_HUNGRY,			/* messages to the coordinator */
	HAS_PART,
	GETS_PART,			/* and from it */
	IS_ASKED,
};

struct event {
	double time;
	uint64_t order;			/* so that equal times are no chance */
	enum what what;
	unsigned int worker;
	struct subtree *subtree;
};

/* What a worker has to run: the last is next, the first is given away. */
struct worker {
	uint32_t *nodes;
	size_t first;
	size_t last;
	size_t room;
	double weight;			/* of each of them, roughly */
	uint32_t running;
	bool asked;
	double looked;
};

struct simulation {
	const struct tree *tree;
	double latency, handling, look, cost;
	struct balance balance;
	struct worker *workers;
	struct event *events;		/* a heap */
	size_t nr_events;
	size_t events_room;
	uint64_t nr_ordered;
	double now;
	double free_at;			/* when the coordinator is */
	double handled;			/* seconds it was not */
	uint64_t moved;
	uint64_t messages;
};

static void *need(void *memory)
{
	if (!memory) {
		fputs("balance: no memory\n", stderr);
		exit(2);
	}
	return memory;
}

/* ------ the tree ------ */

static void read_depths(struct tree *tree, const char *path)
{
	FILE *file = fopen(path, "r");
	uint32_t room = 0;
	unsigned int depth;

	if (!file) {
		fprintf(stderr, "balance: %s: %s\n", path, strerror(errno));
		exit(2);
	}
	while (fscanf(file, "%u", &depth) == 1) {
		if (tree->nr == room) {
			room = 2 * room + 1024;
			tree->depth = need(realloc(tree->depth,
						   room * sizeof(uint32_t)));
		}
		if (depth > (tree->nr ? tree->depth[tree->nr - 1] + 1 : 0)) {
			fprintf(stderr, "balance: %s:%u: a depth of %u here\n",
				path, tree->nr + 1, depth);
			exit(2);
		}
		tree->depth[tree->nr++] = depth;
	}
	fclose(file);
	if (!tree->nr) {
		fprintf(stderr, "balance: %s has no nodes\n", path);
		exit(2);
	}
}

/* One child of six has most of what is left, so sub-trees differ much. */
static void make_tree(struct tree *tree, uint32_t nr)
{
	struct {
		uint32_t depth, nodes;
	} *todo;
	uint64_t random = 1;
	size_t left = 1;

	tree->depth = need(malloc(nr * sizeof(*tree->depth)));
	todo = need(malloc(((size_t)nr + 6) * sizeof(*todo)));
	todo[0].depth = 0;
	todo[0].nodes = nr;
	while (left) {
		uint32_t depth = todo[--left].depth;
		uint32_t rest = todo[left].nodes - 1;

		tree->depth[tree->nr++] = depth;
		for (unsigned int i = 1; rest; i++) {
			double part;

			random = random * 6364136223846793005u + 1;
			part = (double)(random >> 40) / (double)(1 << 24);
			todo[left].depth = depth + 1;
			todo[left].nodes = i == 6 ? rest :
				1 + (uint32_t)((rest - 1) * part * part);
			rest -= todo[left++].nodes;
		}
	}
	free(todo);
}

static void link_tree(struct tree *tree)
{
	uint32_t *last = need(malloc((tree->nr + 1) * sizeof(*last)));

	tree->child = need(malloc(tree->nr * sizeof(*tree->child)));
	tree->sibling = need(malloc(tree->nr * sizeof(*tree->sibling)));
	for (uint32_t n = 0; n < tree->nr; n++) {
		uint32_t depth = tree->depth[n];

		tree->child[n] = NONE;
		tree->sibling[n] = NONE;
		if (n && tree->depth[n - 1] >= depth)
			tree->sibling[last[depth]] = n;
		else if (n)
			tree->child[n - 1] = n;
		last[depth] = n;
	}
	free(last);
}

/* ------ events ------ */

static bool sooner(const struct event *a, const struct event *b)
{
	return a->time < b->time ||
	       (a->time <= b->time && a->order < b->order);
}

static void swap(struct event *a, struct event *b)
{
	struct event other = *a;

	*a = *b;
	*b = other;
}

static void later(struct simulation *s, double time, enum what what,
		  unsigned int worker, struct subtree *subtree)
{
	size_t i = s->nr_events++;

	if (s->nr_events > s->events_room) {
		s->events_room = 2 * s->events_room + 64;
		s->events = need(realloc(s->events, s->events_room *
						    sizeof(*s->events)));
	}
	s->events[i] = (struct event){ time, s->nr_ordered++, what, worker,
				       subtree };
	for (; i && sooner(&s->events[i], &s->events[(i - 1) / 2]);
	     i = (i - 1) / 2)
		swap(&s->events[i], &s->events[(i - 1) / 2]);
}

static struct event soonest(struct simulation *s)
{
	struct event first = s->events[0];
	size_t i = 0;

	s->events[0] = s->events[--s->nr_events];
	for (;;) {
		size_t least = i;

		for (size_t k = 2 * i + 1; k <= 2 * i + 2; k++)
			if (k < s->nr_events &&
			    sooner(&s->events[k], &s->events[least]))
				least = k;
		if (least == i)
			return first;
		swap(&s->events[i], &s->events[least]);
		i = least;
	}
}

/* ------ workers ------ */

static void push(struct worker *w, uint32_t node)
{
	if (w->last == w->room) {
		size_t used = w->last - w->first;

		memmove(w->nodes, w->nodes + w->first,
			used * sizeof(*w->nodes));
		w->first = 0;
		w->last = used;
		w->room = 2 * used + 64;
		w->nodes = need(realloc(w->nodes,
					w->room * sizeof(*w->nodes)));
	}
	w->nodes[w->last++] = node;
}

static void send_to_coordinator(struct simulation *s, enum what what,
				unsigned int worker, struct subtree *subtree)
{
	s->messages++;
	later(s, s->now + s->latency, what, worker, subtree);
}

/* Asked, and more than one to run: the first one found is the largest. */
static void share(struct simulation *s, unsigned int worker)
{
	struct worker *w = &s->workers[worker];
	struct subtree *subtree;

	if (!w->asked || w->last - w->first < 2)
		return;
	subtree = need(malloc(sizeof(*subtree)));
	subtree->node = w->nodes[w->first++];
	subtree->part.weight = 1.0 / (1 + s->tree->depth[subtree->node]);
	w->asked = false;
	s->moved++;
	send_to_coordinator(s, HAS_PART, worker, subtree);
}

static void run_next(struct simulation *s, unsigned int worker)
{
	struct worker *w = &s->workers[worker];

	if (w->first == w->last) {
		w->running = NONE;
		w->asked = false;
		send_to_coordinator(s, IS_HUNGRY, worker, NULL);
		return;
	}
	w->running = w->nodes[--w->last];
	later(s, s->now + s->cost, NODE_DONE, worker, NULL);
}

static void node_done(struct simulation *s, unsigned int worker)
{
	struct worker *w = &s->workers[worker];

	for (uint32_t n = s->tree->child[w->running]; n != NONE;
	     n = s->tree->sibling[n])
		push(w, n);
	if (s->now - w->looked >= s->look) {
		w->looked = s->now;
		share(s, worker);
	}
	run_next(s, worker);
}

/* ------ the coordinator ------ */

static void handle(struct simulation *s, const struct event *e)
{
	struct balance_order order;

	/* it deals with one message after the other */
	if (s->free_at > s->now) {
		later(s, s->free_at, e->what, e->worker, e->subtree);
		return;
	}
	s->free_at = s->now + s->handling;
	s->handled += s->handling;
	if (e->what == IS_HUNGRY)
		balance_hungry(&s->balance, e->worker);
	else
		balance_part(&s->balance, &e->subtree->part, e->worker);
	while ((order = balance_next(&s->balance)).action != BALANCE_NOTHING) {
		s->messages++;
		later(s, s->free_at + s->latency,
		      order.action == BALANCE_GIVE ? GETS_PART : IS_ASKED,
		      order.worker, (struct subtree *)(void *)order.part);
	}
}

static void happen(struct simulation *s, const struct event *e)
{
	struct worker *w = &s->workers[e->worker];

	switch (e->what) {
	case NODE_DONE:
		node_done(s, e->worker);
		break;
	case GETS_PART:
		push(w, e->subtree->node);
		free(e->subtree);
		/* else it is one of several */
		if (w->running == NONE)
			run_next(s, e->worker);
		break;
	case IS_ASKED:
		/* too late if it is hungry by now: the message crossed */
		w->asked = w->running != NONE;
		break;
	default:
		handle(s, e);
	}
}

static double simulate(struct simulation *s, unsigned int ranks)
{
	s->workers = need(calloc(ranks, sizeof(*s->workers)));
	if (balance_open(&s->balance, ranks))
		need(NULL);
	for (unsigned int w = 0; w < ranks; w++) {
		if (w == 0)
			push(&s->workers[w], 0);
		run_next(s, w);
	}
	while (s->nr_events && !balance_finished(&s->balance)) {
		struct event e = soonest(s);

		s->now = e.time;
		happen(s, &e);
	}
	for (unsigned int w = 0; w < ranks; w++)
		free(s->workers[w].nodes);
	free(s->workers);
	free(s->events);
	balance_close(&s->balance);
	return s->now;
}

static void row(const struct simulation *settings, unsigned int ranks)
{
	struct simulation s = *settings;
	double alone = s.tree->nr * s.cost;
	double took = simulate(&s, ranks);

	printf("%7u %12.6f %9.2f %11.1f %9llu %9llu %12.1f\n", ranks,
	       took * 1e-6, alone / took, 100 * alone / took / ranks,
	       (unsigned long long)s.moved, (unsigned long long)s.messages,
	       100 * s.handled / took);
}

static double number(const char *text, const char *name, double least,
		     double most)
{
	char *end;
	double value = strtod(text, &end);

	if (end != text && !*end && value >= least && value <= most)
		return value;
	fprintf(stderr, "balance: %s takes a number from %g to %g, not '%s'\n",
		name, least, most, text);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "latency", required_argument, NULL, 'l' },
		{ "handling", required_argument, NULL, 'h' },
		{ "look", required_argument, NULL, 'o' },
		{ "cost", required_argument, NULL, 'c' },
		{ 0 },
	};
	static const unsigned int usual[] = { 1, 2, 4, 16, 64, 256, 1000 };
	struct tree tree = { 0 };
	struct simulation s = {
		.tree = &tree, .latency = 10, .handling = 2, .look = 100,
		.cost = 1,
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'l')
			s.latency = number(optarg, "--latency", 0, 1e9);
		else if (option == 'h')
			s.handling = number(optarg, "--handling", 0, 1e9);
		else if (option == 'o')
			s.look = number(optarg, "--look", 0, 1e9);
		else if (option == 'c')
			s.cost = number(optarg, "--cost", 1e-3, 1e9);
		else
			return 2;
	}
	if (optind == argc) {
		fputs("usage: balance [--latency US] [--handling US] [--look US] [--cost US] TREE [RANKS]...\n",
		      stderr);
		return 2;
	}
	if (strncmp(argv[optind], "random:", 7))
		read_depths(&tree, argv[optind]);
	else
		make_tree(&tree, (uint32_t)number(argv[optind] + 7, "random:",
						  1, 1e9));
	link_tree(&tree);
	printf("%s: %u nodes of %g us, latency %g us, handling %g us, a look each %g us\n\n",
	       argv[optind], tree.nr, s.cost, s.latency, s.handling, s.look);
	printf("%7s %12s %9s %11s %9s %9s %12s\n", "ranks", "seconds",
	       "speed-up", "efficiency%", "moved", "messages", "coordinator%");
	for (int i = optind + 1; i < argc; i++)
		row(&s, (unsigned int)number(argv[i], "RANKS", 1, MAX_RANKS));
	if (optind + 1 == argc)
		for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
			row(&s, usual[i]);
	free(tree.depth);
	free(tree.child);
	free(tree.sibling);
	return 0;
}
