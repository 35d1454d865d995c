/*
 * index.h - four ordered tables in Berkeley DB, derived from the log.
 *
 * Only this file knows Berkeley DB.  One environment, private to the process,
 * in a folder of its own; settings as measured.  Nothing in it needs to be
 * durable: what is lost is replayed from the log, what is damaged is made
 * anew.
 *
 * The loop's thread alone reads and has transactions, at most one at a time;
 * while one is open, reads are part of it.  index_flush, index_checkpoint and
 * index_trickle may run on any one other thread.
 *
 * All of them answer INDEX_BAD if the database failed them; the reason was
 * logged.  The caller then ends the process or makes the index anew: the
 * handle is good for nothing but index_close.
 */
#ifndef ENGINE_INDEX_H
#define ENGINE_INDEX_H

#include "common/core/buf.h"

enum index_table { INDEX_ROWS, INDEX_SIDE, INDEX_BLOBS, INDEX_MARKS,
	INDEX_TABLES };
enum index_result { INDEX_OK, INDEX_NONE, INDEX_BAD };

struct index;

/* False ends the walk (index_prune: keeps the row). */
typedef bool index_row(void *arg, struct slice key, struct slice value);

/* Opens or creates it in folder `path`, running the recovery of Berkeley DB.
   NULL if that failed. */
struct index	*index_open(const char *path, size_t cache);
void		 index_close(struct index *);	/* no checkpoint */

enum index_result index_begin(struct index *);
enum index_result index_commit(struct index *);	/* not durable yet */

/* Replaces *out by the value. */
enum index_result index_get(struct index *, enum index_table, struct slice key,
		    struct buf *out);
enum index_result index_put(struct index *, enum index_table, struct slice key,
		    struct slice value);
enum index_result index_del(struct index *, enum index_table, struct slice key);
/* from <= key < to.  NONE if there was no row. */
enum index_result index_scan(struct index *, enum index_table,
		    struct slice from, struct slice to, index_row *, void *);
enum index_result index_scan_back(struct index *, enum index_table,
		    struct slice from, struct slice to, index_row *, void *);
/* Within a transaction: deletes the rows for which fn is true, at most so
   many.  OK: there may be more; NONE: that was all. */
enum index_result index_prune(struct index *, enum index_table,
		    struct slice from, struct slice to, size_t most,
		    index_row *, void *);

/* What was committed survives a crash after this. */
enum index_result index_flush(struct index *);
enum index_result index_checkpoint(struct index *);
enum index_result index_trickle(struct index *);

#endif
