/*
 * The dialogue with submission: SMTP over a socket that it was handed
 * (local_session), so that all of submission's checks are made once, there.
 *
 * The message goes by BDAT (RFC 3030): its octets are counted, so none of them
 * can be taken for the end or for a command.
 */
#include "drop/drop.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/log.h"
#include "common/mail/addr.h"
#include "common/mail/date.h"
#include "common/mail/response.h"
#include "common/task/conn.h"

enum {
	ASK_WAIT = 30 * 1000,		/* ms */
	REPLY_WAIT = 6 * 60 * 1000,	/* queue may take 5 minutes */
	REPLY_LINE = 1000,
	PIECE = 64 * 1024,
};

struct dialogue {
	struct conn	*conn;
	struct response	 said;
};

/* The code of the next reply; 0: there is none that makes sense. */
static unsigned
heard(struct dialogue *d)
{
	enum response_fed fed = RESPONSE_MORE;
	struct slice line;

	response_clear(&d->said);
	while (fed == RESPONSE_MORE) {
		if (conn_read_line(d->conn, REPLY_LINE, &line) != LINE_OK)
			return 0;
		fed = response_line(&d->said, line);
	}
	return fed == RESPONSE_DONE ? d->said.code : 0;
}

static struct slice
words(struct dialogue *d, struct arena *arena)
{
	struct buf b = { 0 };
	struct slice text;

	response_show(&d->said, &b);
	text = arena_slice(arena, buf_view(&b));
	buf_free(&b);
	return text;
}

static bool
is_good(unsigned code)
{
	return code >= 200 && code < 300;
}

static bool
is_refused(unsigned code)
{
	return code >= 500;
}

/* ---- the envelope */

static unsigned
say_mail(struct dialogue *d, const struct parcel *p)
{
	conn_printf(d->conn, "MAIL FROM:<%.*s>", (int)p->from.n, p->from.p);
	if (p->ret != RET_NONE)
		conn_printf(d->conn, " RET=%s", p->ret == RET_FULL ? "FULL" :
		    "HDRS");
	if (p->envid.n > 0) {
		struct buf text = { 0 };

		xtext_encode(&text, p->envid);
		conn_printf(d->conn, " ENVID=%s", buf_cstr(&text));
		buf_free(&text);
	}
	conn_write(d->conn, SLICE("\r\n"));
	return heard(d);
}

static unsigned
say_rcpt(struct dialogue *d, const struct parcel *p, struct slice to)
{
	static const char *const names[] = { "NEVER", "SUCCESS", "FAILURE",
		"DELAY" };
	const char *before = " NOTIFY=";

	conn_printf(d->conn, "RCPT TO:<%.*s>", (int)to.n, to.p);
	for (unsigned i = 0; i < 4; i++)
		if ((p->notify >> i & 1) != 0) {
			conn_printf(d->conn, "%s%s", before, names[i]);
			before = ",";
		}
	conn_write(d->conn, SLICE("\r\n"));
	return heard(d);
}

/* An address as it may stand between < and >; nothing else is said there. */
static bool
is_address(struct arena *arena, struct slice text)
{
	struct addr_error e;
	struct addr a;

	return addr_parse(arena, text, 0, &a, &e) && a.domain.n > 0 &&
	    slice_eq(addr_text(arena, &a), text);
}

static void
refuse_all(const struct parcel *p, struct refusal *r, struct slice text)
{
	for (size_t i = 0; i < p->n; i++)
		if (!r[i].refused)
			r[i] = (struct refusal){ true, text };
}

/* False: later.  *good: at least one recipient was accepted. */
static bool
envelope(struct dialogue *d, const struct parcel *p, struct arena *arena,
    struct refusal *r, bool *good)
{
	unsigned code = say_mail(d, p);

	*good = false;
	if (is_refused(code))
		refuse_all(p, r, words(d, arena));
	if (!is_good(code))
		return is_refused(code);
	for (size_t i = 0; i < p->n; i++) {
		if (!is_address(arena, p->to[i])) {
			r[i] = (struct refusal){ true,
			    SLICE("553 5.1.3 not a mail address") };
			continue;
		}
		code = say_rcpt(d, p, p->to[i]);
		if (is_refused(code))
			r[i] = (struct refusal){ true, words(d, arena) };
		else if (!is_good(code))
			return false;
		*good |= is_good(code);
	}
	return true;
}

