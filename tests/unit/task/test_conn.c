/* Connections: lines, bytes, output, in tasks and blocking (conn.h). */
#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/task/conn.h"
#include "common/task/task.h"
#include "tests/unit/suite.h"

static int		 peer;		/* the other end */
static struct conn	*conn;
static struct buf	 story;

/* Every test is a function that runs blocking and, again, in a task. */
static void		(*body)(void);

static void
begin(void)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	conn = conn_new(pair[0], "192.0.2.1");
	peer = pair[1];
	conn_idle(conn, 2000);
	buf_clear(&story);
}

static void
in_task(void *arg)
{
	(void)arg;
	body();
	loop_stop();
}

static void
both_ways(void (*fn)(void))
{
	body = fn;
	body();
	loop_init();
	task_init();
	ck_assert(task_spawn("test", in_task, NULL));
	loop_run();
}

static void
peer_says(struct slice s)
{
	ck_assert_int_eq(send(peer, s.p, s.n, 0), (ssize_t)s.n);
}

static struct slice
peer_hears(void)
{
	static char bytes[200000];
	ssize_t n = recv(peer, bytes, sizeof bytes, MSG_DONTWAIT);

	return slice_of(bytes, n < 0 ? 0 : (size_t)n);
}

#define SAYS(lit)	peer_says(SLICE(lit))
#define HEARS(lit)	ck_assert(slice_eq(peer_hears(), SLICE(lit)))

static enum conn_line
line(size_t max)
{
	struct slice s;
	enum conn_line what = conn_read_line(conn, max, &s);

	buf_printf(&story, "%d[%.*s]", (int)what, (int)s.n, s.n ? s.p : "");
	return what;
}

static void
lines_body(void)
{
	begin();
	SAYS("EHLO there\r\n\r\nbare\nMAIL\rX\r\n\r\r\nlast\r\nx\0y\r\n"
	    "no end");
	for (int i = 0; i < 7; i++)
		line(10);
	close(peer);
	ck_assert_int_eq(line(10), LINE_END);
	ck_assert_int_eq(conn_error(conn), CONN_EOF);
	ck_assert_int_eq(line(10), LINE_END);
	ck_assert_uint_eq(conn_bytes_in(conn), 47);
	conn_close(conn);
	ck_assert_str_eq(buf_cstr(&story), "0[EHLO there]0[]3[bare\n]"
	    "3[MAIL\rX\r\n]3[\r\r\n]0[last]3[x]1[]1[]");
}

/* RFC 5321 2.3.8: only CRLF ends a line; what else looks so is told apart. */
START_TEST(test_lines)
{
	both_ways(lines_body);
}
END_TEST

static void
long_body(void)
{
	begin();
	SAYS("12345678\r\n123456789\r\n1234567890123456789\r\n123456789\n"
	    "12345678\nok\r\n");
	for (int i = 0; i < 6; i++)
		line(8);
	conn_close(conn);
	close(peer);
	ck_assert_str_eq(buf_cstr(&story),
	    "0[12345678]2[]2[]2[]3[12345678\n]0[ok]");
}

/* A line over the limit is read to its end, and only that. */
START_TEST(test_long)
{
	both_ways(long_body);
}
END_TEST

static const char		text[] = "A b\r\nlonger than eight\r\n"
    "C\nD\r\rE\r\n\r\nend\r\n";
static const struct slice	pieces = { text, sizeof text - 1 };
static size_t			cut_at;

static void
peer_task(void *arg)
{
	(void)arg;
	if (cut_at > 0)
		peer_says(slice_take(pieces, cut_at));
	task_sleep("the reader", 1);
	if (cut_at < pieces.n)
		peer_says(slice_drop(pieces, cut_at));
}

static void
split_task(void *arg)
{
	(void)arg;
	for (int i = 0; i < 6; i++)
		line(8);
	loop_stop();
}

/* The same lines wherever the network cuts them. */
START_TEST(test_split)
{
	for (cut_at = 0; cut_at <= pieces.n; cut_at++) {
		begin();
		loop_init();
		task_init();
		task_spawn("peer", peer_task, NULL);
		task_spawn("reader", split_task, NULL);
		loop_run();
		ck_assert_str_eq(buf_cstr(&story),
		    "0[A b]2[]3[C\n]3[D\r\rE\r\n]0[]0[end]");
		conn_close(conn);
		close(peer);
	}
}
END_TEST

