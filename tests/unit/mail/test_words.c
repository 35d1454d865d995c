/* Encoded words (RFC 2047) and parameters (RFC 2045 5.1, RFC 2231) become
   UTF-8, however badly they were written. */
#include "common/mail/words.h"

#include "tests/unit/suite.h"

#define S(lit)	SLICE(lit)

static struct arena arena;

/* The first rows are RFC 2047 8. */
static const struct {
	struct slice	 in, out;
} words[] = {
	{ S("(=?ISO-8859-1?Q?a?=)"), S("(a)") },
	{ S("=?ISO-8859-1?Q?a?= b"), S("a b") },
	{ S("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?="), S("ab") },
	{ S("=?ISO-8859-1?Q?a?=  \t =?ISO-8859-1?Q?b?="), S("ab") },
	{ S("=?ISO-8859-1?Q?a_b?="), S("a b") },
	{ S("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?_b?="), S("a b") },
	{ S("=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?="),
	    S("Patrik F\xc3\xa4ltstr\xc3\xb6m") },
	{ S("=?US-ASCII*EN?Q?Keith_Moore?="), S("Keith Moore") },
	{ S("=?utf-8?b?SsO8cmdlbg==?= x"), S("J\xc3\xbcrgen x") },
	/* One character in two words. */
	{ S("=?utf-8?q?=C3?= =?UTF-8?b?vA==?="), S("\xc3\xbc") },
	{ S("=?utf-8?q?=C3?= =?iso-8859-1?q?a?="), S("\xef\xbf\xbd""a") },
	{ S("=?utf-8?q?" "?="), S("") },
	/* No encoded words, or of no charset we know: as they are. */
	{ S("=?koi8-r?q?=C1?= x"), S("=?koi8-r?q?=C1?= x") },
	{ S("=?koi8-r?q?=C1?= =?koi8-r?q?=C2?="),
	    S("=?koi8-r?q?=C1?= =?koi8-r?q?=C2?=") },
	{ S("=?utf-8?x?a?="), S("=?utf-8?x?a?=") },
	{ S("=?utf-8?q?a b?="), S("=?utf-8?q?a b?=") },
	{ S("=?utf-8?q?a"), S("=?utf-8?q?a") },
	{ S("=?utf-8?q?a?"), S("=?utf-8?q?a?") },
	{ S("=?utf-8"), S("=?utf-8") },
	{ S("=?"), S("=?") },
	{ S("=?=?=?utf-8?q?a?="), S("=?=?a") },
	{ S("??q?a?="), S("??q?a?=") },
	{ S("a = b =? c"), S("a = b =? c") },
	{ S("=?utf-8?q?=?="), S("=") },
	{ S("=?utf-8?q?=G1=4?="), S("=G1=4") },
	{ S("=?utf-8?b?!!!?="), S("") },
	{ S("\xff\xc3\xbc"), S("\xef\xbf\xbd\xc3\xbc") },
};

START_TEST(encoded_words)
{
	struct buf b = { 0 };

	words_decode(&b, words[_i].in, NULL);
	ck_slice(buf_view(&b), words[_i].out);
	buf_free(&b);
}
END_TEST

static bool
shout(const struct charsets *cs, struct slice name, struct slice text,
    struct buf *out)
{
	(void)cs;
	if (!slice_ieq(name, S("x-shout")))
		return false;
	buf_slice(out, text);
	buf_char(out, '!');
	return true;
}

START_TEST(other_charsets)
{
	const struct charsets cs = { shout };
	struct buf b = { 0 };

	words_decode(&b, S("=?X-Shout?q?a?= =?x-shout?q?b?= =?y?q?c?="), &cs);
	ck_slice(buf_view(&b), S("ab!=?y?q?c?="));
	buf_free(&b);
}
END_TEST

