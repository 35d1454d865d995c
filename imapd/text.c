#include "imapd/text.h"

#include <iconv.h>
#include <locale.h>
#include <string.h>
#include <wctype.h>

#include "common/core/log.h"
#include "common/core/utf8.h"
#include "common/task/task.h"

enum { STEP = 64 * 1024 };	/* octets of a long text looked at at once */

static struct charset {
	const char	*name, *others;
	iconv_t		 to_utf8;
} charsets[] = {
#define CHARSET(name, others)	{ name, others, (iconv_t)-1 },
#include "imapd/charsets.def"
};

/* What the C library does not know is not known here; and the case of letters
   is the locale's, which is one without a country. */
void
text_load(void)
{
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		fatal("locale C.UTF-8");
	for (size_t i = 0; i < sizeof charsets / sizeof *charsets; i++)
		charsets[i].to_utf8 = iconv_open("UTF-8", charsets[i].name);
}

static bool
is_named(const struct charset *c, struct slice name)
{
	struct slice others = slice_str(c->others);

	if (slice_ieq(name, slice_str(c->name)))
		return true;
	while (others.n > 0)
		if (slice_ieq(name, slice_cut(&others, ' ')))
			return true;
	return false;
}

/* What cannot be converted becomes U+FFFD, octet by octet.  One more step
   behind the end, for charsets in which a letter waits for its accent. */
static void
run(iconv_t h, struct slice text, struct buf *out)
{
	char *from = (char *)(uintptr_t)text.p;
	size_t left = text.n, limit = out->n + 4 * text.n;

	iconv(h, NULL, NULL, NULL, NULL);
	for (bool more = true; more;) {
		char room[1024], *to = room;
		size_t space = sizeof room, r;

		more = left > 0;
		r = iconv(h, more ? &from : NULL, &left, &to, &space);
		if (limit - out->n < sizeof room - space)
			break;
		buf_add(out, room, sizeof room - space);
		if (r == (size_t)-1 && space == sizeof room && left > 0) {
			utf8_put(out, 0xfffd);
			from++;
			left--;
		}
	}
}

static bool
convert(const struct charsets *cs, struct slice name, struct slice text,
    struct buf *out)
{
	(void)cs;
	for (size_t i = 0; i < sizeof charsets / sizeof *charsets; i++)
		if (charsets[i].to_utf8 != (iconv_t)-1 &&
		    is_named(&charsets[i], name)) {
			run(charsets[i].to_utf8, text, out);
			return true;
		}
	return false;
}

const struct charsets text_charsets = { convert };

/* ---- comparing */

static uint32_t
character(const unsigned char *p, size_t n)
{
	uint32_t c = n == 2 ? p[0] & 0x1f : n == 3 ? p[0] & 0x0f : p[0] & 0x07;

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

struct slice
text_fold_plain(struct slice s)
{
	static char plain[512];

	if (s.n > sizeof plain)
		return slice_of(NULL, 0);
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] >= 0x80 ||
		    (s.p[i] == '?' && i > 0 && s.p[i - 1] == '='))
			return slice_of(NULL, 0);
		plain[i] = lower(s.p[i]);
	}
	return slice_of(plain, s.n);
}

void
text_fold(struct buf *out, struct slice s)
{
	buf_reserve(out, s.n);
	while (s.n > 0) {
		size_t n;

		if ((unsigned char)*s.p < 0x80) {
			buf_char(out, lower(*s.p));
			s = slice_drop(s, 1);
			continue;
		}
		if ((n = utf8_next(s)) == 0) {
			buf_char(out, *s.p);
			n = 1;
		} else
			utf8_put(out, (uint32_t)towlower((wint_t)character(
			    (const unsigned char *)s.p, n)));
		s = slice_drop(s, n);
	}
}

/* Piece by piece, each with as much of the next as `what` may take: none of
   its octets comes from more than four. */
bool
text_search(struct slice s, struct slice what)
{
	size_t over = 4 * what.n, step = over > STEP ? over : STEP;
	struct buf utf8 = { 0 }, fold = { 0 };
	bool has = false, more = true;

	while (more && !has) {
		buf_clear(&utf8);
		buf_clear(&fold);
		utf8_mend(&utf8, slice_take(s, step + over));
		text_fold(&fold, buf_view(&utf8));
		has = text_has(buf_view(&fold), what);
		more = s.n > step + over;
		s = slice_drop(s, step);
		task_breathe();
	}
	buf_free(&utf8);
	buf_free(&fold);
	return has;
}

bool
text_has(struct slice folded, struct slice what)
{
	return what.n == 0 || (folded.n >= what.n &&
	    memmem(folded.p, folded.n, what.p, what.n) != NULL);
}
