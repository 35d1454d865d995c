/*
 * trace: the story of a message, from the connection it came over to the
 * mailbox or the remote server's answer, and that of the reports about it.
 *
 * All lines about a message have its id; those about its session have the
 * number that queue wrote beside the id when it took the message.  So the log
 * is read until nothing is found any more that belongs to it, which is twice,
 * and again for each report.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/core/list.h"
#include "common/core/log.h"
#include "ctl/config.h"
#include "ctl/ctl.h"
#include "ctl/form.h"
#include "ctl/logfile.h"
#include "ctl/queue.h"
#include "ctl/say.h"
#include "ctl/sheet.h"
#include "ctl/story.h"

enum { SESSION_SPAN = 24 * 3600 * 1000 };	/* ms */

/* A line of a story: of a message, of a session, or of both. */
struct told {
	uint64_t	 id, session;
	size_t		 order;		/* in the log */
	struct told	*next;		/* of the same message or session */
	struct log_line	 line;
};

/* What is looked for: messages, or sessions in which a recipient was
   refused. */
struct known {
	struct map_node	 node;
	uint64_t	 when;		/* of a session */
	uint64_t	 session;	/* of a message */
	struct told	*first, **last;	/* what is to be told, in order */
	bool		 done;
};

struct trace {
	struct log_files *files;
	uint64_t	 since, first;	/* the first line there is */
	struct slice	 address;	/* or empty; "@domain" too */
	struct map	 ids, sessions;
	bool		 grown;		/* there is more to look for */
	struct told	*lines;
	size_t		 n, cap;
	struct arena	 arena;		/* of the lines */
	struct arena	 scratch;	/* of one that is being read */
};

/* ---- what is known */

static struct known *
known(const struct map *m, uint64_t key)
{
	struct map_node *n = map_get(m, key);

	return n == NULL ? NULL : CONTAINER(n, struct known, node);
}

static void
learn(struct trace *t, struct map *m, uint64_t key, uint64_t when)
{
	struct known *k;

	if (key == 0 || known(m, key) != NULL)
		return;
	k = arena_array(&ctl.arena, 1, sizeof *k);
	k->when = when;
	map_put(m, &k->node, key);
	t->grown = true;
}

/* Numbers of sessions come again after a while. */
static bool
knows_session(const struct trace *t, const struct log_line *l)
{
	uint64_t number = log_line_number(l, "session");
	const struct known *k = known(&t->sessions, number);

	return k != NULL && slice_starts(l->event, SLICE("smtp_")) &&
	    l->when + SESSION_SPAN > k->when &&
	    l->when < k->when + SESSION_SPAN;
}

static bool
is_address(const struct trace *t, struct slice s)
{
	if (t->address.p[0] != '@')
		return slice_ieq(s, t->address);
	return s.n > t->address.n && slice_ieq(slice_drop(s,
	    s.n - t->address.n), t->address);
}

static bool
names_address(const struct trace *t, const struct log_line *l)
{
	static const char *const fields[] = { "from", "rcpt", "to" };

	for (size_t i = 0; t->address.n > 0 && i < 3; i++)
		if (is_address(t, log_line_field(l, fields[i])))
			return true;
	return false;
}

/* ---- one reading */

static void
keep(struct trace *t, const struct log_line *l, uint64_t id)
{
	struct told *told;

	if (t->n == t->cap) {
		t->cap = 2 * t->cap + 256;
		t->lines = mem_grow(t->lines, t->cap * sizeof *t->lines);
	}
	told = &t->lines[t->n++];
	*told = (struct told){ .id = id, .line = *l, .order = t->n,
		.session = log_line_number(l, "session") };
	log_line_keep(&t->arena, &told->line);
}

/* A report and what it is about are one story; so is where it came from. */
static void
look_at_message(struct trace *t, const struct log_line *l, uint64_t id)
{
	uint64_t about = log_line_id(l, "about");
	struct known *k;

	if (names_address(t, l) || (about != 0 &&
	    known(&t->ids, about) != NULL))
		learn(t, &t->ids, id, 0);
	if ((k = known(&t->ids, id)) == NULL)
		return;
	learn(t, &t->ids, about, 0);
	if (slice_starts(l->event, SLICE("message_"))) {
		k->session = log_line_number(l, "session");
		learn(t, &t->sessions, k->session, l->when);
	}
	keep(t, l, id);
	if (about != 0)
		keep(t, l, about);
}

