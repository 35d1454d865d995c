/* Return paths of what is forwarded (srs.h): made, carried through other
   hosts, and back; forged, old and spoilt ones lead nowhere. */
#include "world.h"

#include "auth/forward.h"
#include "auth/srs.h"

static const struct srs_key	 our_key = { "a secret of thirty-two bytes...." };
static const struct srs_key	 other_key = { "another secret, also 32 bytes..." };

enum { DAY = 20000 };

static struct addr
parsed(struct slice text)
{
	struct addr a;

	if (!address_read(&arena, text, &a))
		ck_abort_msg("no address: \"%.*s\"", (int)text.n, text.p);
	return a;
}

static struct slice
made(const char *sender, const char *domain)
{
	struct addr a = parsed(slice_str(sender));

	return srs_make(&arena, &our_key, &a, slice_str(domain), DAY);
}

static enum srs
found(struct slice address, uint64_t day, struct slice *sender)
{
	return srs_read(&arena, &our_key, parsed(address).local, day, sender);
}

#define ck_back(address, want) do {					\
	struct slice sender_;						\
	ck_assert_int_eq(found(address, DAY, &sender_), SRS_GOOD);	\
	ck_text(sender_, want);						\
} while (0)

#define ck_bad(address) do {						\
	struct slice sender_;						\
	ck_assert_int_eq(found(address, DAY, &sender_), SRS_BAD);	\
} while (0)

static struct slice
changed_case(struct slice s, bool upper)
{
	char *p = arena_str(&arena, s);

	for (size_t i = 0; i < s.n && p[i] != '@'; i++)
		if (upper && p[i] >= 'a' && p[i] <= 'z')
			p[i] = (char)(p[i] - 'a' + 'A');
		else if (!upper && p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] - 'A' + 'a');
	return slice_of(p, s.n);
}

/* The form is that of the public description, and the sender comes back. */
START_TEST(there_and_back)
{
	static const char *const senders[] = { "ann@a.example",
		"Ann.B@a.example", "\"a b\"@a.example", "\"a@b\"@a.example",
		"a=b=c@a.example", "a+b@a.example", "ann@[192.0.2.1]",
		"ann@[IPv6:2001:db8::1]", "j\xc3\xb6rg@a.example",
		"SRS0@a.example", "srs1=@a.example", "SRS1=x=y@a.example",
		"SRS1=hash=.nodomain==x@a.example" };
	struct slice s = made("ann@a.example", "us.example");

	ck_assert_uint_eq(s.n, strlen(
	    "SRS0=HHHHHH=DD=a.example=ann@us.example"));
	ck_assert(slice_starts(s, SLICE("SRS0=")));
	ck_assert(slice_starts(slice_drop(s, 14), SLICE("=a.example=ann@us")));
	for (size_t i = 0; i < sizeof senders / sizeof *senders; i++) {
		s = made(senders[i], "us.example");
		ck_text(parsed(s).domain, "us.example");
		ck_back(s, senders[i]);
	}
}
END_TEST

/* From a forwarder: the first one and we are in it, however many there are. */
START_TEST(chains)
{
	struct slice first = made("SRS0=xyz=2=a.example=ann@b.example",
	    "us.example"), again, s;

	ck_assert(slice_starts(first, SLICE("SRS1=")));
	ck_assert(slice_starts(slice_drop(first, 11),
	    SLICE("=b.example==xyz=2=a.example=ann@us.example")));
	ck_back(first, "SRS0=xyz=2=a.example=ann@b.example");
	again = made("SRS1=hash=b.example==xyz=2=a.example=ann@c.example",
	    "us.example");
	ck_assert(slice_eq(first, again));
	/* Their separators are theirs. */
	s = made("srs0+x+2+a.example+ann@b.example", "us.example");
	ck_back(s, "SRS0+x+2+a.example+ann@b.example");
	s = made("SRS1-hash=b.example=-x-2-a.example-ann@c.example",
	    "us.example");
	ck_back(s, "SRS0-x-2-a.example-ann@b.example");
	/* Two of ours: each finds its part. */
	s = made("ann@a.example", "us.example");
	s = made(arena_str(&arena, s), "we.example");
	ck_assert_int_eq(found(s, DAY, &again), SRS_GOOD);
	ck_back(again, "ann@a.example");
}
END_TEST

/* RFC 5321 2.4: a host between may have folded the local part. */
START_TEST(folded)
{
	struct slice s = made("Ann@a.example", "us.example");

	ck_back(changed_case(s, false), "ann@a.example");
	ck_back(changed_case(s, true), "ANN@A.EXAMPLE");
	s = made("SRS0=xYz=2=a.example=ann@b.example", "us.example");
	ck_back(changed_case(s, false), "SRS0=xyz=2=a.example=ann@b.example");
}
END_TEST

