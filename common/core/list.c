#include "common/core/list.h"

void
list_init(struct node *head)
{
	head->next = head->prev = head;
}

bool
list_empty(const struct node *head)
{
	return head->next == head;
}

static void
insert_between(struct node *n, struct node *prev, struct node *next)
{
	n->prev = prev;
	n->next = next;
	prev->next = n;
	next->prev = n;
}

void
list_push(struct node *head, struct node *n)
{
	insert_between(n, head->prev, head);
}

void
list_unshift(struct node *head, struct node *n)
{
	insert_between(n, head, head->next);
}

struct node *
list_pop(struct node *head)
{
	struct node *n = head->next;

	if (n == head)
		return NULL;
	list_del(n);
	return n;
}

void
list_del(struct node *n)
{
	if (!list_in(n))
		return;
	n->prev->next = n->next;
	n->next->prev = n->prev;
	*n = (struct node){ 0 };
}

bool
list_in(const struct node *n)
{
	return n->next != NULL;
}
