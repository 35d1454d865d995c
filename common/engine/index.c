#include "common/engine/index.h"

#include <db.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/alive.h"
#include "common/core/log.h"
#include "common/engine/reserve.h"

enum {
	PAGE = 4096,		/* larger ones tear in a power cut */
	LOG_BUFFER = 8 << 20,	/* at most, and an eighth of the cache */
	LOG_BUFFER_LEAST = 256 << 10,
	LOG_FILE = 8,		/* buffers */
	BULK_FIRST = PAGE,	/* a range is mostly short ... */
	BULK = 64 << 10,	/* ... or long */
};

static const char *const names[INDEX_TABLES] = {
	[INDEX_ROWS] = "rows.db",
	[INDEX_SIDE] = "side.db",
	[INDEX_BLOBS] = "blobs.db",
	[INDEX_MARKS] = "marks.db",
};

struct index {
	DB_ENV		*env;
	DB		*db[INDEX_TABLES];
	DB_TXN		*txn;		/* NULL: none open */
	struct buf	 bulk;
};

static enum index_result
result(int error, const char *what)
{
	if (error == 0)
		return INDEX_OK;
	if (error == DB_NOTFOUND)
		return INDEX_NONE;
	LOG(engine_database, .what = slice_str(what),
	    .error = slice_str(db_strerror(error)));
	return INDEX_BAD;
}

/* Berkeley DB's own explanations. */
static void
complain(const DB_ENV *env, const char *prefix, const char *text)
{
	(void)env;
	(void)prefix;
	LOG(engine_database, .what = SLICE("explains"),
	    .error = slice_str(text));
}

/* What is below Berkeley DB was refused memory: that is no damage. */
static void
event(DB_ENV *env, u_int32_t what, void *info)
{
	(void)env;
	if (what == DB_EVENT_PANIC && *(int *)info == ENOMEM)
		fatal("no memory for the index");
}

static DBT
thing(struct slice s)
{
	DBT t = { .size = (u_int32_t)s.n };

	t.data = (void *)(uintptr_t)s.p;
	return t;
}

/* Berkeley DB adds a quarter for its tables to what it is told, if that is
   less than 500 MB.  A cache of so many bytes is to take so many. */
static size_t
cache_told(size_t cache)
{
	return cache < (size_t)625 << 20 ? cache / 5 * 4 : cache;
}

/* No DB_INIT_LOCK: one thread has all transactions, and page latches keep the
   others (flush, checkpoint, trickle) off what it is changing.  Locks would
   be a tenth of a keeper's work, and 6 MB. */
static int
env_open(DB_ENV *env, const char *path, size_t cache)
{
	const u_int32_t flags = DB_CREATE | DB_INIT_TXN | DB_INIT_LOG |
	    DB_INIT_MPOOL | DB_THREAD | DB_PRIVATE | DB_RECOVER;
	size_t buffer = cache / 8 < LOG_BUFFER_LEAST ? LOG_BUFFER_LEAST :
	    cache / 8 > LOG_BUFFER ? LOG_BUFFER : cache / 8;
	size_t pages = cache_told(cache);
	int e;

	env->set_errcall(env, complain);
	(void)((e = env->set_event_notify(env, event)) ||
	    (e = env->set_cachesize(env, (u_int32_t)(pages >> 30),
	    (u_int32_t)(pages & ((1u << 30) - 1)), 1)) ||
	    (e = env->set_lg_bsize(env, (u_int32_t)buffer)) ||
	    (e = env->set_lg_max(env,
		(u_int32_t)(LOG_FILE * buffer))) ||
	    (e = env->log_set_config(env, DB_LOG_AUTO_REMOVE, 1)) ||
	    (e = env->set_tx_max(env, 1000)) ||
	    (e = env->set_tmp_dir(env, ".")) ||	/* else it looks for /tmp */
	    (e = env->open(env, path, flags, 0600)));
	return e;
}

static int
table_open(struct index *x, enum index_table t)
{
	DB *db;
	int e = db_create(&x->db[t], x->env, 0);

	if (e != 0)
		return e;
	db = x->db[t];
	(void)((e = db->set_pagesize(db, PAGE)) ||
	    (e = db->set_flags(db, DB_CHKSUM)) ||
	    (e = db->open(db, NULL, names[t], NULL, DB_BTREE,
		DB_CREATE | DB_AUTO_COMMIT | DB_THREAD, 0600)));
	return e;
}

