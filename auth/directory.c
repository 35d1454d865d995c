#include "auth/directory.h"

#include <stdlib.h>
#include <string.h>

/* Room for a thing and for its name behind it. */
static void *
thing_new(size_t size, struct slice name, struct slice *copy)
{
	char *p = mem_zero(size + name.n + 1);

	memcpy(p + size, name.p, name.n);
	*copy = slice_of(p + size, name.n);
	return p;
}

static uint64_t
key_of(struct slice name)
{
	return map_hash(name.p, name.n);
}

/* ---- finding */

/* Two names may have one hash: those with the same key follow each other. */
#define FIND(map, wanted, type, member)					\
	uint64_t key = key_of(wanted);					\
	for (struct map_node *n = map_get(map, key); n != NULL;		\
	    n = n->next) {						\
		type *t = CONTAINER(n, type, member);			\
		if (n->key == key && slice_eq(t->name, wanted))		\
			return t;					\
	}								\
	return NULL

struct domain *
directory_domain(const struct directory *d, struct slice name)
{
	FIND(&d->domains, name, struct domain, node);
}

struct user *
directory_user(const struct directory *d, struct slice name)
{
	FIND(&d->users, name, struct user, by_name);
}

struct alias *
directory_alias(const struct directory *d, struct slice name)
{
	FIND(&d->aliases, name, struct alias, node);
}

struct user *
directory_number(const struct directory *d, uint64_t number)
{
	struct map_node *n = map_get(&d->numbers, number);

	return n == NULL ? NULL : CONTAINER(n, struct user, by_number);
}

/* ---- domains */

struct domain *
domain_enter(struct directory *d, struct slice name)
{
	struct slice copy;
	struct domain *o = thing_new(sizeof *o, name, &copy);

	o->name = copy;
	map_put(&d->domains, &o->node, key_of(copy));
	return o;
}

void
domain_live(struct directory *d, struct domain *o)
{
	o->live = true;
	d->n_domains++;
}

void
domain_leave(struct directory *d, struct domain *o)
{
	map_del(&d->domains, &o->node);
	free(o);
}

void
domain_gone(struct directory *d, struct domain *o)
{
	d->n_domains--;
	domain_leave(d, o);
}

/* ---- users */

struct user *
user_enter(struct directory *d, struct domain *domain, struct slice name,
    const struct row_user *row)
{
	struct slice copy;
	struct user *u = thing_new(sizeof *u, name, &copy);

	u->name = copy;
	u->domain = domain;
	domain->names++;
	d->of_shard[row->shard]++;
	u->row = *row;
	list_init(&u->sessions);
	if (row->number > d->last)
		d->last = row->number;
	map_put(&d->users, &u->by_name, key_of(copy));
	map_put(&d->numbers, &u->by_number, row->number);
	return u;
}

/* Keeps the older of the two that take mail. */
static void
older(struct user **first, struct user *u)
{
	if (!u->row.disabled &&
	    (*first == NULL || u->row.number < (*first)->row.number))
		*first = u;
}

void
user_live(struct directory *d, struct user *u)
{
	u->live = true;
	u->domain->users++;
	d->n_users++;
	older(&u->domain->first, u);
	older(&d->first, u);
}

struct search {
	struct directory *d;
	struct domain	*domain;
};

static void
older_of_both(struct map_node *n, void *arg)
{
	struct user *u = CONTAINER(n, struct user, by_number);
	struct search *s = arg;

	if (!u->live)
		return;
	if (u->domain == s->domain)
		older(&s->domain->first, u);
	older(&s->d->first, u);
}

/* u takes no mail any more: who is the oldest now?  It is rare that it was u,
   so all are looked at. */
static void
younger(struct directory *d, const struct user *u)
{
	struct search s = { d, u->domain };

	if (d->first != u && u->domain->first != u)
		return;
	d->first = u->domain->first = NULL;
	map_each(&d->numbers, older_of_both, &s);
}

void
user_disable(struct directory *d, struct user *u, bool disabled)
{
	u->row.disabled = disabled;
	if (disabled)
		younger(d, u);
	else {
		older(&u->domain->first, u);
		older(&d->first, u);
	}
}

void
user_gone(struct directory *d, struct user *u)
{
	u->live = false;
	u->domain->users--;
	d->n_users--;
	younger(d, u);
	user_leave(d, u);
}

static void
user_free(struct user *u)
{
	free(u->hash);
	free(u);
}

void
user_leave(struct directory *d, struct user *u)
{
	map_del(&d->users, &u->by_name);
	map_del(&d->numbers, &u->by_number);
	u->domain->names--;
	d->of_shard[u->row.shard]--;
	user_free(u);
}

void
user_hash(struct user *u, struct slice hash)
{
	free(u->hash);
	u->hash = mem_str(hash);
}

/* ---- aliases */

/* Their texts lie behind them. */
static struct slice *
targets_copy(const struct slice *targets, size_t n)
{
	struct slice *copy;
	size_t bytes = 0;
	char *p;

	for (size_t i = 0; i < n; i++)
		bytes += targets[i].n;
	copy = mem_alloc(n * sizeof *copy + bytes + 1);
	p = (char *)(copy + n);
	for (size_t i = 0; i < n; p += targets[i++].n) {
		memcpy(p, targets[i].p, targets[i].n);
		copy[i] = slice_of(p, targets[i].n);
	}
	return copy;
}

struct alias *
alias_enter(struct directory *d, struct domain *domain, struct slice name,
    const struct slice *targets, size_t n)
{
	struct slice copy;
	struct alias *a = thing_new(sizeof *a, name, &copy);

	a->name = copy;
	a->domain = domain;
	domain->names++;
	a->targets = targets_copy(targets, n);
	a->n = n;
	map_put(&d->aliases, &a->node, key_of(copy));
	return a;
}

void
alias_retarget(struct alias *a, const struct slice *targets, size_t n)
{
	struct slice *copy = targets_copy(targets, n);

	free(a->targets);
	a->targets = copy;
	a->n = n;
}

void
alias_live(struct directory *d, struct alias *a)
{
	a->live = true;
	a->domain->aliases++;
	d->n_aliases++;
}

static void
alias_free(struct alias *a)
{
	free(a->targets);
	free(a);
}

void
alias_leave(struct directory *d, struct alias *a)
{
	map_del(&d->aliases, &a->node);
	a->domain->names--;
	alias_free(a);
}

void
alias_gone(struct directory *d, struct alias *a)
{
	a->domain->aliases--;
	d->n_aliases--;
	alias_leave(d, a);
}

/* ---- death */

static void
free_domain(struct map_node *n, void *arg)
{
	(void)arg;
	free(CONTAINER(n, struct domain, node));
}

static void
free_user(struct map_node *n, void *arg)
{
	(void)arg;
	user_free(CONTAINER(n, struct user, by_name));
}

static void
free_alias(struct map_node *n, void *arg)
{
	(void)arg;
	alias_free(CONTAINER(n, struct alias, node));
}

void
directory_free(struct directory *d)
{
	map_each(&d->domains, free_domain, NULL);
	map_each(&d->users, free_user, NULL);
	map_each(&d->aliases, free_alias, NULL);
	map_free(&d->domains);
	map_free(&d->users);
	map_free(&d->numbers);
	map_free(&d->aliases);
	mem_wipe(&d->srs, sizeof d->srs);
	*d = (struct directory){ 0 };
}
