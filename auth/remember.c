#include "auth/remember.h"

#include <stdlib.h>
#include <string.h>

#include "auth/secret.h"

struct remembered {
	struct node	 node;		/* oldest first */
	struct user	*user;
	uint64_t	 until;
	unsigned char	 proof[SECRET_HASH];
};

static struct node	 all;
static size_t		 n_all;

static void
proof_make(const struct user *u, struct slice password,
    unsigned char proof[SECRET_HASH])
{
	secret_hash((struct slice[]){ SLICE("remember"),
	    slice_of(&u->row.number, sizeof u->row.number),
	    slice_str(u->hash), password }, 4, proof);
}

void
remember_drop(struct user *u)
{
	struct remembered *m = u->remembered;

	if (m == NULL)
		return;
	list_del(&m->node);
	n_all--;
	mem_wipe(m, sizeof *m);
	free(m);
	u->remembered = NULL;
}

static struct remembered *
oldest(void)
{
	return CONTAINER(all.next, struct remembered, node);
}

void
remember_drop_all(void)
{
	while (n_all > 0)
		remember_drop(oldest()->user);
}

bool
remember_knows(struct user *u, struct slice password, uint64_t now)
{
	unsigned char proof[SECRET_HASH];

	if (u->remembered == NULL || u->hash == NULL ||
	    u->remembered->until <= now)
		return false;
	proof_make(u, password, proof);
	return mem_same(proof, u->remembered->proof, sizeof proof);
}

void
remember_add(struct user *u, struct slice password, uint64_t now)
{
	struct remembered *m;

	if (all.next == NULL)
		list_init(&all);
	remember_drop(u);
	while (n_all > 0 && (n_all >= REMEMBER_MAX || oldest()->until <= now))
		remember_drop(oldest()->user);
	m = mem_zero(sizeof *m);
	m->user = u;
	m->until = now + REMEMBER_MS;
	proof_make(u, password, m->proof);
	list_push(&all, &m->node);
	n_all++;
	u->remembered = m;
}
