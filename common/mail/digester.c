#include "common/mail/digest.h"

#include <stdlib.h>

#include "common/core/codec.h"
#include "common/mail/date.h"
#include "common/mail/digest_format.h"
#include "common/mail/header.h"
#include "common/mail/preview.h"

enum {
	ROOT_MAX = 96 * 1024,	/* bytes of the root's detail: what a degraded
				   digest has to hold */
};

struct digester {
	struct mime	*mime;
	const struct charsets *cs;
	struct arena	 scratch;	/* for one header */
	uint64_t	 steps;
	bool		 degraded;
	uint32_t	 n_parts, n_fields;
	struct buf	 parts, details, fields;
	size_t		 root_n;	/* of details: the root's */
	size_t		 limit;		/* details may grow to this */
	uint32_t	 last[MIME_DEPTH_MAX + 1]; /* newest part, by depth */

	/* The part whose first words we show. */
	bool		 have_text, html;
	enum cte	 cte;
	char		 charset[64];
	size_t		 charset_n;
	struct buf	 text;
};

/* ------------------------------------------------------------- numbers */

static void
put_number(struct buf *b, uint64_t n)
{
	while (n > 127) {
		buf_char(b, (char)((n & 127) | 128));
		n >>= 7;
	}
	buf_char(b, (char)n);
}

/* A value that came with NUL, CR or LF would be no IMAP string. */
static void
put_bytes(struct buf *b, struct slice s)
{
	size_t start = b->n;

	buf_slice(b, s);
	for (size_t i = start; i < b->n; i++)
		if (b->p[i] == '\0' || b->p[i] == '\r' || b->p[i] == '\n')
			b->p[i] = ' ';
}

static void
put_string(struct buf *b, struct slice s)
{
	put_number(b, s.p == NULL ? 0 : s.n + 1);
	put_bytes(b, s);
}

/* Is there room for so many bytes more, and for what must follow? */
static bool
room(struct digester *d, size_t n)
{
	if (d->details.n + n + 128 <= d->limit)
		return true;
	d->degraded = true;
	return false;
}

/* A string of the details: NIL if there is no room. */
static void
detail(struct digester *d, struct slice s)
{
	put_string(&d->details, room(d, s.n + 8) ? s : slice_of(NULL, 0));
}

/* A list is made apart, since its length stands before it. */
static void
detail_list(struct digester *d, uint64_t items, struct buf *list)
{
	put_number(&d->details, items);
	put_number(&d->details, list->n);
	buf_slice(&d->details, buf_view(list));
	buf_free(list);
}

/* -------------------------------------------------------------- fields */

/* The fields a digest keeps, first occurrence each. */
enum known { ID, DESCRIPTION, ENCODING, MD5, DISPOSITION, LANGUAGE, LOCATION,
	DATE, SUBJECT, IN_REPLY_TO, MESSAGE_ID, FROM, SENDER, REPLY_TO, TO, CC,
	BCC, KNOWN };

static const char *const known_names[KNOWN] = {
	"content-id", "content-description", "content-transfer-encoding",
	"content-md5", "content-disposition", "content-language",
	"content-location", "date", "subject", "in-reply-to", "message-id",
	"from", "sender", "reply-to", "to", "cc", "bcc",
};

struct known_fields {
	struct slice	 body[KNOWN];	/* p is NULL if not there */
};

static void
known_add(struct known_fields *k, const struct field *f)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (k->body[i].p == NULL &&
		    slice_ieq(f->name, slice_str(known_names[i])))
			k->body[i] = f->body;
}

/* The body on one line, in the scratch arena. */
static struct slice
unfolded(struct digester *d, struct slice body)
{
	struct buf b = { 0 };
	struct slice text;

	if (body.p == NULL)
		return body;
	header_unfold(&b, body);
	text = arena_slice(&d->scratch, buf_view(&b));
	buf_free(&b);
	return text.p == NULL ? SLICE("") : text;
}

static void
detail_field(struct digester *d, const struct known_fields *k, enum known i)
{
	detail(d, unfolded(d, k->body[i]));
}

static void
detail_params(struct digester *d, const struct mime_param *v, size_t n)
{
	struct buf list = { 0 };
	uint64_t items = 0;

	for (size_t i = 0; i < n; i++) {
		if (!room(d, list.n + v[i].name.n + v[i].value.n + 16))
			continue;
		put_string(&list, v[i].name);
		put_string(&list, v[i].value);
		items++;
	}
	detail_list(d, items, &list);
}

static void
detail_disposition(struct digester *d, struct slice body)
{
	struct slice value = { NULL, 0 };
	struct mime_param *params = NULL;
	size_t n = 0;

	if (body.p != NULL)
		n = params_parse(&d->scratch, body, d->cs, &value, &params);
	detail(d, value.n > 0 ? value : slice_of(NULL, 0));
	detail_params(d, params, value.n > 0 ? n : 0);
}

