/* A configuration says what it means: each sentence, each default, each error
   with its place and the nearest word (UX-10, IPC-4). */
#include "tests/unit/core/conf.h"

#include "common/core/conf_parts.h"

/* ---- sentences */

START_TEST(defaults_are_those_promised)
{
	ck_assert_uint_eq(parse(""), 0);
	ck_assert_str_eq(conf.data_folder.p, "/var/lib/postino");
	ck_assert_str_eq(conf.run_folder.p, "/run/postino");
	ck_assert_str_eq(conf.log_to.p, "stderr");
	ck_assert_int_eq(conf.log_level, LOG_INFO);
	ck_assert_int_eq(conf.privileges, PRIVILEGES_DROP);
	ck_assert_str_eq(conf.user[ROLE_SMTPD].p, "_postino-smtpd");
	ck_assert_uint_eq(conf.workers[ROLE_STORE], 1);
	ck_assert_uint_eq(conf.workers[ROLE_KEY], 1);
	ck_assert_uint_eq(conf.workers[ROLE_CTL], 0);
	ck_assert_uint_eq(conf.n_listeners, 0);
	ck_assert_uint_eq(conf.n_certificates, 0);
	ck_assert_uint_eq(conf.message_max, 50 * MIB);
	ck_assert_uint_eq(conf.recipients_max, 1000);
	ck_assert_uint_eq(conf.connections_max, 20);
	ck_assert_uint_eq(conf.sessions[ROLE_POP3D], 1000);
	ck_assert_uint_eq(conf.sessions[ROLE_QUEUE], 0);
	ck_assert_uint_eq(conf.errors_max, 10);
	ck_assert_uint_eq(conf.unknown_max, 10);
	ck_assert_uint_eq(conf.smtp_wait, 300 * 1000);
	ck_assert_uint_eq(conf.data_wait, 600 * 1000);
	ck_assert_uint_eq(conf.pop3_wait, 600 * 1000);
	ck_assert_uint_eq(conf.login_wait, 60 * 1000);
	ck_assert_uint_eq(conf.hold_time, 2000);
	ck_assert_uint_eq(conf.hold_memory, 64 * MIB);
	ck_assert_uint_eq(conf.retry_first, 300 * 1000);
	ck_assert_uint_eq(conf.retry_most, 4 * 3600 * 1000);
	ck_assert_uint_eq(conf.warn_after, 4 * 3600 * 1000);
	ck_assert_uint_eq(conf.expire_after, 5 * 86400 * 1000);
	ck_assert_uint_eq(conf.free_floor, (75 + 2 * 64) * MIB);
	ck_assert_uint_eq(conf.cache, 256 * MIB);
	ck_assert_uint_eq(conf.segment, 64 * MIB);
	ck_assert_uint_eq(conf.undelete, 7 * 86400 * 1000);
	ck_assert_uint_eq(conf.quota, 0);
	ck_assert_int_eq(conf.separator, '+');
	ck_assert_str_eq(conf.archive.p, "Archive");
	ck_assert_str_eq(conf.drafts.p, "Drafts");
	ck_assert_str_eq(conf.junk.p, "Junk");
	ck_assert_str_eq(conf.sent.p, "Sent");
	ck_assert_str_eq(conf.trash.p, "Trash");
}
END_TEST

START_TEST(derived_defaults_follow_what_is_said)
{
	ck_assert_uint_eq(parse("accept messages up to 10 MB\n"
	    "server name mail.example.org\n"), 0);
	ck_assert_uint_eq(conf.free_floor, (15 + 2 * 64) * MIB);
	ck_assert_str_eq(conf.postmaster.p, "postmaster@mail.example.org");
	ck_assert_uint_eq(parse("refuse mail with less than 2 GB free\n"
	    "postmaster is ann@example.org\n"), 0);
	ck_assert_uint_eq(conf.free_floor, 2048 * MIB);
	ck_assert_str_eq(conf.postmaster.p, "ann@example.org");
}
END_TEST

