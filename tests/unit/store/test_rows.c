/* The rows of rows.h: what is put is got, and the bytes are as drawn. */
#include "tests/unit/store/world.h"

/* Bytes as hex, to compare with the drawing. */
static void
ck_hex(struct slice s, const char *want)
{
	char have[1024];

	ck_assert_uint_lt(s.n * 2, sizeof have);
	for (size_t i = 0; i < s.n; i++)
		snprintf(have + 2 * i, 3, "%02x", (unsigned char)s.p[i]);
	have[2 * s.n] = '\0';
	ck_assert_str_eq(have, want);
}

START_TEST(keys)
{
	struct key k = key_message(1, 2, 3);

	ck_hex(key_view(&k), "00000000000000010400000002" "00000003");
	ck_assert_uint_eq(3, key_uid(key_view(&k)));
	ck_assert_uint_eq(1, key_owner(key_view(&k)));
	k = key_name(1, SLICE("ab"));
	ck_hex(key_view(&k), "0000000000000001026162");
	k = key_op(1, 5);
	ck_hex(key_view(&k), "000000000000000105" "0000000000000005");
	k = key_token(1, 5, SLICE("t"));
	ck_hex(key_view(&k), "000000000000000106" "0000000574");
	k = key_keywords(1, 2);
	ck_hex(key_view(&k), "000000000000000107" "00000002");
	k = key_subscribed(1, SLICE("ab"));
	ck_hex(key_view(&k), "000000000000000108" "6162");
	ck_text(key_text(key_view(&k)), "ab");
	k = key_expunged(1, 2, 3);
	ck_hex(key_view(&k), "000000000000000109" "00000002"
	    "0000000000000003");
	ck_assert_uint_eq(3, key_modseq(key_view(&k)));
	ck_assert_uint_eq(0, key_uid(key_view(&k)));
}
END_TEST

START_TEST(users)
{
	struct user_row in = { .bytes = 1, .messages = 2, .next_box = 3,
		.uidvalidity = 4, .boxes = 5, .subscriptions = 6, .made = 7 }, out;
	struct buf b = { 0 };

	user_row_put(&b, &in);
	ck_hex(buf_view(&b), "01" "0000000000000001" "0000000000000002"
	    "00000003" "00000004" "00000005" "00000006" "00000007");
	ck_assert(user_row_get(buf_view(&b), &out));
	ck_assert_uint_eq(4, out.uidvalidity);
	ck_assert_uint_eq(7, out.made);
	/* As it was before mailboxes were made for uses. */
	for (size_t n = 0; n < b.n; n++)
		ck_assert_int_eq(n == 33, user_row_get(slice_of(b.p, n),
		    &out));
	ck_assert(user_row_get(slice_of(b.p, 33), &out));
	ck_assert_uint_eq(6, out.subscriptions);
	ck_assert_uint_eq(0, out.made);
	buf_str(&b, "x");
	ck_assert(!user_row_get(buf_view(&b), &out));
	b.p[0] = 2;
	ck_assert(!user_row_get(buf_view(&b), &out));
	buf_clear(&b);
	in.gone = true;
	user_row_put(&b, &in);
	ck_hex(buf_view(&b), "02");
	ck_assert(user_row_get(buf_view(&b), &out));
	ck_assert(out.gone);
	ck_assert_uint_eq(0, out.bytes);
	buf_free(&b);
}
END_TEST

START_TEST(boxes)
{
	struct box_row in = { .uidvalidity = 1, .uidnext = 2, .modseq = 3,
		.messages = 4, .unseen = 5, .deleted = 6, .bytes = 7,
		.history = 8, .attributes = 9, .keywords = 10,
		.name = SLICE("INBOX") }, out;
	struct buf b = { 0 };

	box_row_put(&b, &in);
	ck_hex(buf_view(&b), "01" "00000001" "00000002" "0000000000000003"
	    "00000004" "00000005" "00000006" "0000000000000007"
	    "0000000000000008" "00000009" "0a" "494e424f58");
	ck_assert(box_row_get(buf_view(&b), &out));
	ck_text(out.name, "INBOX");
	ck_assert_uint_eq(7, out.bytes);
	ck_assert_uint_eq(8, out.history);
	ck_assert_uint_eq(10, out.keywords);
	for (size_t n = 0; n < 51; n++)
		ck_assert(!box_row_get(slice_of(b.p, n), &out));
	buf_free(&b);
}
END_TEST

