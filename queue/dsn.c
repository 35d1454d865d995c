#include "queue/dsn.h"

#include "common/core/utf8.h"
#include "common/mail/addr.h"
#include "common/mail/date.h"
#include "queue/schedule.h"

static struct buf	host;

void
dsn_host(struct slice server_name)
{
	buf_clear(&host);
	buf_slice(&host, server_name);
	if (host.n == 0)
		buf_str(&host, "localhost");
}

/* How each kind is put, in the order of importance. */
static const struct kind {
	const char	*action;	/* RFC 3464 2.3.3 */
	const char	*status;	/* if nobody said one, RFC 3463 */
	const char	*subject, *before, *after;
} kinds[] = {
	[REPORT_FAILED] = { "failed", "5.0.0",
	    "Your message could not be delivered",
	    "Your message could not be delivered to:",
	    "It will not be tried again." },
	[REPORT_DELAYED] = { "delayed", "4.0.0",
	    "Your message is late",
	    "Your message has not yet been delivered to:",
	    "There is nothing you have to do: it is still being tried." },
	[REPORT_DELIVERED] = { "delivered", "2.0.0",
	    "Your message was delivered",
	    "Your message was delivered to the mailbox of:", NULL },
	[REPORT_RELAYED] = { "relayed", "2.0.0",
	    "Your message was passed on",
	    "Your message was passed on to a host that sends no reports, for:",
	    NULL },
	[REPORT_EXPANDED] = { "expanded", "2.0.0",
	    "Your message was passed on",
	    "Your message was passed on to several addresses by:", NULL },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static bool
has(const struct message *m, enum report kind)
{
	for (uint32_t i = 0; i < m->n_rcpts; i++)
		if (m->rcpts[i].report == kind)
			return true;
	return false;
}

/* ---- texts of others */

static bool
is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* What a mailbox or a peer said, on one line of ours. */
static void
text(struct buf *b, struct slice s)
{
	for (size_t n; s.n > 0; s = slice_drop(s, n)) {
		if ((n = utf8_next(s)) == 0 || is_control(*s.p)) {
			buf_char(b, '?');
			n = 1;
		} else
			buf_slice(b, slice_take(s, n));
	}
}

/* The same where only ASCII may stand, if the message had no SMTPUTF8. */
static void
status_text(struct buf *b, const struct message *m, struct slice s)
{
	size_t at = b->n;

	text(b, s);
	for (; !m->env.smtputf8 && at < b->n; at++)
		if ((b->p[at] & 0x80) != 0)
			b->p[at] = '?';
}

static void
field(struct buf *b, const struct message *m, const char *name,
    const char *type, struct slice value)
{
	buf_str(b, name);
	buf_str(b, type);
	status_text(b, m, value);
	buf_str(b, "\r\n");
}

static void
date_field(struct buf *b, const char *name, uint64_t ms)
{
	buf_str(b, name);
	date_print(b, (int64_t)(ms / 1000));
	buf_str(b, "\r\n");
}

/* ---- the header of the report */

/* The boundary cannot occur in what we quote: it holds our new id. */
static void
boundary(struct buf *b, uint64_t id)
{
	buf_printf(b, "report-%016llx", (unsigned long long)id);
}

static void
part(struct buf *b, uint64_t id, const char *type)
{
	buf_str(b, "\r\n--");
	boundary(b, id);
	buf_printf(b, "\r\nContent-Type: %s\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n\r\n", type);
}

static const char *
subject(const struct message *m)
{
	int kind = REPORT_FAILED;

	while (kind < KINDS - 1 && !has(m, (enum report)kind))
		kind++;
	return kinds[kind].subject;
}

static void
header(struct buf *b, uint64_t id, const struct message *m)
{
	buf_str(b, "From: Mail Delivery System <mailer-daemon@");
	text(b, buf_view(&host));
	buf_str(b, ">\r\n");
	field(b, m, "To: ", "", m->env.return_path);
	buf_printf(b, "Subject: %s\r\n", subject(m));
	date_field(b, "Date: ", queue_clock());
	buf_printf(b, "Message-ID: <%016llx@", (unsigned long long)id);
	text(b, buf_view(&host));
	/* RFC 3834 5: nobody shall answer this by machine. */
	buf_str(b, ">\r\nAuto-Submitted: auto-replied\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    "\tboundary=\"");
	boundary(b, id);
	buf_str(b, "\"\r\nContent-Transfer-Encoding: 8bit\r\n");
}

/* ---- the part for people */

static void
rcpt_words(struct buf *b, const struct rcpt *r)
{
	buf_str(b, "\r\n  ");
	text(b, r->row.address);
	buf_str(b, "\r\n");
	if (r->report != REPORT_FAILED && r->report != REPORT_DELAYED)
		return;
	if (r->row.why.n > 0) {
		buf_str(b, "    ");
		text(b, r->row.why);
		if (r->row.code.n > 0) {
			buf_str(b, " (");
			text(b, r->row.code);
			buf_char(b, ')');
		}
		buf_str(b, "\r\n");
	}
	if (r->row.remote.n > 0) {
		buf_str(b, "    said ");
		text(b, r->row.remote);
		buf_str(b, "\r\n");
	}
}

static void
words(struct buf *b, const struct message *m, enum report kind)
{
	buf_printf(b, "\r\n%s\r\n", kinds[kind].before);
	for (uint32_t i = 0; i < m->n_rcpts; i++)
		if (m->rcpts[i].report == kind)
			rcpt_words(b, &m->rcpts[i]);
	if (kinds[kind].after != NULL)
		buf_printf(b, "\r\n%s\r\n", kinds[kind].after);
}

static bool
returns_all(const struct message *m, struct slice body)
{
	return m->env.ret == RET_FULL && has(m, REPORT_FAILED) &&
	    body.n == m->env.size;
}

static void
for_people(struct buf *b, uint64_t id, const struct message *m,
    struct slice body)
{
	part(b, id, "text/plain; charset=utf-8");
	buf_str(b, "This is the mail system at ");
	text(b, buf_view(&host));
	buf_str(b, ".\r\n");
	for (int kind = REPORT_FAILED; kind < KINDS; kind++)
		if (has(m, (enum report)kind))
			words(b, m, (enum report)kind);
	buf_printf(b, "\r\nTo ask about it, give this number:\r\n%016llx\r\n"
	    "\r\n%s is attached.\r\n", (unsigned long long)m->id,
	    returns_all(m, body) ? "Your message" :
	    "The header of your message");
}

/* ---- the part for programs */

/* "name [address]": the name alone (RFC 3464 2.3.5). */
static struct slice
remote_name(struct slice remote)
{
	size_t n = slice_find(remote, ' ');

	return slice_take(remote, n > 0 ? n : remote.n);
}

/* An SMTP reply begins with its code (RFC 3464 2.3.6, RFC 3463 4). */
static bool
is_reply(const struct rcpt *r)
{
	struct slice s = r->row.why;

	if (r->row.remote.n == 0 || s.n < 4 || s.p[0] < '2' || s.p[0] > '5')
		return false;
	return s.p[1] >= '0' && s.p[1] <= '9' && s.p[2] >= '0' &&
	    s.p[2] <= '9' && (s.p[3] == ' ' || s.p[3] == '-');
}

static struct slice
status(const struct rcpt *r)
{
	const struct kind *k = &kinds[r->report];

	if (r->row.code.n > 0 && (r->report == REPORT_FAILED ||
	    r->row.code.p[0] == k->status[0]))
		return r->row.code;
	return slice_str(k->status);
}

bool
dsn_ascii(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] & 0x80) != 0)
			return false;
	return true;
}

