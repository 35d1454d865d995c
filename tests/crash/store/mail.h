/*
 * mail.h - the second scenario: store on the engine, with two users who get
 * mail, set flags, copy, move and expunge; and how its notes are written.
 *
 * A note says of one copy of message m, at (user, mailbox, UID), what somebody
 * asked for (EVENT_BEGIN) or was told (EVENT_TOLD):
 *
 *	event.number	enum mail_note | user << 8 | mailbox << 16
 *	event.offset	UID << 32 | m
 *	event.length	flags, or a MODSEQ
 */
#ifndef CRASH_MAIL_H
#define CRASH_MAIL_H

#include "tests/crash/engine/check.h"
#include "tests/crash/engine/tap.h"

enum mail_note {
	MAIL_STORED,		/* BEGIN: UID 0, and mailbox INBOX */
	MAIL_FLAGS,
	MAIL_GONE,
	MAIL_MODSEQ,		/* of the mailbox */
};

enum {
	MAIL_USERS = 2, MAIL_FIRST_USER = 7,
	MAIL_BOXES = 2, MAIL_COPIES = 2,	/* INBOX, and this one */
	MAIL_MOST = 1000, MAIL_UIDS = 2000,
	MAIL_LAST = MAIL_MOST - 1,	/* sent after each recovery */
};

/* The message, as text; it lives until the next call. */
const char	*mail_text(unsigned m);
/* Steps of the scenario, on a folder; then store and engine are closed. */
void		 mail_drive(const char *root, unsigned steps);
check_fn	 check_store;

static inline void
mail_note(enum event_kind kind, enum mail_note what, unsigned user,
    uint32_t box, uint32_t uid, uint32_t m, uint64_t value)
{
	tap_note(kind, what | user << 8 | box << 16,
	    (uint64_t)uid << 32 | m, value);
}

#endif
