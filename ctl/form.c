#include "ctl/form.h"

#include <stdio.h>
#include <time.h>

#include "common/core/utf8.h"

/* C0, DEL and C1: with n octets at s.p, which are good UTF-8. */
static bool
is_control(struct slice s, size_t n)
{
	unsigned char c = (unsigned char)s.p[0];

	if (n == 1)
		return c < ' ' || c == 0x7f;
	return n == 2 && c == 0xc2 && (unsigned char)s.p[1] < 0xa0;
}

void
form_printable(struct buf *b, struct slice s)
{
	while (s.n > 0) {
		size_t n = utf8_next(s);

		if (n == 0 || is_control(s, n)) {
			n = n == 0 ? 1 : n;
			for (size_t i = 0; i < n; i++)
				buf_printf(b, "\\x%02X",
				    (unsigned char)s.p[i]);
		} else if (s.p[0] == '\\')
			buf_str(b, "\\\\");
		else
			buf_add(b, s.p, n);
		s = slice_drop(s, n);
	}
}

/* A control character as \uHHHH; its number is in its last octet. */
static void
json_control(struct buf *b, struct slice s, size_t n)
{
	buf_printf(b, "\\u%04X", (unsigned char)s.p[n - 1]);
}

void
form_json(struct buf *b, struct slice s)
{
	buf_char(b, '"');
	while (s.n > 0) {
		size_t n = utf8_next(s);

		if (n == 0) {
			utf8_put(b, 0xfffd);
			n = 1;
		} else if (is_control(s, n))
			json_control(b, s, n);
		else {
			if (s.p[0] == '"' || s.p[0] == '\\')
				buf_char(b, '\\');
			buf_add(b, s.p, n);
		}
		s = slice_drop(s, n);
	}
	buf_char(b, '"');
}

void
form_size(struct buf *b, uint64_t bytes)
{
	static const char *const units[] = { "B", "KB", "MB", "GB", "TB",
		"PB", "EB" };
	unsigned unit = 0;
	uint64_t tenths, one = 1;

	if (bytes < 1024) {
		buf_printf(b, "%llu B", (unsigned long long)bytes);
		return;
	}
	while (bytes / one >= 1024) {
		one *= 1024;
		unit++;
	}
	/* Rounded down: a size that is shown is there.  The remainder of an
	   EB times 10 would not fit, so it loses its last bits. */
	tenths = bytes / one * 10 + bytes % one / 16 * 10 / (one / 16);
	if (tenths < 100 && tenths % 10 != 0)
		buf_printf(b, "%llu.%llu %s", (unsigned long long)tenths / 10,
		    (unsigned long long)tenths % 10, units[unit]);
	else
		buf_printf(b, "%llu %s", (unsigned long long)tenths / 10,
		    units[unit]);
}

/* The largest unit, and the one below it if something is left. */
void
form_span(struct buf *b, uint64_t ms)
{
	static const struct { uint64_t ms; const char *name; } units[] = {
		{ 86400000, "d" }, { 3600000, "h" }, { 60000, "min" },
		{ 1000, "s" }, { 1, "ms" } };
	unsigned i = 0;
	uint64_t rest;

	while (ms < units[i].ms && i < 4)
		i++;
	buf_printf(b, "%llu %s", (unsigned long long)(ms / units[i].ms),
	    units[i].name);
	rest = ms % units[i].ms;
	if (i < 3 && rest >= units[i + 1].ms)
		buf_printf(b, " %llu %s",
		    (unsigned long long)(rest / units[i + 1].ms),
		    units[i + 1].name);
}

void
form_time(struct buf *b, uint64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	char text[32];
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL ||
	    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		buf_u64(b, ms);
	else
		buf_str(b, text);
}

size_t
form_width(struct slice s)
{
	size_t width = 0;

	for (size_t i = 0; i < s.n; i++)
		width += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return width;
}
