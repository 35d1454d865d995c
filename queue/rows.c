#include "queue/rows.h"

/* ---- numbers and bytes */

void
buf_be32(struct buf *b, uint32_t v)
{
	char bytes[4];

	be32_put(bytes, v);
	buf_add(b, bytes, sizeof bytes);
}

void
buf_be64(struct buf *b, uint64_t v)
{
	char bytes[8];

	be64_put(bytes, v);
	buf_add(b, bytes, sizeof bytes);
}

static void
bytes_put(struct buf *b, struct slice s)
{
	buf_be32(b, (uint32_t)s.n);
	buf_slice(b, s);
}

/* A value being read.  bad latches; a value that ends at the boundary of a
   field lacks the newer ones, which are then 0. */
struct reader {
	struct slice	 rest;
	bool		 bad;
};

static const char *
take(struct reader *r, size_t n)
{
	const char *p = r->rest.p;

	if (r->bad || r->rest.n < n) {
		r->bad = true;
		return NULL;
	}
	r->rest = slice_drop(r->rest, n);
	return p;
}

static uint64_t
number(struct reader *r, size_t n)
{
	const char *p;
	uint64_t v = 0;

	if (r->rest.n == 0 || (p = take(r, n)) == NULL)
		return 0;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

static struct slice
bytes(struct reader *r)
{
	size_t n = (size_t)number(r, 4);
	const char *p = n == 0 ? NULL : take(r, n);

	return p == NULL ? slice_of("", 0) : slice_of(p, n);
}

static struct slice
text(struct reader *r)
{
	struct slice s = bytes(r);

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || s.p[i] == '\r' || s.p[i] == '\n')
			r->bad = true;
	return s;
}

/* ---- the two views of rows.def that are functions */

#define ROW(name)							\
	void								\
	name##_put(struct buf *b, const struct name##_row *v)		\
	{								\
		buf_char(b, ROWS_VERSION);
#define U8(f)	buf_char(b, (char)v->f);
#define U32(f)	buf_be32(b, v->f);
#define U64(f)	buf_be64(b, v->f);
#define STR(f)	bytes_put(b, v->f);
#define BYTES(f)	bytes_put(b, v->f);
#define END(name)	}
#include "queue/rows.def"

#define ROW(name)							\
	bool								\
	name##_get(struct slice s, struct name##_row *v)		\
	{								\
		struct reader r = { .rest = slice_drop(s, 1) };		\
									\
		if (s.n < 2 || s.p[0] != ROWS_VERSION)			\
			return false;
#define U8(f)	v->f = (uint8_t)number(&r, 1);
#define U32(f)	v->f = (uint32_t)number(&r, 4);
#define U64(f)	v->f = number(&r, 8);
#define STR(f)	v->f = text(&r);
#define BYTES(f)	v->f = bytes(&r);
#define END(name)							\
		return !r.bad && r.rest.n == 0;				\
	}
#include "queue/rows.def"
