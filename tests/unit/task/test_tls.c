/*
 * TLS with keys that are elsewhere: the server's side runs in tasks, the
 * clients in threads of their own, and the key process is a link of this
 * process that answers late.
 */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "common/core/link.h"
#include "common/core/log.h"
#include "common/task/conn.h"
#include "common/task/task.h"
#include "common/task/tls.h"
#include "tests/unit/suite.h"

enum { ALERT_NO_PROTOCOL = 1120 };	/* reasons of alerts: 1000 + number */

/* ---- the key process */

struct pair {
	EVP_PKEY	*key;
	X509		*cert;
	unsigned char	 spki[32];
	struct buf	 pem;
};

enum { RSA_ONE, EC_ONE, EC_TWO, PAIRS };
static struct pair	 pairs[PAIRS];
static bool		 served[PAIRS];
static uint64_t		 chains_version;
static struct request	*chains_request;
static bool		 deny;
static unsigned		 in_flight, most_in_flight;

struct signing {
	struct timer	 timer;
	struct request	*request;
};

static void
pair_make(struct pair *p, EVP_PKEY *key, const char *host)
{
	static long serial;
	X509_NAME *name;
	BIO *pem = BIO_new(BIO_s_mem());
	unsigned char *der = NULL;
	char *text;
	int n;

	p->key = key;
	p->cert = X509_new();
	X509_set_version(p->cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(p->cert), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(p->cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(p->cert), 3600);
	name = X509_get_subject_name(p->cert);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)host, -1, -1, 0);
	X509_set_issuer_name(p->cert, name);
	X509_set_pubkey(p->cert, key);
	ck_assert_int_gt(X509_sign(p->cert, key, EVP_sha256()), 0);
	PEM_write_bio_X509(pem, p->cert);
	n = (int)BIO_get_mem_data(pem, &text);
	buf_add(&p->pem, text, (size_t)n);
	BIO_free(pem);
	n = i2d_PUBKEY(key, &der);
	ck_assert_int_eq(EVP_Digest(der, (size_t)n, p->spki, NULL,
	    EVP_sha256(), NULL), 1);
	OPENSSL_free(der);
}

static void
chains_answer(void)
{
	struct wire_chain list[PAIRS];
	struct key_chains_out out = { .version = chains_version,
		.chains = list };

	for (int i = 0; i < PAIRS; i++)
		if (served[i])
			list[out.n_chains++] = (struct wire_chain){
				.spki = slice_of(pairs[i].spki, 32),
				.pem = buf_view(&pairs[i].pem) };
	answer(chains_request, WIRE_OK, &out);
	chains_request = NULL;
}

static void
serve_chains(struct request *r)
{
	chains_request = r;
	if (REQUEST(key_chains, r)->version != chains_version)
		chains_answer();
}

static void
chains_change(bool rsa, bool ec, bool two)
{
	served[RSA_ONE] = rsa;
	served[EC_ONE] = ec;
	served[EC_TWO] = two;
	chains_version++;
	if (chains_request != NULL)
		chains_answer();
}

static void
sign_late(struct timer *t)
{
	struct signing *s = CONTAINER(t, struct signing, timer);
	const struct key_sign_in *in = REQUEST(key_sign, s->request);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how;
	unsigned char sig[512];
	size_t n = sizeof sig;
	struct key_sign_out out;
	char digest[16];
	int i = 0;

	in_flight--;
	snprintf(digest, sizeof digest, "%.*s", (int)in->digest.n,
	    in->digest.p);
	while (i < PAIRS && memcmp(pairs[i].spki, in->spki.p, 32) != 0)
		i++;
	ck_assert_int_lt(i, PAIRS);
	ck_assert_int_eq(EVP_DigestSignInit_ex(md, &how, digest, NULL, NULL,
	    pairs[i].key, NULL), 1);
	if (in->pss) {
		EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST);
	}
	ck_assert_int_eq(EVP_DigestSign(md, sig, &n,
	    (const unsigned char *)in->tbs.p, in->tbs.n), 1);
	EVP_MD_CTX_free(md);
	out = (struct key_sign_out){ .signature = slice_of(sig, n) };
	/* What another task left in this thread's queue harms nobody. */
	ERR_put_error(ERR_LIB_USER, 0, 1, __FILE__, __LINE__);
	answer(s->request, deny ? WIRE_DENIED : WIRE_OK, &out);
	free(s);
}

