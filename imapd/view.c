#include "imapd/session.h"

#include <stdlib.h>

#include "common/task/task.h"

/* ---- the watch */

static void
changed(void *arg, enum wire_status status, const void *out)
{
	struct view *v = arg;

	(void)status;		/* a mailbox that is gone is a change too */
	(void)out;
	v->watch = NULL;
	v->dirty = true;
	if (v->idler != NULL)
		task_wake(v->idler);
}

void
view_watch(struct session *s)
{
	struct view *v = &s->view;
	struct box_watch_in in = { .mailbox = v->mailbox,
		.modseq = v->modseq };

	v->dirty = false;
	if (v->watch == NULL && v->mailbox != 0)
		v->watch = link_call(s->store, WIRE_box_watch, &in, 0,
		    changed, v);
}

/* ---- opening and closing */

static void
keywords_take(struct view *v, const struct wire_keyword *names, size_t n)
{
	arena_free(&v->arena);
	v->keywords = arena_array(&v->arena, n, sizeof *v->keywords);
	v->n_keywords = n;
	for (size_t i = 0; i < n; i++)
		v->keywords[i] = arena_slice(&v->arena, names[i].name);
}

static bool
more_uids(struct session *s, uint32_t from)
{
	struct view *v = &s->view;
	struct box_uids_in in = { .mailbox = v->mailbox, .from = from };
	struct box_uids_out out;

	while (in.from != 0) {
		struct arena arena = { 0 };
		bool good = box_uids(s->store, &in, &out, &arena, LINK_WAIT) ==
		    WIRE_OK && ranges_get(&v->uids, out.uids);

		in.from = good ? out.next : 0;
		arena_free(&arena);
		if (!good)
			return false;
	}
	return true;
}

enum wire_status
view_open(struct session *s, struct slice name, bool readonly,
    struct box_open_out *out)
{
	struct box_open_in in = { .name = name, .examine = readonly };
	struct view *v = &s->view;
	enum wire_status status = box_open(s->store, &in, out, &s->arena,
	    LINK_WAIT);

	if (status != WIRE_OK)
		return status;
	*v = (struct view){ .mailbox = out->mailbox,
		.uidvalidity = out->uidvalidity, .uidnext = out->uidnext,
		.modseq = out->modseq, .readonly = readonly };
	keywords_take(v, out->keywords, out->n_keywords);
	if (!ranges_get(&v->uids, out->uids) || !more_uids(s, out->next)) {
		view_close(s);
		return WIRE_AGAIN;
	}
	view_watch(s);
	return WIRE_OK;
}

void
view_close(struct session *s)
{
	struct view *v = &s->view;

	if (v->watch != NULL)
		link_forget(v->watch);
	ranges_free(&v->uids);
	ranges_free(&v->gone);
	arena_free(&v->arena);
	*v = (struct view){ 0 };
	ranges_clear(&s->saved);	/* RFC 5182 2.1 */
}

/* ---- sets */

uint32_t
view_number(const struct view *v, uint32_t uid)
{
	return ranges_rank(&v->uids, uid);
}

/* "*" is the last message there is. */
static struct range
without_star(struct range r, uint32_t last)
{
	if (r.to == UINT32_MAX)
		r.to = last;
	if (r.from == UINT32_MAX || r.from > r.to)
		r.from = r.to;
	return r;
}

static bool
resolve_uids(const struct view *v, const struct seqset *set, struct ranges *to)
{
	uint32_t last = ranges_last(&v->uids);

	for (size_t i = 0; i < set->n; i++) {
		bool star = set->r[i].to == UINT32_MAX;
		struct range r = star ? without_star(set->r[i], last) :
		    set->r[i];

		if (r.from > 0)
			ranges_add(to, r.from, r.to);
	}
	return true;
}

static bool
resolve_numbers(const struct view *v, const struct seqset *set,
    struct ranges *to)
{
	uint32_t last = ranges_count(&v->uids);

	for (size_t i = 0; i < set->n; i++) {
		struct range r = set->r[i];

		if (r.to == UINT32_MAX && r.from != UINT32_MAX &&
		    r.from > last)
			return false;
		r = without_star(r, last);
		if (r.from == 0 || r.to > last)
			return false;
		ranges_add(to, ranges_nth(&v->uids, r.from),
		    ranges_nth(&v->uids, r.to));
	}
	return true;
}

