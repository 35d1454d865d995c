/*
 * session.h - one IMAP session (RFC 9051; clients of RFC 3501 are served by
 * the same code, and hear what they know).
 *
 *	imapd.c	    the role: doors, links, limits
 *	session.c   greeting, the dialogue, the end; the tagged reply
 *	command.c   reading one command with its literals
 *	scan.c	    the grammar of arguments; pure
 *	verbs.def   the commands: in which state, and who obeys
 *	login.c	    CAPABILITY NOOP LOGOUT ID STARTTLS AUTHENTICATE LOGIN ENABLE
 *	select.c    SELECT EXAMINE CLOSE UNSELECT
 *	view.c	    the selected mailbox as this client sees it
 *	sync.c	    telling the client what changed; IDLE
 *	flags.c	    STORE		copy.c	COPY MOVE EXPUNGE
 *	append.c    APPEND
 *	name.c	    names of mailboxes: INBOX, UTF-7, patterns; pure
 *	mailbox.c   CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE STATUS
 *	list.c	    LIST LSUB NAMESPACE	quota.c	GETQUOTA GETQUOTAROOT
 *	fetch*.c    FETCH			search*.c SEARCH
 *
 * After the login everything goes over a channel to store that auth handed us:
 * it leads to this user's mailboxes and nowhere else.
 *
 * A command is read whole (but for a message that APPEND brings), then obeyed,
 * then answered.  Its text and what is made of it die with the next one.
 */
#ifndef IMAPD_SESSION_H
#define IMAPD_SESSION_H

#include "common/core/conf.h"
#include "common/task/conn.h"
#include "common/task/door.h"
#include "imapd/scan.h"
#include "imapd/view.h"

enum { LINK_WAIT = 30000 };	/* ms for auth and store to answer */

/* What the client has asked for by ENABLE (RFC 9051 6.3.1), or by a command
   that implies it (RFC 7162 3.1). */
enum enabled {
	ENABLED_REV2 = 1,	/* IMAP4rev2: UTF-8 names, ESEARCH, no RECENT */
	ENABLED_CONDSTORE = 2,	/* FETCH responses have MODSEQ */
	ENABLED_QRESYNC = 4,	/* VANISHED instead of EXPUNGE */
};

struct session {
	struct visit	*visit;
	struct conn	*conn;
	enum service	 service;
	uint64_t	 number;
	bool		 leaving;
	unsigned	 errors;
	unsigned	 enabled;	/* enum enabled */

	uint64_t	 login;		/* auth's number; 0: not logged in */
	struct link	*store;		/* the channel; NULL before the login */
	bool		 lost;		/* ... and it has ended */
	struct view	 view;		/* the selected mailbox */
	struct ranges	 saved;		/* UIDs found by SEARCH, for $ */

	/* the command being obeyed */
	struct buf	 text;		/* with its literals */
	struct slice	 tag;
	bool		 uid;		/* UID came before the verb */
	bool		 replied;	/* the tagged reply was written */
	bool		 may_expunge;	/* numbers may change before it */
	bool		 announced;	/* APPEND brings a message, */
	uint64_t	 literal;	/* ... of so many octets, unread, */
	bool		 literal_waits;	/* ... and the client wants to hear + */
	bool		 appending;	/* the first one was read */
	struct arena	 arena;		/* the command's */
};

extern const struct conf *imapd_conf;

/* session.c */
void		 session_run(struct visit *, struct conn *, enum service);
/* The tagged reply (RFC 9051 7.1); text may begin with a response code in
   brackets.  The first one of a command counts. */
void		 session_ok(struct session *, const char *fmt, ...)
		    __attribute__((format(printf, 2, 3)));
void		 session_no(struct session *, const char *fmt, ...)
		    __attribute__((format(printf, 2, 3)));
/* The command is not understood: why, and a client that says too many such
   things is sent away. */
void		 session_bad(struct session *, const char *why);
/* The arguments are not what the grammar wants: BAD with scan's reason. */
void		 session_misread(struct session *, const struct scan *);
/* What a call that was not OK means to the client: NO with a response code
   (RFC 5530). */
void		 session_failed(struct session *, enum wire_status);
/* Where untagged responses are written; sends when much has gathered, and lets
   other sessions run.  Never in the middle of a response. */
struct buf	*session_out(struct session *);

/* command.c */
/* Reads the next command into s->text and cuts off its tag; *args is behind
   it.  What can be no command was answered already (s->replied).  False: the
   session is over. */
bool		 command_read(struct session *, struct scan *args);
/* The rest of an APPEND, behind the message that was read: its text replaces
   the command's, whose tag stays.  False: the session is over, or the reply was
   written. */
bool		 command_rest(struct session *, struct scan *args);
/* Reads away what APPEND did not want.  False: too much, or the end. */
bool		 command_skip(struct session *);
/* May the message that was announced come as it was?  What is longer than 4,096
   octets must be asked for (RFC 7888 5). */
bool		 command_may_send(const struct session *);
/* From here on, or no more: a literal is to arrive within the time for message
   data, however slowly it comes (DOS-1).  Before the login that has its own. */
void		 command_deadline(struct session *, bool on);
/* Asks for a literal that was announced and not yet sent (RFC 9051 4.3). */
void		 command_go_on(struct session *);

#define VERB(name, fn, states, clause) \
	void	 fn(struct session *, struct scan *);
#include "imapd/verbs.def"

/* imapd.c */
struct link	*imapd_auth(void);
void		 imapd_logout(uint64_t login);

#endif