static void
serve_sign(struct request *r)
{
	struct signing *s = mem_zero(sizeof *s);

	s->request = r;
	s->timer.fire = sign_late;
	timer_set(&s->timer, loop_now() + 5);
	if (++in_flight > most_in_flight)
		most_in_flight = in_flight;
}

/* ---- clients */

struct client {
	/* what it does */
	int		 version;	/* the only one it speaks; 0: any */
	const char	*sigalgs;	/* NULL: any */
	const char	*host;		/* SNI */
	struct slice	 alpn;		/* in wire form */
	struct slice	 garbage;	/* said instead of all else */
	bool		 silent;	/* says nothing until the server ends */
	bool		 no_goodbye;	/* no close_notify */
	size_t		 bulk;		/* bytes it wants echoed as well */
	/* what came of it */
	bool		 shaken;
	int		 reason;	/* of the failed handshake */
	int		 got_version;
	bool		 echoed, goodbye;
	int		 pair;		/* whose certificate it got */
	/* the server's view */
	bool		 server_ok;
	enum conn_error	 server_error;
	const char	*server_version;
	bool		 early;		/* read a line before the handshake */

	int		 fd;
	struct conn	*conn;
	pthread_t	 thread;
};

static bool
echo_bulk(SSL *ssl, size_t n)
{
	char out[4096], in[4096];

	for (size_t at = 0; at < n; at += sizeof out) {
		size_t got = 0, once;

		memset(out, (int)(at / sizeof out) + 1, sizeof out);
		if (SSL_write(ssl, out, sizeof out) != sizeof out)
			return false;
		for (; got < sizeof in; got += once)
			if (SSL_read_ex(ssl, in + got, sizeof in - got,
			    &once) != 1)
				return false;
		if (memcmp(in, out, sizeof in) != 0)
			return false;
	}
	return true;
}

static void
client_talk(struct client *c, SSL *ssl)
{
	const X509 *cert = SSL_get0_peer_certificate(ssl);
	char line[7] = "";

	c->got_version = SSL_version(ssl);
	while (c->pair < PAIRS && X509_cmp(cert, pairs[c->pair].cert) != 0)
		c->pair++;
	SSL_write(ssl, "hello\r\n", 7);
	c->echoed = SSL_read(ssl, line, 7) == 7 &&
	    memcmp(line, "hello\r\n", 7) == 0 && echo_bulk(ssl, c->bulk);
	if (!c->no_goodbye) {
		SSL_shutdown(ssl);
		c->goodbye = SSL_shutdown(ssl) == 1;
	}
}

static void
client_shake(struct client *c)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	if (c->version != 0) {
		SSL_CTX_set_security_level(ctx, 0);
		SSL_CTX_set_min_proto_version(ctx, c->version);
		SSL_CTX_set_max_proto_version(ctx, c->version);
	}
	if (c->sigalgs != NULL)
		ck_assert_int_eq(SSL_CTX_set1_sigalgs_list(ctx, c->sigalgs), 1);
	ssl = SSL_new(ctx);
	if (c->host != NULL)
		SSL_set_tlsext_host_name(ssl, c->host);
	if (c->alpn.n > 0)
		SSL_set_alpn_protos(ssl, (const unsigned char *)c->alpn.p,
		    (unsigned)c->alpn.n);
	SSL_set_fd(ssl, c->fd);
	c->shaken = SSL_connect(ssl) == 1;
	if (c->shaken)
		client_talk(c, ssl);
	else
		c->reason = ERR_GET_REASON(ERR_peek_error());
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

