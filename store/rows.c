#include "store/rows.h"

#include <string.h>

#include "common/core/codec.h"
#include "common/core/log.h"

enum { FORMAT = 1, GONE = 2, USER_ROW_OLD = 33, USER_ROW = 37, BOX_ROW = 50,
	MESSAGE_ROW = 44, OP_ROW = 10, TOKEN_ROW = 21 };

/* ---- keys */

static struct key
start(uint64_t user, enum table table)
{
	struct key k = { .n = 9 };

	be64_put(k.p, user);
	k.p[8] = (char)table;
	return k;
}

static void
add32(struct key *k, uint32_t v)
{
	be32_put(k->p + k->n, v);
	k->n += 4;
}

static void
add_bytes(struct key *k, struct slice s)
{
	CHECK(s.n <= sizeof k->p - k->n);
	if (s.n > 0)
		memcpy(k->p + k->n, s.p, s.n);
	k->n += s.n;
}

struct slice
key_view(const struct key *k)
{
	return slice_of(k->p, k->n);
}

struct key
key_table(uint64_t user, enum table table)
{
	return start(user, table);
}

struct key
key_user(uint64_t user)
{
	return start(user, TABLE_USER);
}

struct key
key_name(uint64_t user, struct slice name)
{
	struct key k = start(user, TABLE_NAMES);

	add_bytes(&k, name);
	return k;
}

struct key
key_box(uint64_t user, uint32_t mailbox)
{
	struct key k = start(user, TABLE_BOXES);

	add32(&k, mailbox);
	return k;
}

struct key
key_message(uint64_t user, uint32_t mailbox, uint32_t uid)
{
	struct key k = start(user, TABLE_MESSAGES);

	add32(&k, mailbox);
	add32(&k, uid);
	return k;
}

struct key
key_op(uint64_t user, uint64_t id)
{
	struct key k = start(user, TABLE_OPS);

	be64_put(k.p + k.n, id);
	k.n += 8;
	return k;
}

struct key
key_token(uint64_t user, uint32_t half_day, struct slice token)
{
	struct key k = start(user, TABLE_TOKENS);

	add32(&k, half_day);
	add_bytes(&k, token);
	return k;
}

struct key
key_keywords(uint64_t user, uint32_t mailbox)
{
	struct key k = start(user, TABLE_KEYWORDS);

	add32(&k, mailbox);
	return k;
}

struct key
key_subscribed(uint64_t user, struct slice name)
{
	struct key k = start(user, TABLE_SUBSCRIBED);

	add_bytes(&k, name);
	return k;
}

struct key
key_expunged(uint64_t user, uint32_t mailbox, uint64_t modseq)
{
	struct key k = start(user, TABLE_EXPUNGED);

	add32(&k, mailbox);
	be64_put(k.p + k.n, modseq);
	k.n += 8;
	return k;
}

struct key
key_kept(uint64_t user, uint32_t removed, uint32_t mailbox, uint32_t uid)
{
	struct key k = start(user, TABLE_KEPT);

	add32(&k, removed);
	add32(&k, mailbox);
	add32(&k, uid);
	return k;
}

struct key
key_kept_box(uint64_t user, uint32_t removed, uint32_t mailbox)
{
	struct key k = start(user, TABLE_KEPT_BOXES);

	add32(&k, removed);
	add32(&k, mailbox);
	return k;
}

uint32_t
key_kept_mailbox(struct slice key)
{
	return key.n >= 17 ? be32_get(key.p + 13) : 0;
}

uint32_t
key_kept_uid(struct slice key)
{
	return key.n == 21 ? be32_get(key.p + 17) : 0;
}

uint64_t
key_owner(struct slice key)
{
	return key.n >= 8 ? be64_get(key.p) : 0;
}

uint32_t
key_uid(struct slice key)
{
	return key.n == 17 ? be32_get(key.p + 13) : 0;
}

uint64_t
key_modseq(struct slice key)
{
	return key.n == 21 ? be64_get(key.p + 13) : 0;
}

struct slice
key_text(struct slice key)
{
	return slice_drop(key, 9);
}

/* ---- values */

/* The fixed part of a row, and its format byte, is there. */
static bool
row_good(struct slice s, size_t fixed)
{
	return s.n >= fixed && s.p[0] == FORMAT;
}

void
user_row_put(struct buf *to, const struct user_row *r)
{
	char p[USER_ROW] = { FORMAT };

	if (r->gone) {
		buf_char(to, GONE);
		return;
	}
	be64_put(p + 1, r->bytes);
	be64_put(p + 9, r->messages);
	be32_put(p + 17, r->next_box);
	be32_put(p + 21, r->uidvalidity);
	be32_put(p + 25, r->boxes);
	be32_put(p + 29, r->subscriptions);
	be32_put(p + 33, r->made);
	buf_add(to, p, sizeof p);
}

bool
user_row_get(struct slice s, struct user_row *r)
{
	if (s.n == 1 && s.p[0] == GONE) {
		*r = (struct user_row){ .next_box = INBOX + 1, .gone = true };
		return true;
	}
	if (!row_good(s, USER_ROW_OLD) ||
	    (s.n != USER_ROW_OLD && s.n != USER_ROW))
		return false;
	*r = (struct user_row){ .bytes = be64_get(s.p + 1),
		.messages = be64_get(s.p + 9), .next_box = be32_get(s.p + 17),
		.uidvalidity = be32_get(s.p + 21), .boxes = be32_get(s.p + 25),
		.subscriptions = be32_get(s.p + 29) };
	if (s.n == USER_ROW)
		r->made = be32_get(s.p + 33);
	return r->next_box > INBOX;
}

