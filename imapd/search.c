/* SEARCH (RFC 9051 6.4.4), its results by RFC 4731, kept by RFC 5182. */
#include "imapd/search.h"

#include "common/task/task.h"
#include "imapd/structure.h"

enum { RETURN_MIN = 1, RETURN_MAX = 2, RETURN_ALL = 4, RETURN_COUNT = 8,
	RETURN_SAVE = 16 };

struct wish {
	unsigned	 returns;
	bool		 extended;	/* RETURN was said */
	struct slice	 charset;
	struct key	*keys;
};

struct found {
	struct session	*s;
	const struct wish *w;
	struct letter	 letter;	/* the one being looked at */
	struct ranges	 uids;
	uint64_t	 modseq;	/* the highest of them, */
	uint64_t	 first, last;	/* ... the first one's, the last's */
	bool		 some_unread;
};

/* ---- reading */

static bool
returns(struct scan *a, struct wish *w)
{
	static const struct { const char *name; unsigned bit; } known[] = {
		{ "MIN", RETURN_MIN }, { "MAX", RETURN_MAX },
		{ "ALL", RETURN_ALL }, { "COUNT", RETURN_COUNT },
		{ "SAVE", RETURN_SAVE },
	};
	size_t i, n = sizeof known / sizeof *known;

	if (!scan_is_word(a, "RETURN"))
		return true;
	w->extended = true;
	if (!scan_space(a) || !scan_char(a, '('))
		return false;
	while (!scan_is(a, ')')) {
		for (i = 0; i < n && !scan_is_word(a, known[i].name); i++)
			;
		if (i == n)
			return scan_fail(a, "no such return option");
		w->returns |= known[i].bit;
		scan_is(a, ' ');
	}
	if (w->returns == 0)
		w->returns = RETURN_ALL;
	return scan_space(a);
}

static bool
charset(struct scan *a, struct wish *w)
{
	w->charset = SLICE("utf-8");
	return !scan_is_word(a, "CHARSET") || (scan_space(a) &&
	    scan_astring(a, &w->charset) && scan_space(a));
}

/* ---- searching */

static bool
look(void *arg, const struct wire_entry *e)
{
	struct found *f = arg;
	const struct key *k = f->w->keys;
	struct letter *l = &f->letter;
	bool opened, found;

	if (view_number(&f->s->view, e->uid) == 0)
		return true;
	task_breathe();
	opened = letter_open(l, f->s, e, k->want);
	found = opened && key_matches(k, l);
	if (!opened || l->unread)
		f->some_unread = true;
	else if (found) {
		ranges_add(&f->uids, e->uid, e->uid);
		if (f->first == 0)
			f->first = e->modseq;
		f->last = e->modseq;
		if (e->modseq > f->modseq)
			f->modseq = e->modseq;
	}
	letter_close(l);
	return conn_error(f->s->conn) == CONN_OK;
}

/* Only those can match that the sets at the top name. */
static void
candidates(const struct session *s, const struct key *k, struct ranges *to)
{
	struct ranges some = { 0 };

	ranges_copy(to, &s->view.uids);
	for (k = k->child; k != NULL; k = k->next)
		if (k->kind == KEY_UIDS) {
			ranges_intersect(&some, to, k->uids);
			ranges_copy(to, &some);
		}
	ranges_free(&some);
}

/* ---- results */

/* UIDs as the command counts. */
static void
result_set(const struct session *s, const struct ranges *uids,
    struct ranges *to)
{
	if (s->uid) {
		ranges_copy(to, uids);
		return;
	}
	for (size_t i = 0; i < uids->n; i++) {
		uint32_t u = uids->r[i].from;

		for (; u != 0 && u <= uids->r[i].to;
		    u = ranges_next(uids, u + 1)) {
			uint32_t n = view_number(&s->view, u);

			ranges_add(to, n, n);
		}
	}
}

/* The highest of those that are told (RFC 4731 3.2). */
static uint64_t
modseq_told(const struct found *f)
{
	bool min = (f->w->returns & RETURN_MIN) != 0;
	bool max = (f->w->returns & RETURN_MAX) != 0;

	if ((f->w->returns & (RETURN_ALL | RETURN_COUNT)) != 0 ||
	    (!min && !max))
		return f->modseq;
	return max && (!min || f->last > f->first) ? f->last : f->first;
}

