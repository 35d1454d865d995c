/*
 * packet.h - what a DNS message says about a name.
 *
 * A message (RFC 1035 4.1) is a header of 12 octets and four sections:
 *
 *	 0  2  id
 *	 2  2  flags; the lowest four bits are the response code
 *	 4  8  four counts: question, answer, authority, additional
 *	12  .. questions: name, type 2, class 2
 *	    .. records: name, type 2, class 2, TTL 4, length 2, data
 *
 * A name may end in a pointer, 11 and 14 bits, to an earlier place (4.1.4).
 *
 * From the name asked for we follow the CNAMEs of the answer section to its
 * data.  Pointers lead backwards only and chains have an end, so that a
 * message costs a time bounded by its size.
 */
#ifndef RESOLVER_PACKET_H
#define RESOLVER_PACKET_H

#include "common/core/arena.h"
#include "common/core/terms.h"
#include "common/mail/rdata.h"

enum { CHAIN_MAX = 16 };	/* CNAMEs followed for one question */

struct records {
	enum dns	 result;	/* never BOGUS */
	struct dname	 canonical;	/* where the chain of CNAMEs ended */
	unsigned	 links;		/* of that chain */
	uint32_t	 ttl;		/* seconds; the least of all used */
	struct slice	*data;		/* uncompressed; in the arena */
	size_t		 n;
};

/* False: not a DNS message, or one that does not fit together. */
bool		 packet_read(struct slice packet, const struct dname *asked,
		    unsigned type, struct arena *, struct records *);

#endif