bool
view_resolve(struct session *s, const struct seqset *set, struct ranges *to)
{
	struct ranges said = { 0 };
	bool good = true;

	*to = (struct ranges){ 0 };
	if (set->saved)
		ranges_copy(&said, &s->saved);
	else
		good = s->uid ? resolve_uids(&s->view, set, &said) :
		    resolve_numbers(&s->view, set, &said);
	if (good)
		ranges_intersect(to, &said, &s->view.uids);
	else
		session_bad(s, "there is no message of that number");
	ranges_free(&said);
	return good;
}

/* Ranges between which the view has nothing are one for store: it has nothing
   there either. */
size_t
view_chunk(const struct view *v, const struct ranges *set, size_t *at,
    struct wire_range *to)
{
	size_t n = 0;

	for (; *at < set->n; ++*at) {
		const struct range *r = &set->r[*at];

		if (n > 0 && ranges_next(&v->uids, to[n - 1].to + 1) == r->from)
			to[n - 1].to = r->to;
		else if (n == WIRE_LIST_MAX)
			break;
		else
			to[n++] = (struct wire_range){ r->from, r->to };
	}
	return n;
}

/* ---- messages */

/* A walk over a set, and where it has got to. */
struct walk {
	struct session	*s;
	const struct ranges *set;
	size_t		 at;		/* in set: the next chunk's start */
	struct box_list_in in;		/* what is left of this chunk */
};

/* One answer of store: here, or still to come. */
struct page {
	struct ask	*ask;
	struct box_list_out out;
	struct arena	 arena;
};

/* What is left of the ranges from this UID on. */
static void
go_on(struct wire_range *r, size_t *n, uint32_t from)
{
	size_t left = 0;

	for (size_t i = 0; i < *n; i++)
		if (r[i].to >= from) {
			r[left] = r[i];
			if (r[left].from < from)
				r[left].from = from;
			left++;
		}
	*n = left;
}

/* Asks for what is behind a page that said where to go on; at first, and at a
   chunk's end, that is 0.  False: there is no more. */
static bool
page_ask(struct walk *w, uint32_t next, struct page *p)
{
	struct box_list_in *in = &w->in;

	if (next != 0)
		go_on(in->uids, &in->n_uids, next);
	else
		in->n_uids = 0;
	if (in->n_uids == 0)
		in->n_uids = view_chunk(&w->s->view, w->set, &w->at, in->uids);
	if (in->n_uids == 0)
		return false;
	*p = (struct page){ .ask = NULL };
	p->ask = link_ask_begin(w->s->store, WIRE_box_list, in, &p->out,
	    &p->arena, LINK_WAIT);
	return true;
}

/* Keywords that came up after the last view_sync: without their names flags
   would be told that were never so. */
static bool
names_known(struct session *s, const struct box_list_out *out)
{
	unsigned known = FLAGS_SYSTEM + (unsigned)s->view.n_keywords;
	uint64_t bits = 0;

	for (size_t i = 0; i < out->n_entries; i++)
		bits |= out->entries[i].flags;
	return known >= 64 || bits >> known == 0 ||
	    view_keywords(s, KEYWORDS_MAX);
}

static bool
page_tell(const struct page *p, view_each_fn *fn, void *arg)
{
	for (size_t i = 0; i < p->out.n_entries; i++)
		if (!fn(arg, &p->out.entries[i]))
			return false;
	return true;
}

/* The next page is asked for before this one is looked at: store makes it
   meanwhile. */
static enum wire_status
pages_each(struct walk *w, view_each_fn *fn, void *arg)
{
	struct page pages[2], *now = &pages[0], *then = &pages[1], *swap;
	enum wire_status status = WIRE_OK;
	bool more = page_ask(w, 0, now), wanted;

	while (more) {
		status = link_ask_end(now->ask);
		if (status == WIRE_OK && !names_known(w->s, &now->out))
			status = WIRE_AGAIN;
		wanted = status == WIRE_OK;
		more = wanted && page_ask(w, now->out.next, then);
		wanted = wanted && page_tell(now, fn, arg);
		arena_free(&now->arena);
		if (more && !wanted) {
			link_ask_drop(then->ask);
			arena_free(&then->arena);
			more = false;
		}
		swap = now;
		now = then;
		then = swap;
	}
	return status;
}

