#include "common/core/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { VALUE_MAX = 512 };

static const char	*process_name = "postino";
static enum log_level	 least_level = LOG_INFO;
static void		(*diverted)(const char *, size_t);
/* One line at a time: a keeper's other threads log too.  Recursive, since
   memory that runs out in here ends in fatal, which logs. */
static pthread_mutex_t	 writing = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
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

/* Digits of v, at least `width` of them. */
static void
digits(uint64_t v, unsigned base, size_t width)
{
	char d[64];
	size_t at = sizeof d;

	while (v > 0 || sizeof d - at < width) {
		d[--at] = "0123456789abcdef"[v % base];
		v /= base;
	}
	buf_add(&line, d + at, sizeof d - at);
}

/* Here printf would cost more than all else: a busy process writes thousands
   of lines a second.  So the date is made once a second. */
static void
time_add(void)
{
	static char date[sizeof "2026-11-23T10:00:00."];
	static time_t second = -1;
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != second &&
	    gmtime_r(&now.tv_sec, &tm) != NULL &&
	    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S.", &tm) > 0)
		second = now.tv_sec;
	buf_str(&line, date);
	digits((uint64_t)now.tv_nsec / 1000, 10, 6);
}

static bool
line_begin(const char *event, enum log_level level)
{
	if (level < least_level)
		return false;
	pthread_mutex_lock(&writing);
	buf_clear(&line);
	time_add();
	buf_str(&line, "Z ");
	buf_str(&line, process_name);
	buf_char(&line, '[');
	buf_u64(&line, (uint64_t)getpid());
	buf_str(&line, "] ");
	buf_str(&line, level_names[level]);
	buf_char(&line, ' ');
	buf_str(&line, event);
	return true;
}

static void
line_end(void)
{
	buf_char(&line, '\n');
	if (diverted != NULL)
		diverted(line.p, line.n);
	else {
		/* A log that cannot be written stops nobody. */
		ssize_t ignored = write(STDERR_FILENO, line.p, line.n);

		(void)ignored;
	}
	pthread_mutex_unlock(&writing);
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
field_name(const char *name)
{
	buf_char(&line, ' ');
	buf_str(&line, name);
	buf_char(&line, '=');
}

static void
field_str(const char *name, struct slice s)
{
	bool quoted, cut = s.n > VALUE_MAX;

	if (s.n == 0)
		return;
	s = slice_take(s, VALUE_MAX);
	quoted = cut || needs_quotes(s);
	field_name(name);
	buf_str(&line, quoted ? "\"" : "");
	value_add(s);
	buf_str(&line, cut ? "...\"" : quoted ? "\"" : "");
}

static void
field_num(const char *name, uint64_t v)
{
	if (v == 0)
		return;
	field_name(name);
	buf_u64(&line, v);
}

static void
field_id(const char *name, uint64_t v)
{
	if (v == 0)
		return;
	field_name(name);
	digits(v, 16, 16);
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
