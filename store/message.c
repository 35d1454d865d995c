#include "store/message.h"

#include "common/core/log.h"
#include "store/session.h"
#include "store/store.h"

enum { GAP = 64 };	/* rows that are cheaper to walk over than to skip */

/* ---- one message */

static bool
read_side(const struct key *k, struct message *m)
{
	enum engine_status s = engine_get(store.engine, ENGINE_SIDE,
	    key_view(k), &m->side, NULL);
	size_t head_n = m->row.side ? m->row.head_n : 0;

	if (s != ENGINE_OK && (s != ENGINE_NONE || m->row.side))
		return false;
	if (m->side.n < head_n)
		return false;
	if (m->row.side)
		m->head = slice_take(buf_view(&m->side), head_n);
	m->digest = slice_drop(buf_view(&m->side), head_n);
	return true;
}

bool
message_read(struct request *r, struct session *s, uint32_t box, uint32_t uid,
    bool want_side, struct message *m)
{
	struct key k = key_message(s->user->id, box, uid);
	enum engine_status status;

	*m = (struct message){ .blob = 0 };
	status = engine_get(store.engine, ENGINE_ROWS, key_view(&k),
	    &m->bytes, &m->blob);
	if (status == ENGINE_NONE) {
		answer(r, WIRE_NONE, NULL);
		return false;
	}
	if (status == ENGINE_OK &&
	    message_row_get(buf_view(&m->bytes), &m->row)) {
		m->head = m->row.head;
		if ((!want_side && !m->row.side) || read_side(&k, m))
			return true;
	}
	LOG(row_damaged, .user = s->user->id, .what = SLICE("message"),
	    .mailbox = box, .uid = uid);
	message_free(m);
	answer(r, WIRE_AGAIN, NULL);
	return false;
}

void
message_free(struct message *m)
{
	buf_free(&m->bytes);
	buf_free(&m->side);
}

/* ---- many */

bool
uids_take(struct ranges *to, const struct wire_range *v, size_t n)
{
	uint64_t above = 0;

	ranges_clear(to);
	for (size_t i = 0; i < n; i++) {
		if (v[i].from <= above || v[i].from > v[i].to)
			return false;
		ranges_add(to, v[i].from, v[i].to);
		above = v[i].to;
	}
	return n > 0;
}

struct walk {
	const struct box *box;
	const struct ranges *set;
	size_t		 at;		/* in set */
	message_fn	*message;
	side_fn		*side;
	void		*arg;
	bool		 any;		/* also what is damaged */
	uint32_t	 damaged;	/* the first such UID */
	bool		 over;
};

/* Is it one of the set, or between two of it? */
static bool
wanted(struct walk *w, uint32_t uid)
{
	const struct ranges *s = w->set;

	while (w->at < s->n && s->r[w->at].to < uid)
		w->at++;
	return w->at < s->n && s->r[w->at].from <= uid;
}

static bool
walk_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct walk *w = arg;
	uint32_t uid = key_uid(key);
	struct message_row row;

	if (!wanted(w, uid))
		return true;
	if (w->side != NULL)
		return !(w->over = !w->side(w->arg, uid, value));
	if (!message_row_get(value, &row)) {
		if (w->damaged == 0)
			w->damaged = uid;
		if (!w->any)
			return true;
		row = (struct message_row){ .flags = FLAG_SEEN };
	}
	return !(w->over = !w->message(w->arg, uid, &row, blob));
}

static void
walk(struct walk *w, uint32_t from)
{
	const struct ranges *s = w->set;
	const struct box *b = w->box;
	uint32_t first, last;
	size_t i;

	w->at = ranges_at(s, from);
	for (i = w->at; i < s->n && !w->over;) {
		struct key k, end;

		first = s->r[i].from > from ? s->r[i].from : from;
		last = s->r[i++].to;
		while (i < s->n && s->r[i].from - last <= GAP)
			last = s->r[i++].to;
		last = uid_last(b, last);
		if (first > last)
			break;
		k = key_message(b->user->id, b->number, first);
		end = key_message(b->user->id, b->number, last + 1);
		engine_scan(store.engine, w->side != NULL ? ENGINE_SIDE :
		    ENGINE_ROWS, key_view(&k), key_view(&end), walk_row, w);
	}
	if (w->damaged != 0)
		LOG(row_damaged, .user = b->user->id, .what = SLICE("message"),
		    .mailbox = b->number, .uid = w->damaged);
}

void
messages_scan(const struct box *b, const struct ranges *set, uint32_t from,
    message_fn *fn, void *arg)
{
	struct walk w = { .box = b, .set = set, .message = fn, .arg = arg };

	walk(&w, from);
}

void
messages_any(const struct box *b, const struct ranges *set, message_fn *fn,
    void *arg)
{
	struct range all = { 1, UINT32_MAX };
	struct ranges whole = { .r = &all, .n = 1 };
	struct walk w = { .box = b, .set = set != NULL ? set : &whole,
		.message = fn, .arg = arg, .any = true };

	walk(&w, 1);
}

void
sides_scan(const struct box *b, const struct ranges *set, uint32_t from,
    side_fn *fn, void *arg)
{
	struct walk w = { .box = b, .set = set, .side = fn, .arg = arg };

	walk(&w, from);
}
