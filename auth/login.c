#include "auth/login.h"

#include <stdlib.h>
#include <string.h>

#include "auth/password.h"
#include "auth/remember.h"
#include "auth/session.h"
#include "common/core/log.h"

struct trial {
	struct password_job job;
	struct request	*r;
	struct timer	 timer;
	struct node	 node;		/* while it waits for its time */
	uint64_t	 user;		/* its number; 0: nobody */
	uint64_t	 began;
	struct attempt	 attempt;
	enum role	 asker;
	const char	*why;		/* it is denied, for our log only */
	bool		 from_memory;
};

static size_t		 n_logins;
static struct node	 waiting;

/* ---- the end */

/* The user whose password was verified, if nothing changed since. */
static struct user *
still_there(const struct trial *l)
{
	struct user *u = directory_number(&auth.dir, l->user);

	if (u == NULL || !u->live || u->row.disabled || u->hash == NULL ||
	    strcmp(u->hash, l->job.hash) != 0)
		return NULL;
	return u;
}

static void
note(const struct trial *l, const struct auth_login_out *out)
{
	const struct auth_login_in *in = REQUEST(auth_login, l->r);
	struct slice service = slice_str(role_name(l->asker));
	uint64_t ms = loop_now() - l->began;

	if (out->login == LOGIN_OK)
		LOG(login_ok, .client = in->client, .user = out->address,
		    .service = service, .session = out->session, .ms = ms);
	else if (out->login == LOGIN_DENIED)
		LOG(login_denied, .client = in->client, .user = in->name,
		    .service = service, .why = slice_str(l->why), .ms = ms);
	else
		LOG(login_put_off, .client = in->client, .user = in->name,
		    .service = service, .waiting = password_waiting());
}

static void
count(const struct trial *l, enum login login)
{
	if (login == LOGIN_OK)
		auth.counts.granted++;
	else if (login == LOGIN_DENIED)
		auth.counts.denied++;
	else
		auth.counts.put_off++;
	if (login == LOGIN_OK && l->from_memory)
		auth.counts.from_memory++;
}

static void
finish(struct trial *l, enum login login, struct user *u)
{
	struct auth_login_out out = { .login = login };

	list_del(&l->node);
	timer_stop(&l->timer);
	if (login == LOGIN_OK) {
		out.session = session_open(l->r->from, u, &out.fd);
		out.login = out.session == 0 ? LOGIN_LATER : LOGIN_OK;
	}
	if (out.login == LOGIN_OK) {
		out.user = u->row.number;
		out.stamp = session_stamp(u);
		out.address = name_text(&l->r->arena, u->name);
	}
	note(l, &out);
	count(l, (enum login)out.login);
	answer(l->r, WIRE_OK, &out);
	mem_wipe(&l->job, sizeof l->job);
	free(l);
	n_logins--;
	busy_end();
}

/* Its time has come. */
static void
conclude(struct trial *l)
{
	struct user *u = still_there(l);

	if (l->why == NULL && u == NULL)
		l->why = "changed meanwhile";
	if (l->why == NULL && l->r->from == NULL)
		l->why = "gone meanwhile";
	finish(l, l->why == NULL ? LOGIN_OK : LOGIN_DENIED, u);
}

static void
on_time(struct timer *t)
{
	conclude(CONTAINER(t, struct trial, timer));
}

/* The password is known to be good or bad: when is that said? */
static void
judge(struct trial *l)
{
	uint64_t now = loop_now(), ms = l->why == NULL ?
	    penalty_passed(auth.penalties, &l->attempt, now) :
	    penalty_failed(auth.penalties, &l->attempt, now);

	if (l->began + ms <= now) {
		conclude(l);
		return;
	}
	list_push(&waiting, &l->node);
	l->timer.fire = on_time;
	timer_set(&l->timer, l->began + ms);
}

static void
verified(struct password_job *j)
{
	struct trial *l = CONTAINER(j, struct trial, job);
	struct user *u = still_there(l);

	if (l->user == 0)
		l->why = "no such account";
	else if (!j->good)
		l->why = "wrong password";
	else if (u == NULL)
		l->why = "account disabled or changed";
	else
		remember_add(u, slice_str(j->password), loop_now());
	mem_wipe(j->password, sizeof j->password);
	judge(l);
}

/* ---- the beginning */

/* Those who failed lately are put off first, so a flood of bad logins leaves
   room for good ones (LOGIN-2). */
static bool
too_many(const struct attempt *a)
{
	size_t n = password_waiting();

	return n_logins >= LOGINS_MAX || n >= LOGIN_QUEUE ||
	    (n >= LOGIN_QUEUE / 2 &&
	    penalty_due(auth.penalties, a, loop_now()));
}

/* Nobody, if there is no such user or this cannot be his password. */
static struct user *
user_named(struct request *r, struct name *name)
{
	const struct auth_login_in *in = REQUEST(auth_login, r);
	struct user *u;

	if (!address_name(&r->arena, in->name, false, name)) {
		name->n = 0;
		return NULL;
	}
	u = directory_user(&auth.dir, name_view(name));
	return u != NULL && u->live && u->hash != NULL &&
	    password_is_possible(in->password) ? u : NULL;
}

static struct trial *
login_new(struct request *r, struct user *u, const struct name *name)
{
	const struct auth_login_in *in = REQUEST(auth_login, r);
	struct trial *l = mem_zero(sizeof *l);

	l->r = r;
	l->began = loop_now();
	l->asker = link_peer(r->from);
	l->user = u != NULL ? u->row.number : 0;
	l->attempt = attempt_make(in->client,
	    name->n > 0 ? name_view(name) : in->name, in->password);
	password_copy(&l->job, in->password);
	if (u != NULL && strlen(u->hash) <= HASH_MAX)
		memcpy(l->job.hash, u->hash, strlen(u->hash) + 1);
	else
		hash_of_nobody(&l->job);
	n_logins++;
	busy_begin();
	return l;
}

static void
serve_login(struct request *r)
{
	struct slice password = REQUEST(auth_login, r)->password;
	struct name name;
	struct user *u = user_named(r, &name);
	struct trial *l = login_new(r, u, &name);

	if (waiting.next == NULL)
		list_init(&waiting);
	l->from_memory = u != NULL && !u->row.disabled &&
	    remember_knows(u, password, l->began);
	mem_wipe((void *)(uintptr_t)password.p, password.n);
	if (l->from_memory) {
		mem_wipe(l->job.password, sizeof l->job.password);
		judge(l);
	} else if (too_many(&l->attempt))
		finish(l, LOGIN_LATER, NULL);
	else {
		l->job.done = verified;
		password_verify(&l->job);
	}
}

void
login_stop(void)
{
	if (waiting.next == NULL)
		return;
	LIST_EACH(n, &waiting)
		finish(CONTAINER(n, struct trial, node), LOGIN_LATER, NULL);
}

void
login_serve(void)
{
	serve(WIRE_auth_login, serve_login);
}
