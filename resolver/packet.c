#include "resolver/packet.h"

#include <string.h>

enum {
	HEAD = 12,
	CLASS_IN = 1,
	RCODE_NXDOMAIN = 3,
	SOA_NUMBERS = 20,		/* octets behind its two names */
};

/* The message and where we are in it. */
struct walk {
	struct slice	 packet;
	size_t		 at;
};

struct record {
	struct dname	 owner;
	unsigned	 type, class;
	uint32_t	 ttl;
	size_t		 data, end;	/* its place */
};

static unsigned
octet(struct slice p, size_t at)
{
	return (unsigned char)p.p[at];
}

static unsigned
u16(struct slice p, size_t at)
{
	return octet(p, at) << 8 | octet(p, at + 1);
}

static uint32_t
u32(struct slice p, size_t at)
{
	return (uint32_t)u16(p, at) << 16 | u16(p, at + 2);
}

/* ---- names */

/* Appends one label; its letters become lower case when the name is whole. */
static bool
add_label(struct slice packet, size_t at, size_t n, char wire[DNAME_MAX],
    size_t *length)
{
	if (at + 1 + n > packet.n || *length + 1 + n > DNAME_MAX)
		return false;
	memcpy(wire + *length, packet.p + at, 1 + n);
	*length += 1 + n;
	return true;
}

/* Reads a name, compressed or not, and steps over it. */
static bool
read_name(struct walk *w, struct dname *d)
{
	size_t at = w->at, floor = w->at, length = 0, n;
	char wire[DNAME_MAX];
	struct slice whole;
	bool jumped = false;

	for (;;) {
		if (at >= w->packet.n)
			return false;
		n = octet(w->packet, at);
		if (n >= 0xc0) {
			if (at + 2 > w->packet.n)
				return false;
			if (!jumped)
				w->at = at + 2;
			jumped = true;
			at = u16(w->packet, at) & 0x3fff;
			/* Backwards: so every loop of pointers is refused. */
			if (at >= floor)
				return false;
			floor = at;
			continue;
		}
		if (n > DNAME_LABEL_MAX ||
		    !add_label(w->packet, at, n, wire, &length))
			return false;
		at += 1 + n;
		if (n == 0)
			break;
	}
	if (!jumped)
		w->at = at;
	whole = slice_of(wire, length);
	return dname_cut(&whole, d);
}

/* ---- records */

static bool
read_record(struct walk *w, struct record *r)
{
	struct slice p = w->packet;

	if (!read_name(w, &r->owner) || w->at + 10 > p.n)
		return false;
	r->type = u16(p, w->at);
	r->class = u16(p, w->at + 2);
	r->ttl = u32(p, w->at + 4);
	if (r->ttl > INT32_MAX)		/* RFC 2181 8 */
		r->ttl = 0;
	r->data = w->at + 10;
	r->end = r->data + u16(p, w->at + 8);
	w->at = r->end;
	return r->end <= p.n;
}

/* Names in the data of these types may be compressed (RFC 3597 4). */
static unsigned
names_of(unsigned type)
{
	switch (type) {
	case RR_CNAME: case RR_NS: case RR_PTR: case RR_MX: return 1;
	case RR_SOA: return 2;
	default: return 0;
	}
}

/* The data of a record without compression. */
static bool
expand(struct slice packet, const struct record *r, struct arena *arena,
    struct slice *data)
{
	struct walk w = { packet, r->data + (r->type == RR_MX ? 2 : 0) };
	struct buf b = { 0 };
	bool good = w.at <= r->end;

	if (good)
		buf_add(&b, packet.p + r->data, w.at - r->data);
	for (unsigned i = names_of(r->type); i > 0 && good; i--) {
		struct dname d;

		good = read_name(&w, &d) && w.at <= r->end;
		if (good)
			buf_add(&b, d.wire, d.n);
	}
	if (good && names_of(r->type) > 0)
		good = w.at + (r->type == RR_SOA ? SOA_NUMBERS : 0) == r->end;
	if (good) {
		buf_add(&b, packet.p + w.at, r->end - w.at);
		*data = arena_slice(arena, buf_view(&b));
	}
	buf_free(&b);
	return good;
}

