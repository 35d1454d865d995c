/* outcomes.def at work. */
#include "relay/relay.h"

const struct step_row step_rows[STEPS] = {
#define F(fate)	FATE_##fate
#define STEP(NAME, name, seconds, done, go_on, no, never, garbled, closed, \
    silent, clause)							\
	[STEP_##NAME] = { name, seconds, { F(done), F(go_on), F(no),	\
		F(never), F(garbled), F(closed), F(silent) }, clause },
#include "relay/outcomes.def"
};

uint64_t step_waits[STEPS] = {
#define STEP(NAME, name, seconds, done, go_on, no, never, garbled, closed, \
    silent, clause)							\
	[STEP_##NAME] = seconds * UINT64_C(1000),
#include "relay/outcomes.def"
};

static const struct {
	enum step	 step;
	unsigned	 code;
	enum fate	 fate;
} codes[] = {
#define CODE(NAME, code, fate, clause)	{ STEP_##NAME, code, F(fate) },
#include "relay/outcomes.def"
};

enum fate
fate_of(enum step step, enum heard heard, unsigned code)
{
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (codes[i].step == step && codes[i].code == code)
			return codes[i].fate;
	return step_rows[step].fates[heard];
}

struct verdict
verdict_own(enum fate fate, const char *code, struct slice text)
{
	return (struct verdict){ .fate = fate, .code = slice_str(code),
		.text = text };
}

/* Why there was no reply (RFC 3463 3.5). */
static struct verdict
unanswered(const struct session *s, struct arena *arena, enum fate fate)
{
	const char *name = step_rows[s->step].name, *why, *code;

	switch (s->heard) {
	case HEARD_SILENT:
		code = s->step == STEP_CONNECT ? "4.4.1" : "4.4.2";
		why = "no answer in time";
		break;
	case HEARD_GARBLED:
		code = "4.5.0";
		why = "what came is no SMTP reply";
		break;
	default:
		code = s->step == STEP_CONNECT ? "4.4.1" : s->step == STEP_TLS ?
		    "4.7.5" : "4.4.2";
		why = conn_why(s->conn);
		break;
	}
	return verdict_own(fate, code, slice_str(arena_printf(arena,
	    "%s: %s: %s", s->remote, name, why)));
}

struct verdict
session_verdict(const struct session *s, struct arena *arena, enum fate fate)
{
	struct buf text = { 0 };
	struct verdict v;

	if (s->ours)
		return verdict_own(fate, fate == FATE_SHUT ? "5.4.6" : "4.4.6",
		    SLICE("mail for this domain loops back to us"));
	if (s->refusal != NULL)
		return verdict_own(fate, "4.7.0", slice_str(arena_printf(arena,
		    "%s: %s", s->remote, s->refusal)));
	if (s->heard >= HEARD_GARBLED)
		return unanswered(s, arena, fate);
	response_show(&s->said, &text);
	/* A yes that was none of the answers there are (RFC 5321 4.3.2). */
	v = (struct verdict){ .fate = fate, .code = fate != FATE_DONE &&
		s->said.code < 400 ? SLICE("4.5.0") :
		arena_slice(arena, response_status(&s->said)),
		.text = arena_slice(arena, buf_view(&text)),
		.remote = arena_slice(arena, slice_str(s->remote)) };
	buf_free(&text);
	return v;
}
