/* box_flags, box_keywords: what changes, what it costs in MODSEQs, and what is
   left alone (RFC 9051 6.4.6, RFC 7162 3.1.3). */
#include "tests/unit/store/boxes.h"

static uint64_t
flags_modseq(const void *out)
{
	const struct box_flags_out *o = out;

	return o->modseq;
}

static uint64_t
only_flags(const void *out)
{
	const struct box_list_out *o = out;

	return o->n_entries == 1 ? o->entries[0].flags : 1000;
}

static void
append_many(uint64_t first, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		ck_assert_uint_eq(OUTCOME_STORED,
		    APPEND(.id = first + i).outcome);
}

/* Set, add and remove; only what changes gets a new MODSEQ. */
START_TEST(flags)
{
	struct box_flags_out f, g;
	struct box_list_out o;
	struct link *l;

	world_open(_i);
	append_many(1, 3);
	l = grant(7, 1, RIGHT_IMAP);
	open_box(l, "INBOX");
	ck_assert_int_eq(WIRE_OK, flag(l, 1, 2, FLAGS_ADD,
	    FLAG_SEEN | FLAG_FLAGGED, &f));
	ck_assert_int_eq(WIRE_OK, flag(l, 2, 2, FLAGS_REMOVE, FLAG_FLAGGED,
	    &g));
	ck_assert_uint_eq(f.modseq + 1, g.modseq);
	o = list_box(l, 1, 3, 0);
	ck_assert_uint_eq(FLAG_SEEN | FLAG_FLAGGED, o.entries[0].flags);
	ck_assert_uint_eq(FLAG_SEEN, o.entries[1].flags);
	ck_assert_uint_eq(0, o.entries[2].flags);
	ck_assert_uint_eq(f.modseq, o.entries[0].modseq);
	ck_assert_uint_eq(g.modseq, o.entries[1].modseq);
	ck_assert_int_eq(WIRE_OK, flag(l, 1, 3, FLAGS_SET, FLAG_SEEN, &f));
	o = list_box(l, 1, 3, g.modseq);
	ck_assert_uint_eq(2, o.n_entries);	/* 2 had it already */
	/* A change that changes nothing. */
	ck_assert_int_eq(WIRE_OK, flag(l, 1, 3, FLAGS_ADD, FLAG_SEEN, &g));
	ck_assert_uint_eq(0, g.modseq);
	ck_assert_uint_eq(0, g.changed);
	/* The bytes stay. */
	ck_text(fetch(l, 1), "body\r\n");
	world_restart();
	link_close(l);
	l = grant(7, 1, RIGHT_IMAP);
	ck_assert_uint_eq(f.modseq, open_box(l, "INBOX").modseq);
	ck_assert_uint_eq(FLAG_SEEN, list_box(l, 1, 1, 0).entries[0].flags);
	link_close(l);
	world_close();
}
END_TEST

/* STORE +FLAGS, STORE -FLAGS, FETCH sent without waiting: each sees what the
   one before it did, and the last answer is right. */
START_TEST(pipelined)
{
	struct wire_range range = { 1, UINT32_MAX };
	struct box_flags_in plus = { .mailbox = INBOX, .uids = &range,
		.n_uids = 1, .change = FLAGS_ADD,
		.flags = FLAG_SEEN | FLAG_DRAFT, .unchanged = UINT64_MAX };
	struct box_flags_in minus = plus;
	struct box_list_in list = { .mailbox = INBOX, .uids = &range,
		.n_uids = 1 };
	struct soon s[3] = { { .keep = flags_modseq },
		{ .keep = flags_modseq }, { .keep = only_flags } };
	struct link *l;

	minus.change = FLAGS_REMOVE;
	minus.flags = FLAG_DRAFT;
	world_open(_i);
	append_many(1, 1);
	l = grant(7, 1, RIGHT_IMAP);
	open_box(l, "INBOX");
	link_call(l, WIRE_box_flags, &plus, WAIT, soon_done, &s[0]);
	link_call(l, WIRE_box_flags, &minus, WAIT, soon_done, &s[1]);
	link_call(l, WIRE_box_list, &list, WAIT, soon_done, &s[2]);
	while (!s[2].done)
		world_run(5);
	ck_assert(s[0].done && s[1].done);
	ck_assert_uint_eq(s[0].number + 1, s[1].number);
	ck_assert_uint_eq(FLAG_SEEN, s[2].number);
	link_close(l);
	world_close();
}
END_TEST

