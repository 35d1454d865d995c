/*
 * message.c - a message on its way from the peer to queue.
 *
 * Up to WIRE_BODY_MAX it is gathered and goes in one call, with its envelope.
 * What is longer flows through a socket of its own as it comes, so that
 * neither we nor queue hold it, and no other session waits behind it.
 *
 * The first WIRE_BODY_MAX octets are looked at here; that covers any header
 * worth the name.  Users must not send a longer one.
 */
#include "smtpd/session.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/core/codec.h"
#include "common/core/log.h"
#include "common/mail/addrlist.h"
#include "common/mail/date.h"
#include "common/mail/header.h"
#include "common/mail/trace.h"
#include "smtpd/token.h"

enum {
	COMMIT_WAIT = 300000,	/* ms; clients wait 10 min (RFC 5321 4.5.3.2.6) */
	RECEIVED_MAX = 100,	/* hops, then it is a loop (RFC 5321 6.3) */
};

struct message {
	struct session	*session;
	struct buf	 body;		/* until it is looked at, or gone */
	uint64_t	 size;
	struct token	*token;
	bool		 looked;	/* the header was inspected */
	bool		 named;		/* it has a Message-ID */
	enum reply	 refusal;	/* REPLIES: none so far */
	bool		 eightbit;	/* octets above 127 */
	bool		 strict, cr;	/* BDAT: line ends are checked here */
	struct conn	*pipe;		/* to queue; NULL: not needed so far */
	uint64_t	 id;		/* queue's, with pipe */
	struct buf	 before, after;	/* Received, and what is missing */
	struct arena	 arena;
};

struct message *
message_begin(struct session *s)
{
	struct message *m = mem_zero(sizeof *m);

	m->session = s;
	m->refusal = REPLIES;
	m->token = token_begin();
	return m;
}

void
message_drop(struct message *m)
{
	if (m == NULL)
		return;
	/* queue sees the end of the pipe without a commit, and forgets. */
	if (m->pipe != NULL)
		conn_close(m->pipe);
	token_free(m->token);
	buf_free(&m->body);
	buf_free(&m->before);
	buf_free(&m->after);
	arena_free(&m->arena);
	free(m);
}

static void
refuse(struct message *m, enum reply why)
{
	if (m->refusal == REPLIES)
		m->refusal = why;
}

/* ---- looking at the header */

/* Do all addresses of this field belong to the user?  The first that does
   not is enough. */
static void
check_owner(struct message *m, struct slice field)
{
	struct addrlist list = { .rest = field };
	struct address a;

	while (m->refusal == REPLIES && addrlist_next(&m->arena, &list, &a)) {
		struct auth_sender_in in = { .user = m->session->user,
			.stamp = m->session->stamp };
		struct auth_sender_out out;

		if (a.kind != ADDRESS_MAILBOX)
			continue;
		in.address = slice_str(arena_printf(&m->arena, "%.*s@%.*s",
		    (int)a.local.n, a.local.p, (int)a.domain.n, a.domain.p));
		if (auth_sender(smtpd_auth(), &in, &out, &m->arena,
		    LINK_WAIT) != WIRE_OK || out.revoked)
			refuse(m, REPLY_LOCAL_ERROR);
		else if (!out.owns)
			refuse(m, REPLY_NOT_OWNER);
	}
	/* Behind ADDRLIST_MAX nobody looked. */
	if (list.n == 0 || list.n >= ADDRLIST_MAX)
		refuse(m, REPLY_BAD_HEADER);
}

/* One From, at most one Sender, and whoever they name is the user (SMTP-11,
   RFC 6409 6.1 and 8, RFC 5322 3.6). */
static void
check_author(struct message *m, struct slice header)
{
	size_t senders = header_count(header, "Sender");
	struct field f;

	if (header_count(header, "From") != 1 || senders > 1 ||
	    !header_find(header, "From", &f)) {
		refuse(m, REPLY_BAD_HEADER);
		return;
	}
	check_owner(m, f.body);
	if (senders == 1 && header_find(header, "Sender", &f))
		check_owner(m, f.body);
}

