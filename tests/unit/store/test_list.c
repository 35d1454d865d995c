/* box_list: any set of UIDs, with digests and bytes, in answers that fit; the
   same whether rows are read or kept (entries.h). */
#include "tests/unit/store/boxes.h"

#include "store/list.h"

static struct link *l;

static void
begin(bool file, bool kept)
{
	world_open(file);
	store.message_max = 1024 * 1024;
	store.entries_least = kept ? 1 : UINT32_MAX;
	l = grant(7, 1, RIGHT_IMAP);
	open_box(l, "INBOX");
}

static void
end(void)
{
	store.entries_least = 2000;
	link_close(l);
	world_close();
}

static enum wire_status
list_of(struct wire_range *r, size_t n, uint64_t since, uint8_t want,
    struct box_list_out *out)
{
	struct box_list_in in = { .mailbox = INBOX, .uids = r, .n_uids = n,
		.since = since, .want = want };

	return box_list(l, &in, out, &world.arena, WAIT);
}

static void
append_all(size_t n, size_t size, const char *head)
{
	char *body = mem_zero(size + 1);

	for (uint64_t i = 1; i <= n; i++) {
		memset(body, 'a' + (int)(i % 26), size);
		ck_assert_uint_eq(OUTCOME_STORED, APPEND(.id = i,
		    .body = body, .digest = i % 4 ? "digest" : NULL,
		    .head = i % 3 ? NULL : head).outcome);
	}
	free(body);
}

/* Many small ranges, near and far from each other. */
START_TEST(ranges)
{
	struct wire_range r[] = { { 2, 2 }, { 4, 4 }, { 5, 7 }, { 100, 101 },
		{ 180, 190 }, { 199, 199 }, { 250, UINT32_MAX } };
	static const uint32_t want[] = { 2, 4, 5, 6, 7, 100, 101, 180, 181,
		183, 184, 185, 186, 187, 188, 189, 190, 199 };
	struct box_list_out o;
	struct wire_range bad[] = { { 3, 2 }, { 0, 4 } };

	begin(false, _i);
	append_all(200, 1, NULL);
	expunge_in(l, INBOX, 182, 182, false, NULL);
	ck_assert_int_eq(WIRE_OK, list_of(r, 7, 0, 0, &o));
	ck_assert_uint_eq(sizeof want / sizeof *want, o.n_entries);
	for (size_t i = 0; i < o.n_entries; i++) {
		ck_assert_uint_eq(want[i], o.entries[i].uid);
		ck_assert_uint_eq(want[i], o.entries[i].id);
	}
	/* After changes too. */
	flags_in(l, INBOX, 5, 100, FLAGS_ADD, FLAG_FLAGGED);
	expunge_in(l, INBOX, 6, 6, false, NULL);
	ck_assert_int_eq(WIRE_OK, list_of(r, 4, open_box(l, "INBOX").modseq -
	    2, 0, &o));
	ck_assert_uint_eq(3, o.n_entries);
	ck_assert_uint_eq(7, o.entries[1].uid);
	ck_assert_uint_eq(FLAG_FLAGGED, o.entries[2].flags);
	ck_assert_int_eq(WIRE_BAD, list_of(bad, 1, 0, 0, &o));
	ck_assert_int_eq(WIRE_BAD, list_of(bad + 1, 1, 0, 0, &o));
	ck_assert_int_eq(WIRE_BAD, list_of(r, 0, 0, 0, &o));
	ck_assert_int_eq(WIRE_BAD, list_of(r, 1, 0, 8, &o));
	end();
}
END_TEST

/* Digests and bytes, with heads in the row and beside it. */
START_TEST(whole)
{
	struct wire_range all = { 1, UINT32_MAX };
	char head[200];
	struct box_list_out o;

	begin(_i & 1, false);
	memset(head, 'H', sizeof head);
	head[_i & 2 ? 199 : 20] = '\0';
	append_all(12, 10, head);
	ck_assert_int_eq(WIRE_OK, list_of(&all, 1, 0, WANT_DIGEST |
	    WANT_BYTES, &o));
	ck_assert_uint_eq(12, o.n_entries);
	for (uint32_t i = 0; i < 12; i++) {
		const struct wire_entry *e = &o.entries[i];
		uint32_t uid = i + 1;

		ck_assert_uint_eq(uid % 3 ? 0 : strlen(head), e->head);
		ck_assert_uint_eq(e->size, e->bytes.n);
		ck_assert_int_eq('a' + (int)(uid % 26), e->bytes.p[e->head]);
		if (e->head > 0)
			ck_assert_int_eq('H', e->bytes.p[e->head - 1]);
		ck_text(e->digest, uid % 4 ? "digest" : "");
	}
	ck_assert_int_eq(WIRE_OK, list_of(&all, 1, 0, WANT_BYTES, &o));
	ck_assert_uint_eq(10 + strlen(head), o.entries[2].bytes.n);
	ck_assert_uint_eq(0, o.entries[2].digest.n);
	ck_assert_int_eq(WIRE_OK, list_of(&all, 1, 0, WANT_DIGEST, &o));
	ck_assert_uint_eq(0, o.entries[2].bytes.n);
	end();
}
END_TEST

