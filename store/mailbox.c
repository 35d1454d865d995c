#include "store/mailbox.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/log.h"
#include "store/entries.h"
#include "store/message.h"
#include "store/store.h"
#include "store/sync.h"

enum { TOUCHES_FIRST = 16, TOUCHES_MAX = 1024, TOUCH_SPAN = 64 };

/* ---- loading */

static struct box *
box_make(struct user *u, uint32_t number)
{
	struct box *b = mem_zero(sizeof *b);

	b->user = u;
	b->number = number;
	list_init(&b->watchers);
	map_put(&u->boxes, &b->by_number, number);
	return b;
}

void
box_free(struct box *b)
{
	map_del(&b->user->boxes, &b->by_number);
	entries_drop(b);
	ranges_free(&b->present);
	ranges_free(&b->marked);
	free(b->touches);
	buf_free(&b->keywords);
	free(b->name);
	free(b);
}

/* False: damaged. */
static bool
keywords_load(struct box *b)
{
	struct key k = key_keywords(b->user->id, b->number);
	struct slice rest, name;
	uint8_t n = 0;

	buf_clear(&b->keywords);
	if (b->now.keywords > 0 && row_read(&k, &b->keywords) < 0)
		return false;
	rest = buf_view(&b->keywords);
	while (n < KEYWORDS_MAX && keyword_next(&rest, &name))
		n++;
	b->now.keywords = b->seen.keywords = n;
	return rest.n == 0;
}

/* Reads the mailbox's rows; as row_read. */
static int
box_load(struct box *b)
{
	struct key k = key_box(b->user->id, b->number);
	struct buf bytes = { 0 };
	struct box_row row;
	int found = row_read(&k, &bytes);

	if (found > 0 && !box_row_get(buf_view(&bytes), &row))
		found = -1;
	if (found > 0) {
		free(b->name);
		b->name = mem_str(row.name);
		row.name = slice_of(NULL, 0);
		b->now = b->seen = row;
		b->told = row.uidnext;
		if (!keywords_load(b))
			found = -1;
	}
	buf_free(&bytes);
	if (found < 0)
		LOG(row_damaged, .user = b->user->id, .what = SLICE("mailbox"),
		    .mailbox = b->number);
	return found;
}

static bool
count_row(void *arg, uint32_t uid, const struct message_row *row,
    uint64_t blob)
{
	struct box_row *sum = arg;

	(void)uid;
	(void)blob;
	sum->messages++;
	sum->bytes += row->size;
	sum->unseen += (row->flags & FLAG_SEEN) == 0;
	sum->deleted += (row->flags & FLAG_DELETED) != 0;
	return true;
}

/* A commit that did not happen is in the counters of those that did. */
static void
recount(struct box *b)
{
	struct user *u = b->user;
	struct box_row sum = { 0 };

	messages_any(b, NULL, count_row, &sum);
	u->now.messages += sum.messages - (uint64_t)b->now.messages;
	u->now.bytes += sum.bytes - b->now.bytes;
	u->seen = u->now;
	b->now.messages = sum.messages;
	b->now.bytes = sum.bytes;
	b->now.unseen = sum.unseen;
	b->now.deleted = sum.deleted;
	b->seen = b->now;
}

bool
box_reload(struct box *b)
{
	uint32_t told = b->told;
	int found = box_load(b);

	entries_drop(b);
	b->present_known = b->marked_known = b->followed = false;
	b->history_rows = 0;
	b->gone = found == 0 && b->seen.uidvalidity != 0;
	if (b->gone)
		b->seen.uidvalidity = 0;
	else if (found == 0 && b->number == INBOX)
		b->user->now.boxes++;	/* still to be made: box_inbox */
	if (found > 0) {
		b->told = told;
		recount(b);
	}
	box_notify(b);
	return found >= 0;
}

/* found: 0 if there is no such mailbox, below if it is damaged. */
static struct box *
box_find(struct user *u, uint32_t number, int *found)
{
	struct map_node *n = map_get(&u->boxes, number);
	struct box *b;

	*found = 1;
	if (n != NULL)
		return CONTAINER(n, struct box, by_number);
	b = box_make(u, number);
	if ((*found = box_load(b)) > 0)
		return b;
	box_free(b);
	return NULL;
}

struct box *
box_get(struct user *u, uint32_t number)
{
	int found;
	struct box *b = box_find(u, number, &found);

	return b == NULL || b->gone ? NULL : b;
}

bool
box_is_inbox(struct slice name)
{
	return slice_ieq(name, SLICE("INBOX"));
}

struct box *
box_named(struct user *u, struct slice name)
{
	struct buf value = { 0 };
	struct box *b = NULL;
	uint32_t number;
	struct key k;

	if (box_is_inbox(name))
		return box_get(u, INBOX);
	if (name.n == 0 || name.n > NAME_MAX_BYTES)
		return NULL;
	k = key_name(u->id, name);
	if (row_read(&k, &value) > 0 && name_row_get(buf_view(&value), &number))
		b = box_get(u, number);
	buf_free(&value);
	return b;
}

struct box *
box_new(struct user *u, uint32_t number, struct slice name)
{
	struct box *b = box_make(u, number);

	b->name = mem_str(name);
	b->now = (struct box_row){ .uidvalidity = uidvalidity_next(u),
		.uidnext = 1, .modseq = 1 };
	b->told = 1;
	u->now.boxes++;
	return b;
}