/* Content-Language: tags between commas (RFC 3282 2). */
static void
detail_languages(struct digester *d, struct slice body)
{
	struct slice rest = unfolded(d, body);
	struct buf list = { 0 };
	uint64_t items = 0;

	while (rest.n > 0) {
		struct slice tag = slice_trim(slice_cut(&rest, ','));
		if (tag.n == 0 || !room(d, list.n + tag.n + 8))
			continue;
		put_string(&list, tag);
		items++;
	}
	detail_list(d, items, &list);
}

static void
detail_addresses(struct digester *d, struct slice body)
{
	struct addrlist l = { .rest = body };
	struct arena arena = { 0 };
	struct buf list = { 0 };
	struct address a;
	uint64_t items = 0;

	while (addrlist_next(&arena, &l, &a)) {
		if (!room(d, list.n + a.name.n + a.route.n + a.local.n +
		    a.domain.n + 24))
			break;
		buf_char(&list, (char)a.kind);
		put_string(&list, a.name);
		put_string(&list, a.route);
		put_string(&list, a.local);
		put_string(&list, a.domain);
		items++;
	}
	arena_free(&arena);
	d->steps += body.n;
	detail_list(d, items, &list);
}

static void
detail_envelope(struct digester *d, const struct known_fields *k)
{
	struct date date = { INT64_MIN, 0 };
	char when[8];

	if (!date_parse(unfolded(d, k->body[DATE]), &date))
		date.when = INT64_MIN;
	be64_put(when, (uint64_t)date.when);
	buf_add(&d->details, when, sizeof when);
	for (enum known i = DATE; i <= MESSAGE_ID; i++)
		detail_field(d, k, i);
	for (enum known i = FROM; i <= BCC; i++)
		detail_addresses(d, k->body[i]);
}

static void
detail_part(struct digester *d, const struct mime_part *p,
    const struct known_fields *k, const struct mime_type *t)
{
	struct slice subtype = t->value, type = slice_cut(&subtype, '/');

	detail(d, type);
	detail(d, subtype);
	detail_params(d, t->params, t->n);
	for (enum known i = ID; i <= MD5; i++)
		detail_field(d, k, i);
	detail_disposition(d, k->body[DISPOSITION]);
	detail_languages(d, k->body[LANGUAGE]);
	detail_field(d, k, LOCATION);
	if (p->message)
		detail_envelope(d, k);
}

