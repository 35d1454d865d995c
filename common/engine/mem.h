/*
 * mem.h - the `mem` engine: what it holds.  Private to its parts.
 *
 *	mem.c		birth, death, commits and their faults
 *	mem_data.c	rows and blobs
 */
#ifndef ENGINE_MEM_H
#define ENGINE_MEM_H

#include "common/core/list.h"
#include "common/engine/ops.h"

struct mem_row {
	struct buf	 key, value;
	uint64_t	 blob;
};

struct mem_blob {
	struct map_node	 node;
	struct buf	 bytes;
	unsigned	 refs;		/* rows and pending puts */
	unsigned	 held;
};

struct table {
	struct mem_row	*v;
	size_t		 n, cap;
};

struct mem {
	struct engine	 engine;	/* first */
	struct table	 tables[ENGINE_SPACES];
	struct map	 blobs;
	struct node	 pending;
	uint64_t	 sequence, next_blob, commits;
	enum engine_status fault;
	unsigned	 fault_after, fault_count;
	bool		 held;
};

#define MEM_OF(e)	CONTAINER(e, struct mem, engine)

/* mem_data.c: the functions of ops.h about rows and blobs, and for commits: */
/* Does what the body of a txn says, all of it. */
void		 mem_apply(struct mem *, uint64_t unit, struct slice body);
/* One more who needs the bytes, or one less; 0 and unknown numbers: nothing. */
void		 mem_refer(struct mem *, uint64_t number, bool more);
/* Nobody holds a number any more. */
void		 mem_unhold(struct mem *);
void		 mem_forget(struct mem *);	/* everything */

enum engine_status mem_get(struct engine *, enum engine_space, struct slice,
		    struct buf *, uint64_t *);
enum engine_status mem_scan(struct engine *, enum engine_space,
		    struct slice from, struct slice to, bool back,
		    engine_row *, void *);
uint64_t	 mem_blob_add(struct engine *, const struct slice *, size_t);
struct blob	*mem_blob_begin(struct engine *);
enum engine_status mem_blob_write(struct blob *, struct slice);
void		 mem_blob_drop(struct blob *);
void		 mem_blob_end(struct blob *, void (*)(void *,
		    enum engine_status, uint64_t), void *);
void		 mem_blob_release(struct engine *, uint64_t);
enum engine_status mem_blob_size(struct engine *, uint64_t, uint64_t *);
void		 mem_blob_read(struct engine *, uint64_t, uint64_t, size_t,
		    engine_bytes *, void *);

#endif
