/*
 * addrlist.h - address lists in header fields (RFC 5322 3.4), with the
 * obsolete forms (4.4) and the mistakes that real mail makes.
 *
 * It never fails: what cannot be an address becomes one with an empty
 * domain, so that people still see what the field said.  addr.h is the strict
 * grammar of SMTP; nothing found here decides where mail goes.
 *
 * Text is unquoted and unescaped but not decoded: encoded words (words.h)
 * stay, as the ENVELOPE of RFC 9051 7.5.2 wants them.
 */
#ifndef MAIL_ADDRLIST_H
#define MAIL_ADDRLIST_H

#include "common/core/arena.h"

enum {
	ADDRLIST_MAX = 10000,		/* addresses in one field (PARSE-5) */
};

enum address_kind {
	ADDRESS_MAILBOX,
	ADDRESS_GROUP,		/* a group begins; local is its name */
	ADDRESS_GROUP_END,
};

struct address {
	enum address_kind kind;
	struct slice	 name;		/* display name, or the comment behind
					   it; p is NULL if there is none */
	struct slice	 route;		/* obs-route, "@a,@b"; or NULL */
	struct slice	 local;
	struct slice	 domain;	/* p is NULL if there was no "@" */
};

/* Zeroed but for rest: where we are in a field body (folded or not). */
struct addrlist {
	struct slice	 rest;
	size_t		 n;		/* addresses given so far */
	bool		 group;		/* inside a group */
};

/* The next address, its text in the arena (or in the field); false at the
   end or after ADDRLIST_MAX. */
bool		 addrlist_next(struct arena *, struct addrlist *,
		    struct address *);

#endif
