#include "sendmail/sendmail.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "common/core/codec.h"
#include "common/mail/date.h"
#include "common/mail/header.h"

enum { PIECE = 65536, WORD_MAX = 45 };

/* ---- the octets: what has come of the line that is being read */

struct lines {
	struct buf	*to;
	size_t		 begin;		/* of this line, in to */
	bool		 cr;		/* the last octet was one */
	bool		 over;		/* the dot was seen */
};

/* CR LF, LF and CR all end a line: programs write what they are used to, and
   no server takes the last two (SMTP-1). */
static void
line_end(struct lines *l)
{
	size_t n = l->to->n - l->begin;

	if (front.options.dots && n == 1 && l->to->p[l->begin] == '.') {
		l->to->n--;
		l->over = true;
		return;
	}
	buf_str(l->to, "\r\n");
	l->begin = l->to->n;
}

static void
take(struct lines *l, const char *p, size_t n)
{
	for (size_t i = 0; i < n && !l->over; i++) {
		if (p[i] == '\r' || (p[i] == '\n' && !l->cr))
			line_end(l);
		else if (p[i] != '\n')
			buf_char(l->to, p[i]);
		l->cr = p[i] == '\r';
	}
}

void
letter_read(struct buf *to)
{
	struct lines l = { .to = to };
	char piece[PIECE / 8];
	ssize_t n;

	while (!l.over && (n = read(STDIN_FILENO, piece, sizeof piece)) != 0) {
		if (n < 0 && errno != EINTR)
			fail(EX_IOERR, "standard input: %s", strerror(errno));
		if (n > 0)
			take(&l, piece, (size_t)n);
		if (to->n > front.conf.message_max)
			fail(EX_DATAERR, "a message may have at most %llu "
			    "octets", (unsigned long long)
			    front.conf.message_max);
	}
	if (!l.over && to->n > l.begin)
		line_end(&l);
}

/* ---- the header */

/* Where the header ends: at an empty line, or at a line that cannot be in one,
   where the empty line was forgotten. */
static size_t
header_end(struct slice text, bool *whole)
{
	struct slice rest = text, before = text, line;
	struct field f;

	*whole = false;
	while (rest.n > 0) {
		before = rest;
		line = line_next(&rest);
		*whole = line.n == 0;
		if (*whole)
			break;
		if ((line.p[0] == ' ' || line.p[0] == '\t') &&
		    before.p != text.p)
			continue;
		if (!header_next(&line, &f))
			break;
		before = rest;
	}
	return (size_t)(before.p - text.p);
}

static bool
is_one_of(struct slice name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (slice_ieq(name, slice_str(*names)))
			return true;
	return false;
}

static bool
is_atext(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr("\"(),.:;<>@[\\]", s.p[i]) != NULL)
			return false;
	return true;
}

/* A display name as RFC 5322 3.2.5, or as RFC 2047 2 if it is not ASCII. */
static void
add_name(struct buf *b, struct slice name)
{
	bool plain = true, ascii = true;

	for (size_t i = 0; i < name.n; i++) {
		ascii &= (unsigned char)name.p[i] < 0x7f;
		plain &= (unsigned char)name.p[i] >= ' ';
	}
	if (name.n == 0 || name.n > 200 || !plain ||
	    (!ascii && name.n > WORD_MAX))
		return;
	if (!ascii) {
		buf_str(b, "=?UTF-8?B?");
		base64_encode(b, name);
		buf_str(b, "?= ");
	} else if (is_atext(name)) {
		buf_slice(b, name);
		buf_char(b, ' ');
	} else {
		buf_char(b, '"');
		for (size_t i = 0; i < name.n; i++) {
			if (name.p[i] == '"' || name.p[i] == '\\')
				buf_char(b, '\\');
			buf_char(b, name.p[i]);
		}
		buf_str(b, "\" ");
	}
}

/* RFC 5322 3.6: these two must be there; the third should (3.6.4), and lets
   the queue know a message that it gets twice. */
static void
add_missing(struct buf *b, struct slice header, struct slice from)
{
	struct timespec now;
	struct field f;

	clock_gettime(CLOCK_REALTIME, &now);
	if (!header_find(header, "From", &f)) {
		buf_str(b, "From: ");
		add_name(b, front.name);
		buf_char(b, '<');
		buf_slice(b, from);
		buf_str(b, ">\r\n");
	}
	if (!header_find(header, "Date", &f)) {
		buf_str(b, "Date: ");
		date_print(b, now.tv_sec);
		buf_str(b, "\r\n");
	}
	if (!header_find(header, "Message-ID", &f))
		buf_printf(b, "Message-ID: <%llx.%09ld.%d@%s>\r\n",
		    (unsigned long long)now.tv_sec, now.tv_nsec, getpid(),
		    front.conf.server_name.p);
}

void
letter_complete(struct buf *b, struct slice from)
{
	static const char *const hidden[] = { "Bcc", "Resent-Bcc",
		"Return-Path", "Content-Length", NULL };
	struct slice text = buf_view(b), header, rest;
	struct buf out = { 0 };
	struct field f;
	bool whole;
	size_t end;

	/* The line before a message in a mailbox file. */
	if (slice_starts(text, SLICE("From ")) ||
	    slice_starts(text, SLICE(">From ")))
		line_next(&text);
	end = header_end(text, &whole);
	header = slice_take(text, end);
	add_missing(&out, header, from);
	for (rest = header; header_next(&rest, &f);)
		if (!is_one_of(f.name, hidden))
			buf_slice(&out, f.whole);
	if (!whole)
		buf_str(&out, "\r\n");
	buf_slice(&out, slice_drop(text, end));
	buf_free(b);
	*b = out;
}
