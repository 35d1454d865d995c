#include "common/mail/addrlist.h"

#include <string.h>

/* One address being read.  name keeps one blank where there were some, tight
   none: which one counts shows when the words end. */
struct reading {
	struct slice	 s;
	struct buf	 name, tight, comment;
	bool		 gap;		/* blanks since the last word */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A comment, its text kept; nested ones stay as text.  Not closed: all. */
static void
read_comment(struct reading *r)
{
	size_t depth = 0, at = 0;

	buf_clear(&r->comment);
	for (; at < r->s.n; at++) {
		char c = r->s.p[at];
		if (c == ')' && --depth == 0)
			break;
		if (c == '\\' && at + 1 < r->s.n)
			c = r->s.p[++at];
		else if (c == '(' && depth++ == 0)
			continue;
		if (c != '\r' && c != '\n')
			buf_char(&r->comment, c);
	}
	r->s = slice_drop(r->s, at + 1);
}

static void
skip(struct reading *r)
{
	while (r->s.n > 0)
		if (r->s.p[0] == '(')
			read_comment(r);
		else if (is_blank(r->s.p[0]))
			r->s = slice_drop(r->s, 1);
		else
			break;
}

static void
add(struct reading *r, char c)
{
	if (r->gap && r->name.n > 0)
		buf_char(&r->name, ' ');
	r->gap = false;
	buf_char(&r->name, c);
	buf_char(&r->tight, c);
}

static void
read_quoted(struct reading *r)
{
	size_t at = 1;

	if (r->gap && r->name.n > 0)
		buf_char(&r->name, ' ');
	r->gap = false;
	for (; at < r->s.n && r->s.p[at] != '"'; at++) {
		if (r->s.p[at] == '\\' && at + 1 < r->s.n)
			at++;
		if (r->s.p[at] != '\r' && r->s.p[at] != '\n')
			add(r, r->s.p[at]);
	}
	r->s = slice_drop(r->s, at + 1);
}

/* Words up to one of the stops or the end. */
static void
read_words(struct reading *r, const char *stops)
{
	while (r->s.n > 0) {
		char c = r->s.p[0];
		if (c == '"') {
			read_quoted(r);
			continue;
		}
		if (c == '(') {
			read_comment(r);
			r->gap = true;
			continue;
		}
		if (c != '\0' && strchr(stops, c) != NULL)
			return;
		if (is_blank(c))
			r->gap = true;
		else
			add(r, c);
		r->s = slice_drop(r->s, 1);
	}
}

static struct slice
kept(struct arena *arena, struct buf *b)
{
	struct slice text = arena_slice(arena, buf_view(b));

	if (text.p == NULL)
		text.p = "";
	buf_clear(b);
	return text;
}

/* Behind "@": up to a delimiter, blanks and comments left out. */
static void
read_domain(struct arena *arena, struct reading *r, struct address *a)
{
	buf_clear(&r->tight);
	read_words(r, ",;<>");
	a->domain = kept(arena, &r->tight);
}

/* obs-route = 1*("," / "@" domain) ":" (RFC 5322 4.4) */
static void
read_route(struct arena *arena, struct reading *r, struct address *a)
{
	buf_clear(&r->tight);
	read_words(r, ":>;");
	if (r->s.n > 0 && r->s.p[0] == ':') {
		a->route = kept(arena, &r->tight);
		r->s = slice_drop(r->s, 1);
	}
	buf_clear(&r->tight);
}

/* Behind "<", its name is read already. */
static void
read_angle(struct arena *arena, struct reading *r, struct address *a)
{
	r->s = slice_drop(r->s, 1);
	skip(r);
	if (r->s.n > 0 && r->s.p[0] == '@')
		read_route(arena, r, a);
	buf_clear(&r->tight);
	read_words(r, "@>,;");
	a->local = kept(arena, &r->tight);
	if (r->s.n > 0 && r->s.p[0] == '@') {
		r->s = slice_drop(r->s, 1);
		read_domain(arena, r, a);
	}
	if (r->s.n > 0 && r->s.p[0] == '>')
		r->s = slice_drop(r->s, 1);
	buf_clear(&r->name);
	read_words(r, ",;");
}

static void
read_mailbox(struct arena *arena, struct reading *r, struct address *a)
{
	if (r->s.n > 0 && r->s.p[0] == '<') {
		if (r->name.n > 0)
			a->name = kept(arena, &r->name);
		read_angle(arena, r, a);
	} else {
		a->local = kept(arena, &r->tight);
		if (r->s.n > 0 && r->s.p[0] == '@') {
			r->s = slice_drop(r->s, 1);
			read_domain(arena, r, a);
		}
		/* What was no delimiter of a domain is of no use. */
		read_words(r, ",;");
	}
	if (a->name.p == NULL && r->comment.n > 0)
		a->name = kept(arena, &r->comment);
}

/* Delimiters between addresses.  True: a group ended. */
static bool
skip_delimiters(struct reading *r, bool group)
{
	for (;;) {
		skip(r);
		if (r->s.n == 0 || strchr(",;>:@", r->s.p[0]) == NULL ||
		    r->s.p[0] == '\0')
			break;
		char c = r->s.p[0];
		r->s = slice_drop(r->s, 1);
		if (c == ';' && group)
			return true;
	}
	return group && r->s.n == 0;
}

static void
read_address(struct arena *arena, struct reading *r, struct addrlist *l,
    struct address *a)
{
	buf_clear(&r->comment);
	if (skip_delimiters(r, l->group)) {
		l->group = false;
		a->kind = ADDRESS_GROUP_END;
		return;
	}
	if (r->s.n == 0)
		return;
	read_words(r, l->group ? "@<,;" : "@<,;:");
	if (r->s.n > 0 && r->s.p[0] == ':') {
		r->s = slice_drop(r->s, 1);
		l->group = true;
		a->kind = ADDRESS_GROUP;
		a->local = kept(arena, &r->name);
	} else
		read_mailbox(arena, r, a);
}

bool
addrlist_next(struct arena *arena, struct addrlist *l, struct address *a)
{
	struct reading r = { .s = l->rest };

	*a = (struct address){ .kind = ADDRESS_MAILBOX };
	if (l->n < ADDRLIST_MAX)
		read_address(arena, &r, l, a);
	l->rest = r.s;
	buf_free(&r.name);
	buf_free(&r.tight);
	buf_free(&r.comment);
	if (a->kind == ADDRESS_MAILBOX && a->local.p == NULL)
		return false;
	l->n++;
	return true;
}
