#include "resolver/context.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

#include "resolver/events.h"
#include "resolver/zone.h"

enum { FILE_MAX = 16 * 1024 * 1024 };

struct source {
	char		*path;
	struct buf	 text;
};

static struct source	anchor, names;

/* ---- files */

static void
source_read(struct source *s, struct slice path)
{
	int fd;
	ssize_t n;

	s->path = mem_str(path);
	if ((fd = open(s->path, O_RDONLY | O_CLOEXEC)) < 0)
		fatal("%s", s->path);
	do {
		buf_reserve(&s->text, 65536);
		n = read(fd, s->text.p + s->text.n, 65536);
		if (n > 0)
			s->text.n += (size_t)n;
	} while (n > 0 && s->text.n <= FILE_MAX);
	if (n != 0) {
		errno = n > 0 ? EFBIG : errno;
		fatal("%s", s->path);
	}
	close(fd);
}

void
context_load(const struct conf *c)
{
	source_read(&anchor, c->anchor);
	if (c->names.n > 0)
		source_read(&names, c->names);
}

static void
wrong(const struct source *s, unsigned line, const char *what)
{
	char place[4200];

	snprintf(place, sizeof place, "%s:%u", s->path, line);
	LOG(config_wrong, .place = slice_str(place), .what = slice_str(what));
}

/* ---- what is in them */

static void
anchors_add(struct ub_ctx *ctx)
{
	struct zone_reader z = { .rest = buf_view(&anchor.text) };
	unsigned good = 0;
	enum zone_line l;

	while ((l = zone_next(&z)) != ZONE_END)
		if (l == ZONE_RECORD && ub_ctx_add_ta(ctx, z.text.p) == 0)
			good++;
		else
			wrong(&anchor, z.line,
			    "expected a DNSKEY or DS record");
	zone_free(&z);
	errno = 0;
	if (good == 0)
		fatal("%s: no trust anchor", anchor.path);
}

/* Its names are all here; static: there is none but those said. */
static bool
zone_add(struct ub_ctx *ctx, const char *domain)
{
	return ub_ctx_zone_add(ctx, domain, "static") == 0;
}

/* From here on the context's options are fixed: libunbound does that when
   local data comes. */
static void
names_add(struct ub_ctx *ctx)
{
	struct zone_reader z = { .rest = buf_view(&names.text) };
	enum zone_line l;

	while ((l = zone_next(&z)) != ZONE_END)
		if (l == ZONE_RECORD && ub_ctx_data_add(ctx, z.text.p) != 0)
			wrong(&names, z.line, "expected a record such as: "
			    "mail.example.org. 3600 IN A 192.0.2.1");
		else if (l == ZONE_ORIGIN && !zone_add(ctx, z.text.p))
			wrong(&names, z.line, "expected a domain that is not "
			    "said twice");
		else if (l == ZONE_WRONG)
			wrong(&names, z.line, "cannot be read");
	zone_free(&z);
}

/* ---- options */

static bool
is_loopback(const char *address)
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET, address, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, address, &six) == 1 &&
	    IN6_IS_ADDR_LOOPBACK(&six);
}

static void
option(struct ub_ctx *ctx, const char *name, const char *value)
{
	if (ub_ctx_set_option(ctx, name, value) != 0)
		fatal("libunbound: %s %s", name, value);
}

/* The library's own figures are for a program that asks now and then. */
static void
options(struct ub_ctx *ctx)
{
	static const char *const rows[][2] = {
		{ "num-queries-per-thread:", "2048" },
		{ "outgoing-range:", "256" },
		{ "outgoing-num-tcp:", "32" },
		{ "msg-cache-size:", "8m" },
		{ "rrset-cache-size:", "16m" },
		{ "key-cache-size:", "4m" },
		/* RFC 9156, 8198, 8020; RFC 9715: what is not fragmented */
		{ "qname-minimisation:", "yes" },
		{ "aggressive-nsec:", "yes" },
		{ "harden-below-nxdomain:", "yes" },
		{ "edns-buffer-size:", "1232" },
		/* A server that was away is asked again soon. */
		{ "infra-host-ttl:", "60" },
		{ "infra-keep-probing:", "yes" },
	};

	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		option(ctx, rows[i][0], rows[i][1]);
}

static void
forwarders_add(struct ub_ctx *ctx, const struct conf *c)
{
	char text[80];

	for (size_t i = 0; i < c->n_forwarders; i++) {
		const struct forwarder *f = &c->forwarders[i];

		if (is_loopback(f->address.p))
			option(ctx, "do-not-query-localhost:", "no");
		snprintf(text, sizeof text, "%s@%u", f->address.p, f->port);
		if (ub_ctx_set_fwd(ctx, text) != 0)
			fatal("libunbound: forwarder %s", text);
	}
}

/* The first lookup: of what is known without asking, so it is answered at
   once, and everything that the library sets up late is set up. */
static void
warmed(void *arg, int code, void *packet, int n, int secure, char *why,
    int limited)
{
	bool *done = arg;

	(void)code;
	(void)packet;
	(void)n;
	(void)secure;
	(void)why;
	(void)limited;
	*done = true;
}

struct ub_ctx *
context_new(const struct conf *c)
{
	struct ub_ctx *ctx = ub_ctx_create_ub_event(events_base());
	bool done = false;

	if (ctx == NULL)
		fatal("libunbound");
	/* It would write lines of its own making to the log. */
	ub_ctx_debugout(ctx, NULL);
	options(ctx);
	forwarders_add(ctx, c);
	anchors_add(ctx);
	names_add(ctx);
	if (ub_resolve_event(ctx, "localhost.", 1, 1, &done, warmed,
	    NULL) != 0 || !done)
		fatal("libunbound: the first lookup");
	return ctx;
}
