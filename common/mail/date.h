/*
 * date.h - date-time of RFC 5322 3.3.
 *
 * Times are seconds since 1970 in UTC.  Nothing here asks the clock, the
 * time zone or the locale.
 */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include "common/core/buf.h"

struct date {
	int64_t		 when;		/* seconds since 1970, UTC */
	int		 zone;		/* minutes east of UTC */
};

/* "Mon, 23 Nov 2026 10:11:12 +0000", for years 1900 to 9999. */
void		 date_print(struct buf *, int64_t when);
/* The same with a zone: the local time it shows is when + zone minutes. */
void		 date_print_zone(struct buf *, struct date);
/* Reads the same and the obsolete forms of RFC 5322 4.3: comments, years of
   two and three digits, zone names, no seconds, no weekday.  The weekday is
   not checked.  False if it is no date. */
bool		 date_parse(struct slice, struct date *);

/* Civil date to days since 1970-01-01 (proleptic Gregorian) and back. */
int64_t		 date_days(int64_t year, unsigned month, unsigned day);
void		 date_civil(int64_t days, int64_t *year, unsigned *month,
		    unsigned *day);

#endif
