#include "common/mail/trace.h"

#include <string.h>

#include "common/mail/date.h"

enum {
	COLUMNS = 78,			/* RFC 5322 2.1.1 */
	ID_MAX = 32,
};

static bool
is_control(char c)
{
	return (unsigned char)c < ' ' || c == 127;
}

/* One octet of a stranger's, safe in a comment and outside one.  Octets over
   127 belong to UTF-8 addresses (RFC 6532 3). */
static char
clean(char c)
{
	return is_control(c) || strchr(" ()\\;\"", c) != NULL ? '?' : c;
}

/* addr_print made it, so it is a good path but for what a caller got wrong. */
static void
add_address(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_char(b, is_control(s.p[i]) ? '?' : s.p[i]);
}

/* A field under way: words are added, a line is folded before a word that
   does not fit. */
struct line {
	struct buf	*b;
	size_t		 column;
};

static void
word_room(struct line *l, size_t n)
{
	if (l->column + 1 + n > COLUMNS && l->column > 8) {
		buf_str(l->b, "\r\n\t");
		l->column = 8;
	} else {
		buf_char(l->b, ' ');
		l->column++;
	}
	l->column += n;
}

static void
word(struct line *l, const char *before, struct slice text, const char *after)
{
	word_room(l, strlen(before) + text.n + strlen(after));
	buf_str(l->b, before);
	for (size_t i = 0; i < text.n; i++)
		buf_char(l->b, clean(text.p[i]));
	buf_str(l->b, after);
}

static void
keyword(struct line *l, const char *text)
{
	word_room(l, strlen(text));
	buf_str(l->b, text);
}

/* Room for the keyword too, so that it stays with its path. */
static void
address(struct line *l, const char *key, struct slice path)
{
	size_t n = key == NULL ? 0 : strlen(key) + 1;

	word_room(l, n + path.n + 2);
	if (key != NULL) {
		buf_str(l->b, key);
		buf_char(l->b, ' ');
	}
	buf_char(l->b, '<');
	add_address(l->b, path);
	buf_char(l->b, '>');
}

static void
newline(struct line *l)
{
	buf_str(l->b, "\r\n\t");
	l->column = 8;
}

void
trace_with(struct buf *b, const struct trace *t)
{
	if (!t->esmtp && !t->lmtp) {
		buf_str(b, "SMTP");
		return;
	}
	buf_str(b, t->utf8 ? "UTF8" : t->lmtp ? "" : "E");
	buf_str(b, t->lmtp ? "LMTP" : "SMTP");
	if (t->tls.n > 0)
		buf_char(b, 'S');
	if (t->auth)
		buf_char(b, 'A');
}

/* From-domain: what the client said, then what we know (RFC 5321 4.4). */
static void
from(struct line *l, const struct trace *t)
{
	bool six = slice_find(t->client_ip, ':') < t->client_ip.n;

	keyword(l, "from");
	word(l, "", t->helo.n > 0 ? t->helo : SLICE("unknown"), "");
	if (t->client_ip.n == 0)
		return;
	if (t->client_name.n > 0)
		word(l, "(", t->client_name, "");
	word(l, t->client_name.n > 0 ? six ? "[IPv6:" : "[" :
	    six ? "([IPv6:" : "([", t->client_ip, "])");
}

/* tls is "version cipher": two words of a comment. */
static void
tls(struct line *l, struct slice s)
{
	const char *before = "(";

	while (s.n > 0) {
		struct slice one = slice_cut(&s, ' ');
		word(l, before, one, s.n > 0 ? "" : ")");
		before = "";
	}
}

void
trace_received(const struct trace *t, struct buf *before, struct buf *after)
{
	struct line l = { before, sizeof "Received:" - 1 };
	struct buf with = { 0 };

	buf_str(before, "Received:");
	from(&l, t);
	newline(&l);
	buf_str(before, "by");
	l.column += 2;
	word(&l, "", t->by, "");
	trace_with(&with, t);
	keyword(&l, "with");
	word(&l, "", buf_view(&with), "");
	buf_free(&with);
	tls(&l, t->tls);
	newline(&l);
	buf_str(before, "id ");

	l = (struct line){ after, 8 + 3 + ID_MAX };
	if (t->for_one.n > 0)
		address(&l, "for", t->for_one);
	buf_str(after, ";\r\n\t");
	date_print(after, t->when);
	buf_str(after, "\r\n");
}

void
trace_return_path(struct buf *b, struct slice path)
{
	struct line l = { b, sizeof "Return-Path:" - 1 };

	buf_str(b, "Return-Path:");
	address(&l, NULL, path);
	buf_str(b, "\r\n");
}

void
trace_delivered_to(struct buf *b, struct slice path)
{
	buf_str(b, "Delivered-To: ");
	add_address(b, path);
	buf_str(b, "\r\n");
}
