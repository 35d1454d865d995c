#include "common/mail/response.h"

#include <string.h>

#include "common/core/utf8.h"

void
response_clear(struct response *r)
{
	r->code = 0;
	r->status[0] = '\0';
	r->lines = 0;
	buf_clear(&r->text);
}

void
response_free(struct response *r)
{
	response_clear(r);
	buf_free(&r->text);
}

void
text_escape(struct buf *b, struct slice s, size_t max)
{
	size_t end = b->n + max;

	while (s.n > 0) {
		unsigned char c = (unsigned char)s.p[0];
		size_t n = c < 0x80 ? c >= ' ' && c < 0x7f : utf8_next(s);

		/* C1 controls move a terminal as well as C0 ones. */
		if (n == 2 && c == 0xc2 && (unsigned char)s.p[1] < 0xa0)
			n = 0;
		if (b->n + (n > 0 ? n : 4) > end)
			return;
		if (n > 0)
			buf_add(b, s.p, n);
		else
			buf_printf(b, "\\x%02X", c);
		s = slice_drop(s, n > 0 ? n : 1);
	}
}

/* RFC 5321 4.2: a first digit of 2 to 5; which of the rest exist is left to
   the servers.  0: none. */
static unsigned
code_of(struct slice line)
{
	uint64_t code;

	if (!slice_u64(slice_take(line, 3), 599, &code) || line.n < 3 ||
	    code < 200)
		return 0;
	return (unsigned)code;
}

/* RFC 3463 2: class "." subject "." detail, of at most three digits; the
   class is that of the code (RFC 2034 4). */
static void
find_status(struct response *r, struct slice text)
{
	struct slice word = slice_cut(&text, ' '), rest = word;
	uint64_t class, subject, detail;

	if (word.n >= sizeof r->status ||
	    !slice_u64(slice_cut(&rest, '.'), 9, &class) ||
	    !slice_u64(slice_cut(&rest, '.'), 999, &subject) ||
	    !slice_u64(rest, 999, &detail) || class != r->code / 100)
		return;
	memcpy(r->status, word.p, word.n);
	r->status[word.n] = '\0';
}

static enum response_fed
bad(struct response *r, struct slice line)
{
	r->code = 0;
	r->status[0] = '\0';
	text_escape(&r->text, line, RESPONSE_LINE);
	buf_char(&r->text, '\n');
	return RESPONSE_BAD;
}

enum response_fed
response_line(struct response *r, struct slice line)
{
	unsigned code = code_of(line);
	struct slice text = slice_drop(line, 4);
	bool last = line.n == 3 || (line.n > 3 && line.p[3] == ' ');

	if (r->lines == RESPONSE_LINES || code == 0 ||
	    (r->lines > 0 && code != r->code) ||
	    (!last && line.p[3] != '-'))
		return bad(r, line);
	r->code = code;
	if (r->lines++ == 0)
		find_status(r, text);
	text_escape(&r->text, text, RESPONSE_LINE);
	buf_char(&r->text, '\n');
	return last ? RESPONSE_DONE : RESPONSE_MORE;
}

/* The enhanced code at the start of each further line is said once. */
static struct slice
without_status(const struct response *r, struct slice line)
{
	struct slice rest = line;

	if (r->status[0] == '\0' ||
	    !slice_eq(slice_cut(&rest, ' '), slice_str(r->status)))
		return line;
	return rest;
}

void
response_show(const struct response *r, struct buf *b)
{
	struct slice text = buf_view(&r->text);
	size_t end = b->n + RESPONSE_TEXT;
	bool first = true;

	if (r->code > 0)
		buf_u64(b, r->code);
	while (text.n > 0) {
		struct slice line = slice_cut(&text, '\n');

		if (!first)
			line = without_status(r, line);
		if (b->n >= end)
			return;
		if (line.n > 0 && (r->code > 0 || !first))
			buf_char(b, ' ');
		text_escape(b, line, end - b->n);
		first = false;
	}
}

struct slice
response_status(const struct response *r)
{
	if (r->status[0] != '\0')
		return slice_str(r->status);
	return r->code >= 500 ? SLICE("5.0.0") : r->code >= 400 || r->code == 0
	    ? SLICE("4.0.0") : SLICE("2.0.0");
}
