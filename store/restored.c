#include "store/restored.h"

#include <errno.h>
#include <unistd.h>

#include "common/core/log.h"
#include "store/rows.h"

static const char marker[] = "restored";

struct raising {
	struct engine	*engine;
	struct txn	*txn;		/* of one user */
	uint64_t	 user;
	uint64_t	 users, mailboxes;
};

static bool	refused;		/* there was no room for it */

bool
restored_found(void)
{
	return access(marker, F_OK) == 0;
}

void
restored_over(void)
{
	if (refused) {
		errno = ENOSPC;
		fatal("raise the mailboxes");
	}
	if (unlink(marker) != 0)
		fatal("remove %s", marker);
}

static void
box_raise(struct box_row *b)
{
	/* Of what is left when half is used up nobody can be told. */
	if (b->uidnext <= UINT32_MAX / 2)
		b->uidnext += RAISE_UID;
	if (b->modseq <= INT64_MAX / 2)
		b->modseq += RAISE_MODSEQ;
	b->history = b->modseq;
}

static bool
box_row_raise(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct raising *r = arg;
	struct buf bytes = { 0 };
	struct box_row row;

	if (!box_row_get(value, &row))
		return true;		/* it is told where it is used */
	box_raise(&row);
	box_row_put(&bytes, &row);
	txn_put(r->txn, ENGINE_ROWS, key, buf_view(&bytes), blob);
	buf_free(&bytes);
	r->mailboxes++;
	return true;
}

static void
raised(void *arg, enum engine_status status)
{
	(void)arg;
	refused |= status != ENGINE_OK;
}

static void
user_raise(struct raising *r)
{
	struct key from = key_table(r->user, TABLE_BOXES);
	struct key end = key_table(r->user, TABLE_BOXES + 1);

	r->txn = txn_begin(r->engine, r->user);
	txn_small(r->txn);
	engine_scan(r->engine, ENGINE_ROWS, key_view(&from), key_view(&end),
	    box_row_raise, r);
	txn_commit(r->txn, raised, NULL);
	r->users++;
}

static bool
first_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	uint64_t *user = arg;

	(void)value;
	(void)blob;
	*user = key_owner(key);
	return false;
}

/* The first user from this one on; 0: none. */
static uint64_t
user_from(struct engine *e, uint64_t from)
{
	struct key k = key_user(from), end = key_user(UINT64_MAX);
	uint64_t user = 0;

	engine_scan(e, ENGINE_ROWS, key_view(&k), key_view(&end), first_row,
	    &user);
	return user;
}

void
restored_raise(struct engine *e)
{
	struct raising r = { .engine = e };
	struct key mark = key_user(0);
	struct txn *t = txn_begin(e, 0);

	txn_del(t, ENGINE_ROWS, key_view(&mark));
	txn_commit(t, raised, NULL);
	while ((r.user = user_from(e, r.user + 1)) != 0)
		user_raise(&r);
	LOG(restored, .users = r.users, .mailboxes = r.mailboxes);
}
