/* The keys of SEARCH (RFC 9051 6.4.4, RFC 7162 3.1.5). */
#include "imapd/search.h"

#include "imapd/text.h"

struct reader {
	struct session	*s;
	struct scan	*a;
	struct slice	 charset;
	unsigned	 n, depth;
};

static struct key	*key(struct reader *);

static struct key *
key_new(struct reader *r, enum key_kind kind)
{
	struct key *k = arena_array(r->a->arena, 1, sizeof *k);

	k->kind = kind;
	if (++r->n > KEYS_MAX)
		scan_fail(r->a, "too many keys");
	return k;
}

static struct key *
not(struct reader *r, struct key *k)
{
	struct key *n = key_new(r, KEY_NOT);

	n->child = k;
	return n;
}

/* ---- texts */

/* As it will be compared.  NULL p: the charset is not known, NO was said. */
static struct slice
folded(struct reader *r, struct slice said)
{
	struct buf utf8 = { 0 }, fold = { 0 };
	struct slice s = { NULL, 0 };

	if (charset_utf8(&text_charsets, r->charset, said, &utf8)) {
		text_fold(&fold, buf_view(&utf8));
		s = arena_slice(r->a->arena, buf_view(&fold));
		if (s.p == NULL)
			s = SLICE("");
	} else if (!r->s->replied)
		/* RFC 9051 6.4.4: what we do know. */
		session_no(r->s, "[BADCHARSET (US-ASCII UTF-8)] charset is "
		    "not known");
	buf_free(&utf8);
	buf_free(&fold);
	return s;
}

static struct key *
text_key(struct reader *r, enum key_kind kind)
{
	struct key *k = key_new(r, kind);
	struct slice said;

	if (kind == KEY_HEADER &&
	    (!scan_space(r->a) || !scan_astring(r->a, &k->field)))
		return k;
	if (scan_space(r->a) && scan_astring(r->a, &said))
		k->text = folded(r, said);
	return k;
}

/* ---- rows */

static struct key *
flag_key(struct reader *r, uint64_t bits, bool set)
{
	struct key *k = key_new(r, KEY_FLAGS);

	k->bits = bits;
	return set ? k : not(r, k);
}

/* A keyword that the mailbox does not have is on no message. */
static struct key *
keyword_key(struct reader *r, bool set)
{
	const struct view *v = &r->s->view;
	struct slice name;
	uint64_t bit = 0;

	if (!scan_space(r->a) || !scan_atom(r->a, &name))
		return key_new(r, KEY_ALL);
	for (size_t i = 0; i < v->n_keywords; i++)
		if (slice_ieq(v->keywords[i], name))
			bit = UINT64_C(1) << (FLAGS_SYSTEM + i);
	if (bit != 0)
		return flag_key(r, bit, set);
	return set ? not(r, key_new(r, KEY_ALL)) : key_new(r, KEY_ALL);
}

static struct key *
day_key(struct reader *r, enum key_kind kind, int add)
{
	struct key *k = key_new(r, kind);

	if (scan_space(r->a) && scan_date(r->a, &k->day))
		k->day += add;
	return k;
}

/* Both of a day: since it, and before the next. */
static struct key *
on_key(struct reader *r, enum key_kind since, enum key_kind before)
{
	struct key *k = key_new(r, KEY_AND);

	k->child = day_key(r, since, 0);
	k->child->next = key_new(r, before);
	k->child->next->day = k->child->day + 1;
	return k;
}

static struct key *
number_key(struct reader *r, enum key_kind kind)
{
	struct key *k = key_new(r, kind);

	if (scan_space(r->a))
		scan_number64(r->a, &k->number);
	return k;
}

/* MODSEQ, perhaps of one flag: we keep one for all. */
static struct key *
modseq_key(struct reader *r)
{
	struct key *k = key_new(r, KEY_MODSEQ);
	struct slice ignored;

	r->s->enabled |= ENABLED_CONDSTORE;
	if (!scan_space(r->a))
		return k;
	if (scan_next_is(r->a, '"') && (!scan_string(r->a, &ignored) ||
	    !scan_space(r->a) || !scan_word(r->a, &ignored) ||
	    !scan_space(r->a)))
		return k;
	scan_number64(r->a, &k->number);
	return k;
}

static struct key *
set_key(struct reader *r, bool uids)
{
	struct key *k = key_new(r, KEY_UIDS);
	bool was = r->s->uid;
	struct seqset set;

	k->uids = arena_array(r->a->arena, 1, sizeof *k->uids);
	if (!scan_seqset(r->a, &set))
		return k;
	/* Numbers in the keys: they must not change (RFC 7162 3.2.10.2). */
	if (!uids)
		r->s->may_expunge = false;
	r->s->uid = uids;
	if (!view_resolve(r->s, &set, k->uids))
		scan_fail(r->a, "there is no message of that number");
	r->s->uid = was;
	return k;
}

/* ---- combinations */

