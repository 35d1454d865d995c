/*
 * imapload.c - many IMAP sessions over TLS, each as fast as it is answered.
 *
 * usage: imapload [-c SESSIONS] [-n COMMANDS] [-s OCTETS] [-u USERS]
 *	[-f FIRST] -p PASSWORD append|fill|mixed HOST PORT
 *
 * Session i is user(FIRST + i modulo USERS)@example.org.  append: one message a
 * command.  fill: 250 messages a command (RFC 3502), -n counts messages.
 * mixed: what clients do all day in a mailbox that is not empty.  Prints
 *
 *	commands N seconds S rate R p50 MS p99 MS
 *
 * without the logins: it says "ready" behind them and waits for a line.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TOGETHER = 250, LITERAL = 4096 };

struct session {
	pthread_t	 thread;
	unsigned	 number;
	SSL		*tls;
	char		 in[65536];
	size_t		 n, at;
	unsigned	 tag;
	uint32_t	 exists;
	unsigned	 seed;
};

static struct sockaddr_in server;
static SSL_CTX	*context;
static unsigned	 sessions = 50, total = 5000, users = 50, first;
static size_t	 size = 4000;
static const char *password = "", *mode = "";
static char	*text;
static pthread_barrier_t ready;
static double	*times;
static unsigned	 each;

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
	fprintf(stderr, "imapload: %s\n", what);
	exit(1);
}

/* ---- lines */

static void
put(struct session *s, const char *p, size_t n)
{
	if (SSL_write(s->tls, p, (int)n) != (int)n)
		die("the server closed");
}

__attribute__((format(printf, 2, 3))) static void
say(struct session *s, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	put(s, line, (size_t)n);
}

static void
more(struct session *s)
{
	int n;

	if (s->at == s->n)
		s->at = s->n = 0;
	else if (s->at > 0) {
		memmove(s->in, s->in + s->at, s->n - s->at);
		s->n -= s->at;
		s->at = 0;
	}
	if (s->n == sizeof s->in)
		die("a line is too long");
	n = SSL_read(s->tls, s->in + s->n, (int)(sizeof s->in - s->n));
	if (n <= 0)
		die("the server closed");
	s->n += (size_t)n;
}

static void
skip(struct session *s, size_t n)
{
	while (s->n - s->at < n) {
		n -= s->n - s->at;
		s->at = s->n;
		more(s);
	}
	s->at += n;
}

/* The next line, without what ends it; literals are skipped. */
static char *
hear(struct session *s)
{
	for (;;) {
		char *line = s->in + s->at, *end = memchr(line, '\n',
		    s->n - s->at), *brace;

		if (end == NULL) {
			more(s);
			continue;
		}
		s->at += (size_t)(end - line) + 1;
		if (end > line && end[-1] == '\r')
			end--;
		*end = '\0';
		if (end > line && end[-1] == '}' &&
		    (brace = strrchr(line, '{')) != NULL) {
			skip(s, strtoul(brace + 1, NULL, 10));
			continue;
		}
		return line;
	}
}

/* Until the tagged answer, which must be OK. */
static void
finish(struct session *s)
{
	char tag[16], *line;
	size_t n = (size_t)snprintf(tag, sizeof tag, "%u ", s->tag);

	for (;;) {
		line = hear(s);
		if (strncmp(line, tag, n) == 0)
			break;
		if (line[0] == '*' && strstr(line, " EXISTS") != NULL)
			s->exists = (uint32_t)atoi(line + 2);
	}
	if (strncmp(line + n, "OK", 2) != 0)
		die(line);
}

/* ---- commands */

