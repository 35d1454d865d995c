/* postino trace: lines of the log read back, put into words, and joined to
   stories, over rotated and compressed files. */
#include "tests/unit/ctl/run.h"

#include <zlib.h>

#include "common/core/log.h"
#include "ctl/logfile.h"
#include "ctl/logline.h"
#include "ctl/story.h"

static struct arena	 arena;
static struct log_line	 line;
static char		 written[8192];

static bool
read_line(const char *text)
{
	return log_line_read(&arena, slice_str(text), &line);
}

static void
ck_field(const char *name, const char *want)
{
	struct slice have = log_line_field(&line, name);

	if (!slice_eq(have, slice_str(want)))
		ck_abort_msg("%s is \"%.*s\", not \"%s\"", name, (int)have.n,
		    have.p, want);
}

static void
keep_written(const char *text, size_t n)
{
	memcpy(written, text, n);
	written[n - 1] = '\0';
}

/* What log.c writes is read as it was, whatever octets it has. */
START_TEST(what_is_written_is_read)
{
	static const char *const values[] = { "a", "a b", "a=b", "\"q\"",
		"back\\slash", "\\", "\\x41", "new\nline", "\xff\xfe", "\x1b[2J",
		"J\xc3\xb6rg", "\" \\\" =" };

	log_divert(keep_written);
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		LOG(sent, .id = 0x68a1b2c300000002, .rcpt = slice_str(values[i]),
		    .remote = SLICE("x [1.2.3.4]"), .why = SLICE("end"));
		ck_assert(read_line(written));
		ck_assert(slice_eq(line.event, SLICE("sent")));
		ck_field("rcpt", values[i]);
		ck_field("remote", "x [1.2.3.4]");
		ck_field("why", "end");
		ck_assert_uint_eq(log_line_id(&line, "id"),
		    0x68a1b2c300000002);
	}
	log_divert(NULL);
}
END_TEST

START_TEST(odd_lines)
{
	static const char *const others[] = { "", "x", "2026-11-23T10:11:12",
		"2026-11-23T10:11:12.123456Z", "2026-11-23T10:11:12.123456Z ",
		"2026-11-23T10:11:12.123456Z queue info sent id=1",
		"2026-11-23T10:1x:12.123456Z queue[1] info sent id=1",
		"Nov 23 10:11:12 host kernel: hello" };

	ck_assert(read_line("2026-11-23T10:11:12.123456Z queue[71] warn kept "
	    "id=68a1b2c300000001 n=5"));
	ck_assert_uint_eq(line.when, 1795428672123);
	ck_assert(slice_eq(line.process, SLICE("queue")));
	ck_assert(slice_eq(line.level, SLICE("warn")));
	ck_assert_uint_eq(line.pid, 71);
	ck_assert_uint_eq(line.n, 2);
	ck_assert_uint_eq(log_line_number(&line, "n"), 5);
	ck_assert_uint_eq(log_line_number(&line, "m"), 0);
	ck_assert_uint_eq(log_line_id(&line, "n"), 0);
	/* Behind what journald puts there; without fields. */
	ck_assert(read_line("Nov 23 10:11:12 host postino[1]: "
	    "2026-11-23T10:11:12.000001Z queue[71] info stopped"));
	ck_assert_uint_eq(line.n, 0);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		ck_assert(!read_line(others[i]));
	/* Cut off in the middle. */
	ck_assert(read_line("2026-11-23T10:11:12.123456Z queue[71] info sent "
	    "id=68a1b2c300000001 why=\"a b"));
	ck_field("why", "a b");
	ck_assert(read_line("2026-11-23T10:11:12.123456Z queue[71] info sent "
	    "why=\"a\\"));
	ck_assert(read_line("2026-11-23T10:11:12.123456Z queue[71] info sent "
	    "why="));
}
END_TEST

static const char *
told(const char *text)
{
	static struct buf b;

	ck_assert(read_line(text));
	buf_clear(&b);
	story_tell(&b, &line);
	return buf_cstr(&b);
}

#define T "2026-11-23T10:11:12.123456Z "

START_TEST(in_words)
{
	ck_assert_str_eq(told(T "queue[1] info sent rcpt=a@b remote=\"c [d]\" "
	    "why=\"250 ok\""), "<a@b> was taken by c [d]: 250 ok");
	ck_assert_str_eq(told(T "queue[1] info sent rcpt=a@b remote=c"),
	    "<a@b> was taken by c");
	ck_assert_str_eq(told(T "relay[1] info relay_offered remote=c "
	    "recipients=3"), "offered to c: none of 3 taken");
	ck_assert_str_eq(told(T "x[1] info nothing_of_ours a=b c=d"),
	    "nothing_of_ours: a b, c d");
	ck_assert_str_eq(told(T "x[1] info worker_lost worker=2"),
	    "a worker's link ended while it held messages: worker 2");
}
END_TEST

