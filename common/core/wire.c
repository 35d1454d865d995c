#include "common/core/wire.h"

#include <endian.h>
#include <string.h>
#include <unistd.h>

/* ---- primitives: little endian, errors latch.  An answer may hold thousands
   of records: in those they are inlined (RECORD), so that a field costs a
   comparison and a move. */

#define RECORD	static __attribute__((flatten)) void

static inline char *
put_raw(struct wire_out *w, size_t n)
{
	struct buf *to = w->to;

	if (to->cap - to->n < n)
		buf_reserve(to, n);
	to->n += n;
	return to->p + to->n - n;
}

static inline void
put_u8(struct wire_out *w, uint8_t v)
{
	*put_raw(w, 1) = (char)v;
}

static inline void
put_u32(struct wire_out *w, uint32_t v)
{
	v = htole32(v);
	memcpy(put_raw(w, sizeof v), &v, sizeof v);
}

static inline void
put_u64(struct wire_out *w, uint64_t v)
{
	v = htole64(v);
	memcpy(put_raw(w, sizeof v), &v, sizeof v);
}

static inline void
put_bytes(struct wire_out *w, struct slice s)
{
	put_u32(w, (uint32_t)s.n);
	if (s.n > 0)
		memcpy(put_raw(w, s.n), s.p, s.n);
}

/* Once something was missing, nothing is left. */
static inline const char *
get_raw(struct wire_in *w, size_t n)
{
	const char *p = w->rest.p;

	if (w->rest.n < n) {
		w->bad = true;
		w->rest.n = 0;
		return NULL;
	}
	w->rest.p += n;
	w->rest.n -= n;
	return p;
}

static inline uint8_t
get_u8(struct wire_in *w)
{
	const char *p = get_raw(w, 1);

	return p == NULL ? 0 : (uint8_t)p[0];
}

static inline uint32_t
get_u32(struct wire_in *w)
{
	const char *p = get_raw(w, 4);
	uint32_t v = 0;

	if (p != NULL)
		memcpy(&v, p, sizeof v);
	return le32toh(v);
}

static inline uint64_t
get_u64(struct wire_in *w)
{
	const char *p = get_raw(w, 8);
	uint64_t v = 0;

	if (p != NULL)
		memcpy(&v, p, sizeof v);
	return le64toh(v);
}

static inline struct slice
get_bytes(struct wire_in *w)
{
	uint32_t n = get_u32(w);
	const char *p = w->bad ? NULL : get_raw(w, n);

	return p == NULL ? SLICE("") : slice_of(p, n);
}

/* Text that goes into headers, logs and replies: the three bytes that could
   break a line or end a string are refused here, once (IPC-2). */
static struct slice
get_str(struct wire_in *w)
{
	struct slice s = get_bytes(w);

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || s.p[i] == '\r' || s.p[i] == '\n')
			w->bad = true;
	return s;
}

/* A count of records, each at least one byte long. */
static size_t
get_count(struct wire_in *w)
{
	uint32_t n = get_u32(w);

	if (n > WIRE_LIST_MAX || n > w->rest.n)
		w->bad = true;
	return w->bad ? 0 : n;
}

static void
show_bytes(struct buf *b, const char *name, struct slice s)
{
	buf_printf(b, " %s[%zu]=", name, s.n);
	for (size_t i = 0; i < s.n && i < 64; i++)
		buf_char(b, s.p[i] >= 0x20 && s.p[i] < 0x7f ? s.p[i] : '.');
}

/* ---- the three views of wire.def that are functions: put, get, show.  A
   record's is called by LIST; a call's are two, _in and _out, and take void *
   so that the table can hold them. */

