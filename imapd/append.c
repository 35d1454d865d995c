/* APPEND (RFC 9051 6.3.12), several messages in one (RFC 3502). */
#include "imapd/session.h"

#include <string.h>
#include <time.h>

#include "common/mail/digest.h"
#include "common/task/stream.h"
#include "common/task/task.h"

enum { PIECE = 64 * 1024, STREAM_WAIT = 60000, MESSAGES_MAX = 1000 };

struct append {
	struct session	*s;
	struct slice	 name;
	uint32_t	 mailbox;	/* 0: store was not yet asked for it */
	struct wire_appended *v;
	size_t		 n, cap;
	struct buf	 body;		/* of the only message, if small */
};

/* ---- a long message on its way to store */

static void
arrived(void *arg, enum wire_status status, const void *out)
{
	const struct box_body_out *answer = out;

	stream_answered(arg, status == WIRE_OK ? answer->number : 0);
}

static void
send_begin(struct session *s, struct stream *st)
{
	struct box_body_in in = { .size = s->literal };

	in.fd = stream_open(st, STREAM_WAIT);
	if (in.fd > 0)
		st->call = link_call(s->store, WIRE_box_body, &in,
		    LINK_WAIT + imapd_conf->data_wait, arrived, st);
}

/* ---- one message */

/* Every octet of the message, once; false: the client is gone.  Only what came
   as literal8 may have NUL in it, but what is there is kept (RFC 9051 4.3.1 is
   for those who send). */
static bool
read_long(struct append *p, struct wire_appended *m)
{
	struct session *s = p->s;
	struct digester *d = digester_new(NULL);
	struct buf digest = { 0 };
	struct stream st;
	struct slice piece;

	send_begin(s, &st);
	for (; s->literal > 0; s->literal -= piece.n) {
		piece = conn_read_some(s->conn, s->literal < PIECE ?
		    (size_t)s->literal : PIECE);
		if (piece.n == 0)
			break;
		digester_feed(d, piece);
		stream_write(&st, piece);
		task_breathe();
	}
	digester_end(d, &digest);
	m->digest = arena_slice(&s->arena, buf_view(&digest));
	buf_free(&digest);
	stream_close(&st, s->literal == 0);
	m->number = st.number;
	if (s->literal > 0)
		return false;
	if (m->number == 0)
		session_no(s, "[UNAVAILABLE] the message cannot be kept now");
	return true;
}

static bool
read_short(struct append *p, struct wire_appended *m)
{
	struct session *s = p->s;
	struct buf digest = { 0 };

	buf_clear(&p->body);
	if (!conn_read_all(s->conn, (size_t)s->literal, &p->body))
		return false;
	s->literal = 0;
	digest_make(&digest, buf_view(&p->body));
	m->digest = arena_slice(&s->arena, buf_view(&digest));
	buf_free(&digest);
	return true;
}

/* A short message that turns out not to be the only one. */
static void
hand_over(struct append *p)
{
	struct session *s = p->s;
	struct box_body_in in = { .size = p->body.n,
		.body = buf_view(&p->body) };
	struct box_body_out out;

	if (p->n == 0 || p->v[p->n - 1].number != 0 || s->replied)
		return;
	if (box_body(s->store, &in, &out, &s->arena, LINK_WAIT) == WIRE_OK)
		p->v[p->n - 1].number = out.number;
	else
		session_no(s, "[UNAVAILABLE] the message cannot be kept now");
}

static struct wire_appended *
message_add(struct append *p)
{
	if (p->n == p->cap) {
		struct wire_appended *more;

		p->cap = p->cap * 2 + 4;
		more = arena_array(&p->s->arena, p->cap, sizeof *more);
		if (p->n > 0)
			memcpy(more, p->v, p->n * sizeof *more);
		p->v = more;
	}
	return &p->v[p->n++];
}

/* Is the mailbox there?  A short message that is on its way already is read in
   any case: then box_append says it, and the question is saved. */
static bool
find(struct append *p)
{
	struct session *s = p->s;
	struct box_status_in in = { .name = p->name };
	struct box_status_out out;
	enum wire_status status;

	if (p->mailbox != 0)
		return true;
	status = box_status(s->store, &in, &out, &s->arena, LINK_WAIT);
	p->mailbox = status == WIRE_OK ? out.mailbox : 0;
	if (status == WIRE_NONE || (status == WIRE_OK && out.mailbox == 0))
		session_no(s, "[TRYCREATE] there is no such mailbox");
	else if (status != WIRE_OK)
		session_failed(s, status);
	return p->mailbox != 0;
}

