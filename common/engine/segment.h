/*
 * segment.h - the files of the log.
 *
 *	log/s%08x	a segment: its header twice, at 0 and 4096, then at
 *			8192 records
 *	log/next	what will be the next one,
 *	log/spare	one more, and
 *	log/used	one that was removed: see next.h
 *	log/b%016x	a long blob, bytes only (its FILE record says the rest)
 *	log/t%016x	a long blob that is being written
 *
 * Header of a segment, 64 bytes, big endian:
 *
 *	 0  8	"PostiSe1"
 *	 8  4	crc32c of bytes 12 to 63
 *	12  4	number
 *	16  8	floor: a sequence below all of its records
 *	24  8	blob: number below all of those given out later
 *	32  4	generation: random, in each record's header
 *	36 28	zero
 *
 * The generation is random so that a message that holds the bytes of a record
 * is not taken for one where a search passes over damage, nor what is left of
 * the records of an earlier use of the file.  Those only lie behind the end of
 * the last segment: before one is followed by another it is cut to its length,
 * durably.
 *
 * `struct segments` belongs to the loop.  Only segment_create, segment_load
 * and what next.h has are called from other threads; segment_create, next_make
 * and next_fill exclude each other.
 */
#ifndef ENGINE_SEGMENT_H
#define ENGINE_SEGMENT_H

#include <pthread.h>

#include "common/core/buf.h"

enum { SEGMENT_HEAD = 8192, SEGMENT_OPEN = 256 };

struct segment {
	uint32_t	 number, generation;
	int		 fd;		/* -1: closed */
	unsigned	 users;		/* threads that read it now */
	unsigned	 pins;		/* cuts that its bytes belong to */
	bool		 dirty;		/* `live` is not in the index yet */
	bool		 rotten;	/* holds bad records: never compacted */
	bool		 gone;		/* unlinked; freed by its last user or
					   cut */
	uint64_t	 floor;		/* sequence below all records */
	uint64_t	 end;		/* behind the last durable record */
	uint64_t	 size;		/* of the file, allocated */
	uint64_t	 live;		/* bytes of what is still needed */
	uint64_t	 graves;	/* bytes of deletions */
	uint64_t	 used;		/* tick of the last use, to close fds */
	uint64_t	 sealed;	/* loop_now, if in this life */
};

struct segments {
	int		 dir;		/* the folder log */
	uint64_t	 size;		/* wanted of a new one */
	struct segment	**v;		/* by rising number; the last is
					   the one written to */
	size_t		 n, cap, open;
	uint64_t	 tick;
	pthread_mutex_t	 ahead;		/* held while next is made, filled or
					   taken */
	uint64_t	 filled;		/* of next; guarded by it */
};

void		 segments_init(struct segments *, int dir, uint64_t size);
void		 segments_free(struct segments *);
/* Adds one at the end. */
struct segment	*segment_add(struct segments *, uint32_t number);
/* Takes the last one out again, of which there is no file. */
void		 segment_drop(struct segments *);
struct segment	*segment_find(const struct segments *, uint32_t number);
struct segment	*segment_last(const struct segments *);
/* A descriptor for reading, opened if it must be; -1 with errno. */
int		 segment_fd(struct segments *, struct segment *);
/* Keeps fd and struct alive for a thread, and gives them back. */
void		 segment_use(struct segment *);
void		 segment_unuse(struct segment *);
/* Keeps its bytes readable when it is removed, and gives them back.  While it
   is not removed this costs no descriptor. */
void		 segment_pin(struct segment *);
void		 segment_unpin(struct segment *);
/* Takes it out of the list, and its file out of the log: that is unlinked or,
   if that is wanted and nobody reads it, kept for the next one.  False: it is
   still there.  Who calls has made durable that nobody needs it. */
bool		 segment_remove(struct segments *, struct segment *,
		    bool keep);

struct segment_start {
	uint32_t	 number, generation;
	uint64_t	 floor, blob;
};

/* A random one. */
uint32_t	 segment_generation(void);

/* The one before it, which is cut to its length; fd -1: there is none. */
struct segment_end {
	int		 fd;
	uint64_t	 at;
};

/* Makes the file from next (or spare, or anew) with room for `need` bytes of
   records; it and its name are durable when this returns its descriptor.
   -1 with errno; if that is full, all is as before. */
int		 segment_create(struct segments *, const struct segment_start *,
		    const struct segment_end *, uint64_t need, uint64_t *size);
/* False: neither header is one. */
bool		 segment_load(int fd, struct segment_start *);
void		 segment_name(char out[32], uint32_t number);
void		 blob_name(char out[32], char kind, uint64_t number);

#endif
