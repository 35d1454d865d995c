#include "auth/srs.h"

#include <string.h>

#include "auth/name.h"
#include "auth/secret.h"

enum { HASH_DIGITS = 6, DAY_DIGITS = 2, DAYS = 1024 };

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static void
put_number(struct buf *b, uint64_t v, unsigned n)
{
	while (n-- > 0)
		buf_char(b, digits[v >> 5 * n & 31]);
}

static bool
get_number(struct slice s, uint64_t *v)
{
	*v = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		const char *digit;

		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (c == '\0' || (digit = strchr(digits, c)) == NULL)
			return false;
		*v = *v << 5 | (uint64_t)(digit - digits);
	}
	return true;
}

/* ---- the hash */

static struct slice
folded(struct arena *arena, struct slice s)
{
	char *p = arena_alloc(arena, s.n + 1);

	for (size_t i = 0; i < s.n; i++)
		p[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ?
		    (char)(s.p[i] - 'A' + 'a') : s.p[i];
	return slice_of(p, s.n);
}

/* kind keeps what was made as SRS0 from being read as SRS1. */
static uint64_t
hash(struct arena *arena, const struct srs_key *key, const char *kind,
    struct slice day, struct slice domain, struct slice rest)
{
	struct slice parts[] = { slice_str(kind), folded(arena, day),
		folded(arena, domain), folded(arena, rest) };
	unsigned char digest[SECRET_HASH];
	uint64_t v = 0;

	keyed_hash(slice_of(key->bytes, SRS_KEY), parts, 4, digest);
	for (unsigned i = 0; i < 4; i++)
		v = v << 8 | digest[i];
	return v >> (32 - 5 * HASH_DIGITS);
}

/* Do the digits say this number? */
static bool
is_hash(struct slice s, uint64_t wanted)
{
	uint64_t v;

	return s.n == HASH_DIGITS && get_number(s, &v) && v == wanted;
}

/* ---- making one */

/* Cuts "SRS0" or "SRS1" off, and for SRS1 the sign behind it; what follows
   the 0 belongs to whoever made it. */
static bool
starts(struct slice *s, char kind)
{
	if (s->n < 5 || !slice_ieq(slice_take(*s, 3), SLICE("SRS")) ||
	    s->p[3] != kind || strchr("=+-", s->p[4]) == NULL)
		return false;
	*s = slice_drop(*s, kind == '0' ? 4 : 5);
	return true;
}

/* What another forwarder made, taken apart: who was the first, and what he
   needs to find the sender. */
static bool
is_forwarded(struct arena *arena, const struct addr *sender,
    struct slice *first, struct slice *rest)
{
	struct slice s = sender->local, h;

	if (starts(&s, '0')) {
		*first = sender->domain;
		*rest = s;
		return true;
	}
	if (!starts(&s, '1'))
		return false;
	h = slice_cut(&s, '=');
	*rest = slice_drop(s, slice_find(s, '=') + 1);
	return h.n > 0 && rest->n > 0 && addr_domain(arena,
	    slice_take(s, slice_find(s, '=')), ADDR_MAY_UTF8, first);
}

static void
put_forwarded(struct buf *b, struct arena *arena, const struct srs_key *key,
    struct slice first, struct slice rest)
{
	buf_str(b, "SRS1=");
	put_number(b, hash(arena, key, "1", slice_of("", 0), first, rest),
	    HASH_DIGITS);
	buf_char(b, '=');
	buf_slice(b, first);
	buf_char(b, '=');
	buf_slice(b, rest);
}

static void
put_sender(struct buf *b, struct arena *arena, const struct srs_key *key,
    const struct addr *sender, uint64_t day)
{
	struct buf stamp = { 0 };

	put_number(&stamp, day % DAYS, DAY_DIGITS);
	buf_str(b, "SRS0=");
	put_number(b, hash(arena, key, "0", buf_view(&stamp), sender->domain,
	    sender->local), HASH_DIGITS);
	buf_char(b, '=');
	buf_slice(b, buf_view(&stamp));
	buf_char(b, '=');
	buf_slice(b, sender->domain);
	buf_char(b, '=');
	buf_slice(b, sender->local);
	buf_free(&stamp);
}

struct slice
srs_make(struct arena *arena, const struct srs_key *key,
    const struct addr *sender, struct slice domain, uint64_t day)
{
	struct buf name = { 0 };
	struct slice first, rest, text;

	if (sender->local.n == 0)
		return slice_of("", 0);
	buf_slice(&name, domain);
	buf_char(&name, '\0');
	if (is_forwarded(arena, sender, &first, &rest))
		put_forwarded(&name, arena, key, first, rest);
	else
		put_sender(&name, arena, key, sender, day);
	text = name_text(arena, buf_view(&name));
	buf_free(&name);
	return text.n + 2 <= ADDR_PATH_MAX ? text : slice_of("", 0);
}

/* ---- reading one */

static struct slice
address(struct arena *arena, struct slice local, struct slice domain)
{
	struct buf name = { 0 };
	struct slice text;

	buf_slice(&name, domain);
	buf_char(&name, '\0');
	buf_slice(&name, local);
	text = name_text(arena, buf_view(&name));
	buf_free(&name);
	return text;
}

/* Made today or in the SRS_DAYS before; tomorrow, if a clock was set back. */
static bool
is_fresh(struct slice stamp, uint64_t day)
{
	uint64_t made, age;

	if (stamp.n != DAY_DIGITS || !get_number(stamp, &made))
		return false;
	age = (day + DAYS - made) % DAYS;
	return age <= SRS_DAYS || age == DAYS - 1;
}

/* "=HASH=DD=domain=local" */
static bool
read_sender(struct arena *arena, const struct srs_key *key, struct slice s,
    uint64_t day, struct slice *found)
{
	struct slice h, stamp, domain;

	slice_cut(&s, '=');
	h = slice_cut(&s, '=');
	stamp = slice_cut(&s, '=');
	domain = slice_cut(&s, '=');
	if (domain.n == 0 || s.n == 0 || !is_fresh(stamp, day) ||
	    !is_hash(h, hash(arena, key, "0", stamp, domain, s)))
		return false;
	*found = address(arena, s, domain);
	return true;
}

/* "HASH=first=rest" */
static bool
read_forwarded(struct arena *arena, const struct srs_key *key, struct slice s,
    struct slice *found)
{
	struct slice h = slice_cut(&s, '='), first = slice_cut(&s, '=');
	struct buf local = { 0 };

	if (first.n == 0 || s.n == 0 || !is_hash(h, hash(arena, key, "1",
	    slice_of("", 0), first, s)))
		return false;
	buf_str(&local, "SRS0");
	buf_slice(&local, s);
	*found = address(arena, buf_view(&local), first);
	buf_free(&local);
	return true;
}

enum srs
srs_read(struct arena *arena, const struct srs_key *key, struct slice local,
    uint64_t day, struct slice *found)
{
	bool good;

	if (starts(&local, '0'))
		good = read_sender(arena, key, local, day, found);
	else if (starts(&local, '1'))
		good = read_forwarded(arena, key, local, found);
	else
		return SRS_NOT;
	return good ? SRS_GOOD : SRS_BAD;
}
