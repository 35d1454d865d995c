/* Links: calls and answers between two processes, and what garbage does. */
#include "common/core/link.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/log.h"
#include "common/core/terms.h"
#include "tests/unit/suite.h"

static struct link	*asker, *answerer;
static enum wire_status	 got;
static unsigned		 answers, lost, ended;
static uint64_t		 got_id;
static struct request	*kept;
static int		 answerer_fd;
static char		 log_text[4096];

static void
keep_log(const char *line, size_t n)
{
	if (strlen(log_text) + n < sizeof log_text)
		strncat(log_text, line, n);
}

static void
setup(void)
{
	int pair[2];

	log_divert(keep_log);
	log_text[0] = '\0';
	loop_init();
	link_identity(ROLES);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	asker = link_new(ROLE_QUEUE, 0, LINK_LASTING);
	link_attach(asker, pair[0]);
	answerer = link_new(ROLE_SMTPD, 0, LINK_ONCE);
	link_serve(answerer);
	answerer_fd = pair[1];
	link_attach(answerer, answerer_fd);
	answers = lost = ended = 0;
	kept = NULL;
	got = WIRE_STATUSES;
}

/* Runs the loop for so many ms. */
static void
stop(struct timer *t)
{
	(void)t;
	loop_stop();
}

static void
run(uint64_t ms)
{
	struct timer t = { .fire = stop };

	timer_set(&t, loop_clock() + ms);
	loop_run();
	timer_stop(&t);
}

/* The other end notices, and is freed. */
static void
teardown(void)
{
	link_close(asker);
	run(5);
	log_divert(NULL);
}

static void
done(void *arg, enum wire_status status, const void *out)
{
	const struct queue_submit_out *o = out;

	(void)arg;
	got = status;
	answers++;
	got_id = o == NULL ? 0 : o->id;
	if (o != NULL && o->n_verdicts == 1)
		ck_assert(slice_eq(o->verdicts[0].text, SLICE("fine")));
}

static struct wire_recipient	one = { .address = { "a@b.c", 5 } };

static struct call *
submit(uint64_t ms, struct slice body)
{
	struct queue_submit_in in = { .return_path = SLICE("x@y.z"),
		.recipients = &one, .n_recipients = 1, .body = body };

	return link_call(asker, WIRE_queue_submit, &in, ms, done, NULL);
}

static void
answer_submit(struct request *r)
{
	struct wire_verdict v = { .outcome = OUTCOME_STORED,
		.code = SLICE("2.0.0"), .text = SLICE("fine") };
	struct queue_submit_out out = { .id = 42, .verdicts = &v,
		.n_verdicts = 1 };

	answer(r, WIRE_OK, &out);
}

static void
serve_submit(struct request *r)
{
	const struct queue_submit_in *in = REQUEST(queue_submit, r);

	ck_assert(slice_eq(in->return_path, SLICE("x@y.z")));
	ck_assert_uint_eq(in->n_recipients, 1);
	ck_assert(slice_eq(in->recipients[0].address, SLICE("a@b.c")));
	answer_submit(r);
}

static void
note_lost(struct request *r)
{
	lost++;
	ck_assert_ptr_null(r->from);
}

static void
keep(struct request *r)
{
	kept = r;
	r->lost = note_lost;
}

START_TEST(test_call)
{
	serve(WIRE_queue_submit, serve_submit);
	for (int i = 0; i < 100; i++)
		submit(1000, SLICE("hello"));
	run(50);
	ck_assert_uint_eq(answers, 100);
	ck_assert_int_eq(got, WIRE_OK);
	ck_assert_uint_eq(got_id, 42);
}
END_TEST

