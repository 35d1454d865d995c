/* Messages on their way to queue: sizes, pieces, verdicts, tokens. */
#include <stdio.h>

#include "tests/unit/smtpd/talk.h"

/* n octets of lines behind what is there. */
static void
lines_to(struct buf *b, size_t n)
{
	while (b->n < n)
		buf_str(b, "0123456789 0123456789 0123456789\r\n");
}

/* LMTP answers for each recipient whatever happens to the message
   (RFC 2033 4.2). */
START_TEST(too_big_lmtp)
{
	struct buf b = { 0 };

	smtp_hello(SERVICE_LMTP);
	envelope_to("x@example.org");
	ask("RCPT TO:<y@example.org>", "250 2.1.5");
	ask("DATA", "354 ");
	buf_str(&b, "Subject: big\r\n\r\n");
	lines_to(&b, MESSAGE_MAX + 10000);
	world_say(buf_view(&b));
	silence();
	say(".");
	hear("552 5.3.4 message is too big");
	hear("552 5.3.4 message is too big");
	silence();
	ck_assert_uint_eq(queue.submitted, 0);
	buf_free(&b);
	quit();
}
END_TEST

/* Exactly as much as SIZE says is taken (RFC 1870 3). */
START_TEST(size_limit)
{
	for (size_t more = 0; more < 2; more++) {
		struct buf b = { 0 };

		smtp_hello(SERVICE_SMTP);
		envelope_to("x@example.org");
		ask("DATA", "354 ");
		buf_str(&b, "a: b\r\n\r\n");
		while (b.n < MESSAGE_MAX - 2 + more)
			buf_char(&b, 'x');
		buf_str(&b, "\r\n");
		world_say(buf_view(&b));
		say(".");
		hear(more ? "552 5.3.4 message is too big" :
		    "250 2.0.0 accepted: 0000000000005678");
		silence();
		ck_assert(more || slice_eq(buf_view(&queue.body),
		    buf_view(&b)));
		buf_free(&b);
		quit();
	}
}
END_TEST

/* The same message, however it is cut: the first piece alone must never be
   taken for the whole header (RFC 6409 6.1, SMTP-11). */
START_TEST(pieces)
{
	static const struct {
		size_t first, length;
		bool pipe;
	} rows[] = {
		{ 8, 1000, false }, { 8, WIRE_BODY_MAX, false },
		{ 8, WIRE_BODY_MAX + 500, true }, { 8, 150000, true },
		{ 63000, 150000, true }, { 1, 130000, true },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf b = { 0 };

		submission_hello();
		ask("MAIL FROM:<ann@example.org>", "250 ");
		ask("RCPT TO:<x@example.org>", "250 ");
		ask("DATA", "354 ");
		buf_str(&b, "Subject: pieces\r\nFrom: <ann@example.org>\r\n"
		    "Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n"
		    "Message-ID: <1@x>\r\n\r\n");
		while (b.n < rows[i].length - 2)
			buf_char(&b, 'y');
		buf_str(&b, "\r\n");
		world_say(slice_take(buf_view(&b), rows[i].first));
		world_say(slice_drop(buf_view(&b), rows[i].first));
		say(".");
		hear("250 2.0.0 accepted");
		ck_assert(slice_eq(buf_view(&queue.body), buf_view(&b)));
		/* Nothing was missing, so nothing was added. */
		ck_assert_ptr_null(strstr(buf_cstr(&queue.head), "Date:"));
		ck_assert_uint_eq(queue.begun, rows[i].pipe);
		buf_free(&b);
		quit();
	}
}
END_TEST

/* A second author behind what is looked at is refused with the rest of such a
   header (RFC 6409 6.1). */
START_TEST(long_header)
{
	struct buf b = { 0 };

	submission_hello();
	ask("MAIL FROM:<ann@example.org>", "250 ");
	ask("RCPT TO:<x@example.org>", "250 ");
	ask("DATA", "354 ");
	buf_str(&b, "From: <ann@example.org>\r\n");
	while (b.n < WIRE_BODY_MAX + 1000)
		buf_str(&b, "X: 0123456789 0123456789 0123456789\r\n");
	buf_str(&b, "From: <bob@example.org>\r\n\r\ntext\r\n");
	world_say(buf_view(&b));
	say(".");
	hear("554 5.6.0 the message header is broken");
	silence();
	ck_assert_uint_eq(queue.begun, 0);
	buf_free(&b);
	quit();
}
END_TEST

