/* FETCH (RFC 9051 6.4.5, RFC 7162 3.1.4). */
#include "imapd/fetch.h"

#include "common/mail/date.h"
#include "imapd/structure.h"

struct wish {
	struct item	*items;
	size_t		 n;
	unsigned	 want;		/* of box_list */
	bool		 sees;		/* makes messages \Seen */
	uint64_t	 since;		/* CHANGEDSINCE */
	bool		 vanished;	/* ... and what went since */
	struct ranges	 set;
	struct ranges	 said;		/* UIDs, there or not */
};

/* ---- what is asked for */

static const struct simple {
	const char	*name;
	enum item_kind	 kind;
	bool		 sees;
	unsigned	 want;
} simple[] = {
	{ "UID", ITEM_UID, false, 0 },
	{ "FLAGS", ITEM_FLAGS, false, 0 },
	{ "INTERNALDATE", ITEM_INTERNALDATE, false, 0 },
	{ "RFC822.SIZE", ITEM_SIZE, false, 0 },
	{ "MODSEQ", ITEM_MODSEQ, false, 0 },
	{ "ENVELOPE", ITEM_ENVELOPE, false, WANT_DIGEST },
	{ "BODYSTRUCTURE", ITEM_BODYSTRUCTURE, false, WANT_DIGEST },
	{ "RFC822.HEADER", ITEM_RFC822_HEADER, false,
	    WANT_DIGEST | WANT_START },
	{ "RFC822.TEXT", ITEM_RFC822_TEXT, true, WANT_DIGEST | WANT_BYTES },
	{ "RFC822", ITEM_RFC822, true, WANT_BYTES },
};

static bool
item_add(struct scan *a, struct wish *w, const struct item *i)
{
	if (w->n == ITEMS_MAX)
		return scan_fail(a, "too many items");
	w->items[w->n++] = *i;
	return true;
}

/* Of a long message only what is likely to be needed. */
static unsigned
section_want(const struct section *c)
{
	if (c->n_path > 0)
		return WANT_DIGEST | WANT_BYTES;
	if (c->text == SECTION_ALL)	/* that needs no digest */
		return c->partial ? WANT_START : WANT_BYTES;
	if (c->text == SECTION_TEXT && !c->partial)
		return WANT_DIGEST | WANT_BYTES;
	return WANT_DIGEST | WANT_START;
}

/* "[...]" behind BODY, BODY.PEEK, BINARY, BINARY.PEEK, BINARY.SIZE. */
static bool
section_item(struct scan *a, struct wish *w, struct item *i, bool binary)
{
	if (!section_scan(a, &i->section, binary,
	    i->kind != ITEM_BINARY_SIZE))
		return false;
	w->sees |= !i->peek;
	w->want |= section_want(&i->section);
	return item_add(a, w, i);
}

static bool
body(struct scan *a, struct wish *w)
{
	struct item i = { .kind = ITEM_SECTION };

	if (scan_is_word(a, "BODY.PEEK"))
		i.peek = true;
	else if (!scan_is_word(a, "BODY"))
		return false;
	if (i.peek || scan_next_is(a, '['))
		return section_item(a, w, &i, false);
	i.kind = ITEM_BODY;
	w->want |= WANT_DIGEST;
	return item_add(a, w, &i);
}

static bool
binary(struct scan *a, struct wish *w)
{
	struct item i = { .kind = ITEM_BINARY };

	if (scan_is_word(a, "BINARY.SIZE")) {
		i.kind = ITEM_BINARY_SIZE;
		i.peek = true;
	} else if (scan_is_word(a, "BINARY.PEEK"))
		i.peek = true;
	else if (!scan_is_word(a, "BINARY"))
		return false;
	return section_item(a, w, &i, true);
}

static bool
item(struct scan *a, struct wish *w)
{
	for (size_t i = 0; i < sizeof simple / sizeof *simple; i++) {
		const struct simple *k = &simple[i];

		if (!scan_is_word(a, k->name))
			continue;
		w->sees |= k->sees;
		w->want |= k->want;
		return item_add(a, w, &(struct item){ .kind = k->kind });
	}
	return body(a, w) || binary(a, w) ||
	    scan_fail(a, "no such item");
}

/* RFC 9051 6.4.5: the three abbreviations. */
static bool
macro(struct scan *a, struct wish *w)
{
	static const enum item_kind full[] = { ITEM_FLAGS, ITEM_INTERNALDATE,
		ITEM_SIZE, ITEM_ENVELOPE, ITEM_BODY };
	size_t n = scan_is_word(a, "FAST") ? 3 : scan_is_word(a, "ALL") ? 4 :
	    scan_is_word(a, "FULL") ? 5 : 0;

	for (size_t i = 0; i < n; i++)
		item_add(a, w, &(struct item){ .kind = full[i] });
	if (n > 3)
		w->want |= WANT_DIGEST;
	return n > 0;
}

