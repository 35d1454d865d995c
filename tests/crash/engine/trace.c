#include "tests/crash/engine/trace.h"

#include <err.h>
#include <string.h>
#include <sys/mman.h>

struct trace *
trace_new(size_t cap)
{
	struct trace *t = mmap(NULL, sizeof *t + cap, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (t == MAP_FAILED)
		err(1, "memory for a trace");
	t->cap = cap;
	return t;
}

void
trace_free(struct trace *t)
{
	munmap(t, sizeof *t + t->cap);
}

void
trace_clear(struct trace *t)
{
	t->start = t->end = 0;
	t->calls = t->memory = 0;
	t->full = false;
}

static size_t
size_of(const struct event *e)
{
	size_t bytes = e->kind == EVENT_WRITE ? e->length : 0;

	return sizeof *e + (bytes + 7) / 8 * 8;
}

void
trace_add(struct trace *t, const struct event *e, const void *bytes)
{
	size_t n = size_of(e);

	if (t->full || t->cap - t->end < n) {
		t->full = true;
		return;
	}
	memcpy(t->events + t->end, e, sizeof *e);
	if (e->kind == EVENT_WRITE)
		memcpy(t->events + t->end + sizeof *e, bytes, e->length);
	t->end += n;
}

const struct event *
trace_next(const struct trace *t, size_t *at, size_t end)
{
	const struct event *e = (const void *)(t->events + *at);

	if (*at >= end)
		return NULL;
	*at += size_of(e);
	return e;
}
