/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * avl.h - balanced binary tree, the links live in the objects.
 *
 * As with Linux's rbtree the user searches by himself, because only he knows
 * the key:
 *
 *	struct avl_node **link = &root->node, *parent = NULL;
 *
 *	while (*link) {
 *		parent = *link;
 *		link = &parent->child[key is greater than parent's];
 *	}
 *	avl_insert(root, node, parent, link);
 *
 * Interface
 *   avl_insert()			put a node where the search ended
 *   avl_erase()			take it out again
 *   avl_first(), avl_last()		ends of the order
 *   avl_next(), avl_prev()		neighbours in the order
 *
 * The caller's lock protects the tree.
 */
#ifndef BASE_AVL_H
#define BASE_AVL_H

#include "base/types.h"

struct avl_node {
	struct avl_node *parent;
	struct avl_node *child[2];	/* smaller, greater */
	uint64_t height;		/* of the subtree; a leaf has 1 */
};

struct avl_root {
	struct avl_node *node;
};

void avl_insert(struct avl_root *root, struct avl_node *node,
		struct avl_node *parent, struct avl_node **link);
void avl_erase(struct avl_root *root, struct avl_node *node);
struct avl_node *avl_first(const struct avl_root *root);
struct avl_node *avl_last(const struct avl_root *root);
struct avl_node *avl_next(const struct avl_node *node);
struct avl_node *avl_prev(const struct avl_node *node);

#endif /* BASE_AVL_H */
