/* MAIL and RCPT: the envelope (RFC 5321 4.1.1.2, 4.1.1.3). */
#include "smtpd/params.h"

#include <string.h>

#include "common/core/log.h"

/* "FROM:" or "TO:" before the path; a blank behind the colon is an error of
   many clients that everybody takes. */
static bool
keyword(struct slice *arg, struct slice word)
{
	if (!slice_istarts(*arg, word))
		return false;
	*arg = slice_trim(slice_drop(*arg, word.n));
	return true;
}

static enum reply
path_fault(const struct addr_error *e, bool sender)
{
	switch (e->fault) {
	case ADDR_LONG:
		return sender ? REPLY_SENDER_LONG : REPLY_ADDRESS_LONG;
	case ADDR_NONASCII:
		return REPLY_NEED_UTF8;
	case ADDR_PARAM:
	case ADDR_PARAMS:
		return REPLY_PARAM_SYNTAX;
	default:
		return sender ? REPLY_SENDER_SYNTAX : REPLY_RCPT_SYNTAX;
	}
}

/* A submitted message comes from an address of its user (RFC 6409 6.1); the
   null sender is everybody's.  The login may have been revoked while auth was
   being restarted, and nobody there to tell us: here we hear of it. */
static enum reply
sender_allowed(struct session *s, const struct addr *sender)
{
	struct auth_sender_in in = { .user = s->user, .stamp = s->stamp,
		.address = s->tx.return_path };
	struct auth_sender_out out;

	/* A local program sends as whom it likes, as it always could; Received
	   says whose it is. */
	if (!s->submission || s->local)
		return REPLIES;
	if (auth_sender(smtpd_auth(), &in, &out, &s->tx.arena, LINK_WAIT) !=
	    WIRE_OK)
		return REPLY_LOCAL_ERROR;
	if (out.revoked)
		return REPLY_REVOKED;
	return out.owns || (sender->flags & ADDR_NULL) ? REPLIES :
	    REPLY_NOT_OWNER;
}

void
cmd_mail(struct session *s, struct slice arg)
{
	struct addr_error e;
	struct path p;
	enum reply no;

	if (s->tx.open) {
		session_reply(s, REPLY_NESTED_MAIL, SLICE(""));
		return;
	}
	session_reset(s);
	if (!keyword(&arg, SLICE("FROM:"))) {
		session_reply(s, REPLY_SYNTAX, SLICE("MAIL FROM:<address>"));
		return;
	}
	if (!path_parse(&s->tx.arena, arg, ADDR_MAIL, &p, &e)) {
		session_reply(s, path_fault(&e, true), SLICE(""));
		return;
	}
	s->tx.return_path = addr_text(&s->tx.arena, &p.addr);
	if ((no = params_mail(s, &p)) != REPLIES ||
	    (no = sender_allowed(s, &p.addr)) != REPLIES) {
		if (no == REPLY_REVOKED)
			session_leave(s, no);
		else
			session_reply(s, no, SLICE(""));
		return;
	}
	s->tx.open = true;
	session_reply(s, REPLY_SENDER_OK, SLICE(""));
}

/* ---- RCPT */

/* The texts of *r are copied. */
static void
rcpt_add(struct session *s, const struct rcpt *r)
{
	struct transaction *tx = &s->tx;

	if (tx->n == tx->cap) {
		size_t cap = tx->cap * 2 + 4;
		struct rcpt *more = arena_array(&tx->arena, cap, sizeof *more);

		if (tx->n > 0)
			memcpy(more, tx->rcpts, tx->n * sizeof *more);
		tx->rcpts = more;
		tx->cap = cap;
	}
	tx->rcpts[tx->n] = *r;
	tx->rcpts[tx->n].address = arena_slice(&tx->arena, r->address);
	tx->rcpts[tx->n].orcpt = arena_slice(&tx->arena, r->orcpt);
	tx->n++;
}

/* Elsewhere only for who is logged in, and never in a form that some other
   server might take for a route (SMTP-7). */
static enum reply
remote_allowed(const struct session *s, const struct addr *to)
{
	if (s->user == 0 && !s->local)
		return REPLY_NO_RELAY;
	if (to->flags & (ADDR_ODD | ADDR_LITERAL | ADDR_ROUTE))
		return REPLY_ODD_ADDRESS;
	return REPLIES;
}

/* Where does it lead?  REPLIES: it may be accepted. */
static enum reply
route(struct session *s, const struct addr *to, struct slice address,
    struct arena *arena, bool *local)
{
	struct auth_rcpt_in in = { .address = address };
	struct auth_rcpt_out out;

	if (auth_rcpt(smtpd_auth(), &in, &out, arena, LINK_WAIT) != WIRE_OK)
		return REPLY_LOCAL_ERROR;
	*local = out.route == ROUTE_LOCAL;
	switch (out.route) {
	case ROUTE_LOCAL:
		return REPLIES;
	case ROUTE_REMOTE:
		return remote_allowed(s, to);
	case ROUTE_FULL:
		return REPLY_FULL_NOW;
	case ROUTE_DISABLED:
		return REPLY_DISABLED;
	default:
		s->unknown++;
		return REPLY_NO_MAILBOX;
	}
}

/* What the address is, and whether it may be accepted: REPLIES. */
static enum reply
rcpt(struct session *s, struct arena *arena, struct slice arg, struct rcpt *r)
{
	struct addr_error e;
	struct path p;
	enum reply no;

	if (!path_parse(arena, arg, ADDR_RCPT, &p, &e))
		return path_fault(&e, false);
	if ((no = params_rcpt(arena, &p, r)) != REPLIES)
		return no;
	r->address = addr_text(arena, &p.addr);
	if ((no = route(s, &p.addr, r->address, arena, &r->local)) != REPLIES)
		LOG(smtp_rcpt_refused, .session = s->number,
		    .client = slice_str(conn_peer(s->conn)),
		    .from = s->tx.return_path, .rcpt = r->address,
		    .code = slice_str(reply_rows[no].enhanced));
	return no;
}

/* A recipient who is refused leaves nothing behind: there may be any number of
   them. */
void
cmd_rcpt(struct session *s, struct slice arg)
{
	struct arena arena = { 0 };
	struct rcpt r = { 0 };
	enum reply no;

	if (!s->tx.open)
		session_reply(s, REPLY_NEED_MAIL, SLICE(""));
	else if (!keyword(&arg, SLICE("TO:")))
		session_reply(s, REPLY_SYNTAX, SLICE("RCPT TO:<address>"));
	else if (s->tx.n >= smtpd_conf->recipients_max)
		session_reply(s, REPLY_TOO_MANY_RCPTS, SLICE(""));
	else if ((no = rcpt(s, &arena, arg, &r)) != REPLIES)
		session_reply(s, no, r.address);
	else {
		rcpt_add(s, &r);
		session_reply(s, REPLY_RCPT_OK, SLICE(""));
	}
	arena_free(&arena);
}
