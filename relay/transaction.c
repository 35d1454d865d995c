/*
 * One transaction: MAIL, RCPT for each recipient, DATA (RFC 5321 3.3).
 *
 * Where PIPELINING is offered (RFC 2920) the commands go out together, as
 * many as WINDOW before their replies are read, else one by one.  In both
 * cases the replies are heard in the order of the commands: they are numbered
 * 0 for MAIL, 1 to n for the recipients, n + 1 for DATA.
 */
#include "common/mail/addr.h"
#include "relay/relay.h"

/* Both ends would wait for ever if neither read (RFC 2920 3.1): what is said
   must fit the buffers of a connection, and so must the replies. */
enum { WINDOW = 100 };

struct exchange {
	struct session	*s;
	struct lease	*l;
	struct rcpt	**rcpts;	/* the open ones */
	size_t		 n;
	size_t		 said, heard;	/* commands */
	size_t		 accepted;
	bool		 go;		/* 354 was heard */
	bool		 failed;	/* for all: nothing more is said */
	bool		 again;		/* some are for another transaction */
};

/* ---- what becomes of whom */

static void
settle(struct rcpt *r, struct verdict v)
{
	r->verdict = v;
	r->accepted = false;
	r->open = v.fate == FATE_NEXT || v.fate == FATE_SHUT ||
	    v.fate == FATE_OTHER;
}

/* But for those of whom their own reply has said all. */
static void
settle_all(struct exchange *x, struct verdict v)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->rcpts[i]->accepted ||
		    x->rcpts[i]->verdict.fate == FATE_GO)
			settle(x->rcpts[i], v);
	x->accepted = 0;
	x->failed = true;
	x->again = false;
}

/* Those who are as far as DATA. */
static void
settle_accepted(struct exchange *x, struct verdict v)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->rcpts[i]->accepted)
			settle(x->rcpts[i], v);
	x->accepted = 0;
}

static struct verdict
heard(const struct exchange *x, enum fate fate)
{
	return session_verdict(x->s, x->l->arena, fate);
}

/* ---- may this server have this message? */

static bool
unfit(struct exchange *x)
{
	const struct session *s = x->s;
	const struct queue_next_out *m = &x->l->next;

	if (s->size_max > 0 && m->size > s->size_max)
		settle_all(x, verdict_own(FATE_SHUT, "5.3.4",
		    slice_str(arena_printf(x->l->arena, "%s takes messages of "
		    "at most %llu octets, this one has %llu", s->remote,
		    (unsigned long long)s->size_max,
		    (unsigned long long)m->size))));
	else if (x->l->utf8 && !(s->offers & OFFER_SMTPUTF8))
		settle_all(x, verdict_own(FATE_SHUT, "5.6.7",
		    slice_str(arena_printf(x->l->arena, "%s does not take "
		    "addresses and header fields in UTF-8", s->remote))));
	else if (m->eightbit && !(s->offers & OFFER_8BITMIME))
		settle_all(x, verdict_own(FATE_SHUT, "5.6.3",
		    slice_str(arena_printf(x->l->arena, "%s does not take "
		    "octets above 127", s->remote))));
	return x->failed;
}

/* ---- saying */

static void
say_mail(struct exchange *x)
{
	static const char *const rets[] = { "", " RET=FULL", " RET=HDRS" };
	const struct queue_next_out *m = &x->l->next;
	unsigned offers = x->s->offers;
	struct buf *out = conn_out(x->s->conn);

	buf_str(out, "MAIL FROM:<");
	buf_slice(out, m->return_path);
	buf_char(out, '>');
	if (offers & OFFER_SIZE)
		buf_printf(out, " SIZE=%llu", (unsigned long long)m->size);
	if (m->eightbit && (offers & OFFER_8BITMIME))
		buf_str(out, " BODY=8BITMIME");
	if (x->l->utf8)
		buf_str(out, " SMTPUTF8");
	if ((offers & OFFER_DSN) && m->ret <= RET_HDRS)
		buf_str(out, rets[m->ret]);
	if ((offers & OFFER_DSN) && m->envid.n > 0) {
		buf_str(out, " ENVID=");
		xtext_encode(out, m->envid);
	}
	buf_str(out, "\r\n");
}

/* RFC 3461 4.1 */
static void
say_notify(struct buf *out, uint8_t notify)
{
	static const struct {
		uint8_t		 bit;
		const char	*word;
	} words[] = { { NOTIFY_NEVER, "NEVER" }, { NOTIFY_SUCCESS, "SUCCESS" },
		{ NOTIFY_FAILURE, "FAILURE" }, { NOTIFY_DELAY, "DELAY" } };
	const char *before = " NOTIFY=";

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (notify & words[i].bit) {
			buf_str(out, before);
			buf_str(out, words[i].word);
			before = ",";
		}
}

