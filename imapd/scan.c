#include "imapd/scan.h"

#include <string.h>

#include "common/mail/date.h"
#include "imapd/name.h"

bool
scan_fail(struct scan *a, const char *why)
{
	if (a->why == NULL)
		a->why = why;
	return false;
}

/* ---- characters */

static bool
is_atom_char(char c)
{
	/* RFC 9051 9: any CHAR except atom-specials. */
	return c > 0x20 && c < 0x7f && strchr("(){%*\"\\]", c) == NULL;
}

/* ASTRING-CHAR. */
static bool
is_astring_char(char c)
{
	return is_atom_char(c) || c == ']';
}

static bool
is_tag_char(char c)
{
	return is_astring_char(c) && c != '+';
}

static bool
is_pattern_char(char c)
{
	return is_astring_char(c) || c == '%' || c == '*';
}

static bool
is_word_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.';
}

/* The run of such characters in front; empty: a->why is latched. */
static bool
run(struct scan *a, bool (*is)(char), const char *why, struct slice *to)
{
	size_t n = 0;

	if (a->why != NULL)
		return false;
	while (n < a->rest.n && is(a->rest.p[n]))
		n++;
	if (n == 0)
		return scan_fail(a, why);
	*to = slice_take(a->rest, n);
	a->rest = slice_drop(a->rest, n);
	return true;
}

bool
scan_next_is(const struct scan *a, char c)
{
	return a->why == NULL && a->rest.n > 0 && a->rest.p[0] == c;
}

bool
scan_at_end(const struct scan *a)
{
	return a->rest.n == 0;
}

bool
scan_is(struct scan *a, char c)
{
	if (!scan_next_is(a, c))
		return false;
	a->rest = slice_drop(a->rest, 1);
	return true;
}

bool
scan_is_word(struct scan *a, const char *word)
{
	size_t n = strlen(word);

	if (a->why != NULL || !slice_istarts(a->rest, slice_str(word)) ||
	    (a->rest.n > n && is_word_char(a->rest.p[n])))
		return false;
	a->rest = slice_drop(a->rest, n);
	return true;
}

bool
scan_char(struct scan *a, char c)
{
	if (scan_is(a, c))
		return true;
	return scan_fail(a, c == '(' ? "expected (" : c == ')' ?
	    "expected )" : "unexpected character");
}

bool
scan_space(struct scan *a)
{
	if (!scan_is(a, ' '))
		return scan_fail(a, scan_at_end(a) ? "arguments are missing" :
		    "expected a blank");
	if (scan_next_is(a, ' '))
		return scan_fail(a, "one blank is enough");
	return true;
}

bool
scan_end(struct scan *a)
{
	if (!scan_at_end(a))
		return scan_fail(a, "too many arguments");
	return a->why == NULL;
}

bool
scan_atom(struct scan *a, struct slice *to)
{
	return run(a, is_atom_char, "expected an atom", to);
}

bool
scan_tag(struct scan *a, struct slice *to)
{
	return run(a, is_tag_char, "expected a tag", to);
}

bool
scan_word(struct scan *a, struct slice *to)
{
	return run(a, is_word_char, "expected a word", to);
}

/* ---- numbers */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
number(struct scan *a, uint64_t max, uint64_t *to)
{
	struct slice s;

	if (!run(a, is_digit, "expected a number", &s))
		return false;
	return slice_u64(s, max, to) || scan_fail(a, "number is too large");
}

bool
scan_number(struct scan *a, uint32_t *to)
{
	uint64_t n;

	if (!number(a, UINT32_MAX, &n))
		return false;
	*to = (uint32_t)n;
	return true;
}

bool
scan_nz_number(struct scan *a, uint32_t *to)
{
	return scan_number(a, to) &&
	    (*to > 0 || scan_fail(a, "number must not be 0"));
}

bool
scan_number64(struct scan *a, uint64_t *to)
{
	return number(a, INT64_MAX, to);
}

/* ---- strings */

static bool
quoted(struct scan *a, struct slice *to)
{
	struct slice s = slice_drop(a->rest, 1);
	char *plain = NULL;
	size_t i, n = 0;

	for (i = 0; i < s.n && s.p[i] != '"'; i++) {
		if (s.p[i] == '\r' || s.p[i] == '\n')
			return scan_fail(a, "a quoted string has no line ends");
		if (s.p[i] != '\\') {
			if (plain != NULL)
				plain[n] = s.p[i];
			n++;
			continue;
		}
		if (i + 1 >= s.n || (s.p[i + 1] != '\\' && s.p[i + 1] != '"'))
			return scan_fail(a, "only \\ and \" are quoted by \\");
		if (plain == NULL) {
			plain = arena_alloc(a->arena, s.n);
			memcpy(plain, s.p, i);
		}
		plain[n++] = s.p[++i];
	}
	if (i == s.n)
		return scan_fail(a, "a quoted string does not end");
	*to = slice_of(plain != NULL ? plain : s.p, n);
	a->rest = slice_drop(s, i + 1);
	return true;
}

/* "{5}", "{5+}" (RFC 7888), "~{5}" (RFC 3516). */
static bool
literal(struct scan *a, struct slice *to)
{
	uint64_t n;

	scan_is(a, '~');
	if (!scan_char(a, '{') || !scan_number64(a, &n))
		return false;
	scan_is(a, '+');
	if (!slice_starts(a->rest, SLICE("}\r\n")) || a->rest.n - 3 < n)
		return scan_fail(a, "a literal is {number} at a line's end");
	*to = slice_of(a->rest.p + 3, (size_t)n);
	a->rest = slice_drop(a->rest, 3 + (size_t)n);
	return slice_find(*to, '\0') == to->n ||
	    scan_fail(a, "NUL in a literal");
}

