/*
 * relay.h - mail to other servers: the client side of SMTP (RFC 5321).
 *
 *	relay.c		birth and death; the tasks, each with one message
 *	deliver.c	one message, top to bottom
 *	hop.c		to which servers: smarthost, MX, addresses
 *	lookup.c	what resolver says of a name
 *	session.c	the dialogue up to the first message, and its end
 *	login.c		AUTH at a smarthost
 *	smart.c		the smarthosts and their passwords
 *	transaction.c	MAIL, RCPT, DATA
 *	body.c		the octets of the message, as this server can take them
 *	pool.c		sessions that wait for another message
 *	outcomes.def	what becomes of the recipients, step by step
 *	outcome.c	that table at work
 *	report.c	what the queue is told, and when it has heard it
 *
 * relay owns nothing.  A message is the queue's until the other side's 250 has
 * been reported *and* the report answered: until then relay keeps the result,
 * tells a new queue that it does (queue_relay), and reports again (hand-off
 * rule 9).  What is unclear is reported as LATER.
 *
 * Routing is decided anew at each try; an envelope holds facts only.
 */
#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "common/core/conf.h"
#include "common/core/link.h"
#include "common/core/terms.h"
#include "common/mail/response.h"
#include "common/task/conn.h"

enum {
	SERVERS_MAX = 20,	/* addresses looked at for one destination */
	TRIES_MAX = 5,		/* ... and called for one message */
	SESSION_MESSAGES = 100,	/* over one connection */
	LEASE_TIME = 60 * 60 * 1000,	/* ms for one message, but for the
					   last answer to it */
	DNS_WAIT = 60 * 1000,
	STREAM_WAIT = 60 * 1000,	/* for the next piece from queue */
};

/* ---- outcomes.def */

enum step {
#define STEP(NAME, name, seconds, done, go_on, no, never, garbled, closed, \
    silent, clause) STEP_##NAME,
#include "relay/outcomes.def"
	STEPS
};

/* What was heard at a step, in the order of the table's columns. */
enum heard { HEARD_DONE, HEARD_GO_ON, HEARD_NO, HEARD_NEVER, HEARD_GARBLED,
	HEARD_CLOSED, HEARD_SILENT, HEARDS };

enum fate { FATE_GO, FATE_HELO, FATE_CLEAR, FATE_NEXT, FATE_SHUT, FATE_OTHER,
	FATE_LATER, FATE_REFUSED, FATE_DONE };

struct step_row {
	const char	*name;
	uint64_t	 seconds;
	enum fate	 fates[HEARDS];
	const char	*clause;
};
extern const struct step_row step_rows[STEPS];
/* ms of each step; tests have less time than the RFC. */
extern uint64_t	 step_waits[STEPS];

/* code: of a reply, or 0. */
enum fate	 fate_of(enum step, enum heard, unsigned code);

/* What is known of a recipient, or of all of them.  The texts lie in the job's
   arena; remote is empty if the words are ours. */
struct verdict {
	enum fate	 fate;
	struct slice	 code;		/* RFC 3463 */
	struct slice	 text;
	struct slice	 remote;
};
/* A verdict of our own. */
struct verdict	 verdict_own(enum fate, const char *code, struct slice text);

/* ---- where to */

/* One address of one host. */
struct server {
	struct slice	 host;		/* without a dot at its end */
	struct sockaddr_storage address;
	socklen_t	 size;
	struct slice	 text;		/* of the address */
};

/* A smarthost, as it was configured when we began; it lives as long as we. */
struct smart {
	struct slice	 name;		/* smarthost_name */
	struct slice	 host;
	uint16_t	 port;
	struct slice	 user;		/* empty: no login */
	struct slice	 password;	/* empty: it could not be read; a reload
					   brings another */
};

struct hop {
	struct slice	 key;		/* of sessions that can be used */
	const struct smart *smart;	/* NULL: by MX */
	struct server	*servers;	/* in the order to call them */
	size_t		 n;
	struct verdict	 none;		/* why there is none, if n is 0 */
};

/* ---- one message */

struct rcpt {
	const struct wire_due *due;
	struct verdict	 verdict;
	bool		 open;		/* to be tried at the next server */
	bool		 accepted;	/* in the transaction under way */
	bool		 relayed;	/* NOTIFY went along (RFC 3461 5.2.2) */
};