START_TEST(lists_keep_their_order_and_fill_what_is_left_out)
{
	ck_assert_uint_eq(parse("listen smtp on *\n"
	    "listen lmtp at \"/run/my mail/lmtp\"\n"
	    "listen pop3s on ::1 port 2995\n"
	    "listen submissions on 2001:DB8:0::1 # canonical\n"
	    "certificate /a/1.pem key /a/1.key\n"
	    "certificate /a/2.pem key /a/2.key\n"
	    "certificate /a/3.pem key /a/3.key\n"), 0);
	ck_assert_uint_eq(conf.n_listeners, 4);
	ck_assert_int_eq(conf.listeners[0].service, SERVICE_SMTP);
	ck_assert_uint_eq(conf.listeners[0].port, 25);
	ck_assert_uint_eq(conf.listeners[0].path.n, 0);
	ck_assert_int_eq(conf.listeners[1].service, SERVICE_LMTP);
	ck_assert_str_eq(conf.listeners[1].path.p, "/run/my mail/lmtp");
	ck_assert_uint_eq(conf.listeners[1].mode, 0660);
	ck_assert_uint_eq(conf.listeners[1].address.n, 0);
	ck_assert_uint_eq(conf.listeners[2].port, 2995);
	ck_assert_uint_eq(conf.listeners[2].line, 3);
	ck_assert_str_eq(conf.listeners[3].address.p, "2001:db8::1");
	ck_assert_uint_eq(conf.listeners[3].port, 465);
	ck_assert_uint_eq(conf.n_certificates, 3);
	ck_assert_str_eq(conf.certificates[0].chain.p, "/a/1.pem");
	ck_assert_str_eq(conf.certificates[2].key.p, "/a/3.key");
}
END_TEST

START_TEST(sentences_of_a_role_touch_that_role_alone)
{
	ck_assert_uint_eq(parse("user of smtpd is mail-in\n"
	    "run 2 smtpd processes\n" "run 1 store process\n"
	    "allow 1 session per pop3d process\n"), 0);
	ck_assert_str_eq(conf.user[ROLE_SMTPD].p, "mail-in");
	ck_assert_str_eq(conf.user[ROLE_SUBMISSION].p, "_postino-submit");
	ck_assert_uint_eq(conf.workers[ROLE_SMTPD], 2);
	ck_assert_uint_eq(conf.workers[ROLE_SUBMISSION], 1);
	ck_assert_uint_eq(conf.sessions[ROLE_POP3D], 1);
	ck_assert_uint_eq(conf.sessions[ROLE_SMTPD], 1000);
}
END_TEST

/* Ways to write one value. */
static const struct {
	const char	*text;
	uint64_t	 value;
	size_t		 offset;
} values[] = {
#define AT(field) offsetof(struct conf, field)
	{ "accept messages up to 1 GB", 1024 * MIB, AT(message_max) },
	{ "accept messages up to 1GB", 1024 * MIB, AT(message_max) },
	{ "ACCEPT Messages up to 100 kb", 100 * 1024, AT(message_max) },
	{ "accept messages up to 65536 bytes", 65536, AT(message_max) },
	{ "accept messages up to 65536B", 65536, AT(message_max) },
	{ "\taccept   messages up to 1\tMB \t# x", MIB, AT(message_max) },
	{ "accept messages up to 1 MB\r", MIB, AT(message_max) },
	{ "accept messages up to 4 GB", 4096 * MIB, AT(message_max) },
	{ "accept messages up to 64 KB", 65536, AT(message_max) },
	{ "wait 90 s for smtp commands", 90000, AT(smtp_wait) },
	{ "wait 90sec for smtp commands", 90000, AT(smtp_wait) },
	{ "wait 2 min for smtp commands", 120000, AT(smtp_wait) },
	{ "wait 1 minute for smtp commands", 60000, AT(smtp_wait) },
	{ "wait 1h for smtp commands", 3600000, AT(smtp_wait) },
	{ "wait 1 day for smtp commands", 86400000, AT(smtp_wait) },
	{ "hold messages at most 250 ms", 250, AT(hold_time) },
	{ "hold messages at most 0 seconds", 0, AT(hold_time) },
	{ "give up after 4 d", 4 * 86400000, AT(expire_after) },
	{ "mailbox quota 2 GB", 2048 * MIB, AT(quota) },
	{ "mailbox quota none", 0, AT(quota) },
	{ "mailbox quota 1048576 GB", 1048576 * 1024 * MIB, AT(quota) },
};

