/* The index is derived from the log: without its files every message, flag,
   name and UID comes back.  A record that rotted is left out and reported, all
   else is served, and no UID is given twice, also if it held the newest
   (RFC 9051 2.3.1.1; DUR-4). */
#include "common/core/codec.h"
#include "store/mend.h"
#include "store/rows.h"
#include "tests/unit/store/boxes.h"

enum { OTHER = 8 };

static struct link	*l, *other;

static void
begin(void)
{
	world_open(true);
	l = grant(7, 1, RIGHT_IMAP);
	other = grant(OTHER, 2, RIGHT_IMAP);
}

static void
end(void)
{
	link_close(l);
	link_close(other);
	world_close();
}

/* Closed, harmed, and opened without its index. */
static void
again(void (*harm)(void))
{
	struct engine *e = store.engine;
	char command[128];

	link_close(l);
	link_close(other);
	world_hang_up();
	store_close();
	engine_close(e);
	if (harm != NULL)
		harm();
	snprintf(command, sizeof command, "rm -rf %s/index", world.dir);
	ck_assert_int_eq(0, system(command));
	store_open(world_engine());
	while (mend_pending())
		world_run(1);
	world.mda = world_link(ROLE_MDA);
	world.auth = world_link(ROLE_AUTH);
	l = grant(7, 1, RIGHT_IMAP);
	other = grant(OTHER, 2, RIGHT_IMAP);
}

/* ---- all that can be seen, as text */

static void
box_tell(struct buf *b, struct link *link, const struct wire_box *w)
{
	struct box_status_in in = { .name = w->name };
	struct box_status_out s;
	struct box_list_out all = list_all(link, w->mailbox, 0);

	ck_assert_int_eq(WIRE_OK, box_status(link, &in, &s, &world.arena,
	    WAIT));
	buf_printf(b, "%u %.*s %x: %u %u %llu %llu %llu\n", w->mailbox,
	    (int)w->name.n, w->name.p, w->attributes, s.uidvalidity, s.uidnext,
	    (unsigned long long)s.modseq, (unsigned long long)s.messages,
	    (unsigned long long)s.bytes);
	for (size_t i = 0; i < all.n_entries; i++) {
		const struct wire_entry *e = &all.entries[i];
		struct box_fetch_in fin = { .mailbox = w->mailbox,
			.uid = e->uid, .length = UINT64_MAX };
		struct box_fetch_out f;

		ck_assert_int_eq(WIRE_OK, box_fetch(link, &fin, &f,
		    &world.arena, WAIT));
		buf_printf(b, " %u %llx %llu %.*s\n", e->uid,
		    (unsigned long long)e->flags,
		    (unsigned long long)e->modseq, (int)f.bytes.n, f.bytes.p);
	}
}

static struct slice
everything(struct link *link)
{
	struct box_names_in in = { 0 };
	struct box_names_out out;
	struct buf b = { 0 };
	struct slice s;

	ck_assert_int_eq(WIRE_OK, box_names(link, &in, &out, &world.arena,
	    WAIT));
	ck_assert(!out.more);
	for (size_t i = 0; i < out.n_boxes; i++)
		if (out.boxes[i].mailbox != 0)
			box_tell(&b, link, &out.boxes[i]);
	s = arena_slice(&world.arena, buf_view(&b));
	buf_free(&b);
	return s;
}

static void
fill(struct link *link)
{
	struct box_expunge_out gone;
	struct box_copy_out copied;
	char text[32];

	ck_assert_int_eq(WIRE_OK, create(link, "a/b"));
	ck_assert_int_eq(WIRE_OK, create(link, "\xc3\xa4rger"));
	ck_assert_int_eq(WIRE_OK, rename_box(link, "a/b", "c/d"));
	ck_assert_int_eq(WIRE_OK, subscribe(link, "c", true));
	for (unsigned i = 1; i <= 10; i++) {
		snprintf(text, sizeof text, "message %u", i);
		ck_assert_uint_eq(i, add_message(link, INBOX, i % 3, text));
	}
	flags_in(link, INBOX, 2, 4, FLAGS_SET, FLAG_FLAGGED);
	ck_assert_int_eq(WIRE_OK, expunge_in(link, INBOX, 6, 6, false, &gone));
	ck_assert_int_eq(WIRE_OK, copy_in(link, INBOX, 7, 8,
	    status_of(link, "c/d").mailbox, true, &copied));
}

