#include "store/user.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/core/log.h"
#include "store/store.h"

static struct map	users;
static struct node	idle;	/* longest unused first */

/* ---- loading */

static void
row_damaged(uint64_t user, const char *what)
{
	LOG(row_damaged, .user = user, .what = slice_str(what));
}

/* Reads one row.  0: none, 1: there, -1: damaged. */
static int
row_read(const struct key *k, struct buf *out)
{
	switch (engine_get(store.engine, ENGINE_ROWS, key_view(k), out, NULL)) {
	case ENGINE_OK:
		return 1;
	case ENGINE_NONE:
		return 0;
	default:
		return -1;
	}
}

static bool
user_load(struct user *u)
{
	struct key k = key_user(u->id);
	struct buf row = { 0 };
	int found = row_read(&k, &row);

	u->now = (struct user_row){ .next_box = INBOX + 1 };
	u->oldest_op = 0;
	u->oldest_token = 0;
	if (found > 0 && !user_row_get(buf_view(&row), &u->now))
		found = -1;
	buf_free(&row);
	if (found < 0)
		row_damaged(u->id, "user");
	return found >= 0;
}

/* Reads the mailbox's row; as row_read. */
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
		row.name = slice_str(b->name);
		b->now = b->seen = row;
	}
	buf_free(&bytes);
	if (found < 0)
		row_damaged(b->user->id, "mailbox");
	return found;
}

static void
box_free(struct box *b)
{
	list_del(&b->node);
	free(b->name);
	free(b);
}

static void
user_free(struct user *u)
{
	LIST_EACH(n, &u->boxes)
		box_free(CONTAINER(n, struct box, node));
	map_del(&users, &u->by_id);
	list_del(&u->idle);
	free(u);
}

static bool
count_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct box_row *sum = arg;
	struct message_row row;

	(void)key;
	(void)blob;
	sum->messages++;
	if (message_row_get(value, &row))
		sum->bytes += row.size;
	return true;
}

/* A commit that did not happen is in the counters of those that did. */
static void
box_recount(struct box *b)
{
	struct user *u = b->user;
	struct key from = key_message(u->id, b->number, 0);
	struct key to = key_message(u->id, b->number, UINT32_MAX);
	struct box_row sum = { 0 };

	engine_scan(store.engine, ENGINE_ROWS, key_view(&from), key_view(&to),
	    count_row, &sum);
	u->now.messages += sum.messages - (uint64_t)b->now.messages;
	u->now.bytes += sum.bytes - b->now.bytes;
	b->now.messages = b->seen.messages = sum.messages;
	b->now.bytes = b->seen.bytes = sum.bytes;
}

void
user_reload(struct user *u)
{
	u->doubtful = !user_load(u);
	LIST_EACH(n, &u->boxes) {
		struct box *b = CONTAINER(n, struct box, node);

		if (box_load(b) < 0)
			u->doubtful = true;
		else
			box_recount(b);
	}
}

struct user *
user_hold(uint64_t id)
{
	struct map_node *n = map_get(&users, id);
	struct user *u;

	if (n != NULL) {
		u = CONTAINER(n, struct user, by_id);
		if (u->doubtful)
			return NULL;
	} else {
		u = mem_zero(sizeof *u);
		u->id = id;
		list_init(&u->boxes);
		list_init(&u->waiting);
		list_init(&u->ops);
		if (!user_load(u)) {
			free(u);
			return NULL;
		}
		map_put(&users, &u->by_id, id);
	}
	list_del(&u->idle);
	u->holds++;
	return u;
}

void
user_release(struct user *u)
{
	CHECK(u->holds > 0);
	if (--u->holds > 0)
		return;
	if (idle.next == NULL)
		list_init(&idle);
	list_push(&idle, &u->idle);
	if (u->doubtful)
		user_free(u);
	else if (users.n > store.users_max)
		user_free(CONTAINER(idle.next, struct user, idle));
}

static void
forget(struct map_node *n, void *arg)
{
	(void)arg;
	user_free(CONTAINER(n, struct user, by_id));
}

void
users_forget(void)
{
	map_each(&users, forget, NULL);
	map_free(&users);
}

size_t
users_count(void)
{
	return users.n;
}

/* ---- mailboxes */

static struct box *
box_new(struct user *u, uint32_t number)
{
	struct box *b = mem_zero(sizeof *b);

	b->user = u;
	b->number = number;
	list_init(&b->watchers);
	list_push(&u->boxes, &b->node);
	return b;
}

/* found: 0 if there is no such mailbox, below if it is damaged. */
static struct box *
box_find(struct user *u, uint32_t number, int *found)
{
	struct box *b;

	*found = 1;
	LIST_EACH(n, &u->boxes) {
		b = CONTAINER(n, struct box, node);
		if (b->number == number)
			return b;
	}
	b = box_new(u, number);
	if ((*found = box_load(b)) > 0)
		return b;
	box_free(b);
	return NULL;
}

struct box *
box_get(struct user *u, uint32_t number)
{
	int found;

	return box_find(u, number, &found);
}

/* Rows may be in the index a moment before UIDNEXT tells of them. */
uint32_t
uid_last(const struct box *b, uint32_t to)
{
	return to < b->seen.uidnext ? to : b->seen.uidnext - 1;
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

/* Rises with every mailbox of the user, whatever the clock does: a name that
   is used again never shows old UIDs as new (RFC 9051 2.3.1.1). */
static uint32_t
next_uidvalidity(struct user *u)
{
	uint32_t now = (uint32_t)time(NULL);

	u->now.uidvalidity = now > u->now.uidvalidity ? now :
	    u->now.uidvalidity + 1;
	return u->now.uidvalidity;
}

struct box *
box_inbox(struct user *u)
{
	int found;
	struct box *b = box_find(u, INBOX, &found);

	if (b != NULL || found < 0)
		return b;
	b = box_new(u, INBOX);
	b->name = mem_str(SLICE("INBOX"));
	b->now = (struct box_row){ .uidvalidity = next_uidvalidity(u),
		.uidnext = 1, .modseq = 1, .name = slice_str(b->name) };
	return b;
}