/* A frame of the largest body is cut into pieces by small socket buffers. */
START_TEST(test_large)
{
	struct buf body = { 0 };
	int small = 4096;

	serve(WIRE_queue_submit, serve_submit);
	buf_reserve(&body, WIRE_BODY_MAX);
	memset(body.p, 'x', body.n = WIRE_BODY_MAX);
	setsockopt(3, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	for (int i = 0; i < 20; i++)
		submit(5000, buf_view(&body));
	run(300);
	ck_assert_uint_eq(answers, 20);
	buf_free(&body);
}
END_TEST

/* An answer may come long after the request; a deadline ends the wait. */
START_TEST(test_late_and_timeout)
{
	serve(WIRE_queue_submit, keep);
	submit(0, SLICE(""));
	run(20);
	ck_assert_uint_eq(answers, 0);
	ck_assert_ptr_nonnull(kept);
	answer_submit(kept);
	run(20);
	ck_assert_int_eq(got, WIRE_OK);
	submit(20, SLICE(""));
	run(60);
	ck_assert_int_eq(got, WIRE_TIMEOUT);
	answer_submit(kept);	/* too late: dropped, no harm */
	run(20);
	ck_assert_uint_eq(answers, 2);
	ck_assert(link_up(asker));
}
END_TEST

/* Calls in flight at a death are GONE; later ones wait for the successor. */
START_TEST(test_death)
{
	int pair[2];

	serve(WIRE_queue_submit, keep);
	submit(0, SLICE(""));
	run(20);
	link_close(answerer);
	run(20);
	ck_assert_int_eq(got, WIRE_GONE);
	ck_assert_uint_eq(lost, 1);
	answer_submit(kept);	/* the asker is gone: harmless */
	submit(1000, SLICE(""));
	run(20);
	ck_assert_uint_eq(answers, 1);
	serve(WIRE_queue_submit, serve_submit);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	answerer = link_new(ROLE_SMTPD, 0, LINK_ONCE);
	link_serve(answerer);
	link_attach(answerer, pair[1]);
	link_attach(asker, pair[0]);
	run(30);
	ck_assert_uint_eq(answers, 2);
	ck_assert_int_eq(got, WIRE_OK);
}
END_TEST

static void
serve_fd(struct request *r)
{
	struct queue_begin_out out = { .id = 7 };
	int fd = REQUEST(queue_begin, r)->fd;

	ck_assert_int_gt(fd, 0);
	ck_assert_int_eq(write(fd, "seen", 4), 4);
	close(fd);
	answer(r, WIRE_OK, &out);
}

/* Descriptors arrive with the call they were sent with, among calls without. */
START_TEST(test_descriptors)
{
	char text[5] = "";
	int p[10][2];

	serve(WIRE_queue_begin, serve_fd);
	serve(WIRE_queue_submit, serve_submit);
	for (int i = 0; i < 10; i++) {
		struct queue_begin_in in = { .recipients = &one,
			.n_recipients = 1 };

		ck_assert_int_eq(pipe(p[i]), 0);
		in.fd = p[i][1];
		submit(1000, SLICE("between"));
		link_call(asker, WIRE_queue_begin, &in, 1000, NULL, NULL);
	}
	run(50);
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(read(p[i][0], text, 5), 4);
		ck_assert_str_eq(text, "seen");
		ck_assert_int_eq(read(p[i][0], text, 5), 0);
		close(p[i][0]);
	}
	ck_assert_uint_eq(answers, 10);
}
END_TEST

static void
note_end(struct link *l)
{
	(void)l;
	ended++;
}

/* IPC-3: whatever a peer sends, it is the peer that is dropped. */
static void
garbage(const void *bytes, size_t n, const char *why)
{
	int pair[2];
	struct link *l;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	l = link_new(ROLE_SMTPD, 0, LINK_ONCE);
	link_serve(l);
	link_on_end(l, note_end);
	link_attach(l, pair[1]);
	ended = 0;
	log_text[0] = '\0';
	ck_assert_int_eq(write(pair[0], bytes, n), (ssize_t)n);
	run(10);
	ck_assert_msg(ended == 1, "%s: not dropped", why);
	ck_assert_msg(strstr(log_text, why) != NULL, "%s: %s", why, log_text);
	close(pair[0]);
}

