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
/* Does what text_fold made contain the other?  Everything has the empty one. */
bool		 text_has(struct slice folded, struct slice what);

#endif
