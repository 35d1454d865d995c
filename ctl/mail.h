/*
 * mail.h - the way to a user's mail: a session like imapd's, which auth opens
 * for the admin and writes to the log.
 */
#ifndef CTL_MAIL_H
#define CTL_MAIL_H

#include "common/core/link.h"

/* The command ends if there is no such user. */
struct link	*mail_open(struct slice address);

#endif