START_TEST(test_garbage)
{
	unsigned char head[WIRE_HEAD] = { 0 };

	serve(WIRE_queue_submit, serve_submit);
	garbage("GET / HTTP/1.1\r\n\r\n", 18, "not a frame");
	head[0] = WIRE_HEAD;
	head[8] = 0xff, head[9] = 0xff;
	garbage(head, sizeof head, "not a frame");
	/* A call that this role may not send at all. */
	head[8] = WIRE_store_append, head[9] = 0;
	garbage(head, sizeof head, "not its call");
	/* A box call, but over a link that is no session's channel. */
	head[8] = WIRE_box_open;
	garbage(head, sizeof head, "not its call");
	/* Its call, with no fields. */
	head[8] = WIRE_queue_submit;
	garbage(head, sizeof head, "request cannot be read");
	/* An answer to an answerer. */
	head[10] = 1;
	garbage(head, sizeof head, "not a frame");
	head[10] = 0;
	/* A descriptor is announced that did not come. */
	head[12] = 1;
	garbage(head, sizeof head, "descriptor missing");
}
END_TEST

/* Nobody but master is connected where wire.def has no call (section 2). */
START_TEST(test_matrix)
{
	ck_assert(wire_connected(ROLE_SMTPD, ROLE_QUEUE));
	ck_assert(wire_connected(ROLE_MDA, ROLE_STORE));
	ck_assert(!wire_connected(ROLE_SMTPD, ROLE_STORE));
	ck_assert(!wire_connected(ROLE_POP3D, ROLE_STORE));
	ck_assert(!wire_connected(ROLE_QUEUE, ROLE_STORE));
	ck_assert(!wire_connected(ROLE_STORE, ROLE_AUTH));
	for (int a = 0; a < ROLES; a++)
		for (int b = 0; b < ROLES; b++)
			ck_assert(!(wire_connected((enum role)a, (enum role)b)
			    && wire_connected((enum role)b, (enum role)a)));
	ck_assert(wire_allowed(WIRE_box_open, ROLE_POP3D, ROLE_STORE, true));
	ck_assert(!wire_allowed(WIRE_box_open, ROLE_POP3D, ROLE_STORE, false));
	ck_assert(!wire_allowed(WIRE_box_open, ROLE_SMTPD, ROLE_STORE, true));
}
END_TEST

/* CR, LF and NUL never get through a STR (IPC-2); through BYTES they do. */
START_TEST(test_text)
{
	static const char *const bad[] = { "a\nb", "a\rb" };
	struct arena arena = { 0 };
	struct buf b = { 0 };

	for (size_t i = 0; i < 3; i++) {
		struct auth_rcpt_in in = { .address = i < 2 ?
			slice_str(bad[i]) : slice_of("a\0b", 3) }, back;
		struct wire_out w = { .to = &b };

		buf_clear(&b);
		wire_rows[WIRE_auth_rcpt].in_put(&w, &in);
		ck_assert(!wire_decode_in(WIRE_auth_rcpt, buf_view(&b), 0,
		    &arena, &back));
	}
	buf_free(&b);
	arena_free(&arena);
}
END_TEST

/* ---- PRIV-8: passwords do not stay in memory */

enum { SECRET_SIZE = 48, MAPPING_MAX = 64 * 1024 * 1024 };

static struct request	*login_request;

/* Without being in memory itself: each byte is worked out. */
static char
secret_byte(size_t i)
{
	return (char)('!' + i * 37 % 89);
}

static size_t
count_secrets(const char *p, size_t n)
{
	size_t found = 0;

	for (size_t at = 0; at + SECRET_SIZE <= n; at++) {
		size_t i = 0;

		while (i < SECRET_SIZE && p[at + i] == secret_byte(i))
			i++;
		found += i == SECRET_SIZE;
	}
	return found;
}

/* How often it is in what this process may write to.  A sanitizer's shadow is
   too large to look at, and holds no copies. */
