/*
 * sasl.h - what a client says in AUTH, shared by SMTP, POP3 and IMAP: the
 * PLAIN message (RFC 4616) and the two answers of LOGIN.  Pure.
 */
#ifndef TASK_SASL_H
#define TASK_SASL_H

#include "common/core/arena.h"

enum { SASL_LINE_MAX = 12288 };	/* octets, RFC 4954 4 */

/* Both lie in the arena's lifetime; wipe with sasl_forget when done. */
struct sasl {
	struct slice	 name;
	struct slice	 password;
};

/* base64 of authzid NUL authcid NUL password.  An authzid is accepted only if
   it is the authcid: nobody acts for somebody else here.  False: misspelt,
   then nothing is kept (PARSE-7). */
bool		 sasl_plain(struct arena *, struct slice base64, struct sasl *);
/* One answer of LOGIN: base64 of text without NUL, not empty. */
bool		 sasl_text(struct arena *, struct slice base64, struct slice *);
void		 sasl_forget(struct sasl *);

#endif
