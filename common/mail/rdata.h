/*
 * rdata.h - domain names and the data of resource records, in wire form.
 *
 * A name is kept as RFC 1035 3.1 puts it on the wire: labels, each behind its
 * length, and the empty label of the root.  Letters are lower case, so equal
 * names are equal octets (RFC 4343).  Names are always absolute: there are no
 * search lists here, and "example" is the top-level domain.
 *
 *	 0  1  length of the first label, 1 to 63; 0: this is the end
 *	 1  n  the label
 *	 ...   at most 255 octets in all (RFC 1035 2.3.4)
 *
 * As text, labels are joined by dots and the dot at the end is left out; the
 * root is ".".  An octet of a label that is a dot, a backslash or not
 * printable is written \DDD (RFC 1035 5.1), so a text leads back to the same
 * octets and never holds a blank, NUL, CR or LF.
 *
 * Everything read here is hostile; lengths must fit exactly.  Nothing
 * allocates.  Data comes without compression (RFC 1035 4.1.4 is resolver's).
 */
#ifndef MAIL_RDATA_H
#define MAIL_RDATA_H

#include "common/core/buf.h"

enum rr {			/* RFC 1035 3.2.2, 3596 2.1, 6698 7.1 */
	RR_A = 1,
	RR_NS = 2,
	RR_CNAME = 5,
	RR_SOA = 6,
	RR_PTR = 12,
	RR_MX = 15,
	RR_TXT = 16,
	RR_AAAA = 28,
	RR_TLSA = 52,
};

enum {
	DNAME_MAX = 255,		/* octets */
	DNAME_LABEL_MAX = 63,
	DNAME_TEXT_MAX = 4 * DNAME_MAX,	/* of its text */
};

struct dname {
	uint8_t		 n;		/* octets; 0: not a name */
	char		 wire[DNAME_MAX];
};

/* From text; a dot at the end may be there or not.  False: no such name can
   exist (a label of 0 or over 63 octets, over 255 in all, a bad escape). */
bool		 dname_parse(struct slice text, struct dname *);
/* Appends the text. */
void		 dname_show(const struct dname *, struct buf *);
bool		 dname_eq(const struct dname *, const struct dname *);
bool		 dname_is_root(const struct dname *);
/* Is it made of letters, digits, hyphens and underscores, as names of hosts
   are?  (RFC 1123 2.1; the underscore is in use.)  Not the root. */
bool		 dname_is_host(const struct dname *);
/* Cuts an uncompressed name off the data. */
bool		 dname_cut(struct slice *data, struct dname *);

/* RFC 1035 3.3.9.  preference 0 and the root: a null MX (RFC 7505 3). */
struct mx {
	unsigned	 preference;
	struct dname	 host;
};
bool		 rdata_mx(struct slice data, struct mx *);
/* CNAME, NS, PTR: one name. */
bool		 rdata_name(struct slice data, struct dname *);
/* A (4 octets) or AAAA (16) as text, with a NUL, of at most 46 octets;
   false if the data has not that length.  The octets themselves are data. */
enum { RDATA_ADDRESS_TEXT = 46 };
bool		 rdata_address(enum rr, struct slice data,
		    char text[RDATA_ADDRESS_TEXT]);

#endif
