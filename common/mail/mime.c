#include "common/mail/mime.h"

#include <stdlib.h>
#include <string.h>

#include "common/mail/cte.h"
#include "common/mail/header.h"

enum {
	LINE_KEPT = MIME_BOUNDARY_MAX + 64,	/* "--", "--", blanks, CR LF */
};

/* A part that has begun and not ended. */
struct open {
	struct mime_part part;
	uint64_t	 lines_at;	/* line ends before its body */
	bool		 digest;	/* multipart/digest */
	size_t		 boundary_n;	/* 0: none, or closed already */
	char		 boundary[MIME_BOUNDARY_MAX];
};

struct mime {
	const struct mime_events *events;
	void		*arg;
	struct arena	 scratch;	/* for one header */

	uint64_t	 at;		/* octets read */
	uint64_t	 lines;		/* line ends read */
	uint64_t	 steps;
	bool		 cut;

	/* The line being read. */
	uint64_t	 line_at;	/* where it began */
	uint64_t	 lines_before;
	bool		 candidate;	/* may be a boundary: kept in line */
	size_t		 line_n;
	char		 line[LINE_KEPT];
	char		 last;		/* octet before the piece at hand */
	unsigned	 eol;		/* octets of the line end before
					   the line */
	uint64_t	 inner_end;	/* of the part that ended last */

	/* The header being read, if in_header. */
	bool		 in_header;
	bool		 header_full;
	size_t		 header_line;	/* where its last line begins */
	struct buf	 header;

	/* Body octets that may belong to a boundary: a line end. */
	char		 held[2];
	size_t		 held_n;

	uint32_t	 parts;
	size_t		 boundaries;	/* open ones */
	size_t		 depth;		/* entries of stack */
	struct open	 stack[MIME_DEPTH_MAX + 1];
};

static struct open *
top(struct mime *m)
{
	return &m->stack[m->depth - 1];
}

static void
push(struct mime *m, uint64_t header_at, bool message)
{
	struct open *o = &m->stack[m->depth];

	memset(&o->part, 0, sizeof o->part);
	o->part.number = m->parts++;
	o->part.parent = m->depth > 0 ? top(m)->part.number : 0;
	o->part.depth = (uint32_t)m->depth;
	o->part.message = message;
	o->part.header_at = header_at;
	o->boundary_n = 0;
	o->digest = false;
	m->depth++;
	m->in_header = true;
	m->header_full = false;
	m->header_line = 0;
	buf_clear(&m->header);
}

/* May another part begin inside the top one? */
static bool
room(struct mime *m)
{
	if (m->parts < MIME_PARTS_MAX && m->depth <= MIME_DEPTH_MAX)
		return true;
	m->cut = true;
	return false;
}

/* ------------------------------------------------------------ headers */

/* The two fields that shape the tree. */
struct shape {
	struct slice	 type, encoding;
};

static struct shape
shape_of(struct slice header)
{
	struct shape s = { { NULL, 0 }, { NULL, 0 } };
	struct field f;

	while (header_next(&header, &f)) {
		if (s.type.p == NULL && slice_ieq(f.name,
		    SLICE("Content-Type")))
			s.type = f.body;
		if (s.encoding.p == NULL && slice_ieq(f.name,
		    SLICE("Content-Transfer-Encoding")))
			s.encoding = f.body;
	}
	return s;
}

/* RFC 2045 5.2: no or bad Content-Type means text/plain; RFC 2046 5.1.5: in a
   multipart/digest no Content-Type means a message. */
static struct mime_type
type_of(struct mime *m, struct slice field)
{
	bool digest = m->depth > 1 && m->stack[m->depth - 2].digest;
	struct mime_type t = { .n = 0 };
	struct mime_param *params;
	size_t slash;

	if (field.p != NULL) {
		t.n = params_parse(&m->scratch, field, NULL, &t.value,
		    &params);
		t.params = params;
	}
	slash = slice_find(t.value, '/');
	if (slash == 0 || slash + 1 >= t.value.n) {
		t.value = field.p == NULL && digest ?
		    SLICE("message/rfc822") : SLICE("text/plain");
		t.n = 0;
	}
	return t;
}

