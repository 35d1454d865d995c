/*
 * file.h - the `file` engine: segments and an index.  Private to its parts.
 *
 *	file.c		birth, death, the table of functions, reading rows
 *	group.c		commits: gather, write and sync, apply, answer
 *	committer.c	the thread that writes and syncs
 *	apply.c		what a record does to the index; also in recovery
 *	blob.c		bytes of messages in and out
 *	hold.c		numbers that must not die yet
 *	recover.c	from what a crash left to a running engine
 *	folder.c	what files there are
 *	maintain.c	flush, checkpoint, when files are made ready
 *	next.c		files that are ready before segments need them
 *	room.c		is there room, and what is kept back
 *	reserve.c	what is kept back for the index
 *	compact.c	moves what lives out of nearly dead segments
 *	reclaim.c	when it does so
 *	check.c		what lies on the disk, part by part
 *	cut.c		what a backup is made of
 *	export.c	export, import
 *
 * Threads: the loop's owns everything here.  The committer sees the group
 * that is in flight, `readers` and `keeper` see the job they were given.
 */
#ifndef ENGINE_FILE_H
#define ENGINE_FILE_H

#include <pthread.h>

#include "common/core/arena.h"
#include "common/core/list.h"
#include "common/core/loop.h"
#include "common/engine/index.h"
#include "common/engine/next.h"
#include "common/engine/ops.h"
#include "common/engine/record.h"
#include "common/engine/reserve.h"
#include "common/engine/segment.h"

/* What becomes of an answer if its group cannot be written. */
enum answer_kind {
	ANSWER_NOTHING,		/* nothing: it wrote no record */
	ANSWER_GROWS,		/* FULL */
	ANSWER_FREES,		/* its record is tried again without those */
};

/* One callback, in the order of the commits. */
struct answer {
	engine_done	*done;		/* or NULL */
	void		*arg;
	enum engine_status status;
	enum answer_kind kind;
	size_t		 at;		/* FREES: its record in the group */
};

/* What is written and synced at once. */
struct group {
	struct buf	 bytes;		/* records, as they go to the file */
	struct buf	 answers;	/* struct answer each */
	struct buf	 named;		/* uint64_t: blobs its txns name */
	struct map	 units;		/* those with a txn in it */
	struct arena	 arena;		/* nodes of that map */
	uint64_t	 last;		/* sequence of its last record */
	uint64_t	 commits;
	uint64_t	 since;		/* loop_now of its first record */
	/* where it goes, known at its start */
	struct segment	*segment;
	struct segment_start start;	/* number 0: no new segment */
	struct segment	*before;	/* then: the one before it, or NULL */
	struct segment_end end;		/* of that one */
	uint64_t	 base;
	int		 fd;
	uint64_t	 size;		/* of a new segment's file */
	bool		 full;		/* there was no room for that */
	bool		 grows;		/* holds more than what frees room */
};

struct committer {
	pthread_t	 thread;
	pthread_mutex_t	 lock;
	pthread_cond_t	 wake;
	struct segments	*segments;
	struct group	*work;		/* NULL: nothing to do */
	bool		 stop;
	struct watch	 watch;		/* an eventfd: the work is durable */
};

/* A number that must not die though no row may name it. */
struct hold {
	struct map_node	 node;
	unsigned	 held;		/* given out, not released */
	unsigned	 flying;	/* puts in flight that name it */
	bool		 idle;		/* in the index without a row */
	/* bytes not yet in the index: in this group's buffer, or in a file */
	struct group	*group;
	size_t		 at;
	uint64_t	 length;
	uint32_t	 crc;		/* of a file */
	bool		 own;
	bool		 lost;		/* its group found no room */
};

enum place_kind { PLACE_SEGMENT = 1, PLACE_FILE, PLACE_LOST };

/* Where a blob lies: value of the table BLOBS. */
struct place {
	enum place_kind	 kind;
	uint32_t	 segment;
	uint64_t	 offset;	/* of its first byte */
	uint64_t	 length;
	uint32_t	 crc;
	uint32_t	 refs;		/* rows that name it */
};

