#include "common/core/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { VALUE_MAX = 512 };

static const char	*process_name = "postino";
static enum log_level	 least_level = LOG_INFO;
static void		(*diverted)(const char *, size_t);
static struct buf	 line;

static const char *const level_names[] = { "debug", "info", "warn", "error" };

void
log_init(const char *name, enum log_level least)
{
	process_name = name;
	least_level = least;
}

void
log_divert(void (*fn)(const char *, size_t))
{
	diverted = fn;
}

static bool
line_begin(const char *event, enum log_level level)
{
	struct timespec now;
	struct tm tm;

	if (level < least_level)
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	buf_clear(&line);
	buf_printf(&line, "%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ %s[%d] %s %s",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
	    tm.tm_min, tm.tm_sec, now.tv_nsec / 1000, process_name,
	    (int)getpid(), level_names[level], event);
	return true;
}

static void
line_end(void)
{
	buf_char(&line, '\n');
	if (diverted != NULL)
		diverted(line.p, line.n);
	else if (write(STDERR_FILENO, line.p, line.n) < 0)
		return;		/* a log that cannot be written stops nobody */
}

/* Length of the well-formed UTF-8 character at p, 0 if there is none
   (RFC 3629 4); control characters of the second Latin block count as none. */
static size_t
utf8_length(const unsigned char *p, size_t n)
{
	static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t want = p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 :
	    p[0] < 0xf5 ? 4 : 0;
	unsigned c;

	if (want == 0 || want > n)
		return 0;
	c = p[0] & (0xffu >> (want + 1));
	for (size_t i = 1; i < want; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if (c < least[want] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ||
	    c < 0xa0)
		return 0;
	return want;
}

static bool
needs_quotes(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ' ' || s.p[i] == '"' || s.p[i] == '=')
			return true;
	return false;
}

static void
value_add(struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t step;

	for (size_t i = 0; i < s.n; i += step) {
		step = 1;
		if (p[i] == '"' || p[i] == '\\') {
			buf_char(&line, '\\');
			buf_char(&line, s.p[i]);
		} else if (p[i] >= 0x20 && p[i] < 0x7f)
			buf_char(&line, s.p[i]);
		else if ((step = utf8_length(p + i, s.n - i)) > 0)
			buf_add(&line, s.p + i, step);
		else {
			buf_printf(&line, "\\x%02X", p[i]);
			step = 1;
		}
	}
}

static void
field_str(const char *name, struct slice s)
{
	bool quoted, cut = s.n > VALUE_MAX;

	if (s.n == 0)
		return;
	s = slice_take(s, VALUE_MAX);
	quoted = cut || needs_quotes(s);
	buf_printf(&line, " %s=%s", name, quoted ? "\"" : "");
	value_add(s);
	buf_str(&line, cut ? "...\"" : quoted ? "\"" : "");
}

static void
field_num(const char *name, uint64_t v)
{
	if (v != 0)
		buf_printf(&line, " %s=%llu", name, (unsigned long long)v);
}

static void
field_id(const char *name, uint64_t v)
{
	if (v != 0)
		buf_printf(&line, " %s=%016llx", name, (unsigned long long)v);
}

#define EVENT(name, level, doc)						\
	void								\
	log_##name(const struct ev_##name *e)				\
	{								\
		if (!line_begin(#name, LOG_##level))			\
			return;						\
		(void)e->none;
#define ID(f)	field_id(#f, e->f);
#define NUM(f)	field_num(#f, e->f);
#define STR(f)	field_str(#f, e->f);
#define END(name)							\
		line_end();						\
	}
#include "common/core/events.def"

void
fatal(const char *what, ...)
{
	int saved = errno;
	char text[256];
	va_list ap;

	va_start(ap, what);
	vsnprintf(text, sizeof text, what, ap);
	va_end(ap);
	LOG(died, .what = slice_str(text),
	    .error = slice_str(saved == 0 ? "" : strerror(saved)));
	_exit(75);
}

void
check_failed(const char *truth, const char *file, int at)
{
	LOG(broken, .truth = slice_str(truth), .file = slice_str(file),
	    .line = (uint64_t)at);
	abort();
}
