/* alias_add, which also sets, and alias_rm. */
#include "auth/change.h"

/* ---- add, set */

static void
alias_refused(struct change *c, const char *why)
{
	struct alias_add_out out = { .why = slice_str(why),
		.exists = is_taken(why) };

	change_end(c, WIRE_OK, &out);
}

static void
add_done(void *arg, enum engine_status status)
{
	struct change *c = arg;

	if (change_durable(status)) {
		alias_live(&auth.dir, c->alias);
		change_note(c, "alias added");
		alias_refused(c, "");
	} else {
		alias_leave(&auth.dir, c->alias);
		change_end(c, WIRE_AGAIN, NULL);
	}
}

static void
set_done(void *arg, enum engine_status status)
{
	struct change *c = arg;

	c->alias->changing = false;
	if (change_durable(status)) {
		alias_retarget(c->alias, c->targets, c->n);
		change_note(c, "alias set");
		alias_refused(c, "");
	} else
		change_end(c, WIRE_AGAIN, NULL);
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
targets_refused(struct change *c, const struct alias_add_in *in)
{
	struct place list = { .kind = PLACE_LIST, .targets = c->targets,
		.n = in->n_targets };
	struct final *finals;
	const char *why;
	size_t n;

	if (in->n_targets == 0 || in->n_targets > ROW_TARGETS_MAX)
		return "it must lead to at least 1 and at most 1000 addresses";
	for (size_t i = 0; i < in->n_targets; i++) {
		why = target_refused(c, in->targets[i].address, &c->targets[i]);
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
put_commit(struct change *c, engine_done *done)
{
	struct txn *t = change_txn();
	struct buf key = { 0 }, value = { 0 };

	row_key(&key, ROW_ALIAS, name_view(&c->name));
	row_alias_put(&value, c->targets, c->n);
	change_put(t, &key, &value);
	buf_free(&key);
	buf_free(&value);
	txn_commit(t, done, c);
}

static void
add_alias(struct change *c, const struct alias_add_in *in)
{
	struct domain *domain;
	const char *why = name_refused(&c->name, true, &domain);

	if (why == NULL)
		why = targets_refused(c, in);
	if (why != NULL) {
		alias_refused(c, why);
		return;
	}
	c->alias = alias_enter(&auth.dir, domain, name_view(&c->name),
	    c->targets, c->n);
	put_commit(c, add_done);
}

/* The new targets are looked at as if it had none yet: it must not take part
   in where they lead. */
static void
set_alias(struct change *c, const struct alias_add_in *in)
{
	struct alias *a = directory_alias(&auth.dir, name_view(&c->name));
	const char *why;

	if (a == NULL || !a->live || a->changing) {
		change_end(c, a != NULL && a->live ? WIRE_AGAIN : WIRE_NONE,
		    NULL);
		return;
	}
	a->live = false;
	why = targets_refused(c, in);
	a->live = true;
	if (why != NULL) {
		alias_refused(c, why);
		return;
	}
	c->alias = a;
	a->changing = true;
	put_commit(c, set_done);
}

static void
serve_alias_add(struct request *r)
{
	const struct alias_add_in *in = REQUEST(alias_add, r);
	struct name name = { 0 };
	bool good = address_name(&r->arena, in->address, true, &name);
	struct change *c = change_new(r, &name);

	c->n = in->n_targets;
	c->targets = arena_array(&r->arena, c->n + 1, sizeof *c->targets);
	if (!good)
		alias_refused(c, "this is neither an address nor @domain");
	else if (in->set)
		set_alias(c, in);
	else
		add_alias(c, in);
}

/* ---- rm */

static void
rm_done(void *arg, enum engine_status status)
{
	struct change *c = arg;
	struct alias_rm_out out = { 0 };

	c->alias->changing = false;
	if (!change_durable(status)) {
		change_end(c, WIRE_AGAIN, NULL);
		return;
	}
	alias_gone(&auth.dir, c->alias);
	if (!is_mailbox(&c->name))
		out.n_aliases = aliases_of(&c->r->arena, name_view(&c->name),
		    &out.aliases);
	change_note(c, "alias removed");
	change_end(c, WIRE_OK, &out);
}

static void
rm_commit(struct change *c, struct alias *a)
{
	struct txn *t = change_txn();
	struct buf key = { 0 };

	c->alias = a;
	a->changing = true;
	row_key(&key, ROW_ALIAS, a->name);
	change_del(t, &key);
	buf_free(&key);
	txn_commit(t, rm_done, c);
}

static void
serve_alias_rm(struct request *r)
{
	struct alias *a = NULL;
	struct name name;

	if (address_name(&r->arena, REQUEST(alias_rm, r)->address, true, &name))
		a = directory_alias(&auth.dir, name_view(&name));
	if (a == NULL || !a->live)
		answer(r, WIRE_NONE, NULL);
	else if (a->changing)
		answer(r, WIRE_AGAIN, NULL);
	else
		rm_commit(change_new(r, &name), a);
}

void
alias_serve(void)
{
	serve(WIRE_alias_add, serve_alias_add);
	serve(WIRE_alias_rm, serve_alias_rm);
}
