/* BODY[...] and BINARY[...] (RFC 9051 6.4.5, RFC 3516). */
#include "imapd/fetch.h"

#include "common/mail/cte.h"
#include "common/mail/header.h"
#include "imapd/structure.h"

/* ---- reading */

static bool
path(struct scan *a, struct section *c)
{
	uint32_t part;

	c->path = arena_array(a->arena, PATH_MAX_PARTS, sizeof *c->path);
	while (a->rest.n > 0 && a->rest.p[0] >= '0' && a->rest.p[0] <= '9') {
		if (c->n_path == PATH_MAX_PARTS)
			return scan_fail(a, "parts are nested too deep");
		if (!scan_nz_number(a, &part))
			return false;
		c->path[c->n_path++] = part;
		if (scan_next_is(a, ']'))
			return true;
		if (!scan_char(a, '.'))
			return false;
	}
	/* Behind a dot is more. */
	return c->n_path == 0 || !scan_next_is(a, ']') ||
	    scan_fail(a, "no such section");
}

static bool
field_names(struct scan *a, struct section *c)
{
	c->fields = arena_array(a->arena, FIELDS_MAX, sizeof *c->fields);
	if (!scan_space(a) || !scan_char(a, '('))
		return false;
	do {
		if (c->n_fields == FIELDS_MAX)
			return scan_fail(a, "too many fields");
		if (!scan_astring(a, &c->fields[c->n_fields++]))
			return false;
	} while (scan_is(a, ' '));
	return scan_char(a, ')');
}

static bool
text(struct scan *a, struct section *c)
{
	if (scan_is_word(a, "HEADER.FIELDS.NOT"))
		c->text = SECTION_FIELDS_NOT;
	else if (scan_is_word(a, "HEADER.FIELDS"))
		c->text = SECTION_FIELDS;
	else if (scan_is_word(a, "HEADER"))
		c->text = SECTION_HEADER;
	else if (scan_is_word(a, "TEXT"))
		c->text = SECTION_TEXT;
	else if (c->n_path > 0 && scan_is_word(a, "MIME"))
		c->text = SECTION_MIME;
	else
		return scan_fail(a, "no such section");
	return (c->text != SECTION_FIELDS && c->text != SECTION_FIELDS_NOT) ||
	    field_names(a, c);
}

/* "<0.100>": of 63 bits each (RFC 9051 9, partial). */
static bool
part_of(struct scan *a, struct section *c)
{
	if (!scan_is(a, '<'))
		return true;
	c->partial = true;
	return scan_number64(a, &c->offset) && scan_char(a, '.') &&
	    scan_number64(a, &c->length) && scan_char(a, '>') &&
	    (c->length > 0 || scan_fail(a, "number must not be 0"));
}

bool
section_scan(struct scan *a, struct section *c, bool binary, bool partial)
{
	*c = (struct section){ 0 };
	if (!scan_char(a, '[') || !path(a, c))
		return false;
	if (!scan_next_is(a, ']') && (binary || !text(a, c)))
		return scan_fail(a, "no such section");
	return scan_char(a, ']') && (!partial || part_of(a, c));
}

/* ---- saying again what was asked for */

static void
name_print(struct buf *out, const struct section *c, const char *name)
{
	static const char *const texts[] = { "", "HEADER", "HEADER.FIELDS (",
		"HEADER.FIELDS.NOT (", "TEXT", "MIME" };
	const char *dot = "";

	buf_printf(out, "%s[", name);
	for (size_t i = 0; i < c->n_path; i++, dot = ".")
		buf_printf(out, "%s%u", dot, c->path[i]);
	if (c->text != SECTION_ALL)
		buf_printf(out, "%s%s", dot, texts[c->text]);
	for (size_t i = 0; i < c->n_fields; i++) {
		if (i > 0)
			buf_char(out, ' ');
		astring_print(out, c->fields[i]);
	}
	buf_str(out, c->n_fields > 0 ? ")]" : "]");
	if (c->partial)
		buf_printf(out, "<%llu>", (unsigned long long)c->offset);
}

/* ---- where it lies */

struct range64 {
	uint64_t	 from, to;
};

/* The part whose own text is meant: of a message/rfc822 the message in it. */
static bool
text_part(const struct letter *l, const struct section *c,
    struct digest_part *p)
{
	if (c->n_path == 0)
		return digest_part(&l->digest, 0, p);
	if (!digest_find(&l->digest, c->path, c->n_path, p))
		return false;
	if (c->text == SECTION_ALL || c->text == SECTION_MIME)
		return true;
	return p->kind == MIME_MESSAGE && p->child != 0 &&
	    digest_part(&l->digest, p->child, p);
}

