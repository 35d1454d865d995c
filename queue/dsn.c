#include "queue/dsn.h"

#include "common/mail/addr.h"
#include "common/mail/date.h"

static struct buf	host;

void
dsn_host(struct slice server_name)
{
	buf_clear(&host);
	buf_slice(&host, server_name);
	if (host.n == 0)
		buf_str(&host, "localhost");
}

static bool
is_about(const struct rcpt *r)
{
	return r->state == RCPT_SETTLED && r->then == RCPT_SETTLED;
}

/* What a mailbox or a peer said, on one line of ours. */
static void
text(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_char(b, (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ?
		    '?' : s.p[i]);
}

static void
field(struct buf *b, const char *name, const char *type, struct slice value)
{
	buf_str(b, name);
	buf_str(b, type);
	text(b, value);
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

static void
header(struct buf *b, uint64_t id, const struct message *m)
{
	buf_str(b, "From: Mail Delivery System <mailer-daemon@");
	text(b, buf_view(&host));
	buf_str(b, ">\r\n");
	field(b, "To: ", "", m->env.return_path);
	buf_str(b, "Subject: Your message could not be delivered\r\nDate: ");
	date_print(b, (int64_t)(queue_clock() / 1000));
	buf_printf(b, "\r\nMessage-ID: <%016llx@", (unsigned long long)id);
	text(b, buf_view(&host));
	/* RFC 3834 5: nobody shall answer this by machine. */
	buf_str(b, ">\r\nAuto-Submitted: auto-replied\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    "\tboundary=\"");
	boundary(b, id);
	buf_str(b, "\"\r\nContent-Transfer-Encoding: 8bit\r\n");
}

/* ---- the three parts */

static void
for_people(struct buf *b, uint64_t id, const struct message *m)
{
	part(b, id, "text/plain; charset=utf-8");
	buf_str(b, "This is the mail system at ");
	text(b, buf_view(&host));
	buf_str(b, ".\r\n\r\nYour message could not be delivered to:\r\n");
	for (uint32_t i = 0; i < m->n_rcpts; i++) {
		const struct rcpt *r = &m->rcpts[i];

		if (!is_about(r))
			continue;
		buf_str(b, "\r\n  ");
		text(b, r->row.address);
		buf_str(b, "\r\n    ");
		text(b, r->row.why);
		buf_str(b, " (");
		text(b, r->row.code);
		buf_str(b, ")\r\n");
	}
	buf_printf(b, "\r\nIt will not be tried again.  To ask about it, give "
	    "this number:\r\n%016llx\r\n\r\nThe header of your message is "
	    "attached.\r\n", (unsigned long long)m->id);
}

/* RFC 3464 2.3.  Before aliases the sender knew another address: that is the
   Original-Recipient only if the sender said so (RFC 3461 4.2). */
static void
rcpt_status(struct buf *b, const struct rcpt *r)
{
	buf_str(b, "\r\n");
	if (r->row.orcpt.n > 0)
		field(b, "Original-Recipient: ", "", r->row.orcpt);
	field(b, "Final-Recipient: ", "rfc822; ", r->row.address);
	buf_str(b, "Action: failed\r\n");
	field(b, "Status: ", "", r->row.code);
	field(b, "Diagnostic-Code: ", "x-postino; ", r->row.why);
}

static void
for_programs(struct buf *b, uint64_t id, const struct message *m)
{
	part(b, id, "message/delivery-status");
	if (m->env.envid.n > 0)
		field(b, "Original-Envelope-Id: ", "", m->env.envid);
	field(b, "Reporting-MTA: ", "dns; ", buf_view(&host));
	buf_str(b, "Arrival-Date: ");
	date_print(b, (int64_t)(m->env.accepted / 1000));
	buf_str(b, "\r\n");
	for (uint32_t i = 0; i < m->n_rcpts; i++)
		if (is_about(&m->rcpts[i]))
			rcpt_status(b, &m->rcpts[i]);
}

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
original_header(struct buf *b, uint64_t id, const struct message *m,
    struct slice body)
{
	part(b, id, "text/rfc822-headers");
	message_prefix(m, b);
	buf_slice(b, slice_take(body, header_end(body)));
}

void
dsn_build(struct buf *b, uint64_t id, const struct message *m,
    struct slice body)
{
	header(b, id, m);
	for_people(b, id, m);
	for_programs(b, id, m);
	original_header(b, id, m, body);
	buf_str(b, "\r\n--");
	boundary(b, id);
	buf_str(b, "--\r\n");
}
