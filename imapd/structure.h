/*
 * structure.h - what a digest says about a message, as IMAP says it.  Pure.
 *
 * Appended to the buffer without a line end.  A digest that contradicts itself
 * in a part makes that part look empty, never longer than what was read.
 */
#ifndef IMAPD_STRUCTURE_H
#define IMAPD_STRUCTURE_H

#include "common/mail/digest.h"

/* A string as the client can read it: quoted, or a literal if that cannot
   hold it.  utf8: quoted strings may be UTF-8 (IMAP4rev2).  p NULL: NIL. */
void		 string_print(struct buf *, struct slice, bool utf8);
/* As an atom if it may be one. */
void		 astring_print(struct buf *, struct slice);

/* RFC 9051 7.5.2: ENVELOPE of the message that is this part. */
void		 envelope_print(struct buf *, const struct digest *,
		    uint32_t part, bool utf8);
/* BODYSTRUCTURE, or BODY: the same without extensions. */
void		 structure_print(struct buf *, const struct digest *,
		    bool extensions, bool utf8);

#endif
