/*
 * box_list: messages in bulk, with their digests or bytes if wanted;
 * box_digest.
 *
 * Rows lie side by side, so do digests: each is one walk.  The rows of a large
 * mailbox are known (entries.h), unless octets are wanted too.  An answer ends
 * where it has LIST_ENTRIES entries or LIST_BYTES of what is wanted with them,
 * and says where the next begins.
 */
#include "store/list.h"

#include <string.h>

#include "common/core/log.h"
#include "store/entries.h"
#include "store/message.h"
#include "store/session.h"
#include "store/store.h"

enum { FIRST = 16 };		/* entries there is room for at first */

struct wire_entry
entry_of(uint32_t uid, const struct message_row *row)
{
	return (struct wire_entry){ .uid = uid, .flags = row->flags,
		.modseq = row->modseq, .size = row->size, .when = row->when,
		.id = row->id, .head = row->head_n };
}

struct wire_entry *
entries_room(struct arena *a, struct wire_entry *v, size_t n, size_t *cap)
{
	struct wire_entry *more;

	if (n < *cap)
		return v;
	*cap = *cap == 0 ? FIRST : *cap >= LIST_ENTRIES / 4 ? LIST_ENTRIES :
	    4 * *cap;
	more = arena_alloc(a, *cap * sizeof *more);
	if (n > 0)
		memcpy(more, v, n * sizeof *more);
	return more;
}

/* What else is needed of an entry whose octets are wanted. */
struct extra {
	uint64_t	 blob;
	struct slice	 head;
	char		*bytes;
	size_t		 wanted;	/* of the message, */
	size_t		 left;		/* ... still to be read */
	struct listing	*of;
};

struct listing {
	struct request	*request;
	struct box_list_out out;
	struct ranges	 set;
	uint64_t	 since;
	uint8_t		 want;
	uint32_t	 most;		/* WANT_START */
	size_t		 cap, rows;
	size_t		 bytes, digests; /* how much of each is in it */
	bool		*side;		/* of each entry: its head lies there */
	struct extra	*extra;		/* as many as entries, or none */
	size_t		 extras;	/* room for so many */
	size_t		 at;		/* the entry a walk of SIDE is at */
	size_t		 reading;	/* bodies not yet read, and one more */
};

/* ---- rows */

static void
extra_keep(struct listing *l, size_t i, const struct message_row *row,
    uint64_t blob, size_t wanted)
{
	struct arena *a = &l->request->arena;
	struct extra *more;

	if (i == l->extras) {
		l->extras = l->cap;
		more = arena_alloc(a, l->extras * sizeof *more);
		if (i > 0)
			memcpy(more, l->extra, i * sizeof *more);
		l->extra = more;
	}
	l->extra[i] = (struct extra){ .blob = blob,
		.head = arena_slice(a, row->head), .wanted = wanted, .of = l };
}

/* How many of its octets come with a message. */
static size_t
octets_wanted(const struct listing *l, uint64_t size)
{
	if ((l->want & WANT_BYTES) != 0 && size <= WIRE_BODY_MAX)
		return (size_t)size;
	if ((l->want & WANT_START) == 0)
		return 0;
	return size < l->most ? (size_t)size : l->most;
}

static bool
octets_asked(const struct listing *l)
{
	return (l->want & (WANT_BYTES | WANT_START)) != 0;
}

/* Digests are small, but not as small as rows: of more would be looked at than
   go into an answer. */
static size_t
entries_most(const struct listing *l)
{
	return (l->want & WANT_DIGEST) != 0 ? LIST_ENTRIES / 3 : LIST_ENTRIES;
}

static bool
list_row(void *arg, uint32_t uid, const struct message_row *row,
    uint64_t blob)
{
	struct listing *l = arg;
	size_t i = l->out.n_entries, wanted;

	if (i == entries_most(l) || l->rows++ == LIST_ROWS) {
		l->out.next = uid;
		return false;
	}
	if (row->modseq <= l->since)
		return true;
	wanted = octets_wanted(l, row->size);
	if (i > 0 && l->bytes + wanted > LIST_BYTES) {
		l->out.next = uid;
		return false;
	}
	l->bytes += wanted;
	l->out.entries = entries_room(&l->request->arena, l->out.entries, i,
	    &l->cap);
	l->out.entries[i] = entry_of(uid, row);
	if (l->want != 0)
		l->side[i] = row->side;
	if (octets_asked(l))
		extra_keep(l, i, row, blob, wanted);
	l->out.n_entries++;
	return true;
}

/* ---- digests, long heads */

static bool
list_side(void *arg, uint32_t uid, struct slice value)
{
	struct listing *l = arg;
	struct arena *a = &l->request->arena;
	struct wire_entry *e = l->out.entries;
	size_t n = l->out.n_entries, head;

	while (l->at < n && e[l->at].uid < uid)
		l->at++;
	if (l->at == n)
		return false;
	if (e[l->at].uid != uid)
		return true;
	head = l->side[l->at] ? e[l->at].head : 0;
	if (head > 0 && octets_asked(l))
		l->extra[l->at].head = arena_slice(a, slice_take(value, head));
	if ((l->want & WANT_DIGEST) == 0)
		return true;
	value = slice_drop(value, head);
	if (l->at > 0 && l->digests + value.n > LIST_BYTES) {
		l->out.n_entries = l->at;
		l->out.next = uid;
		return false;
	}
	l->digests += value.n;
	e[l->at].digest = arena_slice(a, value);
	return true;
}

static bool
sides_wanted(const struct listing *l)
{
	if ((l->want & WANT_DIGEST) != 0)
		return true;
	for (size_t i = 0; i < l->out.n_entries; i++)
		if (l->side[i])
			return true;
	return false;
}

