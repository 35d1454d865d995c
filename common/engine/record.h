/*
 * record.h - the form of everything that lies in the log.
 *
 * A record is a header of 48 bytes, a body, and zeros up to a multiple of 8.
 * Numbers are big endian.
 *
 *	 0  4	"PRec"
 *	 4  4	crc32c of bytes 8 to 47
 *	 8  4	crc32c of the body
 *	12  4	length of the body
 *	16  8	sequence: rises from record to record, never used again
 *	24  8	group: sequence of the first record of its group
 *	32  8	id: the unit of ROWS and MOVED, the number of BLOB and FILE
 *	40  4	generation: of the segment it was written to (segment.h)
 *	44  1	type
 *	45  3	zero
 *	48	body
 *
 * Generation is what tells a record from the leftovers of a file that was
 * used before.  Group tells rot from a torn tail: a group is only written
 * when the one before it is durable (recover.c).
 *
 * Body of ROWS, a txn, and of MOVED, rows copied forward by compaction:
 * operations one after the other.
 *
 *	1	kind: 1 put, 2 del, 3 delrange
 *	1	space (delrange: zero)
 *	2	length of the key, or of `from`
 *	8	MOVED only: version, the sequence of the txn that did it first
 *	8	put only: number of the blob, or zero
 *	4	put: length of the value; delrange: length of `to`; not in del
 *		key or from; value or to
 *
 * Body of BLOB: the bytes.  Body of FILE, a blob that is a file of its own:
 *
 *	8	length of the file
 *	4	crc32c of its bytes
 *
 * A version of this program that changes any of it changes the magic.
 */
#ifndef ENGINE_RECORD_H
#define ENGINE_RECORD_H

#include "common/core/buf.h"

enum record_type { RECORD_ROWS = 1, RECORD_MOVED, RECORD_BLOB, RECORD_FILE };

enum {
	RECORD_HEAD = 48,
	RECORD_MAX = 64 * 1024 * 1024,	/* bytes of a txn */
};

struct record {
	enum record_type type;
	uint32_t	 generation;
	uint32_t	 length, crc;		/* of the body */
	uint64_t	 sequence, group, id;
};

enum op_kind { OP_PUT = 1, OP_DEL, OP_DELRANGE };

struct op {
	enum op_kind	 kind;
	unsigned	 space;
	uint64_t	 version;	/* ROWS: the record's sequence */
	uint64_t	 blob;
	struct slice	 key;		/* delrange: from */
	struct slice	 value;		/* delrange: to */
};

/* Bytes of header, body and padding together. */
uint64_t	 record_size(uint32_t length);
/* The most that an operation takes when compaction moves it: a record of its
   own.  A segment whose needed operations weigh less than it is long shrinks
   by being moved, so that moving comes to an end. */
uint64_t	 op_weight(size_t key, size_t value);

/* Writing.  start leaves room for a header and returns its place; the body is
   then appended; finish fills in what is known of r (type, sequence, id) and
   pads.  seal, when the record's place is known, completes the header. */
size_t		 record_start(struct buf *);
void		 record_finish(struct buf *, size_t at, struct record *r);
void		 record_seal(char *head, uint32_t generation, uint64_t group);

/* Reading, of what may be anything.  False: not a header of that generation
   (0: of any). */
bool		 record_parse(struct slice head, uint32_t generation,
		    struct record *);
bool		 record_whole(const struct record *, struct slice body);

void		 op_add(struct buf *, const struct op *, bool moved);
/* Cuts the next operation off *body; false at the end and at nonsense, which
   ops_good rules out beforehand. */
bool		 op_next(struct slice *body, const struct record *, struct op *);
/* True if all of a ROWS or MOVED body can be applied. */
bool		 ops_good(const struct record *, struct slice body);

void		 file_body(struct buf *, uint64_t length, uint32_t crc);
bool		 file_parse(struct slice body, uint64_t *length, uint32_t *crc);

#endif