START_TEST(all_comes_back)
{
	struct slice mine, theirs;
	struct engine_figures f;

	begin();
	fill(l);
	fill(other);
	mine = everything(l);
	theirs = everything(other);
	again(NULL);
	engine_figures(store.engine, &f);
	ck_assert(f.rebuilt);
	ck_assert_uint_eq(f.quarantined, 0);
	ck_assert(slice_eq(mine, everything(l)));
	ck_assert(slice_eq(theirs, everything(other)));
	ck_assert_uint_eq(11, add_message(l, INBOX, 0, "new"));
	check_box(l, "INBOX");
	check_box(l, "c/d");
	end();
}
END_TEST

/* ---- rot */

static uint32_t	 victim;

/* The record of user 7 that first names this UID of INBOX. */
static void
rot(void)
{
	static char bytes[4 << 20];
	char key[17], path[128];
	size_t n;
	char *at;
	FILE *f;

	be64_put(key, 7);
	key[8] = TABLE_MESSAGES;
	be32_put(key + 9, INBOX);
	be32_put(key + 13, victim);
	snprintf(path, sizeof path, "%s/log/s00000001", world.dir);
	ck_assert_ptr_nonnull(f = fopen(path, "r+"));
	n = fread(bytes, 1, sizeof bytes, f);
	ck_assert_ptr_nonnull(at = memmem(bytes, n, key, sizeof key));
	ck_assert_int_eq(0, fseek(f, at - bytes, SEEK_SET));
	ck_assert_int_eq('x', fputc('x', f));
	ck_assert_int_eq(0, fclose(f));
}

static void
rot_reported(void)
{
	struct engine_figures f;

	engine_figures(store.engine, &f);
	ck_assert(f.rebuilt);
	ck_assert_uint_eq(f.quarantined, 1);
}

static void
rows_make(void)
{
	char text[32];

	open_box(l, "INBOX");
	for (unsigned i = 1; i <= 10; i++) {
		snprintf(text, sizeof text, "message %u", i);
		ck_assert_uint_eq(i, add_message(l, INBOX, 0, text));
	}
	/* A later group: so it was durable, and is not a torn tail. */
	fill(other);
}

/* Each message but the lost one, and counters that are right. */
static void
rest_is_served(void)
{
	char text[32];

	check_box(l, "INBOX");
	ck_assert_uint_eq(9, status_of(l, "INBOX").messages);
	ck_assert_uint_eq(quota_used(l), status_of(l, "INBOX").bytes);
	for (uint32_t uid = 1; uid <= 10; uid++) {
		snprintf(text, sizeof text, "message %u", uid);
		if (uid != victim)
			ck_text(fetch(l, uid), text);
	}
}

START_TEST(rot_in_rows)
{
	uint64_t modseq;
	uint32_t uid;

	victim = (uint32_t)_i;
	begin();
	rows_make();
	modseq = status_of(l, "INBOX").modseq;
	again(rot);
	rot_reported();
	rest_is_served();
	ck_assert_uint_ge(status_of(l, "INBOX").modseq, modseq);
	ck_assert_uint_gt(uid = add_message(l, INBOX, 0, "new"), 10);
	ck_assert_uint_gt(status_of(l, "INBOX").modseq, modseq);
	/* Of the others, too, nobody knows what was lost: only that goes on. */
	ck_assert_uint_gt(add_message(other, INBOX, 0, "new"), 10);
	ck_text(fetch(other, 2), "message 2");
	check_box(other, "INBOX");
	check_box(other, "c/d");
	/* And so it stays. */
	again(NULL);
	ck_assert_uint_gt(add_message(l, INBOX, 0, "newer"), uid);
	ck_text(fetch(l, uid), "new");
	end();
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, all_comes_back);
	/* An older one, and the newest. */
	tcase_add_loop_test(t, rot_in_rows, 5, 6);
	tcase_add_loop_test(t, rot_in_rows, 10, 11);
}

int
main(void)
{
	return suite_run("mend", add);
}