START_TEST(a_value_has_its_unit)
{
	uint64_t v;

	ck_assert_msg(parse(values[_i].text) == 0, "%s", said());
	memcpy(&v, (char *)&conf + values[_i].offset, sizeof v);
	ck_assert_msg(v == values[_i].value, "%s: %llu", values[_i].text,
	    (unsigned long long)v);
}
END_TEST

START_TEST(separator_is_a_sign_or_nothing)
{
	ck_assert_uint_eq(parse("separate subaddresses with -"), 0);
	ck_assert_int_eq(conf.separator, '-');
	ck_assert_uint_eq(parse("separate subaddresses with nothing"), 0);
	ck_assert_int_eq(conf.separator, 0);
}
END_TEST

/* ---- errors: the whole line as it is told */

static const struct {
	const char	*text, *message;	/* after "postino.conf:" */
} faults[] = {
	{ "acept messages up to 50 MB",
	    "1:1: no sentence begins with \"acept\"; did you mean "
	    "\"accept\"?" },
	{ "\n\n  zzz", "3:3: no sentence begins with \"zzz\"" },
	{ "server nam x", "1:8: expected \"name\", found \"nam\"; for example: "
	    "server name mail.example.org" },
	{ "server", "1:7: expected \"name\", found the end of the line; for "
	    "example: server name mail.example.org" },
	{ "server   # name x", "1:7: expected \"name\", found the end of the "
	    "line; for example: server name mail.example.org" },
	{ "accept message up to 5 MB", "1:8: expected \"messages\" or \"up\", "
	    "found \"message\"; did you mean \"messages\"?" },
	{ "accept messages up to 50 MG", "1:26: expected \"byte\", \"KB\", "
	    "\"MB\" or \"GB\", found \"MG\"; did you mean \"MB\"?" },
	{ "accept messages up to 1 KB", "1:23: expected a size from 64 KB to "
	    "4 GB, found \"1\"; for example: accept messages up to 100 MB" },
	{ "accept messages up to 5 GB", "1:23: expected a size from 64 KB to "
	    "4 GB, found \"5\"; for example: accept messages up to 100 MB" },
	{ "accept messages up to 17179869185 GB", "1:23: expected a size from "
	    "64 KB to 4 GB, found \"17179869185\"; for example: accept "
	    "messages up to 100 MB" },
	{ "accept messages up to 18446744073709551616 MB", "1:23: expected a "
	    "size from 64 KB to 4 GB, found \"18446744073709551616\"; for "
	    "example: accept messages up to 100 MB" },
	{ "accept messages up to 5 MB now", "1:28: expected nothing more, "
	    "found \"now\"; for example: accept messages up to 100 MB" },
	{ "accept up to 99 recipients per message", "1:14: expected a number "
	    "from 100 to 10000, found \"99\"; for example: accept up to 500 "
	    "recipients per message" },
	{ "listen smpt on *", "1:8: expected \"smtp\", \"submission\", "
	    "\"submissions\", \"lmtp\", \"pop3\", \"pop3s\", \"imap\" or "
	    "\"imaps\", found \"smpt\"; did you mean \"smtp\"?" },
	{ "listen smtp on 1.2.3", "1:16: expected an IPv4 or IPv6 address or "
	    "*, found \"1.2.3\"; for example: listen smtp on 0.0.0.0 port "
	    "25" },
	{ "listen smtp on ::ffff:1.2.3.4", "1:16: expected an IPv4 or IPv6 "
	    "address or *, found \"::ffff:1.2.3.4\"; for example: listen smtp "
	    "on 0.0.0.0 port 25" },
	{ "listen smtp on * port 0", "1:23: expected a number from 1 to "
	    "65535, found \"0\"; for example: listen smtp on 0.0.0.0 port "
	    "25" },
	{ "listen lmtp to /x", "1:13: expected \"on\" or \"at\", found "
	    "\"to\"" },
	{ "listen lmtp on *", "1:17: expected \"port\": this service has no "
	    "port of its own" },
	{ "listen lmtp at /x mode 0888", "1:24: expected an octal file mode "
	    "such as 0660, found \"0888\"; for example: listen lmtp at "
	    "/run/postino/lmtp mode 0660" },
	{ "listen lmtp at /x mode 00660", "1:24: expected an octal file mode "
	    "such as 0660, found \"00660\"; for example: listen lmtp at "
	    "/run/postino/lmtp mode 0660" },
	{ "listen sub on *", "1:8: expected \"smtp\", \"submission\", "
	    "\"submissions\", \"lmtp\", \"pop3\", \"pop3s\", \"imap\" or "
	    "\"imaps\", found \"sub\"; did you mean \"submission\"?" },
	{ "log to postino.log", "1:8: expected \"stderr\" or a path from / of "
	    "at most 4000 bytes, found \"postino.log\"; for example: log to "
	    "/var/log/postino.log" },
	{ "log inf and above", "1:5: expected \"to\", \"debug\", \"info\", "
	    "\"warn\" or \"error\", found \"inf\"; did you mean \"info\"?" },
	{ "privileges", "1:11: expected \"drop\" or \"none\", found the end "
	    "of the line; for example: privileges none" },
	{ "user of mda is root", "1:16: expected a system user, by name or "
	    "number and not root, found \"root\"; for example: user of smtpd "
	    "is mail-in" },
	{ "user of mda is 0", "1:16: expected a system user, by name or "
	    "number and not root, found \"0\"; for example: user of smtpd is "
	    "mail-in" },
	{ "postmaster is ann", "1:15: expected an address such as "
	    "admin@example.org, found \"ann\"; for example: postmaster is "
	    "admin@example.org" },
	{ "sent mailbox is a/b", "1:17: expected the name of a mailbox, not "
	    "INBOX, without / * and % of at most 400 bytes, found \"a/b\"; "
	    "for example: sent mailbox is Outgoing" },
	{ "junk mailbox is Inbox", "1:17: expected the name of a mailbox, "
	    "not INBOX, without / * and % of at most 400 bytes, found "
	    "\"Inbox\"; for example: junk mailbox is Spam" },
	{ "separate subaddresses with @", "1:28: expected \"nothing\" or one "
	    "of + - _ = ~, found \"@\"; for example: separate subaddresses "
	    "with -" },
	{ "mailbox quota nnoe", "1:15: expected \"none\" or a size from 1 MB "
	    "to 1048576 GB, found \"nnoe\"; for example: mailbox quota 2 GB" },
	{ "wait long for logins", "1:6: expected a time from 1 second to 1 "
	    "day, found \"long\"" },
	{ "wait 1 minute for logisn", "1:19: expected \"smtp\", \"message\", "
	    "\"pop3\", \"imap\" or \"logins\", found \"logisn\"; did you mean "
	    "\"logins\"?" },
	{ "data in \"/a", "1:9: a quote that is not closed in this line" },
	{ "data in /a\"b", "1:9: a quote inside a word" },
	{ "data in \"/a\"b", "1:9: a quote inside a word" },
	{ "data in /a\x01", "1:11: a control character" },
	{ "data in \xc3\xa4\xc3\xb6 x", "1:9: expected a path from / of at "
	    "most 4000 bytes, found \"\xc3\xa4\xc3\xb6\"; for example: data "
	    "in /srv/mail" },
	{ "data in /\xc3\xa4 x", "1:12: expected nothing more, found \"x\"; "
	    "for example: data in /srv/mail" },
	{ "a b c d e f g h i j k l m n o p q", "1:33: more words than any "
	    "sentence has" },
	{ "quota none", "1:1: no sentence begins with \"quota\"" },
	{ "cache 1 MB of each index\ncache 1 MB of each index",
	    "2:1: this was said before, in line 1" },
	{ "run 2 mda processes\nrun 3 smtpd processes\nrun 4 mda processes",
	    "3:1: this was said before, in line 1" },
};

