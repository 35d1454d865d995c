/*
 * world.h - resolver's queries in one loop with who asks them and with a DNS
 * server that answers by rote, over UDP on the loopback address.
 *
 * A row says what the server answers to a name and type.  Whatever has no row
 * is refused.  The only trust anchor is for signed.example, with a digest that
 * no key has: so everything below it is bogus, and all else is not signed.
 */
#ifndef UNIT_RESOLVER_WORLD_H
#define UNIT_RESOLVER_WORLD_H

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/log.h"
#include "common/mail/rdata.h"
#include "resolver/context.h"
#include "resolver/resolver.h"

#define ANCHOR	"; nobody has this key\n"				\
	"signed.example. IN DS 12345 13 2 (\n"				\
	"	0123456789abcdef0123456789abcdef\n"			\
	"	0123456789abcdef0123456789abcdef )\n"

enum { RRS = 4, SILENT = 100, GARBAGE = 101 };	/* instead of a code */

struct rr_row {
	const char	*owner;
	unsigned	 type;
	struct slice	 data;
};

struct row {
	const char	*name;
	unsigned	 type;
	unsigned	 code;
	struct rr_row	 answers[RRS];
	struct rr_row	 authority;
};

static struct {
	const struct row *rows;
	size_t		 n_rows;
	unsigned	 asked;		/* questions the server has heard */
	struct watch	 server;
	struct link	*link;
	struct link	*other;		/* the answering end */
	struct conf	 conf;
	char		 dir[64];
	char		 log[65536];
	struct arena	 arena;
} world;

/* ---- the server */

static inline void
put16(struct buf *b, unsigned n)
{
	buf_char(b, (char)(n >> 8));
	buf_char(b, (char)n);
}

static inline void
put_record(struct buf *b, const struct rr_row *r)
{
	struct dname owner;

	ck_assert(dname_parse(slice_str(r->owner), &owner));
	buf_add(b, owner.wire, owner.n);
	put16(b, r->type);
	put16(b, 1);
	put16(b, 0);
	put16(b, 300);		/* TTL */
	put16(b, (unsigned)r->data.n);
	buf_slice(b, r->data);
}

static inline const struct row *
row_of(const struct dname *name, unsigned type)
{
	struct dname d;

	for (size_t i = 0; i < world.n_rows; i++)
		if (dname_parse(slice_str(world.rows[i].name), &d) &&
		    dname_eq(&d, name) && world.rows[i].type == type)
			return &world.rows[i];
	return NULL;
}

static inline void
server_answer(struct slice question, const struct row *row, struct buf *b)
{
	unsigned n = 0;

	while (row != NULL && n < RRS && row->answers[n].owner != NULL)
		n++;
	buf_add(b, question.p, 2);
	put16(b, 0x8480 | (row != NULL ? row->code : 5));
	put16(b, 1);
	put16(b, n);
	put16(b, row != NULL && row->authority.owner != NULL);
	put16(b, 0);
	buf_add(b, question.p + 12, question.n - 12);
	for (unsigned i = 0; i < n; i++)
		put_record(b, &row->answers[i]);
	if (row != NULL && row->authority.owner != NULL)
		put_record(b, &row->authority);
}

static inline void
server_ready(struct watch *w, unsigned events)
{
	char packet[4096];
	struct sockaddr_in from;
	socklen_t size = sizeof from;
	ssize_t n = recvfrom(w->fd, packet, sizeof packet, 0,
	    (struct sockaddr *)&from, &size);
	struct slice rest = slice_drop(slice_of(packet, (size_t)n), 12);
	const struct row *row;
	struct buf b = { 0 };
	struct dname name;
	unsigned type;

	(void)events;
	ck_assert(n > 16 && dname_cut(&rest, &name));
	type = (unsigned)(unsigned char)rest.p[0] << 8 |
	    (unsigned char)rest.p[1];
	rest = slice_drop(rest, 4);
	row = row_of(&name, type);
	world.asked++;
	if (row != NULL && row->code == SILENT)
		return;
	/* Without what follows the question, its OPT record. */
	server_answer(slice_of(packet, (size_t)n - rest.n), row, &b);
	if (row != NULL && row->code == GARBAGE)
		memset(b.p + 12, 0xff, b.n - 12);
	ck_assert(sendto(w->fd, b.p, b.n, 0, (struct sockaddr *)&from,
	    size) == (ssize_t)b.n);
	buf_free(&b);
}

