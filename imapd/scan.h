/*
 * scan.h - the grammar of command arguments (RFC 9051 9), read from the text
 * of one whole command.  Pure.
 *
 * The text is what the client sent, literals in their place: "{5}", CR LF and
 * five octets.  Each function takes its piece off the front; the first that
 * cannot latches `why`, what was expected, and from then on all say false, so
 * that a command reads in one expression:
 *
 *	if (!scan_space(a) || !scan_mailbox(a, &name) || !scan_end(a))
 *		return session_misread(s, a);
 *
 * Strings are slices of the text, or lie in the arena where they had to be
 * unescaped.  Everything is linear in the text; nesting is bounded.
 */
#ifndef IMAPD_SCAN_H
#define IMAPD_SCAN_H

#include "common/core/arena.h"
#include "common/core/ranges.h"

struct scan {
	struct slice	 rest;
	struct arena	*arena;
	const char	*why;		/* NULL so far; what was expected */
	bool		 utf8;		/* mailbox names are UTF-8 (rev2) */
};

/* A sequence set (RFC 9051 9, seq-set): each pair as written, "*" as
   UINT32_MAX; from <= to; in order of from. */
struct seqset {
	struct range	*r;
	size_t		 n;
	bool		 saved;		/* it was "$" (RFC 5182) */
};

enum {
	SCAN_DEPTH_MAX = 50,		/* nested parentheses */
	SEQSET_MAX = 20000,		/* ranges in one set */
};

/* Latches why (if nothing was latched before); always false. */
bool		 scan_fail(struct scan *, const char *why);

bool		 scan_space(struct scan *);		/* exactly one */
bool		 scan_end(struct scan *);		/* nothing is left */
bool		 scan_char(struct scan *, char);
/* Is this next?  Then it is taken.  These never fail. */
bool		 scan_is(struct scan *, char);
/* A word, without case, with no atom character behind it. */
bool		 scan_is_word(struct scan *, const char *);
bool		 scan_next_is(const struct scan *, char);	/* looks only */
bool		 scan_at_end(const struct scan *);

bool		 scan_atom(struct scan *, struct slice *);
bool		 scan_tag(struct scan *, struct slice *);
/* Letters, digits, "-", "." : names of data items, keys, codes. */
bool		 scan_word(struct scan *, struct slice *);
bool		 scan_number(struct scan *, uint32_t *);
bool		 scan_number64(struct scan *, uint64_t *);	/* 63 bits */
bool		 scan_nz_number(struct scan *, uint32_t *);
/* quoted or literal (also literal8, "~{5}") */
bool		 scan_string(struct scan *, struct slice *);
bool		 scan_astring(struct scan *, struct slice *);
/* A string or NIL; p is NULL for that. */
bool		 scan_nstring(struct scan *, struct slice *);
/* A mailbox name as UTF-8, INBOX in capitals (name.h). */
bool		 scan_mailbox(struct scan *, struct slice *);
/* The same, but a pattern: "%" and "*" may be in it. */
bool		 scan_pattern(struct scan *, struct slice *);
bool		 scan_seqset(struct scan *, struct seqset *);

/* System flags as bits, keywords as names (RFC 9051 2.3.2).  parens: they
   must be in parentheses; else they may be. */
struct flag_names {
	uint64_t	 system;	/* bits of terms.h */
	struct slice	*keywords;
	size_t		 n;
};
bool		 scan_flags(struct scan *, bool parens, struct flag_names *);
/* "17-Jul-1996 02:44:25 -0700" in quotes: seconds since 1970. */
bool		 scan_date_time(struct scan *, int64_t *);
/* 17-Jul-1996, perhaps quoted: days since 1970. */
bool		 scan_date(struct scan *, int64_t *);

#endif