/* A submission server adds what the client left out (RFC 6409 8.2, 8.3). */
static void
complete(struct message *m, struct slice header)
{
	struct field f;
	unsigned char random[12];
	struct buf hex = { 0 };

	if (!header_find(header, "Date", &f)) {
		buf_str(&m->after, "Date: ");
		date_print(&m->after, (int64_t)time(NULL));
		buf_str(&m->after, "\r\n");
	}
	if (!m->named) {
		token_random(random, sizeof random);
		hex_encode(&hex, slice_of(random, sizeof random));
		buf_printf(&m->after, "Message-ID: <%s@%s>\r\n",
		    buf_cstr(&hex), smtpd_conf->server_name.p);
		buf_free(&hex);
	}
}

static void
received(struct message *m)
{
	struct session *s = m->session;
	struct buf tls = { 0 };
	struct trace t = {
		.helo = s->helo, .by = smtpd_conf->server_name,
		.for_one = s->tx.n == 1 ? s->tx.rcpts[0].address : SLICE(""),
		.when = (int64_t)time(NULL), .esmtp = s->extended,
		.lmtp = s->lmtp, .auth = s->user != 0 };

	if (s->service != SERVICE_LMTP && !s->local)
		t.client_ip = slice_str(conn_peer(s->conn));
	if (conn_is_tls(s->conn))
		buf_printf(&tls, "%s %s", conn_tls_version(s->conn),
		    conn_tls_cipher(s->conn));
	t.tls = buf_view(&tls);
	trace_received(&t, &m->before, &m->after);
	buf_free(&tls);
}

/* Once, when the header is there: all of it, or all we look at. */
static void
look(struct message *m)
{
	struct slice header, body;
	struct field f;

	if (m->looked)
		return;
	m->looked = true;
	header_split(buf_view(&m->body), &header, &body);
	m->named = header_find(header, "Message-ID", &f);
	if (header_count(header, "Received") > RECEIVED_MAX)
		refuse(m, REPLY_LOOP);
	received(m);
	if (m->session->submission) {
		/* What nobody looked at may name other authors. */
		if (header.n < m->size && body.n == 0)
			refuse(m, REPLY_BAD_HEADER);
		if (!m->session->local)
			check_author(m, header);
		complete(m, header);
	}
}

/* ---- the octets */

void
message_chunked(struct message *m)
{
	m->strict = true;
}

/* BDAT counts octets, so nothing can be smuggled past its end; but a bare CR
   or LF would still be one in the next server's DATA. */
static void
check_lines(struct message *m, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (m->cr && s.p[i] != '\n')
			refuse(m, REPLY_BARE_CR);
		if (!m->cr && s.p[i] == '\n')
			refuse(m, REPLY_BARE_LF);
		m->cr = s.p[i] == '\r';
	}
}

/* The next host may not take them (RFC 6152 3). */
static bool
has_eightbit(struct slice s)
{
	unsigned char all = 0;

	for (size_t i = 0; i < s.n; i++)
		all |= (unsigned char)s.p[i];
	return (all & 0x80) != 0;
}

static void
envelope(struct message *m, struct wire_recipient **rcpts)
{
	const struct transaction *tx = &m->session->tx;

	*rcpts = arena_array(&m->arena, tx->n, sizeof **rcpts);
	for (size_t i = 0; i < tx->n; i++) {
		(*rcpts)[i].address = tx->rcpts[i].address;
		(*rcpts)[i].local = tx->rcpts[i].local;
		(*rcpts)[i].notify = tx->rcpts[i].notify;
		(*rcpts)[i].orcpt = tx->rcpts[i].orcpt;
	}
}

