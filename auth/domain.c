/* domain_add, domain_rm. */
#include "auth/change.h"

/* ---- add */

static void
domain_done(void *arg, enum engine_status status)
{
	struct change *c = arg;

	if (change_durable(status)) {
		domain_live(&auth.dir, c->domain);
		change_note(c, "domain added");
		change_end(c, WIRE_OK, NULL);
	} else {
		domain_leave(&auth.dir, c->domain);
		change_end(c, WIRE_AGAIN, NULL);
	}
}

static void
domain_commit(struct change *c, struct slice domain)
{
	struct txn *t = change_txn();
	struct buf key = { 0 }, value = { 0 };

	c->domain = domain_enter(&auth.dir, domain);
	row_key(&key, ROW_DOMAIN, domain);
	row_domain_put(&value);
	change_put(t, &key, &value);
	buf_free(&key);
	buf_free(&value);
	txn_commit(t, domain_done, c);
}

static void
serve_domain_add(struct request *r)
{
	struct slice domain;
	struct name name;

	if (!addr_domain(&r->arena, REQUEST(domain_add, r)->name,
	    ADDR_MAY_UTF8, &domain) ||
	    !name_make(&name, slice_of("", 0), domain))
		answer(r, WIRE_BAD, NULL);
	else if (directory_domain(&auth.dir, domain) != NULL)
		answer(r, WIRE_CLASH, NULL);
	else
		domain_commit(change_new(r, &name), domain);
}

/* ---- rm */

static void
rm_done(void *arg, enum engine_status status)
{
	struct change *c = arg;
	struct domain_rm_out out = { 0 };

	c->domain->changing = false;
	if (!change_durable(status)) {
		change_end(c, WIRE_AGAIN, NULL);
		return;
	}
	domain_gone(&auth.dir, c->domain);
	change_note(c, "domain removed");
	change_end(c, WIRE_OK, &out);
}

static void
rm_commit(struct change *c, struct domain *domain)
{
	struct txn *t = change_txn();
	struct buf key = { 0 };

	c->domain = domain;
	domain->changing = true;
	row_key(&key, ROW_DOMAIN, domain->name);
	change_del(t, &key);
	buf_free(&key);
	txn_commit(t, rm_done, c);
}

static const char *
plural(uint64_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}

/* Whose mail would be gone with it is for the admin to say, one by one. */
static void
serve_domain_rm(struct request *r)
{
	struct domain *domain = NULL;
	struct domain_rm_out out;
	struct slice text;
	struct name name;

	if (addr_domain(&r->arena, REQUEST(domain_rm, r)->name, ADDR_MAY_UTF8,
	    &text))
		domain = directory_domain(&auth.dir, text);
	if (domain == NULL || !domain->live)
		answer(r, WIRE_NONE, NULL);
	else if (domain->changing || !name_make(&name, slice_of("", 0), text))
		answer(r, WIRE_AGAIN, NULL);
	else if (domain->names > 0) {
		out = (struct domain_rm_out){ .why = slice_str(arena_printf(
		    &r->arena, "it still has %llu mailbox%s and %llu alias%s",
		    (unsigned long long)domain->users,
		    plural(domain->users, "", "es"),
		    (unsigned long long)domain->aliases,
		    plural(domain->aliases, "", "es"))) };
		answer(r, WIRE_OK, &out);
	} else
		rm_commit(change_new(r, &name), domain);
}

void
domain_serve(void)
{
	serve(WIRE_domain_add, serve_domain_add);
	serve(WIRE_domain_rm, serve_domain_rm);
}