/* Each row of story.def is about an event there is, and its fields. */
START_TEST(words_fit_the_events)
{
	static const struct { const char *name, *fields; } events[] = {
#define EVENT(name, level, doc)	{ #name, " "
#define ID(f)			#f " "
#define NUM(f)			#f " "
#define STR(f)			#f " "
#define END(name)		},
#include "common/core/events.def"
	};

	for (unsigned i = 0; i < n_stories; i++) {
		const char *fields = NULL, *at = stories[i].words;
		char name[64];

		for (size_t k = 0; k < sizeof events / sizeof *events; k++)
			if (strcmp(events[k].name, stories[i].event) == 0)
				fields = events[k].fields;
		if (fields == NULL)
			ck_abort_msg("no event %s", stories[i].event);
		while ((at = strchr(at, '{')) != NULL) {
			at++;
			snprintf(name, sizeof name, " %.*s ",
			    (int)strcspn(at, ":}"), at);
			if (strstr(fields, name) == NULL)
				ck_abort_msg("%s has no field%s",
				    stories[i].event, name);
		}
	}
}
END_TEST

/* ---- the command */

#define A "68a1b2c300000001"
#define B "68a1b2c300000002"
#define S "session=27352104961 "

static const char oldest[] =
    T "smtpd[9] info smtp_open " S "client=192.0.2.7 service=smtp\n"
    T "smtpd[9] info smtp_open session=5 client=192.0.2.8 service=smtp\n"
    "no line of ours\n";
static const char older[] =
    T "smtpd[9] info smtp_rcpt_refused " S "from=eve@far.example "
    "rcpt=nobody@a.example code=5.1.1\n"
    T "queue[1] info message_accepted id=" A " " S "from=eve@far.example "
    "recipients=2 rcpt=ann@a.example size=512 how=spooled\n";
static const char newest[] =
    T "store[2] info copy_stored id=" A " user=1 mailbox=1 uid=7 bytes=600\n"
    T "smtpd[9] info smtp_close " S "client=192.0.2.7 why=\"it hung up\"\n"
    T "queue[1] info delivered id=" A " rcpt=ann@a.example\n"
    T "queue[1] info undeliverable id=" A " rcpt=\"b \\x1B c@d.example\" "
    "code=5.1.1 why=\"550 no \\\"b\\\"\" remote=\"mx [192.0.2.9]\"\n"
    T "queue[1] info bounced id=" B " about=" A " to=eve@far.example "
    "recipients=1\n"
    T "queue[1] info sent id=" B " rcpt=eve@far.example remote=mx.far\n"
    T "queue[1] info sent id=68a1b2c3000000ff rcpt=x@y.example remote=z\n";

static void
setup(void)
{
	char text[300];
	gzFile gz;

	snprintf(text, sizeof text, "server name mail.a.example\n"
	    "log to %s/log\n", run_folder);
	run_write("conf", text);
	run_write("log", newest);
	run_write("log.1", older);
	gz = gzopen(run_path("log.2.gz"), "w");
	gzputs(gz, oldest);
	gzclose(gz);
	run_write("log.old", newest);		/* not one of them */
	run_write("login.1", newest);
}

static void
teardown(void)
{
	static const char *const names[] = { "log", "log.1", "log.2.gz",
		"log.old", "login.1" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlink(run_path(names[i]));
}

static const char *
with(const char *words)
{
	static char text[4096];

	snprintf(text, sizeof text, "-c %s %s", run_path("conf"), words);
	return text;
}

#define DAY "  2026-11-23 10:11:12.123  "

START_TEST(a_message)
{
	ck_assert_int_eq(run(with("trace " A)), EX_OK);
	ck_assert_str_eq(talk, "");
	ck_assert_str_eq(data, A "\n"
	    DAY "smtpd       192.0.2.7 connects (smtp)\n"
	    DAY "smtpd       <eve@far.example> may not send to "
	    "<nobody@a.example>: 5.1.1\n"
	    DAY "queue       taken from <eve@far.example> for <ann@a.example>, "
	    "recipients 2, 512 bytes: spooled\n"
	    DAY "store       stored: user 1, mailbox 1, UID 7, 600 bytes\n"
	    DAY "smtpd       192.0.2.7 leaves: it hung up\n"
	    DAY "queue       <ann@a.example> has it\n"
	    DAY "queue       <b \\x1B c@d.example> is refused for good by "
	    "mx [192.0.2.9]: 5.1.1 550 no \"b\"\n"
	    DAY "queue       report " B " about " A " goes to "
	    "<eve@far.example>\n"
	    "\n" B "\n"
	    DAY "queue       report " B " about " A " goes to "
	    "<eve@far.example>\n"
	    DAY "queue       <eve@far.example> was taken by mx.far\n");
}
END_TEST

/* From any end: the report, the sender, a recipient, a domain. */
START_TEST(from_any_end)
{
	static const char *const ends[] = { B, "Eve@Far.example",
		"ann@a.example", "@far.example", "@a.example" };
	char words[100];

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		snprintf(words, sizeof words, "trace %s", ends[i]);
		ck_assert_int_eq(run(with(words)), EX_OK);
		ck_has(data, "192.0.2.7 connects");
		ck_has(data, "taken from <eve@far.example>");
		ck_has(data, "\n" B "\n");
		ck_assert_ptr_null(strstr(data, "x@y.example"));
	}
	ck_assert_int_eq(run(with("trace x@y.example")), EX_OK);
	ck_assert_int_eq(run_lines(data), 2);
}
END_TEST