static struct slice
lower(struct digester *d, struct slice s)
{
	char *p = arena_alloc(&d->scratch, s.n);

	for (size_t i = 0; i < s.n; i++)
		p[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ?
		    (char)(s.p[i] + 'a' - 'A') : s.p[i];
	return slice_of(p, s.n);
}

/* One entry of the field index. */
static void
index_field(struct digester *d, const struct field *f, size_t gap)
{
	size_t i = 0;

	put_number(&d->fields, gap);
	put_number(&d->fields, f->whole.n);
	while (i < FORMAT_NAMES && !slice_ieq(f->name,
	    slice_str(field_names[i])))
		i++;
	put_number(&d->fields, i < FORMAT_NAMES ? i + 1 : 0);
	if (i == FORMAT_NAMES)
		put_string(&d->fields, lower(d, f->name));
	d->n_fields++;
}

static void
read_header(struct digester *d, const struct mime_part *p, struct slice header,
    struct known_fields *k)
{
	const char *end = header.p;
	struct field f;

	while (header_next(&header, &f)) {
		known_add(k, &f);
		if (p->number == 0 && d->fields.n < DIGEST_MAX)
			index_field(d, &f, (size_t)(f.whole.p - end));
		end = f.whole.p + f.whole.n;
	}
}

/* -------------------------------------------------------------- the tree */

static void
part_begin(struct digester *d, const struct mime_part *p)
{
	char r[FORMAT_PART] = { 0 };
	uint32_t older = d->last[p->depth];
	size_t link;

	be32_put(r, p->parent);
	be32_put(r + 12, (uint32_t)d->details.n);
	r[45] = p->message;
	r[46] = (char)p->depth;
	buf_add(&d->parts, r, sizeof r);
	d->n_parts++;
	d->last[p->depth] = p->number;
	if (p->depth < MIME_DEPTH_MAX)
		d->last[p->depth + 1] = 0;
	if (p->number == 0)
		return;
	link = older == 0 ? (size_t)p->parent * FORMAT_PART + 4 :
	    (size_t)older * FORMAT_PART + 8;
	be32_put(d->parts.p + link, p->number);
}

/* Does the digest still want to know of this part? */
static bool
is_kept(const struct digester *d, uint32_t number)
{
	return number < d->n_parts;
}

static void
choose_text(struct digester *d, struct mime_part *p, const struct mime_type *t,
    const struct known_fields *k)
{
	struct slice charset = params_get(t->params, t->n, "charset");
	bool html = slice_eq(t->value, SLICE("text/html"));

	if (d->have_text || p->kind != MIME_LEAF ||
	    (!html && !slice_eq(t->value, SLICE("text/plain"))))
		return;
	p->want = d->have_text = true;
	d->html = html;
	d->cte = cte_named(unfolded(d, k->body[ENCODING]));
	charset = slice_take(charset, sizeof d->charset);
	d->charset_n = charset.n;
	memcpy(d->charset, charset.n > 0 ? charset.p : "", charset.n);
}

static void
on_header(void *arg, struct mime_part *p, struct slice header,
    const struct mime_type *t)
{
	struct digester *d = arg;
	struct known_fields k = { .body = { { NULL, 0 } } };

	d->steps += header.n;
	d->limit = p->number == 0 ? ROOT_MAX : DIGEST_MAX;
	if (p->number > 0 && (d->n_parts != p->number || d->parts.n +
	    d->details.n + FORMAT_PART > DIGEST_MAX)) {
		d->degraded = true;	/* from here on no part is kept */
		return;
	}
	read_header(d, p, header, &k);
	part_begin(d, p);
	detail_part(d, p, &k, t);
	if (p->number == 0)
		d->root_n = d->details.n;
	choose_text(d, p, t, &k);
	arena_reset(&d->scratch);
}

static void
on_body(void *arg, const struct mime_part *p, struct slice s)
{
	struct digester *d = arg;
	size_t most = d->html ? PREVIEW_RAW_MAX : PREVIEW_PLAIN_MAX;

	(void)p;
	if (d->text.n >= most)
		return;
	buf_reserve(&d->text, most - d->text.n);
	buf_slice(&d->text, slice_take(s, most - d->text.n));
}

static void
on_end(void *arg, const struct mime_part *p)
{
	struct digester *d = arg;
	char *r;

	if (!is_kept(d, p->number))
		return;
	r = d->parts.p + (size_t)p->number * FORMAT_PART;
	be64_put(r + 16, p->header_at);
	be64_put(r + 24, p->body_at);
	be64_put(r + 32, p->end_at);
	be32_put(r + 40, p->lines < UINT32_MAX ? (uint32_t)p->lines :
	    UINT32_MAX);
	r[44] = (char)p->kind;
}

/* ------------------------------------------------------------ the result */

/* Keeps the root alone: see DIGEST_MAX. */
static void
degrade(struct digester *d)
{
	d->parts.n = FORMAT_PART;
	d->n_parts = 1;
	be32_put(d->parts.p + 4, 0);
	d->details.n = d->root_n;
	d->fields.n = 0;
	d->n_fields = 0;
	d->degraded = true;
}

static void
put_head(const struct digester *d, struct buf *out, size_t length)
{
	char h[FORMAT_HEAD] = { DIGEST_VERSION };

	h[1] = (char)((d->degraded ? DIGEST_DEGRADED : 0) |
	    (mime_is_cut(d->mime) ? DIGEST_CUT : 0));
	be32_put(h + 4, (uint32_t)length);
	be64_put(h + 8, mime_size(d->mime));
	be64_put(h + 16, mime_lines(d->mime));
	be32_put(h + 24, d->n_parts);
	be32_put(h + 28, d->n_fields);
	be32_put(h + 32, (uint32_t)d->details.n);
	be32_put(h + 36, (uint32_t)d->fields.n);
	buf_add(out, h, sizeof h);
}

static size_t
length(const struct digester *d, size_t preview)
{
	return FORMAT_HEAD + d->parts.n + d->details.n + d->fields.n + preview;
}

struct digester *
digester_new(const struct charsets *cs)
{
	static const struct mime_events events = { on_header, on_body, on_end };
	struct digester *d = mem_zero(sizeof *d);

	d->cs = cs;
	d->mime = mime_new(&events, d);
	return d;
}

void
digester_feed(struct digester *d, struct slice s)
{
	mime_feed(d->mime, s);
}

void
digester_end(struct digester *d, struct buf *out)
{
	struct buf preview = { 0 };

	mime_end(d->mime);
	preview_make(&preview, buf_view(&d->text), d->cte,
	    slice_of(d->charset, d->charset_n), d->cs, d->html,
	    DIGEST_PREVIEW_MAX);
	if (d->degraded || length(d, preview.n) > DIGEST_MAX)
		degrade(d);
	put_head(d, out, length(d, preview.n));
	buf_slice(out, buf_view(&d->parts));
	buf_slice(out, buf_view(&d->details));
	buf_slice(out, buf_view(&d->fields));
	buf_slice(out, buf_view(&preview));
	buf_free(&preview);
	digester_free(d);
}

void
digester_free(struct digester *d)
{
	if (d == NULL)
		return;
	mime_free(d->mime);
	arena_free(&d->scratch);
	buf_free(&d->parts);
	buf_free(&d->details);
	buf_free(&d->fields);
	buf_free(&d->text);
	free(d);
}

uint64_t
digester_steps(const struct digester *d)
{
	return d->steps + mime_steps(d->mime);
}

void
digest_make(struct buf *out, struct slice message)
{
	struct digester *d = digester_new(NULL);

	digester_feed(d, message);
	digester_end(d, out);
}