static void
look_at_session(struct trace *t, const struct log_line *l)
{
	bool refused = slice_eq(l->event, SLICE("smtp_rcpt_refused"));

	if (refused && names_address(t, l))
		learn(t, &t->sessions, log_line_number(l, "session"),
		    l->when);
	if (knows_session(t, l) && (!refused || t->address.n == 0 ||
	    names_address(t, l)))
		keep(t, l, 0);
}

static void
look_at(struct trace *t, struct slice text)
{
	struct log_line l;
	uint64_t id;

	/* Most lines of a log are not even taken apart. */
	if (memmem(text.p, text.n, " id=", 4) == NULL &&
	    memmem(text.p, text.n, " smtp_", 6) == NULL && t->first != 0)
		return;
	if (!log_line_read(&t->scratch, text, &l))
		return;
	if (t->first == 0)
		t->first = l.when;
	if (l.when < t->since)
		return;
	id = log_line_id(&l, "id");
	if (id != 0)
		look_at_message(t, &l, id);
	else
		look_at_session(t, &l);
}

static void
read_all(struct trace *t)
{
	struct slice line;

	do {
		t->grown = false;
		t->n = 0;
		arena_reset(&t->arena);
		log_files_rewind(t->files);
		while (log_files_line(t->files, &line)) {
			look_at(t, line);
			arena_reset(&t->scratch);
		}
	} while (t->grown);
}

/* ---- telling it */

static void
tell_line(const struct log_line *l)
{
	struct buf words = { 0 }, when = { 0 };
	bool bad = slice_eq(l->level, SLICE("warn")) ||
	    slice_eq(l->level, SLICE("error"));

	story_tell(&words, l);
	form_time(&when, l->when);
	printf("  %s.%03u  %-10s  %s%s%s\n", buf_cstr(&when),
	    (unsigned)(l->when % 1000), show(l->process),
	    ctl.color && bad ? "\33[31m" : "", show(buf_view(&words)),
	    ctl.color && bad ? "\33[0m" : "");
	buf_free(&words);
	buf_free(&when);
}

static void
row(struct sheet *s, const struct told *line, uint64_t id)
{
	const struct log_line *l = &line->line;
	struct buf words = { 0 };

	story_tell(&words, l);
	sheet_row(s, (struct cell[]){ { .number = id },
	    { .number = line->session }, { .number = l->when },
	    { .text = l->process }, { .number = l->pid },
	    { .text = l->level }, { .text = l->event },
	    { .text = buf_view(&words) },
	    { .list = l->fields, .n_list = l->n } });
	buf_free(&words);
}

static void
heading(uint64_t id, uint64_t session)
{
	static bool before;

	printf("%s", before ? "\n" : "");
	before = true;
	if (id != 0)
		printf("%016llx\n", (unsigned long long)id);
	else
		printf("session %llu\n", (unsigned long long)session);
}

static bool
is_before(const struct told *a, const struct told *b)
{
	if (a->line.when != b->line.when)
		return a->line.when < b->line.when;
	return a->order < b->order;
}

/* The lines of a message and those of its session, which it may share with
   others; one of both may be NULL. */
static void
tell_one(struct sheet *s, struct known *message, struct known *session)
{
	uint64_t id = message == NULL ? 0 : message->node.key;
	const struct told *a = message == NULL ? NULL : message->first;
	const struct told *b = session == NULL ? NULL : session->first;
	const struct told **next;

	if (ctl.form == FORM_HUMAN)
		heading(id, session == NULL ? 0 : session->node.key);
	while (a != NULL || b != NULL) {
		next = b == NULL || (a != NULL && is_before(a, b)) ? &a : &b;
		if (ctl.form == FORM_HUMAN)
			tell_line(&(*next)->line);
		else
			row(s, *next, id);
		*next = (*next)->next;
	}
}

