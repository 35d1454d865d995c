/*
 * list.h - intrusive lists, a heap and a hash map.
 *
 * All three link nodes that lie inside the things they hold, so nothing is
 * allocated to put a thing in or take it out, and a thing is in as many
 * lists as it has nodes.  CONTAINER gives the thing from its node.
 */
#ifndef CORE_LIST_H
#define CORE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTAINER(node, type, member) \
	((type *)(void *)((char *)(node) - offsetof(type, member)))

/* A ring with the head as one of its nodes.  A zeroed node is in no list;
   a head must be list_init'ed. */
struct node {
	struct node	*next, *prev;
};

#define LIST_EACH(n, head) \
	for (struct node *n = (head)->next, *n##_next = n->next; \
	    n != (head); n = n##_next, n##_next = n->next)

void		 list_init(struct node *head);
bool		 list_empty(const struct node *head);
void		 list_push(struct node *head, struct node *);	/* at the end */
void		 list_unshift(struct node *head, struct node *);
struct node	*list_pop(struct node *head);	/* the first, or NULL */
void		 list_del(struct node *);	/* no-op if in no list */
bool		 list_in(const struct node *);

/* A binary heap, smallest key first; equal keys in no promised order. */
struct heap_node {
	uint64_t	 key;
	size_t		 at;		/* 1-based place; 0: not in a heap */
};

struct heap {
	struct heap_node **v;
	size_t		 n, cap;
};

void		 heap_put(struct heap *, struct heap_node *, uint64_t key);
/* Nothing happens if it is not in it. */
void		 heap_del(struct heap *, struct heap_node *);
struct heap_node *heap_top(const struct heap *);	/* or NULL */
void		 heap_free(struct heap *);	/* the nodes are not touched */

/* A hash map from a 64-bit key to a node.  Keys need not be random; the
   same key may be put twice, map_get finds the newest. */
struct map_node {
	struct map_node	*next;
	uint64_t	 key;
};

struct map {
	struct map_node	**slots;
	size_t		 n, size;	/* size is 0 or a power of two */
};

void		 map_put(struct map *, struct map_node *, uint64_t key);
struct map_node	*map_get(const struct map *, uint64_t key);	/* or NULL */
void		 map_del(struct map *, struct map_node *);
/* Calls fn for each node; fn may delete the node it is given. */
void		 map_each(struct map *, void (*fn)(struct map_node *, void *),
		    void *);
void		 map_free(struct map *);	/* the nodes are not touched */
/* A well-mixed 64-bit hash of bytes, for keys that are text. */
uint64_t	 map_hash(const void *, size_t);

#endif
