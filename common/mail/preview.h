/*
 * preview.h - the first words of a message, for lists of messages (RFC 8970).
 */
#ifndef MAIL_PREVIEW_H
#define MAIL_PREVIEW_H

#include "common/mail/cte.h"
#include "common/mail/words.h"

enum {
	PREVIEW_RAW_MAX = 16 * 1024,	/* octets of a part looked at */
	PREVIEW_PLAIN_MAX = 2048,	/* ... if it is plain text */
};

/* Appends up to max characters of text: decoded, blanks and line ends
   squeezed, controls dropped; of HTML without tags, styles and scripts. */
void		 preview_make(struct buf *out, struct slice raw, enum cte,
		    struct slice charset, const struct charsets *, bool html,
		    size_t max);

#endif
