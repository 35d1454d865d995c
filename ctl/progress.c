#include "ctl/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/say.h"

enum { EVERY = 100 };			/* ms */

static bool	drawn;

static long long
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
progress(const char *format, ...)
{
	static long long last;
	va_list ap;

	if (ctl.form != FORM_HUMAN || !isatty(STDERR_FILENO) ||
	    (drawn && now() < last + EVERY))
		return;
	last = now();
	fflush(stdout);
	fputs("\r\x1b[K", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fflush(stderr);
	drawn = true;
}

void
progress_end(void)
{
	if (drawn)
		fputs("\r\x1b[K", stderr);
	drawn = false;
}

unsigned
percent(unsigned long long part, unsigned long long all)
{
	return part >= all ? 100 : (unsigned)(part * 100 / all);
}

void
way_begin(struct way *w, uint64_t all)
{
	*w = (struct way){ .all = all, .size = size_text(all) };
}

void
way_went(struct way *w, const char *what, uint64_t bytes)
{
	w->done += bytes;
	progress("%s: %u %% of %s", what, percent(w->done, w->all), w->size);
}
