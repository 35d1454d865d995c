#include "common/mail/digest.h"

#include "common/core/codec.h"
#include "common/mail/digest_format.h"

/* A walk through bytes nobody vouches for; what goes wrong stays wrong. */
struct walk {
	struct slice	 rest;
	bool		 bad;
};

static struct slice
get_bytes(struct walk *w, uint64_t n)
{
	struct slice s = w->rest;

	if (n > s.n) {
		w->bad = true;
		w->rest.n = 0;
		return slice_of(NULL, 0);
	}
	w->rest = slice_drop(w->rest, (size_t)n);
	return slice_take(s, (size_t)n);
}

static uint64_t
long_number(struct walk *w)
{
	uint64_t n = 0;

	for (unsigned shift = 0; shift < 63; shift += 7) {
		struct slice byte = get_bytes(w, 1);
		if (w->bad)
			return 0;
		n |= (uint64_t)((unsigned char)byte.p[0] & 127) << shift;
		if (!((unsigned char)byte.p[0] & 128))
			return n;
	}
	w->bad = true;
	return 0;
}

/* Nearly all have one byte. */
static inline uint64_t
get_number(struct walk *w)
{
	unsigned char first = w->rest.n > 0 ? (unsigned char)*w->rest.p : 128;

	if (first >= 128)
		return long_number(w);
	w->rest.p++;
	w->rest.n--;
	return first;
}

static struct slice
get_string(struct walk *w)
{
	uint64_t n = get_number(w);

	return n == 0 ? slice_of(NULL, 0) : get_bytes(w, n - 1);
}

static struct digest_list
get_list(struct walk *w)
{
	uint64_t items = get_number(w), length = get_number(w);
	struct slice bytes = get_bytes(w, length);

	/* Each item has a byte at least. */
	if (items > bytes.n)
		w->bad = true;
	if (w->bad)
		return (struct digest_list){ .n = 0 };
	return (struct digest_list){ bytes, (uint32_t)items };
}

/* The four areas; their lengths were checked by digest_open. */
static struct slice
records(const struct digest *d)
{
	return slice_take(slice_drop(d->bytes, FORMAT_HEAD),
	    (size_t)d->n_parts * FORMAT_PART);
}

static struct slice
details(const struct digest *d)
{
	return slice_take(slice_drop(d->bytes, FORMAT_HEAD + records(d).n),
	    be32_get(d->bytes.p + 32));
}

static struct slice
fields(const struct digest *d)
{
	return slice_take(slice_drop(d->bytes, FORMAT_HEAD + records(d).n +
	    details(d).n), be32_get(d->bytes.p + 36));
}

struct slice
digest_preview(const struct digest *d)
{
	return slice_drop(d->bytes, FORMAT_HEAD + records(d).n +
	    details(d).n + fields(d).n);
}

enum digest_state
digest_open(struct digest *d, struct slice s, uint32_t head)
{
	uint64_t need;

	*d = (struct digest){ .bytes = s, .head = head };
	if (s.n == 0)
		return DIGEST_NONE;
	if (s.p[0] != DIGEST_VERSION)
		return DIGEST_OTHER;
	if (s.n < FORMAT_HEAD || s.n > DIGEST_MAX || be32_get(s.p + 4) != s.n)
		return DIGEST_BAD;
	d->flags = (unsigned char)s.p[1];
	d->size = be64_get(s.p + 8);
	d->lines = be64_get(s.p + 16);
	d->n_parts = be32_get(s.p + 24);
	d->n_fields = be32_get(s.p + 28);
	need = FORMAT_HEAD + (uint64_t)d->n_parts * FORMAT_PART +
	    be32_get(s.p + 32) + be32_get(s.p + 36);
	if (d->n_parts == 0 || need > s.n || d->size > INT64_MAX)
		return DIGEST_BAD;
	d->size += head;
	return DIGEST_OK;
}

static const char *
record(const struct digest *d, uint32_t number)
{
	return records(d).p + (size_t)number * FORMAT_PART;
}

static uint32_t
parent_of(const struct digest *d, uint32_t number)
{
	return be32_get(record(d, number));
}

/* Does a link lead forward, to a part with that parent?  So that whoever
   follows links comes to an end. */
static bool
is_link(const struct digest *d, uint32_t from, uint32_t to, uint32_t parent)
{
	return to == 0 || (to > from && to < d->n_parts &&
	    parent_of(d, to) == parent);
}

/* The root is depth 0 and a part one deeper than its parent: so no chain of
   children is longer than MIME_DEPTH_MAX. */
static bool
is_depth(const struct digest *d, const struct digest_part *p)
{
	unsigned char depth = (unsigned char)record(d, p->number)[46];

	if (p->number == 0)
		return depth == 0 && p->parent == 0;
	return p->parent < p->number && depth <= MIME_DEPTH_MAX &&
	    depth == (unsigned char)record(d, p->parent)[46] + 1;
}

/* Without what detail_get reads. */
static bool
record_get(const struct digest *d, uint32_t number, struct digest_part *p)
{
	const char *r;

	if (number >= d->n_parts)
		return false;
	r = record(d, number);
	p->number = number;
	p->parent = be32_get(r);
	p->child = be32_get(r + 4);
	p->next = be32_get(r + 8);
	p->header_at = be64_get(r + 16);
	p->body_at = be64_get(r + 24);
	p->end_at = be64_get(r + 32);
	p->lines = be32_get(r + 40);
	p->kind = (enum mime_kind)r[44];
	p->message = r[45] == 1;
	if (p->header_at > p->body_at || p->body_at > p->end_at ||
	    p->end_at > d->size - d->head || r[44] < MIME_LEAF ||
	    r[44] > MIME_MESSAGE || !is_depth(d, p) ||
	    !is_link(d, number, p->child, number) ||
	    !is_link(d, number, p->next, p->parent))
		return false;
	if (number > 0)
		p->header_at += d->head;
	p->body_at += d->head;
	p->end_at += d->head;
	return true;
}

