/*
 * srs.h - the Sender Rewriting Scheme: return paths of what we forward.
 *
 * A server that forwards a message keeps its sender in the envelope, and who
 * receives it may refuse that (SPF, RFC 7208 D.1): the sender's domain does not
 * name the forwarder.  So it goes on with an address of ours that has the
 * sender in it, and a report to that address goes back to him:
 *
 *	ann@a.example, forwarded by us		SRS0=HASH=DD=a.example=ann@us
 *	SRS0=xyz@b.example, forwarded by b	SRS1=HASH=b.example==xyz@us
 *	SRS1=h=b.example==xyz@c.example		SRS1=HASH=b.example==xyz@us
 *
 * However long the chain, a report goes from its end to us, from us to the
 * first forwarder (b), and from there to the sender.
 *
 * HASH, six digits of base 32, is keyed with a secret: nobody else can make an
 * address that sends mail through us.  DD, two digits, is the day, modulo 1024:
 * what was made more than SRS_DAYS ago leads nowhere.  Both are read without
 * case, and the rest is hashed in lower case, since some hosts fold a local
 * part.
 *
 * A local part gets longer than the 64 octets that RFC 5321 4.5.3.1.1 has
 * everybody take, as those of other forwarders do; an address that would be
 * longer than a path may be is not made.
 */
#ifndef AUTH_SRS_H
#define AUTH_SRS_H

#include "common/mail/addr.h"

enum {
	SRS_KEY = 32,		/* bytes */
	SRS_DAYS = 21,		/* longer than anybody's queue keeps mail */
};

struct srs_key {
	unsigned char	 bytes[SRS_KEY];
};

/* The address at our domain with this sender in it; empty: it would be too
   long, or he has no name ("").  day: since 1970. */
struct slice	 srs_make(struct arena *, const struct srs_key *,
		    const struct addr *sender, struct slice domain,
		    uint64_t day);

enum srs { SRS_NOT,		/* it does not look like one */
	SRS_BAD,		/* forged, or too old */
	SRS_GOOD };
/* Whom an address of ours has in it. */
enum srs	 srs_read(struct arena *, const struct srs_key *,
		    struct slice local, uint64_t day, struct slice *address);

#endif
