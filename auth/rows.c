#include "auth/rows.h"

#include "common/core/terms.h"

#include <string.h>

enum { FORMAT = 1, UNIT_BYTES = 8 };

/* ---- numbers */

static void
put(struct buf *b, uint64_t v, int bytes)
{
	while (bytes-- > 0)
		buf_char(b, (char)(v >> 8 * bytes));
}

/* Cuts a number off *s; false if there are too few bytes. */
static bool
get(struct slice *s, int bytes, uint64_t *v)
{
	if (s->n < (size_t)bytes)
		return false;
	*v = 0;
	for (int i = 0; i < bytes; i++)
		*v = *v << 8 | (unsigned char)s->p[i];
	*s = slice_drop(*s, (size_t)bytes);
	return true;
}

static void
start(struct buf *b)
{
	buf_clear(b);
	put(b, FORMAT, 1);
}

static bool
started(struct slice *s)
{
	uint64_t format;

	return get(s, 1, &format) && format == FORMAT;
}

/* ---- keys */

void
row_key(struct buf *b, enum row_table table, struct slice about)
{
	buf_clear(b);
	put(b, ROWS_UNIT, UNIT_BYTES);
	put(b, table, 1);
	buf_slice(b, about);
}

void
row_password_key(struct buf *b, uint64_t user)
{
	row_key(b, ROW_PASSWORD, slice_of("", 0));
	put(b, user, 8);
	put(b, 0, 4);
}

void
row_range(struct buf *from, struct buf *to, enum row_table table,
    struct slice after)
{
	row_key(from, table, after);
	if (after.n > 0)
		buf_char(from, '\0');	/* the next key there can be */
	row_key(to, table, slice_of("", 0));
	to->p[to->n - 1]++;
}

bool
row_about(struct slice key, enum row_table table, struct slice *about)
{
	uint64_t unit, t;

	if (!get(&key, UNIT_BYTES, &unit) || unit != ROWS_UNIT ||
	    !get(&key, 1, &t) || t != (uint64_t)table)
		return false;
	*about = key;
	return true;
}

bool
row_password_about(struct slice key, uint64_t *user)
{
	struct slice about;
	uint64_t which;

	return row_about(key, ROW_PASSWORD, &about) && get(&about, 8, user) &&
	    get(&about, 4, &which) && which == 0 && about.n == 0;
}

void
row_gone_key(struct buf *b, uint64_t user)
{
	row_key(b, ROW_GONE, slice_of("", 0));
	put(b, user, 8);
}

bool
row_gone_about(struct slice key, uint64_t *user)
{
	struct slice about;

	return row_about(key, ROW_GONE, &about) && get(&about, 8, user) &&
	    about.n == 0;
}

/* ---- values */

void
row_domain_put(struct buf *b)
{
	start(b);
}

bool
row_domain_get(struct slice value)
{
	return started(&value) && value.n == 0;
}

void
row_user_put(struct buf *b, const struct row_user *u)
{
	start(b);
	put(b, u->disabled ? ROW_DISABLED : 0, 1);
	put(b, u->shard, 4);
	put(b, u->number, 8);
	put(b, u->limit, 8);
}

bool
row_user_get(struct slice value, struct row_user *u)
{
	uint64_t flags, shard;

	if (!started(&value) || !get(&value, 1, &flags) ||
	    flags > ROW_DISABLED || !get(&value, 4, &shard) ||
	    shard >= SHARDS_MAX || !get(&value, 8, &u->number) ||
	    !get(&value, 8, &u->limit))
		return false;
	u->disabled = flags != 0;
	u->shard = (uint32_t)shard;
	return value.n == 0;
}

void
row_password_put(struct buf *b, struct slice hash)
{
	start(b);
	buf_slice(b, hash);
}

bool
row_password_get(struct slice value, struct slice *hash)
{
	if (!started(&value) || slice_find(value, '\0') < value.n)
		return false;
	*hash = value;
	return true;
}

void
row_gone_put(struct buf *b, uint32_t shard)
{
	start(b);
	put(b, shard, 4);
}

bool
row_gone_get(struct slice value, uint32_t *shard)
{
	uint64_t n;

	if (!started(&value) || !get(&value, 4, &n))
		return false;
	*shard = (uint32_t)n;
	return value.n == 0;
}

void
row_last_put(struct buf *b, uint64_t number)
{
	start(b);
	put(b, number, 8);
}

bool
row_last_get(struct slice value, uint64_t *number)
{
	return started(&value) && get(&value, 8, number) && value.n == 0;
}

void
row_secret_put(struct buf *b, const struct srs_key *key)
{
	start(b);
	buf_add(b, key->bytes, sizeof key->bytes);
}

bool
row_secret_get(struct slice value, struct srs_key *key)
{
	if (!started(&value) || value.n != sizeof key->bytes)
		return false;
	memcpy(key->bytes, value.p, value.n);
	return true;
}

void
row_alias_put(struct buf *b, const struct slice *targets, size_t n)
{
	start(b);
	put(b, n, 2);
	for (size_t i = 0; i < n; i++) {
		put(b, targets[i].n, 2);
		buf_slice(b, targets[i]);
	}
}

bool
row_alias_get(struct slice value, struct slice *targets, size_t *n)
{
	uint64_t count, length;

	if (!started(&value) || !get(&value, 2, &count) ||
	    count > ROW_TARGETS_MAX)
		return false;
	for (*n = 0; *n < count; value = slice_drop(value, (size_t)length)) {
		if (!get(&value, 2, &length) || length > value.n)
			return false;
		targets[(*n)++] = slice_take(value, (size_t)length);
	}
	return value.n == 0;
}
