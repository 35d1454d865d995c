/*
 * Whatever a remote server says, the dialogue ends, each recipient has a
 * verdict in printable words, and what was said to it are lines with CR LF
 * (SMTP-3, SMTP-13).
 *
 * The server is a thread: it says the input, hears the rest and closes.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/log.h"
#include "common/task/tls.h"
#include "relay/relay.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

#define REQUIRE(truth) do { if (!(truth)) abort(); } while (0)

static int		 door;
static struct server	 server;
static struct conf	 conf;
static struct slice	 said;		/* by the server, each time */
static atomic_ulong	 served;	/* connections that have ended there */

static void
check_heard(const char *p, size_t n, char *last)
{
	for (size_t i = 0; i < n; i++) {
		REQUIRE((p[i] == '\n') == (*last == '\r'));
		*last = p[i];
	}
}

static bool
offers_tls(void)
{
	for (size_t i = 0; i < said.n; i++)
		if (slice_istarts(slice_drop(said, i), SLICE("STARTTLS")))
			return true;
	return false;
}

static void *
serve_all(void *arg)
{
	static char heard[65536];
	int fd;

	(void)arg;
	while ((fd = accept(door, NULL, NULL)) >= 0) {
		bool tls = offers_tls();
		char last = '\0';
		ssize_t n;

		(void)!send(fd, said.p, said.n, MSG_NOSIGNAL);
		shutdown(fd, SHUT_WR);
		while ((n = recv(fd, heard, sizeof heard, 0)) > 0)
			if (!tls)
				check_heard(heard, (size_t)n, &last);
		close(fd);
		served++;
	}
	return NULL;
}

static void
quiet(const char *line, size_t n)
{
	(void)line, (void)n;
}

static void
begin(void)
{
	struct sockaddr_in *a = (struct sockaddr_in *)&server.address;
	struct buf errors = { 0 };
	socklen_t n = sizeof *a;
	pthread_t thread;

	log_init("fuzz", LOG_ERROR);
	log_divert(quiet);
	REQUIRE(conf_parse(&conf, slice_str("server name mail.a.example\n"),
	    "fuzz", &errors) == 0);
	relay.conf = &conf;
	tls_client_init("/dev/null");
	for (int i = 0; i < STEPS; i++)
		step_waits[i] = 500;
	door = socket(AF_INET, SOCK_STREAM, 0);
	a->sin_family = AF_INET;
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	REQUIRE(bind(door, (struct sockaddr *)a, n) == 0);
	REQUIRE(listen(door, 8) == 0);
	REQUIRE(getsockname(door, (struct sockaddr *)a, &n) == 0);
	server.size = n;
	server.host = SLICE("mx.b.example");
	server.text = SLICE("127.0.0.1");
	REQUIRE(pthread_create(&thread, NULL, serve_all, NULL) == 0);
}

static void
check_verdicts(const struct lease *l)
{
	for (size_t i = 0; i < l->next.n_recipients; i++) {
		const struct verdict *v = &l->rcpts[i].verdict;

		REQUIRE(v->fate >= FATE_NEXT && v->code.n >= 5);
		REQUIRE(v->text.n <= RESPONSE_TEXT + 100);
		for (size_t k = 0; k < v->text.n; k++)
			REQUIRE((unsigned char)v->text.p[k] >= ' ');
	}
}

int
LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
	struct wire_due due[3] = { { .address = SLICE("bob@b.example") },
		{ .address = SLICE("carl@b.example"), .notify = 2 },
		{ .address = SLICE("\"d d\"@b.example") } };
	struct rcpt rcpts[3] = { { .due = &due[0], .open = true },
		{ .due = &due[1], .open = true },
		{ .due = &due[2], .open = true } };
	struct arena arena = { 0 };
	struct lease l = { .arena = &arena, .rcpts = rcpts,
		.until = UINT64_MAX, .next = { .recipients = due,
		.n_recipients = 3, .body = SLICE("x\n.y\r"), .size = 5 } };
	struct hop hop = { .key = SLICE("b.example") };
	struct session *s;

	if (door == 0)
		begin();
	said = slice_of(p, n);
	if (session_begin(&s, &hop, &server, l.until) == FATE_GO) {
		while (transaction(s, &l))
			;
		check_verdicts(&l);
	}
	session_end(s);
	while (served < relay.connections)	/* it still reads p */
		sched_yield();
	arena_free(&arena);
	return 0;
}
