/*
 * engine.h - the storage under store, queue and auth.
 *
 * What it keeps: *rows*, small values under ordered keys, and *blobs*, the
 * bytes of messages, written once and named by number.  What it promises:
 *
 *  1. A txn is one record: after a crash all of it is there or nothing.
 *  2. `done` with ENGINE_OK means that the txn and every blob it names
 *     survive a power cut, and that get and scan see it.  Never before:
 *     nothing is visible to any reader until it is durable.
 *  3. Callbacks come in the order of the commits.
 *  4. A write or sync error ends the process (nothing may be answered from
 *     a disk whose state is unknown); recovery finds what is there.  A full
 *     disk is met earlier, with ENGINE_FULL (engine_room).
 *
 * How: everything durable is a record in an append-only log of segments, one
 * fdatasync commits all that came together (a group), and the ordered index
 * (Berkeley DB in the `file` engine) is derived from the log.
 *
 * The unit of atomicity is a number, the first 8 bytes (big endian) of each
 * key: a user in store and auth, a message in queue.  A txn touches one
 * unit.  An engine belongs to the loop's thread; nothing here blocks it
 * except get and scan on index pages that are not cached.
 *
 * Implementations: file (file.c ...), mem (mem.c: tests; fails, delays, is
 * fenced at will).  One conformance suite runs against both.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "common/core/buf.h"

enum engine_status {
	ENGINE_OK,
	ENGINE_NONE,		/* get: no such row; blob: no such number */
	ENGINE_FULL,		/* no room now; nothing was written */
	ENGINE_CORRUPT,		/* checksum wrong: this blob or row is lost */
	ENGINE_FENCED,		/* somebody else owns the shard: stop serving */
	ENGINE_UNKNOWN,		/* the outcome cannot be known: ask again later
				   what the rows say (remote engines) */
};

/* Two ordered spaces with the same keys.  ROWS is read often and kept small
   (128 bytes a row); SIDE holds what is read now and then (digests). */
enum engine_space { ENGINE_ROWS, ENGINE_SIDE, ENGINE_SPACES };

enum {
	ENGINE_KEY_MAX = 512,		/* bytes in a key, unit included */
	ENGINE_VALUE_MAX = 256 * 1024,	/* bytes in a value */
	ENGINE_INLINE_MAX = 1024 * 1024,	/* a longer blob is a file of its own */
};

struct engine;
struct txn;

struct engine_conf {
	const char	*dir;		/* below which it owns everything */
	size_t		 cache;		/* bytes of index cache */
	size_t		 segment;	/* bytes of a segment */
	uint64_t	 floor;		/* free bytes kept back: below, FULL */
	unsigned	 readers;	/* threads for cold reads */
	uint64_t	 linger;	/* ms that a group waits for company */
};

typedef void engine_done(void *arg, enum engine_status);
/* A row found by a scan.  Slices live until the callback returns.  False
   ends the scan.  It must not call the engine. */
typedef bool engine_row(void *arg, struct slice key, struct slice value,
    uint64_t blob);
/* The bytes of a blob; they live until the callback returns. */
typedef void engine_bytes(void *arg, enum engine_status, struct slice);

/* Birth and death.  Open locks the folder (an older process that still holds
   it is waited for), recovers, and returns when all that was acknowledged is
   there and durable; if it cannot, it logs why and the process ends.  Close
   waits for the group in flight and syncs the index. */
struct engine	*engine_open_file(const struct engine_conf *);
struct engine	*engine_open_mem(void);
void		 engine_close(struct engine *);

/* Writing.  Key and value are copied.  `blob` is 0, or a number from
   blob_add or blob_end that is not yet released, or one that a row has now
   (a copy): the row then holds it, and
   the bytes go when the last row that names them goes.  Putting a key anew
   replaces value and blob.  commit frees the txn; done may be NULL.  A txn
   without any change still gets its place in the order.  FULL: nothing of it
   was written; blobs it names that came since are lost as well.  A txn that
   deletes needs much less room than one that only puts or names a blob. */
struct txn	*txn_begin(struct engine *, uint64_t unit);
void		 txn_put(struct txn *, enum engine_space, struct slice key,
		    struct slice value, uint64_t blob);
