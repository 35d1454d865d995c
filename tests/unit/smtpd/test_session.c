/* Sessions of smtpd: commands, TLS, logins, limits, ends. */
#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdio.h>

#include "tests/unit/smtpd/talk.h"

static void
reload(const char *more)
{
	struct buf text = { 0 };

	buf_printf(&text, "server name mail.example.org\n"
	    "privileges none\naccept messages up to 200000 bytes\n"
	    "accept up to 100 recipients per message\n%s\n", more);
	world_reload(buf_cstr(&text));
	buf_free(&text);
}

/* ---- commands */

/* Every mistake has its own reply, and the session goes on
   (RFC 5321 4.2.4, 4.3.2). */
START_TEST(mistakes)
{
	talk_begin(SERVICE_SMTP);
	hear("220 mail.example.org ESMTP Postino");
	ask("MAIL FROM:<a@b>", "503 5.5.1 say EHLO first");
	ask("LHLO c", "502 5.5.1 command is not offered here");
	ask("EHLO", "501 5.5.4 say your host name, or an address literal");
	ask("EHLO a b", "501 5.5.4 say your host name");
	ask("HELO c", "250 mail.example.org");
	greet("EHLO [127.0.0.1]");
	greet("EHLO under_score");
	ask("XYZZY", "500 5.5.1 no such command");
	ask("RCPT TO:<x@example.org>", "503 5.5.1 say MAIL first");
	ask("MAIL", "501 5.5.2 syntax error: MAIL FROM:<address>");
	ask("MAIL FROM:a b", "501 5.1.7 sender address is misspelt");
	ask("MAIL FROM:<a@b> X", "555 5.5.4 parameter is not known");
	ask("MAIL FROM:<a@b> SIZE=x", "501 5.5.4 parameter is misspelt");
	ask("MAIL FROM:<a@b> BODY=x", "504 5.5.4 parameter value is not");
	ask("MAIL FROM:<a@b> SIZE=200001", "552 5.3.4 message is too big");
	ask("MAIL FROM:<\xc3\xa4@b>", "553 5.6.7 this address needs SMTPUTF8");
	ask("MAIL FROM:<a@b> SIZE=200000", "250 2.1.0 sender ok");
	ask("MAIL FROM:<a@b>", "503 5.5.1 a transaction is open already");
	ask("RCPT", "501 5.5.2 syntax error: RCPT TO:<address>");
	ask("RCPT TO:<a b>", "501 5.1.3 recipient address is misspelt");
	ask("RCPT TO:<x@example.org> NOTIFY=ALWAYS",
	    "501 5.5.4 parameter is misspelt");
	ask("RCPT TO:<x@example.org> BY=120;R",
	    "555 5.5.4 parameter is not known");
	ask("DATA", "554 5.5.1 no valid recipients");
	ask("DATA now", "501 5.5.4 this command takes no argument");
	ask("RSET", "250 2.0.0 forgotten");
	ask("RCPT TO:<x@example.org>", "503 5.5.1 say MAIL first");
	ask("VRFY", "501 5.5.2 syntax error");
	ask("VRFY ann", "252 2.5.2 send mail and see");
	ask("EXPN staff", "502 5.5.1 command is not offered here");
	ask("NOOP a b", "250 2.0.0 still here");
	ask("HELP", "214 2.0.0 see RFC 5321");
	ask("AUTH PLAIN x", "502 5.5.1 command is not offered here");
	world_say(SLICE("NOOP\n"));
	hear("501 5.5.2 syntax error: a line ends with CR LF");
	world_say(SLICE("NO\0OP\r\n"));
	hear("501 5.5.2 syntax error: a line ends with CR LF");
	quit();
}
END_TEST

/* No path of more than 256 octets, no command of more than 2048
   (RFC 5321 4.5.3.1). */
START_TEST(long_addresses)
{
	char line[3000];

	smtp_hello(SERVICE_SMTP);
	snprintf(line, sizeof line, "MAIL FROM:<%0300d@b>", 0);
	ask(line, "553 5.1.7 address is too long");
	ask("MAIL FROM:<a@b>", "250 ");
	snprintf(line, sizeof line, "RCPT TO:<%0300d@example.org>", 0);
	ask(line, "553 5.1.3 address is too long");
	memset(line, 'x', sizeof line);
	memcpy(line, "NOOP ", 5);
	line[2048] = '\0';
	ask(line, "250 2.0.0 still here");
	line[2048] = 'x';
	line[2049] = '\0';
	ask(line, "500 5.5.2 line is too long");
	quit();
}
END_TEST

