/* Words of a certain form: host names, addresses, users, paths. */
#include <string.h>

#include "common/core/conf_parts.h"
#include "common/core/utf8.h"

static bool
alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

static bool
label_ok(struct slice s)
{
	if (s.n == 0 || s.n > 63 || s.p[0] == '-' || s.p[s.n - 1] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!alnum(s.p[i]) && s.p[i] != '-')
			return false;
	return true;
}

/* A Domain of RFC 5321 4.1.2; the final dot of the DNS is not part of it. */
bool
word_is_host(struct slice s)
{
	if (s.n == 0 || s.n > 253 || s.p[s.n - 1] == '.')
		return false;
	while (s.n > 0)
		if (!label_ok(slice_cut(&s, '.')))
			return false;
	return true;
}

/* Dot-string "@" Domain of RFC 5321 4.1.2. */
bool
word_is_address(struct slice s)
{
	struct slice local = slice_cut(&s, '@'), atom;

	if (local.n == 0 || local.n > 64 || local.p[local.n - 1] == '.')
		return false;
	while (local.n > 0) {
		atom = slice_cut(&local, '.');
		if (atom.n == 0)
			return false;
		for (size_t i = 0; i < atom.n; i++)
			if (!alnum(atom.p[i]) && (atom.p[i] == '\0' ||
			    strchr("!#$%&'*+-/=?^_`{|}~", atom.p[i]) == NULL))
				return false;
	}
	return word_is_host(s);
}

/* What a login is called elsewhere is not ours to say; this is what needs no
   quoting anywhere. */
bool
word_is_name(struct slice word)
{
	for (size_t i = 0; i < word.n; i++)
		if (!alnum(word.p[i]) &&
		    (word.p[i] == '\0' ||
		    strchr("@._+-=~#%/\\", word.p[i]) == NULL))
			return false;
	return word.n > 0;
}

/* As useradd(8) takes it, or a number; but not root. */
bool
word_is_user(struct slice s)
{
	uint64_t uid;

	if (slice_u64(s, UINT32_MAX - 1, &uid))
		return uid != 0;
	if (s.n == 0 || s.n > 32 || slice_eq(s, SLICE("root")) ||
	    !(s.p[0] == '_' || (s.p[0] >= 'a' && s.p[0] <= 'z')))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!alnum(s.p[i]) && s.p[i] != '_' && s.p[i] != '-')
			return false;
	return true;
}

bool
word_is_path(struct slice s)
{
	return s.n > 0 && s.p[0] == '/';
}

bool
word_is_place(struct slice s)
{
	return slice_eq(s, SLICE("stderr")) || word_is_path(s);
}

bool
word_is_mailbox(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '/' || s.p[i] == '*' || s.p[i] == '%')
			return false;
	return s.n > 0 && utf8_is_text(s) && !slice_ieq(s, SLICE("INBOX"));
}
