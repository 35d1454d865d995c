/*
 * Octets to a session of smtpd: replies are well formed, nobody is promised
 * what queue did not promise, nothing said in the clear survives STARTTLS,
 * nobody relays, and every input ends (RFC 5321 4.2 and 6.1, SMTP-5, SMTP-7).
 *
 * The first octet chooses the service (bits 0 and 1) and whether the client
 * waits after each line (bit 2); the second what goes wrong.  Behind them is
 * what the client says, but for
 *	0xfe	waits for the replies
 *	0xfd n	n KiB of lines
 */
#include "tests/unit/smtpd/world.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const enum service services[] = { SERVICE_SMTP, SERVICE_SUBMISSION,
	SERVICE_SUBMISSIONS, SERVICE_LMTP };

static void
trouble(unsigned which)
{
	queue.queue_fails = which == 1 || which == 2;
	queue.queue_status = which == 1 ? WIRE_AGAIN : WIRE_NONE;
	queue.queue_dies = which == 3;
	queue.auth_fails = which == 4;
	world.no_tls = which == 5;
}

static void
say_lines(size_t kib)
{
	static struct buf filler;

	buf_clear(&filler);
	while (filler.n < kib * 1024)
		buf_str(&filler, "0123456789abcdef 0123456789abcdef\r\n");
	world_say(buf_view(&filler));
}

/* How much of s is said before the client waits. */
static size_t
piece(struct slice s, bool by_lines)
{
	size_t n = 0;

	while (n < s.n && (unsigned char)s.p[n] < 0xfd)
		if (s.p[n++] == '\n' && by_lines)
			break;
	return n;
}

static void
converse(struct slice s, bool by_lines)
{
	while (s.n > 0) {
		size_t n = piece(s, by_lines);

		world_say(slice_take(s, n));
		s = slice_drop(s, n);
		if (s.n == 0 || (unsigned char)s.p[0] < 0xfd)
			continue;
		if ((unsigned char)s.p[0] == 0xfd && s.n > 1) {
			say_lines((unsigned char)s.p[1]);
			s = slice_drop(s, 1);
		}
		s = slice_drop(s, 1);
	}
}

/* ---- the replies */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "250-2.1.5 text": code, and from 2yz, 4yz and 5yz on the enhanced code of
   the same class; those without one are the rows of replies.def without.  No
   line is longer than 512 octets (RFC 5321 4.5.3.1.5). */
static void
check_reply_line(struct slice line)
{
	struct slice rest;

	CHECK(line.n >= 4 && line.n <= 510);
	for (size_t i = 0; i < line.n; i++)
		CHECK((unsigned char)line.p[i] >= ' ' && line.p[i] != 127);
	for (int i = 0; i < 3; i++)
		CHECK(is_digit(line.p[i]));
	CHECK(line.p[0] >= '2' && line.p[0] <= '5');
	CHECK(line.p[3] == ' ' || line.p[3] == '-');
	rest = slice_drop(line, 4);
	if (line.p[0] == '3' || slice_starts(line, SLICE("220")) ||
	    !(rest.n > 1 && is_digit(rest.p[0]) && rest.p[1] == '.'))
		/* The banner, EHLO and HELO, or a challenge. */
		CHECK(line.p[0] == '3' || slice_starts(line, SLICE("220")) ||
		    slice_starts(line, SLICE("250")));
	else
		CHECK(rest.n > 5 && rest.p[0] == line.p[0]);
}

struct tally {
	unsigned	 promises, logins, lines;
	bool		 over;		/* 221 or 421 was said */
};

static void
check_line(struct tally *t, struct slice line)
{
	CHECK(!t->over);
	check_reply_line(line);
	t->lines++;
	t->promises += slice_starts(line, SLICE("250 2.0.0 accepted")) ||
	    slice_starts(line, SLICE("250 2.1.5 delivered"));
	t->logins += slice_starts(line, SLICE("235 "));
	t->over = slice_starts(line, SLICE("221 ")) ||
	    slice_starts(line, SLICE("421 "));
}

static void
check_replies(void)
{
	struct slice rest = buf_view(&world.heard);
	struct tally t = { 0 };

	while (rest.n > 0) {
		size_t end = slice_find(rest, '\n');

		CHECK(end < rest.n && end > 0 && rest.p[end - 1] == '\r');
		check_line(&t, slice_take(rest, end - 1));
		rest = slice_drop(rest, end + 1);
	}
	CHECK(t.promises == queue.promised);
	CHECK(t.logins == queue.logins);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice s = slice_of(data, n);

	if (n < 2)
		return 0;
	smtp_begin(services[data[0] & 3]);
	trouble(data[1] & 7);
	converse(slice_drop(s, 2), data[0] & 4);
	world_hang_up();
	CHECK(world.over);
	check_replies();
	smtp_end();
	return 0;
}
