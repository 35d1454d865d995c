/* capability.h - what we can do, as CAPABILITY and the greeting say it. */
#ifndef IMAPD_CAPABILITY_H
#define IMAPD_CAPABILITY_H

#include "common/core/buf.h"

struct session;

/* "CAPABILITY IMAP4rev1 ..." as it is in this state: capabilities.def. */
void		 capability_print(const struct session *, struct buf *);

#endif
