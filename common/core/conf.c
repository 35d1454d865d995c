/* A configuration file: line by line, sentence by sentence. */
#include "common/core/conf.h"

#include <string.h>

#include "common/core/conf_parts.h"

enum { ERRORS_SHOWN = 1000 };	/* further ones are only counted */

/* All that is being read. */
struct reader {
	struct conf	*c;
	struct slice	 line;		/* its text */
	unsigned	 number;	/* of the line, from 1 */
	struct words	 words;
	struct miss	 miss;
	struct arena	 scratch;	/* of the line */
	struct buf	*errors;
	unsigned	 n_errors;
};

/* Begins an error at a byte of the line; false: enough were shown.  Columns
   count characters, as editors do. */
static bool
error_begin(struct reader *r, size_t offset)
{
	unsigned column = 1;

	if (r->n_errors++ >= ERRORS_SHOWN)
		return false;
	for (size_t i = 0; i < offset; i++)
		column += ((unsigned char)r->line.p[i] & 0xc0) != 0x80;
	buf_printf(r->errors, "%s:%u:%u: ", r->c->filename.p, r->number,
	    column);
	return true;
}

static void
error_add(struct reader *r, size_t offset, const char *what)
{
	if (error_begin(r, offset))
		buf_printf(r->errors, "%s\n", what);
}

static bool
match(struct reader *r, const struct sentence *s, struct value *v)
{
	struct slice pattern = slice_str(s->pattern);
	const struct slot *slot = s->slots;
	const struct words *w = &r->words;
	struct pattern_word p;
	unsigned at = 0;

	r->miss.trying = s;
	while (pattern_next(&pattern, &p)) {
		if (p.optional && at == w->n)
			return true;
		if (p.slot) {
			if (!slot_read(slot++, &r->miss, &at, v++,
			    &r->scratch))
				return false;
		} else if (at < w->n && word_among(w->v[at], p.text)) {
			at++;
		} else {
			miss_word(&r->miss, at, p.text);
			return false;
		}
	}
	if (at < w->n)
		miss_want(&r->miss, at, SLICE("nothing more"));
	return at == w->n;
}

/* Room for one more at the end of a list in the conf's arena; NULL: full. */
static void *
element_new(struct conf *c, void *list, size_t *n, size_t size)
{
	void *v;

	memcpy(&v, list, sizeof v);
	if (*n == CONF_LIST_MAX)
		return NULL;
	if ((*n & (*n - 1)) == 0) {
		void *wider = arena_array(&c->arena, *n ? 2 * *n : 1, size);

		if (*n > 0)
			memcpy(wider, v, *n * size);
		memcpy(list, &wider, sizeof wider);
		v = wider;
	}
	return (char *)v + (*n)++ * size;
}

/* What a listen sentence leaves out. */
static void
listener_complete(struct reader *r, struct listener *l)
{
	l->line = r->number;
	if (l->path.n > 0) {
		l->service = SERVICE_LMTP;
		l->mode = l->mode ? l->mode : 0660;
		return;
	}
	if (l->port == 0)
		l->port = service_rows[l->service].port;
	if (l->port == 0)
		error_add(r, r->words.at[r->words.n],
		    "expected \"port\": this service has no port of its own");
}

/* RFC 1035 4.2: port 53. */
static void
forwarder_complete(struct reader *r, struct forwarder *f)
{
	f->line = r->number;
	if (f->port == 0)
		f->port = 53;
	if (slice_eq(f->address, SLICE("*")))
		error_add(r, r->words.at[3], "expected the address of a DNS "
		    "server");
}

/* Where the slots of this sentence store to; NULL: no room. */
static void *
target(struct reader *r, const struct sentence *s)
{
	struct conf *c = r->c;

	switch (s->slots[0].place) {
	case PLACE_listener:
		return element_new(c, &c->listeners, &c->n_listeners,
		    sizeof *c->listeners);
	case PLACE_certificate:
		return element_new(c, &c->certificates, &c->n_certificates,
		    sizeof *c->certificates);
	case PLACE_forwarder:
		return element_new(c, &c->forwarders, &c->n_forwarders,
		    sizeof *c->forwarders);
	case PLACE_smarthost:
		return element_new(c, &c->smarthosts, &c->n_smarthosts,
		    sizeof *c->smarthosts);
	default:
		return c;
	}
}

/* A value is said once, for each role. */
static bool
said_before(struct reader *r, const struct sentence *s, enum role who)
{
	unsigned id = (unsigned)(s - conf_sentences), *line;

	line = sentence_who(s) ? &r->c->said_of[id][who] : &r->c->said[id];
	if (*line == 0) {
		*line = r->number;
		return false;
	}
	if (error_begin(r, r->words.at[0]))
		buf_printf(r->errors, "this was said before, in line %u\n",
		    *line);
	return true;
}

