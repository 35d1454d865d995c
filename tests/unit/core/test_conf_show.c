/* The way back: what is shown can be said again (UX-10); and the example and
   the manual have each sentence. */
#include "tests/unit/core/conf.h"

#include "common/core/conf_parts.h"

static void
check_fixpoint(const char *text)
{
	char *once;

	ck_assert_msg(parse(text) == 0, "%s", said());
	once = mem_str(slice_str(show(&conf)));
	ck_assert_msg(parse(once) == 0, "%s", said());
	ck_assert_str_eq(show(&conf), once);
	free(once);
}

START_TEST(an_example_is_shown_as_it_was_said)
{
	const struct sentence *s = &conf_sentences[_i];
	char line[256];

	check_fixpoint(s->example);
	snprintf(line, sizeof line, "\n%s", s->example);
	ck_assert_msg(strstr(show(&conf), line) != NULL ||
	    strncmp(show(&conf), s->example, strlen(s->example)) == 0,
	    "%s", show(&conf));
}
END_TEST

START_TEST(what_is_shown_can_be_said)
{
	check_fixpoint("");
	check_fixpoint("server name mail.example.org");
	check_fixpoint("listen lmtp at \"/a b#\" mode 0600\n"
	    "listen smtp on 2001:db8::25\n" "listen lmtp at /c\n"
	    "hold messages at most 0 seconds\nhold messages in at most 0 KB\n"
	    "keep expunged messages for 0 ms\nmailbox quota 1048577 bytes\n"
	    "separate subaddresses with nothing\n"
	    "sent mailbox is \"Envoy\xc3\xa9s hier\"\njunk mailbox is \"#1\"\n");
}
END_TEST

START_TEST(only_defaults_are_marked_so)
{
	parse("accept messages up to 10 MB\nerrors\nlog info and above\n"
	    "run 2 mda processes\n");
	ck_assert_ptr_nonnull(strstr(show(&conf), "up to 10 MB\n"));
	ck_assert_ptr_nonnull(strstr(show(&conf), "143 MB free  # default\n"));
	ck_assert_ptr_nonnull(strstr(show(&conf), "info and above  # default"));
	ck_assert_ptr_nonnull(strstr(show(&conf), "run 2 mda processes\n"));
	ck_assert_ptr_nonnull(strstr(show(&conf), "1 smtpd process  # def"));
	parse("");
	for (struct slice all = slice_str(show(&conf)); all.n > 0;) {
		struct slice line = slice_cut(&all, '\n');

		ck_assert(slice_eq(slice_drop(line, line.n - 11),
		    SLICE("  # default")));
	}
}
END_TEST

START_TEST(changes_that_need_a_restart_are_named)
{
	static const char before[] = "server name a.b\nlisten smtp on *\n"
	    "listen pop3s on *\nrun 2 mda processes\n";
	struct conf old;
	struct buf restart = { 0 };

	conf_parse(&old, slice_str(before), FILENAME, &errors);
	parse("server name c.d\nlisten pop3s on * port 995\n"
	    "listen smtp on *\nrun 2 mda processes\n"
	    "certificate /a key /b\ncache 256 MB of each index\n"
	    "accept messages up to 1 MB\n");
	conf_changes(&old, &conf, &restart);
	ck_assert_str_eq(buf_cstr(&restart), "");
	parse("listen smtp on 1.2.3.4\ndata in /d\nlisten pop3s on *\n"
	    "run 3 mda processes\n");
	conf_changes(&old, &conf, &restart);
	ck_assert_str_eq(buf_cstr(&restart), "data in /d, run 3 mda "
	    "processes, listen smtp on 1.2.3.4 port 25, do not listen smtp "
	    "on * port 25");
	buf_free(&restart);
	conf_free(&old);
}
END_TEST

static char *
file_text(const char *path)
{
	static char text[128 * 1024];
	FILE *f = fopen(path, "r");
	size_t n;

	ck_assert_msg(f != NULL, "%s (run from the top folder)", path);
	n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

START_TEST(the_example_file_is_right)
{
	struct conf_machine machine = { 0, 65536 };
	char *text = file_text("doc/postino.conf.example");

	ck_assert_msg(parse(text) == 0, "%s", said());
	conf_check(&conf, &machine, &errors);
	ck_assert_str_eq(said(), "");
	/* what it has commented out is right, too */
	for (char *p = text; (p = strstr(p, "\n#")) != NULL; p++)
		if (p[2] != ' ')
			p[1] = ' ';
	ck_assert_msg(parse(text) == 0, "%s", said());
}
END_TEST

/* The pattern as mdoc: Ic before words, Ar before slots. */
static void
pattern_mdoc(const struct sentence *s, struct buf *b)
{
	struct slice pattern = slice_str(s->pattern);
	struct pattern_word w;
	bool first = true, slot = false;

	while (pattern_next(&pattern, &w)) {
		if (w.optional)
			buf_str(b, " Op Ic ");
		else if (first || w.slot != slot)
			buf_str(b, w.slot ? " Ar " : " Ic ");
		else
			buf_char(b, ' ');
		slot = w.slot;
		first = false;
		buf_slice(b, word_choose(w.text, true));
	}
}

/* Runs of blanks and newlines as one blank. */
static void
squeeze(struct slice text, struct buf *b)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i] == '\n' ? ' ' : text.p[i];

		if (c != ' ' || b->n == 0 || b->p[b->n - 1] != ' ')
			buf_char(b, c);
	}
}

START_TEST(the_manual_has_each_sentence)
{
	const struct sentence *s = &conf_sentences[_i];
	struct buf raw = { 0 }, item = { 0 }, page = { 0 };

	squeeze(slice_str(file_text("doc/postino.conf.5")), &page);
	buf_str(&raw, " .It");
	pattern_mdoc(s, &raw);
	buf_printf(&raw, " %s", s->doc);
	if (s->standard[0] != '\0')
		buf_printf(&raw, " The default is .Ql %s .", s->standard);
	squeeze(buf_view(&raw), &item);
	ck_assert_msg(strstr(buf_cstr(&page), buf_cstr(&item)) != NULL,
	    "%s", item.p);
	buf_clear(&item);
	buf_printf(&item, " .Dl %s .", s->example);
	ck_assert_msg(strstr(buf_cstr(&page), buf_cstr(&item)) != NULL,
	    "%s", item.p);
	buf_free(&raw);
	buf_free(&item);
	buf_free(&page);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_loop_test(t, an_example_is_shown_as_it_was_said, 0,
	    CONF_SENTENCES);
	tcase_add_test(t, what_is_shown_can_be_said);
	tcase_add_test(t, only_defaults_are_marked_so);
	tcase_add_test(t, changes_that_need_a_restart_are_named);
	tcase_add_test(t, the_example_file_is_right);
	tcase_add_loop_test(t, the_manual_has_each_sentence, 0,
	    CONF_SENTENCES);
}

int
main(void)
{
	return conf_suite("conf show", add);
}
