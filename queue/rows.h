/*
 * rows.h - what rows.def expands to: the values of the spool's rows as
 * structs, and their codec.
 *
 * A value is one byte of version (ROWS_VERSION), then the fields in order:
 * numbers big endian, a STR or BYTES its 4-byte length and its bytes.
 *
 * What is read may have rotted or be of another version: every length is
 * checked, a STR with NUL, CR or LF is refused (IPC-2), and bytes left over
 * make the row unreadable.
 */
#ifndef QUEUE_ROWS_H
#define QUEUE_ROWS_H

#include "common/core/codec.h"

enum { ROWS_VERSION = 1 };

#define ROW(name)	struct name##_row {
#define U8(f)		uint8_t f;
#define U32(f)		uint32_t f;
#define U64(f)		uint64_t f;
#define STR(f)		struct slice f;
#define BYTES(f)	struct slice f;
#define END(name)	};
#include "queue/rows.def"

/* put appends the value.  get: slices point into the value; false if it is
   not exactly one value. */
#define ROW(name)							\
	void	 name##_put(struct buf *, const struct name##_row *);	\
	bool	 name##_get(struct slice, struct name##_row *);
#include "queue/rows.def"

void		 buf_be32(struct buf *, uint32_t);
void		 buf_be64(struct buf *, uint64_t);

#endif
