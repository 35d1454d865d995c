#include "ctl/say.h"

#include <stdio.h>
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/form.h"

const char *
text(const char *format, ...)
{
	struct buf b = { 0 };
	const char *s;
	va_list ap;

	va_start(ap, format);
	buf_vprintf(&b, format, ap);
	va_end(ap);
	s = arena_str(&ctl.arena, buf_view(&b));
	buf_free(&b);
	return s;
}

const char *
show(struct slice s)
{
	struct buf b = { 0 };
	const char *shown;

	form_printable(&b, s);
	shown = arena_str(&ctl.arena, buf_view(&b));
	buf_free(&b);
	return shown;
}

const char *
size_text(uint64_t bytes)
{
	struct buf b = { 0 };
	const char *s;

	form_size(&b, bytes);
	s = arena_str(&ctl.arena, buf_view(&b));
	buf_free(&b);
	return s;
}

void
advise(const char *help)
{
	if (ctl.file != NULL && args_has(&ctl.args, OPTION_CONFIG))
		fprintf(stderr, "  try: postino -c %s %s\n", ctl.file, help);
	else
		fprintf(stderr, "  try: postino %s\n", help);
}

void
fail(int code, const char *what, const char *why, const char *help)
{
	fflush(stdout);
	fprintf(stderr, "postino: %s\n", what);
	if (why != NULL && *why != '\0')
		fprintf(stderr, "  %s\n", why);
	if (help != NULL)
		advise(help);
	exit(code);
}

static void
say(const char *format, va_list ap)
{
	fflush(stdout);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
}

void
note(const char *format, ...)
{
	va_list ap;

	if (ctl.form != FORM_HUMAN)
		return;
	va_start(ap, format);
	say(format, ap);
	va_end(ap);
}

void
warn(const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("postino: ", stderr);
	va_start(ap, format);
	say(format, ap);
	va_end(ap);
}
