/*
 * utf8.h - UTF-8, one character at a time (RFC 3629).
 */
#ifndef CORE_UTF8_H
#define CORE_UTF8_H

#include "common/core/buf.h"

/* Length of the good character at the start of s (no surrogate, no longer
   form than needed, at most U+10FFFF); 0 if there is none. */
size_t		 utf8_next(struct slice s);
/* Are all of it good characters, and none a control: neither of ASCII nor
   U+0080 to U+009F (RFC 5198 2)? */
bool		 utf8_is_text(struct slice s);
void		 utf8_put(struct buf *, uint32_t character);
/* Appends s with U+FFFD for each octet that is not part of a character. */
void		 utf8_mend(struct buf *, struct slice s);

#endif
