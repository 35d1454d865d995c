/* The way back: a configuration as sentences, and what changed in it. */
#include "common/core/conf_parts.h"

/* One sentence as it would be said; index is the role of an EACH. */
static void
line_show(const struct sentence *s, const void *base, size_t index,
    struct buf *b)
{
	struct slice pattern = slice_str(s->pattern);
	const struct slot *slot = s->slots;
	struct pattern_word p;
	bool many = false;

	while (pattern_next(&pattern, &p)) {
		struct value v = { .number = index };

		/* an ending that says nothing */
		if (p.optional && kind_is_text(slot->kind) &&
		    slot_load(slot, base, 0).text.n == 0)
			break;
		if (p.text.p != s->pattern)
			buf_char(b, ' ');
		if (!p.slot) {
			buf_slice(b, word_choose(p.text, many));
			continue;
		}
		if (slot->place != PLACE_WHO)
			v = slot_load(slot, base,
			    slot->place == PLACE_EACH ? index : 0);
		if (slot->kind == SLOT_NUMBER)
			many = v.number != 1;
		slot_show(slot++, &v, b);
	}
	buf_char(b, '\n');
}

/* In the order of the file, so those at a path are among the others. */
static void
listeners_show(const struct conf *c, const struct sentence *s, struct buf *b)
{
	if (s != &conf_sentences[CONF_listen_port])
		return;
	for (size_t i = 0; i < c->n_listeners; i++) {
		const struct listener *l = &c->listeners[i];

		line_show(l->path.n > 0 ? &conf_sentences[CONF_listen_path] :
		    s, l, 0, b);
	}
}

/* Likewise, of three kinds. */
static void
smarthosts_show(const struct conf *c, const struct sentence *s, struct buf *b)
{
	if (s != &conf_sentences[CONF_smarthost])
		return;
	for (size_t i = 0; i < c->n_smarthosts; i++) {
		const struct smarthost *h = &c->smarthosts[i];
		enum conf_sentence id = h->to.n > 0 ? CONF_smarthost_to :
		    h->from.n > 0 ? CONF_smarthost_from : CONF_smarthost;

		line_show(&conf_sentences[id], h, 0, b);
	}
}

void
sentence_show(const struct conf *c, const struct sentence *s, struct buf *b)
{
	const struct slot *slot = s->slots, *who = sentence_who(s);

	if (slot->place == PLACE_listener) {
		listeners_show(c, s, b);
	} else if (slot->place == PLACE_certificate) {
		for (size_t i = 0; i < c->n_certificates; i++)
			line_show(s, &c->certificates[i], 0, b);
	} else if (slot->place == PLACE_forwarder) {
		for (size_t i = 0; i < c->n_forwarders; i++)
			line_show(s, &c->forwarders[i], 0, b);
	} else if (slot->place == PLACE_smarthost) {
		smarthosts_show(c, s, b);
	} else if (who != NULL) {
		for (unsigned i = 0; i < ROLES; i++)
			if (kind_has_role(who->kind, (enum role)i))
				line_show(s, c, i, b);
	} else if (!kind_is_text(slot->kind) ||
	    slot_load(slot, c, 0).text.n > 0) {
		line_show(s, c, 0, b);
	}
}

static bool
has_line(struct slice text, struct slice line)
{
	while (text.n > 0)
		if (slice_eq(slice_cut(&text, '\n'), line))
			return true;
	return false;
}

/* The defaults; those worked out from other values, from the values of c. */
static void
standard_for(struct conf *standard, const struct conf *c)
{
	uint64_t message_max;

	conf_init(standard);
	message_max = standard->message_max;
	standard->server_name = c->server_name;
	standard->message_max = c->message_max;
	conf_derive(standard);
	standard->server_name.n = 0;
	standard->message_max = message_max;
}

void
conf_show(const struct conf *c, struct buf *b)
{
	struct buf ours = { 0 }, theirs = { 0 };
	struct conf standard;

	standard_for(&standard, c);
	for (unsigned i = 0; i < CONF_SENTENCES; i++) {
		struct slice rest, line;

		buf_clear(&ours);
		buf_clear(&theirs);
		sentence_show(c, &conf_sentences[i], &ours);
		sentence_show(&standard, &conf_sentences[i], &theirs);
		for (rest = buf_view(&ours); rest.n > 0;) {
			line = slice_cut(&rest, '\n');
			buf_slice(b, line);
			if (has_line(buf_view(&theirs), line))
				buf_str(b, "  # default");
			buf_char(b, '\n');
		}
	}
	buf_free(&ours);
	buf_free(&theirs);
	conf_free(&standard);
}

/* Appends the lines of a that are not in b, each after this prefix. */
static void
lines_differing(struct slice a, struct slice b, const char *prefix,
    struct buf *to)
{
	while (a.n > 0) {
		struct slice line = slice_cut(&a, '\n');

		if (has_line(b, line))
			continue;
		buf_str(to, to->n > 0 ? ", " : "");
		buf_str(to, prefix);
		buf_slice(to, line);
	}
}

void
conf_changes(const struct conf *old, const struct conf *new,
    struct buf *restart)
{
	struct buf before = { 0 }, after = { 0 };

	for (unsigned i = 0; i < CONF_SENTENCES; i++) {
		const struct sentence *s = &conf_sentences[i];

		if (!s->restart)
			continue;
		buf_clear(&before);
		buf_clear(&after);
		sentence_show(old, s, &before);
		sentence_show(new, s, &after);
		lines_differing(buf_view(&after), buf_view(&before), "",
		    restart);
		if (s->slots[0].place == PLACE_listener)
			lines_differing(buf_view(&before), buf_view(&after),
			    "do not ", restart);
	}
	buf_free(&before);
	buf_free(&after);
}