/* Head of a value in ROWS and SIDE. */
struct row {
	uint64_t	 version;	/* sequence of the txn that put it */
	uint32_t	 segment;	/* of its newest copy */
	uint64_t	 blob;
	struct slice	 value;
};

/* How far the log is applied; lies in MARKS under "M". */
struct mark {
	uint32_t	 segment;
	uint64_t	 offset;
	uint64_t	 sequence;
	uint64_t	 blob;		/* the next number */
};

/* The keeper's regular job. */
struct upkeep {
	struct job	 job;
	bool		 out;		/* a thread has it */
	bool		 checkpoint, failed;
	struct buf	 doomed;	/* uint64_t: own files to unlink */
	struct buf	 answers;	/* of engine_checkpoint */
};

struct ahead {
	struct job	 job;
	bool		 out;		/* a thread has it */
	bool		 stale;		/* next was taken meanwhile */
	bool		 made, filled;
	uint64_t	 owed;		/* bytes to fill */
	uint64_t	 wanted;	/* of those, by the job; 0: make it */
};

struct compaction {
	struct job	 job;
	struct segment	*victim;	/* NULL: none begun */
	uint64_t	 at, next;	/* before `at` all is moved */
	uint64_t	 bytes;		/* wanted of this slice */
	uint64_t	 looked_at;	/* bytes in it */
	int		 fd;
	struct buf	 records;	/* the slice, without padding */
	bool		 busy, bad, over;
	bool		 young;		/* some would be worth it later */
	struct buf	 answers;	/* struct answer, for this slice */
};

struct reclaim {
	struct timer	 timer;
	bool		 open, set, busy;
	bool		 died;		/* something, since the last look */
	bool		 pressed;	/* mail was refused */
	uint64_t	 wanted;	/* bytes of it */
};

struct file {
	struct engine	 engine;	/* first */
	struct engine_conf conf;
	int		 dir, lock;
	char		*index_path;
	struct index	*index;
	struct segments	 segments;

	uint64_t	 sequence;	/* last one given out */
	uint64_t	 next_blob;
	struct mark	 mark;

	struct committer committer;
	struct group	 groups[3], *filling, *flying, *landing;
	struct timer	 linger;
	bool		 draining;	/* nobody waits for company */
	struct map	 holds;
	bool		 replaying;	/* recovery: nothing dies yet */

	/* apply.c, one transaction of the index */
	struct arena	 arena;
	struct map	 touched;
	struct node	 touches;
	unsigned	 changes;	/* of rows, so far */
	struct mark	 before;	/* of the record being applied */
	struct buf	 scratch;

	struct pool	*readers, *keeper;
	struct upkeep	 upkeep;
	struct ahead	 ahead;
	struct timer	 tick;
	bool		 active;	/* written to since the last tick */
	uint64_t	 dirty_bytes, dirty_since;	/* 0: clean */
	struct buf	 doomed;	/* for the next upkeep */
	struct buf	 waiting;	/* struct answer: for a checkpoint */

	struct reserve	 reserve;
	struct compaction compaction;
	struct node	 cuts;		/* backups under way */
	struct reclaim	 reclaim;
	struct engine_figures figures;
};

/* The table of functions, each in the file that says what it does. */
#define FILE_OF(e)	CONTAINER(e, struct file, engine)

/* file.c */
bool		 row_parse(struct slice, struct row *);
/* The index failed: says so to the next start, and ends. */
void		 index_broken(struct file *) __attribute__((noreturn));
/* Leaves a file of that name beside the index, durably. */
void		 file_mark(const struct file *, const char *name);

/* committer.c */
void		 committer_start(struct committer *, struct segments *,
		    void (*ready)(struct watch *, unsigned));
void		 committer_stop(struct committer *);
void		 committer_give(struct committer *, struct group *);

/* group.c */
void		 group_open(struct file *);	/* starts the committer */
void		 group_close(struct file *);
void		 group_turn(struct engine *);
/* Waits, in this call, until nothing is in flight; answers come inside. */
void		 group_drain(struct file *);
void		 group_commit(struct engine *, struct txn *, engine_done *,
		    void *);
void		 group_settle(struct engine *, uint64_t unit, engine_done *,
		    void *);
void		 group_answer(struct file *, const struct answer *);
						/* in its turn */
