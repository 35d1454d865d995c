#include "imapd/structure.h"

#include <string.h>

#include "common/core/utf8.h"

struct printer {
	struct buf	*out;
	const struct digest *d;
	bool		 extensions, utf8;
	uint32_t	 left;		/* parts that may still be said, */
	size_t		 most;		/* ... until there is so much */
};

/* Octets said for each of a digest: more than any honest one needs.  One in
   which many parts point at the same details would have no end. */
enum { SAID_MAX = 16 };

/* ---- strings */

enum { QUOTED_MAX = 1000 };	/* octets; a longer one is a literal */

static bool
can_be_quoted(struct slice s, bool utf8)
{
	size_t n;

	if (s.n > QUOTED_MAX)
		return false;
	for (; s.n > 0; s = slice_drop(s, n)) {
		if (*s.p == '\r' || *s.p == '\n' || *s.p == '\0')
			return false;
		n = (unsigned char)*s.p < 0x80 ? 1 : utf8 ? utf8_next(s) : 0;
		if (n == 0)
			return false;
	}
	return true;
}

void
string_print(struct buf *out, struct slice s, bool utf8)
{
	if (s.p == NULL) {
		buf_str(out, "NIL");
		return;
	}
	if (!can_be_quoted(s, utf8)) {
		buf_printf(out, "{%zu}\r\n", s.n);
		buf_slice(out, s);
		return;
	}
	buf_char(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_char(out, '\\');
		buf_char(out, s.p[i]);
	}
	buf_char(out, '"');
}

void
astring_print(struct buf *out, struct slice s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f ||
		    strchr("(){%*\"\\", s.p[i]) != NULL)
			break;
	if (i == s.n && s.n > 0 && !slice_ieq(s, SLICE("NIL")))
		buf_slice(out, s);
	else
		string_print(out, s, false);
}

static void
string(struct printer *p, struct slice s)
{
	string_print(p->out, s, p->utf8);
}

/* A number of ours, behind a blank. */
static void
number(struct printer *p, uint64_t n)
{
	buf_char(p->out, ' ');
	buf_u64(p->out, n);
}

/* ---- ENVELOPE */

/* Groups begin with their name in place of the mailbox and end with NIL there;
   their host is NIL (RFC 9051 7.5.2). */
static void
address(struct printer *p, const struct address *a)
{
	static const struct slice nil = { NULL, 0 };
	bool mailbox = a->kind == ADDRESS_MAILBOX;

	buf_char(p->out, '(');
	string(p, mailbox ? a->name : nil);
	buf_char(p->out, ' ');
	string(p, mailbox ? a->route : nil);
	buf_char(p->out, ' ');
	string(p, a->kind == ADDRESS_GROUP_END ? nil :
	    a->local.p == NULL ? SLICE("") : a->local);
	buf_char(p->out, ' ');
	/* NIL would make a group of what was no address at all. */
	string(p, !mailbox ? nil : a->domain.p == NULL ? SLICE("") :
	    a->domain);
	buf_char(p->out, ')');
}

static void
addresses(struct printer *p, struct digest_list l)
{
	struct address a;
	bool any = false;

	buf_char(p->out, ' ');
	while (digest_address(&l, &a)) {
		if (!any)
			buf_char(p->out, '(');
		any = true;
		address(p, &a);
	}
	buf_str(p->out, any ? ")" : "NIL");
}

static void
envelope(struct printer *p, uint32_t part)
{
	struct digest_envelope e = { 0 };

	if (!digest_envelope(p->d, part, &e))
		e = (struct digest_envelope){ 0 };
	buf_char(p->out, '(');
	string(p, e.date);
	buf_char(p->out, ' ');
	string(p, e.subject);
	addresses(p, e.from);
	addresses(p, e.sender);
	addresses(p, e.reply_to);
	addresses(p, e.to);
	addresses(p, e.cc);
	addresses(p, e.bcc);
	buf_char(p->out, ' ');
	string(p, e.in_reply_to);
	buf_char(p->out, ' ');
	string(p, e.message_id);
	buf_char(p->out, ')');
}

void
envelope_print(struct buf *out, const struct digest *d, uint32_t part,
    bool utf8)
{
	struct printer p = { .out = out, .d = d, .utf8 = utf8 };

	envelope(&p, part);
}

/* ---- BODYSTRUCTURE */

static void
pairs(struct printer *p, struct digest_list l)
{
	struct slice name, value;
	bool any = false;

	while (digest_pair(&l, &name, &value)) {
		buf_char(p->out, any ? ' ' : '(');
		any = true;
		string(p, name);
		buf_char(p->out, ' ');
		string(p, value);
	}
	buf_str(p->out, any ? ")" : "NIL");
}

