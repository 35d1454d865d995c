/*
 * The client's dialogue with one server, up to the first message (RFC 5321
 * 3.1, 3.2), and its end.
 *
 *	S: 220 greeting
 *	C: EHLO our.name		(HELO, if it does not know that)
 *	S: 250-what it offers
 *	C: STARTTLS			if it offers that; then EHLO anew
 *	C: AUTH ...			at a smarthost (login.c)
 *	   transaction.c, as often as there are messages
 *	C: QUIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/log.h"
#include "common/task/task.h"
#include "relay/relay.h"

enum {
	LINE_MOST = 4096,	/* octets read of a line; 512 are kept */
	SUBMISSIONS = 465,	/* TLS from the first octet (RFC 8314 3.3) */
};

/* ---- hearing */

static enum heard
ended(const struct session *s)
{
	return conn_error(s->conn) == CONN_TIMEOUT ? HEARD_SILENT :
	    HEARD_CLOSED;
}

/* A lone LF ends a line here as well: what is misread in a reply harms nobody
   but who wrote it. */
static enum response_fed
read_line(struct session *s)
{
	struct slice line;

	switch (conn_read_line(s->conn, LINE_MOST, &line)) {
	case LINE_BARE:
		line.n--;
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		/* FALLTHROUGH */
	case LINE_OK:
		return response_line(&s->said, line);
	default:
		return RESPONSE_BAD;
	}
}

/* A server that takes all the time it has at each step is given up at last;
   but not when it has the message, and may say that it took it. */
static uint64_t
step_end(const struct session *s)
{
	uint64_t at = loop_clock() + step_waits[s->step];

	return s->step != STEP_DOT && s->until < at ? s->until : at;
}

/* The whole reply must be there in the time of the step, however slowly its
   lines come. */
static enum heard
read_reply(struct session *s)
{
	enum response_fed fed;

	response_clear(&s->said);
	conn_deadline(s->conn, step_end(s));
	do
		fed = read_line(s);
	while (fed == RESPONSE_MORE);
	conn_deadline(s->conn, 0);
	if (fed == RESPONSE_DONE)
		return (enum heard)(s->said.code / 100 - 2);
	return conn_error(s->conn) == CONN_OK ? HEARD_GARBLED : ended(s);
}

enum fate
session_hear(struct session *s, enum step step)
{
	s->step = step;
	s->heard = read_reply(s);
	/* 421 announces the end of the connection (RFC 5321 3.8); who does not
	   speak SMTP is left. */
	if (s->heard >= HEARD_GARBLED || s->said.code == 421)
		s->alive = false;
	return fate_of(step, s->heard, s->said.code);
}

/* ---- EHLO */

static const struct {
	const char	*name;
	unsigned	 offer;
} offers[] = {
	{ "PIPELINING", OFFER_PIPELINING }, { "SIZE", OFFER_SIZE },
	{ "8BITMIME", OFFER_8BITMIME }, { "SMTPUTF8", OFFER_SMTPUTF8 },
	{ "DSN", OFFER_DSN }, { "STARTTLS", OFFER_STARTTLS },
};

/* RFC 4954 3, and with "=" as it was before it had a number. */
static void
take_mechanisms(struct session *s, struct slice words)
{
	while (words.n > 0) {
		struct slice word = slice_cut(&words, ' ');

		if (slice_ieq(word, SLICE("PLAIN")))
			s->offers |= OFFER_PLAIN;
		else if (slice_ieq(word, SLICE("LOGIN")))
			s->offers |= OFFER_LOGIN;
	}
}

static void
take_offer(struct session *s, struct slice line)
{
	struct slice word = slice_cut(&line, ' ');

	if (slice_ieq(word, SLICE("AUTH")))
		take_mechanisms(s, line);
	for (size_t i = 0; i < sizeof offers / sizeof *offers; i++)
		if (slice_ieq(word, slice_str(offers[i].name)))
			s->offers |= offers[i].offer;
	if (slice_ieq(word, SLICE("SIZE")) &&
	    !slice_u64(slice_trim(line), UINT64_MAX, &s->size_max))
		s->size_max = 0;
}

/* Do we talk to ourselves?  The first word of the answer is its name. */
static bool
is_our_name(struct slice line)
{
	return slice_ieq(slice_cut(&line, ' '), relay.conf->server_name);
}

static enum fate
ehlo(struct session *s)
{
	struct slice text;
	enum fate fate;

	s->offers = 0;
	s->size_max = 0;
	conn_printf(s->conn, "EHLO %s\r\n", relay.conf->server_name.p);
	if ((fate = session_hear(s, STEP_EHLO)) != FATE_GO)
		return fate;
	text = buf_view(&s->said.text);
	s->ours = is_our_name(slice_cut(&text, '\n'));
	while (text.n > 0)
		take_offer(s, slice_cut(&text, '\n'));
	if (s->ours)		/* of a smarthost: for the admin to mend */
		return s->smart != NULL ? FATE_NEXT : FATE_SHUT;
	return FATE_GO;
}

