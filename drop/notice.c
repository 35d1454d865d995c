/*
 * To the sender of a file: who of its recipients was refused at once.  Its
 * form is that of a delivery status notification (RFC 3464), its return path
 * is null, so nobody ever answers it.
 */
#include <stdio.h>
#include <unistd.h>

#include "common/mail/date.h"
#include "common/mail/header.h"
#include "drop/drop.h"

enum { HEADER_SHOWN = 16 * 1024 };

/* The header of the message, or as much as fits; whole lines. */
static void
original(const struct letter *l, struct buf *b)
{
	char text[HEADER_SHOWN / 2];
	ssize_t n = pread(l->fd, text, sizeof text,
	    (off_t)l->dropped.head);
	struct slice header, body;

	if (n <= 0)
		return;
	header_split(slice_of(text, (size_t)n), &header, &body);
	if (body.n == 0)
		while (header.n > 0 && header.p[header.n - 1] != '\n')
			header.n--;
	/* Only CR LF ends a line: or the notice would be refused itself. */
	while (header.n > 0) {
		struct slice line = line_next(&header);

		if (slice_find(line, '\r') < line.n)
			continue;
		buf_slice(b, line);
		buf_str(b, "\r\n");
	}
}

static void
part(struct buf *b, const char *boundary, const char *type)
{
	buf_printf(b, "\r\n--%s\r\nContent-Type: %s\r\n\r\n", boundary, type);
}

/* The enhanced code behind the reply's, "5.1.1"; or the plainest. */
static struct slice
status(struct slice text)
{
	struct slice rest = text;

	slice_cut(&rest, ' ');
	rest = slice_cut(&rest, ' ');
	return rest.n >= 5 && rest.p[0] == '5' && rest.p[1] == '.' ? rest :
	    SLICE("5.0.0");
}

static void
write_notice(const struct letter *l, const struct refusal *r, struct buf *b)
{
	const struct dropped *d = &l->dropped;
	const char *host = drop_conf->server_name.p;
	char boundary[80];

	snprintf(boundary, sizeof boundary, "drop-%.60s", l->name);
	buf_printf(b, "From: Mail Delivery System <postmaster@%s>\r\n"
	    "To: <%.*s>\r\nSubject: Your mail could not be sent\r\n"
	    "Auto-Submitted: auto-replied\r\nDate: ", host,
	    (int)d->from.n, d->from.p);
	date_print(b, l->when);
	buf_printf(b, "\r\nMessage-ID: <notice.%s@%s>\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    "\tboundary=\"%s\"\r\n", l->name, host, boundary);
	part(b, boundary, "text/plain; charset=utf-8");
	buf_str(b, "Your message was refused for:\r\n\r\n");
	for (size_t i = 0; i < d->n; i++)
		if (r[i].refused)
			buf_printf(b, "  <%.*s>\r\n    %.*s\r\n",
			    (int)d->to[i].n, d->to[i].p, (int)r[i].text.n,
			    r[i].text.p);
	part(b, boundary, "message/delivery-status");
	buf_printf(b, "Reporting-MTA: dns; %s\r\n", host);
	for (size_t i = 0; i < d->n; i++)
		if (r[i].refused)
			buf_printf(b, "\r\nFinal-Recipient: rfc822; %.*s\r\n"
			    "Action: failed\r\nStatus: %.*s\r\n",
			    (int)d->to[i].n, d->to[i].p,
			    (int)status(r[i].text).n, status(r[i].text).p);
	part(b, boundary, "text/rfc822-headers");
	original(l, b);
	buf_printf(b, "\r\n--%s--\r\n", boundary);
}

bool
notice_send(struct letter *l, const struct refusal *r, bool *accepted)
{
	struct buf text = { 0 };
	struct parcel p = { .to = &l->dropped.from, .n = 1, .fd = -1 };
	struct refusal own = { 0 };
	bool done;

	write_notice(l, r, &text);
	p.before = buf_view(&text);
	done = parcel_submit(&p, &l->arena, &own, accepted);
	if (done && !*accepted) {
		/* Who sent it has no mailbox: then it concerns the admin. */
		p.to = &drop_conf->postmaster;
		done = parcel_submit(&p, &l->arena, &own, accepted);
	}
	counts.notices += done && *accepted;
	buf_free(&text);
	return done;
}