/* Those changed since are left alone and named (RFC 7162 3.1.3). */
START_TEST(unchanged_since)
{
	struct wire_range range = { 1, UINT32_MAX };
	struct box_flags_in in = { .mailbox = INBOX, .uids = &range,
		.n_uids = 1, .change = FLAGS_ADD, .flags = FLAG_FLAGGED };
	struct box_flags_out o;
	struct link *l;

	world_open(_i);
	append_many(1, 5);
	l = grant(7, 1, RIGHT_IMAP);
	in.unchanged = open_box(l, "INBOX").modseq;
	flags_in(l, INBOX, 2, 3, FLAGS_ADD, FLAG_SEEN);
	ck_assert_int_eq(WIRE_OK, box_flags(l, &in, &o, &world.arena, WAIT));
	ck_assert_uint_eq(3, o.changed);
	ck_text(uids_text(o.modified), "2:3");
	/* 0 can only fail (RFC 7162 3.1.3, example 11). */
	in.unchanged = 0;
	ck_assert_int_eq(WIRE_OK, box_flags(l, &in, &o, &world.arena, WAIT));
	ck_assert_uint_eq(0, o.changed);
	ck_assert_uint_eq(0, o.modseq);
	ck_text(uids_text(o.modified), "1:5");
	check_box(l, "INBOX");
	link_close(l);
	world_close();
}
END_TEST

static struct box_keywords_out
keywords(struct link *l, const char *one, const char *two)
{
	struct wire_keyword v[2] = { { slice_str(one) }, { slice_str(two) } };
	struct box_keywords_in in = { .mailbox = INBOX, .names = v,
		.n_names = two != NULL ? 2 : one != NULL };
	struct box_keywords_out o;

	ck_assert_int_eq(WIRE_OK, box_keywords(l, &in, &o, &world.arena,
	    WAIT));
	return o;
}

/* Made once, whatever the case of letters; kept as first written. */
START_TEST(keywords_made)
{
	struct box_keywords_out o;
	struct box_flags_in in = { .mailbox = INBOX };
	struct wire_range one = { 1, 1 };
	struct link *l;
	uint64_t modseq;

	world_open(_i);
	append_many(1, 1);
	l = grant(7, 1, RIGHT_IMAP);
	modseq = open_box(l, "INBOX").modseq;
	ck_assert_uint_eq(0, keywords(l, NULL, NULL).n_keywords);
	o = keywords(l, "$Forwarded", "todo");
	ck_assert_uint_eq(2, o.n_keywords);
	o = keywords(l, "TODO", "$forwarded");
	ck_assert_uint_eq(2, o.n_keywords);
	ck_text(o.keywords[0].name, "$Forwarded");
	/* The same twice in one call. */
	ck_assert_uint_eq(3, keywords(l, "z", "Z").n_keywords);
	ck_assert_uint_eq(modseq, open_box(l, "INBOX").modseq);
	ck_assert_uint_eq(3, sync_of(l, INBOX, modseq, 1).keywords);
	flags_in(l, INBOX, 1, 1, FLAGS_SET, 4 << FLAGS_SYSTEM);
	in = (struct box_flags_in){ .mailbox = INBOX, .uids = &one,
		.n_uids = 1, .flags = 8 << FLAGS_SYSTEM,
		.unchanged = UINT64_MAX };
	ck_assert_int_eq(WIRE_BAD, box_flags(l, &in, NULL, NULL, WAIT));
	link_close(l);
	world_restart();
	l = grant(7, 1, RIGHT_IMAP);
	ck_text(open_box(l, "INBOX").keywords[2].name, "z");
	ck_assert_uint_eq(4 << FLAGS_SYSTEM,
	    list_all(l, INBOX, 0).entries[0].flags);
	link_close(l);
	world_close();
}
END_TEST

/* 59 and no more; all of them can be set at once. */
START_TEST(keywords_full)
{
	struct box_keywords_out o;
	struct link *l;
	char name[KEYWORD_MAX + 2];

	world_open(false);
	append_many(1, 1);
	l = grant(7, 1, RIGHT_IMAP);
	for (int i = 1; i <= KEYWORDS_MAX; i++) {
		snprintf(name, sizeof name, "k%d", i);
		o = keywords(l, name, NULL);
		ck_assert_uint_eq(0, o.full);
		ck_assert_uint_eq((unsigned)i, o.n_keywords);
	}
	o = keywords(l, "k7", "k60");
	ck_assert_uint_eq(1, o.full);
	ck_assert_uint_eq(KEYWORDS_MAX, o.n_keywords);
	flags_in(l, INBOX, 1, 1, FLAGS_SET, UINT64_MAX);
	ck_assert(list_all(l, INBOX, 0).entries[0].flags == UINT64_MAX);
	check_box(l, "INBOX");
	link_close(l);
	world_close();
}
END_TEST

