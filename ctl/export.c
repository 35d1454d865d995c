#include "ctl/export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/core/terms.h"
#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/mail.h"
#include "ctl/progress.h"
#include "ctl/say.h"
#include "ctl/sheet.h"

enum {
	NAME_LONGEST = 200,		/* bytes of a file's name */
	NAME_KEPT = 150,
};

struct exporting {
	struct link	*store;
	const struct format *format;
	int		 dir;
	struct buf	 message;
	struct buf	 subscribed;	/* a name a line */
	struct sheet	 sheet;
};

/* ---- files */

void
export_failed(const char *name)
{
	int code = errno == EACCES || errno == EPERM ? EX_NOPERM :
	    EX_CANTCREAT;

	progress_end();
	fail(code, text("cannot write %s: %s", show(slice_str(name)),
	    strerror(errno)), "what is written stays; the same command goes on "
	    "from there", NULL);
}

int
export_create(int dir, const char *name)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0600);

	if (fd < 0)
		export_failed(name);
	return fd;
}

void
export_write(int fd, const char *name, struct slice s)
{
	ssize_t n;

	while (s.n > 0) {
		if ((n = write(fd, s.p, s.n)) < 0 && errno != EINTR)
			export_failed(name);
		s = slice_drop(s, n > 0 ? (size_t)n : 0);
	}
}

/* A mailbox's name as one of a file; a very long one ends in its number. */
static const char *
file_name(struct slice name, uint32_t mailbox)
{
	struct buf b = { 0 };
	const char *s;

	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if (c == '/')
			buf_char(&b, '.');
		else if (c == '.' || c == '%' || c < ' ' || c == 0x7f)
			buf_printf(&b, "%%%02X", c);
		else
			buf_char(&b, (char)c);
	}
	s = b.n <= NAME_LONGEST ? text("%s", buf_cstr(&b)) :
	    text("%.*s~%u", NAME_KEPT, buf_cstr(&b), mailbox);
	buf_free(&b);
	return s;
}

/* ---- messages */

static void
bytes_read(struct buf *to, int fd, uint64_t n)
{
	ssize_t got = 1;

	buf_reserve(to, n);
	while (to->n < n && (got = read(fd, to->p + to->n, n - to->n)) > 0)
		to->n += (size_t)got;
	close(fd);
	if (to->n < n)
		fail(EX_TEMPFAIL, "a message broke off", "the store ended; the "
		    "same command goes on from there", "status");
}

/* False: it is gone meanwhile. */
static bool
message_read(struct exporting *x, uint32_t mailbox, uint32_t uid)
{
	struct box_fetch_in in = { .mailbox = mailbox, .uid = uid,
		.length = UINT64_MAX };
	struct box_fetch_out out;
	struct arena arena = { 0 };
	enum wire_status status = box_fetch(x->store, &in, &out, &arena,
	    ASK_WAIT);

	buf_clear(&x->message);
	if (status != WIRE_NONE) {
		ask_must(status, text("cannot read message %u", uid));
		if (out.fd > 0)
			bytes_read(&x->message, out.fd, out.size);
		else
			buf_slice(&x->message, out.bytes);
	}
	arena_free(&arena);
	return status != WIRE_NONE;
}

static uint64_t
messages_export(struct exporting *x, struct outgoing *o,
    const struct wire_box *b, uint64_t *written)
{
	struct wire_range all = { 1, UINT32_MAX };
	struct box_list_in in = { .mailbox = b->mailbox, .uids = &all,
		.n_uids = 1 };
	struct box_list_out out;
	struct arena arena = { 0 };
	uint64_t n = 0;

	do {
		arena_reset(&arena);
		ask_must(box_list(x->store, &in, &out, &arena, ASK_WAIT),
		    text("cannot list %s", show(b->name)));
		for (size_t i = 0; i < out.n_entries; i++, n++) {
			const struct wire_entry *e = &out.entries[i];

			progress("%s: %llu of %u", show(b->name),
			    (unsigned long long)n, b->messages);
			if (x->format->has(o, e) ||
			    !message_read(x, b->mailbox, e->uid))
				continue;
			x->format->add(o, e, buf_view(&x->message));
			++*written;
		}
		all.from = out.next;
	} while (out.next != 0);
	arena_free(&arena);
	return n;
}

