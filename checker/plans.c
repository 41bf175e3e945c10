// SPDX-License-Identifier: GPL-2.0-only
/*
 * plans.c - operations, and trees of operations to be run; see executions.c.
 */
#include "executions.h"

#include <stdlib.h>
#include <string.h>

#define BIT(class) (1u << (class))
#define ALL                                                              \
	(BIT(CHECK_READ) | BIT(CHECK_ADD) | BIT(CHECK_WRITE) |           \
	 BIT(CLASS_RELEASE_WRITE) | BIT(CLASS_PARK))

/* Choices and beginnings depend on nothing. */
const uint8_t operation_conflicts[CLASS_BEGIN + 1] = {
	[CHECK_READ] = ALL & ~BIT(CHECK_READ),
	[CHECK_ADD] = ALL & ~BIT(CHECK_ADD),
	[CHECK_WRITE] = ALL | BIT(CLASS_RELEASE_READ),
	[CLASS_RELEASE_READ] = BIT(CHECK_WRITE),
	[CLASS_RELEASE_WRITE] = ALL,
	[CLASS_PARK] = ALL,
};

struct plan *plan_new(struct executions *x, const struct operation *op)
{
	struct plan *plan = x->spare;

	if (plan) {
		x->spare = plan->next;
	} else {
		plan = malloc(sizeof(*plan));
		if (!plan)
			abort();
		x->nr_plans++;
	}
	*plan = (struct plan){ .op = *op };
	return plan;
}

void plan_free(struct executions *x, struct plan *plan)
{
	while (plan) {
		struct plan *next = plan->next;

		plan_free(x, plan->children);
		plan->next = x->spare;
		x->spare = plan;
		plan = next;
	}
}

/*
 * Is `first` a weak initial of the sequence v: can it come first in an
 * execution equivalent to one that begins with v?
 * Return: 0: no; else its place in v + 1, or nr + 1 if it is not in v, with
 * which it commutes then.
 */
static uint32_t weak_initial(const struct executions *x, uint32_t nr,
			     const struct operation *first)
{
	for (uint32_t i = 0; i < nr; i++) {
		const struct operation *op = &x->events[x->reversal[i]].op;

		/* after another choice it is another operation */
		if (op->thread == first->thread)
			return operation_same(op, first) ? i + 1 : 0;
		if (operation_depends(op, first))
			return 0;
	}
	return nr + 1;
}

void plan_insert(struct executions *x, struct plan **list, uint32_t nr)
{
	uint16_t *v = x->reversal;

	while (*list) {
		struct plan *plan = *list;
		uint32_t place = weak_initial(x, nr, &plan->op);

		if (!place) {
			list = &plan->next;
			continue;
		}
		if (place <= nr) {
			nr--;
			memmove(v + place - 1, v + place,
				(nr - place + 1) * sizeof(*v));
		}
		/* what is planned here already leads to it */
		if (!plan->children)
			return;
		list = &plan->children;
	}
	for (uint32_t i = 0; i < nr; i++) {
		*list = plan_new(x, &x->events[v[i]].op);
		list = &(*list)->children;
	}
}

static bool plan_fits(struct executions *x, const struct plan *plan)
{
	struct operation op = operation_at(x, plan->op.thread);

	return (world->ready & (1u << plan->op.thread)) &&
	       operation_same(&op, &plan->op);
}

void plan_prune(struct executions *x, struct plan **list)
{
	while (*list) {
		struct plan *plan = *list;

		if (plan_fits(x, plan)) {
			list = &plan->next;
			continue;
		}
		*list = plan->next;
		plan->next = NULL;
		plan_free(x, plan);
	}
}

struct plan *plan_copy(struct executions *x, const struct plan *plan)
{
	struct plan *first = NULL, **at = &first;

	for (; plan; plan = plan->next) {
		*at = plan_new(x, &plan->op);
		(*at)->children = plan_copy(x, plan->children);
		at = &(*at)->next;
	}
	return first;
}
