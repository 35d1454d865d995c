/* mailbox.h - what mailbox.c and list.c say alike of a mailbox. */
#ifndef IMAPD_MAILBOX_H
#define IMAPD_MAILBOX_H

#include "common/core/wire.h"

struct scan;
struct session;

/* " \Sent \Junk": the uses among the attributes, a blank before each. */
void		 uses_print(struct buf *, uint32_t attributes);
/* "(MESSAGES UNSEEN)": which items of STATUS, as bits for status_print. */
bool		 status_items(struct session *, struct scan *, unsigned *which);
void		 status_print(struct session *, const struct wire_box *,
		    unsigned which);

#endif
