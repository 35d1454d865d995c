/* Trace fields say what RFC 5321 4.4 asks, in lines of at most 78 columns, and
   nothing in them can begin another field. */
#include "common/mail/trace.h"

#include "common/mail/header.h"
#include "tests/unit/suite.h"

#define S(lit)	SLICE(lit)

/* The whole field as the queue puts it together. */
static void
received(struct buf *b, struct trace t, const char *id)
{
	struct buf before = { 0 }, after = { 0 };

	trace_received(&t, &before, &after);
	buf_slice(b, buf_view(&before));
	buf_str(b, id);
	buf_slice(b, buf_view(&after));
	buf_free(&before);
	buf_free(&after);
}

static const struct trace usual = {
	.helo = S("client.example"), .client_name = S("host.example.net"),
	.client_ip = S("192.0.2.7"), .by = S("mx.example.org"),
	.tls = S("TLSv1.3 TLS_AES_256_GCM_SHA384"),
	.for_one = S("ann@example.org"), .when = 1795428672, .esmtp = true,
};

START_TEST(a_received_field)
{
	struct buf b = { 0 };

	received(&b, usual, "68a1b2c300000001");
	ck_slice(buf_view(&b), S(
	    "Received: from client.example (host.example.net [192.0.2.7])\r\n"
	    "\tby mx.example.org with ESMTPS (TLSv1.3 "
	    "TLS_AES_256_GCM_SHA384)\r\n"
	    "\tid 68a1b2c300000001 for <ann@example.org>;\r\n"
	    "\tMon, 23 Nov 2026 10:11:12 +0000\r\n"));
	buf_free(&b);
}
END_TEST

START_TEST(unnamed_clients)
{
	struct trace t = usual;
	struct buf b = { 0 };

	t.client_name = S("");
	t.client_ip = S("2001:db8::1");
	t.tls = t.for_one = S("");
	received(&b, t, "1");
	ck_assert(slice_starts(buf_view(&b), S("Received: from client.example "
	    "([IPv6:2001:db8::1])\r\n\tby mx.example.org with ESMTP\r\n"
	    "\tid 1;\r\n\tMon, ")));
	buf_clear(&b);
	t.client_ip = S("");
	t.helo = S("");
	received(&b, t, "1");
	ck_assert(slice_starts(buf_view(&b), S("Received: from unknown\r\n")));
	buf_free(&b);
}
END_TEST

/* RFC 3848 and RFC 6531 4.3. */
static const struct {
	struct trace	 t;
	struct slice	 name;
} names[] = {
	{ { .esmtp = false }, S("SMTP") },
	{ { .esmtp = true }, S("ESMTP") },
	{ { .esmtp = true, .auth = true }, S("ESMTPA") },
	{ { .esmtp = true, .tls = S("x") }, S("ESMTPS") },
	{ { .esmtp = true, .tls = S("x"), .auth = true }, S("ESMTPSA") },
	{ { .lmtp = true }, S("LMTP") },
	{ { .lmtp = true, .tls = S("x"), .auth = true }, S("LMTPSA") },
	{ { .esmtp = true, .utf8 = true, .tls = S("x") }, S("UTF8SMTPS") },
	{ { .lmtp = true, .utf8 = true }, S("UTF8LMTP") },
};

START_TEST(protocol_names)
{
	struct buf b = { 0 };

	trace_with(&b, &names[_i].t);
	ck_slice(buf_view(&b), names[_i].name);
	buf_free(&b);
}
END_TEST

static void
check_shape(struct slice s, size_t fields)
{
	struct field f;

	for (struct slice rest = s; rest.n > 0;)
		ck_assert_uint_le(line_next(&rest).n, 998);
	while (header_next(&s, &f)) {
		ck_assert_uint_gt(fields, 0);
		fields--;
	}
	ck_assert_uint_eq(fields, 0);
	ck_assert_uint_eq(s.n, 0);
}

START_TEST(no_injection)
{
	struct trace t = usual;
	struct buf b = { 0 };

	t.helo = S("x\r\n\r\nEvil: (yes\0\\;");
	t.client_name = S("a)b\nEvil: 2");
	t.tls = S("a\r\nb  c)\n");
	t.for_one = S("a\r\nEvil: 3@b");
	received(&b, t, "1");
	trace_return_path(&b, S("a\r\nEvil: 4"));
	trace_delivered_to(&b, S("a\r\n\r\nb"));
	check_shape(buf_view(&b), 3);
	for (size_t i = 0; i < b.n; i++)
		ck_assert(b.p[i] != '\0' && b.p[i] != '\\');
	buf_free(&b);
}
END_TEST

START_TEST(long_values_fold)
{
	static char text[255];
	struct trace t = usual;
	struct buf b = { 0 };
	struct slice rest;

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = 'x';
	t.helo = t.client_name = t.by = t.for_one = slice_of(text, 70);
	received(&b, t, "0123456789abcdef0123456789abcdef");
	for (rest = buf_view(&b); rest.n > 0;)
		ck_assert_uint_le(line_next(&rest).n, 80);
	check_shape(buf_view(&b), 1);
	buf_clear(&b);
	t.helo = t.client_name = t.by = t.for_one = slice_of(text, 255);
	received(&b, t, "0");
	check_shape(buf_view(&b), 1);
	buf_free(&b);
}
END_TEST

START_TEST(final_fields)
{
	struct buf b = { 0 };

	trace_return_path(&b, S("\"a b\"@c"));
	trace_return_path(&b, S(""));
	trace_delivered_to(&b, S("ann@example.org"));
	ck_slice(buf_view(&b), S("Return-Path: <\"a b\"@c>\r\n"
	    "Return-Path: <>\r\nDelivered-To: ann@example.org\r\n"));
	buf_free(&b);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, a_received_field);
	tcase_add_test(t, unnamed_clients);
	tcase_add_loop_test(t, protocol_names, 0, COUNT(names));
	tcase_add_test(t, no_injection);
	tcase_add_test(t, long_values_fold);
	tcase_add_test(t, final_fields);
}

int
main(void)
{
	return suite_run("trace", add);
}
