/*
 * form.h - one value as text.  All append to a buf.
 */
#ifndef CTL_FORM_H
#define CTL_FORM_H

#include "common/core/buf.h"

/* Control characters and octets that are not UTF-8 become \xHH, a backslash
   \\: no line is broken, no terminal is moved, and nothing is ambiguous. */
void		 form_printable(struct buf *, struct slice);
/* A JSON string with its quotes (RFC 8259 7).  Octets that are not UTF-8
   become U+FFFD: JSON has no way to say them (RFC 8259 8.1). */
void		 form_json(struct buf *, struct slice);
/* "1.5 MB" in powers of 1024; "3 h 12 min"; a local time, from ms. */
void		 form_size(struct buf *, uint64_t bytes);
void		 form_span(struct buf *, uint64_t ms);
void		 form_time(struct buf *, uint64_t ms);
/* How many columns of a terminal good UTF-8 takes, if every character takes
   one (wide and combining ones do not, and are rare in what we show). */
size_t		 form_width(struct slice);

#endif