/* name=value|name=value ... */
static const struct {
	struct slice	 in, value, params;
} fields[] = {
	{ S(" Text/Plain; charset=us-ascii (Plain text)"), S("text/plain"),
	    S("charset=us-ascii|") },
	{ S("text / plain (x) ; CHARSET = \"us-ascii\" ;"), S("text/plain"),
	    S("charset=us-ascii|") },
	{ S("multipart/mixed;\r\n\tboundary=\"a \\\"b\\\" c\""),
	    S("multipart/mixed"), S("boundary=a \"b\" c|") },
	{ S("attachment; filename=my file(1).pdf; size=3"), S("attachment"),
	    S("filename=my file(1).pdf|size=3|") },
	/* RFC 2231 3, 4 and 4.1. */
	{ S("message/external-body; access-type=URL;\r\n URL*0=\"ftp://\";\r\n"
	    " URL*1=\"cs.utk.edu/pub\""), S("message/external-body"),
	    S("access-type=URL|url=ftp://cs.utk.edu/pub|") },
	{ S("application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A"
	    "fun%2A%2A"), S("application/x-stuff"),
	    S("title*=This is **fun**|") },
	{ S("application/x-stuff;\r\n title*0*=us-ascii'en'This%20is%20even%20"
	    "more%20;\r\n title*1*=%2A%2A%2Afun%2A%2A%2A%20;\r\n"
	    " title*2=\"isn't it!\""), S("application/x-stuff"),
	    S("title*=This is even more ***fun*** isn't it!|") },
	{ S("a/b; n*1*=%41; n*0*=utf-8''%C3"), S("a/b"),
	    S("n*=\xef\xbf\xbd""A|") },
	{ S("a/b; n*=iso-8859-1''%fc"), S("a/b"), S("n*=\xc3\xbc|") },
	{ S("a/b; n*=koi8-r''%C1"), S("a/b"), S("n*=koi8-r''%C1|") },
	{ S("a/b; n*=x%41"), S("a/b"), S("n*=xA|") },
	{ S("a/b; n*=%4; m*=''%"), S("a/b"), S("n*=%4|m*=%|") },
	{ S("a/b; n*2=x; n*1=y"), S("a/b"), S("n*2=x|n*1=y|") },
	{ S("a/b; n*x=y; n*0x=z; *=q"), S("a/b"), S("n*x=y|n*0x=z|*=q|") },
	{ S("a/b; n*0=x; n*0=y; n*1=z"), S("a/b"), S("n=xz|n=y|") },
	/* Broken ones. */
	{ S("a/b; x; =y; z=\"q"), S("a/b"), S("z=q|") },
	{ S("a/b; x=\"\"; y="), S("a/b"), S("x=|y=|") },
	{ S("; charset=x"), S(""), S("charset=x|") },
	{ S(""), S(""), S("") },
	{ S("((("), S(""), S("") },
	{ S("a/b;(\\"), S("a/b"), S("") },
	{ S("a/b;x=\"\\"), S("a/b"), S("x=\\|") },
};

START_TEST(parameters)
{
	struct mime_param *v;
	struct slice value;
	struct buf b = { 0 };
	size_t n = params_parse(&arena, fields[_i].in, NULL, &value, &v);

	for (size_t i = 0; i < n; i++) {
		buf_slice(&b, v[i].name);
		buf_char(&b, '=');
		buf_slice(&b, v[i].value);
		buf_char(&b, '|');
	}
	ck_slice(value, fields[_i].value);
	ck_slice(buf_view(&b), fields[_i].params);
	buf_free(&b);
}
END_TEST

START_TEST(encoded_parameter_wins)
{
	struct mime_param *v;
	struct slice value;
	size_t n = params_parse(&arena,
	    S("x; filename=a; filename*=utf-8''b"), NULL, &value, &v);

	ck_slice(params_get(v, n, "filename"), S("b"));
	ck_assert_ptr_null(params_get(v, n, "file").p);
}
END_TEST

START_TEST(parameters_are_bounded)
{
	struct buf b = { 0 };
	struct mime_param *v;
	struct slice value;

	buf_str(&b, "a/b");
	for (int i = 0; i < 3 * PARAMS_MAX; i++)
		buf_printf(&b, "; n*%d=x", i);
	ck_assert_uint_eq(params_parse(&arena, buf_view(&b), NULL, &value, &v),
	    1);
	ck_assert_uint_eq(v[0].value.n, PARAMS_MAX);
	buf_free(&b);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_loop_test(t, encoded_words, 0, COUNT(words));
	tcase_add_test(t, other_charsets);
	tcase_add_loop_test(t, parameters, 0, COUNT(fields));
	tcase_add_test(t, encoded_parameter_wins);
	tcase_add_test(t, parameters_are_bounded);
}

int
main(void)
{
	int failed = suite_run("words", add);

	arena_free(&arena);
	return failed;
}
