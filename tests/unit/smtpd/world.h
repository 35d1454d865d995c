/*
 * world.h - smtpd between a client and an auth and a queue of ours.
 *
 * What an address leads to is said by its first letter, so that conversations
 * and fuzz inputs choose:
 *
 *	u unknown, f full, d disabled: refused at RCPT
 *	l later, r refused, o over quota, q queued, b became others: by queue
 *	anything else: stored
 *
 * All is local at example.org, and all else is elsewhere.  Who is logged in
 * is user 7, owns the addresses that begin with "a", and says "secret".
 *
 * Whatever queue is handed is checked against what must always hold; CHECK
 * ends the program where it does not.
 */
#ifndef UNIT_SMTPD_WORLD_H
#define UNIT_SMTPD_WORLD_H

#include "common/mail/reply.h"
#include "tests/session.h"

enum { USER = 7, STAMP = 77, MESSAGE_MAX = 200000, RCPTS_MAX = 100, CALLS_MAX = 16 };

static struct {
	enum service	 service;
	/* what is to go wrong */
	bool		 auth_fails, queue_fails, queue_dies, queue_late;
	bool		 revoked;
	enum wire_status queue_status;
	/* what was seen in this session */
	struct buf	 asked, owned;	/* addresses, a line each */
	unsigned	 logins, logouts, submitted, begun;
	unsigned	 promised;	/* good replies that are owed */
	/* the last message handed over */
	struct buf	 head, body;
	struct buf	 token;
	struct slice	 seen;		/* scratch */
	struct request	*late;
	/* a long message on its way */
	struct watch	 pipe;
	struct buf	 piped, envelope;
	struct wire_verdict verdicts[RCPTS_MAX];
	size_t		 n_verdicts;
	bool		 owes;		/* promised, once it is answered OK */
} queue;

/* ---- what addresses mean */

static inline char
letter(struct slice address)
{
	return address.n > 0 ? address.p[0] : '\0';
}

static inline bool
is_ours(struct slice address)
{
	struct slice ours = SLICE("@example.org");

	return address.n > ours.n &&
	    slice_eq(slice_drop(address, address.n - ours.n), ours);
}

static inline enum route
route_of(struct slice address)
{
	if (!is_ours(address))
		return ROUTE_REMOTE;
	switch (letter(address)) {
	case 'u': return ROUTE_UNKNOWN;
	case 'f': return ROUTE_FULL;
	case 'd': return ROUTE_DISABLED;
	default:  return ROUTE_LOCAL;
	}
}

static inline struct wire_verdict
verdict_of(struct slice address)
{
	switch (letter(address)) {
	case 'l': return (struct wire_verdict){ .outcome = OUTCOME_LATER };
	case 'r': return (struct wire_verdict){ .outcome = OUTCOME_REFUSED,
		.code = SLICE("5.7.1"), .text = SLICE("refused by a rule") };
	case 'o': return (struct wire_verdict){ .outcome = OUTCOME_FULL,
		.code = SLICE("5.2.2"), .text = SLICE("mailbox is full") };
	case 'q': return (struct wire_verdict){ .outcome = OUTCOME_QUEUED };
	case 'b': return (struct wire_verdict){ .outcome = OUTCOME_BECAME };
	default:  return (struct wire_verdict){ .outcome = OUTCOME_STORED };
	}
}

static inline bool
owns(struct slice address)
{
	return is_ours(address) && letter(address) == 'a';
}

static inline void
note(struct buf *b, struct slice line)
{
	buf_slice(b, line);
	buf_char(b, '\n');
}

static inline bool
noted(const struct buf *b, struct slice line)
{
	struct slice rest = buf_view(b);

	while (rest.n > 0)
		if (slice_eq(slice_cut(&rest, '\n'), line))
			return true;
	return false;
}

/* ---- what must hold of every message that queue is handed */

/* No CR and no LF alone: nobody downstream may see other lines than we
   (RFC 5321 2.3.8). */
static inline void
check_lines_whole(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\r')
			CHECK(i + 1 < s.n && s.p[i + 1] == '\n');
		if (s.p[i] == '\n')
			CHECK(i > 0 && s.p[i - 1] == '\r');
	}
}

/* Fields, and nothing that ends a header or begins another's field. */
static inline void
check_head(struct slice s)
{
	check_lines_whole(s);
	CHECK(slice_starts(s, SLICE("Received: from ")));
	while (s.n > 0) {
		struct slice line = slice_cut(&s, '\n');

		CHECK(line.n > 1 && line.n <= 999);
		CHECK(line.p[0] == '\t' || line.p[0] == ' ' ||
		    slice_starts(line, SLICE("Received: ")) ||
		    slice_starts(line, SLICE("Date: ")) ||
		    slice_starts(line, SLICE("Message-ID: <")));
	}
}

static inline bool
is_submission(void)
{
	return queue.service == SERVICE_SUBMISSION ||
	    queue.service == SERVICE_SUBMISSIONS;
}

