/*
 * cte.h - undoing Content-Transfer-Encodings (RFC 2045 6) and the two
 * encodings of encoded words (RFC 2047 4).
 *
 * What is not well encoded is read as far as it can be, never refused.
 */
#ifndef MAIL_CTE_H
#define MAIL_CTE_H

#include "common/core/buf.h"

enum cte {
	CTE_NONE,		/* 7bit, 8bit, binary, or no field */
	CTE_QUOTED,		/* quoted-printable */
	CTE_BASE64,
	CTE_UNKNOWN,
};

/* The value of a Content-Transfer-Encoding field. */
enum cte	 cte_named(struct slice);
/* Appends the octets; of CTE_NONE and CTE_UNKNOWN as they are. */
void		 cte_decode(struct buf *, enum cte, struct slice);
/* The "Q" encoding: as quoted-printable, "_" is a space (RFC 2047 4.2). */
void		 cte_decode_q(struct buf *, struct slice);
/* The value of a hexadecimal digit of either case, or -1. */
int		 hex_digit(char);

#endif