static void
box_export(struct exporting *x, const struct wire_box *b)
{
	struct box_open_in in = { .name = b->name, .examine = 1 };
	struct box_open_out out;
	struct arena arena = { 0 };
	struct outgoing o = { .dir = x->dir, .uidvalidity = b->uidvalidity,
		.name = file_name(b->name, b->mailbox) };
	uint64_t n = b->messages, written = 0;

	if (x->format == &maildir_format && slice_eq(b->name, SLICE("INBOX")))
		o.name = "";
	ask_must(box_open(x->store, &in, &out, &arena, ASK_WAIT),
	    text("cannot open %s", show(b->name)));
	o.keywords = out.keywords;
	o.n_keywords = out.n_keywords;
	if (x->format->begin(&o)) {
		n = messages_export(x, &o, b, &written);
		x->format->end(&o);
	}
	progress_end();
	sheet_row(&x->sheet, (struct cell[]){ { .text = b->name },
	    { .number = n }, { .number = written } });
	sheet_page(&x->sheet);
	arena_free(&arena);
}

/* ---- the command */

static void
boxes_export(struct exporting *x)
{
	struct box_names_in in = { .after = SLICE("") };
	struct box_names_out out;
	struct arena arena = { 0 };

	do {
		ask_must(box_names(x->store, &in, &out, &arena, ASK_WAIT),
		    "cannot list the mailboxes");
		for (size_t i = 0; i < out.n_boxes; i++) {
			const struct wire_box *b = &out.boxes[i];

			in.after = b->name;
			if ((b->attributes & ATTRIBUTE_SUBSCRIBED) != 0) {
				buf_slice(&x->subscribed, b->name);
				buf_char(&x->subscribed, '\n');
			}
			if (b->mailbox != 0)
				box_export(x, b);
		}
	} while (out.more && out.n_boxes > 0);
	arena_free(&arena);
}

static void
subscriptions_write(const struct exporting *x)
{
	int fd;

	unlinkat(x->dir, "subscriptions", 0);
	fd = export_create(x->dir, "subscriptions");
	export_write(fd, "subscriptions", buf_view(&x->subscribed));
	close(fd);
}

static const struct format *
format_wanted(void)
{
	struct slice word = ctl.args.value[OPTION_FORMAT];

	if (!args_has(&ctl.args, OPTION_FORMAT) ||
	    slice_eq(word, slice_str(maildir_format.name)))
		return &maildir_format;
	if (slice_eq(word, slice_str(mbox_format.name)))
		return &mbox_format;
	fail(EX_USAGE, text("\"%s\" is no format", show(word)),
	    "it is maildir or mbox", "help export");
}

int
cmd_export(void)
{
	static const struct column columns[] = {
		{ "mailbox", COLUMN_TEXT, NULL },
		{ "messages", COLUMN_NUMBER, NULL },
		{ "written", COLUMN_NUMBER, NULL },
	};
	const char *folder = arena_str(&ctl.arena, ctl.args.words[1]);
	struct slice address = argument_address(ctl.args.words[0], false);
	struct exporting x = { .format = format_wanted() };

	x.store = mail_open(address);
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		export_failed(folder);
	x.dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (x.dir < 0)
		export_failed(folder);
	sheet_begin(&x.sheet, columns, 3);
	boxes_export(&x);
	subscriptions_write(&x);
	if (syncfs(x.dir) != 0)
		export_failed(folder);
	sheet_end(&x.sheet, "no mailboxes");
	return EX_OK;
}
