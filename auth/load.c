/* The directory from its rows, at start. */
#include "auth/directory.h"

#include "common/core/log.h"

/* Takes one row; false: it cannot be read, or names what is not there. */
typedef bool load_row(struct directory *, struct slice key, struct slice value);

struct load {
	struct directory *d;
	load_row	*row;
};

static bool
load_domain(struct directory *d, struct slice key, struct slice value)
{
	struct slice name;

	if (!row_about(key, ROW_DOMAIN, &name) || !row_domain_get(value))
		return false;
	domain_live(d, domain_enter(d, name));
	return true;
}

static bool
load_user(struct directory *d, struct slice key, struct slice value)
{
	struct domain *domain;
	struct row_user row;
	struct slice name;

	if (!row_about(key, ROW_USER, &name) || !row_user_get(value, &row) ||
	    (domain = directory_domain(d, name_domain(name))) == NULL ||
	    directory_number(d, row.number) != NULL)
		return false;
	user_live(d, user_enter(d, domain, name, &row));
	return true;
}

static bool
load_password(struct directory *d, struct slice key, struct slice value)
{
	struct user *u;
	struct slice hash;
	uint64_t number;

	if (!row_password_about(key, &number) ||
	    !row_password_get(value, &hash) ||
	    (u = directory_number(d, number)) == NULL)
		return false;
	user_hash(u, hash);
	return true;
}

static bool
load_alias(struct directory *d, struct slice key, struct slice value)
{
	static struct slice targets[ROW_TARGETS_MAX];
	struct domain *domain;
	struct slice name;
	size_t n;

	if (!row_about(key, ROW_ALIAS, &name) ||
	    !row_alias_get(value, targets, &n) ||
	    (domain = directory_domain(d, name_domain(name))) == NULL)
		return false;
	alias_live(d, alias_enter(d, domain, name, targets, n));
	return true;
}

static bool
load_last(struct directory *d, struct slice key, struct slice value)
{
	uint64_t last;

	(void)key;
	if (!row_last_get(value, &last))
		return false;
	if (last > d->last)
		d->last = last;
	return true;
}

static bool
load_secret(struct directory *d, struct slice key, struct slice value)
{
	(void)key;
	d->has_srs = row_secret_get(value, &d->srs);
	return d->has_srs;
}

static bool
load_one(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	const struct load *l = arg;

	(void)blob;
	if (!l->row(l->d, key, value))
		LOG(account_unreadable, .row = slice_drop(key, 8));
	return true;
}

void
directory_load(struct directory *d, struct engine *e)
{
	static const struct {
		enum row_table table;
		load_row *row;
	} tables[] = {	/* what a row names comes before it */
		{ ROW_DOMAIN, load_domain }, { ROW_USER, load_user },
		{ ROW_PASSWORD, load_password }, { ROW_ALIAS, load_alias },
		{ ROW_LAST, load_last }, { ROW_SECRET, load_secret },
	};
	struct buf from = { 0 }, to = { 0 };

	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		struct load l = { d, tables[i].row };
		enum engine_status status;

		row_range(&from, &to, tables[i].table, slice_of("", 0));
		status = engine_scan(e, ENGINE_ROWS, buf_view(&from),
		    buf_view(&to), load_one, &l);
		if (status != ENGINE_OK && status != ENGINE_NONE)
			fatal("the accounts cannot be read");
	}
	buf_free(&from);
	buf_free(&to);
}