static void
values_store(struct conf *c, const struct sentence *s, void *base,
    struct value *v, enum role who)
{
	for (unsigned i = 0; i < SENTENCE_SLOTS; i++) {
		const struct slot *slot = &s->slots[i];
		size_t index = slot->place == PLACE_EACH ? who : 0;

		if (slot->place == PLACE_NONE || slot->place == PLACE_WHO)
			continue;
		if (kind_is_text(slot->kind))
			v[i].text = slice_of(arena_str(&c->arena, v[i].text),
			    v[i].text.n);
		slot_store(slot, base, index, &v[i]);
	}
}

static void
apply(struct reader *r, const struct sentence *s, struct value *v)
{
	const struct slot *slot = sentence_who(s);
	enum role who = slot ? (enum role)v[slot - s->slots].number : 0;
	struct conf *c = r->c;
	void *base = target(r, s);

	if (base == NULL) {
		error_add(r, r->words.at[0], "more of these than can be kept");
		return;
	}
	if (base == c && said_before(r, s, who))
		return;
	values_store(c, s, base, v, who);
	if (s->slots[0].place == PLACE_listener)
		listener_complete(r, base);
	if (s->slots[0].place == PLACE_certificate)
		((struct certificate *)base)->line = r->number;
	if (s->slots[0].place == PLACE_forwarder)
		forwarder_complete(r, base);
	if (s->slots[0].place == PLACE_smarthost)
		((struct smarthost *)base)->line = r->number;
}

static void
read_sentence(struct reader *r)
{
	miss_init(&r->miss, &r->words, &r->scratch);
	for (unsigned i = 0; i < CONF_SENTENCES; i++) {
		struct value v[SENTENCE_SLOTS] = { 0 };

		if (match(r, &conf_sentences[i], v)) {
			apply(r, &conf_sentences[i], v);
			return;
		}
	}
	if (error_begin(r, r->words.at[r->miss.at])) {
		miss_show(&r->miss, r->errors);
		buf_char(r->errors, '\n');
	}
}

static void
read_line(struct reader *r)
{
	const char *why;
	size_t at;

	if (r->line.n > 0 && r->line.p[r->line.n - 1] == '\r')
		r->line.n--;
	if (!words_split(&r->words, r->line, &at, &why))
		error_add(r, at, why);
	else if (r->words.n > 0)
		read_sentence(r);
	arena_reset(&r->scratch);
}

/* The default of one sentence, read from the words in its row. */
static void
standard_set(struct conf *c, const struct sentence *s)
{
	const struct slot *who = sentence_who(s), *slot = s->slots;
	struct arena scratch = { 0 };
	struct words words;
	struct miss miss;
	struct value v;
	const char *why;
	unsigned word = 0;
	size_t at;

	slot += slot == who;
	CHECK(words_split(&words, slice_str(s->standard), &at, &why));
	miss_init(&miss, &words, &scratch);
	CHECK(slot_read(slot, &miss, &word, &v, &scratch));
	if (kind_is_text(slot->kind))
		v.text = slice_str(s->standard);
	for (unsigned i = 0; i < ROLES; i++)
		if (who == NULL ? i == 0 :
		    kind_has_role(who->kind, (enum role)i))
			slot_store(slot, c, i, &v);
	arena_free(&scratch);
}

void
conf_init(struct conf *c)
{
	static const struct slice users[ROLES] = {
#define ROLE(name, NAME, program, kind, user)	[ROLE_##NAME] = SLICE(user),
#include "common/core/roles.def"
	};

	memset(c, 0, sizeof *c);
	memcpy(c->user, users, sizeof users);
	for (unsigned i = 0; i < ROLES; i++)
		c->workers[i] = kind_has_role(SLOT_CHILD, (enum role)i);
	for (unsigned i = 0; i < CONF_SENTENCES; i++)
		if (conf_sentences[i].standard[0] != '\0')
			standard_set(c, &conf_sentences[i]);
}

void
conf_derive(struct conf *c)
{
	const char *text;

	if (c->said[CONF_free_floor] == 0)
		c->free_floor = conf_floor(c);
	if (c->postmaster.n > 0 || c->server_name.n == 0)
		return;
	text = arena_printf(&c->arena, "postmaster@%s", c->server_name.p);
	c->postmaster = slice_str(text);
}

unsigned
conf_parse(struct conf *c, struct slice text, const char *filename,
    struct buf *errors)
{
	struct reader r = { .c = c, .errors = errors };

	conf_init(c);
	c->filename = slice_str(arena_str(&c->arena, slice_str(filename)));
	if (text.n > CONF_TEXT_MAX) {
		error_add(&r, 0, "the file is larger than 256 KB");
		text.n = 0;
	}
	while (text.n > 0) {
		r.line = slice_cut(&text, '\n');
		r.number++;
		read_line(&r);
	}
	if (r.n_errors > ERRORS_SHOWN)
		buf_printf(errors, "%s: and %u more errors\n", filename,
		    r.n_errors - ERRORS_SHOWN);
	conf_derive(c);
	arena_free(&r.scratch);
	return r.n_errors;
}

void
conf_free(struct conf *c)
{
	arena_free(&c->arena);
	memset(c, 0, sizeof *c);
}
