/*
 * ledger.h - the scenario of the queue: what its messages are, what peers,
 * store and remote hosts know of them, and how that is noted.
 *
 * Message m has the recipients 0 and 1; if 0 is an alias, it becomes 2.  What
 * happens to each is fixed by the numbers (deed_of), so that a run after a
 * crash goes on like the one before.
 *
 * The others outlive a crash of queue: so what they know is written into the
 * trace the moment they know it, and read from there again.  A note is
 *
 *	event.number	enum note | recipient << 8 | outcome << 12 | m << 16
 *	event.offset	the queue id it was under
 *	event.length	more: a time
 */
#ifndef CRASH_LEDGER_H
#define CRASH_LEDGER_H

#include "common/core/terms.h"
#include "tests/crash/engine/check.h"

enum {
	MAILS = 1200, RCPTS = 3, COPIES_MAX = 4,
	MAIL_LAST = MAILS - 1,		/* sent after each recovery */
};

enum note {
	NOTE_SUBMIT,	/* begin: a peer sends m; told: what it heard of a
			   recipient */
	NOTE_STORE,	/* told: store decided */
	NOTE_SENT,	/* told: the remote host said 250 */
	NOTE_DONE,	/* told: queue_done was answered; and not a lazy one */
	NOTE_REPORT,	/* told: a report about a recipient was stored */
	NOTE_HOLD, NOTE_RELEASE, NOTE_REMOVE, NOTE_BOUNCE, /* begin, told */
	NOTE_CLOCK,	/* told: it is so late */
};

enum deed { DEED_TAKE, DEED_REFUSE, DEED_LATER, DEED_NEVER, DEED_ALIAS };

/* A copy that somebody has made, or refused to make, and under what id. */
struct copy {
	uint64_t	 id;
	uint8_t		 outcome;
};

struct fate {
	struct copy	 copies[COPIES_MAX];	/* store's decisions */
	unsigned	 n_copies;
	uint64_t	 reports[COPIES_MAX];	/* ids of stored reports */
	unsigned	 n_reports;
	unsigned	 sent;
	bool		 done, heard;
	uint8_t		 verdict;		/* if heard */
};

struct mail {
	struct fate	 to[RCPTS];
	uint64_t	 id;			/* that the peer was told */
	bool		 begun, answered;
	uint16_t	 asked, acted;		/* 1 << enum note */
};

extern struct ledger {
	struct mail	 mails[MAILS];
	uint64_t	 id_most;		/* of all that anybody saw */
	uint64_t	 clock;
} ledger;

void		 ledger_clear(void);
/* Notes it, and enters it into the ledger. */
void		 note(enum event_kind, enum note, uint32_t m, unsigned k,
		    uint8_t outcome, uint64_t id, uint64_t value);
void		 notes_read(const struct history *);

/* Where recipient k of m is, and what becomes of it. */
bool		 is_far(uint32_t m, unsigned k);
enum deed	 deed_of(uint32_t m, unsigned k);
bool		 is_stranger(uint32_t m);	/* nobody may be told */
bool		 is_poison(uint32_t m);		/* mdas die of it */

/* What store says of this recipient now: the first decision stands, by its id
   or, of another life of queue, by its token (hand-off rules 3 and 10). */
uint8_t		 store_decide(uint32_t m, unsigned k, uint64_t id,
		    uint8_t outcome);
unsigned	 copies_stored(const struct fate *);

#endif
