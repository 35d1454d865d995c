/*
 * session.h - one POP3 session (RFC 1939).
 *
 *	pop3d.c	    the role: doors, links, limits
 *	session.c   greeting, the dialogue, the end
 *	verbs.def   the commands: in which state, and who obeys
 *	login.c	    CAPA STLS USER PASS AUTH
 *	maildrop.c  STAT LIST UIDL DELE RSET NOOP QUIT
 *	retrieve.c  RETR TOP
 *
 * After the login everything goes over a channel to store that auth handed
 * us: it leads to this user's INBOX and nowhere else.  Nothing is deleted
 * before QUIT, and then in one commit.
 *
 * Several sessions may have one maildrop open: UIDs name messages for ever, so
 * RFC 1939's exclusive lock would protect nothing and lock out a phone
 * whenever a desk forgot to hang up.
 */
#ifndef POP3D_SESSION_H
#define POP3D_SESSION_H

#include "common/core/conf.h"
#include "common/task/conn.h"
#include "common/task/door.h"

enum { LINK_WAIT = 30000 };	/* ms for auth and store to answer */

struct mail {			/* one message of the maildrop */
	uint64_t	 size;		/* octets */
	uint32_t	 uid;
	bool		 deleted;	/* marked; gone after QUIT */
};

struct session {
	struct visit	*visit;
	struct conn	*conn;
	enum service	 service;
	uint64_t	 number;
	bool		 leaving;
	unsigned	 errors;
	struct slice	 name;		/* of USER */
	uint64_t	 login;		/* auth's number; 0: not logged in */

	struct link	*store;		/* the channel; NULL before the login */
	uint32_t	 mailbox, uidvalidity;
	struct mail	*mails;		/* message n is mails[n - 1] */
	size_t		 n, cap;
	unsigned	 deleted;
	struct arena	 arena;
};

extern const struct conf *pop3d_conf;

/* session.c */
void		 session_run(struct visit *, struct conn *, enum service);
/* "+OK text", "-ERR text"; text may begin with a response code in brackets
   (RFC 2449 8). */
void		 session_ok(struct session *, const char *fmt, ...)
		    __attribute__((format(printf, 2, 3)));
void		 session_err(struct session *, const char *text);
/* No command may be obeyed twice from one read if the first changes who is
   talking: early input before STLS ends the session (SMTP-5). */
bool		 session_early(struct session *);

#define VERB(name, fn, state, doc) \
	void	 fn(struct session *, struct slice arg);
#include "pop3d/verbs.def"

/* login.c */
struct link	*pop3d_auth(void);	/* pop3d.c */
void		 pop3d_logout(uint64_t login);

/* maildrop.c */
/* Opens INBOX over the new channel; false: the reply is written. */
bool		 maildrop_open(struct session *);
/* The message a command names; NULL: the reply is written. */
struct mail	*maildrop_message(struct session *, struct slice number);
void		 maildrop_forget(struct session *);

#endif