/* Returns its port. */
static inline unsigned
server_open(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof at;

	world.server.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	world.server.ready = server_ready;
	ck_assert_int_eq(0, bind(world.server.fd, (struct sockaddr *)&at,
	    sizeof at));
	ck_assert_int_eq(0, getsockname(world.server.fd,
	    (struct sockaddr *)&at, &size));
	ck_assert(loop_add(&world.server, LOOP_IN, false));
	return ntohs(at.sin_port);
}

/* ---- everybody else */

static inline void
world_suspend(struct link *l, struct link_wait *w)
{
	(void)l;
	while (!w->done)
		loop_run();
}

static inline void
world_wake(struct link_wait *w)
{
	(void)w;
	loop_stop();
}

static inline void
world_log(const char *line, size_t n)
{
	size_t at = strlen(world.log);

	if (at + n < sizeof world.log) {
		memcpy(world.log + at, line, n);
		world.log[at + n] = '\0';
	}
}

static inline const char *
file_make(const char *name, const char *text)
{
	const char *path = arena_printf(&world.arena, "%s/%s", world.dir,
	    name);
	FILE *f = fopen(path, "w");

	ck_assert(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
	return path;
}

static inline void
link_both(void)
{
	int fds[2];

	ck_assert_int_eq(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    fds));
	world.link = link_new(ROLE_RESOLVER, 0, LINK_LASTING);
	world.other = link_new(ROLE_RELAY, 0, LINK_ONCE);
	link_serve(world.other);
	link_attach(world.other, fds[0]);
	link_attach(world.link, fds[1]);
}

/* names: the text of that file, or NULL. */
static inline void
world_open(const struct row *rows, size_t n, const char *names)
{
	struct buf errors = { 0 };
	const char *text;

	world.rows = rows;
	world.n_rows = n;
	strcpy(world.dir, "/tmp/resolver-XXXXXX");
	ck_assert(mkdtemp(world.dir) != NULL);
	loop_init();
	log_init("resolver", LOG_DEBUG);
	log_divert(world_log);
	link_identity(ROLE_RESOLVER);
	link_suspend = world_suspend;
	link_wake = world_wake;
	text = arena_printf(&world.arena, "trust anchor in %s\n"
	    "resolve names through 127.0.0.1 port %u\n%s%s\n",
	    file_make("anchor", ANCHOR), server_open(),
	    names != NULL ? "resolve names from " : "",
	    names != NULL ? file_make("names", names) : "");
	ck_assert_uint_eq(0, conf_parse(&world.conf, slice_str(text), "conf",
	    &errors));
	context_load(&world.conf);
	query_use(&world.conf);
	serve(WIRE_dns_query, query_take);
	link_both();
}

static inline void
world_close(void)
{
	unlink(arena_printf(&world.arena, "%s/anchor", world.dir));
	unlink(arena_printf(&world.arena, "%s/names", world.dir));
	rmdir(world.dir);
}

static inline struct dns_query_out
look_up(const char *name, unsigned type)
{
	struct dns_query_in in = { .name = slice_str(name), .type = type };
	struct dns_query_out out;

	ck_assert_int_eq(WIRE_OK, dns_query(world.link, &in, &out,
	    &world.arena, 60000));
	return out;
}

/* Its answers as hexadecimal text, in the order they came. */
static inline const char *
data_of(const struct dns_query_out *out)
{
	struct buf b = { 0 };
	const char *text;

	for (size_t i = 0; i < out->n_answers; i++)
		for (size_t j = 0; j <= out->answers[i].data.n; j++)
			if (j < out->answers[i].data.n)
				buf_printf(&b, "%02x", (unsigned char)
				    out->answers[i].data.p[j]);
			else if (i + 1 < out->n_answers)
				buf_char(&b, ' ');
	text = arena_str(&world.arena, buf_view(&b));
	buf_free(&b);
	return text;
}

#endif