static size_t
secrets_in_memory(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int memory = open("/proc/self/mem", O_RDONLY);
	static char window[1 << 16];
	size_t found = 0;
	char line[512], mode;
	unsigned long from, to;

	ck_assert(maps != NULL && memory >= 0);
	while (fgets(line, sizeof line, maps) != NULL) {
		if (sscanf(line, "%lx-%lx r%c", &from, &to, &mode) != 3 ||
		    mode != 'w' || to - from > MAPPING_MAX)
			continue;
		for (; from < to; from += sizeof window - SECRET_SIZE) {
			ssize_t n = pread(memory, window, sizeof window,
			    (off_t)from);

			if (n > 0 && ((unsigned long)(uintptr_t)window +
			    sizeof window <= from || from + (size_t)n <=
			    (unsigned long)(uintptr_t)window))
				found += count_secrets(window, (size_t)n);
		}
		mem_wipe(window, sizeof window);
	}
	close(memory);
	fclose(maps);
	return found;
}

static void
keep_login(struct request *r)
{
	login_request = r;
}

static void
answer_login(void)
{
	struct auth_login_out out = { .login = LOGIN_DENIED };

	ck_assert_ptr_nonnull(login_request);
	ck_assert_uint_eq(count_secrets(REQUEST(auth_login,
	    login_request)->password.p, SECRET_SIZE), 1);
	answer(login_request, WIRE_OK, &out);
	login_request = NULL;
}

static void
log_in(struct link *l)
{
	char password[SECRET_SIZE] = { 0 };
	struct auth_login_in in = { .name = SLICE("ann"),
		.password = slice_of(password, sizeof password),
		.client = SLICE("192.0.2.1") };

	for (size_t i = 0; i < sizeof password; i++)
		password[i] = secret_byte(i);
	link_call(l, WIRE_auth_login, &in, 0, NULL, NULL);
	mem_wipe(password, sizeof password);
}

/* Links between submission and auth; asking is not yet connected. */
static void
login_links(struct link **asking, struct link **answering, int pair[2])
{
	serve(WIRE_auth_login, keep_login);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	*asking = link_new(ROLE_AUTH, 0, LINK_LASTING);
	*answering = link_new(ROLE_SUBMISSION, 0, LINK_ONCE);
	link_serve(*answering);
	link_attach(*answering, pair[1]);
}

START_TEST(test_secrets)
{
	struct auth_rcpt_in before = { .address = SLICE("a@b.c") };
	struct link *asking, *answering;
	int pair[2];

	login_links(&asking, &answering, pair);
	log_in(asking);			/* waits for a connection */
	ck_assert_uint_eq(secrets_in_memory(), 1);
	link_attach(asking, pair[0]);
	run(10);
	ck_assert_uint_eq(secrets_in_memory(), 1);	/* the request */
	answer_login();
	run(10);
	ck_assert_uint_eq(secrets_in_memory(), 0);
	/* Buffers that grow, and are not sent at once. */
	log_in(asking);
	for (int i = 0; i < 5000; i++)
		link_call(asking, WIRE_auth_rcpt, &before, 0, NULL, NULL);
	log_in(asking);
	ck_assert_uint_eq(secrets_in_memory(), 2);
	link_close(asking);
	run(10);
	ck_assert_uint_eq(secrets_in_memory(), 0);
}
END_TEST

/* Wherever the kernel cuts the frame. */
START_TEST(test_secrets_cut)
{
	for (size_t cut = 1; cut < 88; cut += 7) {
		struct link *asking, *answering;
		char frame[256];
		int pair[2];
		ssize_t n;

		login_links(&asking, &answering, pair);
		/* The frame, as the other side would read it. */
		log_in(asking);
		int wire[2];
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, wire), 0);
		link_attach(asking, wire[0]);
		run(2);
		n = read(wire[1], frame, sizeof frame);
		ck_assert_int_gt(n, 80);
		ck_assert_uint_lt(cut, (size_t)n);
		ck_assert_int_eq(write(pair[0], frame, cut), (ssize_t)cut);
		run(2);
		ck_assert_int_eq(write(pair[0], frame + cut, (size_t)n - cut),
		    n - (ssize_t)cut);
		mem_wipe(frame, sizeof frame);
		run(2);
		ck_assert_uint_eq(secrets_in_memory(), 1);
		answer_login();
		run(2);
		ck_assert_uint_eq(secrets_in_memory(), 0);
		close(pair[0]);
		close(wire[1]);
		link_close(asking);
		run(2);
	}
}
END_TEST