struct box *
box_inbox(struct user *u)
{
	int found;
	struct box *b = box_find(u, INBOX, &found);

	if (b != NULL || found < 0)
		return b;
	return box_new(u, INBOX, SLICE("INBOX"));
}

/* ---- sets */

/* Rows may be in the index a moment before UIDNEXT tells of them. */
uint32_t
uid_last(const struct box *b, uint32_t to)
{
	return to < b->seen.uidnext ? to : b->seen.uidnext - 1;
}

static bool
present_row(void *arg, uint32_t uid, const struct message_row *row,
    uint64_t blob)
{
	struct box *b = arg;

	(void)blob;
	ranges_add(&b->present, uid, uid);
	if ((row->flags & FLAG_DELETED) != 0)
		ranges_add(&b->marked, uid, uid);
	return true;
}

static void
sets_make(struct box *b)
{
	ranges_clear(&b->present);
	ranges_clear(&b->marked);
	messages_any(b, NULL, present_row, b);
	b->present_known = b->marked_known = true;
}

const struct ranges *
box_present(struct box *b)
{
	if (b->present_known)
		return &b->present;
	if (b->seen.messages != b->seen.uidnext - 1) {
		sets_make(b);
		return &b->present;
	}
	ranges_clear(&b->present);
	if (b->seen.messages > 0)
		ranges_add(&b->present, 1, b->seen.messages);
	b->present_known = true;
	return &b->present;
}

const struct ranges *
box_marked(struct box *b)
{
	if (b->marked_known)
		return &b->marked;
	ranges_clear(&b->marked);
	if (b->seen.deleted > 0)
		sets_make(b);
	b->marked_known = true;
	return &b->marked;
}

uint32_t
box_recent(struct box *b, bool told)
{
	const struct ranges *all;
	uint32_t recent;

	if (b->told == b->seen.uidnext)
		return 0;
	all = box_present(b);
	recent = ranges_count(all) - ranges_upto(all, b->told - 1);
	if (told)
		b->told = b->seen.uidnext;
	return recent;
}

/* ---- what changed lately */

void
box_follow(struct box *b)
{
	if (b->followed)
		return;
	b->followed = true;
	b->ntouches = 0;
	b->touched_since = b->seen.modseq;
}

/* Of the older half, new messages one by one become one: who asks after so
   long is told more than changed, but of one row he reads only one. */
static void
touches_join(struct box *b, size_t half)
{
	struct touch *to = b->touches;

	for (size_t i = 1; i < b->ntouches; i++) {
		const struct touch *t = &b->touches[i];

		if (i < half && to->to + 1 == t->from &&
		    t->to - to->from < TOUCH_SPAN) {
			to->to = t->to;
			to->modseq = t->modseq;
		} else
			*++to = *t;
	}
	b->ntouches = (size_t)(to - b->touches) + 1;
}

static void
touches_grow(struct box *b)
{
	size_t half = b->ntouches / 2;

	if (b->ntouches < b->touches_cap)
		return;
	if (b->touches_cap < TOUCHES_MAX) {
		b->touches_cap = b->touches_cap == 0 ? TOUCHES_FIRST :
		    2 * b->touches_cap;
		b->touches = mem_grow(b->touches,
		    b->touches_cap * sizeof *b->touches);
		return;
	}
	touches_join(b, half);
	if (b->ntouches <= b->touches_cap - half / 4)
		return;
	half = b->ntouches / 2;
	b->touched_since = b->touches[half - 1].modseq;
	b->ntouches -= half;
	memmove(b->touches, b->touches + half,
	    b->ntouches * sizeof *b->touches);
}

void
box_touch(struct box *b, struct range r)
{
	if (!b->followed)
		return;
	touches_grow(b);
	b->touches[b->ntouches++] = (struct touch){ b->seen.modseq, r.from,
		r.to };
}

bool
box_touched(const struct box *b, uint64_t since, struct ranges *out)
{
	if (!b->followed || since < b->touched_since)
		return false;
	for (size_t i = b->ntouches; i-- > 0 && b->touches[i].modseq > since;)
		ranges_add(out, b->touches[i].from, b->touches[i].to);
	return true;
}

/* ---- keywords */

uint64_t
flags_known(const struct box *b)
{
	unsigned bits = FLAGS_SYSTEM + b->seen.keywords;

	return bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
}

uint64_t
keyword_bit(const struct box *b, struct slice want)
{
	struct slice rest = buf_view(&b->keywords), name;

	for (unsigned k = 0; keyword_next(&rest, &name); k++)
		if (slice_ieq(name, want))
			return (uint64_t)1 << (FLAGS_SYSTEM + k);
	return 0;
}

uint64_t
keyword_new(struct box *b, struct slice name)
{
	if (b->now.keywords == KEYWORDS_MAX)
		return 0;
	keyword_put(&b->keywords, name);
	return (uint64_t)1 << (FLAGS_SYSTEM + b->now.keywords++);
}

void
keywords_cut(struct box *b, unsigned n)
{
	struct slice rest = buf_view(&b->keywords), name;

	b->now.keywords = (uint8_t)(b->now.keywords - n);
	for (unsigned k = 0; k < b->now.keywords; k++)
		keyword_next(&rest, &name);
	b->keywords.n -= rest.n;
}