/* 100 hops and no more (RFC 5321 6.3). */
START_TEST(loops)
{
	for (unsigned hops = 100; hops <= 101; hops++) {
		struct buf b = { 0 };

		smtp_hello(SERVICE_SMTP);
		envelope_to("x@example.org");
		for (unsigned i = 0; i < hops; i++)
			buf_str(&b, "Received: by x; date\r\n");
		buf_str(&b, "\r\ntext");
		data_of(buf_cstr(&b));
		hear(hops > 100 ? "554 5.4.6 mail loop" :
		    "250 2.0.0 accepted");
		silence();
		buf_free(&b);
		quit();
	}
}
END_TEST

/* What queue says of the recipients, as one reply, and as one for each
   (RFC 5321 4.2.5, RFC 2033 4.2). */
START_TEST(verdicts)
{
	static const struct {
		const char *rcpt, *smtp, *lmtp;
	} rows[] = {
		{ "x@example.org", "250 2.0.0 accepted",
		    "250 2.1.5 delivered: x@example.org" },
		{ "q@example.org", "250 2.0.0 accepted",
		    "250 2.1.5 delivered: q@example.org" },
		{ "b@example.org", "250 2.0.0 accepted",
		    "250 2.1.5 delivered: b@example.org" },
		{ "l@example.org", "451 4.3.0 local error, try again later",
		    "451 4.3.0 local error, try again later: l@example.org" },
		{ "r@example.org", "550 5.7.1 refused by a rule",
		    "550 5.7.1 refused by a rule" },
		{ "o@example.org", "552 5.2.2 mailbox is full",
		    "552 5.2.2 mailbox is full" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		smtp_hello(SERVICE_SMTP);
		envelope_to(rows[i].rcpt);
		data_of("a: b\r\n\r\ntext");
		hear(rows[i].smtp);
		silence();
		quit();
		smtp_hello(SERVICE_LMTP);
		envelope_to(rows[i].rcpt);
		data_of("a: b\r\n\r\ntext");
		hear(rows[i].lmtp);
		silence();
		quit();
	}
	/* One good recipient is enough in SMTP: queue reports the others. */
	smtp_hello(SERVICE_SMTP);
	envelope_to("r@example.org");
	ask("RCPT TO:<x@example.org>", "250 ");
	data_of("a: b\r\n\r\ntext");
	hear("250 2.0.0 accepted");
	silence();
	quit();
}
END_TEST

/* queue has no room, or is gone: 4yz, and the session goes on. */
START_TEST(queue_away)
{
	static const char *const wants[] = { "452 4.3.1 no space for mail now",
		"451 4.3.0 local error", "451 4.3.0 local error" };
	struct buf b = { 0 };

	buf_str(&b, "a: b\r\n\r\n");
	lines_to(&b, 150000);
	for (int i = 0; i < 6; i++) {
		smtp_hello(i < 3 ? SERVICE_SMTP : SERVICE_LMTP);
		envelope_to("x@example.org");
		queue.queue_fails = i % 3 < 2;
		queue.queue_status = i % 3 == 0 ? WIRE_AGAIN : WIRE_BAD;
		queue.queue_dies = i % 3 == 2;
		data_of("a: b\r\n\r\ntext");
		hear(wants[i % 3]);
		silence();
		envelope_to("x@example.org");
		ask("DATA", "354 ");
		world_say(buf_view(&b));
		say(".");
		hear(wants[i % 3]);
		silence();
		queue.queue_fails = queue.queue_dies = false;
		envelope_to("x@example.org");
		data_of("a: b\r\n\r\ntext");
		hear("250 ");
		silence();
		quit();
	}
	buf_free(&b);
}
END_TEST

/* A client that leaves before the dot: nothing is committed, and the pipe of a
   long message ends (hand-off rule 7). */
START_TEST(lost_client)
{
	struct buf b = { 0 };

	buf_str(&b, "a: b\r\n\r\n");
	lines_to(&b, 150000);
	smtp_hello(SERVICE_SMTP);
	envelope_to("x@example.org");
	ask("DATA", "354 ");
	world_say(buf_view(&b));
	ck_assert_uint_eq(queue.begun, 1);
	ck_assert_int_gt(queue.pipe.fd, 0);
	smtp_end();
	ck_assert_int_eq(queue.pipe.fd, 0);
	ck_assert_uint_eq(queue.promised, 0);
	buf_free(&b);
}
END_TEST

/* BDAT: the octets as they are, line ends looked at (RFC 3030 2). */
START_TEST(chunks)
{
	smtp_hello(SERVICE_SMTP);
	envelope_to("x@example.org");
	world_say(SLICE("BDAT 10\r\na: b\r\n\r\n."));
	silence();
	world_say(SLICE("\r"));
	hear("250 2.0.0 octets received");
	ask("NOOP", "503 5.5.1 only BDAT or RSET now");
	world_say(SLICE("BDAT 3 LAST\r\n\n.\n"));
	hear("554 5.6.0 the message has a bare LF");
	envelope_to("x@example.org");
	world_say(SLICE("BDAT 6 LAST\r\nab\r\n.\r"));
	hear("554 5.6.0 the message has a bare CR");
	silence();
	envelope_to("x@example.org");
	world_say(SLICE("BDAT 5\r\n\r\n.\r\nBDAT 2 LAST\r\n..QUIT\r\n"));
	hear("250 2.0.0 octets received");
	hear("250 2.0.0 accepted");
	hear("221 2.0.0 mail.example.org bye");
	over();
	ck_assert(slice_eq(buf_view(&queue.body), SLICE("\r\n.\r\n..")));
	smtp_end();
}
END_TEST

/* A repeated message has the same token; another body, sender or none of its
   own Message-ID has not (hand-off rule 10). */
static void
token_of(const char *from, const char *text, struct buf *token)
{
	char line[100];

	smtp_hello(SERVICE_SMTP);
	snprintf(line, sizeof line, "MAIL FROM:<%s>", from);
	ask(line, "250 ");
	ask("RCPT TO:<x@example.org>", "250 ");
	data_of(text);
	hear("250 ");
	buf_clear(token);
	buf_slice(token, buf_view(&queue.token));
	quit();
}

START_TEST(tokens)
{
	struct buf first = { 0 }, t = { 0 };

	token_of("a@b", "Message-ID: <1@x>\r\n\r\ntext", &first);
	ck_assert_uint_eq(first.n, 16);
	token_of("a@b", "Message-ID: <1@x>\r\n\r\ntext", &t);
	ck_assert(slice_eq(buf_view(&t), buf_view(&first)));
	token_of("b@b", "Message-ID: <1@x>\r\n\r\ntext", &t);
	ck_assert(t.n == 16 && !slice_eq(buf_view(&t), buf_view(&first)));
	token_of("a@b", "Message-ID: <1@x>\r\n\r\ntex", &t);
	ck_assert(t.n == 16 && !slice_eq(buf_view(&t), buf_view(&first)));
	token_of("a@b", "Subject: none\r\n\r\ntext", &t);
	ck_assert_uint_eq(t.n, 0);
	buf_free(&first);
	buf_free(&t);
}
END_TEST

/* Lines of any length are taken octet for octet, dots and all
   (RFC 5321 4.5.2, 4.5.3.1.6). */
START_TEST(long_lines)
{
	static const size_t lengths[] = { 998, 999, 2000, 65535, 65536, 100000 };

	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		struct buf b = { 0 };

		smtp_hello(SERVICE_SMTP);
		envelope_to("x@example.org");
		ask("DATA", "354 ");
		buf_str(&b, "a: b\r\n\r\n");
		for (size_t n = 0; n < lengths[i]; n++)
			buf_char(&b, (char)(1 + n % 255 + (n % 255 == 9) +
			    (n % 255 == 12)));
		buf_str(&b, "\r\n");
		world_say(buf_view(&b));
		say(".");
		hear("250 ");
		silence();
		ck_assert(slice_eq(buf_view(&queue.body), buf_view(&b)));
		buf_free(&b);
		quit();
	}
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { too_big_lmtp, size_limit, pieces,
		long_header, loops, verdicts, queue_away, lost_client, chunks,
		tokens, long_lines };

	return tests_run("message", tests, sizeof tests / sizeof *tests);
}
