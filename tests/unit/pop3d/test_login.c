/* The AUTHORIZATION state: TLS, logins, limits, and how sessions end. */
#include <check.h>
#include <malloc.h>

#include "tests/unit/pop3d/world.h"
#include "tests/unit/suite.h"

static size_t	heard_at;

static void
begin(enum service service)
{
	/* A test that failed has left its session. */
	if (world.client >= 0)
		world_disconnect();
	pop3_reset();
	letter_add(1, SLICE("A: b\r\n\r\ntext\r\n"));
	pop3_begin(service);
}

/* All that comes is exactly this. */
static void
say(struct slice s, const char *want)
{
	struct slice heard;

	heard_at = world.heard.n;
	world_say(s);
	heard = slice_drop(buf_view(&world.heard), heard_at);
	if (!slice_eq(heard, slice_str(want)))
		ck_abort_msg("%.*s: want \"%s\" heard \"%.*s\"", (int)s.n,
		    s.p, want, (int)heard.n, heard.n > 0 ? heard.p : "");
}

static void
ask(const char *line, const char *want)
{
	struct buf b = { 0 };

	buf_printf(&b, "%s\r\n", line);
	say(buf_view(&b), want);
	buf_free(&b);
}

static void
quit(void)
{
	ask("QUIT", "+OK bye\r\n");
	ck_assert(world.over);
	pop3_end();
}

static void
reload(const char *more)
{
	struct buf text = { 0 };

	buf_printf(&text, "server name mail.example.org\n"
	    "privileges none\n%s\n", more);
	world_reload(buf_cstr(&text));
	buf_free(&text);
}

/* No password in the clear, and what was said there is forgotten
   (RFC 2595 2.3 and 4). */
START_TEST(tls)
{
	begin(SERVICE_POP3);
	ck_assert(slice_starts(buf_view(&world.heard),
	    SLICE("+OK mail.example.org POP3 ")));
	ask("USER ann", "-ERR [AUTH] say STLS first: no passwords in the "
	    "clear\r\n");
	ask("PASS secret", "-ERR [AUTH] say STLS first: no passwords in the "
	    "clear\r\n");
	ask("AUTH PLAIN AGFubgBzZWNyZXQ=", "-ERR [AUTH] say STLS first: no "
	    "passwords in the clear\r\n");
	ask("CAPA", "+OK what we can do\r\nTOP\r\nUIDL\r\nRESP-CODES\r\n"
	    "AUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\nSTLS\r\n"
	    "IMPLEMENTATION Postino\r\n.\r\n");
	ask("STLS", "+OK go ahead with TLS\r\n");
	ask("STLS", "-ERR TLS is active already\r\n");
	ask("CAPA", "+OK what we can do\r\nTOP\r\nUIDL\r\nRESP-CODES\r\n"
	    "AUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\nUSER\r\n"
	    "SASL PLAIN\r\nIMPLEMENTATION Postino\r\n.\r\n");
	ask("USER ann", "+OK and the password?\r\n");
	ask("PASS secret", "+OK 1 messages\r\n");
	ask("STLS", "-ERR you are logged in already\r\n");
	quit();
	ck_assert_uint_eq(login.outs, 1);
}
END_TEST

/* Commands behind STLS in the clear end the session (RFC 2595 4, SMTP-5). */
START_TEST(injection)
{
	begin(SERVICE_POP3);
	say(SLICE("STLS\r\nUSER evil\r\n"),
	    "-ERR you spoke before your turn\r\n");
	ck_assert(world.over);
	ck_assert_uint_eq(world.tls_starts, 0);
	pop3_end();
	begin(SERVICE_POP3);
	world.no_tls = true;
	ask("STLS", "-ERR [SYS/TEMP] TLS is not available now\r\n");
	quit();
}
END_TEST

/* Right and wrong logins; a name is not known to be one before its password
   (RFC 1939 7, RFC 5034 4, LOGIN-1). */
START_TEST(logins)
{
	begin(SERVICE_POP3S);
	ask("PASS secret", "-ERR say USER first\r\n");
	ask("USER", "-ERR USER name\r\n");
	ask("USER ann", "+OK and the password?\r\n");
	ask("PASS wrong", "-ERR [AUTH] wrong name or password\r\n");
	ask("PASS secret", "-ERR say USER first\r\n");
	ask("USER ann", "+OK and the password?\r\n");
	ask("PASS  secret", "-ERR [AUTH] wrong name or password\r\n");
	ask("AUTH", "-ERR mechanism is not offered\r\n");
	ask("AUTH PLAIN !", "-ERR not base64, or not PLAIN\r\n");
	ask("AUTH PLAIN", "+ \r\n");
	ask("*", "-ERR authentication cancelled\r\n");
	ask("STAT", "-ERR log in first\r\n");
	ask("RETR 1", "-ERR log in first\r\n");
	ck_assert_uint_eq(login.ins, 0);
	ask("AUTH PLAIN", "+ \r\n");
	ask("AGFubgBzZWNyZXQ=", "+OK 1 messages\r\n");
	ask("AUTH PLAIN AGFubgBzZWNyZXQ=", "-ERR you are logged in already\r\n");
	quit();
}
END_TEST