/* None of them is a beginning; some, that one was lost, and what it said with
   it.  The recovery of Berkeley DB has made those that it knows of. */
static bool
tables_fit(const char *path)
{
	size_t n = strlen(path) + sizeof "/blobs.db", there = 0;
	char *file = mem_alloc(n);

	for (enum index_table t = 0; t < INDEX_TABLES; t++) {
		snprintf(file, n, "%s/%s", path, names[t]);
		there += access(file, F_OK) == 0;
	}
	free(file);
	return there == 0 || there == INDEX_TABLES;
}

/* Tables get their names by rename, which Berkeley DB does not sync. */
static int
names_sync(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int e = fd < 0 || fsync(fd) != 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	return e;
}

struct index *
index_open(const char *path, size_t cache)
{
	struct index *x = mem_zero(sizeof *x);
	int e;

	/* For all environments of the process, from here on.  Memory that is
	   refused ends the process in here, too: Berkeley DB would take it for
	   the end of its log, or for damage, or would not look. */
	(void)((e = db_env_set_func_malloc(mem_alloc)) ||
	    (e = db_env_set_func_realloc(mem_grow)) ||
	    (e = db_env_set_func_write(reserve_write)) ||
	    (e = db_env_set_func_open(reserve_create)) ||
	    (e = db_env_create(&x->env, 0)));
	if (e == 0)
		e = env_open(x->env, path, cache);
	if (e == 0 && !tables_fit(path))
		e = ENOENT;
	for (enum index_table t = 0; e == 0 && t < INDEX_TABLES; t++)
		e = table_open(x, t);
	if (e == 0 && (e = names_sync(path)) == 0)
		return x;
	result(e, "open");
	index_close(x);
	return NULL;
}

void
index_close(struct index *x)
{
	if (x->txn != NULL)
		x->txn->abort(x->txn);
	for (enum index_table t = 0; t < INDEX_TABLES; t++) {
		if (x->db[t] != NULL)
			x->db[t]->close(x->db[t], DB_NOSYNC);
	}
	if (x->env != NULL)
		x->env->close(x->env, 0);
	buf_free(&x->bulk);
	free(x);
}

enum index_result
index_begin(struct index *x)
{
	CHECK(x->txn == NULL);
	return result(x->env->txn_begin(x->env, NULL, &x->txn, DB_TXN_NOSYNC),
	    "begin");
}

enum index_result
index_commit(struct index *x)
{
	DB_TXN *txn = x->txn;

	x->txn = NULL;
	return result(txn->commit(txn, DB_TXN_NOSYNC), "commit");
}

enum index_result
index_get(struct index *x, enum index_table t, struct slice key,
    struct buf *out)
{
	DBT k = thing(key), v = { .flags = DB_DBT_USERMEM };
	int e;

	buf_clear(out);
	buf_reserve(out, 256);
	do {
		buf_reserve(out, v.size);
		v.data = out->p;
		v.ulen = (u_int32_t)out->cap;
		e = x->db[t]->get(x->db[t], x->txn, &k, &v, 0);
	} while (e == DB_BUFFER_SMALL);
	if (e == 0)
		out->n = v.size;
	return result(e, "get");
}

enum index_result
index_put(struct index *x, enum index_table t, struct slice key,
    struct slice value)
{
	DBT k = thing(key), v = thing(value);

	return result(x->db[t]->put(x->db[t], x->txn, &k, &v, 0), "put");
}

enum index_result
index_del(struct index *x, enum index_table t, struct slice key)
{
	DBT k = thing(key);

	return result(x->db[t]->del(x->db[t], x->txn, &k, 0), "delete");
}

/* The next bufferful, from `from` on or behind the last one. */
static int
bulk_get(struct index *x, DBC *c, struct slice from, DBT *v, bool first)
{
	DBT k = thing(from);
	int e;

	buf_reserve(&x->bulk, first ? BULK_FIRST : BULK);
	*v = (DBT){ .flags = DB_DBT_USERMEM };
	for (;;) {
		v->data = x->bulk.p;
		v->ulen = first && v->size <= BULK_FIRST ? BULK_FIRST :
		    (u_int32_t)(x->bulk.cap & ~(size_t)1023);
		e = c->get(c, &k, v, DB_MULTIPLE_KEY |
		    (first ? DB_SET_RANGE : DB_NEXT));
		if (e != DB_BUFFER_SMALL)
			return e;
		buf_reserve(&x->bulk, v->size + 1024);
	}
}