static void
languages(struct printer *p, struct digest_list l)
{
	struct slice item;
	bool any = false;

	while (digest_item(&l, &item)) {
		buf_char(p->out, any ? ' ' : '(');
		any = true;
		string(p, item);
	}
	buf_str(p->out, any ? ")" : "NIL");
}

/* disposition, language, location: of every part (RFC 9051 9,
   body-ext-1part, body-ext-mpart). */
static void
extension(struct printer *p, const struct digest_part *part)
{
	buf_char(p->out, ' ');
	if (part->disposition.p == NULL)
		buf_str(p->out, "NIL");
	else {
		buf_char(p->out, '(');
		string(p, part->disposition);
		buf_char(p->out, ' ');
		pairs(p, part->disposition_params);
		buf_char(p->out, ')');
	}
	buf_char(p->out, ' ');
	languages(p, part->languages);
	buf_char(p->out, ' ');
	string(p, part->location);
}

static void	part_print(struct printer *, const struct digest_part *,
		    unsigned depth);

static const char empty_part[] =
    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0)";

/* The grammar wants one part at least. */
static void
multipart(struct printer *p, const struct digest_part *part, unsigned depth)
{
	struct digest_part c;
	uint32_t next = part->child;
	bool any = false;

	buf_char(p->out, '(');
	while (next != 0 && digest_part(p->d, next, &c) && c.next != next &&
	    p->left > 0) {
		any = true;
		next = c.next;
		part_print(p, &c, depth + 1);
	}
	if (!any)
		buf_str(p->out, empty_part);
	buf_char(p->out, ' ');
	string(p, part->subtype);
	if (p->extensions) {
		buf_char(p->out, ' ');
		pairs(p, part->params);
		extension(p, part);
	}
	buf_char(p->out, ')');
}

static struct slice
or(struct slice s, struct slice standard)
{
	return s.p == NULL || s.n == 0 ? standard : s;
}

/* body-fields. */
static void
fields(struct printer *p, const struct digest_part *part)
{
	string(p, or(part->type, SLICE("application")));
	buf_char(p->out, ' ');
	string(p, or(part->subtype, SLICE("octet-stream")));
	buf_char(p->out, ' ');
	pairs(p, part->params);
	buf_char(p->out, ' ');
	string(p, part->id);
	buf_char(p->out, ' ');
	string(p, part->description);
	buf_char(p->out, ' ');
	string(p, or(part->encoding, SLICE("7bit")));
	number(p, part->end_at - part->body_at);
}

static void
leaf(struct printer *p, const struct digest_part *part, unsigned depth)
{
	struct digest_part inner;

	buf_char(p->out, '(');
	fields(p, part);
	if (part->kind == MIME_MESSAGE && part->child != 0 &&
	    digest_part(p->d, part->child, &inner)) {
		buf_char(p->out, ' ');
		envelope(p, part->child);
		buf_char(p->out, ' ');
		part_print(p, &inner, depth + 1);
		number(p, part->lines);
	} else if (slice_ieq(part->type, SLICE("text")))
		number(p, part->lines);
	else if (slice_ieq(part->type, SLICE("message")) &&
	    (slice_ieq(part->subtype, SLICE("rfc822")) ||
	    slice_ieq(part->subtype, SLICE("global")))) {
		/* One that could not be read: encoded, or nested too deep. */
		buf_str(p->out, " (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ");
		buf_str(p->out, empty_part);
		number(p, part->lines);
	}
	if (p->extensions) {
		buf_char(p->out, ' ');
		string(p, part->md5);
		extension(p, part);
	}
	buf_char(p->out, ')');
}

/* The parser nests no deeper than MIME_DEPTH_MAX; a digest that says it does
   is not believed. */
static void
part_print(struct printer *p, const struct digest_part *part, unsigned depth)
{
	if (p->left == 0 || depth > MIME_DEPTH_MAX + 1 ||
	    p->out->n > p->most) {
		buf_str(p->out, empty_part);
		return;
	}
	p->left--;
	if (part->kind == MIME_MULTIPART)
		multipart(p, part, depth);
	else
		leaf(p, part, depth);
}

void
structure_print(struct buf *out, const struct digest *d, bool extensions,
    bool utf8)
{
	struct printer p = { .out = out, .d = d, .extensions = extensions,
		.utf8 = utf8, .left = d->n_parts,
		.most = out->n + SAID_MAX * d->bytes.n };
	struct digest_part root;

	if (digest_part(d, 0, &root))
		part_print(&p, &root, 0);
	else
		buf_str(out, empty_part);
}