static void
largest_body(void)
{
	enum { MOST = 64 * 1024 - 2 };
	char *big = mem_alloc(MOST + 4);
	struct slice s;

	begin();
	memset(big, 'x', MOST);
	memcpy(big + MOST, "\r\ny", 4);
	for (int i = 0; i < 3; i++) {
		peer_says(slice_of(big, i == 1 ? MOST + 3 : MOST + 2));
		ck_assert_int_eq(conn_read_line(conn, MOST, &s), LINE_OK);
		ck_assert_uint_eq(s.n, i == 2 ? MOST + 1 - 1 : MOST);
		if (i == 1) {
			SAYS("\r\n");
			ck_assert_int_eq(line(5), LINE_OK);
		}
	}
	big[MOST] = 'z';
	peer_says(slice_of(big, MOST + 1));
	SAYS("\r\nok\r\n");
	ck_assert_int_eq(conn_read_line(conn, MOST, &s), LINE_LONG);
	ck_assert_int_eq(line(5), LINE_OK);
	ck_assert_str_eq(buf_cstr(&story), "0[y]0[ok]");
	free(big);
	conn_close(conn);
	close(peer);
}

/* The longest line there can be fills the input buffer exactly. */
START_TEST(test_largest)
{
	both_ways(largest_body);
}
END_TEST

static void
bytes_body(void)
{
	struct buf all = { 0 };
	struct slice s;

	begin();
	SAYS("0123456789\r\n");
	s = conn_read_some(conn, 4);
	ck_assert(slice_eq(s, SLICE("0123")));
	conn_unread(conn, 2);
	ck_assert(conn_has_input(conn));
	ck_assert(conn_read_all(conn, 5, &all));
	ck_assert(slice_eq(buf_view(&all), SLICE("23456")));
	ck_assert_int_eq(line(80), LINE_OK);
	ck_assert_str_eq(buf_cstr(&story), "0[789]");
	ck_assert(!conn_has_input(conn));
	SAYS("early");
	ck_assert(conn_has_input(conn));
	s = conn_read_some(conn, 2);
	conn_forget_input(conn);
	ck_assert(!conn_has_input(conn));
	close(peer);
	ck_assert(!conn_has_input(conn));
	ck_assert(!conn_read_all(conn, 1, &all));
	ck_assert_int_eq(conn_error(conn), CONN_EOF);
	conn_close(conn);
	buf_free(&all);
}

START_TEST(test_bytes)
{
	both_ways(bytes_body);
}
END_TEST

static void
flush_body(void)
{
	char *big = mem_zero(65536);

	begin();
	SAYS("one\r\ntwo\r\n");
	conn_write(conn, SLICE("220 hello\r\n"));
	HEARS("");
	line(80);
	conn_printf(conn, "250 %d\r\n", 1);
	HEARS("220 hello\r\n");	/* sent before the first wait only */
	line(80);
	buf_str(conn_out(conn), "250 2\r\n");
	HEARS("");
	ck_assert(conn_flush(conn));
	HEARS("250 1\r\n250 2\r\n");
	conn_write(conn, slice_of(big, 65535));
	HEARS("");
	conn_write(conn, slice_of(big, 2));
	ck_assert_uint_eq(peer_hears().n, 65536);
	conn_write(conn, SLICE("221 bye\r\n"));
	conn_close(conn);
	ck_assert_uint_eq(peer_hears().n, 10);
	close(peer);
	free(big);
}

/* Output leaves when the session waits, at 64 KiB, at flush and close;
   RFC 2920 3.2 (5): answers to pipelined commands leave together. */
START_TEST(test_flush)
{
	both_ways(flush_body);
}
END_TEST

static void
timeout_body(void)
{
	uint64_t from = loop_clock();

	begin();
	conn_idle(conn, 20);
	SAYS("half a line");
	ck_assert_int_eq(line(80), LINE_END);
	ck_assert_int_eq(conn_error(conn), CONN_TIMEOUT);
	ck_assert_uint_ge(loop_clock() - from, 20);
	ck_assert_uint_lt(loop_clock() - from, 1000);
	conn_write(conn, SLICE("421 too slow\r\n"));
	conn_close(conn);
	HEARS("421 too slow\r\n");
	close(peer);
	begin();
	conn_idle(conn, 60000);
	conn_deadline(conn, loop_clock() + 10);
	ck_assert_int_eq(line(80), LINE_END);
	ck_assert_int_eq(conn_error(conn), CONN_TIMEOUT);
	conn_close(conn);
	close(peer);
}

/* DOS-1; the last word is still said (RFC 5321 3.8). */
START_TEST(test_timeout)
{
	both_ways(timeout_body);
}
END_TEST

static void
half_closed_body(void)
{
	begin();
	SAYS("NOOP\r\nQUIT\r\n");
	shutdown(peer, SHUT_WR);
	while (line(80) == LINE_OK)
		conn_write(conn, SLICE("250\r\n"));
	ck_assert_int_eq(conn_error(conn), CONN_EOF);
	conn_write(conn, SLICE("221\r\n"));
	conn_close(conn);
	HEARS("250\r\n250\r\n221\r\n");
	close(peer);
}

/* Who has said all and closed that side still gets the answers. */
START_TEST(test_half_closed)
{
	both_ways(half_closed_body);
}
END_TEST