static struct known *
owner(const struct trace *t, const struct told *line)
{
	return line->id != 0 ? known(&t->ids, line->id) :
	    known(&t->sessions, line->session);
}

static void
hang_up_lines(struct trace *t)
{
	for (size_t i = 0; i < t->n; i++) {
		struct known *k = owner(t, &t->lines[i]);

		t->lines[i].next = NULL;
		if (k->last == NULL)
			k->last = &k->first;
		*k->last = &t->lines[i];
		k->last = &t->lines[i].next;
	}
}

/* Messages in the order in which they are first heard of, then sessions of
   which nothing came but refusals. */
static void
tell_all(struct trace *t, struct sheet *s)
{
	for (size_t i = 0; i < t->n; i++) {
		struct known *k = owner(t, &t->lines[i]), *session;

		if (t->lines[i].id == 0 || k->done)
			continue;
		k->done = true;
		session = known(&t->sessions, k->session);
		if (session != NULL)
			session->done = true;
		tell_one(s, k, session);
		sheet_page(s);
	}
	for (size_t i = 0; i < t->n; i++) {
		struct known *k = owner(t, &t->lines[i]);

		if (t->lines[i].id != 0 || k->done)
			continue;
		k->done = true;
		tell_one(s, NULL, k);
	}
}

static int
by_time(const void *a, const void *b)
{
	return is_before(a, b) ? -1 : 1;
}

/* ---- the command */

static const char *
log_name(void)
{
	const struct conf *c;
	unsigned wrong;

	if (args_has(&ctl.args, OPTION_LOG_FILE))
		return arena_str(&ctl.arena, ctl.args.value[OPTION_LOG_FILE]);
	c = config_read(ctl.file, NULL, &wrong);
	if (slice_eq(c->log_to, SLICE("stderr")))
		fail(EX_UNAVAILABLE, "the log is not a file that can be read",
		    "it goes to stderr; a service manager may have it: "
		    "journalctl -o cat | postino trace --log - ...",
		    "help trace");
	return arena_str(&ctl.arena, c->log_to);
}

static void
look_for(struct trace *t, struct slice word)
{
	if (slice_find(word, '@') < word.n)
		t->address = argument_address(word, true);
	else
		learn(t, &t->ids, queue_id(word), 0);
}

static void
nothing(const struct trace *t, struct slice word)
{
	struct buf since = { 0 };

	if (t->first == 0)
		fail(EX_NOUSER, text("nothing about %s", show(word)),
		    "there are no lines of Postino in this log", NULL);
	form_time(&since, t->first);
	fail(EX_NOUSER, text("nothing about %s", show(word)),
	    text("the log begins %s", buf_cstr(&since)), NULL);
}

int
cmd_trace(void)
{
	static const struct column columns[] = {
		{ "message", COLUMN_ID, "-" },
		{ "session", COLUMN_NUMBER, "-" },
		{ "time", COLUMN_TIME, NULL },
		{ "process", COLUMN_TEXT, NULL },
		{ "pid", COLUMN_NUMBER, NULL },
		{ "level", COLUMN_TEXT, NULL },
		{ "event", COLUMN_TEXT, NULL },
		{ "text", COLUMN_TEXT, NULL },
		{ "fields", COLUMN_FIELDS, NULL },
	};
	static struct trace t;	/* it lives until the exit */
	struct sheet s;

	look_for(&t, ctl.args.words[0]);
	if (args_has(&ctl.args, OPTION_SINCE))
		t.since = argument_time(ctl.args.value[OPTION_SINCE]);
	t.files = log_files_open(log_name(), t.since);
	read_all(&t);
	if (log_files_damaged(t.files) > 0)
		warn("%u of %u log files could not be read to the end",
		    log_files_damaged(t.files), log_files_count(t.files));
	if (t.n == 0)
		nothing(&t, ctl.args.words[0]);
	qsort(t.lines, t.n, sizeof *t.lines, by_time);
	hang_up_lines(&t);
	sheet_begin(&s, columns, 9);
	tell_all(&t, &s);
	sheet_end(&s, NULL);
	return EX_OK;
}