/* A head goes into the row as long as that stays small. */
START_TEST(messages)
{
	char head[200];
	struct message_row in, out;
	struct buf b = { 0 };

	memset(head, 'h', sizeof head);
	for (uint32_t n = 0; n < sizeof head; n++) {
		in = (struct message_row){ .head = slice_of(head, n),
			.head_n = n, .flags = 7 | 1ull << 63, .modseq = 8,
			.when = 9, .size = 1000, .id = 10 };
		buf_clear(&b);
		message_row_put(&b, &in);
		ck_assert_uint_le(b.n, MESSAGE_ROW_MAX);
		ck_assert(message_row_get(buf_view(&b), &out));
		ck_assert_int_eq(n > 84, out.side);
		ck_assert_uint_eq(n, out.head_n);
		ck_assert_uint_eq(out.side ? 0 : n, out.head.n);
		ck_assert_uint_eq(1000, out.size);
		ck_assert_uint_eq(10, out.id);
		ck_assert(out.flags == in.flags);
	}
	b.n--;
	b.p[1] = 0;
	ck_assert(!message_row_get(buf_view(&b), &out));
	buf_free(&b);
}
END_TEST

START_TEST(outcomes)
{
	struct op_row in = { .outcome = OUTCOME_REFUSED, .mailbox = 1,
		.uid = 2, .text = SLICE("5.2.1 no") }, out;
	struct token_row tin = { .life = 1, .when = 2, .mailbox = 3,
		.uid = 4 }, tout;
	struct buf b = { 0 };

	op_row_put(&b, &in);
	ck_assert(op_row_get(buf_view(&b), &out));
	ck_text(out.text, "5.2.1 no");
	ck_assert_uint_eq(OUTCOME_REFUSED, out.outcome);
	ck_assert(!op_row_get(slice_of(b.p, 9), &out));
	buf_clear(&b);
	token_row_put(&b, &tin);
	ck_assert(token_row_get(buf_view(&b), &tout));
	ck_assert_uint_eq(4, tout.uid);
	ck_assert(!token_row_get(slice_of(b.p, b.n - 1), &tout));
	buf_free(&b);
}
END_TEST

START_TEST(keywords)
{
	struct buf b = { 0 };
	struct slice rest, name;

	keyword_put(&b, SLICE("$Junk"));
	keyword_put(&b, SLICE("x"));
	ck_hex(buf_view(&b), "05244a756e6b" "0178");
	rest = buf_view(&b);
	ck_assert(keyword_next(&rest, &name));
	ck_text(name, "$Junk");
	ck_assert(keyword_next(&rest, &name));
	ck_text(name, "x");
	ck_assert(!keyword_next(&rest, &name));
	ck_assert_uint_eq(0, rest.n);
	/* Cut off, empty, too long. */
	rest = slice_of(b.p, 5);
	ck_assert(!keyword_next(&rest, &name) && rest.n > 0);
	rest = SLICE("\0x");
	ck_assert(!keyword_next(&rest, &name));
	b.p[0] = KEYWORD_MAX + 1;
	buf_reserve(&b, 2 * KEYWORD_MAX);
	rest = slice_of(b.p, 2 * KEYWORD_MAX);
	ck_assert(!keyword_next(&rest, &name));
	buf_free(&b);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, keys);
	tcase_add_test(t, users);
	tcase_add_test(t, boxes);
	tcase_add_test(t, messages);
	tcase_add_test(t, outcomes);
	tcase_add_test(t, keywords);
}

int
main(void)
{
	return suite_run("store rows", add);
}
