#include "common/mail/reply.h"

enum {
	LINE_MAX_OCTETS = 510,		/* RFC 5321 4.5.3.1.5, less CR LF */
};

const struct reply_row reply_rows[REPLIES] = {
#define REPLY(name, code, enhanced, text, clause) \
	[REPLY_##name] = { #name, code, enhanced, text, clause },
#include "common/mail/replies.def"
};

/* What begins every line of one reply. */
struct head {
	unsigned	 code;
	struct slice	 enhanced;
};

static void
line(struct buf *b, struct head h, struct slice text, bool last)
{
	buf_u64(b, h.code);
	buf_char(b, last ? ' ' : '-');
	if (h.enhanced.n > 0) {
		buf_slice(b, h.enhanced);
		buf_char(b, ' ');
	}
	buf_slice(b, text);
	buf_str(b, "\r\n");
}

/* The most of s that fits a line, cut behind a blank if there is one. */
static size_t
fitting(struct slice s, size_t room)
{
	size_t n = room;

	if (s.n <= room)
		return s.n;
	while (n > 0 && s.p[n - 1] != ' ')
		n--;
	return n > 0 ? n : room;
}

static void
wrapped(struct buf *b, struct head h, struct slice text)
{
	size_t room = LINE_MAX_OCTETS - 4 -
	    (h.enhanced.n > 0 ? h.enhanced.n + 1 : 0);

	do {
		size_t n = fitting(text, room);
		struct slice now = slice_take(text, n);
		text = slice_drop(text, n);
		line(b, h, text.n > 0 ? slice_trim(now) : now, text.n == 0);
	} while (text.n > 0);
}

/* textstring of RFC 5321 4.2 has no controls; octets over 127 are left for
   peers that said SMTPUTF8 (RFC 6531 3.7.4). */
static void
add_clean(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_char(b, (unsigned char)s.p[i] < ' ' || s.p[i] == 127 ?
		    '?' : s.p[i]);
}

static struct head
head_of(enum reply r)
{
	const struct reply_row *row = &reply_rows[r];

	return (struct head){ row->code, slice_str(row->enhanced) };
}

void
reply_add(struct buf *b, enum reply r, struct slice detail)
{
	bool ends = reply_rows[r].code == 221 || reply_rows[r].code == 421;
	struct buf text = { 0 };

	if (ends && detail.n > 0) {
		add_clean(&text, detail);
		buf_char(&text, ' ');
	}
	buf_str(&text, reply_rows[r].text);
	if (!ends && text.n > 0 && detail.n > 0)
		buf_str(&text, ": ");
	if (!ends)
		add_clean(&text, detail);
	wrapped(b, head_of(r), buf_view(&text));
	buf_free(&text);
}

void
reply_lines(struct buf *b, enum reply r, const struct slice *lines, size_t n)
{
	struct buf text = { 0 };

	for (size_t i = 0; i < n; i++) {
		buf_clear(&text);
		add_clean(&text, lines[i]);
		line(b, head_of(r), slice_take(buf_view(&text),
		    LINE_MAX_OCTETS - 10), i + 1 == n);
	}
	buf_free(&text);
}

static bool
number_next(struct slice *s, uint64_t *value)
{
	struct slice digits = slice_cut(s, '.');

	return digits.n > 0 && digits.n <= 3 && slice_u64(digits, 999, value);
}

/* "x.y.z" with a class of 2, 4 or 5 (RFC 3463 2). */
static bool
enhanced_parse(struct slice s, uint64_t v[3])
{
	return s.n >= 5 && s.p[s.n - 1] != '.' && number_next(&s, &v[0]) &&
	    number_next(&s, &v[1]) && number_next(&s, &v[2]) && s.n == 0 &&
	    (v[0] == 2 || v[0] == 4 || v[0] == 5);
}

void
reply_text(struct buf *b, unsigned code, struct slice enhanced,
    struct slice text)
{
	struct buf clean = { 0 };
	uint64_t v[3];
	bool good = code >= 200 && code <= 599 && (enhanced.n == 0 ||
	    (enhanced_parse(enhanced, v) && v[0] == code / 100));

	add_clean(&clean, text);
	wrapped(b, good ? (struct head){ code, enhanced } :
	    (struct head){ 451, SLICE("4.3.0") }, buf_view(&clean));
	buf_free(&clean);
}

/* RFC 5248 2.4: the codes that IANA's list pairs with an enhanced one. */
static unsigned
code_for(const uint64_t v[3])
{
	bool full = (v[1] == 2 && v[2] == 2) || (v[1] == 3 && v[2] == 1);

	switch (v[0]) {
	case 2:	return 250;
	case 4:	return full ? 452 : 451;
	default: return full || (v[1] == 3 && v[2] == 4) ? 552 : 550;
	}
}

void
reply_verdict(struct buf *b, struct slice enhanced, struct slice text)
{
	uint64_t v[3];

	reply_text(b, enhanced_parse(enhanced, v) ? code_for(v) : 0, enhanced,
	    text);
}