/* LMTP has its own hello, and its own word for no recipients
   (RFC 2033 4.1, 4.2). */
START_TEST(lmtp)
{
	talk_begin(SERVICE_LMTP);
	hear("220 mail.example.org LMTP Postino");
	ask("EHLO c", "502 5.5.1 command is not offered here");
	ask("HELO c", "502 5.5.1 command is not offered here");
	ask("MAIL FROM:<a@b>", "503 5.5.1 say LHLO first");
	greet("LHLO c");
	ask("STARTTLS", "502 5.5.1 command is not offered here");
	ask("MAIL FROM:<>", "250 ");
	ask("DATA", "503 5.5.1 say RCPT first");
	quit();
}
END_TEST

/* Where recipients lead, and who may send elsewhere (RFC 5321 3.6.2). */
START_TEST(recipients)
{
	smtp_hello(SERVICE_SMTP);
	ask("MAIL FROM:<a@b>", "250 ");
	ask("RCPT TO:<unknown@example.org>",
	    "550 5.1.1 no such mailbox here: unknown@example.org");
	ask("RCPT TO:<full@example.org>",
	    "452 4.2.2 mailbox is full, try again later: full@example.org");
	ask("RCPT TO:<disabled@example.org>",
	    "550 5.2.1 mailbox takes no mail: disabled@example.org");
	ask("RCPT TO:<x@example.net>",
	    "550 5.7.1 we do not relay to that domain: x@example.net");
	queue.auth_fails = true;
	ask("RCPT TO:<x@example.org>", "451 4.3.0 local error");
	quit();
	submission_hello();
	ask("MAIL FROM:<bob@example.org>",
	    "550 5.7.1 you may not send as this address");
	ask("MAIL FROM:<ann@example.org>", "250 ");
	ask("RCPT TO:<x@example.net>", "250 ");
	ask("RCPT TO:<x%y@example.net>",
	    "550 5.7.1 we do not relay to addresses of that form");
	ask("RCPT TO:<x@[127.0.0.1]>",
	    "550 5.7.1 we do not relay to addresses of that form");
	ask("RSET", "250 ");
	queue.auth_fails = true;
	ask("MAIL FROM:<ann@example.org>", "451 4.3.0 local error");
	quit();
}
END_TEST

/* ---- TLS and logins */

/* Nothing said in the clear is known afterwards; nothing sent in the clear
   behind STARTTLS is obeyed (RFC 3207 4.2, SMTP-5). */
START_TEST(starttls)
{
	smtp_hello(SERVICE_SUBMISSION);
	ask("MAIL FROM:<a@b>", "530 5.7.0 authenticate first");
	ask("AUTH PLAIN AGFubgBzZWNyZXQ=",
	    "538 5.7.11 encryption is required for this mechanism");
	ask("STARTTLS", "220 2.0.0 go ahead with TLS");
	ck_assert_uint_eq(world.tls_starts, 1);
	ask("MAIL FROM:<a@b>", "503 5.5.1 say EHLO first");
	ask("AUTH PLAIN AGFubgBzZWNyZXQ=", "503 5.5.1 say EHLO first");
	greet("EHLO c");
	ask("STARTTLS", "503 5.5.1 TLS is active already");
	quit();
	smtp_hello(SERVICE_SMTP);
	say("STARTTLS\r\nEHLO evil");
	hear("554 5.5.0 you spoke before your turn");
	over();
	ck_assert_uint_eq(world.tls_starts, 0);
	smtp_end();
	smtp_hello(SERVICE_SMTP);
	world.no_tls = true;
	ask("STARTTLS", "454 4.7.0 TLS is not available now");
	quit();
}
END_TEST

