/*
 * bench.h - what the engine's tests share: a folder of their own, a loop that
 * runs until something happened, rows and blobs made of numbers.
 */
#ifndef TESTS_ENGINE_BENCH_H
#define TESTS_ENGINE_BENCH_H

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/codec.h"
#include "common/core/log.h"
#include "common/core/loop.h"
#include "common/engine/engine.h"
#include "tests/unit/suite.h"

static char	 folder[64];

static inline int
remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static inline void
folder_remove(void)
{
	if (folder[0] != 0)
		nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	folder[0] = 0;
}

static inline void
folder_new_in(const char *place)
{
	folder_remove();
	snprintf(folder, sizeof folder, "%s/postino-engine-XXXXXX", place);
	if (mkdtemp(folder) == NULL)
		abort();
}

static inline void
folder_new(void)
{
	folder_new_in("/tmp");
}

static inline struct engine *
file_open(size_t segment)
{
	const struct engine_conf conf = { .dir = folder, .cache = 4 << 20,
		.segment = segment, .readers = 2 };

	return engine_open_file(&conf);
}

/* Runs the loop until *flag is at least n. */
static unsigned		 wanted;
static const unsigned	*flag;

static inline void
stop_when(void)
{
	if (flag != NULL && *flag >= wanted) {
		flag = NULL;
		loop_stop();
	}
}

static inline void
loop_ready(void)
{
	loop_init();
	loop_hook(LOOP_AFTER, stop_when);
}

static inline void
run_until(const unsigned *f, unsigned n)
{
	if (*f >= n)
		return;
	flag = f;
	wanted = n;
	loop_run();
}

/* An answer, kept. */
struct kept {
	unsigned		 n;
	enum engine_status	 status;
};

static inline void
keep_status(void *arg, enum engine_status status)
{
	struct kept *k = arg;

	k->n++;
	k->status = status;
}

/* Keys: unit, one byte, number. */
struct key {
	char	 c[13];
};

static inline struct slice
key_of(struct key *k, uint64_t unit, uint32_t n)
{
	be64_put(k->c, unit);
	k->c[8] = 'm';
	be32_put(k->c + 9, n);
	return slice_of(k->c, 13);
}

static inline enum engine_status
commit_wait(struct txn *t)
{
	struct kept k = { 0 };

	txn_commit(t, keep_status, &k);
	run_until(&k.n, 1);
	return k.status;
}

static inline void
put_wait(struct engine *e, uint64_t unit, uint32_t n, const char *value,
    uint64_t blob)
{
	struct key k;
	struct txn *t = txn_begin(e, unit);

	txn_put(t, ENGINE_ROWS, key_of(&k, unit, n), slice_str(value), blob);
	ck_assert_int_eq(commit_wait(t), ENGINE_OK);
}

static inline void
del_wait(struct engine *e, uint64_t unit, uint32_t n)
{
	struct key k;
	struct txn *t = txn_begin(e, unit);

	txn_del(t, ENGINE_ROWS, key_of(&k, unit, n));
	ck_assert_int_eq(commit_wait(t), ENGINE_OK);
}

/* The value as text; "-" if there is none. */
static inline const char *
get_text(struct engine *e, uint64_t unit, uint32_t n)
{
	static struct buf out;
	struct key k;

	buf_clear(&out);
	if (engine_get(e, ENGINE_ROWS, key_of(&k, unit, n), &out, NULL) !=
	    ENGINE_OK)
		return "-";
	return buf_cstr(&out);
}

static inline uint64_t
get_blob(struct engine *e, uint64_t unit, uint32_t n)
{
	struct key k;
	uint64_t blob = 0;

	engine_get(e, ENGINE_ROWS, key_of(&k, unit, n), NULL, &blob);
	return blob;
}

/* Reads all of a blob. */
struct got {
	unsigned		 n;
	enum engine_status	 status;
	struct buf		 bytes;
};

static inline void
keep_bytes(void *arg, enum engine_status status, struct slice s)
{
	struct got *g = arg;

	g->n++;
	g->status = status;
	buf_slice(&g->bytes, s);
}

static inline enum engine_status
read_wait(struct engine *e, uint64_t number, struct buf *out)
{
	struct got g = { 0 };
	uint64_t size = 0;
	enum engine_status status = blob_size(e, number, &size);

	for (uint64_t at = 0; status == ENGINE_OK && (at < size || at == 0);
	    at += 262144) {
		unsigned before = g.n;

		blob_read(e, number, at, 262144, keep_bytes, &g);
		run_until(&g.n, before + 1);
		status = g.status;
	}
	buf_clear(out);
	buf_slice(out, buf_view(&g.bytes));
	buf_free(&g.bytes);
	return status;
}

/* Everything an engine holds, as text: keys, values, sums of the bytes. */
struct dump {
	struct engine	*e;
	struct buf	 text;
	struct buf	 blobs;		/* uint64_t each */
};

static inline bool
dump_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct dump *d = arg;

	hex_encode(&d->text, key);
	buf_str(&d->text, "=");
	hex_encode(&d->text, value);
	buf_printf(&d->text, blob != 0 ? " +blob\n" : "\n");
	if (blob != 0)
		buf_add(&d->blobs, &blob, sizeof blob);
	return true;
}

/* The caller frees it.  *blobs: the numbers, in the order of the rows. */
static inline struct buf
dump_rows(struct engine *e, struct buf *blobs)
{
	static const char last[9] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff";
	static const char first[8] = { 0 };
	struct dump d = { .e = e };

	for (int space = 0; space < ENGINE_SPACES; space++) {
		buf_printf(&d.text, "space %d\n", space);
		engine_scan(e, (enum engine_space)space, slice_of(first, 8),
		    slice_of(last, 9), dump_row, &d);
	}
	if (blobs != NULL)
		*blobs = d.blobs;
	else
		buf_free(&d.blobs);
	return d.text;
}

/* With what the blobs hold. */
static inline struct buf
dump(struct engine *e)
{
	struct dump d = { .e = e };
	struct buf bytes = { 0 };

	d.text = dump_rows(e, &d.blobs);
	for (size_t i = 0; i < d.blobs.n; i += 8) {
		uint64_t number;

		memcpy(&number, d.blobs.p + i, 8);
		ck_assert_int_eq(read_wait(e, number, &bytes), ENGINE_OK);
		buf_printf(&d.text, "blob %zu bytes %08x\n", bytes.n,
		    crc32c(0, bytes.p, bytes.n));
	}
	buf_free(&bytes);
	buf_free(&d.blobs);
	return d.text;
}

static inline void
dump_check(struct engine *e, struct buf *expected)
{
	struct buf now = dump(e);

	ck_assert(slice_eq(buf_view(&now), buf_view(expected)));
	buf_free(&now);
}

/* Removes one folder below the engine's own. */
static inline void
part_remove(const char *name)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline struct engine_figures
figures_of(struct engine *e)
{
	struct engine_figures f;

	engine_figures(e, &f);
	return f;
}

/* A generator of its own, the same numbers in each run. */
static inline unsigned
random_below(unsigned n)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 32) % n);
}

/* Bytes that say which blob they are. */
static inline void
bytes_make(struct buf *b, unsigned seed, size_t n)
{
	buf_clear(b);
	buf_reserve(b, n);
	for (size_t i = 0; i < n; i++)
		b->p[i] = (char)(seed * 31 + i * 7 + (i >> 8));
	b->n = n;
}

static inline int
bench_end(Suite *s)
{
	int failed = suite_end(s);

	folder_remove();
	return failed;
}

#endif