/* As clients do, what need not wait for an answer is one write. */
static void
append(struct session *s)
{
	static const char begin[] = "APPEND INBOX (\\Seen)";
	char all[LITERAL + 128];
	int n;

	if (size <= LITERAL) {
		n = snprintf(all, 128, "%u %s {%zu+}\r\n", ++s->tag, begin,
		    size);
		memcpy(all + n, text, size);
		memcpy(all + n + size, "\r\n", 2);
		put(s, all, (size_t)n + size + 2);
	} else {
		say(s, "%u %s {%zu}\r\n", ++s->tag, begin, size);
		hear(s);
		put(s, text, size);
		put(s, "\r\n", 2);
	}
	finish(s);
}

static void
fill(struct session *s, unsigned from, unsigned n)
{
	char *all = malloc(n * (size + 64) + 64), *p = all;

	if (all == NULL)
		die("memory");
	p += sprintf(p, "%u APPEND INBOX", ++s->tag);
	for (unsigned i = 0; i < n; i++) {
		p += sprintf(p, "%s {%zu+}\r\n", i % 3 == 0 ? "" : " (\\Seen)",
		    size);
		memcpy(p, text, size);
		/* "Subject: message 00000000", each its own. */
		sprintf(p + 17, "%08u", from + i);
		p[25] = ' ';
		p += size;
	}
	p += sprintf(p, "\r\n");
	put(s, all, (size_t)(p - all));
	free(all);
	finish(s);
}

/* One of twenty: mostly looking, some changing. */
static void
mixed(struct session *s, unsigned i)
{
	uint32_t n = s->exists == 0 ? 1 : s->exists;
	uint32_t at = 1 + (uint32_t)rand_r(&s->seed) % n;
	uint32_t from = at > 20 ? at - 20 : 1;

	s->tag++;
	switch (i % 20) {
	case 0: say(s, "%u NOOP\r\n", s->tag); break;
	case 1: say(s, "%u FETCH %u:* (UID FLAGS)\r\n", s->tag, n > 50 ?
	    n - 50 : 1); break;
	case 2: say(s, "%u FETCH %u:%u (UID FLAGS RFC822.SIZE INTERNALDATE "
	    "BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE)])\r\n", s->tag,
	    from, at); break;
	case 3: say(s, "%u FETCH %u BODY.PEEK[]\r\n", s->tag, at); break;
	case 4: say(s, "%u STORE %u +FLAGS (\\Seen)\r\n", s->tag, at); break;
	case 5: say(s, "%u STORE %u -FLAGS (\\Seen)\r\n", s->tag, at); break;
	case 6: say(s, "%u SEARCH UNSEEN\r\n", s->tag); break;
	case 7: say(s, "%u STATUS Drafts (MESSAGES UNSEEN)\r\n", s->tag);
		break;
	case 8: say(s, "%u FETCH %u:%u ENVELOPE\r\n", s->tag, from, at);
		break;
	case 9: say(s, "%u FETCH %u BODYSTRUCTURE\r\n", s->tag, at); break;
	case 10: say(s, "%u STORE %u +FLAGS.SILENT (\\Flagged)\r\n", s->tag,
	    at); break;
	case 11: say(s, "%u COPY %u Drafts\r\n", s->tag, at); break;
	case 12: s->tag--; append(s); return;
	case 13: say(s, "%u STORE 1 +FLAGS.SILENT (\\Deleted)\r\n", s->tag);
		break;
	case 14: say(s, "%u EXPUNGE\r\n", s->tag); break;
	case 15: say(s, "%u SELECT Drafts\r\n", s->tag); break;
	case 16: say(s, "%u LIST \"\" *\r\n", s->tag); break;
	case 17: say(s, "%u SELECT INBOX\r\n", s->tag); break;
	case 18: say(s, "%u FETCH %u:%u (FLAGS)\r\n", s->tag, from, at);
		break;
	default: say(s, "%u FETCH %u BODY.PEEK[TEXT]<0.1000>\r\n", s->tag,
	    at); break;
	}
	finish(s);
}

/* ---- sessions */

