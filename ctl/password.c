#include "ctl/password.h"

#include <crypt.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/say.h"

enum { GENERATED = 23, GROUP = 5, CONTROL_C = 3, CONTROL_BACKSLASH = 28 };

struct slice
secret_view(const struct secret *s)
{
	return slice_of(s->text, s->n);
}

void
secret_wipe(struct secret *s)
{
	mem_wipe(s, sizeof *s);
}

/* No secret in a core file. */
static void
cores_forbid(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
}

/* One line; the byte that ended it, or 0 for the end of the input.  It is
   read byte by byte, so that what follows stays for others. */
static char
line_read(struct secret *s, const char *what)
{
	ssize_t n;
	char c;

	cores_forbid();
	s->n = 0;
	while ((n = read(STDIN_FILENO, &c, 1)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			fail(EX_IOERR, text("the %s cannot be read", what),
			    strerror(errno), NULL);
		if (c == '\n' || c == CONTROL_C || c == CONTROL_BACKSLASH)
			break;
		if (c == '\0' || s->n == SECRET_MAX) {
			secret_wipe(s);
			fail(EX_DATAERR, text("this is no good %s", what),
			    c == '\0' ? "it has a NUL in it" :
			    "it is longer than 511 bytes", NULL);
		}
		s->text[s->n++] = c;
	}
	s->text[s->n] = '\0';
	return n == 0 ? '\0' : c;
}

void
secret_read(struct secret *s, const char *what)
{
	line_read(s, what);
	if (s->n > 0 && s->text[s->n - 1] == '\r')
		s->text[--s->n] = '\0';
	if (s->n == 0)
		fail(EX_DATAERR, text("there is no %s on standard input",
		    what), NULL, NULL);
}

/* Without echo.  Signals from the keyboard would leave the terminal so:
   they end the line instead. */
static void
prompt(struct secret *s, const char *question)
{
	struct termios old, quiet;
	char end;

	if (tcgetattr(STDIN_FILENO, &old) != 0)
		fail(EX_OSERR, "the terminal does not answer", strerror(errno),
		    NULL);
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	quiet.c_lflag |= ICANON;
	quiet.c_cc[VEOL] = CONTROL_C;
	quiet.c_cc[VEOL2] = CONTROL_BACKSLASH;
	fprintf(stderr, "%s: ", question);
	fflush(stderr);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	end = line_read(s, "password");
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
	fputc('\n', stderr);
	if (end != '\n') {
		secret_wipe(s);
		fail(EX_NOINPUT, "stopped; nothing was changed", NULL, NULL);
	}
}

static void
ask_twice(struct secret *s)
{
	struct secret again;
	bool same;

	prompt(s, "New password");
	if (s->n == 0)
		fail(EX_DATAERR, "no password, nothing was changed", NULL,
		    NULL);
	prompt(&again, "Once more");
	same = s->n == again.n && mem_same(s->text, again.text, s->n);
	secret_wipe(&again);
	if (!same) {
		secret_wipe(s);
		fail(EX_DATAERR, "these are two different passwords",
		    "nothing was changed", NULL);
	}
}

/* 20 signs of 32, none like another, in groups that can be read aloud: 100
   bits. */
void
secret_make(struct secret *s)
{
	static const char signs[] = "abcdefghijkmnpqrstuvwxyz23456789";
	unsigned char random[GENERATED];

	cores_forbid();
	if (getrandom(random, sizeof random, 0) != sizeof random)
		fail(EX_OSERR, "no random numbers", strerror(errno), NULL);
	for (s->n = 0; s->n < GENERATED; s->n++)
		s->text[s->n] = s->n % (GROUP + 1) == GROUP ? '-' :
		    signs[random[s->n] % 32];
	s->text[s->n] = '\0';
	mem_wipe(random, sizeof random);
}

void
secret_get(struct secret *s)
{
	if (args_has(&ctl.args, OPTION_GENERATE))
		secret_make(s);
	else if (args_has(&ctl.args, OPTION_PASSWORD_STDIN))
		secret_read(s, "password");
	else if (isatty(STDIN_FILENO))
		ask_twice(s);
	else
		fail(EX_USAGE, "there is no terminal to ask for the password",
		    "say --password-stdin or --generate", NULL);
}

/* ---- hash */

int
cmd_hash(void)
{
	static struct crypt_data data;	/* 32 KiB */
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	struct secret s;
	const char *hash;

	if (isatty(STDIN_FILENO))
		ask_twice(&s);
	else
		secret_read(&s, "password");
	if (crypt_gensalt_rn("$y$", 0, NULL, 0, setting,
	    sizeof setting) == NULL)
		fail(EX_OSERR, "crypt(3) does not know yescrypt",
		    strerror(errno), NULL);
	hash = crypt_rn(s.text, setting, &data, sizeof data);
	secret_wipe(&s);
	if (hash == NULL)
		fail(EX_OSERR, "the password cannot be hashed",
		    strerror(errno), NULL);
	puts(hash);
	mem_wipe(&data, sizeof data);
	return EX_OK;
}
