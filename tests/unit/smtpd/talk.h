/* talk.h - conversations with smtpd, line by line, for its unit tests. */
#ifndef UNIT_SMTPD_TALK_H
#define UNIT_SMTPD_TALK_H

#include <check.h>

#include "tests/unit/smtpd/world.h"
#include "tests/unit/suite.h"

static size_t	heard_at;	/* what of world.heard was looked at */

static inline void
talk_begin(enum service service)
{
	heard_at = 0;
	/* A test that failed has left its session. */
	if (world.client >= 0)
		world_disconnect();
	smtp_begin(service);
}

static inline void
say(const char *line)
{
	struct buf b = { 0 };

	buf_str(&b, line);
	buf_str(&b, "\r\n");
	world_say(buf_view(&b));
	buf_free(&b);
}

static inline struct slice
unheard(void)
{
	return slice_drop(buf_view(&world.heard), heard_at);
}

/* The next line begins so. */
static inline void
hear(const char *want)
{
	struct slice rest = unheard(), line = slice_cut(&rest, '\n');

	if (!slice_starts(line, slice_str(want)))
		ck_abort_msg("want \"%s\" heard \"%.*s\"", want,
		    (int)line.n, line.n > 0 ? line.p : "");
	heard_at = world.heard.n - rest.n;
}

static inline void
silence(void)
{
	struct slice rest = unheard();

	if (rest.n > 0)
		ck_abort_msg("heard \"%.*s\"", (int)rest.n, rest.p);
}

/* The server has said all it has to say, and closed. */
static inline void
over(void)
{
	silence();
	ck_assert(world.over);
}

/* A command and the line that answers it, and no other. */
static inline void
ask(const char *line, const char *want)
{
	say(line);
	hear(want);
	silence();
}

/* All that EHLO, or LHLO, says. */
static inline void
greet(const char *line)
{
	say(line);
	while (slice_starts(unheard(), SLICE("250-")))
		hear("250-");
	hear("250 ");
	silence();
}

static inline void
smtp_hello(enum service service)
{
	talk_begin(service);
	hear("220 mail.example.org ");
	greet(service == SERVICE_LMTP ? "LHLO c" : "EHLO c");
}

static inline void
envelope_to(const char *rcpt)
{
	char line[400];

	ask("MAIL FROM:<a@example.com>", "250 2.1.0 sender ok");
	snprintf(line, sizeof line, "RCPT TO:<%s>", rcpt);
	ask(line, "250 2.1.5 recipient ok");
}

static inline void
data_of(const char *text)
{
	ask("DATA", "354 end with");
	say(text);
	say(".");
}

/* Submission, logged in as ann@example.org. */
static inline void
submission_hello(void)
{
	smtp_hello(SERVICE_SUBMISSIONS);
	ask("AUTH PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=",
	    "235 2.7.0 authenticated");
}

static inline void
quit(void)
{
	ask("QUIT", "221 2.0.0 mail.example.org bye");
	over();
	smtp_end();
}

static inline int
tests_run(const char *name, const TTest *const *tests, size_t n)
{
	Suite *s = suite_create(name);
	TCase *t = tcase_create(name);

	for (size_t i = 0; i < n; i++)
		tcase_add_test(t, tests[i]);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return suite_end(s);
}

#endif
