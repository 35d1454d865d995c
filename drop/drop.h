/*
 * drop.h - the role: what local programs leave in the drop folder goes to
 * submission, as from the user who left it.
 *
 * Anybody can be behind a file here who found a fault in sendmail(1): so it is
 * opened without following or waiting, must be a regular file with one name,
 * is read within bounds, and who sent it is who owns it, whatever it says.
 * drop keeps nothing else and has no network; it does not look into the
 * message.
 *
 *	drop.c	  the role: watching the folder
 *	file.c	  a file, opened and checked
 *	submit.c  its way to submission, and what the answer means
 *	notice.c  to the sender: what could not be sent
 *
 * A file is removed once submission has said 250.  If we die before that the
 * file is submitted again, with the same octets, and queue knows it by its
 * token, whether it was answered or not: no other file has these octets (hand-off
 * rule 10).
 */
#ifndef DROP_DROP_H
#define DROP_DROP_H

#include "common/core/conf.h"
#include "common/core/link.h"
#include "common/mail/dropped.h"

/* A file that may be submitted. */
struct letter {
	const char	*name;		/* in the folder */
	int		 fd;		/* at the message */
	uint32_t	 uid;		/* whose it is */
	int64_t		 when;		/* seconds since 1970 */
	struct dropped	 dropped;
	struct arena	 arena;
};

enum open_result {
	LETTER_OPEN,
	LETTER_GONE,		/* there is no such file any more */
	LETTER_BAD,		/* never: *why */
};

enum fate {
	FATE_SENT,		/* to all, or the sender was told: remove it */
	FATE_LATER,
	FATE_KEPT,		/* nobody can be told: kept aside */
};

/* file.c; folder is "." */
enum open_result letter_open(struct letter *, const char *name,
		    const char **why);
void		 letter_close(struct letter *);
/* Gives it a name that begins so, and is not looked at again; what holds
   nothing is removed. */
#define ASIDE	".kept."
void		 letter_aside(const char *name);

/* submit.c; in a task */
enum fate	 letter_submit(struct letter *);

/* One message for submission; body is what stands below its header fields in
   `before`, from fd if that is not -1. */
struct parcel {
	struct slice	 from;
	const struct slice *to;
	size_t		 n;
	uint8_t		 notify, ret;
	struct slice	 envid;
	struct slice	 before;
	int		 fd;
	uint64_t	 size;
};
/* What came of each recipient, in their order; text is what the server said. */
struct refusal {
	bool		 refused;	/* for good */
	struct slice	 text;
};
/* False: later.  *accepted: of at least one recipient. */
bool		 parcel_submit(const struct parcel *, struct arena *,
		    struct refusal *, bool *accepted);

/* notice.c: false: later. */
bool		 notice_send(struct letter *, const struct refusal *,
		    bool *accepted);

/* drop.c */
extern const struct conf *drop_conf;
struct link	*drop_submission(void);

struct counts {
	uint64_t	 files, sent, later, notices, kept, bad;
};
extern struct counts counts;

#endif
