/* One value of each kind: read, store, show. */
#include <arpa/inet.h>
#include <string.h>

#include "common/core/conf_parts.h"

/* A slot being read: *at is the word it begins with. */
struct reading {
	const struct slot *slot;
	struct miss	*miss;
	unsigned	*at;
	struct value	*v;
	struct arena	*arena;
};

/* ---- words of a certain form */

/* In the form inet_ntop gives, so that equal addresses are equal texts.  An
   IPv4 address in IPv6 clothes cannot be listened on: say it as IPv4. */
static bool
read_ip(struct reading *r)
{
	struct slice word = r->miss->words->v[*r->at];
	char text[INET6_ADDRSTRLEN];
	struct in6_addr ip;
	int family;

	r->v->text = word;
	if (slice_eq(word, SLICE("*")))
		return true;
	if (word.n >= sizeof text)
		return false;
	memcpy(text, word.p, word.n);
	text[word.n] = '\0';
	family = slice_find(word, ':') < word.n ? AF_INET6 : AF_INET;
	if (inet_pton(family, text, &ip) != 1 ||
	    (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&ip)) ||
	    inet_ntop(family, &ip, text, sizeof text) == NULL)
		return false;
	r->v->text = arena_slice(r->arena, slice_str(text));
	return true;
}

/* ---- one of some words: the number is its place among them */

static const char *
level_name(unsigned i)
{
	static const char *const names[] = { [LOG_DEBUG] = "debug",
		[LOG_INFO] = "info", [LOG_WARN] = "warn",
		[LOG_ERROR] = "error" };

	return i < sizeof names / sizeof names[0] ? names[i] : NULL;
}

static const char *
privileges_name(unsigned i)
{
	static const char *const names[] = { [PRIVILEGES_DROP] = "drop",
		[PRIVILEGES_NONE] = "none" };

	return i < sizeof names / sizeof names[0] ? names[i] : NULL;
}

static const char *
service_name(unsigned i)
{
	return i < SERVICE_LOCAL ? service_rows[i].name : NULL;
}

static const char *
choice(enum slot_kind kind, unsigned i)
{
	switch (kind) {
	case SLOT_LEVEL: return level_name(i);
	case SLOT_PRIVILEGES: return privileges_name(i);
	case SLOT_SERVICE: return service_name(i);
	default: return i < ROLES ? role_name((enum role)i) : NULL;
	}
}

/* The column `kind` of roles.def. */
enum { IS_NONE, IS_MASTER, IS_KEEPER, IS_THINKER, IS_TALKER, IS_CALLER };
static const int role_is[ROLES] = {
#define ROLE(name, NAME, program, kind, user)	[ROLE_##NAME] = IS_##kind,
#include "common/core/roles.def"
};

bool
kind_has_role(enum slot_kind kind, enum role role)
{
	int is = role_is[role];

	switch (kind) {
	case SLOT_CHILD: return is != IS_NONE && is != IS_MASTER;
	case SLOT_WORKER: return is == IS_TALKER || is == IS_THINKER ||
		    role == ROLE_RELAY || role == ROLE_STORE;
	case SLOT_TALKER: return is == IS_TALKER;
	default: return false;
	}
}

static bool
offered(enum slot_kind kind, unsigned i)
{
	return kind < SLOT_CHILD || kind > SLOT_TALKER ||
	    kind_has_role(kind, (enum role)i);
}

static bool
read_choice(struct reading *r)
{
	enum slot_kind kind = r->slot->kind;
	struct slice word = r->miss->words->v[*r->at];
	const char *name;

	for (unsigned i = 0; (name = choice(kind, i)) != NULL; i++)
		if (offered(kind, i) && slice_ieq(word, slice_str(name))) {
			r->v->number = i;
			return true;
		}
	return false;
}

static void
want_choice(const struct slot *slot, struct miss *m, unsigned at)
{
	const char *name;

	for (unsigned i = 0; (name = choice(slot->kind, i)) != NULL; i++)
		if (offered(slot->kind, i))
			miss_word(m, at, slice_str(name));
}

/* ---- numbers */

struct unit {
	const char	*names;		/* one|many|also ... */
	uint64_t	 factor;
};

/* Ascending; sizes are powers of 1024. */
static const struct unit sizes[] = {
	{ "byte|bytes|B", 1 }, { "KB|KB|K", 1 << 10 },
	{ "MB|MB|M", 1 << 20 }, { "GB|GB|G", 1 << 30 }, { NULL, 0 }
};
static const struct unit times[] = {
	{ "ms|ms", 1 }, { "second|seconds|s|sec", 1000 },
	{ "minute|minutes|min", 60 * 1000 },
	{ "hour|hours|h", 3600 * 1000 }, { "day|days|d", 86400 * 1000 },
	{ NULL, 0 }
};

