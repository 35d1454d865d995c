/* A digest says of a message what ENVELOPE, BODYSTRUCTURE and BODY[section]
   ask (RFC 9051 7.5.2), wherever its bytes were cut when they came, and a bad
   digest is never believed. */
#include "common/mail/digest.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/suite.h"

#define S(lit)	SLICE(lit)

/* The digest of a message fed in pieces; the caller frees b. */
static struct digest
digest_of(struct buf *b, struct slice message, size_t piece)
{
	struct digester *d = digester_new(NULL);
	struct digest out;

	while (message.n > 0) {
		digester_feed(d, slice_take(message, piece));
		message = slice_drop(message, piece);
	}
	digester_end(d, b);
	ck_assert_int_eq(digest_open(&out, buf_view(b), 0), DIGEST_OK);
	return out;
}

static void
show(struct buf *b, struct slice s)
{
	if (s.p == NULL)
		buf_char(b, '-');
	else
		buf_slice(b, s);
	buf_char(b, ' ');
}

static void
show_pairs(struct buf *b, struct digest_list l)
{
	struct slice name, value;

	while (digest_pair(&l, &name, &value)) {
		buf_slice(b, name);
		buf_char(b, '=');
		show(b, value);
	}
}

/* One line a part: depth as indent, then type, offsets, lines. */
static void
show_tree(struct buf *b, const struct digest *d, uint32_t number, int depth)
{
	struct digest_part p;

	ck_assert(digest_part(d, number, &p));
	for (int i = 0; i < depth; i++)
		buf_char(b, '.');
	buf_printf(b, "%.*s/%.*s %d %d %d %d\n", (int)p.type.n, p.type.p,
	    (int)p.subtype.n, p.subtype.p, (int)p.header_at, (int)p.body_at,
	    (int)p.end_at, (int)p.lines);
	for (uint32_t c = p.child; c != 0; c = p.next) {
		show_tree(b, d, c, depth + 1);
		ck_assert(digest_part(d, c, &p));
	}
}

/* ------------------------------------------------------------ structure */

