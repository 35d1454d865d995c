/*
 * zone.h - a file in the form of a zone file, record by record.
 *
 * Of RFC 1035 5.1 we take: one record a line, its owner written out on each
 * line and absolute whether it ends in a dot or not; `;` begins a comment;
 * parentheses join lines; a quoted text may hold either.  Of the directives
 * there is $ORIGIN, which here has a meaning of its own (postino.conf(5)),
 * and none that reads another file.
 *
 * Whether a record is one, libunbound says.
 */
#ifndef RESOLVER_ZONE_H
#define RESOLVER_ZONE_H

#include "common/core/buf.h"

enum { ZONE_LINE_MAX = 64 * 1024 };	/* octets of one record */

struct zone_reader {
	struct slice	 rest;
	unsigned	 line;		/* in which the record began */
	unsigned	 lines;		/* read so far; private */
	struct buf	 text;		/* the record in one line, with NUL */
};

enum zone_line {
	ZONE_END,		/* of the file */
	ZONE_RECORD,		/* text is one */
	ZONE_ORIGIN,		/* text is the domain behind $ORIGIN */
	ZONE_WRONG,		/* a parenthesis or quote without its end, an
				   unknown directive, an octet that is not
				   text, a record too long */
};

enum zone_line	 zone_next(struct zone_reader *);
void		 zone_free(struct zone_reader *);

#endif