/* RFC 7162 3.1.5: if MODSEQ was searched for. */
static void
say_modseq(struct buf *out, const struct found *f, bool parens)
{
	if (keys_modseq(f->w->keys) && ranges_count(&f->uids) > 0)
		buf_printf(out, " %sMODSEQ %llu%s", parens ? "(" : "",
		    (unsigned long long)modseq_told(f), parens ? ")" : "");
}

static void
say_plain(struct session *s, const struct found *f, const struct ranges *set)
{
	struct buf *out = session_out(s);

	buf_str(out, "* SEARCH");
	for (size_t i = 0; i < set->n; i++)
		for (uint64_t n = set->r[i].from; n <= set->r[i].to; n++) {
			out = session_out(s);
			buf_char(out, ' ');
			buf_u64(out, n);
		}
	say_modseq(out, f, true);
	buf_str(out, "\r\n");
}

static void
say_extended(struct session *s, const struct found *f,
    const struct ranges *set)
{
	struct buf *out = session_out(s);
	unsigned r = f->w->returns;

	buf_str(out, "* ESEARCH (TAG ");
	string_print(out, s->tag, false);
	buf_str(out, s->uid ? ") UID" : ")");
	if (ranges_count(set) > 0) {
		if ((r & RETURN_MIN) != 0)
			buf_printf(out, " MIN %u", ranges_first(set));
		if ((r & RETURN_MAX) != 0)
			buf_printf(out, " MAX %u", ranges_last(set));
		if ((r & RETURN_ALL) != 0) {
			buf_str(out, " ALL ");
			set_print(out, set);
		}
	}
	if ((r & RETURN_COUNT) != 0)
		buf_printf(out, " COUNT %u", ranges_count(set));
	say_modseq(out, f, false);
	buf_str(out, "\r\n");
}

/* RFC 5182 2.1: MIN or MAX alone keep no more than they say. */
static void
save(struct session *s, const struct found *f)
{
	unsigned r = f->w->returns;
	uint32_t first = ranges_first(&f->uids), last = ranges_last(&f->uids);

	ranges_clear(&s->saved);
	if ((r & (RETURN_ALL | RETURN_COUNT)) != 0 ||
	    (r & (RETURN_MIN | RETURN_MAX)) == 0) {
		ranges_copy(&s->saved, &f->uids);
		return;
	}
	if ((r & RETURN_MIN) != 0 && first != 0)
		ranges_add(&s->saved, first, first);
	if ((r & RETURN_MAX) != 0 && last != 0)
		ranges_add(&s->saved, last, last);
}

static void
say(struct session *s, const struct found *f)
{
	struct ranges set = { 0 };

	if ((f->w->returns & RETURN_SAVE) != 0)
		save(s, f);
	result_set(s, &f->uids, &set);
	if (!f->w->extended)
		say_plain(s, f, &set);
	else if (f->w->returns != RETURN_SAVE)
		say_extended(s, f, &set);
	ranges_free(&set);
}

static void
search(struct session *s, const struct wish *w)
{
	struct found f = { .s = s, .w = w };
	struct ranges set = { 0 };
	enum wire_status status;

	candidates(s, w->keys, &set);
	status = view_each(s, &set, 0, w->keys->want, look, &f);
	if (status != WIRE_OK) {
		if ((w->returns & RETURN_SAVE) != 0)
			ranges_clear(&s->saved);
		session_failed(s, status);
	} else {
		say(s, &f);
		session_ok(s, f.some_unread ? "some messages could not be "
		    "read now" : "that is all");
	}
	ranges_free(&set);
	ranges_free(&f.uids);
}

void
cmd_search(struct session *s, struct scan *a)
{
	struct wish w = { 0 };

	if (!scan_space(a) || !returns(a, &w) || !charset(a, &w)) {
		session_misread(s, a);
		return;
	}
	/* IMAP4rev2 has no other response (RFC 9051 7.3.4). */
	if (!w.extended && (s->enabled & ENABLED_REV2) != 0) {
		w.extended = true;
		w.returns = RETURN_ALL;
	}
	if ((w.keys = keys_scan(s, a, w.charset)) != NULL)
		search(s, &w);
	else if ((w.returns & RETURN_SAVE) != 0 && a->why == NULL)
		/* NO forgets what was saved, BAD does not (RFC 5182 2.1). */
		ranges_clear(&s->saved);
	keys_free(w.keys);
}
