/*
 * session.h - one SMTP or LMTP session.
 *
 *	smtpd.c	    the role: doors, links, limits
 *	session.c   greeting, the dialogue, the end
 *	verbs.def   the commands: who may say them when, and who obeys
 *	hello.c	    EHLO HELO LHLO STARTTLS NOOP RSET VRFY EXPN HELP
 *		    QUIT
 *	login.c	    AUTH
 *	envelope.c  MAIL RCPT
 *	data.c	    DATA BDAT: the octets of a message
 *	message.c   what is done to a message on its way to queue
 *	token.c	    the hash that tells a repeated transaction
 *
 * A command is one function: it reads its argument, checks, acts, and appends
 * one reply.  Nothing of a session outlives it but what queue has answered
 * for.
 */
#ifndef SMTPD_SESSION_H
#define SMTPD_SESSION_H

#include "common/core/conf.h"
#include "common/mail/addr.h"
#include "common/mail/reply.h"
#include "common/task/conn.h"
#include "common/task/door.h"

enum { LINK_WAIT = 30000 };	/* ms for auth and queue to answer a question */

struct rcpt {
	struct slice	 address;
	bool		 local;		/* auth_rcpt said so */
	uint8_t		 notify;	/* enum notify, RFC 3461 4.1 */
	struct slice	 orcpt;		/* type;address, RFC 3461 4.2 */
};

/* From MAIL to the end of the message, or RSET: a mail transaction
   (RFC 5321 3.3). */
struct transaction {
	bool		 open;
	bool		 chunked;	/* a BDAT has been accepted */
	struct slice	 return_path;
	uint64_t	 size;		/* SIZE=, 0: not said */
	uint8_t		 ret;		/* enum ret, RFC 3461 4.3 */
	struct slice	 envid;		/* RFC 3461 4.4 */
	struct rcpt	*rcpts;
	size_t		 n, cap;
	struct arena	 arena;
	struct message	*message;	/* being received, or NULL */
};

struct session {
	struct visit	*visit;
	struct conn	*conn;
	enum service	 service;
	uint64_t	 number;	/* in the log */
	struct slice	 helo;		/* empty: not said */
	bool		 extended;	/* EHLO or LHLO: extensions are on */
	bool		 lmtp, submission;
	bool		 local;		/* a program of this machine, through
					   drop: who it is the system knows */
	bool		 leaving;	/* the reply that ends it is written */
	unsigned	 errors, unknown;
	uint64_t	 user, login;	/* 0: not authenticated */
	uint64_t	 stamp;		/* of that login, for auth_sender */
	struct transaction tx;
	struct arena	 arena;		/* until the next EHLO or STARTTLS */
};

/* The configuration in effect; replaced by a reload. */
extern const struct conf *smtpd_conf;

/* session.c */
void		 session_run(struct visit *, struct conn *, enum service);
void		 session_reply(struct session *, enum reply, struct slice);
/* A reply after which the connection is closed. */
void		 session_leave(struct session *, enum reply);
/* Forgets the transaction, if any (RFC 5321 4.1.1.5). */
void		 session_reset(struct session *);
/* May the client send more before it has our reply?  If it did and may not,
   it hears so and is left: true (SMTP-4, RFC 2920 3.1). */
bool		 session_early(struct session *);

/* The commands; arg is what follows the verb and its blank. */
#define VERB(name, fn, flags, clause) \
	void	 fn(struct session *, struct slice arg);
#include "smtpd/verbs.def"

/* message.c */
struct message	*message_begin(struct session *);
/* More octets of the body, as they are to be kept.  Never fails: what went
   wrong is said by message_end. */
void		 message_body(struct message *, struct slice);
/* These octets came by BDAT: their line ends are checked here. */
void		 message_chunked(struct message *);
/* Has something gone wrong that need not wait for the end?  Then that was
   the reply. */
bool		 message_refused(struct message *, struct session *);
/* Gives it to queue and replies once it is safe, or was refused; frees. */
void		 message_end(struct session *, struct message *);
/* Forgets it; queue drops what it got.  NULL is allowed. */
void		 message_drop(struct message *);

/* smtpd.c */
struct link	*smtpd_auth(void);
struct link	*smtpd_queue(void);
void		 smtpd_logout(uint64_t login);	/* tells auth */

#endif
