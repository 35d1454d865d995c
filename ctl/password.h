/*
 * password.h - a password comes by a prompt, by standard input, or is made
 * up; never in an argument or the environment, where others can read it
 * (CLI-6, UX-21).
 *
 * A struct secret is wiped with secret_wipe as soon as it was sent.
 */
#ifndef CTL_PASSWORD_H
#define CTL_PASSWORD_H

#include "common/core/buf.h"

enum { SECRET_MAX = 511 };		/* bytes; crypt(3) takes no more */

struct secret {
	char		 text[SECRET_MAX + 1];	/* NUL-terminated */
	size_t		 n;
};

/* As the options say: --generate, --password-stdin, or asks twice. */
void		 secret_get(struct secret *);
/* The first line of standard input; what it is, for the error. */
void		 secret_read(struct secret *, const char *what);
void		 secret_make(struct secret *);
struct slice	 secret_view(const struct secret *);
void		 secret_wipe(struct secret *);

#endif
