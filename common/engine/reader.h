/*
 * reader.h - walks the records of a segment, whatever lies in it.
 *
 * Holds a window of the file in memory.  A part of the disk that cannot be
 * read counts as zeros.  Any thread may use one of its own.
 */
#ifndef ENGINE_READER_H
#define ENGINE_READER_H

#include "common/engine/record.h"

enum reader_result {
	READER_RECORD,		/* whole, its checksums right */
	READER_END,		/* zeros or the end of the file */
	READER_BAD,		/* something else */
};

struct reader {
	int		 fd;
	uint32_t	 generation;
	uint64_t	 at;		/* of what comes next */
	uint64_t	 end;
	uint64_t	 found;		/* of the record just read */
	struct buf	 window;
	uint64_t	 base;		/* of the window */
};

void		 reader_open(struct reader *, int fd, uint32_t generation,
		    uint64_t at, uint64_t end);
void		 reader_free(struct reader *);
/* The body lives until the next call.  After BAD `at` has not moved; *r is
   filled in if at least the header is good (else r->type is 0). */
enum reader_result reader_next(struct reader *, struct record *r,
		    struct slice *body);
/* Moves `at` to the next good header from there on; false: none. */
bool		 reader_search(struct reader *, struct record *);
/* Is there anything but zeros from `at` on? */
bool		 reader_more(struct reader *);

#endif
