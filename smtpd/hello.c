/* The commands about the session itself. */
#include "smtpd/session.h"

#include <string.h>

#include "common/core/log.h"
#include "common/task/tls.h"

/* Host name, or address literal (RFC 5321 4.1.4: also a wrong one may not be
   refused for being wrong, only for being misspelt). */
static bool
host_ok(struct session *s, struct slice host)
{
	struct slice domain;

	return addr_is_literal(host) ||
	    addr_domain(&s->arena, host, 0, &domain);
}

/* Some real clients say names with an underscore, or nothing good: what is
   printable and short is taken and written into Received as said. */
static bool
host_printable(struct slice host)
{
	for (size_t i = 0; i < host.n; i++)
		if (host.p[i] <= ' ' || host.p[i] > '~')
			return false;
	return host.n > 0 && host.n <= 255;
}

/* Everything known so far is forgotten (RFC 5321 4.1.4). */
static bool
hello(struct session *s, struct slice host, bool extended)
{
	session_reset(s);
	if (!host_ok(s, host) && !host_printable(host)) {
		session_reply(s, REPLY_HOST_SYNTAX, SLICE(""));
		return false;
	}
	/* One EHLO after the other must not fill the memory. */
	arena_reset(&s->arena);
	s->helo = arena_slice(&s->arena, host);
	s->extended = extended;
	return true;
}

static bool
offers_tls(const struct session *s)
{
	return !conn_is_tls(s->conn) && s->service != SERVICE_LMTP &&
	    tls_ready();
}

/* AUTH only where nobody can listen (SMTP-6). */
static bool
offers_auth(const struct session *s)
{
	return s->submission && conn_is_tls(s->conn) && s->user == 0;
}

static void
extensions(struct session *s)
{
	struct slice lines[10];
	size_t n = 0;

	lines[n++] = smtpd_conf->server_name;
	lines[n++] = SLICE("PIPELINING");
	lines[n++] = slice_str(arena_printf(&s->arena, "SIZE %llu",
	    (unsigned long long)smtpd_conf->message_max));
	lines[n++] = SLICE("8BITMIME");
	lines[n++] = SLICE("DSN");
	lines[n++] = SLICE("ENHANCEDSTATUSCODES");
	lines[n++] = SLICE("CHUNKING");
	if (offers_tls(s))
		lines[n++] = SLICE("STARTTLS");
	if (offers_auth(s))
		lines[n++] = SLICE("AUTH PLAIN LOGIN");
	reply_lines(conn_out(s->conn), REPLY_EHLO, lines, n);
}

void
cmd_ehlo(struct session *s, struct slice arg)
{
	if (hello(s, arg, true))
		extensions(s);
}

void
cmd_lhlo(struct session *s, struct slice arg)
{
	cmd_ehlo(s, arg);
}

void
cmd_helo(struct session *s, struct slice arg)
{
	if (hello(s, arg, false))
		reply_lines(conn_out(s->conn), REPLY_HELO,
		    &smtpd_conf->server_name, 1);
}

/* RFC 3207 4.2: both sides forget everything said in the clear; LAST has seen
   to it that nothing was sent after the command (SMTP-5). */
void
cmd_starttls(struct session *s, struct slice arg)
{
	(void)arg;
	if (conn_is_tls(s->conn)) {
		session_reply(s, REPLY_NESTED_TLS, SLICE(""));
		return;
	}
	if (!offers_tls(s)) {
		session_reply(s, s->lmtp ? REPLY_NOT_HERE : REPLY_TLS_LATER,
		    SLICE(""));
		return;
	}
	session_reply(s, REPLY_STARTTLS, SLICE(""));
	session_reset(s);
	s->helo = SLICE("");
	s->extended = false;
	arena_reset(&s->arena);
	if (!conn_start_tls(s->conn)) {
		LOG(smtp_tls_failed, .session = s->number,
		    .client = slice_str(conn_peer(s->conn)),
		    .why = slice_str(conn_why(s->conn)));
		s->leaving = true;
	}
}

void
cmd_rset(struct session *s, struct slice arg)
{
	(void)arg;
	session_reset(s);
	session_reply(s, REPLY_RESET, SLICE(""));
}

void
cmd_noop(struct session *s, struct slice arg)
{
	(void)arg;	/* allowed and ignored (RFC 5321 4.1.1.9) */
	session_reply(s, REPLY_NOOP, SLICE(""));
}

/* Always the same: VRFY is no way to try names (SMTP-10). */
void
cmd_vrfy(struct session *s, struct slice arg)
{
	session_reply(s, arg.n == 0 ? REPLY_SYNTAX : REPLY_VRFY, SLICE(""));
}

/* Known but not offered: it would tell names (RFC 5321 7.3, SMTP-10). */
void
cmd_expn(struct session *s, struct slice arg)
{
	(void)arg;
	session_reply(s, REPLY_NOT_HERE, SLICE(""));
}

void
cmd_help(struct session *s, struct slice arg)
{
	(void)arg;
	session_reply(s, REPLY_HELP, SLICE(""));
}

void
cmd_quit(struct session *s, struct slice arg)
{
	(void)arg;
	session_leave(s, REPLY_QUIT);
}