START_TEST(a_fault_is_told_with_its_place)
{
	char want[512];

	ck_assert_uint_eq(parse(faults[_i].text), 1);
	snprintf(want, sizeof want, FILENAME ":%s\n", faults[_i].message);
	ck_assert_str_eq(said(), want);
}
END_TEST

START_TEST(all_faults_are_told_in_one_run)
{
	struct slice text;
	unsigned lines = 0;

	ck_assert_uint_eq(parse("bad\nserver name a.b\nworse\n\n# fine\n"
	    "accept messages up to much\ndata in /d\n"), 3);
	for (text = slice_str(said()); text.n > 0; lines++)
		ck_assert(slice_starts(slice_cut(&text, '\n'),
		    SLICE(FILENAME ":")));
	ck_assert_uint_eq(lines, 3);
	/* what is right is kept */
	ck_assert_str_eq(conf.server_name.p, "a.b");
	ck_assert_str_eq(conf.data_folder.p, "/d");
}
END_TEST

START_TEST(a_flood_of_faults_is_counted_not_told)
{
	struct buf text = { 0 };

	for (unsigned i = 0; i < 3000; i++)
		buf_str(&text, "x\n");
	ck_assert_uint_eq(parse(buf_cstr(&text)), 3000);
	ck_assert_ptr_nonnull(strstr(said(), "and 2000 more errors"));
	ck_assert_ptr_null(strstr(said(), ":1001:"));
	buf_free(&text);
}
END_TEST

