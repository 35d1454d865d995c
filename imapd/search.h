/*
 * search.h - SEARCH: a program of keys, and whether a message fulfils it.
 *
 *	search.c	the command and its responses
 *	search_keys.c	reading the keys (RFC 9051 6.4.4)
 *	search_match.c	one message against the program
 *	text.c		text as it is compared: UTF-8, without case
 *
 * Keys are asked in order of what they cost: the row, the digest, the octets.
 * So a search by flags or sizes reads no digest, and one by SUBJECT reads no
 * message.
 */
#ifndef IMAPD_SEARCH_H
#define IMAPD_SEARCH_H

#include "imapd/fetch.h"

enum key_kind {
	KEY_ALL, KEY_AND, KEY_OR, KEY_NOT,
	/* the row */
	KEY_UIDS, KEY_FLAGS, KEY_BEFORE, KEY_SINCE, KEY_LARGER, KEY_SMALLER,
	KEY_MODSEQ,
	/* the digest */
	KEY_SENT_BEFORE, KEY_SENT_SINCE, KEY_SUBJECT, KEY_FROM, KEY_TO,
	KEY_CC, KEY_BCC,
	/* the octets */
	KEY_HEADER, KEY_BODY, KEY_TEXT,
};

enum { KEYS_MAX = 2000 };		/* in one command */

struct key {
	enum key_kind	 kind;
	unsigned	 want;		/* what box_list must bring for it and
					   its children: enum want */
	struct key	*next;		/* sibling, none cheaper than this */
	struct key	*child;		/* of AND, OR, NOT */
	struct ranges	*uids;
	uint64_t	 bits;		/* FLAGS: all of these are set */
	int64_t		 day;		/* since 1970 */
	uint64_t	 number;	/* octets, MODSEQ */
	struct slice	 field;		/* HEADER */
	struct slice	 text;		/* as text_fold makes it */
};

/* Reads keys until the end.  NULL: misread, or NO was said (s->replied); the
   ranges in it are freed by keys_free. */
struct key	*keys_scan(struct session *, struct scan *, struct slice
		    charset);
void		 keys_free(struct key *);
/* Settles `want` and the order of siblings; returns what all of them want. */
unsigned	 keys_order(struct key **);
/* Was MODSEQ among the keys (RFC 7162 3.1.5)? */
bool		 keys_modseq(const struct key *);
/* The letter was opened with the key's `want`. */
bool		 key_matches(const struct key *, struct letter *);

#endif
