/*
 * Plays the conversations in tests/talk/relay: a remote server that says and hears what is
 * written there (remote.h), and what relay must report to the queue.
 *
 *	# The first comment line says the purpose, another the clause.
 *	conf send over at most 1 connection
 *	dns b.example mx 10 mx.b.example
 *	dns mx.b.example a 127.0.0.1
 *	dns c.example mx nodata		or nxdomain, bogus, failed, null
 *	waits 200			ms for each step, rather than the RFC's
 *	from ann@a.example
 *	rcpt bob@b.example		notify=3 orcpt=rfc822;x may follow
 *	text Subject: x\r\n\r\nhello\r\n	(\r\n ...) the message
 *	long 100000			so many octets, over a socket
 *	8bit  utf8  ret 1  envid x	facts of the envelope
 *	message				from here on the next message
 *	more				it is expected to ask for more
 *	result bob@b.example delivered 2.0.0 250*
 *
 * Outcomes are delivered, refused, later, and away: the whole destination is
 * tried later.  A * in the text is anything; "relayed" behind the address:
 * the next hop was told NOTIFY.  ${PORT} and ${DIR} are replaced.
 */
#include "tests/unit/relay/remote.h"

#include <glob.h>

#include "common/mail/addr.h"

static glob_t		 files;
static struct {
	struct slice	 text;
	struct slice	 path;
	struct buf	 conf;
	char		 dir[64];
	bool		 own_dns;
} talk;

/* ---- setting up */

static struct queue_next_out *
lease_now(void)
{
	return &world.leases[world.n_leases - 1];
}

static void
lease_new(void)
{
	struct queue_next_out *l = &world.leases[world.n_leases++];

	ck_assert_uint_lt(world.n_leases, LEASES);
	l->id = 1000 + world.n_leases;
	l->return_path = SLICE("ann@a.example");
	l->body = SLICE("Subject: hello\r\n\r\nHello.\r\n");
	l->size = l->body.n;
	l->recipients = arena_array(&world.arena, RCPTS,
	    sizeof *l->recipients);
}

static void
rcpt_add(struct slice rest)
{
	struct queue_next_out *l = lease_now();
	struct slice address = slice_cut(&rest, ' '), domain = address;
	struct wire_due *d = &l->recipients[l->n_recipients];
	uint64_t notify = 0;

	*d = (struct wire_due){ .number = (uint32_t)l->n_recipients++,
		.address = address };
	slice_cut(&domain, '@');
	l->destination = domain;
	while (rest.n > 0) {
		struct slice word = slice_cut(&rest, ' ');

		if (slice_starts(word, SLICE("notify=")) &&
		    slice_u64(slice_drop(word, 7), 15, &notify))
			d->notify = (uint8_t)notify;
		if (slice_starts(word, SLICE("orcpt=")))
			d->orcpt = slice_drop(word, 6);
	}
}

