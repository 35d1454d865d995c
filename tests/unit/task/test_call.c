/* Calling out: conn_connect finds somebody, nobody, or waits in vain (RFC 5321
   5.1; the time is the caller's). */
#include <arpa/inet.h>
#include <check.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/loop.h"
#include "common/task/conn.h"
#include "tests/unit/suite.h"

static struct sockaddr_in address;

static int
listen_at(int backlog)
{
	socklen_t n = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	ck_assert(bind(fd, (struct sockaddr *)&address, n) == 0);
	ck_assert(listen(fd, backlog) == 0);
	ck_assert(getsockname(fd, (struct sockaddr *)&address, &n) == 0);
	return fd;
}

static struct conn *
call(uint64_t ms)
{
	return conn_connect((struct sockaddr *)&address, sizeof address, "test",
	    ms);
}

START_TEST(somebody_is_there)
{
	int door = listen_at(4), fd;
	struct conn *c = call(1000);
	struct slice line;

	ck_assert_int_eq(conn_error(c), CONN_OK);
	fd = accept(door, NULL, NULL);
	ck_assert(send(fd, "220 hello\r\n", 11, 0) == 11);
	ck_assert_int_eq(conn_read_line(c, 100, &line), LINE_OK);
	ck_assert(slice_eq(line, SLICE("220 hello")));
	conn_write(c, SLICE("QUIT\r\n"));
	conn_close(c);
	close(fd);
	close(door);
}
END_TEST

START_TEST(nobody_is_there)
{
	struct conn *c;

	close(listen_at(4));
	c = call(1000);
	ck_assert_int_eq(conn_error(c), CONN_RESET);
	ck_assert_str_eq(conn_why(c), "Connection refused");
	conn_write(c, SLICE("QUIT\r\n"));
	conn_close(c);
}
END_TEST

/* A full queue of connections: the kernel answers no more. */
START_TEST(no_answer_in_time)
{
	int door = listen_at(0);
	struct conn *c[8];
	uint64_t begun = loop_clock();
	unsigned late = 0;

	for (int i = 0; i < 8; i++)
		c[i] = call(100);
	for (int i = 0; i < 8; i++) {
		late += conn_error(c[i]) == CONN_TIMEOUT;
		conn_close(c[i]);
	}
	ck_assert_uint_gt(late, 0);
	ck_assert_uint_ge(loop_clock() - begun, 100);
	ck_assert_uint_lt(loop_clock() - begun, 10 * 1000);
	close(door);
}
END_TEST

START_TEST(no_such_family)
{
	struct sockaddr_in odd = { .sin_family = AF_APPLETALK };
	struct conn *c = conn_connect((struct sockaddr *)&odd, sizeof odd,
	    "test", 1000);

	ck_assert_int_eq(conn_error(c), CONN_RESET);
	conn_close(c);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("call");
	TCase *t = tcase_create("call");

	tcase_add_test(t, somebody_is_there);
	tcase_add_test(t, nobody_is_there);
	tcase_add_test(t, no_answer_in_time);
	tcase_add_test(t, no_such_family);
	suite_add_tcase(s, t);
	return suite_end(s);
}
