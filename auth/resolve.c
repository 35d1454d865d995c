#include "auth/resolve.h"

#include "auth/forward.h"

/* ---- one step */

/* A user, an alias, or both, of just this name. */
static bool
find_exact(const struct directory *d, const struct name *name, struct place *p)
{
	struct user *u = directory_user(d, name_view(name));
	struct alias *a = directory_alias(d, name_view(name));

	if (a != NULL && a->live) {
		p->kind = PLACE_LIST;
		p->targets = a->targets;
		p->n = a->n;
	}
	if (u != NULL && u->live) {
		p->kind = PLACE_MAILBOX;
		p->user = u;
	}
	return p->kind != PLACE_NOWHERE;
}

static bool
find_detailed(const struct directory *d, const struct rules *rules,
    const struct addr *a, struct place *p)
{
	struct slice local, detail;
	struct name name;

	if (rules->separator == 0 ||
	    !addr_split(a->local, rules->separator, &local, &detail) ||
	    !name_make(&name, local, a->domain) || !find_exact(d, &name, p))
		return false;
	if (p->kind == PLACE_MAILBOX)
		p->detail = detail;
	return true;
}

static bool
is_role(const struct rules *rules, struct slice local)
{
	struct slice detail, whole = local;

	if (rules->separator == 0 ||
	    !addr_split(whole, rules->separator, &local, &detail))
		local = whole;
	return slice_ieq(local, SLICE("postmaster")) ||
	    slice_ieq(local, SLICE("abuse")) || slice_ieq(local, SLICE("root"));
}

/* Does the configured postmaster lead anywhere but back to `a`?  Its default
   is postmaster@ our server's name, which need not be a domain of ours.  The
   recursion ends: it comes back here at most once, with a == to. */
static bool
has_postmaster(const struct directory *d, const struct rules *rules,
    struct arena *arena, const struct addr *a)
{
	struct domain *domain;
	struct addr to;

	if (rules->postmaster.n == 0 ||
	    !address_read(arena, rules->postmaster, &to))
		return false;
	if (slice_ieq(to.local, a->local) && slice_eq(to.domain, a->domain))
		return false;
	domain = directory_domain(d, to.domain);
	if (domain == NULL || !domain->live)
		return !slice_ieq(to.domain, rules->server_name);
	return place_find(d, rules, arena, &to).kind != PLACE_NOWHERE;
}

static bool
find_role(const struct directory *d, const struct rules *rules,
    struct arena *arena, const struct addr *a, struct place *p)
{
	struct domain *domain = directory_domain(d, a->domain);

	if (!is_role(rules, a->local))
		return false;
	if (has_postmaster(d, rules, arena, a)) {
		p->kind = PLACE_LIST;
		p->targets = &rules->postmaster;
		p->n = 1;
		return true;
	}
	p->user = domain != NULL && domain->first != NULL ? domain->first :
	    d->first;
	if (p->user != NULL)
		p->kind = PLACE_MAILBOX;
	return p->user != NULL;
}

/* One that is forged or too old leads nowhere, also not to the catch-all. */
static bool
find_sender(const struct directory *d, struct arena *arena,
    const struct addr *a, struct place *p)
{
	struct slice *sender = arena_array(arena, 1, sizeof *sender);

	switch (forward_sender(d, arena, a, sender)) {
	case SRS_GOOD:
		p->kind = PLACE_LIST;
		p->targets = sender;
		p->n = 1;
		return true;
	case SRS_BAD:
		return true;
	default:
		return false;
	}
}

struct place
place_find(const struct directory *d, const struct rules *rules,
    struct arena *arena, const struct addr *a)
{
	struct place p = { .kind = PLACE_NOWHERE };
	struct domain *domain = directory_domain(d, a->domain);
	struct name name;

	if (a->domain.n == 0) {
		find_role(d, rules, arena, a, &p);
		return p;
	}
	if (domain == NULL || !domain->live) {
		p.kind = PLACE_REMOTE;
		return p;
	}
	if ((name_make(&name, a->local, a->domain) &&
	    find_exact(d, &name, &p)) ||
	    find_detailed(d, rules, a, &p) ||
	    find_role(d, rules, arena, a, &p) ||
	    find_sender(d, arena, a, &p))
		return p;
	if (name_make(&name, slice_of("", 0), a->domain))
		find_exact(d, &name, &p);
	return p;
}

/* ---- all steps */

/* An address that was met, in a queue of those to look at. */
struct met {
	struct map_node	 node;		/* by hash of its name */
	struct met	*next;
	struct addr	 addr;
	struct name	 name;
	struct place	 place;
};

struct spread {
	struct map	 met;
	struct met	*first, **last;
	struct arena	*arena;
};

static bool
was_met(const struct spread *s, const struct name *name, uint64_t key)
{
	for (struct map_node *n = map_get(&s->met, key); n != NULL; n = n->next)
		if (n->key == key && slice_eq(name_view(name),
		    name_view(&CONTAINER(n, struct met, node)->name)))
			return true;
	return false;
}

static bool
is_end(const struct met *m)
{
	return m->place.kind == PLACE_REMOTE ||
	    m->place.kind == PLACE_MAILBOX;
}

/* Queues the targets that were not met before; false: too many. */
static bool
meet(struct spread *s, const struct place *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct met *m = arena_alloc(s->arena, sizeof *m);
		uint64_t key;

		if (!address_read(s->arena, p->targets[i], &m->addr) ||
		    !name_make(&m->name, m->addr.local, m->addr.domain))
			continue;
		key = map_hash(m->name.text, m->name.n);
		if (was_met(s, &m->name, key))
			continue;
		if (s->met.n == SPREAD_MAX)
			return false;
		map_put(&s->met, &m->node, key);
		m->next = NULL;
		*s->last = m;
		s->last = &m->next;
	}
	return true;
}

/* Looks at everything in the queue, which grows meanwhile; counts the ends. */
static bool
spread_run(struct spread *s, const struct directory *d,
    const struct rules *rules, size_t *n)
{
	for (struct met *m = s->first; m != NULL; m = m->next) {
		m->place = place_find(d, rules, s->arena, &m->addr);
		if (!meet(s, &m->place))
			return false;
		if (is_end(m))
			++*n;
	}
	return true;
}

static struct final *
spread_ends(const struct spread *s, size_t n)
{
	struct final *ends = arena_array(s->arena, n, sizeof *ends);

	for (struct met *m = s->first; m != NULL; m = m->next)
		if (is_end(m))
			*ends++ = (struct final){ .place = m->place,
			    .address = addr_text(s->arena, &m->addr) };
	return ends - n;
}

bool
place_spread(const struct directory *d, const struct rules *rules,
    struct arena *arena, const struct place *from, struct final **finals,
    size_t *n)
{
	struct spread s = { .arena = arena };
	bool good;

	s.last = &s.first;
	*n = 0;
	good = meet(&s, from) && spread_run(&s, d, rules, n);
	if (!good)
		*n = 0;
	*finals = *n > 0 ? spread_ends(&s, *n) : NULL;
	map_free(&s.met);
	return good;
}
