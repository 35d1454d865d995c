/*
 * The values of the spool's rows: what was put comes back, and nothing else
 * is believed (PARSE-2, IPC-2).
 */
#include <check.h>
#include <stdlib.h>

#include "queue/rows.h"
#include "tests/unit/suite.h"

static struct envelope_row
envelope(void)
{
	return (struct envelope_row){ .return_path = SLICE("s@x"),
		.sender = 2, .user = 77, .client = SLICE("192.0.2.1"),
		.session = UINT64_MAX, .envid = SLICE("QQ314159"), .ret = 1,
		.smtputf8 = 1, .accepted = 1700000000123u, .size = 5,
		.token = SLICE("\0\r\n"), .aside = 1, .report = 1,
		.before = SLICE("Received: x\r\n"), .after = SLICE(""),
		.eightbit = 1 };
}

START_TEST(test_envelope)
{
	struct envelope_row in = envelope(), out;
	struct buf b = { 0 };

	envelope_put(&b, &in);
	ck_assert(envelope_get(buf_view(&b), &out));
	ck_assert(slice_eq(out.return_path, in.return_path));
	ck_assert(slice_eq(out.client, in.client));
	ck_assert(slice_eq(out.envid, in.envid));
	ck_assert(slice_eq(out.token, in.token));
	ck_assert(slice_eq(out.before, in.before));
	ck_assert(slice_eq(out.after, in.after));
	ck_assert_uint_eq(out.sender, in.sender);
	ck_assert_uint_eq(out.user, in.user);
	ck_assert_uint_eq(out.session, in.session);
	ck_assert_uint_eq(out.ret, in.ret);
	ck_assert_uint_eq(out.smtputf8, in.smtputf8);
	ck_assert_uint_eq(out.accepted, in.accepted);
	ck_assert_uint_eq(out.size, in.size);
	ck_assert_uint_eq(out.aside, in.aside);
	ck_assert_uint_eq(out.report, in.report);
	ck_assert_uint_eq(out.eightbit, 1);
	buf_free(&b);
}
END_TEST

START_TEST(test_recipient)
{
	struct recipient_row in = { .address = SLICE("a@x"), .local = 1,
		.notify = 6, .orcpt = SLICE("rfc822;b@x"), .state = 4,
		.parent = 3, .tries = 9, .next = 12345678901u,
		.code = SLICE("4.3.0"), .why = SLICE("away"),
		.remote = SLICE("mx.far [192.0.2.9]"), .last = 12345678902u,
		.return_path = SLICE("srs0=x@y"), .since = 12345678903u,
		.put_off = 8, .outcome = 3, .held = 1, .warned = 1,
		.refuse = 1 }, out;
	struct buf b = { 0 };

	recipient_put(&b, &in);
	ck_assert(recipient_get(buf_view(&b), &out));
	ck_assert(slice_eq(out.address, in.address));
	ck_assert(slice_eq(out.orcpt, in.orcpt));
	ck_assert(slice_eq(out.code, in.code));
	ck_assert(slice_eq(out.why, in.why));
	ck_assert_uint_eq(out.local, 1);
	ck_assert_uint_eq(out.notify, 6);
	ck_assert_uint_eq(out.state, 4);
	ck_assert_uint_eq(out.parent, 3);
	ck_assert_uint_eq(out.tries, 9);
	ck_assert_uint_eq(out.next, in.next);
	ck_assert(slice_eq(out.remote, in.remote));
	ck_assert(slice_eq(out.return_path, in.return_path));
	ck_assert_uint_eq(out.last, in.last);
	ck_assert_uint_eq(out.since, in.since);
	ck_assert_uint_eq(out.put_off, 8);
	ck_assert_uint_eq(out.outcome, 3);
	ck_assert_uint_eq(out.held, 1);
	ck_assert_uint_eq(out.warned, 1);
	ck_assert_uint_eq(out.refuse, 1);
	buf_free(&b);
}
END_TEST

