#include "auth/name.h"

#include <string.h>

bool
name_make(struct name *name, struct slice local, struct slice domain)
{
	struct slice parts[] = { domain, { "", 1 }, local };

	name->n = 0;
	if (domain.n + 1 + local.n > sizeof name->text)
		return false;
	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < parts[i].n; j++) {
			char c = parts[i].p[j];
			name->text[name->n++] =
			    c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
		}
	return true;
}

struct slice
name_view(const struct name *name)
{
	return slice_of(name->text, name->n);
}

struct slice
name_domain(struct slice name)
{
	return slice_take(name, slice_find(name, '\0'));
}

struct slice
name_local(struct slice name)
{
	return slice_drop(name, slice_find(name, '\0') + 1);
}

/* Dot-string of RFC 5321 4.1.2, and octets over 127 (RFC 6531 3.3). */
static bool
needs_quotes(struct slice local)
{
	static const char special[] = "\"(),:;<>@[\\] \t";
	char before = '.';

	for (size_t i = 0; i < local.n; i++) {
		unsigned char c = (unsigned char)local.p[i];
		if (c < 32 || c == 127 || strchr(special, c) != NULL ||
		    (c == '.' && before == '.'))
			return true;
		before = (char)c;
	}
	return before == '.';
}

void
name_print(struct buf *to, struct slice name)
{
	struct addr a = { .local = name_local(name),
		.domain = name_domain(name) };

	if (a.local.n > 0 && needs_quotes(a.local))
		a.flags = ADDR_QUOTED;
	addr_print(to, &a);
}

struct slice
name_text(struct arena *arena, struct slice name)
{
	struct buf b = { 0 };
	struct slice text;

	name_print(&b, name);
	text = arena_slice(arena, buf_view(&b));
	buf_free(&b);
	return text;
}

bool
address_read(struct arena *arena, struct slice text, struct addr *a)
{
	struct addr_error error;

	return text.n <= ADDR_PATH_MAX && addr_parse(arena, text,
	    ADDR_MAY_BARE | ADDR_MAY_UTF8, a, &error);
}

bool
address_name(struct arena *arena, struct slice text, bool catch_all,
    struct name *name)
{
	struct slice domain;
	struct addr a;

	if (catch_all && slice_starts(text, SLICE("@")))
		return addr_domain(arena, slice_drop(text, 1), ADDR_MAY_UTF8,
		    &domain) && name_make(name, slice_of("", 0), domain);
	return address_read(arena, text, &a) && a.local.n > 0 &&
	    a.domain.n > 0 && (a.flags & ADDR_LITERAL) == 0 &&
	    name_make(name, a.local, a.domain);
}
