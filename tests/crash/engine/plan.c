#include "tests/crash/engine/plan.h"

#include <stdio.h>
#include <string.h>

#include "common/core/codec.h"

enum { UNITS = 3, BACK = 40, RANGE = 60, INLINE_MAX = 1024 * 1024 };

static uint32_t
mix(uint32_t n)
{
	n = (n ^ n >> 16) * 0x45d9f3bu;
	n = (n ^ n >> 16) * 0x45d9f3bu;
	return n ^ n >> 16;
}

static uint64_t
unit_of(uint32_t n)
{
	return n % UNITS + 1;
}

/* A row before n, of the same unit if it must be. */
static uint32_t
earlier(uint32_t n, uint32_t h, bool same)
{
	uint32_t back = same ? UNITS * (1 + h % (BACK / UNITS)) : 1 + h % BACK;

	return n > back ? n - back : 0;
}

struct step
plan_step(uint32_t n)
{
	static const unsigned char deeds[20] = { DEED_APPEND, DEED_APPEND,
		DEED_APPEND, DEED_APPEND, DEED_APPEND, DEED_APPEND,
		DEED_APPEND, DEED_APPEND, DEED_FLAGS, DEED_FLAGS, DEED_FLAGS,
		DEED_FLAGS, DEED_DELETE, DEED_DELETE, DEED_DELETE, DEED_DELETE,
		DEED_COPY, DEED_COPY, DEED_RANGE, DEED_MANY };
	uint32_t h = mix(n), more = mix(h);
	struct step s = { .deed = deeds[h % 20], .unit = unit_of(n) };

	if (n % 151 == 100)
		s.deed = DEED_LONG;
	if (n < 10 || n == PLAN_LAST)
		s.deed = DEED_APPEND;
	s.target = earlier(n, more, s.deed != DEED_COPY);
	s.to = s.target + RANGE;
	if (s.deed == DEED_LONG)
		s.length = INLINE_MAX + 1 + more % 100000;
	else if (s.deed == DEED_APPEND)
		s.length = more % 9 == 0 ? more % 50000 : more % 3000;
	return s;
}

void
plan_bytes(struct buf *b, uint32_t n)
{
	struct step s = plan_step(n);
	uint32_t v = mix(n + 77) | 1;

	buf_clear(b);
	buf_reserve(b, s.length + 4);
	for (size_t i = 0; i < s.length; i += 4) {
		v = v * 1664525u + 1013904223u;
		be32_put(b->p + i, v);
	}
	b->n = s.length;
}

struct slice
plan_key(char out[PLAN_KEY], uint64_t unit, char kind, uint32_t n,
    unsigned part)
{
	be64_put(out, unit);
	out[8] = kind;
	be32_put(out + 9, n);
	out[13] = (char)part;
	return slice_of(out, PLAN_KEY);
}

struct slice
plan_value(char out[PLAN_VALUE], uint32_t step, uint32_t body)
{
	memset(out, (int)(step & 0x7f), PLAN_VALUE);
	be32_put(out, step);
	be32_put(out + 4, body);
	return slice_of(out, PLAN_VALUE);
}

bool
plan_parse(struct slice value, uint32_t *step, uint32_t *body)
{
	char want[PLAN_VALUE];

	if (value.n != PLAN_VALUE)
		return false;
	*step = be32_get(value.p);
	*body = be32_get(value.p + 4);
	return slice_eq(value, plan_value(want, *step, *body));
}

static void
range_delete(struct model *m, const struct step *s)
{
	for (uint32_t i = s->target; i < s->to && i < PLAN_MOST; i++) {
		if (unit_of(i) != s->unit)
			continue;
		memset(m->rows[i], 0, sizeof m->rows[i]);
		m->side[i] = (struct cell){ 0 };
	}
}

void
model_apply(struct model *m, uint32_t n, uint32_t body)
{
	const struct step s = plan_step(n);

	m->marks[n] = true;
	switch (s.deed) {
	case DEED_APPEND:
	case DEED_LONG:
		m->rows[n][0] = (struct cell){ n, n };
		m->side[n] = (struct cell){ n, 0 };
		break;
	case DEED_FLAGS:
		if (body != 0)
			m->rows[s.target][0] = (struct cell){ n, body };
		break;
	case DEED_COPY:
		if (body != 0)
			m->rows[n][0] = (struct cell){ n, body };
		break;
	case DEED_DELETE:
		m->rows[s.target][0] = (struct cell){ 0 };
		m->side[s.target] = (struct cell){ 0 };
		break;
	case DEED_RANGE:
		range_delete(m, &s);
		break;
	case DEED_MANY:
		for (unsigned i = 0; i < PLAN_PARTS; i++)
			m->rows[n][i] = (struct cell){ n, 0 };
	}
}