START_TEST(what_is_too_much_is_refused)
{
	struct buf text = { 0 };

	for (unsigned i = 0; i <= CONF_LIST_MAX; i++)
		buf_str(&text, "listen smtp on *\n");
	ck_assert_uint_eq(parse(buf_cstr(&text)), 1);
	ck_assert_uint_eq(conf.n_listeners, CONF_LIST_MAX);
	ck_assert_str_eq(said(), FILENAME ":501:1: more of these than can be "
	    "kept\n");
	while (text.n <= CONF_TEXT_MAX)
		buf_str(&text, "# more and more and more and more\n");
	ck_assert_uint_eq(parse(buf_cstr(&text)), 1);
	ck_assert_uint_eq(conf.n_listeners, 0);
	buf_clear(&text);
	/* sun_path has room for 107 bytes and a NUL */
	buf_printf(&text, "listen lmtp at /%0106d", 0);
	ck_assert_uint_eq(parse(buf_cstr(&text)), 0);
	buf_char(&text, '0');
	ck_assert_uint_eq(parse(buf_cstr(&text)), 1);
	buf_free(&text);
}
END_TEST

START_TEST(a_nul_is_no_end)
{
	static const char text[] = "data in /a\0b\n";

	ck_assert_uint_eq(conf_parse(&conf, slice_of(text, sizeof text - 1),
	    FILENAME, &errors), 1);
	ck_assert_str_eq(conf.data_folder.p, "/var/lib/postino");
}
END_TEST

/* Each prefix of an example, word by word, is an error or a sentence, and
   each word changed to nonsense is told at its own column. */
