/*
 * addr.h - mail addresses as SMTP writes them (RFC 5321 4.1.2).
 *
 * An address is kept in canonical form: the local part without quotes and
 * backslashes, the domain in lower case.  So two spellings of one mailbox
 * compare equal with memcmp, and addr_print gives back the one spelling we
 * use everywhere else: in IPC, in the spool, in the log.
 *
 * Parsing copies into the arena given; the slices of a struct addr live as
 * long as that.  Errors are values: which rule, and the offset of the octet
 * that broke it.
 *
 * The local part has no limit of its own, only that of the path: 64 octets is
 * what everybody must take (RFC 5321 4.5.3.1.1), and senders rewritten by SRS
 * or VERP are often longer.
 *
 * Only ASCII letters are folded.  Domains with U-labels (RFC 6531) are kept
 * as written: comparing them with their A-label form is the caller's task.
 */
#ifndef MAIL_ADDR_H
#define MAIL_ADDR_H

#include "common/core/arena.h"

enum {				/* octets, RFC 5321 4.5.3.1 */
	ADDR_DOMAIN_MAX = 255,
	ADDR_LABEL_MAX = 63,	/* RFC 1035 2.3.4 */
	ADDR_PATH_MAX = 256,	/* with "<" and ">" */
	ADDR_PARAMS_MAX = 20,	/* ours: more parameters than are defined */
};

/* What was seen in an address. */
enum addr_flag {
	ADDR_NULL = 1,		/* <>, the null reverse-path */
	ADDR_ROUTE = 2,		/* a source route stood before it, dropped */
	ADDR_QUOTED = 4,	/* the local part must be quoted in print */
	ADDR_LITERAL = 8,	/* domain is [1.2.3.4] or [IPv6:...] */
	ADDR_ODD = 16,		/* %, ! or @ in the local part: never relay
				   to it (SMTP-7) */
	ADDR_UTF8 = 32,		/* octets over 127: needs SMTPUTF8 */
};

struct addr {
	struct slice	 local;		/* unquoted; empty if ADDR_NULL */
	struct slice	 domain;	/* lower case; empty: none given */
	unsigned	 flags;
};

/* Which forms are allowed. */
enum addr_how {
	ADDR_MAY_NULL = 1,	/* <>: MAIL FROM */
	ADDR_MAY_BARE = 2,	/* <postmaster> without domain: RCPT TO */
	ADDR_MAY_UTF8 = 4,	/* RFC 6531 3.3 */
	ADDR_MAIL = ADDR_MAY_NULL,
	ADDR_RCPT = ADDR_MAY_BARE,
};

enum addr_fault {
	ADDR_OK,
	ADDR_SYNTAX,		/* not an address */
	ADDR_LONG,		/* a part is over its limit */
	ADDR_NONASCII,		/* octets over 127 without ADDR_MAY_UTF8 */
	ADDR_PARAM,		/* a parameter is misspelt or given twice */
	ADDR_PARAMS,		/* too many parameters */
};

struct addr_error {
	enum addr_fault	 fault;
	size_t		 at;		/* offset in the slice parsed */
};

/* One ESMTP parameter.  Both slices point into the command line. */
struct param {
	struct slice	 key;
	struct slice	 value;		/* p is NULL if there was no "=" */
};

/* The argument of MAIL FROM: or RCPT TO:, that is, what follows the colon. */
struct path {
	struct addr	 addr;
	struct param	 params[ADDR_PARAMS_MAX];
	size_t		 n;
};

/* Blanks after the colon and at the end are tolerated (RFC 5321 4.1.1). */
bool		 path_parse(struct arena *, struct slice, unsigned how,
		    struct path *, struct addr_error *);
/* The parameter of that name, upper or lower case; NULL: not given. */
const struct param *path_param(const struct path *, const char *key);

/* A Mailbox (local@domain) without brackets; how as above. */
bool		 addr_parse(struct arena *, struct slice, unsigned how,
		    struct addr *, struct addr_error *);
/* A Domain alone (HELO, configuration): in lower case into the arena; false
   if it is not one.  No address literal. */
bool		 addr_domain(struct arena *, struct slice, unsigned how,
		    struct slice *domain);
/* Is this an address literal in brackets? */
bool		 addr_is_literal(struct slice);

/* The one spelling: local@domain, quoted only if it must be; nothing for
   the null path. */
void		 addr_print(struct buf *, const struct addr *);
struct slice	 addr_text(struct arena *, const struct addr *);
/* Same mailbox?  The domain without case, the local part octet by octet
   (RFC 5321 2.4). */
bool		 addr_eq(const struct addr *, const struct addr *);
/* Splits "ann+shop" at the first separator that is not its first octet.
   False: there is no detail; user is then the whole local part (RFC 5233). */
bool		 addr_split(struct slice local, char separator,
		    struct slice *user, struct slice *detail);

/* xtext of RFC 3461 4, as in ENVID=, ORCPT= and AUTH=.  Decoding appends;
   false if it is misspelt or hides a NUL, CR or LF (buf is then as before). */
bool		 xtext_decode(struct buf *, struct slice);
void		 xtext_encode(struct buf *, struct slice);

#endif
