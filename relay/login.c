/*
 * AUTH at a smarthost (RFC 4954): PLAIN (RFC 4616), or LOGIN for those that
 * know nothing else; only over a connection whose other end has proved its
 * name.
 */
#include "common/core/codec.h"
#include "common/core/log.h"
#include "relay/relay.h"

/* Says it as base64, and wipes what was said. */
static void
say_secret(struct session *s, struct slice command, struct slice secret)
{
	struct buf line = { 0 };

	buf_reserve(&line, command.n + 2 * secret.n + 16);
	buf_slice(&line, command);
	base64_encode(&line, secret);
	buf_str(&line, "\r\n");
	conn_write_secret(s->conn, buf_view(&line));
	mem_wipe(line.p, line.cap);
	buf_free(&line);
}

/* NUL name NUL password */
static enum fate
plain(struct session *s)
{
	struct buf secret = { 0 };

	buf_reserve(&secret, s->smart->user.n + s->smart->password.n + 2);
	buf_char(&secret, '\0');
	buf_slice(&secret, s->smart->user);
	buf_char(&secret, '\0');
	buf_slice(&secret, s->smart->password);
	say_secret(s, SLICE("AUTH PLAIN "), buf_view(&secret));
	mem_wipe(secret.p, secret.cap);
	buf_free(&secret);
	return session_hear(s, STEP_AUTH);
}

static enum fate
login(struct session *s)
{
	enum fate fate;

	conn_write(s->conn, SLICE("AUTH LOGIN\r\n"));
	if ((fate = session_hear(s, STEP_AUTH)) != FATE_GO ||
	    s->heard != HEARD_GO_ON)
		return fate == FATE_GO ? FATE_NEXT : fate;
	say_secret(s, SLICE(""), s->smart->user);
	if ((fate = session_hear(s, STEP_AUTH)) != FATE_GO ||
	    s->heard != HEARD_GO_ON)
		return fate == FATE_GO ? FATE_NEXT : fate;
	say_secret(s, SLICE(""), s->smart->password);
	return session_hear(s, STEP_AUTH);
}

/* We will not say it, so there is no reply to quote. */
static enum fate
cannot(struct session *s, const char *why)
{
	s->refusal = why;
	return FATE_NEXT;
}

enum fate
session_login(struct session *s)
{
	enum fate fate;

	if (!conn_is_tls(s->conn))
		return cannot(s, "it offers no TLS, and it gets no password "
		    "without");
	if (s->smart->password.n == 0)
		return cannot(s, "we could not read the password for it");
	if (s->offers & OFFER_PLAIN)
		fate = plain(s);
	else if (s->offers & OFFER_LOGIN)
		fate = login(s);
	else
		return cannot(s, "it offers neither AUTH PLAIN nor LOGIN");
	if (fate == FATE_GO && s->heard == HEARD_GO_ON)
		fate = FATE_NEXT;	/* it still wants something */
	if (fate != FATE_GO)
		LOG(relay_login_failed, .remote = slice_str(s->remote),
		    .user = s->smart->user);
	return fate;
}
