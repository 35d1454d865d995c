#include "auth/change.h"

#include <stdlib.h>

#include "common/core/log.h"

enum { ALIASES_SHOWN = 20 };

struct change *
change_new(struct request *r, const struct name *name)
{
	struct change *c = mem_zero(sizeof *c);

	c->r = r;
	c->name = *name;
	busy_begin();
	return c;
}

void
change_end(struct change *c, enum wire_status status, const void *out)
{
	answer(c->r, status, out);
	mem_wipe(&c->job, sizeof c->job);
	free(c);
	busy_end();
}

bool
change_durable(enum engine_status status)
{
	if (status != ENGINE_OK && status != ENGINE_FULL)
		fatal("a change of the accounts was lost");
	return status == ENGINE_OK;
}

void
change_note(const struct change *c, const char *what)
{
	auth.counts.changes++;
	LOG(account_changed, .what = slice_str(what),
	    .address = name_text(&c->r->arena, name_view(&c->name)));
}

struct txn *
change_txn(void)
{
	return txn_begin(auth.engine, ROWS_UNIT);
}

void
change_put(struct txn *t, const struct buf *key, const struct buf *value)
{
	txn_put(t, ENGINE_ROWS, buf_view(key), buf_view(value), 0);
}

void
change_del(struct txn *t, const struct buf *key)
{
	txn_del(t, ENGINE_ROWS, buf_view(key));
}

/* ---- names */

static const char	mailbox_exists[] =
	    "there is a mailbox of this name already";
static const char	alias_exists[] =
	    "there is an alias of this name already";
const char		mailbox_hidden[] =
	    "there is a mailbox of this name: name it as a target too, and "
	    "it keeps its copy";

bool
is_taken(const char *why)
{
	return why == mailbox_exists || why == alias_exists ||
	    why == mailbox_hidden;
}

bool
is_mailbox(const struct name *name)
{
	return directory_user(&auth.dir, name_view(name)) != NULL;
}

/* An alias may have the name of a mailbox (alias.c). */
const char *
name_refused(const struct name *name, bool alias, struct domain **domain)
{
	struct slice s = name_view(name);

	*domain = directory_domain(&auth.dir, name_domain(s));
	if (*domain == NULL || !(*domain)->live || (*domain)->changing)
		return "its domain is not ours: add the domain first";
	if (!alias && is_mailbox(name))
		return mailbox_exists;
	if (directory_alias(&auth.dir, s) != NULL)
		return alias_exists;
	return NULL;
}

/* ---- who leads there */

struct leading {
	struct arena	*arena;
	struct slice	 name;
	struct wire_target *found;
	size_t		 n;
};

static bool
leads_to(struct leading *l, const struct alias *a)
{
	struct name name;

	for (size_t i = 0; i < a->n; i++)
		if (address_name(l->arena, a->targets[i], false, &name) &&
		    slice_eq(name_view(&name), l->name))
			return true;
	return false;
}

static void
look_at(struct map_node *n, void *arg)
{
	const struct alias *a = CONTAINER(n, struct alias, node);
	struct leading *l = arg;

	if (l->n < ALIASES_SHOWN && a->live && leads_to(l, a))
		l->found[l->n++].address = name_text(l->arena, a->name);
}

size_t
aliases_of(struct arena *arena, struct slice name, struct wire_target **found)
{
	struct leading l = { .arena = arena, .name = name };

	*found = l.found = arena_array(arena, ALIASES_SHOWN, sizeof *l.found);
	map_each(&auth.dir.aliases, look_at, &l);
	return l.n;
}