/* Any other letter anywhere in the local part, and it is none of ours. */
START_TEST(tampered)
{
	static const char *const senders[] = { "ann@a.example",
		"SRS0=xyz=2=a.example=ann@b.example" };

	for (size_t k = 0; k < 2; k++) {
		struct slice s = made(senders[k], "us.example");
		size_t local = slice_find(s, '@');

		for (size_t i = 5; i < local; i++) {
			char *p = arena_str(&arena, s);

			p[i] = p[i] == 'q' || p[i] == 'Q' ? 'r' : 'q';
			ck_bad(slice_of(p, s.n));
		}
	}
	ck_bad(SLICE("SRS0=@us.example"));
	ck_bad(SLICE("SRS0=A=A@us.example"));
	ck_bad(SLICE("SRS0=AAAAAA=AA=a.example=ann@us.example"));
	ck_bad(SLICE("SRS0====@us.example"));
	ck_bad(SLICE("SRS1=AAAAAA=b.example==x@us.example"));
	ck_bad(SLICE("srs1=@us.example"));
}
END_TEST

/* What one kind was signed for is not valid as the other. */
START_TEST(kinds)
{
	struct slice s = made("ann@a.example", "us.example");
	char *p = arena_str(&arena, s);

	p[3] = '1';
	ck_bad(slice_of(p, s.n));
}
END_TEST

START_TEST(other_secret)
{
	struct addr a = parsed(SLICE("ann@a.example"));
	struct slice s = srs_make(&arena, &other_key, &a, SLICE("us.example"),
	    DAY);

	ck_bad(s);
}
END_TEST

/* SRS_DAYS, over the turn of the counter too; a clock may go back a day. */
START_TEST(expired)
{
	static const uint64_t days[] = { DAY, 1023, 1024, 0, 1020 };

	for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
		struct addr a = parsed(SLICE("ann@a.example"));
		struct slice sender, s = srs_make(&arena, &our_key, &a,
		    SLICE("us.example"), days[i]);

		for (uint64_t age = 0; age <= 1000; age++)
			ck_assert_int_eq(found(s, days[i] + age, &sender),
			    age <= SRS_DAYS ? SRS_GOOD : SRS_BAD);
		if (days[i] > 1) {
			ck_assert_int_eq(found(s, days[i] - 1, &sender),
			    SRS_GOOD);
			ck_assert_int_eq(found(s, days[i] - 2, &sender),
			    SRS_BAD);
		}
	}
}
END_TEST

START_TEST(none)
{
	static const char *const others[] = { "ann", "srs", "srs0", "SRS0x=y",
		"SRS2=a=b", "xSRS0=a", "SRS0.a" };
	struct slice sender;

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		ck_assert_int_eq(srs_read(&arena, &our_key,
		    slice_str(others[i]), DAY, &sender), SRS_NOT);
}
END_TEST

/* Longer than 64 octets is made (RFC 5321 4.5.3.1), longer than a path not. */
START_TEST(lengths)
{
	char text[256];
	struct slice s;
	size_t last = 0;

	for (size_t n = 1; n < 220; n++) {
		memset(text, 'x', n);
		strcpy(text + n, "@a.example");
		s = made(text, "us.example");
		if (s.n == 0)
			continue;
		ck_assert_uint_eq(last, n - 1);
		last = n;
		ck_assert_uint_le(s.n + 2, ADDR_PATH_MAX);
		ck_back(s, text);
	}
	ck_assert_uint_eq(last, ADDR_PATH_MAX - 2 - strlen(
	    "SRS0=HHHHHH=DD=a.example=@us.example"));
}
END_TEST

/* ---- in auth */

static struct auth_route_out
route_of(const char *address, const char *return_path)
{
	struct auth_route_in in = { .address = slice_str(address),
		.return_path = slice_str(return_path) };
	struct auth_route_out out;

	ck_assert_int_eq(auth_route(mda, &in, &out, &arena, SECONDS), WIRE_OK);
	return out;
}

/* Whatever leaves has our return path; what stays, comes from us or from
   nobody has none (RFC 5321 4.5.5). */
