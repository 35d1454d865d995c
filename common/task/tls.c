/*
 * A connection's TLS: conn.h's calls on an SSL object.
 *
 * OpenSSL reads and writes through conn_recv and conn_send, so that what is
 * known of the socket (nothing there, no room) saves system calls here too.
 */
#include "common/task/tls.h"

#include <errno.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>

#include "common/core/log.h"
#include "common/task/conn_private.h"
#include "common/task/tls_private.h"

enum { HANDSHAKE = 10 * 1000 };	/* ms (TLS-4) */

/* ---- the socket, as OpenSSL sees it */

static int
bio_read(BIO *b, char *to, size_t n, size_t *got)
{
	ssize_t r = conn_recv(BIO_get_data(b), to, n);

	BIO_clear_flags(b, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY |
	    BIO_FLAGS_IN_EOF);
	if (r < 0 && errno == EAGAIN)
		BIO_set_retry_read(b);
	if (r == 0)
		BIO_set_flags(b, BIO_FLAGS_IN_EOF);
	*got = r > 0 ? (size_t)r : 0;
	return r > 0;
}

static int
bio_write(BIO *b, const char *from, size_t n, size_t *sent)
{
	ssize_t r = conn_send(BIO_get_data(b), from, n);

	BIO_clear_retry_flags(b);
	if (r < 0 && errno == EAGAIN)
		BIO_set_retry_write(b);
	*sent = r > 0 ? (size_t)r : 0;
	return r > 0;
}

static long
bio_control(BIO *b, int what, long number, void *p)
{
	(void)number, (void)p;
	if (what == BIO_CTRL_EOF)
		return BIO_test_flags(b, BIO_FLAGS_IN_EOF) != 0;
	return what == BIO_CTRL_FLUSH;
}

static BIO *
bio_new(struct conn *c)
{
	static BIO_METHOD *method;
	BIO *b;

	if (method == NULL) {
		method = BIO_meth_new(BIO_get_new_index() |
		    BIO_TYPE_SOURCE_SINK, "conn");
		BIO_meth_set_read_ex(method, bio_read);
		BIO_meth_set_write_ex(method, bio_write);
		BIO_meth_set_ctrl(method, bio_control);
	}
	if ((b = BIO_new(method)) == NULL)
		fatal("OpenSSL: %s", tls_error());
	BIO_set_data(b, c);
	BIO_set_init(b, 1);
	return b;
}

/* ---- reading and writing */

/* What an SSL_ function that returned r <= 0 means: as tls_read returns. */
static ssize_t
outcome(struct conn *c, int r, enum conn_way *way)
{
	int error = errno;

	switch (SSL_get_error(c->tls, r)) {
	case SSL_ERROR_WANT_READ:
		*way = WAY_IN;
		return -1;
	case SSL_ERROR_WANT_WRITE:
		*way = WAY_OUT;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		conn_broke(c, CONN_RESET, strerror(error));
		return -2;
	default:
		conn_broke(c, CONN_TLS, tls_error());
		return -2;
	}
}

ssize_t
tls_read(struct conn *c, void *to, size_t n, enum conn_way *way)
{
	size_t got;
	int r;

	ERR_clear_error();
	r = SSL_read_ex(c->tls, to, n, &got);
	return r == 1 ? (ssize_t)got : outcome(c, r, way);
}

ssize_t
tls_write(struct conn *c, const void *from, size_t n, enum conn_way *way)
{
	size_t sent;
	int r;

	ERR_clear_error();
	r = SSL_write_ex(c->tls, from, n, &sent);
	return r == 1 ? (ssize_t)sent : outcome(c, r, way);
}

/* An error met here comes back at the next read. */
bool
tls_has_input(struct conn *c)
{
	char byte;
	size_t n;

	c->readable = true;
	ERR_clear_error();
	return SSL_peek_ex(c->tls, &byte, 1, &n) == 1;
}

/* Says close_notify, waits for none (RFC 8446 6.1). */
void
tls_close(struct conn *c)
{
	if (c->tls == NULL)
		return;
	ERR_clear_error();
	if (!c->no_way_out && SSL_is_init_finished(c->tls))
		SSL_shutdown(c->tls);
	SSL_free(c->tls);
	c->tls = NULL;
}

/* ---- the handshake */

static bool
shake_hands(struct conn *c, uint64_t ms)
{
	uint64_t deadline = loop_clock() + ms;
	enum conn_way way;
	ssize_t n;
	int r;

	if (c->deadline != 0 && c->deadline < deadline)
		deadline = c->deadline;
	for (;;) {
		ERR_clear_error();
		if ((r = SSL_do_handshake(c->tls)) == 1)
			return true;
		if ((n = outcome(c, r, &way)) == 0)
			conn_broke(c, CONN_EOF, NULL);
		if (n != -1 || !conn_wait(c, way, "TLS handshake", deadline))
			return false;
	}
}

/* What was received before the handshake is not protected by it: whoever
   put it there could have been anybody (SMTP-5). */
bool
tls_may_begin(struct conn *c)
{
	if (!conn_flush(c))
		return false;
	if (c->in.at < c->in.n)
		conn_broke(c, CONN_TLS, "input before the handshake");
	return c->error == CONN_OK;
}

bool
tls_begin(struct conn *c, SSL *ssl, uint64_t ms)
{
	BIO *bio = bio_new(c);

	conn_forget_input(c);
	c->tls = ssl;
	SSL_set_bio(c->tls, bio, bio);
	if (shake_hands(c, ms))
		return true;
	c->no_way_out = true;
	return false;
}

bool
conn_start_tls(struct conn *c)
{
	SSL_CTX *context = tls_context();
	SSL *ssl;

	if (!tls_may_begin(c))
		return false;
	if (context == NULL) {
		conn_broke(c, CONN_TLS, "no certificate");
		return false;
	}
	if ((ssl = SSL_new(context)) == NULL)
		fatal("OpenSSL: %s", tls_error());
	SSL_set_accept_state(ssl);
	return tls_begin(c, ssl, HANDSHAKE);
}

bool
conn_is_tls(const struct conn *c)
{
	return c->tls != NULL;
}

const char *
conn_tls_version(const struct conn *c)
{
	return c->tls == NULL ? "" : SSL_get_version(c->tls);
}

const char *
conn_tls_cipher(const struct conn *c)
{
	return c->tls == NULL ? "" : SSL_get_cipher_name(c->tls);
}
