#include "common/engine/record.h"

#include <string.h>

#include "common/core/codec.h"
#include "common/engine/engine.h"

enum { OP_HEAD_MAX = 24 };		/* that of a put which is moved */

static const char magic[4] = { 'P', 'R', 'e', 'c' };

uint64_t
record_size(uint32_t length)
{
	return RECORD_HEAD + (((uint64_t)length + 7) & ~(uint64_t)7);
}

uint64_t
op_weight(size_t key, size_t value)
{
	return record_size((uint32_t)(OP_HEAD_MAX + key + value));
}

size_t
record_start(struct buf *b)
{
	size_t at = b->n;

	buf_reserve(b, RECORD_HEAD);
	memset(b->p + at, 0, RECORD_HEAD);
	b->n += RECORD_HEAD;
	return at;
}

void
record_finish(struct buf *b, size_t at, struct record *r)
{
	static const char zeros[8];
	char *h;

	r->length = (uint32_t)(b->n - at - RECORD_HEAD);
	h = b->p + at;
	r->crc = crc32c(0, h + RECORD_HEAD, r->length);
	memcpy(h, magic, 4);
	be32_put(h + 8, r->crc);
	be32_put(h + 12, r->length);
	be64_put(h + 16, r->sequence);
	be64_put(h + 32, r->id);
	h[44] = (char)r->type;
	buf_add(b, zeros, (size_t)(record_size(r->length) - (b->n - at)));
}

void
record_seal(char *head, uint32_t generation, uint64_t group)
{
	be64_put(head + 24, group);
	be32_put(head + 40, generation);
	be32_put(head + 4, crc32c(0, head + 8, RECORD_HEAD - 8));
}

bool
record_parse(struct slice s, uint32_t generation, struct record *r)
{
	if (s.n < RECORD_HEAD || memcmp(s.p, magic, 4) != 0 ||
	    be32_get(s.p + 4) != crc32c(0, s.p + 8, RECORD_HEAD - 8))
		return false;
	r->crc = be32_get(s.p + 8);
	r->length = be32_get(s.p + 12);
	r->sequence = be64_get(s.p + 16);
	r->group = be64_get(s.p + 24);
	r->id = be64_get(s.p + 32);
	r->generation = be32_get(s.p + 40);
	r->type = (unsigned char)s.p[44];
	return r->group <= r->sequence &&
	    r->type >= RECORD_ROWS && r->type <= RECORD_FILE &&
	    (generation == 0 || r->generation == generation);
}

bool
record_whole(const struct record *r, struct slice body)
{
	return body.n == r->length && crc32c(0, body.p, body.n) == r->crc;
}

void
op_add(struct buf *b, const struct op *op, bool moved)
{
	char head[OP_HEAD_MAX];
	size_t n = 4;

	head[0] = (char)op->kind;
	head[1] = op->kind == OP_DELRANGE ? 0 : (char)op->space;
	be16_put(head + 2, (uint16_t)op->key.n);
	if (moved) {
		be64_put(head + n, op->version);
		n += 8;
	}
	if (op->kind == OP_PUT) {
		be64_put(head + n, op->blob);
		n += 8;
	}
	if (op->kind != OP_DEL) {
		be32_put(head + n, (uint32_t)op->value.n);
		n += 4;
	}
	buf_add(b, head, n);
	buf_slice(b, op->key);
	if (op->kind != OP_DEL)
		buf_slice(b, op->value);
}

/* Takes n bytes off the front of *s; false if there are not so many. */
static bool
take(struct slice *s, size_t n, struct slice *out)
{
	if (s->n < n)
		return false;
	*out = slice_take(*s, n);
	*s = slice_drop(*s, n);
	return true;
}

bool
op_next(struct slice *body, const struct record *r, struct op *op)
{
	struct slice s;
	size_t key, value = 0;

	*op = (struct op){ .version = r->sequence };
	if (!take(body, 4, &s))
		return false;
	op->kind = (unsigned char)s.p[0];
	op->space = (unsigned char)s.p[1];
	key = be16_get(s.p + 2);
	if (op->kind < OP_PUT || op->kind > OP_DELRANGE)
		return false;
	if (r->type == RECORD_MOVED) {
		if (!take(body, 8, &s))
			return false;
		op->version = be64_get(s.p);
	}
	if (op->kind == OP_PUT) {
		if (!take(body, 8, &s))
			return false;
		op->blob = be64_get(s.p);
	}
	if (op->kind != OP_DEL) {
		if (!take(body, 4, &s))
			return false;
		value = be32_get(s.p);
	}
	return take(body, key, &op->key) && take(body, value, &op->value);
}

/* `to` may be the very first key of the next unit: "all of this one". */
static bool
ends_unit(struct slice to, uint64_t unit)
{
	return to.n >= 8 && (be64_get(to.p) == unit ||
	    (to.n == 8 && unit != UINT64_MAX && be64_get(to.p) == unit + 1));
}

static bool
good(const struct op *op, const struct record *r)
{
	if (op->key.n < 8 || op->key.n > ENGINE_KEY_MAX ||
	    be64_get(op->key.p) != r->id || op->version > r->sequence)
		return false;
	if (op->kind == OP_DELRANGE)
		return op->space == 0 && op->value.n <= ENGINE_KEY_MAX &&
		    ends_unit(op->value, r->id);
	return op->space < ENGINE_SPACES && op->value.n <= ENGINE_VALUE_MAX;
}

bool
ops_good(const struct record *r, struct slice body)
{
	struct op op;

	while (body.n > 0) {
		if (!op_next(&body, r, &op) || !good(&op, r))
			return false;
	}
	return true;
}

void
file_body(struct buf *b, uint64_t length, uint32_t crc)
{
	char body[12];

	be64_put(body, length);
	be32_put(body + 8, crc);
	buf_add(b, body, sizeof body);
}

bool
file_parse(struct slice body, uint64_t *length, uint32_t *crc)
{
	if (body.n != 12)
		return false;
	*length = be64_get(body.p);
	*crc = be32_get(body.p + 8);
	return true;
}