/* AUTH, right and wrong (RFC 4954 4 and 6). */
START_TEST(logins)
{
	char line[13000];

	smtp_hello(SERVICE_SUBMISSIONS);
	ask("AUTH CRAM-MD5", "504 5.5.4 mechanism is not offered");
	ask("AUTH PLAIN !", "501 5.5.2 not base64");
	ask("AUTH PLAIN =", "501 5.5.2 not base64");
	ask("AUTH PLAIN", "334 ");
	ask("*", "501 5.7.0 authentication cancelled");
	ask("AUTH PLAIN", "334 ");
	memset(line, 'A', sizeof line);
	line[12290] = '\0';
	ask(line, "500 5.5.6 authentication line is too long");
	ask("AUTH LOGIN", "334 VXNlcm5hbWU6");
	ask("YW5u", "334 UGFzc3dvcmQ6");
	ask("d3Jvbmc=", "535 5.7.8 wrong name or password");
	ask("AUTH LOGIN YW5u", "334 UGFzc3dvcmQ6");
	ask("bGF0ZXI=", "454 4.7.0 authentication is not possible now");
	queue.auth_fails = true;
	ask("AUTH PLAIN AGFubgBzZWNyZXQ=",
	    "454 4.7.0 authentication is not possible now");
	queue.auth_fails = false;
	ask("AUTH PLAIN AGFubgBzZWNyZXQ=", "235 2.7.0 authenticated");
	ask("AUTH PLAIN AGFubgBzZWNyZXQ=", "503 5.5.1 authenticated already");
	/* EHLO again: the login stays. */
	greet("EHLO c");
	ask("MAIL FROM:<ann@example.org> AUTH=<>", "250 2.1.0 sender ok");
	ask("AUTH PLAIN AGFubgBzZWNyZXQ=", "503 5.5.1 authenticated already");
	quit();
	/* A client that is lost in the middle. */
	smtp_hello(SERVICE_SUBMISSIONS);
	say("AUTH LOGIN");
	hear("334 VXNlcm5hbWU6");
	world_hang_up();
	over();
	smtp_end();
}
END_TEST

/* What is missing in a submitted message is added, what is wrong refused
   (RFC 6409 6.1, 8). */
START_TEST(authors)
{
	static const struct {
		const char *header, *want;
	} rows[] = {
		{ "From: <ann@example.org>", "250 2.0.0 accepted" },
		{ "From: <bob@example.org>", "550 5.7.1 you may not send" },
		{ "From: <ann@example.org>, <bob@example.org>",
		    "550 5.7.1 you may not send" },
		{ "Subject: x", "554 5.6.0 the message header is broken" },
		{ "From: <ann@example.org>\r\nfrom: <ann@example.org>",
		    "554 5.6.0 the message header is broken" },
		{ "From: <ann@example.org>\r\nSender: <bob@example.org>",
		    "550 5.7.1 you may not send" },
		{ "From: <ann@example.org>\r\nSender: <ann@example.org>\r\n"
		    "Sender: <ann@example.org>",
		    "554 5.6.0 the message header is broken" },
	};

	submission_hello();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		ask("MAIL FROM:<>", "250 ");
		ask("RCPT TO:<x@example.org>", "250 ");
		ask("DATA", "354 end with <CRLF>.<CRLF>");
		say(rows[i].header);
		say("\r\ntext\r\n.");
		hear(rows[i].want);
		silence();
		if (i > 0)
			continue;
		ck_assert_ptr_nonnull(strstr(buf_cstr(&queue.head), "Date: "));
		ck_assert_ptr_nonnull(strstr(buf_cstr(&queue.head),
		    "Message-ID: <"));
	}
	ask("MAIL FROM:<>", "250 ");
	ask("RCPT TO:<x@example.org>", "250 ");
	ask("DATA", "354 ");
	queue.auth_fails = true;
	say("From: <ann@example.org>\r\n\r\n.");
	hear("451 4.3.0 local error");
	quit();
}
END_TEST

/* A login that is no longer valid ends at MAIL, whoever the sender is, and a
   message under way is put off. */
START_TEST(revoked)
{
	static const char *const mail[] = { "MAIL FROM:<ann@example.org>",
		"MAIL FROM:<>" };

	for (int i = 0; i < 2; i++) {
		submission_hello();
		ask(mail[i], "250 ");
		ask("RSET", "250 ");
		queue.revoked = true;
		say(mail[i]);
		hear("421 4.7.0 mail.example.org the login is no longer valid");
		over();
		smtp_end();
	}
	submission_hello();
	ask("MAIL FROM:<ann@example.org>", "250 ");
	ask("RCPT TO:<x@example.org>", "250 ");
	queue.revoked = true;
	data_of("From: <ann@example.org>\r\n\r\ntext");
	hear("451 4.3.0 local error");
	quit();
}
END_TEST

