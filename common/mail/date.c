#include "common/mail/date.h"

static const char days[7][4] = {
	"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"
};
static const char months[12][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
};

/*
 * The calendar repeats every 400 years of 146,097 days.  Years begin in March
 * here, so that the day that is sometimes there is the last one; the months
 * from March on then begin at day (153 * m + 2) / 5.
 */
int64_t
date_days(int64_t year, unsigned month, unsigned day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t m = (month + 9) % 12;
	int64_t of_year = (153 * m + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	    of_year - 719468;
}

void
date_civil(int64_t since, int64_t *year, unsigned *month, unsigned *day)
{
	int64_t z = since + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t in = z - era * 146097;
	int64_t y = (in - in / 1460 + in / 36524 - in / 146096) / 365;
	int64_t of_year = in - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * of_year + 2) / 153;

	*day = (unsigned)(of_year - (153 * m + 2) / 5 + 1);
	*month = (unsigned)(m < 10 ? m + 3 : m - 9);
	*year = y + era * 400 + (*month <= 2);
}

void
date_print_zone(struct buf *b, struct date d)
{
	int64_t local = d.when + (int64_t)d.zone * 60;
	int64_t day = (local >= 0 ? local : local - 86399) / 86400;
	int64_t second = local - day * 86400, year;
	unsigned month, mday, zone = (unsigned)(d.zone < 0 ? -d.zone : d.zone);

	date_civil(day, &year, &month, &mday);
	buf_printf(b, "%s, %u %s %04d %02d:%02d:%02d %c%02u%02u",
	    days[((day + 4) % 7 + 7) % 7], mday, months[month - 1], (int)year,
	    (int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60),
	    d.zone < 0 ? '-' : '+', zone / 60 % 100, zone % 60);
}

void
date_print(struct buf *b, int64_t when)
{
	date_print_zone(b, (struct date){ when, 0 });
}

/* ------------------------------------------------------------ reading */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Blanks, line ends and comments, nested or not closed. */
static void
skip(struct slice *s)
{
	size_t depth = 0, at;

	for (at = 0; at < s->n; at++) {
		char c = s->p[at];
		if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (c == '\\' && depth > 0)
			at++;
		else if (depth == 0 && !is_blank(c))
			break;
	}
	*s = slice_drop(*s, at);
}

static bool
number(struct slice *s, size_t most, unsigned *value, size_t *digits)
{
	size_t n = 0;

	skip(s);
	*value = 0;
	while (n < most && n < s->n && is_digit(s->p[n]))
		*value = *value * 10 + (unsigned)(s->p[n++] - '0');
	*s = slice_drop(*s, n);
	*digits = n;
	return n > 0 && (s->n == 0 || !is_digit(s->p[0]));
}

static struct slice
letters(struct slice *s)
{
	struct slice word = *s;
	size_t n = 0;

	while (n < s->n && is_letter(s->p[n]))
		n++;
	*s = slice_drop(*s, n);
	return slice_take(word, n);
}

static bool
sign(struct slice *s, char c)
{
	skip(s);
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = slice_drop(*s, 1);
	return true;
}

/* The weekday says nothing that the date does not, and is often wrong. */
static void
weekday(struct slice *s)
{
	skip(s);
	letters(s);
	while (sign(s, ',') || sign(s, '.'))
		;
}

static bool
month_number(struct slice *s, unsigned *month)
{
	struct slice word;

	while (sign(s, '-'))	/* 23-Nov-2026 */
		;
	word = slice_take(letters(s), 3);
	for (*month = 1; *month <= 12; ++*month)
		if (slice_ieq(word, slice_of(months[*month - 1], 3)))
			return true;
	return false;
}

/* RFC 5322 4.3: two digits are 1950 to 2049, three are since 1900. */
static bool
year_number(struct slice *s, unsigned *year)
{
	size_t digits;

	while (sign(s, '-'))
		;
	if (!number(s, 4, year, &digits) || digits < 2)
		return false;
	if (digits == 2)
		*year += *year < 50 ? 2000 : 1900;
	if (digits == 3)
		*year += 1900;
	return *year >= 1900;
}

static bool
time_of_day(struct slice *s, unsigned *second)
{
	unsigned h, m, sec = 0;
	size_t digits;

	if (!number(s, 2, &h, &digits) || !sign(s, ':') ||
	    !number(s, 2, &m, &digits))
		return false;
	if (sign(s, ':') && !number(s, 2, &sec, &digits))
		return false;
	*second = h * 3600 + m * 60 + sec;
	return h < 24 && m < 60 && sec <= 60;
}

/* Zone names of RFC 5322 4.3.  Others, the military letters among them, mean
   nothing certain and count as +0000. */
static int
named_zone(struct slice name)
{
	static const struct { char name[4]; int zone; } zones[] = {
		{ "EST", -300 }, { "EDT", -240 }, { "CST", -360 },
		{ "CDT", -300 }, { "MST", -420 }, { "MDT", -360 },
		{ "PST", -480 }, { "PDT", -420 },
	};

	for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
		if (slice_ieq(name, slice_of(zones[i].name, 3)))
			return zones[i].zone;
	return 0;
}

static bool
zone(struct slice *s, int *minutes)
{
	bool west = sign(s, '-');
	unsigned value;
	size_t digits;

	*minutes = 0;
	if (!west && !sign(s, '+')) {
		*minutes = named_zone(letters(s));
		return true;
	}
	if (!number(s, 4, &value, &digits) || digits != 4 || value % 100 > 59)
		return false;
	*minutes = (int)(value / 100 * 60 + value % 100) * (west ? -1 : 1);
	return true;
}

bool
date_parse(struct slice s, struct date *d)
{
	unsigned day, month, year, second;
	size_t digits;

	weekday(&s);
	if (!number(&s, 2, &day, &digits) || day < 1 || day > 31)
		return false;
	if (!month_number(&s, &month) || !year_number(&s, &year) ||
	    !time_of_day(&s, &second) || !zone(&s, &d->zone))
		return false;
	d->when = date_days(year, month, day) * 86400 + second -
	    (int64_t)d->zone * 60;
	return true;
}