enum wire_status
view_each(struct session *s, const struct ranges *set, uint64_t since,
    unsigned want, view_each_fn *fn, void *arg)
{
	struct walk w = { .s = s, .set = set, .in = { .since = since,
		.mailbox = s->view.mailbox, .want = (uint8_t)want,
		.most = START_OCTETS } };
	enum wire_status status;

	w.in.uids = mem_array(WIRE_LIST_MAX, sizeof *w.in.uids);
	status = pages_each(&w, fn, arg);
	free(w.in.uids);
	return status;
}

/* ---- flags */

void
view_flags(const struct view *v, struct buf *out, uint64_t bits)
{
	static const struct slice names[] = { { "\\Seen", 5 },
		{ "\\Answered", 9 }, { "\\Flagged", 8 }, { "\\Deleted", 8 },
		{ "\\Draft", 6 } };
	bool first = true;

	for (unsigned i = 0; bits != 0 && i < 64; i++, bits >>= 1) {
		if ((bits & 1) == 0 || i >= FLAGS_SYSTEM + v->n_keywords)
			continue;
		if (!first)
			buf_char(out, ' ');
		first = false;
		buf_slice(out, i < FLAGS_SYSTEM ? names[i] :
		    v->keywords[i - FLAGS_SYSTEM]);
	}
}

void
view_tell_flags(struct session *s)
{
	struct buf *out = session_out(s);
	uint64_t all = UINT64_MAX >> (64 - FLAGS_SYSTEM - s->view.n_keywords);

	buf_str(out, "* FLAGS (");
	view_flags(&s->view, out, all);
	buf_str(out, ")\r\n* OK [PERMANENTFLAGS (");
	if (!s->view.readonly) {
		view_flags(&s->view, out, all);
		if (s->view.n_keywords < KEYWORDS_MAX)
			buf_str(out, " \\*");
	}
	buf_str(out, ")] these can be kept\r\n");
}

void
view_learn(struct session *s, const struct wire_keyword *names, size_t n)
{
	if (n == s->view.n_keywords)
		return;
	keywords_take(&s->view, names, n);
	view_tell_flags(s);
}

bool
view_keywords(struct session *s, uint32_t have)
{
	struct box_keywords_in in = { .mailbox = s->view.mailbox };
	struct box_keywords_out out;

	if (have <= s->view.n_keywords)
		return true;
	if (box_keywords(s->store, &in, &out, &s->arena, LINK_WAIT) != WIRE_OK)
		return false;
	view_learn(s, out.keywords, out.n_keywords);
	return true;
}

/* The bit of a keyword in a list of them; 0: it is not there. */
static uint64_t
bit_of(const struct wire_keyword *names, size_t n, struct slice keyword)
{
	for (size_t i = 0; i < n; i++)
		if (slice_ieq(names[i].name, keyword))
			return UINT64_C(1) << (FLAGS_SYSTEM + i);
	return 0;
}

/* Without asking store. */
static bool
known_bits(const struct view *v, const struct flag_names *said, uint64_t *bits)
{
	for (size_t i = 0; i < said->n; i++) {
		uint64_t bit = 0;

		for (size_t k = 0; k < v->n_keywords && bit == 0; k++)
			if (slice_ieq(v->keywords[k], said->keywords[i]))
				bit = UINT64_C(1) << (FLAGS_SYSTEM + k);
		if (bit == 0)
			return false;
		*bits |= bit;
	}
	return true;
}

bool
view_bits(struct session *s, uint32_t mailbox, const struct flag_names *said,
    uint64_t *bits)
{
	struct box_keywords_in in = { .mailbox = mailbox };
	struct box_keywords_out out;
	enum wire_status status;
	struct wire_keyword *names;

	*bits = said->system;
	if (said->n == 0 || (mailbox == s->view.mailbox &&
	    known_bits(&s->view, said, bits)))
		return true;
	in.names = names = arena_array(&s->arena, said->n, sizeof *names);
	in.n_names = said->n;
	for (size_t i = 0; i < said->n; i++)
		names[i].name = said->keywords[i];
	status = box_keywords(s->store, &in, &out, &s->arena, LINK_WAIT);
	if (status != WIRE_OK) {
		session_failed(s, status);
		return false;
	}
	for (size_t i = 0; i < said->n; i++) {
		uint64_t bit = bit_of(out.keywords, out.n_keywords,
		    said->keywords[i]);

		if (bit == 0) {
			session_no(s, "[LIMIT] the mailbox has too many "
			    "keywords");
			return false;
		}
		*bits |= bit;
	}
	if (mailbox == s->view.mailbox)
		view_learn(s, out.keywords, out.n_keywords);
	return true;
}