struct lease {
	struct arena	*arena;
	struct queue_next_out next;
	struct rcpt	*rcpts;		/* next.n_recipients of them */
	uint64_t	 until;		/* when we give up on it */
	bool		 utf8;		/* envelope or header need SMTPUTF8 */
	bool		 sent;		/* what came over next.fd is gone */
	struct slice	 asked;		/* address of who has put it off over a
					   connection from the pool */
	struct node	 held;		/* report.c */
};

/* ---- one connection */

enum offer {				/* what EHLO said, as bits */
	OFFER_PIPELINING = 1,		/* RFC 2920 */
	OFFER_SIZE = 2,			/* RFC 1870 */
	OFFER_8BITMIME = 4,		/* RFC 6152 */
	OFFER_SMTPUTF8 = 8,		/* RFC 6531 */
	OFFER_DSN = 16,			/* RFC 3461 */
	OFFER_STARTTLS = 32,		/* RFC 3207 */
	OFFER_PLAIN = 64, OFFER_LOGIN = 128,	/* RFC 4954 */
};

struct session {
	struct conn	*conn;
	char		*key;		/* of its hop */
	char		*remote;	/* "host [address]" */
	char		*address;
	const struct smart *smart;	/* or NULL */
	uint64_t	 until;		/* the lease's */
	unsigned	 offers;
	uint64_t	 size_max;	/* 0: not said */
	bool		 open;		/* a transaction is: RSET before MAIL */
	bool		 ours;		/* it goes by our own name */
	bool		 alive;		/* worth keeping */
	const char	*refusal;	/* why we went no further, or NULL */
	unsigned	 messages;	/* transactions begun */

	/* the last reply */
	enum step	 step;
	enum heard	 heard;
	struct response	 said;

	struct node	 node;		/* pool.c */
	struct timer	 idle;
};

/* The other processes; tests put their own here. */
struct relay {
	struct link	*queue, *resolver;
	const struct conf *conf;
	uint16_t	 port;		/* of servers that MX records name */

	/* for status */
	uint64_t	 messages, delivered, refused, later;
	uint64_t	 connections, reused;
};
extern struct relay relay;

/* relay.c */
/* Is this address, at the port we call, a door of our own?  (RFC 5321 5.1) */
bool		 address_is_ours(const struct sockaddr_storage *);

/* deliver.c */
void		 deliver(struct lease *);

/* hop.c */
/* Looks the servers up; called for no destination for which a connection waits
   in the pool. */
void		 hop_find(struct hop *, struct lease *);

/* lookup.c */
struct mail_host {
	struct slice	 name;
	unsigned	 preference;
};
/* The mail exchangers of a domain, at most *n, best first; false: none, and
   *why is the verdict. */
bool		 lookup_mx(struct arena *, struct slice domain,
		    struct mail_host *, size_t *n, struct verdict *why);
/* Appends the addresses of a host to servers, whose size is SERVERS_MAX. */
enum dns	 lookup_host(struct arena *, struct slice host,
		    struct server *servers, size_t *n);

/* session.c */
/* Calls a server and greets it: FATE_GO, or what becomes of the message.  The
   session is there in either case, to be asked for its words and ended. */
enum fate	 session_begin(struct session **, const struct hop *,
		    const struct server *, uint64_t until);
/* Reads the reply of a step. */
enum fate	 session_hear(struct session *, enum step);
/* The verdict that the last reply, or its absence, means. */
struct verdict	 session_verdict(const struct session *, struct arena *,
		    enum fate);
/* QUIT, without waiting for an answer, and the end.  May be called outside of
   tasks. */
void		 session_end(struct session *);

/* login.c */
enum fate	 session_login(struct session *);

/* smart.c */
/* A password file, before smart_load and smart_reload. */
void		 smart_file(struct slice path, int fd, struct slice why);
void		 smart_load(const struct conf *);
/* Takes the passwords alone. */
void		 smart_reload(const struct conf *);
/* The one of this name, or NULL. */
const struct smart *smart_named(struct slice);

/* transaction.c */
/* One transaction for all open recipients, who then have their verdicts.
   True: some were only too many for one, and may have another at once. */
bool		 transaction(struct session *, struct lease *);

/* body.c */
/* Sends it, with dots doubled, lines broken and its end.  False: it broke
   off, and the connection must be closed. */
bool		 body_send(struct session *, struct lease *);

/* pool.c */
struct session	*pool_take(struct slice key);	/* or NULL */
void		 pool_put(struct session *);	/* ends it after a while */
void		 pool_end(void);		/* ends them all */

/* report.c */
void		 report_start(void);	/* before the first queue_next */
void		 report_hold(struct lease *);	/* from queue_next on ... */
void		 report(struct lease *);	/* ... until this returns */

#endif