/* Relaying only for users, and everything said since TLS began (SMTP-5,
   SMTP-7; RFC 6409 6.1). */
static inline void
check_envelope(struct slice return_path, uint64_t user, uint8_t sender,
    bool each, const struct wire_recipient *r, size_t n)
{
	CHECK(each == (queue.service == SERVICE_LMTP));
	CHECK(n > 0 && n <= RCPTS_MAX);
	if (is_submission()) {
		CHECK(user == USER && queue.logins > 0);
		CHECK(sender == SENDER_AUTHENTICATED);
		CHECK(return_path.n == 0 || noted(&queue.owned, return_path));
	} else
		CHECK(user == 0 && sender == SENDER_STRANGER);
	for (size_t i = 0; i < n; i++) {
		enum route route = route_of(r[i].address);

		CHECK(noted(&queue.asked, r[i].address));
		CHECK(r[i].local == (route == ROUTE_LOCAL));
		CHECK(route == ROUTE_LOCAL ||
		    (route == ROUTE_REMOTE && user == USER));
	}
}

static inline void
check_message(struct slice before, struct slice after, struct slice body)
{
	buf_clear(&queue.head);
	buf_slice(&queue.head, before);
	buf_str(&queue.head, "0123456789abcdef");
	buf_slice(&queue.head, after);
	check_head(buf_view(&queue.head));
	check_lines_whole(body);
	CHECK(body.n <= MESSAGE_MAX);
	buf_clear(&queue.body);
	buf_slice(&queue.body, body);
}

/* ---- queue */

static inline void
promise(void)
{
	unsigned good = 0;

	for (size_t i = 0; i < queue.n_verdicts; i++) {
		enum outcome o = queue.verdicts[i].outcome;

		good += o == OUTCOME_STORED || o == OUTCOME_QUEUED ||
		    o == OUTCOME_BECAME;
	}
	queue.promised += queue.service == SERVICE_LMTP ? good : good > 0;
}

static inline void
decide(const struct wire_recipient *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		queue.verdicts[i] = verdict_of(r[i].address);
	queue.n_verdicts = n;
}

/* The queue is gone and another one comes: calls under way are lost. */
static inline void
queue_restart(void)
{
	world_answer(ROLE_QUEUE, is_submission() ? ROLE_SUBMISSION :
	    ROLE_SMTPD);
}

/* True if the request was seen to. */
static inline bool
queue_trouble(struct request *r)
{
	world_stir();
	if (queue.queue_dies) {
		queue_restart();
		answer(r, WIRE_AGAIN, NULL);
	} else if (queue.queue_fails)
		answer(r, queue.queue_status, NULL);
	else
		return false;
	return true;
}

static inline void
take_hello(struct request *r)
{
	struct queue_hello_out out = { .key =
	    SLICE("0123456789abcdef0123456789abcdef"), .limit = MESSAGE_MAX };

	world_stir();
	answer(r, WIRE_OK, &out);
}

static inline void
take_submit(struct request *r)
{
	const struct queue_submit_in *in = REQUEST(queue_submit, r);
	struct queue_submit_out out = { .id = 0x1234,
		.verdicts = queue.verdicts };

	check_envelope(in->return_path, in->user, in->sender, in->each,
	    in->recipients, in->n_recipients);
	check_message(in->before, in->after, in->body);
	CHECK(in->body.n <= WIRE_BODY_MAX);
	buf_clear(&queue.token);
	buf_slice(&queue.token, in->token);
	decide(in->recipients, in->n_recipients);
	queue.submitted++;
	if (queue_trouble(r))
		return;
	if (queue.queue_late) {
		queue.late = r;
		return;
	}
	promise();
	out.n_verdicts = queue.n_verdicts;
	answer(r, WIRE_OK, &out);
}

static inline void
pipe_close(void)
{
	if (queue.pipe.fd <= 0)
		return;
	loop_del(&queue.pipe);
	close(queue.pipe.fd);
	queue.pipe.fd = 0;
}

static inline void
pipe_read(void)
{
	static char bytes[65536];
	ssize_t n;

	while ((n = recv(queue.pipe.fd, bytes, sizeof bytes,
	    MSG_DONTWAIT)) > 0)
		buf_add(&queue.piped, bytes, (size_t)n);
	if (n == 0)
		pipe_close();
}

static inline void
pipe_ready(struct watch *w, unsigned events)
{
	(void)w;
	(void)events;
	world_stir();
	pipe_read();
}

static inline void
take_begin(struct request *r)
{
	const struct queue_begin_in *in = REQUEST(queue_begin, r);
	struct queue_begin_out out = { .id = 0x5678 };

	CHECK(in->fd > 0);
	check_envelope(in->return_path, in->user, in->sender, in->each,
	    in->recipients, in->n_recipients);
	decide(in->recipients, in->n_recipients);
	queue.begun++;
	pipe_close();
	if (queue.queue_fails || queue.queue_dies) {
		close(in->fd);
		queue_trouble(r);
		return;
	}
	world_stir();
	queue.pipe.fd = in->fd;
	queue.pipe.ready = pipe_ready;
	buf_clear(&queue.piped);
	CHECK(loop_add(&queue.pipe, LOOP_IN, false));
	answer(r, WIRE_OK, &out);
}