/* RFC 3464 2.3.  Before aliases the sender knew another address: that is the
   Original-Recipient only if the sender said so (RFC 3461 4.2). */
static void
rcpt_status(struct buf *b, const struct message *m, const struct rcpt *r)
{
	bool bad = r->report == REPORT_FAILED || r->report == REPORT_DELAYED;

	buf_str(b, "\r\n");
	if (r->row.orcpt.n > 0)
		field(b, m, "Original-Recipient: ", "", r->row.orcpt);
	field(b, m, "Final-Recipient: ", m->env.smtputf8 &&
	    !dsn_ascii(r->row.address) ? "utf-8; " : "rfc822; ",
	    r->row.address);
	buf_printf(b, "Action: %s\r\n", kinds[r->report].action);
	field(b, m, "Status: ", "", status(r));
	if (r->row.remote.n > 0)
		field(b, m, "Remote-MTA: ", "dns; ",
		    remote_name(r->row.remote));
	if (r->row.why.n > 0 && (bad || is_reply(r)))
		field(b, m, "Diagnostic-Code: ", is_reply(r) ? "smtp; " :
		    "x-postino; ", r->row.why);
	if (r->row.last > 0 && bad && !r->row.local)
		date_field(b, "Last-Attempt-Date: ", r->row.last);
	if (r->report == REPORT_DELAYED)
		date_field(b, "Will-Retry-Until: ", rcpt_expires(m, r));
}

static void
for_programs(struct buf *b, uint64_t id, const struct message *m)
{
	part(b, id, m->env.smtputf8 ? "message/global-delivery-status" :
	    "message/delivery-status");
	if (m->env.envid.n > 0)
		field(b, m, "Original-Envelope-Id: ", "", m->env.envid);
	field(b, m, "Reporting-MTA: ", "dns; ", buf_view(&host));
	date_field(b, "Arrival-Date: ", m->env.accepted);
	for (uint32_t i = 0; i < m->n_rcpts; i++)
		if (m->rcpts[i].report != REPORT_NONE)
			rcpt_status(b, m, &m->rcpts[i]);
}

/* ---- the message itself */

/* The end of the last whole line of the header: at the empty line, or before
   what would be too much. */
static size_t
header_end(struct slice s)
{
	size_t line = 0;

	s = slice_take(s, DSN_HEADER_MAX);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\n')
			continue;
		if (i == line || (i == line + 1 && s.p[line] == '\r'))
			return line;
		line = i + 1;
	}
	return line;
}

static void
original(struct buf *b, uint64_t id, const struct message *m,
    struct slice body)
{
	bool utf8 = m->env.smtputf8;

	if (returns_all(m, body)) {
		part(b, id, utf8 ? "message/global" : "message/rfc822");
		message_prefix(m, b);
		buf_slice(b, body);
		return;
	}
	part(b, id, utf8 ? "message/global-headers" : "text/rfc822-headers");
	message_prefix(m, b);
	buf_slice(b, slice_take(body, header_end(body)));
}

size_t
dsn_wants(const struct message *m)
{
	if (m->env.ret == RET_FULL && m->env.size <= DSN_FULL_MAX)
		return (size_t)m->env.size;
	return DSN_HEADER_MAX;
}

void
dsn_build(struct buf *b, uint64_t id, const struct message *m,
    struct slice body)
{
	header(b, id, m);
	for_people(b, id, m, body);
	for_programs(b, id, m);
	original(b, id, m, body);
	buf_str(b, "\r\n--");
	boundary(b, id);
	buf_str(b, "--\r\n");
}
