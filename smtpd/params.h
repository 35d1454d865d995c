/*
 * params.h - the parameters of MAIL and RCPT: SIZE (RFC 1870), BODY (RFC
 * 6152), AUTH of those who are logged in (RFC 4954 5, whose value we take no
 * notice of), and RET, ENVID, NOTIFY, ORCPT of DSN (RFC 3461 4).
 *
 * ENVID and ORCPT are kept without their xtext: whoever passes them on encodes
 * them anew.
 */
#ifndef SMTPD_PARAMS_H
#define SMTPD_PARAMS_H

#include "smtpd/session.h"

enum {				/* octets, RFC 3461 4.2 and 4.4 */
	ORCPT_MAX = 500,
	ENVID_MAX = 100,
};

/* REPLIES: all is well, and the transaction or *r has it. */
enum reply	 params_mail(struct session *, const struct path *);
enum reply	 params_rcpt(struct arena *, const struct path *,
		    struct rcpt *r);

#endif
