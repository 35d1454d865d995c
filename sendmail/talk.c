/*
 * -bs: SMTP on standard input and output, for programs that like it better
 * than options.  Each message goes into a file of its own; its 250 means that
 * the file is there, and what the server thinks of it the sender hears by
 * mail.
 */
#include "sendmail/sendmail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/mail/addr.h"

enum { COMMAND_MAX = 2048, RCPTS_MAX = 1000 };

static struct dropped	tx;
static bool		open_tx;

static void
say(const char *reply)
{
	printf("%s\r\n", reply);
	fflush(stdout);
}

/* A line of any length without its end; NULL: there is no more. */
static const char *
line_get(size_t *n)
{
	static char *line;
	static size_t cap;
	ssize_t got = getline(&line, &cap, stdin);

	if (got <= 0)
		return NULL;
	while (got > 0 && (line[got - 1] == '\n' || line[got - 1] == '\r'))
		got--;
	line[got] = '\0';
	*n = (size_t)got;
	return line;
}

static void
reset(void)
{
	tx = (struct dropped){ 0 };
	open_tx = false;
}

/* "FROM:" or "TO:", a path, and parameters that are accepted and left out. */
static bool
path_get(struct slice arg, struct slice keyword, unsigned how,
    struct slice *address)
{
	struct addr_error e;
	struct path p;

	if (!slice_istarts(arg, keyword) || !path_parse(&front.arena,
	    slice_drop(arg, keyword.n), how | ADDR_MAY_BARE, &p, &e))
		return false;
	if ((p.addr.flags & ADDR_NULL) == 0 && p.addr.domain.n == 0)
		p.addr.domain = front.conf.server_name;
	*address = addr_text(&front.arena, &p.addr);
	return true;
}

static void
do_mail(struct slice arg)
{
	if (open_tx)
		say("503 5.5.1 one at a time");
	else if (!path_get(arg, SLICE("FROM:"), ADDR_MAY_NULL, &tx.from))
		say("501 5.1.7 MAIL FROM:<address>");
	else {
		open_tx = true;
		say("250 2.1.0 ok");
	}
}

static void
do_rcpt(struct slice arg)
{
	struct slice to;

	if (!open_tx)
		say("503 5.5.1 MAIL first");
	else if (tx.n >= RCPTS_MAX)
		say("452 4.5.3 enough recipients");
	else if (!path_get(arg, SLICE("TO:"), 0, &to) || to.n == 0)
		say("501 5.1.3 RCPT TO:<address>");
	else {
		/* As it is said, not as a list of addresses. */
		struct slice *more = arena_array(&front.arena, tx.n + 1,
		    sizeof *more);

		if (tx.n > 0)
			memcpy(more, tx.to, tx.n * sizeof *more);
		more[tx.n++] = to;
		tx.to = more;
		say("250 2.1.5 ok");
	}
}

/* False: standard input ended before the message did. */
static bool
data_read(struct buf *b, bool *big)
{
	const char *line;
	size_t n;

	while ((line = line_get(&n)) != NULL) {
		if (strcmp(line, ".") == 0 && n == 1)
			return true;
		*big |= b->n + n > front.conf.message_max;
		if (*big)
			continue;
		/* RFC 5321 4.5.2 */
		buf_add(b, line + (*line == '.'), n - (*line == '.'));
		buf_str(b, "\r\n");
	}
	return false;
}

static bool
do_data(void)
{
	struct buf raw = { 0 }, letter = { 0 };
	struct slice author = tx.from;
	const char *why = "";
	bool big = false, whole;

	if (tx.n == 0) {
		say("503 5.5.1 RCPT first");
		return true;
	}
	say("354 go on, and end with a dot");
	if (!(whole = data_read(&raw, &big)))
		goto end;
	if (big) {
		say("552 5.3.4 too large");
		goto end;
	}
	/* A CR inside of a line ends it, as in letter_read. */
	for (size_t i = 0; i < raw.n; i++) {
		buf_char(&letter, raw.p[i]);
		if (raw.p[i] == '\r' && raw.p[i + 1] != '\n')
			buf_char(&letter, '\n');
	}
	if (author.n == 0)
		address_complete(front.user, &author);
	letter_complete(&letter, author);
	if (file_put(&tx, buf_view(&letter), &why) == EX_OK)
		say("250 2.0.0 it is in the drop folder");
	else
		say("451 4.3.0 the drop folder cannot be written");
end:
	buf_free(&raw);
	buf_free(&letter);
	reset();
	return whole;
}

static void
do_hello(bool extended)
{
	printf("250%s%s\r\n", extended ? "-" : " ", front.conf.server_name.p);
	if (extended)
		printf("250-PIPELINING\r\n250-8BITMIME\r\n"
		    "250 ENHANCEDSTATUSCODES\r\n");
	fflush(stdout);
	reset();
}

/* False: the end. */
static bool
obey(struct slice line)
{
	struct slice arg = line, verb = slice_cut(&arg, ' ');

	arg = slice_trim(arg);
	if (line.n > COMMAND_MAX)
		say("500 5.5.2 too long");
	else if (slice_ieq(verb, SLICE("EHLO")) ||
	    slice_ieq(verb, SLICE("HELO")))
		do_hello(slice_ieq(verb, SLICE("EHLO")));
	else if (slice_ieq(verb, SLICE("MAIL")))
		do_mail(arg);
	else if (slice_ieq(verb, SLICE("RCPT")))
		do_rcpt(arg);
	else if (slice_ieq(verb, SLICE("DATA")))
		return do_data();
	else if (slice_ieq(verb, SLICE("RSET")) ||
	    slice_ieq(verb, SLICE("NOOP"))) {
		if (slice_ieq(verb, SLICE("RSET")))
			reset();
		say("250 2.0.0 ok");
	} else if (slice_ieq(verb, SLICE("VRFY")))
		say("252 2.5.0 send and see");
	else if (slice_ieq(verb, SLICE("QUIT"))) {
		say("221 2.0.0 bye");
		return false;
	} else
		say("502 5.5.1 unknown");
	return true;
}

int
talk(void)
{
	const char *line;
	size_t n;

	printf("220 %s ESMTP Postino\r\n", front.conf.server_name.p);
	fflush(stdout);
	while ((line = line_get(&n)) != NULL &&
	    obey(arena_slice(&front.arena, slice_of(line, n))))
		;
	return EX_OK;
}