static void *
client_run(void *arg)
{
	struct client *c = arg;
	char bytes[1000];

	if (c->garbage.n > 0)
		send(c->fd, c->garbage.p, c->garbage.n, MSG_NOSIGNAL);
	if (c->silent)
		while (recv(c->fd, bytes, sizeof bytes, 0) > 0)
			;
	else if (c->garbage.n == 0)
		client_shake(c);
	close(c->fd);
	return NULL;
}

/* ---- the server */

static void
echo(struct client *c)
{
	struct slice s;

	if (conn_read_line(c->conn, 80, &s) != LINE_OK)
		return;
	conn_write(c->conn, s);
	conn_write(c->conn, SLICE("\r\n"));
	while ((s = conn_read_some(c->conn, 65536)).n > 0)
		conn_write(c->conn, s);
}

static void
server_run(void *arg)
{
	struct client *c = arg;
	struct slice s;

	conn_idle(c->conn, 3000);
	if (c->early)
		ck_assert_int_eq(conn_read_line(c->conn, 80, &s), LINE_OK);
	c->server_ok = conn_start_tls(c->conn);
	if (c->server_ok) {
		c->server_version = conn_tls_version(c->conn);
		echo(c);
	}
	c->server_error = conn_error(c->conn);
	conn_close(c->conn);
}

static void
stop_when_alone(void)
{
	if (task_count() == 0)
		loop_stop();
}

static void
client_begin(struct client *c)
{
	int both[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, both), 0);
	c->conn = conn_new(both[0], "client");
	c->fd = both[1];
	ck_assert(task_spawn("server", server_run, c));
	ck_assert_int_eq(pthread_create(&c->thread, NULL, client_run, c), 0);
}

static void
run_clients(struct client *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		client_begin(&c[i]);
	loop_run();
	for (size_t i = 0; i < n; i++)
		pthread_join(c[i].thread, NULL);
}

/* The loop until the chains asked for have come. */
static void
tick(struct timer *t)
{
	(void)t;
	loop_stop();
}

static void
run_ms(uint64_t ms)
{
	struct timer t = { .fire = tick };

	timer_set(&t, loop_clock() + ms);
	loop_run();
}

static void
idle_task(void *arg)
{
	(void)arg;
	task_wait("the end", 0);
}

static void
quiet(const char *line, size_t n)
{
	(void)line, (void)n;
}

static void
start(void)
{
	int both[2];
	struct link *asks, *answers;

	log_divert(quiet);
	loop_init();
	task_init();
	link_identity(ROLES);
	serve(WIRE_key_chains, serve_chains);
	serve(WIRE_key_sign, serve_sign);
	pair_make(&pairs[RSA_ONE], EVP_RSA_gen(2048), "mail.example.org");
	pair_make(&pairs[EC_ONE], EVP_EC_gen("P-256"), "mail.example.org");
	pair_make(&pairs[EC_TWO], EVP_EC_gen("P-384"), "other.example.org");
	tls_init("pop3");
	ck_assert(!tls_ready());
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, both), 0);
	asks = link_new(ROLE_KEY, 0, LINK_LASTING);
	answers = link_new(ROLE_POP3D, 0, LINK_ONCE);
	link_serve(answers);
	link_attach(asks, both[0]);
	link_attach(answers, both[1]);
	tls_follow_key(asks);
	chains_change(true, true, true);
	run_ms(20);
	ck_assert(tls_ready());
	loop_hook(LOOP_AFTER, stop_when_alone);
}

/* Turns the loop although no session runs. */
static void
change_chains(bool rsa, bool ec, bool two)
{
	chains_change(rsa, ec, two);
	task_spawn("idle", idle_task, NULL);
	run_ms(20);
	task_cancel_all();
	loop_run();
}

/* ---- tests */

