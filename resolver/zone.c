#include "resolver/zone.h"

#include <string.h>

/* How far into a record the text has led. */
struct state {
	unsigned	 depth;		/* of parentheses */
	bool		 quoted;
	bool		 wrong;
};

static void
add_blank(struct buf *b)
{
	if (b->n > 0 && b->p[b->n - 1] != ' ')
		buf_char(b, ' ');
}

/* Takes a character outside of quotes; false at a comment. */
static bool
take_plain(struct buf *text, struct state *s, char c)
{
	switch (c) {
	case ';':
		return false;
	case '(':
		s->depth++;
		add_blank(text);
		break;
	case ')':
		s->wrong |= s->depth == 0;
		s->depth -= s->depth > 0;
		add_blank(text);
		break;
	case ' ': case '\t': case '\r':
		add_blank(text);
		break;
	default:
		s->quoted = c == '"';
		s->wrong |= (unsigned char)c < ' ' || c == 0x7f;
		buf_char(text, c);
	}
	return true;
}

static void
take_line(struct buf *text, struct slice line, struct state *s)
{
	for (size_t i = 0; i < line.n; i++) {
		char c = line.p[i];

		/* What a backslash is before has no meaning of its own. */
		if (c == '\\' && i + 1 < line.n) {
			buf_char(text, c);
			c = line.p[++i];
			s->wrong |= (unsigned char)c < ' ';
			buf_char(text, c);
		} else if (s->quoted) {
			s->quoted = c != '"';
			s->wrong |= (unsigned char)c < ' ' && c != '\t';
			buf_char(text, c);
		} else if (!take_plain(text, s, c))
			break;
	}
	/* A quoted text ends in its line. */
	s->wrong |= s->quoted;
	s->quoted = false;
	add_blank(text);
}

static enum zone_line
kind_of(struct zone_reader *z)
{
	static const struct slice origin = { "$ORIGIN ", 8 };
	struct slice text = slice_trim(buf_view(&z->text));
	enum zone_line kind = ZONE_RECORD;

	if (text.p[0] == '$') {
		if (!slice_istarts(text, origin))
			return ZONE_WRONG;
		text = slice_trim(slice_drop(text, origin.n));
		if (text.n == 0 || slice_find(text, ' ') < text.n)
			return ZONE_WRONG;
		kind = ZONE_ORIGIN;
	}
	memmove(z->text.p, text.p, text.n);
	z->text.n = text.n;
	buf_cstr(&z->text);
	return kind;
}

enum zone_line
zone_next(struct zone_reader *z)
{
	struct state s = { 0 };

	buf_clear(&z->text);
	while (z->rest.n > 0) {
		if (z->text.n == 0)
			z->line = z->lines + 1;
		z->lines++;
		take_line(&z->text, slice_cut(&z->rest, '\n'), &s);
		s.wrong |= z->text.n > ZONE_LINE_MAX;
		if (s.wrong)
			return ZONE_WRONG;
		if (s.depth == 0 && slice_trim(buf_view(&z->text)).n > 0)
			return kind_of(z);
		if (s.depth == 0)
			buf_clear(&z->text);
	}
	return s.depth > 0 ? ZONE_WRONG : ZONE_END;
}

void
zone_free(struct zone_reader *z)
{
	buf_free(&z->text);
	*z = (struct zone_reader){ 0 };
}