/* RFC 5321 3.2: a server too old for EHLO is asked again. */
static enum fate
hello(struct session *s)
{
	enum fate fate = ehlo(s);

	if (fate != FATE_HELO)
		return fate;
	conn_printf(s->conn, "HELO %s\r\n", relay.conf->server_name.p);
	return session_hear(s, STEP_HELO);
}

/* ---- TLS */

static bool
has_login(const struct session *s)
{
	return s->smart != NULL && s->smart->user.n > 0;
}

static enum fate
handshake(struct session *s, struct slice host)
{
	s->step = STEP_TLS;
	if (conn_call_tls(s->conn, host.p, has_login(s)))
		return FATE_GO;
	s->heard = ended(s);
	s->alive = false;
	LOG(relay_tls_failed, .remote = slice_str(s->remote),
	    .why = slice_str(conn_why(s->conn)));
	return fate_of(STEP_TLS, s->heard, 0);
}

/* What was said in the clear is forgotten, and asked again (RFC 3207 4.2). */
static enum fate
start_tls(struct session *s, struct slice host)
{
	enum fate fate;

	conn_write(s->conn, SLICE("STARTTLS\r\n"));
	if ((fate = session_hear(s, STEP_STARTTLS)) != FATE_GO ||
	    (fate = handshake(s, host)) != FATE_GO)
		return fate;
	return hello(s);
}

/* ---- the beginning */

static enum fate
call(struct session *s, const struct server *to)
{
	s->step = STEP_CONNECT;
	s->conn = conn_connect((const struct sockaddr *)&to->address, to->size,
	    s->remote, step_waits[STEP_CONNECT]);
	if (conn_error(s->conn) == CONN_OK) {
		relay.connections++;
		return FATE_GO;
	}
	s->heard = ended(s);
	return fate_of(STEP_CONNECT, s->heard, 0);
}

static bool
is_submissions(const struct session *s)
{
	return s->smart != NULL && s->smart->port == SUBMISSIONS;
}

static enum fate
greet(struct session *s, const struct server *to, bool clear)
{
	enum fate fate;

	if ((fate = call(s, to)) != FATE_GO ||
	    (is_submissions(s) &&
	    (fate = handshake(s, to->host)) != FATE_GO) ||
	    (fate = session_hear(s, STEP_GREETING)) != FATE_GO ||
	    (fate = hello(s)) != FATE_GO)
		return fate;
	if (!clear && (s->offers & OFFER_STARTTLS) && !conn_is_tls(s->conn) &&
	    (fate = start_tls(s, to->host)) != FATE_GO)
		return fate;
	return has_login(s) ? session_login(s) : FATE_GO;
}

static struct session *
session_new(const struct hop *hop, const struct server *to, uint64_t until)
{
	struct session *s = mem_zero(sizeof *s);
	struct buf name = { 0 };

	buf_printf(&name, "%.*s [%.*s]", (int)to->host.n, to->host.p,
	    (int)to->text.n, to->text.p);
	buf_cstr(&name);
	s->remote = name.p;
	s->address = mem_str(to->text);
	s->key = mem_str(hop->key);
	s->smart = hop->smart;
	s->until = until;
	s->alive = true;
	return s;
}

/* TLS that fails is worth one call without it, where nobody's name had to be
   proved: mail must not wait for somebody to mend a certificate. */
enum fate
session_begin(struct session **to, const struct hop *hop,
    const struct server *server, uint64_t until)
{
	struct session *s = *to = session_new(hop, server, until);
	enum fate fate = greet(s, server, false);

	if (fate == FATE_CLEAR && (has_login(s) || is_submissions(s)))
		fate = FATE_NEXT;
	if (fate == FATE_CLEAR) {
		session_end(s);
		s = *to = session_new(hop, server, until);
		fate = greet(s, server, true);
	}
	if (fate != FATE_GO)
		s->alive = false;
	return fate;
}

/* The answer to QUIT would tell us nothing (RFC 5321 4.1.1.10 lets us go when
   we like, it only asks not to be left without the word). */
void
session_end(struct session *s)
{
	if (s->conn != NULL) {
		if (conn_error(s->conn) == CONN_OK)
			conn_write(s->conn, SLICE("QUIT\r\n"));
		conn_close(s->conn);
	}
	response_free(&s->said);
	timer_stop(&s->idle);
	free(s->key);
	free(s->remote);
	free(s->address);
	free(s);
}
