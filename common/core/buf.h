/*
 * buf.h - the two ways bytes are held in Postino.
 *
 * A slice is borrowed: a pointer and a length, no terminator, no owner.
 * It lives as long as what it points into (a frame, a buffer, an arena)
 * and is passed by value.  Every parser takes slices (PARSE-2).
 *
 * A buf is owned and grows.  Whoever declares it frees it with buf_free.
 * Growing may move the bytes: slices into a buf die at the next append.
 *
 * Memory that cannot be had ends the process (mem_* never return NULL):
 * the parent starts it again and nothing acknowledged is lost.  So a
 * length that a stranger chose is checked against a limit *before* it
 * gets here.
 */
#ifndef CORE_BUF_H
#define CORE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char	*p;
	size_t		 n;
};

/* A slice of a string literal; its length is known when compiling. */
#define SLICE(lit)	((struct slice){ "" lit, sizeof(lit) - 1 })

static inline struct slice
slice_of(const void *p, size_t n)
{
	return (struct slice){ (const char *)p, n };
}

/* The first n bytes of s, or all of it if it is shorter. */
static inline struct slice
slice_take(struct slice s, size_t n)
{
	return slice_of(s.p, n < s.n ? n : s.n);
}

/* s without its first n bytes; at most all of it is dropped. */
static inline struct slice
slice_drop(struct slice s, size_t n)
{
	if (n > s.n)
		n = s.n;
	return n == 0 ? s : slice_of(s.p + n, s.n - n);
}

struct slice	 slice_str(const char *);	/* to its NUL; of NULL: empty */
bool		 slice_eq(struct slice, struct slice);
bool		 slice_ieq(struct slice, struct slice);	/* ASCII case only */
int		 slice_cmp(struct slice, struct slice);	/* like memcmp */
bool		 slice_starts(struct slice, struct slice prefix);
bool		 slice_istarts(struct slice, struct slice prefix);
/* Offset of the first c, or s.n if there is none. */
size_t		 slice_find(struct slice s, char c);
/* Without spaces and tabs at both ends. */
struct slice	 slice_trim(struct slice);
/* Cuts the text before the first sep off *s, and sep with it.  Without
   a sep all of *s is returned and *s becomes empty. */
struct slice	 slice_cut(struct slice *s, char sep);
/* Decimal digits only, no sign, no blank, at most max: else false. */
bool		 slice_u64(struct slice, uint64_t max, uint64_t *);

struct buf {
	char		*p;
	size_t		 n;		/* bytes used */
	size_t		 cap;		/* bytes allocated */
	bool		 secret;	/* what it leaves is wiped (PRIV-8) */
};

void		 buf_free(struct buf *);	/* and makes it empty again */
void		 buf_clear(struct buf *);	/* keeps the memory */
void		 buf_reserve(struct buf *, size_t more);

/* Appending is in line: text is put together from pieces of a few bytes, whose
   lengths are mostly known when compiling. */
static inline void
buf_add(struct buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	if (b->cap - b->n < n)
		buf_reserve(b, n);
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

static inline void
buf_slice(struct buf *b, struct slice s)
{
	buf_add(b, s.p, s.n);
}

static inline void
buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

static inline void
buf_char(struct buf *b, char c)
{
	if (b->n == b->cap)
		buf_reserve(b, 1);
	b->p[b->n++] = c;
}

void		 buf_u64(struct buf *, uint64_t);	/* decimal */
void		 buf_printf(struct buf *, const char *, ...)
		    __attribute__((format(printf, 2, 3)));
void		 buf_vprintf(struct buf *, const char *, va_list)
		    __attribute__((format(printf, 2, 0)));
/* Drops n bytes at the front; what is behind moves up. */
void		 buf_drop(struct buf *, size_t n);
struct slice	 buf_view(const struct buf *);
/* The bytes with a NUL behind them that n does not count. */
const char	*buf_cstr(struct buf *);

/* malloc and friends that end the process instead of failing.
   mem_array checks the multiplication (PARSE-3). */
void		*mem_alloc(size_t);
void		*mem_zero(size_t);
void		*mem_array(size_t n, size_t size);	/* zeroed */
void		*mem_grow(void *, size_t);
char		*mem_str(struct slice);		/* NUL-terminated copy */
/* Wipes a secret so that the compiler cannot leave it out (PRIV-8). */
void		 mem_wipe(void *, size_t);
/* Equal?  Takes the same time wherever they differ (LOGIN-4). */
bool		 mem_same(const void *, const void *, size_t);

#endif