/* The first octets: of the head alone, of both, of more than there is, of what
   is too long to come whole. */
START_TEST(starts)
{
	static const uint32_t most[] = { 0, 3, 150, 209, 1000, UINT32_MAX };
	struct wire_range all = { 1, UINT32_MAX };
	struct box_list_in in = { .mailbox = INBOX, .uids = &all, .n_uids = 1,
		.want = WANT_START | WANT_DIGEST };
	struct box_list_out o;
	char head[200], *body = mem_zero(WIRE_BODY_MAX + 2);

	begin(_i & 1, false);
	memset(head, 'H', sizeof head);
	head[_i & 2 ? 199 : 20] = '\0';
	append_all(3, 10, head);
	memset(body, 'x', WIRE_BODY_MAX + 1);
	APPEND(.id = 99, .body = body);
	for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
		in.most = most[i];
		ck_assert_int_eq(WIRE_OK, box_list(l, &in, &o, &world.arena,
		    WAIT));
		ck_assert_uint_eq(4, o.n_entries);
		for (size_t k = 0; k < 4; k++) {
			const struct wire_entry *e = &o.entries[k];
			uint64_t n = most[i] < WIRE_BODY_MAX ? most[i] :
			    WIRE_BODY_MAX;

			ck_assert_uint_eq(e->size < n ? e->size : n,
			    e->bytes.n);
			for (size_t c = 0; c < e->bytes.n; c++)
				ck_assert_int_eq(c < e->head ? 'H' : k == 3 ?
				    'x' : 'b' + (int)k, e->bytes.p[c]);
		}
		ck_text(o.entries[1].digest, "digest");
	}
	free(body);
	end();
}
END_TEST

/* More than fits goes into the next answer, and nothing is left out; what is
   too long for any is fetched by itself. */
START_TEST(in_answers)
{
	struct wire_range all = { 1, UINT32_MAX };
	struct box_list_out o;
	unsigned calls = 0;
	uint32_t seen = 0;

	begin(_i, false);
	append_all(20, 40000, NULL);
	ck_assert_uint_eq(21, add_message(l, INBOX, 0, "last"));
	{
		char *body = mem_zero(WIRE_BODY_MAX + 2);

		memset(body, 'x', WIRE_BODY_MAX + 1);
		APPEND(.id = 99, .body = body);
		free(body);
	}
	do {
		ck_assert_int_eq(WIRE_OK, list_of(&all, 1, 0, WANT_DIGEST |
		    WANT_BYTES, &o));
		for (size_t i = 0; i < o.n_entries; i++) {
			const struct wire_entry *e = &o.entries[i];

			ck_assert_uint_eq(++seen, e->uid);
			ck_assert_uint_eq(e->size > WIRE_BODY_MAX ? 0 :
			    e->size, e->bytes.n);
		}
		all.from = o.next;
		calls++;
	} while (o.next != 0);
	ck_assert_uint_eq(22, seen);
	ck_assert_uint_gt(calls, 3);
	end();
}
END_TEST

static void
ignore(struct change *c, enum engine_status status)
{
	(void)c;
	ck_assert_int_eq(ENGINE_OK, status);
}

/* The kept listing in several answers, with changes between them. */
START_TEST(kept_in_parts)
{
	enum { N = 3 * LIST_ENTRIES };
	struct wire_range all = { 1, UINT32_MAX };
	struct box_list_out o;
	struct user *u;
	struct change c;
	uint32_t seen = 0;

	begin(false, true);
	u = user_hold(7);
	change_begin(&c, u, box_get(u, INBOX));
	for (uint32_t i = 0; i < N; i++) {
		struct message_row row = { .modseq = 1, .size = 1 };

		change_add(&c, &c.parts[0], &row, 0, slice_of(NULL, 0));
	}
	change_commit(&c, ignore);
	world_run(20);
	user_release(u);
	do {
		ck_assert_int_eq(WIRE_OK, list_of(&all, 1, 0, 0, &o));
		for (size_t i = 0; i < o.n_entries; i++) {
			const struct wire_entry *e = &o.entries[i];

			ck_assert_uint_gt(e->uid, seen);
			ck_assert_uint_eq(e->uid <= LIST_ENTRIES ? 0 :
			    FLAG_SEEN, e->flags);
			seen = e->uid;
		}
		if (all.from == 1) {
			flags_in(l, INBOX, 1, UINT32_MAX, FLAGS_ADD,
			    FLAG_SEEN);
			expunge_in(l, INBOX, N - 10, N - 1, false, NULL);
		}
		all.from = o.next;
		arena_reset(&world.arena);
	} while (o.next != 0);
	ck_assert_uint_eq(N, seen);
	end();
}
END_TEST

static void
add(TCase *t)
{
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, ranges, 0, 2);
	tcase_add_loop_test(t, starts, 0, 4);
	tcase_add_loop_test(t, whole, 0, 4);
	tcase_add_loop_test(t, in_answers, 0, 2);
	tcase_add_test(t, kept_in_parts);
}

int
main(void)
{
	return suite_run("store lists", add);
}
