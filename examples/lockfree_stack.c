// SPDX-License-Identifier: GPL-2.0-only
/* Treiber's stack.  The top is a tag and a node in one word; -DBROKEN has no
 * tag, so a node can be on top again with another one below it (ABA). */
#include <checker.h>

#ifdef BROKEN
#define NEW_TAG(top) 0
#else
#define NEW_TAG(top) (((top) | 0xff) + 1)
#endif
#define NODE(top) ((top) & 0xff)

static struct stack {
	uint64_t top, below[5], taken[5];	/* nodes 1 .. 4 */
} *stack;

static void setup(void *arg)
{
	stack = check_alloc(sizeof(*stack), "stack");
	*stack = (struct stack){ .top = 4, .below = { 0, 0, 1, 2, 3 } };
}

static void push(uint64_t node)
{
	uint64_t top = check_load(&stack->top);

	check_store(&stack->taken[node], 0);
	do
		check_store(&stack->below[node], NODE(top));
	while (!check_try_cmpxchg(&stack->top, &top, NEW_TAG(top) | node));
}

static uint64_t pop(void)
{
	uint64_t below, top = check_load(&stack->top);

	do
		below = check_load(&stack->below[NODE(top)]);
	while (!check_try_cmpxchg(&stack->top, &top, NEW_TAG(top) | below));
	check_assert(check_exchange(&stack->taken[NODE(top)], 1) == 0);
	return NODE(top);
}

static void thread(void *arg, unsigned int t)
{
	uint64_t first = pop();

	pop();
	if (t == 1)
		push(first);
}

int main(int argc, char **argv)
{
	struct check_program program = {
		.nr_threads = 2, .setup = setup, .thread = thread,
	};

	return check_main(argc, argv, &program);
}
