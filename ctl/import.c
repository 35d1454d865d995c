/*
 * user import: many mailboxes from lines of ADDRESS, tab, HASH, [tab, SIZE].
 *
 * All of the input is read and checked before the first mailbox is made, so
 * that a file with a fault in it changes nothing.  Then WINDOW calls are under
 * way at once: they share auth's syncs.  Each mailbox is made or not; a run
 * that was interrupted is finished by another with --skip-existing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/core/log.h"
#include "common/mail/addr.h"
#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/say.h"
#include "ctl/sheet.h"

enum { WINDOW = 256, SHOWN_MAX = 20, PROGRESS_EVERY = 500 };
static const size_t INPUT_MAX = (size_t)1 << 30;

struct entry {
	struct map_node	 node;		/* by the hash of its address */
	unsigned	 line;
	struct slice	 address, hash;
	uint64_t	 limit;
	bool		 exists;
};

static struct import {
	struct entry	*entries;
	size_t		 n, cap;
	struct map	 names;
	struct link	*auth;
	size_t		 next, waiting;
	uint64_t	 added, existed, faults;
	enum wire_status lost;		/* why it cannot go on; OK: it can */
	uint64_t	 begun, told;	/* ms */
} import;

/* ---- the input */

static void
fault(unsigned line, struct slice address, const char *why)
{
	if (++import.faults <= SHOWN_MAX)
		warn("line %u: %s: %s", line, show(slice_take(address, 256)),
		    why);
}

static void
input_read(struct buf *b)
{
	ssize_t n;

	do {
		buf_reserve(b, 65536);
		n = read(STDIN_FILENO, b->p + b->n, 65536);
		b->n += n > 0 ? (size_t)n : 0;
	} while ((n > 0 && b->n < INPUT_MAX) || (n < 0 && errno == EINTR));
	if (n < 0)
		fail(EX_IOERR, "standard input cannot be read",
		    strerror(errno), NULL);
	if (n > 0)
		fail(EX_DATAERR, "this is more than 1 GB",
		    "nothing was changed; split it", NULL);
}

static struct entry *
entry_new(void)
{
	if (import.n == import.cap) {
		import.cap = import.cap * 2 + 1024;
		import.entries = mem_grow(import.entries,
		    import.cap * sizeof *import.entries);
	}
	memset(&import.entries[import.n], 0, sizeof *import.entries);
	return &import.entries[import.n++];
}

static bool
hash_is_possible(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == ':')
			return false;
	return s.n > 0 && s.n < 384;
}

static void
line_take(unsigned line, struct slice s)
{
	struct slice address = slice_cut(&s, '\t'), hash = slice_cut(&s, '\t');
	struct addr_error error;
	struct addr a;
	struct entry *e;
	const char *why;
	uint64_t limit = 0;

	if (!addr_parse(&ctl.arena, address, ADDR_MAY_UTF8, &a, &error))
		fault(line, address, "this is not an address");
	else if (!hash_is_possible(hash))
		fault(line, address, "there is no hash of crypt(5) behind it");
	else if (s.n > 0 && !quota_read(s, &limit, &why))
		fault(line, address, why);
	else {
		e = entry_new();
		*e = (struct entry){ .line = line, .hash = hash,
			.address = addr_text(&ctl.arena, &a), .limit = limit };
	}
}

static struct entry *
entry_named(struct slice address)
{
	struct map_node *n = map_get(&import.names,
	    map_hash(address.p, address.n));
	struct entry *e = n == NULL ? NULL : CONTAINER(n, struct entry, node);

	return e != NULL && slice_eq(e->address, address) ? e : NULL;
}

static void
names_index(void)
{
	for (size_t i = 0; i < import.n; i++) {
		struct entry *e = &import.entries[i];

		if (entry_named(e->address) != NULL)
			fault(e->line, e->address, "it came before");
		map_put(&import.names, &e->node,
		    map_hash(e->address.p, e->address.n));
	}
}