static void
session_open(struct session *s)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&server,
	    sizeof server) != 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	s->tls = SSL_new(context);
	SSL_set_fd(s->tls, fd);
	if (SSL_connect(s->tls) != 1)
		die("TLS");
	hear(s);
	say(s, "%u LOGIN user%u@example.org %s\r\n", ++s->tag,
	    first + s->number % users, password);
	finish(s);
	say(s, "%u SELECT INBOX\r\n", ++s->tag);
	finish(s);
}

static void *
session(void *arg)
{
	struct session *s = arg;
	double *t = times + s->number * each;

	session_open(s);
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&ready);
	for (unsigned i = 0; i < each; i++) {
		double begun = now();

		if (mode[0] == 'a')
			append(s);
		else if (mode[0] == 'm')
			mixed(s, i);
		else {
			unsigned n = each - i < TOGETHER ? each - i : TOGETHER;

			fill(s, s->number * each + i, n);
			i += n - 1;
		}
		t[i] = now() - begun;
	}
	pthread_barrier_wait(&ready);
	return NULL;
}

static void
text_make(void)
{
	static const char head[] = "Subject: message 00000000 about "
	    "something\r\nFrom: Some Body <load@example.com>\r\n"
	    "To: Some One <somebody@example.org>\r\n"
	    "Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n"
	    "Message-ID: <12345678.load@example.com>\r\n"
	    "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n";
	static const char line[] = "The quick brown fox jumps over the lazy "
	    "dog, and so on and on and on.\r\n";

	text = malloc(size + sizeof head + sizeof line);
	if (text == NULL)
		die("memory");
	memcpy(text, head, sizeof head - 1);
	for (size_t n = sizeof head - 1; n < size; n += sizeof line - 1)
		memcpy(text + n, line, sizeof line - 1);
	memcpy(text + size - 2, "\r\n", 2);
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

	while ((c = getopt(argc, argv, "c:n:s:u:f:p:")) != -1)
		switch (c) {
		case 'c': sessions = (unsigned)atoi(optarg); break;
		case 'n': total = (unsigned)atoi(optarg); break;
		case 's': size = (size_t)atol(optarg); break;
		case 'u': users = (unsigned)atoi(optarg); break;
		case 'f': first = (unsigned)atoi(optarg); break;
		case 'p': password = optarg; break;
		default: exit(64);
		}
	if (argc - optind != 3 || sessions == 0 || users == 0 || size < 400)
		exit(64);
	mode = argv[optind];
	server.sin_family = AF_INET;
	server.sin_port = htons((unsigned short)atoi(argv[optind + 2]));
	if (inet_pton(AF_INET, argv[optind + 1], &server.sin_addr) != 1)
		exit(64);
}

int
main(int argc, char **argv)
{
	struct session *all;
	unsigned done;
	double begun;

	options(argc, argv);
	text_make();
	each = total / sessions;
	done = each * sessions;
	times = calloc(done + 1, sizeof *times);
	all = calloc(sessions, sizeof *all);
	context = SSL_CTX_new(TLS_client_method());
	if (times == NULL || all == NULL || context == NULL)
		die("start");
	pthread_barrier_init(&ready, NULL, sessions + 1);
	for (unsigned i = 0; i < sessions; i++) {
		all[i].number = all[i].seed = i;
		if (pthread_create(&all[i].thread, NULL, session, &all[i]) != 0)
			die("thread");
	}
	pthread_barrier_wait(&ready);
	puts("ready");
	fflush(stdout);
	(void)getchar();
	pthread_barrier_wait(&ready);
	begun = now();
	pthread_barrier_wait(&ready);
	begun = now() - begun;
	for (unsigned i = 0; i < sessions; i++)
		pthread_join(all[i].thread, NULL);
	qsort(times, done, sizeof *times, by_time);
	printf("commands %u seconds %.3f rate %.0f p50 %.2f p99 %.2f\n", done,
	    begun, done / begun, times[done / 2] * 1e3,
	    times[done * 99 / 100] * 1e3);
	return 0;
}
