#include "store/user.h"

#include <stdlib.h>
#include <time.h>

#include "common/core/log.h"
#include "store/mailbox.h"
#include "store/mend.h"
#include "store/store.h"

static struct map	users;
static struct node	idle;	/* longest unused first */

int
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
	u->seen = u->now;
	buf_free(&row);
	if (found < 0)
		LOG(row_damaged, .user = u->id, .what = SLICE("user"));
	return found >= 0;
}

static void
box_gone(struct map_node *n, void *arg)
{
	(void)arg;
	box_free(CONTAINER(n, struct box, by_number));
}

void
user_forget_boxes(struct user *u)
{
	map_each(&u->boxes, box_gone, NULL);
	map_free(&u->boxes);
}

static void
user_free(struct user *u)
{
	user_forget_boxes(u);
	map_del(&users, &u->by_id);
	list_del(&u->idle);
	free(u);
}

static void
box_again(struct map_node *n, void *arg)
{
	bool *good = arg;

	if (!box_reload(CONTAINER(n, struct box, by_number)))
		*good = false;
}

void
user_reload(struct user *u)
{
	bool good = user_load(u);

	map_each(&u->boxes, box_again, &good);
	u->doubtful = !good;
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
	} else if (mend_pending()) {
		return NULL;
	} else {
		u = mem_zero(sizeof *u);
		u->id = id;
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

uint32_t
uidvalidity_next(struct user *u)
{
	uint32_t now = (uint32_t)time(NULL);

	u->now.uidvalidity = now > u->now.uidvalidity ? now :
	    u->now.uidvalidity + 1;
	return u->now.uidvalidity;
}