/* What store put in front belongs to the header of the whole message. */
static bool
place(const struct letter *l, const struct section *c, struct range64 *r)
{
	struct digest_part p;
	bool whole = c->n_path == 0;

	*r = (struct range64){ 0, l->row->size };
	if (whole && c->text == SECTION_ALL)
		return true;
	if (!text_part(l, c, &p))
		return false;
	switch (c->text) {
	case SECTION_ALL:
	case SECTION_TEXT:
		*r = (struct range64){ p.body_at,
			whole ? l->row->size : p.end_at };
		break;
	default:
		*r = (struct range64){ whole ? 0 : p.header_at, p.body_at };
		break;
	}
	return r->from <= r->to && r->to <= l->row->size;
}

/* The part of it that <offset.length> names. */
static struct range64
clip(const struct section *c, struct range64 r)
{
	uint64_t n = r.to - r.from;

	if (!c->partial)
		return r;
	r.from += c->offset < n ? c->offset : n;
	if (r.to - r.from > c->length)
		r.to = r.from + c->length;
	return r;
}

static struct slice
part(const struct section *c, struct slice s)
{
	struct range64 r = clip(c, (struct range64){ 0, s.n });

	return slice_take(slice_drop(s, (size_t)r.from),
	    (size_t)(r.to - r.from));
}

/* ---- HEADER.FIELDS */

static bool
is_named(const struct section *c, struct slice name)
{
	for (size_t i = 0; i < c->n_fields; i++)
		if (slice_ieq(c->fields[i], name))
			return true;
	return false;
}

/* With the empty line that ends a header (RFC 9051 6.4.5.1). */
static void
fields_print(struct letter *l, const struct section *c, struct range64 r)
{
	struct buf keep = { 0 }, chosen = { 0 };
	uint64_t end = r.to - r.from < HEADER_MAX ? r.to : r.from + HEADER_MAX;
	struct slice header = letter_read(l, r.from, end, &keep), s;
	struct buf *out = session_out(l->s);
	struct field f;

	if (header.p == NULL) {
		/* A message without a header is not what there is. */
		l->s->leaving = true;
		return;
	}
	while (header_next(&header, &f))
		if (is_named(c, f.name) == (c->text == SECTION_FIELDS))
			buf_slice(&chosen, f.whole);
	buf_str(&chosen, "\r\n");
	s = buf_view(&chosen);
	s = part(c, s);
	buf_printf(out, " {%zu}\r\n", s.n);
	buf_slice(out, s);
	buf_free(&chosen);
	buf_free(&keep);
}

void
section_print(struct letter *l, const struct section *c)
{
	struct buf *out = session_out(l->s);

	name_print(out, c, "BODY");
	literal_print(l, c);
}

void
literal_print(struct letter *l, const struct section *c)
{
	struct buf *out = session_out(l->s);
	struct range64 r;

	if (!place(l, c, &r)) {
		buf_str(out, " NIL");
		return;
	}
	if (c->text == SECTION_FIELDS || c->text == SECTION_FIELDS_NOT) {
		fields_print(l, c, r);
		return;
	}
	r = clip(c, r);
	buf_printf(out, " {%llu}\r\n", (unsigned long long)(r.to - r.from));
	/* Half a literal must not look like a whole one. */
	if (!letter_send(l, r.from, r.to))
		l->s->leaving = true;
}

/* ---- BINARY */

static void
binary_say(struct letter *l, const struct section *c, bool size,
    struct slice s)
{
	struct buf *out = session_out(l->s);

	name_print(out, c, size ? "BINARY.SIZE" : "BINARY");
	if (size) {
		buf_printf(out, " %zu", s.n);
		return;
	}
	s = part(c, s);
	buf_printf(out, " %s{%zu}\r\n",
	    slice_find(s, '\0') < s.n ? "~" : "", s.n);
	conn_write(l->s->conn, s);
}

bool
binary_print(struct letter *l, const struct section *c, bool size)
{
	struct buf keep = { 0 }, plain = { 0 };
	struct digest_part p;
	struct range64 r;
	struct slice s;
	enum cte cte = CTE_NONE;

	if (!place(l, c, &r)) {
		name_print(session_out(l->s), c, size ? "BINARY.SIZE" :
		    "BINARY");
		buf_str(session_out(l->s), size ? " 0" : " NIL");
		return true;
	}
	if (c->n_path > 0 && digest_find(&l->digest, c->path, c->n_path, &p) &&
	    p.kind == MIME_LEAF && p.encoding.n > 0)
		cte = cte_named(p.encoding);
	if (cte == CTE_UNKNOWN) {
		name_print(session_out(l->s), c, size ? "BINARY.SIZE" :
		    "BINARY");
		buf_str(session_out(l->s), size ? " 0" : " NIL");
		return false;
	}
	s = letter_read(l, r.from, r.to, &keep);
	if (s.p != NULL) {
		cte_decode(&plain, cte, s);
		binary_say(l, c, size, buf_view(&plain));
	} else
		l->s->leaving = true;
	buf_free(&plain);
	buf_free(&keep);
	return true;
}
