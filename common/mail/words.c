#include "common/mail/words.h"

#include "common/core/utf8.h"
#include "common/mail/cte.h"

bool
charset_is_utf8(struct slice name)
{
	return slice_ieq(name, SLICE("utf-8")) ||
	    slice_ieq(name, SLICE("utf8")) ||
	    slice_ieq(name, SLICE("us-ascii")) ||
	    slice_ieq(name, SLICE("ascii"));
}

bool
charset_utf8(const struct charsets *cs, struct slice name, struct slice text,
    struct buf *out)
{
	if (charset_is_utf8(name)) {
		utf8_mend(out, text);
		return true;
	}
	if (slice_ieq(name, SLICE("iso-8859-1")) ||
	    slice_ieq(name, SLICE("latin1"))) {
		for (size_t i = 0; i < text.n; i++)
			utf8_put(out, (unsigned char)text.p[i]);
		return true;
	}
	return cs != NULL && cs->convert != NULL &&
	    cs->convert(cs, name, text, out);
}

/* encoded-word = "=?" charset ["*" language] "?" encoding "?" text "?=" */
struct word {
	struct slice	 charset, text;
	bool		 base64;
	size_t		 length;	/* of the whole */
};

static bool
is_token(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] == 127)
			return false;
	return s.n > 0;
}

/* Each of the three parts ends at the next "?", so all tries together look at
   no octet more than three times. */
static bool
word_parse(struct slice s, struct word *w)
{
	struct slice rest = slice_drop(s, 2), encoding;

	if (!slice_starts(s, SLICE("=?")))
		return false;
	w->charset = slice_cut(&rest, '?');
	w->charset = slice_take(w->charset, slice_find(w->charset, '*'));
	encoding = slice_cut(&rest, '?');
	w->text = slice_take(rest, slice_find(rest, '?'));
	w->length = s.n - rest.n + w->text.n + 2;
	w->base64 = slice_ieq(encoding, SLICE("B"));
	return w->length <= s.n && s.p[w->length - 1] == '=' &&
	    (w->base64 || slice_ieq(encoding, SLICE("Q"))) &&
	    is_token(w->charset) && (w->text.n == 0 || is_token(w->text));
}

/* Decoded words of one charset, not yet converted. */
struct pending {
	struct buf	 octets;
	struct slice	 charset;
	struct slice	 source;	/* as written, should we fail */
};

static void
flush(struct pending *p, const struct charsets *cs, struct buf *out)
{
	if (p->source.n > 0 &&
	    !charset_utf8(cs, p->charset, buf_view(&p->octets), out))
		utf8_mend(out, p->source);
	buf_clear(&p->octets);
	p->source = slice_of(NULL, 0);
}

static void
word_add(struct pending *p, struct slice source, const struct word *w,
    const struct charsets *cs, struct buf *out)
{
	if (p->source.n > 0 && !slice_ieq(p->charset, w->charset))
		flush(p, cs, out);
	if (p->source.n == 0)
		p->source = slice_take(source, 0);
	p->charset = w->charset;
	p->source.n = (size_t)(source.p + w->length - p->source.p);
	if (w->base64)
		cte_decode(&p->octets, CTE_BASE64, w->text);
	else
		cte_decode_q(&p->octets, w->text);
}

static size_t
blanks(struct slice s)
{
	size_t n = 0;

	while (n < s.n && (s.p[n] == ' ' || s.p[n] == '\t'))
		n++;
	return n;
}

/* Plain text up to the next thing that may be an encoded word; at least one
   octet. */
static size_t
plain_length(struct slice s)
{
	size_t n = 1;

	while (n < s.n && !(s.p[n] == '=' && n + 1 < s.n && s.p[n + 1] == '?'))
		n++;
	return n;
}

void
words_decode(struct buf *out, struct slice s, const struct charsets *cs)
{
	struct pending p = { 0 };
	struct word w;

	while (s.n > 0) {
		/* Blanks between encoded words do not count (RFC 2047 6.2). */
		size_t gap = p.source.n > 0 ? blanks(s) : 0, n;
		if (word_parse(slice_drop(s, gap), &w)) {
			s = slice_drop(s, gap);
			word_add(&p, s, &w, cs, out);
			s = slice_drop(s, w.length);
			continue;
		}
		flush(&p, cs, out);
		n = gap > 0 ? gap : plain_length(s);
		utf8_mend(out, slice_take(s, n));
		s = slice_drop(s, n);
	}
	flush(&p, cs, out);
	buf_free(&p.octets);
}