static bool
items(struct scan *a, struct wish *w)
{
	if (macro(a, w))
		return true;
	if (!scan_is(a, '('))
		return item(a, w);
	do {
		if (!item(a, w))
			return false;
	} while (scan_is(a, ' '));
	return scan_char(a, ')');
}

/* "(CHANGEDSINCE 12345 VANISHED)", in any order (RFC 7162 3.2.6). */
static bool
modifiers(struct session *s, struct scan *a, struct wish *w)
{
	bool changed = false;

	if (!scan_is(a, ' '))
		return true;
	if (!scan_char(a, '('))
		return false;
	do {
		if (scan_is_word(a, "CHANGEDSINCE")) {
			changed = true;
			if (!scan_space(a) || !scan_number64(a, &w->since))
				return false;
		} else if (scan_is_word(a, "VANISHED"))
			w->vanished = true;
		else
			return scan_fail(a, "CHANGEDSINCE or VANISHED");
	} while (scan_is(a, ' '));
	if (w->vanished && (!changed || !s->uid ||
	    (s->enabled & ENABLED_QRESYNC) == 0))
		return scan_fail(a, "VANISHED is for UID FETCH with "
		    "CHANGEDSINCE after ENABLE QRESYNC");
	s->enabled |= ENABLED_CONDSTORE;
	return scan_char(a, ')');
}

static bool
asks(const struct wish *w, enum item_kind kind)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->items[i].kind == kind)
			return true;
	return false;
}

/* What is said though nobody asked: UID of UID FETCH (RFC 9051 6.4.9), MODSEQ
   of what changed (RFC 7162 3.1.4.1). */
static void
imply(struct session *s, struct wish *w)
{
	if (asks(w, ITEM_MODSEQ))
		s->enabled |= ENABLED_CONDSTORE;
	if (s->uid && !asks(w, ITEM_UID) && w->n < ITEMS_MAX)
		w->items[w->n++] = (struct item){ .kind = ITEM_UID };
	if (w->since > 0 && !asks(w, ITEM_MODSEQ) && w->n < ITEMS_MAX)
		w->items[w->n++] = (struct item){ .kind = ITEM_MODSEQ };
}

/* ---- what is said */

/* Rows are printed by the hundred thousand: without printf. */
static inline void
number(struct buf *out, const char *what, uint64_t n)
{
	buf_str(out, what);
	buf_u64(out, n);
}

static void
pair(struct buf *out, unsigned n, char blank)
{
	buf_char(out, n < 10 ? blank : (char)('0' + n / 10));
	buf_char(out, (char)('0' + n % 10));
}

static void
internaldate_print(struct buf *out, uint64_t ms)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t t = (int64_t)(ms / 1000), day = t / 86400, year;
	unsigned month, mday, sec = (unsigned)(t % 86400);

	date_civil(day, &year, &month, &mday);
	buf_str(out, "INTERNALDATE \"");
	pair(out, mday, ' ');
	buf_char(out, '-');
	buf_add(out, months + 3 * (month - 1), 3);
	buf_char(out, '-');
	pair(out, (unsigned)(year / 100 % 100), '0');
	pair(out, (unsigned)(year % 100), '0');
	buf_char(out, ' ');
	pair(out, sec / 3600, '0');
	buf_char(out, ':');
	pair(out, sec / 60 % 60, '0');
	buf_char(out, ':');
	pair(out, sec % 60, '0');
	buf_str(out, " +0000\"");
}

/* The names that RFC 2060 had for BODY[], BODY[HEADER] and BODY[TEXT]. */
static void
rfc822_print(struct letter *l, enum item_kind kind)
{
	struct buf *out = conn_out(l->s->conn);
	struct section c = { .text = SECTION_ALL };

	buf_str(out, "RFC822");
	if (kind == ITEM_RFC822_HEADER) {
		buf_str(out, ".HEADER");
		c.text = SECTION_HEADER;
	} else if (kind == ITEM_RFC822_TEXT) {
		buf_str(out, ".TEXT");
		c.text = SECTION_TEXT;
	}
	literal_print(l, &c);
}

