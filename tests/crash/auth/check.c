#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/codec.h"
#include "tests/crash/auth/office.h"
#include "tests/crash/engine/drive.h"

enum { NEWEST = FIRST_USER };	/* is changed after each recovery */

/* ---- what is there */

static bool
password_fits(const struct user *u, uint64_t state)
{
	struct crypt_data *data = mem_zero(sizeof *data);
	const char *text = u->hash == NULL ? NULL :
	    crypt_r(thing_password(state), u->hash, data);
	bool fits = text != NULL && strcmp(text, u->hash) == 0;

	free(data);
	return fits;
}

static bool
user_is(const struct user *u, uint64_t state)
{
	if (u == NULL || state == 0)
		return u == NULL && state == 0;
	return u->row.disabled == ((state & DISABLED) != 0) &&
	    u->row.limit == thing_limit(state) && password_fits(u, state);
}

static bool
alias_is(const struct alias *a, uint64_t state)
{
	if (a == NULL || state == 0)
		return a == NULL && state == 0;
	for (unsigned n = 0; n < a->n; n++)
		if (!slice_eq(a->targets[n], slice_str(target_name(state, n))))
			return false;
	return a->n == thing_targets(state);
}

static bool
thing_is(unsigned i, uint64_t state)
{
	struct slice name = slice_str(thing_name(i));
	struct arena arena = { 0 };
	struct name n;
	bool is;

	if (i < FIRST_USER)
		return (directory_domain(&auth.dir, name) != NULL) ==
		    (state != 0);
	if (!address_name(&arena, name, false, &n))
		return false;
	is = i < FIRST_ALIAS ?
	    user_is(directory_user(&auth.dir, name_view(&n)), state) :
	    alias_is(directory_alias(&auth.dir, name_view(&n)), state);
	arena_free(&arena);
	return is;
}

static const struct user *
user_of(unsigned i)
{
	struct arena arena = { 0 };
	const struct user *u = NULL;
	struct name n;

	if (address_name(&arena, slice_str(thing_name(i)), false, &n))
		u = directory_user(&auth.dir, name_view(&n));
	arena_free(&arena);
	return u;
}

/* Entirely as before its last change, or as after it; and as it is now it
   stays. */
static void
thing_check(struct verdict *v, unsigned i)
{
	struct thing *t = &accounts.things[i];
	const struct user *u = NULL;
	bool pending = t->changing;

	v->acked += t->state != 0;
	if (i >= FIRST_USER && i < FIRST_ALIAS)
		u = user_of(i);
	if (u != NULL && t->number != 0 && u->row.number != t->number)
		verdict_lost(v, "%s is another one", thing_name(i));
	if (thing_is(i, t->state)) {
		if (pending)
			note(EVENT_TOLD, NOTE_CHANGE, i, t->state, 1);
	} else if (pending && thing_is(i, t->wanted)) {
		note(EVENT_TOLD, NOTE_CHANGE, i, t->wanted, 1);
	} else {
		verdict_lost(v, "%s is not in state %llx%s", thing_name(i),
		    (unsigned long long)t->state,
		    pending ? " or the next" : "");
	}
	if (u != NULL && t->number == 0)
		note(EVENT_TOLD, NOTE_NUMBER, i, u->row.number, 0);
}

/* ---- rows that go together */

struct rows {
	unsigned	 users, passwords, unknown;
};

static bool
row_note(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct rows *r = arg;
	uint64_t number;

	(void)value;
	(void)blob;
	r->users += key.p[8] == ROW_USER;
	r->passwords += key.p[8] == ROW_PASSWORD;
	if (row_password_about(key, &number) || row_gone_about(key, &number))
		r->unknown += number > auth.dir.last;
	return true;
}

static void
rows_check(struct verdict *v, struct engine *e)
{
	struct rows r = { 0 };
	char from[8], to[9];

	memset(from, 0, sizeof from);
	memset(to, 0xff, sizeof to);
	engine_scan(e, ENGINE_ROWS, slice_of(from, 8), slice_of(to, 9),
	    row_note, &r);
	if (r.users != r.passwords || r.users != auth.dir.n_users)
		verdict_doubled(v, "%u users, %u passwords, %llu known",
		    r.users, r.passwords,
		    (unsigned long long)auth.dir.n_users);
	if (r.unknown > 0 || auth.dir.last < accounts.number_most)
		verdict_doubled(v, "numbers to %llu, of those told the last "
		    "is %llu", (unsigned long long)auth.dir.last,
		    (unsigned long long)accounts.number_most);
}

static void
all_check(struct verdict *v, struct engine *e)
{
	v->acked = 0;
	for (unsigned i = 0; i < THINGS; i++)
		thing_check(v, i);
	rows_check(v, e);
}

/* ---- going on */

/* Whose removal was answered, or is seen, loses the mail too. */
static void
drops_check(struct verdict *v)
{
	enum { TURNS = 400, NAP = 500 };
	unsigned left = 1;

	for (int turn = 0; turn < TURNS && left > 0; turn++) {
		office_turn();
		left = 0;
		for (unsigned n = 0; n < NUMBERS; n++)
			left += accounts.removed[n] && !accounts.dropped[n];
		if (turn > 10)
			usleep(NAP);
	}
	if (left > 0)
		verdict_lost(v, "the mail of %u users stays", left);
}

/* A user of a name that was free has a number that nobody had. */
static void
go_on(struct verdict *v)
{
	uint64_t most = accounts.number_most;
	const struct thing *t = &accounts.things[NEWEST];

	for (unsigned i = 0; i < DOMAINS; i++)
		if (accounts.things[i].state == 0)
			office_change(i, EXISTS);
	if (t->state != 0)
		office_change(NEWEST, 0);
	office_wait(0);
	office_change(NEWEST, EXISTS | 7 << 8 | (uint64_t)3 << 32);
	office_wait(0);
	if (t->state == 0)
		verdict_lost(v, "nobody can be added");
	else if (t->number <= most)
		verdict_doubled(v, "number %llu again, there was %llu",
		    (unsigned long long)t->number, (unsigned long long)most);
}

void
check_auth(const char *root, const struct history *h, enum then then,
    struct verdict *v)
{
	struct engine_figures figures;
	struct engine *e;
	char path[256];
	unsigned acked;

	notes_read(h);
	office_verdict = v;
	office_drops = true;
	e = office_open(root);
	engine_figures(e, &figures);
	v->rebuilt = figures.rebuilt;
	all_check(v, e);
	acked = v->acked;
	drops_check(v);
	go_on(v);
	all_check(v, e);
	if (then != THEN_NOTHING) {
		office_close();
		snprintf(path, sizeof path, "%s/index", root);
		if (then == THEN_REBUILD)
			folder_clear(path, true);
		e = office_open(root);
		all_check(v, e);
	}
	v->acked = acked;
	v->recovered = true;
}
