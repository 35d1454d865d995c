/*
 * domain.h - the domains we take mail for.
 */
#ifndef CTL_DOMAIN_H
#define CTL_DOMAIN_H

#include "common/core/link.h"

/* Asks auth; for the advice in an error, not before a change. */
bool		 domain_is_ours(struct link *auth, struct slice name);
/* Auth refused to make this address: ends the command with its reason and
   the command that helps. */
void		 address_refused(struct link *auth, struct slice address,
		    const char *what, struct slice why)
		    __attribute__((noreturn));

/* What was removed and is still a target: no error, but worth knowing. */
void		 aliases_warn(struct slice address, const struct wire_target *,
		    size_t n);

#endif
