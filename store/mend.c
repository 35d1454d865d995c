#include "store/mend.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "common/core/alive.h"
#include "common/core/codec.h"
#include "common/core/log.h"
#include "common/core/terms.h"
#include "store/known.h"
#include "store/store.h"
#include "store/usage.h"

/* Fewer bytes of log than any UID or MODSEQ takes when it is given out, which
   is a row under its key. */
enum { ROW_LEAST = 32 };

static const char marker[] = "restored";

static bool	 restored;		/* the marker is there */
static unsigned	 pending;		/* commits */
static unsigned	 life;			/* late answers are of another */
static uint64_t	 n_users, n_boxes;

bool
mend_pending(void)
{
	return pending > 0;
}

/* ---- one mailbox */

/* Of what is left no more than half: there always are some. */
static uint64_t
raise_within(uint64_t left, uint64_t by)
{
	return by < left / 2 ? by : left / 2;
}

void
box_raise(struct box_row *b, uint64_t lost)
{
	uint64_t rows = lost / ROW_LEAST;

	b->uidnext += (uint32_t)raise_within(UINT32_MAX - b->uidnext,
	    RAISE_UID + rows);
	b->modseq += raise_within(INT64_MAX - b->modseq, RAISE_MODSEQ + rows);
	b->history = b->modseq;		/* what was expunged is not known */
}

/* As its row says, and as its messages do. */
struct place {
	uint32_t	 number;
	struct buf	 bytes;		/* of its row */
};

struct user_mend {
	uint64_t	 id;
	struct user_row	 row;
	struct buf	 boxes;		/* struct place */
	struct txn	*txn;
	uint64_t	 lost;
};

static bool
count_message(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct box_row *b = arg;
	struct message_row row;

	(void)blob;
	b->messages++;
	if (key_uid(key) >= b->uidnext)
		b->uidnext = key_uid(key) + 1;
	if (!message_row_get(value, &row))
		return true;
	b->bytes += row.size;
	b->unseen += (row.flags & FLAG_SEEN) == 0;
	b->deleted += (row.flags & FLAG_DELETED) != 0;
	if (row.modseq > b->modseq)
		b->modseq = row.modseq;
	return true;
}

static void
row_put(struct txn *t, const struct key *k, struct buf *value)
{
	txn_put(t, ENGINE_ROWS, key_view(k), buf_view(value), 0);
	buf_free(value);
}

/* By which it is found. */
static void
name_mend(struct user_mend *u, uint32_t number, struct slice name)
{
	struct key k = key_name(u->id, name);
	struct buf value = { 0 };
	uint32_t found;
	bool good = engine_get(store.engine, ENGINE_ROWS, key_view(&k), &value,
	    NULL) == ENGINE_OK && name_row_get(buf_view(&value), &found);

	buf_clear(&value);
	if (good) {
		buf_free(&value);
		return;
	}
	name_row_put(&value, number);
	row_put(u->txn, &k, &value);
}

static void
box_mend(struct user_mend *u, uint32_t number, struct box_row *b)
{
	struct key from = key_message(u->id, number, 0);
	struct key end = key_message(u->id, number + 1, 0);
	struct key k = key_box(u->id, number);
	struct buf value = { 0 };

	b->messages = b->unseen = b->deleted = 0;
	b->bytes = 0;
	engine_scan(store.engine, ENGINE_ROWS, key_view(&from),
	    key_view(&end), count_message, b);
	box_raise(b, u->lost);
	box_row_put(&value, b);
	row_put(u->txn, &k, &value);
	name_mend(u, number, b->name);
	u->row.messages += b->messages;
	u->row.bytes += b->bytes;
	u->row.boxes++;
	if (number >= u->row.next_box)
		u->row.next_box = number + 1;
	n_boxes++;
}

/* ---- one user */

static bool
note_box(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct place p = { .number = be32_get(key.p + 9) };
	struct buf *boxes = arg;

	(void)blob;
	buf_slice(&p.bytes, value);
	buf_add(boxes, &p, sizeof p);
	return true;
}

static void
over(void)
{
	engine_mended(store.engine);
	if (!restored) {
		LOG(mended, .users = n_users, .mailboxes = n_boxes);
		return;
	}
	if (unlink(marker) != 0)
		fatal("remove %s", marker);
	restored = false;
	LOG(restored, .users = n_users, .mailboxes = n_boxes);
}

static void
durable(void *arg, enum engine_status status)
{
	if ((unsigned)(uintptr_t)arg != life)
		return;
	if (status != ENGINE_OK) {
		errno = ENOSPC;
		fatal("raise the UIDs of the mailboxes");
	}
	if (--pending == 0)
		over();
}

static void
commit(struct txn *t)
{
	txn_small(t);
	pending++;
	txn_commit(t, durable, (void *)(uintptr_t)life);
}

static void
boxes_mend(struct user_mend *u)
{
	struct place *p = (void *)u->boxes.p;
	struct box_row row;

	for (size_t i = 0; i < u->boxes.n / sizeof *p; i++) {
		if (box_row_get(buf_view(&p[i].bytes), &row))
			box_mend(u, p[i].number, &row);
		else
			LOG(row_damaged, .user = u->id, .what =
			    SLICE("mailbox"), .mailbox = p[i].number);
		buf_free(&p[i].bytes);
	}
}

static void
user_mend(struct user_mend *u)
{
	struct key from = key_box(u->id, 0);
	struct key end = key_table(u->id, TABLE_BOXES + 1);
	struct key k = key_user(u->id);
	uint32_t now = (uint32_t)time(NULL);
	struct buf value = { 0 };

	engine_scan(store.engine, ENGINE_ROWS, key_view(&from),
	    key_view(&end), note_box, &u->boxes);
	u->txn = txn_begin(store.engine, u->id);
	u->row.bytes = u->row.messages = 0;
	u->row.boxes = 0;
	boxes_mend(u);
	if (u->row.uidvalidity < now)
		u->row.uidvalidity = now;
	user_row_put(&value, &u->row);
	row_put(u->txn, &k, &value);
	n_users++;
	commit(u->txn);
	usage_changed(u->id, u->row.bytes);
	buf_free(&u->boxes);
}

/* ---- all */

static bool
first_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct user_mend *u = arg;

	(void)blob;
	u->id = key_owner(key);
	u->row = (struct user_row){ .next_box = INBOX + 1 };
	if (key.n == 9 && key.p[8] == TABLE_USER &&
	    !user_row_get(value, &u->row))
		LOG(row_damaged, .user = u->id, .what = SLICE("user"));
	return false;
}

static void
users_mend(uint64_t lost)
{
	struct key from = key_user(1), end = key_user(UINT64_MAX);

	for (;;) {
		struct user_mend u = { .lost = lost };

		alive();
		engine_scan(store.engine, ENGINE_ROWS, key_view(&from),
		    key_view(&end), first_row, &u);
		if (u.id == 0)
			return;
		if (!u.row.gone)
			user_mend(&u);
		from = key_user(u.id + 1);
	}
}

void
mend_begin(void)
{
	struct engine_figures f;
	struct txn *t;

	engine_figures(store.engine, &f);
	n_users = n_boxes = 0;
	restored = access(marker, F_OK) == 0;
	if (!restored && f.lost == 0)
		return;
	users_mend(f.lost);
	if (restored) {
		t = txn_begin(store.engine, 0);
		known_forget(t);
		commit(t);
	}
	if (pending == 0)
		over();
}

void
mend_close(void)
{
	life++;
	pending = 0;
}
