/*
 * mailload.c - sends mail over SMTP or LMTP as fast as it is taken.
 *
 * usage: mailload [-n MESSAGES] [-c SESSIONS] [-k PER_SESSION] [-s OCTETS]
 *	[-l] [-p] [-u USERS] [-U PATTERN] HOST PORT
 *
 * SESSIONS connections are always open, each for PER_SESSION messages, then
 * closed and opened again.  -l: LMTP; -p: envelope and DATA pipelined; message
 * i goes to PATTERN (one %d) with i modulo USERS.  Prints one line:
 *
 *	messages N seconds S rate R p50 MS p99 MS failed N
 *
 * where the times are from the final dot to its reply.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum step { GREETED, HELLO, MAIL, RCPT, DATA, BODY, QUIT };

struct session {
	int		 fd;
	enum step	 step;		/* whose reply is awaited */
	unsigned	 sent;		/* messages in this session */
	unsigned	 number;	/* of the message under way */
	double		 dot;
	char		 in[4096];
	size_t		 n;
	size_t		 written;	/* of the body */
};

static struct sockaddr_in server;
static unsigned	 total = 1000, sessions = 50, per_session = 1, users = 1;
static unsigned	 begun, finished, failed;
static size_t	 size = 5120;
static bool	 lmtp, pipelined;
static const char *pattern = "user%d@example.org";
static char	*body;
static size_t	 body_size;
static double	*times;
static int	 epoll_fd;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
body_make(void)
{
	static const char head[] = "From: <load@example.com>\r\n"
	    "To: <somebody@example.org>\r\nSubject: load\r\n"
	    "Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n"
	    "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n";
	static const char line[] = "The quick brown fox jumps over the lazy "
	    "dog, and so on and on and on.\r\n";

	body = malloc(size + sizeof head + sizeof line + 16);
	if (body == NULL)
		die("malloc");
	memcpy(body, head, sizeof head - 1);
	body_size = sizeof head - 1;
	while (body_size < size) {
		memcpy(body + body_size, line, sizeof line - 1);
		body_size += sizeof line - 1;
	}
	memcpy(body + body_size, ".\r\n", 3);
	body_size += 3;
}

static void
say(struct session *s, const char *text)
{
	size_t n = strlen(text);

	if (send(s->fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
		failed++;
}

static bool
session_open(struct session *s)
{
	int on = 1;

	memset(s, 0, sizeof *s);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&server,
	    sizeof server) != 0)
		die("connect");
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = s };
	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, s->fd, &e) == 0;
}

static void
body_write(struct session *s)
{
	while (s->written < body_size) {
		ssize_t n = send(s->fd, body + s->written,
		    body_size - s->written, MSG_NOSIGNAL);

		if (n < 0)
			die("send");
		s->written += (size_t)n;
	}
	s->dot = now();
}

static void
mail(struct session *s)
{
	char text[512], to[256];

	if (begun >= total || s->sent >= per_session) {
		say(s, "QUIT\r\n");
		s->step = QUIT;
		return;
	}
	s->number = begun++;
	s->sent++;
	s->written = 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(to, sizeof to, pattern, (int)(s->number % users));
#pragma GCC diagnostic pop
	if (pipelined)
		snprintf(text, sizeof text, "MAIL FROM:<load@example.com>\r\n"
		    "RCPT TO:<%s>\r\nDATA\r\n", to);
	else
		snprintf(text, sizeof text, "MAIL FROM:<load@example.com>\r\n");
	say(s, text);
	s->step = MAIL;
}

static void
reply(struct session *s, const char *line)
{
	char text[300], to[256];

	if (line[0] != '2' && line[0] != '3') {
		fprintf(stderr, "%s\n", line);
		failed++;
		exit(1);
	}
	switch (s->step) {
	case GREETED:
		say(s, lmtp ? "LHLO load\r\n" : "EHLO load\r\n");
		s->step = HELLO;
		break;
	case HELLO:
		mail(s);
		break;
	case MAIL:
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(to, sizeof to, pattern, (int)(s->number % users));
#pragma GCC diagnostic pop
		snprintf(text, sizeof text, "RCPT TO:<%s>\r\n", to);
		if (!pipelined)
			say(s, text);
		s->step = RCPT;
		break;
	case RCPT:
		if (!pipelined)
			say(s, "DATA\r\n");
		s->step = DATA;
		break;
	case DATA:
		body_write(s);
		s->step = BODY;
		break;
	case BODY:
		times[finished++] = now() - s->dot;
		mail(s);
		break;
	case QUIT:
		close(s->fd);
		s->fd = -1;
		if (begun < total)
			session_open(s);
		break;
	}
}

static void
readable(struct session *s)
{
	ssize_t got = recv(s->fd, s->in + s->n, sizeof s->in - s->n - 1, 0);
	char *end;

	if (got <= 0) {
		if (s->step != QUIT)
			die("the server closed");
		return;
	}
	s->n += (size_t)got;
	s->in[s->n] = '\0';
	while (s->fd >= 0 && (end = strstr(s->in, "\r\n")) != NULL) {
		size_t used = (size_t)(end + 2 - s->in);
		bool last = s->in[3] != '-';
		char line[4096];

		*end = '\0';
		memcpy(line, s->in, used);
		memmove(s->in, s->in + used, s->n - used + 1);
		s->n -= used;
		if (last)
			reply(s, line);
	}
}

static int
by_time(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "n:c:k:s:u:U:lp")) != -1)
		switch (c) {
		case 'n': total = (unsigned)atoi(optarg); break;
		case 'c': sessions = (unsigned)atoi(optarg); break;
		case 'k': per_session = (unsigned)atoi(optarg); break;
		case 's': size = (size_t)atol(optarg); break;
		case 'u': users = (unsigned)atoi(optarg); break;
		case 'U': pattern = optarg; break;
		case 'l': lmtp = true; break;
		case 'p': pipelined = true; break;
		default: exit(64);
		}
	if (argc - optind != 2)
		exit(64);
	server.sin_family = AF_INET;
	server.sin_port = htons((unsigned short)atoi(argv[optind + 1]));
	if (inet_pton(AF_INET, argv[optind], &server.sin_addr) != 1)
		exit(64);
}

int
main(int argc, char **argv)
{
	struct session *all;
	double start;

	options(argc, argv);
	body_make();
	times = calloc(total + sessions, sizeof *times);
	all = calloc(sessions, sizeof *all);
	epoll_fd = epoll_create1(0);
	if (times == NULL || all == NULL || epoll_fd < 0)
		die("start");
	start = now();
	for (unsigned i = 0; i < sessions; i++)
		session_open(&all[i]);
	while (finished < total) {
		struct epoll_event e[64];
		int n = epoll_wait(epoll_fd, e, 64, 30000);

		if (n <= 0)
			die("nothing for 30 s");
		for (int i = 0; i < n; i++)
			readable(e[i].data.ptr);
	}
	start = now() - start;
	qsort(times, finished, sizeof *times, by_time);
	printf("messages %u seconds %.3f rate %.0f p50 %.2f p99 %.2f "
	    "failed %u\n", finished, start, finished / start,
	    times[finished / 2] * 1e3, times[finished * 99 / 100] * 1e3,
	    failed);
	return failed != 0;
}
