/*
 * conn.h - a session's connection to its peer: lines, bytes, output.
 *
 * The same calls run in a task (they suspend), or in a plain program that
 * blocks in poll (unit tests, fuzzers, tools): conn picks by task_self().
 *
 * Errors are sticky (CONN_ value in conn_error): after the first one every
 * read says no, so a session checks where it matters and once at the end.
 * Writes are dropped once the peer cannot hear us any more: RESET, TLS, or too
 * slow to take what we sent.  After EOF, and a TIMEOUT or CANCELLED met while
 * reading, a last reply may still be written; conn_close sends it.
 *
 * Output collects in one buffer and is sent when the session waits for input
 * that is not already there, when 64 KiB are gathered, and at conn_flush and
 * conn_close.  TCP_NODELAY is on.
 *
 * Input and output buffers are given back while the session is idle.
 */
#ifndef TASK_CONN_H
#define TASK_CONN_H

#include "common/core/buf.h"

enum conn_error {
	CONN_OK,
	CONN_EOF,		/* the peer closed */
	CONN_RESET,		/* ... or broke off; errno-like text in why */
	CONN_TIMEOUT,		/* a deadline passed */
	CONN_CANCELLED,		/* we are to end (shutdown, kick) */
	CONN_TLS,		/* TLS failed; conn_why tells */
};

/* What a line reader says about one line. */
enum conn_line {
	LINE_OK,
	LINE_END,		/* no line: see conn_error */
	LINE_LONG,		/* over the limit; read away to its end */
	LINE_BARE,		/* a bare CR, a bare LF or a NUL is in it; it
				   was read to its LF and is returned raw,
				   with the bytes that end it */
};

struct conn;
struct sockaddr;

/* Takes the descriptor, makes it non-blocking.  peer is copied. */
struct conn	*conn_new(int fd, const char *peer);
/* Calls out by TCP and waits until somebody is there, at most so many ms.
   Never NULL: conn_error says whether it went well. */
struct conn	*conn_connect(const struct sockaddr *, unsigned size,
		    const char *peer, uint64_t ms);
void		 conn_close(struct conn *);	/* flushes within 1 s, frees */

/* Every wait below ends at the earlier of the two: `idle` ms after it began,
   or the absolute session deadline (0: none).  DOS-1.  conn_read_line is one
   wait, however slowly its bytes come; conn_read_all and output are one for
   each piece that moves, so a long transfer needs a deadline as well. */
void		 conn_deadline(struct conn *, uint64_t at);
void		 conn_idle(struct conn *, uint64_t ms);

/* One line without its CRLF, at most max bytes (up to 65,534); it lives until
   the next read.  A line ends at LF; lone ones are told apart (LINE_BARE). */
enum conn_line	 conn_read_line(struct conn *, size_t max, struct slice *);
/* What is there now, at least one byte and at most max; empty at an error.
   Lives until the next read. */
struct slice	 conn_read_some(struct conn *, size_t max);
/* Gives back the last n bytes of what the last read returned. */
void		 conn_unread(struct conn *, size_t n);
/* Exactly n bytes, appended to *to; false at an error (literals, BDAT). */
bool		 conn_read_all(struct conn *, size_t n, struct buf *to);
/* In a task: waits until there is input that nobody read yet, or task_wake
   (IDLE waits for its client and for news).  False at an error. */
bool		 conn_await(struct conn *, const char *what);
/* Is input waiting that nobody read yet?  Looks at the socket too, without
   waiting (SMTP-4: early talkers). */
bool		 conn_has_input(struct conn *);
/* Drops what is buffered, unread (STARTTLS: SMTP-5 checks has_input first). */
void		 conn_forget_input(struct conn *);

void		 conn_write(struct conn *, struct slice);
void		 conn_printf(struct conn *, const char *, ...)
		    __attribute__((format(printf, 2, 3)));
/* The output buffer itself, to append a reply to. */
struct buf	*conn_out(struct conn *);
bool		 conn_flush(struct conn *);	/* false at an error */
/* Sends it at once and keeps no copy of it (PRIV-8); false at an error. */
bool		 conn_write_secret(struct conn *, struct slice);

enum conn_error	 conn_error(const struct conn *);
const char	*conn_why(const struct conn *);	/* text, never NULL */
void		 conn_fail(struct conn *, enum conn_error);
const char	*conn_peer(const struct conn *); /* "192.0.2.1" or "local" */
/* Bytes in and out since it began, for the closing log line. */
uint64_t	 conn_bytes_in(const struct conn *);
uint64_t	 conn_bytes_out(const struct conn *);
/* How often any connection of this process was written to, for `status`. */
uint64_t	 conn_sends(void);

/* TLS (tls.c).  Sends what is in the output, then shakes hands, within its own
   deadline of 10 s (TLS-4).  False: that failed, or input had been read before
   it (SMTP-5); the connection is dead. */
bool		 conn_start_tls(struct conn *);
/* The same as the client, within 60 s: `host` is whom we mean (RFC 6066 3).
   verify: unless a trusted authority says that it is that host, it fails;
   else any certificate will do, even none that can be checked. */
bool		 conn_call_tls(struct conn *, const char *host, bool verify);
bool		 conn_is_tls(const struct conn *);
/* "TLSv1.3", "TLS_AES_256_GCM_SHA384", for Received and the log; "" without. */
const char	*conn_tls_version(const struct conn *);
const char	*conn_tls_cipher(const struct conn *);

#endif