/* A bounce goes only to who is known to be who he says (SMTP-8). */
static uint8_t
sender_class(const struct session *s)
{
	return s->user != 0 || s->local ? SENDER_AUTHENTICATED :
	    SENDER_STRANGER;
}

/* Too long for one call: from here on through a pipe. */
static void
pipe_open(struct message *m)
{
	struct session *s = m->session;
	struct queue_begin_in in = { .return_path = s->tx.return_path,
		.sender = sender_class(s), .user = s->user,
		.client = slice_str(conn_peer(s->conn)), .session = s->number,
		.envid = s->tx.envid, .ret = s->tx.ret, .each = s->lmtp,
		.once = s->local, .n_recipients = s->tx.n };
	struct queue_begin_out out;
	enum wire_status status;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		refuse(m, REPLY_LOCAL_ERROR);
		return;
	}
	envelope(m, &in.recipients);
	in.fd = pair[1];
	m->pipe = conn_new(pair[0], "queue");
	conn_idle(m->pipe, COMMIT_WAIT);
	status = queue_begin(smtpd_queue(), &in, &out, &m->arena, LINK_WAIT);
	if (status != WIRE_OK)
		refuse(m, status == WIRE_AGAIN ? REPLY_NO_SPACE :
		    REPLY_LOCAL_ERROR);
	m->id = out.id;
}

static void
pipe_write(struct message *m, struct slice s)
{
	conn_write(m->pipe, s);
	if (conn_error(m->pipe) != CONN_OK)
		refuse(m, REPLY_LOCAL_ERROR);
}

/* Returns what is left over for the pipe.  The body is filled to its last
   octet before it is looked at: however the peer cuts its message, a first
   piece cannot pass for the whole header. */
static struct slice
gather(struct message *m, struct slice s)
{
	struct slice first = slice_take(s, WIRE_BODY_MAX - m->body.n);

	buf_slice(&m->body, first);
	s = slice_drop(s, first.n);
	if (s.n == 0)
		return s;
	look(m);
	if (m->refusal == REPLIES)
		pipe_open(m);
	if (m->refusal == REPLIES) {
		pipe_write(m, buf_view(&m->body));
		buf_free(&m->body);
	}
	return s;
}

void
message_body(struct message *m, struct slice s)
{
	if (m->strict)
		check_lines(m, s);
	m->size += s.n;
	if (m->size > smtpd_conf->message_max)
		refuse(m, REPLY_TOO_BIG);
	if (m->refusal != REPLIES)
		return;
	token_add(m->token, s);
	m->eightbit = m->eightbit || has_eightbit(s);
	if (m->pipe == NULL)
		s = gather(m, s);
	if (s.n > 0 && m->refusal == REPLIES)
		pipe_write(m, s);
}

bool
message_refused(struct message *m, struct session *s)
{
	if (m->refusal == REPLIES)
		return false;
	session_reply(s, m->refusal, SLICE(""));
	return true;
}

/* ---- the end */

/* What queue said of the recipients, as one reply (SMTP): accepted if anybody
   was; queue has seen to a report for the others. */
static void
reply_once(struct session *s, uint64_t id, const struct wire_verdict *v,
    size_t n)
{
	struct buf text = { 0 };

	for (size_t i = 0; i < n; i++)
		if (v[i].outcome == OUTCOME_STORED ||
		    v[i].outcome == OUTCOME_QUEUED ||
		    v[i].outcome == OUTCOME_BECAME) {
			buf_printf(&text, "%016llx", (unsigned long long)id);
			session_reply(s, REPLY_ACCEPTED, buf_view(&text));
			buf_free(&text);
			return;
		}
	if (n == 0 || v[0].outcome == OUTCOME_LATER)
		session_reply(s, REPLY_LOCAL_ERROR, SLICE(""));
	else
		reply_verdict(conn_out(s->conn), v[0].code, v[0].text);
}