static void
slow_peer_body(void)
{
	char *big = mem_zero(1 << 22);

	begin();
	conn_idle(conn, 20);
	conn_write(conn, slice_of(big, 1 << 22));
	ck_assert_int_eq(conn_error(conn), CONN_TIMEOUT);
	ck_assert(!conn_flush(conn));
	conn_write(conn, SLICE("dropped"));
	ck_assert_uint_lt(conn_bytes_out(conn), 1 << 22);
	conn_close(conn);
	close(peer);
	free(big);
}

/* A peer that does not read is given up; nothing piles up. */
START_TEST(test_slow_peer)
{
	both_ways(slow_peer_body);
}
END_TEST

static void
gone_body(void)
{
	begin();
	close(peer);
	conn_write(conn, SLICE("hello?\r\n"));
	ck_assert(!conn_flush(conn));
	ck_assert_int_eq(conn_error(conn), CONN_RESET);
	ck_assert_str_eq(conn_why(conn), "Broken pipe");
	conn_close(conn);
}

START_TEST(test_gone)
{
	both_ways(gone_body);
}
END_TEST

/* Ten megabytes through small socket buffers, four pairs at once: bytes for
   one task never wake another (vertical-facts 6). */
enum { BULK = 10 << 20, PAIRS = 4 };

struct half {
	struct conn	*conn;
	uint64_t	 sum, n;
};
static unsigned	halves_left;

static void
half_done(void)
{
	if (--halves_left == 0)
		loop_stop();
}

static void
bulk_write(void *arg)
{
	struct half *h = arg;
	char piece[1000];

	for (size_t i = 0; i < BULK; i += sizeof piece) {
		for (size_t k = 0; k < sizeof piece; k++)
			h->sum += (unsigned char)(piece[k] = (char)(i / 7 + k));
		conn_write(h->conn, slice_of(piece, sizeof piece));
		h->n += sizeof piece;
		task_breathe();
	}
	conn_close(h->conn);
	half_done();
}

static void
bulk_read(void *arg)
{
	struct half *h = arg;
	struct slice s;

	while ((s = conn_read_some(h->conn, 65536)).n > 0) {
		for (size_t k = 0; k < s.n; k++)
			h->sum += (unsigned char)s.p[k];
		h->n += s.n;
	}
	ck_assert_int_eq(conn_error(h->conn), CONN_EOF);
	conn_close(h->conn);
	half_done();
}

START_TEST(test_bulk)
{
	struct half in[PAIRS] = { 0 }, out[PAIRS] = { 0 };
	int small = 4096;

	loop_init();
	task_init();
	halves_left = 2 * PAIRS;
	for (int i = 0; i < PAIRS; i++) {
		int pair[2];

		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small,
		    sizeof small);
		out[i].conn = conn_new(pair[0], "writer");
		in[i].conn = conn_new(pair[1], "reader");
		conn_idle(out[i].conn, 10000);
		conn_idle(in[i].conn, 10000);
		task_spawn("writer", bulk_write, &out[i]);
		task_spawn("reader", bulk_read, &in[i]);
	}
	loop_run();
	for (int i = 0; i < PAIRS; i++) {
		ck_assert_uint_eq(in[i].n, out[i].n);
		ck_assert_uint_eq(in[i].sum, out[i].sum);
	}
}
END_TEST

static struct task	*victim;

static void
be_cancelled(void *arg)
{
	(void)arg;
	victim = task_self();
	ck_assert_int_eq(line(80), LINE_END);
	ck_assert_int_eq(conn_error(conn), CONN_CANCELLED);
	conn_write(conn, SLICE("* BYE\r\n"));
	conn_close(conn);
	loop_stop();
}

static void
cancel_it(void *arg)
{
	(void)arg;
	task_cancel(victim);
}

/* A kicked session hears of it as an error, and says a last word. */
START_TEST(test_cancelled)
{
	begin();
	loop_init();
	task_init();
	task_spawn("victim", be_cancelled, NULL);
	task_spawn("killer", cancel_it, NULL);
	loop_run();
	HEARS("* BYE\r\n");
	close(peer);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("conn");
	TCase *c = tcase_create("conn");

	tcase_set_timeout(c, 30);
	tcase_add_test(c, test_lines);
	tcase_add_test(c, test_long);
	tcase_add_test(c, test_split);
	tcase_add_test(c, test_largest);
	tcase_add_test(c, test_bytes);
	tcase_add_test(c, test_flush);
	tcase_add_test(c, test_timeout);
	tcase_add_test(c, test_half_closed);
	tcase_add_test(c, test_slow_peer);
	tcase_add_test(c, test_gone);
	tcase_add_test(c, test_bulk);
	tcase_add_test(c, test_cancelled);
	suite_add_tcase(s, c);
	return suite_end(s);
}