/* ---- the message */

/* False: it could not be read to its end, or nobody takes it any more. */
static bool
body(struct dialogue *d, const struct parcel *p)
{
	char piece[PIECE / 8];
	uint64_t left = p->fd >= 0 ? p->size : 0;

	conn_printf(d->conn, "BDAT %llu LAST\r\n",
	    (unsigned long long)(p->before.n + left));
	conn_write(d->conn, p->before);
	while (left > 0) {
		size_t want = left < sizeof piece ? (size_t)left :
		    sizeof piece;
		ssize_t n = read(p->fd, piece, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		conn_write(d->conn, slice_of(piece, (size_t)n));
		left -= (uint64_t)n;
		if (conn_error(d->conn) != CONN_OK)
			return false;
	}
	return true;
}

static bool
converse(struct dialogue *d, const struct parcel *p, struct arena *arena,
    struct refusal *r, bool *accepted)
{
	unsigned code;
	bool good;

	if (!is_good(heard(d)))
		return false;
	conn_write(d->conn, SLICE("EHLO localhost\r\n"));
	if (!is_good(heard(d)) || !envelope(d, p, arena, r, &good))
		return false;
	if (!good)
		return true;
	if (!body(d, p))
		return false;
	code = heard(d);
	if (is_refused(code))
		refuse_all(p, r, words(d, arena));
	*accepted = is_good(code);
	return is_good(code) || is_refused(code);
}

bool
parcel_submit(const struct parcel *p, struct arena *arena, struct refusal *r,
    bool *accepted)
{
	struct local_session_in in = { 0 };
	struct local_session_out out;
	struct dialogue d = { 0 };
	bool done = false;
	int pair[2];

	*accepted = false;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	in.fd = pair[1];
	d.conn = conn_new(pair[0], "submission");
	conn_idle(d.conn, REPLY_WAIT);
	if (local_session(drop_submission(), &in, &out, arena, ASK_WAIT) ==
	    WIRE_OK)
		done = converse(&d, p, arena, r, accepted);
	if (done)
		conn_write(d.conn, SLICE("QUIT\r\n"));
	conn_close(d.conn);
	response_free(&d.said);
	return done;
}

/* ---- a letter */

/* Who left it, by number: the one thing that is known for sure.  With the name
   of the file, which is no other's, the message is like no other. */
static struct slice
received(struct letter *l)
{
	struct buf b = { 0 };
	struct slice text;

	buf_printf(&b, "Received: by %s (drop, from uid %u) id %s;\r\n\t",
	    drop_conf->server_name.p, l->uid, l->name);
	date_print(&b, l->when);
	buf_str(&b, "\r\n");
	text = arena_slice(&l->arena, buf_view(&b));
	buf_free(&b);
	return text;
}

static bool
any_refused(const struct refusal *r, size_t n)
{
	while (n-- > 0)
		if (r[n].refused)
			return true;
	return false;
}

enum fate
letter_submit(struct letter *l)
{
	const struct dropped *d = &l->dropped;
	struct parcel p = { .from = d->from, .to = d->to, .n = d->n,
		.notify = d->notify, .ret = d->ret, .envid = d->envid,
		.before = received(l), .fd = l->fd, .size = d->size };
	struct refusal *r = arena_array(&l->arena, d->n, sizeof *r);
	bool accepted, told;

	if (p.from.n > 0 && !is_address(&l->arena, p.from))
		p.from = SLICE("");
	if (!parcel_submit(&p, &l->arena, r, &accepted))
		return FATE_LATER;
	LOG(drop_taken, .file = slice_str(l->name), .uid = l->uid,
	    .from = p.from, .recipients = d->n, .size = d->size);
	if (!any_refused(r, d->n))
		return FATE_SENT;
	/* What nobody can be told of would be lost with the file. */
	if (p.from.n > 0 && !notice_send(l, r, &told))
		return FATE_LATER;
	return (p.from.n > 0 && told) || accepted ? FATE_SENT : FATE_KEPT;
}