START_TEST(examples_cut_and_spoilt)
{
	const char *example = conf_sentences[_i].example;
	char text[256], place[48];
	size_t n = strlen(example);

	for (size_t i = 0; i <= n; i++) {
		memcpy(text, example, i);
		text[i] = '\0';
		ck_assert_uint_le(parse(text), 1);
	}
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && example[i - 1] != ' ')
			continue;
		snprintf(text, sizeof text, "%.*s*;;;%s", (int)i, example,
		    example + i + strcspn(example + i, " "));
		ck_assert_uint_eq(parse(text), 1);
		snprintf(place, sizeof place, FILENAME ":1:%zu: ", i + 1);
		ck_assert_msg(strncmp(said(), place, strlen(place)) == 0 ||
		    strstr(said(), "a size") || strstr(said(), "a time"),
		    "%s: %s", text, said());
	}
}
END_TEST

#define X63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* RFC 5321 4.1.2 and 4.5.3.1: Domain, Dot-string, and their lengths. */
START_TEST(words_have_their_form)
{
	static const struct {
		bool		 (*is)(struct slice);
		const char	*good[5], *bad[9];
	} forms[] = {
		{ word_is_host, { "a", "mail.example.org", "1.a-b.c", X63 },
		    { "", ".", "a.", ".a", "a..b", "-a.b", "a-.b", "a_b",
		    X63 "a" } },
		{ word_is_address, { "a@b", "a.b+c'd@e.f", X63 "a@b" },
		    { "", "a", "@b", "a@", ".a@b", "a.@b", "a..b@c", "a@b@c",
		    X63 "ab@c" } },
		{ word_is_user, { "_a", "mail-in", "a1", "1", "65534" },
		    { "", "0", "00", "root", "1a", "-a", "A", "a b",
		    "4294967295" } },
		{ word_is_place, { "/", "/a b", "stderr" },
		    { "", "a", "./a", "stdout" } },
	};

	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		for (size_t j = 0; j < 5 && forms[i].good[j]; j++)
			ck_assert_msg(forms[i].is(slice_str(forms[i].good[j])),
			    "%s", forms[i].good[j]);
		for (size_t j = 0; j < 9 && forms[i].bad[j]; j++)
			ck_assert_msg(!forms[i].is(slice_str(forms[i].bad[j])),
			    "%s", forms[i].bad[j]);
	}
}
END_TEST

START_TEST(distance_counts_steps)
{
	static const struct { const char *a, *b; unsigned far; } pairs[] = {
		{ "", "", 0 }, { "abc", "", 3 }, { "", "abc", 3 },
		{ "smtp", "SMTP", 0 }, { "smpt", "smtp", 1 },
		{ "kitten", "sitting", 3 }, { "ab", "ba", 1 },
		{ "message", "messages", 1 }, { "flaw", "lawn", 2 },
	};

	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
		ck_assert_uint_eq(word_distance(slice_str(pairs[i].a),
		    slice_str(pairs[i].b)), pairs[i].far);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, defaults_are_those_promised);
	tcase_add_test(t, derived_defaults_follow_what_is_said);
	tcase_add_test(t, lists_keep_their_order_and_fill_what_is_left_out);
	tcase_add_test(t, sentences_of_a_role_touch_that_role_alone);
	tcase_add_loop_test(t, a_value_has_its_unit, 0, COUNT(values));
	tcase_add_test(t, separator_is_a_sign_or_nothing);
	tcase_add_loop_test(t, a_fault_is_told_with_its_place, 0,
	    COUNT(faults));
	tcase_add_test(t, all_faults_are_told_in_one_run);
	tcase_add_test(t, a_flood_of_faults_is_counted_not_told);
	tcase_add_test(t, what_is_too_much_is_refused);
	tcase_add_test(t, a_nul_is_no_end);
	tcase_add_loop_test(t, examples_cut_and_spoilt, 0, CONF_SENTENCES);
	tcase_add_test(t, words_have_their_form);
	tcase_add_test(t, distance_counts_steps);
}

int
main(void)
{
	return conf_suite("conf", add);
}
