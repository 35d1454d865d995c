/*
 * remote.h - a remote SMTP server that plays its part of a conversation, in a
 * process of its own, which ends with 0 if every line was as expected.
 *
 *	accept 2	takes a connection on 127.0.0.2
 *	S: text		says this line and CR LF; \r \n \0 \t \xHH
 *	S+: text	without CR LF
 *	S*: 1000 text	so often
 *	C: text		hears this line; * is anything
 *	M: text		hears lines up to ".", one of which is this
 *	M!: text	... none of which is this
 *	tls		a TLS handshake, now; "tls refused": the client does not
 *			want it
 *	close		closes, so that the other side reads the end
 *	reset		... or an error
 *	stall		says nothing more until the other side leaves
 *	left		the other side has left
 *	wait 200	milliseconds in which it does nothing
 */
#ifndef TESTS_UNIT_RELAY_REMOTE_H
#define TESTS_UNIT_RELAY_REMOTE_H

#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "tests/unit/relay/world.h"

static struct {
	int		 fd;
	SSL		*tls;
	char		 in[1 << 20];
	size_t		 at, n;
	const char	*file;
	unsigned	 line;
} remote = { .fd = -1 };

static EVP_PKEY		*remote_key;
static X509		*remote_cert;

/* For mx.b.example, by its own authority, which lies in this file. */
static void
certificate_make(const char *path)
{
	X509_EXTENSION *e;
	X509_NAME *name;
	FILE *f = fopen(path, "w");

	remote_key = EVP_EC_gen("P-256");
	remote_cert = X509_new();
	X509_set_version(remote_cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(remote_cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(remote_cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(remote_cert), 3600);
	name = X509_get_subject_name(remote_cert);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(remote_cert, name);
	X509_set_pubkey(remote_cert, remote_key);
	e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
	    "DNS:mx.b.example");
	X509_add_ext(remote_cert, e, -1);
	X509_EXTENSION_free(e);
	ck_assert(X509_sign(remote_cert, remote_key, EVP_sha256()) > 0);
	ck_assert(f != NULL && PEM_write_X509(f, remote_cert) == 1);
	fclose(f);
}

static _Noreturn void
remote_fail(const char *what, struct slice got)
{
	fprintf(stderr, "%s:%u: %s: %.*s\n", remote.file, remote.line, what,
	    (int)got.n, got.p);
	_exit(1);
}

static void
remote_send(struct slice s)
{
	while (s.n > 0) {
		ssize_t n = remote.tls != NULL ? SSL_write(remote.tls, s.p,
		    (int)s.n) : send(remote.fd, s.p, s.n, MSG_NOSIGNAL);

		if (n <= 0)
			return;		/* what we hear next tells */
		s = slice_drop(s, (size_t)n);
	}
}

/* False: the other side has left. */
static bool
remote_fill(void)
{
	ssize_t n;

	if (remote.at > 0) {
		memmove(remote.in, remote.in + remote.at, remote.n - remote.at);
		remote.n -= remote.at;
		remote.at = 0;
	}
	n = remote.tls != NULL ? SSL_read(remote.tls, remote.in + remote.n,
	    (int)(sizeof remote.in - remote.n)) : recv(remote.fd,
	    remote.in + remote.n, sizeof remote.in - remote.n, 0);
	if (n <= 0)
		return false;
	remote.n += (size_t)n;
	return true;
}

static struct slice
remote_line(void)
{
	for (;;) {
		struct slice rest = slice_of(remote.in + remote.at,
		    remote.n - remote.at);
		size_t at = slice_find(rest, '\n');

		if (at < rest.n) {
			remote.at += at + 1;
			if (at == 0 || rest.p[at - 1] != '\r' ||
			    slice_find(rest, '\r') != at - 1)
				remote_fail("a bare CR or LF", slice_take(rest,
				    at));
			return slice_take(rest, at - 1);
		}
		if (!remote_fill())
			remote_fail("the client left", rest);
	}
}

static bool
matches(struct slice p, struct slice s)
{
	while (p.n > 0 && p.p[0] != '*') {
		if (s.n == 0 || s.p[0] != p.p[0])
			return false;
		p = slice_drop(p, 1);
		s = slice_drop(s, 1);
	}
	if (p.n == 0)
		return s.n == 0;
	for (size_t i = 0; i <= s.n; i++)
		if (matches(slice_drop(p, 1), slice_drop(s, i)))
			return true;
	return false;
}

static void
remote_hear(struct slice want)
{
	struct slice got = remote_line();

	if (!matches(want, got))
		remote_fail("heard", got);
}

static void
remote_message(struct slice want, bool wanted)
{
	bool found = false;

	for (;;) {
		struct slice got = remote_line();

		if (slice_eq(got, SLICE(".")))
			break;
		if (got.n > 998)
			remote_fail("a line too long", got);
		found |= matches(want, got);
	}
	if (found != wanted)
		remote_fail("the message", want);
}

/* "refused": the client must not go through with it. */
static void
remote_tls(bool refused)
{
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());

	SSL_CTX_use_certificate(c, remote_cert);
	SSL_CTX_use_PrivateKey(c, remote_key);
	remote.tls = SSL_new(c);
	SSL_set_fd(remote.tls, remote.fd);
	/* In TLS 1.3 the server has done before the client looks. */
	if (SSL_accept(remote.tls) == 1 ? refused && remote_fill() : !refused)
		remote_fail("TLS", slice_of(NULL, 0));
}