static const struct {
	struct slice	 message, tree;
} trees[] = {
	{ S(""), S("text/plain 0 0 0 0\n") },
	{ S("\r\n"), S("text/plain 0 2 2 0\n") },
	{ S("A: b\r\n\r\nbody\r\n"), S("text/plain 0 8 14 1\n") },
	{ S("A: b\n\nbody"), S("text/plain 0 6 10 0\n") },
	{ S("A: b"), S("text/plain 0 4 4 0\n") },
	{ S("Content-Type: nonsense\r\n\r\nx"), S("text/plain 0 26 27 0\n") },
	/* A multipart with preamble and epilogue; the line end in front of a
	   boundary belongs to it (RFC 2046 5.1.1). */
	{ S("Content-Type: multipart/mixed; boundary=b\r\n\r\n"	/* 45 */
	    "preamble\r\n--b\r\n"				/* 60 */
	    "Content-Type: text/html\r\n\r\n1\r\n2\r\n\r\n--b \t\r\n"
	    "\r\n3\r\n--b--\r\nepilogue\r\n"),
	    S("multipart/mixed 0 45 124 12\n"
	    ".text/html 60 87 93 2\n.text/plain 102 104 105 0\n") },
	/* Empty parts. */
	{ S("Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	    "--b\r\n\r\n--b\r\n\r\n\r\n--b--"),
	    S("multipart/mixed 0 45 66 5\n"
	    ".text/plain 50 52 52 0\n.text/plain 57 59 59 0\n") },
	/* A boundary inside a header ends the part. */
	{ S("Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	    "--b\r\nContent-Type: image/png\r\n--b\r\n\r\nx\r\n--b--\r\n"),
	    S("multipart/mixed 0 45 92 6\n"
	    ".image/png 50 75 75 0\n.text/plain 80 82 83 0\n") },
	/* Not boundaries. */
	{ S("Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	    "--bc\r\n--\r\n -b\r\n--b\r\n\r\n--b-\r\n--b--x\r\n-\r\n--B\r\n"),
	    S("multipart/mixed 0 45 89 9\n.text/plain 65 67 89 4\n") },
	/* No boundary, or one never used. */
	{ S("Content-Type: multipart/mixed\r\n\r\n--\r\n\r\nx"),
	    S("multipart/mixed 0 33 40 2\n") },
	{ S("Content-Type: multipart/mixed; boundary=b\r\n\r\nx"),
	    S("multipart/mixed 0 45 46 0\n") },
	/* A message, and one that is encoded. */
	{ S("Content-Type: message/rfc822\r\n\r\n"		/* 32 */
	    "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: "
	    "base64\r\n\r\nAAAA\r\n"),
	    S("message/rfc822 0 32 105 4\n.message/rfc822 32 99 105 1\n") },
	/* multipart/digest: RFC 2046 5.1.5. */
	{ S("Content-Type: multipart/digest; boundary=b\r\n\r\n"	/* 46 */
	    "--b\r\n\r\nSubject: x\r\n\r\ny\r\n--b\r\n"
	    "Content-Type: text/plain\r\n\r\nz\r\n--b--\r\n"),
	    S("multipart/digest 0 46 113 10\n"
	    ".message/rfc822 51 53 68 2\n..text/plain 53 67 68 0\n"
	    ".text/plain 75 103 104 0\n") },
	/* An inner multipart that is not closed ends with the outer one. */
	{ S("Content-Type: multipart/mixed; boundary=a\r\n\r\n"	/* 45 */
	    "--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" /* 95 */
	    "--b\r\n\r\n1\r\n--a\r\n\r\n2\r\n--a--\r\n"),
	    S("multipart/mixed 0 45 122 10\n"
	    ".multipart/mixed 50 95 103 2\n..text/plain 100 102 103 0\n"
	    ".text/plain 110 112 113 0\n") },
	/* One line end ends an empty part and all that it lies in. */
	{ S("Content-Type: multipart/mixed; boundary=a\r\n\r\n"
	    "--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
	    "--b\r\n\r\n--a--\r\n"),
	    S("multipart/mixed 0 45 109 6\n"
	    ".multipart/mixed 50 95 102 2\n..text/plain 100 102 102 0\n") },
	/* A message cut off in the header of its message. */
	{ S("Content-Type: message/rfc822\r\n\r\nSubj"),
	    S("message/rfc822 0 32 36 0\n.text/plain 32 36 36 0\n") },
};

START_TEST(structure)
{
	struct slice m = trees[_i].message;
	struct buf whole = { 0 }, b = { 0 }, text = { 0 };
	struct digest d = digest_of(&whole, m, SIZE_MAX);

	show_tree(&text, &d, 0, 0);
	ck_slice(buf_view(&text), trees[_i].tree);
	ck_assert_uint_eq(d.size, m.n);
	for (size_t piece = 1; piece < 9; piece++) {
		digest_of(&b, m, piece);
		ck_assert(slice_eq(buf_view(&b), buf_view(&whole)));
		buf_clear(&b);
	}
	buf_free(&whole);
	buf_free(&b);
	buf_free(&text);
}
END_TEST

/* ------------------------------------------------------------- sections */

/* The message of RFC 9051 6.4.5.1's table of part numbers. */
static const struct slice numbered = S(
    "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
    "--a\r\n\r\none\r\n"
    "--a\r\nContent-Type: application/octet-stream\r\n\r\ntwo\r\n"
    "--a\r\nContent-Type: message/rfc822\r\n\r\n"
    "Subject: three\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\n\r\nthree-one\r\n"
    "--b\r\nContent-Type: application/octet-stream\r\n\r\nthree-two\r\n"
    "--b--\r\n"
    "--a\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
    "--c\r\nContent-Type: image/gif\r\n\r\nfour-one\r\n"
    "--c\r\nContent-Type: message/rfc822\r\n\r\n"
    "Subject: four-two\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n"
    "--d\r\n\r\nfour-two-one\r\n"
    "--d\r\nContent-Type: multipart/alternative; boundary=e\r\n\r\n"
    "--e\r\n\r\nfour-two-two-one\r\n"
    "--e\r\nContent-Type: text/richtext\r\n\r\nfour-two-two-two\r\n"
    "--e--\r\n--d--\r\n--c--\r\n--a--\r\n");

static const struct {
	uint32_t	 path[5];
	size_t		 n;
	struct slice	 body;		/* how it begins; p NULL: no such part */
} sections[] = {
	{ { 1 }, 1, S("one") },
	{ { 2 }, 1, S("two") },
	{ { 3 }, 1, S("Subject: three\r\n") },
	{ { 3, 1 }, 2, S("three-one") },
	{ { 3, 2 }, 2, S("three-two") },
	{ { 4 }, 1, S("--c\r\n") },
	{ { 4, 1 }, 2, S("four-one") },
	{ { 4, 2 }, 2, S("Subject: four-two") },
	{ { 4, 2, 1 }, 3, S("four-two-one") },
	{ { 4, 2, 2 }, 3, S("--e") },
	{ { 4, 2, 2, 1 }, 4, S("four-two-two-one") },
	{ { 4, 2, 2, 2 }, 4, S("four-two-two-two") },
	{ { 0 }, 1, { NULL, 0 } },
	{ { 5 }, 1, { NULL, 0 } },
	{ { 1, 1 }, 2, { NULL, 0 } },
	{ { 3, 3 }, 2, { NULL, 0 } },
	{ { 3, 0 }, 2, { NULL, 0 } },
	{ { 4, 2, 2, 2, 1 }, 5, { NULL, 0 } },
	{ { 1 }, 0, { NULL, 0 } },
};

START_TEST(section_numbers)
{
	struct buf b = { 0 };
	struct digest d = digest_of(&b, numbered, SIZE_MAX);
	struct digest_part p;
	bool found = digest_find(&d, sections[_i].path, sections[_i].n, &p);

	ck_assert_int_eq(found, sections[_i].body.p != NULL);
	if (found) {
		struct slice s = slice_take(slice_drop(numbered, p.body_at),
		    p.end_at - p.body_at);
		ck_assert(slice_starts(s, sections[_i].body));
		if (p.kind == MIME_LEAF)
			ck_slice(s, sections[_i].body);
	}
	buf_free(&b);
}
END_TEST

/* "Non-multipart messages have only a part 1", also inside a message. */
START_TEST(part_one)
{
	struct slice plain = S("A: b\r\n\r\nbody");
	struct slice inner = S("Content-Type: message/rfc822\r\n\r\n"
	    "A: b\r\n\r\nbody");
	struct buf b = { 0 };
	struct digest d = digest_of(&b, plain, SIZE_MAX);
	struct digest_part p;
	uint32_t path[] = { 1, 1, 1 };

	ck_assert(digest_find(&d, path, 1, &p));
	ck_assert_uint_eq(p.body_at, 8);
	ck_assert(!digest_find(&d, path, 2, &p));
	buf_clear(&b);
	d = digest_of(&b, inner, SIZE_MAX);
	ck_assert(digest_find(&d, path, 1, &p));
	ck_assert_uint_eq(p.body_at, 32);
	ck_assert(digest_find(&d, path, 2, &p));
	ck_assert_uint_eq(p.body_at, 40);
	ck_assert(!digest_find(&d, path, 3, &p));
	buf_free(&b);
}
END_TEST

/* ------------------------------------------------------------- details */

START_TEST(part_details)
{
	struct buf b = { 0 }, t = { 0 };
	struct digest d = digest_of(&b, S(
	    "Content-Type: Text/HTML; charset=utf-8; name*0=a; name*1=b\r\n"
	    "Content-ID:\r\n <1@x>\r\nContent-Description: the\r\n thing\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n"
	    "Content-MD5: q\r\nContent-Location: http://x/\r\n"
	    "Content-Disposition: Attachment; filename*=utf-8''%C3%BC\r\n"
	    "Content-Language: en, de\r\nContent-ID: <2>\r\n\r\n"), SIZE_MAX);
	struct digest_part p;
	struct slice tag;

	ck_assert(digest_part(&d, 0, &p));
	show(&t, p.type);
	show(&t, p.subtype);
	show_pairs(&t, p.params);
	show(&t, p.id);
	show(&t, p.description);
	show(&t, p.encoding);
	show(&t, p.md5);
	show(&t, p.disposition);
	show_pairs(&t, p.disposition_params);
	while (digest_item(&p.languages, &tag))
		show(&t, tag);
	show(&t, p.location);
	ck_slice(buf_view(&t), S("text html charset=utf-8 name=ab <1@x> "
	    "the thing quoted-printable q attachment filename*=\xc3\xbc "
	    "en de http://x/ "));
	buf_free(&b);
	buf_free(&t);
}
END_TEST

static void
show_addresses(struct buf *b, struct digest_list l)
{
	struct address a;

	while (digest_address(&l, &a)) {
		buf_printf(b, "%d", a.kind);
		show(b, a.name);
		show(b, a.local);
		show(b, a.domain);
	}
	buf_char(b, '\n');
}

START_TEST(envelopes)
{
	struct buf b = { 0 }, t = { 0 };
	struct digest d = digest_of(&b, S(
	    "Date: Fri, 21 Nov 1997 09:55:06 -0600\r\n"
	    "From: Ann <ann@example.org>\r\nTo: g:b@c;\r\n"
	    "Subject: =?utf-8?q?a?=\r\n b\r\nMessage-ID: <1@x>\r\n"
	    "Reply-To: r@x\r\nSubject: second\r\nCc:\r\n"
	    "Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\n"),
	    SIZE_MAX);
	struct digest_envelope e;

	ck_assert(digest_envelope(&d, 0, &e));
	ck_assert_int_eq(e.when, 880127706);
	show(&t, e.date);
	show(&t, e.subject);
	show(&t, e.in_reply_to);
	show(&t, e.message_id);
	buf_char(&t, '\n');
	show_addresses(&t, e.from);
	show_addresses(&t, e.sender);
	show_addresses(&t, e.reply_to);
	show_addresses(&t, e.to);
	show_addresses(&t, e.cc);
	ck_slice(buf_view(&t), S("Fri, 21 Nov 1997 09:55:06 -0600 "
	    "=?utf-8?q?a?= b - <1@x> \n0Ann ann example.org \n"
	    "0Ann ann example.org \n0- r x \n1- g - 0- b c 2- - - \n\n"));
	ck_assert(digest_envelope(&d, 1, &e));
	ck_slice(e.subject, S("inner"));
	ck_assert_int_eq(e.when, INT64_MIN);
	ck_assert(!digest_envelope(&d, 2, &e));
	buf_free(&b);
	buf_free(&t);
}
END_TEST

START_TEST(field_index)
{
	struct slice m = S("Received: a\r\nX-Odd: b\r\n c\r\njunk\r\n"
	    "SUBJECT: d\r\n\r\nBody: e\r\n"), name;
	struct buf b = { 0 }, t = { 0 };
	struct digest d = digest_of(&b, m, 3);
	struct digest_fields f = { .begun = false };
	uint64_t at, n;

	ck_assert_int_eq(digest_open(&d, buf_view(&b), 100), DIGEST_OK);
	while (digest_field(&d, &f, &name, &at, &n)) {
		show(&t, name);
		show(&t, slice_take(slice_drop(m, at - 100), n));
	}
	ck_slice(buf_view(&t), S("received Received: a\r\n "
	    "x-odd X-Odd: b\r\n c\r\n subject SUBJECT: d\r\n "));
	buf_free(&b);
	buf_free(&t);
}
END_TEST

/* The store's own lines in front shift everything but the top header. */
START_TEST(head_shifts)
{
	struct buf b = { 0 };
	struct digest d = digest_of(&b, numbered, SIZE_MAX);
	struct digest_part p, q;

	ck_assert(digest_part(&d, 1, &p));
	ck_assert_int_eq(digest_open(&d, buf_view(&b), 7), DIGEST_OK);
	ck_assert(digest_part(&d, 1, &q));
	ck_assert_uint_eq(q.header_at, p.header_at + 7);
	ck_assert_uint_eq(q.end_at, p.end_at + 7);
	ck_assert(digest_part(&d, 0, &q));
	ck_assert_uint_eq(q.header_at, 0);
	ck_assert_uint_eq(d.size, numbered.n + 7);
	buf_free(&b);
}
END_TEST

static const struct {
	struct slice	 message, text;
} previews[] = {
	{ S("\r\n  a\r\n\r\n b\tc \r\n"), S("a b c") },
	{ S("Content-Type: text/plain; charset=iso-8859-1\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n=FC=\r\nx"),
	    S("\xc3\xbcx") },
	{ S("Content-Transfer-Encoding: base64\r\n\r\nYW\r\nJj"), S("abc") },
	{ S("Content-Type: text/html\r\n\r\n<html><head><style>p {x}</style>"
	    "<!-- c --></head><p>a&nbsp;&amp;<br>b<script>x<y</script"), 
	    S("a & b") },
	{ S("Content-Type: multipart/mixed; boundary=b\r\n\r\nno\r\n--b\r\n"
	    "Content-Type: image/png\r\n\r\nno\r\n--b\r\n\r\nyes\r\n--b--"),
	    S("yes") },
	{ S("Content-Type: image/png\r\n\r\nx"), S("") },
	{ S("\r\na\xff\x01\x7f\xe2\x80\xae""b"),
	    S("a\xef\xbf\xbd b") },
	{ S("Content-Type: text/html\r\n\r\na<b"), S("a") },
};

START_TEST(preview)
{
	struct buf b = { 0 };
	struct digest d = digest_of(&b, previews[_i].message, 5);

	ck_slice(digest_preview(&d), previews[_i].text);
	buf_free(&b);
}
END_TEST

START_TEST(preview_length)
{
	struct buf b = { 0 }, m = { 0 };
	struct digest d;

	buf_str(&m, "\r\n");
	for (int i = 0; i < 9999; i++)
		buf_str(&m, "\xc3\xbc\r\n");
	d = digest_of(&b, buf_view(&m), 1000);
	ck_assert_uint_eq(digest_preview(&d).n, 100 * 3);
	buf_free(&b);
	buf_free(&m);
}
END_TEST

/* --------------------------------------------------------------- limits */

/* Levels of multipart inside each other, or messages. */
static void
nest(struct buf *m, int levels, bool messages)
{
	for (int i = 0; i < levels; i++)
		if (messages)
			buf_str(m, "Content-Type: message/rfc822\r\n\r\n");
		else
			buf_printf(m, "Content-Type: multipart/mixed; "
			    "boundary=b%d\r\n\r\n--b%d\r\n", i, i);
	buf_str(m, "\r\nx\r\n");
}

START_TEST(depth_limit)
{
	struct buf b = { 0 }, m = { 0 };
	struct digest d;
	struct digest_part p;

	nest(&m, MIME_DEPTH_MAX, _i == 1);
	d = digest_of(&b, buf_view(&m), 1000);
	ck_assert_uint_eq(d.flags, 0);
	ck_assert_uint_eq(d.n_parts, MIME_DEPTH_MAX + 1);
	ck_assert(digest_part(&d, MIME_DEPTH_MAX, &p));
	buf_clear(&b);
	buf_clear(&m);
	nest(&m, 20 * MIME_DEPTH_MAX, _i == 1);
	d = digest_of(&b, buf_view(&m), 1000);
	ck_assert_uint_eq(d.flags, DIGEST_CUT);
	ck_assert_uint_eq(d.n_parts, MIME_DEPTH_MAX + 1);
	buf_free(&b);
	buf_free(&m);
}
END_TEST

/* n small parts. */
static void
many_parts(struct buf *m, size_t n)
{
	buf_str(m, "Subject: many\r\n"
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (size_t i = 0; i < n; i++)
		buf_str(m, "--b\r\n\r\nx\r\n");
	buf_str(m, "--b--\r\n");
}

START_TEST(degraded)
{
	struct buf b = { 0 }, m = { 0 };
	struct digest d;
	struct digest_envelope e;
	struct digest_part p;

	many_parts(&m, MIME_PARTS_MAX + 10);
	d = digest_of(&b, buf_view(&m), 1000);
	ck_assert_uint_eq(d.flags, DIGEST_DEGRADED | DIGEST_CUT);
	ck_assert_uint_le(b.n, DIGEST_MAX);
	ck_assert_uint_eq(d.n_parts, 1);
	ck_assert_uint_eq(d.size, m.n);
	ck_assert(digest_part(&d, 0, &p));
	ck_assert_uint_eq(p.child, 0);
	ck_assert_uint_eq(p.end_at, m.n);
	ck_assert(digest_envelope(&d, 0, &e));
	ck_slice(e.subject, S("many"));
	ck_slice(digest_preview(&d), S("x"));
	buf_free(&b);
	buf_free(&m);
}
END_TEST

/* Every list of a header as long as can be. */
START_TEST(huge_header)
{
	static const char *const names[] = { "Subject", "To", "Cc", "From",
	    "Content-Language", "Content-Type", "X-Other" };
	struct digest_envelope e;
	struct digest_part p;
	struct digest d;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct buf b = { 0 }, m = { 0 };
		buf_printf(&m, "Date: x\r\n%s: ", names[i]);
		for (int k = 0; k < 20000; k++)
			buf_str(&m, i == 6 ? "\r\nX-0:" : "a@b.example,\r\n ");
		buf_str(&m, "\r\n\r\nbody");
		d = digest_of(&b, buf_view(&m), 999);
		ck_assert_uint_le(b.n, DIGEST_MAX);
		ck_assert(digest_part(&d, 0, &p));
		ck_assert(digest_envelope(&d, 0, &e));
		ck_slice(digest_preview(&d), S("body"));
		buf_free(&b);
		buf_free(&m);
	}
}
END_TEST

/* PARSE-4: twice the message, at most about twice the work. */
static uint64_t
steps(size_t n, int kind)
{
	struct digester *d = digester_new(NULL);
	struct buf m = { 0 };
	uint64_t count;

	switch (kind) {
	case 0:
		many_parts(&m, n);
		break;
	case 1:		/* many boundaries open, each line nearly one */
		nest(&m, 90, false);
		for (size_t i = 0; i < n; i++)
			buf_str(&m, "--b\r\n");
		break;
	case 2:
		buf_str(&m, "To: ");
		for (size_t i = 0; i < n; i++)
			buf_str(&m, "(\"<@a,");
		break;
	case 3:		/* every part with as many parameters as count */
		buf_str(&m, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
		for (size_t i = 0; i < n; i++) {
			if (i % 128 == 0)
				buf_str(&m, "\r\n--b\r\nContent-Type: a/b");
			buf_printf(&m, ";n*%zu=", i % 128);
		}
		break;
	}
	digester_feed(d, buf_view(&m));
	count = digester_steps(d);
	ck_assert_uint_le(count, 40 * m.n + 1000);
	digester_free(d);
	buf_free(&m);
	return count;
}

START_TEST(linear_cost)
{
	uint64_t one = steps(1000, _i);

	for (size_t times = 2; times <= 8; times *= 2)
		ck_assert_uint_le(steps(1000 * times, _i),
		    one * times * 11 / 10 + 1000);
}
END_TEST

/* ------------------------------------------------------------ bad digests */

static void
read_all(const struct digest *d)
{
	struct digest_fields f = { .begun = false };
	struct digest_envelope e;
	struct digest_part p;
	struct address a;
	struct slice s, v;
	uint64_t at, n;

	for (uint32_t i = 0; i < d->n_parts; i++) {
		if (digest_part(d, i, &p)) {
			while (digest_pair(&p.params, &s, &v))
				;
			while (digest_item(&p.languages, &s))
				;
			ck_assert_uint_le(p.header_at, p.body_at);
			ck_assert_uint_le(p.body_at, p.end_at);
			ck_assert_uint_le(p.end_at, d->size);
			ck_assert(p.child == 0 || p.child > i);
			ck_assert(p.next == 0 || p.next > i);
		}
		if (digest_envelope(d, i, &e))
			while (digest_address(&e.from, &a))
				;
	}
	while (digest_field(d, &f, &s, &at, &n))
		ck_assert_uint_le(at + n, d->size);
	digest_preview(d);
}

START_TEST(states)
{
	struct buf b = { 0 };
	struct digest d = digest_of(&b, numbered, SIZE_MAX);

	ck_assert_int_eq(digest_open(&d, S(""), 0), DIGEST_NONE);
	ck_assert_int_eq(digest_open(&d, S("\2xxxxxx"), 0), DIGEST_OTHER);
	ck_assert_int_eq(digest_open(&d, S("\1xxxxxx"), 0), DIGEST_BAD);
	for (size_t n = 1; n < b.n; n++)
		ck_assert_int_eq(digest_open(&d, slice_take(buf_view(&b), n),
		    0), DIGEST_BAD);
	buf_free(&b);
}
END_TEST

/* Each byte set to some other values: nothing is read out of bounds (ASan),
   and what is given out keeps its promises. */
START_TEST(every_byte_changed)
{
	static const char other[] = { 0, 1, 2, 0x7f, '\x80', '\xff' };
	struct buf b = { 0 };
	struct digest d = digest_of(&b, numbered, SIZE_MAX);

	for (size_t i = 0; i < b.n; i++) {
		char was = b.p[i];
		for (size_t k = 0; k < sizeof other; k++) {
			char *copy = malloc(b.n);
			ck_assert_ptr_nonnull(copy);
			b.p[i] = other[k];
			memcpy(copy, b.p, b.n);
			if (digest_open(&d, slice_of(copy, b.n), 3) ==
			    DIGEST_OK)
				read_all(&d);
			free(copy);
		}
		b.p[i] = was;
	}
	buf_free(&b);
}
END_TEST

static void
add(TCase *t)
{
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, structure, 0, COUNT(trees));
	tcase_add_loop_test(t, section_numbers, 0, COUNT(sections));
	tcase_add_test(t, part_one);
	tcase_add_test(t, part_details);
	tcase_add_test(t, envelopes);
	tcase_add_test(t, field_index);
	tcase_add_test(t, head_shifts);
	tcase_add_loop_test(t, preview, 0, COUNT(previews));
	tcase_add_test(t, preview_length);
	tcase_add_loop_test(t, depth_limit, 0, 2);
	tcase_add_test(t, degraded);
	tcase_add_test(t, huge_header);
	tcase_add_loop_test(t, linear_cost, 0, 4);
	tcase_add_test(t, states);
	tcase_add_test(t, every_byte_changed);
}

int
main(void)
{
	return suite_run("digest", add);
}
