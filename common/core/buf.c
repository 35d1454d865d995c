#include "common/core/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/core/log.h"

enum { BUF_LEAST = 64 };	/* bytes of the first allocation */

struct slice
slice_str(const char *s)
{
	return (struct slice){ s, s == NULL ? 0 : strlen(s) };
}

/* An empty slice may have a null pointer, which the functions of string.h
   may not be given even with a length of 0: hence the checks here. */
bool
slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Not strncasecmp: it stops at a NUL and heeds the locale. */
static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool
slice_ieq(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

int
slice_cmp(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

bool
slice_starts(struct slice s, struct slice prefix)
{
	return slice_eq(slice_take(s, prefix.n), prefix);
}

bool
slice_istarts(struct slice s, struct slice prefix)
{
	return slice_ieq(slice_take(s, prefix.n), prefix);
}

size_t
slice_find(struct slice s, char c)
{
	const char *at = s.n == 0 ? NULL : memchr(s.p, c, s.n);

	return at == NULL ? s.n : (size_t)(at - s.p);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct slice
slice_trim(struct slice s)
{
	while (s.n > 0 && is_blank(s.p[0]))
		s = slice_drop(s, 1);
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct slice
slice_cut(struct slice *s, char sep)
{
	struct slice head = slice_take(*s, slice_find(*s, sep));

	*s = slice_drop(slice_drop(*s, head.n), 1);
	return head;
}

bool
slice_u64(struct slice s, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned char)s.p[i] - (unsigned)'0';
		if (digit > 9 || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, digit, &n) || n > max)
			return false;
	}
	*out = n;
	return true;
}

void
buf_free(struct buf *b)
{
	if (b->secret)
		mem_wipe(b->p, b->cap);
	free(b->p);
	*b = (struct buf){ 0 };
}

void
buf_clear(struct buf *b)
{
	if (b->secret)
		mem_wipe(b->p, b->n);
	b->n = 0;
}

/* realloc would leave a copy behind. */
static void
grow_secret(struct buf *b, size_t cap)
{
	char *p = mem_alloc(cap);

	if (b->n > 0)
		memcpy(p, b->p, b->n);
	mem_wipe(b->p, b->cap);
	free(b->p);
	b->p = p;
}

void
buf_reserve(struct buf *b, size_t more)
{
	size_t need, cap = b->cap;

	if (more <= b->cap - b->n)
		return;
	if (__builtin_add_overflow(b->n, more, &need))
		need = SIZE_MAX;	/* mem_grow gives up */
	if (__builtin_mul_overflow(cap, 2, &cap) || cap < need)
		cap = need;
	if (cap < BUF_LEAST)
		cap = BUF_LEAST;
	if (b->secret)
		grow_secret(b, cap);
	else
		b->p = mem_grow(b->p, cap);
	b->cap = cap;
}

void
buf_u64(struct buf *b, uint64_t n)
{
	size_t digits = 1;
	char *at;

	for (uint64_t more = 10; n >= more; more *= 10)
		if (++digits == 20)	/* as many as there are */
			break;
	buf_reserve(b, digits);
	b->n += digits;
	at = b->p + b->n;
	do {
		*--at = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
}

void
buf_vprintf(struct buf *b, const char *format, va_list args)
{
	size_t room = b->cap - b->n;
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(room > 0 ? b->p + b->n : NULL, room, format, args);
	CHECK(n >= 0);
	if ((size_t)n >= room) {
		buf_reserve(b, (size_t)n + 1);
		vsnprintf(b->p + b->n, (size_t)n + 1, format, again);
	}
	va_end(again);
	b->n += (size_t)n;
}

void
buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(b, format, args);
	va_end(args);
}

void
buf_drop(struct buf *b, size_t n)
{
	if (n >= b->n) {
		buf_clear(b);
		return;
	}
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
	if (b->secret)
		mem_wipe(b->p + b->n, n);
}

struct slice
buf_view(const struct buf *b)
{
	return slice_of(b->p, b->n);
}

const char *
buf_cstr(struct buf *b)
{
	buf_reserve(b, 1);
	b->p[b->n] = '\0';
	return b->p;
}

/* Writing the line about it may want memory too: then without a line. */
static _Noreturn void
mem_failed(size_t size)
{
	static _Thread_local bool failed;

	if (failed)
		abort();
	failed = true;
	fatal("no memory for %zu bytes", size);
}

void *
mem_alloc(size_t size)
{
	void *p = malloc(size == 0 ? 1 : size);

	if (p == NULL)
		mem_failed(size);
	return p;
}

void *
mem_zero(size_t size)
{
	return mem_array(1, size);
}

void *
mem_array(size_t n, size_t size)
{
	void *p = n == 0 || size == 0 ? calloc(1, 1) : calloc(n, size);

	if (p == NULL)
		mem_failed(size);
	return p;
}

void *
mem_grow(void *p, size_t size)
{
	p = realloc(p, size == 0 ? 1 : size);
	if (p == NULL)
		mem_failed(size);
	return p;
}

char *
mem_str(struct slice s)
{
	char *p = mem_alloc(s.n + 1);

	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

void
mem_wipe(void *p, size_t n)
{
	if (n > 0)
		explicit_bzero(p, n);
}

bool
mem_same(const void *a, const void *b, size_t n)
{
	const volatile unsigned char *x = a, *y = b;
	unsigned differ = 0;

	for (size_t i = 0; i < n; i++)
		differ |= (unsigned)(x[i] ^ y[i]);
	return differ == 0;
}