/* A record of n pieces joins the group being filled; its place in there. */
size_t		 group_add(struct file *, enum record_type, uint64_t id,
		    const struct slice *, size_t n);
/* apply.c.  False: the index failed. */
bool		 apply_begin(struct file *);
bool		 apply_record(struct file *, const struct record *,
		    struct slice body, struct segment *, uint64_t offset);
bool		 apply_blob(struct file *, uint64_t number); /* is it dead? */
bool		 apply_end(struct file *);	/* with file.mark */
void		 apply_drop(struct file *);	/* the index failed in it */
bool		 apply_orphans(struct file *);	/* kills the unnamed */
enum index_result place_get(struct file *, uint64_t number, struct place *);
bool		 mark_get(struct file *, bool *found);

/* blob.c */
uint64_t	 file_blob_add(struct engine *, const struct slice *, size_t);
struct blob	*file_blob_begin(struct engine *);
enum engine_status file_blob_write(struct blob *, struct slice);
void		 file_blob_end(struct blob *, void (*)(void *,
		    enum engine_status, uint64_t), void *);
void		 file_blob_drop(struct blob *);
void		 file_blob_release(struct engine *, uint64_t);
enum engine_status file_blob_size(struct engine *, uint64_t, uint64_t *);
void		 file_blob_read(struct engine *, uint64_t, uint64_t, size_t,
		    engine_bytes *, void *);
void		 blob_doom(struct file *, uint64_t);

/* hold.c */
struct hold	*hold_find(const struct file *, uint64_t);
struct hold	*hold_get(struct file *, uint64_t);	/* or a new one */
/* Frees it if nobody needs it any more. */
bool		 hold_over(struct file *, struct hold *);
void		 hold_fly(struct file *, uint64_t);	/* a put names it */
void		 hold_land(struct file *, uint64_t);	/* and is applied */
/* This group found no room: nobody may name the blobs that it brought. */
void		 hold_lose(struct file *, struct group *);

/* room.c */
bool		 file_room(struct engine *, uint64_t);	/* presses if not */
void		 file_floor(struct engine *, uint64_t);
bool		 room_is_there(struct file *, uint64_t);
bool		 room_to_delete(struct file *, uint64_t);
uint64_t	 room_to_move(struct file *);
bool		 room_reserve(struct file *);	/* is it whole, or now? */
void		 room_open(struct file *);	/* before recovery */

/* maintain.c */
void		 answers_give(struct buf *, enum engine_status);
void		 maintain_wrote(struct file *, uint64_t bytes);
void		 maintain_rotated(struct file *, struct segment *old);
void		 maintain_open(struct file *);
void		 maintain_close(struct file *);
void		 file_checkpoint(struct engine *, engine_done *, void *);

/* recover.c */
void		 recover(struct file *);

/* folder.c */
void		 folder_read(struct file *);	/* enters all segments */
void		 folder_clean(struct file *);	/* long blobs nobody names */
bool		 blob_named(const char *, uint64_t *number);	/* is it one? */

/* reclaim.c */
void		 reclaim_open(struct file *);
void		 reclaim_close(struct file *);
void		 reclaim_died(struct file *);	/* something did */
void		 reclaim_press(struct file *, uint64_t bytes);	/* mail is refused */

/* check.c */
void		 file_check(struct engine *, struct engine_check *);

/* cut.c */
void		 file_cut(struct engine *, void (*)(void *,
		    struct engine_cut *), void *);
void		 file_cut_read(struct engine_cut *, size_t, uint64_t, size_t,
		    engine_bytes *, void *);
void		 file_cut_end(struct engine_cut *);
void		 cuts_close(struct file *);

/* compact.c, export.c */
/* The next `bytes` of the segment begun, or of the emptiest one that is at
   most live/1000 full and was not written to for `age` ms. */
void		 compact_slice(struct file *, uint64_t bytes, unsigned live,
		    uint64_t age, engine_done *, void *);
void		 file_compact(struct engine *, uint64_t, engine_done *, void *);
enum engine_status file_export(struct engine *, uint64_t, engine_record *,
		    void *);
enum engine_status file_import(struct engine *, struct slice);

#endif
