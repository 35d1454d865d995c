/*
 * One message for the recipients of one destination, top to bottom: over a
 * connection that is open already, or to one server after the other until
 * nobody is left to be tried.
 */
#include <unistd.h>

#include "common/core/daemon.h"
#include "common/core/log.h"
#include "relay/relay.h"

static size_t
count_open(const struct lease *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->next.n_recipients; i++)
		n += l->rcpts[i].open;
	return n;
}

static bool
any_open(const struct lease *l)
{
	return count_open(l) > 0;
}

static void
say_of_open(struct lease *l, struct verdict v)
{
	for (size_t i = 0; i < l->next.n_recipients; i++)
		if (l->rcpts[i].open)
			l->rcpts[i].verdict = v;
}

/* ---- the beginning */

static bool
is_ascii(struct slice s)
{
	unsigned char all = 0;

	for (size_t i = 0; i < s.n; i++)
		all |= (unsigned char)s.p[i];
	return all < 0x80;
}

/* RFC 6531 3.4 wants the extension where it is needed, and asks to do without
   it where it is not.  Of a long message we cannot see the header yet. */
static bool
needs_utf8(const struct lease *l)
{
	if (!is_ascii(l->next.return_path))
		return true;
	for (size_t i = 0; i < l->next.n_recipients; i++)
		if (!is_ascii(l->next.recipients[i].address))
			return true;
	return l->next.smtputf8 && l->next.eightbit;
}

static void
begin(struct lease *l)
{
	l->rcpts = arena_array(l->arena, l->next.n_recipients + 1,
	    sizeof *l->rcpts);
	for (size_t i = 0; i < l->next.n_recipients; i++) {
		l->rcpts[i].due = &l->next.recipients[i];
		l->rcpts[i].open = true;
	}
	l->until = loop_clock() + LEASE_TIME;
	l->utf8 = needs_utf8(l);
}

/* ---- one server */

static size_t
count_done(const struct lease *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->next.n_recipients; i++)
		n += l->rcpts[i].verdict.fate == FATE_DONE;
	return n;
}

static void
transactions(struct session *s, struct lease *l)
{
	size_t before = count_done(l), n = count_open(l);

	while (transaction(s, l))
		;
	LOG(relay_offered, .id = l->next.id, .remote = slice_str(s->remote),
	    .tls = slice_str(conn_tls_version(s->conn)),
	    .recipients = n,
	    .delivered = count_done(l) - before,
	    .transactions = s->messages);
}

static struct verdict
unreached(struct session *s, struct lease *l, enum fate fate)
{
	struct verdict v = session_verdict(s, l->arena, fate);

	LOG(relay_unreached, .id = l->next.id, .remote = slice_str(s->remote),
	    .code = v.code, .why = v.text);
	return v;
}

/* For the next message, if both sides may like that: a server that left
   somebody to be tried elsewhere is not the one to begin with next time. */
static void
put_away(struct session *s, const struct lease *l)
{
	if (s->alive && !any_open(l) && !daemon_stopping() &&
	    s->messages < SESSION_MESSAGES && conn_error(s->conn) == CONN_OK)
		pool_put(s);
	else
		session_end(s);
}

/* A connection from the pool.  If its server has left it, or had enough of
   it, nothing was learnt of the message: a new one will tell.  If it put the
   message off, it is not asked again. */
static void
reuse(struct session *s, struct lease *l)
{
	relay.reused++;
	s->until = l->until;
	transactions(s, l);
	if (s->alive)
		l->asked = arena_slice(l->arena, slice_str(s->address));
	put_away(s, l);
}

/* False: it is ourselves, and the list ends here.  If there are better hosts
   their words count, and the message waits for them (RFC 5321 5.1). */
static bool
try_server(const struct hop *r, const struct server *to, struct lease *l)
{
	bool best = slice_eq(to->host, r->servers[0].host);
	struct session *s;
	enum fate fate = session_begin(&s, r, to, l->until);
	bool ours = s->ours;

	if (fate == FATE_GO)
		transactions(s, l);
	else {
		struct verdict v = unreached(s, l, fate);

		if (!ours || best)
			say_of_open(l, v);
	}
	put_away(s, l);
	return !ours;
}

static void
try_servers(const struct hop *r, struct lease *l)
{
	size_t most = r->n < TRIES_MAX ? r->n : TRIES_MAX;

	if (r->n == 0)
		say_of_open(l, r->none);
	for (size_t i = 0; i < most && any_open(l) && !l->sent &&
	    loop_clock() < l->until; i++)
		if (!slice_eq(r->servers[i].text, l->asked) &&
		    !try_server(r, &r->servers[i], l))
			break;
}

/* ---- the message */

void
deliver(struct lease *l)
{
	struct hop hop;
	struct session *s;

	relay.messages++;
	begin(l);
	if ((s = pool_take(l->next.destination)) != NULL)
		reuse(s, l);
	if (any_open(l) && !l->sent) {
		hop_find(&hop, l);
		try_servers(&hop, l);
	}
	if (l->next.fd > 0)
		close(l->next.fd);
	l->next.fd = 0;
	report(l);
}