START_TEST(routes)
{
	struct auth_route_out out;
	char *path;

	add_domain("b.c");
	add_user("ann@b.c");
	add_alias("out@b.c", "joe@o.net");
	add_user("bob@b.c");
	add_alias("in@b.c", "bob@b.c");
	add_alias("both@b.c", "ann@b.c", "joe@o.net");
	add_alias("ann@b.c", "ann@b.c", "joe@o.net");
	world_configure("server name mail.b.c\npostmaster is joe@o.net\n");

	out = route_of("out@b.c", "Eve@far.net");
	ck_assert(slice_starts(out.return_path, SLICE("SRS0=")));
	ck_assert_uint_eq(out.became[0].remote, 1);
	path = arena_str(&arena, out.return_path);
	out = route_of("both@b.c", "Eve@far.net");
	ck_text(out.return_path, path);
	ck_assert_uint_eq(out.became[0].remote, 0);
	ck_assert_uint_eq(out.became[1].remote, 1);
	ck_text(route_of("ann@b.c", "Eve@far.net").return_path, path);
	ck_text(route_of("postmaster@b.c", "Eve@far.net").return_path, path);
	ck_text(route_of("postmaster", "Eve@far.net").return_path, path);
	ck_text(route_of("in@b.c", "Eve@far.net").return_path, "");
	ck_text(route_of("out@b.c", "").return_path, "");
	ck_text(route_of("out@b.c", "ann@b.c").return_path, "");
	ck_text(route_of("out@b.c", "root").return_path, "");
	ck_text(route_of("joe@o.net", "Eve@far.net").return_path, "");

	/* And back, in this life and the next; a reply of a person there goes
	   on with a path of its own. */
	for (int life = 0; life < 2; life++) {
		ck_assert_int_eq(rcpt(path), ROUTE_LOCAL);
		out = route_of(path, "");
		ck_assert_uint_eq(out.route, ROUTE_LOCAL);
		ck_assert_uint_eq(out.n_became, 1);
		ck_text(out.became[0].address, "Eve@far.net");
		ck_assert_uint_eq(out.became[0].remote, 1);
		ck_text(out.return_path, "");
		ck_assert(slice_starts(route_of(path, "joe@o.net").return_path,
		    SLICE("SRS0=")));
		world_run(5);
		world_end();
		world_begin();
	}
	/* Whoever it was is one of us meanwhile. */
	add_domain("far.net");
	ck_assert_int_eq(rcpt(path), ROUTE_UNKNOWN);
	add_user("eve@far.net");
	ck_assert_int_eq(rcpt(path), ROUTE_LOCAL);
	ck_text(route_of(path, "").address, "eve@far.net");
}
END_TEST

/* A forged one is nobody's, not even the catch-all's; but who has such a name
   keeps it. */
START_TEST(forged)
{
	static const char name[] = "SRS0=AAAAAA=AA=far.net=eve@b.c";

	add_domain("b.c");
	add_user("ann@b.c");
	add_alias("@b.c", "ann@b.c");
	ck_assert_int_eq(rcpt("anything@b.c"), ROUTE_LOCAL);
	ck_assert_int_eq(rcpt(name), ROUTE_UNKNOWN);
	ck_assert_uint_eq(route_of(name, "").route, ROUTE_UNKNOWN);
	add_user(name);
	ck_assert_int_eq(rcpt(name), ROUTE_LOCAL);
}
END_TEST

/* The domain of the path is one of ours, whatever the mail was for. */
START_TEST(domains)
{
	add_domain("b.c");
	add_domain("d.e");
	add_user("ann@d.e");
	add_alias("out@b.c", "joe@o.net");
	world_configure("server name mail.b.c\npostmaster is joe@o.net\n");
	ck_text(parsed(route_of("OUT@B.C", "x@y.z").return_path).domain, "b.c");
	ck_text(parsed(route_of("postmaster", "x@y.z").return_path).domain,
	    "d.e");
	world_configure("server name b.c\npostmaster is joe@o.net\n");
	ck_text(parsed(route_of("postmaster", "x@y.z").return_path).domain,
	    "b.c");
}
END_TEST

/* It goes on under the sender's own name, and the log says so. */
START_TEST(too_long)
{
	char sender[256];

	memset(sender, 'x', 240);
	strcpy(sender + 240, "@y.z");
	add_domain("b.c");
	add_alias("out@b.c", "joe@o.net");
	ck_text(route_of("out@b.c", sender).return_path, "");
	ck_assert_ptr_nonnull(strstr(log_text, "sender_too_long"));
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, there_and_back);
	tcase_add_test(t, chains);
	tcase_add_test(t, folded);
	tcase_add_test(t, tampered);
	tcase_add_test(t, kinds);
	tcase_add_test(t, other_secret);
	tcase_add_test(t, expired);
	tcase_add_test(t, none);
	tcase_add_test(t, lengths);
	tcase_add_test(t, routes);
	tcase_add_test(t, forged);
	tcase_add_test(t, domains);
	tcase_add_test(t, too_long);
}

int
main(void)
{
	return world_suite("srs", add);
}