/* Nor are they shown. */
START_TEST(test_secrets_unseen)
{
	struct user_add_in in = { .address = SLICE("ann@b.c"),
		.password = SLICE("pass"), .hash = SLICE("$6$") };
	struct buf b = { 0 };

	wire_rows[WIRE_user_add].in_show(&b, &in);
	ck_assert_str_eq(buf_cstr(&b),
	    " address[7]=ann@b.c password[4] hash[3] limit=0");
	buf_free(&b);
	ck_assert(wire_rows[WIRE_user_add].secret[0]);
	ck_assert(!wire_rows[WIRE_user_add].secret[1]);
	ck_assert(wire_rows[WIRE_queue_hello].secret[1]);
	ck_assert(!wire_rows[WIRE_queue_submit].secret[0]);
}
END_TEST

/* The default way to wait runs one link alone, as `postino` does. */
START_TEST(test_ask_alone)
{
	struct queue_hello_in in = { 0 };
	struct queue_hello_out out;
	struct arena arena = { 0 };

	serve(WIRE_queue_hello, NULL);
	ck_assert_int_eq(queue_hello(asker, &in, &out, &arena, 50),
	    WIRE_TIMEOUT);
	link_close(answerer);
	ck_assert_int_eq(queue_hello(asker, &in, &out, &arena, 50), WIRE_GONE);
	arena_free(&arena);
}
END_TEST

/* A call in two halves is on its way at once, without a turn of the loop; its
   answer may come before anybody waits; a dropped one harms nobody. */
START_TEST(test_ask_in_halves)
{
	struct queue_submit_in in = { .return_path = SLICE("x@y.z"),
		.recipients = &one, .n_recipients = 1 };
	struct queue_submit_out out, other;
	struct arena arena = { 0 };
	struct ask *first, *second;
	char byte;

	serve(WIRE_queue_submit, serve_submit);
	first = link_ask_begin(asker, WIRE_queue_submit, &in, &out, &arena,
	    5000);
	ck_assert_int_eq(recv(answerer_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT),
	    1);
	second = link_ask_begin(asker, WIRE_queue_submit, &in, &other, &arena,
	    5000);
	run(20);
	link_ask_drop(second);
	ck_assert_int_eq(link_ask_end(first), WIRE_OK);
	ck_assert_uint_eq(out.id, 42);
	ck_assert(slice_eq(out.verdicts[0].text, SLICE("fine")));
	first = link_ask_begin(asker, WIRE_queue_submit, &in, &out, &arena,
	    5000);
	link_ask_drop(first);
	run(20);
	first = link_ask_begin(asker, WIRE_queue_hello, &(struct
	    queue_hello_in){ 0 }, NULL, &arena, 5000);
	link_close(answerer);
	link_close(asker);
	ck_assert_int_eq(link_ask_end(first), WIRE_GONE);
	asker = link_new(ROLE_QUEUE, 0, LINK_LASTING);
	arena_free(&arena);
}
END_TEST

int
main(void)
{
	TCase *t = tcase_create("link");
	Suite *s = suite_create("link");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_call);
	tcase_add_test(t, test_large);
	tcase_add_test(t, test_late_and_timeout);
	tcase_add_test(t, test_death);
	tcase_add_test(t, test_descriptors);
	tcase_add_test(t, test_garbage);
	tcase_add_test(t, test_matrix);
	tcase_add_test(t, test_text);
	tcase_add_test(t, test_secrets);
	tcase_add_test(t, test_secrets_cut);
	tcase_add_test(t, test_secrets_unseen);
	tcase_add_test(t, test_ask_alone);
	tcase_add_test(t, test_ask_in_halves);
	suite_add_tcase(s, t);
	return suite_end(s);
}
