/*
 * A digest is hostile input: what is said of it ends, is no longer than some
 * times the digest, and is a value of the grammar: parentheses, quoted strings
 * and literals come out even (RFC 9051 7.5.2 and 9).
 *
 * The first octet says whether the rest is a digest (bit 0) or a message that
 * one is made of.
 */
#include "imapd/structure.h"
#include "tests/session.h"	/* what imapd is linked with here */

int	LLVMFuzzerTestOneInput(const unsigned char *, size_t);

/* Behind a literal's head. */
static size_t
literal_end(struct slice s, size_t at)
{
	size_t n = 0;

	for (; at < s.n && s.p[at] != '}'; at++) {
		CHECK(s.p[at] >= '0' && s.p[at] <= '9');
		n = n * 10 + (size_t)(s.p[at] - '0');
	}
	CHECK(slice_starts(slice_drop(s, at), SLICE("}\r\n")));
	CHECK(s.n - at - 3 >= n);
	return at + 3 + n;
}

static size_t
quoted_end(struct slice s, size_t at, bool utf8)
{
	for (; at < s.n && s.p[at] != '"'; at++) {
		CHECK(s.p[at] != '\r' && s.p[at] != '\n' && s.p[at] != '\0');
		CHECK(utf8 || (unsigned char)s.p[at] < 0x80);
		if (s.p[at] == '\\')
			at++;
	}
	CHECK(at < s.n);
	return at + 1;
}

/* One parenthesized list from the first octet to the last. */
static void
check_value(struct slice s, bool utf8)
{
	size_t depth = 0, at = 0;

	do {
		char c = at < s.n ? s.p[at++] : '\0';

		CHECK(c != '\0' && (depth > 0 || c == '('));
		if (c == '(')
			depth++;
		else if (c == ')')
			depth--;
		else if (c == '"')
			at = quoted_end(s, at, utf8);
		else if (c == '{')
			at = literal_end(s, at);
		else
			CHECK(c == ' ' || (c >= '0' && c <= '9') || c == 'N' ||
			    c == 'I' || c == 'L');
	} while (depth > 0);
	CHECK(at == s.n);
}

static void
print(const struct digest *d)
{
	struct buf out = { 0 };

	for (int way = 0; way < 4; way++) {
		buf_clear(&out);
		structure_print(&out, d, (way & 1) != 0, (way & 2) != 0);
		check_value(buf_view(&out), (way & 2) != 0);
		CHECK(out.n <= 32 * d->bytes.n + 1000);
	}
	buf_clear(&out);
	envelope_print(&out, d, 0, false);
	check_value(buf_view(&out), false);
	CHECK(out.n <= 8 * d->bytes.n + 1000);
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct slice s = slice_of((const char *)data + 1, n > 0 ? n - 1 : 0);
	struct buf made = { 0 };
	struct digest d;

	if (n > 0 && (data[0] & 1) == 0) {
		digest_make(&made, s);
		s = buf_view(&made);
		CHECK(digest_open(&d, s, 0) == DIGEST_OK);
		print(&d);
	} else if (n > 0 && digest_open(&d, s, 0) == DIGEST_OK)
		print(&d);
	buf_free(&made);
	return 0;
}