static bool
item_print(struct letter *l, const struct item *i)
{
	bool utf8 = (l->s->enabled & ENABLED_REV2) != 0;
	struct buf *out = conn_out(l->s->conn);

	switch (i->kind) {
	case ITEM_UID:
		number(out, "UID ", l->row->uid);
		break;
	case ITEM_FLAGS:
		buf_str(out, "FLAGS (");
		view_flags(&l->s->view, out, l->row->flags);
		buf_char(out, ')');
		break;
	case ITEM_INTERNALDATE:
		internaldate_print(out, l->row->when);
		break;
	case ITEM_SIZE:
		number(out, "RFC822.SIZE ", l->row->size);
		break;
	case ITEM_MODSEQ:
		number(out, "MODSEQ (", l->row->modseq);
		buf_char(out, ')');
		break;
	case ITEM_ENVELOPE:
		buf_str(out, "ENVELOPE ");
		envelope_print(out, &l->digest, 0, utf8);
		break;
	case ITEM_BODY:
	case ITEM_BODYSTRUCTURE:
		buf_str(out, i->kind == ITEM_BODY ? "BODY " :
		    "BODYSTRUCTURE ");
		structure_print(out, &l->digest, i->kind != ITEM_BODY, utf8);
		break;
	case ITEM_SECTION:
		section_print(l, &i->section);
		break;
	case ITEM_RFC822:
	case ITEM_RFC822_HEADER:
	case ITEM_RFC822_TEXT:
		rfc822_print(l, i->kind);
		break;
	case ITEM_BINARY:
	case ITEM_BINARY_SIZE:
		return binary_print(l, &i->section,
		    i->kind == ITEM_BINARY_SIZE);
	}
	return true;
}

struct serving {
	struct session	*s;
	const struct wish *w;
	struct letter	 letter;	/* the one being said */
	uint32_t	 n;		/* messages that were there */
	bool		 some_unread, some_unknown;
};

/* One response.  A message that cannot be read is left out; the command then
   ends with NO (RFC 9051 6.4.5). */
static bool
serve_one(void *arg, const struct wire_entry *e)
{
	struct serving *v = arg;
	struct session *s = v->s;
	struct letter *l = &v->letter;
	uint32_t place = view_number(&s->view, e->uid);

	if (place == 0)
		return true;
	v->n++;
	if (letter_open(l, s, e, v->w->want)) {
		number(session_out(s), "* ", place);
		buf_str(conn_out(s->conn), " FETCH (");
		for (size_t i = 0; i < v->w->n && !s->leaving; i++) {
			if (i > 0)
				buf_char(conn_out(s->conn), ' ');
			if (!item_print(l, &v->w->items[i]))
				v->some_unknown = true;
		}
		/* Not behind half a literal, which that would fill. */
		if (!s->leaving)
			buf_str(conn_out(s->conn), ")\r\n");
	} else
		v->some_unread = true;
	letter_close(l);
	return !s->leaving && conn_error(s->conn) == CONN_OK;
}

/* ---- the command */

/* The flag first, so that what is said is what is so. */
static enum wire_status
see(struct session *s, const struct ranges *set)
{
	struct box_flags_in in = { .mailbox = s->view.mailbox,
		.change = FLAGS_ADD, .flags = FLAG_SEEN,
		.unchanged = UINT64_MAX };
	enum wire_status status = WIRE_OK;
	struct box_flags_out out;
	size_t at = 0;

	in.uids = arena_array(&s->arena, WIRE_LIST_MAX, sizeof *in.uids);
	while (status == WIRE_OK &&
	    (in.n_uids = view_chunk(&s->view, set, &at, in.uids)) > 0) {
		status = box_flags(s->store, &in, &out, &s->arena, LINK_WAIT);
		if (status == WIRE_OK && out.modseq != 0)
			s->view.dirty = true;
	}
	return status;
}

static void
fetch(struct session *s, const struct wish *w)
{
	struct serving v = { .s = s, .w = w };
	enum wire_status status = WIRE_OK;

	if (w->vanished && !view_tell_vanished(s, w->since, &w->said))
		status = WIRE_AGAIN;
	if (status == WIRE_OK && w->sees && !s->view.readonly)
		status = see(s, &w->set);
	if (status == WIRE_OK)
		status = view_each(s, &w->set, w->since, w->want, serve_one,
		    &v);
	if (status != WIRE_OK)
		session_failed(s, status);
	else if (v.some_unknown)
		session_no(s, "[UNKNOWN-CTE] a part is encoded in a way nobody "
		    "knows");
	else if (v.some_unread)
		session_no(s, "[SERVERBUG] some messages cannot be read now");
	else if (!s->uid && w->since == 0 && v.n < ranges_count(&w->set))
		/* Numbers that mean nothing any more; of UIDs nobody minds. */
		session_no(s, "[EXPUNGEISSUED] some messages are gone");
	else
		session_ok(s, "that is all");
}

void
cmd_fetch(struct session *s, struct scan *a)
{
	struct wish w = { .items = arena_array(&s->arena, ITEMS_MAX,
	    sizeof *w.items) };
	struct seqset set;

	if (!scan_space(a) || !scan_seqset(a, &set) || !scan_space(a) ||
	    !items(a, &w) || !modifiers(s, a, &w) || !scan_end(a)) {
		session_misread(s, a);
		return;
	}
	imply(s, &w);
	if (!view_resolve(s, &set, &w.set))
		return;
	for (size_t i = 0; w.vanished && i < set.n; i++)
		ranges_add(&w.said, set.r[i].from, set.r[i].to);
	fetch(s, &w);
	ranges_free(&w.said);
	ranges_free(&w.set);
}
