/*
 * text.h - text as it is compared: UTF-8 without case.
 *
 * Charsets are converted by iconv(3), through handles that were opened before
 * the process was confined: the list of those we know is charsets.def.
 */
#ifndef IMAPD_TEXT_H
#define IMAPD_TEXT_H

#include "common/mail/words.h"

void		 text_load(void);	/* before confinement */
extern const struct charsets text_charsets;

/* Appends the text without case.  Octets that are not UTF-8 stay. */
void		 text_fold(struct buf *, struct slice utf8);
/* The text of nearly every header field: short, ASCII, and without what may be
   an encoded word, so that it needs no decoding; good until the next one.
   p NULL: it is not like that. */
struct slice	 text_fold_plain(struct slice);
/* Is it in this text, long or short?  Others run meanwhile. */
bool		 text_search(struct slice utf8, struct slice folded);
/* Does what text_fold made contain the other?  Everything has the empty one. */
bool		 text_has(struct slice folded, struct slice what);

#endif