static void
detail_get(struct walk *w, struct digest_part *p)
{
	p->type = get_string(w);
	p->subtype = get_string(w);
	p->params = get_list(w);
	p->id = get_string(w);
	p->description = get_string(w);
	p->encoding = get_string(w);
	p->md5 = get_string(w);
	p->disposition = get_string(w);
	p->disposition_params = get_list(w);
	p->languages = get_list(w);
	p->location = get_string(w);
}

static struct walk
detail_walk(const struct digest *d, uint32_t number)
{
	uint32_t at = be32_get(record(d, number) + 12);
	struct slice all = details(d);

	return (struct walk){ slice_drop(all, at), at >= all.n };
}

bool
digest_part(const struct digest *d, uint32_t number, struct digest_part *p)
{
	struct walk w;

	if (!record_get(d, number, p))
		return false;
	w = detail_walk(d, number);
	detail_get(&w, p);
	return !w.bad && p->type.n > 0 && p->subtype.n > 0;
}

/* The child of that number, from 1. */
static bool
child(const struct digest *d, uint32_t nth, struct digest_part *p)
{
	uint32_t at = p->child;

	while (nth-- > 1 && at != 0) {
		if (!record_get(d, at, p))
			return false;
		at = p->next;
	}
	return at != 0 && digest_part(d, at, p);
}

/* A message that is no multipart has one part, 1: its body.  Behind the
   number of a message/rfc822 the numbers are those of the message in it. */
bool
digest_find(const struct digest *d, const uint32_t *path, size_t n,
    struct digest_part *p)
{
	if (n == 0 || n > MIME_DEPTH_MAX || !digest_part(d, 0, p))
		return false;
	for (size_t i = 0; i < n; i++) {
		bool message = i == 0;
		if (i > 0 && p->kind == MIME_MESSAGE) {
			message = true;
			if (!child(d, 1, p))
				return false;
		}
		if (p->kind == MIME_MULTIPART) {
			if (path[i] == 0 || !child(d, path[i], p))
				return false;
		} else if (!message || path[i] != 1)
			return false;
	}
	return true;
}

bool
digest_envelope(const struct digest *d, uint32_t number,
    struct digest_envelope *e)
{
	struct digest_part p;
	struct slice when;
	struct walk w;

	if (!record_get(d, number, &p) || !p.message)
		return false;
	w = detail_walk(d, number);
	detail_get(&w, &p);
	when = get_bytes(&w, 8);
	e->when = w.bad ? INT64_MIN : (int64_t)be64_get(when.p);
	e->date = get_string(&w);
	e->subject = get_string(&w);
	e->in_reply_to = get_string(&w);
	e->message_id = get_string(&w);
	e->from = get_list(&w);
	e->sender = get_list(&w);
	e->reply_to = get_list(&w);
	e->to = get_list(&w);
	e->cc = get_list(&w);
	e->bcc = get_list(&w);
	if (e->sender.n == 0)
		e->sender = e->from;
	if (e->reply_to.n == 0)
		e->reply_to = e->from;
	return !w.bad;
}

/* Takes the walk's rest back; an item that went wrong ends the list. */
static bool
item_end(struct digest_list *l, const struct walk *w)
{
	l->rest = w->rest;
	l->n = w->bad ? 0 : l->n - 1;
	return !w->bad;
}

bool
digest_item(struct digest_list *l, struct slice *item)
{
	struct walk w = { l->rest, false };

	if (l->n == 0)
		return false;
	*item = get_string(&w);
	return item_end(l, &w);
}

bool
digest_pair(struct digest_list *l, struct slice *name, struct slice *value)
{
	struct walk w = { l->rest, false };

	if (l->n == 0)
		return false;
	*name = get_string(&w);
	*value = get_string(&w);
	return item_end(l, &w);
}

bool
digest_address(struct digest_list *l, struct address *a)
{
	struct walk w = { l->rest, false };
	struct slice kind;

	if (l->n == 0)
		return false;
	kind = get_bytes(&w, 1);
	if (!w.bad && (kind.p[0] < ADDRESS_MAILBOX ||
	    kind.p[0] > ADDRESS_GROUP_END))
		w.bad = true;
	a->kind = w.bad ? ADDRESS_MAILBOX : (enum address_kind)kind.p[0];
	a->name = get_string(&w);
	a->route = get_string(&w);
	a->local = get_string(&w);
	a->domain = get_string(&w);
	return item_end(l, &w);
}

bool
digest_field(const struct digest *d, struct digest_fields *f,
    struct slice *name, uint64_t *at, uint64_t *n)
{
	struct walk w;
	uint64_t known;

	if (!f->begun)
		*f = (struct digest_fields){ fields(d), d->n_fields, d->head,
		    true };
	if (f->left == 0)
		return false;
	w = (struct walk){ f->rest, false };
	*at = f->at + get_number(&w);
	*n = get_number(&w);
	known = get_number(&w);
	if (known == 0)
		*name = get_string(&w);
	else if (known <= FORMAT_NAMES)
		*name = slice_str(field_names[known - 1]);
	else
		w.bad = true;
	if (w.bad || *at > d->size || *n > d->size - *at) {
		f->left = 0;
		return false;
	}
	f->at = *at + *n;
	f->rest = w.rest;
	f->left--;
	return true;
}
