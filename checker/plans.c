// SPDX-License-Identifier: GPL-2.0-only
/*
 * plans.c - operations, and trees of operations to be run; see executions.c.
 */
#include "executions.h"

#include <stdlib.h>
#include <string.h>

bool operation_classes_conflict(uint32_t a, uint32_t b)
{
	if (a == CLASS_RELEASE_READ || b == CLASS_RELEASE_READ)
		return a == CHECK_WRITE || b == CHECK_WRITE;
	return !(a == b && (a == CHECK_READ || a == CHECK_ADD));
}

/* Do two operations of different threads depend on each other? */
bool operation_depends(const struct operation *a, const struct operation *b)
{
	return a->object && b->object &&
	       (const char *)a->object < (const char *)b->object + b->bytes &&
	       (const char *)b->object < (const char *)a->object + a->bytes &&
	       operation_classes_conflict(a->class, b->class);
}

bool operation_same(const struct operation *a, const struct operation *b)
{
	return a->object == b->object && a->bytes == b->bytes &&
	       a->class == b->class && a->thread == b->thread;
}

struct operation operation_at(unsigned int t)
{
	const struct thread *thread = &world->threads[t];

	return (struct operation){
		.object = thread->object,
		.bytes = thread->bytes,
		.class = (uint8_t)thread->class,
		.thread = (uint8_t)t,
		.waits = run_waits_for_condition(thread),
	};
}

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

/* Give a node and all below it back. */
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
 * v: a sequence of operations, in order.  Is `first` one of its weak initials:
 * can it come first in an execution equivalent to one that begins with v?
 * Return: 0: no; else its place in v + 1, or nr + 1 if it is not in v, with
 * which it commutes then.
 */
size_t plan_weak_initial(const struct operation *v, size_t nr,
			   const struct operation *first)
{
	for (size_t i = 0; i < nr; i++) {
		/* after another choice it is another operation */
		if (v[i].thread == first->thread)
			return operation_same(&v[i], first) ? i + 1 : 0;
		if (operation_depends(&v[i], first))
			return 0;
	}
	return nr + 1;
}

/*
 * Add v below a list of plans, unless one of them is, or becomes, equivalent to
 * a beginning of it.  v is used up.
 */
void plan_insert(struct executions *x, struct plan **list,
			struct operation *v, size_t nr)
{
	while (*list) {
		struct plan *plan = *list;
		size_t place = plan_weak_initial(v, nr, &plan->op);

		/* a wait that v does not have may never come true there */
		if (!place || (plan->op.waits && place > nr)) {
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
	for (size_t i = 0; i < nr; i++) {
		*list = plan_new(x, &v[i]);
		list = &(*list)->children;
	}
}

static bool plan_fits(const struct plan *plan)
{
	struct operation op = operation_at(plan->op.thread);

	return world->threads[plan->op.thread].status == THREAD_READY &&
	       operation_same(&op, &plan->op);
}

/*
 * Plans are made for what threads will do; a choice between may make them do
 * something else.  Drop those that are for another choice.
 */
void plan_prune(struct executions *x, struct plan **list)
{
	while (*list) {
		struct plan *plan = *list;

		if (plan_fits(plan)) {
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