/* LMTP: one reply a recipient, in the order of RCPT (RFC 2033 4.2). */
static void
reply_each(struct session *s, const struct wire_verdict *v, size_t n)
{
	for (size_t i = 0; i < s->tx.n; i++) {
		if (i >= n || v[i].outcome == OUTCOME_LATER)
			session_reply(s, REPLY_LOCAL_ERROR,
			    s->tx.rcpts[i].address);
		else if (v[i].outcome == OUTCOME_REFUSED ||
		    v[i].outcome == OUTCOME_FULL)
			reply_verdict(conn_out(s->conn), v[i].code, v[i].text);
		else
			session_reply(s, REPLY_DELIVERED,
			    s->tx.rcpts[i].address);
	}
}

/* LMTP answers for each recipient, also when all fare alike. */
static void
reply_all(struct session *s, enum reply reply)
{
	for (size_t i = 0; i < (s->lmtp ? s->tx.n : 1); i++)
		session_reply(s, reply, SLICE(""));
}

/* What goes wrong on the way to queue: after GONE and TIMEOUT it may or may
   not have the message, so the peer tries again (rule 10 finds out). */
static enum reply
not_taken(enum wire_status status)
{
	return status == WIRE_AGAIN ? REPLY_NO_SPACE : REPLY_LOCAL_ERROR;
}

static void
answered(struct session *s, enum wire_status status, uint64_t id,
    const struct wire_verdict *v, size_t n)
{
	if (status != WIRE_OK)
		reply_all(s, not_taken(status));
	else if (s->lmtp)
		reply_each(s, v, n);
	else
		reply_once(s, id, v, n);
}

static void
submit(struct session *s, struct message *m, struct slice token)
{
	struct queue_submit_in in = { .return_path = s->tx.return_path,
		.sender = sender_class(s), .user = s->user,
		.client = slice_str(conn_peer(s->conn)), .session = s->number,
		.envid = s->tx.envid, .ret = s->tx.ret,
		.eightbit = m->eightbit, .each = s->lmtp, .once = s->local,
		.token = token, .n_recipients = s->tx.n,
		.before = buf_view(&m->before), .after = buf_view(&m->after),
		.body = buf_view(&m->body) };
	struct queue_submit_out out;
	enum wire_status status;

	envelope(m, &in.recipients);
	status = queue_submit(smtpd_queue(), &in, &out, &m->arena, COMMIT_WAIT);
	answered(s, status, out.id, out.verdicts, out.n_verdicts);
}

static void
commit(struct session *s, struct message *m, struct slice token)
{
	struct queue_commit_in in = { .id = m->id, .size = m->size,
		.eightbit = m->eightbit, .token = token, .before = buf_view(&m->before),
		.after = buf_view(&m->after) };
	struct queue_commit_out out;
	enum wire_status status = WIRE_GONE;

	if (conn_flush(m->pipe))
		status = queue_commit(smtpd_queue(), &in, &out, &m->arena,
		    COMMIT_WAIT);
	else
		memset(&out, 0, sizeof out);
	/* The id it has now: a retry goes on under its first one. */
	answered(s, status, out.id, out.verdicts, out.n_verdicts);
}

void
message_end(struct session *s, struct message *m)
{
	unsigned char token[TOKEN_SIZE];
	struct slice t = { 0 };

	if (m->strict && m->cr)
		refuse(m, REPLY_BARE_CR);
	if (m->refusal == REPLIES)
		look(m);
	if (m->refusal != REPLIES)
		reply_all(s, m->refusal);
	else {
		/* Only what has a Message-ID of its sender's is "the same
		   message" when it comes again (RFC 5322 3.6.4).  drop names
		   each file in what it adds. */
		if ((m->named || s->local) && token_end(m->token, s, token))
			t = slice_of(token, sizeof token);
		if (m->pipe == NULL)
			submit(s, m, t);
		else
			commit(s, m, t);
	}
	message_drop(m);
}