static void
ttl_least(struct records *out, uint32_t ttl)
{
	if (ttl < out->ttl)
		out->ttl = ttl;
}

/* ---- the answer section, once for each name of the chain */

struct pass {
	struct walk	 walk;		/* at the first answer */
	unsigned	 answers;
	unsigned	 type;
	struct arena	*arena;
	struct records	*out;
};

/* Takes what belongs to out->canonical; *next is the target of its CNAME. */
static bool
take_answers(const struct pass *p, struct dname *next)
{
	struct walk w = p->walk;
	struct record r;

	next->n = 0;
	for (unsigned i = 0; i < p->answers; i++) {
		if (!read_record(&w, &r))
			return false;
		if (r.class != CLASS_IN ||
		    !dname_eq(&r.owner, &p->out->canonical))
			continue;
		if (r.type == p->type) {
			if (!expand(w.packet, &r, p->arena,
			    &p->out->data[p->out->n]))
				return false;
			p->out->n++;
			ttl_least(p->out, r.ttl);
		} else if (r.type == RR_CNAME) {
			struct walk data = { w.packet, r.data };

			if (!read_name(&data, next) || data.at != r.end)
				return false;
			ttl_least(p->out, r.ttl);
		}
	}
	return true;
}

static bool
follow(const struct pass *p)
{
	struct dname next;

	for (;;) {
		if (!take_answers(p, &next))
			return false;
		if (p->out->n > 0 || next.n == 0)
			return true;
		if (++p->out->links > CHAIN_MAX)
			return false;
		p->out->canonical = next;
	}
}

/* How long "there is none" holds: RFC 2308 5. */
static bool
take_authority(struct walk *w, unsigned count, struct records *out)
{
	bool found = false;

	for (unsigned i = 0; i < count; i++) {
		struct record r;

		if (!read_record(w, &r))
			return false;
		if (r.type != RR_SOA || r.end - r.data < SOA_NUMBERS)
			continue;
		ttl_least(out, r.ttl);
		ttl_least(out, u32(w->packet, r.end - 4));
		found = true;
	}
	if (!found)
		out->ttl = 0;
	return true;
}

static bool
skip_questions(struct walk *w, unsigned count)
{
	struct dname d;

	for (; count > 0; count--) {
		if (!read_name(w, &d) || w->at + 4 > w->packet.n)
			return false;
		w->at += 4;
	}
	return true;
}

static bool
skip_records(struct walk *w, unsigned count)
{
	struct record r;

	while (count > 0 && read_record(w, &r))
		count--;
	return count == 0;
}

bool
packet_read(struct slice packet, const struct dname *asked, unsigned type,
    struct arena *arena, struct records *out)
{
	struct pass p = { .walk = { packet, HEAD }, .type = type,
		.arena = arena, .out = out };
	struct walk w;
	unsigned code;

	*out = (struct records){ .result = DNS_FAILED, .canonical = *asked,
		.ttl = INT32_MAX };
	if (packet.n < HEAD || !skip_questions(&p.walk, u16(packet, 4)))
		return false;
	p.answers = u16(packet, 6);
	w = p.walk;
	/* So there are no more of them than the packet has room for. */
	if (!skip_records(&w, p.answers))
		return false;
	out->data = arena_array(arena, p.answers, sizeof *out->data);
	code = octet(packet, 3) & 0xf;
	if (code != 0 && code != RCODE_NXDOMAIN)
		return true;
	if (!follow(&p))
		return false;
	if (out->n > 0) {
		out->result = DNS_FOUND;
		return true;
	}
	if (!take_authority(&w, u16(packet, 8), out))
		return false;
	out->result = code == 0 ? DNS_NODATA : DNS_NXDOMAIN;
	return true;
}
