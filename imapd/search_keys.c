/* The keys of SEARCH (RFC 9051 6.4.4, RFC 7162 3.1.5). */
#include "imapd/search.h"

#include "imapd/text.h"

struct reader {
	struct session	*s;
	struct scan	*a;
	struct slice	 charset;
	unsigned	 n, depth;
};

/* A key that begins with a word: how it is read, and what that reader needs. */
struct word {
	const char	*name;
	struct key	*(*read)(struct reader *, const struct word *);
	enum key_kind	 kind;
	uint64_t	 bit;		/* of a flag */
	bool		 set;		/* ... which is to be there */
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
text_key(struct reader *r, const struct word *w)
{
	struct key *k = key_new(r, w->kind);
	struct slice said;

	if (w->kind == KEY_HEADER &&
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

static struct key *
flag_word(struct reader *r, const struct word *w)
{
	return flag_key(r, w->bit, w->set);
}

/* A keyword that the mailbox does not have is on no message. */
static struct key *
keyword_key(struct reader *r, const struct word *w)
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
		return flag_key(r, bit, w->set);
	return w->set ? not(r, key_new(r, KEY_ALL)) : key_new(r, KEY_ALL);
}

static struct key *
day_key(struct reader *r, const struct word *w)
{
	struct key *k = key_new(r, w->kind);

	if (scan_space(r->a))
		scan_date(r->a, &k->day);
	return k;
}

/* Both of a day: since it, and before the next. */
static struct key *
on_key(struct reader *r, const struct word *w)
{
	struct key *k = key_new(r, KEY_AND);

	k->child = day_key(r, w);
	k->child->next = key_new(r, w->kind == KEY_SINCE ? KEY_BEFORE :
	    KEY_SENT_BEFORE);
	k->child->next->day = k->child->day + 1;
	return k;
}

static struct key *
number_key(struct reader *r, const struct word *w)
{
	struct key *k = key_new(r, w->kind);

	if (scan_space(r->a))
		scan_number64(r->a, &k->number);
	return k;
}

/* MODSEQ, perhaps of one flag: we keep one for all. */
static struct key *
modseq_key(struct reader *r, const struct word *w)
{
	struct key *k = key_new(r, w->kind);
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
or_key(struct reader *r, const struct word *w)
{
	struct key *k = key_new(r, w->kind);

	k->child = key_new(r, KEY_ALL);
	if (scan_space(r->a))
		k->child = key(r);
	if (scan_space(r->a))
		k->child->next = key(r);
	return k;
}

static struct key *
not_key(struct reader *r, const struct word *w)
{
	(void)w;
	scan_space(r->a);
	return not(r, key(r));
}

static struct key *
all_key(struct reader *r, const struct word *w)
{
	return key_new(r, w->kind);
}

/* What is \Recent is told at SELECT only: no message is. */
static struct key *
none_key(struct reader *r, const struct word *w)
{
	return not(r, key_new(r, w->kind));
}

static struct key *
uid_key(struct reader *r, const struct word *w)
{
	(void)w;
	scan_space(r->a);
	return set_key(r, true);
}

static const struct word words[] = {
	{ .name = "ALL", .read = all_key, .kind = KEY_ALL },
	{ .name = "ANSWERED", .read = flag_word, .bit = FLAG_ANSWERED,
	    .set = true },
	{ .name = "BCC", .read = text_key, .kind = KEY_BCC },
	{ .name = "BEFORE", .read = day_key, .kind = KEY_BEFORE },
	{ .name = "BODY", .read = text_key, .kind = KEY_BODY },
	{ .name = "CC", .read = text_key, .kind = KEY_CC },
	{ .name = "DELETED", .read = flag_word, .bit = FLAG_DELETED,
	    .set = true },
	{ .name = "DRAFT", .read = flag_word, .bit = FLAG_DRAFT, .set = true },
	{ .name = "FLAGGED", .read = flag_word, .bit = FLAG_FLAGGED,
	    .set = true },
	{ .name = "FROM", .read = text_key, .kind = KEY_FROM },
	{ .name = "HEADER", .read = text_key, .kind = KEY_HEADER },
	{ .name = "KEYWORD", .read = keyword_key, .set = true },
	{ .name = "LARGER", .read = number_key, .kind = KEY_LARGER },
	{ .name = "MODSEQ", .read = modseq_key, .kind = KEY_MODSEQ },
	{ .name = "NEW", .read = none_key, .kind = KEY_ALL },
	{ .name = "NOT", .read = not_key },
	{ .name = "OLD", .read = all_key, .kind = KEY_ALL },
	{ .name = "ON", .read = on_key, .kind = KEY_SINCE },
	{ .name = "OR", .read = or_key, .kind = KEY_OR },
	{ .name = "RECENT", .read = none_key, .kind = KEY_ALL },
	{ .name = "SEEN", .read = flag_word, .bit = FLAG_SEEN, .set = true },
	{ .name = "SENTBEFORE", .read = day_key, .kind = KEY_SENT_BEFORE },
	{ .name = "SENTON", .read = on_key, .kind = KEY_SENT_SINCE },
	{ .name = "SENTSINCE", .read = day_key, .kind = KEY_SENT_SINCE },
	{ .name = "SINCE", .read = day_key, .kind = KEY_SINCE },
	{ .name = "SMALLER", .read = number_key, .kind = KEY_SMALLER },
	{ .name = "SUBJECT", .read = text_key, .kind = KEY_SUBJECT },
	{ .name = "TEXT", .read = text_key, .kind = KEY_TEXT },
	{ .name = "TO", .read = text_key, .kind = KEY_TO },
	{ .name = "UID", .read = uid_key },
	{ .name = "UNANSWERED", .read = flag_word, .bit = FLAG_ANSWERED },
	{ .name = "UNDELETED", .read = flag_word, .bit = FLAG_DELETED },
	{ .name = "UNDRAFT", .read = flag_word, .bit = FLAG_DRAFT },
	{ .name = "UNFLAGGED", .read = flag_word, .bit = FLAG_FLAGGED },
	{ .name = "UNKEYWORD", .read = keyword_key },
	{ .name = "UNSEEN", .read = flag_word, .bit = FLAG_SEEN },
};

static struct key *
word_key(struct reader *r)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (scan_is_word(r->a, words[i].name))
			return words[i].read(r, &words[i]);
	scan_fail(r->a, "no such search key");
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

	/* Known or not, also if there is no text in it. */
	if (scan_end(a))
		folded(&r, SLICE(""));
	if (a->why == NULL && !s->replied) {
		keys_order(&k);
		return k;
	}
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
