#include "common/core/utf8.h"

static bool
is_tail(struct slice s, size_t at)
{
	return at < s.n && ((unsigned char)s.p[at] & 0xc0) == 0x80;
}

/* The table of RFC 3629 4: only the second octet has odd limits. */
size_t
utf8_next(struct slice s)
{
	unsigned char c, d;

	if (s.n == 0)
		return 0;
	c = (unsigned char)s.p[0];
	d = s.n > 1 ? (unsigned char)s.p[1] : 0;
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		return is_tail(s, 1) ? 2 : 0;
	if (!is_tail(s, 1) || !is_tail(s, 2))
		return 0;
	if (c >= 0xe0 && c <= 0xef)
		return (c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f) ?
		    0 : 3;
	if (c < 0xf0 || c > 0xf4 || !is_tail(s, 3))
		return 0;
	return (c == 0xf0 && d < 0x90) || (c == 0xf4 && d > 0x8f) ? 0 : 4;
}

bool
utf8_is_text(struct slice s)
{
	for (size_t n; s.n > 0; s = slice_drop(s, n)) {
		unsigned char c = (unsigned char)s.p[0];

		n = utf8_next(s);
		if (n == 0 || c < 0x20 || c == 0x7f ||
		    (c == 0xc2 && (unsigned char)s.p[1] < 0xa0))
			return false;
	}
	return true;
}

void
utf8_put(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_char(out, (char)c);
		return;
	}
	if (c < 0x800)
		buf_char(out, (char)(0xc0 | c >> 6));
	else {
		if (c < 0x10000)
			buf_char(out, (char)(0xe0 | c >> 12));
		else {
			buf_char(out, (char)(0xf0 | c >> 18));
			buf_char(out, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		buf_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_char(out, (char)(0x80 | (c & 0x3f)));
}

/* Runs of good characters go out in one piece. */
void
utf8_mend(struct buf *out, struct slice s)
{
	size_t run = 0, n;

	while (run < s.n) {
		if ((unsigned char)s.p[run] < 0x80) {	/* nearly all are */
			run++;
			continue;
		}
		n = utf8_next(slice_drop(s, run));
		if (n > 0) {
			run += n;
			continue;
		}
		buf_slice(out, slice_take(s, run));
		utf8_put(out, 0xfffd);
		s = slice_drop(s, run + 1);
		run = 0;
	}
	buf_slice(out, s);
}