/* ---- limits */

/* 452 for who is too many: the others stand (RFC 5321 4.5.3.1.10). */
START_TEST(many_recipients)
{
	char line[100];

	smtp_hello(SERVICE_SMTP);
	ask("MAIL FROM:<a@b>", "250 ");
	for (int i = 0; i < 103; i++) {
		snprintf(line, sizeof line, "RCPT TO:<x%d@example.org>", i);
		ask(line, i < 100 ? "250 2.1.5 recipient ok" :
		    "452 4.5.3 too many recipients");
	}
	data_of("a: b");
	hear("250 2.0.0 accepted");
	ck_assert_uint_eq(queue.n_verdicts, 100);
	quit();
}
END_TEST

static void
repeat(const char *line, int times)
{
	struct buf b = { 0 };

	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%s\r\n", line);
	for (int i = 0; i < times; i += 1000) {
		world_say(buf_view(&b));
		buf_clear(&world.heard);
	}
	heard_at = 0;
	buf_free(&b);
}

/* Commands that may be said any number of times keep no memory (DOS-4). */
START_TEST(memory)
{
	struct mallinfo2 before, after;

	smtp_hello(SERVICE_SMTP);
	ask("MAIL FROM:<a@b>", "250 ");
	repeat("RCPT TO:<full@example.org>", 1000);
	before = mallinfo2();
	repeat("RCPT TO:<full@example.org>", 20000);
	after = mallinfo2();
	ck_assert_uint_lt(after.uordblks, before.uordblks + 200000);
	ask("RSET", "250 ");
	for (int i = 0; i < 2000; i++) {
		say("EHLO 0123456789.0123456789.0123456789.0123456789");
		buf_clear(&world.heard);
	}
	heard_at = 0;
	before = mallinfo2();
	ck_assert_uint_lt(before.uordblks, after.uordblks + 100000);
	quit();
}
END_TEST

/* Who errs, or guesses, too often is left (SMTP-10). */
START_TEST(left)
{
	smtp_hello(SERVICE_SMTP);
	for (int i = 0; i < 29; i++)
		ask("XYZZY", "500 5.5.1 no such command");
	say("XYZZY");
	hear("500 5.5.1");
	hear("421 4.7.0 mail.example.org too many errors");
	over();
	smtp_end();
	smtp_hello(SERVICE_SMTP);
	ask("MAIL FROM:<a@b>", "250 ");
	for (int i = 0; i < 7; i++)
		ask("RCPT TO:<u@example.org>", "550 5.1.1");
	say("RCPT TO:<u@example.org>");
	hear("550 5.1.1");
	hear("421 4.7.0 mail.example.org too many unknown recipients");
	over();
	smtp_end();
}
END_TEST

/* Who does not wait for the replies that must be waited for (RFC 2920 3.1),
   and who speaks another protocol (TLS-2). */
START_TEST(impatient)
{
	static const char *const early[] = { "EHLO c\r\nNOOP",
		"HELO c\r\nNOOP", "EHLO c\r\nMAIL FROM:<a@b>" };

	for (int i = 0; i < 3; i++) {
		talk_begin(SERVICE_SMTP);
		hear("220 ");
		say(early[i]);
		hear("554 5.5.0 you spoke before your turn");
		over();
		smtp_end();
	}
	smtp_hello(SERVICE_SMTP);
	envelope_to("x@example.org");
	say("DATA\r\nSubject: early");
	hear("554 5.5.0 you spoke before your turn");
	over();
	smtp_end();
	talk_begin(SERVICE_SMTP);
	hear("220 ");
	say("POST / HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<a@b>");
	over();
	smtp_end();
}
END_TEST

/* BDAT without a length cannot be understood, nor what is behind it
   (RFC 3030 2). */
START_TEST(chunk_syntax)
{
	static const char *const wrong[] = { "BDAT", "BDAT x", "BDAT -1",
		"BDAT 1 LAS", "BDAT 1 LAST now", "BDAT 99999999999999999999" };

	for (int i = 0; i < 6; i++) {
		smtp_hello(SERVICE_SMTP);
		envelope_to("x@example.org");
		say(wrong[i]);
		hear("501 5.5.2 syntax error");
		over();
		smtp_end();
	}
}
END_TEST