/* "(\Seen) "date" " before the literal.  False: the reply was written. */
static bool
options(struct append *p, struct scan *a, uint64_t *flags, int64_t *when)
{
	struct flag_names said = { 0 };

	*when = (int64_t)time(NULL);
	if (scan_next_is(a, '(') &&
	    (!scan_flags(a, true, &said) || !scan_space(a)))
		session_misread(p->s, a);
	else if (scan_next_is(a, '"') &&
	    (!scan_date_time(a, when) || !scan_space(a)))
		session_misread(p->s, a);
	else if (!scan_end(a) || !p->s->announced)
		session_bad(p->s, "the message is a literal: {number}");
	else
		return (said.n == 0 || find(p)) &&
		    view_bits(p->s, p->mailbox, &said, flags);
	return false;
}

static bool
acceptable(struct session *s)
{
	if (!command_may_send(s))
		session_bad(s, "[TOOBIG] over 4096 octets say {number}, and "
		    "wait");
	else if (s->literal == 0)
		session_no(s, "[CANNOT] a message has octets");
	else if (s->literal > imapd_conf->message_max)
		session_no(s, "[TOOBIG] at most %llu octets", (unsigned
		    long long)imapd_conf->message_max);
	else
		return true;
	return false;
}

/* Reads one message.  False: the command is over. */
static bool
message(struct append *p, struct scan *a)
{
	struct session *s = p->s;
	struct wire_appended *m;
	uint64_t flags;
	int64_t when;
	bool good;

	hand_over(p);
	if (p->n == MESSAGES_MAX)
		session_no(s, "[LIMIT] too many messages at once");
	if (s->replied || !options(p, a, &flags, &when) || !acceptable(s))
		return false;
	if ((s->literal_waits || s->literal > WIRE_BODY_MAX) && !find(p))
		return false;
	if (s->literal_waits) {
		s->literal_waits = false;
		command_go_on(s);
	}
	m = message_add(p);
	m->flags = flags;
	m->when = when < 0 ? 0 : (uint64_t)when * 1000;
	command_deadline(s, true);
	good = s->literal > WIRE_BODY_MAX ? read_long(p, m) :
	    read_short(p, m);
	command_deadline(s, false);
	return good;
}

/* ---- the command */

static void
commit(struct append *p)
{
	struct session *s = p->s;
	struct box_append_in in = { .mailbox = p->mailbox, .name = p->name,
		.messages = p->v, .n_messages = p->n };
	struct box_append_out out;
	enum wire_status status;

	if (p->n > 1)
		hand_over(p);
	if (s->replied)
		return;
	if (p->v[p->n - 1].number == 0)
		in.body = buf_view(&p->body);
	status = box_append(s->store, &in, &out, &s->arena, LINK_WAIT);
	if (status == WIRE_NONE && p->mailbox == 0) {
		session_no(s, "[TRYCREATE] there is no such mailbox");
		return;
	}
	if (status != WIRE_OK) {
		session_failed(s, status);
		return;
	}
	if (out.full) {
		session_no(s, "[OVERQUOTA] there is no room for that");
		return;
	}
	view_added(s, &out, (uint32_t)p->n);
	if (p->n == 1)
		session_ok(s, "[APPENDUID %u %u] kept", out.uidvalidity,
		    out.first);
	else
		session_ok(s, "[APPENDUID %u %u:%u] kept", out.uidvalidity,
		    out.first, out.first + (uint32_t)p->n - 1);
}

/* All messages, then one commit: all are kept or none. */
static void
append(struct append *p, struct scan *a)
{
	struct session *s = p->s;

	do {
		if (!message(p, a) || !command_rest(s, a))
			return;
	} while (!scan_at_end(a) && (scan_space(a) ||
	    (session_misread(s, a), false)));
	if (!s->replied && scan_at_end(a))
		commit(p);
}

void
cmd_append(struct session *s, struct scan *a)
{
	struct append p = { .s = s };

	if (scan_space(a) && scan_mailbox(a, &p.name) && scan_space(a)) {
		/* The text it lies in is replaced by what follows a message. */
		p.name = arena_slice(&s->arena, p.name);
		append(&p, a);
	} else
		session_misread(s, a);
	buf_free(&p.body);
}