static inline void
take_commit(struct request *r)
{
	const struct queue_commit_in *in = REQUEST(queue_commit, r);
	struct queue_commit_out out = { .id = in->id,
		.verdicts = queue.verdicts, .n_verdicts = queue.n_verdicts };

	world_stir();
	CHECK(in->id == 0x5678 && queue.pipe.fd > 0);
	pipe_read();
	CHECK(queue.piped.n == in->size);
	check_message(in->before, in->after, buf_view(&queue.piped));
	buf_clear(&queue.token);
	buf_slice(&queue.token, in->token);
	if (queue_trouble(r))
		return;
	promise();
	answer(r, WIRE_OK, &out);
}

/* ---- auth */

static inline bool
auth_trouble(struct request *r)
{
	world_stir();
	if (queue.auth_fails)
		answer(r, WIRE_AGAIN, NULL);
	return queue.auth_fails;
}

static inline void
take_rcpt(struct request *r)
{
	struct slice address = REQUEST(auth_rcpt, r)->address;
	struct auth_rcpt_out out = { .route = route_of(address) };

	if (auth_trouble(r))
		return;
	note(&queue.asked, address);
	answer(r, WIRE_OK, &out);
}

static inline void
take_sender(struct request *r)
{
	const struct auth_sender_in *in = REQUEST(auth_sender, r);
	struct auth_sender_out out = { .owns = owns(in->address) };

	CHECK(in->user == USER && in->stamp == STAMP);
	if (auth_trouble(r))
		return;
	out.revoked = queue.revoked;
	if (out.owns)
		note(&queue.owned, in->address);
	answer(r, WIRE_OK, &out);
}

static inline void
take_login(struct request *r)
{
	const struct auth_login_in *in = REQUEST(auth_login, r);
	struct auth_login_out out = { .login = LOGIN_DENIED };

	CHECK(is_submission() && world.tls_starts > 0);
	if (auth_trouble(r))
		return;
	if (slice_eq(in->password, SLICE("later")))
		out.login = LOGIN_LATER;
	else if (slice_eq(in->password, SLICE("secret"))) {
		out = (struct auth_login_out){ .login = LOGIN_OK,
			.user = USER, .session = 70, .stamp = STAMP,
			.address = SLICE("ann@example.org") };
		queue.logins++;
	}
	answer(r, WIRE_OK, &out);
}

static inline void
take_logout(struct request *r)
{
	world_stir();
	queue.logouts++;
	answer(r, WIRE_OK, NULL);
}

/* ---- a session */

/* What was said in the clear is nobody's after the handshake (SMTP-5). */
static inline void
forget(void)
{
	buf_clear(&queue.asked);
	buf_clear(&queue.owned);
	queue.logins = 0;
}

static inline void
smtp_start(void)
{
	world_start(ROLE_SMTPD, "server name mail.example.org\n"
	    "privileges none\n"
	    "accept messages up to 200000 bytes\n"
	    "accept up to 100 recipients per message\n"
	    "end sessions after 30 errors\n"
	    "end sessions after 8 unknown recipients\n"
	    "allow 500 sessions per smtpd process\n"
	    "allow 500 sessions per submission process\n");
	world.on_tls = forget;
	serve(WIRE_queue_hello, take_hello);
	serve(WIRE_queue_submit, take_submit);
	serve(WIRE_queue_begin, take_begin);
	serve(WIRE_queue_commit, take_commit);
	serve(WIRE_auth_rcpt, take_rcpt);
	serve(WIRE_auth_sender, take_sender);
	serve(WIRE_auth_login, take_login);
	serve(WIRE_auth_logout, take_logout);
}

/* A new session, with all in order. */
static inline void
smtp_begin(enum service service)
{
	static bool started;

	if (!started)
		smtp_start();
	started = true;
	forget();
	queue.service = service;
	queue.auth_fails = queue.queue_fails = queue.queue_dies = false;
	queue.queue_late = queue.revoked = world.no_tls = false;
	queue.logouts = queue.submitted = queue.begun = queue.promised = 0;
	buf_clear(&queue.head);
	buf_clear(&queue.body);
	queue_restart();
	world_answer(ROLE_AUTH, is_submission() ? ROLE_SUBMISSION :
	    ROLE_SMTPD);
	world_connect(service);
}

/* Every login is taken back, and a message that was lost is forgotten. */
static inline void
smtp_end(void)
{
	bool logged_in = queue.logins > 0;

	world_disconnect();
	CHECK(queue.logouts == logged_in);
	world_run();
	pipe_close();
}

#endif
