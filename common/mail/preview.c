#include "common/mail/preview.h"

#include "common/core/utf8.h"

/* The text so far; a blank is written only when something follows it. */
struct squeeze {
	struct buf	*out;
	size_t		 characters, max;
	bool		 blank;
};

static bool
is_blank(struct slice c)
{
	return (c.n == 1 && (unsigned char)c.p[0] <= ' ') ||
	    slice_eq(c, SLICE("\xc2\xa0"));
}

/* C0 and C1 controls, and marks that change the direction of what follows. */
static bool
is_unwanted(struct slice c)
{
	return (c.n == 1 && c.p[0] == 127) ||
	    (c.n == 2 && c.p[0] == '\xc2' && (unsigned char)c.p[1] < 0xa0) ||
	    (c.n == 3 && c.p[0] == '\xe2' && c.p[1] == '\x80' &&
	    (unsigned char)c.p[2] >= 0xaa && (unsigned char)c.p[2] <= 0xae);
}

static void
add(struct squeeze *q, struct slice c)
{
	if (is_blank(c)) {
		q->blank = true;
		return;
	}
	if (is_unwanted(c))
		return;
	if (q->blank && q->characters > 0 && ++q->characters <= q->max)
		buf_char(q->out, ' ');
	q->blank = false;
	if (++q->characters <= q->max)
		buf_slice(q->out, c);
}

static struct slice
character(struct slice s)
{
	size_t n = utf8_next(s);

	return slice_take(s, n > 0 ? n : 1);
}

/* Past a tag and, if it opens a style or a script, past the next tag that
   closes something: neither holds text. */
static struct slice
skip_tag(struct slice s)
{
	bool hidden = slice_istarts(s, SLICE("<style")) ||
	    slice_istarts(s, SLICE("<script")) ||
	    slice_istarts(s, SLICE("<title"));

	if (slice_starts(s, SLICE("<!--"))) {
		while (s.n > 0 && !slice_starts(s, SLICE("-->")))
			s = slice_drop(s, 1);
		return slice_drop(s, 3);
	}
	while (hidden && s.n > 0 && !slice_starts(s, SLICE("</")))
		s = slice_drop(s, 1);
	return slice_drop(s, slice_find(s, '>') + 1);
}

/* One "&...;"; its length, or 0 if we do not know it. */
static size_t
entity(struct squeeze *q, struct slice s)
{
	static const struct { struct slice name, text; } known[] = {
		{ { "&amp;", 5 }, { "&", 1 } }, { { "&lt;", 4 }, { "<", 1 } },
		{ { "&gt;", 4 }, { ">", 1 } }, { { "&quot;", 6 }, { "\"", 1 } },
		{ { "&nbsp;", 6 }, { " ", 1 } }, { { "&#39;", 5 }, { "'", 1 } },
		{ { "&zwnj;", 6 }, { "", 0 } }, { { "&#8203;", 7 }, { "", 0 } },
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (slice_istarts(s, known[i].name)) {
			if (known[i].text.n > 0)
				add(q, known[i].text);
			return known[i].name.n;
		}
	return 0;
}

static void
squeeze(struct squeeze *q, struct slice s, bool html)
{
	while (s.n > 0 && q->characters < q->max) {
		struct slice c = character(s);
		size_t n = c.n;
		if (html && c.p[0] == '<') {
			s = skip_tag(s);
			q->blank = true;
			continue;
		}
		if (!html || c.p[0] != '&' || (n = entity(q, s)) == 0) {
			add(q, c);
			n = c.n;
		}
		s = slice_drop(s, n);
	}
}

void
preview_make(struct buf *out, struct slice raw, enum cte cte,
    struct slice charset, const struct charsets *cs, bool html, size_t max)
{
	struct squeeze q = { .out = out, .max = max };
	struct buf octets = { 0 }, text = { 0 };

	/* Only HTML hides its first words behind a screen of tags. */
	cte_decode(&octets, cte, slice_take(raw, html ? PREVIEW_RAW_MAX :
	    PREVIEW_PLAIN_MAX));
	if (charset.n == 0)
		charset = SLICE("utf-8");
	if (!charset_utf8(cs, charset, buf_view(&octets), &text))
		utf8_mend(&text, buf_view(&octets));
	squeeze(&q, buf_view(&text), html);
	buf_free(&octets);
	buf_free(&text);
}