/* Nothing came of it but a refusal; of others in that session nothing. */
START_TEST(a_refusal)
{
	run_write("log", T "smtpd[9] info smtp_rcpt_refused session=5 "
	    "rcpt=x@a.example code=5.1.1\n" T "smtpd[9] info smtp_rcpt_refused "
	    "session=5 rcpt=y@a.example code=5.1.1\n");
	ck_assert_int_eq(run(with("trace y@a.example")), EX_OK);
	ck_assert_str_eq(data, "session 5\n"
	    DAY "smtpd       192.0.2.8 connects (smtp)\n"
	    DAY "smtpd       <> may not send to <y@a.example>: 5.1.1\n");
}
END_TEST

START_TEST(for_programs)
{
	ck_assert_int_eq(run(with("--json trace " B)), EX_OK);
	ck_assert_int_eq(run_lines(data), 10);
	ck_has(data, "{\"message\":\"" A "\",\"session\":27352104961,"
	    "\"time\":1795428672123,\"process\":\"smtpd\",\"pid\":9,"
	    "\"level\":\"info\",\"event\":\"smtp_open\",\"text\":"
	    "\"192.0.2.7 connects (smtp)\",\"fields\":{\"session\":"
	    "\"27352104961\",\"client\":\"192.0.2.7\","
	    "\"service\":\"smtp\"}}\n");
	ck_has(data, "\"rcpt\":\"b \\u001B c@d.example\"");
	ck_assert_int_eq(run(with("--plain trace x@y.example")), EX_OK);
	ck_assert_str_eq(data, "68a1b2c3000000ff\t\t1795428672123\tqueue\t1\t"
	    "info\tsent\t<x@y.example> was taken by z\t"
	    "id=68a1b2c3000000ff rcpt=x@y.example remote=z\n");
}
END_TEST

START_TEST(other_logs)
{
	char words[400];

	snprintf(words, sizeof words, "trace --log %s/log.1 " A, run_folder);
	ck_assert_int_eq(run(with(words)), EX_OK);
	ck_assert_int_eq(run_lines(data), 3);
	ck_assert_int_eq(run_with(newest, with("trace --log - " A)), EX_OK);
	ck_has(data, "<ann@a.example> has it");
	ck_error(EX_NOINPUT, with("trace --log /nowhere/log " A),
	    "No such file");
	ck_error(EX_NOUSER, with("trace 0000000000000001"),
	    "the log begins 2026-11-23 10:11:12");
	ck_error(EX_NOUSER, with("trace " A " --since 2030-01-01"),
	    "nothing about");
	ck_error(EX_DATAERR, with("trace xyz"), "is not a message");
	ck_error(EX_DATAERR, with("trace a@b@c"), "is not an address");
	ck_error(EX_DATAERR, with("trace " A " --since yesterday"),
	    "is no time");
	ck_error(EX_USAGE, with("trace"), "ID|ADDRESS");
	run_write("log", "");
	run_write("log.1", "");
	unlink(run_path("log.2.gz"));
	ck_error(EX_NOUSER, with("trace " A), "no lines of Postino");
	run_write("conf", "server name mail.a.example\n");
	ck_error(EX_UNAVAILABLE, with("trace " A), "stderr");
}
END_TEST

/* What can be read of a damaged file is used, and it is said. */
START_TEST(damaged)
{
	char bytes[4096];
	FILE *f = fopen(run_path("log.2.gz"), "r");
	size_t n = fread(bytes, 1, sizeof bytes, f);

	fclose(f);
	f = fopen(run_path("log.2.gz"), "w");
	fwrite(bytes, 1, n - 6, f);
	fclose(f);
	ck_assert_int_eq(run(with("trace ann@a.example")), EX_OK);
	ck_has(data, "<ann@a.example> has it");
	ck_has(talk, "1 of 3 log files");
}
END_TEST

/* A line without an end, and one longer than a line can be. */
START_TEST(odd_files)
{
	size_t n = 200000;
	char *text = mem_zero(n + 1000);

	memset(text, 'x', n);
	strcpy(text + n, "\n" T "queue[1] info delivered id=" A
	    " rcpt=ann@a.example");
	run_write("log.1", text);
	free(text);
	ck_assert_int_eq(run(with("trace --since 2020-01-01 " A)), EX_OK);
	ck_has(data, "<ann@a.example> has it");
	ck_has(data, "UID 7");
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, what_is_written_is_read);
	tcase_add_test(t, odd_lines);
	tcase_add_test(t, in_words);
	tcase_add_test(t, words_fit_the_events);
	tcase_add_test(t, a_message);
	tcase_add_test(t, from_any_end);
	tcase_add_test(t, a_refusal);
	tcase_add_test(t, for_programs);
	tcase_add_test(t, other_logs);
	tcase_add_test(t, damaged);
	tcase_add_test(t, odd_files);
}

int
main(void)
{
	return run_suite("trace", add);
}
