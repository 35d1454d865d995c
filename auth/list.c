/* What ctl lists: pages of rows, in the order of names. */
#include "auth/auth.h"

#include <string.h>

#include "common/core/log.h"

enum {
	PAGE_ROWS = 1000,
	PAGE_BYTES = 256 * 1024,
};

/* A page being filled; rows is an array of the records asked for. */
struct page {
	struct request	*r;
	void		*rows;
	size_t		 n, bytes;
	bool		 more;
	bool		(*row)(struct page *, struct slice key,
			    struct slice value);
};

/* Is there room for one more row of so many bytes? */
static bool
room(struct page *p, size_t bytes)
{
	p->more = p->n == PAGE_ROWS ||
	    (p->n > 0 && p->bytes + bytes > PAGE_BYTES);
	p->bytes += bytes;
	return !p->more;
}

static bool
page_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct page *p = arg;

	(void)blob;
	return p->row(p, key, value);
}

/* Fills the page with rows of a table after this one. */
static void
fill(struct page *p, enum row_table table, struct slice after)
{
	struct buf from = { 0 }, to = { 0 };
	enum engine_status status;

	row_range(&from, &to, table, after);
	status = engine_scan(auth.engine, ENGINE_ROWS, buf_view(&from),
	    buf_view(&to), page_row, p);
	if (status != ENGINE_OK && status != ENGINE_NONE)
		fatal("the accounts cannot be read");
	buf_free(&from);
	buf_free(&to);
}

/* ---- domains */

static bool
domain_row(struct page *p, struct slice key, struct slice value)
{
	struct wire_domain *row = (struct wire_domain *)p->rows + p->n;
	const struct domain *d;
	struct slice name;

	(void)value;
	if (!row_about(key, ROW_DOMAIN, &name) ||
	    (d = directory_domain(&auth.dir, name)) == NULL)
		return true;
	if (!room(p, sizeof *row + name.n))
		return false;
	row->name = arena_slice(&p->r->arena, name);
	row->users = d->users;
	row->aliases = d->aliases;
	p->n++;
	return true;
}

static void
serve_domain_list(struct request *r)
{
	struct slice after = REQUEST(domain_list, r)->after;
	struct domain_list_out out = { 0 };
	struct page p = { .r = r, .row = domain_row };

	if (after.n > 0 && !addr_domain(&r->arena, after, ADDR_MAY_UTF8,
	    &after)) {
		answer(r, WIRE_BAD, NULL);
		return;
	}
	p.rows = out.domains = arena_array(&r->arena, PAGE_ROWS,
	    sizeof *out.domains);
	fill(&p, ROW_DOMAIN, after);
	out.n_domains = p.n;
	out.more = p.more;
	answer(r, WIRE_OK, &out);
}

/* ---- users and aliases */

/* The name to go on after: empty at the beginning; false: it is none. */
static bool
after_name(struct request *r, struct slice text, bool catch_all,
    struct name *name)
{
	name->n = 0;
	return text.n == 0 || address_name(&r->arena, text, catch_all, name);
}

static bool
user_row(struct page *p, struct slice key, struct slice value)
{
	struct wire_user *row = (struct wire_user *)p->rows + p->n;
	struct row_user u;
	struct slice name;

	if (!row_about(key, ROW_USER, &name) || !row_user_get(value, &u))
		return true;
	if (!room(p, sizeof *row + name.n))
		return false;
	row->address = name_text(&p->r->arena, name);
	row->user = u.number;
	row->limit = u.limit;
	row->shard = u.shard;
	row->disabled = u.disabled;
	p->n++;
	return true;
}

static void
serve_user_list(struct request *r)
{
	struct user_list_out out = { 0 };
	struct page p = { .r = r, .row = user_row };
	struct name after;

	if (!after_name(r, REQUEST(user_list, r)->after, false, &after)) {
		answer(r, WIRE_BAD, NULL);
		return;
	}
	p.rows = out.users = arena_array(&r->arena, PAGE_ROWS,
	    sizeof *out.users);
	fill(&p, ROW_USER, name_view(&after));
	out.n_users = p.n;
	out.more = p.more;
	answer(r, WIRE_OK, &out);
}

static bool
alias_row(struct page *p, struct slice key, struct slice value)
{
	struct wire_alias *row = (struct wire_alias *)p->rows + p->n;
	static struct slice targets[ROW_TARGETS_MAX];
	struct slice name;
	size_t n;

	if (!row_about(key, ROW_ALIAS, &name) ||
	    !row_alias_get(value, targets, &n))
		return true;
	if (!room(p, sizeof *row + name.n + value.n +
	    n * sizeof *row->targets))
		return false;
	row->address = name_text(&p->r->arena, name);
	row->targets = arena_array(&p->r->arena, n, sizeof *row->targets);
	row->n_targets = n;
	for (size_t i = 0; i < n; i++)
		row->targets[i].address = arena_slice(&p->r->arena,
		    targets[i]);
	p->n++;
	return true;
}

static void
serve_alias_list(struct request *r)
{
	struct alias_list_out out = { 0 };
	struct page p = { .r = r, .row = alias_row };
	struct name after;

	if (!after_name(r, REQUEST(alias_list, r)->after, true, &after)) {
		answer(r, WIRE_BAD, NULL);
		return;
	}
	p.rows = out.aliases = arena_array(&r->arena, PAGE_ROWS,
	    sizeof *out.aliases);
	fill(&p, ROW_ALIAS, name_view(&after));
	out.n_aliases = p.n;
	out.more = p.more;
	answer(r, WIRE_OK, &out);
}

void
list_serve(void)
{
	serve(WIRE_domain_list, serve_domain_list);
	serve(WIRE_user_list, serve_user_list);
	serve(WIRE_alias_list, serve_alias_list);
}
