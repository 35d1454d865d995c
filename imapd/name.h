/*
 * name.h - names of mailboxes as clients write them.  Pure.
 *
 * store keeps names in UTF-8, levels separated by "/".  Clients of IMAP4rev1
 * write modified UTF-7 (RFC 3501 5.1.3), those that enabled IMAP4rev2 UTF-8.
 */
#ifndef IMAPD_NAME_H
#define IMAPD_NAME_H

#include "common/core/arena.h"

/* The UTF-8 of what a client wrote; a first level that is INBOX in any case
   comes in capitals (RFC 9051 5.1).  p is NULL if it is neither UTF-7 (as one
   is to write it: no ASCII in base64, nothing left over) nor UTF-8. */
struct slice	 name_decode(struct arena *, struct slice said, bool utf8);
/* Appends the name as the client wants it: an atom, a quoted string or a
   literal. */
void		 name_print(struct buf *, struct slice name, bool utf8);
/* Does a pattern of LIST match?  "*" is anything, "%" anything but "/"
   (RFC 9051 6.3.9).  Linear in pattern times name. */
bool		 name_matches(struct slice pattern, struct slice name);

#endif
