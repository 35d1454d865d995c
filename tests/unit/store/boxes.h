/*
 * boxes.h - what the tests of mailboxes ask for, in short; and the check that
 * counters and sets are what the messages say.
 */
#ifndef UNIT_STORE_BOXES_H
#define UNIT_STORE_BOXES_H

#include "common/core/ranges.h"
#include "tests/unit/store/world.h"

static inline enum wire_status
create(struct link *l, const char *name)
{
	struct box_create_in in = { .name = slice_str(name) };

	return box_create(l, &in, NULL, NULL, WAIT);
}

static inline enum wire_status
delete(struct link *l, const char *name)
{
	struct box_delete_in in = { .name = slice_str(name) };

	return box_delete(l, &in, NULL, NULL, WAIT);
}

static inline enum wire_status
rename_box(struct link *l, const char *from, const char *to)
{
	struct box_rename_in in = { .from = slice_str(from),
		.to = slice_str(to) };

	return box_rename(l, &in, NULL, NULL, WAIT);
}

static inline enum wire_status
subscribe(struct link *l, const char *name, bool on)
{
	struct box_subscribe_in in = { .name = slice_str(name), .on = on };

	return box_subscribe(l, &in, NULL, NULL, WAIT);
}

static inline struct box_status_out
status_of(struct link *l, const char *name)
{
	struct box_status_in in = { .name = slice_str(name) };
	struct box_status_out out = { 0 };

	ck_assert_int_eq(WIRE_OK, box_status(l, &in, &out, &world.arena,
	    WAIT));
	return out;
}

/* One message, with its bytes in the call; what its UID is, 0 if refused. */
static inline uint32_t
add_message(struct link *l, uint32_t mailbox, uint64_t flags,
    const char *body)
{
	struct wire_appended m = { .flags = flags, .when = 5,
		.digest = SLICE("digest") };
	struct box_append_in in = { .mailbox = mailbox, .messages = &m,
		.n_messages = 1, .body = slice_str(body) };
	struct box_append_out out;

	if (box_append(l, &in, &out, &world.arena, WAIT) != WIRE_OK ||
	    out.full)
		return 0;
	return out.first;
}

static inline struct box_list_out
list_all(struct link *l, uint32_t mailbox, uint8_t want)
{
	struct wire_range all = { 1, UINT32_MAX };
	struct box_list_in in = { .mailbox = mailbox, .uids = &all,
		.n_uids = 1, .want = want };
	struct box_list_out out;

	ck_assert_int_eq(WIRE_OK, box_list(l, &in, &out, &world.arena, WAIT));
	ck_assert_uint_eq(0, out.next);
	return out;
}

static inline struct box_flags_out
flags_in(struct link *l, uint32_t mailbox, uint32_t from, uint32_t to,
    uint8_t change, uint64_t flags)
{
	struct wire_range range = { from, to };
	struct box_flags_in in = { .mailbox = mailbox, .uids = &range,
		.n_uids = 1, .change = change, .flags = flags,
		.unchanged = UINT64_MAX };
	struct box_flags_out out;

	ck_assert_int_eq(WIRE_OK, box_flags(l, &in, &out, &world.arena,
	    WAIT));
	return out;
}

static inline enum wire_status
expunge_in(struct link *l, uint32_t mailbox, uint32_t from, uint32_t to,
    bool deleted, struct box_expunge_out *out)
{
	struct wire_range range = { from, to };
	struct box_expunge_in in = { .mailbox = mailbox, .uids = &range,
		.n_uids = 1, .deleted = deleted };

	return box_expunge(l, &in, out, &world.arena, WAIT);
}

static inline enum wire_status
copy_in(struct link *l, uint32_t mailbox, uint32_t from, uint32_t to,
    uint32_t there, bool move, struct box_copy_out *out)
{
	struct wire_range range = { from, to };
	struct box_copy_in in = { .mailbox = mailbox, .uids = &range,
		.n_uids = 1, .to = there, .move = move };

	return box_copy(l, &in, out, &world.arena, WAIT);
}

static inline struct box_sync_out
sync_of(struct link *l, uint32_t mailbox, uint64_t since, uint32_t from)
{
	struct box_sync_in in = { .mailbox = mailbox, .since = since,
		.from = from };
	struct box_sync_out out;

	ck_assert_int_eq(WIRE_OK, box_sync(l, &in, &out, &world.arena, WAIT));
	return out;
}

/* As text: "1,3:5". */
static inline struct slice
uids_text(struct slice bytes)
{
	struct ranges set = { 0 };
	struct buf b = { 0 };
	struct slice s;

	ck_assert(ranges_get(&set, bytes));
	for (size_t i = 0; i < set.n; i++) {
		buf_str(&b, i > 0 ? "," : "");
		buf_u64(&b, set.r[i].from);
		if (set.r[i].to > set.r[i].from) {
			buf_char(&b, ':');
			buf_u64(&b, set.r[i].to);
		}
	}
	s = arena_slice(&world.arena, buf_view(&b));
	buf_free(&b);
	ranges_free(&set);
	return s;
}

/* Row, sets and messages agree. */
static inline void
check_box(struct link *l, const char *name)
{
	struct box_open_in in = { .name = slice_str(name), .examine = 1 };
	struct box_status_out s = status_of(l, name);
	struct box_open_out o;
	struct box_list_out all;
	struct ranges uids = { 0 };
	uint64_t bytes = 0, unseen = 0, deleted = 0;

	ck_assert_int_eq(WIRE_OK, box_open(l, &in, &o, &world.arena, WAIT));
	all = list_all(l, o.mailbox, 0);
	ck_assert(ranges_get(&uids, o.uids));
	for (size_t i = 0; i < all.n_entries; i++) {
		const struct wire_entry *e = &all.entries[i];

		ck_assert(ranges_has(&uids, e->uid));
		ck_assert_uint_lt(e->uid, o.uidnext);
		ck_assert_uint_le(e->modseq, o.modseq);
		bytes += e->size;
		unseen += (e->flags & FLAG_SEEN) == 0;
		deleted += (e->flags & FLAG_DELETED) != 0;
	}
	ck_assert_uint_eq(all.n_entries, ranges_count(&uids));
	ck_assert_uint_eq(all.n_entries, o.messages);
	ck_assert_uint_eq(all.n_entries, s.messages);
	ck_assert_uint_eq(unseen, s.unseen);
	ck_assert_uint_eq(unseen, o.unseen);
	ck_assert_uint_eq(deleted, s.deleted);
	ck_assert_uint_eq(bytes, s.bytes);
	ck_assert_uint_eq(o.modseq, s.modseq);
	ck_assert_uint_eq(o.uidnext, s.uidnext);
	ranges_free(&uids);
}

static inline uint64_t
quota_used(struct link *l)
{
	struct box_quota_in in = { 0 };
	struct box_quota_out out;

	ck_assert_int_eq(WIRE_OK, box_quota(l, &in, &out, &world.arena,
	    WAIT));
	return out.used;
}

#endif
