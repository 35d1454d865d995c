/*
 * dropped.h - the file in which a local program leaves a message: sendmail
 * writes it, drop reads it.
 *
 *	postino drop 1			the format
 *	size 0000000012345		octets of the message, 13 digits
 *	from ann@example.org		the return path; nothing behind the
 *					blank: the null one
 *	to bob@example.org		once for each recipient
 *	notify 6			of all of them (enum notify); optional
 *	ret 2				enum ret; optional
 *	envid abc			RFC 3461 4.4, as xtext; optional
 *					an empty line
 *	From: ann@example.org CR LF	the message, its lines ended by CR LF
 *	...
 *
 * Lines above the empty one end in LF.  Whoever reads it trusts nothing: a
 * file may come from anybody who gets hold of the folder.  No value has a
 * control character; that an address is one, the reader has yet to see.
 */
#ifndef MAIL_DROPPED_H
#define MAIL_DROPPED_H

#include "common/core/arena.h"

enum {
	DROPPED_RCPTS = 10000,
	DROPPED_HEAD = 4 * 1024 * 1024,	/* octets above the message, at most */
};

/* Folder below the data folder; in it, what is not finished begins with a
   dot, and DROPPED_WAKE is a FIFO that takes an octet to tell of a file. */
#define DROPPED_FOLDER	"drop"
#define DROPPED_WAKE	".wake"

struct dropped {
	struct slice	 from;
	struct slice	*to;
	size_t		 n;
	uint8_t		 notify, ret;
	struct slice	 envid;
	uint64_t	 size;		/* of the message */
	size_t		 head;		/* octets above it */
};

/* Appends all that stands above the message. */
void		 dropped_write(const struct dropped *, struct buf *);
/* Reads it from the first octets of a file (at least DROPPED_HEAD of them, or
   all).  The slices point into the text, the list lies in the arena. */
bool		 dropped_read(struct slice text, struct arena *,
		    struct dropped *);

#endif