static struct key *
list_key(struct reader *r)
{
	struct key *k = key_new(r, KEY_AND), **tail = &k->child;

	do {
		*tail = key(r);
		tail = &(*tail)->next;
	} while (scan_is(r->a, ' '));
	return k;
}

static struct key *
or_key(struct reader *r)
{
	struct key *k = key_new(r, KEY_OR);

	k->child = key_new(r, KEY_ALL);
	if (scan_space(r->a))
		k->child = key(r);
	if (scan_space(r->a))
		k->child->next = key(r);
	return k;
}

static struct key *
not_key(struct reader *r)
{
	scan_space(r->a);
	return not(r, key(r));
}

/* What is \Recent is told at SELECT only (sync.h): no message is. */
static struct key *
word_key(struct reader *r)
{
	static const struct { const char *name; uint64_t bit; bool set; }
	    flags[] = {
		{ "ANSWERED", FLAG_ANSWERED, true },
		{ "DELETED", FLAG_DELETED, true },
		{ "DRAFT", FLAG_DRAFT, true },
		{ "FLAGGED", FLAG_FLAGGED, true },
		{ "SEEN", FLAG_SEEN, true },
		{ "UNANSWERED", FLAG_ANSWERED, false },
		{ "UNDELETED", FLAG_DELETED, false },
		{ "UNDRAFT", FLAG_DRAFT, false },
		{ "UNFLAGGED", FLAG_FLAGGED, false },
		{ "UNSEEN", FLAG_SEEN, false },
	};
	static const struct { const char *name; enum key_kind kind; }
	    texts[] = {
		{ "SUBJECT", KEY_SUBJECT }, { "FROM", KEY_FROM },
		{ "TO", KEY_TO }, { "CC", KEY_CC }, { "BCC", KEY_BCC },
		{ "BODY", KEY_BODY }, { "TEXT", KEY_TEXT },
		{ "HEADER", KEY_HEADER },
	}, days[] = {
		{ "BEFORE", KEY_BEFORE }, { "SINCE", KEY_SINCE },
		{ "SENTBEFORE", KEY_SENT_BEFORE },
		{ "SENTSINCE", KEY_SENT_SINCE },
	}, numbers[] = {
		{ "LARGER", KEY_LARGER }, { "SMALLER", KEY_SMALLER },
	};
	struct scan *a = r->a;

	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (scan_is_word(a, flags[i].name))
			return flag_key(r, flags[i].bit, flags[i].set);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (scan_is_word(a, texts[i].name))
			return text_key(r, texts[i].kind);
	for (size_t i = 0; i < sizeof days / sizeof *days; i++)
		if (scan_is_word(a, days[i].name))
			return day_key(r, days[i].kind, 0);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (scan_is_word(a, numbers[i].name))
			return number_key(r, numbers[i].kind);
	if (scan_is_word(a, "ALL") || scan_is_word(a, "OLD"))
		return key_new(r, KEY_ALL);
	if (scan_is_word(a, "RECENT") || scan_is_word(a, "NEW"))
		return not(r, key_new(r, KEY_ALL));
	if (scan_is_word(a, "ON"))
		return on_key(r, KEY_SINCE, KEY_BEFORE);
	if (scan_is_word(a, "SENTON"))
		return on_key(r, KEY_SENT_SINCE, KEY_SENT_BEFORE);
	if (scan_is_word(a, "KEYWORD"))
		return keyword_key(r, true);
	if (scan_is_word(a, "UNKEYWORD"))
		return keyword_key(r, false);
	if (scan_is_word(a, "MODSEQ"))
		return modseq_key(r);
	if (scan_is_word(a, "UID")) {
		scan_space(a);
		return set_key(r, true);
	}
	if (scan_is_word(a, "OR"))
		return or_key(r);
	if (scan_is_word(a, "NOT"))
		return not_key(r);
	scan_fail(a, "no such search key");
	return key_new(r, KEY_ALL);
}

/* Never NULL, so that what is misread needs no care until the end. */
static struct key *
key(struct reader *r)
{
	struct key *k;
	char c = r->a->rest.n > 0 ? r->a->rest.p[0] : '\0';

	if (++r->depth > SCAN_DEPTH_MAX)
		scan_fail(r->a, "keys are nested too deep");
	if (r->a->why != NULL)
		k = key_new(r, KEY_ALL);
	else if (scan_is(r->a, '(')) {
		k = list_key(r);
		scan_char(r->a, ')');
	} else if ((c >= '0' && c <= '9') || c == '*' || c == '$')
		k = set_key(r, false);
	else
		k = word_key(r);
	r->depth--;
	return k;
}

struct key *
keys_scan(struct session *s, struct scan *a, struct slice charset)
{
	struct reader r = { .s = s, .a = a, .charset = charset };
	struct key *k = list_key(&r);

	if (scan_end(a) && !s->replied)
		return k;
	if (!s->replied)
		session_misread(s, a);
	keys_free(k);
	return NULL;
}

void
keys_free(struct key *k)
{
	for (; k != NULL; k = k->next) {
		if (k->uids != NULL)
			ranges_free(k->uids);
		keys_free(k->child);
	}
}