static const struct unit *
units_of(enum slot_kind kind)
{
	return kind == SLOT_TIME ? times : sizes;
}

/* In the largest unit that leaves nothing over. */
static void
amount_show(const struct unit *units, uint64_t n, struct buf *b)
{
	const struct unit *u = units;

	if (n == 0)		/* "0 seconds", not "0 ms" */
		u = units + 1;
	for (; n > 0 && u[1].names != NULL && n % u[1].factor == 0; u++)
		;
	buf_u64(b, n / u->factor);
	buf_char(b, ' ');
	buf_slice(b, word_choose(slice_str(u->names), n / u->factor != 1));
}

static const struct unit *
unit_named(const struct unit *units, struct slice word)
{
	for (; units->names != NULL; units++)
		if (word_among(word, slice_str(units->names)))
			return units;
	return NULL;
}

static void
want_units(const struct unit *units, struct miss *m, unsigned at)
{
	for (; units->names != NULL; units++)
		miss_word(m, at, slice_str(units->names));
}

/* "50 MB" in two words, or "50MB" in one.  A unit that is wrong is a miss
   of its own; false without one is a wrong number. */
static bool
read_amount(struct reading *r)
{
	const struct unit *units = units_of(r->slot->kind), *u;
	const struct words *w = r->miss->words;
	struct slice word = w->v[*r->at];
	size_t digits = 0;
	uint64_t n;

	while (digits < word.n && word.p[digits] >= '0' &&
	    word.p[digits] <= '9')
		digits++;
	if (!slice_u64(slice_take(word, digits), UINT64_MAX, &n))
		return false;
	word = slice_drop(word, digits);
	if (word.n == 0)
		word = ++*r->at < w->n ? w->v[*r->at] : word;
	if ((u = unit_named(units, word)) == NULL) {
		want_units(units, r->miss, *r->at);
		return false;
	}
	r->v->number = n * u->factor;
	return n <= r->slot->most / u->factor &&
	    r->v->number >= r->slot->least;
}

static bool
read_quota(struct reading *r)
{
	return slice_ieq(r->miss->words->v[*r->at], SLICE("none")) ||
	    read_amount(r);
}

/* Octal, as chmod(1) takes it. */
static bool
read_mode(struct reading *r)
{
	struct slice word = r->miss->words->v[*r->at];

	if (word.n == 0 || word.n > 4)
		return false;
	for (size_t i = 0; i < word.n; i++) {
		if (word.p[i] < '0' || word.p[i] > '7')
			return false;
		r->v->number = r->v->number * 8 + (uint64_t)(word.p[i] - '0');
	}
	return r->v->number >= r->slot->least &&
	    r->v->number <= r->slot->most;
}

/* Signs that need no quoting in an address (RFC 5322 3.2.3). */
static bool
read_sign(struct reading *r)
{
	struct slice word = r->miss->words->v[*r->at];

	if (slice_ieq(word, SLICE("nothing")))
		return true;
	if (word.n != 1 || word.p[0] == '\0' ||
	    strchr("+-_=~", word.p[0]) == NULL)
		return false;
	r->v->number = (unsigned char)word.p[0];
	return true;
}

/* ---- all kinds together */

static bool
read_kind(struct reading *r)
{
	const struct slot *slot = r->slot;
	struct slice word = r->miss->words->v[*r->at];

	r->v->text = word;
	switch (slot->kind) {
	case SLOT_HOST: return word_is_host(word);
	case SLOT_ADDRESS: return word_is_address(word);
	case SLOT_PATH: return word_is_path(word) && word.n <= slot->most;
	case SLOT_PLACE: return word_is_place(word) && word.n <= slot->most;
	case SLOT_USER: return word_is_user(word);
	case SLOT_NAME: return word_is_name(word) && word.n <= slot->most;
	case SLOT_MAILBOX: return word_is_mailbox(word) &&
		    word.n <= slot->most;
	case SLOT_IP: return read_ip(r);
	case SLOT_NUMBER:
		return slice_u64(word, slot->most, &r->v->number) &&
		    r->v->number >= slot->least;
	case SLOT_SIZE: case SLOT_TIME: return read_amount(r);
	case SLOT_QUOTA: return read_quota(r);
	case SLOT_MODE: return read_mode(r);
	case SLOT_SIGN: return read_sign(r);
	default: return read_choice(r);
	}
}