/* RSA and ECDSA chains side by side, in both versions; TLS 1.2 with RSA also
   signs by PKCS #1 1.5, all else of RSA by PSS (RFC 8446 4.2.3). */
START_TEST(test_kinds)
{
	static const struct {
		int version;
		const char *sigalgs;
		bool rsa;
	} rows[] = {
		{ TLS1_3_VERSION, "ECDSA+SHA256", false },
		{ TLS1_2_VERSION, "ECDSA+SHA256", false },
		{ TLS1_3_VERSION, "RSA-PSS+SHA256", true },
		{ TLS1_3_VERSION, "RSA-PSS+SHA384", true },
		{ TLS1_3_VERSION, "RSA-PSS+SHA512:RSA+SHA256", true },
		{ TLS1_2_VERSION, "RSA-PSS+SHA256", true },
		{ TLS1_2_VERSION, "RSA+SHA256", true },
		{ TLS1_2_VERSION, "RSA+SHA512", true },
		{ 0, NULL, false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct client c = { .version = rows[i].version,
			.sigalgs = rows[i].sigalgs };

		run_clients(&c, 1);
		ck_assert_msg(c.shaken && c.server_ok, "row %zu: %d", i,
		    c.reason);
		ck_assert(c.echoed && c.goodbye);
		ck_assert_int_eq(c.pair == RSA_ONE, rows[i].rsa);
		ck_assert_int_eq(c.server_error, CONN_EOF);
		ck_assert_int_eq(c.got_version, rows[i].version == 0 ?
		    TLS1_3_VERSION : rows[i].version);
		ck_assert_str_eq(c.server_version, c.got_version ==
		    TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2");
	}
}
END_TEST

/* RFC 8996 and RFC 9325: nothing below TLS 1.2. */
START_TEST(test_old_version)
{
	struct client c = { .version = TLS1_1_VERSION };

	run_clients(&c, 1);
	ck_assert(!c.shaken && !c.server_ok);
	ck_assert_int_eq(c.server_error, CONN_TLS);
}
END_TEST

/* Many handshakes sleep in their signatures at once, among clients that send
   garbage, stop in the middle or want what we do not have: the good ones
   never hear of the others' errors. */
START_TEST(test_many)
{
	static struct client c[24];

	most_in_flight = 0;
	for (int i = 0; i < 24; i++) {
		c[i] = (struct client){ .bulk = 16384 };
		if (i % 6 == 1)
			c[i].garbage = SLICE("GET / HTTP/1.1\r\n\r\n");
		else if (i % 6 == 3)
			c[i].garbage = SLICE("\x16\x03\x01\x02\x00\x01");
		else if (i % 6 == 4)
			c[i].alpn = SLICE("\x02h2");
		else
			c[i].version = i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION;
	}
	run_clients(c, 24);
	for (int i = 0; i < 24; i++) {
		bool good = i % 6 == 0 || i % 6 == 2 || i % 6 == 5;

		ck_assert_int_eq(c[i].server_ok, good);
		ck_assert_int_eq(c[i].echoed, good);
	}
	ck_assert_uint_ge(most_in_flight, 2);
}
END_TEST

/* RFC 7301 3.2: a list without us is refused, no list is not. */
START_TEST(test_alpn)
{
	struct client bad = { .alpn = SLICE("\x08http/1.1\x02h2") };
	struct client good = { .alpn = SLICE("\x02h2\x04pop3") };
	struct client prefix = { .alpn = SLICE("\x05pop3s\x03pop") };

	run_clients(&bad, 1);
	ck_assert(!bad.shaken && !bad.server_ok);
	ck_assert_int_eq(bad.reason, ALERT_NO_PROTOCOL);
	run_clients(&good, 1);
	ck_assert(good.echoed);
	run_clients(&prefix, 1);
	ck_assert_int_eq(prefix.reason, ALERT_NO_PROTOCOL);
}
END_TEST

/* RFC 6066 3: the host a client names chooses the chain. */
START_TEST(test_host)
{
	struct client c[] = {
		{ .host = "other.example.org" },
		{ .host = "mail.example.org" },
		{ .host = "unknown.example.org" },
		{ .host = "mail.example.org", .sigalgs = "RSA-PSS+SHA256" },
		{ .host = "other.example.org", .sigalgs = "RSA-PSS+SHA256" },
	};

	run_clients(c, 5);
	ck_assert_int_eq(c[0].pair, EC_TWO);
	ck_assert_int_eq(c[1].pair, EC_ONE);
	ck_assert_int_eq(c[2].pair, EC_ONE);
	ck_assert_int_eq(c[3].pair, RSA_ONE);
	ck_assert(!c[4].shaken);
}
END_TEST

/* TLS-5: new chains are for new connections, those there live on. */
START_TEST(test_new_chains)
{
	struct client old = { .bulk = 1 << 20 }, new[3] = { { 0 } };

	client_begin(&old);
	chains_change(true, false, false);
	run_clients(&new[0], 1);
	pthread_join(old.thread, NULL);
	ck_assert(old.echoed && new[0].echoed);
	run_clients(&new[1], 1);
	ck_assert_int_eq(new[1].pair, RSA_ONE);
	change_chains(false, false, false);
	run_clients(&new[2], 1);
	ck_assert_int_eq(new[2].pair, RSA_ONE);	/* better than none */
	change_chains(true, true, true);
}
END_TEST

/* A key process that refuses fails that handshake, and no other. */
START_TEST(test_denied)
{
	struct client c = { 0 };

	deny = true;
	run_clients(&c, 1);
	ck_assert(!c.shaken && !c.server_ok);
	ck_assert_int_eq(c.server_error, CONN_TLS);
	deny = false;
	c = (struct client){ 0 };
	run_clients(&c, 1);
	ck_assert(c.echoed);
}
END_TEST

/* SMTP-5: what came with STARTTLS is not taken for the peer's. */
START_TEST(test_injection)
{
	struct client c = { .early = true, .silent = true,
		.garbage = SLICE("STARTTLS\r\nMAIL FROM:<>\r\n") };

	run_clients(&c, 1);
	ck_assert(!c.server_ok);
	ck_assert_int_eq(c.server_error, CONN_TLS);
}
END_TEST

static void
server_hurried(void *arg)
{
	struct client *c = arg;

	conn_deadline(c->conn, loop_clock() + 30);
	server_run(arg);
}

/* TLS-4: a client that says nothing is not waited for. */
START_TEST(test_silent)
{
	struct client c = { .silent = true };
	int both[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, both), 0);
	c.conn = conn_new(both[0], "client");
	c.fd = both[1];
	ck_assert(task_spawn("server", server_hurried, &c));
	pthread_create(&c.thread, NULL, client_run, &c);
	loop_run();
	pthread_join(c.thread, NULL);
	ck_assert(!c.server_ok);
	ck_assert_int_eq(c.server_error, CONN_TIMEOUT);
}
END_TEST

/* Ends without close_notify are ends; bulk is whole. */
START_TEST(test_bulk)
{
	struct client c = { .bulk = 4 << 20, .no_goodbye = true };

	run_clients(&c, 1);
	ck_assert(c.echoed);
	ck_assert_int_eq(c.server_error, CONN_EOF);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("tls");
	TCase *c = tcase_create("tls");

	tcase_set_timeout(c, 60);
	tcase_add_unchecked_fixture(c, start, NULL);
	tcase_add_test(c, test_kinds);
	tcase_add_test(c, test_old_version);
	tcase_add_test(c, test_many);
	tcase_add_test(c, test_alpn);
	tcase_add_test(c, test_host);
	tcase_add_test(c, test_new_chains);
	tcase_add_test(c, test_denied);
	tcase_add_test(c, test_injection);
	tcase_add_test(c, test_silent);
	tcase_add_test(c, test_bulk);
	suite_add_tcase(s, c);
	return suite_end(s);
}
