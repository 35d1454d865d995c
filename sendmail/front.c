/* The modes; see sendmail.h. */
#include "sendmail/sendmail.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/mail/header.h"

struct front front;

void
fail(int code, const char *what, ...)
{
	va_list args;

	fputs("sendmail: ", stderr);
	va_start(args, what);
	vfprintf(stderr, what, args);
	va_end(args);
	fputc('\n', stderr);
	exit(code);
}

/* ---- the configuration */

/* With the group's right, only a file that root has made says where it is to
   be used. */
static bool
is_trusted(int fd)
{
	struct stat s;

	return getegid() == getgid() || (fstat(fd, &s) == 0 &&
	    S_ISREG(s.st_mode) && s.st_uid == 0 &&
	    (s.st_mode & (S_IWGRP | S_IWOTH)) == 0);
}

static void
conf_take(const char *path)
{
	struct buf text = { 0 }, errors = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = 1;

	if (fd < 0 || !is_trusted(fd))
		fail(EX_CONFIG, "%s: %s", path, fd < 0 ? strerror(errno) :
		    "not a file of root's alone");
	while (n > 0 && text.n <= CONF_TEXT_MAX) {
		buf_reserve(&text, 65536);
		if ((n = read(fd, text.p + text.n, 65536)) > 0)
			text.n += (size_t)n;
	}
	close(fd);
	/* What it says else, and whether that is right, is not ours to tell:
	   nobody may read a file's words in our errors. */
	conf_parse(&front.conf, buf_view(&text), path, &errors);
	if (n < 0 || front.conf.server_name.n == 0)
		fail(EX_CONFIG, "%s: no server name is said there", path);
	buf_free(&text);
	buf_free(&errors);
}

/* ---- who calls us */

/* The first part of the fifth field; "&" stands for the login name. */
static struct slice
name_of(const struct passwd *pw)
{
	struct slice all = slice_str(pw->pw_gecos), name;
	size_t at;

	name = slice_cut(&all, ',');
	if ((at = slice_find(name, '&')) == name.n)
		return arena_slice(&front.arena, name);
	return slice_str(arena_printf(&front.arena, "%.*s%c%s%.*s", (int)at,
	    name.p, pw->pw_name[0] >= 'a' && pw->pw_name[0] <= 'z' ?
	    pw->pw_name[0] - 'a' + 'A' : pw->pw_name[0],
	    pw->pw_name[0] != '\0' ? pw->pw_name + 1 : "",
	    (int)(name.n - at - 1), name.p + at + 1));
}

static void
user_take(void)
{
	const struct passwd *pw = getpwuid(getuid());

	if (pw == NULL)
		front.user = slice_str(arena_printf(&front.arena, "uid%u",
		    getuid()));
	else {
		front.user = slice_str(arena_str(&front.arena,
		    slice_str(pw->pw_name)));
		front.name = name_of(pw);
	}
	if (front.options.full_name != NULL)
		front.name = slice_str(front.options.full_name);
}

/* ---- sending */

static void
sender_take(struct dropped *d, struct slice *author)
{
	struct slice said = slice_str(front.options.sender);

	if (!address_complete(front.user, author))
		fail(EX_NOUSER, "\"%s\" makes no mail address", front.user.p);
	d->from = *author;
	if (front.options.sender == NULL)
		return;
	if (said.n == 0 || slice_eq(said, SLICE("<>")))
		d->from = SLICE("");
	else if (address_complete(said, &d->from))
		*author = d->from;
	else
		fail(EX_DATAERR, "-f %s: no mail address", said.p);
}

static int
send_letter(void)
{
	const struct options *o = &front.options;
	struct dropped d = { .notify = o->notify, .ret = o->ret,
		.envid = slice_str(o->envid) };
	struct slice author, header, body;
	struct buf letter = { 0 };
	const char *why;
	int code;

	sender_take(&d, &author);
	for (char **r = o->rcpts; *r != NULL; r++)
		rcpts_add(slice_str(*r), &d);
	letter_read(&letter);
	if (o->from_header) {
		header_split(buf_view(&letter), &header, &body);
		rcpts_of_header(header, &d);
	}
	if (d.n == 0)
		fail(EX_USAGE, o->from_header ? "no recipient in the header" :
		    "no recipient: name one, or say -t");
	letter_complete(&letter, author);
	if ((code = file_put(&d, buf_view(&letter), &why)) != EX_OK)
		fail(code, "%s", why);
	buf_free(&letter);
	return EX_OK;
}

/* ---- what `postino` does */

/* It lies beside us; the group's right stays here. */
static int
run_postino(const char *noun, const char *verb, const char *word)
{
	static const char *const names[] = { "postino", "ctl" };
	char path[4096], *slash;
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 16);
	char *const argv[] = { (char[]){ "postino" }, (char[]){ "-c" },
		mem_str(slice_str(front.options.conf)),
		mem_str(slice_str(noun)), mem_str(slice_str(verb)),
		word != NULL ? mem_str(slice_str(word)) : NULL, NULL };

	if (n < 0 || setresgid(getgid(), getgid(), getgid()) != 0)
		fail(EX_OSERR, "%s", strerror(errno));
	path[n] = '\0';
	slash = strrchr(path, '/');
	for (unsigned i = 0; i < 2; i++) {
		strcpy(slash + 1, names[i]);
		execv(path, argv);
	}
	fail(EX_UNAVAILABLE, "%s: %s", path, strerror(errno));
}

static void
mode_of_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;

	if (strcmp(name, "mailq") == 0)
		front.options.mode = MODE_LIST;
	else if (strcmp(name, "newaliases") == 0)
		front.options.mode = MODE_ALIASES;
}

int
front_main(int argc, char **argv)
{
	umask(077);
	options_read(argc, argv, &front.options);
	mode_of_name(argc > 0 ? argv[0] : "sendmail");
	if (front.options.conf == NULL)
		front.options.conf = "/etc/postino/postino.conf";
	switch (front.options.mode) {
	case MODE_LIST:
		return run_postino("queue", "list", NULL);
	case MODE_FLUSH:
		return run_postino("queue", "retry", "--all");
	case MODE_ALIASES:
		return EX_OK;	/* `postino alias` has effect at once */
	default:
		break;
	}
	conf_take(front.options.conf);
	user_take();
	return front.options.mode == MODE_TALK ? talk() : send_letter();
}