/* The form on disk, byte by byte: a change here is a new version. */
START_TEST(test_golden)
{
	static const char want[] = "\1" "\0\0\0\3" "a@x" "\1" "\0"
	    "\0\0\0\0" "\0" "\0\0\0\2" "\0\0\0\0" "\0\0\0\0\0\0\1\0"
	    "\0\0\0\0" "\0\0\0\0"
	    "\0\0\0\0" "\0\0\0\0\0\0\0\7" "\0\0\0\0"
	    "\0\0\0\0\0\0\0\0" "\0\0\0\0" "\0" "\1" "\0" "\0";
	struct recipient_row in = { .address = SLICE("a@x"), .local = 1,
		.parent = 2, .next = 256, .last = 7, .held = 1 };
	struct buf b = { 0 };

	recipient_put(&b, &in);
	ck_assert_uint_eq(b.n, sizeof want - 1);
	ck_assert_mem_eq(b.p, want, b.n);
	buf_free(&b);
}
END_TEST

/* What the first version wrote is read, with nothing in what it lacked. */
START_TEST(test_older)
{
	static const char old[] = "\1" "\0\0\0\3" "a@x" "\1" "\0"
	    "\0\0\0\0" "\0" "\0\0\0\2" "\0\0\0\0" "\0\0\0\0\0\0\1\0"
	    "\0\0\0\0" "\0\0\0\0";
	struct recipient_row out;

	ck_assert(recipient_get(slice_of(old, sizeof old - 1), &out));
	ck_assert_uint_eq(out.next, 256);
	ck_assert_uint_eq(out.remote.n + out.return_path.n, 0);
	ck_assert_uint_eq(out.last + out.since + out.held + out.refuse, 0);
}
END_TEST

/* Cut anywhere inside a field it is refused; at the end of one the rest is
   what an older version did not have. */
START_TEST(test_cut)
{
	struct envelope_row in = envelope(), out;
	struct buf b = { 0 };
	size_t good = 0;

	envelope_put(&b, &in);
	for (size_t n = 0; n < b.n; n++) {
		/* At its own length, so that a sanitizer sees an overrun. */
		char *copy = mem_alloc(n + 1);

		for (size_t i = 0; i < n; i++)
			copy[i] = b.p[i];
		good += envelope_get(slice_of(copy, n), &out);
		free(copy);
	}
	/* 16 fields: one end of each but the last, and inside of none but
	   behind the length of an empty text. */
	ck_assert_uint_le(good, 16);
	ck_assert_uint_ge(good, 14);
	buf_char(&b, 'x');
	ck_assert(!envelope_get(buf_view(&b), &out));
	buf_free(&b);
}
END_TEST

/* Another version, a line break in a text, a length past the end. */
START_TEST(test_wrong)
{
	struct recipient_row in = { .address = SLICE("a\nx") }, out;
	struct buf b = { 0 };

	recipient_put(&b, &in);
	ck_assert(!recipient_get(buf_view(&b), &out));
	b.p[6] = '@';
	ck_assert(recipient_get(buf_view(&b), &out));
	b.p[1] = (char)0xff;
	ck_assert(!recipient_get(buf_view(&b), &out));
	b.p[1] = 0;
	b.p[0] = ROWS_VERSION + 1;
	ck_assert(!recipient_get(buf_view(&b), &out));
	ck_assert(!recipient_get(SLICE(""), &out));
	ck_assert(!recipient_get(SLICE("\1"), &out));
	buf_free(&b);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("queue rows");
	TCase *t = tcase_create("rows");

	tcase_add_test(t, test_envelope);
	tcase_add_test(t, test_recipient);
	tcase_add_test(t, test_golden);
	tcase_add_test(t, test_older);
	tcase_add_test(t, test_cut);
	tcase_add_test(t, test_wrong);
	suite_add_tcase(s, t);
	return suite_end(s);
}
