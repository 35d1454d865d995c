#include "common/core/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/log.h"

/*
 * Under ASan everything of a block that is not handed out is poisoned, and
 * so is a gap behind each piece: overruns and uses after a reset are seen
 * as they would be with malloc.
 */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define POISONED	1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(POISONED)
#include <sanitizer/asan_interface.h>
enum { GAP = 16 };
#define HIDE(p, n)	__asan_poison_memory_region(p, n)
#define SHOW(p, n)	__asan_unpoison_memory_region(p, n)
#else
enum { GAP = 0 };
#define HIDE(p, n)	((void)(p), (void)(n))
#define SHOW(p, n)	((void)(p), (void)(n))
#endif

enum {
	ALIGN = 16,
	BLOCK_LEAST = 1024,
	BLOCK_MOST = 64 * 1024,
	/* From here on a wish gets its own block: starting a new common one
	   would waste what is left of the newest. */
	BLOCK_OWN = BLOCK_MOST / 4,
	/* The largest block that a reset keeps: ten thousand idle sessions
	   each keep one. */
	BLOCK_KEPT = 4096,
};

struct arena_block {
	struct arena_block *next;
	size_t		 size;		/* of the data */
	_Alignas(ALIGN) char data[];
};

static struct arena_block *
block_new(size_t size)
{
	struct arena_block *b = mem_alloc(sizeof *b + size);

	b->size = size;
	HIDE(b->data, size);
	return b;
}

static void
blocks_free(struct arena_block *b)
{
	while (b != NULL) {
		struct arena_block *next = b->next;
		free(b);
		b = next;
	}
}

/* Behind the newest, whose free part stays in use. */
static void *
own_block(struct arena *a, size_t size)
{
	struct arena_block *b = block_new(size);
	struct arena_block **at = a->at == NULL ? &a->blocks : &a->blocks->next;

	b->next = *at;
	*at = b;
	return b->data;
}

static void
block_open(struct arena *a, struct arena_block *b)
{
	a->at = b->data;
	a->end = b->data + b->size;
}

static void
block_push(struct arena *a, size_t least)
{
	size_t size = a->at == NULL ? BLOCK_LEAST : 2 * a->blocks->size;
	struct arena_block *b;

	if (size > BLOCK_MOST)
		size = BLOCK_MOST;
	while (size < least)
		size *= 2;
	b = block_new(size);
	b->next = a->blocks;
	a->blocks = b;
	block_open(a, b);
}

void *
arena_alloc(struct arena *a, size_t size)
{
	size_t room;
	void *p;

	CHECK(!__builtin_add_overflow(size, ALIGN - 1 + GAP, &room));
	room -= room % ALIGN;
	if (room > (size_t)(a->end - a->at)) {
		if (room > BLOCK_OWN) {
			p = own_block(a, room);
			SHOW(p, size);
			return p;
		}
		block_push(a, room);
	}
	p = a->at;
	a->at += room;
	SHOW(p, size);
	return p;
}

void *
arena_array(struct arena *a, size_t n, size_t size)
{
	size_t bytes;
	void *p;

	CHECK(!__builtin_mul_overflow(n, size, &bytes));
	p = arena_alloc(a, bytes);
	return bytes == 0 ? p : memset(p, 0, bytes);
}

struct slice
arena_slice(struct arena *a, struct slice s)
{
	void *p = arena_alloc(a, s.n);

	if (s.n > 0)
		memcpy(p, s.p, s.n);
	return slice_of(p, s.n);
}

char *
arena_str(struct arena *a, struct slice s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

char *
arena_printf(struct arena *a, const char *format, ...)
{
	va_list args, again;
	char *p;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	CHECK(n >= 0);
	p = arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, format, again);
	va_end(again);
	va_end(args);
	return p;
}

size_t
arena_size(const struct arena *a)
{
	size_t size = 0;

	for (const struct arena_block *b = a->blocks; b != NULL; b = b->next)
		size += sizeof *b + b->size;
	return size;
}

void
arena_reset(struct arena *a)
{
	struct arena_block **at = &a->blocks, *kept;

	while (*at != NULL && (*at)->size > BLOCK_KEPT)
		at = &(*at)->next;
	kept = *at;
	if (kept != NULL)
		*at = kept->next;
	blocks_free(a->blocks);
	*a = (struct arena){ .blocks = kept };
	if (kept != NULL) {
		kept->next = NULL;
		HIDE(kept->data, kept->size);
		block_open(a, kept);
	}
}

void
arena_free(struct arena *a)
{
	blocks_free(a->blocks);
	*a = (struct arena){ 0 };
}
