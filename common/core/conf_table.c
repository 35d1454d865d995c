/* The rows of conf.def, the services, and how a pattern is walked. */
#include "common/core/conf_parts.h"

#define KB	1024ULL
#define MB	(1024 * KB)
#define GB	(1024 * MB)
#define SECOND	1000ULL
#define MINUTE	(60 * SECOND)
#define HOUR	(60 * MINUTE)
#define DAY	(24 * HOUR)

#define LIVE	false
#define RESTART	true

#define FIELD_SIZE(type, field)	sizeof(((type *)0)->field)

const struct sentence conf_sentences[CONF_SENTENCES] = {
#define SENTENCE(id, words, value, change, says, explains)		\
	[CONF_##id] = { .name = #id, .pattern = words,			\
		.standard = value, .restart = change, .example = says,	\
		.doc = explains, .slots = {
#define SLOT(kind, field, least, most)					\
	{ SLOT_##kind, PLACE_FIELD, offsetof(struct conf, field),	\
		FIELD_SIZE(struct conf, field), least, most },
#define WHO(kind)							\
	{ SLOT_##kind, PLACE_WHO, 0, 0, 0, 0 },
#define EACH(kind, field, least, most)					\
	{ SLOT_##kind, PLACE_EACH, offsetof(struct conf, field),	\
		FIELD_SIZE(struct conf, field[0]), least, most },
#define PART(list, kind, field, least, most)				\
	{ SLOT_##kind, PLACE_##list, offsetof(struct list, field),	\
		FIELD_SIZE(struct list, field), least, most },
#define END	} },
#include "common/core/conf.def"
};

/* Ports: RFC 5321 4.5.4.2, 6409, 8314, 1939, 9051.  LMTP has none of its own
   and may not use port 25 (RFC 2033 5). */
const struct service_row service_rows[SERVICES] = {
	[SERVICE_SMTP] = { "smtp", 25, false, false, ROLE_SMTPD },
	[SERVICE_SUBMISSION] =
	    { "submission", 587, false, true, ROLE_SUBMISSION },
	[SERVICE_SUBMISSIONS] =
	    { "submissions", 465, true, true, ROLE_SUBMISSION },
	[SERVICE_LMTP] = { "lmtp", 0, false, false, ROLE_SMTPD },
	[SERVICE_POP3] = { "pop3", 110, false, true, ROLE_POP3D },
	[SERVICE_POP3S] = { "pop3s", 995, true, true, ROLE_POP3D },
	[SERVICE_IMAP] = { "imap", 143, false, true, ROLE_IMAPD },
	[SERVICE_IMAPS] = { "imaps", 993, true, true, ROLE_IMAPD },
	[SERVICE_LOCAL] = { "local", 0, false, false, ROLES },
};

bool
pattern_next(struct slice *pattern, struct pattern_word *w)
{
	struct slice t;

	if (pattern->n == 0)
		return false;
	t = slice_cut(pattern, ' ');
	w->optional = t.p[0] == '[';
	t = slice_drop(t, w->optional ? 1 : 0);
	if (t.p[t.n - 1] == ']')
		t.n--;
	w->slot = t.p[0] == '<';
	w->text = w->slot ? slice_of(t.p + 1, t.n - 2) : t;
	return true;
}

bool
word_among(struct slice word, struct slice alternatives)
{
	while (alternatives.n > 0)
		if (slice_ieq(word, slice_cut(&alternatives, '|')))
			return true;
	return false;
}

struct slice
word_choose(struct slice alternatives, bool many)
{
	struct slice one = slice_cut(&alternatives, '|');

	return many && alternatives.n > 0 ?
	    slice_cut(&alternatives, '|') : one;
}

const struct slot *
sentence_who(const struct sentence *s)
{
	for (unsigned i = 0; i < SENTENCE_SLOTS; i++)
		if (s->slots[i].place == PLACE_WHO)
			return &s->slots[i];
	return NULL;
}
