#include "smtpd/params.h"

#include "common/core/terms.h"

typedef enum reply mail_param(struct session *, struct slice value);
typedef enum reply rcpt_param(struct arena *, struct slice value,
    struct rcpt *);

/* xtext into the arena; true if it is some and hides no line end. */
static bool
xtext(struct arena *arena, struct slice s, struct slice *out)
{
	struct buf b = { 0 };
	bool good = s.n > 0 && xtext_decode(&b, s);

	*out = arena_slice(arena, buf_view(&b));
	buf_free(&b);
	return good;
}

/* ---- MAIL */

static enum reply
param_size(struct session *s, struct slice value)
{
	return slice_u64(value, UINT64_MAX, &s->tx.size) ? REPLIES :
	    REPLY_PARAM_SYNTAX;
}

static enum reply
param_body(struct session *s, struct slice value)
{
	(void)s;
	return slice_ieq(value, SLICE("7BIT")) ||
	    slice_ieq(value, SLICE("8BITMIME")) ? REPLIES :
	    REPLY_PARAM_VALUE;
}

static enum reply
param_auth(struct session *s, struct slice value)
{
	(void)value;
	return s->user != 0 ? REPLIES : REPLY_PARAM_UNKNOWN;
}

static enum reply
param_ret(struct session *s, struct slice value)
{
	if (slice_ieq(value, SLICE("FULL")))
		s->tx.ret = RET_FULL;
	else if (slice_ieq(value, SLICE("HDRS")))
		s->tx.ret = RET_HDRS;
	else
		return REPLY_PARAM_SYNTAX;
	return REPLIES;
}

static enum reply
param_envid(struct session *s, struct slice value)
{
	return value.n <= ENVID_MAX &&
	    xtext(&s->tx.arena, value, &s->tx.envid) ? REPLIES :
	    REPLY_PARAM_SYNTAX;
}

static const struct {
	const char	*name;
	mail_param	*take;
} mail_rows[] = {
	{ "SIZE", param_size },
	{ "BODY", param_body },
	{ "AUTH", param_auth },
	{ "RET", param_ret },
	{ "ENVID", param_envid },
};

static mail_param *
mail_named(struct slice name)
{
	for (size_t i = 0; i < sizeof mail_rows / sizeof *mail_rows; i++)
		if (slice_ieq(name, slice_str(mail_rows[i].name)))
			return mail_rows[i].take;
	return NULL;
}

enum reply
params_mail(struct session *s, const struct path *p)
{
	for (size_t i = 0; i < p->n; i++) {
		mail_param *take = mail_named(p->params[i].key);
		enum reply no = take == NULL ? REPLY_PARAM_UNKNOWN :
		    take(s, p->params[i].value);

		if (no != REPLIES)
			return no;
	}
	return s->tx.size > smtpd_conf->message_max ? REPLY_TOO_BIG : REPLIES;
}

/* ---- RCPT */

static uint8_t
notify_named(struct slice s)
{
	static const char *const names[] = { "NEVER", "SUCCESS", "FAILURE",
		"DELAY" };

	for (unsigned i = 0; i < 4; i++)
		if (slice_ieq(s, slice_str(names[i])))
			return (uint8_t)(1u << i);
	return 0;
}

/* NEVER alone, or a list of the others (RFC 3461 4.1). */
static enum reply
param_notify(struct arena *arena, struct slice value, struct rcpt *r)
{
	bool more = true;

	(void)arena;
	while (more) {
		uint8_t one;

		more = slice_find(value, ',') < value.n;
		if ((one = notify_named(slice_cut(&value, ','))) == 0)
			return REPLY_PARAM_SYNTAX;
		r->notify |= one;
	}
	return (r->notify & NOTIFY_NEVER) != 0 && r->notify != NOTIFY_NEVER ?
	    REPLY_PARAM_SYNTAX : REPLIES;
}

/* An atom of RFC 5321 4.1.2, as address types are (RFC 3461 4.2). */
static bool
is_type(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < '0' || s.p[i] > '9') &&
		    ((s.p[i] | 0x20) < 'a' || (s.p[i] | 0x20) > 'z') &&
		    s.p[i] != '-')
			return false;
	return s.n > 0;
}

static enum reply
param_orcpt(struct arena *arena, struct slice value, struct rcpt *r)
{
	size_t n = slice_find(value, ';');
	struct slice type = slice_take(value, n), address;

	if (value.n > ORCPT_MAX || n >= value.n || !is_type(type) ||
	    !xtext(arena, slice_drop(value, n + 1), &address))
		return REPLY_PARAM_SYNTAX;
	r->orcpt = slice_str(arena_printf(arena, "%.*s;%.*s", (int)type.n,
	    type.p, (int)address.n, address.p));
	return REPLIES;
}

static rcpt_param *
rcpt_named(struct slice name)
{
	if (slice_ieq(name, SLICE("NOTIFY")))
		return param_notify;
	return slice_ieq(name, SLICE("ORCPT")) ? param_orcpt : NULL;
}

enum reply
params_rcpt(struct arena *arena, const struct path *p, struct rcpt *r)
{
	for (size_t i = 0; i < p->n; i++) {
		rcpt_param *take = rcpt_named(p->params[i].key);
		enum reply no = take == NULL ? REPLY_PARAM_UNKNOWN :
		    take(arena, p->params[i].value, r);

		if (no != REPLIES)
			return no;
	}
	return REPLIES;
}