static void
say_rcpt(struct exchange *x, struct rcpt *r)
{
	struct buf *out = conn_out(x->s->conn);

	buf_str(out, "RCPT TO:<");
	buf_slice(out, r->due->address);
	buf_char(out, '>');
	r->relayed = (x->s->offers & OFFER_DSN) != 0;
	if (r->relayed) {
		say_notify(out, r->due->notify);
		if (r->due->orcpt.n > 0) {
			buf_str(out, " ORCPT=");
			buf_slice(out, r->due->orcpt);
		}
	}
	buf_str(out, "\r\n");
}

static void
say(struct exchange *x)
{
	size_t i = x->said++;

	if (i == 0)
		say_mail(x);
	else if (i <= x->n)
		say_rcpt(x, x->rcpts[i - 1]);
	else
		conn_write(x->s->conn, SLICE("DATA\r\n"));
}

static bool
may_say(const struct exchange *x)
{
	size_t window = x->s->offers & OFFER_PIPELINING ? WINDOW : 1;

	if (x->failed || x->said == x->n + 2 || x->said - x->heard >= window)
		return false;
	/* Nobody is left, and all were heard. */
	return x->said < x->n + 1 || x->accepted > 0 || x->heard < x->said;
}

/* ---- hearing */

static void
hear_mail(struct exchange *x)
{
	enum fate fate = session_hear(x->s, STEP_MAIL);

	if (fate != FATE_GO)
		settle_all(x, heard(x, fate));
}

/* RFC 5321 4.5.3.1.10: after others were accepted these codes mean that there
   are too many; the rest may have a transaction of their own. */
static bool
is_too_many(const struct exchange *x)
{
	return x->accepted > 0 && !x->l->next.fd &&
	    (x->s->said.code == 452 || x->s->said.code == 552);
}

static void
hear_rcpt(struct exchange *x, struct rcpt *r)
{
	enum fate fate = session_hear(x->s, STEP_RCPT);

	if (!x->s->alive) {
		settle_all(x, heard(x, fate));
	} else if (x->failed) {
		;			/* MAIL was refused: this echoes it */
	} else if (fate == FATE_GO) {
		r->accepted = true;
		x->accepted++;
	} else if (is_too_many(x)) {
		settle(r, heard(x, FATE_OTHER));
		x->again = true;
	} else
		settle(r, heard(x, fate));
}

static void
hear_data(struct exchange *x)
{
	enum fate fate = session_hear(x->s, STEP_DATA);

	x->go = fate == FATE_GO;
	if (!x->s->alive)
		settle_all(x, heard(x, fate));
	else if (!x->failed && !x->go)
		settle_accepted(x, heard(x, fate));
}

static void
hear(struct exchange *x)
{
	size_t i = x->heard++;

	if (i == 0)
		hear_mail(x);
	else if (i <= x->n)
		hear_rcpt(x, x->rcpts[i - 1]);
	else
		hear_data(x);
}

static void
envelope(struct exchange *x)
{
	do {
		while (may_say(x))
			say(x);
		if (x->heard < x->said)
			hear(x);
	} while (x->s->alive && (x->heard < x->said || may_say(x)));
}

/* ---- the message */

/* DATA was said before it was clear that nobody would have the message: then
   an empty one ends it, whatever they say of that (RFC 2920 3.1). */
static void
nothing(struct exchange *x)
{
	conn_write(x->s->conn, SLICE(".\r\n"));
	session_hear(x->s, STEP_DOT);
}

static void
message(struct exchange *x)
{
	struct session *s = x->s;

	if (!body_send(s, x->l)) {
		s->alive = false;
		settle_accepted(x, heard(x, FATE_LATER));
		return;
	}
	enum fate fate = session_hear(s, STEP_DOT);

	settle_accepted(x, heard(x, fate));
	s->open = !s->alive;
}

static bool
reset(struct exchange *x)
{
	enum fate fate;

	if (!x->s->open)
		return true;
	conn_write(x->s->conn, SLICE("RSET\r\n"));
	fate = session_hear(x->s, STEP_RSET);
	x->s->open = fate != FATE_GO;
	if (fate == FATE_GO)
		return true;
	x->s->alive = false;
	settle_all(x, heard(x, fate));
	return false;
}

static void
take_open(struct exchange *x)
{
	x->rcpts = arena_array(x->l->arena, x->l->next.n_recipients + 1,
	    sizeof *x->rcpts);
	for (size_t i = 0; i < x->l->next.n_recipients; i++) {
		struct rcpt *r = &x->l->rcpts[i];

		if (!r->open)
			continue;
		r->verdict = (struct verdict){ .fate = FATE_GO };
		x->rcpts[x->n++] = r;
	}
}

bool
transaction(struct session *s, struct lease *l)
{
	struct exchange x = { .s = s, .l = l };

	take_open(&x);
	s->messages++;
	if (unfit(&x) || !reset(&x))
		return false;
	s->open = true;
	envelope(&x);
	if (x.go && x.accepted > 0)
		message(&x);
	else if (x.go)
		nothing(&x);
	return x.again && s->alive && !l->sent;
}