static void
boundary_set(struct mime *m, struct open *o, const struct mime_type *t)
{
	struct slice b = params_get(t->params, t->n, "boundary");

	while (b.n > 0 && (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\t'))
		b.n--;
	if (b.n == 0 || b.n > MIME_BOUNDARY_MAX)
		return;
	memcpy(o->boundary, b.p, b.n);
	o->boundary_n = b.n;
	o->digest = slice_eq(t->value, SLICE("multipart/digest"));
	o->part.kind = MIME_MULTIPART;
	m->boundaries++;
}

static void
kind_set(struct mime *m, struct open *o, const struct mime_type *t,
    struct slice encoding)
{
	if (slice_starts(t->value, SLICE("multipart/"))) {
		if (room(m))
			boundary_set(m, o, t);
	} else if ((slice_eq(t->value, SLICE("message/rfc822")) ||
	    slice_eq(t->value, SLICE("message/global"))) &&
	    cte_named(encoding) == CTE_NONE && room(m))
		o->part.kind = MIME_MESSAGE;
}

/* The header of the top part is complete; its body begins at body_at, with
   so many line ends before it. */
static void
header_end(struct mime *m, uint64_t body_at, uint64_t lines)
{
	struct slice header = buf_view(&m->header);
	struct shape shape = shape_of(header);
	struct mime_type type = type_of(m, shape.type);
	struct open *o = top(m);

	m->steps += header.n + type.n * type.n;
	m->in_header = false;
	m->held_n = 0;
	o->part.body_at = body_at;
	o->lines_at = lines;
	kind_set(m, o, &type, shape.encoding);
	if (m->events->header != NULL)
		m->events->header(m->arg, &o->part, header, &type);
	arena_reset(&m->scratch);
	if (o->part.kind == MIME_MESSAGE)
		push(m, body_at, true);
}

/* --------------------------------------------------------------- bodies */

static void
give(struct mime *m, const char *p, size_t n)
{
	if (n > 0)
		m->events->body(m->arg, &top(m)->part, slice_of(p, n));
}

/* Body octets of a wanted leaf.  The last line end is held back, since it is
   not part of the body if a boundary follows (RFC 2046 5.1.1). */
static void
emit(struct mime *m, struct slice s)
{
	size_t end;

	if (!top(m)->part.want || m->events->body == NULL || s.n == 0)
		return;
	if (m->held_n == 1 && m->held[0] == '\r' && s.p[0] == '\n') {
		m->held[m->held_n++] = '\n';
		s = slice_drop(s, 1);
		if (s.n == 0)
			return;
	}
	give(m, m->held, m->held_n);
	end = s.p[s.n - 1] == '\r' ? 1 : s.p[s.n - 1] != '\n' ? 0 :
	    s.n > 1 && s.p[s.n - 2] == '\r' ? 2 : 1;
	give(m, s.p, s.n - end);
	memcpy(m->held, s.p + s.n - end, end);
	m->held_n = end;
}

/*
 * Ends the top part at the line that begins at m->line_at, or at the end.
 * The line end before a boundary belongs to it, unless it already ended the
 * header of the part, or of a part inside: none ends behind its parent.
 */
static void
pop(struct mime *m, bool at_boundary)
{
	struct open *o = top(m);
	struct mime_part *p = &o->part;

	if (!at_boundary)
		give(m, m->held, m->held_n);
	m->held_n = 0;
	p->end_at = at_boundary ? m->line_at : m->at;
	p->lines = (at_boundary ? m->lines_before : m->lines) - o->lines_at;
	if (at_boundary && p->end_at - p->body_at >= m->eol &&
	    p->end_at - m->eol >= m->inner_end) {
		p->end_at -= m->eol;
		p->lines--;
	}
	m->inner_end = p->end_at;
	if (m->events->end != NULL)
		m->events->end(m->arg, p);
	m->boundaries -= o->boundary_n > 0;
	m->depth--;
}

/* --------------------------------------------------------------- lines */

/* The stack entry whose boundary the kept line is, innermost first; or NULL.
   *closes: it is the last one of its multipart. */
static struct open *
boundary_find(struct mime *m, bool *closes)
{
	struct slice line = slice_of(m->line, m->line_n), core;

	while (line.n > 0 && strchr(" \t\r\n", line.p[line.n - 1]) != NULL &&
	    line.p[line.n - 1] != '\0')
		line.n--;
	if (!slice_starts(line, SLICE("--")))
		return NULL;
	line = slice_drop(line, 2);
	core = slice_take(line, line.n < 2 ? 0 : line.n - 2);
	*closes = false;
	for (size_t i = m->depth; i-- > 0;) {
		struct open *o = &m->stack[i];
		struct slice b = slice_of(o->boundary, o->boundary_n);
		m->steps++;
		if (b.n == 0)
			continue;
		if (slice_eq(line, b))
			return o;
		if (slice_eq(core, b) && line.p[line.n - 1] == '-' &&
		    line.p[line.n - 2] == '-') {
			*closes = true;
			return o;
		}
	}
	return NULL;
}

/* Is the kept line a boundary?  Then parts end here and, perhaps, begin. */
static bool
boundary(struct mime *m)
{
	bool closes;
	struct open *o = boundary_find(m, &closes);

	if (o == NULL)
		return false;
	if (m->in_header)
		m->header.n = m->header_line;
	while (m->in_header)
		header_end(m, m->line_at, m->lines_before);
	while (top(m) != o)
		pop(m, true);
	if (!closes && room(m)) {
		push(m, m->at, false);
		return true;
	}
	o->boundary_n = 0;
	m->boundaries--;
	return true;
}

/* Copies what can be a boundary line; false once it cannot. */
static bool
keep_line(struct mime *m, struct slice piece)
{
	if (m->at == m->line_at) {
		m->line_n = 0;
		m->candidate = m->boundaries > 0 && piece.p[0] == '-';
	}
	if (!m->candidate || m->line_n + piece.n > sizeof m->line)
		return false;
	memcpy(m->line + m->line_n, piece.p, piece.n);
	m->line_n += piece.n;
	return true;
}

static void
header_keep(struct mime *m, struct slice piece)
{
	if (m->header.n + piece.n > HEADER_MAX && !m->header_full) {
		m->header_full = m->cut = true;
		m->header.n = m->header_line;
	}
	if (!m->header_full)
		buf_slice(&m->header, piece);
}

/* The kept line was none; it is body. */
static void
release_line(struct mime *m)
{
	if (m->candidate && !m->in_header)
		emit(m, slice_of(m->line, m->line_n));
	m->candidate = false;
}

/* A line with its line end of eol octets is complete. */
static void
line_end(struct mime *m, unsigned eol)
{
	if (!m->candidate || !boundary(m)) {
		release_line(m);
		if (m->in_header && m->at - m->line_at == eol)
			header_end(m, m->at, m->lines);
	}
	m->candidate = false;
	m->header_line = m->header.n;
	m->line_at = m->at;
	m->lines_before = m->lines;
	m->eol = eol;
}

/* A piece of one line, with its line end if that has come. */
static void
feed_piece(struct mime *m, struct slice piece)
{
	bool kept = keep_line(m, piece);
	char before = piece.n > 1 ? piece.p[piece.n - 2] : m->last;

	if (!kept)
		release_line(m);
	if (m->in_header)
		header_keep(m, piece);
	else if (!kept)
		emit(m, piece);
	m->at += piece.n;
	m->steps += piece.n;
	m->last = piece.p[piece.n - 1];
	if (m->last == '\n') {
		m->lines++;
		line_end(m, before == '\r' ? 2 : 1);
	}
}

struct mime *
mime_new(const struct mime_events *events, void *arg)
{
	struct mime *m = mem_zero(sizeof *m);

	m->events = events;
	m->arg = arg;
	push(m, 0, true);
	return m;
}

void
mime_feed(struct mime *m, struct slice s)
{
	while (s.n > 0) {
		size_t n = slice_find(s, '\n');
		n += n < s.n;
		feed_piece(m, slice_take(s, n));
		s = slice_drop(s, n);
	}
}

void
mime_end(struct mime *m)
{
	if (!m->candidate || !boundary(m))
		release_line(m);
	while (m->in_header)
		header_end(m, m->at, m->lines);
	while (m->depth > 0)
		pop(m, false);
}

void
mime_free(struct mime *m)
{
	if (m == NULL)
		return;
	arena_free(&m->scratch);
	buf_free(&m->header);
	free(m);
}

uint64_t
mime_size(const struct mime *m)
{
	return m->at;
}

uint64_t
mime_lines(const struct mime *m)
{
	return m->lines;
}

bool
mime_is_cut(const struct mime *m)
{
	return m->cut;
}

uint64_t
mime_steps(const struct mime *m)
{
	return m->steps;
}
