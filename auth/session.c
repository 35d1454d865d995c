#include "auth/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "common/core/log.h"

/* A link that opened sessions or watches them. */
struct asker {
	struct link	*link;
	size_t		 n;		/* sessions, in both lists */
	struct node	 open;
	struct node	 revoked;	/* not yet known to be heard of */
	struct request	*watch;		/* auth_watch that waits, or NULL */
};

struct session {
	struct map_node	 node;
	struct node	 of_user, of_asker;
	struct asker	*asker;
	uint64_t	 position;	/* of its revocation */
};

static struct map	 sessions;
static uint64_t		 last_number;

/* Counts on from the time of our start: a later life begins higher. */
static uint64_t
next_number(void)
{
	if (last_number == 0)
		last_number = (uint64_t)time(NULL) << 24;
	return ++last_number;
}

static void
session_free(struct session *s)
{
	map_del(&sessions, &s->node);
	list_del(&s->of_user);
	list_del(&s->of_asker);
	s->asker->n--;
	free(s);
}

/* ---- askers */

static void
asker_end(struct link *l)
{
	struct asker *a = link_owner(l);

	LIST_EACH(n, &a->open)
		session_free(CONTAINER(n, struct session, of_asker));
	LIST_EACH(n, &a->revoked)
		session_free(CONTAINER(n, struct session, of_asker));
	free(a);
	link_own(l, NULL);
}

static struct asker *
asker_of(struct link *l)
{
	struct asker *a = link_owner(l);

	if (a != NULL)
		return a;
	a = mem_zero(sizeof *a);
	a->link = l;
	list_init(&a->open);
	list_init(&a->revoked);
	link_own(l, a);
	link_on_end(l, asker_end);
	return a;
}

/* ---- opening */

static void
granted(void *arg, enum wire_status status, const void *out)
{
	(void)arg;
	(void)out;
	/* It closed its end: the session ends by itself. */
	if (status != WIRE_OK)
		LOG(grant_refused, .status =
		    slice_str(wire_status_name(status)));
}

/* Nothing is waited for: what the session sends first lies in the socket
   until the store has taken its end. */
static bool
grant(const struct user *u, uint64_t number, uint32_t rights, int *fd)
{
	struct link *store = auth.store(u->row.shard);
	struct store_grant_in in = { .user = u->row.number, .session = number,
		.rights = rights, .limit = user_limit(u) };
	int ends[2];

	if (!link_up(store))
		return false;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		LOG(grant_refused, .status = slice_str(strerror(errno)));
		return false;
	}
	in.fd = ends[0];
	*fd = ends[1];
	link_call(store, WIRE_store_grant, &in, 0, granted, NULL);
	return true;
}

uint64_t
session_open(struct link *l, struct user *u, int *fd)
{
	struct asker *a = asker_of(l);
	uint64_t number = next_number();
	uint32_t rights = link_peer(l) == ROLE_POP3D ? RIGHT_POP3 : RIGHT_IMAP;
	struct session *s;

	*fd = 0;
	if (a->n >= SESSIONS_MAX || (link_peer(l) != ROLE_SUBMISSION &&
	    !grant(u, number, rights, fd)))
		return 0;
	s = mem_zero(sizeof *s);
	s->asker = a;
	a->n++;
	map_put(&sessions, &s->node, number);
	list_push(&u->sessions, &s->of_user);
	list_push(&a->open, &s->of_asker);
	return number;
}

static void
serve_logout(struct request *r)
{
	uint64_t number = REQUEST(auth_logout, r)->session;
	struct map_node *n = map_get(&sessions, number);
	struct session *s = n == NULL ? NULL :
	    CONTAINER(n, struct session, node);

	/* It may be gone already; another link's is none of its business. */
	if (s != NULL && s->asker->link == r->from)
		session_free(s);
	answer(r, WIRE_OK, NULL);
}

/* ---- revoking */

static void
watch_lost(struct request *r)
{
	struct asker *a = r->owner;

	a->watch = NULL;
	answer(r, WIRE_GONE, NULL);
}

static void
watch_answer(struct asker *a)
{
	struct auth_watch_out out = { 0 };
	struct request *r = a->watch;
	struct session *s;

	if (r == NULL || list_empty(&a->revoked))
		return;
	s = CONTAINER(a->revoked.next, struct session, of_asker);
	out.position = s->position;
	out.session = s->node.key;
	a->watch = NULL;
	r->lost = NULL;
	answer(r, WIRE_OK, &out);
}

static void
serve_watch(struct request *r)
{
	struct asker *a = asker_of(r->from);
	uint64_t heard = REQUEST(auth_watch, r)->after;

	LIST_EACH(n, &a->revoked) {
		struct session *s = CONTAINER(n, struct session, of_asker);

		if (s->position <= heard)
			session_free(s);
	}
	if (a->watch != NULL) {		/* one at a time */
		a->watch->lost = NULL;
		answer(a->watch, WIRE_AGAIN, NULL);
	}
	a->watch = r;
	r->owner = a;
	r->lost = watch_lost;
	watch_answer(a);
}

unsigned
session_revoke(struct user *u)
{
	struct store_revoke_in in = { .user = u->row.number };
	unsigned n_ended = 0;

	LIST_EACH(n, &u->sessions) {
		struct session *s = CONTAINER(n, struct session, of_user);
		struct asker *a = s->asker;

		auth.counts.revoked++;
		n_ended++;
		if (link_peer(a->link) != ROLE_SUBMISSION) {
			session_free(s);	/* the store ends it */
			continue;
		}
		s->position = next_number();
		list_del(&s->of_user);
		list_del(&s->of_asker);
		list_push(&a->revoked, &s->of_asker);
		watch_answer(a);
	}
	/* Also without sessions: an earlier life may have opened some. */
	link_call(auth.store(u->row.shard), WIRE_store_revoke, &in, 0, NULL,
	    NULL);
	return n_ended;
}

/* The salt in the stored hash keeps anybody from trying passwords on it. */
uint64_t
session_stamp(const struct user *u)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	uint64_t stamp;

	if (u->hash == NULL)
		return 0;
	if (EVP_Digest(u->hash, strlen(u->hash), digest, NULL, EVP_sha256(),
	    NULL) != 1)
		fatal("SHA-256 failed");
	memcpy(&stamp, digest, sizeof stamp);
	return stamp;
}

size_t
session_count(void)
{
	return sessions.n;
}

static void
drop(struct map_node *n, void *arg)
{
	(void)arg;
	session_free(CONTAINER(n, struct session, node));
}

void
session_end_all(void)
{
	map_each(&sessions, drop, NULL);
	map_free(&sessions);
}

void
session_serve(void)
{
	serve(WIRE_auth_logout, serve_logout);
	serve(WIRE_auth_watch, serve_watch);
}