bool
scan_string(struct scan *a, struct slice *to)
{
	if (scan_next_is(a, '"'))
		return quoted(a, to);
	if (scan_next_is(a, '{') || scan_next_is(a, '~'))
		return literal(a, to);
	return scan_fail(a, "expected a string");
}

bool
scan_astring(struct scan *a, struct slice *to)
{
	if (scan_next_is(a, '"') || scan_next_is(a, '{'))
		return scan_string(a, to);
	return run(a, is_astring_char, "expected a string", to);
}

bool
scan_nstring(struct scan *a, struct slice *to)
{
	if (!scan_is_word(a, "NIL"))
		return scan_string(a, to);
	*to = slice_of(NULL, 0);
	return true;
}

/* ---- mailboxes */

/* Line ends, which a literal and UTF-7 can bring, are no part of a name
   anywhere (RFC 9051 5.1); store would end the session. */
static bool
decoded(struct scan *a, struct slice said, struct slice *to)
{
	*to = name_decode(a->arena, said, a->utf8);
	if (slice_find(*to, '\r') < to->n || slice_find(*to, '\n') < to->n)
		return scan_fail(a, "a mailbox name has no line ends");
	return to->p != NULL || scan_fail(a, a->utf8 ?
	    "mailbox name is not UTF-8" : "mailbox name is not UTF-7");
}

bool
scan_mailbox(struct scan *a, struct slice *to)
{
	struct slice said;

	return scan_astring(a, &said) && decoded(a, said, to);
}

bool
scan_pattern(struct scan *a, struct slice *to)
{
	struct slice said;

	if (scan_next_is(a, '"') || scan_next_is(a, '{')) {
		if (!scan_string(a, &said))
			return false;
	} else if (!run(a, is_pattern_char, "expected a pattern", &said))
		return false;
	return decoded(a, said, to);
}

/* ---- dates */

static bool
is_date_char(char c)
{
	return is_digit(c) || c == '-' || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z');
}

static bool
month(struct slice s, unsigned *to)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	for (unsigned m = 0; m < 12; m++)
		if (slice_ieq(s, slice_of(names + 3 * m, 3))) {
			*to = m + 1;
			return true;
		}
	return false;
}

/* "17-Jul-1996", or " 7-Jul-1996" as date-time wants it. */
static bool
civil(struct slice s, int64_t *days)
{
	struct slice d = slice_trim(slice_cut(&s, '-')), m = slice_cut(&s, '-');
	uint64_t day, year;
	unsigned mon, back_mon, back_day;
	int64_t back_year;

	if (d.n > 2 || s.n != 4 || !slice_u64(d, 31, &day) ||
	    !month(m, &mon) || !slice_u64(s, 9999, &year))
		return false;
	*days = date_days((int64_t)year, mon, (unsigned)day);
	date_civil(*days, &back_year, &back_mon, &back_day);
	return day == back_day && mon == back_mon;
}

bool
scan_date(struct scan *a, int64_t *days)
{
	bool in_quotes = scan_is(a, '"');
	struct slice s;

	if (!run(a, is_date_char, "expected a date", &s) ||
	    (in_quotes && !scan_char(a, '"')))
		return false;
	return civil(s, days) || scan_fail(a, "a date is 17-Jul-1996");
}

/* "02:44:25" */
static bool
clock_time(struct slice s, int64_t *seconds)
{
	uint64_t h, m, sec;

	if (s.n != 8 || s.p[2] != ':' || s.p[5] != ':' ||
	    !slice_u64(slice_of(s.p, 2), 23, &h) ||
	    !slice_u64(slice_of(s.p + 3, 2), 59, &m) ||
	    !slice_u64(slice_of(s.p + 6, 2), 60, &sec))
		return false;
	*seconds = (int64_t)(h * 3600 + m * 60 + sec);
	return true;
}

/* "-0700" */
static bool
zone(struct slice s, int64_t *seconds)
{
	uint64_t h, m;

	if (s.n != 5 || (s.p[0] != '+' && s.p[0] != '-') ||
	    !slice_u64(slice_of(s.p + 1, 2), 23, &h) ||
	    !slice_u64(slice_of(s.p + 3, 2), 59, &m))
		return false;
	*seconds = (int64_t)(h * 3600 + m * 60) * (s.p[0] == '-' ? -1 : 1);
	return true;
}

bool
scan_date_time(struct scan *a, int64_t *when)
{
	int64_t days, seconds, east;
	struct slice s;

	if (!scan_next_is(a, '"'))
		return scan_fail(a, "expected a date-time");
	if (!quoted(a, &s))
		return false;
	if (s.n != 26 || s.p[11] != ' ' || s.p[20] != ' ' ||
	    !civil(slice_of(s.p, 11), &days) ||
	    !clock_time(slice_of(s.p + 12, 8), &seconds) ||
	    !zone(slice_of(s.p + 21, 5), &east))
		return scan_fail(a,
		    "a date-time is \"17-Jul-1996 02:44:25 -0700\"");
	*when = days * 86400 + seconds - east;
	return true;
}