void
name_row_put(struct buf *to, uint32_t mailbox)
{
	char p[4];

	be32_put(p, mailbox);
	buf_add(to, p, sizeof p);
}

bool
name_row_get(struct slice s, uint32_t *mailbox)
{
	if (s.n != 4)
		return false;
	*mailbox = be32_get(s.p);
	return true;
}

void
box_row_put(struct buf *to, const struct box_row *r)
{
	char p[BOX_ROW] = { FORMAT };

	be32_put(p + 1, r->uidvalidity);
	be32_put(p + 5, r->uidnext);
	be64_put(p + 9, r->modseq);
	be32_put(p + 17, r->messages);
	be32_put(p + 21, r->unseen);
	be32_put(p + 25, r->deleted);
	be64_put(p + 29, r->bytes);
	be64_put(p + 37, r->history);
	be32_put(p + 45, r->attributes);
	p[49] = (char)r->keywords;
	buf_add(to, p, sizeof p);
	buf_slice(to, r->name);
}

bool
box_row_get(struct slice s, struct box_row *r)
{
	if (!row_good(s, BOX_ROW))
		return false;
	*r = (struct box_row){ .uidvalidity = be32_get(s.p + 1),
		.uidnext = be32_get(s.p + 5), .modseq = be64_get(s.p + 9),
		.messages = be32_get(s.p + 17), .unseen = be32_get(s.p + 21),
		.deleted = be32_get(s.p + 25), .bytes = be64_get(s.p + 29),
		.history = be64_get(s.p + 37),
		.attributes = be32_get(s.p + 45),
		.keywords = (uint8_t)s.p[49],
		.name = slice_drop(s, BOX_ROW) };
	return r->uidvalidity > 0 && r->uidnext > 0 && r->name.n > 0 &&
	    r->name.n <= NAME_MAX_BYTES;
}

static bool
head_in_side(uint32_t head_n)
{
	return MESSAGE_ROW + head_n > MESSAGE_ROW_MAX;
}

void
message_row_put(struct buf *to, struct message_row *r)
{
	char p[MESSAGE_ROW] = { FORMAT };

	CHECK(r->head_n <= HEAD_MAX);
	r->side = head_in_side(r->head_n);
	p[1] = r->side;
	be16_put(p + 2, (uint16_t)r->head_n);
	be64_put(p + 4, r->flags);
	be64_put(p + 12, r->modseq);
	be64_put(p + 20, r->when);
	be64_put(p + 28, r->size);
	be64_put(p + 36, r->id);
	buf_add(to, p, sizeof p);
	if (!r->side)
		buf_slice(to, r->head);
}

bool
message_row_get(struct slice s, struct message_row *r)
{
	if (!row_good(s, MESSAGE_ROW))
		return false;
	*r = (struct message_row){ .side = s.p[1] != 0,
		.head_n = be16_get(s.p + 2), .flags = be64_get(s.p + 4),
		.modseq = be64_get(s.p + 12), .when = be64_get(s.p + 20),
		.size = be64_get(s.p + 28), .id = be64_get(s.p + 36),
		.head = slice_drop(s, MESSAGE_ROW) };
	return (unsigned char)s.p[1] == head_in_side(r->head_n) &&
	    r->head.n == (r->side ? 0 : r->head_n) &&
	    r->head_n <= HEAD_MAX && r->size >= r->head_n;
}

void
keyword_put(struct buf *to, struct slice name)
{
	CHECK(name.n > 0 && name.n <= KEYWORD_MAX);
	buf_char(to, (char)name.n);
	buf_slice(to, name);
}

bool
keyword_next(struct slice *s, struct slice *name)
{
	size_t n = s->n > 0 ? (unsigned char)s->p[0] : 0;

	if (n == 0 || n > KEYWORD_MAX || s->n < 1 + n)
		return false;
	*name = slice_of(s->p + 1, n);
	*s = slice_drop(*s, 1 + n);
	return true;
}

void
op_row_put(struct buf *to, const struct op_row *r)
{
	char p[OP_ROW] = { FORMAT };

	p[1] = (char)r->outcome;
	be32_put(p + 2, r->mailbox);
	be32_put(p + 6, r->uid);
	buf_add(to, p, sizeof p);
	buf_slice(to, slice_take(r->text, TEXT_MAX));
}

bool
op_row_get(struct slice s, struct op_row *r)
{
	if (!row_good(s, OP_ROW))
		return false;
	*r = (struct op_row){ .outcome = (uint8_t)s.p[1],
		.mailbox = be32_get(s.p + 2), .uid = be32_get(s.p + 6),
		.text = slice_drop(s, OP_ROW) };
	return r->text.n <= TEXT_MAX;
}

void
token_row_put(struct buf *to, const struct token_row *r)
{
	char p[TOKEN_ROW] = { FORMAT };

	be32_put(p + 1, r->life);
	be64_put(p + 5, r->when);
	be32_put(p + 13, r->mailbox);
	be32_put(p + 17, r->uid);
	buf_add(to, p, sizeof p);
}

bool
token_row_get(struct slice s, struct token_row *r)
{
	if (!row_good(s, TOKEN_ROW))
		return false;
	*r = (struct token_row){ .life = be32_get(s.p + 1),
		.when = be64_get(s.p + 5), .mailbox = be32_get(s.p + 13),
		.uid = be32_get(s.p + 17) };
	return s.n == TOKEN_ROW;
}
