/*
 * What ctl changes.  Each change is one txn, answered when it is durable;
 * many may be under way at once, and share a sync (the engine's groups).
 *
 * A refusal that is the admin's to mend is a reason in words, `why`.
 */
#include "auth/auth.h"

#include <stdlib.h>
#include <string.h>

#include "auth/password.h"
#include "auth/remember.h"
#include "auth/session.h"
#include "common/core/log.h"

struct change {
	struct password_job job;
	struct request	*r;
	struct name	 name;
	uint64_t	 number;	/* user_passwd: whose */
	struct domain	*domain;	/* what is entered and not yet live */
	struct user	*user;
	struct alias	*alias;
	bool		 itself;	/* alias_add: among its targets */
};

static struct change *
change_new(struct request *r, const struct name *name)
{
	struct change *c = mem_zero(sizeof *c);

	c->r = r;
	c->name = *name;
	busy_begin();
	return c;
}

static void
change_end(struct change *c, enum wire_status status, const void *out)
{
	answer(c->r, status, out);
	mem_wipe(&c->job, sizeof c->job);
	free(c);
	busy_end();
}

/* True if it is durable.  If there was no room nothing changed; anything
   else leaves us not knowing what the rows say, so we read them again. */
static bool
is_durable(enum engine_status status)
{
	if (status != ENGINE_OK && status != ENGINE_FULL)
		fatal("a change of the accounts was lost");
	return status == ENGINE_OK;
}

static void
note(const struct change *c, const char *what)
{
	auth.counts.changes++;
	LOG(account_changed, .what = slice_str(what),
	    .address = name_text(&c->r->arena, name_view(&c->name)));
}

static void
put(struct txn *t, const struct buf *key, const struct buf *value)
{
	txn_put(t, ENGINE_ROWS, buf_view(key), buf_view(value), 0);
}

/* ---- domains */

static void
domain_done(void *arg, enum engine_status status)
{
	struct change *c = arg;

	if (is_durable(status)) {
		domain_live(&auth.dir, c->domain);
		note(c, "domain added");
		change_end(c, WIRE_OK, NULL);
	} else {
		domain_leave(&auth.dir, c->domain);
		change_end(c, WIRE_AGAIN, NULL);
	}
}