/* Everything in one packet is answered in order (RFC 2449 6.6). */
START_TEST(pipelining)
{
	begin(SERVICE_POP3S);
	say(SLICE("USER ann\r\nPASS secret\r\nSTAT\r\nRETR 1\r\nNOOP\r\nQUIT\r\n"),
	    "+OK and the password?\r\n+OK 1 messages\r\n+OK 1 14\r\n"
	    "+OK 14 octets\r\nA: b\r\n\r\ntext\r\n.\r\n+OK still here\r\n"
	    "+OK bye\r\n");
	ck_assert(world.over);
	pop3_end();
}
END_TEST

/* USER may be said any number of times and keeps no memory (DOS-4). */
START_TEST(memory)
{
	struct buf b = { 0 };
	struct mallinfo2 before, after;

	for (int i = 0; i < 500; i++)
		buf_printf(&b, "USER %0500d\r\n", i);
	begin(SERVICE_POP3S);
	world_say(buf_view(&b));
	buf_clear(&world.heard);
	before = mallinfo2();
	for (int i = 0; i < 20; i++) {
		world_say(buf_view(&b));
		buf_clear(&world.heard);
	}
	after = mallinfo2();
	ck_assert_uint_lt(after.uordblks, before.uordblks + 200000);
	buf_free(&b);
	ask("USER ann", "+OK and the password?\r\n");
	ask("PASS secret", "+OK 1 messages\r\n");
	quit();
}
END_TEST

/* A client that talks but does not log in is left in time; one that is in may
   take longer (RFC 1939 3, DOS-1). */
START_TEST(deadline)
{
	reload("wait 1 second for logins");
	begin(SERVICE_POP3S);
	for (int i = 0; i < 60 && !world.over; i++) {
		usleep(50000);
		world_say(SLICE("CAPA\r\n"));
	}
	ck_assert(world.over);
	pop3_end();
	begin(SERVICE_POP3S);
	ask("USER ann", "+OK and the password?\r\n");
	ask("PASS secret", "+OK 1 messages\r\n");
	usleep(1200000);
	world_run();
	ask("NOOP", "+OK still here\r\n");
	quit();
	reload("");
}
END_TEST

/* Lines that are none, and too many errors. */
START_TEST(errors)
{
	struct buf b = { 0 };

	reload("end sessions after 5 errors");
	begin(SERVICE_POP3);
	say(SLICE("CAPA\n"), "-ERR a line ends with CR LF and has no CR, LF "
	    "or NUL\r\n");
	say(SLICE("NO\0OP\r\n"), "-ERR a line ends with CR LF and has no CR, "
	    "LF or NUL\r\n");
	buf_printf(&b, "%013000d", 0);
	ask(buf_cstr(&b), "-ERR line is too long\r\n");
	ask("XYZZY", "-ERR no such command\r\n");
	ask("XYZZY", "-ERR no such command\r\n"
	    "-ERR [SYS/TEMP] too many errors\r\n");
	ck_assert(world.over);
	pop3_end();
	buf_free(&b);
	reload("");
}
END_TEST

/* A stop: who is at the prompt hears it, and nothing is deleted
   (RFC 1939 6).  The last test: the doors are shut. */
START_TEST(stop)
{
	begin(SERVICE_POP3S);
	ask("USER ann", "+OK and the password?\r\n");
	ask("PASS secret", "+OK 1 messages\r\n");
	ask("DELE 1", "+OK marked; it goes at QUIT\r\n");
	heard_at = world.heard.n;
	daemon_role.stop();
	world_run();
	ck_assert(slice_eq(slice_drop(buf_view(&world.heard), heard_at),
	    SLICE("-ERR [SYS/TEMP] going down, try again soon\r\n")));
	ck_assert(world.over && world.may_end);
	ck_assert_uint_eq(drop.expunges, 0);
	pop3_end();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { tls, injection, logins, pipelining,
		memory, deadline, errors, stop };
	Suite *s = suite_create("login");
	TCase *t = tcase_create("login");

	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
		tcase_add_test(t, tests[i]);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return suite_end(s);
}