static void
input_take(struct slice input)
{
	for (unsigned line = 1; input.n > 0; line++) {
		struct slice s = slice_cut(&input, '\n');

		if (s.n > 0 && s.p[s.n - 1] == '\r')
			s.n--;
		if (s.n > 0)
			line_take(line, s);
	}
	names_index();
	if (import.faults > 0)
		fail(EX_DATAERR, text("%llu faults in the input",
		    (unsigned long long)import.faults),
		    "nothing was changed", "help user import");
}

/* ---- what is there already */

static void
existing_mark(void)
{
	struct arena arena = { 0 };
	struct user_list_in in = { 0 };
	struct user_list_out out;
	struct buf after = { 0 };

	do {
		arena_reset(&arena);
		in.after = buf_view(&after);
		ask_must(user_list(import.auth, &in, &out, &arena, ASK_WAIT),
		    "cannot list the mailboxes");
		for (size_t i = 0; i < out.n_users; i++) {
			struct entry *e = entry_named(out.users[i].address);

			if (e != NULL)
				e->exists = true;
		}
		if (out.n_users > 0) {
			buf_clear(&after);
			buf_slice(&after, out.users[out.n_users - 1].address);
		}
	} while (out.more && out.n_users > 0);
	arena_free(&arena);
	buf_free(&after);
}

/* ---- the calls */

static void
progress(void)
{
	uint64_t now = loop_clock(), ms = now - import.begun;

	if (ctl.form != FORM_HUMAN || !isatty(STDERR_FILENO) ||
	    now < import.told + PROGRESS_EVERY)
		return;
	import.told = now;
	fprintf(stderr, "\r%zu of %zu, %llu/s, %llu s left   ", import.next,
	    import.n, (unsigned long long)(import.added * 1000 / (ms + 1)),
	    (unsigned long long)((import.n - import.next) * ms /
	    (import.next + 1) / 1000));
}

static void	fill(void);

static void
added(void *arg, enum wire_status status, const void *answer)
{
	const struct user_add_out *out = answer;
	const struct entry *e = arg;
	bool skip = args_has(&ctl.args, OPTION_SKIP_EXISTING);

	import.waiting--;
	if (status != WIRE_OK)
		import.lost = status;
	else if (out->exists && skip)
		import.existed++;
	else if (out->why.n > 0)
		fault(e->line, e->address, show(out->why));
	else
		import.added++;
	progress();
	fill();
}

static void
fill(void)
{
	while (import.waiting < WINDOW && import.next < import.n &&
	    import.lost == WIRE_OK) {
		struct entry *e = &import.entries[import.next++];
		struct user_add_in in = { .address = e->address,
			.hash = e->hash, .limit = e->limit };

		if (e->exists) {
			import.existed++;
			continue;
		}
		import.waiting++;
		link_call(import.auth, WIRE_user_add, &in, ASK_WAIT, added,
		    e);
	}
	if (import.waiting == 0)
		loop_stop();
}

/* ---- the result */

static void
result_show(void)
{
	static const struct column columns[] = {
		{ "added", COLUMN_NUMBER, NULL },
		{ "existed", COLUMN_NUMBER, NULL },
		{ "refused", COLUMN_NUMBER, NULL },
	};
	struct sheet s;

	if (ctl.form == FORM_HUMAN && isatty(STDERR_FILENO) &&
	    import.told != 0)
		fputc('\n', stderr);
	sheet_begin(&s, columns, 3);
	sheet_row(&s, (struct cell[]){ { .number = import.added },
	    { .number = import.existed }, { .number = import.faults } });
	sheet_end(&s, NULL);
}

int
cmd_user_import(void)
{
	struct buf input = { 0 };

	input_read(&input);
	input_take(buf_view(&input));
	import.auth = role_dial(ROLE_AUTH);
	if (args_has(&ctl.args, OPTION_SKIP_EXISTING))
		existing_mark();
	import.begun = loop_clock();
	fill();
	if (import.waiting > 0)
		loop_run();
	result_show();
	if (import.lost != WIRE_OK)
		ask_failed(import.lost, "not all mailboxes were added");
	if (import.faults > SHOWN_MAX)
		warn("and %llu more", (unsigned long long)import.faults -
		    SHOWN_MAX);
	buf_free(&input);
	free(import.entries);
	map_free(&import.names);
	return import.faults > 0 ? EX_DATAERR : EX_OK;
}
