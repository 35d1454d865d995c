#include "store/session.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/core/log.h"
#include "store/body.h"
#include "store/fetch.h"
#include "store/store.h"

/* A call that waits for a change in flight. */
struct pending {
	session_call	*fn;
};

static struct node	 sessions;
static size_t		 count;

size_t
sessions_count(void)
{
	return count;
}

void
sessions_who(void (*fn)(void *, const struct session *), void *arg)
{
	if (count > 0)
		LIST_EACH(n, &sessions)
			fn(arg, CONTAINER(n, struct session, node));
}

/* ---- birth and death */

/* After its link has let go of the requests, which may hang on mailboxes. */
static void
session_free(struct session *s)
{
	streams_abort(s);
	bodies_end(s->bodies);
	list_del(&s->node);
	count--;
	user_release(s->user);
	free(s);
}

static void
session_end(struct link *l)
{
	session_free(link_owner(l));
}

static void
take_grant(struct request *r)
{
	const struct store_grant_in *in = REQUEST(store_grant, r);
	struct user *u = NULL;
	struct session *s;

	if (in->fd <= 0 || in->user == 0 || in->user == UINT64_MAX ||
	    (u = user_hold(in->user)) == NULL) {
		if (in->fd > 0)
			close(in->fd);
		answer(r, in->fd > 0 && in->user != 0 ? WIRE_AGAIN : WIRE_BAD,
		    NULL);
		return;
	}
	if (u->now.gone) {
		user_release(u);
		close(in->fd);
		answer(r, WIRE_NONE, NULL);
		return;
	}
	s = mem_zero(sizeof *s);
	*s = (struct session){ .user = u, .number = in->session,
		.rights = in->rights, .limit = in->limit,
		.link = link_new(in->rights & RIGHT_MAILBOXES ? ROLE_IMAPD :
		    ROLE_POP3D, 0, LINK_CHANNEL) };
	list_init(&s->streams);
	if (count++ == 0)
		list_init(&sessions);
	list_push(&sessions, &s->node);
	link_own(s->link, s);
	link_on_end(s->link, session_end);
	link_serve(s->link);
	link_attach(s->link, in->fd);
	LOG(granted, .user = u->id, .session = s->number);
	answer(r, WIRE_OK, NULL);
}

uint64_t
sessions_revoke(uint64_t user, uint64_t number)
{
	uint64_t closed = 0;

	if (count == 0)
		return 0;
	LIST_EACH(n, &sessions) {
		struct session *s = CONTAINER(n, struct session, node);

		if ((number != 0 && s->number != number) ||
		    (number == 0 && user != 0 && s->user->id != user))
			continue;
		closed++;
		link_close(s->link);
		session_free(s);
	}
	return closed;
}

void
sessions_close(void)
{
	sessions_revoke(0, 0);
}

static void
take_revoke(struct request *r)
{
	const struct store_revoke_in *in = REQUEST(store_revoke, r);
	uint64_t closed = 0;

	if (!request_bare(r))
		return;
	if (in->user != 0 || in->session != 0)
		closed = sessions_revoke(in->user, in->session);
	LOG(revoked, .user = in->user, .session = in->session,
	    .channels = closed);
	answer(r, WIRE_OK, NULL);
}

void
session_serve(void)
{
	serve(WIRE_store_grant, take_grant);
	serve(WIRE_store_revoke, take_revoke);
}

/* ---- calls */

static void
run(struct request *r, struct session *s, session_call *fn)
{
	if (s->user->doubtful)
		answer(r, WIRE_AGAIN, NULL);
	else
		fn(r, s);
}

/* It waited; the session may be gone meanwhile, revoked or lost. */
static void
run_again(struct request *r)
{
	struct pending *p = r->owner;

	r->owner = NULL;
	if (r->from == NULL)
		answer(r, WIRE_GONE, NULL);
	else
		run(r, link_owner(r->from), p->fn);
}

void
session_run(struct request *r, uint32_t right, session_call *fn)
{
	struct session *s = link_owner(r->from);
	struct pending *p;

	if (!request_bare(r))
		return;
	if (s == NULL || (s->rights & right) != right) {
		answer(r, WIRE_DENIED, NULL);
	} else if (user_busy(s->user)) {
		p = arena_array(&r->arena, 1, sizeof *p);
		p->fn = fn;
		r->owner = p;
		user_wait(s->user, r, run_again);
	} else
		run(r, s, fn);
}

struct box *
session_box(struct request *r, struct session *s, uint32_t number)
{
	struct box *b;

	if (number != INBOX && (s->rights & RIGHT_MAILBOXES) == 0) {
		answer(r, WIRE_DENIED, NULL);
		return NULL;
	}
	b = box_get(s->user, number);
	if (b == NULL || b->seen.uidvalidity == 0) {
		answer(r, WIRE_NONE, NULL);
		return NULL;
	}
	return b;
}

bool
session_full(const struct session *s, uint64_t more)
{
	uint64_t used = s->user->now.bytes;

	return s->limit > 0 && (used > s->limit || more > s->limit - used);
}
