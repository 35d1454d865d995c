/* One message against the keys. */
#include "imapd/search.h"

#include "common/mail/cte.h"
#include "common/mail/date.h"
#include "common/mail/header.h"
#include "common/task/task.h"
#include "imapd/text.h"

enum { DAY = 86400 };

/* The day of a second, before 1970 too. */
static int64_t
day_of(int64_t second)
{
	return second / DAY - (second % DAY < 0);
}

static unsigned
want_of(enum key_kind kind)
{
	return kind > KEY_HEADER ? WANT_DIGEST | WANT_BYTES :
	    kind == KEY_HEADER ? WANT_DIGEST | WANT_START :
	    kind >= KEY_SENT_BEFORE ? WANT_DIGEST : 0;
}

unsigned
keys_order(struct key **list)
{
	struct key *k = *list, *dear = NULL, **tail = &dear, *next;
	unsigned all = 0;

	for (; k != NULL; k = next) {
		next = k->next;
		k->want = want_of(k->kind) | keys_order(&k->child);
		all |= k->want;
		if (k->want == 0) {
			*list = k;
			list = &k->next;
		} else {
			*tail = k;
			tail = &k->next;
		}
	}
	*tail = NULL;
	*list = dear;
	return all;
}

bool
keys_modseq(const struct key *k)
{
	for (; k != NULL; k = k->next)
		if (k->kind == KEY_MODSEQ || keys_modseq(k->child))
			return true;
	return false;
}

/* ---- texts */

/* Is it in this header text, its encoded words decoded? */
static bool
in_words(struct slice text, struct slice what)
{
	struct buf utf8 = { 0 }, fold = { 0 };
	struct slice plain = text_fold_plain(text);
	bool has;

	if (plain.p != NULL)
		return text_has(plain, what);
	words_decode(&utf8, text, &text_charsets);
	text_fold(&fold, buf_view(&utf8));
	has = text_has(buf_view(&fold), what);
	buf_free(&utf8);
	buf_free(&fold);
	return has;
}

/* "Name <local@domain>", each address as one text. */
static bool
in_addresses(struct digest_list l, struct slice what)
{
	struct buf text = { 0 };
	struct address a;
	bool has = false;

	while (!has && digest_address(&l, &a)) {
		if (a.kind == ADDRESS_GROUP_END)
			continue;
		buf_clear(&text);
		buf_slice(&text, a.name);
		buf_str(&text, " <");
		buf_slice(&text, a.local);
		if (a.domain.n > 0)
			buf_char(&text, '@');
		buf_slice(&text, a.domain);
		buf_char(&text, '>');
		has = in_words(buf_view(&text), what);
	}
	buf_free(&text);
	return has;
}

static bool
in_envelope(const struct key *k, const struct letter *l)
{
	struct digest_envelope e;

	if (!digest_envelope(&l->digest, 0, &e))
		return false;
	switch (k->kind) {
	case KEY_SUBJECT: return in_words(e.subject, k->text);
	case KEY_FROM: return in_addresses(e.from, k->text);
	case KEY_TO: return in_addresses(e.to, k->text);
	case KEY_CC: return in_addresses(e.cc, k->text);
	default: return in_addresses(e.bcc, k->text);
	}
}

/* The date the message says, without its time and zone (RFC 9051 6.4.4,
   SENTBEFORE); else when it came. */
static int64_t
sent_day(const struct letter *l)
{
	struct digest_envelope e;
	struct date d;

	if (digest_envelope(&l->digest, 0, &e) && date_parse(e.date, &d))
		return day_of(d.when + d.zone * 60);
	return day_of((int64_t)(l->row->when / 1000));
}

static bool
in_field(struct slice body, struct slice what)
{
	struct buf line = { 0 };
	bool has;

	header_unfold(&line, body);
	has = in_words(buf_view(&line), what);
	buf_free(&line);
	return has;
}

/* name empty: in any field, its name too. */
static bool
in_header(struct letter *l, uint64_t from, uint64_t to, struct slice name,
    struct slice what)
{
	uint64_t end = to - from < HEADER_MAX ? to : from + HEADER_MAX;
	struct buf keep = { 0 };
	struct slice header = letter_read(l, from, end, &keep);
	struct field f;
	bool has = false;