START_TEST(keywords_bad)
{
	static const char *const bad[] = { "", "a b", "a(b", "a{b", "%", "*",
		"\"", "\\Seen", "]", "a\x7f", "\xc3\xa4" };
	struct wire_keyword k;
	struct box_keywords_in in = { .mailbox = INBOX, .names = &k,
		.n_names = 1 };
	struct link *l, *reader;
	char longest[KEYWORD_MAX + 2];

	world_open(false);
	append_many(1, 1);
	l = grant(7, 1, RIGHT_IMAP);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		k.name = slice_str(bad[i]);
		ck_assert_int_eq(WIRE_BAD, box_keywords(l, &in, NULL, NULL,
		    WAIT));
	}
	memset(longest, 'x', sizeof longest);
	k.name = slice_of(longest, KEYWORD_MAX + 1);
	ck_assert_int_eq(WIRE_BAD, box_keywords(l, &in, NULL, NULL, WAIT));
	k.name = slice_of(longest, KEYWORD_MAX);
	ck_assert_int_eq(WIRE_OK, box_keywords(l, &in, NULL, NULL, WAIT));
	/* A reader may ask for those there are. */
	reader = grant(7, 2, RIGHT_READ);
	ck_assert_int_eq(WIRE_OK, box_keywords(reader, &in, NULL, NULL,
	    WAIT));
	k.name = SLICE("new");
	ck_assert_int_eq(WIRE_DENIED, box_keywords(reader, &in, NULL, NULL,
	    WAIT));
	/* Without room it is not there afterwards. */
	engine_mem_fault(store.engine, ENGINE_FULL, 0, 1);
	ck_assert_int_eq(WIRE_AGAIN, box_keywords(l, &in, NULL, NULL, WAIT));
	engine_mem_fault(store.engine, ENGINE_OK, 0, 0);
	ck_assert_uint_eq(1, open_box(l, "INBOX").n_keywords);
	ck_assert_uint_eq(2, keywords(l, "new", NULL).n_keywords);
	link_close(reader);
	link_close(l);
	world_close();
}
END_TEST

static void
ignore(struct change *c, enum engine_status status)
{
	(void)c;
	ck_assert_int_eq(ENGINE_OK, status);
}

/* Ten thousand ranges of one message each: one commit. */
START_TEST(scattered)
{
	enum { N = WIRE_LIST_MAX };
	struct wire_range *r = mem_array(N, sizeof *r);
	struct box_flags_in in = { .mailbox = INBOX, .uids = r, .n_uids = N,
		.change = FLAGS_ADD, .flags = FLAG_SEEN,
		.unchanged = UINT64_MAX };
	struct engine_figures before, after;
	struct box_flags_out o;
	struct link *l;
	struct user *u;
	struct change c;

	world_open(false);
	append_many(1, 1);
	l = grant(7, 1, RIGHT_IMAP);
	u = user_hold(7);
	change_begin(&c, u, box_get(u, INBOX));
	for (uint32_t i = 0; i < 2 * N; i++) {
		struct message_row row = { .modseq = 1, .size = 1 };

		change_add(&c, &c.parts[0], &row, 0, slice_of(NULL, 0));
	}
	change_commit(&c, ignore);
	world_run(20);
	user_release(u);
	for (uint32_t i = 0; i < N; i++)
		r[i].from = r[i].to = 2 * i + 1;
	engine_figures(store.engine, &before);
	ck_assert_int_eq(WIRE_OK, box_flags(l, &in, &o, &world.arena, WAIT));
	engine_figures(store.engine, &after);
	ck_assert_uint_eq(N, o.changed);
	ck_assert_uint_eq(before.commits + 1, after.commits);
	ck_assert_uint_eq(N + 1, status_of(l, "INBOX").unseen);
	link_close(l);
	free(r);
	world_close();
}
END_TEST

static void
add(TCase *t)
{
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, flags, 0, 2);
	tcase_add_loop_test(t, pipelined, 0, 2);
	tcase_add_loop_test(t, unchanged_since, 0, 2);
	tcase_add_loop_test(t, keywords_made, 0, 2);
	tcase_add_test(t, keywords_full);
	tcase_add_test(t, keywords_bad);
	tcase_add_test(t, scattered);
}

int
main(void)
{
	return suite_run("store flags", add);
}
