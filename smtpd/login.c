/* AUTH (RFC 4954), with PLAIN (RFC 4616) and LOGIN. */
#include "smtpd/session.h"

#include <string.h>

#include "common/core/log.h"
#include "common/task/sasl.h"

/* A challenge and its answer.  False: said "*", or the line was not one, and
   the reply is written; or the connection was lost. */
static bool
challenge(struct session *s, struct slice text, struct slice *answer)
{
	reply_add(conn_out(s->conn), REPLY_CHALLENGE, text);
	switch (conn_read_line(s->conn, SASL_LINE_MAX, answer)) {
	case LINE_OK:
		break;
	case LINE_END:
		return false;
	case LINE_LONG:
		session_reply(s, REPLY_AUTH_LONG, SLICE(""));
		return false;
	default:
		session_reply(s, REPLY_BASE64, SLICE(""));
		return false;
	}
	if (slice_eq(*answer, SLICE("*"))) {
		session_reply(s, REPLY_AUTH_CANCELLED, SLICE(""));
		return false;
	}
	return true;
}

/* The initial response is "=" if it is empty (RFC 4954 4). */
static bool
plain(struct session *s, struct arena *arena, struct slice initial,
    struct sasl *said)
{
	if (initial.n == 0 && !challenge(s, SLICE(""), &initial))
		return false;
	if (sasl_plain(arena, initial, said))
		return true;
	session_reply(s, REPLY_BASE64, SLICE(""));
	return false;
}

static bool
login(struct session *s, struct arena *arena, struct slice initial,
    struct sasl *said)
{
	struct slice password;

	/* "Username:" and "Password:" in base64. */
	if (initial.n == 0 &&
	    !challenge(s, SLICE("VXNlcm5hbWU6"), &initial))
		return false;
	if (!sasl_text(arena, initial, &said->name)) {
		session_reply(s, REPLY_BASE64, SLICE(""));
		return false;
	}
	if (!challenge(s, SLICE("UGFzc3dvcmQ6"), &password))
		return false;
	if (sasl_text(arena, password, &said->password))
		return true;
	session_reply(s, REPLY_BASE64, SLICE(""));
	return false;
}

static void
verify(struct session *s, struct arena *arena, const struct sasl *said)
{
	struct auth_login_in in = { .name = said->name,
		.password = said->password,
		.client = slice_str(conn_peer(s->conn)) };
	struct auth_login_out out;
	enum wire_status status = auth_login(smtpd_auth(), &in, &out, arena,
	    LINK_WAIT);

	if (status != WIRE_OK || out.login == LOGIN_LATER) {
		session_reply(s, REPLY_AUTH_LATER, SLICE(""));
		return;
	}
	if (out.login != LOGIN_OK) {
		session_reply(s, REPLY_DENIED, SLICE(""));
		return;
	}
	s->user = out.user;
	s->login = out.session;
	s->stamp = out.stamp;
	door_login(s->visit, out.session);
	LOG(smtp_login, .session = s->number,
	    .client = slice_str(conn_peer(s->conn)), .user = out.address);
	session_reply(s, REPLY_AUTHENTICATED, SLICE(""));
}

/* During a transaction AUTH is wrong too (RFC 4954 4), but those need a
   login before. */
void
cmd_auth(struct session *s, struct slice arg)
{
	struct slice rest = arg, mechanism = slice_cut(&rest, ' ');
	struct arena arena = { 0 };
	struct sasl said = { 0 };
	bool good = false;

	rest = slice_trim(rest);
	if (s->user != 0)
		session_reply(s, REPLY_NESTED_AUTH, SLICE(""));
	else if (!conn_is_tls(s->conn))
		session_reply(s, REPLY_PLAINTEXT, SLICE(""));
	else if (slice_ieq(mechanism, SLICE("PLAIN")))
		good = plain(s, &arena, rest, &said);
	else if (slice_ieq(mechanism, SLICE("LOGIN")))
		good = login(s, &arena, rest, &said);
	else
		session_reply(s, REPLY_MECHANISM, SLICE(""));
	if (good)
		verify(s, &arena, &said);
	sasl_forget(&said);
	arena_free(&arena);
}
