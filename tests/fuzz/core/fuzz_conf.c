/* Any bytes are a configuration or are told to be none, and what is one is
   the same after being shown and read again (IPC-4). */
#include "common/core/conf.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/conf_parts.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static const void *
base_of(const struct conf *c, const struct slot *slot, size_t element)
{
	switch (slot->place) {
	case PLACE_listener: return &c->listeners[element];
	case PLACE_certificate: return &c->certificates[element];
	default: return c;
	}
}

static size_t
elements_of(const struct conf *c, const struct slot *slot)
{
	switch (slot->place) {
	case PLACE_listener: return c->n_listeners;
	case PLACE_certificate: return c->n_certificates;
	case PLACE_EACH: return ROLES;
	case PLACE_FIELD: return 1;
	default: return 0;
	}
}

static void
same_slot(const struct conf *a, const struct conf *b, const struct slot *slot)
{
	size_t n = elements_of(a, slot);

	if (n != elements_of(b, slot))
		abort();
	for (size_t i = 0; i < n; i++) {
		size_t index = slot->place == PLACE_EACH ? i : 0;
		struct value x = slot_load(slot, base_of(a, slot, i), index);
		struct value y = slot_load(slot, base_of(b, slot, i), index);

		if (x.number != y.number || !slice_eq(x.text, y.text))
			abort();
	}
}

static void
same(const struct conf *a, const struct conf *b)
{
	for (unsigned i = 0; i < CONF_SENTENCES; i++)
		for (unsigned j = 0; j < SENTENCE_SLOTS; j++)
			same_slot(a, b, &conf_sentences[i].slots[j]);
}

/* Each error is a line with its place; the count is that of the lines. */
static void
errors_are_lines(struct slice text, unsigned n)
{
	unsigned lines = 0;

	for (; text.n > 0; lines++)
		if (!slice_starts(slice_cut(&text, '\n'), SLICE("fuzz:")))
			abort();
	if (lines != (n > 1000 ? 1001 : n))
		abort();
}

int
LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
	struct buf errors = { 0 }, shown = { 0 };
	struct conf_machine machine = { .uid = 0, .files = 4096 };
	struct conf a, b;
	unsigned wrong = conf_parse(&a, slice_of(p, n), "fuzz", &errors);

	errors_are_lines(buf_view(&errors), wrong);
	conf_check(&a, &machine, &errors);
	conf_show(&a, &shown);
	if (wrong == 0) {
		if (conf_parse(&b, buf_view(&shown), "fuzz", &errors) != 0)
			abort();
		same(&a, &b);
		buf_clear(&errors);
		conf_changes(&a, &b, &errors);
		if (errors.n != 0)
			abort();
		conf_free(&b);
	}
	conf_free(&a);
	buf_free(&errors);
	buf_free(&shown);
	return 0;
}
