/*
 * name.h - what an address is called among the accounts.
 *
 * A name is the domain, a NUL, and the local part without quotes, ASCII
 * letters in lower case: "example.org\0ann".  So all names of a domain are
 * neighbours when sorted, and two spellings of an address are one name.  We
 * fold the local part too, as a receiving host may (RFC 5321 2.4).
 *
 * An empty local part names the catch-all of a domain, written @example.org.
 */
#ifndef AUTH_NAME_H
#define AUTH_NAME_H

#include "common/mail/addr.h"

struct name {
	size_t		 n;
	char		 text[ADDR_PATH_MAX];
};

/* False: too long to be an address. */
bool		 name_make(struct name *, struct slice local,
		    struct slice domain);
struct slice	 name_view(const struct name *);

/* The parts of a name, in it.  Without a NUL it is a domain. */
struct slice	 name_domain(struct slice);
struct slice	 name_local(struct slice);
/* The address, with quotes where they must be. */
void		 name_print(struct buf *, struct slice);
struct slice	 name_text(struct arena *, struct slice);

/* Reads an address as any call may carry it: with or without domain, also in
   UTF-8.  False: it is none. */
bool		 address_read(struct arena *, struct slice, struct addr *);
/* The same for what may have an account or an alias: with a domain, not a
   literal, short enough; with `catch_all`, also @domain. */
bool		 address_name(struct arena *, struct slice, bool catch_all,
		    struct name *);

#endif