#define CODEC(fn, to, con)						\
	static void							\
	fn(struct to *w, con void *v)					\
	{

#define REC(name)							\
	RECORD								\
	put_##name(struct wire_out *w, const struct wire_##name *m)	\
	{
#define END_REC(name)	}
#define CALL(name, askers, answerer, doc)				\
	CODEC(name##_in_put, wire_out, const)				\
		const struct name##_in *m = v;				\
		w->fd = m->fd;
#define OUT(name)							\
	}								\
	CODEC(name##_out_put, wire_out, const)				\
		const struct name##_out *m = v;				\
		w->fd = m->fd;
#define END(name)	}
#define U8(f)		put_u8(w, m->f);
#define U32(f)		put_u32(w, m->f);
#define U64(f)		put_u64(w, m->f);
#define STR(f)		put_bytes(w, m->f);
#define BYTES(f)	put_bytes(w, m->f);
#define LIST(rec, f)							\
	put_u32(w, (uint32_t)m->n_##f);					\
	buf_reserve(w->to, m->n_##f * sizeof *m->f);			\
	for (size_t i = 0; i < m->n_##f; i++)				\
		put_##rec(w, &m->f[i]);
#include "common/core/wire.def"

#define REC(name)							\
	RECORD								\
	get_##name(struct wire_in *w, struct wire_##name *m)		\
	{
#define END_REC(name)	}
#define CALL(name, askers, answerer, doc)				\
	CODEC(name##_in_get, wire_in, )					\
		struct name##_in *m = v;				\
		m->fd = w->fd;
#define OUT(name)							\
	}								\
	CODEC(name##_out_get, wire_in, )				\
		struct name##_out *m = v;				\
		m->fd = w->fd;
#define END(name)	}
#define U8(f)		m->f = get_u8(w);
#define U32(f)		m->f = get_u32(w);
#define U64(f)		m->f = get_u64(w);
#define STR(f)		m->f = get_str(w);
#define BYTES(f)	m->f = get_bytes(w);
#define LIST(rec, f)							\
	m->n_##f = get_count(w);					\
	m->f = arena_alloc(w->arena, m->n_##f * sizeof *m->f);		\
	for (size_t i = 0; i < m->n_##f && !w->bad; i++)		\
		get_##rec(w, &m->f[i]);
#include "common/core/wire.def"

#define REC(name)							\
	static void							\
	show_##name(struct buf *w, const struct wire_##name *m)		\
	{
#define END_REC(name)	}
#define CALL(name, askers, answerer, doc)				\
	CODEC(name##_in_show, buf, const)				\
		const struct name##_in *m = v;				\
		if (m->fd > 0)						\
			buf_str(w, " fd");
#define OUT(name)							\
	}								\
	CODEC(name##_out_show, buf, const)				\
		const struct name##_out *m = v;				\
		if (m->fd > 0)						\
			buf_str(w, " fd");
#define END(name)	}
#define U8(f)		buf_printf(w, " " #f "=%u", m->f);
#define U32(f)		buf_printf(w, " " #f "=%u", m->f);
#define U64(f)		buf_printf(w, " " #f "=%llu", (unsigned long long)m->f);
#define STR(f)		show_bytes(w, #f, m->f);
#define BYTES(f)	show_bytes(w, #f, m->f);
#define SECRET(f)	buf_printf(w, " " #f "[%zu]", m->f.n);
#define LIST(rec, f)							\
	buf_printf(w, " " #f "[%zu]", m->n_##f);			\
	for (size_t i = 0; i < m->n_##f && i < 8; i++) {		\
		buf_str(w, " (");					\
		show_##rec(w, &m->f[i]);				\
		buf_char(w, ')');					\
	}
#include "common/core/wire.def"

/* ---- the table */

const struct wire_row wire_rows[WIRE_CALLS] = {
#define CALL(name, askers, answerer, doc)				\
	{ #name, doc, (askers), (enum role)(answerer),			\
	    sizeof(struct name##_in), sizeof(struct name##_out),	\
	    name##_in_put, name##_in_get, name##_out_put,		\
	    name##_out_get, name##_in_show, name##_out_show, { false
#define SECRET(f)	|| true
#define OUT(name)	, false
#define END(name)	} },
#include "common/core/wire.def"
};

bool
wire_allowed(enum wire_call call, enum role asker, enum role answerer,
    bool channel)
{
	const struct wire_row *row = &wire_rows[call];

	return (row->askers & 1u << asker) != 0 &&
	    ((row->askers & CHANNEL) != 0) == channel &&
	    (row->answerer == ROLES || row->answerer == answerer);
}

bool
wire_connected(enum role asker, enum role answerer)
{
	for (int call = 0; call < WIRE_CALLS; call++)
		if (wire_rows[call].answerer == answerer &&
		    (wire_rows[call].askers & CHANNEL) == 0 &&
		    (wire_rows[call].askers & 1u << asker) != 0)
			return true;
	return false;
}

/* Decodes with one of the table's functions; exactly all must be used up. */
static bool
decode(void (*get)(struct wire_in *, void *), struct slice frame, int fd,
    struct arena *arena, void *to)
{
	struct wire_in w = { .rest = frame, .arena = arena, .fd = fd };

	get(&w, to);
	if (!w.bad && w.rest.n == 0)
		return true;
	if (fd > 0)
		close(fd);
	return false;
}

bool
wire_decode_in(enum wire_call call, struct slice frame, int fd,
    struct arena *arena, void *in)
{
	return decode(wire_rows[call].in_get, frame, fd, arena, in);
}

bool
wire_decode_out(enum wire_call call, struct slice frame, int fd,
    struct arena *arena, void *out)
{
	return decode(wire_rows[call].out_get, frame, fd, arena, out);
}

/* ---- names */

static const char *const role_names[] = {
#define ROLE(name, NAME, program, kind, user)	#name,
#include "common/core/roles.def"
};

const char *
role_name(enum role role)
{
	return role < ROLES ? role_names[role] : "?";
}

enum role
role_named(struct slice name)
{
	for (int role = 0; role < ROLES; role++)
		if (slice_eq(name, slice_str(role_names[role])))
			return (enum role)role;
	return ROLES;
}

const char *
wire_status_name(enum wire_status status)
{
	static const char *const names[] = { "ok", "again", "denied", "none",
		"clash", "bad", "stale", "gone", "timeout" };

	return status < WIRE_STATUSES ? names[status] : "?";
}

/* Every name, number and type of the table goes into the hash as text. */
uint64_t
wire_hash(void)
{
	static const char text[] =
#define REC(name)	"r" #name
#define CALL(name, askers, answerer, doc)	"c" #name #askers #answerer
#define OUT(name)	"o"
#define U8(f)		"1" #f
#define U32(f)		"4" #f
#define U64(f)		"8" #f
#define STR(f)		"s" #f
#define BYTES(f)	"b" #f
#define SECRET(f)	"x" #f
#define LIST(rec, f)	"l" #rec #f
#include "common/core/wire.def"
	    "";
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i + 1 < sizeof text; i++)
		h = (h ^ (unsigned char)text[i]) * 0x100000001b3u;
	return h;
}