static void
domain_commit(struct change *c, struct slice domain)
{
	struct txn *t = txn_begin(auth.engine, ROWS_UNIT);
	struct buf key = { 0 }, value = { 0 };

	c->domain = domain_enter(&auth.dir, domain);
	row_key(&key, ROW_DOMAIN, domain);
	row_domain_put(&value);
	put(t, &key, &value);
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

/* ---- users */

static const char	mailbox_exists[] =
	    "there is a mailbox of this name already";
static const char	alias_exists[] =
	    "there is an alias of this name already";
static const char	mailbox_hidden[] =
	    "there is a mailbox of this name: name it as a target too, and "
	    "it keeps its copy";

static bool
is_taken(const char *why)
{
	return why == mailbox_exists || why == alias_exists ||
	    why == mailbox_hidden;
}

static bool
is_mailbox(const struct name *name)
{
	return directory_user(&auth.dir, name_view(name)) != NULL;
}

/* Why there can be no new user or alias of this name; NULL: there can.  An
   alias may have the name of a mailbox (targets_refused). */
static const char *
name_refused(const struct name *name, bool alias, struct domain **domain)
{
	struct slice s = name_view(name);

	*domain = directory_domain(&auth.dir, name_domain(s));
	if (*domain == NULL || !(*domain)->live)
		return "its domain is not ours: add the domain first";
	if (!alias && is_mailbox(name))
		return mailbox_exists;
	if (directory_alias(&auth.dir, s) != NULL)
		return alias_exists;
	return NULL;
}

static void
user_refused(struct change *c, const char *why)
{
	struct user_add_out out = { .why = slice_str(why),
		.exists = is_taken(why) };

	change_end(c, WIRE_OK, &out);
}

static void
user_done(void *arg, enum engine_status status)
{
	struct change *c = arg;
	struct user_add_out out = { 0 };

	if (is_durable(status)) {
		out.user = c->user->row.number;
		user_live(&auth.dir, c->user);
		note(c, "user added");
		change_end(c, WIRE_OK, &out);
	} else {
		user_leave(&auth.dir, c->user);
		change_end(c, WIRE_AGAIN, NULL);
	}
}

static void
password_put(struct txn *t, uint64_t user, const char *hash)
{
	struct buf key = { 0 }, value = { 0 };

	row_password_key(&key, user);
	row_password_put(&value, slice_str(hash));
	put(t, &key, &value);
	buf_free(&key);
	buf_free(&value);
}

/* The user, the password and the highest number, or nothing of it. */
static void
user_commit(struct change *c, struct domain *domain)
{
	struct row_user row = { .number = auth.dir.last + 1,
		.limit = REQUEST(user_add, c->r)->limit };
	struct txn *t = txn_begin(auth.engine, ROWS_UNIT);
	struct buf key = { 0 }, value = { 0 };

	row.shard = (uint32_t)(row.number % auth.shards);
	c->user = user_enter(&auth.dir, domain, name_view(&c->name), &row);
	user_hash(c->user, slice_str(c->job.hash));
	row_key(&key, ROW_USER, name_view(&c->name));
	row_user_put(&value, &row);
	put(t, &key, &value);
	row_key(&key, ROW_LAST, slice_of("", 0));
	row_last_put(&value, row.number);
	put(t, &key, &value);
	password_put(t, row.number, c->job.hash);
	buf_free(&key);
	buf_free(&value);
	txn_commit(t, user_done, c);
}

static void
user_hashed(struct password_job *j)
{
	struct change *c = CONTAINER(j, struct change, job);
	struct domain *domain;
	const char *why;

	mem_wipe(j->password, sizeof j->password);
	/* Somebody else may have taken the name meanwhile. */
	if ((why = name_refused(&c->name, false, &domain)) != NULL)
		user_refused(c, why);
	else if (!j->good)
		change_end(c, WIRE_AGAIN, NULL);
	else
		user_commit(c, domain);
}

/* A password that is being hashed; the frame keeps no copy. */
static void
hash(struct change *c, struct slice password,
    void (*done)(struct password_job *))
{
	password_copy(&c->job, password);
	mem_wipe((void *)(uintptr_t)password.p, password.n);
	c->job.done = done;
	password_make(&c->job);
}

static void
serve_user_add(struct request *r)
{
	const struct user_add_in *in = REQUEST(user_add, r);
	struct domain *domain;
	struct name name = { 0 };
	bool good = address_name(&r->arena, in->address, false, &name);
	struct change *c = change_new(r, &name);
	const char *why = good ? name_refused(&name, false, &domain) :
	    "this is not an address";

	if (why != NULL)
		user_refused(c, why);
	else if (in->password.n == 0 && hash_is_known(in->hash)) {
		memcpy(c->job.hash, in->hash.p, in->hash.n);
		user_commit(c, domain);
	} else if (in->password.n == 0 && in->hash.n > 0)
		user_refused(c, "crypt(5) does not know such a hash");
	else if (!password_is_possible(in->password))
		user_refused(c, "the password is empty, longer than 511 bytes, "
		    "or has a NUL in it");
	else
		hash(c, in->password, user_hashed);
}

static void
passwd_done(void *arg, enum engine_status status)
{
	struct change *c = arg;
	struct user *u = directory_number(&auth.dir, c->number);

	if (!is_durable(status)) {
		change_end(c, WIRE_AGAIN, NULL);
		return;
	}
	if (u != NULL) {
		user_hash(u, slice_str(c->job.hash));
		remember_drop(u);
		session_revoke(u);
	}
	note(c, "new password");
	change_end(c, WIRE_OK, NULL);
}

static void
passwd_hashed(struct password_job *j)
{
	struct change *c = CONTAINER(j, struct change, job);
	struct txn *t;

	mem_wipe(j->password, sizeof j->password);
	if (directory_number(&auth.dir, c->number) == NULL)
		change_end(c, WIRE_NONE, NULL);
	else if (!j->good)
		change_end(c, WIRE_AGAIN, NULL);
	else {
		t = txn_begin(auth.engine, ROWS_UNIT);
		password_put(t, c->number, j->hash);
		txn_commit(t, passwd_done, c);
	}
}

static void
serve_user_passwd(struct request *r)
{
	const struct user_passwd_in *in = REQUEST(user_passwd, r);
	struct user *u = NULL;
	struct change *c;
	struct name name;

	if (address_name(&r->arena, in->address, false, &name))
		u = directory_user(&auth.dir, name_view(&name));
	if (u == NULL || !u->live)
		answer(r, WIRE_NONE, NULL);
	else if (!password_is_possible(in->password))
		answer(r, WIRE_BAD, NULL);
	else {
		c = change_new(r, &name);
		c->number = u->row.number;
		hash(c, in->password, passwd_hashed);
	}
}

/* ---- aliases */

static void
alias_refused(struct change *c, const char *why)
{
	struct alias_add_out out = { .why = slice_str(why),
		.exists = is_taken(why) };

	change_end(c, WIRE_OK, &out);
}

static void
alias_done(void *arg, enum engine_status status)
{
	struct change *c = arg;

	if (is_durable(status)) {
		alias_live(&auth.dir, c->alias);
		note(c, "alias added");
		alias_refused(c, "");
	} else {
		alias_leave(&auth.dir, c->alias);
		change_end(c, WIRE_AGAIN, NULL);
	}
}

/* Why mail cannot go to this target; NULL: it can.  *text: as we write it. */
static const char *
target_refused(struct change *c, struct slice target, struct slice *text)
{
	struct arena *arena = &c->r->arena;
	struct place p;
	struct addr a;
	struct name name;

	if (!address_read(arena, target, &a) || a.domain.n == 0 ||
	    !name_make(&name, a.local, a.domain))
		return arena_printf(arena, "%.*s is not an address",
		    (int)target.n, target.p);
	*text = addr_text(arena, &a);
	p = place_find(&auth.dir, &auth.rules, arena, &a);
	if (slice_eq(name_view(&name), name_view(&c->name))) {
		if (!is_mailbox(&name))
			return "it cannot lead to itself";
		c->itself = true;
	}
	if (p.kind == PLACE_NOWHERE)
		return arena_printf(arena, "there is no %.*s: add it first",
		    (int)text->n, text->p);
	return NULL;
}

static const char *
targets_refused(struct change *c, const struct alias_add_in *in,
    struct slice *targets)
{
	struct place list = { .kind = PLACE_LIST, .targets = targets,
		.n = in->n_targets };
	struct final *finals;
	const char *why;
	size_t n;

	if (in->n_targets == 0 || in->n_targets > ROW_TARGETS_MAX)
		return "it must lead to at least 1 and at most 1000 addresses";
	for (size_t i = 0; i < in->n_targets; i++) {
		why = target_refused(c, in->targets[i].address, &targets[i]);
		if (why != NULL)
			return why;
	}
	if (is_mailbox(&c->name) && !c->itself)
		return mailbox_hidden;
	if (!place_spread(&auth.dir, &auth.rules, &c->r->arena, &list, &finals,
	    &n))
		return "it would lead to too many addresses";
	if (c->itself && n == 1)
		return "it would lead to nobody else";
	return n == 0 ? "it would lead to nobody" : NULL;
}

static void
alias_commit(struct change *c, struct domain *domain,
    const struct slice *targets, size_t n)
{
	struct txn *t = txn_begin(auth.engine, ROWS_UNIT);
	struct buf key = { 0 }, value = { 0 };

	c->alias = alias_enter(&auth.dir, domain, name_view(&c->name), targets,
	    n);
	row_key(&key, ROW_ALIAS, name_view(&c->name));
	row_alias_put(&value, targets, n);
	put(t, &key, &value);
	buf_free(&key);
	buf_free(&value);
	txn_commit(t, alias_done, c);
}

static void
serve_alias_add(struct request *r)
{
	const struct alias_add_in *in = REQUEST(alias_add, r);
	struct slice *targets = arena_array(&r->arena, in->n_targets + 1,
	    sizeof *targets);
	struct domain *domain;
	struct name name = { 0 };
	bool good = address_name(&r->arena, in->address, true, &name);
	struct change *c = change_new(r, &name);
	const char *why = good ? name_refused(&name, true, &domain) :
	    "this is neither an address nor @domain";

	if (why == NULL)
		why = targets_refused(c, in, targets);
	if (why != NULL)
		alias_refused(c, why);
	else
		alias_commit(c, domain, targets, in->n_targets);
}

void
change_serve(void)
{
	serve(WIRE_domain_add, serve_domain_add);
	serve(WIRE_user_add, serve_user_add);
	serve(WIRE_user_passwd, serve_user_passwd);
	serve(WIRE_alias_add, serve_alias_add);
}