/* Walks one bufferful; false when the range or the caller's wish ends. */
static bool
bulk_walk(DBT *v, struct slice to, index_row *fn, void *arg, bool *any)
{
	void *at, *k, *d;
	size_t kn, dn;

	DB_MULTIPLE_INIT(at, v);
	for (;;) {
		struct slice key;

		DB_MULTIPLE_KEY_NEXT(at, v, k, kn, d, dn);
		if (at == NULL)
			return true;
		key = slice_of(k, kn);
		if (slice_cmp(key, to) >= 0)
			return false;
		*any = true;
		if (!fn(arg, key, slice_of(d, dn)))
			return false;
	}
}

enum index_result
index_scan(struct index *x, enum index_table t, struct slice from,
    struct slice to, index_row *fn, void *arg)
{
	bool any = false, first = true;
	DBC *c;
	DBT v;
	int e = x->db[t]->cursor(x->db[t], x->txn, &c, 0);

	if (e != 0)
		return result(e, "cursor");
	while ((e = bulk_get(x, c, from, &v, first)) == 0 &&
	    bulk_walk(&v, to, fn, arg, &any)) {
		alive();
		first = false;
	}
	c->close(c);
	if (e != 0 && e != DB_NOTFOUND)
		return result(e, "scan");
	return any ? INDEX_OK : INDEX_NONE;
}

/* One row at the cursor; memory is the handle's, good until the next. */
static int
one_get(DBC *c, DBT *k, DBT *v, u_int32_t how)
{
	k->flags = v->flags = DB_DBT_REALLOC;
	return c->get(c, k, v, how);
}

enum index_result
index_scan_back(struct index *x, enum index_table t, struct slice from,
    struct slice to, index_row *fn, void *arg)
{
	DBT k = { .size = (u_int32_t)to.n }, v = { .size = 0 };
	bool any = false;
	DBC *c;
	int e = x->db[t]->cursor(x->db[t], x->txn, &c, 0);

	if (e != 0)
		return result(e, "cursor");
	/* REALLOC wants memory of its own kind to start from. */
	k.data = memcpy(mem_alloc(to.n + 1), to.p, to.n);
	e = one_get(c, &k, &v, DB_SET_RANGE);
	e = one_get(c, &k, &v, e == DB_NOTFOUND ? DB_LAST : DB_PREV);
	while (e == 0 && slice_cmp(slice_of(k.data, k.size), from) >= 0) {
		any = true;
		if (!fn(arg, slice_of(k.data, k.size),
		    slice_of(v.data, v.size)))
			break;
		e = one_get(c, &k, &v, DB_PREV);
	}
	free(k.data);
	free(v.data);
	c->close(c);
	if (e != 0 && e != DB_NOTFOUND)
		return result(e, "scan back");
	return any ? INDEX_OK : INDEX_NONE;
}

enum index_result
index_prune(struct index *x, enum index_table t, struct slice from,
    struct slice to, size_t most, index_row *fn, void *arg)
{
	DBT k = { .size = (u_int32_t)from.n }, v = { .size = 0 };
	DBC *c;
	int e = x->db[t]->cursor(x->db[t], x->txn, &c, 0);

	if (e != 0)
		return result(e, "cursor");
	k.data = memcpy(mem_alloc(from.n + 1), from.p, from.n);
	e = one_get(c, &k, &v, DB_SET_RANGE);
	while (e == 0 && most > 0 &&
	    slice_cmp(slice_of(k.data, k.size), to) < 0) {
		if (fn(arg, slice_of(k.data, k.size),
		    slice_of(v.data, v.size))) {
			e = c->del(c, 0);
			most--;
		}
		if (e == 0)
			e = one_get(c, &k, &v, DB_NEXT);
	}
	free(k.data);
	free(v.data);
	c->close(c);
	if (e != 0 && e != DB_NOTFOUND)
		return result(e, "prune");
	return most == 0 ? INDEX_OK : INDEX_NONE;
}

enum index_result
index_flush(struct index *x)
{
	return result(x->env->log_flush(x->env, NULL), "flush");
}

enum index_result
index_checkpoint(struct index *x)
{
	return result(x->env->txn_checkpoint(x->env, 0, 0, 0), "checkpoint");
}

enum index_result
index_trickle(struct index *x)
{
	int wrote;

	return result(x->env->memp_trickle(x->env, 5, &wrote), "trickle");
}