void		 txn_del(struct txn *, enum engine_space, struct slice key);
/* All keys k of both spaces with from <= k < to (bytewise). */
void		 txn_delrange(struct txn *, struct slice from, struct slice to);
/* It puts a little in place of what is there, on the way to a deletion: like
   one it may use the room that is kept from mail.  Not if it names a blob. */
void		 txn_small(struct txn *);
void		 txn_commit(struct txn *, engine_done *, void *arg);
void		 txn_drop(struct txn *);

/* Blobs.  add takes up to ENGINE_INLINE_MAX bytes at once, as n pieces; 0 if
   there is no room.  For more, or for bytes that come bit by bit: begin,
   write, end; end reports the number when it may be named (its bytes are
   then durable if they lie in a file of their own), or drop.  Whoever
   got a number holds it until blob_release; rows named meanwhile keep it. */
uint64_t	 blob_add(struct engine *, const struct slice *, size_t n);
struct blob	*blob_begin(struct engine *);	/* NULL: no room */
enum engine_status blob_write(struct blob *, struct slice);
void		 blob_end(struct blob *, void (*done)(void *arg,
		    enum engine_status, uint64_t number), void *arg);
void		 blob_drop(struct blob *);
void		 blob_release(struct engine *, uint64_t number);

/* Reading, of what is committed and applied only.  get appends the value to
   *out (which may be NULL) and sets *blob (likewise).  scan walks from <= k <
   to in key order, or backwards; status NONE if nothing was there. */
enum engine_status engine_get(struct engine *, enum engine_space,
		    struct slice key, struct buf *out, uint64_t *blob);
enum engine_status engine_scan(struct engine *, enum engine_space,
		    struct slice from, struct slice to, engine_row *, void *);
enum engine_status engine_scan_back(struct engine *, enum engine_space,
		    struct slice from, struct slice to, engine_row *, void *);
/* Length of a blob, also before its group is durable. */
enum engine_status blob_size(struct engine *, uint64_t number, uint64_t *);
/* Reads up to 256 KiB at offset; past the end it is shorter.  The callback
   comes at once (from inside the call) if the bytes are cached, else from
   the loop.  The whole record's checksum is verified when a read covers it
   all, and by engine_verify. */
void		 blob_read(struct engine *, uint64_t number, uint64_t offset,
		    size_t length, engine_bytes *, void *arg);
/* Calls back once everything committed so far *to this unit* is applied: at
   once if nothing is in flight.  A reader that must see its own writes, or
   must read before it writes, waits here first. */
void		 engine_settle(struct engine *, uint64_t unit, engine_done *,
		    void *arg);

/* Is there room for this many bytes above the floor?  Costs a system call. */
bool		 engine_room(struct engine *, uint64_t bytes);
/* Another floor, as after a reload. */
void		 engine_floor(struct engine *, uint64_t bytes);

/* Figures for `status` and tests. */
struct engine_figures {
	uint64_t	 commits, groups, syncs, bytes;	/* since the start */
	uint64_t	 sequence;	/* of the last durable record */
	uint64_t	 segments, live, dead;	/* bytes, but segments a count */
	uint64_t	 replayed, quarantined;	/* records, at the start */
	uint64_t	 lost;		/* bytes of their records */
	bool		 rebuilt;	/* the index was made anew at start */
};
void		 engine_figures(struct engine *, struct engine_figures *);

/* The shard.  A local folder is locked as long as it is open: acquire
   answers OK at once, release and deadline do nothing.  Engines on shared
   storage own a shard for a time; after the deadline every commit is FENCED. */
enum engine_status engine_acquire(struct engine *, uint64_t shard);
void		 engine_release(struct engine *, uint64_t shard);
uint64_t	 engine_deadline(struct engine *, uint64_t shard);

/* Maintenance.  checkpoint flushes the index; compact copies what lives out
   of the emptiest segments, at most `bytes` of it a call, and tells when
   done (NONE: no segment is worth it); the engine does so by itself after
   deletions and when mail is refused.  Both run beside the serving. */