static const char *const kind_wants[SLOT_KINDS] = {
	[SLOT_HOST] = "a host name",
	[SLOT_ADDRESS] = "an address such as admin@example.org",
	[SLOT_PATH] = "a path from /",
	[SLOT_PLACE] = "\"stderr\" or a path from /",
	[SLOT_USER] = "a system user, by name or number and not root",
	[SLOT_NAME] = "a user name",
	[SLOT_MAILBOX] = "the name of a mailbox, not INBOX, without / * and %",
	[SLOT_IP] = "an IPv4 or IPv6 address or *",
	[SLOT_NUMBER] = "a number",
	[SLOT_SIZE] = "a size",
	[SLOT_TIME] = "a time",
	[SLOT_QUOTA] = "\"none\" or a size",
	[SLOT_MODE] = "an octal file mode such as 0660",
	[SLOT_SIGN] = "\"nothing\" or one of + - _ = ~",
};

static void
want_kind(const struct slot *slot, struct miss *m, unsigned at)
{
	const struct unit *units = units_of(slot->kind);
	struct buf b = { 0 };

	if (kind_wants[slot->kind] == NULL) {
		want_choice(slot, m, at);
		return;
	}
	buf_str(&b, kind_wants[slot->kind]);
	switch (slot->kind) {
	case SLOT_NUMBER:
		buf_printf(&b, " from %llu to %llu",
		    (unsigned long long)slot->least,
		    (unsigned long long)slot->most);
		break;
	case SLOT_SIZE: case SLOT_TIME: case SLOT_QUOTA:
		buf_str(&b, " from ");
		amount_show(units, slot->least, &b);
		buf_str(&b, " to ");
		amount_show(units, slot->most, &b);
		break;
	case SLOT_PATH: case SLOT_PLACE: case SLOT_MAILBOX:
		buf_printf(&b, " of at most %llu bytes",
		    (unsigned long long)slot->most);
		break;
	default:
		break;
	}
	miss_want(m, at, arena_slice(m->arena, buf_view(&b)));
	buf_free(&b);
}

bool
slot_read(const struct slot *slot, struct miss *m, unsigned *at,
    struct value *v, struct arena *arena)
{
	unsigned first = *at;
	struct reading r = { slot, m, at, v, arena };

	*v = (struct value){ 0 };
	if (first < m->words->n && read_kind(&r)) {
		++*at;
		return true;
	}
	want_kind(slot, m, first);
	return false;
}

bool
kind_is_text(enum slot_kind kind)
{
	return kind <= SLOT_IP;
}

/* Fields are as wide as their type says: 1, 4 or 8 bytes. */
void
slot_store(const struct slot *slot, void *base, size_t index,
    const struct value *v)
{
	char *to = (char *)base + slot->offset + index * slot->size;
	uint32_t n32 = (uint32_t)v->number;
	uint8_t n8 = (uint8_t)v->number;

	if (kind_is_text(slot->kind))
		memcpy(to, &v->text, sizeof v->text);
	else if (slot->size == sizeof v->number)
		memcpy(to, &v->number, sizeof v->number);
	else if (slot->size == sizeof n32)
		memcpy(to, &n32, sizeof n32);
	else
		memcpy(to, &n8, sizeof n8);
}

struct value
slot_load(const struct slot *slot, const void *base, size_t index)
{
	const char *from = (const char *)base + slot->offset +
	    index * slot->size;
	struct value v = { 0 };
	uint32_t n32;

	if (kind_is_text(slot->kind))
		memcpy(&v.text, from, sizeof v.text);
	else if (slot->size == sizeof v.number)
		memcpy(&v.number, from, sizeof v.number);
	else if (slot->size == sizeof n32) {
		memcpy(&n32, from, sizeof n32);
		v.number = n32;
	} else
		v.number = (unsigned char)*from;
	return v;
}

/* Quoted where a blank would end the word, or # begin a comment. */
static void
text_show(struct slice s, struct buf *b)
{
	bool quote = slice_find(s, ' ') < s.n || slice_find(s, '\t') < s.n ||
	    slice_starts(s, SLICE("#"));

	buf_str(b, quote ? "\"" : "");
	buf_slice(b, s);
	buf_str(b, quote ? "\"" : "");
}

void
slot_show(const struct slot *slot, const struct value *v, struct buf *b)
{
	uint64_t n = v->number;

	switch (slot->kind) {
	case SLOT_NUMBER: buf_u64(b, n); break;
	case SLOT_MODE: buf_printf(b, "%04o", (unsigned)n); break;
	case SLOT_QUOTA:
		if (n == 0) {
			buf_str(b, "none");
			break;
		}
		/* FALLTHROUGH */
	case SLOT_SIZE: case SLOT_TIME:
		amount_show(units_of(slot->kind), n, b);
		break;
	case SLOT_SIGN:
		if (n == 0)
			buf_str(b, "nothing");
		else
			buf_char(b, (char)n);
		break;
	default:
		if (kind_is_text(slot->kind))
			text_show(v->text, b);
		else
			buf_str(b, choice(slot->kind, (unsigned)n));
	}
}