static void
remote_close(bool reset)
{
	struct linger hard = { 1, 0 };

	if (reset)
		setsockopt(remote.fd, SOL_SOCKET, SO_LINGER, &hard,
		    sizeof hard);
	if (remote.tls != NULL)
		SSL_free(remote.tls);
	remote.tls = NULL;
	close(remote.fd);
	remote.fd = -1;
}

static void
remote_accept(struct slice which)
{
	uint64_t n;
	int on = 1;

	if (!slice_u64(which, SERVERS, &n) || n == 0)
		remote_fail("no such server", which);
	if (remote.fd >= 0)
		remote_close(false);
	remote.at = remote.n = 0;
	remote.fd = accept(world.doors[n - 1], NULL, NULL);
	setsockopt(remote.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void
remote_wait_left(void)
{
	while (remote_fill())
		remote.n = 0;
}

static struct slice
unescape(struct arena *a, struct slice s)
{
	struct buf b = { 0 };
	struct slice out;

	for (size_t i = 0; i < s.n; i++) {
		static const char from[] = "rn0t\\", to[] = "\r\n\0\t\\";
		const char *p;
		unsigned hex;

		if (s.p[i] != '\\' || i + 1 == s.n) {
			buf_char(&b, s.p[i]);
			continue;
		}
		i++;
		if (s.p[i] == 'x' && i + 2 < s.n &&
		    sscanf(s.p + i + 1, "%2x", &hex) == 1) {
			buf_char(&b, (char)hex);
			i += 2;
		} else if ((p = strchr(from, s.p[i])) != NULL)
			buf_char(&b, to[p - from]);
	}
	out = arena_slice(a, buf_view(&b));
	buf_free(&b);
	return out;
}

static void
remote_say(struct slice times, struct slice text)
{
	uint64_t n = 1;

	slice_u64(times, 1000000, &n);
	for (uint64_t i = 0; i < n; i++) {
		remote_send(text);
		remote_send(SLICE("\r\n"));
	}
}

/* False: no verb of the remote's. */
static bool
remote_step(struct slice verb, struct slice rest, struct arena *a)
{
	if (slice_eq(verb, SLICE("accept")))
		remote_accept(rest);
	else if (slice_eq(verb, SLICE("S:")))
		remote_say(SLICE("1"), unescape(a, rest));
	else if (slice_eq(verb, SLICE("S+:")))
		remote_send(unescape(a, rest));
	else if (slice_eq(verb, SLICE("S*:"))) {
		struct slice times = slice_cut(&rest, ' ');

		remote_say(times, unescape(a, rest));
	} else if (slice_eq(verb, SLICE("C:")))
		remote_hear(unescape(a, rest));
	else if (slice_eq(verb, SLICE("M:")))
		remote_message(unescape(a, rest), true);
	else if (slice_eq(verb, SLICE("M!:")))
		remote_message(unescape(a, rest), false);
	else if (slice_eq(verb, SLICE("tls")))
		remote_tls(rest.n > 0);
	else if (slice_eq(verb, SLICE("close")))
		remote_close(false);
	else if (slice_eq(verb, SLICE("reset")))
		remote_close(true);
	else if (slice_eq(verb, SLICE("wait")))
		usleep(1000 * (unsigned)atoi(arena_str(a, rest)));
	else if (slice_eq(verb, SLICE("stall")) ||
	    slice_eq(verb, SLICE("left")))
		remote_wait_left();
	else
		return false;
	return true;
}

#endif
