/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * avl.c - balanced binary tree.
 *
 * Names used in this file
 *   side	0 is the smaller, 1 the greater child
 *   heavy	the side whose subtree is higher by two
 */
#include "base/avl.h"

static uint64_t height(const struct avl_node *node)
{
	return node ? node->height : 0;
}

static void update_height(struct avl_node *node)
{
	node->height = 1 + max_u64(height(node->child[0]),
				   height(node->child[1]));
}

/* What pointed to old points to node from now on. */
static void replace_child(struct avl_root *root, struct avl_node *parent,
			  const struct avl_node *old, struct avl_node *node)
{
	if (!parent)
		root->node = node;
	else
		parent->child[parent->child[1] == old] = node;
	if (node)
		node->parent = parent;
}

/*
 * Move node down on that side; its other child takes its place.
 * Return: the node that stands there now.
 */
static struct avl_node *rotate(struct avl_root *root, struct avl_node *node,
			       unsigned int side)
{
	struct avl_node *up = node->child[!side];
	struct avl_node *moved = up->child[side];

	replace_child(root, node->parent, node, up);
	node->child[!side] = moved;
	if (moved)
		moved->parent = node;
	up->child[side] = node;
	node->parent = up;
	update_height(node);
	update_height(up);
	return up;
}

static struct avl_node *rebalance_one(struct avl_root *root,
				      struct avl_node *node)
{
	uint64_t smaller = height(node->child[0]);
	uint64_t greater = height(node->child[1]);
	struct avl_node *child;
	unsigned int heavy;

	if (smaller > greater + 1) {
		heavy = 0;
	} else if (greater > smaller + 1) {
		heavy = 1;
	} else {
		update_height(node);
		return node;
	}
	child = node->child[heavy];
	if (height(child->child[!heavy]) > height(child->child[heavy]))
		rotate(root, child, heavy);
	return rotate(root, node, !heavy);
}

/* The subtree below node changed its height by one: mend all above it. */
static void rebalance(struct avl_root *root, struct avl_node *node)
{
	while (node) {
		uint64_t before = node->height;

		node = rebalance_one(root, node);
		if (node->height == before)
			return;
		node = node->parent;
	}
}

/*
 * avl_insert - put node below parent, where the user's search ended.
 *
 * Locks: the caller's.  Sleeps: no.
 */
void avl_insert(struct avl_root *root, struct avl_node *node,
		struct avl_node *parent, struct avl_node **link)
{
	node->parent = parent;
	node->child[0] = NULL;
	node->child[1] = NULL;
	node->height = 1;
	*link = node;
	rebalance(root, parent);
}

/*
 * avl_erase - take node out; its memory is the caller's again.
 *
 * Locks: the caller's.  Sleeps: no.
 */
void avl_erase(struct avl_root *root, struct avl_node *node)
{
	struct avl_node *heir;
	struct avl_node *lowest;	/* whose child changed */

	if (!node->child[0] || !node->child[1]) {
		heir = node->child[node->child[0] == NULL];
		lowest = node->parent;
		replace_child(root, lowest, node, heir);
		rebalance(root, lowest);
		return;
	}

	/* The successor has no smaller child: cut it out, put it here. */
	heir = avl_next(node);
	lowest = heir->parent;
	if (lowest == node)
		lowest = heir;
	else
		replace_child(root, heir->parent, heir, heir->child[1]);
	if (heir != node->child[1]) {
		heir->child[1] = node->child[1];
		heir->child[1]->parent = heir;
	}
	heir->child[0] = node->child[0];
	heir->child[0]->parent = heir;
	heir->height = node->height;
	replace_child(root, node->parent, node, heir);
	rebalance(root, lowest);
}

static struct avl_node *outermost(struct avl_node *node, unsigned int side)
{
	while (node && node->child[side])
		node = node->child[side];
	return node;
}

static struct avl_node *neighbour(const struct avl_node *node,
				  unsigned int side)
{
	if (node->child[side])
		return outermost(node->child[side], !side);
	while (node->parent && node->parent->child[side] == node)
		node = node->parent;
	return node->parent;
}

/*
 * avl_first - the smallest node.
 *
 * Locks: the caller's.  Sleeps: no.
 * Return: NULL when the tree is empty.
 */
struct avl_node *avl_first(const struct avl_root *root)
{
	return outermost(root->node, 0);
}

/*
 * avl_last - the greatest node.
 *
 * Locks: the caller's.  Sleeps: no.
 * Return: NULL when the tree is empty.
 */
struct avl_node *avl_last(const struct avl_root *root)
{
	return outermost(root->node, 1);
}

/*
 * avl_next - the next greater node.
 *
 * Locks: the caller's.  Sleeps: no.
 * Return: NULL after the last.
 */
struct avl_node *avl_next(const struct avl_node *node)
{
	return neighbour(node, 1);
}

/*
 * avl_prev - the next smaller node.
 *
 * Locks: the caller's.  Sleeps: no.
 * Return: NULL before the first.
 */
struct avl_node *avl_prev(const struct avl_node *node)
{
	return neighbour(node, 0);
}
