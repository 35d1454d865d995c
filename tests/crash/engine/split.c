/*
 * The linker gives what calls the engine these functions instead of the
 * engine's own (--wrap).
 */
#include "common/engine/engine.h"
#include "tests/crash/engine/wrong.h"

enum { OPEN_MAX = 64 };			/* txns at a time */

bool	 txn_split;

static struct open_txn {
	const struct txn *txn;
	struct engine	*engine;
	uint64_t	 unit;
} opened[OPEN_MAX];
static unsigned	 newest;

struct txn	*__real_txn_begin(struct engine *, uint64_t);
void		 __real_txn_put(struct txn *, enum engine_space, struct slice,
		    struct slice, uint64_t);
void		 __real_txn_del(struct txn *, enum engine_space, struct slice);
void		 __real_txn_delrange(struct txn *, struct slice, struct slice);
struct txn	*__wrap_txn_begin(struct engine *, uint64_t);
void		 __wrap_txn_put(struct txn *, enum engine_space, struct slice,
		    struct slice, uint64_t);
void		 __wrap_txn_del(struct txn *, enum engine_space, struct slice);
void		 __wrap_txn_delrange(struct txn *, struct slice, struct slice);

struct txn *
__wrap_txn_begin(struct engine *e, uint64_t unit)
{
	struct txn *t = __real_txn_begin(e, unit);

	opened[++newest % OPEN_MAX] = (struct open_txn){ t, e, unit };
	return t;
}

static void
ignore(void *arg, enum engine_status status)
{
	(void)arg;
	(void)status;
}

/* Where this operation of t goes.  Of those that had its address it is the
   newest. */
static struct txn *
own(struct txn *t)
{
	for (unsigned i = 0; txn_split && i < OPEN_MAX; i++) {
		const struct open_txn *o = &opened[(newest - i) % OPEN_MAX];

		if (o->txn == t)
			return __real_txn_begin(o->engine, o->unit);
	}
	return t;
}

static void
over(struct txn *own, const struct txn *t)
{
	if (own != t)
		txn_commit(own, ignore, NULL);
}

void
__wrap_txn_put(struct txn *t, enum engine_space space, struct slice key,
    struct slice value, uint64_t blob)
{
	struct txn *o = own(t);

	__real_txn_put(o, space, key, value, blob);
	over(o, t);
}

void
__wrap_txn_del(struct txn *t, enum engine_space space, struct slice key)
{
	struct txn *o = own(t);

	__real_txn_del(o, space, key);
	over(o, t);
}

void
__wrap_txn_delrange(struct txn *t, struct slice from, struct slice to)
{
	struct txn *o = own(t);

	__real_txn_delrange(o, from, to);
	over(o, t);
}
