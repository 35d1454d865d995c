#include "auth/shard.h"

#include "common/core/log.h"

uint32_t
shard_emptiest(const struct directory *d, uint32_t shards)
{
	uint32_t least = 0;

	for (uint32_t i = 1; i < shards && i < SHARDS_MAX; i++)
		if (d->of_shard[i] < d->of_shard[least])
			least = i;
	return least;
}

/* What would be out of reach. */
struct missing {
	uint64_t	 users;
	uint32_t	 needed;	/* stores */
};

static void
missing_add(struct missing *m, uint32_t shard, uint64_t users)
{
	if (shard < auth.shards || users == 0)
		return;
	m->users += users;
	if (shard >= m->needed)
		m->needed = shard + 1;
}

static bool
gone_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	uint32_t shard;

	(void)key;
	(void)blob;
	if (row_gone_get(value, &shard))
		missing_add(arg, shard, 1);
	return true;
}

bool
shards_suffice(void)
{
	struct missing m = { 0 };
	struct buf from = { 0 }, to = { 0 };
	enum engine_status status;

	for (uint32_t i = 0; i < SHARDS_MAX; i++)
		missing_add(&m, i, auth.dir.of_shard[i]);
	row_range(&from, &to, ROW_GONE, slice_of("", 0));
	status = engine_scan(auth.engine, ENGINE_ROWS, buf_view(&from),
	    buf_view(&to), gone_row, &m);
	if (status != ENGINE_OK && status != ENGINE_NONE)
		fatal("the accounts cannot be read");
	buf_free(&from);
	buf_free(&to);
	if (m.users > 0)
		LOG(shards_missing, .users = m.users, .needed = m.needed,
		    .running = auth.shards);
	return m.users == 0;
}