void		 engine_checkpoint(struct engine *, engine_done *, void *);
void		 engine_compact(struct engine *, uint64_t bytes, engine_done *,
		    void *);

/* A check, a part a call: that every row of the index leads to what is there
   and, if `full`, every record and long blob against its checksum, and the
   index against those.  `at` is empty at first, and again when that was all;
   done is called once for each call, at once or from the loop, and may call
   again.  The struct and its `at` are the caller's. */
enum engine_fault_kind {
	ENGINE_FAULT_ROW,	/* a row is older than the log, or leads to no
				   segment: a rebuild mends it */
	ENGINE_FAULT_BLOB,	/* bytes of a message are not what they were */
	ENGINE_FAULT_LOG,	/* a part of the log cannot be read */
};
struct engine_fault {
	enum engine_fault_kind kind;
	uint64_t	 unit, blob;	/* 0: not known */
	uint32_t	 segment;
	uint64_t	 offset, bytes;	/* in that file; 0: not known */
};
enum { ENGINE_FAULTS = 1000 };	/* of one part */
struct engine_check {
	bool		 full;
	struct buf	 at;
	void		(*done)(struct engine_check *);
	/* answer */
	uint64_t	 rows, bytes;	/* looked at in this part */
	uint64_t	 size;		/* of the segment it read; private */
	struct engine_fault faults[ENGINE_FAULTS];
	size_t		 n;
};
void		 engine_check(struct engine *, struct engine_check *);
/* The next open makes the index anew from the log. */
void		 engine_distrust(struct engine *);
/* Who found figures.lost at the start has made good what that took, durably:
   until this is said, each open finds it again. */
void		 engine_mended(struct engine *);

/* A backup.  A cut is the engine as of one moment: the files of its log, as
   far as they were durable then.  They stay readable until the cut ends, while
   everything goes on; with them, and an empty index, an engine opens as after a
   power cut at that moment.  Number and tag together say which file it is, on
   every machine and for ever: one that has grown begins with what was there
   before.  What removed mail took stays taken while a cut needs it. */
struct engine_part {
	char		 kind;		/* 's' a segment, 'b' a long blob */
	bool		 grows;		/* it is the one written to */
	bool		 rotten;	/* damage is known of it */
	uint64_t	 number;
	uint64_t	 tag;		/* generation; ns when it was written */
	uint64_t	 length;	/* bytes that belong to the cut */
};
struct engine_ops;
struct engine_cut {
	const struct engine_ops *ops;	/* private */
	struct engine_part *parts;	/* segments by number, then blobs */
	size_t		 n;
};
/* The cut is now; listed is called when its parts are known, maybe from
   inside. */
void		 engine_cut(struct engine *, void (*listed)(void *arg,
		    struct engine_cut *), void *arg);
/* Up to CUT_READ bytes, from the loop; past the end it is shorter.  CORRUPT:
   what could not be read is zeros.  NONE: the part is not needed (a blob that
   was dead before the cut).  Segments before this part are let go. */
enum { CUT_READ = 512 * 1024 };
void		 cut_read(struct engine_cut *, size_t part, uint64_t offset,
		    size_t length, engine_bytes *, void *arg);
/* Calls under way are still answered.  It may come after the engine's own. */
void		 cut_end(struct engine_cut *);

/* Log shipping: calls fn for each record with sequence > after, in
   order; import takes the records of an export into an empty engine, which is
   then closed: only the next open serves.  Both block. */
typedef bool engine_record(void *arg, uint64_t sequence, struct slice record);
enum engine_status engine_export(struct engine *, uint64_t after,
		    engine_record *, void *);
enum engine_status engine_import(struct engine *, struct slice record);

/* Faults, mem engine only.  The next `after` commits succeed, then `count`
   get the status and do not happen (UNKNOWN: every second one does); held
   keeps answers back until it is called with false. */
void		 engine_mem_fault(struct engine *, enum engine_status,
		    unsigned after, unsigned count);
void		 engine_mem_hold(struct engine *, bool held);
/* As after a crash: what was not answered is gone, what was stays. */
void		 engine_mem_crash(struct engine *);

#endif
