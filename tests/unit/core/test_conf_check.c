/* What does not fit together across sentences is told (UX-10). */
#include "tests/unit/core/conf.h"

#define GOOD "server name a.b\nlisten smtp on *\n"
#define CERT "certificate /a key /b\n"

static const struct {
	const char	*text, *message;	/* NULL: nothing is wrong */
	struct conf_machine machine;
} rules[] = {
	{ GOOD, NULL, { 0, 0 } },
	{ GOOD CERT "listen pop3s on *\nlisten submission on *", NULL,
	    { 0, 65536 } },
	{ "listen smtp on *", ": the server has no name; for example: server "
	    "name mail.example.org", { 0, 0 } },
	{ "server name a.b", ": no service listens; for example: listen smtp "
	    "on 0.0.0.0 port 25", { 0, 0 } },
	{ GOOD "listen pop3s on *", ":3:1: pop3s needs a certificate, for it "
	    "is TLS from the start; for example: certificate "
	    "/etc/postino/mail.pem key /etc/postino/mail.key", { 0, 0 } },
	{ GOOD "listen submission on *", ":3:1: submission needs a "
	    "certificate, for nobody may log in without TLS; for example: "
	    "certificate /etc/postino/mail.pem key /etc/postino/mail.key",
	    { 0, 0 } },
	{ GOOD "listen smtp on 127.0.0.1", ":3:1: line 2 listens there "
	    "already", { 0, 0 } },
	{ GOOD CERT "listen pop3 on 0.0.0.0\nlisten pop3 on 1.2.3.4",
	    ":5:1: line 4 listens there already", { 0, 0 } },
	{ GOOD CERT "listen pop3 on ::1\nlisten pop3 on ::",
	    ":5:1: line 4 listens there already", { 0, 0 } },
	{ GOOD CERT "listen pop3 on 0.0.0.0\nlisten pop3s on :: port 110",
	    NULL, { 0, 0 } },
	{ GOOD CERT "listen pop3 on 1.2.3.4\nlisten pop3 on 1.2.3.5",
	    NULL, { 0, 0 } },
	{ GOOD "listen lmtp at /a\nlisten lmtp at /a",
	    ":4:1: line 3 listens there already", { 0, 0 } },
	{ GOOD "listen lmtp at /a\nlisten lmtp at /b", NULL, { 0, 0 } },
	{ "server name a.b\nlisten lmtp on ::1 port 25",
	    ":2:1: LMTP must not be on port 25 (RFC 2033 5)", { 0, 0 } },
	{ GOOD CERT CERT, ":4:1: line 3 names this certificate already",
	    { 0, 0 } },
	{ GOOD "resolve names through 192.0.2.53\nresolve names through "
	    "2001:db8::53 port 5353", NULL, { 0, 0 } },
	{ GOOD "privileges none", NULL, { 1000, 0 } },
	{ GOOD "privileges none", ":3:1: root must drop privileges: start as "
	    "an ordinary user, or say: privileges drop", { 0, 0 } },
	{ GOOD, ": only root can drop privileges: start as root, or say: "
	    "privileges none", { 1000, 0 } },
	{ GOOD "data in /d\nsockets in /d", ":3:1: data and sockets must not "
	    "share a folder", { 0, 0 } },
	{ GOOD "user of smtpd is a\nuser of store is a",
	    ":3:1: store and smtpd must not be one user", { 0, 0 } },
	{ GOOD "wait 599 s for pop3 commands", ":3:1: POP3 clients must be "
	    "given 10 minutes (RFC 1939 3)", { 0, 0 } },
	{ GOOD "retry first after 5 h", ":3:1: the first retry comes later "
	    "than the longest time between two retries", { 0, 0 } },
	{ GOOD "warn senders after 5 days", ":3:1: senders are warned only "
	    "after messages are given up", { 0, 0 } },
	{ GOOD "warn senders after 1 h\ngive up after 4 h", ":4:1: messages "
	    "are given up before they are retried", { 0, 0 } },
	{ GOOD "refuse mail with less than 74 MB free", ":3:1: refuse mail "
	    "while there is still room for one and a half of the largest "
	    "message and two segments: here 203 MB", { 0, 0 } },
	{ GOOD "allow 9000 sessions per pop3d process", ":3:1: a pop3d "
	    "process may need 18140 descriptors, the hard limit is 18000: "
	    "raise that, or allow fewer sessions", { 0, 18000 } },
	{ GOOD "run 19 pop3d processes", ": a store process may need 20158 "
	    "descriptors, the hard limit is 19000: raise that, or allow "
	    "fewer sessions", { 0, 19000 } },
};

START_TEST(what_does_not_fit_together_is_told)
{
	char want[512] = "";
	unsigned n;

	ck_assert_msg(parse(rules[_i].text) == 0, "%s", said());
	n = conf_check(&conf, &rules[_i].machine, &errors);
	if (rules[_i].message != NULL)
		snprintf(want, sizeof want, FILENAME "%s\n",
		    rules[_i].message);
	ck_assert_str_eq(said(), want);
	ck_assert_uint_eq(n, rules[_i].message != NULL);
}
END_TEST

START_TEST(descriptors_are_two_a_session_and_one_in_store)
{
	uint64_t pop3d, store, queue;

	parse("run 2 pop3d processes");
	pop3d = conf_files(&conf, ROLE_POP3D);
	store = conf_files(&conf, ROLE_STORE);
	queue = conf_files(&conf, ROLE_QUEUE);
	parse("run 2 pop3d processes\nallow 1100 sessions per pop3d process\n"
	    "allow 1007 sessions per smtpd process");
	ck_assert_uint_eq(conf_files(&conf, ROLE_POP3D), pop3d + 200);
	ck_assert_uint_eq(conf_files(&conf, ROLE_STORE), store + 200);
	ck_assert_uint_eq(conf_files(&conf, ROLE_QUEUE), queue + 7);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_loop_test(t, what_does_not_fit_together_is_told, 0,
	    COUNT(rules));
	tcase_add_test(t, descriptors_are_two_a_session_and_one_in_store);
}

int
main(void)
{
	return conf_suite("conf check", add);
}