/* Whenever BDAT comes, its octets are no commands (RFC 3030 2). */
START_TEST(chunk_early)
{
	talk_begin(SERVICE_SMTP);
	hear("220 ");
	say("BDAT 6");
	say("QUIT");
	hear("503 5.5.1 say MAIL first");
	greet("EHLO c");
	say("BDAT 6\r\nQUIT");
	hear("503 5.5.1 say MAIL first");
	quit();
}
END_TEST

/* Bare CR or LF in DATA: refused, and what follows is no command (SMTP-1). */
START_TEST(bare)
{
	smtp_hello(SERVICE_SMTP);
	envelope_to("x@example.org");
	ask("DATA", "354 ");
	world_say(SLICE("a\n.\r\nMAIL FROM:<e@b>\r\n"));
	hear("554 5.6.0 the message has a bare LF: lines must end with CR LF");
	over();
	smtp_end();
	smtp_hello(SERVICE_SMTP);
	envelope_to("x@example.org");
	ask("DATA", "354 ");
	world_say(SLICE("a\r\n.\rMAIL FROM:<e@b>\r\n"));
	hear("554 5.6.0 the message has a bare CR: lines must end with CR LF");
	over();
	smtp_end();
}
END_TEST

/* ---- ends */

static int
knock(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, (const struct sockaddr *)at, sizeof *at),
	    0);
	world_run();
	return fd;
}

static void
told(int fd, const char *want)
{
	char text[200] = "";

	ck_assert_int_gt(recv(fd, text, sizeof text - 1, MSG_DONTWAIT), 0);
	ck_assert_int_eq(strncmp(text, want, strlen(want)), 0);
	close(fd);
}

/* Too many from one address, too many in all (RFC 5321 4.2.3). */
START_TEST(busy)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof at;
	int door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0), first, second;

	smtp_hello(SERVICE_SMTP);
	quit();
	ck_assert_int_eq(bind(door, (struct sockaddr *)&at, n), 0);
	ck_assert_int_eq(listen(door, 5), 0);
	ck_assert_int_eq(getsockname(door, (struct sockaddr *)&at, &n), 0);
	daemon_role.listen(door, SERVICE_SMTP);
	reload("allow 1 connection per address");
	first = knock(&at);
	second = knock(&at);
	told(first, "220 mail.example.org ESMTP Postino");
	told(second, "421 4.7.0 mail.example.org too many connections from your address");
	world_run();
	reload("allow 1 session per smtpd process");
	first = knock(&at);
	second = knock(&at);
	told(first, "220 mail.example.org ESMTP Postino");
	told(second, "421 4.3.2 mail.example.org too many connections, try again later");
	world_run();
	reload("");
}
END_TEST

/* Silence ends a session, and it hears so (RFC 5321 4.5.3.2.7). */
START_TEST(timeout)
{
	reload("wait 1 second for smtp commands");
	smtp_hello(SERVICE_SMTP);
	for (int i = 0; i < 40 && !world.over; i++) {
		usleep(50000);
		world_run();
	}
	hear("421 4.4.2 mail.example.org nothing was heard for too long");
	over();
	smtp_end();
	reload("");
}
END_TEST

/* A stop: who is at the prompt hears it at once, who waits for queue first
   gets its answer (RFC 5321 3.8).  The last test: the doors are shut. */
START_TEST(stop)
{
	struct queue_submit_out out = { .id = 0x1234,
		.verdicts = queue.verdicts, .n_verdicts = 1 };

	smtp_hello(SERVICE_SMTP);
	envelope_to("x@example.org");
	queue.queue_late = true;
	data_of("a: b");
	silence();
	ck_assert_ptr_nonnull(queue.late);
	daemon_role.stop();
	world_run();
	silence();
	ck_assert(!world.may_end);
	answer(queue.late, WIRE_OK, &out);
	world_run();
	hear("250 2.0.0 accepted: 0000000000001234");
	hear("421 4.3.2 mail.example.org going down, try again soon");
	over();
	ck_assert(world.may_end);
	smtp_end();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { mistakes, long_addresses, lmtp,
		recipients, starttls, logins, authors, revoked, many_recipients,
		memory, left, impatient, chunk_syntax, chunk_early, bare, busy,
		timeout, stop };

	return tests_run("session", tests, sizeof tests / sizeof *tests);
}