/* ---- bytes */

static void
list_answer(struct listing *l)
{
	if (--l->reading == 0)
		answer(l->request, WIRE_OK, &l->out);
}

/* Bytes that cannot be read now are left out: box_fetch says why. */
static void
bytes_read(void *arg, enum engine_status status, struct slice s)
{
	struct extra *x = arg;
	struct listing *l = x->of;
	struct wire_entry *e = &l->out.entries[x - l->extra];

	if (status == ENGINE_OK && s.n == x->left) {
		memcpy(x->bytes + e->head, s.p, s.n);
		e->bytes = slice_of(x->bytes, x->wanted);
	}
	list_answer(l);
}

static void
bytes_begin(struct listing *l, size_t i)
{
	struct wire_entry *e = &l->out.entries[i];
	struct extra *x = &l->extra[i];

	if (x->wanted == 0 || x->head.n != e->head)
		return;
	if (x->wanted <= e->head) {
		e->bytes = slice_take(x->head, x->wanted);
		return;
	}
	x->bytes = arena_alloc(&l->request->arena, x->wanted);
	if (e->head > 0)
		memcpy(x->bytes, x->head.p, e->head);
	x->left = x->wanted - e->head;
	l->reading++;
	blob_read(store.engine, x->blob, 0, x->left, bytes_read, x);
}

/* ---- of many, without their octets */

static bool
is_many(struct box *b, const struct ranges *set)
{
	const struct ranges *all = box_present(b);
	uint32_t least = store.entries_least, n = 0;

	/* To make the listing all rows are read: not for a few of them. */
	if (b->entries == NULL && b->seen.messages / 16 > least)
		least = b->seen.messages / 16;
	for (size_t i = 0; i < set->n && n < least; i++)
		n += ranges_upto(all, set->r[i].to) -
		    ranges_upto(all, set->r[i].from - 1);
	return n >= least;
}

static void
entry_tell(struct wire_entry *to, const struct entry *e)
{
	to->uid = e->uid;
	to->head = e->head;
	to->flags = e->flags;
	to->modseq = e->modseq;
	to->size = e->size;
	to->when = e->when;
	to->id = e->id;
	to->digest = to->bytes = SLICE("");
}

/* The entry where to begin: the first not below uid. */
static size_t
first_kept(const struct entry *v, size_t n, uint32_t uid)
{
	size_t low = 0;

	while (low < n) {
		size_t middle = low + (n - low) / 2;

		if (v[middle].uid < uid)
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}

/* False: they are not kept. */
static bool
list_kept(struct box *b, struct listing *l)
{
	const struct ranges *set = &l->set;
	size_t n, at = 0, i, most;
	const struct entry *v = entries_get(b, &n);

	if (v == NULL)
		return false;
	most = entries_most(l);
	l->out.entries = arena_alloc(&l->request->arena,
	    most * sizeof *l->out.entries);
	for (i = first_kept(v, n, set->r[0].from); i < n; i++) {
		if (v[i].modseq <= l->since)
			continue;
		while (at < set->n && set->r[at].to < v[i].uid)
			at++;
		if (at == set->n)
			break;
		if (v[i].uid < set->r[at].from)
			continue;
		if (l->out.n_entries == most) {
			l->out.next = v[i].uid;
			break;
		}
		if (l->want != 0)
			l->side[l->out.n_entries] = v[i].side;
		entry_tell(&l->out.entries[l->out.n_entries++], &v[i]);
	}
	return true;
}

/* ---- the calls */

static void
list_read(struct box *b, struct listing *l)
{
	if (l->want != 0)
		l->side = arena_alloc(&l->request->arena, LIST_ENTRIES);
	if (octets_asked(l) || !is_many(b, &l->set) || !list_kept(b, l))
		messages_scan(b, &l->set, 1, list_row, l);
	if (l->out.n_entries > 0 && l->want != 0 && sides_wanted(l))
		sides_scan(b, &l->set, l->out.entries[0].uid, list_side, l);
	if (l->bytes > 0)
		for (size_t i = 0; i < l->out.n_entries; i++)
			bytes_begin(l, i);
}

static void
list_run(struct request *r, struct session *s)
{
	const struct box_list_in *in = REQUEST(box_list, r);
	struct box *b = session_box(r, s, in->mailbox);
	struct listing *l;

	if (b == NULL)
		return;
	l = arena_array(&r->arena, 1, sizeof *l);
	*l = (struct listing){ .request = r, .since = in->since,
		.want = in->want, .most = in->most < WIRE_BODY_MAX ? in->most :
		WIRE_BODY_MAX, .reading = 1 };
	if (!uids_take(&l->set, in->uids, in->n_uids) ||
	    in->want > (WANT_DIGEST | WANT_BYTES | WANT_START)) {
		ranges_free(&l->set);
		answer(r, WIRE_BAD, NULL);
		return;
	}
	list_read(b, l);
	ranges_free(&l->set);
	list_answer(l);
}

static void
digest_run(struct request *r, struct session *s)
{
	const struct box_digest_in *in = REQUEST(box_digest, r);
	struct message m;

	if (session_box(r, s, in->mailbox) == NULL ||
	    !message_read(r, s, in->mailbox, in->uid, true, &m))
		return;
	answer(r, WIRE_OK, &(struct box_digest_out){
	    .head = m.row.head_n, .digest = m.digest });
	message_free(&m);
}

static void
take_list(struct request *r)
{
	session_run(r, RIGHT_READ, list_run);
}

static void
take_digest(struct request *r)
{
	session_run(r, RIGHT_READ, digest_run);
}

void
list_serve(void)
{
	serve(WIRE_box_list, take_list);
	serve(WIRE_box_digest, take_digest);
}