	while (!has && header_next(&header, &f))
		if (name.n == 0)
			has = in_field(f.whole, what);
		else if (slice_ieq(f.name, name))
			has = in_field(f.body, what);
	buf_free(&keep);
	return has;
}

/* ---- bodies */

static struct slice
charset_of(const struct digest_part *p)
{
	struct digest_list params = p->params;
	struct slice name, value, charset = SLICE("us-ascii");

	while (digest_pair(&params, &name, &value))
		if (slice_ieq(name, SLICE("charset")))
			charset = value;
	return charset;
}

/* Of a long text there are two forms in memory at most: what was decoded takes
   the place of what it was decoded from. */
static bool
in_text_part(struct letter *l, const struct digest_part *p, struct slice what)
{
	enum cte cte = p->encoding.n > 0 ? cte_named(p->encoding) : CTE_NONE;
	struct slice s, charset = charset_of(p);
	struct buf text = { 0 }, next = { 0 };
	bool has;

	task_breathe();
	s = letter_read(l, p->body_at, p->end_at, &text);
	if (cte == CTE_BASE64 || cte == CTE_QUOTED) {
		cte_decode(&next, cte, s);
		buf_free(&text);
		text = next;
		next = (struct buf){ 0 };
		s = buf_view(&text);
	}
	if (!charset_is_utf8(charset) &&
	    charset_utf8(&text_charsets, charset, s, &next))
		s = buf_view(&next);
	has = text_search(s, what);
	buf_free(&text);
	buf_free(&next);
	return has;
}

/* headers: those of parts, and of messages in the message, too. */
static bool
in_body(struct letter *l, struct slice what, bool headers)
{
	struct digest_part p;

	for (uint32_t i = 0; i < l->digest.n_parts; i++) {
		if (!digest_part(&l->digest, i, &p))
			continue;
		if (headers && i > 0 && in_header(l, p.header_at, p.body_at,
		    SLICE(""), what))
			return true;
		if (p.kind == MIME_LEAF && (p.type.n == 0 ||
		    slice_ieq(p.type, SLICE("text"))) &&
		    in_text_part(l, &p, what))
			return true;
	}
	return false;
}

static bool
in_message(const struct key *k, struct letter *l)
{
	struct digest_part root;
	uint64_t header = digest_part(&l->digest, 0, &root) ? root.body_at : 0;

	switch (k->kind) {
	case KEY_HEADER:
		return in_header(l, 0, header, k->field, k->text);
	case KEY_BODY:
		return in_body(l, k->text, false);
	default:
		return in_header(l, 0, header, SLICE(""), k->text) ||
		    in_body(l, k->text, true);
	}
}

/* ---- */

static bool
all_match(const struct key *list, struct letter *l)
{
	for (const struct key *k = list; k != NULL; k = k->next)
		if (!key_matches(k, l))
			return false;
	return true;
}

bool
key_matches(const struct key *k, struct letter *l)
{
	const struct wire_entry *row = l->row;
	int64_t day = day_of((int64_t)(row->when / 1000));

	switch (k->kind) {
	case KEY_ALL: return true;
	case KEY_AND: return all_match(k->child, l);
	case KEY_OR: return key_matches(k->child, l) ||
	    (k->child->next != NULL && key_matches(k->child->next, l));
	case KEY_NOT: return !key_matches(k->child, l);
	case KEY_UIDS: return ranges_has(k->uids, row->uid);
	case KEY_FLAGS: return (row->flags & k->bits) == k->bits;
	case KEY_BEFORE: return day < k->day;
	case KEY_SINCE: return day >= k->day;
	case KEY_LARGER: return row->size > k->number;
	case KEY_SMALLER: return row->size < k->number;
	case KEY_MODSEQ: return row->modseq >= k->number;
	case KEY_SENT_BEFORE: return sent_day(l) < k->day;
	case KEY_SENT_SINCE: return sent_day(l) >= k->day;
	case KEY_SUBJECT:
	case KEY_FROM:
	case KEY_TO:
	case KEY_CC:
	case KEY_BCC: return in_envelope(k, l);
	case KEY_HEADER:
	case KEY_BODY:
	case KEY_TEXT: return in_message(k, l);
	}
	return false;
}
