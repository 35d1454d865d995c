/* user_add, user_passwd, user_set, user_rm. */
#include "auth/change.h"

#include <string.h>

#include "auth/gone.h"
#include "auth/remember.h"
#include "auth/session.h"
#include "auth/shard.h"

/* ---- add */

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

	if (change_durable(status)) {
		out.user = c->user->row.number;
		user_live(&auth.dir, c->user);
		change_note(c, "user added");
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
	change_put(t, &key, &value);
	buf_free(&key);
	buf_free(&value);
}

/* The user, the password and the highest number, or nothing of it. */
static void
user_commit(struct change *c, struct domain *domain)
{
	struct row_user row = { .number = auth.dir.last + 1,
		.limit = REQUEST(user_add, c->r)->limit };
	struct txn *t = change_txn();
	struct buf key = { 0 }, value = { 0 };

	row.shard = shard_emptiest(&auth.dir, auth.shards);
	c->user = user_enter(&auth.dir, domain, name_view(&c->name), &row);
	user_hash(c->user, slice_str(c->job.hash));
	row_key(&key, ROW_USER, name_view(&c->name));
	row_user_put(&value, &row);
	change_put(t, &key, &value);
	row_key(&key, ROW_LAST, slice_of("", 0));
	row_last_put(&value, row.number);
	change_put(t, &key, &value);
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

/* ---- passwd */

static struct user *
user_named(struct request *r, struct slice address, struct name *name)
{
	struct user *u = NULL;

	if (address_name(&r->arena, address, false, name))
		u = directory_user(&auth.dir, name_view(name));
	return u != NULL && u->live ? u : NULL;
}

static void
passwd_done(void *arg, enum engine_status status)
{
	struct change *c = arg;
	struct user *u = directory_number(&auth.dir, c->number);

	if (!change_durable(status)) {
		change_end(c, WIRE_AGAIN, NULL);
		return;
	}
	if (u != NULL) {
		user_hash(u, slice_str(c->job.hash));
		remember_drop(u);
		session_revoke(u);
	}
	change_note(c, "new password");
	change_end(c, WIRE_OK, NULL);
}

static void
passwd_hashed(struct password_job *j)
{
	struct change *c = CONTAINER(j, struct change, job);
	struct user *u = directory_number(&auth.dir, c->number);
	struct txn *t;

	mem_wipe(j->password, sizeof j->password);
	if (u == NULL)
		change_end(c, WIRE_NONE, NULL);
	else if (u->changing || !j->good)
		change_end(c, WIRE_AGAIN, NULL);
	else {
		t = change_txn();
		password_put(t, c->number, j->hash);
		txn_commit(t, passwd_done, c);
	}
}

static void
serve_user_passwd(struct request *r)
{
	const struct user_passwd_in *in = REQUEST(user_passwd, r);
	struct change *c;
	struct name name;
	struct user *u = user_named(r, in->address, &name);

	if (u == NULL)
		answer(r, WIRE_NONE, NULL);
	else if (!password_is_possible(in->password))
		answer(r, WIRE_BAD, NULL);
	else {
		c = change_new(r, &name);
		c->number = u->row.number;
		hash(c, in->password, passwd_hashed);
	}
}

/* ---- set */

static void
set_done(void *arg, enum engine_status status)
{
	struct change *c = arg;
	struct user *u = c->user;

	u->changing = false;
	if (!change_durable(status)) {
		change_end(c, WIRE_AGAIN, NULL);
		return;
	}
	u->row.limit = c->row.limit;
	if (c->row.disabled != u->row.disabled) {
		user_disable(&auth.dir, u, c->row.disabled);
		remember_drop(u);
	}
	if (u->row.disabled)
		session_revoke(u);
	change_note(c, u->row.disabled ? "user set, disabled" : "user set");
	change_end(c, WIRE_OK, NULL);
}

static void
set_commit(struct change *c, struct user *u, const struct user_set_in *in)
{
	struct txn *t = change_txn();
	struct buf key = { 0 }, value = { 0 };

	c->user = u;
	c->row = u->row;
	u->changing = true;
	if ((in->set & USER_LIMIT) != 0)
		c->row.limit = in->limit;
	if ((in->set & (USER_ENABLED | USER_DISABLED)) != 0)
		c->row.disabled = (in->set & USER_DISABLED) != 0;
	row_key(&key, ROW_USER, u->name);
	row_user_put(&value, &c->row);
	change_put(t, &key, &value);
	buf_free(&key);
	buf_free(&value);
	txn_commit(t, set_done, c);
}

static void
serve_user_set(struct request *r)
{
	const struct user_set_in *in = REQUEST(user_set, r);
	const uint8_t both = USER_ENABLED | USER_DISABLED;
	struct name name;
	struct user *u = user_named(r, in->address, &name);

	if (in->set == 0 || in->set > (USER_LIMIT | both) ||
	    (in->set & both) == both)
		answer(r, WIRE_BAD, NULL);
	else if (u == NULL)
		answer(r, WIRE_NONE, NULL);
	else if (u->changing)
		answer(r, WIRE_AGAIN, NULL);
	else
		set_commit(change_new(r, &name), u, in);
}

/* ---- rm */

static void
rm_done(void *arg, enum engine_status status)
{
	struct change *c = arg;
	struct user *u = c->user;
	struct row_user row = u->row;

	u->changing = false;
	if (!change_durable(status)) {
		change_end(c, WIRE_AGAIN, NULL);
		return;
	}
	remember_drop(u);
	session_revoke(u);
	user_gone(&auth.dir, u);
	change_note(c, "user removed");
	gone_drop(row.number, row.shard, c);
}

/* That its mail is to follow is part of it: if we or the store end meanwhile,
   it is still known. */
static void
rm_commit(struct change *c, struct user *u)
{
	struct txn *t = change_txn();
	struct buf key = { 0 }, value = { 0 };

	c->user = u;
	u->changing = true;
	row_key(&key, ROW_USER, u->name);
	change_del(t, &key);
	row_password_key(&key, u->row.number);
	change_del(t, &key);
	row_gone_key(&key, u->row.number);
	row_gone_put(&value, u->row.shard);
	change_put(t, &key, &value);
	buf_free(&key);
	buf_free(&value);
	txn_small(t);
	txn_commit(t, rm_done, c);
}

static void
serve_user_rm(struct request *r)
{
	struct name name;
	struct user *u = user_named(r, REQUEST(user_rm, r)->address, &name);

	if (u == NULL)
		answer(r, WIRE_NONE, NULL);
	else if (u->changing)
		answer(r, WIRE_AGAIN, NULL);
	else
		rm_commit(change_new(r, &name), u);
}

void
user_serve(void)
{
	serve(WIRE_user_add, serve_user_add);
	serve(WIRE_user_passwd, serve_user_passwd);
	serve(WIRE_user_set, serve_user_set);
	serve(WIRE_user_rm, serve_user_rm);
}