/* The message comes over a socket, from another child. */
static void
long_message(uint64_t n)
{
	struct queue_next_out *l = lease_now();
	static char piece[1 << 16];
	int fds[2];

	for (size_t i = 0; i < sizeof piece; i++)
		piece[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : 'x';
	ck_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	l->size = n;
	l->body = SLICE("");
	l->fd = fds[1];
	if (fork() != 0) {
		close(fds[0]);
		return;
	}
	close(fds[1]);
	for (ssize_t w; n > 0; n -= (uint64_t)w)
		if ((w = write(fds[0], piece, n < sizeof piece ? n :
		    sizeof piece)) <= 0)
			break;
	_exit(0);
}

static void
dns_line(struct slice rest)
{
	const char *name = arena_str(&world.arena, slice_cut(&rest, ' '));
	struct slice type = slice_cut(&rest, ' '), value = rest;
	enum rr rr = slice_eq(type, SLICE("mx")) ? RR_MX :
	    slice_eq(type, SLICE("a")) ? RR_A : RR_AAAA;
	static const char *const results[] = { "", "nodata", "nxdomain",
		"bogus", "failed" };
	uint64_t preference;

	talk.own_dns = true;
	for (unsigned i = DNS_NODATA; i <= DNS_FAILED; i++)
		if (slice_eq(value, slice_str(results[i]))) {
			dns_add(name, rr, (enum dns)i, SLICE(""));
			return;
		}
	if (slice_eq(value, SLICE("null")))
		dns_mx(name, 0, ".");
	else if (rr == RR_MX) {
		ck_assert(slice_u64(slice_cut(&value, ' '), 65535,
		    &preference));
		dns_mx(name, (unsigned)preference, arena_str(&world.arena,
		    value));
	} else
		dns_address(name, arena_str(&world.arena, value));
}

static bool
set_up(struct slice verb, struct slice rest)
{
	struct queue_next_out *l = lease_now();
	uint64_t n;

	if (slice_eq(verb, SLICE("from")))
		l->return_path = rest;
	else if (slice_eq(verb, SLICE("rcpt")))
		rcpt_add(rest);
	else if (slice_eq(verb, SLICE("text"))) {
		l->body = unescape(&world.arena, rest);
		l->size = l->body.n;
	} else if (slice_eq(verb, SLICE("long"))) {
		ck_assert(slice_u64(rest, 1 << 24, &n));
		long_message(n);
	} else if (slice_eq(verb, SLICE("8bit")))
		l->eightbit = 1;
	else if (slice_eq(verb, SLICE("utf8")))
		l->smtputf8 = l->eightbit = 1;
	else if (slice_eq(verb, SLICE("ret"))) {
		ck_assert(slice_u64(rest, 2, &n));
		l->ret = (uint8_t)n;
	} else if (slice_eq(verb, SLICE("envid")))
		l->envid = rest;
	else if (slice_eq(verb, SLICE("message")))
		lease_new();
	else if (slice_eq(verb, SLICE("dns")))
		dns_line(rest);
	else if (slice_eq(verb, SLICE("waits"))) {
		ck_assert(slice_u64(rest, 60000, &n));
		for (int i = 0; i < STEPS; i++)
			step_waits[i] = n;
	} else if (slice_eq(verb, SLICE("conf"))) {
		buf_slice(&talk.conf, rest);
		buf_char(&talk.conf, '\n');
	} else
		return false;
	return true;
}

/* ---- what became of it */

static void
check_result(struct slice rest, unsigned line)
{
	static const char *const names[] = { "delivered", "refused", "later",
		"away" };
	struct slice address = slice_cut(&rest, ' '),
	    outcome = slice_cut(&rest, ' '), code;
	const struct told *t = told_of(address);
	bool relayed = slice_eq(outcome, SLICE("relayed"));
	unsigned was;

	if (relayed)
		outcome = slice_cut(&rest, ' ');
	code = slice_cut(&rest, ' ');
	ck_assert_msg(t != NULL, "%s:%u: nothing was reported",
	    talk.path.p, line);
	was = t->result.outcome == OUTCOME_STORED ? 0 :
	    t->result.outcome == OUTCOME_REFUSED ? 1 :
	    t->result.scope == SCOPE_RECIPIENT ? 2 : 3;
	ck_assert_msg(slice_eq(outcome, slice_str(names[was])) &&
	    slice_eq(code, t->result.code) && matches(rest, t->result.text) &&
	    relayed == t->result.relayed && t->times == 1,
	    "%s:%u: %u times %s %.*s %.*s (%.*s)%s", talk.path.p, line,
	    t->times, names[was], (int)t->result.code.n, t->result.code.p,
	    (int)t->result.text.n, t->result.text.p,
	    (int)t->result.remote.n, t->result.remote.p,
	    t->result.relayed ? " relayed" : "");
}

/* ---- playing */

enum pass { PASS_SET_UP, PASS_REMOTE, PASS_CHECK };

static void
play(enum pass pass)
{
	struct slice text = talk.text;
	struct arena arena = { 0 };

	for (remote.line = 1; text.n > 0; remote.line++) {
		struct slice rest = slice_cut(&text, '\n');
		struct slice verb = slice_cut(&rest, ' ');

		if (verb.n == 0 || verb.p[0] == '#')
			continue;
		if (pass == PASS_SET_UP)
			set_up(verb, rest);
		else if (pass == PASS_REMOTE)
			remote_step(verb, rest, &arena);
		else if (slice_eq(verb, SLICE("result")))
			check_result(rest, remote.line);
		else if (slice_eq(verb, SLICE("more")))
			ck_assert_uint_gt(world.asked_more, 0);
	}
	arena_free(&arena);
}

static void
replace(struct buf *b, struct slice text)
{
	while (text.n > 0) {
		struct slice before = slice_cut(&text, '$');

		buf_slice(b, before);
		if (slice_starts(text, SLICE("{PORT}"))) {
			buf_u64(b, world.port);
			text = slice_drop(text, 6);
		} else if (slice_starts(text, SLICE("{DIR}"))) {
			buf_str(b, talk.dir);
			text = slice_drop(text, 5);
		}
	}
}

static void
load(const char *path)
{
	struct buf raw = { 0 }, text = { 0 };
	FILE *f = fopen(path, "r");
	char piece[4096];
	size_t n;

	ck_assert(f != NULL);
	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		buf_add(&raw, piece, n);
	fclose(f);
	talk.path = slice_str(path);
	remote.file = path;
	replace(&text, buf_view(&raw));
	talk.text = arena_slice(&world.arena, buf_view(&text));
	buf_free(&raw);
	buf_free(&text);
}

static void
folder_make(void)
{
	char path[96];
	FILE *f;

	snprintf(talk.dir, sizeof talk.dir, "/tmp/relay-talk-XXXXXX");
	ck_assert(mkdtemp(talk.dir) != NULL);
	snprintf(path, sizeof path, "%s/password", talk.dir);
	ck_assert((f = fopen(path, "w")) != NULL);
	fputs("secret word\n", f);
	fclose(f);
	snprintf(path, sizeof path, "%s/ca.pem", talk.dir);
	certificate_make(path);
}

static void
folder_remove(void)
{
	char path[96];

	snprintf(path, sizeof path, "%s/password", talk.dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/ca.pem", talk.dir);
	unlink(path);
	rmdir(talk.dir);
}

static void
set_up_all(const char *path)
{
	world_doors();
	folder_make();
	load(path);
	lease_new();
	buf_printf(&talk.conf, "server name mail.a.example\n"
	    "call mail servers on port %u\ntrust authorities in %s/ca.pem\n"
	    "send over at most 1 connection\n", world.port, talk.dir);
	play(PASS_SET_UP);
	if (!talk.own_dns) {
		dns_mx("b.example", 10, "mx.b.example");
		dns_address("mx.b.example", "127.0.0.1");
	}
}

START_TEST(talk_is_as_written)
{
	set_up_all(files.gl_pathv[_i]);
	world.remote = fork();
	if (world.remote == 0) {
		play(PASS_REMOTE);
		_exit(0);
	}
	world_start(buf_cstr(&talk.conf));
	folder_remove();
	while (world.n_told < world_rcpts() && world_run())
		;
	ck_assert_msg(world.n_told == world_rcpts(), "%s: no result",
	    talk.path.p);
	for (int i = 0; i < 4; i++)
		world_run();	/* it asks for more */
	pool_end();
	while (world.remote > 0 && world_run())
		;
	if (world.remote > 0)
		kill(world.remote, SIGKILL);
	play(PASS_CHECK);
	ck_assert_msg(world.remote == 0 && world.remote_status == 0,
	    "%s: the remote server heard something else", talk.path.p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("talk");
	TCase *t = tcase_create("talk");
	SRunner *r = srunner_create(s);
	const char *one = getenv("TALK");
	int failed;

	if (glob(one != NULL ? one : "tests/talk/relay/*.talk", 0, NULL,
	    &files) != 0)
		return 1;
	tcase_set_timeout(t, 30);
	tcase_add_loop_test(t, talk_is_as_written, 0, (int)files.gl_pathc);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	globfree(&files);
	return failed != 0;
}
